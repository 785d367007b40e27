/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process beside the one that changes the kernel's settings: if that one
 * ends without having put them back (SIGKILL, out of memory, a crash), this
 * one does; also if that one could not (no memory or descriptors left, an
 * error). It holds the locks on instances (kernel_instance_lock) as long.
 */
#ifndef TRACECMD_SUPERVISOR_H
#define TRACECMD_SUPERVISOR_H

#include <sys/types.h>

#include "command.h"
#include "kernel/kernel.h"

struct supervisor {
	pid_t pid;			/* 0: none */
	pid_t recorder;			/* whom it watches */
	int alive;			/* closed by our end, however that comes; -1 */
	int log;			/* the changes to undo (notes.h); -1 */
	char *note;			/* the log's path; NULL: in memory */
	int no_note;			/* why it is, -errno, until that is told; 0 */
	const char *spools;		/* what is recorded is there (left_find()); NULL: nowhere */
};

#define SUPERVISOR_NONE ((struct supervisor){ .alive = -1, .log = -1 })

/*
 * Forks it. To be called while the process has one thread only, and before
 * anything is changed: from then on it knows of every change of @k. It sleeps
 * until our end, so it leaves no events in a trace. Should we be killed, it says
 * what is left in @spools (NULL: nothing), which stays the caller's. 0, -errno.
 */
int supervisor_start(struct supervisor *s, struct kernel *k, const char *spools, struct err *e);
/* Should we be killed, it removes the file @path, if that is the one that has the name now. Best effort. */
void supervisor_own(const struct supervisor *s, const char *path);
/*
 * Should we be killed, it removes the files that were told with the first, if the second was called and the file
 * open as @fd has the name @path by then. Best effort.
 */
void supervisor_leftover(const struct supervisor *s, const char *path);
void supervisor_complete(const struct supervisor *s, int fd, const char *path);
/*
 * Ends it. @undo: why not all settings were put back, if its code is set: then the
 * supervisor tries that first; without success the note of them stays. @r: what the
 * command has come to, told in @e. Returns @r, or else -errno of settings that are
 * not put back; @e tells both. Fine for SUPERVISOR_NONE.
 */
int supervisor_end(struct supervisor *s, const struct err *undo, int r, struct err *e);
/*
 * Does @change, which stays, or nothing of it: also if we are killed in between. As supervisor_start. 0, -errno.
 */
int supervisor_change(struct kernel *k, int (*change)(void *ctx, struct err *e), void *ctx, struct err *e);

#endif
