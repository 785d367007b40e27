// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the names of an SQL statement mean: events of a kernel, and their fields. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "kernel/sql_internal.h"

int sql_refuse(const struct sql *s, size_t at, int code, struct err *e, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(e, code, "wrong SQL: %s", what);
	err_place(e, s->text, at);
	return code;
}

bool sql_is(const struct sql *s, struct sql_span span, const char *word)
{
	return strlen(word) == span.len && !strncmp(s->text + span.at, word, span.len);
}

static void copy_name(const struct sql *s, struct sql_span span, char *ret, size_t size)
{
	snprintf(ret, size, "%.*s", (int)span.len, s->text + span.at);
}

/* ---- events ----------------------------------------------------------------- */

static bool is_event(const struct sql *s, const struct sql_ref *name, const struct kernel_event *ev)
{
	return sql_is(s, name->part[name->nr - 1], ev->name) && (name->nr == 1 || sql_is(s, name->part[0], ev->system));
}

static int no_event(const struct sql *s, const struct sql_ref *name, const struct kernel_event *evs, size_t nr,
		    struct err *e)
{
	char word[128];
	struct near near;

	copy_name(s, name->part[name->nr - 1], word, sizeof(word));
	sql_refuse(s, name->part[0].at, -ENOENT, e, "this kernel has no such event");
	near_init(&near, word);
	for (size_t i = 0; i < nr; i++)
		near_try(&near, evs[i].name);
	near_hint(&near, e);
	return -ENOENT;
}

static int find_event(struct sql_names *n, size_t side)
{
	const struct sql_ref *name = &n->s->events[side].name;
	const struct kernel_event *evs, *found = NULL;
	size_t nr;
	int r = kernel_events(n->k, &evs, &nr, n->e);

	for (size_t i = 0; !r && i < nr; i++) {
		if (!is_event(n->s, name, &evs[i]))
			continue;
		if (found)
			return sql_refuse(n->s, name->part[0].at, -ENOTUNIQ, n->e, "there are several events of that name: "
					  "write '%s.%s' or '%s.%s'", found->system, found->name, evs[i].system, evs[i].name);
		found = &evs[i];
	}
	if (r || !found)
		return r ? r : no_event(n->s, name, evs, nr, n->e);
	n->events[side] = *found;
	return event_fields_read(n->k, found, &n->fields[side], n->e);
}

int sql_names_init(struct sql_names *n, struct kernel *k, const struct sql *s, struct err *e)
{
	int r = 0;

	*n = (struct sql_names){ .k = k, .s = s, .e = e };
	for (size_t i = 0; !r && i < s->nr_events; i++)
		r = find_event(n, i);
	return r;
}

void sql_names_release(struct sql_names *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(n->fields); i++)
		event_fields_release(&n->fields[i]);
}

/* ---- fields ------------------------------------------------------------------- */

#define U64 (char *)"u64", 8, false

/* What histograms know of each event beside its fields. */
static const struct pseudo {
	const char *sql;
	struct event_field field;
} in_histograms[] = {
	{ "TIMESTAMP", { (char *)"common_timestamp", U64 } },
	{ "TIMESTAMP_USECS", { (char *)"common_timestamp.usecs", U64 } },
	{ "STACKTRACE", { (char *)"stacktrace", (char *)"unsigned long[]", 0, false } },
	{ "common_timestamp", { (char *)"common_timestamp", U64 } },
	{ "common_stacktrace", { (char *)"stacktrace", (char *)"unsigned long[]", 0, false } },
	{ "common_cpu", { (char *)"common_cpu", (char *)"unsigned int", 4, false } },
}, in_filters[] = {
	{ "CPU", { (char *)"CPU", (char *)"int", 4, true } },
	{ "cpu", { (char *)"cpu", (char *)"int", 4, true } },
	{ "COMM", { (char *)"COMM", (char *)"char[16]", 16, false } },
	{ "comm", { (char *)"comm", (char *)"char[16]", 16, false } },
};

bool sql_is_time(const struct event_field *f)
{
	return !strncmp(f->name, "common_timestamp", 16);
}

bool sql_is_stack(const struct event_field *f)
{
	return !strcmp(f->type, "unsigned long[]");
}

static const struct event_field *find_pseudo(const struct sql *s, struct sql_span name, const struct pseudo *v, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (sql_is(s, name, v[i].sql))
			return &v[i].field;
	return NULL;
}

static const struct event_field *find_field(const struct sql_names *n, size_t side, struct sql_span name,
					    enum sql_use use)
{
	for (size_t i = 0; i < n->fields[side].nr; i++)
		if (sql_is(n->s, name, n->fields[side].v[i].name))
			return &n->fields[side].v[i];
	return use == SQL_FILTER ? find_pseudo(n->s, name, in_filters, ARRAY_SIZE(in_filters)) :
				   find_pseudo(n->s, name, in_histograms, ARRAY_SIZE(in_histograms));
}

static bool sql_same(const struct sql *s, struct sql_span a, struct sql_span b)
{
	return a.len == b.len && !memcmp(s->text + a.at, s->text + b.at, a.len);
}

/* Whether what stands in front of a field is the event of that side. */
static bool is_side(const struct sql_names *n, size_t side, const struct sql_ref *ref)
{
	const struct sql_event *ev = &n->s->events[side];

	if (ref->nr == 1)
		return true;
	if (ref->nr == 2)
		return sql_same(n->s, ref->part[0], ev->alias) || sql_is(n->s, ref->part[0], n->events[side].name);
	return sql_is(n->s, ref->part[0], n->events[side].system) && sql_is(n->s, ref->part[1], n->events[side].name);
}

static int no_field(const struct sql_names *n, const struct sql_ref *ref, enum sql_use use)
{
	struct sql_span name = ref->part[ref->nr - 1];
	struct near near;
	char word[128];

	copy_name(n->s, name, word, sizeof(word));
	if (use == SQL_FILTER && find_pseudo(n->s, name, in_histograms, ARRAY_SIZE(in_histograms)))
		return sql_refuse(n->s, name.at, -EINVAL, n->e, "only fields of the event itself can stand in WHERE");
	sql_refuse(n->s, name.at, -ENOENT, n->e, n->s->nr_events > 1 && ref->nr == 1 ?
		   "neither event has a field of that name" : "the event has no field of that name");
	near_init(&near, word);
	for (size_t side = 0; side < n->s->nr_events; side++)
		for (size_t i = 0; is_side(n, side, ref) && i < n->fields[side].nr; i++)
			near_try(&near, n->fields[side].v[i].name);
	near_hint(&near, n->e);
	return -ENOENT;
}

static void side_name(const struct sql_names *n, size_t side, char *ret, size_t size)
{
	const struct sql_event *ev = &n->s->events[side];

	copy_name(n->s, ev->alias.len ? ev->alias : ev->name.part[ev->name.nr - 1], ret, size);
}

static int ambiguous(const struct sql_names *n, const struct sql_ref *ref)
{
	struct sql_span name = ref->part[ref->nr - 1];
	char first[128], second[128];

	side_name(n, 0, first, sizeof(first));
	side_name(n, 1, second, sizeof(second));
	if (!strcmp(first, second))
		return sql_refuse(n->s, ref->part[0].at, -ENOTUNIQ, n->e, "both events are called '%s': give them names by AS",
				  first);
	return sql_refuse(n->s, ref->part[0].at, -ENOTUNIQ, n->e, "both events have this: write '%s.%.*s' or '%s.%.*s'", first,
			  (int)name.len, n->s->text + name.at, second, (int)name.len, n->s->text + name.at);
}

/* The item that is a field and has been given that name. */
static const struct sql_ref *find_label(const struct sql *s, const struct sql_ref *ref)
{
	for (size_t i = 0; ref->nr == 1 && i < s->items.nr; i++)
		if (s->items.v[i].label.len && sql_same(s, s->items.v[i].label, ref->part[0]) && !s->items.v[i].op)
			return &s->items.v[i].a;
	return NULL;
}

static int find_value(const struct sql_names *n, const struct sql_ref *ref, enum sql_use use, struct sql_value *ret)
{
	bool known = false;

	*ret = (struct sql_value){ .at = ref->part[0].at };
	for (size_t side = 0; side < n->s->nr_events; side++) {
		const struct event_field *f;

		if (!is_side(n, side, ref))
			continue;
		known = true;
		f = find_field(n, side, ref->part[ref->nr - 1], use);
		if (f && ret->field)
			return ambiguous(n, ref);
		if (!f)
			continue;
		ret->field = f;
		ret->side = side;
	}
	return known ? 0 : sql_refuse(n->s, ref->part[0].at, -ENOENT, n->e, "neither FROM nor JOIN names this event");
}

int sql_find(const struct sql_names *n, const struct sql_ref *ref, enum sql_use use, struct sql_value *ret)
{
	const struct sql_ref *label = find_label(n->s, ref);
	int r = find_value(n, ref, use, ret);

	if (!r && !ret->field && label && use != SQL_ITEM)
		r = find_value(n, label, use, ret);
	return r || ret->field ? r : no_field(n, ref, use);
}
