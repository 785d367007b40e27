/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The histograms that triggers of an event have filled, read from its "hist" file
 * (Documentation/trace/histogram.rst). It is a text for people, with names of tasks and files in it as they
 * are: whatever it is, it is read; what belongs to nothing is kept as a note.
 */
#ifndef TRACECMD_KERNEL_HIST_H
#define TRACECMD_KERNEL_HIST_H

#include "base/base.h"
#include "kernel/kernel.h"

struct kernel_hist_column {
	const char *name;		/* "next_pid", "hitcount" */
	bool is_key;
	bool is_hex;			/* numbers are hexadecimal, without 0x */
};
struct kernel_hist_cell {
	size_t column;
	const char *text;		/* without blanks around; of a stack a line each */
};
struct kernel_hist_entry {
	struct kernel_hist_cell *v;	/* keys, then values */
	size_t nr, cap;
	const char *notes;		/* what onmax and onchange saved: lines; or NULL */
};
struct kernel_hist {
	const char *trigger;		/* "hist:keys=...", with its state in brackets behind */
	struct { struct kernel_hist_column *v; size_t nr, cap; } columns;
	struct { struct kernel_hist_entry *v; size_t nr, cap; } entries;
	const char *notes;		/* about a snapshot that was taken: lines; or NULL */
	uint64_t hits, dropped;		/* as the kernel counts them */
};
struct kernel_hists {
	struct kernel_hist *v;
	size_t nr, cap;
	char *text;			/* all strings are in it */
};

/* All histograms of an event. Release in every case. 0, or -errno. */
int kernel_hists_read(struct kernel_instance *in, const char *system, const char *event,
		      struct kernel_hists *ret, struct err *e);
/* The same of a text, which is copied. 0, -ENOMEM. */
int kernel_hists_parse(const char *text, size_t len, struct kernel_hists *ret);
void kernel_hists_release(struct kernel_hists *hs);

/* The column of that name, of a key and a value the key; -1: there is none. */
ssize_t kernel_hist_column(const struct kernel_hist *h, const char *name);
/* The entry's text in that column; "" if it has none. */
const char *kernel_hist_text(const struct kernel_hist_entry *entry, size_t column);
/* Sorts by a column: numbers by their value, all else as text; the same stay in their order. */
int kernel_hist_sort(struct kernel_hist *h, size_t column, bool descending);	/* 0, -ENOMEM */

#endif
