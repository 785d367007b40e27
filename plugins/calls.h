/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who called whom on each CPU, as function events tell it one after the other. */
#ifndef TRACECMD_PLUGINS_CALLS_H
#define TRACECMD_PLUGINS_CALLS_H

#include "base/base.h"

struct calls_stack { VEC(const char *) v; };	/* names of functions, outermost first */
struct calls { VEC(struct calls_stack) cpus; };	/* { 0 }: none yet */

/* Blanks for each level. */
#define CALLS_INDENT 3

/*
 * How deep a function called by @parent is indented, as libtraceevent's
 * plugin_function counts: its parent's place among the functions called on that
 * CPU; 0 if it is not among them. The names must outlive the calls; @func may be NULL.
 */
size_t calls_level(struct calls *calls, uint32_t cpu, const char *parent, const char *func);
void calls_release(struct calls *calls);

#endif
