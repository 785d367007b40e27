// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that end too early, and files with any bit wrong. */
#include "dat_bed.h"

/* Bytes of CPU data of the whole file that lie in its first @len bytes: of
 * uncompressed data all, of compressed whole chunks. */
static uint64_t lying_before(struct dat_reader *r, uint64_t len)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < dat_reader_nr_buffers(r); i++) {
		const struct dat_buffer *b = dat_reader_buffer(r, i);

		for (uint32_t k = 0; k < b->nr_cpus; k++) {
			struct dat_chunks chunks;
			struct err e = { 0 };

			check(dat_reader_chunks(r, i, k, &chunks, &e), &e);
			for (uint32_t n = 0; n < chunks.nr; n++) {
				const struct dat_chunk *c = &chunks.v[n];

				if (c->offset + c->csize <= len)
					sum += c->usize;
				else if (!b->compressed && c->offset < len)
					sum += len - c->offset;
			}
		}
	}
	return sum;
}

/* However long what is left: it opens, says so, and gives all that is there. */
static void test_cut_anywhere(void **state)
{
	static const struct { unsigned version; const char *codec; } kinds[] = {
		{ 6, NULL }, { 7, NULL }, { 7, "zstd" },
	};

	(void)state;
	for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
		uint64_t before = 0, whole, first;
		struct bed b;

		bed_init(&b, kinds[k].version, false, kinds[k].codec);
		whole = readable(b.r);
		assert_int_equal(whole, 4 * 23 * 4096);
		first = dat_reader_buffer(b.r, 0)->cpus[0].offset;
		for (size_t len = 64; len < b.len; len += len < first - 700 ? 97 : 331) {
			struct dat_reader *r;
			struct err e = { 0 };
			uint64_t now, at;

			buf_clear(&b.told);
			check(dat_reader_open_memory(b.data, len, &(struct notices){ tell, &b.told }, &r,
						     &e), &e);
			now = readable(r);
			assert_int_equal(now, lying_before(b.r, len));
			/* behind the data of the last CPU only its options and names follow */
			if (now < whole) {
				assert_true(dat_reader_cut(r, &at));
				assert_true(at <= len);
				assert_true(b.told.len > 0);
			}
			before = now;
			dat_reader_close(r);
		}
		assert_true(before > 3 * 23 * 4096);
		bed_release(&b);
	}
}

/* A writer that died has written data, but neither the section's size nor an
 * option that names it. */
static void test_writer_died(void **state)
{
	static const char *const codecs[] = { NULL, "zstd" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct dat_section *buf, *opt;
		struct dat_header_info h;
		struct dat_reader *r;
		struct err e = { 0 };
		struct bed b;

		bed_init(&b, 7, i, codecs[i]);
		buf = section(&b, DAT_BUFFER);
		opt = section(&b, DAT_DONE);
		set64(&b, buf->offset + 8, 0);
		set64(&b, opt->body + opt->size - 8, 0);
		b.len = buf->body + buf->size;
		check(open_bed(&b, &r, &e), &e);
		assert_true(dat_reader_cut(r, NULL));
		assert_int_equal(readable(r), 2 * 23 * 4096);
		assert_int_equal(dat_reader_nr_buffers(r), 1);
		assert_int_equal(dat_reader_buffer(r, 0)->nr_cpus, 2);
		check(dat_reader_header_info(r, &h, &e), &e);
		assert_non_null(strstr(b.told.data, "the option that names the buffer at offset"));
		assert_non_null(strstr(b.told.data, "data of 2 CPUs are found, the CPUs' numbers are a guess"));
		dat_reader_close(r);
		bed_release(&b);
	}
}

static int no_format(void *ctx, const char *system, struct dat_text format)
{
	(void)ctx;
	(void)system;
	(void)format;
	return 0;
}

/* Whatever bit flips: an answer, no crash; and not every flip goes unseen. */
static void test_flip_every_bit(void **state)
{
	struct sample s = {
		.opts = { .version = 7, .long_size = 8, .page_size = 256, .codec = codec_find("lz4") },
		.instances = 1, .nr_cpus = 2, .cpu_step = 1, .pages = 2,
	};
	unsigned refusals = 0, notices = 0;

	(void)state;
	for (s.opts.version = 6; s.opts.version <= 7; s.opts.version++) {
		uint8_t *data;
		size_t len;

		s.opts.codec = s.opts.version == 7 ? codec_find("lz4") : NULL;
		data = sample_bytes(&s, &len);
		for (size_t i = 0; i < len * 8; i++) {
			struct buf said AUTO_BUF = { 0 };
			struct notices n = { tell, &said };
			struct dat_reader *r;
			struct err e = { 0 };

			data[i / 8] ^= 1 << i % 8;
			if (dat_reader_open_memory(data, len, &n, &r, &e)) {
				assert_true(e.code < 0 && e.text[0]);
				refusals++;
			} else {
				struct dat_header_info h;
				struct dat_text t;
				struct dat_chunks chunks;

				dat_reader_header_info(r, &h, &e);
				dat_reader_formats(r, no_format, NULL, &e);
				dat_reader_text(r, DAT_KALLSYMS, &t, &e);
				dat_reader_text(r, DAT_CMDLINES, &t, &e);
				for (unsigned b = 0; b < dat_reader_nr_buffers(r); b++)
					for (uint32_t k = 0; k < dat_reader_buffer(r, b)->nr_cpus; k++)
						dat_reader_chunks(r, b, k, &chunks, &e);
				notices += said.len > 0 || e.code;
				dat_reader_close(r);
			}
			data[i / 8] ^= 1 << i % 8;
		}
		free(data);
	}
	assert_true(refusals > 1000);
	assert_true(notices > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_writer_died),
		cmocka_unit_test(test_flip_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
