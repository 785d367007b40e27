/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of lanes, for lanes.c, lane_back.c and merge.c. */
#ifndef TRACECMD_REPLAY_LANE_H
#define TRACECMD_REPLAY_LANE_H

#include "lanes.h"
#include "stream.h"

struct replay_hold {
	struct replay_lanes *lanes;
	struct cached_chunk *chunk;
	uint64_t offset;		/* of the chunk's first byte */
	uint32_t refs;
};

/* A sub-buffer's records, for reading it from its end. */
struct lane_back {
	struct replay_hold *hold;	/* NULL: there is none */
	uint64_t page, end;		/* where it begins, and what is left of it ends */
	VEC(struct replay_record) v;
};

/* Places are counted in the CPU's uncompressed bytes. */
struct lane {
	struct stream s;
	struct stream_cur c;
	uint64_t base;			/* offset of place 0 */
	bool have;			/* c's record is next, it was not taken */
	bool away;			/* the position is place @at, and c is anywhere */
	uint64_t at;
	struct replay_hold *hold;	/* of the chunk that was held last */
	struct lane_back back;
};

struct replay_lanes {
	struct chunk_cache cache;
	struct stream_env env;
	struct replay *rp;
	struct lane *v;
	uint32_t nr;
	uint32_t *by_cpu;		/* number in v + 1; 0: no data */
	uint32_t cpus;
	uint64_t end;			/* of offsets, if compressed */
	uint32_t refs;			/* holds; and the lanes, until they are freed */
	uint64_t moves;
};

static inline struct lane *lane_of(const struct replay_lanes *l, uint32_t cpu)
{
	return cpu < l->cpus && l->by_cpu[cpu] ? &l->v[l->by_cpu[cpu] - 1] : NULL;
}

/* As those of replay_lane_ and replay_lanes_, moves aside. */
int lane_peek_slow(struct replay_lanes *l, struct lane *lane, struct err *e);
static inline int lane_peek(struct replay_lanes *l, struct lane *lane, struct err *e)
{
	int rc;

	if (__builtin_expect(lane->have, 0))
		return 1;
	if (__builtin_expect(lane->away || lane->c.ended, 0))
		return lane_peek_slow(l, lane, e);
	rc = stream_next(&lane->c, &l->env, e);
	lane->have = rc > 0;
	return rc;
}
int lane_peek_back(struct replay_lanes *l, struct lane *lane, const struct replay_record **ret,
		   struct err *e);
void lane_take_back(struct lane *lane);
/* Puts c at the first record at or behind place @at, where a sub-buffer or an entry begins,
 * with all that was lost in front of it. As lane_peek. */
int lane_goto_page(struct replay_lanes *l, struct lane *lane, uint64_t at, struct err *e);
/* The place where c's loaded chunk begins. */
static inline uint64_t lane_chunk_start(const struct lane *lane)
{
	return lane->s.chunks.v[lane->c.cur.chunk - 1].start;
}
/* The place of the entry of c's record. */
static inline uint64_t lane_place(const struct lane *lane)
{
	const struct replay_record *rec = &lane->c.cur.rec;
	const struct cached_chunk *chunk = lane->c.half[lane->c.cur.half];

	return lane_chunk_start(lane) + ((const uint8_t *)rec->data - chunk->data) - (rec->long_entry ? 8 : 4);
}
/* The chunk of c's record. NULL: no memory. */
struct replay_hold *lane_hold(struct replay_lanes *l, struct lane *lane);
void lane_back_release(struct lane *lane);

#endif
