// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "remote/net.h"
#include "remote/outgoing.h"

#define TAKE_S 60			/* it takes nothing any more then */
#define LAST_MS 10000			/* until what was sent has been taken, after the end */

int outgoing_init(struct outgoing *o, const char *peer, uint32_t nr, struct err *e)
{
	*o = (struct outgoing){ .peer = peer, .fd = malloc(nr * sizeof(*o->fd)) };
	if (!o->fd)
		return err_errno(e, -ENOMEM, "cannot send");
	for (; o->nr < nr; o->nr++)
		o->fd[o->nr] = -1;
	return 0;
}

void outgoing_release(struct outgoing *o)
{
	for (uint32_t i = 0; i < o->nr; i++)
		cleanup_close(&o->fd[i]);
	free(o->fd);
	*o = (struct outgoing){ 0 };
}

void outgoing_limit(int fd)
{
	struct timeval t = { .tv_sec = TAKE_S };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

void outgoing_set(struct outgoing *o, uint32_t cpu, int fd)
{
	outgoing_limit(fd);
	o->fd[cpu] = fd;
}

int outgoing_put(struct outgoing *o, uint32_t cpu, const void *data, size_t len, struct err *e)
{
	size_t step = o->datagram ? o->datagram : len;
	const char *p = data;
	int r = 0;

	if (cpu >= o->nr)
		return err_set(e, -ENODEV, "CPU %" PRIu32 " came after the recording had begun", cpu);
	for (size_t at = 0; at < len && !r; at += step)
		r = net_send_full(o->fd[cpu], p + at, step);
	return r ? err_errno(e, r, "cannot send what CPU %" PRIu32 " recorded to %s", cpu, o->peer) : 0;
}

/* The other side closes too when it has taken everything. */
static int await_taken(int fd)
{
	char byte;
	ssize_t n = net_hear(fd, &byte, 1, LAST_MS);

	return n < 0 && n != -ETIMEDOUT ? n : 0;
}

int outgoing_end(struct outgoing *o, struct err *e)
{
	int r = 0, failed = 0;

	for (uint32_t i = 0; i < o->nr; i++)
		shutdown(o->fd[i], SHUT_WR);
	for (uint32_t i = 0; i < o->nr; i++) {
		if (o->fd[i] >= 0 && !o->datagram)
			failed = await_taken(o->fd[i]);
		if (failed && !r)
			r = err_errno(e, failed, "%s may not have taken all that CPU %" PRIu32 " recorded", o->peer, i);
		cleanup_close(&o->fd[i]);
		o->fd[i] = -1;
	}
	return r;
}
