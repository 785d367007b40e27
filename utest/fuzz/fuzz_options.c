// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options in a frame that is right: the input's first byte chooses version and
 * byte order, the rest is a run of { u16 id; u32 size; payload }.
 */
#include "dat/dat.h"

#define HOW_VERSION_6 1
#define HOW_BIG_ENDIAN 2

/* The six blocks of a version 6 file, empty, and its CPU count. */
static void put_v6_front(struct buf *b)
{
	dat_put_header_info(b, "", 0, "", 0);
	buf_u32(b, 0);
	buf_u32(b, 0);
	buf_u32(b, 0);
	buf_u32(b, 0);
	buf_u64(b, 0);
	buf_u32(b, 2);
	buf_put(b, "options  ", 10);
}

static void put_v6_back(struct buf *b)
{
	buf_u16(b, DAT_DONE);
	buf_put(b, "flyrecord", 10);
	buf_fill(b, 0, 32);
}

static void put_v7_front(struct buf *b, size_t options)
{
	buf_put(b, "none\0", 6);
	buf_u64(b, b->len + 8);
	buf_u16(b, DAT_DONE);
	buf_u16(b, 0);
	buf_u32(b, 0);
	buf_u64(b, options + 14);
}

static void put_v7_back(struct buf *b)
{
	buf_u16(b, DAT_DONE);
	buf_u32(b, 8);
	buf_u64(b, 0);
	buf_u16(b, DAT_BUFFER);		/* an empty section to point at */
	buf_fill(b, 0, 14);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf b AUTO_BUF = { 0 };
	struct dat_reader *r;
	struct err e = { 0 };
	bool v6;

	if (!len)
		return 0;
	v6 = data[0] & HOW_VERSION_6;
	b.big_endian = data[0] & HOW_BIG_ENDIAN;
	buf_put(&b, "\x17\x08\x44tracing", 10);
	buf_str(&b, v6 ? "6" : "7");
	buf_u8(&b, b.big_endian);
	buf_u8(&b, 8);
	buf_u32(&b, 4096);
	if (v6)
		put_v6_front(&b);
	else
		put_v7_front(&b, len - 1);
	buf_put(&b, data + 1, len - 1);
	if (v6)
		put_v6_back(&b);
	else
		put_v7_back(&b);
	if (!b.failed && !dat_reader_open_memory(b.data, b.len, NULL, &r, &e))
		dat_reader_close(r);
	return 0;
}
