// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The file is written from its end to its beginning, but for what lies before all chunks,
 * which comes first: where the disk is full already nothing has moved then. As soon
 * as another stretch is there the spools are cut by what of it was theirs.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/finish_inside.h"
#include "record/pack.h"

/* What both have at a time: little of the whole. */
#define STRETCH_SHARE 64
#define STRETCH_MIN (1u << 18)
#define STRETCH_MAX (1u << 20)

struct move {
	struct new_file *file;
	struct dat_pieces *pieces;
	struct finish_places places;
	struct spool_target to;
	bool off;			/* nothing is given back any more */
	bool linked;			/* the file has the name that journals tell */
};

/* Whether @s can be given back. Its journal tells the file's name before the file has it, so
 * that no kill leaves a file that nobody knows of. */
static bool may_move(struct move *m, struct spool *s)
{
	if (m->off || !spool_move_begin(s, &m->to))
		return false;
	if (!m->linked) {
		m->off = new_file_link(m->file) < 0;
		m->linked = !m->off;
	}
	if (m->linked && m->to.sync) {
		path_sync_dir(m->to.path);
		path_sync_dir(spool_path(s));
	}
	return m->linked;
}

/* The chunks @first to @end - 1 of the file are there. */
static void give_back(struct move *m, size_t first, size_t end)
{
	AUTO_FREE struct spool_place *v = malloc((end - first) * sizeof(*v));

	while (v && end > first) {
		struct spool *s = m->places.v[end - 1].spool;
		size_t from = end;

		while (from > first && m->places.v[from - 1].spool == s)
			from--;
		for (size_t i = from; i < end; i++)
			v[i - from] = m->places.v[i].at;
		if (may_move(m, s))
			spool_move(s, v, end - from);
		end = from;
	}
	m->off = m->off || !v;
}

static int put(struct move *m, uint64_t from, uint64_t to, struct err *e)
{
	int r = dat_pieces_place(m->pieces, from, to, m->file->fd);

	return r ? err_errno(e, r, "cannot write '%s'", m->file->path) : 0;
}

/* All from the first chunk on. */
static int put_chunks(struct move *m, struct err *e)
{
	const struct finish_places *p = &m->places;
	uint64_t to = dat_pieces_size(m->pieces), stretch = to / STRETCH_SHARE;
	size_t first, end = p->nr;
	int r = 0;

	if (stretch < STRETCH_MIN || stretch > STRETCH_MAX)
		stretch = stretch < STRETCH_MIN ? STRETCH_MIN : STRETCH_MAX;
	for (; end && !r; end = first) {
		first = end - 1;
		while (first && to - p->v[first].at.offset < stretch)
			first--;
		r = put(m, p->v[first].at.offset, to, e);
		to = p->v[first].at.offset;
		if (r || !first)	/* the spools have but a moment left */
			return r;
		if (m->to.sync && fdatasync(m->file->fd) < 0)
			return err_errno(e, -errno, "cannot write '%s' to the disk", m->file->path);
		give_back(m, first, end);
	}
	return r;
}

static int put_all(struct move *m, struct err *e)
{
	uint64_t size = dat_pieces_size(m->pieces), front = m->places.nr ? m->places.v[0].at.offset : size;
	int r = put(m, 0, front, e);

	/* What was reserved and is not needed so early may be needed further back. */
	if (!r && ftruncate(m->file->fd, front) < 0)
		r = err_errno(e, -errno, "cannot write '%s'", m->file->path);
	if (!r && front < size)
		r = put_chunks(m, e);
	return r;
}

/* What cannot be kept in memory once it is compressed. */
static int stash_raw(const struct finish *f, bool sync, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < f->nr_buffers; i++)
		for (size_t j = 0; j < f->buffers[i].nr_cpus; j++)
			for (size_t k = 0; k < f->buffers[i].cpus[j].nr_spools && !r; k++)
				r = pack_spool(f->codec, f->buffers[i].cpus[j].spools[k], sync, e);
	return r;
}

static bool any_moved(const struct finish *f)
{
	for (size_t i = 0; i < f->nr_buffers; i++)
		for (size_t j = 0; j < f->buffers[i].nr_cpus; j++)
			for (size_t k = 0; k < f->buffers[i].cpus[j].nr_spools; k++)
				if (spool_has_moved(f->buffers[i].cpus[j].spools[k]))
					return true;
	return false;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int finish_move(const struct finish *f, struct new_file *file, bool sync, bool *ret_moved, struct err *e)
{
	struct move m = {
		.file = file, .pieces = dat_pieces_new(),
		.to = { .path = new_file_unfinished(file), .then = last_part(file->target), .sync = sync },
	};
	int r = m.pieces ? 0 : err_errno(e, -ENOMEM, "cannot write '%s'", file->path);

	m.off = !m.to.path;
	m.places.pieces = m.pieces;
	if (!r && finish_raw_bytes(f) > FINISH_RAW_MAX)
		r = stash_raw(f, sync, e);
	if (!r)
		r = finish_pieces(f, m.pieces, &m.places, file->path, e);
	if (!r)
		r = put_all(&m, e);
	*ret_moved = any_moved(f);
	vec_release(&m.places);
	dat_pieces_free(m.pieces);
	return r;
}
