// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Running print programs. Fixed fields lie within min_len, so they are read
 * without a check; strings and arrays end at the record's end at the latest,
 * where libtraceevent gets to see zeros.
 */
#include <limits.h>

#include "event/db.h"
#include "event/plain.h"
#include "event/prog_put.h"

/* ---- room --------------------------------------------------------------------------- */

/* Room for @more and for all literals and numbers that may still come; NULL: no memory. */
static char *grow(const struct prog *g, struct buf *out, char *p, size_t more)
{
	out->len = p - out->data;
	return buf_room(out, more + g->room);
}

static inline char *need(const struct prog *g, struct buf *out, char *p, size_t more)
{
	if (__builtin_expect(more + g->room < out->cap - (size_t)(p - out->data), 1))
		return p;
	return grow(g, out, p, more);
}

/* Texts and output have slack, so that most are copied without a loop. */
static inline char *put_literal(char *p, const char *s, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += PROG_STEP)
		memcpy(p + i, s + i, PROG_STEP);
	return p + len;
}

/* ---- widths from the record ------------------------------------------------------------ */

struct star { unsigned width; int precision; };

static struct star star_of(const struct prog *g, const struct prog_op *op,
			   const struct prog_spec *spec, const struct prog_record *r)
{
	struct star s = { spec->width, spec->precision };
	uint32_t v;

	if (!spec->width_star && !spec->precision_star)
		return s;
	/* of its lower half a guard has seen that it is no more; what a string is cut to may be */
	v = prog_number(g, &g->values[op->count], r);
	if (spec->width_star)
		s.width = v > FORMAT_WIDTH_MAX ? FORMAT_WIDTH_MAX : v;
	else
		s.precision = v > INT_MAX ? INT_MAX : v;
	return s;
}

static char *put_text(const struct prog *g, const struct prog_op *op, const struct prog_record *r,
		      char *p, const char *text, size_t len)
{
	const struct prog_spec *spec = &g->specs[op->spec];
	struct star s = star_of(g, op, spec, r);

	return prog_put_string(p, text, len, spec, s.width, s.precision);
}

static char *put_number(const struct prog *g, const struct prog_op *op,
			const struct prog_record *r, char *p)
{
	const struct prog_spec *spec = &g->specs[op->spec];
	struct star s = star_of(g, op, spec, r);

	/* there is room for so many digits */
	if (s.precision > FORMAT_WIDTH_MAX)
		s.precision = FORMAT_WIDTH_MAX;
	return prog_put_number(p, prog_number(g, &op->value, r), spec, s.width, s.precision);
}

/* ---- bytes of the record ------------------------------------------------------------------ */

struct bytes { const uint8_t *data; uint32_t len; };

/* A dynamic array, which lies within the record (dynamic_fit). */
static struct bytes dynamic_bytes(const struct prog *g, const struct prog_bytes *b,
				  const struct prog_record *r)
{
	uint32_t loc = prog_load(g->swap ? HOW_BE32 : HOW_U32, r->data + b->offset);
	uint32_t at = (loc & 0xffff) + (b->relative ? b->offset + 4 : 0);

	if (at > r->len)
		return (struct bytes){ r->data, 0 };
	return (struct bytes){ r->data + at, loc >> 16 };
}

static struct bytes bytes_of(const struct prog *g, const struct prog_bytes *b,
			     const struct prog_record *r)
{
	if (b->dynamic)
		return dynamic_bytes(g, b, r);
	return (struct bytes){ r->data + b->offset, b->size };
}

/* From there to the record's end. */
static size_t rest_of(const uint8_t *at, const struct prog_record *r)
{
	return r->data + r->len - at;
}

/* ---- strings ---------------------------------------------------------------------------------- */

static char *put_chars(const struct prog *g, const struct prog_op *op, const struct prog_record *r,
		       struct buf *out, char *p, const uint8_t *s, size_t most)
{
	const struct prog_spec *spec = &g->specs[op->spec];
	struct star star = star_of(g, op, spec, r);
	size_t len;

	if (star.precision >= 0 && most > (size_t)star.precision)
		most = star.precision;
	len = strnlen((const char *)s, most);
	p = need(g, out, p, len > star.width ? len : star.width);
	return p ? prog_put_string(p, (const char *)s, len, spec, star.width, -1) : NULL;
}

static char *put_dynamic(const struct prog *g, const struct prog_op *op,
			 const struct prog_record *r, struct buf *out, char *p)
{
	struct bytes b = dynamic_bytes(g, &op->bytes, r);

	/* it ends with a NUL, wherever that is; without a length, there is not even padding */
	return b.len ? put_chars(g, op, r, out, p, b.data, rest_of(b.data, r)) : p;
}

/* As libtraceevent keeps it: it takes quotes off once more, and a newline before the last. */
static const char *pointed_string(struct event_db *db, uint64_t addr, size_t *ret_len)
{
	const char *s = event_db_printk(db, addr);
	size_t len = s ? strlen(s) : 0;

	/* texts.c keeps shorter ones from it */
	if (len < 3)
		return NULL;
	if (*s == '"') {
		s++;
		len--;
	}
	if (s[len - 1] == '"') {
		len--;
		if (len >= 2 && !memcmp(s + len - 2, "\\n", 2))
			len -= 2;
	}
	*ret_len = len;
	return s;
}

static char *put_pointed(const struct prog *g, struct event_db *db, const struct prog_op *op,
			 const struct prog_record *r, struct buf *out, char *p)
{
	uint64_t addr = prog_number(g, &op->value, r);
	size_t len;
	const char *s = pointed_string(db, addr, &len);

	if (!s)
		return put_hex(p, addr);
	p = need(g, out, p, len);
	return p ? put_bytes(p, s, len) : NULL;
}

static char *put_symbol(const struct prog *g, struct event_db *db, const struct prog_op *op,
			const struct prog_record *r, struct buf *out, char *p)
{
	uint64_t addr = prog_number(g, &op->value, r), start;
	const char *name = event_db_symbol(db, addr, &start, NULL);
	size_t len;

	if (!name)
		return put_0x(p, addr);
	len = strlen(name);
	p = need(g, out, p, len + NUMBER_MAX);
	if (!p)
		return NULL;
	p = put_bytes(p, name, len);
	if (op->code == OP_SYMBOL_NAME)
		return p;
	*p++ = '+';
	return put_0x(p, addr - start);
}

static char *put_pointer(char *p, uint64_t v)
{
	return v ? put_0x(p, v) : put_bytes(p, "(nil)", 5);
}

/* ---- flags and symbols ---------------------------------------------------------------------------- */

static const struct prog_name *find_name(const struct prog *g, const struct prog_table *t,
					 uint64_t v)
{
	if (v < t->nr_by_value)
		return t->by_value[v] ? &g->names[t->first + t->by_value[v] - 1] : NULL;
	for (uint32_t i = 0; i < t->nr; i++)
		if (g->names[t->first + i].value == v)
			return &g->names[t->first + i];
	return NULL;
}

static char *put_symbolic(const struct prog *g, const struct prog_op *op,
			  const struct prog_record *r, char *p)
{
	uint64_t v = prog_number(g, &op->value, r);
	const struct prog_name *n = find_name(g, &g->tables[op->target], v);

	return n ? put_text(g, op, r, p, g->text + n->text, n->len) : put_0x(p, v);
}

/* Negative values are names libtraceevent does not know: one of them stands for 0. */
static char *put_flags(const struct prog *g, const struct prog_op *op, const struct prog_record *r,
		       char *p)
{
	const struct prog_table *t = &g->tables[op->target];
	uint64_t v = prog_number(g, &op->value, r);
	bool any = false;

	for (uint32_t i = 0; i < t->nr; i++) {
		const struct prog_name *n = &g->names[t->first + i];
		int64_t flag = n->value;

		if (!v && flag < 0)
			return put_text(g, op, r, p, g->text + n->text, n->len);
		if (flag <= 0 || (v & flag) != (uint64_t)flag)
			continue;
		if (any)
			p = put_bytes(p, g->text + t->delimiter, t->delimiter_len);
		p = put_text(g, op, r, p, g->text + n->text, n->len);
		any = true;
		v &= ~flag;
	}
	if (!v)
		return p;
	if (any)
		p = put_bytes(p, g->text + t->delimiter, t->delimiter_len);
	return put_0x(p, v);
}

/* ---- lists and masks ---------------------------------------------------------------------------------- */

static char *put_hex_bytes(const struct prog *g, const struct prog_op *op,
			   const struct prog_record *r, struct buf *out, char *p)
{
	struct bytes b = bytes_of(g, &op->bytes, r);
	int32_t count = prog_number(g, &g->values[op->count], r);

	if (count <= 0)
		return p;
	if ((size_t)count > rest_of(b.data, r))
		count = rest_of(b.data, r);
	p = need(g, out, p, 3 * (size_t)count);
	return p ? prog_put_hex(p, b.data, count, op->flags) : NULL;
}

static char *put_buffer(const struct prog *g, const struct prog_op *op,
			const struct prog_record *r, struct buf *out, char *p)
{
	struct bytes b = bytes_of(g, &op->bytes, r);
	uint32_t count = prog_number(g, &g->values[op->count], r);

	if (count > b.len)
		count = b.len;
	p = need(g, out, p, 3 * (size_t)count);
	return p ? prog_put_hex(p, b.data, count, op->flags) : NULL;
}

/* Numbers are read in this machine's byte order. After an odd size it goes on with bytes. */
static char *put_numbers(const struct prog *g, const struct prog_op *op,
			 const struct prog_record *r, struct buf *out, char *p)
{
	struct bytes b = bytes_of(g, &op->bytes, r);
	int32_t count = prog_number(g, &g->values[op->count], r);
	int32_t size = prog_number(g, &g->values[op->size], r);
	enum prog_how how = size == 8 ? HOW_U64 : size == 4 ? HOW_U32 : size == 2 ? HOW_U16 : HOW_U8;
	bool odd = size != 1 && how == HOW_U8;
	size_t step = how == HOW_U8 ? 1 : size, rest = rest_of(b.data, r);

	if (count <= 0)
		return p;
	if ((size_t)count > rest / step)
		count = rest / step;
	p = need(g, out, p, (size_t)count * (NUMBER_MAX + 1) + 2 * NUMBER_MAX);
	if (!p)
		return NULL;
	for (int32_t i = 0; i < count; i++) {
		uint64_t v = prog_load(how, b.data + i * step);

		if (i)
			*p++ = ' ';
		if (!i && odd) {
			p = put_signed(put_bytes(p, "BAD SIZE:", 9), size);
			*p++ = ' ';
			p = put_0x(p, v);
		} else {
			p = put_dec(p, v);
		}
	}
	return p;
}

static char *put_mask(const struct prog *g, const struct prog_op *op, const struct prog_record *r,
		      struct buf *out, char *p)
{
	struct bytes b = dynamic_bytes(g, &op->bytes, r);
	const struct prog_spec *spec = &g->specs[op->spec];
	struct star star = star_of(g, op, spec, r);
	bool reversed = g->swap == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
	char *end;

	p = need(g, out, p, prog_mask_room(b.len) + star.width);
	if (!p)
		return NULL;
	end = op->code == OP_BITMASK ? prog_put_bitmask(p, b.data, b.len, reversed) :
		prog_put_cpumask(p, b.data, b.len, reversed);
	return prog_pad(p, end, spec, star.width, star.precision);
}

/* ---- the loop --------------------------------------------------------------------------------------------- */

/* A socket's address is looked at even where the array is too short for a family. */
static char *put_socket(const struct prog *g, const struct prog_op *op,
			const struct prog_record *r, char *p)
{
	struct bytes b = bytes_of(g, &op->bytes, r);
	size_t rest = rest_of(b.data, r);
	uint8_t family[2] = { 0 };

	if (b.len >= 2)
		return prog_put_socket(p, b.data, b.len, op->flags);
	memcpy(family, b.data, rest < 2 ? rest : 2);
	return prog_put_socket(p, family, b.len, op->flags);
}

/* Operations on whose speed nothing depends. */
static char *run_rare(const struct prog *g, struct event_db *db, const struct prog_op *op,
		      const struct prog_record *r, struct buf *out, char *p)
{
	switch (op->code) {
	case OP_STRING_DYNAMIC:
		return put_dynamic(g, op, r, out, p);
	case OP_STRING_POINTER:
		return put_pointed(g, db, op, r, out, p);
	case OP_TEXT:
		return put_text(g, op, r, p, g->text + op->target, op->size);
	case OP_FLAGS:
		return put_flags(g, op, r, p);
	case OP_SYMBOLIC:
		return put_symbolic(g, op, r, p);
	case OP_SYMBOL_NAME:
	case OP_SYMBOL_OFFSET:
		return put_symbol(g, db, op, r, out, p);
	case OP_HEX_BYTES:
		return put_hex_bytes(g, op, r, out, p);
	case OP_NUMBERS:
		return put_numbers(g, op, r, out, p);
	case OP_BITMASK:
	case OP_CPUMASK:
		return put_mask(g, op, r, out, p);
	case OP_MAC:
		return prog_put_mac(p, r->data + op->offset, op->flags);
	case OP_IPV4:
		return prog_put_ipv4(p, r->data + op->offset, op->flags);
	case OP_IPV6:
		return prog_put_ipv6(p, r->data + op->offset, op->flags);
	case OP_SOCKET:
		return put_socket(g, op, r, p);
	case OP_UUID:
		return prog_put_uuid(p, r->data + op->offset, op->flags);
	case OP_BUFFER:
		return put_buffer(g, op, r, out, p);
	}
	return p;
}

#define LOAD32 ((uint32_t)prog_load(HOW_U32, r->data + op->offset))
#define LOAD64 prog_load(HOW_U64, r->data + op->offset)

/* Returns the end of the text; NULL: no memory. */
static char *run(const struct prog *g, struct event_db *db, const struct prog_record *r,
		 struct buf *out, char *p)
{
	uint64_t v;

	for (const struct prog_op *op = g->ops; p; op++) {
		p = put_literal(p, g->text + op->literal, op->literal_len);
		switch (op->code) {
		case OP_END:
			return p;
		case OP_U32:
			p = put_dec(p, LOAD32);
			break;
		case OP_S32:
			p = put_signed(p, (int32_t)LOAD32);
			break;
		case OP_U64:
			p = put_dec(p, LOAD64);
			break;
		case OP_S64:
			p = put_signed(p, LOAD64);
			break;
		case OP_HEX32:
			p = put_hex(p, LOAD32);
			break;
		case OP_HEX64:
			p = put_hex(p, LOAD64);
			break;
		case OP_HEX32_TO:
		case OP_HEX64_TO: {
			unsigned n;

			v = op->code == OP_HEX32_TO ? LOAD32 : LOAD64;
			n = hex_digits(v);
			p = put_hex_digits(p, v, n > op->width ? n : op->width);
			break;
		}
		case OP_NUMBER:
			p = put_number(g, op, r, p);
			break;
		case OP_POINTER:
			p = put_pointer(p, prog_number(g, &op->value, r));
			break;
		case OP_STRING:
			p = put_chars(g, op, r, out, p, r->data + op->bytes.offset, op->bytes.size);
			break;
		case OP_STRING_REST:
			p = put_chars(g, op, r, out, p, r->data + op->bytes.offset,
				      r->len - op->bytes.offset);
			break;
		case OP_IF_ZERO:
			if (!prog_number(g, &op->value, r))
				op = g->ops + op->target - 1;
			break;
		case OP_GOTO:
			op = g->ops + op->target - 1;
			break;
		default:
			p = run_rare(g, db, op, r, out, p);
			break;
		}
	}
	return NULL;
}

/* As format_check_record: every dynamic array lies within the record. */
static bool dynamic_fit(const struct prog *g, const struct prog_record *r)
{
	for (size_t i = 0; i < g->nr_dynamic; i++) {
		uint32_t loc = prog_load(g->swap ? HOW_BE32 : HOW_U32,
					 r->data + g->dynamic[i].offset);
		uint32_t at = (loc & 0xffff) + g->dynamic[i].base;

		if (at > r->len || loc >> 16 > r->len - at)
			return false;
	}
	return true;
}

bool prog_run(const struct prog *g, struct event_db *db, const struct event_record *rec,
	      struct buf *out)
{
	const struct prog_record r = { rec->data, rec->len };
	char *p;

	if (r.len < g->min_len || !dynamic_fit(g, &r) ||
	    (g->guarded && !format_check_print(g->check, g->event, r.data, r.len, r.len)))
		return false;
	if (g->ops->code == OP_FIELDS) {
		buf_puts(out, "[FAILED TO PARSE]");
		plain_fields(g->event, rec, out);
		return true;
	}
	p = buf_room(out, g->room);
	if (p)
		p = run(g, db, &r, out, p);
	if (p)
		buf_wrote(out, p);
	return true;
}
