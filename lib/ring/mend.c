// SPDX-License-Identifier: LGPL-2.1-or-later
/* Changes to a sub-buffer that is there already. */
#include "ring.h"
#include "layout.h"

/* The commit word: @bytes of entries, and what is told of a loss before them. */
static void put_commit(const struct ring_abi *abi, uint8_t *page, uint64_t bytes, uint64_t flags)
{
	uint64_t word = bytes | flags | (flags ? COMMIT_FLAGS_SIGN : 0);

	if (abi->long_size == 8)
		put_u64(page + 8, word, abi->big_endian);
	else
		put_u32(page + 8, word, abi->big_endian);
}

void ring_page_mark_lost(const struct ring_abi *abi, void *page)
{
	uint8_t *at = (uint8_t *)page + 8;
	uint64_t word = abi->long_size == 8 ? get_u64(at, abi->big_endian) :
			get_u32(at, abi->big_endian);

	put_commit(abi, page, word & COMMIT_BYTES, COMMIT_LOST);
}

void ring_page_shorten(const struct ring_page *p, void *page, uint32_t end)
{
	bool stored = p->lost && p->lost != RING_LOST_UNKNOWN;
	uint8_t *data = page;

	if (stored)			/* the number lies behind the entries */
		memmove(data + end, data + p->end, p->abi.long_size);
	put_commit(&p->abi, data, end - p->header,
		   (p->lost ? COMMIT_LOST : 0) | (stored ? COMMIT_LOST_STORED : 0));
}
