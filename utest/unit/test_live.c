// SPDX-License-Identifier: GPL-2.0-or-later
/* Records merged while they come: order, completeness, losses, room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "replay/live.h"

#define PAGE 256u
#define ROOM (4 * PAGE)

static const struct ring_abi abi = { .long_size = 8 };

static struct live *make(size_t nr, size_t room)
{
	struct live_stream streams[4] = { 0 };
	struct err e = { 0 };
	struct live *l;

	for (size_t i = 0; i < nr; i++)
		streams[i] = (struct live_stream){ .page_size = PAGE, .conv = { .plain = true } };
	assert_int_equal(live_new(&abi, streams, nr, room, &l, &e), 0);
	return l;
}

/* Puts one sub-buffer with these times, up to a 0. */
static int put(struct live *l, uint32_t stream, uint64_t lost, const uint64_t *times)
{
	uint8_t page[PAGE];
	struct ring_encoder enc;
	struct err e;

	ring_encoder_init(&enc, &abi, page, sizeof(page));
	if (lost)
		ring_encoder_lost(&enc, lost);
	for (; *times; times++)
		assert_int_equal(ring_encoder_put(&enc, *times, times, sizeof(*times)), 1);
	ring_encoder_finish(&enc);
	return live_put(l, stream, page, sizeof(page), &e);
}
#define PUT(l, stream, lost, ...) put(l, stream, lost, (const uint64_t[]){ __VA_ARGS__, 0 })

static void expect(struct live *l, uint64_t until, uint32_t stream, uint64_t ts, uint64_t lost)
{
	struct live_record rec;
	uint64_t told;

	assert_int_equal(live_next(l, &until, &rec), 1);
	assert_int_equal(rec.stream, stream);
	assert_int_equal(rec.ts, ts);
	assert_int_equal(rec.lost, lost);
	assert_int_equal(rec.len, sizeof(told));
	assert_true(rec.avail >= rec.len && rec.avail < PAGE);
	memcpy(&told, rec.data, sizeof(told));
	assert_int_equal(told, ts);
}

static void expect_none(struct live *l, uint64_t time)
{
	const uint64_t until[] = { time, time };
	struct live_record rec;

	assert_int_equal(live_next(l, until, &rec), 0);
}

/* Times of different clocks have no order, and do not wait for each other. */
static void several_clocks(void **state)
{
	struct live_stream streams[3] = { 0 };
	struct live_record rec;
	struct live *l;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		streams[i] = (struct live_stream){ .page_size = PAGE, .clock = i == 1, .conv = { .plain = true } };
	assert_int_equal(live_new(&abi, streams, 3, 1 << 20, &l, NULL), 0);
	assert_int_equal(PUT(l, 0, 0, 1000, 3000), 0);
	assert_int_equal(PUT(l, 1, 0, 1, 2, 9), 0);
	assert_int_equal(PUT(l, 2, 0, 2000), 0);
	assert_int_equal(live_latest(l, 0), 3000);
	assert_int_equal(live_latest(l, 1), 9);
	live_refill(l);
	for (uint32_t i = 0; i < 4; i++) {
		static const struct { uint32_t stream; uint64_t ts; } wanted[] = { { 0, 1000 }, { 2, 2000 }, { 1, 1 }, { 1, 2 } };
		const uint64_t until[] = { 2500, 5 };

		assert_int_equal(live_next(l, until, &rec), 1);
		assert_int_equal(rec.stream, wanted[i].stream);
		assert_int_equal(rec.ts, wanted[i].ts);
	}
	expect_none(l, 0);
	assert_int_equal(live_next(l, NULL, &rec), 1);
	assert_int_equal(rec.ts, 3000);
	assert_int_equal(live_next(l, NULL, &rec), 1);
	assert_int_equal(rec.ts, 9);
	assert_int_equal(live_late(l), 0);
	live_free(l);
}

static void by_time_up_to_what_is_complete(void **state)
{
	struct live *l = make(2, 1 << 20);
	struct live_record next;

	(void)state;
	assert_int_equal(live_latest(l, 0), 0);
	live_refill(l);
	expect_none(l, UINT64_MAX);
	assert_int_equal(PUT(l, 0, 0, 10, 30, 50), 0);
	assert_int_equal(live_latest(l, 0), 50);
	assert_int_equal(PUT(l, 1, 0, 20, 60), 0);
	assert_int_equal(live_latest(l, 0), 60);
	expect_none(l, UINT64_MAX);		/* not before it is asked for what came */
	live_refill(l);
	expect(l, 50, 0, 10, 0);
	assert_int_equal(live_peek(l, &next), 1);
	assert_int_equal(next.ts, 30);
	expect(l, 50, 1, 20, 0);
	assert_int_equal(live_peek(l, &next), 1);
	assert_int_equal(next.ts, 60);		/* in the same stream, whatever its time */
	expect(l, 50, 0, 30, 0);
	expect(l, 50, 0, 50, 0);
	assert_int_equal(live_peek(l, &next), 0);
	expect_none(l, 59);
	/* what comes later, and is earlier, keeps its place */
	assert_int_equal(PUT(l, 0, 0, 55), 0);
	assert_int_equal(PUT(l, 0, 0, 70), 0);
	live_refill(l);
	expect(l, UINT64_MAX, 0, 55, 0);
	expect(l, UINT64_MAX, 1, 60, 0);
	expect(l, UINT64_MAX, 0, 70, 0);
	expect_none(l, UINT64_MAX);
	assert_int_equal(live_late(l), 0);
	live_free(l);
}

static void losses_and_empty_pages(void **state)
{
	struct live *l = make(2, 1 << 20);
	uint8_t broken[PAGE];

	(void)state;
	memset(broken, 0xff, sizeof(broken));
	assert_int_equal(PUT(l, 0, 7, 10), 0);
	assert_int_equal(put(l, 0, 3, (const uint64_t[]){ 0 }), 0);
	assert_int_equal(PUT(l, 0, 4, 20), 0);
	assert_int_equal(live_put(l, 1, broken, sizeof(broken), NULL), 0);
	assert_int_equal(PUT(l, 1, 2, 30), 0);
	live_refill(l);
	expect(l, UINT64_MAX, 0, 10, 7);
	expect(l, UINT64_MAX, 0, 20, 7);
	expect(l, UINT64_MAX, 1, 30, RING_LOST_UNKNOWN);
	expect_none(l, UINT64_MAX);
	live_free(l);
}

static void late_ones_are_counted(void **state)
{
	struct live *l = make(2, 1 << 20);

	(void)state;
	PUT(l, 0, 0, 100);
	live_refill(l);
	expect(l, UINT64_MAX, 0, 100, 0);
	PUT(l, 1, 0, 50, 60, 110);
	live_refill(l);
	expect(l, UINT64_MAX, 1, 50, 0);
	expect(l, UINT64_MAX, 1, 60, 0);
	expect(l, UINT64_MAX, 1, 110, 0);
	assert_int_equal(live_late(l), 1);	/* 60 is behind 50 again */
	live_free(l);
}

/* Puts more than there is room for. */
static void *put_many(void *live)
{
	for (uint64_t ts = 1; ts <= 100; ts++)
		assert_int_equal(PUT(live, 0, 0, ts), 0);
	live_end(live);
	return NULL;
}

static void waits_for_room(void **state)
{
	struct live *l = make(1, ROOM);
	uint64_t next = 1;
	pthread_t thread;
	bool full = false;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_many, l), 0);
	do {
		live_wait(l, 10000);
		full |= live_is_full(l);
		live_refill(l);
		for (struct live_record rec; live_next(l, NULL, &rec);)
			assert_int_equal(rec.ts, next++);
	} while (!live_has_ended(l));
	assert_int_equal(pthread_join(thread, NULL), 0);
	live_refill(l);
	for (struct live_record rec; live_next(l, NULL, &rec);)
		assert_int_equal(rec.ts, next++);
	assert_int_equal(next, 101);
	assert_true(full);
	live_free(l);
}

static void *put_until_canceled(void *live)
{
	int r = 0;

	while (!r)
		r = PUT(live, 0, 0, 1);
	assert_int_equal(r, -ECANCELED);
	return NULL;
}

static void cancel_frees_who_waits(void **state)
{
	struct live *l = make(1, ROOM);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_until_canceled, l), 0);
	while (!live_is_full(l))
		live_wait(l, 1000);
	live_cancel(l);
	assert_int_equal(pthread_join(thread, NULL), 0);
	live_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_time_up_to_what_is_complete),
		cmocka_unit_test(several_clocks),
		cmocka_unit_test(losses_and_empty_pages),
		cmocka_unit_test(late_ones_are_counted),
		cmocka_unit_test(waits_for_room),
		cmocka_unit_test(cancel_frees_who_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
