// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_server.h"
#include "notes.h"

#define CLIENTS_MAX 8
#define EVENTS_MAX 16
#define BACKLOG 64			/* that wait to be let in, or refused */

struct client {
	int fd;				/* -1: a free place */
	char line[CONTROL_LINE_MAX];
	size_t len;
	const struct control_command *pending;	/* its answer is due */
	bool at_end;			/* at the recording's end */
	uint64_t ticket;
};

struct control {
	int epoll, listener, watch;
	pid_t pid;			/* whose socket it is: not that of a child */
	const struct control_command *table;
	void *ctx;
	struct client clients[CLIENTS_MAX];
};

/* What an event of epoll is about: a client's number, or one of these. */
enum { EVENT_LISTENER = CLIENTS_MAX, EVENT_WATCH };

/* ---- places ------------------------------------------------------------------ */

void control_path(pid_t pid, char path[CONTROL_PATH_MAX])
{
	snprintf(path, CONTROL_PATH_MAX, NOTES_DIR "/" CONTROL_NAME "%d", pid);
}

void control_remove(pid_t pid)
{
	char path[CONTROL_PATH_MAX];

	control_path(pid, path);
	unlink(path);
}

int control_each(int (*fn)(void *ctx, pid_t pid), void *ctx)
{
	DIR *dir = opendir(NOTES_DIR);
	struct dirent *d;
	int r = 0;

	while (dir && !r && (d = readdir(dir))) {
		uint64_t pid;

		if (!strncmp(d->d_name, CONTROL_NAME, strlen(CONTROL_NAME)) &&
		    !parse_u64(d->d_name + strlen(CONTROL_NAME), &pid) && pid && pid <= INT32_MAX)
			r = fn(ctx, pid);
	}
	if (dir)
		closedir(dir);
	return r;
}

/* A socket nobody listens at any more refuses. */
static int remove_dead(void *ctx, pid_t pid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd AUTO_CLOSE = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)ctx;
	control_path(pid, addr.sun_path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(addr.sun_path);
	return 0;
}

void control_remove_dead(void)
{
	control_each(remove_dead, NULL);
}

/* ---- clients ----------------------------------------------------------------- */

static void drop(struct client *cl)
{
	cleanup_close(&cl->fd);
	*cl = (struct client){ .fd = -1 };
}

/* While an answer is due nothing more is read. */
static void listen_to(struct control *c, struct client *cl)
{
	struct epoll_event ev = {
		.events = cl->pending ? 0 : EPOLLIN, .data.u32 = cl - c->clients,
	};

	if (epoll_ctl(c->epoll, EPOLL_CTL_MOD, cl->fd, &ev) < 0)
		drop(cl);
}

/* One line; a client whose pipe is full of answers is not waited for. */
static void send_line(int fd, int r, const struct buf *answer, const char *why)
{
	char line[CONTROL_ANSWER_MAX];
	const char *text = r < 0 ? why : answer && answer->data ? answer->data : "";
	int len = snprintf(line, sizeof(line) - 1, "%s%s%s", r < 0 ? "error" : "ok", *text ? " " : "",
			   text);

	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	for (int i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	line[len++] = '\n';
	if (send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		shutdown(fd, SHUT_RDWR);
}

/* What a command's function returned. */
static void settle(struct control *c, struct client *cl, const struct control_command *cmd, int r,
		   const struct buf *answer, const struct err *e)
{
	bool waits = r == CONTROL_LATER || r == CONTROL_AT_END;

	if (!waits)
		send_line(cl->fd, r, answer, e->text);
	cl->at_end = r == CONTROL_AT_END;
	if (!cl->pending != !waits) {
		cl->pending = waits ? cmd : NULL;
		listen_to(c, cl);
	}
}

static int find(const struct control *c, const char *name, const char *args,
		const struct control_command **ret, struct err *e)
{
	struct near near;

	near_init(&near, name);
	for (const struct control_command *cmd = c->table; cmd->name; cmd++) {
		near_try(&near, cmd->name);
		if (strcmp(cmd->name, name))
			continue;
		if (*args && !cmd->takes_args)
			return err_set(e, -EINVAL, "'%s' takes no arguments", name);
		*ret = cmd;
		return 0;
	}
	err_set(e, -EINVAL, "there is no command '%.40s'", name);
	near_hint(&near, e);
	return -EINVAL;
}

/* A whole line, whose end has become a NUL. */
static void obey(struct control *c, struct client *cl, char *line, size_t len)
{
	const struct control_command *cmd = NULL;
	struct buf answer AUTO_BUF = { 0 };
	struct err e = { 0 };
	char *args = line + strcspn(line, " ");
	int r = 0;

	for (size_t i = 0; i < len && !r; i++)
		if ((unsigned char)line[i] < ' ')
			r = err_set(&e, -EINVAL, "a command has no control characters");
	if (*args)
		*args++ = 0;
	args += strspn(args, " ");
	if (!r)
		r = find(c, line, args, &cmd, &e);
	if (!r)
		r = cmd->run(c->ctx, args, &cl->ticket, &answer, &e);
	settle(c, cl, cmd, r, &answer, &e);
}

/* The lines that have come, up to one whose answer has to wait. */
static void obey_lines(struct control *c, struct client *cl)
{
	while (cl->fd >= 0 && !cl->pending) {
		char line[CONTROL_LINE_MAX], *end = memchr(cl->line, '\n', cl->len);
		size_t len = end ? end - cl->line : 0;

		if (!end && cl->len < sizeof(cl->line))
			return;
		if (!end) {
			send_line(cl->fd, -EMSGSIZE, NULL, "a command is too long");
			drop(cl);
			return;
		}
		memcpy(line, cl->line, len);
		line[len] = 0;
		cl->len -= len + 1;
		memmove(cl->line, end + 1, cl->len);
		obey(c, cl, line, len);
	}
}

static void serve_client(struct control *c, struct client *cl, uint32_t events)
{
	ssize_t n;

	if (cl->fd < 0)
		return;
	if (cl->pending) {
		if (events & (EPOLLHUP | EPOLLERR))
			drop(cl);
		return;
	}
	n = recv(cl->fd, cl->line + cl->len, sizeof(cl->line) - cl->len, MSG_DONTWAIT);
	if (n > 0)
		cl->len += n;
	else if (!n || errno != EAGAIN)
		drop(cl);
	obey_lines(c, cl);
}

/* Root, or who records. */
static bool allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	       (!cred.uid || cred.uid == geteuid());
}

static void refuse(int fd, const char *why)
{
	send_line(fd, -EPERM, NULL, why);
	close(fd);
}

/* Whether there was one. */
static bool accept_client(struct control *c)
{
	int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *cl = NULL;
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(c->clients) && !cl; i++)
		if (c->clients[i].fd < 0)
			cl = &c->clients[i];
	if (!allowed(fd)) {
		refuse(fd, "only root and the recorder's user may control it");
	} else if (!cl) {
		refuse(fd, CONTROL_FULL);
	} else {
		ev.data.u32 = cl - c->clients;
		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
			close(fd);
		else
			*cl = (struct client){ .fd = fd };
	}
	return true;
}

/* Something pending may be done. */
static void look_again(struct control *c)
{
	eventfd_t seen;

	eventfd_read(c->watch, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(c->clients); i++) {
		struct client *cl = &c->clients[i];
		struct buf answer AUTO_BUF = { 0 };
		struct err e = { 0 };

		if (cl->fd < 0 || !cl->pending || cl->at_end)
			continue;
		settle(c, cl, cl->pending, cl->pending->done(c->ctx, cl->ticket, &answer, &e), &answer,
		       &e);
		obey_lines(c, cl);
	}
}

/* ---- the whole --------------------------------------------------------------- */

static int add_fd(struct control *c, int fd, uint32_t what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = what };

	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Linux gives a socket's file the mode of its descriptor. */
static int bind_at(int fd, const struct sockaddr_un *addr)
{
	unlink(addr->sun_path);			/* of an earlier process of our number */
	if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int control_open(struct control **ret, const struct control_command *table, void *ctx, int watch,
		 struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct control *c = calloc(1, sizeof(*c));
	int r;

	control_path(getpid(), addr.sun_path);
	if (!c)
		return err_errno(e, -ENOMEM, "cannot listen at '%s'", addr.sun_path);
	for (size_t i = 0; i < ARRAY_SIZE(c->clients); i++)
		c->clients[i].fd = -1;
	c->watch = watch;
	c->table = table;
	c->ctx = ctx;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = c->epoll < 0 || c->listener < 0 ? -errno : 0;
	control_remove_dead();
	notes_folder();			/* if it is not there, bind tells */
	if (!r)
		r = bind_at(c->listener, &addr);
	if (!r)
		c->pid = getpid();
	if (!r)
		r = add_fd(c, c->listener, EVENT_LISTENER);
	if (!r && watch >= 0)
		r = add_fd(c, watch, EVENT_WATCH);
	if (r) {
		err_errno(e, r, "cannot listen at '%s'", addr.sun_path);
		control_close(c, NULL);
		return r;
	}
	*ret = c;
	return 0;
}

int control_fd(const struct control *c)
{
	return c->epoll;
}

void control_serve(struct control *c)
{
	struct epoll_event ev[EVENTS_MAX];
	int nr = epoll_wait(c->epoll, ev, ARRAY_SIZE(ev), 0);

	for (int i = 0; i < nr; i++)
		if (ev[i].data.u32 == EVENT_LISTENER)
			accept_client(c);
		else if (ev[i].data.u32 == EVENT_WATCH)
			look_again(c);
		else
			serve_client(c, &c->clients[ev[i].data.u32], ev[i].events);
}

/* What became of what it waits for; @why: why recording failed, NULL: it did not. */
static void answer_last(struct control *c, struct client *cl, const char *why)
{
	struct buf answer AUTO_BUF = { 0 };
	struct err e = { 0 };
	int r = cl->at_end ? CONTROL_LATER : cl->pending->done(c->ctx, cl->ticket, &answer, &e);

	/* the end is what it waited for */
	if (r == CONTROL_LATER)
		r = why ? err_set(&e, -ECANCELED, "%s", why) : 0;
	send_line(cl->fd, r, &answer, e.text);
}

/* Lines that came when nobody listened any more: who asked for the end has it. */
static void answer_late(struct control *c, struct client *cl, const char *why)
{
	ssize_t n = recv(cl->fd, cl->line + cl->len, sizeof(cl->line) - cl->len, MSG_DONTWAIT);
	char *line = cl->line, *end;

	cl->len += n > 0 ? n : 0;
	for (; (end = memchr(line, '\n', cl->line + cl->len - line)); line = end + 1) {
		const struct control_command *cmd;
		bool ended;

		*end = 0;
		ended = !find(c, line, "", &cmd, NULL) && cmd->ends;
		send_line(cl->fd, ended && !why ? 0 : -ECANCELED, NULL, ended ? why : "the recording has ended");
	}
}

static void answer_all(struct control *c, const char *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->clients); i++) {
		struct client *cl = &c->clients[i];

		if (cl->pending)
			answer_last(c, cl, why);
		if (cl->fd >= 0)
			answer_late(c, cl, why);
		drop(cl);
	}
}

void control_close(struct control *c, const char *why)
{
	bool more = c;

	/* Those who wait to be let in have the places of those who are answered. */
	for (size_t nr = 0; more && nr <= BACKLOG; nr += CLIENTS_MAX) {
		answer_all(c, why);
		more = false;
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			more |= accept_client(c);
	}
	if (!c)
		return;
	answer_all(c, why);
	if (c->pid)
		control_remove(c->pid);
	cleanup_close(&c->listener);
	cleanup_close(&c->epoll);
	free(c);
}
