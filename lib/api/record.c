// SPDX-License-Identifier: LGPL-2.1-or-later
/* Records by themselves, as scans give them: their text. */
#include <errno.h>

#include "api/trace.h"

static int make_text(struct tracecmd_trace *t, const struct tracecmd_record *rec, struct err *e)
{
	const struct event_record view = {
		.ts = rec->time, .data = rec->data, .len = rec->size, .avail = rec->size, .cpu = rec->cpu,
	};
	struct tep_event *event;
	struct trace_file *f;
	struct event_db *db;
	int r = trace_find_file(t, rec->file, &db, e);

	if (r)
		return r;
	f = &t->files[rec->file];
	if (!f->record_ctx) {
		if (event_ctx_new(db, &f->record_ctx, e) < 0)
			return e->code;
		event_ctx_defer(f->record_ctx, &t->fixups);
	}
	buf_clear(&t->record_text);
	event = event_db_event(db, event_db_record_id(db, rec->data, rec->size));
	if (event)
		event_text(f->record_ctx, event, &view, false, NULL, &t->record_text);
	t->fixups.v.nr = 0;
	buf_clear(&t->fixups.words);
	if (buf_puts(&t->record_text, "") < 0)
		return err_errno(e, -ENOMEM, "the text of an event of '%s'", f->facts.path);
	return 0;
}

API int tracecmd_record_text(struct tracecmd_trace *t, const struct tracecmd_record *record,
			     const char **ret, struct tracecmd_error *error)
{
	struct err e = { 0 };

	if (api_need(t && record && ret && (record->data || !record->size), "tracecmd_record_text",
		     &e) < 0 || make_text(t, record, &e) < 0)
		return api_error(&e, error);
	*ret = t->record_text.data;
	return 0;
}
