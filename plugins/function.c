// SPDX-License-Identifier: LGPL-2.1-or-later
/* The function tracer's events, stacks, raw data. */
#include "plugins/plugins.h"

enum { SHOW_PARENT = 1, INDENT = 2, SHOW_OFFSET = 4, SHOW_ARGS = 8 };
static const struct tracecmd_plugin_option options[] = {
	{ .name = "parent", .description = "Name the caller of each function" },
	{ .name = "indent", .description = "Indent functions by who calls them", .on = true },
	{ .name = "offset", .description = "Tell how far an address is into its function" },
	{ .name = "args", .description = "Tell the arguments that were recorded", .on = true },
	{ 0 },
};

/* What a name, an offset, and what is written around them take at most, the name's length aside. */
#define NAME_ROOM (2 * NUMBER_MAX + 16)

/* A symbol that was looked for, name NULL: there is none. */
static char *put_symbol(const struct tracecmd_plugin_call *c, char *p,
			const struct tracecmd_plugin_symbol *s, uint64_t addr)
{
	if (!s->name)
		return put_0x(p, addr);
	p = put_bytes(p, s->name, s->len);
	if (c->options & SHOW_OFFSET) {
		*p++ = '+';
		p = put_0x(p, (uint32_t)(addr - s->start));
		*p++ = ' ';
	}
	return p;
}

enum { IP, PARENT_IP, ARGS };
static const struct tracecmd_plugin_want function_fields[] = {
	{ .name = "ip" }, { .name = "parent_ip" },
	{ .name = "args", .kind = TRACECMD_PLUGIN_REST, .optional = true }, { 0 },
};

static char *put_call(const struct tracecmd_plugin_call *c, char *p, const struct plugin_args *args)
{
	uint64_t ip = tracecmd_plugin_number(c, IP), parent_ip = tracecmd_plugin_number(c, PARENT_IP);
	struct tracecmd_plugin_symbol func = { 0 }, parent = { 0 };
	size_t room = NAME_ROOM + plugin_args_room(args);

	c->symbol(c, parent_ip, &parent);
	c->symbol(c, ip, &func);
	room += func.len + parent.len + NAME_ROOM;
	p = parent.name && c->options & INDENT ?
		c->indent(c, p, parent.name, func.name, room) : c->room(c, p, room);
	if (!p)
		return NULL;
	p = plugin_put_args(put_symbol(c, p, &func, ip), args);
	if (c->options & SHOW_PARENT)
		p = put_symbol(c, put_bytes(p, " <-- ", 5), &parent, parent_ip);
	return p;
}

static char *function_text(const struct tracecmd_plugin_call *c, char *p)
{
	struct plugin_args args = { 0 };

	/* all fields that are no common ones begin behind those */
	if (c->options & SHOW_ARGS && c->fields[ARGS].offset)
		args = (struct plugin_args){ .data = c->data, .at = c->fields[ARGS].offset, .len = c->len,
					     .size = c->long_size, .big_endian = c->big_endian };
	return put_call(c, p, &args);
}

enum { COUNT = PARENT_IP + 1, TOP_DELTA, BOTTOM_DELTA };
static const struct tracecmd_plugin_want repeats_fields[] = {
	{ .name = "ip" }, { .name = "parent_ip" }, { .name = "count" },
	{ .name = "top_delta_ts" }, { .name = "bottom_delta_ts" }, { 0 },
};

static char *repeats_text(const struct tracecmd_plugin_call *c, char *p)
{
	uint64_t delta = tracecmd_plugin_number(c, TOP_DELTA) << 32 |
			 tracecmd_plugin_number(c, BOTTOM_DELTA);

	p = put_call(c, p, &(struct plugin_args){ 0 });
	if (!p)
		return NULL;
	p = put_bytes(p, " (count: ", 9);
	p = put_dec(p, tracecmd_plugin_number(c, COUNT));
	p = put_bytes(p, "  last_ts: ", 11);
	p = c->time(c, p, c->ts - delta);
	*p++ = ')';
	return p;
}

static const struct tracecmd_plugin_want stack_fields[] = {
	{ .name = "caller", .kind = TRACECMD_PLUGIN_REST }, { 0 },
};

/*
 * The frames fill the record from the first caller on; an address that ends in
 * 32 ones ends them early (kernels before 5.4 filled up with all ones). Part of an address
 * at the end is none; libtraceevent's plugin reads on behind the record there.
 */
static char *stack_text(const struct tracecmd_plugin_call *c, char *p)
{
	uint32_t at = c->fields[0].offset, size = c->long_size;

	if (size != 4 && size != 8)
		return NULL;
	p = put_bytes(p, "<stack trace >\n", 15);
	for (; size <= c->len - at; at += size) {
		uint64_t addr = tracecmd_plugin_number_at(c, at, size);
		struct tracecmd_plugin_symbol s = { 0 };

		if ((uint32_t)addr == UINT32_MAX)
			break;
		c->symbol(c, addr, &s);
		p = c->room(c, p, s.len + NAME_ROOM);
		if (!p)
			return NULL;
		p = put_bytes(p, "=> ", 3);
		if (s.name) {
			p = put_bytes(put_symbol(c, p, &s, addr), " (", 2);
			p = put_hex(p, addr);
			*p++ = ')';
		} else {
			p = put_hex(p, addr);
		}
		*p++ = '\n';
	}
	return p;
}

enum { RAW_ID, RAW_BYTES };
static const struct tracecmd_plugin_want raw_fields[] = {
	{ .name = "id" }, { .name = "buf", .kind = TRACECMD_PLUGIN_REST }, { 0 },
};

/* "# ID b1 b2 ..": what was written to trace_marker_raw. */
static char *raw_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = c->room(c, p, NUMBER_MAX + 2 + 3 * (size_t)c->len);
	if (!p)
		return NULL;
	p = put_bytes(p, "# ", 2);
	p = put_hex(p, tracecmd_plugin_number(c, RAW_ID));
	for (uint32_t i = c->fields[RAW_BYTES].offset; i < c->len; i++) {
		*p++ = ' ';
		p = put_hex_digits(p, c->data[i], 2);
	}
	return p;
}

static const struct tracecmd_plugin_text texts[] = {
	{ .system = "ftrace", .event = "function", .fields = function_fields, .text = function_text },
	{ .system = "ftrace", .event = "func_repeats", .fields = repeats_fields,
	  .text = repeats_text, .room = 128 },
	{ .system = "ftrace", .event = "kernel_stack", .fields = stack_fields, .text = stack_text,
	  .room = 16 },
	{ .system = "ftrace", .event = "raw_data", .fields = raw_fields, .text = raw_text },
	{ 0 },
};

const struct tracecmd_plugin plugin_function = {
	.size = sizeof(plugin_function), .name = "ftrace", .texts = texts, .options = options,
};
