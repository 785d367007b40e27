// SPDX-License-Identifier: GPL-2.0-or-later
/* Against the examples of FIPS 180-4 and RFC 4231. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/base.h"
#include "base/sha256.h"

static void expect(const uint8_t got[SHA256_LEN], const char *want)
{
	char text[2 * SHA256_LEN + 1];

	for (unsigned i = 0; i < SHA256_LEN; i++)
		sprintf(text + 2 * i, "%02x", got[i]);
	assert_string_equal(text, want);
}

static void hash(const char *text, size_t step, uint8_t ret[SHA256_LEN])
{
	struct sha256 s;
	size_t len = strlen(text);

	sha256_init(&s);
	for (size_t at = 0; at < len; at += step)
		sha256_put(&s, text + at, len - at < step ? len - at : step);
	sha256_end(&s, ret);
}

static void test_hash(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
	};
	uint8_t got[SHA256_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step < 130; step += 7) {
			hash(cases[i].text, step, got);
			expect(got, cases[i].want);
		}
}

static void test_million(void **state)
{
	char *text = malloc(1000001);
	uint8_t got[SHA256_LEN];

	(void)state;
	memset(text, 'a', 1000000);
	text[1000000] = 0;
	hash(text, 4096, got);
	expect(got, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(text);
}

static void test_hmac(void **state)
{
	uint8_t key[131], got[SHA256_LEN];
	struct hmac h;

	(void)state;
	memset(key, 0x0b, 20);
	hmac_init(&h, key, 20);
	hmac_put(&h, "Hi ", 3);
	hmac_put(&h, "There", 5);
	hmac_end(&h, got);
	expect(got, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	hmac_init(&h, "Jefe", 4);
	hmac_put(&h, "what do ya want for nothing?", 28);
	hmac_end(&h, got);
	expect(got, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hmac_init(&h, key, sizeof(key));
	hmac_put(&h, "Test Using Larger Than Block-Size Key - Hash Key First", 54);
	hmac_end(&h, got);
	expect(got, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(secret_equal((const uint8_t *)"abc", (const uint8_t *)"abc", 3));
	assert_false(secret_equal((const uint8_t *)"abc", (const uint8_t *)"abd", 3));
	assert_false(secret_equal((const uint8_t *)"xbc", (const uint8_t *)"abc", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
