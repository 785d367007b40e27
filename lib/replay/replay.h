/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay: open files as one time-ordered stream of records. Cursors over the
 * chunks of each CPU of each buffer, merged by converted time; missed events
 * appear at their place. Memory is bounded by (cpus x chunk size), whatever
 * the files' size.
 */
#ifndef TRACECMD_REPLAY_H
#define TRACECMD_REPLAY_H

#include "base/base.h"
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
	bool want_entries;		/* also non-data entries and page starts (--debug) */
	const uint8_t *cpus;		/* bit set of wanted CPUs, or NULL: all */
	uint32_t nr_cpus;		/* bits in it */
	const struct notices *notices;
};

int replay_new(const struct replay_opts *opts, struct replay **ret, struct err *e);
void replay_free(struct replay *rp);
/*
 * Adds a file (opened already; owned by the replay from now on). Files keep
 * their order. *ret_index is its number.
 */
int replay_add_file(struct replay *rp, struct dat_reader *r, const struct replay_file_opts *opts,
		    unsigned *ret_index, struct err *e);
/* After all files: pairs hosts and guests (time shift), builds the streams. */
int replay_start(struct replay *rp, struct err *e);

unsigned replay_nr_files(const struct replay *rp);
struct dat_reader *replay_reader(struct replay *rp, unsigned file);
/* The file's formats, symbols, names; made at the first call. */
int replay_event_db(struct replay *rp, unsigned file, struct event_db **ret, struct err *e);
/* Whether the file's times are nanoseconds (printed as seconds) or raw counts. */
bool replay_in_seconds(struct replay *rp, unsigned file);
/* Largest of CPUCOUNT and highest CPU id + 1. */
uint32_t replay_cpus(struct replay *rp, unsigned file);

struct replay_record {
	uint64_t ts;			/* converted */
	uint64_t raw_ts;		/* of the ring buffer */
	const void *data;		/* view; valid until the next replay_next */
	uint32_t len;
	uint32_t cpu;
	unsigned file, buffer;		/* buffer number as in dat_reader_buffer */
	uint64_t lost;			/* events lost just before: 0, n, RING_LOST_UNKNOWN */
	bool page_start;		/* first data entry of its sub-buffer */
	struct ring_event entry;	/* as decoded */
	const struct ring_page *page;
};

/* 1 and a record, 0 at the end, -errno. Damage inside a CPU's stream is told
 * through the notices, counted (replay_damage) and skipped. */
int replay_next(struct replay *rp, struct replay_record *ret, struct err *e);
/* The record that replay_next would give for that file and buffer alone,
 * without consuming it: 1, 0, -errno. The view lives until the next call of
 * replay_next. */
int replay_peek_buffer(struct replay *rp, unsigned file, unsigned buffer,
		       struct replay_record *ret, struct err *e);
/* The next record of one CPU of one buffer, unconsumed. */
int replay_peek_cpu(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    struct replay_record *ret, struct err *e);
/* First and last record time of one CPU of a buffer. 1, 0 without data, -errno. */
int replay_cpu_span(struct replay *rp, unsigned file, unsigned buffer, uint32_t cpu,
		    uint64_t *first_ts, uint64_t *last_ts, struct err *e);
/* Sub-buffers or chunks that could not be read so far. */
uint64_t replay_damage(const struct replay *rp);

#endif
