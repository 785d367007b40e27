// SPDX-License-Identifier: LGPL-2.1-or-later
/* The options chain and what the options say, sections 5.4 and 6 of the format. */
#include <errno.h>
#include <stdlib.h>

#include "dat/reader.h"

struct cur dat_option_cur(const struct dat_reader *r, const struct dat_option *o)
{
	return (struct cur){
		.data = o->data, .len = o->size, .base = o->offset,
		.big_endian = r->header.big_endian,
	};
}

/* Tells that an option is not used and why. Always 0: reading goes on. */
static int ignore(struct dat_reader *r, const struct dat_option *o, const char *why)
{
	dat_notice(r, "'%s': option %s at offset 0x%" PRIx64 " %s; ignored", r->name,
		   dat_id_name(o->id), o->offset, why);
	return 0;
}

/* The text of a string option, NULL (told) without a NUL. */
static const char *option_str(struct dat_reader *r, const struct dat_option *o)
{
	struct cur c = dat_option_cur(r, o);
	const char *s;

	if (cur_str(&c, o->size, &s))
		return s;
	ignore(r, o, "is not NUL-terminated");
	return NULL;
}

static int set_str(struct dat_reader *r, const struct dat_option *o, const char **ret)
{
	const char *s = option_str(r, o);

	if (s)
		*ret = s;
	return 0;
}

/* DATE and OFFSET: their numbers add up, modulo 2^64. */
static int add_number(struct dat_reader *r, const struct dat_option *o, int64_t *sum, bool *has)
{
	const char *s = option_str(r, o);
	uint64_t u;
	int64_t v;

	if (!s)
		return 0;
	if (!parse_s64(s, &v))
		u = v;
	else if (parse_u64(s, &u))
		return ignore(r, o, "is not a number");
	*sum = (uint64_t)*sum + u;
	*has = true;
	return 0;
}

void dat_clock_word(const char *text, size_t len, char *dst, size_t size)
{
	const char *open = memchr(text, '[', len), *close;

	dst[0] = 0;
	if (!open)
		return;
	open++;
	close = memchr(open, ']', text + len - open);
	if (!close || (size_t)(close - open) >= size)
		return;
	memcpy(dst, open, close - open);
	dst[close - open] = 0;
}

bool dat_clock_is_same(const char *a, const char *b)
{
	static const char tsc[] = "x86-tsc", tsc_ns[] = "tsc2nsec";

	return !strcmp(a, b) || (!strcmp(a, tsc) && !strcmp(b, tsc_ns)) || (!strcmp(a, tsc_ns) && !strcmp(b, tsc));
}

static int opt_date(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	(void)e;
	return add_number(r, o, &r->info.date_us, &r->info.has_date);
}

static int opt_offset(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	(void)e;
	return add_number(r, o, &r->info.offset, &r->info.has_offset);
}

static int opt_cpustat(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	const char *s = option_str(r, o);

	if (s && buf_puts(&r->cpustat, s))
		return dat_no_memory(e);
	return 0;
}

static int opt_traceclock(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	const char *s;

	(void)e;
	if (!o->size) {
		r->info.trace_clock = "";
		return 0;
	}
	s = option_str(r, o);
	if (!s)
		return 0;
	r->info.trace_clock = s;
	dat_clock_word(s, strlen(s), r->info.clock, sizeof(r->info.clock));
	return 0;
}

static int opt_uname(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	(void)e;
	return set_str(r, o, &r->info.uname);
}

static int opt_version(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	(void)e;
	return set_str(r, o, &r->info.version);
}

static int opt_cpucount(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	struct cur c = dat_option_cur(r, o);
	uint32_t n;

	(void)e;
	if (!cur_u32(&c, &n))
		return ignore(r, o, "is shorter than 4 bytes");
	if (!n || n > DAT_CPUS_MAX)
		return ignore(r, o, "counts no CPU or more than 65536");
	r->info.cpu_count = n;
	return 0;
}

static int opt_traceid(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	struct cur c = dat_option_cur(r, o);
	uint64_t id;

	(void)e;
	if (!cur_u64(&c, &id))
		return ignore(r, o, "is shorter than 8 bytes");
	r->info.trace_id = id;
	r->info.has_trace_id = true;
	return 0;
}

int dat_put_tsc2nsec(struct buf *b, const struct dat_tsc2nsec *t)
{
	buf_u32(b, t->mult);
	buf_u32(b, t->shift);
	buf_u64(b, t->offset);
	return b->failed ? -ENOMEM : 0;
}

static int opt_tsc2nsec(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	struct dat_tsc2nsec t = { .present = true };
	struct cur c = dat_option_cur(r, o);

	(void)e;
	if (!cur_u32(&c, &t.mult) || !cur_u32(&c, &t.shift) || !cur_u64(&c, &t.offset))
		return ignore(r, o, "is shorter than 16 bytes");
	if (t.shift > 63)
		return ignore(r, o, "shifts by more than 63 bits");
	r->info.tsc2nsec = t;
	return 0;
}

static int opt_time_shift(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	return dat_option_time_shift(r, o) == -ENOMEM ? dat_no_memory(e) : 0;
}

static int opt_time_sync(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	return dat_option_time_sync(r, o) == -ENOMEM ? dat_no_memory(e) : 0;
}

static int opt_guest(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	return dat_option_guest(r, o) == -ENOMEM ? dat_no_memory(e) : 0;
}

/* A reference to the section of the same id. */
static int opt_section(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	bool may_dangle = o->id == DAT_BTF_FILE || o->id == DAT_MODULES_FILE;
	struct cur c = dat_option_cur(r, o);
	struct section *s;
	uint64_t offset;
	int ret;

	if (r->header.version == 6)
		return 0;		/* copied from a v7 file; means nothing here */
	if (!cur_u64(&c, &offset))
		return ignore(r, o, "is shorter than 8 bytes");
	ret = dat_section_at(r, offset, &s, e);
	if (ret < 0)
		return ret;
	if (ret && s->pub.id == o->id) {
		r->refs[o->id] = offset;
		return 0;
	}
	if (may_dangle)
		return ignore(r, o, "points at no such section");
	if (dat_past_end(r, offset)) {
		dat_set_cut(r, r->src.size);
		return ignore(r, o, "points past the end of the file");
	}
	return err_set(e, -EBADMSG, "option %s at offset 0x%" PRIx64 " points at 0x%" PRIx64
		       ", where no such section is", dat_id_name(o->id), o->offset, offset);
}

static int opt_buffer(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	return r->header.version == 6 ? 0 : dat_buffer_option(r, o, e);
}

static int opt_buffer_text(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	return r->header.version == 6 ? 0 : dat_buffer_text_option(r, o, e);
}

/* What to do at an option; the others (and unknown ones) are only kept. */
static int (*const appliers[DAT_ID_COUNT])(struct dat_reader *r, const struct dat_option *o,
					   struct err *e) = {
	[DAT_DATE] = opt_date, [DAT_CPUSTAT] = opt_cpustat, [DAT_BUFFER] = opt_buffer,
	[DAT_TRACECLOCK] = opt_traceclock, [DAT_UNAME] = opt_uname, [DAT_OFFSET] = opt_offset,
	[DAT_CPUCOUNT] = opt_cpucount, [DAT_VERSION] = opt_version, [DAT_TRACEID] = opt_traceid,
	[DAT_TIME_SHIFT] = opt_time_shift, [DAT_GUEST] = opt_guest, [DAT_TSC2NSEC] = opt_tsc2nsec,
	[DAT_HEADER_INFO] = opt_section, [DAT_FTRACE_EVENTS] = opt_section,
	[DAT_EVENT_FORMATS] = opt_section, [DAT_KALLSYMS] = opt_section,
	[DAT_PRINTK] = opt_section, [DAT_CMDLINES] = opt_section,
	[DAT_BUFFER_TEXT] = opt_buffer_text, [DAT_BTF_FILE] = opt_section,
	[DAT_MODULES_FILE] = opt_section,
};

int dat_option_add(struct dat_reader *r, const struct dat_option *o, struct err *e)
{
	if (vec_push(&r->options, *o))
		return dat_no_memory(e);
	if (o->id < DAT_ID_COUNT && appliers[o->id])
		return appliers[o->id](r, o, e);
	return o->id == DAT_TIME_SYNC ? opt_time_sync(r, o, e) : 0;
}

/*
 * The options of one section. *ret_next is the offset DONE gives. 1, 0 when the
 * section is cut before its DONE, -errno.
 */
static int options_read(struct dat_reader *r, struct cur *c, const struct section *s,
			uint64_t *ret_next, struct err *e)
{
	while (cur_left(c)) {
		uint64_t at = cur_offset(c);
		struct dat_option o = { 0 };
		int ret;

		if (!cur_u16(c, &o.id) || !cur_u32(c, &o.size)) {
			if (s->cut)
				return 0;
			return err_set(e, -EBADMSG, "the option at offset 0x%" PRIx64
				       " has no room for its header", at);
		}
		o.offset = cur_offset(c);
		if (!cur_bytes(c, o.size, &o.data)) {
			if (s->cut)
				return 0;
			return err_set(e, -EBADMSG, "option %u at offset 0x%" PRIx64 " claims %u bytes, "
				       "its section has %" PRIu64, o.id, at, o.size, cur_left(c));
		}
		if (o.id != DAT_DONE) {
			ret = dat_option_add(r, &o, e);
			if (ret)
				return ret;
			continue;
		}
		if (o.size != DAT_DONE_SIZE)
			return err_set(e, -EBADMSG, "the end mark of the options at offset 0x%" PRIx64
				       " has %u bytes, not %u", at, o.size, DAT_DONE_SIZE);
		if (cur_left(c))
			dat_notice(r, "'%s': %" PRIu64 " bytes behind the end mark of the options at "
				   "offset 0x%" PRIx64 " are ignored", r->name, cur_left(c),
				   cur_offset(c));
		*ret_next = get_u64(o.data, r->header.big_endian);
		r->options_link = *ret_next || s->pub.flags & DAT_SECTION_COMPRESSED ? 0 : o.offset;
		return 1;
	}
	if (s->cut)
		return 0;
	return err_set(e, -EBADMSG, "the options section at offset 0x%" PRIx64 " has no end mark",
		       s->pub.offset);
}

/* One link of the chain. As options_read. */
static int options_section(struct dat_reader *r, uint64_t offset, uint64_t from,
			   uint64_t *ret_next, struct err *e)
{
	struct section *s, copy;
	struct block b = { 0 };
	struct cur c;
	int ret = dat_section_at(r, offset, &s, e);

	if (ret < 0)
		return ret;
	if (!ret || s->pub.id != DAT_DONE)
		return err_set(e, -EBADMSG, "the link to the options at offset 0x%" PRIx64
			       " points at 0x%" PRIx64 ", where no options section is", from, offset);
	if (s->visited)
		return err_set(e, -EBADMSG, "the options chain comes back to offset 0x%" PRIx64
			       " (link at 0x%" PRIx64 ")", offset, from);
	s->visited = true;
	copy = *s;			/* the table may move while options are applied */
	ret = dat_section_body(r, &copy, DAT_OPTIONS_MAX, &b, e);
	if (ret)
		return ret;
	if (!dat_own(r, b.data))
		return dat_no_memory(e);
	c = (struct cur){ .data = b.data, .len = b.len, .base = b.base,
			  .big_endian = r->header.big_endian };
	ret = options_read(r, &c, &copy, ret_next, e);
	return ret;
}

/* Without references metadata is still found by the walk over the sections. */
static void refs_by_walk(struct dat_reader *r)
{
	for (size_t i = 0; i < r->sections.nr; i++) {
		const struct section *s = &r->sections.v[i];

		if (s->pub.id < DAT_ID_COUNT && appliers[s->pub.id] == opt_section &&
		    !r->refs[s->pub.id] && !s->cut)
			r->refs[s->pub.id] = s->pub.offset;
	}
}

int dat_options_chain(struct dat_reader *r, struct err *e)
{
	uint64_t next = r->header.options_offset, from = r->header_end - 8;
	int ret;

	if (!next) {
		dat_notice(r, "'%s' was never finished: its header (offset 0x%" PRIx64
			   ") names no options", r->name, from);
		dat_set_cut(r, r->src.size);
	}
	while (next) {
		uint64_t here = next;

		if (dat_past_end(r, here)) {
			if (!r->cut)
				dat_notice(r, "'%s' is cut: its options go on at offset 0x%" PRIx64
					   " (link at 0x%" PRIx64 "), it ends at 0x%" PRIx64, r->name, here, from,
					   r->src.size);
			dat_set_cut(r, r->src.size);
			break;
		}
		ret = options_section(r, here, from, &next, e);
		if (ret < 0)
			return ret;
		if (!ret)
			break;
		from = here;
	}
	ret = dat_salvage(r, e);
	if (!ret && r->cut)
		refs_by_walk(r);
	return ret;
}
