/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The per-CPU files that a restore starts from; for restore.c only. */
#ifndef TRACECMD_RESTORE_INPUT_H
#define TRACECMD_RESTORE_INPUT_H

#include "base/base.h"
#include "record/spool.h"

struct restore_input {
	const char *path;		/* the caller's */
	int fd;
	uint64_t size;
	struct spool_moved *moved;	/* of a spool */
	bool is_spool, empty, damaged;	/* damaged: none of its chunks is whole */
	char *instance;			/* "": the top level */
	char *spools, *buffers;		/* of its buffer, and of its recording, as it tells; NULL: it does not */
	uint32_t cpu;
	uint32_t page_size;		/* 0: not known (raw) until settled */
	/* Of spools; "" and 0 for raw files. */
	char clock[32];
	char uname[512];
	uint64_t session, first_seq;
	uint32_t cpus;
	const struct codec *codec;
	bool big_endian;
	unsigned long_size;
};

struct restore_inputs {
	struct restore_input *v;	/* by instance (the top level first), CPU, sequence */
	size_t nr, cap;
	bool damaged;			/* a file of which nothing can be used */
};

/* Opens the files and finds out what they are. -EINVAL if two raw files are of one
 * CPU, a file or its copy is there twice, spools of different recordings or of one
 * buffer with different clocks come together, or there is nothing in any. Close in
 * every case. */
int restore_inputs_open(struct restore_inputs *in, char *const *paths, size_t nr,
			const struct notices *notices, struct err *e);
void restore_inputs_close(struct restore_inputs *in);
/* The first spool, or NULL. */
const struct restore_input *restore_inputs_spool(const struct restore_inputs *in);
/* The clock of the buffer that the file @i is of, as its spools tell; "": they do not. */
const char *restore_inputs_clock(const struct restore_inputs *in, size_t i);
/* Tells of CPUs and of whole instances that have no file, or empty ones, where others have data.
 * Whether there are any. */
bool restore_inputs_tell_missing(const struct restore_inputs *in, const struct notices *notices);
/* CPUs of the machine as far as the files tell. */
uint32_t restore_inputs_cpus(const struct restore_inputs *in);
/* Gives raw files the size *page_size, and *page_size the top level's if that
 * came with a spool. -EINVAL if files of one instance differ, or if a raw file
 * does not begin like one. */
int restore_inputs_settle(struct restore_inputs *in, uint32_t *page_size, bool big_endian,
			  struct err *e);

#endif
