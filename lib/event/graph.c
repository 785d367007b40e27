// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The function graph tracer's two events. What a line looks like is the
 * kernel's own drawing (kernel/trace/trace_functions_graph.c), with the marks
 * and widths of trace-cmd.
 */
#include "event/builtin.h"

#define NSEC_PER_USEC 1000ull
#define INDENT 2
/* Deeper than any kernel's stack (50); what a file may ask for is endless. */
#define DEPTH_MAX 512

struct graph_exit {
	uint64_t func, calltime, rettime, depth, retval;
	bool has_retval;
	unsigned retval_size;
};

/* Two characters: how long a function took. */
static const char *overhead_mark(uint64_t nsecs)
{
	if (nsecs > 1000 * 1000 * 1000)
		return "$ ";
	if (nsecs > 1000 * 1000)
		return "# ";
	if (nsecs > 100 * 1000)
		return "! ";
	if (nsecs > 10 * 1000)
		return "+ ";
	return "  ";
}

/* "  1.170 us   |  ": 13 columns up to the bar unless the number is longer. */
static void put_duration(struct buf *out, uint64_t nsecs)
{
	uint64_t usecs = nsecs / NSEC_PER_USEC;
	size_t start;

	buf_puts(out, overhead_mark(nsecs));
	start = out->len;
	buf_printf(out, "%llu", (unsigned long long)usecs);
	if (out->len - start < 7)
		buf_printf(out, ".%03u", (unsigned)(nsecs % NSEC_PER_USEC));
	start = out->len - start;
	buf_puts(out, " us ");
	if (start < 7)
		buf_fill(out, ' ', 7 - start);
	buf_puts(out, "|  ");
}

static void put_indent(struct buf *out, uint64_t depth)
{
	buf_fill(out, ' ', INDENT * (depth < DEPTH_MAX ? depth : DEPTH_MAX));
}

static void put_func(struct event_db *db, struct buf *out, uint64_t func)
{
	const char *name = event_db_symbol(db, func, NULL, NULL);

	if (name)
		buf_puts(out, name);
	else
		buf_printf(out, "%llx", (unsigned long long)func);
}

static void put_depth(const struct event_db *db, struct buf *out, uint64_t depth)
{
	if (db->graph.depth)
		buf_printf(out, " (%lld)", (long long)(int32_t)depth);
}

/* An errno is told in decimal. */
static void put_retval(const struct event_db *db, struct buf *out, const struct graph_exit *x)
{
	unsigned shift = 64 - 8 * x->retval_size;
	int64_t v = (int64_t)(x->retval << shift) >> shift;
	bool decimal = db->graph.retval_dec || (!db->graph.retval_hex && v < 0 && v >= -4095);

	if (!x->has_retval || db->graph.retval_skip || db->compat_31)
		return;
	if (decimal)
		buf_printf(out, " (ret=%lld)", (long long)v);
	else
		buf_printf(out, " (ret=0x%llx)", (unsigned long long)x->retval);
}

static bool read_exit(const struct event_slot *slot, const struct event_record *rec,
		      struct graph_exit *x)
{
	struct tep_format_field *f = tep_find_field(slot->event, "retval");

	x->has_retval = f && format_number(f, rec->data, rec->len, &x->retval);
	x->retval_size = x->has_retval ? f->size : 8;
	return builtin_field(slot, "func", rec, &x->func) &&
	       builtin_field(slot, "calltime", rec, &x->calltime) &&
	       builtin_field(slot, "rettime", rec, &x->rettime) &&
	       builtin_field(slot, "depth", rec, &x->depth);
}

/* Whether the next record is the exit of this entry. */
static bool find_leaf(struct event_db *db, const struct event_record *entry, uint64_t func,
		      const struct event_next *next, struct graph_exit *x)
{
	struct event_record rec;
	struct event_slot *slot;

	if (!next || next->peek(next->ctx, &rec) != 1)
		return false;
	/* trace-cmd 3.1 did not look at the CPU */
	if (rec.cpu != entry->cpu && !db->compat_31)
		return false;
	slot = event_db_slot(db, event_db_record_id(db, rec.data, rec.len));
	if (!slot || slot->builtin != BUILTIN_GRAPH_EXIT || !read_exit(slot, &rec, x))
		return false;
	return x->func == func &&
	       event_db_record_pid(db, rec.data, rec.len) ==
	       event_db_record_pid(db, entry->data, entry->len);
}

bool graph_entry_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		      const struct event_next *next, struct buf *out)
{
	struct event_db *db = ctx->db;
	struct graph_exit leaf;
	uint64_t func, depth, caller;
	bool is_leaf;

	if (!builtin_field(slot, "func", rec, &func) || !builtin_field(slot, "depth", rec, &depth))
		return false;
	is_leaf = find_leaf(db, rec, func, next, &leaf);
	if (is_leaf)
		put_duration(out, leaf.rettime - leaf.calltime);
	else
		buf_puts(out, "             |  ");
	put_indent(out, depth);
	put_func(db, out, func);
	buf_puts(out, is_leaf ? "();" : "() {");
	if (is_leaf)
		put_retval(db, out, &leaf);
	if (!db->compat_31 && builtin_field(slot, "retaddr", rec, &caller)) {
		buf_puts(out, " /* <-");
		put_func(db, out, caller);
		buf_puts(out, " */");
	}
	put_depth(db, out, depth);
	buf_puts(out, "\n");
	if (is_leaf)
		next->take(next->ctx);
	return true;
}

bool graph_exit_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		     struct buf *out)
{
	struct event_db *db = ctx->db;
	struct graph_exit x;

	if (!read_exit(slot, rec, &x))
		return false;
	put_duration(out, x.rettime - x.calltime);
	put_indent(out, x.depth);
	buf_puts(out, "}");
	if (db->graph.tailprint) {
		buf_puts(out, " /* ");
		put_func(db, out, x.func);
		buf_puts(out, " */");
	}
	put_retval(db, out, &x);
	put_depth(db, out, x.depth);
	buf_puts(out, "\n");
	return true;
}
