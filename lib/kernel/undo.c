// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The undo log: what the kernel was like before, newest last. An entry stands
 * on its own (kind, absolute path, value), so that another process can put
 * things back from the log's text:
 *
 *	KIND PATH VALUE\n	blanks, control characters and '%' as %XX
 *	d PATH -\n		the entry before, of PATH: its change was not made after all
 *
 * A file is logged once only: going back through the log ends with its oldest
 * value anyway. Undoing is idempotent; what is gone needs no putting back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "kernel/internal.h"

/* An instance whose last reader has just gone can be busy for a moment. */
#define RMDIR_TRIES 100
#define RMDIR_WAIT_NS 10000000

/* ---- plain writes -------------------------------------------------------- */

#define INTERRUPTED_MAX 100

/*
 * A setting is one write. A signal may interrupt it, and it is tried again; but the kernel also
 * answers -EINTR for good (a uprobe that perf holds), so not for ever.
 */
static int write_setting(int fd, const char *data, size_t len)
{
	ssize_t n = -1;

	for (unsigned i = 0; n < 0 && i < INTERRUPTED_MAX; i++) {
		n = write(fd, data, len);
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	if (n < 0)
		return -EINTR;
	return (size_t)n == len ? 0 : write_full(fd, data + n, len - n);
}

static int write_flags(const char *path, const char *value, int flags)
{
	int fd AUTO_CLOSE = control_file_open(path, O_WRONLY | flags);
	AUTO_BUF struct buf b = { 0 };

	if (fd < 0)
		return fd;
	if (!value)
		return 0;
	/* Some files take a word only once they have seen what ends it. */
	if (buf_puts(&b, value) || buf_puts(&b, "\n"))
		return -ENOMEM;
	return write_setting(fd, b.data, b.len);
}

int file_write(const char *path, const char *value)
{
	return write_flags(path, value, O_TRUNC);
}

int file_append(const char *path, const char *value)
{
	return write_flags(path, value, O_APPEND);
}

int file_truncate(const char *path)
{
	return write_flags(path, NULL, O_TRUNC);
}

/* ---- the log's text ------------------------------------------------------ */

static int put_escaped(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = *s;

		if (c <= ' ' || c == '%' || c == 127)
			buf_printf(b, "%%%02X", c);
		else
			buf_put(b, s, 1);
	}
	return b->failed ? -ENOMEM : 0;
}

static void tell_watcher(struct undo_log *log, char kind, const char *path, const char *value)
{
	AUTO_BUF struct buf b = { 0 };

	if (!log->watch)
		return;
	buf_printf(&b, "%c ", kind);
	put_escaped(&b, path);
	buf_puts(&b, " ");
	put_escaped(&b, value);
	if (!buf_puts(&b, "\n"))
		log->watch(log->watch_ctx, b.data, b.len);
}

void kernel_undo_watch(struct kernel *k, void (*fn)(void *ctx, const char *line, size_t len),
		       void *ctx)
{
	k->log.watch = fn;
	k->log.watch_ctx = ctx;
	for (size_t i = 0; i < k->log.nr; i++)
		tell_watcher(&k->log, k->log.v[i].kind, k->log.v[i].path, k->log.v[i].value);
}

/* ---- adding -------------------------------------------------------------- */

static void entry_release(struct undo_entry *u)
{
	free(u->path);
	free(u->value);
}

/* Under the lock. */
static bool logged(const struct undo_log *log, enum undo_kind kind, const char *path)
{
	for (size_t i = 0; i < log->nr; i++)
		if (log->v[i].kind == kind && !strcmp(log->v[i].path, path))
			return true;
	return false;
}

bool undo_logged(struct undo_log *log, enum undo_kind kind, const char *path)
{
	bool is;

	pthread_mutex_lock(&log->lock);
	is = logged(log, kind, path);
	pthread_mutex_unlock(&log->lock);
	return is;
}

/* Adds to the log. Under its lock. 0, -ENOMEM. */
static int log_push(struct undo_log *log, enum undo_kind kind, const char *path, const char *value)
{
	struct undo_entry u = { .kind = kind, .path = strdup(path), .value = strdup(value) };

	if (!u.path || !u.value || vec_push(log, u)) {
		entry_release(&u);
		return -ENOMEM;
	}
	tell_watcher(log, u.kind, u.path, u.value);
	return 0;
}

int undo_log_add(struct kernel *k, enum undo_kind kind, const char *path, const char *value)
{
	int ret = 0;

	if (k->keep)
		return 0;
	pthread_mutex_lock(&k->log.lock);
	if (kind == UNDO_ADD || !logged(&k->log, kind, path))
		ret = log_push(&k->log, kind, path, value);
	pthread_mutex_unlock(&k->log.lock);
	return ret;
}

void undo_log_drop(struct kernel *k, enum undo_kind kind, const char *path)
{
	struct undo_entry *u;

	pthread_mutex_lock(&k->log.lock);
	u = k->log.nr ? &k->log.v[k->log.nr - 1] : NULL;
	if (!k->keep && u && u->kind == kind && !strcmp(u->path, path)) {
		tell_watcher(&k->log, UNDO_DROPPED, path, "-");
		entry_release(u);
		k->log.nr--;
	}
	pthread_mutex_unlock(&k->log.lock);
}

int file_append_logged(struct kernel *k, const char *path, const char *value, const char *removal)
{
	int ret = undo_log_add(k, UNDO_ADD, path, removal);

	if (ret)
		return ret;
	ret = file_append(path, value);
	if (ret)
		undo_log_drop(k, UNDO_ADD, path);
	return ret;
}

void undo_log_release(struct undo_log *log)
{
	for (size_t i = 0; i < log->nr; i++)
		entry_release(&log->v[i]);
	vec_release(log);
}

void kernel_undo_forget(struct kernel *k)
{
	undo_log_release(&k->log);
}

void kernel_keep_changes(struct kernel *k, bool keep)
{
	k->keep = keep;
}

/* ---- undoing ------------------------------------------------------------- */

static int undo_rmdir(const char *path)
{
	const struct timespec wait = { .tv_nsec = RMDIR_WAIT_NS };

	for (int i = 0; i < RMDIR_TRIES; i++) {
		if (!rmdir(path))
			return 0;
		if (errno != EBUSY)
			break;
		nanosleep(&wait, NULL);
	}
	return -errno;
}

/* Whether nothing is mounted any more where @path was: then what it tells of is there, but out of reach. */
static bool unmounted(const char *path)
{
	char *folder AUTO_FREE = strdup(path), *slash;
	struct statfs fs;

	while (folder && statfs(folder, &fs) < 0) {
		slash = strrchr(folder, '/');
		if (errno != ENOENT || !slash)
			return false;
		*slash = 0;
	}
	return folder && fs.f_type == SYSFS_MAGIC;	/* its mount point */
}

struct enable_ctx {
	const char *dir;
	int ret;
};

static int enable_event(void *ctx, const char *line)
{
	struct enable_ctx *ec = ctx;
	const char *colon = strchr(line, ':');
	AUTO_BUF struct buf path = { 0 };
	int ret;

	if (!colon)
		return 0;
	if (buf_printf(&path, "%s/%.*s/%s/enable", ec->dir, (int)(colon - line), line, colon + 1))
		return -ENOMEM;
	ret = file_write(path.data, "1");
	if (ret && ret != -ENOENT && !ec->ret)	/* the event's module may be gone */
		ec->ret = ret;
	return 0;
}

static int undo_events(const char *dir, const char *enabled)
{
	struct enable_ctx ec = { .dir = dir };
	AUTO_BUF struct buf path = { 0 };
	int ret;

	if (buf_printf(&path, "%s/enable", dir))
		return -ENOMEM;
	ret = file_write(path.data, "0");
	if (ret)
		return ret;
	ret = kernel_each_line(enabled, enable_event, &ec);
	return ret ? ret : ec.ret;
}

static int undo_list(const char *path, const char *value)
{
	return *value ? file_write(path, value) : file_truncate(path);
}

/* A file that refuses may have the value all the same: then it refused to be changed, too. */
static int undo_write(const char *path, const char *value)
{
	AUTO_BUF struct buf now = { 0 };
	size_t len = strcspn(value, "\n");
	int ret = file_write(path, value);

	if (!ret || control_file_read(path, &now, KERNEL_TEXT_MAX) || !now.data)
		return ret;
	return strcspn(now.data, "\n") == len && !strncmp(now.data, value, len) ? 0 : ret;
}

int undo_entry(const struct undo_entry *u, const struct notices *notices, struct err *e)
{
	struct err why = { 0 };
	int ret;

	switch (u->kind) {
	case UNDO_WRITE:
		ret = undo_write(u->path, u->value);
		break;
	case UNDO_LIST:
		ret = undo_list(u->path, u->value);
		break;
	case UNDO_ADD:
		ret = file_append(u->path, u->value);
		break;
	case UNDO_EVENTS:
		ret = undo_events(u->path, u->value);
		break;
	case UNDO_RMDIR:
		ret = undo_rmdir(u->path);
		break;
	default:
		ret = -EINVAL;
	}
	/* Gone with its instance, module or program, or put back by an earlier try. */
	if (!ret || (ret == -ENOENT && !unmounted(u->path)) || (u->kind == UNDO_ADD && ret == -EEXIST))
		return 0;
	err_errno(&why, ret, "cannot put back %s", u->path);
	if (u->kind == UNDO_ADD)
		err_hint(&why, "'%s' is still to be written to it%s", u->value, ret == -EBUSY ?
			 ", once nobody uses that event any more ('tracecmd probe del' tells who does)" : "");
	notice(notices, "%s", why.text);
	if (e && !e->code)
		err_set(e, ret, "%s", why.text);
	return ret;
}

size_t undo_mark(const struct kernel *k)
{
	return k->log.nr;
}

int undo_to(struct kernel *k, size_t mark, struct err *e)
{
	int first = 0;

	while (k->log.nr > mark) {
		struct undo_entry *u = &k->log.v[k->log.nr - 1];
		int ret = undo_entry(u, &k->notices, first ? NULL : e);

		if (ret && !first)
			first = ret;
		entry_release(u);
		k->log.nr--;
	}
	return first;
}

void undo_forget_to(struct kernel *k, size_t mark)
{
	while (k->log.nr > mark)
		entry_release(&k->log.v[--k->log.nr]);
}

int kernel_undo(struct kernel *k, struct err *e)
{
	int ret = undo_to(k, 0, e);

	undo_log_release(&k->log);
	return ret;
}

static void log_remove(struct undo_log *log, size_t i)
{
	entry_release(&log->v[i]);
	log->nr--;
	memmove(&log->v[i], &log->v[i + 1], (log->nr - i) * sizeof(log->v[i]));
}

/* Whether it is a list of processes that @dir, an instance's events, look at. */
static bool is_list_for(const struct undo_entry *u, const char *dir)
{
	size_t len = strrchr(dir, '/') + 1 - dir;

	return u->kind == UNDO_LIST && !strncmp(u->path, dir, len) &&
	       !strncmp(u->path + len, "set_event_", 10);
}

/*
 * Switches the events of entry @at off, then undoes the lists, newest first: where nothing looks
 * at a list any more the kernel gives it up a third sooner, and should anybody switch
 * tracing on the recorder's own events do not fill what its threads are to empty. What
 * cannot be put back stays: kernel_undo tries it again, and tells.
 */
static void undo_choice(struct undo_log *log, size_t at)
{
	if (undo_entry(&log->v[at], NULL, NULL))
		return;
	for (size_t i = log->nr; i-- > at + 1;)
		if (is_list_for(&log->v[i], log->v[at].path) && !undo_entry(&log->v[i], NULL, NULL))
			log_remove(log, i);
	log_remove(log, at);
}

void kernel_undo_events(struct kernel *k)
{
	struct undo_log *log = &k->log;

	pthread_mutex_lock(&log->lock);
	for (size_t i = log->nr; i-- > 0;)
		if (log->v[i].kind == UNDO_EVENTS && !*log->v[i].value)
			undo_choice(log, i);
	pthread_mutex_unlock(&log->lock);
}
