// SPDX-License-Identifier: GPL-2.0-or-later
/* Malformed formats and records into lines: each guard. */
#include <limits.h>

#include "event_lines.h"

/* ---- each guard ---------------------------------------------------------------- */

struct guarded {
	const char *format, *good, *bad;
};

/* a is 2 in the good record and 0x7fffffff or 0 in the bad one. */
#define GUARDED(print) COMMON("ev", 300) FIELD("int a", 8, 4, 1) FIELD("u8 raw[4]", 12, 4, 0) PRINT(print)
#define FAILED(a) "[FAILED TO PARSE] a=" a " raw=ARRAY[01, 02, 03, 04]"

static void test_guards(void **state)
{
	static const struct {
		const char *format, *good, *bad;
		uint32_t value;
	} cases[] = {
		{ GUARDED("\"%d\", 10 / REC->a"), "5", FAILED("0"), 0 },
		{ GUARDED("\"%d\", 11 % (REC->a + 0)"), "1", FAILED("0"), 0 },
		{ GUARDED("\"%d\", REC->raw[REC->a]"), "3", FAILED("4"), 4 },
		{ GUARDED("\"%d\", REC->raw[REC->a]"), "3", FAILED("-1"), 0xffffffff },
		{ GUARDED("\"%s\", __print_hex(REC->raw, REC->a)"), "01 02", FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%s\", __print_hex(REC->raw, REC->a)"), "01 02", FAILED("5"), 5 },
		{ GUARDED("\"%s\", __print_array(REC->raw, REC->a, 2)"), NULL, FAILED("3"), 3 },
		{ GUARDED("\"%*d\", REC->a, 7"), " 7", FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%*d\", REC->a, 7"), " 7", FAILED("-2147483648"), 0x80000000 },
		/* stars are found behind what takes no argument, and behind modifiers */
		{ GUARDED("\"%c%*d\", REC->a, 7"), ">c< 7", FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%'d%-*d\", REC->a, 7"), ">'<d7 ", FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%l*d\", REC->a, 7"), NULL, FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%*d\", REC->a ? REC->a : 1, 7"), " 7", FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%*d\", (int)REC->a << 64, 7"), " 7", FAILED("2147483647"), 0x7fffffff },
		{ GUARDED("\"%*d|\", (u8)REC->a, 7"), " 7|",
		  "                                                              7|", 0x7fffff3f },
	};
	uint8_t rec[] = RECORD(300, 0, 0, 0, 0, 1, 2, 3, 4);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const texts[] = { "sys", cases[i].format, NULL };
		struct fixture fx;

		begin(&fx, texts, false);
		put_u32(rec + 8, 2, false);
		/* how arrays look differs between releases of libtraceevent */
		if (cases[i].good)
			assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22, cases[i].good);
		else
			assert_null(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "FAILED"));
		put_u32(rec + 8, cases[i].value, false);
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22, cases[i].bad);
		end(&fx);
	}
}

/* ---- formats that are no formats --------------------------------------------------- */

static void test_print_formats_that_are_not_run(void **state)
{
	static const struct { const char *print, *why; } cases[] = {
		{ "\"%s\", __print_flags(REC->x, \"|\", { 1, \"a\" })", "there is no such field" },
		{ "\"%d\", 1 / 0", "what it divides by may be 0" },
		{ "\"%d\", 1 % (0 - 2)", "what it divides by may be 0" },
		{ "\"%d\", 1 / (2 * 0)", "what it divides by may be 0" },
		{ "\"%d\", 1 / 2 * 0", "what it divides by may be 0" },
		{ "\"%d\", 2 / (4 / 8)", "what it divides by may be 0" },
		{ "\"%d\", 8 / (2 / sizeof(int))", "what it divides by may be 0" },
		{ "\"%d\", 1 / (0 && REC->a)", "what it divides by may be 0" },
		{ "\"%d\", 3 / 4 * 1 == 2", "what it divides by may be 0" },
		{ "\"%d\", 3 % (1) * (2 << 64)", "what it divides by may be 0" },
		{ "\"%d\", 1 / (4294967296 * 4294967296)", "what it divides by may be 0" },
		{ "\"%d\", REC->a / (u64)0", "what it divides by may be 0" },
		{ "\"%d\", REC->a / (HZ)", "what it divides by may be 0" },
		{ "\"%d\", REC->a / HZ", "what it divides by may be 0" },
		{ "\"%d\", sizeof(", "sizeof of nothing" },
		{ "\"%d\", REC->a[0]$ 1", "an operator that is none" },
		{ "\"%d\", REC->a[0] = 1", "an operator that is none" },
		{ "\"%d\", REC->a += 1", "an operator that is none" },
		{ "\"%d\", REC->a[0][1]", "a bracket behind an index" },
		{ "\"%d\", REC->a[0]->a", "an arrow behind an index" },
		{ "\"%d\", REC->a[REC->a[0]]", "a bracket behind an index" },
		{ "\"%d\", REC->a ? 1 : REC->a[0]", "a bracket behind a condition" },
		{ "\"%d\", REC->a[1 ? 2 : 3]", "a condition in brackets" },
		{ "\"%d\", __le16_to_cpup(REC->a)", "address is not an array's" },
		{ "\"%s\", scsi_trace_parse_cdb(p, REC->a, 6)", "address is not an array's" },
		{ "\"%s\", scsi_trace_parse_cdb(p)", "address is not an array's" },
		{ "\"caf\303\251\", REC->a", "a character that is not printable" },
	};
	static const uint8_t rec[] = RECORD(300, 2, 0, 0, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		const char *const texts[] = { "sys", text, NULL };
		struct fixture fx;

		snprintf(text, sizeof(text), "%s\nprint fmt: %s\n",
			 COMMON("ev", 300) FIELD("int a", 8, 4, 1), cases[i].print);
		begin(&fx, texts, false);
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22,
				    "[FAILED TO PARSE] a=2");
		assert_string_equal(fx.notices, "");
		assert_int_equal(event_db_parse_all(fx.db, NULL), 1);
		if (!strstr(fx.notices, cases[i].why))
			fail_msg("%s: %s", cases[i].print, fx.notices);
		assert_non_null(strstr(fx.notices, "sys:ev (id 300)"));
		end(&fx);
	}
}

/* As libtraceevent 1.7 prints them: it knows no brackets around what binds less than a division. */
static void test_division_by_constants(void **state)
{
	static const struct { const char *print, *text; } cases[] = {
		{ "\"%d\", REC->a / (4 * 4)", "6" }, { "\"%d\", REC->a / (2 | 1)", "51" },
		{ "\"%d\", REC->a % (2 | 1)", "1" }, { "\"%d\", REC->a / (u64)10", "10" },
		{ "\"%d\", REC->a / ((u64)10)", "10" }, { "\"%d\", 1000 / (u64)REC->a", "10" },
		{ "\"%d\", 1 / (2 - 2)", "-2" }, { "\"%d\", REC->a / (0x10)", "6" },
#ifndef __SANITIZE_ADDRESS__	/* libtraceevent's parser looks at memory it has freed behind sizeof(...) */
		{ "\"%d\", REC->a / sizeof(int)", "25" }, { "\"%d\", (REC->a + 28) / (2 * sizeof(int))", "16" },
#endif
	};
	static const uint8_t rec[] = RECORD(300, 100, 0, 0, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		const char *const texts[] = { "sys", text, NULL };
		struct fixture fx;

		snprintf(text, sizeof(text), "%s\nprint fmt: %s\n",
			 COMMON("ev", 300) FIELD("int a", 8, 4, 1), cases[i].print);
		begin(&fx, texts, false);
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22, cases[i].text);
		assert_int_equal(event_db_parse_all(fx.db, NULL), 0);
		end(&fx);
	}
}

static void test_widths_that_are_not_printed(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) PRINT("\"%999999999d\", REC->a"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 2, 0, 0, 0);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22,
			    "[FAILED TO PARSE] a=2");
	end(&fx);
}

/* A string is cut to what the record says, however much that is. */
static void test_precisions_of_strings(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("__data_loc char[] name", 8, 4, 1) FIELD("int namelen", 12, 4, 1)
		PRINT("\"name %.*s.\", REC->namelen, __get_str(name)"), NULL,
	};
	static const struct { int namelen; const char *text; } cases[] = {
		{ 2, "name ab." }, { 3, "name abc." }, { 4097, "name abc." }, { INT_MAX, "name abc." },
		{ -1, "[FAILED TO PARSE] name=abc namelen=-1" },
	};
	uint8_t rec[20] = RECORD(300, 16, 0, 4, 0);
	struct fixture fx;

	(void)state;
	memcpy(rec + 16, "abc", 4);
	begin(&fx, texts, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(rec + 12, &cases[i].namelen, 4);
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22, cases[i].text);
	}
	end(&fx);
}

/* What libtraceevent 1.7 does not survive: a mask of no bytes, the length of a __rel_loc. */
static void test_arrays_that_are_not_run(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("__data_loc cpumask_t m", 8, 4, 0)
		PRINT("\"%s\", __get_cpumask(m)"),
		"sys", COMMON("rel", 301) FIELD("__rel_loc char[] r", 8, 4, 1)
		PRINT("\"%d\", __get_rel_dynamic_array_len(r)"), NULL
	};
	static const uint8_t mask[] = RECORD(300, 12, 0, 1, 0, 0x83);
	static const uint8_t none[] = RECORD(300, 12, 0, 0, 0);
	static const uint8_t relative[] = RECORD(301, 0, 0, 2, 0, 'a', 0);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(strstr(line_of(&fx, &plain, mask, sizeof(mask)), "ev:") + 22, "0-1,7");
	assert_string_equal(strstr(line_of(&fx, &plain, none, sizeof(none)), "ev:") + 22,
			    "[FAILED TO PARSE] m=12");
	assert_string_equal(strstr(line_of(&fx, &plain, relative, sizeof(relative)), "rel:") + 22,
			    "[FAILED TO PARSE] r=a");
	end(&fx);
}

/* libtraceevent's plugin writes as many bytes as the record says, wherever that is. */
static void test_instructions_of_impossible_lengths(void **state)
{
	static const char *const texts[] = {
		"kvm", COMMON("kvm_emulate_insn", 300) FIELD("__u64 rip", 8, 8, 0) FIELD("__u32 csbase", 16, 4, 0)
		FIELD("int len", 20, 4, 1) FIELD("__u8 insn[15]", 24, 15, 0) FIELD("__u8 flags", 39, 1, 0)
		FIELD("__u8 failed", 40, 1, 0) PRINT("\"of %d\", REC->len"), NULL
	};
	static const int lengths[] = { 16, 700, 1 << 20, INT_MAX, 0, -1, -0x100000 };
	uint8_t rec[48] = RECORD(300, 1);
	char want[32];
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		memcpy(rec + 20, &lengths[i], sizeof(lengths[i]));
		snprintf(want, sizeof(want), "of %d", lengths[i]);
		assert_non_null(strstr(line_of(&fx, &plain, rec, sizeof(rec)), want));
	}
	end(&fx);
}

static void repeat(struct buf *b, const char *text, unsigned nr)
{
	while (nr--)
		buf_puts(b, text);
}

static void test_endless_print_formats(void **state)
{
	static const char *const pieces[] = { "(", "!", "-", "1+", "1?", "1<<" };
	static const uint8_t rec[] = RECORD(300, 2, 0, 0, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct buf text = { 0 };
		const char *texts[] = { "sys", NULL, NULL };
		struct fixture fx;

		buf_puts(&text, COMMON("ev", 300) FIELD("int a", 8, 4, 1) "\nprint fmt: \"%d\", ");
		repeat(&text, pieces[i], 80000);
		buf_puts(&text, "1\n");
		texts[1] = text.data;
		begin(&fx, texts, false);
		assert_non_null(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "[FAILED TO PARSE] a=2"));
		end(&fx);
		buf_release(&text);
	}
}

static void test_formats_that_are_left_out(void **state)
{
	static const struct { const char *text, *why; } cases[] = {
		{ "", "no name or id" },
		{ "ID: 300\n", "no name or id" },
		{ "name: ev\n", "no name or id" },
		{ "name: ev\nID: x\n", "no name or id" },
		{ "name: ev\nID: -3\n", "no name or id" },
		{ "name: ev\nID: 99999999999\n", "no name or id" },
		{ "name: ev\nID: 0300\n", "no name or id" },
		{ "name: ev\nID: 300\n", "no field common_type" },
		{ "name: ev\nID: 300\nformat:\n" FIELD("unsigned short common_type", 2, 2, 0), "no field common_type" },
		{ "name: ev\nID: 300\nformat:\n" FIELD("unsigned short common_type", 0, 4, 0), "no field common_type" },
		{ "format:\n" COMMON("ev", 300) PRINT("\"\""), "cannot be understood" },
		{ COMMON("ev", 300) "\tfield:int a[", "bracket is not closed" },
		{ COMMON("ev", 300) "\tfield:int a[3", "bracket is not closed" },
		{ COMMON("ev", 300) "\tfield:int a[3;\toffset:8;\n\tfield:int b[2];", "bracket is not closed" },
		{ COMMON("ev", 300) "\n print fmt: \"%d\", REC->x\n", "a print format among" },
		{ COMMON("ev", 300) "\tfield:int a[\200];", "not printable" },
		{ COMMON("ev", 300) "\tfield:__attribute__((user)) a;", "without a type" },
	};
	static const uint8_t rec[] = RECORD(300, 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const texts[] = { "sys", cases[i].text, NULL };
		struct fixture fx;

		begin(&fx, texts, false);
		if (!strstr(line_of(&fx, &plain, rec, sizeof(rec)), "[UNKNOWN EVENT]: ") ||
		    !strstr(fx.notices, cases[i].why))
			fail_msg("'%s': '%s' '%s'", cases[i].text, line_of(&fx, &plain, rec, sizeof(rec)),
				 fx.notices);
		end(&fx);
	}
}

static void test_one_id_twice(void **state)
{
	static const char *const texts[] = {
		"a", COMMON("first", 300) PRINT("\"one\""), "b", COMMON("second", 300) PRINT("\"two\""), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 2);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_non_null(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "first:                one"));
	assert_string_equal(fx.notices, "event b:second has the id 300 of a:first: left out\n");
	end(&fx);
}

static void test_fields_at_impossible_places(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 4294967290, 4, 1) PRINT("\"a=%d\", REC->a"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 2, 0, 0, 0);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22, "[FAILED TO PARSE]");
	end(&fx);
}

static int no_text(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)text;
	(void)len;
	return err_set(e, -EIO, "the printk formats cannot be read");
}

static void test_a_text_that_cannot_be_had(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("char * a", 8, 8, 0) PRINT("\"%s\", REC->a"), NULL
	};
	static const uint8_t rec[16] = RECORD(300, 2);
	struct fixture fx;
	struct event_db_source source = { .formats = formats, .printk = no_text, .ctx = &fx };

	(void)state;
	begin(&fx, texts, false);
	event_db_set_source(fx.db, &source);
	line_of(&fx, &plain, rec, sizeof(rec));
	line_of(&fx, &plain, rec, sizeof(rec));
	assert_string_equal(fx.notices, "the printk formats cannot be read\n");
	end(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_print_formats_that_are_not_run),
		cmocka_unit_test(test_division_by_constants),
		cmocka_unit_test(test_widths_that_are_not_printed),
		cmocka_unit_test(test_precisions_of_strings),
		cmocka_unit_test(test_arrays_that_are_not_run),
		cmocka_unit_test(test_instructions_of_impossible_lengths),
		cmocka_unit_test(test_endless_print_formats),
		cmocka_unit_test(test_formats_that_are_left_out),
		cmocka_unit_test(test_one_id_twice),
		cmocka_unit_test(test_fields_at_impossible_places),
		cmocka_unit_test(test_a_text_that_cannot_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
