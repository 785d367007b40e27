// SPDX-License-Identifier: GPL-2.0-or-later
/* restore: a trace file out of what a recording left behind. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "command.h"
#include "record/left.h"
#include "record/restore.h"

#define DEFAULT_OUTPUT "trace.dat"
#define DEFAULT_PARTIAL "trace-partial.dat"

struct restore_args {
	bool create;			/* -c */
	const char *output, *partial, *tracing_dir, *kallsyms;
	const char *head;		/* the recording's own; NULL: none */
	char **files;
	size_t nr_files;
};

static int parse(struct restore_args *a, int argc, char **argv, struct err *e)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt;

	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":co:i:t:k:h", long_options, NULL)) != -1) {
		switch (opt) {
		case 'c': a->create = true; break;
		case 'o': a->output = optarg; break;
		case 'i': a->partial = optarg; break;
		case 't': a->tracing_dir = optarg; break;
		case 'k': a->kallsyms = optarg; break;
		case 'h': return EXIT_HELP;
		default: return option_refused(opt, argv, long_options, e);
		}
	}
	a->files = argv + optind;
	a->nr_files = argc - optind;
	if (a->create && a->nr_files)
		return usage_error(e, "option -c makes a file of metadata alone; '%s' is for a "
				   "restore with -i", a->files[0]);
	if (a->create && a->partial)
		return usage_error(e, "options -c and -i exclude each other");
	if (a->output && !strcmp(a->output, "-"))
		return usage_error(e, "a trace file is not written front to back, so it cannot go to standard "
				   "output: give a file's name ('./-' if it is that)");
	if (!a->create && !a->nr_files)
		return usage_error(e, "nothing to restore: name the per-CPU files");
	if (a->partial && (a->tracing_dir || a->kallsyms))
		return usage_error(e, "options -t and -k are about the running kernel, -i is a file "
				   "instead of it");
	return EXIT_OK;
}

/*
 * "restore FILE" means all that a recording into it left. Takes its spools for the
 * files, and its head unless metadata come from elsewhere. 1, 0: FILE is a spool
 * itself or nothing of that kind, -errno.
 */
static int find_left(struct restore_args *a, struct left *l, struct err *e)
{
	int r = a->create || a->nr_files != 1 ? 0 : left_find(a->files[0], l, e);

	if (r <= 0)
		return r;
	if (l->live) {
		r = err_set(e, -EBUSY, "'%s' is being recorded still", a->files[0]);
		left_release(l);
		return r;
	}
	if (l->strangers)
		notice(&stderr_notices, "%zu files of another recording are left out: restore them "
		       "by their names", l->strangers);
	a->files = l->spools.v;
	a->nr_files = l->spools.nr;
	if (!a->partial && !a->tracing_dir && !a->kallsyms)
		a->head = l->head;
	return 1;
}

/* 0; 1: but for what was damaged, which has been told; -errno. */
static int restore(const struct restore_args *a, struct restore_opts *o, struct err *e)
{
	const char *output = a->output ? a->output : a->create ? DEFAULT_PARTIAL : DEFAULT_OUTPUT;
	struct new_file file;
	int partly, r = new_file_open(&file, output, e);

	if (!r)
		r = new_file_seekable(&file, e);
	if (!r && a->create)
		r = restore_partial(o, file.fd, output, e);
	else if (!r)
		r = restore_write(o, a->files, a->nr_files, file.fd, output, e);
	partly = r > 0;
	if (r >= 0)
		r = new_file_commit(&file, e);
	new_file_discard(&file);
	return r ? r : partly;
}

static int run_restore(int argc, char **argv, struct err *e)
{
	struct restore_args a = { 0 };
	struct restore_opts o = {
		.writer = "tracecmd " TRACECMD_VERSION, .notices = &stderr_notices,
	};
	struct left l = { 0 };
	int status = parse(&a, argc, argv, e), r;

	if (status)
		return status;
	r = find_left(&a, &l, e);
	if (r < 0)
		return EXIT_FAILED;
	o.kallsyms = a.kallsyms;
	o.spool_codec = a.head;
	if (a.head || a.partial)
		r = dat_reader_open(a.head ? a.head : a.partial, &stderr_notices, &o.partial, e);
	else
		r = kernel_open(a.tracing_dir, &stderr_notices, &o.kernel, e);
	if (!r && a.head && l.same_boot && kernel_open(NULL, NULL, &o.kernel, NULL))
		o.kernel = NULL;	/* task names will be missing */
	if (!r)
		r = restore(&a, &o, e);
	left_release(&l);
	dat_reader_close(o.partial);
	kernel_close(o.kernel);
	return r ? EXIT_FAILED : EXIT_OK;
}

const struct command restore_command = {
	.name = "restore",
	.summary = "make a trace file of the per-CPU files a recording left behind",
	.usage = "[-o FILE] [-i PARTIAL | -t DIR -k FILE] FILE | CPU-FILE...\n"
		 "       tracecmd restore -c [-o PARTIAL] [-t DIR] [-k FILE]",
	.help = "  -o FILE     output (trace.dat; with -c trace-partial.dat)\n"
		"  -i PARTIAL  metadata from this file (see -c), not from this kernel\n"
		"  -c          make a file of this kernel's metadata alone, for -i\n"
		"  -t DIR      metadata from this copy of a tracing directory\n"
		"  -k FILE     symbols from this copy of /proc/kallsyms\n"
		"  -h, --help\n\n"
		"FILE is what the recording was to make: everything it left is taken, with the\n"
		"metadata it kept in FILE.meta. CPU-FILEs are the FILE.cpuN and FILE.INSTANCE.cpuN\n"
		"of a recording that was cut short, by tracecmd or by trace-cmd.\n",
	.run = run_restore,
};
