// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of tasks out of perf's records, in whatever order they come. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel/perf_tasks.h"

static const struct perf_attr timed = {
	.sample_type = PERF_SAMPLE_TIME, .sample_id_all = true, .big_endian = PERF_BIG_ENDIAN,
};
static const struct perf_attr timeless = { .big_endian = PERF_BIG_ENDIAN };

static int take(struct perf_tasks *t, const struct perf_attr *a, uint32_t type, struct buf *body)
{
	const struct perf_record rec = {
		.type = type, .size = PERF_RECORD_HEAD + body->len, .body = (const uint8_t *)body->data,
	};

	return perf_tasks_take(t, a, &rec, NULL);
}

static int comm(struct perf_tasks *t, const struct perf_attr *a, uint32_t tid, uint64_t time, const char *name)
{
	struct buf b AUTO_BUF = { .big_endian = PERF_BIG_ENDIAN };

	buf_u32(&b, 1);
	buf_u32(&b, tid);
	buf_str(&b, name);
	buf_fill(&b, 0, -b.len & 7);
	if (a->sample_id_all)
		buf_u64(&b, time);
	return take(t, a, PERF_RECORD_COMM, &b);
}

static int fork_of(struct perf_tasks *t, const struct perf_attr *a, uint32_t tid, uint32_t parent, uint64_t time)
{
	struct buf b AUTO_BUF = { .big_endian = PERF_BIG_ENDIAN };

	buf_u32(&b, tid);
	buf_u32(&b, 1);
	buf_u32(&b, tid);
	buf_u32(&b, parent);
	buf_u64(&b, time);
	if (a->sample_id_all)
		buf_u64(&b, time);
	return take(t, a, PERF_RECORD_FORK, &b);
}

/* What happened: 10 is "sh"; makes 11 (20), which becomes "ls" (30); 10 becomes "vi" (40). */
static void any_order(void **state)
{
	static const uint8_t orders[][4] = { { 0, 1, 2, 3 }, { 2, 1, 0, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 }, { 2, 3, 0, 1 } };

	(void)state;
	for (size_t o = 0; o < ARRAY_SIZE(orders); o++) {
		struct perf_tasks t = { 0 };

		for (size_t i = 0; i < 4; i++)
			switch (orders[o][i]) {
			case 0: assert_int_equal(comm(&t, &timed, 10, 15, "sh"), 0); break;
			case 1: assert_int_equal(fork_of(&t, &timed, 11, 10, 20), 0); break;
			case 2: assert_int_equal(comm(&t, &timed, 11, 30, "ls"), 0); break;
			case 3: assert_int_equal(comm(&t, &timed, 10, 40, "vi"), 0); break;
			}
		assert_string_equal(perf_tasks_comm(&t, 10), "vi");
		assert_string_equal(perf_tasks_comm(&t, 11), "ls");
		perf_tasks_release(&t);
	}
}

/* Who has no name of its own has that its parent had; a number may come again. */
static void inherited(void **state)
{
	struct perf_tasks t = { 0 };

	(void)state;
	assert_int_equal(comm(&t, &timed, 10, 10, "sh"), 0);
	assert_int_equal(fork_of(&t, &timed, 11, 10, 20), 0);
	assert_int_equal(comm(&t, &timed, 10, 30, "vi"), 0);
	assert_string_equal(perf_tasks_comm(&t, 11), "sh");
	assert_int_equal(fork_of(&t, &timed, 12, 10, 35), 0);
	assert_string_equal(perf_tasks_comm(&t, 12), "vi");
	assert_int_equal(fork_of(&t, &timed, 11, 10, 40), 0);
	assert_string_equal(perf_tasks_comm(&t, 11), "vi");
	assert_int_equal(fork_of(&t, &timed, 20, 21, 50), 0);
	assert_int_equal(fork_of(&t, &timed, 21, 20, 50), 0);
	assert_string_equal(perf_tasks_comm(&t, 20), "");		/* and an end, though each made the other */
	assert_int_equal(comm(&t, &timed, 21, 60, "late"), 0);
	assert_string_equal(perf_tasks_comm(&t, 20), "late");
	assert_string_equal(perf_tasks_comm(&t, 77), "");
	perf_tasks_release(&t);
}

/* A task's own name stands, though the record of its making comes later. */
static void without_times(void **state)
{
	struct perf_tasks t = { 0 };

	(void)state;
	assert_int_equal(comm(&t, &timeless, 11, 0, "ls"), 0);
	assert_int_equal(comm(&t, &timeless, 10, 0, "sh"), 0);
	assert_int_equal(fork_of(&t, &timeless, 11, 10, 5), 0);
	assert_int_equal(fork_of(&t, &timeless, 12, 10, 5), 0);
	assert_string_equal(perf_tasks_comm(&t, 11), "ls");
	assert_string_equal(perf_tasks_comm(&t, 12), "sh");
	assert_int_equal(comm(&t, &timeless, 11, 0, "cat"), 0);
	assert_string_equal(perf_tasks_comm(&t, 11), "cat");
	perf_tasks_release(&t);
}

static void of_this_machine(void **state)
{
	struct perf_tasks t = { 0 };
	struct buf text AUTO_BUF = { 0 };
	char line[64];

	(void)state;
	assert_int_equal(comm(&t, &timed, getpid(), 5, "one\ntwo"), 0);
	assert_int_equal(perf_tasks_see(&t, getpid()), 0);
	assert_int_equal(perf_tasks_see(&t, 0), 0);
	assert_int_equal(perf_tasks_see(&t, 1), 0);
	assert_string_equal(perf_tasks_comm(&t, 0), "<idle>");
	assert_string_not_equal(perf_tasks_comm(&t, 1), "");
	assert_int_equal(perf_tasks_text(&t, &text), 0);
	snprintf(line, sizeof(line), "%d one?two\n1 ", getpid());
	assert_memory_equal(text.data, line, strlen(line));
	assert_null(strstr(text.data, "idle"));
	perf_tasks_release(&t);
}

static void malformed(void **state)
{
	struct perf_tasks t = { 0 };
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	buf_fill(&b, 1, 20);
	for (; b.len; b.len--) {
		assert_int_equal(take(&t, &timed, PERF_RECORD_COMM, &b), -EBADMSG);
		assert_int_equal(take(&t, &timed, PERF_RECORD_FORK, &b), -EBADMSG);
		assert_int_equal(take(&t, &timeless, PERF_RECORD_FORK, &b), -EBADMSG);
		assert_int_equal(take(&t, &timed, PERF_RECORD_EXIT, &b), 0);
	}
	assert_int_equal(t.nr, 0);
	perf_tasks_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order), cmocka_unit_test(inherited), cmocka_unit_test(without_times),
		cmocka_unit_test(of_this_machine), cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
