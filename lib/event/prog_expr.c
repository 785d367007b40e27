// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Numbers of print programs. libtraceevent's arithmetic has 64 bits and no
 * signs: a field of 4 bytes with -1 is 4294967295, and so is (int) of it. A
 * cast to one of a few names cuts bits off, all others mean nothing. Shifts
 * count modulo 64, as the processor has it. '^' it can only fold.
 */
#include <ctype.h>
#include <stdlib.h>

#include "event/fields.h"
#include "event/prog_build.h"

/* ---- the tree, with constants folded ---------------------------------------------- */

enum node_kind { NODE_CONST, NODE_LOAD, NODE_UNARY, NODE_BINARY, NODE_IF, NODE_ELEMENT,
		 NODE_DYNAMIC_ELEMENT };
struct prog_node {
	enum node_kind kind;
	uint8_t op;			/* an instruction's code */
	uint8_t bits;			/* no bit from this one on is set */
	uint8_t how;			/* of what is loaded */
	uint8_t size;
	bool relative;
	uint64_t n;			/* constant, offset */
	uint32_t a, b, c;		/* nodes */
};

static uint32_t add_node(struct prog_build *b, struct prog_node n)
{
	if (vec_push(&b->nodes, n)) {
		b->failed = true;
		return 0;
	}
	return b->nodes.nr - 1;
}

static unsigned bits_of(uint64_t v)
{
	return v ? 64 - __builtin_clzll(v) : 0;
}

static uint32_t constant(struct prog_build *b, uint64_t v)
{
	return add_node(b, (struct prog_node){ .kind = NODE_CONST, .n = v, .bits = bits_of(v) });
}

static bool is_const(const struct prog_build *b, uint32_t node, uint64_t *ret)
{
	const struct prog_node *n = &b->nodes.v[node];

	*ret = n->n;
	return n->kind == NODE_CONST;
}

static uint64_t compute(unsigned op, uint64_t a, uint64_t b)
{
	switch (op) {
	case INSN_ADD: return a + b;
	case INSN_SUB: return a - b;
	case INSN_MUL: return a * b;
	case INSN_DIV: return b ? a / b : 0;
	case INSN_MOD: return b ? a % b : 0;
	case INSN_AND: return a & b;
	case INSN_OR: return a | b;
	case INSN_SHL: return a << (b & 63);
	case INSN_SHR: return a >> (b & 63);
	case INSN_LT: return a < b;
	case INSN_LE: return a <= b;
	case INSN_GT: return a > b;
	case INSN_GE: return a >= b;
	case INSN_EQ: return a == b;
	case INSN_NE: return a != b;
	case INSN_LOGICAL_AND: return a && b;
	case INSN_LOGICAL_OR: return a || b;
	}
	return 0;
}

static unsigned bits_after(unsigned op, unsigned a, unsigned b, bool known, uint64_t v)
{
	switch (op) {
	case INSN_AND:
		return a < b ? a : b;
	case INSN_OR:
		return a > b ? a : b;
	case INSN_SHR:
		return !known ? a : a > (v & 63) ? a - (v & 63) : 0;
	case INSN_DIV:
	case INSN_MOD:
		return a;
	case INSN_LT: case INSN_LE: case INSN_GT: case INSN_GE: case INSN_EQ: case INSN_NE:
	case INSN_LOGICAL_AND: case INSN_LOGICAL_OR:
		return 1;
	}
	return 64;
}

static bool commutes(unsigned op)
{
	return op == INSN_ADD || op == INSN_MUL || op == INSN_AND || op == INSN_OR ||
	       op == INSN_EQ || op == INSN_NE || op == INSN_LOGICAL_AND || op == INSN_LOGICAL_OR;
}

static uint32_t binary(struct prog_build *b, unsigned op, uint32_t left, uint32_t right)
{
	uint64_t x, y;
	bool x_known, y_known;

	if (b->failed)
		return 0;
	x_known = is_const(b, left, &x);
	y_known = is_const(b, right, &y);
	if (x_known && y_known)
		return constant(b, compute(op, x, y));
	if (x_known && commutes(op)) {
		uint32_t t = left;

		left = right;
		right = t;
		y_known = true;
		y = x;
	}
	/* a mask that keeps everything */
	if (op == INSN_AND && y_known && b->nodes.v[left].bits < 64 &&
	    !(((1ull << b->nodes.v[left].bits) - 1) & ~y))
		return left;
	if (op == INSN_AND && y_known && y == UINT64_MAX)
		return left;
	return add_node(b, (struct prog_node){
		.kind = NODE_BINARY, .op = op, .a = left, .b = right,
		.bits = bits_after(op, b->nodes.v[left].bits, b->nodes.v[right].bits, y_known, y),
	});
}

static uint32_t unary(struct prog_build *b, unsigned op, uint32_t of)
{
	uint64_t v;

	if (b->failed)
		return 0;
	if (is_const(b, of, &v))
		return constant(b, op == INSN_NOT ? ~v : !v);
	return add_node(b, (struct prog_node){ .kind = NODE_UNARY, .op = op, .a = of,
					       .bits = op == INSN_NOT ? 64 : 1 });
}

/* ---- fields -------------------------------------------------------------------------- */

const struct tep_format_field *prog_field_of(struct prog_build *b, struct tep_format_field *known,
					     const char *name)
{
	if (!known && name)
		known = tep_find_any_field(b->event, name);
	if (!known)
		prog_cannot(b, "a field that the event has not");
	return known;
}

const struct tep_print_arg *prog_skip_casts(const struct tep_print_arg *arg)
{
	while (arg && arg->type == TEP_PRINT_TYPE)
		arg = arg->typecast.item;
	return arg;
}

/* How a number of @size bytes is read; HOW_CONST for sizes that have no value. */
static enum prog_how how_of(const struct prog_build *b, unsigned size)
{
	switch (size) {
	case 1:
		return HOW_U8;
	case 2:
		return b->swap ? HOW_BE16 : HOW_U16;
	case 4:
		return b->swap ? HOW_BE32 : HOW_U32;
	case 8:
		return b->swap ? HOW_BE64 : HOW_U64;
	}
	return HOW_CONST;
}

static uint32_t load(struct prog_build *b, uint64_t offset, unsigned size)
{
	enum prog_how how = how_of(b, size);

	if (how == HOW_CONST)
		return constant(b, 0);
	return add_node(b, (struct prog_node){ .kind = NODE_LOAD, .how = how, .n = offset,
					       .size = size, .bits = size * 8 });
}

/* ---- from libtraceevent's tree to ours ------------------------------------------------ */

/* Deepest tree: check_text.c lets brackets nest 100 deep. */
#define DEPTH_MAX 200

static uint32_t tree(struct prog_build *b, const struct tep_print_arg *arg);

/* The bits that a cast to @type leaves; with @element, a cast of an array that is indexed. */
static uint32_t cast(struct prog_build *b, const char *type, bool element, uint32_t of)
{
	static const struct { const char *name; unsigned bits; } types[] = {
		{ "u8", 8 }, { "u16", 16 }, { "u32", 32 }, { "s8", 8 }, { "s16", 16 }, { "s32", 32 },
		{ "char", 8 }, { "short", 16 }, { "int", 32 }, { "unsigned char", 8 },
		{ "unsigned short", 16 }, { "unsigned int", 32 },
	};
	size_t len = strlen(type);

	if (element) {
		/* a pointer's type says what it points to, others mean nothing */
		if (!len || type[len - 1] != '*')
			return of;
		while (len && (type[len - 1] == '*' || type[len - 1] == ' '))
			len--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == len && !memcmp(types[i].name, type, len))
			return binary(b, INSN_AND, of,
				      constant(b, (1ull << types[i].bits) - 1));
	return of;
}

static unsigned element_size(struct prog_build *b, const struct tep_format_field *f)
{
	if (f->elementsize)
		return f->elementsize;
	b->differs = true;
	return b->as_kernel ? field_element_size(f) : 0;
}

/* ARRAY[INDEX]. Casts of the array: the outermost counts, for the element. */
static uint32_t element(struct prog_build *b, const struct tep_print_arg *arg)
{
	const struct tep_print_arg *array = prog_skip_casts(arg->op.left);
	const char *type = arg->op.left->type == TEP_PRINT_TYPE ? arg->op.left->typecast.type : NULL;
	const struct tep_format_field *f;
	struct prog_node n = { .kind = NODE_ELEMENT, .bits = 64 };
	unsigned size;
	uint32_t node;
	uint64_t index;

	if (array && array->type == TEP_PRINT_FIELD) {
		f = prog_field_of(b, array->field.field, array->field.name);
		size = f ? element_size(b, f) : 0;
	} else if (array && array->type == TEP_PRINT_DYNAMIC_ARRAY) {
		f = array->dynarray.field;
		size = f && f->elementsize ? f->elementsize : b->long_size;
		n.kind = NODE_DYNAMIC_ELEMENT;
		n.relative = f && f->flags & TEP_FIELD_IS_RELATIVE;
	} else {
		prog_cannot(b, "an index into something that is no array");
		return 0;
	}
	n.a = tree(b, arg->op.right);
	if (b->failed || !f) {
		prog_cannot(b, "an array that the event has not");
		return 0;
	}
	n.how = how_of(b, size);
	n.size = size;
	n.n = f->offset;
	if (n.how == HOW_CONST && !size)
		prog_cannot(b, "an element without a size");
	if (n.how == HOW_CONST)
		return constant(b, 0);
	if (n.kind == NODE_ELEMENT && is_const(b, n.a, &index) &&
	    index <= b->check->fixed_end &&
	    n.n + index * size + size <= b->check->fixed_end)
		node = load(b, n.n + index * size, size);
	else
		node = add_node(b, n);
	return type ? cast(b, type, true, node) : node;
}

unsigned prog_signed_bytes(struct prog_build *b, const struct tep_print_arg *arg, unsigned bytes)
{
	bool indexed = arg && arg->type == TEP_PRINT_OP && arg->op.op && !strcmp(arg->op.op, "[");
	const struct tep_format_field *f;
	unsigned size;

	if (indexed)
		arg = arg->op.left;
	if (!arg || arg->type != TEP_PRINT_FIELD)
		return bytes;
	f = arg->field.field;
	if (!f && arg->field.name)
		f = tep_find_any_field(b->event, arg->field.name);
	if (!f || !(f->flags & TEP_FIELD_IS_SIGNED))
		return bytes;
	size = indexed ? element_size(b, f) : (unsigned)f->size;
	if (how_of(b, size) == HOW_CONST || size >= bytes)
		return bytes;
	b->differs = true;
	return b->as_kernel ? size : bytes;
}

bool prog_has_unknown(const struct tep_print_arg *arg, bool text)
{
	const char *word;

	switch (arg ? arg->type : TEP_PRINT_NULL) {
	case TEP_PRINT_ATOM:
		word = arg->atom.atom;
		return !text && word && (isalpha((unsigned char)*word) || *word == '_') && strcmp(word, "NULL");
	case TEP_PRINT_TYPE:
		return prog_has_unknown(arg->typecast.item, text);
	case TEP_PRINT_FLAGS:
		return prog_has_unknown(arg->flags.field, false);
	case TEP_PRINT_SYMBOL:
		return prog_has_unknown(arg->symbol.field, false);
	case TEP_PRINT_OP:
		if (text && arg->op.op && *arg->op.op == '?' && arg->op.right)
			return prog_has_unknown(arg->op.left, false) || prog_has_unknown(arg->op.right->op.left, true) ||
			       prog_has_unknown(arg->op.right->op.right, true);
		return prog_has_unknown(arg->op.left, false) || prog_has_unknown(arg->op.right, false);
	default:
		return false;
	}
}

static int binary_code(const char *op)
{
	static const struct { const char *op; int code; } codes[] = {
		{ "+", INSN_ADD }, { "-", INSN_SUB }, { "*", INSN_MUL }, { "/", INSN_DIV },
		{ "%", INSN_MOD }, { "&", INSN_AND }, { "|", INSN_OR }, { "<<", INSN_SHL },
		{ ">>", INSN_SHR }, { "<", INSN_LT }, { "<=", INSN_LE }, { ">", INSN_GT },
		{ ">=", INSN_GE }, { "==", INSN_EQ }, { "!=", INSN_NE },
		{ "&&", INSN_LOGICAL_AND }, { "||", INSN_LOGICAL_OR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(codes[i].op, op))
			return codes[i].code;
	return -1;
}

static uint32_t condition(struct prog_build *b, const struct tep_print_arg *arg)
{
	const struct tep_print_arg *arms = arg->op.right;
	struct prog_node n = { .kind = NODE_IF };
	uint64_t v;

	if (!arms || arms->type != TEP_PRINT_OP) {
		prog_cannot(b, "a condition without arms");
		return 0;
	}
	n.a = tree(b, arg->op.left);
	if (b->failed)
		return 0;
	if (is_const(b, n.a, &v))
		return tree(b, v ? arms->op.left : arms->op.right);
	n.b = tree(b, arms->op.left);
	n.c = tree(b, arms->op.right);
	if (b->failed)
		return 0;
	n.bits = b->nodes.v[n.b].bits;
	if (b->nodes.v[n.c].bits > n.bits)
		n.bits = b->nodes.v[n.c].bits;
	return add_node(b, n);
}

static uint32_t operation(struct prog_build *b, const struct tep_print_arg *arg)
{
	const char *op = arg->op.op;
	uint32_t left, right;
	int code;

	if (!op || !arg->op.right) {
		prog_cannot(b, "an operator without operands");
		return 0;
	}
	if (!strcmp(op, "[") && arg->op.left)
		return element(b, arg);
	if (!strcmp(op, "?") && arg->op.left)
		return condition(b, arg);
	if (!strcmp(op, "!") || !strcmp(op, "~")) {
		right = tree(b, arg->op.right);
		return unary(b, *op == '!' ? INSN_LOGICAL_NOT : INSN_NOT, right);
	}
	code = binary_code(op);
	if (code < 0) {
		prog_cannot(b, "an operator that libtraceevent has not");
		return 0;
	}
	left = arg->op.left ? tree(b, arg->op.left) : constant(b, 0);
	right = tree(b, arg->op.right);
	return binary(b, code, left, right);
}

static uint32_t leaf(struct prog_build *b, const struct tep_print_arg *arg)
{
	const struct tep_format_field *f;

	switch (arg->type) {
	case TEP_PRINT_NULL:
	case TEP_PRINT_FLAGS:
	case TEP_PRINT_SYMBOL:
	case TEP_PRINT_HEX:
	case TEP_PRINT_HEX_STR:
	case TEP_PRINT_INT_ARRAY:
	case TEP_PRINT_STRING:
	case TEP_PRINT_BITMASK:
	case TEP_PRINT_CPUMASK:
		return constant(b, 0);
	case TEP_PRINT_ATOM:
		return constant(b, arg->atom.atom ? strtoull(arg->atom.atom, NULL, 0) : 0);
	case TEP_PRINT_FIELD:
		f = prog_field_of(b, arg->field.field, arg->field.name);
		return f ? load(b, f->offset, f->size) : 0;
	case TEP_PRINT_TYPE:
		return cast(b, arg->typecast.type, false, tree(b, arg->typecast.item));
	case TEP_PRINT_DYNAMIC_ARRAY_LEN:
		f = arg->dynarray.field;
		if (!f || f->size != 4) {
			prog_cannot(b, "a dynamic array that the event has not");
			return 0;
		}
		return binary(b, INSN_SHR, load(b, f->offset, f->size), constant(b, 16));
	case TEP_PRINT_DYNAMIC_ARRAY:
		prog_cannot(b, "the address of a dynamic array");
		return 0;
	case TEP_PRINT_FUNC:
		prog_cannot(b, "a plugin's function");
		return 0;
	default:
		prog_cannot(b, "an argument of a kind that is not known");
		return 0;
	}
}

static uint32_t tree(struct prog_build *b, const struct tep_print_arg *arg)
{
	uint32_t node;

	if (!arg || b->depth >= DEPTH_MAX)
		prog_cannot(b, arg ? "arguments nested too deep" : "an argument that is not there");
	if (b->failed)
		return 0;
	b->depth++;
	node = arg->type == TEP_PRINT_OP ? operation(b, arg) : leaf(b, arg);
	b->depth--;
	return b->failed ? 0 : node;
}

/* ---- instructions -------------------------------------------------------------------- */

static size_t emit_insn(struct prog_build *b, struct prog_insn insn)
{
	if (vec_push(&b->insns, insn)) {
		b->failed = true;
		return 0;
	}
	return b->insns.nr - 1;
}

static void emit(struct prog_build *b, uint32_t node, unsigned stack);

static void emit_binary(struct prog_build *b, const struct prog_node *n, unsigned stack)
{
	uint64_t v;

	emit(b, n->a, stack);
	if (is_const(b, n->b, &v)) {
		emit_insn(b, (struct prog_insn){ .code = n->op + INSN_IMM, .n = v });
		return;
	}
	emit_insn(b, (struct prog_insn){ .code = INSN_PUSH });
	emit(b, n->b, stack + 1);
	emit_insn(b, (struct prog_insn){ .code = n->op });
}

static void emit_if(struct prog_build *b, const struct prog_node *n, unsigned stack)
{
	size_t branch, leave;

	emit(b, n->a, stack);
	branch = emit_insn(b, (struct prog_insn){ .code = INSN_IF_ZERO });
	emit(b, n->b, stack);
	leave = emit_insn(b, (struct prog_insn){ .code = INSN_GOTO });
	if (b->failed)
		return;
	b->insns.v[branch].n = b->insns.nr;
	emit(b, n->c, stack);
	if (!b->failed)
		b->insns.v[leave].n = b->insns.nr;
}

static void emit(struct prog_build *b, uint32_t node, unsigned stack)
{
	struct prog_node n;

	if (stack >= PROG_STACK)
		prog_cannot(b, "an expression that nests too deep");
	if (b->failed)
		return;
	n = b->nodes.v[node];
	switch (n.kind) {
	case NODE_CONST:
		emit_insn(b, (struct prog_insn){ .code = INSN_CONST, .n = n.n });
		break;
	case NODE_LOAD:
		emit_insn(b, (struct prog_insn){ .code = INSN_LOAD, .how = n.how, .n = n.n });
		break;
	case NODE_UNARY:
		emit(b, n.a, stack);
		emit_insn(b, (struct prog_insn){ .code = n.op });
		break;
	case NODE_BINARY:
		emit_binary(b, &n, stack);
		break;
	case NODE_IF:
		emit_if(b, &n, stack);
		break;
	case NODE_ELEMENT:
	case NODE_DYNAMIC_ELEMENT:
		emit(b, n.a, stack);
		emit_insn(b, (struct prog_insn){
			.code = n.kind == NODE_ELEMENT ? INSN_ELEMENT : INSN_DYNAMIC_ELEMENT,
			.how = n.how, .n = n.n, .relative = n.relative, .size = n.size,
		});
		break;
	}
}

struct prog_value prog_expression(struct prog_build *b, const struct tep_print_arg *arg)
{
	struct prog_value ret = { .how = HOW_CONST };
	const struct prog_node *n;
	uint32_t node;

	b->nodes.nr = 0;
	node = tree(b, arg);
	if (b->failed)
		return ret;
	n = &b->nodes.v[node];
	if (n->kind == NODE_CONST)
		return (struct prog_value){ .how = HOW_CONST, .n = n->n };
	if (n->kind == NODE_LOAD)
		return (struct prog_value){ .how = n->how, .n = n->n };
	ret = (struct prog_value){ .how = HOW_CODE, .n = b->insns.nr };
	emit(b, node, 0);
	emit_insn(b, (struct prog_insn){ .code = INSN_END });
	return ret;
}

bool prog_const_value(struct prog_build *b, const struct tep_print_arg *arg, uint64_t *ret)
{
	uint32_t node;

	b->nodes.nr = 0;
	node = tree(b, arg);
	return !b->failed && is_const(b, node, ret);
}

/* ---- running ------------------------------------------------------------------------------ */

static uint64_t load_element(const struct prog_insn *insn, uint64_t index,
			     const struct prog_record *r, bool swap)
{
	uint64_t at = insn->n;
	unsigned size = insn->size;

	if (insn->code == INSN_ELEMENT) {
		if (index > r->len)
			return 0;
		at += index * size;
	} else {
		at = prog_load(swap ? HOW_BE32 : HOW_U32, r->data + insn->n) & 0xffff;
		if (insn->relative)
			at += insn->n + 4;
		if (index > r->len)
			return 0;
		at += index;
	}
	if (at > r->len || size > r->len - at)
		return 0;
	return prog_load(insn->how, r->data + at);
}

uint64_t prog_eval(const struct prog *g, const struct prog_insn *insn, const struct prog_record *r)
{
	uint64_t stack[PROG_STACK], a = 0;
	unsigned top = 0;

	for (;; insn++)
		switch (insn->code) {
		case INSN_END:
			return a;
		case INSN_PUSH:
			stack[top++] = a;
			break;
		case INSN_LOAD:
			a = prog_load(insn->how, r->data + insn->n);
			break;
		case INSN_CONST:
			a = insn->n;
			break;
		case INSN_NOT:
			a = ~a;
			break;
		case INSN_LOGICAL_NOT:
			a = !a;
			break;
		case INSN_IF_ZERO:
			if (!a)
				insn = g->insns + insn->n - 1;
			break;
		case INSN_GOTO:
			insn = g->insns + insn->n - 1;
			break;
		case INSN_ELEMENT:
		case INSN_DYNAMIC_ELEMENT:
			a = load_element(insn, a, r, g->swap);
			break;
		case INSN_AND + INSN_IMM:
			a &= insn->n;
			break;
		case INSN_SHR + INSN_IMM:
			a >>= insn->n & 63;
			break;
		default:
			if (insn->code >= INSN_IMM)
				a = compute(insn->code - INSN_IMM, a, insn->n);
			else
				a = compute(insn->code, stack[--top], a);
		}
}
