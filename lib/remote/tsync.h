/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tsync: two machines that trace find out how far apart their clocks are, on a
 * connection of its own beside an agent's. The protocols are trace-cmd's, ptp (the guest
 * asks, both note times) and kvm (the host knows the guest's counter), and one
 * that both ends have to be tracecmd for. Documentation/wire.md tells the messages.
 *
 * The guest is the machine whose times are converted, the host that whose time they become.
 * Three layers, each usable without the next one:
 *
 *	messages and choice of a protocol	bytes and names
 *	tsync_host, tsync_guest			what is said in which order: bytes in, bytes out
 *	tsync_measure, tsync_serve		the same over sockets, with threads
 */
#ifndef TRACECMD_TSYNC_H
#define TRACECMD_TSYNC_H

#include "clock/sync.h"
#include "remote/wire.h"

#define TSYNC_NAME_SIZE 16u		/* of a protocol's name in messages, not always with a NUL */
#define TSYNC_PROBES_MAX 339u		/* exchanges that one answer has room for */
#define TSYNC_PROBES_MIN 8u		/* however long they take */
#define TSYNC_NONE "none"		/* what is said around the others */
#define TSYNC_PTP "ptp"
#define TSYNC_KVM "kvm"
#define TSYNC_OWN "tracecmd-ptp"	/* ptp over several connections, and bounds come with offsets */

/* ---- choosing a protocol (tsync_choose.c) ------------------------------------- */

/* What this machine is for the other one; bits. */
enum tsync_role {
	TSYNC_HOST = 1,			/* has the guest running */
	TSYNC_GUEST = 2,
	TSYNC_CLIENT = 4,		/* records a machine that is reached by TCP */
	TSYNC_SERVER = 8,
};

/*
 * Appends the value of TSYNC_PROTOS: the names that may be offered by a machine in these roles for
 * the clock (its name in tracefs; "" or not known: any). @kvm: it knows the counters of its
 * guests' CPUs (sync_kvm_usable). Nothing is appended where there is none. 0, -ENOMEM.
 */
int tsync_offer(struct buf *ret, unsigned roles, const char *clock, bool kvm);
/*
 * The best of the offered ones for a machine in these roles. 1; 0, and *ret is "": none
 * of them; -EPROTO: @offers is no such list, told.
 */
int tsync_choose(const void *offers, size_t len, unsigned roles, const char *clock, bool kvm,
		 char ret[TSYNC_NAME_SIZE], struct err *e);
/* Whether it is one of the three. */
bool tsync_known(const char *name);

/* ---- messages (tsync_msg.c) ------------------------------------------------------ */

enum tsync_id {
	TSYNC_NONE_PROBE = 1, TSYNC_NONE_STOP = 2,		/* of the protocol "none", around the others */
	TSYNC_PTP_START = 1, TSYNC_PTP_PROBE = 2, TSYNC_PTP_PROBES = 3, TSYNC_PTP_OFFSET = 4,
	TSYNC_PTP_END = 5,
	TSYNC_KVM_REQUEST = 1, TSYNC_KVM_RESPONSE = 2,
};
#define TSYNC_PTP_FASTEST 1u		/* flags of START: how the guest reckons */
#define TSYNC_PTP_MARKERS 2u		/* times are those of markers in the trace buffer */

/* One message; views of the bytes it was parsed from. */
struct tsync_msg {
	char name[TSYNC_NAME_SIZE + 1];
	uint32_t id;
	const uint8_t *payload;
	uint32_t len;
};
/* Of a TIME_SYNC message. 0; -EPROTO: it is another one, told. */
int tsync_msg_parse(const struct wire_msg *m, struct tsync_msg *ret, struct err *e);
int tsync_msg_put(struct buf *b, const char *name, uint32_t id, const void *payload, size_t len);

/* The payloads. parse: 0; -EPROTO, told. put: 0, -ENOMEM. */
int tsync_probe_cpu_parse(const struct tsync_msg *m, uint16_t *ret_cpu, struct err *e);
int tsync_probe_cpu_put(struct buf *b, uint16_t cpu);
struct tsync_start { uint32_t series, flags; };
int tsync_start_parse(const struct tsync_msg *m, struct tsync_start *ret, struct err *e);
int tsync_start_put(struct buf *b, const char *name, const struct tsync_start *s);
int tsync_count_parse(const struct tsync_msg *m, uint32_t *ret, struct err *e);
int tsync_count_put(struct buf *b, const char *name, uint32_t count);
/* What the host noted: @times has a place for each of TSYNC_PROBES_MAX exchanges, 0: not noted. */
int tsync_probes_parse(const struct tsync_msg *m, uint32_t series, uint64_t times[TSYNC_PROBES_MAX],
		       struct err *e);
int tsync_probes_put(struct buf *b, const char *name, uint32_t series,
		     const uint64_t times[TSYNC_PROBES_MAX]);
/* The result; with TSYNC_OWN all of it, else time and offset. */
int tsync_offset_parse(const struct tsync_msg *m, struct sync_sample *ret, struct err *e);
int tsync_offset_put(struct buf *b, const char *name, const struct sync_sample *s);
/* Both messages of kvm; numbers are in the sender's byte order, which is taken to be ours. */
int tsync_kvm_parse(const struct tsync_msg *m, struct dat_shift_sample *ret, struct err *e);
int tsync_kvm_put(struct buf *b, enum tsync_id id, const struct dat_shift_sample *s);

/*
 * Gives each whole message of what is in @in and @data to @take, until it returns other than 0, which
 * is returned; the rest stays in @in. For both ends.
 */
int tsync_feed(struct buf *in, const void *data, size_t len,
	       int (*take)(void *ctx, const struct tsync_msg *m, struct err *e), void *ctx, struct err *e);
int tsync_unexpected(const struct tsync_msg *m, const char *wanted, struct err *e);	/* -EPROTO, told */
int tsync_no_memory(struct err *e);							/* -ENOMEM, told */

/* ---- times ------------------------------------------------------------------------ */

enum tsync_mark { TSYNC_SENT, TSYNC_BACK };

/* The trace clock of this machine, for one thread. Functions: 0, or -errno, told. */
struct tsync_clock {
	void *ctx;
	/* Forgets all marks. From here on the thread marks on that CPU; -1, or where it may not: on any. */
	int (*begin)(void *ctx, int cpu, struct err *e);
	/* Notes the time now. @nr: up to TSYNC_PROBES_MAX + 1. */
	int (*mark)(void *ctx, enum tsync_mark kind, uint32_t nr, struct err *e);
	/* The times of all marks of that kind by their numbers, others stay as they are. */
	int (*times)(void *ctx, enum tsync_mark kind, uint64_t *ret, uint32_t nr, struct err *e);
	/* A monotonic clock, in nanoseconds, for how long a measurement may take. */
	uint64_t (*now)(void *ctx);
};

/* ---- what is said in which order (tsync_host.c, tsync_guest.c) ---------------------- */

enum tsync_state {
	TSYNC_IDLE,			/* nothing is being measured */
	TSYNC_STARTING,			/* a START, or kvm's message, has to come */
	TSYNC_PROBING, TSYNC_RESULT,
	TSYNC_OVER
};

/* The host's end of one connection. */
struct tsync_host {
	char name[TSYNC_NAME_SIZE];
	const struct tsync_clock *clock;
	const struct dat_shift_sample *kvm;	/* of @kvm_cpus CPUs, for that protocol: sync_kvm_read */
	uint32_t kvm_cpus;
	enum tsync_state state;
	struct buf in, out;
	struct sync_sample sample;	/* of the last measurement */
	bool usable;			/* it is one */
	/* private */
	uint16_t cpu;
	uint32_t series, probes;
	uint64_t times[TSYNC_PROBES_MAX + 2];	/* by exchange; the first one: at START */
	uint64_t ended;			/* at END */
};
/* @name: of the protocol. Release in every case. 0; -EINVAL: not known. */
int tsync_host_init(struct tsync_host *h, const char *name, const struct tsync_clock *clock);
void tsync_host_release(struct tsync_host *h);
/* Appends to h->out what starts a measurement of a guest CPU. 0, -ENOMEM. */
int tsync_host_probe(struct tsync_host *h, uint16_t cpu, struct err *e);
/* 0: more has to come; 1: the measurement is over; -errno, told: so is the session. What is in h->out
 * is to be sent at once. */
int tsync_host_feed(struct tsync_host *h, const void *data, size_t len, struct err *e);
int tsync_host_stop(struct tsync_host *h);	/* appends the farewell. 0, -ENOMEM */

/* The guest's end. */
struct tsync_guest {
	char name[TSYNC_NAME_SIZE];
	const struct tsync_clock *clock;
	uint64_t budget_ns;		/* a measurement ends after that, with what it has */
	enum tsync_state state;
	struct buf in, out;
	/* private */
	uint32_t series, probes;
	uint64_t began;
};
int tsync_guest_init(struct tsync_guest *g, const char *name, const struct tsync_clock *clock,
		     uint64_t budget_ns);
void tsync_guest_release(struct tsync_guest *g);
/* 0; 1: the host has said farewell; -errno, told. As above. */
int tsync_guest_feed(struct tsync_guest *g, const void *data, size_t len, struct err *e);

/* ---- over sockets (tsync_measure.c, tsync_serve.c) ----------------------------------- */

#define TSYNC_LANES_MAX 8u		/* connections of one session */

/*
 * Makes clocks for threads, one for each connection. @lane: 0 up to TSYNC_LANES_MAX - 1.
 * tsync_tracefs.c has that of tracefs.
 */
struct tsync_clocks {
	void *ctx;
	int (*open)(void *ctx, unsigned lane, struct tsync_clock *ret, struct err *e);
	void (*close)(void *ctx, struct tsync_clock *clock);
};

struct tsync_measure_opts {
	const char *name;		/* of the protocol, as the agent chose it */
	uint32_t cpus;			/* of the guest */
	const struct tsync_clocks *clocks;
	const struct dat_shift_sample *kvm;	/* for that protocol: sync_kvm_read; of as many CPUs, stays the caller's */
	unsigned interval_ms;		/* between measurements; 0: at the beginning and the end alone */
	unsigned timeout_ms;		/* until a message has come; 0: no limit */
	bool same_counter;		/* both clocks are one counter, so that offsets do not change */
	const struct notices *notices;	/* from another thread, too */
};
/* How many connections a session with so many guest CPUs is worth: 1 but for TSYNC_OWN. */
unsigned tsync_lanes(const char *name, uint32_t cpus);
/*
 * The host's side over @lanes connected sockets, which are its own from here on, also on failure. The first
 * measurement of all CPUs has been made when it returns; a thread makes those at intervals.
 * 0; -errno, told: no session.
 */
struct tsync_measure;
int tsync_measure_start(const struct tsync_measure_opts *o, const int *fds, unsigned lanes,
			struct tsync_measure **ret, struct err *e);
/*
 * Measures once more, says farewell and ends. *ret is what is known, the caller's to release, in every
 * case; its shift.peer_id is to be set. A failure, told, costs what was to come, not what is
 * there: *ret may have samples then, too. 0; -ENODATA: it has none.
 */
int tsync_measure_stop(struct tsync_measure *m, struct sync_log *ret, struct err *e);

struct tsync_serve_opts {
	int listen_fd;			/* where the host will connect, its own from here on, also on failure */
	/* Whether that connection may speak; NULL: every one may. */
	bool (*admit)(void *ctx, int fd);
	void *ctx;
	const char *name;		/* of the protocol */
	uint32_t cpus;			/* of this machine */
	const struct tsync_clocks *clocks;
	unsigned timeout_ms;		/* for the host to connect, and for messages of a measurement; 0: no limit */
	const struct notices *notices;	/* of connections that fail; from other threads */
};
/* The guest's side: a thread takes connections and measures when it is asked to. 0; -errno, told. */
struct tsync_serve;
int tsync_serve_start(const struct tsync_serve_opts *o, struct tsync_serve **ret, struct err *e);
/* Waits until a first connection has been taken, as long as the timeout. 0, -ETIMEDOUT, told. */
int tsync_serve_await(struct tsync_serve *s, struct err *e);
/* Ends it; a measurement that is under way may take @grace_ms. */
void tsync_serve_stop(struct tsync_serve *s, unsigned grace_ms);

/* CLOCK_MONOTONIC, for a host that has no trace clock to compare with (tsync_monotonic.c). */
extern const struct tsync_clocks tsync_monotonic_clocks;

/* ---- clocks of tracefs (tsync_tracefs.c) ----------------------------------------------- */

struct kernel;
struct tsync_tracefs;
/*
 * Makes an instance of its own whose clock is @clock ("": the default one), removed again by tsync_tracefs_free;
 * kernel_undo does so, too. @k is used in these two functions only. 0, -errno, told.
 */
int tsync_tracefs_new(struct kernel *k, const char *clock, struct tsync_tracefs **ret, struct err *e);
void tsync_tracefs_free(struct tsync_tracefs *t);
const struct tsync_clocks *tsync_tracefs_clocks(struct tsync_tracefs *t);

#endif
