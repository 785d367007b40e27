/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tokens of format texts, as libtraceevent's scanner takes them. */
#ifndef TRACECMD_EVENT_TOKEN_H
#define TRACECMD_EVENT_TOKEN_H

#include "base/base.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_MARK };
struct token {
	enum token_kind kind;
	const char *at;
	size_t len;
};

/* A place in the text; base is where offsets count from. */
struct scan { const char *base, *p, *end; };

bool token_has(char c);			/* whether words have this character */
/* The next one: a word, a string in either quote, an operator; behind the last one TOKEN_END. */
struct token next_token(struct scan *s);
bool token_is(const struct token *t, const char *text);

#endif
