/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Format texts as libtraceevent can read them. */
#ifndef TRACECMD_EVENT_FORMAT_TEXT_H
#define TRACECMD_EVENT_FORMAT_TEXT_H

#include "event/event.h"

/* Whether libtraceevent gets another name than the event has. */
bool format_name_is_odd(const char *name);
/* The rest of the line behind @key at its start; false if no line starts so. */
bool format_line(const char *text, size_t len, const char *key, const char **ret, size_t *ret_len);

/*
 * What of a kernel's format libtraceevent has no words for is said otherwise, in @copy:
 *  - a name is one C word: that of a user event may be "app.1" or "my-app", whose other characters become '_';
 *  - with @string_arrays, a probe's array of strings, "field:__data_loc char[][2] args;", becomes as many fields,
 *    args_0 and args_1;
 *  - with @as_kernel, the print format is changed by print_text_rewrite().
 * Returns @name's format or @copy's text, valid as long as both, with its length; NULL: no memory.
 */
const char *format_text(const struct event_name *name, bool string_arrays, bool as_kernel, struct buf *copy, size_t *ret_len);

#endif
