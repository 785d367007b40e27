// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "cache.h"

void cache_init(struct chunk_cache *cache)
{
	*cache = (struct chunk_cache) {
		.lock = PTHREAD_MUTEX_INITIALIZER, .loaded = PTHREAD_COND_INITIALIZER,
	};
}

/* ---- the lists; under the lock, as all that follows up to cache_get ---- */

static void list_add(struct chunk_queue *list, struct cached_chunk *c)
{
	c->older = list->newest;
	c->newer = NULL;
	*(c->older ? &c->older->newer : &list->oldest) = c;
	list->newest = c;
}

static void list_remove(struct chunk_queue *list, struct cached_chunk *c)
{
	*(c->older ? &c->older->newer : &list->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &list->newest) = c->older;
}

static void free_list(struct chunk_queue *list)
{
	while (list->oldest) {
		struct cached_chunk *c = list->oldest;

		list_remove(list, c);
		free(c->data);
		free(c);
	}
}

void cache_release(struct chunk_cache *cache)
{
	free_list(&cache->kept_chunks);
	free_list(&cache->rooms);
}

/* ---- the table ---- */

static struct cached_chunk **place(struct chunk_cache *cache, uint32_t stream, uint32_t chunk)
{
	return &cache->table[(stream * 2654435761u + chunk) % CACHE_PLACES];
}

static struct cached_chunk *find(struct chunk_cache *cache, uint32_t stream, uint32_t chunk)
{
	struct cached_chunk *c = *place(cache, stream, chunk);

	while (c && (c->stream != stream || c->chunk != chunk))
		c = c->same;
	return c;
}

static void table_add(struct cached_chunk *c)
{
	struct cached_chunk **p = place(c->cache, c->stream, c->chunk);

	c->same = *p;
	*p = c;
	c->listed = true;
}

static void table_remove(struct cached_chunk *c)
{
	struct cached_chunk **p = place(c->cache, c->stream, c->chunk);

	if (!c->listed)
		return;
	while (*p != c)
		p = &(*p)->same;
	*p = c->same;
	c->listed = false;
}

/* ---- memory ---- */

/* Out of its list and of the table. */
static void take_out(struct cached_chunk *c)
{
	list_remove(c->listed ? &c->cache->kept_chunks : &c->cache->rooms, c);
	table_remove(c);
	c->cache->kept -= c->cap;
}

/* Keeps no more than it may. */
static void shrink(struct chunk_cache *cache)
{
	while (cache->kept > cache->keep) {
		struct cached_chunk *c = cache->rooms.oldest ? cache->rooms.oldest :
					 cache->kept_chunks.oldest;

		/* the last one's memory serves the next chunk */
		if (cache->kept == c->cap)
			return;
		take_out(c);
		free(c->data);
		free(c);
	}
}

/* Room for a chunk, in use: memory that was used last is in the processor's cache still. */
static struct cached_chunk *take_room(struct chunk_cache *cache, size_t len)
{
	struct cached_chunk *c = cache->rooms.newest;

	if (!c && cache->kept + len > cache->keep)
		c = cache->keep ? cache->kept_chunks.oldest : cache->kept_chunks.newest;
	if (c && c->cap >= len && c->cap / 4 <= len) {
		take_out(c);
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
	return c;
}

static void give_back(struct cached_chunk *c)
{
	struct chunk_cache *cache = c->cache;

	if (--c->refs)
		return;
	cache->kept += c->cap;
	list_add(c->listed ? &cache->kept_chunks : &cache->rooms, c);
	shrink(cache);
}

static int load(struct cached_chunk *c, const struct chunk_source *from, struct err *why)
{
	struct chunk_cache *cache = c->cache;
	int rc = dat_chunk_read(from->reader, from->buffer, from->where, from->codec, c->data, why);

	pthread_mutex_lock(&cache->lock);
	c->loading = false;
	if (rc) {
		table_remove(c);
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
		if (!c->refs++) {
			list_remove(&cache->kept_chunks, c);
			cache->kept -= c->cap;
		}
		pthread_mutex_unlock(&cache->lock);
		*ret = c;
		return 1;
	}
	c = take_room(cache, from->where->usize);
	if (c) {
		c->stream = from->stream;
		c->chunk = from->chunk;
		c->refs = 1;
		c->loading = true;
		if (from->keep)
			table_add(c);
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
	struct chunk_cache *cache;

	if (!c)
		return;
	cache = c->cache;
	pthread_mutex_lock(&cache->lock);
	give_back(c);			/* it may be gone then */
	pthread_mutex_unlock(&cache->lock);
}
