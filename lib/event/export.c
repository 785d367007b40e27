// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records to lines of JSON or CSV. Room for all of a line but its strings and
 * arrays is asked for once; the rest is written without another check.
 */
#include <errno.h>
#include <stdlib.h>

#include "event/db.h"
#include "event/fixups.h"
#include "event/export_plan.h"
#include "ring/ring.h"

/* A line being written. */
struct line {
	struct event_export *x;
	struct event_export_ctx *ctx;
	struct event_ctx *texts;
	const struct export_plan *plan;	/* NULL: an event without a format */
	const struct event_record *rec;
	struct buf *out;
	char *p;			/* where to write; room for all of fixed_max is ahead */
	size_t ahead;			/* the room that is kept */
};

/* Makes room for @need bytes and what is kept ahead. Without memory the line
 * is lost; out->failed tells so. */
static inline bool line_room(struct line *l, size_t need)
{
	if (__builtin_expect((size_t)(l->out->data + l->out->cap - l->p) > need + l->ahead, 1))
		return true;
	buf_wrote(l->out, l->p);
	l->p = buf_room(l->out, need + l->ahead);
	return l->p;
}

#define line_puts(l, s) ((l)->p = put_bytes((l)->p, s, sizeof(s) - 1))

static inline const char *quote_of(const struct event_export *x)
{
	return x->how == ESCAPE_JSON_IN_CSV ? "\"\"" : "\"";
}

static inline char *put_quote(char *p, const char *quote)
{
	*p++ = *quote;
	if (quote[1])
		*p++ = *quote;
	return p;
}

static inline bool line_string(struct line *l, const uint8_t *s, uint32_t len, enum escape how,
			       const char *quote, bool *bad)
{
	if (!line_room(l, ESCAPE_MAX * (size_t)len + ESCAPE_SLACK))
		return false;
	l->p = put_quote(l->p, quote);
	l->p = put_escaped(l->p, s, len, how, bad);
	l->p = put_quote(l->p, quote);
	return true;
}

static bool line_array(struct line *l, const struct event_field *f, const uint8_t *s, uint32_t len,
		       bool big)
{
	if (!line_room(l, len / f->size * (NUMBER_MAX + 1ull)))
		return false;
	if (l->x->how == ESCAPE_CSV)
		*l->p++ = '"';
	*l->p++ = '[';
	for (uint32_t i = 0; i < len; i += f->size) {
		if (i)
			*l->p++ = ',';
		l->p = put_value(l->p, f, s + i, big);
	}
	*l->p++ = ']';
	if (l->x->how == ESCAPE_CSV)
		*l->p++ = '"';
	return true;
}

/* '"NAME":"HEX"' for a string that had to be changed. */
static void keep_bytes(struct buf *bytes, const char *name, const uint8_t *s, uint32_t len)
{
	bool bad = false;
	size_t n = strlen(name);
	char *p;

	len = strnlen((const char *)s, len);
	buf_puts(bytes, bytes->len ? ",\"" : "\"");
	p = buf_room(bytes, ESCAPE_MAX * n + ESCAPE_SLACK + 2 * (size_t)len + 8);
	if (!p)
		return;
	p = put_escaped(p, (const uint8_t *)name, n, ESCAPE_JSON, &bad);
	p = put_bytes(p, "\":\"", 3);
	p = put_hex_bytes(p, s, len);
	*p++ = '"';
	buf_wrote(bytes, p);
}

static inline void line_null(struct line *l)
{
	if (l->x->how != ESCAPE_CSV)
		line_puts(l, "null");
}

static inline bool line_value(struct line *l, const struct event_field *f, bool big)
{
	const uint8_t *at;
	bool bad = false;
	uint32_t len;

	if (!f->name || !event_field_span(f, l->rec->data, l->rec->len, big, &at, &len)) {
		line_null(l);
		return true;
	}
	if (f->type == EVENT_NUMBER) {
		l->p = put_value(l->p, f, at, big);
		return true;
	}
	if (f->type == EVENT_ARRAY)
		return line_array(l, f, at, len, big);
	if (!line_string(l, at, len, l->x->how, quote_of(l->x), &bad))
		return false;
	if (__builtin_expect(bad, 0))
		keep_bytes(&l->ctx->bytes, f->name, at, len);
	return true;
}

static inline __attribute__((always_inline)) bool line_fields(struct line *l, bool big)
{
	const struct export_plan *plan = l->plan;

	for (uint32_t i = 0; i < plan->nr_fields; i++) {
		const struct plan_field *pf = &plan->fields[i];

		l->p = put_key(l->p, plan->keys.data + pf->key, pf->key_len);
		if (!line_value(l, &pf->f, big))
			return false;
	}
	return true;
}

/* ---- the common part -------------------------------------------------------------- */

/* A task's name, or what stands for one that is not known. */
static inline void put_task(struct buf *out, const char *name, bool json)
{
	size_t len = strlen(name);
	bool bad = false;
	char *p;

	if (!strcmp(name, "<...>")) {
		buf_puts(out, json ? "null" : "");
		return;
	}
	p = buf_room(out, (ESCAPE_MAX + 2) * len + ESCAPE_SLACK);
	if (!p)
		return;
	*p++ = '"';
	p = put_escaped(p, (const uint8_t *)name, len, json ? ESCAPE_JSON : ESCAPE_CSV, &bad);
	*p++ = '"';
	if (bad && json) {
		p = put_bytes(p, ",\"task_bytes\":\"", 15);
		p = put_hex_bytes(p, (const uint8_t *)name, len);
		*p++ = '"';
	}
	buf_wrote(out, p);
}

static void put_json_task(const char *name, struct buf *out)
{
	put_task(out, name, true);
}

static void put_csv_task(const char *name, struct buf *out)
{
	put_task(out, name, false);
}

static inline struct task_entry *task_entry(const struct line *l, int pid)
{
	return &l->ctx->tasks[(unsigned)pid % TASK_CACHE];
}

static inline bool is_of_task(const struct line *l, const struct task_entry *t, int pid)
{
	return t->pid == pid && t->of == l->x;
}

static bool line_task(struct line *l, int pid)
{
	bool json = l->x->opts.format == EVENT_EXPORT_JSON;
	struct task_entry *t = task_entry(l, pid);
	size_t start;

	if (pid < 0) {
		if (json)
			line_puts(l, "null");
		return true;
	}
	if (is_of_task(l, t, pid)) {
		l->p = put_key(l->p, t->text, t->len);
		return true;
	}
	buf_wrote(l->out, l->p);
	start = l->out->len;
	event_ctx_put_comm(l->texts, pid, json ? put_json_task : put_csv_task, l->out);
	if (l->out->len - start <= TASK_MAX && ctx_knows(l->texts, pid)) {
		t->of = l->x;
		t->pid = pid;
		t->len = l->out->len - start;
		t->with_pid = 0;
		memcpy(t->text, l->out->data + start, t->len);
	}
	l->p = buf_room(l->out, l->ahead);
	return l->p;
}

static void make_second(struct line_second *s, const struct event_export *x, uint64_t ts)
{
	char *p = s->text;

	if (x->opts.format == EVENT_EXPORT_JSON)
		p = put_bytes(p, "{\"time\":", 8);
	s->start = ts - ts % 1000000000;
	if (s->start)
		p = put_dec(p, ts / 1000000000);
	s->len = p - s->text;
	s->of = x;
}

static void make_cpu(struct line_cpu *c, const struct event_export *x, uint32_t cpu)
{
	bool json = x->opts.format == EVENT_EXPORT_JSON;
	char *p = put_bytes(c->text, ",\"cpu\":", json ? 7 : 1);

	p = put_dec(p, cpu);
	p = put_bytes(p, ",\"task\":", json ? 8 : 1);
	c->len = p - c->text;
	c->cpu = cpu;
	c->of = x;
}

/* Time and CPU. */
static inline void line_start(struct line *l)
{
	struct line_second *s = &l->ctx->second;
	struct line_cpu *c = &l->ctx->cpu;
	uint64_t rest = l->rec->ts - s->start;
	char *p = l->p;

	if (__builtin_expect(rest >= 1000000000 || s->of != l->x, 0)) {
		make_second(s, l->x, l->rec->ts);
		rest = l->rec->ts - s->start;
	}
	p = put_key(p, s->text, s->len);
	if (__builtin_expect(!s->start, 0))
		p = put_dec(p, rest);
	else
		p = put_3_digits(put_6_digits(p, (uint32_t)rest / 1000), (uint32_t)rest % 1000);
	if (__builtin_expect(c->cpu != l->rec->cpu || c->of != l->x, 0))
		make_cpu(c, l->x, l->rec->cpu);
	l->p = put_key(p, c->text, c->len);
}

static bool line_where(struct line *l, const struct buf *where)
{
	if (!where->len)
		return true;
	if (!line_room(l, where->len))
		return false;
	l->p = put_bytes(l->p, where->data, where->len);
	return true;
}

/* Flags and so on: numbers, or what stands for nothing. */
static inline void line_common(struct line *l, const struct plan_field *pf)
{
	l->p = put_key(l->p, l->plan->keys.data + pf->key, pf->key_len);
	if (!pf->f.name || pf->f.offset > l->rec->len || pf->f.size > l->rec->len - pf->f.offset) {
		if (l->x->opts.format == EVENT_EXPORT_JSON)
			line_puts(l, "null");
		return;
	}
	l->p = put_value(l->p, &pf->f, (const uint8_t *)l->rec->data + pf->f.offset,
			 l->x->big_endian);
}

/* The task and its pid, which mostly were in a line before. */
static inline bool line_task_and_pid(struct line *l, int pid)
{
	struct task_entry *t = task_entry(l, pid);
	bool is_int = l->plan->pid.f.size <= sizeof(pid) && pid >= 0;
	size_t start, len;

	if (__builtin_expect(is_int && is_of_task(l, t, pid) && t->with_pid, 1)) {
		l->p = put_key(l->p, t->text, t->with_pid);
		return true;
	}
	start = l->p - l->out->data;
	if (!line_task(l, pid))
		return false;
	line_common(l, &l->plan->pid);
	len = l->p - l->out->data - start;
	if (is_int && is_of_task(l, t, pid) && len <= TASK_MAX) {
		memcpy(t->text, l->out->data + start, len);
		t->with_pid = len;
	}
	return true;
}

/* ---- the end of a line --------------------------------------------------------------- */

/* '"bytes":{"NAME":"HEX"}' */
static bool line_bytes(struct line *l)
{
	const struct buf *bytes = &l->ctx->bytes;

	if (!line_room(l, bytes->len + 16))
		return false;
	line_puts(l, ",\"bytes\":{");
	l->p = put_bytes(l->p, bytes->data, bytes->len);
	*l->p++ = '}';
	return true;
}

/* '"decoded":{..}' */
static bool line_decoded(struct line *l)
{
	bool json = l->x->opts.format == EVENT_EXPORT_JSON;
	struct buf *out = l->out;

	buf_wrote(out, l->p);
	buf_puts(out, json ? ",\"decoded\":{" : ",\"{");
	if (l->plan)
		export_decode(l->plan, l->x->db, l->rec, json ? ESCAPE_JSON : ESCAPE_JSON_IN_CSV,
			      &l->ctx->text, out);
	buf_puts(out, json ? "}" : "}\"");
	l->p = buf_room(out, l->ahead);
	return l->p;
}

static bool line_text(struct line *l, const struct event_next *next)
{
	bool csv = l->x->opts.format == EVENT_EXPORT_CSV, bad = false;
	struct buf *text = &l->ctx->text;
	size_t fixups = ctx_nr_fixups(l->texts);

	buf_clear(text);
	if (l->plan)
		event_text(l->texts, l->plan->event, l->rec, false, next, text);
	if (csv)
		*l->p++ = ',';
	else
		line_puts(l, ",\"text\":");
	/* behind the quote */
	ctx_move_fixups(l->texts, fixups, l->p + 1 - l->out->data);
	return line_string(l, (const uint8_t *)(text->len ? text->data : ""), text->len,
			   csv ? ESCAPE_CSV : ESCAPE_JSON, "\"", &bad);
}

/* What comes behind the fields. */
static void line_end(struct line *l, const struct event_next *next)
{
	bool json = l->x->opts.format == EVENT_EXPORT_JSON;

	if (l->x->opts.decoded && !line_decoded(l))
		return;
	if (json && __builtin_expect(l->ctx->bytes.len, 0) && !line_bytes(l))
		return;
	if (l->x->opts.text && !line_text(l, next))
		return;
	if (json)
		*l->p++ = '}';
	*l->p++ = '\n';
	buf_wrote(l->out, l->p);
}

/* ---- records ------------------------------------------------------------------------------ */

/* An event whose format the file has not: its number and its bytes. */
static void put_unknown(struct line *l, int id, const struct event_next *next,
			const struct buf *where)
{
	bool json = l->x->opts.format == EVENT_EXPORT_JSON;
	const struct event_record *rec = l->rec;
	int pid = event_db_record_pid(l->x->db, rec->data, rec->len);

	if (l->x->opts.columns)
		return;
	l->ahead = 512;
	l->p = buf_room(l->out, l->ahead);
	if (!l->p)
		return;
	line_start(l);
	if (!line_task(l, pid))
		return;
	if (json)
		line_puts(l, ",\"pid\":");
	else
		*l->p++ = ',';
	if (pid >= 0)
		l->p = put_dec(l->p, pid);
	else if (json)
		line_puts(l, "null");
	if (!json)
		line_puts(l, ",,");
	if (!line_where(l, where) || !line_room(l, 2ull * rec->len))
		return;
	if (json)
		line_puts(l, ",\"system\":null,\"event\":null,\"id\":");
	else if (l->x->opts.losses)
		line_puts(l, ",,,,\"{\"\"id\"\":");
	else
		line_puts(l, ",,,\"{\"\"id\"\":");
	if (id >= 0)
		l->p = put_dec(l->p, id);
	else
		line_puts(l, "null");
	if (json)
		line_puts(l, ",\"data\":\"");
	else
		line_puts(l, ",\"\"data\"\":\"\"");
	l->p = put_hex_bytes(l->p, rec->data, rec->len);
	if (json)
		*l->p++ = '"';
	else
		line_puts(l, "\"\"}\"");
	line_end(l, next);
}

void event_export_put(struct event_export *x, struct event_export_ctx *ctx,
		      struct event_ctx *texts, const struct event_record *rec, const struct event_next *next,
		      const struct buf *where, struct buf *out)
{
	int id = event_db_record_id(x->db, rec->data, rec->len), pid = -1;
	const struct export_plan *plan = export_plan(x, id);
	struct line l = { .x = x, .ctx = ctx, .texts = texts, .plan = plan, .rec = rec, .out = out };

	buf_clear(&ctx->bytes);
	if (__builtin_expect(!plan, 0)) {
		put_unknown(&l, id, next, where);
		return;
	}
	if (plan->skip) {
		if (plan->teaches)
			ctx_learn(texts, plan->slot, rec);
		return;
	}
	l.ahead = plan->fixed_max + COPY_SLACK;
	l.p = buf_room(out, l.ahead);
	if (!l.p)
		return;
	if (plan->pid.f.name && plan->pid.f.offset <= rec->len &&
	    plan->pid.f.size <= rec->len - plan->pid.f.offset)
		pid = event_number_at((const uint8_t *)rec->data + plan->pid.f.offset,
				      plan->pid.f.size, plan->pid.f.is_signed, x->big_endian);
	line_start(&l);
	if (!line_task_and_pid(&l, pid))
		return;
	if (plan->teaches)
		ctx_learn(texts, plan->slot, rec);
	for (uint32_t i = 0; i < plan->nr_common; i++)
		line_common(&l, &plan->common[i]);
	if (!line_where(&l, where))
		return;
	if (plan->head_len)
		l.p = put_key(l.p, plan->keys.data + plan->head, plan->head_len);
	if (!(x->big_endian ? line_fields(&l, true) : line_fields(&l, false)))
		return;
	if (x->how != ESCAPE_CSV)
		*l.p++ = '}';
	if (x->how == ESCAPE_JSON_IN_CSV)
		*l.p++ = '"';
	line_end(&l, next);
}

void event_export_lost(const struct event_export *x, const struct event_record *rec, uint64_t lost,
		       const struct buf *where, struct buf *out)
{
	bool json = x->opts.format == EVENT_EXPORT_JSON, known = lost != RING_LOST_UNKNOWN;
	size_t columns = x->opts.columns ? x->opts.columns->names.nr : 1;

	if (json) {
		buf_puts(out, "{\"time\":");
		buf_dec(out, rec->ts);
		buf_puts(out, ",\"cpu\":");
		buf_dec(out, rec->cpu);
		buf_put(out, where->data, where->len);
		buf_puts(out, ",\"lost\":");
		if (known)
			buf_dec(out, lost);
		else
			buf_puts(out, "null");
		buf_puts(out, "}\n");
		return;
	}
	buf_dec(out, rec->ts);
	buf_puts(out, ",");
	buf_dec(out, rec->cpu);
	buf_puts(out, ",,,,");
	buf_put(out, where->data, where->len);
	buf_puts(out, ",");
	if (known)
		buf_dec(out, lost);
	else
		buf_puts(out, "-1");
	buf_fill(out, ',', 2 + columns + x->opts.decoded + x->opts.text);
	buf_puts(out, "\n");
}

int event_export_ctx_new(struct event_export_ctx **ret, struct err *e)
{
	struct event_export_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return err_errno(e, -ENOMEM, "cannot export");
	*ret = ctx;
	return 0;
}

void event_export_ctx_free(struct event_export_ctx *ctx)
{
	if (!ctx)
		return;
	buf_release(&ctx->bytes);
	buf_release(&ctx->text);
	free(ctx);
}
