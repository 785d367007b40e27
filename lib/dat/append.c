// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Options for a finished file of version 7: one more section at its end, which the chain of options then links to.
 * Until the link of 8 bytes is written, behind all else and synced, the file says what it said before.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dat/reader.h"

struct dat_append {
	char *path;
	int fd;
	int32_t desc;			/* what sections of options are called: id of a string */
	uint64_t size, link;		/* of the file; where the chain's end is */
	struct buf options;
};

/* What the place of the new section rests on. */
static int look_at(struct dat_append *a, struct dat_reader *r, struct err *e)
{
	if (r->header.version < 7)
		return err_set(e, -EOPNOTSUPP, "'%s' is of version 6, which cannot be added to: make it version 7 "
			       "('tracecmd convert')", a->path);
	if (r->cut)
		return err_set(e, -EBADMSG, "'%s' is cut: restore it first ('tracecmd restore')", a->path);
	if (!r->options_link || r->walk_end != r->src.size)
		return err_set(e, -EBADMSG, "'%s' is not laid out so that options can be added: write it anew "
			       "('tracecmd convert')", a->path);
	a->options.big_endian = r->header.big_endian;
	a->size = r->src.size;
	a->link = r->options_link;
	a->desc = -1;
	for (size_t i = 0; i < r->sections.nr; i++)
		if (r->sections.v[i].pub.offset == r->header.options_offset)
			a->desc = r->sections.v[i].pub.desc;
	return 0;
}

static int open_and_look(struct dat_append *a, struct err *e)
{
	struct dat_reader *r;
	int fd, ret;

	a->fd = open(a->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (a->fd < 0)
		return err_errno(e, -errno, "cannot add to '%s'", a->path);
	if (flock(a->fd, LOCK_EX | LOCK_NB) < 0)
		return err_errno(e, -errno, "cannot add to '%s': another program is at work on it", a->path);
	fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, -errno, "cannot add to '%s'", a->path);
	ret = dat_reader_open_fd(fd, a->path, NULL, &r, e);
	if (ret)
		return ret;
	ret = look_at(a, r, e);
	dat_reader_close(r);
	return ret;
}

int dat_append_open(const char *path, struct dat_append **ret, struct err *e)
{
	struct dat_append *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return dat_no_memory(e);
	a->fd = -1;
	a->path = strdup(path);
	r = a->path ? open_and_look(a, e) : dat_no_memory(e);
	if (r) {
		dat_append_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

int dat_append_option(struct dat_append *a, uint16_t id, const struct buf *data, struct err *e)
{
	buf_u16(&a->options, id);
	buf_u32(&a->options, data->len);
	return data->failed || buf_put(&a->options, data->data, data->len) ? dat_no_memory(e) : 0;
}

static int write_section(struct dat_append *a, struct buf *b)
{
	uint8_t link[8];
	int r;

	put_u64(link, a->size, a->options.big_endian);
	r = pwrite_full(a->fd, b->data, b->len, a->size);
	if (!r && fdatasync(a->fd) < 0)
		r = -errno;
	if (r)
		return ftruncate(a->fd, a->size) < 0 ? -errno : r;
	r = pwrite_full(a->fd, link, sizeof(link), a->link);
	if (!r && fdatasync(a->fd) < 0)
		r = -errno;
	return r;
}

int dat_append_finish(struct dat_append *a, struct err *e)
{
	struct buf b AUTO_BUF = { .big_endian = a->options.big_endian };
	int r;

	if (!a->options.len)
		return 0;
	buf_u16(&a->options, DAT_DONE);
	buf_u32(&a->options, DAT_DONE_SIZE);
	buf_u64(&a->options, 0);
	buf_u16(&b, DAT_DONE);		/* the section's header */
	buf_u16(&b, 0);
	buf_u32(&b, a->desc);
	buf_u64(&b, a->options.len);
	buf_put(&b, a->options.data, a->options.len);
	if (b.failed || a->options.failed)
		return dat_no_memory(e);
	r = write_section(a, &b);
	return r ? err_errno(e, r, "cannot add to '%s'", a->path) : 0;
}

void dat_append_free(struct dat_append *a)
{
	if (!a)
		return;
	cleanup_close(&a->fd);
	buf_release(&a->options);
	free(a->path);
	free(a);
}
