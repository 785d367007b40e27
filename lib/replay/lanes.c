// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdlib.h>

#include "ahead.h"
#include "files.h"
#include "lane.h"

/* Chunks nobody uses that are kept for who goes back and forth. */
#define KEEP_BYTES (1u << 20)
/* Less data is read before another thread has begun. */
#define HURRY_BYTES (1u << 20)

/* ---- birth and death ---- */

static void unref(struct replay_lanes *l)
{
	if (--l->refs)
		return;
	cache_release(&l->cache);
	free(l);
}

void replay_lanes_free(struct replay_lanes *l)
{
	if (!l)
		return;
	replay_lanes_hurry(l, false);
	for (uint32_t i = 0; i < l->nr; i++) {
		lane_back_release(&l->v[i]);
		replay_hold_put(l->v[i].hold);
		stream_cur_release(&l->v[i].c);
		stream_release(&l->v[i].s);
	}
	codec_ctx_release(&l->env.codec);
	free(l->v);
	free(l->by_cpu);
	l->v = NULL;
	l->by_cpu = NULL;
	l->nr = l->cpus = 0;
	unref(l);
}

/* The lane of a stream of the replay, which has made no cursor on its own. */
static int add_lane(struct replay_lanes *l, const struct stream *from, uint64_t *next, struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(from->reader, from->buffer);
	struct lane *lane = &l->v[l->nr];
	struct err why = { 0 };
	struct ring_abi abi;
	int rc = replay_abi(l->rp, from->file, &abi, e);

	if (rc)
		return rc;
	lane->s = *from;
	lane->s.chunks = (struct dat_chunks){ 0 };
	lane->s.table = TABLE_NONE;
	rc = stream_load(&lane->s, &abi, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s", why.text);
	if (rc)		/* its CPU is lost, and no other */
		l->env.tell(l->env.tell_ctx, true, why.text);
	stream_cur_init(&lane->c, &lane->s, l->nr);
	lane->base = b->compressed ? *next : b->cpus[from->cpu_index].offset;
	*next += (lane->s.chunks.total + from->page_size - 1) / from->page_size * from->page_size;
	l->by_cpu[from->cpu] = ++l->nr;
	return 0;
}

static int add_lanes(struct replay_lanes *l, unsigned file, unsigned buffer, uint64_t next, struct err *e)
{
	const struct file *f = &l->rp->files.v[file];
	bool is_there = buffer < dat_reader_nr_buffers(f->reader);
	uint32_t from = is_there ? f->buffer_stream[buffer] : 0;
	uint32_t to = is_there ? f->buffer_stream[buffer + 1] : 0;
	int rc = 0;

	if (from == to)
		return 0;
	if (!next)
		next = l->rp->streams.v[from].page_size;
	l->cpus = l->rp->streams.v[to - 1].cpu + 1;
	l->v = calloc(to - from, sizeof(*l->v));
	l->by_cpu = calloc(l->cpus, sizeof(*l->by_cpu));
	if (!l->v || !l->by_cpu)
		return err_errno(e, -ENOMEM, "cannot replay");
	for (uint32_t i = from; i < to && !rc; i++)
		rc = add_lane(l, &l->rp->streams.v[i], &next, e);
	if (dat_reader_buffer(f->reader, buffer)->compressed)
		l->end = next;
	return rc;
}

int replay_lanes_new(struct replay *rp, unsigned file, unsigned buffer, uint64_t from,
		     struct replay_lanes **ret, struct err *e)
{
	struct replay_lanes *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_errno(e, -ENOMEM, "cannot replay");
	l->refs = 1;
	l->rp = rp;
	l->env = replay_env(rp);
	cache_init(&l->cache);
	l->cache.keep = KEEP_BYTES;
	l->env.cache = &l->cache;
	rc = add_lanes(l, file, buffer, from, e);
	if (rc) {
		replay_lanes_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

uint64_t replay_lanes_end(const struct replay_lanes *l)
{
	return l->end;
}

uint32_t replay_lanes_cpus(const struct replay_lanes *l)
{
	return l->cpus;
}

uint64_t replay_lane_file_size(const struct replay_lanes *l, uint32_t cpu)
{
	const struct lane *lane = lane_of(l, cpu);

	return lane ? dat_reader_buffer(lane->s.reader, lane->s.buffer)->cpus[lane->s.cpu_index].size : 0;
}

void replay_lanes_add_time(struct replay_lanes *l, int64_t offset)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		struct lane *lane = &l->v[i];

		lane->s.conv.add += offset;
		if (lane->have)
			lane->c.cur.rec.ts = clock_convert(&lane->s.conv, lane->c.cur.rec.raw_ts);
		lane_back_release(lane);
	}
	l->moves++;
}

void replay_lanes_hurry(struct replay_lanes *l, bool on)
{
	uint64_t bytes = 0;

	if (!on) {
		ahead_stop(l->env.ahead);
		l->env.ahead = NULL;
		return;
	}
	for (uint32_t i = 0; i < l->nr; i++)
		if (dat_reader_buffer(l->v[i].s.reader, l->v[i].s.buffer)->compressed)
			bytes += l->v[i].s.chunks.total;
	if (!l->env.ahead && bytes >= HURRY_BYTES && l->nr)
		l->env.ahead = ahead_start(&l->cache, l->nr);
}

/* ---- what is kept ---- */

struct replay_hold *lane_hold(struct replay_lanes *l, struct lane *lane)
{
	struct cached_chunk *chunk = lane->c.half[lane->c.cur.half];
	struct replay_hold *h = lane->hold;

	if (__builtin_expect(h && h->chunk == chunk, 1))
		return h;
	h = malloc(sizeof(*h));
	if (!h)
		return NULL;
	*h = (struct replay_hold) {
		.lanes = l, .chunk = chunk, .offset = lane->base + lane_chunk_start(lane), .refs = 1,
	};
	cache_hold(chunk);
	l->refs++;
	replay_hold_put(lane->hold);
	lane->hold = h;
	return h;
}

struct replay_hold *replay_lane_hold(struct replay_lanes *l, const struct replay_record *rec)
{
	struct lane *lane = &l->v[rec->stream];
	struct replay_hold *h;

	h = rec == &lane->c.cur.rec ? lane_hold(l, lane) : lane->back.hold;
	if (h)
		h->refs++;
	return h;
}

void replay_hold_put(struct replay_hold *h)
{
	if (!h || --h->refs)
		return;
	cache_put(h->chunk);
	unref(h->lanes);
	free(h);
}

uint64_t replay_hold_offset(const struct replay_hold *h, const struct replay_record *rec)
{
	return h->offset + ((const uint8_t *)rec->data - h->chunk->data) - (rec->long_entry ? 8 : 4);
}

/* ---- forwards ---- */

/* Puts c at the first record behind the beginning of the sub-buffer that has place @at.
 * As lane_peek. */
static int goto_page(struct replay_lanes *l, struct lane *lane, uint64_t at, struct err *e)
{
	uint32_t i = stream_chunk_at(&lane->s, at), size = lane->s.page_size;
	int rc = stream_goto_page(&lane->c, &l->env, i, (at - lane->s.chunks.v[i].start) / size * size, e);

	return rc ? rc : stream_next(&lane->c, &l->env, e);
}

int lane_goto_page(struct replay_lanes *l, struct lane *lane, uint64_t at, struct err *e)
{
	const struct replay_record *rec = &lane->c.cur.rec;
	uint64_t from = at;
	int rc = at ? 1 : goto_page(l, lane, at, e);

	/* from ever further in front, until there is a record, behind which all losses are told */
	for (uint64_t back = lane->s.page_size; from && rc > 0; back *= 2) {
		from = at > back ? at - back : 0;
		rc = goto_page(l, lane, from, e);
		if (rc > 0 && (lane_place(lane) < at || rec->lost == RING_LOST_UNKNOWN))
			break;
	}
	while (rc > 0 && lane_place(lane) < at)
		rc = stream_next(&lane->c, &l->env, e);
	return rc;
}

/* Puts c at the first record that ends behind place @at. As lane_peek. */
static int go(struct replay_lanes *l, struct lane *lane, uint64_t at, struct err *e)
{
	const struct replay_record *rec = &lane->c.cur.rec;
	bool silent = l->env.silent;
	int rc;

	lane->away = lane->have = false;
	if (at >= lane->s.chunks.total) {
		lane->c.ended = true;
		return 0;
	}
	/* what is damaged in front is not news */
	l->env.silent = at != 0;
	rc = goto_page(l, lane, at, e);
	while (rc > 0 && lane_place(lane) + replay_entry_size(rec) <= at)
		rc = stream_next(&lane->c, &l->env, e);
	if (rc > 0 && rec->page_start && at)
		rc = lane_goto_page(l, lane, lane_place(lane), e);
	l->env.silent = silent;
	lane->have = rc > 0;
	return rc;
}

int lane_peek_slow(struct replay_lanes *l, struct lane *lane, struct err *e)
{
	return lane->away ? go(l, lane, lane->at, e) : 0;
}

int replay_lane_peek(struct replay_lanes *l, uint32_t cpu, const struct replay_record **ret,
		     struct err *e)
{
	struct lane *lane = lane_of(l, cpu);
	int rc = lane ? lane_peek(l, lane, e) : 0;

	if (rc > 0)
		*ret = &lane->c.cur.rec;
	return rc;
}

void replay_lane_take(struct replay_lanes *l, uint32_t cpu)
{
	struct lane *lane = lane_of(l, cpu);

	l->moves++;
	if (lane)
		lane->have = false;
}

/* ---- positions ---- */

/* The next record is the first one that ends behind place @at. */
static void set_place(struct replay_lanes *l, struct lane *lane, uint64_t at)
{
	lane->have = false;
	lane->away = true;
	lane->at = at;
	l->moves++;
}

void replay_lane_rewind(struct replay_lanes *l, uint32_t cpu)
{
	struct lane *lane = lane_of(l, cpu);

	if (lane)
		set_place(l, lane, 0);
}

void replay_lane_to_end(struct replay_lanes *l, uint32_t cpu)
{
	struct lane *lane = lane_of(l, cpu);

	if (lane)
		set_place(l, lane, lane->s.chunks.total);
}

void replay_lane_goto(struct replay_lanes *l, uint32_t cpu, uint64_t offset)
{
	struct lane *lane = lane_of(l, cpu);

	if (lane)
		set_place(l, lane, offset < lane->base ? 0 : offset - lane->base);
}

int replay_lane_seek(struct replay_lanes *l, uint32_t cpu, uint64_t ts, struct err *e)
{
	struct lane *lane = lane_of(l, cpu);
	bool silent = l->env.silent;
	int rc;

	if (!lane)
		return 0;
	l->moves++;
	lane->have = lane->away = false;
	l->env.silent = true;
	rc = stream_seek(&lane->c, &l->env, ts, 0, e);
	l->env.silent = silent;
	lane->have = rc > 0;
	if (rc != -EAGAIN)
		return rc < 0 ? rc : 0;
	/* time steps back too much to search */
	set_place(l, lane, 0);
	while ((rc = lane_peek(l, lane, e)) > 0 && lane->c.cur.rec.ts < ts)
		lane->have = false;
	return rc < 0 ? rc : 0;
}

bool replay_lanes_find(const struct replay_lanes *l, uint64_t offset, uint32_t *ret_cpu)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		const struct lane *lane = &l->v[i];

		if (offset >= lane->base && offset - lane->base < lane->s.chunks.total) {
			*ret_cpu = lane->s.cpu;
			return true;
		}
	}
	return false;
}
