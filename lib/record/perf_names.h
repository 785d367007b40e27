/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_names: the names of tasks, which perf tells whenever one changes, as a trace.dat has them: one
 * for each task, the last.
 */
#ifndef TRACECMD_PERF_NAMES_H
#define TRACECMD_PERF_NAMES_H

#include "base/base.h"
#include "dat/dat.h"

struct perf_name;

struct perf_names {
	VEC(struct perf_name) v;
	struct map by_task;		/* index into v */
};

/* The task @tid has that name from @time on. Any order of times will do. Copied. 0, -ENOMEM. */
int perf_names_set(struct perf_names *n, uint32_t tid, uint64_t time, const char *name);
/* @tid was made by @parent, and has its name until it gets one of its own. 0, -ENOMEM. */
int perf_names_fork(struct perf_names *n, uint32_t tid, uint32_t parent, uint64_t time);
/*
 * CMDLINES: these names, and for other tasks those of @saved (lines of the same kind; may be empty).
 * 0, -ENOMEM.
 */
int perf_names_text(const struct perf_names *n, struct dat_text saved, struct buf *out);
void perf_names_release(struct perf_names *n);

#endif
