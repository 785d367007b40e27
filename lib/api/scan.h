/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of struct tracecmd_scan. */
#ifndef TRACECMD_API_SCAN_H
#define TRACECMD_API_SCAN_H


#include "api/trace.h"
#include "event/fields.h"

/* One of the trace's files, as a scan sees it. */
struct scan_file {
	struct event_db *db;
	struct event_filter *filter;
	bool filters;			/* it says more than which events */
	struct event_ctx *ctx;		/* for texts; made with the first column that has such */
	uint8_t *ids;			/* by id whether it is selected */
	bool big_endian;
	/* what all its events have; size 0: not there */
	struct event_field pid, flags, preempt;
};

struct scan_column {
	int what;
	char *name;			/* of the field */
	int type, element;
	unsigned size;			/* bytes of a number; 0: string or array */
	bool is_signed;
	unsigned element_size;
	/* of a field: by file, by id: NULL where the event has not that field */
	const struct event_field ***cells;
	/* the caller's memory, during a call */
	uint8_t *values, *valid, *bytes;
	int32_t *offsets;
	size_t bytes_size, bytes_used;
	uint64_t nulls;
	bool wanted, null_now;
};

struct tracecmd_scan {
	struct tracecmd_trace *trace;
	struct scan_file *files;
	const uint8_t **ids;		/* of the files, for the pick */
	VEC(int32_t) pids;		/* sorted */
	struct replay_pick *pick;
	VEC(struct scan_column) columns;
	size_t nr_strings;		/* columns of bytes, in front in order */
	VEC(unsigned) order;		/* of filling: strings and arrays first */
	bool begun;
	bool pending;			/* record was not given yet */
	const struct replay_record *record;
	struct event_record view;	/* of record */
	uint64_t *lost;			/* by stream: in front of records that were not selected */
	uint64_t record_lost;		/* in front of record */
	struct tracecmd_scan_facts facts;
	struct buf arena;		/* what records point to */
	struct buf text;
	struct event_fixups fixups;	/* of text; what other events told is left out */
};

/* Takes the next selected record: 1, 0, -errno. */
int scan_next(struct tracecmd_scan *s, struct err *e);
void scan_release_column(struct tracecmd_scan *s, struct scan_column *c);

#endif
