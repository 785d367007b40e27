// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock.h"

__extension__ typedef __int128 s128;
__extension__ typedef unsigned __int128 u128;

#define SHIFT_INTERPOLATE 1u		/* bit 0 of the flags of TIME_SHIFT */
#define NSEC_PER_SEC 1e9
#define TWO_POW_64 18446744073709551616.0

void clock_conv_init(struct clock_conv *c, const struct dat_info *info,
		     const struct clock_opts *opts, bool top, uint32_t cpu)
{
	static const struct clock_opts defaults;

	if (!opts)
		opts = &defaults;
	*c = (struct clock_conv) { .plain = true };
	if (opts->raw_ts)
		return;
	c->add = (uint64_t)info->offset + (uint64_t)opts->ts_offset;
	if (!opts->no_date)
		c->add += (uint64_t)info->date_us * 1000;
	if (top && info->time_shift.present && cpu < info->time_shift.nr_cpus &&
	    info->time_shift.cpus[cpu].nr) {
		c->shift = &info->time_shift.cpus[cpu];
		c->interpolate = info->time_shift.flags & SHIFT_INTERPOLATE;
	}
	if (opts->ts2secs > 0) {
		c->factor = NSEC_PER_SEC / opts->ts2secs;
	} else if (info->tsc2nsec.present && info->tsc2nsec.mult) {
		c->mult = info->tsc2nsec.mult;
		c->bits = info->tsc2nsec.shift & 63;
	}
	c->plain = !c->shift && !c->factor && !c->mult;
}

/* The sample to start from: the last one at or before @ts, but one that has a
 * next. */
static const struct dat_shift_sample *sample_before(const struct dat_shift_cpu *cpu, uint64_t ts)
{
	uint32_t lo = 0, hi = cpu->nr - 1;	/* the answer is in [lo, hi) */

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (cpu->samples[mid].time <= (s128)ts)
			lo = mid;
		else
			hi = mid;
	}
	return &cpu->samples[lo];
}

/*
 * The offset between two samples, or beyond them on the same line; half a unit
 * is added and the rest cut off toward zero, as trace-cmd does. Times and offsets are 64 bits, so that the
 * product has at most 130; only samples made up to annoy need more than 128,
 * and get some number.
 */
static uint64_t interpolated(const struct dat_shift_sample *lo, uint64_t ts)
{
	const struct dat_shift_sample *hi = lo + 1;
	s128 span = (s128)hi->time - lo->time;
	u128 product = (u128)((s128)ts - lo->time) * (u128)((s128)hi->offset - lo->offset);

	if (span <= 0)
		return lo->offset;
	return (uint64_t)lo->offset + (uint64_t)((s128)(product + (u128)(span / 2)) / span);
}

/* The guest's counter at the host's rate. 64 bits are too few for the product with a real ratio. */
static uint64_t scaled(const struct dat_shift_sample *s, uint64_t ts)
{
	return s->scaling ? (uint64_t)((u128)ts * (uint64_t)s->scaling >> (s->fraction & 63)) : ts;
}

static uint64_t shifted(const struct clock_conv *c, uint64_t ts)
{
	const struct dat_shift_sample *s = c->shift->samples;
	uint64_t correction = s->offset;

	if (c->shift->nr > 1) {
		s = sample_before(c->shift, ts);
		correction = c->interpolate ? interpolated(s, ts) : (uint64_t)s->offset;
	}
	return scaled(s, ts) + correction;
}

uint64_t clock_convert_scaled(const struct clock_conv *c, uint64_t ts)
{
	if (c->shift)
		ts = shifted(c, ts);
	if (c->factor) {
		double nanoseconds = ts * c->factor;

		ts = nanoseconds < TWO_POW_64 ? (uint64_t)nanoseconds : UINT64_MAX;
	} else if (c->mult) {
		ts = (uint64_t)((u128)ts * c->mult >> c->bits);
	}
	return ts + c->add;
}

bool clock_in_seconds(const struct dat_info *info, const struct clock_opts *opts)
{
	static const char *const words[] = { "", "local", "global", "uptime", "perf", "tai",
					     "tsc2nsec" };

	if (!opts || !opts->raw_ts) {
		if ((opts && opts->ts2secs > 0) ||
		    (info->tsc2nsec.present && info->tsc2nsec.mult))
			return true;
	} else if (*info->clock) {
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(info->clock, words[i]))
			return true;
	return !strncmp(info->clock, "mono", 4);
}
