// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "event/tables.h"

/* The next line of [*pos, end), which may be cut: false at the end. Empty lines
 * are skipped. */
static bool next_line(char **pos, char *end, char **line, char **line_end)
{
	while (*pos < end && **pos == '\n')
		(*pos)++;
	if (*pos == end)
		return false;
	*line = *pos;
	*line_end = memchr(*pos, '\n', end - *pos);
	if (!*line_end)
		*line_end = end;
	*pos = *line_end < end ? *line_end + 1 : end;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Up to 16 hex digits; false if there is none or the number does not fit. */
static bool take_hex(char **p, const char *end, uint64_t *ret)
{
	uint64_t v = 0;
	const char *start = *p;

	while (*p < end && hex_digit(**p) >= 0) {
		if (v >> 60)
			return false;
		v = v << 4 | hex_digit(*(*p)++);
	}
	*ret = v;
	return *p > start;
}

/* A copy that can be cut into strings in place, a NUL behind it, kept in @texts. */
static char *copy_text(struct texts *texts, const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (vec_push(texts, copy)) {
		free(copy);
		return NULL;
	}
	return copy;
}

static void release_texts(struct texts *texts)
{
	for (size_t i = 0; i < texts->nr; i++)
		free(texts->v[i]);
	vec_release(texts);
}

/* ---- printk formats ---------------------------------------------------------- */

static bool parse_printk(char *p, char *end, struct printk *ret)
{
	if (end - p > 2 && p[0] == '0' && p[1] == 'x')
		p += 2;
	if (!take_hex(&p, end, &ret->addr))
		return false;
	while (p < end && *p == ' ')
		p++;
	if (p == end || *p++ != ':')
		return false;
	if (p < end && *p == ' ')
		p++;
	if (p < end && *p == '"')
		p++;
	if (p < end && end[-1] == '"')
		end--;
	if (end - p >= 2 && end[-2] == '\\' && end[-1] == 'n')
		end -= 2;
	*end = 0;
	ret->fmt = p;
	return true;
}

static int compare_printks(const void *a, const void *b)
{
	const struct printk *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int printks_add(struct printks *p, const char *text, size_t len)
{
	char *copy, *pos, *line, *end;
	bool full = false;

	if (!len)
		return 0;
	copy = pos = copy_text(&p->texts, text, len);
	if (!copy)
		return -ENOMEM;
	while (!full && next_line(&pos, copy + len, &line, &end)) {
		struct printk printk;

		if (!parse_printk(line, end, &printk))
			continue;
		full = p->v.nr == PRINTKS_MAX;
		if (!full && vec_push(&p->v, printk))
			return -ENOMEM;
	}
	if (p->v.nr)
		qsort(p->v.v, p->v.nr, sizeof(*p->v.v), compare_printks);
	return full;
}

const struct printk *printks_find(const struct printks *p, uint64_t addr)
{
	const struct printk key = { .addr = addr };

	return p->v.nr ? bsearch(&key, p->v.v, p->v.nr, sizeof(key), compare_printks) : NULL;
}

const struct printk *printks_nth(const struct printks *p, size_t i)
{
	return i < p->v.nr ? &p->v.v[i] : NULL;
}

void printks_release(struct printks *p)
{
	release_texts(&p->texts);
	vec_release(&p->v);
}

/* ---- task names --------------------------------------------------------------- */

static bool parse_comm(char *p, char *end, struct comm *ret)
{
	uint64_t pid = 0;
	bool digits = false;

	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '9' && pid <= INT32_MAX; p++) {
		pid = pid * 10 + (*p - '0');
		digits = true;
	}
	if (!digits || pid > INT32_MAX || p == end || *p != ' ')
		return false;
	while (p < end && *p == ' ')
		p++;
	if (p == end)
		return false;
	ret->pid = pid;
	*end = 0;
	ret->name = p;
	return true;
}

static int compare_comms(const void *a, const void *b)
{
	const struct comm *x = *(const struct comm *const *)a, *y = *(const struct comm *const *)b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x > y) - (x < y);
}

/* Sorts by pid and keeps the last name of each. */
static int comms_sort(struct comms *c)
{
	AUTO_FREE const struct comm **order = calloc(c->v.nr + 1, sizeof(*order));
	AUTO_FREE struct comm *sorted = calloc(c->v.nr + 1, sizeof(*sorted));
	size_t nr = 0;

	if (!order || !sorted)
		return -ENOMEM;
	for (size_t i = 0; i < c->v.nr; i++)
		order[i] = &c->v.v[i];
	qsort(order, c->v.nr, sizeof(*order), compare_comms);
	for (size_t i = 0; i < c->v.nr; i++) {
		if (nr && sorted[nr - 1].pid == order[i]->pid)
			nr--;
		sorted[nr++] = *order[i];
	}
	if (nr)
		memcpy(c->v.v, sorted, nr * sizeof(*sorted));
	c->v.nr = nr;
	return 0;
}

int comms_add(struct comms *c, const char *text, size_t len)
{
	char *copy, *pos, *line, *end;
	bool full = false;
	int r;

	if (!len)
		return 0;
	copy = pos = copy_text(&c->texts, text, len);
	if (!copy)
		return -ENOMEM;
	while (!full && next_line(&pos, copy + len, &line, &end)) {
		struct comm comm;

		if (!parse_comm(line, end, &comm))
			continue;
		full = c->v.nr == COMMS_MAX;
		if (!full && vec_push(&c->v, comm))
			return -ENOMEM;
	}
	r = comms_sort(c);
	return r ? r : full;
}

#define COMMS_RENEWED_MAX 32768		/* as many as a kernel keeps */

int comms_renew(struct comms *c, const char *text, size_t len)
{
	struct buf copy AUTO_BUF = { 0 }, changed AUTO_BUF = { 0 };
	char *pos, *line, *end;
	struct comm comm;
	int r;

	if (buf_put(&copy, text, len))
		return -ENOMEM;
	pos = copy.data;
	while (next_line(&pos, copy.data + len, &line, &end)) {
		const char *old;

		if (!parse_comm(line, end, &comm))
			continue;
		old = comms_find(c, comm.pid);
		if (!old || strcmp(old, comm.name))
			buf_printf(&changed, "%d %s\n", comm.pid, comm.name);
	}
	if (changed.failed || !changed.len)
		return changed.failed ? -ENOMEM : 0;
	if (c->v.nr >= COMMS_RENEWED_MAX) {
		comms_release(c);
		*c = (struct comms){ 0 };
		r = comms_add(c, text, len);
	} else {
		r = comms_add(c, changed.data, changed.len);
	}
	return r < 0 ? r : 1;
}

const char *comms_find(const struct comms *c, int pid)
{
	size_t low = 0, high = c->v.nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->v.v[mid].pid == pid)
			return c->v.v[mid].name;
		if (c->v.v[mid].pid < pid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct comm *comms_nth(const struct comms *c, size_t i)
{
	return i < c->v.nr ? &c->v.v[i] : NULL;
}

void comms_release(struct comms *c)
{
	release_texts(&c->texts);
	vec_release(&c->v);
}
