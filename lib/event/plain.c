// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>

#include "event/check.h"
#include "event/plain.h"

/* "%2d" */
static void put_narrow(int16_t v, struct buf *out)
{
	if (v >= 0 && v < 10)
		buf_put(out, " ", 1);
	buf_signed(out, v);
}

/* A number of an odd size is 0 to libtraceevent. */
static void put_number(const struct tep_format_field *f, uint64_t v, struct buf *out)
{
	bool is_long = f->flags & TEP_FIELD_IS_LONG;

	if (f->flags & TEP_FIELD_IS_POINTER || (is_long && !(f->flags & TEP_FIELD_IS_SIGNED)))
		buf_0x(out, v);
	else if (!(f->flags & TEP_FIELD_IS_SIGNED))
		buf_dec(out, v);
	else if (f->size == 4 && is_long)
		buf_0x(out, (uint32_t)v);
	else if (f->size == 4)
		buf_signed(out, (int32_t)v);
	else if (f->size == 2)
		put_narrow(v, out);
	else if (f->size == 1)
		buf_signed(out, (int8_t)v);
	else
		buf_signed(out, v);
}

static bool printable(const char *p, size_t len)
{
	for (size_t i = 0; i < len && p[i]; i++)
		if (!isprint((unsigned char)p[i]) && !isspace((unsigned char)p[i]))
			return false;
	return true;
}

/* A string ends with a NUL, wherever that is: at the latest with @rest of the record. */
static void put_array(const struct tep_format_field *f, const char *p, size_t len, size_t rest,
		      struct buf *out)
{
	char *to;

	if (f->flags & TEP_FIELD_IS_STRING && printable(p, len)) {
		buf_put(out, p, strnlen(p, rest));
		return;
	}
	buf_puts(out, "ARRAY[");
	to = buf_room(out, 4 * len + 1);
	if (!to)
		return;
	for (size_t i = 0; i < len; i++) {
		if (i)
			to = put_bytes(to, ", ", 2);
		to = put_hex_digits(to, (unsigned char)p[i], 2);
	}
	*to++ = ']';
	buf_wrote(out, to);
}

void plain_fields(const struct tep_event *event, const struct event_record *rec, struct buf *out)
{
	for (struct tep_format_field *f = event->format.fields; f; f = f->next) {
		uint32_t offset = f->offset, len = f->size;
		uint64_t v;

		if (f->flags & TEP_FIELD_IS_DYNAMIC) {
			if (!format_dynamic(f, rec->data, rec->len, &offset, &len))
				continue;
		} else if (f->offset < 0 || f->size < 0 || offset > rec->len ||
			   len > rec->len - offset) {
			continue;
		}
		buf_put(out, " ", 1);
		buf_puts(out, f->name);
		buf_put(out, "=", 1);
		if (f->flags & TEP_FIELD_IS_ARRAY)
			put_array(f, (const char *)rec->data + offset, len, rec->len - offset, out);
		else
			put_number(f, format_number(f, rec->data, rec->len, &v) ? v : 0, out);
	}
}
