// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writing buffers, sections 4, 5.5 to 5.7 of the format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat/writer.h"

static bool is_v6(const struct dat_writer *w)
{
	return w->opts.version == 6;
}

/* Call order; a wrong one is the caller's mistake and told as such. */
static int check_state(struct dat_writer *w, bool in_buffer, bool in_cpu, const char *what,
		       struct err *e)
{
	int r = dat_writer_failed(w, e);

	if (!r && (w->in_buffer != in_buffer || w->in_cpu != in_cpu))
		r = dat_writer_fail(w, e, -EINVAL, "%s at the wrong place", what);
	return r;
}

/* ---- version 6 tables ---- */

/* Tag, a table of zeros, the clock. */
static int v6_table(struct dat_writer *w, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = w->opts.big_endian };
	const char *clock = w->clock[0] ? w->clock : w->buf_clock;

	buf_put(&b, DAT_TAG_FLYRECORD, DAT_TAG_LEN);
	buf_fill(&b, 0, (size_t)w->cpu_count * DAT_V6_CPU_ENTRY);
	if (w->has_clock_option) {
		buf_u64(&b, clock[0] ? strlen(clock) + 2 : 0);
		if (clock[0])
			buf_printf(&b, "[%s]", clock);
	}
	return dat_writer_put_buf(w, &b, e);
}

static struct plan *find_plan(struct dat_writer *w, const char *name)
{
	for (size_t i = 0; i < w->plans.nr; i++)
		if (w->plans.v[i].patch && !strcmp(w->plans.v[i].name, name))
			return &w->plans.v[i];
	return NULL;
}

/* An instance's table is found through its option. */
static int v6_link(struct dat_writer *w, struct err *e)
{
	struct plan *p = find_plan(w, w->buf_name);
	uint8_t at[8];

	if (!p)
		return dat_writer_fail(w, e, -EINVAL, "buffer '%s' was not announced", w->buf_name);
	put_u64(at, w->sink.pos, w->opts.big_endian);
	if (dat_writer_patch(w, p->patch, at, sizeof(at), e))
		return w->failure.code;
	p->patch = 0;
	return 0;
}

static int v6_begin(struct dat_writer *w, struct err *e)
{
	int r = 0;

	if (w->page_size != w->opts.page_size)
		return dat_writer_fail(w, e, -EINVAL, "version 6 has one sub-buffer size for all buffers "
				       "(%u bytes); those of '%s' have %u", w->opts.page_size,
				       w->buf_name, w->page_size);
	if (w->buf_name[0]) {
		if (!w->top_done)
			r = v6_table(w, e);	/* an empty top-level buffer */
		if (!r)
			r = v6_link(w, e);
	}
	w->top_done = true;
	w->buf_start = w->sink.pos;
	return r ? r : v6_table(w, e);
}

static int v6_end(struct dat_writer *w, struct err *e)
{
	struct buf b AUTO_BUF = { 0 };

	if (buf_fill(&b, 0, (size_t)w->cpu_count * DAT_V6_CPU_ENTRY))
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < w->cpus.nr; i++) {
		char *entry = b.data + (size_t)w->cpus.v[i].cpu * DAT_V6_CPU_ENTRY;

		put_u64(entry, w->cpus.v[i].offset, w->opts.big_endian);
		put_u64(entry + 8, w->cpus.v[i].size, w->opts.big_endian);
	}
	return dat_writer_patch(w, w->buf_start + DAT_TAG_LEN, b.data, b.len, e);
}

/* ---- version 7 ---- */

static int v7_begin(struct dat_writer *w, struct err *e)
{
	char *desc AUTO_FREE = NULL;

	if (asprintf(&desc, "buffer flyrecord %s", w->buf_name) < 0) {
		desc = NULL;
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	}
	w->buf_start = w->sink.pos;
	return dat_writer_section(w, DAT_BUFFER, w->opts.codec ? DAT_SECTION_COMPRESSED : 0, desc,
				  0, e);
}

/* Patches the section's size, which only now is known. */
static int v7_section_size(struct dat_writer *w, struct err *e)
{
	uint8_t size[8];

	put_u64(size, w->sink.pos - w->buf_start - DAT_SECTION_HEADER, w->opts.big_endian);
	return dat_writer_patch(w, w->buf_start + 8, size, sizeof(size), e);
}

static int v7_end(struct dat_writer *w, struct err *e)
{
	struct buf *o = &w->options;
	int r = v7_section_size(w, e);

	if (r)
		return r;
	buf_u16(o, DAT_BUFFER);
	buf_u32(o, 8 + strlen(w->buf_name) + 1 + strlen(w->buf_clock) + 1 + 8 + w->cpus.nr * DAT_V7_CPU_ENTRY);
	buf_u64(o, w->buf_start);
	buf_str(o, w->buf_name);
	buf_str(o, w->buf_clock);
	buf_u32(o, w->page_size);
	buf_u32(o, w->cpus.nr);
	for (size_t i = 0; i < w->cpus.nr; i++) {
		buf_u32(o, w->cpus.v[i].cpu);
		buf_u64(o, w->cpus.v[i].offset);
		buf_u64(o, w->cpus.v[i].size);
	}
	return dat_writer_options(w, e);
}

/* ---- buffers ---- */

static int set_names(struct dat_writer *w, const char *name, const char *clock, struct err *e)
{
	free(w->buf_name);
	free(w->buf_clock);
	w->buf_name = strdup(name);
	w->buf_clock = strdup(clock);
	if (!w->buf_name || !w->buf_clock)
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	return 0;
}

/* A clock blob is announced by a TRACECLOCK option. */
static int v6_clock_option(struct dat_writer *w, const char *clock, struct err *e)
{
	char text[sizeof(w->clock) + 3];

	if (w->opts.version != 6 || w->front_done || w->has_clock_option || !clock[0])
		return 0;
	snprintf(text, sizeof(text), "[%s]", clock);
	return dat_writer_option(w, DAT_TRACECLOCK, text, strlen(text) + 1, e);
}

int dat_writer_buffer_begin(struct dat_writer *w, const char *name, const char *clock,
			    uint32_t page_size, struct err *e)
{
	int r = check_state(w, false, false, "a buffer", e);

	if (!r)
		r = set_names(w, name, clock, e);
	if (!r)
		r = v6_clock_option(w, clock, e);
	if (!r)
		r = dat_writer_front(w, e);
	if (r)
		return r;
	w->page_size = page_size;
	w->cpus.nr = 0;
	r = is_v6(w) ? v6_begin(w, e) : v7_begin(w, e);
	w->in_buffer = !r;
	return r;
}

int dat_writer_buffer_end(struct dat_writer *w, struct err *e)
{
	int r = check_state(w, true, false, "the end of a buffer", e);

	if (r)
		return r;
	w->in_buffer = false;
	return is_v6(w) ? v6_end(w, e) : v7_end(w, e);
}

/* ---- CPUs ---- */

int dat_writer_cpu_begin(struct dat_writer *w, uint32_t cpu, struct err *e)
{
	uint8_t count[4] = { 0 };
	int r = check_state(w, true, false, "a CPU", e);

	if (r)
		return r;
	if (cpu >= DAT_CPUS_MAX || (is_v6(w) && cpu >= w->cpu_count))
		return dat_writer_fail(w, e, -EINVAL, "CPU %u is not below %u", cpu,
				       is_v6(w) ? w->cpu_count : DAT_CPUS_MAX);
	if (is_v6(w) && w->buf_clock[0] && w->clock[0] && !dat_clock_is_same(w->buf_clock, w->clock))
		return dat_writer_fail(w, e, -EINVAL, "version 6 has one clock for all buffers (%s); that of "
				       "'%s' is %s", w->clock, w->buf_name, w->buf_clock);
	if (w->cpus.nr && cpu <= w->cpus.v[w->cpus.nr - 1].cpu)
		return dat_writer_fail(w, e, -EINVAL, "CPU %u comes after CPU %u", cpu,
				       w->cpus.v[w->cpus.nr - 1].cpu);
	r = dat_writer_io(w, dat_sink_align(&w->sink, w->page_size), e);
	if (r)
		return r;
	w->cpu_start = w->sink.pos;
	if (vec_push(&w->cpus, ((struct cpu_out){ .cpu = cpu, .offset = w->cpu_start })))
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	w->nr_chunks = 0;
	w->in_cpu = true;
	return w->opts.codec ? dat_writer_put(w, count, sizeof(count), e) : 0;
}

/* Compresses and writes one chunk. */
static int put_chunk(struct dat_writer *w, const void *data, size_t len, struct err *e)
{
	int r = dat_writer_pack(w, data, len, e);

	if (r)
		return r;
	w->nr_chunks++;
	return dat_writer_put_buf(w, &w->packed, e);
}

static int flush_pending(struct dat_writer *w, struct err *e)
{
	int r = 0;

	if (w->pending.len)
		r = put_chunk(w, w->pending.data, w->pending.len, e);
	buf_clear(&w->pending);
	return r;
}

int dat_writer_cpu_pages(struct dat_writer *w, const void *pages, size_t len, struct err *e)
{
	size_t step = dat_chunk_bytes(w->page_size);
	const char *p = pages;
	int r = check_state(w, true, true, "data", e);

	if (r)
		return r;
	if (!w->opts.codec)
		return dat_writer_put(w, p, len, e);
	while (len && !r) {
		size_t n = step - w->pending.len;

		if (!w->pending.len && len >= step) {
			r = put_chunk(w, p, step, e);
			n = step;
		} else {
			if (n > len)
				n = len;
			if (buf_put(&w->pending, p, n))
				return dat_writer_fail(w, e, -ENOMEM, "out of memory");
			if (w->pending.len == step)
				r = flush_pending(w, e);
		}
		p += n;
		len -= n;
	}
	return r;
}

int dat_writer_cpu_block(struct dat_writer *w, const void *pages, size_t len, struct err *e)
{
	int r = check_state(w, true, true, "data", e);

	if (!r)
		r = flush_pending(w, e);
	if (r)
		return r;
	return w->opts.codec ? put_chunk(w, pages, len, e) : dat_writer_put(w, pages, len, e);
}

/* What comes in front of a finished chunk. */
static int begin_chunk(struct dat_writer *w, uint32_t csize, uint32_t usize, struct err *e)
{
	uint8_t head[DAT_CHUNK_HEADER];
	int r = check_state(w, true, true, "a chunk", e);

	if (!r && !w->opts.codec && csize != usize)
		r = dat_writer_fail(w, e, -EINVAL, "a compressed chunk in an uncompressed file");
	if (!r)
		r = flush_pending(w, e);
	if (!r && w->opts.codec) {
		put_u32(head, csize, w->opts.big_endian);
		put_u32(head + 4, usize, w->opts.big_endian);
		r = dat_writer_put(w, head, sizeof(head), e);
		w->nr_chunks++;
	}
	return r;
}

int dat_writer_cpu_chunk(struct dat_writer *w, int src_fd, off_t src_off, uint32_t csize,
			 uint32_t usize, struct err *e)
{
	int r = begin_chunk(w, csize, usize, e);

	if (r)
		return r;
	r = dat_sink_move(&w->sink, src_fd, src_off, csize);
	if (r == -ENODATA)
		return dat_writer_fail(w, e, r, "the source of a chunk ends before its %u bytes at 0x%"
				       PRIx64, csize, (uint64_t)src_off);
	return dat_writer_io(w, r, e);
}

int dat_writer_cpu_packed(struct dat_writer *w, const void *data, uint32_t csize, uint32_t usize,
			  struct err *e)
{
	int r = begin_chunk(w, csize, usize, e);

	return r ? r : dat_writer_put(w, data, csize, e);
}

int dat_writer_cpu_end(struct dat_writer *w, struct err *e)
{
	struct cpu_out *c;
	uint8_t count[4];
	int r = check_state(w, true, true, "the end of a CPU", e);

	if (!r)
		r = flush_pending(w, e);
	if (r)
		return r;
	w->in_cpu = false;
	c = &w->cpus.v[w->cpus.nr - 1];
	c->size = w->sink.pos - w->cpu_start;
	if (!w->opts.codec)
		return 0;
	put_u32(count, w->nr_chunks, w->opts.big_endian);
	return dat_writer_patch(w, w->cpu_start, count, sizeof(count), e);
}

/* ---- text ---- */

static int v6_text(struct dat_writer *w, const void *text, size_t len, struct err *e)
{
	int r;

	if (w->buf_name[0])
		return dat_writer_fail(w, e, -EINVAL, "version 6 has no text of an instance ('%s')",
				       w->buf_name);
	w->top_done = true;
	r = dat_writer_put(w, DAT_TAG_LATENCY, DAT_TAG_LEN, e);
	return r ? r : dat_writer_put(w, text, len, e);
}

/* The text's chunks: as a CPU's, but any length. */
static int put_text_chunks(struct dat_writer *w, const char *text, size_t len, struct err *e)
{
	size_t step = dat_chunk_bytes(w->opts.page_size);
	uint64_t start = w->sink.pos;
	uint8_t count[4] = { 0 };
	int r = dat_writer_put(w, count, sizeof(count), e);

	w->nr_chunks = 0;
	for (size_t pos = 0; pos < len && !r; pos += step)
		r = put_chunk(w, text + pos, len - pos < step ? len - pos : step, e);
	put_u32(count, w->nr_chunks, w->opts.big_endian);
	return r ? r : dat_writer_patch(w, start, count, sizeof(count), e);
}

static int v7_text(struct dat_writer *w, const void *text, size_t len, struct err *e)
{
	struct buf *o = &w->options;
	int r;

	w->buf_start = w->sink.pos;
	r = dat_writer_section(w, DAT_BUFFER_TEXT, w->opts.codec ? DAT_SECTION_COMPRESSED : 0,
			       "buffer latency", 0, e);
	if (!r)
		r = w->opts.codec ? put_text_chunks(w, text, len, e) :
		    dat_writer_put(w, text, len, e);
	if (!r)
		r = v7_section_size(w, e);
	if (r)
		return r;
	buf_u16(o, DAT_BUFFER_TEXT);
	buf_u32(o, 8 + strlen(w->buf_name) + 1 + strlen(w->buf_clock) + 1);
	buf_u64(o, w->buf_start);
	buf_str(o, w->buf_name);
	buf_str(o, w->buf_clock);
	return dat_writer_options(w, e);
}

int dat_writer_buffer_text(struct dat_writer *w, const char *name, const char *clock,
			   const void *text, size_t len, struct err *e)
{
	int r = check_state(w, false, false, "a text", e);

	if (!r)
		r = set_names(w, name, clock, e);
	if (!r)
		r = dat_writer_front(w, e);
	if (r)
		return r;
	return is_v6(w) ? v6_text(w, text, len, e) : v7_text(w, text, len, e);
}
