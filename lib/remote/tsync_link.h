/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection of a session that compares clocks; for the files of tsync only. */
#ifndef TRACECMD_TSYNC_LINK_H
#define TRACECMD_TSYNC_LINK_H

#include <pthread.h>
#include <time.h>

#include "base/base.h"

struct tsync_link {
	int fd;				/* does not block; -1: closed */
	int wake;			/* an eventfd: once it counts, waiting ends; -1: none */
	unsigned timeout_ms;		/* 0: no limit */
};
/* Answers at once, and does not block. */
void tsync_link_init(struct tsync_link *l, int fd, int wake, unsigned timeout_ms);
void tsync_link_close(struct tsync_link *l);
/* Sends all of @out, which is empty then. 0, -errno, told. */
int tsync_link_send(struct tsync_link *l, struct buf *out, struct err *e);
/*
 * What the peer sends next; @limited: within the timeout. Bytes; 0: it has closed; -ECANCELED: woken;
 * -errno, told.
 */
ssize_t tsync_link_receive(struct tsync_link *l, void *data, size_t size, bool limited, struct err *e);
/* Waits for a connection, as tsync_link_receive. A descriptor, -ECANCELED, -errno, told. */
int tsync_link_accept(struct tsync_link *l, bool limited, struct err *e);

#endif
