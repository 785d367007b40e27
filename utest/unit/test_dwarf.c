// SPDX-License-Identifier: GPL-2.0-or-later
/* Source lines and parameters by debug information: of this very program. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/dyn_internal.h"

#define SELF "/proc/self/exe"

static volatile long sink;

__attribute__((noinline)) void dwarf_simple(const char *text, int number, double ratio, unsigned char byte);
void dwarf_simple(const char *text, int number, double ratio, unsigned char byte)
{
	sink += text[0] + number + (long)ratio + byte;	/* the line */
}

struct pair { long a, b, c; };
__attribute__((noinline)) struct pair dwarf_pair(long by);
struct pair dwarf_pair(long by)
{
	return (struct pair){ sink, by, sink };
}

struct got {
	char text[1024];
	size_t left;		/* ends after so many */
};

static int take(void *ctx, const struct dyn_param *p)
{
	struct got *g = ctx;
	size_t at = strlen(g->text);

	if (p->why)
		snprintf(g->text + at, sizeof(g->text) - at, "%s %s;", p->name, p->why);
	else
		snprintf(g->text + at, sizeof(g->text) - at, "%s=%s:%s%s;", p->name, p->fetch, p->type, p->points ? "*" : "");
	return --g->left ? 0 : -ECANCELED;
}

static uint64_t offset_of(const char *function)
{
	enum elf_begins begins;
	uint64_t ret;

	assert_int_equal(elf_symbol_offset(SELF, function, 0, &ret, &begins, NULL), 0);
	return ret;
}

#ifdef __x86_64__
static void parameters(void **state)
{
	struct got g = { .left = 10 }, one = { .left = 1 }, pair = { .left = 10 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(dwarf_parameters(SELF, offset_of("dwarf_simple"), take, &g, &e), 0);
	assert_string_equal(g.text, "text=%di:x64*;number=%si:s32;ratio is in a floating-point register, which probes cannot "
			    "read;byte=%dx:u8;");
	assert_int_equal(dwarf_parameters(SELF, offset_of("dwarf_simple"), take, &one, &e), -ECANCELED);
	assert_string_equal(one.text, "text=%di:x64*;");
	/* the address for the structure comes first: by list the register is right, else nothing is said */
	assert_int_equal(dwarf_parameters(SELF, offset_of("dwarf_pair"), take, &pair, &e), 0);
	assert_true(!strcmp(pair.text, "by=%si:s64;") || strstr(pair.text, "more than a register holds"));
}
#endif

static void no_parameters(void **state)
{
	struct got g = { .left = 10 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(dwarf_parameters(SELF, offset_of("dwarf_simple") + 1, take, &g, &e), -ENODATA);
	assert_int_equal(dwarf_parameters("/nonexistent", 0, take, &g, &e), -ENOENT);
	assert_int_equal(dwarf_parameters(__FILE__, 0, take, &g, &e), -EINVAL);
	assert_string_equal(g.text, "");
}

static unsigned line_of(const char *text)
{
	FILE *f = fopen(__FILE__, "r");
	char line[256];
	unsigned nr = 0;

	assert_non_null(f);
	do
		nr++;
	while (fgets(line, sizeof(line), f) && !strstr(line, text));
	fclose(f);
	return nr;
}

static void lines(void **state)
{
	unsigned line = line_of("/* the line */");
	struct err e = { 0 };
	enum elf_begins begins;
	uint64_t at, start = offset_of("dwarf_simple");

	(void)state;
	assert_int_equal(dwarf_line_offset(SELF, "test_dwarf.c", line, &at, &e), 0);
	assert_in_range(at, start, start + 4096);
	assert_int_equal(elf_check_offset(SELF, at, &begins, &e), 0);
	assert_int_equal(dwarf_line_offset(SELF, "unit/test_dwarf.c", line, &at, &e), 0);
	assert_int_equal(dwarf_line_offset(SELF, "est_dwarf.c", line, &at, &e), -ENOENT);
	assert_non_null(strstr(e.text, "did you mean 'test_dwarf.c'"));
	assert_int_equal(dwarf_line_offset(SELF, "test_dwarf.c", 2, &at, &e), -ENOENT);
	assert_non_null(strstr(e.text, "the next that has is"));
	assert_int_equal(dwarf_line_offset(SELF, "test_dwarf.c", 1000000, &at, &e), -ENOENT);
	assert_int_equal(dwarf_line_offset("/nonexistent", "a.c", 1, &at, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(parameters),
#endif
		cmocka_unit_test(no_parameters), cmocka_unit_test(lines),
	};

	dwarf_simple("", 0, 0, 0);
	dwarf_pair(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
