// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The formats: kernel/trace/trace_entries.h as the kernel prints it. kernel_stack has as many addresses as
 * it needs, user_stack always eight.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>

#include "record/perf_stack.h"

#define COMMON 8			/* bytes of the fields all events have */
#define SHOWN 8				/* addresses a format tells of */
#define PAGE_SPARE 64			/* of a sub-buffer: its header, an entry's head */
#define KERNEL_ID 4			/* in kernels; any that is free will do */
#define USER_ID 12

/* ---- formats ---------------------------------------------------------------------------- */

struct search {
	struct perf_stacks *s;
	bool taken[UINT16_MAX + 1];	/* ids */
};

/* What follows @key in @text as a number. */
static bool number_behind(const char *text, const char *key, uint32_t *ret)
{
	const char *p = strstr(text, key);
	char *end;
	unsigned long v;

	if (!p)
		return false;
	p += strlen(key);
	v = strtoul(p, &end, 10);
	if (end == p || v > UINT16_MAX)
		return false;
	*ret = v;
	return true;
}

/* Where such a format has its addresses, if it can be a stack's. */
static void take_format(const char *text, struct perf_stack_kind *kind)
{
	const char *addresses = strstr(text, " caller");
	uint32_t id, caller;

	if (addresses && number_behind(text, "ID: ", &id) && number_behind(addresses, "offset:", &caller) &&
	    caller >= COMMON + 4 && caller <= PAGE_SPARE)
		*kind = (struct perf_stack_kind){ .id = id, .caller = caller };
}

static int on_format(void *ctx, const char *system, struct dat_text format)
{
	struct search *f = ctx;
	uint32_t id;
	char *text = strndup(format.data, format.len);

	if (!text)
		return -ENOMEM;
	if (number_behind(text, "ID: ", &id))
		f->taken[id] = true;
	if (!strcmp(system, "ftrace") && !strncmp(text, "name: kernel_stack\n", 19))
		take_format(text, &f->s->kernel);
	else if (!strcmp(system, "ftrace") && !strncmp(text, "name: user_stack\n", 17))
		take_format(text, &f->s->user);
	free(text);
	return 0;
}

static uint16_t free_id(struct search *f, uint16_t from)
{
	while (f->taken[from] && from != UINT16_MAX)
		from++;
	f->taken[from] = true;
	return from;
}

static int put_format(struct perf_stacks *s, struct perf_stack_kind *kind, const char *name, const char *first)
{
	struct buf b AUTO_BUF = { 0 };

	kind->caller = (COMMON + 4 + s->long_size - 1) / s->long_size * s->long_size;
	buf_printf(&b, "name: %s\nID: %u\nformat:\n"
		   "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		   "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		   "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		   "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
		   "\tfield:%s;\toffset:%u;\tsize:4;\tsigned:%u;\n"
		   "\tfield:unsigned long caller[%u];\toffset:%u;\tsize:%u;\tsigned:0;\n\nprint fmt: \"",
		   name, kind->id, first, COMMON, first[0] == 'i', SHOWN, kind->caller, SHOWN * s->long_size);
	for (unsigned i = 0; i < SHOWN; i++)
		buf_puts(&b, "\\t=> %ps\\n");
	buf_puts(&b, "\"");
	for (unsigned i = 0; i < SHOWN; i++)
		buf_printf(&b, ", (void *)REC->caller[%u]", i);
	buf_puts(&b, "\n");
	s->nr_formats++;
	s->formats.big_endian = s->big_endian;
	buf_u64(&s->formats, b.len);
	return b.failed ? -ENOMEM : buf_put(&s->formats, b.data, b.len);
}

static void set_frames(struct perf_stacks *s, uint32_t page_size)
{
	s->kernel.frames = (page_size - PAGE_SPARE - s->kernel.caller) / s->long_size;
	s->user.frames = SHOWN;
}

int perf_stacks_init(struct perf_stacks *s, struct dat_reader *r, unsigned long_size, uint32_t page_size,
		     struct err *e)
{
	struct search *f = calloc(1, sizeof(*f));
	int ret = f ? 0 : -ENOMEM;

	*s = (struct perf_stacks){ .long_size = long_size, .big_endian = dat_reader_header(r)->big_endian };
	if (f) {
		f->s = s;
		f->taken[0] = true;
		ret = dat_reader_formats(r, on_format, f, e);
	}
	if (!ret && !s->kernel.id) {
		s->kernel.id = free_id(f, KERNEL_ID);
		ret = put_format(s, &s->kernel, "kernel_stack", "int size");
	}
	if (!ret && !s->user.id) {
		s->user.id = free_id(f, USER_ID);
		ret = put_format(s, &s->user, "user_stack", "unsigned int tgid");
	}
	free(f);
	set_frames(s, page_size);
	return ret == -ENOMEM ? err_set(e, ret, "out of memory") : ret;
}

static int read_kind(struct kernel *k, const char *file, struct perf_stack_kind *ret, struct err *e)
{
	AUTO_BUF struct buf format = { 0 };
	int r = kernel_read_named(kernel_top(k), file, &format, e);

	if (r)
		return r;
	take_format(format.data, ret);
	return ret->id ? 0 : err_set(e, -EBADMSG, "'%s' does not tell where the stack is", file);
}

int perf_stacks_read(struct perf_stacks *s, struct kernel *k, unsigned long_size, uint32_t page_size,
		     struct err *e)
{
	int r;

	*s = (struct perf_stacks){
		.long_size = long_size, .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
	};
	r = read_kind(k, "events/ftrace/kernel_stack/format", &s->kernel, e);
	if (!r)
		r = read_kind(k, "events/ftrace/user_stack/format", &s->user, e);
	set_frames(s, page_size);
	return r;
}

void perf_stacks_release(struct perf_stacks *s)
{
	buf_release(&s->formats);
}

/* ---- records ---------------------------------------------------------------------------- */

static void put_address(const struct perf_stacks *s, uint64_t addr, struct buf *to)
{
	if (s->long_size == 8)
		buf_u64(to, addr);
	else
		buf_u32(to, addr);
}

/* Those of one space stand behind its mark, up to the next one. */
static uint32_t put_addresses(const struct perf_stacks *s, const struct perf_sample *sample, bool user,
			      struct buf *to, uint64_t *cut)
{
	uint64_t space = 0, mark = user ? PERF_CONTEXT_USER : PERF_CONTEXT_KERNEL;
	uint32_t nr = 0, max = user ? s->user.frames : s->kernel.frames;

	for (uint64_t i = 0; i < sample->chain_nr; i++) {
		uint64_t addr = perf_chain_at(sample, i);

		if (addr >= PERF_CONTEXT_MAX) {
			space = addr;
		} else if (space == mark && nr < max) {
			put_address(s, addr, to);
			nr++;
		} else if (space == mark && cut) {
			++*cut;
		}
	}
	return nr;
}

int perf_stack_record(const struct perf_stacks *s, const struct perf_sample *sample, bool user,
		      struct buf *ret, uint64_t *cut)
{
	const struct perf_stack_kind *kind = user ? &s->user : &s->kernel;
	uint32_t nr;

	buf_clear(ret);
	ret->big_endian = s->big_endian;
	buf_u16(ret, kind->id);
	buf_put(ret, sample->raw + 2, COMMON - 2);
	buf_fill(ret, 0, kind->caller - COMMON);
	nr = put_addresses(s, sample, user, ret, cut);
	while (user && nr && ret->len < kind->caller + (uint64_t)SHOWN * s->long_size && !ret->failed)
		put_address(s, 0, ret);
	if (ret->failed)
		return -ENOMEM;
	put_u32(ret->data + COMMON, user ? sample->at.pid : nr, s->big_endian);
	return !!nr;
}
