// SPDX-License-Identifier: LGPL-2.1-or-later
/* "(CALLER+0xDISTANCE) " in front of what memory was asked for or given back. */
#include "plugins/plugins.h"

static const struct tracecmd_plugin_want fields[] = { { .name = "call_site" }, { 0 } };

static char *call_site_text(const struct tracecmd_plugin_call *c, char *p)
{
	uint64_t addr = tracecmd_plugin_number(c, 0);
	struct tracecmd_plugin_symbol s;

	if (!c->symbol(c, addr, &s))
		return p;
	p = c->room(c, p, s.len + NUMBER_MAX + 8);
	if (!p)
		return NULL;
	*p++ = '(';
	p = put_bytes(p, s.name, s.len);
	*p++ = '+';
	p = put_0x(p, (uint32_t)(addr - s.start));
	return put_bytes(p, ") ", 2);
}

#define KMEM(name) { .system = "kmem", .event = name, .fields = fields, .text = call_site_text, \
		     .prefix = true }
static const struct tracecmd_plugin_text texts[] = {
	KMEM("kmalloc"), KMEM("kmalloc_node"), KMEM("kfree"), KMEM("kmem_cache_alloc"),
	KMEM("kmem_cache_alloc_node"), KMEM("kmem_cache_free"), { 0 },
};

const struct tracecmd_plugin plugin_kmem = {
	.size = sizeof(plugin_kmem), .name = "kmem", .texts = texts,
};
