// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "remote/fifo.h"
#include "remote/keeper.h"
#include "remote/net.h"
#include "remote/outgoing.h"
#include "remote/packed.h"

#define TAKE_S 60			/* it takes nothing any more then */
#define LAST_MS 10000			/* until what was sent has been taken, after the end */

int outgoing_init(struct outgoing *o, const char *peer, uint32_t nr, struct err *e)
{
	*o = (struct outgoing){
		.peer = peer, .fd = malloc(nr * sizeof(*o->fd)), .sent = calloc(nr, sizeof(*o->sent)),
	};
	if (!o->fd || !o->sent)
		return err_errno(e, -ENOMEM, "cannot send");
	for (; o->nr < nr; o->nr++)
		o->fd[o->nr] = -1;
	return 0;
}

void outgoing_release(struct outgoing *o)
{
	for (uint32_t i = 0; i < o->nr; i++)
		cleanup_close(&o->fd[i]);
	keeper_free(o->keeper);
	free(o->fd);
	free(o->sent);
	*o = (struct outgoing){ 0 };
}

void outgoing_limit(int fd)
{
	struct timeval t = { .tv_sec = TAKE_S };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

void outgoing_set(struct outgoing *o, uint32_t cpu, int fd)
{
	if (!o->fifos)
		outgoing_limit(fd);
	if (o->keeper)
		keeper_set(o->keeper, cpu, fd);
	else
		o->fd[cpu] = fd;
}

static int no_cpu(uint32_t cpu, struct err *e)
{
	return err_set(e, -ENODEV, "CPU %" PRIu32 " came after the recording had begun", cpu);
}

int outgoing_put(struct outgoing *o, uint32_t cpu, const void *data, size_t len, struct err *e)
{
	size_t step = o->datagram ? o->datagram : len;
	const char *p = data;
	int r = 0;

	if (cpu >= o->nr)
		return no_cpu(cpu, e);
	if (o->fifos)
		r = fifo_write_full(o->fd[cpu], data, len, TAKE_S * 1000);
	else
		for (size_t at = 0; at < len && !r; at += step)
			r = net_send_full(o->fd[cpu], p + at, step);
	return r ? err_errno(e, r, "cannot send what CPU %" PRIu32 " recorded to %s", cpu, o->peer) : 0;
}

int outgoing_put_packed(struct outgoing *o, const struct recorder_chunk *c, struct err *e)
{
	uint64_t seq;
	size_t len;

	if (c->cpu >= o->nr)
		return no_cpu(c->cpu, e);
	seq = o->sent[c->cpu]++;
	len = packed_frame(c, seq);
	return o->keeper ? keeper_put(o->keeper, c->cpu, seq, c->frame, len, e) : outgoing_put(o, c->cpu, c->frame, len, e);
}

/* They end with a header, which the host acknowledges, too. */
static int end_kept(struct outgoing *o, struct err *e)
{
	uint8_t header[SPOOL_HEADER];
	int r = 0;

	for (uint32_t i = 0; i < o->nr && !r; i++) {
		packed_end(i, o->sent[i], header);
		r = keeper_put(o->keeper, i, o->sent[i], header, sizeof(header), e);
	}
	for (uint32_t i = 0; i < o->nr && !r; i++)
		r = keeper_drain(o->keeper, i, e);
	return r;
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

	if (o->keeper)
		return end_kept(o, e);
	for (uint32_t i = 0; i < o->nr && !o->fifos; i++)
		shutdown(o->fd[i], SHUT_WR);
	for (uint32_t i = 0; i < o->nr; i++) {
		if (o->fd[i] >= 0 && !o->datagram && !o->fifos)
			failed = await_taken(o->fd[i]);
		if (failed && !r)
			r = err_errno(e, failed, "%s may not have taken all that CPU %" PRIu32 " recorded", o->peer, i);
		cleanup_close(&o->fd[i]);
		o->fd[i] = -1;
	}
	return r;
}
