// SPDX-License-Identifier: LGPL-2.1-or-later
#include <pthread.h>
#include <stdlib.h>

#include "ahead.h"

/* Larger chunks would be too much memory for a gain that others have by threads. */
#define CHUNK_BYTES_MAX (1u << 20)

struct slot {
	uint32_t chunk;			/* that is next */
	const struct stream *s;		/* NULL: it is not to be loaded */
	struct dat_chunk where;		/* a copy: tables grow meanwhile */
	bool queued;
	struct cached_chunk *held;	/* that chunk, or NULL */
};

struct ahead {
	struct chunk_cache *cache;
	struct codec_ctx codec;		/* of the thread */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	/* under the lock */
	struct slot *slots;		/* by stream */
	uint32_t *queue;		/* streams whose slots wait: a ring of nr */
	uint32_t nr, first, waiting;
	bool stop;
};

/* Under the lock, which is given up meanwhile. */
static void load(struct ahead *a, uint32_t nr)
{
	struct slot *slot = &a->slots[nr];
	const struct dat_chunk where = slot->where;
	struct chunk_source from = {
		.stream = nr, .chunk = slot->chunk, .where = &where, .codec = &a->codec, .keep = true,
	};
	struct cached_chunk *got = NULL;
	struct err why = { 0 };

	if (!slot->s)
		return;
	from.reader = slot->s->reader;
	from.buffer = slot->s->buffer;
	slot->s = NULL;
	pthread_mutex_unlock(&a->lock);
	if (cache_get(a->cache, &from, &got, &why) <= 0)
		got = NULL;
	pthread_mutex_lock(&a->lock);
	/* too late? */
	if (slot->chunk != from.chunk)
		cache_put(got);
	else
		slot->held = got;
}

static void *work(void *ctx)
{
	struct ahead *a = ctx;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		uint32_t nr;

		if (!a->waiting) {
			pthread_cond_wait(&a->wanted, &a->lock);
			continue;
		}
		nr = a->queue[a->first];
		a->first = (a->first + 1) % a->nr;
		a->waiting--;
		a->slots[nr].queued = false;
		load(a, nr);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void release(struct ahead *a)
{
	for (uint32_t i = 0; a->slots && i < a->nr; i++)
		cache_put(a->slots[i].held);
	codec_ctx_release(&a->codec);
	pthread_cond_destroy(&a->wanted);
	pthread_mutex_destroy(&a->lock);
	free(a->slots);
	free(a->queue);
	free(a);
}

struct ahead *ahead_start(struct chunk_cache *cache, uint32_t nr)
{
	struct ahead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->cache = cache;
	a->nr = nr;
	a->slots = calloc(nr + 1, sizeof(*a->slots));
	a->queue = calloc(nr + 1, sizeof(*a->queue));
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wanted, NULL);
	if (a->slots && a->queue && !pthread_create(&a->thread, NULL, work, a))
		return a;
	release(a);
	return NULL;
}

void ahead_stop(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->wanted);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	release(a);
}

void ahead_want(struct ahead *a, const struct stream *s, uint32_t nr, uint32_t chunk)
{
	bool is_there = chunk < s->chunks.nr && s->chunks.v[chunk].usize <= CHUNK_BYTES_MAX;
	struct slot *slot = &a->slots[nr];

	pthread_mutex_lock(&a->lock);
	if (slot->chunk != chunk) {
		cache_put(slot->held);
		slot->held = NULL;
		slot->chunk = chunk;
		slot->s = is_there ? s : NULL;
		if (is_there)
			slot->where = s->chunks.v[chunk];
		if (is_there && !slot->queued) {
			a->queue[(a->first + a->waiting++) % a->nr] = nr;
			slot->queued = true;
			pthread_cond_signal(&a->wanted);
		}
	}
	pthread_mutex_unlock(&a->lock);
}
