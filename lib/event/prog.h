/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Print programs: an event's print format, as libtraceevent parsed it (format
 * string and argument trees), compiled once into a flat list of operations over
 * field offsets, and run without libtraceevent and without printf. The text is
 * that of libtraceevent 1.7.1, byte for byte; what that is was found out through
 * its public interface, and is held to by utest/fuzz/fuzz_print.c and
 * utest/unit/test_prog.c.
 *
 * A program is made for one event of one file; it does not change once it is
 * made, so that any number of threads may run it.
 */
#ifndef TRACECMD_EVENT_PROG_H
#define TRACECMD_EVENT_PROG_H

#include "event/check.h"
#include "event/event.h"

struct prog;

/*
 * Compiles @event's print format; @check is what format_check_event() said of
 * it and must live as long as the program. NULL if it cannot be compiled: *why
 * then tells the reason in a few words that live forever ("out of memory" is one
 * of them). A format that libtraceevent could not parse has a program, too: it
 * prints "[FAILED TO PARSE]" and the fields.
 * @as_kernel: where libtraceevent (up to 1.8) makes another text than the kernel's "trace"
 * file, the kernel's: small signed numbers have their sign, elements of arrays whose length
 * the format leaves out their value, and %c is a character. Whether the format has any of
 * these is put into *ret_differs.
 */
struct prog *prog_compile(struct tep_event *event, const struct format_check *check, bool as_kernel,
			  bool *ret_differs, const char **why);
void prog_free(struct prog *prog);

/*
 * Appends the record's text. False, and nothing is appended, if the record is
 * shorter than the format's fields, an array lies outside of it, or a guard of
 * the print format (check.h) does not hold: its text is then the business of
 * the general path.
 */
bool prog_run(const struct prog *prog, struct event_db *db, const struct event_record *rec,
	      struct buf *out);

#endif
