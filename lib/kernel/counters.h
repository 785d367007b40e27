/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events counted by the kernel itself, through perf_event_open(2): nothing is recorded,
 * nothing is lost, and nothing in tracefs is changed. A counter of a tracepoint is never
 * shared out among several (no multiplexing), so the numbers are exact.
 */
#ifndef TRACECMD_KERNEL_COUNTERS_H
#define TRACECMD_KERNEL_COUNTERS_H

#include "base/base.h"
#include "kernel/kernel.h"

struct kernel_counters;

/* One -e: what @pattern means (as -e of record), where @filter lets it through. */
struct kernel_count_ask {
	const char *pattern;
	const char *filter;		/* NULL: all */
};

enum kernel_count_of {
	KERNEL_COUNT_ALL,		/* what happens on any CPU */
	KERNEL_COUNT_OURS,		/* what happens in processes this one forks from now on, and those they
					 * fork, each from its first execve(2) on */
};
enum kernel_count_by { KERNEL_COUNT_BY_EVENT, KERNEL_COUNT_BY_CPU, KERNEL_COUNT_BY_TASK };

struct kernel_count_plan {
	const struct kernel_count_ask *asks;
	size_t nr_asks;
	enum kernel_count_of of;
	enum kernel_count_by by;
};

/*
 * Makes the counters; they stand still. An event that several patterns mean is counted for the
 * last of them, with its filter. @k, whose list of events is used, must live longer. 0; -ENOENT (a
 * pattern means no event; near ones are told), -EINVAL (a filter, or an event that perf cannot
 * count), -EACCES (perf_event_paranoid), -EMFILE, -errno.
 */
int kernel_counters_open(struct kernel *k, const struct kernel_count_plan *plan, struct kernel_counters **ret,
			 struct err *e);
/* ALL: counts from here on. OURS: nothing to do. 0, -errno. */
int kernel_counters_start(struct kernel_counters *c, struct err *e);
/* The numbers change no more. 0, -errno. */
int kernel_counters_stop(struct kernel_counters *c, struct err *e);
/* BY_TASK: takes what is in perf's rings, to make room; to be called every 20 ms or so. 0, -errno. */
int kernel_counters_drain(struct kernel_counters *c, struct err *e);
void kernel_counters_close(struct kernel_counters *c);

/* A number with what it is of. */
struct kernel_count {
	struct kernel_event event;
	uint64_t count;
	int cpu;			/* -1: not by CPU */
	pid_t tid;			/* -1: not by task, or there was no room to tell whose they are */
	const char *comm;		/* the task's last name; "" */
	bool named;			/* asked for by its very name, not by its system or a shell pattern */
	bool nanoseconds;		/* count is the sum of what the events tell, not their number */
};
struct kernel_counts {
	struct kernel_count *v;
	size_t nr, cap;
};
/*
 * After stop: by event in the order of the kernel's list, then by CPU or task. An event that did
 * not happen has one number, 0. Views that live as long as @c; @ret->v is the caller's. 0, -errno.
 */
int kernel_counters_read(struct kernel_counters *c, struct kernel_counts *ret, struct err *e);

#endif
