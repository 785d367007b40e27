// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "record/perf_pages.h"

#define GAP_LEN UINT32_MAX		/* instead of a length: events were lost here */
/* An entry's head with its length, and the number of lost events behind the entries. */
#define ENTRY_SPARE (8 + 8)

/* One that waits for its turn. */
struct perf_held {
	uint64_t ts;
	uint64_t nr;			/* the how manieth that came */
	uint64_t at;			/* its bytes; of a gap the number of lost events */
	uint32_t len;
};

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory for perf's events");
}

static uint64_t add_loss(uint64_t a, uint64_t b)
{
	return a > RING_LOST_UNKNOWN - b ? RING_LOST_UNKNOWN : a + b;
}

/* ---- coming in -------------------------------------------------------------------------- */

static int hold(struct perf_pages *p, struct perf_held h, struct err *e)
{
	h.nr = p->arrived++;
	if (p->held.nr && h.ts < p->held.v[p->held.nr - 1].ts)
		p->unordered = true;
	if (h.ts > p->latest)
		p->latest = h.ts;
	return vec_push(&p->held, h) ? no_memory(e) : 0;
}

int perf_pages_put(struct perf_pages *p, uint64_t ts, const void *data, size_t len, struct err *e)
{
	struct perf_held h = { .ts = ts, .at = p->bytes.len, .len = len };

	return buf_put(&p->bytes, data, len) ? no_memory(e) : hold(p, h, e);
}

int perf_pages_lost(struct perf_pages *p, uint64_t ts, uint64_t nr, struct err *e)
{
	return hold(p, (struct perf_held){ .ts = ts, .at = nr, .len = GAP_LEN }, e);
}

size_t perf_pages_held(const struct perf_pages *p)
{
	return p->held.nr * sizeof(*p->held.v) + p->bytes.len;
}

/* ---- going out -------------------------------------------------------------------------- */

static int close_page(struct perf_pages *p, struct err *e)
{
	ring_encoder_finish(&p->enc);
	p->open = false;
	return p->page(p->ctx, p->data, e);
}

static int open_page(struct perf_pages *p, struct err *e)
{
	if (!p->data)
		p->data = malloc(p->page_size);
	if (!p->data)
		return no_memory(e);
	ring_encoder_init(&p->enc, &p->abi, p->data, p->page_size);
	ring_encoder_lost(&p->enc, p->gap);
	p->lost = add_loss(p->lost, p->gap);
	p->gap = 0;
	p->open = true;
	return 0;
}

static int emit_event(struct perf_pages *p, const struct perf_held *h, struct err *e)
{
	int ret = 0, put = 0;

	if (h->len > p->page_size - RING_HEADER_MAX - ENTRY_SPARE - 4) {
		p->too_large++;
		p->gap = add_loss(p->gap, 1);
		return 0;
	}
	if (p->open && p->gap)
		ret = close_page(p, e);
	while (!ret && !put) {
		if (!p->open)
			ret = open_page(p, e);
		if (!ret)
			put = ring_encoder_put(&p->enc, h->ts, p->bytes.data + h->at, h->len);
		if (!ret && !put)
			ret = close_page(p, e);
	}
	if (ret)
		return ret;
	p->events++;
	if (h->ts < p->out)
		p->late++;
	else
		p->out = h->ts;
	return 0;
}

static int by_time(const void *one, const void *other)
{
	const struct perf_held *a = one, *b = other;

	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	return a->nr < b->nr ? -1 : a->nr > b->nr;
}

/* Forgets the first @nr of the held. */
static int forget(struct perf_pages *p, size_t nr, struct err *e)
{
	struct buf old;

	buf_clear(&p->spare);
	for (size_t i = nr; i < p->held.nr; i++) {
		struct perf_held h = p->held.v[i];

		if (h.len != GAP_LEN) {
			h.at = p->spare.len;
			if (buf_put(&p->spare, p->bytes.data + p->held.v[i].at, h.len))
				return no_memory(e);
		}
		p->held.v[i - nr] = h;
	}
	p->held.nr -= nr;
	old = p->bytes;
	p->bytes = p->spare;
	p->spare = old;
	return 0;
}

int perf_pages_release(struct perf_pages *p, uint64_t until, struct err *e)
{
	size_t i;
	int ret = 0;

	if (p->unordered)
		qsort(p->held.v, p->held.nr, sizeof(*p->held.v), by_time);
	p->unordered = false;
	for (i = 0; i < p->held.nr && p->held.v[i].ts <= until && !ret; i++) {
		const struct perf_held *h = &p->held.v[i];

		if (h->len == GAP_LEN)
			p->gap = add_loss(p->gap, h->at);
		else
			ret = emit_event(p, h, e);
	}
	if (!ret && i)
		ret = forget(p, i, e);
	return ret;
}

/* What was lost behind the last event is told by a sub-buffer without any, of its time. */
static int end_gap(struct perf_pages *p, struct err *e)
{
	int ret = p->open ? close_page(p, e) : 0;

	if (!ret)
		ret = open_page(p, e);
	if (!ret)
		ring_encoder_pad(&p->enc, p->latest, 4);
	return ret;
}

int perf_pages_end(struct perf_pages *p, struct err *e)
{
	int ret = perf_pages_release(p, UINT64_MAX, e);

	if (!ret && p->gap)
		ret = end_gap(p, e);
	if (!ret && p->open)
		ret = close_page(p, e);
	return ret;
}

void perf_pages_free(struct perf_pages *p)
{
	vec_release(&p->held);
	buf_release(&p->bytes);
	buf_release(&p->spare);
	free(p->data);
	*p = (struct perf_pages){ 0 };
}
