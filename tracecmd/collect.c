// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * collect: many machines record at once, each by its agent, into one folder. What fails of one of them is told,
 * and costs the others nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock/clock.h"
#include "collect.h"
#include "key.h"
#include "record_output.h"
#include "record_wait.h"
#include "trace_options.h"

#define DEFAULT_DIR "collected"
#define DEFAULT_CLOCK "mono"		/* what times are compared with */
#define SECONDS_LIMIT (366 * 86400u)
#define WAIT_S 30			/* for an agent that does not answer */
#define WAIT_LIMIT_S 86400u
#define LOOK_MS 100			/* between looks at the time, and at what has failed */

enum { OPT_MAX_TIME = 256, OPT_WAIT, OPT_KEY_FILE, OPT_KEY_OPTIONAL, OPT_NOTIMEOUT, OPT_TSYNC_INTERVAL };

static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'd' },
	{ "max-time", required_argument, NULL, OPT_MAX_TIME },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ "key-file", required_argument, NULL, OPT_KEY_FILE },
	{ "key-optional", no_argument, NULL, OPT_KEY_OPTIONAL },
	{ "notimeout", no_argument, NULL, OPT_NOTIMEOUT },
	{ "tsync-interval", required_argument, NULL, OPT_TSYNC_INTERVAL },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

struct collect {
	struct trace_guests machines;
	struct collection all;
	uint64_t max_time_s, wait_s, began_ns;
	const char *key_file;
	bool key_optional, quiet, made_dir;
	struct buf key_bytes;
	struct remote_key key;
	bool compare;			/* clocks */
	struct guests *guests;
	struct guest_opts *opts;
	int signal_fd;
};

/* ---- options -------------------------------------------------------------------------- */

static int take_number(const char *option, uint64_t max, uint64_t *to, struct err *e)
{
	if (parse_u64(optarg, to) || !*to || *to > max)
		return usage_error(e, "option %s: '%s' is not a number from 1 to %" PRIu64, option, optarg, max);
	return EXIT_OK;
}

static int take_interval(struct collect *c, struct err *e)
{
	if (parse_s64(optarg, &c->machines.tsync_ms) || c->machines.tsync_ms > INT32_MAX)
		return usage_error(e, "option --tsync-interval: '%s' is not a number of milliseconds", optarg);
	return EXIT_OK;
}

static int take_option(struct collect *c, int opt, char **argv, struct err *e)
{
	switch (opt) {
	case 'd': c->all.dir = optarg; break;
	case 'q': c->quiet = true; break;
	case OPT_MAX_TIME: return take_number("--max-time", SECONDS_LIMIT, &c->max_time_s, e);
	case OPT_WAIT: return take_number("--wait", WAIT_LIMIT_S, &c->wait_s, e);
	case OPT_KEY_FILE: c->key_file = optarg; break;
	case OPT_KEY_OPTIONAL: c->key_optional = true; break;
	case OPT_NOTIMEOUT: c->machines.unlimited = true; break;
	case OPT_TSYNC_INTERVAL: return take_interval(c, e);
	case 'h': return EXIT_HELP;
	default: return option_refused(opt, argv, long_options, e);
	}
	return EXIT_OK;
}

/* "NAME=PLACE", or the place as -A has it. */
static int add_machine(struct collect *c, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	AUTO_FREE char *name = equals ? strndup(text, equals - text) : NULL;
	int status = trace_guests_add(&c->machines, equals ? equals + 1 : text, e);

	if (!status && equals)
		status = name ? trace_guests_name(&c->machines, name, e) : EXIT_FAILED;
	return status;
}

static int no_memory(struct err *e)
{
	err_set(e, -ENOMEM, "out of memory");
	return EXIT_FAILED;
}

/* The options for machine @i; @clock: an own one is among them. */
static int pass_on(struct collect *c, size_t i, bool clock)
{
	int r = 0;

	for (char **word = c->all.options; *word && !r; word++)
		r = trace_guests_option(&c->machines, i, *word, NULL);
	return r || clock ? r : trace_guests_option(&c->machines, i, "-C", DEFAULT_CLOCK);
}

/* What each is asked for must be what an agent may be asked for, and is known here to be. */
static int check_options(struct collect *c, int argc, char **argv, struct err *e)
{
	struct trace_options o;
	int status = trace_options_parse(TRACE_AGENT, argc, argv, &o, e);
	const char *clock = status ? NULL : o.setup.instances.v[0].clock;

	if (!status)
		c->all.clock = strdup(clock ? clock : DEFAULT_CLOCK);
	trace_options_release(&o);
	if (!status && !c->all.clock)
		return no_memory(e);
	for (size_t i = 0; i < c->machines.nr && !status; i++)
		if (pass_on(c, i, clock))
			status = no_memory(e);
	return status;
}

/* Behind "--" are the options of record: all that the machines are asked for. */
static int parse(struct collect *c, int argc, char **argv, struct err *e)
{
	AUTO_FREE char **asked = NULL;
	int end = 1, opt, status = EXIT_OK;

	while (end < argc && strcmp(argv[end], "--"))
		end++;
	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while (!status && (opt = getopt_long(end, argv, ":d:qh", long_options, NULL)) != -1)
		status = take_option(c, opt, argv, e);
	for (int i = optind; i < end && !status; i++)
		status = add_machine(c, argv[i], e);
	if (status)
		return status;
	if (!c->machines.nr)
		return usage_error(e, "no machine is named: MACHINE... -- OPTIONS of record");
	if (end + 1 >= argc)
		return usage_error(e, "what is to be recorded is missing: -- and options of 'tracecmd record' behind the machines");
	if (c->key_optional && !c->key_file)
		return usage_error(e, "option --key-optional is about a key: give --key-file");
	asked = calloc(argc - end + 1, sizeof(*asked));
	if (!asked)
		return no_memory(e);
	asked[0] = argv[0];
	memcpy(asked + 1, argv + end + 1, (argc - end - 1) * sizeof(*asked));
	c->all.options = argv + end + 1;
	status = check_options(c, argc - end, asked, e);
	return status ? status : trace_guests_check(&c->machines, e);
}

/* ---- before ------------------------------------------------------------------------------ */

/* A folder of its own: nothing of another collection is overwritten, or taken for this one's. 1: made, 0: it was there. */
static int make_dir(const char *path, struct err *e)
{
	DIR *dir;
	struct dirent *d;
	int r = 0;

	if (!mkdir(path, 0777))
		return 1;
	if (errno != EEXIST)
		return err_errno(e, -errno, "cannot make the folder '%s'", path);
	dir = opendir(path);
	if (!dir)
		return err_errno(e, -errno, "cannot collect into '%s'", path);
	while (!r && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			r = err_set(e, -ENOTEMPTY, "cannot collect into '%s': it is not empty; give another folder (-d)", path);
	closedir(dir);
	return r;
}

static int prepare(struct collect *c, struct err *e)
{
	uint64_t trace_id;
	int r = c->key_file ? key_read(c->key_file, &c->key_bytes, &c->key, e) : 0;

	c->key.optional = c->key_optional;
	if (!r)
		r = make_dir(c->all.dir, e);
	if (r < 0)
		return r;
	c->made_dir = r;
	c->compare = c->machines.tsync_ms >= 0 && !clock_counts(c->all.clock);
	if (c->machines.tsync_ms >= 0 && !c->compare)
		notice(&stderr_notices, "the trace clock '%s' does not count nanoseconds: clocks are not compared, and times of "
		       "different machines have nothing to do with each other", c->all.clock);
	c->guests = guests_new();
	c->opts = calloc(c->machines.nr, sizeof(*c->opts));
	c->all.v = calloc(c->machines.nr, sizeof(*c->all.v));
	if (!c->guests || !c->opts || !c->all.v)
		return err_errno(e, -ENOMEM, "cannot collect");
	if (getrandom(&trace_id, sizeof(trace_id), 0) < 0)
		return err_errno(e, -errno, "cannot make up an id for the recording");
	for (size_t i = 0; i < c->machines.nr; i++) {
		const struct trace_guest *t = &c->machines.v[i];
		struct collected *to = &c->all.v[c->all.nr];

		to->asked = t;
		if (asprintf(&to->path, "%s/%s.dat", c->all.dir, t->label) < 0) {
			to->path = NULL;
			return err_errno(e, -ENOMEM, "cannot collect");
		}
		c->all.nr++;
		c->opts[i] = (struct guest_opts){
			.label = t->label, .address = t->address, .port = t->port, .cid = t->cid, .cid_port = t->cid_port,
			.path = to->path, .args = t->args.data, .args_len = t->args.len, .argc = t->argc, .key = &c->key,
			.trace_id = trace_id, .answer_ms = c->wait_s * 1000, .unlimited = c->machines.unlimited, .sync = c->compare,
			.sync_interval_ms = c->machines.tsync_ms > 0 ? c->machines.tsync_ms : 0, .clock = c->all.clock,
			.notices = c->quiet ? NULL : &stderr_notices,
		};
	}
	return 0;
}

/* ---- recording ------------------------------------------------------------------------------ */

static int64_t time_of_day_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What has failed by now, once, and soon: somebody may mend it, and begin again. */
static void tell_failed(struct collect *c)
{
	for (size_t i = 0; i < c->all.nr; i++) {
		struct collected *to = &c->all.v[i];
		struct guest_info info;

		guests_info(c->guests, i, &info);
		if (!info.failed)
			continue;
		if (!c->quiet && !*to->why)
			notice(&stderr_notices, "%s: %s", to->asked->label, info.failed->text);
		snprintf(to->why, sizeof(to->why), "%s", info.failed->text);
	}
}

static bool tick(void *ctx)
{
	struct collect *c = ctx;

	tell_failed(c);
	return c->max_time_s && monotonic_ns() - c->began_ns >= c->max_time_s * 1000000000;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

/* Until a signal, the time, or all of them have ended. */
static unsigned wait_for_end(struct collect *c)
{
	const struct record_watch watch = {
		.tick_ms = LOOK_MS, .tick = tick, .flush = nothing, .save = nothing, .ctx = c,
	};
	const struct child none = CHILD_NONE;
	struct watched no_pids = { 0 };
	unsigned signals = 0;

	record_wait(&none, &no_pids, c->signal_fd, guests_ended_fd(c->guests), &watch, &signals, NULL);
	return signals;
}

static int record(struct collect *c, struct err *e)
{
	unsigned signals;
	int r;

	r = guests_add_all(c->guests, c->opts, c->machines.nr, e);
	if (r)
		return r;
	tell_failed(c);
	if (!guests_well(c->guests))
		return err_set(e, -ECONNREFUSED, "none of the machines can be recorded");
	c->all.began_us = time_of_day_us();
	c->began_ns = monotonic_ns();
	r = guests_begin(c->guests, NULL, e);
	if (r)
		return r;
	tell_failed(c);
	if (!c->quiet && !c->max_time_s)
		notice(&stderr_notices, "%zu of %zu machines record; Ctrl-C ends", guests_well(c->guests), c->all.nr);
	signals = wait_for_end(c);
	stop_signals_last(c->signal_fd, signals);
	guests_close(c->guests);
	guests_finish(c->guests, NULL);
	c->all.ended_us = time_of_day_us();
	tell_failed(c);
	return 0;
}

/* The names of those that failed. */
static int tell_result(const struct collect *c, struct err *e)
{
	AUTO_BUF struct buf names = { 0 };
	size_t nr = 0;

	for (size_t i = 0; i < c->all.nr; i++)
		if (*c->all.v[i].why)
			buf_printf(&names, "%s%s", nr++ ? ", " : "", c->all.v[i].asked->label);
	return nr ? err_set(e, -EIO, "%zu of %zu machines were not recorded, or not to the end: %s", nr, c->all.nr, names.data) : 0;
}

static int finish(struct collect *c, struct err *e)
{
	int r;

	for (size_t i = 0; i < c->all.nr; i++) {
		struct guest_info info;

		guests_info(c->guests, i, &info);
		if (info.has_file)
			collected_look(&c->all.v[i]);
		else
			*c->all.v[i].path = 0;
	}
	if (!c->quiet)
		collection_print(&c->all);
	r = collection_write_index(&c->all, e);
	return r ? r : tell_result(c, e);
}

static void release(struct collect *c)
{
	guests_free(c->guests);
	for (size_t i = 0; i < c->all.nr; i++)
		free(c->all.v[i].path);
	free(c->all.v);
	free((char *)c->all.clock);
	free(c->opts);
	buf_release(&c->key_bytes);
	trace_guests_release(&c->machines);
	cleanup_close(&c->signal_fd);
}

static int run(int argc, char **argv, struct err *e)
{
	struct collect c = { .all.dir = DEFAULT_DIR, .wait_s = WAIT_S, .signal_fd = -1 };
	int status = parse(&c, argc, argv, e), r = 0;
	sigset_t mask;

	if (!status) {
		r = prepare(&c, e);
		if (!r && (c.signal_fd = stop_signals_take(&mask, e)) < 0)
			r = c.signal_fd;
		if (!r)
			r = record(&c, e);
		if (!r)
			r = finish(&c, e);
		else if (c.made_dir)
			rmdir(c.all.dir);	/* if nothing came into it */
	}
	release(&c);
	return status ? status : r ? EXIT_FAILED : EXIT_OK;
}

const struct command collect_command = {
	.name = "collect",
	.summary = "record many machines at once, by their agents, into one folder",
	.usage = "[options] MACHINE... -- OPTIONS",
	.runs_command = true,
	.help = "  MACHINE           ADDRESS[:PORT], [ADDRESS]:PORT, a name, CID[:PORT] or [NAME]@CID[:PORT] of vsock; in front\n"
		"                    of it may stand NAME=, which its file has then\n"
		"  OPTIONS           what each records: options of 'tracecmd record' that its agent allows\n"
		"\n  -d, --dir DIR     the folder, which is made (" DEFAULT_DIR ")\n"
		"  --max-time SECONDS\n"
		"                    end then; else by Ctrl-C, or when all of them have ended\n"
		"  --key-file FILE   only agents that prove that they have the same key\n"
		"  --key-optional    there: if one has none, without\n"
		"  --tsync-interval MS\n"
		"                    compare clocks so often; 0: at both ends; negative: never\n"
		"  --wait SECONDS    leave out a machine that does not answer for so long (30)\n"
		"  --notimeout       wait for slow agents however long it takes\n"
		"  -q, --quiet       no table\n"
		"  -h, --help\n"
		"\nEach file is DIR/NAME.dat; DIR/" COLLECT_INDEX " tells of all. Times are this machine's, so that\n"
		"'tracecmd report -i DIR/A.dat -i DIR/B.dat' has one order.\n",
	.run = run,
};
