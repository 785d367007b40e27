// SPDX-License-Identifier: GPL-2.0-or-later
/* snapshot: the second buffer, into which the kernel puts aside what the first one holds. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "instances.h"

struct snapshot {
	struct kernel *k;
	struct kernel_instance *in;
	const char *instance;		/* -B */
	bool has_cpu;			/* -c */
	uint64_t cpu;
	bool take, clear, release;	/* -s, -r, -f */
	char file[64];
};

static int parse(struct snapshot *s, int argc, char **argv, struct err *e)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":B:c:srfh", longs, NULL)) != -1) {
		switch (opt) {
		case 'B': s->instance = optarg; break;
		case 's': s->take = true; break;
		case 'r': s->clear = true; break;
		case 'f': s->release = true; break;
		case 'h': return EXIT_HELP;
		case 'c':
			if (parse_u64(optarg, &s->cpu) || s->cpu > INT32_MAX)
				return usage_error(e, "option -c: '%s' is not the number of a CPU", optarg);
			s->has_cpu = true;
			break;
		default: return option_refused(opt, argv, longs, e);
		}
	}
	if (optind < argc)
		return usage_error(e, "'snapshot' takes no argument '%s'", argv[optind]);
	if (s->take + s->clear + s->release > 1)
		return usage_error(e, "options -s, -r and -f exclude each other");
	if (s->release && s->has_cpu)
		return usage_error(e, "option -f frees the snapshot of all CPUs: -c has no place there");
	return EXIT_OK;
}

static int find(struct snapshot *s, struct err *e)
{
	if (kernel_instance_get(s->k, s->instance ? s->instance : "", false, &s->in, e))
		return err_wrap(e, "option -B");
	if (!kernel_has(s->in, "snapshot"))
		return err_set(e, -ENOENT, "this kernel keeps no snapshots (it was built without "
			       "CONFIG_TRACER_SNAPSHOT)");
	snprintf(s->file, sizeof(s->file), "snapshot");
	if (s->has_cpu)
		snprintf(s->file, sizeof(s->file), "per_cpu/cpu%d/snapshot", (int)s->cpu);
	if (!kernel_has(s->in, s->file))
		return err_set(e, -ENOENT, "there is no CPU %d", (int)s->cpu);
	return 0;
}

static int act(struct snapshot *s, struct err *e)
{
	kernel_keep_changes(s->k, true);
	/* It takes away what a recorder has not read yet. */
	if (s->take && kernel_instance_lock(s->in, e))
		return e ? e->code : -EBUSY;
	if (s->take)
		return kernel_write(s->in, s->file, "1", e);
	if (s->clear)
		return kernel_write(s->in, s->file, "2", e);
	if (s->release)
		return kernel_write(s->in, s->file, "0", e);
	return instance_print_file(s->in, s->file, false, false, e);
}

static int snapshot_run(int argc, char **argv, struct err *e)
{
	struct snapshot s = { 0 };
	int status = parse(&s, argc, argv, e);

	if (status)
		return status;
	if (kernel_open(NULL, &stderr_notices, &s.k, e) || find(&s, e) || act(&s, e))
		status = EXIT_FAILED;
	kernel_close(s.k);
	return status;
}

const struct command snapshot_command = {
	.name = "snapshot",
	.summary = "take, print, empty or free the snapshot of the kernel's buffer",
	.usage = "[-s | -r | -f] [-c CPU] [-B NAME]",
	.help = "  -s         take it: what the buffer holds now is put aside\n"
		"  -r         empty it\n"
		"  -f         free its memory\n"
		"  -c CPU     of one CPU only\n"
		"  -B NAME    of this instance\n"
		"\nWithout -s, -r and -f it is printed. 'tracecmd extract -s' makes a file of it.\n",
	.on_kernel = true,
	.run = snapshot_run,
};
