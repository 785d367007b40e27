// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * start: set tracing up as record does, and leave the data in the kernel. set: the same while
 * tracing goes on as it is, with nothing reset. If anything fails, the kernel is put back as it was.
 */
#include <errno.h>
#include <signal.h>

#include "record_wait.h"
#include "trace_options.h"

struct start {
	struct trace_options o;
	struct kernel *k;
	struct child_plan plan;
	struct child child;
	int signals;			/* a descriptor; -1: they are not taken */
};

static int switch_on(void *ctx, struct err *e)
{
	struct start *s = ctx;

	return kernel_setup_tracing(s->k, &s->o.setup, true, e);
}

static int set_up(struct start *s, const sigset_t *mask, struct err *e)
{
	struct kernel_setup *setup = &s->o.setup;
	bool armed = kernel_setup_arms(setup);
	int ret = kernel_setup_apply(s->k, setup, e);

	if (!ret && s->o.command)
		ret = child_fork(&s->child, &s->plan, mask, armed ? NULL : switch_on, s, e);
	if (!ret && kernel_setup_limits_pids(setup))
		ret = kernel_setup_pids(setup, s->child.pid, e);
	if (!ret && (armed || !s->o.command))
		ret = switch_on(s, e);
	if (!ret && armed)
		ret = kernel_setup_arm(s->k, setup, e);
	if (!ret && s->o.command)
		kernel_unlock(s->k);	/* before it runs: the buffer is there to be shown, cleared and extracted */
	return !ret && s->o.command ? child_go(&s->child, e) : ret;
}

static bool waits(const struct start *s)
{
	return s->o.command && !s->o.fork;
}

/* All or nothing: an interrupt comes through before or after, or while the command is waited for. */
static int set_up_or_undo(struct start *s, struct err *e)
{
	sigset_t ends, mask;
	int ret;

	if (waits(s)) {
		s->signals = stop_signals_take(&mask, e);
		if (s->signals < 0)
			return s->signals;
	} else {
		sigemptyset(&ends);
		sigaddset(&ends, SIGINT);
		sigaddset(&ends, SIGTERM);
		sigaddset(&ends, SIGHUP);
		sigprocmask(SIG_BLOCK, &ends, &mask);
	}
	ret = set_up(s, &mask, e);
	if (ret)
		kernel_undo(s->k, NULL);
	if (!waits(s))
		sigprocmask(SIG_SETMASK, &mask, NULL);
	return ret;
}

/* The first signal ends the command, the second one the waiting for it. Its status. */
static int wait_for_command(struct start *s, struct err *e)
{
	struct watched none = { 0 };
	unsigned seen = 0;
	enum record_end why = record_wait(&s->child, &none, s->signals, -1, NULL, &seen, e);

	threads_left_out_tell(&s->o.setup, s->o.quiet ? NULL : &stderr_notices);
	if (why == RECORD_END_COMMAND)
		return child_wait(&s->child);
	child_detach(&s->child);
	return why == RECORD_END_BLIND ? EXIT_FAILED : EXIT_OK;
}

static int start(struct start *s, struct err *e)
{
	const struct notices *notices = s->o.quiet ? NULL : &stderr_notices;

	if (s->o.command && child_plan_make(&s->plan, s->o.command, s->o.user, e))
		return EXIT_FAILED;
	if (kernel_open(NULL, notices, &s->k, e))
		return EXIT_FAILED;
	if (s->o.tell_writes)
		kernel_tell_writes(s->k);
	if (kernel_setup_lock(s->k, &s->o.setup, e) ||
	    kernel_setup_check(s->k, &s->o.setup, e))
		return EXIT_FAILED;
	if (set_up_or_undo(s, e))
		return EXIT_FAILED;
	if (!waits(s))
		return EXIT_OK;
	return wait_for_command(s, e);
}

static int run(enum trace_command which, int argc, char **argv, struct err *e)
{
	struct start s = { .child = CHILD_NONE, .signals = -1 };
	int status = trace_options_parse(which, argc, argv, &s.o, e);

	if (!status)
		status = start(&s, e);
	if (!s.o.fork || status)
		child_release(&s.child);
	child_plan_release(&s.plan);
	cleanup_close(&s.signals);
	kernel_close(s.k);
	trace_options_release(&s.o);
	return status;
}

static int start_run(int argc, char **argv, struct err *e)
{
	return run(TRACE_START, argc, argv, e);
}

static int set_run(int argc, char **argv, struct err *e)
{
	if (argc < 2)
		return usage_error(e, "what is to be set is missing");
	return run(TRACE_SET, argc, argv, e);
}

const struct command start_command = {
	.name = "start",
	.summary = "trace into the kernel's buffers, without a file",
	.usage = "[options] [command [argument...]]",
	.runs_command = true,
	.help = TRACE_EVENTS_HELP TRACE_PROFILE_HELP TRACE_BUFFERS_HELP
		"  --fork            do not wait for the command to end\n"
		"\nAfterwards: 'tracecmd show' prints the buffer, 'extract' makes a file of it, 'stop'\n"
		"and 'restart' switch recording off and on, 'reset' ends it all.\n",
	.on_kernel = true,
	.run = start_run,
};

const struct command set_command = {
	.name = "set",
	.summary = "change what is traced; nothing else is reset, stopped or emptied",
	.usage = "[options] [command [argument...]]",
	.runs_command = true,
	.help = TRACE_EVENTS_HELP TRACE_PROFILE_HELP TRACE_BUFFERS_HELP
		"  --fork            do not wait for the command to end\n"
		"\nWhat is not named stays as it is, as with -K, and so does tracing: on or off ('tracecmd\n"
		"restart' switches it on). 'tracecmd stat' tells what is set, 'reset' ends it all.\n",
	.on_kernel = true,
	.run = set_run,
};
