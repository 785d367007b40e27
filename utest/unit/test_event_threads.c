// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several threads make the texts of one db at once, which nobody has asked
 * anything before; make check-tsan runs this under ThreadSanitizer.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/event.h"
#include "replay/replay.h"

#define THREADS 4

struct records { VEC(struct event_record) v; };

static struct replay *open_file(const char *file, struct event_db **ret)
{
	char path[512];
	struct dat_reader *r;
	struct replay *rp;
	struct err e = { 0 };

	snprintf(path, sizeof(path), FIXTURES "/traces/%s", file);
	if (replay_new(NULL, &rp, &e) || dat_reader_open(path, NULL, &r, &e) ||
	    replay_add_file(rp, r, NULL, NULL, &e) || replay_start(rp, &e) ||
	    replay_event_db(rp, 0, ret, &e) || event_db_load_plugins(*ret, false, false, &e))
		fail_msg("%s", e.text);
	return rp;
}

/* Copies of all records; the formats are not looked at. */
static void read_records(const char *file, struct records *ret)
{
	struct event_db *db;
	struct replay *rp = open_file(file, &db);
	struct replay_record rec;
	struct err e = { 0 };
	int r;

	while ((r = replay_next(rp, &rec, &e)) == 1) {
		void *copy = malloc(rec.len + 1);

		assert_non_null(copy);
		memcpy(copy, rec.data, rec.len);
		assert_int_equal(vec_push(&ret->v, ((struct event_record){
			.ts = rec.ts, .data = copy, .len = rec.len, .avail = rec.len, .cpu = rec.cpu })), 0);
	}
	assert_int_equal(r, 0);
	replay_free(rp);
}

struct reader {
	pthread_t thread;
	struct event_ctx *ctx;
	const struct records *records;
	struct event_fixups fixups;
	struct buf text;
	size_t start;			/* each begins with another record */
};

static void *print(void *arg)
{
	static const struct event_line_opts opts = { .seconds = true };
	struct reader *r = arg;
	size_t nr = r->records->v.nr;

	event_ctx_defer(r->ctx, &r->fixups);
	for (size_t i = 0; i < nr; i++) {
		struct event_line_state state = { 0 };

		event_line(r->ctx, &opts, &state, &r->records->v.v[(i + r->start) % nr], NULL, &r->text);
		buf_puts(&r->text, "\n");
	}
	return NULL;
}

static void compare(const char *file)
{
	struct event_line_state state = { 0 };
	struct reader readers[THREADS] = { 0 };
	struct records records = { 0 };
	struct event_db *db;
	struct replay *rp;

	read_records(file, &records);
	assert_true(records.v.nr > 100);
	for (unsigned i = 0; i < THREADS; i++)
		readers[i].start = i * records.v.nr / THREADS;
	rp = open_file(file, &db);
	for (unsigned i = 0; i < THREADS; i++) {
		readers[i].records = &records;
		assert_int_equal(event_ctx_new(db, &readers[i].ctx, NULL), 0);
		assert_int_equal(pthread_create(&readers[i].thread, NULL, print, &readers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
	replay_free(rp);
	/* each by itself, in a db of its own */
	for (unsigned i = 0; i < THREADS; i++) {
		struct reader alone = { .records = &records, .start = readers[i].start };

		rp = open_file(file, &db);
		assert_int_equal(event_ctx_new(db, &alone.ctx, NULL), 0);
		print(&alone);
		assert_false(alone.text.failed || readers[i].text.failed);
		assert_string_equal(alone.text.data, readers[i].text.data);
		assert_int_equal(alone.fixups.v.nr, readers[i].fixups.v.nr);
		assert_int_equal(event_fixups_settle(&alone.fixups, &state, &alone.text), 0);
		event_fixups_release(&alone.fixups);
		event_fixups_release(&readers[i].fixups);
		event_ctx_free(alone.ctx);
		event_ctx_free(readers[i].ctx);
		buf_release(&alone.text);
		buf_release(&readers[i].text);
		replay_free(rp);
	}
	for (size_t i = 0; i < records.v.nr; i++)
		free((void *)records.v.v[i].data);
	vec_release(&records.v);
}

static void test_all_events(void **state)
{
	(void)state;
	compare("all-6.1.dat");
}

static void test_functions(void **state)
{
	(void)state;
	compare("function.dat");
	compare("fgraph.dat");
}

static void test_stacks(void **state)
{
	(void)state;
	compare("stacks-6.1.dat");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_events),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_stacks),
	};

	tep_set_loglevel(TEP_LOG_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
