// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be tested of a recorder without a kernel. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "record/recorder.h"

/* Latency tracers leave a text, not streams: nothing to read, no trouble. */
static void no_streams_at_all(void **state)
{
	struct recorder_opts opts = { 0 };
	struct recorder *rec = NULL;
	struct pollfd alarm = { .events = POLLIN };
	struct err e = { 0 };
	size_t nr;

	(void)state;
	assert_int_equal(recorder_new(&opts, &rec, &e), 0);
	assert_int_equal(recorder_start(rec, &e), 0);
	recorder_tids(rec, &nr);
	assert_int_equal(recorder_nr_streams(rec), 0);
	alarm.fd = recorder_alarm_fd(rec);
	assert_int_equal(poll(&alarm, 1, 0), 0);
	assert_int_equal(recorder_stop(rec, &e), 0);
	assert_int_equal(recorder_stop(rec, &e), 0);
	recorder_free(rec, true);
	assert_int_equal(e.code, 0);
}

static void freed_before_it_was_started(void **state)
{
	struct recorder_opts opts = { 0 };
	struct recorder *rec = NULL;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(recorder_new(&opts, &rec, &e), 0);
	recorder_free(rec, true);
	recorder_free(NULL, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_streams_at_all),
		cmocka_unit_test(freed_before_it_was_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
