// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/guests_inside.h"

#define MEMORY (64u << 20)		/* of all sub-buffers on their way */

struct guests *guests_new(void)
{
	struct guests *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->shared.max = MEMORY;
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->wake_fd >= 0 && g->ended_fd >= 0)
		return g;
	guests_free(g);
	return NULL;
}

int guests_add(struct guests *g, const struct guest_opts *opts, struct err *e)
{
	struct guest *one;
	int r;

	if (vec_reserve(&g->v, 1))
		return err_errno(e, -ENOMEM, "cannot record");
	r = guest_new(g, opts, &one, e);
	if (r)
		return err_wrap(e, "%s", opts->label);
	g->v.v[g->v.nr++] = one;
	return 0;
}

void guests_info(const struct guests *g, size_t i, struct guest_info *ret)
{
	const struct guest *one = g->v.v[i];

	*ret = (struct guest_info){
		.label = one->opts.label, .path = one->opts.path, .cpus = one->talk.answer.cpus,
		.trace_id = one->talk.answer.trace_id, .vsock = !one->opts.address, .cid = one->opts.cid,
	};
}

int guests_begin(struct guests *g, struct kernel *k, struct err *e)
{
	sigset_t all, old;
	int r = 0;

	for (size_t i = 0; i < g->v.nr && !r; i++) {
		r = guest_begin(g->v.v[i], k, e);
		if (r)
			return err_wrap(e, "%s", g->v.v[i]->opts.label);
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&g->thread, NULL, guests_take, g);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	g->running = !r;
	return r ? err_errno(e, -r, "cannot start the thread for guests") : 0;
}

int guests_ended_fd(const struct guests *g)
{
	return g->ended_fd;
}

void guests_close(struct guests *g)
{
	for (size_t i = 0; i < g->v.nr; i++)
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

static int finish(struct guest *g, struct err *e)
{
	struct err failed = { 0 };
	int r = make_file(g, &failed);

	if (r < 0 && g->failed.code)
		err_hint(&failed, "before that: %s", g->failed.text);
	if (r >= 0 && g->failed.code) {
		failed = g->failed;
		err_hint(&failed, "what came before that is in '%s'", g->opts.path);
		r = failed.code;
	}
	if (r >= 0)
		return 0;
	if (e && !e->code) {
		*e = failed;
		return err_wrap(e, "%s", g->opts.label);
	}
	notice(g->opts.notices, "%s: %s", g->opts.label, failed.text);
	return r;
}

static void join(struct guests *g)
{
	if (g->running)
		pthread_join(g->thread, NULL);
	g->running = false;
}

int guests_finish(struct guests *g, struct err *e)
{
	struct err first = { 0 };

	join(g);
	for (size_t i = 0; i < g->v.nr; i++)
		finish(g->v.v[i], &first);
	if (first.code && e)
		*e = first;
	return first.code;
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
	free(g);
}
