/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the command trigger share. */
#ifndef TRACECMD_TRIGGER_H
#define TRACECMD_TRIGGER_H

#include "command.h"
#include "kernel/trigger.h"

/* How histograms are shown. */
struct trigger_show {
	const char *sort;		/* "COLUMN", "COLUMN:descending"; NULL: as the kernel does */
	bool has_top;
	uint64_t top;			/* so many entries of each */
	bool json;
};

/* Prints the histograms among the triggers: those for which @chosen is set. 0, -errno. */
int trigger_show_hists(struct kernel_instance *in, const struct kernel_triggers *ts, const bool *chosen,
		       const struct trigger_show *how, struct err *e);

#endif
