// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/sha256.h"
#include "remote/outgoing.h"
#include "remote/resume.h"
#include "remote/resume_door.h"

#define HELLO_S 2

struct resume_door {
	struct resume_door_opts o;
	int stop_fd;
	pthread_t thread;
};

/* Whether it is the host, and knows the session. */
static bool hear_hello(const struct resume_door *d, int fd, struct resume_hello *ret)
{
	struct timeval limit = { .tv_sec = HELLO_S };
	uint8_t bytes[RESUME_HELLO];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (net_blocking(fd) || recv(fd, bytes, sizeof(bytes), MSG_WAITALL) != sizeof(bytes))
		return false;
	limit.tv_sec = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	resume_hello_get(ret, bytes);
	return secret_equal(ret->token, d->o.token, WIRE_TOKEN);
}

/* What it says it has is the answer, too: before anything else goes that way. */
static int hand_over(const struct resume_door *d, int fd, const struct resume_hello *hello)
{
	uint8_t have[RESUME_COUNT];

	net_lively(fd);
	outgoing_limit(fd);
	put_u64(have, hello->have, true);
	if (hello->cpu == RESUME_CONTROL)
		return standing_resume(d->o.control, fd, have, sizeof(have));
	return keeper_resume(d->o.keeper, hello->cpu, fd, hello->have, have, sizeof(have));
}

static void take_one(struct resume_door *d)
{
	struct resume_hello hello;
	struct net_addr peer;
	int fd = net_accept(d->o.listen_fd, &peer);

	if (fd < 0)
		return;
	if (!net_same_host(&peer, d->o.peer) || !hear_hello(d, fd, &hello) || hand_over(d, fd, &hello))
		close(fd);
}

static void *serve(void *door)
{
	struct resume_door *d = door;
	struct pollfd p[] = { { .fd = d->stop_fd, .events = POLLIN }, { .fd = d->o.listen_fd, .events = POLLIN } };

	while (!p[0].revents)
		if (poll(p, 2, -1) > 0 && p[1].revents)
			take_one(d);
	return NULL;
}

int resume_door_start(const struct resume_door_opts *o, struct resume_door **ret)
{
	struct resume_door *d = malloc(sizeof(*d));
	int r = -ENOMEM;

	if (d) {
		*d = (struct resume_door){ .o = *o, .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
		r = d->stop_fd < 0 ? -errno : thread_start(&d->thread, serve, d);
	}
	if (!r) {
		*ret = d;
		return 0;
	}
	if (d)
		cleanup_close(&d->stop_fd);
	free(d);
	close(o->listen_fd);
	return r;
}

void resume_door_stop(struct resume_door *d)
{
	if (!d)
		return;
	eventfd_write(d->stop_fd, 1);
	pthread_join(d->thread, NULL);
	close(d->stop_fd);
	close(d->o.listen_fd);
	free(d);
}
