/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All event formats of a kernel, from utest/fixtures/formats. */
#ifndef UTEST_KERNEL_FORMATS_H
#define UTEST_KERNEL_FORMATS_H

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "event/event.h"

/* "@ SYSTEM" lines, each followed by one format. */
struct kernel { char *text; size_t len; };

static inline void read_kernel(const char *name, struct kernel *ret)
{
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf packed = { 0 };
	unsigned long long len;

	assert_true(asprintf(&path, FIXTURES "/formats/%s.zst", name) > 0);
	assert_int_equal(path_read_all(path, &packed, 1 << 26), 0);
	len = ZSTD_getFrameContentSize(packed.data, packed.len);
	assert_true(len < 1 << 26);
	ret->text = malloc(len);
	ret->len = ZSTD_decompress(ret->text, len, packed.data, packed.len);
	assert_int_equal(ret->len, len);
}

/* A source of them: ctx is the kernel. */
static inline int add_kernel_formats(void *ctx, struct event_db *db, struct err *e)
{
	struct kernel *k = ctx;
	char *p = k->text, *end = k->text + k->len;

	while (p < end) {
		char *line = memchr(p, '\n', end - p), *next;
		char system[64];

		assert_int_equal(sscanf(p, "@ %63s", system), 1);
		next = memmem(line, end - line, "\n@ ", 3);
		next = next ? next + 1 : end;
		assert_int_equal(event_db_add_format(db, system, line + 1, next - line - 1, e), 0);
		p = next;
	}
	return 0;
}

#endif
