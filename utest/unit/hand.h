/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of sub-buffers share: layouts, pages made by hand, expectations. */
#ifndef TRACECMD_TEST_HAND_H
#define TRACECMD_TEST_HAND_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ring/ring.h"

static const struct ring_abi le8 = { false, 8 }, le4 = { false, 4 };
static const struct ring_abi be8 = { true, 8 }, be4 = { true, 4 };
static const struct ring_abi *const abis[] = { &le8, &le4, &be8, &be4 };

/* A page made by hand: header, then words as given. */
struct hand {
	uint8_t page[256];
	uint32_t pos;
	const struct ring_abi *abi;
};

static inline void hand_begin(struct hand *h, const struct ring_abi *abi, uint64_t ts)
{
	memset(h, 0, sizeof(*h));
	h->abi = abi;
	put_u64(h->page, ts, abi->big_endian);
	h->pos = 8 + abi->long_size;
}

static inline void hand_word(struct hand *h, uint32_t w)
{
	put_u32(h->page + h->pos, w, h->abi->big_endian);
	h->pos += 4;
}

static inline void hand_entry(struct hand *h, unsigned type_len, uint32_t delta)
{
	hand_word(h, h->abi->big_endian ? type_len << 27 | delta : delta << 5 | type_len);
}

static inline void hand_long(struct hand *h, uint32_t at, uint64_t v)
{
	if (h->abi->long_size == 8)
		put_u64(h->page + at, v, h->abi->big_endian);
	else
		put_u32(h->page + at, v, h->abi->big_endian);
}

static inline void hand_commit(struct hand *h)
{
	hand_long(h, 8, h->pos - 8 - h->abi->long_size);
}

static inline void hand_open(const struct hand *h, struct ring_page *p)
{
	assert_int_equal(ring_page_open(p, h->abi, h->page, sizeof(h->page)), 0);
}

static inline void expect_data(struct ring_page *p, uint64_t ts, uint32_t len)
{
	struct ring_event ev;

	assert_int_equal(ring_page_next(p, &ev), 1);
	assert_int_equal(ev.type, RING_DATA);
	assert_true(ev.ts == ts);
	assert_int_equal(ev.len, len);
}

static inline void expect_end(struct ring_page *p)
{
	struct ring_event ev;

	assert_int_equal(ring_page_next(p, &ev), 0);
	assert_int_equal(p->bad, RING_OK);
	assert_int_equal(ring_page_next(p, &ev), 0);
}

static inline void expect_bad(struct ring_page *p, enum ring_bad bad)
{
	struct ring_event ev;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(ring_page_next(p, &ev), -EBADMSG);
		assert_int_equal(p->bad, bad);
	}
}

/* Numbers that look random, the same in each run. */
static inline uint64_t rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

#endif
