// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How far the wall clock is from a trace clock: markers are written to an
 * instance of its own between two looks at the wall clock, and read back. The
 * narrowest pair of looks is the most exact.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "record/metadata.h"
#include "record/record.h"
#include "ring/ring.h"

#define MARKERS 50
#define NS_PER_S INT64_C(1000000000)

struct sample {
	int64_t width, middle;		/* of the two looks at the wall clock, ns */
	uint64_t ts;			/* the marker's */
};

struct measure {
	struct kernel_instance *in;
	struct ring_abi abi;
	uint32_t page_size;
	uint32_t *cpus;
	size_t nr_cpus;
	uint8_t *page;
};

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Takes all events out of one CPU's buffer; 1 if there were any, *ret the last one's time. */
static int read_cpu(struct measure *m, uint32_t cpu, uint64_t *ret, struct err *e)
{
	int fd AUTO_CLOSE = kernel_cpu_open(m->in, cpu, "trace_pipe_raw", O_NONBLOCK, e);
	int found = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, m->page, m->page_size);
		struct ring_page p;
		struct ring_event ev;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return err_errno(e, -errno, "cannot read a marker");
		if (n != (ssize_t)m->page_size)
			return found;
		if (ring_page_open(&p, &m->abi, m->page, m->page_size) < 0)
			continue;
		while (ring_page_next(&p, &ev) > 0) {
			*ret = ev.ts;
			found = 1;
		}
	}
}

static int take_sample(struct measure *m, struct sample *ret, struct err *e)
{
	int64_t before = wall_ns(), after;
	int r = kernel_write(m->in, "trace_marker", "date", e);

	after = wall_ns();
	ret->width = after - before;
	ret->middle = before + ret->width / 2;
	for (size_t i = 0; i < m->nr_cpus && !r; i++)
		r = read_cpu(m, m->cpus[i], &ret->ts, e);
	if (!r)
		r = err_set(e, -ENODATA, "the kernel did not record a marker");
	return r < 0 ? r : 0;
}

static int measure_open(struct measure *m, struct kernel *k, const char *clock, struct err *e)
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "tracecmd-date-%d", getpid());
	r = kernel_instance_take(k, name, &m->in, e);
	if (!r && *clock)
		r = kernel_write(m->in, "trace_clock", clock, e);
	if (!r)
		r = kernel_instance_subbuf_size(m->in, &m->page_size, e);
	if (!r)
		r = kernel_instance_cpus(m->in, &m->cpus, &m->nr_cpus, e);
	if (!r)
		r = metadata_kernel_long(k, &m->abi.long_size, e);
	if (r)
		return r;
	m->abi.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	m->page = malloc(m->page_size);
	return m->page ? 0 : err_errno(e, -ENOMEM, "no memory for a sub-buffer");
}

/* The recorded time in nanoseconds. */
static int64_t in_ns(uint64_t ts, const struct dat_tsc2nsec *t)
{
	if (t->present)
		return (unsigned __int128)ts * t->mult >> t->shift;
	return ts;
}

static int measure(struct measure *m, const struct dat_tsc2nsec *tsc2nsec, int64_t *ret_us,
		   struct err *e)
{
	struct sample best = { .width = INT64_MAX };

	for (unsigned i = 0; i < MARKERS; i++) {
		struct sample s = { 0 };
		int r = take_sample(m, &s, e);

		if (r)
			return r;
		if (s.width < best.width)
			best = s;
	}
	*ret_us = (best.middle - in_ns(best.ts, tsc2nsec)) / 1000;
	return 0;
}

static bool counts_ns(const char *clock, const struct dat_tsc2nsec *tsc2nsec)
{
	return tsc2nsec->present ||
		(strcmp(clock, "counter") && strcmp(clock, "x86-tsc") && strcmp(clock, "ppc-tb"));
}

int record_measure_date(struct kernel *k, const char *clock, const struct dat_tsc2nsec *tsc2nsec,
			int64_t *ret_us, struct err *e)
{
	struct measure m = { 0 };
	int r, removed = 0;

	if (!counts_ns(clock, tsc2nsec))
		return err_set(e, -EINVAL, "cannot tell the time of day (--date) with clock '%s', "
			       "which does not count nanoseconds", clock);
	r = measure_open(&m, k, clock, e);
	if (!r)
		r = measure(&m, tsc2nsec, ret_us, e);
	free(m.page);
	free(m.cpus);
	if (m.in)
		removed = kernel_instance_remove(k, m.in, r ? NULL : e);
	if (!r)
		r = removed;
	return r ? err_wrap(e, "cannot measure the time of day (--date)") : 0;
}
