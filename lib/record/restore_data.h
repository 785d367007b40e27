/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What per-CPU files hold, on its way into a restored file; for restore.c only. */
#ifndef TRACECMD_RESTORE_DATA_H
#define TRACECMD_RESTORE_DATA_H

#include "dat/dat.h"
#include "record/restore_input.h"
#include "ring/ring.h"

struct restore_data {
	struct dat_writer *w;
	const struct codec *codec;	/* of the file */
	struct ring_abi abi;
	const struct notices *notices;
	bool look;			/* into every sub-buffer, and take out what is damaged there */
	bool incomplete;		/* something was damaged and is left out, which was told */
	uint64_t bad_pages;		/* sub-buffers that were damaged inside */
	/* private: the CPU in hand */
	const char *file;		/* where its chunk is */
	uint64_t place;			/* and where that begins */
	bool begun;			/* it has data in the file */
	bool hole;			/* something is missing before what comes next */
	bool has_next;
	uint64_t next_seq;		/* of its next chunk */
	struct codec_ctx ctx;
	struct buf pages;
};

/*
 * Writes the data of all files of one CPU, in their order; a CPU without any has no place in
 * the file. What follows something that is missing is marked: events were lost there,
 * nobody knows how many. 0, -errno.
 */
int restore_data_cpu(struct restore_data *d, const struct restore_input *files, size_t nr,
		     struct err *e);
void restore_data_release(struct restore_data *d);

#endif
