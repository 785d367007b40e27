// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "heap.h"
#include "live.h"
#include "stream.h"

#define FLUSH_ROOM 4

/* Sub-buffers as they came. */
struct block {
	struct block *next;
	size_t len;
	uint8_t pages[];
};

struct queue {
	struct block *head, **tail;
};

/* A place in a stream. */
struct place {
	struct block *block;		/* NULL: behind all that there is */
	size_t next;			/* the page behind the one at hand */
	bool in_page;
	struct ring_page page;
};

struct channel {
	struct live_stream s;
	struct queue put;		/* under the lock: what is not counted yet */
	struct queue got;		/* the taker's, from the block at hand on */
	struct place at;
	bool has;			/* a record to be given next */
	struct live_record rec;
	uint64_t lost;			/* behind it */
};

/* The streams of one clock. */
struct group {
	struct heap_entry *heap;	/* those that have a record */
	uint32_t nr_heap;
	uint64_t last_ts;		/* of the record given last */
	uint64_t latest;		/* under the lock: of those put */
};

struct live {
	struct ring_abi abi;
	size_t nr, max_bytes;
	struct channel *streams;
	struct heap_entry *heap;	/* the groups' */
	struct group *groups;		/* by clock */
	size_t nr_groups;
	struct channel *last;		/* that of the record given last; NULL: there was none */
	uint64_t late;

	pthread_mutex_t lock;		/* for all that follows, and the put queues */
	pthread_cond_t room, changed;
	size_t bytes;			/* of blocks */
	bool full;			/* somebody waits for room, and there is not more since */
	bool flushing, ended, canceled;
};

static void queue_init(struct queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_add(struct queue *q, struct block *b)
{
	b->next = NULL;
	*q->tail = b;
	q->tail = &b->next;
}

static void queue_release(struct queue *q)
{
	for (struct block *b = q->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	queue_init(q);
}

static void free_groups(struct live *l)
{
	free(l->streams);
	free(l->heap);
	free(l->groups);
}

/* Each clock's streams have their part of the heap. */
static int make_groups(struct live *l, const struct live_stream *streams, size_t nr)
{
	struct heap_entry *heap;

	for (size_t i = 0; i < nr; i++)
		if (streams[i].clock >= l->nr_groups)
			l->nr_groups = streams[i].clock + 1;
	l->streams = calloc(nr + 1, sizeof(*l->streams));
	l->heap = calloc(nr + 1, sizeof(*l->heap));
	l->groups = calloc(l->nr_groups + 1, sizeof(*l->groups));
	if (!l->streams || !l->heap || !l->groups)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		l->groups[streams[i].clock].nr_heap++;
	heap = l->heap;
	for (size_t g = 0; g < l->nr_groups; g++) {
		l->groups[g].heap = heap;
		heap += l->groups[g].nr_heap;
		l->groups[g].nr_heap = 0;
	}
	return 0;
}

int live_new(const struct ring_abi *abi, const struct live_stream *streams, size_t nr, size_t max_bytes,
	     struct live **ret, struct err *e)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l || make_groups(l, streams, nr)) {
		if (l)
			free_groups(l);
		free(l);
		return err_errno(e, -ENOMEM, "cannot merge what is recorded");
	}
	l->abi = *abi;
	l->nr = nr;
	l->max_bytes = max_bytes;
	for (size_t i = 0; i < nr; i++) {
		l->streams[i].s = streams[i];
		queue_init(&l->streams[i].put);
		queue_init(&l->streams[i].got);
	}
	pthread_mutex_init(&l->lock, NULL);
	cond_init(&l->room);
	cond_init(&l->changed);
	*ret = l;
	return 0;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr; i++) {
		queue_release(&l->streams[i].put);
		queue_release(&l->streams[i].got);
	}
	pthread_cond_destroy(&l->changed);
	pthread_cond_destroy(&l->room);
	pthread_mutex_destroy(&l->lock);
	free_groups(l);
	free(l);
}

/* ---- putting ------------------------------------------------------------------------ */

/* Of the last record in the pages; 0: they have none. */
static uint64_t last_ts(const struct live *l, const struct live_stream *s, const uint8_t *pages, size_t len)
{
	uint64_t ts = 0;
	bool found = false;

	for (size_t end = len; end >= s->page_size && !found; end -= s->page_size) {
		struct ring_event ev;
		struct ring_page p;

		if (ring_page_open(&p, &l->abi, pages + end - s->page_size, s->page_size) < 0)
			continue;
		while (ring_page_next(&p, &ev) > 0) {
			ts = clock_convert(&s->conv, ev.ts);
			found = true;
		}
	}
	return ts;
}

/* Under the lock. */
static bool has_room(const struct live *l, size_t len)
{
	size_t max = l->flushing ? FLUSH_ROOM * l->max_bytes : l->max_bytes;

	return !l->bytes || l->bytes + len <= max;
}

/* Under the lock: there may be some. */
static void make_room(struct live *l)
{
	l->full = false;
	pthread_cond_broadcast(&l->room);
}

int live_put(struct live *l, uint32_t stream, const void *pages, size_t len, struct err *e)
{
	struct channel *st = &l->streams[stream];
	struct block *b = malloc(sizeof(*b) + len);
	uint64_t latest;
	bool canceled;

	if (!b)
		return err_errno(e, -ENOMEM, "cannot hold what was recorded");
	memcpy(b->pages, pages, len);
	b->len = len;
	latest = last_ts(l, &st->s, b->pages, len);
	pthread_mutex_lock(&l->lock);
	while (!has_room(l, len) && !l->canceled) {
		l->full = true;
		pthread_cond_signal(&l->changed);
		pthread_cond_wait(&l->room, &l->lock);
	}
	canceled = l->canceled;
	if (!canceled) {
		queue_add(&st->put, b);
		l->bytes += len;
		if (l->groups[st->s.clock].latest < latest)
			l->groups[st->s.clock].latest = latest;
	}
	pthread_mutex_unlock(&l->lock);
	if (!canceled)
		return 0;
	free(b);
	return err_set(e, -ECANCELED, "nobody takes what is recorded");
}

void live_flushing(struct live *l, bool on)
{
	pthread_mutex_lock(&l->lock);
	l->flushing = on;
	make_room(l);
	pthread_mutex_unlock(&l->lock);
}

static void set(struct live *l, bool *flag)
{
	pthread_mutex_lock(&l->lock);
	*flag = true;
	pthread_cond_broadcast(&l->room);
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

void live_cancel(struct live *l)
{
	set(l, &l->canceled);
}

void live_end(struct live *l)
{
	set(l, &l->ended);
}

/* ---- taking: a stream ----------------------------------------------------------------- */

/* Under the lock. */
static void drop_block(struct live *l, struct channel *st)
{
	struct block *b = st->got.head;

	st->got.head = b->next;
	if (!b->next)
		st->got.tail = &st->got.head;
	l->bytes -= b->len;
	make_room(l);
	free(b);
}

/* Blocks in front of @block, whose records have all been given. */
static void drop_before(struct live *l, struct channel *st, const struct block *block)
{
	if (st->got.head == block)
		return;
	pthread_mutex_lock(&l->lock);
	while (st->got.head != block)
		drop_block(l, st);
	pthread_mutex_unlock(&l->lock);
}

/* Under the lock: the last block as well, if it is at its end. */
static void drop_read(struct live *l, struct channel *st)
{
	if (st->has || !st->at.block)
		return;
	while (st->got.head)
		drop_block(l, st);
	st->at = (struct place){ 0 };
}

/* Opens the next page. False: there is none yet. */
static bool next_page(struct live *l, struct channel *st)
{
	struct place *at = &st->at;

	if (!at->block)
		at->block = st->got.head;
	while (at->block && at->next >= at->block->len) {
		if (!at->block->next)
			return false;
		at->block = at->block->next;
		at->next = 0;
	}
	if (!at->block)
		return false;
	ring_page_open(&at->page, &l->abi, at->block->pages + at->next, st->s.page_size);
	at->next += st->s.page_size;
	at->in_page = true;
	st->lost = stream_add_loss(st->lost, at->page.lost);
	return true;
}

/* The next record of the stream into its rec; has tells whether there is one. */
static void find(struct live *l, struct channel *st, uint32_t nr)
{
	struct ring_event ev;
	int r;

	st->has = false;
	while (!st->has && (st->at.in_page || next_page(l, st))) {
		r = ring_page_next(&st->at.page, &ev);
		if (r > 0) {
			st->rec = (struct live_record){
				.stream = nr, .ts = clock_convert(&st->s.conv, ev.ts), .data = ev.data,
				.len = ev.len, .lost = st->lost,
				.avail = st->at.page.data + st->at.page.size - (const uint8_t *)ev.data,
			};
			st->lost = 0;
			st->has = true;
			continue;
		}
		st->at.in_page = false;
		if (r < 0)
			st->lost = RING_LOST_UNKNOWN;
	}
}

/* ---- taking: all of them ---------------------------------------------------------------- */

void live_refill(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->nr; i++) {
		struct channel *st = &l->streams[i];

		drop_read(l, st);
		if (!st->put.head)
			continue;
		*st->got.tail = st->put.head;
		st->got.tail = st->put.tail;
		queue_init(&st->put);
	}
	pthread_mutex_unlock(&l->lock);
	/* Those that had come to their end may go on. */
	for (size_t g = 0; g < l->nr_groups; g++)
		l->groups[g].nr_heap = 0;
	for (size_t i = 0; i < l->nr; i++) {
		struct channel *st = &l->streams[i];
		struct group *g = &l->groups[st->s.clock];

		if (!st->has)
			find(l, st, i);
		if (st->has)
			g->heap[g->nr_heap++] = (struct heap_entry){ .ts = st->rec.ts, .stream = i };
	}
	for (size_t g = 0; g < l->nr_groups; g++)
		heap_build(l->groups[g].heap, l->groups[g].nr_heap);
}

/* That of a record that may be given; NULL: there is none. */
static struct group *next_group(struct live *l, const uint64_t *until)
{
	for (size_t i = 0; i < l->nr_groups; i++) {
		struct group *g = &l->groups[i];

		if (g->nr_heap && (!until || g->heap[0].ts <= until[i]))
			return g;
	}
	return NULL;
}

int live_next(struct live *l, const uint64_t *until, struct live_record *ret)
{
	struct group *g = next_group(l, until);
	struct heap_entry top;
	const struct block *block;
	struct channel *st;

	if (!g)
		return 0;
	st = &l->streams[g->heap[0].stream];
	*ret = st->rec;
	block = st->at.block;
	find(l, st, ret->stream);
	drop_before(l, st, block);
	top = st->has ? (struct heap_entry){ .ts = st->rec.ts, .stream = ret->stream } : g->heap[--g->nr_heap];
	if (g->nr_heap)
		heap_sift(g->heap, g->nr_heap, 0, top);
	l->late += ret->ts < g->last_ts;
	l->last = st;
	g->last_ts = ret->ts;
	return 1;
}

int live_peek(const struct live *l, struct live_record *ret)
{
	if (!l->last || !l->last->has)
		return 0;
	*ret = l->last->rec;
	return 1;
}

void live_wait(struct live *l, unsigned ms)
{
	struct timespec until = deadline_in_ms(ms);

	pthread_mutex_lock(&l->lock);
	while (!l->ended && !l->full && pthread_cond_timedwait(&l->changed, &l->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&l->lock);
}

bool live_is_full(struct live *l)
{
	bool full;

	pthread_mutex_lock(&l->lock);
	full = l->full;
	pthread_mutex_unlock(&l->lock);
	return full;
}

bool live_has_ended(struct live *l)
{
	bool ended;

	pthread_mutex_lock(&l->lock);
	ended = l->ended;
	pthread_mutex_unlock(&l->lock);
	return ended;
}

uint64_t live_latest(struct live *l, uint32_t clock)
{
	uint64_t latest;

	pthread_mutex_lock(&l->lock);
	latest = l->groups[clock].latest;
	pthread_mutex_unlock(&l->lock);
	return latest;
}

uint64_t live_late(const struct live *l)
{
	return l->late;
}
