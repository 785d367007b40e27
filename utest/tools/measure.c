// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * measure null|pipe|LINES CMD [ARG...]: runs a program and prints
 *
 *	SECONDS CPU_SECONDS KILOBYTES BYTES
 *
 * wall time, user and system time, greatest memory, bytes it wrote. Its standard
 * output is /dev/null, or a pipe that is read and dropped; with a number, until so
 * many lines came: then it is ended, and SECONDS is how long they took.
 * Standard error is closed. (A script's own memory would count as its child's.)
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return t.tv_sec + t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	static char text[1 << 18];
	long lines, left;
	unsigned long long bytes = 0;
	struct rusage u;
	double start, end = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (argc < 3 || pipe2(fds, O_CLOEXEC) < 0)
		return 2;
	lines = left = atol(argv[1]);
	start = now();
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(strcmp(argv[1], "null") ? fds[1] : null, 1);
		dup2(null, 2);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], text, sizeof(text))) > 0) {
		bytes += n;
		for (char *p = text; lines && left && (p = memchr(p, '\n', text + n - p)); p++)
			left--;
		if (lines && !left) {
			end = now();
			break;
		}
	}
	if (end)
		kill(pid, SIGKILL);
	if (wait4(pid, &status, 0, &u) < 0 || (!end && (!WIFEXITED(status) || WEXITSTATUS(status))))
		return 1;
	printf("%.6f %.6f %ld %llu\n", (end ? end : now()) - start,
	       seconds(u.ru_utime) + seconds(u.ru_stime), u.ru_maxrss, bytes);
	return 0;
}
