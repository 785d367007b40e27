// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Batches and the threads that compress and write them. Batches of one stream
 * may be compressed at the same time, but are written in their order: the
 * queue is first in, first out, so the one whose turn it is never waits for a
 * later one.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/recorder_inside.h"

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) < 0)
		;			/* EINTR only */
}

bool batch_scarce(struct recorder *rec)
{
	int left = 0;

	sem_getvalue(&rec->available, &left);
	return left <= 0;
}

/*
 * Whoever fills or empties it is not to wait for the disk to bring it back. What is not used yet takes no
 * memory for that; where it is not allowed (RLIMIT_MEMLOCK), so be it.
 */
static struct batch *batch_new(const struct recorder *rec)
{
	size_t size = sizeof(struct batch) + SPOOL_HEADER + rec->batch_bytes + SPOOL_ALIGN;
	struct batch *b = malloc(size);

	if (!b)
		return NULL;
	mlock2(b, size, MLOCK_ONFAULT);
	memset(b, 0, sizeof(*b));
	return b;
}

struct batch *batch_get(struct recorder *rec, uint64_t *stalls)
{
	struct batch *b;

	if (sem_trywait(&rec->available) < 0) {
		++*stalls;
		wait_for(&rec->available);
	}
	pthread_mutex_lock(&rec->lock);
	b = rec->free_batches;
	if (b)
		rec->free_batches = b->next;
	pthread_mutex_unlock(&rec->lock);
	if (!b)
		b = batch_new(rec);
	if (!b) {
		struct err e;

		err_errno(&e, -ENOMEM, "cannot hold what the kernel recorded");
		recorder_fail(rec, &e);
		sem_post(&rec->available);
	}
	return b;
}

void batch_put(struct recorder *rec, struct batch *b)
{
	pthread_mutex_lock(&rec->lock);
	b->next = rec->free_batches;
	rec->free_batches = b;
	pthread_mutex_unlock(&rec->lock);
	sem_post(&rec->available);
}

void batch_submit(struct recorder *rec, struct batch *b)
{
	b->next = NULL;
	pthread_mutex_lock(&rec->lock);
	if (!rec->queue_head)
		rec->queue_tail = &rec->queue_head;
	*rec->queue_tail = b;
	rec->queue_tail = &b->next;
	pthread_mutex_unlock(&rec->lock);
	sem_post(&rec->queued);
}

#define PUT_OFF_MAX (64u << 20)		/* what finishing has to compress at most */
#define FULL_PARTS 8			/* memory is almost full when so many ... */
#define FULL_AT 3			/* ... of so many parts of it are in use */

/*
 * Workers leave the machine to what is traced while little waits for them; the more
 * does, the more they press (where that is allowed). Under hackbench on two cores
 * a worker with nice 0 gets one part in 200, with -20 a third. What waits when the workload
 * ends has to be compressed before the file is there: 16 MB take two cores 15 ms.
 */
static void adapt_nice(struct recorder *rec, struct worker *w)
{
	static const struct { size_t waiting; int nice; } steps[] = {
		{ 16u << 20, -20 }, { 8u << 20, -10 }, { 4u << 20, -5 }, { 0, 0 },
	};
	int left = 0, nice = steps[0].nice;
	size_t used, step = 0;

	sem_getvalue(&rec->available, &left);
	used = rec->batches_max - (left < 0 ? 0 : left);
	w->full = used >= rec->batches_max * FULL_AT / FULL_PARTS;
	while (used * rec->batch_bytes < steps[step].waiting)
		step++;
	if (!w->full && !atomic_load(&rec->stopping))
		nice = steps[step].nice;
	if (nice > rec->base_nice)
		nice = rec->base_nice;
	if (nice == w->nice)
		return;
	w->nice = nice;
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), nice);
}

/* NULL: the queue is empty and stays so. */
static struct batch *batch_next(struct recorder *rec)
{
	struct batch *b;

	wait_for(&rec->queued);
	pthread_mutex_lock(&rec->lock);
	b = rec->queue_head;
	if (b)
		rec->queue_head = b->next;
	pthread_mutex_unlock(&rec->lock);
	return b;
}

/* Sub-buffers as they are written, and what they say about themselves. */
struct content {
	const uint8_t *pages;
	size_t len;
	uint64_t first_ts, last_ts;
	struct recorder_stats stats;
};

static void content_gap(struct recorder_stats *s, const struct ring_page *p)
{
	if (!s->gaps++)
		s->first_gap_ts = p->page_ts;
	s->last_gap_ts = p->page_ts;
	if (p->lost == RING_LOST_UNKNOWN) {
		s->lost_unknown++;
		return;
	}
	s->lost += p->lost;
	if (s->largest_gap < p->lost)
		s->largest_gap = p->lost;
}

/* What cannot be said of some cannot be said of all. */
static void add_discarded(struct recorder_stats *s, uint64_t events)
{
	if (s->discarded_events != RING_LOST_UNKNOWN)
		s->discarded_events = events == RING_LOST_UNKNOWN ? events : s->discarded_events + events;
}

void recorder_stats_add(struct recorder_stats *to, const struct recorder_stats *later)
{
	if (!to->discarded)
		to->first_discarded_ts = later->first_discarded_ts;
	to->discarded += later->discarded;
	add_discarded(to, later->discarded_events);
	to->lost += later->lost;
	to->lost_unknown += later->lost_unknown;
	to->bad_pages += later->bad_pages;
	if (!later->gaps)
		return;
	if (!to->gaps)
		to->first_gap_ts = later->first_gap_ts;
	to->last_gap_ts = later->last_gap_ts;
	to->gaps += later->gaps;
	if (to->largest_gap < later->largest_gap)
		to->largest_gap = later->largest_gap;
}

void stats_take(struct recorder_stats *from, struct recorder_stats *ret)
{
	*ret = (struct recorder_stats){ 0 };
	recorder_stats_add(ret, from);
	from->discarded = from->discarded_events = from->lost = from->lost_unknown = from->bad_pages = 0;
	from->gaps = from->largest_gap = 0;
}

static void content_look(const struct stream *st, struct content *c)
{
	struct ring_page p;
	struct ring_event ev;

	for (size_t off = 0; off < c->len; off += st->page_size) {
		if (ring_page_open(&p, &st->abi, c->pages + off, st->page_size) < 0)
			c->stats.bad_pages++;
		else if (p.lost)
			content_gap(&c->stats, &p);
		if (!off)
			c->first_ts = p.page_ts;
	}
	c->last_ts = p.page_ts;
	while (ring_page_next(&p, &ev) > 0)
		c->last_ts = ev.ts;
}

/* Waits until the batch is the next of its stream; the spool is ours then. */
static void await_turn(struct stream *st, uint64_t number)
{
	struct recorder *rec = st->rec;

	pthread_mutex_lock(&rec->order_lock);
	while (st->turn != number)
		pthread_cond_wait(&rec->turn, &rec->order_lock);
	pthread_mutex_unlock(&rec->order_lock);
}

static void end_turn(struct stream *st, unsigned flush)
{
	struct recorder *rec = st->rec;
	struct err e = { 0 };

	if (flush) {
		atomic_store(&st->flushed, flush);
		eventfd_write(rec->flushed_fd, 1);
	}
	pthread_mutex_lock(&rec->order_lock);
	if (flush)
		stream_cut(st, flush, &e);
	st->turn++;
	pthread_cond_broadcast(&rec->turn);
	pthread_mutex_unlock(&rec->order_lock);
	if (e.code)
		recorder_fail(rec, &e);
}

/*
 * Whether a batch is stored as it is. Where memory is almost full although the workers
 * press, the machine is needed for other things: compressing can wait until the
 * end, as long as that is soon done.
 */
static bool put_off(struct recorder *rec, const struct worker *w, size_t len)
{
	if (!rec->opts.codec || rec->opts.pack_later || (rec->opts.send && !rec->send_packed))
		return true;
	if (!w->full || rec->opts.spool_limit)
		return false;
	if (atomic_fetch_add(&rec->put_off, len) + len <= PUT_OFF_MAX)
		return true;
	atomic_fetch_sub(&rec->put_off, len);
	return false;
}

struct press {				/* one worker's means to compress */
	struct codec_ctx ctx;
	struct buf frame, fixed;
};

/* The batch's sub-buffers, with the gaps that got their numbers. */
static int content_make(struct batch *b, struct press *press, struct content *ret, struct err *e)
{
	struct stream *st = b->st;
	struct content c = { .pages = batch_pages(b), .len = b->len };

	if (b->fixes.nr) {
		size_t room = SPOOL_HEADER + b->len + b->fixes.nr * st->page_size + SPOOL_ALIGN;
		uint8_t *pages;

		buf_clear(&press->fixed);
		if (buf_reserve(&press->fixed, room))
			return err_errno(e, -ENOMEM, "cannot hold what CPU %u recorded", st->cpu);
		pages = (uint8_t *)press->fixed.data + SPOOL_HEADER;
		c.len = gaps_apply(&b->fixes, &st->abi, st->page_size, c.pages, c.len, pages);
		c.pages = pages;
	}
	content_look(st, &c);
	*ret = c;
	return 0;
}

/* A frame for the spool: compressed, or the sub-buffers where they are. */
static int content_press(const struct recorder *rec, const struct stream *st,
			 const struct content *c, bool raw, struct press *press,
			 uint8_t **ret_frame, size_t *ret_len, struct err *e)
{
	size_t bound;
	int r = -ENOMEM;

	if (raw) {
		*ret_frame = (uint8_t *)c->pages - SPOOL_HEADER;
		*ret_len = c->len;
		return 0;
	}
	bound = codec_bound(rec->opts.codec, c->len);
	buf_clear(&press->frame);
	if (!buf_reserve(&press->frame, SPOOL_HEADER + bound + SPOOL_ALIGN)) {
		*ret_frame = (uint8_t *)press->frame.data;
		r = codec_compress(rec->opts.codec, &press->ctx, c->pages, c->len,
				   *ret_frame + SPOOL_HEADER, bound, ret_len);
	}
	return r ? err_errno(e, r, "cannot compress what CPU %u recorded", st->cpu) : 0;
}

/* Once one batch of a stream is dropped all later ones are: the first begins the hole. */
static void count_discarded(struct recorder_stats *s, const struct stream *st, struct batch *b)
{
	for (size_t off = 0; off < b->len; off += st->page_size) {
		struct ring_page p;
		struct ring_event ev;
		uint64_t events = 0;

		if (!ring_page_open(&p, &st->abi, batch_pages(b) + off, st->page_size) && !s->discarded)
			s->first_discarded_ts = p.page_ts;
		while (p.bad == RING_OK && ring_page_next(&p, &ev) > 0)
			events++;
		add_discarded(s, p.bad == RING_OK ? events : RING_LOST_UNKNOWN);
		s->discarded++;
	}
}

/*
 * Whether @size bytes may still be written: the batch that reaches max_bytes is the
 * last one, whoever writes it.
 */
static bool claim(struct recorder *rec, size_t size)
{
	uint64_t max = rec->opts.max_bytes, before = atomic_fetch_add(&rec->written, size);
	uint64_t tell = atomic_load(&rec->tell_size);	/* after that: see recorder_tell_size */

	if (tell && before < tell && before + size >= tell)
		eventfd_write(rec->size_fd, 1);
	if (!max || before + size < max)
		return true;
	recorder_end(rec);
	if (before < max)
		return true;
	atomic_fetch_sub(&rec->written, size);
	return false;
}

/* Of a flush that found nothing more: all before it are written once it has its turn. */
static void batch_skip(struct batch *b)
{
	await_turn(b->st, b->number);
	end_turn(b->st, b->flush);
}

static int batch_send(const struct recorder *rec, const struct stream *st, const struct content *c, uint8_t *frame,
		      size_t csize, bool raw, struct err *e)
{
	const struct recorder_chunk chunk = {
		.pages = c->pages, .len = c->len, .cpu = st->cpu, .page_size = st->page_size, .abi = st->abi,
		.first_ts = c->first_ts, .last_ts = c->last_ts, .frame = frame, .csize = csize,
		.codec = raw ? NULL : rec->opts.codec,
	};

	return rec->opts.send(rec->opts.send_ctx, st->number, &chunk, e);
}

/* Compresses and writes one batch. */
static void batch_write(struct recorder *rec, struct batch *b, struct press *press, bool raw)
{
	struct stream *st = b->st;
	struct content c = { 0 };
	uint8_t *frame = NULL;
	size_t csize = 0;
	struct err e = { 0 };
	bool claimed = false;
	int r = -ECANCELED;

	if (!atomic_load(&rec->ended))
		r = content_make(b, press, &c, &e);
	if (!r)
		r = content_press(rec, st, &c, raw, press, &frame, &csize, &e);
	await_turn(st, b->number);
	if (!r && (atomic_load(&rec->ended) || !claim(rec, csize)))
		r = -ECANCELED;
	else if (!r)
		claimed = true;
	if (!r && rec->opts.send)
		r = batch_send(rec, st, &c, frame, csize, raw, &e);
	else if (!r && raw)
		r = spool_append_raw(st->spool, frame, csize, c.first_ts, c.last_ts, &e);
	else if (!r)
		r = spool_append(st->spool, frame, csize, c.len, c.first_ts, c.last_ts, &e);
	if (r && claimed)
		atomic_fetch_sub(&rec->written, csize);
	if (!r)
		atomic_fetch_add(&rec->taken, c.len);
	if (r)
		count_discarded(&st->stats, st, b);
	else
		recorder_stats_add(&st->stats, &c.stats);
	if (e.code)
		recorder_fail(rec, &e);
	end_turn(st, r ? 0 : b->flush);
}

/* A spool that is cut off meanwhile is not closed before. */
static int sync_stream(struct recorder *rec, struct stream *st, struct err *e)
{
	const struct spool *s;
	int r;

	pthread_mutex_lock(&rec->sync_lock);
	pthread_mutex_lock(&rec->order_lock);
	s = st->spool;
	pthread_mutex_unlock(&rec->order_lock);
	r = spool_sync(s, e);
	pthread_mutex_unlock(&rec->sync_lock);
	return r;
}

#define SYNC_LOOKS 100			/* whether a flush is done ... */
#define SYNC_LOOK_NS 10000000		/* ... so far apart */

/* True: the recording ends. */
static bool sync_pause(struct recorder *rec, struct timespec pause)
{
	struct pollfd stop = { .fd = rec->stop_fd, .events = POLLIN };

	return atomic_load(&rec->stopping) || ppoll(&stop, 1, &pause, NULL) > 0;
}

/* Has all that is in the kernel's buffers written, and waits for that; not for a disk that is in trouble. */
static void sync_flush(struct recorder *rec)
{
	unsigned flush = recorder_flush(rec);

	for (int i = 0; i < SYNC_LOOKS && !recorder_flushed(rec, flush); i++)
		if (sync_pause(rec, (struct timespec){ .tv_nsec = SYNC_LOOK_NS }))
			return;
}

/*
 * Bounds what a power failure takes: every sync_s seconds all there is, partly filled
 * sub-buffers too, reaches the disk.
 */
void *recorder_sync(void *recorder)
{
	struct recorder *rec = recorder;
	struct err e = { 0 };

	recorder_thread_begin(rec, "tcmd-sync", 0);
	while (!sync_pause(rec, (struct timespec){ .tv_sec = rec->opts.sync_s })) {
		sync_flush(rec);
		for (size_t i = 0; i < rec->streams.nr && !e.code; i++)
			if (sync_stream(rec, rec->streams.v[i], &e))
				recorder_fail(rec, &e);
	}
	return NULL;
}

void *recorder_worker(void *worker)
{
	struct worker *w = worker;
	struct recorder *rec = w->rec;
	struct press press = { 0 };
	struct batch *b;

	recorder_thread_begin(rec, "tcmd-pack", w - rec->workers);
	w->nice = rec->base_nice;
	while ((b = batch_next(rec))) {
		adapt_nice(rec, w);
		if (b->len)
			batch_write(rec, b, &press, put_off(rec, w, b->len));
		else
			batch_skip(b);
		batch_put(rec, b);
	}
	codec_ctx_release(&press.ctx);
	buf_release(&press.frame);
	buf_release(&press.fixed);
	return NULL;
}
