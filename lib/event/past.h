/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the events of a file told so far that later texts depend on: names of
 * tasks, and who called whom on each CPU. For one thread.
 */
#ifndef TRACECMD_EVENT_PAST_H
#define TRACECMD_EVENT_PAST_H

#include "base/base.h"
#include "plugins/calls.h"

/* Of more tasks names are not remembered, so that memory has a bound: 8 MB for the table and at
 * most as much for the names. */
#define PAST_COMMS_MAX (1u << 19)
#define PAST_BLOCK 65536u
#define PAST_BLOCKS_MAX 128

struct past_comm { int pid; uint32_t name; };	/* see past_comm(); 0: free */

struct event_past {
	struct past_comm *comms;	/* hashed by pid */
	size_t nr_comms, cap_comms;	/* a power of two */
	VEC(char *) blocks;		/* names, PAST_BLOCK bytes each: they stay where they are */
	size_t used;			/* of the last block */
	bool full_told;			/* by whoever asked for more than there may be */
	struct calls calls;
};

/* Remembers a task's name unless it has one. 0; not remembered: -ENOMEM, -ENOSPC if there are
 * too many already. */
int past_learn(struct event_past *past, int pid, const char *name, size_t len);
const char *past_comm(const struct event_past *past, int pid);	/* NULL: unknown */
void past_release(struct event_past *past);

#endif
