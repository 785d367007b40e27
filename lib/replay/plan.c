// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "plan.h"

/* A window, as long as nothing is known of results. The first ones are small, so that
 * the first results are there soon. */
#define WINDOW_BYTES (256u << 10)
#define SMALL_BYTES (32u << 10)
/* Where that is less than a processor's cache holds; two for each thread are in memory. */
#define RESULT_BYTES (384u << 10)
/* Results may be tiny, or nothing at all. */
#define MOST_BYTES (8u << 20)
/*
 * Each window seeks in every stream. One that has many bytes for each of them costs more
 * to work on than to find; where the cache cannot keep the chunks that neighbours share,
 * each stream's is decompressed once more. And whatever the borders are, there is no more
 * than a seek for so many bytes: what is left then is one window.
 */
#define STREAM_BYTES (32u << 10)
#define STREAM_CHUNKS 2
#define WINDOWS_GROWING 8		/* what the first of them is smaller */
#define LEAST_MAX (1u << 30)
#define SEEK_BYTES (8u << 10)
#define SEEKS_FREE 4096
/* Less is done before threads have begun, or not worth the seeks. */
#define THREADS_BYTES (256u << 10)
#define THREADS_WINDOWS 4
/* So that all threads end together: so many windows at least for each. */
#define WINDOWS_EACH 4

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* It only looks ahead: whoever works there tells what is damaged. */
static struct stream_env silent_env(struct replay *rp)
{
	struct stream_env env = replay_env(rp);

	env.silent = true;
	return env;
}

/* About how many bytes of data there are in all. */
static uint64_t plan_total(const struct replay *rp)
{
	uint64_t total = 0;

	for (size_t i = 0; i < rp->streams.nr; i++)
		total += rp->streams.v[i].chunks.total;
	return total;
}

/* Bytes of a window that is worth to be one. */
static uint32_t least_bytes(const struct replay *rp)
{
	uint64_t chunk = 0, nr = rp->streams.nr, least = nr * STREAM_BYTES;

	for (size_t i = 0; i < nr; i++) {
		const struct dat_chunks *chunks = &rp->streams.v[i].chunks;
		uint64_t mean = chunks->nr ? chunks->total / chunks->nr : 0;

		chunk = mean > chunk ? mean : chunk;
	}
	chunk *= STREAM_CHUNKS * nr;
	if (chunk > REPLAY_CACHE_BYTES && chunk > least)
		least = chunk;
	return least > LEAST_MAX ? LEAST_MAX : least;
}

bool plan_worth_threads(const struct replay *rp)
{
	uint64_t total = plan_total(rp);

	return total > THREADS_BYTES && total / THREADS_WINDOWS >= least_bytes(rp);
}

int plan_init(struct plan *p, struct replay *rp, const struct replay_run_opts *opts,
	      uint64_t from, struct err *e)
{
	*p = (struct plan) {
		.rp = rp, .last = from, .has_to = opts->has_to, .to = opts->to,
		.fixed = opts->window_bytes, .threads = opts->threads, .env = silent_env(rp),
		.least = least_bytes(rp), .seeks = plan_total(rp) / SEEK_BYTES + SEEKS_FREE,
	};
	p->good = p->fixed ? opts->window_bytes : larger(WINDOW_BYTES, p->least);
	p->window = smaller(p->good, larger(SMALL_BYTES, p->least / WINDOWS_GROWING)) / 2;
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
	uint32_t leader = 0;

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
	stream_cur_init(&p->leader, &p->rp->streams.v[leader], leader);
	p->has_leader = true;
	p->share = (double)most / total;
	p->left = total;
	return 1;
}

static bool leader_is_over(struct plan *p)
{
	if (p->at < p->leader.s->chunks.total)
		return false;
	p->over[p->leader.cur.rec.stream] = true;
	return true;
}

void plan_learn(struct plan *p, uint32_t bytes, uint64_t size)
{
	double good = size ? (double)bytes / size * RESULT_BYTES : MOST_BYTES;

	if (p->fixed)
		return;
	/* not all at once: the next ones may be different */
	if (good > 2.0 * p->good)
		good = 2.0 * p->good;
	p->good = larger(smaller(good, MOST_BYTES), larger(SMALL_BYTES, p->least));
}

/* Bytes of the next window. */
static uint32_t next_bytes(struct plan *p)
{
	uint64_t bytes = 2ull * p->window, end = p->left / p->threads / WINDOWS_EACH;

	if (bytes > p->good)
		bytes = p->good;
	if (bytes > end && !p->fixed)
		bytes = smaller(bytes, larger(end, larger(SMALL_BYTES, p->least)));
	p->left -= smaller(bytes, p->left);
	p->window = bytes;
	return bytes;
}

/* A seek in every stream: there may be no more of them. */
static bool may_seek(struct plan *p)
{
	uint64_t nr = p->rp->streams.nr;

	if (p->seeks < nr)
		return false;
	p->seeks -= nr;
	return true;
}

int plan_next(struct plan *p, uint64_t *ret, struct err *e)
{
	while (p->fixed || may_seek(p)) {
		uint64_t ts, step;
		int rc;

		if (!p->has_leader || leader_is_over(p)) {
			rc = choose_leader(p, e);
			if (rc <= 0)
				return rc;
		}
		step = p->share * next_bytes(p);
		p->at += step > p->leader.s->page_size ? step : p->leader.s->page_size;
		rc = stream_time_at(&p->leader, &p->env, p->at, &ts, e);
		if (rc < 0)
			return rc;
		if (!rc || ts <= p->last)
			continue;
		if (p->has_to && ts >= p->to)
			return 0;
		p->last = *ret = ts;
		return 1;
	}
	return 0;
}
