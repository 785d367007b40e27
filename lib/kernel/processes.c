// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which tasks are traced where only some processes are. The kernel's lists (set_event_pid, set_ftrace_pid)
 * hold threads, each by its own number: one that begins later gets into them only along with all
 * children (event-fork, function-fork). How many did is what perf tells of each task in the list.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/perf_internal.h"

#define ROUNDS_MAX 16			/* of looking for tasks that began while the others were listed */
#define WATCHED_MAX 64			/* tasks whose threads are counted */
#define FORKS_BYTES 16384		/* of perf's records: some 300 */

bool setup_is_limited(const struct kernel_setup *s, const struct kernel_instance_setup *is)
{
	return !is->wakes && (s->only_command || is->pids.nr);
}

/* ---- tasks there are ------------------------------------------------------------------ */

struct tasks {
	struct kernel_pids *list;
	struct map in;			/* tids in it */
};

static int add_task(struct tasks *t, pid_t tid)
{
	uint32_t at;

	if (map_get(&t->in, tid, 0, &at))
		return 0;
	if (vec_push(t->list, tid))
		return -ENOMEM;
	return map_set(&t->in, tid, 0, 0);
}

static bool is_leader(pid_t pid)
{
	AUTO_BUF struct buf status = { 0 };
	const char *tgid = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!path_read_all(path, &status, KERNEL_TEXT_MAX) && status.data)
		tgid = strstr(status.data, "\nTgid:");
	return tgid && atoi(tgid + 6) == pid;
}

/* Calls @fn for each entry that is a number. Where there is no such folder: for none. */
static int each_number(const char *path, int (*fn)(void *ctx, pid_t number), void *ctx)
{
	DIR *d = opendir(path);
	struct dirent *de;
	uint64_t number;
	int r = 0;

	while (!r && d && (de = readdir(d)))
		if (!parse_u64(de->d_name, &number))
			r = fn(ctx, number);
	if (d)
		closedir(d);
	return r;
}

static int add_thread(void *tasks, pid_t tid)
{
	return add_task(tasks, tid);
}

static int add_process(struct tasks *t, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return each_number(path, add_thread, t);
}

struct family {
	pid_t pid, parent;
	bool in;
};
struct families {
	struct family *v;
	size_t nr, cap;
};

/* proc_pid_stat(5): the parent is the second word behind the name, which may have any letters in it. */
static int add_family(void *families, pid_t pid)
{
	struct families *f = families;
	AUTO_BUF struct buf stat = { 0 };
	const char *behind = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!path_read_all(path, &stat, KERNEL_TEXT_MAX) && stat.data)
		behind = strrchr(stat.data, ')');
	if (!behind || strlen(behind) < 4)
		return 0;		/* it has ended */
	return vec_push(f, ((struct family){ .pid = pid, .parent = atoi(behind + 4) })) ? -ENOMEM : 0;
}

/* All processes that come from those of the setup. We are none of them, what we began may be. */
static int add_children(struct tasks *t, const struct kernel_pids *pids)
{
	struct families f = { 0 };
	struct map in = { 0 };
	int r = each_number("/proc", add_family, &f);
	bool more = true;
	uint32_t at;

	for (size_t i = 0; !r && i < pids->nr; i++)
		r = map_set(&in, pids->v[i], 0, 0);
	while (!r && more) {
		more = false;
		for (size_t i = 0; !r && i < f.nr; i++) {
			struct family *one = &f.v[i];

			if (one->in || !map_get(&in, one->parent, 0, &at))
				continue;
			one->in = more = true;
			r = map_set(&in, one->pid, 0, 0);
			if (!r && one->pid != getpid())
				r = add_process(t, one->pid);
		}
	}
	map_release(&in);
	vec_release(&f);
	return r;
}

int setup_tasks(const struct kernel_instance_setup *is, struct kernel_pids *ret)
{
	struct tasks t = { .list = ret };
	int r = 0;

	for (size_t i = 0; !r && i < ret->nr; i++)
		r = map_set(&t.in, ret->v[i], 0, 0);
	for (size_t i = 0; !r && i < is->pids.nr; i++) {
		if (is_leader(is->pids.v[i]))
			r = add_process(&t, is->pids.v[i]);
		if (!r)
			r = add_task(&t, is->pids.v[i]);
	}
	if (!r && is->follow && is->pids.nr)
		r = add_children(&t, &is->pids);
	map_release(&t.in);
	return r;
}

/* ---- threads that begin later ----------------------------------------------------------- */

struct begun_task {
	pid_t tid;
	int fd;
	struct perf_ring ring;
};
struct kernel_begun {
	VEC(struct begun_task) tasks;
	uint64_t nr;
};

/* By which these records lie. */
static const struct perf_attr fork_attr = { .big_endian = PERF_BIG_ENDIAN };

static void begun_free(struct kernel_begun *b)
{
	for (size_t i = 0; b && i < b->tasks.nr; i++) {
		perf_ring_unmap(&b->tasks.v[i].ring);
		close(b->tasks.v[i].fd);
	}
	if (b)
		vec_release(&b->tasks);
	free(b);
}

void setup_begun_release(struct kernel_setup *s)
{
	begun_free(s->begun);
	s->begun = NULL;
}

/* Where perf may not be used nothing is counted. */
static void count_threads_of(struct kernel_setup *s, pid_t tid)
{
	const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .size = sizeof(attr), .task = 1,
		.exclude_kernel = 1, .exclude_hv = 1,
	};
	struct begun_task t = { .tid = tid };

	if (!s->begun)
		s->begun = calloc(1, sizeof(*s->begun));
	if (!s->begun || s->begun->tasks.nr >= WATCHED_MAX)
		return;
	for (size_t i = 0; i < s->begun->tasks.nr; i++)
		if (s->begun->tasks.v[i].tid == tid)
			return;
	t.fd = perf_open(&attr, tid, -1);
	if (t.fd < 0)
		return;
	if (perf_ring_map(&t.ring, t.fd, FORKS_BYTES, 0) || vec_push(&s->begun->tasks, t)) {
		perf_ring_unmap(&t.ring);
		close(t.fd);
	}
}

static uint64_t count_threads(struct begun_task *t)
{
	AUTO_BUF struct buf told = { 0 };
	struct perf_record rec;
	struct perf_task task;
	uint64_t nr = 0;
	struct cur cur;

	if (perf_ring_take(&t->ring, &told) || !told.len)
		return 0;
	cur = (struct cur){ .data = (const uint8_t *)told.data, .len = told.len, .big_endian = PERF_BIG_ENDIAN };
	while (perf_record_next(&cur, &rec, NULL) > 0)
		if (rec.type == PERF_RECORD_FORK && !perf_task_parse(&fork_attr, &rec, &task, NULL))
			nr += task.pid == task.ppid;
	return nr;
}

uint64_t kernel_setup_begun(struct kernel_setup *s)
{
	for (size_t i = 0; s->begun && i < s->begun->tasks.nr; i++)
		s->begun->nr += count_threads(&s->begun->tasks.v[i]);
	return s->begun ? s->begun->nr : 0;
}

/* ---- the kernel's lists ---------------------------------------------------------------- */

static int list_tasks(const struct kernel_instance_setup *is, const struct kernel_pids *tids, size_t from,
		      struct err *e)
{
	bool functions = setup_traces_functions(is);
	AUTO_BUF struct buf text = { 0 };
	int (*list)(struct kernel_instance *, const char *, const char *, struct err *) =
		from ? kernel_append : kernel_write;
	int r = 0;

	for (size_t i = from; i < tids->nr; i++)
		buf_printf(&text, "%d\n", (int)tids->v[i]);
	if (text.failed)
		return err_errno(e, -ENOMEM, "cannot limit tracing to processes");
	if (is->events.nr || !functions)
		r = list(is->in, "set_event_pid", text.data, e);
	if (!r && functions)
		r = list(is->in, "set_ftrace_pid", text.data, e);
	return r;
}

/* What begins while others are being listed is listed with the next round. */
static int limit(struct kernel_setup *s, const struct kernel_instance_setup *is, pid_t command, struct err *e)
{
	struct kernel_pids tids = { 0 };
	size_t listed = 0;
	int r = s->only_command && command > 0 && vec_push(&tids, command) ? -ENOMEM : 0;

	for (int round = 0; !r && round < ROUNDS_MAX; round++) {
		r = setup_tasks(is, &tids);
		if (r || tids.nr == listed)
			break;
		r = list_tasks(is, &tids, listed, e);
		if (r) {
			err_wrap(e, "cannot limit tracing to processes (%s)", s->only_command ? "-F" : "-P");
			break;
		}
		for (size_t i = listed; i < tids.nr && !is->follow; i++)
			count_threads_of(s, tids.v[i]);
		listed = tids.nr;
	}
	vec_release(&tids);
	return r == -ENOMEM ? err_errno(e, r, "cannot limit tracing to processes") : r;
}

int kernel_setup_pids(struct kernel_setup *s, pid_t command, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && !s->no_filter && i < s->instances.nr; i++)
		if (s->instances.v[i].in && setup_is_limited(s, &s->instances.v[i]))
			r = limit(s, &s->instances.v[i], command, e);
	return r;
}
