/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * api: the public functions of libtracecmd, and what they share. Here errors
 * turn from struct err into struct tracecmd_error.
 */
#ifndef TRACECMD_API_H
#define TRACECMD_API_H

#include "base/base.h"
#include "include/tracecmd.h"

/* In front of each function that lib/libtracecmd.map lists. */
#define API __attribute__((visibility("default")))

/* Copies the words to @ret (may be NULL) and returns the code. */
int api_error(const struct err *e, struct tracecmd_error *ret);

/*
 * Copies a caller's options, whose first member is their size, into @dst of
 * @dst_size bytes; what the caller has not becomes zero. @src may be NULL.
 * -EINVAL if the size is impossible, or something is set that this library
 * does not know. @name: of the struct, for the message.
 */
int api_opts(void *dst, size_t dst_size, const void *src, const char *name, struct err *e);

/*
 * What a caller must not leave out: 0 if @given, else -EINVAL. @function: its name,
 * for the message.
 */
int api_need(bool given, const char *function, struct err *e);

#endif
