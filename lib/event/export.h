/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records as JSON lines and as CSV. The schema is told in tracecmd-report(1),
 * "MACHINE FORMATS"; it grows, but what is there keeps name and meaning.
 *
 * A struct event_export is made for one db, once. After that it may be used by
 * several threads at once, each with its own struct event_export_ctx: plans of
 * events are made when their first record is met, and published atomically.
 */
#ifndef TRACECMD_EVENT_EXPORT_H
#define TRACECMD_EVENT_EXPORT_H

#include "event/event.h"

enum event_export_format { EVENT_EXPORT_JSON, EVENT_EXPORT_CSV };

/*
 * CSV with a column for each field of some events: collects the names of their
 * fields, each once, over any number of dbs. { 0 } to start.
 */
struct event_columns {
	VEC(char *) names;		/* as in the header line */
	VEC(char *) events;		/* "SYSTEM/EVENT" */
};
/*
 * Adds the fields of the db's events that @name ("EVENT" or "SYSTEM/EVENT", globs
 * of * and ?) means. How many events that are, or -errno; near matches go to
 * @near, which may be NULL.
 */
int event_columns_add(struct event_columns *cols, struct event_db *db, const char *name,
		      struct near *near, struct err *e);
void event_columns_release(struct event_columns *cols);

struct event_export_opts {
	enum event_export_format format;
	bool decoded;			/* names of flags and the like, beside the numbers */
	bool text;			/* what a line shows behind the event's name */
	/* CSV: which columns there are. */
	bool files, buffers, losses;
	const struct event_columns *columns;	/* NULL: one column with all fields as JSON */
};

struct event_export;
/* @opts is copied; its columns must outlive the export. 0 or -errno. */
int event_export_new(struct event_db *db, const struct event_export_opts *opts,
		     struct event_export **ret, struct err *e);
void event_export_free(struct event_export *x);

struct event_export_ctx;
int event_export_ctx_new(struct event_export_ctx **ret, struct err *e);
void event_export_ctx_free(struct event_export_ctx *ctx);

/* The line of column names of CSV, with its newline; nothing for JSON. */
void event_export_header(const struct event_export *x, struct buf *out);
/*
 * Where records come from, as a part of each line: made once for each buffer
 * and given to the functions below. @file: NULL if there is only one; @buffer:
 * "" is the top level. Appends to @out.
 */
void event_export_where(const struct event_export *x, const char *file, const char *buffer,
			struct buf *out);

/*
 * Appends the record's line with its newline; nothing for an event that the
 * columns are not of. Nothing beyond rec->len is read but by its text; what of a
 * field does not lie in the record is null. @texts: of the same db; while it
 * defers, names of tasks leave fixups. @next: for texts, as event_text.
 */
void event_export_put(struct event_export *x, struct event_export_ctx *ctx,
		      struct event_ctx *texts, const struct event_record *rec,
		      const struct event_next *next, const struct buf *where, struct buf *out);
/* A line that tells of a loss in front of @rec; @lost: RING_LOST_UNKNOWN is null. */
void event_export_lost(const struct event_export *x, const struct event_record *rec, uint64_t lost,
		       const struct buf *where, struct buf *out);

#endif
