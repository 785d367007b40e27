// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "event/print_text.h"
#include "event/token.h"

#define DEPTH_MAX 60

/* ---- operators ----------------------------------------------------------------- */

/* The rank of a binary operator in C, the tightest is the highest; 0: it is none. */
static unsigned rank(const struct token *t)
{
	static const struct { const char *op; unsigned rank; } ranks[] = {
		{ "*", 10 }, { "/", 10 }, { "%", 10 }, { "+", 9 }, { "-", 9 }, { "<<", 8 }, { ">>", 8 },
		{ "<", 7 }, { "<=", 7 }, { ">", 7 }, { ">=", 7 }, { "==", 6 }, { "!=", 6 }, { "&", 5 },
		{ "^", 4 }, { "|", 3 }, { "&&", 2 }, { "||", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranks) && t->kind == TOKEN_MARK; i++)
		if (token_is(t, ranks[i].op))
			return ranks[i].rank;
	return 0;
}

static bool is_unary(const struct token *t)
{
	return token_is(t, "!") || token_is(t, "~") || token_is(t, "-") || token_is(t, "+");
}

/* ---- the writer ------------------------------------------------------------------ */

/* What was written, as an operand. */
enum shape { SIMPLE, OPERATION, CONDITION };
struct written {
	enum shape shape;
	struct token op;		/* of an operation whose operands may be taken in any order */
};

struct writer {
	struct scan s;
	struct token t;			/* the one at hand */
	struct buf *out;
	unsigned depth;
	bool failed;
};

static void advance(struct writer *w)
{
	w->t = next_token(&w->s);
}

static void put(struct writer *w, const char *text)
{
	buf_puts(w->out, text);
}

/* The token at hand, as it is. */
static void copy(struct writer *w)
{
	if (w->t.kind == TOKEN_END)
		w->failed = true;
	buf_put(w->out, w->t.at, w->t.len);
	advance(w);
}

static void expect(struct writer *w, const char *mark)
{
	if (!token_is(&w->t, mark))
		w->failed = true;
	else
		copy(w);
}

/* @before in front of what was written from @start on, @behind behind it. */
static void enclose(struct writer *w, size_t start, const char *before, const char *behind)
{
	size_t len = strlen(before), moved = w->out->len - start;

	put(w, before);			/* for the room */
	if (w->out->failed)
		return;
	memmove(w->out->data + start + len, w->out->data + start, moved);
	memcpy(w->out->data + start, before, len);
	put(w, behind);
}

static void as_operand(struct writer *w, size_t start, const struct written *x)
{
	if (x->shape != SIMPLE)
		enclose(w, start, "(u64)(", ")");
}

static struct written expression(struct writer *w, unsigned least);

/* Everything up to the bracket that closes the one at hand, as it is. */
static void copy_group(struct writer *w)
{
	unsigned depth = 0;

	do {
		if (w->t.kind == TOKEN_MARK && strchr("([{", *w->t.at))
			depth++;
		if (w->t.kind == TOKEN_MARK && strchr(")]}", *w->t.at))
			depth--;
		if (w->t.kind == TOKEN_WORD && w->out->len && token_has(w->out->data[w->out->len - 1]))
			put(w, " ");	/* two words */
		copy(w);
	} while (depth && !w->failed);
}

/* ---- values of flags and symbols --------------------------------------------------- */

struct constant {
	struct scan s;
	struct token t;
	unsigned depth;
	bool unknown;			/* it has a name in it */
	bool failed;
};

static uint64_t constant(struct constant *c, unsigned least);

static void next(struct constant *c)
{
	c->t = next_token(&c->s);
}

static void skip(struct constant *c, const char *mark)
{
	if (!token_is(&c->t, mark))
		c->failed = true;
	next(c);
}

static bool is_type_word(const struct token *t)
{
	static const char *const words[] = {
		"unsigned", "signed", "const", "struct", "enum", "char", "short", "int", "long", "bool", "u8", "u16", "u32",
		"u64", "s8", "s16", "s32", "s64", "__u8", "__u16", "__u32", "__u64", "__s8", "__s16", "__s32", "__s64",
		"size_t", "gfp_t", "fmode_t", "blk_opf_t", "slab_flags_t", "vm_flags_t", "__force",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words) && t->kind == TOKEN_WORD; i++)
		if (token_is(t, words[i]))
			return true;
	return false;
}

/* Goes behind "TYPE)", if c stands in front of that. What else it could be in a constant is a name. */
static bool skip_type(struct constant *c)
{
	if (!is_type_word(&c->t))
		return false;
	while (c->t.kind == TOKEN_WORD || token_is(&c->t, "*"))
		next(c);
	skip(c, ")");
	return true;
}

static uint64_t constant_operand(struct constant *c)
{
	uint64_t v;
	char op;

	if (++c->depth > DEPTH_MAX)
		c->failed = true;
	if (c->failed)
		return 0;
	if (is_unary(&c->t)) {
		op = *c->t.at;
		next(c);
		v = constant_operand(c);
		v = op == '!' ? !v : op == '~' ? ~v : op == '-' ? -v : v;
	} else if (token_is(&c->t, "(")) {
		next(c);
		if (skip_type(c)) {
			v = constant_operand(c);
		} else {
			v = constant(c, 1);
			skip(c, ")");
		}
	} else if (c->t.kind == TOKEN_WORD && !token_is(&c->t, "sizeof")) {
		c->unknown |= !isdigit((unsigned char)*c->t.at);
		v = strtoull(c->t.at, NULL, 0);
		next(c);
	} else {
		c->failed = true;
		v = 0;
	}
	c->depth--;
	return v;
}

static uint64_t compute(struct constant *c, const struct token *op, uint64_t a, uint64_t b)
{
	bool equal = op->len > 1 && op->at[1] == '=', twice = op->len > 1 && op->at[1] == *op->at;

	switch (*op->at) {
	case '*': return a * b;
	case '/':
	case '%':
		c->failed |= !b;
		return !b ? 0 : *op->at == '/' ? a / b : a % b;
	case '+': return a + b;
	case '-': return a - b;
	case '<': return twice ? a << (b & 63) : equal ? a <= b : a < b;
	case '>': return twice ? a >> (b & 63) : equal ? a >= b : a > b;
	case '=': return a == b;
	case '!': return a != b;
	case '&': return twice ? a && b : a & b;
	case '|': return twice ? a || b : a | b;
	}
	return a ^ b;
}

static uint64_t constant(struct constant *c, unsigned least)
{
	uint64_t v = constant_operand(c);
	unsigned level;

	while (!c->failed && (level = rank(&c->t)) && level >= least) {
		struct token op = c->t;

		next(c);
		v = compute(c, &op, v, constant(c, level + 1));
	}
	return v;
}

/* "{ VALUE, TEXT }" */
static void pair(struct writer *w)
{
	struct constant c = { .failed = false };
	uint64_t v;

	copy(w);
	c.s = w->s;
	c.t = w->t;
	v = constant(&c, 1);
	if (c.failed || !token_is(&c.t, ",")) {
		w->failed = true;
		return;
	}
	w->t = c.t;
	w->s = c.s;
	if (c.unknown)
		put(w, " " PRINT_TEXT_NO_VALUE);
	else
		buf_printf(w->out, " 0x%llx", (unsigned long long)v);
	while (!token_is(&w->t, "}") && !w->failed) {
		if (w->t.kind == TOKEN_STRING || token_is(&w->t, ","))
			put(w, w->t.kind == TOKEN_STRING ? " " : "");
		copy(w);
	}
	put(w, " ");
	expect(w, "}");
}

/* ---- calls --------------------------------------------------------------------------- */

/* Behind the name: the arguments, each an expression or a pair. */
static void arguments(struct writer *w)
{
	expect(w, "(");
	while (!w->failed && !token_is(&w->t, ")")) {
		if (token_is(&w->t, "{"))
			pair(w);
		else
			expression(w, 0);
		if (!token_is(&w->t, ")")) {
			expect(w, ",");
			put(w, " ");
		}
	}
	expect(w, ")");
}

static void word(struct writer *w)
{
	struct token name = w->t;

	copy(w);
	if (token_is(&name, "REC")) {
		expect(w, "->");
		w->failed |= w->t.kind != TOKEN_WORD;
		copy(w);
		w->failed |= token_is(&w->t, ".") || token_is(&w->t, "->");
	} else if (token_is(&w->t, "(")) {
		if (name.len > 8 && !memcmp(name.at, "__print_", 8))
			arguments(w);
		else
			copy_group(w);
	} else if (w->t.kind == TOKEN_WORD) {
		w->failed = true;
	}
}

/* ---- expressions ------------------------------------------------------------------------ */

/* Whether "(TYPE)" stands there with an operand behind it. */
static bool is_cast(struct scan s)
{
	struct token t = next_token(&s);

	if (t.kind != TOKEN_WORD || isdigit((unsigned char)*t.at) || token_is(&t, "REC") || token_is(&t, "sizeof"))
		return false;
	while (t.kind == TOKEN_WORD || token_is(&t, "*"))
		t = next_token(&s);
	if (!token_is(&t, ")"))
		return false;
	t = next_token(&s);
	return t.kind == TOKEN_WORD || t.kind == TOKEN_STRING || token_is(&t, "(");
}

static struct written operand(struct writer *w);

/* A cast, or brackets, which are left out: who needs them puts his own. */
static struct written group(struct writer *w)
{
	size_t start = w->out->len;
	struct written x = { .shape = SIMPLE };

	if (is_cast(w->s)) {
		copy_group(w);
		start = w->out->len;
		x = operand(w);
		as_operand(w, start, &x);
		return (struct written){ .shape = SIMPLE };
	}
	advance(w);
	x = expression(w, 0);
	if (!token_is(&w->t, ")"))
		w->failed = true;
	advance(w);
	w->failed |= token_is(&w->t, "->");
	if (token_is(&w->t, "["))
		enclose(w, start, "(", ")");
	return x;
}

static struct written operand(struct writer *w)
{
	struct written x = { .shape = SIMPLE };
	size_t start;

	if (++w->depth > DEPTH_MAX)
		w->failed = true;
	if (w->failed)
		return x;
	if (is_unary(&w->t)) {
		copy(w);
		start = w->out->len;
		x = operand(w);
		as_operand(w, start, &x);
		x = (struct written){ .shape = OPERATION };
	} else if (token_is(&w->t, "(")) {
		x = group(w);
	} else if (w->t.kind == TOKEN_WORD) {
		word(w);
	} else if (w->t.kind == TOKEN_STRING) {
		while (w->t.kind == TOKEN_STRING)
			copy(w);
	} else {
		w->failed = true;
	}
	while (token_is(&w->t, "[") && !w->failed) {
		copy(w);
		expression(w, 0);
		expect(w, "]");
		x.shape = SIMPLE;
	}
	w->depth--;
	return x;
}

/* One of two: an operation as an operand, a condition in brackets. */
static void arm(struct writer *w)
{
	size_t start = w->out->len;
	struct written x = expression(w, 0);

	if (x.shape == CONDITION)
		enclose(w, start, "(", ")");
	else
		as_operand(w, start, &x);
}

static struct written condition(struct writer *w, size_t start, const struct written *x)
{
	as_operand(w, start, x);
	put(w, " ");
	copy(w);
	put(w, " ");
	arm(w);
	put(w, " ");
	expect(w, ":");
	put(w, " ");
	arm(w);
	return (struct written){ .shape = CONDITION };
}

/* Whether "A op B op C" is the same from either side. */
static bool any_order(const struct token *op)
{
	return strchr("+*&|^", *op->at);
}

static struct written expression(struct writer *w, unsigned least)
{
	size_t start = w->out->len, right;
	struct written x = operand(w), y;
	unsigned level;

	while (!w->failed && (level = rank(&w->t)) && level >= least) {
		struct token op = w->t;

		if (!x.op.len || op.len != x.op.len || memcmp(op.at, x.op.at, op.len))
			as_operand(w, start, &x);
		put(w, " ");
		copy(w);
		put(w, " ");
		right = w->out->len;
		y = expression(w, level + 1);
		as_operand(w, right, &y);
		x = (struct written){ .shape = OPERATION };
		if (any_order(&op))
			x.op = op;
	}
	if (!least && !w->failed && token_is(&w->t, "?"))
		return condition(w, start, &x);
	return x;
}

bool print_text_rewrite(const char *text, size_t len, struct buf *out)
{
	struct writer w = { .s = { text, text, text + len }, .out = out };
	size_t start = out->len;

	put(&w, " ");
	advance(&w);
	w.failed = w.t.kind != TOKEN_STRING;
	while (w.t.kind == TOKEN_STRING && !w.failed)
		copy(&w);
	while (token_is(&w.t, ",") && !w.failed) {
		copy(&w);
		put(&w, " ");
		expression(&w, 0);
	}
	put(&w, "\n");
	if (w.t.kind == TOKEN_END && !w.failed && !out->failed)
		return true;
	if (!out->failed)
		out->len = start;
	return false;
}
