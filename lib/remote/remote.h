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

#endif
