// SPDX-License-Identifier: GPL-2.0-or-later
/* convert: a trace file in another version or with another compression, or out of perf's. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "dat/dat.h"
#include "input.h"
#include "record/perf_import.h"
#include "validate.h"

struct convert {
	const char *input, *output;
	const char *compression;	/* NULL: not given */
	unsigned version;
	const struct codec *codec;
	bool from_perf;			/* as was said */
	const char *kallsyms;		/* NULL: not given */
	int perf;			/* a perf.data file; -1: it is a trace */
	struct input in;		/* else */
};

enum { OPT_FILE_VERSION = 256, OPT_COMPRESSION, OPT_FROM, OPT_KALLSYMS };

static const struct option long_options[] = {
	{ "file-version", required_argument, NULL, OPT_FILE_VERSION },
	{ "compression", required_argument, NULL, OPT_COMPRESSION },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "kallsyms", required_argument, NULL, OPT_KALLSYMS },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The temporary file goes when a signal ends us. */
static const char *volatile temp_name;

static void on_signal(int sig)
{
	if (temp_name)
		unlink(temp_name);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void watch_signals(const char *temp)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	temp_name = temp;
	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++)
		if (signal(signals[i], on_signal) == SIG_IGN)
			signal(signals[i], SIG_IGN);
}

static int parse_version(const char *text, unsigned *ret, struct err *e)
{
	if (strcmp(text, "6") && strcmp(text, "7"))
		return usage_error(e, "there is no file version '%s', only 6 and 7", text);
	*ret = text[0] - '0';
	return 0;
}

static int parse_from(struct convert *c, const char *text, struct err *e)
{
	if (strcmp(text, "perf"))
		return usage_error(e, "files of '%s' are not known, only those of perf (--from perf)", text);
	c->from_perf = true;
	return 0;
}

/* What is left of the command line: [INPUT] OUTPUT, less what options gave. */
static int parse_names(struct convert *c, int argc, char **argv, struct err *e)
{
	const char *last = argc ? argv[argc - 1] : NULL;

	if (argc && !c->output)
		c->output = argv[--argc];
	if (argc && !c->input)
		c->input = argv[--argc];
	if (argc)
		return usage_error(e, "'%s' is one file name too many", last);
	if (!c->output)
		return usage_error(e, "no output file is named");
	if (!strcmp(c->output, "-"))
		return usage_error(e, "a copy is not written front to back, so it cannot go to standard output: "
				   "give a file's name ('./-' if it is that)");
	if (!c->input)
		c->input = c->from_perf ? "perf.data" : "trace.dat";
	return 0;
}

static int parse_codec(struct convert *c, struct err *e)
{
	const char *name = c->compression;

	if (!name)
		name = c->version == 6 ? "none" : "any";
	if (c->version == 6 && !strcmp(name, "any"))
		name = "none";
	if (codec_choose(name, &c->codec, e))
		return EXIT_USAGE;
	if (c->version == 6 && c->codec)
		return usage_error(e, "a version 6 file cannot be compressed (--compression %s)", name);
	return 0;
}

static int parse(struct convert *c, int argc, char **argv, struct err *e)
{
	int o, r = 0;

	opterr = 0;
	while (!r && (o = getopt_long(argc, argv, ":hi:o:", long_options, NULL)) >= 0) {
		switch (o) {
		case 'i':
			c->input = optarg;
			break;
		case 'o':
			c->output = optarg;
			break;
		case OPT_FILE_VERSION:
			r = parse_version(optarg, &c->version, e);
			break;
		case OPT_COMPRESSION:
			c->compression = optarg;
			break;
		case OPT_FROM:
			r = parse_from(c, optarg, e);
			break;
		case OPT_KALLSYMS:
			c->kallsyms = optarg;
			break;
		case 'h':
			return EXIT_HELP;
		default:
			r = option_refused(o, argv, long_options, e);
		}
	}
	if (!r)
		r = parse_names(c, argc - optind, argv + optind, e);
	return r ? r : parse_codec(c, e);
}

/* What is wrong inside of sub-buffers, which are copied as they are. */
struct damage {
	struct ring_abi abi;
	const char *name;
	uint64_t chunks;
};

static int on_chunk(void *ctx, const struct dat_buffer *b, uint32_t cpu, const struct dat_chunk *k,
		    const void *data, struct err *e)
{
	struct damage *d = ctx;
	struct err why = { 0 };

	(void)e;
	if (validate_pages(&d->abi, b, k, data, &why) && !d->chunks++)
		notice(&stderr_notices, "'%s': CPU %u of buffer '%s': %s", d->name, cpu, b->name,
		       why.text);
	return 0;
}

static int copy_trace(const struct convert *c, int fd, struct err *e)
{
	struct dat_reader *r = c->in.reader;
	struct damage damage = { .name = dat_reader_name(r) };
	const struct dat_copy_check check = { on_chunk, &damage };
	struct dat_writer_opts opts = dat_copy_opts(r, c->version, c->codec);
	struct dat_writer *w;
	int ret = validate_metadata(r, &damage.abi, e);

	if (!ret)
		ret = dat_writer_new(fd, c->output, &opts, &w, e);
	if (!ret) {
		ret = dat_copy(r, w, &check, &stderr_notices, e);
		dat_writer_free(w);
	}
	if (!ret && damage.chunks)
		notice(&stderr_notices, "'%s': sub-buffers in %" PRIu64 " places are damaged; they are "
		       "copied as they are", damage.name, damage.chunks);
	if (ret == -EBADMSG)
		err_hint(e, "a damaged file is not copied");
	return ret ? ret : !!damage.chunks;
}

static int copy_perf(const struct convert *c, int fd, struct err *e)
{
	const struct perf_import_opts opts = {
		.version = c->version, .codec = c->codec, .kallsyms = c->kallsyms, .writer = "tracecmd " TRACECMD_VERSION,
		.notices = &stderr_notices,
	};

	return perf_import(c->perf, c->input, fd, c->output, &opts, e);
}

/* The copy into an open file. 1: as much as there is, but damaged. */
static int write_copy(const struct convert *c, int fd, struct err *e)
{
	int ret = c->perf >= 0 ? copy_perf(c, fd, e) : copy_trace(c, fd, e);

	if (ret >= 0 && fsync(fd) < 0 && errno != EINVAL)
		ret = err_errno(e, -errno, "cannot write '%s'", c->output);
	return ret;
}

/* Whether the output will replace what is read. */
static bool in_place(const struct convert *c)
{
	int fd = c->perf >= 0 ? c->perf : dat_reader_fd(c->in.reader);
	struct stat from, to;

	return fd >= 0 && !fstat(fd, &from) && !stat(c->output, &to) &&
	       from.st_dev == to.st_dev && from.st_ino == to.st_ino;
}

/* 0; 1: done, but the input is damaged or @cut, which has been told; -errno. */
static int convert_opened(const struct convert *c, bool cut, struct err *e)
{
	struct new_file f;
	int ret = new_file_open(&f, c->output, e), damaged;

	if (!ret)
		ret = new_file_seekable(&f, e);
	if (ret) {
		new_file_discard(&f);
		return ret;
	}
	watch_signals(f.temp);
	ret = write_copy(c, f.fd, e);
	damaged = cut || ret > 0;
	if (ret >= 0 && damaged && in_place(c))
		ret = err_set(e, -EBADMSG, "'%s' is not replaced: it is damaged, and what is not copied "
			      "would be gone; give the copy another name", c->output);
	if (ret >= 0)
		ret = new_file_commit(&f, e);
	temp_name = NULL;
	new_file_discard(&f);
	return ret ? ret : damaged;
}

/* ---- which kind of file ---- */

/* Whether the file at the beginning of @fd is perf's; a pipe's beginning would be gone then. */
static bool is_perf(int fd)
{
	char magic[8];
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && !pread_full(fd, magic, sizeof(magic), 0) &&
	       perf_import_is(magic);
}

/* Sets c->perf if it is a perf.data file, which @c may have been told. 0, -errno. */
static int open_perf(struct convert *c, struct err *e)
{
	bool input = !strcmp(c->input, "-");
	/* a FIFO that nobody writes to would never open, unless that is what was asked for */
	int fd = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
			 open(c->input, O_RDONLY | O_CLOEXEC | (c->from_perf ? 0 : O_NONBLOCK));

	if (fd < 0)
		return c->from_perf ? err_errno(e, -errno, "cannot open '%s'", c->input) : 0;
	if (!c->from_perf && !is_perf(fd)) {
		close(fd);
		return 0;
	}
	c->perf = fd;
	if (input)
		c->input = "standard input";
	return 0;
}

static int convert_trace(struct convert *c, struct err *e)
{
	uint64_t cut_at;
	bool cut;
	int r = input_open(c->input, &stderr_notices, &c->in, e);

	if (r)
		return r;
	cut = dat_reader_cut(c->in.reader, &cut_at);
	r = convert_opened(c, c->in.cut || cut, e);
	if (c->in.cut)
		notice(&stderr_notices, "%s", c->in.cut);
	else if (cut)
		notice(&stderr_notices, "'%s' is cut at offset 0x%" PRIx64 ": only what lies before could "
		       "be read", c->input, cut_at);
	dat_reader_close(c->in.reader);
	input_release(&c->in);
	return r;
}

static int run(int argc, char **argv, struct err *e)
{
	struct convert c = { .version = 7, .perf = -1 };
	int r = parse(&c, argc, argv, e);

	if (r)
		return r;
	r = open_perf(&c, e);
	if (!r && c.kallsyms && c.perf < 0)
		return usage_error(e, "'%s' is no file of perf: --kallsyms is for those alone", c.input);
	if (!r)
		r = c.perf >= 0 ? convert_opened(&c, false, e) : convert_trace(&c, e);
	cleanup_close(&c.perf);
	return r ? EXIT_FAILED : EXIT_OK;
}

const struct command convert_command = {
	.name = "convert",
	.summary = "rewrite a trace file in another version or with another compression, or perf's as one",
	.usage = "[options] [INPUT] OUTPUT",
	.help =
	"  -i FILE              file to read (default: trace.dat, with --from perf: perf.data);\n"
	"                       - for standard input\n"
	"  -o FILE              file to write\n"
	"  --file-version N     6 or 7 (default: 7)\n"
	"  --compression NAME   zstd, lz4, zlib, none, or any for the best (default: any;\n"
	"                       version 6 files are never compressed)\n"
	"  --from perf          FILE is what perf record wrote; needed for what comes through a\n"
	"                       pipe, files are known by their beginning\n"
	"  --kallsyms FILE      the kernel's symbols, which perf does not store; /proc/kallsyms if the\n"
	"                       kernel that was recorded still runs\n",
	.run = run,
};
