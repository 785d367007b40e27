// SPDX-License-Identifier: LGPL-2.1-or-later
/* The merge: streams in a heap by the time of their next record. */
#include <errno.h>

#include "files.h"

/* Reads the streams' tables. Damaged tables cost their CPU. */
static int load_tables(struct replay *rp, struct err *e)
{
	for (uint32_t i = 0; i < rp->streams.nr; i++) {
		struct stream *s = &rp->streams.v[i];
		struct err why = { 0 };
		struct ring_abi abi;
		int rc;

		rc = replay_abi(rp, s->cur.rec.file, &abi, e);
		if (rc)
			return rc;
		rc = stream_load(s, &abi, &why);
		if (rc == -ENOMEM)
			return err_set(e, rc, "%s", why.text);
		if (rc) {
			rp->env.damage++;
			notice(rp->opts.notices, "%s", why.text);
		} else if (s->chunks.broken_at) {
			rp->env.damage++;	/* the reader has told it */
		}
	}
	return 0;
}

static int fail(struct replay *rp, struct err *e, int rc)
{
	if (!rp->failed.code && e)
		rp->failed = *e;
	rp->failed.code = rc;
	return rc;
}

int replay_load(struct replay *rp, struct err *e)
{
	struct err why = { 0 };
	int rc;

	if (rp->failed.code)
		return err_set(e, rp->failed.code, "%s", rp->failed.text);
	if (!rp->started)
		return err_set(e, -EINVAL, "the replay was not started");
	if (rp->loaded)
		return 0;
	rp->loaded = true;
	rc = load_tables(rp, &why);
	if (rc) {
		fail(rp, &why, rc);
		return err_set(e, rc, "%s", why.text);
	}
	return 0;
}

/* What ready has to do before the first record and after a failure. */
static int make_ready(struct replay *rp, struct err *e)
{
	struct err why = { 0 };
	int rc = replay_load(rp, e);

	if (rc < 0)
		return rc;
	rp->ready = true;
	for (uint32_t i = 0; i < rp->streams.nr; i++) {
		struct stream *s = &rp->streams.v[i];

		rc = stream_next(s, &rp->env, &why);
		if (rc < 0) {
			fail(rp, &why, rc);
			return err_set(e, rc, "%s", why.text);
		}
		if (rc)
			rp->heap[rp->nr_heap++] = (struct heap_entry) { s->cur.rec.ts, i };
	}
	heap_build(rp->heap, rp->nr_heap);
	return 0;
}

/* Everything that reads records comes through here first. */
static inline int ready(struct replay *rp, struct err *e)
{
	return __builtin_expect(rp->ready && !rp->failed.code, 1) ? 0 : make_ready(rp, e);
}

/* Moves the stream on top past its record, which was handed out. */
static int consume(struct replay *rp, struct err *e)
{
	struct heap_entry top = rp->heap[0];
	struct stream *s = &rp->streams.v[top.stream];
	int rc = stream_next(s, &rp->env, e);

	rp->consumed = false;
	if (rc < 0)
		return fail(rp, e, rc);
	if (rc)
		top.ts = s->cur.rec.ts;
	else if (--rp->nr_heap)
		top = rp->heap[rp->nr_heap];
	if (rp->nr_heap)
		heap_sift(rp->heap, rp->nr_heap, 0, top);
	return 0;
}

int replay_next(struct replay *rp, struct replay_record *ret, struct err *e)
{
	int rc = ready(rp, e);

	if (rc)
		return rc;
	if (rp->consumed) {
		rc = consume(rp, e);
		if (rc)
			return rc;
	}
	if (!rp->nr_heap)
		return 0;
	*ret = rp->streams.v[rp->heap[0].stream].cur.rec;
	rp->consumed = true;
	return 1;
}

/* The record a stream gives next: 1, 0, -errno. */
static int upcoming(struct replay *rp, uint32_t i, const struct replay_record **ret, struct err *e)
{
	struct stream *s = &rp->streams.v[i];
	int rc;

	if (rp->consumed && rp->heap[0].stream == i) {
		rc = stream_peek(s, &rp->env, e);
		*ret = &s->ahead.rec;
		return rc;
	}
	*ret = &s->cur.rec;
	return !s->ended;
}

/* The streams [*from, *to) of a buffer. */
static void buffer_streams(struct replay *rp, unsigned file, unsigned buffer, uint32_t *from,
			   uint32_t *to)
{
	const struct file *f = &rp->files.v[file];

	*from = f->buffer_stream[buffer];
	*to = f->buffer_stream[buffer + 1];
}

int replay_peek_buffer(struct replay *rp, unsigned file, unsigned buffer,
		       struct replay_record *ret, struct err *e)
{
	const struct replay_record *rec, *best = NULL;
	uint32_t i, to;
	int rc = ready(rp, e);

	if (rc)
		return rc;
	for (buffer_streams(rp, file, buffer, &i, &to); i < to; i++) {
		rc = upcoming(rp, i, &rec, e);
		if (rc < 0)
			return rc;
		if (rc && (!best || rec->ts < best->ts))
			best = rec;
	}
	if (!best)
		return 0;
	*ret = *best;
	return 1;
}

/* The stream of a CPU, or NULL. */
static struct stream *find_stream(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu)
{
	uint32_t from, to;

	buffer_streams(rp, file, buffer, &from, &to);
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		struct stream *s = &rp->streams.v[mid];

		if (s->cur.rec.cpu == cpu)
			return s;
		if (s->cur.rec.cpu < cpu)
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
	struct stream *s;
	int rc = ready(rp, e);

	if (rc)
		return rc;
	s = find_stream(rp, file, buffer, cpu);
	if (!s)
		return 0;
	rc = upcoming(rp, s - rp->streams.v, &rec, e);
	if (rc > 0)
		*ret = *rec;
	return rc;
}

int replay_cpu_span(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    uint64_t *first_ts, uint64_t *last_ts, struct err *e)
{
	struct stream *s;
	int rc = ready(rp, e);

	if (rc)
		return rc;
	s = find_stream(rp, file, buffer, cpu);
	return s ? stream_span(s, &rp->env, first_ts, last_ts, e) : 0;
}

uint64_t replay_damage(const struct replay *rp)
{
	return rp->env.damage;
}
