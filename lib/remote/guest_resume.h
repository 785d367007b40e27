/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_resume: connections to an agent that broke are made anew by a thread of their own, which keeps no other guest's
 * data waiting; for this room only.
 */
#ifndef TRACECMD_GUEST_RESUME_H
#define TRACECMD_GUEST_RESUME_H

#include "remote/net.h"
#include "remote/wire_agent.h"

struct guest_resume_opts {
	const struct net_addr *peer;
	const struct wire_answer *answer;	/* port, token, time, number of CPUs */
	int made_fd;				/* an eventfd: written to when one is made */
};

struct guest_resume;

/* What @o points to has to stay. 0, -errno. */
int guest_resume_start(const struct guest_resume_opts *o, struct guest_resume **ret);
void guest_resume_stop(struct guest_resume *r);	/* NULL is fine */
/* A connection broke, of a CPU or RESUME_CONTROL, for reason @code; @have: chunks that have come over it, and before. */
void guest_resume_broken(struct guest_resume *r, uint32_t cpu, int code, uint64_t have);
/* The next one that has been made: a descriptor; -EAGAIN: none. *ret_ms: after so long; *ret_last: none is broken now. */
int guest_resume_take(struct guest_resume *r, uint32_t *ret_cpu, uint64_t *ret_ms, bool *ret_last);
/* How many are broken; *ret_ms: the longest for so long, for reason *ret_code. */
uint32_t guest_resume_left(struct guest_resume *r, uint64_t *ret_ms, int *ret_code);

#endif
