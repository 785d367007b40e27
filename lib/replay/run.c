// SPDX-License-Identifier: LGPL-2.1-or-later
/* Work on records by one thread: jobs, and the run that has but one. */
#include <errno.h>
#include <stdlib.h>

#include "ahead.h"
#include "run.h"

/* Of these one may have the first result. */
#define FIRST_RECORDS 500

/* ---- jobs ---- */

int job_init(struct job *j, struct replay *rp, const struct replay_work *work, bool in_order,
	     struct err *e)
{
	*j = (struct job) { .work = work };
	j->start = calloc(rp->streams.nr + 1, sizeof(*j->start));
	j->end = calloc(rp->streams.nr + 1, sizeof(*j->end));
	if (!j->start || !j->end)
		return err_errno(e, -ENOMEM, "cannot replay");
	return work->job_new(work->ctx, in_order, &j->user, e);
}

static void clear_notes(struct job *j)
{
	for (size_t i = 0; i < j->notes.nr; i++)
		free(j->notes.v[i].text);
	j->notes.nr = 0;
	j->untold = 0;
}

void job_release(struct job *j)
{
	if (j->user)
		j->work->job_free(j->work->ctx, j->user);
	clear_notes(j);
	vec_release(&j->notes);
	free(j->start);
	free(j->end);
}

static void job_tell(void *ctx, bool damage, const char *text)
{
	struct job *j = ctx;
	struct note note = { .at = j->work->mark(j->user), .damage = damage };

	if (text)
		note.text = strdup(text);
	if (note.text && !vec_push(&j->notes, note))
		return;
	free(note.text);
	j->untold += damage;
}

void job_begin(struct job *j, struct replay_cursor *c)
{
	c->env.tell = job_tell;
	c->env.tell_ctx = j;
	c->env.told = 0;
	clear_notes(j);
	j->work->clear(j->user);
}

void replay_cursor_notice(struct replay_cursor *c, const char *text)
{
	c->env.tell(c->env.tell_ctx, false, text);
}

/* The last records in front of @ts, for the state they leave. */
static int warm_up(struct job *j, struct replay_cursor *c, uint32_t i, uint64_t ts, struct err *e)
{
	struct stream_cur *s = &c->v[i];
	bool silent = c->env.silent;
	int rc = 1;

	c->top = i;
	c->consumed = true;
	c->env.silent = true;
	while (rc > 0 && s->cur.rec.ts < ts) {
		rc = j->work->record(j->user, c, &s->cur.rec, true, e);
		if (rc >= 0)
			rc = stream_next(s, &c->env, e);
	}
	c->env.silent = silent;
	c->consumed = false;
	return rc;
}

int job_seek(struct job *j, struct replay_cursor *c, uint64_t ts, unsigned warm, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->nr && rc >= 0; i++) {
		rc = stream_seek(&c->v[i], &c->env, ts, warm, e);
		if (!rc)
			c->v[i].ended = true;
		else if (rc > 0)
			rc = warm_up(j, c, i, ts, e);
	}
	j->work->clear(j->user);
	for (size_t i = 0; i < j->notes.nr; i++)
		j->notes.v[i].at = REPLAY_START;
	if (rc == -EAGAIN)
		return 0;
	if (rc < 0)
		return rc;
	replay_cursor_order(c);
	return 1;
}

static inline int work_on_next(struct job *j, struct replay_cursor *c, struct err *e, int *more)
{
	const struct time_range *range = &c->rp->range;
	const struct replay_record *rec;

	*more = replay_cursor_next(c, &rec, e);
	if (*more <= 0)
		return *more;
	/* time that stepped back out of the range */
	return j->work->record(j->user, c, rec, range->has_from && rec->ts < range->from, e);
}

/* Where the cursor stands at the end of the range of time: whether time goes on from there. */
static int tell_ends(struct replay_cursor *c, struct err *e)
{
	const struct time_range *range = &c->rp->range;
	int rc = 0;

	if (!range->has_to || !c->has_limit || c->limit != range->to)
		return 0;
	for (uint32_t i = 0; i < c->nr && !rc; i++)
		rc = stream_tell_end(&c->v[i], &c->env, e);
	return rc;
}

int job_work(struct job *j, struct replay_cursor *c, struct err *e)
{
	int more, rc;

	while (!(rc = work_on_next(j, c, e, &more)) && more)
		if (__atomic_load_n(&j->drop, __ATOMIC_RELAXED))
			return -ECANCELED;
	return rc || more ? rc : tell_ends(c, e);
}

int job_take(struct job *j, struct replay *rp, struct err *e)
{
	size_t from = REPLAY_START;
	int rc = j->work->settle ? j->work->settle(j->work->ctx, j->user, e) : 0;

	if (rc)
		return rc;
	for (size_t i = 0; i < j->notes.nr && !rc; i++) {
		const struct note *n = &j->notes.v[i];

		if (n->at > from)
			rc = j->work->take(j->work->ctx, j->user, from, n->at, e);
		from = n->at;
		if (!rc)
			replay_tell(rp, n->damage, n->text);
	}
	if (!rc) {
		rp->damage += j->untold;
		rc = j->work->take(j->work->ctx, j->user, from, REPLAY_END, e);
	}
	clear_notes(j);
	j->work->clear(j->user);
	return rc;
}

/* ---- in the caller's thread ---- */

int run_sequential(struct replay *rp, struct replay_cursor *c, struct job *j, struct err *e)
{
	int rc;

	do {
		int taken;

		rc = job_work(j, c, e);
		if (rc < 0)
			return rc;
		taken = job_take(j, rp, e);
		if (taken)
			return taken;
	} while (rc);
	return 0;
}

static bool is_compressed(const struct replay *rp)
{
	for (uint32_t i = 0; i < rp->streams.nr; i++) {
		const struct stream *s = &rp->streams.v[i];

		if (dat_reader_buffer(s->reader, s->buffer)->compressed)
			return true;
	}
	return false;
}

static int run_ahead(struct replay *rp, struct job *j, struct err *e)
{
	struct ahead *a = ahead_start(&rp->cache, rp->streams.nr);
	int rc;

	rp->main->env.ahead = a;
	rc = run_sequential(rp, rp->main, j, e);
	rp->main->env.ahead = NULL;
	ahead_stop(a);
	return rc;
}

/* Past all records in front of @ts, one by one. */
static int skip_to(struct replay_cursor *c, uint64_t ts, struct err *e)
{
	const struct replay_record *rec;
	int rc;

	c->has_limit = true;
	c->limit = ts;
	replay_cursor_order(c);
	while ((rc = replay_cursor_next(c, &rec, e)) > 0)
		;
	return rc;
}

/* To the first record at or after @from, where searching cannot tell. */
static int walk_to(struct replay *rp, struct job *j, uint64_t from, struct err *e)
{
	int rc = replay_load(rp, e);

	if (!rc)
		rc = replay_restart(rp, e);
	if (rc)
		return rc;
	job_begin(j, rp->main);
	rc = replay_cursor_tell_start(rp->main, e);
	return rc ? rc : skip_to(rp->main, from, e);
}

/* What was noticed where no record was worked on. */
static int take_notes(struct replay *rp, struct job *j, struct err *e)
{
	return j->notes.nr || j->untold ? job_take(j, rp, e) : 0;
}

/* The replay's cursor may be another one then. */
static int go_to_start(struct replay *rp, struct job *j, const struct replay_run_opts *opts,
		       struct err *e)
{
	int rc;

	job_begin(j, rp->main);
	if (opts->has_from) {
		rc = job_seek(j, rp->main, opts->from, opts->warm, e);
		if (!rc)
			rc = walk_to(rp, j, opts->from, e);
	} else {
		rc = replay_cursor_tell_start(rp->main, e);
	}
	if (rc < 0)
		return rc;
	rp->main->has_limit = opts->has_to;
	rp->main->limit = opts->to;
	replay_cursor_order(rp->main);
	return take_notes(rp, j, e);
}

/* Some windows at least. */
static bool worth_threads(const struct replay *rp, const struct replay_run_opts *opts)
{
	return opts->threads > 1 && (opts->window_bytes || plan_worth_threads(rp));
}

/*
 * While only the beginnings of long tables are loaded, which one thread may work
 * with: what they hold. *from is where that ends.
 */
static int run_beginning(struct replay_cursor *c, struct job *j, const struct replay_run_opts *opts,
			 uint64_t *from, struct err *e)
{
	struct replay *rp = c->rp;
	uint64_t until;
	int rc = plan_loaded_until(rp, &until, e);

	if (rc > 0) {
		c->has_limit = true;
		c->limit = *from = opts->has_to && opts->to < until ? opts->to : until;
		replay_cursor_order(c);
		rc = run_sequential(rp, c, j, e);
		c->has_limit = opts->has_to;
		c->limit = opts->to;
		replay_cursor_order(c);
	}
	if (rc >= 0)
		job_begin(j, c);
	return rc;
}

/* The first result, before any thread is started, which takes longer: unless it is far off. */
static int run_first(struct replay_cursor *c, struct job *j, struct err *e)
{
	int more = 1, rc = 0;

	for (unsigned i = 0; i < FIRST_RECORDS && more && !rc; i++)
		rc = work_on_next(j, c, e, &more);
	if (rc >= 0)
		rc = job_take(j, c->rp, e);
	if (!rc)
		rc = replay_cursor_step(c, e);
	return rc ? rc : take_notes(c->rp, j, e);
}

static int run(struct replay *rp, struct job *j, const struct replay_run_opts *opts,
	       const struct replay_work *work, struct err *e)
{
	uint64_t from = opts->has_from ? opts->from : 0;
	int rc;

	rp->range = (struct time_range){ opts->has_from, opts->has_to, opts->from, opts->to };
	if (opts->has_from || opts->has_to) {
		rc = replay_load_range(rp, &rp->range, e);
		if (rc)
			return rc;
	}
	rc = go_to_start(rp, j, opts, e);
	if (rc)
		return rc;
	job_hurry(j);
	if (rp->partial) {
		rc = run_beginning(rp->main, j, opts, &from, e);
		if (!rc)
			rc = replay_load(rp, e);
	} else {
		rc = run_first(rp->main, j, e);
	}
	if (rc)
		return rc;
	if (worth_threads(rp, opts))
		return run_windows(rp, rp->main, opts, work, from, e);
	return opts->ahead && is_compressed(rp) ? run_ahead(rp, j, e) :
	       run_sequential(rp, rp->main, j, e);
}

int replay_run(struct replay *rp, const struct replay_run_opts *opts,
	       const struct replay_work *work, struct err *e)
{
	struct job j = { .work = work };
	int rc = replay_begin(rp, e);

	if (rc <= 0)
		return rc ? rc : replay_cursor_tell_start(rp->main, e);
	rp->ids = work->ids;
	replay_cursor_choose(rp->main);
	rc = job_init(&j, rp, work, true, e);
	if (!rc)
		rc = run(rp, &j, opts, work, e);
	job_release(&j);
	return rc;
}
