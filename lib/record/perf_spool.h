/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_spool: sub-buffers of many CPUs, which come in turns, until they can be written one CPU after
 * another. They lie, compressed already as the file will be, in a file without a name.
 */
#ifndef TRACECMD_PERF_SPOOL_H
#define TRACECMD_PERF_SPOOL_H

#include "dat/dat.h"

struct perf_spool {
	int fd;
	uint64_t size;
	const struct codec *codec;
	size_t chunk;			/* bytes of sub-buffers in one, at most */
	struct codec_ctx ctx;
	struct buf packed;
};

struct perf_spool_chunk {
	uint64_t offset;
	uint32_t csize, usize;
};

/* One CPU's; { 0 } to start. */
struct perf_spool_cpu {
	struct buf pending;		/* not a whole chunk yet */
	VEC(struct perf_spool_chunk) chunks;
};

/* The file is in the folder of @beside. Release in every case. 0, -errno. */
int perf_spool_open(struct perf_spool *s, const char *beside, const struct codec *codec,
		    uint32_t page_size, struct err *e);
int perf_spool_put(struct perf_spool *s, struct perf_spool_cpu *c, const void *page, size_t size,
		   struct err *e);
/* Gives all that is there of @c to @w, as the data of @cpu; nothing if there is nothing. 0, -errno. */
int perf_spool_write(struct perf_spool *s, struct perf_spool_cpu *c, uint32_t cpu,
		     struct dat_writer *w, struct err *e);
void perf_spool_cpu_release(struct perf_spool_cpu *c);
void perf_spool_release(struct perf_spool *s);

#endif
