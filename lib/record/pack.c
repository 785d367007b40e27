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
