// SPDX-License-Identifier: GPL-2.0-or-later
/* Losses without a number: when the kernel's counter gives it, and how it is stored. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "record/gaps.h"

#define PAGE 256u
#define EVENTS 15u			/* of 16 bytes: they fill the page, no room for a number */

static const struct ring_abi abi = {
	.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, .long_size = 8,
};

struct world {
	struct gaps_counters counters;
	uint64_t late;			/* added to the counter from the second look on, once */
	bool broken;
	unsigned reads;
};

static int counters(void *ctx, struct gaps_counters *ret)
{
	struct world *w = ctx;

	w->reads++;
	if (w->broken)
		return -EIO;
	*ret = w->counters;
	w->counters.overrun += w->late;
	w->late = 0;
	return 0;
}

/* A page of @events events numbered from @first, behind a loss. */
static void make_page(uint8_t *page, uint32_t first, unsigned events, uint64_t lost)
{
	struct ring_encoder enc;

	ring_encoder_init(&enc, &abi, page, PAGE);
	ring_encoder_lost(&enc, lost);
	for (unsigned i = 0; i < events; i++) {
		uint32_t data[3] = { 5, first + i, 0 };

		assert_int_equal(ring_encoder_put(&enc, 1000 + first + i, data, sizeof(data)), 1);
	}
	ring_encoder_finish(&enc);
}

static void full_page(uint8_t *page, uint32_t first, uint64_t lost)
{
	make_page(page, first, EVENTS, lost);
}

/* One that holds the batch's pages and what came of them. */
struct bed {
	struct world w;
	struct gaps g;
	struct gap_fixes fixes;
	uint8_t pages[4 * PAGE];
	size_t nr;			/* of this take */
	uint32_t first;			/* number of its first */
};

static void bed_begin(struct bed *b)
{
	*b = (struct bed){ 0 };
	gaps_init(&b->g, &abi, PAGE, counters, &b->w);
}

static void bed_end(struct bed *b)
{
	gaps_release(&b->g);
	vec_release(&b->fixes);
}

/* The next page of the take is full and follows a loss. */
static void comes(struct bed *b, uint64_t lost)
{
	if (lost && lost != RING_LOST_UNKNOWN)
		make_page(b->pages + b->nr++ * PAGE, 0, 3, lost);
	else
		make_page(b->pages + b->nr++ * PAGE, 0, EVENTS, lost);
}

/* The take. Returns whether to wait; *careful is how it was to be done. */
static bool taken(struct bed *b, bool *careful, bool empty)
{
	bool r, care = gaps_begin(&b->g);

	if (careful)
		*careful = care;
	r = gaps_see(&b->g, b->pages, b->nr, b->first, &b->fixes, empty);
	b->first += b->nr;
	b->nr = 0;
	return r;
}

static uint64_t stored_lost(const uint8_t *page)
{
	struct ring_page p;

	assert_int_equal(ring_page_open(&p, &abi, page, PAGE), 0);
	return p.lost;
}

static void check_fix(const struct bed *b, size_t i, uint32_t page, uint64_t lost)
{
	assert_true(i < b->fixes.nr);
	assert_int_equal(b->fixes.v[i].page, page);
	assert_int_equal(b->fixes.v[i].lost, lost);
}

/* Without losses: no care. A loss to come, and for a while after one: with care. */
static void test_when_to_take_care(void **state)
{
	struct bed b;
	bool careful;

	(void)state;
	bed_begin(&b);
	comes(&b, 0);
	assert_false(taken(&b, &careful, false));
	assert_false(careful);
	assert_int_equal(b.w.reads, 1);
	b.w.counters.overrun = 40;
	comes(&b, 40);
	assert_false(taken(&b, &careful, false));
	assert_true(careful);
	for (unsigned i = 0; i < 16; i++) {
		comes(&b, 0);
		assert_false(taken(&b, &careful, false));
		assert_true(careful);
	}
	comes(&b, 0);
	assert_false(taken(&b, &careful, false));
	assert_false(careful);
	assert_int_equal(b.fixes.nr, 0);
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);
}

/* A surprise: the counter is as before a take of more than one sub-buffer. */
static void test_settled_by_standing_counter(void **state)
{
	struct bed b;
	bool careful;

	(void)state;
	bed_begin(&b);
	comes(&b, 0);
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 47;
	assert_true(taken(&b, &careful, false));
	assert_false(careful);
	comes(&b, 0);
	comes(&b, 0);
	assert_false(taken(&b, &careful, false));
	assert_true(careful);
	assert_int_equal(b.fixes.nr, 1);
	check_fix(&b, 0, 1, 47);
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);
}

/*
 * A sub-buffer without a loss says nothing about the counter before it: it is the
 * rest of the one that follows the silent gap, and the writer has been round since.
 */
static void test_not_settled_by_second_piece(void **state)
{
	struct bed b;

	(void)state;
	bed_begin(&b);
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 7;
	assert_true(taken(&b, NULL, false));
	b.w.counters.overrun = 7 + 1000;
	make_page(b.pages + b.nr++ * PAGE, 0, 5, 0);
	assert_true(taken(&b, NULL, false));
	comes(&b, 1000);
	comes(&b, 0);
	assert_false(taken(&b, NULL, false));
	assert_int_equal(b.fixes.nr, 1);
	check_fix(&b, 0, 0, 7);
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);
}

/* Nor a take during which something was lost; but one that finds nothing left. */
static void test_settled_by_emptiness(void **state)
{
	struct bed b;

	(void)state;
	bed_begin(&b);
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 5;
	assert_true(taken(&b, NULL, false));
	comes(&b, 0);
	comes(&b, 0);
	b.w.late = 30;
	assert_true(taken(&b, NULL, false));
	comes(&b, 30);
	assert_true(taken(&b, NULL, false));
	assert_true(taken(&b, NULL, false));	/* nothing came, but there may be something */
	assert_false(taken(&b, NULL, true));
	check_fix(&b, 0, 0, 5);
	bed_end(&b);
}

/* Of several the last gets the number of all; none is made up. */
static void test_several(void **state)
{
	struct bed b;

	(void)state;
	bed_begin(&b);
	for (unsigned i = 0; i < 3; i++) {
		comes(&b, RING_LOST_UNKNOWN);
		b.w.late = 100 + i;
		assert_true(taken(&b, NULL, false));
	}
	assert_int_equal(gaps_end(&b.g), 0);
	assert_int_equal(b.fixes.nr, 1);
	check_fix(&b, 0, 2, 303);
	bed_end(&b);
}

/* Given up: silent it stays, and the next number stands for both. */
static void test_given_up(void **state)
{
	struct bed b;

	(void)state;
	bed_begin(&b);
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 10;
	assert_true(taken(&b, NULL, false));
	gaps_give_up(&b.g);
	comes(&b, 0);
	comes(&b, 0);
	assert_false(taken(&b, NULL, false));	/* the number is known, but there is no gap for it */
	assert_int_equal(b.fixes.nr, 0);
	assert_int_equal(gaps_end(&b.g), 10);
	b.w.counters.overrun = 16;
	comes(&b, 6);
	assert_false(taken(&b, NULL, false));
	assert_int_equal(stored_lost(b.pages), 16);
	assert_int_equal(gaps_end(&b.g), 0);

	/* The same where the next one is silent, too. */
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 3;
	assert_true(taken(&b, NULL, false));
	gaps_give_up(&b.g);
	assert_int_equal(gaps_end(&b.g), 3);
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 4;
	assert_true(taken(&b, NULL, false));
	assert_false(taken(&b, NULL, true));
	check_fix(&b, 0, b.first - 1, 7);
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);
}

/* Somebody else has read before: what the counter says is not ours until it is certain. */
static void test_read_by_others(void **state)
{
	struct bed b;
	bool careful;

	(void)state;
	bed_begin(&b);
	b.w.counters = (struct gaps_counters){ .overrun = 500, .read = 1 };
	comes(&b, RING_LOST_UNKNOWN);
	assert_true(taken(&b, &careful, false));
	assert_true(careful);
	assert_false(taken(&b, NULL, true));
	assert_int_equal(b.fixes.nr, 0);
	comes(&b, RING_LOST_UNKNOWN);
	b.w.late = 20;
	assert_true(taken(&b, NULL, false));
	assert_int_equal(gaps_end(&b.g), 0);
	check_fix(&b, 0, 1, 20);
	bed_end(&b);
}

/* A counter that cannot be read, or makes no sense, invents nothing. */
static void test_no_counter(void **state)
{
	struct bed b;

	(void)state;
	bed_begin(&b);
	b.w.broken = true;
	comes(&b, RING_LOST_UNKNOWN);
	assert_false(taken(&b, NULL, false));
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);

	bed_begin(&b);
	b.w.counters.overrun = 1;
	comes(&b, RING_LOST_UNKNOWN);
	comes(&b, RING_LOST_UNKNOWN);
	assert_false(taken(&b, NULL, false));
	assert_int_equal(b.fixes.nr, 0);
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);

	bed_begin(&b);
	b.g.counters = NULL;
	comes(&b, RING_LOST_UNKNOWN);
	assert_false(taken(&b, NULL, false));
	assert_int_equal(gaps_end(&b.g), 0);
	bed_end(&b);
}

static void test_apply(void **state)
{
	struct gap_fix fix = { .page = 1, .lost = 1234 };
	struct gap_fixes fixes = { .v = &fix, .nr = 1 };
	uint8_t in[3 * PAGE], out[4 * PAGE];
	uint64_t lost[4] = { 0, 1234, 0, 0 };
	uint32_t number = 0;

	(void)state;
	full_page(in, 0, 0);
	full_page(in + PAGE, EVENTS, RING_LOST_UNKNOWN);
	full_page(in + 2 * PAGE, 2 * EVENTS, 0);
	assert_int_equal(gaps_apply(&fixes, &abi, PAGE, in, sizeof(in), out), sizeof(out));
	for (unsigned i = 0; i < 4; i++) {
		struct ring_page p;
		struct ring_event ev;

		assert_int_equal(ring_page_open(&p, &abi, out + i * PAGE, PAGE), 0);
		assert_int_equal(p.lost, lost[i]);
		while (ring_page_next(&p, &ev) > 0) {
			assert_int_equal(ev.ts, 1000 + number);
			assert_int_equal(((const uint32_t *)ev.data)[1], number);
			number++;
		}
		assert_int_equal(p.bad, RING_OK);
	}
	assert_int_equal(number, 3 * EVENTS);
}

/* One event that fills the page: its number comes in one of its own. */
static void test_apply_unsplittable(void **state)
{
	struct gap_fix fix = { .page = 0, .lost = 1234 };
	struct gap_fixes fixes = { .v = &fix, .nr = 1 };
	uint8_t in[PAGE], out[2 * PAGE], data[PAGE - 16 - 8] = { 5 };
	struct ring_encoder enc;
	struct ring_page p;
	struct ring_event ev;

	(void)state;
	ring_encoder_init(&enc, &abi, in, PAGE);
	ring_encoder_lost(&enc, RING_LOST_UNKNOWN);
	assert_int_equal(ring_encoder_put(&enc, 1, data, sizeof(data)), 1);
	ring_encoder_finish(&enc);
	assert_int_equal(gaps_apply(&fixes, &abi, PAGE, in, sizeof(in), out), sizeof(out));
	assert_int_equal(ring_page_open(&p, &abi, out, PAGE), 0);
	assert_int_equal(p.lost, 1234);
	assert_int_equal(p.page_ts, 1);
	assert_int_equal(ring_page_next(&p, &ev), 0);
	assert_int_equal(ring_page_open(&p, &abi, out + PAGE, PAGE), 0);
	assert_int_equal(p.lost, 0);
	assert_int_equal(ring_page_next(&p, &ev), 1);
	assert_int_equal(ev.ts, 1);
	assert_memory_equal(ev.data, data, sizeof(data));
	assert_int_equal(ring_page_next(&p, &ev), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_to_take_care),
		cmocka_unit_test(test_settled_by_standing_counter),
		cmocka_unit_test(test_not_settled_by_second_piece),
		cmocka_unit_test(test_settled_by_emptiness),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_read_by_others),
		cmocka_unit_test(test_no_counter),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_apply_unsplittable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
