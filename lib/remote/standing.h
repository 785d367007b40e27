/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * standing: a connection that another one may take the place of, under the same descriptor; for this room only.
 */
#ifndef TRACECMD_STANDING_H
#define TRACECMD_STANDING_H

#include <pthread.h>
#include <sys/types.h>

#include "base/base.h"

struct standing {
	int fd;				/* of the owner */
	int poll_fd;			/* readable when there is something to hear, of whatever is behind fd */
	uint64_t outage_ms;		/* it stays broken so long at most */
	const struct notices *log;
	pthread_mutex_t lock;
	pthread_cond_t came;
	bool broken, over;
	unsigned nr;			/* how many have taken its place */
};

/* @fd: of a connection; stays the owner's. Release in every case. 0, -errno. */
int standing_init(struct standing *s, int fd, uint64_t outage_ms, const struct notices *log);
void standing_release(struct standing *s);
/* What has come, without waiting: bytes; 0: it is closed, or was broken for too long; -EAGAIN: nothing. */
ssize_t standing_hear(struct standing *s, void *to, size_t len);
/* From another thread: @fd takes its place once @answer has been sent, and is taken over. 0; -EINVAL: it is too late; -errno. */
int standing_resume(struct standing *s, int fd, const void *answer, size_t len);
/* How many connections there have been before this one. */
unsigned standing_nr(struct standing *s);
/* What was said over connection number @nr may not have arrived, for reason @code: waits for another one. 0; -ECONNRESET: none came. */
int standing_await(struct standing *s, unsigned nr, int code);

#endif
