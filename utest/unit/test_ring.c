// SPDX-License-Identifier: GPL-2.0-or-later
/* Sub-buffers: bytes of real recordings, each entry type, each defect. */
#include "hand.h"

/* ---- bytes of real recordings -------------------------------------------- */

static void real_page(void **state)
{
	static const uint8_t start[] = {
		0x9f, 0x8f, 0x1c, 0x38, 0x85, 0x01, 0x00, 0x00, 0x30, 0x03, 0x00, 0x00, 0x00, 0, 0, 0,
		0x10, 0x00, 0x00, 0x00, 0x74, 0x01, 0x01, 0x02, 0x9e, 0x3f, 0x00, 0x00,
	};
	uint8_t page[4096] = { 0 };
	struct ring_page p;
	struct ring_event ev;

	(void)state;
	memcpy(page, start, sizeof(start));
	memcpy(page + 0x54, "\x90\x8d\xd3\x00", 4);
	memcpy(page + 0x98, "\xd0\x94\xd1\x06", 4);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_int_equal(p.end, 16 + 816);
	assert_true(p.lost == 0);
	assert_int_equal(ring_page_next(&p, &ev), 1);
	assert_true(ev.ts == 1671683674015);
	assert_int_equal(ev.len, 64);
	assert_int_equal(ev.offset, 16);
	assert_int_equal(ev.size, 68);
	assert_ptr_equal(ev.data, page + 20);
	assert_int_equal(get_u32((const uint8_t *)ev.data + 4, false), 16286);
	assert_int_equal(ring_page_next(&p, &ev), 1);
	assert_true(ev.ts == 1671684107275);
	assert_int_equal(ev.delta, 433260);
	assert_int_equal(ev.offset, 0x54);
	assert_int_equal(ring_page_next(&p, &ev), 1);
	assert_true(ev.ts - 1671684107275 == 3574950);
}

static void real_loss_counted(void **state)
{
	uint8_t page[4096] = { 0xf3, 0x87, 0x03, 0x1b, 0x85, 0x01, 0x00, 0x00,
			       0xe8, 0x0f, 0x00, 0xc0, 0xff, 0xff, 0xff, 0xff };
	struct ring_page p;

	(void)state;
	page[4088] = 0x69;
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_int_equal(p.end, 4088);
	assert_true(p.lost == 105);
	assert_true(p.page_ts == 0x1851b0387f3);
	/* without the sign extension too */
	memset(page + 12, 0, 4);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.lost == 105);
}

static void real_loss_uncounted(void **state)
{
	uint8_t page[4096] = { 0x1b, 0xf9, 0x3f, 0xdf, 0x84, 0x01, 0x00, 0x00,
			       0xec, 0x0f, 0x00, 0x80, 0xff, 0xff, 0xff, 0xff };
	struct ring_page p;

	(void)state;
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_int_equal(p.end, 16 + 4076);
	assert_true(p.lost == RING_LOST_UNKNOWN);
	/* a count that does not fit is unknown (pages of trace-cmd split) */
	page[11] = 0xc0;
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.lost == RING_LOST_UNKNOWN);
	/* a count without the mark of a loss means nothing */
	page[8] = 0x10;
	page[9] = 0;
	page[11] = 0x40;
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.lost == 0);
}

static void real_special_entries(void **state)
{
	static const uint8_t entries[] = {
		0x9f, 0xa9, 0x07, 0xb6, 0x7b, 0x30, 0x00, 0x00,		/* stamp */
		0x3d, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,		/* padding, 24 bytes */
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x00, 0xbf, 0x0e, 0x00, 0x80, 0x00, 0x00, 0x00,		/* long data */
	};
	struct ring_page p;
	struct ring_event ev;
	struct hand h;

	(void)state;
	hand_begin(&h, &le8, 5);
	memcpy(h.page + h.pos, entries, sizeof(entries));
	h.pos += sizeof(entries) + 124;
	hand_commit(&h);
	hand_open(&h, &p);
	assert_int_equal(ring_page_next_entry(&p, &ev), 1);
	assert_int_equal(ev.type, RING_TIME_STAMP);
	assert_true(ev.ts == 1665871658316);
	assert_null(ev.data);
	assert_int_equal(ring_page_next_entry(&p, &ev), 1);
	assert_int_equal(ev.type, RING_PADDING);
	assert_int_equal(ev.size, 24);
	assert_int_equal(ev.delta, 1);
	assert_int_equal(ring_page_next_entry(&p, &ev), 1);
	assert_int_equal(ev.type, RING_DATA);
	assert_true(ev.ts == 1665871658316 + 1 + 30200);
	assert_int_equal(ev.len, 124);
	assert_ptr_equal(ev.data, h.page + 16 + 32 + 8);
	assert_int_equal(ring_page_next_entry(&p, &ev), 0);
	/* data only: stamp and padding still move the time */
	hand_open(&h, &p);
	expect_data(&p, 1665871658316 + 1 + 30200, 124);
	expect_end(&p);
}

static void real_big_endian(void **state)
{
	struct ring_page p;
	struct ring_event ev;
	struct hand h;

	(void)state;
	hand_begin(&h, &be8, 1000);
	memcpy(h.page + h.pos, "\x80\x06\x9c\x6c", 4);
	h.pos += 4 + 64;
	memcpy(h.page + h.pos, "\x80\x00\x00\x00", 4);
	h.pos += 4 + 64;
	hand_commit(&h);
	hand_open(&h, &p);
	assert_int_equal(ring_page_next(&p, &ev), 1);
	assert_true(ev.ts == 1000 + 433260);
	assert_int_equal(ev.len, 64);
	expect_data(&p, 1000 + 433260, 64);
	expect_end(&p);
}

/* ---- entry types in all layouts ------------------------------------------ */

static void all_types_all_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		const struct ring_abi *abi = abis[i];
		unsigned seen[4] = { 0 };
		struct ring_event ev;
		struct ring_page p;
		struct hand h;
		uint32_t at;

		hand_begin(&h, abi, 1000);
		hand_entry(&h, 1, 7);			/* data */
		hand_word(&h, 0x11111111);
		hand_entry(&h, 30, 3);			/* extend */
		hand_word(&h, 2);
		hand_entry(&h, 28, 0);			/* longest short data */
		h.pos += 112;
		hand_entry(&h, 0, 1);			/* long data, unaligned length */
		hand_word(&h, 4 + 5);
		h.pos += 8;
		hand_entry(&h, 0, 1);			/* data without payload */
		hand_word(&h, 4);
		hand_entry(&h, 29, 4);			/* least padding */
		hand_word(&h, 4);
		hand_entry(&h, 31, 9);			/* stamp, back in time */
		hand_word(&h, 0);
		hand_entry(&h, 2, 1);
		h.pos += 8;
		hand_commit(&h);

		hand_open(&h, &p);
		assert_int_equal(p.header, 8 + abi->long_size);
		expect_data(&p, 1007, 4);
		expect_data(&p, 1010 + (2u << 27), 112);
		expect_data(&p, 1011 + (2u << 27), 8);
		expect_data(&p, 10, 8);
		expect_end(&p);

		hand_open(&h, &p);
		at = p.header;
		while (ring_page_next_entry(&p, &ev) == 1) {
			assert_int_equal(ev.offset, at);
			at += ev.size;
			seen[ev.type]++;
			assert_true((ev.data != NULL) == (ev.type == RING_DATA));
		}
		assert_int_equal(at, p.end);
		assert_int_equal(seen[RING_DATA], 5);
		assert_int_equal(seen[RING_PADDING], 1);
		assert_int_equal(seen[RING_TIME_EXTEND], 1);
		assert_int_equal(seen[RING_TIME_STAMP], 1);
	}
}

static void stamp_keeps_top_bits(void **state)
{
	uint64_t msb = UINT64_C(0x18) << 56;
	struct ring_page p;
	struct hand h;

	(void)state;
	hand_begin(&h, &le8, msb + 77);
	hand_entry(&h, 31, 5);
	hand_word(&h, 0xffffffff);
	hand_entry(&h, 1, 0);
	hand_word(&h, 0);
	hand_commit(&h);
	hand_open(&h, &p);
	expect_data(&p, msb | ((UINT64_C(0xffffffff) << 27) + 5), 4);
}

static void loss_in_all_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		const struct ring_abi *abi = abis[i];
		uint64_t lost = abi->long_size == 8 ? UINT64_C(0x100000002) : 77;
		struct ring_page p;
		struct hand h;

		hand_begin(&h, abi, 1);
		hand_entry(&h, 1, 0);
		hand_word(&h, 0);
		hand_long(&h, 8, 8 | 3u << 30);
		hand_long(&h, h.pos, lost);
		hand_open(&h, &p);
		assert_true(p.lost == lost);
		/* the count just fits, and one byte less */
		assert_int_equal(ring_page_open(&p, abi, h.page, h.pos + abi->long_size), 0);
		assert_true(p.lost == lost);
		assert_int_equal(ring_page_open(&p, abi, h.page, h.pos + abi->long_size - 1), 0);
		assert_true(p.lost == RING_LOST_UNKNOWN);
		expect_data(&p, 1, 4);
		expect_end(&p);
	}
}

static void empty_page(void **state)
{
	uint8_t page[1024] = { 0 };
	struct ring_page p;

	(void)state;
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	expect_end(&p);
	put_u64(page, 4711, false);
	assert_int_equal(ring_page_open(&p, &le8, page, sizeof(page)), 0);
	assert_true(p.page_ts == 4711);
	expect_end(&p);
}

/* ---- defects -------------------------------------------------------------- */

static void bad_short(void **state)
{
	uint8_t page[16] = { 0 };
	struct ring_page p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		size_t header = 8 + abis[i]->long_size;

		for (size_t n = 0; n < header; n++) {
			assert_int_equal(ring_page_open(&p, abis[i], page, n), -EBADMSG);
			assert_int_equal(p.bad, RING_BAD_SHORT);
			assert_true(p.lost == RING_LOST_UNKNOWN);
		}
		assert_int_equal(ring_page_open(&p, abis[i], page, header), 0);
		expect_end(&p);
	}
}

static void bad_commit(void **state)
{
	struct ring_event ev;
	struct ring_page p;
	struct hand h;

	(void)state;
	hand_begin(&h, &le8, 1);
	hand_long(&h, 8, sizeof(h.page) - 16);
	hand_open(&h, &p);
	hand_long(&h, 8, sizeof(h.page) - 15);
	assert_int_equal(ring_page_open(&p, &le8, h.page, sizeof(h.page)), -EBADMSG);
	assert_int_equal(p.bad, RING_BAD_COMMIT);
	assert_true(p.lost == RING_LOST_UNKNOWN);
	assert_int_equal(ring_page_next(&p, &ev), 0);	/* no events */
	hand_long(&h, 8, 0x7ffffff);
	assert_int_equal(ring_page_open(&p, &le8, h.page, sizeof(h.page)), -EBADMSG);
}

static void bad_entry_cut(void **state)
{
	static const unsigned two_words[] = { 0, 29, 30, 31 };
	struct ring_page p;
	struct hand h;

	(void)state;
	for (unsigned stray = 1; stray < 4; stray++) {
		hand_begin(&h, &le8, 1);
		hand_entry(&h, 1, 4);
		hand_word(&h, 0);
		h.pos += stray;
		hand_commit(&h);
		hand_open(&h, &p);
		expect_data(&p, 5, 4);
		expect_bad(&p, RING_BAD_ENTRY_CUT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(two_words); i++) {
		hand_begin(&h, &be4, 1);
		hand_entry(&h, two_words[i], 4);
		hand_commit(&h);
		hand_word(&h, 4);		/* behind the commit */
		hand_open(&h, &p);
		expect_bad(&p, RING_BAD_ENTRY_CUT);
	}
}

static void bad_data_len(void **state)
{
	static const uint32_t lengths[] = { 0, 3, 13, 16, 0x7fffffff, 0xfffffffd, 0xffffffff };
	struct ring_page p;
	struct hand h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		hand_begin(&h, &le8, 1);
		hand_entry(&h, 0, 4);
		hand_word(&h, lengths[i]);
		h.pos += 8;
		hand_commit(&h);
		hand_open(&h, &p);
		expect_bad(&p, RING_BAD_DATA_LEN);
	}
	/* the greatest that fits */
	put_u32(h.page + 20, 12, false);
	hand_open(&h, &p);
	expect_data(&p, 5, 8);
	expect_end(&p);
	/* rounding up must not pass the commit either */
	put_u32(h.page + 20, 11, false);
	hand_long(&h, 8, 8 + 7);
	hand_open(&h, &p);
	expect_bad(&p, RING_BAD_DATA_LEN);
	/* short data */
	hand_begin(&h, &le8, 1);
	hand_entry(&h, 3, 4);
	h.pos += 8;
	hand_commit(&h);
	hand_open(&h, &p);
	expect_bad(&p, RING_BAD_DATA_LEN);
}

static void bad_padding(void **state)
{
	static const uint32_t lengths[] = { 0, 3, 13, 0xfffffffc, 0xffffffff };
	struct ring_page p;
	struct hand h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		hand_begin(&h, &le8, 1);
		hand_entry(&h, 29, 4);
		hand_word(&h, lengths[i]);
		h.pos += 8;
		hand_commit(&h);
		hand_open(&h, &p);
		expect_bad(&p, RING_BAD_PADDING);
		/* without a delta it means that nothing follows */
		put_u32(h.page + 16, 29, false);
		hand_open(&h, &p);
		expect_end(&p);
	}
	/* the greatest that fits */
	put_u32(h.page + 16, 4 << 5 | 29, false);
	put_u32(h.page + 20, 12, false);
	hand_open(&h, &p);
	expect_end(&p);
	/* nothing follows, in the last word */
	hand_begin(&h, &le8, 1);
	hand_entry(&h, 29, 0);
	hand_commit(&h);
	hand_open(&h, &p);
	expect_end(&p);
}

static void cut_page(void **state)
{
	struct ring_page p;
	struct hand h;

	(void)state;
	hand_begin(&h, &le8, 100);
	for (int i = 0; i < 3; i++) {
		hand_entry(&h, 2, 1);
		h.pos += 8;
	}
	hand_entry(&h, 0, 1);
	hand_word(&h, 4 + 8);
	h.pos += 8;
	hand_long(&h, 8, (h.pos - 16) | 3u << 30);
	h.page[h.pos] = 9;
	for (size_t have = 0; have <= sizeof(h.page); have++) {
		int rc = ring_page_open_cut(&p, &le8, h.page, have, sizeof(h.page));
		size_t whole;

		assert_int_equal(rc, have < 16 ? -EBADMSG : 0);
		if (rc)
			continue;
		whole = have >= h.pos ? 4 : (have - 16) / 12;
		if (have < h.pos && whole > 3)
			whole = 3;
		assert_true(p.lost == (have < h.pos + 8 ? RING_LOST_UNKNOWN : 9));
		for (size_t i = 0; i < whole; i++)
			expect_data(&p, 101 + i, 8);
		if (have < h.pos)
			expect_bad(&p, RING_BAD_CUT);
		else
			expect_end(&p);
	}
	/* a commit past the whole page is a defect, cut or not */
	hand_long(&h, 8, sizeof(h.page));
	assert_int_equal(ring_page_open_cut(&p, &le8, h.page, 100, sizeof(h.page)), -EBADMSG);
	assert_int_equal(p.bad, RING_BAD_COMMIT);
}

static void texts_for_all_defects(void **state)
{
	(void)state;
	for (int i = 0; i <= RING_BAD_COUNT; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(ring_bad_text(i), ring_bad_text(k));
}

/* Whatever the bytes: no read outside the page (the sanitizers watch), and
 * each step advances. */
static void random_bytes(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const struct ring_abi *abi = abis[i % ARRAY_SIZE(abis)];
		size_t size = rnd(&seed) % 200;
		uint8_t *page = malloc(size ? size : 1);
		struct ring_event ev;
		struct ring_page p;
		unsigned steps = 0;

		for (size_t k = 0; k < size; k++)
			page[k] = rnd(&seed) & rnd(&seed) & (rnd(&seed) % 4 ? 0x1f : 0xff);
		if (size > 15 && i % 8 < 4)
			put_u32(page + (abi->big_endian && abi->long_size == 8 ? 12 : 8),
				rnd(&seed) % 200 | rnd(&seed) << 30, abi->big_endian);
		if (ring_page_open_cut(&p, abi, page, size, 200) == 0)
			while (ring_page_next_entry(&p, &ev) == 1) {
				assert_true(ev.size >= 4 && ev.offset + ev.size <= size);
				if (ev.data)
					assert_true((const uint8_t *)ev.data + ev.len <= page + size);
				assert_true(++steps < 200);
			}
		free(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_page),
		cmocka_unit_test(real_loss_counted),
		cmocka_unit_test(real_loss_uncounted),
		cmocka_unit_test(real_special_entries),
		cmocka_unit_test(real_big_endian),
		cmocka_unit_test(all_types_all_layouts),
		cmocka_unit_test(stamp_keeps_top_bits),
		cmocka_unit_test(loss_in_all_layouts),
		cmocka_unit_test(empty_page),
		cmocka_unit_test(bad_short),
		cmocka_unit_test(bad_commit),
		cmocka_unit_test(bad_entry_cut),
		cmocka_unit_test(bad_data_len),
		cmocka_unit_test(bad_padding),
		cmocka_unit_test(cut_page),
		cmocka_unit_test(texts_for_all_defects),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
