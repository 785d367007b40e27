// SPDX-License-Identifier: LGPL-2.1-or-later
/* The thread that takes what guests send while they record, and up to their farewell. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/guests_inside.h"
#include "remote/resume.h"

#define READ_BYTES 65536
#define FLUSH_MS 2000			/* what came is on the disk so soon */
#define END_MS 60000			/* nothing has come for so long, though it was asked to end */
#define LOOK_MS 1000
#define TELL_MS 500			/* an agent that has ended breaks some connections just before it closes that of control */
#define QUIET_MS 500			/* of FIFOs, whose other end QEMU does not close */

struct taking {
	struct guests *all;
	struct pollfd *fds;
	size_t nr;
	uint64_t flushed_ms;
};

static void fail(struct guest *g, const struct err *e)
{
	guest_fail(g, e);
	guest_hang_up(g);
}

static bool has_data_to_come(const struct guest *g)
{
	for (uint32_t i = 0; i < guest_cpus(g); i++)
		if (g->cpus[i].fd >= 0)
			return true;
	return false;
}

/* ---- connections that break ----------------------------------------------------------- */

/* Whether it is to be made anew. @code: why it is not well. */
static bool outlive(struct guest *g, uint32_t cpu, int code)
{
	if (!g->resume)
		return false;
	if (cpu != RESUME_CONTROL)
		incoming_begin_anew(g->in, cpu);
	guest_resume_broken(g->resume, cpu, code, cpu == RESUME_CONTROL ? 0 : incoming_chunks(g->in, cpu));
	return true;
}

/* None is made anew any more: the agent has ended, or there is nothing left to come. */
static void end_resume(struct guest *g)
{
	guest_resume_stop(g->resume);
	g->resume = NULL;
}

static void say_close(struct guest *g)
{
	struct err e = { 0 };
	int r;

	talk_host_close(&g->talk);
	r = net_send_full(g->control, g->talk.out.data, g->talk.out.len);
	buf_clear(&g->talk.out);
	if (!r)
		return;
	if (outlive(g, RESUME_CONTROL, r)) {
		cleanup_close(&g->control);
		g->control = -1;
		return;
	}
	err_errno(&e, r, "cannot tell the agent that it is the end");
	fail(g, &e);
}

/* Those that have been made anew take their places. */
static void take_made(struct guest *g)
{
	uint64_t ms;
	uint32_t cpu;
	bool last;
	int fd;

	while (g->resume && (fd = guest_resume_take(g->resume, &cpu, &ms, &last)) >= 0) {
		g->heard_ms = monotonic_ms();
		g->told_broken &= !last;
		if (last)
			notice(g->opts.notices, "%s: a connection broke; connected again after %" PRIu64 " ms", g->opts.label, ms);
		if (cpu != RESUME_CONTROL) {
			g->cpus[cpu].fd = fd;
			continue;
		}
		g->control = fd;
		talk_host_begin_anew(&g->talk);
		incoming_metadata_anew(g->in);
		if (g->asked_to_end)
			say_close(g);
	}
}

/* An agent that ended, and one that cannot be reached for too long, has nothing more for us. */
static void look_at_broken(struct guest *g)
{
	struct err e = { 0 };
	uint64_t ms;
	int code;

	if (!g->resume || !guest_resume_left(g->resume, &ms, &code) || ms < TELL_MS)
		return;
	if (!g->told_broken)
		notice(g->opts.notices, "%s: a connection broke (%s): trying for %" PRIu32 " seconds to make it anew", g->opts.label,
		       strerror(-code), g->talk.answer.outage_s);
	g->told_broken = true;
	if (ms <= (uint64_t)g->talk.answer.outage_s * 1000)
		return;
	err_errno(&e, code, "a connection broke, and could not be made anew within %" PRIu32 " seconds", g->talk.answer.outage_s);
	fail(g, &e);
}

/* Whether something is to be waited for that has no descriptor now. */
static bool has_broken(const struct guest *g)
{
	uint64_t ms;
	int code;

	return g->resume && guest_resume_left(g->resume, &ms, &code);
}

/* ---- what comes ------------------------------------------------------------------------- */

static void hear_control(struct guest *g)
{
	char bytes[READ_BYTES];
	ssize_t n = read(g->control, bytes, sizeof(bytes));
	int code = n < 0 ? -errno : 0, r;
	struct err e = { 0 };

	if (code == -EINTR || code == -EAGAIN)
		return;
	g->heard_ms = monotonic_ms();
	if (code && outlive(g, RESUME_CONTROL, code)) {
		cleanup_close(&g->control);
		g->control = -1;
		return;
	}
	if (code)
		r = err_errno(&e, code, "cannot hear the agent");
	else
		r = n ? talk_host_feed(&g->talk, bytes, n, &e) : talk_host_eof(&g->talk, &e);
	if (r >= 0 && g->talk.state != TALK_HOST_OVER)
		return;
	if (r < 0)
		guest_fail(g, &e);
	/* What it has sent for its CPUs before that still comes. */
	cleanup_close(&g->control);
	g->control = -1;
	end_resume(g);
}

/* Tells the agent what we have; it need not hear of each chunk. Whether that can be told. */
static bool acknowledge(const struct guest *g, uint32_t cpu)
{
	uint8_t bytes[RESUME_COUNT];
	ssize_t n;

	put_u64(bytes, incoming_chunks(g->in, cpu), true);
	n = send(g->cpus[cpu].fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
	return n == sizeof(bytes) || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Its connection is no more, or is to be made anew. @code: why; 0: it has been closed. */
static void end_cpu(struct guest *g, uint32_t cpu, int code)
{
	/* An agent that has not heard yet that we have all still hears it. */
	bool done = incoming_ended(g->in, cpu) && (!code || !g->resume);
	struct err e = { 0 };

	cleanup_close(&g->cpus[cpu].fd);
	g->cpus[cpu].fd = -1;
	if (done || outlive(g, cpu, code ? code : -ECONNRESET) || !code)
		return;
	err_errno(&e, code, "the connection of CPU %" PRIu32, cpu);
	guest_fail(g, &e);
}

static void take_data(struct guest *g, uint32_t cpu)
{
	struct err e = { 0 };
	size_t len;
	void *room = incoming_room(g->in, cpu, &len);
	uint64_t chunks = incoming_chunks(g->in, cpu);
	ssize_t n;

	if (!room) {
		err_errno(&e, -ENOMEM, "cannot take its data");
		fail(g, &e);
		return;
	}
	n = read(g->cpus[cpu].fd, room, len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	g->heard_ms = monotonic_ms();
	if (n <= 0)
		end_cpu(g, cpu, n < 0 ? -errno : 0);
	else if (incoming_got(g->in, cpu, n, &e))
		fail(g, &e);
	else if (g->talk.answer.resume_port && incoming_chunks(g->in, cpu) != chunks && !acknowledge(g, cpu))
		end_cpu(g, cpu, -EPIPE);
}

static void ask_to_end(struct guest *g)
{
	g->asked_to_end = true;
	g->heard_ms = monotonic_ms();
	if (g->control >= 0)
		say_close(g);
}

static void look_at_time(struct guest *g, bool flush)
{
	struct err e = { 0 };

	if (flush && g->in && incoming_flush(g->in, &e))
		fail(g, &e);
	if (!g->asked_to_end || g->opts.unlimited || (g->control < 0 && !has_data_to_come(g)) ||
	    monotonic_ms() - g->heard_ms < END_MS)
		return;
	err_set(&e, -ETIMEDOUT, "the agent has not ended within %u seconds (--notimeout)", END_MS / 1000);
	fail(g, &e);
}

/* FIFOs have no end of their own: what is in them when the agent has ended is the last. */
static void look_at_fifos(struct guest *g)
{
	if (!g->talk.answer.fifos || g->control >= 0 || monotonic_ms() - g->heard_ms < QUIET_MS)
		return;
	for (uint32_t i = 0; i < guest_cpus(g); i++) {
		cleanup_close(&g->cpus[i].fd);
		g->cpus[i].fd = -1;
	}
}

/* ---- the poll ------------------------------------------------------------------- */

static size_t count_fds(const struct guests *all)
{
	size_t nr = 2;

	for (size_t i = 0; i < all->v.nr; i++)
		nr += 1 + guest_cpus(all->v.v[i]);
	return nr;
}

/* Whether there is something to wait for. */
static bool fill_fds(struct taking *t)
{
	bool any = false;

	t->nr = 0;
	t->fds[t->nr++] = (struct pollfd){ .fd = t->all->wake_fd, .events = POLLIN };
	t->fds[t->nr++] = (struct pollfd){ .fd = t->all->made_fd, .events = POLLIN };
	for (size_t i = 0; i < t->all->v.nr; i++) {
		const struct guest *g = t->all->v.v[i];

		any |= g->control >= 0 || has_data_to_come(g) || has_broken(g);
		t->fds[t->nr++] = (struct pollfd){ .fd = g->control, .events = POLLIN };
		for (uint32_t c = 0; c < guest_cpus(g); c++)
			t->fds[t->nr++] = (struct pollfd){ .fd = g->cpus[c].fd, .events = POLLIN };
	}
	return any;
}

static void serve(struct taking *t)
{
	const struct pollfd *p = t->fds + 2;
	bool flush = monotonic_ms() - t->flushed_ms >= FLUSH_MS;
	eventfd_t nr;

	for (size_t i = 0; i < t->all->v.nr; i++) {
		struct guest *g = t->all->v.v[i];

		if (p->revents && g->control >= 0)
			hear_control(g);
		p++;
		for (uint32_t c = 0; c < guest_cpus(g); c++, p++)
			if (p->revents && g->cpus[c].fd >= 0)
				take_data(g, c);
		look_at_fifos(g);
		look_at_broken(g);
		look_at_time(g, flush);
	}
	if (flush)
		t->flushed_ms = monotonic_ms();
	if (t->fds[1].revents && !eventfd_read(t->all->made_fd, &nr))
		for (size_t i = 0; i < t->all->v.nr; i++)
			take_made(t->all->v.v[i]);
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
