// SPDX-License-Identifier: GPL-2.0-or-later
/* A record's lines in a report. */
#include <errno.h>

#include "report_lines.h"

/* What is kept of a CPU between its records: see struct replay_record. */
enum { STATE_SKIP = 1, STATE_PRINTED = 2 };

static struct report_file *file_of(const struct report_lines *p, const struct replay_record *rec)
{
	return &p->rp->files.v[rec->file];
}

static struct report_buffer *buffer_of(const struct report_lines *p, const struct replay_record *rec)
{
	return &file_of(p, rec)->buffers[rec->buffer];
}

static void make_view(struct report_lines *p, const struct replay_record *rec,
		      struct event_record *ret)
{
	const uint8_t *end = rec->page->data + rec->page->size;

	*ret = (struct event_record){
		.ts = rec->ts - p->all->align, .data = rec->data,
		.len = rec->len, .avail = end - (const uint8_t *)rec->data, .cpu = rec->cpu,
	};
}

/* A file's or instance's name. */
static void put_prefix(struct report_lines *p, const struct replay_record *rec)
{
	const struct report_buffer *b = buffer_of(p, rec);

	if (b->prefix_len)
		buf_put(p->text, b->prefix, b->prefix_len);
}

/* ---- joining a function's entry and exit ------------------------------------- */

static int peek_next(void *ctx, struct event_record *ret)
{
	struct report_lines *p = ctx;
	const struct replay_record *next;
	int r;

	/* trace-cmd 3.1 takes the next one of any CPU */
	if (p->rp->compat_31)
		r = replay_cursor_peek_buffer(p->cursor, p->rec->file, p->rec->buffer, &next, NULL);
	else
		r = replay_cursor_peek(p->cursor, &next, NULL);
	/* what was lost between must be told */
	if (r != 1 || !next->data || next->lost)
		return 0;
	p->next_state = next->state;
	make_view(p, next, ret);
	return 1;
}

static void take_next(void *ctx)
{
	struct report_lines *p = ctx;

	*p->next_state |= STATE_SKIP;
}

static bool is_wanted(struct report_lines *p, const struct replay_record *rec,
		      const struct event_record *view)
{
	bool printed = *rec->state & STATE_PRINTED;
	bool wanted = report_wants(p->rp, file_of(p, rec), view, &printed);

	*rec->state = printed ? *rec->state | STATE_PRINTED : *rec->state & ~(uint64_t)STATE_PRINTED;
	return wanted;
}

/* ---- lines --------------------------------------------------------------------------- */

/*
 * Lines in front of an event. trace-cmd writes a file's or instance's name only
 * into the first of them, and not again in front of the event: so does this,
 * unless --losses, which trace-cmd has not, asks for lines of its own. They
 * return whether the name is told.
 */

static void count_untold(struct report_lines *p, const struct replay_record *rec)
{
	if (rec->lost == RING_LOST_UNKNOWN)
		p->untold_unknown++;
	else
		p->untold += rec->lost;
}

/*
 * trace-cmd tells of a loss only in front of an event it prints that is the
 * very first entry of its sub-buffer. Its text is kept unless --losses asks for
 * all of them; what is left out is counted and told at the end.
 */
static bool put_lost(struct report_lines *p, const struct replay_record *rec, bool wanted)
{
	if (!rec->lost)
		return false;
	if (!p->rp->losses && !(rec->first_entry && wanted)) {
		count_untold(p, rec);
		return false;
	}
	put_prefix(p, rec);
	if (rec->lost == RING_LOST_UNKNOWN)
		buf_printf(p->text, "CPU:%u [EVENTS DROPPED]\n", rec->cpu);
	else
		buf_printf(p->text, "CPU:%u [%llu EVENTS DROPPED]\n", rec->cpu,
			   (unsigned long long)rec->lost);
	return !p->rp->losses;
}

/* A compressed sub-buffer has no place in the file that could be told: its time is. */
static bool put_boundary(struct report_lines *p, const struct replay_record *rec, bool named)
{
	if (!named)
		put_prefix(p, rec);
	buf_printf(p->text, "CPU:%u [SUBBUFFER START]", rec->cpu);
	if (p->rp->debug)
		buf_printf(p->text, " [%llu]", (unsigned long long)rec->page->page_ts);
	buf_puts(p->text, "\n");
	return !p->rp->losses;
}

static const char *const entry_names[] = {
	[RING_PADDING] = "PADDING", [RING_TIME_EXTEND] = "TIME EXTEND",
	[RING_TIME_STAMP] = "TIME STAMP",
};

/* --debug: an entry that is no event. */
static void put_entry(struct report_lines *p, const struct replay_record *rec)
{
	put_prefix(p, rec);
	buf_printf(p->text, "CPU:%u [%s] [%u:0x%x:%u]\n", rec->cpu, entry_names[rec->entry.type],
		   rec->entry.delta, rec->entry.offset, rec->entry.size);
}

static void compare_times(const struct report *rp, uint64_t last, const struct replay_record *rec)
{
	if (rec->ts < last)
		notice(rp->notices, "'%s': CPU %u: time goes backwards from %llu to %llu",
		       rp->files.v[rec->file].path, rec->cpu, (unsigned long long)last,
		       (unsigned long long)rec->ts);
}

/* The first one is compared when what is before it is known. */
static void check_order(struct report_lines *p, const struct replay_record *rec)
{
	struct report_order *o = &p->order;

	if (o->any)
		compare_times(p->rp, o->last_ts, rec);
	else
		o->first = *rec;
	o->any = true;
	o->last_ts = rec->ts;
}

void report_order_join(const struct report *rp, uint64_t *last_ts, struct report_order *o)
{
	if (!o->any)
		return;
	if (!o->joined)
		compare_times(rp, *last_ts, &o->first);
	o->joined = true;
	*last_ts = o->last_ts;
}

static void put_event(struct report_lines *p, const struct replay_record *rec,
		      const struct event_record *view, bool named)
{
	const struct event_next next = { .peek = peek_next, .take = take_next, .ctx = p };
	struct report_file *f = file_of(p, rec);

	if (!named)
		put_prefix(p, rec);
	event_line(p->ctxs[rec->file], &f->line, p->state, view, &next, p->text);
	if (p->rp->debug)
		buf_printf(p->text, " [%u:0x%x:%u]", rec->entry.delta, rec->entry.offset, rec->len);
	if (p->all->wakeups)
		wakeups_record(p->all->wakeups, view, p->text);
	buf_put(p->text, "\n", 1);
}

/* A loss and the event behind it, in a format for machines. */
static void export_record(struct report_lines *p, const struct replay_record *rec,
			  const struct event_record *view, bool wanted)
{
	struct report_file *f = file_of(p, rec);
	const struct buf *where = &buffer_of(p, rec)->where;

	if (rec->lost && p->rp->format == REPORT_CSV && !p->rp->losses)
		count_untold(p, rec);
	else if (rec->lost)
		event_export_lost(f->export, view, rec->lost, where, p->text);
	if (wanted)
		event_export_put(f->export, p->export_ctx, p->ctxs[rec->file], view, NULL, where, p->text);
}

/* Whether the text may take the next record with it. */
static bool takes_next(struct report_lines *p, const struct replay_record *rec)
{
	struct event_db *db = file_of(p, rec)->db;
	struct tep_event *event = event_db_event(db, event_db_record_id(db, rec->data, rec->len));

	return event && (!strcmp(event->name, "funcgraph_entry") ||
			 !strcmp(event->name, "fgraph_retaddr_entry"));
}

static void put_record(struct report_lines *p, const struct replay_record *rec, bool warm)
{
	struct event_record view;
	bool wanted, named;

	if (!rec->data) {
		put_entry(p, rec);
		return;
	}
	if (*rec->state & STATE_SKIP) {
		*rec->state &= ~(uint64_t)STATE_SKIP;
		return;
	}
	make_view(p, rec, &view);
	if (p->rp->ts_check && !warm)
		check_order(p, rec);
	wanted = is_wanted(p, rec, &view);
	if (warm) {
		if (wanted && !p->export_ctx && takes_next(p, rec))
			put_event(p, rec, &view, false);
		return;
	}
	p->shown += wanted;
	if (p->export_ctx) {
		export_record(p, rec, &view, wanted);
		return;
	}
	named = put_lost(p, rec, wanted);
	if (wanted && rec->page_start && (p->rp->boundary || p->rp->debug))
		named |= put_boundary(p, rec, named);
	if (wanted)
		put_event(p, rec, &view, named);
}

void report_lines_put(struct report_lines *p, struct replay_cursor *c,
		      const struct replay_record *rec, bool warm)
{
	struct event_line_state *state = p->state, no_state = { 0 };

	p->cursor = c;
	p->rec = rec;
	if (warm)
		p->state = &no_state;
	put_record(p, rec, warm);
	p->state = state;
}
