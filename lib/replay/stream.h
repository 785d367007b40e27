/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One CPU of one buffer of one file as records in the file's order. */
#ifndef TRACECMD_REPLAY_STREAM_H
#define TRACECMD_REPLAY_STREAM_H

#include "clock/clock.h"
#include "replay.h"

/* What the streams of a replay share. */
struct stream_env {
	const struct notices *notices;
	struct codec_ctx codec;
	bool want_entries;
	uint64_t damage;		/* sub-buffers and chunks lost, wholly or in part */
};

/* A place in a stream and the record there. */
struct stream_pos {
	uint32_t chunk;			/* the next one to load */
	uint32_t off, len;		/* next page in the loaded chunk, and its bytes */
	uint8_t half;			/* which buffer holds the loaded chunk */
	bool in_page;
	bool page_start;		/* no record of this page yet */
	uint64_t lost;			/* before the next record ... */
	bool lost_told;			/* ... as damage, by a notice */
	struct ring_page page;
	struct replay_record rec;	/* rec.page is &page of the same struct */
};

struct stream {
	struct dat_reader *reader;
	unsigned cpu_index;		/* in its buffer's table */
	uint32_t page_size;
	struct ring_abi abi;
	struct clock_conv conv;
	struct dat_chunks chunks;
	struct stream_pos cur;
	/* what follows cur, found by peeking */
	struct stream_pos ahead;
	int ahead_rc;			/* of its reading: 1, 0, -errno */
	bool has_ahead;
	bool ended;			/* cur is past the last record */
	/* ahead uses the one that cur does not when it crosses a chunk's end */
	struct { uint8_t *data; size_t cap; } half[2];
};

/* Where it belongs; the rest comes with stream_load. */
void stream_init(struct stream *s, struct dat_reader *r, unsigned file, unsigned buffer,
		 unsigned cpu_index);
void stream_release(struct stream *s);
/* Reads the chunk table, once. Before anything below. */
int stream_load(struct stream *s, const struct ring_abi *abi, struct err *e);
/* Moves cur to the next record: 1, 0 at the end, -errno (no memory). */
int stream_next(struct stream *s, struct stream_env *env, struct err *e);
/* Finds the record behind cur, at s->ahead: 1, 0, -errno. cur stays valid. */
int stream_peek(struct stream *s, struct stream_env *env, struct err *e);
/* Converted times of the first and last data record, without touching cur: 1, 0, -errno. */
int stream_span(struct stream *s, struct stream_env *env, uint64_t *first, uint64_t *last,
		struct err *e);
/* Damage of a stream, told up to a limit and counted. */
void stream_tell_damage(const struct stream *s, struct stream_env *env, const char *text);
/* What is wrong with a page, @at bytes from its start, @page_off bytes into its chunk. */
void stream_page_defect(const struct dat_chunk *c, uint32_t page_off, const struct ring_page *page,
			uint32_t at, char *text, size_t size);

#endif
