// SPDX-License-Identifier: GPL-2.0-or-later
/* record --profile: the tracer and the events that a profile is made of. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "trace_options.h"

static const struct {
	const char *pattern;
	bool stack;
} profile_events[] = {
	{ "sched:sched_switch", true }, { "sched:sched_wakeup", true },
	{ "sched:sched_process_exec", false }, { "irq:irq_handler_entry", false },
	{ "irq:irq_handler_exit", false }, { "irq:softirq_*", false },
	{ "exceptions:page_fault_user", true }, { "raw_syscalls", false },
};

static struct kernel_event_ask *add_event(struct kernel_instance_setup *is, const char *pattern, bool stack)
{
	struct kernel_event_ask *ask = kernel_setup_event(is, pattern, false);

	return ask && stack && kernel_words_add(&ask->triggers, "stacktrace") ? NULL : ask;
}

int trace_profile_add(struct kernel_instance_setup *is)
{
	int r = 0;

	if (!is->tracer) {
		is->tracer = strdup("function_graph");
		is->tracer_optional = true;
		if (!is->has_max_depth)
			is->max_depth = 1;
		is->has_max_depth = true;
		r = is->tracer ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(profile_events) && !r; i++) {
		struct kernel_event_ask *ask = add_event(is, profile_events[i].pattern,
							 profile_events[i].stack);

		if (ask)
			ask->optional = true;
		else
			r = -ENOMEM;
	}
	return r;
}

/* @other_field: may be NULL. */
static int add_hook_event(struct kernel_instance_setup *is, const char *hook, const char *system,
			  const char *event, const char *field, const char *other_field, bool stack)
{
	struct kernel_event_ask *ask;
	char *pattern;

	if (asprintf(&pattern, "%s:%s", system ? system : "*", event) < 0)
		return -ENOMEM;
	ask = add_event(is, pattern, stack);
	free(pattern);
	if (!ask || kernel_words_add(&ask->fields, field) ||
	    (other_field && kernel_words_add(&ask->fields, other_field)))
		return -ENOMEM;
	ask->hook = strdup(hook);
	return ask->hook ? 0 : -ENOMEM;
}

int trace_hook_add(struct kernel_instance_setup *is, const struct profile_hook *h)
{
	int r = add_hook_event(is, h->text, h->start_system, h->start_event, h->start_field, h->pid_field,
			       h->stack);

	return r ? r : add_hook_event(is, h->text, h->end_system, h->end_event, h->end_field, NULL, false);
}
