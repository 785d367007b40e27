// SPDX-License-Identifier: LGPL-2.1-or-later
/* Records of all CPUs, of one handle or several, to whoever is called with them. */
#include <errno.h>
#include <stdlib.h>

#include "api/compat.h"

struct iteration {
	struct tracecmd_input **handles;
	int nr;
	int *first;			/* number of each one's first CPU, counted through all */
	struct replay_merge *merge;	/* tags are such numbers */
	compat_callback fn;
	void *data;
	bool back;
};

/* ---- delivering ---- */

/* Calls everybody with a record that was taken: their result, or -1, no memory. */
static int deliver(const struct iteration *it, struct tracecmd_input *h,
		   const struct replay_record *rec, int cpu)
{
	bool follows = h->followers.nr, wanted = !compat_filters(h) || compat_wants(h, rec);
	struct tep_record *r;
	int ret = 0;

	if (!wanted && !(follows && rec->lost)) {
		compat_forget(h, rec->cpu);
		return 0;
	}
	r = compat_taken(h, rec->cpu, rec);
	if (!r)
		return -1;
	compat_now_reading(h);
	if (follows && r->missed_events)
		ret = compat_follow_missed(h, r, cpu);
	if (follows && wanted && !ret)
		ret = compat_follow_event(h, r, cpu);
	if (it->fn && wanted && !ret)
		ret = it->fn(h, r, cpu, it->data);
	tracecmd_free_record(r);
	return ret;
}

static int run(const struct iteration *it)
{
	const struct replay_record *rec;
	struct err e = { 0 };
	uint32_t tag;
	int rc, ret;

	while ((rc = replay_merge_next(it->merge, it->back, &rec, &tag, &e)) > 0) {
		int i = it->nr - 1;

		while (it->first[i] > (int)tag)
			i--;
		ret = deliver(it, it->handles[i], rec, tag);
		if (ret)
			return ret;
	}
	if (rc < 0)
		compat_fail(&e);
	return rc < 0 ? -1 : 0;
}

/* ---- beginning ---- */

/* @set: which CPUs, of @size bytes; NULL: all. 0 or -errno. */
static int add_cpus(struct iteration *it, int i, const cpu_set_t *set, size_t size, struct err *e)
{
	struct replay_lanes *lanes = it->handles[i]->lanes;
	int cpus = replay_lanes_cpus(lanes), rc = 0;

	for (int cpu = 0; cpu < cpus && !rc; cpu++)
		if (!set || CPU_ISSET_S(cpu, size, set))
			rc = replay_merge_add(it->merge, lanes, cpu, it->first[i] + cpu, e);
	return rc;
}

static int start(struct iteration *it, const cpu_set_t *cpus, size_t size, struct err *e)
{
	int nr = 0, rc;

	it->first = calloc(it->nr, sizeof(*it->first));
	if (!it->first)
		return err_errno(e, -ENOMEM, "cannot iterate");
	rc = replay_merge_new(&it->merge, e);
	for (int i = 0; i < it->nr && !rc; i++) {
		it->first[i] = nr;
		nr += it->handles[i]->nr_cpus;
		rc = add_cpus(it, i, cpus, size, e);
		if (!it->back)
			replay_lanes_hurry(it->handles[i]->lanes, true);
	}
	return rc;
}

static bool somebody_listens(const struct iteration *it)
{
	bool any = it->fn;

	for (int i = 0; i < it->nr; i++) {
		if (compat_need(it->handles[i], true))
			return false;
		any |= it->handles[i]->followers.nr != 0;
	}
	return any;
}

static int iterate(struct iteration *it, const cpu_set_t *cpus, int cpu_size)
{
	struct err e = { 0 };
	int ret = -1;

	if (!it->handles || it->nr < 1 || cpu_size < 0 || !somebody_listens(it)) {
		errno = EINVAL;
		return -1;
	}
	if (start(it, cpus, cpu_size, &e))
		compat_fail(&e);
	else
		ret = run(it);
	for (int i = 0; i < it->nr; i++)
		replay_lanes_hurry(it->handles[i]->lanes, false);
	replay_merge_free(it->merge);
	free(it->first);
	return ret;
}

API int tracecmd_iterate_events(struct tracecmd_input *h, cpu_set_t *cpus, int cpu_size,
				compat_callback callback, void *callback_data)
{
	struct iteration it = { .handles = &h, .nr = 1, .fn = callback, .data = callback_data };

	return iterate(&it, cpus, cpu_size);
}

API int tracecmd_iterate_events_multi(struct tracecmd_input **handles, int nr_handles,
				      compat_callback callback, void *callback_data)
{
	struct iteration it = {
		.handles = handles, .nr = nr_handles, .fn = callback, .data = callback_data,
	};

	return iterate(&it, NULL, 0);
}

API int tracecmd_iterate_events_reverse(struct tracecmd_input *h, cpu_set_t *cpus, int cpu_size,
					compat_callback callback, void *callback_data, bool cont)
{
	struct iteration it = {
		.handles = &h, .nr = 1, .fn = callback, .data = callback_data, .back = true,
	};

	if (!compat_need(h, true) && cpu_size >= 0) {
		compat_forget_all(h);
		for (int cpu = 0; cpu < h->nr_cpus && !cont; cpu++)
			if (!cpus || CPU_ISSET_S(cpu, (size_t)cpu_size, cpus))
				replay_lane_to_end(h->lanes, cpu);
	}
	return iterate(&it, cpus, cpu_size);
}

API int tracecmd_iterate_reset(struct tracecmd_input *h)
{
	if (compat_need(h, true))
		return -1;
	compat_forget_all(h);
	for (int cpu = 0; cpu < h->nr_cpus; cpu++)
		replay_lane_rewind(h->lanes, cpu);
	return 0;
}
