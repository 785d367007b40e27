/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profile: where tasks spend their time. Pairs of events (a task leaves a CPU
 * and comes back, an interrupt begins and ends ...) are joined, their times
 * added up by task, event and value, and divided by the stacks found at their
 * beginnings. Events of no pair are counted by their first field.
 */
#ifndef TRACECMD_PROFILE_H
#define TRACECMD_PROFILE_H

#include "base/base.h"
#include "event/event.h"

/* ---- hooks: pairs that the user names (profile_hook.c) ------------------------ */

/* "[SYSTEM:]EVENT,FIELD[,PIDFIELD]/[SYSTEM:]EVENT,FIELD[,FLAGS]" */
struct profile_hook {
	char *text;			/* as given */
	char *words;			/* holds the strings below */
	const char *start_system, *start_event, *start_field;	/* system: NULL: any */
	const char *pid_field;		/* NULL: of the process that was running */
	const char *end_system, *end_event, *end_field;
	bool per_cpu;			/* 'p': both on the same CPU */
	bool stack;			/* 's': the start is to have a stack */
	bool global;			/* 'g': of no task */
};
struct profile_hooks { struct profile_hook *v; size_t nr, cap; };

/* Adds one. 0, -EINVAL with what is wrong, -ENOMEM. */
int profile_hooks_add(struct profile_hooks *hooks, const char *text, struct err *e);
void profile_hooks_release(struct profile_hooks *hooks);

/* ---- accounting (profile.c, profile_events.c, profile_stacks.c) --------------- */

struct profile_opts {
	const struct profile_hooks *hooks;	/* may be NULL */
	bool global_irqs;		/* -G: interrupts are the CPU's, not the task's */
	bool by_comm;			/* --by-comm: tasks of one name are one */
	bool seconds;			/* times are nanoseconds, to be shown as seconds */
	const struct notices *notices;
};
struct profile;

/*
 * The profile of one buffer of the file @db belongs to; both must outlive it.
 * An event of a hook that the file has not is told as a notice and the hook left out. 0, -errno.
 */
int profile_new(struct event_db *db, const struct profile_opts *opts, struct profile **ret,
		struct err *e);
void profile_free(struct profile *p);
/* Records in order of time. 0, -ENOMEM. */
int profile_record(struct profile *p, const struct event_record *rec, struct err *e);
/* Some went missing on that CPU. */
void profile_lost(struct profile *p, uint32_t cpu);

/* ---- text (profile_print.c) ----------------------------------------------------- */

/* Prints all there is to standard output. 0, -ENOMEM. */
int profile_print(struct profile *p, struct err *e);

#endif
