/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test bed: a good file that is spoilt in one place at a time. */
#ifndef DAT_BED_H
#define DAT_BED_H

#include <errno.h>
#include <inttypes.h>

#include "dat_sample.h"

/* A good file, to be spoilt, and a reader that knows where things are in it. */
struct bed {
	uint8_t *data, *good;
	size_t len;
	struct dat_reader *r;		/* of good */
	bool big;
	struct buf told;		/* notices, one a line */
};

static inline void tell(void *ctx, const char *text)
{
	buf_printf(ctx, "%s\n", text);
}

static inline void bed_init(struct bed *b, unsigned version, bool big, const char *codec)
{
	struct sample s = {
		.opts = { .version = version, .big_endian = big, .long_size = 8, .page_size = 4096,
			  .codec = codec ? codec_find(codec) : NULL },
		.instances = 1, .nr_cpus = 2, .cpu_step = 1, .pages = 23,
	};
	struct err e = { 0 };

	memset(b, 0, sizeof(*b));
	b->big = big;
	b->good = sample_bytes(&s, &b->len);
	b->data = malloc(b->len);
	memcpy(b->data, b->good, b->len);
	check(dat_reader_open_memory(b->good, b->len, NULL, &b->r, &e), &e);
}

static inline void bed_release(struct bed *b)
{
	dat_reader_close(b->r);
	free(b->data);
	free(b->good);
	buf_release(&b->told);
}

static inline void bed_restore(struct bed *b)
{
	memcpy(b->data, b->good, b->len);
	buf_clear(&b->told);
}

static inline const struct dat_section *section(struct bed *b, unsigned id)
{
	for (unsigned i = 0; i < dat_reader_nr_sections(b->r); i++)
		if (dat_reader_section(b->r, i)->id == id)
			return dat_reader_section(b->r, i);
	fail_msg("the sample has no section %u", id);
	return NULL;
}

static inline uint64_t option(struct bed *b, unsigned id)
{
	for (unsigned i = 0; i < dat_reader_nr_options(b->r); i++)
		if (dat_reader_option(b->r, i)->id == id)
			return dat_reader_option(b->r, i)->offset;
	fail_msg("the sample has no option %u", id);
	return 0;
}

static inline void set16(struct bed *b, uint64_t at, uint16_t v)
{
	b->data[at] = b->big ? v >> 8 : v;
	b->data[at + 1] = b->big ? v : v >> 8;
}

static inline void set32(struct bed *b, uint64_t at, uint32_t v)
{
	put_u32(b->data + at, v, b->big);
}

static inline void set64(struct bed *b, uint64_t at, uint64_t v)
{
	put_u64(b->data + at, v, b->big);
}

static inline int open_bed(struct bed *b, struct dat_reader **r, struct err *e)
{
	struct notices n = { tell, &b->told };

	return dat_reader_open_memory(b->data, b->len, &n, r, e);
}

/* Opening fails with @code and exactly these words; the bed is good again. */
static inline void refused(struct bed *b, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static inline void refused(struct bed *b, int code, const char *fmt, ...)
{
	struct dat_reader *r = NULL;
	struct err e = { 0 };
	char want[512];
	int n = snprintf(want, sizeof(want), "cannot read 'memory': ");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want + n, sizeof(want) - n, fmt, ap);
	va_end(ap);
	if (!open_bed(b, &r, &e)) {
		dat_reader_close(r);
		fail_msg("opened, but should say: %s", want);
	}
	assert_string_equal(e.text, want);
	assert_int_equal(e.code, code);
	bed_restore(b);
}

/* Opening works and tells these words; the bed is good again. */
static inline void told(struct bed *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline void told(struct bed *b, const char *fmt, ...)
{
	struct dat_reader *r;
	struct err e = { 0 };
	char want[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	check(open_bed(b, &r, &e), &e);
	dat_reader_close(r);
	if (!b->told.len || !strstr(b->told.data, want))
		fail_msg("should tell: %s\ntold: %s", want, b->told.len ? b->told.data : "nothing");
	bed_restore(b);
}

/* Bytes of CPU data that can be read. */
static inline uint64_t readable(struct dat_reader *r)
{
	struct codec_ctx ctx = { 0 };
	uint64_t sum = 0;

	for (unsigned i = 0; i < dat_reader_nr_buffers(r); i++) {
		for (uint32_t k = 0; k < dat_reader_buffer(r, i)->nr_cpus; k++) {
			struct dat_chunks chunks;
			struct err e = { 0 };

			check(dat_reader_chunks(r, i, k, &chunks, &e), &e);
			for (uint32_t n = 0; n < chunks.nr; n++) {
				void *out = malloc(chunks.v[n].usize);

				check(dat_chunk_read(r, i, &chunks.v[n], &ctx, out, &e), &e);
				free(out);
				sum += chunks.v[n].usize;
			}
		}
	}
	codec_ctx_release(&ctx);
	return sum;
}

#endif
