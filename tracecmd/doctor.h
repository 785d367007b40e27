/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of doctor share: rows of what works here, and a measured rate. */
#ifndef TRACECMD_DOCTOR_H
#define TRACECMD_DOCTOR_H

#include "command.h"
#include "kernel/kernel.h"

enum doctor_state { DOCTOR_YES, DOCTOR_PARTLY, DOCTOR_NO, DOCTOR_UNKNOWN };

struct doctor_row {
	const char *name;
	enum doctor_state state;
	char *facts;			/* what there is, or why not */
	char *remedy;			/* what to do; NULL: nothing, or nothing can be done */
};

/* Of the events measured, each second. */
struct doctor_rate {
	bool known;
	char *events;			/* which: "sched irq" */
	uint64_t all, busiest;		/* of all CPUs, of the busiest */
	uint32_t cpu;			/* the busiest */
	uint64_t bytes;			/* of the busiest CPU */
	uint64_t record_kb;		/* for each CPU, as record takes by itself */
	uint64_t kept_kb;		/* as the top level has now */
	uint64_t advised_kb;		/* for record */
};

struct doctor {
	struct kernel *k;		/* NULL: tracefs cannot be used */
	char root[4096];		/* where tracefs is; "": nowhere */
	struct buf remedy;		/* of the row at hand, should it be made here */
	bool records;			/* recording works */
	bool failed;			/* no memory for a row */
	VEC(struct doctor_row) rows;
	struct doctor_rate rate;
};

void doctor_row(struct doctor *d, const char *name, enum doctor_state state, const char *remedy, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* One for a failure: what lies behind "; " in its words is the remedy. */
void doctor_failure(struct doctor *d, const char *name, enum doctor_state state, const struct err *why);

/* A remedy with names in it, until the next one. */
const char *doctor_remedy(struct doctor *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* doctor_probes.c: everything that can be seen without changing anything. */
void doctor_probe(struct doctor *d);
/* The number in a file of one line; false: there is none. */
bool doctor_number(const char *path, int64_t *ret);
/* doctor_perf.c: what perf lets this user do. */
void doctor_probe_perf(struct doctor *d);
/*
 * doctor_measure.c: rate and ring buffer, in an instance that is made and removed again.
 * 0, or -errno with why it could not be.
 */
int doctor_measure(struct doctor *d, struct err *e);

#endif
