// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/finish_inside.h"
#include "record/pack.h"
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
	struct buf b AUTO_BUF = { .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

	if (dat_put_tsc2nsec(&b, &f->tsc2nsec))
		return err_errno(e, -ENOMEM, "cannot finish the recording");
	return dat_writer_option(w, DAT_TSC2NSEC, b.data, b.len, e);
}

/* Its name, the id of its file, and the thread of each of its CPUs. */
static int put_guest(const struct dat_guest *g, struct dat_writer *w, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

	if (dat_put_guest(&b, g))
		return err_errno(e, -ENOMEM, "cannot finish the recording");
	return dat_writer_option(w, DAT_GUEST, b.data, b.len, e);
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
	/* trace-cmd 3.1 would take the beginning of a text in version 6 for the clock that such a file then has behind its table */
	if (!r && !(f->version == 6 && f->nr_buffers && f->buffers[0].text))
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
	for (size_t i = 0; i < f->nr_guests && !r; i++)
		r = put_guest(&f->guests[i], w, e);
	return r ? r : dat_writer_cpu_count(w, f->cpus, e);
}

/* Whether the file shall have the chunk, and it is still to be compressed. */
static bool is_raw(const struct spool_chunk *c, uint64_t from_ts)
{
	return c->raw && c->last_ts >= from_ts;
}

/* How many raw chunks follow each other, as many as are packed at once at most. */
static size_t raw_run(const struct spool *s, size_t first, uint64_t from_ts)
{
	size_t nr = 0;

	while (nr < PACK_GROUP && first + nr < spool_nr_chunks(s) &&
	       is_raw(spool_chunk(s, first + nr), from_ts))
		nr++;
	return nr;
}

/* What a file is laid out by. */
struct output {
	const struct finish *f;
	struct dat_writer *w;
	struct packer packer;
	struct finish_places *places;	/* NULL: not asked for */
};

/* The chunk written last, number @i of @s; packed: its bytes, or NULL. */
static int note_place(struct output *o, struct spool *s, size_t i, const struct buf *packed, struct err *e)
{
	struct finish_place p = { .spool = s, .at = { .chunk = i, .packed = packed } };

	if (!o->places)
		return 0;
	p.at.csize = packed ? packed->len : spool_chunk(s, i)->csize;
	p.at.offset = dat_pieces_size(o->places->pieces) - p.at.csize;
	if (packed)
		p.at.check = spool_packed_check(s, i, packed->data, packed->len);
	return vec_push(o->places, p) ? err_errno(e, -ENOMEM, "cannot finish the recording") : 0;
}

/* What recording had no time for. */
static int write_raw_run(struct output *o, struct spool *s, size_t first, size_t nr, struct err *e)
{
	struct packer *p = &o->packer;
	int r = pack_chunks(p, o->f->codec, s, first, nr, e);

	for (size_t i = 0; i < nr && !r; i++) {
		const struct packed *x = &p->v[i];

		r = dat_writer_cpu_packed(o->w, x->data.data, x->data.len, x->chunk->usize, e);
		if (!r)
			r = note_place(o, s, first + i, &x->data, e);
	}
	return r;
}

static int write_chunk(struct output *o, struct spool *s, size_t i, struct err *e)
{
	const struct spool_chunk *c = spool_chunk(s, i);
	int r = dat_writer_cpu_chunk(o->w, c->fd, c->offset, c->csize, c->usize, e);

	return r ? r : note_place(o, s, i, NULL, e);
}

/* Those whose events are all older than @from_ts are left out. */
static int write_chunks(struct output *o, struct spool *s, uint64_t from_ts, struct err *e)
{
	size_t nr = spool_nr_chunks(s), step;
	int r = 0;

	for (size_t i = 0; i < nr && !r; i += step) {
		size_t run = raw_run(s, i, from_ts);

		step = run ? run : 1;
		if (run)
			r = write_raw_run(o, s, i, run, e);
		else if (spool_chunk(s, i)->last_ts >= from_ts)
			r = write_chunk(o, s, i, e);
	}
	return r;
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

/* An empty sub-buffer that follows the loss. */
static int write_cut(struct output *o, uint32_t page_size, const struct finish_cpu *c, struct err *e)
{
	struct ring_abi abi = {
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, .long_size = o->f->kernel_long,
	};
	const struct spool_chunk *last = last_chunk(c);
	uint64_t ts = last ? last->last_ts : c->cut_ts ? 0 : c->end_ts;
	struct ring_encoder enc;
	struct buf page AUTO_BUF = { 0 };

	if (buf_reserve(&page, page_size))
		return err_errno(e, -ENOMEM, "cannot tell where CPU %u's recording ends", c->cpu);
	ring_encoder_init(&enc, &abi, page.data, page_size);
	ring_encoder_lost(&enc, c->cut);
	ring_encoder_finish(&enc);
	put_u64(page.data, c->cut_ts > ts ? c->cut_ts : ts, abi.big_endian);
	return dat_writer_cpu_block(o->w, page.data, page_size, e);
}

static int write_cpu(struct output *o, uint32_t page_size, const struct finish_cpu *c, struct err *e)
{
	int r = dat_writer_cpu_begin(o->w, c->cpu, e);

	for (size_t i = 0; i < c->nr_spools && !r; i++)
		r = write_chunks(o, c->spools[i], c->from_ts, e);
	if (!r && c->cut)
		r = write_cut(o, page_size, c, e);
	return r ? r : dat_writer_cpu_end(o->w, e);
}

static int write_buffer(struct output *o, const struct finish_buffer *b, struct err *e)
{
	struct dat_writer *w = o->w;
	int r;

	if (b->text)
		return dat_writer_buffer_text(w, b->name, b->clock, b->text->data ? b->text->data : "",
					      b->text->len, e);
	r = dat_writer_buffer_begin(w, b->name, b->clock, b->page_size, e);
	for (size_t i = 0; i < b->nr_cpus && !r; i++)
		if (has_chunks(&b->cpus[i]) || b->cpus[i].cut)
			r = write_cpu(o, b->page_size, &b->cpus[i], e);
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
static int write_all(struct output *o, struct err *e)
{
	const struct finish *f = o->f;
	int r = write_blocks(f, o->w, e);

	if (!r)
		r = write_options(f, o->w, e);
	for (size_t i = 0; i < f->nr_buffers && !r; i++)
		r = dat_writer_plan_buffer(o->w, f->buffers[i].name, e);
	for (size_t i = 0; i < f->nr_buffers && !r; i++)
		r = write_buffer(o, &f->buffers[i], e);
	if (!r)
		r = dat_writer_finish(o->w, e);
	packer_release(&o->packer);
	dat_writer_free(o->w);
	return r;
}

/* Bytes of a CPU that are to be compressed. */
static uint64_t raw_bytes_of_cpu(const struct finish_cpu *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->nr_spools; i++)
		for (size_t k = 0; k < spool_nr_chunks(c->spools[i]); k++) {
			const struct spool_chunk *chunk = spool_chunk(c->spools[i], k);

			if (is_raw(chunk, c->from_ts))
				sum += chunk->csize;
		}
	return sum;
}

uint64_t finish_raw_bytes(const struct finish *f)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->nr_buffers; i++)
		for (size_t j = 0; j < f->buffers[i].nr_cpus; j++)
			sum += raw_bytes_of_cpu(&f->buffers[i].cpus[j]);
	return sum;
}

static int write_directly(const struct finish *f, int fd, const char *name, struct err *e)
{
	struct dat_writer_opts opts = writer_opts(f, f->version);
	struct output o = { .f = f };
	int r = dat_writer_new(fd, name, &opts, &o.w, e);

	return r ? r : write_all(&o, e);
}

int finish_pieces(const struct finish *f, struct dat_pieces *p, struct finish_places *places,
		  const char *name, struct err *e)
{
	struct dat_writer_opts opts = writer_opts(f, f->version);
	struct output o = { .f = f, .places = places };
	int r = dat_writer_new_pieces(p, name, &opts, &o.w, e);

	return r ? r : write_all(&o, e);
}

int finish_send(const struct finish *f, int fd, const char *name, struct err *e)
{
	struct dat_pieces *p = dat_pieces_new();
	int r = p ? finish_pieces(f, p, NULL, name, e) : err_errno(e, -ENOMEM, "cannot write '%s'", name);

	if (!r) {
		r = dat_pieces_send(p, fd);
		if (r)
			err_errno(e, r, "cannot write to %s", name);
	}
	dat_pieces_free(p);
	return r;
}

int finish_write(const struct finish *f, int fd, const char *name, struct err *e)
{
	/* Pieces keep in memory what is compressed now. */
	if (finish_raw_bytes(f) > FINISH_RAW_MAX)
		return write_directly(f, fd, name, e);
	return finish_send(f, fd, name, e);
}

int finish_head(const struct finish *f, unsigned version, int fd, const char *name, struct err *e)
{
	struct dat_writer_opts opts = writer_opts(f, version);
	struct dat_writer *w;
	int r;

	opts.thorough = true;		/* there is time still */
	if (version == 6)
		opts.codec = NULL;
	r = dat_writer_new(fd, name, &opts, &w, e);
	if (r)
		return r;
	r = write_blocks(f, w, e);
	if (!r && version != 6)
		r = write_options(f, w, e);
	if (!r)
		r = dat_writer_finish(w, e);
	dat_writer_free(w);
	return r;
}
