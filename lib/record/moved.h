/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moved: what of a spool lies in another file already. While a recording is finished its
 * spools give back their room from their ends, as fast as the output takes it; until the
 * output has its name, the journal PATH.moved beside the spool PATH tells where the chunks
 * are that the spool has no more. For the spool's writer and reader.
 *
 * Layout, all integers little endian:
 *
 *   offset size  field
 *        0    8  magic "TCmoved\n"
 *        8    4  version of this layout: 1
 *       12    4  bytes of the names
 *       16    8  session, as in the spool
 *       24    8  check: XXH3_64bits_withSeed(names, XXH3_64bits(bytes 0..23))
 *       32    -  names, each ended by a NUL: of the file that has the chunks now, then what
 *                that is called once it is complete. Without a slash they lie beside the
 *                spool; else the first is absolute, and the second beside it
 *        -    -  zeros up to the next multiple of 8, then entries of 88 bytes:
 *
 *        0    8  offset of the chunk's payload in that file
 *        8   72  the chunk's header (spool.h) from its version on, as if it lay there
 *       80    8  check: XXH3_64bits(bytes 0..79)
 *
 * An entry is written once its payload is, and before the spool loses the chunk: so there
 * may be chunks that are in both. Entries of later chunks come first.
 *
 * Chunks that were stored raw are moved in the same way, compressed, into PATH.packed where
 * there are too many to be kept in memory: the 8 bytes "TCstash\n", then payloads.
 */
#ifndef TRACECMD_MOVED_H
#define TRACECMD_MOVED_H

#include "record/spool_layout.h"

#define MOVED_MAGIC "TCmoved\n"
#define MOVED_STASH_MAGIC "TCstash\n"
#define MOVED_MAGIC_LEN 8u
#define MOVED_VERSION 1u
#define MOVED_HEADER 32u		/* bytes in front of the names */
#define MOVED_ENTRY 88u
#define MOVED_NAMES_MAX 16384u
#define MOVED_SUFFIX ".moved"
#define MOVED_STASH_SUFFIX ".packed"

/* Appends a journal's beginning. 0, -ENOMEM. */
int moved_put_header(struct buf *b, uint64_t session, const char *file, const char *then);
/* Writes an entry of MOVED_ENTRY bytes; @header has SPOOL_HEADER. */
void moved_encode(uint8_t *out, uint64_t offset, const uint8_t *header);

/* ---- reading ---- */

size_t moved_nr(const struct spool_moved *m);
/* The chunk @i in the order of sequence numbers: its header as it was in the spool, and the
 * payload's place in moved_fd(). */
void moved_entry(const struct spool_moved *m, size_t i, uint64_t *ret_offset, uint8_t *ret_header);
int moved_fd(const struct spool_moved *m);
uint64_t moved_size(const struct spool_moved *m);	/* of that file */
uint64_t moved_session(const struct spool_moved *m);

#endif
