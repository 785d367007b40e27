// SPDX-License-Identifier: GPL-2.0-or-later
/* Markers of programs: notes, also broken ones, and their arguments. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/usdt.h"

static void put_note(struct buf *b, const char *owner, uint32_t type, bool is_64, const char *texts, size_t len)
{
	size_t longs = is_64 ? 24 : 12;

	buf_u32(b, strlen(owner) + 1);
	buf_u32(b, longs + len);
	buf_u32(b, type);
	buf_str(b, owner);
	buf_fill(b, 0, -b->len & 3);
	for (uint64_t v = 0x1000; v <= 0x3000; v += 0x1000) {
		if (is_64)
			buf_u64(b, v);
		else
			buf_u32(b, v);
	}
	buf_put(b, texts, len);
	buf_fill(b, 0, -b->len & 3);
}

static struct cur cur_of(const struct buf *b)
{
	return (struct cur){ .data = (const uint8_t *)b->data, .len = b->len, .big_endian = b->big_endian };
}

static const char texts[] = "app\0start\0" "4@%edi";

static void notes(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct buf b AUTO_BUF = { .big_endian = i & 1 };
		struct usdt_note n;
		struct cur c;

		put_note(&b, "GNU", 3, i & 2, "other", 5);
		put_note(&b, "stapsdt", 4, i & 2, "x", 1);
		put_note(&b, "stapsdt", 3, i & 2, texts, sizeof(texts));
		put_note(&b, "stapsdt", 3, i & 2, "a\0b\0", 5);
		c = cur_of(&b);
		assert_int_equal(usdt_note_next(&c, i & 2, &n, NULL), 1);
		assert_string_equal(n.provider, "app");
		assert_string_equal(n.name, "start");
		assert_string_equal(n.args, "4@%edi");
		assert_int_equal(n.address, 0x1000);
		assert_int_equal(n.base, 0x2000);
		assert_int_equal(n.semaphore, 0x3000);
		assert_int_equal(usdt_note_next(&c, i & 2, &n, NULL), 1);
		assert_string_equal(n.args, "");
		assert_int_equal(usdt_note_next(&c, i & 2, &n, NULL), 0);
	}
}

/* Cut anywhere, and with lengths that lie: an error, never a byte beyond. */
static void broken(void **state)
{
	struct buf b AUTO_BUF = { 0 };
	struct usdt_note n;
	struct err e = { 0 };
	struct cur c;

	(void)state;
	put_note(&b, "stapsdt", 3, true, texts, sizeof(texts));
	for (size_t len = 1; len + 3 < b.len; len++) {
		uint8_t *part = test_malloc(len);

		memcpy(part, b.data, len);
		c = (struct cur){ .data = part, .len = len };
		assert_int_equal(usdt_note_next(&c, true, &n, &e), -EBADMSG);
		test_free(part);
	}
	for (size_t at = 0; at < 8; at += 4) {
		struct buf bad AUTO_BUF = { 0 };

		buf_put(&bad, b.data, b.len);
		memset(bad.data + at, 0xff, 4);
		c = cur_of(&bad);
		assert_int_equal(usdt_note_next(&c, true, &n, &e), -EBADMSG);
		assert_non_null(strstr(e.text, "0x0"));
	}
	buf_clear(&b);
	put_note(&b, "stapsdt", 3, true, "no end", 6);
	c = cur_of(&b);
	assert_int_equal(usdt_note_next(&c, true, &n, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "has no end"));
}

static void arguments(void **state)
{
	static const struct { const char *text, *fetch, *type; bool points; } cases[] = {
		{ "4@%edi", "%di", "u32", false }, { "-4@%eax", "%ax", "s32", false }, { "8@%rsp", "%sp", "u64", true },
		{ "-1@%cl", "%cx", "s8", false }, { "1@%sil", "%si", "u8", false }, { "2@%bp", "%bp", "u16", false },
		{ "8@%r8", "%r8", "u64", true }, { "4@%r15d", "%r15", "u32", false }, { "2@%r10w", "%r10", "u16", false },
		{ "4@$7", "\\7", "u32", false }, { "-8@$-1", "\\-1", "s64", true }, { "4@$0x10", "\\16", "u32", false },
		{ "8@-24(%rbp)", "-24(%bp)", "u64", true }, { "8@(%rax)", "+0(%ax)", "u64", true },
		{ "4@16(%r12)", "+16(%r12)", "u32", false },
	};
	static const char *const not[] = {
		"8f@%xmm0", "-8f@%xmm1", "4@%xmm0", "8@%ah", "1@%ah", "8@table(%rip)", "8@8(%rdi,%rax,8)", "8@(%eax)", "8@(%r8d)",
		"16@%rax", "@%rax", "4@", "4", "%rax", "4@%", "4@$", "4@()", "4@(", "4@(%", "4@(%r", "8@x0", "-@%rax", "3@%eax",
		"99999999999999999999999@%eax", "4@$99999999999999999999", "8@99999999999999999999999999(%rax)", "8@%r8x", "8@%r16",
	};
	const char *all = "  4@%edi\t-8@$5  ";
	struct usdt_arg a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *p = cases[i].text;

		assert_true(usdt_arg_next(&p, &a));
		if (a.why)
			fail_msg("%s %s", cases[i].text, a.why);
		assert_string_equal(a.fetch, cases[i].fetch);
		assert_string_equal(a.type, cases[i].type);
		assert_int_equal(a.points, cases[i].points);
		assert_false(usdt_arg_next(&p, &a));
	}
	for (size_t i = 0; i < ARRAY_SIZE(not); i++) {
		const char *p = not[i];

		assert_true(usdt_arg_next(&p, &a));
		if (!a.why)
			fail_msg("%s is %s", not[i], a.fetch);
	}
	assert_true(usdt_arg_next(&all, &a));
	assert_true(usdt_arg_next(&all, &a));
	assert_string_equal(a.fetch, "\\5");
	assert_false(usdt_arg_next(&all, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(notes), cmocka_unit_test(broken), cmocka_unit_test(arguments) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
