// SPDX-License-Identifier: GPL-2.0-or-later
/* Filters over records made by hand: kinds of fields, short records, byte order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <regex.h>
#include <cmocka.h>

#include "event/event.h"
#include "../formats.h"

static const char *const texts[] = {
	"one", COMMON("ev", 300)
	"\tfield:s8 tiny;\toffset:8;\tsize:1;\tsigned:1;\n"
	"\tfield:u8 byte;\toffset:9;\tsize:1;\tsigned:0;\n"
	"\tfield:s16 half;\toffset:10;\tsize:2;\tsigned:1;\n"
	"\tfield:u32 word;\toffset:12;\tsize:4;\tsigned:0;\n"
	"\tfield:u64 big;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:long ret;\toffset:24;\tsize:8;\tsigned:1;\n"
	"\tfield:char fix[4];\toffset:32;\tsize:4;\tsigned:0;\n"
	"\tfield:__data_loc char[] dyn;\toffset:36;\tsize:4;\tsigned:0;\n"
	"\tfield:__rel_loc char[] rel;\toffset:40;\tsize:4;\tsigned:0;\n"
	"\nprint fmt: \"\"\n",
	"two", COMMON("ev2", 301) "\tfield:int word;\toffset:8;\tsize:4;\tsigned:1;\n\nprint fmt: \"\"\n",
	"two", COMMON("other", 302) "\nprint fmt: \"\"\n",
};

#define RECORD_BYTES 52

static void put_u16(uint8_t *p, uint16_t v, bool big)
{
	p[big] = v & 255;
	p[!big] = v >> 8;
}

static void make_record(uint8_t *rec, bool big)
{
	memset(rec, 0, RECORD_BYTES);
	put_u16(rec, 300, big);
	put_u32(rec + 4, 77, big);
	rec[8] = 0xfe;
	rec[9] = 0xfe;
	put_u16(rec + 10, 0xfffd, big);
	put_u32(rec + 12, 0xffffffff, big);
	put_u64(rec + 16, UINT64_MAX, big);
	put_u64(rec + 24, (uint64_t)-22, big);
	memcpy(rec + 32, "abcd", 4);
	put_u32(rec + 36, 4 << 16 | 44, big);
	put_u32(rec + 40, 4 << 16 | 4, big);
	memcpy(rec + 44, "dyn\0rel\0", 8);
}

static struct event_db *new_db(bool big)
{
	struct event_db_opts opts = { .big_endian = big, .long_size = 8, .page_size = 4096, .cpus = 1 };
	struct event_db *db;

	tep_set_loglevel(TEP_LOG_NONE);
	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i += 2)
		assert_int_equal(event_db_add_format(db, texts[i], texts[i + 1],
						     strlen(texts[i + 1]), NULL), 0);
	assert_int_equal(event_db_add_kallsyms(db, "1000 T func\n2000 T end\n", 23), 0);
	return db;
}

/* Whether one filter lets a record of @len bytes through. */
static bool matches(struct event_db *db, const char *text, const uint8_t *rec, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct event_record view = { .data = exact, .len = len, .avail = len, .cpu = 3 };
	struct event_filter *f;
	struct err e = { 0 };
	bool wanted;

	assert_non_null(exact);
	memcpy(exact, rec, len);
	assert_int_equal(event_filter_new(db, &f, NULL), 0);
	if (event_filter_add(f, text, false, &e) != 1)
		fail_msg("%s", e.text);
	wanted = event_filter_match(f, &view);
	event_filter_free(f);
	free(exact);
	return wanted;
}

static const char *const true_ones[] = {
	"ev", "EV", "one", "one/ev", "o.e/e.*", "ev, ev2", "ev: 1",
	"one/", "ONE/", "o.e/", "/ev", "ev/", " one / ev ", "one//ev", "one/:half == -3", "two/, one/",
	"ev: tiny == -2", "ev: tiny < 0", "ev: byte == 254", "ev: byte > 0", "ev: half == -3",
	"ev: word == 0xffffffff", "ev: word > 0", "ev: big == 0xffffffffffffffff", "ev: big == -1",
	"ev: big > 5", "ev: big > ret", "ev: ret < 0", "ev: ret == -22", "ev: ret == 0xffffffffffffffea",
	"ev: -22 == ret", "ev: -ret == 22", "ev: ~ret == 21", "ev: !!ret", "ev: ret + 22 == 0",
	"ev: ret >> 1 == -11", "ev: big >> 63 == 1", "ev: ret / 2 == -11", "ev: ret % 5 == -2",
	"ev: fix == \"abcd\"", "ev: fix != \"abc\"", "ev: fix =~ \"B.\"", "ev: fix !~ \"^b\"",
	"ev: dyn == 'dyn'", "ev: rel == 'rel'", "ev: dyn < rel", "ev: common_pid == 77", "ev: CPU == 3",
	"ev: COMM == \"<...>\"", "ev: byte - 254 + 0x1000 == \"func\"", "ev: byte == \"0xfe\"",
	"ev: byte =~ '^0xf'", "ev: byte - 'a' == 157", "ev: CPU >= 3 && CPU <= 3",
	"ev: 1 || word / 0 == 1", "ev: !(word / 0 == 1)", "ev: 1 + 2 * 3 == 7", "ev: (1 + 2) * 3 == 9",
	"ev: 1 << 2 + 1 == 8", "ev: 6 & 3 == 3 == 0 || 1", "ev: (6 & 3) == 2", "ev: 1 | 6 ^ 2 & 3",
	"ev: (ret ^ ret) == 0", "ev: 010 == 8", "ev: 18446744073709551615 == big", "  ev  :\tbyte==254\n",
	"ev: fix == dyn || fix == 'abcd'",
};

static const char *const false_ones[] = {
	"ev2", "two", "two/ev.*", "ev: 0", "ev: tiny > 0", "ev: byte < 0", "ev: word == -1", "ev: ret > 5",
	"ev: word / 0 == 0", "ev: word % 0 == 0", "ev: word << 64 == 0", "ev: word >> 64 == 0",
	"ev: fix == dyn", "ev: fix == \"abc\"", "ev: fix =~ \"x\"", "ev: COMM == \"<idle>\"", "ev: CPU == 4",
	"ev: byte - 254 + 0x1001 == \"func2\"", "ev: -9223372036854775807 - 1 == (-9223372036854775807 - 1) / 1 + 1",
	"ev,ev2: common_flags", "ev.*: nothing == 1", "ev: word && !word",
};

static void test_matches(void **state)
{
	uint8_t rec[RECORD_BYTES];

	(void)state;
	for (int big = 0; big < 2; big++) {
		struct event_db *db = new_db(big);

		make_record(rec, big);
		for (size_t i = 0; i < ARRAY_SIZE(true_ones); i++)
			if (!matches(db, true_ones[i], rec, sizeof(rec)))
				fail_msg("not true: %s", true_ones[i]);
		for (size_t i = 0; i < ARRAY_SIZE(false_ones); i++)
			if (matches(db, false_ones[i], rec, sizeof(rec)))
				fail_msg("true: %s", false_ones[i]);
		event_db_free(db);
	}
}

static void test_smallest_number_divided(void **state)
{
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];

	(void)state;
	make_record(rec, false);
	put_u64(rec + 24, (uint64_t)INT64_MIN, false);
	assert_true(matches(db, "ev: ret / -1 == ret", rec, sizeof(rec)));
	assert_true(matches(db, "ev: ret % -1 == 0", rec, sizeof(rec)));
	event_db_free(db);
}

/* A field the record does not reach fails whatever is asked of it. */
static void test_short_records(void **state)
{
	static const struct { const char *field; size_t end; } fields[] = {
		{ "tiny", 9 }, { "byte", 10 }, { "half", 12 }, { "word", 16 }, { "big", 24 }, { "ret", 32 },
	};
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];
	char text[64];

	(void)state;
	make_record(rec, false);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		snprintf(text, sizeof(text), "ev: %s || !%s", fields[i].field, fields[i].field);
		assert_true(matches(db, text, rec, fields[i].end - 1));
		snprintf(text, sizeof(text), "ev: %s == %s", fields[i].field, fields[i].field);
		assert_true(matches(db, text, rec, fields[i].end));
		assert_false(matches(db, text, rec, fields[i].end - 1));
	}
	assert_false(matches(db, "ev: fix == fix", rec, 35));
	assert_true(matches(db, "ev: dyn == dyn", rec, 48));
	assert_false(matches(db, "ev: dyn == dyn", rec, 47));
	assert_false(matches(db, "ev: rel == rel", rec, 51));
	assert_false(matches(db, "ev: 1", rec, 1));
	assert_false(matches(db, "ev: common_pid == 77", rec, 7));
	event_db_free(db);
}

static void test_includes_and_excludes(void **state)
{
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];
	struct event_record view = { .data = rec, .len = sizeof(rec), .avail = sizeof(rec) };
	struct event_filter *f;

	(void)state;
	make_record(rec, false);
	assert_int_equal(event_filter_new(db, &f, NULL), 0);
	assert_true(event_filter_match(f, &view));
	assert_false(event_filter_includes(f));
	assert_int_equal(event_filter_add(f, "other", true, NULL), 1);
	assert_true(event_filter_match(f, &view));
	assert_int_equal(event_filter_add(f, "ev: byte == 1", true, NULL), 1);
	assert_true(event_filter_match(f, &view));
	assert_int_equal(event_filter_add(f, "ev2", false, NULL), 1);
	assert_true(event_filter_includes(f));
	assert_false(event_filter_match(f, &view));
	assert_int_equal(event_filter_add(f, "ev: byte == 254", false, NULL), 1);
	assert_true(event_filter_match(f, &view));
	assert_int_equal(event_filter_add(f, "one", true, NULL), 1);
	assert_false(event_filter_match(f, &view));
	event_filter_free(f);
	event_db_free(db);
}

static void test_answers(void **state)
{
	static const struct { const char *text; int want; const char *words; } cases[] = {
		{ "ev", 1, "" }, { "ev, nothing", 0, "'nothing'" }, { "nothing", -ENOENT, "'nothing'" },
		{ "evv", -ENOENT, "did you mean 'ev'" }, { "one/evv", -ENOENT, "did you mean 'one/ev'" },
		{ "ev: nothing == 1", -ENOENT, "no event it names has a field 'nothing'" },
		{ "ev: wrod == 1", -ENOENT, "did you mean 'word'" }, { ".*: nothing == 1", 1, "" },
		{ "ev: fix == 5", -EINVAL, "column 12" }, { "ev: (", -EINVAL, "column 6" },
		{ "/", -EINVAL, "name is missing" }, { " // : word == 1", -EINVAL, "name is missing" },
		{ "one,", -EINVAL, "name is missing" }, { "on/", -ENOENT, "'on/'" },
		{ "one/ev/x", -ENOENT, "'one/ev/x'" }, { "one/:", -EINVAL, "" },
	};
	struct event_db *db = new_db(false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_filter *f;
		struct err e = { 0 };

		assert_int_equal(event_filter_new(db, &f, NULL), 0);
		assert_int_equal(event_filter_add(f, cases[i].text, false, &e), cases[i].want);
		if (!strstr(e.text, cases[i].words))
			fail_msg("%s: %s", cases[i].text, e.text);
		event_filter_free(f);
	}
	event_db_free(db);
}

/* What is described is read as it was meant. */
static void test_description(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "ev:byte==1&&(word||big)||!CPU", "one:ev: byte == 1 && (word || big) || !CPU\n" },
		{ "ev:1-(2-3)", "one:ev: 1 - (2 - 3)\n" }, { "ev:1-2-3", "one:ev: 1 - 2 - 3\n" },
		{ "ev:!byte==1", "one:ev: !(byte == 1)\n" }, { "ev:fix=='a\"b'", "one:ev: fix == 'a\"b'\n" },
		{ "ev:fix=~\"x\"", "one:ev: fix =~ \"x\"\n" }, { "two", "two:ev2\ntwo:other\n" },
	};
	struct event_db *db = new_db(false);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_filter *f;
		struct buf out = { 0 };

		assert_int_equal(event_filter_new(db, &f, NULL), 0);
		assert_int_equal(event_filter_add(f, cases[i].text, false, NULL), 1);
		event_filter_describe(f, &out);
		assert_string_equal(out.data, cases[i].want);
		buf_release(&out);
		event_filter_free(f);
	}
	event_db_free(db);
}

/* Expressions that need no regexec() say what it says. */
static void test_literals(void **state)
{
	static const char *const patterns[] = {
		"", "^", "$", "^$", "a", "A", "ab", "b", "bc", "d", "cd", "abcd", "abcde", "^a", "^b", "^abcd",
		"d$", "c$", "^abcd$", "^abc$", "^bcd$", ".*", "^.*$", "b.*", "^b.*", "a.*d", "[b]", "b*", "x*",
		"^*", "a\\b", "-", "a-", "_", " ", "aa", "^a$", "b$.*", "^^a", "a.", "a..", "a.*.*", "*", "*a", "$a",
	};
	static const char *const strings[] = { "abcd", "ABCD", "bbbb", "a", "", "a-_ ", "aab", "bcab" };
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		regex_t regex;

		assert_int_equal(regcomp(&regex, patterns[i], REG_ICASE | REG_NOSUB), 0);
		for (size_t k = 0; k < ARRAY_SIZE(strings); k++) {
			bool want = !regexec(&regex, strings[k], 0, NULL, 0);

			make_record(rec, false);
			memset(rec + 32, 0, 4);
			memcpy(rec + 32, strings[k], strlen(strings[k]));
			snprintf(text, sizeof(text), "ev: fix =~ \"%s\"", patterns[i]);
			if (matches(db, text, rec, sizeof(rec)) != want)
				fail_msg("'%s' =~ \"%s\"", strings[k], patterns[i]);
			snprintf(text, sizeof(text), "ev: fix !~ \"%s\"", patterns[i]);
			if (matches(db, text, rec, sizeof(rec)) == want)
				fail_msg("'%s' !~ \"%s\"", strings[k], patterns[i]);
		}
		regfree(&regex);
	}
	event_db_free(db);
}

static void test_selections(void **state)
{
	static const struct { const char *globs; bool selects, known; } cases[] = {
		{ "ev", true, true }, { "e?", true, true }, { "one", true, true }, { "one:*", true, true },
		{ "o[mn]e/e*", true, true }, { "ev2,one", true, true }, { "two", false, true },
		{ "ev2", false, true }, { "EV", false, false }, { "v", false, false }, { "two:ev", false, false },
	};
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];
	struct event_record view = { .data = rec, .len = sizeof(rec), .avail = sizeof(rec) };

	(void)state;
	make_record(rec, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int exclude = 0; exclude < 2; exclude++) {
			struct event_filter *f;
			struct err e = { 0 };
			int r;

			assert_int_equal(event_filter_new(db, &f, NULL), 0);
			r = event_filter_select(f, cases[i].globs, exclude, &e);
			assert_int_equal(r, cases[i].known ? 1 : -ENOENT);
			if (exclude)
				assert_int_equal(event_filter_match(f, &view), !cases[i].selects);
			else
				assert_int_equal(event_filter_match(f, &view), cases[i].selects);
			assert_int_equal(event_filter_includes(f), !exclude);
			/* filters narrow a selection, and never widen it */
			assert_int_equal(event_filter_add(f, "one: byte == 1", false, NULL), 1);
			assert_false(event_filter_match(f, &view));
			assert_int_equal(event_filter_add(f, ".*", false, NULL), 1);
			assert_int_equal(event_filter_match(f, &view), cases[i].selects != exclude);
			event_filter_free(f);
		}
	event_db_free(db);
}

static void test_pids(void **state)
{
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];
	struct event_record view = { .data = rec, .len = sizeof(rec), .avail = sizeof(rec) };
	int pids[] = { 5, 900, 77, -1, 3 };

	(void)state;
	make_record(rec, false);
	for (size_t nr = 0; nr <= ARRAY_SIZE(pids); nr++) {
		struct event_filter *f;

		assert_int_equal(event_filter_new(db, &f, NULL), 0);
		assert_int_equal(event_filter_add_pids(f, pids, nr, NULL), 0);
		view.len = sizeof(rec);
		assert_int_equal(event_filter_match(f, &view), nr > 2);
		view.len = 7;
		assert_false(event_filter_match(f, &view));
		event_filter_free(f);
	}
	event_db_free(db);
}

/* ---- threads ---- */

struct shared {
	struct event_filter *f;
	const uint8_t (*recs)[RECORD_BYTES];
	pthread_barrier_t *begin;
	unsigned wrong;
};

static void *match_all(void *arg)
{
	struct shared *s = arg;

	pthread_barrier_wait(s->begin);
	for (unsigned i = 0; i < 2000; i++) {
		struct event_record view = { .data = s->recs[i % 4], .len = RECORD_BYTES, .avail = RECORD_BYTES };

		/* see test_threads */
		s->wrong += event_filter_match(s->f, &view) != (i % 4 == 0 || i % 4 == 2);
	}
	return NULL;
}

/* Ids are met first by several threads at once. */
static void test_threads(void **state)
{
	uint8_t recs[4][RECORD_BYTES];
	struct event_db *db = new_db(false);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		make_record(recs[i], false);
		put_u16(recs[i], 300 + i, false);	/* ev, ev2, other, none */
	}
	for (unsigned round = 0; round < 20; round++) {
		struct shared shared[4];
		pthread_barrier_t begin;
		struct event_filter *f;
		pthread_t threads[4];

		assert_int_equal(event_filter_new(db, &f, NULL), 0);
		assert_int_equal(event_filter_add(f, "ev: fix =~ '^AB.d' && COMM != 'x'", false, NULL), 1);
		assert_int_equal(event_filter_add(f, "ev2: word == 1", false, NULL), 1);
		assert_int_equal(event_filter_add(f, "other", false, NULL), 1);
		assert_int_equal(pthread_barrier_init(&begin, NULL, 4), 0);
		for (unsigned i = 0; i < 4; i++) {
			shared[i] = (struct shared){ f, recs, &begin, 0 };
			assert_int_equal(pthread_create(&threads[i], NULL, match_all, &shared[i]), 0);
		}
		for (unsigned i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			assert_int_equal(shared[i].wrong, 0);
		}
		pthread_barrier_destroy(&begin);
		event_filter_free(f);
	}
	event_db_free(db);
}

/* What is too much is refused, and what is not works however long it is. */
static void test_long_expressions(void **state)
{
	static const struct { const char *start, *part, *end; unsigned nr; bool fine; } cases[] = {
		{ "ev: 1", " && byte == 254", "", 4000, true }, { "ev: 0", " || byte == 254", "", 4000, true },
		{ "ev: 1", " && byte == 254", "", 7000, false }, { "ev: byte", " + 0", " == 254", 900, true },
		{ "ev: byte", " + 0", " == 254", 1100, false }, { "ev: 1", " == 1", "", 900, true },
		{ "ev: ", "(", "", 300, false }, { "ev: ", "!", "byte", 190, true },
	};
	struct event_db *db = new_db(false);
	uint8_t rec[RECORD_BYTES];

	(void)state;
	make_record(rec, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf text = { 0 };
		struct event_filter *f;

		buf_puts(&text, cases[i].start);
		for (unsigned k = 0; k < cases[i].nr; k++)
			buf_puts(&text, cases[i].part);
		buf_puts(&text, cases[i].end);
		if (cases[i].fine) {
			assert_true(matches(db, text.data, rec, sizeof(rec)));
		} else {
			assert_int_equal(event_filter_new(db, &f, NULL), 0);
			assert_int_equal(event_filter_add(f, text.data, false, NULL), -EINVAL);
			event_filter_free(f);
		}
		buf_release(&text);
	}
	event_db_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_selections),
		cmocka_unit_test(test_pids),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_long_expressions),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_smallest_number_divided),
		cmocka_unit_test(test_short_records),
		cmocka_unit_test(test_includes_and_excludes),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
