// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How far the wall clock is from a trace clock: markers are written to an
 * instance of its own between two looks at the wall clock, and read back. The
 * narrowest pair of looks is the most exact.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock/clock.h"
#include "record/record.h"
#include "record/stamps.h"

#define MARKERS 50
#define NS_PER_S INT64_C(1000000000)

/* Two looks at the wall clock. */
struct looks {
	int64_t width, middle;		/* ns */
};

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int mark_between(struct stamps *s, uint32_t nr, struct looks *ret, struct err *e)
{
	int64_t before = wall_ns();
	int r = stamps_mark(s, 0, nr, e);

	ret->width = wall_ns() - before;
	ret->middle = before + ret->width / 2;
	return r;
}

/* The recorded time in nanoseconds. */
static int64_t in_ns(uint64_t ts, const struct dat_tsc2nsec *t)
{
	if (t->present)
		return (unsigned __int128)ts * t->mult >> t->shift;
	return ts;
}

static int measure(struct stamps *s, const struct dat_tsc2nsec *tsc2nsec, int64_t *ret_us,
		   struct err *e)
{
	struct looks looks[MARKERS];
	const uint64_t *times;
	uint32_t best = 0;
	int r = stamps_begin(s, 0, -1, e);

	for (uint32_t i = 0; i < MARKERS && !r; i++)
		r = mark_between(s, i, &looks[i], e);
	if (!r)
		r = stamps_read(s, 0, &times, e);
	if (r)
		return r;
	for (uint32_t i = 1; i < MARKERS; i++)
		if (times[i] && (!times[best] || looks[i].width < looks[best].width))
			best = i;
	if (!times[best])
		return err_set(e, -ENODATA, "the kernel did not record a marker");
	*ret_us = (looks[best].middle - in_ns(times[best], tsc2nsec)) / 1000;
	return 0;
}

static bool counts_ns(const char *clock, const struct dat_tsc2nsec *tsc2nsec)
{
	return tsc2nsec->present || !clock_counts(clock);
}

int record_measure_date(struct kernel *k, const char *clock, const struct dat_tsc2nsec *tsc2nsec,
			int64_t *ret_us, struct err *e)
{
	struct stamps *s = NULL;
	int r, removed;

	if (!counts_ns(clock, tsc2nsec))
		return err_set(e, -EINVAL, "cannot tell the time of day (--date) with clock '%s', "
			       "which does not count nanoseconds", clock);
	r = stamps_new(k, "date", clock, 1, MARKERS, &s, e);
	if (!r)
		r = measure(s, tsc2nsec, ret_us, e);
	removed = stamps_free(s, r ? NULL : e);
	if (!r)
		r = removed;
	return r ? err_wrap(e, "cannot measure the time of day (--date)") : 0;
}
