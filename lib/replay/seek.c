// SPDX-License-Identifier: LGPL-2.1-or-later
/* Places in a stream by time: binary search over chunks, then sub-buffers. */
#include <errno.h>
#include <stdlib.h>

#include "stream.h"

/* Records are looked for in so many sub-buffers behind the one that the time
 * stamps of sub-buffers name. */
#define PAGES_MAX 256

static bool is_raw(const struct stream *s)
{
	return !dat_reader_buffer(s->reader, s->buffer)->compressed;
}

static bool stream_has(const struct stream_cur *c, unsigned half, uint32_t chunk)
{
	return c->half[half] && c->half[half]->chunk == chunk;
}

/*
 * The time stamp, as it is in the file, of the sub-buffer at @off of chunk @i. 1, 0 if it
 * has none to believe (it cannot be read, or is empty), -ENOMEM.
 */
static int page_stamp(struct stream_cur *c, struct stream_env *env, uint32_t i, uint32_t off,
		      uint64_t *ret)
{
	const struct dat_chunk *chunk = &c->s->chunks.v[i];
	const struct ring_abi *abi = &c->s->abi;
	unsigned half = stream_has(c, c->cur.half, i) ? c->cur.half : !c->cur.half;
	uint8_t raw[RING_HEADER_MAX];
	const uint8_t *p = raw;
	struct err why = { 0 };
	int rc = 1;

	if (chunk->usize < off || chunk->usize - off < sizeof(raw))
		return 0;
	if (!is_raw(c->s)) {
		rc = stream_load_chunk(c, env, i, half, &why);
		if (rc > 0)
			p = c->half[half]->data + off;
	} else if (dat_reader_pread(c->s->reader, raw, sizeof(raw), chunk->offset + off, &why)) {
		rc = 0;
	}
	if (rc <= 0 || ring_page_is_empty(abi, p))
		return rc < 0 ? rc : 0;
	*ret = get_u64(p, abi->big_endian);
	return 1;
}

/* The same, converted. */
static int page_time(struct stream_cur *c, struct stream_env *env, uint32_t i, uint32_t off,
		     uint64_t *ret)
{
	int rc = page_stamp(c, env, i, off, ret);

	if (rc > 0)
		*ret = clock_convert(&c->s->conv, *ret);
	return rc;
}

/* The first such time in chunk @i. As page_time. */
static int chunk_time(struct stream_cur *c, struct stream_env *env, uint32_t i, uint64_t *ret)
{
	uint32_t slot = i % STREAM_MET;
	int rc = 0;

	if (c->met[slot].chunk == i + 1) {
		*ret = c->met[slot].ts;
		return 1;
	}
	for (uint32_t off = 0; off < c->s->chunks.v[i].usize && !rc; off += c->s->page_size)
		rc = page_time(c, env, i, off, ret);
	if (rc > 0) {
		c->met[slot].chunk = i + 1;
		c->met[slot].ts = *ret;
	}
	return rc;
}

/*
 * Whether the chunk at @at, or the first one from there that has a time, begins
 * before @ts: 1, and @at is its number; 0, also if none below @end has a time;
 * -ENOMEM.
 */
static int chunk_is_before(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint32_t *at,
			   uint32_t end)
{
	for (uint32_t i = *at; i < end; i++) {
		uint64_t t;
		int rc = chunk_time(c, env, i, &t);

		if (rc > 0 && t < ts)
			*at = i;
		if (rc)
			return rc < 0 ? rc : t < ts;
	}
	return 0;
}

/* Narrows [*lo, *hi), the whole table, from where the cursor is: what is looked
 * for is seldom far behind. */
static int gallop(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint32_t *lo,
		  uint32_t *hi)
{
	uint32_t at = c->cur.chunk ? c->cur.chunk - 1 : 0, start = at;
	int rc;

	for (uint32_t step = 1; start && at < *hi; step *= 2) {
		rc = chunk_is_before(c, env, ts, &at, *hi);
		if (rc < 0)
			return rc;
		if (!rc) {
			*hi = at;
			return 0;
		}
		*lo = at;
		if (step >= *hi - at)
			return 0;
		at += step;
	}
	return 0;
}

/* The last chunk that begins before @ts, or the first one. */
static int find_chunk(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint32_t *ret)
{
	uint32_t lo = 0, hi = c->s->chunks.nr;
	int rc = gallop(c, env, ts, &lo, &hi);

	while (rc >= 0 && hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2, at = mid;

		rc = chunk_is_before(c, env, ts, &at, hi);
		if (rc > 0)
			lo = at;
		else
			hi = mid;
	}
	*ret = lo;
	return rc < 0 ? rc : 0;
}

/* The same of a chunk's sub-buffers. */
static int page_is_before(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint32_t i,
			  uint32_t *at, uint32_t end)
{
	for (uint32_t page = *at; page < end; page++) {
		uint64_t t;
		int rc = page_time(c, env, i, page * c->s->page_size, &t);

		if (rc > 0 && t < ts)
			*at = page;
		if (rc)
			return rc < 0 ? rc : t < ts;
	}
	return 0;
}

static int find_page(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint32_t i,
		     uint32_t *ret)
{
	uint32_t lo = 0, hi = c->s->chunks.v[i].usize / c->s->page_size;
	int rc = 0;

	while (rc >= 0 && hi > lo + 1) {
		uint32_t mid = lo + (hi - lo) / 2, at = mid;

		rc = page_is_before(c, env, ts, i, &at, hi);
		if (rc > 0)
			lo = at;
		else
			hi = mid;
	}
	*ret = lo * c->s->page_size;
	return rc < 0 ? rc : 0;
}

static int find(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint32_t *chunk,
		uint32_t *page, struct err *e)
{
	int rc = find_chunk(c, env, ts, chunk);

	if (!rc)
		rc = find_page(c, env, ts, *chunk, page);
	return rc ? err_errno(e, rc, "cannot look for a time in CPU %u", c->s->cpu) : 0;
}

/* Goes one sub-buffer back. */
static void step_back(const struct stream *s, uint32_t *chunk, uint32_t *page)
{
	if (*page) {
		*page -= s->page_size;
	} else if (*chunk) {
		--*chunk;
		*page = (s->chunks.v[*chunk].usize - 1) / s->page_size * s->page_size;
	}
}

/* Records in front of a time, and the first one at or after it. */
struct found {
	struct stream_place last[STREAM_BEFORE_MAX + 2];
	uint64_t n;			/* met; the last ones are kept */
};

/* The one that is @before records in front of the last one met, or the first one kept. */
static const struct stream_place *found_before(const struct found *f, unsigned before)
{
	uint64_t kept = f->n < ARRAY_SIZE(f->last) ? f->n : ARRAY_SIZE(f->last);

	return &f->last[(f->n - 1 - (before < kept ? before : kept - 1)) % ARRAY_SIZE(f->last)];
}

/* From the page on: up to the first record at or after @ts. As stream_seek. */
static int find_record(struct stream_cur *c, struct stream_env *env, uint64_t ts, struct found *f,
		       struct err *e)
{
	uint64_t pages = 0;
	int rc;

	f->n = 0;
	while ((rc = stream_next(c, env, e)) > 0) {
		stream_place_get(c, &f->last[f->n++ % ARRAY_SIZE(f->last)]);
		if (c->cur.rec.ts >= ts)
			break;
		pages += c->cur.rec.page_start;
		if (pages > PAGES_MAX)
			return -EAGAIN;
	}
	return rc;
}

/* Tells of damage between the record before cur, or the page where the search began if
 * there is none, and cur, where it stays. As stream_next. */
static int tell_front(struct stream_cur *c, struct stream_env *env, const struct found *f,
		      uint32_t chunk, uint32_t page, struct err *e)
{
	uint64_t back = !c->ended;	/* cur is one of those met then */
	int rc;

	if (!(c->ended ? c->cur.lost : c->cur.rec.lost))
		return !c->ended;
	if (f->n > back)
		rc = stream_place_set(c, env, found_before(f, back), e);
	else
		rc = stream_goto_page(c, env, chunk, page, e);
	return rc ? rc : stream_next(c, env, e);
}

int stream_seek(struct stream_cur *c, struct stream_env *env, uint64_t ts, unsigned before,
		struct err *e)
{
	bool silent = env->silent;
	struct found found;
	uint32_t chunk, page;
	int rc;

	if (!c->s->chunks.nr) {
		c->ended = true;
		return 0;
	}
	rc = find(c, env, ts, &chunk, &page, e);
	if (rc)
		return rc;
	/* the records of the one before are in front of @ts, or its stamp or this one's is wrong */
	step_back(c->s, &chunk, &page);
	/* what was looked at last is in the other half */
	if (stream_has(c, !c->cur.half, chunk))
		c->cur.half = !c->cur.half;
	rc = stream_goto_page(c, env, chunk, page, e);
	if (rc)
		return rc;
	c->state = 0;
	env->silent = true;
	rc = find_record(c, env, ts, &found, e);
	env->silent = silent;
	if (rc >= 0 && !silent)
		rc = tell_front(c, env, &found, chunk, page, e);
	if (rc <= 0)
		return rc;
	rc = stream_place_set(c, env, found_before(&found, before), e);
	return rc ? rc : 1;
}

int stream_find(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint64_t *ret,
		struct err *e)
{
	uint32_t chunk, page;
	int rc;

	*ret = 0;
	if (!c->s->chunks.nr)
		return 0;
	rc = find(c, env, ts, &chunk, &page, e);
	if (!rc) {
		*ret = c->s->chunks.v[chunk].start + page;
		c->cur.chunk = chunk + 1;
	}
	return rc;
}

uint32_t stream_chunk_at(const struct stream *s, uint64_t at)
{
	uint32_t lo = 0, hi = s->chunks.nr;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->chunks.v[mid].start <= at)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

int stream_time_at(struct stream_cur *c, struct stream_env *env, uint64_t at, uint64_t *ret,
		   struct err *e)
{
	uint32_t chunk;
	int rc;

	if (at >= c->s->chunks.total)
		return 0;
	chunk = stream_chunk_at(c->s, at);
	at -= c->s->chunks.v[chunk].start;
	c->cur.chunk = chunk + 1;
	rc = page_time(c, env, chunk, at - at % c->s->page_size, ret);
	return rc < 0 ? err_errno(e, rc, "cannot look for a time in CPU %u", c->s->cpu) : rc;
}

/* ---- the end of a range ---- */

int stream_tell_behind(struct stream_cur *c, struct stream_env *env, uint32_t i, uint32_t page,
		       uint64_t raw_ts, struct err *e)
{
	uint32_t end = i + 2 < c->s->chunks.nr ? i + 2 : c->s->chunks.nr;
	uint64_t stamp;

	if (env->silent)
		return 0;
	for (page += c->s->page_size; i < end; i++, page = 0)
		for (; page < c->s->chunks.v[i].usize; page += c->s->page_size) {
			int rc = page_stamp(c, env, i, page, &stamp);

			if (rc < 0)
				return err_errno(e, rc, "cannot look behind a range of time");
			if (rc && stream_leaves_range(c->s, env, raw_ts, stamp))
				stream_tell_order(c->s, env, &c->s->chunks.v[i], page, raw_ts, stamp);
			if (rc)
				return 0;
		}
	return 0;
}

int stream_tell_end(struct stream_cur *c, struct stream_env *env, struct err *e)
{
	const struct stream_pos *pos = &c->cur;
	uint32_t page;

	if (c->ended || !pos->chunk)
		return 0;
	page = pos->page.data - c->half[pos->half]->data;
	if (!env->silent)
		stream_tell_steps(c->s, env, &c->s->chunks.v[pos->chunk - 1], page, &pos->page, pos->rec.raw_ts);
	return stream_tell_behind(c, env, pos->chunk - 1, page, pos->rec.raw_ts, e);
}

/* ---- the first and the last record ---- */

/* Times of the first and last data record of a chunk's bytes: 1, or 0 without any. */
static int bytes_span(const struct stream *s, const uint8_t *data, uint32_t len, uint64_t *first,
		      uint64_t *last)
{
	struct ring_event ev;
	struct ring_page p;
	int found = 0;

	for (uint32_t off = 0; off < len; off += s->page_size) {
		uint32_t have = len - off < s->page_size ? len - off : s->page_size;

		if (ring_page_open_cut(&p, &s->abi, data + off, have, s->page_size))
			continue;
		while (ring_page_next(&p, &ev) == 1) {
			if (!found)
				*first = ev.ts;
			*last = ev.ts;
			found = 1;
		}
	}
	return found;
}

/* The same of chunk @i; 0 too if it cannot be read. */
static int chunk_span(const struct stream *s, struct stream_env *env, uint32_t i, uint64_t *first,
		      uint64_t *last, struct err *e)
{
	const struct dat_chunk *c = &s->chunks.v[i];
	AUTO_FREE uint8_t *data = malloc(c->usize);
	struct err why = { 0 };
	int rc;

	if (!data)
		return err_errno(e, -ENOMEM, "cannot hold a chunk of %u bytes", c->usize);
	rc = dat_chunk_read(s->reader, s->buffer, c, &env->codec, data, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s", why.text);
	return rc ? 0 : bytes_span(s, data, c->usize, first, last);
}

int stream_last(const struct stream *s, struct stream_env *env, uint32_t from, uint64_t *ret,
		struct err *e)
{
	uint64_t first, last = 0;
	int rc = 0;

	for (uint32_t i = s->chunks.nr; i > from && !rc; i--)
		rc = chunk_span(s, env, i - 1, &first, &last, e);
	if (rc > 0)
		*ret = clock_convert(&s->conv, last);
	return rc;
}

int stream_span(const struct stream *s, struct stream_env *env, uint64_t *first, uint64_t *last,
		struct err *e)
{
	uint64_t start = 0, end = 0;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->chunks.nr && !rc; i++)
		rc = chunk_span(s, env, i, &start, &end, e);
	if (rc <= 0)
		return rc;
	*first = clock_convert(&s->conv, start);
	*last = clock_convert(&s->conv, end);
	rc = stream_last(s, env, i, last, e);
	return rc < 0 ? rc : 1;
}
