/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Print formats said so that libtraceevent takes them as the kernel does. */
#ifndef TRACECMD_EVENT_PRINT_TEXT_H
#define TRACECMD_EVENT_PRINT_TEXT_H

#include "base/base.h"

/*
 * Appends the print format @text (what follows "print fmt:"), changed where libtraceevent (1.7, 1.8) understands
 * another thing than a C compiler:
 *  - it forgets brackets when it orders operators, and takes those of one rank from the right. Each operand that is an
 *    operation itself becomes "(u64)(OPERATION)", for a cast stays what it is;
 *  - values of flags and symbols are computed, for the same reason. One with a name that the kernel left in it (of an
 *    enum that it does not translate) counts as 0 there, which is then called so; it becomes PRINT_TEXT_NO_VALUE, which no field has.
 * False, and nothing is appended, if it is not understood.
 */
bool print_text_rewrite(const char *text, size_t len, struct buf *out);
#define PRINT_TEXT_NO_VALUE "0x7edcba9876543210"

#endif
