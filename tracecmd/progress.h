/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes on while a recording runs, besides waiting: limits of time and size, a status
 * line on the terminal, lines of status for a program.
 */
#ifndef TRACECMD_PROGRESS_H
#define TRACECMD_PROGRESS_H

#include "record/record.h"
#include "record_wait.h"
#include "trace_options.h"

/* From when on a rate of events counts. */
struct progress_since {
	uint64_t at;			/* CLOCK_MONOTONIC, nanoseconds */
	uint64_t events;
};

struct progress {
	const struct trace_options *o;
	struct recording *rec;		/* NULL: nothing is recorded here */
	bool on_terminal;		/* there is a status line */
	bool shown;			/* it has been written */
	uint64_t began;			/* CLOCK_MONOTONIC, nanoseconds */
	struct progress_since told;	/* by the status line, or to --status-fd */
	struct progress_since asked;	/* by progress_status */
	struct recording_progress now;
};

/* Checks --status-fd. Before anything is changed. 0, -errno. */
int progress_check(const struct trace_options *o, struct err *e);
/* Tracing is on from now on. @rec: NULL: elsewhere only. *ret_watch is for record_wait; @p and @control (NULL: there
 * is none) must outlive it. */
void progress_begin(struct progress *p, const struct trace_options *o, struct recording *rec,
		    struct control *control, struct record_watch *ret_watch);
/* Adds the line for a program, without its line end; after progress_begin. 0, -ENOMEM. */
int progress_status(struct progress *p, struct buf *line);
/* Ends the status line. */
void progress_end(struct progress *p);

#endif
