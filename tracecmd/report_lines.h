/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record's lines in a report, by any number of threads. */
#ifndef TRACECMD_REPORT_LINES_H
#define TRACECMD_REPORT_LINES_H

#include "report.h"

/* What all lines of a report share; changed only where they are made in order. */
struct report_all {
	uint64_t align;			/* --align-ts: taken from times */
	struct wakeups *wakeups;	/* -w */
};

/* --ts-check: the times of a stretch of events. */
struct report_order {
	bool any, joined;
	struct replay_record first;	/* its views are none */
	uint64_t last_ts;
};

/* One thread's tools. */
struct report_lines {
	struct report *rp;
	struct report_all *all;
	struct event_ctx **ctxs;	/* by file */
	struct event_export_ctx *export_ctx;	/* unless the report is a text */
	struct event_line_state *state;
	struct buf *text;		/* lines go to its end */
	uint64_t untold, untold_unknown;	/* losses without a line */
	uint64_t shown;			/* events */
	struct report_order order;
	/* of the record at hand */
	struct replay_cursor *cursor;
	const struct replay_record *rec;
	uint64_t *next_state;		/* of the record peek_next gave */
};

/* Appends what is shown of a record, if anything. @warm: only what the records after it have
 * to know counts. */
void report_lines_put(struct report_lines *p, struct replay_cursor *c,
		      const struct replay_record *rec, bool warm);

/* All before the stretch, or before what was joined already, ends with *last_ts, which is moved
 * to its end. */
void report_order_join(const struct report *rp, uint64_t *last_ts, struct report_order *o);

#endif
