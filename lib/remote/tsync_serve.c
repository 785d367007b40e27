// SPDX-License-Identifier: LGPL-2.1-or-later
/* The guest's side over sockets: a thread takes connections, and each has one that answers. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/tsync.h"
#include "remote/tsync_link.h"

#define RECEIVE_BYTES 16384
#define ROUND_NS UINT64_C(1500000000)	/* in which all CPUs shall have been measured */

struct answerer {
	struct tsync_serve *s;
	unsigned lane;
	int fd;
	pthread_t thread;
};

struct tsync_serve {
	char name[TSYNC_NAME_SIZE];
	struct tsync_serve_opts o;
	struct tsync_link door;
	int wake;
	pthread_t thread;
	struct answerer answerers[TSYNC_LANES_MAX];
	unsigned lanes;			/* at most */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned taken, ended;		/* connections */
	bool closed;			/* none is taken any more */
	struct err e;			/* why */
};

/* Talks until the host says farewell or the connection ends. 0, -errno, told. */
static int converse(struct tsync_guest *g, struct tsync_link *link, struct err *e)
{
	uint8_t data[RECEIVE_BYTES];

	for (;;) {
		ssize_t n = tsync_link_receive(link, data, sizeof(data), g->state != TSYNC_IDLE, e);
		int r, sent;

		if (n < 0)
			return n == -ECANCELED ? 0 : n;
		if (!n)
			return g->state == TSYNC_IDLE ? 0 :
				err_set(e, -ECONNRESET, "the host has ended the connection in a measurement");
		r = tsync_guest_feed(g, data, n, e);
		sent = tsync_link_send(link, &g->out, r < 0 ? NULL : e);
		if (r)
			return r > 0 ? 0 : r;
		if (sent)
			return sent;
	}
}

static int serve_lane(struct answerer *a, struct err *e)
{
	struct tsync_serve *s = a->s;
	uint32_t turns = (s->o.cpus + s->lanes - 1) / s->lanes;
	struct tsync_clock clock;
	struct tsync_guest guest;
	struct tsync_link link;
	int r = s->o.clocks->open(s->o.clocks->ctx, a->lane, &clock, e);

	if (r) {
		close(a->fd);
		return r;
	}
	tsync_link_init(&link, a->fd, s->wake, s->o.timeout_ms);
	r = tsync_guest_init(&guest, s->name, &clock, ROUND_NS / turns);
	if (r)
		err_set(e, r, "'%s' is no protocol for comparing clocks", s->name);
	else
		r = converse(&guest, &link, e);
	tsync_guest_release(&guest);
	tsync_link_close(&link);
	s->o.clocks->close(s->o.clocks->ctx, &clock);
	return r;
}

static void *answer(void *answerer)
{
	struct answerer *a = answerer;
	struct tsync_serve *s = a->s;
	struct err e = { 0 };

	if (serve_lane(a, &e))
		notice(s->o.notices, "comparing clocks with the host: %s", e.text);
	pthread_mutex_lock(&s->lock);
	s->ended++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int take(struct tsync_serve *s, int fd, struct err *e)
{
	struct answerer *a = &s->answerers[s->taken];
	int r;

	*a = (struct answerer){ .s = s, .lane = s->taken, .fd = fd };
	r = -pthread_create(&a->thread, NULL, answer, a);
	if (r) {
		close(fd);
		return err_errno(e, r, "no thread to compare clocks");
	}
	pthread_mutex_lock(&s->lock);
	s->taken++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void *accept_lanes(void *serve)
{
	struct tsync_serve *s = serve;
	struct err e = { 0 };
	int r = 0;

	while (!r && s->taken < s->lanes) {
		int fd = tsync_link_accept(&s->door, !s->taken, &e);

		if (fd < 0)
			r = fd;
		else if (s->o.admit && !s->o.admit(s->o.ctx, fd))
			close(fd);
		else
			r = take(s, fd, &e);
	}
	tsync_link_close(&s->door);
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	s->e = e;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void release(struct tsync_serve *s)
{
	tsync_link_close(&s->door);
	if (s->wake >= 0)
		close(s->wake);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int tsync_serve_start(const struct tsync_serve_opts *o, struct tsync_serve **ret, struct err *e)
{
	struct tsync_serve *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close(o->listen_fd);
		return tsync_no_memory(e);
	}
	s->o = *o;
	memcpy(s->name, o->name, strnlen(o->name, sizeof(s->name) - 1));
	s->lanes = tsync_lanes(s->name, o->cpus);
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->changed);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	tsync_link_init(&s->door, o->listen_fd, s->wake, o->timeout_ms);
	r = s->wake < 0 ? -errno : -pthread_create(&s->thread, NULL, accept_lanes, s);
	if (r) {
		release(s);
		return err_errno(e, r, "no thread to compare clocks");
	}
	*ret = s;
	return 0;
}

int tsync_serve_await(struct tsync_serve *s, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->taken && !s->closed)
		pthread_cond_wait(&s->changed, &s->lock);
	if (!s->taken) {
		r = s->e.code;
		if (e)
			*e = s->e;
	}
	pthread_mutex_unlock(&s->lock);
	return r ? err_wrap(e, "the host has not connected to compare clocks") : 0;
}

void tsync_serve_stop(struct tsync_serve *s, unsigned grace_ms)
{
	struct timespec until = deadline_in_ms(grace_ms);

	pthread_mutex_lock(&s->lock);
	while (s->ended < s->taken && pthread_cond_timedwait(&s->changed, &s->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&s->lock);
	eventfd_write(s->wake, 1);
	pthread_join(s->thread, NULL);
	for (unsigned i = 0; i < s->taken; i++)
		pthread_join(s->answerers[i].thread, NULL);
	release(s);
}
