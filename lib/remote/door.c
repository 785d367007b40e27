// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who may come in, and where. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "remote/net.h"
#include "remote/remote.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot take connections");
}

static int add_socket(struct door *d, int fd, struct err *e)
{
	if (!vec_push(&d->fds, fd))
		return 0;
	close(fd);
	return no_memory(e);
}

int door_open_tcp(struct door *d, const char *address, const char *port, struct err *e)
{
	int fds[NET_LISTEN_MAX], nr = net_listen(address, port, fds, e), r = nr < 0 ? nr : 0;

	for (int i = 0; i < nr; i++)
		if (r)
			close(fds[i]);
		else
			r = add_socket(d, fds[i], e);
	return r;
}

int door_open_vsock(struct door *d, uint32_t port, struct err *e)
{
	int fd = net_listen_vsock(port, e);

	return fd < 0 ? fd : add_socket(d, fd, e);
}

int door_open_inherited(struct door *d, int first, unsigned nr, struct err *e)
{
	int r = 0;

	for (int fd = first; fd < first + (int)nr && !r; fd++) {
		int on = 0;
		socklen_t len = sizeof(on);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) < 0 || !on)
			return err_set(e, -ENOTSOCK, "descriptor %d, which was handed over, is no socket that takes "
				       "connections (Accept=no)", fd);
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
			return err_errno(e, -errno, "cannot use descriptor %d, which was handed over", fd);
		r = add_socket(d, fd, e);
	}
	return r;
}

uint32_t door_port(const struct door *d)
{
	struct net_addr a;

	return !d->fds.nr || net_local(d->fds.v[0], &a) ? 0 : net_port(&a);
}

void door_close(struct door *d)
{
	for (size_t i = 0; i < d->fds.nr; i++)
		close(d->fds.v[i]);
	vec_release(&d->fds);
	vec_release(&d->allowed);
}

/* ---- who ---------------------------------------------------------------------- */

int door_allow_cid(struct door *d, uint32_t cid, struct err *e)
{
	struct door_guest g = { .family = AF_VSOCK, .bits = 32 };

	memcpy(g.addr, &cid, sizeof(cid));
	return vec_push(&d->allowed, g) ? no_memory(e) : 0;
}

/* What counts of an address. False: of another kind. */
static bool guest_of(const struct net_addr *a, struct door_guest *ret)
{
	uint32_t cid = net_cid(a);
	int family;
	const void *bytes = net_plain_addr(a, &family);

	*ret = (struct door_guest){ .family = a->a.ss_family == AF_VSOCK ? AF_VSOCK : family };
	if (ret->family == AF_VSOCK)
		memcpy(ret->addr, &cid, sizeof(cid));
	else if (bytes)
		memcpy(ret->addr, bytes, family == AF_INET ? 4 : 16);
	ret->bits = ret->family == AF_INET6 ? 128 : 32;
	return ret->family == AF_VSOCK || bytes;
}

static int allow_addresses(struct door *d, const struct addrinfo *all, const char *bits, const char *who, struct err *e)
{
	for (const struct addrinfo *ai = all; ai; ai = ai->ai_next) {
		struct net_addr a = { .len = ai->ai_addrlen };
		struct door_guest g;
		uint64_t nr;

		memcpy(&a.a, ai->ai_addr, ai->ai_addrlen);
		if (!guest_of(&a, &g))
			continue;
		if (bits && (parse_u64(bits, &nr) || nr > g.bits))
			return err_set(e, -EINVAL, "'%s' is no network: ADDRESS/BITS, at most %u bits", who, g.bits);
		if (bits)
			g.bits = nr;
		if (vec_push(&d->allowed, g))
			return no_memory(e);
	}
	return 0;
}

int door_allow(struct door *d, const char *who, struct err *e)
{
	const char *slash = strchr(who, '/');
	AUTO_FREE char *host = slash ? strndup(who, slash - who) : strdup(who);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = slash ? AI_NUMERICHOST : 0 }, *all;
	int r;

	if (!host)
		return no_memory(e);
	r = getaddrinfo(host, NULL, &hints, &all);
	if (r)
		return err_set(e, -EINVAL, "cannot find out the address of '%s': %s", who, gai_strerror(r));
	r = allow_addresses(d, all, slash ? slash + 1 : NULL, who, e);
	freeaddrinfo(all);
	return r;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return !memcmp(a, b, bytes) && (!rest || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

static bool is_near(const struct door_guest *g)
{
	uint32_t cid;

	memcpy(&cid, g->addr, sizeof(cid));
	switch (g->family) {
	case AF_VSOCK: return cid == VMADDR_CID_HOST;
	case AF_INET: return g->addr[0] == IN_LOOPBACKNET;
	default: return !memcmp(g->addr, &in6addr_loopback, sizeof(in6addr_loopback));
	}
}

static bool may_enter(const struct door *d, const struct net_addr *peer)
{
	struct door_guest g;

	if (!guest_of(peer, &g))
		return false;
	if (d->any || (!d->allowed.nr && is_near(&g)))
		return true;
	for (size_t i = 0; i < d->allowed.nr; i++) {
		const struct door_guest *a = &d->allowed.v[i];

		if (a->family == g.family && same_bits(a->addr, g.addr, a->bits))
			return true;
	}
	return false;
}

int door_take(const struct door *d, int fd, char name[REMOTE_NAME_MAX])
{
	char host[NET_HOST_MAX];
	struct net_addr peer;
	uint32_t port;
	int got = net_accept(fd, &peer);

	if (got < 0)
		return got;
	net_addr_text(&peer, host, &port);
	snprintf(name, REMOTE_NAME_MAX, "%s:%" PRIu32, host, port);
	if (may_enter(d, &peer))
		return got;
	close(got);
	return -EACCES;
}
