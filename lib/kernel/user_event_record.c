// SPDX-License-Identifier: LGPL-2.1-or-later
/* Records of user events: made of words, and checked as the kernel checks them. */
#include <errno.h>
#include <stdlib.h>

#include "kernel/user_event.h"

#define PART_MAX UINT16_MAX		/* offset and length have 16 bits each */
#define SHOWN_MAX 60			/* of a value, in messages */

/* ---- checking ----------------------------------------------------------------- */

static int check_part(const struct kernel_user_def *def, const struct kernel_user_field *f, const uint8_t *record,
		      size_t len, struct err *e)
{
	uint32_t place, size;
	uint64_t start;

	memcpy(&place, record + f->at, sizeof(place));
	size = place >> 16;
	start = place & 0xffff;
	if (f->place == KERNEL_USER_REL)
		start += f->at + sizeof(place);
	else if (start < KERNEL_USER_COMMON)
		return err_set(e, -EFAULT, "user event '%s': field '%s' begins at %llu of the event, where the %d bytes are that "
			       "the kernel puts in front", def->name, f->name, (unsigned long long)start, KERNEL_USER_COMMON);
	else
		start -= KERNEL_USER_COMMON;
	if (start > len || size > len - start)
		return err_set(e, -EFAULT, "user event '%s': field '%s' has %u bytes at %llu of the record, which has %zu",
			       def->name, f->name, size, (unsigned long long)start, len);
	if (f->is_text && (!size || record[start + size - 1]))
		return err_set(e, -EFAULT, "user event '%s': the string of field '%s' does not end in a NUL", def->name,
			       f->name);
	return 0;
}

int kernel_user_check(const struct kernel_user_def *def, const void *record, size_t len, struct err *e)
{
	int r = 0;

	if (len < def->size)
		return err_set(e, -EINVAL, "user event '%s': the record has %zu bytes; its fields have %u", def->name, len,
			       def->size);
	for (size_t i = 0; !r && i < def->nr; i++)
		if (def->v[i].place != KERNEL_USER_FIXED)
			r = check_part(def, &def->v[i], record, len, e);
	return r;
}

/* ---- making ------------------------------------------------------------------- */

struct making {
	const struct kernel_user_def *def;
	struct buf *out;
	size_t start;			/* of the record in it */
	struct err *e;
};

static int refuse(const struct making *m, const struct kernel_user_field *f, const char *value, const char *why)
{
	return err_set(m->e, -EINVAL, "user event '%s': field '%s': '%.*s%s' %s", m->def->name, f->name, SHOWN_MAX, value,
		       strlen(value) > SHOWN_MAX ? "..." : "", why);
}

/* One number of f->item bytes, stored at @to. */
static int put_number(const struct making *m, const struct kernel_user_field *f, const char *value, void *to)
{
	unsigned bits = 8 * f->item;
	uint64_t u = 0;
	int64_t s = 0;
	int r = f->is_signed ? parse_s64(value, &s) : parse_u64(value, &u);

	if (r == -EINVAL)
		return refuse(m, f, value, f->is_signed ? "is no number" : "is no number from 0");
	if (r || (bits < 64 && (f->is_signed ? s < -(1ll << (bits - 1)) || s >= 1ll << (bits - 1) : u >> bits)))
		return refuse(m, f, value, "does not fit its type");
	if (f->is_signed)
		u = s;
	switch (f->item) {
	case 1: *(uint8_t *)to = u; break;
	case 2: memcpy(to, &(uint16_t){ u }, 2); break;
	case 4: memcpy(to, &(uint32_t){ u }, 4); break;
	default: memcpy(to, &u, 8);
	}
	return 0;
}

/* "1,2,3"; nothing is an array of none. */
static int put_numbers(const struct making *m, const struct kernel_user_field *f, const char *value, struct buf *ret)
{
	AUTO_FREE char *copy = strdup(value);
	char *rest = copy, *word;
	int r = copy ? 0 : -ENOMEM;

	while (!r && *value && (word = strsep(&rest, ","))) {
		uint64_t number = 0;

		r = put_number(m, f, word, &number);
		/* the bytes of a number stand at its beginning, whatever its size */
		if (!r)
			r = buf_put(ret, &number, f->item);
	}
	return r;
}

static int put_struct(const struct making *m, const struct kernel_user_field *f, const char *value, uint8_t *to)
{
	char digits[3] = "";
	size_t len = strlen(value);

	if (len != 2 * (size_t)f->size || value[strspn(value, "0123456789abcdefABCDEF")])
		return refuse(m, f, value, "is not the struct's bytes, of two hexadecimal digits each");
	for (size_t i = 0; i < f->size; i++) {
		memcpy(digits, value + 2 * i, 2);
		to[i] = strtoul(digits, NULL, 16);
	}
	return 0;
}

/* Behind all fields; where that is goes into the field. */
static int put_part(const struct making *m, const struct kernel_user_field *f, const char *value)
{
	AUTO_BUF struct buf part = { 0 };
	uint64_t at = m->out->len - m->start;
	uint32_t place;
	int r = f->is_text ? buf_str(&part, value) : put_numbers(m, f, value, &part);

	at = f->place == KERNEL_USER_REL ? at - f->at - sizeof(place) : at + KERNEL_USER_COMMON;
	if (!r && (part.len > PART_MAX || at > PART_MAX))
		r = refuse(m, f, value, "is too long for a record");
	if (!r)
		r = buf_put(m->out, part.data, part.len);
	if (r)
		return r;
	place = part.len << 16 | at;
	memcpy(m->out->data + m->start + f->at, &place, sizeof(place));
	return 0;
}

static int put_field(const struct making *m, const struct kernel_user_field *f, const char *value)
{
	uint8_t *to = (uint8_t *)m->out->data + m->start + f->at;

	if (f->place != KERNEL_USER_FIXED)
		return put_part(m, f, value);
	if (!f->item)
		return put_struct(m, f, value, to);
	if (!f->is_array)
		return put_number(m, f, value, to);
	if (strlen(value) >= f->size)
		return refuse(m, f, value, "is longer than the field, which ends in a NUL");
	memcpy(to, value, strlen(value));
	return 0;
}

/* The value for a field among the words; NULL: none. */
static const char *find_value(const struct kernel_user_field *f, char *const *words, size_t nr)
{
	size_t len = strlen(f->name);

	for (size_t i = 0; i < nr; i++)
		if (!strncmp(words[i], f->name, len) && words[i][len] == '=')
			return words[i] + len + 1;
	return NULL;
}

/* That each word is for a field, and no two for one. */
static int check_words(const struct kernel_user_def *def, char *const *words, size_t nr, struct err *e)
{
	for (size_t i = 0; i < nr; i++) {
		const struct kernel_user_field *f = NULL;
		AUTO_FREE char *name = strndup(words[i], strcspn(words[i], "="));
		struct near near;

		if (!name)
			return err_errno(e, -ENOMEM, "user event '%s'", def->name);
		near_init(&near, name);
		for (size_t j = 0; j < def->nr; j++) {
			near_try(&near, def->v[j].name);
			if (!strcmp(def->v[j].name, name))
				f = &def->v[j];
		}
		if (!strchr(words[i], '='))
			return err_set(e, -EINVAL, "user event '%s': '%s' is not FIELD=VALUE", def->name, words[i]);
		if (!f) {
			err_set(e, -EINVAL, "user event '%s' has no field '%s'", def->name, name);
			near_hint(&near, e);
			return -EINVAL;
		}
		if (find_value(f, words, i))
			return err_set(e, -EINVAL, "user event '%s': field '%s' is given twice", def->name, name);
	}
	return 0;
}

int kernel_user_record(const struct kernel_user_def *def, char *const *words, size_t nr, struct buf *ret,
		       struct err *e)
{
	struct making m = { .def = def, .out = ret, .start = ret->len, .e = e };
	int r = check_words(def, words, nr, e);

	if (!r)
		r = buf_fill(ret, 0, def->size);
	for (size_t i = 0; !r && i < def->nr; i++) {
		const char *value = find_value(&def->v[i], words, nr);

		r = value ? put_field(&m, &def->v[i], value) :
			    err_set(e, -EINVAL, "user event '%s': field '%s' is missing: %s=VALUE", def->name,
				    def->v[i].name, def->v[i].name);
	}
	return r == -ENOMEM ? err_errno(e, r, "user event '%s'", def->name) : r;
}
