/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a print program consists of: prog_*.c only. */
#ifndef TRACECMD_EVENT_PROG_CODE_H
#define TRACECMD_EVENT_PROG_CODE_H

#include "event/prog.h"

/* ---- numbers ------------------------------------------------------------------ */

/* Where a number comes from. */
enum prog_how {
	HOW_CONST,			/* n */
	HOW_U8, HOW_U16, HOW_U32, HOW_U64,	/* the field at offset n, in this machine's order */
	HOW_BE16, HOW_BE32, HOW_BE64,	/* in the other order */
	HOW_CODE,			/* what the instructions from number n on compute */
};
struct prog_value {
	enum prog_how how;
	uint64_t n;
};

/*
 * Expressions that are more than a field: instructions for a machine with an
 * accumulator and a stack. INSN_PUSH puts the accumulator on the stack; a binary
 * instruction computes "top of the stack OP accumulator", its _IMM form
 * "accumulator OP n".
 */
enum prog_insn_code {
	INSN_END,
	INSN_PUSH,
	INSN_LOAD,			/* as how says, from n */
	INSN_CONST,
	INSN_NOT, INSN_LOGICAL_NOT,
	INSN_ADD, INSN_SUB, INSN_MUL, INSN_DIV, INSN_MOD, INSN_AND, INSN_OR, INSN_SHL, INSN_SHR,
	INSN_LT, INSN_LE, INSN_GT, INSN_GE, INSN_EQ, INSN_NE, INSN_LOGICAL_AND, INSN_LOGICAL_OR,
	INSN_IMM,			/* added to a binary instruction's code */
	INSN_IF_ZERO = 64,		/* go on at instruction n */
	INSN_GOTO,
	INSN_ELEMENT,			/* the array at n: its element with the accumulator's number */
	INSN_DYNAMIC_ELEMENT,		/* the dynamic array whose field is at n: the element that
					 * begins the accumulator's number of bytes behind its start */
};
struct prog_insn {
	uint8_t code;
	uint8_t how;			/* of what is loaded */
	bool relative;			/* INSN_DYNAMIC_ELEMENT: a __rel_loc */
	uint8_t size;			/* INSN_ELEMENT: from one element to the next */
	uint64_t n;
};
/* Deepest stack. */
#define PROG_STACK 16

/* ---- operations ----------------------------------------------------------------- */

enum prog_op_code {
	OP_END,
	/* numbers straight from a field */
	OP_U32, OP_S32, OP_U64, OP_S64, OP_HEX32, OP_HEX64, OP_HEX32_TO, OP_HEX64_TO,
	OP_NUMBER,			/* any number, as spec says */
	OP_POINTER,			/* %p */
	OP_SYMBOL_NAME,			/* %ps */
	OP_SYMBOL_OFFSET,		/* %pS */
	OP_STRING,			/* characters of the field at offset, of the given size */
	OP_STRING_REST,			/* from offset to the record's end */
	OP_STRING_DYNAMIC,		/* of a dynamic array */
	OP_STRING_POINTER,		/* an address of a string that printk_formats may know */
	OP_TEXT,			/* constant, padded to a width from the record */
	OP_FLAGS, OP_SYMBOLIC,
	OP_HEX_BYTES,			/* __print_hex and __print_hex_str */
	OP_NUMBERS,			/* __print_array */
	OP_BITMASK, OP_CPUMASK,
	OP_MAC, OP_IPV4, OP_IPV6, OP_SOCKET, OP_UUID,
	OP_BUFFER,			/* %ph */
	OP_IF_ZERO,			/* go on at operation target */
	OP_GOTO,
	OP_FIELDS,			/* the only one of a format that cannot be parsed */
};

/* A conversion: how printf would pad and shorten. */
struct prog_spec {
	char letter;			/* d, u, x, X, o, s, c */
	uint8_t bytes;			/* of the number that are used: 1, 2, 4 or 8 */
	bool left, zero, alternate;	/* '-', '0', '#' */
	bool zero_prefix;		/* '#' is for 0, too */
	bool width_star, precision_star;	/* taken from the operation's star */
	uint16_t width;
	int32_t precision;		/* -1: none */
};

/* Bytes of a record: a field's, or a dynamic array's. */
struct prog_bytes {
	uint32_t offset;		/* of the field */
	uint32_t size;			/* of a field; 0 for a dynamic array */
	bool dynamic, relative;
};

enum {
	ADDRESS_SMALL = 1,		/* %pi, %pm: without separators */
	ADDRESS_REVERSED = 2,
	ADDRESS_DASHES = 4,
	ADDRESS_COMPRESSED = 8,		/* %pI6c */
	ADDRESS_PORT = 16,		/* %pISp */
	ADDRESS_UPPER = 32,
};

struct prog_op {
	uint8_t code;
	uint8_t flags;			/* ADDRESS_*; of OP_HEX_BYTES and OP_BUFFER: separator */
	uint16_t spec;			/* number of a struct prog_spec */
	uint32_t literal, literal_len;	/* text in front */
	uint32_t target;		/* operation, table, or text to go to */
	struct prog_value value;
	union {
		struct {		/* OP_U32 .. OP_HEX64_TO and strings of fields */
			uint32_t offset;
			uint32_t width;
		};
		struct prog_bytes bytes;
	};
	uint32_t count, size;		/* numbers of values: what a '*' stands for or how many
					 * bytes or elements there are; an element's size */
};

/* ---- tables: __print_flags, __print_symbolic -------------------------------------- */

struct prog_name {
	uint64_t value;
	uint32_t text, len;		/* in the program's text */
};
struct prog_table {
	uint32_t first, nr;		/* names */
	uint32_t delimiter, delimiter_len;
	/* __print_symbolic with small values: name number + 1 by value */
	uint16_t *by_value;
	uint32_t nr_by_value;
};
#define PROG_BY_VALUE_MAX 512

struct prog {
	struct tep_event *event;
	const struct format_check *check;
	bool swap;			/* the file's byte order is not this machine's */
	bool guarded;			/* some guard must be asked for each record */
	uint32_t min_len;		/* of a record */
	uint32_t room;			/* most bytes of all literals and numbers together */
	char *text;			/* of literals and names, with slack behind */
	struct prog_op *ops;
	struct prog_insn *insns;
	struct prog_value *values;
	struct prog_spec *specs;
	struct prog_name *names;
	struct prog_table *tables;
	size_t nr_ops, nr_tables;
	/* fields that say where a dynamic array is: counted from base */
	struct { uint32_t offset, base; } *dynamic;
	size_t nr_dynamic;
};
/* Literals are copied in steps of this many bytes: slack behind texts and output. */
#define PROG_STEP 16

/* ---- shared between the parts ------------------------------------------------------- */

/* A record while its program runs. */
struct prog_record { const uint8_t *data; uint32_t len; };

uint64_t prog_eval(const struct prog *g, const struct prog_insn *insn, const struct prog_record *r);

static inline uint64_t prog_load(unsigned how, const uint8_t *at)
{
	switch (how) {
	case HOW_U8:
		return *at;
	case HOW_U16:
		return get_u16(at, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	case HOW_U32:
		return get_u32(at, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	case HOW_U64:
		return get_u64(at, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	case HOW_BE16:
		return get_u16(at, __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__);
	case HOW_BE32:
		return get_u32(at, __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__);
	default:
		return get_u64(at, __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__);
	}
}

static inline uint64_t prog_number(const struct prog *g, const struct prog_value *v,
				   const struct prog_record *r)
{
	if (v->how == HOW_CONST)
		return v->n;
	if (v->how == HOW_CODE)
		return prog_eval(g, g->insns + v->n, r);
	return prog_load(v->how, r->data + v->n);
}

#endif
