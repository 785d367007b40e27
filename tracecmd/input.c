// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "input.h"
#include "record_loss.h"
#include "record/left.h"

#define STDIN_NAME "standard input"
#define COPY_STEP 65536

/* ---- standard input ----------------------------------------------------------- */

/* A file without a name, where temporary files go. */
static int open_temp(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char *path;
	int fd;

	if (!dir || !*dir)
		dir = "/var/tmp";
	if (asprintf(&path, "%s/tracecmd.XXXXXX", dir) < 0)
		return err_errno(e, -ENOMEM, "cannot read " STDIN_NAME);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_errno(e, -errno, "cannot keep " STDIN_NAME " in '%s' (TMPDIR)", dir);
	else
		unlink(path);
	free(path);
	return fd < 0 ? -EIO : fd;
}

static int copy_stdin(int to, struct err *e)
{
	AUTO_FREE char *data = malloc(COPY_STEP);
	ssize_t n;

	if (!data)
		return err_errno(e, -ENOMEM, "cannot read " STDIN_NAME);
	while ((n = read(STDIN_FILENO, data, COPY_STEP)) != 0) {
		int r = n > 0 ? write_full(to, data, n) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, -errno, "cannot read " STDIN_NAME);
		if (r)
			return err_errno(e, r, "cannot keep " STDIN_NAME " in a temporary file "
					 "(TMPDIR says where)");
	}
	return 0;
}

/* A trace is read at many places: what cannot be sought in is copied first. */
static int open_stdin(const struct notices *notices, struct input *in, struct err *e)
{
	int fd, r = 0;

	if (isatty(STDIN_FILENO))
		return err_set(e, -EINVAL, "a trace is no text to be typed: redirect " STDIN_NAME);
	if (lseek(STDIN_FILENO, 0, SEEK_END) >= 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		fd = open_temp(e);
	if (fd < 0)
		return e && e->code ? e->code : err_errno(e, -errno, "cannot read " STDIN_NAME);
	if (lseek(STDIN_FILENO, 0, SEEK_END) < 0)
		r = copy_stdin(fd, e);
	if (r) {
		close(fd);
		return r;
	}
	return dat_reader_open_fd(fd, STDIN_NAME, notices, &in->reader, e);
}

/* ---- what a recording left ---------------------------------------------------- */

static void put_end(struct buf *b, const struct left *l)
{
	if (!l->has_events) {
		buf_puts(b, "before any event reached the disk");
	} else {
		buf_puts(b, "its last event is at ");
		loss_put_time(b, l->clock, l->last_ts);
	}
	if (l->damage)
		buf_printf(b, "; %" PRIu64 " bytes behind or between its whole chunks are torn and "
			   "left out", l->damage);
}

static int tell_left(const char *path, const struct left *l, const struct notices *notices,
		     struct input *in)
{
	AUTO_BUF struct buf text = { 0 };

	if (l->strangers)
		notice(notices, "'%s': %zu files of another recording that was cut are left out",
		       path, l->strangers);
	buf_printf(&text, l->live ? "'%s' is being recorded still: " :
		   "'%s' was not finished, its recorder was killed or failed: ", path);
	put_end(&text, l);
	if (l->live) {
		notice(notices, "%s", text.failed ? path : text.data);
		return 0;
	}
	in->cut = text.failed ? NULL : strdup(text.data);
	return in->cut ? 0 : -ENOMEM;
}

/* 1, 0: nothing is left of it, -errno. */
static int open_left(const char *path, const struct notices *notices, struct input *in,
		     struct err *e)
{
	struct left l;
	int r = left_find(path, &l, e);

	if (r <= 0)
		return r;
	r = left_open(path, &l, notices, &in->reader, e);
	if (!r && tell_left(path, &l, notices, in))
		r = err_errno(e, -ENOMEM, "cannot read '%s'", path);
	left_release(&l);
	return r ? r : 1;
}

/* "FILE.meta" without its end; NULL: it is none, or no memory. */
static char *base_of_head(const char *path)
{
	size_t len = strlen(path), end = strlen(HEAD_SUFFIX);

	return len > end && !strcmp(path + len - end, HEAD_SUFFIX) ? strndup(path, len - end) : NULL;
}

/* A whole file, and beside it the traces of a later recording. */
static void tell_neighbour(const char *path, const struct notices *notices)
{
	char *head;

	if (asprintf(&head, "%s" HEAD_SUFFIX, path) < 0)
		return;
	if (!access(head, F_OK))
		notice(notices, "'%s' is whole, but beside it is what a later recording holds that "
		       "runs still or was cut: see '%s'", path, head);
	free(head);
}

int input_open(const char *path, const struct notices *notices, struct input *in, struct err *e)
{
	AUTO_FREE char *base = base_of_head(path);
	struct err why = { 0 };
	int r, left = 0;

	*in = (struct input){ 0 };
	if (!strcmp(path, "-"))
		return open_stdin(notices, in, e);
	if (base)
		left = open_left(base, notices, in, e);
	if (left)
		return left < 0 ? left : 0;
	r = dat_reader_open(path, notices, &in->reader, &why);
	if (!r) {
		tell_neighbour(path, notices);
		return 0;
	}
	left = open_left(path, notices, in, e);
	if (left)
		return left < 0 ? left : 0;
	if (e)
		*e = why;
	return r;
}

void input_release(struct input *in)
{
	free(in->cut);
	in->cut = NULL;
}
