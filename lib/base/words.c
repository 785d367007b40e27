// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"

int parse_u64(const char *s, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end)
		return -EINVAL;
	*ret = v;
	return 0;
}

int parse_s64(const char *s, int64_t *ret)
{
	long long v;
	char *end;

	if (!isdigit((unsigned char)*s) &&
	    !((*s == '-' || *s == '+') && isdigit((unsigned char)s[1])))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 0);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Longest word that is compared; longer ones are compared by their start. */
#define NEAR_WORD 95

/* Edit distance with transpositions of neighbours, case ignored. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][NEAR_WORD + 1];
	size_t la = strnlen(a, NEAR_WORD), lb = strnlen(b, NEAR_WORD), i, j;

	for (j = 0; j <= lb; j++)
		row[0][j] = j;
	for (i = 1; i <= la; i++) {
		unsigned *cur = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		cur[0] = i;
		for (j = 1; j <= lb; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);
			unsigned d = up[j - 1] + (ca != cb);

			if (up[j] + 1 < d)
				d = up[j] + 1;
			if (cur[j - 1] + 1 < d)
				d = cur[j - 1] + 1;
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]) && up2[j - 2] + 1 < d)
				d = up2[j - 2] + 1;
			cur[j] = d;
		}
	}
	return row[la % 3][lb];
}

void near_init(struct near *n, const char *word)
{
	memset(n, 0, sizeof(*n));
	n->word = word;
}

void near_try(struct near *n, const char *candidate)
{
	size_t len = strlen(n->word);
	/* half of a short word is another word */
	unsigned limit = len < 5 ? 1 : len / 3 + 1, score, i;

	if (len >= 3 && !strncasecmp(candidate, n->word, len))
		score = 1;
	else if (strnlen(candidate, len + limit + 1) > len + limit || strlen(candidate) + limit < len)
		return;		/* so many letters more or fewer are as many edits */
	else
		score = distance(n->word, candidate);
	if (score > limit)
		return;
	for (i = 0; i < n->nr; i++)
		if (!strcmp(n->best[i].name, candidate))
			return;
	for (i = n->nr; i > 0 && n->best[i - 1].score > score; i--)
		if (i < NEAR_MAX)
			n->best[i] = n->best[i - 1];
	if (i >= NEAR_MAX)
		return;
	snprintf(n->best[i].name, sizeof(n->best[i].name), "%s", candidate);
	n->best[i].score = score;
	if (n->nr < NEAR_MAX)
		n->nr++;
}

void near_hint(const struct near *n, struct err *e)
{
	switch (n->nr) {
	case 0:
		return;
	case 1:
		err_hint(e, "did you mean '%s'?", n->best[0].name);
		return;
	case 2:
		err_hint(e, "did you mean '%s' or '%s'?", n->best[0].name, n->best[1].name);
		return;
	default:
		err_hint(e, "did you mean '%s', '%s' or '%s'?",
			 n->best[0].name, n->best[1].name, n->best[2].name);
	}
}
