// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Windows on many threads (the header's struct replay_work tells what they are).
 * Each thread, the caller's is one of them, works on the next window. Results are
 * taken in order by whoever is done with the one that is next: out of the
 * processor's cache they were made in, and nobody has to be woken for it. Then it is
 * checked that the window began where the one before it ended.
 */
#include <errno.h>
#include <stdlib.h>

#include "run.h"

/* Those that are done may wait for one in front of them. */
#define JOBS_PER_THREAD 2
/* Wrong guesses that are no accident: then windows are given up. */
#define WRONG_MAX 8

struct engine {
	struct replay *rp;
	const struct replay_run_opts *opts;
	const struct replay_work *work;
	pthread_mutex_t lock;
	pthread_cond_t moved;		/* windows were taken, or it is over */
	/* under the lock */
	struct plan plan;
	uint64_t planned;		/* windows that have a job, or had */
	bool all_planned;
	uint64_t border;		/* where the next window begins */
	uint64_t taken;			/* windows */
	bool taking;			/* by some thread: what follows is its own */
	bool stop;
	int rc;				/* why it stopped */
	struct err err;
	/* window n is in job n % nr_jobs */
	struct job *jobs;
	uint32_t nr_jobs;
	/* of the thread that takes */
	struct stream_place *truth;	/* where the window that is next begins */
	uint64_t wrong;
};

struct worker { struct engine *en; struct replay_cursor *c; pthread_t thread; };

/* ---- under the lock ---- */

static struct job *job_of(const struct engine *en, uint64_t window)
{
	return &en->jobs[window % en->nr_jobs];
}

static bool is_next(const struct engine *en, const struct job *j)
{
	return en->taken < en->planned && j == job_of(en, en->taken);
}

static bool is_over(const struct engine *en)
{
	return en->stop || (en->all_planned && en->taken == en->planned);
}

/* The job of the next window, or NULL: there is none free, or no more windows. */
static struct job *next_window(struct engine *en)
{
	struct job *j = job_of(en, en->planned);
	int rc;

	if (en->stop || en->all_planned || j->state != JOB_FREE)
		return NULL;
	j->err = (struct err) { 0 };
	j->placed = j->guessed = j->drop = false;
	j->size = 0;
	j->from = en->border;
	rc = plan_next(&en->plan, &j->to, &j->err);
	j->bytes = en->plan.window;
	j->has_to = rc > 0;
	if (!j->has_to) {
		en->all_planned = true;
		j->has_to = en->opts->has_to;
		j->to = en->opts->to;
	}
	en->border = j->to;
	j->rc = rc < 0 ? rc : 0;
	j->first = !en->planned++;
	j->state = JOB_RUNNING;
	return j;
}

static void end(struct engine *en, int rc, const struct err *why)
{
	if (!en->stop) {
		en->rc = rc;
		en->err = *why;
	}
	en->stop = true;
	for (uint32_t i = 0; i < en->nr_jobs; i++)
		__atomic_store_n(&en->jobs[i].drop, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&en->moved);
}

static bool begins_right(const struct engine *en, const struct job *j)
{
	for (uint32_t i = 0; j->guessed && i < en->rp->streams.nr; i++)
		if (!stream_place_equal(&j->start[i], &en->truth[i]))
			return false;
	return j->guessed;
}

/* The job is next and it is known where it began: what is worth nothing need not be finished. */
static void check_start(struct engine *en, struct job *j)
{
	if (j->state == JOB_RUNNING && j->placed && !begins_right(en, j))
		__atomic_store_n(&j->drop, true, __ATOMIC_RELAXED);
}

/* ---- taking ---- */

/* Works on a window from where it really begins, or on all that is left (@to_end). */
static int redo_window(struct engine *en, struct job *j, struct replay_cursor *c, bool to_end,
		       struct err *e)
{
	int rc = replay_cursor_goto(c, en->truth, e);

	if (rc)
		return rc;
	c->has_limit = to_end ? en->opts->has_to : j->has_to;
	c->limit = to_end ? en->opts->to : j->to;
	replay_cursor_order(c);
	__atomic_store_n(&j->drop, false, __ATOMIC_RELAXED);
	job_begin(j, c);
	rc = run_sequential(en->rp, c, j, e);
	replay_cursor_places(c, j->end);
	return rc;
}

/* Guesses are wrong too often. */
static void go_on_alone(struct engine *en, struct job *j, struct replay_cursor *c)
{
	struct err e = { 0 };
	int rc;

	end(en, 0, &e);
	pthread_mutex_unlock(&en->lock);
	rc = redo_window(en, j, c, true, &e);
	pthread_mutex_lock(&en->lock);
	en->rc = rc;
	en->err = e;
}

/* The window that is next, which is done. The lock is given up meanwhile. */
static void take_window(struct engine *en, struct job *j, struct replay_cursor *c)
{
	bool right = begins_right(en, j);
	struct stream_place *swap;
	struct err e = { 0 };
	int rc;

	pthread_mutex_unlock(&en->lock);
	/* a failure counts only behind the right beginning */
	if (!right)
		rc = -EAGAIN;
	else if ((rc = j->rc))
		e = j->err;
	else
		rc = job_take(j, en->rp, &e);
	if (rc == -EAGAIN)
		rc = redo_window(en, j, c, false, &e);
	pthread_mutex_lock(&en->lock);
	if (rc || en->stop) {
		end(en, rc, &e);
		return;
	}
	swap = en->truth;
	en->truth = j->end;
	j->end = swap;
	en->taken++;
	en->wrong += !right;
	if (en->wrong >= WRONG_MAX && en->wrong > en->taken / 2 && !is_over(en)) {
		go_on_alone(en, j, c);
		return;
	}
	j->state = JOB_FREE;
	if (en->taken < en->planned)
		check_start(en, job_of(en, en->taken));
	pthread_cond_broadcast(&en->moved);
}

/* Whatever is done and next. */
static void take_all(struct engine *en, struct replay_cursor *c)
{
	if (en->taking)
		return;
	en->taking = true;
	while (!en->stop && en->taken < en->planned && job_of(en, en->taken)->state == JOB_DONE)
		take_window(en, job_of(en, en->taken), c);
	en->taking = false;
}

/* ---- working ---- */

/* The window's beginning is known. */
static void placed(struct engine *en, struct job *j, bool guessed)
{
	pthread_mutex_lock(&en->lock);
	j->placed = true;
	j->guessed = guessed;
	if (is_next(en, j))
		check_start(en, j);
	pthread_mutex_unlock(&en->lock);
}

/* Takes a result that is large, when it is the window's turn. */
static int take_part(struct engine *en, struct job *j)
{
	bool drop;

	pthread_mutex_lock(&en->lock);
	while (!j->drop && !is_next(en, j))
		pthread_cond_wait(&en->moved, &en->lock);
	drop = j->drop;
	pthread_mutex_unlock(&en->lock);
	return drop ? -ECANCELED : job_take(j, en->rp, &j->err);
}

static int work_on(struct engine *en, struct job *j, struct replay_cursor *c)
{
	int rc;

	job_begin(j, c);
	if (j->first) {
		rc = replay_cursor_goto(c, j->start, &j->err);
		if (!rc)
			rc = 1;
	} else {
		/* who works on the window before tells what is damaged up to here */
		c->env.silent = true;
		rc = job_seek(j, c, j->from, en->opts->warm, &j->err);
		c->env.silent = false;
		replay_cursor_places(c, j->start);
	}
	placed(en, j, rc > 0);
	if (rc <= 0)
		return rc;
	c->has_limit = j->has_to;
	c->limit = j->to;
	replay_cursor_order(c);
	while ((rc = job_work(j, c, &j->err)) > 0) {
		j->size += job_size(j);
		rc = take_part(en, j);
		if (rc)
			return rc;
	}
	j->size += job_size(j);
	replay_cursor_places(c, j->end);
	return rc;
}

static void *worker(void *ctx)
{
	const struct worker *w = ctx;
	struct engine *en = w->en;

	pthread_mutex_lock(&en->lock);
	while (!is_over(en)) {
		struct job *j = next_window(en);
		int rc;

		if (!j) {
			pthread_cond_wait(&en->moved, &en->lock);
			continue;
		}
		rc = j->rc;
		if (!rc) {
			pthread_mutex_unlock(&en->lock);
			rc = work_on(en, j, w->c);
			pthread_mutex_lock(&en->lock);
		}
		j->rc = rc;
		j->placed = true;
		j->state = JOB_DONE;
		if (!rc)
			plan_learn(&en->plan, j->bytes, j->size);
		take_all(en, w->c);
	}
	pthread_mutex_unlock(&en->lock);
	return NULL;
}

/* ---- all of it ---- */

static int make_jobs(struct engine *en, const struct replay_cursor *c, struct err *e)
{
	en->nr_jobs = en->opts->threads * JOBS_PER_THREAD;
	en->jobs = calloc(en->nr_jobs, sizeof(*en->jobs));
	en->truth = calloc(en->rp->streams.nr + 1, sizeof(*en->truth));
	if (!en->jobs || !en->truth)
		return err_errno(e, -ENOMEM, "cannot replay");
	for (uint32_t i = 0; i < en->nr_jobs; i++) {
		int rc = job_init(&en->jobs[i], en->rp, en->work, false, e);

		if (rc)
			return rc;
	}
	replay_cursor_places(c, en->truth);
	memcpy(en->jobs[0].start, en->truth, en->rp->streams.nr * sizeof(*en->truth));
	return 0;
}

/* The caller's thread works with @c. Fewer threads than wanted will do. */
static int work_all(struct engine *en, struct replay_cursor *c, struct err *e)
{
	AUTO_FREE struct worker *workers = calloc(en->opts->threads, sizeof(*workers));
	uint32_t nr = 1;

	if (!workers)
		return err_errno(e, -ENOMEM, "cannot replay");
	workers[0] = (struct worker) { en, c, pthread_self() };
	for (; nr < en->opts->threads; nr++) {
		struct worker *w = &workers[nr];

		w->en = en;
		if (replay_cursor_new(en->rp, &w->c, e) || pthread_create(&w->thread, NULL, worker, w))
			break;
	}
	worker(&workers[0]);
	for (uint32_t i = 1; i < nr; i++)
		pthread_join(workers[i].thread, NULL);
	for (uint32_t i = 1; i < en->opts->threads; i++)
		replay_cursor_free(workers[i].c);
	return en->rc < 0 ? err_set(e, en->rc, "%s", en->err.text) : en->rc;
}

int run_windows(struct replay *rp, struct replay_cursor *c, const struct replay_run_opts *opts,
		const struct replay_work *work, uint64_t from, struct err *e)
{
	struct engine en = {
		.rp = rp, .opts = opts, .work = work, .lock = PTHREAD_MUTEX_INITIALIZER,
		.moved = PTHREAD_COND_INITIALIZER,
	};
	int rc = plan_init(&en.plan, rp, opts, from, e);

	rp->cache.keep = REPLAY_CACHE_BYTES;
	if (!rc)
		rc = make_jobs(&en, c, e);
	if (!rc)
		rc = work_all(&en, c, e);
	for (uint32_t i = 0; i < en.nr_jobs; i++)
		job_release(&en.jobs[i]);
	free(en.jobs);
	free(en.truth);
	plan_release(&en.plan);
	return rc;
}
