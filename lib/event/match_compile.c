// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "event/match_prog.h"

/* What is known of a node's value for one event. */
struct known {
	enum expr_kind kind;
	bool is_unsigned;		/* NUMBER: 64 bits without a sign */
	bool constant;			/* NUMBER */
	uint64_t number;
};

struct compiler {
	VEC(struct match_op) ops;
	VEC(uint32_t) labels;		/* where they are, by number */
	bool failed;			/* no memory */
	unsigned nr_regs;
	/* of the rule at hand */
	const struct expr *x;
	const struct match_place *places;
	struct known *known;		/* by node */
};

/* ---- fields ------------------------------------------------------------------------- */

struct match_place match_place(const struct tep_format_field *f)
{
	struct match_place p = { .kind = MATCH_MISSING };
	bool string = f && f->flags & TEP_FIELD_IS_STRING;

	if (!f || f->offset < 0 || f->size < 0)
		return p;
	p.offset = f->offset;
	p.size = f->size;
	p.is_signed = f->flags & TEP_FIELD_IS_SIGNED;
	p.relative = f->flags & TEP_FIELD_IS_RELATIVE;
	if (f->flags & TEP_FIELD_IS_DYNAMIC)
		p.kind = p.size != 4 ? MATCH_MISSING : string ? MATCH_DYNAMIC : MATCH_LOCATION;
	else if (string)
		p.kind = !p.size && f->flags & TEP_FIELD_IS_ARRAY ? MATCH_REST : MATCH_STRING;
	else if (p.size == 1 || p.size == 2 || p.size == 4 || p.size == 8)
		p.kind = MATCH_NUMBER;
	return p;
}

/* ---- what is known beforehand --------------------------------------------------------- */

static struct known *known_of(const struct compiler *c, const struct expr_node *n)
{
	return &c->known[n->nr];
}

static struct known a_number(uint64_t v, bool is_unsigned)
{
	return (struct known){ .kind = EXPR_IS_NUMBER, .constant = true, .number = v,
			       .is_unsigned = is_unsigned };
}

static struct known known_field(const struct match_place *p)
{
	struct known k = { .kind = EXPR_IS_NUMBER };

	switch (p->kind) {
	case MATCH_MISSING:
		k.kind = EXPR_IS_MISSING;
		break;
	case MATCH_NUMBER:
		k.is_unsigned = p->size == 8 && !p->is_signed;
		break;
	case MATCH_LOCATION:
	case MATCH_CPU:
		break;
	default:
		k.kind = EXPR_IS_STRING;
	}
	return k;
}

enum truth { IS_FALSE, IS_TRUE, IS_OPEN };

static enum truth truth_of(const struct compiler *c, const struct expr_node *n)
{
	const struct known *k = known_of(c, n);

	if (k->kind == EXPR_IS_MISSING)
		return IS_FALSE;
	if (k->kind == EXPR_IS_STRING)
		return n->op != EXPR_STRING ? IS_OPEN : *n->string ? IS_TRUE : IS_FALSE;
	return !k->constant ? IS_OPEN : k->number ? IS_TRUE : IS_FALSE;
}

static struct known known_truth(enum truth t)
{
	struct known k = { .kind = EXPR_IS_NUMBER };

	return t == IS_OPEN ? k : a_number(t == IS_TRUE, false);
}

static enum truth known_logic(const struct compiler *c, const struct expr_node *n)
{
	enum truth left = truth_of(c, n->left), right = truth_of(c, n->right);
	enum truth decides = n->op == EXPR_OR ? IS_TRUE : IS_FALSE;

	if (left == decides || right == decides)
		return decides;
	return left == IS_OPEN || right == IS_OPEN ? IS_OPEN : left;
}

static enum match_code arithmetic_code(const struct expr_node *n, const struct known *left,
				       const struct known *right)
{
	bool uns = left->is_unsigned || right->is_unsigned;

	switch (n->op) {
	case EXPR_BIT_OR:
		return OP_BIT_OR;
	case EXPR_BIT_XOR:
		return OP_BIT_XOR;
	case EXPR_BIT_AND:
		return OP_BIT_AND;
	case EXPR_SHIFT_LEFT:
		return OP_SHIFT_LEFT;
	case EXPR_SHIFT_RIGHT:
		return left->is_unsigned ? OP_SHIFT_RIGHT : OP_SHIFT_RIGHT_SIGNED;
	case EXPR_ADD:
		return OP_ADD;
	case EXPR_SUB:
		return OP_SUB;
	case EXPR_MUL:
		return OP_MUL;
	case EXPR_DIV:
		return uns ? OP_DIV : OP_DIV_SIGNED;
	default:
		return uns ? OP_MOD : OP_MOD_SIGNED;
	}
}

static struct known known_arithmetic(const struct compiler *c, const struct expr_node *n)
{
	const struct known *a = known_of(c, n->left), *b = known_of(c, n->right);
	struct known k = { .kind = EXPR_IS_NUMBER };

	if (a->kind != EXPR_IS_NUMBER || b->kind != EXPR_IS_NUMBER)
		return (struct known){ .kind = EXPR_IS_MISSING };
	k.is_unsigned = a->is_unsigned ||
			(b->is_unsigned && n->op != EXPR_SHIFT_LEFT && n->op != EXPR_SHIFT_RIGHT);
	k.constant = a->constant && b->constant;
	if (k.constant && !match_arithmetic(arithmetic_code(n, a, b), a->number, b->number, &k.number))
		k.kind = EXPR_IS_MISSING;
	return k;
}

static struct known known_unary(const struct compiler *c, const struct expr_node *n)
{
	struct known k = *known_of(c, n->left);

	if (k.kind != EXPR_IS_NUMBER)
		return (struct known){ .kind = EXPR_IS_MISSING };
	k.number = n->op == EXPR_INVERT ? ~k.number : -k.number;
	k.is_unsigned = k.is_unsigned && n->op == EXPR_INVERT;
	return k;
}

static enum match_relation relation(const struct expr_node *n, const struct known *a,
				    const struct known *b)
{
	static const enum match_relation plain[] = {
		[EXPR_EQ] = IS_EQ, [EXPR_NE] = IS_NE, [EXPR_LT] = IS_LT, [EXPR_GT] = IS_GT,
		[EXPR_LE] = IS_LE, [EXPR_GE] = IS_GE,
	};
	enum match_relation r = plain[n->op];

	if (r <= IS_NE)			/* -1 is 0xffffffffffffffff, too */
		return r;
	return r + (a->is_unsigned && b->is_unsigned ? IS_ULT - IS_LT :
		    a->is_unsigned || b->is_unsigned ? IS_MIXED_LT - IS_LT : 0);
}

static enum truth known_comparison(const struct compiler *c, const struct expr_node *n)
{
	const struct known *a = known_of(c, n->left), *b = known_of(c, n->right);

	if (a->kind == EXPR_IS_MISSING || b->kind == EXPR_IS_MISSING)
		return IS_FALSE;
	if (a->kind == EXPR_IS_STRING || b->kind == EXPR_IS_STRING || !a->constant || !b->constant)
		return IS_OPEN;
	return match_related(relation(n, a, b), a->is_unsigned, a->number, b->number);
}

static struct known find_out(const struct compiler *c, const struct expr_node *n)
{
	enum truth t;

	switch (n->op) {
	case EXPR_NUMBER:
	case EXPR_CHAR:
		return a_number(n->number, n->number > INT64_MAX);
	case EXPR_STRING:
		return (struct known){ .kind = EXPR_IS_STRING };
	case EXPR_FIELD:
		return known_field(&c->places[n->field]);
	case EXPR_NOT:
		t = truth_of(c, n->left);
		return known_truth(t == IS_OPEN ? t : t == IS_TRUE ? IS_FALSE : IS_TRUE);
	case EXPR_INVERT:
	case EXPR_NEGATE:
		return known_unary(c, n);
	case EXPR_OR:
	case EXPR_AND:
		return known_truth(known_logic(c, n));
	case EXPR_MATCH:
	case EXPR_NO_MATCH:
		return known_truth(known_of(c, n->left)->kind == EXPR_IS_MISSING ? IS_FALSE : IS_OPEN);
	case EXPR_EQ ... EXPR_NE:
	case EXPR_LT ... EXPR_GE:
		return known_truth(known_comparison(c, n));
	default:
		return known_arithmetic(c, n);
	}
}

/* ---- operations -------------------------------------------------------------------------- */

static void emit(struct compiler *c, struct match_op op)
{
	if (vec_push(&c->ops, op))
		c->failed = true;
}

static uint32_t new_label(struct compiler *c)
{
	if (vec_push(&c->labels, 0)) {
		c->failed = true;
		return 0;
	}
	return c->labels.nr - 1;
}

/* A label is here: what is emitted next. */
static void put_label(struct compiler *c, uint32_t label)
{
	if (!c->failed)
		c->labels.v[label] = c->ops.nr;
}

static void emit_jump(struct compiler *c, uint32_t to)
{
	emit(c, (struct match_op){ .code = OP_JUMP, .yes = to });
}

/* An operation on a field's bytes. */
static struct match_op field_op(enum match_code code, const struct match_place *p, uint32_t no)
{
	return (struct match_op){
		.code = code, .size = p->size, .is_signed = p->is_signed, .relative = p->relative,
		.offset = p->offset, .end = p->offset + p->size, .no = no,
	};
}

/* ---- expressions -------------------------------------------------------------------------- */

static void compile_condition(struct compiler *c, const struct expr_node *n, unsigned reg,
			      uint32_t yes, uint32_t no);

static void compile_field(struct compiler *c, const struct match_place *p, unsigned reg, uint32_t missing)
{
	struct match_op op;

	if (p->kind == MATCH_CPU) {
		emit(c, (struct match_op){ .code = OP_CPU, .a = reg });
		return;
	}
	op = field_op(p->kind == MATCH_LOCATION ? OP_LOCATION : OP_FIELD, p, missing);
	op.a = reg;
	emit(c, op);
}

/* A condition as a number: 1 or 0. */
static void compile_truth(struct compiler *c, const struct expr_node *n, unsigned reg)
{
	uint32_t yes = new_label(c), no = new_label(c), end = new_label(c);

	compile_condition(c, n, reg, yes, no);
	put_label(c, yes);
	emit(c, (struct match_op){ .code = OP_NUMBER, .a = reg, .number = 1 });
	emit_jump(c, end);
	put_label(c, no);
	emit(c, (struct match_op){ .code = OP_NUMBER, .a = reg, .number = 0 });
	put_label(c, end);
}

/* A number into a register; those above it are free. */
static void compile_number(struct compiler *c, const struct expr_node *n, unsigned reg,
			   uint32_t missing)
{
	const struct known *k = known_of(c, n), *right;
	struct match_op op = { .code = OP_NUMBER, .a = reg, .b = reg + 1, .no = missing };

	if (reg >= c->nr_regs)
		c->nr_regs = reg + 1;
	if (k->constant) {
		op.number = k->number;
		emit(c, op);
		return;
	}
	switch (n->op) {
	case EXPR_FIELD:
		compile_field(c, &c->places[n->field], reg, missing);
		return;
	case EXPR_INVERT:
	case EXPR_NEGATE:
		compile_number(c, n->left, reg, missing);
		op.code = n->op == EXPR_INVERT ? OP_INVERT : OP_NEGATE;
		emit(c, op);
		return;
	case EXPR_NOT:
	case EXPR_OR ... EXPR_AND:
	case EXPR_EQ ... EXPR_GE:
		compile_truth(c, n, reg);
		return;
	default:
		break;
	}
	right = known_of(c, n->right);
	compile_number(c, n->left, reg, missing);
	op.code = arithmetic_code(n, known_of(c, n->left), right);
	op.by_number = right->constant;
	if (right->constant)
		op.number = right->number;
	else
		compile_number(c, n->right, reg + 1, missing);
	emit(c, op);
}

/* What is a string into a slot; a number is in the register already. */
static void compile_string(struct compiler *c, const struct expr_node *n, unsigned reg,
			   unsigned slot, uint32_t missing)
{
	struct match_op op = { .code = OP_TEXT, .slot = slot };
	const struct match_place *p;

	if (n->op == EXPR_STRING || n->op == EXPR_CHAR) {
		op.text = n->string;
		op.len = strlen(n->string);
	} else if (known_of(c, n)->kind == EXPR_IS_NUMBER) {
		op.code = OP_WORD;
		op.a = reg;
	} else {
		p = &c->places[n->field];
		op = field_op(p->kind == MATCH_COMM ? OP_COMM : p->kind == MATCH_REST ? OP_REST :
			      p->kind == MATCH_DYNAMIC ? OP_DYNAMIC : OP_STRING, p, missing);
		op.slot = slot;
	}
	emit(c, op);
}

static bool is_word(const struct compiler *c, const struct expr_node *n)
{
	return known_of(c, n)->kind == EXPR_IS_NUMBER && n->op != EXPR_CHAR;
}

static void compile_strings(struct compiler *c, const struct expr_node *n, unsigned reg,
			    uint32_t yes, uint32_t no)
{
	const struct expr_node *sides[2] = { n->left, n->right };
	const struct known none = { 0 };

	/* to compute a number may take strings, so it comes first */
	for (unsigned i = 0; i < 2; i++)
		if (is_word(c, sides[i]))
			compile_number(c, sides[i], reg, no);
	for (unsigned i = 0; i < 2; i++)
		compile_string(c, sides[i], reg, i, no);
	emit(c, (struct match_op){ .code = OP_STRINGS, .relation = relation(n, &none, &none),
				   .yes = yes, .no = no });
}

/* The relation with its sides changed over. */
static enum match_relation mirrored(enum match_relation r)
{
	if (r <= IS_NE)
		return r;
	/* each four: less, greater, less or equal, greater or equal */
	return ((r - IS_LT) ^ 1) + IS_LT;
}

static bool is_plain_field(const struct compiler *c, const struct expr_node *n)
{
	return n->op == EXPR_FIELD && c->places[n->field].kind == MATCH_NUMBER;
}

static void compile_comparison(struct compiler *c, const struct expr_node *n, unsigned reg,
			       uint32_t yes, uint32_t no)
{
	const struct known *a = known_of(c, n->left), *b = known_of(c, n->right);
	struct match_op op = { .code = OP_NUMBERS, .a = reg, .b = reg + 1 };

	if (a->kind == EXPR_IS_STRING || b->kind == EXPR_IS_STRING) {
		compile_strings(c, n, reg, yes, no);
		return;
	}
	if (is_plain_field(c, n->left) && b->constant) {
		op = field_op(OP_FIELD_IS, &c->places[n->left->field], no);
		op.number = b->number;
	} else if (is_plain_field(c, n->right) && a->constant) {
		op = field_op(OP_FIELD_IS, &c->places[n->right->field], no);
		op.number = a->number;
		op.relation = mirrored(relation(n, a, b));
		op.left_unsigned = b->is_unsigned;
		op.yes = yes;
		emit(c, op);
		return;
	} else {
		compile_number(c, n->left, reg, no);
		op.by_number = b->constant;
		if (b->constant)
			op.number = b->number;
		else
			compile_number(c, n->right, reg + 1, no);
	}
	op.relation = relation(n, a, b);
	op.left_unsigned = a->is_unsigned;
	op.yes = yes;
	op.no = no;
	emit(c, op);
}

/* Letters, digits and what else no regular expression gives a meaning. */
static bool is_literal(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("_-/:,;=@#%&!~<> ", c));
}

/*
 * Most expressions are a few characters somewhere in the string, at its start
 * or at its end; regexec() takes a lock for these too. False for any other.
 */
static bool compile_literal(const struct expr_node *text, struct match_op *ret)
{
	char *p = text->string;
	size_t len = 0;

	ret->code = OP_LITERAL;
	ret->at_start = *p == '^';
	p += ret->at_start;
	while (is_literal(p[len]))
		len++;
	if (p[len] == '*')
		return false;
	ret->at_end = p[len] == '$';
	if (p[len + ret->at_end] && strcmp(p + len, ".*"))
		return false;
	ret->text = p;
	ret->len = len;
	return true;
}

static void compile_match(struct compiler *c, const struct expr_node *n, unsigned reg, uint32_t yes,
			  uint32_t no)
{
	bool right = n->op == EXPR_MATCH;
	struct match_op op = { 0 };

	if (!compile_literal(n->right, &op)) {
		op.code = OP_REGEX;
		op.regex = n->regex;
	}
	if (known_of(c, n->left)->kind == EXPR_IS_NUMBER) {
		compile_number(c, n->left, reg, no);
		emit(c, (struct match_op){ .code = OP_WORD, .a = reg });
	} else {
		compile_string(c, n->left, reg, 0, no);
	}
	op.yes = right ? yes : no;
	op.no = right ? no : yes;
	emit(c, op);
}

/*
 * A chain of || or of &&, from left to right; it may be long, and leans to the
 * left. What is known is left out, it does not decide.
 */
static void compile_logic(struct compiler *c, const struct expr_node *n, unsigned reg, uint32_t yes,
			  uint32_t no)
{
	VEC(const struct expr_node *) chain = { 0 };
	enum expr_op op = n->op;

	for (;; n = n->left) {
		const struct expr_node *part = n->op == op ? n->right : n;

		if (truth_of(c, part) == IS_OPEN && vec_push(&chain, part))
			c->failed = true;
		if (part == n)
			break;
	}
	while (chain.nr > 1) {
		uint32_t next = new_label(c);

		compile_condition(c, chain.v[--chain.nr], reg, op == EXPR_OR ? yes : next,
				  op == EXPR_OR ? next : no);
		put_label(c, next);
	}
	if (chain.nr)
		compile_condition(c, chain.v[0], reg, yes, no);
	vec_release(&chain);
}

static void compile_condition(struct compiler *c, const struct expr_node *n, unsigned reg,
			      uint32_t yes, uint32_t no)
{
	enum truth t = truth_of(c, n);

	if (t != IS_OPEN) {
		emit_jump(c, t == IS_TRUE ? yes : no);
		return;
	}
	switch (n->op) {
	case EXPR_NOT:
		compile_condition(c, n->left, reg, no, yes);
		return;
	case EXPR_OR:
	case EXPR_AND:
		compile_logic(c, n, reg, yes, no);
		return;
	case EXPR_MATCH:
	case EXPR_NO_MATCH:
		compile_match(c, n, reg, yes, no);
		return;
	case EXPR_EQ ... EXPR_NE:
	case EXPR_LT ... EXPR_GE:
		compile_comparison(c, n, reg, yes, no);
		return;
	default:
		break;
	}
	if (known_of(c, n)->kind == EXPR_IS_STRING) {
		compile_string(c, n, reg, 0, no);
		emit(c, (struct match_op){ .code = OP_TRUE_STRING, .yes = yes, .no = no });
	} else {
		compile_number(c, n, reg, no);
		emit(c, (struct match_op){ .code = OP_TRUE_NUMBER, .a = reg, .yes = yes, .no = no });
	}
}

/* ---- rules ------------------------------------------------------------------------------------ */

static void compile_set(struct compiler *c, const struct match_rule *rule, uint32_t yes, uint32_t no)
{
	for (size_t i = 0; i < rule->nr_places; i++) {
		uint32_t next = new_label(c);
		struct match_op op = field_op(OP_FIELD_IN, &rule->places[i], next);

		op.yes = yes;
		op.set = rule->set;
		if (rule->places[i].kind == MATCH_NUMBER)
			emit(c, op);
		put_label(c, next);
	}
	emit_jump(c, no);
}

static void compile_rule(struct compiler *c, const struct match_rule *rule, uint32_t yes, uint32_t no)
{
	if (rule->set) {
		compile_set(c, rule, yes, no);
		return;
	}
	if (!rule->expr->root) {
		emit_jump(c, yes);
		return;
	}
	c->x = rule->expr;
	c->places = rule->places;
	c->known = calloc(c->x->nodes.nr, sizeof(*c->known));
	if (!c->known) {
		c->failed = true;
		return;
	}
	/* a node stands behind those it is made of */
	for (size_t i = 0; i < c->x->nodes.nr; i++)
		c->known[i] = find_out(c, c->x->nodes.v[i]);
	compile_condition(c, c->x->root, 0, yes, no);
	free(c->known);
	c->known = NULL;
}

static void compile_rules(struct compiler *c, const struct match_rule *rules, size_t nr, bool otherwise)
{
	uint32_t accept = new_label(c), reject = new_label(c);

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < nr; i++) {
			uint32_t next;

			if (rules[i].exclude == pass)
				continue;
			next = new_label(c);
			compile_rule(c, &rules[i], pass ? accept : reject, next);
			put_label(c, next);
		}
	emit_jump(c, otherwise ? accept : reject);
	put_label(c, accept);
	emit(c, (struct match_op){ .code = OP_RETURN, .number = true });
	put_label(c, reject);
	emit(c, (struct match_op){ .code = OP_RETURN, .number = false });
}

/* The operation of a label, past jumps: these go forward only. */
static uint32_t target(const struct compiler *c, uint32_t label)
{
	uint32_t at = c->labels.v[label];

	while (c->ops.v[at].code == OP_JUMP)
		at = c->labels.v[c->ops.v[at].yes];
	return at;
}

static int finish(struct compiler *c, bool big_endian, struct match_prog **ret)
{
	const struct match_op *first = c->ops.v;
	struct match_prog *p;

	if (first->code == OP_JUMP)
		first = &c->ops.v[target(c, first->yes)];
	if (first->code == OP_RETURN)
		return first->number ? MATCH_ALWAYS : MATCH_NEVER;
	p = malloc(sizeof(*p) + c->ops.nr * sizeof(*p->ops));
	if (!p)
		return -ENOMEM;
	*p = (struct match_prog){ .nr_regs = c->nr_regs + 1, .big_endian = big_endian, .nr = c->ops.nr };
	for (size_t i = 0; i < c->ops.nr; i++) {
		p->ops[i] = c->ops.v[i];
		if (p->ops[i].code == OP_RETURN)
			continue;
		p->ops[i].yes = target(c, c->ops.v[i].yes);
		p->ops[i].no = target(c, c->ops.v[i].no);
	}
	*ret = p;
	return MATCH_RUN;
}

int match_compile(const struct match_rule *rules, size_t nr, bool otherwise, bool big_endian,
		  struct match_prog **ret)
{
	struct compiler c = { 0 };
	int r = -ENOMEM;

	compile_rules(&c, rules, nr, otherwise);
	if (!c.failed)
		r = finish(&c, big_endian, ret);
	vec_release(&c.ops);
	vec_release(&c.labels);
	return r;
}

void match_free(struct match_prog *p)
{
	free(p);
}
