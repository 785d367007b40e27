/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for the end of a recording: for the command, for processes, for
 * signals, for trouble; all in one poll, so that nothing is slept through.
 */
#ifndef TRACECMD_RECORD_WAIT_H
#define TRACECMD_RECORD_WAIT_H

#include <signal.h>

#include "child.h"
#include "control_server.h"
#include "kernel/watch.h"
#include "record/record.h"
#include "record_live.h"
#include "record_trigger.h"
#include "remote/remote.h"

/* Processes named by -P. */
struct watched {
	VEC(struct watched_pid { pid_t pid; int fd; }) v;	/* fd -1: a thread, or ended */
};
/* Opens all pids of the setup. -ESRCH with the pid if one does not exist. */
int watched_open(struct watched *w, const struct kernel_setup *setup, struct err *e);
void watched_close(struct watched *w);

/* A notice of threads that have begun in processes that -F or -P named, and were not traced. */
void threads_left_out_tell(struct kernel_setup *s, const struct notices *to);

/*
 * INT, TERM, HUP, QUIT, USR1 and USR2 are taken by a descriptor from now on (in this
 * thread and those it makes), PIPE is ignored. @ret_mask: the mask before, for
 * the command. The descriptor, or -errno.
 */
int stop_signals_take(sigset_t *ret_mask, struct err *e);
/*
 * While the file is finished: the third signal of all, @seen of which have come, ends
 * the process on the spot. What is on the disk stays, the supervisor does its work.
 */
void stop_signals_last(int fd, unsigned seen);
/* From then on: how many have come. */
unsigned stop_signals_seen(void);

/* Why a recording ended. */
enum record_end {
	RECORD_END_COMMAND,		/* the command ended */
	RECORD_END_PIDS,		/* all watched processes did */
	RECORD_END_SIGNAL,		/* a signal, without a command or a second one */
	RECORD_END_ALARM,		/* the recorder, or the listener, cannot go on */
	RECORD_END_LIMIT,		/* of time or size */
	RECORD_END_HOST,		/* the host that asked for it wants no more */
	RECORD_END_TRIGGER,		/* it fired, and that is to be the end */
	RECORD_END_RESIZED,		/* somebody changed the sub-buffers' size: what comes cannot be read */
	RECORD_END_UNREAD,		/* nobody takes what is printed */
	RECORD_END_BLIND,		/* its end would not be noticed */
};

/* What is done while waiting. */
struct record_watch {
	unsigned tick_ms;		/* how often; 0: never */
	bool (*tick)(void *ctx);	/* true: a limit is reached */
	void (*flush)(void *ctx);	/* USR1 came */
	void (*save)(void *ctx);	/* USR2 came */
	void *ctx;
	struct control *control;	/* is served; NULL: there is none */
	struct record_trigger *trigger;	/* the same */
	struct sender *listener;	/* its end is that of the recording; NULL: there is none */
	struct record_live *live;	/* what is printed meanwhile; NULL: nothing */
	struct kernel_watch *kernel;	/* what others change; NULL: nobody looks */
	struct recording *latencies;	/* keeps those that are found; NULL: none are looked for */
	struct kernel_setup *setup;	/* counts threads that are left out; NULL: nothing is set up here */
};

/*
 * Waits. @child: its pid is 0 if there is no command; then a signal or the
 * end of all @watched ends the recording. With a command the first signal
 * sends it SIGTERM, the second one stops waiting. @alarm_fd: the recorder's.
 * @watch: NULL: nothing else is done. *seen counts the signals that end things; if
 * some have come before, the command was sent SIGTERM.
 * @e is set for RECORD_END_BLIND only.
 */
enum record_end record_wait(const struct child *child, struct watched *watched, int signal_fd,
			    int alarm_fd, const struct record_watch *watch, unsigned *seen,
			    struct err *e);

#endif
