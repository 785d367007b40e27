// SPDX-License-Identifier: GPL-2.0-or-later
/* Sub-buffers that the kernel handed over in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "record/join.h"

#define PAGE 256u
#define EVENT 16u

static struct ring_abi abi;

/* @events events, one each time unit, behind an empty one at @ts. */
static void make(uint8_t *page, uint64_t ts, uint32_t first, unsigned events, uint64_t lost)
{
	struct ring_encoder enc;

	ring_encoder_init(&enc, &abi, page, PAGE);
	ring_encoder_lost(&enc, lost);
	for (unsigned i = 0; i < events; i++) {
		uint32_t data[3] = { 5, first + i, 0 };

		assert_int_equal(ring_encoder_put(&enc, ts + i, data, sizeof(data)), 1);
	}
	ring_encoder_finish(&enc);
}

static void check(const uint8_t *page, uint64_t ts, unsigned events, uint64_t lost)
{
	struct ring_page p;
	struct ring_event ev;

	assert_int_equal(ring_page_open(&p, &abi, page, PAGE), 0);
	assert_int_equal(p.lost, lost);
	for (unsigned i = 0; i < events; i++) {
		assert_int_equal(ring_page_next(&p, &ev), 1);
		assert_int_equal(((const uint32_t *)ev.data)[1], i);
		assert_int_equal(ev.ts, ts + i - (i > 2));
	}
	assert_int_equal(ring_page_next(&p, &ev), 0);
	assert_int_equal(p.bad, RING_OK);
}

static void join_with(uint64_t lost)
{
	uint8_t page[PAGE], piece[PAGE], before[PAGE];

	/* The third event's time is the piece's. */
	make(page, 1000, 0, 3, lost);
	make(piece, 1002, 3, 4, 0);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_DONE);
	check(page, 1000, 7, lost);

	make(piece, 1005, 7, 9, 0);
	memcpy(before, page, PAGE);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_NO_ROOM);
	make(piece, 1006, 7, 1, 0);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_APART);
	make(piece, 1005, 7, 1, 9);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_APART);
	make(piece, 1005, 7, 1, RING_LOST_UNKNOWN);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_APART);
	assert_memory_equal(page, before, PAGE);
}

static void test_join(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		abi = (struct ring_abi){ .big_endian = i & 1, .long_size = i & 2 ? 8 : 4 };
		join_with(0);
		join_with(41);
		join_with(RING_LOST_UNKNOWN);
	}
}

/* To the last byte; with a number there is less room. */
static void test_room(void **state)
{
	uint8_t page[PAGE], piece[PAGE];
	unsigned all = (PAGE - 16) / EVENT;

	(void)state;
	abi = (struct ring_abi){ .long_size = 8 };
	make(page, 1000, 0, 3, 0);
	make(piece, 1002, 3, all - 3, 0);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_DONE);
	check(page, 1000, all, 0);
	make(page, 1000, 0, 3, 1);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_NO_ROOM);
	make(piece, 1002, 3, all - 4, 0);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_DONE);
	check(page, 1000, all - 1, 1);
}

static void test_unreadable(void **state)
{
	uint8_t page[PAGE], piece[PAGE];

	(void)state;
	abi = (struct ring_abi){ .long_size = 8 };
	make(page, 1000, 0, 3, 0);
	memset(piece, 0xff, PAGE);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_APART);
	assert_false(join_is_nothing(&abi, PAGE, piece));
	assert_int_equal(join_piece(&abi, PAGE, piece, page), JOIN_APART);
	make(piece, 1002, 3, 1, 0);
	put_u32(page + 16 + 2 * EVENT, 0, false);	/* the length is in the next word */
	put_u32(page + 16 + 2 * EVENT + 4, 4000, false);
	assert_int_equal(join_piece(&abi, PAGE, page, piece), JOIN_APART);
}

/* The padding at the end of a sub-buffer, alone. */
static void test_nothing(void **state)
{
	uint8_t piece[PAGE];
	struct ring_encoder enc;

	(void)state;
	abi = (struct ring_abi){ .long_size = 8 };
	for (uint64_t lost = 0; lost < 2; lost++) {
		ring_encoder_init(&enc, &abi, piece, PAGE);
		ring_encoder_lost(&enc, lost);
		assert_int_equal(ring_encoder_pad(&enc, 1000, 8), 1);
		ring_encoder_finish(&enc);
		assert_int_equal(join_is_nothing(&abi, PAGE, piece), !lost);
	}
	make(piece, 1000, 0, 1, 0);
	assert_false(join_is_nothing(&abi, PAGE, piece));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
