// SPDX-License-Identifier: LGPL-2.1-or-later
/* Clocks whose marks are markers in a trace buffer. */
#include <errno.h>
#include <stdlib.h>

#include "record/stamps.h"
#include "remote/tsync.h"

#define KINDS 2u
#define SLOTS (KINDS * (TSYNC_PROBES_MAX + 2))

struct lane_clock {
	struct stamps *stamps;
	unsigned lane;
};

struct tsync_tracefs {
	struct stamps *stamps;
	struct lane_clock lanes[TSYNC_LANES_MAX];
	struct tsync_clocks clocks;
};

static int begin(void *ctx, int cpu, struct err *e)
{
	struct lane_clock *l = ctx;

	return stamps_begin(l->stamps, l->lane, cpu, e);
}

static int mark(void *ctx, enum tsync_mark kind, uint32_t nr, struct err *e)
{
	struct lane_clock *l = ctx;

	return stamps_mark(l->stamps, l->lane, KINDS * nr + kind, e);
}

static int times(void *ctx, enum tsync_mark kind, uint64_t *ret, uint32_t nr, struct err *e)
{
	struct lane_clock *l = ctx;
	const uint64_t *all;
	int r = stamps_read(l->stamps, l->lane, &all, e);

	for (uint32_t i = 0; i < nr && !r; i++)
		if (all[KINDS * i + kind])
			ret[i] = all[KINDS * i + kind];
	return r;
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return monotonic_ns();
}

static int open_clock(void *ctx, unsigned lane, struct tsync_clock *ret, struct err *e)
{
	struct tsync_tracefs *t = ctx;

	if (lane >= TSYNC_LANES_MAX)
		return err_set(e, -EINVAL, "there are %u connections to compare clocks at most", TSYNC_LANES_MAX);
	t->lanes[lane] = (struct lane_clock){ t->stamps, lane };
	*ret = (struct tsync_clock){ &t->lanes[lane], begin, mark, times, now };
	return 0;
}

static void close_clock(void *ctx, struct tsync_clock *clock)
{
	(void)ctx;
	*clock = (struct tsync_clock){ 0 };
}

int tsync_tracefs_new(struct kernel *k, const char *clock, struct tsync_tracefs **ret, struct err *e)
{
	struct tsync_tracefs *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return tsync_no_memory(e);
	r = stamps_new(k, "sync", clock, TSYNC_LANES_MAX, SLOTS, &t->stamps, e);
	if (r) {
		free(t);
		return err_wrap(e, "cannot compare clocks");
	}
	t->clocks = (struct tsync_clocks){ t, open_clock, close_clock };
	*ret = t;
	return 0;
}

void tsync_tracefs_free(struct tsync_tracefs *t)
{
	if (!t)
		return;
	stamps_free(t->stamps, NULL);
	free(t);
}

const struct tsync_clocks *tsync_tracefs_clocks(struct tsync_tracefs *t)
{
	return &t->clocks;
}
