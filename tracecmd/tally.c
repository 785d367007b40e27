// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "tally.h"

#define SIZE_FIRST 1024

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint64_t hash(const struct tally_key *k)
{
	uint64_t h = mix(k->bin, (uint64_t)k->file << 32 | k->buffer);

	return mix(mix(h, (uint64_t)k->cpu << 32 | (uint32_t)k->id), (uint32_t)k->pid);
}

static bool same(const struct tally_key *a, const struct tally_key *b)
{
	return a->bin == b->bin && a->file == b->file && a->buffer == b->buffer &&
	       a->cpu == b->cpu && a->id == b->id && a->pid == b->pid;
}

/* The entry of a key, or the free one where it belongs. */
static struct tally_entry *find(const struct tally *t, const struct tally_key *key)
{
	size_t i = hash(key) & (t->size - 1);

	while (t->v[i].count && !same(&t->v[i].key, key))
		i = (i + 1) & (t->size - 1);
	return &t->v[i];
}

static int grow(struct tally *t)
{
	struct tally bigger = { .nr = t->nr, .size = t->size ? 2 * t->size : SIZE_FIRST };

	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < t->size; i++)
		if (t->v[i].count)
			*find(&bigger, &t->v[i].key) = t->v[i];
	free(t->v);
	*t = bigger;
	return 0;
}

int tally_add(struct tally *t, const struct tally_key *key, uint64_t n)
{
	struct tally_entry *e;

	if (t->nr >= t->size / 2 && t->nr < TALLY_MAX && grow(t))
		return -ENOMEM;
	e = find(t, key);
	if (!e->count) {
		if (t->nr == TALLY_MAX)
			return -E2BIG;
		e->key = *key;
		t->nr++;
	}
	e->count += n;
	return 0;
}

void tally_release(struct tally *t)
{
	free(t->v);
	*t = (struct tally){ 0 };
}
