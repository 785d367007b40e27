// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SQL as histograms: without JOIN one whose keys and values are the items; with it one that keeps the
 * first event's fields in variables, under the fields that join, and one that takes them when the second event
 * comes, and gives all items to a synthetic event.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "kernel/dyn_internal.h"
#include "kernel/sql_internal.h"

#define DEFAULT_NAME "Anonymous"

struct planner {
	const struct kernel_sql_ask *ask;
	const struct sql *s;
	struct sql_names names;
	const char *name;		/* of the synthetic event */
	struct buf keys[2], vars[2], filter[2];
	struct buf vals;		/* without JOIN: ",VALUE"... */
	struct buf fields, arguments;	/* of the synthetic event */
	struct kernel_words stored;	/* what the first histogram keeps, in order */
	struct err *e;
};

static int no_memory(struct planner *p)
{
	return err_errno(p->e, -ENOMEM, "cannot make histograms of the SQL");
}

static int put_comma(struct buf *b, const char *text)
{
	return buf_printf(b, "%s%s", b->len ? "," : "", text);
}

static bool is_number(const struct event_field *f)
{
	return (f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8) && !strchr(f->type, '[');
}

static bool is_text(const struct event_field *f)
{
	return strstr(f->type, "char[") != NULL;
}

/* ---- conditions --------------------------------------------------------------- */

/* Whether the kernel compares the field so: the parser has put the operator and the value behind it. */
static int check_comparison(struct planner *p, const struct sql_piece *piece, const struct sql_value *v)
{
	const char *op = piece[1].text, *value = p->s->text + piece[2].span.at;
	size_t at = piece[2].span.at, sign = *value == '-';
	bool text = is_text(v->field) || strstr(v->field->type, "char *"), quoted = *value == '"' || *value == '\'';
	AUTO_FREE char *digits = strndup(value + sign, piece[2].span.len - sign);
	uint64_t n;

	if (!digits)
		return no_memory(p);
	if (!text && !is_number(v->field))
		return sql_refuse(p->s, v->at, -EINVAL, p->e, "a field of the type '%s' cannot be compared", v->field->type);
	if (text && !quoted)
		return sql_refuse(p->s, at, -EINVAL, p->e, "'%s' is a text, which is compared with a text in quotes", v->field->name);
	if (!text && quoted)
		return sql_refuse(p->s, at, -EINVAL, p->e, "'%s' is a number, which is compared with a number", v->field->name);
	if (text ? !strchr("=!~", *op) : *op == '~')
		return sql_refuse(p->s, at, -EINVAL, p->e, text ? "a text is compared by =, != and ~" :
				  "a number is not compared by ~, which is for texts");
	if (!text && sign && !v->field->is_signed)
		return sql_refuse(p->s, at, -EINVAL, p->e, "'%s' has no sign: it is never less than 0", v->field->name);
	if (!text && parse_u64(digits, &n))
		return sql_refuse(p->s, at, -EINVAL, p->e, "the number is too large, or none");
	return 0;
}

static int put_piece(struct planner *p, const struct sql_piece *piece, struct buf *ret, int *side)
{
	struct sql_value v;
	int r;

	if (!piece->field.nr) {
		if (ret->len && ret->data[ret->len - 1] != '(' && !(piece->text && *piece->text == ')'))
			buf_puts(ret, " ");
		return piece->text ? buf_puts(ret, piece->text) :
				     buf_put(ret, p->s->text + piece->span.at, piece->span.len);
	}
	r = sql_find(&p->names, &piece->field, SQL_FILTER, &v);
	if (r)
		return r;
	if (*side >= 0 && (size_t)*side != v.side)
		return sql_refuse(p->s, v.at, -EINVAL, p->e, "a condition can be of one event only: "
				  "those of both are joined by && outside of parentheses");
	*side = v.side;
	r = check_comparison(p, piece, &v);
	if (r)
		return r;
	return buf_printf(ret, "%s%s", ret->len && ret->data[ret->len - 1] != '(' ? " " : "", v.field->name);
}

/* What lies between two joints is a condition of one of the events. */
static int plan_filters(struct planner *p)
{
	const struct sql *s = p->s;

	for (size_t i = 0; i < s->pieces.nr; i++) {
		AUTO_BUF struct buf term = { 0 };
		int side = -1, r = 0;

		for (; !r && i < s->pieces.nr && (s->one_condition || !s->pieces.v[i].joint); i++)
			r = put_piece(p, &s->pieces.v[i], &term, &side);
		if (r)
			return r == -ENOMEM ? no_memory(p) : r;
		if (buf_printf(&p->filter[side], "%s%s", p->filter[side].len ? " && " : " if ", term.data))
			return no_memory(p);
	}
	return 0;
}

/* ---- one event: a histogram ------------------------------------------------------ */

static int no_modifier(struct planner *p, struct sql_span cast, const struct near *near)
{
	sql_refuse(p->s, cast.at, -EINVAL, p->e, "there is no such type");
	near_hint(near, p->e);
	err_hint(p->e, "there are: _COUNTER_, hex, sym, sym-offset, syscall, execname, log2, buckets=SIZE");
	return -EINVAL;
}

/* All types are of numbers; a time in microseconds has its own, and names are those of the task at hand. */
static int check_modifier(struct planner *p, struct sql_span cast, const char *type, const struct event_field *f)
{
	if (!is_number(f))
		return sql_refuse(p->s, cast.at, -EINVAL, p->e, "'%s' is of the type '%s', this type is for numbers", f->name, f->type);
	if (strchr(f->name, '.'))
		return sql_refuse(p->s, cast.at, -EINVAL, p->e, "microseconds cannot have another type");
	if (!strcmp(type, "execname") && strcmp(f->name, "common_pid"))
		return sql_refuse(p->s, cast.at, -EINVAL, p->e, "execname is the name of the task that the event is of: of common_pid "
				  "only");
	return 0;
}

static int put_modifier(struct planner *p, struct sql_span cast, const struct event_field *f, struct buf *ret)
{
	static const struct { const char *sql, *kernel; } types[] = {
		{ "hex", "hex" }, { "sym", "sym" }, { "sym-offset", "sym-offset" }, { "syscall", "syscall" },
		{ "execname", "execname" }, { "log2", "log2" }, { "log", "log2" },
	};
	AUTO_FREE char *word = strndup(p->s->text + cast.at, cast.len);
	uint64_t width;
	struct near near;
	int r;

	if (!word)
		return no_memory(p);
	near_init(&near, word);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		near_try(&near, types[i].sql);
		if (strcasecmp(word, types[i].sql))
			continue;
		r = check_modifier(p, cast, types[i].kernel, f);
		return r ? r : buf_printf(ret, ".%s", types[i].kernel) ? no_memory(p) : 0;
	}
	if (strncasecmp(word, "buckets=", 8))
		return no_modifier(p, cast, &near);
	if (parse_u64(word + 8, &width) || !width)
		return sql_refuse(p->s, cast.at + 8, -EINVAL, p->e, "the size of a bucket is a number from 1");
	r = check_modifier(p, cast, "buckets", f);
	return r ? r : buf_printf(ret, ".buckets=%llu", (unsigned long long)width) ? no_memory(p) : 0;
}

static bool is_delta(const struct sql *s, const struct sql_ref *ref)
{
	return ref->nr == 1 && (sql_is(s, ref->part[0], "TIMESTAMP_DELTA") || sql_is(s, ref->part[0], "TIMESTAMP_DELTA_USECS"));
}

static int plan_column(struct planner *p, const struct sql_item *it)
{
	bool counts = it->cast.len == 9 && !strncasecmp(p->s->text + it->cast.at, "_COUNTER_", 9);
	AUTO_BUF struct buf text = { 0 };
	struct sql_value v;
	int r;

	if (it->op || is_delta(p->s, &it->a))
		return sql_refuse(p->s, it->a.part[0].at, -EINVAL, p->e, "without JOIN fields cannot be added or subtracted");
	r = sql_find(&p->names, &it->a, SQL_ITEM, &v);
	if (!r && buf_puts(&text, v.field->name))
		r = no_memory(p);
	if (!r && it->cast.len && !counts)
		r = put_modifier(p, it->cast, v.field, &text);
	if (!r && counts && !is_number(v.field))
		r = sql_refuse(p->s, v.at, -EINVAL, p->e, "only numbers can be summed up");
	return !r && put_comma(counts ? &p->vals : &p->keys[0], text.data) ? no_memory(p) : r;
}

static int plan_columns(struct planner *p)
{
	int r = 0;

	if (p->ask->handler || p->ask->trace || p->ask->snapshot || p->ask->save)
		return sql_refuse(p->s, strlen(p->s->text), -EINVAL, p->e, "what is to be done at a maximum or a change "
				  "belongs to a synthetic event: a JOIN is missing");
	for (size_t i = 0; !r && i < p->s->items.nr; i++)
		r = plan_column(p, &p->s->items.v[i]);
	if (!r && !p->keys[0].len)
		r = sql_refuse(p->s, p->s->items.v[0].a.part[0].at, -EINVAL, p->e, "a histogram needs a key beside its counters");
	return r;
}

/* ---- two events: items ----------------------------------------------------------- */

/* The variable of the first histogram that keeps @text: "$__NAME__1", appended. */
static int put_stored(struct planner *p, const char *text, struct buf *ret)
{
	size_t i = 0;

	while (i < p->stored.nr && strcmp(p->stored.v[i], text))
		i++;
	if (i == p->stored.nr &&
	    (kernel_words_add(&p->stored, text) ||
	     buf_printf(&p->vars[0], "%s__%s__%zu=%s", i ? "," : "", p->name, i + 1, text)))
		return no_memory(p);
	return buf_printf(ret, "$__%s__%zu", p->name, i + 1) ? no_memory(p) : 0;
}

static int put_operand(struct planner *p, const struct sql_value *v, struct buf *ret)
{
	if (!v->side)
		return put_stored(p, v->field->name, ret);
	return buf_puts(ret, v->field->name) ? no_memory(p) : 0;
}

static int check_operation(struct planner *p, const struct sql_value *a, const struct sql_value *b)
{
	const struct sql_value *wrong = !is_number(a->field) ? a : !is_number(b->field) ? b : NULL;

	if (wrong)
		return sql_refuse(p->s, wrong->at, -EINVAL, p->e, "only numbers can be added or subtracted");
	if ((sql_is_time(a->field) || sql_is_time(b->field)) && strcmp(a->field->name, b->field->name))
		return sql_refuse(p->s, b->at, -EINVAL, p->e, "a time goes with a time of the same unit only");
	return 0;
}

static int put_operation(struct planner *p, const struct sql_value *a, char op, const struct sql_value *b, struct buf *ret)
{
	AUTO_BUF struct buf first = { 0 };
	int r = check_operation(p, a, b);

	if (r)
		return r;
	if (!a->side && !b->side)
		return buf_printf(&first, "%s%c%s", a->field->name, op, b->field->name) ? no_memory(p) :
		       put_stored(p, first.data, ret);
	r = put_operand(p, a, ret);
	if (!r && buf_put(ret, &op, 1))
		r = no_memory(p);
	return r ? r : put_operand(p, b, ret);
}

/* "end.TIMESTAMP - start.TIMESTAMP", whatever the events are called */
static int put_delta(struct planner *p, const struct sql_item *it, struct buf *ret, const struct event_field **type)
{
	static const struct event_field times[] = {
		{ (char *)"common_timestamp", (char *)"u64", 8, false },
		{ (char *)"common_timestamp.usecs", (char *)"u64", 8, false },
	};
	const struct event_field *time = &times[it->a.part[0].len > strlen("TIMESTAMP_DELTA")];
	const struct sql_value end = { 1, it->a.part[0].at, time }, start = { 0, it->a.part[0].at, time };

	*type = time;
	return put_operation(p, &end, '-', &start, ret);
}

/* What the item is in the second histogram, and its type, appended and set. */
static int put_item(struct planner *p, const struct sql_item *it, struct buf *ret, const struct event_field **type)
{
	struct sql_value a, b;
	int r;

	if (it->cast.len)
		return sql_refuse(p->s, it->cast.at, -EINVAL, p->e, "an event's fields have their own types: CAST is for "
				  "histograms, without JOIN");
	if (is_delta(p->s, &it->a) && !it->op)
		return put_delta(p, it, ret, type);
	r = sql_find(&p->names, &it->a, SQL_ITEM, &a);
	if (!r && it->op)
		r = sql_find(&p->names, &it->b, SQL_ITEM, &b);
	if (r)
		return r;
	*type = a.field;
	return it->op ? put_operation(p, &a, it->op, &b, ret) : put_operand(p, &a, ret);
}

/* The synthetic event's field: its label, or what it is. Without length: it has no name. */
static struct sql_span item_name(const struct sql *s, const struct sql_item *it)
{
	if (it->label.len)
		return it->label;
	return it->op || is_delta(s, &it->a) ? (struct sql_span){ 0 } : it->a.part[it->a.nr - 1];
}

/* Appends "TYPE NAME;" as synthetic events know types: other numbers by their size. */
static int put_field(struct planner *p, const struct sql_value *v, struct sql_span name)
{
	static const char *const known[] = {
		"s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "char", "unsigned char", "int", "unsigned int",
		"long", "unsigned long", "bool", "pid_t", "gfp_t",
	};
	const char *text = p->s->text + name.at, *array = strchr(v->field->type, '[');
	struct buf *b = &p->fields;

	buf_puts(b, b->len ? " " : "");
	if (sql_is_stack(v->field))
		return buf_printf(b, "unsigned long[] %.*s;", (int)name.len, text);
	if (is_text(v->field))
		return buf_printf(b, "char %.*s%s;", (int)name.len, text, strncmp(v->field->type, "__", 2) ? array : "[]");
	if (!is_number(v->field))
		return sql_refuse(p->s, v->at, -EINVAL, p->e, "a synthetic event cannot have fields of the type '%s'",
				  v->field->type);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(v->field->type, known[i]))
			return buf_printf(b, "%s %.*s;", known[i], (int)name.len, text);
	return buf_printf(b, "%c%zu %.*s;", v->field->is_signed ? 's' : 'u', v->field->size * 8, (int)name.len, text);
}

static int check_name(struct planner *p, size_t item, struct sql_span name)
{
	const struct sql *s = p->s;
	size_t at = s->items.v[item].a.part[0].at;

	if (!name.len)
		return sql_refuse(s, at, -EINVAL, p->e, "it is to be a field of an event, and has no name: write AS NAME behind it");
	if (!dyn_is_name(s->text + name.at, name.len) || name.len > DYN_NAME_MAX)
		return sql_refuse(s, name.at, -EINVAL, p->e, "a field's name is a letter or '_', then letters, digits and '_', "
				  "%d at most", DYN_NAME_MAX);
	for (size_t i = 0; i < item; i++) {
		struct sql_span other = item_name(s, &s->items.v[i]);

		if (other.len == name.len && !memcmp(s->text + other.at, s->text + name.at, name.len))
			return sql_refuse(s, name.at, -EEXIST, p->e, "two fields have the name '%.*s': AS gives them others",
					  (int)name.len, s->text + name.at);
	}
	return 0;
}

static int plan_item(struct planner *p, size_t i)
{
	const struct sql_item *it = &p->s->items.v[i];
	struct sql_span name = item_name(p->s, it);
	struct sql_value v = { .at = it->a.part[0].at };
	int r = check_name(p, i, name);

	if (!r && buf_printf(&p->vars[1], "%s__%s__%.*s=", i ? "," : "", p->name, (int)name.len, p->s->text + name.at))
		r = no_memory(p);
	if (!r)
		r = put_item(p, it, &p->vars[1], &v.field);
	if (!r)
		r = put_field(p, &v, name);
	if (!r)
		r = buf_printf(&p->arguments, "%s$__%s__%.*s", i ? "," : "", p->name, (int)name.len, p->s->text + name.at);
	return r == -ENOMEM ? no_memory(p) : r;
}

/* ---- two events: keys and actions --------------------------------------------------- */

static int plan_match(struct planner *p, const struct sql_match *m)
{
	struct sql_value v[2];
	int r = sql_find(&p->names, &m->a, SQL_KEY, &v[0]);

	if (!r)
		r = sql_find(&p->names, &m->b, SQL_KEY, &v[1]);
	if (!r && v[0].side == v[1].side)
		return sql_refuse(p->s, v[1].at, -EINVAL, p->e, "both fields are of the same event: ON joins a field of one "
				  "with a field of the other");
	if (!r && is_text(v[0].field) != is_text(v[1].field))
		return sql_refuse(p->s, v[1].at, -EINVAL, p->e, "a text and a number are never equal");
	for (size_t i = 0; !r && i < 2; i++)
		if (put_comma(&p->keys[v[i].side], v[i].field->name))
			r = no_memory(p);
	return r;
}

/* "onmax($VARIABLE)", and the action behind it. */
static int put_handler(struct planner *p, struct buf *ret)
{
	struct near near;
	const struct sql *s = p->s;

	near_init(&near, p->ask->variable);
	for (size_t i = 0; i < s->items.nr; i++) {
		struct sql_span name = item_name(s, &s->items.v[i]);
		char word[DYN_NAME_MAX + 1];

		if (sql_is(s, name, p->ask->variable))
			return buf_printf(ret, ":%s($__%s__%s)", p->ask->handler, p->name, p->ask->variable) ? no_memory(p) : 0;
		snprintf(word, sizeof(word), "%.*s", (int)name.len, s->text + name.at);
		near_try(&near, word);
	}
	err_set(p->e, -ENOENT, "the SQL has no item '%s'", p->ask->variable);
	near_hint(&near, p->e);
	return -ENOENT;
}

/* Each of "a,b" is a field of the second event. */
static int check_saved(struct planner *p)
{
	const char *word = p->ask->save;

	for (;; word++) {
		size_t len = strcspn(word, ","), i = 0;
		struct near near;
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)len, word);
		near_init(&near, name);
		for (; i < p->names.fields[1].nr && strcmp(p->names.fields[1].v[i].name, name); i++)
			near_try(&near, p->names.fields[1].v[i].name);
		if (i == p->names.fields[1].nr) {
			err_set(p->e, -ENOENT, "what is to be saved is no field of %s:%s: '%s'", p->names.events[1].system,
				p->names.events[1].name, name);
			near_hint(&near, p->e);
			return -ENOENT;
		}
		word += len;
		if (!*word)
			return 0;
	}
}

static bool traces(const struct kernel_sql_ask *ask)
{
	return !ask->handler || ask->trace || (!ask->snapshot && !ask->save);
}

static int put_actions(struct planner *p, struct buf *ret)
{
	const struct kernel_sql_ask *ask = p->ask;
	int r = 0;

	if (!ask->handler)
		return buf_printf(ret, ":onmatch(%s.%s).%s(%s)", p->names.events[0].system, p->names.events[0].name, p->name,
				  p->arguments.data) ? no_memory(p) : 0;
	if (ask->save)
		r = check_saved(p);
	if (!r && traces(ask) && !(r = put_handler(p, ret)))
		r = buf_printf(ret, ".trace(%s,%s)", p->name, p->arguments.data);
	if (!r && ask->snapshot && !(r = put_handler(p, ret)))
		r = buf_puts(ret, ".snapshot()");
	if (!r && ask->save && !(r = put_handler(p, ret)))
		r = buf_printf(ret, ".save(%s)", ask->save);
	return r == -ENOMEM ? no_memory(p) : r;
}

/* ---- the whole ------------------------------------------------------------------------ */

static int plan_join(struct planner *p)
{
	int r = 0;

	if (!dyn_is_name(p->name, strlen(p->name)) || strlen(p->name) > DYN_NAME_MAX)
		return err_set(p->e, -EINVAL, "'%s' cannot name an event: it is a letter or '_', then letters, digits and '_', "
			       "%d at most", p->name, DYN_NAME_MAX);
	if (p->ask->handler && traces(p->ask) && !p->name[1])
		return err_set(p->e, -EINVAL, "the kernel takes no event of one letter at a maximum or a change: '%s'; choose "
			       "another name (-n)", p->name);
	if (!p->ask->handler && (p->ask->trace || p->ask->snapshot || p->ask->save))
		return err_set(p->e, -EINVAL, "snapshots and saved fields need a maximum or a change at which they are made");
	for (size_t i = 0; !r && i < p->s->matches.nr; i++)
		r = plan_match(p, &p->s->matches.v[i]);
	for (size_t i = 0; !r && i < p->s->items.nr; i++)
		r = plan_item(p, i);
	return r;
}

static int finish_hist(struct planner *p, size_t side, const struct buf *text, struct kernel_sql_plan *ret)
{
	struct kernel_sql_hist *h = &ret->hists[ret->nr++];

	h->system = strdup(p->names.events[side].system);
	h->event = strdup(p->names.events[side].name);
	h->text = strdup(text->data);
	return h->system && h->event && h->text ? 0 : no_memory(p);
}

static int finish(struct planner *p, struct kernel_sql_plan *ret)
{
	int r = 0;

	if (p->s->nr_events == 2 && traces(p->ask) && asprintf(&ret->synth, "s:%s %s", p->name, p->fields.data) < 0) {
		ret->synth = NULL;
		return no_memory(p);
	}
	for (size_t side = 0; !r && side < p->s->nr_events; side++) {
		AUTO_BUF struct buf text = { 0 };

		buf_printf(&text, "hist:keys=%s", p->keys[side].data);
		if (p->vals.len)
			buf_printf(&text, ":vals=%s", p->vals.data);
		if (p->vars[side].len)
			buf_printf(&text, ":%s", p->vars[side].data);
		if (side)
			r = put_actions(p, &text);
		if (!r && p->filter[side].len)
			buf_puts(&text, p->filter[side].data);
		if (!r)
			r = text.failed ? no_memory(p) : finish_hist(p, side, &text, ret);
	}
	return r;
}

static void planner_release(struct planner *p)
{
	for (size_t i = 0; i < 2; i++) {
		buf_release(&p->keys[i]);
		buf_release(&p->vars[i]);
		buf_release(&p->filter[i]);
	}
	buf_release(&p->vals);
	buf_release(&p->fields);
	buf_release(&p->arguments);
	kernel_words_release(&p->stored);
	sql_names_release(&p->names);
}

int kernel_sql_plan(struct kernel *k, const struct kernel_sql_ask *ask, struct kernel_sql_plan *ret, struct err *e)
{
	struct sql s;
	struct planner p = { .ask = ask, .s = &s, .name = ask->name ? ask->name : DEFAULT_NAME, .e = e };
	int r = sql_parse(ask->text, &s, e);

	*ret = (struct kernel_sql_plan){ 0 };
	if (!r)
		r = sql_names_init(&p.names, k, &s, e);
	if (!r)
		r = s.nr_events == 2 ? plan_join(&p) : plan_columns(&p);
	if (!r)
		r = plan_filters(&p);
	if (!r)
		r = finish(&p, ret);
	if (r)
		kernel_sql_plan_release(ret);
	planner_release(&p);
	sql_release(&s);
	return r;
}

void kernel_sql_plan_release(struct kernel_sql_plan *plan)
{
	free(plan->synth);
	for (size_t i = 0; i < plan->nr; i++) {
		free(plan->hists[i].system);
		free(plan->hists[i].event);
		free(plan->hists[i].text);
	}
	*plan = (struct kernel_sql_plan){ 0 };
}

bool kernel_sql_plan_joins(const struct kernel_sql_plan *plan)
{
	return plan->nr == 2;
}

/* What it needs of the kernel is there? */
static int check_kernel(struct kernel_instance *in, const struct kernel_sql_plan *plan, struct err *e)
{
	if (plan->synth && !kernel_has(kernel_top(in->k), "synthetic_events"))
		return err_set(e, -ENOENT, "this kernel knows no synthetic events (CONFIG_SYNTH_EVENTS)");
	for (size_t i = 0; i < plan->nr; i++) {
		AUTO_BUF struct buf file = { 0 };

		if (buf_printf(&file, "events/%s/%s/hist", plan->hists[i].system, plan->hists[i].event))
			return err_errno(e, -ENOMEM, "cannot make a histogram");
		if (!kernel_has(in, file.data))
			return err_set(e, -ENOENT, "this kernel knows no histograms of %s:%s (CONFIG_HIST_TRIGGERS)",
				       plan->hists[i].system, plan->hists[i].event);
	}
	return 0;
}

int kernel_sql_make(struct kernel_instance *in, const struct kernel_sql_plan *plan, struct err *e)
{
	int r = check_kernel(in, plan, e);

	if (!r && plan->synth)
		r = kernel_append(kernel_top(in->k), "dynamic_events", plan->synth, e);
	if (r == -EEXIST)
		err_hint(e, "there is an event of that name already, which 'tracecmd probe del' removes; or choose another name");
	for (size_t i = 0; !r && i < plan->nr; i++) {
		AUTO_BUF struct buf file = { 0 };

		/* The kernel makes its memory with the trigger, and never gives it back. */
		if (strstr(plan->hists[i].text, ".snapshot()") && kernel_has(in, "snapshot"))
			kernel_remember(in, "snapshot", NULL);
		r = buf_printf(&file, "events/%s/%s/trigger", plan->hists[i].system, plan->hists[i].event) ?
		    err_errno(e, -ENOMEM, "cannot make a histogram") :
		    kernel_append(in, file.data, plan->hists[i].text, e);
	}
	return r;
}
