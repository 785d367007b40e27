// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Event formats, symbols, printk formats, task names, filters and records, all
 * of the input's making, through the text of a line, and through JSON and CSV.
 *
 * The input is a list of pieces: a letter, a little-endian 16-bit length, that
 * many bytes. f, g: a format (of the systems "ftrace" and "sys"); k, p, c: the
 * three texts; F, V: a filter that includes or excludes; o: options (bits); r:
 * a record. Records are printed after everything else is known.
 */
#include <stdlib.h>

#include "event/event.h"
#include "event/export.h"
#include "json_check.h"
#include "../leaks.h"

#define PIECES_MAX 64

struct piece { char kind; const uint8_t *data; size_t len; };
struct input { struct piece v[PIECES_MAX]; size_t nr; };

static void split(struct input *in, const uint8_t *data, size_t size)
{
	while (size >= 3 && in->nr < PIECES_MAX) {
		size_t len = data[1] | data[2] << 8;

		if (len > size - 3)
			len = size - 3;
		in->v[in->nr++] = (struct piece){ data[0], data + 3, len };
		data += 3 + len;
		size -= 3 + len;
	}
}

static int add_formats(void *ctx, struct event_db *db, struct err *e)
{
	struct input *in = ctx;

	for (size_t i = 0; i < in->nr; i++) {
		const struct piece *p = &in->v[i];

		if (p->kind == 'f' || p->kind == 'g') {
			int r = event_db_add_format(db, p->kind == 'f' ? "ftrace" : "sys",
						    (const char *)p->data, p->len, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int find_text(struct input *in, char kind, const char **text, size_t *len)
{
	for (size_t i = 0; i < in->nr; i++)
		if (in->v[i].kind == kind) {
			*text = (const char *)in->v[i].data;
			*len = in->v[i].len;
		}
	return 0;
}

static int kallsyms(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)e;
	return find_text(ctx, 'k', text, len);
}

static int printk(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)e;
	return find_text(ctx, 'p', text, len);
}

static int cmdlines(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)e;
	return find_text(ctx, 'c', text, len);
}

static void add_filters(const struct input *in, struct event_filter *filter)
{
	for (size_t i = 0; i < in->nr; i++) {
		const struct piece *p = &in->v[i];
		char *text;

		if (p->kind != 'F' && p->kind != 'V')
			continue;
		text = strndup((const char *)p->data, p->len);
		if (text)
			event_filter_add(filter, text, p->kind == 'V', NULL);
		free(text);
	}
}

/* An exact copy, so that a byte read too much is noticed. */
static void *exact(const uint8_t *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	if (copy && len)
		memcpy(copy, data, len);
	return copy;
}

struct follower { const struct piece *piece; void *data; };

static int peek(void *ctx, struct event_record *ret)
{
	struct follower *f = ctx;

	if (!f->data)
		return 0;
	*ret = (struct event_record){ .data = f->data, .len = f->piece->len,
				      .avail = f->piece->len };
	return 1;
}

static void take(void *ctx)
{
	(void)ctx;
}

/* The record as a line of JSON, which must be valid, and of CSV. */
static void export(struct event_db *db, struct event_ctx *ctx, const struct input *in, unsigned options,
		   struct buf *out)
{
	const struct event_export_opts opts = {
		.format = options & 128 ? EVENT_EXPORT_CSV : EVENT_EXPORT_JSON,
		.decoded = options & 1, .text = options & 2,
	};
	struct event_export_ctx *tools = NULL;
	struct event_export *x = NULL;
	struct buf where = { 0 };

	if (event_export_new(db, &opts, &x, NULL) ||
	    event_export_ctx_new(&tools, NULL))
		abort();
	event_export_where(x, options & 4 ? "f" : NULL, options & 8 ? "b" : "", &where);
	for (size_t i = 0; i < in->nr; i++) {
		struct event_record rec = { .ts = 1234567 * i, .len = in->v[i].len, .avail = in->v[i].len };

		if (in->v[i].kind != 'r')
			continue;
		rec.data = exact(in->v[i].data, rec.len);
		buf_clear(out);
		event_export_put(x, tools, ctx, &rec, NULL, &where, out);
		if (out->failed || (opts.format == EVENT_EXPORT_JSON && !json_is_line(out->data, out->len)))
			abort();
		free((void *)rec.data);
	}
	buf_release(&where);
	event_export_ctx_free(tools);
	event_export_free(x);
}

static void print(struct event_ctx *ctx, struct event_filter *filter, const struct input *in,
		  unsigned options, struct buf *out)
{
	const struct event_line_opts opts = {
		.latency = options & 1, .fields = options & 2, .nanoseconds = options & 4,
		.seconds = options & 8, .ts_diff = options & 16, .no_flags = options & 32,
	};
	struct event_line_state state = { 0 };

	for (size_t i = 0; i < in->nr; i++) {
		struct follower f = { .piece = i + 1 < in->nr ? &in->v[i + 1] : NULL };
		const struct event_next next = { .peek = peek, .take = take, .ctx = &f };
		struct event_record rec = { .ts = 1234567 * i, .len = in->v[i].len };

		if (in->v[i].kind != 'r')
			continue;
		rec.data = exact(in->v[i].data, rec.len);
		rec.avail = rec.len;
		if (options & 64 && rec.len > 8)
			rec.len -= 8;	/* a sub-buffer goes on behind the record */
		if (f.piece && f.piece->kind == 'r')
			f.data = exact(f.piece->data, f.piece->len);
		event_filter_match(filter, &rec);
		buf_clear(out);
		event_line(ctx, &opts, &state, &rec, &next, out);
		free((void *)rec.data);
		free(f.data);
	}
}

/* libtraceevent 1.7's parser loses a few bytes at most kinds of malformed format. */
KNOWN_LEAKS("leak:tep_parse_event\n");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .nr = 0 };
	struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 2 };
	struct event_db_source source = { .formats = add_formats, .kallsyms = kallsyms,
					  .printk = printk, .cmdlines = cmdlines, .ctx = &in };
	struct event_filter *filter = NULL;
	struct event_ctx *ctx = NULL;
	struct event_db *db;
	struct buf out = { 0 };
	unsigned options = 0;

	tep_set_loglevel(TEP_LOG_NONE);
	split(&in, data, size);
	for (size_t i = 0; i < in.nr; i++)
		if (in.v[i].kind == 'o' && in.v[i].len >= 2)
			options = in.v[i].data[0] | in.v[i].data[1] << 8;
	opts.big_endian = options & 256;
	opts.long_size = options & 512 ? 4 : 8;
	if (event_db_new(&opts, &db, NULL))
		return 0;
	event_db_set_source(db, &source);
	event_db_set_compat_31(db, options & 1024);
	event_db_set_texts(db, options & 8192 ? EVENT_TEXTS_KERNEL :
			   options & 16384 ? EVENT_TEXTS_COMPARE : EVENT_TEXTS_TRACE_CMD);
	event_db_plugin_option(db, "fgraph:tailprint", NULL);
	/* without this call there are no plugins, but the texts made here */
	if (options & (2048 | 4096))
		event_db_load_plugins(db, false, options & 4096, NULL);
	if (!event_filter_new(db, &filter, NULL))
		add_filters(&in, filter);
	if (filter && !event_ctx_new(db, &ctx, NULL)) {
		event_filter_describe(filter, &out);
		print(ctx, filter, &in, options, &out);
		export(db, ctx, &in, options, &out);
	}
	buf_release(&out);
	event_filter_free(filter);
	event_ctx_free(ctx);
	event_db_free(db);
	return 0;
}
