/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chunks decompressed ahead, for records that are worked on by one thread: while it
 * works on a chunk, another thread makes the next ones of the same CPU.
 *
 * A few chunks of each stream are held so, half a megabyte of them or one, and none
 * that is large: then its reader makes it, as without. What cannot be read ahead is
 * tried again, and told, by the reader.
 */
#ifndef TRACECMD_REPLAY_AHEAD_H
#define TRACECMD_REPLAY_AHEAD_H

#include "stream.h"

struct ahead;

/* Starts the thread. NULL: it cannot be had. @nr: streams there are. */
struct ahead *ahead_start(struct chunk_cache *cache, uint32_t nr);
/* Ends it; NULL: nothing. */
void ahead_stop(struct ahead *a);
/* Chunk @chunk of stream number @nr is wanted next, and none before it any more. */
void ahead_want(struct ahead *a, const struct stream *s, uint32_t nr, uint32_t chunk);

#endif
