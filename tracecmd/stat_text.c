// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "stat_text.h"

/* What follows @name in the line, if that begins so. */
static bool follows(const char *line, const char *name, struct stat_word *ret)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len))
		return false;
	*ret = (struct stat_word){ line + len, (int)strcspn(line + len, "\n") };
	return true;
}

bool stat_walk(struct stat_walk *w, const char *name)
{
	static const struct stat_word none = { .text = "" };

	if (!w->value.text)
		w->buffer = w->cpu = none;
	while (w->next && *w->next) {
		const char *line = w->next;

		w->next += strcspn(line, "\n");
		w->next += *w->next == '\n';
		if (follows(line, "Buffer: ", &w->buffer))
			w->cpu = none;
		else
			follows(line, "CPU: ", &w->cpu);
		if (follows(line, name, &w->value))
			return true;
	}
	return false;
}

uint64_t stat_sum(const char *stats, const char *name)
{
	struct stat_walk w = { .next = stats };
	uint64_t sum = 0;

	while (stat_walk(&w, name))
		sum += strtoull(w.value.text, NULL, 10);
	return sum;
}
