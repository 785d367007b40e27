// SPDX-License-Identifier: LGPL-2.1-or-later
#include <pthread.h>
#include <stdlib.h>

#include "ahead.h"

/*
 * Of each stream so many chunks and bytes are held at most. To wake the thread costs more than a
 * small chunk does: it makes several at a time, and sleeps until half of them are used.
 */
#define DEPTH 8
#define BYTES_MAX (512u << 10)
/* Larger chunks would be too much memory for a gain that others have by threads. */
#define CHUNK_BYTES_MAX (1u << 20)

struct wanted {
	struct dat_chunk where;		/* a copy: tables grow meanwhile */
	struct cached_chunk *held;	/* NULL: not loaded, or it cannot be read */
};

/* Chunk i is v[i % DEPTH]. */
struct slot {
	const struct stream *s;
	uint32_t next;			/* the chunk that is used next */
	uint32_t have;			/* those from next up to here were loaded ... */
	uint32_t end;			/* ... and those up to here are wanted */
	struct wanted v[DEPTH];
};

struct ahead {
	struct chunk_cache *cache;
	struct codec_ctx codec;		/* of the thread */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	/* under the lock */
	struct slot *slots;		/* by stream */
	uint32_t nr;
	bool sleeping;
	bool stop;
};

/* The slot that is out of chunks first; NULL: nothing is wanted. */
static struct slot *poorest(const struct ahead *a)
{
	struct slot *found = NULL;

	for (uint32_t i = 0; i < a->nr; i++) {
		struct slot *slot = &a->slots[i];

		if (slot->have < slot->end &&
		    (!found || slot->have - slot->next < found->have - found->next))
			found = slot;
	}
	return found;
}

/* Under the lock, which is given up meanwhile. */
static void load(struct ahead *a, struct slot *slot)
{
	uint32_t chunk = slot->have;
	const struct dat_chunk where = slot->v[chunk % DEPTH].where;
	const struct chunk_source from = {
		.reader = slot->s->reader, .buffer = slot->s->buffer, .stream = slot - a->slots,
		.chunk = chunk, .where = &where, .codec = &a->codec, .keep = true,
	};
	struct cached_chunk *got = NULL;
	struct err why = { 0 };

	pthread_mutex_unlock(&a->lock);
	if (cache_get(a->cache, &from, &got, &why) <= 0)
		got = NULL;
	pthread_mutex_lock(&a->lock);
	/* too late? */
	if (slot->have != chunk || slot->have == slot->end)
		cache_put(got);
	else
		slot->v[slot->have++ % DEPTH].held = got;
}

static void *work(void *ctx)
{
	struct ahead *a = ctx;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		struct slot *slot = poorest(a);

		if (slot) {
			load(a, slot);
			continue;
		}
		a->sleeping = true;
		while (a->sleeping)
			pthread_cond_wait(&a->wanted, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* Under the lock. */
static void wake(struct ahead *a)
{
	if (a->sleeping)
		pthread_cond_signal(&a->wanted);
	a->sleeping = false;
}

/* Gives back what is held in front of @chunk. */
static void drop(struct slot *slot, uint32_t chunk)
{
	for (uint32_t i = slot->next; i < slot->have && i < chunk; i++) {
		cache_put(slot->v[i % DEPTH].held);
		slot->v[i % DEPTH].held = NULL;
	}
}

static void release(struct ahead *a)
{
	for (uint32_t i = 0; a->slots && i < a->nr; i++)
		drop(&a->slots[i], UINT32_MAX);
	codec_ctx_release(&a->codec);
	pthread_cond_destroy(&a->wanted);
	pthread_mutex_destroy(&a->lock);
	free(a->slots);
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
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wanted, NULL);
	if (a->slots && !pthread_create(&a->thread, NULL, work, a))
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
	wake(a);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	release(a);
}

/* Chunks from the slot's next one on, as many as may be held. */
static void want_more(struct slot *slot)
{
	const struct dat_chunks *chunks = &slot->s->chunks;
	uint64_t bytes = 0;

	for (uint32_t i = slot->next; i < chunks->nr && i - slot->next < DEPTH; i++) {
		bytes += chunks->v[i].usize;
		if (bytes > (i == slot->next ? CHUNK_BYTES_MAX : BYTES_MAX))
			return;
		if (i < slot->end)
			continue;
		slot->v[i % DEPTH].where = chunks->v[i];
		slot->end = i + 1;
	}
}

void ahead_want(struct ahead *a, const struct stream *s, uint32_t nr, uint32_t chunk)
{
	struct slot *slot = &a->slots[nr];

	pthread_mutex_lock(&a->lock);
	/* backwards, nothing that is there will do */
	drop(slot, chunk < slot->next ? UINT32_MAX : chunk);
	if (chunk < slot->next || chunk > slot->have)
		slot->have = chunk;
	if (chunk < slot->next || chunk > slot->end)
		slot->end = chunk;
	slot->next = chunk;
	slot->s = s;
	want_more(slot);
	if (slot->have < slot->end && slot->have - slot->next <= (slot->end - slot->next) / 2)
		wake(a);
	pthread_mutex_unlock(&a->lock);
}
