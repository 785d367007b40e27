// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/finish.h"
#include "ring/ring.h"

static int put_string(struct dat_writer *w, uint16_t id, const char *s, struct err *e)
{
	return s ? dat_writer_option(w, id, s, strlen(s) + 1, e) : 0;
}

static int put_number(struct dat_writer *w, uint16_t id, int64_t n, struct err *e)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, n);
	return put_string(w, id, text, e);
}

static int put_trace_id(const struct finish *f, struct dat_writer *w, struct err *e)
{
	return dat_writer_option(w, DAT_TRACEID, &f->trace_id, sizeof(f->trace_id), e);
}

static int put_tsc2nsec(const struct finish *f, struct dat_writer *w, struct err *e)
{
	uint8_t data[16];
	bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	put_u32(data, f->tsc2nsec.mult, big);
	put_u32(data + 4, f->tsc2nsec.shift, big);
	put_u64(data + 8, f->tsc2nsec.offset, big);
	return dat_writer_option(w, DAT_TSC2NSEC, data, sizeof(data), e);
}

static int write_options(const struct finish *f, struct dat_writer *w, struct err *e)
{
	int r = 0;

	for (size_t i = 0; f->hooks && f->hooks[i] && !r; i++)
		r = put_string(w, DAT_HOOK, f->hooks[i], e);
	if (!r && f->has_date)
		r = put_number(w, DAT_DATE, f->date_us, e);
	if (!r && f->has_offset)
		r = put_number(w, DAT_OFFSET, f->offset, e);
	if (!r)
		r = put_string(w, DAT_TRACECLOCK, f->trace_clock, e);
	if (!r)
		r = put_string(w, DAT_UNAME, f->uname, e);
	if (!r)
		r = put_string(w, DAT_VERSION, f->writer, e);
	if (!r && f->has_trace_id)
		r = put_trace_id(f, w, e);
	for (size_t i = 0; i < f->nr_stats && !r; i++)
		r = put_string(w, DAT_CPUSTAT, f->stats[i], e);
	for (size_t i = 0; i < f->metadata->last_boots.nr && !r; i++)
		r = put_string(w, DAT_LAST_BOOT_INFO, f->metadata->last_boots.v[i], e);
	if (!r && f->tsc2nsec.present)
		r = put_tsc2nsec(f, w, e);
	return r ? r : dat_writer_cpu_count(w, f->cpus, e);
}

/* Where the file system cannot do this the chunk keeps its room, no more. */
static void give_back(const struct spool_chunk *c)
{
	fallocate(c->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, c->offset + c->csize);
}

/* What recording had no time for. */
static int write_raw_chunk(struct dat_writer *w, const struct spool_chunk *s, struct buf *pages,
			   struct err *e)
{
	int r;

	buf_clear(pages);
	if (buf_reserve(pages, s->csize))
		return err_errno(e, -ENOMEM, "cannot compress what was recorded");
	r = pread_full(s->fd, pages->data, s->csize, s->offset);
	if (r)
		return err_errno(e, r, "cannot read a spool at offset 0x%" PRIx64, s->offset);
	return dat_writer_cpu_block(w, pages->data, s->csize, e);
}

/* NULL: there is none. */
static const struct spool_chunk *last_chunk(const struct finish_cpu *c)
{
	for (size_t i = c->nr_spools; i > 0; i--) {
		size_t nr = spool_nr_chunks(c->spools[i - 1]);

		if (nr)
			return spool_chunk(c->spools[i - 1], nr - 1);
	}
	return NULL;
}

/* Whether there is anything that the file shall have. */
static bool has_chunks(const struct finish_cpu *c)
{
	const struct spool_chunk *last = last_chunk(c);

	return last && last->last_ts >= c->from_ts;
}

/* An empty sub-buffer that follows a loss of unknown size. */
static int write_cut(const struct finish *f, struct dat_writer *w, uint32_t page_size,
		     const struct finish_cpu *c, struct err *e)
{
	struct ring_abi abi = {
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, .long_size = f->kernel_long,
	};
	const struct spool_chunk *last = last_chunk(c);
	uint64_t ts = last ? last->last_ts : 0;
	struct ring_encoder enc;
	struct buf page AUTO_BUF = { 0 };

	if (buf_reserve(&page, page_size))
		return err_errno(e, -ENOMEM, "cannot tell where CPU %u's recording ends", c->cpu);
	ring_encoder_init(&enc, &abi, page.data, page_size);
	ring_encoder_lost(&enc, RING_LOST_UNKNOWN);
	ring_encoder_finish(&enc);
	put_u64(page.data, c->cut_ts > ts ? c->cut_ts : ts, abi.big_endian);
	return dat_writer_cpu_block(w, page.data, page_size, e);
}

static int write_spool(const struct finish *f, struct dat_writer *w, const struct spool *spool,
		       uint64_t from_ts, struct buf *pages, struct err *e)
{
	size_t nr = spool_nr_chunks(spool);
	int r = 0;

	for (size_t i = 0; i < nr && !r; i++) {
		const struct spool_chunk *s = spool_chunk(spool, i);

		if (s->last_ts < from_ts)
			continue;
		r = s->raw ? write_raw_chunk(w, s, pages, e) :
			     dat_writer_cpu_chunk(w, s->fd, s->offset, s->csize, s->usize, e);
		if (!r && f->consume)
			give_back(s);
	}
	return r;
}

static int write_cpu(const struct finish *f, struct dat_writer *w, uint32_t page_size,
		     const struct finish_cpu *c, struct err *e)
{
	struct buf pages AUTO_BUF = { 0 };
	int r = dat_writer_cpu_begin(w, c->cpu, e);

	for (size_t i = 0; i < c->nr_spools && !r; i++)
		r = write_spool(f, w, c->spools[i], c->from_ts, &pages, e);
	if (!r && c->cut)
		r = write_cut(f, w, page_size, c, e);
	return r ? r : dat_writer_cpu_end(w, e);
}

static int write_buffer(const struct finish *f, struct dat_writer *w,
			const struct finish_buffer *b, struct err *e)
{
	int r;

	if (b->text)
		return dat_writer_buffer_text(w, b->name, b->clock, b->text->data ? b->text->data : "",
					      b->text->len, e);
	r = dat_writer_buffer_begin(w, b->name, b->clock, b->page_size, e);
	for (size_t i = 0; i < b->nr_cpus && !r; i++)
		if (has_chunks(&b->cpus[i]) || b->cpus[i].cut)
			r = write_cpu(f, w, b->page_size, &b->cpus[i], e);
	return r ? r : dat_writer_buffer_end(w, e);
}

/* Each block from the metadata if it is there, else from the head. */
static int write_blocks(const struct finish *f, struct dat_writer *w, struct err *e)
{
	static const enum dat_id stable[] = {
		DAT_HEADER_INFO, DAT_FTRACE_EVENTS, DAT_EVENT_FORMATS, DAT_KALLSYMS,
		DAT_BTF_FILE,
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stable) && f->head && r >= 0; i++)
		if (!metadata_has(f->metadata, stable[i]))
			r = dat_writer_block_from(w, f->head, stable[i], e);
	return r < 0 ? r : metadata_write(f->metadata, w, e);
}

static struct dat_writer_opts writer_opts(const struct finish *f, unsigned version)
{
	return (struct dat_writer_opts){
		.version = version, .codec = f->codec,
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
		.page_size = f->buffers[0].page_size,
	};
}

/* Ends the writer too. */
static int write_all(const struct finish *f, struct dat_writer *w, struct err *e)
{
	int r = write_blocks(f, w, e);

	if (!r)
		r = write_options(f, w, e);
	for (size_t i = 0; i < f->nr_buffers && !r; i++)
		r = dat_writer_plan_buffer(w, f->buffers[i].name, e);
	for (size_t i = 0; i < f->nr_buffers && !r; i++)
		r = write_buffer(f, w, &f->buffers[i], e);
	if (!r)
		r = dat_writer_finish(w, e);
	dat_writer_free(w);
	return r;
}

int finish_write(const struct finish *f, int fd, const char *name, struct err *e)
{
	struct dat_writer_opts opts = writer_opts(f, f->version);
	struct dat_writer *w;
	int r = dat_writer_new(fd, name, &opts, &w, e);

	return r ? r : write_all(f, w, e);
}

int finish_pieces(const struct finish *f, struct dat_pieces *p, const char *name, struct err *e)
{
	struct dat_writer_opts opts = writer_opts(f, f->version);
	struct dat_writer *w;
	int r = dat_writer_new_pieces(p, name, &opts, &w, e);

	return r ? r : write_all(f, w, e);
}

int finish_head(const struct finish *f, int fd, const char *name, struct err *e)
{
	struct dat_writer_opts opts = writer_opts(f, 7);
	struct dat_writer *w;
	int r = dat_writer_new(fd, name, &opts, &w, e);

	if (r)
		return r;
	r = write_blocks(f, w, e);
	if (!r)
		r = write_options(f, w, e);
	if (!r)
		r = dat_writer_finish(w, e);
	dat_writer_free(w);
	return r;
}
