/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sender's inside: what is recorded goes to a listener (sender_listener.c) or to the host of an
 * agent (sender_host.c), by the same steps (sender.c).
 */
#ifndef TRACECMD_SENDER_INSIDE_H
#define TRACECMD_SENDER_INSIDE_H

#include "remote/outgoing.h"
#include "remote/remote.h"

struct sender_fns {
	int (*begin)(struct sender *s, uint32_t cpus, uint32_t page_size, struct err *e);
	/* Puts metadata into *s->said. 0, -errno. */
	int (*metadata)(struct sender *s, const void *data, size_t len, bool end);
	int (*connect)(struct sender *s, struct err *e);
	int (*heard)(struct sender *s, struct err *e);
	int (*end)(struct sender *s, struct err *e);
	bool (*again)(struct sender *s);	/* NULL: never */
	void (*free)(struct sender *s);
};

/* The beginning of each kind. */
struct sender {
	const struct sender_fns *fns;
	int control;			/* -1: none */
	int poll_fd;			/* readable when there is something to hear there; -1: control is it */
	struct buf *said;		/* what is to be sent there */
	int broke;			/* -errno of that connection, while it was used last; 0: none */
	struct outgoing out;
	unsigned version;
	bool late;
	bool packed;			/* chunks go as their frames; known once it has begun */
};

/* Sends what was said. 0, -errno. */
int sender_say(struct sender *s, struct err *e);
/* What is answered next. Bytes; 0: it has closed; -errno. */
ssize_t sender_hear(struct sender *s, void *to, size_t len, unsigned timeout_ms, struct err *e);

#endif
