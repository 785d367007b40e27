// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes numbered markers from every CPU at the same time.
 *   markers TRACE_MARKER TRACE_MARKER_RAW COUNT [PAUSE_US [SEED]]
 * On each CPU one process, bound to it, writes COUNT markers: even numbers as
 * "marker CPU NUMBER" to TRACE_MARKER, odd ones as raw data (id 77, then CPU
 * and NUMBER as 32-bit numbers) to TRACE_MARKER_RAW; after every 16th it sleeps
 * PAUSE_US. With a SEED but 0 all go to TRACE_MARKER, and 1 to 12 times "x" in the
 * place of "marker", at random: so the room that they leave in a sub-buffer is of
 * all sizes. Prints how many markers were written, and in a second line how many of
 * them were refused (EBADF), if any: by a full buffer that does not overwrite, which
 * counts them as dropped, or while a buffer is resized. Exit status 1 if a write
 * failed otherwise. Killed, it takes the writers along.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_long *refused;			/* by all writers */

struct load {
	int count, pause_us;
	unsigned seed;
};

static int write_markers(const char *marker, const char *raw, int cpu, const struct load *load)
{
	unsigned seed = load->seed + cpu;
	int fd = open(marker, O_WRONLY), raw_fd = open(raw, O_WRONLY);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* EINVAL: the CPU has gone */
	if (fd < 0 || raw_fd < 0 || (sched_setaffinity(0, sizeof(set), &set) && errno != EINVAL)) {
		perror("markers");
		return 1;
	}
	for (int i = 0; i < load->count; i++) {
		uint32_t numbers[3] = { 77, cpu, i };
		const char *word = load->seed ? &"xxxxxxxxxxxx"[rand_r(&seed) % 12] : "marker";
		char text[64];
		int len = snprintf(text, sizeof(text), "%s %d %d", word, cpu, i);
		bool as_text = load->seed || i % 2 == 0;
		ssize_t n = as_text ? write(fd, text, len) : write(raw_fd, numbers, sizeof(numbers));

		if (n < 0 && errno != EBADF) {
			perror("markers: write");
			return 1;
		}
		if (n < 0)
			++*refused;
		if (load->pause_us && i % 16 == 15)
			usleep(load->pause_us);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t parent = getpid();
	struct load load = { 0 };
	int failed = 0, status;

	if (argc < 4)
		return 2;
	load.count = atoi(argv[3]);
	load.pause_us = argc > 4 ? atoi(argv[4]) : 0;
	load.seed = argc > 5 ? atoi(argv[5]) : 0;
	refused = mmap(NULL, sizeof(*refused), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (refused == MAP_FAILED)
		return 1;
	for (int cpu = 0; cpu < cpus; cpu++)
		if (!fork()) {
			/* it may be gone already */
			if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
				_exit(1);
			_exit(write_markers(argv[1], argv[2], cpu, &load));
		}
	for (int cpu = 0; cpu < cpus; cpu++) {
		wait(&status);
		failed |= status;
	}
	printf("%ld\n", cpus * load.count);
	if (*refused)
		printf("%ld refused\n", *refused);
	return failed ? 1 : 0;
}
