// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "event/expr.h"

#define NODES_MAX 20000
#define DEPTH_MAX 200

struct op_info { const char *text; unsigned char level; };

/* Levels as in C: a higher one binds tighter. */
#define LEVEL_LOWEST 1
#define LEVEL_UNARY 11
#define LEVEL_VALUE 12
static const struct op_info ops[EXPR_OP_COUNT] = {
	[EXPR_NUMBER] = { "", LEVEL_VALUE }, [EXPR_STRING] = { "", LEVEL_VALUE },
	[EXPR_CHAR] = { "", LEVEL_VALUE }, [EXPR_FIELD] = { "", LEVEL_VALUE },
	[EXPR_NOT] = { "!", LEVEL_UNARY }, [EXPR_INVERT] = { "~", LEVEL_UNARY },
	[EXPR_NEGATE] = { "-", LEVEL_UNARY },
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

static void node_free(struct expr_node *n)
{
	/* long chains lean to the left */
	while (n) {
		struct expr_node *left = n->left;

		node_free(n->right);
		if (n->regex) {
			regfree(n->regex);
			free(n->regex);
		}
		free(n->string);
		free(n);
		n = left;
	}
}

static struct expr_node *node_new(struct parser *ps, enum expr_op op, unsigned column)
{
	struct expr_node *n;

	if (++ps->x->nr_nodes > NODES_MAX) {
		err_set(ps->e, -EINVAL, "column %u: the expression is too long", column);
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		err_set(ps->e, -ENOMEM, "out of memory");
		return NULL;
	}
	n->op = op;
	n->column = column;
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
	n = node_new(ps, EXPR_NUMBER, column);
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
	n = node_new(ps, quote == '\'' && end - ps->p == 1 ? EXPR_CHAR : EXPR_STRING, column);
	if (!n)
		return NULL;
	n->number = (unsigned char)*ps->p;
	n->string = strndup(ps->p, end - ps->p);
	if (!n->string) {
		node_free(n);
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
	struct expr_node *n = node_new(ps, EXPR_FIELD, here(ps));
	const char *end = ps->p;
	int nr;

	if (!n)
		return NULL;
	while (isalnum((unsigned char)*end) || *end == '_' || *end == '.')
		end++;
	nr = field_number(ps->x, ps->p, end - ps->p);
	if (nr < 0) {
		node_free(n);
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
	struct expr_node *n, *operand;
	unsigned column = here(ps);

	ps->p++;
	/* trace-cmd's ! takes the whole comparison behind it */
	operand = parse_level(ps, op == EXPR_NOT ? ops[EXPR_EQ].level : LEVEL_UNARY);
	if (!operand)
		return NULL;
	n = node_new(ps, op, column);
	if (!n)
		node_free(operand);
	else
		n->left = operand;
	return n;
}

static struct expr_node *parse_parentheses(struct parser *ps)
{
	unsigned column = here(ps);
	struct expr_node *n;

	ps->p++;
	n = parse_level(ps, LEVEL_LOWEST);
	if (!n)
		return NULL;
	skip_blanks(ps);
	if (*ps->p != ')') {
		err_set(ps->e, -EINVAL, "column %u: the parenthesis of column %u is not closed",
			here(ps), column);
		node_free(n);
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
		size_t len = strlen(ops[op].text);

		if (len > best && !strncmp(p, ops[op].text, len)) {
			best = len;
			found = op;
		}
	}
	return found;
}

static int compile_regex(struct parser *ps, struct expr_node *n)
{
	char why[128];
	int r;

	if (n->right->op != EXPR_STRING && n->right->op != EXPR_CHAR)
		return err_set(ps->e, -EINVAL, "column %u: %s needs a string in quotes",
			       n->right->column, ops[n->op].text);
	n->regex = calloc(1, sizeof(*n->regex));
	if (!n->regex)
		return err_set(ps->e, -ENOMEM, "out of memory");
	r = regcomp(n->regex, n->right->string, REG_ICASE | REG_NOSUB);
	if (r) {
		regerror(r, n->regex, why, sizeof(why));
		free(n->regex);
		n->regex = NULL;
		return err_set(ps->e, -EINVAL, "column %u: '%s' is no regular expression: %s",
			       n->right->column, n->right->string, why);
	}
	return 0;
}

static struct expr_node *parse_binary(struct parser *ps, struct expr_node *left, enum expr_op op)
{
	unsigned column = here(ps);
	struct expr_node *n, *right;

	ps->p += strlen(ops[op].text);
	right = parse_level(ps, ops[op].level + 1);
	n = right ? node_new(ps, op, column) : NULL;
	if (!n) {
		node_free(left);
		node_free(right);
		return NULL;
	}
	n->left = left;
	n->right = right;
	if ((op == EXPR_MATCH || op == EXPR_NO_MATCH) && compile_regex(ps, n) < 0) {
		node_free(n);
		return NULL;
	}
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
		if (op == EXPR_NUMBER || ops[op].level < level)
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

	x.root = parse_level(&ps, LEVEL_LOWEST);
	skip_blanks(&ps);
	if (x.root && *ps.p)
		err_set(&why, -EINVAL, "column %u: there should be an operator in front of '%.16s'",
			here(&ps), ps.p);
	if (why.code) {
		expr_release(&x);
		return err_set(e, why.code, "%s", why.text);
	}
	*ret = x;
	return 0;
}

void expr_release(struct expr *x)
{
	node_free(x->root);
	x->root = NULL;
	for (size_t i = 0; i < x->fields.nr; i++)
		free(x->fields.v[i]);
	vec_release(&x->fields);
}

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
		return check_number(c, n->left, ops[n->op].text);
	case EXPR_MATCH:
	case EXPR_NO_MATCH:
		return check_node(c, n->left, &ignored);
	case EXPR_EQ ... EXPR_NE:
	case EXPR_LT ... EXPR_GE:
		return check_comparison(c, n);
	default:
		r = check_number(c, n->left, ops[n->op].text);
		return r < 0 ? r : check_number(c, n->right, ops[n->op].text);
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
	unsigned own = ops[n->op].level;
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
		buf_puts(out, ops[n->op].text);
		print_node(x, n->left, LEVEL_VALUE, out);
		break;
	default:
		print_node(x, n->left, own, out);
		buf_printf(out, " %s ", ops[n->op].text);
		print_node(x, n->right, own + 1, out);
	}
	if (parentheses)
		buf_puts(out, ")");
}

void expr_print(const struct expr *x, struct buf *out)
{
	if (x->root)
		print_node(x, x->root, LEVEL_LOWEST, out);
}
