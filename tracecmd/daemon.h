/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --daemonize: the work goes to the background once it is running. */
#ifndef TRACECMD_DAEMON_H
#define TRACECMD_DAEMON_H

#include "command.h"

#define DAEMON_PID_FILE "/run/tracecmd-record.pid"

/*
 * Forks. Returns in the child only, in a session of its own; *ret_ready is a
 * descriptor for daemon_ready. The parent waits until that was called and ends
 * the process with 0, or with the child's status if that ended before. 0,
 * -errno (nothing was forked).
 */
int daemon_begin(int *ret_ready, struct err *e);
/* Writes the pid file and lets the parent go. A pid file that cannot be
 * written is told as a notice. */
void daemon_ready(int *ready);
void daemon_end(void);			/* removes the pid file */

#endif
