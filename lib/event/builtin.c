// SPDX-License-Identifier: LGPL-2.1-or-later
/* Stacks and raw data; the function graph is in graph.c. */
#include "event/builtin.h"

bool builtin_field(const struct event_slot *slot, const char *name, const struct event_record *rec,
		   uint64_t *ret)
{
	struct tep_format_field *f = tep_find_field(slot->event, name);

	return f && format_number(f, rec->data, rec->len, ret);
}

/* The frames fill the record from the first caller on; an address of all ones
 * ends them early (kernels before 5.4). */
static bool stack_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		       struct buf *out)
{
	struct tep_format_field *f = tep_find_field(slot->event, "caller");
	struct event_db *db = ctx->db;
	unsigned size = db->opts.long_size;
	bool big = db->opts.big_endian;

	if (!f || f->offset < 0 || (uint32_t)f->offset > rec->len || (size != 4 && size != 8))
		return false;
	buf_puts(out, "<stack trace >\n");
	for (uint32_t at = f->offset; size <= rec->len - at; at += size) {
		const uint8_t *p = (const uint8_t *)rec->data + at;
		uint64_t addr = size == 8 ? get_u64(p, big) : get_u32(p, big);
		const char *name;

		if (addr == (size == 8 ? UINT64_MAX : UINT32_MAX))
			break;
		name = event_db_symbol(db, addr, NULL, NULL);
		if (name)
			buf_printf(out, "=> %s (%llx)\n", name, (unsigned long long)addr);
		else
			buf_printf(out, "=> %llx\n", (unsigned long long)addr);
	}
	return true;
}

/* "# ID b1 b2 ..": what was written to trace_marker_raw. */
static bool raw_data_text(struct event_slot *slot, const struct event_record *rec, struct buf *out)
{
	struct tep_format_field *f = tep_find_field(slot->event, "buf");
	const uint8_t *data = rec->data;
	uint64_t id;

	if (!f || f->offset < 0 || (uint32_t)f->offset > rec->len ||
	    !builtin_field(slot, "id", rec, &id))
		return false;
	buf_printf(out, "# %llx", (unsigned long long)id);
	for (uint32_t i = f->offset; i < rec->len; i++)
		buf_printf(out, " %02x", data[i]);
	return true;
}

bool builtin_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		  const struct event_next *next, struct buf *out)
{
	switch (slot->builtin) {
	case BUILTIN_GRAPH_ENTRY:
	case BUILTIN_GRAPH_RETADDR_ENTRY:
		return graph_entry_text(ctx, slot, rec, next, out);
	case BUILTIN_GRAPH_EXIT:
		return graph_exit_text(ctx, slot, rec, out);
	case BUILTIN_KERNEL_STACK:
		return stack_text(ctx, slot, rec, out);
	case BUILTIN_RAW_DATA:
		return raw_data_text(slot, rec, out);
	default:
		return false;
	}
}
