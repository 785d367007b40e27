/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between counters.c and counters_tasks.c. */
#ifndef TRACECMD_KERNEL_COUNTERS_INTERNAL_H
#define TRACECMD_KERNEL_COUNTERS_INTERNAL_H

#include "kernel/counters.h"

/* Counts of each task, from perf's rings. */
struct count_tasks;

/* What samples are to hold. */
#define COUNT_TASKS_SAMPLE (PERF_SAMPLE_TID | PERF_SAMPLE_ID | PERF_SAMPLE_PERIOD)

int count_tasks_new(struct count_tasks **ret);			/* 0, -ENOMEM */
void count_tasks_free(struct count_tasks *t);
/* Maps a ring for the counter @fd; others of its CPU are sent there. 0, -errno. */
int count_tasks_map(struct count_tasks *t, int fd);
/* Tells which event the kernel's name @id for a counter means. 0, -ENOMEM. */
int count_tasks_name(struct count_tasks *t, uint64_t id, uint32_t event);
/* Learns the names of all tasks there are. 0, -ENOMEM. */
int count_tasks_see_all(struct count_tasks *t);
/* Takes what is in the rings. 0, -ENOMEM, -errno. */
int count_tasks_drain(struct count_tasks *t);
/* Adds those of event @nr to @ret, by task, as @like otherwise; their sum. Once for each event, in order. 0, -ENOMEM. */
int count_tasks_add(struct count_tasks *t, uint32_t nr, const struct kernel_count *like,
		    struct kernel_counts *ret, uint64_t *ret_sum);

#endif
