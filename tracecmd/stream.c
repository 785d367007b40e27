// SPDX-License-Identifier: GPL-2.0-or-later
/* stream: records as record does, and prints the events as they come. */
#include <signal.h>

#include "record_run.h"

/* Whoever reads us went away: we end for that as other programs do, once the kernel is as it was. */
static void end_unread(const struct sigaction *before)
{
	if (before->sa_handler == SIG_IGN || !out_is_unread())
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

static int run(int argc, char **argv, struct err *e)
{
	struct sigaction before = { .sa_handler = SIG_DFL };
	struct trace_options o;
	int status;

	sigaction(SIGPIPE, NULL, &before);
	status = trace_options_parse(TRACE_STREAM, argc, argv, &o, e);
	if (!status)
		status = record_run(&o, e);
	trace_options_release(&o);
	end_unread(&before);
	return status;
}

const struct command stream_command = {
	.name = "stream",
	.summary = "print events as they come, without a file",
	.usage = "[options] [command [argument...]]",
	.runs_command = true,
	.help = TRACE_EVENTS_HELP TRACE_BUFFERS_HELP
		"\nThe stream\n"
		"  -s USEC           lines are printed so often (200000)\n"
		"  --max-time SECONDS\n"
		"                    end then\n"
		"  -k                leave the tracing settings as they are afterwards\n"
		"  --fail-on-loss    exit status 3 if events were lost\n"
		"  --status-fd N     a line of status each second to this descriptor\n"
		"  --poll            look without being woken\n"
		"  -r PRIO           real-time priority of the readers (1 where it is allowed)\n"
		"  --reader-cpus LIST\n"
		"                    run the recorder's threads on these CPUs only, like 0,2-3\n"
		"  --nosplice        read the buffers instead of splicing\n"
		"  --tsc2nsec        show x86-tsc in nanoseconds\n"
		"  --pid-file FILE   keep the process id there meanwhile\n"
		"\nLines are those of 'tracecmd report'. Ctrl-C ends; with a command, its end does.\n",
	.on_kernel = true,
	.run = run,
};
