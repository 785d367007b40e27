// SPDX-License-Identifier: GPL-2.0-or-later
/* A file laid out of pieces of others: the same bytes as one that was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dat/dat.h"

#define PAGE 4096u
#define PAGES 5

/* Pages that look like nothing: only their place counts here. */
static int source(void)
{
	int fd = memfd_create("source", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (unsigned i = 0; i < PAGES * PAGE; i++) {
		uint8_t byte = i * 7 + i / PAGE;

		assert_int_equal(write(fd, &byte, 1), 1);
	}
	return fd;
}

static void fill(struct dat_writer *w, int src)
{
	struct buf header AUTO_BUF = { 0 };
	struct err e = { 0 };

	assert_int_equal(dat_put_header_info(&header, "page", 4, "event", 5), 0);
	assert_int_equal(dat_writer_block(w, DAT_HEADER_INFO, header.data, header.len, &e), 0);
	assert_int_equal(dat_writer_option(w, DAT_TRACECLOCK, "[local]", 8, &e), 0);
	assert_int_equal(dat_writer_cpu_count(w, 2, &e), 0);
	assert_int_equal(dat_writer_plan_buffer(w, "", &e), 0);
	assert_int_equal(dat_writer_buffer_begin(w, "", "local", PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_begin(w, 0, &e), 0);
	assert_int_equal(dat_writer_cpu_chunk(w, src, PAGE, 2 * PAGE, 2 * PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_chunk(w, src, 3 * PAGE, PAGE, PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_end(w, &e), 0);
	assert_int_equal(dat_writer_cpu_begin(w, 1, &e), 0);
	assert_int_equal(dat_writer_cpu_chunk(w, src, 0, PAGE, PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_end(w, &e), 0);
	assert_int_equal(dat_writer_buffer_end(w, &e), 0);
	assert_int_equal(dat_writer_finish(w, &e), 0);
	dat_writer_free(w);
}

static off_t length(int fd)
{
	return lseek(fd, 0, SEEK_END);
}

static void assert_same(int a, int b)
{
	off_t len = length(a);
	char *x = malloc(len), *y = malloc(len);

	assert_int_equal(length(b), len);
	assert_int_equal(pread_full(a, x, len, 0), 0);
	assert_int_equal(pread_full(b, y, len, 0), 0);
	assert_memory_equal(x, y, len);
	free(x);
	free(y);
}

static void same_bytes(unsigned version)
{
	struct dat_writer_opts opts = { .version = version, .page_size = PAGE };
	int src = source(), file = memfd_create("file", MFD_CLOEXEC), sent = memfd_create("sent", MFD_CLOEXEC);
	struct dat_pieces *p = dat_pieces_new();
	struct dat_reader *r;
	struct dat_chunks chunks;
	struct err e = { 0 };
	struct dat_writer *w;
	uint8_t page[PAGE], *all;

	assert_int_equal(dat_writer_new(file, "file", &opts, &w, &e), 0);
	fill(w, src);
	assert_int_equal(dat_writer_new_pieces(p, "pieces", &opts, &w, &e), 0);
	fill(w, src);
	assert_int_equal(dat_pieces_size(p), length(file));
	close(src);			/* they have their own descriptor */
	assert_int_equal(dat_pieces_send(p, sent), 0);
	assert_same(file, sent);
	/* In stretches of any length, from the end on. */
	for (uint64_t step = 1; step < 2 * PAGE; step = step * 3 + 1) {
		assert_int_equal(ftruncate(sent, 0), 0);
		for (uint64_t to = dat_pieces_size(p), from; to; to = from) {
			from = to > step ? to - step : 0;
			assert_int_equal(dat_pieces_place(p, from, to, sent), 0);
		}
		assert_same(file, sent);
	}

	assert_int_equal(dat_reader_open_pieces(p, "pieces", NULL, &r, &e), 0);
	assert_int_equal(dat_reader_fd(r), -1);
	assert_int_equal(dat_reader_chunks(r, 0, 0, &chunks, &e), 0);
	assert_int_equal(chunks.total, 3 * PAGE);
	assert_int_equal(dat_reader_pread(r, page, PAGE, dat_reader_buffer(r, 0)->cpus[0].offset, &e), 0);
	assert_int_equal(page[0], (uint8_t)(PAGE * 7 + 1));
	/* Across pieces, and past the end. */
	all = malloc(length(file));
	assert_int_equal(dat_reader_pread(r, all, length(file), 0, &e), 0);
	assert_memory_equal(all, "\x17\x08\x44tracing", 10);
	free(all);
	assert_int_equal(dat_reader_pread(r, page, 2, length(file) - 1, &e), -ENODATA);
	dat_reader_close(r);
	close(file);
	close(sent);
}

static void test_version_6(void **state)
{
	(void)state;
	same_bytes(6);
}

static void test_version_7(void **state)
{
	(void)state;
	same_bytes(7);
}

static void test_source_that_became_shorter(void **state)
{
	struct dat_writer_opts opts = { .version = 7, .page_size = PAGE };
	int src = source();
	struct dat_pieces *p = dat_pieces_new();
	struct dat_writer *w;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(dat_writer_new_pieces(p, "pieces", &opts, &w, &e), 0);
	fill(w, src);
	assert_int_equal(ftruncate(src, PAGE), 0);
	assert_int_equal(dat_pieces_send(p, STDOUT_FILENO), -ENODATA);
	dat_pieces_free(p);
	close(src);
}

#define LARGE 65531
#define MANY 700

static void fill_many(struct dat_writer *w, int src, const char *last)
{
	struct err e = { 0 };

	assert_int_equal(dat_writer_buffer_begin(w, "", "local", PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_begin(w, 0, &e), 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(dat_writer_cpu_chunk(w, src, (off_t)i * (LARGE + 9), LARGE, PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_packed(w, last, LARGE, PAGE, &e), 0);
	assert_int_equal(dat_writer_cpu_end(w, &e), 0);
	assert_int_equal(dat_writer_buffer_end(w, &e), 0);
	assert_int_equal(dat_writer_finish(w, &e), 0);
	dat_writer_free(w);
}

/* More pieces and bytes than are written, and more of a file than is mapped, at once. */
static void test_many_and_large_pieces(void **state)
{
	int src = memfd_create("src", MFD_CLOEXEC), sent = memfd_create("sent", MFD_CLOEXEC);
	int file = memfd_create("file", MFD_CLOEXEC);
	struct dat_writer_opts opts = { .version = 7, .page_size = PAGE };
	struct dat_pieces *p = dat_pieces_new();
	char *data = malloc(LARGE);
	struct err e = { 0 };
	struct dat_writer *w;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		memset(data, i * 7 + 1, LARGE);
		assert_int_equal(pwrite_full(src, data, LARGE, (off_t)i * (LARGE + 9)), 0);
	}
	assert_int_equal(codec_choose("zstd", &opts.codec, &e), 0);
	assert_int_equal(dat_writer_new(file, "file", &opts, &w, &e), 0);
	fill_many(w, src, data);
	assert_int_equal(dat_writer_new_pieces(p, "pieces", &opts, &w, &e), 0);
	fill_many(w, src, data);
	assert_int_equal(dat_pieces_send(p, sent), 0);
	assert_same(file, sent);
	dat_pieces_free(p);
	free(data);
	close(src);
	close(sent);
	close(file);
}

static void test_block_moved_from_another_file(void **state)
{
	static const struct { const char *from, *to; } pairs[] = {
		{ "zstd", "zstd" }, { "zstd", "none" }, { "none", "zstd" }, { "lz4", "zlib" }, { "none", "none" },
	};
	static const char text[] = "12345678";

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct dat_writer_opts opts = { .version = 7, .page_size = PAGE };
		int fd[2] = { memfd_create("a", MFD_CLOEXEC), memfd_create("b", MFD_CLOEXEC) };
		struct dat_reader *r;
		struct dat_writer *w;
		struct err e = { 0 };
		struct cur body;

		assert_int_equal(codec_choose(pairs[i].from, &opts.codec, &e), 0);
		assert_int_equal(dat_writer_new(fd[0], "a", &opts, &w, &e), 0);
		assert_int_equal(dat_writer_block(w, DAT_KALLSYMS, text, sizeof(text), &e), 0);
		assert_int_equal(dat_writer_finish(w, &e), 0);
		dat_writer_free(w);
		assert_int_equal(dat_reader_open_fd(fd[0], "a", NULL, &r, &e), 0);
		assert_int_equal(codec_choose(pairs[i].to, &opts.codec, &e), 0);
		assert_int_equal(dat_writer_new(fd[1], "b", &opts, &w, &e), 0);
		assert_int_equal(dat_writer_block_from(w, r, DAT_KALLSYMS, &e), 1);
		assert_int_equal(dat_writer_block_from(w, r, DAT_CMDLINES, &e), 0);
		assert_int_equal(dat_writer_finish(w, &e), 0);
		dat_writer_free(w);
		dat_reader_close(r);
		assert_int_equal(dat_reader_open_fd(fd[1], "b", NULL, &r, &e), 0);
		assert_int_equal(dat_reader_block(r, DAT_KALLSYMS, &body, &e), 1);
		assert_int_equal(body.len, sizeof(text));
		assert_memory_equal(body.data, text, sizeof(text));
		dat_reader_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_6),
		cmocka_unit_test(test_version_7),
		cmocka_unit_test(test_source_that_became_shorter),
		cmocka_unit_test(test_many_and_large_pieces),
		cmocka_unit_test(test_block_moved_from_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
