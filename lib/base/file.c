// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

#define READ_STEP 65536

int write_full(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!n)
			return -ENOSPC;
		p += n;
		len -= n;
	}
	return 0;
}

int pwrite_full(int fd, const void *data, size_t len, off_t off)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, off);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!n)
			return -ENOSPC;
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

int pread_full(int fd, void *data, size_t len, off_t off)
{
	char *p = data;

	while (len) {
		ssize_t n = pread(fd, p, len, off);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!n)
			return -ENODATA;
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

int fd_read_all(int fd, struct buf *out, size_t max)
{
	size_t start = out->len;

	for (;;) {
		ssize_t n;

		if (buf_reserve(out, READ_STEP))
			return -ENOMEM;
		n = read(fd, out->data + out->len, out->cap - out->len - 1);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		out->len += n;
		out->data[out->len] = 0;
		if (!n)
			return 0;
		if (out->len - start > max)
			return -EFBIG;
	}
}

int file_take(const char *path, bool *made, struct err *e)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	struct stat st;
	int r;

	*made = fd >= 0;
	/* Looked at first: opening some files does something. */
	if (fd < 0 && errno == EEXIST && !lstat(path, &st)) {
		if (S_ISREG(st.st_mode))
			fd = open(path, flags | O_NONBLOCK);
		else
			return err_set(e, -EEXIST, "cannot create '%s': something that is no file has that name",
				       path);
	}
	if (fd < 0)
		return err_errno(e, -errno, "cannot create '%s'", path);
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EEXIST;
	if (!r)
		return fd;
	close(fd);
	if (*made)
		unlink(path);
	return err_errno(e, r, "cannot create '%s'", path);
}

int path_read_all(const char *path, struct buf *out, size_t max)
{
	int fd AUTO_CLOSE = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fd_read_all(fd, out, max);
}

int control_file_open(const char *path, int flags)
{
	struct stat st;
	int fd, r;

	/* Looked at first: opening a device does something. */
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EMEDIUMTYPE;
	/* And again what was opened, without waiting should it be another now. */
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EMEDIUMTYPE;
	if (!r && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags & O_APPEND) < 0)
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return r;
}

int control_file_read(const char *path, struct buf *out, size_t max)
{
	int fd AUTO_CLOSE = control_file_open(path, O_RDONLY);

	return fd < 0 ? fd : fd_read_all(fd, out, max);
}

void path_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	int fd AUTO_CLOSE = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0)
		fsync(fd);
}
