// SPDX-License-Identifier: GPL-2.0-or-later
/* kernel/ on a tracefs of plain files: writing, and putting back what was there. */
#include <sys/file.h>

#include "fake_tracefs.h"

static void test_write_and_undo(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };

	kernel_undo_watch(f->k, watch, f);
	assert_int_equal(kernel_write(top, "current_tracer", "nop", &e), 0);
	assert_int_equal(kernel_write(top, "trace_clock", "local", &e), 0);
	assert_int_equal(kernel_write(top, "events/sched/sched_switch/filter", "0", &e), 0);
	assert_int_equal(f->lines.len, 0);	/* nothing changed, nothing to put back */

	assert_int_equal(kernel_write(top, "current_tracer", "function", &e), 0);
	assert_int_equal(kernel_write(top, "trace_clock", "mono", &e), 0);
	assert_int_equal(kernel_write(top, "current_tracer", "function_graph", &e), 0);
	assert_int_equal(kernel_write(top, "events/sched/sched_switch/filter", "a == \"x y\"", &e), 0);
	expect(f, "current_tracer", "function_graph\n");
	expect(f, "trace_clock", "mono\n");

	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "current_tracer", "nop\n");
	expect(f, "trace_clock", "local\n");
	expect(f, "events/sched/sched_switch/filter", "0\n");
	assert_int_equal(f->nr_told, 0);
}

static void test_lists_and_sizes(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };

	put(f, "set_ftrace_filter", "schedule\next4_sync [ext4]\np9_read [9pnet]\ndo_idle:traceoff:unlimited\n");
	put(f, "set_ftrace_pid", "no pid\n");
	put(f, "buffer_size_kb", "X\n");
	put(f, "per_cpu/cpu1/buffer_size_kb", "7 (expanded: 1408)\n");
	assert_int_equal(kernel_write(top, "set_ftrace_filter", "", &e), 0);
	assert_int_equal(kernel_append(top, "set_ftrace_filter", "vfs_read", &e), 0);
	assert_int_equal(kernel_write(top, "set_ftrace_pid", "12\n13\n", &e), 0);
	assert_int_equal(kernel_write(top, "buffer_size_kb", "64", &e), 0);
	expect(f, "set_ftrace_filter", "vfs_read\n");
	expect(f, "buffer_size_kb", "64\n");
	put(f, "per_cpu/cpu0/buffer_size_kb", "64\n");
	put(f, "per_cpu/cpu1/buffer_size_kb", "64\n");

	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "set_ftrace_filter", "schedule\next4_sync:mod:ext4\np9_read:mod:[9]pnet\n\n");
	expect(f, "set_ftrace_pid", "");
	expect(f, "per_cpu/cpu0/buffer_size_kb", "1410\n");
	expect(f, "per_cpu/cpu1/buffer_size_kb", "1408\n");
}

/* Events first, then the lists that only they look at; nothing where there were events before. */
static void test_undo_of_the_choice(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k), *one;
	struct err e = { 0 };

	put(f, "events/enable", "X\n");
	put(f, "instances/one/events/enable", "X\n");
	put(f, "instances/one/set_event", "sched:sched_switch\n");
	put(f, "instances/one/events/sched/sched_switch/enable", "1\n");
	assert_int_equal(kernel_instance_get(f->k, "one", false, &one, &e), 0);
	for (struct kernel_instance *in = one; in; in = in == one ? top : NULL) {
		assert_int_equal(kernel_write(in, "tracing_cpumask", "3", &e), 0);
		assert_int_equal(kernel_events_off(in, &e), 0);
		assert_int_equal(kernel_write(in, "set_event_notrace_pid", "12\n", &e), 0);
	}
	assert_int_equal(kernel_write(top, "current_tracer", "function", &e), 0);
	put(f, "set_ftrace_pid", "no pid\n");
	assert_int_equal(kernel_write(top, "set_ftrace_pid", "12\n", &e), 0);
	put(f, "events/enable", "X\n");
	put(f, "instances/one/events/sched/sched_switch/enable", "0\n");
	kernel_undo_events(f->k);
	expect(f, "set_event_notrace_pid", "");
	expect(f, "events/enable", "0\n");
	expect(f, "set_ftrace_pid", "12\n\n");
	expect(f, "current_tracer", "function\n");
	expect(f, "instances/one/set_event_notrace_pid", "12\n\n");
	expect(f, "instances/one/events/sched/sched_switch/enable", "0\n");

	put(f, "events/enable", "X\n");
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "events/enable", "X\n");	/* not once more */
	expect(f, "instances/one/set_event_notrace_pid", "");
	expect(f, "instances/one/events/sched/sched_switch/enable", "1\n");
	expect(f, "current_tracer", "nop\n");
	expect(f, "tracing_cpumask", "7ff\n");
}

/* What cannot be undone early kernel_undo tries again, and tells. */
static void test_undo_of_the_choice_fails(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };

	put(f, "events/enable", "X\n");
	assert_int_equal(kernel_events_off(top, &e), 0);
	assert_int_equal(kernel_write(top, "set_event_notrace_pid", "12\n", &e), 0);
	deny(f, "events/enable");
	kernel_undo_events(f->k);
	expect(f, "set_event_notrace_pid", "12\n\n");
	assert_int_equal(f->nr_told, 0);
	assert_int_equal(kernel_undo(f->k, &e), -EACCES);
	assert_int_equal(f->nr_told, 1);
	expect(f, "set_event_notrace_pid", "");
}

/* A buffer of boot's size takes markers, and has room for a few of them. */
static void test_additions(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };

	put(f, "dynamic_events", "");
	put(f, "set_ftrace_filter", "");
	kernel_undo_watch(f->k, watch, f);
	assert_int_equal(kernel_append(top, "events/sched/sched_switch/trigger", "stacktrace:5", &e), 0);
	assert_int_equal(kernel_append(top, "dynamic_events", "p:grp/mine vfs_read", &e), 0);
	assert_int_equal(kernel_append(top, "set_ftrace_filter", "schedule:traceoff:3", &e), 0);
	assert_int_equal(kernel_append(top, "dynamic_events", "p vfs_read", &e), -EINVAL);
	assert_non_null(strstr(e.text, "has no name"));
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "events/sched/sched_switch/trigger", "stacktrace:5\n!stacktrace:5\n");
	expect(f, "dynamic_events", "p:grp/mine vfs_read\n-:grp/mine\n");
	expect(f, "set_ftrace_filter", "schedule:traceoff:3\n!schedule:traceoff:3\n");
}

static void test_events_off_and_back(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };

	put(f, "set_event", "sched:sched_switch\nirq:irq_handler_exit\n");
	put(f, "events/enable", "X\n");
	put(f, "events/sched/sched_switch/enable", "1\n");
	put(f, "events/irq/irq_handler_exit/enable", "1\n");
	assert_int_equal(kernel_events_off(top, &e), 0);
	expect(f, "events/enable", "0\n");
	put(f, "events/sched/sched_switch/enable", "0\n");	/* what a kernel would do */
	put(f, "events/irq/irq_handler_exit/enable", "0\n");
	assert_int_equal(kernel_write(top, "events/timer/timer_start/enable", "1", &e), 0);
	assert_int_equal(f->k->log.nr, 1);	/* all events are in one entry */

	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "events/enable", "0\n");
	expect(f, "events/sched/sched_switch/enable", "1\n");
	expect(f, "events/irq/irq_handler_exit/enable", "1\n");
}

static void test_log_lines(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k), *in;
	AUTO_BUF struct buf left = { 0 };
	struct err e = { 0 };
	struct stat st;
	char path[128];

	assert_int_equal(kernel_write(top, "tracing_on", "0", &e), 0);
	kernel_undo_watch(f->k, watch, f);
	assert_int_equal(kernel_instance_get(f->k, "new one%", true, &in, &e), 0);
	put(f, "events/sched/sched_switch/filter", "comm == \"a b\" || x == '%'\n");
	assert_int_equal(kernel_write(top, "events/sched/sched_switch/filter", "x == 1", &e), 0);
	assert_non_null(strstr(f->lines.data, "/instances/new%20one%25"));

	/* Another process has nothing but the text. */
	kernel_undo_forget(f->k);
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "tracing_on", "0\n");
	assert_int_equal(kernel_undo_lines(f->lines.data, f->lines.len, NULL, 0, &f->notices, &left, &e), 0);
	expect(f, "tracing_on", "1\n");
	expect(f, "events/sched/sched_switch/filter", "comm == \"a b\" || x == '%'\n");
	snprintf(path, sizeof(path), "%s/instances/new one%%", f->root);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(f->nr_told, 0);

	/* Twice does no harm. */
	assert_int_equal(kernel_undo_lines(f->lines.data, f->lines.len, NULL, 0, &f->notices, &left, &e), 0);
}

/* What did not come about after all is not undone: it may be somebody else's. */
static void test_lines_that_are_taken_back(void **state)
{
	struct fake *f = *state;
	AUTO_BUF struct buf b = { 0 }, left = { 0 };
	struct err e = { 0 };

	put(f, "tracing_on", "0\n");
	put(f, "trace_clock", "global\n");
	buf_printf(&b, "w %s/trace_clock local\n", f->root);
	buf_printf(&b, "w %s/tracing_on 1\n", f->root);
	buf_printf(&b, "d %s/tracing_on -\n", f->root);
	assert_int_equal(kernel_undo_lines(b.data, b.len, NULL, 0, &f->notices, &left, &e), 0);
	expect(f, "tracing_on", "0\n");
	expect(f, "trace_clock", "local\n");
}

/* What somebody else has locked since is theirs; the rest is undone, and that alone. */
static void test_lines_of_what_another_uses(void **state)
{
	struct fake *f = *state;
	AUTO_BUF struct buf b = { 0 }, left = { 0 };
	char path[256], busy[512];
	struct err e = { 0 };
	int fd, nr;

	put_instance(f, "instances/mine/");
	put_instance(f, "instances/free/");
	put(f, "instances/mine/tracing_on", "0\n");
	put(f, "instances/free/tracing_on", "0\n");
	put(f, "dynamic_events", "");
	nr = snprintf(busy, sizeof(busy), "r %s/instances/mine -\nw %s/instances/mine/tracing_on 1\n", f->root, f->root);
	buf_printf(&b, "a %s/dynamic_events -:p/q\n%.*sw %s/instances/free/tracing_on 1\n"
		   "w %s/instances/mine/events/irq/irq_handler_entry/filter 0\nw %s/tracing_on 0\n",
		   f->root, nr, busy, f->root, f->root, f->root);
	snprintf(path, sizeof(path), "%s/instances/mine/per_cpu", f->root);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);

	assert_int_equal(kernel_undo_lines(b.data, b.len, NULL, 0, &f->notices, &left, &e), -EBUSY);
	assert_non_null(strstr(e.text, "another tracecmd, process"));
	assert_non_null(strstr(e.text, "instances/mine"));
	assert_int_equal(f->nr_told, 1);
	expect(f, "instances/mine/tracing_on", "0\n");
	expect(f, "instances/mine/events/irq/irq_handler_entry/filter", "none\n");
	expect(f, "instances/free/tracing_on", "1\n");
	expect(f, "dynamic_events", "-:p/q\n");
	expect(f, "tracing_on", "0\n");
	assert_non_null(strstr(left.data, busy));
	assert_int_equal(left.len, nr + strlen("w /instances/mine/events/irq/irq_handler_entry/filter 0\n") + strlen(f->root));

	/* Whoever holds the lock may; the top level is another's matter. */
	assert_int_equal(kernel_undo_lines(strchr(left.data, '\n') + 1, nr - (strchr(busy, '\n') + 1 - busy), &fd, 1,
					   &f->notices, &b, &e), 0);
	expect(f, "instances/mine/tracing_on", "1\n");
	close(fd);
}

static void test_damaged_log_lines(void **state)
{
	static const char *const damaged[] = {
		"x /tmp/a 1\n", "w tmp/a 1\n", "w /tmp/a\n", "w /tmp/%zz 1\n", "w /tmp/%0", "\n", "w\n",
		"w /tmp/%00 1\n", "ww /tmp/a 1\n",
	};
	struct fake *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		AUTO_BUF struct buf b = { 0 }, left = { 0 };
		struct err e = { 0 };
		unsigned before = f->nr_told;
		bool whole = damaged[i][strlen(damaged[i]) - 1] == '\n';

		/* A good entry before the damaged one still counts. */
		put(f, "tracing_on", "0\n");
		buf_printf(&b, "w %s/tracing_on 1\n%s", f->root, damaged[i]);
		assert_int_equal(kernel_undo_lines(b.data, b.len, NULL, 0, &f->notices, &left, &e), whole ? -EINVAL : 0);
		assert_int_equal(f->nr_told, before + 1);
		expect(f, "tracing_on", "1\n");
	}
	assert_non_null(strstr(f->told, "ends in the middle"));
	assert_non_null(strstr(f->told, "malformed entry 'x /tmp/a 1'"));
}

static void test_denied(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };

	deny(f, "set_ftrace_pid");
	deny(f, "set_ftrace_filter");
	deny(f, "tracing_cpumask");
	assert_int_equal(kernel_write_optional(top, "set_ftrace_pid", "1\n", &e), 0);
	assert_int_equal(kernel_write_optional(top, "set_ftrace_filter", "", &e), 0);
	assert_int_equal(f->nr_told, 1);	/* all function files are one thing */
	assert_non_null(strstr(f->told, "this kernel denies function filters"));
	assert_int_equal(kernel_write_optional(top, "no_such_file", "1", &e), 0);
	assert_int_equal(kernel_write_optional(top, "no_such_file", "1", &e), 0);
	assert_int_equal(f->nr_told, 2);
	assert_int_equal(e.code, 0);
	assert_int_equal(kernel_write(top, "tracing_cpumask", "3", &e), -EACCES);
	assert_non_null(strstr(e.text, "cannot write '3' to"));
	assert_non_null(strstr(e.text, "tracing_cpumask: Permission denied"));

	/* What cannot be put back is told; the rest is put back. */
	put(f, "saved_cmdlines_size", "128\n");
	assert_int_equal(kernel_write(top, "saved_cmdlines_size", "256", &e), 0);
	assert_int_equal(kernel_write(top, "current_tracer", "function", &e), 0);
	deny(f, "current_tracer");
	e = (struct err){ 0 };
	assert_int_equal(kernel_undo(f->k, &e), -EACCES);
	assert_non_null(strstr(e.text, "cannot put back"));
	expect(f, "saved_cmdlines_size", "128\n");
}

static void test_kept_changes(void **state)
{
	struct fake *f = *state;
	struct err e = { 0 };

	kernel_keep_changes(f->k, true);
	assert_int_equal(kernel_write(kernel_top(f->k), "tracing_on", "0", &e), 0);
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "tracing_on", "0\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_write_and_undo), T(test_undo_of_the_choice), T(test_undo_of_the_choice_fails),
		T(test_lists_and_sizes), T(test_additions), T(test_events_off_and_back), T(test_log_lines),
		T(test_lines_that_are_taken_back), T(test_lines_of_what_another_uses), T(test_damaged_log_lines), T(test_denied), T(test_kept_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
