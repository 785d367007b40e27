// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "record/perf_meta.h"

#define VERSION_AT DAT_MAGIC_LEN
#define VERSION_SIZE 4			/* "0.6" and its end */
#define KALLSYMS_MAX (256u << 20)

/* ---- reading ---------------------------------------------------------------------------- */

/* The same as the front of a version 6 file. */
static int make_front(struct perf_meta *m, const struct perf_file *f, struct err *e)
{
	const struct buf *t = &f->tracing;
	bool names;

	if (!t->len)
		return err_set(e, -ENODATA, "it has no tracing data, so no event formats to read tracepoints by");
	if (t->len < VERSION_AT + VERSION_SIZE || memcmp(t->data, DAT_MAGIC, DAT_MAGIC_LEN))
		return err_set(e, -EBADMSG, "the tracing data at offset 0x%" PRIx64 " do not begin as such do",
			       f->tracing_at);
	names = !memcmp(t->data + VERSION_AT, "0.6", VERSION_SIZE);
	if (!names && memcmp(t->data + VERSION_AT, "0.5", VERSION_SIZE))
		return err_set(e, -EOPNOTSUPP, "the version of the tracing data at offset 0x%" PRIx64 " is neither "
			       "0.5 nor 0.6", f->tracing_at + VERSION_AT);
	buf_put(&m->data, DAT_MAGIC, DAT_MAGIC_LEN);
	buf_str(&m->data, "6");
	buf_put(&m->data, t->data + VERSION_AT + VERSION_SIZE, t->len - VERSION_AT - VERSION_SIZE);
	if (!names)
		buf_u64(&m->data, 0);
	return m->data.failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

int perf_meta_open(struct perf_meta *m, const struct perf_file *f, struct err *e)
{
	const struct dat_header *h;
	struct dat_header_info info;
	char name[64];
	int ret;

	*m = (struct perf_meta){ .reader = NULL };
	ret = make_front(m, f, e);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "the tracing data at offset 0x%" PRIx64, f->tracing_at);
	ret = dat_reader_open_metadata(m->data.data, m->data.len, name, NULL, &m->reader, e);
	if (!ret && dat_reader_cut(m->reader, NULL))
		ret = err_set(e, -EBADMSG, "%s end too early", name);
	if (!ret)
		ret = dat_reader_header_info(m->reader, &info, e);
	if (ret)
		return ret;
	h = dat_reader_header(m->reader);
	if (h->big_endian != f->big_endian)
		return err_set(e, -EBADMSG, "%s have another byte order than the file", name);
	m->kernel_long = info.kernel_long;
	m->user_long = h->long_size;
	m->page_size = h->page_size;
	return 0;
}

void perf_meta_release(struct perf_meta *m)
{
	dat_reader_close(m->reader);
	buf_release(&m->data);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* The formats of ftrace's own events, and those that were made here. */
static int write_ftrace(const struct perf_meta *m, const struct perf_stacks *stacks, struct dat_writer *w,
			struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = dat_reader_header(m->reader)->big_endian };
	uint32_t nr = 0;
	struct cur c;
	int ret = dat_reader_block(m->reader, DAT_FTRACE_EVENTS, &c, e);

	if (ret < 0)
		return ret;
	if (ret)
		cur_u32(&c, &nr);
	buf_u32(&b, nr + stacks->nr_formats);
	if (ret)
		buf_put(&b, c.data + c.pos, cur_left(&c));
	if (stacks->formats.len)
		buf_put(&b, stacks->formats.data, stacks->formats.len);
	return b.failed ? err_set(e, -ENOMEM, "out of memory") :
			  dat_writer_block(w, DAT_FTRACE_EVENTS, b.data, b.len, e);
}

static int write_symbols(const struct perf_meta *m, const char *path, struct dat_writer *w, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = dat_reader_header(m->reader)->big_endian }, text AUTO_BUF = { 0 };
	int ret = path_read_all(path, &text, KALLSYMS_MAX);

	if (!ret)
		ret = dat_put_text(&b, DAT_KALLSYMS, text.data ? text.data : "", text.len);
	return ret ? err_errno(e, ret, "cannot read symbols from '%s'", path) :
		     dat_writer_block(w, DAT_KALLSYMS, b.data, b.len, e);
}

/* A "TID NAME" line, of a task that has told no name since. */
static void put_saved(const struct perf_tasks *names, const char *line, size_t len, struct buf *out)
{
	size_t digits = 0;
	uint64_t tid = 0;

	while (digits < len && digits < 10 && line[digits] >= '0' && line[digits] <= '9')
		tid = 10 * tid + line[digits++] - '0';
	if (!digits || digits >= len || line[digits] != ' ' || *perf_tasks_comm(names, tid))
		return;
	buf_put(out, line, len);
	buf_puts(out, "\n");
}

int perf_meta_names(const struct perf_tasks *names, struct dat_text saved, struct buf *out)
{
	struct buf text AUTO_BUF = { 0 };

	perf_tasks_text(names, &text);
	while (saved.len) {
		const char *end = memchr(saved.data, '\n', saved.len);
		size_t len = end ? (size_t)(end - saved.data) : saved.len;

		put_saved(names, saved.data, len, &text);
		saved.data += len + !!end;
		saved.len -= len + !!end;
	}
	return text.failed ? -ENOMEM : dat_put_text(out, DAT_CMDLINES, text.data ? text.data : "", text.len);
}

static int write_names(const struct perf_meta *m, const struct perf_tasks *names, struct dat_writer *w,
		       struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = dat_reader_header(m->reader)->big_endian };
	struct dat_text saved = { "", 0 };
	int ret = dat_reader_text(m->reader, DAT_CMDLINES, &saved, e);

	if (ret < 0)
		return ret;
	return perf_meta_names(names, saved, &b) ? err_set(e, -ENOMEM, "out of memory") :
						   dat_writer_block(w, DAT_CMDLINES, b.data, b.len, e);
}

static int write_blocks(const struct perf_meta *m, const struct perf_meta_more *more, struct dat_writer *w,
			struct err *e)
{
	int ret = 0;

	for (enum dat_id id = DAT_HEADER_INFO; id <= DAT_CMDLINES && ret >= 0; id++) {
		if (id == DAT_FTRACE_EVENTS)
			ret = write_ftrace(m, more->stacks, w, e);
		else if (id == DAT_KALLSYMS && more->kallsyms)
			ret = write_symbols(m, more->kallsyms, w, e);
		else if (id == DAT_CMDLINES)
			ret = write_names(m, more->names, w, e);
		else
			ret = dat_writer_block_from(w, m->reader, id, e);
	}
	return ret < 0 ? ret : 0;
}

static int put_text(struct dat_writer *w, enum dat_id id, const struct buf *text, struct err *e)
{
	return text->failed ? err_set(e, -ENOMEM, "out of memory") :
			      dat_writer_option(w, id, text->data, text->len + 1, e);
}

static const char *known(const char *text)
{
	return text ? text : "unknown";
}

static int write_options(const struct perf_file *f, const struct perf_meta_more *more, struct dat_writer *w,
			 struct err *e)
{
	struct buf clock AUTO_BUF = { 0 }, uname AUTO_BUF = { 0 }, version AUTO_BUF = { 0 };
	int ret;

	buf_printf(&clock, "[%s]", more->clock);
	buf_printf(&version, "%s, from perf.data of perf %s", more->writer, known(f->version));
	if (f->cmdline)
		buf_printf(&version, ": %s", f->cmdline);
	ret = put_text(w, DAT_TRACECLOCK, &clock, e);
	if (!ret && f->release) {
		buf_printf(&uname, "Linux %s %s %s", known(f->hostname), f->release, known(f->arch));
		ret = put_text(w, DAT_UNAME, &uname, e);
	}
	return ret ? ret : put_text(w, DAT_VERSION, &version, e);
}

int perf_meta_write(const struct perf_meta *m, const struct perf_file *f,
		    const struct perf_meta_more *more, struct dat_writer *w, struct err *e)
{
	uint32_t cpus = f->cpus > more->cpus && f->cpus <= DAT_CPUS_MAX ? f->cpus : more->cpus;
	int ret = write_blocks(m, more, w, e);

	if (!ret)
		ret = write_options(f, more, w, e);
	return ret ? ret : dat_writer_cpu_count(w, cpus ? cpus : 1, e);
}
