/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_pages: the events of one CPU, from perf's rings, as the sub-buffers that ftrace would
 * have made of them.
 *
 * A ring is in order of time but for what interrupts do: one that comes between the moment an
 * event took its time and the moment it took its place writes its own events, with later times,
 * in front of it. And where tasks have rings of their own, the events of a CPU lie in several. So
 * events are held, and go out in order of their times (of equal ones, in the order they came)
 * once the caller says up to which time nothing else can come: perf_pages_release. Which time
 * that is: perf's rule of rounds. A round reads every ring once. What a ring has in this
 * round was written after that ring was read in the round before, so not before the round before
 * that was over: at the end of a round all is complete up to the latest time that was there
 * at the end of the one before. One that comes later than it should (the rule has no place for a
 * time that was taken before a round and written after it) is not lost: it is put behind what is
 * out already, with its own time, and counted as late.
 *
 * What was lost is told by the sub-buffer that begins where it was lost.
 */
#ifndef TRACECMD_PERF_PAGES_H
#define TRACECMD_PERF_PAGES_H

#include "base/base.h"
#include "ring/ring.h"

struct perf_held;

struct perf_pages {
	/* the caller's, set before the first call; the rest is 0 then */
	struct ring_abi abi;
	uint32_t page_size;			/* of sub-buffers: 256 at least, a multiple of 4 */
	/* Takes a whole sub-buffer, which is its own only during the call. 0, -errno: ends all. */
	int (*page)(void *ctx, const void *page, struct err *e);
	void *ctx;
	/* to be read */
	uint64_t events;			/* written to sub-buffers */
	uint64_t lost;				/* told in them; at most RING_LOST_UNKNOWN */
	uint64_t late;				/* of the events: behind later ones */
	uint64_t too_large;			/* of the lost: they fit into no sub-buffer */
	uint64_t latest;			/* the latest time that was put; 0: none */
	/* private */
	VEC(struct perf_held) held;
	struct buf bytes, spare;		/* of the held events, in the order they came */
	bool unordered;
	uint64_t arrived;
	uint8_t *data;				/* the sub-buffer being filled */
	struct ring_encoder enc;
	bool open;				/* there is something in it */
	uint64_t gap;				/* lost before the next event */
	uint64_t out;				/* the latest time that went out */
};

/*
 * An event: its record as ftrace has it, common_type first, in the byte order of the ABI. Copied;
 * @len: below 2^32. 0, -ENOMEM.
 */
int perf_pages_put(struct perf_pages *p, uint64_t ts, const void *data, size_t len, struct err *e);
/* @nr events (RING_LOST_UNKNOWN: nobody knows how many) were lost just before @ts. 0, -ENOMEM. */
int perf_pages_lost(struct perf_pages *p, uint64_t ts, uint64_t nr, struct err *e);
/* Memory that held events take. */
size_t perf_pages_held(const struct perf_pages *p);
/* Nothing up to @until comes any more: it goes into sub-buffers. 0, -ENOMEM, or what page gave. */
int perf_pages_release(struct perf_pages *p, uint64_t until, struct err *e);
/* The same with everything, the sub-buffer that is not full included. */
int perf_pages_end(struct perf_pages *p, struct err *e);
/* Frees what it has, nothing goes out. */
void perf_pages_free(struct perf_pages *p);

#endif
