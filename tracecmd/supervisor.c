// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_server.h"
#include "notes.h"
#include "supervisor.h"

/* Its descriptors, once the recorder's others are closed. */
enum { ALIVE_FD = 3, LOG_FD, FIRST_OTHER_FD };

/*
 * What was written last is put back first. A note of what could not be stays.
 * @asked: by a recorder that could not do it; else it was killed.
 */
static int undo_all(const struct supervisor *s, bool asked, struct err *e)
{
	int r = note_undo(LOG_FD, e);

	if (r > 0)
		fprintf(stderr, "tracecmd: %s\n", asked ?
			"what could not be put back at first has been put back" :
			"the recorder was killed: its settings of the kernel are undone");
	if (r >= 0 && s->note)
		unlink(s->note);
	control_remove(s->recorder);
	return r;
}

/*
 * The descriptors to be kept go where they belong, all others are closed. Copies
 * are made first, behind those places, so that none overwrites another.
 */
static void keep_descriptors(const struct kernel *k, int alive, int log)
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
}

/* Not to be hit by what ends the recorder's process group or its terminal. */
static void stand_apart(const struct kernel *k, int alive, int log)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXFSZ };

	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	keep_descriptors(k, alive, log);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
}

static _Noreturn void supervisor_main(const struct supervisor *s, const struct kernel *k, int alive)
{
	struct err e = { 0 };
	ssize_t n;
	char byte;

	close(s->alive);
	stand_apart(k, alive, s->log);
	if (write_full(ALIVE_FD, "", 1))
		_exit(EXIT_FAILED);
	do
		n = read(ALIVE_FD, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(undo_all(s, n == 1, &e) < 0 ? EXIT_FAILED : EXIT_OK);
}

static void note_change(void *ctx, const char *line, size_t len)
{
	const struct supervisor *s = ctx;
	int r = write_full(s->log, line, len);

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

int supervisor_start(struct supervisor *s, struct kernel *k, struct err *e)
{
	int alive[2], r;

	*s = SUPERVISOR_NONE;
	s->log = note_new(&s->note);
	if (s->log < 0)
		return start_failed(s, s->log, -1, e);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, alive) < 0)
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
	return 0;
}

/* Has it put everything back. */
static void ask_to_undo(const struct supervisor *s)
{
	if (s->alive >= 0 && send(s->alive, "", 1, MSG_NOSIGNAL) < 0)
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

	if (undo->code)
		ask_to_undo(s);
	/* Cannot fail; were it to, putting things back twice does no harm. */
	else if (s->log >= 0 && ftruncate(s->log, 0) < 0)
		notice(&stderr_notices, "cannot empty the list of changed settings: %s",
		       strerror(errno));
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
