// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>

#include "event/token.h"

bool token_has(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The length of an operator as libtraceevent's scanner takes them. */
static size_t operator_length(const char *p, const char *end)
{
	size_t left = end - p;

	if (left < 2)
		return 1;
	if (p[0] == '-' && p[1] == '>')
		return 2;
	if (strchr("+-|&<>", p[0]) && p[0] == p[1])
		return strchr("<>", p[0]) && left > 2 && p[2] == '=' ? 3 : 2;
	return strchr("+-|&<>!=", p[0]) && p[1] == '=' ? 2 : 1;
}

struct token next_token(struct scan *s)
{
	struct token t = { TOKEN_END, s->p, 0 };

	while (s->p < s->end && isspace((unsigned char)*s->p))
		s->p++;
	t.at = s->p;
	if (s->p == s->end)
		return t;
	if (token_has(*s->p)) {
		t.kind = TOKEN_WORD;
		while (s->p < s->end && token_has(*s->p))
			s->p++;
	} else if (*s->p == '"' || *s->p == '\'') {
		char quote = *s->p++;

		t.kind = TOKEN_STRING;
		while (s->p < s->end && *s->p != quote)
			s->p += *s->p == '\\' && s->p + 1 < s->end ? 2 : 1;
		s->p += s->p < s->end;
	} else {
		t.kind = TOKEN_MARK;
		s->p += operator_length(s->p, s->end);
	}
	t.len = s->p - t.at;
	return t;
}

bool token_is(const struct token *t, const char *text)
{
	return t->len == strlen(text) && !memcmp(t->at, text, t->len);
}
