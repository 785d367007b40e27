/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of guests: guests.c (their life), guest.c (one of them, up to its data),
 * guest_data.c (the thread that takes what they send), guest_sync.c (their clocks).
 */
#ifndef TRACECMD_GUESTS_INSIDE_H
#define TRACECMD_GUESTS_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "remote/guest_resume.h"
#include "remote/incoming.h"
#include "remote/net.h"
#include "remote/remote.h"
#include "remote/talk_agent.h"
#include "remote/tsync.h"

struct guest_cpu {
	int fd;				/* -1: not there yet, or ended */
};

/* The host's ends of FIFOs. */
struct guest_fifos { int *fd; uint32_t nr; };

struct guest {
	struct guest_opts opts;
	int control;			/* -1: ended */
	struct net_addr peer;
	struct talk_host talk;
	struct wire_request req;
	struct incoming_shared *shared;
	int made_fd;			/* of all */
	struct incoming *in;		/* NULL: it has not answered */
	struct new_file file;
	struct guest_cpu *cpus;		/* of talk.answer.cpus */
	struct guest_fifos fifos;	/* which it may use */
	struct guest_resume *resume;	/* NULL: what breaks stays broken */
	bool told_broken;
	bool asked_to_end;
	struct tsync_tracefs *clocks;	/* NULL: not compared */
	struct tsync_measure *measure;
	struct sync_log log;
	bool synced;			/* there is something in the log */
	uint64_t heard_ms;		/* when something came last */
	struct err failed;		/* why it has ended too early, or not begun, */
	atomic_bool has_failed;		/* written before this is: others read it once this is set */
	bool began, made;		/* to record; its file */
};

struct guests {
	VEC(struct guest *) v;
	struct incoming_shared shared;
	int wake_fd, ended_fd;
	int made_fd;			/* a connection has been made anew */
	pthread_t thread;
	bool running;
	bool each;			/* one that fails does not end the others */
};

/* ---- guest.c ---- */

/* NULL: no memory. */
struct guest *guest_new(struct guests *all, const struct guest_opts *opts);
/* The steps, each behind the one before: it prepares; clocks are compared, and it says what it will record; it records. 0, -errno. */
int guest_ask(struct guest *g, struct err *e);
int guest_prepare(struct guest *g, struct kernel *k, struct err *e);
int guest_go(struct guest *g, struct err *e);
void guest_fail(struct guest *g, const struct err *e);	/* the first time counts */
void guest_hang_up(struct guest *g);		/* nothing more comes of it */
void guest_free(struct guest *g);

/* How many connections for data it has. */
static inline uint32_t guest_cpus(const struct guest *g)
{
	return g->cpus ? g->talk.answer.cpus : 0;
}

/* ---- guest_sync.c: a failure is told, and costs the comparison only ---- */

int guest_sync_offer(struct guest *g, struct err *e);	/* into the request. 0, -ENOMEM */
void guest_sync_begin(struct guest *g, struct kernel *k);
void guest_sync_end(struct guest *g);
int guest_sync_store(struct guest *g, struct err *e);	/* for the file. 0, -ENOMEM */

/* ---- guest_data.c ---- */

/* Of a struct guests: takes what comes until all have ended. */
void *guests_take(void *guests);

#endif
