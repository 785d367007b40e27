/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guards in front of libtraceevent. Up to 1.8 it believes formats and records:
 * it reads where a field's offset says, divides by a field, prints as many
 * bytes as an argument says, recurses as deep as a print format nests. So each
 * format is looked at before it is parsed, each parsed event once, and each
 * record before it is printed.
 */
#ifndef TRACECMD_EVENT_CHECK_H
#define TRACECMD_EVENT_CHECK_H

#include <traceevent/event-parse.h>

#include "base/base.h"

/* What must be computed for each record before its print format may run. */
enum format_guard_kind {
	GUARD_DIVISOR,			/* count must not be 0 */
	GUARD_INDEX,			/* field[count] must lie in the record */
	GUARD_LENGTH,			/* field's count elements of size bytes, too */
	GUARD_MASK,			/* field's dynamic array must have bytes: of none,
					 * libtraceevent makes a list of endless length */
	GUARD_WIDTH,			/* count is a width to print to: from 0 on, a negative
					 * one makes libtraceevent leave its argument out */
	GUARD_PRECISION,		/* the same, of what a string is cut to: of any size */
};
struct format_guard {
	enum format_guard_kind kind;
	const struct tep_print_arg *field, *count, *size;
};

struct format_check {
	bool bad_fields;		/* fields at impossible places: print no field */
	bool bad_print;			/* the print format is not to be run */
	uint32_t fixed_end;		/* where the last field of fixed place ends */
	uint32_t least;			/* a record's length: fixed_end, but a stack's addresses are as
					 * many as there are, whatever the format says */
	uint32_t rest_start;		/* where the last field without a size begins, which
					 * takes the record's rest; libtraceevent does not
					 * survive a record that ends before */
	VEC(const struct tep_format_field *) dynamic;
	VEC(struct format_guard) guards;
};

/* No longer text is parsed; the longest format of Linux 6.18 has 40 KiB. */
#define FORMAT_TEXT_MAX (1u << 20)
/*
 * Looks at a text before libtraceevent parses it (check_text.c). Returns 1 if
 * it may, 2 if it may while the parser waits for no field of flags or symbols (parse_slot), 0 if only its first *ret_head bytes (everything in front of the print
 * format) may, -EBADMSG if nothing; @e has the reason for 0 and -EBADMSG.
 */
int format_check_text(const char *text, size_t len, size_t *ret_head, struct err *e);
/* Looks at a parsed event; lives as long as it. bad_print may be set already. */
void format_check_event(struct tep_event *event, struct format_check *c);
void format_check_release(struct format_check *c);

/* Where a dynamic array lies in a record of @len bytes; false: not in it. */
bool format_dynamic(const struct tep_format_field *f, const void *data, size_t len,
		    uint32_t *ret_offset, uint32_t *ret_len);
/*
 * Whether every field of fixed place (of a stack's record those before the addresses) lies
 * within the @avail bytes up to the sub-buffer's end, and every dynamic array within the record of @len bytes
 * (or the fixed fields, if these are more). Where not, @why tells it in a few words.
 */
bool format_check_record(const struct format_check *c, const void *data, size_t len, size_t avail,
			 char *why, size_t why_size);
/*
 * Whether the print format may be run on these @len bytes, of which libtraceevent is told that the
 * record has @told: 1.7 takes a number behind them for 0, earlier ones read it.
 */
bool format_check_print(const struct format_check *c, struct tep_event *event, const void *data,
			size_t len, size_t told);
/* Unsigned value of a field of 1, 2, 4 or 8 bytes; false if it is not there. */
bool format_number(const struct tep_format_field *f, const void *data, size_t len, uint64_t *ret);

/* Largest width a number or string is padded to. */
#define FORMAT_WIDTH_MAX 4096

#endif
