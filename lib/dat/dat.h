/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dat: the trace.dat format, versions 6 and 7; reader and writer.
 * The layout is told in Documentation/tracecmd.dat.5; section numbers of
 * messages and comments mean that page.
 *
 * The reader validates what it hands out: every offset, size and count it
 * returns lies inside the file and does not overlap what it must not. It
 * decompresses and parses only what is asked for. All functions are safe on
 * hostile files. A reader may be used from several threads at once for
 * dat_chunk_read with separate codec_ctx; everything else is for one thread.
 */
#ifndef TRACECMD_DAT_H
#define TRACECMD_DAT_H

#include "base/base.h"
#include "dat/codec.h"

enum dat_id {			/* ids of options and sections */
	DAT_DONE = 0, DAT_DATE = 1, DAT_CPUSTAT = 2, DAT_BUFFER = 3, DAT_TRACECLOCK = 4,
	DAT_UNAME = 5, DAT_HOOK = 6, DAT_OFFSET = 7, DAT_CPUCOUNT = 8, DAT_VERSION = 9,
	DAT_PROCMAPS = 10, DAT_TRACEID = 11, DAT_TIME_SHIFT = 12, DAT_GUEST = 13,
	DAT_TSC2NSEC = 14, DAT_STRINGS = 15, DAT_HEADER_INFO = 16, DAT_FTRACE_EVENTS = 17,
	DAT_EVENT_FORMATS = 18, DAT_KALLSYMS = 19, DAT_PRINTK = 20, DAT_CMDLINES = 21,
	DAT_BUFFER_TEXT = 22, DAT_BTF_FILE = 23, DAT_LAST_BOOT_INFO = 24,
	DAT_MODULES_FILE = 25,
	DAT_ID_COUNT,
	DAT_TIME_SYNC = 0x7463,	/* ours ("tc"), which others pass over */
};
const char *dat_id_name(unsigned id);		/* "CMDLINES"; NULL if unknown */
/* The word in brackets of a trace_clock text of @len bytes into @dst of @size;
 * "" if there is none or it is too long. */
void dat_clock_word(const char *text, size_t len, char *dst, size_t size);
/* Whether both words are of one clock: "tsc2nsec" is "x86-tsc" with a TSC2NSEC option. */
bool dat_clock_is_same(const char *a, const char *b);

#define DAT_MAGIC "\x17\x08\x44tracing"	/* a file's first bytes */
#define DAT_MAGIC_LEN 10
#define DAT_CPUS_MAX 65536			/* cpu ids are below this */
#define DAT_PAGE_MIN 256u		/* sub-buffer sizes, powers of two; the kernel's */
#define DAT_PAGE_MAX (1u << 20)		/* counters of bytes in one have 20 bits */

/* ---- reading ------------------------------------------------------------ */

struct dat_header {
	unsigned version;			/* 6 or 7 */
	bool big_endian;
	unsigned long_size;			/* recorder's user space long: 4 or 8 */
	uint32_t page_size;			/* of the top-level buffer */
	char codec_name[64], codec_version[64];	/* v7; "none" and "" in v6 */
	const struct codec *codec;		/* NULL: none */
	uint64_t options_offset;		/* v7: first OPTIONS section */
};

struct dat_section {				/* v7; for v6 the parts, id as in v7, flags 0 */
	uint16_t id, flags;
	int32_t desc;				/* string id, -1: none */
	uint64_t offset;			/* of the section header (v6: of the part) */
	uint64_t body, size;			/* body's file offset and size in the file */
};
#define DAT_SECTION_COMPRESSED 1

struct dat_option {
	uint16_t id;
	uint32_t size;
	uint64_t offset;			/* file offset of the payload */
	const uint8_t *data;			/* lives as long as the reader */
};

struct dat_cpu {				/* one CPU's area of a buffer */
	uint32_t cpu;
	uint64_t offset, size;			/* in the file; size 0: no data */
};

/* BUFFER or BUFFER_TEXT. The top-level buffer, if there, is number 0 with name "". */
struct dat_buffer {
	const char *name;
	const char *clock;			/* "" if unknown (v6 instances) */
	uint32_t page_size;
	bool compressed;			/* areas are chunk tables */
	bool text;				/* latency tracer's text, no CPUs */
	uint64_t text_offset, text_size;	/* if text: body in the file */
	uint32_t nr_cpus;			/* entries below, ascending by cpu */
	const struct dat_cpu *cpus;
};

struct dat_tsc2nsec { bool present; uint32_t mult, shift; uint64_t offset; };
struct dat_shift_sample { int64_t time, offset, scaling; uint64_t fraction; };
struct dat_shift_cpu { uint32_t nr; struct dat_shift_sample *samples; };	/* sorted, nr >= 1 */
struct dat_time_shift {
	bool present;
	uint64_t peer_id;
	uint32_t flags;				/* bit 0: interpolate */
	uint32_t nr_cpus;
	struct dat_shift_cpu *cpus;
};
/* How good the samples of TIME_SHIFT are, each by its time. */
#define DAT_BOUND_UNKNOWN UINT64_MAX
struct dat_sync_sample {
	int64_t time;
	uint64_t bound;				/* the offset is off by no more, or DAT_BOUND_UNKNOWN */
	uint64_t round_trip;			/* of the fastest exchange; 0: there was none */
	uint32_t probes, rejected;		/* exchanges; those that contradict the others */
};
struct dat_sync_cpu { uint32_t nr; struct dat_sync_sample *samples; };
struct dat_time_sync {
	bool present;
	char protocol[16];
	uint32_t nr_cpus;
	struct dat_sync_cpu *cpus;
};
struct dat_guest {
	const char *name;
	uint64_t trace_id;
	uint32_t nr_vcpus;
	int32_t *host_pids;			/* by vcpu; -1: none */
};

/* In CPUSTAT, of a buffer that we recorded: why events of it are not there, in words. */
#define DAT_STAT_MISSING "missing: "

/* What the options say, in host order; strings live as long as the reader. */
struct dat_info {
	int64_t date_us;			/* sum of DATE options, microseconds */
	int64_t offset;				/* sum of OFFSET options, raw units */
	bool has_date, has_offset;
	const char *trace_clock;		/* text of trace_clock, or NULL */
	char clock[32];				/* the word in brackets; "" if unknown */
	const char *uname, *version;		/* or NULL */
	char *cpustat;				/* concatenated, or NULL */
	uint32_t cpu_count;			/* CPUCOUNT or v6 part 7; 0 if neither */
	uint64_t trace_id; bool has_trace_id;
	struct dat_tsc2nsec tsc2nsec;
	struct dat_time_shift time_shift;
	struct dat_time_sync time_sync;
	uint32_t nr_guests; struct dat_guest *guests;
};

struct dat_reader;

/*
 * Opens and checks header, section walk, options chain and buffer tables;
 * nothing is decompressed. @notices hears of tolerated defects (may be NULL).
 * Every refusal names the offset.
 * A file that is cut (a section or an area past the end of file) opens; then
 * dat_reader_cut is true, and what lies before the cut can be read.
 */
int dat_reader_open(const char *path, const struct notices *notices,
		    struct dat_reader **ret, struct err *e);
/* Same on a file descriptor (owned by the reader afterwards, also on failure). */
int dat_reader_open_fd(int fd, const char *name, const struct notices *notices,
		       struct dat_reader **ret, struct err *e);
/* On bytes in memory (for fuzzers and tests), which must outlive the reader. */
int dat_reader_open_memory(const void *data, size_t len, const struct notices *notices,
			   struct dat_reader **ret, struct err *e);
/*
 * On memory that holds the front of a version 6 file: its header and the metadata up to the task
 * names. What may lie behind is not looked at. @name is for messages; @data must outlive the reader.
 */
int dat_reader_open_metadata(const void *data, size_t len, const char *name,
			     const struct notices *notices, struct dat_reader **ret, struct err *e);
/* On a file laid out of pieces (below; owned by the reader afterwards, also on failure). */
struct dat_pieces;
int dat_reader_open_pieces(struct dat_pieces *p, const char *name, const struct notices *notices,
			   struct dat_reader **ret, struct err *e);
void dat_reader_close(struct dat_reader *r);

const char *dat_reader_name(const struct dat_reader *r);
uint64_t dat_reader_size(const struct dat_reader *r);
const struct dat_header *dat_reader_header(const struct dat_reader *r);
const struct dat_info *dat_reader_info(const struct dat_reader *r);
bool dat_reader_cut(const struct dat_reader *r, uint64_t *ret_offset);

unsigned dat_reader_nr_sections(const struct dat_reader *r);
const struct dat_section *dat_reader_section(const struct dat_reader *r, unsigned i);
/* Description of a section, NULL if there is none (decompresses STRINGS). */
const char *dat_reader_string(struct dat_reader *r, int32_t id);
unsigned dat_reader_nr_options(const struct dat_reader *r);
const struct dat_option *dat_reader_option(const struct dat_reader *r, unsigned i);	/* DONE left out */
unsigned dat_reader_nr_buffers(const struct dat_reader *r);
const struct dat_buffer *dat_reader_buffer(const struct dat_reader *r, unsigned i);

/*
 * The decompressed body of a metadata section the options refer to
 * (HEADER_INFO .. CMDLINES, BTF_FILE, MODULES_FILE), or the v6 part; a cursor
 * in file order, valid until the reader is closed. 1, 0 if the file has none, -errno.
 */
int dat_reader_block(struct dat_reader *r, enum dat_id id, struct cur *ret, struct err *e);

/* The parts of blocks (views; each valid until the reader is closed). */
struct dat_text { const char *data; uint64_t len; };	/* not NUL-terminated */
struct dat_header_info {
	struct dat_text page, event;
	unsigned kernel_long;			/* size of commit: 4 or 8 */
	/* data offset + size; 0 if unbelievable. What the file and its buffers say of
	 * page sizes is what holds, where they differ. */
	uint32_t sub_buffer_size;
};
int dat_reader_header_info(struct dat_reader *r, struct dat_header_info *ret, struct err *e);
/* Its two texts as they are, understood or not. 1, 0 if the file has none, -errno. */
int dat_reader_header_texts(struct dat_reader *r, struct dat_text *page, struct dat_text *event,
			    struct err *e);
/* Iterates FTRACE_EVENTS ("ftrace") and EVENT_FORMATS; stops if fn returns
 * non-zero and returns that. */
int dat_reader_formats(struct dat_reader *r,
		       int (*fn)(void *ctx, const char *system, struct dat_text format),
		       void *ctx, struct err *e);
/*
 * The systems of FTRACE_EVENTS (one) or EVENT_FORMATS: @on_system with each one's
 * name and number of formats, then @on_format with those; either may be NULL. 0 (also
 * if the file has no such block), what a function returned if not 0, -errno.
 */
struct dat_format_fns {
	int (*on_system)(void *ctx, const char *system, uint32_t formats);
	int (*on_format)(void *ctx, const char *system, struct dat_text format);
};
int dat_reader_systems(struct dat_reader *r, enum dat_id id, const struct dat_format_fns *fns,
		       void *ctx, struct err *e);
/* Text of KALLSYMS, PRINTK or CMDLINES without its count. 1, 0 if none, -errno. */
int dat_reader_text(struct dat_reader *r, enum dat_id id, struct dat_text *ret, struct err *e);

/*
 * One CPU's data as chunks of whole sub-buffers: the table of a compressed
 * area, or slices of an uncompressed one. Built at the first call for that
 * area (reads the chunk headers only), freed with the reader.
 */
struct dat_chunk {
	uint64_t offset;			/* of the data in the file */
	uint32_t csize, usize;			/* csize == usize if stored raw */
	uint64_t start;				/* position in the CPU's uncompressed stream */
};
struct dat_chunks {
	uint32_t nr;
	const struct dat_chunk *v;
	uint64_t total;				/* bytes uncompressed */
	/* File offset where the table is cut or damaged (told as a notice); what
	 * is before it is listed. 0: the table is whole. */
	uint64_t broken_at;
};
int dat_reader_chunks(struct dat_reader *r, unsigned buffer, unsigned cpu_index,
		      struct dat_chunks *ret, struct err *e);
/*
 * The first @max of these chunks, where reading all of a long table would take
 * time: 0, and ret->v is the caller's to free; 1 and what dat_reader_chunks gives
 * where that is no longer or known already; -errno.
 */
int dat_reader_chunks_head(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint32_t max,
			   struct dat_chunks *ret, struct err *e);
/*
 * For who needs but a stretch of a long compressed area. Both give 0 where that
 * cannot be had, also of a cut file: then all of the table is to be read.
 *
 * At most @max chunks, the first of which is at file offset @at (its header is).
 * 1, and ret->v is the caller's to free, their starts count from the first one; there
 * are fewer where the area ends. -errno.
 */
int dat_reader_chunks_at(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint64_t at,
			 uint32_t max, struct dat_chunks *ret, struct err *e);
/* Moves *at, which may point anywhere, on to where a chunk begins: the first one of
 * the area, or the first place from which heads and lengths of several chunks follow
 * from one another. 1; 0, and *at is somewhere behind; -errno. */
int dat_reader_chunk_near(struct dat_reader *r, unsigned buffer, unsigned cpu_index, uint64_t *at,
			  struct err *e);
/* Reads and decompresses one chunk into @dst (usize bytes). */
int dat_chunk_read(struct dat_reader *r, unsigned buffer, const struct dat_chunk *c,
		   struct codec_ctx *ctx, void *dst, struct err *e);
/* Reads @len raw bytes of the file (for copying). */
int dat_reader_pread(struct dat_reader *r, void *dst, size_t len, uint64_t offset, struct err *e);
/* The file descriptor for copy_file_range; -1 for memory and pieces. */
int dat_reader_fd(const struct dat_reader *r);
/* Appends a buffer's latency text, decompressed. 0, 1 where its rest is damaged
 * (told as a notice) and missing, -errno. */
int dat_reader_buffer_text(struct dat_reader *r, unsigned buffer, struct buf *out, struct err *e);

/* ---- writing ------------------------------------------------------------ */

struct dat_writer_opts {
	unsigned version;			/* 6 or 7; 0: 7 */
	const struct codec *codec;		/* NULL: none; must be NULL for 6 */
	bool big_endian;
	unsigned long_size;			/* 0: this machine's */
	uint32_t page_size;			/* of the top-level buffer */
	bool thorough;				/* metadata become smaller and take longer */
};

/*
 * Writes a file front to back, in this order: blocks (dat_writer_block),
 * options (dat_writer_option, any time before the first buffer; dat_writer
 * takes care of section references, CPUCOUNT excepted), buffers, finish.
 * Integers are in the file's order. For v6 the caller must tell all buffers
 * (dat_writer_plan_buffer) before the first dat_writer_buffer_begin, and all
 * six v6 blocks are written, empty ones included, in the format's order
 * whatever order they came in.
 * After an error every further call fails with the same error.
 */
struct dat_writer;
/* On an open descriptor (seekable, stays the caller's). */
int dat_writer_new(int fd, const char *name, const struct dat_writer_opts *opts,
		   struct dat_writer **ret, struct err *e);
/* The same into pieces, which stay the caller's: data that is moved is referred to. */
int dat_writer_new_pieces(struct dat_pieces *p, const char *name, const struct dat_writer_opts *opts,
			  struct dat_writer **ret, struct err *e);
void dat_writer_free(struct dat_writer *w);	/* without finishing */

/*
 * @data is the block's body as in section 3 of the format, counts included.
 * A block that dat_writer_keeps denies is left out, which is no failure.
 */
int dat_writer_block(struct dat_writer *w, enum dat_id id, const void *data, size_t len,
		     struct err *e);
/*
 * The block @id of another file, as it lies there if both have the same version, byte
 * order and codec. 1; 0: that file has none; -errno.
 */
int dat_writer_block_from(struct dat_writer *w, struct dat_reader *r, enum dat_id id,
			  struct err *e);
/* Version 6 has no BTF_FILE and MODULES_FILE, and trace-cmd refuses them in a
 * version 7 file without compression. */
bool dat_writer_keeps(const struct dat_writer *w, enum dat_id id);
int dat_writer_option(struct dat_writer *w, uint16_t id, const void *data, size_t len,
		      struct err *e);
/* CPUs of the machine: CPUCOUNT, and the size of v6 tables (which need it). */
int dat_writer_cpu_count(struct dat_writer *w, uint32_t cpus, struct err *e);
int dat_writer_plan_buffer(struct dat_writer *w, const char *name, struct err *e);

/* Top level ("") first. Then its CPUs with data in ascending order, then end. */
int dat_writer_buffer_begin(struct dat_writer *w, const char *name, const char *clock,
			    uint32_t page_size, struct err *e);
int dat_writer_cpu_begin(struct dat_writer *w, uint32_t cpu, struct err *e);
/* Whole sub-buffers, any number; compressed here if the file has a codec. (A
 * partial last one is kept as it is: a damaged input stays what it was.) */
int dat_writer_cpu_pages(struct dat_writer *w, const void *pages, size_t len, struct err *e);
/* Whole sub-buffers as one chunk of their own, compressed here if the file has a codec. */
int dat_writer_cpu_block(struct dat_writer *w, const void *pages, size_t len, struct err *e);
/* One finished chunk, already compressed by the file's codec (or raw: @usize
 * == @csize and codec none), moved from @src_fd at @src_off with copy_file_range. */
int dat_writer_cpu_chunk(struct dat_writer *w, int src_fd, off_t src_off, uint32_t csize,
			 uint32_t usize, struct err *e);
/* The same out of memory. */
int dat_writer_cpu_packed(struct dat_writer *w, const void *data, uint32_t csize, uint32_t usize,
			  struct err *e);
int dat_writer_cpu_end(struct dat_writer *w, struct err *e);
int dat_writer_buffer_end(struct dat_writer *w, struct err *e);
/* A latency tracer's text (v6: name must be ""). */
int dat_writer_buffer_text(struct dat_writer *w, const char *name, const char *clock,
			   const void *text, size_t len, struct err *e);
/* STRINGS, last links; fsync is the caller's. */
int dat_writer_finish(struct dat_writer *w, struct err *e);

/*
 * Copies everything of @r, and finishes: metadata, options (those that are not
 * known too), buffers. Events are copied byte for byte, chunks of the writer's
 * own codec without compressing them again. The writer must be fresh and have
 * the reader's byte order, long size and page size (dat_copy_opts).
 * Of a cut file what is there is copied. @notices hears what the new file has no
 * place for.
 * -EBADMSG where metadata do not lie inside their sections, a chunk table is damaged
 * or a chunk does not decompress; all is looked at, also what is only moved. What is
 * in the sub-buffers is not; @check sees each chunk for that before it is copied (NULL:
 * nobody does), and other than 0 ends the copy and is returned.
 */
struct dat_copy_check {
	int (*fn)(void *ctx, const struct dat_buffer *b, uint32_t cpu, const struct dat_chunk *c,
		  const void *data, struct err *e);
	void *ctx;
};
int dat_copy(struct dat_reader *r, struct dat_writer *w, const struct dat_copy_check *check,
	     const struct notices *notices, struct err *e);
/* The options for a writer that takes @r's data. */
struct dat_writer_opts dat_copy_opts(const struct dat_reader *r, unsigned version,
				     const struct codec *codec);

/*
 * Options for a finished file of version 7, in place. Opening looks whether that can be done, and keeps others of
 * this kind away; -EOPNOTSUPP, -EWOULDBLOCK, -EBADMSG, -errno. @data is in the file's byte order. Nothing is
 * changed before finish, which writes all or (told) nothing that is seen; it syncs.
 */
struct dat_append;
int dat_append_open(const char *path, struct dat_append **ret, struct err *e);
int dat_append_option(struct dat_append *a, uint16_t id, const struct buf *data, struct err *e);
int dat_append_finish(struct dat_append *a, struct err *e);
void dat_append_free(struct dat_append *a);

/* Largest number of uncompressed bytes the writer puts into one chunk, a
 * whole number of sub-buffers of @page_size (10 of them, as trace-cmd does). */
size_t dat_chunk_bytes(uint32_t page_size);

/*
 * A file that lies nowhere as a whole: stretches of other files and bytes in
 * memory, end to end. So spools are read, or sent, as the trace.dat they would
 * become, without copying them. NULL: no memory.
 */
struct dat_pieces *dat_pieces_new(void);
void dat_pieces_free(struct dat_pieces *p);
uint64_t dat_pieces_size(const struct dat_pieces *p);
/* Writes all of it to @fd, which need not be seekable. 0, -errno. */
int dat_pieces_send(const struct dat_pieces *p, int fd);
/* Writes the stretch from @from to @to (no further than its end) to that place of the file @fd,
 * whose position moves. 0, -errno. */
int dat_pieces_place(const struct dat_pieces *p, uint64_t from, uint64_t to, int fd);

/* Builders of block bodies out of texts: "header_page", "header_event" with their
 * lengths; KALLSYMS, PRINTK or CMDLINES with its count. 0 or -ENOMEM. */
int dat_put_header_info(struct buf *b, const char *page, size_t page_len,
			const char *event, size_t event_len);
int dat_put_text(struct buf *b, enum dat_id id, const char *text, size_t len);
/* Bodies of options, in the byte order of @b. 0 or -ENOMEM. */
int dat_put_guest(struct buf *b, const struct dat_guest *g);
int dat_put_tsc2nsec(struct buf *b, const struct dat_tsc2nsec *t);
int dat_put_time_shift(struct buf *b, const struct dat_time_shift *ts);
int dat_put_time_sync(struct buf *b, const struct dat_time_sync *ts);
void dat_time_shift_release(struct dat_time_shift *ts);
void dat_time_sync_release(struct dat_time_sync *ts);

#endif
