// SPDX-License-Identifier: LGPL-2.1-or-later
/* CPUs of any lanes merged by time, while others may move the lanes. */
#include <errno.h>
#include <stdlib.h>

#include "heap.h"
#include "lane.h"

struct merged {
	struct replay_lanes *l;
	struct lane *lane;
	uint32_t tag;
};

/* Lanes, and how they were moved when the heap was built. */
struct seen {
	struct replay_lanes *l;
	uint64_t moves;
};

struct replay_merge {
	VEC(struct merged) v;
	VEC(struct seen) seen;
	struct heap_entry *heap;	/* its stream is a number in v */
	uint32_t nr_heap;
	bool built;
	bool taken;			/* the top's record was handed out */
	struct heap_entry second;	/* the top goes on while it is before this */
};

int replay_merge_new(struct replay_merge **ret, struct err *e)
{
	struct replay_merge *m = calloc(1, sizeof(*m));

	if (!m)
		return err_errno(e, -ENOMEM, "cannot replay");
	*ret = m;
	return 0;
}

void replay_merge_free(struct replay_merge *m)
{
	if (!m)
		return;
	vec_release(&m->v);
	vec_release(&m->seen);
	free(m->heap);
	free(m);
}

int replay_merge_add(struct replay_merge *m, struct replay_lanes *l, uint32_t cpu, uint32_t tag,
		     struct err *e)
{
	struct merged add = { .l = l, .lane = lane_of(l, cpu), .tag = tag };
	struct seen seen = { .l = l };
	struct heap_entry *heap;

	if (!add.lane)
		return 0;
	heap = realloc(m->heap, (m->v.nr + 1) * sizeof(*heap));
	if (heap)
		m->heap = heap;
	if (!heap || vec_push(&m->v, add) ||
	    ((!m->seen.nr || m->seen.v[m->seen.nr - 1].l != l) && vec_push(&m->seen, seen)))
		return err_errno(e, -ENOMEM, "cannot replay");
	return 0;
}

static bool was_moved(const struct replay_merge *m)
{
	for (size_t i = 0; i < m->seen.nr; i++)
		if (m->seen.v[i].moves != m->seen.v[i].l->moves)
			return true;
	return false;
}

static void find_second(struct replay_merge *m)
{
	const struct heap_entry *h = m->heap;

	m->second = (struct heap_entry){ UINT64_MAX, UINT32_MAX };
	if (m->nr_heap > 1)
		m->second = h[1];
	if (m->nr_heap > 2 && heap_before(&h[2], &m->second))
		m->second = h[2];
}

/* Orders the lanes as they stand. 0 or -errno. */
static int build(struct replay_merge *m, struct err *e)
{
	m->nr_heap = 0;
	for (uint32_t i = 0; i < m->v.nr; i++) {
		struct merged *at = &m->v.v[i];
		int rc = lane_peek(at->l, at->lane, e);

		if (rc < 0)
			return rc;
		if (rc)
			m->heap[m->nr_heap++] = (struct heap_entry){ at->lane->c.cur.rec.ts, i };
	}
	heap_build(m->heap, m->nr_heap);
	find_second(m);
	for (size_t i = 0; i < m->seen.nr; i++)
		m->seen.v[i].moves = m->seen.v[i].l->moves;
	m->built = true;
	m->taken = false;
	return 0;
}

/* Goes on behind the top's record, which was handed out. 0 or -errno. */
static int go_on(struct replay_merge *m, struct err *e)
{
	struct heap_entry top = m->heap[0];
	struct merged *at = &m->v.v[top.stream];
	int rc = lane_peek(at->l, at->lane, e);

	if (rc < 0)
		return rc;
	m->taken = false;
	if (rc) {
		top.ts = at->lane->c.cur.rec.ts;
		if (heap_before(&top, &m->second)) {
			m->heap[0] = top;
			return 0;
		}
	} else if (--m->nr_heap) {
		top = m->heap[m->nr_heap];
	}
	if (m->nr_heap)
		heap_sift(m->heap, m->nr_heap, 0, top);
	find_second(m);
	return 0;
}

static int next(struct replay_merge *m, const struct replay_record **ret, uint32_t *ret_tag,
		struct err *e)
{
	struct merged *at;
	int rc = 0;

	if (__builtin_expect(!m->built || was_moved(m), 0))
		rc = build(m, e);
	else if (m->taken)
		rc = go_on(m, e);
	if (rc < 0) {
		m->built = false;
		return rc;
	}
	if (!m->nr_heap)
		return 0;
	at = &m->v.v[m->heap[0].stream];
	at->lane->have = false;
	m->taken = true;
	*ret = &at->lane->c.cur.rec;
	*ret_tag = at->tag;
	return 1;
}

static int next_back(struct replay_merge *m, const struct replay_record **ret, uint32_t *ret_tag,
		     struct err *e)
{
	const struct replay_record *rec, *latest = NULL;
	struct merged *from = NULL;

	for (size_t i = 0; i < m->v.nr; i++) {
		struct merged *at = &m->v.v[i];
		int rc = lane_peek_back(at->l, at->lane, &rec, e);

		if (rc < 0)
			return rc;
		if (rc && (!latest || rec->ts > latest->ts)) {
			latest = rec;
			from = at;
		}
	}
	if (!latest)
		return 0;
	lane_take_back(from->lane);
	*ret = latest;
	*ret_tag = from->tag;
	return 1;
}

int replay_merge_next(struct replay_merge *m, bool back, const struct replay_record **ret,
		      uint32_t *ret_tag, struct err *e)
{
	m->built &= !back;
	return back ? next_back(m, ret, ret_tag, e) : next(m, ret, ret_tag, e);
}
