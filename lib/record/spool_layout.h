/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chunk header as a struct; shared by the spool's writer and reader. */
#ifndef TRACECMD_SPOOL_LAYOUT_H
#define TRACECMD_SPOOL_LAYOUT_H

#include "dat/dat.h"
#include "record/spool.h"

enum spool_kind { SPOOL_INFO = 1, SPOOL_DATA = 2 };
#define SPOOL_BIG_ENDIAN 1u
#define SPOOL_LONG32 2u
#define SPOOL_CHECK_AT 72u		/* where the check stands */

struct spool_header {
	uint16_t version, kind;
	uint32_t flags, cpu, page_size;
	uint64_t seq, first_ts, last_ts;
	char codec[8];
	uint32_t csize, usize;
	uint64_t session, check;
};

/* Writes @h to SPOOL_HEADER bytes, with h->check. */
void spool_header_put(const struct spool_header *h, uint8_t *out);
/* The same with the check for @payload (h->csize bytes). */
void spool_header_encode(const struct spool_header *h, const void *payload, uint8_t *out);
/* Reads it; false if the magic is missing. */
bool spool_header_decode(const uint8_t *in, struct spool_header *ret);
/* The check of a header's bytes and its payload. */
uint64_t spool_check(const uint8_t *header, const void *payload, size_t len);

static inline uint64_t spool_align(uint64_t n)
{
	return (n + SPOOL_ALIGN - 1) & ~(uint64_t)(SPOOL_ALIGN - 1);
}

#endif
