/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A filter's expression: text to tree, tree to text. Knows fields by number
 * only; who uses it binds the numbers to an event's fields (match.h).
 */
#ifndef TRACECMD_EVENT_EXPR_H
#define TRACECMD_EVENT_EXPR_H

#include <regex.h>

#include "base/base.h"

enum expr_op {
	EXPR_NUMBER, EXPR_STRING, EXPR_CHAR,	/* 'x' is a number or a string */
	EXPR_FIELD,				/* COMM and CPU among them */
	EXPR_NOT, EXPR_INVERT, EXPR_NEGATE,	/* left */
	EXPR_OR, EXPR_AND,			/* from here on left and right */
	EXPR_BIT_OR, EXPR_BIT_XOR, EXPR_BIT_AND,
	EXPR_EQ, EXPR_NE, EXPR_MATCH, EXPR_NO_MATCH,
	EXPR_LT, EXPR_GT, EXPR_LE, EXPR_GE,
	EXPR_SHIFT_LEFT, EXPR_SHIFT_RIGHT,
	EXPR_ADD, EXPR_SUB, EXPR_MUL, EXPR_DIV, EXPR_MOD,
	EXPR_OP_COUNT
};

/* How operators are written; a higher level binds tighter. */
#define EXPR_LEVEL_LOWEST 1
#define EXPR_LEVEL_UNARY 11
#define EXPR_LEVEL_VALUE 12
struct expr_op_info { const char *text; unsigned char level; };
extern const struct expr_op_info expr_ops[EXPR_OP_COUNT];

struct expr_node {
	enum expr_op op;
	unsigned nr;			/* in struct expr's nodes */
	unsigned column;		/* of its first character, from 1 */
	unsigned height;		/* nodes on top of each other; a chain of one logical
					 * operator is one */
	struct expr_node *left, *right;
	uint64_t number;		/* NUMBER, CHAR */
	char *string;			/* STRING, CHAR, and the pattern of MATCH */
	regex_t *regex;			/* MATCH, NO_MATCH */
	unsigned field;			/* FIELD: number in struct expr's fields */
};

struct expr {
	struct expr_node *root;		/* NULL: there is no expression */
	VEC(struct expr_node *) nodes;	/* each behind those it is made of */
	VEC(char *) fields;		/* names, each once */
};

/*
 * Parses all of @text (expr_parse.c); @column is that of its first character in what the
 * user wrote. 0, -EINVAL with the column and the reason, -ENOMEM.
 */
int expr_parse(const char *text, unsigned column, struct expr *ret, struct err *e);
void expr_release(struct expr *x);

enum expr_kind { EXPR_IS_MISSING, EXPR_IS_NUMBER, EXPR_IS_STRING };
/*
 * Whether the operators fit what stands beside them; @kinds: by field number.
 * 0, or -EINVAL with the column: arithmetic with text, text as a condition,
 * text compared with a number literal.
 */
int expr_check(const struct expr *x, const enum expr_kind *kinds, struct err *e);
/* Appends the expression with as few parentheses as it needs. */
void expr_print(const struct expr *x, struct buf *out);

#endif
