/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events made of formats and records given as texts and bytes, and their lines. */
#ifndef TRACECMD_TEST_EVENT_LINES_H
#define TRACECMD_TEST_EVENT_LINES_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/event.h"
#include "../formats.h"

/* One db over texts given; notices are kept. */
struct fixture {
	struct event_db *db;
	struct event_ctx *ctx;
	const char *const *formats;	/* system, text, ..., NULL */
	char notices[4096];
};

static void keep_notice(void *ctx, const char *text)
{
	struct fixture *fx = ctx;
	size_t len = strlen(fx->notices);

	snprintf(fx->notices + len, sizeof(fx->notices) - len, "%s\n", text);
}

static struct notices fixture_notices = { .fn = keep_notice };

static int formats(void *ctx, struct event_db *db, struct err *e)
{
	struct fixture *fx = ctx;

	for (size_t i = 0; fx->formats[i]; i += 2) {
		const char *text = fx->formats[i + 1];
		int r = event_db_add_format(db, fx->formats[i], text, strlen(text), e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int symbols(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "1000 T first\n2000 T second\n3000 T end\n";
	*len = strlen(*text);
	return 0;
}

static int names(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "100 a task\n";
	*len = strlen(*text);
	return 0;
}

static void begin_sized(struct fixture *fx, const char *const *texts, bool big_endian,
			unsigned long_size)
{
	struct event_db_opts opts = { .big_endian = big_endian, .long_size = long_size,
				      .page_size = 4096, .cpus = 1, .notices = &fixture_notices };
	struct event_db_source source = { .formats = formats, .kallsyms = symbols,
					  .cmdlines = names, .ctx = fx };

	tep_set_loglevel(TEP_LOG_NONE);
	memset(fx, 0, sizeof(*fx));
	fx->formats = texts;
	fixture_notices.ctx = fx;
	assert_int_equal(event_db_new(&opts, &fx->db, NULL), 0);
	event_db_set_source(fx->db, &source);
	assert_int_equal(event_ctx_new(fx->db, &fx->ctx, NULL), 0);
}

static void begin(struct fixture *fx, const char *const *texts, bool big_endian)
{
	begin_sized(fx, texts, big_endian, 8);
}

static void end(struct fixture *fx)
{
	event_ctx_free(fx->ctx);
	event_db_free(fx->db);
}

static const struct event_line_opts plain = { .seconds = true };

/* The line of a record, which lies at the very end of its memory. */
static const char *line_of(struct fixture *fx, const struct event_line_opts *opts,
			   const void *data, size_t len)
{
	static struct buf out;
	struct event_line_state state = { 0 };
	void *exact = malloc(len ? len : 1);
	struct event_record rec = { .ts = 1000000500, .data = exact, .len = len, .avail = len };

	assert_non_null(exact);
	if (len)
		memcpy(exact, data, len);
	buf_clear(&out);
	event_line(fx->ctx, opts, &state, &rec, NULL, &out);
	assert_false(out.failed);
	free(exact);
	return out.data;
}

#define RECORD(id, ...) { (id) & 255, (id) >> 8, 0x0d, 0x12, 100, 0, 0, 0, __VA_ARGS__ }

#endif
