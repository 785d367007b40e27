// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The function graph tracer's two events. What a line looks like is the
 * kernel's own drawing (kernel/trace/trace_functions_graph.c), with the marks
 * and widths of trace-cmd.
 */
#include "event/builtin.h"
#include "event/fixups.h"

#define NSEC_PER_USEC 1000ull
#define INDENT 2
/* Deeper than any kernel's stack (50); what a file may ask for is endless. */
#define DEPTH_MAX 512

/* What the places of an event are; an entry has the first two and the last two. */
enum { FUNC, DEPTH, CALLTIME, RETTIME, RETVAL, RETADDR, ARGS };

struct graph_exit {
	uint64_t func, depth, nsecs, retval;
	unsigned retval_size;		/* 0: there is none */
};

#define MARK_ROOM 32			/* duration and its mark */
#define CALL_ROOM (4 * NUMBER_MAX + 64)	/* what is no name and no indentation */

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
static char *put_duration(char *p, uint64_t nsecs)
{
	char *start = put_bytes(p, overhead_mark(nsecs), 2);
	unsigned width;

	p = put_dec(start, nsecs / NSEC_PER_USEC);
	if (p - start < 7) {
		*p++ = '.';
		p = put_digits(p, nsecs % NSEC_PER_USEC, 3);
	}
	width = p - start;
	p = put_bytes(p, " us ", 4);
	if (width < 7)
		p = put_fill(p, ' ', 7 - width);
	return put_bytes(p, "|  ", 3);
}

static size_t indent(uint64_t depth)
{
	return INDENT * (depth < DEPTH_MAX ? depth : DEPTH_MAX);
}

static char *put_func(char *p, const struct ctx_symbol *s)
{
	return s->name ? put_bytes(p, s->name, s->len) : put_hex(p, s->addr);
}

static char *put_depth(char *p, const struct event_db *db, uint64_t depth)
{
	if (!db->graph.depth)
		return p;
	p = put_bytes(p, " (", 2);
	p = put_signed(p, (int32_t)depth);
	*p++ = ')';
	return p;
}

/* An errno is told in decimal. */
static char *put_retval(char *p, const struct event_db *db, const struct graph_exit *x)
{
	unsigned shift = 64 - 8 * x->retval_size;
	int64_t v;

	if (!x->retval_size || db->graph.retval_skip || db->compat_31)
		return p;
	v = (int64_t)(x->retval << shift) >> shift;
	p = put_bytes(p, " (ret=", 6);
	if (db->graph.retval_dec || (!db->graph.retval_hex && v < 0 && v >= -4095))
		p = put_signed(p, v);
	else
		p = put_0x(p, x->retval);
	*p++ = ')';
	return p;
}

static void read_exit(const struct event_db *db, const struct event_slot *slot,
		      const struct event_record *rec, struct graph_exit *x)
{
	x->func = builtin_number(db, slot->at[FUNC], rec);
	x->depth = builtin_number(db, slot->at[DEPTH], rec);
	x->nsecs = builtin_number(db, slot->at[RETTIME], rec) -
		   builtin_number(db, slot->at[CALLTIME], rec);
	x->retval_size = slot->at[RETVAL].size;
	if (x->retval_size)
		x->retval = builtin_number(db, slot->at[RETVAL], rec);
}

static enum event_builtin exit_text(struct event_ctx *ctx, const struct event_slot *slot,
				    const struct event_record *rec, const struct event_next *next,
				    struct buf *out)
{
	struct event_db *db = ctx->db;
	const struct ctx_symbol *s = NULL;
	struct graph_exit x;
	char *p;

	(void)next;
	read_exit(db, slot, rec, &x);
	if (db->graph.tailprint)
		s = ctx_symbol(ctx, x.func);
	p = buf_room(out, MARK_ROOM + indent(x.depth) + CALL_ROOM + (s ? s->len : 0));
	if (!p)
		return BUILTIN_DONE;
	p = put_duration(p, x.nsecs);
	p = put_fill(p, ' ', indent(x.depth));
	*p++ = '}';
	if (s) {
		p = put_bytes(p, " /* ", 4);
		p = put_func(p, s);
		p = put_bytes(p, " */", 3);
	}
	p = put_retval(p, db, &x);
	p = put_depth(p, db, x.depth);
	*p++ = '\n';
	buf_wrote(out, p);
	return BUILTIN_DONE;
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
	if (!slot || slot->text != exit_text || rec.len < slot->text_end)
		return false;
	read_exit(db, slot, &rec, x);
	return x->func == func &&
	       event_db_record_pid(db, rec.data, rec.len) ==
	       event_db_record_pid(db, entry->data, entry->len);
}

static void put_caller(struct event_ctx *ctx, uint64_t addr, struct buf *out)
{
	const struct ctx_symbol *s = ctx_symbol(ctx, addr);
	char *p = buf_room(out, s->len + NUMBER_MAX + 16);

	if (!p)
		return;
	p = put_bytes(p, " /* <-", 6);
	p = put_func(p, s);
	buf_wrote(out, put_bytes(p, " */", 3));
}

/* "(ARGUMENTS)"; "()" where none are recorded. */
static void put_args(const struct event_db *db, const struct event_slot *slot,
		     const struct event_record *rec, struct buf *out)
{
	const struct plugin_args args = {
		.data = rec->data, .at = slot->at[ARGS].offset, .len = rec->len,
		.size = db->graph.args && slot->at[ARGS].offset ? db->opts.long_size : 0,
		.big_endian = db->opts.big_endian,
	};
	char *start = buf_room(out, plugin_args_room(&args)), *p;

	if (!start)
		return;
	p = plugin_put_args(start, &args);
	buf_wrote(out, p == start ? put_bytes(p, "()", 2) : p);
}

static enum event_builtin entry_text(struct event_ctx *ctx, const struct event_slot *slot,
				     const struct event_record *rec, const struct event_next *next,
				     struct buf *out)
{
	struct event_db *db = ctx->db;
	uint64_t func = builtin_number(db, slot->at[FUNC], rec);
	uint64_t depth = builtin_number(db, slot->at[DEPTH], rec);
	const struct ctx_symbol *s = ctx_symbol(ctx, func);
	struct graph_exit leaf;
	bool is_leaf = find_leaf(db, rec, func, next, &leaf);
	char *p = buf_room(out, MARK_ROOM + indent(depth) + s->len + CALL_ROOM);

	if (!p)
		return BUILTIN_DONE;
	p = is_leaf ? put_duration(p, leaf.nsecs) : put_bytes(p, "             |  ", 16);
	p = put_fill(p, ' ', indent(depth));
	buf_wrote(out, put_func(p, s));
	put_args(db, slot, rec, out);
	p = buf_room(out, CALL_ROOM);
	if (!p)
		return BUILTIN_DONE;
	p = is_leaf ? put_bytes(p, ";", 1) : put_bytes(p, " {", 2);
	if (is_leaf)
		p = put_retval(p, db, &leaf);
	buf_wrote(out, p);
	if (!db->compat_31 && slot->at[RETADDR].size)
		put_caller(ctx, builtin_number(db, slot->at[RETADDR], rec), out);
	p = buf_room(out, NUMBER_MAX + 4);
	if (p) {
		p = put_depth(p, db, depth);
		*p++ = '\n';
		buf_wrote(out, p);
	}
	if (is_leaf)
		next->take(next->ctx);
	return BUILTIN_DONE;
}

/*
 * The words that an entry ends with: the arguments. An fgraph_retaddr_entry without a field for
 * the caller (after 6.18) has it as the first of them.
 */
static void find_args(const struct event_db *db, struct event_slot *slot)
{
	const struct tep_format_field *f = tep_find_field(slot->event, "args");
	uint32_t at, size = db->opts.long_size;

	if (!f || f->size || f->offset <= 0)
		return;
	at = f->offset;
	if (!slot->at[RETADDR].size && !strcmp(slot->pub.name, "fgraph_retaddr_entry") &&
	    (size == 4 || size == 8)) {
		slot->at[RETADDR] = (struct event_place){ .offset = at, .size = size };
		at += size;
		if (at > slot->text_end)
			slot->text_end = at;
	}
	slot->at[ARGS].offset = at;
}

void graph_find(const struct event_db *db, struct event_slot *slot)
{
	const char *name = slot->pub.name;
	bool is_exit = !strcmp(name, "funcgraph_exit");

	if (!is_exit && strcmp(name, "funcgraph_entry") && strcmp(name, "fgraph_retaddr_entry"))
		return;
	if (!builtin_place(slot, FUNC, "func") || !builtin_place(slot, DEPTH, "depth"))
		return;
	if (!is_exit) {
		builtin_place(slot, RETADDR, "retaddr");
		find_args(db, slot);
		slot->text = entry_text;
		return;
	}
	if (!builtin_place(slot, CALLTIME, "calltime") || !builtin_place(slot, RETTIME, "rettime"))
		return;
	builtin_place(slot, RETVAL, "retval");
	slot->text = exit_text;
}
