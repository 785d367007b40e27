// SPDX-License-Identifier: GPL-2.0-or-later
/* What the writer writes, the reader and an independent decoder read. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "dat_sample.h"

#define DATDUMP "/usr/bin/python3 " FIXTURES "/../tools/datdump.py --check --strict "

static void count_notice(void *ctx, const char *text)
{
	(*(unsigned *)ctx)++;
	print_error("notice: %s\n", text);
}

static int want_format(void *ctx, const char *system, struct dat_text format)
{
	assert_string_equal(system, "sys");
	assert_memory_equal(format.data, "name: ev\n", 9);
	(*(unsigned *)ctx)++;
	return 0;
}

static void check_metadata(const struct sample *s, struct dat_reader *r)
{
	const struct dat_header *h = dat_reader_header(r);
	const struct dat_info *info = dat_reader_info(r);
	struct dat_header_info hi;
	unsigned formats = 0, unknown = 0;
	struct dat_text t;
	struct cur c;
	struct err e = { 0 };

	assert_int_equal(h->version, s->opts.version);
	assert_int_equal(h->big_endian, s->opts.big_endian);
	assert_int_equal(h->long_size, s->opts.long_size);
	assert_int_equal(h->page_size, s->opts.page_size);
	assert_ptr_equal(h->codec, s->opts.codec);
	check(dat_reader_header_info(r, &hi, &e), &e);
	assert_int_equal(hi.kernel_long, s->kernel_long ? s->kernel_long : s->opts.long_size);
	assert_int_equal(hi.sub_buffer_size, s->opts.page_size);
	check(dat_reader_formats(r, want_format, &formats, &e), &e);
	assert_int_equal(formats, 1);
	assert_int_equal(dat_reader_text(r, DAT_CMDLINES, &t, &e), 1);
	assert_int_equal(t.len, 14);
	assert_memory_equal(t.data, "42 the answer\n", 14);
	assert_int_equal(dat_reader_text(r, DAT_KALLSYMS, &t, &e), 1);
	assert_int_equal(t.len, 13);
	assert_int_equal(dat_reader_text(r, DAT_PRINTK, &t, &e), 1);
	assert_int_equal(t.len, 0);
	assert_int_equal(dat_reader_block(r, DAT_MODULES_FILE, &c, &e), s->opts.codec ? 1 : 0);
	assert_string_equal(info->clock, "global");
	assert_string_equal(info->uname, "Linux");
	assert_int_equal(info->date_us, 12);
	assert_true(info->trace_id == 0x1122334455667788);
	assert_int_equal(info->tsc2nsec.mult, 100);
	assert_int_equal(info->tsc2nsec.shift, 7);
	assert_int_equal(info->cpu_count, s->nr_cpus * s->cpu_step);
	for (unsigned i = 0; i < dat_reader_nr_options(r); i++)
		if (dat_reader_option(r, i)->id == 4242) {
			assert_memory_equal(dat_reader_option(r, i)->data, "unknown", 7);
			unknown++;
		}
	assert_int_equal(unknown, 1);
}

/* Every page of a CPU is the one written. */
static void check_cpu(const struct sample *s, struct dat_reader *r, unsigned b, uint32_t i)
{
	const struct dat_buffer *buf = dat_reader_buffer(r, b);
	uint8_t *want = malloc(s->opts.page_size);
	struct codec_ctx ctx = { 0 };
	struct dat_chunks chunks;
	struct err e = { 0 };
	unsigned n = 0;

	check(dat_reader_chunks(r, b, i, &chunks, &e), &e);
	assert_int_equal(chunks.broken_at, 0);
	assert_int_equal(chunks.total, (uint64_t)s->pages * s->opts.page_size);
	for (uint32_t k = 0; k < chunks.nr; k++) {
		uint8_t *data = malloc(chunks.v[k].usize);

		check(dat_chunk_read(r, b, &chunks.v[k], &ctx, data, &e), &e);
		for (uint32_t p = 0; p < chunks.v[k].usize; p += s->opts.page_size) {
			sample_page(s, b, buf->cpus[i].cpu, n++, want);
			assert_memory_equal(data + p, want, s->opts.page_size);
		}
		free(data);
	}
	assert_int_equal(n, s->pages);
	codec_ctx_release(&ctx);
	free(want);
}

static void check_buffers(const struct sample *s, struct dat_reader *r)
{
	assert_int_equal(dat_reader_nr_buffers(r), 1 + s->instances);
	for (unsigned b = 0; b <= s->instances; b++) {
		const struct dat_buffer *buf = dat_reader_buffer(r, b);
		uint32_t with_data = 0;
		char name[16] = "";

		if (b)
			snprintf(name, sizeof(name), "inst%u", b);
		assert_string_equal(buf->name, name);
		assert_int_equal(buf->page_size, s->opts.page_size);
		for (uint32_t i = 0; i < buf->nr_cpus; i++) {
			if (!buf->cpus[i].size)
				continue;
			assert_int_equal(buf->cpus[i].cpu, with_data * s->cpu_step);
			check_cpu(s, r, b, i);
			with_data++;
		}
		assert_int_equal(with_data, s->pages ? s->nr_cpus : 0);
	}
}

static void round_trip(const struct sample *s, const char *path)
{
	struct notices notices;
	struct dat_reader *r;
	struct err e = { 0 };
	char command[1024];
	unsigned told = 0;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	notices = (struct notices){ count_notice, &told };
	assert_true(fd >= 0);
	sample_write(s, fd);
	close(fd);
	check(dat_reader_open(path, &notices, &r, &e), &e);
	check_metadata(s, r);
	check_buffers(s, r);
	assert_false(dat_reader_cut(r, NULL));
	dat_reader_close(r);
	assert_int_equal(told, 0);
	snprintf(command, sizeof(command), DATDUMP "%s >&2", path);
	assert_int_equal(system(command), 0);
	unlink(path);
}

static char *scratch(char *dst, size_t size)
{
	const char *dir = getenv("TMPDIR");

	snprintf(dst, size, "%s/test_dat_writer.%d.dat", dir ? dir : "/tmp", (int)getpid());
	return dst;
}

static void test_every_kind(void **state)
{
	static const char *const codecs[] = { "zstd", "lz4", "zlib", "none" };
	char path[256];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		bool v6 = i >= 32;
		struct sample s = {
			.opts = {
				.version = v6 ? 6 : 7, .big_endian = i & 1, .long_size = i & 2 ? 4 : 8,
				.page_size = i & 4 ? 8192 : 4096,
				.codec = v6 ? NULL : codec_find(codecs[i / 8]),
			},
			.instances = 2, .nr_cpus = 3, .cpu_step = 2, .pages = 23, .moved = i % 3 == 0,
		};

		print_message("v%u %s %s long %u page %u%s\n", s.opts.version,
			      s.opts.big_endian ? "be" : "le", codec_name(s.opts.codec),
			      s.opts.long_size, s.opts.page_size, s.moved ? " moved" : "");
		round_trip(&s, scratch(path, sizeof(path)));
	}
}

static void test_kernel_long_differs(void **state)
{
	struct sample s = {
		.opts = { .version = 7, .long_size = 4, .page_size = 4096, .codec = codec_find("zstd") },
		.kernel_long = 8, .nr_cpus = 1, .cpu_step = 1, .pages = 2,
	};
	char path[256];

	(void)state;
	round_trip(&s, scratch(path, sizeof(path)));
}

static void test_many_cpus(void **state)
{
	struct sample s = {
		.opts = { .version = 7, .long_size = 8, .page_size = 256, .codec = codec_find("zstd") },
		.instances = 1, .nr_cpus = 700, .cpu_step = 5, .pages = 1,
	};
	char path[256];

	(void)state;
	round_trip(&s, scratch(path, sizeof(path)));
	s.opts.version = 6;
	s.opts.codec = NULL;
	round_trip(&s, scratch(path, sizeof(path)));
}

static void test_no_data(void **state)
{
	struct sample s = {
		.opts = { .version = 7, .long_size = 8, .page_size = 4096, .codec = codec_find("zstd") },
		.instances = 1, .nr_cpus = 0, .cpu_step = 1,
	};
	struct dat_reader *r;
	struct dat_writer *w;
	struct err e = { 0 };
	char path[256];
	int fd;

	(void)state;
	for (unsigned version = 6; version <= 7; version++) {
		s.opts.version = version;
		s.opts.codec = version == 7 ? codec_find("zstd") : NULL;
		fd = open(scratch(path, sizeof(path)), O_RDWR | O_CREAT | O_TRUNC, 0600);
		check(dat_writer_new(fd, path, &s.opts, &w, &e), &e);
		sample_blocks(&s, w);
		check(dat_writer_cpu_count(w, 4, &e), &e);
		check(dat_writer_buffer_begin(w, "", "local", 4096, &e), &e);
		check(dat_writer_buffer_end(w, &e), &e);
		check(dat_writer_finish(w, &e), &e);
		dat_writer_free(w);
		close(fd);
		check(dat_reader_open(path, NULL, &r, &e), &e);
		assert_int_equal(dat_reader_nr_buffers(r), 1);
		assert_int_equal(dat_reader_info(r)->cpu_count, 4);
		/* version 6 announces its clock by itself */
		assert_string_equal(dat_reader_info(r)->clock, version == 6 ? "local" : "");
		dat_reader_close(r);
		unlink(path);
	}
}

static void test_text(void **state)
{
	struct sample s = { .opts = { .long_size = 8, .page_size = 4096 } };
	char text[100000], path[256], command[1024];
	struct dat_reader *r;
	struct dat_writer *w;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i * i % 23;
	for (unsigned i = 0; i < 3; i++) {
		struct buf got AUTO_BUF = { 0 };
		int fd = open(scratch(path, sizeof(path)), O_RDWR | O_CREAT | O_TRUNC, 0600);

		s.opts.version = i ? 7 : 6;
		s.opts.codec = i == 2 ? codec_find("zstd") : NULL;
		check(dat_writer_new(fd, path, &s.opts, &w, &e), &e);
		sample_blocks(&s, w);
		check(dat_writer_cpu_count(w, 4, &e), &e);
		check(dat_writer_buffer_text(w, "", "local", text, sizeof(text), &e), &e);
		check(dat_writer_finish(w, &e), &e);
		dat_writer_free(w);
		close(fd);
		check(dat_reader_open(path, NULL, &r, &e), &e);
		assert_int_equal(dat_reader_nr_buffers(r), 1);
		assert_true(dat_reader_buffer(r, 0)->text);
		check(dat_reader_buffer_text(r, 0, &got, &e), &e);
		assert_int_equal(got.len, sizeof(text));
		assert_memory_equal(got.data, text, sizeof(text));
		dat_reader_close(r);
		snprintf(command, sizeof(command), DATDUMP "%s >&2", path);
		assert_int_equal(system(command), 0);
		unlink(path);
	}
}

static void test_metadata_only(void **state)
{
	struct sample s = { .opts = { .long_size = 8, .page_size = 4096 } };
	struct dat_reader *r;
	struct dat_writer *w;
	struct err e = { 0 };
	char path[256];

	(void)state;
	for (unsigned version = 6; version <= 7; version++) {
		int fd = open(scratch(path, sizeof(path)), O_RDWR | O_CREAT | O_TRUNC, 0600);

		s.opts.version = version;
		check(dat_writer_new(fd, path, &s.opts, &w, &e), &e);
		sample_blocks(&s, w);
		check(dat_writer_finish(w, &e), &e);
		dat_writer_free(w);
		close(fd);
		check(dat_reader_open(path, NULL, &r, &e), &e);
		assert_false(dat_reader_cut(r, NULL));
		assert_int_equal(dat_reader_nr_buffers(r), 0);
		dat_reader_close(r);
		unlink(path);
	}
}

/* Data past 4 GiB, in a file that is mostly a hole. */
static void test_past_4_gib(void **state)
{
	struct sample s = {
		.opts = { .version = 7, .long_size = 8, .page_size = 4096 },
		.nr_cpus = 1, .cpu_step = 1, .pages = 2,
	};
	uint64_t far = 5ull << 30, size = far + 2 * 4096;
	uint8_t page[4096], word[8];
	const struct dat_section *data = NULL;
	struct dat_reader *r;
	struct dat_chunks chunks;
	struct codec_ctx ctx = { 0 };
	struct err e = { 0 };
	char path[256];
	uint64_t options;
	int fd = open(scratch(path, sizeof(path)), O_RDWR | O_CREAT | O_TRUNC, 0600);

	(void)state;
	sample_write(&s, fd);
	check(dat_reader_open(path, NULL, &r, &e), &e);
	for (unsigned i = 0; i < dat_reader_nr_sections(r); i++)
		if (dat_reader_section(r, i)->id == DAT_BUFFER)
			data = dat_reader_section(r, i);
	assert_non_null(data);
	/* stretch the buffer's section over the hole; its options go behind */
	put_u64(word, size - data->body, false);
	check(pwrite_full(fd, word, 8, data->offset + 8), &e);
	for (unsigned n = 0; n < 2; n++) {
		sample_page(&s, 0, 0, n, page);
		check(pwrite_full(fd, page, sizeof(page), far + n * 4096), &e);
	}
	options = size;
	{
		struct buf b AUTO_BUF = { 0 };

		buf_u16(&b, DAT_DONE);
		buf_u16(&b, 0);
		buf_u32(&b, -1);
		buf_u64(&b, 6 + 8 + 1 + 6 + 8 + 20 + 14);
		buf_u16(&b, DAT_BUFFER);
		buf_u32(&b, 8 + 1 + 6 + 8 + 20);
		buf_u64(&b, data->offset);
		buf_str(&b, "");
		buf_str(&b, "local");
		buf_u32(&b, 4096);
		buf_u32(&b, 1);
		buf_u32(&b, 0);
		buf_u64(&b, far);
		buf_u64(&b, 2 * 4096);
		buf_u16(&b, DAT_DONE);
		buf_u32(&b, 8);
		buf_u64(&b, 0);
		check(pwrite_full(fd, b.data, b.len, options), &e);
	}
	put_u64(word, options, false);	/* the first options section's link, just before */
	check(pwrite_full(fd, word, 8, data->offset - 8), &e);
	dat_reader_close(r);
	check(dat_reader_open(path, NULL, &r, &e), &e);
	check(dat_reader_chunks(r, 0, 0, &chunks, &e), &e);
	assert_int_equal(chunks.total, 2 * 4096);
	assert_true(chunks.v[0].offset == far);
	{
		uint8_t *got = malloc(chunks.v[0].usize);

		check(dat_chunk_read(r, 0, &chunks.v[0], &ctx, got, &e), &e);
		assert_memory_equal(got + 4096, page, 4096);
		free(got);
	}
	dat_reader_close(r);
	close(fd);
	unlink(path);
}

/* Errors stay, and a wrong order of calls is one. */
static void test_misuse(void **state)
{
	struct dat_writer_opts opts = { .version = 6, .long_size = 8, .page_size = 4096 };
	struct dat_writer *w;
	struct err e = { 0 };
	int fd = memfd_create("out", 0);

	(void)state;
	opts.codec = codec_find("zstd");
	assert_int_equal(dat_writer_new(fd, "out", &opts, &w, &e), -EINVAL);
	assert_string_equal(e.text, "cannot write 'out': version 6 files cannot be compressed");
	opts.codec = NULL;
	opts.page_size = 4095;
	assert_int_equal(dat_writer_new(fd, "out", &opts, &w, &e), -EINVAL);
	opts.page_size = 4096;
	check(dat_writer_new(fd, "out", &opts, &w, &e), &e);
	check(dat_writer_cpu_count(w, 2, &e), &e);
	check(dat_writer_plan_buffer(w, "a", &e), &e);
	check(dat_writer_buffer_begin(w, "", "local", 4096, &e), &e);
	assert_int_equal(dat_writer_option(w, DAT_UNAME, "x", 2, &e), -EINVAL);
	assert_string_equal(e.text, "cannot write 'out': metadata came after the first buffer");
	e = (struct err){ 0 };
	assert_int_equal(dat_writer_finish(w, &e), -EINVAL);
	assert_string_equal(e.text, "cannot write 'out': metadata came after the first buffer");
	dat_writer_free(w);

	check(dat_writer_new(fd, "out", &opts, &w, &e), &e);
	check(dat_writer_cpu_count(w, 2, &e), &e);
	check(dat_writer_plan_buffer(w, "a", &e), &e);
	assert_int_equal(dat_writer_finish(w, &e), -EINVAL);
	assert_string_equal(e.text, "cannot write 'out': buffer 'a' was announced and not written");
	dat_writer_free(w);

	check(dat_writer_new(fd, "out", &opts, &w, &e), &e);
	check(dat_writer_cpu_count(w, 2, &e), &e);
	check(dat_writer_buffer_begin(w, "", "local", 4096, &e), &e);
	assert_int_equal(dat_writer_cpu_begin(w, 2, &e), -EINVAL);
	assert_string_equal(e.text, "cannot write 'out': CPU 2 is not below 2");
	dat_writer_free(w);
	close(fd);
}

/* A full disk is told with its reason by every later call. */
static void test_no_space(void **state)
{
	struct sample s = {
		.opts = { .version = 7, .long_size = 8, .page_size = 4096 },
	};
	struct dat_writer *w;
	struct err e = { 0 };
	int fd = open("/dev/full", O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(dat_writer_new(fd, "out", &s.opts, &w, &e), -ENOSPC);
	assert_string_equal(e.text, "cannot write 'out': No space left on device");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_kernel_long_differs),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_no_data),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_metadata_only),
		cmocka_unit_test(test_past_4_gib),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_no_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
