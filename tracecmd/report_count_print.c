// SPDX-License-Identifier: GPL-2.0-or-later
/* What report --count has counted: as a table, as JSON lines, as CSV. */
#include <errno.h>
#include <stdlib.h>

#include "event/escape.h"
#include "report.h"
#include "tally.h"

#define EVENT_IDS 65536			/* an event's type has 16 bits */

/* A count with what it is of. */
struct row {
	uint64_t count, bin;
	const char *event;		/* "SYSTEM:EVENT" */
	const char *file, *buffer, *comm;
	uint32_t cpu;
	int pid;
};

struct loss {
	struct tally_key key;		/* file, buffer, cpu */
	uint64_t lost, unknown;
};

struct table {
	const struct report *rp;
	bool has[BY_KEYS];		/* the key is one of those counted by */
	bool seconds;
	VEC(struct row) rows;
	struct loss *losses;
	size_t nr_losses;
	char ***names;			/* of events by file and id */
	struct buf line;
};

/* ---- rows --------------------------------------------------------------------------- */

static const char *event_name(struct table *t, const struct tally_key *key)
{
	struct event_db *db = t->rp->files.v[key->file].db;
	const struct event_name *ev;
	char **names, *name = NULL;

	if (!t->names[key->file])
		t->names[key->file] = calloc(EVENT_IDS, sizeof(char *));
	names = t->names[key->file];
	if (!names || names[key->id])
		return names ? names[key->id] : NULL;
	ev = event_db_name(db, key->id);
	if ((ev ? asprintf(&name, "%s:%s", ev->system, ev->name) :
	     asprintf(&name, "unknown:%d", key->id)) < 0)
		return NULL;
	return names[key->id] = name;
}

static int add_row(struct table *t, const struct tally_entry *from)
{
	const struct tally_key *key = &from->key;
	const struct report_file *f = &t->rp->files.v[key->file];
	struct row row = {
		.count = from->count, .bin = key->bin, .cpu = key->cpu, .pid = key->pid,
		.event = t->has[BY_EVENT] ? event_name(t, key) : "",
		.file = t->has[BY_BUFFER] ? f->name : "",
		.buffer = t->has[BY_BUFFER] ? dat_reader_buffer(f->reader, key->buffer)->name : "",
		.comm = t->has[BY_TASK] ? event_db_comm(f->db, key->pid) : "",
	};

	return row.event && !vec_push(&t->rows, row) ? 0 : -ENOMEM;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int r = compare_u64(a->bin, b->bin);

	if (!r)
		r = strcmp(a->event, b->event);
	if (!r)
		r = compare_u64(a->cpu, b->cpu);
	if (!r)
		r = strcmp(a->file, b->file);
	if (!r)
		r = strcmp(a->buffer, b->buffer);
	if (!r)
		r = strcmp(a->comm, b->comm);
	return r ? r : (a->pid > b->pid) - (a->pid < b->pid);
}

/* Spans of time stand in their order, and what is in one by its number. */
static int compare_counts(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int r = compare_u64(a->bin, b->bin);

	if (!r)
		r = compare_u64(b->count, a->count);
	return r ? r : compare_keys(a, b);
}

/* Several files may have the same event, under other ids. */
static void join_rows(struct table *t)
{
	size_t nr = 0;

	qsort(t->rows.v, t->rows.nr, sizeof(*t->rows.v), compare_keys);
	for (size_t i = 0; i < t->rows.nr; i++) {
		if (nr && !compare_keys(&t->rows.v[nr - 1], &t->rows.v[i]))
			t->rows.v[nr - 1].count += t->rows.v[i].count;
		else
			t->rows.v[nr++] = t->rows.v[i];
	}
	t->rows.nr = nr;
	qsort(t->rows.v, t->rows.nr, sizeof(*t->rows.v), compare_counts);
}

static int make_rows(struct table *t, const struct tally *events)
{
	int r = 0;

	for (size_t i = 0; i < events->size && !r; i++)
		if (events->v[i].count)
			r = add_row(t, &events->v[i]);
	if (!r && t->rows.nr)
		join_rows(t);
	return r;
}

static int compare_losses(const void *x, const void *y)
{
	const struct tally_key *a = &((const struct loss *)x)->key, *b = &((const struct loss *)y)->key;
	int r = compare_u64(a->file, b->file);

	if (!r)
		r = compare_u64(a->buffer, b->buffer);
	return r ? r : compare_u64(a->cpu, b->cpu);
}

/* By CPU and buffer, in their order. */
static int make_losses(struct table *t, const struct tally *lost)
{
	struct loss *v = calloc(lost->nr + 1, sizeof(*v));
	size_t nr = 0, joined = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < lost->size; i++) {
		const struct tally_entry *e = &lost->v[i];

		if (!e->count)
			continue;
		v[nr] = (struct loss){ .key = e->key };
		*(e->key.id == LOST_KNOWN ? &v[nr].lost : &v[nr].unknown) = e->count;
		nr++;
	}
	qsort(v, nr, sizeof(*v), compare_losses);
	for (size_t i = 0; i < nr; i++) {
		if (joined && !compare_losses(&v[joined - 1], &v[i])) {
			v[joined - 1].lost += v[i].lost;
			v[joined - 1].unknown += v[i].unknown;
		} else {
			v[joined++] = v[i];
		}
	}
	t->losses = v;
	t->nr_losses = joined;
	return 0;
}

static void put_line(struct table *t)
{
	buf_put(&t->line, "\n", 1);
	if (!t->line.failed)
		out_put(t->line.data, t->line.len);
	t->line.len = 0;
}

/* ---- the table for people -------------------------------------------------------------- */

static void put_cell(const struct table *t, enum report_key key, const struct row *row, struct buf *out)
{
	const struct event_line_opts opts = { .seconds = t->seconds };

	switch (key) {
	case BY_EVENT:
		buf_puts(out, row->event);
		break;
	case BY_CPU:
		buf_printf(out, "%u", row->cpu);
		break;
	case BY_TASK:
		buf_printf(out, "%s-%d", row->comm, row->pid);
		break;
	case BY_BUFFER:
		buf_puts(out, *row->buffer ? row->buffer : t->rp->files.nr > 1 ? row->file : "-");
		break;
	default:
		event_time(&opts, row->bin * t->rp->count.bin, out);
	}
}

static const char *const headings[BY_KEYS] = { "EVENT", "CPU", "TASK", "BUFFER", "TIME" };
/* Numbers stand right. */
static const bool stands_right[BY_KEYS] = { [BY_CPU] = true, [BY_TIME] = true };

/* One line's cells behind the count; @row NULL: the headings. Without @line the
 * widths grow to what the cells take. */
static void put_cells(const struct table *t, const struct row *row, size_t *widths, struct buf *line)
{
	const struct report_count *by = &t->rp->count;
	AUTO_BUF struct buf cell = { 0 };

	for (unsigned i = 0; i < by->nr; i++) {
		enum report_key key = by->by[i];
		const char *text = headings[key];

		if (row) {
			buf_clear(&cell);
			put_cell(t, key, row, &cell);
			if (cell.failed)
				continue;
			text = cell.data + strspn(cell.data, " ");
		}
		if (!line) {
			if (strlen(text) > widths[i])
				widths[i] = strlen(text);
		} else if (stands_right[key]) {
			buf_printf(line, "  %*s", (int)widths[i], text);
		} else {
			/* no blanks behind the last column */
			buf_printf(line, "  %-*s", i + 1 < by->nr ? (int)widths[i] : 0, text);
		}
	}
}

static void print_rows(struct table *t)
{
	size_t widths[BY_KEYS] = { 0 };
	uint64_t total = 0;

	put_cells(t, NULL, widths, NULL);
	for (size_t i = 0; i < t->rows.nr; i++)
		put_cells(t, &t->rows.v[i], widths, NULL);
	buf_puts(&t->line, "      EVENTS");
	put_cells(t, NULL, widths, &t->line);
	put_line(t);
	for (size_t i = 0; i < t->rows.nr && !out_closed(); i++) {
		buf_printf(&t->line, "%12llu", (unsigned long long)t->rows.v[i].count);
		put_cells(t, &t->rows.v[i], widths, &t->line);
		put_line(t);
		total += t->rows.v[i].count;
	}
	buf_printf(&t->line, "%12llu  in all", (unsigned long long)total);
	put_line(t);
}

/* What buffers of others are called, too; "" is the only top level there is. */
static const char *place_name(const struct table *t, const struct tally_key *key)
{
	const struct report_file *f = &t->rp->files.v[key->file];
	const char *name = dat_reader_buffer(f->reader, key->buffer)->name;

	return *name || t->rp->files.nr == 1 ? name : f->name;
}

static void put_loss(struct table *t, const struct loss *l)
{
	buf_printf(&t->line, "%12llu  lost", (unsigned long long)l->lost);
	if (l->unknown)
		buf_printf(&t->line, ", and %llu times an unknown number,",
			   (unsigned long long)l->unknown);
}

static void print_losses(struct table *t)
{
	struct loss all = { .lost = 0 };

	for (size_t i = 0; i < t->nr_losses; i++) {
		const struct loss *l = &t->losses[i];
		const char *place = place_name(t, &l->key);

		put_loss(t, l);
		buf_printf(&t->line, " on CPU %u%s%s", l->key.cpu, *place ? " of " : "", place);
		put_line(t);
		all.lost += l->lost;
		all.unknown += l->unknown;
	}
	put_loss(t, &all);
	buf_puts(&t->line, " in all");
	put_line(t);
}

/* ---- for programs ------------------------------------------------------------------------- */

/* Puts ',"NAME":' for JSON, ',' for CSV. */
static void put_name(struct table *t, const char *name)
{
	if (t->rp->format == REPORT_JSON)
		buf_printf(&t->line, "%s\"%s\":", t->line.data[t->line.len - 1] == '{' ? "" : ",", name);
	else
		buf_puts(&t->line, ",");
}

static void put_number(struct table *t, const char *name, uint64_t v)
{
	put_name(t, name);
	buf_printf(&t->line, "%llu", (unsigned long long)v);
}

static void put_text(struct table *t, const char *name, const char *text)
{
	put_name(t, name);
	put_quoted(&t->line, text, t->rp->format == REPORT_JSON ? ESCAPE_JSON : ESCAPE_CSV);
}

static void put_place(struct table *t, const char *file, const char *buffer)
{
	if (t->rp->files.nr > 1)
		put_text(t, "file", file);
	put_text(t, "buffer", buffer);
}

static void put_event(struct table *t, const char *name)
{
	size_t system = strcspn(name, ":");
	char word[256];

	snprintf(word, sizeof(word), "%.*s", (int)system, name);
	put_text(t, "system", word);
	put_text(t, "event", name + system + 1);
}

static void put_key(struct table *t, enum report_key key, const struct row *row)
{
	switch (key) {
	case BY_EVENT:
		put_event(t, row->event);
		break;
	case BY_CPU:
		put_number(t, "cpu", row->cpu);
		break;
	case BY_TASK:
		put_text(t, "task", row->comm);
		put_name(t, "pid");
		buf_printf(&t->line, "%d", row->pid);
		break;
	case BY_BUFFER:
		put_place(t, row->file, row->buffer);
		break;
	default:
		put_number(t, "time", row->bin * t->rp->count.bin);
	}
}

static void print_json(struct table *t)
{
	struct loss all = { .lost = 0 };
	uint64_t total = 0;

	for (size_t i = 0; i < t->rows.nr && !out_closed(); i++) {
		buf_puts(&t->line, "{");
		put_number(t, "events", t->rows.v[i].count);
		for (unsigned k = 0; k < t->rp->count.nr; k++)
			put_key(t, t->rp->count.by[k], &t->rows.v[i]);
		buf_puts(&t->line, "}");
		put_line(t);
		total += t->rows.v[i].count;
	}
	for (size_t i = 0; i < t->nr_losses; i++) {
		const struct loss *l = &t->losses[i];
		const struct report_file *f = &t->rp->files.v[l->key.file];

		buf_puts(&t->line, "{");
		put_number(t, "lost", l->lost);
		put_number(t, "lost_unknown", l->unknown);
		put_number(t, "cpu", l->key.cpu);
		put_place(t, f->name, dat_reader_buffer(f->reader, l->key.buffer)->name);
		buf_puts(&t->line, "}");
		put_line(t);
		all.lost += l->lost;
		all.unknown += l->unknown;
	}
	buf_puts(&t->line, "{");
	put_number(t, "total", total);
	put_number(t, "lost", all.lost);
	put_number(t, "lost_unknown", all.unknown);
	buf_puts(&t->line, "}");
	put_line(t);
}

/* Counts and losses have the same columns; those that are not theirs are empty. */
static void print_csv(struct table *t)
{
	static const char *const names[BY_KEYS] = { "system,event", "cpu", "task,pid", NULL, "time" };
	const struct report_count *by = &t->rp->count;
	const char *place = t->rp->files.nr > 1 ? "file,buffer" : "buffer";

	buf_puts(&t->line, "events,lost,lost_unknown");
	for (unsigned k = 0; k < by->nr; k++)
		buf_printf(&t->line, ",%s", by->by[k] == BY_BUFFER ? place : names[by->by[k]]);
	if (!t->has[BY_CPU])
		buf_puts(&t->line, ",cpu");
	if (!t->has[BY_BUFFER])
		buf_printf(&t->line, ",%s", place);
	put_line(t);
	for (size_t i = 0; i < t->rows.nr && !out_closed(); i++) {
		buf_printf(&t->line, "%llu,,", (unsigned long long)t->rows.v[i].count);
		for (unsigned k = 0; k < by->nr; k++)
			put_key(t, by->by[k], &t->rows.v[i]);
		if (!t->has[BY_CPU])
			buf_puts(&t->line, ",");
		if (!t->has[BY_BUFFER])
			buf_puts(&t->line, t->rp->files.nr > 1 ? ",," : ",");
		put_line(t);
	}
	for (size_t i = 0; i < t->nr_losses; i++) {
		const struct loss *l = &t->losses[i];
		const struct report_file *f = &t->rp->files.v[l->key.file];
		const char *buffer = dat_reader_buffer(f->reader, l->key.buffer)->name;

		buf_printf(&t->line, ",%llu,%llu", (unsigned long long)l->lost,
			   (unsigned long long)l->unknown);
		for (unsigned k = 0; k < by->nr; k++) {
			if (by->by[k] == BY_CPU)
				put_number(t, "cpu", l->key.cpu);
			else if (by->by[k] == BY_BUFFER)
				put_place(t, f->name, buffer);
			else
				buf_puts(&t->line, by->by[k] == BY_TIME ? "," : ",,");
		}
		if (!t->has[BY_CPU])
			put_number(t, "cpu", l->key.cpu);
		if (!t->has[BY_BUFFER])
			put_place(t, f->name, buffer);
		put_line(t);
	}
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void release(struct table *t)
{
	for (size_t i = 0; t->names && i < t->rp->files.nr; i++) {
		for (unsigned id = 0; t->names[i] && id < EVENT_IDS; id++)
			free(t->names[i][id]);
		free(t->names[i]);
	}
	free(t->names);
	free(t->losses);
	vec_release(&t->rows);
	buf_release(&t->line);
}

int report_print_counts(const struct report *rp, const struct tally *events,
			const struct tally *lost)
{
	struct table t = { .rp = rp, .seconds = replay_in_seconds(rp->replay, 0) };
	int r = -ENOMEM;

	for (unsigned i = 0; i < rp->count.nr; i++)
		t.has[rp->count.by[i]] = true;
	t.names = calloc(rp->files.nr, sizeof(*t.names));
	if (t.names)
		r = make_rows(&t, events);
	if (!r)
		r = make_losses(&t, lost);
	if (!r && rp->format == REPORT_JSON) {
		print_json(&t);
	} else if (!r && rp->format == REPORT_CSV) {
		print_csv(&t);
	} else if (!r) {
		print_rows(&t);
		print_losses(&t);
	}
	if (t.line.failed)
		r = -ENOMEM;
	release(&t);
	return r;
}
