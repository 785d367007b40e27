// SPDX-License-Identifier: GPL-2.0-or-later
/* trigger show: histograms as tables, or for programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/escape.h"
#include "kernel/hist.h"
#include "trigger.h"

#define WIDTH_MAX 60			/* longer texts push the rest of their row */

/* ---- cells ------------------------------------------------------------------- */

static bool is_decimal(const char *text)
{
	return *text && !text[strspn(text, "0123456789")] && (*text != '0' || !text[1]);
}

static bool is_lines(const char *text)
{
	return strchr(text, '\n') != NULL;
}

/* As it is, but for what a terminal would take for commands. */
static void put_plain(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_put(b, (unsigned char)text[i] < ' ' || text[i] == 127 ? "?" : text + i, 1);
}

/* Calls @put with each line of a text, without the blanks around it. */
static void each_line(const char *text, void (*put)(struct buf *b, const char *line, size_t len), struct buf *b)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), from = strspn(text, " \t");

		if (from < len)
			put(b, text + from, len - from);
		text += len + (text[len] != 0);
	}
}

/* ---- JSON ---------------------------------------------------------------------- */

static void put_member(struct buf *b, const char *name, bool first)
{
	buf_puts(b, first ? "" : ",");
	put_quoted(b, name, ESCAPE_JSON);
	buf_puts(b, ":");
}

static void put_string_of(struct buf *b, const char *line, size_t len)
{
	AUTO_BUF struct buf copy = { 0 };

	buf_puts(b, b->data[b->len - 1] == '[' ? "" : ",");
	if (buf_put(&copy, line, len))
		b->failed = true;
	else
		put_quoted(b, copy.data, ESCAPE_JSON);
}

static void put_lines(struct buf *b, const char *text)
{
	buf_puts(b, "[");
	each_line(text, put_string_of, b);
	buf_puts(b, "]");
}

/* The keys, or the values, of an entry as an object. */
static void put_cells(struct buf *b, const struct kernel_hist *h, const struct kernel_hist_entry *entry, bool keys)
{
	bool first = true;

	buf_puts(b, "{");
	for (size_t i = 0; i < entry->nr; i++) {
		const struct kernel_hist_column *column = &h->columns.v[entry->v[i].column];
		const char *text = entry->v[i].text;

		if (column->is_key != keys)
			continue;
		put_member(b, column->name, first);
		first = false;
		if (is_lines(text))
			put_lines(b, text);
		else if (is_decimal(text) && !column->is_hex)
			buf_puts(b, text);
		else
			put_quoted(b, text, ESCAPE_JSON);
	}
	buf_puts(b, "}");
}

static void put_json(struct buf *b, const char *event, const struct kernel_hist *h, size_t nr)
{
	buf_puts(b, "\n {");
	put_member(b, "event", true);
	put_quoted(b, event, ESCAPE_JSON);
	put_member(b, "trigger", false);
	put_quoted(b, h->trigger, ESCAPE_JSON);
	buf_printf(b, ",\"hits\":%llu,\"entries\":%zu,\"dropped\":%llu", (unsigned long long)h->hits, h->entries.nr,
		   (unsigned long long)h->dropped);
	if (h->notes) {
		put_member(b, "notes", false);
		put_lines(b, h->notes);
	}
	put_member(b, "rows", false);
	buf_puts(b, "[");
	for (size_t i = 0; i < nr; i++) {
		const struct kernel_hist_entry *entry = &h->entries.v[i];

		buf_puts(b, i ? ",\n  {\"keys\":" : "\n  {\"keys\":");
		put_cells(b, h, entry, true);
		put_member(b, "values", false);
		put_cells(b, h, entry, false);
		if (entry->notes) {
			put_member(b, "notes", false);
			put_lines(b, entry->notes);
		}
		buf_puts(b, "}");
	}
	buf_puts(b, "]}");
}

/* ---- table ------------------------------------------------------------------------ */

struct table {
	const struct kernel_hist *h;
	size_t nr;			/* entries that are shown */
	struct layout {
		bool below;		/* it has stacks: they stand below the row */
		bool numbers;
		size_t width;
	} *columns;
};

static void measure(struct table *t, size_t column)
{
	struct layout *l = &t->columns[column];

	*l = (struct layout){ .numbers = true, .width = strlen(t->h->columns.v[column].name) };
	for (size_t i = 0; i < t->nr; i++) {
		const char *text = kernel_hist_text(&t->h->entries.v[i], column);
		size_t len = strlen(text);

		l->below |= is_lines(text);
		l->numbers &= !text[strspn(text, "0123456789.")];
		if (len > l->width && len <= WIDTH_MAX)
			l->width = len;
	}
}

static void put_cell(struct buf *b, const struct layout *l, const char *text)
{
	size_t len = strlen(text), fill = len < l->width ? l->width - len : 0;

	buf_puts(b, b->len ? "  " : "");
	if (l->numbers)
		buf_fill(b, ' ', fill);
	put_plain(b, text, len);
	if (!l->numbers)
		buf_fill(b, ' ', fill);
}

static void put_below(struct buf *b, const char *line, size_t len)
{
	buf_puts(b, "        ");
	put_plain(b, line, len);
	buf_puts(b, "\n");
}

/* The row of an entry; NULL: of the names. */
static void put_row(struct buf *ret, const struct table *t, const struct kernel_hist_entry *entry)
{
	AUTO_BUF struct buf line = { 0 };

	for (size_t c = 0; c < t->h->columns.nr; c++)
		if (!t->columns[c].below)
			put_cell(&line, &t->columns[c], entry ? kernel_hist_text(entry, c) : t->h->columns.v[c].name);
	while (line.len && line.data[line.len - 1] == ' ')
		line.len--;
	buf_put(ret, line.data ? line.data : "", line.len);
	buf_puts(ret, "\n");
	ret->failed |= line.failed;
	for (size_t c = 0; entry && c < t->h->columns.nr; c++)
		if (t->columns[c].below)
			each_line(kernel_hist_text(entry, c), put_below, ret);
	if (entry && entry->notes)
		each_line(entry->notes, put_below, ret);
}

static void put_table(struct buf *b, const char *event, const struct kernel_hist *h, size_t nr)
{
	struct table t = { h, nr, calloc(h->columns.nr + 1, sizeof(*t.columns)) };

	if (!t.columns) {
		b->failed = true;
		return;
	}
	buf_printf(b, "%s ", event);
	put_plain(b, h->trigger, strlen(h->trigger));
	buf_puts(b, "\n");
	for (size_t c = 0; c < h->columns.nr; c++)
		measure(&t, c);
	for (size_t i = 0; nr && i <= nr; i++)
		put_row(b, &t, i ? &h->entries.v[i - 1] : NULL);
	if (h->notes)
		each_line(h->notes, put_below, b);
	if (nr < h->entries.nr)
		buf_printf(b, "%zu of ", nr);
	buf_printf(b, "%zu entries, %llu hits, %llu dropped\n", h->entries.nr, (unsigned long long)h->hits,
		   (unsigned long long)h->dropped);
	free(t.columns);
}

/* ---- the whole ------------------------------------------------------------------------ */

static int no_column(const struct kernel_hist *h, const char *name, struct err *e)
{
	AUTO_BUF struct buf names = { 0 };
	struct near near;

	near_init(&near, name);
	for (size_t i = 0; i < h->columns.nr; i++) {
		near_try(&near, h->columns.v[i].name);
		buf_printf(&names, "%s%s", i ? ", " : "", h->columns.v[i].name);
	}
	err_set(e, -ENOENT, "option --sort: the histogram has no column '%s'", name);
	near_hint(&near, e);
	return names.len ? err_hint(e, "it has: %s", names.data) : -ENOENT;
}

/* "COLUMN[:ascending|:descending]" */
static int sort(struct kernel_hist *h, const char *by, struct err *e)
{
	const char *colon = strrchr(by, ':');
	bool descending = colon && !strcmp(colon, ":descending");
	bool has_order = descending || (colon && !strcmp(colon, ":ascending"));
	AUTO_FREE char *name = strndup(by, has_order ? (size_t)(colon - by) : strlen(by));
	ssize_t column = name ? kernel_hist_column(h, name) : -1;

	if (name && column < 0)
		return h->entries.nr ? no_column(h, name, e) : 0;
	return !name || kernel_hist_sort(h, column, descending) ? err_errno(e, -ENOMEM, "cannot sort the histogram") : 0;
}

static int show_hist(const struct kernel_trigger *t, struct kernel_hist *h, const struct trigger_show *how, bool first,
		     struct err *e)
{
	AUTO_BUF struct buf text = { 0 }, event = { 0 };
	int r = how->sort ? sort(h, how->sort, e) : 0;
	size_t nr = how->has_top && how->top < h->entries.nr ? how->top : h->entries.nr;

	if (r)
		return r;
	buf_printf(&event, "%s:%s", t->system, t->event);
	buf_puts(&text, first ? "" : how->json ? "," : "\n");
	if (!event.failed)
		(how->json ? put_json : put_table)(&text, event.data, h, nr);
	if (event.failed || text.failed)
		return err_errno(e, -ENOMEM, "cannot show the histogram");
	out_put(text.data, text.len);
	return 0;
}

static int show_trigger(struct kernel_instance *in, const struct kernel_trigger *t, const struct trigger_show *how,
			bool first, struct err *e)
{
	struct kernel_hists hists;
	int r = kernel_hists_read(in, t->system, t->event, &hists, e);

	for (size_t i = 0; !r && i < hists.nr; i++)
		if (!strcmp(hists.v[i].trigger, t->text)) {
			r = show_hist(t, &hists.v[i], how, first, e);
			break;
		}
	kernel_hists_release(&hists);
	return r;
}

int trigger_show_hists(struct kernel_instance *in, const struct kernel_triggers *ts, const bool *chosen,
		       const struct trigger_show *how, struct err *e)
{
	bool first = true;
	int r = 0;

	if (how->json)
		out_printf("[");
	for (size_t i = 0; !r && i < ts->nr; i++) {
		if (!chosen[i])
			continue;
		r = show_trigger(in, &ts->v[i], how, first, e);
		first = false;
	}
	if (how->json && !r)
		out_printf(first ? "]\n" : "\n]\n");
	return r;
}
