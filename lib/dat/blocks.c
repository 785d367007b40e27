// SPDX-License-Identifier: LGPL-2.1-or-later
/* Metadata blocks and their parts, section 3 of the format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat/reader.h"

#define SYSTEM_NAME_MAX 256

static const char page_tag[12] = "header_page", event_tag[13] = "header_event";

int dat_reader_block(struct dat_reader *r, enum dat_id id, struct cur *ret, struct err *e)
{
	struct block *b = &r->blocks[id];
	struct section *s;
	int err;

	if (!r->refs[id])
		return 0;
	if (!b->data) {
		err = dat_section_at(r, r->refs[id], &s, e);
		if (!err)
			err = err_set(e, -EBADMSG, "there is no section at offset 0x%" PRIx64, r->refs[id]);
		if (err > 0)
			err = dat_section_body(r, s, DAT_BLOCK_MAX, b, e);
		if (err)
			return err_wrap(e, "cannot read '%s'", r->name);
	}
	*ret = (struct cur){ .data = b->data, .len = b->len, .base = b->base,
			     .big_endian = r->header.big_endian };
	return 1;
}

/* ---- HEADER_INFO ---- */

/* A tag, a 64-bit length, as many bytes. */
static int tagged_text(struct cur *c, const char *tag, size_t tag_len, struct dat_text *ret,
		       struct err *e)
{
	uint64_t at = cur_offset(c), n;
	const uint8_t *p;

	if (!cur_bytes(c, tag_len, &p) || memcmp(p, tag, tag_len))
		return err_set(e, -EBADMSG, "'%s' is missing at offset 0x%" PRIx64, tag, at);
	at = cur_offset(c);
	if (!cur_u64(c, &n) || !cur_bytes(c, n, &p))
		return err_set(e, -EBADMSG, "the text of %s at offset 0x%" PRIx64 " goes past the end of "
			       "its block", tag, at);
	*ret = (struct dat_text){ .data = (const char *)p, .len = n };
	return 0;
}

struct page_field { bool present; unsigned offset, size; };

/* "field: u64 timestamp;\toffset:0;\tsize:8;...": one line. */
static void page_line(const char *line, const char *name, struct page_field *ret)
{
	char last[64] = "", *space;
	unsigned offset, size;

	if (sscanf(line, " field:%63[^;]; offset:%u; size:%u;", last, &offset, &size) != 3)
		return;
	space = strrchr(last, ' ');
	if (!space || strncmp(space + 1, name, strlen(name)))
		return;
	space += 1 + strlen(name);
	if (*space && *space != '[')
		return;
	*ret = (struct page_field){ true, offset, size };
}

/* Finds a field in header_page's text. */
static struct page_field page_field(struct dat_text text, const char *name)
{
	struct page_field f = { 0 };
	uint64_t pos = 0;

	while (pos < text.len && !f.present) {
		const char *start = text.data + pos;
		const char *end = memchr(start, '\n', text.len - pos);
		uint64_t len = end ? (uint64_t)(end - start) : text.len - pos;
		char line[256];

		if (len < sizeof(line)) {
			memcpy(line, start, len);
			line[len] = 0;
			page_line(line, name, &f);
		}
		pos += len + 1;
	}
	return f;
}

/* The rules of section 3.1. @at: offset of the text, for messages. */
static int page_layout(struct dat_header_info *h, uint64_t at, struct err *e)
{
	struct page_field ts = page_field(h->page, "timestamp");
	struct page_field commit = page_field(h->page, "commit");
	struct page_field data = page_field(h->page, "data");

	if (!h->page.len)
		return err_set(e, -EOPNOTSUPP, "the header_page at offset 0x%" PRIx64 " is empty: it was "
			       "recorded by a kernel of 2.6.30 or older, whose buffers are not known "
			       "here", at);
	if (!ts.present || ts.offset || ts.size != 8)
		return err_set(e, -EBADMSG, "the header_page at offset 0x%" PRIx64 " has no timestamp of 8 "
			       "bytes at 0", at);
	if (!commit.present || commit.offset != 8 || (commit.size != 4 && commit.size != 8))
		return err_set(e, -EBADMSG, "the header_page at offset 0x%" PRIx64 " has no commit of 4 or "
			       "8 bytes at 8", at);
	if (!data.present || data.offset != 8 + commit.size)
		return err_set(e, -EBADMSG, "the header_page at offset 0x%" PRIx64 " has no data right "
			       "behind commit", at);
	h->kernel_long = commit.size;
	h->sub_buffer_size = data.size <= DAT_PAGE_MAX ? data.offset + data.size : 0;
	return 0;
}

static int header_texts(struct cur *c, struct dat_header_info *h, uint64_t *ret_at, struct err *e)
{
	int ret = tagged_text(c, page_tag, sizeof(page_tag), &h->page, e);

	*ret_at = cur_offset(c) - h->page.len;
	if (!ret)
		ret = tagged_text(c, event_tag, sizeof(event_tag), &h->event, e);
	return ret;
}

int dat_reader_header_info(struct dat_reader *r, struct dat_header_info *ret, struct err *e)
{
	struct dat_header_info h = { 0 };
	struct cur c;
	uint64_t at;
	int err = dat_reader_block(r, DAT_HEADER_INFO, &c, e);

	if (err < 0)
		return err;
	if (!err)
		return err_set(e, -ENOENT, "'%s' has no HEADER_INFO", r->name);
	err = header_texts(&c, &h, &at, e);
	if (!err)
		err = page_layout(&h, at, e);
	if (err)
		return err_wrap(e, "cannot read '%s'", r->name);
	*ret = h;
	return 0;
}

int dat_reader_header_texts(struct dat_reader *r, struct dat_text *page, struct dat_text *event,
			    struct err *e)
{
	struct dat_header_info h = { 0 };
	struct cur c;
	uint64_t at;
	int ret = dat_reader_block(r, DAT_HEADER_INFO, &c, e);

	if (ret <= 0)
		return ret;
	ret = header_texts(&c, &h, &at, e);
	if (ret)
		return err_wrap(e, "cannot read '%s'", r->name);
	*page = h.page;
	*event = h.event;
	return 1;
}

int dat_put_header_info(struct buf *b, const char *page, size_t page_len,
			const char *event, size_t event_len)
{
	buf_put(b, page_tag, sizeof(page_tag));
	buf_u64(b, page_len);
	buf_put(b, page, page_len);
	buf_put(b, event_tag, sizeof(event_tag));
	buf_u64(b, event_len);
	return buf_put(b, event, event_len);
}

/* ---- formats ---- */

static int walk_system(struct cur *c, const char *system, const struct dat_format_fns *fns,
		       void *ctx, struct err *e)
{
	uint64_t at = cur_offset(c);
	uint32_t count;
	int ret;

	if (!cur_u32(c, &count))
		return err_set(e, -EBADMSG, "the number of formats of '%s' at offset 0x%" PRIx64
			       " is missing", system, at);
	if (count > cur_left(c) / 8)
		return err_set(e, -EBADMSG, "the number of formats of '%s' at offset 0x%" PRIx64 " is %u, "
			       "there is room for %" PRIu64, system, at, count, cur_left(c) / 8);
	ret = fns->on_system ? fns->on_system(ctx, system, count) : 0;
	for (uint32_t i = 0; i < count && !ret; i++) {
		const uint8_t *p;
		uint64_t n;

		at = cur_offset(c);
		if (!cur_u64(c, &n) || !cur_bytes(c, n, &p))
			return err_set(e, -EBADMSG, "format %u of '%s' at offset 0x%" PRIx64 " goes past the "
				       "end of its block", i, system, at);
		if (fns->on_format)
			ret = fns->on_format(ctx, system, (struct dat_text){ (const char *)p, n });
	}
	return ret;
}

int dat_formats_walk(struct cur *c, enum dat_id id, const struct dat_format_fns *fns, void *ctx,
		     struct err *e)
{
	uint64_t at = cur_offset(c);
	uint32_t systems;

	if (id == DAT_FTRACE_EVENTS)
		return walk_system(c, "ftrace", fns, ctx, e);
	if (!cur_u32(c, &systems))
		return err_set(e, -EBADMSG, "the number of event systems at offset 0x%" PRIx64
			       " is missing", at);
	if (systems > cur_left(c) / 5)
		return err_set(e, -EBADMSG, "the number of event systems at offset 0x%" PRIx64 " is %u, "
			       "there is room for %" PRIu64, at, systems, cur_left(c) / 5);
	for (uint32_t i = 0; i < systems; i++) {
		const char *system;
		int ret;

		at = cur_offset(c);
		if (!cur_str(c, SYSTEM_NAME_MAX, &system))
			return err_set(e, -EBADMSG, "the name of event system %u at offset 0x%" PRIx64
				       " has no end", i, at);
		ret = walk_system(c, system, fns, ctx, e);
		if (ret)
			return ret;
	}
	return 0;
}

int dat_reader_systems(struct dat_reader *r, enum dat_id id, const struct dat_format_fns *fns,
		       void *ctx, struct err *e)
{
	struct err why = { 0 };
	struct cur c;
	int ret = dat_reader_block(r, id, &c, e);

	if (ret <= 0)
		return ret;
	ret = dat_formats_walk(&c, id, fns, ctx, &why);
	if (why.code) {			/* ours, not a function's */
		err_set(e, why.code, "%s", why.text);
		return err_wrap(e, "cannot read '%s'", r->name);
	}
	return ret;
}

int dat_reader_formats(struct dat_reader *r,
		       int (*fn)(void *ctx, const char *system, struct dat_text format),
		       void *ctx, struct err *e)
{
	static const enum dat_id ids[] = { DAT_FTRACE_EVENTS, DAT_EVENT_FORMATS };
	const struct dat_format_fns fns = { .on_format = fn };

	for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
		int ret = dat_reader_systems(r, ids[i], &fns, ctx, e);

		if (ret)
			return ret;
	}
	return 0;
}

/* ---- texts ---- */

static int counted_text(struct cur *c, enum dat_id id, struct dat_text *ret, struct err *e)
{
	const uint8_t *p;
	uint64_t n = 0;
	uint32_t n32;
	bool ok;

	if (id == DAT_CMDLINES) {
		ok = cur_u64(c, &n);
	} else {
		ok = cur_u32(c, &n32);
		n = ok ? n32 : 0;
	}
	if (!ok || !cur_bytes(c, n, &p))
		return err_set(e, -EBADMSG, "the text of %s at offset 0x%" PRIx64 " claims %" PRIu64
			       " bytes, its block has %" PRIu64, dat_id_name(id), c->base, n, cur_left(c));
	*ret = (struct dat_text){ (const char *)p, n };
	return 0;
}

int dat_reader_text(struct dat_reader *r, enum dat_id id, struct dat_text *ret, struct err *e)
{
	struct cur c;
	int err = dat_reader_block(r, id, &c, e);

	if (err <= 0)
		return err;
	if (counted_text(&c, id, ret, e))
		return err_wrap(e, "cannot read '%s'", r->name);
	return 1;
}

int dat_put_text(struct buf *b, enum dat_id id, const char *text, size_t len)
{
	if (id == DAT_CMDLINES)
		buf_u64(b, len);
	else
		buf_u32(b, len);
	return buf_put(b, text, len);
}

/* ---- whole blocks ---- */

/* Moves behind what the block @id consists of. */
static int block_skip(struct cur *c, enum dat_id id, struct err *e)
{
	const struct dat_format_fns nothing = { NULL, NULL };
	struct dat_header_info h;
	struct dat_text text;
	uint64_t at;

	switch (id) {
	case DAT_HEADER_INFO:
		return header_texts(c, &h, &at, e);
	case DAT_FTRACE_EVENTS:
	case DAT_EVENT_FORMATS:
		return dat_formats_walk(c, id, &nothing, NULL, e);
	case DAT_KALLSYMS:
	case DAT_PRINTK:
	case DAT_CMDLINES:
		return counted_text(c, id, &text, e);
	default:			/* a file as it is */
		c->pos = c->len;
		return 0;
	}
}

int dat_block_whole(struct dat_reader *r, enum dat_id id, struct cur *ret, uint64_t *ret_rest,
		    struct err *e)
{
	struct cur c;
	int err = dat_reader_block(r, id, &c, e);

	if (err <= 0)
		return err;
	if (block_skip(&c, id, e))
		return err_wrap(e, "cannot read '%s'", r->name);
	*ret_rest = cur_left(&c);
	c.len = c.pos;
	c.pos = 0;
	*ret = c;
	return 1;
}
