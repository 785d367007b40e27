/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files made with the writer, for tests of the dat room. */
#ifndef DAT_SAMPLE_H
#define DAT_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "dat/dat.h"

struct sample {
	struct dat_writer_opts opts;
	unsigned kernel_long;		/* 0: opts.long_size */
	unsigned instances;		/* besides the top-level buffer */
	uint32_t nr_cpus;		/* with data: every cpu_step-th */
	uint32_t cpu_step;
	unsigned pages;			/* of each CPU */
	bool moved;			/* chunks through dat_writer_cpu_chunk */
};

static inline void check(int r, const struct err *e)
{
	if (r < 0)
		fail_msg("%s", e->text);
}

/* Page @n of a CPU: one event of 12 bytes whose value tells where it belongs. */
static inline void sample_page(const struct sample *s, unsigned buffer, uint32_t cpu, unsigned n,
			       uint8_t *dst)
{
	unsigned kernel_long = s->kernel_long ? s->kernel_long : s->opts.long_size;
	bool big = s->opts.big_endian;
	uint8_t *p = dst + 8 + kernel_long;

	memset(dst, 0, s->opts.page_size);
	put_u64(dst, 1000 * (n + 1) + cpu, big);
	if (kernel_long == 8)
		put_u64(dst + 8, 16, big);
	else
		put_u32(dst + 8, 16, big);
	put_u32(p, big ? 3u << 27 | 5 : 3 | 5 << 5, big);
	p[4] = big ? 300 >> 8 : 300 & 255;
	p[5] = big ? 300 & 255 : 300 >> 8;
	put_u32(p + 8, 42, big);
	put_u32(p + 12, buffer << 28 | cpu << 8 | n, big);
}

static inline void sample_blocks(const struct sample *s, struct dat_writer *w)
{
	static const char event[] = "# compressed entry header\n";
	static const char format[] =
		"name: ev\nID: 300\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
		"\tfield:unsigned int value;\toffset:8;\tsize:4;\tsigned:0;\n\n"
		"print fmt: \"value=%u\", REC->value\n";
	unsigned kernel_long = s->kernel_long ? s->kernel_long : s->opts.long_size;
	struct buf b AUTO_BUF = { .big_endian = s->opts.big_endian };
	struct buf page AUTO_BUF = { 0 };
	struct err e = { 0 };

	buf_printf(&page, "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		   "\tfield: local_t commit;\toffset:8;\tsize:%u;\tsigned:1;\n"
		   "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		   "\tfield: char data;\toffset:%u;\tsize:%u;\tsigned:1;\n", kernel_long,
		   8 + kernel_long, s->opts.page_size - 8 - kernel_long);
	dat_put_header_info(&b, page.data, page.len, event, strlen(event));
	check(dat_writer_block(w, DAT_HEADER_INFO, b.data, b.len, &e), &e);
	buf_clear(&b);
	buf_u32(&b, 0);
	check(dat_writer_block(w, DAT_FTRACE_EVENTS, b.data, b.len, &e), &e);
	buf_clear(&b);
	buf_u32(&b, 1);
	buf_str(&b, "sys");
	buf_u32(&b, 1);
	buf_u64(&b, strlen(format));
	buf_puts(&b, format);
	check(dat_writer_block(w, DAT_EVENT_FORMATS, b.data, b.len, &e), &e);
	buf_clear(&b);
	dat_put_text(&b, DAT_CMDLINES, "42 the answer\n", 14);
	check(dat_writer_block(w, DAT_CMDLINES, b.data, b.len, &e), &e);
	buf_clear(&b);
	dat_put_text(&b, DAT_KALLSYMS, "c0de T start\n", 13);
	check(dat_writer_block(w, DAT_KALLSYMS, b.data, b.len, &e), &e);
	buf_clear(&b);
	dat_put_text(&b, DAT_PRINTK, "", 0);
	check(dat_writer_block(w, DAT_PRINTK, b.data, b.len, &e), &e);
	check(dat_writer_block(w, DAT_MODULES_FILE, "mod 4096 0 - Live 0x0\n", 22, &e), &e);
}

static inline void sample_options(const struct sample *s, struct dat_writer *w)
{
	struct buf b AUTO_BUF = { .big_endian = s->opts.big_endian };
	struct err e = { 0 };

	check(dat_writer_option(w, DAT_TRACECLOCK, "[global] local\n", 16, &e), &e);
	check(dat_writer_option(w, DAT_UNAME, "Linux", 6, &e), &e);
	check(dat_writer_option(w, DAT_DATE, "0x10", 5, &e), &e);
	check(dat_writer_option(w, DAT_DATE, "-4", 3, &e), &e);
	buf_u64(&b, 0x1122334455667788);
	check(dat_writer_option(w, DAT_TRACEID, b.data, b.len, &e), &e);
	buf_clear(&b);
	buf_u32(&b, 100);
	buf_u32(&b, 7);
	buf_u64(&b, 9);
	check(dat_writer_option(w, DAT_TSC2NSEC, b.data, b.len, &e), &e);
	check(dat_writer_option(w, 4242, "unknown", 7, &e), &e);
}

/* The CPU's pages through a file of chunks beside, as a recorder has them. */
static inline void sample_move(const struct sample *s, struct dat_writer *w, const uint8_t *data,
			       size_t len)
{
	size_t cap = s->opts.codec ? codec_bound(s->opts.codec, len) : len, n = len;
	struct codec_ctx ctx = { 0 };
	struct err e = { 0 };
	uint8_t *packed = malloc(cap);
	int fd = memfd_create("chunks", 0);

	if (s->opts.codec)
		check(codec_compress(s->opts.codec, &ctx, data, len, packed, cap, &n), &e);
	else
		memcpy(packed, data, len);
	check(pwrite_full(fd, packed, n, 77), &e);
	check(dat_writer_cpu_chunk(w, fd, 77, n, len, &e), &e);
	codec_ctx_release(&ctx);
	free(packed);
	close(fd);
}

static inline void sample_buffer(const struct sample *s, struct dat_writer *w, unsigned buffer)
{
	uint8_t *data = malloc((size_t)s->pages * s->opts.page_size + 1);
	struct err e = { 0 };
	char name[16] = "";

	if (buffer)
		snprintf(name, sizeof(name), "inst%u", buffer);
	check(dat_writer_buffer_begin(w, name, "global", s->opts.page_size, &e), &e);
	for (uint32_t i = 0; i < s->nr_cpus; i++) {
		uint32_t cpu = i * s->cpu_step;

		for (unsigned n = 0; n < s->pages; n++)
			sample_page(s, buffer, cpu, n, data + (size_t)n * s->opts.page_size);
		check(dat_writer_cpu_begin(w, cpu, &e), &e);
		if (s->moved)
			sample_move(s, w, data, (size_t)s->pages * s->opts.page_size);
		else
			for (unsigned n = 0; n < s->pages; n++)
				check(dat_writer_cpu_pages(w, data + (size_t)n * s->opts.page_size,
							   s->opts.page_size, &e), &e);
		check(dat_writer_cpu_end(w, &e), &e);
	}
	check(dat_writer_buffer_end(w, &e), &e);
	free(data);
}

/* Writes the sample into @fd. */
static inline void sample_write(const struct sample *s, int fd)
{
	struct dat_writer *w;
	struct err e = { 0 };
	char name[16];

	check(dat_writer_new(fd, "sample", &s->opts, &w, &e), &e);
	sample_blocks(s, w);
	sample_options(s, w);
	check(dat_writer_cpu_count(w, s->nr_cpus * s->cpu_step, &e), &e);
	for (unsigned i = 1; i <= s->instances; i++) {
		snprintf(name, sizeof(name), "inst%u", i);
		check(dat_writer_plan_buffer(w, name, &e), &e);
	}
	for (unsigned i = 0; i <= s->instances; i++)
		sample_buffer(s, w, i);
	check(dat_writer_finish(w, &e), &e);
	dat_writer_free(w);
}

/* The same as bytes, to be freed. */
static inline uint8_t *sample_bytes(const struct sample *s, size_t *ret_len)
{
	int fd = memfd_create("sample", 0);
	uint8_t *data;

	assert_true(fd >= 0);
	sample_write(s, fd);
	*ret_len = lseek(fd, 0, SEEK_END);
	data = malloc(*ret_len);
	assert_int_equal(pread_full(fd, data, *ret_len, 0), 0);
	close(fd);
	return data;
}

#endif
