/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* outgoing: sub-buffers on their way to another machine, a connection for each CPU; for this room only. */
#ifndef TRACECMD_OUTGOING_H
#define TRACECMD_OUTGOING_H

#include "base/base.h"
#include "record/record.h"

struct outgoing {
	const char *peer;		/* "the listener": for messages */
	int *fd;			/* by CPU; -1: none. They block */
	uint64_t *sent;			/* by CPU: packed chunks so far */
	struct keeper *keeper;		/* chunks go over these, which connections are made anew for; NULL */
	uint32_t nr;
	size_t datagram;		/* bytes of each; 0: they are streams */
	bool fifos;			/* they are FIFOs, which do not block, and tell nothing of the other end */
};

/* @nr places, without connections. Release in every case. 0, -ENOMEM, told. */
int outgoing_init(struct outgoing *o, const char *peer, uint32_t nr, struct err *e);
void outgoing_release(struct outgoing *o);
/* Takes over the connection of a CPU. */
void outgoing_set(struct outgoing *o, uint32_t cpu, int fd);
/* A peer that takes nothing for a minute has ended: for any connection to it. */
void outgoing_limit(int fd);
/* Several CPUs' at the same time, each CPU's one after the other. 0, -errno. */
int outgoing_put(struct outgoing *o, uint32_t cpu, const void *data, size_t len, struct err *e);
/* The same as a chunk of packed.h. */
int outgoing_put_packed(struct outgoing *o, const struct recorder_chunk *c, struct err *e);
/* No more comes: waits until the peer has taken everything. 0, -errno. */
int outgoing_end(struct outgoing *o, struct err *e);

#endif
