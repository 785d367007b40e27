/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All about an event, for list. */
#ifndef TRACECMD_LIST_FULL_H
#define TRACECMD_LIST_FULL_H

#include "command.h"
#include "kernel/kernel.h"

/*
 * Prints whether the event is on, its filter and triggers, in the top level and in each of
 * @instances, its fields, its print format, and commands it can be used with. EXIT_OK, or
 * EXIT_FAILED with @e.
 */
int list_event_full(struct kernel *k, const struct kernel_event *ev, const struct kernel_words *instances,
		    struct err *e);

#endif
