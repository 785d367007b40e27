// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that appear when they are complete. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_newfile.XXXXXX");
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

/* Every file the test left is named there. */
static int tear_down(void **state)
{
	static const char *const names[] = { "x", "link", "d", "x.unfinished", "x.unfinished.2", "x.unfinished.3" };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (unlink(names[i]) && errno == EISDIR)
			rmdir(names[i]);
	return chdir("/") || rmdir(dir);
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void holds(const char *path, const char *text)
{
	struct buf b AUTO_BUF = { 0 };

	assert_int_equal(path_read_all(path, &b, 1000), 0);
	assert_string_equal(b.data, text);
}

static unsigned files_here(void)
{
	DIR *d = opendir(".");
	unsigned nr = 0;

	while (readdir(d))
		nr++;
	closedir(d);
	return nr - 2;
}

/* The longest name that there can be; one byte more is told at once. */
static void test_long_name(void **state)
{
	char name[NAME_MAX + 2];
	struct new_file f;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = 0;
	assert_int_equal(new_file_open(&f, name, NULL), -ENAMETOOLONG);
	name[NAME_MAX] = 0;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(new_file_open(&f, name, NULL), 0);
		assert_int_equal(write_full(f.fd, "new", 3), 0);
		assert_int_equal(new_file_commit(&f, NULL), 0);
		holds(name, "new");
	}
	assert_int_equal(files_here(), 1);
	unlink(name);
}

static void test_commit(void **state)
{
	struct new_file f;
	struct stat st;
	mode_t mask = umask(027);

	(void)state;
	assert_int_equal(new_file_open(&f, "x", NULL), 0);
	assert_int_equal(access("x", F_OK), -1);
	assert_int_equal(write_full(f.fd, "new", 3), 0);
	assert_int_equal(new_file_commit(&f, NULL), 0);
	new_file_discard(&f);
	umask(mask);
	holds("x", "new");
	assert_int_equal(stat("x", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(files_here(), 1);
}

static void test_discard(void **state)
{
	struct new_file f;

	(void)state;
	put("x", "old", 0600);
	assert_int_equal(new_file_open(&f, "x", NULL), 0);
	assert_int_equal(write_full(f.fd, "new", 3), 0);
	new_file_discard(&f);
	holds("x", "old");
	assert_int_equal(files_here(), 1);
}

static void test_replace(void **state)
{
	struct new_file f;
	struct stat st;

	(void)state;
	put("x", "old", 0604);
	assert_int_equal(new_file_open(&f, "x", NULL), 0);
	assert_int_equal(write_full(f.fd, "new", 3), 0);
	holds("x", "old");
	assert_int_equal(new_file_commit(&f, NULL), 0);
	holds("x", "new");
	assert_int_equal(stat("x", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
}

/* The link stays one, and what it leads to is made anew. */
static void write_through_link(void)
{
	struct new_file f;
	struct stat st;

	assert_int_equal(new_file_open(&f, "link", NULL), 0);
	assert_int_equal(write_full(f.fd, "new", 3), 0);
	assert_int_equal(new_file_commit(&f, NULL), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	holds("x", "new");
}

static void test_link(void **state)
{
	(void)state;
	put("x", "old", 0600);
	assert_int_equal(symlink("x", "link"), 0);
	write_through_link();
}

/* A link to a file that is yet to be made; one that leads to itself. */
static void test_dangling_link(void **state)
{
	struct err e = { 0 };
	struct new_file f;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("../x", "d/inner"), 0);
	assert_int_equal(symlink("d/inner", "link"), 0);
	write_through_link();
	assert_int_equal(unlink("d/inner"), 0);
	assert_int_equal(symlink("inner", "d/inner"), 0);
	assert_int_equal(new_file_open(&f, "link", &e), -ELOOP);
	assert_non_null(strstr(e.text, "cannot create 'link'"));
	assert_int_equal(unlink("d/inner"), 0);
}

static void test_device(void **state)
{
	struct new_file f;

	(void)state;
	assert_int_equal(new_file_open(&f, "/dev/null", NULL), 0);
	assert_null(f.temp);
	assert_int_equal(write_full(f.fd, "new", 3), 0);
	assert_int_equal(new_file_commit(&f, NULL), 0);
	assert_int_equal(access("/dev/null", F_OK), 0);
}

static void test_refused(void **state)
{
	struct new_file f;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(new_file_open(&f, "none/x", &e), -ENOENT);
	assert_string_equal(e.text, "cannot create 'none/x': there is no directory 'none/'");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(new_file_open(&f, "d", &e), -EISDIR);
	assert_string_equal(e.text, "cannot create 'd': Is a directory");
	assert_int_equal(new_file_open(&f, "/proc/x", &e), -ENOENT);
	new_file_discard(&f);
	assert_int_equal(files_here(), 1);
}

/* A file that others know by a name before it is complete. */
static void test_unfinished(void **state)
{
	struct new_file f;

	(void)state;
	for (unsigned committed = 0; committed < 2; committed++) {
		assert_int_equal(new_file_open(&f, "x", NULL), 0);
		assert_string_equal(new_file_unfinished(&f), "x.unfinished");
		assert_int_equal(access("x.unfinished", F_OK), -1);
		assert_int_equal(write(f.fd, "new", 3), 3);
		assert_int_equal(new_file_link(&f), 0);
		assert_int_equal(access("x.unfinished", F_OK), 0);
		if (committed)
			assert_int_equal(new_file_commit(&f, NULL), 0);
		new_file_discard(&f);
		assert_int_equal(files_here(), committed);
	}
}

static void test_abandoned(void **state)
{
	struct new_file f;

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(new_file_open(&f, "x", NULL), 0);
		/* What an earlier one has left stays. */
		assert_string_equal(new_file_unfinished(&f), i == 1 ? "x.unfinished" : "x.unfinished.2");
		assert_int_equal(new_file_link(&f), 0);
		new_file_abandon(&f);
		assert_int_equal(files_here(), i);
	}
	/* Without a name nothing stays. */
	assert_int_equal(new_file_open(&f, "x", NULL), 0);
	assert_string_equal(new_file_unfinished(&f), "x.unfinished.3");
	put("x.unfinished.3", "meanwhile", 0600);
	assert_int_equal(new_file_link(&f), -EEXIST);
	new_file_abandon(&f);
	assert_int_equal(files_here(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_commit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_discard, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dangling_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unfinished, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_abandoned, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
