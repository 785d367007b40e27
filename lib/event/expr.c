// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an expression is worth, whether it makes sense, how it is written. */
#include <errno.h>

#include "event/expr.h"

/* ---- kinds ---------------------------------------------------------------------- */

struct checker { const enum expr_kind *kinds; struct err *e; };

static int check_node(const struct checker *c, const struct expr_node *n, enum expr_kind *ret);

static int check_condition(const struct checker *c, const struct expr_node *n)
{
	enum expr_kind kind;
	int r = check_node(c, n, &kind);

	if (r < 0 || kind == EXPR_IS_NUMBER)
		return r;
	return err_set(c->e, -EINVAL, "column %u: text alone is no condition, compare it with "
		       "something", n->column);
}

static int check_number(const struct checker *c, const struct expr_node *n, const char *op)
{
	enum expr_kind kind;
	int r = check_node(c, n, &kind);

	if (r < 0 || kind == EXPR_IS_NUMBER)
		return r;
	return err_set(c->e, -EINVAL, "column %u: '%s' is for numbers, not for text", n->column, op);
}

/* A number field may be compared with text (its symbol); a literal may not. */
static int check_comparison(const struct checker *c, const struct expr_node *n)
{
	const struct expr_node *sides[2] = { n->left, n->right };
	enum expr_kind kinds[2];

	for (int i = 0; i < 2; i++) {
		int r = check_node(c, sides[i], &kinds[i]);

		if (r < 0)
			return r;
	}
	for (int i = 0; i < 2; i++)
		if (sides[i]->op == EXPR_NUMBER && kinds[!i] == EXPR_IS_STRING)
			return err_set(c->e, -EINVAL, "column %u: a number is compared with text; "
				       "put it in quotes", sides[i]->column);
	return 0;
}

static int check_node(const struct checker *c, const struct expr_node *n, enum expr_kind *ret)
{
	enum expr_kind ignored;
	int r;

	*ret = EXPR_IS_NUMBER;
	switch (n->op) {
	case EXPR_NUMBER:
	case EXPR_CHAR:
		return 0;
	case EXPR_STRING:
		*ret = EXPR_IS_STRING;
		return 0;
	case EXPR_FIELD:
		*ret = c->kinds[n->field];
		return 0;
	case EXPR_NOT:
		return check_condition(c, n->left);
	case EXPR_OR:
	case EXPR_AND:
		r = check_condition(c, n->left);
		return r < 0 ? r : check_condition(c, n->right);
	case EXPR_INVERT:
	case EXPR_NEGATE:
		return check_number(c, n->left, expr_ops[n->op].text);
	case EXPR_MATCH:
	case EXPR_NO_MATCH:
		return check_node(c, n->left, &ignored);
	case EXPR_EQ ... EXPR_NE:
	case EXPR_LT ... EXPR_GE:
		return check_comparison(c, n);
	default:
		r = check_number(c, n->left, expr_ops[n->op].text);
		return r < 0 ? r : check_number(c, n->right, expr_ops[n->op].text);
	}
}

int expr_check(const struct expr *x, const enum expr_kind *kinds, struct err *e)
{
	struct checker c = { .kinds = kinds, .e = e };

	return x->root ? check_condition(&c, x->root) : 0;
}

/* ---- values --------------------------------------------------------------------- */

static void eval(const struct expr_node *n, const struct expr_fields *f, struct expr_value *ret);

static bool truth(const struct expr_node *n, const struct expr_fields *f)
{
	struct expr_value v;

	eval(n, f, &v);
	if (v.kind == EXPR_IS_STRING)
		return v.len;
	return v.kind == EXPR_IS_NUMBER && v.number;
}

static void set_number(struct expr_value *ret, uint64_t v, bool is_unsigned)
{
	*ret = (struct expr_value){ .kind = EXPR_IS_NUMBER, .number = v, .is_unsigned = is_unsigned };
}

static void set_missing(struct expr_value *ret)
{
	*ret = (struct expr_value){ .kind = EXPR_IS_MISSING };
}

/* -1, 0, 1 as the numbers are, whatever their types. */
static int compare_numbers(const struct expr_value *a, const struct expr_value *b)
{
	int64_t x = a->number, y = b->number;

	if (!a->is_unsigned && !b->is_unsigned)
		return (x > y) - (x < y);
	if (!a->is_unsigned && x < 0)
		return -1;
	if (!b->is_unsigned && y < 0)
		return 1;
	return (a->number > b->number) - (a->number < b->number);
}

static int compare_strings(const struct expr_value *a, const struct expr_value *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int r = len ? memcmp(a->string, b->string, len) : 0;

	return r ? r : (a->len > b->len) - (a->len < b->len);
}

/* Makes both sides strings if one of them is; a number becomes a word. */
static void level_kinds(const struct expr_node *n, struct expr_value *a, struct expr_value *b,
			const struct expr_fields *f)
{
	const struct expr_node *sides[2] = { n->left, n->right };
	struct expr_value *values[2] = { a, b };

	if (a->kind == b->kind)
		return;
	for (int i = 0; i < 2; i++) {
		if (values[i]->kind != EXPR_IS_NUMBER)
			continue;
		if (sides[i]->op == EXPR_CHAR)
			*values[i] = (struct expr_value){ .kind = EXPR_IS_STRING,
				.string = sides[i]->string, .len = strlen(sides[i]->string) };
		else
			f->word(f->ctx, values[i]->number, values[i]);
	}
}

static bool regex_matches(const struct expr_node *n, const struct expr_value *v)
{
	regmatch_t range = { .rm_so = 0, .rm_eo = v->len };

	return !regexec(n->regex, v->string, 1, &range, REG_STARTEND);
}

static void eval_match(const struct expr_node *n, const struct expr_fields *f,
		       struct expr_value *ret)
{
	struct expr_value v;

	eval(n->left, f, &v);
	if (v.kind == EXPR_IS_NUMBER)
		f->word(f->ctx, v.number, &v);
	if (v.kind == EXPR_IS_MISSING)
		set_number(ret, 0, false);
	else
		set_number(ret, regex_matches(n, &v) == (n->op == EXPR_MATCH), false);
}

static void eval_comparison(const struct expr_node *n, const struct expr_fields *f,
			    struct expr_value *ret)
{
	struct expr_value a, b;
	bool result = false;
	int r;

	eval(n->left, f, &a);
	eval(n->right, f, &b);
	set_number(ret, 0, false);
	if (a.kind == EXPR_IS_MISSING || b.kind == EXPR_IS_MISSING)
		return;
	level_kinds(n, &a, &b, f);
	if (a.kind == EXPR_IS_STRING)
		r = compare_strings(&a, &b);
	else if (n->op == EXPR_EQ || n->op == EXPR_NE)
		r = a.number != b.number;	/* -1 is 0xffffffffffffffff, too */
	else
		r = compare_numbers(&a, &b);
	switch (n->op) {
	case EXPR_EQ:
		result = !r;
		break;
	case EXPR_NE:
		result = r;
		break;
	case EXPR_LT:
		result = r < 0;
		break;
	case EXPR_GT:
		result = r > 0;
		break;
	case EXPR_LE:
		result = r <= 0;
		break;
	default:
		result = r >= 0;
	}
	ret->number = result;
}

static void divide(bool mod, const struct expr_value *a, const struct expr_value *b, bool uns,
		   struct expr_value *ret)
{
	int64_t x = a->number, y = b->number;

	if (!b->number)
		set_missing(ret);
	else if (uns)
		set_number(ret, mod ? a->number % b->number : a->number / b->number, true);
	else if (y == -1)
		set_number(ret, mod ? 0 : -a->number, false);
	else
		set_number(ret, mod ? x % y : x / y, false);
}

static void shift(bool left, const struct expr_value *a, const struct expr_value *b, bool uns,
		  struct expr_value *ret)
{
	uint64_t n = b->number;

	if (n > 63)
		set_missing(ret);
	else if (left)
		set_number(ret, a->number << n, uns);
	else if (uns)
		set_number(ret, a->number >> n, true);
	else
		set_number(ret, (int64_t)a->number >> n, false);
}

static void eval_arithmetic(const struct expr_node *n, const struct expr_fields *f,
			    struct expr_value *ret)
{
	struct expr_value a, b;
	bool uns;

	eval(n->left, f, &a);
	eval(n->right, f, &b);
	if (a.kind != EXPR_IS_NUMBER || b.kind != EXPR_IS_NUMBER) {
		set_missing(ret);
		return;
	}
	uns = a.is_unsigned || b.is_unsigned;
	switch (n->op) {
	case EXPR_BIT_OR:
		set_number(ret, a.number | b.number, uns);
		break;
	case EXPR_BIT_XOR:
		set_number(ret, a.number ^ b.number, uns);
		break;
	case EXPR_BIT_AND:
		set_number(ret, a.number & b.number, uns);
		break;
	case EXPR_SHIFT_LEFT:
	case EXPR_SHIFT_RIGHT:
		shift(n->op == EXPR_SHIFT_LEFT, &a, &b, a.is_unsigned, ret);
		break;
	case EXPR_ADD:
		set_number(ret, a.number + b.number, uns);
		break;
	case EXPR_SUB:
		set_number(ret, a.number - b.number, uns);
		break;
	case EXPR_MUL:
		set_number(ret, a.number * b.number, uns);
		break;
	default:
		divide(n->op == EXPR_MOD, &a, &b, uns, ret);
	}
}

static void eval_unary(const struct expr_node *n, const struct expr_fields *f,
		       struct expr_value *ret)
{
	eval(n->left, f, ret);
	if (ret->kind != EXPR_IS_NUMBER)
		set_missing(ret);
	else
		set_number(ret, n->op == EXPR_INVERT ? ~ret->number : -ret->number,
			   ret->is_unsigned && n->op == EXPR_INVERT);
}

static void eval(const struct expr_node *n, const struct expr_fields *f, struct expr_value *ret)
{
	switch (n->op) {
	case EXPR_NUMBER:
	case EXPR_CHAR:
		set_number(ret, n->number, n->number > INT64_MAX);
		break;
	case EXPR_STRING:
		*ret = (struct expr_value){ .kind = EXPR_IS_STRING, .string = n->string,
					    .len = strlen(n->string) };
		break;
	case EXPR_FIELD:
		f->value(f->ctx, n->field, ret);
		break;
	case EXPR_NOT:
		set_number(ret, !truth(n->left, f), false);
		break;
	case EXPR_INVERT:
	case EXPR_NEGATE:
		eval_unary(n, f, ret);
		break;
	case EXPR_OR:
		set_number(ret, truth(n->left, f) || truth(n->right, f), false);
		break;
	case EXPR_AND:
		set_number(ret, truth(n->left, f) && truth(n->right, f), false);
		break;
	case EXPR_MATCH:
	case EXPR_NO_MATCH:
		eval_match(n, f, ret);
		break;
	case EXPR_EQ ... EXPR_NE:
	case EXPR_LT ... EXPR_GE:
		eval_comparison(n, f, ret);
		break;
	default:
		eval_arithmetic(n, f, ret);
	}
}

bool expr_true(const struct expr *x, const struct expr_fields *fields)
{
	return !x->root || truth(x->root, fields);
}

/* ---- text ---------------------------------------------------------------------------- */

static void print_node(const struct expr *x, const struct expr_node *n, unsigned level,
		       struct buf *out)
{
	unsigned own = expr_ops[n->op].level;
	bool parentheses;

	/* what stands behind ! is wrapped unless it is one value */
	parentheses = own < level;
	if (parentheses)
		buf_puts(out, "(");
	switch (n->op) {
	case EXPR_NUMBER:
		buf_printf(out, "%llu", (unsigned long long)n->number);
		break;
	case EXPR_STRING:
		buf_printf(out, strchr(n->string, '"') ? "'%s'" : "\"%s\"", n->string);
		break;
	case EXPR_CHAR:
		buf_printf(out, "'%s'", n->string);
		break;
	case EXPR_FIELD:
		buf_puts(out, x->fields.v[n->field]);
		break;
	case EXPR_NOT:
	case EXPR_INVERT:
	case EXPR_NEGATE:
		buf_puts(out, expr_ops[n->op].text);
		print_node(x, n->left, EXPR_LEVEL_VALUE, out);
		break;
	default:
		print_node(x, n->left, own, out);
		buf_printf(out, " %s ", expr_ops[n->op].text);
		print_node(x, n->right, own + 1, out);
	}
	if (parentheses)
		buf_puts(out, ")");
}

void expr_print(const struct expr *x, struct buf *out)
{
	if (x->root)
		print_node(x, x->root, EXPR_LEVEL_LOWEST, out);
}
