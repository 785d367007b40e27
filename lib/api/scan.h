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

/* The pid of a record; false if it has none. */
static inline bool scan_pid(const struct scan_file *f, const struct replay_record *rec, int32_t *ret)
{
	const struct event_field *pid = &f->pid;

	if (!pid->size || rec->len < pid->offset + pid->size)
		return false;
	*ret = event_number_at((const uint8_t *)rec->data + pid->offset, pid->size, pid->is_signed,
			       f->big_endian);
	return true;
}

/* Strings and their numbers, which are given in the order they are met. */
struct scan_words {
	struct scan_slot { uint32_t hash, number; } *slots;	/* number: + 1, 0: free */
	uint32_t nr_slots;		/* a power of two */
	int nr;
	VEC(int32_t) offsets;		/* into bytes; nr + 1 of them, or none */
	struct buf bytes;
	struct scan_short *shorts;	/* short ones that were met last; NULL: none yet */
};
/* The string's number, from 0 on; -ENOMEM, -EOVERFLOW. */
int32_t scan_words_code(struct scan_words *w, const void *s, uint32_t len);
/* As that, of a string that ends at a 0 or behind @len bytes. */
int32_t scan_words_code_of_chars(struct scan_words *w, const void *s, uint32_t len);
void scan_words_release(struct scan_words *w);

/* Numbers of the names of processes, or events, that were met last. */
#define SCAN_MET 256
struct scan_met { unsigned file; int32_t key, code; };

/* What a team's parts have beside the caller's columns; no enum tracecmd_what. */
#define SCAN_STREAM 0x10000		/* uint32: number of file, buffer and CPU */
#define SCAN_LATEST 0x10001		/* uint64: latest time so far, also of what was not selected */

/* Where one kind of event has a column's value. */
struct scan_cell {
	struct event_field field;
	/* A number that the column has as the record has it: it is copied if the record
	 * reaches to @end. 0: it takes more than that. */
	uint32_t end;
};

struct scan_column {
	int what;
	char *name;			/* of the field */
	int type, element;
	unsigned size;			/* bytes of a number; 0: string or array */
	bool is_signed;
	struct scan_words words;	/* of TRACECMD_TYPE_WORD */
	struct scan_met *met;		/* likewise of TRACECMD_TASK and _NAME; code -1: free */
	/* of a field: by file, by id: NULL where the event has not that field */
	struct scan_cell ***cells;
	/* the caller's memory, during a call */
	uint8_t *values, *valid, *bytes;
	int32_t *offsets;
	size_t bytes_size, bytes_used;
	uint64_t nulls;
	bool wanted, null_now;
};

/* How a row's value of one column is had, cheapest first. */
enum scan_how {
	SCAN_COPY_4, SCAN_COPY_8,	/* the record's bytes in front of @end */
	SCAN_PUT_TIME, SCAN_PUT_LATEST, SCAN_PUT_CPU, SCAN_PUT_STREAM,
	SCAN_FILL_WORD, SCAN_FILL_NUMBER,
};
struct scan_step { enum scan_how how; uint32_t end; uint8_t *values; struct scan_column *column; };

struct scan_team;

struct tracecmd_scan {
	struct tracecmd_trace *trace;
	struct scan_team *team;		/* reads the columns; NULL: this one does */
	bool stop;			/* written by any thread */
	struct scan_file *files;
	const uint8_t **ids;		/* of the files, for the pick */
	VEC(int32_t) pids;		/* sorted */
	struct replay_pick *pick;
	VEC(struct scan_column) columns;
	size_t nr_strings;		/* columns of bytes, in front in order */
	int failed;			/* -errno of a word that could not be kept */
	VEC(unsigned) order;		/* of filling: strings and arrays first */
	VEC(struct scan_step) steps;	/* of a row, behind strings and arrays; during a call */
	int only_file, only_id;		/* the one event that is selected, once begun; -1: several */
	bool begun, by_records;
	uint32_t max;			/* rows that the caller's memory is for, during a call */
	bool pending;			/* record was not given yet */
	const struct replay_record *record;
	bool filters;			/* of any file, or there are texts: view is needed */
	struct event_record view;	/* of record */
	uint64_t *lost;			/* by stream: in front of records that were not selected */
	uint64_t record_lost;		/* in front of record */
	uint64_t latest;		/* time of the records up to this one, not selected ones too */
	struct tracecmd_scan_facts facts;
	struct buf arena;		/* what records point to */
	struct buf text;
	struct event_fixups fixups;	/* of text; what other events told is left out */
};

/* Which of a team's parts a scan is: it has the streams of that remainder. */
struct scan_share { unsigned part, nr; };

/* As tracecmd_scan_new, for checked options. */
int scan_make(struct tracecmd_trace *t, const struct tracecmd_scan_opts *o, const struct scan_share *share,
	      struct tracecmd_scan **ret, struct err *e);
/* As tracecmd_scan_column and tracecmd_scan_read, of this scan alone. */
int scan_add_column(struct tracecmd_scan *s, const struct tracecmd_column *o, struct err *e);
int scan_read_rows(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max, struct err *e);
static inline struct tracecmd_values *scan_values_at(struct tracecmd_values *values, size_t i)
{
	return (struct tracecmd_values *)((uint8_t *)values + i * values->size);
}
/* The caller's memory, for one call; what it came to. */
int scan_take_memory(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max, struct err *e);
void scan_tell_results(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t rows, bool full);

/* ---- teams (scan_team.h) ---- */

#define SCAN_PARTS_MAX 256
/* @nr parts, which s->team has then, also after a failure. Options are checked. 0 or -errno. */
int scan_team_new(struct tracecmd_scan *s, const struct tracecmd_scan_opts *o, unsigned nr, struct err *e);
/* Ends its threads. NULL is allowed. */
void scan_team_free(struct scan_team *team);
/* By any thread. */
void scan_team_stop(struct scan_team *team);
/* As scan_add_column and scan_read_rows. */
int scan_team_column(struct tracecmd_scan *s, const struct tracecmd_column *o, struct err *e);
int scan_team_read(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max, struct err *e);

/* Takes the next selected record: 1, 0, -errno. */
int scan_next(struct tracecmd_scan *s, struct err *e);
void scan_release_column(struct tracecmd_scan *s, struct scan_column *c);

#endif
