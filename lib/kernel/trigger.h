/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an instance does when an event or a function is met: event triggers, histograms among
 * them, and function commands (Documentation/trace/{events,histogram,ftrace}.rst).
 */
#ifndef TRACECMD_KERNEL_TRIGGER_H
#define TRACECMD_KERNEL_TRIGGER_H

#include "base/base.h"
#include "kernel/kernel.h"

struct kernel_trigger {
	char *system, *event;		/* NULL: a function command */
	char *text;			/* as the kernel lists it: with what is left of a count */
};
struct kernel_triggers {
	struct kernel_trigger *v;
	size_t nr, cap;
};
/* Adds those of all events, by system and name, and behind them the function commands. 0, -errno. */
int kernel_trigger_list(struct kernel_instance *in, struct kernel_triggers *ret, struct err *e);
void kernel_triggers_release(struct kernel_triggers *ts);
/* Whether @text is the trigger, as it is listed or as it was written; or the beginning of it. */
bool kernel_trigger_is(const struct kernel_trigger *t, const char *text);
/* Whether the event is one that @pattern means; of a function command whether @pattern begins it. */
bool kernel_trigger_fits(const struct kernel_trigger *t, const char *pattern);
bool kernel_trigger_is_hist(const struct kernel_trigger *t);

/* Whether @pattern means an event, be it without triggers: 0; -ENOENT with the nearest names, -errno. */
int kernel_trigger_check(struct kernel_instance *in, const char *pattern, struct err *e);

/*
 * Adds the trigger @text to all events that @pattern means (as -e of record). One of the same kind makes room. After
 * a failure kernel_undo takes back those that were added. 0, or -errno with the kernel's explanation.
 */
int kernel_trigger_add(struct kernel_instance *in, const char *pattern, const char *text, struct err *e);
/* Adds a function command, "FUNCTION:traceoff:3". As above. */
int kernel_command_add(struct kernel_instance *in, const char *text, struct err *e);
/*
 * Removes those of @ts for which @chosen is set, for good. A histogram can use what another keeps: again as
 * long as any goes. Those that stay are still set afterwards. Their number, with @e of the first of them.
 */
size_t kernel_triggers_remove(struct kernel_instance *in, const struct kernel_triggers *ts, bool *chosen,
			      struct err *e);
/*
 * Calls @fn with each line of the instance's tables of functions, "filter", "notrace", "graph" and "graph_notrace",
 * and, at the top level, of "hooked" (who is called when a function is) and "touched" (that ever were): without
 * remarks and commands. @pattern: a glob of functions; NULL: all. Stops and returns what @fn returns if that is
 * not 0. A kernel without one of them has nothing there. 0, -errno.
 */
int kernel_functions_each(struct kernel_instance *in, const char *pattern,
			  int (*fn)(void *ctx, const char *table, const char *line), void *ctx, struct err *e);
/* A histogram's "pause", "cont" or "clear". 0, -errno. */
int kernel_trigger_control(struct kernel_instance *in, const struct kernel_trigger *t, const char *word,
			   struct err *e);

#endif
