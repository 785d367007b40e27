/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a replay is made of. */
#ifndef TRACECMD_REPLAY_FILES_H
#define TRACECMD_REPLAY_FILES_H

#include "heap.h"
#include "stream.h"

struct file {
	struct dat_reader *reader;
	struct clock_opts clock;
	struct ring_abi abi;
	bool abi_known;
	struct event_db *db;		/* made at the first wish */
	uint32_t *buffer_stream;	/* first stream of each buffer; one more at the end */
};

struct replay {
	struct replay_opts opts;
	uint8_t *cpus;			/* opts.cpus, our own */
	struct stream_env env;
	VEC(struct file) files;
	VEC(struct stream) streams;	/* by file, buffer, cpu: the order of equal times */
	struct heap_entry *heap;
	uint32_t nr_heap;
	bool started, loaded, ready;
	bool consumed;			/* the top's record was handed out */
	struct err failed;
};

/* Reads the streams' tables, once. After a failure the same again. */
int replay_load(struct replay *rp, struct err *e);

#endif
