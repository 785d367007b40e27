// SPDX-License-Identifier: GPL-2.0-or-later
/* Iterating, filters and followers. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance.h"

/* ---- iterating ---- */

int see(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct seen *s = data;

	(void)h;
	s->wrong += r->ts < s->ts || (r->ts == s->ts && cpu < s->last_cpu) || cpu != r->cpu || r->ref_count != 1;
	s->ts = r->ts;
	s->last_cpu = cpu;
	s->cpus[cpu & 1]++;
	s->nr++;
	return 0;
}

void iterate_order(void)
{
	struct seen s = { 0 }, none = { 0 };

	OPEN(h);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &s));
	CHECK(!s.wrong && s.nr > 300 && s.cpus[0] && s.cpus[1]);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &none) && !none.nr);
	tracecmd_free_record(tracecmd_read_cpu_first(h, 0));
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &none));
	CHECK(none.cpus[0] == s.cpus[0] - 1 && !none.cpus[1]);
	tracecmd_close(h);
}

void iterate_some_cpus(void)
{
	struct seen s = { 0 }, all = { 0 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	OPEN(h);
	CHECK(!tracecmd_iterate_events(h, &set, sizeof(set), see, &s));
	CHECK(s.nr && !s.cpus[0]);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &all));
	CHECK(all.cpus[0] && !all.cpus[1]);
	tracecmd_close(h);
}

void iterate_nobody(void)
{
	OPEN(h);
	errno = 0;
	CHECK(tracecmd_iterate_events(h, NULL, 0, NULL, NULL) == -1 && errno == EINVAL);
	tracecmd_close(h);
}

static int stop_at(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	int *left = data;

	(void)h;
	(void)cpu;
	(void)r;
	return --*left ? 0 : 7;
}

void iterate_stops(void)
{
	struct seen all = { 0 }, rest = { 0 };
	int left = 10;

	OPEN(h);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &all));
	tracecmd_close(h);
	h = tracecmd_open(trace, 0);
	CHECK(h && tracecmd_iterate_events(h, NULL, 0, stop_at, &left) == 7 && !left);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &rest));
	CHECK(rest.nr == all.nr - 10 && !rest.wrong);
	tracecmd_close(h);
}

static int keep(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct tep_record **kept = data;

	(void)h;
	(void)cpu;
	if (kept[1])
		return 0;
	r->ref_count++;
	kept[kept[0] ? 1 : 0] = r;
	return 0;
}

void iterate_keeps(void)
{
	struct tep_record *kept[2] = { NULL };

	OPEN(h);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, keep, kept));
	CHECK(kept[0] && kept[1] && kept[0] != kept[1] && kept[0]->ts <= kept[1]->ts && kept[0]->ref_count == 1);
	tracecmd_free_record(kept[0]);
	tracecmd_free_record(kept[1]);
	tracecmd_close(h);
}

/* The callback reads on: what it reads does not come again, and all else does. */
static int read_on(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct seen *s = data;
	struct tep_record *next = NULL;

	s->wrong += r->ts < s->ts;
	s->ts = r->ts;
	s->nr++;
	if (s->nr % 3 == 0)
		next = tracecmd_read_data(h, cpu);
	if (next) {
		s->cpus[1]++;
		s->wrong += next->ts < r->ts;
	}
	tracecmd_free_record(next);
	return 0;
}

void iterate_reads_on(void)
{
	struct seen all = { 0 }, s = { 0 };

	OPEN(h);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &all));
	tracecmd_close(h);
	h = tracecmd_open(trace, 0);
	CHECK(h && !tracecmd_iterate_events(h, NULL, 0, read_on, &s));
	CHECK(!s.wrong && s.cpus[1] && s.nr + s.cpus[1] == all.nr);
	tracecmd_close(h);
}

static int see_multi(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct seen *s = data;

	(void)h;
	s->wrong += r->ts < s->ts || cpu % 2 != r->cpu || cpu > 3;
	s->ts = r->ts;
	s->cpus[cpu / 2 & 1]++;
	s->nr++;
	return 0;
}

void iterate_multi(void)
{
	struct tracecmd_input *v[2];
	struct seen s = { 0 };

	v[0] = tracecmd_open(trace, 0);
	v[1] = tracecmd_open(trace, 0);
	CHECK(v[0] && v[1] && !tracecmd_iterate_events_multi(v, 2, see_multi, &s));
	CHECK(!s.wrong && s.cpus[0] == s.cpus[1] && s.nr > 600);
	tracecmd_close(v[0]);
	tracecmd_close(v[1]);
}

static int backwards(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct seen *s = data;

	(void)h;
	s->wrong += (s->nr && r->ts > s->ts) || cpu != r->cpu;
	s->ts = r->ts;
	s->cpus[cpu & 1]++;
	return ++s->nr == s->last_cpu ? 5 : 0;
}

static int (*reverse(void))(struct tracecmd_input *, cpu_set_t *, int,
			    int (*)(struct tracecmd_input *, struct tep_record *, int, void *), void *, bool)
{
	return function("tracecmd_iterate_events_reverse");
}

void iterate_reverse(void)
{
	struct seen all = { 0 }, back = { 0 }, part = { .last_cpu = 20 }, rest = { 0 }, again = { 0 };
	int (*reset)(struct tracecmd_input *) = function("tracecmd_iterate_reset");

	CHECK(reverse() && reset);
	OPEN(h);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &all));
	CHECK(!reverse()(h, NULL, 0, backwards, &back, false));
	CHECK(!back.wrong && back.nr == all.nr && back.cpus[0] == all.cpus[0]);
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see, &again) && again.nr == all.nr && !again.wrong);
	CHECK(reverse()(h, NULL, 0, backwards, &part, false) == 5 && part.nr == 20);
	rest.ts = part.ts;
	CHECK(!reverse()(h, NULL, 0, backwards, &rest, true));
	CHECK(rest.nr == all.nr - 20 && !rest.wrong);
	memset(&rest, 0, sizeof(rest));
	CHECK(!reverse()(h, NULL, 0, backwards, &rest, true) && !rest.nr);
	memset(&again, 0, sizeof(again));
	CHECK(!reset(h) && !tracecmd_iterate_events(h, NULL, 0, see, &again) && again.nr == all.nr);
	tracecmd_close(h);
}

void reset_with_empty_cpu(void)
{
	int (*reset)(struct tracecmd_input *) = function("tracecmd_iterate_reset");
	struct tracecmd_input *h = tracecmd_open(instances, 0);

	CHECK(reset && h);
	for (int i = 0; i < tracecmd_buffer_instances(h); i++) {
		struct tracecmd_input *in = tracecmd_buffer_instance_handle(h, i);

		CHECK(in && !reset(in));
		tracecmd_close(in);
	}
	tracecmd_close(h);
}

/* ---- filters and followers ---- */

static int only(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct tep_event *event = tep_find_event_by_record(tracecmd_get_tep(h), r);
	int *counts = data;

	(void)cpu;
	counts[event && !strcmp(event->name, "sched_switch") ? 0 : event && !strcmp(event->name, "sched_waking") ? 1 : 2]++;
	return 0;
}

static int counted(const char *filter, const char *not, int *counts)
{
	struct tracecmd_input *h = tracecmd_open(trace, 0);
	int ret = -2;

	memset(counts, 0, 3 * sizeof(*counts));
	if (h && (!filter || tracecmd_filter_add(h, filter, false)) && (!not || tracecmd_filter_add(h, not, true)))
		ret = tracecmd_iterate_events(h, NULL, 0, only, counts);
	tracecmd_close(h);
	return ret;
}

void filters(void)
{
	int all[3], some[3], fewer[3];

	CHECK(!counted(NULL, NULL, all) && all[0] && all[1] && all[2]);
	CHECK(!counted("sched_switch", NULL, some) && some[0] == all[0] && !some[1] && !some[2]);
	CHECK(!counted("sched/sched_switch:next_pid == 0", NULL, fewer));
	CHECK(fewer[0] && fewer[0] < all[0] && !fewer[1] && !fewer[2]);
	CHECK(!counted(NULL, "sched/sched_switch:next_pid == 0", some));
	CHECK(some[0] == all[0] - fewer[0] && some[1] == all[1] && some[2] == all[2]);
	CHECK(!counted("sched_switch", "sched_switch:next_pid == 0", some) && some[0] == all[0] - fewer[0] && !some[1]);
}

void bad_filters(void)
{
	OPEN(h);
	CHECK(!tracecmd_filter_add(h, "sched_switch:next_pid ==", false));
	CHECK(!tracecmd_filter_add(h, "no_such_event", false));
	tracecmd_close(h);
}

void reads_are_not_filtered(void)
{
	struct tep_record *r;
	int nr = 0;

	OPEN(h);
	CHECK(tracecmd_filter_add(h, "sched_switch:next_pid == -5", false));
	for (r = tracecmd_read_cpu_first(h, 0); r; r = tracecmd_read_data(h, 0), nr++)
		tracecmd_free_record(r);
	CHECK(nr > 100);
	tracecmd_close(h);
}

/* Counts stacks, and those that are not behind their event. */
static int see_stacks(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct tep_event *event = tep_find_event_by_record(tracecmd_get_tep(h), r);
	int *counts = data;

	(void)cpu;
	counts[event && !strcmp(event->name, "kernel_stack")]++;
	return 0;
}

void stacks_go_along(void)
{
	struct tracecmd_input *h = tracecmd_open(stacks, 0);
	int all[2] = { 0 }, some[2] = { 0 };

	CHECK(h && !tracecmd_iterate_events(h, NULL, 0, see_stacks, all) && all[1]);
	tracecmd_close(h);
	h = tracecmd_open(stacks, 0);
	CHECK(h && tracecmd_filter_add(h, "sched_switch:next_pid == 0", false));
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see_stacks, some));
	CHECK(some[0] && some[0] < all[0] && some[1] && some[1] <= some[0]);
	tracecmd_close(h);
}

static int see_lost(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	(void)h;
	(void)cpu;
	*(int *)data += r->missed_events != 0;
	return 0;
}

static int follow_lost(struct tracecmd_input *h, struct tep_event *event, struct tep_record *r, int cpu, void *data)
{
	(void)h;
	(void)cpu;
	*(int *)data += event && r->missed_events;
	return 0;
}

void lost_are_told(void)
{
	struct tracecmd_input *h = tracecmd_open(losses, 0);
	int seen = 0, followed = 0, filtered = 0;

	CHECK(h && !tracecmd_follow_missed_events(h, follow_lost, &followed));
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see_lost, &seen) && seen > 3 && followed == seen);
	tracecmd_close(h);
	h = tracecmd_open(losses, 0);
	followed = 0;
	/* whatever filters say */
	CHECK(h && tracecmd_filter_add(h, "ftrace/print", false));
	CHECK(!tracecmd_follow_missed_events(h, follow_lost, &followed));
	CHECK(!tracecmd_iterate_events(h, NULL, 0, see_lost, &filtered) && followed == seen && filtered < seen);
	tracecmd_close(h);
}

static int follow(struct tracecmd_input *h, struct tep_event *event, struct tep_record *r, int cpu, void *data)
{
	int *nr = data;

	(void)h;
	(void)cpu;
	(void)r;
	nr[strcmp(event->name, "sched_switch") ? 1 : 0]++;
	return 0;
}

void followers(void)
{
	int nr[2] = { 0 }, twice[2] = { 0 }, counts[3] = { 0 };

	OPEN(h);
	errno = 0;
	CHECK(tracecmd_follow_event(h, NULL, "no_such_event", follow, nr) == -1 && errno == ENOENT);
	CHECK(!tracecmd_follow_event(h, "sched", "sched_switch", follow, nr));
	CHECK(!tracecmd_follow_event(h, NULL, "sched_switch", follow, twice));
	CHECK(!tracecmd_iterate_events(h, NULL, 0, only, counts));
	CHECK(counts[0] && counts[1] && nr[0] == counts[0] && twice[0] == counts[0] && !nr[1]);
	tracecmd_close(h);
	memset(nr, 0, sizeof(nr));
	h = tracecmd_open(trace, 0);
	CHECK(h && !tracecmd_follow_event(h, NULL, "sched_switch", follow, nr));
	CHECK(!tracecmd_iterate_events(h, NULL, 0, NULL, NULL) && nr[0] == counts[0]);
	tracecmd_close(h);
}

static int stop_following(struct tracecmd_input *h, struct tep_event *event, struct tep_record *r, int cpu, void *data)
{
	(void)h;
	(void)event;
	(void)r;
	(void)cpu;
	++*(int *)data;
	return 3;
}

void follower_stops(void)
{
	int nr = 0;

	OPEN(h);
	CHECK(!tracecmd_follow_event(h, NULL, "sched_switch", stop_following, &nr));
	CHECK(tracecmd_iterate_events(h, NULL, 0, NULL, NULL) == 3 && nr == 1);
	tracecmd_close(h);
}
