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
	uint64_t overrun;
	bool broken;
	unsigned reads;
};

static int overrun(void *ctx, uint64_t *ret)
{
	struct world *w = ctx;

	w->reads++;
	if (w->broken)
		return -EIO;
	*ret = w->overrun;
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

static bool see(struct gaps *g, const uint8_t *page, uint32_t number, struct gap_fixes *fixes)
{
	return gaps_see(g, page, 1, number, fixes);
}

/* Silent gap, counter read, a page without loss: the number is known. */
static void test_settled_by_quiet_page(void **state)
{
	struct world w = { 0 };
	struct gap_fixes fixes = { 0 };
	uint8_t silent[PAGE], quiet[PAGE], told[PAGE];
	struct gaps g;

	(void)state;
	full_page(silent, 0, RING_LOST_UNKNOWN);
	full_page(quiet, 100, 0);
	make_page(told, 200, 3, 40);
	gaps_init(&g, &abi, PAGE, overrun, &w);
	assert_false(see(&g, quiet, 0, &fixes));
	assert_false(see(&g, told, 1, &fixes));
	assert_int_equal(w.reads, 0);		/* nothing to learn from it yet */
	w.overrun = 47;
	assert_true(see(&g, silent, 2, &fixes));
	assert_int_equal(w.reads, 1);
	assert_int_equal(fixes.nr, 0);
	assert_false(see(&g, quiet, 3, &fixes));
	assert_int_equal(fixes.nr, 1);
	assert_int_equal(fixes.v[0].page, 2);
	assert_int_equal(fixes.v[0].lost, 7);
	/* And the sum goes on from there. */
	w.overrun = 50;
	assert_true(see(&g, silent, 4, &fixes));
	assert_false(see(&g, quiet, 5, &fixes));
	assert_int_equal(fixes.v[1].lost, 3);
	gaps_release(&g);
	vec_release(&fixes);
}

/* The counter may have moved on before a page that follows a loss. */
static void test_not_settled_by_loss(void **state)
{
	struct world w = { .overrun = 9 };
	struct gap_fixes fixes = { 0 };
	uint8_t silent[PAGE], quiet[PAGE], told[PAGE];
	struct gaps g;

	(void)state;
	full_page(silent, 0, RING_LOST_UNKNOWN);
	full_page(quiet, 100, 0);
	make_page(told, 200, 3, 40);
	gaps_init(&g, &abi, PAGE, overrun, &w);
	assert_true(see(&g, silent, 0, &fixes));
	w.overrun = 45;
	assert_true(see(&g, told, 1, &fixes));
	assert_int_equal(fixes.nr, 0);
	assert_false(see(&g, quiet, 2, &fixes));
	assert_int_equal(fixes.nr, 1);
	assert_int_equal(fixes.v[0].page, 0);
	assert_int_equal(fixes.v[0].lost, 5);
	gaps_release(&g);
	vec_release(&fixes);
}

/* Several silent gaps share what is known of all of them. */
static void test_sum_is_exact(void **state)
{
	struct world w = { 0 };
	struct gap_fixes fixes = { 0 };
	uint8_t silent[PAGE];
	struct gaps g;

	(void)state;
	full_page(silent, 0, RING_LOST_UNKNOWN);
	gaps_init(&g, &abi, PAGE, overrun, &w);
	for (unsigned i = 0; i < 3; i++) {
		w.overrun += 100 + i;
		assert_true(see(&g, silent, i, &fixes));
	}
	gaps_end(&g);
	assert_int_equal(fixes.nr, 3);
	assert_int_equal(fixes.v[0].lost + fixes.v[1].lost + fixes.v[2].lost, 303);
	gaps_release(&g);
	vec_release(&fixes);
}

/* Given up: silent it stays, and later ones are counted from the next certain point. */
static void test_given_up(void **state)
{
	struct world w = { .overrun = 10 };
	struct gap_fixes fixes = { 0 }, later = { 0 };
	uint8_t silent[PAGE], quiet[PAGE];
	struct gaps g;

	(void)state;
	full_page(silent, 0, RING_LOST_UNKNOWN);
	full_page(quiet, 100, 0);
	gaps_init(&g, &abi, PAGE, overrun, &w);
	assert_true(see(&g, silent, 0, &fixes));
	gaps_give_up(&g);
	assert_false(see(&g, quiet, 0, &later));
	assert_int_equal(fixes.nr, 0);
	w.overrun = 16;
	assert_true(see(&g, silent, 1, &later));
	assert_false(see(&g, quiet, 2, &later));
	assert_int_equal(fixes.nr, 0);
	assert_int_equal(later.nr, 1);
	assert_int_equal(later.v[0].lost, 6);
	gaps_release(&g);
	vec_release(&fixes);
	vec_release(&later);
}

/* A counter that cannot be read, or makes no sense, invents nothing. */
static void test_no_counter(void **state)
{
	struct world broken = { .broken = true }, small = { 0 };
	struct gap_fixes fixes = { 0 };
	uint8_t silent[PAGE], quiet[PAGE];
	struct gaps g;

	(void)state;
	full_page(silent, 0, RING_LOST_UNKNOWN);
	full_page(quiet, 100, 0);
	gaps_init(&g, &abi, PAGE, overrun, &broken);
	assert_true(see(&g, silent, 0, &fixes));
	assert_true(see(&g, quiet, 1, &fixes));
	gaps_end(&g);
	gaps_release(&g);
	gaps_init(&g, &abi, PAGE, overrun, &small);
	assert_true(see(&g, silent, 0, &fixes));
	assert_false(see(&g, quiet, 1, &fixes));
	gaps_release(&g);
	gaps_init(&g, &abi, PAGE, NULL, NULL);
	assert_false(see(&g, silent, 0, &fixes));
	gaps_release(&g);
	assert_int_equal(fixes.nr, 0);
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

/* One event that fills the page leaves no room for a number anywhere. */
static void test_apply_unsplittable(void **state)
{
	struct gap_fix fix = { .page = 0, .lost = 1234 };
	struct gap_fixes fixes = { .v = &fix, .nr = 1 };
	uint8_t in[PAGE], out[2 * PAGE], data[PAGE - 16 - 8] = { 5 };
	struct ring_encoder enc;

	(void)state;
	ring_encoder_init(&enc, &abi, in, PAGE);
	ring_encoder_lost(&enc, RING_LOST_UNKNOWN);
	assert_int_equal(ring_encoder_put(&enc, 1, data, sizeof(data)), 1);
	ring_encoder_finish(&enc);
	assert_int_equal(gaps_apply(&fixes, &abi, PAGE, in, sizeof(in), out), PAGE);
	assert_memory_equal(in, out, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settled_by_quiet_page),
		cmocka_unit_test(test_not_settled_by_loss),
		cmocka_unit_test(test_sum_is_exact),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_no_counter),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_apply_unsplittable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
