// SPDX-License-Identifier: LGPL-2.1-or-later
/* BUFFER options and CPU tables, sections 4, 5.5 and 5.7 of the format. */
#include <errno.h>
#include <stdlib.h>

#include "dat/reader.h"

bool dat_page_size_ok(uint32_t size)
{
	return size >= DAT_PAGE_MIN && size <= DAT_PAGE_MAX && !(size & (size - 1));
}

static int compare_cpus(const void *a, const void *b)
{
	const struct dat_cpu *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return !x->size - !y->size;		/* the one with data first */
}

static int compare_offsets(const void *a, const void *b)
{
	const struct dat_cpu *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* One entry against the region its buffer owns; cuts it at the end of file. */
static int check_cpu(struct dat_reader *r, const struct buffer *b, struct dat_cpu *c,
		     uint64_t lo, uint64_t hi, struct err *e)
{
	if (c->cpu >= DAT_CPUS_MAX)
		return err_set(e, -EBADMSG, "buffer '%s' (offset 0x%" PRIx64 "): CPU number %u is not "
			       "below %u", b->pub.name, b->option, c->cpu, DAT_CPUS_MAX);
	if (!c->size)
		return 0;
	if (c->size > UINT64_MAX - c->offset)
		return err_set(e, -EBADMSG, "buffer '%s' (offset 0x%" PRIx64 "): the data of CPU %u "
			       "(0x%" PRIx64 " bytes at 0x%" PRIx64 ") wrap around", b->pub.name,
			       b->option, c->cpu, c->size, c->offset);
	if (c->offset + c->size > r->src.size && hi == r->src.size) {
		if (!r->cut)
			dat_notice(r, "'%s' is cut: the data of CPU %u of buffer '%s' go from offset 0x%" PRIx64
			   " to 0x%" PRIx64 ", the file ends at 0x%" PRIx64, r->name, c->cpu,
			   b->pub.name, c->offset, c->offset + c->size, r->src.size);
		dat_set_cut(r, r->src.size);
		c->size = c->offset < r->src.size ? r->src.size - c->offset : 0;
		if (!c->size)
			return 0;
	}
	if (c->offset < lo || c->offset > hi || c->size > hi - c->offset)
		return err_set(e, -EBADMSG, "buffer '%s' (offset 0x%" PRIx64 "): the data of CPU %u "
			       "(0x%" PRIx64 " bytes at 0x%" PRIx64 ") lie outside its section "
			       "(0x%" PRIx64 " to 0x%" PRIx64 ")", b->pub.name, b->option, c->cpu,
			       c->size, c->offset, lo, hi);
	if (c->offset & (b->pub.page_size - 1))
		return err_set(e, -EBADMSG, "buffer '%s' (offset 0x%" PRIx64 "): the data of CPU %u at "
			       "offset 0x%" PRIx64 " are not aligned to %u bytes", b->pub.name,
			       b->option, c->cpu, c->offset, b->pub.page_size);
	if (!b->pub.compressed && c->size & (b->pub.page_size - 1))
		dat_notice(r, "'%s': the data of CPU %u of buffer '%s' at offset 0x%" PRIx64 " are "
			   "0x%" PRIx64 " bytes, not a multiple of %u; the last sub-buffer is partial",
			   r->name, c->cpu, b->pub.name, c->offset, c->size, b->pub.page_size);
	return 0;
}

/* Removes empty entries of CPUs that also have one with data. */
static int unique_cpus(struct buffer *b, struct dat_cpu *cpus, uint32_t *nr, struct err *e)
{
	uint32_t n = 0;

	if (*nr)
		qsort(cpus, *nr, sizeof(*cpus), compare_cpus);
	for (uint32_t i = 0; i < *nr; i++) {
		if (!n || cpus[i].cpu != cpus[n - 1].cpu) {
			cpus[n++] = cpus[i];
			continue;
		}
		if (cpus[i].size)
			return err_set(e, -EBADMSG, "buffer '%s' (offset 0x%" PRIx64 ") has data of CPU %u "
				       "twice", b->pub.name, b->option, cpus[i].cpu);
	}
	*nr = n;
	return 0;
}

/* Areas must not overlap; a compressed one may reach to the next. */
static int set_limits(struct buffer *b, uint64_t hi, struct err *e)
{
	struct dat_cpu *order AUTO_FREE = NULL;
	uint32_t n = 0, nr = b->pub.nr_cpus;

	order = malloc((nr ? nr : 1) * sizeof(*order));
	if (!order)
		return dat_no_memory(e);
	for (uint32_t i = 0; i < nr; i++) {
		if (!b->cpus[i].size)
			continue;
		order[n] = b->cpus[i];
		order[n++].cpu = i;		/* its place in the table */
	}
	qsort(order, n, sizeof(*order), compare_offsets);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t next = i + 1 < n ? order[i + 1].offset : hi;

		if (order[i].offset + order[i].size > next)
			return err_set(e, -EBADMSG, "buffer '%s' (offset 0x%" PRIx64 "): the data of CPUs "
				       "%u and %u overlap at offset 0x%" PRIx64, b->pub.name, b->option,
				       b->cpus[order[i].cpu].cpu, b->cpus[order[i + 1].cpu].cpu, next);
		b->areas[order[i].cpu].limit = next;
	}
	return 0;
}

int dat_buffer_add(struct dat_reader *r, const struct buffer *model, struct dat_cpu *cpus,
		   uint32_t nr, uint64_t lo, uint64_t hi, struct err *e)
{
	struct buffer b = *model;
	int ret = 0;

	for (uint32_t i = 0; i < nr && !ret; i++)
		ret = check_cpu(r, &b, &cpus[i], lo, hi, e);
	if (!ret)
		ret = unique_cpus(&b, cpus, &nr, e);
	if (ret) {
		free(cpus);
		return ret;
	}
	b.cpus = cpus;
	b.pub.cpus = cpus;
	b.pub.nr_cpus = nr;
	b.areas = calloc(nr ? nr : 1, sizeof(*b.areas));
	if (!b.areas)
		ret = dat_no_memory(e);
	else
		ret = set_limits(&b, hi, e);
	if (!ret && vec_push(&r->buffers, b))
		ret = dat_no_memory(e);
	if (ret) {
		free(b.areas);
		free(cpus);
	}
	return ret;
}

/* The BUFFER section an option names. 1, 0: past the cut, -errno. */
static int buffer_section(struct dat_reader *r, const struct dat_option *o, uint64_t offset,
			  const char *name, struct section **ret, struct err *e)
{
	int err;

	if (dat_past_end(r, offset)) {
		dat_notice(r, "'%s' is cut: buffer '%s' (option at offset 0x%" PRIx64 ") lies at 0x%"
			   PRIx64 ", the file ends at 0x%" PRIx64, r->name, name, o->offset, offset,
			   r->src.size);
		dat_set_cut(r, r->src.size);
		return 0;
	}
	err = dat_section_at(r, offset, ret, e);
	if (err < 0)
		return err;
	if (!err || (*ret)->pub.id != o->id)
		return err_set(e, -EBADMSG, "the option of buffer '%s' at offset 0x%" PRIx64 " points at "
			       "0x%" PRIx64 ", where no such section is", name, o->offset, offset);
	if ((*ret)->claimed)
		return err_set(e, -EBADMSG, "the option of buffer '%s' at offset 0x%" PRIx64 " points at "
			       "0x%" PRIx64 ", which is another buffer's section", name, o->offset,
			       offset);
	if ((*ret)->pub.flags & DAT_SECTION_COMPRESSED && !r->header.codec)
		return err_set(e, -EBADMSG, "the section of buffer '%s' at offset 0x%" PRIx64 " is "
			       "compressed, but the file's header names no compression", name, offset);
	(*ret)->claimed = true;
	return 1;
}

static int buffer_names(struct cur *c, const struct dat_option *o, uint64_t *offset,
			const char **name, const char **clock, struct err *e)
{
	uint64_t at = o->offset;

	if (!cur_u64(c, offset))
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 " has %u bytes, too "
			       "few for an offset", at, o->size);
	at = cur_offset(c);
	if (!cur_str(c, o->size, name))
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its name at 0x%"
			       PRIx64 " has no end", o->offset, at);
	if (strlen(*name) > DAT_NAME_MAX)
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its name at 0x%"
			       PRIx64 " has %zu bytes, more than %u", o->offset, at, strlen(*name),
			       DAT_NAME_MAX);
	at = cur_offset(c);
	if (!cur_str(c, o->size, clock))
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its clock at 0x%"
			       PRIx64 " has no end", o->offset, at);
	return 0;
}

int dat_buffer_option(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	struct cur c = dat_option_cur(r, o);
	struct buffer b = { .option = o->offset };
	struct dat_cpu *cpus;
	struct section *s;
	uint64_t offset, at;
	uint32_t count;
	int ret = buffer_names(&c, o, &offset, &b.pub.name, &b.pub.clock, e);

	if (ret)
		return ret;
	at = cur_offset(&c);
	if (!cur_u32(&c, &b.pub.page_size) || !cur_u32(&c, &count))
		return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 " ends before its CPU "
			       "count", o->offset);
	if (!dat_page_size_ok(b.pub.page_size))
		return err_set(e, -EBADMSG, "the page size of buffer '%s' at offset 0x%" PRIx64 " is %u, "
			       "not a power of two from %u to %u", b.pub.name, at, b.pub.page_size,
			       DAT_PAGE_MIN, DAT_PAGE_MAX);
	if (count > cur_left(&c) / DAT_V7_CPU_ENTRY)
		return err_set(e, -EBADMSG, "the CPU count of buffer '%s' at offset 0x%" PRIx64 " is %u, "
			       "its option has room for %" PRIu64, b.pub.name, at + 4, count,
			       cur_left(&c) / DAT_V7_CPU_ENTRY);
	ret = buffer_section(r, o, offset, b.pub.name, &s, e);
	if (ret < 0)
		return ret;
	cpus = malloc((count ? count : 1) * sizeof(*cpus));
	if (!cpus)
		return dat_no_memory(e);
	if (!ret)
		return dat_buffer_add(r, &b, cpus, 0, 0, 0, e);
	for (uint32_t i = 0; i < count; i++) {
		cur_u32(&c, &cpus[i].cpu);
		cur_u64(&c, &cpus[i].offset);
		cur_u64(&c, &cpus[i].size);
	}
	b.pub.compressed = s->pub.flags & DAT_SECTION_COMPRESSED;
	return dat_buffer_add(r, &b, cpus, count, s->pub.body, s->pub.body + s->pub.size, e);
}

int dat_buffer_text_add(struct dat_reader *r, const char *name, const char *clock,
			uint64_t offset, uint64_t size, bool compressed, struct err *e)
{
	struct buffer b = {
		.pub = {
			.name = name, .clock = clock, .page_size = r->header.page_size,
			.text = true, .compressed = compressed,
			.text_offset = offset, .text_size = size,
		},
	};

	return vec_push(&r->buffers, b) ? dat_no_memory(e) : 0;
}

int dat_buffer_text_option(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	struct cur c = dat_option_cur(r, o);
	const char *name, *clock;
	struct section *s;
	uint64_t offset;
	int ret = buffer_names(&c, o, &offset, &name, &clock, e);

	if (ret)
		return ret;
	ret = buffer_section(r, o, offset, name, &s, e);
	if (ret < 0)
		return ret;
	if (!ret)
		return dat_buffer_text_add(r, name, clock, r->src.size, 0, false, e);
	return dat_buffer_text_add(r, name, clock, s->pub.body, s->pub.size,
				   s->pub.flags & DAT_SECTION_COMPRESSED, e);
}

struct span { uint64_t from, to; const char *name; };

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* In version 6 nothing but this keeps buffers and metadata apart. */
static int check_disjoint(struct dat_reader *r, struct err *e)
{
	VEC(struct span) spans = { 0 };
	int ret = 0;

	for (size_t i = 0; r->header.version == 6 && i < r->sections.nr && !ret; i++) {
		const struct dat_section *s = &r->sections.v[i].pub;

		if (vec_push(&spans, ((struct span){ s->offset, s->body + s->size, "(metadata)" })))
			ret = dat_no_memory(e);
	}

	for (size_t i = 0; i < r->buffers.nr && !ret; i++) {
		const struct dat_buffer *b = &r->buffers.v[i].pub;

		for (uint32_t k = 0; k < b->nr_cpus && !ret; k++)
			if (b->cpus[k].size &&
			    vec_push(&spans, ((struct span){ b->cpus[k].offset,
							     b->cpus[k].offset + b->cpus[k].size,
							     b->name })))
				ret = dat_no_memory(e);
	}
	if (!ret && spans.nr)
		qsort(spans.v, spans.nr, sizeof(*spans.v), compare_spans);
	for (size_t i = 1; i < spans.nr && !ret; i++)
		if (spans.v[i - 1].to > spans.v[i].from)
			ret = err_set(e, -EBADMSG, "the data of buffers '%s' and '%s' overlap at offset 0x%"
				      PRIx64, spans.v[i - 1].name, spans.v[i].name, spans.v[i].from);
	vec_release(&spans);
	return ret;
}

int dat_buffers_finish(struct dat_reader *r, struct err *e)
{
	for (size_t i = 1; i < r->buffers.nr; i++) {
		struct buffer top = r->buffers.v[i];

		if (top.pub.name[0])
			continue;
		if (!r->buffers.v[0].pub.name[0])
			return err_set(e, -EBADMSG, "the buffer option at offset 0x%" PRIx64 " is a second "
				       "one for the top-level buffer", top.option);
		memmove(&r->buffers.v[1], &r->buffers.v[0], i * sizeof(top));
		r->buffers.v[0] = top;
	}
	return check_disjoint(r, e);
}

void dat_buffers_release(struct dat_reader *r)
{
	for (size_t i = 0; i < r->buffers.nr; i++) {
		struct buffer *b = &r->buffers.v[i];

		for (uint32_t k = 0; b->areas && k < b->pub.nr_cpus; k++)
			free((void *)b->areas[k].chunks.v);
		free(b->areas);
		free(b->cpus);
	}
	vec_release(&r->buffers);
}
