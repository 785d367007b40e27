// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whether an expression makes sense, and how it is written. */
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
