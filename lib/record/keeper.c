// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The keeper: a thread that cuts a recording while it goes on, and makes files of what was
 * cut off (parts), or forgets it. Until recording_stop ends it the segments are its own.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "record/recorder_inside.h"
#include "record/recording_inside.h"

#define NS_PER_S UINT64_C(1000000000)
#define CUT_NS_MIN (NS_PER_S / 4)
#define FILES_SPARE 64			/* descriptors that are no stream's */
#define RESULTS 16			/* of parts that were asked for, remembered so long */

/* A part that was asked for. */
struct ask {
	unsigned ticket;		/* 0: nobody asked, it was due */
	bool forget;
	uint64_t since_ns;
};

struct result {
	unsigned ticket;		/* 0: none */
	int code;
	char *text;			/* the part's path, or why there is none */
};

struct keeper {
	struct recording *rec;
	pthread_t thread;
	int wake_fd;			/* something was asked for, or it is over */
	struct parts parts;
	bool over;			/* recording cannot go on */
	uint64_t cut_ns;		/* when the next cut is due; 0: never */
	uint64_t cut_at;		/* recorder_written() at the last one */
	uint64_t cut_bytes;		/* and when the next one is due; 0: never */
	uint64_t overhead;		/* bytes of a part that are no chunks */

	pthread_mutex_t lock;		/* all below */
	bool stopping;
	bool ended;			/* there is no thread any more */
	VEC(struct ask) asks;
	unsigned asked, settled;	/* the last ticket of each */
	struct result results[RESULTS];
};

/* ---- when ------------------------------------------------------------------- */

/* Bytes of a segment; 0: any. */
static uint64_t segment_limit(const struct keeper *k)
{
	const struct record_opts *o = &k->rec->opts;

	if (o->last_bytes)
		return o->last_bytes / RECORD_SHARES;
	if (!o->rotate_bytes)
		return 0;
	/* However small a part shall be, it holds more than formats and symbols. */
	if (o->rotate_bytes > k->overhead && o->rotate_bytes - k->overhead > o->rotate_bytes / RECORD_SHARES)
		return o->rotate_bytes - k->overhead;
	return o->rotate_bytes / RECORD_SHARES;
}

static uint64_t segment_ns(const struct keeper *k)
{
	const struct record_opts *o = &k->rec->opts;

	if (!o->last_ns)
		return o->rotate_ns;
	return o->last_ns / RECORD_SHARES > CUT_NS_MIN ? o->last_ns / RECORD_SHARES : CUT_NS_MIN;
}

/* Has the recorder tell when there are bytes enough for the next cut. */
static void set_next_bytes(struct keeper *k)
{
	uint64_t bytes = segment_limit(k);

	if (!bytes)
		return;
	k->cut_bytes = k->cut_at + bytes;
	recorder_tell_size(k->rec->recorder, k->cut_bytes);
}

/* From here on, or from the last cut, the next one is awaited. */
static void set_next(struct keeper *k)
{
	uint64_t ns = segment_ns(k), now = monotonic_ns();

	k->cut_at = recorder_written(k->rec->recorder);
	if (ns && (!k->cut_ns || k->cut_ns + ns < now))
		k->cut_ns = now;
	if (ns && k->cut_ns <= now)
		k->cut_ns += ns;
	set_next_bytes(k);
}

static bool is_due(const struct keeper *k)
{
	return (k->cut_ns && monotonic_ns() >= k->cut_ns) ||
	       (k->cut_bytes && recorder_written(k->rec->recorder) >= k->cut_bytes);
}

/* Until something is asked for or may be due. */
static void wait_for_work(const struct keeper *k)
{
	struct pollfd fds[] = {
		{ .fd = k->wake_fd, .events = POLLIN },
		{ .fd = recorder_size_fd(k->rec->recorder), .events = POLLIN },
	};
	uint64_t now = monotonic_ns(), ns = k->cut_ns > now ? k->cut_ns - now : 0;
	struct timespec wait = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
	eventfd_t seen;

	ppoll(fds, ARRAY_SIZE(fds), k->cut_ns && !k->over ? &wait : NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i].revents)
			eventfd_read(fds[i].fd, &seen);
}

/* ---- what ------------------------------------------------------------------- */

/* Ends a segment, which is the newest of those there are then; @next: the next cut is due from here. -ECANCELED, -errno. */
static int cut(struct keeper *k, bool next, struct err *e)
{
	struct recording *rec = k->rec;
	uint64_t streams = recorder_nr_streams(rec->recorder);
	uint64_t each = recorder_stream_files(&rec->opts.recorder) + rec->segments.nr + 1;
	int r = fd_limit_raise(FILES_SPARE + streams * each, e);

	if (!r)
		r = segments_cut(rec, e);
	if (r == -ECANCELED)
		k->over = true;
	else if (!r && next)
		set_next(k);
	return r;
}

/* What need not be kept any longer. */
static void drop_old(struct recording *rec)
{
	const struct record_opts *o = &rec->opts;
	uint64_t now = monotonic_ns(), bytes = 0;

	for (size_t i = 0; i < rec->segments.nr; i++)
		bytes += segment_bytes(&rec->segments.v[i]);
	while (rec->segments.nr > 1) {
		const struct segment *s = &rec->segments.v[0];

		if (!(o->last_ns && s->ended_ns + o->last_ns < now) &&
		    !(o->last_bytes && bytes > o->last_bytes - o->last_bytes / RECORD_SHARES))
			break;
		bytes -= segment_bytes(s);
		segments_drop(rec);
	}
}

/* Writes what is kept since then into a file of its own. */
static int write_part(struct keeper *k, const char *path, uint64_t since_ns, struct err *e)
{
	struct recording *rec = k->rec;
	struct new_file file;
	off_t end = 0;
	int r = new_file_open(&file, path, e);

	if (r)
		return r;
	r = recording_write(rec, file.fd, path, since_ns, e);
	if (!r && rec->opts.recorder.sync_s && fsync(file.fd) < 0)
		r = err_errno(e, -errno, "cannot write '%s' to the disk", path);
	if (!r) {
		end = lseek(file.fd, 0, SEEK_END);
		r = new_file_commit(&file, e);
	}
	new_file_discard(&file);
	if (!r && end > 0)
		notice(rec->opts.notices, "'%s' is complete (%.1f MB)", path, end / 1e6);
	return r;
}

/* The newest segments are in a part now. */
static void forget(struct keeper *k, const char *path)
{
	struct recording *rec = k->rec;
	struct stat st;
	uint64_t bytes = recording_disk_bytes(rec);

	if (!stat(path, &st) && (uint64_t)st.st_size > bytes) {
		k->overhead = st.st_size - bytes;
		set_next_bytes(k);	/* what was told was by the overhead of the part before */
	}
	while (rec->segments.nr)
		segments_past(rec);
}

/* *ret_path: the part's name, of the caller; also where it could not be made. */
static int make_part(struct keeper *k, const struct ask *a, char **ret_path, struct err *e)
{
	const struct record_opts *o = &k->rec->opts;
	bool rotates = o->rotate_bytes || o->rotate_ns;
	char *path = NULL;
	int r = cut(k, a->forget || !rotates, e);

	if (!r) {
		path = *ret_path = parts_next(&k->parts);
		r = path ? write_part(k, path, a->since_ns, e) :
			   err_errno(e, -ENOMEM, "cannot make a part");
	}
	if (r)
		return r;
	if (a->forget)
		forget(k, path);
	else
		drop_old(k->rec);
	/* Those that were asked for one by one are not ours to remove. */
	if (a->ticket)
		return 0;
	path = strdup(path);
	return !path || parts_made(&k->parts, path, o->keep_parts) ?
		err_errno(e, -ENOMEM, "cannot make a part") : 0;
}

/* ---- asking ------------------------------------------------------------------- */

static bool next_ask(struct keeper *k, struct ask *ret, bool *ret_stopping)
{
	bool is;

	pthread_mutex_lock(&k->lock);
	is = k->asks.nr;
	if (is) {
		*ret = k->asks.v[0];
		memmove(k->asks.v, k->asks.v + 1, --k->asks.nr * sizeof(*k->asks.v));
	}
	*ret_stopping = k->stopping;
	pthread_mutex_unlock(&k->lock);
	return is;
}

static void settle(struct keeper *k, const struct ask *a, int code, char *text)
{
	struct result *to = &k->results[a->ticket % RESULTS];

	pthread_mutex_lock(&k->lock);
	free(to->text);
	*to = (struct result){ .ticket = a->ticket, .code = code, .text = text };
	k->settled = a->ticket;
	pthread_mutex_unlock(&k->lock);
	eventfd_write(recording_flushed_fd(k->rec), 1);
}

static void serve(struct keeper *k, const struct ask *a)
{
	struct err e = { 0 };
	char *path = NULL;
	int r = make_part(k, a, &path, &e);

	if (r) {
		notice(k->rec->opts.notices, "%s", e.text);
		free(path);
		path = strdup(e.text);
	}
	settle(k, a, r, path);
}

/* What has to be done now and then. A part that cannot be made ends the recording: its segments
 * are still there, to be saved with all else. */
static void work(struct keeper *k)
{
	const struct record_opts *o = &k->rec->opts;
	const struct ask a = { .forget = true };
	AUTO_FREE char *path = NULL;
	struct err e = { 0 };
	int r;

	if (o->rotate_bytes || o->rotate_ns) {
		r = make_part(k, &a, &path, &e);
	} else {
		r = cut(k, true, &e);
		if (!r)
			drop_old(k->rec);
	}
	if (r && r != -ECANCELED) {
		k->over = true;
		recorder_fail(k->rec->recorder, &e);
	}
}

/* ---- the thread ---------------------------------------------------------------- */

static void *keep(void *arg)
{
	struct keeper *k = arg;
	bool stopping = false;
	struct ask a;

	recorder_thread_begin(k->rec->recorder, "tcmd-keep", 0);
	while (!stopping) {
		while (next_ask(k, &a, &stopping))
			serve(k, &a);
		if (stopping)
			break;
		if (!k->over && is_due(k))
			work(k);
		else
			wait_for_work(k);
	}
	return NULL;
}

static void keeper_free(struct keeper *k)
{
	for (size_t i = 0; i < RESULTS; i++)
		free(k->results[i].text);
	vec_release(&k->asks);
	parts_release(&k->parts);
	cleanup_close(&k->wake_fd);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

int keeper_start(struct recording *rec, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));
	struct stat st;
	int r;

	if (!k)
		return err_errno(e, -ENOMEM, "cannot record");
	k->rec = rec;
	pthread_mutex_init(&k->lock, NULL);
	k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = k->wake_fd < 0 ? err_errno(e, -errno, "cannot record") : 0;
	if (!r)
		r = parts_init(&k->parts, rec->opts.parts_of, e);
	if (!r && rec->head.fd >= 0 && !fstat(rec->head.fd, &st))
		k->overhead = st.st_size;
	if (!r) {
		set_next(k);
		r = recorder_companion(rec->recorder, keep, k, &k->thread);
		if (r)
			err_errno(e, r, "cannot start the recorder's threads");
	}
	if (r)
		keeper_free(k);
	else
		rec->keeper = k;
	return r;
}

void keeper_stop(struct recording *rec)
{
	struct keeper *k = rec->keeper;

	if (!k || k->ended)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_mutex_unlock(&k->lock);
	eventfd_write(k->wake_fd, 1);
	pthread_join(k->thread, NULL);
	k->ended = true;
}

void keeper_release(struct recording *rec)
{
	keeper_stop(rec);
	if (rec->keeper)
		keeper_free(rec->keeper);
	rec->keeper = NULL;
}

unsigned recording_ask_part(struct recording *rec, bool forget_it, uint64_t since_ns)
{
	struct keeper *k = rec->keeper;
	struct ask a = { .forget = forget_it, .since_ns = since_ns };

	if (!k || k->ended)
		return 0;
	pthread_mutex_lock(&k->lock);
	a.ticket = k->asked + 1;
	if (vec_push(&k->asks, a))
		a.ticket = 0;
	else
		k->asked = a.ticket;
	pthread_mutex_unlock(&k->lock);
	eventfd_write(k->wake_fd, 1);
	return a.ticket;
}

int recording_part_done(const struct recording *rec, unsigned ticket, struct buf *path, struct err *e)
{
	struct keeper *k = rec->keeper;
	const struct result *res;
	int r = 0;

	if (!k)
		return err_set(e, -EINVAL, "no parts are made of this recording");
	res = &k->results[ticket % RESULTS];
	pthread_mutex_lock(&k->lock);
	if (res->ticket == ticket && res->code)
		r = err_set(e, res->code, "%s", res->text ? res->text : strerror(-res->code));
	else if (res->ticket == ticket)
		r = buf_puts(path, res->text ? res->text : "") ? -ENOMEM : 1;
	else if (k->settled > ticket)
		r = err_set(e, -ESTALE, "so many files were made since that it is not known any more whether this one was");
	else if (k->ended)
		r = err_set(e, -ECANCELED, "the recording ended before the file was made");
	pthread_mutex_unlock(&k->lock);
	return r;
}
