/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* net: sockets over TCP, UDP and vsock, and addresses as text; for this room only. */
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

/* The address alone (what came as IPv4 inside of IPv6 as IPv4; of vsock "V" and the CID), and its port. */
void net_addr_text(const struct net_addr *a, char host[NET_HOST_MAX], uint32_t *ret_port);
uint32_t net_port(const struct net_addr *a);
uint32_t net_cid(const struct net_addr *a);	/* of vsock; else VMADDR_CID_ANY */
/* The bytes of an address of IP, and its family; what came as IPv4 inside of IPv6 as IPv4. NULL: of another kind. */
const void *net_plain_addr(const struct net_addr *a, int *ret_family);
bool net_same_host(const struct net_addr *a, const struct net_addr *b);
int net_local(int fd, struct net_addr *ret);		/* of a socket. 0, -errno */

/*
 * Sockets that take connections, of all addresses @host means (NULL: loopback, "": every
 * one). @port: text. How many; -errno, told. They do not block.
 */
int net_listen(const char *host, const char *port, int fds[NET_LISTEN_MAX], struct err *e);
/* The same over vsock, of any CID that is this machine's. A descriptor, -errno. */
int net_listen_vsock(uint32_t port, struct err *e);
/* The next connection. A descriptor that does not block; -EAGAIN, -errno. */
int net_accept(int fd, struct net_addr *ret_peer);
/* A socket bound to @local's address and @port (0: any); for TCP it takes connections. *ret_port is what it
 * got. A descriptor that does not block, -errno. */
int net_bind(const struct net_addr *local, bool tcp, uint32_t port, uint32_t *ret_port);
/* Answers soon, and notices in minutes when the other machine is gone. */
void net_lively(int fd);

/* Connects within @timeout_ms. A descriptor that blocks; -errno, told. */
int net_connect(const char *host, const char *port, unsigned timeout_ms, struct err *e);
int net_connect_vsock(uint32_t cid, uint32_t port, unsigned timeout_ms, struct err *e);
/* The same to a known host's @port, by TCP, or vsock or with datagrams. */
int net_connect_to(const struct net_addr *host, bool tcp, uint32_t port, unsigned timeout_ms,
		   struct err *e);
int net_blocking(int fd);		/* from now on. 0, -errno */
/* All of it; -ETIMEDOUT where the socket has a limit of time and nothing was taken for so long; 0, -errno. */
int net_send_full(int fd, const void *data, size_t len);
/* What comes next. Bytes; 0: the peer has closed; -ETIMEDOUT, -errno. */
ssize_t net_hear(int fd, void *to, size_t len, unsigned timeout_ms);
int net_peer(int fd, struct net_addr *ret);		/* 0, -errno */

#endif
