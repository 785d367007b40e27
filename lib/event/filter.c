// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/db.h"
#include "event/expr.h"

struct name_rule {			/* one NAME of a filter */
	regex_t event, system;
	bool has_event, has_system;
	bool either;			/* event or system by the same expression */
	bool pattern;			/* made to match many */
	const char *text;		/* while the filter is added */
	size_t len;
};

struct rule {				/* one filter */
	VEC(struct name_rule) names;
	struct expr expr;
	bool exclude;
};

/* A rule's fields in one event, by the expression's field numbers. */
struct binding {
	size_t rule;
	const struct tep_format_field **fields;		/* NULL: not there */
};

struct event_rules {			/* what holds for one event id */
	bool known;
	VEC(struct binding) bindings;
};

struct event_filter {
	struct event_db *db;
	VEC(struct rule) rules;
	bool includes;			/* some rule is not an exclusion */
	struct event_rules *by_id;	/* by id */
	size_t nr_ids;
	char word[32];			/* a number as text */
};

/* ---- birth and death -------------------------------------------------------- */

int event_filter_new(struct event_db *db, struct event_filter **ret, struct err *e)
{
	struct event_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, -ENOMEM, "out of memory");
	f->db = db;
	*ret = f;
	return 0;
}

static void rule_release(struct rule *r)
{
	for (size_t i = 0; i < r->names.nr; i++) {
		if (r->names.v[i].has_event)
			regfree(&r->names.v[i].event);
		if (r->names.v[i].has_system)
			regfree(&r->names.v[i].system);
	}
	vec_release(&r->names);
	expr_release(&r->expr);
}

static void forget_bindings(struct event_filter *f)
{
	for (size_t i = 0; i < f->nr_ids; i++) {
		for (size_t j = 0; j < f->by_id[i].bindings.nr; j++)
			free(f->by_id[i].bindings.v[j].fields);
		vec_release(&f->by_id[i].bindings);
	}
	free(f->by_id);
	f->by_id = NULL;
	f->nr_ids = 0;
}

void event_filter_free(struct event_filter *f)
{
	if (!f)
		return;
	forget_bindings(f);
	for (size_t i = 0; i < f->rules.nr; i++)
		rule_release(&f->rules.v[i]);
	vec_release(&f->rules);
	free(f);
}

/* ---- names ------------------------------------------------------------------------ */

static int parse_name(const char *text, size_t len, struct name_rule *ret, struct err *e)
{
	const char *slash = memchr(text, '/', len);
	size_t system = slash ? (size_t)(slash - text) : len;
	int r;

	if (!len || !system || system + 1 == len)
		return err_set(e, -EINVAL, "an event's name is missing");
	*ret = (struct name_rule){ .either = !slash, .pattern = memchr(text, '*', len),
				   .text = text, .len = len };
	r = regex_compile_whole(&ret->system, text, system, e);
	if (r < 0)
		return r;
	ret->has_system = true;
	if (!slash)
		return 0;
	r = regex_compile_whole(&ret->event, slash + 1, len - system - 1, e);
	if (r < 0) {
		regfree(&ret->system);
		return r;
	}
	ret->has_event = true;
	return 0;
}

static int parse_names(const char *text, size_t len, struct rule *rule, struct err *e)
{
	const char *end = text + len;

	for (;;) {
		const char *comma = memchr(text, ',', end - text);
		const char *stop = comma ? comma : end;
		struct name_rule name;
		int r;

		while (text < stop && isspace((unsigned char)*text))
			text++;
		while (stop > text && isspace((unsigned char)stop[-1]))
			stop--;
		r = parse_name(text, stop - text, &name, e);
		if (r < 0)
			return r;
		if (vec_push(&rule->names, name)) {
			regfree(&name.system);
			if (name.has_event)
				regfree(&name.event);
			return err_set(e, -ENOMEM, "out of memory");
		}
		if (!comma)
			return 0;
		text = comma + 1;
	}
}

static bool name_matches(const struct name_rule *n, const struct event_name *ev)
{
	bool system = !regexec(&n->system, ev->system, 0, NULL, 0);

	if (n->either)
		return system || !regexec(&n->system, ev->name, 0, NULL, 0);
	return system && !regexec(&n->event, ev->name, 0, NULL, 0);
}

/* A pattern reaches events of all kinds: what one has another need not have. */
static bool rule_is_pattern(const struct rule *rule)
{
	for (size_t i = 0; i < rule->names.nr; i++)
		if (rule->names.v[i].pattern)
			return true;
	return false;
}

static bool rule_names(const struct rule *rule, const struct event_name *ev)
{
	for (size_t i = 0; i < rule->names.nr; i++)
		if (name_matches(&rule->names.v[i], ev))
			return true;
	return false;
}

/* @e: what no event of the file is called, and what it may have meant. */
static int unknown_name(struct event_filter *f, const char *text, size_t len, struct err *e)
{
	AUTO_FREE char *word = strndup(text, len);
	const struct event_name *names;
	char both[192];
	struct near near;
	size_t nr;

	err_set(e, -ENOENT, "no event or system is called '%.*s'", (int)len, text);
	if (!word || event_db_names(f->db, &names, &nr, NULL) < 0)
		return -ENOENT;
	near_init(&near, word);
	for (size_t i = 0; i < nr; i++) {
		if (strchr(word, '/')) {
			snprintf(both, sizeof(both), "%s/%s", names[i].system, names[i].name);
			near_try(&near, both);
			continue;
		}
		near_try(&near, names[i].name);
		if (!i || strcmp(names[i].system, names[i - 1].system))
			near_try(&near, names[i].system);
	}
	near_hint(&near, e);
	return -ENOENT;
}

/* ---- fields ------------------------------------------------------------------------- */

static bool is_special(const char *name)
{
	return !strcmp(name, "COMM") || !strcmp(name, "CPU");
}

/* What kind of value a field has; tells of one that no event the rule names has. */
static int check_field(struct event_filter *f, const struct rule *rule, const char *field,
		       enum expr_kind *ret, struct err *e)
{
	const struct event_name *names;
	struct tep_format_field *found;
	struct tep_event *event;
	struct near near;
	size_t nr;
	int r;

	*ret = strcmp(field, "COMM") ? EXPR_IS_NUMBER : EXPR_IS_STRING;
	if (is_special(field))
		return 0;
	r = event_db_names(f->db, &names, &nr, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < nr; i++) {
		if (!rule_names(rule, &names[i]))
			continue;
		event = event_db_event(f->db, names[i].id);
		found = event ? tep_find_any_field(event, field) : NULL;
		if (!found)
			continue;
		if (found->flags & TEP_FIELD_IS_STRING)
			*ret = EXPR_IS_STRING;
		return 0;
	}
	if (rule_is_pattern(rule))
		return 0;
	err_set(e, -ENOENT, "no event it names has a field '%s'", field);
	near_init(&near, field);
	for (size_t i = 0; i < nr; i++) {
		event = rule_names(rule, &names[i]) ? event_db_event(f->db, names[i].id) : NULL;
		for (struct tep_format_field *p = event ? event->format.fields : NULL; p; p = p->next)
			near_try(&near, p->name);
	}
	near_hint(&near, e);
	return -ENOENT;
}

/*
 * Every NAME must be one of the file. Returns 1 if they are, 0 if only some are
 * (@e tells of the first that is not), -ENOENT if none is.
 */
static int check_names(struct event_filter *f, const struct rule *rule, struct err *e)
{
	const struct event_name *names;
	struct err unknown = { 0 };
	bool any = false;
	size_t nr;
	int r = event_db_names(f->db, &names, &nr, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < rule->names.nr; i++) {
		const struct name_rule *n = &rule->names.v[i];
		bool found = false;

		for (size_t j = 0; j < nr && !found; j++)
			found = name_matches(n, &names[j]);
		any |= found;
		if (!found && !unknown.code)
			unknown_name(f, n->text, n->len, &unknown);
	}
	if (!unknown.code)
		return 1;
	if (e)
		*e = unknown;
	return any ? 0 : -ENOENT;
}

static int check_expr(struct event_filter *f, const struct rule *rule, struct err *e)
{
	AUTO_FREE enum expr_kind *kinds = calloc(rule->expr.fields.nr + 1, sizeof(*kinds));

	if (!kinds)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < rule->expr.fields.nr; i++) {
		int r = check_field(f, rule, rule->expr.fields.v[i], &kinds[i], e);

		if (r < 0)
			return r;
	}
	return expr_check(&rule->expr, kinds, e);
}

int event_filter_add(struct event_filter *f, const char *text, bool exclude, struct err *e)
{
	struct rule rule = { .exclude = exclude };
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	int known = 1, r;

	r = parse_names(text, len, &rule, e);
	if (!r && colon)
		r = expr_parse(colon + 1, len + 2, &rule.expr, e);
	if (!r)
		known = check_names(f, &rule, e);
	if (known < 0)
		r = known;
	if (!r)
		r = check_expr(f, &rule, known ? e : NULL);
	if (!r && vec_push(&f->rules, rule))
		r = err_set(e, -ENOMEM, "out of memory");
	if (r < 0)
		rule_release(&rule);
	if (r < 0 || !known)
		err_wrap(e, "filter '%.200s%s'", text, strlen(text) > 200 ? " ..." : "");
	if (r < 0)
		return r;
	forget_bindings(f);
	if (!exclude)
		f->includes = true;
	return known;
}

/* ---- matching --------------------------------------------------------------------------- */

static int bind(struct event_filter *f, size_t nr, struct tep_event *event, struct event_rules *er)
{
	const struct expr *x = &f->rules.v[nr].expr;
	struct binding b = { .rule = nr };

	b.fields = calloc(x->fields.nr + 1, sizeof(*b.fields));
	if (!b.fields)
		return -ENOMEM;
	for (size_t i = 0; event && i < x->fields.nr; i++)
		b.fields[i] = tep_find_any_field(event, x->fields.v[i]);
	if (vec_push(&er->bindings, b)) {
		free(b.fields);
		return -ENOMEM;
	}
	return 0;
}

/* The rules that name an event, bound to its fields at its first record. */
static const struct event_rules *rules_of(struct event_filter *f, int id)
{
	struct event_slot *slot = event_db_slot(f->db, id);
	struct event_rules *er;

	if (!slot)
		return NULL;
	if ((size_t)id >= f->nr_ids) {
		size_t n = (size_t)id + 256;
		struct event_rules *p = realloc(f->by_id, n * sizeof(*p));

		if (!p)
			return NULL;
		memset(p + f->nr_ids, 0, (n - f->nr_ids) * sizeof(*p));
		f->by_id = p;
		f->nr_ids = n;
	}
	er = &f->by_id[id];
	if (er->known)
		return er;
	for (size_t i = 0; i < f->rules.nr; i++)
		if (rule_names(&f->rules.v[i], &slot->pub) && bind(f, i, slot->event, er) < 0)
			return NULL;
	er->known = true;
	return er;
}

struct match {
	struct event_filter *f;
	const struct rule *rule;
	const struct binding *binding;
	const struct event_record *rec;
};

static void set_string(struct expr_value *ret, const char *s, size_t len)
{
	*ret = (struct expr_value){ .kind = EXPR_IS_STRING, .string = s, .len = len };
}

static void set_field(const struct match *m, const struct tep_format_field *field,
		      struct expr_value *ret)
{
	const struct event_record *rec = m->rec;
	uint32_t offset = field->offset, len = field->size;
	unsigned shift;
	uint64_t v;

	if (field->flags & TEP_FIELD_IS_DYNAMIC) {
		if (!format_dynamic(field, rec->data, rec->len, &offset, &len))
			return;
	} else if (field->offset < 0 || field->size < 0 || offset > rec->len ||
		   len > rec->len - offset) {
		return;
	} else if (!len && field->flags & TEP_FIELD_IS_ARRAY) {
		len = rec->len - offset;	/* char buf[]: the rest */
	}
	if (field->flags & TEP_FIELD_IS_STRING) {
		const char *s = (const char *)rec->data + offset;

		set_string(ret, s, strnlen(s, len));
		return;
	}
	if (!format_number(field, rec->data, rec->len, &v))
		return;
	shift = 64 - 8 * field->size;
	ret->kind = EXPR_IS_NUMBER;
	ret->is_unsigned = !shift && !(field->flags & TEP_FIELD_IS_SIGNED);
	ret->number = field->flags & TEP_FIELD_IS_SIGNED ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

static void field_value(void *ctx, unsigned nr, struct expr_value *ret)
{
	struct match *m = ctx;
	const char *name = m->rule->expr.fields.v[nr];
	const struct tep_format_field *field = m->binding->fields[nr];
	struct event_db *db = m->f->db;

	*ret = (struct expr_value){ .kind = EXPR_IS_MISSING };
	if (field) {
		set_field(m, field, ret);
	} else if (!strcmp(name, "COMM")) {
		int pid = event_db_record_pid(db, m->rec->data, m->rec->len);
		const char *comm = event_db_comm(db, pid);

		set_string(ret, comm, strlen(comm));
	} else if (!strcmp(name, "CPU")) {
		ret->kind = EXPR_IS_NUMBER;
		ret->number = m->rec->cpu;
	}
}

/* A number that is compared with a string: a function's name, or hex. */
static void number_word(void *ctx, uint64_t number, struct expr_value *ret)
{
	struct match *m = ctx;
	const char *name = event_db_symbol(m->f->db, number, NULL, NULL);

	if (!name) {
		snprintf(m->f->word, sizeof(m->f->word), "0x%llx", (unsigned long long)number);
		name = m->f->word;
	}
	set_string(ret, name, strlen(name));
}

bool event_filter_includes(const struct event_filter *f)
{
	return f->includes;
}

bool event_filter_match(struct event_filter *f, const struct event_record *rec)
{
	struct match m = { .f = f, .rec = rec };
	const struct expr_fields fields = { .value = field_value, .word = number_word, .ctx = &m };
	const struct event_rules *er;
	bool wanted = !f->includes;

	if (!f->rules.nr)
		return true;
	er = rules_of(f, event_db_record_id(f->db, rec->data, rec->len));
	for (size_t i = 0; er && i < er->bindings.nr; i++) {
		m.binding = &er->bindings.v[i];
		m.rule = &f->rules.v[m.binding->rule];
		if ((wanted && !m.rule->exclude) || !expr_true(&m.rule->expr, &fields))
			continue;
		if (m.rule->exclude)
			return false;
		wanted = true;
	}
	return wanted;
}

void event_filter_describe(struct event_filter *f, struct buf *out)
{
	const struct event_name *names;
	size_t nr;

	if (event_db_names(f->db, &names, &nr, NULL) < 0)
		return;
	for (size_t i = 0; i < f->rules.nr; i++) {
		const struct rule *rule = &f->rules.v[i];

		for (size_t j = 0; j < nr; j++) {
			if (!rule_names(rule, &names[j]))
				continue;
			buf_printf(out, "%s%s:%s", rule->exclude ? "not " : "", names[j].system,
				   names[j].name);
			if (rule->expr.root)
				buf_puts(out, ": ");
			expr_print(&rule->expr, out);
			buf_puts(out, "\n");
		}
	}
}
