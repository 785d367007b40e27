/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files that ask perf for something share: perf_open.c and perf_ring.c under
 * counters*.c (counting) and perf*.c (recording).
 */
#ifndef TRACECMD_KERNEL_PERF_INTERNAL_H
#define TRACECMD_KERNEL_PERF_INTERNAL_H

#include <linux/perf_event.h>

#include "kernel/internal.h"
#include "kernel/perf_tasks.h"

/* ---- perf_open.c: events ------------------------------------------------------------- */

#define PERF_SPARE_FILES 64		/* open besides those of perf */

/* What is wanted of perf, for messages. */
struct perf_wish {
	const char *verb;		/* "count" */
	bool all;			/* what all processes do */
};

/* The number of a tracepoint's event. 0, -errno. */
int perf_event_number(struct kernel *k, const struct kernel_event *ev, uint64_t *ret, struct err *e);
/* Those that perf gives a weight: sched_stat_wait, _sleep, _iowait, _blocked, _runtime. */
bool perf_is_weighed(const struct kernel_event *ev);
/* Whether a pattern of -e is its very name, not its system or a shell pattern. */
bool perf_is_named(const struct kernel_event *ev, const char *pattern);
/* perf_event_open(2). A descriptor, -errno. */
int perf_open(const struct perf_event_attr *attr, pid_t pid, int cpu);
/* Tells why that failed. Returns @code. */
int perf_told_open(const struct perf_wish *wish, const struct kernel_event *ev, int code, struct err *e);
/* perf_event_paranoid; false: the kernel does not tell. */
bool perf_paranoid(int64_t *ret);
/* Gives an open event its filter; a refused one is told with the event's fields. 0, -errno. */
int perf_set_filter(struct kernel *k, const struct kernel_event *ev, int fd, const char *filter, struct err *e);

/* ---- perf_ring.c: what the kernel writes --------------------------------------------- */

struct perf_ring {
	struct perf_event_mmap_page *page;	/* NULL: none */
	size_t size;			/* of the data behind it */
	size_t page_size;
};
/*
 * Maps a ring for the event @fd: a power of two of pages that holds @want bytes, or what is allowed
 * of that, but not less than @min. 0, -errno.
 */
int perf_ring_map(struct perf_ring *ring, int fd, size_t want, size_t min);
void perf_ring_unmap(struct perf_ring *ring);	/* fine for { 0 } */
/* Appends what is in it, whole records, and gives the room back. 0, -ENOMEM (it stays). */
int perf_ring_take(struct perf_ring *ring, struct buf *to);

/* ---- perf_events.c: what is to be recorded, and what may be ----------------------------- */

struct perf_chosen {
	struct kernel_event ev;
	uint64_t id;			/* of a tracepoint */
	const char *filter;		/* NULL: none */
	const struct kernel_event_ask *probe;	/* perf makes it; NULL: a tracepoint */
};
struct perf_choice {
	struct perf_chosen *v;
	size_t nr, cap;
};
/* Each event of the setup once, with the filter of the last ask for it. 0, -ENOENT: none is left; -errno. */
int perf_choose(struct kernel *k, const struct kernel_setup *s, struct perf_choice *ret, struct err *e);
/*
 * The kernel's functions, each as it is called: an event that only perf has. It has a filter of its own
 * ("ip == vfs_read"), which knows no processes.
 */
#define PERF_FUNCTIONS "ftrace:function"
bool perf_is_functions(const struct perf_chosen *ch);
/* Whether its records are of what programs do, so that perf has them without the kernel's side. */
bool perf_is_of_programs(struct kernel *k, const struct perf_chosen *ch);

/* What was asked for, where the kernel refused it. */
struct perf_refused {
	const struct perf_chosen *ch;
	bool all;			/* what all processes do */
	bool kernel_stacks, stacks;	/* of the kernel; of programs */
	pid_t tid;			/* of a task; 0: the command, or all */
};
/* Tells which rule stands in the way, and what would be allowed. Returns @code. */
int perf_told_refused(const struct perf_refused *what, int code, struct err *e);

/* ---- perf_probe.c: events that perf makes --------------------------------------------- */

/* Fits a definition to this kernel: kprobes, uprobes and their returns, without arguments. 0, -errno. */
int perf_probe_fit(struct kernel *k, struct kernel_dyn_def *def, struct err *e);
/* Appends the format of its records. 0, -errno. */
int perf_probe_format(struct kernel *k, const struct kernel_event_ask *ask, struct buf *ret);
/*
 * What perf_event_open takes of such an event. *@owned, which @attr points to or to @def, is the
 * caller's to free once that is called. 0, -errno.
 */
int perf_probe_attr(const struct kernel_dyn_def *def, struct perf_event_attr *attr, char **owned, struct err *e);
/* Tells that perf could not make it, with near names of a symbol that is not there. Returns @code. */
int perf_told_probe(struct kernel *k, const struct kernel_dyn_def *def, int code, struct err *e);

#endif
