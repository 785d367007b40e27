// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "record/gaps.h"

#define CALM 16			/* sub-buffers without a loss before care ends */

void gaps_init(struct gaps *g, const struct ring_abi *abi, uint32_t page_size,
	       gaps_counters_fn counters, void *ctx)
{
	*g = (struct gaps){
		.abi = *abi, .page_size = page_size, .counters = counters, .ctx = ctx,
		.known = true, .calm = CALM,
	};
}

void gaps_release(struct gaps *g)
{
	vec_release(g);
}

/* The silent gaps have lost @total together. */
static void settle(struct gaps *g, uint64_t total)
{
	struct gap_ref *last = g->nr ? &g->v[g->nr - 1] : NULL;
	struct gap_fix fix = { .page = last ? last->page : 0, .lost = g->carry + total };

	if (last && !vec_push(last->fixes, fix))
		g->carry = 0;
	else
		g->carry += total;
}

/* The counter was @overrun when the last sub-buffer was handed over. */
static void synchronize(struct gaps *g, uint64_t overrun)
{
	size_t silent = g->gone + g->nr;

	/* Fewer than there are gaps: not to be believed. */
	if (g->known && silent && overrun >= g->sum && overrun - g->sum >= silent)
		settle(g, overrun - g->sum);
	g->known = true;
	g->sum = overrun;
	g->nr = g->gone = 0;
}

bool gaps_begin(struct gaps *g)
{
	struct gaps_counters c;

	if (!g->counters)
		return false;
	g->probed = !g->counters(g->ctx, &c);
	if (!g->probed)
		return true;
	g->probe = c.overrun;
	/* What others have read may have followed losses. */
	if (!g->begun) {
		g->alone = !c.read;
		g->known = g->alone;
	}
	g->begun = true;
	return !g->known || g->nr || g->gone || g->probe != g->sum || g->calm < CALM;
}

/* A gap of known size also gets what those before it have lost, if that was to be told. */
static void add_carry(struct gaps *g, uint8_t *page, const struct ring_page *p)
{
	uint64_t lost = p->lost + g->carry;

	if (!g->carry || (g->abi.long_size == 4 && lost > UINT32_MAX))
		return;
	if (g->abi.long_size == 8)
		put_u64(page + p->end, lost, g->abi.big_endian);
	else
		put_u32(page + p->end, lost, g->abi.big_endian);
	g->carry = 0;
}

/* One more sub-buffer. Bytes of its entries. */
static uint32_t see_page(struct gaps *g, uint8_t *page, struct gap_ref ref)
{
	struct ring_page p;

	if (ring_page_open(&p, &g->abi, page, g->page_size) < 0)
		return 0;
	if (!p.lost) {
		g->calm += g->calm < CALM;
		return p.end - p.header;
	}
	g->calm = 0;
	if (p.lost != RING_LOST_UNKNOWN) {
		g->sum += p.lost;
		add_carry(g, page, &p);
	} else if (vec_push(g, ref)) {
		g->gone++;
	}
	return p.end - p.header;
}

bool gaps_see(struct gaps *g, uint8_t *pages, size_t nr, uint32_t page,
	      struct gap_fixes *fixes, bool empty)
{
	uint32_t one = g->page_size - 8 - g->abi.long_size;	/* what a sub-buffer holds */
	uint64_t bytes = 0;
	struct gaps_counters c;

	if (!g->counters)
		return false;
	for (size_t i = 0; i < nr; i++) {
		struct gap_ref ref = { .fixes = fixes, .page = page + i };

		bytes += see_page(g, pages + i * g->page_size, ref);
	}
	if (!g->probed)
		gaps_give_up(g);	/* there will be nothing to learn */
	else if ((g->nr || g->gone || !g->known) && (empty || bytes > one) &&
		 !g->counters(g->ctx, &c) && c.overrun == g->probe)
		synchronize(g, c.overrun);
	return g->nr;
}

uint64_t gaps_end(struct gaps *g)
{
	struct gaps_counters c;
	uint64_t untold = 0;

	if (!g->counters || g->counters(g->ctx, &c))
		return 0;
	if (g->nr)
		synchronize(g, c.overrun);
	if (g->known && c.overrun > g->sum)
		untold = c.overrun - g->sum;
	return g->carry + untold;
}

void gaps_give_up(struct gaps *g)
{
	g->gone += g->nr;
	g->nr = 0;
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

/* Two sub-buffers, the number in front of one that cannot be split. */
static void put_before(const struct ring_abi *abi, uint32_t page_size, const uint8_t *page,
		       uint64_t lost, uint8_t *out)
{
	struct ring_encoder enc;
	struct ring_page p;

	ring_page_open(&p, abi, page, page_size);	/* it was opened before: a gap was found */
	ring_encoder_init(&enc, abi, out, page_size);
	ring_encoder_lost(&enc, lost);
	ring_encoder_pad(&enc, p.page_ts, 0);
	ring_encoder_finish(&enc);
	memcpy(out + page_size, page, page_size);
	/* The commit word without what is above its bytes: no loss between the two. */
	if (abi->long_size == 8)
		put_u64(out + page_size + 8, p.end - p.header, abi->big_endian);
	else
		put_u32(out + page_size + 8, p.end - p.header, abi->big_endian);
}

size_t gaps_apply(const struct gap_fixes *fixes, const struct ring_abi *abi, uint32_t page_size,
		  const uint8_t *pages, size_t len, uint8_t *out)
{
	size_t pos = 0, fix = 0;

	for (uint32_t page = 0; page < len / page_size; page++) {
		const uint8_t *in = pages + (size_t)page * page_size;

		while (fix < fixes->nr && fixes->v[fix].page < page)
			fix++;
		if (fix == fixes->nr || fixes->v[fix].page != page) {
			memcpy(out + pos, in, page_size);
			pos += page_size;
			continue;
		}
		if (!split(abi, page_size, in, fixes->v[fix].lost, out + pos))
			put_before(abi, page_size, in, fixes->v[fix].lost, out + pos);
		pos += 2 * (size_t)page_size;
	}
	return pos;
}
