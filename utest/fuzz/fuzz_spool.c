// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a spool. The input's first byte chooses whether the chunks'
 * checks are made right first, so that mutations get past them.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/spool_layout.h"

#define REPAIR 1
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

static void read_all(int fd, size_t size)
{
	struct spool_reader *r;
	struct codec_ctx ctx = { 0 };
	struct spool_chunk c;
	const uint8_t *payload;
	uint64_t sum = 0, next = 0;
	int rc;

	if (spool_reader_open(fd, "fuzz", NULL, NULL, &r, NULL))
		return;
	while ((rc = spool_reader_next(r, &c, &payload, NULL)) > 0) {
		must(c.offset >= SPOOL_HEADER && c.csize <= size - c.offset);
		must(c.seq >= next && c.usize && c.usize % spool_reader_info(r)->page_size == 0);
		for (uint32_t i = 0; i < c.csize; i++)
			sum += payload[i];
		next = c.seq + 1;
		unpack(&ctx, spool_reader_codec(r), &c, payload);
	}
	must(!rc && spool_reader_damage(r) <= size && sum <= 255 * (uint64_t)size);
	codec_ctx_release(&ctx);
	spool_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;
	int fd;

	if (size < 1 || size > 1 << 20)
		return 0;
	copy = malloc(size);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (!copy || fd < 0)
		abort();
	memcpy(copy, data + 1, size - 1);
	if (data[0] & REPAIR)
		repair(copy, size - 1);
	if (write_full(fd, copy, size - 1))
		abort();
	read_all(fd, size - 1);
	close(fd);
	free(copy);
	return 0;
}
