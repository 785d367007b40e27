// SPDX-License-Identifier: GPL-2.0-or-later
/* Chunks on their way between two tracecmds: what was sent is taken, anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>

#include <cmocka.h>

#include "remote/packed.h"

#define PAGE 4096u
#define PAGES 3u

static const struct ring_abi abi = { .long_size = 8 };

struct bed {
	uint8_t bytes[SPOOL_HEADER + 2 * PAGES * PAGE];
	struct recorder_chunk c;
	struct packed_expected x;
	const struct codec *zstd;
};

static void bed_init(struct bed *b)
{
	*b = (struct bed){ .c = {
		.len = PAGES * PAGE, .cpu = 5, .page_size = PAGE, .abi = abi, .first_ts = 7, .last_ts = 9, .frame = b->bytes,
		.csize = PAGES * PAGE,
	} };
	assert_int_equal(codec_choose("zstd", &b->zstd, NULL), 0);
	b->x = (struct packed_expected){
		.cpu = 5, .page_size = PAGE, .cpus = 8, .seq = 11, .abi = &abi, .codec = b->zstd,
	};
	for (size_t i = SPOOL_HEADER; i < sizeof(b->bytes); i++)
		b->bytes[i] = i * 31;
}

static void test_both_ways(void **state)
{
	struct spool_header h;
	struct bed b;

	(void)state;
	bed_init(&b);
	for (int packed = 0; packed < 2; packed++) {
		b.c.codec = packed ? b.zstd : NULL;
		b.c.csize = packed ? 100 : PAGES * PAGE;
		assert_int_equal(packed_frame(&b.c, 11), SPOOL_HEADER + b.c.csize);
		assert_int_equal(packed_header(b.bytes, &b.x, &h, NULL), 0);
		assert_true(h.csize == b.c.csize && h.usize == b.c.len && h.first_ts == 7 && h.last_ts == 9);
		assert_true(packed_whole(b.bytes, &h));
		b.bytes[SPOOL_HEADER + 50] ^= 1;
		assert_false(packed_whole(b.bytes, &h));
	}
	/* the head is part of what is checked */
	packed_frame(&b.c, 11);
	b.bytes[33] ^= 1;
	assert_int_equal(packed_header(b.bytes, &b.x, &h, NULL), 0);
	assert_false(packed_whole(b.bytes, &h));
}

static void test_bad_headers(void **state)
{
	static const struct { unsigned at, size; uint64_t value; const char *told; } cases[] = {
		{ 0, 1, 'X', "no chunk of sub-buffers" }, { 8, 2, 2, "no chunk of sub-buffers" },
		{ 10, 2, SPOOL_INFO, "no chunk of sub-buffers" },
		{ 16, 4, 6, "chunk 11 of CPU 6 came, number 11 of CPU 5 was expected" },
		{ 24, 8, 10, "chunk 10 of CPU 5 came, number 11" }, { 24, 8, UINT64_MAX, "chunk 18446744073709551615 of" },
		{ 12, 4, SPOOL_BIG_ENDIAN, "of another kind" }, { 12, 4, SPOOL_LONG32, "of another kind" },
		{ 20, 4, 8192, "of another kind" }, { 48, 8, 0x31346c7a, "of another kind" },
		{ 56, 4, 0, "claims 12288 bytes of sub-buffers in 0" }, { 56, 4, UINT32_MAX, "in 4294967295" },
		{ 56, 4, 20000, "in 20000" }, { 60, 4, 0, "claims 0 bytes" }, { 60, 4, 4097, "claims 4097 bytes" },
		{ 60, 4, 0x80000000, "claims 2147483648 bytes" }, { 60, 4, (1 << 19) + PAGE, "at most 524288 were expected" },
		{ 48, 8, 0, "claims 12288 bytes of sub-buffers in 100" },	/* not compressed, and shorter */
	};
	struct spool_header h;
	struct bed b;

	(void)state;
	bed_init(&b);
	b.c.codec = b.zstd;
	b.c.csize = 100;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };

		packed_frame(&b.c, 11);
		for (unsigned k = 0; k < cases[i].size; k++)
			b.bytes[cases[i].at + k] = cases[i].value >> 8 * k;
		assert_int_equal(packed_header(b.bytes, &b.x, &h, &e), -EPROTO);
		if (!strstr(e.text, cases[i].told))
			fail_msg("'%s' was told, '%s' expected", e.text, cases[i].told);
	}
}

/* Where ends are expected there may be one, behind the last chunk. */
static void test_end(void **state)
{
	struct spool_header h;
	struct err e;
	struct bed b;

	(void)state;
	bed_init(&b);
	packed_end(5, 11, b.bytes);
	assert_int_equal(packed_header(b.bytes, &b.x, &h, &e), -EPROTO);
	assert_non_null(strstr(e.text, "no chunk of sub-buffers"));
	b.x.ends = true;
	assert_int_equal(packed_header(b.bytes, &b.x, &h, NULL), 1);
	b.bytes[33] ^= 1;
	assert_int_equal(packed_header(b.bytes, &b.x, &h, &e), -EPROTO);
	assert_non_null(strstr(e.text, "the end of CPU 5 was damaged"));
	packed_end(5, 10, b.bytes);
	assert_int_equal(packed_header(b.bytes, &b.x, &h, &e), -EPROTO);
	packed_end(6, 11, b.bytes);
	assert_int_equal(packed_header(b.bytes, &b.x, &h, &e), -EPROTO);
	assert_non_null(strstr(e.text, "of CPU 6 came"));
}

/* What many CPUs have on their way at once is bounded. */
static void test_room_for_many_cpus(void **state)
{
	struct spool_header h;
	struct bed b;

	(void)state;
	bed_init(&b);
	b.x.cpus = 4096;
	b.c.codec = b.zstd;
	b.c.csize = 100;
	for (b.c.len = PAGE; b.c.len <= 1 << 20; b.c.len += PAGE) {
		packed_frame(&b.c, 11);
		assert_int_equal(!packed_header(b.bytes, &b.x, &h, NULL), b.c.len <= 4 * RECORDER_PACKED_BYTES / 4096);
	}
	/* a single large sub-buffer always goes */
	b.x.page_size = b.c.page_size = b.c.len = 65536;
	packed_frame(&b.c, 11);
	assert_int_equal(packed_header(b.bytes, &b.x, &h, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_room_for_many_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
