// SPDX-License-Identifier: GPL-2.0-or-later
/* The library refuses NULL where it needs something, instead of dying of it. */
#include "made.h"

#include "include/tracecmd.h"

#define refused(call) \
	do { struct tracecmd_error error_ = { 0 }, *why = &error_; \
	     assert_int_equal((call), -EINVAL); \
	     assert_int_equal(error_.code, -EINVAL); \
	     assert_true(*error_.text); } while (0)

static const char path[] = FIXTURES "/traces/old-v7.dat";

static struct tracecmd_trace *open_it(void)
{
	struct tracecmd_trace *trace = NULL;
	const char *paths[] = { path };

	assert_int_equal(tracecmd_trace_open(paths, 1, NULL, &trace, NULL), 0);
	return trace;
}

static void test_traces(void **state)
{
	const char *paths[] = { path, NULL }, *text = NULL;
	struct tracecmd_trace *trace = NULL;
	const struct tracecmd_event *ev;

	(void)state;
	refused(tracecmd_trace_open(paths, 2, NULL, &trace, why));
	assert_null(trace);
	refused(tracecmd_trace_next(NULL, &ev, why));
	refused(tracecmd_event_text(NULL, &text, why));
	trace = open_it();
	refused(tracecmd_trace_next(trace, NULL, why));
	/* nothing was taken by that */
	assert_int_equal(tracecmd_event_text(trace, &text, NULL), -ENOENT);
	assert_int_equal(tracecmd_trace_next(trace, &ev, NULL), 1);
	refused(tracecmd_event_text(trace, NULL, why));
	refused(tracecmd_event_line(trace, NULL, why));
	tracecmd_trace_close(trace);
}

static void test_formats(void **state)
{
	const struct tracecmd_event_info *events;
	struct tracecmd_trace *trace = open_it();
	const struct tracecmd_field *fields;
	const char *name;
	size_t nr;

	(void)state;
	refused(tracecmd_file_events(NULL, 0, &events, &nr, why));
	refused(tracecmd_file_events(trace, 0, NULL, &nr, why));
	refused(tracecmd_file_events(trace, 0, &events, NULL, why));
	assert_int_equal(tracecmd_file_events(trace, 0, &events, &nr, NULL), 0);
	refused(tracecmd_event_fields(NULL, 0, events[0].id, &fields, &nr, why));
	refused(tracecmd_event_fields(trace, 0, events[0].id, NULL, &nr, why));
	refused(tracecmd_event_fields(trace, 0, events[0].id, &fields, NULL, why));
	refused(tracecmd_task_name(NULL, 0, 1, &name, why));
	refused(tracecmd_task_name(trace, 0, 1, NULL, why));
	tracecmd_trace_close(trace);
}

static void refuse_opts(struct tracecmd_trace *trace, struct tracecmd_scan_opts opts)
{
	struct tracecmd_scan *scan = NULL;

	opts.size = sizeof(opts);
	refused(tracecmd_scan_new(trace, &opts, &scan, why));
	assert_null(scan);
}

static void test_selections(void **state)
{
	struct tracecmd_trace *trace = open_it();
	const char *none[] = { NULL }, *second[] = { "sched_switch", NULL };
	struct tracecmd_scan *scan = NULL;

	(void)state;
	refused(tracecmd_scan_new(NULL, NULL, &scan, why));
	assert_null(scan);
	refused(tracecmd_scan_new(trace, NULL, NULL, why));
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_events = 1 });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_events = 1, .events = none });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_events = 2, .events = second });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_filters = 1 });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_filters = 1, .filters = none });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_buffers = 1 });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_buffers = 1, .buffers = none });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_cpus = 1 });
	refuse_opts(trace, (struct tracecmd_scan_opts){ .nr_pids = 1 });
	tracecmd_trace_close(trace);
}

static void test_reading(void **state)
{
	const struct tracecmd_column time = { .size = sizeof(time), .what = TRACECMD_TIME };
	struct tracecmd_trace *trace = open_it();
	struct tracecmd_values values = { .size = sizeof(values) };
	struct tracecmd_scan *scan = NULL;
	struct tracecmd_record record;

	(void)state;
	assert_int_equal(tracecmd_scan_new(trace, NULL, &scan, NULL), 0);
	refused(tracecmd_scan_column(NULL, &time, why));
	refused(tracecmd_scan_column(scan, NULL, why));
	assert_int_equal(tracecmd_scan_column(scan, &time, NULL), 0);
	assert_int_equal(tracecmd_scan_type(NULL, 0, NULL), -EINVAL);
	refused(tracecmd_scan_read(NULL, &values, 1, why));
	refused(tracecmd_scan_read(scan, NULL, 1, why));
	refused(tracecmd_scan_records(NULL, &record, 1, why));
	refused(tracecmd_scan_records(scan, NULL, 5, why));
	/* reading has not begun by that, and goes on as ever */
	assert_int_equal(tracecmd_scan_column(scan, &time, NULL), 1);
	assert_int_equal(tracecmd_scan_records(scan, &record, 1, NULL), 1);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_selections),
		cmocka_unit_test(test_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
