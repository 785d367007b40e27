/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A print program while it is made: prog_compile.c, prog_args.c, prog_expr.c. */
#ifndef TRACECMD_EVENT_PROG_BUILD_H
#define TRACECMD_EVENT_PROG_BUILD_H

#include "event/prog_code.h"

struct prog_build {
	struct tep_event *event;
	const struct format_check *check;
	bool swap;			/* the file's byte order is not this machine's */
	bool as_kernel, differs;	/* see prog_compile() */
	unsigned long_size;
	const char *why;		/* the first thing that cannot be done */
	bool failed;			/* that, or no memory */
	unsigned depth;			/* of the argument being looked at */
	struct buf text;
	size_t literal;			/* where the next operation's literal starts in text */
	VEC(struct prog_op) ops;
	VEC(struct prog_insn) insns;
	VEC(struct prog_value) values;
	VEC(struct prog_spec) specs;
	VEC(struct prog_name) names;
	VEC(struct prog_table) tables;
	VEC(struct prog_node) nodes;	/* of the expression at hand */
	uint64_t room;
	struct prog_op no_op;		/* what there is to write to when there is no memory */
};

/* Gives up, with the first reason. */
void prog_cannot(struct prog_build *b, const char *why);

/*
 * An argument's number, as libtraceevent computes it: without sign, in 64 bits.
 * prog_const_value: false if it depends on the record.
 */
struct prog_value prog_expression(struct prog_build *b, const struct tep_print_arg *arg);
bool prog_const_value(struct prog_build *b, const struct tep_print_arg *arg, uint64_t *ret);

/* The field an argument names, looked for as libtraceevent does; NULL and given up if none. */
const struct tep_format_field *prog_field_of(struct prog_build *b, struct tep_format_field *known,
					     const char *name);
/*
 * How many bytes of a number to print with its sign: with as_kernel those of the signed field
 * or element that @arg is, if these are fewer than @bytes.
 */
unsigned prog_signed_bytes(struct prog_build *b, const struct tep_print_arg *arg, unsigned bytes);
/* Whether it is computed of a name that the format does not explain: libtraceevent takes 0. @text: it is for %s. */
bool prog_has_unknown(const struct tep_print_arg *arg, bool text);
/* What is below casts. */
const struct tep_print_arg *prog_skip_casts(const struct tep_print_arg *arg);
uint32_t prog_add_value(struct prog_build *b, struct prog_value v);
/* An operation that has the literal so far in front of it; valid until the next one. */
struct prog_op *prog_add_op(struct prog_build *b, enum prog_op_code code);

/* What an argument prints for %s (prog_args.c); @star: number of a value. */
void prog_string_arg(struct prog_build *b, const struct tep_print_arg *arg,
		     const struct prog_spec *spec, uint32_t star);
/* For what follows %p: @letters is what the format has behind it; how many of
 * them are part of it (prog_pointer.c). */
size_t prog_pointer_arg(struct prog_build *b, const struct tep_print_arg *arg, const char *letters,
			uint32_t star, bool starred);
uint16_t prog_add_spec(struct prog_build *b, const struct prog_spec *spec);

#endif
