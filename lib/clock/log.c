// SPDX-License-Identifier: LGPL-2.1-or-later
/* The samples of a session. */
#include <errno.h>
#include <stdlib.h>

#include "clock/sync.h"

int sync_log_init(struct sync_log *l, uint32_t cpus)
{
	*l = (struct sync_log){ .shift.nr_cpus = cpus, .quality.nr_cpus = cpus };
	l->shift.cpus = calloc(cpus, sizeof(*l->shift.cpus));
	l->quality.cpus = calloc(cpus, sizeof(*l->quality.cpus));
	if (l->shift.cpus && l->quality.cpus)
		return 0;
	sync_log_release(l);
	return -ENOMEM;
}

void sync_log_release(struct sync_log *l)
{
	dat_time_shift_release(&l->shift);
	dat_time_sync_release(&l->quality);
}

/* Room for one more behind @nr of them. False: no memory. */
static bool make_room(void **v, uint32_t nr, size_t size)
{
	void *more;

	if (nr & (nr - 1))
		return true;		/* it has room for the next power of two */
	more = realloc(*v, size * (nr ? 2 * (size_t)nr : 1));
	if (more)
		*v = more;
	return more;
}

int sync_log_add(struct sync_log *l, uint32_t cpu, const struct sync_sample *s)
{
	struct dat_shift_cpu *sc = &l->shift.cpus[cpu];
	struct dat_sync_cpu *qc = &l->quality.cpus[cpu];

	if (sc->nr && s->shift.time <= sc->samples[sc->nr - 1].time)
		return 0;
	if (!make_room((void **)&sc->samples, sc->nr, sizeof(*sc->samples)) ||
	    !make_room((void **)&qc->samples, qc->nr, sizeof(*qc->samples)))
		return -ENOMEM;
	sc->samples[sc->nr++] = s->shift;
	qc->samples[qc->nr++] = s->quality;
	return 0;
}

/* What the samples of one CPU say of an offset that does not change. False: they contradict each other. */
static bool constant(const struct dat_shift_cpu *sc, const struct dat_sync_cpu *qc, int64_t *ret_low,
		     int64_t *ret_high)
{
	int64_t low = INT64_MIN, high = INT64_MAX, from, to;

	for (uint32_t i = 0; i < sc->nr; i++) {
		uint64_t bound = qc->samples[i].bound;

		if (bound > INT64_MAX ||
		    __builtin_sub_overflow(sc->samples[i].offset, (int64_t)bound, &from) ||
		    __builtin_add_overflow(sc->samples[i].offset, (int64_t)bound, &to))
			return false;
		low = from > low ? from : low;
		high = to < high ? to : high;
	}
	*ret_low = low;
	*ret_high = high;
	return low <= high;
}

bool sync_log_constant(struct sync_log *l)
{
	int64_t low, high;

	for (uint32_t i = 0; i < l->shift.nr_cpus; i++)
		if (!constant(&l->shift.cpus[i], &l->quality.cpus[i], &low, &high))
			return false;
	for (uint32_t i = 0; i < l->shift.nr_cpus; i++) {
		struct dat_shift_cpu *sc = &l->shift.cpus[i];
		uint64_t width;

		constant(sc, &l->quality.cpus[i], &low, &high);
		width = (uint64_t)high - (uint64_t)low;
		for (uint32_t k = 0; k < sc->nr; k++) {
			sc->samples[k].offset = low + (int64_t)(width / 2);
			l->quality.cpus[i].samples[k].bound = width / 2 + width % 2;
		}
	}
	return true;
}

/* Gives CPU @to what @from has; nobody knows how good that is. */
static int lend(struct sync_log *l, uint32_t from, uint32_t to)
{
	struct dat_shift_cpu *sc = &l->shift.cpus[from];
	struct dat_sync_cpu *qc = &l->quality.cpus[from];
	struct sync_sample s;
	int r = 0;

	for (uint32_t i = 0; i < sc->nr && !r; i++) {
		s = (struct sync_sample){ sc->samples[i], qc->samples[i] };
		s.quality.bound = DAT_BOUND_UNKNOWN;
		r = sync_log_add(l, to, &s);
	}
	return r;
}

int sync_log_finish(struct sync_log *l)
{
	uint32_t from = 0;
	int r = 0;

	while (from < l->shift.nr_cpus && !l->shift.cpus[from].nr)
		from++;
	if (from == l->shift.nr_cpus)
		return -ENODATA;
	for (uint32_t i = 0; i < l->shift.nr_cpus && !r; i++)
		if (!l->shift.cpus[i].nr)
			r = lend(l, from, i);
	if (!r)
		l->shift.present = l->quality.present = true;
	return r;
}
