/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remote: recordings on their way between machines. Speaks the protocol of trace-cmd's
 * `listen` and `record -N`, versions 1 and 3, and that of `agent` and `record -A`
 * (Documentation/wire.md), on both sides.
 *
 * Transport (net.h), messages (wire.h, wire_agent.h), what is said in which order (talk.h,
 * talk_agent.h) and what becomes of it (incoming.h, listener*.c, sender*.c) are apart.
 */
#ifndef TRACECMD_REMOTE_H
#define TRACECMD_REMOTE_H

#include "base/base.h"

/* ---- the listener: one thread and one poll for all recorders -------------- */

struct listener_opts {
	const char *address;		/* of this machine; NULL: loopback alone; "": all of them */
	const char *port;
	bool vsock;			/* of vsock, from whomever; no address */
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

enum sender_way { SENDER_TCP, SENDER_UDP, SENDER_VSOCK };	/* data over TCP, as datagrams; all over vsock */
/*
 * Connects to a listener, @to: "HOST:PORT", "[ADDRESS]:PORT", or "PORT" of this machine; "CID:PORT" over
 * vsock. Waits until it has told that it is one. 0, -errno.
 */
int sender_new(const char *to, enum sender_way way, struct sender **ret, struct err *e);
/* Whether @to is written so. 0, -EINVAL. */
int listener_check(const char *to, enum sender_way way, struct err *e);
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
/* Whether chunks go as their frames. After sender_begin. */
bool sender_packed(const struct sender *s);
/* Sends what a CPU recorded; as recorder_opts.send, of one buffer: a CPU is a stream. */
struct recorder_chunk;
int sender_put(void *sender, uint32_t stream, const struct recorder_chunk *c, struct err *e);
/* Readable when there is something to hear. */
int sender_fd(const struct sender *s);
/* Then: 1: the recording is to end; 0: it goes on; -errno: the other side does not go on. */
int sender_heard(struct sender *s, struct err *e);
/* No more sub-buffers come: waits until those that were put have arrived. 0, -errno. */
int sender_end_data(struct sender *s, struct err *e);
/* The farewell; waits until the file is made where the listener tells that. 0, -errno. */
int sender_end(struct sender *s, struct err *e);
/* What followed the data has failed, but may be said once more: the connection broke, and there is another one. */
bool sender_again(struct sender *s);
void sender_free(struct sender *s);

/* ---- the agent's side: what is recorded goes to the host that asked for it ------ */

#define REMOTE_KEY_MIN 16u		/* bytes; shorter ones are guessed */
#define REMOTE_NAME_MAX 80		/* "ADDRESS:PORT", its NUL counted */

/* A secret that both sides share. */
struct remote_key {
	const void *bytes;		/* NULL: none */
	size_t len;
	bool optional;			/* do without it where the peer has none */
};

/* Where hosts come in, and which of them may. */
struct door {
	VEC(int) fds;			/* sockets that take connections, to be polled */
	VEC(struct door_guest {		/* who may come in */
		int family;
		uint8_t addr[16];	/* of AF_VSOCK: the CID, as uint32_t */
		unsigned bits;		/* of addr that have to be the same */
	}) allowed;
	bool any;			/* all others too: they will have to show a key */
};
/* @address: as listener_opts.address. 0, -errno. */
int door_open_tcp(struct door *d, const char *address, const char *port, struct err *e);
int door_open_vsock(struct door *d, uint32_t port, struct err *e);
/* Takes over @nr sockets from @first on, which were made by somebody else. 0, -errno: they are none. */
int door_open_inherited(struct door *d, int first, unsigned nr, struct err *e);
uint32_t door_port(const struct door *d);	/* of the first socket, if it was to be any */
void door_close(struct door *d);
/* A machine may: "ADDRESS", "ADDRESS/BITS", or a name, with all its addresses; a CID of vsock. As long as nobody is
 * named this machine's own processes may (by loopback), and over vsock the host. 0, -errno. */
int door_allow(struct door *d, const char *who, struct err *e);
int door_allow_cid(struct door *d, uint32_t cid, struct err *e);
/* Takes the next connection of @fd. A descriptor; -EAGAIN: there is none; -EACCES: who is @name may
 * not; -errno. */
int door_take(const struct door *d, int fd, char name[REMOTE_NAME_MAX]);

/* What a host asks for. */
struct host_request {
	int argc;			/* options of record, behind a name: for getopt */
	char **argv;
	bool ours;			/* it is a tracecmd */
};

struct host_sender_opts {
	const struct remote_key *key;
	bool unlimited;			/* wait for a slow host however long it takes */
	unsigned outage_s;		/* connections that break may be made anew for so long; 0: not at all */
	const struct notices *log;	/* what becomes of connections */
};

/*
 * Takes over a connection and hears what the host on its other end asks for; within 10 seconds, or
 * ends. The sender is one as above, but: sender_begin answers the
 * host, sender_connect waits for its connections, and it tells when the recording is to end
 * (sender_heard). 0, -errno.
 */
int host_sender_new(int fd, const struct host_sender_opts *opts, struct sender **ret, struct err *e);
/* It lives as long as the sender. */
const struct host_request *host_sender_request(const struct sender *s);
/* The id that the recording's file is to have. */
uint64_t host_sender_trace_id(const struct sender *s);
struct kernel;
/* Before sender_begin: the recording has that clock, which will be compared with the host's if that asks for it. A
 * failure is told to @notices. @k has to stay until host_sender_sync_end. */
void host_sender_sync(struct sender *s, struct kernel *k, const char *clock, const struct notices *notices);
/* The recording has ended, nothing is put back yet: the host may ask once more, for 5 seconds. Fine without any, and twice. */
void host_sender_sync_end(struct sender *s);
/* Tells the host why it gets nothing, or no more. */
void host_sender_refuse(struct sender *s, const char *why);

/* ---- the host's side: machines that are recorded through their agents ------------- */

struct guest_opts {
	const char *label;		/* for messages */
	const char *address, *port;	/* over TCP; address NULL: */
	uint32_t cid, cid_port;		/* over vsock */
	const char *path;		/* the file that is made of what it records */
	const char *args;		/* options of record, each with its NUL */
	size_t args_len;
	uint32_t argc;
	const struct remote_key *key;
	uint64_t trace_id;		/* of the host's file */
	unsigned answer_ms;		/* wait for an answer so long; 0: two minutes */
	bool unlimited;			/* wait for slow agents however long it takes */
	bool fifos;			/* take data over FIFOs of the guest @label, if both sides have them */
	bool sync;			/* compare its clock with ours (guests_begin), */
	unsigned sync_interval_ms;	/* so often; 0: at both ends */
	const char *clock;		/* both have: its name in tracefs */
	const struct notices *notices;
};

/* What an agent has answered. */
struct guest_info {
	const char *label, *path;
	uint32_t cpus;
	uint64_t trace_id;		/* of its file */
	bool vsock;
	uint32_t cid;
	const struct err *failed;	/* NULL: it has not; may be asked for at any time, guests_finish adds to it */
	bool has_file;			/* after guests_finish */
};

struct guests;

struct guests *guests_new(void);	/* NULL: no memory */
/* Connects to an agent and asks; it has begun to prepare then. What @opts points to must outlive it. 0, -errno. */
int guests_add(struct guests *g, const struct guest_opts *opts, struct err *e);
/*
 * The same of many, at the same time, for a recording that goes on as long as one of them does: what fails is told
 * by guests_info, here and in all that follows, and not otherwise. To be called once, instead of
 * guests_add. 0, -ENOMEM.
 */
int guests_add_all(struct guests *g, const struct guest_opts *opts, size_t nr, struct err *e);
size_t guests_well(const struct guests *g);	/* how many have not failed */
void guests_info(const struct guests *g, size_t i, struct guest_info *ret);
struct kernel;
/* All record from then on; threads take what they send. @k: its trace clock is what clocks are compared with; NULL:
 * CLOCK_MONOTONIC is. It has to stay until guests_close. 0, -errno. */
int guests_begin(struct guests *g, struct kernel *k, struct err *e);
/* Readable when all of them have ended by themselves. */
int guests_ended_fd(const struct guests *g);
/* Compares clocks once more, and tells all that it is the end. */
void guests_close(struct guests *g);
/*
 * Then: waits for what is on its way and makes the files. What did not go as it should is told as a notice, for
 * each by itself. 0; or the first -errno of one that has no file, or not all in it.
 */
int guests_finish(struct guests *g, struct err *e);
/* Those that record still are left alone, and end for that. */
void guests_free(struct guests *g);

#endif
