// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Version 6: parts one behind the other, section 4 of the format. Parts are
 * kept in the table of sections under the id of the version 7 section that
 * holds the same, so that everything behind this file reads both versions.
 */
#include <errno.h>
#include <stdlib.h>

#include "dat/reader.h"

#define FORMATS_FIRST (256u << 10)	/* read at once when looking for a part's end */
#define FORMATS_MAX (256u << 20)
#define CLOCK_MAX 4096

/* A place in the file. */
struct walk {
	struct dat_reader *r;
	uint64_t pos;
};

static uint64_t walk_left(const struct walk *w)
{
	return w->r->src.size - w->pos;
}

/* Reads whole or not at all: -ENODATA at the end of the file. */
static int walk_read(struct walk *w, void *dst, size_t len, struct err *e)
{
	int ret = dat_source_read(&w->r->src, dst, len, w->pos, e);

	if (!ret)
		w->pos += len;
	return ret;
}

static int walk_u16(struct walk *w, uint16_t *ret, struct err *e)
{
	uint8_t p[2];
	int err = walk_read(w, p, sizeof(p), e);

	if (!err)
		*ret = get_u16(p, w->r->header.big_endian);
	return err;
}

static int walk_u32(struct walk *w, uint32_t *ret, struct err *e)
{
	uint8_t p[4];
	int err = walk_read(w, p, sizeof(p), e);

	if (!err)
		*ret = get_u32(p, w->r->header.big_endian);
	return err;
}

static int walk_u64(struct walk *w, uint64_t *ret, struct err *e)
{
	uint8_t p[8];
	int err = walk_read(w, p, sizeof(p), e);

	if (!err)
		*ret = get_u64(p, w->r->header.big_endian);
	return err;
}

static int walk_skip(struct walk *w, uint64_t n, struct err *e)
{
	if (n > walk_left(w))
		return err_set(e, -ENODATA, "%" PRIu64 " bytes at offset 0x%" PRIx64 " are claimed, the "
			       "file has %" PRIu64, n, w->pos, walk_left(w));
	w->pos += n;
	return 0;
}

static int skip_tagged(struct walk *w, const char *tag, size_t len, struct err *e)
{
	uint64_t at = w->pos, n;
	char p[16];
	int ret = walk_read(w, p, len, e);

	if (ret)
		return ret;
	if (memcmp(p, tag, len))
		return err_set(e, -EBADMSG, "'%s' is missing at offset 0x%" PRIx64, tag, at);
	ret = walk_u64(w, &n, e);
	return ret ? ret : walk_skip(w, n, e);
}

static int skip_header_info(struct walk *w, struct err *e)
{
	int ret = skip_tagged(w, "header_page", 12, e);

	return ret ? ret : skip_tagged(w, "header_event", 13, e);
}

/*
 * Formats have to be walked to find their end. They are read whole, in steps
 * that double, and kept: whoever opens a file for its events needs them.
 */
static int skip_formats(struct walk *w, enum dat_id id, struct err *e)
{
	const struct dat_format_fns nothing = { NULL, NULL };
	uint64_t len = FORMATS_FIRST, max = walk_left(w);

	for (;;) {
		struct cur c = { .base = w->pos, .big_endian = w->r->header.big_endian };
		uint8_t *data;
		int ret;

		if (len > max)
			len = max;
		data = malloc(len ? len : 1);
		if (!data)
			return dat_no_memory(e);
		ret = dat_source_read(&w->r->src, data, len, w->pos, e);
		if (!ret) {
			c.data = data;
			c.len = len;
			ret = dat_formats_walk(&c, id, &nothing, NULL, e);
		}
		if (!ret) {
			w->r->blocks[id] = (struct block){ data, c.pos, w->pos };
			w->pos += c.pos;
			return 0;
		}
		free(data);
		if (ret != -EBADMSG)
			return ret;
		if (len == max) {
			if (e)
				e->code = -ENODATA;
			return -ENODATA;
		}
		if (len >= FORMATS_MAX)
			return ret;
		len *= 2;
	}
}

static int skip_text(struct walk *w, enum dat_id id, struct err *e)
{
	uint32_t n32;
	uint64_t n;
	int ret;

	if (id == DAT_CMDLINES) {
		ret = walk_u64(w, &n, e);
	} else {
		ret = walk_u32(w, &n32, e);
		n = ret ? 0 : n32;
	}
	return ret ? ret : walk_skip(w, n, e);
}

static int skip_part(struct walk *w, enum dat_id id, struct err *e)
{
	switch (id) {
	case DAT_HEADER_INFO:
		return skip_header_info(w, e);
	case DAT_FTRACE_EVENTS:
	case DAT_EVENT_FORMATS:
		return skip_formats(w, id, e);
	default:
		return skip_text(w, id, e);
	}
}

/* Remembers [from, w->pos) as part @id. */
static int part_add(struct walk *w, unsigned id, uint64_t from, struct err *e)
{
	struct section s = {
		.pub = { .id = id, .desc = -1, .offset = from, .body = from, .size = w->pos - from },
	};
	int ret = dat_section_insert(w->r, &s, e);

	if (ret < 0)
		return ret;
	if (!ret)
		return err_set(e, -EBADMSG, "the %s table at offset 0x%" PRIx64 " overlaps another part "
			       "of the file", dat_id_name(id), from);
	return 0;
}

static int read_metadata(struct walk *w, struct err *e)
{
	for (enum dat_id id = DAT_HEADER_INFO; id <= DAT_CMDLINES; id++) {
		uint64_t from = w->pos;
		int ret = skip_part(w, id, e);

		if (ret) {
			err_wrap(e, "the part %s at offset 0x%" PRIx64, dat_id_name(id), from);
			return ret;
		}
		ret = part_add(w, id, from, e);
		if (ret)
			return ret;
		w->r->refs[id] = from;
	}
	return 0;
}

/* ---- options ---- */

/* One option. 1, 0 at DONE, -errno. */
static int read_option(struct walk *w, struct err *e)
{
	struct dat_option o = { 0 };
	uint64_t at = w->pos;
	uint8_t *data;
	int ret = walk_u16(w, &o.id, e);

	if (ret)
		return ret;
	if (o.id == DAT_DONE)
		return 0;
	ret = walk_u32(w, &o.size, e);
	if (ret)
		return ret;
	if (o.size > walk_left(w) || o.size > DAT_OPTIONS_MAX)
		return err_set(e, o.size > walk_left(w) ? -ENODATA : -EBADMSG, "option %u at offset 0x%"
			       PRIx64 " claims %u bytes, the file has %" PRIu64, o.id, at, o.size,
			       walk_left(w));
	data = dat_own(w->r, malloc(o.size ? o.size : 1));
	if (!data)
		return dat_no_memory(e);
	o.offset = w->pos;
	o.data = data;
	ret = walk_read(w, data, o.size, e);
	if (!ret)
		ret = dat_option_add(w->r, &o, e);
	return ret ? ret : 1;
}

static int read_options(struct walk *w, uint64_t from, struct err *e)
{
	int ret;

	do
		ret = read_option(w, e);
	while (ret > 0);
	return ret ? ret : part_add(w, DAT_DONE, from, e);
}

/* ---- buffers ---- */

/* The clock blob behind the top table. Nothing depends on it but the clock. */
static void read_clock(struct walk *w)
{
	struct dat_reader *r = w->r;
	uint64_t at = w->pos, n;
	char text[CLOCK_MAX], word[sizeof(r->info.clock)];
	struct err e = { 0 };

	if (walk_u64(w, &n, &e) || n > sizeof(text) || walk_read(w, text, n, &e)) {
		dat_notice(r, "'%s': the clock announced for offset 0x%" PRIx64 " is not there; ignored",
			   r->name, at);
		w->pos = at;
		return;
	}
	dat_clock_word(text, n, word, sizeof(word));
	if (word[0])
		strcpy(r->info.clock, word);
}

/* The table at w->pos, behind its tag at @from. */
static int read_table(struct walk *w, const char *name, uint64_t option, uint64_t from,
		      struct err *e)
{
	struct dat_reader *r = w->r;
	uint32_t nr = r->info.cpu_count;
	struct buffer b = {
		.option = option,
		.pub = { .name = name, .clock = "", .page_size = r->header.page_size },
	};
	struct dat_cpu *cpus;
	uint8_t *data;
	int ret;

	if (nr > walk_left(w) / DAT_V6_CPU_ENTRY)
		return err_set(e, -ENODATA, "the table of buffer '%s' at offset 0x%" PRIx64 " has %u CPUs, "
			       "the file has room for %" PRIu64, name, from, nr, walk_left(w) / DAT_V6_CPU_ENTRY);
	cpus = malloc(nr * sizeof(*cpus));
	data = malloc(nr * DAT_V6_CPU_ENTRY);
	ret = cpus && data ? walk_read(w, data, nr * DAT_V6_CPU_ENTRY, e) : dat_no_memory(e);
	for (uint32_t i = 0; i < nr && !ret; i++)
		cpus[i] = (struct dat_cpu){
			.cpu = i,
			.offset = get_u64(data + i * DAT_V6_CPU_ENTRY, r->header.big_endian),
			.size = get_u64(data + i * DAT_V6_CPU_ENTRY + 8, r->header.big_endian),
		};
	free(data);
	if (!ret && !name[0] && r->info.trace_clock)
		read_clock(w);
	if (!ret)
		ret = part_add(w, DAT_BUFFER, from, e);
	if (ret) {
		free(cpus);
		return ret;
	}
	b.pub.clock = name[0] ? "" : r->info.clock;
	return dat_buffer_add(r, &b, cpus, nr, 0, r->src.size, e);
}

/* The buffer a BUFFER option names. */
static int read_instance(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	struct walk w = { .r = r };
	struct cur c = dat_option_cur(r, o);
	char tag[DAT_TAG_LEN];
	const char *name;
	int ret;

	if (!cur_u64(&c, &w.pos))
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 " has %u bytes, too "
			       "few for an offset", o->offset, o->size);
	if (!cur_str(&c, o->size, &name))
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its name at 0x%"
			       PRIx64 " has no end", o->offset, cur_offset(&c));
	if (strlen(name) > DAT_NAME_MAX)
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its name has %zu "
			       "bytes, more than %u", o->offset, strlen(name), DAT_NAME_MAX);
	if (!w.pos) {
		dat_notice(r, "'%s': buffer '%s' (option at offset 0x%" PRIx64 ") was never written",
			   r->name, name, o->offset);
		dat_set_cut(r, r->src.size);
		return 0;
	}
	if (w.pos >= r->src.size) {
		dat_notice(r, "'%s' is cut: buffer '%s' (option at offset 0x%" PRIx64 ") lies at 0x%"
			   PRIx64 ", the file ends at 0x%" PRIx64, r->name, name, o->offset, w.pos,
			   r->src.size);
		dat_set_cut(r, r->src.size);
		return 0;
	}
	ret = walk_read(&w, tag, sizeof(tag), e);
	if (!ret && memcmp(tag, DAT_TAG_FLYRECORD, sizeof(tag)))
		ret = err_set(e, -EBADMSG, "the option of buffer '%s' at offset 0x%" PRIx64 " points at 0x%"
			      PRIx64 ", where no CPU table is", name, o->offset,
			      w.pos - sizeof(tag));
	if (!ret)
		ret = read_table(&w, name, o->offset, w.pos - sizeof(tag), e);
	return ret;
}

static int read_instances(struct dat_reader *r, struct err *e)
{
	for (size_t i = 0; i < r->options.nr; i++) {
		struct err why = { 0 };
		int ret;

		if (r->options.v[i].id != DAT_BUFFER)
			continue;
		ret = read_instance(r, &r->options.v[i], &why);
		if (ret == -ENODATA) {
			dat_notice(r, "'%s' is cut: %s", r->name, why.text);
			dat_set_cut(r, r->src.size);
		} else if (ret) {
			return err_set(e, why.code, "%s", why.text);
		}
	}
	return 0;
}

/* Parts 7 to 9. */
static int read_data(struct walk *w, struct err *e)
{
	struct dat_reader *r = w->r;
	uint64_t from = w->pos;
	char tag[DAT_TAG_LEN];
	uint32_t cpus;
	int ret = walk_u32(w, &cpus, e);

	if (ret)
		return ret;
	if (!cpus || cpus > DAT_CPUS_MAX)
		return err_set(e, -EBADMSG, "the CPU count at offset 0x%" PRIx64 " is %u, not from 1 to %u",
			       from, cpus, DAT_CPUS_MAX);
	r->info.cpu_count = cpus;
	from = w->pos;
	ret = walk_read(w, tag, sizeof(tag), e);
	if (ret)
		return ret;
	if (!memcmp(tag, DAT_TAG_OPTIONS, sizeof(tag))) {
		ret = read_options(w, from, e);
		if (ret)
			return ret;
		from = w->pos;
		ret = walk_read(w, tag, sizeof(tag), e);
		if (ret)
			return ret;
	}
	if (!memcmp(tag, DAT_TAG_LATENCY, sizeof(tag))) {
		uint64_t text = w->pos;

		w->pos = r->src.size;
		ret = part_add(w, DAT_BUFFER_TEXT, from, e);
		return ret ? ret : dat_buffer_text_add(r, "", r->info.clock, text, w->pos - text,
						       false, e);
	}
	if (memcmp(tag, DAT_TAG_FLYRECORD, sizeof(tag)))
		return err_set(e, -EBADMSG, "neither options nor trace data begin at offset 0x%" PRIx64, from);
	return read_table(w, "", from, from, e);
}

int dat_v6_parts(struct dat_reader *r, struct err *e)
{
	struct walk w = { .r = r, .pos = r->header_end };
	struct err why = { 0 };
	int ret = read_metadata(&w, &why);

	if (!ret && (r->metadata_only || !walk_left(&w)))
		return 0;
	if (!ret)
		ret = read_data(&w, &why);
	if (!ret)
		return read_instances(r, e);
	if (ret != -ENODATA)
		return err_set(e, why.code, "%s", why.text);
	dat_notice(r, "'%s' is cut: %s", r->name, why.text);
	dat_set_cut(r, r->src.size);
	return 0;
}
