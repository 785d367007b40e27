// SPDX-License-Identifier: LGPL-2.1-or-later
/* The spool's writing side; spool_move.c gives its room back, spool_reader.c reads. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/spool_inside.h"

static void init_files(struct spool *s)
{
	for (unsigned i = 0; i < ARRAY_SIZE(s->files); i++)
		s->files[i].fd = s->files[i].journal.fd = -1;
	s->stash.fd = -1;
}

/* Writes to the end of @f; on failure cuts it back to whole chunks. */
static int file_append(struct spool_file *f, const void *data, uint64_t len, struct err *e)
{
	int r = pwrite_full(f->fd, data, len, f->len);

	if (r) {
		err_errno(e, r, "cannot write to spool '%s'", f->path);
		if (ftruncate(f->fd, f->len) < 0)
			err_hint(e, "it ends in a torn chunk");
		return r;
	}
	f->len += len;
	return 0;
}

/* The INFO chunk's payload, after room for its header. */
static int info_build(struct spool *s, const struct spool_info *info)
{
	struct buf *b = &s->info;

	buf_fill(b, 0, SPOOL_HEADER);
	if (info->instance && *info->instance)
		buf_printf(b, "instance=%s%c", info->instance, 0);
	if (info->clock)
		buf_printf(b, "clock=%s%c", info->clock, 0);
	if (info->cpus)
		buf_printf(b, "cpus=%u%c", info->cpus, 0);
	if (info->spools)
		buf_printf(b, "spools=%s%c", info->spools, 0);
	if (info->buffers)
		buf_printf(b, "buffers=%s%c", info->buffers, 0);
	if (info->uname)
		buf_printf(b, "uname=%s%c", info->uname, 0);
	if (info->version)
		buf_printf(b, "tracecmd=%s%c", info->version, 0);
	if (s->header.codec[0])
		buf_printf(b, "codec=%.*s%c", (int)sizeof(s->header.codec), s->header.codec, 0);
	if (info->boot)
		buf_printf(b, "boot=%s%c", info->boot, 0);
	buf_fill(b, 0, SPOOL_ALIGN);	/* enough to pad with; cut in file_begin */
	return b->failed ? -ENOMEM : 0;
}

/* Until its end no other recording takes the spool, though its output may make the same name of it. 0, -errno. */
static int lock(int fd, const char *path, struct err *e)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	/* where there are no locks, the head's must do; readers' are of the other kind (spool_hold) */
	if (!fcntl(fd, F_OFD_SETLK, &whole) || (errno != EAGAIN && errno != EACCES))
		return 0;
	err_set(e, -EBUSY, "cannot create spool '%s': another recording keeps its data there", path);
	err_hint(e, "give this one another output (-o)");
	return -EBUSY;
}

/* Whether there is more than the INFO chunk that each begins with. */
static bool has_data(int fd, uint64_t size)
{
	uint8_t begin[SPOOL_HEADER];
	struct spool_header h;

	return pread(fd, begin, sizeof(begin), 0) != sizeof(begin) || !spool_header_decode(begin, &h) ||
	       h.kind != SPOOL_INFO || size > spool_align(SPOOL_HEADER + (uint64_t)h.csize);
}

/* Whether what has the name may be overwritten. 0, -errno. */
static int check_old(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (!fstat(fd, &st) && !st.st_size)
		return 0;
	if (!spool_probe(fd)) {
		err_set(e, -EEXIST, "cannot create spool '%s': a file that is no spool has that name", path);
		err_hint(e, "remove it, or choose another output; of what a killed trace-cmd left, "
			 "'tracecmd restore' makes a file");
		return -EEXIST;
	}
	if (!has_data(fd, st.st_size))
		return 0;
	err_set(e, -EEXIST, "cannot create spool '%s': it holds what another recording, killed or failed, left", path);
	err_hint(e, "'tracecmd restore -o FILE %s' makes a file of it; then remove it, or give this one another output (-o)",
		 path);
	return -EEXIST;
}

/* A new file, or an old spool in which nothing is. A descriptor, -errno. */
static int take_file(const char *path, struct err *e)
{
	bool made;
	int fd = file_take(path, &made, e);
	int r = fd < 0 ? fd : lock(fd, path, e);

	if (!r && !made)
		r = check_old(fd, path, e);
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

static int file_create(struct spool_file *f, struct err *e)
{
	int fd = take_file(f->path, e);

	if (fd < 0)
		return fd;
	f->fd = fd;
	spool_journal_forget(f);
	return 0;
}

/* Empties @f and gives it its INFO chunk. */
static int file_begin(struct spool *s, struct spool_file *f, struct err *e)
{
	struct spool_header h = s->header;
	uint8_t *frame = (uint8_t *)s->info.data;

	if (ftruncate(f->fd, 0) < 0)
		return err_errno(e, -errno, "cannot empty spool '%s'", f->path);
	s->dropped += f->len;
	f->len = 0;
	f->chunks.nr = 0;
	h.kind = SPOOL_INFO;
	h.seq = s->next_seq;
	memset(h.codec, 0, sizeof(h.codec));
	h.csize = h.usize = s->info.len - SPOOL_HEADER - SPOOL_ALIGN;
	spool_header_encode(&h, frame + SPOOL_HEADER, frame);
	return file_append(f, frame, spool_align(SPOOL_HEADER + h.csize), e);
}

int spool_create(const char *path, const struct spool_info *info, const struct codec *codec,
		 uint64_t limit, struct spool **ret, struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (!s)
		return err_errno(e, r, "cannot create spool '%s'", path);
	init_files(s);
	s->half = limit / 2 + limit % 2;
	s->header = (struct spool_header){
		.version = SPOOL_VERSION,
		.flags = (info->big_endian ? SPOOL_BIG_ENDIAN : 0) |
			 (info->long_size == 4 ? SPOOL_LONG32 : 0),
		.cpu = info->cpu, .page_size = info->page_size, .session = info->session,
	};
	if (codec)
		memcpy(s->header.codec, codec_name(codec),
		       strnlen(codec_name(codec), sizeof(s->header.codec)));
	s->files[0].path = strdup(path);
	if (!s->files[0].path || asprintf(&s->files[1].path, "%s.1", path) < 0 ||
	    info_build(s, info)) {
		err_errno(e, r, "cannot create spool '%s'", path);
		goto fail;
	}
	for (unsigned i = 0; i < (limit ? 2 : 1); i++) {
		r = file_create(&s->files[i], e);
		if (!r)
			r = file_begin(s, &s->files[i], e);
		if (r)
			goto fail;
	}
	*ret = s;
	return 0;
fail:
	spool_close(s, true);
	return r;
}

int spool_create_next(const char *path, const struct spool *before, struct spool **ret,
		      struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (!s)
		return err_errno(e, r, "cannot create spool '%s'", path);
	init_files(s);
	s->header = before->header;
	s->files[0].path = strdup(path);
	if (!s->files[0].path || buf_put(&s->info, before->info.data, before->info.len))
		err_errno(e, r, "cannot create spool '%s'", path);
	else
		r = file_create(&s->files[0], e);
	if (r)
		spool_close(s, true);
	else
		*ret = s;
	return r;
}

int spool_follow(struct spool *s, const struct spool *before, struct err *e)
{
	s->next_seq = before->next_seq;
	return file_begin(s, &s->files[0], e);
}

static int append(struct spool *s, uint8_t *frame, uint32_t csize, uint32_t usize, bool raw,
		  uint64_t first_ts, uint64_t last_ts, struct err *e)
{
	struct spool_header h = s->header;
	uint64_t len = spool_align(SPOOL_HEADER + (uint64_t)csize);
	struct spool_file *f = &s->files[s->current];
	struct spool_chunk c;
	int r;

	if (s->half && f->chunks.nr && len > s->half - (f->len < s->half ? f->len : s->half)) {
		r = file_begin(s, &s->files[!s->current], e);
		if (r)
			return r;
		s->current = !s->current;
		f = &s->files[s->current];
	}
	if (vec_reserve(&f->chunks, 1))
		return err_errno(e, -ENOMEM, "cannot write to spool '%s'", f->path);
	h.kind = SPOOL_DATA;
	if (raw)
		memset(h.codec, 0, sizeof(h.codec));
	h.seq = s->next_seq;
	h.first_ts = first_ts;
	h.last_ts = last_ts;
	h.csize = csize;
	h.usize = usize;
	memset(frame + SPOOL_HEADER + csize, 0, len - SPOOL_HEADER - csize);
	spool_header_encode(&h, frame + SPOOL_HEADER, frame);
	c = (struct spool_chunk){
		.fd = f->fd, .offset = f->len + SPOOL_HEADER, .csize = csize, .usize = usize,
		.raw = raw, .seq = h.seq, .first_ts = first_ts, .last_ts = last_ts,
		.check = get_u64(frame + SPOOL_CHECK_AT, false),
	};
	r = file_append(f, frame, len, e);
	if (r)
		return r;
	f->chunks.v[f->chunks.nr++] = c;
	s->next_seq++;
	return 0;
}

int spool_append(struct spool *s, uint8_t *frame, uint32_t csize, uint32_t usize,
		 uint64_t first_ts, uint64_t last_ts, struct err *e)
{
	return append(s, frame, csize, usize, false, first_ts, last_ts, e);
}

int spool_append_raw(struct spool *s, uint8_t *frame, uint32_t size, uint64_t first_ts,
		     uint64_t last_ts, struct err *e)
{
	return append(s, frame, size, size, s->header.codec[0], first_ts, last_ts, e);
}

int spool_sync(const struct spool *s, struct err *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(s->files); i++)
		if (s->files[i].fd >= 0 && fdatasync(s->files[i].fd) < 0)
			return err_errno(e, -errno, "cannot write spool '%s' to the disk",
					 s->files[i].path);
	return 0;
}

size_t spool_nr_chunks(const struct spool *s)
{
	return s->files[0].chunks.nr + s->files[1].chunks.nr;
}

const struct spool_chunk *spool_chunk(const struct spool *s, size_t i)
{
	const struct spool_file *older = &s->files[!s->current];

	if (i < older->chunks.nr)
		return &older->chunks.v[i];
	return &s->files[s->current].chunks.v[i - older->chunks.nr];
}

uint64_t spool_disk_bytes(const struct spool *s)
{
	return s->files[0].len + s->files[1].len;
}

uint64_t spool_dropped(const struct spool *s)
{
	return s->dropped;
}

const char *spool_path(const struct spool *s)
{
	return s->files[0].path;
}

bool spool_is_removed(const struct spool *s)
{
	struct stat st;

	return !fstat(s->files[0].fd, &st) && !st.st_nlink;
}

void spool_each_file(const struct spool *s, void (*fn)(void *ctx, const char *path), void *ctx)
{
	for (unsigned i = 0; i < ARRAY_SIZE(s->files); i++) {
		if (s->files[i].fd >= 0)
			fn(ctx, s->files[i].path);
		if (s->files[i].journal.fd >= 0)
			fn(ctx, s->files[i].journal.path);
	}
	if (s->stash.fd >= 0)
		fn(ctx, s->stash.path);
}

void spool_close(struct spool *s, bool unlink_files)
{
	if (!s)
		return;
	/* Until all have gone nobody gets hold of one. */
	for (unsigned i = 0; i < ARRAY_SIZE(s->files) && unlink_files; i++)
		if (s->files[i].fd >= 0)
			unlink(s->files[i].path);
	spool_sides_release(s, unlink_files);
	for (unsigned i = 0; i < ARRAY_SIZE(s->files); i++) {
		cleanup_close(&s->files[i].fd);
		vec_release(&s->files[i].chunks);
		free(s->files[i].path);
	}
	buf_release(&s->info);
	free(s);
}
