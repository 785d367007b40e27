// SPDX-License-Identifier: GPL-2.0-or-later
/* Dynamic events as a table, or for programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/escape.h"
#include "probe.h"

enum { KIND, EVENT, STATE, HITS, MISSED, DEFINITION, NR_COLUMNS };

struct row {
	char *cells[NR_COLUMNS];
};

struct printing {
	struct kernel *k;
	struct kernel_words instances;	/* all but the top level */
	bool json;
	struct buf out;
	VEC(struct row) rows;
	struct err *e;
};

/* The top level and the i-th instance behind it; NULL: gone meanwhile. */
static const struct kernel_instance *nth_instance(struct printing *p, size_t i)
{
	struct kernel_instance *in = kernel_top(p->k);

	if (i && kernel_instance_get(p->k, p->instances.v[i - 1], false, &in, NULL))
		return NULL;
	return in;
}

/* Adds where it is on: "top", "x"; quoted for JSON, where the top level is "". */
static size_t put_instances(struct printing *p, const struct kernel_dyn_event *ev, struct buf *b)
{
	size_t nr = 0;

	for (size_t i = 0; i <= p->instances.nr; i++) {
		const struct kernel_instance *in = nth_instance(p, i);

		if (!in || !kernel_dyn_enabled(in, ev))
			continue;
		buf_puts(b, nr++ ? "," : "");
		if (p->json)
			put_quoted(b, kernel_instance_name(in), ESCAPE_JSON);
		else
			buf_puts(b, i ? kernel_instance_name(in) : "top");
	}
	return nr;
}

/* ---- JSON ------------------------------------------------------------------- */

static void put_text(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	put_quoted(b, text, ESCAPE_JSON);
	buf_puts(b, ",");
}

static void put_number(struct buf *b, const char *name, const struct kernel_dyn_count *c, uint64_t number)
{
	if (c->known)
		buf_printf(b, "\"%s\":%llu,", name, (unsigned long long)number);
	else
		buf_printf(b, "\"%s\":null,", name);
}

static void put_object(struct printing *p, const struct kernel_dyn_event *ev, const struct kernel_dyn_count *c)
{
	AUTO_BUF struct buf where = { 0 };
	size_t nr = put_instances(p, ev, &where);

	buf_puts(&p->out, p->out.len > 1 ? ",\n {" : "\n {");
	put_text(&p->out, "kind", kernel_dyn_type_name(ev->type));
	put_text(&p->out, "group", ev->group);
	put_text(&p->out, "name", ev->name);
	put_text(&p->out, "definition", ev->definition);
	put_number(&p->out, "hits", c, c->hits);
	put_number(&p->out, "missed", c, c->missed);
	buf_printf(&p->out, "\"enabled\":%s,\"instances\":[%s]}", nr ? "true" : "false", nr ? where.data : "");
	p->out.failed |= where.failed;
}

/* ---- table ------------------------------------------------------------------ */

static char *number_cell(const struct kernel_dyn_count *c, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return strdup(c->known ? text : "-");
}

static int add_row(struct printing *p, const struct kernel_dyn_event *ev, const struct kernel_dyn_count *c)
{
	AUTO_BUF struct buf where = { 0 }, name = { 0 };
	struct row row = { 0 };
	bool whole;

	if (!put_instances(p, ev, &where))
		buf_puts(&where, "off");
	buf_printf(&name, "%s%s%s", ev->group, *ev->group ? ":" : "", ev->name);
	row.cells[KIND] = strdup(kernel_dyn_type_name(ev->type));
	row.cells[EVENT] = name.failed ? NULL : strdup(name.data);
	row.cells[STATE] = where.failed ? NULL : strdup(where.data);
	row.cells[HITS] = number_cell(c, c->hits);
	row.cells[MISSED] = number_cell(c, c->missed);
	row.cells[DEFINITION] = strdup(ev->definition);
	whole = !vec_push(&p->rows, row);
	for (size_t i = 0; i < NR_COLUMNS; i++) {
		if (!whole)
			free(row.cells[i]);
		else if (!row.cells[i])
			return -ENOMEM;
	}
	return whole ? 0 : -ENOMEM;
}

static void print_rows(struct printing *p)
{
	static const struct row head = { { "KIND", "EVENT", "ON IN", "HITS", "MISSED", "DEFINITION" } };
	int width[NR_COLUMNS];

	for (size_t c = 0; c < NR_COLUMNS; c++) {
		width[c] = strlen(head.cells[c]);
		for (size_t i = 0; i < p->rows.nr; i++)
			if ((int)strlen(p->rows.v[i].cells[c]) > width[c])
				width[c] = strlen(p->rows.v[i].cells[c]);
	}
	for (size_t i = 0; p->rows.nr && i <= p->rows.nr; i++) {
		char *const *cell = i ? p->rows.v[i - 1].cells : head.cells;

		out_printf("%-*s  %-*s  %-*s  %*s  %*s  %s\n", width[KIND], cell[KIND], width[EVENT], cell[EVENT],
			   width[STATE], cell[STATE], width[HITS], cell[HITS], width[MISSED], cell[MISSED],
			   cell[DEFINITION]);
	}
}

/* ---- both ------------------------------------------------------------------- */

static int print(struct printing *p, const struct kernel_dyn_events *evs, const bool *chosen,
		 const struct kernel_dyn_count *counts)
{
	int r = 0;

	if (p->json)
		buf_puts(&p->out, "[");
	for (size_t i = 0; !r && i < evs->nr; i++) {
		if (!chosen[i])
			continue;
		if (p->json)
			put_object(p, &evs->v[i], &counts[i]);
		else
			r = add_row(p, &evs->v[i], &counts[i]);
	}
	if (p->json)
		buf_puts(&p->out, p->out.len > 1 ? "\n]\n" : "]\n");
	if (r || p->out.failed)
		return -ENOMEM;
	out_put(p->out.data, p->out.len);
	print_rows(p);
	return 0;
}

int probe_print(struct kernel *k, const struct kernel_dyn_events *evs, const bool *chosen, bool json,
		struct err *e)
{
	struct printing p = { .k = k, .json = json, .e = e };
	struct kernel_dyn_count *counts AUTO_FREE = calloc(evs->nr + 1, sizeof(*counts));
	int r = counts ? kernel_dyn_counts(k, evs, counts) : -ENOMEM;

	if (!r && kernel_instance_names(k, &p.instances, e))
		return EXIT_FAILED;
	if (!r)
		r = print(&p, evs, chosen, counts);
	for (size_t i = 0; i < p.rows.nr; i++)
		for (size_t c = 0; c < NR_COLUMNS; c++)
			free(p.rows.v[i].cells[c]);
	vec_release(&p.rows);
	buf_release(&p.out);
	kernel_words_release(&p.instances);
	if (r)
		err_errno(e, r, "cannot list the dynamic events");
	return r ? EXIT_FAILED : EXIT_OK;
}
