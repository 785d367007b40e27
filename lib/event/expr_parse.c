// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "event/expr.h"

#define NODES_MAX 20000
#define DEPTH_MAX 200
#define HEIGHT_MAX 1000

/* Levels as in C. */
const struct expr_op_info expr_ops[EXPR_OP_COUNT] = {
	[EXPR_NUMBER] = { "", EXPR_LEVEL_VALUE }, [EXPR_STRING] = { "", EXPR_LEVEL_VALUE },
	[EXPR_CHAR] = { "", EXPR_LEVEL_VALUE }, [EXPR_FIELD] = { "", EXPR_LEVEL_VALUE },
	[EXPR_NOT] = { "!", EXPR_LEVEL_UNARY }, [EXPR_INVERT] = { "~", EXPR_LEVEL_UNARY },
	[EXPR_NEGATE] = { "-", EXPR_LEVEL_UNARY },
	[EXPR_OR] = { "||", 1 }, [EXPR_AND] = { "&&", 2 },
	[EXPR_BIT_OR] = { "|", 3 }, [EXPR_BIT_XOR] = { "^", 4 }, [EXPR_BIT_AND] = { "&", 5 },
	[EXPR_EQ] = { "==", 6 }, [EXPR_NE] = { "!=", 6 },
	[EXPR_MATCH] = { "=~", 6 }, [EXPR_NO_MATCH] = { "!~", 6 },
	[EXPR_LT] = { "<", 7 }, [EXPR_GT] = { ">", 7 },
	[EXPR_LE] = { "<=", 7 }, [EXPR_GE] = { ">=", 7 },
	[EXPR_SHIFT_LEFT] = { "<<", 8 }, [EXPR_SHIFT_RIGHT] = { ">>", 8 },
	[EXPR_ADD] = { "+", 9 }, [EXPR_SUB] = { "-", 9 },
	[EXPR_MUL] = { "*", 10 }, [EXPR_DIV] = { "/", 10 }, [EXPR_MOD] = { "%", 10 },
};

/* ---- parsing ------------------------------------------------------------------ */

struct parser {
	const char *text, *p;
	unsigned column, depth;
	struct expr *x;
	struct err *e;
};

static unsigned here(const struct parser *ps)
{
	return ps->column + (unsigned)(ps->p - ps->text);
}

static void skip_blanks(struct parser *ps)
{
	while (isspace((unsigned char)*ps->p))
		ps->p++;
}

/* One that stands on @left and @right; either may be NULL. It belongs to the expression. */
static struct expr_node *node_new(struct parser *ps, enum expr_op op, unsigned column,
				  struct expr_node *left, struct expr_node *right)
{
	bool goes_on = left && left->op == op && (op == EXPR_OR || op == EXPR_AND);
	struct expr_node *n;
	unsigned height = 0;

	if (left)
		height = left->height + !goes_on;
	if (right && right->height + 1 > height)
		height = right->height + 1;
	if (ps->x->nodes.nr == NODES_MAX || height > HEIGHT_MAX) {
		err_set(ps->e, -EINVAL, "column %u: the expression is too long", column);
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n || vec_push(&ps->x->nodes, n)) {
		free(n);
		err_set(ps->e, -ENOMEM, "out of memory");
		return NULL;
	}
	*n = (struct expr_node){ .op = op, .nr = ps->x->nodes.nr - 1, .column = column,
				 .height = height, .left = left, .right = right };
	return n;
}

static struct expr_node *parse_level(struct parser *ps, unsigned level);

static struct expr_node *parse_number(struct parser *ps)
{
	unsigned column = here(ps);
	struct expr_node *n;
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(ps->p, &end, 0);
	if (errno == ERANGE || isalnum((unsigned char)*end) || *end == '_' || *end == '.') {
		while (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
			end++;
		err_set(ps->e, -EINVAL, "column %u: '%.*s' is no number%s", column,
			(int)(end - ps->p), ps->p, errno == ERANGE ? " of 64 bits" : "");
		return NULL;
	}
	n = node_new(ps, EXPR_NUMBER, column, NULL, NULL);
	if (n) {
		n->number = v;
		ps->p = end;
	}
	return n;
}

static struct expr_node *parse_string(struct parser *ps)
{
	unsigned column = here(ps);
	char quote = *ps->p++;
	const char *end = strchr(ps->p, quote);
	struct expr_node *n;

	if (!end) {
		err_set(ps->e, -EINVAL, "column %u: the string has no closing %c", column, quote);
		return NULL;
	}
	n = node_new(ps, quote == '\'' && end - ps->p == 1 ? EXPR_CHAR : EXPR_STRING, column, NULL,
		     NULL);
	if (!n)
		return NULL;
	n->number = (unsigned char)*ps->p;
	n->string = strndup(ps->p, end - ps->p);
	if (!n->string) {
		err_set(ps->e, -ENOMEM, "out of memory");
		return NULL;
	}
	ps->p = end + 1;
	return n;
}

/* The number of a field's name, added if it is new; -ENOMEM. */
static int field_number(struct expr *x, const char *name, size_t len)
{
	char *copy;

	for (size_t i = 0; i < x->fields.nr; i++)
		if (strlen(x->fields.v[i]) == len && !memcmp(x->fields.v[i], name, len))
			return i;
	copy = strndup(name, len);
	if (!copy || vec_push(&x->fields, copy)) {
		free(copy);
		return -ENOMEM;
	}
	return x->fields.nr - 1;
}

static struct expr_node *parse_field(struct parser *ps)
{
	struct expr_node *n = node_new(ps, EXPR_FIELD, here(ps), NULL, NULL);
	const char *end = ps->p;
	int nr;

	if (!n)
		return NULL;
	while (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
		end++;
	nr = field_number(ps->x, ps->p, end - ps->p);
	if (nr < 0) {
		err_set(ps->e, -ENOMEM, "out of memory");
		return NULL;
	}
	n->field = nr;
	ps->p = end;
	return n;
}

static struct expr_node *parse_unary(struct parser *ps)
{
	enum expr_op op = *ps->p == '!' ? EXPR_NOT : *ps->p == '~' ? EXPR_INVERT : EXPR_NEGATE;
	unsigned column = here(ps);
	struct expr_node *operand;

	ps->p++;
	/* trace-cmd's ! takes the whole comparison behind it */
	operand = parse_level(ps, op == EXPR_NOT ? expr_ops[EXPR_EQ].level : EXPR_LEVEL_UNARY);
	return operand ? node_new(ps, op, column, operand, NULL) : NULL;
}

static struct expr_node *parse_parentheses(struct parser *ps)
{
	unsigned column = here(ps);
	struct expr_node *n;

	ps->p++;
	n = parse_level(ps, EXPR_LEVEL_LOWEST);
	if (!n)
		return NULL;
	skip_blanks(ps);
	if (*ps->p != ')') {
		err_set(ps->e, -EINVAL, "column %u: the parenthesis of column %u is not closed",
			here(ps), column);
		return NULL;
	}
	ps->p++;
	return n;
}

static struct expr_node *parse_value(struct parser *ps)
{
	struct expr_node *n = NULL;
	char c;

	skip_blanks(ps);
	if (ps->depth >= DEPTH_MAX) {
		err_set(ps->e, -EINVAL, "column %u: more than %u levels deep", here(ps), DEPTH_MAX);
		return NULL;
	}
	ps->depth++;
	c = *ps->p;
	if (c == '(')
		n = parse_parentheses(ps);
	else if (c == '!' || c == '~' || c == '-')
		n = parse_unary(ps);
	else if (isdigit((unsigned char)c))
		n = parse_number(ps);
	else if (c == '"' || c == '\'')
		n = parse_string(ps);
	else if (isalpha((unsigned char)c) || c == '_')
		n = parse_field(ps);
	else if (!c)
		err_set(ps->e, -EINVAL, "column %u: the expression ends where a value should be",
			here(ps));
	else
		err_set(ps->e, -EINVAL, "column %u: there should be a value in front of '%.8s'",
			here(ps), ps->p);
	ps->depth--;
	return n;
}

/* The binary operator at @p; EXPR_NUMBER if there is none. */
static enum expr_op peek_op(const char *p)
{
	enum expr_op found = EXPR_NUMBER;
	size_t best = 0;

	for (enum expr_op op = EXPR_OR; op < EXPR_OP_COUNT; op++) {
		size_t len = strlen(expr_ops[op].text);

		if (len > best && !strncmp(p, expr_ops[op].text, len)) {
			best = len;
			found = op;
		}
	}
	return found;
}

static int compile_regex(struct parser *ps, struct expr_node *n)
{
	int r;

	if (n->right->op != EXPR_STRING && n->right->op != EXPR_CHAR)
		return err_set(ps->e, -EINVAL, "column %u: %s needs a string in quotes",
			       n->right->column, expr_ops[n->op].text);
	n->regex = calloc(1, sizeof(*n->regex));
	if (!n->regex)
		return err_set(ps->e, -ENOMEM, "out of memory");
	r = regex_compile(n->regex, n->right->string, REG_ICASE | REG_NOSUB, ps->e);
	if (r < 0) {
		free(n->regex);
		n->regex = NULL;
		return err_wrap(ps->e, "column %u", n->right->column);
	}
	return 0;
}

static struct expr_node *parse_binary(struct parser *ps, struct expr_node *left, enum expr_op op)
{
	unsigned column = here(ps);
	struct expr_node *n, *right;

	ps->p += strlen(expr_ops[op].text);
	right = parse_level(ps, expr_ops[op].level + 1);
	n = right ? node_new(ps, op, column, left, right) : NULL;
	if (n && (op == EXPR_MATCH || op == EXPR_NO_MATCH) && compile_regex(ps, n) < 0)
		return NULL;
	return n;
}

/* Everything that binds at least as tight as @level. */
static struct expr_node *parse_level(struct parser *ps, unsigned level)
{
	struct expr_node *n = parse_value(ps);

	while (n) {
		enum expr_op op;

		skip_blanks(ps);
		op = peek_op(ps->p);
		if (op == EXPR_NUMBER || expr_ops[op].level < level)
			break;
		n = parse_binary(ps, n, op);
	}
	return n;
}

int expr_parse(const char *text, unsigned column, struct expr *ret, struct err *e)
{
	struct err why = { 0 };
	struct expr x = { 0 };
	struct parser ps = { .text = text, .p = text, .column = column, .x = &x, .e = &why };

	x.root = parse_level(&ps, EXPR_LEVEL_LOWEST);
	skip_blanks(&ps);
	if (x.root && *ps.p)
		err_set(&why, -EINVAL, "column %u: there should be an operator in front of '%.16s'%s",
			here(&ps), ps.p, *ps.p == '~' ? " ('~' is the kernel's; here =~ compares "
			"with a regular expression)" : "");
	if (why.code) {
		expr_release(&x);
		return err_set(e, why.code, "%s", why.text);
	}
	*ret = x;
	return 0;
}

static void node_free(struct expr_node *n)
{
	if (n->regex) {
		regfree(n->regex);
		free(n->regex);
	}
	free(n->string);
	free(n);
}

void expr_release(struct expr *x)
{
	for (size_t i = 0; i < x->nodes.nr; i++)
		node_free(x->nodes.v[i]);
	for (size_t i = 0; i < x->fields.nr; i++)
		free(x->fields.v[i]);
	vec_release(&x->nodes);
	vec_release(&x->fields);
	x->root = NULL;
}
