/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settings of recorded buffers that others change while they are recorded, so that events
 * are missing or cannot be read. Each write is heard of (inotify(7), which works in
 * tracefs as in any file system); what the kernel does by itself, as its traceoff triggers, is
 * seen where somebody looks.
 */
#ifndef TRACECMD_KERNEL_WATCH_H
#define TRACECMD_KERNEL_WATCH_H

#include "kernel/setup.h"

struct kernel_watch;

enum kernel_disturbance {
	KERNEL_UNDISTURBED,
	KERNEL_TOUCHED,			/* somebody wrote to tracing_on, or to the sub-buffers' size */
	KERNEL_PAUSED,			/* tracing was off for a while, or is */
	KERNEL_EMPTIED,			/* somebody wrote to trace or trace_clock: both empty the buffer */
	KERNEL_RESIZED,			/* the sub-buffers have another size than they had */
};

/* From now on, of all buffers that are recorded. What cannot be heard is looked for. 0, -ENOMEM. */
int kernel_watch_open(const struct kernel_setup *s, struct kernel_watch **ret, struct err *e);
void kernel_watch_close(struct kernel_watch *w);		/* NULL: nothing */
/* Readable when something was written; -1: nothing can be heard. */
int kernel_watch_fd(const struct kernel_watch *w);
/* Hears and looks. The worst so far. */
enum kernel_disturbance kernel_watch_look(struct kernel_watch *w);
/* The worst so far of each buffer that was disturbed. @when: the time on its clock when that was heard of
 * first, as the kernel prints it; "" if it does not tell. */
typedef void (*kernel_disturbed_fn)(void *ctx, const struct kernel_instance *in, enum kernel_disturbance what,
				    const char *when);
void kernel_watch_each(const struct kernel_watch *w, kernel_disturbed_fn each, void *ctx);

#endif
