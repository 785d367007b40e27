// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Undoing from the undo log's text, for who did not make the changes: the process beside a recorder that was
 * killed, or a later command. Meanwhile somebody else may record in the same instance, to whom the
 * settings belong then: so nothing is put back without its lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/internal.h"

/* ---- one line -------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes in place; false if a '%' is not followed by two digits. */
static bool unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%') {
			int hi = hex_digit(s[1]), lo = hi < 0 ? -1 : hex_digit(s[2]);

			if (lo < 0 || !(hi * 16 + lo))
				return false;
			*to++ = hi * 16 + lo;
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
	return true;
}

/* One line of the log's text, without its line end; -EINVAL if it is none. */
static int parse_entry(char *line, struct undo_entry *u)
{
	char *path, *value;

	if (!line[0] || line[1] != ' ' || !strchr("wlaerd", line[0]))
		return -EINVAL;
	path = line + 2;
	value = strchr(path, ' ');
	if (!value || path[0] != '/')
		return -EINVAL;
	*value++ = 0;
	if (!unescape(path) || !unescape(value))
		return -EINVAL;
	u->kind = line[0];
	u->path = path;
	u->value = value;
	return 0;
}

/* ---- whose it is ----------------------------------------------------------- */

/* An instance that entries are about. */
struct owner {
	char *dir;
	int fd;				/* of its lock; -1: it is gone, held already, or busy */
	bool busy;			/* another process has locked it */
};

struct undoing {
	const int *held;
	size_t nr_held;
	const struct notices *notices;
	struct err *e;
	int first;			/* failure */
	struct { struct owner *v; size_t nr, cap; } owners;
};

static void note_failure(struct undoing *u, int r)
{
	u->first = u->first ? u->first : r;
}

/* Files of the top level that no buffer has a part in: several may use them at once. */
static bool is_shared(const char *path)
{
	static const char *const shared[] = {
		"dynamic_events", "kprobe_events", "uprobe_events", "synthetic_events", "saved_cmdlines_size",
	};
	const char *file = strrchr(path, '/') + 1;

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (!strcmp(file, shared[i]))
			return true;
	return false;
}

/* The directory of the instance that @path is in or is, if any: the nearest with buffers of its own. */
static char *instance_dir(const char *path)
{
	static const char folder[] = "/instances/";
	char *dir = strdup(path), *end = dir ? strstr(dir, folder) : NULL;
	struct stat st;

	if (end) {
		end += strlen(folder);
		end[strcspn(end, "/")] = 0;
		return dir;
	}
	while (dir && (end = strrchr(dir, '/'))) {
		AUTO_BUF struct buf buffers = { 0 };

		if (!buf_printf(&buffers, "%s/per_cpu", dir) && !stat(buffers.data, &st) && !is_shared(path))
			return dir;
		*end = 0;
	}
	free(dir);
	return NULL;
}

static bool is_held(const struct undoing *u, const char *path)
{
	for (size_t i = 0; i < u->nr_held; i++)
		if (lock_is_of(u->held[i], path) > 0)
			return true;
	return false;
}

static void take(struct undoing *u, struct owner *o)
{
	AUTO_BUF struct buf path = { 0 };
	char who[64];

	if (buf_printf(&path, "%s/per_cpu", o->dir) || is_held(u, path.data))
		return;
	o->fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->fd < 0 || !flock(o->fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return;
	o->busy = true;
	lock_name_holder(o->fd, who, sizeof(who));
	notice(u->notices, "%s uses %s: the earlier settings there are not put back", who, o->dir);
	if (!u->first)
		err_set(u->e, -EBUSY, "%s uses %s: end that first", who, o->dir);
	note_failure(u, -EBUSY);
}

/* Whether another uses what the entry is about; takes it for us if not. 1, 0, -ENOMEM. */
static int belongs_to_another(struct undoing *u, const char *path)
{
	char *dir = instance_dir(path);
	struct owner o = { .dir = dir, .fd = -1 };

	for (size_t i = 0; dir && i < u->owners.nr; i++)
		if (!strcmp(u->owners.v[i].dir, dir)) {
			free(dir);
			return u->owners.v[i].busy;
		}
	if (!dir)
		return 0;
	if (vec_push(&u->owners, o)) {
		free(dir);
		return -ENOMEM;
	}
	take(u, &u->owners.v[u->owners.nr - 1]);
	return u->owners.v[u->owners.nr - 1].busy;
}

static void owners_release(struct undoing *u)
{
	for (size_t i = 0; i < u->owners.nr; i++) {
		cleanup_close(&u->owners.v[i].fd);
		free(u->owners.v[i].dir);
	}
	vec_release(&u->owners);
}

/* ---- all of them ----------------------------------------------------------- */

/* 1: it is to be tried again, 0. */
static int undo_one(struct undoing *u, const struct undo_entry *entry)
{
	int r = belongs_to_another(u, entry->path);

	if (r > 0)
		return 1;
	if (r < 0)
		err_errno(u->first ? NULL : u->e, r, "cannot put back %s", entry->path);
	else
		r = undo_entry(entry, u->notices, u->first ? NULL : u->e);
	note_failure(u, r);
	return r < 0;
}

/* The lines at @starts, which are newest first there, as they were. */
static int put_left(struct buf *left, const char *lines, const size_t *starts, size_t nr)
{
	while (nr-- > 0)
		if (buf_put(left, lines + starts[nr], strchr(lines + starts[nr], '\n') + 1 - lines - starts[nr]))
			return -ENOMEM;
	return 0;
}

/* The last line of @text[0..*len), which becomes shorter by it, without its line end. NULL: it has none. */
static char *last_line(char *text, size_t *len)
{
	bool whole = text[*len - 1] == '\n';
	char *line;

	*len -= whole;
	text[*len] = 0;
	line = memrchr(text, '\n', *len);
	line = line ? line + 1 : text;
	*len = line - text;
	return whole ? line : NULL;
}

int kernel_undo_lines(const char *lines, size_t len, const int *held, size_t nr,
		      const struct notices *notices, struct buf *left, struct err *e)
{
	struct undoing u = { .held = held, .nr_held = nr, .notices = notices, .e = e };
	struct { size_t *v, nr, cap; } kept = { 0 };
	char *text AUTO_FREE = strndup(lines, len);
	const char *dropped = NULL;	/* path of the entry that a later one takes back */

	if (!text)
		return err_errno(e, -ENOMEM, "cannot put the kernel's settings back");
	len = strlen(text);
	while (len) {
		char *line = last_line(text, &len);
		struct undo_entry entry;
		size_t start = len;
		int r;

		if (!line) {		/* a log that was cut there: not to be trusted */
			notice(notices, "the list of changed settings ends in the middle of an entry");
			continue;
		}
		r = parse_entry(line, &entry);
		if (r) {
			notice(notices, "the list of changed settings has a malformed entry '%.80s'", line);
			if (!u.first)
				err_set(e, r, "the list of changed settings has a malformed entry");
			note_failure(&u, r);
			continue;
		}
		if (dropped && !strcmp(dropped, entry.path)) {
			dropped = NULL;
			continue;
		}
		dropped = entry.kind == UNDO_DROPPED ? entry.path : NULL;
		if (!dropped && undo_one(&u, &entry) && vec_push(&kept, start))
			note_failure(&u, err_errno(u.first ? NULL : e, -ENOMEM, "cannot put back %s", entry.path));
	}
	if (put_left(left, lines, kept.v, kept.nr))
		note_failure(&u, err_errno(u.first ? NULL : e, -ENOMEM, "cannot put the kernel's settings back"));
	vec_release(&kept);
	owners_release(&u);
	return u.first;
}
