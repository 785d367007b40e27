// SPDX-License-Identifier: GPL-2.0-or-later
/* The numbers of words: one for each string, however it is kept in a record. */
#include "made.h"

#include "api/scan.h"

static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

/* Strings as records have them, something behind their end: the number is that of what is in front of it. */
static void test_chars(void **state)
{
	struct scan_words words = { 0 };
	uint32_t seed = 1;
	(void)state;

	for (unsigned i = 0; i < 200000; i++) {
		char chars[25];
		uint32_t len = next_number(&seed) % 25, end = next_number(&seed) % 25;
		int32_t code, nr = words.nr;
		size_t is;

		for (unsigned k = 0; k < len; k++)
			chars[k] = next_number(&seed) % 8 ? "ab\x80\xff"[next_number(&seed) % (i % 2 ? 2 : 4)] : 'a';
		if (end < len)
			chars[end] = 0;
		code = scan_words_code_of_chars(&words, chars, len);
		is = strnlen(chars, len);
		assert_in_range(code, 0, nr);
		assert_int_equal(words.offsets.v[code + 1] - words.offsets.v[code], is);
		assert_memory_equal(words.bytes.data + words.offsets.v[code], chars, is);
		/* a new number only for a string that had none */
		assert_int_equal(scan_words_code(&words, chars, is), code);
		assert_int_equal(words.nr, code == nr ? nr + 1 : nr);
	}
	scan_words_release(&words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
