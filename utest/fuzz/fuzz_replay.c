// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole file from hostile hands, replayed: twice, once with peeking, and both
 * must give the same records.
 */
#include <stdint.h>

#include "replay/files.h"
#include "replay/replay.h"

#define FILE_MAX 16384		/* bounds what can be made of it by decompression */
#define RECORDS_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static struct replay *replay_of(const uint8_t *data, size_t len, const struct replay_opts *opts)
{
	struct dat_reader *r;
	struct replay *rp;
	struct err e = { 0 };

	if (dat_reader_open_memory(data, len, NULL, &r, &e))
		return NULL;
	must(replay_new(opts, &rp, &e) == 0);
	must(replay_add_file(rp, r, NULL, NULL, &e) == 0);
	must(replay_start(rp, &e) == 0);
	return rp;
}

static bool same(const struct replay_record *a, const struct replay_record *b)
{
	return a->ts == b->ts && a->cpu == b->cpu && a->buffer == b->buffer && a->lost == b->lost &&
	       a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static void compare(struct replay *a, struct replay *b)
{
	struct replay_record ra, rb, peeked;
	const struct replay_record *next;
	struct err e = { 0 };

	for (int i = 0; i < RECORDS_MAX; i++) {
		int rc = replay_next(a, &ra, &e);

		if (rc == 1) {
			must(replay_peek_cpu(b, 0, ra.buffer, ra.cpu, &peeked, &e) == 1);
			must(same(&peeked, &ra));
			must(replay_cursor_peek_buffer(b->main, 0, ra.buffer, &next, &e) == 1);
			must(same(next, &ra));
		}
		must(replay_next(b, &rb, &e) == rc);
		if (rc != 1)
			break;
		must(same(&rb, &ra));
	}
	must(replay_damage(a) <= replay_damage(b));	/* b may have looked further */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct replay_opts raw = { .raw_ts = true, .want_entries = true };
	struct replay *a, *b;
	struct replay_record rec;
	struct err e = { 0 };

	if (len > FILE_MAX)
		return 0;
	a = replay_of(data, len, NULL);
	if (!a)
		return 0;
	b = replay_of(data, len, NULL);
	must(b != NULL);
	compare(a, b);
	replay_in_seconds(a, 0);
	for (unsigned i = 0; i < dat_reader_nr_buffers(replay_reader(a, 0)); i++) {
		const struct dat_buffer *buf = dat_reader_buffer(replay_reader(a, 0), i);
		uint64_t first, last;

		for (uint32_t k = 0; k < buf->nr_cpus; k++)
			replay_cpu_span(a, 0, i, buf->cpus[k].cpu, &first, &last, &e);
	}
	replay_free(a);
	replay_free(b);
	a = replay_of(data, len, &raw);
	must(a != NULL);
	for (int i = 0; i < RECORDS_MAX && replay_next(a, &rec, &e) == 1; i++)
		must((rec.data != NULL) == (rec.entry.type == RING_DATA));
	replay_free(a);
	return 0;
}
