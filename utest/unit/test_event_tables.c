// SPDX-License-Identifier: GPL-2.0-or-later
/* Symbols, printk formats, task names: lines of the kernel, and lines that are none. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/tables.h"

static const char *name_at(struct symbols *s, uint64_t addr)
{
	struct symbol found;

	return symbols_find(s, addr, &found) ? found.name : NULL;
}

static const char *module_at(struct symbols *s, uint64_t addr)
{
	struct symbol found;

	assert_true(symbols_find(s, addr, &found));
	return found.module;
}

static const char *nth_name(struct symbols *s, size_t i)
{
	struct symbol found;

	return symbols_nth(s, i, &found) ? found.name : NULL;
}

static void add_symbols(struct symbols *s, const char *text)
{
	assert_int_equal(symbols_add(s, text, strlen(text), true), 0);
}

static void test_symbols(void **state)
{
	struct symbols s = { 0 };

	(void)state;
	add_symbols(&s, "ffffffff81000300 t third\n"
			"ffffffff81000100 T first\n"
			"ffffffff81000200 T second\t[module]\n"
			"ffffffff81000250 t $mapping\n"
			"0000000000000000 A absolute\n"
			"0000000000000010 a also\n"
			"ffffffff81000400 D last");
	assert_null(name_at(&s, 0));
	assert_null(name_at(&s, 0xffffffff810000ff));
	assert_string_equal(name_at(&s, 0xffffffff81000100), "first");
	assert_string_equal(name_at(&s, 0xffffffff810001ff), "first");
	assert_string_equal(name_at(&s, 0xffffffff81000250), "second");
	assert_string_equal(module_at(&s, 0xffffffff81000200), "module");
	assert_null(module_at(&s, 0xffffffff81000300));
	assert_string_equal(name_at(&s, 0xffffffff810003ff), "third");
	/* where the last one ends is not known */
	assert_string_equal(name_at(&s, 0xffffffff81000400), "last");
	assert_null(name_at(&s, 0xffffffff81000401));
	assert_null(name_at(&s, UINT64_MAX));
	symbols_release(&s);
}

static void test_symbols_of_one_address(void **state)
{
	struct symbols s = { 0 };

	(void)state;
	/* newest first: b, a; a binary search of three meets the middle one */
	add_symbols(&s, "10 T a\n10 T b\n20 T end\n");
	assert_string_equal(nth_name(&s, 0), "b");
	assert_string_equal(nth_name(&s, 1), "a");
	assert_string_equal(name_at(&s, 0x10), "a");
	/* what is added later comes first, what was there keeps its order */
	add_symbols(&s, "10 T c\n15 T d\n5 T zero\n");
	assert_string_equal(nth_name(&s, 0), "zero");
	assert_string_equal(nth_name(&s, 1), "c");
	assert_string_equal(nth_name(&s, 2), "b");
	assert_string_equal(nth_name(&s, 3), "a");
	assert_string_equal(nth_name(&s, 4), "d");
	assert_null(nth_name(&s, 6));
	symbols_release(&s);
}

static void test_many_symbols(void **state)
{
	enum { NR = 1000 };
	struct symbols s = { 0 };
	struct buf text = { 0 };
	char want[16];

	(void)state;
	/* 7 and 1000 have no common divisor: every address once, out of order */
	for (unsigned i = 0; i < NR; i++)
		buf_printf(&text, "%x T s%u\n", (i * 7 % NR) * 16, i * 7 % NR);
	assert_int_equal(symbols_add(&s, text.data, text.len, true), 0);
	for (unsigned i = 0; i + 1 < NR; i++) {
		snprintf(want, sizeof(want), "s%u", i);
		assert_string_equal(name_at(&s, i * 16), want);
		assert_string_equal(name_at(&s, i * 16 + 15), want);
	}
	buf_release(&text);
	symbols_release(&s);
}

/* Whatever their order: by address, and the one that came later first. */
static void test_symbols_in_any_order(void **state)
{
	enum { NR = 3000, SORTED = NR / 2, PLACES = 97 };
	struct symbols s = { 0 };
	struct buf text = { 0 };
	struct symbol last, now;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < NR; i++)
		buf_printf(&text, "%016lx T %u\n",
			   i < SORTED ? i / 10 * 16ul : random() % PLACES * 16ul, i);
	assert_int_equal(symbols_add(&s, text.data, text.len, true), 0);
	assert_true(symbols_nth(&s, 0, &last));
	for (unsigned i = 1; i < NR; i++, last = now) {
		assert_true(symbols_nth(&s, i, &now));
		assert_true(last.addr < now.addr ||
			    (last.addr == now.addr && atoi(last.name) > atoi(now.name)));
	}
	assert_false(symbols_nth(&s, NR, &now));
	buf_release(&text);
	symbols_release(&s);
}

static void test_lines_that_are_no_symbols(void **state)
{
	struct symbols s = { 0 };

	(void)state;
	add_symbols(&s, "");
	add_symbols(&s, "\n\n\n");
	add_symbols(&s, "zz T x\n10\n10 \n10 T\n10 T \n10T x\n11111111111111111 T long\n10 T\tx");
	assert_null(nth_name(&s, 0));
	assert_null(name_at(&s, 0x10));
	/* bytes of 0 are no digits */
	assert_int_equal(symbols_add(&s, "\0\0\0\0\0\0\0\0" "0000001f T x", 20, true), 0);
	assert_null(nth_name(&s, 0));
	/* addresses of the usual length, which are read another way */
	add_symbols(&s, "0000000000000010 \n x\n0000000000000010 T \n0000000000000010 A x\n"
		    "0000000000000010 T  x\n000000000000001g T x\n0000000000000010 T");
	assert_int_equal(s.v.nr, 0);
	add_symbols(&s, "10 T x\t[\n20 T y\t[]\n30 T z [no tab]");
	assert_string_equal(name_at(&s, 0x10), "x");
	assert_string_equal(name_at(&s, 0x20), "y");
	assert_string_equal(name_at(&s, 0x30), "z");
	assert_null(module_at(&s, 0x10));
	assert_string_equal(module_at(&s, 0x20), "");
	assert_null(module_at(&s, 0x30));
	symbols_release(&s);
}

/* Each character as a digit, at each place of an address of 16. */
static void test_digits(void **state)
{
	char line[] = "ffffffff81000000 T x";

	(void)state;
	for (unsigned at = 0; at < 16; at++) {
		char kept = line[at];

		for (int c = 0; c < 256; c++) {
			struct symbols s = { 0 };
			uint64_t addr;

			if (c == '\n' || c == ' ')
				continue;
			line[at] = c;
			add_symbols(&s, line);
			addr = strtoull(line, NULL, 16);
			if (isxdigit(c))
				assert_string_equal(name_at(&s, addr), "x");
			else
				assert_null(nth_name(&s, 0));
			symbols_release(&s);
		}
		line[at] = kept;
	}
}

static void test_printks(void **state)
{
	static const char text[] =
		"0xffffffff82000010 : \"b %d\\n\"\n"
		"0xffffffff82000000 : \"a\"\n"
		"0xffffffff82000020 : \"\"\n"
		"no line\n0x : \"x\"\n0x5 \"y\"\n"
		"0xffffffff82000030 : \"c : d\"";
	struct printks p = { 0 };

	(void)state;
	assert_int_equal(printks_add(&p, text, sizeof(text) - 1), 0);
	assert_int_equal(p.v.nr, 4);
	assert_true(printks_nth(&p, 0)->addr == 0xffffffff82000000);
	assert_string_equal(printks_nth(&p, 0)->fmt, "a");
	assert_string_equal(printks_nth(&p, 1)->fmt, "b %d");
	assert_string_equal(printks_nth(&p, 2)->fmt, "");
	assert_string_equal(printks_nth(&p, 3)->fmt, "c : d");
	assert_null(printks_nth(&p, 4));
	assert_int_equal(printks_add(&p, NULL, 0), 0);
	printks_release(&p);
}

static void test_comms(void **state)
{
	static const char text[] = "200 two words\n1 init\n200 later name\n 7  blanks\n"
				   "x y\n5\n6 \n99999999999 much\n-4 minus\n2147483647 last";
	struct comms c = { 0 };

	(void)state;
	assert_null(comms_find(&c, 1));
	assert_int_equal(comms_add(&c, text, sizeof(text) - 1), 0);
	assert_string_equal(comms_find(&c, 1), "init");
	assert_string_equal(comms_find(&c, 200), "later name");
	assert_string_equal(comms_find(&c, 7), "blanks");
	assert_string_equal(comms_find(&c, INT32_MAX), "last");
	assert_null(comms_find(&c, 5));
	assert_null(comms_find(&c, 6));
	assert_null(comms_find(&c, -4));
	assert_int_equal(c.v.nr, 4);
	assert_int_equal(comms_nth(&c, 0)->pid, 1);
	assert_null(comms_nth(&c, 4));
	comms_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_symbols_of_one_address),
		cmocka_unit_test(test_many_symbols),
		cmocka_unit_test(test_symbols_in_any_order),
		cmocka_unit_test(test_lines_that_are_no_symbols),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_printks),
		cmocka_unit_test(test_comms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
