// SPDX-License-Identifier: GPL-2.0-or-later
/* Formats and records into lines. */
#include "event_lines.h"

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

/* Where libtraceevent has no sign, no size and no letter for it. */
static void test_as_the_kernel_prints(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("s8 a", 8, 1, 1) FIELD("s16 b", 9, 2, 1) FIELD("u16 h[]", 11, 4, 0)
		FIELD("s16 sh[2]", 15, 4, 1) FIELD("u8 c", 19, 1, 0) FIELD("s32 d", 20, 4, 1) FIELD("u8 e", 24, 1, 0)
		PRINT("\"a=%d b=%4d h={%u,0x%x} sh={%d,%d} c='%c' d=%ld e=%d u=%u\", REC->a, REC->b, REC->h[0], REC->h[1], "
		      "REC->sh[0], REC->sh[1], REC->c, REC->d, REC->e, REC->a"),
		"sys", COMMON("small", 301) FIELD("s8 a", 8, 1, 1) PRINT("\"a=%d\", REC->a"), NULL,
	};
	static const uint8_t small[] = RECORD(301, 5);
	static const uint8_t rec[] = RECORD(300, 0xff, 0xfe, 0xff, 1, 0, 0xff, 0xff, 0xfd, 0xff, 7, 0, 'x',
					    0xfc, 0xff, 0xff, 0xff, 0xff);
	AUTO_BUF struct buf odd = { 0 };
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	event_db_set_texts(fx.db, EVENT_TEXTS_KERNEL);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22,
			    "a=-1 b=  -2 h={1,0xffff} sh={-3,7} c='x' d=-4 e=255 u=255");
	end(&fx);
	begin(&fx, texts, false);
	event_db_set_texts(fx.db, EVENT_TEXTS_COMPARE);
	assert_non_null(strstr(line_of(&fx, &plain, small, sizeof(small)), "a=5"));
	assert_int_equal(event_db_odd_texts(fx.db, &odd), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22,
				    "a=255 b=65534 h={0,0x0} sh={65533,7} c='>c<' d=120 e=-4 u=255");
	assert_int_equal(event_db_odd_texts(fx.db, &odd), 1);
	assert_string_equal(odd.data, "sys:ev");
	assert_string_equal(fx.notices, "");
	end(&fx);
}

static void test_arrays_of_strings(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("my-ev", 300) FIELD("__data_loc char[][2] s", 8, 8, 1) FIELD("u16 n", 16, 2, 0)
		PRINT("\"s={\\\"%s\\\",\\\"%s\\\"} n=%u\", __get_str(s[0]), __get_str(s[1]), REC->n"),
		/* sizes that are none of them */
		"sys", COMMON("bad", 301) FIELD("__data_loc char[][3] s", 8, 8, 1) PRINT("\"%s\", __get_str(s[0])"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 18, 0, 3, 0, 21, 0, 4, 0, 5, 0, 'o', 'n', 0, 't', 'w', 'o', 0);
	static const uint8_t bad[] = RECORD(301, 1, 2, 3, 4, 5, 6, 7, 8);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "my-ev:") + 22, "s={\"on\",\"two\"} n=5");
	assert_non_null(tep_find_field(event_db_event(fx.db, 300), "s_1"));
	assert_non_null(strstr(line_of(&fx, &plain, bad, sizeof(bad)), "[FAILED TO PARSE]"));
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

/* The last time of a function that was called again and again is shown as times in front of lines are. */
static void test_times_in_texts(void **state)
{
	static const char *const texts[] = {
		"ftrace", COMMON("func_repeats", 300) FIELD("unsigned long ip", 8, 8, 0)
		FIELD("unsigned long parent_ip", 16, 8, 0) FIELD("u16 count", 24, 2, 0)
		FIELD("u16 top_delta_ts", 26, 2, 0) FIELD("u32 bottom_delta_ts", 28, 4, 0)
		PRINT("\" %x\", REC->count"), NULL,
	};
	static const struct { struct event_line_opts opts; const char *text; } cases[] = {
		{ { .seconds = true }, "(count: 5  last_ts:     1.000000)" },
		{ { .seconds = true, .nanoseconds = true }, "(count: 5  last_ts:     1.000000401)" },
		{ { .seconds = true, .counts_in_texts = true }, "(count: 5  last_ts:   1000000401)" },
		{ { .seconds = false }, "(count: 5  last_ts:   1000000401)" },
	};
	uint8_t rec[32] = RECORD(300, 0);
	struct fixture fx;

	(void)state;
	rec[24] = 5;
	rec[28] = 99;
	begin(&fx, texts, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(strstr(line_of(&fx, &cases[i].opts, rec, sizeof(rec)), "(count"), cases[i].text);
	end(&fx);
}

static int printks(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "0x10 : \"a %d %s\\n\"\n0x20 : \"%*d %s\"\n0x30 : \"%99999999d\"\n0x40 : \"%pI4 %*d\"\n";
	*len = strlen(*text);
	return 0;
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
		cmocka_unit_test(test_as_the_kernel_prints),
		cmocka_unit_test(test_arrays_of_strings),
		cmocka_unit_test(test_unknown_id),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_stacks_of_32_bits),
		cmocka_unit_test(test_raw_data),
		cmocka_unit_test(test_times_in_texts),
		cmocka_unit_test(test_binary_prints),
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_styles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
