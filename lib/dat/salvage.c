// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Version 7 names a buffer in options that follow its data. Where a file is cut
 * inside the data, or its writer died there, those options are missing, yet
 * the data can be found: areas begin at multiples of the sub-buffer size, chunk
 * tables tell where they end, and in uncompressed ones a CPU's times ascend.
 * What cannot be found is which CPUs had no data, so CPU numbers are a guess.
 */
#include <errno.h>
#include <stdlib.h>

#include "dat/reader.h"

struct salvage {
	struct dat_reader *r;
	uint64_t pos, end;		/* what is left of the section */
	uint32_t page_size;
	VEC(struct dat_cpu) cpus;
};

static uint64_t align_up(uint64_t pos, uint32_t size)
{
	return (pos + size - 1) & ~((uint64_t)size - 1);
}

static int add_area(struct salvage *s, uint64_t offset, uint64_t size, struct err *e)
{
	struct dat_cpu c = { .cpu = s->cpus.nr, .offset = offset, .size = size };

	if (s->cpus.nr >= DAT_CPUS_MAX)
		return err_set(e, -EBADMSG, "there are more than %u CPUs' data at offset 0x%" PRIx64,
			       DAT_CPUS_MAX, offset);
	return vec_push(&s->cpus, c) ? dat_no_memory(e) : 0;
}

/*
 * Moves to the next chunk table. Its alignment may be larger than the file's
 * sub-buffer size (an instance's own), but not beyond the largest. 1, 0, -errno.
 */
static int next_table(struct salvage *s, struct err *e)
{
	uint64_t stop = s->pos + DAT_PAGE_MAX;

	for (s->pos = align_up(s->pos, s->page_size); s->pos <= stop; s->pos += s->page_size) {
		uint8_t count[4];
		int ret;

		if (s->pos > s->end || s->end - s->pos < sizeof(count))
			return 0;
		ret = dat_source_read(&s->r->src, count, sizeof(count), s->pos, e);
		if (ret)
			return ret;
		if (get_u32(count, s->r->header.big_endian))
			return 1;
	}
	return 0;
}

static int find_tables(struct salvage *s, struct err *e)
{
	int ret;

	while ((ret = next_table(s, e)) > 0) {
		uint64_t start = s->pos;

		ret = dat_table_end(s->r, start, s->end, s->page_size, &s->pos, e);
		if (ret < 0)
			return ret;
		if (s->pos == start)
			return 0;	/* not even one chunk: no table */
		ret = ret ? add_area(s, start, s->pos - start, e) :
		      add_area(s, start, s->end - start, e);
		if (ret)
			return ret;
		if (s->pos >= s->end)
			return 0;
	}
	return ret;
}

/* Uncompressed: a new CPU begins where time steps back. */
static int find_raw(struct salvage *s, struct err *e)
{
	uint64_t start, before = 0;

	start = s->pos = align_up(s->pos, s->page_size);
	while (s->pos < s->end && s->end - s->pos >= 8) {
		uint8_t word[8];
		uint64_t ts;
		int ret = dat_source_read(&s->r->src, word, sizeof(word), s->pos, e);

		if (ret)
			return ret;
		ts = get_u64(word, s->r->header.big_endian);
		if (ts < before) {
			ret = add_area(s, start, s->pos - start, e);
			if (ret)
				return ret;
			start = s->pos;
		}
		before = ts;
		s->pos += s->page_size;
	}
	return start < s->end ? add_area(s, start, s->end - start, e) : 0;
}

static bool has_top(const struct dat_reader *r)
{
	for (size_t i = 0; i < r->buffers.nr; i++)
		if (!r->buffers.v[i].pub.name[0])
			return true;
	return false;
}

static int salvage_buffer(struct dat_reader *r, const struct dat_section *sec, uint64_t end,
			  struct err *e)
{
	struct salvage s = {
		.r = r, .pos = sec->body, .end = end, .page_size = r->header.page_size,
	};
	struct buffer b = {
		.option = sec->offset,
		.pub = {
			.name = has_top(r) ? "(name lost)" : "", .clock = r->info.clock,
			.page_size = s.page_size,
			.compressed = sec->flags & DAT_SECTION_COMPRESSED,
		},
	};
	int ret;

	if (b.pub.compressed && !r->header.codec)
		return 0;
	ret = b.pub.compressed ? find_tables(&s, e) : find_raw(&s, e);
	if (ret) {
		vec_release(&s.cpus);
		return ret;
	}
	if (s.cpus.nr)
		dat_notice(r, "'%s': the option that names the buffer at offset 0x%" PRIx64 " is missing; "
			   "data of %zu CPUs are found, the CPUs' numbers are a guess", r->name,
			   sec->offset, s.cpus.nr);
	else
		dat_notice(r, "'%s': the option that names the buffer at offset 0x%" PRIx64 " is missing, "
			   "and none of its data is there", r->name, sec->offset);
	return dat_buffer_add(r, &b, s.cpus.v, s.cpus.nr, sec->body, end, e);
}

int dat_salvage(struct dat_reader *r, struct err *e)
{
	for (size_t i = 0; i < r->sections.nr; i++) {
		struct section *s = &r->sections.v[i];
		uint64_t end = s->pub.body + s->pub.size;
		int ret;

		if (s->pub.id != DAT_BUFFER || s->claimed)
			continue;
		/* A writer that died has not yet written the section's size. */
		if (!s->pub.size && i + 1 == r->sections.nr)
			end = r->src.size;
		if (end == s->pub.body)
			continue;	/* no data, nothing lost */
		s->claimed = true;
		dat_set_cut(r, end);
		ret = salvage_buffer(r, &s->pub, end, e);
		if (ret)
			return ret;
	}
	return 0;
}
