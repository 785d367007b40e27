// SPDX-License-Identifier: GPL-2.0-or-later
/* perf's events into sub-buffers: order, losses at their place, nothing left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "record/perf_pages.h"

#define PAGE 256

struct out {
	struct ring_abi abi;
	struct buf text;			/* "TIME:NUMBER", "lost N" */
	unsigned pages, fail_at;
};

static int on_page(void *ctx, const void *data, struct err *e)
{
	struct out *o = ctx;
	struct ring_page p;
	struct ring_event ev;
	int rc;

	if (++o->pages == o->fail_at)
		return err_set(e, -ENOSPC, "no room");
	assert_int_equal(ring_page_open(&p, &o->abi, data, PAGE), 0);
	if (p.lost)
		buf_printf(&o->text, "lost %lld ", (long long)p.lost);
	while ((rc = ring_page_next(&p, &ev)) > 0)
		buf_printf(&o->text, "%llu:%u ", (unsigned long long)ev.ts,
			   get_u32(ev.data, o->abi.big_endian));
	assert_int_equal(rc, 0);
	return 0;
}

static struct perf_pages make(struct out *o, struct ring_abi abi)
{
	*o = (struct out){ .abi = abi };
	return (struct perf_pages){ .abi = abi, .page_size = PAGE, .page = on_page, .ctx = o };
}

static void put(struct perf_pages *p, uint64_t ts, uint32_t nr)
{
	uint8_t data[4];

	put_u32(data, nr, p->abi.big_endian);
	assert_int_equal(perf_pages_put(p, ts, data, 4, NULL), 0);
}

static void done(struct perf_pages *p, struct out *o, const char *want)
{
	assert_int_equal(perf_pages_end(p, NULL), 0);
	assert_string_equal(o->text.data ? o->text.data : "", want);
	perf_pages_free(p);
	buf_release(&o->text);
}

static const struct ring_abi little = { .long_size = 8 }, big = { .big_endian = true, .long_size = 4 };

/* By time; those of one time as they came. */
static void sorts(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct out o;
		struct perf_pages p = make(&o, i ? big : little);

		put(&p, 30, 1);
		put(&p, 10, 2);
		put(&p, 20, 3);
		put(&p, 10, 4);
		assert_int_equal(p.latest, 30);
		done(&p, &o, "10:2 10:4 20:3 30:1 ");
	}
}

/* What is released goes, what is not stays and is sorted with what comes. */
static void releases(void **state)
{
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	put(&p, 10, 1);
	put(&p, 30, 2);
	put(&p, 20, 3);
	assert_int_equal(perf_pages_release(&p, 20, NULL), 0);
	assert_int_equal(p.events, 2);
	assert_true(perf_pages_held(&p) > 0);
	put(&p, 25, 4);
	assert_int_equal(perf_pages_release(&p, 24, NULL), 0);
	assert_int_equal(p.events, 2);
	assert_int_equal(perf_pages_release(&p, UINT64_MAX, NULL), 0);
	assert_int_equal(perf_pages_held(&p), 0);
	assert_int_equal(p.late, 0);
	done(&p, &o, "10:1 20:3 25:4 30:2 ");
}

/* One that comes behind its time is there with it, and counted. */
static void late_is_kept(void **state)
{
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	put(&p, 100, 1);
	assert_int_equal(perf_pages_release(&p, 100, NULL), 0);
	put(&p, 90, 2);
	put(&p, 110, 3);
	assert_int_equal(perf_pages_release(&p, 110, NULL), 0);
	assert_int_equal(p.late, 1);
	assert_int_equal(p.events, 3);
	done(&p, &o, "100:1 90:2 110:3 ");
}

/* Losses: at the front, in between, several at once, at the end. */
static void losses(void **state)
{
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	perf_pages_lost(&p, 5, 7, NULL);
	put(&p, 10, 1);
	put(&p, 20, 2);
	put(&p, 40, 3);
	perf_pages_lost(&p, 30, 2, NULL);
	perf_pages_lost(&p, 31, 3, NULL);
	perf_pages_lost(&p, 50, 4, NULL);
	assert_int_equal(perf_pages_end(&p, NULL), 0);
	assert_int_equal(p.lost, 16);
	assert_int_equal(p.events, 3);
	done(&p, &o, "lost 7 10:1 20:2 lost 5 40:3 lost 4 ");
}

static void unknown_loss(void **state)
{
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	perf_pages_lost(&p, 5, RING_LOST_UNKNOWN, NULL);
	perf_pages_lost(&p, 5, 3, NULL);
	put(&p, 10, 1);
	done(&p, &o, "lost -1 10:1 ");
}

/* A loss and nothing else. */
static void only_a_loss(void **state)
{
	struct out o;
	struct perf_pages p = make(&o, big);

	(void)state;
	perf_pages_lost(&p, 5, 9, NULL);
	done(&p, &o, "lost 9 ");
}

/* The longest that fits is there, with a loss in front too; a longer one is a loss. */
static void too_large(void **state)
{
	static const uint8_t data[PAGE];
	struct out o;
	struct perf_pages p = make(&o, little);
	unsigned fits = 0;

	(void)state;
	for (unsigned len = 4; len <= PAGE; len += 4) {
		perf_pages_lost(&p, len, 1, NULL);
		assert_int_equal(perf_pages_put(&p, len, data, len, NULL), 0);
		assert_int_equal(perf_pages_release(&p, len, NULL), 0);
		fits += !p.too_large;
	}
	assert_int_equal(p.events, fits);
	assert_int_equal(fits + p.too_large, PAGE / 4);
	assert_true(fits >= (PAGE - 48) / 4);
	assert_int_equal(perf_pages_end(&p, NULL), 0);
	assert_int_equal(p.lost, PAGE / 4 + p.too_large);
	perf_pages_free(&p);
	buf_release(&o.text);
}

/* Many pages, each full; far gaps in time. */
static void many(void **state)
{
	struct buf want AUTO_BUF = { 0 };
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t ts = i * 10 + (i > 500 ? UINT64_C(1) << 60 : 0);

		put(&p, ts, i);
		buf_printf(&want, "%llu:%u ", (unsigned long long)ts, i);
	}
	assert_int_equal(perf_pages_end(&p, NULL), 0);
	assert_in_range(o.pages, 8000 / PAGE, 8000 / PAGE + 5);
	done(&p, &o, want.data);
}

/* What the caller's function says ends it. */
static void page_fails(void **state)
{
	struct err e = { 0 };
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	o.fail_at = 2;
	for (uint32_t i = 0; i < 100; i++)
		put(&p, i, i);
	assert_int_equal(perf_pages_end(&p, &e), -ENOSPC);
	assert_string_equal(e.text, "no room");
	assert_int_equal(o.pages, 2);
	perf_pages_free(&p);
	buf_release(&o.text);
}

static void nothing(void **state)
{
	struct out o;
	struct perf_pages p = make(&o, little);

	(void)state;
	done(&p, &o, "");
	assert_int_equal(o.pages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts), cmocka_unit_test(releases), cmocka_unit_test(late_is_kept),
		cmocka_unit_test(losses), cmocka_unit_test(unknown_loss), cmocka_unit_test(only_a_loss),
		cmocka_unit_test(too_large), cmocka_unit_test(many), cmocka_unit_test(page_fails),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
