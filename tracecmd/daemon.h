/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --daemonize, -D: the work goes to the background once it is running. */
#ifndef TRACECMD_DAEMON_H
#define TRACECMD_DAEMON_H

#include "command.h"

#define DAEMON_PID_FILE "/run/tracecmd-record.pid"

/*
 * Forks. Returns in the child only, in a session of its own; *ret_ready is a
 * descriptor for daemon_ready. The parent waits until that was called and ends
 * the process with 0, or with the child's status if that ended before. @what: what a signal
 * stops, for the parent's words. 0, -errno (nothing was forked).
 */
int daemon_begin(const char *what, int *ret_ready, struct err *e);
/* Lets the parent go. */
void daemon_ready(int *ready);

/* A file with our process id, as long as the work lasts; { 0 } is none. */
struct pid_file {
	struct new_file file;
	char *path;
	bool wanted, there;
};
/*
 * Makes sure that it can be written; it appears with pid_file_write. @path NULL: the @usual
 * place, which is done without, after a notice, where it cannot be written. 0, -errno.
 */
int pid_file_open(struct pid_file *p, const char *path, const char *usual, struct err *e);
/* Fine, and nothing, for { 0 }. 0, -errno. */
int pid_file_write(struct pid_file *p, struct err *e);
/* Removes it, unless it has become another process's. Fine for { 0 }. */
void pid_file_remove(struct pid_file *p);

#endif
