// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A small, busy program to be traced: opens, reads, writes, forks and sleeps on
 * every CPU in turn.
 *   workload [ROUNDS [STATUS]]	ends with exit status STATUS
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Not inlined and not static: a place for a uprobe. The name is copied first,
 * so that a kprobe that reads it finds its page in memory.
 */
__attribute__((noinline)) int workload_step(int round, const char *file);
int workload_step(int round, const char *file)
{
	char text[256];
	ssize_t n;
	int fd;

	strncpy(text, file, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	fd = open(text, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text));
	close(fd);
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (n > 0 && write(fd, text, n) != n)
		exit(3);
	close(fd);
	return round;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5, status = argc > 2 ? atoi(argv[2]) : 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (int i = 0; i < rounds; i++) {
		cpu_set_t set;
		pid_t pid;

		CPU_ZERO(&set);
		CPU_SET(i % cpus, &set);
		sched_setaffinity(0, sizeof(set), &set);
		if (workload_step(i, "/proc/version") != i)
			return 4;
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		usleep(2000);
	}
	return status;
}
