// SPDX-License-Identifier: LGPL-2.1-or-later
/* Chunks of CPU data and of latency text, section 5.6 of the format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat/reader.h"

#define CHUNK_PAGES 10			/* written into one chunk, as trace-cmd does */
#define RAW_SLICE (128u << 10)		/* of uncompressed areas, at least one page */
#define RAW_ROOM (16u << 20)		/* of slices, one for each CPU: more CPUs have smaller ones */
#define HEADS_BYTES (64u << 10)		/* read at once to walk over small chunks */
#define HEADS_CHUNK_MAX 8192u
/* Looking for a chunk amid an area: so many in a row are no accident. */
#define NEAR_CHUNKS 4
#define NEAR_BYTES (16u << 10)		/* read at once ... */
#define NEAR_BYTES_MAX (1u << 20)	/* ... and at most */
#define NEAR_TRIES 4096			/* small numbers among zeros look like heads, too */

size_t dat_chunk_bytes(uint32_t page_size)
{
	return (size_t)page_size * CHUNK_PAGES;
}

/* What a chunk table is read from. */
struct table {
	struct dat_reader *r;
	uint64_t offset, limit;		/* it ends at limit at the latest */
	uint32_t page_size;		/* 0: text, any usize */
	VEC(struct dat_chunk) chunks;
	uint64_t total, end;
	uint64_t broken_at;
	struct err why;
	/* bytes of the file, of chunks and the headers between them */
	uint8_t *heads;
	uint64_t heads_at;
	uint32_t heads_len;
	bool one_by_one;		/* heads are not read many at once */
};

static int broken(struct table *t, uint64_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int broken(struct table *t, uint64_t at, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->broken_at = at;
	err_set(&t->why, -EBADMSG, "%s", text);
	return 0;
}

/*
 * A CPU's data begin at a multiple of the page size, so that what a few pages
 * for every CPU take is no more than some times the file.
 */
static bool grows_too_much(const struct table *t, const struct dat_chunk *c)
{
	uint32_t small = t->page_size ? t->page_size * DAT_CHUNK_SMALL_PAGES : DAT_CHUNK_SMALL;

	return c->usize > small && c->usize / DAT_CHUNK_RATIO_MAX > c->csize;
}

static void table_release(struct table *t)
{
	vec_release(&t->chunks);
	free(t->heads);
}

/* A chunk's header. Of small chunks many are read at once. */
static int read_head(struct table *t, uint64_t pos, uint8_t head[8], struct err *e)
{
	const struct dat_chunk *last = t->chunks.nr ? &t->chunks.v[t->chunks.nr - 1] : NULL;
	uint64_t left = t->limit - pos;

	if (pos >= t->heads_at && pos - t->heads_at + 8 <= t->heads_len) {
		memcpy(head, t->heads + (pos - t->heads_at), 8);
		return 0;
	}
	t->heads_len = 0;
	if (!last || last->csize > HEADS_CHUNK_MAX || left < 8 || t->one_by_one)
		return dat_source_read(&t->r->src, head, 8, pos, e);
	if (!t->heads)
		t->heads = malloc(HEADS_BYTES);
	if (!t->heads)
		return dat_no_memory(e);
	if (left > HEADS_BYTES)
		left = HEADS_BYTES;
	/* a file that is cut gives the header at least */
	if (dat_source_read(&t->r->src, t->heads, left, pos, NULL))
		return dat_source_read(&t->r->src, head, 8, pos, e);
	t->heads_at = pos;
	t->heads_len = left;
	memcpy(head, t->heads, 8);
	return 0;
}

/* One chunk at @pos. 1, 0 when it is broken, -errno. */
static int table_chunk(struct table *t, uint32_t i, uint32_t nr, uint64_t pos, struct err *e)
{
	bool big = t->r->header.big_endian;
	struct dat_chunk c = { 0 };
	uint8_t head[8];
	int ret;

	if (t->limit - pos < sizeof(head))
		return broken(t, pos, "chunk %u of %u at offset 0x%" PRIx64 " begins past the end of "
			      "its data (0x%" PRIx64 ")", i, nr, pos, t->limit);
	ret = read_head(t, pos, head, e);
	if (ret)
		return ret;
	c.csize = get_u32(head, big);
	c.usize = get_u32(head + 4, big);
	c.offset = pos + sizeof(head);
	c.start = t->total;
	if (c.csize > t->limit - c.offset)
		return broken(t, pos, "chunk %u of %u at offset 0x%" PRIx64 " claims %u bytes, %" PRIu64
			      " are left", i, nr, pos, c.csize, t->limit - c.offset);
	if (!c.csize || !c.usize)
		return broken(t, pos, "chunk %u of %u at offset 0x%" PRIx64 " is empty", i, nr, pos);
	if (c.usize > DAT_CHUNK_MAX)
		return broken(t, pos, "chunk %u of %u at offset 0x%" PRIx64 " claims %u bytes uncompressed, "
			      "more than %u", i, nr, pos, c.usize, DAT_CHUNK_MAX);
	if (grows_too_much(t, &c))
		return broken(t, pos, "chunk %u of %u at offset 0x%" PRIx64 " claims %u bytes uncompressed, "
			      "which %u compressed bytes cannot hold", i, nr, pos, c.usize, c.csize);
	if (t->page_size && c.usize & (t->page_size - 1)) {
		if (i + 1 < nr)
			return broken(t, pos, "chunk %u of %u at offset 0x%" PRIx64 " claims %u bytes "
				      "uncompressed, not a multiple of %u", i, nr, pos, c.usize,
				      t->page_size);
		dat_notice(t->r, "'%s': the last chunk at offset 0x%" PRIx64 " has %u bytes, not a "
			   "multiple of %u; its last sub-buffer is partial", t->r->name, pos, c.usize,
			   t->page_size);
	}
	if (vec_push(&t->chunks, c))
		return dat_no_memory(e);
	t->total += c.usize;
	t->end = c.offset + c.csize;
	return 1;
}

/* 0 with what could be read (broken_at and why tell the rest), 1 if there is more
 * than @max, or -errno. */
static int table_load(struct table *t, uint32_t max, struct err *e)
{
	uint8_t head[4];
	uint32_t nr;
	int ret;

	if (t->limit - t->offset < sizeof(head))
		return broken(t, t->offset, "there is no room for a chunk table at offset 0x%" PRIx64,
			      t->offset);
	ret = dat_source_read(&t->r->src, head, sizeof(head), t->offset, e);
	if (ret)
		return ret;
	nr = get_u32(head, t->r->header.big_endian);
	t->end = t->offset + sizeof(head);
	if (nr > (t->limit - t->end) / 8 && !t->r->cut)
		return broken(t, t->offset, "the chunk count at offset 0x%" PRIx64 " is %u, there is room "
			      "for %" PRIu64, t->offset, nr, (t->limit - t->end) / 8);
	for (uint32_t i = 0; i < nr && i < max; i++) {
		ret = table_chunk(t, i, nr, t->end, e);
		if (ret <= 0)
			return ret;
	}
	return nr > max;
}

int dat_table_end(struct dat_reader *r, uint64_t offset, uint64_t limit, uint32_t page_size,
		  uint64_t *ret_end, struct err *e)
{
	struct table t = { .r = r, .offset = offset, .limit = limit, .page_size = page_size };
	int ret = table_load(&t, UINT32_MAX, e);

	*ret_end = t.chunks.nr ? t.end : offset;
	table_release(&t);
	return ret ? ret : !t.broken_at;
}

static int load_compressed(struct dat_reader *r, const struct buffer *b, uint32_t i, struct err *e)
{
	const struct dat_cpu *cpu = &b->cpus[i];
	struct area *a = &b->areas[i];
	struct table t = {
		.r = r, .offset = cpu->offset, .limit = a->limit, .page_size = b->pub.page_size,
	};
	int ret = table_load(&t, UINT32_MAX, e);
	uint64_t used = t.end - t.offset;

	free(t.heads);
	if (ret) {
		vec_release(&t.chunks);
		return ret;
	}
	/* trace-cmd 3.1 leaves the chunk count out of the size. */
	if (t.broken_at)
		dat_notice(r, "'%s': CPU %u of buffer '%s': %s; the rest of this CPU's data is lost",
			   r->name, cpu->cpu, b->pub.name, t.why.text);
	else if (used != cpu->size && used != cpu->size + 4)
		dat_notice(r, "'%s': CPU %u of buffer '%s': its chunks at offset 0x%" PRIx64 " take %" PRIu64
			   " bytes, the table of CPUs says %" PRIu64, r->name, cpu->cpu, b->pub.name,
			   t.offset, used, cpu->size);
	a->chunks = (struct dat_chunks){
		.nr = t.chunks.nr, .v = t.chunks.v, .total = t.total, .broken_at = t.broken_at,
	};
	return 0;
}

/* Whole pages. The first record of all is known when each CPU has one slice in memory. */
static uint32_t raw_slice(const struct buffer *b)
{
	uint32_t page = b->pub.page_size, room = RAW_ROOM / b->pub.nr_cpus, slice = room < RAW_SLICE ? room : RAW_SLICE;

	return slice > page ? slice - slice % page : page;
}

static int load_raw(const struct buffer *b, uint32_t i, struct err *e)
{
	const struct dat_cpu *cpu = &b->cpus[i];
	uint32_t step = raw_slice(b);
	VEC(struct dat_chunk) v = { 0 };

	for (uint64_t pos = 0; pos < cpu->size; pos += step) {
		uint32_t len = cpu->size - pos < step ? cpu->size - pos : step;
		struct dat_chunk c = {
			.offset = cpu->offset + pos, .csize = len, .usize = len, .start = pos,
		};

		if (v.nr == UINT32_MAX || vec_push(&v, c)) {
			vec_release(&v);
			return dat_no_memory(e);
		}
	}
	b->areas[i].chunks = (struct dat_chunks){ .nr = v.nr, .v = v.v, .total = cpu->size };
	return 0;
}

int dat_reader_chunks(struct dat_reader *r, unsigned buffer, unsigned cpu_index,
		      struct dat_chunks *ret, struct err *e)
{
	const struct buffer *b = &r->buffers.v[buffer];
	struct area *a = &b->areas[cpu_index];

	if (!a->loaded && b->cpus[cpu_index].size) {
		int err = b->pub.compressed ? load_compressed(r, b, cpu_index, e) :
			  load_raw(b, cpu_index, e);

		if (err)
			return err_wrap(e, "cannot read CPU %u of buffer '%s' of '%s'",
					b->cpus[cpu_index].cpu, b->pub.name, r->name);
	}
	a->loaded = true;
	*ret = a->chunks;
	return 0;
}

int dat_reader_chunks_head(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint32_t max,
			   struct dat_chunks *ret, struct err *e)
{
	const struct buffer *b = &r->buffers.v[buffer];
	struct area *a = &b->areas[cpu_index];
	struct table t = {
		.r = r, .offset = b->cpus[cpu_index].offset, .limit = a->limit,
		.page_size = b->pub.page_size,
	};
	int rc;

	if (a->loaded || !b->pub.compressed || !b->cpus[cpu_index].size)
		goto whole;
	rc = table_load(&t, max, e);
	free(t.heads);
	if (rc > 0 && !t.broken_at) {
		*ret = (struct dat_chunks){ .nr = t.chunks.nr, .v = t.chunks.v, .total = t.total };
		return 0;
	}
	vec_release(&t.chunks);
	if (rc < 0)
		return err_wrap(e, "cannot read CPU %u of buffer '%s' of '%s'",
				b->cpus[cpu_index].cpu, b->pub.name, r->name);
whole:
	rc = dat_reader_chunks(r, buffer, cpu_index, ret, e);
	return rc ? rc : 1;
}

/* ---- amid an area ---- */

/* What a stretch of a compressed area is read as; its number of chunks is not known. */
static struct table stretch_table(struct dat_reader *r, unsigned buffer, unsigned cpu_index,
				  uint64_t at)
{
	const struct buffer *b = &r->buffers.v[buffer];

	return (struct table){
		.r = r, .offset = at, .end = at, .limit = b->areas[cpu_index].limit,
		.page_size = b->pub.page_size,
	};
}

/* Whether an area ends at @pos: 1, 0, -EBADMSG if it has ended before. trace-cmd 3.1
 * leaves the chunk count out of the size. */
static int is_area_end(const struct dat_cpu *cpu, uint64_t pos)
{
	uint64_t end = cpu->offset + cpu->size;

	if (pos == end || pos == end + 4)
		return 1;
	return pos > end ? -EBADMSG : 0;
}

/* At most @max chunks: 1; 0 if something else comes there; -errno. */
static int stretch_load(struct table *t, const struct dat_cpu *cpu, uint32_t max, struct err *e)
{
	int ret;

	while (t->chunks.nr < max) {
		ret = is_area_end(cpu, t->end);
		if (ret)
			return ret > 0;
		ret = table_chunk(t, t->chunks.nr, UINT32_MAX, t->end, e);
		if (ret <= 0)
			return ret;
	}
	return 1;
}

int dat_reader_chunks_at(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint64_t at,
			 uint32_t max, struct dat_chunks *ret, struct err *e)
{
	const struct buffer *b = &r->buffers.v[buffer];
	struct table t = stretch_table(r, buffer, cpu_index, at);
	int rc = b->pub.compressed && !r->cut ? stretch_load(&t, &b->cpus[cpu_index], max, e) : 0;

	free(t.heads);
	if (rc <= 0) {
		vec_release(&t.chunks);
		return rc;
	}
	*ret = (struct dat_chunks){ .nr = t.chunks.nr, .v = t.chunks.v, .total = t.total };
	return 1;
}

/* Whether the chunks that follow one another from @at on are no accident: 1, 0, -errno. */
static int chunk_begins(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint64_t at,
			struct err *e)
{
	struct table t = stretch_table(r, buffer, cpu_index, at);
	int rc;

	t.one_by_one = true;
	rc = stretch_load(&t, &r->buffers.v[buffer].cpus[cpu_index], NEAR_CHUNKS, e);
	vec_release(&t.chunks);
	return rc;
}

int dat_reader_chunk_near(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint64_t *at,
			  struct err *e)
{
	const struct buffer *b = &r->buffers.v[buffer];
	const struct dat_cpu *cpu = &b->cpus[cpu_index];
	uint64_t first = cpu->offset + 4, end = cpu->offset + cpu->size, from = *at;
	AUTO_FREE uint8_t *bytes = NULL;
	unsigned tries = 0;
	int rc;

	if (!b->pub.compressed || r->cut || cpu->size < 4)
		return 0;
	if (from <= first) {
		*at = first;
		return 1;
	}
	bytes = malloc(NEAR_BYTES);
	if (!bytes)
		return dat_no_memory(e);
	for (uint64_t pos = from; pos < end && pos - from < NEAR_BYTES_MAX; pos += NEAR_BYTES - 7) {
		uint32_t len = end - pos < NEAR_BYTES ? end - pos : NEAR_BYTES;

		rc = dat_source_read(&r->src, bytes, len, pos, e);
		if (rc)
			return rc;
		for (uint32_t i = 0; i + 8 <= len; i++) {
			uint32_t usize = get_u32(bytes + i + 4, r->header.big_endian);

			if (usize & (b->pub.page_size - 1) || !usize || usize > DAT_CHUNK_MAX)
				continue;
			*at = pos + i;
			rc = chunk_begins(r, buffer, cpu_index, *at, e);
			if (rc || ++tries == NEAR_TRIES)
				return rc;
		}
	}
	return 0;
}

static int chunk_read(const struct dat_reader *r, bool compressed, const struct dat_chunk *c,
		      struct codec_ctx *ctx, void *dst, struct err *e)
{
	void *packed;
	int ret;

	if (!compressed)
		return dat_source_read(&r->src, dst, c->usize, c->offset, e);
	packed = codec_ctx_scratch(ctx, c->csize);
	if (!packed)
		return dat_no_memory(e);
	ret = dat_source_read(&r->src, packed, c->csize, c->offset, e);
	if (ret)
		return ret;
	ret = codec_decompress(r->header.codec, ctx, packed, c->csize, dst, c->usize);
	if (ret == -ENOMEM)
		return dat_no_memory(e);
	if (ret)
		return err_set(e, ret, "the chunk at offset 0x%" PRIx64 " does not decompress to the %u "
			       "bytes it claims", c->offset - 8, c->usize);
	return 0;
}

int dat_chunk_read(struct dat_reader *r, unsigned buffer, const struct dat_chunk *c,
		   struct codec_ctx *ctx, void *dst, struct err *e)
{
	int ret = chunk_read(r, r->buffers.v[buffer].pub.compressed, c, ctx, dst, e);

	if (ret)
		err_wrap(e, "cannot read '%s'", r->name);
	return ret;
}

static int text_append(struct dat_reader *r, const struct dat_buffer *b,
		       const struct dat_chunk *c, struct buf *out, struct err *e)
{
	int ret;

	if (buf_reserve(out, c->usize))
		return dat_no_memory(e);
	ret = chunk_read(r, b->compressed, c, &r->ctx, out->data + out->len, e);
	if (!ret)
		out->len += c->usize;
	out->data[out->len] = 0;
	return ret;
}

int dat_reader_buffer_text(struct dat_reader *r, unsigned buffer, struct buf *out, struct err *e)
{
	const struct dat_buffer *b = &r->buffers.v[buffer].pub;
	struct table t = {
		.r = r, .offset = b->text_offset, .limit = b->text_offset + b->text_size,
	};
	int ret = 0;

	if (!b->compressed) {
		uint64_t pos = 0;

		while (pos < b->text_size && !ret) {
			uint64_t left = b->text_size - pos;
			struct dat_chunk c = { .offset = b->text_offset + pos };

			c.csize = c.usize = left < RAW_SLICE ? left : RAW_SLICE;
			ret = text_append(r, b, &c, out, e);
			pos += c.usize;
		}
	} else {
		ret = table_load(&t, UINT32_MAX, e);
		if (!ret && t.total > DAT_BLOCK_MAX)
			ret = err_set(e, -EBADMSG, "the text at offset 0x%" PRIx64 " claims %" PRIu64
				      " bytes", t.offset, t.total);
		for (size_t i = 0; i < t.chunks.nr && !ret; i++)
			ret = text_append(r, b, &t.chunks.v[i], out, e);
		if (!ret && t.broken_at)
			dat_notice(r, "'%s': the text of buffer '%s': %s; the rest is lost", r->name,
				   b->name, t.why.text);
		table_release(&t);
	}
	if (ret)
		err_wrap(e, "cannot read the text of buffer '%s' of '%s'", b->name, r->name);
	return ret ? ret : !!t.broken_at;
}
