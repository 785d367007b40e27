// SPDX-License-Identifier: LGPL-2.1-or-later
/* The tables of the CPUs' data: whole, their beginnings, or for a range of time. */
#include <errno.h>

#include "range.h"

void replay_tell(void *ctx, bool damage, const char *text)
{
	struct replay *rp = ctx;

	if (!damage) {
		notice(rp->opts.notices, "%s", text);
		return;
	}
	rp->damage++;
	if (text && rp->damage <= DAMAGE_TOLD_MAX)
		notice(rp->opts.notices, "%s%s", text, rp->damage == DAMAGE_TOLD_MAX ?
		       "; further damage is counted only" : "");
}

/* ---- whole tables ---- */

/* A damaged table costs its CPU. */
static int load_table(struct replay *rp, struct stream *s, struct err *e)
{
	struct err why = { 0 };
	struct ring_abi abi;
	int rc;

	if (s->table == TABLE_WHOLE)
		return 0;
	rc = replay_abi(rp, s->file, &abi, e);
	if (rc)
		return rc;
	rc = stream_load(s, &abi, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s", why.text);
	if (rc) {
		rp->damage++;
		notice(rp->opts.notices, "%s", why.text);
	} else if (s->chunks.broken_at) {
		rp->damage++;	/* the reader has told it */
	}
	return 0;
}

static int load_tables(struct replay *rp, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < rp->streams.nr && !rc; i++)
		rc = load_table(rp, &rp->streams.v[i], e);
	return rc;
}

static int can_load(const struct replay *rp, struct err *e)
{
	if (rp->failed.code)
		return err_set(e, rp->failed.code, "%s", rp->failed.text);
	return rp->started ? 0 : err_set(e, -EINVAL, "the replay was not started");
}

int replay_load(struct replay *rp, struct err *e)
{
	int rc = can_load(rp, e);

	if (rc || rp->loaded)
		return rc;
	rp->loaded = true;
	rp->partial = false;
	if (load_tables(rp, &rp->failed))
		return err_set(e, rp->failed.code, "%s", rp->failed.text);
	return 0;
}

/* ---- beginnings ---- */

int replay_load_heads(struct replay *rp, struct err *e)
{
	if (!rp->started || rp->loaded || rp->partial)
		return rp->partial ? 0 : replay_load(rp, e);
	for (uint32_t i = 0; i < rp->streams.nr; i++) {
		struct stream *s = &rp->streams.v[i];
		struct ring_abi abi;
		int rc = replay_abi(rp, s->file, &abi, NULL);

		if (!rc)
			rc = stream_load_head(s, &abi, NULL);
		/* what is wrong is told by those who load all */
		if (rc < 0)
			return replay_load(rp, e);
		rp->partial |= !rc;
		/* those that are short are whole already */
		rp->damage += rc && s->chunks.broken_at;
	}
	return rp->partial ? 0 : replay_load(rp, e);
}

static int complete(void *ctx, struct err *e)
{
	return replay_load(ctx, e);
}

struct stream_env replay_env(struct replay *rp)
{
	return (struct stream_env) {
		.tell = replay_tell, .tell_ctx = rp, .complete = complete, .complete_ctx = rp,
		.range = &rp->range, .cache = &rp->cache, .want_entries = rp->opts.want_entries,
	};
}

/* ---- ranges of time ---- */

int replay_restart(struct replay *rp, struct err *e)
{
	int rc;

	replay_cursor_free(rp->main);
	rp->main = NULL;
	/* chunks have other numbers now */
	cache_release(&rp->cache);
	cache_init(&rp->cache);
	rc = replay_cursor_new(rp, &rp->main, e);
	return rc ? rc : replay_cursor_start(rp->main, e);
}

int replay_load_range(struct replay *rp, const struct time_range *range, struct err *e)
{
	int rc = can_load(rp, e);

	if (rc || rp->loaded)
		return rc;
	for (uint32_t i = 0; i < rp->streams.nr && !rc; i++) {
		struct stream *s = &rp->streams.v[i];

		rc = replay_abi(rp, s->file, &s->abi, e);
		if (!rc)
			rc = range_load(s, range, e);
		if (!rc)
			rc = load_table(rp, s, e);
		else if (rc > 0)
			rc = 0;
	}
	rp->partial = false;
	return rc ? rc : replay_restart(rp, e);
}

/* ---- CPUs that are left out ---- */

/* What is wrong with them is nothing to those who did not ask for them. */
static int quietly(int rc, struct err *e)
{
	return rc == -ENOMEM ? err_set(e, rc, "out of memory") : 0;
}

static int load_left_out(void *ctx, struct err *e)
{
	struct stream *s = ctx;

	return s->table == TABLE_WHOLE ? 0 : quietly(stream_load(s, &s->abi, NULL), e);
}

static int load_left_out_head(struct replay *rp, struct stream *s, struct err *e)
{
	struct ring_abi abi;
	int rc = s->table == TABLE_NONE ? replay_abi(rp, s->file, &abi, e) : 1;

	if (rc)
		return rc < 0 ? rc : 0;
	rc = stream_load_head(s, &abi, NULL);
	return rc < 0 ? quietly(rc, e) : 0;
}

/* @nr: the stream's number, for the cache. */
static int first_of(struct replay *rp, struct stream *s, uint32_t nr, uint64_t *ret, struct err *e)
{
	struct stream_env env = replay_env(rp);
	struct stream_cur c;
	int rc = load_left_out_head(rp, s, e);

	if (rc)
		return rc;
	env.silent = true;
	env.complete = load_left_out;
	env.complete_ctx = s;
	stream_cur_init(&c, s, nr);
	rc = stream_next(&c, &env, e);
	if (rc > 0)
		*ret = c.cur.rec.ts;
	stream_cur_release(&c);
	codec_ctx_release(&env.codec);
	return rc;
}

int replay_first_left_out(struct replay *rp, uint64_t *ret, struct err *e)
{
	uint64_t first;
	bool found = false;
	int rc = 0;

	for (uint32_t i = 0; i < rp->left_out.nr && rc >= 0; i++) {
		rc = first_of(rp, &rp->left_out.v[i], rp->streams.nr + i, &first, e);
		if (rc > 0 && (!found || first < *ret)) {
			*ret = first;
			found = true;
		}
	}
	return rc < 0 ? rc : found;
}

/* ---- the end of all ---- */

/* Converted time of a CPU's last record; as stream_last. */
static int last_ts(struct replay *rp, struct stream *s, bool left_out, uint64_t *ret, struct err *e)
{
	int rc = left_out ? load_left_out_head(rp, s, e) : 0;

	if (!rc)
		rc = range_last(s, &rp->main->env, ret, e);
	if (rc)
		return rc;
	rc = left_out ? load_left_out(s, e) : load_table(rp, s, e);
	return rc ? rc : stream_last(s, &rp->main->env, 0, ret, e);
}

int replay_last_ts(struct replay *rp, uint64_t *ret, struct err *e)
{
	size_t nr = rp->streams.nr;
	uint64_t last;
	bool found = false;
	int rc = replay_begin(rp, e);

	for (size_t i = 0; i < nr + rp->left_out.nr && rc >= 0; i++) {
		rc = i < nr ? last_ts(rp, &rp->streams.v[i], false, &last, e) :
			      last_ts(rp, &rp->left_out.v[i - nr], true, &last, e);
		if (rc > 0 && (!found || last > *ret)) {
			*ret = last;
			found = true;
		}
	}
	return rc < 0 ? rc : found;
}
