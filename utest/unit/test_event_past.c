// SPDX-License-Identifier: GPL-2.0-or-later
/* What events tell of tasks is kept, up to a bound. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/db.h"
#include "../formats.h"

/* As many as are kept, with the pids from 1000 on. */
static void fill(struct event_past *past)
{
	char name[32];

	for (unsigned i = 0; i < PAST_COMMS_MAX; i++) {
		int len = snprintf(name, sizeof(name), "t%u", i);

		assert_int_equal(past_learn(past, 1000 + i, name, len), 0);
	}
}

static void test_many_names(void **state)
{
	struct event_past past = { 0 };
	char name[32];

	(void)state;
	fill(&past);
	assert_int_equal(past_learn(&past, 999, "late", 4), -ENOSPC);
	assert_null(past_comm(&past, 999));
	/* what is known needs no room, and is not changed */
	assert_int_equal(past_learn(&past, 1000, "other", 5), 0);
	for (unsigned i = 0; i < PAST_COMMS_MAX; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_string_equal(past_comm(&past, 1000 + i), name);
	}
	past_release(&past);
}

static void test_long_names(void **state)
{
	struct event_past past = { 0 };
	char *name = malloc(PAST_BLOCK);
	int pid = 0;

	(void)state;
	assert_non_null(name);
	memset(name, 'x', PAST_BLOCK);
	assert_int_equal(past_learn(&past, ++pid, name, PAST_BLOCK), -ENOSPC);
	assert_int_equal(past_learn(&past, pid, "ab", 1), 0);
	while (!past_learn(&past, ++pid, name, PAST_BLOCK - 1))
		assert_int_equal(strlen(past_comm(&past, pid)), PAST_BLOCK - 1);
	/* the first block has the short one */
	assert_int_equal(pid, PAST_BLOCKS_MAX + 1);
	assert_string_equal(past_comm(&past, 1), "a");
	assert_int_equal(past_learn(&past, pid, "", 0), -ENOSPC);
	past_release(&past);
	free(name);
}

/* ---- who prints ---- */

static char told[512];

static void hear(void *ctx, const char *text)
{
	(void)ctx;
	strncat(told, text, sizeof(told) - strlen(told) - 1);
}

static void expect_line(struct event_ctx *ctx, int pid, int next, const char *task)
{
	static const struct event_line_opts opts = { .seconds = true };
	struct event_line_state state = { 0 };
	AUTO_BUF struct buf out = { 0 };
	uint8_t data[64] = { 300 & 255, 300 >> 8 };
	struct event_record rec = { .ts = 1, .data = data, .len = sizeof(data), .avail = sizeof(data) };

	put_u32(data + 4, pid, false);
	put_u32(data + 56, next, false);
	strcpy((char *)data + 40, "late");
	event_line(ctx, &opts, &state, &rec, NULL, &out);
	if (!strstr(out.data, task))
		fail_msg("%s: %s", task, out.data);
}

static void test_told_once(void **state)
{
	static const char format[] = COMMON("sched_switch", 300)
		FIELD("char prev_comm[16]", 8, 16, 0) FIELD("int prev_pid", 24, 4, 1)
		FIELD("int prev_prio", 28, 4, 1) FIELD("long prev_state", 32, 8, 1)
		FIELD("char next_comm[16]", 40, 16, 0) FIELD("int next_pid", 56, 4, 1)
		FIELD("int next_prio", 60, 4, 1) PRINT("\"%d\", REC->next_pid");
	struct notices notices = { .fn = hear };
	struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 1, .notices = &notices };
	struct event_db *db;
	struct event_ctx *ctx;

	(void)state;
	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	/* those of sched_switch teach names */
	assert_int_equal(event_db_load_plugins(db, false, false, NULL), 0);
	assert_int_equal(event_db_add_format(db, "sched", format, strlen(format), NULL), 0);
	assert_int_equal(event_ctx_new(db, &ctx, NULL), 0);
	expect_line(ctx, 5, 6, "<...>-5");
	expect_line(ctx, 6, 7, "late-6");
	past_release(&db->past);
	memset(&db->past, 0, sizeof(db->past));
	fill(&db->past);
	assert_string_equal(told, "");
	expect_line(ctx, 1000, 8, "t0-1000");
	expect_line(ctx, 8, 9, "<...>-8");
	expect_line(ctx, 9, 10, "<...>-9");
	assert_string_equal(told, "only events tell the names of more than 524288 tasks: those of further ones "
			    "are not remembered");
	event_ctx_free(ctx);
	event_db_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
