// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "record/moved.h"

#define NAMES_CHECK_AT 24u
#define ENTRY_CHECK_AT 80u
#define MAGIC_OF_CHUNK (SPOOL_HEADER - (ENTRY_CHECK_AT - 8))	/* bytes an entry leaves out */

/* An entry, by its chunk's number. */
struct order {
	uint64_t seq;
	uint64_t at;			/* in the journal */
};

struct spool_moved {
	struct buf journal;
	VEC(struct order) entries;
	char *name;
	int fd;
	uint64_t size, session;
};

static uint64_t names_check(const void *header, const char *names, size_t len)
{
	return XXH3_64bits_withSeed(names, len, XXH3_64bits(header, NAMES_CHECK_AT));
}

static uint64_t entries_at(uint64_t names_len)
{
	return (MOVED_HEADER + names_len + 7) & ~UINT64_C(7);
}

int moved_put_header(struct buf *b, uint64_t session, const char *file, const char *then)
{
	struct buf names AUTO_BUF = { 0 };
	uint8_t h[MOVED_HEADER];

	if (buf_str(&names, file) || buf_str(&names, then))
		return -ENOMEM;
	memcpy(h, MOVED_MAGIC, MOVED_MAGIC_LEN);
	put_u32(h + 8, MOVED_VERSION, false);
	put_u32(h + 12, names.len, false);
	put_u64(h + 16, session, false);
	put_u64(h + NAMES_CHECK_AT, names_check(h, names.data, names.len), false);
	buf_put(b, h, sizeof(h));
	buf_put(b, names.data, names.len);
	return buf_fill(b, 0, entries_at(names.len) - MOVED_HEADER - names.len);
}

void moved_encode(uint8_t *out, uint64_t offset, const uint8_t *header)
{
	put_u64(out, offset, false);
	memcpy(out + 8, header + MAGIC_OF_CHUNK, SPOOL_HEADER - MAGIC_OF_CHUNK);
	put_u64(out + ENTRY_CHECK_AT, XXH3_64bits(out, ENTRY_CHECK_AT), false);
}

/* ---- reading ---------------------------------------------------------------- */

bool spool_moved_probe(int fd)
{
	char magic[MOVED_MAGIC_LEN];

	return !pread_full(fd, magic, sizeof(magic), 0) &&
	       (!memcmp(magic, MOVED_MAGIC, sizeof(magic)) ||
		!memcmp(magic, MOVED_STASH_MAGIC, sizeof(magic)));
}

size_t moved_nr(const struct spool_moved *m)
{
	return m->entries.nr;
}

void moved_entry(const struct spool_moved *m, size_t i, uint64_t *ret_offset, uint8_t *ret_header)
{
	const uint8_t *p = (const uint8_t *)m->journal.data + m->entries.v[i].at;

	*ret_offset = get_u64(p, false);
	memcpy(ret_header, SPOOL_MAGIC, MAGIC_OF_CHUNK);
	memcpy(ret_header + MAGIC_OF_CHUNK, p + 8, SPOOL_HEADER - MAGIC_OF_CHUNK);
}

int moved_fd(const struct spool_moved *m)
{
	return m->fd;
}

uint64_t moved_size(const struct spool_moved *m)
{
	return m->size;
}

uint64_t moved_session(const struct spool_moved *m)
{
	return m->session;
}

const char *spool_moved_name(const struct spool_moved *m)
{
	return m ? m->name : NULL;
}

void spool_moved_close(struct spool_moved *m)
{
	if (!m)
		return;
	buf_release(&m->journal);
	vec_release(&m->entries);
	cleanup_close(&m->fd);
	free(m->name);
	free(m);
}

/* @name in the directory of @path. NULL: no memory. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *ret;

	if (asprintf(&ret, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name) < 0)
		return NULL;
	return ret;
}

/* Opens m->name. False: it is no file, or cannot be read. */
static bool open_data(struct spool_moved *m)
{
	struct stat st;

	if (stat(m->name, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	m->fd = open(m->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (m->fd < 0 || fstat(m->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	m->size = st.st_size;
	return true;
}

/* The file that has the chunks, by one name or the other. 1, 0: there is none, -ENOMEM. */
static int find_data(struct spool_moved *m, const char *spool, const char *file, const char *then)
{
	char *path;

	m->name = strchr(file, '/') ? strdup(file) : beside(spool, file);
	if (!m->name || open_data(m))
		return m->name ? 1 : -ENOMEM;
	path = beside(m->name, then);
	if (!path)
		return -ENOMEM;
	free(m->name);
	m->name = path;
	cleanup_close(&m->fd);
	m->fd = -1;
	return open_data(m);
}

/*
 * Checks the journal's beginning. What is wrong with it; NULL: nothing, *ret_file and
 * *ret_then are the names.
 */
static const char *read_header(struct spool_moved *m, const char **ret_file, const char **ret_then,
			       uint64_t *ret_end)
{
	const char *h = m->journal.data, *names = h + MOVED_HEADER, *then;
	size_t len;

	if (m->journal.len < MOVED_HEADER)
		return "is cut short";
	if (memcmp(h, MOVED_MAGIC, MOVED_MAGIC_LEN) || get_u32(h + 8, false) != MOVED_VERSION)
		return "is of an unknown kind";
	len = get_u32(h + 12, false);
	if (len > MOVED_NAMES_MAX || len > m->journal.len - MOVED_HEADER)
		return "has names that reach past its end";
	if (names_check(h, names, len) != get_u64(h + NAMES_CHECK_AT, false))
		return "does not fit its checksum";
	if (!len || names[len - 1] || strlen(names) + 1 == len)
		return "has no two names";
	then = names + strlen(names) + 1;
	if (then + strlen(then) + 1 != names + len || !*names || !*then)
		return "has no two names";
	if ((strchr(names, '/') && *names != '/') || strchr(then, '/'))
		return "names a file that cannot be meant";
	m->session = get_u64(h + 16, false);
	*ret_file = names;
	*ret_then = then;
	*ret_end = entries_at(len);
	return NULL;
}

static int by_seq(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Those whose check fits: what is torn was not believed by the writer either. -ENOMEM. */
static int read_entries(struct spool_moved *m, uint64_t at)
{
	for (; at <= m->journal.len && m->journal.len - at >= MOVED_ENTRY; at += MOVED_ENTRY) {
		const uint8_t *p = (const uint8_t *)m->journal.data + at;
		struct order o = { .at = at, .seq = get_u64(p + 24, false) };

		if (XXH3_64bits(p, ENTRY_CHECK_AT) == get_u64(p + ENTRY_CHECK_AT, false) &&
		    vec_push(&m->entries, o))
			return -ENOMEM;
	}
	if (m->entries.nr)
		qsort(m->entries.v, m->entries.nr, sizeof(*m->entries.v), by_seq);
	return 0;
}

/* 1; 0: it is of no use, which is told; -errno. */
static int load(struct spool_moved *m, int fd, const char *spool, const struct notices *notices)
{
	const char *why, *file, *then;
	uint64_t at;
	int r = fd_read_all(fd, &m->journal, SIZE_MAX / 2);

	if (r)
		return r;
	why = read_header(m, &file, &then, &at);
	if (why) {
		notice(notices, "'%s" MOVED_SUFFIX "', where it is noted what was moved out of that spool, %s: "
		       "it is left out", spool, why);
		return 0;
	}
	r = read_entries(m, at);
	if (r || !m->entries.nr)
		return r;
	r = find_data(m, spool, file, then);
	if (!r)
		notice(notices, "spool '%s': %zu chunks were moved into '%s', which cannot be read", spool,
		       m->entries.nr, file);
	return r;
}

int spool_moved_open(const char *spool, const struct notices *notices, struct spool_moved **ret,
		     struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct spool_moved *m = NULL;
	int fd AUTO_CLOSE = -1, r = -ENOMEM;
	struct stat st;

	*ret = NULL;
	if (asprintf(&path, "%s" MOVED_SUFFIX, spool) < 0) {
		path = NULL;
		return err_errno(e, r, "cannot read spool '%s'", spool);
	}
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "cannot open '%s'", path);
	m = calloc(1, sizeof(*m));
	if (m) {
		m->fd = -1;
		r = load(m, fd, spool, notices);
	}
	if (r > 0)
		*ret = m;
	else
		spool_moved_close(m);
	return r < 0 ? err_errno(e, r, "cannot read '%s'", path) : 0;
}
