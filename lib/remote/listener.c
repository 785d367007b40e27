// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "remote/listener_inside.h"

#define CLIENTS_MAX 1024
#define MEMORY (64u << 20)
#define EVENTS 64
#define LOOK_MS 100			/* at what is late */
#define LATE_MS 200			/* so long after the last look we had no time to look */
#define DEAF_MS 1000			/* until connections are tried again */
#define FILES_SPARE 64
#define FILES_USUAL 32			/* of a recorder of a small machine */

int watch_arm(struct listener *l, struct watch *w, bool armed)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = w };

	if (w->fd < 0 || w->armed == armed)
		return 0;
	if (epoll_ctl(l->epoll, armed ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, w->fd, &ev) < 0)
		return -errno;
	w->armed = armed;
	return 0;
}

bool watch_has_come(const struct watch *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void watch_close(struct watch *w)
{
	cleanup_close(&w->fd);		/* which takes it out of the poll */
	w->fd = -1;
	w->armed = false;
}

/* ---- its life ---------------------------------------------------------------------- */

/* As many files as that many recorders are likely to have open; fewer serve fewer. */
static void raise_files(struct listener *l)
{
	struct rlimit now = { .rlim_cur = 1024 };

	fd_limit_raise(FILES_SPARE + (uint64_t)l->opts.max_clients * FILES_USUAL, NULL);
	getrlimit(RLIMIT_NOFILE, &now);
	l->max_files = now.rlim_cur > FILES_SPARE ? now.rlim_cur - FILES_SPARE : 0;
}

static int check_opts(const struct listener_opts *o, struct err *e)
{
	if (!*o->name || *o->name == '.' || strchr(o->name, '/'))
		return err_set(e, -EINVAL, "'%s' cannot begin the names of files in '%s'", o->name, o->dir);
	if (access(o->dir, W_OK | X_OK) < 0)
		return err_errno(e, -errno, "cannot make files in '%s'", o->dir);
	return 0;
}

/* As net_listen. */
static int listen_vsock(const char *port, int *fds, struct err *e)
{
	uint64_t number;

	if (parse_u64(port, &number) || number >= UINT32_MAX)
		return err_set(e, -EINVAL, "'%s' is no port of vsock", port);
	fds[0] = net_listen_vsock(number, e);
	return fds[0] < 0 ? fds[0] : 1;
}

static int open_sockets(struct listener *l, struct err *e)
{
	int fds[NET_LISTEN_MAX], nr, r = 0;

	nr = l->opts.vsock ? listen_vsock(l->opts.port, fds, e) : net_listen(l->opts.address, l->opts.port, fds, e);
	if (nr < 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		l->sockets[i] = (struct watch){ .kind = WATCH_LISTEN, .fd = fds[i] };
		l->nr_sockets++;
	}
	for (unsigned i = 0; i < l->nr_sockets && !r; i++)
		r = watch_arm(l, &l->sockets[i], true);
	return r ? err_errno(e, r, "cannot wait for connections") : 0;
}

static int make_poll(struct listener *l, struct err *e)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->stop = (struct watch){ .kind = WATCH_STOP, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	l->files = (struct watch){ .kind = WATCH_FILES, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (l->epoll < 0 || l->stop.fd < 0 || l->files.fd < 0 || watch_arm(l, &l->stop, true) ||
	    watch_arm(l, &l->files, true))
		return err_errno(e, -errno, "cannot set up the listener");
	return 0;
}

int listener_new(const struct listener_opts *opts, struct listener **ret, struct err *e)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r = check_opts(opts, e);

	if (!r && !l)
		r = err_errno(e, -ENOMEM, "cannot set up the listener");
	if (r) {
		free(l);
		return r;
	}
	*l = (struct listener){
		.opts = *opts, .epoll = -1, .stop.fd = -1, .files.fd = -1,
		.shared.max = opts->memory ? opts->memory : MEMORY,
		.dir = strdup(opts->dir), .name = strdup(opts->name),
	};
	if (!l->opts.max_clients)
		l->opts.max_clients = CLIENTS_MAX;
	raise_files(l);
	r = files_start(l, e);
	if (!r && (!l->dir || !l->name))
		r = err_errno(e, -ENOMEM, "cannot set up the listener");
	if (!r)
		r = make_poll(l, e);
	if (!r)
		r = open_sockets(l, e);
	if (r) {
		listener_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

unsigned listener_port(const struct listener *l)
{
	struct net_addr a = { 0 };
	char host[NET_HOST_MAX];
	uint32_t port = 0;

	if (!net_local(l->sockets[0].fd, &a))
		net_addr_text(&a, host, &port);
	return port;
}

void listener_stop(struct listener *l)
{
	uint64_t one = 1;

	if (write(l->stop.fd, &one, sizeof(one)) < 0)
		return;			/* it is to stop already */
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	files_stop(l);
	while (l->clients) {
		struct client *c = l->clients;

		l->clients = c->next;
		client_free(c);
	}
	for (unsigned i = 0; i < l->nr_sockets; i++)
		watch_close(&l->sockets[i]);
	watch_close(&l->stop);
	watch_close(&l->files);
	cleanup_close(&l->epoll);
	incoming_shared_release(&l->shared);
	free(l->dir);
	free(l->name);
	free(l);
}

/* ---- the loop ------------------------------------------------------------------------ */

/* While connections cannot be taken, they are not asked for: the poll would not rest. */
static void hear(struct listener *l, bool on)
{
	for (unsigned i = 0; i < l->nr_sockets; i++)
		watch_arm(l, &l->sockets[i], on);
	l->deaf = !on;
	l->deaf_ms = monotonic_ms();
}

static void take_client(struct listener *l, int socket)
{
	struct net_addr peer;
	char host[NET_HOST_MAX];
	uint32_t port;
	int fd = net_accept(socket, &peer);

	if (fd == -EAGAIN)
		return;
	if (fd < 0) {
		notice(l->opts.log, "cannot take a connection: %s", strerror(-fd));
		hear(l, false);
		return;
	}
	if (l->nr_clients < l->opts.max_clients) {
		client_new(l, fd, &peer);
		return;
	}
	net_addr_text(&peer, host, &port);
	notice(l->opts.log, "%s:%u: refused, %u are served already", host, port, l->nr_clients);
	close(fd);
}

static void take_files(struct listener *l)
{
	eventfd_t nr;
	struct client *c;

	eventfd_read(l->files.fd, &nr);
	while ((c = files_done(l)))
		client_done(c);
}

static void begin_to_stop(struct listener *l)
{
	eventfd_t nr;
	struct err e = { 0 };

	eventfd_read(l->stop.fd, &nr);
	l->stopping = true;
	hear(l, false);
	err_set(&e, -ECANCELED, "ended, as the listener ends");
	for (struct client *c = l->clients; c; c = c->next)
		client_end(c, &e);
}

static void serve(struct listener *l, struct watch *w)
{
	if (w->fd < 0)			/* closed by what came before it in this round */
		return;
	switch (w->kind) {
	case WATCH_STOP: begin_to_stop(l); break;
	case WATCH_FILES: take_files(l); break;
	case WATCH_LISTEN:
		if (!l->stopping)
			take_client(l, w->fd);
		break;
	case WATCH_CONTROL: client_control(w->client); break;
	case WATCH_DATA: client_data(w->client, w->cpu); break;
	}
}

static void forget_those_over(struct listener *l)
{
	struct client **p = &l->clients, *c;

	while ((c = *p)) {
		if (c->state != CLIENT_OVER) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		l->nr_clients--;
		client_free(c);
	}
}

static void look_at_times(struct listener *l)
{
	uint64_t now = monotonic_ms(), passed = now - l->looked_ms;

	if (passed < LOOK_MS)
		return;
	l->looked_ms = now;
	if (l->deaf && !l->stopping && now - l->deaf_ms >= DEAF_MS)
		hear(l, true);
	for (struct client *c = l->clients; c; c = c->next)
		client_look(c, now, passed < LATE_MS ? 0 : passed - LOOK_MS);
}

int listener_run(struct listener *l, struct err *e)
{
	struct epoll_event events[EVENTS];

	while (!l->stopping || l->clients) {
		int nr = epoll_wait(l->epoll, events, EVENTS, l->clients || l->deaf ? LOOK_MS : -1);

		if (nr < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot wait for connections");
		for (int i = 0; i < nr; i++)
			serve(l, events[i].data.ptr);
		look_at_times(l);
		forget_those_over(l);
	}
	return 0;
}
