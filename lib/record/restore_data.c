// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "record/restore_data.h"

#define COPY_BYTES (1u << 20)

void restore_data_release(struct restore_data *d)
{
	codec_ctx_release(&d->ctx);
	buf_release(&d->pages);
}

/* Before the CPU's first data: one none of whose data can be used has no place in the file. */
static int need_cpu(struct restore_data *d, const struct restore_input *in, struct err *e)
{
	int ret = d->begun ? 0 : dat_writer_cpu_begin(d->w, in->cpu, e);

	d->begun = d->begun || !ret;
	return ret;
}

static int put_pages(struct restore_data *d, const struct restore_input *in, const void *pages,
		     size_t len, struct err *e)
{
	int ret = len ? need_cpu(d, in, e) : 0;

	return ret || !len ? ret : dat_writer_cpu_pages(d->w, pages, len, e);
}

/* ---- sub-buffers ----------------------------------------------------------- */

static void tell_bad(struct restore_data *d, const struct restore_input *in, uint64_t page,
		     uint64_t offset, enum ring_bad bad)
{
	d->incomplete = true;
	if (d->bad_pages++)
		return;
	if (in->is_spool)
		notice(d->notices, "'%s': sub-buffer %" PRIu64 " of the chunk at offset 0x%" PRIx64
		       ": %s", d->file, page, offset, ring_bad_text(bad));
	else
		notice(d->notices, "'%s': the sub-buffer at offset 0x%" PRIx64 ": %s", in->path,
		       offset + page * in->page_size, ring_bad_text(bad));
}

/* How much of a sub-buffer can be read: up to *ret_end. What is wrong behind that. */
static enum ring_bad look_at(const struct restore_data *d, const struct restore_input *in,
			     const uint8_t *page, struct ring_page *p, uint32_t *ret_end)
{
	struct ring_event ev;

	*ret_end = 0;
	if (ring_page_open(p, &d->abi, page, in->page_size) < 0)
		return p->bad;
	*ret_end = p->header;
	while (ring_page_next_entry(p, &ev) > 0)
		*ret_end = ev.offset + ev.size;
	return p->bad;
}

/*
 * Takes out what is damaged inside of sub-buffers, and marks the first one behind
 * something missing. Their @len bytes become *ret_len. @offset: of the chunk, or
 * of the first one in a raw file. Whether anything was changed.
 */
static bool mend(struct restore_data *d, const struct restore_input *in, uint64_t offset,
		 uint8_t *pages, size_t len, size_t *ret_len)
{
	bool changed = false;
	size_t to = 0;

	for (size_t from = 0; from < len; from += in->page_size) {
		uint8_t *page = pages + to;
		enum ring_bad bad = RING_OK;
		bool hole = d->hole;
		struct ring_page p;
		uint32_t end = in->page_size;

		if (to != from)
			memmove(page, pages + from, in->page_size);
		if (d->look)
			bad = look_at(d, in, page, &p, &end);
		if (bad) {
			tell_bad(d, in, from / in->page_size, offset, bad);
			changed = d->hole = true;
		}
		if (!end)		/* nothing of it */
			continue;
		if (bad)
			ring_page_shorten(&p, page, end);
		if (hole) {
			ring_page_mark_lost(&d->abi, page);
			d->hole = bad;
			changed = true;
		}
		to += in->page_size;
	}
	*ret_len = to;
	return changed;
}

/* ---- files ------------------------------------------------------------------- */

/* Whole sub-buffers of a raw file; what is behind the last whole one is told. */
static int copy_raw(struct restore_data *d, const struct restore_input *in, struct err *e)
{
	uint64_t left = in->size - in->size % in->page_size, pos = 0;
	size_t step = COPY_BYTES > in->page_size ? COPY_BYTES - COPY_BYTES % in->page_size :
						   in->page_size;
	int ret;

	if (in->size % in->page_size) {
		d->incomplete = true;
		notice(d->notices, "'%s' ends in the middle of a sub-buffer: the last %" PRIu64
		       " bytes are left out", in->path, in->size % in->page_size);
	}
	buf_clear(&d->pages);
	ret = buf_reserve(&d->pages, step);
	if (ret)
		return err_errno(e, -ENOMEM, "cannot read '%s'", in->path);
	while (left && !ret) {
		size_t n = left < step ? left : step, good;

		ret = pread_full(in->fd, d->pages.data, n, pos);
		if (ret)
			return err_errno(e, ret, "cannot read '%s' at offset 0x%" PRIx64, in->path,
					 pos);
		mend(d, in, pos, (uint8_t *)d->pages.data, n, &good);
		ret = put_pages(d, in, d->pages.data, good, e);
		pos += n;
		left -= n;
	}
	return ret;
}

/* A chunk's sub-buffers into d->pages. 0; 1: they are damaged, which is told; -errno. */
static int unpack(struct restore_data *d, const struct restore_input *in, const struct codec *codec,
		  const struct spool_chunk *c, const uint8_t *payload, struct err *e)
{
	int ret = 0;

	buf_clear(&d->pages);
	if (buf_reserve(&d->pages, c->usize))
		return err_errno(e, -ENOMEM, "cannot read spool '%s'", in->path);
	if (!codec)
		memcpy(d->pages.data, payload, c->usize);
	else
		ret = codec_decompress(codec, &d->ctx, payload, c->csize, d->pages.data, c->usize);
	if (ret == -ENOMEM)
		return err_errno(e, ret, "cannot read spool '%s'", in->path);
	if (!ret)
		return 0;
	d->incomplete = d->hole = true;
	notice(d->notices, "spool '%s': the chunk at offset 0x%" PRIx64
	       " cannot be decompressed; skipped", d->file, d->place);
	return 1;
}

/* Moved as it is if nothing in it must be changed, and it is compressed as the file is. */
static int copy_chunk(struct restore_data *d, const struct restore_input *in,
		      const struct codec *codec, const struct spool_chunk *c, const uint8_t *payload,
		      struct err *e)
{
	bool changed = codec != d->codec;
	size_t len;
	int ret;

	if (changed || d->look || d->hole) {
		ret = unpack(d, in, codec, c, payload, e);
		if (ret)
			return ret < 0 ? ret : 0;
		if (mend(d, in, d->place, (uint8_t *)d->pages.data, c->usize, &len))
			changed = true;
	}
	if (changed)
		return put_pages(d, in, d->pages.data, len, e);
	ret = need_cpu(d, in, e);
	return ret ? ret : dat_writer_cpu_chunk(d->w, c->fd, c->offset, c->csize, c->usize, e);
}

static int copy_spool(struct restore_data *d, const struct restore_input *in, struct err *e)
{
	struct spool_reader *reader;
	struct spool_chunk c;
	const uint8_t *payload;
	int ret = spool_reader_open(in->fd, in->path, in->moved, d->notices, &reader, e);

	if (ret)
		return ret;
	if (d->has_next)
		spool_reader_expect(reader, d->next_seq);
	while ((ret = spool_reader_next(reader, &c, &payload, e)) > 0) {
		if (c.missing)
			d->incomplete = d->hole = true;
		d->file = spool_reader_place(reader, &d->place);
		d->next_seq = c.seq + 1;
		d->has_next = true;
		ret = copy_chunk(d, in, spool_reader_codec(reader), &c, payload, e);
		if (ret)
			break;
	}
	if (spool_reader_damage(reader))
		d->incomplete = true;
	if (!ret && spool_reader_damage(reader))
		notice(d->notices, "spool '%s': %" PRIu64 " bytes were damaged and left out",
		       in->path, spool_reader_damage(reader));
	spool_reader_close(reader);
	return ret;
}

int restore_data_cpu(struct restore_data *d, const struct restore_input *files, size_t nr,
		     struct err *e)
{
	int ret = 0;

	d->begun = d->hole = d->has_next = false;
	for (size_t i = 0; i < nr && !ret; i++) {
		if (files[i].damaged)	/* all of it, which was told when it was opened */
			d->hole = true;
		else if (!files[i].empty)
			ret = files[i].is_spool ? copy_spool(d, &files[i], e) : copy_raw(d, &files[i], e);
	}
	return ret || !d->begun ? ret : dat_writer_cpu_end(d->w, e);
}
