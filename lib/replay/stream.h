/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One CPU of one buffer of one file as records in the file's order. */
#ifndef TRACECMD_REPLAY_STREAM_H
#define TRACECMD_REPLAY_STREAM_H

#include "cache.h"
#include "clock/clock.h"
#include "replay.h"

#define DAMAGE_TOLD_MAX 50	/* notices about damage; the rest is only counted */

/* How much of the chunk table is loaded; what is not whole is in memory of our own. */
enum stream_table {
	TABLE_NONE,
	TABLE_HEAD,			/* the first chunks */
	TABLE_STRETCH,			/* those for a range of time, behind which nothing is asked */
	TABLE_WHOLE,
};

/* Of converted times; @to is the first that is not in it. */
struct time_range { bool has_from, has_to; uint64_t from, to; };

/* What is known of it and stays while it is read, by any number of cursors. */
struct stream {
	struct dat_reader *reader;
	unsigned file, buffer;
	unsigned cpu_index;		/* in its buffer's table */
	uint32_t cpu, page_size;
	struct ring_abi abi;
	struct clock_conv conv;
	struct dat_chunks chunks;
	enum stream_table table;	/* which those are */
};

/* What the streams of one cursor share. */
struct stream_env {
	/* Hears of damage (each once, @text NULL past DAMAGE_TOLD_MAX) and, @damage false,
	 * of other things worth a notice. */
	void (*tell)(void *ctx, bool damage, const char *text);
	void *tell_ctx;
	/* A partial table is at its end: loads all. 0 or -errno. */
	int (*complete)(void *ctx, struct err *e);
	void *complete_ctx;
	struct codec_ctx codec;
	/* What is asked for. Where time steps back over one of its ends, from one sub-buffer to
	 * the next or from one event to the next, that is damage: events of it may be elsewhere. */
	const struct time_range *range;
	struct chunk_cache *cache;
	struct ahead *ahead;		/* makes the chunks that are next; NULL: nobody does */
	bool want_entries;
	bool silent;			/* tell nothing: another one does */
	unsigned told;			/* texts about damage */
};

/* A place in a stream and the record there. */
struct stream_pos {
	uint32_t chunk;			/* the next one to load */
	uint32_t off, len;		/* next page in the loaded chunk, and its bytes */
	uint8_t half;			/* which buffer holds the loaded chunk */
	bool in_page;
	bool page_start;		/* no record of this page yet */
	bool has_reached;
	uint64_t reached;		/* the time at which the page before ended */
	uint64_t lost;			/* before the next record ... */
	bool lost_told;			/* ... as damage, by a notice */
	struct ring_page page;
	struct replay_record rec;	/* rec.page is &page of the same struct */
};

#define STREAM_MET 64

/* One reader of a stream. */
struct stream_cur {
	const struct stream *s;
	const uint8_t *ids;		/* see stream_pass; NULL: all are wanted */
	uint64_t state;			/* of whoever prints the records */
	bool ended;			/* cur is past the last record */
	bool quick;			/* the next record may be a short one of cur's page */
	bool has_ahead;
	int ahead_rc;			/* of its reading: 1, 0, -errno */
	struct stream_pos cur;
	/* what follows cur, found by peeking */
	struct stream_pos ahead;
	/* ahead uses the one that cur does not when it crosses a chunk's end */
	struct cached_chunk *half[2];
	/* times of chunks' starts that seeking met, by the chunk's number + 1 */
	struct { uint32_t chunk; uint64_t ts; } met[STREAM_MET];
};

/* Numbers of lost events together: unknown if one of them is, or if they are too many. */
static inline uint64_t stream_add_loss(uint64_t a, uint64_t b)
{
	return a > RING_LOST_UNKNOWN - b ? RING_LOST_UNKNOWN : a + b;
}

/* Where it belongs; the rest comes with stream_load. */
void stream_init(struct stream *s, struct dat_reader *r, unsigned file, unsigned buffer,
		 unsigned cpu_index);
/* Reads the chunk table, once. Before any cursor is made, or after stream_load_head
 * while one thread reads the stream. */
int stream_load(struct stream *s, const struct ring_abi *abi, struct err *e);
/* Reads its beginning: 0, 1 if that is all, -errno. */
int stream_load_head(struct stream *s, const struct ring_abi *abi, struct err *e);
void stream_release(struct stream *s);

/* At the stream's start, in front of the first record. @nr: the stream's number. */
void stream_cur_init(struct stream_cur *c, const struct stream *s, uint32_t nr);
void stream_cur_release(struct stream_cur *c);
/* At the first record, which was found silently: tells what is damaged in front of it.
 * As stream_next. */
int stream_tell_start(struct stream_cur *c, struct stream_env *env, struct err *e);
/* stream_next for all but the common case. */
int stream_next_slow(struct stream_cur *c, struct stream_env *env, struct err *e);
/* Moves cur to the next record: 1, 0 at the end, -errno (no memory). */
static inline int stream_next(struct stream_cur *c, struct stream_env *env, struct err *e)
{
	struct replay_record *rec = &c->cur.rec;

	if (__builtin_expect(!c->quick ||
			     !ring_page_next_short(&c->cur.page, &rec->data, &rec->len), 0))
		return stream_next_slow(c, env, e);
	rec->raw_ts = c->cur.page.now;
	rec->ts = clock_convert(&c->s->conv, rec->raw_ts);
	rec->lost = 0;
	rec->page_start = rec->first_entry = rec->long_entry = false;
	return 1;
}
/* stream_pass for a record that may be passed over. */
uint32_t stream_pass_on(struct stream_cur *c, uint64_t limit);
static inline bool stream_wants(const struct stream_cur *c, const void *data)
{
	return __atomic_load_n(&c->ids[get_u16(data, c->cur.page.abi.big_endian)], __ATOMIC_RELAXED);
}
/*
 * As long as cur is not wanted (c->ids tells of each event id whether it may be), is in
 * front of @limit, and neither state nor a loss hangs on it: moves to the record behind
 * it, if that is a short one of the same page and not earlier, so that a merge gives the
 * other records in the same order as ever. Returns how many were passed over.
 */
static inline uint32_t stream_pass(struct stream_cur *c, uint64_t limit)
{
	const struct replay_record *rec = &c->cur.rec;

	if (__builtin_expect(!c->ids, 1) || c->state || rec->lost || !c->quick || rec->len < 2 ||
	    stream_wants(c, rec->data))
		return 0;
	return stream_pass_on(c, limit);
}
/* Finds the record behind cur, at c->ahead.rec: 1, 0, -errno. cur stays valid. */
int stream_peek(struct stream_cur *c, struct stream_env *env, struct err *e);

/* ---- places ---- */

/* Where a record is, and all that following ones depend on: two cursors that
 * are at equal places go on alike. */
struct stream_place {
	bool ended;
	uint32_t chunk;			/* its number + 1; 0: in front of the first record */
	uint32_t page, next;		/* offset of the page in it, of the next entry in that */
	uint64_t lost;
	bool page_start, first_entry;
	uint64_t state;
};
void stream_place_get(const struct stream_cur *c, struct stream_place *ret);
static inline bool stream_place_equal(const struct stream_place *a, const struct stream_place *b)
{
	if (a->ended || b->ended)
		return a->ended && b->ended;
	return a->chunk == b->chunk && a->page == b->page && a->next == b->next &&
	       a->lost == b->lost && a->page_start == b->page_start &&
	       a->first_entry == b->first_entry && a->state == b->state;
}
/* Goes to a place that stream_place_get gave: 0 or -ENOMEM. Tells no damage. */
int stream_place_set(struct stream_cur *c, struct stream_env *env, const struct stream_place *p,
		     struct err *e);

/* ---- seeking (seek.c); all of it assumes that time does not step back ---- */

/*
 * Goes to the record that is @before (at most STREAM_BEFORE_MAX) records in front
 * of the first one at or after @ts (converted), or to a later one where those are
 * not close by. 1 and the record at c->cur; 0 if the stream has none at or after
 * @ts; -EAGAIN if time steps back too much to tell; -ENOMEM. Of damage it tells what
 * lies between the first one at or after @ts, or the end, and the record before: there
 * records at or after @ts may have been.
 */
#define STREAM_BEFORE_MAX 3
int stream_seek(struct stream_cur *c, struct stream_env *env, uint64_t ts, unsigned before,
		struct err *e);
/* Position, in the stream's uncompressed bytes, of the sub-buffer that stream_seek would
 * begin with. 0 or -ENOMEM. cur is lost: seek before the next record. */
int stream_find(struct stream_cur *c, struct stream_env *env, uint64_t ts, uint64_t *ret,
		struct err *e);
/* The chunk that holds byte @at of the uncompressed bytes, of which there are more. */
uint32_t stream_chunk_at(const struct stream *s, uint64_t at);
/* Converted time stamp of the sub-buffer at @at of the uncompressed bytes. 1, 0 if it
 * cannot be read or there is none, -ENOMEM. cur is lost, too. */
int stream_time_at(struct stream_cur *c, struct stream_env *env, uint64_t at, uint64_t *ret,
		   struct err *e);
/* Converted time of the last data record in the chunks from @from on: 1, 0, -errno. */
int stream_last(const struct stream *s, struct stream_env *env, uint32_t from, uint64_t *ret,
		struct err *e);
/* Converted times of the first and last data record: 1, 0, -errno. */
int stream_span(const struct stream *s, struct stream_env *env, uint64_t *first, uint64_t *last,
		struct err *e);
/* cur is at the first record at or after the end of the range: tells if time steps back to
 * before it in the rest of the sub-buffer or from there to the next one. 0 or -ENOMEM; cur stays, nothing is read behind it. */
int stream_tell_end(struct stream_cur *c, struct stream_env *env, struct err *e);
/* The same of the sub-buffer behind the one at offset @page of chunk @i, in which @raw_ts
 * was reached. */
int stream_tell_behind(struct stream_cur *c, struct stream_env *env, uint32_t i, uint32_t page,
		       uint64_t raw_ts, struct err *e);
/* Whether time steps back over an end of the range between @reached and @stamp, of the file. */
bool stream_leaves_range(const struct stream *s, const struct stream_env *env, uint64_t reached,
			 uint64_t stamp);
/* Tells that it does, in the sub-buffer at offset @page of @c. */
void stream_tell_order(const struct stream *s, struct stream_env *env, const struct dat_chunk *c,
		       uint32_t page, uint64_t reached, uint64_t stamp);
/* Tells where events of a page step back over an end of the range. @page stands in front of the first one to look at, at
 * offset @off of @c; @reached: the time before that. */
void stream_tell_steps(const struct stream *s, struct stream_env *env, const struct dat_chunk *c,
		       uint32_t off, const struct ring_page *page, uint64_t reached);
/* What counts as the time before a page's first event, where the page in front ended at @reached: if the page's
 * own stamp steps back, that was told. */
static inline uint64_t stream_before_page(uint64_t reached, const struct ring_page *page)
{
	return page->page_ts < reached ? page->page_ts : reached;
}
/* Damage of a stream, told up to a limit and counted. */
void stream_tell_damage(const struct stream *s, struct stream_env *env, const char *text);
/* What is wrong with a page, @at bytes from its start, @page_off bytes into its chunk. */
void stream_page_defect(const struct dat_chunk *c, uint32_t page_off, const struct ring_page *page,
			uint32_t at, char *text, size_t size);

/* ---- for seek.c ---- */

/* Brings chunk @i into @half: 1, 0 if it cannot be read (@why), -ENOMEM. */
int stream_load_chunk(struct stream_cur *c, struct stream_env *env, uint32_t i, unsigned half,
		      struct err *why);
/* Puts cur in front of the page at offset @page of chunk @i, as if nothing was
 * lost before. 0 or -ENOMEM. */
int stream_goto_page(struct stream_cur *c, struct stream_env *env, uint32_t i, uint32_t page,
		     struct err *e);

#endif
