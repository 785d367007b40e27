/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * finish: lays spools and what is known of the kernel into a trace.dat. Chunks
 * are moved as they are; nothing is compressed twice.
 */
#ifndef TRACECMD_FINISH_H
#define TRACECMD_FINISH_H

#include "base/base.h"
#include "dat/dat.h"
#include "record/metadata.h"
#include "record/spool.h"

/* Where one CPU's chunks are. */
struct finish_cpu {
	uint32_t cpu;
	struct spool *const *spools;	/* one behind the other */
	size_t nr_spools;
	uint64_t from_ts;		/* chunks whose last event is earlier are left out; 0: none */
	uint64_t cut;			/* events that the spools have not got, behind those they have: the
					 * file says so; RING_LOST_UNKNOWN: some */
	uint64_t cut_ts;		/* when they begin; 0: right after what the spools have */
	uint64_t end_ts;		/* the trace clock at the recording's end, 0 if that cannot be told */
};

struct finish_buffer {
	const char *name;		/* "" is the top level */
	const char *clock;
	uint32_t page_size;
	const struct finish_cpu *cpus;	/* ascending */
	size_t nr_cpus;
	const struct buf *text;		/* a latency tracer's; then there are no CPUs */
};

/* Everything but the blocks; what is NULL or not set is left out of the file. */
struct finish {
	unsigned version;		/* 6 or 7 */
	const struct codec *codec;	/* the spools'; NULL: raw (always in version 6) */
	uint32_t cpus;			/* of the machine */
	unsigned kernel_long;		/* bytes: 4 or 8 */
	const struct metadata *metadata;
	struct dat_reader *head;	/* finish_head's file: what @metadata has not; or NULL */
	const char *const *hooks;	/* NULL-ended; NULL: none */
	bool has_date, has_offset;
	int64_t date_us, offset;
	const char *trace_clock;	/* text of trace_clock */
	const char *uname;		/* "system node release machine" */
	const char *writer;		/* program and version */
	bool has_trace_id;
	uint64_t trace_id;
	char *const *stats;		/* CPUSTAT texts, in order */
	size_t nr_stats;
	struct dat_tsc2nsec tsc2nsec;
	const struct dat_guest *guests;
	size_t nr_guests;
	/* [0] is the top level, empty if it was not recorded. */
	const struct finish_buffer *buffers;
	size_t nr_buffers;
};

/*
 * Writes a file without buffers: of version 7 all that is known before the first event,
 * of version 6 the metadata alone. 0, -errno.
 */
int finish_head(const struct finish *f, unsigned version, int fd, const char *name, struct err *e);
/* Writes the file front to back to @fd, which need not be seekable. 0, -errno. */
int finish_send(const struct finish *f, int fd, const char *name, struct err *e);
/* Writes the file to @fd, an empty file at its beginning; @name is for messages.
 * 0, -errno. */
int finish_write(const struct finish *f, int fd, const char *name, struct err *e);
/*
 * The same to @file, and the spools give back what it has: both together never need more than
 * a megabyte above what the larger of them needs. @sync: nothing is given back before
 * the disk has it. *ret_moved, also after a failure: the spools cannot do without the file,
 * which has got a name (new_file_link). 0, -errno.
 */
int finish_move(const struct finish *f, struct new_file *file, bool sync, bool *ret_moved, struct err *e);

#endif
