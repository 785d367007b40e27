// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/perf_spool.h"

/* Where files cannot be made without a name, it has one for a moment. */
static int open_named(const char *folder)
{
	AUTO_BUF struct buf name = { 0 };
	int fd;

	if (buf_printf(&name, "%s/.perf-convert-XXXXXX", folder))
		return -ENOMEM;
	fd = mkostemp(name.data, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name.data);
	return fd;
}

int perf_spool_open(struct perf_spool *s, const char *beside, const struct codec *codec,
		    uint32_t page_size, struct err *e)
{
	AUTO_FREE char *path = strdup(beside);
	const char *folder;

	*s = (struct perf_spool){ .fd = -1, .codec = codec, .chunk = dat_chunk_bytes(page_size) };
	if (!path)
		return err_set(e, -ENOMEM, "out of memory");
	folder = dirname(path);
	s->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0)
		s->fd = open_named(folder);
	return s->fd < 0 ? err_errno(e, s->fd, "cannot make a temporary file in '%s'", folder) : 0;
}

static int flush(struct perf_spool *s, struct perf_spool_cpu *c, struct err *e)
{
	size_t len = c->pending.len, cap = s->codec ? codec_bound(s->codec, len) : 0, n = len;
	struct perf_spool_chunk chunk = { .offset = s->size, .usize = len };
	const void *data = c->pending.data;
	int ret = 0;

	if (s->codec) {
		buf_clear(&s->packed);
		ret = buf_reserve(&s->packed, cap);
		if (!ret)
			ret = codec_compress(s->codec, &s->ctx, c->pending.data, len, s->packed.data, cap, &n);
		data = s->packed.data;
	}
	chunk.csize = n;
	if (!ret)
		ret = pwrite_full(s->fd, data, n, s->size);
	if (!ret)
		ret = vec_push(&c->chunks, chunk);
	if (ret)
		return err_errno(e, ret, "cannot keep events in a temporary file");
	s->size += n;
	buf_clear(&c->pending);
	return 0;
}

int perf_spool_put(struct perf_spool *s, struct perf_spool_cpu *c, const void *page, size_t size,
		   struct err *e)
{
	int ret = c->pending.len + size > s->chunk ? flush(s, c, e) : 0;

	if (ret)
		return ret;
	return buf_put(&c->pending, page, size) ? err_set(e, -ENOMEM, "out of memory") : 0;
}

int perf_spool_write(struct perf_spool *s, struct perf_spool_cpu *c, uint32_t cpu,
		     struct dat_writer *w, struct err *e)
{
	int ret = c->pending.len ? flush(s, c, e) : 0;

	if (ret || !c->chunks.nr)
		return ret;
	ret = dat_writer_cpu_begin(w, cpu, e);
	for (size_t i = 0; i < c->chunks.nr && !ret; i++)
		ret = dat_writer_cpu_chunk(w, s->fd, c->chunks.v[i].offset, c->chunks.v[i].csize,
					   c->chunks.v[i].usize, e);
	return ret ? ret : dat_writer_cpu_end(w, e);
}

void perf_spool_cpu_release(struct perf_spool_cpu *c)
{
	buf_release(&c->pending);
	vec_release(&c->chunks);
}

void perf_spool_release(struct perf_spool *s)
{
	cleanup_close(&s->fd);
	codec_ctx_release(&s->ctx);
	buf_release(&s->packed);
}
