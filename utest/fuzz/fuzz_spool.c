// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a spool, and what was moved out of it. The input's first byte chooses whether
 * the checks are made right first, so that mutations get past them (1), and whether the end of the
 * input is a journal's entries (2) or the whole journal (4), and what was moved: their lengths are in its
 * last four bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "record/moved.h"

#define REPAIR 1
#define ENTRIES 2
#define JOURNAL 4
#define UNPACK_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* Gives every chunk whose payload is there the check it should have. */
static void repair(uint8_t *data, size_t size)
{
	struct spool_header h;

	for (size_t at = 0; size - at >= SPOOL_HEADER;) {
		size_t left = size - at - SPOOL_HEADER;

		if (!spool_header_decode(data + at, &h) || h.csize > left) {
			at += SPOOL_ALIGN;
		} else {
			put_u64(data + at + SPOOL_CHECK_AT,
				spool_check(data + at, data + at + SPOOL_HEADER, h.csize), false);
			at += spool_align(SPOOL_HEADER + (uint64_t)h.csize);
		}
		if (at > size)
			break;
	}
}

static void unpack(struct codec_ctx *ctx, const struct codec *codec, const struct spool_chunk *c,
		   const uint8_t *payload)
{
	uint8_t *pages;

	if (!codec || c->usize > UNPACK_MAX)
		return;
	pages = malloc(c->usize);
	if (pages)
		codec_decompress(codec, ctx, payload, c->csize, pages, c->usize);
	free(pages);
}

/* Gives entries the checks of what is where they say. */
static void repair_entries(uint8_t *entries, size_t len, const uint8_t *data, size_t size)
{
	uint8_t h[SPOOL_HEADER];

	for (; len >= MOVED_ENTRY; entries += MOVED_ENTRY, len -= MOVED_ENTRY) {
		uint64_t offset = get_u64(entries, false), csize;

		memcpy(h, SPOOL_MAGIC, 8);
		memcpy(h + 8, entries + 8, SPOOL_HEADER - 8);
		csize = get_u32(h + 56, false);
		if (offset <= size && csize <= size - offset)
			put_u64(h + SPOOL_CHECK_AT, spool_check(h, data + offset, csize), false);
		moved_encode(entries, offset, h);
	}
}

/* The same for all of a journal. */
static void repair_journal(uint8_t *journal, size_t len, const uint8_t *data, size_t size)
{
	uint64_t names = len < MOVED_HEADER ? 0 : get_u32(journal + 12, false);
	uint64_t at = (MOVED_HEADER + names + 7) & ~UINT64_C(7);

	if (at > len)
		return;
	put_u64(journal + 24, XXH3_64bits_withSeed(journal + MOVED_HEADER, names, XXH3_64bits(journal, 24)), false);
	repair_entries(journal + at, len - at, data, size);
}

/* What is read here lies in files of a folder of its own, written anew for each input. */
static char dir[] = "/tmp/fuzz_spool.XXXXXX", spool[64], journal[64], output[64];

static void put_file(const char *name, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write_full(fd, data, len))
		abort();
	close(fd);
}

static void leave(void)
{
	unlink(spool);
	unlink(journal);
	unlink(output);
	rmdir(dir);
}

static void make_folder(void)
{
	if (*spool)
		return;
	if (!mkdtemp(dir) || atexit(leave))
		abort();
	snprintf(spool, sizeof(spool), "%s/spool", dir);
	snprintf(journal, sizeof(journal), "%s" MOVED_SUFFIX, spool);
	snprintf(output, sizeof(output), "%s/moved", dir);
}

/* Takes journal and what was moved from the end of the input. Bytes that are left; moved ones. */
static size_t put_moved(uint8_t how, uint8_t *data, size_t size, size_t *ret_moved)
{
	struct buf made AUTO_BUF = { 0 };
	size_t entries, len;

	*ret_moved = 0;
	unlink(journal);
	if (!(how & (ENTRIES | JOURNAL)) || size < 4)
		return size;
	size -= 4;
	entries = get_u16(data + size, false);
	len = get_u16(data + size + 2, false);
	if (len > size || entries > size - len)
		return size;
	size -= len + entries;
	if (how & REPAIR)
		(how & ENTRIES ? repair_entries : repair_journal)(data + size, entries, data + size + entries, len);
	if (how & ENTRIES)
		must(!moved_put_header(&made, size >= SPOOL_HEADER ? get_u64(data + 64, false) : 0, "moved", "moved"));
	buf_put(&made, data + size, entries);
	put_file(journal, made.data ? made.data : "", made.len);
	put_file(output, data + size + entries, len);
	*ret_moved = len;
	return size;
}

static void read_all(int fd, size_t size, size_t moved_size)
{
	struct spool_moved *moved;
	struct spool_reader *r;
	struct codec_ctx ctx = { 0 };
	struct spool_chunk c;
	const uint8_t *payload;
	uint64_t sum = 0, next = 0;
	int rc = spool_moved_open(spool, NULL, &moved, NULL);

	must(rc != -ENOMEM);
	if (rc || spool_reader_open(fd, spool, moved, NULL, &r, NULL)) {
		spool_moved_close(moved);
		return;
	}
	while ((rc = spool_reader_next(r, &c, &payload, NULL)) > 0) {
		if (c.fd == fd)
			must(c.offset >= SPOOL_HEADER && c.csize <= size - c.offset);
		else
			must(moved && c.offset <= moved_size && c.csize <= moved_size - c.offset);
		must(c.seq >= next && c.usize && c.usize % spool_reader_info(r)->page_size == 0);
		for (uint32_t i = 0; i < c.csize; i++)
			sum += payload[i];
		next = c.seq + 1;
		unpack(&ctx, spool_reader_codec(r), &c, payload);
	}
	must(!rc && (moved || (spool_reader_damage(r) <= size && sum <= 255 * (uint64_t)size)));
	codec_ctx_release(&ctx);
	spool_reader_close(r);
	spool_moved_close(moved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t moved;
	uint8_t *copy;
	int fd;

	if (size < 1 || size > 1 << 20)
		return 0;
	make_folder();
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data + 1, size - 1);
	size = put_moved(data[0], copy, size - 1, &moved);
	if (data[0] & REPAIR)
		repair(copy, size);
	put_file(spool, copy, size);
	fd = open(spool, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	read_all(fd, size, moved);
	close(fd);
	free(copy);
	return 0;
}
