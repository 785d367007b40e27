// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Time of trace-cmd's interface: seconds of opening, seconds of reading, events.
 *	speed iterate|read|at FILE      all events in order; CPU by CPU; by offsets, about some places
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <trace-cmd.h>

static unsigned long long nr, sum;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int count(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	(void)h;
	(void)cpu;
	(void)data;
	sum += r->ts + *(unsigned short *)r->data;
	nr++;
	return 0;
}

static void read_cpus(struct tracecmd_input *h)
{
	int cpus = tep_get_cpus(tracecmd_get_tep(h));

	for (int cpu = 0; cpu < cpus; cpu++) {
		struct tep_record *r;

		while ((r = tracecmd_read_data(h, cpu))) {
			count(h, r, cpu, NULL);
			tracecmd_free_record(r);
		}
	}
}

/* As a viewer does that jumps about. */
static void read_places(struct tracecmd_input *h)
{
	unsigned long long offsets[4096], n = 0, i = 0;
	struct tep_record *r;

	while (n < 4096 && (r = tracecmd_read_data(h, 0))) {
		if (i++ % 400 == 0)
			offsets[n++] = r->offset;
		tracecmd_free_record(r);
	}
	for (i = 0; n && i < 100000; i++) {
		r = tracecmd_read_at(h, offsets[(i / 100 * 7919 + i % 10) % n], NULL);
		if (r)
			count(h, r, 0, NULL);
		tracecmd_free_record(r);
	}
}

int main(int argc, char **argv)
{
	double begin = seconds(), opened;
	struct tracecmd_input *h = argc == 3 ? tracecmd_open(argv[2], 0) : NULL;

	opened = seconds();
	if (!h)
		return 1;
	if (!strcmp(argv[1], "read"))
		read_cpus(h);
	else if (!strcmp(argv[1], "at"))
		read_places(h);
	else if (tracecmd_iterate_events(h, NULL, 0, count, NULL))
		return 1;
	printf("%.6f %.6f %llu %llu\n", opened - begin, seconds() - opened, nr, sum);
	tracecmd_close(h);
	return 0;
}
