/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_meta: the metadata of a trace.dat out of a perf.data file. Its tracing data are the front of
 * a version 6 file, header, formats, symbols, task names, but for the version, which is 0.6 (0.5: without task names).
 */
#ifndef TRACECMD_PERF_META_H
#define TRACECMD_PERF_META_H

#include "dat/dat.h"
#include "kernel/perf_tasks.h"
#include "record/perf_file.h"
#include "record/perf_stack.h"

struct perf_meta {
	struct dat_reader *reader;	/* of data */
	struct buf data;
	unsigned kernel_long;		/* size of a commit word: 4 or 8 */
	uint32_t page_size;
	unsigned user_long;		/* of a long in perf */
};

/* Release in every case. 0; -ENODATA: there are none; -EBADMSG, -EOPNOTSUPP; -errno. */
int perf_meta_open(struct perf_meta *m, const struct perf_file *f, struct err *e);
void perf_meta_release(struct perf_meta *m);

/*
 * CMDLINES: names that perf told, and for other tasks those of @saved (lines of the same kind; may be
 * empty). 0, -ENOMEM.
 */
int perf_meta_names(const struct perf_tasks *names, struct dat_text saved, struct buf *out);

/* What a file is to say besides. */
struct perf_meta_more {
	const struct perf_stacks *stacks;	/* their formats */
	const struct perf_tasks *names;
	const char *clock;			/* its name */
	const char *kallsyms;			/* path of a file; NULL: those of perf's file */
	const char *writer;			/* program and version */
	uint32_t cpus;				/* at least so many */
};
/* All that comes before the buffers. 0, -errno. */
int perf_meta_write(const struct perf_meta *m, const struct perf_file *f,
		    const struct perf_meta_more *more, struct dat_writer *w, struct err *e);

#endif
