// SPDX-License-Identifier: GPL-2.0-or-later
/* Chunks found from amid an area are those of its table. */
#include "made.h"

static int file_of(const char *codec, int events)
{
	uint64_t seed = 1;
	struct made m;

	made_begin(&m, codec, 1024);
	made_buffer(&m, "");
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		made_cpu(&m, cpu);
		for (int i = 0; i < events; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			made_event(&m, i * 100 + (seed >> 58));
		}
	}
	return made_finish(&m);
}

static struct dat_reader *open_file(int fd)
{
	struct dat_reader *r;

	made_ok(dat_reader_open_fd(fd, "made.dat", NULL, &r, e));
	return r;
}

/* From @at on chunk @i comes first. */
static void expect_near(struct dat_reader *r, const struct dat_chunks *all, uint32_t i, uint64_t at)
{
	struct dat_chunks some;

	made_ok(dat_reader_chunk_near(r, 0, 1, &at, e));
	assert_true(at + 8 == all->v[i].offset);
	made_ok(dat_reader_chunks_at(r, 0, 1, at, 5, &some, e));
	assert_int_equal(some.nr, all->nr - i < 5 ? all->nr - i : 5);
	for (uint32_t k = 0; k < some.nr; k++) {
		const struct dat_chunk *c = &some.v[k], *known = &all->v[i + k];

		assert_true(c->offset == known->offset && c->csize == known->csize &&
			    c->usize == known->usize && c->start == known->start - all->v[i].start);
	}
	free((void *)some.v);
}

static void near_is_exact(void **state)
{
	static const char *const codecs[] = { "zstd", "lz4", "zlib" };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(codecs); k++) {
		struct dat_reader *r = open_file(file_of(codecs[k], 50000));
		struct dat_chunks all;
		uint64_t end;

		made_ok(dat_reader_chunks(r, 0, 1, &all, e));
		assert_true(all.nr > 30);
		expect_near(r, &all, 0, 0);
		for (uint32_t i = 1; i < all.nr; i++) {
			uint64_t head = all.v[i].offset - 8, before = all.v[i - 1].offset - 8;

			expect_near(r, &all, i, head);
			expect_near(r, &all, i, head - 1);
			expect_near(r, &all, i, before + (head - before) / 2);
			expect_near(r, &all, i, before + 1 + (i == 1) * 4);
		}
		/* behind the last head there is none */
		end = all.v[all.nr - 1].offset;
		assert_int_equal(dat_reader_chunk_near(r, 0, 1, &end, NULL), 0);
		dat_reader_close(r);
	}
}

/* What is no chunk's beginning is not taken for one. */
static void wrong_place(void **state)
{
	struct dat_reader *r = open_file(file_of("zstd", 20000));
	struct dat_chunks all, some;

	(void)state;
	made_ok(dat_reader_chunks(r, 0, 1, &all, e));
	for (uint64_t at = all.v[3].offset; at < all.v[4].offset - 8; at += 5)
		assert_int_equal(dat_reader_chunks_at(r, 0, 1, at, 9, &some, NULL), 0);
	assert_int_equal(dat_reader_chunks_at(r, 0, 1, UINT64_MAX, 9, &some, NULL), 0);
	dat_reader_close(r);
}

/* Where everything looks like a head, it is given up soon. */
static void false_heads(void **state)
{
	static const uint8_t head[8] = { 0xff, 0xff, 0xff, 0x7f, 0, 0x10, 0, 0 };
	enum { HEADS = 5000 };
	int fd = file_of("zstd", 50000);
	struct dat_reader *r = open_file(dup(fd));
	uint64_t start = dat_reader_buffer(r, 0)->cpus[1].offset + 1000, at = start;

	(void)state;
	assert_true(dat_reader_buffer(r, 0)->cpus[1].size > 8 * HEADS + 30000);
	dat_reader_close(r);
	for (unsigned i = 0; i < HEADS; i++)
		assert_int_equal(pwrite_full(fd, head, sizeof(head), start + 8 * i), 0);
	r = open_file(fd);
	assert_int_equal(dat_reader_chunk_near(r, 0, 1, &at, NULL), 0);
	assert_true(at < start + 8 * HEADS);
	/* the last ones are soon passed */
	at = start + 8 * (HEADS - 10);
	assert_int_equal(dat_reader_chunk_near(r, 0, 1, &at, NULL), 1);
	dat_reader_close(r);
}

/* Data that are not compressed have no heads; of a cut file all that is left is read. */
static void not_here(void **state)
{
	int fd = file_of("none", 20000);
	struct dat_reader *r = open_file(fd);
	struct dat_chunks some;
	uint64_t at = 5000;

	(void)state;
	assert_int_equal(dat_reader_chunk_near(r, 0, 1, &at, NULL), 0);
	assert_int_equal(dat_reader_chunks_at(r, 0, 1, at, 9, &some, NULL), 0);
	dat_reader_close(r);

	fd = file_of("zstd", 20000);
	r = open_file(dup(fd));
	at = dat_reader_buffer(r, 0)->cpus[1].offset + 4;
	assert_int_equal(dat_reader_chunks_at(r, 0, 1, at, 1, &some, NULL), 1);
	free((void *)some.v);
	dat_reader_close(r);
	assert_int_equal(ftruncate(fd, at + 10000), 0);
	r = open_file(fd);
	assert_true(dat_reader_cut(r, NULL));
	assert_int_equal(dat_reader_chunk_near(r, 0, 1, &at, NULL), 0);
	assert_int_equal(dat_reader_chunks_at(r, 0, 1, at, 1, &some, NULL), 0);
	dat_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_is_exact),
		cmocka_unit_test(wrong_place),
		cmocka_unit_test(false_heads),
		cmocka_unit_test(not_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
