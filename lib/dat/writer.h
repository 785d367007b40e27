/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writer's inside.
 *
 *  writer.c        header, blocks, options, strings, finishing
 *  writer_data.c   buffers and the data of CPUs
 *  sink.c          bytes into the file, moved from another one too
 *  pieces.c        a file that refers to others instead
 */
#ifndef TRACECMD_DAT_WRITER_H
#define TRACECMD_DAT_WRITER_H

#include <inttypes.h>

#include "dat/dat.h"
#include "dat/format.h"

/* ---- sink.c ---- */

/* A file that grows at its end and is patched behind it. */
struct dat_sink {
	int fd;				/* -1: pieces */
	struct dat_pieces *pieces;
	uint64_t pos;			/* its end */
	bool no_move;			/* copy_file_range does not work here */
};
int dat_sink_put(struct dat_sink *s, const void *data, size_t len);
int dat_sink_patch(struct dat_sink *s, uint64_t offset, const void *data, size_t len);
/* Zeros up to the next multiple of @size. */
int dat_sink_align(struct dat_sink *s, uint32_t size);
/* @len bytes of @src at @off. -ENODATA if they are not there. */
int dat_sink_move(struct dat_sink *s, int src, uint64_t off, size_t len);

/* ---- pieces.c: 0 or -errno ---- */

int dat_pieces_put(struct dat_pieces *p, const void *data, size_t len);
int dat_pieces_patch(struct dat_pieces *p, uint64_t off, const void *data, size_t len);
/* @len bytes of @fd at @off, which are not looked at now. */
int dat_pieces_refer(struct dat_pieces *p, int fd, uint64_t off, size_t len);

/* ---- the writer ---- */

struct plan {				/* v6: a buffer named in the options */
	char *name;
	uint64_t patch;			/* where its offset goes; 0 once it is written */
};

struct cpu_out {
	uint32_t cpu;
	uint64_t offset, size;
};

struct dat_writer {
	char *name;
	struct dat_writer_opts opts;
	struct dat_sink sink;
	struct err failure;		/* of the first call that failed */
	struct codec_ctx ctx;

	struct buf blocks[6];		/* v6: HEADER_INFO .. CMDLINES until they are written */
	struct buf options;		/* queued, encoded */
	struct buf strings;		/* v7 */
	uint64_t link;			/* v7: where the next OPTIONS section's offset goes */
	uint32_t cpu_count;
	char clock[32];			/* word of the TRACECLOCK option */
	bool has_clock_option;
	bool front_done;		/* everything before the buffers is written */
	bool top_done;			/* v6: the top-level table is written */
	VEC(struct plan) plans;

	/* the buffer being written */
	bool in_buffer, in_cpu;
	char *buf_name, *buf_clock;
	uint32_t page_size;
	uint64_t buf_start;		/* v7: section header; v6: tag */
	VEC(struct cpu_out) cpus;
	uint64_t cpu_start;
	uint32_t nr_chunks;
	struct buf pending;		/* pages not yet compressed */
	struct buf packed;
};

/* Files @code with its words as the writer's failure. Returns @code. */
int dat_writer_fail(struct dat_writer *w, struct err *e, int code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The failure of an earlier call: non-zero and told to @e. */
int dat_writer_failed(const struct dat_writer *w, struct err *e);
/* Result of a write to the sink. */
int dat_writer_io(struct dat_writer *w, int r, struct err *e);
int dat_writer_put(struct dat_writer *w, const void *data, size_t len, struct err *e);
int dat_writer_patch(struct dat_writer *w, uint64_t offset, const void *data, size_t len,
		     struct err *e);
int dat_writer_put_buf(struct dat_writer *w, struct buf *b, struct err *e);

/* Compresses into w->packed, with the sizes in front (as sections and chunks have). */
int dat_writer_pack(struct dat_writer *w, const void *data, size_t len, struct err *e);
/* v7: a section header; remembers its description. */
int dat_writer_section(struct dat_writer *w, unsigned id, unsigned flags, const char *desc,
		       uint64_t size, struct err *e);
/* v7: an OPTIONS section of what is queued, linked from the one before. */
int dat_writer_options(struct dat_writer *w, struct err *e);
/* v7: a metadata section whose body, as the file has it, is in @src at @off. */
int dat_writer_block_moved(struct dat_writer *w, enum dat_id id, int src, uint64_t off,
			   uint64_t size, struct err *e);
/* Everything that comes before the first buffer. */
int dat_writer_front(struct dat_writer *w, struct err *e);

#endif
