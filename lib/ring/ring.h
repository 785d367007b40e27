/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring: the kernel's ring-buffer sub-buffers; bytes to (timestamp, event) and
 * back. Knows neither files nor formats. Layout: section 8 of
 * Documentation/tracecmd.dat.5 (source: include/linux/ring_buffer.h and
 * kernel/trace/ring_buffer.c).
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

enum ring_bad {				/* why a page is (partly) unreadable */
	RING_OK, RING_BAD_SHORT,	/* smaller than its header */
	RING_BAD_COMMIT,		/* commit past the page */
	RING_BAD_ENTRY_CUT,		/* entry header past commit */
	RING_BAD_DATA_LEN,		/* data length below 4 or past commit */
	RING_BAD_PADDING,		/* padding length below 4 or past commit */
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
	uint32_t size;			/* of the page */
	uint32_t header;		/* 12 or 16 */
	uint32_t end;			/* header + commit */
	uint64_t page_ts;		/* time stamp of the page header */
	uint64_t lost;			/* before this page: 0, a number, or RING_LOST_UNKNOWN */
	enum ring_bad bad;		/* why reading stopped early */
	/* private */
	uint32_t pos;
	uint64_t now;
};

/*
 * Looks at the header. @size may be less than the page size where a file is
 * cut: what is whole is read. Returns 0, or -EBADMSG with p->bad set (then the
 * page has no events; p->lost is RING_LOST_UNKNOWN).
 */
int ring_page_open(struct ring_page *p, const struct ring_abi *abi, const void *data, size_t size);
/* Next data event: 1, 0 at the end, -EBADMSG (p->bad) if the rest is unreadable. */
int ring_page_next(struct ring_page *p, struct ring_event *ret);
/* Next entry of any type, for debug output. */
int ring_page_next_entry(struct ring_page *p, struct ring_event *ret);
/* Time of the first data event, or the page's if there is none. For seeking. */
uint64_t ring_page_first_ts(const struct ring_abi *abi, const void *data, size_t size);

/* ---- encoding ----------------------------------------------------------- */

/*
 * Fills one page. Times must not step back (a step back becomes an absolute
 * stamp). put returns 1 if stored, 0 if the page is full (nothing stored).
 */
struct ring_encoder {
	struct ring_abi abi;
	uint8_t *data;
	uint32_t size, pos;
	uint64_t now;
	bool empty;
	uint64_t lost;
};
void ring_encoder_init(struct ring_encoder *enc, const struct ring_abi *abi, void *page, size_t size);
/* Loss before the page: a number or RING_LOST_UNKNOWN; before the first put. */
void ring_encoder_lost(struct ring_encoder *enc, uint64_t lost);
int ring_encoder_put(struct ring_encoder *enc, uint64_t ts, const void *data, size_t len);
/* Absolute stamp and padding entries (tests need them). */
int ring_encoder_stamp(struct ring_encoder *enc, uint64_t ts);
int ring_encoder_pad(struct ring_encoder *enc, uint64_t ts, size_t len);
/* Writes the commit word and lost count, zeros the rest. */
void ring_encoder_finish(struct ring_encoder *enc);

#endif
