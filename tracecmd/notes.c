// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "notes.h"

#define NOTE_NAME "note."
#define NOTE_MAX (64u << 20)
#define NOTE_TRIES 16

static void boot_id(char *id, size_t size)
{
	struct buf text AUTO_BUF = { 0 };

	snprintf(id, size, "-");
	if (!path_read_all("/proc/sys/kernel/random/boot_id", &text, size))
		snprintf(id, size, "%.*s", (int)strcspn(text.data, "\n"), text.data);
}

/* A new file of notes, locked, whose name @path becomes. A descriptor, -errno. */
static int make_file(char *path)
{
	for (int i = 0; i < NOTE_TRIES; i++) {
		struct stat st;
		int fd;

		memcpy(path + strlen(path) - 6, "XXXXXX", 6);
		fd = mkostemp(path, O_CLOEXEC | O_APPEND);
		if (fd < 0)
			return -errno;
		/* Before it was locked another command may have taken it for one that was left, and removed it. */
		if (!flock(fd, LOCK_EX) && !fstat(fd, &st) && st.st_nlink)
			return fd;
		unlink(path);
		close(fd);
	}
	return -EAGAIN;
}

bool notes_folder(void)
{
	return !mkdir(NOTES_DIR, 0700) || errno == EEXIST;
}

int note_new(char **ret_path, int *ret_why)
{
	char *path = strdup(NOTES_DIR "/" NOTE_NAME "XXXXXX"), boot[64], head[128];
	int fd, r;

	if (!path)
		return -ENOMEM;
	boot_id(boot, sizeof(boot));
	snprintf(head, sizeof(head), "tracecmd 1 pid %d boot %s\n", getpid(), boot);
	fd = notes_folder() ? make_file(path) : -errno;
	r = fd < 0 ? fd : write_full(fd, head, strlen(head));
	if (!r) {
		*ret_path = path;
		return fd;
	}
	*ret_why = r;
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	free(path);
	*ret_path = NULL;
	fd = memfd_create("tracecmd-changes", MFD_CLOEXEC);
	r = fd < 0 ? -errno : write_full(fd, head, strlen(head));
	return r ? r : fd;
}

/* The whole text of a note. 0, -errno. */
static int note_read(int fd, struct buf *text)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > NOTE_MAX)
		return -EFBIG;
	if (buf_reserve(text, st.st_size))
		return -ENOMEM;
	text->len = st.st_size;
	text->data[text->len] = 0;
	return pread_full(fd, text->data, text->len, 0);
}

/*
 * The note at @path now tells only of @left: another file of that name, which is complete whenever one
 * looks. Failing that, the whole of it stays: undoing twice does no harm.
 */
static void note_shorten(const char *path, const char *head, size_t head_len, const struct buf *left)
{
	char next[] = NOTES_DIR "/" NOTE_NAME "XXXXXX";
	int fd AUTO_CLOSE = make_file(next);

	if (fd < 0)
		return;
	if (write_full(fd, head, head_len) || write_full(fd, left->data, left->len) || rename(next, path) < 0)
		unlink(next);
}

int note_undo(int fd, const char *path, const int *held, size_t nr, struct err *e)
{
	struct buf text AUTO_BUF = { 0 }, left AUTO_BUF = { 0 };
	int r = note_read(fd, &text);
	const char *lines;
	size_t head;

	if (r)
		return err_errno(e, r, "cannot read the list of changed settings");
	lines = strchr(text.data, '\n');
	if (!lines || !lines[1])
		return 0;
	head = lines + 1 - text.data;
	r = kernel_undo_lines(lines + 1, text.len - head, held, nr, &stderr_notices, &left, e);
	if (path && left.len && left.len < text.len - head)
		note_shorten(path, text.data, head, &left);
	return r ? r : 1;
}

/* A note that nobody holds. */
struct left_note {
	char path[sizeof(NOTES_DIR) + NAME_MAX + 2];
	int fd, pid;
	struct buf text;
};

/* Opens and locks it. 1; 0: it is gone, held by its owner, or none of ours; -errno. */
static int lock_left_note(const char *name, struct left_note *n)
{
	struct stat st;

	*n = (struct left_note){ .fd = -1 };
	snprintf(n->path, sizeof(n->path), NOTES_DIR "/%s", name);
	/* Not to wait for anybody, should it be a pipe. */
	n->fd = open(n->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (n->fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(n->fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && !flock(n->fd, LOCK_EX | LOCK_NB);
}

/*
 * Opens and locks the note @name if it was left, 1, and removes such that mean nothing (any
 * more), 0. One that cannot be read stays, -errno.
 */
static int open_left_note(const char *name, struct left_note *n, struct err *e)
{
	char boot[64], now[64];
	const char *lines;
	int r = lock_left_note(name, n);

	if (r > 0)
		r = note_read(n->fd, &n->text) ?: 1;
	if (r < 0)
		return err_errno(e, r, "cannot read '%s', where tracecmd noted what it changed", n->path);
	if (!r)
		return 0;
	/* Its maker was killed; or has not locked it yet, and makes another. */
	if (!n->text.len)
		return unlink(n->path), 0;
	lines = strchr(n->text.data, '\n');
	if (!lines || sscanf(n->text.data, "tracecmd 1 pid %d boot %63s", &n->pid, boot) != 2)
		return err_set(e, -EBADMSG, "'%s', where tracecmd noted what it changed, is not understood (another "
			       "version's?): remove it once the settings it tells are put back", n->path);
	boot_id(now, sizeof(now));
	if (lines[1] && !strcmp(boot, now))
		return 1;			/* of this boot, and not undone */
	unlink(n->path);
	return 0;
}

static void note_close(struct left_note *n)
{
	cleanup_close(&n->fd);
	buf_release(&n->text);
}

/*
 * Calls @fn for each note that was left. One that fails does not keep the others from it: the
 * first failure is what comes back, the others are told, and without @e the first too.
 */
static int each_left(int (*fn)(struct left_note *n, struct err *e), struct err *e)
{
	DIR *dir = opendir(NOTES_DIR);
	struct dirent *d;
	int first = 0;

	while (dir && (d = readdir(dir))) {
		struct err why = { 0 };
		struct left_note n;
		int r;

		if (strncmp(d->d_name, NOTE_NAME, strlen(NOTE_NAME)))
			continue;
		r = open_left_note(d->d_name, &n, &why);
		if (r > 0)
			r = fn(&n, &why);
		note_close(&n);
		if (r < 0 && (first || !e))
			notice(&stderr_notices, "%s", why.text);
		else if (r < 0)
			*e = why;
		first = first ? first : r;
	}
	if (dir)
		closedir(dir);
	return first;
}

static int tell(struct left_note *n, struct err *e)
{
	(void)e;
	notice(&stderr_notices, "tracecmd (process %d) was killed and could not put the kernel's "
	       "tracing settings back: 'tracecmd reset --recover' does it", n->pid);
	return 0;
}

void notes_tell(void)
{
	each_left(tell, NULL);
}

static int recover(struct left_note *n, struct err *e)
{
	int r = note_undo(n->fd, n->path, NULL, 0, e);

	if (r < 0)
		return err_wrap(e, "settings that process %d changed", n->pid);
	unlink(n->path);
	notice(&stderr_notices, "the settings that process %d changed are undone", n->pid);
	return 0;
}

int notes_recover(struct err *e)
{
	return each_left(recover, e);
}
