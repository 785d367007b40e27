// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading an SQL statement: words, then what they make together. Knows nothing of a kernel. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "kernel/sql_internal.h"

#define DEPTH_MAX 64			/* parentheses in parentheses */

/* ---- words ------------------------------------------------------------------ */

enum token {
	END, NAME, NUMBER, STRING, SIGN,
	/* keywords, in the order of their names */
	SELECT, FROM, AS, JOIN, ON, WHERE, CAST, AND, OR, NOT,
};

static const char *const keywords[] = {
	"select", "from", "as", "join", "on", "where", "cast", "and", "or", "not",
};

/* Longer ones first. */
static const char *const signs[] = {
	"&&", "||", "==", "!=", "<>", "<=", ">=", "=", "<", ">", "&", "~", "!", "(", ")", ",", ".", "+", "-", ";",
};

struct parser {
	struct sql *s;
	const char *text;
	enum token token;		/* the one at hand, and where it is */
	struct sql_span at;
	size_t end;			/* of the token before */
	unsigned depth;
	struct err *e;
};

static int refuse(const struct parser *p, size_t at, const char *what)
{
	err_set(p->e, -EINVAL, "wrong SQL: %s", what);
	err_place(p->e, p->text, at);
	return -EINVAL;
}

static int no_memory(const struct parser *p)
{
	return err_errno(p->e, -ENOMEM, "cannot read the SQL");
}

static size_t name_len(const char *s)
{
	size_t len = 0;

	while (isalnum((unsigned char)s[len]) || s[len] == '_')
		len++;
	return len;
}

static enum token keyword(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (strlen(keywords[i]) == len && !strncasecmp(s, keywords[i], len))
			return SELECT + i;
	return NAME;
}

/* A text up to the quote that began it; with both. */
static int take_string(struct parser *p, const char *s)
{
	size_t len = 1 + strcspn(s + 1, *s == '"' ? "\"\n" : "'\n");

	if (s[len] != *s)
		return refuse(p, p->at.at, "the text that begins here has no end");
	p->token = STRING;
	p->at.len = len + 1;
	return 0;
}

static int take_word(struct parser *p, const char *s)
{
	bool quoted = *s == '\\';

	p->at.at += quoted;
	s += quoted;
	p->at.len = name_len(s);
	if (isdigit((unsigned char)*s))
		p->token = NUMBER;
	else if (p->at.len)
		p->token = quoted ? NAME : keyword(s, p->at.len);
	else
		return refuse(p, p->at.at, quoted ? "behind a '\\' stands a name" : "this cannot stand in SQL");
	return quoted && p->token == NUMBER ? refuse(p, p->at.at, "behind a '\\' stands a name") : 0;
}

static int next(struct parser *p)
{
	const char *s;

	p->end = p->at.at + p->at.len;
	p->at.at = p->end + strspn(p->text + p->end, " \t\r\n");
	p->at.len = 0;
	s = p->text + p->at.at;
	p->token = END;
	if (!*s)
		return 0;
	if (*s == '"' || *s == '\'')
		return take_string(p, s);
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (strncmp(s, signs[i], strlen(signs[i])))
			continue;
		p->token = SIGN;
		p->at.len = strlen(signs[i]);
		return 0;
	}
	return take_word(p, s);
}

static bool is_sign(const struct parser *p, const char *sign)
{
	return p->token == SIGN && strlen(sign) == p->at.len && !strncmp(p->text + p->at.at, sign, p->at.len);
}

/* Takes the sign if it is there. 1; 0: it is not; -errno. */
static int try_sign(struct parser *p, const char *sign)
{
	if (!is_sign(p, sign))
		return 0;
	return next(p) ? -EINVAL : 1;
}

static int try_keyword(struct parser *p, enum token keyword)
{
	if (p->token != keyword)
		return 0;
	return next(p) ? -EINVAL : 1;
}

static int need_sign(struct parser *p, const char *sign, const char *what)
{
	int r = try_sign(p, sign);

	return r ? (r < 0 ? r : 0) : refuse(p, p->at.at, what);
}

static int need_keyword(struct parser *p, enum token keyword, const char *what)
{
	int r = try_keyword(p, keyword);

	return r ? (r < 0 ? r : 0) : refuse(p, p->at.at, what);
}

static int need_name(struct parser *p, struct sql_span *ret, const char *what)
{
	if (p->token != NAME)
		return refuse(p, p->at.at, p->token >= SELECT ?
			      "this is a keyword; as a name it has a '\\' in front" : what);
	*ret = p->at;
	return next(p);
}

/* ---- names, items ------------------------------------------------------------ */

static int parse_ref(struct parser *p, struct sql_ref *ret, const char *what)
{
	int r;

	ret->nr = 0;
	do {
		if (ret->nr == SQL_REF_PARTS)
			return refuse(p, p->at.at, "a name has three parts at most: SYSTEM.EVENT.FIELD");
		r = need_name(p, &ret->part[ret->nr++], what);
		if (!r)
			r = try_sign(p, ".");
	} while (r > 0);
	return r;
}

/* "hex", "sym-offset", "buckets=8": as one part of the statement. */
static int parse_cast_type(struct parser *p, struct sql_span *ret)
{
	int r = need_name(p, ret, "the type is missing");

	if (!r && (is_sign(p, "-") || is_sign(p, "="))) {
		r = next(p);
		if (!r && p->token != NAME && p->token != NUMBER)
			return refuse(p, p->at.at, "the rest of the type is missing");
		if (!r)
			r = next(p);
		ret->len = p->end - ret->at;
	}
	return r;
}

static int parse_cast(struct parser *p, struct sql_item *it)
{
	int r = need_sign(p, "(", "behind CAST stands '('");

	if (!r)
		r = parse_ref(p, &it->a, "the field is missing");
	if (!r)
		r = need_keyword(p, AS, "behind the field stands AS with a type");
	if (!r)
		r = parse_cast_type(p, &it->cast);
	return r ? r : need_sign(p, ")", "the ')' of CAST is missing");
}

static int parse_operation(struct parser *p, struct sql_item *it)
{
	int r = parse_ref(p, &it->a, "a field is missing");

	if (r || (!is_sign(p, "+") && !is_sign(p, "-")))
		return r;
	it->op = p->text[p->at.at];
	r = next(p);
	if (!r)
		r = parse_ref(p, &it->b, "a field is missing; numbers cannot stand in an item");
	if (!r && (is_sign(p, "+") || is_sign(p, "-")))
		return refuse(p, p->at.at, "only two fields can be added or subtracted");
	return r;
}

static int parse_item(struct parser *p)
{
	struct sql_item it = { 0 };
	int parens = 0, r;

	while ((r = try_sign(p, "(")) > 0)
		if (++parens > DEPTH_MAX)
			return refuse(p, p->at.at, "there are too many parentheses");
	if (!r)
		r = try_keyword(p, CAST);
	if (r >= 0)
		r = r ? parse_cast(p, &it) : parse_operation(p, &it);
	while (!r && parens--)
		r = need_sign(p, ")", "a ')' is missing");
	if (!r && (r = try_keyword(p, AS)) > 0)
		r = need_name(p, &it.label, "a name is missing");
	if (!r && vec_push(&p->s->items, it))
		r = no_memory(p);
	return r;
}

/* ---- events -------------------------------------------------------------------- */

static int parse_event(struct parser *p)
{
	struct sql_event *ev = &p->s->events[p->s->nr_events];
	size_t at = p->at.at;
	int r = parse_ref(p, &ev->name, "an event is missing");

	if (!r && ev->name.nr == SQL_REF_PARTS)
		return refuse(p, at, "an event is EVENT or SYSTEM.EVENT");
	if (!r)
		r = try_keyword(p, AS);
	if (r > 0 || (!r && p->token == NAME))
		r = need_name(p, &ev->alias, "a name is missing");
	p->s->nr_events++;
	return r;
}

static int parse_match(struct parser *p)
{
	struct sql_match m = { 0 };
	int r = parse_ref(p, &m.a, "a field is missing");

	if (!r && !is_sign(p, "=") && !is_sign(p, "=="))
		return refuse(p, p->at.at, "events are joined by '='");
	if (!r)
		r = next(p);
	if (!r)
		r = parse_ref(p, &m.b, "a field is missing");
	return !r && vec_push(&p->s->matches, m) ? no_memory(p) : r;
}

static int parse_join(struct parser *p)
{
	int r = parse_event(p);

	if (!r)
		r = need_keyword(p, ON, "behind the joined event stands ON FIELD = FIELD");
	do {
		if (r >= 0)
			r = parse_match(p);
		if (!r)
			r = try_sign(p, ",");
	} while (r > 0);
	if (!r && p->token == JOIN)
		return refuse(p, p->at.at, "only two events can be joined");
	return r;
}

/* ---- conditions ------------------------------------------------------------------ */

static int add_piece(struct parser *p, const char *text, struct sql_span span, const struct sql_ref *field)
{
	struct sql_piece piece = { .text = text, .span = span };

	if (field)
		piece.field = *field;
	return vec_push(&p->s->pieces, piece) ? no_memory(p) : 0;
}

static int add_text(struct parser *p, const char *text)
{
	return add_piece(p, text, (struct sql_span){ 0 }, NULL);
}

static int parse_value(struct parser *p)
{
	struct sql_span at = p->at;
	bool negative = is_sign(p, "-");
	int r = negative ? next(p) : 0;

	if (r)
		return r;
	if (p->token != NUMBER && (negative || p->token != STRING))
		return refuse(p, p->at.at, "a field is compared with a number or a text in quotes");
	at.len = p->at.at + p->at.len - at.at;
	r = add_piece(p, NULL, at, NULL);
	return r ? r : next(p);
}

/* "FIELD = VALUE" */
static int parse_comparison(struct parser *p)
{
	static const struct { const char *sql, *kernel; } ops[] = {
		{ "=", "==" }, { "==", "==" }, { "!=", "!=" }, { "<>", "!=" }, { "<", "<" }, { "<=", "<=" },
		{ ">", ">" }, { ">=", ">=" }, { "&", "&" }, { "~", "~" },
	};
	struct sql_ref ref;
	int r = parse_ref(p, &ref, "a condition begins with a field");

	if (!r)
		r = add_piece(p, NULL, ref.part[0], &ref);
	if (r)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!is_sign(p, ops[i].sql))
			continue;
		r = add_text(p, ops[i].kernel);
		if (!r)
			r = next(p);
		return r ? r : parse_value(p);
	}
	return refuse(p, p->at.at, "behind a field stands =, !=, <, <=, >, >=, & or ~");
}

static int parse_condition(struct parser *p);

static int parse_factor(struct parser *p)
{
	bool negated = p->token == NOT || is_sign(p, "!");
	int r;

	if (!negated && !is_sign(p, "("))
		return parse_comparison(p);
	if (p->depth == DEPTH_MAX)
		return refuse(p, p->at.at, "the condition is too deep");
	p->depth++;
	r = next(p);
	if (!r)
		r = add_text(p, negated ? "!(" : "(");
	if (!r)
		r = negated ? parse_factor(p) : parse_condition(p);
	if (!r && !negated)
		r = need_sign(p, ")", "a ')' is missing");
	p->depth--;
	return r ? r : add_text(p, ")");
}

static int try_and(struct parser *p)
{
	int r = try_keyword(p, AND);

	return r ? r : try_sign(p, "&&");
}

static int try_or(struct parser *p)
{
	int r = try_keyword(p, OR);

	return r ? r : try_sign(p, "||");
}

static int parse_and(struct parser *p)
{
	int r = parse_factor(p);

	while (!r && (r = try_and(p)) > 0) {
		r = add_text(p, "&&");
		if (!r)
			p->s->pieces.v[p->s->pieces.nr - 1].joint = !p->depth;
		if (!r)
			r = parse_factor(p);
	}
	return r;
}

static int parse_condition(struct parser *p)
{
	int r = parse_and(p);

	while (!r && (r = try_or(p)) > 0) {
		p->s->one_condition |= !p->depth;
		r = add_text(p, "||");
		if (!r)
			r = parse_and(p);
	}
	return r;
}

/* ---- the whole --------------------------------------------------------------------- */

static int parse_items(struct parser *p)
{
	int r;

	do {
		r = parse_item(p);
		if (!r)
			r = try_sign(p, ",");
	} while (r > 0);
	return r;
}

static int parse_statement(struct parser *p)
{
	int r = next(p);

	if (!r)
		r = need_keyword(p, SELECT, "it begins with SELECT");
	if (!r)
		r = parse_items(p);
	if (!r)
		r = need_keyword(p, FROM, "behind the items, with a ',' between each, stands FROM");
	if (!r)
		r = parse_event(p);
	if (!r && (r = try_keyword(p, JOIN)) > 0)
		r = parse_join(p);
	if (!r && (r = try_keyword(p, WHERE)) > 0)
		r = parse_condition(p);
	if (!r && (r = try_sign(p, ";")) > 0)
		r = 0;
	return !r && p->token != END ? refuse(p, p->at.at, p->s->pieces.nr ? "this does not belong to a condition" :
					      "here stands JOIN, WHERE, or nothing") : r;
}

int sql_parse(const char *text, struct sql *ret, struct err *e)
{
	struct parser p = { .s = ret, .text = text, .e = e };

	*ret = (struct sql){ .text = text };
	if (strlen(text) > SQL_TEXT_MAX)
		return err_set(e, -EINVAL, "wrong SQL: it is longer than %d bytes", SQL_TEXT_MAX);
	return parse_statement(&p);
}

void sql_release(struct sql *s)
{
	vec_release(&s->items);
	vec_release(&s->matches);
	vec_release(&s->pieces);
}
