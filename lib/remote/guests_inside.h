/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of guests: guests.c (their life), guest.c (one of them, up to its data),
 * guest_data.c (the thread that takes what they send), guest_sync.c (their clocks).
 */
#ifndef TRACECMD_GUESTS_INSIDE_H
#define TRACECMD_GUESTS_INSIDE_H

#include <pthread.h>

#include "remote/incoming.h"
#include "remote/net.h"
#include "remote/remote.h"
#include "remote/talk_agent.h"
#include "remote/tsync.h"

struct guest_cpu {
	int fd;				/* -1: not there yet, or ended */
};

struct guest {
	struct guest_opts opts;
	int control;			/* -1: ended */
	struct net_addr peer;
	struct talk_host talk;
	struct wire_request req;
	struct incoming_shared *shared;
	struct incoming *in;		/* NULL: it has not answered */
	struct new_file file;
	struct guest_cpu *cpus;		/* of talk.answer.cpus */
	bool asked_to_end;
	struct tsync_tracefs *clocks;	/* NULL: not compared */
	struct tsync_measure *measure;
	struct sync_log log;
	bool synced;			/* there is something in the log */
	uint64_t heard_ms;		/* when something came last */
	struct err failed;		/* why it has ended too early */
};

struct guests {
	VEC(struct guest *) v;
	struct incoming_shared shared;
	int wake_fd, ended_fd;
	pthread_t thread;
	bool running;
};

/* ---- guest.c ---- */

int guest_new(struct guests *all, const struct guest_opts *opts, struct guest **ret, struct err *e);
int guest_begin(struct guest *g, struct kernel *k, struct err *e);
void guest_free(struct guest *g);
uint64_t guest_now_ms(void);

/* ---- guest_sync.c: a failure is told, and costs the comparison only ---- */

int guest_sync_offer(struct guest *g, struct err *e);	/* into the request. 0, -ENOMEM */
void guest_sync_begin(struct guest *g, struct kernel *k);
void guest_sync_end(struct guest *g);
int guest_sync_store(struct guest *g, struct err *e);	/* for the file. 0, -ENOMEM */

/* ---- guest_data.c ---- */

/* Of a struct guests: takes what comes until all have ended. */
void *guests_take(void *guests);

#endif
