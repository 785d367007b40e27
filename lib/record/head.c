// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dat/dat.h"
#include "record/head.h"

#define MODULES "/proc/modules"
#define MODULES_MAX (1u << 24)

/* Names of the loaded modules; nothing where the kernel does not tell. */
static void read_modules(struct buf *names)
{
	struct buf text AUTO_BUF = { 0 };

	if (path_read_all(MODULES, &text, MODULES_MAX))
		return;
	for (char *save, *line = strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		buf_put(names, line, strcspn(line, " "));
		buf_puts(names, "\n");
	}
}

/* The file stays when the head is released. Returns @r. */
static int not_ours(struct head *h, int r)
{
	free(h->path);
	h->path = NULL;
	return r;
}

/* What could not be locked is not ours, unless we made it. */
static int head_lock(struct head *h, bool made, struct err *e)
{
	int r = flock(h->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;

	if (!r)
		return 0;
	if (r == -EWOULDBLOCK) {
		r = err_set(e, -EBUSY, "another recording keeps its data in '%s' and its neighbours: "
			    "give this one another output (-o)", h->path);
	} else {
		err_errno(e, r, "cannot lock '%s'", h->path);
		if (made)
			unlink(h->path);
	}
	return not_ours(h, r);
}

static int head_open(struct head *h, const char *base, struct err *e)
{
	char begin[DAT_MAGIC_LEN];
	struct stat st;
	bool made;
	int r;

	if (!base) {
		h->fd = memfd_create("tracecmd-head", MFD_CLOEXEC);
		return h->fd < 0 ? err_errno(e, -errno, "cannot make the recording's head") : 0;
	}
	if (asprintf(&h->path, "%s" HEAD_SUFFIX, base) < 0) {
		h->path = NULL;
		return err_errno(e, -ENOMEM, "cannot record");
	}
	h->fd = file_take(h->path, &made, e);
	if (h->fd < 0)
		return not_ours(h, h->fd);
	if (!fstat(h->fd, &st) && st.st_size &&
	    (pread_full(h->fd, begin, sizeof(begin), 0) || memcmp(begin, DAT_MAGIC, DAT_MAGIC_LEN)))
		return not_ours(h, err_set(e, -EEXIST, "cannot create '%s': a file that no recording made has "
					   "that name", h->path));
	r = head_lock(h, made, e);
	if (!r && ftruncate(h->fd, 0) < 0)
		r = err_errno(e, -errno, "cannot empty '%s'", h->path);
	return r;
}

static int head_write(struct head *h, const struct finish *f, struct kernel *k,
		      const struct kernel_setup *setup, const struct notices *notices, struct err *e)
{
	struct metadata meta = { 0 };
	const char *name = h->path ? h->path : "the recording's head";
	struct finish all = *f;
	int fd, r = all.codec ? 0 : codec_choose("any", &all.codec, e);

	all.metadata = &meta;
	if (!r)
		r = metadata_collect_stable(&meta, k, setup, NULL, notices, e);
	if (!r)
		r = metadata_collect_boots(&meta, setup, e);
	if (!r)
		r = finish_head(&all, 7, h->fd, name, e);
	metadata_release(&meta);
	if (r)
		return r;
	fd = fcntl(h->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, -errno, "cannot read '%s'", name);
	return dat_reader_open_fd(fd, name, notices, &h->reader, e);
}

int head_make(struct head *h, const char *base, const struct finish *f, struct kernel *k,
	      const struct kernel_setup *setup, const struct notices *notices, struct err *e)
{
	int r;

	*h = (struct head){ .fd = -1 };
	read_modules(&h->modules);
	r = head_open(h, base, e);
	return r ? r : head_write(h, f, k, setup, notices, e);
}

int head_look(const char *path, struct head_seen *ret)
{
	int fd AUTO_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct dat_reader *r;

	*ret = (struct head_seen){ .live = false };
	if (fd < 0)
		return -errno;
	ret->live = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	if (dat_reader_open(path, NULL, &r, NULL))
		return 0;
	ret->readable = true;
	ret->session = dat_reader_info(r)->trace_id;
	dat_reader_close(r);
	return 0;
}

bool head_is_current(const struct head *h)
{
	struct buf now AUTO_BUF = { 0 };

	read_modules(&now);
	return now.len == h->modules.len && (!now.len || !memcmp(now.data, h->modules.data, now.len));
}

/* Of a section; decompressed where it is compressed. */
static uint64_t section_bytes(struct dat_reader *r, const struct dat_section *s)
{
	uint8_t sizes[8];

	if (!(s->flags & DAT_SECTION_COMPRESSED) || s->size < sizeof(sizes) ||
	    dat_reader_pread(r, sizes, sizeof(sizes), s->body, NULL))
		return s->size;
	return get_u32(sizes + 4, dat_reader_header(r)->big_endian);
}

uint64_t head_bytes(const struct head *h, const struct codec *codec)
{
	uint64_t sum = 0;

	if (codec)
		return dat_reader_size(h->reader);
	for (unsigned i = 0; i < dat_reader_nr_sections(h->reader); i++)
		sum += section_bytes(h->reader, dat_reader_section(h->reader, i));
	return sum;
}

void head_sync(const struct head *h)
{
	if (h->fd >= 0)
		fsync(h->fd);
	path_sync_dir(h->path ? h->path : ".");
}

void head_release(struct head *h, bool unlink_file)
{
	dat_reader_close(h->reader);
	h->reader = NULL;
	if (h->path && unlink_file)
		unlink(h->path);
	cleanup_close(&h->fd);
	h->fd = -1;
	free(h->path);
	h->path = NULL;
	buf_release(&h->modules);
}
