// SPDX-License-Identifier: LGPL-2.1-or-later
/* Records one by one: of a CPU, at an offset, of all CPUs. */
#include <errno.h>

#include "api/compat.h"

/* ---- who reads ---- */

/*
 * A function's text takes the exit that follows its entry. libtraceevent's handler of the
 * text is told no handle: it is that whose record the thread read last.
 */
static _Thread_local struct tracecmd_input *reading __attribute__((tls_model("initial-exec")));

void compat_now_reading(struct tracecmd_input *h)
{
	reading = h;
}

struct tracecmd_input *compat_reading(struct compat_file *f)
{
	struct tracecmd_input *found = NULL;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->handles.nr; i++)
		if (f->handles.v[i] == reading)
			found = reading;
	pthread_mutex_unlock(&f->lock);
	return found;
}

/* ---- peeked records ---- */

void compat_forget(struct tracecmd_input *h, int cpu)
{
	struct tep_record *r = h->cpus[cpu].peeked;

	if (!r)
		return;
	h->cpus[cpu].peeked = NULL;
	r->locked = 0;
	tracecmd_free_record(r);
}

void compat_forget_all(struct tracecmd_input *h)
{
	for (int cpu = 0; cpu < h->nr_cpus; cpu++)
		compat_forget(h, cpu);
}

struct tep_record *compat_taken(struct tracecmd_input *h, int cpu, const struct replay_record *rec)
{
	struct tep_record *r = h->cpus[cpu].peeked;

	if (__builtin_expect(!r, 1))
		return compat_record(h, rec);
	h->cpus[cpu].peeked = NULL;
	r->locked = 0;
	return r;
}

/* ---- a CPU ---- */

static bool has_cpu(struct tracecmd_input *h, int cpu)
{
	if (compat_need(h, true))
		return false;
	compat_now_reading(h);
	return cpu >= 0 && cpu < h->nr_cpus;
}

/* 1, 0: there is none, or no memory for it, as errno says then. */
static int peek(struct tracecmd_input *h, int cpu, const struct replay_record **ret)
{
	struct err e;		/* for each record: not worth to be cleared */
	int rc = replay_lane_peek(h->lanes, cpu, ret, &e);

	if (rc < 0)
		compat_fail(&e);
	return rc > 0;
}

static struct tep_record *take(struct tracecmd_input *h, int cpu)
{
	const struct replay_record *rec;
	struct tep_record *r;

	if (!peek(h, cpu, &rec))
		return NULL;
	r = compat_taken(h, cpu, rec);
	if (r)
		replay_lane_take(h->lanes, cpu);
	return r;
}

API struct tep_record *tracecmd_read_data(struct tracecmd_input *h, int cpu)
{
	return has_cpu(h, cpu) ? take(h, cpu) : NULL;
}

API struct tep_record *tracecmd_read_cpu_first(struct tracecmd_input *h, int cpu)
{
	if (!has_cpu(h, cpu))
		return NULL;
	compat_forget(h, cpu);
	replay_lane_rewind(h->lanes, cpu);
	return take(h, cpu);
}

API struct tep_record *tracecmd_read_at(struct tracecmd_input *h, unsigned long long offset,
					int *ret_cpu)
{
	struct tep_record *r;
	uint32_t cpu;

	if (compat_need(h, true) || !replay_lanes_find(h->lanes, offset, &cpu))
		return NULL;
	compat_now_reading(h);
	compat_forget(h, cpu);
	replay_lane_goto(h->lanes, cpu, offset);
	r = take(h, cpu);
	if (r && ret_cpu)
		*ret_cpu = cpu;
	return r;
}

API struct tep_record *tracecmd_peek_data(struct tracecmd_input *h, int cpu)
{
	const struct replay_record *rec;
	struct compat_cpu *c;

	if (!has_cpu(h, cpu))
		return NULL;
	c = &h->cpus[cpu];
	if (!c->peeked && peek(h, cpu, &rec)) {
		c->peeked = compat_record(h, rec);
		if (c->peeked)
			c->peeked->locked = 1;
	}
	return c->peeked;
}

/* ---- all CPUs ---- */

int compat_next_cpu(struct tracecmd_input *h, const struct replay_record **ret)
{
	const struct replay_record *rec;
	int cpus = replay_lanes_cpus(h->lanes), found = -1;

	for (int cpu = 0; cpu < cpus; cpu++)
		if (peek(h, cpu, &rec) && (found < 0 || rec->ts < (*ret)->ts)) {
			*ret = rec;
			found = cpu;
		}
	return found;
}

API struct tep_record *tracecmd_peek_next_data(struct tracecmd_input *h, int *rec_cpu)
{
	const struct replay_record *rec;
	struct tep_record *r;
	int cpu;

	if (compat_need(h, true))
		return NULL;
	cpu = compat_next_cpu(h, &rec);
	r = cpu < 0 ? NULL : tracecmd_peek_data(h, cpu);
	if (r && rec_cpu)
		*rec_cpu = cpu;
	return r;
}

int compat_merge_all(struct tracecmd_input *h, struct replay_merge *m, struct err *e)
{
	int rc = 0;

	for (uint32_t cpu = 0; cpu < replay_lanes_cpus(h->lanes) && !rc; cpu++)
		rc = replay_merge_add(m, h->lanes, cpu, cpu, e);
	return rc;
}

static int make_merge(struct tracecmd_input *h, struct err *e)
{
	int rc;

	if (h->merge)
		return 0;
	rc = replay_merge_new(&h->merge, e);
	if (!rc)
		rc = compat_merge_all(h, h->merge, e);
	if (rc) {
		replay_merge_free(h->merge);
		h->merge = NULL;
	}
	return rc;
}

API struct tep_record *tracecmd_read_next_data(struct tracecmd_input *h, int *rec_cpu)
{
	const struct replay_record *rec;
	struct err e = { 0 };
	struct tep_record *r;
	uint32_t cpu;
	int rc;

	if (compat_need(h, true))
		return NULL;
	compat_now_reading(h);
	rc = make_merge(h, &e);
	if (!rc)
		rc = replay_merge_next(h->merge, false, &rec, &cpu, &e);
	if (rc <= 0) {
		if (rc)
			compat_fail(&e);
		return NULL;
	}
	r = compat_taken(h, cpu, rec);
	if (r && rec_cpu)
		*rec_cpu = cpu;
	return r;
}

/* ---- backwards ---- */

/* The record in front of the position, which then is behind it. */
static struct tep_record *take_back(struct tracecmd_input *h, int cpu)
{
	const struct replay_record *rec;
	struct err e = { 0 };
	struct tep_record *r;
	int rc = replay_lane_peek_back(h->lanes, cpu, &rec, &e);

	if (rc < 0)
		compat_fail(&e);
	r = rc > 0 ? compat_record(h, rec) : NULL;
	if (r)
		replay_lane_goto(h->lanes, cpu, r->offset + r->record_size);
	return r;
}

API struct tep_record *tracecmd_read_cpu_last(struct tracecmd_input *h, int cpu)
{
	if (!has_cpu(h, cpu))
		return NULL;
	compat_forget(h, cpu);
	replay_lane_to_end(h->lanes, cpu);
	return take_back(h, cpu);
}

API struct tep_record *tracecmd_read_prev(struct tracecmd_input *h, struct tep_record *record)
{
	uint32_t cpu;

	if (compat_need(h, true) || !record || !replay_lanes_find(h->lanes, record->offset, &cpu))
		return NULL;
	compat_now_reading(h);
	compat_forget(h, cpu);
	replay_lane_goto(h->lanes, cpu, record->offset);
	return take_back(h, cpu);
}

/* ---- positions ---- */

API int tracecmd_set_cpu_to_timestamp(struct tracecmd_input *h, int cpu, unsigned long long ts)
{
	struct err e = { 0 };

	if (!has_cpu(h, cpu))
		return -1;
	compat_forget(h, cpu);
	if (!replay_lane_seek(h->lanes, cpu, ts, &e))
		return 0;
	compat_fail(&e);
	return -1;
}

API void tracecmd_set_all_cpus_to_timestamp(struct tracecmd_input *h, unsigned long long time)
{
	for (int cpu = 0; h && cpu < h->nr_cpus; cpu++)
		tracecmd_set_cpu_to_timestamp(h, cpu, time);
}

API unsigned long long tracecmd_get_cursor(struct tracecmd_input *h, int cpu)
{
	const struct replay_record *rec;
	struct replay_hold *hold;
	uint64_t offset = 0;

	if (!has_cpu(h, cpu) || !peek(h, cpu, &rec))
		return 0;
	hold = replay_lane_hold(h->lanes, rec);
	if (hold)
		offset = replay_hold_offset(hold, rec);
	replay_hold_put(hold);
	return offset;
}

API int tracecmd_set_cursor(struct tracecmd_input *h, int cpu, size_t offset)
{
	uint32_t found;

	if (!has_cpu(h, cpu) || !replay_lanes_find(h->lanes, offset, &found) || found != (uint32_t)cpu)
		return -1;
	compat_forget(h, cpu);
	replay_lane_goto(h->lanes, cpu, offset);
	return 0;
}
