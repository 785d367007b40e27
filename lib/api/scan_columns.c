// SPDX-License-Identifier: LGPL-2.1-or-later
/* A scan's columns: of which type they are, and where events have their values. */
#include <errno.h>
#include <stdlib.h>

#include "api/scan.h"

void scan_release_column(struct tracecmd_scan *s, struct scan_column *c)
{
	for (unsigned int file = 0; c->cells && file < s->trace->nr_files; file++) {
		for (int id = 0; c->cells[file] && id < EVENT_IDS; id++)
			free(c->cells[file][id]);
		free(c->cells[file]);
	}
	free(c->cells);
	free(c->name);
	free(c->met);
	scan_words_release(&c->words);
}

/* What holds the numbers of both types; of 64 bits with and without sign, those below 2^63. */
static int wider(int a, int b)
{
	unsigned size = number_size(a) > number_size(b) ? number_size(a) : number_size(b);
	bool has_sign = number_signed(a) || number_signed(b);

	if (!a || a == b)
		return b;
	/* an unsigned one needs a bit more */
	if (has_sign && size < 8 && ((!number_signed(a) && number_size(a) == size) ||
				     (!number_signed(b) && number_size(b) == size)))
		size *= 2;
	return number_type(size, has_sign);
}

/* The types that all events' fields of the column have in common, so far. */
static int join_types(struct scan_column *c, const struct event_field *f, int *joined,
		      int *element, struct err *e)
{
	int type = f->type == EVENT_NUMBER ? number_type(f->size, f->is_signed) :
		   f->type == EVENT_STRING ? TRACECMD_TYPE_STRING : TRACECMD_TYPE_ARRAY;
	int el = f->type == EVENT_ARRAY ? number_type(f->size, f->is_signed) : 0;

	if (is_number(type) && (!*joined || is_number(*joined)))
		*joined = wider(*joined, type);
	else if (!*joined || (*joined == type && *element == el))
		*joined = type;
	else
		return err_set(e, -ENOTSUP, "the selected events' fields '%s' have no type in common: "
			       "select fewer events", c->name);
	*element = el;
	return 0;
}

/* Whether the text of a format may declare the field: it stands before a ';' or '['. */
static bool mentions(const struct event_name *ev, const char *field)
{
	size_t len = strlen(field);
	const char *p = ev->format, *end = p + ev->format_len;

	while ((p = memmem(p, end - p, field, len))) {
		p += len;
		if (p < end && (*p == ';' || *p == '['))
			return true;
	}
	return false;
}

/* The field of one event, if it has it. */
static int bind_event(struct tracecmd_scan *s, struct scan_column *c, unsigned int file, int id,
		      int *type, int *element, struct err *e)
{
	AUTO_FREE struct event_fields *fields = NULL;
	struct tep_event *event = event_db_event(s->files[file].db, id);
	const struct event_field *field;
	struct scan_cell *cell;
	int r;

	if (!event)
		return 0;
	if (event_fields_new(event, false, &fields))
		return err_errno(e, -ENOMEM, "column '%s'", c->name);
	field = event_fields_find(fields, c->name);
	if (!field)
		return 0;
	r = join_types(c, field, type, element, e);
	if (r)
		return r;
	if (!c->cells[file])
		c->cells[file] = calloc(EVENT_IDS, sizeof(*c->cells[file]));
	cell = calloc(1, sizeof(*cell));
	if (!c->cells[file] || !cell) {
		free(cell);
		return err_errno(e, -ENOMEM, "column '%s'", c->name);
	}
	cell->field = *field;
	c->cells[file][id] = cell;
	return 0;
}

/* The fields of that name of all selected events. */
static int bind(struct tracecmd_scan *s, struct scan_column *c, int *type, int *element,
		struct err *e)
{
	*type = *element = 0;
	c->cells = calloc(s->trace->nr_files, sizeof(*c->cells));
	if (!c->cells)
		return err_errno(e, -ENOMEM, "column '%s'", c->name);
	for (unsigned int file = 0; file < s->trace->nr_files; file++) {
		const struct event_name *names;
		size_t nr;
		int r = event_db_names(s->files[file].db, &names, &nr, e);

		if (r < 0)
			return err_wrap(e, "'%s'", s->trace->files[file].facts.path);
		for (size_t i = 0; i < nr && !r; i++) {
			int id = names[i].id;

			if (id < EVENT_IDS && s->files[file].ids[id] && mentions(&names[i], c->name))
				r = bind_event(s, c, file, id, type, element, e);
		}
		if (r)
			return r;
	}
	if (!*type)
		return err_set(e, -ENOENT, "none of the selected events has a field '%s'", c->name);
	return 0;
}

/* What is no field has a type and a name of its own. */
static const struct { const char *name; int type; } own_columns[] = {
	[TRACECMD_TIME] = { "TRACECMD_TIME", TRACECMD_TYPE_UINT64 },
	[TRACECMD_CPU] = { "TRACECMD_CPU", TRACECMD_TYPE_UINT32 },
	[TRACECMD_PID] = { "TRACECMD_PID", TRACECMD_TYPE_INT32 },
	[TRACECMD_ID] = { "TRACECMD_ID", TRACECMD_TYPE_INT32 },
	[TRACECMD_FLAGS] = { "TRACECMD_FLAGS", TRACECMD_TYPE_UINT8 },
	[TRACECMD_PREEMPT_COUNT] = { "TRACECMD_PREEMPT_COUNT", TRACECMD_TYPE_UINT8 },
	[TRACECMD_FILE] = { "TRACECMD_FILE", TRACECMD_TYPE_UINT32 },
	[TRACECMD_BUFFER] = { "TRACECMD_BUFFER", TRACECMD_TYPE_UINT32 },
	[TRACECMD_LOST] = { "TRACECMD_LOST", TRACECMD_TYPE_UINT64 },
	[TRACECMD_TASK] = { "TRACECMD_TASK", TRACECMD_TYPE_STRING },
	[TRACECMD_TEXT] = { "TRACECMD_TEXT", TRACECMD_TYPE_STRING },
	[TRACECMD_NAME] = { "TRACECMD_NAME", TRACECMD_TYPE_STRING },
};

static int own_type(int what)
{
	if (what == SCAN_STREAM)
		return TRACECMD_TYPE_UINT32;
	if (what == SCAN_LATEST)
		return TRACECMD_TYPE_UINT64;
	return what < 0 || (size_t)what >= ARRAY_SIZE(own_columns) ? 0 : own_columns[what].type;
}

static int set_type(struct scan_column *c, int own, int wanted, struct err *e)
{
	bool can = wanted == own || (is_number(wanted) && is_number(own)) ||
		   (wanted == TRACECMD_TYPE_WORD && own == TRACECMD_TYPE_STRING);

	if (wanted && !can)
		return err_set(e, -ENOTSUP, "column '%s' cannot be had as that type: it is %s",
			       c->name ? c->name : own_columns[c->what].name, is_number(own) ? "a number" :
			       own == TRACECMD_TYPE_STRING ? "a string" : "an array");
	c->type = wanted ? wanted : own;
	if (is_number(c->type)) {
		c->size = number_size(c->type);
		c->is_signed = number_signed(c->type);
	}
	if (c->type == TRACECMD_TYPE_WORD) {
		c->size = sizeof(int32_t);
		c->is_signed = true;
	}
	if (c->type == TRACECMD_TYPE_WORD && (c->what == TRACECMD_TASK || c->what == TRACECMD_NAME)) {
		c->met = malloc(SCAN_MET * sizeof(*c->met));
		if (!c->met)
			return err_errno(e, -ENOMEM, "column '%s'", own_columns[c->what].name);
		for (unsigned i = 0; i < SCAN_MET; i++)
			c->met[i].code = -1;
	}
	return 0;
}

/* The thread's tools for texts. */
static int need_texts(struct tracecmd_scan *s, struct err *e)
{
	s->filters = true;
	for (unsigned int i = 0; i < s->trace->nr_files; i++) {
		struct scan_file *f = &s->files[i];

		if (!f->ctx && event_ctx_new(f->db, &f->ctx, e) < 0)
			return e->code;
		/* a text by itself, whatever other threads make of other events */
		event_ctx_defer(f->ctx, &s->fixups);
	}
	return 0;
}

/* Once the column's type is known: which values it has as they are in the records. */
static void find_copies(struct tracecmd_scan *s, struct scan_column *c)
{
	for (unsigned int file = 0; file < s->trace->nr_files; file++)
		for (int id = 0; c->cells[file] && id < EVENT_IDS; id++) {
			struct scan_cell *cell = c->cells[file][id];
			const struct event_field *f = cell ? &cell->field : NULL;

			if (f && f->type == EVENT_NUMBER && f->place == EVENT_FIXED && is_number(c->type) &&
			    f->size == c->size && f->is_signed == c->is_signed &&
			    s->files[file].big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
				cell->end = f->offset + f->size;
		}
}

static int make_column(struct tracecmd_scan *s, const struct tracecmd_column *o,
		       struct scan_column *c, struct err *e)
{
	int own = own_type(o->what), r;

	if (s->begun)
		return err_set(e, -EBUSY, "a column cannot be added to a scan that is being read");
	if ((!own && o->what != TRACECMD_FIELD) || o->type < 0 || o->type > TRACECMD_TYPE_WORD)
		return err_set(e, -EINVAL, "struct tracecmd_column: what is %d and type is %d, which "
			       "this library (%s) does not know", o->what, o->type, tracecmd_version());
	if (o->what == TRACECMD_FIELD && (!o->field || !*o->field))
		return err_set(e, -EINVAL, "struct tracecmd_column: which field is not told");
	c->what = o->what;
	if (o->what == TRACECMD_FIELD) {
		c->name = strdup(o->field);
		if (!c->name)
			return err_errno(e, -ENOMEM, "column '%s'", o->field);
		r = bind(s, c, &own, &c->element, e);
		if (r)
			return r;
	}
	if (o->what == TRACECMD_TASK || o->what == TRACECMD_TEXT) {
		r = need_texts(s, e);
		if (r)
			return r;
	}
	r = set_type(c, own, o->type, e);
	if (!r && c->cells)
		find_copies(s, c);
	return r;
}

/* Strings are filled first: they may not fit. */
static void sort_columns(struct tracecmd_scan *s)
{
	s->order.nr = 0;
	for (unsigned i = 0; i < s->columns.nr; i++)
		if (!s->columns.v[i].size)
			s->order.v[s->order.nr++] = i;
	s->nr_strings = s->order.nr;
	for (unsigned i = 0; i < s->columns.nr; i++)
		if (s->columns.v[i].size)
			s->order.v[s->order.nr++] = i;
}

int scan_add_column(struct tracecmd_scan *s, const struct tracecmd_column *o, struct err *e)
{
	struct scan_column c = { 0 };
	int r = make_column(s, o, &c, e);

	if (!r && (vec_reserve(&s->order, s->columns.nr + 1) || vec_push(&s->columns, c)))
		r = err_errno(e, -ENOMEM, "a column");
	if (r < 0) {
		scan_release_column(s, &c);
		return r;
	}
	sort_columns(s);
	return s->columns.nr - 1;
}

API int tracecmd_scan_column(struct tracecmd_scan *s, const struct tracecmd_column *column,
			     struct tracecmd_error *error)
{
	struct tracecmd_column o;
	struct err e = { 0 };
	int nr;

	if (api_need(s, "tracecmd_scan_column", &e) < 0 ||
	    api_opts(&o, sizeof(o), column, "tracecmd_column", &e) < 0)
		return api_error(&e, error);
	if (o.what == SCAN_STREAM || o.what == SCAN_LATEST)
		o.what = 0;
	/* the team's first: where one of them fails the scan has not the column, and all can be freed */
	nr = s->team ? scan_team_column(s, &o, &e) : scan_add_column(s, &o, &e);
	return nr < 0 ? api_error(&e, error) : nr;
}

API int tracecmd_scan_type(const struct tracecmd_scan *s, unsigned int column, int *element)
{
	if (!s || column >= s->columns.nr)
		return -EINVAL;
	if (element)
		*element = s->columns.v[column].element;
	return s->columns.v[column].type;
}
