// SPDX-License-Identifier: LGPL-2.1-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "remote/net.h"

#define BACKLOG 128
#define DATA_BACKLOG 4
#define RECEIVE_BUFFER (4 << 20)	/* of datagrams: what may come while others are served */
#define ALIVE_IDLE_S 60
#define ALIVE_EVERY_S 10
#define ALIVE_TRIES 6
#define ANY_PORT_TRIES 100

const void *net_plain_addr(const struct net_addr *a, int *ret_family)
{
	const struct sockaddr_in6 *six = (const void *)&a->a;

	*ret_family = a->a.ss_family;
	if (a->a.ss_family == AF_INET)
		return &((const struct sockaddr_in *)&a->a)->sin_addr;
	if (a->a.ss_family != AF_INET6)
		return NULL;
	if (!IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return &six->sin6_addr;
	*ret_family = AF_INET;
	return &six->sin6_addr.s6_addr[12];
}

uint32_t net_port(const struct net_addr *a)
{
	if (a->a.ss_family == AF_VSOCK)
		return ((const struct sockaddr_vm *)&a->a)->svm_port;
	return ntohs(a->a.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&a->a)->sin6_port :
						  ((const struct sockaddr_in *)&a->a)->sin_port);
}

static void set_port(struct net_addr *a, uint32_t port)
{
	if (a->a.ss_family == AF_VSOCK)
		((struct sockaddr_vm *)&a->a)->svm_port = port ? port : VMADDR_PORT_ANY;
	else if (a->a.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->a)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&a->a)->sin_port = htons(port);
}

uint32_t net_cid(const struct net_addr *a)
{
	return a->a.ss_family == AF_VSOCK ? ((const struct sockaddr_vm *)&a->a)->svm_cid : VMADDR_CID_ANY;
}

void net_addr_text(const struct net_addr *a, char host[NET_HOST_MAX], uint32_t *ret_port)
{
	int family;
	const void *addr = net_plain_addr(a, &family);

	if (a->a.ss_family == AF_VSOCK)
		snprintf(host, NET_HOST_MAX, "V%" PRIu32, net_cid(a));
	else if (!addr || !inet_ntop(family, addr, host, NET_HOST_MAX))
		snprintf(host, NET_HOST_MAX, "unknown");
	*ret_port = net_port(a);
}

bool net_same_host(const struct net_addr *a, const struct net_addr *b)
{
	int fa, fb;
	const void *x = net_plain_addr(a, &fa), *y = net_plain_addr(b, &fb);

	if (a->a.ss_family == AF_VSOCK)
		return b->a.ss_family == AF_VSOCK && net_cid(a) == net_cid(b);
	return x && y && fa == fb &&
	       !memcmp(x, y, fa == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr));
}

int net_local(int fd, struct net_addr *ret)
{
	ret->len = sizeof(ret->a);
	return getsockname(fd, (struct sockaddr *)&ret->a, &ret->len) < 0 ? -errno : 0;
}

int net_peer(int fd, struct net_addr *ret)
{
	ret->len = sizeof(ret->a);
	return getpeername(fd, (struct sockaddr *)&ret->a, &ret->len) < 0 ? -errno : 0;
}

static int resolve(const char *host, const char *port, int flags, struct addrinfo **ret, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	int r = getaddrinfo(host, port, &hints, ret);

	if (r == EAI_SYSTEM)
		return err_errno(e, -errno, "cannot find out the address of '%s'", host ? host : "");
	return r ? err_set(e, -EINVAL, "cannot find out the address of '%s', port '%s': %s", host ? host : "",
			   port, gai_strerror(r)) : 0;
}

/* *port: what was asked for; if that was any, what there is for the other addresses, too. */
static int listen_on(const struct addrinfo *ai, bool both, uint32_t *port)
{
	struct net_addr at = { .len = ai->ai_addrlen };
	int one = 1, zero = 0, r, fd;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &zero : &one, sizeof(one));
	memcpy(&at.a, ai->ai_addr, ai->ai_addrlen);
	if (*port)
		set_port(&at, *port);
	if (!bind(fd, (struct sockaddr *)&at.a, at.len) && !listen(fd, BACKLOG) && !net_local(fd, &at)) {
		*port = net_port(&at);
		return fd;
	}
	r = -errno;
	close(fd);
	return r;
}

static int listen_on_all(const char *host, const char *port, int fds[NET_LISTEN_MAX], struct err *e)
{
	bool every = host && !*host;
	struct addrinfo *all;
	int nr = 0, failed = 0, r;
	uint32_t at = 0;

	/* "::" takes IPv4 too, where there is IPv6. */
	r = resolve(every ? "::" : host, port, host ? AI_PASSIVE : 0, &all, e);
	for (const struct addrinfo *ai = r ? NULL : all; ai && nr < NET_LISTEN_MAX; ai = ai->ai_next) {
		int fd = listen_on(ai, every, &at);

		if (fd >= 0)
			fds[nr++] = fd;
		else if (!failed || fd != -EADDRNOTAVAIL)
			failed = fd;
	}
	if (!r)
		freeaddrinfo(all);
	if (!r && !nr && every && (failed == -EAFNOSUPPORT || failed == -EADDRNOTAVAIL))
		return listen_on_all("0.0.0.0", port, fds, e);
	/* A machine without IPv6 has its name for it all the same. */
	if (!r && (!nr || failed == -EADDRINUSE)) {
		r = err_errno(e, failed, "cannot listen on port %s of %s", port,
			      every ? "any address" : host ? host : "this machine");
		while (nr)
			close(fds[--nr]);
	}
	return r ? r : nr;
}

/* A port that one address had free may be in use at the next one. */
int net_listen(const char *host, const char *port, int fds[NET_LISTEN_MAX], struct err *e)
{
	unsigned tries = strcmp(port, "0") ? 1 : ANY_PORT_TRIES;
	int nr = -EADDRINUSE;
	struct err why;

	for (unsigned i = 0; i < tries && nr == -EADDRINUSE; i++)
		nr = listen_on_all(host, port, fds, &why);
	if (nr < 0 && e)
		*e = why;
	return nr;
}

static struct net_addr vsock_addr(uint32_t cid, uint32_t port)
{
	struct net_addr a = { .len = sizeof(struct sockaddr_vm) };
	struct sockaddr_vm *vm = (struct sockaddr_vm *)&a.a;

	vm->svm_family = AF_VSOCK;
	vm->svm_cid = cid;
	vm->svm_port = port;
	return a;
}

int net_listen_vsock(uint32_t port, struct err *e)
{
	struct net_addr at = vsock_addr(VMADDR_CID_ANY, port ? port : VMADDR_PORT_ANY);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&at.a, at.len) && !listen(fd, BACKLOG))
		return fd;
	r = -errno;
	if (fd >= 0)
		close(fd);
	err_errno(e, r, "cannot listen on port %" PRIu32 " of vsock", port);
	if (r == -EAFNOSUPPORT || r == -ENODEV)
		err_hint(e, "this kernel has none ('modprobe vmw_vsock_virtio_transport'); TCP is listened on with -N or --tcp");
	return r;
}

int net_accept(int fd, struct net_addr *ret_peer)
{
	int got;

	do {
		ret_peer->len = sizeof(ret_peer->a);
		got = accept4(fd, (struct sockaddr *)&ret_peer->a, &ret_peer->len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (got < 0 && (errno == EINTR || errno == ECONNABORTED));
	return got < 0 ? -errno : got;
}

int net_bind(const struct net_addr *local, bool tcp, uint32_t port, uint32_t *ret_port)
{
	int fd = socket(local->a.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, size = RECEIVE_BUFFER, r;
	struct net_addr at = *local;

	if (fd < 0)
		return -errno;
	set_port(&at, port);
	r = bind(fd, (struct sockaddr *)&at.a, at.len) < 0 || (tcp && listen(fd, DATA_BACKLOG) < 0) ? -errno :
		net_local(fd, &at);
	if (r) {
		close(fd);
		return r;
	}
	if (!tcp) {
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	}
	*ret_port = net_port(&at);
	return fd;
}

void net_lively(int fd)
{
	int one = 1, idle = ALIVE_IDLE_S, every = ALIVE_EVERY_S, tries = ALIVE_TRIES;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

int net_send_full(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += n;
		len -= n;
	}
	return 0;
}

ssize_t net_hear(int fd, void *to, size_t len, unsigned timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (!r)
		return -ETIMEDOUT;
	n = r < 0 ? -1 : read(fd, to, len);
	return n < 0 ? -errno : n;
}

int net_blocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0 ? -errno : 0;
}

/* Waits for a connection that was begun. 0, -errno. */
static int await_connected(int fd, unsigned timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int r, code = 0;
	socklen_t len = sizeof(code);

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 ? -errno : -code;
}

static int connect_addr(int family, bool tcp, const struct sockaddr *a, socklen_t len, unsigned timeout_ms)
{
	int fd = socket(family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, a, len) < 0)
		r = errno == EINPROGRESS ? await_connected(fd, timeout_ms) : -errno;
	if (!r)
		r = net_blocking(fd);
	if (!r && tcp)
		net_lively(fd);
	if (r)
		close(fd);
	return r ? r : fd;
}

int net_connect(const char *host, const char *port, unsigned timeout_ms, struct err *e)
{
	struct addrinfo *all;
	int r = resolve(host, port, 0, &all, e), fd = -1;

	if (r)
		return r;
	for (const struct addrinfo *ai = all; ai && fd < 0; ai = ai->ai_next)
		fd = connect_addr(ai->ai_family, true, ai->ai_addr, ai->ai_addrlen, timeout_ms);
	freeaddrinfo(all);
	return fd < 0 ? err_errno(e, fd, "cannot connect to '%s', port %s", host, port) : fd;
}

int net_connect_vsock(uint32_t cid, uint32_t port, unsigned timeout_ms, struct err *e)
{
	struct net_addr to = vsock_addr(cid, port);
	int fd = connect_addr(AF_VSOCK, true, (const struct sockaddr *)&to.a, to.len, timeout_ms);

	return fd < 0 ? err_errno(e, fd, "cannot connect to CID %" PRIu32 ", port %" PRIu32, cid, port) : fd;
}

int net_connect_to(const struct net_addr *host, bool tcp, uint32_t port, unsigned timeout_ms,
		   struct err *e)
{
	struct net_addr to = *host;
	char text[NET_HOST_MAX];
	uint32_t other;
	int fd;

	set_port(&to, port);
	fd = connect_addr(to.a.ss_family, tcp, (const struct sockaddr *)&to.a, to.len, timeout_ms);
	if (fd >= 0)
		return fd;
	net_addr_text(host, text, &other);
	return err_errno(e, fd, "cannot connect to port %u of %s", port, text);
}
