// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/perf_tasks.h"

#define NAME_MAX_LEN 63			/* perf has longer names for kernel threads than the kernel */

struct perf_named {
	uint32_t tid, parent;
	uint64_t time;			/* since when it has the name */
	bool asked;			/* for a name that it had before */
	char name[NAME_MAX_LEN + 1];	/* "": the parent's */
};

void perf_tasks_release(struct perf_tasks *t)
{
	vec_release(t);
	map_release(&t->by_tid);
}

static struct perf_named *task_of(struct perf_tasks *t, uint32_t tid)
{
	uint32_t at;

	if (map_get(&t->by_tid, tid, 0, &at))
		return &t->v[at];
	if (vec_push(t, (struct perf_named){ .tid = tid }) || map_set(&t->by_tid, tid, 0, t->nr - 1))
		return NULL;
	return &t->v[t->nr - 1];
}

/* One line of text each: what would end it is made visible instead. */
static void set_name(struct perf_named *task, const char *name, uint64_t time)
{
	size_t i;

	for (i = 0; i < NAME_MAX_LEN && name[i]; i++)
		task->name[i] = (unsigned char)name[i] < ' ' ? '?' : name[i];
	task->name[i] = 0;
	task->time = time;
}

int perf_tasks_name(struct perf_tasks *t, uint32_t tid, uint64_t time, const char *name)
{
	struct perf_named *task = task_of(t, tid);

	if (!task)
		return -ENOMEM;
	if (!*task->name || time >= task->time)
		set_name(task, name, time);
	return 0;
}

/* The parent may get another name later; one that is later already is not what the task began with. */
int perf_tasks_fork(struct perf_tasks *t, uint32_t tid, uint32_t parent, uint64_t time)
{
	struct perf_named *task = task_of(t, tid);
	uint32_t at;

	if (!task)
		return -ENOMEM;
	if (tid == parent || (*task->name && task->time >= time))
		return 0;
	task->parent = parent;
	*task->name = 0;
	if (map_get(&t->by_tid, parent, 0, &at) && t->v[at].time <= time)
		set_name(task, t->v[at].name, time);
	return 0;
}

/* A task that was there before anything was recorded has told no name. */
int perf_tasks_see(struct perf_tasks *t, uint32_t tid)
{
	struct perf_named *task = task_of(t, tid);
	AUTO_BUF struct buf comm = { 0 };
	char path[64];

	if (!task)
		return -ENOMEM;
	if (task->asked || *task->name || task->parent)
		return 0;
	task->asked = true;
	snprintf(path, sizeof(path), "/proc/%u/comm", tid);
	if (!tid) {
		set_name(task, "<idle>", 0);
	} else if (!path_read_all(path, &comm, 4096)) {
		comm.data[strcspn(comm.data, "\n")] = 0;
		set_name(task, comm.data, 0);
	}
	return 0;
}

static int see_thread(void *tasks, pid_t tid)
{
	return perf_tasks_see(tasks, tid);
}

static int see_threads(void *tasks, pid_t process)
{
	return task_each(process, see_thread, tasks);
}

int perf_tasks_see_all(struct perf_tasks *t)
{
	int r = perf_tasks_see(t, 0);

	return r ? r : task_each(0, see_threads, t);
}

int perf_tasks_take(struct perf_tasks *t, const struct perf_attr *a, const struct perf_record *rec,
		    struct err *e)
{
	struct perf_comm comm;
	struct perf_task task;
	int r = 0;

	if (rec->type == PERF_RECORD_COMM) {
		r = perf_comm_parse(a, rec, &comm, e);
		if (!r)
			r = perf_tasks_name(t, comm.tid, comm.at.time, comm.name);
	} else if (rec->type == PERF_RECORD_FORK) {
		r = perf_task_parse(a, rec, &task, e);
		if (!r)
			r = perf_tasks_fork(t, task.tid, task.ptid, task.at.time);
	}
	return r;
}

/* A task is nobody's ancestor twice. */
const char *perf_tasks_comm(const struct perf_tasks *t, uint32_t tid)
{
	uint32_t at;

	for (size_t up = 0; up <= t->nr && map_get(&t->by_tid, tid, 0, &at); up++) {
		if (*t->v[at].name)
			return t->v[at].name;
		tid = t->v[at].parent;
	}
	return "";
}

int perf_tasks_text(const struct perf_tasks *t, struct buf *ret)
{
	for (size_t i = 0; i < t->nr; i++) {
		const char *name = perf_tasks_comm(t, t->v[i].tid);

		if (*name && t->v[i].tid)
			buf_printf(ret, "%u %s\n", t->v[i].tid, name);
	}
	return ret->failed ? -ENOMEM : 0;
}
