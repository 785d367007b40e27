// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Arguments of probes: [NAME=]FETCH[:TYPE], as the kernel's Documentation/trace/
 * kprobetrace.rst has them.
 */
#include <ctype.h>
#include <errno.h>

#include "kernel/dyn_internal.h"

/* More than any kernel takes (MAX_ARRAY_LEN, and nesting of dereferences). */
#define DEREF_MAX 32

struct reader {
	const char *text;		/* the whole definition, for the caret */
	size_t at, end;
	struct err *e;
};

static char look(const struct reader *r)
{
	return r->at < r->end ? r->text[r->at] : 0;
}

static size_t span(struct reader *r, bool (*is)(char c))
{
	size_t from = r->at;

	while (r->at < r->end && is(r->text[r->at]))
		r->at++;
	return r->at - from;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_symbol(char c)
{
	return is_word(c) || c == '.' || c == '$';
}

static bool is_type(char c)
{
	return is_word(c) || c == '%' || c == '@' || c == '/';
}

#define REFUSE(r, ...) dyn_refuse((r)->e, (r)->text, (r)->at, __VA_ARGS__)

/* Decimal, or hexadecimal behind 0x; the kernel takes no octal here either. */
static int take_number(struct reader *r, const char *what)
{
	size_t from = r->at;
	char word[32];
	uint64_t v;

	span(r, is_word);
	if (r->at - from < sizeof(word)) {
		memcpy(word, r->text + from, r->at - from);
		word[r->at - from] = 0;
		if (!parse_u64(word, &v))
			return 0;
	}
	r->at = from;
	return REFUSE(r, "%s has to be a number", what);
}

static int take_fetch(struct reader *r, unsigned depth);

/* "->field", ".field" behind a parameter's name. */
static int take_members(struct reader *r)
{
	for (;;) {
		if (look(r) == '-' && r->at + 1 < r->end && r->text[r->at + 1] == '>')
			r->at += 2;
		else if (look(r) == '.')
			r->at++;
		else
			return 0;
		if (!span(r, is_word))
			return REFUSE(r, "a member's name is missing");
	}
}

/* "+8(FETCH)", "-u16(FETCH)" */
static int take_dereference(struct reader *r, unsigned depth)
{
	size_t open;
	int ret;

	r->at++;
	if (look(r) == 'u')
		r->at++;
	ret = take_number(r, "the offset");
	if (ret)
		return ret;
	if (look(r) != '(')
		return REFUSE(r, "the offset needs '(' and what it is added to behind it");
	open = r->at++;
	ret = take_fetch(r, depth + 1);
	if (ret)
		return ret;
	if (look(r) != ')') {
		if (r->at >= r->end)
			r->at = open;
		return REFUSE(r, r->at == open ? "this '(' is not closed" : "')' is expected here");
	}
	r->at++;
	return 0;
}

/* "@0xffff...", "@symbol+8", "@+0x1000" */
static int take_address(struct reader *r)
{
	r->at++;
	if (look(r) == '+') {
		r->at++;
		return take_number(r, "the offset in the file");
	}
	if (isdigit((unsigned char)look(r)))
		return take_number(r, "the address");
	if (!span(r, is_symbol))
		return REFUSE(r, "an address or a symbol is missing behind '@'");
	if (look(r) != '+' && look(r) != '-')
		return 0;
	r->at++;
	return take_number(r, "the offset");
}

/* "\123", "\-1", "\"text\"" */
static int take_immediate(struct reader *r)
{
	size_t from = ++r->at;

	if (look(r) == '"') {
		r->at++;
		while (r->at < r->end && look(r) != '"')
			r->at++;
		if (r->at < r->end)
			return r->at++, 0;
		r->at = from;
		return REFUSE(r, "this text has no second '\"'");
	}
	if (look(r) == '-' || look(r) == '+')
		r->at++;
	return take_number(r, "the value behind '\\'");
}

static int take_fetch(struct reader *r, unsigned depth)
{
	if (depth > DEREF_MAX)
		return REFUSE(r, "more than %d '(' in one argument", DEREF_MAX);
	switch (look(r)) {
	case 0:
	case ':':
		return REFUSE(r, "what is to be fetched is missing: %%REGISTER, $VARIABLE, @ADDRESS, "
			      "+OFFSET(...) or \\VALUE");
	case '%':
		r->at++;
		return span(r, is_word) ? 0 : REFUSE(r, "a register's name is missing behind '%%'");
	case '$':
		r->at++;
		if (!span(r, is_word))
			return REFUSE(r, "a variable's name is missing behind '$'");
		if (look(r) == '*')
			r->at++;
		return take_members(r);
	case '@':
		return take_address(r);
	case '\\':
		return take_immediate(r);
	case '+':
	case '-':
		return take_dereference(r, depth);
	}
	if (!span(r, is_word))
		return REFUSE(r, "'%c' cannot begin what is fetched", look(r));
	return take_members(r);
}

/* ":u32", ":string[8]", ":b4@2/32" */
static int take_type(struct reader *r)
{
	r->at++;
	if (!span(r, is_type))
		return REFUSE(r, "a type is missing behind ':'");
	if (look(r) != '[')
		return 0;
	r->at++;
	if (take_number(r, "the length of the array"))
		return -EINVAL;
	if (look(r) != ']')
		return REFUSE(r, "']' is expected here");
	r->at++;
	return 0;
}

/* Where '=' ends a name; @len: there is none. A '=' of a text behind '\\' ends none. */
static size_t name_end(const char *arg, size_t len)
{
	size_t end = 0;

	while (end < len && !strchr("=%$@\\(\"", arg[end]))
		end++;
	return end < len && arg[end] == '=' ? end : len;
}

int dyn_arg_check(const char *text, size_t at, size_t len, struct err *e)
{
	struct reader r = { .text = text, .at = at, .end = at + len, .e = e };
	size_t name = name_end(text + at, len);
	int ret;

	if (name < len) {
		if (!dyn_is_name(text + at, name))
			return REFUSE(&r, "an argument's name is a letter or '_', then letters, digits and '_'");
		if (name > DYN_ARG_NAME_MAX)
			return REFUSE(&r, "an argument's name has %d letters at most", DYN_ARG_NAME_MAX);
		r.at += name + 1;
	}
	ret = take_fetch(&r, 0);
	if (!ret && look(&r) == ':')
		ret = take_type(&r);
	if (!ret && r.at < r.end)
		ret = REFUSE(&r, "the argument should end here");
	return ret;
}

struct dyn_arg dyn_arg_parts(const char *arg, size_t len)
{
	struct dyn_arg a = { .fetch = arg };
	size_t name = name_end(arg, len);
	const char *colon;

	if (name < len) {
		a.name = arg;
		a.name_len = name;
		a.fetch += name + 1;
	}
	a.fetch_len = arg + len - a.fetch;
	colon = memchr(a.fetch, ':', a.fetch_len);
	/* a text in quotes has no type behind it */
	if (colon && !memchr(a.fetch, '"', a.fetch_len)) {
		a.type = colon + 1;
		a.type_len = arg + len - a.type;
		a.fetch_len = colon - a.fetch;
	}
	return a;
}
