// SPDX-License-Identifier: LGPL-2.1-or-later
/* A file laid out of pieces, see dat.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

/* ---- sending ------------------------------------------------------------------ */

#define GATHER_MAX 512			/* pieces written at once ... */
#define GATHER_BYTES (1u << 20)		/* ... and bytes: with 4 MiB a write takes four times the CPU */
#define WINDOW (32u << 20)		/* of a file, mapped */

/*
 * Chunks are gathered out of mapped files: that takes half of what copy_file_range does,
 * which goes page by page (200 MB: 55 ms instead of 100, ext4, Linux 6.18). Only the
 * kernel touches the mapping; where a page cannot be had it says EFAULT.
 */
struct sender {
	const struct dat_pieces *p;
	int fd;
	uint64_t sent, queued, end;	/* offsets in the whole */
	struct iovec iov[GATHER_MAX];
	int nr;
	struct { int fd; uint64_t off; size_t len; uint8_t *at; } window;
};

/* Up to @end by way of a buffer; tells why what cannot be read cannot. */
static int send_slowly(struct sender *s, uint64_t end)
{
	AUTO_FREE uint8_t *data = malloc(SEND_STEP);
	int r = data ? 0 : -ENOMEM;

	while (s->sent < end && !r) {
		size_t n = end - s->sent < SEND_STEP ? end - s->sent : SEND_STEP;

		r = dat_pieces_read(s->p, data, n, s->sent);
		if (!r)
			r = write_full(s->fd, data, n);
		s->sent += n;
	}
	return r;
}

/* @n bytes of what is queued are written. */
static void advance(struct sender *s, struct iovec **iov, size_t n)
{
	s->sent += n;
	for (; n >= (*iov)->iov_len && s->nr; s->nr--)
		n -= (*iov)++->iov_len;
	if (s->nr) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

static int flush(struct sender *s)
{
	struct iovec *iov = s->iov;

	while (s->nr) {
		ssize_t n = writev(s->fd, iov, s->nr);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EFAULT) {
			s->nr = 0;
			return send_slowly(s, s->queued);
		}
		if (n < 0)
			return -errno;
		advance(s, &iov, n);
	}
	return 0;
}

static void unmap(struct sender *s)
{
	if (s->window.at)
		munmap(s->window.at, s->window.len);
	s->window.at = NULL;
}

/* How much to map for what is to be sent still: what lies between the pieces of a file is
 * little, and where it is not more is mapped then. */
static uint64_t window_size(const struct sender *s)
{
	uint64_t left = s->end - s->queued;

	return left < WINDOW / 2 ? left + left / 8 + SEND_STEP : WINDOW;
}

/* Maps @fd from @off on. False: that cannot be done. */
static bool map_at(struct sender *s, int fd, uint64_t off)
{
	uint64_t size = window_size(s);
	uint64_t start = off & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
	struct stat st;
	void *at;

	unmap(s);
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || off >= (uint64_t)st.st_size)
		return false;
	s->window.len = st.st_size - start < size ? st.st_size - start : size;
	at = mmap(NULL, s->window.len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, start);
	if (at == MAP_FAILED)
		return false;
	s->window.at = at;
	s->window.fd = fd;
	s->window.off = start;
	return true;
}

static bool in_window(const struct sender *s, const struct piece *x, uint64_t off)
{
	return s->window.at && s->window.fd == x->fd && off >= s->window.off &&
	       off - s->window.off < s->window.len;
}

/* Queues some of @x, from @s->queued on, not beyond @s->end. 0 or -errno. */
static int queue(struct sender *s, const struct piece *x)
{
	uint64_t in = s->queued - x->start, off = x->off + in;
	uint64_t left = x->len - in < s->end - s->queued ? x->len - in : s->end - s->queued;
	size_t n = left < GATHER_BYTES ? left : GATHER_BYTES;
	uint8_t *at;
	int r = 0;

	if (x->fd >= 0 && !in_window(s, x, off)) {
		r = flush(s);
		if (!r && !map_at(s, x->fd, off)) {
			r = send_slowly(s, s->queued + n);
			s->queued += n;
			return r;
		}
	}
	if (r)
		return r;
	if (x->fd < 0) {
		at = (uint8_t *)s->p->memory.data + off;
	} else {
		at = s->window.at + (off - s->window.off);
		if (n > s->window.len - (off - s->window.off))
			n = s->window.len - (off - s->window.off);
	}
	s->iov[s->nr++] = (struct iovec){ .iov_base = at, .iov_len = n };
	s->queued += n;
	return s->nr == GATHER_MAX || s->queued - s->sent >= GATHER_BYTES ? flush(s) : 0;
}

static int send_part(const struct dat_pieces *p, uint64_t from, uint64_t to, int fd)
{
	struct sender s = { .p = p, .fd = fd, .sent = from, .queued = from, .end = to };
	const struct piece *x = from < to ? find(p, from) : NULL;
	int r = 0;

	for (; s.queued < to && !r; x++)
		while (s.queued < to && s.queued < x->start + x->len && !r)
			r = queue(&s, x);
	if (!r)
		r = flush(&s);
	unmap(&s);
	return r;
}

int dat_pieces_send(const struct dat_pieces *p, int fd)
{
	return send_part(p, 0, p->size, fd);
}

int dat_pieces_place(const struct dat_pieces *p, uint64_t from, uint64_t to, int fd)
{
	return lseek(fd, from, SEEK_SET) < 0 ? -errno : send_part(p, from, to, fd);
}
