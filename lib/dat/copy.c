// SPDX-License-Identifier: LGPL-2.1-or-later
/* A whole file into another version or codec. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat/reader.h"
#include "dat/writer.h"

struct copy {
	struct dat_reader *r;
	struct dat_writer *w;
	const struct notices *notices;
	const struct dat_copy_check *check;
	bool same_codec;		/* chunks are moved as they are */
	struct codec_ctx ctx;
	struct buf chunk;		/* the one in hand, decompressed */
};

struct dat_writer_opts dat_copy_opts(const struct dat_reader *r, unsigned version,
				     const struct codec *codec)
{
	struct dat_writer_opts opts = {
		.version = version, .codec = codec, .big_endian = r->header.big_endian,
		.long_size = r->header.long_size, .page_size = r->header.page_size,
	};

	return opts;
}

/* ---- metadata ---- */

/* Whether the body can be moved as it lies in the file. */
static bool can_move(const struct dat_writer *w, const struct dat_reader *r,
		     const struct section *s)
{
	bool packed = s->pub.flags & DAT_SECTION_COMPRESSED;

	return r->src.fd >= 0 && r->header.version == 7 && w->opts.version == 7 && !s->cut &&
	       r->header.big_endian == w->opts.big_endian && r->header.codec == w->opts.codec &&
	       packed == !!w->opts.codec;
}

int dat_writer_block_from(struct dat_writer *w, struct dat_reader *r, enum dat_id id,
			  struct err *e)
{
	struct section *s;
	struct cur body;
	int ret = id < DAT_ID_COUNT && r->refs[id] && r->header.version == 7 ?
		dat_section_at(r, r->refs[id], &s, e) : 0;

	if (ret < 0)
		return ret;
	if (ret && can_move(w, r, s)) {
		ret = dat_writer_block_moved(w, id, r->src.fd, s->pub.body, s->pub.size, e);
		return ret ? ret : 1;
	}
	ret = dat_reader_block(r, id, &body, e);
	if (ret <= 0)
		return ret;
	ret = dat_writer_block(w, id, body.data, body.len, e);
	return ret ? ret : 1;
}

static int copy_block(struct copy *c, enum dat_id id, struct err *e)
{
	struct cur body;
	uint64_t rest;
	int ret = dat_block_whole(c->r, id, &body, &rest, e);

	if (ret <= 0)
		return ret;
	/* in version 6 they would be taken for the next block */
	if (rest)
		notice(c->notices, "'%s': %" PRIu64 " bytes behind the end of %s at offset 0x%" PRIx64
		       " are left out", c->r->name, rest, dat_id_name(id), body.base);
	if (!dat_writer_keeps(c->w, id)) {
		notice(c->notices, "'%s': %s is left out, %s has no place for it", c->r->name,
		       dat_id_name(id), c->w->opts.version == 6 ? "a version 6 file" :
		       "an uncompressed file");
		return 0;
	}
	return dat_writer_block(c->w, id, body.data, body.len, e);
}

static int copy_blocks(struct copy *c, struct err *e)
{
	int ret = 0;

	for (enum dat_id id = DAT_HEADER_INFO; id < DAT_ID_COUNT && !ret; id++)
		if (c->r->refs[id])
			ret = copy_block(c, id, e);
	for (size_t i = 0; i < c->r->sections.nr && !ret; i++) {
		const struct dat_section *s = &c->r->sections.v[i].pub;

		if (dat_id_name(s->id))
			continue;
		notice(c->notices, "'%s': the section of unknown id %u at offset 0x%" PRIx64
		       " is left out", c->r->name, s->id, s->offset);
	}
	return ret;
}

/* Whether the writer makes the option itself. */
static bool is_made(unsigned id)
{
	switch (id) {
	case DAT_BUFFER:
	case DAT_CPUCOUNT:
	case DAT_HEADER_INFO ... DAT_BUFFER_TEXT:
	case DAT_BTF_FILE:
	case DAT_MODULES_FILE:
		return true;
	default:
		return false;
	}
}

static bool has_data(const struct dat_buffer *b)
{
	for (uint32_t i = 0; i < b->nr_cpus; i++)
		if (b->cpus[i].size)
			return true;
	return false;
}

/* The file's clock. In version 6 it is that of all buffers: so of one that has something. */
static const char *file_clock(const struct copy *c)
{
	const char *clock = c->r->info.clock;

	for (size_t i = 0; i < c->r->buffers.nr && c->w->opts.version == 6; i++) {
		const struct dat_buffer *b = &c->r->buffers.v[i].pub;

		if (b->clock[0] && has_data(b))
			return dat_clock_is_same(b->clock, clock) ? clock : b->clock;
	}
	return clock;
}

/*
 * The clock as both versions tell it. A version 6 file may have it only in the
 * blob behind its table, which version 7 does not know.
 */
static int copy_clock(struct copy *c, const struct dat_option *o, struct err *e)
{
	const char *clock = file_clock(c);
	char text[64], word[sizeof(c->r->info.clock)];

	dat_clock_word((const char *)o->data, o->size, word, sizeof(word));
	if (!strcmp(word, clock) || !clock[0] || (size_t)snprintf(text, sizeof(text), "[%s]", clock) >= sizeof(text))
		return dat_writer_option(c->w, o->id, o->data, o->size, e);
	return dat_writer_option(c->w, o->id, text, strlen(text) + 1, e);
}

/* trace-cmd 3.1 would look for that clock behind the table of CPUs, which a text has not. */
static bool is_text_v6(const struct copy *c)
{
	return c->w->opts.version == 6 && c->r->buffers.nr && c->r->buffers.v[0].pub.text;
}

static int copy_options(struct copy *c, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < c->r->options.nr && !ret; i++) {
		const struct dat_option *o = &c->r->options.v[i];

		if (is_made(o->id) || (o->id == DAT_TRACECLOCK && is_text_v6(c)))
			continue;
		if (o->id == DAT_TRACECLOCK)
			ret = copy_clock(c, o, e);
		else
			ret = dat_writer_option(c->w, o->id, o->data, o->size, e);
	}
	return ret;
}

/* CPUCOUNT; in version 6 tables must have a place for every CPU. */
static uint32_t count_cpus(const struct copy *c)
{
	uint32_t n = c->r->info.cpu_count;

	for (size_t i = 0; i < c->r->buffers.nr && c->w->opts.version == 6; i++) {
		const struct dat_buffer *b = &c->r->buffers.v[i].pub;

		if (b->nr_cpus && b->cpus[b->nr_cpus - 1].cpu >= n)
			n = b->cpus[b->nr_cpus - 1].cpu + 1;
	}
	if (!n && c->w->opts.version == 6 && c->r->buffers.nr)
		n = 1;
	return n;
}

/* ---- data ---- */

/* One that is moved as it is, is decompressed all the same, to see that it can be. */
static int copy_chunk(struct copy *c, unsigned buffer, uint32_t cpu, const struct dat_chunk *k,
		      struct err *e)
{
	int ret;

	buf_clear(&c->chunk);
	if (buf_reserve(&c->chunk, k->usize))
		return dat_no_memory(e);
	ret = dat_chunk_read(c->r, buffer, k, &c->ctx, c->chunk.data, e);
	if (!ret && c->check)
		ret = c->check->fn(c->check->ctx, &c->r->buffers.v[buffer].pub, cpu, k, c->chunk.data, e);
	if (ret)
		return ret;
	if (c->same_codec)
		return dat_writer_cpu_chunk(c->w, c->r->src.fd, k->offset, k->csize, k->usize, e);
	return dat_writer_cpu_pages(c->w, c->chunk.data, k->usize, e);
}

static int copy_cpu(struct copy *c, unsigned buffer, uint32_t i, struct err *e)
{
	const struct dat_buffer *b = &c->r->buffers.v[buffer].pub;
	struct dat_chunks chunks;
	int ret = dat_reader_chunks(c->r, buffer, i, &chunks, e);

	if (ret)
		return ret;
	if (chunks.broken_at && !c->r->cut)
		return err_set(e, -EBADMSG, "cannot copy CPU %u of buffer '%s' of '%s': its data are "
			       "damaged at offset 0x%" PRIx64, b->cpus[i].cpu, b->name, c->r->name,
			       chunks.broken_at);
	if (!chunks.nr)
		return 0;
	ret = dat_writer_cpu_begin(c->w, b->cpus[i].cpu, e);
	for (uint32_t k = 0; k < chunks.nr && !ret; k++)
		ret = copy_chunk(c, buffer, b->cpus[i].cpu, &chunks.v[k], e);
	return ret ? ret : dat_writer_cpu_end(c->w, e);
}

/* The clock of a buffer; those of version 6 have the file's. */
static const char *buffer_clock(const struct copy *c, const struct dat_buffer *b)
{
	bool v6 = c->w->opts.version == 6;

	if (v6 && c->r->header.version == 6)
		return c->r->info.trace_clock ? c->r->info.clock : "";
	if (b->clock[0])
		return b->clock;
	return v6 ? file_clock(c) : c->r->info.clock[0] ? c->r->info.clock : "local";
}

static int copy_text(struct copy *c, unsigned buffer, struct err *e)
{
	const struct dat_buffer *b = &c->r->buffers.v[buffer].pub;
	struct buf text AUTO_BUF = { 0 };
	int ret;

	if (c->w->opts.version == 6 && c->r->buffers.nr > 1)
		return err_set(e, -EINVAL, "cannot copy '%s': a version 6 file cannot hold the text of "
			       "buffer '%s' beside other buffers", c->r->name, b->name);
	ret = dat_reader_buffer_text(c->r, buffer, &text, e);
	if (ret > 0 && !c->r->cut)
		return err_set(e, -EBADMSG, "cannot copy the text of buffer '%s' of '%s': it is damaged",
			       b->name, c->r->name);
	if (ret < 0)
		return ret;
	return dat_writer_buffer_text(c->w, b->name, buffer_clock(c, b), text.data, text.len, e);
}

static int copy_buffer(struct copy *c, unsigned buffer, struct err *e)
{
	const struct dat_buffer *b = &c->r->buffers.v[buffer].pub;
	int ret;

	if (b->text)
		return copy_text(c, buffer, e);
	ret = dat_writer_buffer_begin(c->w, b->name, buffer_clock(c, b), b->page_size, e);
	for (uint32_t i = 0; i < b->nr_cpus && !ret; i++)
		ret = copy_cpu(c, buffer, i, e);
	return ret ? ret : dat_writer_buffer_end(c->w, e);
}

/* Readers expect a top-level buffer, even an empty one. */
static int add_top(struct copy *c, struct err *e)
{
	const struct dat_buffer none = { .name = "", .clock = "" };
	int ret;

	if (!c->r->buffers.nr || !c->r->buffers.v[0].pub.name[0] || c->r->buffers.v[0].pub.text)
		return 0;
	ret = dat_writer_buffer_begin(c->w, "", buffer_clock(c, &none), c->r->header.page_size, e);
	return ret ? ret : dat_writer_buffer_end(c->w, e);
}

static int copy_buffers(struct copy *c, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < c->r->buffers.nr && !ret; i++)
		ret = dat_writer_plan_buffer(c->w, c->r->buffers.v[i].pub.name, e);
	if (!ret)
		ret = add_top(c, e);
	for (size_t i = 0; i < c->r->buffers.nr && !ret; i++)
		ret = copy_buffer(c, i, e);
	return ret;
}

int dat_copy(struct dat_reader *r, struct dat_writer *w, const struct dat_copy_check *check,
	     const struct notices *notices, struct err *e)
{
	struct copy c = {
		.r = r, .w = w, .notices = notices, .check = check,
		.same_codec = r->src.fd >= 0 && r->header.codec == w->opts.codec,
	};
	uint32_t cpus = count_cpus(&c);
	int ret = copy_blocks(&c, e);

	if (!ret)
		ret = copy_options(&c, e);
	if (!ret && cpus)
		ret = dat_writer_cpu_count(w, cpus, e);
	if (!ret)
		ret = copy_buffers(&c, e);
	buf_release(&c.chunk);
	codec_ctx_release(&c.ctx);
	return ret ? ret : dat_writer_finish(w, e);
}
