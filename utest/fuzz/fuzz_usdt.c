// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Markers' notes as programs carry them, and what their arguments become, each of which has to pass as a
 * probe's. The first byte: bit 0 64 bits, bit 1 big-endian.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/usdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_args(const char *text)
{
	struct usdt_arg a;

	while (usdt_arg_next(&text, &a)) {
		char arg[80];
		struct err e = { 0 };

		if (a.why)
			continue;
		snprintf(arg, sizeof(arg), "a=%s:%s", a.fetch, a.type);
		if (dyn_arg_check(arg, 0, strlen(arg), &e)) {
			fprintf(stderr, "'%s': %s\n", arg, e.text);
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct usdt_note note;
	struct err e = { 0 };
	struct cur c;

	if (!size)
		return 0;
	c = (struct cur){ .data = data + 1, .len = size - 1, .big_endian = data[0] & 2 };
	while (usdt_note_next(&c, data[0] & 1, &note, &e) > 0) {
		if (strlen(note.provider) + strlen(note.name) > size)
			abort();
		check_args(note.args);
	}
	return 0;
}
