// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writing a file but for its buffers, section 13 of the format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat/writer.h"

#define FIRST_BLOCK DAT_HEADER_INFO

static const char *const descriptions[DAT_ID_COUNT] = {
	[DAT_DONE] = "options", [DAT_STRINGS] = "strings", [DAT_HEADER_INFO] = "headers",
	[DAT_FTRACE_EVENTS] = "ftrace events", [DAT_EVENT_FORMATS] = "events format",
	[DAT_KALLSYMS] = "kallsyms", [DAT_PRINTK] = "printk", [DAT_CMDLINES] = "command lines",
	[DAT_BTF_FILE] = "BTF", [DAT_MODULES_FILE] = "modules",
};

/* ---- failures ---- */

int dat_writer_fail(struct dat_writer *w, struct err *e, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&w->failure, code, "cannot write '%s': %s", w->name, text);
	return err_set(e, code, "%s", w->failure.text);
}

int dat_writer_failed(const struct dat_writer *w, struct err *e)
{
	if (w->failure.code)
		err_set(e, w->failure.code, "%s", w->failure.text);
	return w->failure.code;
}

int dat_writer_io(struct dat_writer *w, int r, struct err *e)
{
	char why[128];

	if (!r)
		return 0;
	return dat_writer_fail(w, e, r, "%s", strerror_r(-r, why, sizeof(why)));
}

int dat_writer_put(struct dat_writer *w, const void *data, size_t len, struct err *e)
{
	return dat_writer_io(w, dat_sink_put(&w->sink, data, len), e);
}

int dat_writer_patch(struct dat_writer *w, uint64_t offset, const void *data, size_t len,
		     struct err *e)
{
	return dat_writer_io(w, dat_sink_patch(&w->sink, offset, data, len), e);
}

int dat_writer_put_buf(struct dat_writer *w, struct buf *b, struct err *e)
{
	if (b->failed)
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	return dat_writer_put(w, b->data, b->len, e);
}

static bool is_v6(const struct dat_writer *w)
{
	return w->opts.version == 6;
}

/* ---- making and freeing ---- */

static int check_opts(const struct dat_writer *w, struct err *e)
{
	const struct dat_writer_opts *o = &w->opts;

	if (o->version != 6 && o->version != 7)
		return err_set(e, -EINVAL, "there is no file version %u, only 6 and 7", o->version);
	if (is_v6(w) && o->codec)
		return err_set(e, -EINVAL, "version 6 files cannot be compressed");
	if (o->long_size != 4 && o->long_size != 8)
		return err_set(e, -EINVAL, "a long has 4 or 8 bytes, not %u", o->long_size);
	if (o->page_size < DAT_PAGE_MIN || o->page_size > DAT_PAGE_MAX ||
	    o->page_size & (o->page_size - 1))
		return err_set(e, -EINVAL, "a sub-buffer of %u bytes is not a power of two from %u to %u",
			       o->page_size, DAT_PAGE_MIN, DAT_PAGE_MAX);
	return 0;
}

/* The initial header. */
static int write_header(struct dat_writer *w, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = w->opts.big_endian };

	buf_put(&b, DAT_MAGIC, DAT_MAGIC_LEN);
	buf_str(&b, is_v6(w) ? "6" : "7");
	buf_u8(&b, w->opts.big_endian);
	buf_u8(&b, w->opts.long_size);
	buf_u32(&b, w->opts.page_size);
	if (!is_v6(w)) {
		buf_str(&b, codec_name(w->opts.codec));
		buf_str(&b, codec_version(w->opts.codec));
		w->link = b.len;
		buf_u64(&b, 0);
	}
	return dat_writer_put_buf(w, &b, e);
}

static void set_order(struct dat_writer *w)
{
	bool big = w->opts.big_endian;

	for (unsigned i = 0; i < ARRAY_SIZE(w->blocks); i++)
		w->blocks[i].big_endian = big;
	w->options.big_endian = w->packed.big_endian = big;
}

static int writer_new(struct dat_sink sink, const char *name, const struct dat_writer_opts *opts,
		      struct dat_writer **ret, struct err *e)
{
	struct dat_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w || !(w->name = strdup(name))) {
		free(w);
		return err_set(e, -ENOMEM, "cannot write '%s': out of memory", name);
	}
	w->sink = sink;
	w->opts = *opts;
	if (!w->opts.version)
		w->opts.version = 7;
	if (!w->opts.long_size)
		w->opts.long_size = sizeof(long);
	set_order(w);
	r = check_opts(w, e);
	if (r)
		err_wrap(e, "cannot write '%s'", name);
	else
		r = write_header(w, e);
	if (r) {
		dat_writer_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

int dat_writer_new(int fd, const char *name, const struct dat_writer_opts *opts,
		   struct dat_writer **ret, struct err *e)
{
	return writer_new((struct dat_sink){ .fd = fd }, name, opts, ret, e);
}

int dat_writer_new_pieces(struct dat_pieces *p, const char *name, const struct dat_writer_opts *opts,
			  struct dat_writer **ret, struct err *e)
{
	return writer_new((struct dat_sink){ .fd = -1, .pieces = p }, name, opts, ret, e);
}

void dat_writer_free(struct dat_writer *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(w->blocks); i++)
		buf_release(&w->blocks[i]);
	for (size_t i = 0; i < w->plans.nr; i++)
		free(w->plans.v[i].name);
	vec_release(&w->plans);
	vec_release(&w->cpus);
	buf_release(&w->options);
	buf_release(&w->strings);
	buf_release(&w->pending);
	buf_release(&w->packed);
	codec_ctx_release(&w->ctx);
	free(w->buf_name);
	free(w->buf_clock);
	free(w->name);
	free(w);
}

/* ---- version 7: sections and options ---- */

int dat_writer_section(struct dat_writer *w, unsigned id, unsigned flags, const char *desc,
		       uint64_t size, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = w->opts.big_endian };

	if (w->strings.len > INT32_MAX)
		return dat_writer_fail(w, e, -EOVERFLOW, "too many sections");
	buf_u16(&b, id);
	buf_u16(&b, flags);
	buf_u32(&b, w->strings.len);
	buf_u64(&b, size);
	if (buf_str(&w->strings, desc))
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	return dat_writer_put_buf(w, &b, e);
}

static void queue_option(struct dat_writer *w, uint16_t id, const void *data, uint32_t len)
{
	buf_u16(&w->options, id);
	buf_u32(&w->options, len);
	buf_put(&w->options, data, len);
}

int dat_writer_options(struct dat_writer *w, struct err *e)
{
	uint64_t start = w->sink.pos;
	uint8_t link[8];
	int r;

	buf_u16(&w->options, DAT_DONE);
	buf_u32(&w->options, DAT_DONE_SIZE);
	buf_u64(&w->options, 0);
	r = dat_writer_section(w, DAT_DONE, 0, descriptions[DAT_DONE], w->options.len, e);
	if (!r)
		r = dat_writer_put_buf(w, &w->options, e);
	put_u64(link, start, w->opts.big_endian);
	if (!r)
		r = dat_writer_patch(w, w->link, link, sizeof(link), e);
	w->link = w->sink.pos - DAT_DONE_SIZE;
	buf_clear(&w->options);
	return r;
}

int dat_writer_pack(struct dat_writer *w, const void *data, size_t len, struct err *e)
{
	size_t cap = codec_bound(w->opts.codec, len), n;
	int r;

	if (!cap || cap > UINT32_MAX)
		return dat_writer_fail(w, e, -EFBIG, "%zu bytes are too many for one block", len);
	buf_clear(&w->packed);
	buf_u32(&w->packed, 0);
	buf_u32(&w->packed, len);
	if (buf_reserve(&w->packed, cap))
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	r = codec_compress(w->opts.codec, &w->ctx, data, len, w->packed.data + DAT_CHUNK_HEADER, cap, &n);
	if (r)
		return dat_writer_fail(w, e, r, "%s does not compress %zu bytes",
				       codec_name(w->opts.codec), len);
	put_u32(w->packed.data, n, w->opts.big_endian);
	w->packed.len = DAT_CHUNK_HEADER + n;
	return 0;
}

/* A metadata section, compressed if the file is. */
static int put_section(struct dat_writer *w, unsigned id, const void *data, size_t len,
		       struct err *e)
{
	bool pack = w->opts.codec;
	int r;

	w->ctx.thorough = w->opts.thorough;
	r = pack ? dat_writer_pack(w, data, len, e) : 0;
	w->ctx.thorough = false;

	if (!r)
		r = dat_writer_section(w, id, pack ? DAT_SECTION_COMPRESSED : 0, descriptions[id],
				       pack ? w->packed.len : len, e);
	if (!r)
		r = dat_writer_put(w, pack ? w->packed.data : data, pack ? w->packed.len : len, e);
	return r;
}

/* ---- blocks and options ---- */

bool dat_writer_keeps(const struct dat_writer *w, enum dat_id id)
{
	if (id == DAT_BTF_FILE || id == DAT_MODULES_FILE)
		return !is_v6(w) && w->opts.codec;
	return true;
}

/* Blocks and options come before the first buffer. */
static int check_early(struct dat_writer *w, struct err *e)
{
	int r = dat_writer_failed(w, e);

	if (!r && w->front_done)
		r = dat_writer_fail(w, e, -EINVAL, "metadata came after the first buffer");
	return r;
}

static int check_block(struct dat_writer *w, enum dat_id id, struct err *e)
{
	int r = check_early(w, e);

	if (!r && (id < FIRST_BLOCK || id >= DAT_ID_COUNT || !descriptions[id]))
		r = dat_writer_fail(w, e, -EINVAL, "%u is not the id of a metadata section", id);
	return r;
}

int dat_writer_block_moved(struct dat_writer *w, enum dat_id id, int src, uint64_t off,
			   uint64_t size, struct err *e)
{
	uint8_t at[8];
	int r = check_block(w, id, e);

	if (r || !dat_writer_keeps(w, id))
		return r;
	put_u64(at, w->sink.pos, w->opts.big_endian);
	r = dat_writer_section(w, id, w->opts.codec ? DAT_SECTION_COMPRESSED : 0, descriptions[id],
			       size, e);
	if (!r)
		r = dat_writer_io(w, dat_sink_move(&w->sink, src, off, size), e);
	if (!r)
		queue_option(w, id, at, sizeof(at));
	return r;
}

int dat_writer_block(struct dat_writer *w, enum dat_id id, const void *data, size_t len,
		     struct err *e)
{
	uint8_t at[8];
	int r = check_block(w, id, e);

	if (r || !dat_writer_keeps(w, id))
		return r;
	if (is_v6(w)) {
		struct buf *b = &w->blocks[id - FIRST_BLOCK];

		buf_clear(b);
		if (buf_put(b, data, len))
			return dat_writer_fail(w, e, -ENOMEM, "out of memory");
		return 0;
	}
	put_u64(at, w->sink.pos, w->opts.big_endian);
	r = put_section(w, id, data, len, e);
	if (!r)
		queue_option(w, id, at, sizeof(at));
	return r;
}

/* The word in brackets of a trace_clock text. */
static void remember_clock(struct dat_writer *w, const char *text, size_t len)
{
	w->has_clock_option = true;
	dat_clock_word(text, len, w->clock, sizeof(w->clock));
}

int dat_writer_option(struct dat_writer *w, uint16_t id, const void *data, size_t len,
		      struct err *e)
{
	int r = check_early(w, e);

	if (r)
		return r;
	if (len > UINT32_MAX)
		return dat_writer_fail(w, e, -EFBIG, "an option of %zu bytes is too long", len);
	if (id == DAT_TRACECLOCK)
		remember_clock(w, data, len);
	queue_option(w, id, data, len);
	return 0;
}

int dat_writer_cpu_count(struct dat_writer *w, uint32_t cpus, struct err *e)
{
	int r = check_early(w, e);

	if (r)
		return r;
	if (!cpus || cpus > DAT_CPUS_MAX)
		return dat_writer_fail(w, e, -EINVAL, "%u CPUs are not from 1 to %u", cpus,
				       DAT_CPUS_MAX);
	w->cpu_count = cpus;
	return 0;
}

int dat_writer_plan_buffer(struct dat_writer *w, const char *name, struct err *e)
{
	struct plan p = { 0 };
	int r = check_early(w, e);

	if (r || !is_v6(w) || !name[0])
		return r;
	p.name = strdup(name);
	if (!p.name || vec_push(&w->plans, p)) {
		free(p.name);
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	}
	return 0;
}

/* ---- the front ---- */

/* A version 6 block that nobody gave. */
static int put_empty_block(struct dat_writer *w, enum dat_id id)
{
	struct buf *b = &w->blocks[id - FIRST_BLOCK];

	if (id == DAT_HEADER_INFO)
		return dat_put_header_info(b, "", 0, "", 0);
	if (id == DAT_FTRACE_EVENTS || id == DAT_EVENT_FORMATS)
		return buf_u32(b, 0);
	return dat_put_text(b, id, "", 0);
}

static int v6_blocks(struct dat_writer *w, struct err *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(w->blocks); i++) {
		int r;

		if (!w->blocks[i].len && put_empty_block(w, FIRST_BLOCK + i))
			return dat_writer_fail(w, e, -ENOMEM, "out of memory");
		r = dat_writer_put_buf(w, &w->blocks[i], e);
		buf_release(&w->blocks[i]);
		if (r)
			return r;
	}
	return 0;
}

/* The options part; the buffers' offsets are patched later. */
static int v6_options(struct dat_writer *w, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = w->opts.big_endian };
	uint64_t start = w->sink.pos;

	buf_u32(&b, w->cpu_count);
	buf_put(&b, DAT_TAG_OPTIONS, DAT_TAG_LEN);
	if (buf_put(&b, w->options.data, w->options.len) || w->options.failed)
		return dat_writer_fail(w, e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < w->plans.nr; i++) {
		struct plan *p = &w->plans.v[i];

		buf_u16(&b, DAT_BUFFER);
		buf_u32(&b, 8 + strlen(p->name) + 1);
		p->patch = start + b.len;
		buf_u64(&b, 0);
		buf_str(&b, p->name);
	}
	buf_u16(&b, DAT_DONE);
	return dat_writer_put_buf(w, &b, e);
}

int dat_writer_front(struct dat_writer *w, struct err *e)
{
	uint8_t cpus[4];
	int r;

	if (w->front_done)
		return 0;
	w->front_done = true;
	put_u32(cpus, w->cpu_count, w->opts.big_endian);
	if (is_v6(w)) {
		r = v6_blocks(w, e);
		if (!r && !w->cpu_count)
			r = dat_writer_fail(w, e, -EINVAL,
					    "version 6 needs the number of CPUs before the first buffer");
		return r ? r : v6_options(w, e);
	}
	if (w->cpu_count)
		queue_option(w, DAT_CPUCOUNT, cpus, sizeof(cpus));
	return dat_writer_options(w, e);
}

/* ---- the end ---- */

static int v6_finish(struct dat_writer *w, struct err *e)
{
	int r;

	/* Without CPUs and options it is a file of metadata alone. */
	if (!w->front_done && !w->cpu_count && !w->options.len)
		return v6_blocks(w, e);
	if (!w->top_done) {
		r = dat_writer_buffer_begin(w, "", w->clock, w->opts.page_size, e);
		if (!r)
			r = dat_writer_buffer_end(w, e);
		if (r)
			return r;
	}
	for (size_t i = 0; i < w->plans.nr; i++)
		if (w->plans.v[i].patch)
			return dat_writer_fail(w, e, -EINVAL, "buffer '%s' was announced and not written",
					       w->plans.v[i].name);
	return 0;
}

int dat_writer_finish(struct dat_writer *w, struct err *e)
{
	int r = dat_writer_failed(w, e);

	if (r)
		return r;
	if (w->in_buffer)
		return dat_writer_fail(w, e, -EINVAL, "buffer '%s' was not ended", w->buf_name);
	if (is_v6(w))
		return v6_finish(w, e);
	r = dat_writer_front(w, e);
	if (!r) {
		struct buf table AUTO_BUF = { 0 };

		/* the table holds its own section's description as well */
		buf_put(&table, w->strings.data, w->strings.len);
		if (buf_str(&table, descriptions[DAT_STRINGS]))
			return dat_writer_fail(w, e, -ENOMEM, "out of memory");
		r = put_section(w, DAT_STRINGS, table.data, table.len, e);
	}
	return r;
}
