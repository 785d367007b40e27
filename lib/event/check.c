// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/check.h"

/* ---- the parsed event --------------------------------------------------------- */

/* No record is longer than a sub-buffer. */
#define FIELD_END_MAX (1u << 27)

static void check_field(struct format_check *c, const struct tep_format_field *f)
{
	uint32_t end;

	if (f->offset < 0 || f->size < 0 || f->offset > (int)FIELD_END_MAX ||
	    f->size > (int)FIELD_END_MAX) {
		c->bad_fields = true;
		return;
	}
	if (!f->size && (uint32_t)f->offset > c->rest_start)
		c->rest_start = f->offset;
	end = (uint32_t)f->offset + (uint32_t)f->size;
	if (end > c->fixed_end)
		c->fixed_end = end;
	if (f->flags & TEP_FIELD_IS_DYNAMIC) {
		if (f->size != 4 || vec_push(&c->dynamic, f))
			c->bad_fields = true;
	}
}

static const struct tep_print_arg *skip_casts(const struct tep_print_arg *arg)
{
	while (arg && arg->type == TEP_PRINT_TYPE)
		arg = arg->typecast.item;
	return arg;
}

static const struct tep_format_field *named_field(struct tep_event *event,
						  const struct tep_print_arg *arg)
{
	switch (arg->type) {
	case TEP_PRINT_FIELD:
		if (arg->field.field)
			return arg->field.field;
		return arg->field.name ? tep_find_any_field(event, arg->field.name) : NULL;
	case TEP_PRINT_STRING:
		if (arg->string.field)
			return arg->string.field;
		return arg->string.string ? tep_find_any_field(event, arg->string.string) : NULL;
	case TEP_PRINT_BITMASK:
	case TEP_PRINT_CPUMASK:
		if (arg->bitmask.field)
			return arg->bitmask.field;
		return arg->bitmask.bitmask ? tep_find_any_field(event, arg->bitmask.bitmask) : NULL;
	case TEP_PRINT_DYNAMIC_ARRAY:
	case TEP_PRINT_DYNAMIC_ARRAY_LEN:
		return arg->dynarray.field;
	default:
		return NULL;
	}
}

/*
 * The field an argument names; NULL if it names none. What is read as a dynamic
 * array must be one, else its place would be any number of the record.
 */
static const struct tep_format_field *arg_field(struct tep_event *event,
						const struct tep_print_arg *arg)
{
	const struct tep_format_field *f = arg ? named_field(event, arg) : NULL;

	if (!f || arg->type == TEP_PRINT_FIELD || f->flags & TEP_FIELD_IS_DYNAMIC)
		return f;
	return NULL;
}

/* Whether it names a field that the event has not: to libtraceevent 0, as a string an empty one. */
static bool is_missing(struct tep_event *event, const struct tep_print_arg *arg)
{
	return arg && !named_field(event, arg) &&
	       ((arg->type == TEP_PRINT_FIELD && arg->field.name) ||
		(arg->type == TEP_PRINT_STRING && arg->string.string) ||
		(arg->type == TEP_PRINT_BITMASK && arg->bitmask.bitmask));
}

static bool add_guard(struct format_check *c, enum format_guard_kind kind,
		      const struct tep_print_arg *field, const struct tep_print_arg *count,
		      const struct tep_print_arg *size)
{
	struct format_guard g = { .kind = kind, .field = field, .count = count, .size = size };

	return !vec_push(&c->guards, g);
}

static bool check_arg(struct tep_event *event, struct format_check *c,
		      const struct tep_print_arg *arg);

/* __print_hex and __print_array take a field or a dynamic array, nothing else. */
static bool check_array(struct tep_event *event, struct format_check *c,
			const struct tep_print_arg *field, const struct tep_print_arg *count,
			const struct tep_print_arg *size)
{
	bool missing = is_missing(event, field);

	if (!field || (field->type != TEP_PRINT_FIELD && field->type != TEP_PRINT_DYNAMIC_ARRAY) ||
	    (!missing && !arg_field(event, field)))
		return false;
	if (!check_arg(event, c, count) || (size && !check_arg(event, c, size)))
		return false;
	return missing || add_guard(c, GUARD_LENGTH, field, count, size);
}

static bool check_op(struct tep_event *event, struct format_check *c,
		     const struct tep_print_arg *arg)
{
	const struct tep_print_arg *left = arg->op.left, *right = arg->op.right;
	const char *op = arg->op.op;

	if (!op || !right)
		return false;
	if (!left) /* a unary operator has no left side */
		return (op[0] == '!' || op[0] == '~' || op[0] == '-' || op[0] == '+') && !op[1] &&
		       check_arg(event, c, right);
	switch (op[0]) {
	case '[':
		if (is_missing(event, skip_casts(left)))
			break;
		if (!arg_field(event, skip_casts(left)))
			return false;
		if (!add_guard(c, GUARD_INDEX, skip_casts(left), right, NULL))
			return false;
		break;
	case '?':
		if (right->type != TEP_PRINT_OP || !right->op.op || right->op.op[0] != ':' ||
		    !right->op.left || !right->op.right)
			return false;
		break;
	case '/':
	case '%':
		if (!add_guard(c, GUARD_DIVISOR, NULL, right, NULL))
			return false;
		break;
	}
	return check_arg(event, c, left) && check_arg(event, c, right);
}

static bool check_func(struct tep_event *event, struct format_check *c,
		       const struct tep_print_arg *arg)
{
	for (const struct tep_print_arg *a = arg->func.args; a; a = a->next)
		if (!check_arg(event, c, a))
			return false;
	return true;
}

/* Whether libtraceevent can be let loose on this argument. */
static bool check_arg(struct tep_event *event, struct format_check *c,
		      const struct tep_print_arg *arg)
{
	const struct tep_format_field *f;

	if (!arg)
		return false;
	switch (arg->type) {
	case TEP_PRINT_NULL:
	case TEP_PRINT_BSTRING:
		return true;
	case TEP_PRINT_ATOM:
		return arg->atom.atom;
	case TEP_PRINT_FIELD:
	case TEP_PRINT_STRING:
	case TEP_PRINT_BITMASK:
	case TEP_PRINT_DYNAMIC_ARRAY:
		return arg_field(event, arg) || is_missing(event, arg);
	case TEP_PRINT_DYNAMIC_ARRAY_LEN:
		/* it does not survive the length of a __rel_loc */
		f = arg_field(event, arg);
		return f && !(f->flags & TEP_FIELD_IS_RELATIVE);
	case TEP_PRINT_CPUMASK:
		return arg_field(event, arg) && add_guard(c, GUARD_MASK, arg, NULL, NULL);
	case TEP_PRINT_FLAGS:
		return check_arg(event, c, arg->flags.field);
	case TEP_PRINT_SYMBOL:
		return check_arg(event, c, arg->symbol.field);
	case TEP_PRINT_HEX:
	case TEP_PRINT_HEX_STR:
		return check_array(event, c, arg->hex.field, arg->hex.size, NULL);
	case TEP_PRINT_INT_ARRAY:
		return check_array(event, c, arg->int_array.field, arg->int_array.count,
				   arg->int_array.el_size);
	case TEP_PRINT_TYPE:
		return arg->typecast.type && check_arg(event, c, arg->typecast.item);
	case TEP_PRINT_OP:
		return check_op(event, c, arg);
	case TEP_PRINT_FUNC:
		return check_func(event, c, arg);
	}
	return false;
}

/*
 * One conversion, *p behind its '%': takes the arguments libtraceevent takes for
 * it. Stars are recognised anywhere in front of the letter; a letter that is not
 * known takes none.
 */
static bool check_conversion(struct format_check *c, const char **p,
			     const struct tep_print_arg **arg)
{
	static const char parts[] = "#hlLzZ.-*0123456789";
	const char *begin = *p;

	if (**p == '%') {
		(*p)++;
		return true;
	}
	for (; **p && strchr(parts, **p); (*p)++) {
		if (**p == '*') {
			bool cuts = *p > begin && (*p)[-1] == '.' && (*p)[1] == 's';

			if (!*arg || !add_guard(c, cuts ? GUARD_PRECISION : GUARD_WIDTH, NULL, *arg, NULL))
				return false;
			*arg = (*arg)->next;
		} else if (isdigit((unsigned char)**p)) {
			char *end;

			if (strtoul(*p, &end, 10) > FORMAT_WIDTH_MAX)
				return false;
			*p = end - 1;
		}
	}
	if (!**p)
		return true;
	if (*arg && strchr("diuxXosp", **p))
		*arg = (*arg)->next;
	(*p)++;
	return true;
}

/* Widths in the format string; a '*' takes its width from an argument. */
static bool check_widths(struct format_check *c, const struct tep_event *event)
{
	const struct tep_print_arg *arg = event->print_fmt.args;
	const char *p = event->print_fmt.format;

	while (p && *p) {
		if (*p == '\\' && p[1]) {
			p += 2;
		} else if (*p++ == '%') {
			if (!check_conversion(c, &p, &arg))
				return false;
		}
	}
	return true;
}

/* Where the addresses of a stack's record begin; @end if it is no stack's. */
static uint32_t stack_start(const struct tep_event *event, uint32_t end)
{
	if (strcmp(event->system, "ftrace") ||
	    (strcmp(event->name, "kernel_stack") && strcmp(event->name, "user_stack")))
		return end;
	for (const struct tep_format_field *f = event->format.fields; f; f = f->next)
		if (!strcmp(f->name, "caller") && f->flags & TEP_FIELD_IS_ARRAY && (uint32_t)f->offset < end)
			return f->offset;
	return end;
}

void format_check_event(struct tep_event *event, struct format_check *c)
{
	struct tep_format_field *f;

	for (f = event->format.common_fields; f; f = f->next)
		check_field(c, f);
	for (f = event->format.fields; f; f = f->next)
		check_field(c, f);
	c->least = stack_start(event, c->fixed_end);
	if (event->flags & TEP_EVENT_FL_FAILED)
		return;
	c->bad_print = c->bad_print || !check_widths(c, event);
	for (struct tep_print_arg *arg = event->print_fmt.args; arg && !c->bad_print;
	     arg = arg->next)
		c->bad_print = !check_arg(event, c, arg);
}

void format_check_release(struct format_check *c)
{
	vec_release(&c->dynamic);
	vec_release(&c->guards);
}

/* ---- records ------------------------------------------------------------------- */

bool format_number(const struct tep_format_field *f, const void *data, size_t len, uint64_t *ret)
{
	if (f->offset < 0 || f->size < 0 || (size_t)f->offset > len ||
	    (size_t)f->size > len - f->offset)
		return false;
	return get_uint((const uint8_t *)data + f->offset, f->size,
			tep_is_file_bigendian(f->event->tep), ret);
}

/* __data_loc: length << 16 | offset from the record's start; __rel_loc: from the field's end. */
bool format_dynamic(const struct tep_format_field *f, const void *data, size_t len,
		    uint32_t *ret_offset, uint32_t *ret_len)
{
	uint32_t offset, size;
	uint64_t loc;

	if (f->size != 4 || !format_number(f, data, len, &loc))
		return false;
	offset = loc & 0xffff;
	size = loc >> 16;
	if (f->flags & TEP_FIELD_IS_RELATIVE)
		offset += f->offset + f->size;
	if (offset > len || size > len - offset)
		return false;
	*ret_offset = offset;
	*ret_len = size;
	return true;
}

bool format_check_record(const struct format_check *c, const void *data, size_t len, size_t avail,
			 char *why, size_t why_size)
{
	uint32_t offset, size;

	if (c->least > avail) {
		snprintf(why, why_size, "%zu bytes, the format needs %u", avail, c->least);
		return false;
	}
	if (len < c->fixed_end)
		len = c->fixed_end;
	for (size_t i = 0; i < c->dynamic.nr; i++)
		if (!format_dynamic(c->dynamic.v[i], data, len, &offset, &size)) {
			snprintf(why, why_size, "array '%s' lies outside", c->dynamic.v[i]->name);
			return false;
		}
	return true;
}

/* ---- arguments' values ------------------------------------------------------------ */

static bool eval(struct tep_event *event, const struct tep_print_arg *arg, const void *data,
		 size_t len, uint64_t *ret);

/* Casts to these cut bits off, as unsigned numbers; all others mean nothing. */
static uint64_t eval_cast(const char *type, uint64_t v)
{
	static const struct { const char *name; uint64_t mask; } types[] = {
		{ "u8", 0xff }, { "u16", 0xffff }, { "u32", 0xffffffff }, { "s8", 0xff },
		{ "s16", 0xffff }, { "s32", 0xffffffff }, { "char", 0xff }, { "short", 0xffff },
		{ "int", 0xffffffff }, { "unsigned char", 0xff }, { "unsigned short", 0xffff },
		{ "unsigned int", 0xffffffff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, type))
			return v & types[i].mask;
	return v;
}

static bool eval_binary(const char *op, uint64_t a, uint64_t b, uint64_t *ret)
{
	switch (op[0]) {
	case '+':
		*ret = a + b;
		return true;
	case '-':
		*ret = a - b;
		return true;
	case '*':
		*ret = a * b;
		return true;
	case '/':
		if (b)
			*ret = a / b;
		return b;
	case '%':
		if (b)
			*ret = a % b;
		return b;
	case '&':
		*ret = op[1] ? a && b : a & b;
		return true;
	case '|':
		*ret = op[1] ? a || b : a | b;
		return true;
	case '<':
		*ret = op[1] == '<' ? a << (b & 63) : op[1] ? a <= b : a < b;
		return true;
	case '>':
		*ret = op[1] == '>' ? a >> (b & 63) : op[1] ? a >= b : a > b;
		return true;
	case '=':
		*ret = a == b;
		return true;
	case '!':
		*ret = op[1] ? a != b : !b;
		return true;
	case '~':
		*ret = ~b;
		return true;
	}
	return false;
}

/* Whether a number of that size is 0 to libtraceevent, whatever its bytes. */
static bool is_odd(unsigned size)
{
	return size != 1 && size != 2 && size != 4 && size != 8;
}

/* As libtraceevent computes it; false for what it can do and this cannot. */
static bool eval(struct tep_event *event, const struct tep_print_arg *arg, const void *data,
		 size_t len, uint64_t *ret)
{
	const struct tep_format_field *f;
	uint64_t a = 0, b;
	uint32_t offset, size;

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
		*ret = 0;
		return true;
	case TEP_PRINT_ATOM:
		*ret = strtoull(arg->atom.atom, NULL, 0);
		return true;
	case TEP_PRINT_FIELD:
		f = arg_field(event, arg);
		*ret = 0;
		return !f || (is_odd(f->size) || format_number(f, data, len, ret));
	case TEP_PRINT_TYPE:
		if (!eval(event, arg->typecast.item, data, len, &a))
			return false;
		*ret = eval_cast(arg->typecast.type, a);
		return true;
	case TEP_PRINT_DYNAMIC_ARRAY_LEN:
		f = arg_field(event, arg);
		if (!f || !format_dynamic(f, data, len, &offset, &size))
			return false;
		*ret = size;
		return true;
	case TEP_PRINT_OP:
		if (arg->op.op[0] == '[') {
			f = arg_field(event, skip_casts(arg->op.left));
			*ret = 0;
			return !f || (f->elementsize && is_odd(f->elementsize));
		}
		if (arg->op.op[0] == '?')
			return eval(event, arg->op.left, data, len, &a) &&
			       eval(event, a ? arg->op.right->op.left : arg->op.right->op.right,
				    data, len, ret);
		if (arg->op.left && !eval(event, arg->op.left, data, len, &a))
			return false;
		return eval(event, arg->op.right, data, len, &b) &&
		       eval_binary(arg->op.op, a, b, ret);
	default:
		return false;
	}
}

/* Where the bytes of a guard's field begin. */
static bool field_start(struct tep_event *event, const struct tep_print_arg *arg, const void *data,
			size_t len, uint32_t *ret_start, uint32_t *ret_element)
{
	const struct tep_format_field *f = arg_field(event, arg);
	uint32_t size;

	if (!f || f->offset < 0)
		return false;
	*ret_element = f->elementsize ? f->elementsize : 1;
	*ret_start = f->offset;
	if (arg->type == TEP_PRINT_DYNAMIC_ARRAY)
		return format_dynamic(f, data, len, ret_start, &size);
	return true;
}

static bool guard_holds(struct tep_event *event, const struct format_guard *g, const void *data,
			size_t len, size_t told)
{
	uint32_t start, element;
	uint64_t count, size = 1;

	if (g->kind == GUARD_MASK)
		return format_dynamic(arg_field(event, g->field), data, len, &start, &element) &&
		       element;
	if (!eval(event, g->count, data, g->kind == GUARD_DIVISOR ? told : len, &count))
		return false;
	switch (g->kind) {
	case GUARD_MASK:
		break;
	case GUARD_DIVISOR:
		return count;
	case GUARD_WIDTH:
		return (int)count >= 0 && (int)count <= FORMAT_WIDTH_MAX;
	case GUARD_PRECISION:
		return (int)count >= 0;
	case GUARD_INDEX:
		return field_start(event, g->field, data, len, &start, &element) &&
		       count <= len / element && start + count * element + element <= len;
	case GUARD_LENGTH:
		if (g->size && !eval(event, g->size, data, len, &size))
			return false;
		if (size != 2 && size != 4 && size != 8)
			size = 1;
		count = (uint32_t)count;
		return field_start(event, g->field, data, len, &start, &element) &&
		       start <= len && count <= (len - start) / size;
	}
	return false;
}

bool format_check_print(const struct format_check *c, struct tep_event *event, const void *data,
			size_t len, size_t told)
{
	if (c->bad_print)
		return false;
	for (size_t i = 0; i < c->guards.nr; i++)
		if (!guard_holds(event, &c->guards.v[i], data, len, told))
			return false;
	return true;
}
