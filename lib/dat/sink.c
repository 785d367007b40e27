// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <unistd.h>

#include "dat/writer.h"

#define COPY_STEP 65536

int dat_sink_put(struct dat_sink *s, const void *data, size_t len)
{
	int r = s->pieces ? dat_pieces_put(s->pieces, data, len) :
			    pwrite_full(s->fd, data, len, s->pos);

	if (!r)
		s->pos += len;
	return r;
}

int dat_sink_patch(struct dat_sink *s, uint64_t offset, const void *data, size_t len)
{
	return s->pieces ? dat_pieces_patch(s->pieces, offset, data, len) :
			   pwrite_full(s->fd, data, len, offset);
}

int dat_sink_align(struct dat_sink *s, uint32_t size)
{
	static const char zeros[4096];
	uint64_t left = -s->pos & (size - 1);

	while (left) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);
		int r = dat_sink_put(s, zeros, n);

		if (r)
			return r;
		left -= n;
	}
	return 0;
}

/* Whether copy_file_range says "not between these files". */
static bool cannot_move(int err)
{
	return err == EXDEV || err == EINVAL || err == ENOSYS || err == EOPNOTSUPP ||
	       err == EBADF || err == EPERM || err == ETXTBSY;
}

static int copy(struct dat_sink *s, int src, uint64_t off, size_t len)
{
	char data[COPY_STEP];

	while (len) {
		size_t n = len < sizeof(data) ? len : sizeof(data);
		int r = pread_full(src, data, n, off);

		if (!r)
			r = dat_sink_put(s, data, n);
		if (r)
			return r;
		off += n;
		len -= n;
	}
	return 0;
}

static int refer(struct dat_sink *s, int src, uint64_t off, size_t len)
{
	int r = dat_pieces_refer(s->pieces, src, off, len);

	if (!r)
		s->pos += len;
	return r;
}

int dat_sink_move(struct dat_sink *s, int src, uint64_t off, size_t len)
{
	if (s->pieces)
		return refer(s, src, off, len);
	while (len && !s->no_move) {
		off_t in = off, out = s->pos;
		ssize_t n = copy_file_range(src, &in, s->fd, &out, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !cannot_move(errno))
			return -errno;
		if (n <= 0) {		/* 0 may mean the end, or a file system without it */
			s->no_move = n < 0;
			break;
		}
		s->pos += n;
		off += n;
		len -= n;
	}
	return copy(s, src, off, len);
}
