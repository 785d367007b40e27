// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is wrong with an event filter, where the kernel does not say so: perf, and probes' own. The syntax is that of
 * Documentation/trace/events.rst, "Event filtering".
 */
#include <ctype.h>
#include <stdio.h>

#include "kernel/internal.h"

/* What stands for a field in each filter. */
static const char *const always[] = { "CPU", "cpu", "COMM", "comm", "common_comm", "common_cpu" };

struct reading {
	const char *text;
	const struct kernel_words *fields;
	int open;			/* parentheses, and the last of them */
	size_t open_at;
	bool value;			/* one is due: what stands here is no field */
	size_t wrong;			/* what is wrong here; its length 0: nothing is */
	size_t wrong_len;
	const char *why;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static bool is_field(const struct reading *r, size_t at, size_t len)
{
	for (size_t i = 0; i < r->fields->nr; i++)
		if (strlen(r->fields->v[i]) == len && !strncmp(r->fields->v[i], r->text + at, len))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (strlen(always[i]) == len && !strncmp(always[i], r->text + at, len))
			return true;
	return false;
}

static void note(struct reading *r, size_t at, size_t len, const char *why)
{
	if (r->wrong_len)
		return;
	r->wrong = at;
	r->wrong_len = len;
	r->why = why;
}

/* A word: of a field what is in front of its first '.', which is how it is compared ("call_site.function"). */
static size_t read_word(struct reading *r, size_t at)
{
	size_t len = 0, name;

	/* a value goes up to the blank, or is in braces: "CPUS{1,3-5}" */
	if (r->value)
		len = strcspn(r->text + at, " \t)&|");
	while (!r->value && is_word(r->text[at + len]))
		len++;
	name = strcspn(r->text + at, ".");
	if (name > len)
		name = len;
	if (!r->value && !is_field(r, at, name))
		note(r, at, name, "the event has no field");
	r->value = false;
	return len;
}

/* One piece of the filter from @at on; its length. */
static size_t read_piece(struct reading *r, size_t at)
{
	const char *p = r->text + at, *end;

	switch (*p) {
	case ' ': case '\t':
		return 1;
	case '"': case '\'':
		end = strchr(p + 1, *p);
		if (!end)
			note(r, at, 1, "a text has no end");
		r->value = false;
		return end ? (size_t)(end - p) + 1 : strlen(p);
	case '(':
		r->open++;
		r->open_at = at;
		return 1;
	case ')':
		if (--r->open < 0)
			note(r, at, 1, "a '(' is missing in front of");
		return 1;
	case '&':
		r->value = p[1] != '&';
		return r->value ? 1 : 2;
	case '|':
		r->value = false;
		return strspn(p, "|");
	case '!':
		if (p[1] != '=')
			return 1;
		/* fall through */
	case '=': case '<': case '>': case '~':
		r->value = true;
		return strspn(p, "!=<>~");
	}
	return is_word(*p) || r->value ? read_word(r, at) : 1;
}

void filter_explain(const struct kernel_words *fields, const char *filter, size_t at, struct err *e)
{
	struct reading r = { .text = filter, .fields = fields };
	size_t i = at;
	struct near near;
	char word[64];

	while (filter[i])
		i += read_piece(&r, i);
	if (r.open > 0)
		note(&r, r.open_at, 1, "a ')' is missing behind");
	else if (r.value)
		note(&r, i, 1, "a value is missing at the end");
	if (!r.wrong_len)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)r.wrong_len, filter + r.wrong);
	err_hint(e, *word ? "%s '%s'" : "%s", r.why, word);
	if (e && !strchr(e->text, '\n'))
		err_place(e, filter, r.wrong);
	near_init(&near, word);
	for (i = 0; i < fields->nr; i++)
		near_try(&near, fields->v[i]);
	near_hint(&near, e);
}
