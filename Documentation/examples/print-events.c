// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Prints trace files as 'tracecmd report --losses' does, and says on standard
 * error how many events each file has and how many were lost.
 *
 *	cc -o print-events print-events.c $(pkg-config --cflags --libs libtracecmd)
 *	./print-events trace.dat
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tracecmd.h>

static void print_notice(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "print-events: %s\n", text);
}

/* Which file or instance an event is of; nothing if there is only one. */
static const char *label(struct tracecmd_trace *trace, unsigned int file, const char *buffer)
{
	const char *path = tracecmd_file_facts(trace, file)->path;
	const char *slash = strrchr(path, '/');

	if (buffer[0] || tracecmd_trace_nr_files(trace) == 1)
		return buffer;
	return slash ? slash + 1 : path;
}

static int label_width(struct tracecmd_trace *trace)
{
	const char *buffer;
	size_t width = 0, len;

	for (unsigned int i = 0; i < tracecmd_trace_nr_files(trace); i++)
		for (unsigned int j = 0; (buffer = tracecmd_file_buffer(trace, i, j)); j++) {
			len = strlen(label(trace, i, buffer));
			width = len > width ? len : width;
		}
	return width;
}

static void print_label(struct tracecmd_trace *trace, unsigned int file, const char *buffer,
			int width)
{
	const char *text = label(trace, file, buffer);

	if (width)
		printf("%*s%s", width, text, text[0] ? ": " : "  ");
}

static int print_events(struct tracecmd_trace *trace, uint64_t *count, uint64_t *lost,
			struct tracecmd_error *error)
{
	const unsigned int nr_files = tracecmd_trace_nr_files(trace);
	const int width = label_width(trace);
	const struct tracecmd_event *event;
	const char *line;
	int ret;

	for (unsigned int i = 0; i < nr_files; i++) {
		if (nr_files > 1)
			print_label(trace, i, "", width);
		printf("cpus=%" PRIu32 "\n", tracecmd_file_facts(trace, i)->cpus);
	}
	while ((ret = tracecmd_trace_next(trace, &event, error)) > 0) {
		ret = tracecmd_event_line(trace, &line, error);
		if (ret < 0)
			return ret;
		if (event->lost) {
			print_label(trace, event->file, event->buffer, width);
			printf("CPU:%" PRIu32 " [", event->cpu);
			if (event->lost != TRACECMD_LOST_UNKNOWN) {
				printf("%" PRIu64 " ", event->lost);
				lost[event->file] += event->lost;
			}
			puts("EVENTS DROPPED]");
		}
		if (line[0]) {
			print_label(trace, event->file, event->buffer, width);
			puts(line);
		}
		count[event->file]++;
	}
	return ret;
}

int main(int argc, char **argv)
{
	const unsigned int nr_files = argc > 1 ? argc - 1 : 0;
	struct tracecmd_trace_opts opts;
	struct tracecmd_trace *trace;
	struct tracecmd_error error;
	uint64_t *count, *lost;
	int ret;

	memset(&opts, 0, sizeof(opts));
	opts.size = sizeof(opts);
	opts.notice = print_notice;
	ret = tracecmd_trace_open((const char *const *)(argv + 1), nr_files, &opts, &trace, &error);
	if (ret < 0) {
		fprintf(stderr, "print-events: %s\n", error.text);
		return EXIT_FAILURE;
	}
	count = calloc(nr_files, sizeof(*count));
	lost = calloc(nr_files, sizeof(*lost));
	if (!count || !lost)
		return EXIT_FAILURE;

	ret = print_events(trace, count, lost, &error);
	for (unsigned int i = 0; i < nr_files; i++)
		fprintf(stderr, "%s: %" PRIu64 " events, %" PRIu64 " lost\n",
			tracecmd_file_facts(trace, i)->path, count[i], lost[i]);
	if (ret < 0)
		fprintf(stderr, "print-events: %s\n", error.text);

	free(lost);
	free(count);
	tracecmd_trace_close(trace);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
