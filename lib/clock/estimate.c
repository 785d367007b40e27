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

struct range { s128 low, high; };

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

/* Copies those that are whole. How many. */
static uint32_t keep_whole(const struct sync_probe *probes, uint32_t nr, struct sync_probe *kept)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < nr; i++)
		if (whole(&probes[i]))
			kept[n++] = probes[i];
	return n;
}

/* The first one of those that took least. */
static const struct sync_probe *fastest(const struct sync_probe *kept, uint32_t n)
{
	const struct sync_probe *best = kept;

	for (uint32_t i = 1; i < n; i++)
		if (round_trip(&kept[i]) < round_trip(best))
			best = &kept[i];
	return best;
}

static uint64_t middle(const struct sync_probe *p)
{
	return p->sent + round_trip(p) / 2;
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

/* The offsets at the time @at that an exchange allows. */
static struct range allowed(const struct sync_probe *p, uint64_t at)
{
	return (struct range){ (s128)p->remote - p->back - slack(p->back, at),
			       (s128)p->remote - p->sent + slack(p->sent, at) };
}

/* The range that most exchanges share at the time @at. How many do. */
static uint32_t shared(struct edge *edges, const struct sync_probe *kept, uint32_t n, uint64_t at,
		       struct range *ret)
{
	uint32_t most = 0, now = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct range r = allowed(&kept[i], at);

		edges[2 * i] = (struct edge){ r.low, 1 };
		edges[2 * i + 1] = (struct edge){ r.high, -1 };
	}
	qsort(edges, 2 * (size_t)n, sizeof(*edges), by_place);
	for (uint32_t i = 0; i < 2 * n; i++) {
		now += edges[i].step;
		if (now <= most)
			continue;
		most = now;
		/* The next edge ends it: one that began a range would have raised the number. */
		*ret = (struct range){ edges[i].at, edges[i + 1].at };
	}
	return most;
}

/* Leaves out the exchanges that do not allow all of @common. How many are left. */
static uint32_t drop_others(struct sync_probe *kept, uint32_t n, uint64_t at, const struct range *common)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct range r = allowed(&kept[i], at);

		if (r.low <= common->low && r.high >= common->high)
			kept[left++] = kept[i];
	}
	return left;
}

/*
 * Until all that are left agree: the fastest of those left is another one then, and its
 * time the one to look at. How many are left; 0: not most of them.
 */
static uint32_t agree(struct edge *edges, struct sync_probe *kept, uint32_t n, struct range *ret)
{
	uint32_t most, left = n;

	for (;;) {
		uint64_t at = middle(fastest(kept, left));

		most = shared(edges, kept, left, at, ret);
		if (most == left)
			return left;
		if (most * 2 <= n)
			return 0;
		left = drop_others(kept, left, at, ret);
	}
}

/* How many units of the host's clock pass in one of the guest's, if more than one does. */
static double rate(const struct sync_probe *kept, uint32_t n)
{
	const struct sync_probe *first = kept, *last = kept + n - 1;

	if (last->sent <= first->sent || last->remote <= first->remote ||
	    last->remote - first->remote < last->sent - first->sent)
		return 1;
	return (double)(last->remote - first->remote) / (last->sent - first->sent);
}

int sync_estimate(const struct sync_probe *probes, uint32_t nr, struct sync_sample *ret, struct err *e)
{
	struct edge *edges AUTO_FREE = calloc(2 * (size_t)nr + 1, sizeof(*edges));
	struct sync_probe *kept AUTO_FREE = calloc((size_t)nr + 1, sizeof(*kept));
	const struct sync_probe *best;
	struct range common = { 0 };
	uint32_t n, left;
	uint64_t bound;
	s128 offset;

	if (!edges || !kept)
		return err_errno(e, -ENOMEM, "cannot reckon the offset of the clocks");
	n = keep_whole(probes, nr, kept);
	if (!n)
		return err_set(e, -ENODATA, "none of %u exchanges has come back with all its times", nr);
	left = agree(edges, kept, n, &common);
	if (!left)
		keep_whole(probes, nr, kept);
	best = fastest(kept, left ? left : n);
	if (left) {
		offset = common.low + (common.high - common.low) / 2;
		bound = (uint64_t)(common.high - common.low + 1) / 2;
	} else {
		left = 1;
		offset = (s128)best->remote - middle(best);
		bound = (uint64_t)(rate(kept, n) * ((double)round_trip(best) / 2)) + 1;
	}
	if (offset > INT64_MAX || offset < INT64_MIN || middle(best) > INT64_MAX)
		return err_set(e, -ERANGE, "the clocks are further apart than 63 bits can tell");
	*ret = (struct sync_sample){
		.shift = { .time = middle(best), .offset = offset, .scaling = 1 },
		.quality = { .time = middle(best), .bound = bound, .round_trip = round_trip(best), .probes = n,
			     .rejected = n - left },
	};
	return 0;
}
