// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What each task counted: each event leaves a sample (PERF_RECORD_SAMPLE) in its CPU's ring, and
 * the tasks' names come the same way (PERF_RECORD_COMM, _FORK). Numbers that tasks tell as they end
 * (inherit_stat) would be cheaper, but kernels 5.13 to 6.18 forget them.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel/counters_internal.h"
#include "kernel/perf_internal.h"

#define RING_MAX ((size_t)2 << 20)	/* bytes */

struct sum {
	uint32_t event;
	pid_t tid;
	uint64_t count;
};

struct count_tasks {
	VEC(struct perf_ring) rings;
	struct buf records;		/* what was taken from a ring */
	struct map events;		/* by the kernel's id */
	struct perf_tasks tasks;
	struct map by_sum;		/* by event and tid: indexes into sums, until they are sorted */
	VEC(struct sum) sums;
	size_t at;			/* the first of them not added yet */
};

int count_tasks_new(struct count_tasks **ret)
{
	struct count_tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

void count_tasks_free(struct count_tasks *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rings.nr; i++)
		perf_ring_unmap(&t->rings.v[i]);
	vec_release(&t->rings);
	buf_release(&t->records);
	perf_tasks_release(&t->tasks);
	vec_release(&t->sums);
	map_release(&t->events);
	map_release(&t->by_sum);
	free(t);
}

/* As large as is allowed: who is not root may lock little memory. */
int count_tasks_map(struct count_tasks *t, int fd)
{
	struct perf_ring ring = { 0 };
	int r = perf_ring_map(&ring, fd, RING_MAX, 0);

	if (!r && vec_push(&t->rings, ring)) {
		perf_ring_unmap(&ring);
		r = -ENOMEM;
	}
	return r;
}

int count_tasks_name(struct count_tasks *t, uint64_t id, uint32_t event)
{
	return map_set(&t->events, id, 0, event);
}

int count_tasks_see_all(struct count_tasks *t)
{
	return perf_tasks_see_all(&t->tasks);
}

/* As counters.c asks for it: without times, which would cost more than the counting. */
static const struct perf_attr count_attr = { .sample_type = COUNT_TASKS_SAMPLE, .big_endian = PERF_BIG_ENDIAN };

/* ---- records ---------------------------------------------------------------------------- */

static int take_sample(struct count_tasks *t, const struct perf_record *rec)
{
	struct perf_sample s;
	uint32_t event, at;
	int r = perf_sample_parse(&count_attr, rec, &s, NULL);

	if (r || !map_get(&t->events, s.at.id, 0, &event))
		return r;
	if (!map_get(&t->by_sum, event, s.at.tid, &at)) {
		struct sum none = { .event = event, .tid = s.at.tid };

		at = t->sums.nr;
		if (vec_push(&t->sums, none) || map_set(&t->by_sum, event, s.at.tid, at) ||
		    perf_tasks_see(&t->tasks, s.at.tid))
			return -ENOMEM;
	}
	t->sums.v[at].count += s.period;
	return 0;
}

static int drain_ring(struct count_tasks *t, struct perf_ring *ring)
{
	struct perf_record rec;
	struct cur c;
	int r;

	buf_clear(&t->records);
	r = perf_ring_take(ring, &t->records);
	c = (struct cur){
		.data = (const uint8_t *)t->records.data, .len = t->records.len, .big_endian = PERF_BIG_ENDIAN,
	};
	while (!r && (r = perf_record_next(&c, &rec, NULL)) > 0)
		r = rec.type == PERF_RECORD_SAMPLE ? take_sample(t, &rec) :
						     perf_tasks_take(&t->tasks, &count_attr, &rec, NULL);
	return r;
}

int count_tasks_drain(struct count_tasks *t)
{
	int r = 0;

	for (size_t i = 0; !r && i < t->rings.nr; i++)
		r = drain_ring(t, &t->rings.v[i]);
	return r;
}

/* ---- the result -------------------------------------------------------------------------- */

static int by_event_and_task(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->event != y->event)
		return x->event < y->event ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

int count_tasks_add(struct count_tasks *t, uint32_t nr, const struct kernel_count *like,
		    struct kernel_counts *ret, uint64_t *ret_sum)
{
	if (!nr && t->sums.nr)
		qsort(t->sums.v, t->sums.nr, sizeof(*t->sums.v), by_event_and_task);
	for (; t->at < t->sums.nr && t->sums.v[t->at].event == nr; t->at++) {
		const struct sum *one = &t->sums.v[t->at];
		struct kernel_count row = *like;

		row.count = one->count;
		row.tid = one->tid;
		row.comm = perf_tasks_comm(&t->tasks, one->tid);
		*ret_sum += one->count;
		if (vec_push(ret, row))
			return -ENOMEM;
	}
	return 0;
}
