// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a file's formats say. */
#include <errno.h>
#include <stdlib.h>

#include "api/trace.h"
#include "event/fields.h"

/* The fields of one event, given out. */
struct trace_fields {
	struct trace_fields *next;
	int32_t id;
	bool common;			/* what all events have; id says nothing */
	size_t nr;
	struct tracecmd_field v[];
};

void trace_release_formats(struct trace_file *f)
{
	while (f->fields) {
		struct trace_fields *next = f->fields->next;

		free(f->fields);
		f->fields = next;
	}
	free(f->events);
	free(f->tasks);
}

int trace_find_file(struct tracecmd_trace *t, unsigned int file, struct event_db **db,
		    struct err *e)
{
	if (file >= t->nr_files)
		return err_set(e, -EINVAL, "there is no file %u: the trace has %u", file,
			       t->nr_files);
	*db = trace_db(t, file, e);
	return *db ? 0 : e->code;
}

static int file_events(struct tracecmd_trace *t, unsigned int file,
		       const struct tracecmd_event_info **ret, size_t *nr, struct err *e)
{
	const struct event_name *names;
	struct trace_file *f;
	struct event_db *db;
	size_t n;
	int r = trace_find_file(t, file, &db, e);

	if (r < 0)
		return r;
	f = &t->files[file];
	r = event_db_names(db, &names, &n, e);
	if (r < 0)
		return err_wrap(e, "'%s'", f->facts.path);
	if (!f->events) {
		f->events = calloc(n + 1, sizeof(*f->events));
		if (!f->events)
			return err_errno(e, -ENOMEM, "the events of '%s'", f->facts.path);
		for (f->nr_events = 0; f->nr_events < n; f->nr_events++)
			f->events[f->nr_events] = (struct tracecmd_event_info){
				.system = names[f->nr_events].system,
				.name = names[f->nr_events].name, .id = names[f->nr_events].id,
			};
	}
	*ret = f->events;
	*nr = f->nr_events;
	return 0;
}

API int tracecmd_file_events(struct tracecmd_trace *t, unsigned int file,
			     const struct tracecmd_event_info **ret, size_t *nr,
			     struct tracecmd_error *error)
{
	struct err e = { 0 };

	if (api_need(t && ret && nr, "tracecmd_file_events", &e) < 0 ||
	    file_events(t, file, ret, nr, &e) < 0)
		return api_error(&e, error);
	return 0;
}

static struct tracecmd_field as_field(const struct event_field *f, bool big_endian)
{
	struct tracecmd_field ret = {
		.name = f->name, .declaration = f->tep->type, .is_pointer = f->is_pointer,
		.is_mask = f->is_mask, .place = (int)f->place, .big_endian = big_endian, .offset = f->offset,
		.bytes = f->place == EVENT_FIXED ? f->len : f->place == EVENT_REST ? 0 : 4,
	};

	_Static_assert((int)TRACECMD_PLACE_REST == (int)EVENT_REST &&
		       (int)TRACECMD_PLACE_DATA_LOC == (int)EVENT_DATA_LOC &&
		       (int)TRACECMD_PLACE_REL_LOC == (int)EVENT_REL_LOC, "places are this library's own");

	switch (f->type) {
	case EVENT_NUMBER:
		ret.type = number_type(f->size, f->is_signed);
		break;
	case EVENT_STRING:
		ret.type = TRACECMD_TYPE_STRING;
		break;
	case EVENT_ARRAY:
		ret.type = TRACECMD_TYPE_ARRAY;
		ret.element = number_type(f->size, f->is_signed);
		break;
	}
	return ret;
}

struct tep_event *trace_any_event(struct event_db *db)
{
	const struct event_name *names;
	struct tep_event *event = NULL;
	size_t nr;

	if (event_db_names(db, &names, &nr, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < nr && !event; i++)
		event = event_db_event(db, names[i].id);
	return event;
}

static int make_fields(struct tracecmd_trace *t, unsigned int file, int32_t id, bool common,
		       struct event_db *db, struct trace_fields **ret, struct err *e)
{
	AUTO_FREE struct event_fields *fields = NULL;
	const struct tracecmd_file_facts *facts = &t->files[file].facts;
	struct tep_event *event = common ? trace_any_event(db) : event_db_event(db, id);
	struct trace_fields *made;

	if (!event && common)
		return err_set(e, -ENOENT, "'%s' has no format that can be understood", facts->path);
	if (!event)
		return err_set(e, -ENOENT, "'%s' has no format of an event %d that can be understood",
			       facts->path, id);
	if (event_fields_new(event, common, &fields) ||
	    !(made = malloc(sizeof(*made) + fields->nr * sizeof(made->v[0]))))
		return err_errno(e, -ENOMEM, "the fields of an event of '%s'", facts->path);
	made->id = id;
	made->common = common;
	for (made->nr = 0; made->nr < fields->nr; made->nr++)
		made->v[made->nr] = as_field(&fields->v[made->nr], facts->big_endian);
	made->next = t->files[file].fields;
	t->files[file].fields = made;
	*ret = made;
	return 0;
}

static int event_fields(struct tracecmd_trace *t, unsigned int file, int32_t id, bool common,
			struct trace_fields **ret, struct err *e)
{
	struct event_db *db;
	int r = trace_find_file(t, file, &db, e);

	if (r < 0)
		return r;
	for (*ret = t->files[file].fields; *ret; *ret = (*ret)->next)
		if ((*ret)->common == common && (common || (*ret)->id == id))
			return 0;
	return make_fields(t, file, id, common, db, ret, e);
}

static int give_fields(struct tracecmd_trace *t, unsigned int file, int32_t id, bool common,
		       const struct tracecmd_field **ret, size_t *nr, struct tracecmd_error *error)
{
	const char *function = common ? "tracecmd_common_fields" : "tracecmd_event_fields";
	struct trace_fields *fields = NULL;
	struct err e = { 0 };

	if (api_need(t && ret && nr, function, &e) < 0 || event_fields(t, file, id, common, &fields, &e) < 0)
		return api_error(&e, error);
	*ret = fields->v;
	*nr = fields->nr;
	return 0;
}

API int tracecmd_event_fields(struct tracecmd_trace *t, unsigned int file, int32_t id,
			      const struct tracecmd_field **ret, size_t *nr,
			      struct tracecmd_error *error)
{
	return give_fields(t, file, id, false, ret, nr, error);
}

API int tracecmd_common_fields(struct tracecmd_trace *t, unsigned int file,
			       const struct tracecmd_field **ret, size_t *nr,
			       struct tracecmd_error *error)
{
	return give_fields(t, file, 0, true, ret, nr, error);
}

/* What is asked for is told by the public field alone: any thread may do it. */
API int tracecmd_field_value(const struct tracecmd_field *field, const void *data, size_t size,
			     struct tracecmd_value *ret)
{
	struct event_field f;
	const uint8_t *at;
	uint32_t len;
	int number;

	if (!field || !data || !ret || size > UINT32_MAX)
		return -EINVAL;
	number = field->type == TRACECMD_TYPE_ARRAY ? field->element :
		 field->type == TRACECMD_TYPE_STRING ? TRACECMD_TYPE_INT8 : field->type;
	f = (struct event_field){
		.type = field->type == TRACECMD_TYPE_ARRAY ? EVENT_ARRAY :
			field->type == TRACECMD_TYPE_STRING ? EVENT_STRING : EVENT_NUMBER,
		.place = (enum event_field_place)field->place, .size = number_size(number),
		.is_signed = number_signed(number), .offset = field->offset,
		.len = field->place == TRACECMD_PLACE_FIXED ? field->bytes : 0,
	};
	if (!f.size || !event_field_span(&f, data, size, field->big_endian, &at, &len))
		return -ENODATA;
	*ret = (struct tracecmd_value){ .type = field->type, .data = at, .size = len };
	if (f.type == EVENT_STRING)
		ret->size = strnlen((const char *)at, len);
	else if (f.type == EVENT_NUMBER)
		ret->number = event_number_at(at, f.size, f.is_signed, field->big_endian);
	return 0;
}
