/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recorder: the threads between the kernel's buffers and the spools.
 *
 * One reader thread per stream (a CPU of an instance) collects sub-buffers in
 * batches; a batch goes through one queue to a small pool of workers, which
 * compress it and append it to the stream's spool, in order. Batches are a
 * fixed number of blocks of memory: a reader that finds none left waits, and
 * what the kernel overwrites meanwhile is counted by the kernel as lost.
 *
 *	recorder_new(), recorder_add() for each stream, recorder_start(),
 *	tracing on ... off, recorder_stop(), the spools are read, recorder_free()
 *
 * Signals: the threads run with all signals blocked.
 */
#ifndef TRACECMD_RECORDER_H
#define TRACECMD_RECORDER_H

#include <pthread.h>

#include "base/base.h"
#include "record/gaps.h"
#include "record/source.h"
#include "record/spool.h"

#define RECORDER_PACKED_BYTES (64u << 20)	/* before compression */

/* Sub-buffers of one CPU in order, for whoever takes them instead of spools. */
struct recorder_chunk {
	const uint8_t *pages;		/* whole ones */
	size_t len;
	uint32_t cpu, page_size;
	struct ring_abi abi;
	uint64_t first_ts, last_ts;	/* of the first one's head, of the last event */
	uint8_t *frame;			/* SPOOL_HEADER bytes to write on, then csize bytes: what a spool would get */
	size_t csize;
	const struct codec *codec;	/* of the frame; NULL: the sub-buffers as they are */
};

struct recorder_opts {
	const struct codec *codec;	/* of the chunks; NULL: raw */
	bool pack_later;		/* chunks are stored raw all the same */
	uint64_t spool_limit;		/* bytes kept per stream; 0: all */
	uint64_t max_bytes;		/* of all spools: the alarm is raised when they are reached; 0: no end */
	uint64_t cut_bytes;		/* it will be cut about so often; 0: at times */
	uint64_t pause_us;		/* a reader that found nothing rests so long; 0: 1000 */
	bool poll;			/* look every pause_us instead of waiting for the kernel's word */
	unsigned rt_priority;		/* SCHED_FIFO priority of the readers; 0: 1 where allowed */
	bool no_splice;
	uint64_t sync_s;		/* what is written reaches the disk so often; 0: whenever */
	/*
	 * Takes sub-buffers instead of spools, of which there are none then; each stream's (by its number
	 * among those that were added) in their order, but several streams' at the same time. 0; -errno:
	 * recording cannot go on.
	 */
	int (*send)(void *ctx, uint32_t stream, const struct recorder_chunk *c, struct err *e);
	void *send_ctx;
	const char *reader_cpus;	/* "0,2-3": where readers and workers run; NULL: anywhere */
	size_t memory;			/* bytes of all batches; 0: chosen by machine and streams */
	const struct notices *notices;
};

struct recorder_stream {
	int fd;				/* trace_pipe_raw, O_NONBLOCK; owned by the recorder */
	struct source *source;		/* another one instead, owned by the recorder; NULL: @fd */
	const char *spool_path;
	struct spool_info info;		/* strings are not kept */
	gaps_counters_fn counters;	/* the kernel's, for this CPU; may be NULL */
	void *counters_ctx;
};

/* What happened to one stream. */
struct recorder_stats {
	uint64_t pages;			/* sub-buffers taken from the kernel */
	uint64_t lost;			/* events the kernel counted as lost */
	uint64_t lost_unknown;		/* gaps of unknown size */
	uint64_t lost_untold;		/* events of the kernel's count that are in no gap of known size */
	uint64_t bad_pages;		/* sub-buffers that cannot be decoded */
	uint64_t discarded;		/* sub-buffers dropped after a failed write or max_bytes */
	uint64_t discarded_events;	/* that were in them; RING_LOST_UNKNOWN: some cannot be read */
	uint64_t first_discarded_ts;	/* time at the head of the first of them */
	bool unread;			/* it ended without all being taken from the kernel */
	bool uncounted;			/* the kernel's counters do not tell how many events it took */
	uint64_t stalls;		/* times the reader had to wait for memory */
	/* Of the gaps, by the trace clock; valid if there are any. */
	uint64_t gaps, largest_gap;	/* how many; events of the largest of known size */
	uint64_t first_gap_ts, last_gap_ts;	/* time of the event behind it */
};

/* Adds what happened later; pages, lost_untold, unread, uncounted and stalls, which belong to no spool, stay. */
void recorder_stats_add(struct recorder_stats *to, const struct recorder_stats *later);

struct recorder;

/* Files that a stream keeps open, its own fd among them. */
unsigned recorder_stream_files(const struct recorder_opts *opts);
int recorder_new(const struct recorder_opts *opts, struct recorder **ret, struct err *e);
/* Adds a stream and creates its spool, unless all is sent; before recorder_start. The fd or source is
 * taken over also on failure. 0, -errno. */
int recorder_add(struct recorder *rec, const struct recorder_stream *stream, struct err *e);
/* Starts the threads; returns when all of them run. 0, -errno (then none run). */
int recorder_start(struct recorder *rec, struct err *e);
/* The thread ids of readers and workers, valid after recorder_start. */
const pid_t *recorder_tids(const struct recorder *rec, size_t *ret_nr);
/* Bytes written, or being written, to the spools by now. At most a batch (an eighth of
 * max_bytes, a sub-buffer at least) more than max_bytes. */
uint64_t recorder_written(const struct recorder *rec);
/* Bytes of the sub-buffers that were written: what recorder_written was before compression. */
uint64_t recorder_taken(const struct recorder *rec);
/*
 * Has everything that is in the kernel's buffers now written to the spools, soon. What
 * is returned is for recorder_flushed. Never waits.
 */
unsigned recorder_flush(struct recorder *rec);
/* Whether that is done. Once recording cannot go on it may never be. */
bool recorder_flushed(const struct recorder *rec, unsigned flush);
/* Readable when a stream has been flushed; an eventfd, to be read by the caller. */
int recorder_flushed_fd(const struct recorder *rec);
/* What a stream wrote up to a cut. */
struct recorder_cut {
	struct spool *spool;		/* the caller's to close; NULL: the stream was not cut */
	struct recorder_stats stats;	/* of what is in it */
};
/*
 * Has all streams go on in new spools; what is in the kernel's buffers now is still in the
 * old ones. Waits for that. @ret: one for each stream, also after a failure. The
 * spools must have no limit. For one thread, between recorder_start and recorder_stop. 0,
 * -ECANCELED (recording cannot go on any more), -errno.
 */
int recorder_cut(struct recorder *rec, struct recorder_cut *ret, struct err *e);
/* Has recorder_size_fd, an eventfd the caller reads, tell when recorder_written reaches @bytes. */
void recorder_tell_size(struct recorder *rec, uint64_t bytes);
int recorder_size_fd(const struct recorder *rec);
/*
 * Starts a thread of the caller's that is one of the recorder's: hidden with them, on the same
 * CPUs. It begins with recorder_thread_begin (recorder_inside.h). After recorder_start,
 * for one thread. 0, -errno.
 */
int recorder_companion(struct recorder *rec, void *(*fn)(void *), void *arg, pthread_t *ret);
/* Becomes readable when recording cannot go on (disk full, max_bytes ...): time to stop. */
int recorder_alarm_fd(const struct recorder *rec);
/* What is sent is compressed, too: chunks of all streams together have no more than
 * RECORDER_PACKED_BYTES. Before recorder_start. */
void recorder_send_packed(struct recorder *rec);
/* Tracing could not be switched off: what fills the buffers still is not waited for by recorder_stop. */
void recorder_stays_on(struct recorder *rec);
/*
 * To be called after tracing was switched off: drains the kernel's buffers,
 * finishes all batches and ends the threads. 0, or the first error of any
 * stream (what was written before it is whole). Further calls do nothing.
 */
int recorder_stop(struct recorder *rec, struct err *e);

size_t recorder_nr_streams(const struct recorder *rec);
struct spool *recorder_spool(const struct recorder *rec, size_t i);	/* NULL: what came is sent */
/* Settled after recorder_stop. */
const struct recorder_stats *recorder_stream_stats(const struct recorder *rec, size_t i);
/* After recorder_stop: takes what remains of a stream, which is the caller's to close. */
void recorder_take(struct recorder *rec, size_t i, struct recorder_cut *ret);
/* Stops if need be; closes the spools, removing the files if @unlink_spools. */
void recorder_free(struct recorder *rec, bool unlink_spools);

#endif
