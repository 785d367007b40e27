/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where windows end. */
#ifndef TRACECMD_REPLAY_PLAN_H
#define TRACECMD_REPLAY_PLAN_H

#include "files.h"

/* Chunks that were decompressed for a window and may serve the next one. */
#define REPLAY_CACHE_BYTES (8u << 20)

/*
 * Windows end where the sub-buffers of one stream, the leader, begin: the one with
 * the most data left. A window has its share of so many bytes that its result is of a
 * good size, as those before it show.
 */
struct plan {
	struct replay *rp;
	struct stream_env env;
	struct stream_cur leader;
	bool *over;			/* by stream: has led to its end, or nothing is left */
	bool has_leader;
	uint64_t at;			/* in the leader's bytes */
	double share;			/* of it, of what is left */
	uint64_t last;			/* border that was given last */
	bool has_to;
	uint64_t to;
	uint64_t left;			/* bytes of all streams */
	unsigned threads;
	bool fixed;			/* the caller says how many bytes */
	uint32_t good, window;		/* bytes of a window: as is best, of the last one */
	uint32_t least;			/* that are worth to seek all streams for */
	uint64_t seeks;			/* of streams, that there may be still */
};
/* From @from on. 0 or -ENOMEM. */
int plan_init(struct plan *p, struct replay *rp, const struct replay_run_opts *opts,
	      uint64_t from, struct err *e);
void plan_release(struct plan *p);
/* The next border, later than the last one: 1, 0 if the window that is next goes to
 * the end, -ENOMEM. */
int plan_next(struct plan *p, uint64_t *ret, struct err *e);
/* A window of so many bytes has a result of @size bytes. */
void plan_learn(struct plan *p, uint32_t bytes, uint64_t size);
/* Where the beginnings of tables end that were loaded so far: 1, 0 without such, -ENOMEM. */
int plan_loaded_until(struct replay *rp, uint64_t *ret, struct err *e);
/* There are data enough to cut them into windows. */
bool plan_worth_threads(const struct replay *rp);

#endif
