// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of files made while a recording goes on; nobody else's are touched. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "record/parts.h"
#include "record/spool.h"

static int set_up(void **state)
{
	char *dir = strdup("/tmp/test_parts.XXXXXX");

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	*state = dir;
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(*state), 0);
	free(*state);
	return 0;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void assert_next(struct parts *p, const char *want)
{
	char *path = parts_next(p);

	assert_string_equal(path, want);
	free(path);
}

static void test_names(void **state)
{
	static const struct { const char *output, *first; } names[] = {
		{ "trace.dat", "trace.1.dat" }, { "trace", "trace.1" }, { ".hidden", ".hidden.1" },
		{ "/a.b/c", "/a.b/c.1" }, { "./x.y.z", "./x.y.1.z" }, { "x.", "x.1." },
	};
	struct parts p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(parts_init(&p, names[i].output, NULL), 0);
		assert_next(&p, names[i].first);
		parts_release(&p);
	}
}

/* Numbers go on behind what is there, and pass over what appears meanwhile. */
static void test_others_stay(void **state)
{
	static const char *const there[] = {
		"t.dat", "t.7.dat", "t.3.dat", "t.x.dat", "t.99", "t.8.dat.cpu0", "u.50.dat",
		"t.18446744073709551615.dat", "t.1844674407370955161500.dat", "t..dat", "t.11.dat",
	};
	struct parts p;

	(void)state;
	for (size_t i = 0; i + 1 < ARRAY_SIZE(there); i++)
		touch(there[i]);
	assert_int_equal(parts_init(&p, "t.dat", NULL), 0);
	assert_int_equal(p.first, 8);
	assert_next(&p, "t.8.dat");
	assert_next(&p, "t.9.dat");
	touch(there[ARRAY_SIZE(there) - 1]);
	assert_next(&p, "t.10.dat");
	assert_next(&p, "t.12.dat");
	parts_release(&p);
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		assert_int_equal(unlink(there[i]), 0);
}

static void test_keep(void **state)
{
	struct parts p;

	(void)state;
	touch("t.1.dat");
	assert_int_equal(parts_init(&p, "t.dat", NULL), 0);
	for (unsigned i = 0; i < 5; i++) {
		char *path = parts_next(&p);

		touch(path);
		assert_int_equal(parts_made(&p, path, 2), 0);
	}
	parts_release(&p);
	assert_int_equal(unlink("t.1.dat"), 0);		/* was there before */
	assert_int_equal(unlink("t.5.dat"), 0);
	assert_int_equal(unlink("t.6.dat"), 0);
}

static void test_spool_names(void **state)
{
	(void)state;
	assert_true(spool_is_suffix(""));
	assert_true(spool_is_suffix(".1"));
	assert_true(spool_is_suffix(".234"));
	assert_false(spool_is_suffix("."));
	assert_false(spool_is_suffix("1"));
	assert_false(spool_is_suffix(".1x"));
	assert_false(spool_is_suffix(".1.2"));
	assert_false(spool_is_suffix(".x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keep, set_up, tear_down),
		cmocka_unit_test(test_spool_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
