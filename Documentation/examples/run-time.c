// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How long each process ran, by the sched_switch events of trace files:
 *
 *	cc -o run-time run-time.c $(pkg-config --cflags --libs libtracecmd)
 *	./run-time trace.dat
 *
 * Three columns of one kind of event are read in batches. The order of events of
 * different CPUs does not matter here, so none is asked for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <tracecmd.h>

#define ROWS 8192
#define PIDS 4194304		/* the largest number of processes of a kernel */

static uint64_t run_time[PIDS];

static int fail(const struct tracecmd_error *error)
{
	fprintf(stderr, "run-time: %s\n", error->text);
	return 1;
}

static int add_column(struct tracecmd_scan *scan, int what, const char *field, int type,
		      struct tracecmd_error *error)
{
	struct tracecmd_column column = { sizeof(column), what, field, type };

	return tracecmd_scan_column(scan, &column, error);
}

static int add_columns(struct tracecmd_scan *scan, struct tracecmd_error *error)
{
	if (add_column(scan, TRACECMD_TIME, NULL, TRACECMD_TYPE_AUTO, error) < 0 ||
	    add_column(scan, TRACECMD_CPU, NULL, TRACECMD_TYPE_AUTO, error) < 0)
		return -1;
	return add_column(scan, TRACECMD_FIELD, "prev_pid", TRACECMD_TYPE_UINT32, error);
}

/* Reads all switches; adds what lies between two of one CPU to the process that ran. */
static int add_run_times(struct tracecmd_scan *scan, struct tracecmd_error *error)
{
	static uint64_t time[ROWS];
	static uint32_t cpu[ROWS], pid[ROWS];
	struct tracecmd_values values[3] = { { 0 } };
	uint64_t last_time = 0;
	uint32_t last_cpu = UINT32_MAX;
	int i, rows;

	for (i = 0; i < 3; i++)
		values[i].size = sizeof(values[i]);
	values[0].values = time;
	values[1].values = cpu;
	values[2].values = pid;
	while ((rows = tracecmd_scan_read(scan, values, ROWS, error)) > 0)
		for (i = 0; i < rows; i++) {
			if (cpu[i] == last_cpu && pid[i] < PIDS)
				run_time[pid[i]] += time[i] - last_time;
			last_cpu = cpu[i];
			last_time = time[i];
		}
	return rows;
}

static int print_run_times(struct tracecmd_trace *trace, struct tracecmd_error *error)
{
	uint32_t pid;

	for (pid = 1; pid < PIDS; pid++) {
		const char *name;

		if (!run_time[pid])
			continue;
		if (tracecmd_task_name(trace, 0, (int32_t)pid, &name, error) < 0)
			return -1;
		printf("%12llu %7u %s\n", (unsigned long long)run_time[pid], (unsigned)pid, name);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const events[] = { "sched/sched_switch" };
	static const char *const buffers[] = { "" };
	struct tracecmd_scan_opts opts = { 0 };
	const char *path = argc > 1 ? argv[1] : "trace.dat";
	struct tracecmd_trace *trace;
	struct tracecmd_scan *scan;
	struct tracecmd_error error;
	int status = 0;

	opts.size = sizeof(opts);
	opts.events = events;
	opts.nr_events = 1;
	opts.buffers = buffers;
	opts.nr_buffers = 1;
	opts.unordered = 1;
	if (tracecmd_trace_open(&path, 1, NULL, &trace, &error) < 0)
		return fail(&error);
	if (tracecmd_scan_new(trace, &opts, &scan, &error) < 0) {
		status = fail(&error);
	} else {
		/* of a file that is cut, what could be read is shown */
		if (add_columns(scan, &error) < 0 || add_run_times(scan, &error) < 0)
			status = fail(&error);
		if (print_run_times(trace, &error) < 0)
			status = fail(&error);
		tracecmd_scan_free(scan);
	}
	tracecmd_trace_close(trace);
	return status;
}
