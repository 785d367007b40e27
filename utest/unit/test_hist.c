// SPDX-License-Identifier: GPL-2.0-or-later
/* Histograms as the kernel prints them, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kernel/hist.h"

#define HEAD(trigger) "# event histogram\n#\n# trigger info: " trigger "\n#\n\n"
#define TOTALS "\nTotals:\n    Hits: 12\n    Entries: 3\n    Dropped: 4\n"

static void parse(const char *text, struct kernel_hists *hs)
{
	assert_int_equal(kernel_hists_parse(text, strlen(text), hs), 0);
}

static const char *cell(const struct kernel_hist *h, size_t entry, const char *column)
{
	ssize_t at = kernel_hist_column(h, column);

	assert_true(at >= 0);
	return kernel_hist_text(&h->entries.v[entry], at);
}

static void test_entries(void **state)
{
	struct kernel_hists hs;

	(void)state;
	parse(HEAD("hist:keys=pid,flags.hex,call.sym:vals=hitcount,bytes:sort=hitcount:size=2048 [active]")
	      "{ pid:          2, flags:         80, call: [ffffffff81] vfs_read                    } hitcount:          1  bytes:        512\n"
	      "{ pid:         10, flags:      80000, call: [ffffffff82] vfs_write                   } hitcount:         11  bytes:          0\n"
	      TOTALS, &hs);
	assert_int_equal(hs.nr, 1);
	assert_int_equal(hs.v[0].entries.nr, 2);
	assert_int_equal(hs.v[0].columns.nr, 5);
	assert_string_equal(hs.v[0].trigger, "hist:keys=pid,flags.hex,call.sym:vals=hitcount,bytes:sort=hitcount:size=2048 [active]");
	assert_string_equal(cell(&hs.v[0], 0, "pid"), "2");
	assert_string_equal(cell(&hs.v[0], 1, "flags"), "80000");
	assert_string_equal(cell(&hs.v[0], 0, "call"), "[ffffffff81] vfs_read");
	assert_string_equal(cell(&hs.v[0], 1, "hitcount"), "11");
	assert_string_equal(cell(&hs.v[0], 0, "bytes"), "512");
	assert_int_equal(hs.v[0].hits, 12);
	assert_int_equal(hs.v[0].dropped, 4);
	assert_int_equal(kernel_hist_column(&hs.v[0], "nosuch"), -1);
	for (size_t i = 0; i < hs.v[0].columns.nr; i++) {
		assert_int_equal(hs.v[0].columns.v[i].is_key, i < 3);
		assert_int_equal(hs.v[0].columns.v[i].is_hex, i == 1);
	}
	kernel_hists_release(&hs);
}

static void test_key_and_value(void **state)
{
	struct kernel_hists hs;

	(void)state;
	parse(HEAD("hist:keys=bytes:vals=hitcount,bytes:sort=hitcount:size=2048 [active]")
	      "{ bytes:        512 } hitcount:          3  bytes:       1536\n" TOTALS, &hs);
	assert_int_equal(hs.v[0].columns.nr, 3);
	assert_string_equal(cell(&hs.v[0], 0, "bytes"), "512");
	assert_string_equal(kernel_hist_text(&hs.v[0].entries.v[0], 2), "1536");
	assert_true(hs.v[0].columns.v[0].is_key && !hs.v[0].columns.v[2].is_key);
	kernel_hists_release(&hs);
}

static void test_stacks_and_several(void **state)
{
	struct kernel_hists hs;

	(void)state;
	parse(HEAD("hist:keys=common_stacktrace,pid:vals=hitcount [paused]")
	      "{ common_stacktrace:\n         a+0x1/0x2\n         b+0x3/0x4\n, pid:          7} hitcount:          5\n"
	      "{ common_stacktrace:\n         c+0x1/0x2\n, pid:          8} hitcount:          6\n" TOTALS "\n\n"
	      HEAD("hist:keys=comm") "{ comm: bash                                               } hitcount:          1\n" TOTALS, &hs);
	assert_int_equal(hs.nr, 2);
	assert_int_equal(hs.v[0].entries.nr, 2);
	assert_string_equal(cell(&hs.v[0], 0, "common_stacktrace"), "a+0x1/0x2\n         b+0x3/0x4");
	assert_string_equal(cell(&hs.v[0], 0, "pid"), "7");
	assert_string_equal(cell(&hs.v[0], 1, "hitcount"), "6");
	assert_string_equal(cell(&hs.v[1], 0, "comm"), "bash");
	kernel_hists_release(&hs);
}

/* Names of tasks and files are whatever somebody called them. */
static void test_odd_names(void **state)
{
	static const char *const names[] = {
		"a, b", "} hitcount", "} x", "{ {", "a: b", ", pid", "%s%n", "\x1b[31m", "\xff\xfe", "", "# trigger info: x", "a } b:", ":",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct kernel_hists hs;
		char text[512];

		snprintf(text, sizeof(text), HEAD("hist:keys=comm,pid:vals=hitcount [active]")
			 "{ comm: %-16s, pid:          3 } hitcount:          9\n" TOTALS, names[i]);
		parse(text, &hs);
		assert_int_equal(hs.v[0].entries.nr, 1);
		assert_string_equal(cell(&hs.v[0], 0, "comm"), names[i]);
		assert_string_equal(cell(&hs.v[0], 0, "pid"), "3");
		assert_string_equal(cell(&hs.v[0], 0, "hitcount"), "9");
		kernel_hists_release(&hs);
	}
}

static void test_notes(void **state)
{
	struct kernel_hists hs;

	(void)state;
	parse(HEAD("hist:keys=next_pid:lat=a-$b:onmax($lat).save(prev_comm) [active]")
	      "{ next_pid:         12 } hitcount:          5\n"
	      "\tmax:        145  prev_comm: bash                            \n\n"
	      "{ next_pid:         13 } hitcount:          5  runtime (%):  41.07\n"
	      "Snapshot taken (see tracing/snapshot).  Details:\n"
	      "\ttriggering value { onmax($lat) }:        145 \n\ttriggered by event with key: { next_pid:         12 }\n" TOTALS, &hs);
	assert_string_equal(hs.v[0].entries.v[0].notes, "\tmax:        145  prev_comm: bash                            ");
	assert_null(hs.v[0].entries.v[1].notes);
	assert_string_equal(cell(&hs.v[0], 1, "runtime (%)"), "41.07");
	assert_non_null(strstr(hs.v[0].notes, "triggering value"));
	assert_non_null(strstr(hs.v[0].notes, "\n\ttriggered by"));
	assert_int_equal(hs.v[0].hits, 12);
	kernel_hists_release(&hs);
}

static void expect_order(const char *const *texts, size_t nr, bool descending)
{
	struct buf text AUTO_BUF = { 0 };
	struct kernel_hists hs;

	buf_puts(&text, HEAD("hist:keys=k [active]"));
	/* every other one first, so that they are in no order */
	for (size_t i = 0; i < 2; i++)
		for (size_t j = i; j < nr; j += 2)
			buf_printf(&text, "{ k: %s } hitcount:          1\n", texts[j]);
	parse(text.data, &hs);
	assert_int_equal(kernel_hist_sort(&hs.v[0], 0, descending), 0);
	for (size_t i = 0; i < nr; i++)
		assert_string_equal(cell(&hs.v[0], descending ? nr - 1 - i : i, "k"), texts[i]);
	kernel_hists_release(&hs);
}

static void test_sorting(void **state)
{
	static const char *const numbers[] = { "2", "9", "10", "100", "18446744073709551615" };
	static const char *const powers[] = { "~ 2^1", "~ 2^2", "~ 2^10", "~ 2^11" };
	static const char *const buckets[] = { "~ 0-31", "~ 32-63", "~ 1024-1055" };
	static const char *const texts[] = { "[ff] b", "bash            [        12]", "sh", "vi" };

	(void)state;
	for (int descending = 0; descending < 2; descending++) {
		expect_order(numbers, ARRAY_SIZE(numbers), descending);
		expect_order(powers, ARRAY_SIZE(powers), descending);
		expect_order(buckets, ARRAY_SIZE(buckets), descending);
		expect_order(texts, ARRAY_SIZE(texts), descending);
	}
}

/* Cut anywhere, and with any one byte another, it is read all the same. */
static void test_damaged(void **state)
{
	static const char whole[] = HEAD("hist:keys=common_stacktrace,comm.hex:vals=hitcount,x [active]")
		"{ common_stacktrace:\n     a\n     b\n, comm: x} hitcount:          5  x: 7\n\tmax: 3\n" TOTALS;
	static const char bytes[] = { 0, '\n', '}', '{', ',', ':', ' ', '#', '\xff' };

	(void)state;
	for (size_t i = 0; i <= strlen(whole); i++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			char text[sizeof(whole)];
			struct kernel_hists hs;

			memcpy(text, whole, sizeof(whole));
			text[i] = bytes[b];
			assert_int_equal(kernel_hists_parse(text, b ? strlen(whole) : i, &hs), 0);
			for (size_t j = 0; j < hs.nr; j++)
				for (size_t c = 0; c < hs.v[j].columns.nr; c++)
					assert_int_equal(kernel_hist_sort(&hs.v[j], c, b & 1), 0);
			kernel_hists_release(&hs);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_key_and_value),
		cmocka_unit_test(test_stacks_and_several),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_sorting),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
