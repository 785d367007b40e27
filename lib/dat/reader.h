/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader's inside, shared by the files of this room that read.
 *
 *  source.c    bytes of a descriptor or of memory: the only access to the file
 *  reader.c    opening, the initial header, accessors
 *  sections.c  version 7: the run of sections, their bodies, string table
 *  v6.c        version 6: the sequence of parts
 *  options.c   the options chain, and what the options say
 *  shift.c     the options with arrays: TIME_SHIFT, TIME_SYNC and GUEST
 *  buffers.c   BUFFER options and CPU tables
 *  chunks.c    chunk tables and chunks
 *  blocks.c    metadata blocks and their parts
 *  append.c    options for a finished file
 */
#ifndef TRACECMD_DAT_READER_H
#define TRACECMD_DAT_READER_H

#include <inttypes.h>

#include "dat/dat.h"
#include "dat/format.h"

#define DAT_SECTION_KNOWN_FLAGS DAT_SECTION_COMPRESSED

/* More than this in memory at once is no metadata. */
#define DAT_BLOCK_MAX (1u << 30)
#define DAT_OPTIONS_MAX (64u << 20)
#define DAT_STRINGS_MAX (64u << 20)
#define DAT_CHUNK_MAX (64u << 20)
/*
 * What grows more than this when decompressed is a trap. Metadata grow to 20 times their
 * size, but formats of alike events to a thousand times and more: where they are large. Sub-buffers of an
 * idle machine grow to some hundred times.
 */
#define DAT_BLOCK_RATIO_MAX 1024
#define DAT_CHUNK_RATIO_MAX 512
/* An instance is a folder of tracefs. */
#define DAT_NAME_MAX 255
/* Smaller ones are not worth a look at the ratio. */
#define DAT_BLOCK_SMALL (64u << 20)
#define DAT_CHUNK_SMALL_PAGES 64
#define DAT_CHUNK_SMALL (64u << 10)	/* of text */

/* ---- source.c ---- */

struct dat_source {
	int fd;				/* -1: memory, or pieces */
	const uint8_t *mem;
	struct dat_pieces *pieces;	/* owned; NULL: there are none */
	uint64_t size;
};
int dat_source_open(struct dat_source *s, int fd, struct err *e);
/* Stateless, so safe from several threads. -ENODATA past the end. */
int dat_source_read(const struct dat_source *s, void *dst, size_t len, uint64_t off,
		    struct err *e);

/* ---- pieces.c ---- */

/* Stateless. -ENODATA past the end, -errno. */
int dat_pieces_read(const struct dat_pieces *p, void *dst, size_t len, uint64_t off);

/* ---- the reader ---- */

struct section {
	struct dat_section pub;
	bool cut;			/* pub.size was clipped at the end of file */
	bool visited;			/* OPTIONS: read already */
	bool claimed;			/* BUFFER, BUFFER_TEXT: an option names it */
};

struct block {
	uint8_t *data;			/* NULL: not loaded */
	uint64_t len, base;
};

struct area {				/* one CPU's, beside its dat_cpu */
	uint64_t limit;			/* the table or data end here at the latest */
	bool loaded;
	struct dat_chunks chunks;
};

struct buffer {
	struct dat_buffer pub;
	uint64_t option;		/* file offset of what names it, for messages */
	struct dat_cpu *cpus;
	struct area *areas;
};

struct dat_reader {
	char *name;
	struct dat_source src;
	struct notices notices;
	unsigned told;			/* notices so far */
	struct dat_header header;
	uint64_t header_end;
	uint64_t options_link;		/* v7: where the 0 is that ends their chain; 0: it does not end so */
	bool metadata_only;		/* v6: nothing behind the metadata counts */

	bool cut;
	uint64_t cut_at;

	VEC(struct section) sections;	/* ascending by offset */
	uint64_t walk_end;		/* where the walk over sections ended */
	uint64_t refs[DAT_ID_COUNT];	/* section offset by id; 0: none */
	struct block blocks[DAT_ID_COUNT];
	struct buf strings;
	bool strings_loaded;

	VEC(struct dat_option) options;
	VEC(void *) owned;		/* memory that options point into */
	struct dat_info info;
	struct buf cpustat;

	VEC(struct buffer) buffers;
	struct codec_ctx ctx;
};

/* Tells of a tolerated defect; of endless ones only the first (reader.c). */
void dat_notice(struct dat_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Where the file ends too early; the first place told wins. */
void dat_set_cut(struct dat_reader *r, uint64_t offset);
/* Memory that lives as long as the reader. NULL: no memory. */
void *dat_own(struct dat_reader *r, void *p);
int dat_no_memory(struct err *e);

/* ---- sections.c ---- */

int dat_sections_walk(struct dat_reader *r, struct err *e);
/* The section whose header is at @offset. 1, 0: there is none, -errno. */
int dat_section_at(struct dat_reader *r, uint64_t offset, struct section **ret, struct err *e);
/* Whether a section header at @offset would not fit into the file. */
static inline bool dat_past_end(const struct dat_reader *r, uint64_t offset)
{
	return offset > r->src.size || r->src.size - offset < DAT_SECTION_HEADER;
}
/* A metadata section's decompressed body, to be freed. @max: cap on its length. */
int dat_section_body(struct dat_reader *r, const struct section *s, uint64_t max,
		     struct block *ret, struct err *e);
/* Adds one that the walk did not meet. 1, 0: it overlaps another, -ENOMEM. */
int dat_section_insert(struct dat_reader *r, const struct section *s, struct err *e);

/* ---- v6.c ---- */

int dat_v6_parts(struct dat_reader *r, struct err *e);

/* ---- options.c, shift.c ---- */

int dat_options_chain(struct dat_reader *r, struct err *e);
/* Adds one option and applies it to the info. */
int dat_option_add(struct dat_reader *r, const struct dat_option *o, struct err *e);
/* Each: 0, or -EBADMSG after a notice when the payload is malformed, -ENOMEM. */
int dat_option_time_shift(struct dat_reader *r, const struct dat_option *o);
int dat_option_time_sync(struct dat_reader *r, const struct dat_option *o);
int dat_option_guest(struct dat_reader *r, const struct dat_option *o);
struct cur dat_option_cur(const struct dat_reader *r, const struct dat_option *o);

/* ---- buffers.c ---- */

bool dat_page_size_ok(uint32_t size);
int dat_buffer_option(struct dat_reader *r, const struct dat_option *o, struct err *e);
int dat_buffer_text_option(struct dat_reader *r, const struct dat_option *o, struct err *e);
int dat_buffer_text_add(struct dat_reader *r, const char *name, const char *clock,
			uint64_t offset, uint64_t size, bool compressed, struct err *e);
/* Takes over @cpus (malloc'ed); checks and sorts them. [lo, hi) holds the areas. */
int dat_buffer_add(struct dat_reader *r, const struct buffer *model, struct dat_cpu *cpus,
		   uint32_t nr, uint64_t lo, uint64_t hi, struct err *e);
/* Top level to the front; areas of different buffers must not overlap. */
int dat_buffers_finish(struct dat_reader *r, struct err *e);
void dat_buffers_release(struct dat_reader *r);

/* ---- chunks.c ---- */

/*
 * Where the chunk table at @offset ends, @limit at the latest. 1; 0 when it is
 * broken, and *ret_end then the end of what is right (@offset if nothing); -errno.
 */
int dat_table_end(struct dat_reader *r, uint64_t offset, uint64_t limit, uint32_t page_size,
		  uint64_t *ret_end, struct err *e);

/* ---- salvage.c ---- */

/* Buffers whose options are lost. */
int dat_salvage(struct dat_reader *r, struct err *e);

/* ---- blocks.c ---- */

/*
 * Walks the formats of FTRACE_EVENTS or EVENT_FORMATS. 0, what a function
 * returned if not 0, or -EBADMSG.
 */
int dat_formats_walk(struct cur *c, enum dat_id id, const struct dat_format_fns *fns, void *ctx,
		     struct err *e);
/*
 * A block all of whose parts lie inside it; *ret ends where they end, and *ret_rest
 * bytes are behind them. As dat_reader_block; -EBADMSG where a part is damaged.
 */
int dat_block_whole(struct dat_reader *r, enum dat_id id, struct cur *ret, uint64_t *ret_rest,
		    struct err *e);

#endif
