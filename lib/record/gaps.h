/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gaps: how many events were lost where the kernel does not say.
 *
 * The kernel counts all overwritten events of a CPU ("overrun" in its stats).
 * When it hands a new sub-buffer to the reader, what was overwritten since the one
 * before is the loss in front of it (rb_get_reader_page() in
 * kernel/trace/ring_buffer.c). The number is put behind the sub-buffer's entries,
 * unless it is too full for that: then it only says "some". A source that takes
 * with care gets all the numbers, but is slow; so it is told to when a loss is to
 * be expected: where the counter is not the sum of the numbers found so far, and
 * for a while after a loss. What comes as a surprise can be silent.
 *
 * The silent gaps have lost the difference between the counter when the last
 * sub-buffer was handed over, and the sum of the numbers. The counter can be read
 * before and after a take only. Where both are equal and a sub-buffer was certainly
 * handed over in between (there is more than one holds), or there was nothing left
 * (then the writer is where the reader is), that is it. That a sub-buffer
 * follows no loss says nothing about the counter before: it may have been handed
 * over long ago, and taken in pieces.
 *
 * A silent gap with others in front of it gets the number of all of them, and
 * they remain "some": each number stands for all that was lost since the one
 * before, none is counted twice or made up. The sub-buffer is split in two, so that
 * there is room for the number.
 *
 * Until then batches with such a gap are held back, a few of them; where they
 * have to go as they are, the next gap gets their number.
 */
#ifndef TRACECMD_GAPS_H
#define TRACECMD_GAPS_H

#include "base/base.h"
#include "ring/ring.h"

/* A gap whose number is known now, of one batch. */
struct gap_fix {
	uint32_t page;			/* the sub-buffer behind it: which of the batch */
	uint64_t lost;
};
struct gap_fixes {
	struct gap_fix *v;
	size_t nr, cap;
};

struct gaps_counters {			/* of the kernel */
	uint64_t overrun;		/* events that were overwritten */
	uint64_t read;			/* events that were read */
};
/* 0, -errno. */
typedef int (*gaps_counters_fn)(void *ctx, struct gaps_counters *ret);

struct gaps {
	struct ring_abi abi;
	uint32_t page_size;
	gaps_counters_fn counters;	/* NULL: silent gaps stay */
	void *ctx;
	/* private */
	bool begun;			/* the counters were read */
	bool alone;			/* and nobody had read anything before */
	bool known;			/* sum is the counter's value at the last sub-buffer but for silent gaps */
	uint64_t sum;			/* of all gaps so far but the silent ones */
	struct gap_ref {
		struct gap_fixes *fixes;
		uint32_t page;
	} *v;				/* the silent gaps of held batches */
	size_t nr, cap;
	size_t gone;			/* silent gaps of batches that went as they are */
	uint64_t carry;			/* their number once it is known, in sum: the next gap's */
	unsigned calm;			/* sub-buffers since the last loss, at most a while's */
	bool probed;			/* the counter was read before this take */
	uint64_t probe;
};

void gaps_init(struct gaps *g, const struct ring_abi *abi, uint32_t page_size,
	       gaps_counters_fn counters, void *ctx);
void gaps_release(struct gaps *g);
/* Before each take. Returns whether to take with care. */
bool gaps_begin(struct gaps *g);
/*
 * After it: looks at the @nr new sub-buffers, the first of which is number @page of a
 * batch whose fixes go to @fixes. They may get a number changed. @empty: there was
 * nothing left. Returns whether there are silent gaps: then the batch, and those
 * behind it, should wait.
 */
bool gaps_see(struct gaps *g, uint8_t *pages, size_t nr, uint32_t page,
	      struct gap_fixes *fixes, bool empty);
/*
 * Everything was taken, and nothing is recorded any more. Returns how many events the
 * kernel counts that no gap of known size tells of; 0 if that cannot be said.
 */
uint64_t gaps_end(struct gaps *g);
/* The held batches must go: their gaps stay silent. */
void gaps_give_up(struct gaps *g);

/*
 * Copies @len bytes of sub-buffers to @out, those with fixes split in two. In front
 * of one that cannot be split, a single event, comes one with the number and a
 * discarded event. @out has room for as many more sub-buffers as there are fixes.
 * Bytes in @out.
 */
size_t gaps_apply(const struct gap_fixes *fixes, const struct ring_abi *abi, uint32_t page_size,
		  const uint8_t *pages, size_t len, uint8_t *out);

#endif
