// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One recorder for a buffer: two of them take each other's events away. The lock
 * (flock) is on the instance's per_cpu directory, so it needs no file of its own,
 * holds for all containers that share the tracefs, and ends with its holders.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/internal.h"

#define LOCKS "/proc/locks"
#define LOCKS_MAX (1u << 22)

struct holder {
	ino_t inode;
	int pid;			/* 0: not found */
};

/* "N: FLOCK  ADVISORY  WRITE PID MAJOR:MINOR:INODE 0 EOF" (proc(5)). */
static int see_lock(void *ctx, const char *line)
{
	struct holder *h = ctx;
	unsigned long long inode;
	int pid;

	if (sscanf(line, "%*s FLOCK %*s %*s %d %*x:%*x:%llu", &pid, &inode) != 2 || inode != h->inode)
		return 0;
	h->pid = pid;
	return 1;
}

static int find_holder(int fd)
{
	AUTO_BUF struct buf text = { 0 };
	struct holder h = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0 || path_read_all(LOCKS, &text, LOCKS_MAX))
		return 0;
	h.inode = st.st_ino;
	kernel_each_line(text.data, see_lock, &h);
	return h.pid;
}

static int told_busy(const struct kernel_instance *in, int fd, struct err *e)
{
	int pid = find_holder(fd);
	char who[64] = "another tracecmd";

	if (pid > 0)
		snprintf(who, sizeof(who), "another tracecmd, process %d,", pid);
	if (*in->name)
		return err_set(e, -EBUSY, "%s uses the buffer of instance '%s': end that first, or take "
			       "another instance (-B)", who, in->name);
	return err_set(e, -EBUSY, "%s uses the top level's buffer: end that first, or use a buffer "
		       "of your own beside it (-B NAME)", who);
}

int kernel_instance_lock(struct kernel_instance *in, struct err *e)
{
	char path[KERNEL_PATH_MAX];
	int fd, r = in->locked ? 0 : kernel_instance_path(in, "per_cpu", path, sizeof(path));

	if (r)
		return err_set(e, r, "the path of instance '%s' is too long", in->name);
	if (in->locked)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_denied(e, -errno, "cannot lock", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? told_busy(in, fd, e) : err_errno(e, -errno, "cannot lock %s",
									  path);
	else if (vec_push(&in->k->locks, fd))
		r = err_errno(e, -ENOMEM, "cannot lock %s", path);
	if (r) {
		close(fd);
		return r;
	}
	in->locked = true;
	return 0;
}

const int *kernel_lock_fds(const struct kernel *k, size_t *ret_nr)
{
	*ret_nr = k->locks.nr;
	return k->locks.v;
}

int kernel_setup_lock(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->instances.nr && !r; i++) {
		const char *name = s->instances.v[i].name;
		struct kernel_instance *in = kernel_top(k);

		if (!kernel_setup_takes_part(s, i) || (*name && !instance_exists(k, name)))
			continue;
		if (*name)
			r = kernel_instance_get(k, name, false, &in, e);
		if (!r)
			r = kernel_instance_lock(in, e);
	}
	return r;
}
