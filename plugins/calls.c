// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdlib.h>

#include "plugins/calls.h"

/* A CPU number is the file's word: beyond this they are not told apart. */
#define CPUS_MAX 65536

static struct calls_stack *stack_of(struct calls *calls, uint32_t cpu)
{
	if (cpu >= CPUS_MAX)
		cpu = CPUS_MAX - 1;
	while (calls->cpus.nr <= cpu)
		if (vec_push(&calls->cpus, (struct calls_stack){ 0 }))
			return NULL;
	return &calls->cpus.v[cpu];
}

/* Puts @name, if there is one, at @i, which is at most one past the end. */
static void put_at(struct calls_stack *s, size_t i, const char *name)
{
	if (!name)
		return;
	if (i < s->v.nr)
		s->v.v[i] = name;
	else
		(void)vec_push(&s->v, name);
}

size_t calls_level(struct calls *calls, uint32_t cpu, const char *parent, const char *func)
{
	struct calls_stack *s = stack_of(calls, cpu);

	if (!s)
		return 0;
	for (size_t i = 0; i < s->v.nr; i++)
		/* nearly all differ in their first letter */
		if (s->v.v[i] == parent || (*s->v.v[i] == *parent && !strcmp(s->v.v[i], parent))) {
			put_at(s, i + 1, func);
			return i;
		}
	put_at(s, 0, parent);
	put_at(s, 1, func);
	return 0;
}

void calls_release(struct calls *calls)
{
	for (size_t i = 0; i < calls->cpus.nr; i++)
		vec_release(&calls->cpus.v[i].v);
	vec_release(&calls->cpus);
}
