// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"

#define TEXT_MAX 8192			/* glibc needs stack for each bracket */
#define REPEATS_MAX 10000		/* and a copy of what is repeated */
#define TOLD 200			/* of a text in a message */

/* How often the counts in braces repeat something, all together. */
static unsigned long repeats(const char *p)
{
	unsigned long product = 1;

	while ((p = strchr(p, '{'))) {
		unsigned long most = 1;

		for (p++; isdigit((unsigned char)*p) || *p == ',';) {
			char *end;
			unsigned long n = *p == ',' ? 0 : strtoul(p, &end, 10);

			p = *p == ',' ? p + 1 : end;
			if (n > most)
				most = n;
		}
		if (most > REPEATS_MAX || product * most > REPEATS_MAX)
			return REPEATS_MAX + 1;
		product *= most;
	}
	return product;
}

static int refuse(const char *text, size_t len, const char *why, struct err *e)
{
	return err_set(e, -EINVAL, "'%.*s%s' is no regular expression: %s",
		       (int)(len < TOLD ? len : TOLD), text, len < TOLD ? "" : " ...", why);
}

/* @text is what is compiled, @told (of @len bytes) what the user wrote. */
static int compile(regex_t *ret, const char *text, int flags, const char *told, size_t len,
		   struct err *e)
{
	char why[128];
	int r;

	if (len > TEXT_MAX)
		return refuse(told, len, "it is too long", e);
	if (repeats(text) > REPEATS_MAX)
		return refuse(told, len, "it repeats something too often", e);
	r = regcomp(ret, text, flags);
	if (!r)
		return 0;
	if (r == REG_ESPACE)
		return err_set(e, -ENOMEM, "out of memory");
	regerror(r, ret, why, sizeof(why));
	return refuse(told, len, why, e);
}

int regex_compile(regex_t *ret, const char *text, int flags, struct err *e)
{
	return compile(ret, text, flags, text, strlen(text), e);
}

int regex_compile_whole(regex_t *ret, const char *text, size_t len, struct err *e)
{
	AUTO_FREE char *anchored = NULL;

	if (len <= TEXT_MAX && asprintf(&anchored, "^\\(%.*s\\)$", (int)len, text) < 0) {
		anchored = NULL;
		return err_set(e, -ENOMEM, "out of memory");
	}
	return compile(ret, anchored ? anchored : "", REG_ICASE | REG_NOSUB, text, len, e);
}
