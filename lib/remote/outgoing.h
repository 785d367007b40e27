/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* outgoing: sub-buffers on their way to another machine, a connection for each CPU; for this room only. */
#ifndef TRACECMD_OUTGOING_H
#define TRACECMD_OUTGOING_H

#include "base/base.h"

struct outgoing {
	const char *peer;		/* "the listener": for messages */
	int *fd;			/* by CPU; -1: none. They block */
	uint32_t nr;
	size_t datagram;		/* bytes of each; 0: they are streams */
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
/* No more comes: waits until the peer has taken everything. 0, -errno. */
int outgoing_end(struct outgoing *o, struct err *e);

#endif
