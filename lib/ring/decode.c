// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bytes of a sub-buffer to events. Numbers: include/linux/ring_buffer.h, enum
 * ring_buffer_type and struct ring_buffer_event; RB_MISSED_EVENTS,
 * RB_MISSED_STORED and TS_MSB of kernel/trace/ring_buffer.c.
 */
#include <errno.h>

#include "ring.h"
#include "layout.h"

static const char *const bad_texts[RING_BAD_COUNT] = {
	[RING_OK] = "no defect",
	[RING_BAD_SHORT] = "smaller than its header",
	[RING_BAD_COMMIT] = "commit past the page",
	[RING_BAD_ENTRY_CUT] = "entry header past the commit",
	[RING_BAD_DATA_LEN] = "data length below 4 or past the commit",
	[RING_BAD_PADDING] = "padding length below 4 or past the commit",
	[RING_BAD_CUT] = "the page is cut off",
};

const char *ring_bad_text(enum ring_bad bad)
{
	return (unsigned)bad < RING_BAD_COUNT ? bad_texts[bad] : "unknown defect";
}

static uint64_t get_long(const struct ring_abi *abi, const uint8_t *at)
{
	return abi->long_size == 8 ? get_u64(at, abi->big_endian) : get_u32(at, abi->big_endian);
}

static uint64_t lost_before(const struct ring_page *p, uint64_t commit_word)
{
	if (!(commit_word & COMMIT_LOST))
		return 0;
	if (!(commit_word & COMMIT_LOST_STORED) || p->cut || p->size - p->end < p->abi.long_size)
		return RING_LOST_UNKNOWN;
	return get_long(&p->abi, p->data + p->end);
}

static int refuse(struct ring_page *p, enum ring_bad bad)
{
	p->bad = bad;
	return -EBADMSG;
}

int ring_page_open_cut(struct ring_page *p, const struct ring_abi *abi, const void *data,
		       size_t have, size_t page_size)
{
	uint64_t commit_word, commit;

	*p = (struct ring_page) {
		.abi = *abi, .data = data, .header = 8 + abi->long_size,
		.lost = RING_LOST_UNKNOWN,
	};
	p->pos = p->end = p->header;
	if (page_size > UINT32_MAX)
		page_size = UINT32_MAX;
	if (have > page_size)
		have = page_size;
	if (have < p->header) {
		p->pos = p->end = have;
		p->size = have;
		return refuse(p, RING_BAD_SHORT);
	}
	p->size = have;
	p->page_ts = p->now = get_u64(p->data, abi->big_endian);
	commit_word = get_long(abi, p->data + 8);
	commit = commit_word & COMMIT_BYTES;
	if (commit > page_size - p->header)
		return refuse(p, RING_BAD_COMMIT);
	p->cut = commit > have - p->header;
	p->end = p->cut ? have : p->header + commit;
	p->lost = lost_before(p, commit_word);
	return 0;
}

int ring_page_open(struct ring_page *p, const struct ring_abi *abi, const void *data, size_t size)
{
	return ring_page_open_cut(p, abi, data, size, size);
}

/* An entry that is not whole: the file's end explains it if the page is cut. */
static int defect(struct ring_page *p, enum ring_bad bad)
{
	return refuse(p, p->cut ? RING_BAD_CUT : bad);
}

/*
 * Time stamps carry 59 bits, the running time has the rest. The kernel also
 * corrects a wrap of the 59 bits within a page; trace-cmd does not, and a
 * stamp may step back, so the bits are taken as they are.
 */
static inline uint64_t stamp_time(uint64_t now, uint64_t stamp)
{
	return (now & STAMP_MSB) | (stamp & ~STAMP_MSB);
}

/* Entries other than short data: type_len 0, 29, 30, 31. */
static int special_entry(struct ring_page *p, uint32_t type_len, uint32_t delta,
			 struct ring_event *ret)
{
	uint32_t left = p->end - p->pos, word, size;
	const uint8_t *at = p->data + p->pos;
	uint64_t now = p->now + delta;

	ret->data = NULL;
	ret->len = 0;
	if (left < 8) {
		/* the kernel's mark "nothing follows" needs no second word */
		if (type_len == TYPE_LEN_PADDING && !delta && !p->cut) {
			p->pos = p->end;
			return 0;
		}
		return defect(p, RING_BAD_ENTRY_CUT);
	}
	word = get_u32(at + 4, p->abi.big_endian);
	switch (type_len) {
	case 0:
		if (word < 4)
			return refuse(p, RING_BAD_DATA_LEN);
		if (word - 4 > left - 8)
			return defect(p, RING_BAD_DATA_LEN);
		ret->len = (word - 4 + 3) & ~3u;
		if (ret->len > left - 8)
			return defect(p, RING_BAD_DATA_LEN);
		size = 8 + ret->len;
		ret->data = at + 8;
		ret->type = RING_DATA;
		break;
	case TYPE_LEN_PADDING:
		if (word < 4 || word > left - 4) {
			if (!delta && !p->cut) {
				p->pos = p->end;
				return 0;
			}
			return word < 4 ? refuse(p, RING_BAD_PADDING) : defect(p, RING_BAD_PADDING);
		}
		size = 4 + word;
		ret->type = RING_PADDING;
		break;
	case TYPE_LEN_EXTEND:
		now += (uint64_t)word << DELTA_BITS;
		size = 8;
		ret->type = RING_TIME_EXTEND;
		break;
	default:
		now = stamp_time(p->now, ((uint64_t)word << DELTA_BITS) + delta);
		size = 8;
		ret->type = RING_TIME_STAMP;
	}
	ret->delta = delta;
	ret->offset = p->pos;
	ret->size = size;
	ret->ts = p->now = now;
	p->pos += size;
	return 1;
}

static inline int next_entry(struct ring_page *p, struct ring_event *ret)
{
	uint32_t pos = p->pos, left = p->end - pos, word, type_len, delta, size;

	if (left < 4)
		return left ? defect(p, RING_BAD_ENTRY_CUT) : p->cut ? refuse(p, RING_BAD_CUT) : 0;
	word = get_u32(p->data + pos, p->abi.big_endian);
	type_len = p->abi.big_endian ? word >> DELTA_BITS : word & 31;
	delta = p->abi.big_endian ? word & DELTA_MAX : word >> 5;
	if (__builtin_expect(type_len - 1 >= TYPE_LEN_DATA_MAX, 0))
		return special_entry(p, type_len, delta, ret);
	size = 4 + 4 * type_len;
	if (__builtin_expect(size > left, 0))
		return defect(p, RING_BAD_DATA_LEN);
	p->now += delta;
	p->pos = pos + size;
	ret->ts = p->now;
	ret->data = p->data + pos + 4;
	ret->len = size - 4;
	ret->offset = pos;
	ret->size = size;
	ret->delta = delta;
	ret->type = RING_DATA;
	return 1;
}

int ring_page_next_entry(struct ring_page *p, struct ring_event *ret)
{
	return next_entry(p, ret);
}

int ring_page_next(struct ring_page *p, struct ring_event *ret)
{
	int rc;

	do
		rc = next_entry(p, ret);
	while (__builtin_expect(rc > 0 && !ret->len, 0));
	return rc;
}

/*
 * Short events up to the next entry of another kind. The next entry's place is
 * all that one waits for.
 */
static inline void count_short(struct ring_page *p, bool big, uint64_t *counts)
{
	const uint8_t *at = p->data + p->pos, *end = p->data + p->end;

	while (end - at >= 8) {
		uint32_t word = get_u32(at, big), type_len = big ? word >> DELTA_BITS : word & 31;

		if (__builtin_expect(type_len - 1 >= TYPE_LEN_DATA_MAX || 4 * type_len > (size_t)(end - at) - 4, 0))
			break;
		counts[get_u16(at + 4, big)]++;
		at += 4 + 4 * type_len;
	}
	p->pos = at - p->data;
}

int ring_page_count(struct ring_page *p, uint64_t *counts)
{
	struct ring_event ev;
	int rc;

	do {
		if (p->abi.big_endian)
			count_short(p, true, counts);
		else
			count_short(p, false, counts);
		rc = next_entry(p, &ev);
		if (rc > 0 && ev.len)
			counts[get_u16(ev.data, p->abi.big_endian)]++;
	} while (rc > 0);
	return rc;
}
