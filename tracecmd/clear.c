// SPDX-License-Identifier: GPL-2.0-or-later
/* clear: empty ring buffers. */
#include "instances.h"

static int clear_run(int argc, char **argv, struct err *e)
{
	struct kernel *k = NULL;
	struct instances list = { 0 };
	int status = instances_from_options(argc, argv, true, &k, &list, e);

	for (size_t i = 0; !status && i < list.nr; i++)
		if (kernel_instance_lock(list.v[i], e))
			status = EXIT_FAILED;
	for (size_t i = 0; !status && i < list.nr; i++)
		if (kernel_truncate(list.v[i], "trace", e))
			status = EXIT_FAILED;
	instances_release(&list);
	kernel_close(k);
	return status;
}

const struct command clear_command = {
	.name = "clear",
	.summary = "empty the kernel's buffers; settings stay",
	.usage = "[-B NAME]... [-a]",
	.help = "  -B NAME    this instance (repeatable)\n"
		"  -a         all instances and the top level\n"
		"\nWithout an option: the top level.\n",
	.on_kernel = true,
	.run = clear_run,
};
