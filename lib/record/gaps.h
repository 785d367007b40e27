/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gaps: how many events were lost where the kernel does not say.
 *
 * A sub-buffer that follows a loss carries the number of lost events behind
 * its own, unless it is too full for that: then it only says "some" (about one
 * in five, with small events). But the kernel counts all overwritten events of
 * a CPU ("overrun" in its stats). If that counter is read after a sub-buffer
 * was taken, and the next sub-buffer follows no loss, then the counter stood
 * still in between: what it says more than the numbers found so far is what
 * the silent gaps have lost. Their sub-buffers are split in two, so that there
 * is room for the number.
 *
 * Until then batches with such a gap are held back, a few of them; under an
 * overload that never pauses they go as they are, and "some" remains.
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

/* Reads the kernel's counter of overwritten events. 0, -errno. */
typedef int (*gaps_overrun_fn)(void *ctx, uint64_t *ret);

struct gaps {
	struct ring_abi abi;
	uint32_t page_size;
	gaps_overrun_fn overrun;	/* NULL: silent gaps stay */
	void *ctx;
	/* private */
	bool known;			/* sum is the counter's value at the last sub-buffer */
	uint64_t sum;			/* of all gaps so far but the silent ones */
	struct gap_ref {
		struct gap_fixes *fixes;
		uint32_t page;
	} *v;				/* the silent gaps of held batches */
	size_t nr, cap;
	bool probed;			/* the counter was read after the last sub-buffer */
	uint64_t probe;
};

void gaps_init(struct gaps *g, const struct ring_abi *abi, uint32_t page_size,
	       gaps_overrun_fn overrun, void *ctx);
void gaps_release(struct gaps *g);
/*
 * Looks at @nr new sub-buffers, the first of which is number @page of a batch
 * whose fixes go to @fixes. Returns whether there are silent gaps: then the
 * batch, and those behind it, should wait.
 */
bool gaps_see(struct gaps *g, const uint8_t *pages, size_t nr, uint32_t page,
	      struct gap_fixes *fixes);
/* Everything was taken, and nothing is recorded any more. */
void gaps_end(struct gaps *g);
/* The held batches must go: their gaps stay silent. */
void gaps_give_up(struct gaps *g);

/*
 * Copies @len bytes of sub-buffers to @out, those with fixes split in two.
 * @out has room for as many more sub-buffers as there are fixes. Bytes in @out.
 */
size_t gaps_apply(const struct gap_fixes *fixes, const struct ring_abi *abi, uint32_t page_size,
		  const uint8_t *pages, size_t len, uint8_t *out);

#endif
