// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote/net.h"
#include "remote/tsync_link.h"

void tsync_link_init(struct tsync_link *l, int fd, int wake, unsigned timeout_ms)
{
	*l = (struct tsync_link){ .fd = fd, .wake = wake, .timeout_ms = timeout_ms };
	net_lively(fd);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void tsync_link_close(struct tsync_link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* 0; -ETIMEDOUT, told; -ECANCELED; -errno, told. */
static int await(const struct tsync_link *l, short events, bool limited, struct err *e)
{
	struct pollfd p[2] = { { .fd = l->fd, .events = events }, { .fd = l->wake, .events = POLLIN } };
	int r;

	do {
		r = poll(p, 2, limited && l->timeout_ms ? (int)l->timeout_ms : -1);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_errno(e, -errno, "cannot wait for the other machine");
	if (!r)
		return err_set(e, -ETIMEDOUT, "the other machine has said nothing for %u ms", l->timeout_ms);
	return p[0].revents ? 0 : err_set(e, -ECANCELED, "comparing clocks was ended");
}

int tsync_link_send(struct tsync_link *l, struct buf *out, struct err *e)
{
	size_t done = 0;
	int r = 0;

	while (done < out->len && !r) {
		ssize_t n = send(l->fd, out->data + done, out->len - done, MSG_NOSIGNAL);

		if (n >= 0)
			done += n;
		else if (errno == EAGAIN)
			r = await(l, POLLOUT, true, e);
		else if (errno != EINTR)
			r = err_errno(e, -errno, "cannot send to the other machine");
	}
	buf_clear(out);
	return r;
}

ssize_t tsync_link_receive(struct tsync_link *l, void *data, size_t size, bool limited, struct err *e)
{
	int one = 1, r;

	for (;;) {
		ssize_t n = recv(l->fd, data, size, 0);

		if (n >= 0) {
			/* Old peers send a message in two pieces and wait in between for this. */
			setsockopt(l->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
			return n;
		}
		if (errno == EAGAIN)
			r = await(l, POLLIN, limited, e);
		else
			r = errno == EINTR ? 0 : err_errno(e, -errno, "cannot receive from the other machine");
		if (r)
			return r;
	}
}

int tsync_link_accept(struct tsync_link *l, bool limited, struct err *e)
{
	int r;

	for (;;) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno == EAGAIN)
			r = await(l, POLLIN, limited, e);
		else
			r = errno == EINTR || errno == ECONNABORTED ? 0 :
				err_errno(e, -errno, "cannot take a connection to compare clocks");
		if (r)
			return r;
	}
}
