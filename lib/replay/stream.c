// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ahead.h"

void stream_init(struct stream *s, struct dat_reader *r, unsigned file, unsigned buffer,
		 unsigned cpu_index)
{
	const struct dat_buffer *b = dat_reader_buffer(r, buffer);

	*s = (struct stream) {
		.reader = r, .file = file, .buffer = buffer, .cpu_index = cpu_index,
		.cpu = b->cpus[cpu_index].cpu, .page_size = b->page_size,
	};
}

/* In front of a table of many chunks: the first events are there before it is read. */
#define HEAD_CHUNKS 8

void stream_release(struct stream *s)
{
	if (s->table != TABLE_WHOLE)
		free((void *)s->chunks.v);
	s->chunks = (struct dat_chunks){ 0 };
	s->table = TABLE_NONE;
}

int stream_load_head(struct stream *s, const struct ring_abi *abi, struct err *e)
{
	int rc = dat_reader_chunks_head(s->reader, s->buffer, s->cpu_index, HEAD_CHUNKS, &s->chunks, e);

	s->abi = *abi;
	if (rc >= 0)
		s->table = rc ? TABLE_WHOLE : TABLE_HEAD;
	return rc;
}

int stream_load(struct stream *s, const struct ring_abi *abi, struct err *e)
{
	stream_release(s);
	s->abi = *abi;
	s->table = TABLE_WHOLE;
	return dat_reader_chunks(s->reader, s->buffer, s->cpu_index, &s->chunks, e);
}

void stream_cur_init(struct stream_cur *c, const struct stream *s, uint32_t nr)
{
	*c = (struct stream_cur) { .s = s };
	c->cur.rec = (struct replay_record) {
		.file = s->file, .buffer = s->buffer, .cpu = s->cpu, .stream = nr,
		.page = &c->cur.page, .state = &c->state,
	};
}

void stream_cur_release(struct stream_cur *c)
{
	cache_put(c->half[0]);
	cache_put(c->half[1]);
}

static void tell(const struct stream *s, struct stream_env *env, bool damage, const char *what)
{
	const char *name = dat_reader_buffer(s->reader, s->buffer)->name;
	AUTO_BUF struct buf text = { 0 };

	buf_printf(&text, "'%s': %s%s%sCPU %u: %s", dat_reader_name(s->reader),
		   *name ? "buffer '" : "", name, *name ? "', " : "", s->cpu, what);
	env->tell(env->tell_ctx, damage, text.failed ? "damaged data" : text.data);
}

void stream_tell_damage(const struct stream *s, struct stream_env *env, const char *text)
{
	if (env->silent)
		return;
	if (env->told >= DAMAGE_TOLD_MAX) {
		env->tell(env->tell_ctx, true, NULL);
		return;
	}
	env->told++;
	tell(s, env, true, text);
}

/* Something is unreadable: says so, and that events are missing there. */
static void damaged(struct stream_cur *c, struct stream_pos *pos, struct stream_env *env,
		    const char *fmt, ...) PRINTF_LIKE(4, 5);
static void damaged(struct stream_cur *c, struct stream_pos *pos, struct stream_env *env,
		    const char *fmt, ...)
{
	AUTO_BUF struct buf text = { 0 };
	va_list ap;

	pos->lost = RING_LOST_UNKNOWN;
	pos->lost_told = true;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	stream_tell_damage(c->s, env, text.failed ? "damaged data" : text.data);
}

/* A loss that no record follows would otherwise be silent. */
static void lost_at_end(struct stream_cur *c, struct stream_pos *pos, struct stream_env *env)
{
	char text[64] = "events were lost behind the last one";

	if (!pos->lost || pos->lost_told || env->silent)
		return;
	if (pos->lost != RING_LOST_UNKNOWN)
		snprintf(text, sizeof(text), "%" PRIu64 " events were lost behind the last one",
			 pos->lost);
	tell(c->s, env, false, text);
}

static const struct dat_chunk *loaded_chunk(const struct stream_cur *c,
					    const struct stream_pos *pos)
{
	return &c->s->chunks.v[pos->chunk - 1];
}

/* Where in the file a page is, in words. */
static const char *page_place(const struct dat_chunk *c, uint32_t page_off, char text[96])
{
	if (c->csize == c->usize)
		snprintf(text, 96, "sub-buffer at offset 0x%" PRIx64, c->offset + page_off);
	else
		snprintf(text, 96, "chunk at offset 0x%" PRIx64 ", sub-buffer at byte %u of it",
			 c->offset, page_off);
	return text;
}

void stream_page_defect(const struct dat_chunk *c, uint32_t page_off, const struct ring_page *page,
			uint32_t at, char *text, size_t size)
{
	char place[96];

	snprintf(text, size, "%s: %s (at byte %u)", page_place(c, page_off, place),
		 ring_bad_text(page->bad), at);
}

bool stream_leaves_range(const struct stream *s, const struct stream_env *env, uint64_t reached,
			 uint64_t stamp)
{
	const struct time_range *r = env->range;
	uint64_t before, now;

	if (stamp >= reached || (!r->has_from && !r->has_to))
		return false;
	before = clock_convert(&s->conv, reached);
	now = clock_convert(&s->conv, stamp);
	return (r->has_from && before >= r->from && now < r->from) ||
	       (r->has_to && before >= r->to && now < r->to);
}

static void tell_order(const struct stream *s, struct stream_env *env, const struct dat_chunk *c,
		       uint32_t page, const char *whose, uint64_t reached, uint64_t stamp)
{
	char place[96], text[320];

	snprintf(text, sizeof(text), "%s: %s time stamp, %" PRIu64 ", is less than %" PRIu64
		 ", which was reached before it: events of the range of time may be missing",
		 page_place(c, page, place), whose, stamp, reached);
	stream_tell_damage(s, env, text);
}

void stream_tell_order(const struct stream *s, struct stream_env *env, const struct dat_chunk *c,
		       uint32_t page, uint64_t reached, uint64_t stamp)
{
	tell_order(s, env, c, page, "its", reached, stamp);
}

static void tell_step(const struct stream *s, struct stream_env *env, const struct dat_chunk *c,
		      uint32_t page, uint64_t reached, uint64_t stamp)
{
	if (stream_leaves_range(s, env, reached, stamp))
		tell_order(s, env, c, page, "an event's", reached, stamp);
}

void stream_tell_steps(const struct stream *s, struct stream_env *env, const struct dat_chunk *c,
		       uint32_t off, const struct ring_page *page, uint64_t reached)
{
	struct ring_page rest = *page;
	struct ring_event ev;

	while (ring_page_next(&rest, &ev) > 0) {
		tell_step(s, env, c, off, reached, ev.ts);
		reached = ev.ts;
	}
}

/* The page at hand has a defect at @at bytes from its start. */
static void page_damaged(struct stream_cur *c, struct stream_pos *pos, struct stream_env *env,
			 uint32_t page_off, uint32_t at)
{
	char text[160];

	stream_page_defect(loaded_chunk(c, pos), page_off, &pos->page, at, text, sizeof(text));
	damaged(c, pos, env, "%s", text);
}

int stream_load_chunk(struct stream_cur *c, struct stream_env *env, uint32_t i, unsigned half,
		      struct err *why)
{
	const struct chunk_source from = {
		.reader = c->s->reader, .buffer = c->s->buffer, .stream = c->cur.rec.stream, .chunk = i,
		.where = &c->s->chunks.v[i], .codec = &env->codec,
		.keep = dat_reader_buffer(c->s->reader, c->s->buffer)->compressed,
	};

	if (c->half[half] && c->half[half]->chunk == i)
		return 1;
	cache_put(c->half[half]);
	c->half[half] = NULL;
	return cache_get(env->cache, &from, &c->half[half], why);
}

/* Brings the next chunk into @half: 1, 0 if there is none, -ENOMEM. A chunk
 * that cannot be read leaves the position without bytes. */
static int next_chunk(struct stream_cur *c, struct stream_pos *pos, unsigned half,
		      struct stream_env *env, struct err *e)
{
	struct err why = { 0 };
	int rc;

	pos->off = pos->len = 0;
	if (pos->chunk >= c->s->chunks.nr && c->s->table == TABLE_HEAD) {
		rc = env->complete(env->complete_ctx, e);
		if (rc)
			return rc;
	}
	if (pos->chunk >= c->s->chunks.nr)
		return 0;
	rc = stream_load_chunk(c, env, pos->chunk, half, &why);
	if (rc < 0)
		return err_set(e, rc, "%s", why.text);
	pos->chunk++;
	pos->half = half;
	if (env->ahead)
		ahead_want(env->ahead, c->s, c->cur.rec.stream, pos->chunk);
	if (rc)
		pos->len = loaded_chunk(c, pos)->usize;
	else
		damaged(c, pos, env, "%s", why.text);
	return 1;
}

static bool next_page(struct stream_cur *c, struct stream_pos *pos, struct stream_env *env)
{
	uint32_t off = pos->off, have = pos->len - off;

	if (!have)
		return false;
	if (have > c->s->page_size)
		have = c->s->page_size;
	pos->off += have;
	if (ring_page_open_cut(&pos->page, &c->s->abi, c->half[pos->half]->data + off, have,
			       c->s->page_size)) {
		page_damaged(c, pos, env, off, 0);
		return true;
	}
	if (pos->has_reached && pos->page.end > pos->page.header &&
	    stream_leaves_range(c->s, env, pos->reached, pos->page.page_ts))
		stream_tell_order(c->s, env, loaded_chunk(c, pos), off, pos->reached,
				  pos->page.page_ts);
	pos->lost = stream_add_loss(pos->lost, pos->page.lost);
	pos->page_start = true;
	pos->in_page = true;
	return true;
}

/* The record behind @pos's is in the same page, at @ts, and not a short one, or the first of a page: whether time goes on. */
static void check_step(struct stream_cur *c, const struct stream_pos *pos, struct stream_env *env,
		       uint64_t ts)
{
	uint32_t off = pos->page.data - c->half[pos->half]->data;
	uint64_t reached = pos->rec.raw_ts;

	if (pos->page_start && !pos->has_reached)
		return;
	if (pos->page_start)
		reached = stream_before_page(pos->reached, &pos->page);
	tell_step(c->s, env, loaded_chunk(c, pos), off, reached, ts);
}

/* Moves on to the next record: 1, 0, -ENOMEM. Chunks are loaded into @half. */
static int advance(struct stream_cur *c, struct stream_pos *pos, unsigned half,
		   struct stream_env *env, struct err *e)
{
	struct replay_record *rec = &pos->rec;
	struct ring_event entry;
	int rc;

	for (;;) {
		if (!pos->in_page) {
			if (next_page(c, pos, env))
				continue;
			rc = next_chunk(c, pos, half, env, e);
			if (rc > 0)
				continue;
			if (!rc)
				lost_at_end(c, pos, env);
			return rc;
		}
		rc = env->want_entries ? ring_page_next_entry(&pos->page, &entry) :
		     ring_page_next(&pos->page, &entry);
		if (rc > 0)
			break;
		pos->in_page = false;
		pos->has_reached |= pos->page.end > pos->page.header;
		if (pos->page.end > pos->page.header)
			pos->reached = pos->page.now;
		if (rc < 0)
			page_damaged(c, pos, env, pos->page.data - c->half[pos->half]->data,
				     pos->page.pos);
	}
	if (env->range->has_from || env->range->has_to)
		check_step(c, pos, env, entry.ts);
	rec->raw_ts = entry.ts;
	rec->ts = clock_convert(&c->s->conv, rec->raw_ts);
	rec->data = entry.data;
	rec->len = entry.len;
	rec->lost = pos->lost;
	rec->page_start = pos->page_start;
	rec->first_entry = entry.offset == pos->page.header;
	rec->long_entry = rec->data == pos->page.data + entry.offset + 8;
	if (env->want_entries)
		rec->entry = entry;
	pos->lost = 0;
	pos->lost_told = false;
	pos->page_start = false;
	return 1;
}

int stream_next_slow(struct stream_cur *c, struct stream_env *env, struct err *e)
{
	int rc;

	if (c->has_ahead) {
		c->has_ahead = false;
		rc = c->ahead_rc;
		if (rc) {
			c->cur = c->ahead;
			c->cur.rec.page = &c->cur.page;
		}
	} else {
		rc = advance(c, &c->cur, c->cur.half, env, e);
	}
	c->ended = !rc;
	c->quick = rc > 0 && !env->want_entries;
	return rc;
}

uint32_t stream_pass_on(struct stream_cur *c, uint64_t limit)
{
	struct replay_record *rec = &c->cur.rec;
	struct ring_page page = c->cur.page;
	uint64_t ts = rec->ts, now = page.now, next_ts;
	const void *data = rec->data, *next;
	uint32_t len = rec->len, pos = page.pos, next_len, passed = 0;

	while (ts < limit && !stream_wants(c, data)) {
		if (!ring_page_next_short(&page, &next, &next_len))
			break;
		next_ts = clock_convert(&c->s->conv, page.now);
		if (next_ts < ts)
			break;
		pos = page.pos;
		now = page.now;
		ts = next_ts;
		data = next;
		len = next_len;
		passed++;
	}
	if (!passed)
		return 0;
	c->cur.page.pos = pos;
	c->cur.page.now = now;
	rec->data = data;
	rec->len = len;
	rec->raw_ts = now;
	rec->ts = ts;
	rec->page_start = rec->first_entry = rec->long_entry = false;
	return passed;
}

/* The common case: in the page at hand. */
static bool peek_quick(struct stream_cur *c)
{
	struct ring_page p = c->cur.page;
	struct replay_record *rec = &c->ahead.rec;
	const void *data;
	uint32_t len;

	if (!c->quick || !ring_page_next_short(&p, &data, &len))
		return false;
	*rec = c->cur.rec;
	rec->data = data;
	rec->len = len;
	rec->raw_ts = p.now;
	rec->ts = clock_convert(&c->s->conv, p.now);
	rec->lost = 0;
	rec->page_start = rec->first_entry = rec->long_entry = false;
	return true;
}

int stream_peek(struct stream_cur *c, struct stream_env *env, struct err *e)
{
	if (!c->has_ahead) {
		if (peek_quick(c))
			return 1;
		c->ahead = c->cur;
		c->ahead.rec.page = &c->ahead.page;
		c->ahead_rc = advance(c, &c->ahead, !c->cur.half, env, e);
		c->has_ahead = c->ahead_rc >= 0;
		c->quick = false;
	}
	return c->ahead_rc;
}

int stream_tell_start(struct stream_cur *c, struct stream_env *env, struct err *e)
{
	int rc;

	if (!c->cur.rec.lost && !c->cur.lost)
		return !c->ended;
	rc = stream_goto_page(c, env, 0, 0, e);
	return rc ? rc : stream_next(c, env, e);
}

/* ---- places ---- */

void stream_place_get(const struct stream_cur *c, struct stream_place *ret)
{
	const struct stream_pos *pos = &c->cur;

	*ret = (struct stream_place) { .ended = c->ended, .chunk = pos->chunk, .state = c->state };
	if (c->ended || !pos->chunk)
		return;
	ret->page = pos->page.data - c->half[pos->half]->data;
	ret->next = pos->page.pos;
	ret->lost = pos->rec.lost;
	ret->page_start = pos->rec.page_start;
	ret->first_entry = pos->rec.first_entry;
}

int stream_goto_page(struct stream_cur *c, struct stream_env *env, uint32_t i, uint32_t page,
		     struct err *e)
{
	struct stream_pos *pos = &c->cur;
	struct err why = { 0 };
	int rc;

	/* a chunk that cannot be read is damage when it is met */
	if (!page)
		rc = 0;
	else if ((rc = stream_load_chunk(c, env, i, pos->half, &why)) < 0)
		return err_set(e, rc, "%s", why.text);
	c->has_ahead = c->quick = c->ended = false;
	pos->in_page = pos->page_start = pos->lost_told = pos->has_reached = false;
	pos->lost = 0;
	pos->chunk = rc ? i + 1 : i;
	pos->off = rc ? page : 0;
	pos->len = rc ? c->s->chunks.v[i].usize : 0;
	return 0;
}

int stream_place_set(struct stream_cur *c, struct stream_env *env, const struct stream_place *p,
		     struct err *e)
{
	bool silent = env->silent;
	int rc;

	rc = stream_goto_page(c, env, p->chunk ? p->chunk - 1 : 0, p->page, e);
	if (rc)
		return rc;
	c->state = p->state;
	c->ended = p->ended;
	if (p->ended || !p->chunk)
		return 0;
	env->silent = true;
	do
		rc = stream_next(c, env, e);
	while (rc > 0 && c->cur.page.pos < p->next);
	env->silent = silent;
	if (rc < 0)
		return rc;
	c->cur.rec.lost = p->lost;
	c->cur.rec.page_start = p->page_start;
	c->cur.rec.first_entry = p->first_entry;
	return 0;
}
