// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "remote/guest_resume.h"
#include "remote/outgoing.h"
#include "remote/resume.h"

#define CONNECT_MS 2000			/* one attempt, and its answer */
#define PAUSE_MS 200			/* before the next one */

struct link {
	bool broken;
	int made;			/* -1: not yet */
	int code;
	uint64_t have, since_ms;
	uint64_t made_ms;		/* when it was made last; 0: never */
};

struct guest_resume {
	struct guest_resume_opts o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct link *links;		/* of each CPU, and behind them the control connection's; all are the lock's */
	uint32_t nr;
	bool stop;
};

/* A descriptor; -errno. */
static int make(const struct guest_resume *r, uint32_t cpu, uint64_t have)
{
	const struct wire_answer *a = r->o.answer;
	struct resume_hello hello = { .cpu = cpu, .have = have };
	uint8_t bytes[RESUME_HELLO], answer[RESUME_COUNT];
	int fd = net_connect_to(r->o.peer, true, a->resume_port, CONNECT_MS, NULL), code;
	size_t got = 0;

	if (fd < 0)
		return fd;
	memcpy(hello.token, a->token, WIRE_TOKEN);
	resume_hello_put(&hello, bytes);
	outgoing_limit(fd);
	code = net_send_full(fd, bytes, sizeof(bytes));
	while (!code && got < sizeof(answer)) {
		ssize_t n = net_hear(fd, answer + got, sizeof(answer) - got, CONNECT_MS);

		code = n < 0 ? n : n ? 0 : -ECONNRESET;
		got += n > 0 ? n : 0;
	}
	if (!code && get_u64(answer, true) != have)
		code = -EPROTO;
	if (!code)
		return fd;
	close(fd);
	return code;
}

/* The next one that is to be made. With the lock. */
static struct link *next_broken(struct guest_resume *r)
{
	for (uint32_t i = 0; i < r->nr; i++)
		if (r->links[i].broken && r->links[i].made < 0)
			return &r->links[i];
	return NULL;
}

/* With the lock, which it leaves meanwhile. */
static void pause_until(struct guest_resume *r, uint64_t ms)
{
	struct timespec until = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (!r->stop && monotonic_ms() < ms)
		pthread_cond_timedwait(&r->work, &r->lock, &until);
}

/* The same. */
static void try(struct guest_resume *r, struct link *link)
{
	uint32_t cpu = link - r->links;
	uint64_t have = link->have;
	int fd;

	/* An agent may break what it has just taken, again and again. */
	if (link->made_ms)
		pause_until(r, link->made_ms + PAUSE_MS);
	pthread_mutex_unlock(&r->lock);
	fd = make(r, cpu == r->nr - 1 ? RESUME_CONTROL : cpu, have);
	pthread_mutex_lock(&r->lock);
	if (fd >= 0) {
		link->made = fd;
		link->made_ms = monotonic_ms();
		eventfd_write(r->o.made_fd, 1);
		return;
	}
	pause_until(r, monotonic_ms() + PAUSE_MS);
}

static void *work(void *arg)
{
	struct guest_resume *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		struct link *link = next_broken(r);

		if (link)
			try(r, link);
		else
			pthread_cond_wait(&r->work, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int guest_resume_start(const struct guest_resume_opts *o, struct guest_resume **ret)
{
	struct guest_resume *r = calloc(1, sizeof(*r));
	int code = -ENOMEM;

	if (r)
		r->links = calloc((size_t)o->answer->cpus + 1, sizeof(*r->links));
	if (r && r->links) {
		r->o = *o;
		for (; r->nr < o->answer->cpus + 1; r->nr++)
			r->links[r->nr].made = -1;
		pthread_mutex_init(&r->lock, NULL);
		cond_init(&r->work);
		code = thread_start(&r->thread, work, r);
	}
	if (!code) {
		*ret = r;
		return 0;
	}
	if (r)
		free(r->links);
	free(r);
	return code;
}

void guest_resume_stop(struct guest_resume *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	for (uint32_t i = 0; i < r->nr; i++)
		cleanup_close(&r->links[i].made);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->lock);
	free(r->links);
	free(r);
}

void guest_resume_broken(struct guest_resume *r, uint32_t cpu, int code, uint64_t have)
{
	struct link *link = &r->links[cpu == RESUME_CONTROL ? r->nr - 1 : cpu];

	pthread_mutex_lock(&r->lock);
	link->broken = true;
	link->code = code;
	link->have = have;
	link->since_ms = monotonic_ms();
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
}

/* With the lock. */
static uint32_t count_broken(const struct guest_resume *r)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr; i++)
		nr += r->links[i].broken;
	return nr;
}

int guest_resume_take(struct guest_resume *r, uint32_t *ret_cpu, uint64_t *ret_ms, bool *ret_last)
{
	int fd = -EAGAIN;

	pthread_mutex_lock(&r->lock);
	for (uint32_t i = 0; i < r->nr && fd < 0; i++) {
		struct link *link = &r->links[i];

		if (link->made < 0)
			continue;
		fd = link->made;
		*ret_cpu = i == r->nr - 1 ? RESUME_CONTROL : i;
		*ret_ms = monotonic_ms() - link->since_ms;
		link->made = -1;
		link->broken = false;
	}
	*ret_last = !count_broken(r);
	pthread_mutex_unlock(&r->lock);
	return fd;
}

uint32_t guest_resume_left(struct guest_resume *r, uint64_t *ret_ms, int *ret_code)
{
	uint64_t now = monotonic_ms();
	uint32_t nr;

	pthread_mutex_lock(&r->lock);
	nr = count_broken(r);
	*ret_ms = 0;
	for (uint32_t i = 0; i < r->nr; i++)
		if (r->links[i].broken && now - r->links[i].since_ms >= *ret_ms) {
			*ret_ms = now - r->links[i].since_ms;
			*ret_code = r->links[i].code;
		}
	pthread_mutex_unlock(&r->lock);
	return nr;
}
