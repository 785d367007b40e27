// SPDX-License-Identifier: GPL-2.0-or-later
/* Print formats that libtraceevent would take otherwise than the kernel. */
#include "event_lines.h"

#include "event/db.h"
#include "event/print_text.h"
#include "kernel_formats.h"
#include "../leaks.h"

/* libtraceevent 1.7's parser loses a few bytes at formats that it cannot parse. */
KNOWN_LEAKS("leak:tep_parse_event\n");

static void test_texts(void **state)
{
	static const struct { const char *text, *wanted; } cases[] = {
		{ "\"%d\", REC->a", "\"%d\", REC->a" },
		{ "\"%d\", (REC->a)", "\"%d\", REC->a" },
		{ "\"%d\", REC->a & (1 | 2)", "\"%d\", REC->a & (u64)(1 | 2)" },
		{ "\"%d\", (REC->a - 1) - REC->b", "\"%d\", (u64)(REC->a - 1) - REC->b" },
		{ "\"%d\", REC->a - 1 - REC->b", "\"%d\", (u64)(REC->a - 1) - REC->b" },
		{ "\"%d\", 1 | 2 | 4", "\"%d\", 1 | 2 | 4" },
		{ "\"%d\", 1 + 2 * 3", "\"%d\", 1 + (u64)(2 * 3)" },
		{ "\"%d\", -REC->a / ~(REC->a + 1)", "\"%d\", (u64)(-REC->a) / (u64)(~(u64)(REC->a + 1))" },
		{ "\"%s\", (REC->a & 1 ? \"x\" : \"y\")", "\"%s\", (u64)(REC->a & 1) ? \"x\" : \"y\"" },
		{ "\"%s\", REC->a ? REC->b ? \"x\" : \"y\" : \"z\"", "\"%s\", REC->a ? (REC->b ? \"x\" : \"y\") : \"z\"" },
		{ "\"%d\", (unsigned int) ((REC->a) >> 20)", "\"%d\", (unsigned int)(u64)(REC->a >> 20)" },
		{ "\"%d\", ((u16 *)__get_dynamic_array(x))[REC->a + 1]", "\"%d\", ((u16*)__get_dynamic_array(x))[REC->a + 1]" },
		{ "\"a\" \"b %d\", REC->a", "\"a\"\"b %d\", REC->a" },
		{ "\"%s\", __print_flags(REC->a & (1 | 2), \"|\", { (1 << 2) | 1, \"five\" }, { 0 - 1, \"m\" }, { I_AM, \"n\" })",
		  "\"%s\", __print_flags(REC->a & (u64)(1 | 2), \"|\", { 0x5, \"five\" }, { 0xffffffffffffffff, \"m\" }, "
		  "{ " PRINT_TEXT_NO_VALUE ", \"n\" })" },
		{ "\"%s\", __print_symbolic(REC->a, { (( gfp_t)((((1UL))) << (3))), \"x\" })",
		  "\"%s\", __print_symbolic(REC->a, { 0x8, \"x\" })" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf out = { 0 }, wanted = { 0 };

		assert_true(print_text_rewrite(cases[i].text, strlen(cases[i].text), &out));
		buf_printf(&wanted, " %s\n", cases[i].wanted);
		assert_string_equal(out.data, wanted.data);
	}
}

static void test_not_understood(void **state)
{
	static const char *const texts[] = {
		"", "REC->a", "\"%d\", ", "\"%d\" REC->a", "\"%d\", REC->", "\"%d\", (REC->a", "\"%d\", REC->a)", "\"%d\", REC->a ? 1",
		"\"%d\", REC->a.b", "\"%d\", (REC->a)->b", "\"%d\", f(", "\"%d\", REC->a +", "\"%d\", { 1, \"x\" }", "\"%d\", REC->a[1",
		"\"%s\", __print_flags(REC->a, \"|\", { 1 / 0, \"x\" })", "\"%s\", __print_flags(REC->a, \"|\", { 1 \"x\" })",
		"\"%s\", __print_flags(REC->a, \"|\", { sizeof(int), \"x\" })", "\"%d\", a b",
	};
	AUTO_BUF struct buf deep = { 0 }, out = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_false(print_text_rewrite(texts[i], strlen(texts[i]), &out));
		assert_int_equal(out.len, 0);
	}
	buf_puts(&deep, "\"%d\", ");
	buf_fill(&deep, '(', 100000);
	assert_false(print_text_rewrite(deep.data, deep.len, &out));
	deep.len = 0;
	buf_puts(&deep, "\"%d\", ");
	buf_fill(&deep, '-', 100000);
	assert_false(print_text_rewrite(deep.data, deep.len, &out));
}

static void test_lines(void **state)
{
	static const char *const texts[] = {
		"sys", COMMON("ev", 300) FIELD("u32 a", 8, 4, 0) FIELD("u32 b", 12, 4, 0)
		PRINT("\"p=%pS|%px m=%d s=%d q=%d f=%s n=%s t=%d u=%s x=%#x %#x\", (void *)(vmemmap + REC->a), vmemmap, REC->a & (4 | 8), REC->a - 1 - REC->b, REC->a / 2 * 3, "
		      "__print_flags(REC->a & (4 | 8), \"|\", { 4, \"four\" }, { 8, \"eight\" }), __print_symbolic(REC->b, { NAME, \"n\" }, "
		      "{ 1 << 1, \"two\" }), (jiffies - REC->a) / 250, __print_flags(REC->a & MASK, \"|\", { 1, \"x\" }), REC->b, REC->a"), NULL,
	};
	static const uint8_t rec[] = RECORD(300, 7, 0, 0, 0, 0, 0, 0, 0);
	struct fixture fx;

	(void)state;
	begin(&fx, texts, false);
	event_db_set_texts(fx.db, EVENT_TEXTS_KERNEL);
	assert_string_equal(strstr(line_of(&fx, &plain, rec, sizeof(rec)), "ev:") + 22,
			    "p=?|? m=4 s=6 q=9 f=four n=0x0 t=? u=? x=0x0 0x7");
	end(&fx);
}

/* ---- formats of kernels ----------------------------------------------------------------- */

static unsigned failed(struct kernel *k, enum event_texts texts, struct buf *names)
{
	struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 2 };
	struct event_db_source source = { .formats = add_kernel_formats, .ctx = k };
	struct event_db *db;
	unsigned nr = 0;

	tep_set_loglevel(TEP_LOG_NONE);
	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	event_db_set_source(db, &source);
	event_db_set_texts(db, texts);
	for (int id = 0; id <= EVENT_ID_MAX; id++) {
		const struct tep_event *event = event_db_event(db, id);

		if (!event || !(event->flags & TEP_EVENT_FL_FAILED))
			continue;
		buf_printf(names, "%s ", event->name);
		nr++;
	}
	event_db_free(db);
	return nr;
}

/* What could be parsed can be parsed. */
static void test_kernels(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12", "6.18" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		AUTO_BUF struct buf before = { 0 }, after = { 0 };
		struct kernel k;

		read_kernel(kernels[i], &k);
		print_message("%s: %u formats fail, ", kernels[i], failed(&k, EVENT_TEXTS_TRACE_CMD, &before));
		print_message("%u of them as the kernel prints\n", failed(&k, EVENT_TEXTS_KERNEL, &after));
		assert_string_equal(before.data, after.data);
		free(k.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
