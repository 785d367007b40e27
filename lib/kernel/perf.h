/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events recorded through perf's rings (perf_event_open(2)): nothing in tracefs is changed, nothing has
 * to be put back, and who is not root may record own processes where the kernel allows it. What to
 * record is a struct kernel_setup, of which the top level's events (-e, -f, --probe), processes (-P, -c,
 * -F), clock, size, and the options "stacktrace" and "userstacktrace" count.
 *
 *	kernel_perf_check()	names; nothing is opened
 *	kernel_perf_open()	events and rings; the events stand still
 *	kernel_perf_hide()	the recorder's own threads
 *	kernel_perf_start() ... kernel_perf_stop()
 *	kernel_perf_close()
 *
 * A ring may be read by a thread of its own; kernel_perf_names() by any.
 */
#ifndef TRACECMD_KERNEL_PERF_H
#define TRACECMD_KERNEL_PERF_H

#include "base/base.h"
#include "kernel/setup.h"

struct kernel_perf;

/* Probes of the setup are to be made by perf from here on. 0, -errno with near matches. */
int kernel_perf_check(struct kernel *k, struct kernel_setup *s, struct err *e);
/*
 * Opens the events of a setup that was checked, for each CPU, and maps a ring for each. @command: a
 * process that waits to execute the traced command, where that is followed (-F): its events begin
 * with that; else 0. @k and @s must live longer. 0; -EACCES, -EPERM with the rule that stands in the
 * way and what would be allowed; -EINVAL (a filter; an event or clock that perf has not), -EMFILE,
 * -errno.
 */
int kernel_perf_open(struct kernel *k, struct kernel_setup *s, pid_t command, struct kernel_perf **ret,
		     struct err *e);
/* What these threads (one at least) do is not recorded, where all processes are. -f gets its place then.
 * To be called once. 0, -errno. */
int kernel_perf_hide(struct kernel_perf *p, const pid_t *tids, size_t nr, struct err *e);
int kernel_perf_start(struct kernel_perf *p, struct err *e);	/* 0, -errno */
/* Nothing is recorded any more; what is in the rings stays. 0, -errno. */
int kernel_perf_stop(struct kernel_perf *p, struct err *e);
void kernel_perf_close(struct kernel_perf *p);

/* The name of the trace clock that times are of. */
const char *kernel_perf_clock(const struct kernel_perf *p);
/* The attribute (struct perf_event_attr) by which samples of all rings lie. */
const void *kernel_perf_attr(const struct kernel_perf *p, size_t *ret_size);
/*
 * Whether records of the event with that id (PERF_SAMPLE_IDENTIFIER) have another common_type in the
 * file than here. False: no.
 */
bool kernel_perf_type(const struct kernel_perf *p, uint64_t id, uint16_t *ret);

/* ---- rings: one for each CPU --------------------------------------------------- */

size_t kernel_perf_nr_rings(const struct kernel_perf *p);
uint32_t kernel_perf_ring_cpu(const struct kernel_perf *p, size_t i);	/* ascending */
size_t kernel_perf_ring_bytes(const struct kernel_perf *p, size_t i);
/* A descriptor that becomes readable when the ring is filled to some part; -1: none does any more. */
int kernel_perf_ring_fd(const struct kernel_perf *p, size_t i);
/*
 * To be called by the ring's reader when it found nothing: has that descriptor be one of a task that
 * lives. False: something has come meanwhile, which the descriptor will not tell again.
 */
bool kernel_perf_idle(struct kernel_perf *p, size_t i);
/* Appends what is in the ring, whole records, and gives the room back; names of tasks are kept
 * aside. 0, -ENOMEM, -errno. */
int kernel_perf_take(struct kernel_perf *p, size_t i, struct buf *to);
/* How full it is, per cent. */
unsigned kernel_perf_fill(const struct kernel_perf *p, size_t i);
/* How many records found no room in it so far. False: the kernel does not count them (before 6.0). */
bool kernel_perf_lost(const struct kernel_perf *p, size_t i, uint64_t *ret);

/* Appends the names of tasks, "TID NAME" lines. 0, -ENOMEM. */
int kernel_perf_names(struct kernel_perf *p, struct buf *ret);

#endif
