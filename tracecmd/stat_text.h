/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stat_text: a file's statistics (CPUSTAT), lines "NAME: VALUE" as the kernel prints them in
 * per_cpu/cpuN/stats. "Buffer: NAME" and "CPU: N" say of what the lines behind them are.
 */
#ifndef TRACECMD_STAT_TEXT_H
#define TRACECMD_STAT_TEXT_H

#include "base/base.h"

struct stat_word {			/* within the text */
	const char *text;
	int len;
};

/* Where one is among the lines. Begins as { .next = TEXT }, which may be NULL. */
struct stat_walk {
	const char *next;
	struct stat_word buffer, cpu;	/* of the line; of the top level, or all CPUs, empty */
	struct stat_word value;
};

/* Goes to the next line that begins with @name ("overrun: "). Whether there is one. */
bool stat_walk(struct stat_walk *w, const char *name);
/* The sum of them all. */
uint64_t stat_sum(const char *stats, const char *name);

#endif
