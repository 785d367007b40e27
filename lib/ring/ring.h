/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring: the kernel's ring-buffer sub-buffers ("pages"); bytes to (timestamp,
 * event) and back. Knows neither files nor formats. Layout: section 8 of
 * Documentation/tracecmd.dat.5 (source: include/linux/ring_buffer.h and
 * kernel/trace/ring_buffer.c).
 *
 *	0	u64	time before the first entry's own delta
 *	8	long	commit word: bits 0-26 bytes of entries, 31 events were
 *			lost before this page, 30 their number is stored
 *	8+long		entries, each 4-byte aligned
 *	behind them	long, the number of lost events (bit 30)
 *
 * An entry starts with a u32: type_len (5 bits) and time delta (27 bits);
 * type_len is the low bits on little endian, the high bits on big endian.
 *
 *	type_len	bytes			meaning
 *	1-28		4 + 4 * type_len	data
 *	0		8 + roundup4(u32 - 4)	data, length in the next u32
 *	29		4 + u32			padding, a discarded event
 *	30		8			time extend: now += (u32 << 27) + delta
 *	31		8			time stamp: now = (u32 << 27) + delta
 */
#ifndef TRACECMD_RING_H
#define TRACECMD_RING_H

#include "base/base.h"

/* How a kernel lays its sub-buffers out. */
struct ring_abi {
	bool big_endian;
	unsigned long_size;		/* of the commit word: 4 or 8 */
};

#define RING_LOST_UNKNOWN UINT64_MAX	/* events were lost, the number is not known */
#define RING_HEADER_MAX 16		/* bytes before the first entry, at most */

enum ring_bad {				/* why a page is (partly) unreadable */
	RING_OK,
	RING_BAD_SHORT,			/* smaller than its header */
	RING_BAD_COMMIT,		/* commit past the page */
	RING_BAD_ENTRY_CUT,		/* entry header past commit */
	RING_BAD_DATA_LEN,		/* data length below 4 or past commit */
	RING_BAD_PADDING,		/* padding length below 4 or past commit */
	RING_BAD_CUT,			/* the page goes on past what there is of it */
	RING_BAD_COUNT
};
const char *ring_bad_text(enum ring_bad bad);	/* "commit past the page" */

enum ring_type { RING_DATA, RING_PADDING, RING_TIME_EXTEND, RING_TIME_STAMP };

struct ring_event {
	uint64_t ts;			/* running time after this entry */
	const void *data;		/* payload, a view into the page; NULL unless RING_DATA */
	uint32_t len;			/* payload incl. alignment padding */
	uint32_t offset;		/* of the entry in the page */
	uint32_t size;			/* of the whole entry */
	uint32_t delta;			/* the header's 27 bits */
	enum ring_type type;
};

struct ring_page {
	struct ring_abi abi;
	const uint8_t *data;
	uint32_t size;			/* of the page: what there is of it */
	uint32_t header;		/* 12 or 16 */
	uint32_t end;			/* header + commit, at most size */
	uint64_t page_ts;		/* time stamp of the page header */
	uint64_t lost;			/* before this page: 0, a number, or RING_LOST_UNKNOWN */
	enum ring_bad bad;		/* why reading stopped early */
	/* private */
	uint32_t pos;
	bool cut;
	uint64_t now;
};

/*
 * Looks at the header of a whole page of @size bytes. Returns 0, or -EBADMSG
 * with p->bad set (RING_BAD_SHORT, RING_BAD_COMMIT); then the page has no
 * events and p->lost is RING_LOST_UNKNOWN. The page is a view of @data.
 */
int ring_page_open(struct ring_page *p, const struct ring_abi *abi, const void *data, size_t size);
/*
 * The same for a page of @page_size bytes of which only the first @have are
 * there (a file is cut): its whole entries are read, then RING_BAD_CUT. A loss
 * count behind the cut is RING_LOST_UNKNOWN.
 */
int ring_page_open_cut(struct ring_page *p, const struct ring_abi *abi, const void *data,
		       size_t have, size_t page_size);
/*
 * Next data event: 1, 0 at the end, -EBADMSG (p->bad) if the rest is
 * unreadable, now and at every further call. Data entries without a payload
 * are passed over (they have no event type), their time counts.
 */
int ring_page_next(struct ring_page *p, struct ring_event *ret);
/*
 * The common case of ring_page_next, to be inlined: a short event of a
 * little-endian page. True: its payload, and p->now is its time. False: nothing
 * has changed, ring_page_next tells what comes.
 */
static inline bool ring_page_next_short(struct ring_page *p, const void **data, uint32_t *len)
{
	uint32_t pos = p->pos, left = p->end - pos, word, type_len;

	if (left < 8 || p->abi.big_endian)
		return false;
	word = get_u32(p->data + pos, false);
	type_len = word & 31;
	/* 1 to 28 words of payload, see above */
	if (type_len - 1 >= 28 || 4 * type_len > left - 4)
		return false;
	p->now += word >> 5;
	p->pos = pos + 4 + 4 * type_len;
	*data = p->data + pos + 4;
	*len = 4 * type_len;
	return true;
}
/* Next entry of any type, for debug output. Returns as ring_page_next. */
int ring_page_next_entry(struct ring_page *p, struct ring_event *ret);
/* Whether there is nothing in the page, so that its time stamp means nothing: @header is
 * its first RING_HEADER_MAX bytes. */
static inline bool ring_page_is_empty(const struct ring_abi *abi, const void *header)
{
	const uint8_t *commit = (const uint8_t *)header + 8;
	uint64_t word = abi->long_size == 8 ? get_u64(commit, abi->big_endian) :
			get_u32(commit, abi->big_endian);

	return !(word & 0x7ffffff);
}
/*
 * Counts the data events that are left by the first two bytes of their payload,
 * where the kernel puts an event's type (in the page's byte order), without
 * following the time: @counts has 65536 numbers. Returns as ring_page_next at
 * the end: 0 or -EBADMSG.
 */
int ring_page_count(struct ring_page *p, uint64_t *counts);

/* ---- encoding ----------------------------------------------------------- */

/*
 * Fills one page of a multiple of 4 bytes. The first entry's time becomes the
 * page's. Gaps over 27 bits become time extends, a step back in time an
 * absolute stamp.
 */
struct ring_encoder {
	struct ring_abi abi;
	uint8_t *data;
	uint32_t size, pos;
	uint64_t now;
	bool empty;			/* no entry yet */
	uint64_t lost;
};
/* @size: at least RING_HEADER_MAX + 16, below 2^27. @page is the caller's. */
void ring_encoder_init(struct ring_encoder *enc, const struct ring_abi *abi, void *page, size_t size);
/* Loss before the page: a number or RING_LOST_UNKNOWN; before the first put.
 * Room for a number is set aside behind the entries. */
void ring_encoder_lost(struct ring_encoder *enc, uint64_t lost);
/*
 * Stores an event; its payload is padded with zeros to 4 bytes, at least one
 * such word. Returns 1; 0 if it must go to another page (no room, or a step in
 * time that 59 bits cannot tell), nothing stored; -EMSGSIZE if it fits no page
 * of this size.
 */
int ring_encoder_put(struct ring_encoder *enc, uint64_t ts, const void *data, size_t len);
/*
 * Absolute stamp, and a discarded event of @len dead bytes (a multiple of 4);
 * tests need them. Return as ring_encoder_put. A stamp has 59 bits: the five
 * topmost of the running time stay (a page that starts with a stamp has those
 * of @ts as its time).
 */
int ring_encoder_stamp(struct ring_encoder *enc, uint64_t ts);
int ring_encoder_pad(struct ring_encoder *enc, uint64_t ts, size_t len);
/* Writes the commit word and lost count, zeros the rest. */
void ring_encoder_finish(struct ring_encoder *enc);

/* ---- mending ------------------------------------------------------------ */

/* Says that events were lost before the page and nobody knows how many; a number there is
 * gives way. @page has RING_HEADER_MAX bytes at least. */
void ring_page_mark_lost(const struct ring_abi *abi, void *page);
/* Ends @page, which ring_page_open took for @p, at @end, where one of its entries begins;
 * the loss before it stays. */
void ring_page_shorten(const struct ring_page *p, void *page, uint32_t end);

#endif
