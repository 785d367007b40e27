// SPDX-License-Identifier: LGPL-2.1-or-later
/* Why the translation look-aside buffer was flushed (enum tlb_flush_reason, linux/mm_types.h). */
#include "plugins/plugins.h"

enum { PAGES, REASON };
static const struct tracecmd_plugin_want fields[] = { { .name = "pages" }, { .name = "reason" }, { 0 } };

static char *flush_text(const struct tracecmd_plugin_call *c, char *p)
{
	static const char *const reasons[] = {
		"flush on task switch", "remote shootdown", "local shootdown", "local mm shootdown",
	};
	uint64_t reason = tracecmd_plugin_number(c, REASON);

	p = put_bytes(p, "pages=", 6);
	p = put_signed(p, tracecmd_plugin_number(c, PAGES));
	p = put_bytes(p, " reason=", 8);
	if (reason < ARRAY_SIZE(reasons))
		p = plugin_put(p, reasons[reason]);
	p = put_bytes(p, " (", 2);
	p = put_signed(p, reason);
	*p++ = ')';
	return p;
}

static const struct tracecmd_plugin_text texts[] = {
	{ .system = "tlb", .event = "tlb_flush", .fields = fields, .text = flush_text, .room = 128 },
	{ 0 },
};

const struct tracecmd_plugin plugin_tlb = { .size = sizeof(plugin_tlb), .name = "tlb", .texts = texts };
