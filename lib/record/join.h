/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * join: puts a sub-buffer together again that the kernel handed over in pieces.
 *
 * A piece that continues a sub-buffer has its entries as they stand in the
 * kernel's, and as its own time the running time before them. So they can be put
 * behind the entries of the piece before, whose running time must end there.
 */
#ifndef TRACECMD_JOIN_H
#define TRACECMD_JOIN_H

#include "ring/ring.h"

enum join {
	JOIN_APART,		/* another sub-buffer, or there is a loss between them, or either is unreadable */
	JOIN_NO_ROOM,		/* continues @page; but that is too full, its number of lost events counted in */
	JOIN_DONE,		/* is part of @page now */
};

/* Appends @piece to @page, both of @page_size bytes. @page changes with JOIN_DONE alone. */
enum join join_piece(const struct ring_abi *abi, uint32_t page_size, uint8_t *page,
		     const uint8_t *piece);
/* Whether there is no event in @piece and no loss before it: nothing to keep. */
bool join_is_nothing(const struct ring_abi *abi, uint32_t page_size, const uint8_t *piece);

#endif
