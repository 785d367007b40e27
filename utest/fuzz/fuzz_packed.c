// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a chunk on its way: what is taken has its sizes within bounds. The first byte says of what machine. */
#include <stdlib.h>

#include "remote/packed.h"

#define BOUND (1u << 19)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t cpus[] = { 1, 8, 256, 4096 };
	struct ring_abi abi = { .long_size = 8 };
	struct packed_expected x = { .cpu = 3, .seq = 7, .abi = &abi };
	struct spool_header h;
	struct err e = { 0 };
	uint8_t *copy;

	if (size < 1 + SPOOL_HEADER || (*data & 16 && codec_choose("zstd", &x.codec, NULL)))
		return 0;
	x.cpus = cpus[*data & 3];
	x.page_size = 4096u << (*data >> 2 & 3);
	abi.big_endian = *data & 32;
	copy = malloc(size - 1);
	must(copy);
	memcpy(copy, data + 1, size - 1);
	if (packed_header(copy, &x, &h, &e)) {
		must(*e.text);
	} else {
		must(h.usize && h.usize <= BOUND && !(h.usize % x.page_size));
		must(h.csize && h.csize <= 2 * BOUND && (x.codec || h.csize == h.usize));
		if (h.csize <= size - 1 - SPOOL_HEADER)
			packed_whole(copy, &h);
	}
	free(copy);
	return 0;
}
