// SPDX-License-Identifier: LGPL-2.1-or-later
/* The recorder's life; reader.c and worker.c are its threads. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dat/dat.h"
#include "record/recorder_inside.h"

#define BATCH_BYTES (256u << 10)
#define MEMORY_MIN (16u << 20)
#define MEMORY_MAX (256u << 20)
#define MEMORY_SHARE 32			/* of the machine's, by default */
#define WORKERS_MAX WORKERS_ARRAY
#define READER_CPUS_MAX DAT_CPUS_MAX
#define BATCHES_PER_STREAM 2		/* one being filled, one being written */

/* A mutex that lends its waiter's priority: readers may be real-time. */
static int lock_init(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;
	int r = pthread_mutexattr_init(&attr);

	if (r)
		return -r;
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	r = pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
	return -r;
}

/* Sets CPUs of "0,2-3" in @ret, NULL: none. Their end (the highest, and one), or -EINVAL. */
static int parse_cpus(const char *list, cpu_set_t *ret, size_t size)
{
	unsigned long end = 0;

	for (const char *s = list; ; s++) {
		unsigned long first, last;
		char *stop;

		if (*s < '0' || *s > '9')
			return -EINVAL;
		first = last = strtoul(s, &stop, 10);
		if (*stop == '-' && stop[1] >= '0' && stop[1] <= '9')
			last = strtoul(stop + 1, &stop, 10);
		if (last < first || last >= READER_CPUS_MAX || (*stop && *stop != ','))
			return -EINVAL;
		if (end <= last)
			end = last + 1;
		for (; ret && first <= last; first++)
			CPU_SET_S(first, size, ret);
		if (!*stop)
			return end;
		s = stop;
	}
}

/* Whether this process may run on any of those CPUs. */
static bool may_run(const struct recorder *rec)
{
	cpu_set_t *allowed = CPU_ALLOC(READER_CPUS_MAX);
	size_t size = CPU_ALLOC_SIZE(READER_CPUS_MAX);
	bool may = true;

	/* Where that cannot be asked, setting it will tell. */
	if (allowed && !sched_getaffinity(0, size, allowed)) {
		CPU_AND_S(rec->cpus_size, allowed, allowed, rec->cpus);
		may = CPU_COUNT_S(rec->cpus_size, allowed);
	}
	CPU_FREE(allowed);
	return may;
}

static int choose_cpus(struct recorder *rec, struct err *e)
{
	const char *list = rec->opts.reader_cpus;
	int end = list ? parse_cpus(list, NULL, 0) : 0;

	if (!list)
		return 0;
	if (end < 0)
		return err_set(e, -EINVAL, "'%s' is no list of CPUs, like 0,2-3", list);
	rec->cpus_size = CPU_ALLOC_SIZE(end);
	rec->cpus = CPU_ALLOC(end);
	if (!rec->cpus)
		return err_errno(e, -ENOMEM, "cannot set up the recorder");
	CPU_ZERO_S(rec->cpus_size, rec->cpus);
	parse_cpus(list, rec->cpus, rec->cpus_size);
	if (!may_run(rec))
		return err_set(e, -EINVAL, "none of the CPUs '%s' is there for the readers", list);
	return 0;
}

int recorder_new(const struct recorder_opts *opts, struct recorder **ret, struct err *e)
{
	struct recorder *rec = calloc(1, sizeof(*rec));
	int r = -ENOMEM;

	if (!rec)
		goto fail;
	rec->opts = *opts;
	if (!rec->opts.pause_us)
		rec->opts.pause_us = PAUSE_US_DEFAULT;
	rec->stop_fd = rec->alarm_fd = rec->flushed_fd = rec->size_fd = -1;
	rec->generation = 1;
	r = lock_init(&rec->lock);
	if (r) {
		free(rec);
		rec = NULL;
		goto fail;
	}
	pthread_mutex_init(&rec->order_lock, NULL);
	pthread_mutex_init(&rec->sync_lock, NULL);
	pthread_cond_init(&rec->turn, NULL);
	sem_init(&rec->queued, 0, 0);
	sem_init(&rec->available, 0, 0);
	rec->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rec->alarm_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rec->flushed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rec->size_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rec->stop_fd < 0 || rec->alarm_fd < 0 || rec->flushed_fd < 0 || rec->size_fd < 0) {
		r = -errno;
		goto fail;
	}
	r = choose_cpus(rec, e);
	if (r) {
		recorder_free(rec, false);
		return r;
	}
	*ret = rec;
	return 0;
fail:
	recorder_free(rec, false);
	return err_errno(e, r, "cannot set up the recorder");
}

static void stream_free(struct stream *st, bool unlink_spool)
{
	if (!st)
		return;
	source_free(st->source);
	gaps_release(&st->gaps);
	spool_close(st->spool, unlink_spool);
	free(st->path);
	cleanup_close(&st->wake_fd);
	free(st);
}

unsigned recorder_stream_files(const struct recorder_opts *opts)
{
	/* The kernel's two, the one that wakes, the spool; the pipe's ends; the spool's other half. */
	return 4 + (opts->no_splice ? 0 : 2) + (opts->spool_limit ? 1 : 0);
}

/* What the stream was given and does not have yet. */
static void stream_refuse(const struct recorder_stream *stream)
{
	source_free(stream->source);
	if (!stream->source)
		close(stream->fd);
}

int recorder_add(struct recorder *rec, const struct recorder_stream *stream, struct err *e)
{
	struct stream *st = calloc(1, sizeof(*st));
	int r;

	if (!st || vec_reserve(&rec->streams, 1)) {
		stream_refuse(stream);
		free(st);
		return err_errno(e, -ENOMEM, "cannot set up the recorder");
	}
	st->rec = rec;
	st->number = rec->streams.nr;
	st->path = strdup(stream->spool_path);
	st->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	st->page_size = stream->info.page_size;
	st->cpu = stream->info.cpu;
	st->abi = (struct ring_abi){
		.big_endian = stream->info.big_endian, .long_size = stream->info.long_size,
	};
	gaps_init(&st->gaps, &st->abi, st->page_size, stream->counters, stream->counters_ctx);
	r = st->wake_fd < 0 || !st->path ? err_errno(e, -errno, "cannot set up the recorder") : 0;
	if (r)
		stream_refuse(stream);
	else if (stream->source)
		st->source = stream->source;
	else
		r = source_new(stream->fd, &st->abi, st->page_size, !rec->opts.no_splice,
			       &st->source, e);
	if (!r && !rec->opts.send)
		r = spool_create(stream->spool_path, &stream->info, rec->opts.codec,
				 rec->opts.spool_limit, &st->spool, e);
	if (r) {
		stream_free(st, false);
		return r;
	}
	if (rec->page_max < st->page_size)
		rec->page_max = st->page_size;
	rec->streams.v[rec->streams.nr++] = st;
	return 0;
}

void recorder_send_packed(struct recorder *rec)
{
	rec->send_packed = true;
}

/* How large a batch is and how many there may be. */
static void size_memory(struct recorder *rec)
{
	uint64_t memory = rec->opts.memory, batch = BATCH_BYTES, least;

	/* A recording of latency tracers' texts alone has no streams. */
	if (!rec->streams.nr)
		return;
	if (!memory) {
		memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / MEMORY_SHARE;
		if (memory < MEMORY_MIN)
			memory = MEMORY_MIN;
		if (memory > MEMORY_MAX)
			memory = MEMORY_MAX;
	}
	/* A limited spool drops whole chunks: let them be a small part of it. */
	if (rec->opts.spool_limit && batch > rec->opts.spool_limit / 8)
		batch = rec->opts.spool_limit / 8;
	/* So that max_bytes and cut_bytes are passed by little. */
	if (rec->opts.max_bytes && batch > rec->opts.max_bytes / 8)
		batch = rec->opts.max_bytes / 8;
	if (rec->opts.cut_bytes && batch > rec->opts.cut_bytes / 8)
		batch = rec->opts.cut_bytes / 8;
	if (rec->send_packed && batch > RECORDER_PACKED_BYTES / rec->streams.nr)
		batch = RECORDER_PACKED_BYTES / rec->streams.nr;
	batch -= batch % rec->page_max;
	if (batch < rec->page_max)
		batch = rec->page_max;
	rec->batch_bytes = batch;
	rec->batches_max = memory / batch;
	least = BATCHES_PER_STREAM * rec->streams.nr + rec->nr_workers;
	if (rec->batches_max < least)
		rec->batches_max = least;
	for (size_t i = 0; i < rec->batches_max; i++)
		sem_post(&rec->available);
}

/* Waits until all threads have told their ids. */
static void await_threads(struct recorder *rec, size_t nr)
{
	pthread_mutex_lock(&rec->order_lock);
	while (rec->tids.nr < nr)
		pthread_cond_wait(&rec->turn, &rec->order_lock);
	pthread_mutex_unlock(&rec->order_lock);
}

void recorder_thread_begin(struct recorder *rec, const char *name, unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%s%u", name, number);
	pthread_setname_np(pthread_self(), text);
	if (rec->cpus)
		sched_setaffinity(0, rec->cpus_size, rec->cpus);
	pthread_mutex_lock(&rec->order_lock);
	rec->tids.v[rec->tids.nr++] = syscall(SYS_gettid);	/* room was made before */
	pthread_cond_broadcast(&rec->turn);
	pthread_mutex_unlock(&rec->order_lock);
}

int recorder_start(struct recorder *rec, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	rec->nr_workers = cpus < 1 ? 1 : cpus > WORKERS_MAX ? WORKERS_MAX : cpus;
	rec->base_nice = getpriority(PRIO_PROCESS, 0);
	size_memory(rec);
	if (vec_reserve(&rec->tids, rec->streams.nr + rec->nr_workers + 1))
		return err_errno(e, -ENOMEM, "cannot start the recorder");
	rec->started = true;
	for (unsigned i = 0; i < rec->nr_workers; i++) {
		rec->workers[i].rec = rec;
		r = thread_start(&rec->workers[i].thread, recorder_worker, &rec->workers[i]);
		if (r)
			goto fail;
		rec->workers_running++;
	}
	for (size_t i = 0; i < rec->streams.nr; i++) {
		struct stream *st = rec->streams.v[i];

		r = thread_start(&st->thread, recorder_reader, st);
		if (r)
			goto fail;
		rec->readers_running++;
	}
	if (rec->opts.sync_s) {
		r = thread_start(&rec->sync_thread, recorder_sync, rec);
		if (r)
			goto fail;
		rec->syncing = true;
	}
	await_threads(rec, rec->readers_running + rec->workers_running + rec->syncing);
	return 0;
fail:
	recorder_stop(rec, NULL);
	return err_errno(e, r, "cannot start the recorder's threads");
}

int recorder_companion(struct recorder *rec, void *(*fn)(void *), void *arg, pthread_t *ret)
{
	size_t nr = rec->tids.nr + 1;
	int r = vec_reserve(&rec->tids, 1) ? -ENOMEM : thread_start(ret, fn, arg);

	if (!r)
		await_threads(rec, nr);
	return r;
}

const pid_t *recorder_tids(const struct recorder *rec, size_t *ret_nr)
{
	*ret_nr = rec->tids.nr;
	return rec->tids.v;
}

uint64_t recorder_taken(const struct recorder *rec)
{
	return atomic_load(&rec->taken);
}

uint64_t recorder_written(const struct recorder *rec)
{
	return atomic_load(&rec->written);
}

unsigned recorder_flush(struct recorder *rec)
{
	unsigned flush = atomic_fetch_add(&rec->flushes, 1) + 1;

	for (size_t i = 0; i < rec->streams.nr; i++)
		eventfd_write(rec->streams.v[i]->wake_fd, 1);
	return flush;
}

bool recorder_flushed(const struct recorder *rec, unsigned flush)
{
	for (size_t i = 0; i < rec->streams.nr; i++)
		if ((int)(atomic_load(&rec->streams.v[i]->flushed) - flush) < 0)
			return false;
	return true;
}

int recorder_flushed_fd(const struct recorder *rec)
{
	return rec->flushed_fd;
}

int recorder_alarm_fd(const struct recorder *rec)
{
	return rec->alarm_fd;
}

void recorder_end(struct recorder *rec)
{
	atomic_store(&rec->ended, true);
	eventfd_write(rec->alarm_fd, 1);
	pthread_mutex_lock(&rec->order_lock);
	pthread_cond_broadcast(&rec->turn);	/* a cut waits no longer */
	pthread_mutex_unlock(&rec->order_lock);
}

void recorder_fail(struct recorder *rec, const struct err *e)
{
	pthread_mutex_lock(&rec->order_lock);
	if (!rec->error.code)
		rec->error = *e;
	pthread_mutex_unlock(&rec->order_lock);
	recorder_end(rec);
}

void recorder_stays_on(struct recorder *rec)
{
	atomic_store(&rec->stays_on, true);
}

int recorder_stop(struct recorder *rec, struct err *e)
{
	if (!rec->started)
		return 0;
	atomic_store(&rec->stopping, true);
	eventfd_write(rec->stop_fd, 1);
	for (size_t i = 0; i < rec->readers_running; i++)
		pthread_join(rec->streams.v[i]->thread, NULL);
	/* A worker that finds the queue empty ends. */
	for (size_t i = 0; i < rec->workers_running; i++)
		sem_post(&rec->queued);
	for (size_t i = 0; i < rec->workers_running; i++)
		pthread_join(rec->workers[i].thread, NULL);
	if (rec->syncing)
		pthread_join(rec->sync_thread, NULL);
	rec->syncing = false;
	rec->readers_running = rec->workers_running = 0;
	rec->started = false;
	if (rec->error.code && e)
		*e = rec->error;
	return rec->error.code;
}

size_t recorder_nr_streams(const struct recorder *rec)
{
	return rec->streams.nr;
}

struct spool *recorder_spool(const struct recorder *rec, size_t i)
{
	return rec->streams.v[i]->spool;
}

const struct recorder_stats *recorder_stream_stats(const struct recorder *rec, size_t i)
{
	return &rec->streams.v[i]->stats;
}

void recorder_free(struct recorder *rec, bool unlink_spools)
{
	if (!rec)
		return;
	recorder_stop(rec, NULL);
	for (size_t i = 0; i < rec->streams.nr; i++)
		stream_free(rec->streams.v[i], unlink_spools);
	vec_release(&rec->streams);
	while (rec->free_batches) {
		struct batch *b = rec->free_batches;

		rec->free_batches = b->next;
		vec_release(&b->fixes);
		free(b);
	}
	vec_release(&rec->tids);
	CPU_FREE(rec->cpus);
	if (rec->stop_fd >= 0)
		close(rec->stop_fd);
	if (rec->alarm_fd >= 0)
		close(rec->alarm_fd);
	cleanup_close(&rec->flushed_fd);
	cleanup_close(&rec->size_fd);
	pthread_cond_destroy(&rec->turn);
	pthread_mutex_destroy(&rec->order_lock);
	pthread_mutex_destroy(&rec->sync_lock);
	pthread_mutex_destroy(&rec->lock);
	sem_destroy(&rec->queued);
	sem_destroy(&rec->available);
	free(rec);
}
