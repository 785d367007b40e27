/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of 'tracecmd probe' share. */
#ifndef TRACECMD_PROBE_H
#define TRACECMD_PROBE_H

#include "command.h"
#include "kernel/dynevent.h"

/* Prints those of @evs for which @chosen is set, as a table or as JSON. EXIT_OK, EXIT_FAILED. */
int probe_print(struct kernel *k, const struct kernel_dyn_events *evs, const bool *chosen, bool json,
		struct err *e);

#endif
