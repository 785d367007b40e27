// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading histograms. An entry is "{ KEY: TEXT, KEY: TEXT } VALUE: NUMBER  VALUE: NUMBER"; a stack as a key
 * has its lines in between. Texts can have anything in them, so the keys' names are known from the trigger, and
 * the brace is the last one behind which a value begins.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/hist.h"
#include "kernel/internal.h"

#define COLUMNS_MAX 64			/* the kernel's histograms have three keys and some values */

/* ---- words -------------------------------------------------------------------- */

/* Cuts blanks off; of each line, too. */
static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\n");
	end = s + strlen(s);
	while (end > s && strchr(" \t\n", end[-1]))
		*--end = 0;
	return s;
}

/* Letters, digits, '_' and '.' ("common_timestamp.usecs"), as fields are called. */
static size_t name_len(const char *s)
{
	size_t len = 0;

	while (isalnum((unsigned char)s[len]) || s[len] == '_' || s[len] == '.')
		len++;
	return len;
}

/* "NAME: " or "NAME (%): ", the length up to the colon; 0: none of them. */
static size_t label_len(const char *s)
{
	size_t len = name_len(s);

	if (len && !strncmp(s + len, " (%)", 4))
		len += 4;
	return len && s[len] == ':' ? len : 0;
}

/* ---- columns --------------------------------------------------------------------- */

ssize_t kernel_hist_column(const struct kernel_hist *h, const char *name)
{
	for (size_t i = 0; i < h->columns.nr; i++)
		if (!strcmp(h->columns.v[i].name, name))
			return i;
	return -1;
}

/* A field may be a key and a value, too. */
static ssize_t find_column(const struct kernel_hist *h, const char *name, bool is_key)
{
	for (size_t i = 0; i < h->columns.nr; i++)
		if (h->columns.v[i].is_key == is_key && !strcmp(h->columns.v[i].name, name))
			return i;
	return -1;
}

/* Whether the trigger has it as "NAME.hex". */
static bool is_hex(const struct kernel_hist *h, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = h->trigger; len && (p = strstr(p, name)); p++)
		if (strchr("=,", p[-(p > h->trigger)]) && !strncmp(p + len, ".hex", 4) && strchr(",: ", p[len + 4]))
			return true;
	return false;
}

static int add_cell(struct kernel_hist *h, struct kernel_hist_entry *entry, const char *name, bool is_key, const char *text)
{
	const struct kernel_hist_column column = { name, is_key, is_hex(h, name) };
	ssize_t at = find_column(h, name, is_key);
	struct kernel_hist_cell cell = { .text = text };

	if (at < 0 && h->columns.nr == COLUMNS_MAX)
		return 0;
	if (at < 0 && vec_push(&h->columns, column))
		return -ENOMEM;
	cell.column = at < 0 ? h->columns.nr - 1 : (size_t)at;
	return vec_push(entry, cell);
}

/* ---- entries ----------------------------------------------------------------------- */

/* The names of the keys stand in the trigger: "hist:keys=a,b.sym:vals=...". The @nr-th, and its length; 0: none. */
static size_t key_name(const struct kernel_hist *h, size_t nr, const char **ret)
{
	const char *p = strstr(h->trigger, "keys=");
	size_t len;

	for (p = p ? p + 5 : ""; nr; nr--) {
		p += strcspn(p, ",: ");
		p += *p == ',';
	}
	*ret = p;
	len = strcspn(p, ",:. ");
	return len;
}

/* Where the next key begins: ", NAME:"; NULL: there is none. */
static char *next_key(const struct kernel_hist *h, size_t nr, char *text)
{
	const char *name;
	size_t len = key_name(h, nr, &name);

	for (char *p = text; len && (p = strstr(p, ", ")); p++)
		if (!strncmp(p + 2, name, len) && p[2 + name_len(p + 2)] == ':')
			return p;
	return NULL;
}

static int add_keys(struct kernel_hist *h, struct kernel_hist_entry *entry, char *text)
{
	for (size_t nr = 1; text; nr++) {
		char *next = next_key(h, nr, text), *name = text + strspn(text, " ");
		size_t len = name_len(name);

		if (next) {
			*next = 0;
			next += 2;
		}
		if (!len || name[len] != ':')
			return add_cell(h, entry, "", true, trim(name));
		name[len] = 0;
		if (add_cell(h, entry, name, true, trim(name + len + 1)))
			return -ENOMEM;
		text = next;
	}
	return 0;
}

static int add_values(struct kernel_hist *h, struct kernel_hist_entry *entry, char *text)
{
	for (;;) {
		char *value, *end;
		size_t len;

		text += strspn(text, " ");
		len = label_len(text);
		if (!len)
			return 0;
		text[len] = 0;
		value = text + len + 1;
		value += strspn(value, " ");
		end = strstr(value, "  ");
		if (end)
			*end = 0;
		if (add_cell(h, entry, text, false, trim(value)))
			return -ENOMEM;
		if (!end)
			return 0;
		text = end + 1;
	}
}

/* The brace behind the keys of a line: the last one with a value behind it; NULL: it is in a later line. */
static char *closing_brace(char *line)
{
	char *found = NULL;

	for (char *p = line; (p = strstr(p, "} ")); p++)
		if (label_len(p + 2))
			found = p;
	return found;
}

/* ---- the file ------------------------------------------------------------------------ */

struct reading {
	struct kernel_hists *hs;
	char *rest;			/* what is yet to be read */
	const char **notes;		/* where lines that are no entries belong; NULL: nowhere */
	char *notes_end;
};

/* The next line, without its end; NULL: no more. */
static char *next_line(struct reading *r)
{
	char *line = r->rest;

	if (!*line)
		return NULL;
	r->rest += strcspn(r->rest, "\n");
	if (*r->rest)
		*r->rest++ = 0;
	return line;
}

static int read_entry(struct reading *r, struct kernel_hist *h, char *line)
{
	struct kernel_hist_entry entry = { 0 };
	char *keys = line + 2, *brace = closing_brace(line);
	int ret;

	while (!brace && *r->rest && *r->rest != '{' && *r->rest != '#') {
		r->rest[-1] = '\n';
		brace = closing_brace(next_line(r));
	}
	if (brace)
		*brace = 0;
	ret = add_keys(h, &entry, keys);
	if (!ret && brace)
		ret = add_values(h, &entry, brace + 1);
	if (!ret)
		ret = vec_push(&h->entries, entry);
	if (ret)
		vec_release(&entry);
	else
		r->notes = &h->entries.v[h->entries.nr - 1].notes;
	r->notes_end = NULL;
	return ret;
}

/* Lines one behind the other become one text. */
static void add_note(struct reading *r, char *line)
{
	if (!r->notes)
		return;
	if (!*r->notes)
		*r->notes = line;
	else if (r->notes_end == line - 1)
		*r->notes_end = '\n';
	else
		return;
	r->notes_end = line + strlen(line);
}

static bool read_total(struct kernel_hist *h, const char *line)
{
	const char *colon = strchr(line, ':');
	uint64_t number;

	line += strspn(line, " ");
	if (!colon || parse_u64(colon + 1 + strspn(colon + 1, " "), &number))
		return false;
	if (!strncmp(line, "Hits:", 5))
		h->hits = number;
	else if (!strncmp(line, "Dropped:", 8))
		h->dropped = number;
	else
		return !strncmp(line, "Entries:", 8);
	return true;
}

static int read_line(struct reading *r, char *line)
{
	static const char info[] = "# trigger info: ";
	struct kernel_hists *hs = r->hs;
	struct kernel_hist *h = hs->nr ? &hs->v[hs->nr - 1] : NULL;

	if (!strncmp(line, info, sizeof(info) - 1)) {
		r->notes = NULL;
		return vec_push(hs, (struct kernel_hist){ .trigger = trim(line + sizeof(info) - 1) });
	}
	if (!h || *line == '#')
		return 0;
	if (!strncmp(line, "{ ", 2))
		return read_entry(r, h, line);
	if (!strcmp(line, "Totals:"))
		r->notes = NULL;
	else if (!r->notes && read_total(h, line))
		return 0;
	else if (*line && *line != ' ' && *line != '\t' && r->notes != &h->notes) {
		r->notes = &h->notes;
		r->notes_end = NULL;
	}
	if (*line && strcmp(line, "Totals:"))
		add_note(r, line);
	return 0;
}

int kernel_hists_parse(const char *text, size_t len, struct kernel_hists *ret)
{
	struct reading r = { .hs = ret };
	char *line;

	*ret = (struct kernel_hists){ .text = malloc(len + 1) };
	if (!ret->text)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		ret->text[i] = text[i] ? text[i] : '?';
	ret->text[len] = 0;
	r.rest = ret->text;
	while ((line = next_line(&r)))
		if (read_line(&r, line))
			return -ENOMEM;
	return 0;
}

int kernel_hists_read(struct kernel_instance *in, const char *system, const char *event,
		      struct kernel_hists *ret, struct err *e)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };
	int r = buf_printf(&file, "events/%s/%s/hist", system, event) ? err_errno(e, -ENOMEM, "cannot read a histogram") :
		kernel_read_named(in, file.data, &text, e);

	*ret = (struct kernel_hists){ 0 };
	if (!r && kernel_hists_parse(text.data ? text.data : "", text.len, ret))
		r = err_errno(e, -ENOMEM, "cannot read the histograms of %s:%s", system, event);
	return r;
}

void kernel_hists_release(struct kernel_hists *hs)
{
	for (size_t i = 0; i < hs->nr; i++) {
		for (size_t j = 0; j < hs->v[i].entries.nr; j++)
			vec_release(&hs->v[i].entries.v[j]);
		vec_release(&hs->v[i].entries);
		vec_release(&hs->v[i].columns);
	}
	free(hs->text);
	hs->text = NULL;
	vec_release(hs);
}

/* ---- sorting ---------------------------------------------------------------------------- */

const char *kernel_hist_text(const struct kernel_hist_entry *entry, size_t column)
{
	for (size_t i = 0; i < entry->nr; i++)
		if (entry->v[i].column == column)
			return entry->v[i].text;
	return "";
}

struct sorted {
	const char *text;
	size_t at;			/* where it was */
	struct kernel_hist_entry entry;
};

/* The digits of a number, hexadecimal ones too: of "~ 2^4" and "~ 32-63" the first; 0: none. */
static size_t number_len(const char **text)
{
	size_t len;

	if (!strncmp(*text, "~ ", 2))
		*text += !strncmp(*text, "~ 2^", 4) ? 4 : 2;
	len = strspn(*text, "0123456789abcdef");
	return strchr("-. ", (*text)[len]) ? len : 0;
}

static int compare_texts(const char *a, const char *b)
{
	const char *x = a, *y = b;
	size_t x_len = number_len(&x), y_len = number_len(&y);

	/* Without zeros in front the longer number is the greater. */
	if (x_len && y_len && x_len != y_len)
		return x_len < y_len ? -1 : 1;
	return x_len && y_len ? strcmp(x, y) : strcmp(a, b);
}

static int compare_up(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = compare_texts(x->text, y->text);

	return order ? order : x->at < y->at ? -1 : 1;
}

static int compare_down(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = compare_texts(y->text, x->text);

	return order ? order : x->at < y->at ? -1 : 1;
}

int kernel_hist_sort(struct kernel_hist *h, size_t column, bool descending)
{
	struct sorted *all AUTO_FREE = calloc(h->entries.nr + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < h->entries.nr; i++)
		all[i] = (struct sorted){ kernel_hist_text(&h->entries.v[i], column), i, h->entries.v[i] };
	qsort(all, h->entries.nr, sizeof(*all), descending ? compare_down : compare_up);
	for (size_t i = 0; i < h->entries.nr; i++)
		h->entries.v[i] = all[i].entry;
	return 0;
}
