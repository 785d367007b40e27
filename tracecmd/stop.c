// SPDX-License-Identifier: GPL-2.0-or-later
/* stop and restart: the switch in front of the ring buffers. */
#include <errno.h>

#include "instances.h"
#include "kernel/setup.h"

/* A latency tracer only shows what is longer than the longest so far. */
static int forget_max_latency(struct kernel_instance *in, struct err *e)
{
	char tracer[64];

	if (kernel_read_word(in, "current_tracer", tracer, sizeof(tracer)) ||
	    !kernel_tracer_is_latency(tracer) || !kernel_has(in, "tracing_max_latency"))
		return 0;
	return kernel_write(in, "tracing_max_latency", "0", e);
}

/* It may be meant, so it is done. */
static void tell_user(struct kernel_instance *in, bool on)
{
	const char *name = kernel_instance_name(in);
	char who[64];

	if (kernel_instance_in_use(in, who, sizeof(who)))
		notice(&stderr_notices, "%s uses the buffer of %s%s%s, which gets %s", who,
		       *name ? "instance '" : "the top level", name, *name ? "'" : "",
		       on ? "events again now" : "no more events until 'tracecmd restart'");
}

static int switch_tracing(int argc, char **argv, bool on, struct err *e)
{
	struct kernel *k = NULL;
	struct instances list = { 0 };
	int status = instances_from_options(argc, argv, false, &k, &list, e);

	for (size_t i = 0; !status && i < list.nr; i++) {
		tell_user(list.v[i], on);
		if ((on && forget_max_latency(list.v[i], e)) ||
		    kernel_write(list.v[i], "tracing_on", on ? "1" : "0", e))
			status = EXIT_FAILED;
	}
	instances_release(&list);
	kernel_close(k);
	return status;
}

static int stop_run(int argc, char **argv, struct err *e)
{
	return switch_tracing(argc, argv, false, e);
}

static int restart_run(int argc, char **argv, struct err *e)
{
	return switch_tracing(argc, argv, true, e);
}

#define INSTANCE_OPTIONS \
	"  -B NAME    this instance (repeatable)\n" \
	"  -a         all instances but the top level\n" \
	"  -t         the top level too\n" \
	"\nWithout an option: the top level.\n"

const struct command stop_command = {
	.name = "stop",
	.summary = "stop recording into the kernel's buffers",
	.usage = "[-B NAME]... [-a] [-t]",
	.help = INSTANCE_OPTIONS
		"\nWhat is set up stays set up, and may go on costing time: 'tracecmd reset' ends it.\n",
	.on_kernel = true,
	.run = stop_run,
};

const struct command restart_command = {
	.name = "restart",
	.summary = "go on recording into the kernel's buffers",
	.usage = "[-B NAME]... [-a] [-t]",
	.help = INSTANCE_OPTIONS,
	.on_kernel = true,
	.run = restart_run,
};
