// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading a CPU backwards: sub-buffer by sub-buffer, each decoded as a whole. */
#include <stdlib.h>

#include "lane.h"

void lane_back_release(struct lane *lane)
{
	replay_hold_put(lane->back.hold);
	lane->back.hold = NULL;
	vec_release(&lane->back.v);
}

/* Where reading goes on: everything in front of it was read. */
static uint64_t position(const struct lane *lane)
{
	const struct ring_page *page = &lane->c.cur.page;

	if (lane->away)
		return lane->at;
	if (lane->c.ended)
		return lane->s.chunks.total;
	if (!lane->c.cur.chunk)
		return 0;
	if (lane->have)
		return lane_place(lane);
	return lane_chunk_start(lane) + (page->data - lane->c.half[lane->c.cur.half]->data) + page->pos;
}

/* Adds c's record to those of its sub-buffer. 0 or -ENOMEM. */
static int keep(struct replay_lanes *l, struct lane *lane, struct err *e)
{
	struct lane_back *back = &lane->back;

	if (!back->hold) {
		back->hold = lane_hold(l, lane);
		if (back->hold)
			back->hold->refs++;
	}
	if (!back->hold || vec_push(&back->v, lane->c.cur.rec))
		return err_errno(e, -ENOMEM, "cannot read backwards");
	return 0;
}

/* Decodes the sub-buffer that has place @at. 0 or -ENOMEM. */
static int decode(struct replay_lanes *l, struct lane *lane, uint64_t at, struct err *e)
{
	uint32_t i = stream_chunk_at(&lane->s, at), size = lane->s.page_size;
	const struct dat_chunk *chunk = &lane->s.chunks.v[i];
	uint32_t off = (at - chunk->start) / size * size;
	struct lane_back *back = &lane->back;
	bool silent = l->env.silent;
	int rc;

	replay_hold_put(back->hold);
	back->hold = NULL;
	back->v.nr = 0;
	back->page = chunk->start + off;
	back->end = chunk->start + (chunk->usize - off < size ? chunk->usize : off + size);
	l->env.silent = true;
	rc = lane_goto_page(l, lane, back->page, e);
	while (rc > 0 && lane_place(lane) < back->end) {
		rc = keep(l, lane, e);
		if (!rc)
			rc = stream_next(&lane->c, &l->env, e);
	}
	l->env.silent = silent;
	return rc < 0 ? rc : 0;
}

/* Where a record of the sub-buffer begins. */
static uint64_t place_of(const struct lane *lane, const struct replay_record *rec)
{
	return replay_hold_offset(lane->back.hold, rec) - lane->base;
}

int lane_peek_back(struct replay_lanes *l, struct lane *lane, const struct replay_record **ret,
		   struct err *e)
{
	struct lane_back *back = &lane->back;
	uint64_t at = position(lane);

	/* c is used to decode */
	lane->at = at;
	lane->away = true;
	lane->have = false;
	for (;;) {
		int rc;

		if (back->hold && at > back->page && at <= back->end) {
			while (back->v.nr && place_of(lane, &back->v.v[back->v.nr - 1]) >= at)
				back->v.nr--;
			back->end = at;
			if (back->v.nr) {
				*ret = &back->v.v[back->v.nr - 1];
				return 1;
			}
			at = back->page;
		}
		if (!at)
			return 0;
		rc = decode(l, lane, at - 1, e);
		if (rc)
			return rc;
		if (!back->hold)
			at = back->page;
	}
}

void lane_take_back(struct lane *lane)
{
	struct lane_back *back = &lane->back;

	if (back->hold && back->v.nr)
		lane->at = back->end = place_of(lane, &back->v.v[--back->v.nr]);
}

int replay_lane_peek_back(struct replay_lanes *l, uint32_t cpu, const struct replay_record **ret,
			  struct err *e)
{
	struct lane *lane = lane_of(l, cpu);

	return lane ? lane_peek_back(l, lane, ret, e) : 0;
}

void replay_lane_take_back(struct replay_lanes *l, uint32_t cpu)
{
	struct lane *lane = lane_of(l, cpu);

	l->moves++;
	if (lane)
		lane_take_back(lane);
}
