// SPDX-License-Identifier: LGPL-2.1-or-later
/* A function in the print formats of wireless configuration. */
#include "plugins/plugins.h"

static uint64_t le16_to_cpup(const uint64_t *args)
{
	uint16_t v;

	return plugin_peek(args[0], &v, sizeof(v)) ? get_u16(&v, false) : 0;
}

static const struct tracecmd_plugin_function functions[] = {
	{ .name = "__le16_to_cpup", .args = "p", .number = le16_to_cpup },
	{ 0 },
};

const struct tracecmd_plugin plugin_cfg80211 = {
	.size = sizeof(plugin_cfg80211), .name = "cfg80211", .functions = functions,
};
