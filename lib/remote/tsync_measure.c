// SPDX-License-Identifier: LGPL-2.1-or-later
/* The host's side over sockets: rounds of measurements, each of all CPUs of the guest. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "remote/tsync.h"
#include "remote/tsync_link.h"

#define RECEIVE_BYTES 16384

/* One connection, which measures every so manieth CPU. */
struct lane {
	struct tsync_measure *m;
	unsigned nr;
	struct tsync_link link;
	struct tsync_clock clock;
	bool has_clock;
	struct tsync_host host;
	struct err e;			/* why it is closed */
};

struct tsync_measure {
	char name[TSYNC_NAME_SIZE];
	struct tsync_measure_opts o;
	struct lane lanes[TSYNC_LANES_MAX];
	unsigned nr_lanes;
	struct sync_log log;
	pthread_t thread;
	bool runs;			/* the thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
};

unsigned tsync_lanes(const char *name, uint32_t cpus)
{
	if (strcmp(name, TSYNC_OWN))
		return 1;
	return cpus < TSYNC_LANES_MAX ? cpus : TSYNC_LANES_MAX;
}

/* One CPU. 0, -errno, told. */
static int measure_cpu(struct lane *l, uint32_t cpu, struct err *e)
{
	int r = tsync_host_probe(&l->host, cpu, e);
	uint8_t data[RECEIVE_BYTES];

	while (r >= 0) {
		ssize_t n;
		int sent = tsync_link_send(&l->link, &l->host.out, e);

		if (sent || r > 0)
			return sent ? sent : l->host.usable ? sync_log_add(&l->m->log, cpu, &l->host.sample) : 0;
		n = tsync_link_receive(&l->link, data, sizeof(data), true, e);
		if (n <= 0)
			return n < 0 ? n : err_set(e, -ECONNRESET, "the guest has ended the connection");
		r = tsync_host_feed(&l->host, data, n, e);
	}
	return r;
}

static void *lane_round(void *lane)
{
	struct lane *l = lane;
	int r = 0;

	for (uint32_t cpu = l->nr; cpu < l->m->o.cpus && !r; cpu += l->m->nr_lanes) {
		r = measure_cpu(l, cpu, &l->e);
		if (r)
			err_wrap(&l->e, "CPU %u of the guest", cpu);
	}
	if (r)
		tsync_link_close(&l->link);
	return NULL;
}

/* All lanes at once; those that cannot have a thread, and the first one, here. */
static void measure_all(struct tsync_measure *m)
{
	bool threaded[TSYNC_LANES_MAX] = { false };
	pthread_t threads[TSYNC_LANES_MAX];

	for (unsigned i = 1; i < m->nr_lanes; i++)
		if (m->lanes[i].link.fd >= 0)
			threaded[i] = !pthread_create(&threads[i], NULL, lane_round, &m->lanes[i]);
	for (unsigned i = 0; i < m->nr_lanes; i++)
		if (!threaded[i] && m->lanes[i].link.fd >= 0)
			lane_round(&m->lanes[i]);
	for (unsigned i = 1; i < m->nr_lanes; i++)
		if (threaded[i])
			pthread_join(threads[i], NULL);
}

/* Until the next round; true: there is none. */
static bool wait_stop(struct tsync_measure *m)
{
	struct timespec until = deadline_in_ms(m->o.interval_ms);
	bool stop;

	pthread_mutex_lock(&m->lock);
	while (!m->stop && pthread_cond_timedwait(&m->changed, &m->lock, &until) != ETIMEDOUT)
		;
	stop = m->stop;
	pthread_mutex_unlock(&m->lock);
	return stop;
}

static void *intervals(void *measure)
{
	struct tsync_measure *m = measure;

	while (!wait_stop(m))
		measure_all(m);
	return NULL;
}

static void release(struct tsync_measure *m)
{
	for (unsigned i = 0; i < m->nr_lanes; i++) {
		struct lane *l = &m->lanes[i];

		tsync_link_close(&l->link);
		tsync_host_release(&l->host);
		if (l->has_clock)
			m->o.clocks->close(m->o.clocks->ctx, &l->clock);
	}
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	sync_log_release(&m->log);
	free(m);
}

static struct tsync_measure *measure_new(const struct tsync_measure_opts *o, const int *fds, unsigned lanes)
{
	struct tsync_measure *m = calloc(1, sizeof(*m));

	if (!m || sync_log_init(&m->log, o->cpus)) {
		free(m);
		return NULL;
	}
	m->o = *o;
	m->nr_lanes = lanes;
	memcpy(m->name, o->name, strnlen(o->name, sizeof(m->name) - 1));
	memcpy(m->log.quality.protocol, m->name, sizeof(m->name));
	/* kvm's offsets are as exact at one time as at another. */
	m->log.shift.flags = strcmp(m->name, TSYNC_KVM) ? 1 : 0;
	pthread_mutex_init(&m->lock, NULL);
	cond_init(&m->changed);
	for (unsigned i = 0; i < lanes; i++) {
		m->lanes[i].m = m;
		m->lanes[i].nr = i;
		tsync_link_init(&m->lanes[i].link, fds[i], -1, o->timeout_ms);
	}
	return m;
}

static int open_clocks(struct tsync_measure *m, struct err *e)
{
	for (unsigned i = 0; i < m->nr_lanes; i++) {
		struct lane *l = &m->lanes[i];
		int r = m->o.clocks->open(m->o.clocks->ctx, i, &l->clock, e);

		if (r)
			return r;
		l->has_clock = true;
		if (tsync_host_init(&l->host, m->name, &l->clock))
			return err_set(e, -EINVAL, "'%s' is no protocol for comparing clocks", m->name);
		l->host.kvm = m->o.kvm;
		l->host.kvm_cpus = m->o.kvm ? m->o.cpus : 0;
	}
	return 0;
}

/* The first reason for which a lane is closed; NULL: none is. */
static const struct err *failure(const struct tsync_measure *m)
{
	for (unsigned i = 0; i < m->nr_lanes; i++)
		if (m->lanes[i].e.code)
			return &m->lanes[i].e;
	return NULL;
}

int tsync_measure_start(const struct tsync_measure_opts *o, const int *fds, unsigned lanes,
			struct tsync_measure **ret, struct err *e)
{
	struct tsync_measure *m = measure_new(o, fds, lanes);
	int r;

	if (!m) {
		for (unsigned i = 0; i < lanes; i++)
			close(fds[i]);
		return tsync_no_memory(e);
	}
	r = open_clocks(m, e);
	if (!r) {
		measure_all(m);
		if (failure(m)) {
			r = failure(m)->code;
			if (e)
				*e = *failure(m);
		}
	}
	if (!r && o->interval_ms) {
		r = -pthread_create(&m->thread, NULL, intervals, m);
		m->runs = !r;
		if (r)
			err_errno(e, r, "no thread to compare clocks");
	}
	if (r)
		release(m);
	else
		*ret = m;
	return r ? err_wrap(e, "cannot compare the clocks of host and guest") : 0;
}

static void say_farewell(struct tsync_measure *m)
{
	for (unsigned i = 0; i < m->nr_lanes; i++) {
		struct lane *l = &m->lanes[i];

		if (l->link.fd >= 0 && !tsync_host_stop(&l->host))
			tsync_link_send(&l->link, &l->host.out, NULL);
	}
}

int tsync_measure_stop(struct tsync_measure *m, struct sync_log *ret, struct err *e)
{
	int r;

	if (m->runs) {
		pthread_mutex_lock(&m->lock);
		m->stop = true;
		pthread_cond_signal(&m->changed);
		pthread_mutex_unlock(&m->lock);
		pthread_join(m->thread, NULL);
	}
	measure_all(m);
	say_farewell(m);
	if (failure(m))
		notice(m->o.notices, "comparing the clocks of host and guest ended early: %s", failure(m)->text);
	if (m->o.same_counter && !sync_log_constant(&m->log))
		notice(m->o.notices, "the counters of host and guest do not run alike: their times are interpolated");
	r = sync_log_finish(&m->log);
	if (r)
		err_errno(e, r, "the clocks of host and guest could not be compared");
	*ret = m->log;
	m->log = (struct sync_log){ 0 };
	release(m);
	return r;
}
