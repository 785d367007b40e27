// SPDX-License-Identifier: GPL-2.0-or-later
/* Triggers that exclude each other, and why a kernel refuses a trigger, a function's command or a filter. */
#include "fake_tracefs.h"

static void expect_rival(const char *listed, const char *value, const char *wanted)
{
	AUTO_BUF struct buf found = { 0 };

	assert_int_equal(trigger_rival(listed, value, &found), wanted != NULL);
	if (wanted)
		assert_string_equal(found.data, wanted);
}

static void test_rivals(void **state)
{
	static const char listed[] =
		"snapshot:unlimited\n"
		"traceoff:count=3 if a == 1\n"
		"disable_event:sched:sched_switch:unlimited\n"
		"hist:keys=pid:vals=hitcount:sort=hitcount:size=2048 [active]\n"
		"hist:keys=pid:vals=hitcount:sort=hitcount:size=512 if pid > 1 [paused]\n"
		"hist:keys=common_stacktrace:vals=hitcount:sort=hitcount:size=4096 [active]\n";

	(void)state;
	expect_rival(listed, "traceoff", "traceoff:count=3 if a == 1");
	expect_rival(listed, "traceon:2", "traceoff:count=3 if a == 1");
	expect_rival(listed, "enable_event:sched:sched_switch", "disable_event:sched:sched_switch:unlimited");
	expect_rival(listed, "disable_event:sched:sched_switch:4", "disable_event:sched:sched_switch:unlimited");
	expect_rival(listed, "enable_event:sched:sched_switch_x", NULL);
	expect_rival(listed, "enable_event:sched:sched_waking", NULL);
	expect_rival(listed, "stacktrace", NULL);
	expect_rival(listed, "trace", NULL);
	expect_rival(listed, "hist:keys=pid:size=1024", "hist:keys=pid:vals=hitcount:sort=hitcount:size=2048 [active]");
	expect_rival(listed, "hist:keys=pid if pid > 1", "hist:keys=pid:vals=hitcount:sort=hitcount:size=512 if pid > 1 [paused]");
	expect_rival(listed, "hist:keys=pid if pid > 2", NULL);
	expect_rival(listed, "hist:keys=stacktrace:size=128", "hist:keys=common_stacktrace:vals=hitcount:sort=hitcount:size=4096 [active]");
	expect_rival("hist:keys=a,b:size=256 [active]\nhist:keys=b,common_cpu,c:size=512 [active]\n", "hist:keys=b,cpu,c:size=128",
		     "hist:keys=b,common_cpu,c:size=512 [active]");
	/* listed in a way nobody knows: the first of that filter */
	expect_rival("hist:keys=a,b:size=256 [active]\n", "hist:keys=a", "hist:keys=a,b:size=256 [active]");
}

/* A file that the kernel would refuse to be written to cannot be made here: the explanation is asked for. */
static void expect_trigger(struct fake *f, const char *value, int code, const char *words, int place)
{
	struct err e = { 0 };
	const char *line, *caret;

	err_set(&e, code, "refused");
	trigger_explain(kernel_top(f->k), "events/sched/sched_switch/trigger", value, code, &e);
	line = strchr(e.text, '\n');
	caret = strchr(e.text, '^');
	if (!strstr(e.text, words) || (place < 0 ? line != NULL : !line || !caret))
		fail_msg("'%s': %s", value, e.text);
	if (place >= 0) {
		assert_int_equal(strncmp(line + 5, value, strlen(value)), 0);
		assert_int_equal(caret - strchr(line + 1, '\n') - 5, place);
	}
}

static void test_refused_triggers(void **state)
{
	static const char none[] = "# Available triggers:\n# traceon traceoff snapshot stacktrace enable_event disable_event\n";
	struct fake *f = *state;

	put(f, "events/sched/sched_switch/trigger", none);
	/* the event's own file, then another's */
	for (int i = 0; i < 2; i++) {
		expect_trigger(f, "stacktrac:3", -EINVAL, "did you mean 'stacktrace'", 0);
		expect_trigger(f, "xyzzy", -EINVAL, "there are: traceon traceoff snapshot stacktrace enable_event", 0);
		expect_trigger(f, "hist:keys=next_pid", -EINVAL, "this kernel has no histograms (CONFIG_HIST_TRIGGERS)", 0);
		put(f, "events/sched/sched_switch/trigger", "traceoff:unlimited\n");
		put(f, "events/sched/sched_waking/trigger", none);
	}
	expect_trigger(f, "traceoff:x", -EINVAL, "'x' is no count", 9);
	expect_trigger(f, "traceoff: if prev_pid == 1", -EINVAL, "'' is no count", 9);
	expect_trigger(f, "traceoff:99999999999999999999 if prev_pid == 1", -ERANGE, "less than 2 to the power of 64", 9);
	expect_trigger(f, "enable_event", -EINVAL, "which event is missing: enable_event:SYSTEM:EVENT", 12);
	expect_trigger(f, "enable_event:sched", -EINVAL, "which event is missing", 13);
	expect_trigger(f, "enable_event:sched:sched_swich:3", -EINVAL, "did you mean 'sched:sched_switch'", 13);
	expect_trigger(f, "disable_event:sched:sched_waking:many", -EINVAL, "'many' is no count", 33);
	expect_trigger(f, "disable_event:sched:sched_waking:3", -EBUSY, "refused", -1);
	expect_trigger(f, "traceoff:3", -EINVAL, "refused", -1);
	expect_trigger(f, "traceon", -EEXIST, "it has 'traceoff:unlimited', which excludes this; 'tracecmd trigger del "
		       "sched:sched_switch traceoff' removes that", -1);
	put(f, "events/sched/sched_waking/trigger", "# Available triggers:\n# traceon traceoff hist\n");
	expect_trigger(f, "hist:keys=next_pid:size=64", -EINVAL, "128 to 131072", 24);
	expect_trigger(f, "hist:keys=next_pid:size=131073 if prev_pid == 1", -EINVAL, "128 to 131072", 24);
	expect_trigger(f, "hist:keys=next_pid:size=99999999999999999999", -ERANGE, "128 to 131072", 24);
	expect_trigger(f, "hist:keys=next_pid if x == \":size=\"", -EINVAL, "refused", -1);
	put(f, "events/sched/sched_switch/trigger", "hist:keys=next_pid:vals=hitcount:sort=hitcount:size=2048 [active]\n");
	expect_trigger(f, "hist:keys=next_pid:size=128", -EEXIST, "'tracecmd trigger del sched:sched_switch "
		       "hist:keys=next_pid:vals=hitcount:sort=hitcount:size=2048' removes that", -1);
}

static void expect_command(struct fake *f, const char *value, const char *words, int place)
{
	struct err e = { 0 };

	err_set(&e, -EINVAL, "refused");
	command_explain(kernel_top(f->k), value, -EINVAL, &e);
	if (!strstr(e.text, words) || (place < 0) != !strchr(e.text, '^'))
		fail_msg("'%s': %s", value, e.text);
	if (place >= 0)
		assert_int_equal(strchr(e.text, '^') - strchr(strchr(e.text, '\n') + 1, '\n') - 5, place);
}

static void test_refused_commands(void **state)
{
	struct fake *f = *state;

	expect_command(f, "vfs_read:traceof", "did you mean 'traceon' or 'traceoff'", 9);
	expect_command(f, "vfs_read:nosuch:3", "there are: traceon traceoff stacktrace snapshot dump cpudump", 9);
	expect_command(f, "vfs_*:mod:ext4:nosuch", "there is no command 'nosuch'", 15);
	expect_command(f, "vfs_read:traceoff:x", "'x' is no count", 18);
	expect_command(f, "vfs_read:enable_event:sched:sched_swich", "did you mean 'sched:sched_switch'", 22);
	expect_command(f, "vfs_read:enable_event:sched:sched_switch:x", "'x' is no count", 41);
	expect_command(f, "vfs_read:traceoff:3", "refused", -1);
	expect_command(f, "vfs_read", "refused", -1);
}

/* Where a filter is wrong; -1: nothing can be seen. */
static void test_filters(void **state)
{
	static const struct { const char *filter, *words; int place; } filters[] = {
		{ "prev_pid == 1 && next_comm ~ \"ba*\"", NULL, -1 }, { "!(prev_pid & 7 || CPU != 1) && common_pid > -1", NULL, -1 },
		{ "next_comm == bash && prev_pid < 0x10", NULL, -1 }, { "prev_pid.function == vfs_*read && prev_pid & CPUS{1,3-5}", NULL, -1 },
		{ "next_comm ~ 'x prev_pd'", NULL, -1 }, { "", NULL, -1 },
		{ "prev_pd == 1", "has no field 'prev_pd'", 0 }, { "prev_pid == 1 && nxt_comm ~ \"x\"", "did you mean 'next_comm'", 17 },
		{ "(prev_pid == 1", "a ')' is missing behind '('", 0 }, { "prev_pid == 1)", "a '(' is missing in front of ')'", 13 },
		{ "prev_pid == ", "a value is missing at the end", 12 }, { "next_comm == \"x", "a text has no end", 13 },
		{ "prev_pid == 1 || xyzzy.function == a", "has no field 'xyzzy'", 17 },
	};
	struct kernel_words fields = { 0 };

	(void)state;
	assert_int_equal(kernel_words_add(&fields, "prev_pid") + kernel_words_add(&fields, "next_comm") +
			 kernel_words_add(&fields, "common_pid"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct err e = { 0 };

		err_set(&e, -EINVAL, "refused");
		filter_explain(&fields, filters[i].filter, 0, &e);
		if (filters[i].words ? !strstr(e.text, filters[i].words) : strcmp(e.text, "refused"))
			fail_msg("'%s': %s", filters[i].filter, e.text);
		if (filters[i].words)
			assert_int_equal(strchr(e.text, '^') - strchr(strchr(e.text, '\n') + 1, '\n') - 5, filters[i].place);
	}
	kernel_words_release(&fields);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rivals), cmocka_unit_test(test_filters), T(test_refused_triggers), T(test_refused_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
