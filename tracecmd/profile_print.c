// SPDX-License-Identifier: GPL-2.0-or-later
/* Profile: the text. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "command.h"
#include "profile_inside.h"

#define FIRST_INDENT 10			/* of the stacks of an account */
#define DEPTH_MAX 256			/* branches in branches shown */

/* ---- order ------------------------------------------------------------------------- */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* What belongs to no task first, tasks by pid, names by letters. */
static int compare_tasks(const void *va, const void *vb, void *ctx)
{
	const struct profile *p = ctx;
	const struct profile_task *a = &p->tasks.v[*(const uint32_t *)va];
	const struct profile_task *b = &p->tasks.v[*(const uint32_t *)vb];
	int r = compare(b->owner, a->owner);

	if (!r && p->opts.by_comm)
		r = strcmp(a->comm, b->comm);
	if (!r)
		r = compare((uint32_t)a->pid, (uint32_t)b->pid);
	return r ? r : compare(a->cpu, b->cpu);
}

static int rank_of(const struct profile *p, const struct profile_account *a)
{
	return a->pair == PROFILE_NONE ? 0 : p->pairs.v[a->pair].rank;
}

/* A task that could have gone on, in front of those that slept. */
static bool was_running(const struct profile *p, const struct profile_account *a)
{
	return a->pair != PROFILE_NONE && p->pairs.v[a->pair].value == PROFILE_STATE && !a->value;
}

/* By task; in it switches, wake-ups, then by event; there what costs most first. */
static int compare_accounts(const void *va, const void *vb, void *ctx)
{
	const struct profile *p = ctx;
	const struct profile_account *a = &p->accounts.v[*(const uint32_t *)va];
	const struct profile_account *b = &p->accounts.v[*(const uint32_t *)vb];
	int r = compare(a->task, b->task);

	if (!r)
		r = rank_of(p, b) - rank_of(p, a);
	if (!r)
		r = compare(a->id, b->id);
	if (!r)
		r = compare(a->pair, b->pair);
	if (!r)
		r = was_running(p, b) - was_running(p, a);
	if (!r)
		r = compare(b->sum.total, a->sum.total);
	if (!r)
		r = compare(b->sum.nr, a->sum.nr);
	return r ? r : compare(a->value, b->value);
}

static int compare_nodes(const void *va, const void *vb, void *ctx)
{
	const struct profile *p = ctx;
	const struct profile_node *a = &p->nodes.v[*(const uint32_t *)va];
	const struct profile_node *b = &p->nodes.v[*(const uint32_t *)vb];
	int r = compare(b->sum.total, a->sum.total);

	if (!r)
		r = compare(b->sum.nr, a->sum.nr);
	return r ? r : compare(a->addr, b->addr);
}

/* ---- numbers ------------------------------------------------------------------------- */

static void put_time(const struct profile *p, uint64_t ts, struct buf *out)
{
	uint64_t us = ts / 1000 + (ts % 1000 >= 500);

	if (p->opts.seconds)
		buf_printf(out, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
	else
		buf_printf(out, "%" PRIu64, ts);
}

static void put_extreme(const struct profile *p, const char *what, uint64_t v, uint64_t ts,
			struct buf *out)
{
	buf_printf(out, " %s%" PRIu64 "(ts:", what, v);
	put_time(p, ts, out);
	buf_puts(out, ")");
}

/* ---- stacks ---------------------------------------------------------------------------- */

/* A branch of the tree on its way out: which of its brothers is next. */
struct level {
	uint32_t *nodes;		/* sorted; owned */
	size_t nr, next;
	struct profile_sum all;		/* of what branches here */
	size_t indent;			/* length of the prefix */
};

struct tree {
	struct profile *p;
	struct buf *out, prefix;
	struct level levels[DEPTH_MAX];
	size_t depth;
	bool timed;
};

static void put_frame(struct tree *t, uint64_t addr)
{
	const char *name = event_db_symbol(t->p->db, addr, NULL, NULL);

	if (name)
		buf_printf(t->out, "%s (0x%" PRIx64 ")\n", name, addr);
	else
		buf_printf(t->out, "0x%" PRIx64 "\n", addr);
}

static void put_prefix(struct tree *t, const char *more)
{
	buf_put(t->out, t->prefix.data, t->prefix.len);
	buf_puts(t->out, more);
}

static void cut_prefix(struct tree *t, size_t len)
{
	t->prefix.len = len;
}

static unsigned percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)((double)part * 100 / whole + 0.5) : 0;
}

static void put_share(struct tree *t, const struct profile_sum *s, const struct profile_sum *all)
{
	put_prefix(t, "");
	buf_printf(t->out, "   %u%% (%" PRIu64 ")", t->timed ? percent(s->total, all->total) :
		   percent(s->nr, all->nr), s->nr);
	if (t->timed) {
		buf_printf(t->out, " time:%" PRIu64, s->total);
		put_extreme(t->p, "max:", s->max, s->max_ts, t->out);
		put_extreme(t->p, "min:", s->min, s->min_ts, t->out);
		buf_printf(t->out, " avg:%" PRIu64, s->total / s->nr);
	}
	buf_puts(t->out, "\n");
}

/* Makes the nodes at @first the next level. 0, -ENOMEM. */
static int open_level(struct tree *t, uint32_t first)
{
	struct level *l = &t->levels[t->depth];

	*l = (struct level){ .indent = t->prefix.len };
	for (uint32_t i = first; i != PROFILE_NONE; i = t->p->nodes.v[i].next)
		l->nr++;
	l->nodes = malloc(l->nr * sizeof(*l->nodes));
	if (!l->nodes)
		return -ENOMEM;
	l->nr = 0;
	for (uint32_t i = first; i != PROFILE_NONE; i = t->p->nodes.v[i].next) {
		l->all.nr += t->p->nodes.v[i].sum.nr;
		l->all.total += t->p->nodes.v[i].sum.total;
		l->nodes[l->nr++] = i;
	}
	qsort_r(l->nodes, l->nr, sizeof(*l->nodes), compare_nodes, t->p);
	t->depth++;
	return 0;
}

/* The frames that all stacks through @i share; returns the last. */
static uint32_t put_chain(struct tree *t, uint32_t i)
{
	const struct profile_node *n = &t->p->nodes.v[i];

	while (n->children != PROFILE_NONE) {
		const struct profile_node *next = &t->p->nodes.v[n->children];

		if (next->next != PROFILE_NONE || next->sum.nr != n->sum.nr)
			break;
		put_prefix(t, "    ");
		put_frame(t, next->addr);
		i = n->children;
		n = next;
	}
	return i;
}

/* The next branch of the innermost level, or its end. */
static int put_branch(struct tree *t)
{
	struct level *l = &t->levels[t->depth - 1];
	uint32_t i, last;

	cut_prefix(t, l->indent);
	if (l->next == l->nr) {
		free(l->nodes);
		t->depth--;
		put_prefix(t, "  \n");
		if (t->depth) {
			struct level *outer = &t->levels[t->depth - 1];

			cut_prefix(t, outer->indent);
			put_prefix(t, outer->next == outer->nr ? "  \n" : "| \n");
		}
		return 0;
	}
	i = l->nodes[l->next++];
	put_prefix(t, "| \n");
	put_prefix(t, "+ ");
	put_frame(t, t->p->nodes.v[i].addr);
	buf_puts(&t->prefix, l->next == l->nr ? " " : "|");
	put_share(t, &t->p->nodes.v[i].sum, &l->all);
	last = put_chain(t, i);
	buf_puts(&t->prefix, "     ");
	if (t->p->nodes.v[last].children != PROFILE_NONE && t->depth < DEPTH_MAX)
		return open_level(t, t->p->nodes.v[last].children);
	return 0;
}

static int put_stacks(struct profile *p, const struct profile_account *a, struct buf *out)
{
	struct tree *t = calloc(1, sizeof(*t));
	int r = t ? 0 : -ENOMEM;

	if (!r) {
		t->p = p;
		t->out = out;
		t->timed = a->pair != PROFILE_NONE;
		buf_fill(&t->prefix, ' ', FIRST_INDENT);
		r = open_level(t, a->stacks);
		while (!r && t->depth)
			r = put_branch(t);
		buf_puts(out, "      \n");
		if (t->prefix.failed)
			r = -ENOMEM;
		while (t->depth)
			free(t->levels[--t->depth].nodes);
		buf_release(&t->prefix);
	}
	free(t);
	return r;
}

/* ---- all of it --------------------------------------------------------------------------- */

static int put_account(struct profile *p, const struct profile_account *a, struct buf *out)
{
	const struct profile_sum *s = &a->sum;

	if (!s->nr)
		return 0;		/* joined with another */
	buf_puts(out, "  Event: ");
	profile_put_value(p, a, out);
	buf_printf(out, " (%" PRIu64 ")", s->nr);
	if (a->pair != PROFILE_NONE) {
		buf_printf(out, " Total: %" PRIu64 " Avg: %" PRIu64, s->total, s->total / s->nr);
		put_extreme(p, "Max: ", s->max, s->max_ts, out);
		put_extreme(p, "Min:", s->min, s->min_ts, out);
	}
	buf_puts(out, "\n");
	return a->stacks == PROFILE_NONE ? 0 : put_stacks(p, a, out);
}

static void put_heading(const struct profile *p, const struct profile_task *t, struct buf *out)
{
	if (t->owner == PROFILE_GLOBAL)
		buf_puts(out, "Global Events\n");
	else if (t->owner == PROFILE_CPU)
		buf_printf(out, "Global CPU[%u] Events\n", t->cpu);
	else if (p->opts.by_comm)
		buf_printf(out, "\ngroup: %s\n", t->comm);
	else
		buf_printf(out, "\ntask: %s-%d\n", t->comm, t->pid);
}

static uint32_t *numbers(size_t nr)
{
	uint32_t *v = malloc((nr + 1) * sizeof(*v));

	for (size_t i = 0; v && i < nr; i++)
		v[i] = i;
	return v;
}

static int print(struct profile *p)
{
	AUTO_FREE uint32_t *tasks = numbers(p->tasks.nr);
	AUTO_FREE uint32_t *accounts = numbers(p->accounts.nr);
	AUTO_FREE uint32_t *first_of = calloc(p->tasks.nr + 1, sizeof(*first_of));
	AUTO_BUF struct buf out = { 0 };
	int r = tasks && accounts && first_of ? 0 : -ENOMEM;

	if (!r) {
		qsort_r(tasks, p->tasks.nr, sizeof(*tasks), compare_tasks, p);
		qsort_r(accounts, p->accounts.nr, sizeof(*accounts), compare_accounts, p);
		for (size_t i = 0; i < p->tasks.nr; i++)
			first_of[i] = PROFILE_NONE;
		for (size_t i = p->accounts.nr; i-- > 0; )
			first_of[p->accounts.v[accounts[i]].task] = i;
	}
	for (size_t i = 0; i < p->tasks.nr && !r; i++) {
		size_t a = first_of[tasks[i]];

		if (p->tasks.v[tasks[i]].joined)
			continue;
		buf_clear(&out);
		put_heading(p, &p->tasks.v[tasks[i]], &out);
		for (; a < p->accounts.nr && p->accounts.v[accounts[a]].task == tasks[i] && !r; a++)
			r = put_account(p, &p->accounts.v[accounts[a]], &out);
		if (!r && out.failed)
			r = -ENOMEM;
		if (!r)
			out_put(out.data, out.len);
	}
	return r;
}

int profile_print(struct profile *p, struct err *e)
{
	int r = p->opts.by_comm ? profile_join_tasks(p) : 0;

	if (!r)
		r = print(p);
	return r ? err_set(e, r, "out of memory") : 0;
}
