// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "input.h"
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

int input_open(const char *path, const struct notices *notices, struct input *in, struct err *e)
{
	*in = (struct input){ 0 };
	if (!strcmp(path, "-"))
		return open_stdin(notices, in, e);
	return left_or_file_open(path, notices, &in->reader, &in->cut, e);
}

void input_release(struct input *in)
{
	free(in->cut);
	in->cut = NULL;
}
