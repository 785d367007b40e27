// SPDX-License-Identifier: LGPL-2.1-or-later
/* The merge: streams in a heap by the time of their next record. */
#include <errno.h>
#include <stdlib.h>

#include "files.h"

/* ---- making cursors ---- */

int replay_cursor_new(struct replay *rp, struct replay_cursor **ret, struct err *e)
{
	struct replay_cursor *c = calloc(1, sizeof(*c));

	if (!c)
		return err_errno(e, -ENOMEM, "cannot replay");
	c->rp = rp;
	c->env = replay_env(rp);
	c->v = calloc(rp->streams.nr + 1, sizeof(*c->v));
	c->heap = calloc(rp->streams.nr + 1, sizeof(*c->heap));
	if (!c->v || !c->heap) {
		replay_cursor_free(c);
		return err_errno(e, -ENOMEM, "cannot replay");
	}
	c->nr = rp->streams.nr;
	for (uint32_t i = 0; i < c->nr; i++)
		stream_cur_init(&c->v[i], &rp->streams.v[i], i);
	replay_cursor_choose(c);
	*ret = c;
	return 0;
}

void replay_cursor_free(struct replay_cursor *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->nr; i++)
		stream_cur_release(&c->v[i]);
	codec_ctx_release(&c->env.codec);
	free(c->v);
	free(c->heap);
	free(c);
}

/* What decides how long the top goes on without a look at the heap. */
static void find_second(struct replay_cursor *c)
{
	struct heap_entry *h = c->heap, *second = &c->second;

	c->top = h[0].stream;
	*second = (struct heap_entry) { UINT64_MAX, UINT32_MAX };
	if (c->nr_heap > 1)
		*second = h[1];
	if (c->nr_heap > 2 && heap_before(&h[2], second))
		*second = h[2];
	if (c->has_limit && c->limit <= second->ts)
		*second = (struct heap_entry) { c->limit, 0 };
}

void replay_cursor_order(struct replay_cursor *c)
{
	c->nr_heap = 0;
	c->consumed = false;
	for (uint32_t i = 0; i < c->nr; i++)
		if (!c->v[i].ended)
			c->heap[c->nr_heap++] = (struct heap_entry) { c->v[i].cur.rec.ts, i };
	heap_build(c->heap, c->nr_heap);
	find_second(c);
}

void replay_cursor_choose(struct replay_cursor *c)
{
	for (uint32_t i = 0; c->rp->ids && i < c->nr; i++)
		c->v[i].ids = c->rp->ids[c->v[i].s->file];
}

int replay_cursor_start(struct replay_cursor *c, struct err *e)
{
	int rc = 0;

	c->env.silent = true;
	for (uint32_t i = 0; i < c->nr && rc >= 0; i++)
		rc = stream_next(&c->v[i], &c->env, e);
	c->env.silent = false;
	if (rc < 0)
		return rc;
	replay_cursor_order(c);
	return 0;
}

int replay_cursor_tell_start(struct replay_cursor *c, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->nr && rc >= 0; i++)
		rc = stream_tell_start(&c->v[i], &c->env, e);
	return rc < 0 ? rc : 0;
}

void replay_cursor_places(const struct replay_cursor *c, struct stream_place *ret)
{
	for (uint32_t i = 0; i < c->nr; i++)
		stream_place_get(&c->v[i], &ret[i]);
}

int replay_cursor_goto(struct replay_cursor *c, const struct stream_place *places, struct err *e)
{
	for (uint32_t i = 0; i < c->nr; i++) {
		int rc = stream_place_set(&c->v[i], &c->env, &places[i], e);

		if (rc < 0)
			return rc;
	}
	replay_cursor_order(c);
	return 0;
}

/* ---- records ---- */

/* The top's record was handed out and its next one is not the first any more, or
 * there is none. */
static int reorder(struct replay_cursor *c, int more)
{
	struct heap_entry top = { c->v[c->top].cur.rec.ts, c->top };

	if (!more && --c->nr_heap)
		top = c->heap[c->nr_heap];
	if (c->nr_heap)
		heap_sift(c->heap, c->nr_heap, 0, top);
	find_second(c);
	return 0;
}

static int fail(struct replay_cursor *c, int rc, struct err *e)
{
	struct err out_of_memory = { .code = rc, .text = "out of memory" };

	c->failed = e && e->code ? *e : out_of_memory;
	c->failed.code = rc;
	return rc;
}

/* The next record of the top that may be wanted, or that ends the window: 1, 0, -errno. */
static inline int move_on(struct replay_cursor *c, struct err *e)
{
	struct stream_cur *s = &c->v[c->top];
	int rc = stream_next(s, &c->env, e);

	if (rc > 0)
		stream_pass(s, c->has_limit ? c->limit : UINT64_MAX);
	return rc;
}

int replay_cursor_step(struct replay_cursor *c, struct err *e)
{
	int rc;

	if (!c->consumed)
		return 0;
	rc = move_on(c, e);
	c->consumed = false;
	return rc < 0 ? fail(c, rc, e) : reorder(c, rc);
}

/* What does not go the short way: 1, 0, -errno. */
static int next_slow(struct replay_cursor *c, struct err *e)
{
	int rc;

	if (c->failed.code)
		return err_set(e, c->failed.code, "%s", c->failed.text);
	if (!c->nr_heap)
		return 0;
	rc = replay_cursor_step(c, e);
	if (rc < 0)
		return rc;
	if (!c->nr_heap || (c->has_limit && c->v[c->top].cur.rec.ts >= c->limit))
		return 0;
	c->consumed = true;
	return 1;
}

static inline int next(struct replay_cursor *c, struct err *e)
{
	struct heap_entry at;
	int rc;

	if (__builtin_expect(!c->consumed, 0))
		return next_slow(c, e);
	rc = move_on(c, e);
	if (__builtin_expect(rc < 0, 0)) {
		c->consumed = false;
		return fail(c, rc, e);
	}
	at = (struct heap_entry) { c->v[c->top].cur.rec.ts, c->top };
	if (rc && heap_before(&at, &c->second))
		return 1;
	c->consumed = false;
	reorder(c, rc);
	return next_slow(c, e);
}

int replay_cursor_next(struct replay_cursor *c, const struct replay_record **ret, struct err *e)
{
	int rc = next(c, e);

	if (rc > 0)
		*ret = &c->v[c->top].cur.rec;
	return rc;
}

/* The record a stream gives next: 1, 0, -errno. */
static int upcoming(struct replay_cursor *c, uint32_t i, const struct replay_record **ret,
		    struct err *e)
{
	struct stream_cur *s = &c->v[i];
	int rc;

	if (c->consumed && c->top == i) {
		rc = stream_peek(s, &c->env, e);
		*ret = &s->ahead.rec;
		return rc;
	}
	*ret = &s->cur.rec;
	return !s->ended;
}

int replay_cursor_peek(struct replay_cursor *c, const struct replay_record **ret, struct err *e)
{
	return upcoming(c, c->top, ret, e);
}

/* The streams [*from, *to) of a buffer. */
static void buffer_streams(const struct replay *rp, unsigned file, unsigned buffer, uint32_t *from,
			   uint32_t *to)
{
	const struct file *f = &rp->files.v[file];

	*from = f->buffer_stream[buffer];
	*to = f->buffer_stream[buffer + 1];
}

int replay_cursor_peek_buffer(struct replay_cursor *c, unsigned file, unsigned buffer,
			      const struct replay_record **ret, struct err *e)
{
	const struct replay_record *rec, *best = NULL;
	uint32_t i, to;

	for (buffer_streams(c->rp, file, buffer, &i, &to); i < to; i++) {
		int rc = upcoming(c, i, &rec, e);

		if (rc < 0)
			return rc;
		if (rc && (!best || rec->ts < best->ts))
			best = rec;
	}
	*ret = best;
	return best != NULL;
}

/* ---- the replay's own cursor ---- */

/* The cursor, at the first record. */
static int make_main(struct replay *rp, struct err *e)
{
	struct replay_cursor *c;
	int rc;

	if (rp->main)
		return 0;
	rc = rp->failed.code ? rp->failed.code : replay_load_heads(rp, e);
	if (rc)
		return rp->failed.code ? err_set(e, rc, "%s", rp->failed.text) : rc;
	rc = replay_cursor_new(rp, &c, e);
	if (rc)
		return rc;
	rp->main = c;
	rc = replay_cursor_start(c, e);
	return rc ? fail(c, rc, e) : 0;
}

/* What ready has to do before the first record. */
static int make_ready(struct replay *rp, struct err *e)
{
	int rc = make_main(rp, e);

	if (rc)
		return rc;
	rp->begun = true;
	rc = replay_cursor_tell_start(rp->main, e);
	return rc ? fail(rp->main, rc, e) : 0;
}

/* Everything that reads records one by one comes through here first. */
static inline int ready(struct replay *rp, struct err *e)
{
	return __builtin_expect(rp->begun, 1) ? 0 : make_ready(rp, e);
}

int replay_next(struct replay *rp, struct replay_record *ret, struct err *e)
{
	int rc = ready(rp, e);

	if (!rc)
		rc = next(rp->main, e);
	if (rc > 0)
		*ret = rp->main->v[rp->main->top].cur.rec;
	return rc;
}

int replay_begin(struct replay *rp, struct err *e)
{
	int rc = make_main(rp, e);

	return rc ? rc : rp->main->nr_heap != 0;
}

int replay_first_ts(struct replay *rp, uint64_t *ret, struct err *e)
{
	uint64_t first;
	int rc = replay_begin(rp, e), others;

	if (rc < 0)
		return rc;
	others = replay_first_left_out(rp, &first, e);
	if (rc) {
		uint64_t ts = rp->main->v[rp->main->top].cur.rec.ts;

		first = others > 0 && first < ts ? first : ts;
	}
	if (rc || others > 0)
		*ret = first;
	return others < 0 ? others : rc || others;
}

/* The stream of a CPU, or NULL. */
static const struct stream *find_stream(struct replay *rp, unsigned file, unsigned buffer,
					uint32_t cpu)
{
	uint32_t from, to;

	buffer_streams(rp, file, buffer, &from, &to);
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		const struct stream *s = &rp->streams.v[mid];

		if (s->cpu == cpu)
			return s;
		if (s->cpu < cpu)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}

int replay_peek_cpu(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    struct replay_record *ret, struct err *e)
{
	const struct replay_record *rec;
	const struct stream *s;
	int rc = ready(rp, e);

	if (rc)
		return rc;
	s = find_stream(rp, file, buffer, cpu);
	if (!s)
		return 0;
	rc = upcoming(rp->main, s - rp->streams.v, &rec, e);
	if (rc > 0)
		*ret = *rec;
	return rc;
}

int replay_cpu_span(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    uint64_t *first_ts, uint64_t *last_ts, struct err *e)
{
	const struct stream *s;
	int rc = ready(rp, e);

	if (rc)
		return rc;
	rc = replay_load(rp, e);
	if (rc)
		return rc;
	s = find_stream(rp, file, buffer, cpu);
	return s ? stream_span(s, &rp->main->env, first_ts, last_ts, e) : 0;
}

uint64_t replay_damage(const struct replay *rp)
{
	return rp->damage;
}
