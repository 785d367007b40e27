// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/guests_inside.h"

#define STEP_THREADS 32u			/* for what agents are waited for */
#define MEMORY (64u << 20)		/* of all sub-buffers on their way */

struct guests *guests_new(void)
{
	struct guests *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->shared.max = MEMORY;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->made_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->wake_fd >= 0 && g->ended_fd >= 0 && g->made_fd >= 0)
		return g;
	guests_free(g);
	return NULL;
}

static int add(struct guests *g, const struct guest_opts *opts, struct err *e)
{
	struct guest *one = vec_reserve(&g->v, 1) ? NULL : guest_new(g, opts);

	if (!one)
		return err_errno(e, -ENOMEM, "cannot record");
	g->v.v[g->v.nr++] = one;
	return 0;
}

int guests_add(struct guests *g, const struct guest_opts *opts, struct err *e)
{
	int r = add(g, opts, e);

	if (r)
		return r;
	r = guest_ask(g->v.v[g->v.nr - 1], e);
	if (!r)
		return 0;
	guest_free(g->v.v[--g->v.nr]);
	return err_wrap(e, "%s", opts->label);
}

/* ---- many at the same time ----------------------------------------------------------- */

/* A step that all of them take. */
struct step {
	struct guests *all;
	struct kernel *k;
	int (*take)(struct step *step, struct guest *g, struct err *e);
	atomic_size_t next;
};

static int take_ask(struct step *step, struct guest *g, struct err *e)
{
	(void)step;
	return guest_ask(g, e);
}

static int take_prepare(struct step *step, struct guest *g, struct err *e)
{
	return guest_prepare(g, step->k, e);
}

static int take_go(struct step *step, struct guest *g, struct err *e)
{
	(void)step;
	return guest_go(g, e);
}

static int take_sync_end(struct step *step, struct guest *g, struct err *e)
{
	(void)step;
	(void)e;
	guest_sync_end(g);
	return 0;
}

static void *take_steps(void *arg)
{
	struct step *step = arg;
	size_t i;

	while ((i = atomic_fetch_add(&step->next, 1)) < step->all->v.nr) {
		struct guest *g = step->all->v.v[i];
		struct err e = { 0 };

		if (atomic_load(&g->has_failed) || !step->take(step, g, &e))
			continue;
		guest_fail(g, &e);
		guest_hang_up(g);
	}
	return NULL;
}

/* Threads that cannot be had are made up for by this one. */
static void all_take(struct step *step)
{
	pthread_t threads[STEP_THREADS];
	size_t nr = 0;

	atomic_init(&step->next, 0);
	while (nr < STEP_THREADS && nr + 1 < step->all->v.nr && !thread_start(&threads[nr], take_steps, step))
		nr++;
	take_steps(step);
	while (nr)
		pthread_join(threads[--nr], NULL);
}

int guests_add_all(struct guests *g, const struct guest_opts *opts, size_t nr, struct err *e)
{
	struct step step = { .all = g, .take = take_ask };
	int r = 0;

	g->each = true;
	for (size_t i = 0; i < nr && !r; i++)
		r = add(g, &opts[i], e);
	if (!r)
		all_take(&step);
	return r;
}

size_t guests_well(const struct guests *g)
{
	size_t nr = 0;

	for (size_t i = 0; i < g->v.nr; i++)
		nr += !atomic_load(&g->v.v[i]->has_failed);
	return nr;
}

void guests_info(const struct guests *g, size_t i, struct guest_info *ret)
{
	const struct guest *one = g->v.v[i];

	*ret = (struct guest_info){
		.label = one->opts.label, .path = one->opts.path, .cpus = one->talk.answer.cpus,
		.trace_id = one->talk.answer.trace_id, .vsock = !one->opts.address, .cid = one->opts.cid,
		.failed = atomic_load(&one->has_failed) ? &one->failed : NULL, .has_file = one->made,
	};
}

static int begin_in_turn(struct guests *g, struct kernel *k, struct err *e)
{
	for (size_t i = 0; i < g->v.nr; i++) {
		int r = guest_prepare(g->v.v[i], k, e);

		if (!r)
			r = guest_go(g->v.v[i], e);
		if (r)
			return err_wrap(e, "%s", g->v.v[i]->opts.label);
	}
	return 0;
}

/* None records before all are ready. */
static void begin_each(struct guests *g, struct kernel *k)
{
	struct step prepare = { .all = g, .k = k, .take = take_prepare }, go = { .all = g, .take = take_go };

	all_take(&prepare);
	all_take(&go);
}

int guests_begin(struct guests *g, struct kernel *k, struct err *e)
{
	int r = 0;

	if (g->each)
		begin_each(g, k);
	else
		r = begin_in_turn(g, k, e);
	if (r)
		return r;
	r = thread_start(&g->thread, guests_take, g);
	g->running = !r;
	return r ? err_errno(e, r, "cannot start the thread for guests") : 0;
}

int guests_ended_fd(const struct guests *g)
{
	return g->ended_fd;
}

void guests_close(struct guests *g)
{
	struct step step = { .all = g, .take = take_sync_end };

	if (g->each)
		all_take(&step);
	for (size_t i = 0; i < g->v.nr; i++)		/* of those that have failed, too */
		guest_sync_end(g->v.v[i]);
	eventfd_write(g->wake_fd, 1);
}

/* ---- the files -------------------------------------------------------------------- */

/* 0; 1: something is missing in it, which is told; -errno. */
static int make_file(struct guest *g, struct err *e)
{
	int r = incoming_flush(g->in, e);

	if (!r && incoming_torn(g->in))
		notice(g->opts.notices, "%s: the last %" PRIu64 " bytes are no whole sub-buffers: left out",
		       g->opts.label, incoming_torn(g->in));
	if (!r)
		r = guest_sync_store(g, e);
	if (!r)
		r = incoming_finish(g->in, &g->file, g->opts.notices, e);
	if (r >= 0 || !incoming_bytes(g->in))
		return r;
	err_hint(e, "what came of it is kept in '%s.meta' and its neighbours; 'tracecmd restore' makes a file of them",
		 g->opts.path);
	incoming_free(g->in, false);
	g->in = NULL;
	return r;
}

/* What went wrong of it becomes one error. */
static int finish(struct guest *g)
{
	struct err failed = { 0 };
	int r;

	if (!g->began)
		return g->failed.code;
	r = make_file(g, &failed);
	g->made = r >= 0;
	if (r < 0 && g->failed.code)
		err_hint(&failed, "before that: %s", g->failed.text);
	if (r >= 0 && g->failed.code) {
		failed = g->failed;
		err_hint(&failed, "what came before that is in '%s'", g->opts.path);
	}
	g->failed = failed;
	atomic_store(&g->has_failed, failed.code != 0);
	return g->failed.code;
}

static void join(struct guests *g)
{
	if (g->running)
		pthread_join(g->thread, NULL);
	g->running = false;
}

int guests_finish(struct guests *g, struct err *e)
{
	int first = 0;

	join(g);
	for (size_t i = 0; i < g->v.nr; i++) {
		struct guest *one = g->v.v[i];

		if (!finish(one))
			continue;
		if (first && !g->each)
			notice(one->opts.notices, "%s: %s", one->opts.label, one->failed.text);
		if (!first && e) {
			*e = one->failed;
			err_wrap(e, "%s", one->opts.label);
		}
		first = first ? first : one->failed.code;
	}
	return first;
}

void guests_free(struct guests *g)
{
	if (!g)
		return;
	if (g->running)
		guests_close(g);
	join(g);
	for (size_t i = 0; i < g->v.nr; i++)
		guest_free(g->v.v[i]);
	vec_release(&g->v);
	incoming_shared_release(&g->shared);
	cleanup_close(&g->wake_fd);
	cleanup_close(&g->ended_fd);
	cleanup_close(&g->made_fd);
	free(g);
}
