// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From the format string to operations. libtraceevent takes a conversion apart
 * on its own and hands the rest to printf: 'h', 'l', 'L', 'z' say how many bytes
 * of the number are used; a letter it does not know becomes ">c<" and takes no
 * argument (%c, as the kernel has it, is a character); a conversion that the
 * string's end cuts off prints nothing. What printf would make of it is worked
 * out here once.
 */
#include <ctype.h>
#include <stdlib.h>

#include "event/prog_build.h"
#include "event/prog_put.h"

/* Most that numbers and literals of one event may need. */
#define ROOM_MAX (1u << 20)
/* libtraceevent copies a conversion into 32 bytes. */
#define CONVERSION_MAX 30

void prog_cannot(struct prog_build *b, const char *why)
{
	b->failed = true;
	if (!b->why)
		b->why = why;
}

/* ---- pieces ------------------------------------------------------------------------ */

uint32_t prog_add_value(struct prog_build *b, struct prog_value v)
{
	if (vec_push(&b->values, v)) {
		b->failed = true;
		return 0;
	}
	return b->values.nr - 1;
}

uint16_t prog_add_spec(struct prog_build *b, const struct prog_spec *spec)
{
	if (b->specs.nr > UINT16_MAX) {
		prog_cannot(b, "too many conversions");
		return 0;
	}
	if (vec_push(&b->specs, *spec)) {
		b->failed = true;
		return 0;
	}
	return b->specs.nr - 1;
}

struct prog_op *prog_add_op(struct prog_build *b, enum prog_op_code code)
{
	struct prog_op op = { .code = code, .literal = b->literal,
			      .literal_len = b->text.len - b->literal };

	b->room += op.literal_len + PROG_STEP + NUMBER_MAX;
	b->literal = b->text.len;
	if (b->text.failed || b->failed || vec_push(&b->ops, op)) {
		b->failed = true;
		return &b->no_op;
	}
	return &b->ops.v[b->ops.nr - 1];
}

/* ---- numbers --------------------------------------------------------------------------- */

static bool is_plain(const struct prog_spec *s)
{
	return !s->left && !s->zero && !s->alternate && !s->width && s->precision < 0 &&
	       !s->width_star && !s->precision_star;
}

/* The operation made for just this number, if there is one. */
static enum prog_op_code number_code(const struct prog_value *v, const struct prog_spec *s)
{
	unsigned size = v->how == HOW_U32 ? 4 : v->how == HOW_U64 ? 8 : 0;

	if (!size || size > s->bytes)
		return OP_NUMBER;
	if (s->letter == 'x' && s->zero && !s->left && !s->alternate && s->width <= 16 &&
	    s->precision < 0 && !s->width_star && !s->precision_star)
		return size == 8 ? OP_HEX64_TO : OP_HEX32_TO;
	if (!is_plain(s))
		return OP_NUMBER;
	if (s->letter == 'x')
		return size == 8 ? OP_HEX64 : OP_HEX32;
	if (s->letter == 'u')
		return size == 8 ? OP_U64 : OP_U32;
	if (s->letter == 'd')
		return size == 8 ? OP_S64 : s->bytes == 8 ? OP_U32 : OP_S32;
	return OP_NUMBER;
}

static void add_number(struct prog_build *b, const struct tep_print_arg *arg,
		       const struct prog_spec *spec, uint32_t star)
{
	struct prog_value v = prog_expression(b, arg);
	enum prog_op_code code = number_code(&v, spec);
	struct prog_op *op;
	size_t room;

	if (b->failed)
		return;
	room = prog_number_room(spec);
	if (v.how == HOW_CONST && !spec->width_star && !spec->precision_star) {
		if (buf_reserve(&b->text, room))
			b->failed = true;
		else
			b->text.len = prog_put_number(b->text.data + b->text.len, v.n, spec,
						      spec->width, spec->precision) - b->text.data;
		return;
	}
	b->room += room;
	op = prog_add_op(b, code);
	op->value = v;
	op->count = star;
	if (code == OP_NUMBER) {
		op->spec = prog_add_spec(b, spec);
	} else {
		op->offset = v.n;
		op->width = spec->width;
	}
}

/* ---- one conversion ----------------------------------------------------------------------- */

struct conversion {
	struct prog_spec spec;
	int longs;
	const struct tep_print_arg *star;
	const char *modifiers;		/* where they begin */
	size_t nr_modifiers;
	bool odd;			/* the parts are in an order printf does not know */
};

static unsigned digits(struct prog_build *b, const char **p)
{
	unsigned long v = 0;

	for (; isdigit((unsigned char)**p); (*p)++) {
		v = v * 10 + (**p - '0');
		if (v > FORMAT_WIDTH_MAX) {
			prog_cannot(b, "a width beyond measure");
			v = 0;
		}
	}
	return v;
}

static void take_star(struct prog_build *b, struct conversion *c, const struct tep_print_arg **arg)
{
	if (!*arg || c->star) {
		prog_cannot(b, "a '*' too much");
		return;
	}
	c->star = *arg;
	*arg = (*arg)->next;
}

/* The parts in printf's order: flags, width, precision, modifiers. */
static const char *take_parts(struct prog_build *b, const char *p, struct conversion *c,
			      const struct tep_print_arg **arg)
{
	for (; *p == '-' || *p == '0' || *p == '#'; p++) {
		c->spec.left |= *p == '-';
		c->spec.zero |= *p == '0';
		c->spec.alternate |= *p == '#';
	}
	if (*p == '*') {
		c->spec.width_star = true;
		take_star(b, c, arg);
		p++;
	} else {
		c->spec.width = digits(b, &p);
	}
	if (*p == '.') {
		p++;
		c->spec.precision = 0;
		if (*p == '*') {
			c->spec.precision_star = true;
			take_star(b, c, arg);
			p++;
		} else {
			c->spec.precision = digits(b, &p);
		}
	}
	c->modifiers = p;
	for (; *p && strchr("hlLzZ", *p); p++) {
		if (*p == 'h')
			c->longs--;
		else if (*p == 'l')
			c->longs++;
		else
			c->longs = *p == 'L' ? 2 : 1;
	}
	c->nr_modifiers = p - c->modifiers;
	/* libtraceevent takes these anywhere */
	c->odd = *p && strchr("-0123456789#.*", *p);
	return p;
}

static bool known_modifier(const struct conversion *c)
{
	static const char *const known[] = { "", "h", "hh", "l", "ll", "L", "z", "Z" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == c->nr_modifiers &&
		    !memcmp(known[i], c->modifiers, c->nr_modifiers))
			return true;
	return false;
}

static void number_conversion(struct prog_build *b, char letter, struct conversion *c,
			      const struct tep_print_arg *arg, uint32_t star)
{
	static const uint8_t bytes[] = { 1, 2, 4, 8, 8 };

	if (!known_modifier(c)) {
		prog_cannot(b, "modifiers that printf does not know");
		return;
	}
	c->spec.letter = letter == 'i' ? 'd' : letter;
	c->spec.bytes = bytes[c->longs + 2];
	if (c->spec.letter == 'd')
		c->spec.bytes = prog_signed_bytes(b, arg, c->spec.bytes);
	c->spec.zero_prefix = b->as_kernel;
	b->differs |= c->spec.alternate && (letter == 'x' || letter == 'X');
	if (letter == 'c') {
		c->spec.bytes = 1;
		c->spec.precision = -1;
	}
	add_number(b, arg, &c->spec, star);
}

/* @p behind '%'; returns the first character behind the conversion. */
static const char *add_conversion(struct prog_build *b, const char *p,
				  const struct tep_print_arg **arg)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	struct conversion c = { .spec.precision = -1 };
	const char *start = p;
	uint32_t star = 0;

	if (*p == '%') {
		buf_put(&b->text, "%", 1);
		return p + 1;
	}
	p = take_parts(b, p, &c, arg);
	if (c.odd || p - start > CONVERSION_MAX)
		prog_cannot(b, "a conversion that printf does not know");
	if (b->failed || !*p)
		return p;
	b->differs |= *p == 'c';
	if (!strchr(b->as_kernel ? "diuxXospc" : "diuxXosp", *p)) {
		char unknown[3] = { '>', *p, '<' };

		buf_put(&b->text, unknown, 3);
		return p + 1;
	}
	if (!*arg) {
		prog_cannot(b, "a conversion without argument");
		return p;
	}
	if (b->as_kernel && prog_has_unknown(*arg, *p == 's')) {
		buf_put(&b->text, "?", 1);
		*arg = (*arg)->next;
		return *p == 'p' ? p + 1 + strspn(p + 1, letters) : p + 1;
	}
	if (c.star)
		star = prog_add_value(b, prog_expression(b, c.star));
	if (*p == 'p') {
		p += prog_pointer_arg(b, *arg, p + 1, star, c.star);
	} else if (*p == 's') {
		c.spec.letter = 's';
		if (c.nr_modifiers)
			prog_cannot(b, "a string of wide characters");
		else
			prog_string_arg(b, *arg, &c.spec, star);
	} else {
		number_conversion(b, *p, &c, *arg, star);
	}
	*arg = (*arg)->next;
	return p + 1;
}

static const char *add_escape(struct prog_build *b, const char *p)
{
	char c = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p == 'r' ? '\r' : *p;

	if (!c)
		return p;
	buf_put(&b->text, &c, 1);
	return p + 1;
}

static void compile_format(struct prog_build *b)
{
	const struct tep_print_arg *arg = b->event->print_fmt.args;
	const char *p = b->event->print_fmt.format;

	if (!p)
		prog_cannot(b, "no print format");
	while (!b->failed && *p) {
		if (*p == '%') {
			p = add_conversion(b, p + 1, &arg);
		} else if (*p == '\\') {
			p = add_escape(b, p + 1);
		} else {
			size_t n = strcspn(p, "%\\");

			buf_put(&b->text, p, n);
			p += n;
		}
	}
	prog_add_op(b, OP_END);
}

/* ---- guards ----------------------------------------------------------------------------------- */

/* Whether a guard holds for every record that has the fields. */
static bool always_holds(struct prog_build *b, const struct format_guard *g)
{
	const struct tep_format_field *f;
	uint64_t count, size = 1;

	if (!g->count || !prog_const_value(b, g->count, &count))
		return false;
	switch (g->kind) {
	case GUARD_DIVISOR:
		return count;
	case GUARD_WIDTH:
		return (uint32_t)count <= FORMAT_WIDTH_MAX;
	case GUARD_PRECISION:
		return (int)count >= 0;
	default:
		break;
	}
	if (!g->field || g->field->type != TEP_PRINT_FIELD)
		return false;
	f = g->field->field.field;
	if (!f || (g->size && !prog_const_value(b, g->size, &size)))
		return false;
	if (g->kind == GUARD_INDEX)
		size = f->elementsize ? f->elementsize : 1;
	else if (size != 2 && size != 4 && size != 8)
		size = 1;
	return count < b->check->fixed_end &&
	       (uint32_t)f->offset + (count + (g->kind == GUARD_INDEX)) * size <=
	       b->check->fixed_end;
}

static bool needs_guards(struct prog_build *b)
{
	for (size_t i = 0; i < b->check->guards.nr; i++)
		if (!always_holds(b, &b->check->guards.v[i]))
			return true;
	return false;
}

/* ---- all together ------------------------------------------------------------------------------- */

static void copy_dynamic(struct prog *g, const struct format_check *c)
{
	g->dynamic = calloc(c->dynamic.nr + 1, sizeof(*g->dynamic));
	if (!g->dynamic)
		return;
	for (size_t i = 0; i < c->dynamic.nr; i++) {
		const struct tep_format_field *f = c->dynamic.v[i];

		g->dynamic[i].offset = f->offset;
		g->dynamic[i].base = f->flags & TEP_FIELD_IS_RELATIVE ? f->offset + f->size : 0;
	}
	g->nr_dynamic = c->dynamic.nr;
}

/* Moves what was built into a program; NULL if there is no memory. */
static struct prog *finish(struct prog_build *b)
{
	struct prog *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->guarded = needs_guards(b);
	copy_dynamic(g, b->check);
	if (b->failed || !g->dynamic || buf_fill(&b->text, 0, PROG_STEP)) {
		free(g->dynamic);
		free(g);
		return NULL;
	}
	g->event = b->event;
	g->check = b->check;
	g->swap = b->swap;
	g->min_len = b->check->fixed_end;
	g->room = b->room + PROG_STEP;
	g->text = b->text.data;
	g->ops = b->ops.v;
	g->nr_ops = b->ops.nr;
	g->insns = b->insns.v;
	g->values = b->values.v;
	g->specs = b->specs.v;
	g->names = b->names.v;
	g->tables = b->tables.v;
	g->nr_tables = b->tables.nr;
	return g;
}

static void discard(struct prog_build *b)
{
	buf_release(&b->text);
	vec_release(&b->ops);
	vec_release(&b->insns);
	vec_release(&b->values);
	vec_release(&b->specs);
	vec_release(&b->names);
	for (size_t i = 0; i < b->tables.nr; i++)
		free(b->tables.v[i].by_value);
	vec_release(&b->tables);
}

struct prog *prog_compile(struct tep_event *event, const struct format_check *check, bool as_kernel,
			  bool *ret_differs, const char **why)
{
	struct prog_build b = {
		.event = event, .check = check, .as_kernel = as_kernel, .long_size = tep_get_long_size(event->tep),
		.swap = tep_is_file_bigendian(event->tep) != (bool)tep_is_bigendian(),
	};
	struct prog *g = NULL;

	if (event->flags & TEP_EVENT_FL_ISBPRINT)
		prog_cannot(&b, "its format comes with the record");
	else if (check->bad_fields)
		prog_cannot(&b, "its fields are at impossible places");
	else if (event->flags & TEP_EVENT_FL_FAILED || check->bad_print)
		prog_add_op(&b, OP_FIELDS);
	else
		compile_format(&b);
	if (b.room > ROOM_MAX)
		prog_cannot(&b, "too long a text");
	if (!b.failed)
		g = finish(&b);
	free(b.nodes.v);
	*ret_differs = b.differs;
	if (!g) {
		discard(&b);
		*why = b.why ? b.why : "out of memory";
	}
	return g;
}

void prog_free(struct prog *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->nr_tables; i++)
		free(g->tables[i].by_value);
	free(g->tables);
	free(g->names);
	free(g->specs);
	free(g->values);
	free(g->insns);
	free(g->ops);
	free(g->text);
	free(g->dynamic);
	free(g);
}
