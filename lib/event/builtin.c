// SPDX-License-Identifier: LGPL-2.1-or-later
/* Stacks, raw data and function events; graphs, bprint and the rest have files of their own. */
#include "event/builtin.h"
#include "event/fixups.h"

bool builtin_place(struct event_slot *slot, unsigned nr, const char *name)
{
	struct tep_format_field *f = tep_find_field(slot->event, name);

	if (!f || f->flags & TEP_FIELD_IS_ARRAY || f->offset < 0 ||
	    (f->size != 1 && f->size != 2 && f->size != 4 && f->size != 8))
		return false;
	slot->at[nr] = (struct event_place){ .offset = f->offset, .size = f->size };
	if ((uint32_t)f->offset + f->size > slot->text_end)
		slot->text_end = f->offset + f->size;
	return true;
}

/* Where an array that takes the record's rest begins. */
static bool find_rest(struct event_slot *slot, const char *name)
{
	struct tep_format_field *f = tep_find_field(slot->event, name);

	if (!f || f->flags & TEP_FIELD_IS_DYNAMIC || f->offset < 0)
		return false;
	slot->at[0].offset = f->offset;
	if ((uint32_t)f->offset > slot->text_end)
		slot->text_end = f->offset;
	return true;
}

/* ---- stacks ----------------------------------------------------------------------- */

#define FRAME_ROOM (NUMBER_MAX + 8)	/* a frame without its name */

/*
 * The frames fill the record from the first caller on; an address that ends in
 * 32 ones ends them early (kernels before 5.4 filled up with all ones).
 */
static enum event_builtin stack_text(struct event_ctx *ctx, const struct event_slot *slot,
				     const struct event_record *rec, const struct event_next *next,
				     struct buf *out)
{
	unsigned size = ctx->db->opts.long_size;
	bool big = ctx->db->opts.big_endian;
	const uint8_t *data = rec->data;

	(void)next;
	if (size != 4 && size != 8)
		return BUILTIN_NOT;
	/* part of an address, which the plugin reads on from */
	if ((rec->len - slot->at[0].offset) % size && slot->plugin)
		return BUILTIN_NOT;
	buf_puts(out, "<stack trace >\n");
	for (uint32_t at = slot->at[0].offset; size <= rec->len - at; at += size) {
		uint64_t addr = size == 8 ? get_u64(data + at, big) : get_u32(data + at, big);
		const struct ctx_symbol *s;
		char *p;

		if ((uint32_t)addr == UINT32_MAX)
			break;
		s = ctx_symbol(ctx, addr);
		p = buf_room(out, s->len + FRAME_ROOM);
		if (!p)
			break;
		p = put_bytes(p, "=> ", 3);
		if (s->name) {
			p = put_bytes(p, s->name, s->len);
			p = put_bytes(p, " (", 2);
			p = put_hex(p, addr);
			*p++ = ')';
		} else {
			p = put_hex(p, addr);
		}
		*p++ = '\n';
		buf_wrote(out, p);
	}
	return BUILTIN_DONE;
}

/* ---- raw data ---------------------------------------------------------------------- */

/* "# ID b1 b2 ..": what was written to trace_marker_raw. */
static enum event_builtin raw_data_text(struct event_ctx *ctx, const struct event_slot *slot,
					const struct event_record *rec,
					const struct event_next *next, struct buf *out)
{
	const uint8_t *data = rec->data;
	char *p = buf_room(out, NUMBER_MAX + 2 + 3 * (size_t)rec->len);

	(void)next;
	if (!p)
		return BUILTIN_DONE;
	p = put_bytes(p, "# ", 2);
	p = put_hex(p, builtin_number(ctx->db, slot->at[1], rec));
	for (uint32_t i = slot->at[0].offset; i < rec->len; i++) {
		*p++ = ' ';
		p = put_hex_digits(p, data[i], 2);
	}
	buf_wrote(out, p);
	return BUILTIN_DONE;
}

/* ---- functions --------------------------------------------------------------------- */

/* at: ip, parent_ip */
static enum event_builtin function_text(struct event_ctx *ctx, const struct event_slot *slot,
					const struct event_record *rec,
					const struct event_next *next, struct buf *out)
{
	uint64_t ip = builtin_number(ctx->db, slot->at[0], rec);
	uint64_t parent_ip = builtin_number(ctx->db, slot->at[1], rec);
	const struct ctx_symbol *s = ctx_symbol(ctx, parent_ip);
	const char *parent = s->name;

	(void)next;
	s = ctx_symbol(ctx, ip);
	if (parent)
		ctx_put_indent(ctx, rec->cpu, parent, s->name, out);
	if (s->name)
		buf_put(out, s->name, s->len);
	else
		buf_0x(out, ip);
	return BUILTIN_DONE;
}

/* ---- which -------------------------------------------------------------------------- */

static void ftrace_text_find(struct event_slot *slot)
{
	const char *name = slot->pub.name;

	if (!strcmp(name, "kernel_stack") && find_rest(slot, "caller"))
		slot->text = stack_text;
	else if (!strcmp(name, "raw_data") && find_rest(slot, "buf") && builtin_place(slot, 1, "id"))
		slot->text = raw_data_text;
	else if (!strcmp(name, "function") && builtin_place(slot, 0, "ip") &&
		 builtin_place(slot, 1, "parent_ip"))
		slot->text = function_text;
	else
		graph_find(slot);
}

void builtin_find(struct event_db *db, struct event_slot *slot)
{
	if (!slot->plugin)
		bprint_find(slot);
	if (slot->text || db->no_builtins || slot->no_handler || !plugins_are_known(db, slot->event))
		return;
	if (strcmp(slot->pub.system, "ftrace"))
		plugin_text_find(slot);
	else
		ftrace_text_find(slot);
}
