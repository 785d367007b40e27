// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records of chosen CPUs and events. What is not wanted is passed over on its
 * own CPU, by the event's number, before anything is merged.
 */
#include <errno.h>
#include <stdlib.h>

#include "files.h"

struct replay_pick {
	struct replay *rp;
	struct replay_pick_opts opts;
	struct stream_env env;
	struct time_range range;	/* as in opts */
	struct stream_cur *v;		/* of the wanted streams */
	struct heap_entry *heap;	/* its stream is a number in v */
	uint32_t nr, nr_heap;
	uint32_t now;			/* unordered: which of v is read */
	bool started;
	bool consumed;			/* the top's record was handed out */
	struct replay_pick_facts facts;
	struct err failed;
};

static void tell_damage(void *ctx, bool damage, const char *text)
{
	struct replay_pick *p = ctx;

	p->facts.damage += damage;
	p->opts.tell(p->opts.tell_ctx, damage, text);
}

void replay_pick_free(struct replay_pick *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->nr; i++)
		stream_cur_release(&p->v[i]);
	codec_ctx_release(&p->env.codec);
	free(p->v);
	free(p->heap);
	free(p);
}

int replay_pick_new(struct replay *rp, const struct replay_pick_opts *opts,
		    struct replay_pick **ret, struct err *e)
{
	struct replay_pick *p;
	int rc = replay_load(rp, e);

	if (rc)
		return rc;
	p = calloc(1, sizeof(*p));
	if (p) {
		p->v = calloc(rp->streams.nr + 1, sizeof(*p->v));
		p->heap = calloc(rp->streams.nr + 1, sizeof(*p->heap));
	}
	if (!p || !p->v || !p->heap) {
		replay_pick_free(p);
		return err_errno(e, -ENOMEM, "cannot read the events");
	}
	p->rp = rp;
	p->opts = *opts;
	p->env = replay_env(rp);
	p->env.want_entries = false;
	p->env.tell = tell_damage;
	p->env.tell_ctx = p;
	p->range = (struct time_range){ opts->has_from, opts->has_to, opts->from, opts->to };
	p->env.range = &p->range;
	for (uint32_t i = 0; i < rp->streams.nr; i++)
		if (!opts->streams || opts->streams[i / 8] >> i % 8 & 1) {
			struct stream_cur *c = &p->v[p->nr++];

			stream_cur_init(c, &rp->streams.v[i], i);
			c->ids = opts->ids ? opts->ids[c->s->file] : NULL;
		}
	*ret = p;
	return 0;
}

/* The stream's next record that is wanted, from the one at hand on if @have: 1, 0, -errno. */
static inline int next_wanted(struct replay_pick *p, struct stream_cur *c, bool have, struct err *e)
{
	struct replay_record *rec = &c->cur.rec;
	uint64_t lost = 0, scanned = 0;
	int rc = 1;

	for (;;) {
		uint32_t passed;

		if (p->opts.stop && __builtin_expect(__atomic_load_n(p->opts.stop, __ATOMIC_RELAXED), 0)) {
			rc = err_set(e, -ECANCELED, "reading was stopped");
			break;
		}
		if (!have)
			rc = stream_next(c, &p->env, e);
		if (rc <= 0)
			break;
		if (p->opts.has_to && rec->ts >= p->opts.to) {
			rc = stream_tell_end(c, &p->env, e);
			break;
		}
		scanned++;
		if (__builtin_expect(rec->lost, 0))
			lost = stream_add_loss(lost, rec->lost);
		if ((!p->opts.has_from || rec->ts >= p->opts.from) && (!c->ids || stream_wants(c, rec->data))) {
			rec->lost = lost;
			lost = 0;
			break;
		}
		passed = stream_pass(c, p->opts.has_to ? p->opts.to : UINT64_MAX);
		have = passed;
		scanned += have ? passed - 1 : 0;
	}
	p->facts.scanned += scanned;
	p->facts.lost = stream_add_loss(p->facts.lost, rc > 0 ? rec->lost : lost);
	return rc;
}

/* The first one that is wanted: 1, 0, -errno. */
static int first_wanted(struct replay_pick *p, struct stream_cur *c, struct err *e)
{
	bool have = false;
	int rc;

	if (p->opts.has_from) {
		rc = stream_seek(c, &p->env, p->opts.from, 0, e);
		if (!rc)
			return 0;
		have = rc > 0;
		if (rc == -EAGAIN) {
			/* as a window begins: at the first record that is late enough */
			do
				rc = stream_next(c, &p->env, e);
			while (rc > 0 && c->cur.rec.ts < p->opts.from);
			have = rc > 0;
			if (!rc)
				return 0;
		}
		if (rc < 0)
			return rc;
	}
	return next_wanted(p, c, have, e);
}

static int next_unordered(struct replay_pick *p, const struct replay_record **ret, struct err *e)
{
	for (; p->now < p->nr; p->now++, p->started = false) {
		struct stream_cur *c = &p->v[p->now];
		int rc = p->started ? next_wanted(p, c, false, e) : first_wanted(p, c, e);

		p->started = true;
		if (rc < 0)
			return rc;
		if (rc) {
			*ret = &c->cur.rec;
			return 1;
		}
		/* its memory is not needed any more */
		stream_cur_release(c);
		stream_cur_init(c, c->s, c->cur.rec.stream);
	}
	return 0;
}

static int start_merge(struct replay_pick *p, struct err *e)
{
	for (uint32_t i = 0; i < p->nr; i++) {
		int rc = first_wanted(p, &p->v[i], e);

		if (rc < 0)
			return rc;
		if (rc)
			p->heap[p->nr_heap++] = (struct heap_entry){ p->v[i].cur.rec.ts, i };
	}
	heap_build(p->heap, p->nr_heap);
	p->started = true;
	return 0;
}

static int next_merged(struct replay_pick *p, const struct replay_record **ret, struct err *e)
{
	int rc = p->started ? 0 : start_merge(p, e);

	if (rc)
		return rc;
	if (p->consumed) {
		struct heap_entry top = p->heap[0];

		p->consumed = false;
		rc = next_wanted(p, &p->v[top.stream], false, e);
		if (rc < 0)
			return rc;
		if (rc)
			top.ts = p->v[top.stream].cur.rec.ts;
		else if (--p->nr_heap)
			top = p->heap[p->nr_heap];
		if (p->nr_heap)
			heap_sift(p->heap, p->nr_heap, 0, top);
	}
	if (!p->nr_heap)
		return 0;
	*ret = &p->v[p->heap[0].stream].cur.rec;
	p->consumed = true;
	return 1;
}

int replay_pick_next(struct replay_pick *p, const struct replay_record **ret, struct err *e)
{
	int rc;

	if (__builtin_expect(p->failed.code, 0))
		return err_set(e, p->failed.code, "%s", p->failed.text);
	rc = p->opts.unordered ? next_unordered(p, ret, &p->failed) :
	     next_merged(p, ret, &p->failed);
	return rc < 0 ? err_set(e, rc, "%s", p->failed.text) : rc;
}

const struct replay_pick_facts *replay_pick_facts(const struct replay_pick *p)
{
	return &p->facts;
}

void replay_stream_place(const struct replay *rp, uint32_t stream, unsigned *file, unsigned *buffer,
			 uint32_t *cpu)
{
	const struct stream *s = &rp->streams.v[stream];

	*file = s->file;
	*buffer = s->buffer;
	*cpu = s->cpu;
}
