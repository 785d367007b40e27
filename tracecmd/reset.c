// SPDX-License-Identifier: GPL-2.0-or-later
/* reset: tracing as it is after boot, in the instances named. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "control_server.h"
#include "instances.h"
#include "kernel/dynevent.h"
#include "notes.h"

enum { OPT_RECOVER = 256 };

/* One of -B, -a, -t, and what -b and -d behind it want. */
struct wish {
	struct instance_choice choice;
	bool delete;			/* -d */
	uint64_t buffer_kb;		/* -b; 0: as it is */
};

/* What is to be done with one instance. */
struct target {
	struct kernel_instance *in;
	bool delete;
	uint64_t buffer_kb;
};

struct reset {
	struct kernel *k;
	struct { struct wish *v; size_t nr, cap; } wishes;	/* in the command line's order */
	struct { struct target *v; size_t nr, cap; } targets;
	unsigned keep;			/* types of dynamic events */
	bool recover;			/* --recover */
	struct err *e;
};

static int no_memory(struct reset *r)
{
	err_errno(r->e, -ENOMEM, "cannot reset");
	return EXIT_FAILED;
}

/* ---- command line -------------------------------------------------------- */

static int choose(struct reset *r, int opt)
{
	struct wish wish = { .delete = false };
	int status = instance_choice_make(opt, optarg, &wish.choice, r->e);

	if (status)
		return status;
	return vec_push(&r->wishes, wish) ? no_memory(r) : EXIT_OK;
}

/* -b and -d are about what was chosen last: without a choice, the top level. */
static int choose_default(struct reset *r)
{
	return r->wishes.nr ? EXIT_OK : choose(r, 't');
}

static int set_buffer(struct reset *r)
{
	uint64_t kb;
	int status = choose_default(r);

	if (status)
		return status;
	if (parse_u64(optarg, &kb) || kb > UINT32_MAX)
		return usage_error(r->e, "option -b: '%s' is not a size in kilobytes", optarg);
	r->wishes.v[r->wishes.nr - 1].buffer_kb = kb ? kb : 1;
	return EXIT_OK;
}

static int set_delete(struct reset *r)
{
	int status = choose_default(r);
	struct wish *last;

	if (status)
		return status;
	last = &r->wishes.v[r->wishes.nr - 1];
	if (last->choice.opt == 't')
		return usage_error(r->e, "option -d: the top level cannot be deleted, "
				   "only instances (-B, -a)");
	last->delete = true;
	return EXIT_OK;
}

static int set_keep(struct reset *r)
{
	unsigned type = kernel_dyn_type_by_name(optarg);

	if (!type)
		return usage_error(r->e, "option -k: '%s' is no type of dynamic events; there are "
				   "kprobe, kretprobe, uprobe, uretprobe, eprobe, synth, fprobe, tprobe and all", optarg);
	r->keep |= type;
	return EXIT_OK;
}

static int take_options(struct reset *r, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "recover", no_argument, NULL, OPT_RECOVER },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status &&
	       (opt = getopt_long(argc, argv, ":B:atb:dk:h", long_options, NULL)) != -1) {
		switch (opt) {
		case 'h': return EXIT_HELP;
		case 'B': case 'a': case 't': status = choose(r, opt); break;
		case 'b': status = set_buffer(r); break;
		case 'd': status = set_delete(r); break;
		case 'k': status = set_keep(r); break;
		case OPT_RECOVER: r->recover = true; break;
		default: status = option_refused(opt, argv, long_options, r->e);
		}
	}
	if (!status && optind < argc)
		status = usage_error(r->e, "'reset' takes no argument '%s'", argv[optind]);
	if (!status && r->recover && argc > 2)
		status = usage_error(r->e, "option --recover stands alone: it puts back what was there "
				     "before a killed tracecmd");
	return status || r->recover ? status : choose_default(r);
}

/* ---- on the kernel ------------------------------------------------------- */

/* An instance's target, made if it has none. NULL: no memory. */
static struct target *target_of(struct reset *r, struct kernel_instance *in)
{
	for (size_t i = 0; i < r->targets.nr; i++)
		if (r->targets.v[i].in == in)
			return &r->targets.v[i];
	return vec_push(&r->targets, (struct target){ .in = in }) ? NULL : &r->targets.v[r->targets.nr - 1];
}

static int add_wish(struct reset *r, const struct wish *wish)
{
	struct instances list = { 0 };
	int status = instances_add(&list, r->k, &wish->choice, r->e);

	for (size_t i = 0; !status && i < list.nr; i++) {
		struct target *t = target_of(r, list.v[i]);

		if (!t) {
			status = no_memory(r);
			break;
		}
		t->delete |= wish->delete;
		if (wish->buffer_kb)
			t->buffer_kb = wish->buffer_kb;
	}
	instances_release(&list);
	return status;
}

static int resize(struct target *t, struct err *e)
{
	char kb[32];

	if (!t->buffer_kb)
		return 0;
	snprintf(kb, sizeof(kb), "%llu", (unsigned long long)t->buffer_kb);
	return kernel_write(t->in, "buffer_size_kb", kb, e);
}

/* All events go off first: a dynamic event in use cannot be deleted. */
static int reset_targets(struct reset *r)
{
	bool top = false;
	int status = EXIT_OK;

	for (size_t i = 0; !status && i < r->wishes.nr; i++)
		status = add_wish(r, &r->wishes.v[i]);
	if (status)
		return status;
	/* What somebody records is not taken from under him; told before anything changes. */
	for (size_t i = 0; i < r->targets.nr; i++)
		if (kernel_instance_lock(r->targets.v[i].in, r->e))
			return EXIT_FAILED;
	for (size_t i = 0; i < r->targets.nr; i++) {
		struct target *t = &r->targets.v[i];

		top |= !*kernel_instance_name(t->in);
		if (kernel_instance_reset(t->in, r->e))
			return EXIT_FAILED;
		if (t->delete ? kernel_instance_remove(r->k, t->in, r->e) : resize(t, r->e))
			return EXIT_FAILED;
	}
	/* They belong to no instance, so they go with the top level only. */
	if (top && kernel_dyn_remove(r->k, r->keep, r->e))
		return EXIT_FAILED;
	return EXIT_OK;
}

static int reset_run(int argc, char **argv, struct err *e)
{
	struct reset r = { .e = e };
	int status = take_options(&r, argc, argv);

	if (!status && kernel_open(NULL, &stderr_notices, &r.k, e))
		status = EXIT_FAILED;
	if (!status && r.recover) {
		control_remove_dead();
		status = notes_recover(e) ? EXIT_FAILED : EXIT_OK;
	} else if (!status) {
		kernel_keep_changes(r.k, true);
		status = reset_targets(&r);
	}
	vec_release(&r.wishes);
	vec_release(&r.targets);
	kernel_close(r.k);
	return status;
}

const struct command reset_command = {
	.name = "reset",
	.summary = "switch everything off and clear all tracing settings",
	.usage = "[-B NAME]... [-a] [-t] [-b KB] [-d] [-k TYPE]...\n"
		 "       tracecmd reset --recover",
	.help = "  -B NAME    this instance (repeatable)\n"
		"  -a         all instances but the top level\n"
		"  -t         the top level too\n"
		"  -b KB      resize the buffer, per CPU, of what was chosen last\n"
		"  -d         delete the instances chosen last\n"
		"  -k TYPE    keep dynamic events: kprobe, kretprobe, uprobe, uretprobe, eprobe,\n"
		"             synth, fprobe, tprobe or all (repeatable)\n"
		"  --recover  put back what tracecmd changed that was killed together with the\n"
		"             process beside it, which would have done that; nothing else\n"
		"\nWithout a choice: the top level. Dynamic events belong to no instance: they are\n"
		"removed with the top level.\n",
	.on_kernel = true,
	.run = reset_run,
};
