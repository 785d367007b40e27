/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The listener's inside.
 *
 *  listener.c         its life, the loop, new connections, times
 *  listener_client.c  one recorder: what it says, its connections, its end
 *  listener_data.c    the bytes of its CPUs
 *  listener_files.c   threads that make the files
 */
#ifndef TRACECMD_LISTENER_INSIDE_H
#define TRACECMD_LISTENER_INSIDE_H

#include <pthread.h>

#include "remote/incoming.h"
#include "remote/net.h"
#include "remote/remote.h"
#include "remote/talk.h"

#define FILE_THREADS 2

enum watch_kind { WATCH_STOP, WATCH_FILES, WATCH_LISTEN, WATCH_CONTROL, WATCH_DATA };

/* A descriptor in the poll. */
struct watch {
	enum watch_kind kind;
	int fd;				/* -1: none */
	struct client *client;
	uint32_t cpu;
	bool armed;			/* it is waited for */
};

struct client_cpu {
	struct watch watch;		/* TCP: takes the connection, then is it */
	bool accepted;
	bool ended;			/* all of it has come */
	uint32_t dropped;		/* datagrams that the kernel had no room for, so far */
};

enum client_state {
	CLIENT_TALKS,
	CLIENT_DRAINS,			/* it has said good-bye, or is gone: what is under way still comes */
	CLIENT_FINISHES,		/* a thread makes the file */
	CLIENT_OVER			/* to be freed after this round */
};

struct client {
	struct client *next;
	struct listener *l;
	enum client_state state;
	char name[NET_HOST_MAX + 16];	/* "ADDRESS:PORT" */
	struct net_addr peer, local;
	struct watch control;
	struct talk_server talk;
	struct notices notices;		/* the log, with the name in front */
	struct wire_init init;
	struct incoming *in;		/* NULL: it has not said what it wants to send */
	struct new_file file;
	struct client_cpu *cpus;
	uint32_t nr_ports;		/* of cpus[] that are open */
	uint64_t begun_ms;
	uint64_t heard_ms;		/* when its metadata, or its data while it drains, came last */
	uint64_t flushed_ms;		/* when what came was put on the disk */
	uint64_t files;			/* descriptors that are set aside for it */
	uint64_t packed_bytes;		/* memory that is, for its chunks */
	uint64_t bad_datagrams, lost_datagrams;
	bool vanished;			/* without a farewell */
	/* Of a finished file, the thread's until it is done. */
	struct client *next_file;
	struct buf told;		/* lines of the thread, to be logged */
	struct err error;
	int result;
};

/* Clients that wait for a thread, or for us. */
struct client_queue {
	struct client *head, **tail;
};

struct listener {
	struct listener_opts opts;
	char *dir, *name;
	int epoll, stop_fd;
	struct watch stop, files, sockets[NET_LISTEN_MAX];
	unsigned nr_sockets;
	struct client *clients;
	unsigned nr_clients;
	uint64_t nr_files;		/* descriptors that clients have */
	uint64_t max_files;
	uint64_t packed_bytes;		/* of all clients, at most shared.max */
	uint32_t next_port;
	uint64_t looked_ms, deaf_ms;	/* when times were looked at; since when it is */
	bool stopping, deaf;		/* deaf: no connection can be taken for the moment */
	struct incoming_shared shared;

	pthread_mutex_t lock;		/* the queues */
	pthread_cond_t wanted;
	pthread_t threads[FILE_THREADS];
	unsigned nr_threads;
	bool threads_end;
	struct client_queue to_do, done;
};

/* ---- listener.c ---- */

/* Waits for @w from now on, or not. 0, -errno. */
int watch_arm(struct listener *l, struct watch *w, bool armed);
/* Whether something has come that was not looked at yet, as we were busy with others. */
bool watch_has_come(const struct watch *w);
void watch_close(struct watch *w);

/* ---- listener_client.c ---- */

/* Takes over @fd. Tells what is wrong itself. */
void client_new(struct listener *l, int fd, const struct net_addr *peer);
void client_control(struct client *c);		/* there is something to read */
/* At what is late. @unserved: how long nobody was served since the last look, as the machine or we were busy. */
void client_look(struct client *c, uint64_t now, uint64_t unserved);
/* Ends it, with what came: @e is why, NULL: it is as it should be. */
void client_end(struct client *c, const struct err *e);
void client_done(struct client *c);		/* the file is made, or cannot be */
void client_free(struct client *c);

/* ---- listener_data.c ---- */

/* A port for each CPU. 0, -errno. */
int client_ports(struct client *c, uint32_t *ports, struct err *e);
void client_read_data(struct client *c, bool on);
void client_data(struct client *c, uint32_t cpu);	/* there is something to read */
bool client_drained(const struct client *c, uint64_t now);
/* Datagrams that were dropped behind the last one that came. */
void client_count_drops(struct client *c);
void client_close_data(struct client *c);

/* ---- listener_files.c ---- */

int files_start(struct listener *l, struct err *e);
void files_stop(struct listener *l);		/* what is to be done is done before */
void files_make(struct client *c);
struct client *files_done(struct listener *l);	/* the next one that is; NULL */

#endif
