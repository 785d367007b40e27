// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/perf_stack.h"

#define FIRST_MARK ((uint64_t)PERF_CONTEXT_MAX)	/* addresses from here on are marks */
#define USER_FRAMES 8			/* of an ftrace:user_stack: a print format names each of them */

/* ---- formats ------------------------------------------------------------------ */

/* The offset of the field @name, which @end follows; 0: there is none. */
static uint32_t field_at(const char *format, const char *name, char end)
{
	size_t len = strlen(name);

	for (const char *at = format; (at = strstr(at, name)); at += len)
		if (at > format && at[-1] == ' ' && at[len] == end) {
			const char *offset = strstr(at, "offset:");

			return offset ? strtoul(offset + strlen("offset:"), NULL, 10) : 0;
		}
	return 0;
}

bool perf_stack_format(const char *format, struct perf_stack_event *ret)
{
	const char *id = strstr(format, "\nID: ");

	*ret = (struct perf_stack_event){
		.type = id ? strtoul(id + strlen("\nID: "), NULL, 10) : 0,
		.size_at = field_at(format, "size", ';'), .tgid_at = field_at(format, "tgid", ';'),
		.caller_at = field_at(format, "caller", '['),
	};
	return ret->type && ret->caller_at;
}

static int read_event(struct kernel *k, const char *name, struct perf_stack_event *ret, struct err *e)
{
	AUTO_BUF struct buf format = { 0 };
	char file[64];
	int r;

	snprintf(file, sizeof(file), "events/ftrace/%s/format", name);
	r = kernel_read_named(kernel_top(k), file, &format, e);
	if (r)
		return r;
	if (!perf_stack_format(format.data, ret))
		return err_set(e, -EBADMSG, "'%s' does not tell where the stack is", file);
	return 0;
}

int perf_stacks_read(struct kernel *k, unsigned word, uint32_t page_size, struct perf_stacks *ret, struct err *e)
{
	int r = read_event(k, "kernel_stack", &ret->kernel, e);

	if (r)
		return r;
	ret->word = word;
	ret->kernel_max = (page_size - PERF_STACK_SPARE - ret->kernel.caller_at) / word;
	return read_event(k, "user_stack", &ret->user, e);
}

/* ---- events -------------------------------------------------------------------- */

/* The event's record without its addresses. */
static int begin(const struct perf_stack_event *ev, const struct perf_sample *s, struct buf *ret)
{
	uint32_t common = ev->size_at ? ev->size_at : ev->tgid_at ? ev->tgid_at : ev->caller_at;

	if (buf_fill(ret, 0, ev->caller_at))
		return -ENOMEM;
	memcpy(ret->data, s->raw, common < s->raw_len ? common : s->raw_len);
	put_u16(ret->data, ev->type, s->big_endian);
	return 0;
}

static int put_address(const struct perf_stack_event *ev, const struct perf_sample *s, unsigned word, uint64_t at,
		       struct buf *ret)
{
	if (!ret->len && begin(ev, s, ret))
		return -ENOMEM;
	return word == 8 ? buf_u64(ret, at) : buf_u32(ret, at);
}

static uint32_t frames(const struct perf_stack_event *ev, const struct buf *b, unsigned word)
{
	return b->len ? (b->len - ev->caller_at) / word : 0;
}

static bool has_room(const struct perf_stack_event *ev, const struct buf *b, unsigned word, uint32_t max)
{
	return !max || frames(ev, b, word) < max;
}

int perf_stacks_make(const struct perf_stacks *st, const struct perf_sample *s, struct buf *kernel,
		     struct buf *user, uint64_t *cut)
{
	uint64_t part = 0, left_out = 0;
	int r = 0;

	buf_clear(kernel);
	buf_clear(user);
	kernel->big_endian = user->big_endian = s->big_endian;
	for (uint64_t i = 0; !r && i < s->chain_nr; i++) {
		uint64_t at = perf_chain_at(s, i);

		if (at >= FIRST_MARK)
			part = at;
		else if (part == (uint64_t)PERF_CONTEXT_KERNEL && has_room(&st->kernel, kernel, st->word, st->kernel_max))
			r = put_address(&st->kernel, s, st->word, at, kernel);
		else if (part == (uint64_t)PERF_CONTEXT_USER && has_room(&st->user, user, st->word, USER_FRAMES))
			r = put_address(&st->user, s, st->word, at, user);
		else
			left_out += part == (uint64_t)PERF_CONTEXT_KERNEL || part == (uint64_t)PERF_CONTEXT_USER;
	}
	if (cut)
		*cut += left_out;
	if (kernel->len && st->kernel.size_at)
		put_u32(kernel->data + st->kernel.size_at, frames(&st->kernel, kernel, st->word), s->big_endian);
	if (user->len && st->user.tgid_at)
		put_u32(user->data + st->user.tgid_at, s->at.pid, s->big_endian);
	if (user->len && !r)
		r = buf_fill(user, 0, (USER_FRAMES - frames(&st->user, user, st->word)) * st->word);
	return r;
}
