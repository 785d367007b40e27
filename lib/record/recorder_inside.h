/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the recorder's files share: streams, batches, the queue between threads. */
#ifndef TRACECMD_RECORDER_INSIDE_H
#define TRACECMD_RECORDER_INSIDE_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "record/gaps.h"
#include "record/recorder.h"
#include "record/source.h"
#include "ring/ring.h"

#define PAUSE_US_DEFAULT 1000
#define WORKERS_ARRAY 8

/* Sub-buffers of one stream on their way to the spool. */
struct batch {
	struct batch *next;
	struct stream *st;
	uint64_t number;		/* in the stream */
	size_t len;			/* of the sub-buffers */
	unsigned flush;			/* all that was asked for by this flush is written with it; 0: none */
	struct gap_fixes fixes;
	/* room for a chunk header, the sub-buffers, and padding */
	uint8_t frame[] __attribute__((aligned(16)));
};

static inline uint8_t *batch_pages(struct batch *b)
{
	return b->frame + SPOOL_HEADER;
}

struct stream {
	struct recorder *rec;
	uint32_t number, cpu, page_size;
	struct ring_abi abi;
	struct source *source;		/* the reader's */
	int wake_fd;			/* wakes the reader: a flush was asked for */
	pthread_t thread;
	uint64_t next_batch;		/* the reader's: number of the next batch */
	struct gaps gaps;		/* the reader's, as the held batches are */
	struct batch *held_head, **held_tail;
	size_t nr_held;
	bool wait;			/* a gap has no number yet */
	bool careful;			/* the last take was with care */
	uint64_t turn;			/* under rec->order_lock: number of the batch to be written */
	struct spool *spool;		/* belongs to the worker whose turn it is */
	char *path;			/* of the first spool */
	/* Of a cut, under rec->order_lock. */
	struct spool *next;		/* NULL: none is asked for, or it is in use already */
	struct spool *done;		/* what was cut off */
	struct recorder_stats done_stats;
	atomic_uint flushed;		/* the last flush that is done */
	struct recorder_stats stats;	/* reader: pages, stalls; the others: whose turn it is */
};

struct worker {
	struct recorder *rec;
	pthread_t thread;
	int nice;
	bool full;			/* memory was almost in use at the last look */
};

struct recorder {
	struct recorder_opts opts;
	VEC(struct stream *) streams;
	struct worker workers[WORKERS_ARRAY];
	unsigned nr_workers;
	int base_nice;			/* the process's */
	uint32_t page_max;
	bool send_packed;
	size_t batch_bytes, batches_max;
	int stop_fd, alarm_fd, flushed_fd, size_fd;
	bool started;
	size_t readers_running, workers_running;
	atomic_bool stopping;
	atomic_bool stays_on;		/* buffers are filled while they are drained, for DRAIN_NS at most */
	atomic_bool ended;		/* nothing more is taken or written: an error, or max_bytes */
	atomic_uint flushes;		/* asked for so far */
	atomic_uint_fast64_t written;	/* bytes of all spools */
	atomic_uint_fast64_t taken;	/* what of the kernel's sub-buffers is in them, bytes */
	atomic_uint_fast64_t put_off;	/* bytes stored raw for want of CPU */
	cpu_set_t *cpus;		/* where threads run; NULL: anywhere */
	size_t cpus_size;		/* bytes of it */
	pthread_t sync_thread;
	bool syncing;			/* it runs */
	pthread_mutex_t sync_lock;	/* held while it uses a spool */
	atomic_uint_fast64_t tell_size;	/* of written: then size_fd is written; 0: never */
	unsigned generation;		/* of spools: the first has none in its name */

	/*
	 * Real-time readers must never wait for a worker that is not running.
	 * So this lock lends priority and is held for a few pointers only, and
	 * readers use semaphores: a condition variable has a lock inside that
	 * lends nothing (seen: 400 ms stalls under hackbench).
	 */
	pthread_mutex_t lock;		/* the lists */
	struct batch *queue_head, **queue_tail;
	struct batch *free_batches;
	sem_t queued;			/* batches in the queue, or workers to be ended */
	sem_t available;		/* batches that are free or may still be made */

	pthread_mutex_t order_lock;	/* the workers' turns, and all below */
	pthread_cond_t turn;
	struct err error;
	VEC(pid_t) tids;
	size_t uncut;			/* streams that a cut waits for */
	unsigned cut_flush;		/* the flush that cuts */
};

void *recorder_reader(void *stream);
void *recorder_worker(void *worker);
void *recorder_sync(void *recorder);
/* First thing a thread does: its name, its id, its CPUs. */
void recorder_thread_begin(struct recorder *rec, const char *name, unsigned number);
/* Nothing more is taken or written; raises the alarm. */
void recorder_end(struct recorder *rec);
/* The same, remembering the first error. */
void recorder_fail(struct recorder *rec, const struct err *e);
/* The batch marked by @flush is written: where a cut is asked for, the next spool's turn. Under
 * the lock. 0, or -errno: recording cannot go on. */
int stream_cut(struct stream *st, unsigned flush, struct err *e);
/* Moves what is counted of a spool to *ret. The readers' own numbers stay. */
void stats_take(struct recorder_stats *from, struct recorder_stats *ret);
/* Whether batch_get would have to wait. */
bool batch_scarce(struct recorder *rec);
/* A free batch; waits for one, counting that in *stalls. NULL: no memory. */
struct batch *batch_get(struct recorder *rec, uint64_t *stalls);
void batch_put(struct recorder *rec, struct batch *b);		/* back to the free ones */
void batch_submit(struct recorder *rec, struct batch *b);	/* to the workers */

#endif
