/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock: from the time stamps of a ring buffer to those people see. The rules
 * are section 7 of Documentation/tracecmd.dat.5; in order
 *
 *	time shift	guest to host, top-level buffer only: sampled offsets
 *	scale		--ts2secs HZ, or else cycles to nanoseconds (TSC2NSEC)
 *	offset		DATE, OFFSET and the user's --ts-offset
 *
 * and nothing of it where raw times are asked for.
 */
#ifndef TRACECMD_CLOCK_H
#define TRACECMD_CLOCK_H

#include "base/base.h"
#include "dat/dat.h"

struct clock_opts {
	bool raw_ts;			/* times as they were recorded */
	bool no_date;			/* without the DATE option */
	int64_t ts_offset;		/* added at the end, raw units */
	double ts2secs;			/* Hz of the recorded clock; 0: not given */
};

/* How the times of one CPU of one buffer are made. */
struct clock_conv {
	uint64_t add;
	bool plain;			/* only add */
	/* private */
	const struct dat_shift_cpu *shift;	/* or NULL */
	bool interpolate;
	double factor;			/* 0: mult and bits */
	uint64_t mult;			/* 0: no scale */
	unsigned bits;
};

/*
 * @info: of the file, must outlive @c. @top: the CPU is of the file's
 * top-level buffer. @opts may be NULL: all zero.
 */
void clock_conv_init(struct clock_conv *c, const struct dat_info *info,
		     const struct clock_opts *opts, bool top, uint32_t cpu);

/* The steps of clock_convert for those that need more than an addition. */
uint64_t clock_convert_scaled(const struct clock_conv *c, uint64_t ts);

/* Recorded to shown time, modulo 2^64. */
static inline uint64_t clock_convert(const struct clock_conv *c, uint64_t ts)
{
	return __builtin_expect(c->plain, 1) ? ts + c->add : clock_convert_scaled(c, ts);
}

/*
 * Whether shown times are nanoseconds, to be printed as seconds, or counts of
 * a clock. Nanoseconds: the clocks local, global, uptime, perf, tai, tsc2nsec
 * and those starting with mono, no known clock, and whatever was scaled. Not
 * boot: trace-cmd prints it as a number and texts shall be equal. (With ts2secs
 * and a counting clock trace-cmd 3.1 prints the nanoseconds as a number, against
 * its manual page; here they are seconds.)
 */
bool clock_in_seconds(const struct dat_info *info, const struct clock_opts *opts);

/* Whether what the trace clock @clock (its name) gives are no nanoseconds, before anything is converted. */
bool clock_counts(const char *clock);
/* A time of the trace clock @clock (its name) as reports show it: seconds, or the count
 * it is. Appended. */
void clock_put_time(struct buf *b, const char *clock, uint64_t ts);

#endif
