// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Texts as libtraceevent's plugins (1.7.1) make them: sched_switch, hrtimer and
 * kmem. Fields are read as they read them: unsigned, whatever the format says.
 */
#include "event/builtin.h"
#include "event/fixups.h"

/* A comm of fixed place that ends within the record. */
static bool find_comm(const struct event_slot *slot, const char *name, struct event_place *ret)
{
	struct tep_format_field *f = tep_find_any_field(slot->event, name);

	if (!f || f->flags & TEP_FIELD_IS_DYNAMIC || f->offset < 0 || f->size <= 0)
		return false;
	*ret = (struct event_place){ .offset = f->offset, .size = f->size };
	return true;
}

static void use_comm(struct event_slot *slot, unsigned nr, struct event_place comm)
{
	slot->at[nr] = comm;
	if (comm.offset + comm.size > slot->text_end)
		slot->text_end = comm.offset + comm.size;
}

/* "COMM:", its room aside. */
static char *put_comm(char *p, const struct event_record *rec, struct event_place at)
{
	const char *comm = (const char *)rec->data + at.offset;

	p = put_bytes(p, comm, strnlen(comm, at.size));
	*p++ = ':';
	return p;
}

static char *put_prio(char *p, int64_t prio)
{
	*p++ = '[';
	p = put_signed(p, prio);
	*p++ = ']';
	return p;
}

/* Task states as they were called before 4.14. */
static char *put_state(char *p, uint64_t state)
{
	static const char letters[] = "SDTtZXxW";
	const char *start = p;

	for (unsigned i = 0; i < sizeof(letters) - 1; i++) {
		if (!(state & 1u << i))
			continue;
		if (p > start)
			*p++ = '|';
		*p++ = letters[i];
	}
	if (p == start)
		*p++ = 'R';
	return p;
}

enum { PREV_COMM, PREV_PID, PREV_PRIO, PREV_STATE, NEXT_COMM, NEXT_PID, NEXT_PRIO };

static enum event_builtin switch_text(struct event_ctx *ctx, const struct event_slot *slot,
				      const struct event_record *rec, const struct event_next *next,
				      struct buf *out)
{
	const struct event_db *db = ctx->db;
	char *p = buf_room(out, slot->at[PREV_COMM].size + slot->at[NEXT_COMM].size +
			   4 * NUMBER_MAX + 64);

	(void)next;
	if (!p)
		return BUILTIN_DONE;
	p = put_comm(p, rec, slot->at[PREV_COMM]);
	p = put_dec(p, builtin_number(db, slot->at[PREV_PID], rec));
	*p++ = ' ';
	p = put_prio(p, (int32_t)builtin_number(db, slot->at[PREV_PRIO], rec));
	*p++ = ' ';
	p = put_state(p, builtin_number(db, slot->at[PREV_STATE], rec));
	p = put_bytes(p, " ==> ", 5);
	p = put_comm(p, rec, slot->at[NEXT_COMM]);
	p = put_dec(p, builtin_number(db, slot->at[NEXT_PID], rec));
	*p++ = ' ';
	buf_wrote(out, put_prio(p, (int32_t)builtin_number(db, slot->at[NEXT_PRIO], rec)));
	ctx_learn(ctx, slot, rec);
	return BUILTIN_DONE;
}

static void find_switch(struct event_slot *slot)
{
	struct event_place prev, next;

	if (!find_comm(slot, "prev_comm", &prev) || !find_comm(slot, "next_comm", &next) ||
	    !builtin_place(slot, PREV_PID, "prev_pid") ||
	    !builtin_place(slot, PREV_PRIO, "prev_prio") ||
	    !builtin_place(slot, PREV_STATE, "prev_state") ||
	    !builtin_place(slot, NEXT_PID, "next_pid") ||
	    !builtin_place(slot, NEXT_PRIO, "next_prio"))
		return;
	use_comm(slot, PREV_COMM, prev);
	use_comm(slot, NEXT_COMM, next);
	slot->text = switch_text;
}

enum { WAKE_COMM, WAKE_PID, WAKE_PRIO, WAKE_CPU };

static enum event_builtin wakeup_text(struct event_ctx *ctx, const struct event_slot *slot,
				      const struct event_record *rec, const struct event_next *next,
				      struct buf *out)
{
	const struct event_db *db = ctx->db;
	char *p = buf_room(out, slot->at[WAKE_COMM].size + 3 * NUMBER_MAX + 16);

	(void)next;
	if (!p)
		return BUILTIN_DONE;
	p = put_comm(p, rec, slot->at[WAKE_COMM]);
	p = put_dec(p, builtin_number(db, slot->at[WAKE_PID], rec));
	*p++ = ' ';
	p = put_prio(p, builtin_number(db, slot->at[WAKE_PRIO], rec));
	p = put_bytes(p, " CPU:", 5);
	buf_wrote(out, put_dec_to(p, builtin_number(db, slot->at[WAKE_CPU], rec), 3, '0'));
	ctx_learn(ctx, slot, rec);
	return BUILTIN_DONE;
}

static void find_wakeup(struct event_slot *slot)
{
	struct event_place comm;

	/* kernels before 4.3 tell of success, too: a text of its own */
	if (tep_find_any_field(slot->event, "success") || !find_comm(slot, "comm", &comm) ||
	    !builtin_place(slot, WAKE_PID, "pid") || !builtin_place(slot, WAKE_PRIO, "prio") ||
	    !builtin_place(slot, WAKE_CPU, "target_cpu"))
		return;
	use_comm(slot, WAKE_COMM, comm);
	slot->text = wakeup_text;
}

/* ---- hrtimer ------------------------------------------------------------------------ */

/* libtraceevent makes a function's name in a place of this size. */
#define FUNCTION_MAX 127

/* "NAME/0xDISTANCE" or the address, as libtraceevent's tep_print_func_field. */
static char *put_function(char *p, struct event_ctx *ctx, uint64_t addr)
{
	const struct ctx_symbol *s = ctx_symbol(ctx, addr);
	char *start = p;

	if (!s->name) {
		p = put_bytes(p, "0x", 2);
		return put_hex_digits(p, addr, hex_digits(addr) < 8 ? 8 : hex_digits(addr));
	}
	if (s->len >= FUNCTION_MAX)
		return put_bytes(p, s->name, FUNCTION_MAX);
	p = put_bytes(p, s->name, s->len);
	*p++ = '/';
	p = put_0x(p, s->start - addr);
	return p - start > FUNCTION_MAX ? start + FUNCTION_MAX : p;
}

#define TIMER_ROOM (FUNCTION_MAX + 5 * NUMBER_MAX + 64)

enum { TIMER, TIMER_NOW, TIMER_FUNCTION, TIMER_EXPIRES, TIMER_SOFT };

static char *put_timer(char *p, const struct event_db *db, const struct event_slot *slot,
		       const struct event_record *rec)
{
	p = put_bytes(p, "hrtimer=", 8);
	return put_0x(p, builtin_number(db, slot->at[TIMER], rec));
}

static enum event_builtin timer_start_text(struct event_ctx *ctx, const struct event_slot *slot,
					   const struct event_record *rec,
					   const struct event_next *next, struct buf *out)
{
	const struct event_db *db = ctx->db;
	char *p = buf_room(out, TIMER_ROOM);

	(void)next;
	if (!p)
		return BUILTIN_DONE;
	p = put_timer(p, db, slot, rec);
	p = put_bytes(p, " function=", 10);
	p = put_function(p, ctx, builtin_number(db, slot->at[TIMER_FUNCTION], rec));
	p = put_bytes(p, " expires=", 9);
	p = put_dec(p, builtin_number(db, slot->at[TIMER_EXPIRES], rec));
	p = put_bytes(p, " softexpires=", 13);
	buf_wrote(out, put_dec(p, builtin_number(db, slot->at[TIMER_SOFT], rec)));
	return BUILTIN_DONE;
}

static enum event_builtin timer_expire_text(struct event_ctx *ctx, const struct event_slot *slot,
					    const struct event_record *rec,
					    const struct event_next *next, struct buf *out)
{
	const struct event_db *db = ctx->db;
	char *p = buf_room(out, TIMER_ROOM);

	(void)next;
	if (!p)
		return BUILTIN_DONE;
	p = put_timer(p, db, slot, rec);
	p = put_bytes(p, " now=", 5);
	p = put_dec(p, builtin_number(db, slot->at[TIMER_NOW], rec));
	p = put_bytes(p, " function=", 10);
	buf_wrote(out, put_function(p, ctx, builtin_number(db, slot->at[TIMER_FUNCTION], rec)));
	return BUILTIN_DONE;
}

static bool find_timer(struct event_slot *slot)
{
	return (builtin_place(slot, TIMER, "timer") || builtin_place(slot, TIMER, "hrtimer")) &&
	       builtin_place(slot, TIMER_FUNCTION, "function");
}

static void find_timer_start(struct event_slot *slot)
{
	if (find_timer(slot) && builtin_place(slot, TIMER_EXPIRES, "expires") &&
	    builtin_place(slot, TIMER_SOFT, "softexpires"))
		slot->text = timer_start_text;
}

static void find_timer_expire(struct event_slot *slot)
{
	if (find_timer(slot) && builtin_place(slot, TIMER_NOW, "now"))
		slot->text = timer_expire_text;
}

/* ---- kmem --------------------------------------------------------------------------- */

/* "(CALLER+0xDISTANCE) " in front of the print format's text. at: call_site */
static enum event_builtin call_site_text(struct event_ctx *ctx, const struct event_slot *slot,
					 const struct event_record *rec,
					 const struct event_next *next, struct buf *out)
{
	uint64_t addr = builtin_number(ctx->db, slot->at[0], rec);
	const struct ctx_symbol *s = ctx_symbol(ctx, addr);
	char *p = s->name ? buf_room(out, s->len + NUMBER_MAX + 8) : NULL;

	(void)next;
	if (!p)
		return BUILTIN_PART;
	*p++ = '(';
	p = put_bytes(p, s->name, s->len);
	*p++ = '+';
	p = put_0x(p, (uint32_t)(addr - s->start));
	buf_wrote(out, put_bytes(p, ") ", 2));
	return BUILTIN_PART;
}

static void find_call_site(struct event_slot *slot)
{
	if (!builtin_place(slot, 0, "call_site"))
		return;
	/* the print format's text will follow */
	slot->text_end = slot->check.fixed_end;
	slot->text = call_site_text;
}

/* ---- which -------------------------------------------------------------------------- */

static const struct { const char *system, *name; void (*find)(struct event_slot *slot); } texts[] = {
	{ "sched", "sched_switch", find_switch },
	{ "sched", "sched_wakeup", find_wakeup },
	{ "sched", "sched_wakeup_new", find_wakeup },
	{ "timer", "hrtimer_start", find_timer_start },
	{ "timer", "hrtimer_expire_entry", find_timer_expire },
	{ "kmem", "kmalloc", find_call_site },
	{ "kmem", "kmalloc_node", find_call_site },
	{ "kmem", "kfree", find_call_site },
	{ "kmem", "kmem_cache_alloc", find_call_site },
	{ "kmem", "kmem_cache_alloc_node", find_call_site },
	{ "kmem", "kmem_cache_free", find_call_site },
};

void plugin_text_find(struct event_slot *slot)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(texts[i].system, slot->pub.system) &&
		    !strcmp(texts[i].name, slot->pub.name))
			texts[i].find(slot);
}
