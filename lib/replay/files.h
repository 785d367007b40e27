/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a replay is made of. */
#ifndef TRACECMD_REPLAY_FILES_H
#define TRACECMD_REPLAY_FILES_H

#include "cursor.h"

struct file {
	struct dat_reader *reader;
	struct clock_opts clock;
	struct ring_abi abi;
	bool abi_known;
	struct event_db *db;		/* made at the first wish */
	uint32_t *buffer_stream;	/* first stream of each buffer; one more at the end */
};

struct replay {
	struct replay_opts opts;
	uint8_t *cpus;			/* opts.cpus, our own */
	VEC(struct file) files;
	VEC(struct stream) streams;	/* by file, buffer, cpu: the order of equal times */
	VEC(struct stream) left_out;	/* those that opts.cpus does not name */
	struct chunk_cache cache;
	struct replay_cursor *main;	/* of replay_next; made at the first wish */
	struct time_range range;	/* of the work that is done */
	const uint8_t *const *ids;	/* of the work that is done, see struct replay_work */
	bool started, loaded;
	bool begun;			/* main's records are given out one by one */
	bool partial;			/* of some streams the tables' heads are */
	struct err failed;
	uint64_t damage;		/* sub-buffers and chunks lost, wholly or in part */
};

/* ---- load.c ---- */

/* Reads the streams' tables, once. After a failure the same again. */
int replay_load(struct replay *rp, struct err *e);
/* Reads their beginnings, where they are long: enough for the replay's own cursor. */
int replay_load_heads(struct replay *rp, struct err *e);
/*
 * Reads what is needed of them for a range of time, and makes the replay's cursor
 * anew: it begins with the first record of what was read, which may be later than
 * the file's. 0 or -errno.
 */
int replay_load_range(struct replay *rp, const struct time_range *range, struct err *e);
/* The time of the first record of the CPUs that opts.cpus leaves out: 1, 0 without any, -errno.
 * What is damaged of them nobody asked for. */
int replay_first_left_out(struct replay *rp, uint64_t *ret, struct err *e);
/* Makes the replay's cursor anew, at the first record. Nobody else reads. 0 or -errno. */
int replay_restart(struct replay *rp, struct err *e);
/* For one thread; whatever it tells is told at once, unless the caller changes that. */
struct stream_env replay_env(struct replay *rp);
/* Notices of one thread that are told now: a stream_env's tell with the replay as context. */
void replay_tell(void *rp, bool damage, const char *text);

#endif
