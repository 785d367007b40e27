// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a format's declarations to types. libtraceevent's own idea of an
 * element's size is missing for the kernel's short type names, and its strings
 * are any array of bytes; so types are told from their words here.
 */
#include <errno.h>
#include <stdlib.h>

#include "event/fields.h"

/* No record is longer than a sub-buffer. */
#define OFFSET_MAX (1u << 27)

static bool starts(const char *word, size_t len, const char *with)
{
	return len == strlen(with) && !memcmp(word, with, len);
}

/* The type's words: without where the data lies, "const" and the brackets. */
static void bare_type(const char *type, const char **ret, size_t *ret_len)
{
	static const char *const leading[] = { "__data_loc ", "__rel_loc ", "const " };
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(leading); i++)
		if (!strncmp(type, leading[i], strlen(leading[i])))
			type += strlen(leading[i]);
	len = strcspn(type, "[");
	while (len && type[len - 1] == ' ')
		len--;
	*ret = type;
	*ret_len = len;
}

/* Bytes of an integer type by its name; 0 if it is not known to be one. */
static unsigned type_size(const char *word, size_t len, unsigned long_size)
{
	static const struct { const char *name; uint8_t size; } types[] = {
		{ "char", 1 }, { "signed char", 1 }, { "unsigned char", 1 }, { "bool", 1 },
		{ "u8", 1 }, { "s8", 1 }, { "__u8", 1 }, { "__s8", 1 }, { "uint8_t", 1 },
		{ "int8_t", 1 },
		{ "short", 2 }, { "unsigned short", 2 }, { "u16", 2 }, { "s16", 2 },
		{ "__u16", 2 }, { "__s16", 2 }, { "uint16_t", 2 }, { "int16_t", 2 },
		{ "__le16", 2 }, { "__be16", 2 },
		{ "int", 4 }, { "unsigned", 4 }, { "unsigned int", 4 }, { "u32", 4 },
		{ "s32", 4 }, { "__u32", 4 }, { "__s32", 4 }, { "uint32_t", 4 },
		{ "int32_t", 4 }, { "__le32", 4 }, { "__be32", 4 }, { "pid_t", 4 },
		{ "dev_t", 4 }, { "gfp_t", 4 },
		{ "long long", 8 }, { "unsigned long long", 8 }, { "u64", 8 }, { "s64", 8 },
		{ "__u64", 8 }, { "__s64", 8 }, { "uint64_t", 8 }, { "int64_t", 8 },
		{ "__le64", 8 }, { "__be64", 8 },
		{ "long", 0 }, { "unsigned long", 0 }, { "size_t", 0 }, { "ssize_t", 0 },
		{ "cpumask_t", 0 },
	};

	if (len && word[len - 1] == '*')
		return long_size;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (starts(word, len, types[i].name))
			return types[i].size ? types[i].size : long_size;
	return 0;
}

unsigned field_element_size(const struct tep_format_field *f)
{
	const char *word;
	size_t len;

	bare_type(f->type, &word, &len);
	return type_size(word, len, tep_get_long_size(f->event->tep));
}

static bool is_integer_size(uint64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* The print format's arguments tell what a declaration does not. */
struct usage {
	const struct tep_event *event;
	const char *name;
	bool bytes;			/* a field of char that is printed as numbers */
	bool mask;
};

static bool names(const struct tep_print_arg *arg, const char *name)
{
	const char *found = NULL;

	switch (arg ? arg->type : TEP_PRINT_NULL) {
	case TEP_PRINT_FIELD:
		found = arg->field.name;
		break;
	case TEP_PRINT_DYNAMIC_ARRAY:
	case TEP_PRINT_DYNAMIC_ARRAY_LEN:
		found = arg->dynarray.field ? arg->dynarray.field->name : NULL;
		break;
	case TEP_PRINT_TYPE:
		return names(arg->typecast.item, name);
	default:
		break;
	}
	return found && !strcmp(found, name);
}

static void look_at(const struct tep_print_arg *arg, struct usage *u)
{
	if (!arg)
		return;
	switch (arg->type) {
	case TEP_PRINT_HEX:
	case TEP_PRINT_HEX_STR:
		u->bytes |= names(arg->hex.field, u->name);
		break;
	case TEP_PRINT_INT_ARRAY:
		u->bytes |= names(arg->int_array.field, u->name);
		break;
	case TEP_PRINT_BITMASK:
	case TEP_PRINT_CPUMASK:
		u->mask |= arg->bitmask.bitmask && !strcmp(arg->bitmask.bitmask, u->name);
		break;
	case TEP_PRINT_TYPE:
		look_at(arg->typecast.item, u);
		break;
	case TEP_PRINT_OP:
		look_at(arg->op.left, u);
		look_at(arg->op.right, u);
		break;
	default:
		break;
	}
}

static struct usage usage_of(const struct tep_event *event, const char *name)
{
	struct usage u = { .event = event, .name = name };

	for (const struct tep_print_arg *arg = event->print_fmt.args; arg; arg = arg->next)
		look_at(arg, &u);
	return u;
}

/* ftrace's own events whose declarations say less than is known. */
static bool is_ftrace(const struct tep_event *event, const char *name)
{
	return !strcmp(event->system, "ftrace") && !strcmp(event->name, name);
}

static void set_place(const struct tep_format_field *f, struct event_field *ret)
{
	ret->offset = f->offset;
	if (f->flags & TEP_FIELD_IS_DYNAMIC) {
		ret->place = f->flags & TEP_FIELD_IS_RELATIVE ? EVENT_REL_LOC : EVENT_DATA_LOC;
	} else if (!f->size || (is_ftrace(f->event, "kernel_stack") && !strcmp(f->name, "caller"))) {
		/* a stack has as many frames as the record holds */
		ret->place = EVENT_REST;
	} else {
		ret->place = EVENT_FIXED;
		ret->len = f->size;
	}
}

static void set_type(const struct tep_format_field *f, struct event_field *ret)
{
	const struct usage u = usage_of(f->event, f->name);
	unsigned size;
	const char *word;
	size_t len;

	bare_type(f->type, &word, &len);
	size = field_element_size(f);
	ret->is_signed = f->flags & TEP_FIELD_IS_SIGNED;
	ret->is_pointer = f->flags & TEP_FIELD_IS_POINTER;
	ret->is_mask = u.mask || starts(word, len, "cpumask_t");
	if (ret->place == EVENT_FIXED && !(f->flags & TEP_FIELD_IS_ARRAY) &&
	    is_integer_size(f->size)) {
		ret->type = EVENT_NUMBER;
		ret->size = f->size;
		return;
	}
	ret->type = EVENT_ARRAY;
	if (ret->place == EVENT_FIXED && f->flags & TEP_FIELD_IS_ARRAY && f->arraylen &&
	    f->size % f->arraylen == 0)
		size = f->size / f->arraylen;
	ret->size = is_integer_size(size) ? size : 1;
	/* elements of no integer size are shown as bytes */
	if (!is_integer_size(size))
		ret->is_signed = false;
	if (ret->size == 1 && !u.bytes && !is_ftrace(f->event, "raw_data") &&
	    (starts(word, len, "char") || starts(word, len, "string")))
		ret->type = EVENT_STRING;
}

static bool set_field(const struct tep_format_field *f, struct event_field *ret)
{
	if (f->offset < 0 || f->size < 0 || f->offset > (int)OFFSET_MAX || f->size > (int)OFFSET_MAX ||
	    (f->flags & TEP_FIELD_IS_DYNAMIC && f->size != 4))
		return false;
	*ret = (struct event_field){ .name = f->name, .tep = f };
	set_place(f, ret);
	set_type(f, ret);
	return true;
}

int event_fields_new(const struct tep_event *event, bool common, struct event_fields **ret)
{
	const struct tep_format_field *first, *f;
	struct event_fields *fields;
	size_t nr = 0;

	first = common ? event->format.common_fields : event->format.fields;
	for (f = first; f; f = f->next)
		nr++;
	fields = malloc(sizeof(*fields) + nr * sizeof(fields->v[0]));
	if (!fields)
		return -ENOMEM;
	fields->nr = 0;
	for (f = first; f; f = f->next)
		fields->nr += set_field(f, &fields->v[fields->nr]);
	*ret = fields;
	return 0;
}

const struct event_field *event_fields_find(const struct event_fields *fields, const char *name)
{
	for (uint32_t i = 0; i < fields->nr; i++)
		if (!strcmp(fields->v[i].name, name))
			return &fields->v[i];
	return NULL;
}
