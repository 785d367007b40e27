/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompressed chunks, shared by the cursors of a replay. Neighbouring windows
 * need the same chunks at their border, and so does who looks for the border.
 */
#ifndef TRACECMD_REPLAY_CACHE_H
#define TRACECMD_REPLAY_CACHE_H

#include <pthread.h>

#include "dat/dat.h"

struct chunk_cache;

struct cached_chunk {
	uint8_t *data;
	uint32_t stream, chunk;		/* which */
	/* private, under the cache's lock */
	struct chunk_cache *cache;
	struct cached_chunk *same;	/* the next one in its place of the table */
	struct cached_chunk *older, *newer;	/* in the list it is in, if any */
	size_t cap;
	uint32_t refs;
	bool loading;
	bool listed;			/* in the table: others may ask for it */
};

/* Of chunks nobody uses, by when they were given back. */
struct chunk_queue { struct cached_chunk *oldest, *newest; };

#define CACHE_PLACES 1024

struct chunk_cache {
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	struct cached_chunk *table[CACHE_PLACES];	/* those in use, and those kept */
	struct chunk_queue kept_chunks;
	struct chunk_queue rooms;	/* memory whose chunk nobody will ask for */
	size_t keep;			/* bytes of chunks nobody uses; 0: one buffer to use again */
	size_t kept;			/* in both lists */
};

/* What a chunk is read from. */
struct chunk_source {
	struct dat_reader *reader;
	unsigned buffer;
	uint32_t stream, chunk;
	const struct dat_chunk *where;
	struct codec_ctx *codec;	/* of the calling thread */
	bool keep;			/* worth to be kept */
};

void cache_init(struct chunk_cache *cache);
/* All chunks were given back. */
void cache_release(struct chunk_cache *cache);
/* 1 and the chunk, to be given back; 0 if it cannot be read (@why); -ENOMEM. */
int cache_get(struct chunk_cache *cache, const struct chunk_source *from, struct cached_chunk **ret,
	      struct err *why);
/* Once more in use, by another one who gives it back. */
void cache_hold(struct cached_chunk *c);
void cache_put(struct cached_chunk *c);		/* NULL: nothing */

#endif
