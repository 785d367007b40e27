// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A record's line: task, CPU, flags, time, name, text. Written digit by digit:
 * these few columns stand in front of every event.
 */
#include "event/db.h"

#define COMM_WIDTH 16
#define COMM_SHORT 8
#define PID_WIDTH 5
#define NAME_WIDTH 20

/* @v in decimal, right-aligned to @width with @fill. */
static void put_dec(struct buf *out, uint64_t v, unsigned width, char fill)
{
	char digits[24];
	unsigned n = sizeof(digits);

	do {
		digits[--n] = '0' + v % 10;
		v /= 10;
	} while (v);
	if (sizeof(digits) - n < width)
		buf_fill(out, fill, width - (sizeof(digits) - n));
	buf_put(out, digits + n, sizeof(digits) - n);
}

/* @v in decimal, left-aligned to @width. */
static void put_dec_left(struct buf *out, int64_t v, unsigned width)
{
	size_t start = out->len;

	if (v < 0)
		buf_put(out, "-", 1);
	put_dec(out, v < 0 ? -(uint64_t)v : (uint64_t)v, 0, ' ');
	if (out->len - start < width)
		buf_fill(out, ' ', width - (out->len - start));
}

static void put_comm_pid(struct event_db *db, bool latency, int pid, struct buf *out)
{
	const char *comm = event_db_comm(db, pid);
	size_t len = strlen(comm), width = latency ? COMM_SHORT : COMM_WIDTH;

	if (latency && len > COMM_SHORT)
		len = COMM_SHORT;
	if (len < width)
		buf_fill(out, ' ', width - len);
	buf_put(out, comm, len);
	buf_put(out, "-", 1);
	put_dec_left(out, pid, PID_WIDTH);
}

/* trace_flag_type of the kernel (include/linux/trace_events.h). */
enum { IRQS_OFF = 0x01, IRQS_NOSUPPORT = 0x02, NEED_RESCHED = 0x04, HARDIRQ = 0x08, SOFTIRQ = 0x10 };

static char hex_or_dot(unsigned v)
{
	return v ? "0123456789abcdef"[v & 15] : '.';
}

/* One digit, '.' for none; libtraceevent prints a negative depth as '.'. */
static void put_count(struct event_db *db, const struct event_place *p,
		      const struct event_record *rec, bool zero_is_dot, struct buf *out)
{
	uint64_t v;
	int64_t depth;

	if (!p->size)
		return;
	if (!event_db_number(db, p, rec->data, rec->len, &v))
		v = 0;
	depth = (int64_t)(v << (64 - 8 * p->size)) >> (64 - 8 * p->size);
	if (depth < 0 || (!depth && zero_is_dot))
		buf_put(out, ".", 1);
	else
		put_dec(out, depth, 0, ' ');
}

static void put_flags(struct event_db *db, const struct event_common *common,
		      const struct event_record *rec, struct buf *out)
{
	uint64_t flags = 0, preempt = 0;
	char c[5];

	event_db_number(db, &common->flags, rec->data, rec->len, &flags);
	event_db_number(db, &common->preempt, rec->data, rec->len, &preempt);
	c[0] = flags & IRQS_OFF ? 'd' : flags & IRQS_NOSUPPORT ? 'X' : '.';
	c[1] = flags & NEED_RESCHED ? 'N' : '.';
	if (flags & HARDIRQ)
		c[2] = flags & SOFTIRQ ? 'H' : 'h';
	else
		c[2] = flags & SOFTIRQ ? 's' : '.';
	c[3] = hex_or_dot(preempt & 0xf);
	c[4] = hex_or_dot(preempt >> 4 & 0xf);
	buf_put(out, c, sizeof(c));
	put_count(db, &common->migrate, rec, true, out);
	put_count(db, &common->lock, rec, false, out);
}

static void put_raw_flags(struct event_db *db, const struct event_common *common,
			  const struct event_record *rec, struct buf *out)
{
	uint64_t flags = 0;

	event_db_number(db, &common->flags, rec->data, rec->len, &flags);
	buf_printf(out, "-0x%llx", (unsigned long long)flags);
}

static void put_cpu_flags(struct event_db *db, const struct event_line_opts *opts,
			  const struct event_record *rec, int id, struct buf *out)
{
	const struct event_common *common = event_db_common(db, id);

	if (opts->latency) {
		put_dec(out, rec->cpu, 4, ' ');
		if (opts->fields)
			put_raw_flags(db, common, rec, out);
		else
			put_flags(db, common, rec, out);
		return;
	}
	buf_put(out, " [", 2);
	put_dec(out, rec->cpu, 3, '0');
	buf_put(out, "]", 1);
	if (opts->no_flags)
		return;
	if (opts->fields) {
		put_raw_flags(db, common, rec, out);
		return;
	}
	buf_put(out, " ", 1);
	put_flags(db, common, rec, out);
}

void event_time(const struct event_line_opts *opts, uint64_t ts, struct buf *out)
{
	if (!opts->seconds) {
		put_dec(out, ts, 12, ' ');
	} else if (opts->nanoseconds) {
		put_dec(out, ts / 1000000000, 5, ' ');
		buf_put(out, ".", 1);
		put_dec(out, ts % 1000000000, 9, '0');
	} else {
		uint64_t us = ts / 1000 + (ts % 1000 >= 500);

		put_dec(out, us / 1000000, 5, ' ');
		buf_put(out, ".", 1);
		put_dec(out, us % 1000000, 6, '0');
	}
}

/* " (+N)" since the line before, in the units that are shown. */
static void put_ts_diff(const struct event_line_opts *opts, struct event_line_state *state,
			uint64_t ts, struct buf *out)
{
	uint64_t now = opts->nanoseconds ? ts : ts / 1000 + (ts % 1000 >= 500);
	size_t start;

	buf_put(out, " ", 1);
	start = out->len;
	if (state->any)
		buf_printf(out, "(+%lld)", (long long)(now - state->last));
	if (out->len - start < 8)
		buf_fill(out, ' ', 8 - (out->len - start));
	state->any = true;
	state->last = now;
}

/* An event whose format the file has not: its bytes. */
static void put_unknown(const struct event_record *rec, int id, struct buf *out)
{
	const uint8_t *data = rec->data;

	buf_printf(out, "id %d:", id);
	for (uint32_t i = 0; i < rec->len; i++)
		buf_printf(out, " %02x", data[i]);
}

void event_line(struct event_db *db, const struct event_line_opts *opts,
		struct event_line_state *state, const struct event_record *rec,
		const struct event_next *next, struct buf *out)
{
	int id = event_db_record_id(db, rec->data, rec->len);
	struct tep_event *event = event_db_event(db, id);
	const char *name = event ? event->name : "[UNKNOWN EVENT]";
	size_t len = strlen(name);

	put_comm_pid(db, opts->latency, event_db_record_pid(db, rec->data, rec->len), out);
	put_cpu_flags(db, opts, rec, id, out);
	if (opts->seconds || opts->loose_clock)
		buf_put(out, " ", 1);
	event_time(opts, rec->ts, out);
	buf_put(out, ":", 1);
	if (opts->ts_diff)
		put_ts_diff(opts, state, rec->ts, out);
	buf_put(out, " ", 1);
	buf_put(out, name, len);
	buf_put(out, ": ", 2);
	if (len < NAME_WIDTH)
		buf_fill(out, ' ', NAME_WIDTH - len);
	if (event)
		event_text(db, event, rec, opts->fields, next, out);
	else
		put_unknown(rec, id, out);
}
