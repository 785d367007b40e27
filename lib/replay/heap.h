/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streams that have a record, the next one on top. */
#ifndef TRACECMD_REPLAY_HEAP_H
#define TRACECMD_REPLAY_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap_entry {
	uint64_t ts;		/* of the stream's record */
	uint32_t stream;	/* its number decides between equal times */
};

static inline bool heap_before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->stream < b->stream;
}

/* Puts @x in the place of entry @i, or below it. */
static inline void heap_sift(struct heap_entry *v, uint32_t nr, uint32_t i, struct heap_entry x)
{
	uint32_t child;

	while ((child = 2 * i + 1) < nr) {
		if (child + 1 < nr && heap_before(&v[child + 1], &v[child]))
			child++;
		if (!heap_before(&v[child], &x))
			break;
		v[i] = v[child];
		i = child;
	}
	v[i] = x;
}

/* Orders @nr entries that stand in any order. */
static inline void heap_build(struct heap_entry *v, uint32_t nr)
{
	for (uint32_t i = nr / 2; i-- > 0;)
		heap_sift(v, nr, i, v[i]);
}

#endif
