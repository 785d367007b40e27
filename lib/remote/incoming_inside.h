/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* incoming's inside: incoming.c, and incoming_packed.c for what comes as chunks. */
#ifndef TRACECMD_INCOMING_INSIDE_H
#define TRACECMD_INCOMING_INSIDE_H

#include "record/restore.h"
#include "record/spool.h"
#include "record/spool_layout.h"
#include "remote/incoming.h"
#include "ring/ring.h"

struct incoming_cpu {
	struct spool *spool;
	uint8_t *frame;			/* SPOOL_HEADER bytes, then sub-buffers; packed: a chunk as it comes; NULL: none */
	size_t len, room;		/* of that behind the header; packed: len counts the header, too */
	size_t torn;			/* bytes behind the last whole one, at the end */
	struct spool_header head;	/* packed: of the chunk, once it is there: csize is not 0 */
	uint64_t seq;			/* packed: chunks so far, the end counted as one */
	bool ended;			/* packed: that came */
};

struct incoming {
	char *path, *meta_path, *late_path;
	uint32_t cpus, page_size;
	bool packed, ends;
	uint64_t max_bytes, session;
	struct incoming_shared *shared;
	int meta_fd;			/* locked: the recording lives */
	int late_fd;			/* a second front that is being sent; -1 */
	uint64_t meta_bytes, data_bytes, disk_bytes;
	bool meta_ended, started;
	struct ring_abi abi;
	const struct codec *codec;
	struct incoming_cpu *cpu;
	VEC(struct restore_option) options;	/* data: owned */
};

int incoming_over_quota(const struct incoming *in, uint64_t more, struct err *e);
void incoming_give_back(struct incoming *in, struct incoming_cpu *c);	/* the frame */

/* As incoming_room and incoming_got, of chunks. */
void *incoming_packed_room(struct incoming *in, uint32_t cpu, size_t *ret_len);
int incoming_packed_got(struct incoming *in, uint32_t cpu, struct err *e);

#endif
