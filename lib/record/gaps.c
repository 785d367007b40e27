// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "record/gaps.h"

void gaps_init(struct gaps *g, const struct ring_abi *abi, uint32_t page_size,
	       gaps_overrun_fn overrun, void *ctx)
{
	*g = (struct gaps){
		.abi = *abi, .page_size = page_size, .overrun = overrun, .ctx = ctx, .known = true,
	};
}

void gaps_release(struct gaps *g)
{
	vec_release(g);
}

/* Loss before a sub-buffer: 0, a number, RING_LOST_UNKNOWN; 0 if it is unreadable. */
static uint64_t lost_before(const struct gaps *g, const uint8_t *page)
{
	struct ring_page p;

	return ring_page_open(&p, &g->abi, page, g->page_size) < 0 ? 0 : p.lost;
}

/* Shares @total out among the silent gaps; only their sum is known for certain. */
static void settle(struct gaps *g, uint64_t total)
{
	uint64_t share = g->nr ? total / g->nr : 0, rest = g->nr ? total % g->nr : 0;

	if (!share)			/* fewer than there are gaps: not to be believed */
		return;
	for (size_t i = 0; i < g->nr; i++) {
		struct gap_fix fix = { .page = g->v[i].page, .lost = share + (i ? 0 : rest) };

		if (vec_push(g->v[i].fixes, fix))
			return;		/* this gap stays silent */
	}
}

/* The counter was @overrun at the last sub-buffer taken. */
static void synchronize(struct gaps *g, uint64_t overrun)
{
	if (g->known && overrun >= g->sum)
		settle(g, overrun - g->sum);
	g->known = true;
	g->sum = overrun;
	g->nr = 0;
}

bool gaps_see(struct gaps *g, const uint8_t *pages, size_t nr, uint32_t page,
	      struct gap_fixes *fixes)
{
	if (!nr || !g->overrun)
		return g->nr;
	if (g->probed && !lost_before(g, pages))
		synchronize(g, g->probe);
	g->probed = false;
	for (size_t i = 0; i < nr; i++) {
		uint64_t lost = lost_before(g, pages + i * g->page_size);
		struct gap_ref ref = { .fixes = fixes, .page = page + i };

		if (lost != RING_LOST_UNKNOWN)
			g->sum += lost;
		else if (vec_push(g, ref))
			g->known = false;
	}
	if (g->nr || !g->known)
		g->probed = !g->overrun(g->ctx, &g->probe);
	return g->nr;
}

void gaps_end(struct gaps *g)
{
	uint64_t overrun;

	if (g->nr && !g->overrun(g->ctx, &overrun))
		synchronize(g, overrun);
	g->nr = 0;
}

void gaps_give_up(struct gaps *g)
{
	g->nr = 0;
	g->known = false;
}

/*
 * One sub-buffer as two, the first with the loss before it. False: it cannot
 * be split (an event that fills it alone).
 */
static bool split(const struct ring_abi *abi, uint32_t page_size, const uint8_t *page,
		  uint64_t lost, uint8_t *out)
{
	struct ring_encoder enc;
	struct ring_page p;
	struct ring_event ev;
	bool second = false;

	if (ring_page_open(&p, abi, page, page_size) < 0)
		return false;
	ring_encoder_init(&enc, abi, out, page_size);
	ring_encoder_lost(&enc, lost);
	while (ring_page_next(&p, &ev) > 0) {
		int r = ring_encoder_put(&enc, ev.ts, ev.data, ev.len);

		if (!r && !second) {
			ring_encoder_finish(&enc);
			ring_encoder_init(&enc, abi, out + page_size, page_size);
			second = true;
			r = ring_encoder_put(&enc, ev.ts, ev.data, ev.len);
		}
		if (r <= 0)
			return false;
	}
	ring_encoder_finish(&enc);
	return second && p.bad == RING_OK;
}

size_t gaps_apply(const struct gap_fixes *fixes, const struct ring_abi *abi, uint32_t page_size,
		  const uint8_t *pages, size_t len, uint8_t *out)
{
	size_t pos = 0, fix = 0;

	for (uint32_t page = 0; page < len / page_size; page++) {
		const uint8_t *in = pages + (size_t)page * page_size;

		while (fix < fixes->nr && fixes->v[fix].page < page)
			fix++;
		if (fix < fixes->nr && fixes->v[fix].page == page &&
		    split(abi, page_size, in, fixes->v[fix].lost, out + pos)) {
			pos += 2 * (size_t)page_size;
			continue;
		}
		memcpy(out + pos, in, page_size);
		pos += page_size;
	}
	return pos;
}
