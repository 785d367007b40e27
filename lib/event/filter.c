// SPDX-License-Identifier: LGPL-2.1-or-later
/* Filters: which events they name, with which fields; by id, what that comes to. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "event/db.h"
#include "event/expr.h"
#include "event/match.h"

enum word_kind { WORD_NONE, WORD_PLAIN, WORD_REGEX, WORD_GLOB };

struct word_rule {
	enum word_kind kind;
	char *text;			/* PLAIN, GLOB */
	regex_t regex;
};

struct name_rule {			/* one NAME of a filter */
	struct word_rule system, event;	/* without an event: either is system */
	bool pattern;			/* made to match many */
	const char *text;		/* while the filter is added */
	size_t len;
};

struct rule {				/* one filter */
	VEC(struct name_rule) names;	/* none: all events */
	struct expr expr;
	bool exclude;
	bool has_set;			/* instead of an expression */
	int64_t *numbers;		/* of the set */
	struct match_set set;
};

/* Of a process, and what says which one an event is about. */
static const char *const pid_fields[] = { "common_pid", "pid", "next_pid" };

struct event_filter {
	struct event_db *db;
	bool big_endian;
	VEC(struct rule) rules;
	VEC(struct rule) selections;	/* names only; other events are not wanted */
	bool includes;			/* some rule is not an exclusion */
	/*
	 * What the rules come to for an id is found when it is met first, under
	 * the lock: the program if it takes one, and then the verdict.
	 */
	pthread_mutex_t lock;
	struct match_prog **progs;
	_Atomic uint8_t *verdicts;	/* enum match_verdict; 0: not known yet */
	unsigned nr_ids;		/* there is no event of a higher id */
	uint8_t *ids;			/* of all ids: whether the verdict may be another than never */
};

/* ---- birth and death -------------------------------------------------------- */

int event_filter_new(struct event_db *db, struct event_filter **ret, struct err *e)
{
	struct event_filter *f = calloc(1, sizeof(*f));

	if (!f || pthread_mutex_init(&f->lock, NULL)) {
		free(f);
		return err_set(e, -ENOMEM, "out of memory");
	}
	f->db = db;
	f->big_endian = db->opts.big_endian;
	*ret = f;
	return 0;
}

static void word_release(struct word_rule *w)
{
	if (w->kind == WORD_REGEX)
		regfree(&w->regex);
	free(w->text);
}

static void name_release(struct name_rule *n)
{
	word_release(&n->system);
	word_release(&n->event);
}

static void rule_release(struct rule *r)
{
	for (size_t i = 0; i < r->names.nr; i++)
		name_release(&r->names.v[i]);
	vec_release(&r->names);
	expr_release(&r->expr);
	free(r->numbers);
}

static void forget_verdicts(struct event_filter *f)
{
	for (unsigned i = 0; i < f->nr_ids; i++)
		if (f->verdicts[i] == MATCH_RUN)
			match_free(f->progs[i]);
	free(f->verdicts);
	free(f->progs);
	free(f->ids);
	f->ids = NULL;
	f->verdicts = NULL;
	f->progs = NULL;
	f->nr_ids = 0;
}

/* A rule was added: all verdicts are open. */
static int reset_verdicts(struct event_filter *f, struct err *e)
{
	const struct event_name *names;
	unsigned nr_ids = 0;
	size_t nr;
	int r = event_db_names(f->db, &names, &nr, e);

	if (r < 0)
		return r;
	forget_verdicts(f);
	for (size_t i = 0; i < nr; i++)
		if (names[i].id <= UINT16_MAX && (unsigned)names[i].id >= nr_ids)
			nr_ids = names[i].id + 1;
	f->verdicts = calloc(nr_ids + 1, sizeof(*f->verdicts));
	f->progs = calloc(nr_ids + 1, sizeof(*f->progs));
	f->ids = malloc(EVENT_IDS);
	if (!f->verdicts || !f->progs || !f->ids)
		return err_set(e, -ENOMEM, "out of memory");
	memset(f->ids, 1, EVENT_IDS);
	f->nr_ids = nr_ids;
	return 0;
}

void event_filter_free(struct event_filter *f)
{
	if (!f)
		return;
	forget_verdicts(f);
	for (size_t i = 0; i < f->rules.nr; i++)
		rule_release(&f->rules.v[i]);
	for (size_t i = 0; i < f->selections.nr; i++)
		rule_release(&f->selections.v[i]);
	vec_release(&f->rules);
	vec_release(&f->selections);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* ---- names ------------------------------------------------------------------------ */

/* A word is compared as it is unless it has what an expression gives a meaning. */
static int parse_word(const char *text, size_t len, bool glob, struct word_rule *ret, struct err *e)
{
	bool plain = true;
	int r;

	for (size_t i = 0; i < len; i++)
		plain &= isalnum((unsigned char)text[i]) || text[i] == '_' || text[i] == '-';
	*ret = (struct word_rule){ .kind = glob ? WORD_GLOB : plain ? WORD_PLAIN : WORD_REGEX };
	if (ret->kind == WORD_REGEX) {
		r = regex_compile_whole(&ret->regex, text, len, e);
		if (r < 0)
			ret->kind = WORD_NONE;
		return r;
	}
	ret->text = strndup(text, len);
	return ret->text ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* Takes what stands between words, @sep and spaces, off both ends. */
static void trim(const char **text, size_t *len, char sep)
{
	while (*len && (**text == sep || isspace((unsigned char)**text))) {
		++*text;
		--*len;
	}
	while (*len && ((*text)[*len - 1] == sep || isspace((unsigned char)(*text)[*len - 1])))
		--*len;
}

/* As in libtraceevent a separator without a word on both sides means nothing: "sched/" is
 * "sched", and so is "/sched". */
static int parse_name(const char *text, size_t len, bool glob, struct name_rule *ret, struct err *e)
{
	char sep = !glob || memchr(text, '/', len) ? '/' : ':';
	size_t system_len, event_len;
	const char *event;
	int r;

	*ret = (struct name_rule){ .text = text, .len = len };
	trim(&text, &len, sep);
	if (!len)
		return err_set(e, -EINVAL, "an event's name is missing");
	for (size_t i = 0; i < len; i++)
		ret->pattern |= text[i] == '*' || (glob && (text[i] == '?' || text[i] == '['));
	event = memchr(text, sep, len);
	system_len = event ? (size_t)(event - text) : len;
	event_len = len - system_len;
	trim(&text, &system_len, sep);
	r = parse_word(text, system_len, glob, &ret->system, e);
	if (r || !event)
		return r;
	trim(&event, &event_len, sep);
	return parse_word(event, event_len, glob, &ret->event, e);
}

static int parse_names(const char *text, size_t len, bool glob, struct rule *rule, struct err *e)
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
		r = parse_name(text, stop - text, glob, &name, e);
		if (!r && vec_push(&rule->names, name))
			r = err_set(e, -ENOMEM, "out of memory");
		if (r < 0) {
			name_release(&name);
			return r;
		}
		if (!comma)
			return 0;
		text = comma + 1;
	}
}

static bool word_matches(const struct word_rule *w, const char *name)
{
	switch (w->kind) {
	case WORD_PLAIN:
		return !strcasecmp(w->text, name);
	case WORD_GLOB:
		return !fnmatch(w->text, name, 0);
	default:
		return !regexec(&w->regex, name, 0, NULL, 0);
	}
}

static bool name_matches(const struct name_rule *n, const struct event_name *ev)
{
	bool system = word_matches(&n->system, ev->system);

	if (n->event.kind == WORD_NONE)
		return system || word_matches(&n->system, ev->name);
	return system && word_matches(&n->event, ev->name);
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
	return !rule->names.nr;
}

static bool is_selected(const struct event_filter *f, const struct event_name *ev)
{
	for (size_t i = 0; i < f->selections.nr; i++)
		if (rule_names(&f->selections.v[i], ev))
			return true;
	return !f->selections.nr;
}

/* @e: what no event of the file is called, and what it may have meant. */
static int unknown_name(struct event_filter *f, const char *text, size_t len, struct err *e)
{
	AUTO_FREE char *word = strndup(text, len);
	const struct event_name *names;
	const char *between;
	char both[192];
	struct near near;
	size_t nr;

	err_set(e, -ENOENT, "no event or system is called '%.*s'", (int)len, text);
	if (!word || event_db_names(f->db, &names, &nr, NULL) < 0)
		return -ENOENT;
	between = strpbrk(word, "/:");
	near_init(&near, word);
	for (size_t i = 0; i < nr; i++) {
		if (between) {
			snprintf(both, sizeof(both), "%s%c%s", names[i].system, *between,
				 names[i].name);
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

/* Takes over a rule that was parsed as @r says. Returns as event_filter_add. */
static int add_rule(struct event_filter *f, struct rule *rule, const char *text, bool selection, int r,
		    struct err *e)
{
	int known = 1;

	if (!r)
		known = check_names(f, rule, e);
	if (known < 0 && !selection)
		r = known;
	if (!r)
		r = check_expr(f, rule, known > 0 ? e : NULL);
	if (!r)
		r = reset_verdicts(f, e);
	if (!r && (selection ? vec_push(&f->selections, *rule) : vec_push(&f->rules, *rule)))
		r = err_set(e, -ENOMEM, "out of memory");
	if (r < 0)
		rule_release(rule);
	if (r < 0 || known <= 0)
		err_wrap(e, "filter '%.200s%s'", text, strlen(text) > 200 ? " ..." : "");
	if (r < 0)
		return r;
	f->includes |= !selection && !rule->exclude;
	return known;
}

int event_filter_add(struct event_filter *f, const char *text, bool exclude, struct err *e)
{
	struct rule rule = { .exclude = exclude };
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	int r;

	r = parse_names(text, len, false, &rule, e);
	if (!r && colon)
		r = expr_parse(colon + 1, len + 2, &rule.expr, e);
	return add_rule(f, &rule, text, false, r, e);
}

int event_filter_select(struct event_filter *f, const char *text, bool exclude, struct err *e)
{
	struct rule rule = { .exclude = exclude };
	int r = parse_names(text, strlen(text), true, &rule, e);

	return add_rule(f, &rule, text, !exclude, r, e);
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int event_filter_add_pids(struct event_filter *f, const int *pids, size_t nr, struct err *e)
{
	struct rule rule = { .has_set = true, .numbers = calloc(nr + 1, sizeof(*rule.numbers)) };
	int r = rule.numbers ? reset_verdicts(f, e) : err_set(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < nr && rule.numbers; i++)
		rule.numbers[i] = pids[i];
	if (rule.numbers)
		qsort(rule.numbers, nr, sizeof(*rule.numbers), compare_numbers);
	rule.set = (struct match_set){ rule.numbers, nr };
	if (!r && vec_push(&f->rules, rule))
		r = err_set(e, -ENOMEM, "out of memory");
	if (r < 0)
		rule_release(&rule);
	f->includes |= !r;
	return r;
}

/* ---- matching --------------------------------------------------------------------------- */

static struct match_place find_place(struct tep_event *event, const char *name)
{
	struct tep_format_field *field = event ? tep_find_any_field(event, name) : NULL;

	if (!field && is_special(name))
		return (struct match_place){ .kind = strcmp(name, "CPU") ? MATCH_COMM : MATCH_CPU };
	return match_place(field);
}

/* Where an event has what a rule asks for. */
static int bind(struct event_filter *f, const struct rule *rule, int id, struct match_rule *ret)
{
	const char *const *names = rule->has_set ? pid_fields : (const char *const *)rule->expr.fields.v;
	size_t nr = rule->has_set ? ARRAY_SIZE(pid_fields) : rule->expr.fields.nr;
	struct match_place *places = calloc(nr + 1, sizeof(*places));
	struct tep_event *event = nr ? event_db_event(f->db, id) : NULL;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		places[i] = find_place(event, names[i]);
	*ret = (struct match_rule){
		.exclude = rule->exclude, .expr = &rule->expr, .places = places, .nr_places = nr,
		.set = rule->has_set ? &rule->set : NULL,
	};
	return 0;
}

/* The verdict on an event, or -ENOMEM. @ev is NULL if there is no format of that id. */
static int judge(struct event_filter *f, int id, const struct event_name *ev, struct match_prog **ret)
{
	VEC(struct match_rule) rules = { 0 };
	int r = 0;

	if (!ev || !is_selected(f, ev))
		return f->includes || f->selections.nr ? MATCH_NEVER : MATCH_ALWAYS;
	for (size_t i = 0; i < f->rules.nr && !r; i++) {
		struct match_rule bound;

		if (!rule_names(&f->rules.v[i], ev))
			continue;
		r = vec_reserve(&rules, 1);
		if (!r)
			r = bind(f, &f->rules.v[i], id, &bound);
		if (!r)
			r = vec_push(&rules, bound);
	}
	if (!r)
		r = match_compile(rules.v, rules.nr, !f->includes, f->big_endian, ret);
	for (size_t i = 0; i < rules.nr; i++)
		free((void *)rules.v[i].places);
	vec_release(&rules);
	return r;
}

/* An id that is met first. Without memory nothing of it is wanted, and it may be tried again. */
static enum match_verdict learn(struct event_filter *f, unsigned id)
{
	struct match_prog *prog = NULL;
	int verdict;

	pthread_mutex_lock(&f->lock);
	verdict = atomic_load_explicit(&f->verdicts[id], memory_order_relaxed);
	if (!verdict) {
		verdict = judge(f, id, event_db_name(f->db, id), &prog);
		f->progs[id] = prog;
		if (verdict == MATCH_NEVER)
			__atomic_store_n(&f->ids[id], 0, __ATOMIC_RELAXED);
		if (verdict > 0)
			atomic_store_explicit(&f->verdicts[id], verdict, memory_order_release);
	}
	pthread_mutex_unlock(&f->lock);
	return verdict > 0 ? verdict : MATCH_NEVER;
}

bool event_filter_includes(const struct event_filter *f)
{
	return f->includes || f->selections.nr;
}

bool event_filter_may_match(const struct event_filter *f, int id)
{
	const struct event_name *ev = event_db_name(f->db, id);

	if (!ev || !is_selected(f, ev))
		return !event_filter_includes(f);
	for (size_t i = 0; i < f->rules.nr && f->includes; i++)
		if (!f->rules.v[i].exclude && rule_names(&f->rules.v[i], ev))
			return true;
	return !f->includes;
}

const uint8_t *event_filter_ids(const struct event_filter *f)
{
	return f->ids;
}

/* What takes more than a look at the verdict. */
static bool __attribute__((noinline)) judge_record(struct event_filter *f, unsigned id,
						   enum match_verdict verdict,
						   const struct event_record *rec)
{
	if (!verdict)
		verdict = learn(f, id);
	if (verdict != MATCH_RUN)
		return verdict == MATCH_ALWAYS;
	return match_run(f->progs[id], f->db, rec);
}

bool event_filter_match(struct event_filter *f, const struct event_record *rec)
{
	enum match_verdict verdict;
	unsigned id;

	if (rec->len < 2 || (id = get_u16(rec->data, f->big_endian)) >= f->nr_ids)
		return !event_filter_includes(f);
	verdict = atomic_load_explicit(&f->verdicts[id], memory_order_acquire);
	if (verdict == MATCH_NEVER)
		return false;
	return verdict == MATCH_ALWAYS || judge_record(f, id, verdict, rec);
}

static void describe_rule(const struct rule *rule, const struct event_name *ev, struct buf *out)
{
	buf_printf(out, "%s%s:%s", rule->exclude ? "not " : "", ev->system, ev->name);
	if (rule->has_set) {
		buf_puts(out, ": common_pid, pid or next_pid is");
		for (size_t i = 0; i < rule->set.nr; i++)
			buf_printf(out, "%s%lld", i ? ", " : " ", (long long)rule->set.v[i]);
	}
	if (rule->expr.root)
		buf_puts(out, ": ");
	expr_print(&rule->expr, out);
	buf_puts(out, "\n");
}

void event_filter_describe(struct event_filter *f, struct buf *out)
{
	static const struct rule all;
	const struct event_name *names;
	size_t nr;

	if (event_db_names(f->db, &names, &nr, NULL) < 0)
		return;
	for (size_t i = 0; i < f->rules.nr; i++)
		for (size_t j = 0; j < nr; j++)
			if (rule_names(&f->rules.v[i], &names[j]) && is_selected(f, &names[j]))
				describe_rule(&f->rules.v[i], &names[j], out);
	for (size_t j = 0; j < nr && f->selections.nr && !f->includes; j++)
		if (is_selected(f, &names[j]))
			describe_rule(&all, &names[j], out);
}
