// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader on recordings of real kernels and on synthetic files. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dat/dat.h"

static void count_notice(void *ctx, const char *text)
{
	(*(unsigned *)ctx)++;
	fprintf(stderr, "notice: %s\n", text);
}

/* What a test expects of a fixture. */
struct expect {
	const char *file;
	unsigned version;
	const char *codec;
	const char *clock;
	unsigned nr_buffers;
	const char *buffers[4];
	uint32_t page_size[4];
};

static const struct expect expected[] = {
	{ "all-6.1.dat", 7, "zstd", "local", 1, { "" }, { 4096 } },
	{ "clock-global.dat", 7, "zstd", "global", 1, { "" }, { 4096 } },
	{ "clock-tsc2nsec.dat", 7, "zstd", "x86-tsc", 1, { "" }, { 4096 } },
	{ "instances.dat", 7, "zstd", "mono", 4, { "", "three", "two", "one" },
	  { 4096, 4096, 4096, 4096 } },
	{ "lat-wakeup.dat", 7, "zstd", "", 1, { "" }, { 4096 } },
	{ "old-v6.dat", 6, "none", "local", 1, { "" }, { 4096 } },
	{ "old-v7.dat", 7, "zstd", "local", 1, { "" }, { 4096 } },
	{ "subbuf-16.dat", 7, "zstd", "local", 1, { "" }, { 16384 } },
	{ "syn-v6-be-l8-p4096-none.dat", 6, "none", "local", 2, { "", "in1" }, { 4096, 4096 } },
	{ "syn-v6-le-l4-p8192-none.dat", 6, "none", "local", 2, { "", "in1" }, { 8192, 8192 } },
	{ "syn-v7-be-l4-p8192-none.dat", 7, "none", "local", 2, { "", "in1" }, { 8192, 8192 } },
	{ "syn-v7-be-l8-p4096-zstd.dat", 7, "zstd", "local", 2, { "", "in1" }, { 4096, 4096 } },
	{ "syn-v7-le-l8-p8192-zlib.dat", 7, "zlib", "local", 2, { "", "in1" }, { 8192, 8192 } },
	{ "v7-zlib.dat", 7, "zlib", "local", 1, { "" }, { 4096 } },
};

static struct dat_reader *open_fixture(const char *file, unsigned *notices)
{
	struct notices n = { count_notice, notices };
	struct dat_reader *r;
	struct err e = { 0 };
	char path[512];

	*notices = 0;
	snprintf(path, sizeof(path), FIXTURES "/traces/%s", file);
	if (dat_reader_open(path, &n, &r, &e))
		fail_msg("%s", e.text);
	return r;
}

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct expect *x = &expected[i];
		unsigned notices;
		struct dat_reader *r = open_fixture(x->file, &notices);
		const struct dat_header *h = dat_reader_header(r);

		print_message("%s\n", x->file);
		assert_int_equal(h->version, x->version);
		assert_string_equal(h->codec_name, x->codec);
		assert_string_equal(dat_reader_info(r)->clock, x->clock);
		assert_int_equal(dat_reader_nr_buffers(r), x->nr_buffers);
		for (unsigned k = 0; k < x->nr_buffers; k++) {
			assert_string_equal(dat_reader_buffer(r, k)->name, x->buffers[k]);
			assert_int_equal(dat_reader_buffer(r, k)->page_size, x->page_size[k]);
		}
		assert_int_equal(notices, 0);
		assert_false(dat_reader_cut(r, NULL));
		dat_reader_close(r);
	}
}

static int count_format(void *ctx, const char *system, struct dat_text format)
{
	assert_true(system[0]);
	assert_true(format.len > 6);
	assert_memory_equal(format.data, "name: ", 6);
	(*(unsigned *)ctx)++;
	return 0;
}

/* Every chunk decompresses to whole sub-buffers with times that ascend. */
static void read_all_chunks(struct dat_reader *r, unsigned b)
{
	const struct dat_buffer *buf = dat_reader_buffer(r, b);
	struct codec_ctx ctx = { 0 };
	struct err e = { 0 };

	for (uint32_t i = 0; i < buf->nr_cpus; i++) {
		uint64_t before = 0, total = 0;
		struct dat_chunks chunks;

		assert_int_equal(dat_reader_chunks(r, b, i, &chunks, &e), 0);
		assert_int_equal(chunks.broken_at, 0);
		for (uint32_t k = 0; k < chunks.nr; k++) {
			uint8_t *data = malloc(chunks.v[k].usize);

			assert_int_equal(dat_chunk_read(r, b, &chunks.v[k], &ctx, data, &e), 0);
			assert_int_equal(chunks.v[k].start, total);
			for (uint32_t p = 0; p < chunks.v[k].usize; p += buf->page_size) {
				uint64_t ts = get_u64(data + p, dat_reader_header(r)->big_endian);

				assert_true(ts >= before);
				before = ts;
			}
			total += chunks.v[k].usize;
			free(data);
		}
		assert_int_equal(total, chunks.total);
		if (buf->cpus[i].size)
			assert_true(total > 0);
	}
	codec_ctx_release(&ctx);
}

static void read_all(const char *file)
{
	unsigned notices, formats = 0;
	struct dat_reader *r = open_fixture(file, &notices);
	struct dat_header_info h;
	struct dat_text t;
	struct err e = { 0 };

	print_message("%s\n", file);
	if (dat_reader_header_info(r, &h, &e))
		fail_msg("%s", e.text);
	assert_true(h.kernel_long == 4 || h.kernel_long == 8);
	assert_int_equal(h.sub_buffer_size, dat_reader_header(r)->page_size);
	if (dat_reader_formats(r, count_format, &formats, &e))
		fail_msg("%s", e.text);
	assert_true(formats > 0);
	assert_int_equal(dat_reader_text(r, DAT_KALLSYMS, &t, &e), 1);
	assert_int_equal(dat_reader_text(r, DAT_PRINTK, &t, &e), 1);
	assert_int_equal(dat_reader_text(r, DAT_CMDLINES, &t, &e), 1);
	for (unsigned b = 0; b < dat_reader_nr_buffers(r); b++) {
		if (dat_reader_buffer(r, b)->text) {
			struct buf text AUTO_BUF = { 0 };

			assert_int_equal(dat_reader_buffer_text(r, b, &text, &e), 0);
			assert_memory_equal(text.data, "# tracer: ", 10);
			continue;
		}
		read_all_chunks(r, b);
	}
	assert_int_equal(notices, 0);
	dat_reader_close(r);
}

static void test_all_fixtures(void **state)
{
	DIR *dir = opendir(FIXTURES "/traces");
	struct dirent *d;
	unsigned n = 0;

	(void)state;
	assert_non_null(dir);
	while ((d = readdir(dir))) {
		size_t len = strlen(d->d_name);

		if (len < 5 || strcmp(d->d_name + len - 4, ".dat"))
			continue;
		read_all(d->d_name);
		n++;
	}
	closedir(dir);
	assert_int_equal(n, 26);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_all_fixtures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
