// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as what the other machine says when clocks are compared: to a host and a guest, of each
 * protocol (first byte), and as offered names. What is taken has sensible results, what is not is told.
 */
#include <stdlib.h>

#include "remote/tsync.h"

#define OUT_MAX (1 << 20)
#define BUDGET 17			/* looks at the clock: enough for 9 exchanges, as the corpus has */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* Shows one more each time it is looked at. */
struct counter { uint64_t now, times[2][TSYNC_PROBES_MAX + 2]; };

static int begin(void *ctx, int cpu, struct err *e)
{
	struct counter *c = ctx;

	(void)cpu, (void)e;
	memset(c->times, 0, sizeof(c->times));
	return 0;
}

static int mark(void *ctx, enum tsync_mark kind, uint32_t nr, struct err *e)
{
	struct counter *c = ctx;

	(void)e;
	must(nr <= TSYNC_PROBES_MAX + 1);
	c->times[kind][nr] = ++c->now;
	return 0;
}

static int times(void *ctx, enum tsync_mark kind, uint64_t *ret, uint32_t nr, struct err *e)
{
	struct counter *c = ctx;

	(void)e;
	must(nr <= TSYNC_PROBES_MAX + 2);
	memcpy(ret, c->times[kind], nr * sizeof(*ret));
	return 0;
}

static uint64_t now(void *ctx)
{
	return ((struct counter *)ctx)->now;
}

/* @piece: bytes that come at once. */
static void to_host(const char *name, const struct tsync_clock *clock, const uint8_t *data, size_t size, size_t piece)
{
	static const struct dat_shift_sample cpus[2] = { { 0, 5, 1, 0 }, { 0, -5, 3, 63 } };
	struct tsync_host h;
	struct err e = { 0 };
	int r = 0;

	must(!tsync_host_init(&h, name, clock));
	h.kvm = cpus;
	h.kvm_cpus = 2;
	for (uint16_t cpu = 0; size && cpu < 2 && r >= 0; cpu++) {
		must(!tsync_host_probe(&h, cpu, &e));
		for (r = 0; size && !r;) {
			size_t n = size < piece ? size : piece;

			r = tsync_host_feed(&h, data, n, &e);
			data += n;
			size -= n;
		}
		must(h.in.len <= WIRE_MSG_MAX + piece && h.out.len <= OUT_MAX);
		must(r <= 0 || !h.usable || h.sample.shift.time == h.sample.quality.time);
		buf_clear(&h.out);
	}
	must(r >= 0 || *e.text);
	tsync_host_release(&h);
}

static void to_guest(const char *name, const struct tsync_clock *clock, const uint8_t *data, size_t size, size_t piece)
{
	struct tsync_guest g;
	struct err e = { 0 };
	int r = 0;

	must(!tsync_guest_init(&g, name, clock, BUDGET));
	while (size && !r) {
		size_t n = size < piece ? size : piece;

		r = tsync_guest_feed(&g, data, n, &e);
		data += n;
		size -= n;
		must(g.in.len <= WIRE_MSG_MAX + piece && g.out.len <= OUT_MAX);
		buf_clear(&g.out);
	}
	must(r >= 0 || *e.text);
	tsync_guest_release(&g);
}

static void as_offers(const uint8_t *data, size_t size)
{
	char name[TSYNC_NAME_SIZE] = "";
	struct err e = { 0 };
	int r = tsync_choose(data, size, TSYNC_GUEST, "local", false, name, &e);

	must(r < 0 ? *e.text : tsync_known(name) == (r == 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { TSYNC_PTP, TSYNC_KVM, TSYNC_OWN };
	struct counter c = { .now = 1000 };
	struct tsync_clock clock = { &c, begin, mark, times, now };
	const char *name;
	size_t piece;

	if (!size)
		return 0;
	name = names[*data % 3];
	piece = *data & 0x80 ? 7 : 16384;
	if (*data & 0x40)
		to_guest(name, &clock, data + 1, size - 1, piece);
	else
		to_host(name, &clock, data + 1, size - 1, piece);
	as_offers(data + 1, size - 1);
	return 0;
}
