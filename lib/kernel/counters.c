// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One perf counter for each event, and each CPU where that is asked for. What perf_event_open(2)
 * says: an inherited one is read as the sum over all that inherited it, ended ones included.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel/counters_internal.h"
#include "kernel/perf_internal.h"

struct counter {
	int fd;
	int cpu;			/* -1: all */
	uint32_t event;			/* index into chosen */
};

struct chosen {
	struct kernel_event ev;
	uint64_t id;
	const char *filter;
	bool named;
};

struct kernel_counters {
	struct kernel *k;
	enum kernel_count_of of;
	enum kernel_count_by by;
	VEC(struct chosen) chosen;
	VEC(struct counter) counters;
	struct count_tasks *tasks;
};

/* What read(2) gives: the attribute's read_format is PERF_FORMAT_ID. */
struct reading {
	uint64_t value, id;
};

/* ---- which events --------------------------------------------------------------------- */

/* Each event once, with the filter of the last pattern that means it. */
static int choose(struct kernel_counters *c, const struct kernel_count_plan *plan, struct err *e)
{
	const struct kernel_event *evs;
	const struct kernel_count_ask **of AUTO_FREE = NULL;
	size_t nr;
	int r = kernel_events(c->k, &evs, &nr, e);

	if (r)
		return r;
	of = calloc(nr + 1, sizeof(*of));
	if (!of)
		return err_errno(e, -ENOMEM, "cannot choose the events");
	for (size_t a = 0; a < plan->nr_asks; a++) {
		size_t found = 0;

		for (size_t i = 0; i < nr; i++)
			if (event_fits(&evs[i], plan->asks[a].pattern)) {
				of[i] = &plan->asks[a];
				found++;
			}
		if (!found) {
			r = err_set(e, -ENOENT, "this kernel has no event or system '%s'", plan->asks[a].pattern);
			hint_near_events(evs, nr, plan->asks[a].pattern, e);
			return r;
		}
	}
	for (size_t i = 0; i < nr; i++) {
		struct chosen ch = { .ev = evs[i], .filter = of[i] ? of[i]->filter : NULL };

		if (!of[i])
			continue;
		ch.named = perf_is_named(&evs[i], of[i]->pattern);
		r = perf_event_number(c->k, &ch.ev, &ch.id, e);
		if (r)
			return r;
		if (vec_push(&c->chosen, ch))
			return err_errno(e, -ENOMEM, "cannot choose the events");
	}
	return 0;
}

/* ---- making them ------------------------------------------------------------------------ */

static int told_open(const struct kernel_counters *c, const struct chosen *ch, int code, struct err *e)
{
	const struct perf_wish wish = { .verb = "count", .all = c->of == KERNEL_COUNT_ALL };

	return perf_told_open(&wish, &ch->ev, code, e);
}

/* A new counter's descriptor, -errno. */
static int open_counter(const struct kernel_counters *c, uint64_t id, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.read_format = PERF_FORMAT_ID,
		.disabled = 1,
	};
	pid_t pid = -1;

	if (c->of == KERNEL_COUNT_OURS) {
		/* ours stand still; what is forked has them too, and counts once it is the command */
		pid = 0;
		attr.inherit = attr.enable_on_exec = 1;
	}
	if (c->by == KERNEL_COUNT_BY_TASK)
		attr.sample_period = 1, attr.comm = attr.task = 1,
		attr.sample_type = COUNT_TASKS_SAMPLE;
	return perf_open(&attr, pid, cpu);
}

/* All of a CPU, or of all (-1). The first has the ring that is shared. -ENODEV: it is offline. */
static int open_cpu(struct kernel_counters *c, int cpu, struct err *e)
{
	int first = -1, r;

	for (size_t i = 0; i < c->chosen.nr; i++) {
		struct chosen *ch = &c->chosen.v[i];
		struct counter co = { .cpu = cpu, .event = i, .fd = open_counter(c, ch->id, cpu) };
		struct reading now;

		if (co.fd == -ENODEV && !i)
			return -ENODEV;
		if (co.fd < 0)
			return told_open(c, ch, co.fd, e);
		if (vec_push(&c->counters, co)) {
			close(co.fd);
			return err_errno(e, -ENOMEM, "cannot count %s:%s", ch->ev.system, ch->ev.name);
		}
		r = perf_set_filter(c->k, &ch->ev, co.fd, ch->filter, e);
		if (r)
			return r;
		if (!c->tasks)
			continue;
		if (read(co.fd, &now, sizeof(now)) != sizeof(now))
			r = -EIO;
		if (!r && i)
			r = ioctl(co.fd, PERF_EVENT_IOC_SET_OUTPUT, first) < 0 ? -errno : 0;
		else if (!r)
			r = count_tasks_map(c->tasks, first = co.fd);
		if (!r)
			r = count_tasks_name(c->tasks, now.id, i);
		if (r)
			return err_errno(e, r, "cannot count %s:%s for each task", ch->ev.system, ch->ev.name);
	}
	return 0;
}

static int open_all(struct kernel_counters *c, struct err *e)
{
	bool one = c->of == KERNEL_COUNT_OURS && c->by == KERNEL_COUNT_BY_EVENT;
	long cpus = one ? 1 : sysconf(_SC_NPROCESSORS_CONF);
	int r = fd_limit_raise(c->chosen.nr * (uint64_t)cpus + PERF_SPARE_FILES, e);

	if (r)
		return r;
	if (one)
		return open_cpu(c, -1, e);
	for (long cpu = 0; cpu < cpus; cpu++) {
		r = open_cpu(c, cpu, e);
		if (r && r != -ENODEV)
			return r;
	}
	return c->counters.nr ? 0 : err_set(e, -ENODEV, "no CPU can count events");
}

int kernel_counters_open(struct kernel *k, const struct kernel_count_plan *plan, struct kernel_counters **ret,
			 struct err *e)
{
	struct kernel_counters *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_errno(e, -ENOMEM, "cannot count events");
	c->k = k;
	c->of = plan->of;
	c->by = plan->by;
	r = choose(c, plan, e);
	if (!r && c->by == KERNEL_COUNT_BY_TASK && count_tasks_new(&c->tasks))
		r = err_errno(e, -ENOMEM, "cannot count events");
	if (!r)
		r = open_all(c, e);
	if (r)
		kernel_counters_close(c);
	else
		*ret = c;
	return r;
}

void kernel_counters_close(struct kernel_counters *c)
{
	if (!c)
		return;
	count_tasks_free(c->tasks);
	for (size_t i = 0; i < c->counters.nr; i++)
		close(c->counters.v[i].fd);
	vec_release(&c->counters);
	vec_release(&c->chosen);
	free(c);
}

/* ---- counting --------------------------------------------------------------------------- */

static int tell_all(struct kernel_counters *c, unsigned long request, const char *what, struct err *e)
{
	for (size_t i = 0; i < c->counters.nr; i++)
		if (ioctl(c->counters.v[i].fd, request, 0) < 0)
			return err_errno(e, -errno, "cannot %s counting", what);
	return 0;
}

int kernel_counters_start(struct kernel_counters *c, struct err *e)
{
	int r = c->of == KERNEL_COUNT_ALL ? tell_all(c, PERF_EVENT_IOC_ENABLE, "begin", e) : 0;

	/* names that are taken or given from now on are told */
	if (!r && c->of == KERNEL_COUNT_ALL && c->tasks && count_tasks_see_all(c->tasks))
		r = err_errno(e, -ENOMEM, "cannot count each task");
	return r;
}

int kernel_counters_stop(struct kernel_counters *c, struct err *e)
{
	return tell_all(c, PERF_EVENT_IOC_DISABLE, "end", e);
}

int kernel_counters_drain(struct kernel_counters *c, struct err *e)
{
	return c->tasks && count_tasks_drain(c->tasks) ? err_errno(e, -ENOMEM, "cannot count each task") : 0;
}

/* The counters of one event lie apart by the number of events. */
static int read_event(struct kernel_counters *c, size_t nr, struct kernel_counts *ret, struct err *e)
{
	const struct chosen *ch = &c->chosen.v[nr];
	struct kernel_count sum = { .event = ch->ev, .cpu = -1, .tid = -1, .comm = "", .named = ch->named,
				    .nanoseconds = perf_is_weighed(&ch->ev) };
	size_t before = ret->nr;
	uint64_t told = 0;

	for (size_t i = nr; i < c->counters.nr; i += c->chosen.nr) {
		struct kernel_count one = sum;
		struct reading now;

		if (read(c->counters.v[i].fd, &now, sizeof(now)) != sizeof(now))
			return err_errno(e, errno ? -errno : -EIO, "cannot read the counter of %s:%s", sum.event.system,
					 sum.event.name);
		one.cpu = c->counters.v[i].cpu;
		one.count = now.value;
		sum.count += now.value;
		if (c->by == KERNEL_COUNT_BY_CPU && one.count && vec_push(ret, one))
			return err_errno(e, -ENOMEM, "cannot read the counters");
	}
	if (c->tasks && count_tasks_add(c->tasks, nr, &sum, ret, &told))
		return err_errno(e, -ENOMEM, "cannot read the counters");
	sum.count -= told < sum.count ? told : sum.count;
	/* what no CPU and no task has */
	if ((ret->nr == before || (c->tasks && sum.count)) && vec_push(ret, sum))
		return err_errno(e, -ENOMEM, "cannot read the counters");
	return 0;
}

int kernel_counters_read(struct kernel_counters *c, struct kernel_counts *ret, struct err *e)
{
	int r = kernel_counters_drain(c, e);

	for (size_t i = 0; !r && i < c->chosen.nr; i++)
		r = read_event(c, i, ret, e);
	if (r)
		vec_release(ret);
	return r;
}
