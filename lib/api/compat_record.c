// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records in the hands of programs. Each keeps the memory that its data lies in, and
 * lives as long as a program likes, its handle's end included.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/compat.h"

#define SLAB 64

struct record {
	struct tep_record pub;
	struct record_pool *pool;
	union {
		struct replay_hold *hold;
		struct record *next;	/* of those that are free */
	};
};

struct slab {
	struct slab *next;
	struct record v[SLAB];
};

struct record_pool {
	struct slab *slabs;
	struct record *free;
	uint64_t out;			/* records that programs have */
	bool closed;
};

struct record_pool *record_pool_new(void)
{
	return calloc(1, sizeof(struct record_pool));
}

static void free_closed(struct record_pool *p)
{
	if (!p->closed || p->out)
		return;
	while (p->slabs) {
		struct slab *s = p->slabs;

		p->slabs = s->next;
		free(s);
	}
	free(p);
}

void record_pool_free(struct record_pool *p)
{
	if (!p)
		return;
	p->closed = true;
	free_closed(p);
}

static bool grow(struct record_pool *p)
{
	struct slab *s = malloc(sizeof(*s));

	if (!s)
		return false;
	s->next = p->slabs;
	p->slabs = s;
	for (unsigned i = 0; i < SLAB; i++) {
		s->v[i].pool = p;
		s->v[i].next = p->free;
		p->free = &s->v[i];
	}
	return true;
}

struct tep_record *compat_record(struct tracecmd_input *h, const struct replay_record *rec)
{
	struct record_pool *p = h->pool;
	struct replay_hold *hold = replay_lane_hold(h->lanes, rec);
	struct record *r;

	if (!hold || (!p->free && !grow(p))) {
		replay_hold_put(hold);
		errno = ENOMEM;
		return NULL;
	}
	r = p->free;
	p->free = r->next;
	p->out++;
	r->hold = hold;
	r->pub.ts = rec->ts;
	r->pub.offset = replay_hold_offset(hold, rec);
	/* all ones is -1 */
	r->pub.missed_events = rec->lost;
	r->pub.record_size = replay_entry_size(rec);
	r->pub.size = rec->len;
	r->pub.data = (void *)rec->data;
	r->pub.cpu = rec->cpu;
	r->pub.ref_count = 1;
	r->pub.locked = 0;
	r->pub.priv = h;
	return &r->pub;
}

API void tracecmd_free_record(struct tep_record *record)
{
	struct record *r = (struct record *)record;
	struct record_pool *p;

	if (!record)
		return;
	if (record->ref_count < 1 || (record->locked && record->ref_count == 1)) {
		compat_tell(NULL, record->locked ? "a record that was only peeked is not to be freed" :
			    "a record was freed that has no reference left");
		return;
	}
	if (--record->ref_count)
		return;
	p = r->pool;
	replay_hold_put(r->hold);
	r->next = p->free;
	p->free = r;
	p->out--;
	free_closed(p);
}

API void tracecmd_record_ref(struct tep_record *record)
{
	if (record)
		record->ref_count++;
}
