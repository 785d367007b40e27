// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prototypes from type information: of a compiler, in both byte orders; and
 * made by hand, for what is malformed and what a module refers to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/btf.h"

#define SAMPLE FIXTURES "/btf/"

/* ---- of a compiler --------------------------------------------------------- */

static struct btf *read_sample(const char *name)
{
	struct buf path AUTO_BUF = { 0 }, bytes = { 0 };
	struct btf *b = NULL;
	struct err e = { 0 };

	buf_printf(&path, SAMPLE "%s", name);
	assert_int_equal(path_read_all(path.data, &bytes, 1 << 20), 0);
	assert_int_equal(btf_new(&bytes, NULL, &b, &e), 0);
	return b;
}

/* Where a line of C names its function: behind the first "(*" or the last word before "(". */
static void function_name(const char *line, char *ret, size_t size)
{
	const char *open = strchr(line, '(');
	const char *end = open, *start;

	if (open[1] == '*')
		end = strchr(open + 2, '(');
	for (start = end; start > line && start[-1] != ' ' && start[-1] != '*'; start--)
		;
	snprintf(ret, size, "%.*s", (int)(end - start), start);
}

static int compare_line(void *ctx, const char *line)
{
	unsigned *nr = ctx;
	const char *body = strstr(line, " { return");
	static const char *const samples[] = { "functions.btf", "functions-be.btf" };

	if (!body)
		body = strstr(line, " { }");
	if (!body)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct btf *b = read_sample(samples[i]);
		struct buf out AUTO_BUF = { 0 };
		struct err e = { 0 };
		char name[64];

		function_name(line, name, sizeof(name));
		assert_int_equal(btf_prototype(b, name, &out, &e), 1);
		assert_int_equal(out.len, body - line);
		assert_memory_equal(out.data, line, out.len);
		btf_free(b);
	}
	(*nr)++;
	return 0;
}

static void prototypes_are_as_in_the_source(void **state)
{
	struct buf source AUTO_BUF = { 0 };
	unsigned nr = 0;

	(void)state;
	assert_int_equal(path_read_all(SAMPLE "functions.c", &source, 1 << 20), 0);
	for (char *line = source.data, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		compare_line(&nr, line);
	}
	assert_int_equal(nr, 9);
}

static void unknown_functions_have_none(void **state)
{
	struct btf *b = read_sample("functions.btf");
	struct buf out AUTO_BUF = { 0 };
	struct err e = { 0 };

	(void)state;
	buf_puts(&out, "before");
	assert_int_equal(btf_prototype(b, "no_such_function", &out, &e), 0);
	assert_int_equal(btf_prototype(b, "file", &out, &e), 0);
	assert_string_equal(out.data, "before");
	btf_free(b);
}

/* Cut anywhere, or with any byte of it another one: refused or read, never worse. */
static void damage_does_no_harm(void **state)
{
	struct buf whole AUTO_BUF = { 0 };

	(void)state;
	assert_int_equal(path_read_all(SAMPLE "functions.btf", &whole, 1 << 20), 0);
	for (size_t i = 0; i < whole.len; i++) {
		struct buf cut = { 0 }, changed = { 0 };
		struct btf *b = NULL;
		struct err e = { 0 };

		buf_put(&cut, whole.data, i);
		assert_int_equal(btf_new(&cut, NULL, &b, &e), -EBADMSG);
		assert_true(e.text[0]);
		buf_put(&changed, whole.data, whole.len);
		changed.data[i] ^= 0x5a;
		if (!btf_new(&changed, NULL, &b, &e)) {
			struct buf out AUTO_BUF = { 0 };

			btf_prototype(b, "pointers", &out, &e);
			btf_prototype(b, "returns_function", &out, &e);
			btf_free(b);
		}
	}
}

/* ---- made by hand ----------------------------------------------------------- */

/* Kinds, as numbered in include/uapi/linux/btf.h. */
enum { INT = 1, PTR = 2, CONST = 10, FUNC = 12, PROTO = 13 };

struct made {
	struct buf types, strings;
};

static uint32_t word(struct made *m, const char *text)
{
	uint32_t at = m->strings.len;

	buf_str(&m->strings, text);
	return at;
}

static void type(struct made *m, uint32_t name, uint32_t kind, uint32_t nr, uint32_t to)
{
	buf_u32(&m->types, name);
	buf_u32(&m->types, kind << 24 | nr);
	buf_u32(&m->types, to);
}

static void parameter(struct made *m, uint32_t name, uint32_t to)
{
	buf_u32(&m->types, name);
	buf_u32(&m->types, to);
}

static void header(struct buf *b, uint8_t version, uint32_t len, uint32_t types, uint32_t strings)
{
	buf_u16(b, 0xeb9f);
	buf_u8(b, version);
	buf_u8(b, 0);
	buf_u32(b, len);
	buf_u32(b, 0);
	buf_u32(b, types);
	buf_u32(b, types);
	buf_u32(b, strings);
}

/* Gives @m's memory back. */
static int make(struct made *m, const struct btf *base, struct btf **ret, struct err *e)
{
	struct buf b = { 0 };

	header(&b, 1, 24, m->types.len, m->strings.len);
	buf_put(&b, m->types.data, m->types.len);
	buf_put(&b, m->strings.data, m->strings.len);
	buf_release(&m->types);
	buf_release(&m->strings);
	assert_false(b.failed);
	return btf_new(&b, base, ret, e);
}

/* int f(char *, ...) with the names given; types 1 to 4. */
static void make_kernel(struct btf **ret)
{
	struct made m = { 0 };
	struct err e = { 0 };

	word(&m, "");
	type(&m, word(&m, "int"), INT, 0, 4);
	buf_u32(&m.types, 32);
	type(&m, 0, PTR, 0, 1);
	type(&m, 0, PROTO, 2, 1);
	parameter(&m, 0, 2);
	parameter(&m, 0, 0);
	type(&m, word(&m, "f"), FUNC, 0, 3);
	assert_int_equal(make(&m, NULL, ret, &e), 0);
}

static void expect(const struct btf *b, const char *function, const char *text)
{
	struct buf out AUTO_BUF = { 0 };
	struct err e = { 0 };

	assert_int_equal(btf_prototype(b, function, &out, &e), 1);
	assert_string_equal(out.data, text);
}

static void modules_go_on_where_the_kernel_ends(void **state)
{
	struct btf *kernel, *module;
	struct made m = { 0 };
	struct err e = { 0 };
	const uint32_t strings = 1 + 4 + 2;	/* of the kernel */

	(void)state;
	make_kernel(&kernel);
	expect(kernel, "f", "int f(int *, ...)");
	type(&m, 0, CONST, 0, 2);			/* type 5, of the kernel's 2 */
	type(&m, 0, PROTO, 1, 0);
	parameter(&m, strings + word(&m, "x"), 5);
	type(&m, strings + word(&m, "g"), FUNC, 0, 6);
	type(&m, 5, FUNC, 0, 6);			/* a name of the kernel's */
	assert_int_equal(make(&m, kernel, &module, &e), 0);
	expect(module, "g", "void g(int *const x)");
	expect(module, "f", "void f(int *const x)");
	btf_free(module);
	btf_free(kernel);
}

static void refused(struct buf *b, const char *words)
{
	struct btf *ret;
	struct err e = { 0 };

	assert_int_equal(btf_new(b, NULL, &ret, &e), -EBADMSG);
	if (!strstr(e.text, words))
		fail_msg("'%s' instead of '%s'", e.text, words);
}

static void malformed_files_are_told_apart(void **state)
{
	static const struct { uint8_t version; uint32_t header, types, strings; const char *words; } bad[] = {
		{ 2, 24, 0, 1, "version 2" },
		{ 1, 23, 0, 1, "a header of 23 bytes in 40 bytes" },
		{ 1, 41, 0, 1, "a header of 41 bytes" },
		{ 1, 24, 17, 0, "17 bytes of types at offset 0x0" },
		{ 1, 24, 12, 5, "5 bytes of strings at offset 0xc" },
		{ 1, 24, 0, UINT32_MAX, "4294967295 bytes of strings" },
		{ 1, 24, 0, 1, "the last string has no end" },
		{ 1, 24, 12, 0, "type 1 at offset 0x18 is of an unknown kind" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		header(&b, bad[i].version, bad[i].header, bad[i].types, bad[i].strings);
		buf_fill(&b, 0xff, 16);
		refused(&b, bad[i].words);
	}
	refused(&b, "0 bytes are no type information");
	buf_puts(&b, "\x7f" "ELF");
	refused(&b, "does not begin with 0xeb9f");
	buf_u32(&b, 0x1eb9f);
	refused(&b, "the header is cut off");
}

/* A file that is whole, and a function whose types are not. */
static void broken(struct made *m, const char *words)
{
	struct btf *b;
	struct err e = { 0 };
	struct buf out AUTO_BUF = { 0 };

	assert_int_equal(make(m, NULL, &b, &e), 0);
	assert_int_equal(btf_prototype(b, "f", &out, &e), -EBADMSG);
	if (!strstr(e.text, words) || !strstr(e.text, "the prototype of f: "))
		fail_msg("'%s' instead of '%s'", e.text, words);
	assert_int_equal(out.len, 0);
	btf_free(b);
}

static void broken_types_are_told_apart(void **state)
{
	struct made m = { 0 };

	(void)state;
	type(&m, word(&m, "f"), FUNC, 0, 9);
	broken(&m, "type 9 is not one of a function");

	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 0, 7);
	broken(&m, "there is no type 7");

	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 1, 0);
	parameter(&m, 100, 0);
	broken(&m, "parameter of type 2 is at 0x64");

	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 0, 3);
	type(&m, 100, INT, 0, 4);
	buf_u32(&m.types, 32);
	broken(&m, "the name of type 3 is at 0x64");

	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 0, 1);
	broken(&m, "type 1 is not one of a value");

	/* a pointer to itself; a function that takes itself, twice */
	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 0, 3);
	type(&m, 0, PTR, 0, 3);
	broken(&m, "nested too deep");

	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 2, 0);
	parameter(&m, 0, 2);
	parameter(&m, 0, 2);
	broken(&m, "is nested too deep");

	type(&m, word(&m, "f"), FUNC, 0, 2);
	type(&m, 0, PROTO, 60000, 0);
	for (unsigned i = 0; i < 60000; i++)
		parameter(&m, 0, 0);
	broken(&m, "longer than 8192 bytes at type 0");
}

static void names_of_functions_are_checked(void **state)
{
	struct made m = { 0 };
	struct btf *b;
	struct err e = { 0 };

	(void)state;
	type(&m, 50, FUNC, 0, 0);
	word(&m, "");
	assert_int_equal(make(&m, NULL, &b, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "the function at offset 0x18 is at 0x32, outside the strings"));
}

/* ---- of a kernel -------------------------------------------------------------- */

static void count(void *ctx, const char *text)
{
	assert_non_null(strstr(text, "no prototypes of the functions of no_such_module"));
	++*(unsigned *)ctx;
}

static void modules_without_types_are_told_once(void **state)
{
	struct kernel_prototypes *p;
	struct buf out AUTO_BUF = { 0 };
	struct err e = { 0 };
	unsigned told = 0;
	const struct notices n = { count, &told };
	char dir[] = "/tmp/test_btf.XXXXXX", file[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(kernel_prototypes_open(dir, &n, &p, &e), -ENOENT);
	assert_non_null(strstr(e.text, "CONFIG_DEBUG_INFO_BTF"));
	snprintf(file, sizeof(file), "%s/vmlinux", dir);
	assert_int_equal(symlink(SAMPLE "functions.btf", file), 0);
	assert_int_equal(kernel_prototypes_open(dir, &n, &p, &e), 0);
	assert_int_equal(kernel_prototype(p, NULL, "nothing", &out, &e), 1);
	assert_string_equal(out.data, "void nothing(void)");
	assert_int_equal(kernel_prototype(p, "no_such_module", "nothing", &out, &e), 0);
	assert_int_equal(kernel_prototype(p, "no_such_module", "numbers", &out, &e), 0);
	assert_int_equal(told, 1);
	assert_int_equal(kernel_prototype(p, "../btf/vmlinux", "nothing", &out, &e), -EINVAL);
	kernel_prototypes_close(p);
	unlink(file);
	rmdir(dir);
}

/* ---- parameters -------------------------------------------------------------- */

static int put_parameter(void *ctx, const struct btf_param *p)
{
	return buf_printf(ctx, "%u %s %s%u; ", p->index, p->name, p->is_pointer ? "*" : p->is_signed ? "s" : "u", p->size);
}

static void parameters_are_described(void **state)
{
	static const struct {
		const char *function, *text;
	} cases[] = {
		{ "nothing", "" },
		{ "numbers", "0 flag u1; 1 c s1; 2 n u8; 3 m s8; " },
		{ "pointers", "0 file *8; 1 name *8; 2 names *8; 3 ret *8; " },
		{ "values", "0 state u4; 1 any u0; 2 size u8; 3 compare *8; " },
		{ "rows", "0 rows *8; 1 matrix *8; 2 table *8; " },
	};
	static const char *const samples[] = { "functions.btf", "functions-be.btf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct btf *b = read_sample(samples[i]);

		for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
			AUTO_BUF struct buf text = { 0 };
			struct err e = { 0 };

			assert_int_equal(btf_parameters(b, cases[j].function, put_parameter, &text, &e), 1);
			assert_string_equal(text.data ? text.data : "", cases[j].text);
		}
		assert_int_equal(btf_parameters(b, "nosuch", put_parameter, NULL, NULL), 0);
		btf_free(b);
	}
}

static int stop_with(void *ctx, const struct btf_param *p)
{
	(void)p;
	return *(int *)ctx;
}

static void who_asks_for_parameters_may_stop(void **state)
{
	struct btf *b = read_sample("functions.btf");
	int stop = -E2BIG;

	(void)state;
	assert_int_equal(btf_parameters(b, "numbers", stop_with, &stop, NULL), -E2BIG);
	stop = 5;
	assert_int_equal(btf_parameters(b, "numbers", stop_with, &stop, NULL), 1);
	btf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prototypes_are_as_in_the_source),
		cmocka_unit_test(unknown_functions_have_none),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(modules_go_on_where_the_kernel_ends),
		cmocka_unit_test(malformed_files_are_told_apart),
		cmocka_unit_test(broken_types_are_told_apart),
		cmocka_unit_test(names_of_functions_are_checked),
		cmocka_unit_test(modules_without_types_are_told_once),
		cmocka_unit_test(parameters_are_described),
		cmocka_unit_test(who_asks_for_parameters_may_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
