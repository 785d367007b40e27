// SPDX-License-Identifier: LGPL-2.1-or-later
/* A trace by its name, whether or not its recording came to its end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock/clock.h"
#include "record/head.h"
#include "record/left.h"
#include "record/spool.h"

static void put_end(struct buf *b, const struct left *l)
{
	if (!l->has_events) {
		buf_puts(b, "before any event reached the disk");
	} else {
		buf_puts(b, "its last event is at ");
		clock_put_time(b, l->clock, l->last_ts);
	}
	if (l->damage)
		buf_printf(b, "; %" PRIu64 " bytes behind or between its whole chunks are torn and "
			   "left out", l->damage);
}

static int tell_left(const char *path, const struct left *l, const struct notices *notices,
		     char **ret_cut)
{
	AUTO_BUF struct buf text = { 0 };

	if (l->strangers)
		notice(notices, "'%s': %zu files of another recording that was cut are left out",
		       path, l->strangers);
	buf_printf(&text, l->live ? "'%s' is being recorded still: " :
		   "'%s' was not finished, its recorder was killed or failed: ", path);
	put_end(&text, l);
	if (text.failed)
		return -ENOMEM;
	if (l->live) {
		notice(notices, "%s", text.data);
		return 0;
	}
	*ret_cut = strdup(text.data);
	return *ret_cut ? 0 : -ENOMEM;
}

/* 1, 0: nothing is left of it, -errno. */
static int open_left(const char *path, const struct notices *notices, struct dat_reader **ret,
		     char **ret_cut, struct err *e)
{
	struct dat_reader *reader;
	struct left l;
	int r = left_find(path, &l, e);

	if (r <= 0)
		return r;
	r = left_open(path, &l, notices, &reader, e);
	if (!r && tell_left(path, &l, notices, ret_cut)) {
		dat_reader_close(reader);
		r = err_errno(e, -ENOMEM, "cannot read '%s'", path);
	}
	left_release(&l);
	if (r)
		return r;
	*ret = reader;
	return 1;
}

/* "FILE.meta" without its end; NULL: it is none, or no memory. */
static char *base_of_head(const char *path)
{
	size_t len = strlen(path), end = strlen(HEAD_SUFFIX);

	return len > end && !strcmp(path + len - end, HEAD_SUFFIX) ? strndup(path, len - end) : NULL;
}

/* A whole file, and beside it what another recording holds. Not told is what it was itself made of. */
static void tell_neighbour(const char *path, const struct dat_info *info, const struct notices *notices)
{
	AUTO_FREE char *head = NULL;
	struct head_seen seen;

	if (asprintf(&head, "%s" HEAD_SUFFIX, path) < 0) {
		head = NULL;
		return;
	}
	if (head_look(head, &seen) || (seen.readable && info->has_trace_id && seen.session == info->trace_id))
		return;
	notice(notices, "'%s' is whole; beside it is what another recording holds, which %s: "
	       "that is read by the name '%s'", path, seen.live ? "runs still" : "was cut", head);
}

/* Length of @path without @end; the whole if it does not end like this. */
static size_t without(const char *path, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !strncmp(path + len - n, end, n) ? len - n : len;
}

/* Tells which name to give instead of a spool's own. */
static void tell_spool(const char *path, int fd, struct err *e)
{
	const struct spool_info *info;
	struct spool_reader *r;
	char *instance = NULL;
	uint32_t cpu;
	size_t base;
	bool named = spool_name_parse(path, &cpu, &base);

	if (spool_reader_open(fd, path, NULL, NULL, &r, NULL))
		return;
	info = spool_reader_info(r);
	named = named && cpu == info->cpu;
	if (named && info->instance && asprintf(&instance, ".%s", info->instance) >= 0)
		base = without(path, base, instance);
	free(instance);
	err_set(e, -EBADMSG, "'%s' is what one CPU, %u, recorded, and no trace file", path, info->cpu);
	if (named)
		err_hint(e, "the whole recording is read by the name '%.*s'", (int)base, path);
	spool_reader_close(r);
}

/* Of a file that cannot be read as a trace. */
static void tell_why(const char *path, struct err *e)
{
	int fd AUTO_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) > 0 && spool_probe(fd))
		tell_spool(path, fd, e);
}

int left_or_file_open(const char *path, const struct notices *notices, struct dat_reader **ret,
		      char **ret_cut, struct err *e)
{
	AUTO_FREE char *base = base_of_head(path);
	struct err why = { 0 };
	int r, left = 0;

	*ret_cut = NULL;
	if (base)
		left = open_left(base, notices, ret, ret_cut, e);
	if (left)
		return left < 0 ? left : 0;
	r = dat_reader_open(path, notices, ret, &why);
	if (!r) {
		tell_neighbour(path, dat_reader_info(*ret), notices);
		return 0;
	}
	left = open_left(path, notices, ret, ret_cut, e);
	/* Meanwhile it may have been finished. */
	if ((left == -ENOENT || (!left && r == -ENOENT)) && !dat_reader_open(path, notices, ret, NULL))
		return 0;
	if (left)
		return left < 0 ? left : 0;
	tell_why(path, &why);
	if (e)
		*e = why;
	return r;
}
