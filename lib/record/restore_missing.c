// SPDX-License-Identifier: LGPL-2.1-or-later
/* CPUs and instances of which nothing is left, though others are: each spool names them all. */
#include <stdlib.h>

#include "dat/dat.h"
#include "record/restore_input.h"

#define RANGES_MAX 16u			/* told one by one */

/* The files of one instance: v[0..nr), ascending by CPU. */
struct files {
	const struct restore_input *v;
	size_t nr;
};

/* A file that something may have been in: an empty one is no spool any more. */
static bool is_there(const struct restore_input *in)
{
	return in->is_spool || in->size;
}

/* A spool that names the others of its buffer, or the @instances; NULL: none does, or none has any data. */
static const struct restore_input *lister(const struct files *f, bool instances)
{
	const struct restore_input *found = NULL;
	bool has_data = false;

	for (size_t i = 0; i < f->nr; i++) {
		const struct restore_input *in = &f->v[i];

		has_data = has_data || (in->is_spool && (!in->empty || in->damaged));
		if (!found && (instances ? in->buffers : in->spools))
			found = in;
	}
	return has_data ? found : NULL;
}

/* The next numbers of an ascending "0-3,6" behind @last: *ret_to is the range's end. False: the end, or no such list. */
static bool next_range(const char **list, int64_t last, uint32_t *ret_from, uint32_t *ret_to)
{
	char *end;
	unsigned long from, to;

	if (**list < '0' || **list > '9')
		return false;
	from = to = strtoul(*list, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		to = strtoul(end + 1, &end, 10);
	if ((int64_t)from <= last || to < from || to >= DAT_CPUS_MAX || (*end && *end != ','))
		return false;
	*list = *end ? end + 1 : end;
	*ret_from = from;
	*ret_to = to;
	return true;
}

/* Adds the CPUs from @from to @to that have no file; f->v[*at] is the first that can be one of them. */
static void add_missing(const struct files *f, size_t *at, uint32_t from, uint32_t to, unsigned *nr, struct buf *text)
{
	for (uint32_t cpu = from; cpu <= to; cpu++) {
		uint32_t first = cpu, next;

		while (*at < f->nr && (f->v[*at].cpu < cpu || !is_there(&f->v[*at])))
			(*at)++;
		next = *at < f->nr && f->v[*at].cpu <= to ? f->v[*at].cpu : to + 1;
		if (next == cpu)
			continue;
		cpu = next;
		if (++*nr > RANGES_MAX)
			continue;
		buf_printf(text, "%s%u", *nr > 1 ? "," : "", first);
		if (cpu > first + 1)
			buf_printf(text, "-%u", cpu - 1);
	}
}

static bool tell(const struct files *f, const struct notices *notices)
{
	AUTO_BUF struct buf text = { 0 };
	const struct restore_input *in = lister(f, false);
	const char *list = in ? in->spools : "";
	uint32_t from, to;
	int64_t last = -1;
	unsigned nr = 0;
	size_t at = 0;

	for (; next_range(&list, last, &from, &to); last = to)
		add_missing(f, &at, from, to, &nr, &text);
	if (nr)
		notice(notices, "nothing is there of CPU %s%s, recorded together with '%s': the spool is missing "
		       "or empty, and what was in it is lost", text.failed ? "?" : text.data,
		       nr > RANGES_MAX ? ",..." : "", in->path);
	return nr;
}

/* Whether a file that something may have been in is of the instance. */
static bool is_left(const struct restore_inputs *in, const char *name, size_t len)
{
	for (size_t i = 0; i < in->nr; i++)
		if (is_there(&in->v[i]) && strlen(in->v[i].instance) == len && !memcmp(in->v[i].instance, name, len))
			return true;
	return false;
}

static bool tell_instances(const struct restore_inputs *in, const struct notices *notices)
{
	const struct restore_input *from = lister(&(struct files){ in->v, in->nr }, true);
	const char *name = from ? from->buffers : "";
	unsigned nr = 0;
	size_t len;

	for (; name[len = strcspn(name, "/")] && nr < RANGES_MAX; name += len + 1) {
		if (is_left(in, name, len))
			continue;
		nr++;
		if (len)
			notice(notices, "nothing is there of instance '%.*s', recorded together with '%s': its spools are missing "
			       "or empty, and what was in them is lost", (int)len, name, from->path);
		else
			notice(notices, "nothing is there of the top level, recorded together with '%s': its spools are missing "
			       "or empty, and what was in them is lost", from->path);
	}
	return nr;
}

bool restore_inputs_tell_missing(const struct restore_inputs *in, const struct notices *notices)
{
	bool any = tell_instances(in, notices);

	for (size_t i = 0, end; i < in->nr; i = end) {
		for (end = i + 1; end < in->nr && !strcmp(in->v[end].instance, in->v[i].instance); end++)
			;
		any = tell(&(struct files){ &in->v[i], end - i }, notices) || any;
	}
	return any;
}
