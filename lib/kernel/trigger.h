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

/*
 * Adds the trigger @text to all events that @pattern means (as -e of record). One of the same kind makes room. After
 * a failure kernel_undo takes back those that were added. 0, or -errno with the kernel's explanation.
 */
int kernel_trigger_add(struct kernel_instance *in, const char *pattern, const char *text, struct err *e);
/* Adds a function command, "FUNCTION:traceoff:3". As above. */
int kernel_command_add(struct kernel_instance *in, const char *text, struct err *e);
/* Removes it for good. 0, -errno. */
int kernel_trigger_remove(struct kernel_instance *in, const struct kernel_trigger *t, struct err *e);
/* A histogram's "pause", "cont" or "clear". 0, -errno. */
int kernel_trigger_control(struct kernel_instance *in, const struct kernel_trigger *t, const char *word,
			   struct err *e);

#endif
