// SPDX-License-Identifier: GPL-2.0-or-later
/* The encoder against pages made by hand, and round trips through the decoder. */
#include "hand.h"

#define DELTA_GREATEST 0x7ffffffu

/* The encoder makes, byte for byte, the page made by hand. */
static void encode_kernel_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		const struct ring_abi *abi = abis[i];
		uint8_t page[sizeof(((struct hand *)0)->page)], big[120] = { 0 };
		struct ring_encoder enc;
		struct hand h;

		hand_begin(&h, abi, 1000);
		hand_entry(&h, 1, 0);
		memcpy(h.page + h.pos, "abc", 3);
		h.pos += 4;
		hand_entry(&h, 2, 5);
		memcpy(h.page + h.pos, "abcdefgh", 8);
		h.pos += 8;
		hand_entry(&h, 30, 1);			/* gap of 2^27 + 1 */
		hand_word(&h, 1);
		hand_entry(&h, 1, 0);
		memcpy(h.page + h.pos, "x", 1);
		h.pos += 4;
		hand_entry(&h, 31, 500);		/* back to 500 */
		hand_word(&h, 0);
		hand_entry(&h, 1, 0);
		h.pos += 4;
		hand_entry(&h, 0, DELTA_GREATEST);
		hand_word(&h, 124);
		h.pos += 120;
		hand_entry(&h, 29, 3);
		hand_word(&h, 8);
		h.pos += 4;
		hand_long(&h, 8, (h.pos - 8 - abi->long_size) | 0xffffffffc0000000);
		hand_long(&h, h.pos, 42);

		memset(page, 0xee, sizeof(page));
		ring_encoder_init(&enc, abi, page, sizeof(page));
		ring_encoder_lost(&enc, 42);
		assert_int_equal(ring_encoder_put(&enc, 1000, "abc", 3), 1);
		assert_int_equal(ring_encoder_put(&enc, 1005, "abcdefgh", 8), 1);
		assert_int_equal(ring_encoder_put(&enc, 1006 + (1u << 27), "x", 1), 1);
		assert_int_equal(ring_encoder_put(&enc, 500, NULL, 0), 1);
		assert_int_equal(ring_encoder_put(&enc, 500 + DELTA_GREATEST, big, sizeof(big)), 1);
		assert_int_equal(ring_encoder_pad(&enc, 503 + DELTA_GREATEST, 4), 1);
		ring_encoder_finish(&enc);
		assert_memory_equal(page, h.page, sizeof(page));
	}
}

/* A page with three events, and what is told of a loss before them. */
static void mend(void **state)
{
	static const uint64_t losses[] = { 0, 7, RING_LOST_UNKNOWN };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(abis) * ARRAY_SIZE(losses); i++) {
		const struct ring_abi *abi = abis[i / ARRAY_SIZE(losses)];
		uint64_t lost = losses[i % ARRAY_SIZE(losses)];
		uint8_t page[256];
		struct ring_encoder enc;
		struct ring_event ev;
		struct ring_page p;

		ring_encoder_init(&enc, abi, page, sizeof(page));
		ring_encoder_lost(&enc, lost);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(ring_encoder_put(&enc, 100 + k, "abc", 3), 1);
		ring_encoder_finish(&enc);

		assert_int_equal(ring_page_open(&p, abi, page, sizeof(page)), 0);
		assert_int_equal(ring_page_next(&p, &ev), 1);
		ring_page_shorten(&p, page, ev.offset + ev.size);
		assert_int_equal(ring_page_open(&p, abi, page, sizeof(page)), 0);
		assert_true(p.lost == lost);
		assert_int_equal(ring_page_next(&p, &ev), 1);
		assert_int_equal(ring_page_next(&p, &ev), 0);

		ring_page_mark_lost(abi, page);
		assert_int_equal(ring_page_open(&p, abi, page, sizeof(page)), 0);
		assert_true(p.lost == RING_LOST_UNKNOWN);
		assert_int_equal(ring_page_next(&p, &ev), 1);
		assert_int_equal(ring_page_next(&p, &ev), 0);
	}
}

static void encode_full(void **state)
{
	uint8_t page[64], data[64] = { 0 };
	struct ring_encoder enc;
	struct ring_page p;

	(void)state;
	ring_encoder_init(&enc, &le8, page, sizeof(page));
	assert_int_equal(ring_encoder_put(&enc, 1, data, 45), -EMSGSIZE);
	assert_int_equal(ring_encoder_put(&enc, 1, data, SIZE_MAX), -EMSGSIZE);
	assert_int_equal(ring_encoder_put(&enc, 1, data, 44), 1);	/* all of the page */
	assert_int_equal(ring_encoder_put(&enc, 1, data, 1), 0);
	assert_int_equal(ring_encoder_stamp(&enc, 1), 0);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	expect_data(&p, 1, 44);
	expect_end(&p);

	/* a loss count takes its place */
	ring_encoder_init(&enc, &le8, page, sizeof(page));
	ring_encoder_lost(&enc, 3);
	assert_int_equal(ring_encoder_put(&enc, 1, data, 37), -EMSGSIZE);
	assert_int_equal(ring_encoder_put(&enc, 1, data, 36), 1);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.lost == 3);

	/* an unknown one takes none; a page of nothing keeps its loss */
	ring_encoder_init(&enc, &le8, page, sizeof(page));
	ring_encoder_lost(&enc, RING_LOST_UNKNOWN);
	assert_int_equal(ring_encoder_put(&enc, 1, data, 44), 1);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.lost == RING_LOST_UNKNOWN);
	ring_encoder_init(&enc, &le8, page, sizeof(page));
	ring_encoder_lost(&enc, 5);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.lost == 5);
	expect_end(&p);

	/* more lost events than a 32-bit long can say */
	ring_encoder_init(&enc, &le4, page, sizeof(page));
	ring_encoder_lost(&enc, UINT64_C(1) << 32);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le4, page, sizeof(page)), 0);
	assert_true(p.lost == RING_LOST_UNKNOWN);

	/* what a refused put leaves behind: nothing */
	ring_encoder_init(&enc, &le8, page, sizeof(page));
	assert_int_equal(ring_encoder_put(&enc, 1, data, 28), 1);	/* 16 bytes left */
	assert_int_equal(ring_encoder_put(&enc, 1 + (1u << 27), data, 8), 0);
	assert_int_equal(ring_encoder_put(&enc, 2, data, 8), 1);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	expect_data(&p, 1, 28);
	expect_data(&p, 2, 8);
	expect_end(&p);
}

static void encode_far_steps(void **state)
{
	uint64_t msb = UINT64_C(1) << 59;
	uint8_t page[256];
	struct ring_encoder enc;
	struct ring_page p;

	(void)state;
	ring_encoder_init(&enc, &le8, page, sizeof(page));
	assert_int_equal(ring_encoder_put(&enc, msb, "a", 1), 1);
	assert_int_equal(ring_encoder_put(&enc, 2 * msb - 1, "a", 1), 1);
	assert_int_equal(ring_encoder_put(&enc, 3 * msb - 1, "a", 1), 0);	/* 2^59 ahead */
	assert_int_equal(ring_encoder_put(&enc, msb + 5, "a", 1), 1);
	assert_int_equal(ring_encoder_put(&enc, msb - 1, "a", 1), 0);	/* other top bits */
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	expect_data(&p, msb, 4);
	expect_data(&p, 2 * msb - 1, 4);
	expect_data(&p, msb + 5, 4);
	expect_end(&p);

	ring_encoder_init(&enc, &be4, page, sizeof(page));
	assert_int_equal(ring_encoder_stamp(&enc, 3 * msb + 12), 1);
	assert_int_equal(ring_encoder_put(&enc, 3 * msb + 13, "a", 1), 1);
	ring_encoder_finish(&enc);
	assert_int_equal(ring_page_open(&p, &be4, page, sizeof(page)), 0);
	assert_true(p.page_ts == 3 * msb);
	expect_data(&p, 3 * msb + 13, 4);
	expect_end(&p);
}

/* ---- round trips ---------------------------------------------------------- */

static void round_trip(const struct ring_abi *abi, size_t page_size, uint64_t seed)
{
	struct { uint64_t ts; uint32_t len, at; } *want;
	uint8_t *page = malloc(page_size), *bytes = malloc(page_size);
	uint64_t ts = seed >> 6, lost = 0;
	struct ring_encoder enc;
	struct ring_event ev;
	struct ring_page p;
	size_t n = 0, used = 0;

	want = malloc(page_size / 8 * sizeof(*want));
	assert_true(page && bytes && want);
	if (seed % 3)
		lost = seed % 3 == 1 ? seed % 1000 + 1 : RING_LOST_UNKNOWN;
	memset(page, 0xa5, page_size);
	ring_encoder_init(&enc, abi, page, page_size);
	ring_encoder_lost(&enc, lost);
	for (;;) {
		uint64_t r = rnd(&seed);
		uint32_t len = r % 16 ? r / 16 % 60 + 1 : r / 16 % (page_size / 8) + 1;
		int rc;

		switch (r >> 60) {
		case 0: ts += r & 0x3ffffffff; break;
		case 1: ts -= ts & r & 0xffffff; break;
		default: ts += r >> 20 & 0xffff; break;
		}
		if ((r >> 50) % 16 == 0)
			assert_true(ring_encoder_pad(&enc, ts, r % 5 * 4) >= 0);
		if ((r >> 50) % 16 == 1)
			assert_true(ring_encoder_stamp(&enc, ts) >= 0);
		if (used + len > page_size)
			break;
		for (uint32_t i = 0; i < len; i++)
			bytes[used + i] = rnd(&seed);
		rc = ring_encoder_put(&enc, ts, bytes + used, len);
		assert_true(rc >= 0);
		if (!rc)
			break;
		want[n].ts = ts;
		want[n].len = len;
		want[n++].at = used;
		used += len;
	}
	ring_encoder_finish(&enc);
	assert_true(n > 1);

	assert_int_equal(ring_page_open(&p, abi, page, page_size), 0);
	assert_true(p.lost == lost);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ring_page_next(&p, &ev), 1);
		assert_true(ev.ts == want[i].ts);
		assert_int_equal(ev.len, (want[i].len + 3) & ~3u);
		assert_memory_equal(ev.data, bytes + want[i].at, want[i].len);
		for (uint32_t k = want[i].len; k < ev.len; k++)
			assert_int_equal(((const uint8_t *)ev.data)[k], 0);
	}
	expect_end(&p);
	free(page);
	free(bytes);
	free(want);
}

static void round_trips(void **state)
{
	static const size_t sizes[] = { 1024, 4096, 8192, 16384, 65536, 1 << 20 };
	uint64_t seed = 88172645463325252;

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(abis); a++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
			for (int i = 0; i < (sizes[s] > 8192 ? 6 : 60); i++)
				round_trip(abis[a], sizes[s], rnd(&seed) >> 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode_kernel_bytes),
		cmocka_unit_test(mend),
		cmocka_unit_test(encode_full),
		cmocka_unit_test(encode_far_steps),
		cmocka_unit_test(round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
