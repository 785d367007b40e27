// SPDX-License-Identifier: LGPL-2.1-or-later
/* TIME_SHIFT, GUEST and TIME_SYNC, sections 6.3 to 6.5 of the format. */
#include <errno.h>
#include <stdlib.h>

#include "dat/reader.h"

static int bad(struct dat_reader *r, const struct dat_option *o, uint64_t offset, const char *why)
{
	dat_notice(r, "'%s': option %s at offset 0x%" PRIx64 ": %s (offset 0x%" PRIx64
		   "); ignored", r->name, dat_id_name(o->id), o->offset, why, offset);
	return -EBADMSG;
}

void dat_time_shift_release(struct dat_time_shift *ts)
{
	for (uint32_t i = 0; ts->cpus && i < ts->nr_cpus; i++)
		free(ts->cpus[i].samples);
	free(ts->cpus);
	memset(ts, 0, sizeof(*ts));
}

/* Time, offset and scaling of one CPU's samples. */
static int read_samples(struct dat_reader *r, const struct dat_option *o, struct cur *c,
			struct dat_shift_cpu *sc)
{
	uint64_t at = cur_offset(c);
	uint32_t n;

	if (!cur_u32(c, &n))
		return bad(r, o, at, "a CPU's sample count is missing");
	if (!n)
		return bad(r, o, at, "a CPU has no samples");
	if (n > cur_left(c) / 24)
		return bad(r, o, at, "a CPU claims more samples than there are bytes for");
	sc->samples = calloc(n, sizeof(*sc->samples));
	if (!sc->samples)
		return -ENOMEM;
	sc->nr = n;
	for (uint32_t i = 0; i < n; i++)
		cur_s64(c, &sc->samples[i].time);
	for (uint32_t i = 0; i < n; i++)
		cur_s64(c, &sc->samples[i].offset);
	for (uint32_t i = 0; i < n; i++)
		cur_s64(c, &sc->samples[i].scaling);
	return 0;
}

static int read_fractions(struct dat_reader *r, const struct dat_option *o, struct cur *c,
			  struct dat_time_shift *ts)
{
	if (!cur_left(c))
		return 0;		/* older files have none */
	for (uint32_t i = 0; i < ts->nr_cpus; i++) {
		for (uint32_t k = 0; k < ts->cpus[i].nr; k++) {
			uint64_t at = cur_offset(c), *f = &ts->cpus[i].samples[k].fraction;

			if (!cur_u64(c, f))
				return bad(r, o, at, "fractions are missing");
			if (*f > 63)
				return bad(r, o, at, "a fraction is above 63");
		}
	}
	return 0;
}

static int compare_times(const void *a, const void *b)
{
	const struct dat_shift_sample *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

static void sort_samples(struct dat_shift_cpu *sc)
{
	uint32_t n = 1;

	qsort(sc->samples, sc->nr, sizeof(*sc->samples), compare_times);
	for (uint32_t i = 1; i < sc->nr; i++)
		if (sc->samples[i].time != sc->samples[n - 1].time)
			sc->samples[n++] = sc->samples[i];
	sc->nr = n;
}

static int read_time_shift(struct dat_reader *r, const struct dat_option *o,
			   struct dat_time_shift *ts)
{
	struct cur c = dat_option_cur(r, o);
	uint32_t n;
	int ret;

	if (!cur_u64(&c, &ts->peer_id) || !cur_u32(&c, &ts->flags) || !cur_u32(&c, &n))
		return bad(r, o, o->offset, "it is shorter than 16 bytes");
	if (n > cur_left(&c) / 4)
		return bad(r, o, o->offset + 12, "it claims more CPUs than there are bytes for");
	ts->cpus = calloc(n ? n : 1, sizeof(*ts->cpus));
	if (!ts->cpus)
		return -ENOMEM;
	ts->nr_cpus = n;
	for (uint32_t i = 0; i < n; i++) {
		ret = read_samples(r, o, &c, &ts->cpus[i]);
		if (ret)
			return ret;
	}
	ret = read_fractions(r, o, &c, ts);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < n; i++)
		sort_samples(&ts->cpus[i]);
	ts->present = true;
	return 0;
}

int dat_option_time_shift(struct dat_reader *r, const struct dat_option *o)
{
	struct dat_time_shift ts = { 0 };
	int ret = read_time_shift(r, o, &ts);

	if (ret) {
		dat_time_shift_release(&ts);
		return ret;
	}
	dat_time_shift_release(&r->info.time_shift);
	r->info.time_shift = ts;
	return 0;
}

int dat_put_time_shift(struct buf *b, const struct dat_time_shift *ts)
{
	buf_u64(b, ts->peer_id);
	buf_u32(b, ts->flags);
	buf_u32(b, ts->nr_cpus);
	for (uint32_t i = 0; i < ts->nr_cpus; i++) {
		const struct dat_shift_cpu *c = &ts->cpus[i];

		buf_u32(b, c->nr);
		for (uint32_t k = 0; k < c->nr; k++)
			buf_u64(b, c->samples[k].time);
		for (uint32_t k = 0; k < c->nr; k++)
			buf_u64(b, c->samples[k].offset);
		for (uint32_t k = 0; k < c->nr; k++)
			buf_u64(b, c->samples[k].scaling);
	}
	for (uint32_t i = 0; i < ts->nr_cpus; i++)
		for (uint32_t k = 0; k < ts->cpus[i].nr; k++)
			buf_u64(b, ts->cpus[i].samples[k].fraction);
	return b->failed ? -ENOMEM : 0;
}

/* ---- TIME_SYNC ------------------------------------------------------------ */

#define SYNC_SAMPLE_BYTES 32u

void dat_time_sync_release(struct dat_time_sync *ts)
{
	for (uint32_t i = 0; ts->cpus && i < ts->nr_cpus; i++)
		free(ts->cpus[i].samples);
	free(ts->cpus);
	memset(ts, 0, sizeof(*ts));
}

int dat_put_time_sync(struct buf *b, const struct dat_time_sync *ts)
{
	buf_put(b, ts->protocol, sizeof(ts->protocol));
	buf_u32(b, ts->nr_cpus);
	for (uint32_t i = 0; i < ts->nr_cpus; i++) {
		buf_u32(b, ts->cpus[i].nr);
		for (uint32_t k = 0; k < ts->cpus[i].nr; k++) {
			const struct dat_sync_sample *s = &ts->cpus[i].samples[k];

			buf_u64(b, s->time);
			buf_u64(b, s->bound);
			buf_u64(b, s->round_trip);
			buf_u32(b, s->probes);
			buf_u32(b, s->rejected);
		}
	}
	return b->failed ? -ENOMEM : 0;
}

static int read_sync_cpu(struct dat_reader *r, const struct dat_option *o, struct cur *c,
			 struct dat_sync_cpu *sc)
{
	uint64_t at = cur_offset(c);
	uint32_t n;

	if (!cur_u32(c, &n))
		return bad(r, o, at, "a CPU's sample count is missing");
	if (n > cur_left(c) / SYNC_SAMPLE_BYTES)
		return bad(r, o, at, "a CPU claims more samples than there are bytes for");
	sc->samples = calloc(n ? n : 1, sizeof(*sc->samples));
	if (!sc->samples)
		return -ENOMEM;
	sc->nr = n;
	for (uint32_t i = 0; i < n; i++) {
		struct dat_sync_sample *s = &sc->samples[i];

		cur_s64(c, &s->time);
		cur_u64(c, &s->bound);
		cur_u64(c, &s->round_trip);
		cur_u32(c, &s->probes);
		cur_u32(c, &s->rejected);
	}
	return 0;
}

static int read_time_sync(struct dat_reader *r, const struct dat_option *o, struct dat_time_sync *ts)
{
	struct cur c = dat_option_cur(r, o);
	const uint8_t *name;
	uint32_t n;
	int ret = 0;

	if (!cur_bytes(&c, sizeof(ts->protocol), &name) || !cur_u32(&c, &n))
		return bad(r, o, o->offset, "it is shorter than 20 bytes");
	if (n > cur_left(&c) / 4)
		return bad(r, o, o->offset + sizeof(ts->protocol), "it claims more CPUs than there are bytes for");
	memcpy(ts->protocol, name, sizeof(ts->protocol) - 1);
	ts->cpus = calloc(n ? n : 1, sizeof(*ts->cpus));
	if (!ts->cpus)
		return -ENOMEM;
	ts->nr_cpus = n;
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = read_sync_cpu(r, o, &c, &ts->cpus[i]);
	ts->present = !ret;
	return ret;
}

int dat_option_time_sync(struct dat_reader *r, const struct dat_option *o)
{
	struct dat_time_sync ts = { 0 };
	int ret = read_time_sync(r, o, &ts);

	if (ret) {
		dat_time_sync_release(&ts);
		return ret;
	}
	dat_time_sync_release(&r->info.time_sync);
	r->info.time_sync = ts;
	return 0;
}

/* ---- GUEST ------------------------------------------------------------------ */

int dat_put_guest(struct buf *b, const struct dat_guest *g)
{
	buf_str(b, g->name);
	buf_u64(b, g->trace_id);
	buf_u32(b, g->nr_vcpus);
	for (uint32_t i = 0; i < g->nr_vcpus; i++) {
		buf_u32(b, i);
		buf_u32(b, g->host_pids[i]);
	}
	return b->failed ? -ENOMEM : 0;
}

static int read_guest(struct dat_reader *r, const struct dat_option *o, struct dat_guest *g)
{
	struct cur c = dat_option_cur(r, o);
	uint64_t at;
	uint32_t n;

	if (!cur_str(&c, o->size, &g->name))
		return bad(r, o, o->offset, "its name is not NUL-terminated");
	at = cur_offset(&c);
	if (!cur_u64(&c, &g->trace_id) || !cur_u32(&c, &n))
		return bad(r, o, at, "it ends before its CPU count");
	if (n != cur_left(&c) / 8 || cur_left(&c) % 8)
		return bad(r, o, at + 8, "its CPU count does not fit its size");
	g->host_pids = malloc(n ? n * sizeof(*g->host_pids) : 1);
	if (!g->host_pids)
		return -ENOMEM;
	g->nr_vcpus = n;
	for (uint32_t i = 0; i < n; i++)
		g->host_pids[i] = -1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t vcpu;
		int32_t pid;

		at = cur_offset(&c);
		cur_u32(&c, &vcpu);
		cur_s32(&c, &pid);
		if (vcpu >= n)
			return bad(r, o, at, "a virtual CPU's number is not below their count");
		g->host_pids[vcpu] = pid;
	}
	return 0;
}

int dat_option_guest(struct dat_reader *r, const struct dat_option *o)
{
	struct dat_guest g = { 0 }, *guests;
	int ret = read_guest(r, o, &g);

	if (!ret) {
		guests = realloc(r->info.guests, (r->info.nr_guests + 1) * sizeof(*guests));
		if (!guests)
			ret = -ENOMEM;
	}
	if (ret) {
		free(g.host_pids);
		return ret;
	}
	guests[r->info.nr_guests++] = g;
	r->info.guests = guests;
	return 0;
}
