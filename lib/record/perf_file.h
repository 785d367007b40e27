/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_file: what a perf.data file says besides its records. Source of facts: the kernel's
 * tools/perf/Documentation/perf.data-file-format.txt, and files that perf wrote.
 *
 *	0	"PERFILE2"; from big-endian machines the other way round
 *	8	u64	size of this header: 104; 16 where perf wrote to a pipe
 *	16	u64	size of an attribute with the place of its ids (two u64: offset, size)
 *	24		attributes, records, event types: offset and size of each
 *	72	u64[4]	which features there are; their places stand behind the records
 *
 * What perf writes to a pipe has nothing behind the first 16 bytes but records; some of them
 * bring what otherwise stands in sections, before it is needed.
 */
#ifndef TRACECMD_PERF_FILE_H
#define TRACECMD_PERF_FILE_H

#include "base/base.h"
#include "kernel/perf_sample.h"

/* Records of perf's own; the kernel's are below 64. */
enum {
	PERF_USER_FIRST = 64,
	PERF_USER_ATTR = 64,		/* an attribute, then its ids */
	PERF_USER_TRACING_DATA = 66,	/* u32 size; behind the record as many bytes, in steps of 8 */
	PERF_USER_FINISHED_ROUND = 68,
	PERF_USER_ID_INDEX = 69,	/* u64 number; id, index, cpu, task, u64 each */
	PERF_USER_AUXTRACE = 71,	/* u64 size; behind the record as many bytes */
	PERF_USER_FEATURE = 80,		/* u64 which, then what the section would have */
	PERF_USER_COMPRESSED = 81,	/* a stretch of a zstd stream of records */
	PERF_USER_COMPRESSED2 = 83,	/* the same behind a u64, its length */
};

#define PERF_CPU_NONE UINT32_MAX

struct perf_event_kind {
	struct perf_attr attr;
	char *name;			/* "sched:sched_switch"; NULL: not told */
	uint64_t samples;		/* the user's */
};

struct perf_event_id {
	uint32_t kind;			/* index into kinds */
	uint32_t cpu;			/* whose ring it has; PERF_CPU_NONE: not told */
	uint64_t lost;			/* the user's */
};

struct perf_file {
	int fd;				/* the caller's */
	const char *name;		/* the same */
	bool big_endian;
	bool pipe;			/* all is in the records */
	uint64_t size;			/* of the file, unless pipe */
	uint64_t data, data_size;	/* where the records are */
	VEC(struct perf_event_kind) kinds;
	VEC(struct perf_event_id) ids;
	struct map id_map;		/* id to index into ids */
	/* features; NULL: not told */
	char *hostname, *release, *version, *arch, *cmdline;
	uint32_t cpus;			/* 0: not told */
	struct buf tracing;		/* perf's tracing data; empty: there are none */
	uint64_t tracing_at;		/* where they lie */
};

/*
 * Reads what stands before the records of the file that @fd begins with. Release in every case.
 * 0; -EBADMSG or -EOPNOTSUPP, told with the offset; -errno.
 */
int perf_file_open(int fd, const char *name, struct perf_file *ret, struct err *e);
void perf_file_release(struct perf_file *f);
/* Whether @magic, a file's first 8 bytes, are of a perf.data file (also of one that cannot be read). */
bool perf_file_is(const void *magic);

/* A record that stands for a section: PERF_USER_ATTR, _FEATURE, _ID_INDEX. 0, -EBADMSG, -ENOMEM. */
int perf_file_record(struct perf_file *f, const struct perf_record *r, struct err *e);
/* The event @r is of, and its id if it has one (else NULL). NULL: it is of none that is known. */
struct perf_event_kind *perf_file_kind(struct perf_file *f, const struct perf_record *r,
				       struct perf_event_id **ret_id);
/* Ids lie where any attribute says; several events need them. 0, -EBADMSG. */
int perf_file_check_ids(const struct perf_file *f, struct err *e);

#endif
