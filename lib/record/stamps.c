// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A raw marker has, behind the 8 bytes that all events begin with, a number of its writer
 * and his bytes (kernel/trace/trace_entries.h, raw_data): here MARK, the lane and the slot.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/setup.h"
#include "record/metadata.h"
#include "record/stamps.h"
#include "ring/ring.h"

#define EVENT_COMMON 8u
#define MARK 0x7463u			/* any number */
#define SAME_NAME_MAX 1000u

struct mark { uint32_t id, lane, slot; };

struct lane {
	uint64_t *times;
	int cpu;			/* all its marks are there; -1: not known */
};

struct stamps {
	struct kernel *k;
	struct kernel_instance *in;
	int marker;
	struct ring_abi abi;
	uint32_t page_size;
	uint32_t *cpus;
	size_t nr_cpus;
	struct lane *lanes;
	unsigned nr_lanes;
	uint32_t slots;
	pthread_mutex_t lock;		/* of what follows, and of all times */
	uint8_t *page;
};

/* An instance nobody has: this process may compare clocks with several machines. */
static int make_instance(struct stamps *s, const char *name, struct err *e)
{
	char full[64], path[4096];
	int len = snprintf(full, sizeof(full), "tracecmd-%.32s-%d", name, getpid());

	for (unsigned i = 2; i < SAME_NAME_MAX; i++) {
		snprintf(path, sizeof(path), "%s/instances/%s", kernel_root(s->k), full);
		if (access(path, F_OK))
			return kernel_instance_take(s->k, full, &s->in, e);
		snprintf(full + len, sizeof(full) - len, ".%u", i);
	}
	return err_set(e, -EEXIST, "there are too many instances called %s", full);
}

static int prepare(struct stamps *s, const char *name, const char *clock, struct err *e)
{
	int r = make_instance(s, name, e);

	if (!r && *clock)
		r = kernel_write(s->in, "trace_clock", clock, e);
	if (!r)
		r = kernel_instance_subbuf_size(s->in, &s->page_size, e);
	if (!r)
		r = kernel_instance_cpus(s->in, &s->cpus, &s->nr_cpus, e);
	if (!r)
		r = metadata_kernel_long(s->k, &s->abi.long_size, e);
	if (!r)
		r = s->marker = kernel_marker_open(s->in, e);
	if (r < 0)
		return r;
	s->page = malloc(s->page_size);
	s->lanes = calloc(s->nr_lanes, sizeof(*s->lanes));
	for (unsigned i = 0; s->lanes && i < s->nr_lanes; i++) {
		s->lanes[i].cpu = -1;
		s->lanes[i].times = calloc(s->slots, sizeof(*s->lanes[i].times));
		if (!s->lanes[i].times)
			return err_errno(e, -ENOMEM, "cannot read a trace clock");
	}
	return s->page && s->lanes ? 0 : err_errno(e, -ENOMEM, "cannot read a trace clock");
}

int stamps_new(struct kernel *k, const char *name, const char *clock, unsigned lanes, uint32_t slots,
	       struct stamps **ret, struct err *e)
{
	struct stamps *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_errno(e, -ENOMEM, "cannot read a trace clock");
	*s = (struct stamps){
		.k = k, .marker = -1, .nr_lanes = lanes, .slots = slots,
		.abi.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
	};
	pthread_mutex_init(&s->lock, NULL);
	r = prepare(s, name, clock, e);
	if (r)
		stamps_free(s, NULL);
	else
		*ret = s;
	return r;
}

int stamps_free(struct stamps *s, struct err *e)
{
	int r = 0;

	if (!s)
		return 0;
	if (s->marker >= 0)
		close(s->marker);
	if (s->in)
		r = kernel_instance_remove(s->k, s->in, e);
	for (unsigned i = 0; s->lanes && i < s->nr_lanes; i++)
		free(s->lanes[i].times);
	pthread_mutex_destroy(&s->lock);
	free(s->lanes);
	free(s->cpus);
	free(s->page);
	free(s);
	return r;
}

static void take(struct stamps *s, const struct ring_event *ev)
{
	struct mark m;

	if (ev->len < EVENT_COMMON + sizeof(m))
		return;
	memcpy(&m, (const uint8_t *)ev->data + EVENT_COMMON, sizeof(m));
	if (m.id == MARK && m.lane < s->nr_lanes && m.slot < s->slots)
		s->lanes[m.lane].times[m.slot] = ev->ts;
}

/* Takes all events out of one CPU's buffer, whoever's they are. 0, -errno. */
static int drain_cpu(struct stamps *s, uint32_t cpu, struct err *e)
{
	int fd AUTO_CLOSE = kernel_cpu_open(s->in, cpu, "trace_pipe_raw", O_NONBLOCK, e);

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, s->page, s->page_size);
		struct ring_page p;
		struct ring_event ev;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return err_errno(e, -errno, "cannot read a marker");
		if (n != (ssize_t)s->page_size)
			return 0;
		if (ring_page_open(&p, &s->abi, s->page, s->page_size) < 0)
			continue;
		while (ring_page_next(&p, &ev) > 0)
			take(s, &ev);
	}
}

static int drain(struct stamps *s, int cpu, struct err *e)
{
	int r = 0;

	if (cpu >= 0)
		return drain_cpu(s, cpu, e);
	for (size_t i = 0; i < s->nr_cpus && !r; i++)
		r = drain_cpu(s, s->cpus[i], e);
	return r;
}

/* Where the thread runs only from here on: @cpu; -1 where that cannot be had. */
static int pin(int cpu)
{
	size_t size = CPU_ALLOC_SIZE(cpu + 1);
	cpu_set_t *set;
	int r;

	if (cpu < 0)
		return -1;
	set = CPU_ALLOC(cpu + 1);
	if (!set)
		return -1;
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	r = sched_setaffinity(0, size, set);
	CPU_FREE(set);
	return r ? -1 : cpu;
}

int stamps_begin(struct stamps *s, unsigned lane, int cpu, struct err *e)
{
	struct lane *l = &s->lanes[lane];
	int r;

	pthread_mutex_lock(&s->lock);
	r = drain(s, l->cpu, e);
	l->cpu = pin(cpu);
	memset(l->times, 0, s->slots * sizeof(*l->times));
	pthread_mutex_unlock(&s->lock);
	return r;
}

int stamps_mark(struct stamps *s, unsigned lane, uint32_t slot, struct err *e)
{
	struct mark m = { MARK, lane, slot };

	return write(s->marker, &m, sizeof(m)) == sizeof(m) ? 0 :
		err_errno(e, -errno, "cannot write a marker");
}

int stamps_read(struct stamps *s, unsigned lane, const uint64_t **ret, struct err *e)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = drain(s, s->lanes[lane].cpu, e);
	pthread_mutex_unlock(&s->lock);
	if (!r)
		*ret = s->lanes[lane].times;
	return r;
}
