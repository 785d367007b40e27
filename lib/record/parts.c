// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/parts.h"

/* The number of the part @name, whose stem (its last element) is @stem; 0: it is none. */
static uint64_t number_of(const struct parts *p, const char *stem, const char *name)
{
	size_t len = strlen(stem), digits;
	char number[24];
	uint64_t n;

	if (strncmp(name, stem, len) || name[len] != '.')
		return 0;
	name += len + 1;
	digits = strspn(name, "0123456789");
	if (!digits || digits >= sizeof(number) || strcmp(name + digits, p->end))
		return 0;
	snprintf(number, sizeof(number), "%.*s", (int)digits, name);
	return parse_u64(number, &n) || n == UINT64_MAX ? 0 : n;
}

static void look_around(struct parts *p)
{
	const char *slash = strrchr(p->stem, '/'), *stem = slash ? slash + 1 : p->stem;
	AUTO_FREE char *path = slash ? strndup(p->stem, stem - p->stem) : strdup(".");
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		uint64_t n = number_of(p, stem, d->d_name);

		if (n >= p->next)
			p->next = n + 1;
	}
	if (dir)
		closedir(dir);
}

int parts_init(struct parts *p, const char *output, struct err *e)
{
	const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output;
	const char *dot = strrchr(name, '.');

	*p = (struct parts){ .next = 1 };
	if (!dot || dot == name)
		dot = name + strlen(name);
	p->stem = strndup(output, dot - output);
	p->end = strdup(dot);
	if (!p->stem || !p->end)
		return err_errno(e, -ENOMEM, "cannot record");
	look_around(p);
	p->first = p->next;
	return 0;
}

void parts_release(struct parts *p)
{
	for (size_t i = 0; i < p->made.nr; i++)
		free(p->made.v[i]);
	vec_release(&p->made);
	free(p->stem);
	free(p->end);
	*p = (struct parts){ 0 };
}

char *parts_next(struct parts *p)
{
	char *path;

	for (;; p->next++) {		/* somebody else may make such files too */
		if (asprintf(&path, "%s.%llu%s", p->stem, (unsigned long long)p->next, p->end) < 0)
			return NULL;
		if (access(path, F_OK))
			break;
		free(path);
	}
	p->next++;
	return path;
}

int parts_made(struct parts *p, char *path, uint64_t keep)
{
	if (vec_push(&p->made, path)) {
		free(path);
		return -ENOMEM;
	}
	while (keep && p->made.nr > keep) {
		unlink(p->made.v[0]);
		free(p->made.v[0]);
		memmove(p->made.v, p->made.v + 1, --p->made.nr * sizeof(*p->made.v));
	}
	return 0;
}
