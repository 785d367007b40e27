// SPDX-License-Identifier: LGPL-2.1-or-later
/* What of a line of JSON or CSV is known before a record is met. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "event/db.h"
#include "event/export_plan.h"

/* Columns of every table. A field of such a name is called "field_" and that. */
static const char *const common_columns[] = {
	"time", "cpu", "task", "pid", "flags", "preempt_count", "file", "buffer", "lost",
	"system", "event", "fields", "decoded", "text",
};

/* ---- columns ------------------------------------------------------------------ */

static bool has_word(char *const *v, size_t nr, const char *word)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(v[i], word))
			return true;
	return false;
}

/* The name of a field's column, for the caller to free; NULL: no memory. */
static char *column_name(const char *field)
{
	AUTO_BUF struct buf b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(common_columns); i++)
		if (!strcmp(common_columns[i], field))
			buf_puts(&b, "field_");
	buf_puts(&b, field);
	return b.failed ? NULL : strdup(b.data);
}

/* Takes the word over. */
static int add_word(char ***v, size_t *nr, size_t *cap, char *word)
{
	if (!word || vec_grow((void **)v, cap, *nr + 1, sizeof(**v))) {
		free(word);
		return -ENOMEM;
	}
	(*v)[(*nr)++] = word;
	return 0;
}

/* "SYSTEM/NAME", for the caller to free; NULL: no memory. */
static char *full_name(const char *system, const char *name)
{
	AUTO_BUF struct buf b = { 0 };

	buf_puts(&b, system);
	buf_puts(&b, "/");
	buf_puts(&b, name);
	return b.failed ? NULL : strdup(b.data);
}

static int add_event(struct event_columns *cols, const struct tep_event *event)
{
	AUTO_FREE char *full = full_name(event->system, event->name);
	AUTO_FREE struct event_fields *fields = NULL;
	int r = 0;

	if (!full || event_fields_new(event, false, &fields))
		return -ENOMEM;
	if (!has_word(cols->events.v, cols->events.nr, full)) {
		r = add_word(&cols->events.v, &cols->events.nr, &cols->events.cap, full);
		full = NULL;
	}
	for (uint32_t i = 0; i < fields->nr && !r; i++) {
		char *name = column_name(fields->v[i].name);

		if (name && has_word(cols->names.v, cols->names.nr, name))
			free(name);
		else
			r = add_word(&cols->names.v, &cols->names.nr, &cols->names.cap, name);
	}
	return r;
}

int event_columns_add(struct event_columns *cols, struct event_db *db, const char *name,
		      struct near *near, struct err *e)
{
	const struct event_name *names;
	bool full = strchr(name, '/');
	int found = 0, r;
	size_t nr;

	r = event_db_names(db, &names, &nr, e);
	for (size_t i = 0; i < nr && r >= 0; i++) {
		AUTO_FREE char *word = full ? full_name(names[i].system, names[i].name) :
				       strdup(names[i].name);
		struct tep_event *event;

		if (!word)
			return err_errno(e, -ENOMEM, "the columns of '%s'", name);
		if (near)
			near_try(near, word);
		if (fnmatch(name, word, 0))
			continue;
		event = event_db_event(db, names[i].id);
		if (!event)
			continue;
		found++;
		if (add_event(cols, event))
			return err_errno(e, -ENOMEM, "the columns of '%s'", name);
	}
	return r < 0 ? r : found;
}

void event_columns_release(struct event_columns *cols)
{
	for (size_t i = 0; i < cols->names.nr; i++)
		free(cols->names.v[i]);
	for (size_t i = 0; i < cols->events.nr; i++)
		free(cols->events.v[i]);
	vec_release(&cols->names);
	vec_release(&cols->events);
}

/* ---- plans ---------------------------------------------------------------------- */

/* A cell of CSV, quoted where need be. */
static void put_cell(struct buf *out, const char *s)
{
	bool plain = *s;

	for (const char *c = s; *c; c++)
		plain &= (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			 (*c >= '0' && *c <= '9') || *c == '_' || *c == '-' || *c == '.';
	if (plain)
		buf_puts(out, s);
	else
		put_quoted(out, s, ESCAPE_CSV);
}

/* '"NAME":' */
void export_put_member(struct buf *out, bool first, const char *name, enum escape how)
{
	if (!first)
		buf_puts(out, ",");
	put_quoted(out, name, how);
	buf_puts(out, ":");
}

static size_t value_max(const struct event_field *f)
{
	return f->type == EVENT_NUMBER ? NUMBER_MAX + 1 : 0;
}

static void set_key(struct export_plan *plan, struct plan_field *pf, uint32_t start)
{
	pf->key = start;
	pf->key_len = plan->keys.len - start;
	plan->fixed_max += pf->key_len + value_max(&pf->f) + 8;
}

/* A common field of a number, and the text in front of it. */
static void set_common(const struct event_export *x, struct export_plan *plan,
		       const struct event_field *f, const char *name, struct plan_field *ret)
{
	uint32_t start = plan->keys.len;

	ret->f = *f;
	if (x->opts.format == EVENT_EXPORT_CSV)
		buf_puts(&plan->keys, ",");
	else
		export_put_member(&plan->keys, false, name, ESCAPE_JSON);
	set_key(plan, ret, start);
}

static int add_common(const struct event_export *x, struct export_plan *plan)
{
	static const char *const columns[] = { "common_flags", "common_preempt_count" };
	const struct event_field none = { .type = EVENT_NUMBER };
	AUTO_FREE struct event_fields *fields = NULL;
	const struct event_field *f;

	if (event_fields_new(plan->event, true, &fields))
		return -ENOMEM;
	plan->common = calloc(fields->nr + ARRAY_SIZE(columns), sizeof(*plan->common));
	if (!plan->common)
		return -ENOMEM;
	f = event_fields_find(fields, "common_pid");
	set_common(x, plan, f && f->type == EVENT_NUMBER ? f : &none, "pid", &plan->pid);
	if (x->opts.format == EVENT_EXPORT_CSV) {
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
			f = event_fields_find(fields, columns[i]);
			set_common(x, plan, f && f->type == EVENT_NUMBER ? f : &none, "", &plan->common[plan->nr_common++]);
		}
		return 0;
	}
	for (uint32_t i = 0; i < fields->nr; i++) {
		const char *name = fields->v[i].name;

		f = &fields->v[i];
		if (strncmp(name, "common_", 7) || f->type != EVENT_NUMBER ||
		    !strcmp(name, "common_pid") || !strcmp(name, "common_type"))
			continue;
		set_common(x, plan, f, name + 7, &plan->common[plan->nr_common++]);
	}
	return 0;
}

static void add_head(const struct event_export *x, struct export_plan *plan)
{
	struct buf *keys = &plan->keys;

	plan->head = keys->len;
	if (x->opts.format == EVENT_EXPORT_CSV) {
		buf_puts(keys, x->opts.losses ? ",," : ",");
		put_cell(keys, plan->event->system);
		buf_puts(keys, ",");
		put_cell(keys, plan->event->name);
		if (!x->opts.columns)
			buf_puts(keys, ",\"{");
	} else {
		export_put_member(keys, false, "system", ESCAPE_JSON);
		put_quoted(keys, plan->event->system, ESCAPE_JSON);
		export_put_member(keys, false, "event", ESCAPE_JSON);
		put_quoted(keys, plan->event->name, ESCAPE_JSON);
		export_put_member(keys, false, "fields", ESCAPE_JSON);
		buf_puts(keys, "{");
	}
	plan->head_len = keys->len - plan->head;
	plan->fixed_max += plan->head_len;
}

/* Fields under their names. */
static int add_members(const struct event_export *x, struct export_plan *plan,
		       const struct event_fields *fields)
{
	plan->fields = calloc(fields->nr + 1, sizeof(*plan->fields));
	if (!plan->fields)
		return -ENOMEM;
	for (uint32_t i = 0; i < fields->nr; i++) {
		struct plan_field *pf = &plan->fields[plan->nr_fields++];
		/* what stands in front of all fields is copied with the first one's key */
		uint32_t start = i ? plan->keys.len : plan->head;

		pf->f = fields->v[i];
		export_put_member(&plan->keys, !i, pf->f.name, x->how);
		set_key(plan, pf, start);
	}
	if (fields->nr)
		plan->head_len = 0;
	return 0;
}

/* Fields in the order of the columns. */
static int add_cells(const struct event_export *x, struct export_plan *plan,
		     const struct event_fields *fields)
{
	const struct event_columns *cols = x->opts.columns;
	AUTO_FREE char *full = full_name(plan->event->system, plan->event->name);
	uint32_t comma = plan->keys.len;

	plan->fields = calloc(cols->names.nr + 1, sizeof(*plan->fields));
	if (!plan->fields || !full)
		return -ENOMEM;
	plan->skip = !has_word(cols->events.v, cols->events.nr, full);
	buf_puts(&plan->keys, ",");
	for (size_t i = 0; i < cols->names.nr; i++)
		set_key(plan, &plan->fields[plan->nr_fields++], comma);
	for (uint32_t i = 0; i < fields->nr; i++) {
		AUTO_FREE char *name = column_name(fields->v[i].name);

		if (!name)
			return -ENOMEM;
		for (size_t k = 0; k < cols->names.nr; k++)
			if (!strcmp(cols->names.v[k], name) && !plan->fields[k].f.name) {
				plan->fields[k].f = fields->v[i];
				plan->fixed_max += value_max(&fields->v[i]);
			}
	}
	return 0;
}

static void plan_free(struct export_plan *plan)
{
	if (!plan)
		return;
	free(plan->common);
	free(plan->fields);
	export_decoders_free(plan);
	buf_release(&plan->keys);
	free(plan);
}

static struct export_plan *new_plan(const struct event_export *x, const struct event_slot *slot)
{
	struct export_plan *plan = calloc(1, sizeof(*plan));
	AUTO_FREE struct event_fields *fields = NULL;
	int r;

	if (!plan)
		return NULL;
	plan->event = slot->event;
	plan->slot = slot;
	plan->teaches = slot->teaches[0].comm;
	/* time, cpu, braces and whatever else stands in every line */
	plan->fixed_max = 256;
	r = event_fields_new(slot->event, false, &fields);
	if (!r)
		r = add_common(x, plan);
	if (!r) {
		add_head(x, plan);
		r = x->opts.columns ? add_cells(x, plan, fields) : add_members(x, plan, fields);
	}
	if (!r && x->opts.decoded)
		r = export_decoders_new(plan, x->opts.format == EVENT_EXPORT_JSON ? ESCAPE_JSON :
					ESCAPE_JSON_IN_CSV);
	buf_fill(&plan->keys, 0, COPY_SLACK);
	if (!r && !plan->keys.failed)
		return plan;
	plan_free(plan);
	return NULL;
}

struct export_plan *export_plan(struct event_export *x, int id)
{
	struct export_plan *plan, *expected = NULL;
	struct event_slot *slot;

	if (id < 0 || (uint32_t)id >= x->nr_plans)
		return NULL;
	plan = __atomic_load_n(&x->plans[id], __ATOMIC_ACQUIRE);
	if (__builtin_expect(plan != NULL, 1))
		return plan;
	slot = event_db_slot(x->db, id);
	plan = slot ? new_plan(x, slot) : NULL;
	if (!plan || __atomic_compare_exchange_n(&x->plans[id], &expected, plan, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return plan;
	/* another thread was faster */
	plan_free(plan);
	return expected;
}

/* ---- the export -------------------------------------------------------------------- */

int event_export_new(struct event_db *db, const struct event_export_opts *opts,
		     struct event_export **ret, struct err *e)
{
	struct event_export *x = calloc(1, sizeof(*x));
	const struct event_name *names;
	size_t nr = 0;
	int top = -1;

	if (!x)
		return err_errno(e, -ENOMEM, "cannot export");
	x->db = db;
	x->opts = *opts;
	if (opts->format == EVENT_EXPORT_JSON)
		x->how = ESCAPE_JSON;
	else
		x->how = opts->columns ? ESCAPE_CSV : ESCAPE_JSON_IN_CSV;
	x->big_endian = tep_is_file_bigendian(event_db_tep(db));
	/* formats that cannot be had were told by the db: their events are shown as bytes */
	if (event_db_names(db, &names, &nr, NULL) < 0)
		nr = 0;
	for (size_t i = 0; i < nr; i++)
		if (names[i].id > top && names[i].id <= UINT16_MAX)
			top = names[i].id;
	x->nr_plans = top + 1;
	x->plans = calloc(x->nr_plans + 1, sizeof(x->plans[0]));
	if (!x->plans) {
		event_export_free(x);
		return err_errno(e, -ENOMEM, "cannot export");
	}
	*ret = x;
	return 0;
}

void event_export_free(struct event_export *x)
{
	if (!x)
		return;
	for (uint32_t i = 0; x->plans && i < x->nr_plans; i++)
		plan_free(x->plans[i]);
	free(x->plans);
	free(x);
}

void event_export_header(const struct event_export *x, struct buf *out)
{
	const struct event_columns *cols = x->opts.columns;

	if (x->opts.format != EVENT_EXPORT_CSV)
		return;
	buf_puts(out, "time,cpu,task,pid,flags,preempt_count");
	buf_puts(out, x->opts.files ? ",file" : "");
	buf_puts(out, x->opts.buffers ? ",buffer" : "");
	buf_puts(out, x->opts.losses ? ",lost" : "");
	buf_puts(out, ",system,event");
	for (size_t i = 0; cols && i < cols->names.nr; i++) {
		buf_puts(out, ",");
		put_cell(out, cols->names.v[i]);
	}
	buf_puts(out, cols ? "" : ",fields");
	buf_puts(out, x->opts.decoded ? ",decoded" : "");
	buf_puts(out, x->opts.text ? ",text\n" : "\n");
}

void event_export_where(const struct event_export *x, const char *file, const char *buffer,
			struct buf *out)
{
	if (x->opts.format == EVENT_EXPORT_CSV) {
		if (x->opts.files) {
			buf_puts(out, ",");
			put_cell(out, file ? file : "");
		}
		if (x->opts.buffers) {
			buf_puts(out, ",");
			if (*buffer)
				put_cell(out, buffer);
		}
		return;
	}
	if (file) {
		export_put_member(out, false, "file", ESCAPE_JSON);
		put_quoted(out, file, ESCAPE_JSON);
	}
	if (*buffer) {
		export_put_member(out, false, "buffer", ESCAPE_JSON);
		put_quoted(out, buffer, ESCAPE_JSON);
	}
}
