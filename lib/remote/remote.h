/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remote: recordings on their way between machines. Speaks the protocol of trace-cmd's
 * `listen` and `record -N`, versions 1 and 3 (Documentation/wire.md), on both sides.
 *
 * Transport (net.h), messages (wire.h), what is said in which order (talk.h) and what becomes of
 * it (incoming.h, listener*.c, sender.c) are apart: what is to come needs them in other combinations.
 */
#ifndef TRACECMD_REMOTE_H
#define TRACECMD_REMOTE_H

#include "base/base.h"

/* ---- the listener: one thread and one poll for all recorders -------------- */

struct listener_opts {
	const char *address;		/* of this machine; NULL: loopback alone; "": all of them */
	const char *port;
	const char *dir;		/* where files are made; nothing is written elsewhere */
	const char *name;		/* files are NAME.ADDRESS:PORT.dat; no slash in it */
	unsigned max_clients;		/* at once; 0: 1024 */
	uint64_t max_client_bytes;	/* of each on the disk; 0: no limit */
	size_t memory;			/* of all sub-buffers on their way; 0: 64 MB */
	unsigned timeout_s;		/* until a recorder has said what comes before its data; 0: 60 */
	/* What happens, a line for each: "ADDRESS:PORT: ..." */
	const struct notices *log;
};

struct listener;

/* Takes connections from now on, which wait until listener_run. 0, -errno. */
int listener_new(const struct listener_opts *opts, struct listener **ret, struct err *e);
/* The port of the first address, if it was to be any. */
unsigned listener_port(const struct listener *l);
/*
 * Serves until listener_stop, then takes no more connections and makes files of what came. 0, -errno.
 */
int listener_run(struct listener *l, struct err *e);
/* To be called from anywhere, a signal handler too. */
void listener_stop(struct listener *l);
void listener_free(struct listener *l);

/* ---- the recorder's side: what is recorded goes to a listener ---------------- */

struct sender;

/*
 * Connects to a listener, @to: "HOST:PORT", "[ADDRESS]:PORT", or "PORT" of this machine, and waits
 * until it has told that it is one. @tcp: data over TCP, else as datagrams. 0, -errno.
 */
int sender_new(const char *to, bool tcp, struct sender **ret, struct err *e);
/* Agrees on everything but data. To be done soon after: the listener does not wait long. 0, -errno. */
int sender_begin(struct sender *s, uint32_t cpus, uint32_t page_size, struct err *e);
/* Of the file whose front is sent: 7; 6 for an old listener. After sender_begin. */
unsigned sender_version(const struct sender *s);
/* Whether the front may be sent once more at the end. */
bool sender_late(const struct sender *s);
/* Sends the file's front, all that is in @fd. 0, -errno. */
int sender_front(struct sender *s, int fd, struct err *e);
/* After the first front: opens the connections for data. 0, -errno. */
int sender_connect(struct sender *s, struct err *e);
/* Sends whole sub-buffers of a CPU; as recorder_opts.send. */
int sender_put(void *sender, uint32_t cpu, const void *pages, size_t len, struct err *e);
/* Readable when the listener does not go on. */
int sender_fd(const struct sender *s);
/* No more sub-buffers come: waits until those that were put have arrived. 0, -errno. */
int sender_end_data(struct sender *s, struct err *e);
/* The farewell; waits until the file is made where the listener tells that. 0, -errno. */
int sender_end(struct sender *s, struct err *e);
void sender_free(struct sender *s);

#endif
