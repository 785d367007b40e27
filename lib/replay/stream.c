// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stream.h"

#define DAMAGE_TOLD_MAX 50	/* notices about damage; the rest is only counted */

void stream_init(struct stream *s, struct dat_reader *r, unsigned file, unsigned buffer,
		 unsigned cpu_index)
{
	const struct dat_buffer *b = dat_reader_buffer(r, buffer);

	*s = (struct stream) {
		.reader = r, .cpu_index = cpu_index, .page_size = b->page_size, .ended = true,
	};
	s->cur.rec.file = file;
	s->cur.rec.buffer = buffer;
	s->cur.rec.cpu = b->cpus[cpu_index].cpu;
}

void stream_release(struct stream *s)
{
	free(s->half[0].data);
	free(s->half[1].data);
}

int stream_load(struct stream *s, const struct ring_abi *abi, struct err *e)
{
	s->abi = *abi;
	return dat_reader_chunks(s->reader, s->cur.rec.buffer, s->cpu_index, &s->chunks, e);
}

static uint64_t add_loss(uint64_t a, uint64_t b)
{
	return a > RING_LOST_UNKNOWN - b ? RING_LOST_UNKNOWN : a + b;
}

static void tell(const struct stream *s, struct stream_env *env, const char *text)
{
	const char *name = dat_reader_buffer(s->reader, s->cur.rec.buffer)->name;

	notice(env->notices, "'%s': %s%s%sCPU %u: %s", dat_reader_name(s->reader),
	       *name ? "buffer '" : "", name, *name ? "', " : "", s->cur.rec.cpu, text);
}

void stream_tell_damage(const struct stream *s, struct stream_env *env, const char *text)
{
	char last[ERR_TEXT_MAX];

	env->damage++;
	if (env->damage == DAMAGE_TOLD_MAX) {
		snprintf(last, sizeof(last), "%s; further damage is counted only", text);
		text = last;
	}
	if (env->damage <= DAMAGE_TOLD_MAX)
		tell(s, env, text);
}

/* Something is unreadable: says so, and that events are missing there. */
static void damaged(struct stream *s, struct stream_pos *pos, struct stream_env *env,
		    const char *fmt, ...) PRINTF_LIKE(4, 5);
static void damaged(struct stream *s, struct stream_pos *pos, struct stream_env *env,
		    const char *fmt, ...)
{
	AUTO_BUF struct buf text = { 0 };
	va_list ap;

	pos->lost = RING_LOST_UNKNOWN;
	pos->lost_told = true;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	stream_tell_damage(s, env, text.failed ? "damaged data" : text.data);
}

/* A loss that no record follows would otherwise be silent. */
static void lost_at_end(struct stream *s, struct stream_pos *pos, struct stream_env *env)
{
	char text[64] = "events were lost behind the last one";

	if (!pos->lost || pos->lost_told)
		return;
	if (pos->lost != RING_LOST_UNKNOWN)
		snprintf(text, sizeof(text), "%" PRIu64 " events were lost behind the last one",
			 pos->lost);
	tell(s, env, text);
}

static const struct dat_chunk *loaded_chunk(const struct stream *s, const struct stream_pos *pos)
{
	return &s->chunks.v[pos->chunk - 1];
}

void stream_page_defect(const struct dat_chunk *c, uint32_t page_off, const struct ring_page *page,
			uint32_t at, char *text, size_t size)
{
	if (c->csize == c->usize)
		snprintf(text, size, "sub-buffer at offset 0x%" PRIx64 ": %s (at byte %u)",
			 c->offset + page_off, ring_bad_text(page->bad), at);
	else
		snprintf(text, size, "chunk at offset 0x%" PRIx64 ", sub-buffer at byte %u of it: "
			 "%s (at byte %u)", c->offset, page_off, ring_bad_text(page->bad), at);
}

/* The page at hand has a defect at @at bytes from its start. */
static void page_damaged(struct stream *s, struct stream_pos *pos, struct stream_env *env,
			 uint32_t page_off, uint32_t at)
{
	char text[160];

	stream_page_defect(loaded_chunk(s, pos), page_off, &pos->page, at, text, sizeof(text));
	damaged(s, pos, env, "%s", text);
}

static int half_reserve(struct stream *s, unsigned half, uint32_t len, struct err *e)
{
	uint8_t *data;

	if (len <= s->half[half].cap)
		return 0;
	data = realloc(s->half[half].data, len);
	if (!data)
		return err_errno(e, -ENOMEM, "cannot hold a chunk of %u bytes of CPU %u", len,
				 s->cur.rec.cpu);
	s->half[half].data = data;
	s->half[half].cap = len;
	return 0;
}

/* Brings the next chunk into @half: 1, 0 if there is none, -ENOMEM. A chunk
 * that cannot be read leaves the position without bytes. */
static int next_chunk(struct stream *s, struct stream_pos *pos, unsigned half,
		      struct stream_env *env, struct err *e)
{
	const struct dat_chunk *c;
	struct err why = { 0 };
	int rc;

	pos->off = pos->len = 0;
	if (pos->chunk == s->chunks.nr)
		return 0;
	c = &s->chunks.v[pos->chunk];
	rc = half_reserve(s, half, c->usize, e);
	if (rc)
		return rc;
	pos->chunk++;
	pos->half = half;
	rc = dat_chunk_read(s->reader, pos->rec.buffer, c, &env->codec, s->half[half].data, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s", why.text);
	if (rc)
		damaged(s, pos, env, "%s", why.text);
	else
		pos->len = c->usize;
	return 1;
}

static bool next_page(struct stream *s, struct stream_pos *pos, struct stream_env *env)
{
	uint32_t off = pos->off, have = pos->len - off;

	if (!have)
		return false;
	if (have > s->page_size)
		have = s->page_size;
	pos->off += have;
	if (ring_page_open_cut(&pos->page, &s->abi, s->half[pos->half].data + off, have,
			       s->page_size)) {
		page_damaged(s, pos, env, off, 0);
		return true;
	}
	pos->lost = add_loss(pos->lost, pos->page.lost);
	pos->page_start = true;
	pos->in_page = true;
	return true;
}

/* Moves on to the next record: 1, 0, -ENOMEM. Chunks are loaded into @half. */
static int advance(struct stream *s, struct stream_pos *pos, unsigned half,
		   struct stream_env *env, struct err *e)
{
	struct replay_record *rec = &pos->rec;
	int rc;

	for (;;) {
		if (!pos->in_page) {
			if (next_page(s, pos, env))
				continue;
			rc = next_chunk(s, pos, half, env, e);
			if (rc > 0)
				continue;
			if (!rc)
				lost_at_end(s, pos, env);
			return rc;
		}
		rc = env->want_entries ? ring_page_next_entry(&pos->page, &rec->entry) :
		     ring_page_next(&pos->page, &rec->entry);
		if (rc > 0)
			break;
		pos->in_page = false;
		if (rc < 0)
			page_damaged(s, pos, env, pos->page.data - s->half[pos->half].data,
				     pos->page.pos);
	}
	rec->raw_ts = rec->entry.ts;
	rec->ts = clock_convert(&s->conv, rec->raw_ts);
	rec->data = rec->entry.data;
	rec->len = rec->entry.len;
	rec->lost = pos->lost;
	rec->page_start = pos->page_start;
	rec->first_entry = rec->entry.offset == pos->page.header;
	rec->page = &pos->page;
	pos->lost = 0;
	pos->lost_told = false;
	pos->page_start = false;
	return 1;
}

int stream_next(struct stream *s, struct stream_env *env, struct err *e)
{
	int rc;

	if (s->has_ahead) {
		s->has_ahead = false;
		if (!s->ahead_rc)
			s->ended = true;
		if (s->ended)
			return 0;
		s->cur = s->ahead;
		s->cur.rec.page = &s->cur.page;
		return 1;
	}
	rc = advance(s, &s->cur, s->cur.half, env, e);
	s->ended = !rc;
	return rc;
}

int stream_peek(struct stream *s, struct stream_env *env, struct err *e)
{
	if (!s->has_ahead) {
		s->ahead = s->cur;
		s->ahead_rc = advance(s, &s->ahead, !s->cur.half, env, e);
		s->has_ahead = s->ahead_rc >= 0;
	}
	return s->ahead_rc;
}

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
static int chunk_span(struct stream *s, struct stream_env *env, uint32_t i, uint64_t *first,
		      uint64_t *last, struct err *e)
{
	const struct dat_chunk *c = &s->chunks.v[i];
	AUTO_FREE uint8_t *data = malloc(c->usize);
	struct err why = { 0 };
	int rc;

	if (!data)
		return err_errno(e, -ENOMEM, "cannot hold a chunk of %u bytes", c->usize);
	rc = dat_chunk_read(s->reader, s->cur.rec.buffer, c, &env->codec, data, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s", why.text);
	return rc ? 0 : bytes_span(s, data, c->usize, first, last);
}

int stream_span(struct stream *s, struct stream_env *env, uint64_t *first, uint64_t *last,
		struct err *e)
{
	uint64_t start = 0, end = 0;
	uint32_t i, k;
	int rc = 0;

	for (i = 0; i < s->chunks.nr && !rc; i++)
		rc = chunk_span(s, env, i, &start, &end, e);
	if (rc <= 0)
		return rc;
	rc = 0;
	for (k = s->chunks.nr; k > i && !rc; k--) {
		uint64_t unused;

		rc = chunk_span(s, env, k - 1, &unused, &end, e);
	}
	if (rc < 0)
		return rc;
	*first = clock_convert(&s->conv, start);
	*last = clock_convert(&s->conv, end);
	return 1;
}
