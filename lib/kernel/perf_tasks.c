// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names of tasks: PERF_RECORD_COMM and _FORK (include/uapi/linux/perf_event.h). Rings may be drained
 * in any order: names are put together at the end.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/perf_internal.h"

struct perf_named {
	pid_t tid, parent;
	bool asked;			/* for a name that it had before */
	char comm[16];			/* "": the parent's */
};

void perf_tasks_release(struct perf_tasks *t)
{
	vec_release(t);
	map_release(&t->by_tid);
}

static struct perf_named *task_of(struct perf_tasks *t, pid_t tid)
{
	uint32_t at;

	if (map_get(&t->by_tid, tid, 0, &at))
		return &t->v[at];
	if (vec_push(t, (struct perf_named){ .tid = tid }) || map_set(&t->by_tid, tid, 0, t->nr - 1))
		return NULL;
	return &t->v[t->nr - 1];
}

/* A task that was there before anything was recorded has told no name. */
int perf_tasks_see(struct perf_tasks *t, pid_t tid)
{
	struct perf_named *task = task_of(t, tid);
	AUTO_BUF struct buf comm = { 0 };
	char path[64];

	if (!task)
		return -ENOMEM;
	if (task->asked || *task->comm || task->parent)
		return 0;
	task->asked = true;
	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	if (tid && path_read_all(path, &comm, 4096))
		return 0;
	snprintf(task->comm, sizeof(task->comm), "%.*s", tid ? (int)strcspn(comm.data, "\n") : 6,
		 tid ? comm.data : "<idle>");
	return 0;
}

static int see_threads(struct perf_tasks *t, const char *process)
{
	AUTO_BUF struct buf path = { 0 };
	struct dirent *entry;
	uint64_t tid;
	DIR *dir;
	int r = 0;

	if (buf_printf(&path, "/proc/%s/task", process))
		return -ENOMEM;
	dir = opendir(path.data);
	while (!r && dir && (entry = readdir(dir)))
		if (!parse_u64(entry->d_name, &tid))
			r = perf_tasks_see(t, tid);
	if (dir)
		closedir(dir);
	return r;
}

int perf_tasks_see_all(struct perf_tasks *t)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;
	int r = perf_tasks_see(t, 0);

	while (!r && dir && (entry = readdir(dir)))
		if (!parse_u64(entry->d_name, &pid))
			r = see_threads(t, entry->d_name);
	if (dir)
		closedir(dir);
	return r;
}

/* u32 pid, tid; char comm[] */
static int take_comm(struct perf_tasks *t, struct cur *c)
{
	struct perf_named *task;
	uint32_t pid, tid;
	const char *comm;

	if (!cur_u32(c, &pid) || !cur_u32(c, &tid) || !cur_str(c, sizeof(task->comm) - 1, &comm))
		return 0;
	task = task_of(t, tid);
	if (!task)
		return -ENOMEM;
	strcpy(task->comm, comm);
	return 0;
}

/* u32 pid, ppid, tid, ptid */
static int take_fork(struct perf_tasks *t, struct cur *c)
{
	uint32_t pid, ppid, tid, ptid;
	struct perf_named *task;

	if (!cur_u32(c, &pid) || !cur_u32(c, &ppid) || !cur_u32(c, &tid) || !cur_u32(c, &ptid))
		return 0;
	task = task_of(t, tid);
	if (!task)
		return -ENOMEM;
	task->parent = ptid;
	return 0;
}

int perf_tasks_take(struct perf_tasks *t, const struct perf_ringed *rec)
{
	struct cur c = {
		.data = rec->data, .len = rec->len, .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
	};

	switch (rec->type) {
	case PERF_RECORD_COMM: return take_comm(t, &c);
	case PERF_RECORD_FORK: return take_fork(t, &c);
	}
	return 0;
}

/* A task is nobody's ancestor twice. */
const char *perf_tasks_comm(const struct perf_tasks *t, pid_t tid)
{
	uint32_t at;

	for (size_t up = 0; up <= t->nr && map_get(&t->by_tid, tid, 0, &at); up++) {
		if (*t->v[at].comm)
			return t->v[at].comm;
		tid = t->v[at].parent;
	}
	return "";
}

int perf_tasks_text(const struct perf_tasks *t, struct buf *ret)
{
	for (size_t i = 0; i < t->nr; i++) {
		const char *comm = perf_tasks_comm(t, t->v[i].tid);

		if (*comm && t->v[i].tid)
			buf_printf(ret, "%d %s\n", t->v[i].tid, comm);
	}
	return ret->failed ? -ENOMEM : 0;
}
