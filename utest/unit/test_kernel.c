// SPDX-License-Identifier: GPL-2.0-or-later
/* kernel/ on a tracefs of plain files: reading, checking, applying. */
#include "fake_tracefs.h"

/* ---- reading ------------------------------------------------------------- */

static void test_open(void **state)
{
	struct fake *f = *state;
	struct kernel *k = NULL;
	struct err e = { 0 };

	assert_int_equal(kernel_open("/nonexistent", NULL, &k, &e), -ENOENT);
	assert_non_null(strstr(e.text, "'/nonexistent' is not a tracefs"));
	assert_string_equal(kernel_root(f->k), f->root);
	assert_string_equal(kernel_instance_name(kernel_top(f->k)), "");
}

static void test_instances(void **state)
{
	struct fake *f = *state;
	struct kernel_words names = { 0 };
	struct kernel_instance *in, *again;
	struct err e = { 0 };

	assert_int_equal(kernel_instance_names(f->k, &names, &e), 0);
	assert_int_equal(names.nr, 1);
	assert_string_equal(names.v[0], "one");
	kernel_words_release(&names);
	assert_int_equal(kernel_instance_get(f->k, "one", false, &in, &e), 0);
	assert_int_equal(kernel_instance_get(f->k, "one", true, &again, &e), 0);
	assert_ptr_equal(in, again);
	assert_false(in->created);
	assert_int_equal(kernel_instance_get(f->k, "onne", false, &in, &e), -ENOENT);
	assert_string_equal(e.text, "there is no instance 'onne'; did you mean 'one'?");
	assert_int_equal(kernel_instance_get(f->k, "../events", true, &in, &e), -EINVAL);
	assert_int_equal(kernel_instance_get(f->k, "..", true, &in, &e), -EINVAL);

	assert_int_equal(kernel_instance_get(f->k, "new", true, &in, &e), 0);
	assert_true(in->created);
	assert_int_equal(kernel_undo(f->k, &e), 0);
	assert_int_equal(kernel_instance_names(f->k, &names, &e), 0);
	assert_int_equal(names.nr, 1);
	kernel_words_release(&names);
}

static void test_buffers(void **state)
{
	struct fake *f = *state;
	struct kernel_instance *top = kernel_top(f->k);
	AUTO_BUF struct buf stats = { 0 };
	struct err e = { 0 };
	uint32_t *cpus = NULL, size;
	char clock[32], path[128];
	size_t nr;

	assert_int_equal(kernel_instance_cpus(top, &cpus, &nr, &e), 0);
	assert_int_equal(nr, 3);
	assert_int_equal(cpus[2], 10);
	free(cpus);
	put(f, "buffer_subbuf_size_kb", "16\n");
	assert_int_equal(kernel_instance_subbuf_size(top, &size, &e), 0);
	assert_int_equal(size, 16384);
	put(f, "buffer_subbuf_size_kb", "many\n");
	assert_int_equal(kernel_instance_subbuf_size(top, &size, &e), -EINVAL);
	assert_non_null(strstr(e.text, "holds 'many'"));
	snprintf(path, sizeof(path), "%s/buffer_subbuf_size_kb", f->root);
	assert_int_equal(unlink(path), 0);	/* as before Linux 6.8 */
	assert_int_equal(kernel_instance_subbuf_size(top, &size, &e), 0);
	assert_int_equal(size, 4096);
	put(f, "events/header_page", "nothing here\n");
	assert_int_equal(kernel_instance_subbuf_size(top, &size, &e), -EINVAL);
	assert_int_equal(kernel_instance_clock(top, clock, sizeof(clock), &e), 0);
	assert_string_equal(clock, "local");
	assert_int_equal(kernel_cpu_stats(top, 0, &stats, &e), 0);
	assert_string_equal(stats.data, "entries: 0\n");
	assert_int_equal(kernel_cpu_stats(top, 7, &stats, &e), -ENOENT);
	assert_int_equal(kernel_cpu_open(top, 7, "trace_pipe_raw", 0, &e), -ENOENT);
	assert_non_null(strstr(e.text, "per_cpu/cpu7/trace_pipe_raw"));
}

static void test_events(void **state)
{
	struct fake *f = *state;
	const struct kernel_event *evs;
	AUTO_BUF struct buf on = { 0 };
	struct err e = { 0 };
	char dir[128];
	size_t nr;

	assert_int_equal(kernel_events(f->k, &evs, &nr, &e), 0);
	assert_int_equal(nr, ARRAY_SIZE(event_names));
	for (size_t i = 1; i < nr; i++)
		assert_true(strcmp(evs[i - 1].system, evs[i].system) <= 0);

	/* What a trigger only armed was not switched on by anybody. */
	put(f, "set_event", "sched:sched_switch\nirq:irq_handler_entry\ngone:*:mod:later\n");
	put(f, "events/sched/sched_switch/enable", "1*\n");
	put(f, "events/irq/irq_handler_entry/enable", "0*\n");
	snprintf(dir, sizeof(dir), "%s/events", f->root);
	assert_int_equal(events_enabled(dir, &on), 0);
	assert_string_equal(on.data, "sched:sched_switch\n");
}
static void test_buffers_get_their_size(void **state)
{
	struct fake *f = *state;
	struct kernel_setup s;
	struct err e = { 0 };

	put(f, "buffer_size_kb", "7 (expanded: 1408)\n");
	assert_int_equal(kernel_write(kernel_top(f->k), "buffer_size_kb", "1408", &e), 0);
	expect(f, "buffer_size_kb", "1408\n");

	put(f, "buffer_size_kb", "7 (expanded: 1408)\n");
	assert_int_equal(kernel_setup_init(&s), 0);
	s.instances.v[0].tracer = strdup("nop");
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "buffer_size_kb", "1408\n");
	assert_int_equal(kernel_undo(f->k, &e), 0);

	put(f, "buffer_size_kb", "7 (expanded: 1408)\n");
	s.instances.v[0].grow_kb = 1000;
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "buffer_size_kb", "1408\n");
	s.instances.v[0].grow_kb = 2000;
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "buffer_size_kb", "2000\n");
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "buffer_size_kb", "1408\n");

	s.no_reset = true;
	s.instances.v[0].grow_kb = 0;
	put(f, "buffer_size_kb", "7 (expanded: 1408)\n");
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "buffer_size_kb", "7 (expanded: 1408)\n");
	kernel_setup_release(&s);
}

static void test_trigger_as_written(void **state)
{
	static const struct { const char *listed, *written; } cases[] = {
		{ "stacktrace:unlimited", "stacktrace" },
		{ "traceoff:count=3 if x == 1", "traceoff:3 if x == 1" },
		{ "enable_event:sched:sched_switch:unlimited if comm == \"a:unlimited\"",
		  "enable_event:sched:sched_switch if comm == \"a:unlimited\"" },
		{ "hist:keys=pid:vals=hitcount:sort=hitcount:size=2048 if x > 1 [active]",
		  "hist:keys=pid:vals=hitcount:sort=hitcount:size=2048 if x > 1" },
		{ "snapshot", "snapshot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf b = { 0 };

		assert_int_equal(trigger_as_written(cases[i].listed, &b), 0);
		assert_string_equal(b.data, cases[i].written);
	}
}

/* ---- setups -------------------------------------------------------------- */

static int check_one(struct fake *f, const char *pattern, struct err *e)
{
	struct kernel_setup s;
	int ret;

	assert_int_equal(kernel_setup_init(&s), 0);
	assert_non_null(kernel_setup_event(kernel_setup_instance(&s, ""), pattern, false));
	ret = kernel_setup_check(f->k, &s, e);
	if (!ret)
		ret = s.instances.v[0].events.v[0].found.nr;
	kernel_setup_release(&s);
	return ret;
}

static void test_event_patterns(void **state)
{
	struct fake *f = *state;
	struct err e = { 0 };

	assert_int_equal(check_one(f, "all", &e), 6);
	assert_int_equal(check_one(f, "sched", &e), 2);
	assert_int_equal(check_one(f, "sched:", &e), 2);
	assert_int_equal(check_one(f, "sched:*", &e), 2);
	assert_int_equal(check_one(f, "sched_switch", &e), 1);
	assert_int_equal(check_one(f, "*_handler_*", &e), 2);
	assert_int_equal(check_one(f, "*:timer_start", &e), 1);
	assert_int_equal(check_one(f, "?rq:irq_handler_e[nx]*", &e), 2);
	assert_int_equal(check_one(f, "s*", &e), 3);	/* systems and events */
	assert_int_equal(check_one(f, "sched_swich", &e), -ENOENT);
	assert_non_null(strstr(e.text, "'sched_swich'; did you mean 'sched_switch'"));
	assert_int_equal(check_one(f, "shced:sched_switch", &e), -ENOENT);
	assert_non_null(strstr(e.text, "did you mean 'sched:sched_switch'"));
	assert_int_equal(check_one(f, "irq:sched_switch", &e), -ENOENT);
	assert_non_null(strstr(e.text, "did you mean 'sched:sched_switch'"));
	assert_int_equal(check_one(f, ":mod:nosuch", &e), -ENOENT);
	assert_non_null(strstr(e.text, "load it first"));
}

static void test_check_names(void **state)
{
	struct fake *f = *state;
	struct kernel_instance_setup *is;
	struct kernel_setup s;
	struct err e = { 0 };

	assert_int_equal(kernel_setup_init(&s), 0);
	is = kernel_setup_instance(&s, "");
	is->tracer = strdup("functoin");
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "option -p: this kernel has no tracer 'functoin'; "
			       "did you mean 'function'"));
	strcpy(is->tracer, "function");
	is->clock = strdup("mon");
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "option -C: this kernel has no trace clock 'mon'; "
			       "did you mean 'mono'"));
	free(is->clock);
	is->clock = NULL;
	assert_int_equal(kernel_words_add(&is->options, "nostacktrce"), 0);
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "option -O: this kernel has no trace option 'nostacktrce'; did you mean 'stacktrace'"));
	kernel_words_release(&is->options);
	assert_int_equal(kernel_words_add(&is->options, "nostacktrace"), 0);
	is->cpumask = strdup("fg");
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "option -M: 'fg' is not a hexadecimal"));
	strcpy(is->cpumask, "00");
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "names no CPU"));
	strcpy(is->cpumask, "3");
	assert_int_equal(vec_push(&is->pids, 2147483646), 0);
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -ESRCH);
	assert_non_null(strstr(e.text, "option -P: there is no process 2147483646"));
	is->pids.nr = 0;
	assert_int_equal(kernel_functions_add(&is->filters, "vfs_read", NULL), 0);
	assert_int_equal(kernel_setup_check(f->k, &s, &e), -ENOENT);
	assert_non_null(strstr(e.text, "option -l: this kernel has no set_ftrace_filter"));
	kernel_setup_release(&s);
	assert_int_equal(f->k->log.nr, 0);
	assert_int_equal(f->nr_told, 0);
}

static void test_functions(void **state)
{
	struct fake *f = *state;
	struct kernel_function_ask ask = { 0 };
	struct kernel_instance *top = kernel_top(f->k);
	struct err e = { 0 };
	struct { const char *pattern, *module, *written; } good[] = {
		{ "vfs_read", NULL, "vfs_read\n" },
		{ "vfs_*", NULL, "vfs_*\n" },
		{ "^vfs_(read|write)$", NULL, "vfs_read\nvfs_write\n\n" },
		{ "^vfs_read\\|^ext4_", NULL, "vfs_read\next4_sync:mod:ext4\n\n" },
		{ "ext4_*", "ext4", "ext4_*:mod:ext4\n" },
		{ "*:mod:ext4", NULL, "*:mod:ext4\n" },
		{ "p9_*", "9pnet", "p9_*:mod:[9]pnet\n" },
		{ "vfs_read:traceoff:3", NULL, "vfs_read:traceoff:3\n" },
	};

	put(f, "available_filter_functions", "vfs_read\nvfs_write\next4_sync [ext4]\np9_read [9pnet]\n");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ask.pattern = (char *)good[i].pattern;
		ask.module = (char *)good[i].module;
		put(f, "set_ftrace_filter", "");
		assert_int_equal(functions_check(f->k, &ask, "-l", &e), 0);
		assert_int_equal(functions_apply(top, "set_ftrace_filter", &ask, "-l", &e), 0);
		expect(f, "set_ftrace_filter", good[i].written);
	}
	ask.module = NULL;
	ask.pattern = (char *)"vfs_raed";
	assert_int_equal(functions_check(f->k, &ask, "-g", &e), -ENOENT);
	assert_non_null(strstr(e.text, "option -g: no function of this kernel that can be traced matches "
			       "'vfs_raed'; did you mean 'vfs_read'"));
	ask.pattern = (char *)"vfs_*:mod:ext4";
	assert_int_equal(functions_check(f->k, &ask, "-l", &e), -ENOENT);
	ask.pattern = (char *)"*";
	ask.module = (char *)"nosuch";
	assert_int_equal(functions_check(f->k, &ask, "-l", &e), -ENOENT);
	assert_non_null(strstr(e.text, "option --module: no function of a module 'nosuch'"));
	assert_null(strstr(e.text, "-l"));
	ask.module = NULL;
	ask.pattern = (char *)"^vfs_(read";
	assert_int_equal(functions_check(f->k, &ask, "-l", &e), -EINVAL);
	assert_non_null(strstr(e.text, "is no regular expression"));
}

static int note_format(void *ctx, const char *system, const char *event, const char *format, size_t len)
{
	struct buf *b = ctx;

	assert_int_equal(strlen(format), len);
	return buf_printf(b, "%s:%s %s\n", system, event, format);
}

/* What is in a damaged copy of tracefs where a format should be. */
static void test_damaged_formats(void **state)
{
	static const char *const texts[] = {
		"", "x", "name: sched_switch\n", "name: \nID: 3\nformat:\n", "name: a b\nID: 3\nformat:\n",
		"name: a\nID: \nformat:\n", "name: a\nID: -3\nformat:\n", "name: a\nID: 3x\nformat:\n",
		"name: a\nID: 65536\nformat:\n", "name: a\nID: 99999999999999999999999\nformat:\n",
		"name: a\nID: 3", "name: a\nID: 3\nformat: \n", "ID: 3\nname: a\nformat:\n",
	};
	struct fake *f = *state;
	char path[128];
	struct err e = { 0 };

	for (size_t i = 0; i <= ARRAY_SIZE(texts); i++) {
		AUTO_BUF struct buf formats = { 0 };

		*f->told = 0;
		if (i < ARRAY_SIZE(texts)) {
			put(f, "events/sched/sched_switch/format", texts[i]);
		} else {
			snprintf(path, sizeof(path), "%s/events/sched/sched_switch/format", f->root);
			assert_int_equal(unlink(path) | mkfifo(path, 0600), 0);
		}
		assert_int_equal(kernel_formats(f->k, NULL, note_format, &formats, &e), 0);
		assert_null(strstr(formats.data, "sched_switch"));
		assert_non_null(strstr(formats.data, "sched:sched_waking name: sched_waking\nID: 303\n"));
		snprintf(path, sizeof(path), "%s/events/sched/sched_switch/format is no event format, and is left out\n", f->root);
		assert_string_equal(f->told, path);
	}
}

static void fill(struct kernel_setup *s)
{
	struct kernel_instance_setup *is;
	struct kernel_event_ask *ask;

	assert_int_equal(kernel_setup_init(s), 0);
	is = kernel_setup_instance(s, "one");
	ask = kernel_setup_event(is, "irq", false);
	ask = kernel_setup_event(is, "sched:sched_switch", false);
	assert_int_equal(kernel_event_ask_filter(ask, "prev_pid == 1"), 0);
	assert_int_equal(kernel_event_ask_filter(ask, "next_pid == 2"), 0);
	assert_int_equal(kernel_event_ask_filter(ask, "a || b"), 0);
	assert_string_equal(ask->filter, "(prev_pid == 1)&&(next_pid == 2)&&(a || b)");
	assert_int_equal(kernel_words_add(&ask->triggers, "stacktrace"), 0);
	assert_int_equal(kernel_words_add(&ask->triggers, "traceoff:1"), 0);
	kernel_setup_event(is, "syscalls", true);
	is->clock = strdup("mono");
	is->cpumask = strdup("-1");
	is->buffer_kb = 64;
	assert_int_equal(kernel_words_add(&is->options, "stacktrace"), 0);
	assert_int_equal(kernel_words_add(&is->options, "nooverwrite"), 0);
}

static void test_apply(void **state)
{
	struct fake *f = *state;
	AUTO_BUF struct buf formats = { 0 };
	struct kernel_setup s;
	struct err e = { 0 };
	pid_t self = getpid();
	char pid[32];

	put(f, "instances/one/set_event_pid", "1\n");
	put(f, "instances/one/events/irq/irq_handler_exit/filter", "ret == 1\n");
	fill(&s);
	assert_true(kernel_setup_has_work(&s));
	assert_false(kernel_setup_takes_part(&s, 0));
	assert_true(kernel_setup_takes_part(&s, 1));
	assert_false(kernel_setup_limits_pids(&s));
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "instances/one/events/sched/sched_switch/trigger", "stacktrace\n");
	assert_true(kernel_setup_arms(&s));
	assert_int_equal(kernel_setup_arm(f->k, &s, &e), 0);
	expect(f, "tracing_on", "1\n");			/* the top level is left alone */
	expect(f, "instances/one/tracing_on", "0\n");
	expect(f, "instances/one/trace", "");
	expect(f, "instances/one/trace_clock", "mono\n");
	expect(f, "instances/one/tracing_cpumask", "7ff\n");
	expect(f, "instances/one/buffer_size_kb", "64\n");
	expect(f, "instances/one/set_event_pid", "");
	expect(f, "instances/one/events/irq/enable", "1\n");	/* in one go */
	expect(f, "instances/one/events/irq/irq_handler_exit/filter", "0\n");
	expect(f, "instances/one/events/sched/sched_switch/enable", "1\n");
	expect(f, "instances/one/events/sched/sched_waking/enable", "0\n");
	expect(f, "instances/one/events/sched/sched_switch/filter",
	       "(prev_pid == 1)&&(next_pid == 2)&&(a || b)\n");
	expect(f, "instances/one/events/sched/sched_switch/trigger", "stacktrace\ntraceoff:1\n");
	expect(f, "instances/one/options/stacktrace", "1\n");
	expect(f, "instances/one/options/overwrite", "0\n");
	assert_int_equal(kernel_formats(f->k, &s, note_format, &formats, &e), 0);
	assert_string_equal(formats.data, "ftrace:function name: function\nID: 1\nformat:\n\n"
			    "irq:irq_handler_entry name: irq_handler_entry\nID: 300\nformat:\n\n"
			    "irq:irq_handler_exit name: irq_handler_exit\nID: 301\nformat:\n\n"
			    "sched:sched_switch name: sched_switch\nID: 302\nformat:\n\n"
			    "syscalls:sys_enter_read name: sys_enter_read\nID: 305\nformat:\n\n");

	snprintf(pid, sizeof(pid), "%d\n\n", (int)self);
	assert_int_equal(kernel_setup_exclude(f->k, &s, &self, 1, &e), 0);
	expect(f, "instances/one/set_event_notrace_pid", pid);
	assert_int_equal(kernel_setup_tracing(f->k, &s, true, &e), 0);
	expect(f, "instances/one/tracing_on", "1\n");
	assert_int_equal(kernel_setup_tracing(f->k, &s, false, &e), 0);

	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "instances/one/tracing_on", "1\n");
	expect(f, "instances/one/trace_clock", "local\n");
	expect(f, "instances/one/buffer_size_kb", "1410\n");
	expect(f, "instances/one/set_event_pid", "1\n\n");
	expect(f, "instances/one/set_event_notrace_pid", "");
	expect(f, "instances/one/events/irq/irq_handler_exit/filter", "ret == 1\n");
	expect(f, "instances/one/events/sched/sched_switch/filter", "0\n");
	expect(f, "instances/one/events/sched/sched_switch/trigger", "stacktrace\ntraceoff:1\n!traceoff:1\n!stacktrace\n");
	expect(f, "instances/one/options/overwrite", "1\n");
	kernel_setup_release(&s);
	assert_int_equal(f->nr_told, 0);
}

/* tracing_on stays off if it was off, whoever switched it on in between. */
/* --func-stack and -d; the first only with functions that are filtered. */
static void test_function_switches(void **state)
{
	struct fake *f = *state;
	struct kernel_setup s;
	struct err e = { 0 };

	put(f, "available_filter_functions", "vfs_read\next4_sync [ext4]\n");
	put(f, "set_ftrace_filter", "");
	put(f, "options/func_stack_trace", "0\n");
	put(f, "options/function-trace", "1\n");
	assert_int_equal(kernel_setup_init(&s), 0);
	assert_non_null(kernel_setup_event(&s.instances.v[0], "irq", false));
	s.func_stack = true;
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "option --func-stack needs a function filter"));
	expect(f, "options/func_stack_trace", "0\n");
	assert_int_equal(kernel_functions_add(&s.instances.v[0].filters, "*", "ext4"), 0);
	s.function_trace_off = true;
	e = (struct err){ 0 };
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "set_ftrace_filter", "*:mod:ext4\n");
	expect(f, "options/func_stack_trace", "1\n");
	expect(f, "options/function-trace", "0\n");
	kernel_setup_release(&s);
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "options/func_stack_trace", "0\n");
	expect(f, "options/function-trace", "1\n");
}

static void test_tracing_was_off(void **state)
{
	struct fake *f = *state;
	struct kernel_setup s;
	struct err e = { 0 };

	put(f, "instances/one/tracing_on", "0\n");
	fill(&s);
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	put(f, "instances/one/tracing_on", "1\n");	/* another process */
	assert_int_equal(kernel_setup_tracing(f->k, &s, false, &e), 0);
	assert_int_equal(kernel_undo(f->k, &e), 0);
	expect(f, "instances/one/tracing_on", "0\n");
	kernel_setup_release(&s);
}

static void test_limits(void **state)
{
	struct fake *f = *state;
	struct kernel_instance_setup *is;
	struct kernel_setup s;
	struct err e = { 0 };
	char pids[64];

	fill(&s);
	is = kernel_setup_instance(&s, "one");
	is->follow = true;
	assert_int_equal(vec_push(&is->pids, getpid()), 0);
	assert_true(kernel_setup_limits_pids(&s));
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	expect(f, "instances/one/options/event-fork", "1\n");
	assert_int_equal(kernel_setup_pids(&s, 0, &e), 0);
	snprintf(pids, sizeof(pids), "%d\n\n", (int)getpid());
	expect(f, "instances/one/set_event_pid", pids);

	s.only_command = true;
	assert_int_equal(kernel_setup_pids(&s, 7, &e), 0);
	snprintf(pids, sizeof(pids), "7\n%d\n\n", (int)getpid());
	expect(f, "instances/one/set_event_pid", pids);
	s.no_filter = true;
	assert_false(kernel_setup_limits_pids(&s));
	kernel_setup_release(&s);
}

static void test_apply_fails_half_way(void **state)
{
	struct fake *f = *state;
	struct kernel_setup s;
	struct err e = { 0 };

	deny(f, "instances/one/events/sched/sched_switch/filter");
	put(f, "instances/one/set_event", "timer:timer_start\n");
	put(f, "instances/one/events/timer/timer_start/enable", "1\n");
	put(f, "instances/one/events/enable", "X\n");
	fill(&s);
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), -EACCES);
	assert_non_null(strstr(e.text, "instance 'one': option -f '(prev_pid == 1)"));
	assert_int_equal(kernel_undo(f->k, NULL), 0);	/* the denied file was not changed */
	expect(f, "instances/one/tracing_on", "1\n");
	expect(f, "instances/one/trace_clock", "local\n");
	expect(f, "instances/one/events/timer/timer_start/enable", "1\n");
	kernel_setup_release(&s);
}

static void test_undo_that_is_refused(void **state)
{
	struct fake *f = *state;
	struct kernel_setup s;
	struct err e = { 0 };

	fill(&s);
	assert_int_equal(kernel_setup_apply(f->k, &s, &e), 0);
	deny(f, "instances/one/trace_clock");
	assert_int_equal(kernel_undo(f->k, &e), -EACCES);
	assert_non_null(strstr(e.text, "cannot put back "));
	assert_non_null(strstr(e.text, "instances/one/trace_clock"));
	expect(f, "instances/one/tracing_on", "1\n");
	kernel_setup_release(&s);
}

static void test_unused_top_is_told(void **state)
{
	struct fake *f = *state;
	struct kernel_setup s;
	struct err e = { 0 };

	fill(&s);
	kernel_setup_instance(&s, "")->subbuf_kb = 8;
	assert_int_equal(kernel_setup_check(f->k, &s, &e), 0);
	assert_int_equal(f->nr_told, 1);
	assert_non_null(strstr(f->told, "option --subbuf-size before the first -B"));
	kernel_setup_release(&s);
}

static void test_dyn_types(void **state)
{
	(void)state;
	assert_int_equal(kernel_dyn_type_by_name("uretprobe"), KERNEL_DYN_URETPROBE);
	assert_int_equal(kernel_dyn_type_by_name("all"), KERNEL_DYN_ALL);
	assert_int_equal(kernel_dyn_type_by_name("probe"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_open), T(test_instances), T(test_buffers), T(test_events),
		T(test_buffers_get_their_size), cmocka_unit_test(test_trigger_as_written),
		T(test_event_patterns), T(test_check_names), T(test_functions), T(test_damaged_formats), T(test_apply),
		T(test_tracing_was_off), T(test_function_switches), T(test_limits), T(test_apply_fails_half_way),
		T(test_undo_that_is_refused), T(test_unused_top_is_told), cmocka_unit_test(test_dyn_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
