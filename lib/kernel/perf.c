// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events and rings for a recording. One ring takes the events of a CPU, whichever tasks they are of
 * (PERF_EVENT_IOC_SET_OUTPUT); children write to their parents' ring. Names of tasks come through
 * a small ring of their own, so that what is lost in the other is events alone.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "kernel/perf.h"
#include "kernel/perf_internal.h"

#define KB 1024
#define RING_KB 2048			/* where nothing else is said */
#define NAMES_BYTES (128 * KB)
#define WAKE_PARTS 4			/* a ring's reader is woken when such a part of it is filled ... */
#define WAKE_MAX (256 * KB)		/* ... or so much */
#define FILES_PER_CPU 16		/* of the recorder */

struct opened {
	int fd;
	uint32_t event;			/* index into chosen */
	bool on_exec;			/* the command's: begins by itself */
};

struct ring_cpu {
	uint32_t cpu;
	struct perf_ring ring, names;
	VEC(struct opened) events;
	VEC(int) heads;			/* of events: the first of each task, to be polled */
	size_t alive;			/* the one that is */
	VEC(int) tellers;		/* of names */
	struct buf told;		/* taken from names */
};

struct kernel_perf {
	struct kernel *k;
	const struct kernel_setup *setup;
	struct perf_event_attr attr;	/* what all have in common */
	const char *clock;
	bool all;
	pid_t command;
	struct perf_choice chosen;
	struct kernel_pids tasks;	/* -1: all */
	VEC(struct ring_cpu) cpus;
	struct map types;		/* by id: common_type of what perf makes */
	pthread_mutex_t lock;		/* of names */
	struct perf_tasks names;
};

/* ---- what is asked for ------------------------------------------------------------- */

static const struct { const char *name; clockid_t id; } clocks[] = {
	/* of those that the kernel lets tracepoints have: which can be read in an NMI */
	{ "perf", -1 }, { "mono", CLOCK_MONOTONIC }, { "mono_raw", CLOCK_MONOTONIC_RAW },
};

/* Its index, or -EINVAL. */
static int find_clock(const char *name, struct err *e)
{
	AUTO_BUF struct buf names = { 0 };

	if (!name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (!strcmp(clocks[i].name, name))
			return i;
		buf_printf(&names, "%s%s", i ? ", " : "", clocks[i].name);
	}
	err_set(e, -EINVAL, "option -C: perf has no clock '%s'", name);
	return err_hint(e, "it has %s", names.failed ? "perf" : names.data);
}

static bool has_option(const struct kernel_setup *s, const char *word)
{
	const struct kernel_words *options = &s->instances.v[0].options;

	for (size_t i = 0; i < options->nr; i++)
		if (!strcmp(options->v[i], word))
			return true;
	return false;
}

static int check_options(const struct kernel_setup *s, struct err *e)
{
	static const char *const known[] = { "stacktrace", "nostacktrace", "userstacktrace", "nouserstacktrace" };
	const struct kernel_words *options = &s->instances.v[0].options;

	for (size_t i = 0; i < options->nr; i++) {
		size_t j = 0;

		while (j < ARRAY_SIZE(known) && strcmp(known[j], options->v[i]))
			j++;
		if (j == ARRAY_SIZE(known)) {
			err_set(e, -EINVAL, "option -O: '%s' has no effect with --perf", options->v[i]);
			return err_hint(e, "there are stacktrace (-T) and userstacktrace");
		}
	}
	return 0;
}

int kernel_perf_check(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	struct kernel_instance_setup *is = &s->instances.v[0];
	int r = find_clock(is->clock, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < is->events.nr; i++)	/* the list of events has it not: perf_choose looks for it */
		is->events.v[i].optional |= !strcmp(is->events.v[i].pattern, PERF_FUNCTIONS);
	r = check_options(s, e);
	if (!r)
		r = setup_probes_check_perf(k, s, e);
	return r ? r : setup_check_events(k, s, is, e);
}

static uint64_t wanted_bytes(const struct kernel_setup *s)
{
	const struct kernel_instance_setup *is = &s->instances.v[0];

	return (is->buffer_kb ? is->buffer_kb : is->grow_kb ? is->grow_kb : RING_KB) * KB;
}

static void fill_attr(struct kernel_perf *p, size_t clock)
{
	bool kernel_stacks = has_option(p->setup, "stacktrace"), stacks = has_option(p->setup, "userstacktrace");
	struct perf_event_attr *a = &p->attr;
	uint64_t wake = wanted_bytes(p->setup) / WAKE_PARTS;

	*a = (struct perf_event_attr){
		.size = sizeof(*a), .sample_period = 1, .disabled = 1, .watermark = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW, .read_format = PERF_FORMAT_LOST,
		.sample_id_all = 1, .inherit = !p->all,
		.inherit_thread = !p->all && !p->setup->instances.v[0].follow,
		.wakeup_watermark = wake < WAKE_MAX ? wake : WAKE_MAX,
		.exclude_callchain_kernel = !kernel_stacks, .exclude_callchain_user = !stacks,
	};
	if (kernel_stacks || stacks)
		a->sample_type |= PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_TID;
	for (size_t i = 0; i < p->chosen.nr; i++) {
		if (p->chosen.v[i].probe)
			a->sample_type |= PERF_SAMPLE_IDENTIFIER;
		/* Else perf takes the weight for so many events. */
		if (perf_is_weighed(&p->chosen.v[i].ev))
			a->sample_type |= PERF_SAMPLE_PERIOD;
	}
	p->clock = clocks[clock].name;
	if (clocks[clock].id >= 0) {
		a->use_clockid = 1;
		a->clockid = clocks[clock].id;
	}
}

/* Whose events: those of the setup's processes, with all their threads, and of the command. */
static int choose_tasks(struct kernel_perf *p, struct err *e)
{
	int r = p->all ? 0 : setup_tasks(&p->setup->instances.v[0], &p->tasks);

	if (!r && !p->all && p->setup->only_command)
		r = vec_push(&p->tasks, p->command);
	if (!r && p->all)
		r = vec_push(&p->tasks, -1);
	return r ? err_errno(e, r, "cannot choose the processes") : 0;
}

/* ---- opening ------------------------------------------------------------------------ */

static int event_attr(const struct kernel_perf *p, const struct perf_chosen *ch, struct perf_event_attr *attr,
		      char **owned, struct err *e)
{
	*attr = p->attr;
	if (ch->probe)
		return perf_probe_attr(ch->probe->probe, attr, owned, e);
	attr->type = PERF_TYPE_TRACEPOINT;
	attr->config = ch->id;
	return 0;
}

static int told_open(const struct kernel_perf *p, const struct perf_chosen *ch, pid_t tid, int code, struct err *e)
{
	const struct perf_refused what = {
		.ch = ch, .all = p->all, .kernel_stacks = !p->attr.exclude_callchain_kernel,
		.stacks = !p->attr.exclude_callchain_user,
		.tid = tid == p->command ? 0 : tid,
	};

	if (ch->probe && code != -EACCES && code != -EPERM)
		return perf_told_probe(p->k, ch->probe->probe, code, e);
	return perf_told_refused(&what, code, e);
}

/*
 * A descriptor. Kernels before 6.0 do not count what each event lost, those before 5.13 know no way
 * to follow threads alone; and who may not record the kernel may still record what programs do.
 */
static int open_event(struct kernel_perf *p, const struct perf_chosen *ch, pid_t tid, int cpu, struct err *e)
{
	AUTO_FREE char *owned = NULL;
	struct perf_event_attr attr;
	int fd, r = event_attr(p, ch, &attr, &owned, e);

	if (r)
		return r;
	attr.enable_on_exec = tid == p->command;
	fd = perf_open(&attr, tid, cpu);
	if (fd == -EINVAL && attr.read_format) {
		attr.read_format = 0;
		fd = perf_open(&attr, tid, cpu);
	}
	if (fd == -EINVAL && attr.inherit_thread) {
		attr.inherit = attr.inherit_thread = 0;
		fd = perf_open(&attr, tid, cpu);
	}
	if (fd >= 0) {
		p->attr.read_format = attr.read_format;
		p->attr.inherit = attr.inherit;
		p->attr.inherit_thread = attr.inherit_thread;
	}
	if (fd == -EACCES && !p->all && attr.exclude_callchain_kernel && perf_is_of_programs(p->k, ch)) {
		attr.exclude_kernel = 1;
		fd = perf_open(&attr, tid, cpu);
	}
	if (fd >= 0 || fd == -ENODEV || (fd == -ESRCH && tid > 0))
		return fd;
	return told_open(p, ch, tid, fd, e);
}

static int told_ring(const struct kernel_perf *p, int code, struct err *e)
{
	uint64_t kb = p->setup->instances.v[0].buffer_kb;

	if (code != -EPERM)
		return err_errno(e, code, "cannot map perf's ring");
	err_set(e, code, "cannot lock memory for a ring of perf%s", kb ? " of the size that was asked for (-b)" : "");
	return err_hint(e, "who is not root has /proc/sys/kernel/perf_event_mlock_kb for each CPU and what 'ulimit -l' tells");
}

/* By which these records lie. */
static const struct perf_attr told_attr = {
	.sample_type = PERF_SAMPLE_TIME, .sample_id_all = true, .big_endian = PERF_BIG_ENDIAN,
};

/* Names of tasks: a ring of its own for the first task, which the others share. */
static int open_teller(struct kernel_perf *p, struct ring_cpu *c, pid_t tid, struct err *e)
{
	const struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .size = sizeof(attr), .comm = 1, .task = 1,
		.sample_type = told_attr.sample_type, .sample_id_all = told_attr.sample_id_all,
		.use_clockid = p->attr.use_clockid, .clockid = p->attr.clockid,
		.inherit = p->attr.inherit, .inherit_thread = p->attr.inherit_thread,
		.exclude_kernel = 1, .exclude_hv = 1,
	};
	int r, fd = perf_open(&attr, tid, c->cpu);

	/* What is not allowed the events will tell, with what is. */
	if (fd < 0)
		return fd == -ENODEV ? fd : 0;
	if (vec_push(&c->tellers, fd)) {
		close(fd);
		return err_errno(e, -ENOMEM, "cannot record names of tasks");
	}
	if (c->names.page)
		r = ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, c->tellers.v[0]) < 0 ? -errno : 0;
	else
		r = perf_ring_map(&c->names, fd, NAMES_BYTES, 0);
	return r ? told_ring(p, r, e) : 0;
}

static int remember_type(struct kernel_perf *p, const struct perf_chosen *ch, int fd)
{
	uint64_t id;

	if (!ch->probe)
		return 0;
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) < 0)
		return -errno;
	return map_set(&p->types, id, 0, ch->probe->perf_type);
}

/* Into the CPU's ring, which the first one makes. */
static int direct(struct kernel_perf *p, struct ring_cpu *c, int fd, struct err *e)
{
	uint64_t want = wanted_bytes(p->setup);
	int r;

	if (!c->ring.page)
		r = perf_ring_map(&c->ring, fd, want, p->setup->instances.v[0].buffer_kb ? want : 0);
	else
		r = ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, c->events.v[0].fd) < 0 ? -errno : 0;
	return r ? told_ring(p, r, e) : 0;
}

/* The kernel takes one filter only: then with the recorder's threads in it. */
static bool hides(const struct kernel_perf *p, const struct perf_chosen *ch)
{
	return p->all && !p->setup->no_filter && !perf_is_functions(ch);
}

/* All events of a task (-1: of all) on a CPU. -ENODEV: the CPU is offline. -ESRCH: the task is gone. */
static int open_task(struct kernel_perf *p, struct ring_cpu *c, pid_t tid, struct err *e)
{
	int r = open_teller(p, c, tid, e);

	for (size_t i = 0; !r && i < p->chosen.nr; i++) {
		const struct perf_chosen *ch = &p->chosen.v[i];
		int fd = open_event(p, ch, tid, c->cpu, e);

		if (fd < 0)
			return fd;
		if (vec_push(&c->events, ((struct opened){ .fd = fd, .event = i, .on_exec = tid == p->command }))) {
			close(fd);
			return err_errno(e, -ENOMEM, "cannot record %s:%s", ch->ev.system, ch->ev.name);
		}
		r = hides(p, ch) ? 0 : perf_set_filter(p->k, &ch->ev, fd, ch->filter, e);
		if (!r)
			r = direct(p, c, fd, e);
		if (!r && !i && vec_push(&c->heads, fd))
			r = err_errno(e, -ENOMEM, "cannot record");
		if (!r && remember_type(p, ch, fd))
			r = err_errno(e, -ENOMEM, "cannot record %s:%s", ch->ev.system, ch->ev.name);
	}
	return r;
}

static void cpu_release(struct ring_cpu *c)
{
	perf_ring_unmap(&c->ring);
	perf_ring_unmap(&c->names);
	for (size_t i = 0; i < c->events.nr; i++)
		close(c->events.v[i].fd);
	for (size_t i = 0; i < c->tellers.nr; i++)
		close(c->tellers.v[i]);
	vec_release(&c->events);
	vec_release(&c->heads);
	vec_release(&c->tellers);
	buf_release(&c->told);
}

static int open_cpu(struct kernel_perf *p, uint32_t cpu, struct err *e)
{
	struct ring_cpu *c;

	if (vec_push(&p->cpus, (struct ring_cpu){ .cpu = cpu }))
		return err_errno(e, -ENOMEM, "cannot record");
	c = &p->cpus.v[p->cpus.nr - 1];
	for (size_t i = 0; i < p->tasks.nr; i++) {
		int r = open_task(p, c, p->tasks.v[i], e);

		if (r && r != -ESRCH)
			return r;
	}
	return c->events.nr ? 0 : err_set(e, -ESRCH, "the processes to be recorded have ended");
}

static int open_all(struct kernel_perf *p, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t files = (p->chosen.nr + 1) * p->tasks.nr + FILES_PER_CPU;
	int r = fd_limit_raise(files * cpus + PERF_SPARE_FILES, e);

	for (long cpu = 0; !r && cpu < cpus; cpu++) {
		r = open_cpu(p, cpu, e);
		if (r == -ENODEV) {	/* offline */
			cpu_release(&p->cpus.v[--p->cpus.nr]);
			r = 0;
		}
	}
	return r || p->cpus.nr ? r : err_set(e, -ENODEV, "no CPU can record events");
}

/* Names that were there before. */
static int see_tasks(struct kernel_perf *p, struct err *e)
{
	int r = p->all ? perf_tasks_see_all(&p->names) : 0;

	for (size_t i = 0; !r && !p->all && i < p->tasks.nr; i++)
		r = perf_tasks_see(&p->names, p->tasks.v[i]);
	return r ? err_errno(e, r, "cannot record names of tasks") : 0;
}

int kernel_perf_open(struct kernel *k, struct kernel_setup *s, pid_t command, struct kernel_perf **ret,
		     struct err *e)
{
	struct kernel_perf *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_errno(e, -ENOMEM, "cannot record");
	pthread_mutex_init(&p->lock, NULL);
	p->k = k;
	p->setup = s;
	p->all = !kernel_setup_limits_pids(s);
	p->command = p->all || !s->only_command ? 0 : command;
	r = perf_choose(k, s, &p->chosen, e);
	if (!r)
		r = choose_tasks(p, e);
	if (!r) {
		fill_attr(p, find_clock(s->instances.v[0].clock, NULL));
		r = open_all(p, e);
	}
	if (!r)
		r = see_tasks(p, e);
	if (r)
		kernel_perf_close(p);
	else
		*ret = p;
	return r;
}

void kernel_perf_close(struct kernel_perf *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->cpus.nr; i++)
		cpu_release(&p->cpus.v[i]);
	vec_release(&p->cpus);
	vec_release(&p->tasks);
	vec_release(&p->chosen);
	map_release(&p->types);
	perf_tasks_release(&p->names);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- recording ------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* "(common_pid < A || common_pid > B) && ..." for each run of numbers. */
static int put_hidden(const pid_t *tids, size_t nr, struct buf *ret)
{
	AUTO_FREE pid_t *v = malloc((nr + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	memcpy(v, tids, nr * sizeof(*v));
	qsort(v, nr, sizeof(*v), by_number);
	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && v[end] == v[end - 1] + 1; end++)
			;
		buf_printf(ret, "%s(common_pid < %d || common_pid > %d)", i ? " && " : "", v[i], v[end - 1]);
	}
	return ret->failed ? -ENOMEM : 0;
}

static int hide(struct kernel_perf *p, const struct opened *o, const char *hidden, struct err *e)
{
	const struct perf_chosen *ch = &p->chosen.v[o->event];
	AUTO_BUF struct buf filter = { 0 };
	struct err why = { 0 };
	int r;

	if (!hides(p, ch))
		return 0;
	if (ch->filter)
		buf_printf(&filter, "(%s) && ", ch->filter);
	if (buf_puts(&filter, hidden))
		return err_errno(e, -ENOMEM, "cannot hide the recorder from its trace");
	r = perf_set_filter(p->k, &ch->ev, o->fd, filter.data, &why);
	if (!r)
		return 0;
	/* What was asked for is told as it was written. */
	if (ch->filter && perf_set_filter(p->k, &ch->ev, o->fd, ch->filter, e))
		return r;
	return err_set(e, r, "cannot hide the recorder from its trace: %s", why.text);
}

int kernel_perf_hide(struct kernel_perf *p, const pid_t *tids, size_t nr, struct err *e)
{
	AUTO_BUF struct buf hidden = { 0 };
	int r = 0;

	if (put_hidden(tids, nr, &hidden))
		return err_errno(e, -ENOMEM, "cannot hide the recorder from its trace");
	for (size_t i = 0; i < p->cpus.nr; i++)
		for (size_t j = 0; !r && j < p->cpus.v[i].events.nr; j++)
			r = hide(p, &p->cpus.v[i].events.v[j], hidden.data, e);
	return r;
}

static int tell_all(struct kernel_perf *p, unsigned long request, bool on_exec, const char *what, struct err *e)
{
	for (size_t i = 0; i < p->cpus.nr; i++)
		for (size_t j = 0; j < p->cpus.v[i].events.nr; j++) {
			const struct opened *o = &p->cpus.v[i].events.v[j];

			if ((on_exec || !o->on_exec) && ioctl(o->fd, request, 0) < 0)
				return err_errno(e, -errno, "cannot %s recording", what);
		}
	return 0;
}

int kernel_perf_start(struct kernel_perf *p, struct err *e)
{
	return tell_all(p, PERF_EVENT_IOC_ENABLE, false, "begin", e);
}

int kernel_perf_stop(struct kernel_perf *p, struct err *e)
{
	return tell_all(p, PERF_EVENT_IOC_DISABLE, true, "end", e);
}

const char *kernel_perf_clock(const struct kernel_perf *p)
{
	return p->clock;
}

const void *kernel_perf_attr(const struct kernel_perf *p, size_t *ret_size)
{
	*ret_size = sizeof(p->attr);
	return &p->attr;
}

bool kernel_perf_type(const struct kernel_perf *p, uint64_t id, uint16_t *ret)
{
	uint32_t type;

	if (!map_get(&p->types, id, 0, &type))
		return false;
	*ret = type;
	return true;
}

/* ---- rings ---------------------------------------------------------------------------- */

size_t kernel_perf_nr_rings(const struct kernel_perf *p)
{
	return p->cpus.nr;
}

uint32_t kernel_perf_ring_cpu(const struct kernel_perf *p, size_t i)
{
	return p->cpus.v[i].cpu;
}

size_t kernel_perf_ring_bytes(const struct kernel_perf *p, size_t i)
{
	return p->cpus.v[i].ring.size;
}

int kernel_perf_ring_fd(const struct kernel_perf *p, size_t i)
{
	const struct ring_cpu *c = &p->cpus.v[i];

	return c->alive < c->heads.nr ? c->heads.v[c->alive] : -1;
}

/* Once a task and all that inherited its events have ended its descriptor tells nothing but that. */
bool kernel_perf_idle(struct kernel_perf *p, size_t i)
{
	struct ring_cpu *c = &p->cpus.v[i];

	for (; c->alive < c->heads.nr; c->alive++) {
		struct pollfd fd = { .fd = c->heads.v[c->alive], .events = POLLIN };
		int n = poll(&fd, 1, 0);

		if (n <= 0 || !(fd.revents & (POLLHUP | POLLERR)))
			return n <= 0;
	}
	return true;
}

static int take_names(struct kernel_perf *p, struct ring_cpu *c)
{
	struct perf_record rec;
	struct cur cur;
	int r;

	buf_clear(&c->told);
	r = c->names.page ? perf_ring_take(&c->names, &c->told) : 0;
	if (r || !c->told.len)
		return r;
	cur = (struct cur){ .data = (const uint8_t *)c->told.data, .len = c->told.len, .big_endian = PERF_BIG_ENDIAN };
	pthread_mutex_lock(&p->lock);
	while (!r && (r = perf_record_next(&cur, &rec, NULL)) > 0)
		r = perf_tasks_take(&p->names, &told_attr, &rec, NULL);
	pthread_mutex_unlock(&p->lock);
	return r;
}

int kernel_perf_take(struct kernel_perf *p, size_t i, struct buf *to)
{
	struct ring_cpu *c = &p->cpus.v[i];
	int r = perf_ring_take(&c->ring, to);

	return r ? r : take_names(p, c);
}

unsigned kernel_perf_fill(const struct kernel_perf *p, size_t i)
{
	const struct perf_ring *ring = &p->cpus.v[i].ring;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = __atomic_load_n(&ring->page->data_tail, __ATOMIC_RELAXED);

	return (head - tail) * 100 / ring->size;
}

bool kernel_perf_lost(const struct kernel_perf *p, size_t i, uint64_t *ret)
{
	const struct ring_cpu *c = &p->cpus.v[i];
	uint64_t now[2], sum = 0;	/* the number of events; of those lost */

	if (!p->attr.read_format)
		return false;
	for (size_t j = 0; j < c->events.nr; j++)
		if (read(c->events.v[j].fd, now, sizeof(now)) == sizeof(now))
			sum += now[1];
	*ret = sum;
	return true;
}

int kernel_perf_names(struct kernel_perf *p, struct buf *ret)
{
	int r;

	pthread_mutex_lock(&p->lock);
	r = perf_tasks_text(&p->names, ret);
	pthread_mutex_unlock(&p->lock);
	return r;
}
