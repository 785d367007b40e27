// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events that are made for a setup, and go with it: record --probe. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/perf_internal.h"

struct kernel_event_ask *kernel_setup_probe(struct kernel_instance_setup *is, struct kernel_dyn_def *def)
{
	struct kernel_dyn_def *own = malloc(sizeof(*own));
	struct kernel_event_ask *ask = own ? kernel_setup_event(is, def->text, false) : NULL;

	if (!ask) {
		kernel_dyn_def_release(def);
		free(own);
		return NULL;
	}
	*own = *def;
	ask->probe = own;
	return ask;
}

/* Calls @fn for each ask for an event that is to be made. */
static int each_ask(const struct kernel_setup *s, int (*fn)(void *ctx, struct kernel_event_ask *ask), void *ctx)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->instances.nr; i++) {
		const struct kernel_instance_setup *is = &s->instances.v[i];

		for (size_t j = 0; !ret && j < is->events.nr; j++)
			if (is->events.v[j].probe)
				ret = fn(ctx, &is->events.v[j]);
	}
	return ret;
}

struct each {
	int (*fn)(void *ctx, const struct kernel_dyn_def *def);
	void *ctx;
};

static int call_with_probe(void *ctx, struct kernel_event_ask *ask)
{
	const struct each *each = ctx;

	return each->fn(each->ctx, ask->probe);
}

int kernel_setup_each_probe(const struct kernel_setup *s,
			    int (*fn)(void *ctx, const struct kernel_dyn_def *def), void *ctx)
{
	return each_ask(s, call_with_probe, &(struct each){ fn, ctx });
}

/* ---- checking --------------------------------------------------------------- */

struct probing {
	struct kernel *k;
	const struct kernel_setup *s;
	const struct kernel_event_ask *ask;	/* the one at hand */
	int (*prepare)(struct kernel *k, struct kernel_dyn_def *def, struct err *e);
	struct err *e;
};

static int rename_ask(struct kernel_event_ask *ask)
{
	char *pattern;

	if (asprintf(&pattern, "%s:%s", ask->probe->group, ask->probe->name) < 0)
		return -ENOMEM;
	free(ask->pattern);
	ask->pattern = pattern;
	return 0;
}

/* 1: an ask in front of the one at hand has its name; -1: there is none in front any more. */
static int is_same_name(void *ctx, struct kernel_event_ask *other)
{
	const struct probing *p = ctx;
	const struct kernel_dyn_def *a = p->ask->probe, *b = other->probe;

	if (other == p->ask)
		return -1;
	return !strcmp(a->group, b->group) && !strcmp(a->name, b->name);
}

static int check_probe(void *ctx, struct kernel_event_ask *ask)
{
	struct probing *p = ctx;
	struct kernel_dyn_def *def = ask->probe;
	int ret = p->prepare(p->k, def, p->e);

	p->ask = ask;
	if (!ret && !def->base && each_ask(p->s, is_same_name, p) > 0)
		ret = err_set(p->e, -EEXIST, "two events have the name %s/%s", def->group, def->name);
	if (!ret && rename_ask(ask))
		ret = err_errno(p->e, -ENOMEM, "no name");
	return ret ? err_wrap(p->e, "option --probe '%s'", def->text), ret : 0;
}

int setup_probes_check(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	return each_ask(s, check_probe, &(struct probing){ .k = k, .s = s, .prepare = kernel_dyn_prepare, .e = e });
}

/* ---- events that perf makes --------------------------------------------------- */

static int number_ask(void *ctx, struct kernel_event_ask *ask)
{
	uint16_t *next = ctx;

	ask->perf_type = (*next)--;
	return 0;
}

int setup_probes_check_perf(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	struct probing p = { .k = k, .s = s, .prepare = perf_probe_fit, .e = e };
	uint16_t last = UINT16_MAX;	/* the kernel's numbers begin at 1 */
	int ret = each_ask(s, check_probe, &p);

	return ret ? ret : each_ask(s, number_ask, &last);
}

struct giving {
	struct kernel *k;
	kernel_format_fn fn;
	void *ctx;
	struct err *e;
};

static int give_perf_format(void *ctx, struct kernel_event_ask *ask)
{
	const struct giving *g = ctx;
	AUTO_BUF struct buf text = { 0 };
	int ret = ask->perf_type ? perf_probe_format(g->k, ask, &text) : 0;

	if (ret)
		return err_errno(g->e, ret, "cannot make the format of %s", ask->pattern);
	return ask->perf_type ? g->fn(g->ctx, ask->probe->group, ask->probe->name, text.data, text.len) : 0;
}

int setup_probes_formats(struct kernel *k, const struct kernel_setup *s, kernel_format_fn fn, void *ctx,
			 struct err *e)
{
	return each_ask(s, give_perf_format, &(struct giving){ k, fn, ctx, e });
}

static int fits(void *ctx, struct kernel_event_ask *ask)
{
	const struct kernel_event_ask *wanted = ctx;
	const struct kernel_event ev = { ask->probe->group, ask->probe->name };

	return ask == wanted || event_fits(&ev, wanted->pattern);
}

bool setup_probes_match(const struct kernel_setup *s, const struct kernel_event_ask *ask)
{
	return each_ask(s, fits, (void *)ask) != 0;
}

/* ---- making ----------------------------------------------------------------- */

static int make_probe(void *ctx, struct kernel_event_ask *ask)
{
	struct probing *p = ctx;
	int ret = kernel_dyn_add(p->k, ask->probe, p->e);

	if (!ret && rename_ask(ask))
		ret = err_errno(p->e, -ENOMEM, "no name");
	p->ask = ask;
	return ret ? err_wrap(p->e, "option --probe '%s'", ask->probe->text), ret : 0;
}

/* All of them: what is new shifts the others in the kernel's list. */
static int find_again(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	const struct kernel_event *evs;
	size_t nr;
	int ret = kernel_events(k, &evs, &nr, e);

	for (size_t i = 0; !ret && i < s->instances.nr; i++) {
		struct kernel_instance_setup *is = &s->instances.v[i];

		for (size_t j = 0; !ret && j < is->events.nr; j++)
			if (ask_find_events(&is->events.v[j], evs, nr))
				ret = err_errno(e, -ENOMEM, "cannot find the events");
	}
	return ret;
}

int setup_probes_make(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	struct probing p = { .k = k, .s = s, .e = e };
	int ret = each_ask(s, make_probe, &p);

	return ret || !p.ask ? ret : find_again(k, s, e);
}
