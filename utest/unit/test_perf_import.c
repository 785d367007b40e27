// SPDX-License-Identifier: GPL-2.0-or-later
/* What a perf.data file's parts become: names of tasks, stacks, metadata. */
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dat/dat.h"
#include "record/perf_meta.h"
#include "record/perf_stack.h"

/* ---- names ------------------------------------------------------------------------------ */

static void names(void **state)
{
	static const char saved[] = "5 other\n1 not this\nno number\n6 x\n99999999999 long\n7";
	const struct dat_text text = { saved, sizeof(saved) - 1 };
	struct perf_tasks n = { 0 };
	struct buf out AUTO_BUF = { 0 };

	(void)state;
	assert_int_equal(perf_tasks_name(&n, 1, 10, "one"), 0);
	assert_int_equal(perf_tasks_fork(&n, 2, 1, 20), 0);
	assert_int_equal(perf_tasks_fork(&n, 3, 77, 20), 0);		/* of nobody known */
	assert_int_equal(perf_tasks_name(&n, 1, 30, "new\tname"), 0);
	assert_int_equal(perf_tasks_name(&n, 1, 29, "old"), 0);
	assert_int_equal(perf_tasks_fork(&n, 1, 1, 40), 0);
	assert_int_equal(perf_meta_names(&n, text, &out), 0);
	assert_int_equal(get_u64(out.data, false), out.len - 8);
	assert_string_equal(out.data + 8, "1 new?name\n2 one\n5 other\n6 x\n");
	perf_tasks_release(&n);
}

static void long_name(void **state)
{
	const struct dat_text none = { "", 0 };
	struct perf_tasks n = { 0 };
	struct buf out AUTO_BUF = { 0 };
	char name[1000];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(perf_tasks_name(&n, 1, 0, name), 0);
	assert_int_equal(perf_meta_names(&n, none, &out), 0);
	assert_int_equal(out.len, 8 + 2 + 63 + 1);
	perf_tasks_release(&n);
}

/* ---- metadata and stacks ---------------------------------------------------------------- */

static const char page[] =
	"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
	"\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
	"\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n";

/* The front of a version 6 file with one format of ftrace's, or none. */
static void front(struct buf *b, bool big, const char *format)
{
	b->big_endian = big;
	buf_put(b, DAT_MAGIC, DAT_MAGIC_LEN);
	buf_str(b, "6");
	buf_u8(b, big);
	buf_u8(b, 8);
	buf_u32(b, 4096);
	dat_put_header_info(b, page, strlen(page), "", 0);
	buf_u32(b, !!format);
	if (format) {
		buf_u64(b, strlen(format));
		buf_puts(b, format);
	}
	buf_u32(b, 0);
	dat_put_text(b, DAT_KALLSYMS, "", 0);
	dat_put_text(b, DAT_PRINTK, "", 0);
	dat_put_text(b, DAT_CMDLINES, "1 a\n", 4);
}

/* What lies behind the metadata is not looked at; what is missing of them is told. */
static void metadata_alone(void **state)
{
	struct buf b AUTO_BUF = { 0 };
	struct dat_reader *r;
	struct dat_text text;
	size_t whole;

	(void)state;
	front(&b, false, NULL);
	whole = b.len;
	buf_fill(&b, 0, 6);
	assert_int_equal(dat_reader_open_metadata(b.data, b.len, "made", NULL, &r, NULL), 0);
	assert_false(dat_reader_cut(r, NULL));
	assert_int_equal(dat_reader_nr_buffers(r), 0);
	assert_int_equal(dat_reader_text(r, DAT_CMDLINES, &text, NULL), 1);
	assert_int_equal(text.len, 4);
	assert_string_equal(dat_reader_name(r), "made");
	dat_reader_close(r);
	assert_int_equal(dat_reader_open_metadata(b.data, whole - 1, "made", NULL, &r, NULL), 0);
	assert_true(dat_reader_cut(r, NULL));
	dat_reader_close(r);
}

/* A sample's chain in either byte order: formats that are made, then a record of each. */
static void stacks_made(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct buf b AUTO_BUF = { 0 }, kernel AUTO_BUF = { 0 }, user AUTO_BUF = { 0 };
		struct buf chain AUTO_BUF = { .big_endian = big };
		static const uint8_t raw[8] = { 1, 1, 2, 3, 4, 5, 6, 7 };
		struct perf_stacks st;
		struct dat_reader *r;
		struct perf_sample s = { .at.pid = 9, .raw = raw, .raw_len = 8, .big_endian = big };
		uint64_t cut = 0;

		front(&b, big, "name: taken\nID: 4\nformat:\n");
		assert_int_equal(dat_reader_open_metadata(b.data, b.len, "made", NULL, &r, NULL), 0);
		assert_int_equal(perf_stacks_init(&st, r, 8, 256, NULL), 0);
		assert_int_equal(st.nr_formats, 2);
		assert_int_equal(st.kernel.id, 5);
		assert_int_equal(st.user.id, 12);
		assert_int_equal(st.kernel.frames, (256 - 64 - 16) / 8);
		buf_u64(&chain, 0x123);				/* before any mark: nobody's */
		buf_u64(&chain, PERF_CONTEXT_KERNEL);
		for (unsigned i = 0; i < st.kernel.frames + 3; i++)
			buf_u64(&chain, 0x1000 + i);
		buf_u64(&chain, PERF_CONTEXT_USER);
		buf_u64(&chain, 0x77);
		s.chain = (const uint8_t *)chain.data;
		s.chain_nr = chain.len / 8;
		assert_int_equal(perf_stack_record(&st, &s, false, &kernel, &cut), 1);
		assert_int_equal(perf_stack_record(&st, &s, true, &user, &cut), 1);
		assert_int_equal(cut, 3);
		assert_int_equal(kernel.len, 16 + 8 * st.kernel.frames);
		assert_int_equal(get_u16(kernel.data, big), 5);
		assert_memory_equal(kernel.data + 2, raw + 2, 6);
		assert_int_equal(get_u32(kernel.data + 8, big), st.kernel.frames);
		assert_int_equal(get_u64(kernel.data + 16, big), 0x1000);
		assert_int_equal(user.len, 16 + 64);
		assert_int_equal(get_u16(user.data, big), 12);
		assert_int_equal(get_u32(user.data + 8, big), 9);
		assert_int_equal(get_u64(user.data + 16, big), 0x77);
		assert_int_equal(get_u64(user.data + 24, big), 0);
		s.chain_nr = 1;
		assert_int_equal(perf_stack_record(&st, &s, false, &kernel, NULL), 0);
		perf_stacks_release(&st);
		dat_reader_close(r);
	}
}

/* Formats that are there are used, unless they lie about places. */
static void stacks_of_the_file(void **state)
{
	static const struct { const char *format; unsigned type, made; } cases[] = {
		{ "name: kernel_stack\nID: 40\nformat:\n\tfield:int size;\toffset:8;\n\tfield:unsigned long caller[8];\toffset:24;\n", 40, 1 },
		{ "name: kernel_stack\nID: 40\nformat:\n\tfield:int size;\toffset:8;\n\tfield:unsigned long caller[8];\toffset:4000000000;\n", 4, 2 },
		{ "name: kernel_stack\nID: 40\nformat:\n\tfield:int size;\toffset:8;\n\tfield:unsigned long caller[8];\toffset:4;\n", 4, 2 },
		{ "name: kernel_stack\nID: 40\nformat:\n", 4, 2 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b AUTO_BUF = { 0 };
		struct perf_stacks st;
		struct dat_reader *r;

		front(&b, false, cases[i].format);
		assert_int_equal(dat_reader_open_metadata(b.data, b.len, "made", NULL, &r, NULL), 0);
		assert_int_equal(perf_stacks_init(&st, r, 8, 4096, NULL), 0);
		assert_int_equal(st.kernel.id, cases[i].type);
		assert_int_equal(st.nr_formats, cases[i].made);
		perf_stacks_release(&st);
		dat_reader_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names), cmocka_unit_test(long_name), cmocka_unit_test(metadata_alone),
		cmocka_unit_test(stacks_made), cmocka_unit_test(stacks_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
