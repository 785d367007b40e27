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
#include <time.h>
#include <unistd.h>

#include "kernel/internal.h"

#define LOCKS "/proc/locks"
#define LOCKS_MAX (1u << 22)
/* An instance is made in a tenth of a second; many, of many CPUs, on a machine that has much else to do, in a minute. */
#define ENTER_PAUSE_NS 5000000
#define ENTER_TRIES 12000

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

void lock_name_holder(int fd, char *who, size_t size)
{
	int pid = find_holder(fd);

	if (pid > 0)
		snprintf(who, size, "another tracecmd, process %d,", pid);
	else
		snprintf(who, size, "another tracecmd");
}

static int told_busy(const struct kernel_instance *in, int fd, struct err *e)
{
	char who[64];

	lock_name_holder(fd, who, sizeof(who));
	if (*in->name)
		return err_set(e, -EBUSY, "%s uses the buffer of instance '%s': end that first, or take "
			       "another instance (-B)", who, in->name);
	return err_set(e, -EBUSY, "%s uses the top level's buffer: end that first, or use a buffer "
		       "of your own beside it (-B NAME)", who);
}

int lock_is_of(int fd, const char *path)
{
	struct stat locked, there;

	if (fstat(fd, &locked) < 0 || stat(path, &there) < 0)
		return errno == ENOENT ? 0 : -errno;
	return locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
}

static int told_gone(const struct kernel_instance *in, struct err *e)
{
	return err_set(e, -ENOENT, "instance '%s' was removed just now", in->name);
}

/* Takes the lock on @fd, which was @path's a moment ago. 0, -errno. */
static int lock_fd(struct kernel_instance *in, int fd, int how, const char *path, struct err *e)
{
	int r = flock(fd, how | LOCK_NB) < 0 ? -errno : lock_is_of(fd, path);

	if (r == -EWOULDBLOCK)
		return told_busy(in, fd, e);
	if (!r)				/* who had it has removed the instance */
		return told_gone(in, e);
	if (r > 0)
		r = vec_push(&in->k->locks, fd);
	return r ? err_errno(e, r, "cannot lock %s", path) : 0;
}

static int lock(struct kernel_instance *in, int how, struct err *e)
{
	char path[KERNEL_PATH_MAX];
	int fd, r = in->locked ? 0 : kernel_instance_path(in, "per_cpu", path, sizeof(path));

	if (r)
		return err_set(e, r, "the path of instance '%s' is too long", in->name);
	if (in->locked)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && *in->name)
		return told_gone(in, e);
	if (fd < 0)
		return err_denied(e, -errno, "cannot lock", path);
	r = lock_fd(in, fd, how, path, e);
	if (r) {
		close(fd);
		return r;
	}
	in->locked = true;
	if (in->k->lock_watch)
		in->k->lock_watch(in->k->lock_watch_ctx, fd);
	return 0;
}

int kernel_instance_lock(struct kernel_instance *in, struct err *e)
{
	return lock(in, LOCK_EX, e);
}

int kernel_instance_lock_shared(struct kernel_instance *in, struct err *e)
{
	return lock(in, LOCK_SH, e);
}

void kernel_unlock(struct kernel *k)
{
	for (size_t i = 0; i < k->locks.nr; i++)
		close(k->locks.v[i]);
	vec_release(&k->locks);
	for (size_t i = 0; i < k->nr_instances; i++)
		k->instances[i]->locked = false;
}

bool kernel_instance_in_use(struct kernel_instance *in, char *who, size_t size)
{
	char path[KERNEL_PATH_MAX];
	int fd AUTO_CLOSE = -1;

	if (in->locked || kernel_instance_path(in, "per_cpu", path, sizeof(path)))
		return false;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !flock(fd, LOCK_SH | LOCK_NB) || errno != EWOULDBLOCK)
		return false;
	lock_name_holder(fd, who, size);
	return true;
}

const int *kernel_lock_fds(const struct kernel *k, size_t *ret_nr)
{
	*ret_nr = k->locks.nr;
	return k->locks.v;
}

void kernel_lock_watch(struct kernel *k, void (*fn)(void *ctx, int fd), void *ctx)
{
	k->lock_watch = fn;
	k->lock_watch_ctx = ctx;
}

/* ---- instances that come and go ------------------------------------------- */

/*
 * Between finding an instance or making it and locking it no other is let in: the lock
 * on the directory of all instances, *ret_fd; -1 where there are none. 0, -errno.
 */
static int enter_instances(struct kernel *k, int *ret_fd, struct err *e)
{
	const struct timespec pause = { .tv_nsec = ENTER_PAUSE_NS };
	char path[KERNEL_PATH_MAX];
	int fd;

	if (kernel_instance_path(kernel_top(k), "instances", path, sizeof(path)))
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		char who[64];

		if (errno != EWOULDBLOCK || i == ENTER_TRIES) {
			int r = -errno;

			lock_name_holder(fd, who, sizeof(who));
			close(fd);
			return r != -EWOULDBLOCK ? err_errno(e, r, "cannot lock %s", path) :
			       err_set(e, -EBUSY, "%s has kept all others from making instances for a minute: end that first", who);
		}
		nanosleep(&pause, NULL);
	}
	*ret_fd = fd;
	return 0;
}

int kernel_instance_take(struct kernel *k, const char *name, struct kernel_instance **ret, struct err *e)
{
	int fd AUTO_CLOSE = -1, r = enter_instances(k, &fd, e);

	if (!r)
		r = kernel_instance_get(k, name, true, ret, e);
	return r ? r : kernel_instance_lock(*ret, e);
}

/* One that is not there, or is being removed, is no error: it will be made. */
static int lock_if_there(struct kernel *k, const char *name, struct err *e)
{
	struct kernel_instance *in;
	struct err gone = { 0 };
	int r;

	if (*name && !instance_exists(k, name))
		return 0;
	r = kernel_instance_get(k, name, false, &in, &gone);
	if (!r)
		r = kernel_instance_lock(in, &gone);
	if (r == -ENOENT && *name)
		return 0;
	if (r && e)
		*e = gone;
	return r;
}

int kernel_setup_lock(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	int fd AUTO_CLOSE = -1, r = enter_instances(k, &fd, e);

	for (size_t i = 0; i < s->instances.nr && !r; i++)
		if (kernel_setup_takes_part(s, i))
			r = lock_if_there(k, s->instances.v[i].name, e);
	return r;
}
