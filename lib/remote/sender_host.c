// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sends to the host that has asked an agent for it. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include "remote/fifo.h"
#include "remote/keeper.h"
#include "remote/net.h"
#include "remote/resume_door.h"
#include "remote/sender_inside.h"
#include "remote/standing.h"
#include "remote/talk_agent.h"
#include "remote/tsync.h"

#define PEER "the host"
#define ASK_MS 10000			/* until it has said what it wants */
#define CONNECT_MS 300000		/* until its connections are there: other guests may be before us */
#define TOKEN_S 2
#define LAST_MS 10000			/* until it has taken what is said last */
#define SYNC_MS 30000			/* for a message of a comparison */
#define SYNC_GRACE_MS 5000		/* for the last one */
#define READ_BYTES 16384

struct host_sender {
	struct sender s;
	struct net_addr peer, local;
	struct talk_agent talk;
	struct host_request request;
	struct wire_answer answer;	/* ports: owned */
	int *doors;			/* by CPU: takes its connection; -1 */
	struct tsync_tracefs *clocks;	/* NULL: nobody asks for our clock */
	struct tsync_serve *sync;
	int resume_fd;			/* takes connections that are made anew; -1 */
	struct standing control;
	struct resume_door *resume;	/* NULL: none are */
	unsigned said_over;		/* the number of the connection that the farewell goes over */
	const struct notices *sync_notices, *log;
	uint64_t outage_s;
	bool unlimited, gone;
};

static struct host_sender *hosts(struct sender *s)
{
	return (struct host_sender *)s;
}

/* ---- what it asks for ------------------------------------------------------------ */

/* Nobody waits for it any more. */
static void give_up(struct host_sender *h)
{
	h->gone = true;
	if (h->s.out.keeper)
		keeper_give_up(h->s.out.keeper);
}

/* What came, if something did. 0: more has to come; 1: asked, or it is to end; -errno. */
static int take(struct host_sender *h, ssize_t n, const char *bytes, struct err *e)
{
	struct err unsent;
	int r;

	if (n == -ECONNRESET)
		n = 0;
	if (n < 0)
		return err_errno(e, n, "cannot hear the host");
	if (!n)
		give_up(h);
	r = n ? talk_agent_feed(&h->talk, bytes, n, e) : talk_agent_eof(&h->talk, e);
	if (sender_say(&h->s, &unsent) && r >= 0 && !h->resume)
		give_up(h);
	return r;
}

static int hear_request(struct host_sender *h, struct err *e)
{
	uint64_t end = monotonic_ms() + ASK_MS, now;
	char bytes[READ_BYTES];
	int r = 0;

	while (!r) {
		ssize_t n;

		now = monotonic_ms();
		if (!h->unlimited && now >= end)
			return err_set(e, -ETIMEDOUT, "it has not said within %u seconds what it wants", ASK_MS / 1000);
		n = net_hear(h->s.control, bytes, sizeof(bytes), h->unlimited ? -1 : (int)(end - now));
		if (n != -ETIMEDOUT)
			r = take(h, n, bytes, e);
	}
	if (r < 0)
		return r;
	h->request = (struct host_request){
		.argc = h->talk.req.argc + 1, .argv = wire_request_argv(&h->talk.req, "record"),
		.ours = h->talk.req.ours,
	};
	return h->request.argv ? 0 : err_errno(e, -ENOMEM, "cannot read its request");
}

const struct host_request *host_sender_request(const struct sender *s)
{
	return &((const struct host_sender *)s)->request;
}

uint64_t host_sender_trace_id(const struct sender *s)
{
	return ((const struct host_sender *)s)->answer.trace_id;
}

void host_sender_refuse(struct sender *s, const char *why)
{
	struct host_sender *h = hosts(s);

	if (!h->gone && s->control >= 0 && !talk_agent_refuse(&h->talk, why))
		sender_say(s, NULL);
}

/* ---- its clock and ours --------------------------------------------------------------- */

void host_sender_sync(struct sender *s, struct kernel *k, const char *clock, const struct notices *notices)
{
	struct host_sender *h = hosts(s);
	const struct buf *offers = &h->talk.req.protos;
	struct err e = { 0 };
	int r = offers->len ? tsync_choose(offers->data, offers->len, TSYNC_GUEST, clock, false, h->answer.proto, &e) : 0;

	h->sync_notices = notices;
	if (r > 0)
		r = tsync_tracefs_new(k, clock, &h->clocks, &e);
	if (r >= 0)
		return;
	notice(h->sync_notices, "its clock and ours are not compared: %s", e.text);
	*h->answer.proto = 0;
}

static bool admit(void *ctx, int fd)
{
	const struct host_sender *h = ctx;
	struct net_addr peer;

	return !net_peer(fd, &peer) && net_same_host(&peer, &h->peer);
}

/* Takes what asks for our clock, if the host would have that. */
static void serve_sync(struct host_sender *h)
{
	struct tsync_serve_opts o = {
		.admit = admit, .ctx = h, .name = h->answer.proto, .cpus = h->answer.cpus,
		.timeout_ms = h->unlimited ? 0 : SYNC_MS, .notices = h->sync_notices,
	};
	struct err e = { 0 };
	int r;

	if (!h->clocks)
		return;
	o.clocks = tsync_tracefs_clocks(h->clocks);
	r = o.listen_fd = net_bind(&h->local, true, 0, &h->answer.sync_port);
	if (r < 0)
		err_errno(&e, r, "cannot take a port");
	else
		r = tsync_serve_start(&o, &h->sync, &e);
	if (r >= 0)
		return;
	notice(h->sync_notices, "its clock and ours are not compared: %s", e.text);
	*h->answer.proto = 0;
	h->answer.sync_port = 0;
}

void host_sender_sync_end(struct sender *s)
{
	struct host_sender *h = hosts(s);

	if (h->sync)
		tsync_serve_stop(h->sync, h->gone ? 0 : SYNC_GRACE_MS);
	h->sync = NULL;
	tsync_tracefs_free(h->clocks);
	h->clocks = NULL;
}

/* ---- the steps ---------------------------------------------------------------------- */

/* Whether data go over FIFOs: the host has asked for it, and they are there for all CPUs. */
static bool take_fifos(struct host_sender *h)
{
	struct outgoing *out = &h->s.out;

	out->fifos = h->talk.req.fifos && !fifo_open_guest(out->fd, out->nr);
	return out->fifos;
}

static int take_doors(struct host_sender *h, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; i < h->answer.cpus && !r; i++) {
		h->doors[i] = net_bind(&h->local, true, 0, &h->answer.ports[i]);
		if (h->doors[i] < 0)
			r = err_errno(e, h->doors[i], "cannot take a port for CPU %" PRIu32, i);
	}
	return r;
}

/* A door for what is made anew. */
static int offer_to_resume(struct host_sender *h, struct err *e)
{
	struct wire_answer *a = &h->answer;
	int r;

	if (!h->talk.req.resumes || !a->packed || !h->outage_s)
		return 0;
	r = h->resume_fd = net_bind(&h->local, true, 0, &a->resume_port);
	if (r < 0)
		return err_errno(e, r, "cannot take a port");
	a->outage_s = h->outage_s;
	return keeper_new(PEER, a->cpus, h->outage_s * 1000, h->log, &h->s.out.keeper, e);
}

static int start_to_resume(struct host_sender *h, struct err *e)
{
	const struct resume_door_opts o = {
		.listen_fd = h->resume_fd, .peer = &h->peer, .token = h->answer.token, .keeper = h->s.out.keeper,
		.control = &h->control,
	};
	int r = h->resume_fd < 0 ? 0 : standing_init(&h->control, h->s.control, h->outage_s * 1000, h->log);

	if (h->resume_fd < 0)
		return 0;
	h->s.poll_fd = h->control.poll_fd;
	if (!r) {
		r = resume_door_start(&o, &h->resume);
		h->resume_fd = -1;
	}
	return r ? err_errno(e, r, "cannot take connections that are made anew") : 0;
}

static int host_begin(struct sender *base, uint32_t cpus, uint32_t page_size, struct err *e)
{
	struct host_sender *h = hosts(base);
	struct wire_answer *a = &h->answer;
	int r = outgoing_init(&base->out, PEER, cpus, e);

	a->cpus = cpus;
	a->page_size = page_size;
	a->ours = h->request.ours;
	base->packed = h->talk.req.packed && !h->talk.req.fifos;
	a->packed = base->packed;
	a->ports = calloc(cpus, sizeof(*a->ports));
	h->doors = malloc(cpus * sizeof(*h->doors));
	if (!r && (!a->ports || !h->doors))
		r = err_errno(e, -ENOMEM, "cannot answer the host");
	for (uint32_t i = 0; i < cpus && h->doors; i++)
		h->doors[i] = -1;
	if (!r) {
		a->fifos = take_fifos(h);
		r = a->fifos ? 0 : take_doors(h, e);
	}
	if (!r)
		serve_sync(h);
	if (!r)
		r = offer_to_resume(h, e);
	if (!r)
		r = talk_agent_answer(&h->talk, a, e);
	return r ? r : sender_say(base, e);
}

static int host_metadata(struct sender *base, const void *data, size_t len, bool end)
{
	struct host_sender *h = hosts(base);

	return h->gone ? 0 : wire_metadata_put(&h->talk.out, data, len, end);
}

/* Whether it is the host, and knows the token. */
static bool is_welcome(const struct host_sender *h, int fd, const struct net_addr *peer)
{
	struct timeval limit = { .tv_sec = TOKEN_S };
	uint8_t token[WIRE_TOKEN];

	if (!net_same_host(peer, &h->peer) || net_blocking(fd))
		return false;
	if (!h->answer.ours)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return recv(fd, token, sizeof(token), MSG_WAITALL) == sizeof(token) &&
	       !memcmp(token, h->answer.token, sizeof(token));
}

/* The connection of a CPU, if it has come. Whether it has. */
static bool take_connection(struct host_sender *h, uint32_t cpu)
{
	struct net_addr peer;
	int fd = net_accept(h->doors[cpu], &peer);

	if (fd < 0)
		return false;
	if (!is_welcome(h, fd, &peer)) {
		close(fd);
		return false;
	}
	net_lively(fd);
	outgoing_set(&h->s.out, cpu, fd);
	close(h->doors[cpu]);
	h->doors[cpu] = -1;
	return true;
}

/* The host may give up meanwhile. */
static int hear_while_waiting(struct host_sender *h, struct err *e)
{
	int r = sender_heard(&h->s, e);

	return r > 0 ? err_set(e, -ECANCELED, "it ended the session before it was recorded") : r;
}

static int host_connect(struct sender *base, struct err *e)
{
	struct host_sender *h = hosts(base);
	uint32_t left = base->out.fifos ? 0 : base->out.nr;
	uint64_t end = monotonic_ms() + CONNECT_MS;
	AUTO_FREE struct pollfd *fds = calloc((size_t)left + 1, sizeof(*fds));
	int r = fds ? 0 : err_errno(e, -ENOMEM, "cannot take its connections");

	while (left && !r) {
		uint64_t now = monotonic_ms();

		if (!h->unlimited && now >= end)
			return err_set(e, -ETIMEDOUT, "%" PRIu32 " of its connections for data have not come within %u "
				       "seconds", left, CONNECT_MS / 1000);
		fds[0] = (struct pollfd){ .fd = base->control, .events = POLLIN };
		for (uint32_t i = 0; i < base->out.nr; i++)
			fds[i + 1] = (struct pollfd){ .fd = h->doors[i], .events = POLLIN };
		if (poll(fds, base->out.nr + 1, h->unlimited ? -1 : (int)(end - now)) < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot wait for its connections");
		for (uint32_t i = 0; i < base->out.nr; i++)
			if (fds[i + 1].revents && take_connection(h, i))
				left--;
		if (fds[0].revents)
			r = hear_while_waiting(h, e);
	}
	return r ? r : start_to_resume(h, e);
}

static int host_heard(struct sender *base, struct err *e)
{
	struct host_sender *h = hosts(base);
	char bytes[READ_BYTES];
	ssize_t n = 0;

	if (!h->gone && h->resume)
		n = standing_hear(&h->control, bytes, sizeof(bytes));
	else if (!h->gone) {
		n = recv(base->control, bytes, sizeof(bytes), MSG_DONTWAIT);
		n = n < 0 ? -errno : n;
	}
	return n == -EAGAIN || n == -EINTR ? 0 : take(h, n, bytes, e);
}

/* It closes the connection when it has heard all; what it says before that is said once more. */
static int await_farewell(struct host_sender *h, struct err *e)
{
	char bytes[64];
	ssize_t n;

	do
		n = net_hear(h->s.control, bytes, sizeof(bytes), LAST_MS);
	while (n > 0);
	h->s.broke = n == -ETIMEDOUT ? 0 : n;
	return h->s.broke ? err_errno(e, n, "cannot hear whether the host has all") : 0;
}

static int host_end(struct sender *base, struct err *e)
{
	struct host_sender *h = hosts(base);

	int r;

	if (h->gone)
		return err_set(e, -ECONNRESET, "the host has vanished: it has what had come before that");
	r = talk_agent_close(&h->talk) ? err_errno(e, -ENOMEM, "cannot end the session") : sender_say(base, e);
	if (!r && h->resume)
		r = await_farewell(h, e);
	if (!r) {
		resume_door_stop(h->resume);
		h->resume = NULL;
	}
	return r;
}

static bool host_again(struct sender *base)
{
	struct host_sender *h = hosts(base);
	int code = base->broke;

	if (!h->resume || h->gone || !code || standing_await(&h->control, h->said_over, code))
		return false;
	h->said_over = standing_nr(&h->control);
	return true;
}

static void host_free(struct sender *base)
{
	struct host_sender *h = hosts(base);

	for (uint32_t i = 0; h->doors && i < h->answer.cpus; i++)
		cleanup_close(&h->doors[i]);
	resume_door_stop(h->resume);
	cleanup_close(&h->resume_fd);
	if (base->poll_fd >= 0)
		standing_release(&h->control);
	free(h->doors);
	free(h->answer.ports);
	free(h->request.argv);
	talk_agent_release(&h->talk);
}

int host_sender_new(int fd, const struct host_sender_opts *opts, struct sender **ret, struct err *e)
{
	static const struct sender_fns fns = {
		.begin = host_begin, .metadata = host_metadata, .connect = host_connect, .heard = host_heard,
		.end = host_end, .again = host_again, .free = host_free,
	};
	struct host_sender *h = calloc(1, sizeof(*h));
	struct { uint64_t id; uint8_t nonce[WIRE_NONCE], token[WIRE_TOKEN]; } made;
	int r;

	if (!h) {
		close(fd);
		return err_errno(e, -ENOMEM, "cannot serve it");
	}
	h->s = (struct sender){
		.fns = &fns, .control = fd, .said = &h->talk.out, .out.peer = PEER, .version = 7,
		.poll_fd = -1,
	};
	h->unlimited = opts->unlimited;
	h->outage_s = opts->outage_s;
	h->log = opts->log;
	h->resume_fd = -1;
	h->control.poll_fd = -1;
	net_lively(fd);
	outgoing_limit(fd);
	r = net_blocking(fd);
	if (!r && getrandom(&made, sizeof(made), 0) < 0)
		r = -errno;
	if (!r)
		r = net_local(fd, &h->local);
	if (!r)
		r = net_peer(fd, &h->peer);
	if (r)
		err_errno(e, r, "cannot serve it");
	else {
		talk_agent_init(&h->talk, opts->key, made.nonce);
		h->answer.trace_id = made.id;
		memcpy(h->answer.token, made.token, WIRE_TOKEN);
		r = hear_request(h, e);
		h->s.late = h->request.ours;
	}
	if (r) {
		sender_free(&h->s);
		return r;
	}
	*ret = &h->s;
	return 0;
}
