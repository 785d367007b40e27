// SPDX-License-Identifier: LGPL-2.1-or-later
/* Functions in the print formats of ext4's journal. */
#include "plugins/plugins.h"

/* As the kernel packs device numbers (linux/kdev_t.h). */
#define MINOR_BITS 20

static char *dev_to_name(const uint64_t *args, char *p)
{
	uint32_t dev = args[0];

	p = put_dec(p, dev >> MINOR_BITS);
	*p++ = ':';
	return put_dec(p, dev & ((1u << MINOR_BITS) - 1));
}

/* How long a jiffy is, the recording does not tell: they are shown as they are. */
static uint64_t jiffies_to_msecs(const uint64_t *args)
{
	return args[0];
}

static const struct tracecmd_plugin_function functions[] = {
	{ .name = "jbd2_dev_to_name", .args = "i", .text = dev_to_name, .room = 2 * NUMBER_MAX },
	{ .name = "jiffies_to_msecs", .args = "l", .number = jiffies_to_msecs },
	{ 0 },
};

const struct tracecmd_plugin plugin_jbd2 = {
	.size = sizeof(plugin_jbd2), .name = "jbd2", .functions = functions,
};
