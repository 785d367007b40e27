// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * poll() looks at descriptors anew when it wakes, but waits for what was behind them when it began: what takes another's
 * place wakes nobody. An epoll descriptor is told of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "remote/net.h"
#include "remote/standing.h"

static int watch(const struct standing *s)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->fd, &ev) < 0 ? -errno : 0;
}

int standing_init(struct standing *s, int fd, uint64_t outage_ms, const struct notices *log)
{
	*s = (struct standing){ .fd = fd, .outage_ms = outage_ms, .log = log, .poll_fd = epoll_create1(EPOLL_CLOEXEC) };
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->came);
	return s->poll_fd < 0 ? -errno : watch(s);
}

void standing_release(struct standing *s)
{
	cleanup_close(&s->poll_fd);
	pthread_cond_destroy(&s->came);
	pthread_mutex_destroy(&s->lock);
}

/* A clock that runs takes its place. With the lock. 0, -errno: it is over. */
static int put_timer(struct standing *s)
{
	const struct itimerspec t = {
		.it_value = { .tv_sec = s->outage_ms / 1000, .tv_nsec = s->outage_ms % 1000 * 1000000 },
	};
	AUTO_CLOSE int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (timer < 0 || timerfd_settime(timer, 0, &t, NULL) < 0 || dup3(timer, s->fd, O_CLOEXEC) < 0)
		return -errno;
	s->broken = true;
	return watch(s);
}

/* It broke, which is told. With the lock. */
static void lose(struct standing *s, int code)
{
	notice(s->log, "the control connection broke (%s): the host may connect again for %" PRIu64 " seconds", strerror(-code),
	       s->outage_ms / 1000);
	s->over = put_timer(s) < 0;
}

ssize_t standing_hear(struct standing *s, void *to, size_t len)
{
	uint64_t fired;
	ssize_t n;

	pthread_mutex_lock(&s->lock);
	if (s->broken) {
		s->over |= read(s->fd, &fired, sizeof(fired)) == sizeof(fired);
		n = s->over ? 0 : -EAGAIN;
	} else {
		n = recv(s->fd, to, len, MSG_DONTWAIT);
		n = n < 0 ? -errno : n;
		if (n == -EINTR)
			n = -EAGAIN;
		if (n < 0 && n != -EAGAIN) {
			lose(s, n);
			n = s->over ? 0 : -EAGAIN;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

int standing_resume(struct standing *s, int fd, const void *answer, size_t len)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = s->over ? -EINVAL : net_send_full(fd, answer, len);
	if (!r && dup3(fd, s->fd, O_CLOEXEC) < 0)
		r = -errno;
	if (!r) {
		close(fd);
		s->broken = false;
		s->nr++;
		s->over = watch(s) < 0;
		pthread_cond_broadcast(&s->came);
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

unsigned standing_nr(struct standing *s)
{
	unsigned nr;

	pthread_mutex_lock(&s->lock);
	nr = s->nr;
	pthread_mutex_unlock(&s->lock);
	return nr;
}

int standing_await(struct standing *s, unsigned nr, int code)
{
	struct timespec until = deadline_in_ms(s->outage_ms);
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (s->nr == nr && !s->broken)
		lose(s, code);
	while (s->broken && !s->over && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&s->came, &s->lock, &until);
	s->over |= s->broken;
	r = s->broken ? -ECONNRESET : 0;
	pthread_mutex_unlock(&s->lock);
	return r;
}
