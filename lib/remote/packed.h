/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * packed: sub-buffers that travel compressed, between two tracecmds: chunks as spools have them
 * (record/spool.h), one behind the other, without padding; for this room only. Numbers begin at 0 on
 * each connection, the session is 0.
 */
#ifndef TRACECMD_PACKED_H
#define TRACECMD_PACKED_H

#include "record/record.h"
#include "record/spool_layout.h"

/* Makes the header of chunk number @seq in c->frame. Bytes of the frame that are to be sent. */
size_t packed_frame(const struct recorder_chunk *c, uint64_t seq);

/* Bytes that chunks of all CPUs together take on their way, at most, before compression. */
uint64_t packed_bytes_max(uint32_t cpus, uint32_t page_size);

/* Where chunks are acknowledged (keeper.h) the last one is a header alone: makes it. */
void packed_end(uint32_t cpu, uint64_t seq, uint8_t header[SPOOL_HEADER]);

/* What is known of the chunk that comes next. */
struct packed_expected {
	uint32_t cpu, page_size;
	uint32_t cpus;			/* of the session: what one chunk may take */
	uint64_t seq;
	const struct ring_abi *abi;
	const struct codec *codec;	/* of chunks that are compressed */
	bool ends;			/* there will be packed_end's */
};
/* Reads and checks a header's SPOOL_HEADER bytes. 0; 1: it is packed_end's; -EPROTO, told. */
int packed_header(const uint8_t *bytes, const struct packed_expected *x, struct spool_header *ret, struct err *e);
/* Whether the chunk is as it was sent. */
bool packed_whole(const uint8_t *frame, const struct spool_header *h);

#endif
