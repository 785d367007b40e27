// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Definitions of user events: what the kernel takes ("Command Format" in its user_events.rst),
 * with what it refuses told by field, and what it takes without sense refused.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/user_event.h"

#define TEXT_MAX 511			/* the kernel copies 512 bytes with the NUL */
#define ARRAY_MAX 1024

static const struct {
	const char *name;
	uint32_t size;
	bool is_signed;
} number_types[] = {
	{ "s8", 1, true }, { "u8", 1, false }, { "s16", 2, true }, { "u16", 2, false }, { "s32", 4, true },
	{ "u32", 4, false }, { "s64", 8, true }, { "u64", 8, false }, { "char", 1, true },
	{ "unsigned char", 1, false }, { "short", 2, true }, { "unsigned short", 2, false },
	{ "int", 4, true }, { "unsigned int", 4, false },
};

/* ---- words ------------------------------------------------------------------- */

struct parsing {
	struct kernel_user_def *def;
	const char *name;		/* of the event, for messages */
	unsigned field;			/* from 1 */
	const char *text;		/* of the field */
	struct err *e;
};

static int refuse(const struct parsing *p, const char *why)
{
	return err_set(p->e, -EINVAL, "user event '%s': field %u '%s': %s", p->name, p->field, p->text, why);
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot read the definition of a user event");
}

/* A letter or '_', then these and digits; @more: what else may be inside. */
static bool is_name(const char *s, const char *more)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && !strchr(more, *s))
			return false;
	return true;
}

/* Splits at blanks, in place. The number of words, or @max + 1 if there are more. */
static size_t split(char *text, char **words, size_t max)
{
	char *rest = NULL;
	size_t nr = 0;

	for (char *w = strtok_r(text, " \t\n", &rest); w; w = strtok_r(NULL, " \t\n", &rest)) {
		if (nr == max)
			return max + 1;
		words[nr++] = w;
	}
	return nr;
}

/* ---- types ------------------------------------------------------------------- */

/* The type of a number with that name; NR: none. */
static size_t find_number(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(number_types); i++)
		if (strlen(number_types[i].name) == len && !strncmp(number_types[i].name, name, len))
			return i;
	return ARRAY_SIZE(number_types);
}

static int unknown_type(const struct parsing *p, const char *type, size_t len)
{
	AUTO_FREE char *name = strndup(type, len);
	struct near near;

	if (!name)
		return no_memory(p->e);
	err_set(p->e, -EINVAL, "user event '%s': field %u '%s': there is no type '%s'", p->name, p->field, p->text,
		name);
	if (strstr(name, "long"))
		return err_hint(p->e, "how large a long is depends on the program: s64 and u64 do not");
	near_init(&near, name);
	for (size_t i = 0; i < ARRAY_SIZE(number_types); i++)
		near_try(&near, number_types[i].name);
	near_hint(&near, p->e);
	return err_hint(p->e, "there are s8, u8 ... s64, u64, int, char, char[N], __rel_loc char[], struct NAME FIELD SIZE");
}

/* "char[20]" and "unsigned char[20]" in the record, "u32[]" behind __rel_loc. */
static int take_type(const struct parsing *p, const char *type, struct kernel_user_field *f)
{
	size_t len = strcspn(type, "["), number = find_number(type, len);
	bool dynamic = f->place != KERNEL_USER_FIXED, text;
	uint64_t count;
	char digits[8];

	if (number == ARRAY_SIZE(number_types))
		return unknown_type(p, type, len);
	text = len >= 4 && !strncmp(type + len - 4, "char", 4);
	f->item = number_types[number].size;
	f->is_signed = number_types[number].is_signed;
	f->is_array = dynamic || type[len];
	f->is_text = text && f->is_array;
	if (dynamic) {
		f->size = sizeof(uint32_t);
		return !strcmp(type + len, "[]") ? 0 : refuse(p, "what stands elsewhere is an array: TYPE[]");
	}
	f->size = f->item;
	if (!type[len])
		return 0;
	if (!text)
		return refuse(p, "only char has arrays of fixed length; of others there are structs");
	snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(type + len + 1, "]"), type + len + 1);
	if (strlen(digits) + len + 2 != strlen(type) || type[strlen(type) - 1] != ']' ||
	    parse_u64(digits, &count) || !count || count > ARRAY_MAX)
		return refuse(p, "an array of char has 1 to 1024: char[N]");
	f->size = count;
	return 0;
}

/* "struct NAME FIELD SIZE" */
static int take_struct(const struct parsing *p, char **words, size_t nr, struct kernel_user_field *f)
{
	uint64_t size;

	if (nr != 4 || !is_name(words[1], ""))
		return refuse(p, "a struct is 'struct NAME FIELD SIZE'");
	if (parse_u64(words[3], &size) || !size || size > UINT16_MAX || words[3][strspn(words[3], "0123456789")])
		return refuse(p, "the size of a struct is a decimal number of bytes, up to 65535");
	f->size = size;
	return asprintf(&f->type, "struct %s", words[1]) < 0 ? no_memory(p->e) : 0;
}

static int take_words(const struct parsing *p, char **words, size_t nr, struct kernel_user_field *f)
{
	static const char *const places[] = { [KERNEL_USER_REL] = "__rel_loc", [KERNEL_USER_DATA] = "__data_loc" };
	AUTO_BUF struct buf type = { 0 };
	size_t at = 0;

	if (!strcmp(words[0], "struct"))
		return take_struct(p, words, nr, f);
	for (unsigned place = KERNEL_USER_REL; place <= KERNEL_USER_DATA; place++)
		if (!strcmp(words[0], places[place]))
			f->place = place;
	at = f->place != KERNEL_USER_FIXED;
	if (at < nr && !strcmp(words[at], "unsigned")) {
		buf_puts(&type, "unsigned ");
		at++;
	}
	if (nr != at + 2)
		return refuse(p, nr < at + 2 ? "a field is TYPE NAME" : "a field is TYPE NAME; fields are separated by ';'");
	buf_puts(&type, words[at]);
	if (type.failed)
		return no_memory(p->e);
	if (strchr(words[at + 1], '['))
		return refuse(p, "the brackets belong to the type: char[N] NAME");
	if (asprintf(&f->type, "%s%s%s", f->place ? places[f->place] : "", f->place ? " " : "", type.data) < 0) {
		f->type = NULL;
		return no_memory(p->e);
	}
	return take_type(p, type.data, f);
}

/* ---- the whole --------------------------------------------------------------- */

static void field_release(struct kernel_user_field *f)
{
	free(f->type);
	free(f->name);
}

void kernel_user_release(struct kernel_user_def *def)
{
	for (size_t i = 0; i < def->nr; i++)
		field_release(&def->v[i]);
	vec_release(def);
	free(def->name);
	def->name = NULL;
}

static int add_field(const struct parsing *p, struct kernel_user_field *f, const char *name)
{
	if (!is_name(name, ""))
		return refuse(p, "a name has letters, digits and '_' only");
	/* The kernel takes it; filters, histograms and readers mean that of the kernel then. */
	if (!strncmp(name, "common_", 7))
		return refuse(p, "names that begin with common_ are those of fields that all events have");
	for (size_t i = 0; i < p->def->nr; i++)
		if (!strcmp(p->def->v[i].name, name))
			return refuse(p, "there is a field of that name already");
	f->name = strdup(name);
	f->at = p->def->size;
	if (!f->name || vec_push(p->def, *f))
		return no_memory(p->e);
	p->def->size += f->size;
	return 0;
}

static int take_field(struct parsing *p)
{
	AUTO_FREE char *copy = strdup(p->text);
	struct kernel_user_field f = { 0 };
	char *words[5] = { NULL };
	size_t nr = copy ? split(copy, words, ARRAY_SIZE(words) - 1) : 0;
	int r;

	if (!copy)
		return no_memory(p->e);
	if (nr > 4)
		return refuse(p, "a field is TYPE NAME; fields are separated by ';'");
	r = take_words(p, words, nr, &f);
	if (!r)
		r = add_field(p, &f, words[nr - 1 - !strcmp(words[0], "struct")]);
	if (r)
		field_release(&f);
	return r;
}

static char *trimmed(char *s)
{
	size_t len;

	s += strspn(s, " \t\n");
	for (len = strlen(s); len && strchr(" \t\n", s[len - 1]); len--)
		s[len - 1] = 0;
	return s;
}

int kernel_user_parse(const char *text, struct kernel_user_def *ret, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	AUTO_BUF struct buf whole = { 0 };
	struct parsing p = { .def = ret, .e = e };
	char *rest, *field;
	int r = 0;

	*ret = (struct kernel_user_def){ 0 };
	if (!copy)
		return no_memory(e);
	rest = trimmed(copy);
	p.name = strsep(&rest, " \t\n");
	if (!is_name(p.name, ".-"))
		return err_set(e, -EINVAL, "'%s' cannot be the name of a user event: it has letters, digits, '_', '.' "
			       "and '-', and begins with a letter or '_'; fields stand behind a blank", p.name);
	ret->name = strdup(p.name);
	if (!ret->name)
		return no_memory(e);
	while (!r && (field = strsep(&rest, ";"))) {
		p.text = trimmed(field);
		p.field++;
		/* behind the last ';' */
		if (*p.text || rest)
			r = *p.text ? take_field(&p) : refuse(&p, "it is empty");
	}
	if (!r && kernel_user_text(ret, &whole))
		r = no_memory(e);
	if (!r && whole.len > TEXT_MAX)
		r = err_set(e, -EINVAL, "user event '%s': its definition has %zu bytes; the kernel takes %d", ret->name,
			    whole.len, TEXT_MAX);
	return r;
}

int kernel_user_text(const struct kernel_user_def *def, struct buf *ret)
{
	buf_puts(ret, def->name);
	for (size_t i = 0; i < def->nr; i++) {
		const struct kernel_user_field *f = &def->v[i];

		buf_printf(ret, "%s%s %s", i ? "; " : " ", f->type, f->name);
		if (!f->item)
			buf_printf(ret, " %u", f->size);
	}
	return ret->failed ? -ENOMEM : 0;
}
