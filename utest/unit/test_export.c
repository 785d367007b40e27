// SPDX-License-Identifier: GPL-2.0-or-later
/* Records to JSON and CSV: types, strings of any bytes, records that are cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/export.h"
#include "ring/ring.h"
#include "../formats.h"

#define RECORD(id, ...) { (id) & 255, (id) >> 8, 0x0d, 0x12, 100, 0, 0, 0, __VA_ARGS__ }

/* One db over formats given, and one way to export. */
struct bed {
	struct event_db *db;
	struct event_ctx *texts;
	struct event_export *x;
	struct event_export_ctx *ctx;
	struct event_columns columns;
	struct buf where, out;
};

static const char *const *formats;	/* system, text, ..., NULL */
static const char *tasks = "100 a task\n101 b\xff\n102 say \"hi\"\n";

static int add_formats(void *ctx, struct event_db *db, struct err *e)
{
	(void)ctx;
	for (size_t i = 0; formats[i]; i += 2)
		assert_int_equal(event_db_add_format(db, formats[i], formats[i + 1],
						     strlen(formats[i + 1]), e), 0);
	return 0;
}

static int add_names(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = tasks;
	*len = strlen(tasks);
	return 0;
}

static void begin(struct bed *b, const char *const *texts, bool big, struct event_export_opts opts,
		  const char *columns)
{
	const struct event_db_opts db_opts = { .big_endian = big, .long_size = 8, .page_size = 4096, .cpus = 1 };
	const struct event_db_source source = { .formats = add_formats, .cmdlines = add_names };

	tep_set_loglevel(TEP_LOG_NONE);
	memset(b, 0, sizeof(*b));
	formats = texts;
	assert_int_equal(event_db_new(&db_opts, &b->db, NULL), 0);
	event_db_set_source(b->db, &source);
	assert_int_equal(event_ctx_new(b->db, &b->texts, NULL), 0);
	if (columns) {
		assert_true(event_columns_add(&b->columns, b->db, columns, NULL, NULL) > 0);
		opts.columns = &b->columns;
	}
	assert_int_equal(event_export_new(b->db, &opts, &b->x, NULL), 0);
	assert_int_equal(event_export_ctx_new(&b->ctx, NULL), 0);
}

static void end(struct bed *b)
{
	event_export_free(b->x);
	event_export_ctx_free(b->ctx);
	event_ctx_free(b->texts);
	event_db_free(b->db);
	event_columns_release(&b->columns);
	buf_release(&b->where);
	buf_release(&b->out);
}

/* The line of a record, which lies at the very end of its memory. */
static const char *line_of(struct bed *b, const void *data, size_t len)
{
	void *exact = malloc(len ? len : 1);
	struct event_record rec = { .ts = 7, .data = exact, .len = len, .avail = len, .cpu = 3 };

	assert_non_null(exact);
	if (len)
		memcpy(exact, data, len);
	buf_clear(&b->out);
	event_export_put(b->x, b->ctx, b->texts, &rec, NULL, &b->where, &b->out);
	assert_false(b->out.failed);
	free(exact);
	return b->out.len ? b->out.data : "";
}

static const struct event_export_opts json = { .format = EVENT_EXPORT_JSON };
static const struct event_export_opts csv = { .format = EVENT_EXPORT_CSV };

#define HEAD "{\"time\":7,\"cpu\":3,\"task\":\"a task\",\"pid\":100,\"flags\":13,\"preempt_count\":18"
#define EVENT HEAD ",\"system\":\"sys\",\"event\":\"ev\",\"fields\":"

/* ---- numbers ------------------------------------------------------------------- */

#define NUMBERS COMMON("ev", 300) FIELD("char a", 8, 1, 1) FIELD("u8 b", 9, 1, 0) \
	FIELD("short c", 10, 2, 1) FIELD("u16 d", 12, 2, 0) FIELD("int e", 16, 4, 1) FIELD("u32 f", 20, 4, 0) \
	FIELD("long g", 24, 8, 1) FIELD("u64 h", 32, 8, 0) FIELD("void * i", 40, 8, 0) PRINT("\"\"")

static void test_numbers(void **state)
{
	static const char *const texts[] = { "sys", NUMBERS, NULL };
	uint8_t rec[48] = RECORD(300);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	memset(rec + 8, 0xff, sizeof(rec) - 8);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT
			    "{\"a\":-1,\"b\":255,\"c\":-1,\"d\":65535,\"e\":-1,\"f\":4294967295,"
			    "\"g\":-1,\"h\":18446744073709551615,\"i\":18446744073709551615}}\n");
	memset(rec + 8, 0, sizeof(rec) - 8);
	rec[8] = rec[31] = 0x80;
	rec[32] = 1;
	rec[38] = 0x20;	/* 2^53 + 1, which is no double */
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT
			    "{\"a\":-128,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":-9223372036854775808,"
			    "\"h\":9007199254740993,\"i\":0}}\n");
	end(&b);
}

/* The second, the CPU and the task of a line are those of the line before, or not. */
static void test_times_cpus_and_tasks(void **state)
{
	static const uint64_t times[] = {
		1000000000, 1000000001, 1999999999, 2000000000, 1999999999, 999999999, 0, 5,
		3811908888294, 3811000000000, 3812000000007, UINT64_MAX, UINT64_MAX - 999999999, 42,
	};
	static const char *const texts[] = { "sys", NUMBERS, NULL };
	static const uint32_t cpus[] = { 0, 0, 4294967295, 7 };
	uint8_t data[48] = RECORD(300);
	struct event_record rec = { .data = data, .len = sizeof(data), .avail = sizeof(data) };
	char expected[200];
	struct bed b;

	(void)state;
	for (int format = 0; format < 2; format++) {
		begin(&b, texts, false, format ? csv : json, NULL);
		for (size_t i = 0; i < 8 * ARRAY_SIZE(times); i++) {
			uint64_t ts = rec.ts = times[i % ARRAY_SIZE(times)];
			int pid = i / 3 % 2 ? 100 : 2147483647;

			rec.cpu = cpus[i / 2 % ARRAY_SIZE(cpus)];
			data[4] = pid;
			data[5] = pid >> 8;
			data[6] = pid >> 16;
			data[7] = pid >> 24;
			buf_clear(&b.out);
			event_export_put(b.x, b.ctx, b.texts, &rec, NULL, &b.where, &b.out);
			snprintf(expected, sizeof(expected), format ? "%llu,%u,%s,%d," :
				 "{\"time\":%llu,\"cpu\":%u,\"task\":%s,\"pid\":%d,",
				 (unsigned long long)ts, rec.cpu,
				 pid == 100 ? "\"a task\"" : format ? "" : "null", pid);
			assert_memory_equal(b.out.data, expected, strlen(expected));
		}
		end(&b);
	}
}

static void test_byte_order(void **state)
{
	static const char *const texts[] = { "sys", NUMBERS, NULL };
	static const uint8_t rec[48] = { 1, 0x2c, 0x0d, 0x12, 0, 0, 0, 100, 1, 2, 0xff, 0xfe, 1, 2, 0, 0,
					 0xff, 0xff, 0xff, 0xfd, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
					 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3 };
	struct bed b;

	(void)state;
	begin(&b, texts, true, json, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT
			    "{\"a\":1,\"b\":2,\"c\":-2,\"d\":258,\"e\":-3,\"f\":16909060,\"g\":-4,"
			    "\"h\":4294967298,\"i\":3}}\n");
	end(&b);
}

/* ---- strings --------------------------------------------------------------------- */

#define STRING COMMON("ev", 300) FIELD("__data_loc char[] s", 8, 4, 1) PRINT("\"%s\", __get_str(s)")

static const char *string_line(struct bed *b, const char *s)
{
	uint8_t rec[256] = RECORD(300, 12, 0);
	size_t len = strlen(s) + 1;

	assert_true(len < sizeof(rec) - 12);
	rec[10] = len;
	memcpy(rec + 12, s, len);
	return line_of(b, rec, 12 + len);
}

static void test_strings(void **state)
{
	static const char *const texts[] = { "sys", STRING, NULL };
	static const struct { const char *bytes, *line; } cases[] = {
		{ "", "{\"s\":\"\"}}\n" },
		{ "plain, and longer than eight", "{\"s\":\"plain, and longer than eight\"}}\n" },
		{ "a\"b\\c\x7f/", "{\"s\":\"a\\\"b\\\\c\x7f/\"}}\n" },
		{ "\n\t\r\b\f\x01\x1f", "{\"s\":\"\\n\\t\\r\\b\\f\\u0001\\u001f\"}}\n" },
		{ "1234567\n", "{\"s\":\"1234567\\n\"}}\n" },
		/* two, three and four bytes; the last character there is */
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7\xf4\x8f\xbf\xbf",
		  "{\"s\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7\xf4\x8f\xbf\xbf\"}}\n" },
#define BAD "\xef\xbf\xbd"
		{ "a\xff" "b", "{\"s\":\"a" BAD "b\"},\"bytes\":{\"s\":\"61ff62\"}}\n" },
		/* too long, a surrogate, too large, cut at the end and in the middle */
		{ "\xc0\x80", "{\"s\":\"" BAD BAD "\"},\"bytes\":{\"s\":\"c080\"}}\n" },
		{ "\xe0\x9f\xbf", "{\"s\":\"" BAD BAD BAD "\"},\"bytes\":{\"s\":\"e09fbf\"}}\n" },
		{ "\xf0\x8f\xbf\xbf", "{\"s\":\"" BAD BAD BAD BAD "\"},\"bytes\":{\"s\":\"f08fbfbf\"}}\n" },
		{ "\xed\xa0\x80", "{\"s\":\"" BAD BAD BAD "\"},\"bytes\":{\"s\":\"eda080\"}}\n" },
		{ "\xf4\x90\x80\x80", "{\"s\":\"" BAD BAD BAD BAD "\"},\"bytes\":{\"s\":\"f4908080\"}}\n" },
		{ "\xe2\x82", "{\"s\":\"" BAD BAD "\"},\"bytes\":{\"s\":\"e282\"}}\n" },
		{ "\xe2\x82x", "{\"s\":\"" BAD BAD "x\"},\"bytes\":{\"s\":\"e28278\"}}\n" },
	};
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *line = string_line(&b, cases[i].bytes);

		assert_memory_equal(line, EVENT, strlen(EVENT));
		assert_string_equal(line + strlen(EVENT), cases[i].line);
	}
	end(&b);
}

/* A sequence must not be looked for behind the string's end. */
static void test_string_without_an_end(void **state)
{
	static const char *const texts[] = { "sys", STRING, NULL };
	static const uint8_t rec[] = RECORD(300, 12, 0, 2, 0, 'a', 0xe2);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT
			    "{\"s\":\"a" BAD "\"},\"bytes\":{\"s\":\"61e2\"}}\n");
	end(&b);
}

static void test_names_of_tasks(void **state)
{
	static const char *const texts[] = { "sys", COMMON("ev", 300) PRINT("\"\""), NULL };
	uint8_t rec[] = RECORD(300);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	for (int i = 0; i < 2; i++) {	/* remembered the second time */
		rec[4] = 101;
		assert_non_null(strstr(line_of(&b, rec, sizeof(rec)),
				       "\"task\":\"b" BAD "\",\"task_bytes\":\"62ff\",\"pid\":101,"));
		rec[4] = 102;
		assert_non_null(strstr(line_of(&b, rec, sizeof(rec)), "\"task\":\"say \\\"hi\\\"\",\"pid\":102,"));
		rec[4] = 99;
		assert_non_null(strstr(line_of(&b, rec, sizeof(rec)), "\"task\":null,\"pid\":99,"));
		rec[4] = 0;
		assert_non_null(strstr(line_of(&b, rec, sizeof(rec)), "\"task\":\"<idle>\",\"pid\":0,"));
	}
	end(&b);
}

/* The name of a process that no table has, told by an event. */
static void test_learnt_names(void **state)
{
	static const char *const texts[] = {
		"sched", COMMON("sched_wakeup", 300) FIELD("char comm[16]", 8, 16, 0) FIELD("pid_t pid", 24, 4, 1)
		PRINT("\"\""), NULL,
	};
	uint8_t rec[28] = RECORD(300, 'n', 'e', 'w');
	struct bed b;

	(void)state;
	rec[24] = 99;
	begin(&b, texts, false, json, NULL);
	assert_non_null(strstr(line_of(&b, rec, sizeof(rec)), "\"task\":\"a task\",\"pid\":100,"));
	rec[4] = 99;
	assert_non_null(strstr(line_of(&b, rec, sizeof(rec)), "\"task\":\"new\",\"pid\":99,"));
	end(&b);
}

/* ---- arrays ------------------------------------------------------------------------ */

static void test_arrays(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("u8 a[2]", 8, 2, 0) FIELD("s16 b[1]", 10, 2, 1)
		FIELD("__data_loc u32[] c", 12, 4, 0) FIELD("__rel_loc char[] d", 16, 4, 1)
		FIELD("struct pair e", 20, 3, 0) FIELD("__data_loc char[] f", 24, 4, 0) FIELD("u16 g[]", 28, 0, 0)
		PRINT("\"%s\", __print_hex(__get_dynamic_array(f), __get_dynamic_array_len(f))"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 1, 2, 0xff, 0xff, 28, 0, 8, 0, 16, 0, 2, 0, 1, 2, 3, 0, 29, 0, 2, 0,
					    5, 0, 0, 0, 6, 0, 0, 1, 'x', 0);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT
			    "{\"a\":[1,2],\"b\":[-1],\"c\":[5,16777222],\"d\":\"x\",\"e\":[1,2,3],\"f\":[0,0],"
			    "\"g\":[5,0,6,256,120]}}\n");
	end(&b);
}

/* ---- records that are not what the format says --------------------------------------- */

#define CUT COMMON("ev", 300) FIELD("int a", 8, 4, 1) FIELD("u16 b[4]", 12, 8, 0) FIELD("char c[4]", 20, 4, 0) \
	FIELD("__data_loc char[] d", 24, 4, 0) PRINT("\"\"")

static void test_cut_records(void **state)
{
	static const char *const texts[] = { "sys", CUT, NULL };
	static const uint8_t rec[32] = RECORD(300, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 'c', 'd', 'e', 'f', 28, 0, 4, 0,
					      'x', 'y', 'z', 0);
	static const struct { size_t len; const char *line; } cases[] = {
		{ 32, EVENT "{\"a\":1,\"b\":[2,3,4,5],\"c\":\"cdef\",\"d\":\"xyz\"}}\n" },
		{ 31, EVENT "{\"a\":1,\"b\":[2,3,4,5],\"c\":\"cdef\",\"d\":null}}\n" },
		{ 26, EVENT "{\"a\":1,\"b\":[2,3,4,5],\"c\":\"cdef\",\"d\":null}}\n" },
		{ 21, EVENT "{\"a\":1,\"b\":[2,3,4,5],\"c\":\"c\",\"d\":null}}\n" },
		{ 17, EVENT "{\"a\":1,\"b\":[2,3],\"c\":null,\"d\":null}}\n" },
		{ 12, EVENT "{\"a\":1,\"b\":null,\"c\":null,\"d\":null}}\n" },
		{ 11, EVENT "{\"a\":null,\"b\":null,\"c\":null,\"d\":null}}\n" },
		{ 7, "{\"time\":7,\"cpu\":3,\"task\":null,\"pid\":null,\"flags\":13,\"preempt_count\":18,"
		     "\"system\":\"sys\",\"event\":\"ev\",\"fields\":{\"a\":null,\"b\":null,\"c\":null,\"d\":null}}\n" },
		{ 2, "{\"time\":7,\"cpu\":3,\"task\":null,\"pid\":null,\"flags\":null,\"preempt_count\":null,"
		     "\"system\":\"sys\",\"event\":\"ev\",\"fields\":{\"a\":null,\"b\":null,\"c\":null,\"d\":null}}\n" },
		{ 1, "{\"time\":7,\"cpu\":3,\"task\":null,\"pid\":null,\"system\":null,\"event\":null,\"id\":null,"
		     "\"data\":\"2c\"}\n" },
		{ 0, "{\"time\":7,\"cpu\":3,\"task\":null,\"pid\":null,\"system\":null,\"event\":null,\"id\":null,"
		     "\"data\":\"\"}\n" },
	};
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(line_of(&b, rec, cases[i].len), cases[i].line);
	end(&b);
}

/* A kernel whose events have nothing in common but their number. */
static void test_without_common_fields(void **state)
{
	static const char *const texts[] = {
		"sys", "name: ev\nID: 300\nformat:\n" FIELD("unsigned short common_type", 0, 2, 0) "\n"
		FIELD("int a", 4, 4, 1) PRINT("\"\""), NULL,
	};
	static const uint8_t rec[] = { 44, 1, 0, 0, 5, 0, 0, 0 };
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), "{\"time\":7,\"cpu\":3,\"task\":null,\"pid\":null,"
			    "\"system\":\"sys\",\"event\":\"ev\",\"fields\":{\"a\":5}}\n");
	assert_string_equal(line_of(&b, rec, 2), "{\"time\":7,\"cpu\":3,\"task\":null,\"pid\":null,"
			    "\"system\":\"sys\",\"event\":\"ev\",\"fields\":{\"a\":null}}\n");
	end(&b);
	begin(&b, texts, false, csv, "ev");
	assert_string_equal(line_of(&b, rec, sizeof(rec)), "7,3,,,,,sys,ev,5\n");
	end(&b);
}

/* Places beyond any record, and beyond what an int holds. */
static void test_hostile_formats(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 2147483647, 4, 1) FIELD("char b[16]", 2147483640, 16, 0)
		FIELD("u64 c[]", 100000, 0, 0) FIELD("__data_loc char[] d", 8, 2, 0) FIELD("int e", 8, 4, 1)
		FIELD("__rel_loc u64[] f", 12, 4, 0) PRINT("\"\""), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT "{\"c\":null,\"e\":1,\"f\":null}}\n");
	end(&b);
}

static void test_names_of_fields_are_escaped(void **state)
{
	static const char *const texts[] = {
		"s\"y\xff", COMMON("ev", 300) FIELD("int a", 8, 4, 1) PRINT("\"\""), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 1, 0, 0, 0);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	event_export_where(b.x, "a \"file\"", "in\nstance", &b.where);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), HEAD
			    ",\"file\":\"a \\\"file\\\"\",\"buffer\":\"in\\nstance\",\"system\":\"s\\\"y" BAD
			    "\",\"event\":\"ev\",\"fields\":{\"a\":1}}\n");
	end(&b);
}

/* ---- what is not an event's own -------------------------------------------------------- */

static void test_losses(void **state)
{
	static const char *const texts[] = { "sys", COMMON("ev", 300) PRINT("\"\""), NULL };
	const struct event_record rec = { .ts = 7, .cpu = 3 };
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	event_export_where(b.x, NULL, "inst", &b.where);
	event_export_lost(b.x, &rec, 12, &b.where, &b.out);
	event_export_lost(b.x, &rec, RING_LOST_UNKNOWN, &b.where, &b.out);
	assert_string_equal(b.out.data, "{\"time\":7,\"cpu\":3,\"buffer\":\"inst\",\"lost\":12}\n"
			    "{\"time\":7,\"cpu\":3,\"buffer\":\"inst\",\"lost\":null}\n");
	end(&b);
}

static void test_unknown_events(void **state)
{
	static const char *const texts[] = { "sys", COMMON("ev", 300) PRINT("\"\""), NULL };
	static const uint8_t rec[] = RECORD(301, 0xab);
	struct bed b;

	(void)state;
	begin(&b, texts, false, json, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)),
			    "{\"time\":7,\"cpu\":3,\"task\":\"a task\",\"pid\":100,\"system\":null,\"event\":null,"
			    "\"id\":301,\"data\":\"2d010d1264000000ab\"}\n");
	end(&b);
	begin(&b, texts, false, csv, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)),
			    "7,3,\"a task\",100,,,,,\"{\"\"id\"\":301,\"\"data\"\":\"\"2d010d1264000000ab\"\"}\"\n");
	end(&b);
}

static void test_text(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) PRINT("\"a=\\\"%d\\\"\", REC->a"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 5, 0, 0, 0);
	struct event_export_opts opts = json;
	struct bed b;

	(void)state;
	opts.text = true;
	begin(&b, texts, false, opts, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT "{\"a\":5},\"text\":\"a=\\\"5\\\"\"}\n");
	end(&b);
	opts.format = EVENT_EXPORT_CSV;
	begin(&b, texts, false, opts, "ev");
	assert_string_equal(line_of(&b, rec, sizeof(rec)), "7,3,\"a task\",100,13,18,sys,ev,5,\"a=\"\"5\"\"\"\n");
	end(&b);
}

static void test_decoded(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int a", 8, 4, 1) FIELD("u32 b", 12, 4, 0) FIELD("void * c", 16, 8, 0)
		FIELD("int d", 24, 4, 1)
		PRINT("\"%% %d %s %*d %s %s f=%pS %s %s\", REC->a, __print_flags(REC->a & ~8, \"|\", { 1, \"ONE\" }, "
		      "{ 2, \"TWO\" }), REC->a, REC->b, REC->b ? __print_symbolic(REC->b, { 5, \"FIVE\" }) : \"none\", "
		      "__print_symbolic(REC->b + REC->a, { 1, \"of two fields\" }), REC->c, "
		      "__print_symbolic(REC->a, { 1, \"second\" }), __print_symbolic(REC->d, { 1, \"D\" })"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 11, 0, 0, 0, 5, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0);
	struct event_export_opts opts = json;
	const char *line;
	struct bed b;

	(void)state;
	opts.decoded = true;
	begin(&b, texts, false, opts, NULL);
	assert_string_equal(line_of(&b, rec, sizeof(rec)), EVENT "{\"a\":11,\"b\":5,\"c\":16,\"d\":1},"
			    "\"decoded\":{\"a\":\"ONE|TWO\",\"b\":\"FIVE\",\"c\":\"0x10\",\"d\":\"D\"}}\n");
	/* a record that the print format would not be run on */
	line = line_of(&b, rec, 20);
	assert_non_null(strstr(line, "\"c\":null,\"d\":null},\"decoded\":{}}\n"));
	end(&b);
	opts.format = EVENT_EXPORT_CSV;
	begin(&b, texts, false, opts, "ev");
	assert_string_equal(line_of(&b, rec, sizeof(rec)), "7,3,\"a task\",100,13,18,sys,ev,11,5,16,1,"
			    "\"{\"\"a\"\":\"\"ONE|TWO\"\",\"\"b\"\":\"\"FIVE\"\",\"\"c\"\":\"\"0x10\"\","
			    "\"\"d\"\":\"\"D\"\"}\"\n");
	end(&b);
}

/* ---- CSV ---------------------------------------------------------------------------------- */

static void test_csv(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("int pid", 8, 4, 1) FIELD("char s[8]", 12, 8, 0)
		FIELD("u16 n[2]", 20, 4, 0) PRINT("\"\""),
		"sys", COMMON("other", 301) FIELD("int pid", 8, 4, 1) FIELD("u8 more", 12, 1, 0) PRINT("\"\""),
		"sys", COMMON("third", 302) PRINT("\"\""), NULL,
	};
	static const uint8_t first[] = RECORD(300, 1, 0, 0, 0, 'a', '"', '\\', ',', '\n', 0xff, 0, 0, 5, 0, 6, 0);
	static const uint8_t second[] = RECORD(301, 2, 0, 0, 0, 9), third[] = RECORD(302);
	struct event_export_opts opts = csv;
	struct bed b;

	(void)state;
	begin(&b, texts, false, opts, NULL);
	event_export_header(b.x, &b.out);
	assert_string_equal(b.out.data, "time,cpu,task,pid,flags,preempt_count,system,event,fields\n");
	assert_string_equal(line_of(&b, first, sizeof(first)), "7,3,\"a task\",100,13,18,sys,ev,\"{\"\"pid\"\":1,"
			    "\"\"s\"\":\"\"a\\\"\"\\\\,\\n" BAD "\"\",\"\"n\"\":[5,6]}\"\n");
	end(&b);

	opts.losses = opts.buffers = opts.files = true;
	begin(&b, texts, false, opts, "sys/[eo]*");
	event_export_where(b.x, "f,1", "", &b.where);
	event_export_header(b.x, &b.out);
	assert_string_equal(b.out.data, "time,cpu,task,pid,flags,preempt_count,file,buffer,lost,system,event,"
			    "field_pid,s,n,more\n");
	assert_string_equal(line_of(&b, first, sizeof(first)), "7,3,\"a task\",100,13,18,\"f,1\",,,sys,ev,1,"
			    "\"a\"\"\\,\n" BAD "\",\"[5,6]\",\n");
	assert_string_equal(line_of(&b, second, sizeof(second)),
			    "7,3,\"a task\",100,13,18,\"f,1\",,,sys,other,2,,,9\n");
	assert_string_equal(line_of(&b, third, sizeof(third)), "");
	buf_clear(&b.out);
	event_export_lost(b.x, &(struct event_record){ .ts = 7, .cpu = 3 }, RING_LOST_UNKNOWN, &b.where, &b.out);
	assert_string_equal(b.out.data, "7,3,,,,,\"f,1\",,-1,,,,,,\n");
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_times_cpus_and_tasks),
		cmocka_unit_test(test_byte_order),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_string_without_an_end),
		cmocka_unit_test(test_names_of_tasks),
		cmocka_unit_test(test_learnt_names),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_cut_records),
		cmocka_unit_test(test_without_common_fields),
		cmocka_unit_test(test_hostile_formats),
		cmocka_unit_test(test_names_of_fields_are_escaped),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_unknown_events),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_decoded),
		cmocka_unit_test(test_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
