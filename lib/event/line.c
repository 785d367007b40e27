// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A record's line: task, CPU, flags, time, name, text. Written digit by digit:
 * these few columns stand in front of every event.
 */
#include "event/fixups.h"

#define COMM_WIDTH 16
#define COMM_SHORT 8
#define PID_WIDTH 5
#define NAME_WIDTH 20

/* ---- the task ------------------------------------------------------------------ */

static char *put_comm(char *p, const char *comm, size_t len, size_t width)
{
	if (len < width)
		p = put_fill(p, ' ', width - len);
	return put_bytes(p, comm, len);
}

static void put_comm_default(const char *comm, struct buf *out)
{
	size_t len = strlen(comm);
	char *p = buf_room(out, len + COMM_WIDTH);

	if (p)
		buf_wrote(out, put_comm(p, comm, len, COMM_WIDTH));
}

static void put_comm_latency(const char *comm, struct buf *out)
{
	char *p = buf_room(out, COMM_SHORT);

	if (p)
		buf_wrote(out, put_comm(p, comm, strnlen(comm, COMM_SHORT), COMM_SHORT));
}

/* "            comm-PID  ", made once for each of the tasks that come again and again. */
static void put_task(struct event_ctx *ctx, bool latency, int pid, struct buf *out)
{
	struct ctx_task *task = &ctx->tasks[(unsigned)pid % ARRAY_SIZE(ctx->tasks)];
	size_t start = out->len;
	char *p = buf_room(out, sizeof(task->text));

	if (task->len && task->pid == pid && task->latency == latency && p) {
		memcpy(p, task->text, sizeof(task->text));
		buf_wrote(out, p + task->len);
		return;
	}
	event_ctx_put_comm(ctx, pid, latency ? put_comm_latency : put_comm_default, out);
	p = buf_room(out, NUMBER_MAX + 1);
	if (!p)
		return;
	*p = '-';
	buf_wrote(out, put_signed_left(p + 1, pid, PID_WIDTH));
	if (!ctx_knows(ctx, pid) || out->len - start > sizeof(task->text))
		return;
	*task = (struct ctx_task){ .pid = pid, .latency = latency, .len = out->len - start };
	memcpy(task->text, out->data + start, task->len);
}

/* ---- CPU and flags ------------------------------------------------------------- */

/* trace_flag_type of the kernel (include/linux/trace_events.h). */
enum { IRQS_OFF = 0x01, IRQS_NOSUPPORT = 0x02, NEED_RESCHED = 0x04, HARDIRQ = 0x08, SOFTIRQ = 0x10 };

/* One digit, '.' for none; libtraceevent prints a negative depth as '.'. */
static char *put_count(char *p, const struct event_db *db, const struct event_place *place,
		       const struct event_record *rec, bool zero_is_dot)
{
	uint64_t v;
	int64_t depth;

	if (!place->size)
		return p;
	if (!event_db_number(db, place, rec->data, rec->len, &v))
		v = 0;
	depth = (int64_t)(v << (64 - 8 * place->size)) >> (64 - 8 * place->size);
	if (depth > 0 || (!depth && !zero_is_dot))
		return put_dec(p, depth);
	*p = '.';
	return p + 1;
}

static char *put_flags(char *p, const struct event_db *db, const struct event_common *common,
		       const struct event_record *rec)
{
	static const char hex_or_dot[] = ".123456789abcdef";
	uint64_t flags = 0, preempt = 0;

	event_db_number(db, &common->flags, rec->data, rec->len, &flags);
	event_db_number(db, &common->preempt, rec->data, rec->len, &preempt);
	p[0] = ".dXd"[flags & (IRQS_OFF | IRQS_NOSUPPORT)];
	p[1] = flags & NEED_RESCHED ? 'N' : '.';
	p[2] = ".hsH"[(flags & (HARDIRQ | SOFTIRQ)) / HARDIRQ];
	p[3] = hex_or_dot[preempt & 0xf];
	p[4] = hex_or_dot[preempt >> 4 & 0xf];
	p = put_count(p + 5, db, &common->migrate, rec, true);
	return put_count(p, db, &common->lock, rec, false);
}

static char *put_raw_flags(char *p, const struct event_db *db, const struct event_common *common,
			   const struct event_record *rec)
{
	uint64_t flags = 0;

	event_db_number(db, &common->flags, rec->data, rec->len, &flags);
	*p++ = '-';
	return put_0x(p, flags);
}

static char *put_cpu_flags(char *p, const struct event_db *db, const struct event_common *common,
			   const struct event_line_opts *opts, const struct event_record *rec)
{
	if (opts->latency) {
		p = put_dec_to(p, rec->cpu, 4, ' ');
	} else {
		p = put_bytes(p, " [", 2);
		p = put_dec_to(p, rec->cpu, 3, '0');
		*p++ = ']';
		if (opts->no_flags)
			return p;
		if (!opts->fields)
			*p++ = ' ';
	}
	if (opts->fields)
		return put_raw_flags(p, db, common, rec);
	return put_flags(p, db, common, rec);
}

/* ---- times ---------------------------------------------------------------------- */

#define TIME_ROOM (2 * NUMBER_MAX)

static char *put_time(char *p, const struct event_line_opts *opts, uint64_t ts)
{
	unsigned digits = opts->nanoseconds ? 9 : 6;
	uint64_t units = opts->nanoseconds ? ts : ts / 1000 + (ts % 1000 >= 500);
	uint64_t second = opts->nanoseconds ? 1000000000 : 1000000;

	if (!opts->seconds)
		return put_dec_to(p, ts, 12, ' ');
	p = put_dec_to(p, units / second, 5, ' ');
	*p++ = '.';
	return put_digits(p, units % second, digits);
}

void event_time(const struct event_line_opts *opts, uint64_t ts, struct buf *out)
{
	char *p = buf_room(out, TIME_ROOM);

	if (p)
		buf_wrote(out, put_time(p, opts, ts));
}

/* " (+N)" since the line before, in the units that are shown. */
static void put_ts_diff(struct event_ctx *ctx, const struct event_line_opts *opts,
			struct event_line_state *state, uint64_t ts, struct buf *out)
{
	uint64_t now = opts->nanoseconds ? ts : ts / 1000 + (ts % 1000 >= 500);

	buf_put(out, " ", 1);
	ctx_put_ts_diff(ctx, state, now, out);
	state->any = true;
	state->last = now;
}

/* ---- the line -------------------------------------------------------------------- */

/* Columns between task and name: CPU, flags with two counts, time. */
#define MIDDLE_ROOM (5 * NUMBER_MAX + TIME_ROOM)

/* An event whose format the file has not: its bytes. */
static void put_unknown(const struct event_record *rec, int id, struct buf *out)
{
	const uint8_t *data = rec->data;
	char *p = buf_room(out, NUMBER_MAX + 4 + 3 * (size_t)rec->len);

	if (!p)
		return;
	p = put_bytes(p, "id ", 3);
	p = put_signed(p, id);
	*p++ = ':';
	for (uint32_t i = 0; i < rec->len; i++) {
		*p++ = ' ';
		p = put_hex_digits(p, data[i], 2);
	}
	buf_wrote(out, p);
}

/* " NAME: ", padded. */
static void put_name(const char *name, struct buf *out)
{
	size_t len = strlen(name);
	char *p = buf_room(out, len + NAME_WIDTH + 3);

	if (!p)
		return;
	*p++ = ' ';
	p = put_bytes(p, name, len);
	p = put_bytes(p, ": ", 2);
	buf_wrote(out, len < NAME_WIDTH ? put_fill(p, ' ', NAME_WIDTH - len) : p);
}

void event_line(struct event_ctx *ctx, const struct event_line_opts *opts,
		struct event_line_state *state, const struct event_record *rec,
		const struct event_next *next, struct buf *out)
{
	struct event_db *db = ctx->db;
	int id = event_db_record_id(db, rec->data, rec->len);
	struct event_slot *slot = event_db_slot(db, id);
	char *p;

	put_task(ctx, opts->latency, event_db_record_pid(db, rec->data, rec->len), out);
	p = buf_room(out, MIDDLE_ROOM);
	if (!p)
		return;
	p = put_cpu_flags(p, db, event_db_common(db, id), opts, rec);
	if (opts->seconds || opts->loose_clock)
		*p++ = ' ';
	p = put_time(p, opts, rec->ts);
	*p++ = ':';
	buf_wrote(out, p);
	if (opts->ts_diff)
		put_ts_diff(ctx, opts, state, rec->ts, out);
	put_name(slot ? slot->event->name : "[UNKNOWN EVENT]", out);
	if (slot)
		event_text(ctx, slot->event, rec, opts->fields, next, out);
	else
		put_unknown(rec, id, out);
}
