// SPDX-License-Identifier: GPL-2.0-or-later
/* Profile: hooks, the pairs of events that a user names. */
#include <errno.h>
#include <stdlib.h>

#include "profile.h"

/* The part up to @end, which is taken off; NULL if it is empty. */
static const char *word(char **rest, char end)
{
	char *start = *rest, *found = start ? strchr(start, end) : NULL;

	if (!start)
		return NULL;
	if (found)
		*found = 0;
	*rest = found ? found + 1 : NULL;
	return *start ? start : NULL;
}

/* "[SYSTEM:]EVENT" */
static void split_event(const char *text, const char **system, const char **event)
{
	char *rest = (char *)text;

	*system = NULL;
	*event = text;
	if (text && strchr(text, ':')) {
		*system = word(&rest, ':');
		*event = rest && *rest ? rest : NULL;
	}
}

static int parse(struct profile_hook *h, struct err *e)
{
	char *rest = h->words, *start, *flags;

	start = rest;
	word(&rest, '/');
	if (!rest)
		return err_set(e, -EINVAL, "hook '%s': there is no '/' between start and end", h->text);
	split_event(word(&start, ','), &h->start_system, &h->start_event);
	h->start_field = word(&start, ',');
	h->pid_field = word(&start, ',');
	split_event(word(&rest, ','), &h->end_system, &h->end_event);
	h->end_field = word(&rest, ',');
	flags = rest;
	if (!h->start_event || !h->start_field || start)
		return err_set(e, -EINVAL, "hook '%s': the start is not [SYSTEM:]EVENT,FIELD[,PIDFIELD]",
			       h->text);
	if (!h->end_event || !h->end_field)
		return err_set(e, -EINVAL, "hook '%s': the end is not [SYSTEM:]EVENT,FIELD[,FLAGS]",
			       h->text);
	for (; flags && *flags; flags++) {
		if (*flags == 'p')
			h->per_cpu = true;
		else if (*flags == 's')
			h->stack = true;
		else if (*flags == 'g')
			h->global = true;
		else
			return err_set(e, -EINVAL, "hook '%s': '%c' is none of the flags p, s, g",
				       h->text, *flags);
	}
	if (h->global && h->pid_field)
		return err_set(e, -EINVAL, "hook '%s': a global one (g) has no field with a process",
			       h->text);
	return 0;
}

static void release(struct profile_hook *h)
{
	free(h->text);
	free(h->words);
}

int profile_hooks_add(struct profile_hooks *hooks, const char *text, struct err *e)
{
	struct profile_hook h = { .text = strdup(text), .words = strdup(text) };
	int r = h.text && h.words ? parse(&h, e) : err_set(e, -ENOMEM, "out of memory");

	if (!r && vec_push(hooks, h))
		r = err_set(e, -ENOMEM, "out of memory");
	if (r)
		release(&h);
	return r;
}

void profile_hooks_release(struct profile_hooks *hooks)
{
	for (size_t i = 0; i < hooks->nr; i++)
		release(&hooks->v[i]);
	vec_release(hooks);
}
