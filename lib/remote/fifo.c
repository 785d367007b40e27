// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/fifo.h"

#define PATH_BYTES 512
#define STALE_BYTES 65536
#define PIPE_BYTES (1 << 20)

bool fifo_guest_named(const char *guest)
{
	for (const char *c = guest; *c; c++)
		if ((unsigned char)*c < ' ' || strchr("/'\"<>&", *c))
			return false;
	return *guest && *guest != '.' && strlen(guest) < PATH_BYTES / 2;
}

/* What an earlier session has left there is not this one's. */
static void empty(int fd)
{
	AUTO_FREE char *bytes = malloc(STALE_BYTES);

	while (bytes && read(fd, bytes, STALE_BYTES) > 0)
		;
}

static int open_host_end(const char *guest, uint32_t cpu)
{
	char path[PATH_BYTES];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), FIFO_HOST_DIR "/%s/" FIFO_NAME "%" PRIu32 ".out", guest, cpu);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);	/* or less, as may be */
	empty(fd);
	return fd;
}

int fifo_open_host(const char *guest, int **ret, uint32_t *ret_nr)
{
	VEC(int) fds = { 0 };
	int fd;

	while (fifo_guest_named(guest) && fds.nr < FIFO_CPUS_MAX && (fd = open_host_end(guest, fds.nr)) >= 0) {
		if (vec_push(&fds, fd)) {
			close(fd);
			while (fds.nr)
				close(fds.v[--fds.nr]);
			vec_release(&fds);
			return -ENOMEM;
		}
	}
	*ret = fds.v;
	*ret_nr = fds.nr;
	return 0;
}

static int open_guest_end(uint32_t cpu)
{
	char path[PATH_BYTES];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), FIFO_GUEST_DIR "/" FIFO_NAME "%" PRIu32, cpu);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return fd;
	close(fd);
	return -EINVAL;
}

int fifo_open_guest(int *fds, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		int fd = open_guest_end(i);

		if (fd < 0) {
			while (i)
				close(fds[--i]);
			return fd;
		}
		fds[i] = fd;
	}
	return 0;
}

int fifo_write_full(int fd, const void *data, size_t len, unsigned timeout_ms)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd room = { .fd = fd, .events = POLLOUT };
			int r = poll(&room, 1, timeout_ms);

			if (!r)
				return -ETIMEDOUT;
			if (r > 0 && room.revents & POLLHUP && !(room.revents & POLLOUT))
				return -EPIPE;	/* nobody on the host holds the other end */
			continue;
		}
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}
