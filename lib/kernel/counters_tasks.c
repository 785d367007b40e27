// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What each task counted: each event leaves a sample (PERF_RECORD_SAMPLE) in its CPU's ring, and
 * the tasks' names come the same way (PERF_RECORD_COMM, _FORK). Numbers that tasks tell as they end
 * (inherit_stat) would be cheaper, but kernels 5.13 to 6.18 forget them. Layouts:
 * include/uapi/linux/perf_event.h. Rings may be drained in any order: names are put together at the end.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/counters_internal.h"

#define RING_MAX ((size_t)2 << 20)	/* bytes; a ring's are a power of two pages */

struct ring {
	struct perf_event_mmap_page *page;
	size_t size;			/* of the data behind it */
};

struct task {
	pid_t tid, parent;
	bool asked;			/* for a name that it had before */
	char comm[16];			/* "": the parent's */
};

struct sum {
	uint32_t event;
	pid_t tid;
	uint64_t count;
};

struct count_tasks {
	size_t page;
	VEC(struct ring) rings;
	struct map events;		/* by the kernel's id */
	struct map by_tid;		/* indexes into tasks */
	VEC(struct task) tasks;
	struct map by_sum;		/* by event and tid: indexes into sums, until they are sorted */
	VEC(struct sum) sums;
	size_t at;			/* the first of them not added yet */
};

int count_tasks_new(struct count_tasks **ret)
{
	struct count_tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->page = sysconf(_SC_PAGESIZE);
	*ret = t;
	return 0;
}

void count_tasks_free(struct count_tasks *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rings.nr; i++)
		munmap(t->rings.v[i].page, t->rings.v[i].size + t->page);
	vec_release(&t->rings);
	vec_release(&t->tasks);
	vec_release(&t->sums);
	map_release(&t->events);
	map_release(&t->by_tid);
	map_release(&t->by_sum);
	free(t);
}

/* As large as is allowed: who is not root may lock little memory. */
int count_tasks_map(struct count_tasks *t, int fd)
{
	struct ring ring = { .page = MAP_FAILED, .size = RING_MAX * 2 };

	while (ring.page == MAP_FAILED && ring.size > t->page) {
		ring.size /= 2;
		ring.page = mmap(NULL, ring.size + t->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (ring.page == MAP_FAILED)
		return -errno;
	if (vec_push(&t->rings, ring)) {
		munmap(ring.page, ring.size + t->page);
		return -ENOMEM;
	}
	return 0;
}

int count_tasks_name(struct count_tasks *t, uint64_t id, uint32_t event)
{
	return map_set(&t->events, id, 0, event);
}

/* ---- records ---------------------------------------------------------------------------- */

static struct task *task_of(struct count_tasks *t, pid_t tid)
{
	uint32_t at;

	if (map_get(&t->by_tid, tid, 0, &at))
		return &t->tasks.v[at];
	if (vec_push(&t->tasks, (struct task){ .tid = tid }) || map_set(&t->by_tid, tid, 0, t->tasks.nr - 1))
		return NULL;
	return &t->tasks.v[t->tasks.nr - 1];
}

/* A task that was there before anything was counted has told no name. */
static void ask_name(struct task *task)
{
	AUTO_BUF struct buf comm = { 0 };
	char path[64];

	if (task->asked || *task->comm || task->parent)
		return;
	task->asked = true;
	snprintf(path, sizeof(path), "/proc/%d/comm", task->tid);
	if (task->tid && path_read_all(path, &comm, 4096))
		return;
	snprintf(task->comm, sizeof(task->comm), "%.*s", task->tid ? (int)strcspn(comm.data, "\n") : 6,
		 task->tid ? comm.data : "<idle>");
}

/* PERF_SAMPLE_TID | _ID | _PERIOD: u32 pid, tid; u64 id, period */
static int take_sample(struct count_tasks *t, struct cur *c)
{
	uint32_t pid, tid, event, at;
	struct task *task;
	uint64_t id, period;

	if (!cur_u32(c, &pid) || !cur_u32(c, &tid) || !cur_u64(c, &id) || !cur_u64(c, &period))
		return 0;
	if (!map_get(&t->events, id, 0, &event))
		return 0;
	if (!map_get(&t->by_sum, event, tid, &at)) {
		struct sum none = { .event = event, .tid = tid };

		task = task_of(t, tid);
		at = t->sums.nr;
		if (!task || vec_push(&t->sums, none) || map_set(&t->by_sum, event, tid, at))
			return -ENOMEM;
		ask_name(task);
	}
	t->sums.v[at].count += period;
	return 0;
}

/* u32 pid, tid; char comm[] */
static int take_comm(struct count_tasks *t, struct cur *c)
{
	uint32_t pid, tid;
	const char *comm;
	struct task *task;

	if (!cur_u32(c, &pid) || !cur_u32(c, &tid) || !cur_str(c, sizeof(task->comm) - 1, &comm))
		return 0;
	task = task_of(t, tid);
	if (!task)
		return -ENOMEM;
	strcpy(task->comm, comm);
	return 0;
}

/* u32 pid, ppid, tid, ptid */
static int take_fork(struct count_tasks *t, struct cur *c)
{
	uint32_t pid, ppid, tid, ptid;
	struct task *task;

	if (!cur_u32(c, &pid) || !cur_u32(c, &ppid) || !cur_u32(c, &tid) || !cur_u32(c, &ptid))
		return 0;
	task = task_of(t, tid);
	if (!task)
		return -ENOMEM;
	task->parent = ptid;
	return 0;
}

static int take_record(struct count_tasks *t, uint32_t type, const uint8_t *data, size_t len)
{
	struct cur c = { .data = data, .len = len, .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

	switch (type) {
	case PERF_RECORD_SAMPLE: return take_sample(t, &c);
	case PERF_RECORD_COMM: return take_comm(t, &c);
	case PERF_RECORD_FORK: return take_fork(t, &c);
	}
	return 0;
}

/* A record may go round the end of the ring: it is copied whole first. */
static void ring_copy(const struct count_tasks *t, const struct ring *ring, uint64_t at, void *ret, size_t len)
{
	const uint8_t *data = (const uint8_t *)ring->page + t->page;
	size_t from = at & (ring->size - 1), first = ring->size - from < len ? ring->size - from : len;

	memcpy(ret, data + from, first);
	memcpy((uint8_t *)ret + first, data, len - first);
}

static int drain_ring(struct count_tasks *t, const struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE), tail = ring->page->data_tail;
	uint8_t record[UINT16_MAX];
	int r = 0;

	while (!r && head - tail >= sizeof(struct perf_event_header)) {
		struct perf_event_header h;

		ring_copy(t, ring, tail, &h, sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail)
			break;
		ring_copy(t, ring, tail, record, h.size);
		r = take_record(t, h.type, record + sizeof(h), h.size - sizeof(h));
		tail += h.size;
	}
	__atomic_store_n(&ring->page->data_tail, r ? tail : head, __ATOMIC_RELEASE);
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

/* The task's name, or that of whoever it comes from; a task is nobody's ancestor twice. */
static const char *comm_of(struct count_tasks *t, pid_t tid)
{
	uint32_t at;

	for (size_t up = 0; up <= t->tasks.nr && map_get(&t->by_tid, tid, 0, &at); up++) {
		if (*t->tasks.v[at].comm)
			return t->tasks.v[at].comm;
		tid = t->tasks.v[at].parent;
	}
	return "";
}

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
		row.comm = comm_of(t, one->tid);
		*ret_sum += one->count;
		if (vec_push(ret, row))
			return -ENOMEM;
	}
	return 0;
}
