// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>

#include "record/perf_pages.h"
#include "record/perf_source.h"

struct perf_source {
	struct source base;
	struct kernel_perf *perf;
	size_t ring;
	const struct perf_stacks *stacks;
	uint32_t page_size;
	struct perf_attr attr;
	struct buf records;		/* as they were in the ring */
	struct buf pages;		/* sub-buffers made of them */
	size_t given;			/* bytes of these that were handed over */
	struct perf_pages made;
	struct buf event, stack;	/* one being made */
	uint64_t last_ts;		/* of the last sample in the ring */
	uint64_t complete;		/* all up to this time has come */
	uint64_t told, recorded;	/* losses: in sub-buffers; by the ring's records */
	struct perf_source_stats stats;	/* read by other threads */
};

static int take_page(void *ctx, const void *page, struct err *e)
{
	struct perf_source *s = ctx;

	return buf_put(&s->pages, page, s->page_size) ? err_errno(e, -ENOMEM, "cannot hold what perf recorded") : 0;
}

/* Of all losses up to now so many are to be told. */
static int tell_lost(struct perf_source *s, uint64_t all, struct err *e)
{
	uint64_t more = all > s->told ? all - s->told : 0;

	s->told += more;
	return more ? perf_pages_lost(&s->made, s->last_ts, more, e) : 0;
}

static int put_stacks(struct perf_source *s, const struct perf_sample *sample, struct err *e)
{
	int r = 0;

	for (int user = 0; user < 2 && r >= 0; user++) {
		r = perf_stack_record(s->stacks, sample, user, &s->stack, NULL);
		if (r > 0)
			r = perf_pages_put(&s->made, sample->at.time, s->stack.data, s->stack.len, e);
		else if (r < 0)
			err_errno(e, r, "cannot hold what perf recorded");
	}
	return r;
}

static int put_sample(struct perf_source *s, const struct perf_record *rec, struct err *e)
{
	struct perf_sample sample;
	const void *data;
	uint16_t type;
	int r = perf_sample_parse(&s->attr, rec, &sample, e);

	if (r)
		return r;
	s->last_ts = sample.at.time;
	data = sample.raw;
	if (sample.raw_len >= sizeof(type) && s->attr.sample_type & PERF_SAMPLE_IDENTIFIER &&
	    kernel_perf_type(s->perf, sample.at.id, &type)) {
		buf_clear(&s->event);
		if (buf_put(&s->event, sample.raw, sample.raw_len))
			return err_errno(e, -ENOMEM, "cannot hold what perf recorded");
		memcpy(s->event.data, &type, sizeof(type));
		data = s->event.data;
	}
	r = perf_pages_put(&s->made, sample.at.time, data, sample.raw_len, e);
	return !r && sample.chain_nr && sample.raw_len >= PERF_STACK_RAW_MIN ? put_stacks(s, &sample, e) : r;
}

static int put_record(struct perf_source *s, const struct perf_record *rec, struct err *e)
{
	struct perf_lost lost;
	int r;

	if (rec->type == PERF_RECORD_SAMPLE)
		return put_sample(s, rec, e);
	if (rec->type != PERF_RECORD_LOST)
		return 0;
	r = perf_lost_parse(&s->attr, rec, &lost, e);
	if (r)
		return r;
	s->recorded += lost.lost;
	return tell_lost(s, s->recorded, e);
}

/* What is in the ring now. The number of bytes, -errno. */
static ssize_t take_ring(struct perf_source *s, struct err *e)
{
	struct perf_record rec;
	struct cur c;
	int r;

	buf_clear(&s->records);
	r = kernel_perf_take(s->perf, s->ring, &s->records);
	if (r)
		return err_errno(e, r, "cannot hold what perf recorded");
	c = (struct cur){
		.data = (const uint8_t *)s->records.data, .len = s->records.len, .big_endian = s->attr.big_endian,
	};
	while (!r && (r = perf_record_next(&c, &rec, e)) > 0)
		r = put_record(s, &rec, e);
	return r ? r : (ssize_t)s->records.len;
}

static int release(struct perf_source *s, bool nothing, bool all, struct err *e)
{
	uint64_t until = s->complete, lost;

	if (all && kernel_perf_lost(s->perf, s->ring, &lost) && tell_lost(s, lost, e))
		return e->code;
	if (nothing || all)
		return perf_pages_end(&s->made, e);
	s->complete = s->made.latest;
	return perf_pages_release(&s->made, until, e);
}

/* Makes sub-buffers of what has come. */
static int fetch(struct perf_source *s, bool all)
{
	struct err e = { 0 };
	ssize_t n = take_ring(s, &e);
	int r;

	if (!n && !all && !kernel_perf_idle(s->perf, s->ring))
		n = take_ring(s, &e);
	buf_clear(&s->pages);
	s->given = 0;
	r = n < 0 ? (int)n : release(s, !n, all, &e);
	__atomic_store_n(&s->stats.events, s->made.events, __ATOMIC_RELAXED);
	__atomic_store_n(&s->stats.lost, s->made.lost, __ATOMIC_RELAXED);
	__atomic_store_n(&s->stats.too_large, s->made.too_large, __ATOMIC_RELAXED);
	__atomic_store_n(&s->stats.latest, s->made.latest, __ATOMIC_RELAXED);
	return r;
}

static ssize_t perf_take(struct source *base, uint8_t *buf, size_t cap, bool all)
{
	struct perf_source *s = (struct perf_source *)base;
	size_t n;
	int r = s->given == s->pages.len ? fetch(s, all) : 0;

	n = s->pages.len - s->given;
	if (n > cap)
		n = cap - cap % s->page_size;
	if (n)
		memcpy(buf, s->pages.data + s->given, n);
	s->given += n;
	return r ? source_failed(base, n, r) : (ssize_t)n;
}

static int perf_fd(const struct source *base)
{
	const struct perf_source *s = (const struct perf_source *)base;

	return kernel_perf_ring_fd(s->perf, s->ring);
}

static void perf_free(struct source *base)
{
	struct perf_source *s = (struct perf_source *)base;

	buf_release(&s->records);
	buf_release(&s->pages);
	buf_release(&s->event);
	buf_release(&s->stack);
	perf_pages_free(&s->made);
	free(s);
}

static const struct source_kind perf_kind = { .take = perf_take, .fd = perf_fd, .free = perf_free };

int perf_source_new(struct kernel_perf *perf, size_t ring, const struct perf_stacks *stacks,
		    const struct ring_abi *abi, uint32_t page_size, struct source **ret, struct err *e)
{
	struct perf_source *s = calloc(1, sizeof(*s));
	const void *attr;
	size_t size;

	if (!s)
		return err_errno(e, -ENOMEM, "cannot read perf's ring");
	attr = kernel_perf_attr(perf, &size);
	perf_attr_decode(attr, size, abi->big_endian, &s->attr);	/* it is as long as this program has it */
	s->base.kind = &perf_kind;
	s->perf = perf;
	s->ring = ring;
	s->stacks = stacks;
	s->page_size = page_size;
	s->made = (struct perf_pages){ .abi = *abi, .page_size = page_size, .page = take_page, .ctx = s };
	*ret = &s->base;
	return 0;
}

void perf_source_stats(const struct source *base, struct perf_source_stats *ret)
{
	const struct perf_source *s = (const struct perf_source *)base;

	ret->events = __atomic_load_n(&s->stats.events, __ATOMIC_RELAXED);
	ret->lost = __atomic_load_n(&s->stats.lost, __ATOMIC_RELAXED);
	ret->too_large = __atomic_load_n(&s->stats.too_large, __ATOMIC_RELAXED);
	ret->latest = __atomic_load_n(&s->stats.latest, __ATOMIC_RELAXED);
}
