// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What may follow %p. libtraceevent knows some of the kernel's letters; it prints
 * those that it does not know as text behind the pointer. Addresses are read from
 * a field (casts are looked through), which must have the right size.
 */
#include <stdio.h>

#include "event/prog_build.h"
#include "event/prog_put.h"

/* A constant text, for arguments that libtraceevent complains of. */
static void complain(struct prog_build *b, const char *text, int type)
{
	buf_puts(&b->text, text);
	if (type >= 0)
		buf_dec(&b->text, type);
}

static void add_number_op(struct prog_build *b, const struct tep_print_arg *arg,
			  enum prog_op_code code)
{
	struct prog_value v = prog_expression(b, arg);

	if (!b->failed)
		prog_add_op(b, code)->value = v;
}

/* The field of an address, @size bytes of it; NULL and complained of, or given up. */
static const struct tep_format_field *address_field(struct prog_build *b,
						    const struct tep_print_arg *arg, int size,
						    const char *invalid)
{
	const struct tep_format_field *f;

	arg = prog_skip_casts(arg);
	if (!arg || arg->type == TEP_PRINT_FUNC) {
		prog_cannot(b, "a plugin's function");
		return NULL;
	}
	if (arg->type != TEP_PRINT_FIELD) {
		complain(b, "ARG TYPE NOT FIELD BUT ", arg->type);
		return NULL;
	}
	f = prog_field_of(b, arg->field.field, arg->field.name);
	if (f && f->size == size)
		return f;
	complain(b, invalid, -1);
	return NULL;
}

static void add_address(struct prog_build *b, const struct tep_print_arg *arg,
			enum prog_op_code code, unsigned flags, int size, const char *invalid)
{
	const struct tep_format_field *f = address_field(b, arg, size, invalid);
	struct prog_op *op;

	if (!f || b->failed)
		return;
	b->room += PROG_ADDRESS_ROOM;
	op = prog_add_op(b, code);
	op->flags = flags;
	op->offset = f->offset;
}

static size_t mac(struct prog_build *b, const struct tep_print_arg *arg, const char *letters)
{
	unsigned flags = *letters == 'm' ? ADDRESS_SMALL : 0;
	size_t used = 1;

	if (letters[1] == 'R') {
		flags |= ADDRESS_REVERSED;
		used = 2;
	} else if (letters[1] == 'F') {
		if (*letters == 'm')
			prog_cannot(b, "%pmF");
		flags |= ADDRESS_DASHES;
		used = 2;
	}
	add_address(b, arg, OP_MAC, flags, 6, "INVALIDMAC");
	return used;
}

static size_t uuid(struct prog_build *b, const struct tep_print_arg *arg, const char *letters)
{
	unsigned flags = 0;
	bool more = letters[1] && strchr("bBlL", letters[1]);

	if (letters[1] == 'l' || letters[1] == 'L')
		flags |= ADDRESS_REVERSED;
	if (letters[1] == 'B' || letters[1] == 'L')
		flags |= ADDRESS_UPPER;
	add_address(b, arg, OP_UUID, flags, 16, "INVALIDUUID");
	return more ? 2 : 1;
}

/* Where a field or a dynamic array is. */
static struct prog_bytes bytes_of(const struct tep_format_field *f, bool dynamic)
{
	return (struct prog_bytes){
		.offset = f->offset, .size = dynamic ? 0 : f->size, .dynamic = dynamic,
		.relative = f->flags & TEP_FIELD_IS_RELATIVE,
	};
}

static void add_socket(struct prog_build *b, const struct tep_print_arg *arg, unsigned flags)
{
	const struct tep_format_field *f;
	struct prog_op *op;
	bool dynamic;

	arg = prog_skip_casts(arg);
	if (!arg || arg->type == TEP_PRINT_FUNC) {
		prog_cannot(b, "a plugin's function");
		return;
	}
	dynamic = arg->type == TEP_PRINT_DYNAMIC_ARRAY;
	if (!dynamic && arg->type != TEP_PRINT_FIELD) {
		complain(b, "ARG NOT FIELD NOR DYNAMIC ARRAY BUT TYPE ", arg->type);
		return;
	}
	f = dynamic ? arg->dynarray.field : prog_field_of(b, arg->field.field, arg->field.name);
	if (!f || (!dynamic && f->size < 2)) {
		prog_cannot(b, "a socket's address without a family");
		return;
	}
	b->room += PROG_ADDRESS_ROOM;
	op = prog_add_op(b, OP_SOCKET);
	op->flags = flags;
	op->bytes = bytes_of(f, dynamic);
}

/* [Ii]4[hnbl], [Ii]6[c], [Ii]S[p][c]. */
static size_t internet(struct prog_build *b, const struct tep_print_arg *arg, const char *letters)
{
	unsigned flags = *letters == 'i' ? ADDRESS_SMALL : 0;
	size_t used = 2, others;

	switch (letters[1]) {
	case '4':
		/* 'h' is the order of the machine that recorded */
		if (letters[2] == 'l' ||
		    (letters[2] == 'h' && b->swap == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)))
			flags |= ADDRESS_REVERSED;
		add_address(b, arg, OP_IPV4, flags, 4, "INVALIDIPv4");
		return letters[2] && strchr("hnbl", letters[2]) ? 3 : 2;
	case '6':
		if (letters[2] == 'c')
			flags |= ADDRESS_COMPRESSED;
		add_address(b, arg, OP_IPV6, flags, 16, "INVALIDIPv6");
		return letters[2] == 'c' ? 3 : 2;
	case 'S':
		if (letters[used] == 'p') {
			flags |= ADDRESS_PORT;
			used++;
		}
		/* behind another letter, 'c' means nothing */
		others = strspn(letters + used, "sf");
		if (letters[used + others] == 'c') {
			if (!others)
				flags |= ADDRESS_COMPRESSED;
			used++;
		} else if (letters[used + others] && strchr("hnblp", letters[used + others])) {
			prog_cannot(b, "letters behind %pIS");
		}
		add_socket(b, arg, flags);
		return used + others;
	}
	if (arg->type == TEP_PRINT_FUNC)
		prog_cannot(b, "a plugin's function");
	return 1;
}

/* Only dynamic arrays, and of these no more than their length; without a '*', one byte. */
static size_t buffer(struct prog_build *b, const struct tep_print_arg *arg, const char *letters,
		     uint32_t star, bool starred)
{
	size_t used = letters[1] && strchr("CDN", letters[1]) ? 2 : 1;
	char separator = used == 1 ? ' ' : letters[1] == 'C' ? ':' : letters[1] == 'D' ? '-' : 0;
	struct prog_op *op;

	if (arg->type == TEP_PRINT_FUNC) {
		prog_cannot(b, "a plugin's function");
	} else if (arg->type != TEP_PRINT_DYNAMIC_ARRAY) {
		complain(b, "ARG TYPE NOT FIELD BUT ", arg->type);
	} else if (!arg->dynarray.field) {
		prog_cannot(b, "a dynamic array that the event has not");
	} else {
		if (!starred)
			star = prog_add_value(b, (struct prog_value){ HOW_CONST, 1 });
		op = prog_add_op(b, OP_BUFFER);
		op->flags = separator;
		op->count = star;
		op->bytes = bytes_of(arg->dynarray.field, true);
	}
	return used;
}

size_t prog_pointer_arg(struct prog_build *b, const struct tep_print_arg *arg, const char *letters,
			uint32_t star, bool starred)
{
	switch (*letters) {
	case 'F':
	case 'S':
		add_number_op(b, arg, OP_SYMBOL_OFFSET);
		return 1;
	case 'f':
	case 's':
		add_number_op(b, arg, OP_SYMBOL_NAME);
		return 1;
	case 'M':
	case 'm':
		return mac(b, arg, letters);
	case 'U':
		return uuid(b, arg, letters);
	case 'I':
	case 'i':
		return internet(b, arg, letters);
	case 'h':
		return buffer(b, arg, letters, star, starred);
	}
	add_number_op(b, arg, OP_POINTER);
	return 0;
}
