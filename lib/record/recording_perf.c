// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is recorded through perf: its rings stand for the top level's buffers. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/perf_source.h"
#include "record/recording_inside.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000

static int add_ring(struct recording *rec, const struct recorded *b, size_t ring, struct err *e)
{
	const struct ring_abi abi = {
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, .long_size = rec->kernel_long,
	};
	struct stream_source src = {
		.name = "", .cpu = b->cpus[ring], .counter = malloc(sizeof(*src.counter)),
	};
	int r;

	if (!src.counter || vec_push(&rec->streams, src.counter)) {
		free(src.counter);
		return err_errno(e, -ENOMEM, "cannot record");
	}
	*src.counter = (struct counter){ .fd = -1, .ring = ring };
	r = perf_source_new(rec->opts.perf, ring, &rec->stacks, &abi, b->page_size, &src.source, e);
	if (r)
		return r;
	src.counter->source = src.source;
	return recording_add_stream(rec, rec->recorder, b, &src, e);
}

int recording_add_perf(struct recording *rec, struct err *e)
{
	struct kernel_perf *perf = rec->opts.perf;
	size_t nr = kernel_perf_nr_rings(perf);
	struct recorded *b;
	int r = vec_reserve(&rec->buffers, 1);

	if (r)
		return err_errno(e, r, "cannot record");
	b = &rec->buffers.v[rec->buffers.nr++];
	*b = (struct recorded){
		.setup = &rec->setup->instances.v[0], .in = kernel_top(rec->k), .takes_part = true,
		.cpus = calloc(nr, sizeof(*b->cpus)), .nr_cpus = nr,
	};
	if (!b->cpus)
		return err_errno(e, -ENOMEM, "cannot record");
	snprintf(b->clock, sizeof(b->clock), "%s", kernel_perf_clock(perf));
	r = kernel_instance_subbuf_size(b->in, &b->page_size, e);
	if (!r)
		r = perf_stacks_read(&rec->stacks, rec->k, rec->kernel_long, b->page_size, e);
	for (size_t i = 0; i < nr; i++)
		b->cpus[i] = kernel_perf_ring_cpu(perf, i);
	for (size_t i = 0; i < nr && !r; i++)
		r = add_ring(rec, b, i, e);
	return r;
}

/* What did not get into the file, by the events' own counts where there are any. */
static uint64_t lost(const struct recording *rec, const struct counter *c, const struct perf_source_stats *s)
{
	uint64_t all;

	if (!kernel_perf_lost(rec->opts.perf, c->ring, &all))
		return s->lost;
	return all + s->too_large;
}

int perf_stats_text(const struct recording *rec, const struct counter *c, struct buf *ret)
{
	struct perf_source_stats s;

	perf_source_stats(c->source, &s);
	return buf_printf(ret, "entries: 0\noverrun: %" PRIu64 "\ncommit overrun: 0\nbytes: 0\n"
			  "now ts: %5" PRIu64 ".%06" PRIu64 "\ndropped events: 0\nread events: %" PRIu64 "\n",
			  lost(rec, c, &s), s.latest / NS_PER_S, s.latest % NS_PER_S / NS_PER_US, s.events);
}

void perf_add_progress(const struct recording *rec, const struct counter *c, struct recording_progress *p)
{
	unsigned fill = kernel_perf_fill(rec->opts.perf, c->ring);
	struct perf_source_stats s;
	uint64_t gone;

	perf_source_stats(c->source, &s);
	gone = lost(rec, c, &s);
	p->events += s.events + gone;
	p->lost += gone;
	if (p->fill < fill)
		p->fill = fill;
}
