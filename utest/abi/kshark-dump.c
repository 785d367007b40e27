// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What KernelShark's library makes of files, as text: all entries of all buffers, as its
 * dump, with the value of a field; the columns; the records kept in memory.
 *	kshark-dump FILE...         more than one: a host and its guests
 *	kshark-dump --load FILE     seconds that opening and loading take, and nothing else
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libkshark.h>
#include <libkshark-tepdata.h>
#include <event-parse.h>

static void show_entries(struct kshark_context *ks, int sd)
{
	struct kshark_entry **rows = NULL;
	ssize_t nr = kshark_load_entries(ks, sd, &rows);

	printf("stream %d: %zd entries\n", sd, nr);
	for (ssize_t i = 0; i < nr; i++) {
		char *line = kshark_dump_entry(rows[i]);
		int64_t val = -1;
		int ret = kshark_read_event_field_int(rows[i], "common_pid", &val);

		printf("%s %d %d %lld %lld %d:%lld\n", line, rows[i]->event_id, rows[i]->cpu, (long long)rows[i]->ts,
		       (long long)rows[i]->offset, ret, (long long)val);
		free(line);
	}
	for (ssize_t i = 0; i < nr; i++)
		free(rows[i]);
	free(rows);
}

static void show_matrix(struct kshark_context *ks, int sd)
{
	int64_t *offset = NULL, *ts = NULL;
	int16_t *event = NULL, *cpu = NULL;
	int32_t *pid = NULL;
	ssize_t nr = kshark_load_matrix(ks, sd, &event, &cpu, &pid, &offset, &ts);

	for (ssize_t i = 0; i < nr; i++)
		printf("%d %d %d %lld %lld\n", event[i], cpu[i], pid[i], (long long)offset[i], (long long)ts[i]);
	free(event);
	free(cpu);
	free(pid);
	free(offset);
	free(ts);
}

/* Whole records, all at once in memory. They go with the process: to free them is trace-cmd's. */
static void show_records(struct kshark_context *ks, int sd)
{
	struct tep_record **records = NULL;
	ssize_t nr = kshark_load_tep_records(ks, sd, &records);

	for (ssize_t i = 0; i < nr; i++) {
		unsigned sum = 0;

		for (int at = 0; at < records[i]->size; at++)
			sum = sum * 31 + ((unsigned char *)records[i]->data)[at];
		printf("%llu %x\n", records[i]->ts, sum);
	}
}

static void show_guests(void)
{
	struct kshark_host_guest_map *map = NULL;
	int nr = kshark_tracecmd_get_hostguest_mapping(&map);

	for (int i = 0; i < nr; i++) {
		printf("guest %s:", map[i].guest_name);
		for (int cpu = 0; cpu < map[i].vcpu_count; cpu++)
			printf(" %d", map[i].cpu_pid[cpu]);
		printf("\n");
	}
	kshark_tracecmd_free_hostguest_map(map, nr);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int time_load(struct kshark_context *ks, const char *path)
{
	struct kshark_entry **rows = NULL;
	double begin = seconds(), opened;
	int sd = kshark_open(ks, path);
	ssize_t nr;

	opened = seconds();
	nr = sd < 0 ? sd : kshark_load_entries(ks, sd, &rows);
	printf("%.6f %.6f %zd\n", opened - begin, seconds() - opened, nr);
	return nr < 1;
}

int main(int argc, char **argv)
{
	struct kshark_context *ks = NULL;

	if (argc < 2 || !kshark_instance(&ks))
		return 2;
	if (argc > 2 && !strcmp(argv[1], "--load"))
		return time_load(ks, argv[2]);
	for (int i = 1; i < argc; i++) {
		int sd = kshark_open(ks, argv[i]);

		printf("%s: %s\n", argv[i], sd < 0 ? "cannot be opened" : "open");
		if (sd >= 0)
			printf("buffers %d\n", kshark_tep_init_all_buffers(ks, sd));
	}
	show_guests();
	for (int sd = 0; sd < ks->n_streams; sd++) {
		show_entries(ks, sd);
		show_matrix(ks, sd);
		show_records(ks, sd);
	}
	kshark_close_all(ks);
	kshark_free(ks);
	return 0;
}
