/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay: open files as one time-ordered stream of records. Cursors over the
 * chunks of each CPU of each buffer, merged by converted time; missed events
 * appear at their place.
 *
 * Order: always the smallest next time of all CPUs; of equal times the earlier
 * file, in it the lower buffer (the top level is number 0, instances follow in
 * the file's order), in it the lower CPU. Within one CPU records keep the order
 * of the file even where time steps back.
 *
 * Memory is bounded by one decompressed chunk per CPU and cursor, whatever the
 * files' size, plus one more for each CPU where peeking or seeking had to look at
 * another chunk. Nothing is read of a CPU's data before the first record is asked
 * for.
 */
#ifndef TRACECMD_REPLAY_H
#define TRACECMD_REPLAY_H

#include "base/base.h"
#include "clock/clock.h"
#include "dat/dat.h"
#include "event/event.h"
#include "ring/ring.h"

struct replay;

/* How times of one file are made (Documentation/tracecmd.dat.5, section 7). */
struct replay_file_opts {
	int64_t ts_offset;		/* --ts-offset, raw units */
	double ts2secs;			/* --ts2secs HZ; 0: not given */
};
struct replay_opts {
	bool raw_ts;			/* no shift, scale, date or offset */
	bool no_date;
	bool want_entries;		/* also non-data entries (--debug) */
	const uint8_t *cpus;		/* bit set of wanted CPUs, or NULL: all */
	uint32_t nr_cpus;		/* bits in it */
	const struct notices *notices;	/* must outlive the replay; may be NULL */
};

/* @opts: copied, cpus too; NULL: all zero. */
int replay_new(const struct replay_opts *opts, struct replay **ret, struct err *e);
/* Closes the files and frees the event_dbs too. */
void replay_free(struct replay *rp);
/*
 * Adds a file (opened already; owned by the replay from now on, closed here on
 * failure). Files keep their order. *ret_index, unless NULL, is its number.
 * Fails with -EBUSY after replay_start.
 */
int replay_add_file(struct replay *rp, struct dat_reader *r, const struct replay_file_opts *opts,
		    unsigned *ret_index, struct err *e);
/* After all files: builds the streams of the wanted CPUs. Reads nothing. */
int replay_start(struct replay *rp, struct err *e);

struct dat_reader *replay_reader(struct replay *rp, unsigned file);
/* The file's formats, symbols, names; made at the first call, and each text is
 * read from the file when it is first needed. Owned by the replay. */
int replay_event_db(struct replay *rp, unsigned file, struct event_db **ret, struct err *e);
/* Whether the file's times are nanoseconds (printed as seconds) or raw counts. */
bool replay_in_seconds(struct replay *rp, unsigned file);
/* Largest of CPUCOUNT and highest CPU id + 1. */
uint32_t replay_cpus(struct replay *rp, unsigned file);
/* Whether the thread @pid of the file @host ran a CPU of a guest whose file was
 * added too (GUEST and TRACEID options); *ret_guest is that file's number. */
bool replay_guest_of(const struct replay *rp, unsigned host, int pid, unsigned *ret_guest);
/* The kernel that filled the ring buffers: byte order, size of long. Reads the
 * file's header information. */
int replay_abi(struct replay *rp, unsigned file, struct ring_abi *ret, struct err *e);

struct replay_record {
	uint64_t ts;			/* converted */
	uint64_t raw_ts;		/* of the ring buffer */
	const void *data;		/* view; valid until the next replay_next */
	uint32_t len;
	uint32_t cpu;
	unsigned file, buffer;		/* buffer number as in dat_reader_buffer */
	uint32_t stream;		/* number of file, buffer and CPU: below replay_nr_streams */
	/* Events lost just before, told at the next record of the CPU whatever
	 * lies between: 0, n, RING_LOST_UNKNOWN. A damaged sub-buffer or chunk
	 * is an unknown loss. */
	uint64_t lost;
	bool page_start;		/* first record of its sub-buffer */
	/* and nothing else comes before it in the sub-buffer. Only then
	 * trace-cmd tells of a loss, so equal texts need to know. */
	bool first_entry;
	bool long_entry;		/* a length word stands between its entry's header and data */
	struct ring_event entry;	/* as decoded; with want_entries only */
	const struct ring_page *page;	/* its sub-buffer; lives as long as data */
	/*
	 * Of its CPU, for whoever works on the records with this cursor: 0 at first.
	 * All that work may know of earlier records of the CPU is kept there (see
	 * struct replay_work).
	 */
	uint64_t *state;
};

/*
 * 1 and a record, 0 at the end, -errno. Damage inside a CPU's stream is told
 * through the notices, counted (replay_damage) and skipped. With want_entries
 * there are records of other types too, with data NULL. After a failure the
 * same failure again.
 */
int replay_next(struct replay *rp, struct replay_record *ret, struct err *e);
/*
 * The next record of one CPU of one buffer, unconsumed: 1, 0 (also for a CPU
 * that was not asked for or is not there), -errno. Its views, and those of the
 * record that replay_next gave last, live until the next call of replay_next.
 */
int replay_peek_cpu(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    struct replay_record *ret, struct err *e);
/*
 * Converted times of the first and the last record of one CPU of a buffer, in
 * the file's order. 1, 0 without data, -errno. Reads at least one chunk; takes
 * nothing from the stream.
 */
int replay_cpu_span(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    uint64_t *first_ts, uint64_t *last_ts, struct err *e);
/* Sub-buffers or chunks that could not be read (wholly) so far. */
uint64_t replay_damage(const struct replay *rp);
/* CPUs of buffers of files that have data and are wanted. After replay_start. */
uint32_t replay_nr_streams(const struct replay *rp);

/* ---- cursors ------------------------------------------------------------------- */

/*
 * Any number of threads may read one replay, each with a cursor of its own.
 * The functions above use one that the replay has, in one thread.
 */
struct replay_cursor;

/* The next record, without a copy: it is valid until the next call with this
 * cursor. Else as replay_next. */
int replay_cursor_next(struct replay_cursor *c, const struct replay_record **ret, struct err *e);
/* The record that follows on the CPU of the one given last; likewise. */
int replay_cursor_peek(struct replay_cursor *c, const struct replay_record **ret, struct err *e);
/* The record that replay_cursor_next would give for that file and buffer alone; likewise. */
int replay_cursor_peek_buffer(struct replay_cursor *c, unsigned file, unsigned buffer,
			      const struct replay_record **ret, struct err *e);
/* The time of the first record of all, CPUs that are not asked for included. 1, 0 without
 * any, -errno. Takes nothing, and tells no damage: who reads from there does. */
int replay_first_ts(struct replay *rp, uint64_t *ret, struct err *e);
/* The latest of the times of all CPUs' last records. Likewise. */
int replay_last_ts(struct replay *rp, uint64_t *ret, struct err *e);

/* ---- work on all records, by any number of threads -------------------------------- */

/*
 * The merged stream is cut by time into windows; each is worked on by a job, and
 * the jobs' results are taken in the order of the windows. A window [T0, T1) has
 * of each CPU the records from the first one at or after T0 up to the first one
 * at or after T1, in the file's order: there the merge of the whole stands when
 * nothing before T0, or T1, is left. So the windows' records, one window behind
 * the other, are the records of replay_next in its order, whatever the times are.
 *
 * Where a window begins is found by searching, which assumes that time does not
 * step back, and what the work before it left as state is found by working on the
 * last records of each CPU before it (@warm). Both are compared with what was so
 * when the window before it was done. If they differ, the window's result is
 * dropped and it is worked on again from the true beginning.
 */
struct replay_work {
	void *ctx;
	/*
	 * By file (a NULL: all), EVENT_IDS bytes that tell of each event id whether record has
	 * to see such events; they may turn to 0 on the way. Others are passed over where
	 * nothing was lost in front of them and their CPU's state is 0, which it then
	 * stays. record gets some of them all the same. NULL: it sees all.
	 */
	const uint8_t *const *ids;
	/* Makes what one job needs; jobs are used for many windows, one after the other.
	 * @in_order: it gets all that comes before its records, in the caller's thread. */
	int (*job_new)(void *ctx, bool in_order, void **ret, struct err *e);
	void (*job_free)(void *ctx, void *job);
	/* A window begins, or its result was taken: it is empty now. */
	void (*clear)(void *job);
	/* The job's window is the first: somebody waits for something to see, so record
	 * may return 1 as soon as there is. May be NULL. */
	void (*hurry)(void *job);
	/*
	 * Works on a record. @warm: what comes out of it is not wanted, only the
	 * state that it leaves. 0; 1: the result is large, have it taken before the
	 * next record; -errno.
	 */
	int (*record)(void *job, struct replay_cursor *c, const struct replay_record *rec,
		      bool warm, struct err *e);
	/* A number above 0 that stands for the end of what the records before this one
	 * gave: there a notice belongs. */
	size_t (*mark)(void *job);
	/* Bytes of the result, for windows that have results of a good size. May be NULL. */
	size_t (*size)(void *job);
	/*
	 * All before the result was taken, and it is the next. 0; -EAGAIN: it is not what it
	 * has to be behind that, and is to be made again, now that this is known (said only of
	 * a window's first result, and never if all before was taken when the job cleared it);
	 * other -errno. May be NULL.
	 */
	int (*settle)(void *ctx, void *job, struct err *e);
	/*
	 * Takes the settled result between two marks, in order, by one thread at a time;
	 * REPLAY_START and REPLAY_END are its ends. 0; 1: enough, stop; -errno.
	 */
	int (*take)(void *ctx, void *job, size_t from, size_t to, struct err *e);
};
#define REPLAY_START 0
#define REPLAY_END SIZE_MAX

struct replay_run_opts {
	unsigned threads;		/* 0, 1: none but the caller's */
	bool has_from, has_to;
	uint64_t from, to;		/* converted; to is the first that is not wanted */
	unsigned warm;			/* records of each CPU worked on before a window; at most 3 */
	uint32_t window_bytes;		/* of data, about; 0: as the results are */
	bool ahead;			/* while one thread works, another one decompresses for it */
};
/*
 * Works on all records, or on those of [from, to), which is a window as above.
 * Only before the first replay_next. 0, 1 if stopped by take, -errno.
 */
int replay_run(struct replay *rp, const struct replay_run_opts *opts,
	       const struct replay_work *work, struct err *e);
/* A notice out of a job, in its thread while it works on a record: told when the
 * result is taken, between those of the records before and of this one. */
void replay_cursor_notice(struct replay_cursor *c, const char *text);

/* ---- records of chosen events ---------------------------------------------------- */

/*
 * Reading a replay without those records that are not wanted: they are passed
 * over before the merge, by the event's number, at the cost of decoding their
 * sub-buffers. Any number of threads may do so, each with its own struct
 * replay_pick; making one is for one thread at a time.
 */
struct replay_pick;
struct replay_pick_opts {
	/* CPU by CPU, in the files' order, and not merged by time. */
	bool unordered;
	bool has_from, has_to;
	uint64_t from, to;		/* as in replay_run_opts */
	const uint8_t *streams;		/* bit set of wanted ones; NULL: all. Not kept */
	/* By file EVENT_IDS bytes, for each id whether it is wanted; NULL: all are.
	 * Must outlive the pick. */
	const uint8_t *const *ids;
	/* Once it is true, by any thread (relaxed, atomic), reading ends with -ECANCELED. NULL: never. */
	const bool *stop;
	/* Hears of damage (@text may be NULL) and, @damage false, of other things
	 * worth a notice; called by the thread that reads. */
	void (*tell)(void *ctx, bool damage, const char *text);
	void *tell_ctx;
};
/* Reads the tables of the CPUs' data. 0 or -errno. */
int replay_pick_new(struct replay *rp, const struct replay_pick_opts *opts,
		    struct replay_pick **ret, struct err *e);
void replay_pick_free(struct replay_pick *p);
/*
 * 1 and a record, which is valid until the next call; 0 at the end, -errno. The
 * record's lost counts what was lost since the one given last of its CPU. Merged
 * by time they come in the order of replay_next, where time does not step back
 * within a CPU; where it does, what was passed over does not hold up what follows.
 */
int replay_pick_next(struct replay_pick *p, const struct replay_record **ret, struct err *e);
struct replay_pick_facts {
	uint64_t scanned;		/* records looked at so far, in the range of time */
	uint64_t lost;			/* events lost in front of these, or RING_LOST_UNKNOWN */
	uint64_t damage;		/* sub-buffers or chunks that could not be read (wholly) */
};
const struct replay_pick_facts *replay_pick_facts(const struct replay_pick *p);
/* Where a stream, counted by replay_nr_streams, belongs. */
void replay_stream_place(const struct replay *rp, uint32_t stream, unsigned *file, unsigned *buffer,
			 uint32_t *cpu);

/* ---- sub-buffers in any order ----------------------------------------------------- */

/* One CPU of a buffer of a file. */
struct replay_cpu {
	unsigned file, buffer;
	uint32_t cpu;
	uint32_t nr;			/* its number among all of the replay's */
	const struct clock_conv *conv;	/* of its times */
};

enum replay_scan_page {
	REPLAY_SCAN_ENOUGH = 1,		/* of this CPU; the page need not be read to its end */
	REPLAY_SCAN_FRONT = 2,		/* has events in front of what is asked for: damage before
					 * them is of no interest */
};

/*
 * Hands out the sub-buffers of the wanted CPUs by themselves, without a merge: for
 * what is asked of all events and not of their order. The functions are called by
 * several threads, @worker is the number of the calling one, below @threads.
 */
struct replay_scan {
	unsigned threads;		/* 0, 1: none but the caller's */
	bool in_order;			/* a CPU's sub-buffers go to one worker, in the file's order */
	/* In order: each CPU begins with the sub-buffer in front of the one that has the first
	 * record at or after @from (converted), if time does not step back before. Steps back
	 * over an end of the range are told as damage; @to is the first that is not in it,
	 * REPLAY_SCAN_ENOUGH comes at the first event from there on. */
	bool has_from, has_to;
	uint64_t from, to;
	void *ctx;
	/* Reads a page to its end. 0 or, @in_order, bits of enum replay_scan_page; -errno,
	 * which ends the scan. */
	int (*page)(void *ctx, unsigned worker, const struct replay_cpu *cpu,
		    struct ring_page *page, struct err *e);
	/* Events were lost: a number, or RING_LOST_UNKNOWN (also for what is damaged). Comes
	 * before the page that follows them. */
	void (*lost)(void *ctx, unsigned worker, const struct replay_cpu *cpu, uint64_t lost);
};
/* After replay_start; apart from replay_next. Damage is counted and told when all is read,
 * in the order of the file whatever the threads are. 0 or -errno. */
int replay_scan(struct replay *rp, const struct replay_scan *scan, struct err *e);

#endif
