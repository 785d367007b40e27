// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"

static _Noreturn void parent_main(pid_t pid, int ready)
{
	int status;
	char byte;
	ssize_t n;

	do
		n = read(ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1) {
		printf("Send SIGINT/SIGTERM to pid %d to stop recording\n", pid);
		fflush(stdout);
		_exit(EXIT_OK);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		_exit(EXIT_FAILED);
	_exit(WEXITSTATUS(status));
}

int daemon_begin(int *ret_ready, struct err *e)
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
		parent_main(pid, fds[0]);
	}
	close(fds[0]);
	setsid();
	*ret_ready = fds[1];
	return 0;
}

void daemon_ready(int *ready)
{
	int fd AUTO_CLOSE = open(DAEMON_PID_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
				 0644);
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", getpid());

	if (fd < 0 || write_full(fd, text, len))
		notice(&stderr_notices, "cannot write '%s': %s", DAEMON_PID_FILE, strerror(errno));
	write_full(*ready, "", 1);
	cleanup_close(ready);
	*ready = -1;
}

void daemon_end(void)
{
	unlink(DAEMON_PID_FILE);
}
