/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_tasks: the names of tasks as perf tells them, whenever one is given (PERF_RECORD_COMM) and
 * whenever a task is made (_FORK), and of tasks that were there before, from /proc. Rings may be
 * drained in any order: times tell what holds at the end. Records without a time count as they come.
 */
#ifndef TRACECMD_KERNEL_PERF_TASKS_H
#define TRACECMD_KERNEL_PERF_TASKS_H

#include "base/base.h"
#include "kernel/perf_sample.h"

struct perf_named;

/* { 0 } is empty. */
struct perf_tasks {
	struct map by_tid;		/* indexes into v */
	struct perf_named *v;
	size_t nr, cap;
};
void perf_tasks_release(struct perf_tasks *t);

/* The task @tid has that name from @time on. Copied, 63 letters at most. 0, -ENOMEM. */
int perf_tasks_name(struct perf_tasks *t, uint32_t tid, uint64_t time, const char *name);
/* @tid was made by @parent, and has its name until it gets one of its own. 0, -ENOMEM. */
int perf_tasks_fork(struct perf_tasks *t, uint32_t tid, uint32_t parent, uint64_t time);
/* Takes such a record; of others nothing. 0, -EBADMSG, -ENOMEM. */
int perf_tasks_take(struct perf_tasks *t, const struct perf_attr *a, const struct perf_record *rec,
		    struct err *e);
/* Asks /proc for a name that no record has told. 0, -ENOMEM. */
int perf_tasks_see(struct perf_tasks *t, uint32_t tid);
/* The same for all tasks there are now. 0, -ENOMEM. */
int perf_tasks_see_all(struct perf_tasks *t);

/* Its name, or that of whoever it comes from; "" if neither is known. */
const char *perf_tasks_comm(const struct perf_tasks *t, uint32_t tid);
/* Appends "TID NAME" lines of all that have one, but for the idle tasks (0). 0, -ENOMEM. */
int perf_tasks_text(const struct perf_tasks *t, struct buf *ret);

#endif
