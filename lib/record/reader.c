// SPDX-License-Identifier: LGPL-2.1-or-later
/* A stream's reader thread: from the kernel's buffer to full batches. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "record/recorder_inside.h"

#define READER_NICE (-10)
#define WAIT_MS 1000			/* then look even if the kernel says nothing */
#define HELD_MAX 8			/* batches that wait for the number of a gap */
#define FLUSH_NS 1000000000		/* a batch waits no longer to be filled */
#define DRAIN_NS 1000000000		/* a buffer that is filled still is emptied no longer */

/*
 * A reader does little, but must do it soon: with the lowest real-time
 * priority nothing was lost under hackbench on two cores (6.18, kernel's
 * default buffers), with nice -10 up to a quarter of 4 million events was.
 */
static void raise_priority(const struct recorder_opts *o)
{
	struct sched_param p = { .sched_priority = o->rt_priority ? (int)o->rt_priority : 1 };

	if (!sched_setscheduler(0, SCHED_FIFO, &p))
		return;
	if (o->rt_priority)
		notice(o->notices, "cannot give the readers real-time priority %u: %s",
		       o->rt_priority, strerror(errno));
	/* Nobody asked for this by name: where it is not allowed, so be it. */
	setpriority(PRIO_PROCESS, syscall(SYS_gettid), READER_NICE);
}

/* Waits for data, after a pause if @rest. True: time to stop. */
static bool await_data(struct stream *st, bool rest)
{
	struct recorder *rec = st->rec;
	struct pollfd fds[3] = {
		{ .fd = rec->stop_fd, .events = POLLIN },
		{ .fd = st->wake_fd, .events = POLLIN },
		{ .fd = source_fd(st->source), .events = POLLIN },
	};
	eventfd_t wakes;
	struct timespec pause = {
		.tv_sec = rec->opts.pause_us / 1000000,
		.tv_nsec = rec->opts.pause_us % 1000000 * 1000,
	};
	struct timespec wait = { .tv_sec = WAIT_MS / 1000, .tv_nsec = WAIT_MS % 1000 * 1000000 };

	if (rest || rec->opts.poll)
		ppoll(fds, 2, &pause, NULL);
	if (!rec->opts.poll)
		ppoll(fds, ARRAY_SIZE(fds), &wait, NULL);
	if (fds[1].revents)
		eventfd_read(st->wake_fd, &wakes);
	return atomic_load(&rec->stopping) || atomic_load(&rec->ended);
}

static void submit_held(struct stream *st)
{
	while (st->held_head) {
		struct batch *b = st->held_head;

		st->held_head = b->next;
		batch_submit(st->rec, b);
	}
	st->nr_held = 0;
}

/* Hands a batch over, or holds it while a gap in front of it has no number. */
static void send_batch(struct stream *st, struct batch *b, bool wait)
{
	b->number = st->next_batch++;
	b->next = NULL;
	if (!st->held_head)
		st->held_tail = &st->held_head;
	*st->held_tail = b;
	st->held_tail = &b->next;
	if (wait && (++st->nr_held > HELD_MAX || batch_scarce(st->rec))) {
		gaps_give_up(&st->gaps);
		wait = false;
	}
	if (!wait)
		submit_held(st);
}

/* Hands the batch over and begins another. False: there is none to be had. */
static bool next_batch(struct stream *st, struct batch **b, bool wait)
{
	if (*b)
		send_batch(st, *b, wait);
	*b = batch_get(st->rec, &st->stats.stalls);
	if (!*b)
		return false;
	(*b)->st = st;
	(*b)->len = 0;
	(*b)->flush = 0;
	(*b)->fixes.nr = 0;
	return true;
}

/* Whether a take that began at @since has gone on for long enough: more comes all the time. */
static bool endless(const struct recorder *rec, uint64_t since)
{
	return atomic_load(&rec->stays_on) && monotonic_ns() - since >= DRAIN_NS;
}

typedef ssize_t (*take_fn)(struct source *s, void *buf, size_t cap);

/*
 * Takes what is there now. Bytes taken, or -errno. *b is NULL afterwards when
 * recording cannot go on.
 */
static ssize_t take(struct stream *st, take_fn fn, struct batch **b)
{
	size_t cap = st->rec->batch_bytes;	/* a multiple of every page size */
	uint64_t since = monotonic_ns();
	size_t total = 0;

	for (;;) {
		uint8_t *at = batch_pages(*b) + (*b)->len;
		ssize_t n;
		bool empty;

		st->careful = gaps_begin(&st->gaps);
		source_set_careful(st->source, st->careful);
		n = fn(st->source, at, cap - (*b)->len);
		if (n < 0)
			return n;
		empty = st->careful && !n && !source_error(st->source);
		st->wait = gaps_see(&st->gaps, at, n / st->page_size, (*b)->len / st->page_size,
				    &(*b)->fixes, empty);
		if (!st->wait)
			submit_held(st);
		total += n;
		(*b)->len += n;
		st->stats.pages += n / st->page_size;
		if (source_error(st->source))
			return source_error(st->source);
		if ((*b)->len == cap) {
			if (!next_batch(st, b, st->wait))
				return total;
		} else if (!st->wait || !n) {
			return total;
		}
		if (endless(st->rec, since))
			return total;
		/* Else a gap may get its number from what follows. */
	}
}

static void read_failed(struct stream *st, int err)
{
	struct err e;

	err_errno(&e, err, "cannot read the buffer of CPU %u", st->cpu);
	recorder_fail(st->rec, &e);
}

/*
 * All there was has been taken: sends it, marked. False: a gap has no number yet, and
 * more has come since.
 */
static bool flush(struct stream *st, struct batch **b, unsigned number)
{
	if (st->wait || !*b)
		return false;
	(*b)->flush = number;
	next_batch(st, b, false);
	return true;
}

/*
 * Whether a take of @n bytes was hardly worth it. With care a single sub-buffer can be
 * half of a small buffer, which does not last for a pause.
 */
static bool next_to_nothing(const struct stream *st, struct batch *b, ssize_t n)
{
	struct ring_page p;

	if (n > (ssize_t)st->page_size)
		return false;
	if (!st->careful || !n || !b || !b->len)
		return true;
	return ring_page_open(&p, &st->abi, batch_pages(b) + b->len - st->page_size,
			      st->page_size) < 0 || p.end < st->page_size / 4;
}

static ssize_t read_live(struct stream *st, struct batch **b)
{
	unsigned flushed = 0;
	uint64_t since = monotonic_ns();
	ssize_t n = 0;
	bool rest = false;

	while (*b && !await_data(st, rest)) {
		uint64_t number = st->next_batch;
		unsigned asked = atomic_load(&st->rec->flushes);

		/* Asked for all there is, partly filled sub-buffers too, at once. */
		n = take(st, asked != flushed ? source_drain : source_read, b);
		if (n < 0)
			break;
		/* Woken for next to nothing (kernels before 6.1 do that): a pause. */
		rest = next_to_nothing(st, *b, n);
		if (*b && asked != flushed && flush(st, b, asked))
			flushed = asked;
		if (st->next_batch != number || !*b || !(*b)->len) {
			since = monotonic_ns();
		} else if (monotonic_ns() - since >= FLUSH_NS) {
			next_batch(st, b, st->wait);
			since = monotonic_ns();
		}
	}
	return n;
}

void *recorder_reader(void *stream)
{
	struct stream *st = stream;
	struct recorder *rec = st->rec;
	struct batch *b = NULL;
	ssize_t n = 0;

	recorder_thread_begin(rec, "tcmd-read", st->cpu);
	raise_priority(&rec->opts);
	gaps_begin(&st->gaps);		/* if it is never its turn it still knows who has read before */
	if (next_batch(st, &b, false))
		n = read_live(st, &b);
	if (b && n >= 0 && !atomic_load(&rec->ended))
		n = take(st, source_drain, &b);
	else
		st->stats.unread = true;
	if (n < 0)
		read_failed(st, n);
	if (n < 0 || !b || atomic_load(&rec->stays_on))
		st->stats.unread = true;
	if (st->stats.unread)
		gaps_give_up(&st->gaps);
	st->stats.uncounted = n < 0 || !st->gaps.alone;
	st->stats.lost_untold = gaps_end(&st->gaps);
	if (b && b->len) {
		send_batch(st, b, false);
	} else {
		submit_held(st);
		if (b)
			batch_put(rec, b);
	}
	return NULL;
}
