// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/head.h"
#include "record/left.h"
#include "record/restore.h"
#include "record/spool.h"

/* What one spool says; private while the files are being looked through. */
struct found {
	char *path;
	uint64_t session;
	struct timespec changed;
	char clock[32], boot[64];
	bool has_events;
	uint64_t last_ts, damage;
	int fd;				/* held; -1 */
	char *moved;			/* what was moved out of it is there; or NULL */
};

struct search {
	VEC(struct found) v;
	const char *base;		/* last part of the path */
	size_t dir_len;			/* of the part before, slash included */
	const char *path;
	bool again;			/* one went while it was looked at: the others may have, too */
};

#define SEARCHES_MAX 3			/* of a recording that changes meanwhile */

void left_release(struct left *l)
{
	for (size_t i = 0; i < l->spools.nr; i++)
		free(l->spools.v[i]);
	vec_release(&l->spools);
	for (size_t i = 0; i < l->held.nr; i++)
		close(l->held.v[i]);
	vec_release(&l->held);
	free(l->moved);
	free(l->head);
	l->moved = l->head = NULL;
}

static void found_release(struct found *f)
{
	cleanup_close(&f->fd);
	free(f->moved);
	free(f->path);
}

static void search_release(struct search *s)
{
	for (size_t i = 0; i < s->v.nr; i++)
		found_release(&s->v.v[i]);
	vec_release(&s->v);
}

/* Whether @name is what the recorder calls the spool of that instance and CPU. */
static bool has_its_name(const char *name, const char *base, const struct spool_info *info)
{
	const char *instance = info->instance ? info->instance : "";
	char *want;
	bool is;

	if (asprintf(&want, "%s%s%s.cpu%u", base, *instance ? "." : "", instance, info->cpu) < 0)
		return false;
	is = !strncmp(name, want, strlen(want)) && spool_is_suffix(name + strlen(want));
	free(want);
	return is;
}

static void see_chunks(struct spool_reader *r, struct found *f)
{
	struct spool_chunk c;
	const uint8_t *payload;

	while (spool_reader_next(r, &c, &payload, NULL) > 0) {
		if (!f->has_events || c.last_ts > f->last_ts)
			f->last_ts = c.last_ts;
		f->has_events = true;
	}
	f->damage = spool_reader_damage(r);
}

static void copy_word(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* Reads the spool f->fd. 1: it is one, and ours; 0, -ENOMEM. */
static int read_spool(struct search *s, const char *name, struct found *f)
{
	struct spool_moved *moved;
	struct spool_reader *r;
	const struct spool_info *info;
	struct stat st;
	int ours;

	spool_hold(f->fd);
	/* Who has waited may have a spool in hand that has become a file. */
	s->again = s->again || (!fstat(f->fd, &st) && !st.st_nlink);
	if (s->again || spool_moved_open(f->path, NULL, &moved, NULL))
		return 0;
	if (spool_reader_open(f->fd, f->path, moved, NULL, &r, NULL)) {
		spool_moved_close(moved);
		return 0;
	}
	info = spool_reader_info(r);
	f->changed = st.st_mtim;
	f->session = info->session;
	copy_word(f->clock, sizeof(f->clock), info->clock);
	copy_word(f->boot, sizeof(f->boot), info->boot);
	/* Without its description the name is all there is to go by. */
	ours = !info->described || has_its_name(name, s->base, info);
	if (ours)
		see_chunks(r, f);
	if (ours && moved && !(f->moved = strdup(spool_moved_name(moved))))
		ours = -ENOMEM;
	spool_reader_close(r);
	spool_moved_close(moved);
	return ours;
}

/* Adds the file if it is a spool of ours; -ENOMEM. */
static int look_at(struct search *s, const char *name)
{
	struct found f = { .fd = -1 };
	struct stat st;
	int r = 0;

	if (asprintf(&f.path, "%.*s%s", (int)s->dir_len, s->path, name) < 0)
		return -ENOMEM;
	f.fd = open(f.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f.fd >= 0 && !fstat(f.fd, &st) && S_ISREG(st.st_mode) && spool_probe(f.fd))
		r = read_spool(s, name, &f);
	if (r > 0 && vec_push(&s->v, f))
		r = -ENOMEM;
	if (r <= 0)
		found_release(&f);
	return r < 0 ? r : 0;
}

static bool may_be_spool(const char *name, const char *base)
{
	size_t len = strlen(base), end;
	uint32_t cpu;

	return !strncmp(name, base, len) && name[len] == '.' && spool_name_parse(name, &cpu, &end);
}

static int look_around(struct search *s, struct err *e)
{
	AUTO_FREE char *dir = strndup(s->dir_len ? s->path : ".", s->dir_len ? s->dir_len : 1);
	struct dirent *d;
	DIR *all;
	int r = 0;

	if (!dir)
		return err_errno(e, -ENOMEM, "cannot look for '%s'", s->path);
	all = opendir(dir);
	if (!all)
		return 0;		/* then there is nothing to be found */
	while (!r && (d = readdir(all)))
		if (may_be_spool(d->d_name, s->base))
			r = look_at(s, d->d_name);
	closedir(all);
	return r ? err_errno(e, r, "cannot look for '%s'", s->path) : 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The recording that is meant, of several: the one written to last. */
static const struct found *newest(const struct search *s)
{
	const struct found *f = &s->v.v[0];

	for (size_t i = 1; i < s->v.nr; i++)
		if (is_later(&s->v.v[i].changed, &f->changed))
			f = &s->v.v[i];
	return f;
}

static bool booted_as(const char *boot)
{
	struct buf id AUTO_BUF = { 0 };

	return *boot && !path_read_all("/proc/sys/kernel/random/boot_id", &id, 64) &&
	       !strncmp(id.data, boot, strlen(boot));
}

/* The head, if there is one and it is of that recording. */
static int find_head(const char *path, struct left *l)
{
	struct head_seen seen;

	if (asprintf(&l->head, "%s" HEAD_SUFFIX, path) < 0) {
		l->head = NULL;
		return -ENOMEM;
	}
	head_look(l->head, &seen);
	l->live = seen.live;
	if (seen.readable && seen.session == l->session)
		return 0;
	free(l->head);
	l->head = NULL;
	return 0;
}

static int take(struct left *l, struct search *s)
{
	const struct found *chosen = newest(s);
	l->session = chosen->session;
	memcpy(l->clock, chosen->clock, sizeof(l->clock));
	l->same_boot = booted_as(chosen->boot);
	for (size_t i = 0; i < s->v.nr; i++) {
		struct found *f = &s->v.v[i];

		if (f->session != l->session) {
			l->strangers++;
			continue;
		}
		if (vec_push(&l->spools, f->path))
			return -ENOMEM;
		f->path = NULL;
		if (vec_push(&l->held, f->fd))
			return -ENOMEM;
		f->fd = -1;
		if (!l->moved) {
			l->moved = f->moved;
			f->moved = NULL;
		}
		l->damage += f->damage;
		if (!f->has_events)
			continue;
		if (!l->has_events || f->last_ts > l->last_ts)
			l->last_ts = f->last_ts;
		l->has_events = true;
	}
	return 0;
}

int left_find(const char *path, struct left *ret, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct search s = { .path = path, .base = slash ? slash + 1 : path };
	struct left l = { 0 };
	int r;

	s.dir_len = s.base - path;
	for (unsigned i = 0; !i || (!r && s.again && i < SEARCHES_MAX); i++) {
		search_release(&s);
		s.again = false;
		r = look_around(&s, e);
	}
	if (!r && s.v.nr) {
		r = take(&l, &s);
		if (!r)
			r = find_head(path, &l);
		if (r)
			err_errno(e, r, "cannot look for '%s'", path);
		else
			r = 1;
	}
	search_release(&s);
	if (r > 0)
		*ret = l;
	else
		left_release(&l);
	return r;
}

static int lay_pieces(const char *path, const struct left *l, struct restore_opts *o,
		      struct dat_pieces **ret, struct err *e)
{
	struct dat_pieces *p = dat_pieces_new();
	int r = p ? restore_pieces(o, l->spools.v, l->spools.nr, p, path, e) :
		    err_errno(e, -ENOMEM, "cannot read '%s'", path);

	if (r)
		dat_pieces_free(p);
	else
		*ret = p;
	return r;
}

int left_open(const char *path, const struct left *l, const struct notices *notices,
	      struct dat_reader **ret, struct err *e)
{
	struct restore_opts o = { .spool_codec = true, .writer = "tracecmd", .notices = notices };
	struct dat_pieces *p;
	int r = l->head ? dat_reader_open(l->head, notices, &o.partial, e) : 0;

	/* Without the head the kernel must tell, with it it may. */
	if (!r && !l->head)
		r = kernel_open(NULL, notices, &o.kernel, e);
	else if (!r && l->same_boot && kernel_open(NULL, NULL, &o.kernel, NULL))
		o.kernel = NULL;
	if (!r)
		r = lay_pieces(path, l, &o, &p, e);
	dat_reader_close(o.partial);
	kernel_close(o.kernel);
	return r ? r : dat_reader_open_pieces(p, path, notices, ret, e);
}
