/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lanes: the CPUs of one buffer of one file, each with a reading position of its
 * own: forwards, backwards, from any place. What is read can be kept.
 *
 * Lanes are apart from the replay's own records, and any number may be made of one
 * buffer. They are used by one thread at a time; lanes of one replay may be used by
 * several threads once they are made.
 *
 * A record has an offset that is its own within the lanes: where its entry lies in
 * the file; in compressed buffers, where it would lie if the uncompressed sub-buffers
 * of all CPUs followed each other from the size of one sub-buffer on.
 */
#ifndef TRACECMD_REPLAY_LANES_H
#define TRACECMD_REPLAY_LANES_H

#include "replay/replay.h"

struct replay_lanes;

/*
 * Reads the tables of the CPUs' data. After replay_start. A buffer that is not there has
 * no CPUs. @from: where the offsets of a compressed buffer begin; 0: as told above.
 * 0 or -errno.
 */
int replay_lanes_new(struct replay *rp, unsigned file, unsigned buffer, uint64_t from,
		     struct replay_lanes **ret, struct err *e);
/* Where the offsets of compressed buffers end; 0: it is none. */
uint64_t replay_lanes_end(const struct replay_lanes *l);
/* What is held stays. NULL is allowed. */
void replay_lanes_free(struct replay_lanes *l);
/* Highest CPU with data + 1. */
uint32_t replay_lanes_cpus(const struct replay_lanes *l);
/* Bytes that the CPU's data have in the file. */
uint64_t replay_lane_file_size(const struct replay_lanes *l, uint32_t cpu);
/* Added, from now on, to the times of all records; summed up. Raw units. */
void replay_lanes_add_time(struct replay_lanes *l, int64_t offset);
/*
 * While it is on another thread decompresses what is needed next, where that helps and a
 * thread can be had. For a while of reading forwards; off is the beginning.
 */
void replay_lanes_hurry(struct replay_lanes *l, bool on);

/* ---- one CPU; one that is not there has no records ---- */

/*
 * The record that is next; it lives until another one is asked for of its CPU, or as long
 * as it is held. 1, 0 at the end, -errno: -ENOMEM.
 */
int replay_lane_peek(struct replay_lanes *l, uint32_t cpu, const struct replay_record **ret,
		     struct err *e);
/* Goes past the record that was peeked last. */
void replay_lane_take(struct replay_lanes *l, uint32_t cpu);
/* The same backwards: the record in front of the position. */
int replay_lane_peek_back(struct replay_lanes *l, uint32_t cpu, const struct replay_record **ret,
			  struct err *e);
void replay_lane_take_back(struct replay_lanes *l, uint32_t cpu);
/* Positions: the first record, behind the last one, the first one at or after a time,
 * the one that has the byte at an offset or else the next one. Seeking: 0 or -errno. */
void replay_lane_rewind(struct replay_lanes *l, uint32_t cpu);
void replay_lane_to_end(struct replay_lanes *l, uint32_t cpu);
int replay_lane_seek(struct replay_lanes *l, uint32_t cpu, uint64_t ts, struct err *e);
void replay_lane_goto(struct replay_lanes *l, uint32_t cpu, uint64_t offset);
/* Whose data the byte at @offset is part of: false if nobody's. */
bool replay_lanes_find(const struct replay_lanes *l, uint64_t offset, uint32_t *ret_cpu);

/* Bytes that the record's entry has in its sub-buffer. */
static inline uint32_t replay_entry_size(const struct replay_record *rec)
{
	return rec->len + (rec->long_entry ? 8 : 4);
}

/*
 * Keeps the data of the record that was peeked last of its CPU, either way, until
 * replay_hold_put, whatever is read and though the lanes be freed. NULL: no memory.
 */
struct replay_hold;
struct replay_hold *replay_lane_hold(struct replay_lanes *l, const struct replay_record *rec);
void replay_hold_put(struct replay_hold *h);
/* The offset of a record whose data it keeps. */
uint64_t replay_hold_offset(const struct replay_hold *h, const struct replay_record *rec);

/* ---- CPUs of any lanes as one stream, in time order ---- */

/*
 * Records are taken from the lanes' positions. Between two records these may be changed
 * by others. Of equal times the CPU that was added first comes first.
 */
struct replay_merge;
int replay_merge_new(struct replay_merge **ret, struct err *e);
void replay_merge_free(struct replay_merge *m);		/* NULL is allowed */
/* @tag: of the caller, told with the records. 0, -ENOMEM. */
int replay_merge_add(struct replay_merge *m, struct replay_lanes *l, uint32_t cpu, uint32_t tag,
		     struct err *e);
/* Takes the next record, or with @back the one before. It lives as one that was peeked.
 * 1, 0, -errno. */
int replay_merge_next(struct replay_merge *m, bool back, const struct replay_record **ret,
		      uint32_t *ret_tag, struct err *e);

#endif
