/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The traced command: looked up before anything is changed, forked early,
 * held until tracing is set up, executed by one execve.
 */
#ifndef TRACECMD_CHILD_H
#define TRACECMD_CHILD_H

#include <signal.h>
#include <sys/resource.h>

#include "command.h"

/* What will be run, and as whom. */
struct child_plan {
	char **argv;			/* the caller's */
	char *path;			/* of the program */
	const char *user;		/* NULL: as we are */
	char *home;
	uid_t uid;
	gid_t gid;
	struct rlimit files;		/* what it may have open: what we could at first */
	bool out_to_stderr;		/* the caller's wish: standard output is not the command's */
};

/*
 * Finds the program (in PATH if its name has no slash) and the user. Nothing
 * is started. 0, or -errno with @e telling which of both is unknown or not
 * allowed. Release in every case.
 */
int child_plan_make(struct child_plan *plan, char **argv, const char *user, struct err *e);
void child_plan_release(struct child_plan *plan);

struct child {
	pid_t pid;			/* 0: none */
	int pidfd;			/* readable once it has ended; -1 */
	int go, failure;		/* pipe ends; -1 */
};

#define CHILD_NONE ((struct child){ .pidfd = -1, .go = -1, .failure = -1 })

/* Called in the child right before it becomes the command; NULL: nothing is to be done. 0, -errno. */
typedef int (*child_ready_fn)(void *ctx, struct err *e);

/*
 * Forks the child, which waits for child_go. To be called while the process
 * has one thread only. @mask: the signal mask the command starts with. 0,
 * -errno.
 */
int child_fork(struct child *c, const struct child_plan *plan, const sigset_t *mask,
	       child_ready_fn ready, void *ctx, struct err *e);
/* Lets it run: the child calls @ready, takes the user's identity and executes
 * the program. 0 once that has worked, else -errno with the child's reason. */
int child_go(struct child *c, struct err *e);
/* Waits for its end. Its exit status, 128 + N if signal N killed it. */
int child_wait(struct child *c);
/* Lets it live on: child_release does not wait for it. */
void child_detach(struct child *c);
/* Ends a child that never ran, waits for one that did, closes what is open.
 * Fine for CHILD_NONE. */
void child_release(struct child *c);

#endif
