// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

static _Noreturn void parent_main(pid_t pid, int ready, const char *what)
{
	int status;
	char byte;
	ssize_t n;

	do
		n = read(ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1) {
		printf("Send SIGINT/SIGTERM to pid %d to stop %s\n", pid, what);
		fflush(stdout);
		_exit(EXIT_OK);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		_exit(EXIT_FAILED);
	_exit(WEXITSTATUS(status));
}

int daemon_begin(const char *what, int *ret_ready, struct err *e)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "cannot go to the background");
	out_flush();
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		int r = err_errno(e, -errno, "cannot go to the background");

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (pid) {
		close(fds[1]);
		parent_main(pid, fds[0], what);
	}
	close(fds[0]);
	setsid();
	*ret_ready = fds[1];
	return 0;
}

void daemon_ready(int *ready)
{
	write_full(*ready, "", 1);
	cleanup_close(ready);
	*ready = -1;
}

/* ---- the pid file ------------------------------------------------------------- */

int pid_file_open(struct pid_file *p, const char *path, const char *usual, struct err *e)
{
	struct err why;
	int r = new_file_open(&p->file, path ? path : usual, &why);

	p->there = false;
	p->wanted = !r;
	if (r && !path)
		notice(&stderr_notices, "%s", why.text);
	else if (r && e)
		*e = why;
	return path ? r : 0;
}

int pid_file_write(struct pid_file *p, struct err *e)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", getpid()), r;

	if (!p->wanted)
		return 0;
	p->path = strdup(p->file.path);
	if (!p->path)
		return err_errno(e, -ENOMEM, "cannot write '%s'", p->file.path);
	r = write_full(p->file.fd, text, len);
	if (r)
		return err_errno(e, r, "cannot write '%s'", p->file.path);
	r = new_file_commit(&p->file, e);
	p->there = !r;
	return r;
}

/* Another process may have written its own there since. A pipe is somebody's who reads it. */
static bool is_ours(const char *path)
{
	struct buf text AUTO_BUF = { 0 };
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode) && !path_read_all(path, &text, 64) && strtol(text.data, NULL, 10) == getpid();
}

void pid_file_remove(struct pid_file *p)
{
	if (p->there && is_ours(p->path))
		unlink(p->path);
	if (p->wanted)
		new_file_discard(&p->file);
	free(p->path);
	*p = (struct pid_file){ 0 };
}
