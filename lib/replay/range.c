// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "range.h"

/* Nearer than this in the file chunks are walked over one by one. */
#define NEAR_BYTES (32u << 10)
/* Shorter areas are walked over as a whole. */
#define AREA_BYTES_MIN (4 * NEAR_BYTES)
/* Heads read before the time is looked at; then twice as many, and so on. */
#define WALK_CHUNKS 16
/* Behind the chunk that begins after the range: its records are looked ahead at. */
#define BEHIND_CHUNKS 2

struct look {
	struct stream *s;
	struct codec_ctx codec;
	uint8_t *data;			/* a chunk */
	size_t cap;
	uint64_t first, end;		/* file offsets of the first chunk, of the area's end */
	struct err *e;
};

static bool look_begin(struct look *l, struct stream *s, struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(s->reader, s->buffer);
	const struct dat_cpu *cpu = &b->cpus[s->cpu_index];

	*l = (struct look){
		.s = s, .first = cpu->offset + 4, .end = cpu->offset + cpu->size, .e = e,
	};
	return b->compressed && cpu->size >= AREA_BYTES_MIN;
}

static void look_end(struct look *l)
{
	codec_ctx_release(&l->codec);
	free(l->data);
}

/* The converted time stamp of the chunk's first sub-buffer that has one: 1, 0, -ENOMEM. */
static int chunk_ts(struct look *l, const struct dat_chunk *c, uint64_t *ret)
{
	const struct stream *s = l->s;

	if (c->usize > l->cap) {
		uint8_t *p = realloc(l->data, c->usize);

		if (!p)
			return err_errno(l->e, -ENOMEM, "cannot hold a chunk of %u bytes", c->usize);
		l->data = p;
		l->cap = c->usize;
	}
	if (dat_chunk_read(s->reader, s->buffer, c, &l->codec, l->data, NULL))
		return 0;
	for (uint32_t off = 0; c->usize - off >= s->page_size; off += s->page_size) {
		if (ring_page_is_empty(&s->abi, l->data + off))
			continue;
		*ret = clock_convert(&s->conv, get_u64(l->data + off, s->abi.big_endian));
		return 1;
	}
	return 0;
}

static int near(const struct look *l, uint64_t *at)
{
	return dat_reader_chunk_near(l->s->reader, l->s->buffer, l->s->cpu_index, at, l->e);
}

static int chunks_at(const struct look *l, uint64_t at, uint32_t max, struct dat_chunks *ret)
{
	return dat_reader_chunks_at(l->s->reader, l->s->buffer, l->s->cpu_index, at, max, ret, l->e);
}

/* The next chunk from *at on, and its time: 1, 0 if that cannot be told, -errno. */
static int look_at(struct look *l, uint64_t *at, uint64_t *ts)
{
	struct dat_chunks one = { 0 };
	int rc = near(l, at);

	if (rc > 0)
		rc = chunks_at(l, *at, 1, &one);
	if (rc > 0)
		rc = one.nr ? chunk_ts(l, one.v, ts) : 0;
	free((void *)one.v);
	return rc;
}

/* The offset of a chunk that begins before @from, and has another one before it at
 * least that does; or of the first one. 0 or -errno. */
static int find_begin(struct look *l, uint64_t from, uint64_t *ret)
{
	uint64_t lo = l->first, hi = l->end, at, ts;
	int rc;

	while (hi - lo > NEAR_BYTES) {
		uint64_t mid = at = lo + (hi - lo) / 2;

		rc = look_at(l, &at, &ts);
		if (rc < 0)
			return rc;
		/* what cannot be told is walked over later */
		if (rc && at < hi && ts < from)
			lo = at;
		else
			hi = mid;
	}
	at = lo;
	for (uint64_t back = NEAR_BYTES; at == lo && lo > l->first; back *= 2) {
		at = lo - l->first > back ? lo - back : l->first;
		rc = near(l, &at);
		if (rc < 0)
			return rc;
		if (!rc || at > lo)
			at = lo;
	}
	*ret = at;
	return 0;
}

struct chunk_list { struct dat_chunk *v; size_t nr, cap; };

/* Appends chunks from file offset *at on: 1, 0 where something else comes, -errno.
 * *at is behind them then; *ret is whether the area ends there. */
static int append(const struct look *l, struct chunk_list *list, uint64_t *at, uint32_t max,
		  bool *end)
{
	const struct dat_chunk *last = list->nr ? &list->v[list->nr - 1] : NULL;
	uint64_t start = last ? last->start + last->usize : 0;
	struct dat_chunks more;
	int rc = chunks_at(l, *at, max, &more);

	if (rc <= 0)
		return rc;
	rc = vec_reserve(list, more.nr);
	for (uint32_t i = 0; i < more.nr && !rc; i++) {
		list->v[list->nr] = more.v[i];
		list->v[list->nr++].start += start;
	}
	if (more.nr)
		*at = more.v[more.nr - 1].offset + more.v[more.nr - 1].csize;
	free((void *)more.v);
	*end = more.nr < max;
	return rc ? err_errno(l->e, rc, "cannot hold a table of chunks") : 1;
}

/* All up to the first one that begins at or after the range's end, and a few more. */
static int walk(struct look *l, const struct time_range *range, uint64_t at, struct chunk_list *list)
{
	uint32_t max = range->has_to ? WALK_CHUNKS : UINT32_MAX;
	bool behind = false, end = false;
	uint64_t ts;
	int rc = 1;

	while (!end && !behind) {
		rc = append(l, list, &at, max, &end);
		if (rc <= 0 || end || !list->nr)
			return rc;
		rc = chunk_ts(l, &list->v[list->nr - 1], &ts);
		if (rc < 0)
			return rc;
		behind = rc && ts >= range->to;
		if (max < UINT32_MAX / 2)
			max *= 2;
	}
	return append(l, list, &at, BEHIND_CHUNKS, &end);
}

int range_load(struct stream *s, const struct time_range *range, struct err *e)
{
	struct chunk_list list = { 0 };
	const struct dat_chunk *last;
	struct look l;
	uint64_t at;
	int rc = 0;

	if (!look_begin(&l, s, e))
		return 0;
	at = l.first;
	if (range->has_from)
		rc = find_begin(&l, range->from, &at);
	if (!rc)
		rc = walk(&l, range, at, &list);
	look_end(&l);
	if (rc <= 0 || !list.nr) {
		vec_release(&list);
		return rc < 0 ? rc : 0;
	}
	stream_release(s);
	last = &list.v[list.nr - 1];
	s->chunks = (struct dat_chunks){
		.nr = list.nr, .v = list.v, .total = last->start + last->usize,
	};
	s->table = TABLE_STRETCH;
	return 1;
}

int range_last(const struct stream *s, struct stream_env *env, uint64_t *ret, struct err *e)
{
	struct stream tail = *s;
	struct look l;
	int rc = 0;

	if (s->table == TABLE_WHOLE || !look_begin(&l, &tail, e))
		return 0;
	for (uint64_t back = NEAR_BYTES, at = 0; !rc && at != l.first; back *= 4) {
		at = l.end - l.first > back ? l.end - back : l.first;
		tail.chunks = (struct dat_chunks){ 0 };
		rc = near(&l, &at);
		if (rc > 0)
			rc = chunks_at(&l, at, UINT32_MAX, &tail.chunks);
		if (rc > 0)
			rc = stream_last(&tail, env, 0, ret, e);
		free((void *)tail.chunks.v);
	}
	look_end(&l);
	return rc;
}
