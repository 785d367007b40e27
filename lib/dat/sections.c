// SPDX-License-Identifier: LGPL-2.1-or-later
/* Version 7: the gapless run of sections, section 5 of the format. */
#include <errno.h>
#include <stdlib.h>

#include "dat/reader.h"

/* Index of the first section at or behind @offset. */
static size_t section_index(const struct dat_reader *r, uint64_t offset)
{
	size_t lo = 0, hi = r->sections.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->sections.v[mid].pub.offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Whether bytes look like the header of a section somebody would write. */
static bool section_plausible(const struct dat_section *s)
{
	if (!dat_id_name(s->id) || (s->flags & ~DAT_SECTION_KNOWN_FLAGS) || s->desc < -1)
		return false;
	return s->id == DAT_DONE || s->id == DAT_BUFFER || s->id >= DAT_STRINGS;
}

/* Reads the header at @offset; 16 bytes must be there. */
static int section_read(struct dat_reader *r, uint64_t offset, struct dat_section *ret,
			struct err *e)
{
	uint8_t data[DAT_SECTION_HEADER];
	struct cur c = { .data = data, .len = sizeof(data), .big_endian = r->header.big_endian };
	int err = dat_source_read(&r->src, data, sizeof(data), offset, e);

	if (err)
		return err;
	cur_u16(&c, &ret->id);
	cur_u16(&c, &ret->flags);
	cur_s32(&c, &ret->desc);
	cur_u64(&c, &ret->size);
	ret->offset = offset;
	ret->body = offset + DAT_SECTION_HEADER;
	return 0;
}

int dat_sections_walk(struct dat_reader *r, struct err *e)
{
	uint64_t pos = r->header_end, end = r->src.size;

	while (pos < end) {
		struct section s = { 0 };
		int ret;

		if (end - pos < DAT_SECTION_HEADER) {
			dat_notice(r, "'%s': %" PRIu64 " bytes at offset 0x%" PRIx64
				   " are too few for a section; ignored", r->name, end - pos, pos);
			break;
		}
		ret = section_read(r, pos, &s.pub, e);
		if (ret)
			return ret;
		if (s.pub.size > end - s.pub.body) {
			if (!section_plausible(&s.pub)) {
				dat_notice(r, "'%s': the bytes from offset 0x%" PRIx64
					   " on are not a section; ignored", r->name, pos);
				break;
			}
			dat_notice(r, "'%s' is cut: section %s at offset 0x%" PRIx64 " claims %"
				   PRIu64 " bytes, %" PRIu64 " are left in the file",
				   r->name, dat_id_name(s.pub.id), pos, s.pub.size,
				   end - s.pub.body);
			dat_set_cut(r, end);
			s.pub.size = end - s.pub.body;
			s.cut = true;
		}
		/* Zeros would make an endless row of empty options sections. */
		if (s.pub.id == DAT_DONE && !s.pub.size && !s.cut) {
			dat_notice(r, "'%s': the options section at offset 0x%" PRIx64
				   " is empty; it and what follows is ignored", r->name, pos);
			break;
		}
		if (vec_push(&r->sections, s))
			return dat_no_memory(e);
		pos = s.pub.body + s.pub.size;
	}
	r->walk_end = pos;
	return 0;
}

int dat_section_insert(struct dat_reader *r, const struct section *s, struct err *e)
{
	size_t at = section_index(r, s->pub.offset);
	const struct dat_section *prev = at ? &r->sections.v[at - 1].pub : NULL;

	if (at < r->sections.nr && s->pub.body + s->pub.size > r->sections.v[at].pub.offset)
		return 0;
	if (prev && prev->body + prev->size > s->pub.offset)
		return 0;
	if (vec_reserve(&r->sections, 1))
		return dat_no_memory(e);
	memmove(&r->sections.v[at + 1], &r->sections.v[at],
		(r->sections.nr - at) * sizeof(*r->sections.v));
	r->sections.v[at] = *s;
	r->sections.nr++;
	return 1;
}

int dat_section_at(struct dat_reader *r, uint64_t offset, struct section **ret, struct err *e)
{
	uint64_t end = r->src.size;
	size_t i = section_index(r, offset);
	struct section s = { 0 };
	int err;

	if (i < r->sections.nr && r->sections.v[i].pub.offset == offset) {
		*ret = &r->sections.v[i];
		return 1;
	}
	/* Past the place where the walk failed a reference may still be right. */
	if (offset < r->walk_end || offset > end || end - offset < DAT_SECTION_HEADER)
		return 0;
	err = section_read(r, offset, &s.pub, e);
	if (err)
		return err;
	if (s.pub.size > end - s.pub.body)
		return 0;
	err = dat_section_insert(r, &s, e);
	if (err > 0)
		*ret = &r->sections.v[i];
	return err;
}

static const char *section_name(const struct section *s)
{
	const char *name = s->pub.id == DAT_DONE ? "OPTIONS" : dat_id_name(s->pub.id);

	return name ? name : "(unknown)";
}

/* csize and usize of a compressed body, section 5.3. */
static int compressed_sizes(struct dat_reader *r, const struct section *s, uint64_t max,
			    uint32_t *ret_csize, uint32_t *ret_usize, struct err *e)
{
	uint8_t head[8];
	uint32_t csize, usize;
	int ret;

	if (!r->header.codec)
		return err_set(e, -EBADMSG, "section %s at offset 0x%" PRIx64 " is compressed, but the "
			       "file's header names no compression", section_name(s), s->pub.offset);
	if (s->pub.size < sizeof(head))
		return err_set(e, -EBADMSG, "section %s at offset 0x%" PRIx64
			       " is compressed but has only %" PRIu64 " bytes",
			       section_name(s), s->pub.offset, s->pub.size);
	ret = dat_source_read(&r->src, head, sizeof(head), s->pub.body, e);
	if (ret)
		return ret;
	csize = get_u32(head, r->header.big_endian);
	usize = get_u32(head + 4, r->header.big_endian);
	if (csize != s->pub.size - sizeof(head))
		return err_set(e, -EBADMSG, "section %s at offset 0x%" PRIx64 ": its compressed size at "
			       "0x%" PRIx64 " is %u, the section holds %" PRIu64, section_name(s),
			       s->pub.offset, s->pub.body, csize, s->pub.size - sizeof(head));
	if (usize > max || (usize > DAT_BLOCK_SMALL && usize / DAT_BLOCK_RATIO_MAX > csize))
		return err_set(e, -EBADMSG, "section %s at offset 0x%" PRIx64 ": its uncompressed size at "
			       "0x%" PRIx64 " is %u, which %u compressed bytes cannot hold or no "
			       "metadata needs", section_name(s), s->pub.offset, s->pub.body + 4,
			       usize, csize);
	*ret_csize = csize;
	*ret_usize = usize;
	return 0;
}

static int decompress_body(struct dat_reader *r, const struct section *s, uint64_t max,
			   struct block *ret, struct err *e)
{
	uint8_t *packed AUTO_FREE = NULL, *data;
	uint32_t csize = 0, usize = 0;
	int err = compressed_sizes(r, s, max, &csize, &usize, e);

	if (err)
		return err;
	packed = large_alloc(csize);
	if (!packed)
		return dat_no_memory(e);
	err = dat_source_read(&r->src, packed, csize, s->pub.body + 8, e);
	if (err)
		return err;
	data = large_alloc(usize);
	if (!data)
		return dat_no_memory(e);
	err = codec_decompress(r->header.codec, &r->ctx, packed, csize, data, usize);
	if (err) {
		free(data);
		return err == -ENOMEM ? dat_no_memory(e) :
		       err_set(e, err, "section %s at offset 0x%" PRIx64
			       " does not decompress to the %u bytes it claims",
			       section_name(s), s->pub.offset, usize);
	}
	*ret = (struct block){ .data = data, .len = usize, .base = s->pub.body };
	return 0;
}

int dat_section_body(struct dat_reader *r, const struct section *s, uint64_t max,
		     struct block *ret, struct err *e)
{
	uint8_t *data;
	int err;

	if (s->pub.flags & DAT_SECTION_COMPRESSED) {
		if (s->cut)
			return err_set(e, -ENODATA, "the file is cut inside its section %s at offset 0x%"
				       PRIx64, section_name(s), s->pub.offset);
		return decompress_body(r, s, max, ret, e);
	}
	if (s->pub.size > max)
		return err_set(e, -EBADMSG, "section %s at offset 0x%" PRIx64 " has %" PRIu64
			       " bytes, more than any such section needs", section_name(s),
			       s->pub.offset, s->pub.size);
	data = large_alloc(s->pub.size);
	if (!data)
		return dat_no_memory(e);
	err = dat_source_read(&r->src, data, s->pub.size, s->pub.body, e);
	if (err) {
		free(data);
		return err;
	}
	*ret = (struct block){ .data = data, .len = s->pub.size, .base = s->pub.body };
	return 0;
}

/* All STRINGS sections in file order make one table. */
static void strings_load(struct dat_reader *r)
{
	r->strings_loaded = true;
	for (size_t i = 0; i < r->sections.nr; i++) {
		struct block b = { 0 };
		struct err e = { 0 };

		if (r->sections.v[i].pub.id != DAT_STRINGS || r->header.version == 6)
			continue;
		if (dat_section_body(r, &r->sections.v[i], DAT_STRINGS_MAX - r->strings.len, &b, &e)) {
			dat_notice(r, "'%s': descriptions are lost: %s", r->name, e.text);
			break;
		}
		buf_put(&r->strings, b.data, b.len);
		free(b.data);
	}
}

const char *dat_reader_string(struct dat_reader *r, int32_t id)
{
	if (!r->strings_loaded)
		strings_load(r);
	if (id < 0 || (size_t)id >= r->strings.len)
		return NULL;
	/* buf puts a NUL behind its data, which ends an unterminated last string */
	return r->strings.data + id;
}
