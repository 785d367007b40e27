// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Giving back a spool's room while its chunks move into another file. It is cut from its end: other
 * than a hole in its midst that is had on every file system, at once, and without writing what
 * is dropped to the disk before (ext4 before Linux 6.14 and XFS do that for a hole). And what is
 * left is a spool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "record/moved.h"
#include "record/spool_inside.h"

void spool_hold(int fd)
{
	flock(fd, LOCK_SH);
}

/* ---- the files beside -------------------------------------------------------- */

static void side_release(struct spool_side *s, bool unlink_file)
{
	if (s->fd >= 0 && unlink_file)
		unlink(s->path);
	cleanup_close(&s->fd);
	s->fd = -1;
	free(s->path);
	s->path = NULL;
}

void spool_sides_release(struct spool *s, bool unlink_files)
{
	for (unsigned i = 0; i < ARRAY_SIZE(s->files); i++)
		side_release(&s->files[i].journal, unlink_files || !s->noted);
	side_release(&s->stash, unlink_files || !s->noted);
}

/* Removes PATH@suffix if it is one of ours. */
static void forget_side(const char *path, const char *suffix)
{
	int fd AUTO_CLOSE = -1;
	char *side;

	if (asprintf(&side, "%s%s", path, suffix) < 0)
		return;
	fd = open(side, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd >= 0 && spool_moved_probe(fd))
		unlink(side);
	free(side);
}

void spool_journal_forget(const struct spool_file *f)
{
	forget_side(f->path, MOVED_SUFFIX);
	forget_side(f->path, MOVED_STASH_SUFFIX);
}

/* Makes PATH@suffix, which must not be there. 0, -errno. */
static int make_side(struct spool_side *s, const char *path, const char *suffix)
{
	if (asprintf(&s->path, "%s%s", path, suffix) < 0) {
		s->path = NULL;
		return -ENOMEM;
	}
	s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return s->fd < 0 ? -errno : 0;
}

static int side_append(struct spool_side *s, const void *data, size_t len)
{
	int r = pwrite_full(s->fd, data, len, s->len);

	if (!r)
		s->len += len;
	return r;
}

/* ---- journals ------------------------------------------------------------------ */

/* The directory of @path, without symbolic links. NULL: errno. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");

	return dir ? realpath(dir, NULL) : NULL;
}

/* How the spool @spool's journal names the file @path. NULL: no memory, or there is no such place. */
static char *name_of(const char *path, const char *spool)
{
	AUTO_FREE char *dir = dir_of(path), *here = dir_of(spool);
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *ret;

	if (!dir || !here)
		return NULL;
	if (!strcmp(dir, here))
		return strdup(base);
	return asprintf(&ret, "%s/%s", strcmp(dir, "/") ? dir : "", base) < 0 ? NULL : ret;
}

/* The journal of @f, with room for all its chunks. Whether that can be. */
static bool begin_journal(struct spool *s, struct spool_file *f, const struct spool_target *to)
{
	struct spool_side *j = &f->journal;
	AUTO_FREE char *name = name_of(to->path, f->path);
	struct buf b AUTO_BUF = { 0 };

	if (!name || moved_put_header(&b, s->header.session, name, to->then) ||
	    make_side(j, f->path, MOVED_SUFFIX))
		return false;
	/* Where this cannot be had each entry finds its own, or does not. */
	fallocate(j->fd, FALLOC_FL_KEEP_SIZE, 0, b.len + f->chunks.nr * MOVED_ENTRY);
	return !side_append(j, b.data, b.len);
}

bool spool_move_begin(struct spool *s, const struct spool_target *to)
{
	if (s->move != SPOOL_MOVE_NOT_YET)
		return s->move == SPOOL_MOVE_ON;
	s->move = SPOOL_MOVE_OFF;
	s->move_sync = to->sync;
	s->kept = spool_nr_chunks(s);
	for (unsigned i = 0; i < ARRAY_SIZE(s->files); i++) {
		struct spool_file *f = &s->files[i];

		if (f->chunks.nr && (flock(f->fd, LOCK_EX | LOCK_NB) < 0 || !begin_journal(s, f, to)))
			return false;
	}
	s->move = SPOOL_MOVE_ON;
	return true;
}

/* ---- moving ---------------------------------------------------------------------- */

/* The header of a chunk where it lies now, but for the check of what was compressed. */
static struct spool_header place_header(const struct spool *s, const struct spool_place *p)
{
	const struct spool_chunk *c = spool_chunk(s, p->chunk);
	struct spool_header h = s->header;

	h.kind = SPOOL_DATA;
	h.seq = c->seq;
	h.first_ts = c->first_ts;
	h.last_ts = c->last_ts;
	h.csize = p->csize;
	h.usize = c->usize;
	h.check = p->packed ? p->check : c->check;
	if (c->raw && !p->packed)
		memset(h.codec, 0, sizeof(h.codec));
	return h;
}

uint64_t spool_packed_check(const struct spool *s, size_t i, const void *payload, uint32_t csize)
{
	const struct spool_place at = { .chunk = i, .packed = true, .csize = csize };
	struct spool_header h = place_header(s, &at);
	uint8_t bytes[SPOOL_HEADER];

	spool_header_encode(&h, payload, bytes);
	return get_u64(bytes + SPOOL_CHECK_AT, false);
}

/* Of one file. Whether it is done. */
static bool move_out(struct spool *s, struct spool_file *f, const struct spool_place *v, size_t nr)
{
	struct buf b AUTO_BUF = { 0 };
	uint8_t header[SPOOL_HEADER];

	if (!nr)
		return true;
	if (buf_reserve(&b, nr * MOVED_ENTRY))
		return false;
	for (size_t i = 0; i < nr; i++) {
		struct spool_header h = place_header(s, &v[i]);

		spool_header_put(&h, header);
		moved_encode((uint8_t *)b.data + i * MOVED_ENTRY, v[i].offset, header);
	}
	if (side_append(&f->journal, b.data, nr * MOVED_ENTRY) ||
	    (s->move_sync && fdatasync(f->journal.fd) < 0))
		return false;
	s->noted = true;
	return !ftruncate(f->fd, spool_chunk(s, v[0].chunk)->offset - SPOOL_HEADER);
}

/* Whether @v are the last chunks that are left. */
static bool are_last(const struct spool *s, const struct spool_place *v, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (v[i].chunk != v[0].chunk + i)
			return false;
	return nr && v[0].chunk + nr == s->kept;
}

void spool_move(struct spool *s, const struct spool_place *v, size_t nr)
{
	size_t older = 0;

	if (s->move != SPOOL_MOVE_ON)
		return;
	while (older < nr && v[older].chunk < s->files[!s->current].chunks.nr)
		older++;
	if (are_last(s, v, nr) &&
	    move_out(s, &s->files[s->current], v + older, nr - older) &&
	    move_out(s, &s->files[!s->current], v, older))
		s->kept = v[0].chunk;
	else
		s->move = SPOOL_MOVE_OFF;
}

bool spool_has_moved(const struct spool *s)
{
	return s->noted;
}

/* ---- the stash --------------------------------------------------------------------- */

int spool_stash_begin(struct spool *s, bool sync, struct err *e)
{
	int r = make_side(&s->stash, s->files[0].path, MOVED_STASH_SUFFIX);
	struct spool_target to = { .path = s->stash.path, .sync = sync };

	if (!r)
		r = side_append(&s->stash, MOVED_STASH_MAGIC, MOVED_MAGIC_LEN);
	if (r)
		return err_errno(e, r, "cannot write '%s'", s->stash.path ? s->stash.path : spool_path(s));
	to.then = strrchr(to.path, '/') ? strrchr(to.path, '/') + 1 : to.path;
	spool_move_begin(s, &to);
	return 0;
}

int spool_stash(struct spool *s, struct spool_place *p, const void *payload, struct err *e)
{
	int r;

	p->offset = s->stash.len;
	r = side_append(&s->stash, payload, p->csize);
	return r ? err_errno(e, r, "cannot write '%s'", s->stash.path) : 0;
}

/* The chunk @i, to be changed. */
static struct spool_chunk *chunk_of(struct spool *s, size_t i)
{
	size_t older = s->files[!s->current].chunks.nr;

	return i < older ? &s->files[!s->current].chunks.v[i] : &s->files[s->current].chunks.v[i - older];
}

int spool_stash_settle(struct spool *s, const struct spool_place *v, size_t nr, struct err *e)
{
	if (s->move_sync && fdatasync(s->stash.fd) < 0)
		return err_errno(e, -errno, "cannot write '%s' to the disk", s->stash.path);
	spool_move(s, v, nr);
	for (size_t i = 0; i < nr; i++) {
		struct spool_chunk *c = chunk_of(s, v[i].chunk);

		c->fd = s->stash.fd;
		c->offset = v[i].offset;
		c->csize = v[i].csize;
		c->raw = false;
	}
	return 0;
}

void spool_stash_end(struct spool *s)
{
	s->move = SPOOL_MOVE_OFF;	/* the stash stays until all is done */
}
