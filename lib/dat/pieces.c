// SPDX-License-Identifier: LGPL-2.1-or-later
/* A file laid out of pieces, see dat.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat/reader.h"
#include "dat/writer.h"

#define SEND_STEP 65536

struct piece {
	uint64_t start, len;		/* in the whole */
	int fd;				/* -1: in memory */
	uint64_t off;			/* in there */
};

struct dat_pieces {
	VEC(struct piece) v;		/* ascending, without gaps */
	struct buf memory;
	struct { struct given { int theirs, ours; } *v; size_t nr, cap; } files;
	uint64_t size;
};

struct dat_pieces *dat_pieces_new(void)
{
	return calloc(1, sizeof(struct dat_pieces));
}

void dat_pieces_free(struct dat_pieces *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->files.nr; i++)
		close(p->files.v[i].ours);
	vec_release(&p->files);
	vec_release(&p->v);
	buf_release(&p->memory);
	free(p);
}

uint64_t dat_pieces_size(const struct dat_pieces *p)
{
	return p->size;
}

/* Behind what is there; joined to the last piece where that goes on like this. */
static int add(struct dat_pieces *p, int fd, uint64_t off, uint64_t len)
{
	struct piece *last = p->v.nr ? &p->v.v[p->v.nr - 1] : NULL;
	struct piece new = { .start = p->size, .len = len, .fd = fd, .off = off };

	if (last && last->fd == fd && last->off + last->len == off)
		last->len += len;
	else if (vec_push(&p->v, new))
		return -ENOMEM;
	p->size += len;
	return 0;
}

int dat_pieces_put(struct dat_pieces *p, const void *data, size_t len)
{
	uint64_t off = p->memory.len;

	if (!len)
		return 0;
	return buf_put(&p->memory, data, len) ? -ENOMEM : add(p, -1, off, len);
}

/* A descriptor of our own for the caller's, which may be closed before us. */
static int own_fd(struct dat_pieces *p, int theirs)
{
	struct given g = { .theirs = theirs };

	for (size_t i = p->files.nr; i-- > 0;)
		if (p->files.v[i].theirs == theirs)
			return p->files.v[i].ours;
	g.ours = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
	if (g.ours < 0)
		return -errno;
	if (vec_push(&p->files, g)) {
		close(g.ours);
		return -ENOMEM;
	}
	return g.ours;
}

int dat_pieces_refer(struct dat_pieces *p, int fd, uint64_t off, size_t len)
{
	int own = len ? own_fd(p, fd) : 0;

	return own < 0 ? own : len ? add(p, own, off, len) : 0;
}

/* The piece that holds @off, which lies inside the whole. */
static const struct piece *find(const struct dat_pieces *p, uint64_t off)
{
	size_t lo = 0, hi = p->v.nr;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->v.v[mid].start <= off)
			lo = mid;
		else
			hi = mid;
	}
	return &p->v.v[lo];
}

int dat_pieces_patch(struct dat_pieces *p, uint64_t off, const void *data, size_t len)
{
	const struct piece *x;

	if (off > p->size || len > p->size - off)
		return -EINVAL;
	x = find(p, off);
	if (x->fd >= 0 || len > x->len - (off - x->start))
		return -EINVAL;
	memcpy(p->memory.data + x->off + (off - x->start), data, len);
	return 0;
}

int dat_pieces_read(const struct dat_pieces *p, void *dst, size_t len, uint64_t off)
{
	uint8_t *to = dst;

	if (off > p->size || len > p->size - off)
		return -ENODATA;
	while (len) {
		const struct piece *x = find(p, off);
		uint64_t in = off - x->start;
		size_t n = len < x->len - in ? len : x->len - in;
		int r = 0;

		if (x->fd >= 0)
			r = pread_full(x->fd, to, n, x->off + in);
		else
			memcpy(to, p->memory.data + x->off + in, n);
		if (r)
			return r;
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

int dat_pieces_send(const struct dat_pieces *p, int fd)
{
	AUTO_FREE uint8_t *data = malloc(SEND_STEP);
	int r = data ? 0 : -ENOMEM;

	for (uint64_t off = 0; off < p->size && !r;) {
		size_t n = p->size - off < SEND_STEP ? p->size - off : SEND_STEP;

		r = dat_pieces_read(p, data, n, off);
		if (!r)
			r = write_full(fd, data, n);
		off += n;
	}
	return r;
}
