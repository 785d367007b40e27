// SPDX-License-Identifier: GPL-2.0-or-later
/* What lib/include/tracecmd.h promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "include/tracecmd.h"

#define TRACE(name) FIXTURES "/traces/" name ".dat"

static struct tracecmd_trace *open_one(const char *path)
{
	struct tracecmd_trace *trace = NULL;
	struct tracecmd_error error;

	if (tracecmd_trace_open(&path, 1, NULL, &trace, &error) < 0)
		fail_msg("%s", error.text);
	return trace;
}

static uint64_t count_events(struct tracecmd_trace *trace, int *ret_end,
			     struct tracecmd_error *error)
{
	const struct tracecmd_event *event;
	uint64_t count = 0;

	while ((*ret_end = tracecmd_trace_next(trace, &event, error)) > 0)
		count++;
	assert_null(event);
	return count;
}

static void test_events(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("old-v7"));
	const struct tracecmd_event *event;
	uint64_t last = 0;
	int switches = 0;

	(void)state;
	while (tracecmd_trace_next(trace, &event, NULL) > 0) {
		assert_true(event->time >= last);
		last = event->time;
		assert_true(event->cpu < 2);
		assert_true(event->size >= 8);
		assert_int_equal(get_u16(event->data, false), event->id);
		assert_string_equal(event->buffer, "");
		assert_int_equal(event->file, 0);
		if (!strcmp(event->name, "sched_switch")) {
			assert_string_equal(event->system, "sched");
			assert_true(event->pid >= 0 && event->task[0]);
			switches++;
		}
	}
	assert_true(switches > 100);
	tracecmd_trace_close(trace);
}

static void test_end_stays_the_end(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("old-v7"));
	int end;

	(void)state;
	assert_int_equal(count_events(trace, &end, NULL), 2257);
	assert_int_equal(end, 0);
	assert_int_equal(count_events(trace, &end, NULL), 0);
	assert_int_equal(end, 0);
	tracecmd_trace_close(trace);
}

static void test_text_needs_an_event(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("old-v7"));
	struct tracecmd_error error = { 0 };
	const char *text = "untouched";
	int end;

	(void)state;
	assert_int_equal(tracecmd_event_text(trace, &text, &error), -ENOENT);
	assert_int_equal(error.code, -ENOENT);
	assert_true(error.text[0]);
	assert_string_equal(text, "untouched");
	count_events(trace, &end, NULL);
	assert_int_equal(tracecmd_event_line(trace, &text, NULL), -ENOENT);
	tracecmd_trace_close(trace);
}

/* The first marker of the file: its text and its line. */
static void test_text_and_line(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("trace-marker"));
	const struct tracecmd_event *event;
	char end[64];
	const char *text;

	(void)state;
	do
		assert_int_equal(tracecmd_trace_next(trace, &event, NULL), 1);
	while (strcmp(event->name, "print"));
	assert_int_equal(tracecmd_event_text(trace, &text, NULL), 0);
	assert_non_null(strstr(text, "hello 1"));
	assert_null(strchr(text, '\n'));
	snprintf(end, sizeof(end), "print:                %s", text);
	assert_int_equal(tracecmd_event_line(trace, &text, NULL), 0);
	assert_non_null(strstr(text, end));
	assert_string_equal(strstr(text, end), end);
	tracecmd_trace_close(trace);
}

/*
 * The exit of a function that calls no other is part of its entry's text, if
 * that is asked for; else it has its own.
 */
static void test_joined_texts(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("fgraph"));
	const struct tracecmd_event *event;
	const char *text;
	unsigned joined = 0, own = 0;

	(void)state;
	while (tracecmd_trace_next(trace, &event, NULL) > 0) {
		assert_int_equal(tracecmd_event_text(trace, &text, NULL), 0);
		if (!strcmp(event->name, "funcgraph_exit") && !text[0])
			joined++;
	}
	tracecmd_trace_close(trace);
	assert_true(joined > 1000);

	trace = open_one(TRACE("fgraph"));
	while (tracecmd_trace_next(trace, &event, NULL) > 0)
		if (!strcmp(event->name, "funcgraph_exit")) {
			assert_int_equal(tracecmd_event_text(trace, &text, NULL), 0);
			assert_non_null(strchr(text, '}'));
			own++;
		}
	tracecmd_trace_close(trace);
	assert_true(own > joined);
}

static void test_losses(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("syn-v7-le-l4-p4096-zstd"));
	const struct tracecmd_event *event;
	bool seen = false;

	(void)state;
	while (tracecmd_trace_next(trace, &event, NULL) > 0)
		seen |= event->lost == 7;
	assert_true(seen);
	tracecmd_trace_close(trace);

	trace = open_one(TRACE("syn-v7-le-l8-p8192-zlib"));
	seen = false;
	while (tracecmd_trace_next(trace, &event, NULL) > 0)
		seen |= event->lost == TRACECMD_LOST_UNKNOWN;
	assert_true(seen);
	tracecmd_trace_close(trace);
}

static void test_facts(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("instances"));
	const struct tracecmd_file_facts *facts = tracecmd_file_facts(trace, 0);

	(void)state;
	assert_int_equal(tracecmd_trace_nr_files(trace), 1);
	assert_string_equal(facts->path, TRACE("instances"));
	assert_int_equal(facts->version, 7);
	assert_int_equal(facts->cpus, 2);
	assert_int_equal(facts->sub_buffer_size, 4096);
	assert_int_equal(facts->nr_buffers, 4);
	assert_false(facts->big_endian);
	assert_true(facts->in_seconds);
	assert_string_equal(facts->codec, "zstd");
	assert_string_equal(facts->clock, "mono");
	assert_string_equal(facts->uname, "Linux ftvm 6.12.117-ftvm x86_64");
	assert_string_equal(facts->writer, "3.3.3 not-a-git-repo");
	assert_true(facts->trace_id == 0x40845518D57873F4);
	assert_null(tracecmd_file_facts(trace, 1));
	assert_string_equal(tracecmd_file_buffer(trace, 0, 0), "");
	assert_string_equal(tracecmd_file_buffer(trace, 0, 1), "three");
	assert_null(tracecmd_file_buffer(trace, 0, 4));
	assert_null(tracecmd_file_buffer(trace, 1, 0));
	tracecmd_trace_close(trace);
}

static void test_foreign_machine(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("syn-v6-be-l8-p4096-none"));

	(void)state;
	assert_true(tracecmd_file_facts(trace, 0)->big_endian);
	assert_int_equal(tracecmd_file_facts(trace, 0)->version, 6);
	assert_string_equal(tracecmd_file_facts(trace, 0)->codec, "none");
	tracecmd_trace_close(trace);
}

static void test_raw_time(void **state)
{
	struct tracecmd_trace_opts opts = { .size = sizeof(opts), .raw_time = 1 };
	const char *path = TRACE("clock-tsc2nsec");
	struct tracecmd_trace *trace = open_one(path), *raw = NULL;
	const struct tracecmd_event *a, *b;
	const char *line, *flags;

	(void)state;
	assert_int_equal(tracecmd_trace_open(&path, 1, &opts, &raw, NULL), 0);
	assert_int_equal(tracecmd_trace_next(trace, &a, NULL), 1);
	assert_int_equal(tracecmd_trace_next(raw, &b, NULL), 1);
	assert_true(a->time != b->time);
	assert_int_equal(a->id, b->id);
	assert_true(tracecmd_file_facts(trace, 0)->in_seconds);
	assert_false(tracecmd_file_facts(raw, 0)->in_seconds);
	/* as report prints it: a blank between flags and count */
	assert_int_equal(tracecmd_event_line(raw, &line, NULL), 0);
	flags = strstr(line, "] ") + 2;
	assert_int_equal(strcspn(flags, " "), 5);
	assert_true(strtoull(flags + 5, NULL, 10) == b->time);
	tracecmd_trace_close(trace);
	tracecmd_trace_close(raw);
}

static void test_no_plugins(void **state)
{
	struct tracecmd_trace_opts opts = { .size = sizeof(opts), .no_plugins = 1 };
	const char *path = TRACE("old-v7"), *text;
	struct tracecmd_trace *trace = NULL;
	const struct tracecmd_event *event;

	(void)state;
	assert_int_equal(tracecmd_trace_open(&path, 1, &opts, &trace, NULL), 0);
	do
		assert_int_equal(tracecmd_trace_next(trace, &event, NULL), 1);
	while (strcmp(event->name, "sched_switch"));
	assert_int_equal(tracecmd_event_text(trace, &text, NULL), 0);
	assert_non_null(strstr(text, "prev_comm="));	/* the kernel's own print format */
	tracecmd_trace_close(trace);
}

static void remember(void *ctx, const char *text)
{
	char *all = ctx;

	snprintf(all + strlen(all), 4096 - strlen(all), "%s\n", text);
}

/* Everything readable comes first; then the same error however often one asks. */
static void test_cut_file(void **state)
{
	char path[] = "/tmp/test_api.XXXXXX", notices[4096] = "";
	struct tracecmd_trace_opts opts = {
		.size = sizeof(opts), .notice = remember, .notice_ctx = notices,
	};
	AUTO_BUF struct buf whole = { 0 };
	const char *const paths[] = { path };
	struct tracecmd_error error = { 0 };
	struct tracecmd_trace *trace = NULL;
	int fd AUTO_CLOSE = mkstemp(path), end;
	uint64_t count;

	(void)state;
	assert_int_equal(path_read_all(TRACE("old-v6"), &whole, 1 << 30), 0);
	assert_int_equal(write_full(fd, whole.data, whole.len - 30000), 0);
	assert_int_equal(tracecmd_trace_open(paths, 1, &opts, &trace, &error), 0);
	assert_non_null(strstr(notices, path));
	count = count_events(trace, &end, &error);
	assert_true(count > 100 && count < 1936);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(end, -EBADMSG);
		assert_int_equal(error.code, -EBADMSG);
		assert_non_null(strstr(error.text, path));
		assert_int_equal(count_events(trace, &end, &error), 0);
	}
	tracecmd_trace_close(trace);
	unlink(path);
}

static void test_bad_arguments(void **state)
{
	struct tracecmd_trace *trace = (void *)"untouched", *before = trace;
	struct tracecmd_error error = { 0 };
	const char *path = TRACE("old-v7"), *missing = "/nowhere/trace.dat", *folder = FIXTURES;

	(void)state;
	assert_int_equal(tracecmd_trace_open(NULL, 1, NULL, &trace, &error), -EINVAL);
	assert_int_equal(tracecmd_trace_open(&path, 0, NULL, &trace, &error), -EINVAL);
	assert_int_equal(tracecmd_trace_open(&path, 1, NULL, NULL, &error), -EINVAL);
	assert_int_equal(tracecmd_trace_open(&missing, 1, NULL, &trace, &error), -ENOENT);
	assert_non_null(strstr(error.text, missing));
	assert_true(tracecmd_trace_open(&folder, 1, NULL, &trace, NULL) < 0);
	assert_ptr_equal(trace, before);
	tracecmd_trace_close(NULL);
}

static void test_not_a_trace(void **state)
{
	const char *path = FIXTURES "/traces/README.md";
	struct tracecmd_trace *trace = NULL;
	struct tracecmd_error error = { 0 };

	(void)state;
	assert_int_equal(tracecmd_trace_open(&path, 1, NULL, &trace, &error), -EBADMSG);
	assert_non_null(strstr(error.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_end_stays_the_end),
		cmocka_unit_test(test_text_needs_an_event),
		cmocka_unit_test(test_text_and_line),
		cmocka_unit_test(test_joined_texts),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_foreign_machine),
		cmocka_unit_test(test_raw_time),
		cmocka_unit_test(test_no_plugins),
		cmocka_unit_test(test_cut_file),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_not_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
