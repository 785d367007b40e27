// SPDX-License-Identifier: LGPL-2.1-or-later
/* A setup's life: filled piece by piece, released whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/internal.h"

#define GROW_KB_MAX 8192
#define GROW_SHARE 64			/* of the machine's memory, for all buffers */

int kernel_functions_add(struct kernel_functions *f, const char *pattern, const char *module)
{
	struct kernel_function_ask ask = { .pattern = strdup(pattern) };

	if (module)
		ask.module = strdup(module);
	if (!ask.pattern || (module && !ask.module) || vec_push(f, ask)) {
		free(ask.pattern);
		free(ask.module);
		return -ENOMEM;
	}
	return 0;
}

static void functions_release(struct kernel_functions *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->v[i].pattern);
		free(f->v[i].module);
	}
	vec_release(f);
}

static void event_ask_release(struct kernel_event_ask *ask)
{
	free(ask->pattern);
	free(ask->filter);
	kernel_words_release(&ask->triggers);
	kernel_words_release(&ask->fields);
	free(ask->hook);
	if (ask->probe)
		kernel_dyn_def_release(ask->probe);
	free(ask->probe);
	vec_release(&ask->found);
}

static void instance_setup_release(struct kernel_instance_setup *is)
{
	for (size_t i = 0; i < is->events.nr; i++)
		event_ask_release(&is->events.v[i]);
	vec_release(&is->events);
	functions_release(&is->filters);
	functions_release(&is->notraces);
	kernel_words_release(&is->options);
	vec_release(&is->pids);
	free(is->name);
	free(is->tracer);
	free(is->clock);
	free(is->cpumask);
}

int kernel_setup_init(struct kernel_setup *s)
{
	memset(s, 0, sizeof(*s));
	return kernel_setup_instance(s, "") ? 0 : -ENOMEM;
}

void kernel_setup_release(struct kernel_setup *s)
{
	for (size_t i = 0; i < s->instances.nr; i++)
		instance_setup_release(&s->instances.v[i]);
	vec_release(&s->instances);
	functions_release(&s->graph);
	vec_release(&s->hidden);
	setup_begun_release(s);
	memset(s, 0, sizeof(*s));
}

struct kernel_instance_setup *kernel_setup_instance(struct kernel_setup *s, const char *name)
{
	struct kernel_instance_setup is = { 0 };

	for (size_t i = 0; i < s->instances.nr; i++)
		if (!strcmp(s->instances.v[i].name, name))
			return &s->instances.v[i];
	is.name = strdup(name);
	if (!is.name || vec_push(&s->instances, is)) {
		free(is.name);
		return NULL;
	}
	return &s->instances.v[s->instances.nr - 1];
}

struct kernel_event_ask *kernel_setup_event(struct kernel_instance_setup *is, const char *pattern,
					    bool negate)
{
	struct kernel_event_ask ask = { .pattern = strdup(pattern), .negate = negate };

	if (!ask.pattern || vec_push(&is->events, ask)) {
		free(ask.pattern);
		return NULL;
	}
	return &is->events.v[is->events.nr - 1];
}

int kernel_event_ask_filter(struct kernel_event_ask *ask, const char *filter)
{
	char *all;

	if (!ask->filter) {
		ask->filter = strdup(filter);
		return ask->filter ? 0 : -ENOMEM;
	}
	/* What is joined already ends in the ')' of its last part. */
	if (asprintf(&all, ask->filters_joined ? "%s&&(%s)" : "(%s)&&(%s)", ask->filter, filter) < 0)
		return -ENOMEM;
	free(ask->filter);
	ask->filter = all;
	ask->filters_joined = true;
	return 0;
}

bool kernel_setup_takes_part(const struct kernel_setup *s, size_t i)
{
	const struct kernel_instance_setup *is = &s->instances.v[i];

	if (i > 0 || is->events.nr || is->tracer)
		return true;
	for (size_t j = 1; j < s->instances.nr; j++)
		if (!s->instances.v[j].wakes)
			return false;
	return true;
}

bool kernel_setup_is_recorded(const struct kernel_setup *s, size_t i)
{
	return !s->instances.v[i].wakes && kernel_setup_takes_part(s, i);
}

bool kernel_setup_has_work(const struct kernel_setup *s)
{
	if (s->no_reset)
		return true;
	for (size_t i = 0; i < s->instances.nr; i++)
		if (!s->instances.v[i].wakes &&
		    (s->instances.v[i].events.nr || s->instances.v[i].tracer))
			return true;
	return false;
}

bool kernel_setup_limits_pids(const struct kernel_setup *s)
{
	if (s->no_filter)
		return false;
	if (s->only_command)
		return true;
	for (size_t i = 0; i < s->instances.nr; i++)
		if (s->instances.v[i].pids.nr)
			return true;
	return false;
}

bool setup_traces_functions(const struct kernel_instance_setup *is)
{
	return (is->tracer && kernel_tracer_is_function(is->tracer)) || is->filters.nr || is->notraces.nr;
}

bool kernel_tracer_is_function(const char *tracer)
{
	return !strcmp(tracer, "function") || !strcmp(tracer, "function_graph");
}

bool kernel_tracer_is_latency(const char *tracer)
{
	static const char *const latency[] = {
		"irqsoff", "preemptoff", "preemptirqsoff", "wakeup", "wakeup_rt", "wakeup_dl",
	};

	for (size_t i = 0; i < ARRAY_SIZE(latency); i++)
		if (!strcmp(tracer, latency[i]))
			return true;
	return false;
}

void kernel_setup_grow(struct kernel_setup *s)
{
	uint64_t memory_kb = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 1024;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t parts = 0, kb;

	for (size_t i = 0; i < s->instances.nr; i++)
		parts += kernel_setup_is_recorded(s, i);
	if (s->no_reset || !parts || cpus < 1)
		return;
	kb = memory_kb / GROW_SHARE / cpus / parts;
	if (kb > GROW_KB_MAX)
		kb = GROW_KB_MAX;
	for (size_t i = 0; i < s->instances.nr; i++) {
		s->instances.v[i].drained = kernel_setup_is_recorded(s, i);
		if (s->instances.v[i].drained && !s->instances.v[i].buffer_kb)
			s->instances.v[i].grow_kb = kb;
	}
}

/* Whether a trigger or a function's command of the instance has this word. */
static bool has_command(const struct kernel_instance_setup *is, const char *word)
{
	for (size_t i = 0; i < is->events.nr; i++)
		for (size_t t = 0; t < is->events.v[i].triggers.nr; t++)
			if (strstr(is->events.v[i].triggers.v[t], word))
				return true;
	for (size_t i = 0; i < is->filters.nr; i++) {
		const char *command = strchr(is->filters.v[i].pattern, ':');

		if (command && strstr(command, word))
			return true;
	}
	return false;
}

bool kernel_setup_stops_itself(const struct kernel_setup *s)
{
	for (size_t i = 0; i < s->instances.nr; i++)
		if (has_command(&s->instances.v[i], "traceoff"))
			return true;
	return false;
}

bool kernel_setup_takes_snapshots(const struct kernel_instance_setup *is)
{
	return has_command(is, "snapshot");
}
