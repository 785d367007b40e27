// SPDX-License-Identifier: GPL-2.0-or-later
/* What a file says of its kernel, collected from a tracefs made of plain files. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "record/metadata.h"

#define LAST_BOOT "ffffffff81000000\t[kernel]\nffffffffc0000000\txfs\n"

struct bed {
	char root[64];
	struct kernel *k;
	struct kernel_setup setup;
};

static void put(const struct bed *b, const char *file, const char *text)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", b->root, file);
	for (char *slash = path + strlen(b->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		assert_true(!mkdir(path, 0755) || errno == EEXIST);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static int set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	struct err e = { 0 };

	assert_non_null(b);
	strcpy(b->root, "/tmp/tracecmd-metadata.XXXXXX");
	assert_non_null(mkdtemp(b->root));
	put(b, "tracing_on", "1\n");
	put(b, "trace", "");
	put(b, "current_tracer", "nop\n");
	put(b, "set_event", "");
	put(b, "events/header_page", "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n");
	put(b, "events/header_event", "# compressed entry header\n");
	put(b, "events/enable", "0\n");
	put(b, "events/ftrace/print/format", "name: print\nID: 5\nformat:\n");
	put(b, "available_events", "");
	put(b, "instances/former/tracing_on", "0\n");
	put(b, "instances/former/last_boot_info", LAST_BOOT);
	put(b, "instances/plain/tracing_on", "0\n");
	assert_int_equal(kernel_open(b->root, NULL, &b->k, &e), 0);
	assert_int_equal(kernel_setup_init(&b->setup), 0);
	*state = b;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	struct bed *b = *state;

	kernel_setup_release(&b->setup);
	kernel_close(b->k);
	nftw(b->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return 0;
}

static struct kernel_instance_setup *add(struct bed *b, const char *name)
{
	struct kernel_instance_setup *is = kernel_setup_instance(&b->setup, name);
	struct err e = { 0 };

	assert_non_null(is);
	assert_int_equal(kernel_instance_get(b->k, name, false, &is->in, &e), 0);
	return is;
}

/* What is collected: @last_boot and the modules, or nothing. */
static void expect_boots(const struct metadata *m, const char *last_boot)
{
	struct buf modules AUTO_BUF = { 0 };
	int r;

	assert_int_equal(m->last_boots.nr, !!last_boot);
	if (!last_boot) {
		assert_int_equal(m->modules.len, 0);
		return;
	}
	assert_string_equal(m->last_boots.v[0], last_boot);
	r = path_read_all("/proc/modules", &modules, 1 << 24);
	assert_true(!r || r == -ENOENT);
	assert_int_equal(m->modules.len, r ? 0 : modules.len);
}

static void test_former_boot(void **state)
{
	struct bed *b = *state;
	struct metadata m = { 0 };
	struct err e = { 0 };

	add(b, "plain");
	assert_int_equal(metadata_collect_boots(&m, &b->setup, &e), 0);
	expect_boots(&m, NULL);
	add(b, "former");
	assert_int_equal(metadata_collect_boots(&m, &b->setup, &e), 0);
	expect_boots(&m, "former:" LAST_BOOT);
	metadata_release(&m);
	m = (struct metadata){ 0 };
	assert_int_equal(metadata_collect_boots(&m, NULL, &e), 0);
	expect_boots(&m, NULL);
}

static size_t btf_collected(struct bed *b)
{
	struct metadata m = { 0 };
	struct err e = { 0 };
	int r = metadata_collect_stable(&m, b->k, &b->setup, "/dev/null", NULL, &e);
	size_t len = m.btf.len;

	if (r)
		fail_msg("%s", e.text);
	metadata_release(&m);
	return len;
}

/* Where the kernel has it: with extract, and where it traces functions' arguments. */
static void test_btf(void **state)
{
	struct bed *b = *state;
	struct stat st;
	size_t there = stat("/sys/kernel/btf/vmlinux", &st) ? 0 : st.st_size;
	struct kernel_instance_setup *is = add(b, "plain");

	assert_int_equal(btf_collected(b), 0);
	b->setup.btf = true;
	assert_int_equal(btf_collected(b), there);
	b->setup.btf = false;
	assert_int_equal(kernel_words_add(&is->options, "nofuncgraph-args"), 0);
	assert_int_equal(btf_collected(b), 0);
	assert_int_equal(kernel_words_add(&is->options, "funcgraph-args"), 0);
	assert_int_equal(btf_collected(b), there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_former_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_btf, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
