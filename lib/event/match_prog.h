/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What match_compile.c makes and match_run.c runs. */
#ifndef TRACECMD_EVENT_MATCH_PROG_H
#define TRACECMD_EVENT_MATCH_PROG_H

#include "event/match.h"

/*
 * Numbers are in registers, by depth; strings in two slots. A branch goes to
 * yes or no; what has a value that may be missing goes to no when it is, and
 * else on to the next operation.
 */
enum match_code {
	OP_RETURN,			/* number is the answer */
	OP_JUMP,			/* yes */
	/* branches */
	OP_FIELD_IS,			/* field related to number */
	OP_FIELD_IN,			/* field in set */
	OP_NUMBERS,			/* a related to b or number */
	OP_STRINGS,			/* slot 0 related to slot 1 */
	OP_TRUE_NUMBER,			/* a is not 0 */
	OP_TRUE_STRING,			/* slot 0 is not empty */
	OP_REGEX, OP_LITERAL,		/* slot 0 matches */
	/* a becomes */
	OP_NUMBER, OP_FIELD, OP_LOCATION, OP_CPU,
	OP_INVERT, OP_NEGATE,
	/* a becomes a with b or number */
	OP_BIT_OR, OP_BIT_XOR, OP_BIT_AND, OP_SHIFT_LEFT, OP_SHIFT_RIGHT, OP_SHIFT_RIGHT_SIGNED,
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_DIV_SIGNED, OP_MOD, OP_MOD_SIGNED,
	/* the slot becomes */
	OP_TEXT, OP_STRING, OP_REST, OP_DYNAMIC, OP_COMM, OP_WORD,
};

enum match_relation {
	IS_EQ, IS_NE, IS_LT, IS_GT, IS_LE, IS_GE,	/* numbers with a sign */
	IS_ULT, IS_UGT, IS_ULE, IS_UGE,			/* without */
	IS_MIXED_LT, IS_MIXED_GT, IS_MIXED_LE, IS_MIXED_GE,	/* one with, one without */
};

struct match_op {
	uint8_t code;			/* enum match_code */
	uint8_t relation;		/* enum match_relation */
	uint8_t size;			/* of the field */
	uint8_t slot;
	bool is_signed, relative;	/* the field */
	bool by_number;			/* b is number, not a register */
	bool left_unsigned;		/* mixed: which of them has no sign */
	bool at_start, at_end;		/* LITERAL: where it must lie */
	uint16_t a, b;
	uint32_t offset, end;		/* of the field in the record */
	uint32_t yes, no;
	union {
		uint64_t number;
		struct { const char *text; size_t len; };
		const regex_t *regex;
		const struct match_set *set;
	};
};

struct match_prog {
	unsigned nr_regs;
	bool big_endian;
	size_t nr;
	struct match_op ops[];
};

/*
 * Arithmetic as the filter language has it, also for numbers known beforehand:
 * false where there is no value. @op: one of the binary arithmetic codes.
 */
bool match_arithmetic(enum match_code op, uint64_t a, uint64_t b, uint64_t *ret);
bool match_related(enum match_relation relation, bool left_unsigned, uint64_t a, uint64_t b);

#endif
