// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sub-buffers without a merge. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "files.h"

/* What a worker takes at a time, unless it takes a whole CPU. */
#define BATCH_BYTES_MAX (16u << 20)
#define BATCHES_EACH 8			/* per worker at least, so that all end together */

/* What is damaged in a batch: told when all is read, in the order of the batches. */
struct told { VEC(char *) texts; uint64_t untold; };

struct scan {
	struct replay *rp;
	const struct replay_scan *todo;
	struct time_range range;	/* of todo */
	uint64_t batch;			/* bytes */
	pthread_mutex_t lock;		/* of what follows */
	uint32_t stream, chunk;		/* next to be taken */
	VEC(struct told) told;		/* by batch */
	struct err failed;
};

struct worker {
	struct scan *sc;
	unsigned nr;
	pthread_t thread;
	uint8_t *data;			/* a chunk */
	size_t cap;
	/* of what is being read */
	const struct stream *s;
	struct replay_cpu cpu;
	struct stream_env env;
	struct told told;
	bool has_reached;
	uint64_t reached;		/* the time at which the page before ended */
};

/* ---- damage ---- */

static void forget(struct told *t)
{
	for (size_t i = 0; i < t->texts.nr; i++)
		free(t->texts.v[i]);
	t->texts.nr = 0;
	t->untold = 0;
}

static void tell_later(void *ctx, bool damage, const char *text)
{
	struct told *t = ctx;
	char *copy = text ? strdup(text) : NULL;

	if (copy && !vec_push(&t->texts, copy))
		return;
	free(copy);
	t->untold += damage;
}

static void tell_all(struct scan *sc)
{
	for (size_t i = 0; i < sc->told.nr; i++) {
		struct told *t = &sc->told.v[i];

		for (size_t k = 0; k < t->texts.nr; k++)
			replay_tell(sc->rp, true, t->texts.v[k]);
		sc->rp->damage += t->untold;
		forget(t);
		vec_release(&t->texts);
	}
	vec_release(&sc->told);
}

static void damaged(struct worker *w, const char *text)
{
	stream_tell_damage(w->s, &w->env, text);
	w->sc->todo->lost(w->sc->todo->ctx, w->nr, &w->cpu, RING_LOST_UNKNOWN);
}

/* ---- batches ---- */

/* Chunks [from, to) of a stream; @nr: its number. */
struct batch { const struct stream *s; uint32_t from, to, nr; };

static void fail(struct scan *sc, const struct err *why)
{
	if (!sc->failed.code)
		sc->failed = *why;
}

/* Under the lock, as fail. */
static bool take_batch(struct scan *sc, struct batch *ret)
{
	const struct told nothing = { 0 };
	struct err no_memory;
	const struct replay *rp = sc->rp;
	const struct stream *s;
	uint64_t bytes = 0;

	while (sc->stream < rp->streams.nr && sc->chunk == rp->streams.v[sc->stream].chunks.nr) {
		sc->stream++;
		sc->chunk = 0;
	}
	if (sc->stream == rp->streams.nr || sc->failed.code)
		return false;
	if (vec_push(&sc->told, nothing)) {
		err_errno(&no_memory, -ENOMEM, "cannot read the sub-buffers");
		fail(sc, &no_memory);
		return false;
	}
	s = &rp->streams.v[sc->stream];
	*ret = (struct batch){ .s = s, .from = sc->chunk, .nr = sc->told.nr - 1 };
	while (sc->chunk < s->chunks.nr && (sc->todo->in_order || bytes < sc->batch))
		bytes += s->chunks.v[sc->chunk++].usize;
	ret->to = sc->chunk;
	return true;
}

/* In order: whether time goes on from the page before. */
static void check_order(struct worker *w, const struct dat_chunk *c, uint32_t off,
			const struct ring_page *page)
{
	if (w->has_reached && page->end > page->header &&
	    stream_leaves_range(w->s, &w->env, w->reached, page->page_ts))
		stream_tell_order(w->s, &w->env, c, off, w->reached, page->page_ts);
}

/* The same of the events in a page that is in front of its first one. */
static void check_steps(struct worker *w, const struct dat_chunk *c, uint32_t off,
			struct ring_page page)
{
	const struct time_range *range = w->env.range;
	struct ring_event ev;
	uint64_t reached;

	if (!w->sc->todo->in_order || (!range->has_from && !range->has_to))
		return;
	if (w->has_reached)
		reached = stream_before_page(w->reached, &page);
	else if (ring_page_next(&page, &ev) > 0)
		reached = ev.ts;
	else
		return;
	stream_tell_steps(w->s, &w->env, c, off, &page, reached);
}

/* The range of time ends in this page: whether time goes on from there. 1, -errno. */
static int leave_range(struct worker *w, const struct dat_chunk *c, uint32_t off,
		       const struct ring_page *page, struct err *e)
{
	struct stream_cur cur;
	int rc;

	stream_cur_init(&cur, w->s, w->cpu.nr);
	rc = stream_tell_behind(&cur, &w->env, c - w->s->chunks.v, off, page->now, e);
	stream_cur_release(&cur);
	return rc ? rc : 1;
}

/* 0, 1 for enough of this CPU, -errno. */
static int scan_page(struct worker *w, const struct dat_chunk *c, uint32_t off, struct err *e)
{
	const struct replay_scan *todo = w->sc->todo;
	const struct stream *s = w->s;
	struct ring_page page, start;
	uint32_t have = c->usize - off;
	char text[160];
	int rc;

	if (have > s->page_size)
		have = s->page_size;
	rc = ring_page_open_cut(&page, &s->abi, w->data + off, have, s->page_size);
	if (!rc) {
		check_order(w, c, off, &page);
		if (page.lost)
			todo->lost(todo->ctx, w->nr, &w->cpu, page.lost);
		start = page;
		rc = todo->page(todo->ctx, w->nr, &w->cpu, &page, e);
		if (rc < 0)
			return rc;
		if (rc & REPLAY_SCAN_FRONT)
			forget(&w->told);
		check_steps(w, c, off, start);
		if (rc & REPLAY_SCAN_ENOUGH)
			return leave_range(w, c, off, &page, e);
		w->has_reached |= todo->in_order && page.end > page.header;
		if (page.end > page.header)
			w->reached = page.now;
	}
	if (page.bad) {
		stream_page_defect(c, off, &page, rc < 0 ? 0 : page.pos, text, sizeof(text));
		damaged(w, text);
	}
	return 0;
}

/* The chunk's pages from offset @off on; as scan_page. */
static int scan_chunk(struct worker *w, const struct dat_chunk *c, uint32_t off, struct err *e)
{
	struct err why = { 0 };
	int rc;

	if (c->usize > w->cap) {
		uint8_t *p = realloc(w->data, c->usize);

		if (!p)
			return err_errno(e, -ENOMEM, "cannot hold a chunk of %u bytes", c->usize);
		w->data = p;
		w->cap = c->usize;
	}
	rc = dat_chunk_read(w->s->reader, w->cpu.buffer, c, &w->env.codec, w->data, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s", why.text);
	if (rc < 0) {
		damaged(w, why.text);
		return 0;
	}
	for (; off < c->usize && !rc; off += w->s->page_size)
		rc = scan_page(w, c, off, e);
	return rc;
}

/* The sub-buffer in front of the range of time, in the stream's uncompressed bytes. */
static int find_start(struct worker *w, const struct batch *b, uint64_t *ret, struct err *e)
{
	struct stream_cur cur;
	int rc;

	*ret = 0;
	if (!w->sc->todo->has_from || !w->sc->todo->in_order)
		return 0;
	stream_cur_init(&cur, b->s, w->cpu.nr);
	rc = stream_find(&cur, &w->env, w->sc->todo->from, ret, e);
	stream_cur_release(&cur);
	*ret -= *ret < b->s->page_size ? *ret : b->s->page_size;
	return rc;
}

static int scan_batch(struct worker *w, const struct batch *b, struct err *e)
{
	uint64_t start;
	int rc;

	w->s = b->s;
	w->env.told = 0;
	w->has_reached = false;
	w->cpu = (struct replay_cpu){
		.file = b->s->file, .buffer = b->s->buffer, .cpu = b->s->cpu,
		.nr = b->s - w->sc->rp->streams.v, .conv = &b->s->conv,
	};
	rc = find_start(w, b, &start, e);
	for (uint32_t i = b->from; i < b->to && !rc; i++) {
		const struct dat_chunk *c = &b->s->chunks.v[i];

		if (start < c->start + c->usize)
			rc = scan_chunk(w, c, start > c->start ? start - c->start : 0, e);
	}
	return rc;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct err e = { 0 };
	struct batch b;

	pthread_mutex_lock(&w->sc->lock);
	while (take_batch(w->sc, &b)) {
		int rc;

		pthread_mutex_unlock(&w->sc->lock);
		rc = scan_batch(w, &b, &e);
		pthread_mutex_lock(&w->sc->lock);
		w->sc->told.v[b.nr] = w->told;
		w->told = (struct told){ 0 };
		if (rc < 0)
			fail(w->sc, &e);
	}
	pthread_mutex_unlock(&w->sc->lock);
	return NULL;
}

/* The first worker is the caller. With fewer threads than wanted it goes on. */
static void run(struct scan *sc, struct worker *workers, unsigned nr)
{
	unsigned started = 1;

	for (unsigned i = 0; i < nr; i++) {
		struct worker *w = &workers[i];

		*w = (struct worker){ .sc = sc, .nr = i, .env = replay_env(sc->rp) };
		w->env.tell = tell_later;
		w->env.tell_ctx = &w->told;
		w->env.range = &sc->range;
	}
	while (started < nr && !pthread_create(&workers[started].thread, NULL, work, &workers[started]))
		started++;
	work(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < started; i++) {
		codec_ctx_release(&workers[i].env.codec);
		free(workers[i].data);
	}
}

int replay_scan(struct replay *rp, const struct replay_scan *scan, struct err *e)
{
	unsigned threads = scan->threads ? scan->threads : 1;
	struct scan sc = {
		.rp = rp, .todo = scan, .range = { scan->has_from, scan->has_to, scan->from, scan->to },
	};
	AUTO_FREE struct worker *workers = NULL;
	uint64_t total = 0;
	int rc = replay_load(rp, e);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < rp->streams.nr; i++)
		total += rp->streams.v[i].chunks.total;
	sc.batch = total / threads / BATCHES_EACH;
	if (sc.batch > BATCH_BYTES_MAX)
		sc.batch = BATCH_BYTES_MAX;
	if (!sc.batch)
		sc.batch = 1;
	workers = calloc(threads, sizeof(*workers));
	if (!workers || pthread_mutex_init(&sc.lock, NULL))
		return err_errno(e, -ENOMEM, "cannot read the sub-buffers");
	run(&sc, workers, threads);
	tell_all(&sc);
	pthread_mutex_destroy(&sc.lock);
	return sc.failed.code ? err_set(e, sc.failed.code, "%s", sc.failed.text) : 0;
}
