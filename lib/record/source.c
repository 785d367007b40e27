// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/join.h"
#include "record/source.h"

#define PIPE_SIZE (1 << 20)		/* what an unprivileged process may ask for, too */

struct pipe_source {
	struct source base;
	int fd;
	int pipe[2];			/* -1: read */
	uint32_t page_size;
	struct ring_abi abi;
	size_t splice_max;		/* bytes that one slot per sub-buffer lets through */
};

/* ---- any kind ------------------------------------------------------------------ */

void source_free(struct source *s)
{
	if (s)
		s->kind->free(s);
}

int source_fd(const struct source *s)
{
	return s->kind->fd(s);
}

void source_set_careful(struct source *s, bool careful)
{
	s->careful = careful;
}

int source_error(const struct source *s)
{
	return s->error;
}

ssize_t source_failed(struct source *s, size_t taken, int error)
{
	s->error = error;
	return taken ? (ssize_t)taken : error;
}

ssize_t source_read(struct source *s, void *buf, size_t cap)
{
	s->error = 0;
	return s->kind->take(s, buf, cap, false);
}

ssize_t source_drain(struct source *s, void *buf, size_t cap)
{
	s->error = 0;
	return s->kind->take(s, buf, cap, true);
}

/* ---- the kernel's own buffers ---------------------------------------------------- */

/* Makes the pipe; where that fails, reading remains. */
static void source_pipe(struct pipe_source *s)
{
	long cpu_page = sysconf(_SC_PAGESIZE);
	int size;

	if (pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
		s->pipe[0] = s->pipe[1] = -1;
		return;
	}
	size = fcntl(s->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
	if (size < 0)
		size = fcntl(s->pipe[1], F_GETPIPE_SZ);
	if (size < cpu_page)
		size = cpu_page;
	s->splice_max = (size_t)(size / cpu_page) * s->page_size;
}

static void pipe_close(struct pipe_source *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->pipe[i] >= 0)
			close(s->pipe[i]);
		s->pipe[i] = -1;
	}
}

/* Up to @len bytes; the kernel's "nothing there" is 0 or EAGAIN. */
static ssize_t read_some(struct pipe_source *s, uint8_t *buf, size_t len)
{
	ssize_t n;

	do
		n = read(s->fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? (errno == EAGAIN ? 0 : -errno) : n;
}

/* One sub-buffer by read, or 0. */
static ssize_t read_page(struct pipe_source *s, uint8_t *buf)
{
	ssize_t n = read_some(s, buf, s->page_size);

	return n <= 0 || n == (ssize_t)s->page_size ? n : -EIO;
}

/*
 * A sub-buffer, or a piece of one, with room for the number of lost events. An event
 * that leaves none is not handed over that way: 0 then, too.
 */
static ssize_t read_piece(struct pipe_source *s, uint8_t *buf)
{
	size_t most = s->page_size - sizeof(uint64_t);	/* a long, at most */
	ssize_t n = read_some(s, buf, most), rest;

	if (n <= 0)
		return n;
	if (n != (ssize_t)most)
		return -EIO;
	rest = read_some(s, buf + most, s->page_size - most);
	if (rest < 0)
		return rest;
	return most + rest == s->page_size ? (ssize_t)s->page_size : -EIO;
}

/*
 * Whether the kernel was still filling this sub-buffer when it was read. A
 * full one is left when an event does not fit, and few are that large; a wrong
 * guess costs a wait or a small sub-buffer.
 */
static bool half_filled(const struct pipe_source *s, const uint8_t *page)
{
	struct ring_page p;

	return ring_page_open(&p, &s->abi, page, s->page_size) < 0 || p.end < s->page_size / 4 * 3;
}

static ssize_t read_pages(struct pipe_source *s, uint8_t *buf, size_t cap, bool all)
{
	size_t len = 0;

	while (cap - len >= s->page_size) {
		ssize_t n = read_page(s, buf + len);

		if (n < 0)
			return source_failed(&s->base, len, n);
		if (!n)
			break;
		len += n;
		if (!all && half_filled(s, buf + len - n))
			break;
	}
	return len;
}

/*
 * The same with care; pieces are put together where they fit. A sub-buffer that
 * was still being filled is the last one taken, unless @all.
 */
static ssize_t read_pieces(struct pipe_source *s, uint8_t *buf, size_t cap, bool all)
{
	size_t len = 0;

	while (cap - len >= s->page_size) {
		uint8_t *at = buf + len;
		ssize_t n = read_piece(s, at);
		enum join join;

		if (!n)
			n = read_page(s, at);
		if (n < 0)
			return source_failed(&s->base, len, n);
		if (!n)
			break;
		if (join_is_nothing(&s->abi, s->page_size, at))
			continue;
		join = len ? join_piece(&s->abi, s->page_size, at - n, at) : JOIN_APART;
		if (join != JOIN_DONE)
			len += n;
		/* What had no room with the piece before it ends a full sub-buffer. */
		if (!all && join != JOIN_NO_ROOM && half_filled(s, buf + len - n))
			break;
	}
	return len;
}

/* Takes the @len bytes out that were spliced into the pipe. */
static int pipe_empty(struct pipe_source *s, uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = read(s->pipe[0], buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf += n;
		len -= n;
	}
	return 0;
}

/* One splice of at most @want bytes, whole sub-buffers. */
static ssize_t splice_some(struct pipe_source *s, uint8_t *buf, size_t want)
{
	ssize_t n;
	int r;

	do
		n = splice(s->fd, NULL, s->pipe[1], NULL, want, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n % s->page_size)
		return -EIO;
	r = pipe_empty(s, buf, n);
	return r ? r : n;
}

static ssize_t splice_pages(struct pipe_source *s, uint8_t *buf, size_t cap)
{
	size_t len = 0, want;
	ssize_t n;

	do {
		want = (cap - len) / s->page_size * s->page_size;
		if (want > s->splice_max)
			want = s->splice_max;
		n = splice_some(s, buf + len, want);
		if (n < 0)
			return source_failed(&s->base, len, n);
		len += n;
		/* Less than wanted is all there was: what came since is for the next call. */
	} while (n == (ssize_t)want && cap - len >= s->page_size);
	return len;
}

static ssize_t take_full(struct pipe_source *s, uint8_t *buf, size_t cap)
{
	ssize_t n;

	if (s->pipe[0] >= 0) {
		n = splice_pages(s, buf, cap);
		if (s->base.error != -EINVAL)
			return n;
		pipe_close(s);		/* not a file that can be spliced */
		s->base.error = 0;
		if (n > 0)
			return n;
	}
	return read_pages(s, buf, cap, false);
}

static ssize_t pipe_take(struct source *base, uint8_t *buf, size_t cap, bool all)
{
	struct pipe_source *s = (struct pipe_source *)base;
	ssize_t n, rest;

	if (base->careful)
		return read_pieces(s, buf, cap, all);
	n = take_full(s, buf, cap);
	if (!all || base->error || cap - n < s->page_size)
		return n;
	rest = read_pages(s, buf + n, cap - n, true);
	return rest < 0 ? source_failed(base, n, rest) : n + rest;
}

static int pipe_fd(const struct source *base)
{
	return ((const struct pipe_source *)base)->fd;
}

static void pipe_free(struct source *base)
{
	struct pipe_source *s = (struct pipe_source *)base;

	close(s->fd);
	pipe_close(s);
	free(s);
}

static const struct source_kind pipe_kind = { .take = pipe_take, .fd = pipe_fd, .free = pipe_free };

int source_new(int fd, const struct ring_abi *abi, uint32_t page_size, bool splice,
	       struct source **ret, struct err *e)
{
	struct pipe_source *s = calloc(1, sizeof(*s));

	if (!s) {
		close(fd);
		return err_errno(e, -ENOMEM, "cannot read the kernel's buffers");
	}
	s->base.kind = &pipe_kind;
	s->fd = fd;
	s->pipe[0] = s->pipe[1] = -1;
	s->page_size = page_size;
	s->abi = *abi;
	if (splice)
		source_pipe(s);
	*ret = &s->base;
	return 0;
}
