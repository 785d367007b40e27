// SPDX-License-Identifier: GPL-2.0-or-later
/* Print formats that name fields which the event has not, beside libtraceevent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/db.h"
#include "../formats.h"
#include "../leaks.h"

KNOWN_LEAKS("leak:tep_parse_event\n");

#define HEAD COMMON("ev", 300) FIELD("int a", 8, 4, 1) FIELD("u8 b[4]", 12, 4, 0)

static const uint8_t data[] = { 300 & 255, 300 >> 8, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 1, 2, 3, 4 };

/* As libtraceevent does it, which survives these. */
static void their_text(const char *format, char *ret, size_t size)
{
	struct tep_handle *tep = tep_alloc();
	struct tep_record rec = { .data = (void *)data, .size = sizeof(data) };
	struct trace_seq s;

	trace_seq_init(&s);
	tep_set_long_size(tep, 8);
	tep_parse_event(tep, format, strlen(format), "sys");
	tep_print_event(tep, &s, &rec, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&s);
	snprintf(ret, size, "%s", s.buffer);
	trace_seq_destroy(&s);
	tep_free(tep);
}

static void our_text(const char *format, struct buf *out)
{
	struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 1 };
	struct event_record rec = { .data = data, .len = sizeof(data), .avail = sizeof(data) };
	struct event_ctx *ctx;
	struct event_db *db;

	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	assert_int_equal(event_db_add_format(db, "sys", format, strlen(format), NULL), 0);
	assert_int_equal(event_ctx_new(db, &ctx, NULL), 0);
	assert_non_null(event_db_event(db, 300));
	event_text(ctx, event_db_event(db, 300), &rec, false, NULL, out);
	event_ctx_free(ctx);
	event_db_free(db);
}

static void test_as_libtraceevent(void **state)
{
	static const char *const formats[] = {
		"\"a=%d b=%d\", REC->a, REC->no", "\"b=%d a=%d\", REC->no, REC->a",
		"\"%u %lx %p %x\", REC->no, REC->no, REC->no, (unsigned int)REC->no",
		"\"s=%s.\", REC->no", "\"s=%s.\", __get_str(no)", "\"s=%p\", __get_str(no)", "\"s=%d\", __get_str(no)",
		"\"%d\", REC->no + REC->a", "\"%d\", REC->no ? 3 : 4", "\"%d\", REC->a ? REC->no : 4",
		"\"%d\", REC->no[1]", "\"%d %d\", REC->no[REC->a], REC->b[2]", "\"%s\", __print_hex(REC->no, 2)",
		"\"%s\", __print_hex(REC->b, REC->no)", "\"%s\", __print_array(REC->no, 2, 1)", "\"%s\", __get_bitmask(no)",
		"\"%c %d\", REC->no, REC->a", "\"%*d.\", REC->no, REC->a", "\"%pS\", (void *)REC->no", "\"%pI4\", REC->no",
		"\"%pM\", REC->no", "\"%pU\", REC->no", "\"%pI6c\", REC->no", "\"%pISpc\", REC->no", "\"%ps %s\", REC->no, REC->no",
		"\"%llu %lld\", REC->no, -REC->no", "\"%s\", REC->a ? REC->no : \"no\"", "\"%s\", REC->no ? \"yes\" : \"no\"",
		"\"%*ph\", 3, REC->no", "\"%*pbl\", 3, REC->no", "\"%pd %d\", REC->no, REC->a",
		"\"%s %d\", __print_flags(REC->a, \"|\", {1,\"A\"},{2,\"B\"}), REC->no",
		"\"%s %d\", __print_symbolic(REC->a, {7,\"A\"},{2,\"B\"}), REC->no",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		AUTO_BUF struct buf out = { 0 };
		char format[1024], theirs[1024];

		snprintf(format, sizeof(format), "%s\nprint fmt: %s\n", HEAD, formats[i]);
		their_text(format, theirs, sizeof(theirs));
		assert_null(strstr(theirs, "FAILED"));
		our_text(format, &out);
		assert_string_equal(out.len ? out.data : "", theirs);
	}
}

/* libtraceevent's parser does not survive these, or its printer: they are not run. */
static void test_not_run(void **state)
{
	static const char *const formats[] = {
		"\"%s\", __print_flags(REC->no, \"|\", {1,\"A\"})", "\"%s\", __print_symbolic(REC->no, {1,\"A\"})",
		"\"%s %d\", __print_flags(1, \"|\", {1,\"A\"}), REC->no", "\"%d\", REC->a / REC->no", "\"%s\", __get_cpumask(no)",
		"\"%d\", sizeof(REC->no)", "\"%d\", REC->a->no",
		("\"%s %s %d\", __print_flags(1, \"|\", {1,\"A\"}), "
		 "__print_symbolic(REC->a, {1,\"A\"}), REC->no"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		AUTO_BUF struct buf out = { 0 };
		char format[1024];

		snprintf(format, sizeof(format), "%s\nprint fmt: %s\n", HEAD, formats[i]);
		our_text(format, &out);
		assert_string_equal(out.data, "[FAILED TO PARSE] a=7 b=ARRAY[01, 02, 03, 04]");
	}
}

/* The parser still waits for the field of another event's flags. */
static void test_behind_other_formats(void **state)
{
	static const char waits[] = HEAD "\nprint fmt: \"%s\", __print_flags(1, \"|\", {1,\"A\"})\n",
		missing[] = HEAD "\nprint fmt: \"%d\", REC->no\n";

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		AUTO_BUF struct buf first = { 0 }, second = { 0 };

		our_text(waits, &first);
		assert_string_equal(first.data, "A");
		our_text(missing, &second);
		assert_string_equal(second.data, "0");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_libtraceevent),
		cmocka_unit_test(test_not_run),
		cmocka_unit_test(test_behind_other_formats),
	};

	tep_set_loglevel(TEP_LOG_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
