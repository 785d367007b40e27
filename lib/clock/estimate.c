// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a run of exchanges says about the offset of two clocks.
 *
 * host(t) is the host's time at the guest's t, and o(t) = host(t) - t. An exchange noted
 * host(sent) <= remote <= host(back), so o(sent) <= remote - sent and
 * o(back) >= remote - back, whatever the delays of the two ways were. With a
 * rate of change of at most d each of both holds at another time, too, if it is
 * widened by d for each unit between. All these ranges hold o of one moment: it is
 * in their intersection. Looking for the place that most ranges share is
 * Marzullo's algorithm, as NTP uses it.
 */
#include <errno.h>
#include <stdlib.h>

#include "clock/sync.h"

__extension__ typedef __int128 s128;

#define MILLION 1000000

struct edge {
	s128 at;
	int step;			/* 1: a range begins here, -1: one ends */
};

static bool whole(const struct sync_probe *p)
{
	return p->sent && p->back >= p->sent && p->remote;
}

static uint64_t round_trip(const struct sync_probe *p)
{
	return p->back - p->sent;
}

/* The first one of those that took least; NULL: none is whole. */
static const struct sync_probe *fastest(const struct sync_probe *probes, uint32_t nr, uint32_t *ret_whole)
{
	const struct sync_probe *best = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; i < nr; i++) {
		if (!whole(&probes[i]))
			continue;
		n++;
		if (!best || round_trip(&probes[i]) < round_trip(best))
			best = &probes[i];
	}
	*ret_whole = n;
	return best;
}

/* What the clocks may go apart between @from and @to. */
static s128 slack(uint64_t from, uint64_t to)
{
	s128 span = from < to ? (s128)to - from : (s128)from - to;

	return (span * SYNC_RATE_PPM + MILLION - 1) / MILLION;
}

static int by_place(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return y->step - x->step;	/* ranges that touch share that place */
}

/* The range that most exchanges share at the time @at. How many do. */
static uint32_t shared(struct edge *edges, const struct sync_probe *probes, uint32_t nr, uint64_t at,
		       s128 *ret_low, s128 *ret_high)
{
	uint32_t n = 0, most = 0, now = 0;

	for (uint32_t i = 0; i < nr; i++) {
		const struct sync_probe *p = &probes[i];

		if (!whole(p))
			continue;
		edges[n++] = (struct edge){ (s128)p->remote - p->back - slack(p->back, at), 1 };
		edges[n++] = (struct edge){ (s128)p->remote - p->sent + slack(p->sent, at), -1 };
	}
	qsort(edges, n, sizeof(*edges), by_place);
	for (uint32_t i = 0; i < n; i++) {
		now += edges[i].step;
		if (now <= most)
			continue;
		most = now;
		*ret_low = edges[i].at;
		*ret_high = edges[i + 1].at;	/* the next edge ends it: a range that began would have raised it */
	}
	return most;
}

/* How many units of the host's clock pass in one of the guest's, if more than one does. */
static double rate(const struct sync_probe *probes, uint32_t nr)
{
	const struct sync_probe *first = NULL, *last = NULL;
	double r = 1;

	for (uint32_t i = 0; i < nr; i++) {
		if (!whole(&probes[i]))
			continue;
		if (!first)
			first = &probes[i];
		last = &probes[i];
	}
	if (last->sent > first->sent && last->remote > first->remote)
		r = (double)(last->remote - first->remote) / (last->sent - first->sent);
	return r > 1 ? r : 1;
}

int sync_estimate(const struct sync_probe *probes, uint32_t nr, struct sync_sample *ret, struct err *e)
{
	uint32_t n, agree;
	const struct sync_probe *best = fastest(probes, nr, &n);
	struct edge *edges AUTO_FREE = NULL;
	uint64_t at, bound;
	s128 low = 0, high = 0, offset;

	if (!best)
		return err_set(e, -ENODATA, "none of %u exchanges has come back with all its times", nr);
	edges = calloc(2 * (size_t)n, sizeof(*edges));
	if (!edges)
		return err_errno(e, -ENOMEM, "cannot reckon the offset of the clocks");
	at = best->sent + round_trip(best) / 2;
	agree = shared(edges, probes, nr, at, &low, &high);
	if (agree * 2 > n) {
		offset = low + (high - low) / 2;
		bound = (uint64_t)(high - low + 1) / 2;
	} else {
		agree = 1;
		offset = (s128)best->remote - at;
		bound = (uint64_t)(rate(probes, nr) * ((double)round_trip(best) / 2)) + 1;
	}
	if (offset > INT64_MAX || offset < INT64_MIN || at > INT64_MAX)
		return err_set(e, -ERANGE, "the clocks are further apart than 63 bits can tell");
	*ret = (struct sync_sample){
		.shift = { .time = at, .offset = offset, .scaling = 1 },
		.quality = { .time = at, .bound = bound, .round_trip = round_trip(best), .probes = n,
			     .rejected = n - agree },
	};
	return 0;
}
