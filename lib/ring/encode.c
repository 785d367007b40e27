// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events to the bytes of a sub-buffer, as the kernel lays them out. */
#include <errno.h>

#include "ring.h"
#include "layout.h"

static uint32_t header_size(const struct ring_encoder *enc)
{
	return 8 + enc->abi.long_size;
}

/* Whether the loss before the page is a number that a long can hold. */
static bool lost_stored(const struct ring_encoder *enc)
{
	return enc->lost && enc->lost != RING_LOST_UNKNOWN &&
	       (enc->abi.long_size == 8 || enc->lost <= UINT32_MAX);
}

/* Where entries must end. */
static uint32_t entries_end(const struct ring_encoder *enc)
{
	return enc->size - (lost_stored(enc) ? enc->abi.long_size : 0);
}

static void put_long(const struct ring_encoder *enc, uint8_t *at, uint64_t v)
{
	if (enc->abi.long_size == 8)
		put_u64(at, v, enc->abi.big_endian);
	else
		put_u32(at, v, enc->abi.big_endian);
}

static void put_head(const struct ring_encoder *enc, uint8_t *at, uint32_t type_len, uint32_t delta)
{
	uint32_t word = enc->abi.big_endian ? type_len << DELTA_BITS | delta
					    : delta << 5 | type_len;

	put_u32(at, word, enc->abi.big_endian);
}

void ring_encoder_init(struct ring_encoder *enc, const struct ring_abi *abi, void *page, size_t size)
{
	*enc = (struct ring_encoder) { .abi = *abi, .data = page, .size = size, .empty = true };
	enc->pos = header_size(enc);
}

void ring_encoder_lost(struct ring_encoder *enc, uint64_t lost)
{
	enc->lost = lost;
}

static void set_page_time(struct ring_encoder *enc, uint64_t ts)
{
	put_u64(enc->data, ts, enc->abi.big_endian);
	enc->now = ts;
	enc->empty = false;
}

/*
 * Makes room for an entry of @size bytes at @ts: moves the running time near
 * it by an extend or a stamp where its delta has not enough bits. The entry's
 * place and delta come back. Returns as ring_encoder_put.
 */
static int place(struct ring_encoder *enc, uint64_t ts, size_t size, uint8_t **ret_at,
		 uint32_t *ret_delta)
{
	uint64_t gap = ts - enc->now, shift = gap >> DELTA_BITS;
	bool back = ts < enc->now;
	uint32_t need = 0;
	uint8_t *at;

	if (size > entries_end(enc) - header_size(enc))
		return -EMSGSIZE;
	if (enc->empty) {
		set_page_time(enc, ts);
		gap = 0;
	} else if (back || shift) {
		if (back ? (ts ^ enc->now) & STAMP_MSB : shift > UINT32_MAX)
			return 0;
		need = 8;
	}
	if (size + need > entries_end(enc) - enc->pos)
		return 0;
	at = enc->data + enc->pos;
	if (need) {
		uint64_t v = back ? ts & ~STAMP_MSB : gap;

		put_head(enc, at, back ? TYPE_LEN_STAMP : TYPE_LEN_EXTEND, v & DELTA_MAX);
		put_u32(at + 4, v >> DELTA_BITS, enc->abi.big_endian);
		gap = 0;
	}
	enc->now = ts;
	enc->pos += need + size;
	*ret_at = at + need;
	*ret_delta = gap;
	return 1;
}

int ring_encoder_put(struct ring_encoder *enc, uint64_t ts, const void *data, size_t len)
{
	size_t words = len ? len / 4 + (len % 4 != 0) : 1, padded;
	bool wide = words > TYPE_LEN_DATA_MAX;
	uint32_t delta;
	uint8_t *at;
	int rc;

	if (words > enc->size / 4)
		return -EMSGSIZE;
	padded = words * 4;
	rc = place(enc, ts, padded + (wide ? 8 : 4), &at, &delta);
	if (rc <= 0)
		return rc;
	put_head(enc, at, wide ? 0 : words, delta);
	at += 4;
	if (wide) {
		put_u32(at, padded + 4, enc->abi.big_endian);
		at += 4;
	}
	if (len)
		memcpy(at, data, len);
	memset(at + len, 0, padded - len);
	return 1;
}

int ring_encoder_stamp(struct ring_encoder *enc, uint64_t ts)
{
	uint64_t v = ts & ~STAMP_MSB;
	uint8_t *at;

	if (entries_end(enc) - enc->pos < 8)
		return 0;
	if (enc->empty)
		set_page_time(enc, ts & STAMP_MSB);
	at = enc->data + enc->pos;
	put_head(enc, at, TYPE_LEN_STAMP, v & DELTA_MAX);
	put_u32(at + 4, v >> DELTA_BITS, enc->abi.big_endian);
	enc->now = (enc->now & STAMP_MSB) | v;
	enc->pos += 8;
	return 1;
}

int ring_encoder_pad(struct ring_encoder *enc, uint64_t ts, size_t len)
{
	uint32_t delta;
	uint8_t *at;
	int rc;

	if (len > enc->size)
		return -EMSGSIZE;
	rc = place(enc, ts, 8 + len, &at, &delta);
	if (rc <= 0)
		return rc;
	put_head(enc, at, TYPE_LEN_PADDING, delta);
	put_u32(at + 4, 4 + len, enc->abi.big_endian);
	memset(at + 8, 0, len);
	return 1;
}

void ring_encoder_finish(struct ring_encoder *enc)
{
	uint64_t commit = enc->pos - header_size(enc);

	if (enc->empty)
		set_page_time(enc, enc->now);
	memset(enc->data + enc->pos, 0, enc->size - enc->pos);
	if (enc->lost) {
		commit += COMMIT_LOST;
		if (lost_stored(enc)) {
			commit += COMMIT_LOST_STORED;
			put_long(enc, enc->data + enc->pos, enc->lost);
		}
		commit |= COMMIT_FLAGS_SIGN;
	}
	put_long(enc, enc->data + 8, commit);
}
