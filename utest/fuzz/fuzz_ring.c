// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a sub-buffer. Input: a byte of layout (bit 0 big endian, bit 1
 * long of 8, bit 2 the page is cut), then the page. What can be read is put
 * through the encoder and must come back the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "ring/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* Entries lie one behind the other, inside the page. */
static void walk(struct ring_page *p)
{
	struct ring_event ev;
	uint32_t at = p->header;
	int rc;

	while ((rc = ring_page_next_entry(p, &ev)) == 1) {
		must(ev.offset == at && ev.size >= 4 && ev.size <= p->end - at);
		at += ev.size;
		if (ev.type == RING_DATA)
			must((const uint8_t *)ev.data + ev.len == p->data + at && ev.len % 4 == 0);
		else
			must(!ev.data && !ev.len);
	}
	must((rc < 0) == (p->bad != RING_OK));
}

static void round_trip(struct ring_page *p, size_t size)
{
	uint8_t *page = malloc(size);
	struct ring_event ev, got;
	struct ring_encoder enc;
	struct ring_page again, first = *p;
	size_t n = 0;

	if (!page)
		return;
	ring_encoder_init(&enc, &p->abi, page, size);
	ring_encoder_lost(&enc, p->lost);
	while (ring_page_next(p, &ev) == 1 &&
	       ring_encoder_put(&enc, ev.ts, ev.data, ev.len) == 1)
		n++;
	ring_encoder_finish(&enc);
	must(ring_page_open(&again, &p->abi, page, size) == 0);
	must(again.lost == p->lost);
	for (; n; n--) {
		must(ring_page_next(&first, &ev) == 1 && ring_page_next(&again, &got) == 1);
		must(ev.ts == got.ts && ev.len == got.len && !memcmp(ev.data, got.data, ev.len));
	}
	must(ring_page_next(&again, &got) == 0);
	free(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ring_abi abi;
	struct ring_page p;
	size_t page_size;

	if (!size || size > 1 << 20)
		return 0;
	abi.big_endian = *data & 1;
	abi.long_size = *data & 2 ? 8 : 4;
	page_size = --size + (*data & 4 ? 100 : 0);
	data++;
	if (ring_page_open_cut(&p, &abi, data, size, page_size)) {
		must(p.bad != RING_OK && p.lost == RING_LOST_UNKNOWN);
		return 0;
	}
	walk(&p);
	ring_page_open_cut(&p, &abi, data, size, page_size);
	round_trip(&p, size + RING_HEADER_MAX + 16);
	return 0;
}
