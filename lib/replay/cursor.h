/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One merge of all streams. */
#ifndef TRACECMD_REPLAY_CURSOR_H
#define TRACECMD_REPLAY_CURSOR_H

#include "heap.h"
#include "stream.h"

struct replay_cursor {
	struct replay *rp;
	struct stream_env env;
	struct stream_cur *v;		/* by stream */
	struct heap_entry *heap;
	uint32_t nr, nr_heap;
	/* The record in hand is of stream @top, which leads while it is before @second. */
	uint32_t top;
	struct heap_entry second;
	bool consumed;			/* the top's record was handed out */
	bool has_limit;
	uint64_t limit;			/* no record once all are at or after it */
	struct err failed;
};

/* Makes the replay's own cursor, at the first record: 1, 0 if there is none, -errno. */
int replay_begin(struct replay *rp, struct err *e);
/* The replay is loaded. */
int replay_cursor_new(struct replay *rp, struct replay_cursor **ret, struct err *e);
void replay_cursor_free(struct replay_cursor *c);
/* From now on it passes over what the replay's ids leave out (a new one does so). */
void replay_cursor_choose(struct replay_cursor *c);
/* To the first records. Tells no damage. */
int replay_cursor_start(struct replay_cursor *c, struct err *e);
/* Tells, at the first records, what is damaged in front of them. 0 or -errno. */
int replay_cursor_tell_start(struct replay_cursor *c, struct err *e);
/* Past the record in hand. 0 or -errno. */
int replay_cursor_step(struct replay_cursor *c, struct err *e);
/* Once all streams stand at their next record: orders them. */
void replay_cursor_order(struct replay_cursor *c);
/* The places of all streams; there is no record in hand (next gave 0, or step). */
void replay_cursor_places(const struct replay_cursor *c, struct stream_place *ret);
int replay_cursor_goto(struct replay_cursor *c, const struct stream_place *places, struct err *e);

#endif
