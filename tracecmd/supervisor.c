// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_server.h"
#include "notes.h"
#include "record/left.h"
#include "supervisor.h"

/* Its descriptors, once the recorder's others are closed: locks are the last. */
enum { ALIVE_FD = 3, LOG_FD, FIRST_OTHER_FD };

/* What it is told. That the recorder was killed is told by the connection's end. */
enum about {
	SAY_NOTHING, SAY_UNDO, SAY_DONE,	/* the last that is said */
	SAY_LOCKED,			/* its descriptor comes with it */
	SAY_OWN, SAY_LEFTOVER, SAY_COMPLETE,	/* a file */
};

struct said {
	enum about about;
	dev_t dev;			/* of files: others may come to have their names */
	ino_t ino;
	char path[PATH_MAX];
};
#define SAID_LEN(s) (offsetof(struct said, path) + strlen((s)->path) + 1)

/* What the recorder has locked. */
struct held {
	int *v;
	size_t nr, cap;
};

struct files {
	struct said **v;
	size_t nr, cap;
};

/*
 * What was written last is put back first. A note of what could not be stays.
 * @asked: by a recorder that could not do it; else it was killed.
 */
static int undo_all(const struct supervisor *s, const struct held *held, bool asked, struct err *e)
{
	int r = note_undo(LOG_FD, s->note, held->v, held->nr, e);

	if (r > 0)
		fprintf(stderr, "tracecmd: %s\n", asked ?
			"what could not be put back at first has been put back" :
			"the recorder was killed: its settings of the kernel are undone");
	if (r >= 0 && s->note)
		unlink(s->note);
	control_remove(s->recorder);
	return r;
}

/* Without memory it is held all the same, and what it covers taken for another's. */
static void hold(struct held *held, int fd)
{
	if (vec_push(held, fd))
		notice(&stderr_notices, "no memory for a lock of the process that puts settings back");
}

/*
 * The descriptors to be kept go where they belong, all others are closed. Copies
 * are made first, behind those places, so that none overwrites another.
 */
static void keep_descriptors(const struct kernel *k, int alive, int log, struct held *held)
{
	size_t nr;
	const int *locks = kernel_lock_fds(k, &nr);
	int end = FIRST_OTHER_FD + nr, kept[FIRST_OTHER_FD + nr];

	kept[ALIVE_FD] = fcntl(alive, F_DUPFD, end);
	kept[LOG_FD] = fcntl(log, F_DUPFD, end);
	for (size_t i = 0; i < nr; i++)
		kept[FIRST_OTHER_FD + i] = fcntl(locks[i], F_DUPFD, end);
	for (int fd = ALIVE_FD; fd < end; fd++)
		dup2(kept[fd], fd);
	closefrom(end);
	for (int fd = FIRST_OTHER_FD; fd < end; fd++)
		hold(held, fd);
}

/* Not to be hit by what ends the recorder's process group or its terminal. */
static void stand_apart(const struct kernel *k, int alive, int log, struct held *held)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ };

	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	keep_descriptors(k, alive, log, held);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
}

/* The next that we are told; its about is SAY_NOTHING when the recorder was killed. *ret_fd: what came with it, or -1. */
static void hear(struct said *ret, int *ret_fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec io = { ret, sizeof(*ret) };
	struct msghdr msg = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(ALIVE_FD, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	if (n <= (ssize_t)offsetof(struct said, path))
		ret->about = SAY_NOTHING;
}

static bool is_there(const struct said *file)
{
	struct stat st;

	return !stat(file->path, &st) && st.st_ino == file->ino && st.st_dev == file->dev;
}

static void remember(struct files *files, const struct said *said)
{
	struct said *file = malloc(SAID_LEN(said));

	if (!file || vec_push(files, file))
		free(file);
	else
		memcpy(file, said, SAID_LEN(said));
}

static void remove_all(const struct files *files)
{
	for (size_t i = 0; i < files->nr; i++)
		if (is_there(files->v[i]))
			unlink(files->v[i]->path);
}

/* Where the killed recorder's events are: with --temp or without a file, not where the user would look. */
static void tell_left(const char *base)
{
	struct left l;

	if (!base || left_find(base, &l, NULL) <= 0)
		return;
	if (l.has_events && !l.live)
		fprintf(stderr, "tracecmd: what was recorded is kept in '%s' and its neighbours: 'tracecmd report %s' reads "
			"them, 'tracecmd restore -o FILE %s' makes a file of them\n", l.spools.v[0], base, base);
	left_release(&l);
}

static _Noreturn void supervisor_main(const struct supervisor *s, const struct kernel *k, int alive)
{
	struct said said = { 0 }, complete = { 0 };
	struct files leftover = { 0 }, own = { 0 };
	struct held held = { 0 };
	struct err e = { 0 };
	int fd, r;

	close(s->alive);
	stand_apart(k, alive, s->log, &held);
	if (write_full(ALIVE_FD, "", 1))
		_exit(EXIT_FAILED);
	for (hear(&said, &fd); said.about > SAY_DONE; hear(&said, &fd)) {
		if (said.about == SAY_LOCKED)
			hold(&held, fd);
		else if (said.about == SAY_LEFTOVER)
			remember(&leftover, &said);
		else if (said.about == SAY_OWN)
			remember(&own, &said);
		else
			complete = said;
	}
	if (said.about == SAY_NOTHING)
		remove_all(&own);
	if (said.about == SAY_NOTHING && complete.about && is_there(&complete))
		remove_all(&leftover);
	r = undo_all(s, &held, said.about == SAY_UNDO, &e);
	if (said.about == SAY_NOTHING)
		tell_left(s->spools);
	_exit(r < 0 ? EXIT_FAILED : EXIT_OK);
}

/* Never waits for who does not listen. 0, -errno. */
static int say(const struct supervisor *s, struct said *what, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { what, SAID_LEN(what) };
	struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(s->alive, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void say_file(const struct supervisor *s, enum about about, const struct stat *st, const char *path)
{
	struct said said = { .about = about, .dev = st->st_dev, .ino = st->st_ino };

	if (s->alive >= 0 && strlen(path) < sizeof(said.path)) {
		strcpy(said.path, path);
		say(s, &said, -1);
	}
}

static void say_path(const struct supervisor *s, enum about about, const char *path)
{
	struct stat st;

	if (!stat(path, &st))
		say_file(s, about, &st, path);
}

void supervisor_own(const struct supervisor *s, const char *path)
{
	say_path(s, SAY_OWN, path);
}

void supervisor_leftover(const struct supervisor *s, const char *path)
{
	say_path(s, SAY_LEFTOVER, path);
}

void supervisor_complete(const struct supervisor *s, int fd, const char *path)
{
	struct stat st;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		say_file(s, SAY_COMPLETE, &st, path);
}

/* Else another could have the instance as soon as we are killed, while its settings are being undone. */
static void note_lock(void *ctx, int fd)
{
	struct said said = { .about = SAY_LOCKED };
	int r = say(ctx, &said, fd);

	if (r)
		notice(&stderr_notices, "a lock could not be shared with the process that puts settings back (%s)",
		       strerror(-r));
}

static void note_change(void *ctx, const char *line, size_t len)
{
	struct supervisor *s = ctx;
	int r = write_full(s->log, line, len);

	if (s->no_note)
		notice(&stderr_notices, "no note can be kept in " NOTES_DIR " (%s): should tracecmd and the process beside it "
		       "both be killed, nothing will tell which settings to put back", strerror(-s->no_note));
	s->no_note = 0;
	if (r)
		notice(&stderr_notices, "a changed setting could not be noted (%s): should the "
		       "recorder be killed, it stays: %.*s", strerror(-r), (int)(len - 1), line);
}

static int start_failed(struct supervisor *s, int code, int alive, struct err *e)
{
	const struct err nothing = { 0 };

	supervisor_end(s, &nothing, code, NULL);
	if (alive >= 0)
		close(alive);
	return err_errno(e, code, "cannot start the process that puts settings back");
}

/* Until it stands apart, what ends our process group would take it along. 0, -errno. */
static int await_ready(const struct supervisor *s)
{
	ssize_t n;
	char byte;

	do
		n = read(s->alive, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : n ? -errno : -ECHILD;
}

int supervisor_start(struct supervisor *s, struct kernel *k, const char *spools, struct err *e)
{
	int alive[2], r;

	*s = SUPERVISOR_NONE;
	s->spools = spools;
	s->log = note_new(&s->note, &s->no_note);
	if (s->log < 0)
		return start_failed(s, s->log, -1, e);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, alive) < 0)
		return start_failed(s, -errno, -1, e);
	s->alive = alive[1];
	s->recorder = getpid();
	out_flush();
	s->pid = fork();
	if (s->pid < 0) {
		s->pid = 0;
		return start_failed(s, -errno, alive[0], e);
	}
	if (!s->pid)
		supervisor_main(s, k, alive[0]);
	close(alive[0]);
	r = await_ready(s);
	if (r)
		return start_failed(s, r, -1, e);
	kernel_undo_watch(k, note_change, s);
	kernel_lock_watch(k, note_lock, s);
	return 0;
}

/* Has it put everything back, or tells it that there is nothing to do. Then it may be gone. */
static void say_last(const struct supervisor *s, bool undo)
{
	struct said said = { .about = undo ? SAY_UNDO : SAY_DONE };

	if (s->alive >= 0 && say(s, &said, -1) && undo)
		notice(&stderr_notices, "cannot ask the process that puts settings back");
}

/* Ends it; whether it has put back what there was. */
static bool stop(struct supervisor *s)
{
	int status = -1;		/* none, no success */

	cleanup_close(&s->alive);
	cleanup_close(&s->log);
	while (s->pid && waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;
}

int supervisor_end(struct supervisor *s, const struct err *undo, int r, struct err *e)
{
	bool undone;

	/* Cannot fail; were it to, putting things back twice does no harm. */
	if (!undo->code && s->log >= 0 && ftruncate(s->log, 0) < 0)
		notice(&stderr_notices, "cannot empty the list of changed settings: %s",
		       strerror(errno));
	say_last(s, undo->code);
	undone = stop(s) || !undo->code;
	if (s->note && undone)
		unlink(s->note);
	free(s->note);
	*s = SUPERVISOR_NONE;
	if (undone)
		return r;
	if (r)
		err_hint(e, "%s", undo->text);
	else if (e)
		*e = *undo;
	err_hint(e, "'tracecmd reset --recover' tries it again");
	return r ? r : undo->code;
}

int supervisor_change(struct kernel *k, int (*change)(void *ctx, struct err *e), void *ctx, struct err *e)
{
	struct supervisor s = SUPERVISOR_NONE;
	struct err undo = { 0 };
	int r = supervisor_start(&s, k, NULL, e);

	if (!r)
		r = change(ctx, e);
	if (r)
		kernel_undo(k, &undo);
	else
		kernel_undo_forget(k);
	return supervisor_end(&s, &undo, r, e);
}
