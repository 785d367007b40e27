/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper: chunks on their way to a host, each kept until the host has said that it has it, so that none is lost
 * when a connection breaks and is made again; for this room only. A lane is a CPU's.
 */
#ifndef TRACECMD_KEEPER_H
#define TRACECMD_KEEPER_H

#include "base/base.h"

struct keeper;

/* Of @nr CPUs. A broken one waits @outage_ms for its new connection. 0, -ENOMEM, told. */
int keeper_new(const char *peer, uint32_t nr, uint64_t outage_ms, const struct notices *notices, struct keeper **ret,
	      struct err *e);
void keeper_free(struct keeper *l);	/* NULL is fine */
/* Takes over the first connection of a CPU, before anything is put. */
void keeper_set(struct keeper *l, uint32_t cpu, int fd);
/*
 * Sends a chunk, which has the number @seq of its CPU, all that went before having been put. Several CPUs' at the same
 * time. Waits while the host is behind with taking them. 0, -errno, told.
 */
int keeper_put(struct keeper *l, uint32_t cpu, uint64_t seq, const void *chunk, size_t len, struct err *e);
/* Waits until the host has all chunks of a CPU. 0, -errno, told. */
int keeper_drain(struct keeper *l, uint32_t cpu, struct err *e);
/*
 * From another thread: the host has made a connection anew, and has the first @have chunks of that CPU. 0: @fd is taken
 * over; what is in @answer has been sent, and what follows those chunks will be. -EINVAL: there is no such lane, or it cannot go
 * on from there; -errno.
 */
int keeper_resume(struct keeper *l, uint32_t cpu, int fd, uint64_t have, const void *answer, size_t len);
/* From another thread: no host will come any more. */
void keeper_give_up(struct keeper *l);

#endif
