/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters as flat programs: the expressions of all filters that name an event,
 * bound to that event's fields once, run for each of its records. What a field
 * that is not there decides, and what numbers alone decide, is decided when the
 * program is made. A program does not change afterwards, so any number of
 * threads may run it.
 */
#ifndef TRACECMD_EVENT_MATCH_H
#define TRACECMD_EVENT_MATCH_H

#include "event/event.h"
#include "event/expr.h"

/* Where a field's value lies in an event's records. */
enum match_place_kind {
	MATCH_MISSING,			/* the event has no such field */
	MATCH_NUMBER,			/* size bytes at offset */
	MATCH_LOCATION,			/* the same word of a dynamic array, if that is in the record */
	MATCH_STRING,			/* up to size bytes at offset */
	MATCH_REST,			/* from offset up to the record's end */
	MATCH_DYNAMIC,			/* a string where the word at offset says */
	MATCH_COMM, MATCH_CPU,		/* of the record */
};
struct match_place {
	enum match_place_kind kind;
	uint32_t offset, size;
	bool is_signed;
	bool relative;			/* dynamic: counted from the word's end */
};
/* Of a field of a parsed event; NULL is missing. */
struct match_place match_place(const struct tep_format_field *field);

/* Numbers, ascending. */
struct match_set { const int64_t *v; size_t nr; };

/* One filter. It says either what an expression does, or a set. */
struct match_rule {
	bool exclude;
	const struct expr *expr;	/* without a root: every record */
	const struct match_place *places;	/* of its fields; or those looked up in the set */
	const struct match_set *set;	/* NULL: the expression counts */
	size_t nr_places;		/* for a set */
};

enum match_verdict { MATCH_NEVER = 1, MATCH_ALWAYS, MATCH_RUN };
struct match_prog;
/*
 * Wanted is what no excluding rule matches and some other rule does; @otherwise:
 * where none does (there may be none). Expressions and sets must outlive the
 * program, places need not. Returns a verdict, or -ENOMEM; *ret is set (and the
 * caller's) for MATCH_RUN only.
 */
int match_compile(const struct match_rule *rules, size_t nr, bool otherwise, bool big_endian,
		  struct match_prog **ret);
void match_free(struct match_prog *p);
/* Whether the record is wanted. From any thread. */
bool match_run(const struct match_prog *p, struct event_db *db, const struct event_record *rec);

#endif
