// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "cache.h"

#define NO_STREAM UINT32_MAX		/* of a buffer without a chunk */

void cache_init(struct chunk_cache *cache)
{
	*cache = (struct chunk_cache) {
		.lock = PTHREAD_MUTEX_INITIALIZER, .loaded = PTHREAD_COND_INITIALIZER,
	};
}

static void free_chunk(struct cached_chunk *c)
{
	free(c->data);
	free(c);
}

void cache_release(struct chunk_cache *cache)
{
	while (cache->all) {
		struct cached_chunk *c = cache->all;

		cache->all = c->next;
		free_chunk(c);
	}
}

/* Under the lock, as all that follows up to cache_get. */
static struct cached_chunk *find(struct chunk_cache *cache, uint32_t stream, uint32_t chunk)
{
	for (struct cached_chunk *c = cache->all; c; c = c->next)
		if (c->stream == stream && c->chunk == chunk)
			return c;
	return NULL;
}

/* The one that was given back first, or last; NULL if all are in use. @empty: of those
 * whose chunk nobody will ask for. */
static struct cached_chunk **unused(struct chunk_cache *cache, bool oldest, bool empty)
{
	struct cached_chunk **found = NULL;

	for (struct cached_chunk **p = &cache->all; *p; p = &(*p)->next) {
		if ((*p)->refs || (empty && (*p)->stream != NO_STREAM))
			continue;
		if (!found || ((*p)->used < (*found)->used) == oldest)
			found = p;
	}
	return found;
}

/* Keeps no more than it may. */
static void shrink(struct chunk_cache *cache)
{
	struct cached_chunk **p;

	while (cache->kept > cache->keep && (p = unused(cache, true, false))) {
		struct cached_chunk *c = *p;

		/* the last one's memory serves the next chunk */
		if (cache->kept == c->cap)
			return;
		*p = c->next;
		cache->kept -= c->cap;
		free_chunk(c);
	}
}

/* Room for a chunk, in use: memory that was used last is in the processor's cache still. */
static struct cached_chunk *take_room(struct chunk_cache *cache, size_t len)
{
	struct cached_chunk **p = unused(cache, false, true), *c;

	if (!p && cache->kept + len > cache->keep)
		p = unused(cache, cache->keep != 0, false);
	c = p ? *p : NULL;
	if (c && c->cap >= len && c->cap / 4 <= len) {
		cache->kept -= c->cap;
		return c;
	}
	c = calloc(1, sizeof(*c));
	if (c)
		c->data = malloc(len);
	if (!c || !c->data) {
		free(c);
		return NULL;
	}
	c->cap = len;
	c->cache = cache;
	c->next = cache->all;
	cache->all = c;
	return c;
}

static void give_back(struct cached_chunk *c)
{
	struct chunk_cache *cache = c->cache;

	if (--c->refs)
		return;
	c->used = ++cache->uses;
	cache->kept += c->cap;
	if (!c->shared)
		c->stream = NO_STREAM;
	shrink(cache);
}

static int load(struct cached_chunk *c, const struct chunk_source *from, struct err *why)
{
	struct chunk_cache *cache = c->cache;
	int rc = dat_chunk_read(from->reader, from->buffer, from->where, from->codec, c->data, why);

	pthread_mutex_lock(&cache->lock);
	c->loading = false;
	if (rc) {
		c->stream = NO_STREAM;
		give_back(c);
	}
	pthread_cond_broadcast(&cache->loaded);
	pthread_mutex_unlock(&cache->lock);
	return !rc ? 1 : rc == -ENOMEM ? rc : 0;
}

int cache_get(struct chunk_cache *cache, const struct chunk_source *from, struct cached_chunk **ret,
	      struct err *why)
{
	struct cached_chunk *c;
	int rc = 1;

	pthread_mutex_lock(&cache->lock);
	/* one that cannot be read is tried again by each who wants it */
	while ((c = from->keep ? find(cache, from->stream, from->chunk) : NULL) && c->loading)
		pthread_cond_wait(&cache->loaded, &cache->lock);
	if (c) {
		if (!c->refs++)
			cache->kept -= c->cap;
		pthread_mutex_unlock(&cache->lock);
		*ret = c;
		return 1;
	}
	c = take_room(cache, from->where->usize);
	if (c) {
		c->stream = from->stream;
		c->shared = from->keep;
		c->chunk = from->chunk;
		c->refs = 1;
		c->loading = true;
	}
	pthread_mutex_unlock(&cache->lock);
	if (!c)
		return err_errno(why, -ENOMEM, "cannot hold a chunk of %u bytes", from->where->usize);
	rc = load(c, from, why);
	if (rc > 0)
		*ret = c;
	return rc;
}

void cache_hold(struct cached_chunk *c)
{
	pthread_mutex_lock(&c->cache->lock);
	c->refs++;
	pthread_mutex_unlock(&c->cache->lock);
}

void cache_put(struct cached_chunk *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->cache->lock);
	give_back(c);
	pthread_mutex_unlock(&c->cache->lock);
}
