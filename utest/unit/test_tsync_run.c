// SPDX-License-Identifier: GPL-2.0-or-later
/* Comparing clocks over sockets: host and guest in one process, with clocks whose truth is known. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "remote/net.h"
#include "remote/tsync.h"

#define CPUS 32
#define KINDS 2
#define TIMEOUT_MS 60000		/* for what has to come */
#define GRACE_MS 60000

static void expect_error(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' does not tell '%s'", text, part);
}

/* ---- clocks ------------------------------------------------------------------------- */

/* The clock of a guest's CPU is behind that of the host by so much. */
static int64_t truth(int cpu)
{
	return INT64_C(123456789012) + cpu * INT64_C(1000000007);
}

struct made_clock {
	bool guest;
	int cpu;
	uint64_t times[KINDS][TSYNC_PROBES_MAX + 2];
};

static int begin(void *ctx, int cpu, struct err *e)
{
	struct made_clock *c = ctx;

	(void)e;
	memset(c->times, 0, sizeof(c->times));
	c->cpu = cpu;
	assert_true(c->guest == (cpu >= 0));
	return 0;
}

static int mark(void *ctx, enum tsync_mark kind, uint32_t nr, struct err *e)
{
	struct made_clock *c = ctx;

	(void)e;
	c->times[kind][nr] = monotonic_ns() + INT64_C(1000000000000) - (c->guest ? truth(c->cpu) : 0);
	return 0;
}

static int times(void *ctx, enum tsync_mark kind, uint64_t *ret, uint32_t nr, struct err *e)
{
	struct made_clock *c = ctx;

	(void)e;
	memcpy(ret, c->times[kind], nr * sizeof(*ret));
	return 0;
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return monotonic_ns();
}

struct maker {
	bool guest, fails;
	unsigned open;
	pthread_mutex_t lock;
};

static int open_clock(void *ctx, unsigned lane, struct tsync_clock *ret, struct err *e)
{
	struct maker *m = ctx;
	struct made_clock *c = calloc(1, sizeof(*c));

	assert_true(lane < TSYNC_LANES_MAX);
	if (m->fails) {
		free(c);
		return err_set(e, -EACCES, "no clock");
	}
	c->guest = m->guest;
	pthread_mutex_lock(&m->lock);
	m->open++;
	pthread_mutex_unlock(&m->lock);
	*ret = (struct tsync_clock){ c, begin, mark, times, now };
	return 0;
}

static void close_clock(void *ctx, struct tsync_clock *clock)
{
	struct maker *m = ctx;

	free(clock->ctx);
	pthread_mutex_lock(&m->lock);
	m->open--;
	pthread_mutex_unlock(&m->lock);
}

/* ---- both ends ------------------------------------------------------------------------- */

struct ends {
	struct maker host, guest;
	struct tsync_clocks host_clocks, guest_clocks;
	struct notices notices;
	pthread_mutex_t lock;
	struct buf told;
	unsigned admitted;
	uint32_t port;
	struct tsync_serve *serve;
	struct tsync_measure *measure;
};

static void hear(void *ctx, const char *text)
{
	struct ends *s = ctx;

	pthread_mutex_lock(&s->lock);
	buf_printf(&s->told, "%s\n", text);
	pthread_mutex_unlock(&s->lock);
}

static bool admit(void *ctx, int fd)
{
	struct ends *s = ctx;

	(void)fd;
	return ++s->admitted != 2;	/* the second one is turned away */
}

static void set_up(struct ends *s)
{
	*s = (struct ends){ .guest.guest = true };
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->host.lock, NULL);
	pthread_mutex_init(&s->guest.lock, NULL);
	s->host_clocks = (struct tsync_clocks){ &s->host, open_clock, close_clock };
	s->guest_clocks = (struct tsync_clocks){ &s->guest, open_clock, close_clock };
	s->notices = (struct notices){ hear, s };
}

/* A socket that takes connections on s->port. */
static int door(struct ends *s)
{
	struct net_addr local;
	int fds[NET_LISTEN_MAX], fd;

	assert_int_equal(net_listen("127.0.0.1", "0", fds, NULL), 1);
	assert_int_equal(net_local(fds[0], &local), 0);
	fd = net_bind(&local, true, 0, &s->port);
	close(fds[0]);
	assert_true(fd >= 0);
	return fd;
}

static int start_serving(struct ends *s, const char *name, uint32_t cpus, unsigned timeout_ms)
{
	struct tsync_serve_opts o = {
		.listen_fd = door(s), .name = name, .cpus = cpus, .clocks = &s->guest_clocks, .timeout_ms = timeout_ms,
		.notices = &s->notices, .ctx = s,
	};

	return tsync_serve_start(&o, &s->serve, NULL);
}

static int dial(const struct ends *s)
{
	char port[16];
	int fd;

	snprintf(port, sizeof(port), "%" PRIu32, s->port);
	fd = net_connect("127.0.0.1", port, TIMEOUT_MS, NULL);
	assert_true(fd >= 0);
	return fd;
}

static int start_measuring(struct ends *s, const char *name, uint32_t cpus, unsigned interval_ms,
			   unsigned timeout_ms, struct err *e)
{
	static const struct dat_shift_sample kvm[] = { { 0, 1000, 1, 0 }, { 0, 2000, 1, 1 } };
	struct tsync_measure_opts o = {
		.name = name, .cpus = cpus, .clocks = &s->host_clocks, .interval_ms = interval_ms,
		.timeout_ms = timeout_ms, .notices = &s->notices, .kvm = strcmp(name, "kvm") ? NULL : kvm,
		.same_counter = s->host.open,
	};
	unsigned lanes = tsync_lanes(name, cpus);
	int fds[TSYNC_LANES_MAX];

	for (unsigned i = 0; i < lanes; i++)
		fds[i] = dial(s);
	return tsync_measure_start(&o, fds, lanes, &s->measure, e);
}

static void tear_down(struct ends *s)
{
	if (s->serve)
		tsync_serve_stop(s->serve, GRACE_MS);
	assert_int_equal(s->host.open, 0);
	assert_int_equal(s->guest.open, 0);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->host.lock);
	pthread_mutex_destroy(&s->guest.lock);
	buf_release(&s->told);
}

static struct sync_log whole_session(struct ends *s, const char *name, uint32_t cpus, unsigned interval_ms)
{
	struct sync_log log;
	struct err e = { 0 };

	set_up(s);
	assert_int_equal(start_serving(s, name, cpus, TIMEOUT_MS), 0);
	if (start_measuring(s, name, cpus, interval_ms, TIMEOUT_MS, &e))
		fail_msg("%s", e.text);
	assert_int_equal(tsync_serve_await(s->serve, NULL), 0);
	if (interval_ms)
		usleep(20 * interval_ms);	/* how many rounds there are then does not matter */
	assert_int_equal(tsync_measure_stop(s->measure, &log, &e), 0);
	tear_down(s);
	assert_int_equal(log.shift.nr_cpus, cpus);
	assert_string_equal(log.quality.protocol, name);
	return log;
}

static void each_cpu_has_its_own_offset(struct sync_log *log)
{
	for (uint32_t c = 0; c < log->shift.nr_cpus; c++) {
		assert_true(log->shift.cpus[c].nr >= 2);
		for (uint32_t i = 0; i < log->shift.cpus[c].nr; i++) {
			const struct dat_sync_sample *q = &log->quality.cpus[c].samples[i];
			int64_t d = log->shift.cpus[c].samples[i].offset - truth(c);

			assert_true(q->bound != DAT_BOUND_UNKNOWN && q->time == log->shift.cpus[c].samples[i].time);
			if ((uint64_t)llabs(d) > q->bound)
				fail_msg("CPU %" PRIu32 ": %" PRId64 " ns off, bound %" PRIu64, c, d, q->bound);
		}
	}
	sync_log_release(log);
}

static void many_cpus_over_several_connections(void **state)
{
	struct ends s;
	struct sync_log log = whole_session(&s, TSYNC_OWN, CPUS, 0);

	(void)state;
	assert_int_equal(log.shift.flags, 1);
	for (uint32_t c = 0; c < CPUS; c++)
		assert_int_equal(log.shift.cpus[c].nr, 2);
	each_cpu_has_its_own_offset(&log);
}

/* As with trace-cmd's: one connection, and the host finds the bounds by itself. */
static void the_old_protocol_at_intervals(void **state)
{
	struct ends s;
	struct sync_log log = whole_session(&s, TSYNC_PTP, 3, 1);

	(void)state;
	each_cpu_has_its_own_offset(&log);
}

static void counters_that_are_known(void **state)
{
	struct ends s;
	struct sync_log log = whole_session(&s, TSYNC_KVM, 2, 0);

	(void)state;
	assert_int_equal(log.shift.flags, 0);
	assert_true(log.shift.cpus[0].samples[1].offset == 1000 && log.shift.cpus[0].samples[1].scaling == 1);
	/* half the rate: back by two */
	assert_true(log.shift.cpus[1].samples[0].offset == 4000);
	assert_true(log.shift.cpus[1].samples[0].scaling >> log.shift.cpus[1].samples[0].fraction == 2);
	assert_true(log.quality.cpus[0].samples[0].bound == 0 && log.quality.cpus[1].samples[0].bound <= 3);
	sync_log_release(&log);
}

/* ---- ends that fail ------------------------------------------------------------------------ */

static void a_silent_guest(void **state)
{
	struct ends s;
	struct err e = { 0 };
	int fd;

	(void)state;
	set_up(&s);
	fd = door(&s);			/* nobody takes the connection */
	assert_int_equal(start_measuring(&s, TSYNC_PTP, 2, 0, 20, &e), -ETIMEDOUT);
	expect_error(e.text, "cannot compare the clocks of host and guest: CPU 0 of the guest: the other machine has said nothing for 20 ms");
	close(fd);
	tear_down(&s);
}

static void a_guest_that_goes(void **state)
{
	struct ends s;
	struct err e = { 0 };
	int fd;

	(void)state;
	set_up(&s);
	fd = door(&s);
	s.host.fails = true;
	assert_int_equal(start_measuring(&s, TSYNC_PTP, 2, 0, TIMEOUT_MS, &e), -EACCES);
	s.host.fails = false;
	close(fd);
	/* it ends after the first round: what is known by then stays */
	assert_int_equal(start_serving(&s, TSYNC_PTP, 2, TIMEOUT_MS), 0);
	if (start_measuring(&s, TSYNC_PTP, 2, 0, TIMEOUT_MS, &e))
		fail_msg("%s", e.text);
	tsync_serve_stop(s.serve, 0);
	s.serve = NULL;
	{
		struct sync_log log;

		assert_int_equal(tsync_measure_stop(s.measure, &log, &e), 0);
		assert_int_equal(log.shift.cpus[1].nr, 1);
		sync_log_release(&log);
	}
	expect_error(s.told.data, "ended early");
	tear_down(&s);
}

static void a_host_that_talks_nonsense(void **state)
{
	struct ends s;
	char data[64];
	int fd;

	(void)state;
	set_up(&s);
	assert_int_equal(start_serving(&s, TSYNC_PTP, 2, TIMEOUT_MS), 0);
	fd = dial(&s);
	assert_int_equal(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	assert_true(read(fd, data, sizeof(data)) <= 0);		/* it is sent away */
	close(fd);
	tsync_serve_stop(s.serve, GRACE_MS);
	s.serve = NULL;
	expect_error(s.told.data, "comparing clocks with the host: a message claims 1195725856 bytes");
	tear_down(&s);
}

static void a_host_that_does_not_come(void **state)
{
	struct ends s;
	struct err e = { 0 };

	(void)state;
	set_up(&s);
	assert_int_equal(start_serving(&s, TSYNC_PTP, 2, 20), 0);
	assert_int_equal(tsync_serve_await(s.serve, &e), -ETIMEDOUT);
	expect_error(e.text, "the host has not connected");
	tear_down(&s);
}

static void who_may_not_is_turned_away(void **state)
{
	struct tsync_serve_opts o = { .name = TSYNC_OWN, .cpus = 3, .timeout_ms = TIMEOUT_MS, .admit = admit };
	struct ends s;
	char byte;
	int fds[3];

	(void)state;
	set_up(&s);
	o.listen_fd = door(&s);
	o.clocks = &s.guest_clocks;
	o.ctx = &s;
	assert_int_equal(tsync_serve_start(&o, &s.serve, NULL), 0);
	for (int i = 0; i < 3; i++)
		fds[i] = dial(&s);
	assert_int_equal(read(fds[1], &byte, 1), 0);
	assert_int_equal(tsync_serve_await(s.serve, NULL), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	tear_down(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_cpus_over_several_connections),
		cmocka_unit_test(the_old_protocol_at_intervals),
		cmocka_unit_test(counters_that_are_known),
		cmocka_unit_test(a_silent_guest),
		cmocka_unit_test(a_guest_that_goes),
		cmocka_unit_test(a_host_that_talks_nonsense),
		cmocka_unit_test(a_host_that_does_not_come),
		cmocka_unit_test(who_may_not_is_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
