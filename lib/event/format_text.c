// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <stdlib.h>

#include "event/check.h"
#include "event/format_text.h"
#include "event/print_text.h"

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* ---- lines ------------------------------------------------------------------------------ */

bool format_line(const char *text, size_t len, const char *key, const char **ret, size_t *ret_len)
{
	size_t key_len = strlen(key);

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		if (line > key_len && !memcmp(text, key, key_len)) {
			*ret = text + key_len;
			*ret_len = line - key_len;
			return true;
		}
		if (!end)
			return false;
		len -= line + 1;
		text = end + 1;
	}
	return false;
}

/* ---- the event's name ---------------------------------------------------------------- */

bool format_name_is_odd(const char *name)
{
	size_t word = strspn(name, WORD_CHARS);

	return name[word] && !name[strspn(name, WORD_CHARS ".-")];
}

static void make_word(struct buf *text)
{
	const char *word;
	size_t len;

	if (!format_line(text->data, text->len, "name: ", &word, &len))
		return;
	for (char *p = text->data + (word - text->data); len--; p++)
		if (*p == '.' || *p == '-')
			*p = '_';
}

/* ---- arrays of strings ------------------------------------------------------------------ */

#define STRING_ARRAY "\tfield:__data_loc char[]["
/* The kernel's MAX_ARRAY_LEN. */
#define STRINGS_MAX 64

static bool number(const char **p, const char *before, uint32_t most, uint32_t *ret)
{
	size_t len = strlen(before);
	unsigned long v;
	char *end;

	if (strncmp(*p, before, len) || !isdigit((unsigned char)(*p)[len]))
		return false;
	v = strtoul(*p + len, &end, 10);
	*p = end;
	*ret = v;
	return v <= most;
}

/* The fields in place of the one that @line declares; false: it declares no array of strings. */
static bool split_field(const char *line, struct buf *out)
{
	uint32_t nr, offset, size;
	const char *p = line, *name;
	int len;

	if (!number(&p, STRING_ARRAY, STRINGS_MAX, &nr) || strncmp(p, "] ", 2))
		return false;
	name = p + 2;
	len = strspn(name, WORD_CHARS);
	p = name + len;
	if (!len || !number(&p, ";\toffset:", UINT16_MAX, &offset) || !number(&p, ";\tsize:", UINT16_MAX, &size) ||
	    !nr || size != 4 * nr)
		return false;
	for (uint32_t i = 0; i < nr; i++)
		buf_printf(out, "\tfield:__data_loc char[] %.*s_%u;\toffset:%u;\tsize:4;\tsigned:1;\n", len, name, i,
			   offset + 4 * i);
	return true;
}

/* "__get_str(args[1])" becomes "__get_str(args_1)". */
static void put_print_format(const char *p, const char *end, struct buf *out)
{
	static const char call[] = "__get_str(";
	const char *at;

	while ((at = memmem(p, end - p, call, strlen(call)))) {
		const char *name = at + strlen(call), *index = name + strspn(name, WORD_CHARS), *behind;

		behind = *index == '[' ? index + 1 + strspn(index + 1, "0123456789") : index;
		buf_put(out, p, index - p);
		p = index;
		if (behind > index + 1 && *behind == ']') {
			buf_puts(out, "_");
			buf_put(out, index + 1, behind - index - 1);
			p = behind + 1;
		}
	}
	buf_put(out, p, end - p);
}

static void split_arrays(const char *text, size_t len, struct buf *out)
{
	AUTO_BUF struct buf ended = { 0 };	/* with a NUL, for what looks further than a character */
	const char *end;

	if (buf_put(&ended, text, len)) {
		out->failed = true;
		return;
	}
	end = ended.data + len;
	for (const char *p = ended.data, *next; p < end; p = next) {
		next = memchr(p, '\n', end - p);
		next = next ? next + 1 : end;
		if (!strncmp(p, "print fmt:", strlen("print fmt:"))) {
			put_print_format(p, end, out);
			return;
		}
		if (!split_field(p, out))
			buf_put(out, p, next - p);
	}
}

/* ---- both -------------------------------------------------------------------------------- */

/* False: no memory. */
static bool rewrite_print(struct buf *text)
{
	static const char key[] = "\nprint fmt:";
	const char *at = text->data ? memmem(text->data, text->len, key, strlen(key)) : NULL;
	AUTO_BUF struct buf print = { 0 };
	size_t head;

	if (!at)
		return true;
	head = at + strlen(key) - text->data;
	if (print_text_rewrite(text->data + head, text->len - head, &print)) {
		text->len = head;
		buf_put(text, print.data, print.len);
	}
	return !print.failed && !text->failed;
}

const char *format_text(const struct event_name *name, bool string_arrays, bool as_kernel, struct buf *copy, size_t *ret_len)
{
	bool arrays = string_arrays && memmem(name->format, name->format_len, STRING_ARRAY, strlen(STRING_ARRAY));
	bool odd = format_name_is_odd(name->name);

	*ret_len = name->format_len;
	/* what is too long is refused as it is */
	if ((!odd && !arrays && !as_kernel) || name->format_len > FORMAT_TEXT_MAX)
		return name->format;
	if (arrays)
		split_arrays(name->format, name->format_len, copy);
	else
		buf_put(copy, name->format, name->format_len);
	if (copy->failed)
		return NULL;
	if (odd)
		make_word(copy);
	if (as_kernel && !rewrite_print(copy))
		return NULL;
	*ret_len = copy->len;
	return copy->data;
}
