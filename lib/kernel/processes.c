// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which tasks are traced where only some processes are. The kernel's lists (set_event_pid, set_ftrace_pid)
 * hold threads, each by its own number: one that begins later gets into them only along with all
 * children (event-fork, function-fork). How many did is what perf tells.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kernel/perf_internal.h"

#define ROUNDS_MAX 16			/* of looking for tasks that began while the others were listed */
#define FORKS_BYTES 32768		/* of perf's records for each CPU: 1000 */

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

static int add_thread(void *tasks, pid_t tid)
{
	return add_task(tasks, tid);
}

static int add_process(struct tasks *t, pid_t pid)
{
	return task_each(pid, add_thread, t);
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
	int r = task_each(0, add_family, &f);
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
		if (task_process(is->pids.v[i]) == is->pids.v[i])
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

/* What each CPU's tasks begin: told so, it costs the traced processes nothing when they are switched. */
struct fork_ring {
	int fd;
	struct perf_ring ring;
};
struct kernel_begun {
	VEC(struct fork_ring) rings;
	int poll;
	struct map processes;		/* whose threads count */
	struct map listed;		/* threads that are traced */
	uint64_t nr;
};

/* By which these records lie. */
static const struct perf_attr fork_attr = { .big_endian = PERF_BIG_ENDIAN };

static void fork_ring_close(struct fork_ring *f)
{
	perf_ring_unmap(&f->ring);
	close(f->fd);
}

void setup_begun_release(struct kernel_setup *s)
{
	struct kernel_begun *b = s->begun;

	s->begun = NULL;
	if (!b)
		return;
	for (size_t i = 0; i < b->rings.nr; i++)
		fork_ring_close(&b->rings.v[i]);
	cleanup_close(&b->poll);
	vec_release(&b->rings);
	map_release(&b->processes);
	map_release(&b->listed);
	free(b);
}

static int fork_ring_open(struct kernel_begun *b, int cpu)
{
	const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .size = sizeof(attr), .task = 1,
		.watermark = 1, .wakeup_watermark = FORKS_BYTES / 4, .exclude_kernel = 1, .exclude_hv = 1,
	};
	struct epoll_event readable = { .events = EPOLLIN };
	struct fork_ring f = { .fd = perf_open(&attr, -1, cpu) };
	int r = f.fd < 0 ? f.fd : perf_ring_map(&f.ring, f.fd, FORKS_BYTES, 0);

	if (f.fd < 0)
		return r == -ENODEV ? 0 : r;	/* offline */
	if (!r && epoll_ctl(b->poll, EPOLL_CTL_ADD, f.fd, &readable) < 0)
		r = -errno;
	if (!r)
		r = vec_push(&b->rings, f);
	if (r)
		fork_ring_close(&f);
	return r;
}

/* Where perf may not be used nothing is counted. */
static void begun_open(struct kernel_setup *s)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int r;

	if (s->begun)
		return;
	s->begun = calloc(1, sizeof(*s->begun));
	if (!s->begun)
		return;
	s->begun->poll = epoll_create1(EPOLL_CLOEXEC);
	r = s->begun->poll < 0 ? -errno : 0;
	for (long cpu = 0; !r && cpu < cpus; cpu++)
		r = fork_ring_open(s->begun, cpu);
	if (r)
		setup_begun_release(s);
}

/* Before they are listed: what begins in between is told, and counts only if it is not listed. */
static void begun_watch(struct kernel_setup *s, const struct kernel_instance_setup *is, pid_t command)
{
	begun_open(s);
	if (s->begun && s->only_command && command > 0)
		map_set(&s->begun->processes, command, 0, 0);
	for (size_t i = 0; s->begun && i < is->pids.nr; i++)
		if (task_process(is->pids.v[i]) == is->pids.v[i])
			map_set(&s->begun->processes, is->pids.v[i], 0, 0);
}

static uint64_t count_threads(const struct kernel_begun *b, struct perf_ring *ring)
{
	AUTO_BUF struct buf told = { 0 };
	struct perf_record rec;
	struct perf_task t;
	uint64_t nr = 0;
	struct cur cur;
	uint32_t at;

	if (perf_ring_take(ring, &told) || !told.len)
		return 0;
	cur = (struct cur){ .data = (const uint8_t *)told.data, .len = told.len, .big_endian = PERF_BIG_ENDIAN };
	while (perf_record_next(&cur, &rec, NULL) > 0)
		if (rec.type == PERF_RECORD_FORK && !perf_task_parse(&fork_attr, &rec, &t, NULL) && t.pid == t.ppid &&
		    map_get(&b->processes, t.pid, 0, &at) && !map_get(&b->listed, t.tid, 0, &at))
			nr++;
	return nr;
}

uint64_t kernel_setup_begun(struct kernel_setup *s)
{
	struct kernel_begun *b = s->begun;

	for (size_t i = 0; b && i < b->rings.nr; i++)
		b->nr += count_threads(b, &b->rings.v[i].ring);
	return b ? b->nr : 0;
}

int kernel_setup_begun_fd(const struct kernel_setup *s)
{
	return s->begun ? s->begun->poll : -1;
}

/* ---- the kernel's lists ---------------------------------------------------------------- */

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot limit tracing to processes");
}

/* Those from @from on, behind those before. */
static int list_tasks(const struct kernel_setup *s, const struct kernel_instance_setup *is,
		      const struct kernel_pids *tids, size_t from, struct err *e)
{
	int (*list)(struct kernel_instance *, const char *, const char *, struct err *) =
		from ? kernel_append : kernel_write;
	bool functions = setup_traces_functions(is);
	AUTO_BUF struct buf text = { 0 };
	int r = 0;

	for (size_t i = from; i < tids->nr; i++)
		buf_printf(&text, "%d\n", (int)tids->v[i]);
	if (text.failed)
		return no_memory(e);
	if (is->events.nr || !functions)
		r = list(is->in, "set_event_pid", text.data, e);
	if (!r && functions)
		r = list(is->in, "set_ftrace_pid", text.data, e);
	return r ? err_wrap(e, "cannot limit tracing to processes (%s)", s->only_command ? "-F" : "-P") : 0;
}

/* What begins while others are being listed is listed with the next round. */
static int limit(struct kernel_setup *s, const struct kernel_instance_setup *is, pid_t command, struct err *e)
{
	struct kernel_pids tids = { 0 };
	size_t listed = 0;
	int r = s->only_command && command > 0 && vec_push(&tids, command) ? no_memory(e) : 0;

	if (!is->follow)
		begun_watch(s, is, command);
	for (int round = 0; !r && round < ROUNDS_MAX; round++) {
		if (setup_tasks(is, &tids))
			r = no_memory(e);
		if (r || tids.nr == listed)
			break;
		r = list_tasks(s, is, &tids, listed, e);
		listed = tids.nr;
	}
	for (size_t i = 0; s->begun && i < listed; i++)
		map_set(&s->begun->listed, tids.v[i], 0, 0);
	vec_release(&tids);
	return r;
}

int kernel_setup_pids(struct kernel_setup *s, pid_t command, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && !s->no_filter && i < s->instances.nr; i++)
		if (s->instances.v[i].in && setup_is_limited(s, &s->instances.v[i]))
			r = limit(s, &s->instances.v[i], command, e);
	return r;
}
