// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as what a recorder says on the control connection. The first byte tells in what
 * pieces they come; that must not change what is answered.
 */
#include <stdlib.h>

#include "remote/talk.h"

#define METADATA_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static int on_open(void *ctx, struct wire_init *init, uint32_t *ports, struct err *e)
{
	(void)ctx;
	(void)e;
	must(init->cpus && init->cpus <= WIRE_CPUS_MAX && init->page_size >= WIRE_PAGE_MIN &&
	     init->page_size <= WIRE_PAGE_MAX);
	for (uint32_t i = 0; i < init->cpus; i++)
		ports[i] = 1500 + i;
	return 0;
}

static int on_metadata(void *ctx, const void *data, size_t len, struct err *e)
{
	size_t *sum = ctx;
	uint8_t any = 0;

	(void)e;
	for (size_t i = 0; i < len; i++)
		any |= ((const uint8_t *)data)[i];
	*sum += len + (any & 0);
	return 0;
}

static int on_end(void *ctx, struct err *e)
{
	size_t *sum = ctx;

	(void)e;
	must(*sum <= METADATA_MAX);
	*sum = 0;
	return 0;
}

static int talk(const uint8_t *data, size_t size, size_t step, struct buf *answer)
{
	static const struct talk_server_fns fns = { on_open, on_metadata, on_end };
	struct talk_server s;
	struct err e = { 0 };
	size_t sum = 0;
	int r = 0;

	must(!talk_server_init(&s, &fns, &sum, NULL));
	s.metadata_max = METADATA_MAX;
	for (size_t at = 0; at < size && !r; at += step)
		r = talk_server_feed(&s, data + at, size - at < step ? size - at : step, &e);
	must(r >= 0 || *e.text);
	if (!r)
		r = talk_server_eof(&s, &e);
	must(r == 1 || *e.text);
	must(s.in.len <= WIRE_MSG_MAX + step);
	buf_put(answer, s.out.data, s.out.len);
	talk_server_release(&s);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole AUTO_BUF = { 0 }, pieces AUTO_BUF = { 0 };
	int r;

	if (!size)
		return 0;
	r = talk(data + 1, size - 1, size, &whole);
	must(talk(data + 1, size - 1, 1 + data[0], &pieces) == r);
	must(whole.len == pieces.len && !memcmp(whole.data, pieces.data, whole.len));
	return 0;
}
