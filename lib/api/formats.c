// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a file's formats say, and its names of processes. */
#include <errno.h>
#include <stdlib.h>

#include "api/trace.h"
#include "event/fields.h"

/* The fields of one event, given out. */
struct trace_fields {
	struct trace_fields *next;
	int32_t id;
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
}

static int find_file(struct tracecmd_trace *t, unsigned int file, struct event_db **db,
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
	int r = find_file(t, file, &db, e);

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

static struct tracecmd_field as_field(const struct event_field *f)
{
	struct tracecmd_field ret = {
		.name = f->name, .declaration = f->tep->type, .is_pointer = f->is_pointer,
		.is_mask = f->is_mask,
	};

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

static int event_fields(struct tracecmd_trace *t, unsigned int file, int32_t id,
			struct trace_fields **ret, struct err *e)
{
	AUTO_FREE struct event_fields *fields = NULL;
	struct tep_event *event;
	struct trace_fields *made;
	struct event_db *db;
	int r = find_file(t, file, &db, e);

	if (r < 0)
		return r;
	for (made = t->files[file].fields; made; made = made->next)
		if (made->id == id) {
			*ret = made;
			return 0;
		}
	event = event_db_event(db, id);
	if (!event)
		return err_set(e, -ENOENT, "'%s' has no format of an event %d that can be understood",
			       t->files[file].facts.path, id);
	if (event_fields_new(event, false, &fields) ||
	    !(made = malloc(sizeof(*made) + fields->nr * sizeof(made->v[0]))))
		return err_errno(e, -ENOMEM, "the fields of an event of '%s'",
				 t->files[file].facts.path);
	made->id = id;
	for (made->nr = 0; made->nr < fields->nr; made->nr++)
		made->v[made->nr] = as_field(&fields->v[made->nr]);
	made->next = t->files[file].fields;
	t->files[file].fields = made;
	*ret = made;
	return 0;
}

API int tracecmd_event_fields(struct tracecmd_trace *t, unsigned int file, int32_t id,
			      const struct tracecmd_field **ret, size_t *nr,
			      struct tracecmd_error *error)
{
	struct trace_fields *fields = NULL;
	struct err e = { 0 };

	if (api_need(t && ret && nr, "tracecmd_event_fields", &e) < 0 ||
	    event_fields(t, file, id, &fields, &e) < 0)
		return api_error(&e, error);
	*ret = fields->v;
	*nr = fields->nr;
	return 0;
}

API int tracecmd_task_name(struct tracecmd_trace *t, unsigned int file, int32_t pid,
			   const char **ret, struct tracecmd_error *error)
{
	struct event_db *db;
	struct err e = { 0 };

	if (api_need(t && ret, "tracecmd_task_name", &e) < 0 || find_file(t, file, &db, &e) < 0)
		return api_error(&e, error);
	*ret = event_db_comm(db, pid);
	return 0;
}
