// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A record's line: task, CPU, flags, time, name, text. Written digit by digit:
 * these few columns stand in front of every event.
 */
#include "event/fixups.h"

#define COMM_WIDTH 16
#define COMM_SHORT 8
#define PID_WIDTH 5

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

/* The place for a task's column among those made already. */
static struct ctx_task *task_of(struct event_ctx *ctx, int pid)
{
	return &ctx->tasks[(unsigned)pid % ARRAY_SIZE(ctx->tasks)];
}

/* "            comm-PID  ", kept for the next line of this task if its name is known. */
static void put_new_task(struct event_ctx *ctx, bool latency, int pid, struct buf *out)
{
	struct ctx_task *task = task_of(ctx, pid);
	size_t start = out->len;
	char *p;

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

/*
 * trace_flag_type of the kernel (include/linux/trace_events.h): interrupts off 1 or
 * not known 2, need to reschedule 4, in a hard interrupt 8, in a soft one 16.
 */
#define FLAG_BITS 0x1f

static char *put_flag_letters(char *p, unsigned flags, unsigned preempt)
{
	static const char letters[FLAG_BITS + 1][4] = {
		"...", "d..", "X..", "d..", ".N.", "dN.", "XN.", "dN.",
		"..h", "d.h", "X.h", "d.h", ".Nh", "dNh", "XNh", "dNh",
		"..s", "d.s", "X.s", "d.s", ".Ns", "dNs", "XNs", "dNs",
		"..H", "d.H", "X.H", "d.H", ".NH", "dNH", "XNH", "dNH",
	};
	static const char hex_or_dot[] = ".123456789abcdef";

	p = put_bytes(p, letters[flags & FLAG_BITS], 4) - 1;
	p[0] = hex_or_dot[preempt & 0xf];
	p[1] = hex_or_dot[preempt >> 4 & 0xf];
	return p + 2;
}

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
	uint64_t flags = 0, preempt = 0;

	event_db_number(db, &common->flags, rec->data, rec->len, &flags);
	event_db_number(db, &common->preempt, rec->data, rec->len, &preempt);
	p = put_flag_letters(p, flags, preempt);
	p = put_count(p, db, &common->migrate, rec, true);
	return put_count(p, db, &common->lock, rec, false);
}

/* What is asked for in most lines, of a record that has them where most have. */
static char *put_usual_cpu_flags(char *p, uint32_t cpu, const uint8_t *data)
{
	p = put_bytes(p, " [", 2);
	p = put_3_digits(p, cpu);
	p = put_bytes(p, "] ", 2);
	return put_flag_letters(p, data[2], data[3]);
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

static char *put_milli(char *p, uint64_t milli)
{
	p = put_dec_to(p, milli / 1000, 5, ' ');
	*p++ = '.';
	return put_3_digits(p, milli % 1000);
}

/* Events come close together: the millisecond is mostly that of the one before. */
static inline char *put_time(char *p, struct ctx_milli *milli, const struct event_line_opts *opts,
			     uint64_t ts)
{
	uint64_t rest = ts - milli->start;

	if (!opts->seconds)
		return put_dec_to(p, ts, 12, ' ');
	/* in the last half of a microsecond the next one begins */
	if (__builtin_expect(rest >= 999500 || !milli->len, 0)) {
		milli->start = ts - ts % 1000000;
		rest = ts - milli->start;
		if (rest >= 999500 && !opts->nanoseconds) {
			milli->start += 1000000;
			rest = 0;
		}
		milli->len = put_milli(milli->text, milli->start / 1000000) - milli->text;
	}
	p = put_bytes(p, milli->text, sizeof(milli->text)) - sizeof(milli->text) + milli->len;
	return opts->nanoseconds ? put_6_digits(p, rest) : put_3_digits(p, (uint32_t)(rest + 500) / 1000);
}

void event_time(const struct event_line_opts *opts, uint64_t ts, struct buf *out)
{
	struct ctx_milli milli = { 0 };
	char *p = buf_room(out, TIME_ROOM);

	if (p)
		buf_wrote(out, put_time(p, &milli, opts, ts));
}

char *ctx_put_time(const struct event_ctx *ctx, char *p, uint64_t ts)
{
	struct event_line_opts opts = { .seconds = true };
	struct ctx_milli milli = { 0 };

	if (ctx->times)
		opts = *ctx->times;
	opts.seconds &= !opts.counts_in_texts;
	return put_time(p, &milli, &opts, ts);
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

static const char unknown_heading[] = " [UNKNOWN EVENT]:      ";

/* Task, CPU, flags with two counts, time; and what a heading is copied with. */
#define COLUMNS_ROOM (sizeof(struct ctx_task) + 5 * NUMBER_MAX + TIME_ROOM + HEADING_MIN)

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

void event_line(struct event_ctx *ctx, const struct event_line_opts *opts,
		struct event_line_state *state, const struct event_record *rec,
		const struct event_next *next, struct buf *out)
{
	struct event_db *db = ctx->db;
	int id = rec->len < 2 ? -1 : get_u16(rec->data, db->opts.big_endian);
	struct event_slot *slot = event_db_slot(db, id);
	const struct event_common *common = slot ? &db->common : event_db_common(db, id);
	size_t heading_len = slot ? slot->heading_len : sizeof(unknown_heading) - 1;
	bool usual = common->usual && rec->len >= 8;
	int pid = usual ? (int)get_u32((const char *)rec->data + 4, false) :
			  event_db_record_pid(db, rec->data, rec->len);
	const struct ctx_task *task = task_of(ctx, pid);
	char *p = buf_room(out, COLUMNS_ROOM + heading_len);

	if (!p)
		return;
	if (task->pid == pid && task->len && task->latency == opts->latency) {
		p = put_bytes(p, task->text, sizeof(task->text)) - sizeof(task->text) + task->len;
	} else {
		put_new_task(ctx, opts->latency, pid, out);
		p = buf_room(out, COLUMNS_ROOM + heading_len);
		if (!p)
			return;
	}
	if (usual && !opts->latency && !opts->fields && !opts->no_flags && rec->cpu < 1000)
		p = put_usual_cpu_flags(p, rec->cpu, rec->data);
	else
		p = put_cpu_flags(p, db, common, opts, rec);
	if (opts->seconds || opts->loose_clock)
		*p++ = ' ';
	p = put_time(p, &ctx->milli, opts, rec->ts);
	*p++ = ':';
	if (opts->ts_diff) {
		buf_wrote(out, p);
		put_ts_diff(ctx, opts, state, rec->ts, out);
		p = buf_room(out, COLUMNS_ROOM + heading_len);
		if (!p)
			return;
	}
	if (slot && heading_len <= HEADING_MIN)
		memcpy(p, slot->heading, HEADING_MIN);
	else
		memcpy(p, slot ? slot->heading : unknown_heading, heading_len);
	buf_wrote(out, p + heading_len);
	ctx->times = opts;
	if (slot)
		ctx_text(ctx, slot, rec, opts->fields, next, out);
	else
		put_unknown(rec, id, out);
}
