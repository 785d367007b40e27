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
 * trace_clock), cpus (of the machine, decimal), uname, tracecmd (version), boot
 * (the kernel's boot_id), codec (of chunks, unless they are stored raw).
 * Unknown keys are skipped.
 *
 * Sequence numbers of DATA begin at 0 and rise by one. With a size limit two
 * files (PATH and PATH.1) are used in turn, so a file may begin at a higher
 * number, and PATH may hold the later or the earlier part. A recording that is cut
 * goes on in PATH.2, PATH.3 and so on, each without limit; those before disappear once
 * what they hold is in a file, or is not wanted any more.
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
	bool described;			/* reading: the INFO chunk was there */
};

/* A DATA chunk, where it is. */
struct spool_chunk {
	int fd;				/* the spool's; not the caller's to close */
	uint64_t offset;		/* of the payload in that file */
	uint32_t csize, usize;
	bool raw;			/* writing: not compressed, though the spool has a codec */
	uint64_t seq;
	uint64_t first_ts, last_ts;	/* of the first sub-buffer's head, of the last event */
	uint64_t missing;		/* reading: chunks that should be before it and are not */
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
uint64_t spool_dropped(const struct spool *s);		/* chunks given up for the limit */
const char *spool_path(const struct spool *s);

/* Closes; with @unlink_files the files are removed. NULL is fine. */
void spool_close(struct spool *s, bool unlink_files);

/* ---- reading ------------------------------------------------------------ */

/* Whether @end can follow a spool's PATH in the name of a file of it: "", ".1", ".2" ... */
bool spool_is_suffix(const char *end);
/*
 * Takes "BASE.cpuN" (or "BASE.cpuN.1" ...) apart: true and N, and the length of
 * BASE; false if the name is of another kind.
 */
bool spool_name_parse(const char *path, uint32_t *ret_cpu, size_t *ret_len);

struct spool_reader;

/* Whether there is a chunk's magic in the first MiB: a spool, if perhaps with
 * a damaged beginning. */
bool spool_probe(int fd);

/*
 * Opens a spool file. @fd stays the caller's and must live longer. Damage is
 * told through @notices (NULL: nobody listens), each piece with its offset.
 * -EBADMSG if there is no whole chunk in it.
 */
int spool_reader_open(int fd, const char *name, const struct notices *notices,
		      struct spool_reader **ret, struct err *e);
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
/* Before the first chunk is read: the sequence number it should have, as another file's end
 * tells; without that it is the one of the INFO chunk. */
void spool_reader_expect(struct spool_reader *r, uint64_t seq);
/* Bytes skipped so far because they were no whole chunk. */
uint64_t spool_reader_damage(const struct spool_reader *r);

#endif
