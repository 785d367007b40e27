// SPDX-License-Identifier: GPL-2.0-or-later
/* Formats and records into lines: sound ones, malformed ones, and each guard. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/event.h"
#include "../formats.h"

/* One db over texts given; notices are kept. */
struct fixture {
	struct event_db *db;
	struct event_ctx *ctx;
	const char *const *formats;	/* system, text, ..., NULL */
	char notices[4096];
};

static void keep_notice(void *ctx, const char *text)
{
	struct fixture *fx = ctx;
	size_t len = strlen(fx->notices);

	snprintf(fx->notices + len, sizeof(fx->notices) - len, "%s\n", text);
}

static struct notices fixture_notices = { .fn = keep_notice };

static int formats(void *ctx, struct event_db *db, struct err *e)
{
	struct fixture *fx = ctx;

	for (size_t i = 0; fx->formats[i]; i += 2) {
		const char *text = fx->formats[i + 1];
		int r = event_db_add_format(db, fx->formats[i], text, strlen(text), e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int symbols(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "1000 T first\n2000 T second\n3000 T end\n";
	*len = strlen(*text);
	return 0;
}

static int names(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "100 a task\n";
	*len = strlen(*text);
	return 0;
}

static int printks(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "0x10 : \"a %d %s\\n\"\n0x20 : \"%*d %s\"\n0x30 : \"%99999999d\"\n0x40 : \"%pI4 %*d\"\n";
	*len = strlen(*text);
	return 0;
}

static int no_text(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)text;
	(void)len;
	return err_set(e, -EIO, "the printk formats cannot be read");
}

static void begin_sized(struct fixture *fx, const char *const *texts, bool big_endian,
			unsigned long_size)
{
	struct event_db_opts opts = { .big_endian = big_endian, .long_size = long_size,
				      .page_size = 4096, .cpus = 1, .notices = &fixture_notices };
	struct event_db_source source = { .formats = formats, .kallsyms = symbols,
					  .cmdlines = names, .ctx = fx };

	tep_set_loglevel(TEP_LOG_NONE);
	memset(fx, 0, sizeof(*fx));
	fx->formats = texts;
	fixture_notices.ctx = fx;
	assert_int_equal(event_db_new(&opts, &fx->db, NULL), 0);
	event_db_set_source(fx->db, &source);
	assert_int_equal(event_ctx_new(fx->db, &fx->ctx, NULL), 0);
}

static void begin(struct fixture *fx, const char *const *texts, bool big_endian)
{
	begin_sized(fx, texts, big_endian, 8);
}

static void end(struct fixture *fx)
{
	event_ctx_free(fx->ctx);
	event_db_free(fx->db);
}

static const struct event_line_opts plain = { .seconds = true };

/* The line of a record, which lies at the very end of its memory. */
static const char *line_of(struct fixture *fx, const struct event_line_opts *opts,
			   const void *data, size_t len)
{
	static struct buf out;
	struct event_line_state state = { 0 };
	void *exact = malloc(len ? len : 1);
	struct event_record rec = { .ts = 1000000500, .data = exact, .len = len, .avail = len };

	assert_non_null(exact);
	if (len)
		memcpy(exact, data, len);
	buf_clear(&out);
	event_line(fx->ctx, opts, &state, &rec, NULL, &out);
	assert_false(out.failed);
	free(exact);
	return out.data;
}

#define RECORD(id, ...) { (id) & 255, (id) >> 8, 0x0d, 0x12, 100, 0, 0, 0, __VA_ARGS__ }

static void test_a_line(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) FIELD("u8 b", 12, 1, 0)
		PRINT("\"a=%d b=%u\", REC->a, REC->b"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 0xfe, 0xff, 0xff, 0xff, 7, 0, 0, 0);
	struct event_line_opts opts = plain;
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(line_of(&fx, &opts, rec, sizeof(rec)),
			    "          a task-100   [000] dNh21     1.000001: ev:                   a=-2 b=7");
	opts.no_flags = true;
	assert_string_equal(line_of(&fx, &opts, rec, sizeof(rec)),
			    "          a task-100   [000]     1.000001: ev:                   a=-2 b=7");
	opts = (struct event_line_opts){ .seconds = true, .latency = true, .nanoseconds = true };
	assert_string_equal(line_of(&fx, &opts, rec, sizeof(rec)),
			    "  a task-100     0dNh21     1.000000500: ev:                   a=-2 b=7");
	opts = (struct event_line_opts){ .seconds = true, .fields = true };
	assert_string_equal(line_of(&fx, &opts, rec, sizeof(rec)),
			    "          a task-100   [000]-0xd     1.000001: ev:                    a=-2 b=7");
	opts = (struct event_line_opts){ .seconds = false };
	assert_string_equal(line_of(&fx, &opts, rec, sizeof(rec)),
			    "          a task-100   [000] dNh21  1000000500: ev:                   a=-2 b=7");
	opts.loose_clock = true;
	assert_string_equal(line_of(&fx, &opts, rec, sizeof(rec)),
			    "          a task-100   [000] dNh21   1000000500: ev:                   a=-2 b=7");
	assert_string_equal(fx.notices, "");
	end(&fx);
}

static void test_byte_order(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) PRINT("\"a=%d\", REC->a"), NULL,
	};
	static const uint8_t rec[] = { 1, 0x2c, 0, 0, 0, 0, 0, 100, 0, 0, 1, 0 };
	struct fixture fx;

	(void)state;
	begin(&fx, texts, true);
	assert_string_equal(line_of(&fx, &plain, rec, sizeof(rec)),
			    "          a task-100   [000] .....     1.000001: ev:                   a=256");
	end(&fx);
}

static void test_records_too_short(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) FIELD("__data_loc char[] s", 12, 4, 0)
		PRINT("\"a=%d s=%s\", REC->a, __get_str(s)"), NULL,
	};
	static const uint8_t cut[] = RECORD(300, 5, 0, 0, 0);
	static const uint8_t outside[] = RECORD(300, 5, 0, 0, 0, 16, 0, 5, 0, 'a', 'b', 'c', 0);
	static const uint8_t endless[] = RECORD(300, 5, 0, 0, 0, 16, 0, 4, 0, 'a', 'b', 'c', 'd');
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(strstr(line_of(&fx, &plain, cut, sizeof(cut)), "ev:") + 22,
			    "[BAD RECORD: 12 bytes, the format needs 16] a=5");
	assert_string_equal(strstr(line_of(&fx, &plain, outside, sizeof(outside)), "ev:") + 22,
			    "[BAD RECORD: array 's' lies outside] a=5");
	assert_string_equal(strstr(line_of(&fx, &plain, endless, sizeof(endless)), "ev:") + 22,
			    "a=5 s=abcd");
	/* not even all common fields, and no id */
	assert_non_null(strstr(line_of(&fx, &plain, cut, 3), "<...>--1"));
	assert_non_null(strstr(line_of(&fx, &plain, cut, 1), "[UNKNOWN EVENT]:      id -1: 2c"));
	end(&fx);
}

static void test_unknown_id(void **state)
{
	static const char *const texts[] = { "sys", COMMON("ev", 300) PRINT("\"\""), NULL };
	static const uint8_t rec[] = RECORD(301, 5);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(line_of(&fx, &plain, rec, sizeof(rec)),
			    "          a task-100   [000] dNh21     1.000001: [UNKNOWN EVENT]:      "
			    "id 301: 2d 01 0d 12 64 00 00 00 05");
	end(&fx);
}

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

/* ---- ftrace's own -------------------------------------------------------------------- */

#define STACK COMMON("kernel_stack", 4) FIELD("int size", 8, 4, 1) \
	FIELD("unsigned long caller[8]", 16, 64, 0) PRINT("\"\"")
#define STACK_32 COMMON("kernel_stack", 4) FIELD("int size", 8, 4, 1) \
	FIELD("unsigned long caller[8]", 12, 32, 0) PRINT("\"\"")
#define RAW COMMON("raw_data", 18) FIELD("unsigned int id", 8, 4, 0) \
	FIELD("char buf[]", 12, 0, 0) PRINT("\"id:%04x %08x\", REC->id, (int)REC->buf[0]")

static void test_stacks(void **state)
{
	static const char *const texts[] = { "ftrace", STACK, NULL };
	static const struct event_line_opts fields = { .seconds = true, .fields = true };
	uint8_t rec[16 + 3 * 8] = RECORD(4, 3);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	/* the sub-buffer ends behind three addresses, the format tells of eight */
	assert_non_null(strstr(line_of(&fx, &fields, rec, sizeof(rec)), "caller=ARRAY[00, 00, "));
	put_u64(rec + 16, 0x1004, false);
	put_u64(rec + 24, 0x500, false);
	put_u64(rec + 32, 0x2000, false);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "<stack"),
			    "<stack trace >\n=> first (1004)\n=> 500\n=> second (2000)");
	put_u64(rec + 24, UINT64_MAX, false);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "<stack"),
			    "<stack trace >\n=> first (1004)");
	assert_string_equal(strstr(line_of(&fx, &plain, rec, 20), "<stack"), "<stack trace >");
	/* no place for any frame */
	assert_non_null(strstr(line_of(&fx, &plain, rec, 12), "[BAD RECORD: "));
	end(&fx);
}

/* Of a kernel of 32 bits, of either byte order. */
static void test_stacks_of_32_bits(void **state)
{
	static const char *const texts[] = { "ftrace", STACK_32, NULL };

	(void)state;
	for (int big = 0; big < 2; big++) {
		uint8_t rec[12 + 4 * 4] = RECORD(4);
		struct fixture fx;

		begin_sized(&fx, texts, big, 4);
		rec[0] = big ? 0 : 4;
		rec[1] = big ? 4 : 0;
		put_u32(rec + 4, 100, big);
		put_u32(rec + 12, 0x1004, big);
		put_u32(rec + 16, 0xfffffffe, big);
		put_u32(rec + 20, 0x2000, big);
		put_u32(rec + 24, 0x500, big);
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "<stack"),
				    "<stack trace >\n=> first (1004)\n=> fffffffe\n=> second (2000)\n=> 500");
		/* all ones end it: kernels before 5.4 filled up with them */
		put_u32(rec + 20, UINT32_MAX, big);
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "<stack"),
				    "<stack trace >\n=> first (1004)\n=> fffffffe");
		end(&fx);
	}
}

static void test_raw_data(void **state)
{
	static const char *const texts[] = { "ftrace", RAW, NULL };
	static const uint8_t rec[] = RECORD(18, 1, 2, 0, 0, 0x72, 0, 0xff);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "# "), "# 201 72 00 ff");
	assert_string_equal(strstr(line_of(&fx, &plain, rec, 12), "# "), "# 201");
	end(&fx);
}

#define BPRINT COMMON("bprint", 6) FIELD("unsigned long ip", 8, 8, 0) \
	FIELD("const char * fmt", 16, 8, 0) FIELD("u32 buf[]", 24, 0, 0) \
	PRINT("\"%ps: %s\", (void *)REC->ip, REC->fmt")

static const char *bprint_of(struct fixture *fx, uint64_t fmt, uint32_t a, uint32_t b, const char *s)
{
	uint8_t rec[24 + 16] = RECORD(6, 0);

	put_u64(rec + 8, 0x1000, false);
	put_u64(rec + 16, fmt, false);
	put_u32(rec + 24, a, false);
	put_u32(rec + 28, b, false);
	memcpy(rec + 32, s, strlen(s) + 1);
	return strstr(line_of(fx, &plain, rec, sizeof(rec)), "bprint: ") + 22;
}

static void test_binary_prints(void **state)
{
	static const char *const texts[] = { "ftrace", BPRINT, NULL };
	struct event_db_source source = { .formats = formats, .kallsyms = symbols, .printk = printks };
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	source.ctx = &fx;
	event_db_set_source(fx.db, &source);
	assert_string_equal(bprint_of(&fx, 0x10, 7, 0x00007978, ""), "first: a 7 xy");
	assert_string_equal(bprint_of(&fx, 0x20, 4, 7, "xyz"), "first:    7 xyz");
	assert_non_null(strstr(bprint_of(&fx, 0x20, 0x7fffffff, 7, "xyz"), "[FAILED TO PARSE]"));
	assert_non_null(strstr(bprint_of(&fx, 0x20, 0x80000000, 7, "xyz"), "[FAILED TO PARSE]"));
	assert_non_null(strstr(bprint_of(&fx, 0x30, 1, 1, ""), "[FAILED TO PARSE]"));
	assert_non_null(strstr(bprint_of(&fx, 0x40, 1, 1, ""), "[FAILED TO PARSE]"));
	assert_non_null(strstr(bprint_of(&fx, 0x50, 1, 1, ""), "NO FORMAT FOUND at 50"));
	end(&fx);
}

#define ENTRY COMMON("funcgraph_entry", 11) FIELD("unsigned long func", 8, 8, 0) \
	FIELD("int depth", 16, 4, 1) PRINT("\"--> %ps (%d)\", (void *)REC->func, REC->depth")
#define EXIT COMMON("funcgraph_exit", 10) FIELD("unsigned long func", 8, 8, 0) \
	FIELD("int depth", 16, 4, 1) FIELD("unsigned long long calltime", 24, 8, 0) \
	FIELD("unsigned long long rettime", 32, 8, 0) FIELD("unsigned long retval", 40, 8, 0) PRINT("\"\"")

struct coming { const void *data; size_t len; uint32_t cpu; unsigned taken; };

static int peek(void *ctx, struct event_record *ret)
{
	struct coming *c = ctx;

	*ret = (struct event_record){ .data = c->data, .len = c->len, .avail = c->len, .cpu = c->cpu };
	return 1;
}

static void take(void *ctx)
{
	((struct coming *)ctx)->taken++;
}

static void test_graphs(void **state)
{
	static const char *const texts[] = { "ftrace", ENTRY, "ftrace", EXIT, NULL };
	uint8_t entry[20] = RECORD(11, 0), exit_[48] = RECORD(10, 0);
	struct coming coming = { .data = exit_, .len = sizeof(exit_) };
	struct event_next next = { .peek = peek, .take = take, .ctx = &coming };
	struct event_record rec = { .data = entry, .len = sizeof(entry), .avail = sizeof(entry) };
	struct tep_event *event;
	struct buf out = { 0 };
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	put_u64(entry + 8, 0x1000, false);
	entry[16] = 1;
	put_u64(exit_ + 8, 0x1000, false);
	exit_[16] = 1;
	put_u64(exit_ + 24, 5000, false);
	put_u64(exit_ + 32, 5000 + 12345, false);
	put_u64(exit_ + 40, (uint64_t)-22, false);
	event = event_db_event(fx.db, 11);
	event_text(fx.ctx, event, &rec, false, &next, &out);
	assert_string_equal(out.data, "+ 12.345 us  |    first(); (ret=-22)");
	assert_int_equal(coming.taken, 1);
	/* another function, another CPU, another task, nothing at all */
	put_u64(exit_ + 8, 0x2000, false);
	buf_clear(&out);
	event_text(fx.ctx, event, &rec, false, &next, &out);
	assert_string_equal(out.data, "             |    first() {");
	put_u64(exit_ + 8, 0x1000, false);
	coming.cpu = 1;
	buf_clear(&out);
	event_text(fx.ctx, event, &rec, false, &next, &out);
	assert_string_equal(out.data, "             |    first() {");
	coming.cpu = 0;
	exit_[4] = 101;
	buf_clear(&out);
	event_text(fx.ctx, event, &rec, false, &next, &out);
	assert_string_equal(out.data, "             |    first() {");
	buf_clear(&out);
	event_text(fx.ctx, event, &rec, false, NULL, &out);
	assert_string_equal(out.data, "             |    first() {");
	assert_int_equal(coming.taken, 1);
	buf_release(&out);
	end(&fx);
}

static const char *duration(struct fixture *fx, uint64_t nsecs)
{
	uint8_t rec[48] = RECORD(10, 0);

	put_u64(rec + 32, nsecs, false);
	return strstr(line_of(fx, &plain, rec, sizeof(rec)), "funcgraph_exit: ") + 22;
}

/* As trace-cmd prints them, seen in a recording with its times edited. */
static void test_durations(void **state)
{
	static const char *const texts[] = { "ftrace", EXIT, NULL };
	static const struct { uint64_t nsecs; const char *text; } cases[] = {
		{ 0, "  0.000 us   |  }" }, { 999, "  0.999 us   |  }" }, { 10000, "  10.000 us  |  }" },
		{ 10001, "+ 10.001 us  |  }" }, { 100000, "+ 100.000 us |  }" }, { 100001, "! 100.001 us |  }" },
		{ 1000000, "! 1000.000 us |  }" }, { 1000001, "# 1000.001 us |  }" },
		{ 999999999, "# 999999.999 us |  }" }, { 1000000000, "# 1000000 us |  }" },
		{ 1000000001, "$ 1000000 us |  }" }, { UINT64_MAX, "$ 18446744073709551 us |  }" },
	};
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = duration(&fx, cases[i].nsecs);

		assert_memory_equal(text, cases[i].text, strlen(cases[i].text));
	}
	end(&fx);
}

static void test_styles(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) PRINT("\"text\""), "ftrace", RAW, NULL,
	};
	static const uint8_t rec[] = RECORD(300, 2, 0, 0, 0), raw[] = RECORD(18, 1, 2, 0, 0, 5);
	struct err e = { 0 };
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_int_equal(event_db_set_style(fx.db, EVENT_STYLE_FIELDS, "[", &e), -EINVAL);
	assert_non_null(strstr(e.text, "regular expression"));
	assert_int_equal(event_db_set_style(fx.db, EVENT_STYLE_FIELDS, "E.", &e), 0);
	assert_int_equal(event_db_set_style(fx.db, EVENT_STYLE_NO_HANDLER, "ftrace", &e), 0);
	assert_non_null(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:                    a=2"));
	assert_non_null(strstr(line_of(&fx, &plain, raw, sizeof(raw)), "id:0201 "));
	end(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line),
		cmocka_unit_test(test_byte_order),
		cmocka_unit_test(test_records_too_short),
		cmocka_unit_test(test_unknown_id),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_print_formats_that_are_not_run),
		cmocka_unit_test(test_division_by_constants),
		cmocka_unit_test(test_widths_that_are_not_printed),
		cmocka_unit_test(test_arrays_that_are_not_run),
		cmocka_unit_test(test_instructions_of_impossible_lengths),
		cmocka_unit_test(test_endless_print_formats),
		cmocka_unit_test(test_formats_that_are_left_out),
		cmocka_unit_test(test_one_id_twice),
		cmocka_unit_test(test_fields_at_impossible_places),
		cmocka_unit_test(test_a_text_that_cannot_be_had),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_stacks_of_32_bits),
		cmocka_unit_test(test_raw_data),
		cmocka_unit_test(test_binary_prints),
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_styles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
