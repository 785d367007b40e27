/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: sockets over TCP and UDP, and addresses as text; for this room only. */
#ifndef TRACECMD_NET_H
#define TRACECMD_NET_H

#include <sys/socket.h>

#include "base/base.h"

#define NET_HOST_MAX 64			/* an address as text, its NUL counted */
#define NET_LISTEN_MAX 8		/* sockets of one listener */

struct net_addr {
	struct sockaddr_storage a;
	socklen_t len;
};

/* The address alone (what came as IPv4 inside of IPv6 as IPv4), and its port. */
void net_addr_text(const struct net_addr *a, char host[NET_HOST_MAX], uint32_t *ret_port);
bool net_same_host(const struct net_addr *a, const struct net_addr *b);
int net_local(int fd, struct net_addr *ret);		/* of a socket. 0, -errno */

/*
 * Sockets that take connections, of all addresses @host means (NULL: loopback, "": every
 * one). @port: text. How many; -errno, told. They do not block.
 */
int net_listen(const char *host, const char *port, int fds[NET_LISTEN_MAX], struct err *e);
/* The next connection. A descriptor that does not block; -EAGAIN, -errno. */
int net_accept(int fd, struct net_addr *ret_peer);
/* A socket bound to @local's address and @port (0: any); for TCP it takes connections. *ret_port is what it
 * got. A descriptor that does not block, -errno. */
int net_bind(const struct net_addr *local, bool tcp, uint32_t port, uint32_t *ret_port);
/* Answers soon, and notices in minutes when the other machine is gone. */
void net_lively(int fd);

/* Connects within @timeout_ms. A descriptor that blocks; -errno, told. */
int net_connect(const char *host, const char *port, unsigned timeout_ms, struct err *e);
/* The same to a known host's @port, by TCP or with datagrams. */
int net_connect_to(const struct net_addr *host, bool tcp, uint32_t port, unsigned timeout_ms,
		   struct err *e);
int net_peer(int fd, struct net_addr *ret);		/* 0, -errno */

#endif
