/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record -A: machines that are recorded along with this one, or without it. */
#ifndef TRACECMD_RECORD_GUESTS_H
#define TRACECMD_RECORD_GUESTS_H

#include "record/record.h"
#include "trace_options.h"

struct record_guests {
	struct guests *all;		/* NULL: there are none */
	char **paths;			/* of their files */
	struct buf *args;		/* what is asked of each, ours in front */
	size_t nr;
	struct dat_guest *told;		/* what the host's file says of them */
	struct buf key_bytes;
	struct remote_key key;
	uint64_t trace_id;		/* of the host's file */
	char clock[32];			/* that agents are asked for; "": any */
	bool sync;			/* their clocks are compared with ours */
};

/*
 * Asks all agents of @o, which begin to prepare. @k: NULL: nothing is traced here. 0, -errno: those that
 * were asked end. Release in every case.
 */
int record_guests_ask(struct record_guests *g, const struct trace_options *o, struct kernel *k, struct err *e);
/* What the host's file is to say. */
void record_guests_tell(const struct record_guests *g, struct record_opts *opts);
/* They record from then on. A thread is started. Fine without any. 0, -errno. */
int record_guests_begin(struct record_guests *g, struct kernel *k, struct err *e);
/* Readable when all have ended by themselves; -1: there are none. */
int record_guests_ended_fd(const struct record_guests *g);
/* It is the end. */
void record_guests_close(struct record_guests *g);
/* Their files. @quiet: what they are is not told. 0, -errno. */
int record_guests_finish(struct record_guests *g, bool quiet, struct err *e);
/* What failed on its way: all that needs the kernel ends. Fine in every case. */
void record_guests_end(struct record_guests *g);
void record_guests_release(struct record_guests *g);

#endif
