// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

#define LINK_TRIES 100
#define NAME_PART 100			/* bytes of the file's name in the temporary one: names may have 255 */
#define COPY_BYTES (1u << 20)
#define LINKS_MAX 40			/* symbolic links in a row, as for the kernel */

static int umask_get(void)
{
	int mask = umask(0);

	umask(mask);
	return mask;
}

/* Length of @path's directory part, the slash included. */
static size_t dir_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Where a symbolic link that leads to no file has it made; else @path. NULL: errno. */
static char *end_of_links(const char *path)
{
	char *at = strdup(path);

	for (unsigned i = 0; at && i < LINKS_MAX; i++) {
		char to[PATH_MAX];
		ssize_t len = readlink(at, to, sizeof(to));
		char *next;

		if (len < 0)
			return at;
		if (asprintf(&next, "%.*s%.*s", (int)(len && *to != '/' ? dir_len(at) : 0), at,
			     (int)len, to) < 0)
			next = NULL;
		free(at);
		at = next;
	}
	errno = at ? ELOOP : ENOMEM;
	free(at);
	return NULL;
}

static int open_failed(struct new_file *f, int code, struct err *e)
{
	const char *path = f->target ? f->target : f->path;
	AUTO_FREE char *dir = strndup(path, dir_len(path));
	struct stat st;

	if (code == -ENOENT && dir && *dir)
		return err_set(e, code, stat(dir, &st) ? "cannot create '%s': there is no directory '%s'" :
			       "cannot create '%s': '%s' takes no new files", f->path, dir);
	return err_errno(e, code, "cannot create '%s'", f->path);
}

/* A file without a name in the directory of f->target, so that nothing is left
 * of it should we be killed. Not every file system has that: -1. */
static int open_nameless(const struct new_file *f)
{
	int len = dir_len(f->target), fd;
	char *dir;

	if (asprintf(&dir, "%.*s", len ? len : 1, len ? f->target : ".") < 0)
		return -1;
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	free(dir);
	return fd;
}

/* Creates the file; its owner and mode as those of @old, if there is one. */
static int open_temp(struct new_file *f, const struct stat *old)
{
	int dir = dir_len(f->target);

	if (asprintf(&f->temp, "%.*s.%.*s.XXXXXX", dir, f->target, NAME_PART, f->target + dir) < 0) {
		f->temp = NULL;
		return -ENOMEM;
	}
	f->fd = open_nameless(f);
	f->nameless = f->fd >= 0;
	if (!f->nameless)
		f->fd = mkostemp(f->temp, O_CLOEXEC);
	if (f->fd < 0)
		return -errno;
	if (old && fchown(f->fd, old->st_uid, old->st_gid) < 0)
		return fchmod(f->fd, 0600) < 0 ? -errno : 0;	/* somebody else's: ours now */
	return fchmod(f->fd, old ? old->st_mode & 07777 : 0666 & ~umask_get()) < 0 ? -errno : 0;
}

/* Not only by its mode: a file that can be appended to alone cannot be written. */
static bool can_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int new_file_open(struct new_file *f, const char *path, struct err *e)
{
	struct stat st;
	bool there;
	int r = -ENOMEM;

	*f = (struct new_file){ .fd = -1 };
	if (!*path)
		return err_set(e, -EINVAL, "the name of the file to write is empty");
	f->path = strdup(path);
	if (!f->path)
		return err_errno(e, r, "cannot create '%s'", path);
	there = !stat(path, &st);
	if (!there && errno == ENAMETOOLONG)
		f->target = NULL;		/* which would be found out at the end only */
	else if (there && !S_ISREG(st.st_mode))
		f->target = strdup(path);	/* a pipe has no name to find */
	else
		f->target = there ? realpath(path, NULL) : end_of_links(path);
	if (!f->target) {
		r = -errno;
	} else if (there && S_ISDIR(st.st_mode)) {
		r = -EISDIR;
	} else if (there && !S_ISREG(st.st_mode)) {
		f->fd = open(path, O_RDWR | O_CLOEXEC);
		r = f->fd < 0 ? -errno : 0;
	} else if (there && !can_write(path)) {
		r = -errno;
	} else {
		r = open_temp(f, there ? &st : NULL);
	}
	if (r) {
		r = open_failed(f, r, e);
		new_file_discard(f);
	}
	return r;
}

int new_file_seekable(const struct new_file *f, struct err *e)
{
	if (lseek(f->fd, 0, SEEK_CUR) >= 0)
		return 0;
	if (errno != ESPIPE)
		return err_errno(e, -errno, "cannot write to '%s'", f->path);
	return err_set(e, -ESPIPE, "cannot write to '%s', which is no file but a pipe or a terminal", f->path);
}

/* Gives a nameless file its temporary name. */
static int link_temp(struct new_file *f)
{
	char *end = f->temp + strlen(f->temp) - strlen("XXXXXX");
	char self[64];

	if (!f->nameless)
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	for (unsigned i = 0; i < LINK_TRIES; i++) {
		snprintf(end, strlen("XXXXXX") + 1, "%06x", (unsigned)(getpid() + i) & 0xffffff);
		if (!linkat(AT_FDCWD, self, AT_FDCWD, f->temp, AT_SYMLINK_FOLLOW)) {
			f->nameless = false;
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

const char *new_file_unfinished(struct new_file *f)
{
	for (unsigned i = 1; f->temp && !f->unfinished && i <= LINK_TRIES; i++) {
		char number[16] = "";
		struct stat st;

		if (i > 1)
			snprintf(number, sizeof(number), ".%u", i);
		if (asprintf(&f->unfinished, "%s.unfinished%s", f->target, number) < 0)
			f->unfinished = NULL;
		if (!f->unfinished || (lstat(f->unfinished, &st) < 0 && errno == ENOENT))
			break;
		free(f->unfinished);
		f->unfinished = NULL;
	}
	return f->unfinished;
}

int new_file_link(struct new_file *f)
{
	char self[64];
	int r;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	if (f->nameless)
		r = linkat(AT_FDCWD, self, AT_FDCWD, f->unfinished, AT_SYMLINK_FOLLOW);
	else
		r = rename(f->temp, f->unfinished);
	if (r < 0)
		return -errno;
	f->nameless = false;
	free(f->temp);
	f->temp = f->unfinished;
	f->unfinished = NULL;
	return 0;
}

/* Whether a file may be written but not replaced: it is mounted there, or somebody else's in a sticky directory. */
static bool is_fixed(const struct new_file *f, int code)
{
	struct stat st;

	return (code == -EBUSY || code == -EPERM || code == -EACCES || code == -EXDEV) && !stat(f->target, &st) &&
	       S_ISREG(st.st_mode);
}

static int copy_all(int from, int to)
{
	AUTO_FREE char *block = malloc(COPY_BYTES);
	off_t at = 0;
	int r;

	if (!block)
		return -ENOMEM;
	for (;;) {
		ssize_t n = pread(from, block, COPY_BYTES, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		r = write_full(to, block, n);
		if (r < 0)
			return r;
		at += n;
	}
}

/* Fills the file that cannot be replaced. What it had is gone from the first byte on, so a failure leaves the other one. */
static int fill_fixed(struct new_file *f, struct err *e)
{
	int fd AUTO_CLOSE = open(f->target, O_WRONLY | O_TRUNC | O_CLOEXEC), r;

	if (fd < 0)
		return err_errno(e, -errno, "cannot write '%s'", f->path);
	r = copy_all(f->fd, fd);
	if (!r && fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	if (!r) {
		unlink(f->temp);
		return 0;
	}
	err_errno(e, r, "cannot write '%s', which is whole in '%s'", f->path, f->temp);
	free(f->temp);
	f->temp = NULL;
	return r;
}

int new_file_commit(struct new_file *f, struct err *e)
{
	int r = f->temp ? link_temp(f) : 0;

	if (!r && f->temp && rename(f->temp, f->target) < 0)
		r = -errno;
	if (is_fixed(f, r))
		r = fill_fixed(f, e);
	else if (r)
		err_errno(e, r, "cannot give '%s' its name", f->path);
	if (!r) {
		free(f->temp);
		f->temp = NULL;
		if (close(f->fd) < 0)
			r = err_errno(e, -errno, "cannot write '%s'", f->path);
		f->fd = -1;
		new_file_discard(f);
	}
	return r;
}

void new_file_abandon(struct new_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	free(f->unfinished);
	free(f->temp);
	free(f->target);
	free(f->path);
	f->unfinished = f->temp = f->target = f->path = NULL;
}

void new_file_discard(struct new_file *f)
{
	if (f->temp && !f->nameless)
		unlink(f->temp);
	new_file_abandon(f);
}
