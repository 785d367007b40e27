// SPDX-License-Identifier: LGPL-2.1-or-later
/* Type information as bytes, and prototypes made of it (see btf.h). */
#include <stdlib.h>

#include "kernel/btf.h"

/* include/uapi/linux/btf.h */
#define BTF_MAGIC 0xeb9f
#define BTF_VERSION 1
#define BTF_HEADER_MIN 24
#define VLEN(info) ((info) & 0xffff)
#define KIND(info) ((info) >> 24 & 0x1f)

enum kind {
	KIND_VOID, KIND_INT, KIND_PTR, KIND_ARRAY, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_FWD,
	KIND_TYPEDEF, KIND_VOLATILE, KIND_CONST, KIND_RESTRICT, KIND_FUNC, KIND_FUNC_PROTO, KIND_VAR,
	KIND_DATASEC, KIND_FLOAT, KIND_DECL_TAG, KIND_TYPE_TAG, KIND_ENUM64,
	NR_KINDS
};

/* What follows a record: @fixed bytes, and @each for each of its members. */
static const struct {
	uint8_t fixed, each;
} extra[NR_KINDS] = {
	[KIND_INT] = { 4, 0 }, [KIND_ARRAY] = { 12, 0 }, [KIND_STRUCT] = { 0, 12 },
	[KIND_UNION] = { 0, 12 }, [KIND_ENUM] = { 0, 8 }, [KIND_FUNC_PROTO] = { 0, 8 },
	[KIND_VAR] = { 4, 0 }, [KIND_DATASEC] = { 0, 12 }, [KIND_DECL_TAG] = { 4, 0 },
	[KIND_ENUM64] = { 0, 12 },
};

/* More than any function of a kernel has. */
#define NESTED_MAX 64
#define PROTOTYPE_MAX 8192

struct function {
	const char *name;
	uint32_t proto;
};

struct btf {
	const struct btf *base;
	struct buf bytes;
	bool big_endian;
	uint32_t first_id, first_string;	/* 1 and 0, but for a module */
	const char *strings;
	uint32_t strings_len;
	VEC(uint32_t) types;			/* where in bytes; checked to be whole */
	VEC(struct function) functions;		/* by name */
};

struct type {
	uint32_t id, name, info, type;		/* type is the size, for some kinds */
	struct cur extra;			/* whole, for its kind */
};

static uint32_t next_id(const struct btf *b)
{
	return b->first_id + b->types.nr;
}

/* ---- reading -------------------------------------------------------------- */

/* NULL: there is no such string. */
static const char *string_at(const struct btf *b, uint32_t off)
{
	if (off < b->first_string)
		return string_at(b->base, off);
	off -= b->first_string;
	return off < b->strings_len ? b->strings + off : NULL;
}

/* The record at the cursor, which goes on to the next one. */
static bool read_type(struct cur *c, struct type *t)
{
	enum kind kind;

	if (!cur_u32(c, &t->name) || !cur_u32(c, &t->info) || !cur_u32(c, &t->type))
		return false;
	kind = KIND(t->info);
	return kind < NR_KINDS && kind != KIND_VOID &&
	       cur_sub(c, extra[kind].fixed + (uint64_t)extra[kind].each * VLEN(t->info), &t->extra);
}

static bool get_type(const struct btf *b, uint32_t id, struct type *t)
{
	struct cur c;

	memset(t, 0, sizeof(*t));	/* 0 is void */
	if (!id)
		return true;
	if (id < b->first_id)
		return get_type(b->base, id, t);
	if (id - b->first_id >= b->types.nr)
		return false;
	c = (struct cur){ .data = (const uint8_t *)b->bytes.data, .len = b->bytes.len,
			  .pos = b->types.v[id - b->first_id], .big_endian = b->big_endian };
	t->id = id;
	return read_type(&c, t);
}

static int by_name(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->proto > y->proto) - (x->proto < y->proto);
}

static int read_types(struct btf *b, struct cur *c, struct err *e)
{
	while (cur_left(c)) {
		uint64_t at = cur_offset(c);
		struct type t;
		struct function f;

		if (next_id(b) == UINT32_MAX)
			return err_set(e, -EBADMSG, "too many types");
		if (!read_type(c, &t))
			return err_set(e, -EBADMSG, "type %u at offset 0x%llx is of an unknown kind or cut off",
				       next_id(b), (unsigned long long)at);
		if (vec_push(&b->types, at))
			return err_errno(e, -ENOMEM, "type %u", next_id(b));
		if (KIND(t.info) != KIND_FUNC)
			continue;
		f = (struct function){ string_at(b, t.name), t.type };
		if (!f.name)
			return err_set(e, -EBADMSG, "the name of the function at offset 0x%llx is at 0x%x, outside the strings",
				       (unsigned long long)at, t.name);
		if (vec_push(&b->functions, f))
			return err_errno(e, -ENOMEM, "function '%s'", f.name);
	}
	if (b->functions.nr)
		qsort(b->functions.v, b->functions.nr, sizeof(*b->functions.v), by_name);
	return 0;
}

static int read_all(struct btf *b, struct err *e)
{
	struct cur c = { .data = (const uint8_t *)b->bytes.data, .len = b->bytes.len };
	struct cur types;
	uint32_t header, type_off, type_len, string_off;
	uint16_t magic;
	uint8_t version, flags;

	if (b->bytes.len > UINT32_MAX || !cur_u16(&c, &magic))
		return err_set(e, -EBADMSG, "%zu bytes are no type information", b->bytes.len);
	if (magic != BTF_MAGIC) {
		c.big_endian = !c.big_endian;
		magic = magic >> 8 | magic << 8;
	}
	if (magic != BTF_MAGIC)
		return err_set(e, -EBADMSG, "no type information: it does not begin with 0x%x", BTF_MAGIC);
	b->big_endian = c.big_endian;
	if (!cur_u8(&c, &version) || !cur_u8(&c, &flags) || !cur_u32(&c, &header) ||
	    !cur_u32(&c, &type_off) || !cur_u32(&c, &type_len) || !cur_u32(&c, &string_off) ||
	    !cur_u32(&c, &b->strings_len))
		return err_set(e, -EBADMSG, "the header is cut off");
	if (version != BTF_VERSION)
		return err_set(e, -EBADMSG, "version %u of type information is not known", version);
	if (header < BTF_HEADER_MIN || header > b->bytes.len)
		return err_set(e, -EBADMSG, "a header of %u bytes in %zu bytes", header, b->bytes.len);
	c.pos = header;
	types = c;
	if (!cur_skip(&types, type_off) || !cur_sub(&types, type_len, &types))
		return err_set(e, -EBADMSG, "%u bytes of types at offset 0x%x reach past the end", type_len, type_off);
	if (!cur_skip(&c, string_off) || b->strings_len > cur_left(&c))
		return err_set(e, -EBADMSG, "%u bytes of strings at offset 0x%x reach past the end",
			       b->strings_len, string_off);
	b->strings = (const char *)c.data + c.pos;
	if (b->strings_len && b->strings[b->strings_len - 1])
		return err_set(e, -EBADMSG, "the last string has no end");
	return read_types(b, &types, e);
}

int btf_new(struct buf *bytes, const struct btf *base, struct btf **ret, struct err *e)
{
	struct btf *b = calloc(1, sizeof(*b));
	int r;

	if (!b) {
		buf_release(bytes);
		return err_errno(e, -ENOMEM, "cannot read type information");
	}
	b->bytes = *bytes;
	memset(bytes, 0, sizeof(*bytes));
	b->base = base;
	b->first_id = base ? next_id(base) : 1;
	b->first_string = base ? base->first_string + base->strings_len : 0;
	r = read_all(b, e);
	if (r) {
		btf_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void btf_free(struct btf *b)
{
	if (!b)
		return;
	vec_release(&b->types);
	vec_release(&b->functions);
	buf_release(&b->bytes);
	free(b);
}

/* ---- writing C ------------------------------------------------------------ */

struct writer {
	const struct btf *b;
	struct buf *out;
	size_t start;			/* of the prototype in out */
	unsigned nested;
	struct err *e;
};

/* Every step down goes through here: neither loops nor explosions get far. */
static int enter(struct writer *w, uint32_t id, struct type *t)
{
	if (w->nested >= NESTED_MAX)
		return err_set(w->e, -EBADMSG, "type %u is nested too deep", id);
	if (w->out->len - w->start > PROTOTYPE_MAX)
		return err_set(w->e, -EBADMSG, "longer than %u bytes at type %u", PROTOTYPE_MAX, id);
	if (!get_type(w->b, id, t))
		return err_set(w->e, -EBADMSG, "there is no type %u", id);
	w->nested++;
	return 0;
}

static bool is_qualifier(enum kind kind)
{
	return kind == KIND_VOLATILE || kind == KIND_CONST || kind == KIND_RESTRICT ||
	       kind == KIND_TYPE_TAG;
}

/* The kind of a type below its qualifiers. */
static enum kind kind_below(const struct writer *w, uint32_t id)
{
	struct type t;

	for (unsigned i = 0; i < NESTED_MAX && get_type(w->b, id, &t); i++) {
		if (!is_qualifier(KIND(t.info)))
			return KIND(t.info);
		id = t.type;
	}
	return KIND_VOID;
}

/* A pointer to these needs brackets: "int (*name)[4]". */
static bool binds_tighter(enum kind kind)
{
	return kind == KIND_ARRAY || kind == KIND_FUNC_PROTO;
}

static int put_name(struct writer *w, const char *keyword, const struct type *t)
{
	const char *name = string_at(w->b, t->name);

	if (!name)
		return err_set(w->e, -EBADMSG, "the name of type %u is at 0x%x, outside the strings", t->id, t->name);
	if (!*name)
		name = "{...}";
	return buf_printf(w->out, "%s%s ", keyword, name);
}

static int array_of(struct writer *w, struct type *t, uint32_t *elem, uint32_t *nr)
{
	uint32_t index;

	if (!cur_u32(&t->extra, elem) || !cur_u32(&t->extra, &index) || !cur_u32(&t->extra, nr))
		return err_set(w->e, -EBADMSG, "array type %u is cut off", t->id);
	return 0;
}

static int put_declaration(struct writer *w, uint32_t id, const char *name);

/* What stands in front of the declared name, with a blank behind if need be. */
static int put_front(struct writer *w, uint32_t id)
{
	static const char *const words[NR_KINDS] = {
		[KIND_VOLATILE] = "volatile ", [KIND_CONST] = "const ", [KIND_RESTRICT] = "restrict ",
		[KIND_TYPE_TAG] = "", [KIND_STRUCT] = "struct ", [KIND_UNION] = "union ",
		[KIND_ENUM] = "enum ", [KIND_ENUM64] = "enum ", [KIND_INT] = "", [KIND_FLOAT] = "",
		[KIND_TYPEDEF] = "",
	};
	struct type t;
	uint32_t elem, nr;
	enum kind kind;
	int r = enter(w, id, &t);

	if (r)
		return r;
	kind = KIND(t.info);
	if (kind == KIND_VOID) {
		r = buf_puts(w->out, "void ");
	} else if (is_qualifier(kind)) {
		/* behind the star of a pointer, in front of all else */
		bool behind = kind_below(w, t.type) == KIND_PTR;

		if (!behind)
			r = buf_puts(w->out, words[kind]);
		if (!r)
			r = put_front(w, t.type);
		if (!r && behind)
			r = buf_puts(w->out, words[kind]);
	} else if (kind == KIND_PTR) {
		r = put_front(w, t.type);
		if (!r)
			r = buf_puts(w->out, binds_tighter(kind_below(w, t.type)) ? "(*" : "*");
	} else if (kind == KIND_ARRAY) {
		r = array_of(w, &t, &elem, &nr);
		if (!r)
			r = put_front(w, elem);
	} else if (kind == KIND_FUNC_PROTO) {
		r = put_front(w, t.type);
	} else if (kind == KIND_FWD) {
		r = put_name(w, t.info >> 31 ? "union " : "struct ", &t);
	} else if (words[kind]) {
		r = put_name(w, words[kind], &t);
	} else {
		r = err_set(w->e, -EBADMSG, "type %u is not one of a value", id);
	}
	w->nested--;
	return r;
}

static int put_parameters(struct writer *w, struct type *t)
{
	uint32_t name, type;
	unsigned nr = VLEN(t->info);
	int r = buf_puts(w->out, "(");

	for (unsigned i = 0; !r && i < nr; i++) {
		const char *text;

		if (!cur_u32(&t->extra, &name) || !cur_u32(&t->extra, &type))
			return err_set(w->e, -EBADMSG, "function type %u is cut off", t->id);
		text = string_at(w->b, name);
		if (!text)
			return err_set(w->e, -EBADMSG, "the name of a parameter of type %u is at 0x%x, outside the strings",
				       t->id, name);
		if (i)
			r = buf_puts(w->out, ", ");
		if (!r)
			r = type || *text || i + 1 < nr ? put_declaration(w, type, text) : buf_puts(w->out, "...");
	}
	if (!r && !nr)
		r = buf_puts(w->out, "void");
	return r ? r : buf_puts(w->out, ")");
}

/* What stands behind the declared name. */
static int put_back(struct writer *w, uint32_t id)
{
	struct type t;
	uint32_t elem, nr;
	enum kind kind;
	int r = enter(w, id, &t);

	if (r)
		return r;
	kind = KIND(t.info);
	if (is_qualifier(kind)) {
		r = put_back(w, t.type);
	} else if (kind == KIND_PTR) {
		if (binds_tighter(kind_below(w, t.type)))
			r = buf_puts(w->out, ")");
		if (!r)
			r = put_back(w, t.type);
	} else if (kind == KIND_ARRAY) {
		r = array_of(w, &t, &elem, &nr);
		if (!r)
			r = buf_printf(w->out, "[%u]", nr);
		if (!r)
			r = put_back(w, elem);
	} else if (kind == KIND_FUNC_PROTO) {
		r = put_parameters(w, &t);
		if (!r)
			r = put_back(w, t.type);
	}
	w->nested--;
	return r;
}

static int put_declaration(struct writer *w, uint32_t id, const char *name)
{
	int r = put_front(w, id);

	if (!r && *name)
		r = buf_puts(w->out, name);
	else if (!r && w->out->data[w->out->len - 1] == ' ')
		w->out->data[--w->out->len] = 0;
	return r ? r : put_back(w, id);
}

static int by_wanted_name(const void *name, const void *f)
{
	return strcmp(name, ((const struct function *)f)->name);
}

static const struct function *find_function(const struct btf *b, const char *name)
{
	const struct function *f = NULL;

	if (b->functions.nr)
		f = bsearch(name, b->functions.v, b->functions.nr, sizeof(*f), by_wanted_name);
	while (f && f > b->functions.v && !strcmp(f[-1].name, name))
		f--;
	return f;
}

int btf_prototype(const struct btf *b, const char *function, struct buf *out, struct err *e)
{
	struct writer w = { .b = b, .out = out, .start = out->len, .e = e };
	const struct function *f = find_function(b, function);
	int r;

	if (!f)
		return 0;
	r = kind_below(&w, f->proto) == KIND_FUNC_PROTO ? put_declaration(&w, f->proto, function) :
	    err_set(e, -EBADMSG, "type %u is not one of a function", f->proto);
	if (!r)
		return 1;
	if (out->data)
		out->data[out->len = w.start] = 0;
	return r == -ENOMEM ? err_errno(e, r, "the prototype of %s", function) :
	       (err_wrap(e, "the prototype of %s", function), r);
}

/* ---- parameters ------------------------------------------------------------- */

/* What is below typedefs and qualifiers; false: no end of them, or no such type. */
static bool value_type(const struct btf *b, uint32_t id, struct type *t)
{
	for (unsigned i = 0; i < NESTED_MAX && get_type(b, id, t); i++) {
		if (!is_qualifier(KIND(t->info)) && KIND(t->info) != KIND_TYPEDEF)
			return true;
		id = t->type;
	}
	return false;
}

/* The kernel's pointers and longs are as long as those of its programs. */
static bool describe(const struct btf *b, uint32_t id, struct btf_param *p)
{
	struct type t;
	uint32_t encoding;

	if (!value_type(b, id, &t))
		return false;
	switch (KIND(t.info)) {
	case KIND_PTR:
		p->is_pointer = true;
		p->size = sizeof(long);
		break;
	case KIND_INT:
		if (!cur_u32(&t.extra, &encoding))
			return false;
		p->is_signed = encoding >> 24 & 1;
		p->size = t.type;
		break;
	case KIND_ENUM:
	case KIND_ENUM64:
		p->is_signed = t.info >> 31;
		p->size = t.type;
	}
	return true;
}

int btf_parameters(const struct btf *b, const char *function,
		   int (*fn)(void *ctx, const struct btf_param *p), void *ctx, struct err *e)
{
	const struct function *f = find_function(b, function);
	struct type proto;
	int r = 0;

	if (!f)
		return 0;
	if (!value_type(b, f->proto, &proto) || KIND(proto.info) != KIND_FUNC_PROTO)
		return err_set(e, -EBADMSG, "the parameters of %s: type %u is not one of a function", function,
			       f->proto);
	for (unsigned i = 0; !r && i < VLEN(proto.info); i++) {
		struct btf_param p = { .index = i };
		uint32_t name, type;

		if (cur_u32(&proto.extra, &name) && cur_u32(&proto.extra, &type))
			p.name = string_at(b, name);
		if (!p.name || !describe(b, type, &p))
			return err_set(e, -EBADMSG, "the parameters of %s: number %u is broken", function, i + 1);
		r = fn(ctx, &p);
	}
	return r < 0 ? r : 1;
}
