// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/join.h"

/* The running time behind the last entry. False: there is something unreadable. */
static bool end_time(struct ring_page *p, uint64_t *ret)
{
	struct ring_event ev = { .ts = p->page_ts };
	int r;

	do
		r = ring_page_next_entry(p, &ev);
	while (r > 0);
	*ret = ev.ts;
	return !r;
}

enum join join_piece(const struct ring_abi *abi, uint32_t page_size, uint8_t *page,
		     const uint8_t *piece)
{
	struct ring_page p, q;
	uint32_t len, tail;
	uint64_t end;

	if (ring_page_open(&p, abi, page, page_size) < 0 ||
	    ring_page_open(&q, abi, piece, page_size) < 0 || q.lost)
		return JOIN_APART;
	if (!end_time(&p, &end) || end != q.page_ts)
		return JOIN_APART;
	len = q.end - q.header;
	/* The number is behind the entries, and goes along. */
	tail = p.lost && p.lost != RING_LOST_UNKNOWN ? abi->long_size : 0;
	if (len > page_size - p.end || tail > page_size - p.end - len)
		return JOIN_NO_ROOM;
	memmove(page + p.end + len, page + p.end, tail);
	memcpy(page + p.end, piece + q.header, len);
	/* Only the bits of the commit word that count bytes change: they have room. */
	if (abi->long_size == 8)
		put_u64(page + 8, get_u64(page + 8, abi->big_endian) + len, abi->big_endian);
	else
		put_u32(page + 8, get_u32(page + 8, abi->big_endian) + len, abi->big_endian);
	return JOIN_DONE;
}

bool join_is_nothing(const struct ring_abi *abi, uint32_t page_size, const uint8_t *piece)
{
	struct ring_page p;
	struct ring_event ev;

	return !ring_page_open(&p, abi, piece, page_size) && !p.lost && !ring_page_next(&p, &ev);
}
