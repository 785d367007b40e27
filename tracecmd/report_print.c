// SPDX-License-Identifier: GPL-2.0-or-later
/* The events of a report, line by line. */
#include <errno.h>
#include <stdlib.h>

#include "report.h"

struct printer {
	struct report *rp;
	struct event_line_state state;
	struct wakeups *wakeups;
	struct buf line;
	struct event_export_ctx *export_ctx;	/* unless the report is a text */
	uint64_t first_ts;		/* --align-ts */
	bool have_first;
	uint64_t last_ts;		/* --ts-check */
	uint64_t untold, untold_unknown; /* losses without a line */
	/* of the record being printed */
	const struct replay_record *rec;
	uint32_t next_cpu;		/* of the record peek_next gave */
};

static struct report_file *file_of(struct printer *p, const struct replay_record *rec)
{
	return &p->rp->files.v[rec->file];
}

static struct report_buffer *buffer_of(struct printer *p, const struct replay_record *rec)
{
	return &file_of(p, rec)->buffers[rec->buffer];
}

static void make_view(struct printer *p, const struct replay_record *rec, struct event_record *ret)
{
	const uint8_t *end = rec->page->data + rec->page->size;

	*ret = (struct event_record){
		.ts = rec->ts - (p->rp->align_ts ? p->first_ts : 0), .data = rec->data,
		.len = rec->len, .avail = end - (const uint8_t *)rec->data, .cpu = rec->cpu,
	};
}

/* ---- joining a function's entry and exit ------------------------------------- */

static int peek_next(void *ctx, struct event_record *ret)
{
	struct printer *p = ctx;
	const struct replay_record *rec = p->rec;
	struct replay_record next;
	int r;

	/* trace-cmd 3.1 takes the next one of any CPU */
	if (p->rp->compat_31)
		r = replay_peek_buffer(p->rp->replay, rec->file, rec->buffer, &next, NULL);
	else
		r = replay_peek_cpu(p->rp->replay, rec->file, rec->buffer, rec->cpu, &next, NULL);
	/* what was lost between must be told */
	if (r != 1 || !next.data || next.lost)
		return 0;
	p->next_cpu = next.cpu;
	make_view(p, &next, ret);
	return 1;
}

static void take_next(void *ctx)
{
	struct printer *p = ctx;

	buffer_of(p, p->rec)->skip_next[p->next_cpu] = true;
}

/* ---- what is wanted ---------------------------------------------------------------- */

enum { FLAG_HARDIRQ = 0x08, FLAG_SOFTIRQ = 0x10 };

static bool is_stack(const struct tep_event *event)
{
	return event && !strcmp(event->system, "ftrace") &&
	       (!strcmp(event->name, "kernel_stack") || !strcmp(event->name, "user_stack"));
}

static bool passes(struct printer *p, struct report_file *f, const struct event_record *rec)
{
	unsigned flags;

	if (f->filter && !event_filter_match(f->filter, rec))
		return false;
	if (!p->rp->no_hardirq && !p->rp->no_softirq)
		return true;
	flags = event_db_record_flags(f->db, rec->data, rec->len);
	return !(p->rp->no_hardirq && flags & FLAG_HARDIRQ) &&
	       !(p->rp->no_softirq && flags & FLAG_SOFTIRQ);
}

static bool filtering(const struct report *rp, const struct report_file *f)
{
	return f->filter || rp->no_hardirq || rp->no_softirq;
}

/*
 * A stack is shown with the event it belongs to, the one before it on its CPU,
 * or because a filter names it.
 */
static bool is_wanted(struct printer *p, const struct replay_record *rec,
		      const struct event_record *view)
{
	struct report_file *f = file_of(p, rec);
	struct report_buffer *b = buffer_of(p, rec);
	bool wanted;
	int id;

	if (!filtering(p->rp, f))
		return true;
	wanted = passes(p, f, view);
	if (rec->cpu >= b->nr_cpus)
		return wanted;
	id = event_db_record_id(f->db, view->data, view->len);
	if (is_stack(event_db_event(f->db, id))) {
		if (f->filter && event_filter_includes(f->filter))
			return wanted || b->printed[rec->cpu];
		return wanted && b->printed[rec->cpu];
	}
	b->printed[rec->cpu] = wanted;
	return wanted;
}

/* ---- lines --------------------------------------------------------------------------- */

/*
 * Lines in front of an event. trace-cmd writes a file's or instance's name only
 * into the first of them, and not again in front of the event: so does this,
 * unless --losses, which trace-cmd has not, asks for lines of its own. They
 * return whether the name is told.
 */

static void count_untold(struct printer *p, const struct replay_record *rec)
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
static bool put_lost(struct printer *p, const struct replay_record *rec, bool wanted)
{
	if (!rec->lost)
		return false;
	if (!p->rp->losses && !(rec->first_entry && wanted)) {
		count_untold(p, rec);
		return false;
	}
	buf_puts(&p->line, buffer_of(p, rec)->prefix);
	if (rec->lost == RING_LOST_UNKNOWN)
		buf_printf(&p->line, "CPU:%u [EVENTS DROPPED]\n", rec->cpu);
	else
		buf_printf(&p->line, "CPU:%u [%llu EVENTS DROPPED]\n", rec->cpu,
			   (unsigned long long)rec->lost);
	return !p->rp->losses;
}

static void tell_untold(const struct printer *p)
{
	if (p->rp->profile && (p->untold || p->untold_unknown))
		notice(p->rp->notices, "events were lost: what may have ended in such places is not "
		       "accounted");
	else if (p->untold_unknown)
		notice(p->rp->notices, "%llu lost events, and %llu times an unknown number, have no "
		       "line: --losses shows them", (unsigned long long)p->untold,
		       (unsigned long long)p->untold_unknown);
	else if (p->untold)
		notice(p->rp->notices, "%llu lost events have no line: --losses shows them",
		       (unsigned long long)p->untold);
}

/* A compressed sub-buffer has no place in the file that could be told: its time is. */
static bool put_boundary(struct printer *p, const struct replay_record *rec, bool named)
{
	if (!named)
		buf_puts(&p->line, buffer_of(p, rec)->prefix);
	buf_printf(&p->line, "CPU:%u [SUBBUFFER START]", rec->cpu);
	if (p->rp->debug)
		buf_printf(&p->line, " [%llu]", (unsigned long long)rec->page->page_ts);
	buf_puts(&p->line, "\n");
	return !p->rp->losses;
}

static const char *const entry_names[] = {
	[RING_PADDING] = "PADDING", [RING_TIME_EXTEND] = "TIME EXTEND",
	[RING_TIME_STAMP] = "TIME STAMP",
};

/* --debug: an entry that is no event. */
static void put_entry(struct printer *p, const struct replay_record *rec)
{
	buf_puts(&p->line, buffer_of(p, rec)->prefix);
	buf_printf(&p->line, "CPU:%u [%s] [%u:0x%x:%u]\n", rec->cpu, entry_names[rec->entry.type],
		   rec->entry.delta, rec->entry.offset, rec->entry.size);
}

static void check_order(struct printer *p, const struct replay_record *rec)
{
	if (rec->ts < p->last_ts)
		notice(p->rp->notices, "'%s': CPU %u: time goes backwards from %llu to %llu",
		       file_of(p, rec)->path, rec->cpu, (unsigned long long)p->last_ts,
		       (unsigned long long)rec->ts);
	p->last_ts = rec->ts;
}

static void put_event(struct printer *p, const struct replay_record *rec,
		      const struct event_record *view, bool named)
{
	const struct event_next next = { .peek = peek_next, .take = take_next, .ctx = p };
	struct report_file *f = file_of(p, rec);

	if (!named)
		buf_puts(&p->line, buffer_of(p, rec)->prefix);
	event_line(f->ctx, &f->line, &p->state, view, &next, &p->line);
	if (p->rp->debug)
		buf_printf(&p->line, " [%u:0x%x:%u]", rec->entry.delta, rec->entry.offset, rec->len);
	if (p->wakeups)
		wakeups_record(p->wakeups, view, &p->line);
	buf_put(&p->line, "\n", 1);
}

/* A loss and the event behind it, in a format for machines. */
static void export_record(struct printer *p, const struct replay_record *rec,
			  const struct event_record *view, bool wanted)
{
	struct report_file *f = file_of(p, rec);
	const struct buf *where = &buffer_of(p, rec)->where;

	if (rec->lost && p->rp->format == REPORT_CSV && !p->rp->losses)
		count_untold(p, rec);
	else if (rec->lost)
		event_export_lost(f->export, view, rec->lost, where, &p->line);
	if (wanted)
		event_export_put(f->export, p->export_ctx, f->ctx, view, NULL, where, &p->line);
}

static int print_record(struct printer *p, const struct replay_record *rec, struct err *e)
{
	struct report_buffer *b = buffer_of(p, rec);
	struct event_record view;
	bool wanted, named;

	p->rec = rec;
	buf_clear(&p->line);
	if (!rec->data) {
		put_entry(p, rec);
	} else if (b->skip_next[rec->cpu]) {
		b->skip_next[rec->cpu] = false;
	} else {
		make_view(p, rec, &view);
		if (p->rp->ts_check)
			check_order(p, rec);
		wanted = is_wanted(p, rec, &view);
		if (p->rp->profile) {
			if (rec->lost)
				count_untold(p, rec);
			return report_profile_record(p->rp, rec, &view, wanted, e);
		}
		if (p->export_ctx) {
			export_record(p, rec, &view, wanted);
			goto done;
		}
		named = put_lost(p, rec, wanted);
		if (wanted && rec->page_start && (p->rp->boundary || p->rp->debug))
			named |= put_boundary(p, rec, named);
		if (wanted)
			put_event(p, rec, &view, named);
	}
done:
	if (p->line.failed)
		return err_set(e, -ENOMEM, "out of memory");
	out_put(p->line.data, p->line.len);
	return 0;
}

void report_print_cpus(struct report *rp, unsigned file)
{
	int width = 0;

	if (rp->files.nr == 1) {
		out_printf("cpus=%u\n", replay_cpus(rp->replay, file));
		return;
	}
	for (size_t i = 0; i < rp->files.nr; i++)
		if ((int)strlen(rp->files.v[i].name) > width)
			width = strlen(rp->files.v[i].name);
	out_printf("%*s: cpus=%u\n", width, rp->files.v[file].name, replay_cpus(rp->replay, file));
}

/* A latency tracer's text is what the kernel printed. */
static int print_texts(struct report *rp, struct err *e)
{
	for (size_t i = 0; i < rp->files.nr; i++) {
		struct dat_reader *r = rp->files.v[i].reader;

		for (unsigned b = 0; b < dat_reader_nr_buffers(r); b++) {
			AUTO_BUF struct buf text = { 0 };
			int rc;

			if (!dat_reader_buffer(r, b)->text)
				continue;
			rc = dat_reader_buffer_text(r, b, &text, e);
			if (rc < 0)
				return rc;
			rp->damage += rc;
			out_put(text.data, text.len);
			out_put("\n", 1);
		}
	}
	return 0;
}

static int print_all(struct printer *p, struct err *e)
{
	struct replay_record rec;
	int r;

	while (!out_closed() && (r = replay_next(p->rp->replay, &rec, e)) != 0) {
		if (r < 0)
			return r;
		if (!p->have_first) {
			p->first_ts = rec.ts;
			p->have_first = true;
		}
		r = print_record(p, &rec, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int report_events(struct report *rp, struct err *e)
{
	struct printer p = { .rp = rp };
	int r = 0;

	if (rp->profile) {
		r = report_read_hooks(rp, e);
	} else if (rp->format != REPORT_TEXT) {
		r = event_export_ctx_new(&p.export_ctx, e);
		if (!r)
			r = report_export_begin(rp, e);
	} else {
		for (unsigned i = 0; i < rp->files.nr; i++)
			report_print_cpus(rp, i);
		r = print_texts(rp, e);
	}
	if (!r && rp->wakeup)
		r = wakeups_new(rp, &p.wakeups, e);
	report_join_guests(rp);
	if (!r)
		r = print_all(&p, e);
	report_leave_guests();
	for (unsigned i = 0; i < rp->files.nr && rp->profile && !r; i++)
		r = report_print_profile(rp, i, e);
	if (!r)
		tell_untold(&p);
	if (!r && p.wakeups)
		wakeups_print(p.wakeups);
	wakeups_free(p.wakeups);
	event_export_ctx_free(p.export_ctx);
	buf_release(&p.line);
	return r;
}
