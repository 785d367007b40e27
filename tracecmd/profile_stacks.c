// SPDX-License-Identifier: GPL-2.0-or-later
/* Profile: the stacks of an account, as a tree from the innermost frame outwards. */
#include <errno.h>
#include <stdlib.h>

#include "profile_inside.h"

/* Kernels that do not count the frames end them with this. */
static bool is_last(uint64_t addr, size_t size)
{
	return addr == (size == 8 ? UINT64_MAX : UINT32_MAX);
}

bool profile_read_stack(struct profile *p, const struct event_record *rec)
{
	struct tep_handle *tep = event_db_tep(p->db);
	size_t size = tep_get_long_size(tep) == 4 ? 4 : 8;
	bool big = tep_is_file_bigendian(tep);
	const struct tep_format_field *f = p->stack_caller;

	p->frames.nr = 0;
	if (!f || f->offset < 0 || (uint32_t)f->offset > rec->len)
		return false;
	for (size_t at = f->offset; rec->len - at >= size; at += size) {
		const uint8_t *where = (const uint8_t *)rec->data + at;
		uint64_t addr = size == 8 ? get_u64(where, big) : get_u32(where, big);

		if (is_last(addr, size) || (!addr && p->frames.nr))
			break;
		if (vec_push(&p->frames, addr))
			return false;
	}
	return p->frames.nr;
}

/* The node of @addr below @parent, added if it is new; PROFILE_NONE: no room. */
static int node_at(struct profile *p, uint64_t parent, uint64_t addr, uint32_t *ret, bool *added)
{
	*added = false;
	if (map_get(&p->node_of, parent, addr, ret))
		return 0;
	*ret = PROFILE_NONE;
	if (p->nodes.nr >= PROFILE_MAX) {
		profile_tell_full(p);
		return 0;
	}
	if (vec_push(&p->nodes, ((struct profile_node){ .addr = addr, .children = PROFILE_NONE,
							.next = PROFILE_NONE })) ||
	    map_set(&p->node_of, parent, addr, p->nodes.nr - 1))
		return -ENOMEM;
	*ret = p->nodes.nr - 1;
	*added = true;
	return 0;
}

/* The frame @addr that calls @above, or (PROFILE_NONE) is the account's innermost. */
static int frame(struct profile *p, uint32_t account, uint32_t above, uint64_t addr, uint32_t *ret)
{
	uint64_t parent = above == PROFILE_NONE ? 1ull << 32 | account : above;
	uint32_t *first;
	bool added;
	int r = node_at(p, parent, addr, ret, &added);

	if (r || !added)
		return r;
	first = above == PROFILE_NONE ? &p->accounts.v[account].stacks : &p->nodes.v[above].children;
	p->nodes.v[*ret].next = *first;
	*first = *ret;
	return 0;
}

int profile_add_stack(struct profile *p, uint32_t account, const uint64_t *frames, size_t nr,
		      uint64_t delta, uint64_t ts)
{
	uint32_t above = PROFILE_NONE, node;

	for (size_t i = 0; i < nr; i++) {
		int r = frame(p, account, above, frames[i], &node);

		if (r || node == PROFILE_NONE)
			return r;
		profile_sum_add(&p->nodes.v[node].sum, delta, ts);
		above = node;
	}
	return 0;
}

int profile_join_stacks(struct profile *p, uint32_t account, uint32_t from)
{
	struct branch { uint32_t node, above; };
	VEC(struct branch) open = { 0 };
	uint32_t to, above = PROFILE_NONE;
	int r = 0;

	for (;;) {
		for (; from != PROFILE_NONE && !r; from = p->nodes.v[from].next) {
			r = frame(p, account, above, p->nodes.v[from].addr, &to);
			if (r || to == PROFILE_NONE)
				continue;
			profile_sum_join(&p->nodes.v[to].sum, &p->nodes.v[from].sum);
			r = vec_push(&open, ((struct branch){ p->nodes.v[from].children, to }));
		}
		if (r || !open.nr)
			break;
		open.nr--;
		from = open.v[open.nr].node;
		above = open.v[open.nr].above;
	}
	vec_release(&open);
	return r;
}
