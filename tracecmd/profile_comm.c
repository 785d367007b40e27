// SPDX-License-Identifier: GPL-2.0-or-later
/* Profile, --by-comm: tasks of one name together, once all names are known. */
#include <errno.h>
#include <stdlib.h>

#include "profile_inside.h"

static int join_account(struct profile *p, uint32_t from, const uint32_t *group)
{
	struct profile_account a = p->accounts.v[from];
	const struct profile_pair *pair = a.pair == PROFILE_NONE ? NULL : &p->pairs.v[a.pair];
	uint32_t to;
	int r;

	/* a pid would keep the tasks apart */
	if (pair && pair->by_pid && pair->value == PROFILE_HEX && p->tasks.v[a.task].owner == PROFILE_TASK)
		a.value = 0;
	else if (group[a.task] == a.task)
		return 0;
	r = profile_account(p, group[a.task], a.pair, a.id, a.value, &to);
	if (r || to == PROFILE_NONE || to == from)
		return r;
	profile_sum_join(&p->accounts.v[to].sum, &a.sum);
	p->accounts.v[from].sum.nr = 0;
	return a.stacks == PROFILE_NONE ? 0 : profile_join_stacks(p, to, a.stacks);
}

int profile_join_tasks(struct profile *p)
{
	AUTO_FREE uint32_t *group = calloc(p->tasks.nr + 1, sizeof(*group));
	struct map by_name = { 0 };
	size_t nr = p->accounts.nr;
	int r = group ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < p->tasks.nr && !r; i++) {
		struct profile_task *t = &p->tasks.v[i];
		uint64_t key[2] = { 0 };

		group[i] = i;
		if (t->owner != PROFILE_TASK)
			continue;
		memcpy(key, t->comm, strnlen(t->comm, sizeof(key)));
		if (map_get(&by_name, key[0], key[1], &group[i]))
			t->joined = true;
		else
			r = map_set(&by_name, key[0], key[1], i);
	}
	map_release(&by_name);
	for (size_t i = 0; i < nr && !r; i++)
		r = join_account(p, i, group);
	return r;
}
