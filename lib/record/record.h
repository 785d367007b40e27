/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record: from a kernel's buffers to a file. One reader thread per CPU and
 * buffer hands whole sub-buffers to a small compression pool, which appends
 * self-describing chunks to per-CPU spools; finishing moves the chunks into a
 * trace.dat.
 *
 *	kernel_setup_apply()	what is to be traced (lib/kernel/setup.h)
 *	recording_new()		spools made, buffers opened
 *	recording_start()	threads run, hidden from the trace
 *	kernel_setup_tracing()	on ... off
 *	recording_stop()	buffers drained, counters read
 *	recording_save()	the file
 *	recording_free()
 *	kernel_undo()
 */
#ifndef TRACECMD_RECORD_H
#define TRACECMD_RECORD_H

#include "base/base.h"
#include "dat/codec.h"
#include "dat/dat.h"
#include "kernel/kernel.h"
#include "kernel/perf.h"
#include "kernel/setup.h"
#include "record/recorder.h"

#define RECORD_SHARES 8			/* of what is kept last: segments are one of so many */

struct record_opts {
	unsigned version;		/* of the file: 6 or 7 */
	const struct codec *codec;	/* of the file; NULL: none, also for version 6 */
	/* Spools are BASE.cpuN, BASE.INSTANCE.cpuN; what the file says besides is in
	 * BASE.meta from the start (record/head.h). */
	const char *spool_base;
	const char *raw_file;		/* "trace_pipe_raw", "snapshot_raw" */
	struct kernel_perf *perf;	/* its rings are recorded instead, as the top level; NULL: none */
	bool with_top;			/* the top level too, whatever the setup asks of it */
	struct recorder_opts recorder;	/* its codec is taken from above */
	const char *writer;		/* program and version, for the file */
	uint64_t trace_id;		/* of the file; 0: made up */
	const struct dat_guest *guests;	/* recorded along with this machine, for the file */
	size_t nr_guests;
	const char *const *hooks;	/* HOOK options, NULL-ended; NULL: none */
	bool has_date, has_offset;
	int64_t date_us, offset;	/* DATE and OFFSET options */
	struct dat_tsc2nsec tsc2nsec;
	/*
	 * While it goes on parts may be made, files named after @parts_of (record/parts.h); NULL:
	 * none. They are made when they are asked for, and when one has @rotate_bytes or @rotate_ns
	 * have passed: then what is in them is forgotten, and of such parts the last
	 * @keep_parts stay (0: all). Else what is older than @last_ns, or more than @last_bytes on
	 * the disk, is dropped. 0: no such limit. Not together with a limit of spools.
	 */
	const char *parts_of;
	uint64_t rotate_bytes, rotate_ns, keep_parts;
	uint64_t last_bytes, last_ns;
	const struct notices *notices;
};

struct recording;

/*
 * Opens the buffers of all instances of @setup that take part and creates the
 * spools. Instances with a latency tracer have none: their text is read by
 * recording_stop. @k, @setup and what @opts points to must outlive the recording.
 */
int recording_new(struct kernel *k, struct kernel_setup *setup, const struct record_opts *opts,
		  struct recording **ret, struct err *e);
/* Room that the file should find on the disk, though that is full then. */
uint64_t recording_reserve_bytes(const struct recording *rec);
/* A thread of the caller's, which is hidden from the trace with the recorder's. Before recording_start. 0, -errno. */
int recording_hide(struct recording *rec, pid_t tid, struct err *e);
/* Starts the threads and hides them from the trace. */
int recording_start(struct recording *rec, struct err *e);
/* As recorder_flush, recorder_flushed and recorder_flushed_fd. */
unsigned recording_flush(struct recording *rec);
bool recording_flushed(const struct recording *rec, unsigned flush);
int recording_flushed_fd(const struct recording *rec);
/*
 * Of latency tracers: keeps the text of the longest latency so far for the file, and has
 * the next one searched for from zero. 0, -EOPNOTSUPP if there is none, -errno.
 */
int recording_snapshot(struct recording *rec, struct err *e);
/*
 * With a threshold (--tracing-thresh), where the kernel tells: readable when a latency tracer has found a latency. -1:
 * it does not. recording_latency then keeps its text; how many there was no room for is in recording_latencies_left.
 */
#define RECORD_TEXTS_MAX_MB 64
int recording_latency_fd(const struct recording *rec);
void recording_latency(struct recording *rec);
uint64_t recording_latencies_left(const struct recording *rec);
/*
 * Asks for a part: of all that is kept, with what is in the kernel's buffers now, from
 * @since_ns (monotonic_ns; 0: all of it) on. @forget: it is not kept any longer then. Never
 * waits; a ticket for recording_part_done, or 0: there are no parts.
 */
unsigned recording_ask_part(struct recording *rec, bool forget, uint64_t since_ns);
/*
 * 1: it is complete, its path is appended; 0: not yet (recording_flushed_fd tells). -errno: why it was not made;
 * -ECANCELED: recording ended before; -ESTALE: it is too long ago. Also after recording_stop.
 */
int recording_part_done(const struct recording *rec, unsigned ticket, struct buf *path, struct err *e);
/* The file made at the end begins there, of what is kept. Before recording_stop. */
void recording_since(struct recording *rec, uint64_t since_ns);
/* Bytes that were dropped because they were not to be kept. After recording_stop. */
uint64_t recording_dropped(const struct recording *rec);
/* How it goes: all CPUs together, by the kernel's counters. */
struct recording_progress {
	uint64_t events;		/* written by the kernel so far */
	uint64_t lost;
	uint64_t spooled;		/* bytes on the disk */
	uint64_t taken;			/* these before compression */
	unsigned fill;			/* per cent of the fullest buffer */
};
void recording_progress(const struct recording *rec, struct recording_progress *ret);
/* Readable when recording cannot go on: time to stop. */
int recording_alarm_fd(const struct recording *rec);
/* What the kernel held of @in was thrown away, as with another size of sub-buffers: the file tells a loss
 * of unknown size at the end. Before recording_stop. */
void recording_thrown_away(struct recording *rec, const struct kernel_instance *in);
/* Of a recording whose sub-buffers are sent: compressed ones. Before it is started. */
void recording_send_packed(struct recording *rec);
/* Says in the file, with what the kernel counted of @in, that events are missing. @why: a line, which is
 * copied. What cannot be kept for want of memory is left out. Before recording_stop. */
void recording_missing(struct recording *rec, const struct kernel_instance *in, const char *why);
/* Tracing could not be switched off: recording_stop takes no longer than a moment to drain buffers. */
void recording_stays_on(struct recording *rec);
/* After tracing was switched off. 0, or the first error of any thread: the
 * recording is whole up to it and can be saved. */
int recording_stop(struct recording *rec, struct err *e);
/*
 * Collects what the file says of the kernel and writes the file, not committed yet, while
 * the spools give their room back. *ret_moved, also after a failure: they refer to the file,
 * which is to stay until they are removed (new_file_abandon).
 */
int recording_save(struct recording *rec, struct new_file *file, bool *ret_moved, struct err *e);
/* The same, front to back, to a descriptor that need not be seekable (a pipe). */
int recording_send(struct recording *rec, int fd, const char *name, struct err *e);
/*
 * Of a recording whose sub-buffers are sent (recorder.send): writes the front of a file to @fd, all that
 * is known by now; before it starts, or after it has stopped. @version: 7, or 6: the metadata
 * alone. 0, -errno.
 */
int recording_front(struct recording *rec, unsigned version, int fd, const char *name, struct err *e);
/* Closes; @unlink_spools: removes the spools. */
void recording_free(struct recording *rec, bool unlink_spools);

/* Bytes of all spools on the disk. */
uint64_t recording_disk_bytes(const struct recording *rec);
/*
 * Once it is stopped: calls @fn with each file that recording_free would remove, in the order in which that
 * does it.
 */
void recording_each_file(const struct recording *rec, void (*fn)(void *ctx, const char *path), void *ctx);
/* The first spool's path, to tell where they are; NULL if there are none. */
const char *recording_spool_path(const struct recording *rec);
/* Whether somebody has removed that one's file; not if it was moved. */
bool recording_spool_is_removed(const struct recording *rec);

/* What one CPU's buffer went through; settled after recording_stop. */
struct recording_cpu {
	const char *instance;
	uint32_t cpu;
	struct recorder_stats stats;
	uint64_t overrun;		/* events overwritten before they were read */
	uint64_t commit_overrun;	/* events lost because they nested too deep */
	uint64_t dropped;		/* events refused by a full buffer (overwrite off) */
	uint64_t read;			/* events taken from the kernel */
	uint64_t unread;		/* events left in its buffer, as recording could not go on */
	uint64_t buffer_kb;		/* size of its buffer; 0: unknown */
	uint32_t page_size;		/* of its sub-buffers */
	const char *clock;		/* what times are by */
};
size_t recording_nr_cpus(const struct recording *rec);
void recording_cpu(const struct recording *rec, size_t i, struct recording_cpu *ret);

/*
 * What turns x86-tsc into nanoseconds: the kernel's own numbers, from the page
 * perf shows. 0, -EOPNOTSUPP or another -errno.
 */
int record_tsc2nsec(struct dat_tsc2nsec *ret, struct err *e);

/*
 * Microseconds from the trace clock @clock (its name; "": unknown) to the wall clock,
 * measured by markers written to an instance of its own, which is removed
 * again. @tsc2nsec applies if it is present. 0, -errno.
 */
int record_measure_date(struct kernel *k, const char *clock, const struct dat_tsc2nsec *tsc2nsec,
			int64_t *ret_us, struct err *e);

#endif
