// SPDX-License-Identifier: LGPL-2.1-or-later
/* A team's threads and their batches. */
#include <errno.h>
#include <stdlib.h>

#include "api/scan_team.h"

/* Room for strings that a batch has at first. */
#define TEAM_BYTES (16u << 10)

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot scan");
}

/* ---- making it --------------------------------------------------------------------- */

int scan_team_new(struct tracecmd_scan *s, const struct tracecmd_scan_opts *o, unsigned nr, struct err *e)
{
	struct scan_team *team = calloc(1, sizeof(*team));

	if (!team)
		return no_memory(e);
	pthread_mutex_init(&team->lock, NULL);
	pthread_cond_init(&team->filled, NULL);
	s->team = team;
	team->parts = calloc(nr, sizeof(*team->parts));
	if (!team->parts)
		return no_memory(e);
	for (; team->nr < nr; team->nr++) {
		const struct scan_share share = { team->nr, nr };
		struct team_part *p = &team->parts[team->nr];
		int r = scan_make(s->trace, o, &share, &p->scan, e);

		if (r)
			return r;
		p->team = team;
		pthread_cond_init(&p->freed, NULL);
	}
	return 0;
}

static void release_batch(struct team_batch *b, size_t nr_columns)
{
	for (size_t i = 0; b->v && i < nr_columns; i++) {
		free(b->v[i].values);
		free(b->v[i].valid);
		free(b->v[i].offsets);
		free(b->v[i].bytes);
	}
	for (size_t i = 0; b->words && i < nr_columns; i++) {
		vec_release(&b->words[i].ends);
		buf_release(&b->words[i].bytes);
	}
	free(b->v);
	free(b->words);
}

static void release_part(struct team_part *p)
{
	size_t nr = p->scan->columns.nr;

	for (unsigned i = 0; i < TEAM_BATCHES; i++)
		release_batch(&p->batches[i], nr);
	for (size_t i = 0; p->maps && i < nr; i++) {
		vec_release(&p->maps[i].ends);
		buf_release(&p->maps[i].bytes);
		vec_release(&p->maps[i].codes);
	}
	pthread_cond_destroy(&p->freed);
	free(p->maps);
	free(p->given);
	tracecmd_scan_free(p->scan);
}

void scan_team_stop(struct scan_team *team)
{
	pthread_mutex_lock(&team->lock);
	team->stop = true;
	for (unsigned i = 0; i < team->nr; i++) {
		__atomic_store_n(&team->parts[i].scan->stop, true, __ATOMIC_RELAXED);
		pthread_cond_signal(&team->parts[i].freed);
	}
	pthread_cond_broadcast(&team->filled);
	pthread_mutex_unlock(&team->lock);
}

void scan_team_free(struct scan_team *team)
{
	if (!team)
		return;
	scan_team_stop(team);
	for (unsigned i = 0; i < team->nr; i++) {
		if (team->parts[i].threaded)
			pthread_join(team->parts[i].thread, NULL);
		release_part(&team->parts[i]);
	}
	pthread_cond_destroy(&team->filled);
	pthread_mutex_destroy(&team->lock);
	free(team->parts);
	free(team);
}

int scan_team_column(struct tracecmd_scan *s, const struct tracecmd_column *o, struct err *e)
{
	if (s->begun)
		return err_set(e, -EBUSY, "a column cannot be added to a scan that is being read");
	/* one that cannot be added is refused by the first, all others have the same events */
	for (unsigned i = 0; i < s->team->nr; i++) {
		int r = scan_add_column(s->team->parts[i].scan, o, e);

		if (r < 0 && i)		/* no memory: they are not alike any more */
			s->failed = r;
		if (r < 0)
			return r;
	}
	s->team->nr_columns++;
	return scan_add_column(s, o, e);
}

/* ---- batches ------------------------------------------------------------------------- */

static int make_batch(struct team_batch *b, const struct tracecmd_scan *s)
{
	size_t nr = s->columns.nr;

	b->v = calloc(nr, sizeof(*b->v));
	b->words = calloc(nr, sizeof(*b->words));
	if (!b->v || !b->words)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		const struct scan_column *c = &s->columns.v[i];
		struct tracecmd_values *v = &b->v[i];

		v->size = sizeof(*v);
		v->valid = malloc(TEAM_ROWS / 8);
		if (c->size) {
			v->values = malloc((size_t)TEAM_ROWS * c->size);
		} else {
			v->offsets = malloc((TEAM_ROWS + 1) * sizeof(*v->offsets));
			v->bytes = malloc(TEAM_BYTES);
			v->bytes_size = TEAM_BYTES;
		}
		if (!v->valid || (c->size ? !v->values : !v->offsets || !v->bytes))
			return -ENOMEM;
	}
	return 0;
}

/* After -ENOBUFS: twice what is needed. */
static int grow_bytes(struct team_batch *b, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct tracecmd_values *v = &b->v[i];
		uint8_t *bytes;

		if (v->bytes_used <= v->bytes_size)
			continue;
		bytes = realloc(v->bytes, v->bytes_used * 2);
		if (!bytes)
			return -ENOMEM;
		v->bytes = bytes;
		v->bytes_size = v->bytes_used * 2;
	}
	return 0;
}

/* The words that the part met with this batch. */
static int take_words(struct team_part *p, struct team_batch *b)
{
	for (size_t i = 0; i < p->scan->columns.nr; i++) {
		const struct scan_words *w = &p->scan->columns.v[i].words;
		struct team_words *out = &b->words[i];
		int nr = p->given[i];

		out->ends.nr = 0;
		buf_clear(&out->bytes);
		if (nr == w->nr)
			continue;
		if (vec_reserve(&out->ends, (size_t)(w->nr - nr)) ||
		    buf_put(&out->bytes, w->bytes.data + w->offsets.v[nr], w->offsets.v[w->nr] - w->offsets.v[nr]))
			return -ENOMEM;
		for (int k = nr; k < w->nr; k++)
			out->ends.v[out->ends.nr++] = w->offsets.v[k + 1];
		p->given[i] = w->nr;
	}
	return 0;
}

static void fill_batch(struct team_part *p, struct team_batch *b)
{
	int r = b->v ? 0 : make_batch(b, p->scan);

	b->err = (struct err){ 0 };
	b->rows = 0;
	while (!r) {
		r = scan_read_rows(p->scan, b->v, TEAM_ROWS, &b->err);
		if (r != -ENOBUFS)
			break;
		r = grow_bytes(b, p->scan->columns.nr);
	}
	if (r > 0) {
		b->rows = r;
		r = take_words(p, b);
		b->rows = r ? 0 : b->rows;
	}
	if (r < 0 && !b->err.code)
		err_errno(&b->err, r, "cannot scan");
	b->rc = r;
	b->facts = *tracecmd_scan_facts(p->scan);
}

static void *work(void *ctx)
{
	struct team_part *p = ctx;
	struct scan_team *team = p->team;
	struct team_batch *b;

	do {
		bool stop;

		pthread_mutex_lock(&team->lock);
		while (!team->stop && p->filled - p->used == TEAM_BATCHES)
			pthread_cond_wait(&p->freed, &team->lock);
		b = &p->batches[p->filled % TEAM_BATCHES];
		stop = team->stop;
		pthread_mutex_unlock(&team->lock);
		if (stop)
			break;
		fill_batch(p, b);
		pthread_mutex_lock(&team->lock);
		p->filled++;
		pthread_cond_signal(&team->filled);
		pthread_mutex_unlock(&team->lock);
	} while (b->rows);
	return NULL;
}

static int start_part(struct team_part *p, struct err *e)
{
	static const struct tracecmd_column own[] = {
		{ .size = sizeof(own[0]), .what = SCAN_LATEST },
		{ .size = sizeof(own[0]), .what = SCAN_STREAM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		int r = scan_add_column(p->scan, &own[i], e);

		if (r < 0)
			return r;
	}
	p->given = calloc(p->scan->columns.nr, sizeof(*p->given));
	p->maps = calloc(p->scan->columns.nr, sizeof(*p->maps));
	if (!p->given || !p->maps)
		return no_memory(e);
	/* where there are no more threads the caller's does it */
	p->threaded = !pthread_create(&p->thread, NULL, work, p);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------- */

/* The part's next batch. 0, or -ECANCELED. */
static int wait_for_batch(struct team_part *p, struct team_batch **ret)
{
	struct scan_team *team = p->team;
	bool stop;

	if (!p->threaded) {
		*ret = &p->batches[0];
		fill_batch(p, *ret);
		return 0;
	}
	pthread_mutex_lock(&team->lock);
	while (!team->stop && p->filled == p->used)
		pthread_cond_wait(&team->filled, &team->lock);
	stop = team->stop;
	*ret = &p->batches[p->used % TEAM_BATCHES];
	pthread_mutex_unlock(&team->lock);
	return stop ? -ECANCELED : 0;
}

static void free_batch(struct team_part *p)
{
	if (!p->threaded)
		return;
	pthread_mutex_lock(&p->team->lock);
	p->used++;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->team->lock);
}

/* The part's words as they stand with this batch. */
static int add_words(struct team_part *p, const struct team_batch *b)
{
	for (size_t i = 0; i < p->team->nr_columns; i++) {
		const struct team_words *w = &b->words[i];
		struct team_map *m = &p->maps[i];

		if (!w->ends.nr)
			continue;
		if (vec_reserve(&m->ends, w->ends.nr) || vec_reserve(&m->codes, w->ends.nr) ||
		    buf_put(&m->bytes, w->bytes.data, w->bytes.len))
			return -ENOMEM;
		for (size_t k = 0; k < w->ends.nr; k++) {
			m->ends.v[m->ends.nr++] = w->ends.v[k];
			m->codes.v[m->codes.nr++] = -1;
		}
	}
	return 0;
}

static int next_batch(struct team_part *p, struct err *e)
{
	struct team_batch *b;
	int r = wait_for_batch(p, &b);

	if (r)
		return err_set(e, r, "reading was stopped");
	p->facts = b->facts;
	if (b->rows) {
		if (add_words(p, b))
			return no_memory(e);
		p->now = b;
		p->at = 0;
		return 0;
	}
	p->ended = true;
	/* what is damaged is told when all has been given, by the whole scan */
	if (b->rc < 0 && (b->rc != -EBADMSG || !p->team->rc)) {
		p->team->rc = b->rc;
		p->team->err = b->err;
	}
	return b->rc == -EBADMSG || !b->rc ? 0 : err_set(e, b->rc, "%s", b->err.text);
}

int team_need_rows(struct tracecmd_scan *s, struct err *e)
{
	for (unsigned i = 0; i < s->team->nr; i++) {
		struct team_part *p = &s->team->parts[i];
		int r;

		if (p->now && p->at == p->now->rows) {
			p->now = NULL;
			free_batch(p);
		}
		r = p->now || p->ended ? 0 : next_batch(p, e);
		if (r)
			return r;
	}
	return 0;
}

static void add_facts(struct tracecmd_scan *s)
{
	struct tracecmd_scan_facts *all = &s->facts;

	all->scanned = all->lost = all->damaged = 0;
	for (unsigned i = 0; i < s->team->nr; i++) {
		const struct tracecmd_scan_facts *f = &s->team->parts[i].facts;

		all->scanned += f->scanned;
		all->damaged += f->damaged;
		all->lost = all->lost > TRACECMD_LOST_UNKNOWN - f->lost ? TRACECMD_LOST_UNKNOWN : all->lost + f->lost;
	}
}

int scan_team_read(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max, struct err *e)
{
	struct scan_team *team = s->team;
	int r;

	if (s->failed)
		return err_errno(e, s->failed, "cannot scan");
	if (!team->nr_columns)
		return err_set(e, -EINVAL, "the scan has no columns");
	if (s->by_records)
		return err_set(e, -EBUSY, "the scan's events are being read as records");
	r = scan_take_memory(s, values, max, e);
	if (r)
		return r;
	s->begun = true;
	for (unsigned i = 0; !team->started && i < team->nr; i++) {
		r = start_part(&team->parts[i], e);
		if (r) {
			s->failed = r;
			return r;
		}
	}
	team->started = true;
	if (team->rc && team->rc != -EBADMSG)
		return err_set(e, team->rc, "%s", team->err.text);
	r = team_merge(s, values, max, e);
	add_facts(s);
	s->facts.selected += r > 0 ? r : 0;
	if (r)
		return r;
	r = trace_check_whole(s->trace, s->facts.damaged, e);
	return r || !team->rc ? r : err_set(e, team->rc, "%s", team->err.text);
}
