// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Windows on many threads (the header's struct replay_work tells what they are).
 * Workers take the next window, work on it, and leave it to the caller's thread,
 * which takes results in order and checks that each began where the one before
 * it ended.
 */
#include <errno.h>
#include <stdlib.h>

#include "run.h"

#define JOBS_PER_THREAD 2
/* Chunks that were decompressed for a window and may serve the next one. */
#define CACHE_BYTES (8u << 20)
/* Wrong guesses that are no accident: then windows are given up. */
#define WRONG_MAX 8

struct engine {
	struct replay *rp;
	const struct replay_run_opts *opts;
	const struct replay_work *work;
	pthread_mutex_t lock;
	pthread_cond_t to_workers, to_taker;
	/* under the lock */
	struct plan plan;
	uint64_t planned;		/* windows that have a job, or had */
	bool all_planned;
	uint64_t border;		/* where the next window begins */
	bool stop;
	/* window n is in job n % nr_jobs */
	struct job *jobs;
	uint32_t nr_jobs;
	pthread_t *threads;
	uint32_t nr_threads;
	/* of the taker */
	struct stream_place *truth;	/* where the next window begins */
	uint64_t wrong;
};

/* ---- workers ---- */

/* Under the lock: the job of the next window, or NULL when there will be no more. */
static struct job *next_window(struct engine *en)
{
	struct job *j = &en->jobs[en->planned % en->nr_jobs];
	int rc;

	while (!en->stop && !en->all_planned && j->state != JOB_FREE) {
		pthread_cond_wait(&en->to_workers, &en->lock);
		j = &en->jobs[en->planned % en->nr_jobs];
	}
	if (en->stop || en->all_planned)
		return NULL;
	j->err = (struct err) { 0 };
	j->placed = j->guessed = false;
	j->drop = false;
	j->from = en->border;
	rc = plan_next(&en->plan, &j->to, &j->err);
	j->has_to = rc > 0;
	if (!j->has_to) {
		en->all_planned = true;
		pthread_cond_broadcast(&en->to_workers);
		j->has_to = en->opts->has_to;
		j->to = en->opts->to;
	}
	en->border = j->to;
	j->rc = rc < 0 ? rc : 0;
	j->state = JOB_RUNNING;
	en->planned++;
	pthread_cond_broadcast(&en->to_taker);
	return j;
}

/* The window's beginning is known. */
static void placed(struct engine *en, struct job *j, bool guessed)
{
	pthread_mutex_lock(&en->lock);
	j->placed = true;
	j->guessed = guessed;
	pthread_cond_broadcast(&en->to_taker);
	pthread_mutex_unlock(&en->lock);
}

/* Waits until the result so far was taken. */
static int hand_over(struct engine *en, struct job *j)
{
	int rc;

	pthread_mutex_lock(&en->lock);
	j->state = JOB_FULL;
	pthread_cond_broadcast(&en->to_taker);
	while (j->state == JOB_FULL && !j->drop)
		pthread_cond_wait(&en->to_workers, &en->lock);
	rc = j->drop ? -ECANCELED : 0;
	j->state = JOB_RUNNING;
	pthread_mutex_unlock(&en->lock);
	return rc;
}

static int work_on(struct engine *en, struct job *j, struct replay_cursor *c, bool first)
{
	int rc;

	job_begin(j, c);
	if (first) {
		job_hurry(j);
		rc = replay_cursor_goto(c, j->start, &j->err);
		if (!rc)
			rc = 1;
	} else {
		rc = job_seek(j, c, j->from, en->opts->warm, &j->err);
		replay_cursor_places(c, j->start);
	}
	placed(en, j, rc > 0);
	if (rc <= 0)
		return rc;
	c->has_limit = j->has_to;
	c->limit = j->to;
	replay_cursor_order(c);
	while ((rc = job_work(j, c, &j->err)) > 0) {
		rc = hand_over(en, j);
		if (rc)
			return rc;
	}
	replay_cursor_places(c, j->end);
	return rc;
}

static void *worker(void *ctx)
{
	struct engine *en = ctx;
	struct replay_cursor *c = NULL;
	struct err e = { 0 };
	int rc = replay_cursor_new(en->rp, &c, &e);
	struct job *j;

	pthread_mutex_lock(&en->lock);
	while ((j = next_window(en))) {
		bool first = en->planned == 1;
		int done = j->rc;

		pthread_mutex_unlock(&en->lock);
		if (!done && rc) {
			done = rc;
			j->err = e;
		}
		if (!done)
			done = work_on(en, j, c, first);
		pthread_mutex_lock(&en->lock);
		j->rc = done;
		j->placed = true;
		j->state = JOB_DONE;
		pthread_cond_broadcast(&en->to_taker);
	}
	pthread_mutex_unlock(&en->lock);
	replay_cursor_free(c);
	return NULL;
}

/* ---- the taker ---- */

static void stop_workers(struct engine *en)
{
	pthread_mutex_lock(&en->lock);
	en->stop = true;
	for (uint32_t i = 0; i < en->nr_jobs; i++)
		__atomic_store_n(&en->jobs[i].drop, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&en->to_workers);
	pthread_mutex_unlock(&en->lock);
	for (uint32_t i = 0; i < en->nr_threads; i++)
		pthread_join(en->threads[i], NULL);
	en->nr_threads = 0;
}

static bool begins_right(const struct engine *en, const struct job *j)
{
	for (uint32_t i = 0; j->guessed && i < en->rp->streams.nr; i++)
		if (!stream_place_equal(&j->start[i], &en->truth[i]))
			return false;
	return j->guessed;
}

/* Under the lock, which is given up meanwhile: takes what the job gives until its
 * window is done. */
static int take_window(struct engine *en, struct job *j, struct err *e)
{
	enum job_state state;
	int rc = 0;

	do {
		while (j->state == JOB_RUNNING)
			pthread_cond_wait(&en->to_taker, &en->lock);
		state = j->state;
		if (j->rc) {
			*e = j->err;
			return j->rc;
		}
		pthread_mutex_unlock(&en->lock);
		rc = job_take(j, en->rp, e);
		pthread_mutex_lock(&en->lock);
		if (state == JOB_FULL && !rc) {
			j->state = JOB_RUNNING;
			pthread_cond_broadcast(&en->to_workers);
		}
	} while (state == JOB_FULL && !rc);
	return rc;
}

/* Under the lock: the job's result is worth nothing. */
static void drop_window(struct engine *en, struct job *j)
{
	__atomic_store_n(&j->drop, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&en->to_workers);
	while (j->state != JOB_DONE)
		pthread_cond_wait(&en->to_taker, &en->lock);
}

/* The window again, from where it really begins, in this thread. */
static int redo_window(struct engine *en, const struct job *window, struct replay_cursor *c,
		       struct job *mine, bool to_end, struct err *e)
{
	int rc = replay_cursor_goto(c, en->truth, e);

	if (rc)
		return rc;
	c->has_limit = to_end ? en->opts->has_to : window->has_to;
	c->limit = to_end ? en->opts->to : window->to;
	replay_cursor_order(c);
	job_begin(mine, c);
	rc = run_sequential(en->rp, c, mine, e);
	replay_cursor_places(c, en->truth);
	return rc;
}

/* The window that is next: 0, 1 to stop, -errno. */
static int take_next(struct engine *en, struct job *j, struct replay_cursor *c, struct job *mine,
		     struct err *e)
{
	struct stream_place *swap;
	int rc;

	while (!j->placed)
		pthread_cond_wait(&en->to_taker, &en->lock);
	/* a failure counts only behind the right beginning: else the window is done again */
	if (begins_right(en, j)) {
		rc = take_window(en, j, e);
		swap = en->truth;
		en->truth = j->end;
		j->end = swap;
		return rc;
	}
	en->wrong++;
	drop_window(en, j);
	pthread_mutex_unlock(&en->lock);
	rc = redo_window(en, j, c, mine, false, e);
	pthread_mutex_lock(&en->lock);
	return rc;
}

static int take_all(struct engine *en, struct replay_cursor *c, struct job *mine, struct err *e)
{
	uint64_t taken = 0;
	int rc = 0;

	pthread_mutex_lock(&en->lock);
	while (!rc) {
		struct job *j = &en->jobs[taken % en->nr_jobs];

		while (taken == en->planned && !en->all_planned)
			pthread_cond_wait(&en->to_taker, &en->lock);
		if (taken == en->planned)
			break;
		rc = take_next(en, j, c, mine, e);
		taken++;
		j->state = JOB_FREE;
		pthread_cond_broadcast(&en->to_workers);
		if (!rc && en->wrong >= WRONG_MAX && en->wrong > taken / 2) {
			pthread_mutex_unlock(&en->lock);
			stop_workers(en);
			return redo_window(en, NULL, c, mine, true, e);
		}
	}
	pthread_mutex_unlock(&en->lock);
	return rc;
}

static int start(struct engine *en, const struct replay_cursor *c, struct err *e)
{
	uint32_t nr = en->opts->threads;
	int rc;

	en->nr_jobs = nr * JOBS_PER_THREAD;
	en->jobs = calloc(en->nr_jobs, sizeof(*en->jobs));
	en->threads = calloc(nr, sizeof(*en->threads));
	en->truth = calloc(en->rp->streams.nr + 1, sizeof(*en->truth));
	if (!en->jobs || !en->threads || !en->truth)
		return err_errno(e, -ENOMEM, "cannot replay");
	for (uint32_t i = 0; i < en->nr_jobs; i++) {
		rc = job_init(&en->jobs[i], en->rp, en->work, false, e);
		if (rc)
			return rc;
	}
	replay_cursor_places(c, en->truth);
	memcpy(en->jobs[0].start, en->truth, en->rp->streams.nr * sizeof(*en->truth));
	for (uint32_t i = 0; i < nr; i++) {
		rc = pthread_create(&en->threads[i], NULL, worker, en);
		if (rc && !i)
			return err_errno(e, -rc, "cannot start a thread");
		if (rc)
			break;
		en->nr_threads++;
	}
	return 0;
}

int run_windows(struct replay *rp, struct replay_cursor *c, struct job *j,
		const struct replay_run_opts *opts, const struct replay_work *work, uint64_t from,
		struct err *e)
{
	struct engine en = {
		.rp = rp, .opts = opts, .work = work, .lock = PTHREAD_MUTEX_INITIALIZER,
		.to_workers = PTHREAD_COND_INITIALIZER, .to_taker = PTHREAD_COND_INITIALIZER,
	};
	int rc = plan_init(&en.plan, rp, opts, from, e);

	rp->cache.keep = CACHE_BYTES;
	if (!rc)
		rc = start(&en, c, e);
	if (!rc)
		rc = take_all(&en, c, j, e);
	stop_workers(&en);
	for (uint32_t i = 0; i < en.nr_jobs; i++)
		job_release(&en.jobs[i]);
	free(en.jobs);
	free(en.threads);
	free(en.truth);
	plan_release(&en.plan);
	return rc;
}
