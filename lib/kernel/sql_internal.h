/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about SQL share with each other only. */
#ifndef TRACECMD_KERNEL_SQL_INTERNAL_H
#define TRACECMD_KERNEL_SQL_INTERNAL_H

#include "kernel/internal.h"
#include "kernel/sql.h"

#define SQL_TEXT_MAX 65536		/* more nobody wrote by hand */
#define SQL_REF_PARTS 3			/* SYSTEM.EVENT.FIELD */

/* A part of the statement. Without length: none. */
struct sql_span {
	size_t at, len;
};

/* A name of up to three parts: "FIELD", "NAME.FIELD", "SYSTEM.EVENT.FIELD". */
struct sql_ref {
	struct sql_span part[SQL_REF_PARTS];
	size_t nr;
};

struct sql_item {
	struct sql_ref a, b;		/* b.nr 0: only one */
	char op;			/* '+', '-' */
	struct sql_span cast;		/* "hex", "buckets=8" */
	struct sql_span label;		/* AS */
};

struct sql_event {
	struct sql_ref name;
	struct sql_span alias;
};

struct sql_match {
	struct sql_ref a, b;
};

/* A condition as it will be written, piece by piece: a field, or the text of anything else. */
struct sql_piece {
	struct sql_ref field;		/* nr 0: @text it is */
	const char *text;		/* an operator; NULL: @span */
	struct sql_span span;
	bool joint;			/* an && outside of parentheses */
};

struct sql {
	const char *text;
	VEC(struct sql_item) items;
	struct sql_event events[2];
	size_t nr_events;
	VEC(struct sql_match) matches;
	VEC(struct sql_piece) pieces;
	bool one_condition;		/* an || outside of parentheses: it cannot be cut at a joint */
};

/* ---- sql_parse.c */
/* Reads the statement; @text stays the caller's. Release in every case. 0, -EINVAL with the place, -ENOMEM. */
int sql_parse(const char *text, struct sql *ret, struct err *e);
void sql_release(struct sql *s);

/* ---- sql_names.c */
/* The events of a statement, and what can be asked of them. */
struct sql_names {
	struct kernel *k;
	const struct sql *s;
	struct kernel_event events[2];
	struct event_fields fields[2];
	struct err *e;
};

/* A field of one of the two events. */
struct sql_value {
	size_t side;			/* 0: FROM, 1: JOIN */
	size_t at;			/* in the statement */
	const struct event_field *field;	/* its name is what the kernel calls it */
};

enum sql_use { SQL_ITEM, SQL_KEY, SQL_FILTER };

/* Finds the events. Release in every case. 0; -ENOENT, -ENOTUNIQ with the place; -errno. */
int sql_names_init(struct sql_names *n, struct kernel *k, const struct sql *s, struct err *e);
void sql_names_release(struct sql_names *n);
/* The field that is meant; of a key or a filter an item's label may name it. 0, or -errno with the place. */
int sql_find(const struct sql_names *n, const struct sql_ref *ref, enum sql_use use, struct sql_value *ret);
bool sql_is_time(const struct event_field *f);
bool sql_is_stack(const struct event_field *f);
/* Whether the part of the statement is that word. */
bool sql_is(const struct sql *s, struct sql_span span, const char *word);
/* Sets the error with the place; @code. */
int sql_refuse(const struct sql *s, size_t at, int code, struct err *e, const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
