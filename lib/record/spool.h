/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spool: one CPU's recording on its way into a trace.dat; a file of chunks
 * that describe themselves. It is valid at every moment: whatever reached the
 * disk can be read without anything else having survived. `restore` reads
 * spools that a recording left behind.
 *
 * Layout. A spool is a run of chunks, each beginning at a multiple of 16:
 *
 *   offset size  field
 *        0    8  magic "TCspool\n"
 *        8    2  version of this layout: 1
 *       10    2  kind: 1 INFO, 2 DATA
 *       12    4  flags: bit 0: the sub-buffers are big endian;
 *                bit 1: their commit word has 4 bytes, not 8
 *       16    4  cpu
 *       20    4  page size: bytes of a sub-buffer, a power of two
 *       24    8  sequence number in the CPU's stream; INFO: of the DATA chunk
 *                that follows
 *       32    8  DATA: time at the head of the first sub-buffer
 *       40    8  DATA: time of the last event
 *       48    8  codec's name ("zstd"), zero-filled; all zero: stored raw
 *       56    4  csize: bytes of the payload in the file
 *       60    4  usize: bytes of the payload decompressed
 *       64    8  session: a random number all spools of one recording share
 *       72    8  check: XXH3_64bits_withSeed(payload, csize,
 *                XXH3_64bits(bytes 0..71)), both as in xxHash 0.8
 *       80    -  payload, then zeros up to the next multiple of 16
 *
 * All integers are little endian; the sub-buffers inside are as the kernel
 * made them. The payload of DATA is whole sub-buffers of one CPU in order,
 * never compressed together with another chunk's. The payload of INFO, which
 * begins every file, is never compressed: strings "key=value", each ended by
 * a NUL. Keys: instance (missing: the top level), clock (the word of
 * trace_clock), cpus (of the machine, decimal), spools (the CPUs of the
 * buffer that have spools, ascending, as "0-3,6"), buffers (each instance of
 * the recording that has any, with '/' behind its name: "/one/"), uname, tracecmd (version), boot
 * (the kernel's boot_id), codec (of chunks, unless they are stored raw).
 * Unknown keys are skipped.
 *
 * Sequence numbers of DATA begin at 0 and rise by one. With a size limit two
 * files (PATH and PATH.1) are used in turn, so a file may begin at a higher
 * number, and PATH may hold the later or the earlier part. A recording that is cut
 * goes on in PATH.2, PATH.3 and so on, each without limit; those before disappear once
 * what they hold is in a file, or is not wanted any more.
 *
 * While the output is made chunks at the end of a file may have moved there already; PATH.moved
 * (PATH.1.moved ...) tells where they are (moved.h).
 */
#ifndef TRACECMD_SPOOL_H
#define TRACECMD_SPOOL_H

#include "base/base.h"
#include "dat/codec.h"

#define SPOOL_MAGIC "TCspool\n"
#define SPOOL_VERSION 1
#define SPOOL_HEADER 80u		/* bytes in front of a payload */
#define SPOOL_ALIGN 16u
#define SPOOL_USIZE_MAX (64u << 20)	/* largest payload, decompressed */

/* What the INFO chunk says. Strings may be NULL where they are unknown. */
struct spool_info {
	uint64_t session;
	uint32_t cpu;
	uint32_t page_size;
	bool big_endian;
	unsigned long_size;		/* 4 or 8 */
	const char *instance;		/* "" or NULL: the top level */
	const char *clock;
	const char *uname;
	const char *version;
	const char *boot;		/* the kernel's boot_id */
	const char *codec;		/* reading: the word of the INFO chunk */
	uint32_t cpus;			/* 0: unknown */
	const char *spools;		/* the buffer's CPUs that have spools: "0-3,6" */
	const char *buffers;		/* the recording's instances that have: "/one/" */
	bool described;			/* reading: the INFO chunk was there */
};

/* A DATA chunk, where it is. */
struct spool_chunk {
	int fd;				/* where it is; not the caller's to close */
	uint64_t offset;		/* of the payload in that file */
	uint32_t csize, usize;
	bool raw;			/* writing: not compressed, though the spool has a codec */
	uint64_t seq;
	uint64_t first_ts, last_ts;	/* of the first sub-buffer's head, of the last event */
	union {
		uint64_t missing;	/* reading: chunks that should be before it and are not */
		uint64_t check;		/* writing: the header's */
	};
};

/* ---- writing ------------------------------------------------------------ */

struct spool;

/*
 * Creates @path (an existing file is replaced) and writes its INFO chunk.
 * @codec: of the chunks that will be appended; NULL: raw. @limit: bytes on
 * disk that the two files together should not exceed, the older half being
 * dropped; 0: no limit, one file. 0 or -errno.
 */
int spool_create(const char *path, const struct spool_info *info, const struct codec *codec,
		 uint64_t limit, struct spool **ret, struct err *e);

/*
 * Creates @path for a spool that goes on where @before will end, with what that has in
 * common (not its limit: one file). Nothing is written before spool_follow. 0 or -errno.
 */
int spool_create_next(const char *path, const struct spool *before, struct spool **ret,
		      struct err *e);
/* @before has ended: writes the INFO chunk of @s, which goes on with the sequence numbers. 0 or
 * -errno. */
int spool_follow(struct spool *s, const struct spool *before, struct err *e);

/*
 * Appends a DATA chunk and gives it the next sequence number. @frame: the
 * payload is at @frame + SPOOL_HEADER; the header and the padding are filled
 * in here, so the memory must reach to SPOOL_ALIGN - 1 bytes behind the
 * payload. After a failed write the file is cut back to its last whole chunk.
 * Not for several threads at once. 0 or -errno (-ENOSPC: the disk is full).
 */
int spool_append(struct spool *s, uint8_t *frame, uint32_t csize, uint32_t usize,
		 uint64_t first_ts, uint64_t last_ts, struct err *e);

/* The same with a payload that is not compressed, whatever the spool's codec is. */
int spool_append_raw(struct spool *s, uint8_t *frame, uint32_t size, uint64_t first_ts,
		     uint64_t last_ts, struct err *e);

/* Waits until what was appended is on the disk; from any thread. 0, -errno. */
int spool_sync(const struct spool *s, struct err *e);

/* The chunks kept, in order; views that live until the next append. */
size_t spool_nr_chunks(const struct spool *s);
const struct spool_chunk *spool_chunk(const struct spool *s, size_t i);
uint64_t spool_disk_bytes(const struct spool *s);	/* of both files */
uint64_t spool_dropped(const struct spool *s);		/* bytes given up for the limit */
const char *spool_path(const struct spool *s);
/* Whether somebody has removed its file; one that was moved is not. */
bool spool_is_removed(const struct spool *s);

/* Calls @fn with each file that spool_close would remove. */
void spool_each_file(const struct spool *s, void (*fn)(void *ctx, const char *path), void *ctx);
/* Closes; with @unlink_files the files are removed, those that hold what was moved out of them
 * (but for the output) too. NULL is fine. */
void spool_close(struct spool *s, bool unlink_files);

/* ---- moving ------------------------------------------------------------- */

/* Where chunks move: the output while it is written, and its name once it is complete. */
struct spool_target {
	const char *path;
	const char *then;		/* in the same directory */
	bool sync;			/* what is noted has to be on the disk, too */
};

/* Where a chunk lies now. */
struct spool_place {
	size_t chunk;			/* its number */
	uint64_t offset;		/* of the payload in the target */
	uint32_t csize;			/* its bytes there */
	bool packed;			/* it was raw, and is compressed there: */
	uint64_t check;			/* spool_packed_check() */
};

/* Of a raw chunk's payload, compressed by the spool's codec. */
uint64_t spool_packed_check(const struct spool *s, size_t i, const void *payload, uint32_t csize);
/*
 * From now on chunks move from the end of @s into the target, nothing is appended any longer.
 * Whether that can be: not while somebody reads the spool, or where its journal cannot be
 * written. To be asked before each spool_move; only the first time does something.
 */
bool spool_move_begin(struct spool *s, const struct spool_target *to);
/*
 * The chunks of @v, ascending and without gaps, are in the target, which has its name, and
 * which is on the disk where that is asked for: notes it and gives their room back. They must be
 * the last that are left; where that is not so, or something fails, the spool keeps its room
 * from here on.
 */
void spool_move(struct spool *s, const struct spool_place *v, size_t nr);
/* Whether there may be chunks that only the target has. */
bool spool_has_moved(const struct spool *s);

/*
 * Where raw chunks are too many to be compressed in memory, all behind the first of them move
 * into a file beside the spool: begin; for runs of them from the last one on spool_stash each
 * chunk (@p: number, csize and what else is known), then settle the run, after which
 * spool_chunk tells where they are now; end. The spool is not given back after that. 0, -errno.
 */
int spool_stash_begin(struct spool *s, bool sync, struct err *e);
int spool_stash(struct spool *s, struct spool_place *p, const void *payload, struct err *e);
int spool_stash_settle(struct spool *s, const struct spool_place *v, size_t nr, struct err *e);
void spool_stash_end(struct spool *s);

/* ---- reading ------------------------------------------------------------ */

/* Whether @end can follow a spool's PATH in the name of a file of it: "", ".1", ".2" ... */
bool spool_is_suffix(const char *end);
/*
 * Takes "BASE.cpuN" (or "BASE.cpuN.1" ...) apart: true and N, and the length of
 * BASE; false if the name is of another kind.
 */
bool spool_name_parse(const char *path, uint32_t *ret_cpu, size_t *ret_len);

struct spool_reader;
struct spool_moved;

/*
 * Has the spool @fd left as it is while it is open: waits for who is giving its room back. Fails
 * silently where files cannot be locked.
 */
void spool_hold(int fd);

/*
 * Looks for what was moved out of the spool @path: *ret, or NULL if there is nothing. What cannot
 * be used is told as a notice. 0, -errno.
 */
int spool_moved_open(const char *path, const struct notices *notices, struct spool_moved **ret,
		     struct err *e);
/* The file it was moved to; of NULL, NULL. */
const char *spool_moved_name(const struct spool_moved *m);
void spool_moved_close(struct spool_moved *m);	/* NULL is fine */
/* Whether the file is a spool's journal or stash, and no spool. */
bool spool_moved_probe(int fd);

/* Whether there is a chunk's magic in the first MiB: a spool, if perhaps with
 * a damaged beginning. */
bool spool_probe(int fd);

/*
 * Opens a spool file, with what was moved out of it (NULL: nothing). @fd and @moved stay the
 * caller's and must live longer. Damage is told through @notices (NULL: nobody listens), each
 * piece with its offset. -EBADMSG if there is no whole chunk in it.
 */
int spool_reader_open(int fd, const char *name, const struct spool_moved *moved,
		      const struct notices *notices, struct spool_reader **ret, struct err *e);
void spool_reader_close(struct spool_reader *r);
/* Strings live as long as the reader. Without an INFO chunk only what chunk headers tell. */
const struct spool_info *spool_reader_info(const struct spool_reader *r);
/* The codec of the chunk returned last; NULL: raw. */
const struct codec *spool_reader_codec(const struct spool_reader *r);

/*
 * The next whole DATA chunk, its check verified, and its payload (a view
 * until the next call). Damaged stretches are skipped; chunks that are missing are
 * counted, and told where no damage told of them. 1, 0 at the end, -errno if the
 * file cannot be read.
 */
int spool_reader_next(struct spool_reader *r, struct spool_chunk *ret, const uint8_t **ret_payload,
		      struct err *e);
/* The file that the chunk returned last is in, and where it begins there (moved: its payload). */
const char *spool_reader_place(const struct spool_reader *r, uint64_t *ret_offset);
/* Before the first chunk is read: the sequence number it should have, as another file's end
 * tells; without that it is the one of the INFO chunk. */
void spool_reader_expect(struct spool_reader *r, uint64_t seq);
/* Bytes skipped so far because they were no whole chunk. */
uint64_t spool_reader_damage(const struct spool_reader *r);

#endif
