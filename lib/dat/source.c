// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dat/reader.h"

int dat_source_open(struct dat_source *s, int fd, struct err *e)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, "cannot look at the file");
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "it is a directory");
	end = lseek(fd, 0, SEEK_END);
	if (end >= 0 && S_ISCHR(st.st_mode))
		return err_set(e, -EINVAL, "it is a device, not a file with a trace");
	if (end < 0 && errno == ESPIPE)
		return err_set(e, -ESPIPE,
			       "it is a pipe or terminal; a trace is read at many places, so give a file");
	if (end < 0)
		return err_errno(e, -errno, "cannot seek in it");
	s->fd = fd;
	s->mem = NULL;
	s->pieces = NULL;
	s->size = end;
	return 0;
}

int dat_source_read(const struct dat_source *s, void *dst, size_t len, uint64_t off,
		    struct err *e)
{
	int r = 0;

	if (off > s->size || len > s->size - off)
		r = -ENODATA;
	else if (s->pieces)
		r = dat_pieces_read(s->pieces, dst, len, off);
	else if (s->fd < 0)
		memcpy(dst, s->mem + off, len);
	else
		r = pread_full(s->fd, dst, len, off);
	if (r == -ENODATA)
		return err_set(e, r, "the file ends before offset 0x%" PRIx64 ", %zu bytes at 0x%"
			       PRIx64 " are missing", off + len, len, off);
	if (r)
		return err_errno(e, r, "cannot read %zu bytes at offset 0x%" PRIx64, len, off);
	return 0;
}
