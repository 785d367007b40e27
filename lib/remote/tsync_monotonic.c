// SPDX-License-Identifier: LGPL-2.1-or-later
/* A clock for machines that do not trace: CLOCK_MONOTONIC, which is the trace clock "mono". */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "remote/tsync.h"

#define SLOTS (TSYNC_PROBES_MAX + 2)

/* What a thread noted, by kind and number. */
struct notes { uint64_t at[2][SLOTS]; };

static int begin(void *ctx, int cpu, struct err *e)
{
	struct notes *n = ctx;
	cpu_set_t set;

	(void)e;
	memset(n, 0, sizeof(*n));
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);	/* the clock is the same on all of them */
	return 0;
}

static int mark(void *ctx, enum tsync_mark kind, uint32_t nr, struct err *e)
{
	struct notes *n = ctx;

	if (nr >= SLOTS)
		return err_set(e, -EINVAL, "there are %u notes of the time at most", SLOTS);
	n->at[kind][nr] = monotonic_ns();
	return 0;
}

static int times(void *ctx, enum tsync_mark kind, uint64_t *ret, uint32_t nr, struct err *e)
{
	const struct notes *n = ctx;

	(void)e;
	for (uint32_t i = 0; i < nr && i < SLOTS; i++)
		if (n->at[kind][i])
			ret[i] = n->at[kind][i];
	return 0;
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return monotonic_ns();
}

static int open_clock(void *ctx, unsigned lane, struct tsync_clock *ret, struct err *e)
{
	struct notes *n = calloc(1, sizeof(*n));

	(void)ctx;
	(void)lane;
	if (!n)
		return tsync_no_memory(e);
	*ret = (struct tsync_clock){ n, begin, mark, times, now };
	return 0;
}

static void close_clock(void *ctx, struct tsync_clock *clock)
{
	(void)ctx;
	free(clock->ctx);
	*clock = (struct tsync_clock){ 0 };
}

const struct tsync_clocks tsync_monotonic_clocks = { NULL, open_clock, close_clock };
