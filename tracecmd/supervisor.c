// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

/* Its descriptors, once the recorder's others are closed. */
enum { ALIVE_FD = 3, LOG_FD, FIRST_OTHER_FD };

/* What was written last is put back first. */
static int undo_all(struct err *e)
{
	struct stat st;
	void *lines;
	int r;

	if (fstat(LOG_FD, &st) < 0)
		return err_errno(e, -errno, "cannot read the list of changed settings");
	if (!st.st_size)
		return 0;
	lines = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, LOG_FD, 0);
	if (lines == MAP_FAILED)
		return err_errno(e, -errno, "cannot read the list of changed settings");
	fprintf(stderr, "tracecmd: the recorder was killed: its settings of the kernel are "
		"undone\n");
	r = kernel_undo_lines(lines, st.st_size, &stderr_notices, e);
	munmap(lines, st.st_size);
	return r;
}

/* Not to be hit by what ends the recorder's process group or its terminal. */
static void stand_apart(int alive, int log)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };

	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	if (alive != ALIVE_FD && log == ALIVE_FD)
		log = dup(log);
	dup2(alive, ALIVE_FD);
	dup2(log, LOG_FD);
	closefrom(FIRST_OTHER_FD);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
}

static _Noreturn void supervisor_main(const struct supervisor *s, int alive)
{
	struct err e = { 0 };
	ssize_t n;
	char byte;

	close(s->alive);
	stand_apart(alive, s->log);
	do
		n = read(ALIVE_FD, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(undo_all(&e) ? EXIT_FAILED : EXIT_OK);
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
	supervisor_end(s);
	if (alive >= 0)
		close(alive);
	return err_errno(e, code, "cannot start the process that puts settings back");
}

int supervisor_start(struct supervisor *s, struct kernel *k, struct err *e)
{
	int alive[2];

	*s = SUPERVISOR_NONE;
	s->log = memfd_create("tracecmd-changes", MFD_CLOEXEC);
	if (s->log < 0 || pipe2(alive, O_CLOEXEC) < 0)
		return start_failed(s, -errno, -1, e);
	s->alive = alive[1];
	out_flush();
	s->pid = fork();
	if (s->pid < 0) {
		s->pid = 0;
		return start_failed(s, -errno, alive[0], e);
	}
	if (!s->pid)
		supervisor_main(s, alive[0]);
	close(alive[0]);
	kernel_undo_watch(k, note_change, s);
	return 0;
}

void supervisor_end(struct supervisor *s)
{
	int status;

	/* Cannot fail; were it to, putting things back twice does no harm. */
	if (s->log >= 0 && ftruncate(s->log, 0) < 0)
		notice(&stderr_notices, "cannot empty the list of changed settings: %s",
		       strerror(errno));
	cleanup_close(&s->alive);
	cleanup_close(&s->log);
	while (s->pid && waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	*s = SUPERVISOR_NONE;
}
