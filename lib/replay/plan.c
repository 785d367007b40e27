// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "plan.h"

/* The results of a window take some times as much; two for each thread are in memory. */
#define WINDOW_BYTES (512u << 10)
/* The first windows, so that the first result is there soon. */
#define SMALL_BYTES (32u << 10)

/* It only looks ahead: whoever works there tells what is damaged. */
static struct stream_env silent_env(struct replay *rp)
{
	struct stream_env env = replay_env(rp);

	env.silent = true;
	return env;
}

int plan_init(struct plan *p, struct replay *rp, const struct replay_run_opts *opts,
	      uint64_t from, struct err *e)
{
	*p = (struct plan) {
		.rp = rp, .last = from, .has_to = opts->has_to, .to = opts->to,
		.bytes = opts->window_bytes ? opts->window_bytes : WINDOW_BYTES,
		.env = silent_env(rp),
	};
	p->small = p->bytes < SMALL_BYTES ? p->bytes : SMALL_BYTES;
	p->over = calloc(rp->streams.nr + 1, sizeof(*p->over));
	return p->over ? 0 : err_errno(e, -ENOMEM, "cannot replay");
}

void plan_release(struct plan *p)
{
	if (p->has_leader)
		stream_cur_release(&p->leader);
	codec_ctx_release(&p->env.codec);
	free(p->over);
}

int plan_loaded_until(struct replay *rp, uint64_t *ret, struct err *e)
{
	struct stream_env env = silent_env(rp);
	int rc = 0, found = 0;

	for (size_t i = 0; i < rp->streams.nr && rc >= 0; i++) {
		const struct stream *s = &rp->streams.v[i];
		struct stream_cur c;
		uint64_t ts;

		if (s->table != TABLE_HEAD)
			continue;
		stream_cur_init(&c, s, i);
		rc = stream_time_at(&c, &env, s->chunks.v[s->chunks.nr - 1].start, &ts, e);
		stream_cur_release(&c);
		if (rc > 0 && (!found || ts < *ret)) {
			*ret = ts;
			found = 1;
		}
	}
	codec_ctx_release(&env.codec);
	return rc < 0 ? rc : found;
}

uint64_t plan_total(const struct replay *rp)
{
	uint64_t total = 0;

	for (size_t i = 0; i < rp->streams.nr; i++)
		total += rp->streams.v[i].chunks.total;
	return total;
}

/* What is left of a stream behind the last border. */
static int left_of(struct plan *p, uint32_t i, uint64_t *at, uint64_t *left, struct err *e)
{
	struct stream *s = &p->rp->streams.v[i];
	struct stream_cur c;
	int rc = 0;

	*at = *left = 0;
	if (p->over[i])
		return 0;
	if (p->last) {
		stream_cur_init(&c, s, i);
		rc = stream_find(&c, &p->env, p->last, at, e);
		stream_cur_release(&c);
	}
	*left = s->chunks.total - *at;
	if (*left <= s->page_size)
		p->over[i] = true;
	return rc;
}

/* 1, 0 if no stream has enough left, -ENOMEM. */
static int choose_leader(struct plan *p, struct err *e)
{
	uint64_t at, left, total = 0, most = 0;
	uint32_t leader = 0, page_size;

	if (p->has_leader)
		stream_cur_release(&p->leader);
	p->has_leader = false;
	for (uint32_t i = 0; i < p->rp->streams.nr; i++) {
		int rc = left_of(p, i, &at, &left, e);

		if (rc)
			return rc;
		total += left;
		if (!p->over[i] && left > most) {
			most = left;
			leader = i;
			p->at = at;
		}
	}
	if (!most)
		return 0;
	page_size = p->rp->streams.v[leader].page_size;
	stream_cur_init(&p->leader, &p->rp->streams.v[leader], leader);
	p->has_leader = true;
	p->step = (uint64_t)((double)p->bytes * most / total);
	if (p->step < page_size)
		p->step = page_size;
	return 1;
}

static bool leader_is_over(struct plan *p)
{
	if (p->at < p->leader.s->chunks.total)
		return false;
	p->over[p->leader.cur.rec.stream] = true;
	return true;
}

int plan_next(struct plan *p, uint64_t *ret, struct err *e)
{
	for (;;) {
		uint64_t ts;
		int rc;

		if (!p->has_leader || leader_is_over(p)) {
			rc = choose_leader(p, e);
			if (rc <= 0)
				return rc;
		}
		p->at += p->step * p->small / p->bytes + 1;
		rc = stream_time_at(&p->leader, &p->env, p->at, &ts, e);
		if (rc < 0)
			return rc;
		if (!rc || ts <= p->last)
			continue;
		if (p->has_to && ts >= p->to)
			return 0;
		p->last = *ret = ts;
		p->small = p->small < p->bytes / 2 ? p->small * 2 : p->bytes;
		return 1;
	}
}
