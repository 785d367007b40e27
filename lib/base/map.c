// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "base/base.h"

/* Open addressing, linear probing; at most three quarters of the places are used. */
struct map_place {
	uint64_t a, b;
	uint32_t value;
	bool used;
};

#define FIRST_SIZE 64

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ull;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	return x ^ x >> 32;
}

/* Keys may come from a file that wants them to meet: the seed is the process's own. */
static uint64_t own_seed(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t seed = 0;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	return seed;
}

static size_t home(const struct map *m, uint64_t a, uint64_t b)
{
	return mix(mix(a ^ m->seed) + b) & (m->size - 1);
}

/* The key's place, or the free one where it would be put. */
static struct map_place *place_of(const struct map *m, uint64_t a, uint64_t b)
{
	size_t i = home(m, a, b);

	while (m->places[i].used && (m->places[i].a != a || m->places[i].b != b))
		i = (i + 1) & (m->size - 1);
	return &m->places[i];
}

static int grow(struct map *m)
{
	struct map bigger = { .size = m->size ? m->size * 2 : FIRST_SIZE, .nr = m->nr };

	bigger.seed = m->size ? m->seed : own_seed();
	bigger.places = calloc(bigger.size, sizeof(*bigger.places));
	if (!bigger.places)
		return -ENOMEM;
	for (size_t i = 0; i < m->size; i++)
		if (m->places[i].used)
			*place_of(&bigger, m->places[i].a, m->places[i].b) = m->places[i];
	free(m->places);
	*m = bigger;
	return 0;
}

bool map_get(const struct map *m, uint64_t a, uint64_t b, uint32_t *ret)
{
	const struct map_place *p;

	if (!m->nr)
		return false;
	p = place_of(m, a, b);
	if (p->used)
		*ret = p->value;
	return p->used;
}

int map_set(struct map *m, uint64_t a, uint64_t b, uint32_t value)
{
	struct map_place *p;

	if (m->nr >= m->size / 4 * 3 && grow(m))
		return -ENOMEM;
	p = place_of(m, a, b);
	m->nr += !p->used;
	*p = (struct map_place){ .a = a, .b = b, .value = value, .used = true };
	return 0;
}

void map_remove(struct map *m, uint64_t a, uint64_t b)
{
	size_t hole, i;

	if (!m->nr)
		return;
	hole = place_of(m, a, b) - m->places;
	if (!m->places[hole].used)
		return;
	m->nr--;
	/* whatever was pushed past the hole moves back into it */
	for (i = (hole + 1) & (m->size - 1); m->places[i].used; i = (i + 1) & (m->size - 1)) {
		size_t h = home(m, m->places[i].a, m->places[i].b);

		if (((i - h) & (m->size - 1)) < ((i - hole) & (m->size - 1)))
			continue;
		m->places[hole] = m->places[i];
		hole = i;
	}
	m->places[hole].used = false;
}

void map_release(struct map *m)
{
	free(m->places);
	*m = (struct map){ 0 };
}
