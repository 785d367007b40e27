/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work on windows: one job is one window at a time. */
#ifndef TRACECMD_REPLAY_RUN_H
#define TRACECMD_REPLAY_RUN_H

#include <pthread.h>

#include "plan.h"

/* A notice, or damage; @at: its mark in the result. */
struct note { size_t at; bool damage; char *text; };

enum job_state {
	JOB_FREE,
	JOB_RUNNING,
	JOB_DONE,
};

struct job {
	const struct replay_work *work;
	void *user;
	VEC(struct note) notes;
	uint64_t untold;		/* damage without a note */
	/* of the window */
	bool first;			/* its start is known */
	bool has_to;			/* else it goes to the end */
	uint64_t from, to;
	uint32_t bytes;			/* of data, about */
	uint64_t size;			/* of its result, what was taken too */
	struct stream_place *start, *end;	/* by stream */
	/* under the engine's lock */
	enum job_state state;
	bool placed;			/* start is known ... */
	bool guessed;			/* ... and could be found */
	bool drop;			/* read without the lock too */
	int rc;
	struct err err;
};

int job_init(struct job *j, struct replay *rp, const struct replay_work *work, bool in_order,
	     struct err *e);
void job_release(struct job *j);
/* Notices of @c go to the job from here on, and its result is empty. */
void job_begin(struct job *j, struct replay_cursor *c);
/* Nothing has been taken yet. */
static inline void job_hurry(struct job *j)
{
	if (j->work->hurry)
		j->work->hurry(j->user);
}
static inline size_t job_size(const struct job *j)
{
	return j->work->size ? j->work->size(j->user) : 0;
}
/* Moves to the first records at or after @ts. 1; 0 if they cannot be told; -errno. Tells
 * what stream_seek does. */
int job_seek(struct job *j, struct replay_cursor *c, uint64_t ts, unsigned warm, struct err *e);
/*
 * Works on records up to the cursor's limit: 0 at the end, 1 when the result is to
 * be taken before going on, -errno. -ECANCELED if it was dropped.
 */
int job_work(struct job *j, struct replay_cursor *c, struct err *e);
/* Settles the result, takes and empties it: 0, 1 to stop, -errno; -EAGAIN, and nothing is
 * taken: it is to be made again. By one thread at a time. */
int job_take(struct job *j, struct replay *rp, struct err *e);

/* ---- run.c ---- */

/* All in the caller's thread, from where @c is; replay_run's results. */
int run_sequential(struct replay *rp, struct replay_cursor *c, struct job *j, struct err *e);
/* ---- windows.c ---- */
/* The same by threads. @from: where that is in time. */
int run_windows(struct replay *rp, struct replay_cursor *c, const struct replay_run_opts *opts,
		const struct replay_work *work, uint64_t from, struct err *e);

#endif
