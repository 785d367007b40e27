// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * start: set tracing up as record does, and leave the data in the kernel. If
 * anything fails, the kernel is put back as it was.
 */
#include <errno.h>
#include <signal.h>

#include "child.h"
#include "trace_options.h"

struct start {
	struct trace_options o;
	struct kernel *k;
	struct child_plan plan;
	struct child child;
};

static int switch_on(void *ctx, struct err *e)
{
	struct start *s = ctx;

	return kernel_setup_tracing(s->k, &s->o.setup, true, e);
}

static int set_up(struct start *s, const sigset_t *mask, struct err *e)
{
	struct kernel_setup *setup = &s->o.setup;
	int ret = kernel_setup_apply(s->k, setup, e);

	if (!ret && s->o.command)
		ret = child_fork(&s->child, &s->plan, mask, switch_on, s, e);
	if (!ret && kernel_setup_limits_pids(setup))
		ret = kernel_setup_pids(s->k, setup, s->child.pid, e);
	if (!ret)
		ret = s->o.command ? child_go(&s->child, e) : switch_on(s, e);
	return ret;
}

/* All or nothing: an interrupt comes through before or after. */
static int set_up_or_undo(struct start *s, struct err *e)
{
	sigset_t ends, mask;
	int ret;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &mask);
	ret = set_up(s, &mask, e);
	if (ret)
		kernel_undo(s->k, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return ret;
}

/* The command's end; until then an interrupt is the command's business. */
static int wait_for_command(struct start *s)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	int status;

	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	status = child_wait(&s->child);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	return status;
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
	if (kernel_setup_check(s->k, &s->o.setup, e) ||
	    kernel_setup_lock(s->k, &s->o.setup, e))
		return EXIT_FAILED;
	if (set_up_or_undo(s, e))
		return EXIT_FAILED;
	if (!s->o.command || s->o.fork)
		return EXIT_OK;
	kernel_unlock(s->k);		/* the buffer is there to be shown, cleared and extracted */
	return wait_for_command(s);
}

static int start_run(int argc, char **argv, struct err *e)
{
	struct start s = { .child = CHILD_NONE };
	int status = trace_options_parse(TRACE_START, argc, argv, &s.o, e);

	if (!status)
		status = start(&s, e);
	if (!s.o.fork || status)
		child_release(&s.child);
	child_plan_release(&s.plan);
	kernel_close(s.k);
	trace_options_release(&s.o);
	return status;
}

const struct command start_command = {
	.name = "start",
	.summary = "trace into the kernel's buffers, without a file",
	.usage = "[options] [command [argument...]]",
	.runs_command = true,
	.help = TRACE_EVENTS_HELP
		"  --fork            do not wait for the command to end\n"
		"\nAfterwards: 'tracecmd show' prints the buffer, 'extract' makes a file of it, 'stop'\n"
		"and 'restart' switch recording off and on, 'reset' ends it all.\n",
	.on_kernel = true,
	.run = start_run,
};
