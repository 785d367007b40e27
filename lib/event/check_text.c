// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Format texts before libtraceevent's parser gets them. What the parser of 1.7
 * and 1.8 does not survive, and is looked for here:
 *  - endless nesting, or operators in endless row (it recurses);
 *  - a character that is neither printable nor blank, or the text's end, where
 *    it wants another token behind '[' or sizeof(;
 *  - __attribute__ as a field's first word;
 *  - REC->FIELD without such a field, if it is the first one since flags or symbols began, even
 *    in another event's format: libtraceevent notes there what the field is;
 *  - a constant divided by zero;
 *  - behind an index or a condition, something that is no binary operator;
 *  - an address from the record, given to a plugin's function that follows it;
 *  - thousands of fields: for each use it walks the list of all of them.
 * And it looks for common_type where the first format that was parsed has it.
 * A text that has one of these in its print format loses only that.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "event/check.h"
#include "event/token.h"

/* The deepest format of Linux 6.18 has 12 brackets. */
#define FIELDS_MAX 500			/* a probe has up to 128 */
#define USES_MAX 2000			/* of fields in a print format */
#define DEPTH_MAX 100
#define OPERATORS_MAX 1000		/* between two commas */

static int bad(const struct scan *s, const char *at, struct err *e, const char *why)
{
	return err_set(e, -EBADMSG, "byte %zu: %s", (size_t)(at - s->base), why);
}

/* ---- what holds for all of the text ---------------------------------------------- */

static int check_characters(const struct scan *s, struct err *e)
{
	for (const char *p = s->p; p < s->end; p++)
		if (!isprint((unsigned char)*p) && *p != '\n' && *p != '\t')
			return bad(s, p, e, "a character that is not printable");
	return 0;
}

static int check_nesting(struct scan s, struct err *e)
{
	unsigned depth = 0, operators = 0;

	for (;;) {
		struct token t = next_token(&s);

		if (t.kind == TOKEN_END)
			return 0;
		if (t.kind == TOKEN_STRING || *t.at == ',' || *t.at == ';') {
			operators = 0;
		} else if (t.kind == TOKEN_MARK) {
			if (strchr("([{", *t.at) && ++depth > DEPTH_MAX)
				return bad(&s, t.at, e, "brackets are nested too deep");
			if (strchr(")]}", *t.at))
				depth -= depth > 0;
			if (++operators > OPERATORS_MAX)
				return bad(&s, t.at, e, "too many operators in a row");
		}
	}
}

/* ---- fields -------------------------------------------------------------------------- */

/* Behind '[': goes behind the ']' of the same declaration. */
static bool closes_bracket(struct scan *s)
{
	for (;;) {
		struct token t = next_token(s);

		if (token_is(&t, "]"))
			return true;
		if (t.kind == TOKEN_END || token_is(&t, ";") || token_is(&t, "["))
			return false;
	}
}

static int check_fields(struct scan s, struct err *e)
{
	static const char type[] = " common_type;\toffset:0;\tsize:2;";
	struct token t, before;
	unsigned fields = 0;

	if (!memmem(s.p, s.end - s.p, type, sizeof(type) - 1))
		return err_set(e, -EBADMSG, "no field common_type of 2 bytes at offset 0");
	before = t = next_token(&s);
	for (; t.kind != TOKEN_END; before = t, t = next_token(&s)) {
		if (token_is(&t, "field") && ++fields > FIELDS_MAX)
			return bad(&s, t.at, e, "too many fields");
		if (token_is(&before, ":") && token_is(&t, "__attribute__"))
			return bad(&s, t.at, e, "a field without a type");
		/* the print format would hide in front of where it is looked for */
		if (token_is(&before, "print") && token_is(&t, "fmt"))
			return bad(&s, t.at, e, "a print format among the fields");
		if (token_is(&t, "[") && !closes_bracket(&s))
			return bad(&s, t.at, e, "an array's bracket is not closed");
	}
	return 0;
}

/* Whether a field's declaration, "TYPE NAME" or "TYPE NAME[SIZE]", has the name. */
static bool declares(const char *p, const char *end, const struct token *name)
{
	const char *bracket = memrchr(p, '[', end - p), *from;

	/* "__data_loc char[] name": the bracket belongs to the type */
	if (bracket && end[-1] == ']')
		end = bracket;
	while (end > p && !token_has(end[-1]))
		end--;
	for (from = end; from > p && token_has(from[-1]);)
		from--;
	return (size_t)(end - from) == name->len && !memcmp(from, name->at, name->len);
}

static bool has_field(const struct scan *head, const struct token *name)
{
	static const char key[] = "field:";
	const char *p = head->base;

	while ((p = memmem(p, head->end - p, key, sizeof(key) - 1))) {
		const char *semicolon;

		p += sizeof(key) - 1;
		semicolon = memchr(p, ';', head->end - p);
		if (!semicolon)
			return false;
		if (declares(p, semicolon, name))
			return true;
	}
	return false;
}

/* ---- the print format -------------------------------------------------------------------- */

/*
 * What a division is by must not be a constant 0: libtraceevent computes constants while it
 * parses. (Of fields a guard looks at each record.) It reads A / (B + C) as (A / B) + C, for any
 * operator that binds less, and A / B * C as A / (B * C). So what counts, with brackets or
 * without, are the operands behind the division up to the first such operator. But behind
 * B * C it takes that operator in as well: such a row of constants has to be the last.
 */
#define FACTORS_MAX 16
#define FACTOR_MAX (1ull << 31)
#define NO_CONSTANT UINT64_MAX		/* not known before there is a record */

static bool is_of_record(const struct token *t)
{
	return token_is(t, "REC") || token_is(t, "__get_dynamic_array_len") || token_is(t, "__get_rel_dynamic_array_len");
}

/* s stands behind an opening bracket: goes behind the closing one. */
static void skip_group(struct scan *s)
{
	for (unsigned depth = 1; depth;) {
		struct token t = next_token(s);

		if (t.kind == TOKEN_END)
			return;
		depth += token_is(&t, "(");
		depth -= token_is(&t, ")");
	}
}

/* Goes behind "TYPE)", if that is what s stands in front of. */
static bool skip_cast(struct scan *s)
{
	struct scan ahead = *s;
	struct token t = next_token(&ahead);

	if (t.kind != TOKEN_WORD || isdigit((unsigned char)*t.at) || is_of_record(&t) || token_is(&t, "sizeof"))
		return false;
	while (t.kind == TOKEN_WORD || token_is(&t, "*"))
		t = next_token(&ahead);
	if (token_is(&t, ")"))
		*s = ahead;
	return token_is(&t, ")");
}

/*
 * One operand: its value, NO_CONSTANT, or 0 if it is that or may be. Brackets in front of it
 * are counted. A size is taken for 1 and noted.
 */
static uint64_t factor(struct scan *s, unsigned *brackets, bool *size)
{
	struct token t = next_token(s);
	uint64_t v;

	for (; token_is(&t, "("); t = next_token(s))
		if (!skip_cast(s))
			++*brackets;
	if (t.kind != TOKEN_WORD)
		return 0;
	if (is_of_record(&t))
		return NO_CONSTANT;
	if (token_is(&t, "sizeof")) {
		*size = true;
		(void)next_token(s);
		t = next_token(s);
		skip_group(s);
		return !token_is(&t, "REC");
	}
	v = isdigit((unsigned char)*t.at) ? strtoull(t.at, NULL, 0) : 0;
	return v == NO_CONSTANT ? v - 1 : v;
}

/* The operands that belong together, from the right as libtraceevent takes them; @more: how many
 * may follow. */
static uint64_t divisor(struct scan *s, unsigned brackets, unsigned more, bool *size)
{
	uint64_t v = factor(s, &brackets, size), rest;
	struct token t;

	if (!v || v == NO_CONSTANT)
		return v;
	t = next_token(s);
	for (; brackets && token_is(&t, ")"); brackets--)
		t = next_token(s);
	if (!token_is(&t, "*") && !token_is(&t, "/") && !token_is(&t, "%"))
		return more == FACTORS_MAX || t.kind == TOKEN_END || strchr("),:", *t.at) ? v : 0;
	rest = more ? divisor(s, brackets, more - 1, size) : 0;
	if (!rest || rest == NO_CONSTANT)
		return rest;
	/* nothing near where signs and bits get lost */
	if (v > FACTOR_MAX || rest > FACTOR_MAX || (*size && !token_is(&t, "*")))
		return 0;
	return token_is(&t, "*") ? v * rest : token_is(&t, "/") ? v / rest : v % rest;
}

static bool divides_safely(struct scan s)
{
	bool size = false;

	return divisor(&s, 0, FACTORS_MAX, &size);
}

/*
 * Functions of Debian's plugins that follow an address (plugin_cfg80211,
 * plugin_scsi), and which argument it is. In all kernels it is a dynamic array.
 */
static const struct { const char *name; unsigned arg; } followers[] = {
	{ "__le16_to_cpup", 0 }, { "scsi_trace_parse_cdb", 1 },
};

/* s stands behind a word. */
static bool follows_only_arrays(const struct token *word, struct scan s)
{
	for (size_t i = 0; i < ARRAY_SIZE(followers); i++) {
		struct token t;

		if (!token_is(word, followers[i].name))
			continue;
		t = next_token(&s);		/* the bracket */
		for (unsigned n = 0; n < followers[i].arg; n++) {
			t = next_token(&s);	/* an argument of one word */
			t = next_token(&s);
			if (!token_is(&t, ","))
				return false;
		}
		t = next_token(&s);
		return token_is(&t, "__get_dynamic_array") || token_is(&t, "__get_rel_dynamic_array");
	}
	return true;
}

/* ---- operators and what they stand behind ------------------------------------------------- */

struct level { char open; bool conditional; };
struct operators { struct level v[DEPTH_MAX + 1]; unsigned depth; };

static bool is_operator(const struct token *t)
{
	static const char *const known[] = {
		"~", "!", "*", "/", "%", "+", "-", "<", ">", "&", "^", "|", "?", ":", "[", "]", "{",
		"}", "(", ")", ",", "->", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (token_is(t, known[i]))
			return true;
	return false;
}

/* Keeps account of one operator; NULL, or why it may not stand there. */
static const char *check_operator(struct operators *o, const struct token *t,
				  const struct token *next)
{
	struct level *now = &o->v[o->depth];
	bool bracket = strchr("[]{}", *t->at);

	if (!is_operator(t))
		return "an operator that is none";
	if (now->conditional && bracket)
		return "a bracket behind a condition";
	if (*t->at == ']' && next->kind == TOKEN_MARK && strchr("[]{}", *next->at))
		return "a bracket behind an index";
	if (*t->at == '?') {
		if (strchr("[{", now->open) && now->open)
			return "a condition in brackets";
		now->conditional = true;
	} else if (*t->at == ',') {
		now->conditional = false;
	} else if (strchr("([{", *t->at)) {
		if (o->depth == DEPTH_MAX)
			return "brackets are nested too deep";
		o->v[++o->depth] = (struct level){ *t->at, false };
	} else if (strchr(")]}", *t->at) && o->depth) {
		o->depth--;
	}
	return NULL;
}

/* What libtraceevent waits for the next field with, to note it there. */
enum { WAITS_FLAGS = 1, WAITS_SYMBOLS = 2 };

static unsigned waits_from(const struct token *word)
{
	if (token_is(word, "__print_flags"))
		return WAITS_FLAGS;
	return token_is(word, "__print_symbolic") || token_is(word, "__print_symbolic_u64") ? WAITS_SYMBOLS : 0;
}

/*
 * An arrow, behind @before: NULL, or why what follows may not. *missing: REC's field is not there, which
 * is a number 0 and an empty string.
 */
static const char *check_arrow(const struct scan *head, const struct token *before,
			       const struct token *next, unsigned *waits, bool *missing)
{
	if (token_is(before, "]"))
		return "an arrow behind an index";
	if (next->kind != TOKEN_WORD)
		return "there is no such field";
	if (has_field(head, next)) {
		*waits &= *waits & WAITS_FLAGS ? WAITS_SYMBOLS : 0;
		return NULL;
	}
	*missing = true;
	return token_is(before, "REC") && !*waits ? NULL : "there is no such field";
}

/* 1, 2 if fields are missing, -EBADMSG. */
static int check_print(struct scan s, const struct scan *head, struct err *e)
{
	struct token t, before = { TOKEN_END, s.p, 0 };
	struct operators operators = { .depth = 0 };
	unsigned uses = 0, waits = 0;
	bool missing = false, sized = false;

	for (; (t = next_token(&s)).kind != TOKEN_END; before = t) {
		struct scan ahead = s;
		struct token next = next_token(&ahead);
		const char *why = NULL;

		if (t.kind == TOKEN_MARK)
			why = check_operator(&operators, &t, &next);
		if (why)
			return bad(&s, t.at, e, why);

		if (token_is(&t, "->") && ++uses > USES_MAX)
			return bad(&s, t.at, e, "too many uses of fields");
		waits |= waits_from(&t);
		sized |= token_is(&t, "sizeof");
		if (token_is(&t, "->"))
			why = check_arrow(head, &before, &next, &waits, &missing);
		if (missing && sized)
			why = "there is no such field";
		if (why)
			return bad(&s, t.at, e, why);
		if ((token_is(&t, "/") || token_is(&t, "%")) && !divides_safely(s))
			return bad(&s, t.at, e, "what it divides by may be 0");
		if (t.kind == TOKEN_WORD && !follows_only_arrays(&t, s))
			return bad(&s, t.at, e, "the function's address is not an array's");
		if (token_is(&before, "sizeof") && token_is(&t, "(") && next.kind == TOKEN_END)
			return bad(&s, t.at, e, "sizeof of nothing");
	}
	return missing ? 2 : 1;
}

/* ---- all together ---------------------------------------------------------------------------- */

int format_check_text(const char *text, size_t len, size_t *ret_head, struct err *e)
{
	static const char key[] = "\nprint fmt:";
	const char *print = memmem(text, len, key, sizeof(key) - 1);
	struct scan head = { text, text, print ? print : text + len };
	struct scan tail = { text, head.end + (print ? sizeof(key) - 1 : 0), text + len };
	int ret;

	if (len > FORMAT_TEXT_MAX)
		return err_set(e, -EBADMSG, "%zu bytes long, more than %u", len, FORMAT_TEXT_MAX);
	if (check_characters(&head, e) < 0 || check_nesting(head, e) < 0 ||
	    check_fields(head, e) < 0)
		return -EBADMSG;
	*ret_head = head.end - text;
	if (check_characters(&tail, e) < 0 || check_nesting(tail, e) < 0)
		return 0;
	ret = check_print(tail, &head, e);
	return ret < 0 ? 0 : ret;
}
