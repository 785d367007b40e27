// SPDX-License-Identifier: GPL-2.0-or-later
/* report --from, --to and --last: times as they are printed, or from either end. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "report.h"

#define NSEC 1000000000ull
#define DIGITS 9		/* of a second's fraction */
#define SHOWN_DIGITS 6		/* by a line, unless -t */

/* "12.5", "12.5ms", "1200": in nanoseconds, or what the clock counts. */
static int parse_amount(const char *text, bool seconds, uint64_t *ret, unsigned *ret_digits)
{
	static const struct { const char *name; unsigned digits; } units[] = {
		{ "", DIGITS }, { "s", DIGITS }, { "ms", 6 }, { "us", 3 }, { "ns", 0 },
	};
	unsigned digits = 0, unit = 0;
	uint64_t v = 0;
	bool any = false, point = false;

	for (; isdigit((unsigned char)*text) || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *text - '0', &v))
			return -ERANGE;
		digits += point;
		any = true;
	}
	while (unit < ARRAY_SIZE(units) && strcmp(text, units[unit].name))
		unit++;
	if (!any || unit == ARRAY_SIZE(units) || (!seconds && (point || unit)))
		return -EINVAL;
	*ret_digits = digits;
	for (unsigned want = seconds ? units[unit].digits : 0; digits < want; digits++)
		if (__builtin_mul_overflow(v, 10, &v))
			return -ERANGE;
	for (unsigned want = seconds ? units[unit].digits : 0; digits > want; digits--)
		v /= 10;
	*ret = v;
	return 0;
}

static int refuse(const char *option, const char *text, bool seconds, struct err *e)
{
	return err_set(e, -EINVAL, "%s: '%s' is no time: %s", option, text, seconds ?
		       "give seconds as they are printed, +SECONDS from the first event, or "
		       "-SECONDS from the last; ms, us and ns are known" :
		       "this file's times are counts, so give a number, +NUMBER from the first "
		       "event, or -NUMBER from the last");
}

/* What times are measured from. */
struct ends { bool seconds; uint64_t first, last; };

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * All times that are printed as @text are in [*from, *to): a line rounds to
 * microseconds.
 */
static int parse_time(const struct report *rp, const struct ends *ends, const char *option,
		      const char *text, uint64_t *from, uint64_t *to, struct err *e)
{
	bool relative = *text == '+' || *text == '-';
	uint64_t v, half = 0;
	unsigned digits;

	if (parse_amount(text + relative, ends->seconds, &v, &digits))
		return refuse(option, text + (text == rp->last), ends->seconds, e);
	if (*text == '+') {
		v = plus(ends->first, v);
	} else if (*text == '-') {
		v = minus(ends->last, v);
	} else {
		if (rp->align_ts)
			v = plus(v, ends->first);
		if (ends->seconds && !rp->nanoseconds && rp->format == REPORT_TEXT && digits <= SHOWN_DIGITS)
			half = 500;
	}
	*from = minus(v, half);
	*to = plus(v, half ? half : 1);
	return 0;
}

static bool counts_from(const char *text, char origin)
{
	return text && *text == origin;
}

/* Those that are needed: the last event of a long file is not found at once, nor the first of many CPUs. */
static int find_ends(struct report *rp, struct ends *ret, struct err *e)
{
	int r = 0;

	ret->seconds = rp->files.v[0].line.seconds;
	if (rp->align_ts || counts_from(rp->from, '+') || counts_from(rp->to, '+'))
		r = replay_first_ts(rp->replay, &ret->first, e);
	if (r >= 0 && (counts_from(rp->from, '-') || counts_from(rp->to, '-')))
		r = replay_last_ts(rp->replay, &ret->last, e);
	return r;
}

/* --last is kept as the --from that it stands for. */
static bool is_last(const struct report *rp)
{
	return rp->last && rp->from == rp->last;
}

static int parse_range(const struct report *rp, const struct ends *ends,
		       struct replay_run_opts *opts, struct err *e)
{
	uint64_t unused;
	int r = 0;

	if (rp->from) {
		opts->has_from = true;
		r = parse_time(rp, ends, is_last(rp) ? "--last" : "--from", rp->from, &opts->from,
			       &unused, e);
	}
	if (!r && rp->to) {
		opts->has_to = true;
		r = parse_time(rp, ends, "--to", rp->to, &unused, &opts->to, e);
	}
	return r;
}

static int check_order(const struct report *rp, const struct replay_run_opts *opts, struct err *e)
{
	if (!rp->from || !rp->to || opts->from < opts->to)
		return 0;
	return err_set(e, -EINVAL, "--to %s is before %s %s", rp->to, is_last(rp) ? "--last" :
		       "--from", rp->from + is_last(rp));
}

/* What a time counts from. */
static char origin(const char *text)
{
	return *text == '+' || *text == '-' ? *text : 0;
}

int report_check_range(const struct report *rp, struct err *e)
{
	/* the events are not known yet: ends with room for all times between them */
	struct ends ends = { .first = 0, .last = UINT64_MAX - 1 };
	struct replay_run_opts opts = { 0 };
	int r = parse_range(rp, &ends, &opts, NULL);

	if (r) {
		ends.seconds = true;
		r = parse_range(rp, &ends, &opts, e);
	}
	if (!r && rp->from && rp->to && origin(rp->from) == origin(rp->to))
		r = check_order(rp, &opts, e);
	return r;
}

int report_range(struct report *rp, struct replay_run_opts *opts, struct err *e)
{
	struct ends ends = { 0 };
	int r;

	if (!rp->from && !rp->to)
		return 0;
	r = find_ends(rp, &ends, e);
	if (r < 0)
		return r;
	r = parse_range(rp, &ends, opts, e);
	return r ? r : check_order(rp, opts, e);
}
