// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "record/perf_names.h"

#define NAME_MAX_LEN 63			/* perf has longer names for kernel threads than the kernel */

struct perf_name {
	uint32_t tid;
	uint64_t time;
	char text[NAME_MAX_LEN + 1];
};

/* One line of text each: what would end it is made visible instead. */
static void copy_name(char *dst, const char *src)
{
	size_t i;

	for (i = 0; i < NAME_MAX_LEN && src[i]; i++)
		dst[i] = (unsigned char)src[i] < ' ' ? '?' : src[i];
	dst[i] = 0;
}

int perf_names_set(struct perf_names *n, uint32_t tid, uint64_t time, const char *name)
{
	struct perf_name new = { .tid = tid, .time = time };
	uint32_t i;

	copy_name(new.text, name);
	if (map_get(&n->by_task, tid, 0, &i)) {
		if (time >= n->v.v[i].time)
			n->v.v[i] = new;
		return 0;
	}
	if (n->v.nr >= UINT32_MAX || vec_push(&n->v, new))
		return -ENOMEM;
	return map_set(&n->by_task, tid, 0, n->v.nr - 1);
}

int perf_names_fork(struct perf_names *n, uint32_t tid, uint32_t parent, uint64_t time)
{
	char name[NAME_MAX_LEN + 1];
	uint32_t i;

	if (tid == parent || !map_get(&n->by_task, parent, 0, &i))
		return 0;
	memcpy(name, n->v.v[i].text, sizeof(name));	/* v may move */
	return perf_names_set(n, tid, time, name);
}

static void put_saved(const struct perf_names *n, const char *line, size_t len, struct buf *out)
{
	size_t digits = 0;
	uint64_t tid = 0;
	uint32_t i;

	while (digits < len && digits < 10 && line[digits] >= '0' && line[digits] <= '9')
		tid = 10 * tid + line[digits++] - '0';
	if (!digits || digits >= len || line[digits] != ' ' || map_get(&n->by_task, tid, 0, &i))
		return;
	buf_put(out, line, len);
	buf_puts(out, "\n");
}

int perf_names_text(const struct perf_names *n, struct dat_text saved, struct buf *out)
{
	struct buf text AUTO_BUF = { 0 };

	for (size_t i = 0; i < n->v.nr; i++)
		buf_printf(&text, "%u %s\n", n->v.v[i].tid, n->v.v[i].text);
	while (saved.len) {
		const char *end = memchr(saved.data, '\n', saved.len);
		size_t len = end ? (size_t)(end - saved.data) : saved.len;

		put_saved(n, saved.data, len, &text);
		saved.data += len + !!end;
		saved.len -= len + !!end;
	}
	return text.failed ? -ENOMEM : dat_put_text(out, DAT_CMDLINES, text.data ? text.data : "", text.len);
}

void perf_names_release(struct perf_names *n)
{
	vec_release(&n->v);
	map_release(&n->by_task);
}
