// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as what a listener answers. The first byte: version 1 (1), pieces (the others). */
#include <stdlib.h>

#include "remote/talk.h"

#define CPUS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_init init = { .cpus = CPUS, .page_size = 4096, .tcp = true, .late = true };
	struct talk_client c;
	struct err e = { 0 };
	size_t step = size ? 1 + data[0] / 2 : 1;
	int r = 0;

	talk_client_init(&c, size && data[0] & 1 ? 1 : 3);
	for (size_t at = 1; at < size && r >= 0; at += step) {
		r = talk_client_feed(&c, data + at, size - at < step ? size - at : step, &e);
		if (r == 1 && c.state == TALK_GREETED)
			must(!talk_client_begin(&c, &init, &e));
	}
	must(r >= 0 || *e.text);
	if (c.state == TALK_READY) {
		for (unsigned i = 0; i < CPUS; i++)
			must(c.ports[i] <= 65535);
		must(!talk_client_metadata(&c, data, size, true) && !talk_client_close(&c));
	}
	must(talk_client_eof(&c, &e) < 0 && *e.text);
	talk_client_release(&c);
	return 0;
}
