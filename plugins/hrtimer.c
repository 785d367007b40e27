// SPDX-License-Identifier: LGPL-2.1-or-later
/* High-resolution timers: their functions by name. */
#include "plugins/plugins.h"

/* libtraceevent makes a function's name in a place of this size. */
#define FUNCTION_MAX 127

/* "NAME/0xDISTANCE" or the address, as libtraceevent's tep_print_func_field. */
static char *put_function(const struct tracecmd_plugin_call *c, char *p, uint64_t addr)
{
	struct tracecmd_plugin_symbol s;
	char *start = p;

	if (!c->symbol(c, addr, &s))
		return plugin_put_0x(p, addr, 8);
	if (s.len >= FUNCTION_MAX)
		return put_bytes(p, s.name, FUNCTION_MAX);
	p = put_bytes(p, s.name, s.len);
	*p++ = '/';
	p = put_0x(p, s.start - addr);
	return p - start > FUNCTION_MAX ? start + FUNCTION_MAX : p;
}

enum { TIMER, FUNCTION, WHEN, SOFT };
static const struct tracecmd_plugin_want start_fields[] = {
	{ .name = "timer", .other_name = "hrtimer" }, { .name = "function" }, { .name = "expires" },
	{ .name = "softexpires" }, { 0 },
};
static const struct tracecmd_plugin_want expire_fields[] = {
	{ .name = "timer", .other_name = "hrtimer" }, { .name = "function" }, { .name = "now" }, { 0 },
};

static char *put_timer(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_bytes(p, "hrtimer=", 8);
	return put_0x(p, tracecmd_plugin_number(c, TIMER));
}

static char *start_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_timer(c, p);
	p = put_bytes(p, " function=", 10);
	p = put_function(c, p, tracecmd_plugin_number(c, FUNCTION));
	p = put_bytes(p, " expires=", 9);
	p = put_dec(p, tracecmd_plugin_number(c, WHEN));
	p = put_bytes(p, " softexpires=", 13);
	return put_dec(p, tracecmd_plugin_number(c, SOFT));
}

static char *expire_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_timer(c, p);
	p = put_bytes(p, " now=", 5);
	p = put_dec(p, tracecmd_plugin_number(c, WHEN));
	p = put_bytes(p, " function=", 10);
	return put_function(c, p, tracecmd_plugin_number(c, FUNCTION));
}

#define ROOM (FUNCTION_MAX + 5 * NUMBER_MAX + 64)
static const struct tracecmd_plugin_text texts[] = {
	{ .system = "timer", .event = "hrtimer_start", .fields = start_fields, .text = start_text,
	  .room = ROOM },
	{ .system = "timer", .event = "hrtimer_expire_entry", .fields = expire_fields,
	  .text = expire_text, .room = ROOM },
	{ 0 },
};

const struct tracecmd_plugin plugin_hrtimer = {
	.size = sizeof(plugin_hrtimer), .name = "hrtimer", .texts = texts,
};
