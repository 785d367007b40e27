// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/pack.h"

#define THREADS_MAX 16

struct work {
	const struct codec *codec;
	struct packed *v;
	size_t nr;
	atomic_size_t next;
};

struct pack_thread {
	pthread_t id;
	bool running;
	struct work *work;
	struct codec_ctx ctx;
	struct buf pages;
};

static int pack_one(struct pack_thread *t, const struct codec *codec, struct packed *p)
{
	size_t bound = codec_bound(codec, p->chunk->csize), len;
	int r;

	buf_clear(&t->pages);
	buf_clear(&p->data);
	if (buf_reserve(&t->pages, p->chunk->csize) || buf_reserve(&p->data, bound))
		return -ENOMEM;
	r = pread_full(p->chunk->fd, t->pages.data, p->chunk->csize, p->chunk->offset);
	if (!r)
		r = codec_compress(codec, &t->ctx, t->pages.data, p->chunk->csize, p->data.data, bound,
				   &len);
	if (!r)
		p->data.len = len;
	return r;
}

static void *pack_some(void *thread)
{
	struct pack_thread *t = thread;
	struct work *w = t->work;
	size_t i;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->nr)
		w->v[i].code = pack_one(t, w->codec, &w->v[i]);
	return NULL;
}

static int make_threads(struct packer *p)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (p->threads)
		return 0;
	p->nr_threads = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : cpus;
	p->threads = calloc(p->nr_threads, sizeof(*p->threads));
	return p->threads ? 0 : -ENOMEM;
}

int pack_chunks(struct packer *p, const struct codec *codec, const struct spool *s, size_t first,
		size_t nr, struct err *e)
{
	struct work w = { .codec = codec, .v = p->v, .nr = nr };

	if (make_threads(p))
		return err_errno(e, -ENOMEM, "cannot compress what was recorded");
	for (size_t i = 0; i < nr; i++)
		p->v[i].chunk = spool_chunk(s, first + i);
	/* One that cannot be made is done without: the first is this one. */
	for (size_t i = 0; i < p->nr_threads && i < nr; i++) {
		struct pack_thread *t = &p->threads[i];

		t->work = &w;
		t->running = i && !pthread_create(&t->id, NULL, pack_some, t);
	}
	pack_some(&p->threads[0]);
	for (size_t i = 0; i < p->nr_threads && i < nr; i++)
		if (p->threads[i].running)
			pthread_join(p->threads[i].id, NULL);
	for (size_t i = 0; i < nr; i++)
		if (p->v[i].code)
			return err_errno(e, p->v[i].code, "cannot compress what lies in '%s' at offset 0x%"
					 PRIx64, spool_path(s), p->v[i].chunk->offset);
	return 0;
}

void packer_release(struct packer *p)
{
	for (size_t i = 0; i < p->nr_threads && p->threads; i++) {
		codec_ctx_release(&p->threads[i].ctx);
		buf_release(&p->threads[i].pages);
	}
	for (size_t i = 0; i < ARRAY_SIZE(p->v); i++)
		buf_release(&p->v[i].data);
	free(p->threads);
	*p = (struct packer){ 0 };
}

/* ---- a whole spool -------------------------------------------------------------- */

/* One that is compressed already. */
static int stash_as_is(struct packer *p, struct spool *s, struct spool_place *at, struct err *e)
{
	const struct spool_chunk *c = spool_chunk(s, at->chunk);
	struct buf *b = &p->v[0].data;
	int r;

	buf_clear(b);
	if (buf_reserve(b, c->csize))
		return err_errno(e, -ENOMEM, "cannot move what was recorded");
	r = pread_full(c->fd, b->data, c->csize, c->offset);
	if (r)
		return err_errno(e, r, "cannot read '%s' at offset 0x%" PRIx64, spool_path(s), c->offset);
	at->csize = c->csize;
	return spool_stash(s, at, b->data, e);
}

static int stash_packed(struct spool *s, const struct packed *x, struct spool_place *at, struct err *e)
{
	at->packed = true;
	at->csize = x->data.len;
	at->check = spool_packed_check(s, at->chunk, x->data.data, at->csize);
	return spool_stash(s, at, x->data.data, e);
}

/* The chunks @first to @first + @nr - 1, all raw or none. */
static int stash_run(struct packer *p, const struct codec *codec, struct spool *s, size_t first,
		     size_t nr, struct err *e)
{
	bool raw = spool_chunk(s, first)->raw;
	struct spool_place v[PACK_GROUP];
	int r = raw ? pack_chunks(p, codec, s, first, nr, e) : 0;

	for (size_t i = 0; i < nr && !r; i++) {
		v[i] = (struct spool_place){ .chunk = first + i };
		r = raw ? stash_packed(s, &p->v[i], &v[i], e) : stash_as_is(p, s, &v[i], e);
	}
	return r ? r : spool_stash_settle(s, v, nr, e);
}

int pack_spool(const struct codec *codec, struct spool *s, bool sync, struct err *e)
{
	size_t end = spool_nr_chunks(s), stop = 0, first;
	struct packer p = { 0 };
	int r;

	while (stop < end && !spool_chunk(s, stop)->raw)
		stop++;
	if (stop == end)
		return 0;
	r = spool_stash_begin(s, sync, e);
	for (; end > stop && !r; end = first) {
		bool raw = spool_chunk(s, end - 1)->raw;

		first = end - 1;
		while (first > stop && end - first < PACK_GROUP && spool_chunk(s, first - 1)->raw == raw)
			first--;
		r = stash_run(&p, codec, s, first, end - first, e);
	}
	spool_stash_end(s);
	packer_release(&p);
	return r;
}
