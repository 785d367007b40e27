// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Cutting a recording: each stream goes on in a new spool. A cut is a flush: the reader
 * marks the batch that ends what it took so far, and the worker whose turn that batch
 * is changes spools behind it. So every sub-buffer is in one of both spools, whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "record/recorder_inside.h"

int stream_cut(struct stream *st, unsigned flush, struct err *e)
{
	struct recorder *rec = st->rec;
	int r;

	/* Spools are made ready without the lock: until all are, other flushes cut nothing. */
	if (!rec->uncut || !st->next || (int)(flush - rec->cut_flush) < 0)
		return 0;
	r = spool_follow(st->next, st->spool, e);
	if (r)
		return r;
	st->done = st->spool;
	st->spool = st->next;
	st->next = NULL;
	stats_take(&st->stats, &st->done_stats);
	rec->uncut--;
	return 0;
}

/* The next spools, none of which is in use yet. */
static int make_next(struct recorder *rec, struct err *e)
{
	int r = 0;

	rec->generation++;
	for (size_t i = 0; i < rec->streams.nr && !r; i++) {
		struct stream *st = rec->streams.v[i];
		AUTO_FREE char *path = NULL;

		if (asprintf(&path, "%s.%u", st->path, rec->generation) < 0) {
			path = NULL;
			r = err_errno(e, -ENOMEM, "cannot go on recording");
		} else {
			r = spool_create_next(path, st->spool, &st->next, e);
		}
	}
	return r;
}

/* Those that were not needed. Under the lock, if workers run. */
static void drop_next(struct recorder *rec)
{
	for (size_t i = 0; i < rec->streams.nr; i++) {
		spool_close(rec->streams.v[i]->next, true);
		rec->streams.v[i]->next = NULL;
	}
}

int recorder_cut(struct recorder *rec, struct recorder_cut *ret, struct err *e)
{
	int r = make_next(rec, e);

	if (r) {
		drop_next(rec);
		return r;
	}
	pthread_mutex_lock(&rec->order_lock);
	rec->uncut = rec->streams.nr;
	rec->cut_flush = recorder_flush(rec);
	while (rec->uncut && !atomic_load(&rec->ended))
		pthread_cond_wait(&rec->turn, &rec->order_lock);
	if (rec->uncut)
		r = err_set(e, -ECANCELED, "recording has ended");
	drop_next(rec);
	for (size_t i = 0; i < rec->streams.nr; i++) {
		struct stream *st = rec->streams.v[i];

		ret[i] = (struct recorder_cut){ .spool = st->done, .stats = st->done_stats };
		st->done = NULL;
		st->done_stats = (struct recorder_stats){ 0 };
	}
	pthread_mutex_unlock(&rec->order_lock);
	atomic_store(&rec->put_off, 0);		/* what was finishing's burden is in the old spools */
	/* Who syncs may still be at one of them. */
	pthread_mutex_lock(&rec->sync_lock);
	pthread_mutex_unlock(&rec->sync_lock);
	return r;
}

void recorder_take(struct recorder *rec, size_t i, struct recorder_cut *ret)
{
	struct stream *st = rec->streams.v[i];

	*ret = (struct recorder_cut){ .spool = st->spool };
	stats_take(&st->stats, &ret->stats);
	st->spool = NULL;
}

void recorder_tell_size(struct recorder *rec, uint64_t bytes)
{
	/* Stored, then looked at; a worker adds, then looks at this: one of both sees the other. */
	atomic_store(&rec->tell_size, bytes);
	if (bytes && atomic_load(&rec->written) >= bytes)
		eventfd_write(rec->size_fd, 1);
}

int recorder_size_fd(const struct recorder *rec)
{
	return rec->size_fd;
}
