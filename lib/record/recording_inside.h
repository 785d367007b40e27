/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recording's inside.
 *
 *  recording.c       its life
 *  counters.c        the kernel's counters of its buffers
 *  segments.c        what was written between two cuts
 *  recording_file.c  a file out of segments
 *  keeper.c          the thread that makes files while recording goes on
 *  snapshots.c       what the kernel put aside: texts of latency tracers, snapshots
 *  recording_perf.c  what is recorded through perf
 */
#ifndef TRACECMD_RECORDING_INSIDE_H
#define TRACECMD_RECORDING_INSIDE_H

#include "record/finish.h"
#include "record/head.h"
#include "record/parts.h"
#include "record/perf_stack.h"
#include "record/record.h"

/* One instance that is recorded. */
struct recorded {
	const struct kernel_instance_setup *setup;
	struct kernel_instance *in;
	bool takes_part;
	char clock[32];			/* for the file: "tsc2nsec" where that applies */
	uint32_t page_size;
	uint32_t *cpus;
	size_t nr_cpus;
	size_t first_stream;		/* its CPUs' streams in the recorder */
	bool is_text;			/* a latency tracer's */
	bool thrown_away;		/* what the kernel had of it, at the end */
	struct buf missing;		/* lines of the file's statistics: why events are not there */
	struct buf text;
	size_t last_text;		/* where the last one added to it begins */
};

/* A stream's way to the kernel's counters: read for each take, so the file stays open. */
struct counter {
	int fd;				/* -1: perf's */
	size_t ring;			/* of perf's */
	const struct source *source;	/* the recorder's, which makes sub-buffers of it */
	struct gaps_counters before;	/* if others have read of it before, who were told its losses */
};

struct counters {
	uint64_t overrun, commit_overrun, dropped, read, entries, buffer_kb;
};

/* What triggers kept of a buffer: read at the end, as a buffer of its own. */
struct kept {
	const struct recorded *of;
	char *name;
	size_t first_stream;		/* of its CPUs, in rec->kept_by */
};

/* One stream's share of a segment. */
struct segment_stream {
	struct spool *spool;		/* NULL: it goes on in the next segment */
	struct recorder_stats stats;	/* of this segment alone, as the counters are */
	struct counters counters;
	char *text;			/* the kernel's counters at the end of it */
	uint64_t now_ts;		/* the trace clock then, nanoseconds; 0: it has other units */
};

/* What was written between two cuts. Files are made of all there are. */
struct segment {
	struct segment_stream *streams;
	size_t nr;
	uint64_t ended_ns;		/* CLOCK_MONOTONIC */
};

struct recording {
	struct kernel *k;
	struct kernel_setup *setup;
	struct record_opts opts;
	struct recorder *recorder;
	VEC(struct recorded) buffers;	/* [0] is the top level */
	struct buf names;		/* of those that have streams: "/one/" */
	VEC(struct counter *) streams;
	uint32_t machine_cpus;
	uint64_t session;
	unsigned kernel_long;
	char uname[512];
	char boot[64];			/* boot_id */
	struct head head;
	struct perf_stacks stacks;	/* of perf's call chains */
	VEC(pid_t) hidden;		/* threads of the caller's */
	bool stopped;
	int latency_fd;			/* inotify; -1: nothing is heard */
	uint64_t latencies_left;	/* texts there was no room for, or that could not be read */

	struct recorder *kept_by;	/* who read the snapshots; NULL: nobody */
	VEC(struct kept) kept;

	struct keeper *keeper;		/* NULL: none */
	uint64_t since_ns;		/* what the last file holds begins there; 0: with all that is kept */

	/* The keeper's while it runs, ours afterwards. */
	VEC(struct segment) segments;
	struct segment last;		/* memory for the one that recording_stop ends */
	struct counters *told;		/* by stream: what all segments so far have counted */
	uint64_t *dropped;		/* by stream: bytes that were not to be kept */
	struct segment past;		/* sums of those that are in files already, without spools */
};

/* ---- recording.c ---- */

/* Where a stream of one of @b's CPUs comes from. */
struct stream_source {
	const char *name;		/* of its buffer in the file */
	const char *file;		/* "trace_pipe_raw", "snapshot_raw" */
	struct source *source;		/* instead of the file; taken over; NULL: none */
	uint32_t cpu;
	struct counter *counter;	/* NULL: none */
};
int recording_add_stream(struct recording *rec, struct recorder *recorder, const struct recorded *b,
			 const struct stream_source *src, struct err *e);

/* ---- recording_perf.c ---- */

/* Adds perf's rings as the top level's CPUs. 0, -errno. */
int recording_add_perf(struct recording *rec, struct err *e);
/* Appends what is counted of a CPU, as the kernel's stats have it. 0, -ENOMEM. */
int perf_stats_text(const struct recording *rec, const struct counter *c, struct buf *ret);
void perf_add_progress(const struct recording *rec, const struct counter *c, struct recording_progress *p);

/* ---- snapshots.c ---- */

/* Appends what a latency tracer found to b->text. 0, -errno. */
int recording_read_text(struct recorded *b, struct err *e);
/* Listens for latencies beyond the threshold, if there is one. */
void recording_hear_latencies(struct recording *rec);
/* After recorder_stop, so that nothing takes a snapshot meanwhile. 0, -errno. */
int snapshots_read(struct recording *rec, struct err *e);
void snapshots_release(struct recording *rec, bool unlink_spools);

/* ---- counters.c ---- */

/* The kernel's counters, for a stream (a struct counter). 0, -errno. */
int stream_counters(void *counter, struct gaps_counters *ret);
/* Ends a segment: reads the kernel's counters of all its streams. @last: of all. 0, -errno. */
/* Before anything is read: what others have read is not counted. */
void counters_begin(struct recording *rec);
int counters_read(struct recording *rec, struct segment *s, bool last, struct err *e);
/* Adds to @texts, CPUSTAT options, what is counted of one buffer. 0, -ENOMEM. */
struct stat_texts { char **v; size_t nr, cap; };
int counters_texts(const struct recording *rec, const struct recorded *b, struct stat_texts *texts,
		   struct err *e);
/* Adds what the probes of this recording are: an event's format does not tell what it was made
 * of. 0, -ENOMEM. */
int counters_probes(const struct recording *rec, struct stat_texts *texts, struct err *e);
void stat_texts_release(struct stat_texts *texts);

/* ---- recording_file.c ---- */

/* The head, before anything is recorded. 0, -errno. */
int recording_make_head(struct recording *rec, struct err *e);
/* A file out of the segments there are, for the keeper: what was recorded from @since_ns
 * (CLOCK_MONOTONIC; 0: all) on. 0, -errno. */
int recording_write(struct recording *rec, int fd, const char *name, uint64_t since_ns,
		    struct err *e);

/* ---- segments.c ---- */

int segment_new(size_t nr_streams, struct segment *ret, struct err *e);
/* Closes its spools; { 0 } is fine. */
void segment_release(struct segment *s, bool unlink_spools);
uint64_t segment_bytes(const struct segment *s);
/* Ends the segment that is being written and adds it. Waits. 0, -ECANCELED, -errno; after
 * a failure what was cut off is there all the same. */
int segments_cut(struct recording *rec, struct err *e);
/* Removes the first: it is in a file; it is not to be kept. */
void segments_past(struct recording *rec);
void segments_drop(struct recording *rec);
/* Adds up what two stretches of a stream have counted. */
void segment_stream_add(struct segment_stream *to, const struct segment_stream *s);

/* ---- keeper.c ---- */

/* After recorder_start. 0, -errno. */
int keeper_start(struct recording *rec, struct err *e);
/* Waits until what it has begun is done; what became of it stays known. Fine if there is none. */
void keeper_stop(struct recording *rec);
void keeper_release(struct recording *rec);

#endif
