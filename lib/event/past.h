/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the events of a file told so far that later texts depend on: names of
 * tasks, and who called whom on each CPU. For one thread.
 */
#ifndef TRACECMD_EVENT_PAST_H
#define TRACECMD_EVENT_PAST_H

#include "base/base.h"

/* Of more tasks names are not remembered, so that memory has a bound: 8 MB for the table and at
 * most as much for the names. */
#define PAST_COMMS_MAX (1u << 19)
#define PAST_BLOCK 65536u
#define PAST_BLOCKS_MAX 128

struct past_comm { int pid; uint32_t name; };	/* see past_comm(); 0: free */
struct past_stack { VEC(const char *) v; };	/* names of functions, outermost first */

struct event_past {
	struct past_comm *comms;	/* hashed by pid */
	size_t nr_comms, cap_comms;	/* a power of two */
	VEC(char *) blocks;		/* names, PAST_BLOCK bytes each: they stay where they are */
	size_t used;			/* of the last block */
	bool full_told;			/* by whoever asked for more than there may be */
	VEC(struct past_stack) stacks;	/* by CPU */
};

/* Remembers a task's name unless it has one. 0; not remembered: -ENOMEM, -ENOSPC if there are
 * too many already. */
int past_learn(struct event_past *past, int pid, const char *name, size_t len);
const char *past_comm(const struct event_past *past, int pid);	/* NULL: unknown */
/*
 * How deep a function called by @parent is indented, as libtraceevent's
 * plugin_function counts: its parent's place among the functions called on that
 * CPU; 0 if it is not among them. The names must outlive the past; @func may be NULL.
 */
size_t past_call(struct event_past *past, uint32_t cpu, const char *parent, const char *func);
void past_release(struct event_past *past);

#endif
