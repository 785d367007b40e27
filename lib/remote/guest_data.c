// SPDX-License-Identifier: LGPL-2.1-or-later
/* The thread that takes what guests send while they record, and up to their farewell. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/guests_inside.h"

#define READ_BYTES 65536
#define FLUSH_MS 2000			/* what came is on the disk so soon */
#define END_MS 60000			/* nothing has come for so long, though it was asked to end */
#define LOOK_MS 1000

struct taking {
	struct guests *all;
	struct pollfd *fds;
	size_t nr;
	uint64_t flushed_ms;
};

/* Nothing more comes of it. */
static void hang_up(struct guest *g)
{
	cleanup_close(&g->control);
	g->control = -1;
	for (uint32_t i = 0; i < g->talk.answer.cpus; i++) {
		cleanup_close(&g->cpus[i].fd);
		g->cpus[i].fd = -1;
	}
}

static void fail(struct guest *g, const struct err *e)
{
	if (!g->failed.code)
		g->failed = *e;
	hang_up(g);
}

static bool has_data_to_come(const struct guest *g)
{
	for (uint32_t i = 0; i < g->talk.answer.cpus; i++)
		if (g->cpus[i].fd >= 0)
			return true;
	return false;
}

static void hear_control(struct guest *g)
{
	char bytes[READ_BYTES];
	ssize_t n = read(g->control, bytes, sizeof(bytes));
	struct err e = { 0 };
	int r;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	g->heard_ms = guest_now_ms();
	if (n < 0)
		r = err_errno(&e, -errno, "cannot hear the agent");
	else
		r = n ? talk_host_feed(&g->talk, bytes, n, &e) : talk_host_eof(&g->talk, &e);
	if (r >= 0 && g->talk.state != TALK_HOST_OVER)
		return;
	if (r < 0 && !g->failed.code)
		g->failed = e;
	/* What it has sent for its CPUs before that still comes. */
	cleanup_close(&g->control);
	g->control = -1;
}

static void take_data(struct guest *g, uint32_t cpu)
{
	struct err e = { 0 };
	size_t len;
	void *room = incoming_room(g->in, cpu, &len);
	ssize_t n;

	if (!room) {
		err_errno(&e, -ENOMEM, "cannot take its data");
		fail(g, &e);
		return;
	}
	n = read(g->cpus[cpu].fd, room, len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	g->heard_ms = guest_now_ms();
	if (n > 0) {
		if (incoming_got(g->in, cpu, n, &e))
			fail(g, &e);
		return;
	}
	if (n < 0 && !g->failed.code)
		err_errno(&g->failed, -errno, "the connection of CPU %" PRIu32, cpu);
	cleanup_close(&g->cpus[cpu].fd);
	g->cpus[cpu].fd = -1;
}

static void ask_to_end(struct guest *g)
{
	struct err e = { 0 };
	int r;

	g->asked_to_end = true;
	g->heard_ms = guest_now_ms();
	if (g->control < 0)
		return;
	talk_host_close(&g->talk);
	r = net_send_full(g->control, g->talk.out.data, g->talk.out.len);
	buf_clear(&g->talk.out);
	if (r) {
		err_errno(&e, r, "cannot tell the agent that it is the end");
		fail(g, &e);
	}
}

static void look_at_time(struct guest *g, bool flush)
{
	struct err e = { 0 };

	if (flush && incoming_flush(g->in, &e))
		fail(g, &e);
	if (!g->asked_to_end || g->opts.unlimited || guest_now_ms() - g->heard_ms < END_MS)
		return;
	err_set(&e, -ETIMEDOUT, "the agent has not ended within %u seconds (--notimeout)", END_MS / 1000);
	fail(g, &e);
}

/* ---- the poll ------------------------------------------------------------------- */

static size_t count_fds(const struct guests *all)
{
	size_t nr = 1;

	for (size_t i = 0; i < all->v.nr; i++)
		nr += 1 + all->v.v[i]->talk.answer.cpus;
	return nr;
}

/* Whether there is something to wait for. */
static bool fill_fds(struct taking *t)
{
	bool any = false;

	t->nr = 0;
	t->fds[t->nr++] = (struct pollfd){ .fd = t->all->wake_fd, .events = POLLIN };
	for (size_t i = 0; i < t->all->v.nr; i++) {
		const struct guest *g = t->all->v.v[i];

		any |= g->control >= 0 || has_data_to_come(g);
		t->fds[t->nr++] = (struct pollfd){ .fd = g->control, .events = POLLIN };
		for (uint32_t c = 0; c < g->talk.answer.cpus; c++)
			t->fds[t->nr++] = (struct pollfd){ .fd = g->cpus[c].fd, .events = POLLIN };
	}
	return any;
}

static void serve(struct taking *t)
{
	const struct pollfd *p = t->fds + 1;
	bool flush = guest_now_ms() - t->flushed_ms >= FLUSH_MS;
	eventfd_t nr;

	for (size_t i = 0; i < t->all->v.nr; i++) {
		struct guest *g = t->all->v.v[i];

		if (p->revents && g->control >= 0)
			hear_control(g);
		p++;
		for (uint32_t c = 0; c < g->talk.answer.cpus; c++, p++)
			if (p->revents && g->cpus[c].fd >= 0)
				take_data(g, c);
		look_at_time(g, flush);
	}
	if (flush)
		t->flushed_ms = guest_now_ms();
	if (!t->fds[0].revents || eventfd_read(t->all->wake_fd, &nr))
		return;
	for (size_t i = 0; i < t->all->v.nr; i++)
		ask_to_end(t->all->v.v[i]);
}

void *guests_take(void *guests)
{
	struct guests *all = guests;
	struct taking t = { .all = all, .fds = calloc(count_fds(all), sizeof(*t.fds)) };
	struct err e = { 0 };

	if (!t.fds) {
		err_errno(&e, -ENOMEM, "cannot take its data");
		for (size_t i = 0; i < all->v.nr; i++)
			fail(all->v.v[i], &e);
	}
	while (t.fds && fill_fds(&t))
		if (poll(t.fds, t.nr, LOOK_MS) >= 0)
			serve(&t);
	free(t.fds);
	eventfd_write(all->ended_fd, 1);
	return NULL;
}
