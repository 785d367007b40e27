// SPDX-License-Identifier: LGPL-2.1-or-later
/* The connections, or datagrams, that a recorder's sub-buffers come by. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <unistd.h>

#include "remote/listener_inside.h"

#define PORT_FIRST 1500			/* where trace-cmd's listeners look, too */
#define PORT_LAST 6000
#define QUIET_MS 500			/* datagrams come no more then */
#define DRAIN_MS 10000			/* nor does a connection say anything */
#define DATAGRAMS_AT_ONCE 64

/* One from the usual range, beginning behind the last one, or any if there is none left. */
static int bind_port(struct client *c, uint32_t *ret)
{
	struct listener *l = c->l;
	int fd = -EADDRINUSE;

	for (unsigned i = PORT_FIRST; i <= PORT_LAST && fd == -EADDRINUSE; i++) {
		uint32_t port = l->next_port < PORT_FIRST ? PORT_FIRST : l->next_port;

		l->next_port = port < PORT_LAST ? port + 1 : PORT_FIRST;
		fd = net_bind(&c->local, c->init.tcp, port, ret);
	}
	return fd < 0 ? net_bind(&c->local, c->init.tcp, 0, ret) : fd;
}

int client_ports(struct client *c, uint32_t *ports, struct err *e)
{
	c->cpus = calloc(c->init.cpus, sizeof(*c->cpus));
	if (!c->cpus)
		return err_errno(e, -ENOMEM, "cannot receive");
	for (uint32_t i = 0; i < c->init.cpus; i++) {
		int fd = bind_port(c, &ports[i]);

		if (fd < 0)
			return err_errno(e, fd, "cannot take a port for CPU %u", i);
		c->cpus[i].watch = (struct watch){ .kind = WATCH_DATA, .fd = fd, .client = c, .cpu = i };
		c->nr_ports++;
	}
	return 0;
}

void client_read_data(struct client *c, bool on)
{
	for (uint32_t i = 0; i < c->nr_ports; i++)
		if (c->cpus[i].watch.fd >= 0)
			watch_arm(c->l, &c->cpus[i].watch, on);
}

void client_close_data(struct client *c)
{
	for (uint32_t i = 0; i < c->nr_ports; i++)
		watch_close(&c->cpus[i].watch);
}

static void end_cpu(struct client *c, uint32_t cpu)
{
	c->cpus[cpu].ended = true;
	watch_close(&c->cpus[cpu].watch);
}

/* The connection of a CPU takes the place of what it was waited for with. */
static void take_connection(struct client *c, uint32_t cpu)
{
	struct client_cpu *x = &c->cpus[cpu];
	char host[NET_HOST_MAX];
	struct net_addr peer;
	uint32_t port;
	int fd = net_accept(x->watch.fd, &peer);
	struct err e = { 0 };

	if (fd < 0)
		return;
	if (!net_same_host(&peer, &c->peer)) {
		net_addr_text(&peer, host, &port);
		notice(&c->notices, "%s, which is another machine, asked for the connection of CPU %u: refused",
		       host, cpu);
		close(fd);
		return;
	}
	net_lively(fd);
	watch_close(&x->watch);
	x->watch.fd = fd;
	x->accepted = true;
	if (watch_arm(c->l, &x->watch, true)) {
		err_set(&e, -ENOMEM, "cannot wait for the data of CPU %u", cpu);
		client_end(c, &e);
	}
}

static void read_stream(struct client *c, uint32_t cpu)
{
	struct err e = { 0 };
	size_t len;
	void *room = incoming_room(c->in, cpu, &len);
	ssize_t n = room ? read(c->cpus[cpu].watch.fd, room, len) : -1;

	if (n < 0 && room && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->heard_ms = monotonic_ms();
		if (incoming_got(c->in, cpu, n, &e))
			client_end(c, &e);
		return;
	}
	if (!room) {
		err_errno(&e, -ENOMEM, "cannot receive");
		client_end(c, &e);
		return;
	}
	if (n < 0)
		notice(&c->notices, "the connection of CPU %u: %s", cpu, strerror(errno));
	end_cpu(c, cpu);
}

/* How many the kernel had to drop before this one, since the socket was made. */
static uint32_t dropped_before(struct msghdr *m, uint32_t before)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SO_RXQ_OVFL)
			memcpy(&before, CMSG_DATA(h), sizeof(before));
	return before;
}

/* 1: there was one; 0: there is none; -errno. */
static int read_datagram(struct client *c, uint32_t cpu, struct err *e)
{
	struct client_cpu *x = &c->cpus[cpu];
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(uint32_t))]; } control;
	struct net_addr from = { .len = sizeof(from.a) };
	size_t len;
	struct iovec v = { .iov_base = incoming_room(c->in, cpu, &len), .iov_len = c->init.page_size };
	struct msghdr m = {
		.msg_name = &from.a, .msg_namelen = sizeof(from.a), .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control),
	};
	uint32_t dropped;
	ssize_t n;

	if (!v.iov_base)
		return err_errno(e, -ENOMEM, "cannot receive");
	n = recvmsg(x->watch.fd, &m, MSG_TRUNC);
	if (n < 0)
		return 0;
	if (!net_same_host(&from, &c->peer) || (size_t)n != c->init.page_size) {
		c->bad_datagrams++;
		return 1;
	}
	c->heard_ms = monotonic_ms();
	dropped = dropped_before(&m, x->dropped);
	if (dropped != x->dropped) {
		c->lost_datagrams += dropped - x->dropped;
		x->dropped = dropped;
		incoming_mark_lost(c->in, v.iov_base);
	}
	return incoming_got(c->in, cpu, n, e) ? -EDQUOT : 1;
}

void client_count_drops(struct client *c)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	for (uint32_t i = 0; !c->init.tcp && i < c->nr_ports; i++) {
		struct client_cpu *x = &c->cpus[i];

		if (getsockopt(x->watch.fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
			continue;
		c->lost_datagrams += info[SK_MEMINFO_DROPS] - x->dropped;
		x->dropped = info[SK_MEMINFO_DROPS];
	}
}

void client_data(struct client *c, uint32_t cpu)
{
	struct client_cpu *x = &c->cpus[cpu];
	struct err e = { 0 };
	int r = 1;

	if (x->ended || c->state > CLIENT_DRAINS)
		return;
	if (c->init.tcp && !x->accepted) {
		take_connection(c, cpu);
		return;
	}
	if (c->init.tcp) {
		read_stream(c, cpu);
		return;
	}
	for (unsigned i = 0; i < DATAGRAMS_AT_ONCE && r > 0; i++)
		r = read_datagram(c, cpu, &e);
	if (r < 0)
		client_end(c, &e);
}

static bool has_come(const struct client *c)
{
	for (uint32_t i = 0; i < c->nr_ports; i++)
		if (watch_has_come(&c->cpus[i].watch))
			return true;
	return false;
}

/* Of connections: all that were made have ended, or none says anything any more. */
bool client_drained(const struct client *c, uint64_t now)
{
	uint64_t wait = c->init.tcp ? 0 : QUIET_MS;

	for (uint32_t i = 0; i < c->nr_ports && c->init.tcp; i++) {
		if (!c->cpus[i].accepted && !wait)
			wait = QUIET_MS;	/* it may be on its way */
		if (c->cpus[i].accepted && !c->cpus[i].ended)
			wait = DRAIN_MS;
	}
	return now - c->heard_ms >= wait && !has_come(c);
}
