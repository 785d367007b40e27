// SPDX-License-Identifier: LGPL-2.1-or-later
/* The formats: kernel/trace/trace_entries.h as the kernel prints it. */
#include <errno.h>
#include <stdlib.h>

#include "record/perf_stack_formats.h"

#define COMMON 8			/* bytes of the fields all events have */
#define SHOWN 8				/* addresses a format tells of */
#define KERNEL_ID 4			/* in kernels; any that is free will do */
#define USER_ID 12

struct search {
	struct perf_stacks *stacks;
	bool taken[UINT16_MAX + 1];	/* ids */
};

static int on_format(void *ctx, const char *system, struct dat_text format)
{
	struct search *s = ctx;
	struct perf_stack_event *into = NULL, ev;
	char *text = strndup(format.data, format.len);
	const char *id = text ? strstr(text, "\nID: ") : NULL;

	if (!text)
		return -ENOMEM;
	if (id)
		s->taken[strtoul(id + strlen("\nID: "), NULL, 10) & UINT16_MAX] = true;
	if (!strcmp(system, "ftrace") && !strncmp(text, "name: kernel_stack\n", 19))
		into = &s->stacks->kernel;
	else if (!strcmp(system, "ftrace") && !strncmp(text, "name: user_stack\n", 17))
		into = &s->stacks->user;
	/* whatever stands there, it has to be a place in a record */
	if (into && perf_stack_format(text, &ev) && ev.caller_at <= PERF_STACK_SPARE && ev.caller_at >= COMMON &&
	    ev.size_at <= PERF_STACK_SPARE - 4 && ev.tgid_at <= PERF_STACK_SPARE - 4)
		*into = ev;
	free(text);
	return 0;
}

static uint16_t free_id(struct search *s, uint16_t from)
{
	while (s->taken[from] && from != UINT16_MAX)
		from++;
	s->taken[from] = true;
	return from;
}

/* @first: the field before the addresses. */
static int make_format(struct perf_stack_formats *f, const struct perf_stack_event *ev, unsigned word,
		       const char *name, const char *first)
{
	struct buf b AUTO_BUF = { 0 };

	buf_printf(&b, "name: %s\nID: %u\nformat:\n"
		   "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		   "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		   "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		   "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
		   "\tfield:%s;\toffset:%u;\tsize:4;\tsigned:%u;\n"
		   "\tfield:unsigned long caller[%u];\toffset:%u;\tsize:%u;\tsigned:0;\n\nprint fmt: \"",
		   name, ev->type, first, COMMON, first[0] == 'i', SHOWN, ev->caller_at, SHOWN * word);
	for (unsigned i = 0; i < SHOWN; i++)
		buf_puts(&b, "\\t=> %ps\\n");
	buf_puts(&b, "\"");
	for (unsigned i = 0; i < SHOWN; i++)
		buf_printf(&b, ", (void *)REC->caller[%u]", i);
	buf_puts(&b, "\n");
	f->nr++;
	buf_u64(&f->text, b.len);
	return b.failed ? -ENOMEM : buf_put(&f->text, b.data, b.len);
}

int perf_stack_formats_init(struct perf_stack_formats *f, struct dat_reader *r, unsigned word,
			    uint32_t page_size, struct perf_stacks *ret, struct err *e)
{
	uint32_t caller = (COMMON + 4 + word - 1) / word * word;
	AUTO_FREE struct search *s = calloc(1, sizeof(*s));
	int err;

	*f = (struct perf_stack_formats){ .text.big_endian = dat_reader_header(r)->big_endian };
	*ret = (struct perf_stacks){ .word = word };
	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->stacks = ret;
	s->taken[0] = true;
	err = dat_reader_formats(r, on_format, s, e);
	if (!err && !ret->kernel.type) {
		ret->kernel = (struct perf_stack_event){ free_id(s, KERNEL_ID), .size_at = COMMON, .caller_at = caller };
		err = make_format(f, &ret->kernel, word, "kernel_stack", "int size");
	}
	if (!err && !ret->user.type) {
		ret->user = (struct perf_stack_event){ free_id(s, USER_ID), .tgid_at = COMMON, .caller_at = caller };
		err = make_format(f, &ret->user, word, "user_stack", "unsigned int tgid");
	}
	ret->kernel_max = (page_size - PERF_STACK_SPARE - ret->kernel.caller_at) / word;
	return err == -ENOMEM ? err_set(e, err, "out of memory") : err;
}

void perf_stack_formats_release(struct perf_stack_formats *f)
{
	buf_release(&f->text);
}
