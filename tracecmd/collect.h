/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collect: what came of the machines that were recorded together, as a table and as an index. */
#ifndef TRACECMD_COLLECT_H
#define TRACECMD_COLLECT_H

#include "command.h"
#include "dat/dat.h"
#include "trace_guests.h"

#define COLLECT_INDEX "index.json"

/* One machine. */
struct collected {
	const struct trace_guest *asked;
	char *path;			/* of its file; "": there is none */
	char why[ERR_TEXT_MAX];		/* it failed; "": not */
	bool looked;			/* what follows is known: */
	uint64_t events, bytes;
	uint64_t lost;			/* events, beside: */
	uint64_t gaps;			/* of unknown size */
	uint64_t bound;			/* of its clock, nanoseconds; DAT_BOUND_UNKNOWN */
	bool compared;			/* its times are ours */
};

/* What is told of all of them. */
struct collection {
	const char *dir;
	char **options;			/* of record, NULL-ended */
	const char *clock;
	int64_t began_us, ended_us;	/* time of day */
	struct collected *v;
	size_t nr;
};

/* Looks at the file: counts, and how good its clock is. What fails is told as @c's failure. */
void collected_look(struct collected *c);
/* A line for each machine. */
void collection_print(const struct collection *c);
/* DIR/index.json. 0, -errno. */
int collection_write_index(const struct collection *c, struct err *e);

#endif
