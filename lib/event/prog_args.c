// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What arguments print for %s. Strings and the names of flags and symbols take
 * the conversion's width and precision, lists of bytes and numbers do not.
 */
#include <ctype.h>
#include <stdlib.h>

#include "event/prog_build.h"
#include "event/prog_put.h"

static bool has_star(const struct prog_spec *spec)
{
	return spec->width_star || spec->precision_star;
}

/* ---- constant text ------------------------------------------------------------------- */

static void add_text(struct prog_build *b, const char *s, const struct prog_spec *spec,
		     uint32_t star)
{
	size_t len = strlen(s), room = (len > spec->width ? len : spec->width) + 1;
	struct prog_op *op;
	size_t start;

	if (!has_star(spec)) {
		if (buf_reserve(&b->text, room)) {
			b->failed = true;
			return;
		}
		b->text.len = prog_put_string(b->text.data + b->text.len, s, len, spec, spec->width,
					      spec->precision) - b->text.data;
		return;
	}
	/* the operation's own text lies behind its literal */
	b->room += len + FORMAT_WIDTH_MAX;
	op = prog_add_op(b, OP_TEXT);
	op->spec = prog_add_spec(b, spec);
	op->count = star;
	start = b->text.len;
	buf_puts(&b->text, s);
	b->literal = b->text.len;
	if (b->failed)
		return;
	op->target = start;
	op->size = len;
}

/* ---- fields ----------------------------------------------------------------------------- */

static void add_string(struct prog_build *b, enum prog_op_code code,
		       const struct tep_format_field *f, const struct prog_spec *spec, uint32_t star)
{
	struct prog_op *op = prog_add_op(b, code);

	op->spec = prog_add_spec(b, spec);
	op->count = star;
	op->bytes = (struct prog_bytes){ .offset = f->offset, .size = f->size,
					 .relative = f->flags & TEP_FIELD_IS_RELATIVE };
}

/*
 * A field as %s: its characters; those to the record's end, if it has no size;
 * and if it is as large as an address and no array, the string at that address.
 * The address is read in this machine's byte order, whatever the file's.
 */
static void add_field(struct prog_build *b, const struct tep_print_arg *arg,
		      const struct prog_spec *spec, uint32_t star)
{
	const struct tep_format_field *f = prog_field_of(b, arg->field.field, arg->field.name);

	if (!f)
		return;
	if (!(f->flags & TEP_FIELD_IS_ARRAY) && (unsigned)f->size == b->long_size) {
		struct prog_op *op = prog_add_op(b, OP_STRING_POINTER);

		op->value.how = f->size == 8 ? HOW_U64 : HOW_U32;
		op->value.n = f->offset;
		return;
	}
	add_string(b, f->size ? OP_STRING : OP_STRING_REST, f, spec, star);
}

/* The dynamic array of a __get_str or a mask. */
static const struct tep_format_field *dynamic_field(struct prog_build *b,
						    struct tep_format_field *known,
						    const char *name)
{
	const struct tep_format_field *f = prog_field_of(b, known, name);

	if (f && f->flags & TEP_FIELD_IS_DYNAMIC && f->size == 4)
		return f;
	prog_cannot(b, "a dynamic array that is none");
	return NULL;
}

static void add_dynamic(struct prog_build *b, enum prog_op_code code, struct tep_format_field *known,
			const char *name, const struct prog_spec *spec, uint32_t star)
{
	const struct tep_format_field *f = dynamic_field(b, known, name);

	if (f)
		add_string(b, code, f, spec, star);
}

/* ---- __print_flags, __print_symbolic ------------------------------------------------------ */

/*
 * The number of a name's value. Some formats have the kernel's names in them:
 * libtraceevent knows these few, all others are -1.
 */
static uint64_t name_value(const char *s)
{
	static const char *const softirqs[] = {
		"HI_SOFTIRQ", "TIMER_SOFTIRQ", "NET_TX_SOFTIRQ", "NET_RX_SOFTIRQ", "BLOCK_SOFTIRQ",
		"IRQ_POLL_SOFTIRQ", "TASKLET_SOFTIRQ", "SCHED_SOFTIRQ", "HRTIMER_SOFTIRQ",
		"RCU_SOFTIRQ",
	};

	if (!s)
		return UINT64_MAX;
	if (isdigit((unsigned char)*s))
		return strtoull(s, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(softirqs); i++)
		if (!strcmp(s, softirqs[i]))
			return i;
	if (!strcmp(s, "HRTIMER_NORESTART"))
		return 0;
	return !strcmp(s, "HRTIMER_RESTART") ? 1 : UINT64_MAX;
}

/* Text that belongs to no literal. */
static uint32_t add_name_text(struct prog_build *b, const char *s, uint32_t *ret_len)
{
	uint32_t start = b->text.len;

	*ret_len = s ? strlen(s) : 0;
	buf_put(&b->text, s ? s : "", *ret_len);
	b->literal = b->text.len;
	return start;
}

static void index_by_value(struct prog_build *b, struct prog_table *t)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < t->nr; i++) {
		uint64_t v = b->names.v[t->first + i].value;

		if (v < PROG_BY_VALUE_MAX && v > most)
			most = v;
	}
	t->by_value = calloc(most + 1, sizeof(*t->by_value));
	if (!t->by_value)
		return;
	t->nr_by_value = most + 1;
	for (uint32_t i = t->nr; i-- > 0;) {
		uint64_t v = b->names.v[t->first + i].value;

		if (v <= most && i < UINT16_MAX)
			t->by_value[v] = i + 1;
	}
}

static void add_table(struct prog_build *b, enum prog_op_code code, const struct tep_print_arg *of,
		      const char *delimiter, const struct tep_print_flag_sym *names,
		      const struct prog_spec *spec, uint32_t star)
{
	struct prog_value v = prog_expression(b, of);
	struct prog_table t = { .first = b->names.nr };
	struct prog_op *op;

	if (b->failed)
		return;
	op = prog_add_op(b, code);
	op->value = v;
	op->count = star;
	op->spec = prog_add_spec(b, spec);
	op->target = b->tables.nr;
	if (delimiter)
		t.delimiter = add_name_text(b, delimiter, &t.delimiter_len);
	for (; names && !b->failed; names = names->next) {
		struct prog_name n = { .value = name_value(names->value) };

		n.text = add_name_text(b, names->str, &n.len);
		if (vec_push(&b->names, n))
			b->failed = true;
		t.nr++;
		/* all flags may be set at once */
		b->room += n.len + t.delimiter_len + spec->width;
	}
	if (b->failed)
		return;
	if (has_star(spec))
		b->room += (uint64_t)t.nr * FORMAT_WIDTH_MAX;
	if (code == OP_SYMBOLIC)
		index_by_value(b, &t);
	if (vec_push(&b->tables, t)) {
		free(t.by_value);
		b->failed = true;
	}
}

/* ---- lists of bytes and numbers -------------------------------------------------------------- */

static bool find_bytes(struct prog_build *b, const struct tep_print_arg *arg,
		       struct prog_bytes *ret)
{
	const struct tep_format_field *f = NULL;

	if (arg && arg->type == TEP_PRINT_FIELD)
		f = prog_field_of(b, arg->field.field, arg->field.name);
	else if (arg && arg->type == TEP_PRINT_DYNAMIC_ARRAY)
		f = arg->dynarray.field;
	if (!f) {
		prog_cannot(b, "an array that is none");
		return false;
	}
	*ret = (struct prog_bytes){ .offset = f->offset, .size = f->size,
				    .dynamic = arg->type == TEP_PRINT_DYNAMIC_ARRAY,
				    .relative = f->flags & TEP_FIELD_IS_RELATIVE };
	return true;
}

static void add_list(struct prog_build *b, enum prog_op_code code, const struct tep_print_arg *of,
		     const struct tep_print_arg *count, const struct tep_print_arg *size,
		     char separator)
{
	struct prog_value nr = prog_expression(b, count);
	struct prog_value element = { HOW_CONST, 1 };
	struct prog_bytes bytes;
	struct prog_op *op;

	if (size)
		element = prog_expression(b, size);
	if (!find_bytes(b, of, &bytes) || b->failed)
		return;
	op = prog_add_op(b, code);
	op->flags = separator;
	op->bytes = bytes;
	op->count = prog_add_value(b, nr);
	op->size = prog_add_value(b, element);
}

/* ---- conditions ----------------------------------------------------------------------------------- */

static void set_target(struct prog_build *b, size_t op)
{
	if (!b->failed)
		b->ops.v[op].target = b->ops.nr;
}

/*
 * Literals in front of a branch belong to the branch; what a branch leaves
 * unsaid goes with the operation that ends it.
 */
static void add_condition(struct prog_build *b, const struct tep_print_arg *arg,
			  const struct prog_spec *spec, uint32_t star)
{
	const struct tep_print_arg *arms = arg->op.right;
	struct prog_value v;
	size_t branch, leave;

	if (!arms || arms->type != TEP_PRINT_OP || !arms->op.left || !arms->op.right) {
		prog_cannot(b, "a condition without arms");
		return;
	}
	v = prog_expression(b, arg->op.left);
	if (b->failed)
		return;
	if (v.how == HOW_CONST) {
		prog_string_arg(b, v.n ? arms->op.left : arms->op.right, spec, star);
		return;
	}
	prog_add_op(b, OP_IF_ZERO)->value = v;
	branch = b->ops.nr - 1;
	prog_string_arg(b, arms->op.left, spec, star);
	prog_add_op(b, OP_GOTO);
	leave = b->ops.nr - 1;
	set_target(b, branch);
	prog_string_arg(b, arms->op.right, spec, star);
	if (b->text.len > b->literal) {
		/* its literals end here: what follows is for both arms */
		prog_add_op(b, OP_GOTO);
		set_target(b, b->ops.nr - 1);
	}
	set_target(b, leave);
}

/* ---- all together ------------------------------------------------------------------------------------ */

static void string_arg(struct prog_build *b, const struct tep_print_arg *arg,
		       const struct prog_spec *spec, uint32_t star)
{
	switch (arg->type) {
	case TEP_PRINT_ATOM:
		add_text(b, arg->atom.atom ? arg->atom.atom : "", spec, star);
		break;
	case TEP_PRINT_FIELD:
		add_field(b, arg, spec, star);
		break;
	case TEP_PRINT_STRING:
		add_dynamic(b, OP_STRING_DYNAMIC, arg->string.field, arg->string.string, spec, star);
		break;
	case TEP_PRINT_BITMASK:
		add_dynamic(b, OP_BITMASK, arg->bitmask.field, arg->bitmask.bitmask, spec, star);
		break;
	case TEP_PRINT_CPUMASK:
		add_dynamic(b, OP_CPUMASK, arg->bitmask.field, arg->bitmask.bitmask, spec, star);
		break;
	case TEP_PRINT_FLAGS:
		add_table(b, OP_FLAGS, arg->flags.field, arg->flags.delim, arg->flags.flags, spec,
			  star);
		break;
	case TEP_PRINT_SYMBOL:
		add_table(b, OP_SYMBOLIC, arg->symbol.field, NULL, arg->symbol.symbols, spec, star);
		break;
	case TEP_PRINT_HEX:
		add_list(b, OP_HEX_BYTES, arg->hex.field, arg->hex.size, NULL, ' ');
		break;
	case TEP_PRINT_HEX_STR:
		add_list(b, OP_HEX_BYTES, arg->hex.field, arg->hex.size, NULL, 0);
		break;
	case TEP_PRINT_INT_ARRAY:
		add_list(b, OP_NUMBERS, arg->int_array.field, arg->int_array.count,
			 arg->int_array.el_size, ' ');
		break;
	case TEP_PRINT_OP:
		if (arg->op.op && arg->op.op[0] == '?')
			add_condition(b, arg, spec, star);
		break;
	case TEP_PRINT_NULL:
	case TEP_PRINT_TYPE:
	case TEP_PRINT_DYNAMIC_ARRAY:
	case TEP_PRINT_DYNAMIC_ARRAY_LEN:
		break;			/* print nothing */
	case TEP_PRINT_FUNC:
		prog_cannot(b, "a plugin's function");
		break;
	default:
		prog_cannot(b, "an argument of a kind that is not known");
		break;
	}
}

void prog_string_arg(struct prog_build *b, const struct tep_print_arg *arg,
		     const struct prog_spec *spec, uint32_t star)
{
	enum { DEPTH_MAX = 200 };

	if (!arg || b->depth >= DEPTH_MAX)
		prog_cannot(b, arg ? "arguments nested too deep" : "an argument that is not there");
	if (b->failed)
		return;
	b->depth++;
	string_arg(b, arg, spec, star);
	b->depth--;
}
