// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * trace_printk's binary records: an address that names a format, and the
 * arguments one after another. libtraceevent pads to whatever width a format
 * or an argument asks for; this looks at them first.
 */
#include <ctype.h>
#include <stdlib.h>

#include "event/builtin.h"

struct args { const uint8_t *data; uint32_t pos, len; bool big; };

/* Arguments are aligned to 4 bytes from the record's start (kernel: vbin_printf). */
static bool take_number(struct args *a, uint32_t size, uint64_t *ret)
{
	uint32_t pos = (a->pos + 3) & ~3u;

	if (pos > a->len || size > a->len - pos)
		return false;
	*ret = size == 8 ? get_u64(a->data + pos, a->big) : get_u32(a->data + pos, a->big);
	a->pos = pos + size;
	return true;
}

static void take_string(struct args *a)
{
	a->pos += strnlen((const char *)a->data + a->pos, a->len - a->pos);
	a->pos += a->pos < a->len;
}

/*
 * One conversion, p behind its '%'. NULL: what libtraceevent takes for it is not
 * what it uses for it (%c, flags it does not know, three l). A conversion that the
 * text's end cuts off counts as wide: libtraceevent reads on behind the text.
 */
static const char *conversion(const char *p, struct args *a, unsigned long_size, bool *wide)
{
	bool odd = false;
	uint64_t v;
	unsigned longs = 0;

	for (; *p && !strchr("diuxXosp%c", *p); p++) {
		if (isdigit((unsigned char)*p)) {
			char *end;

			*wide |= strtoul(p, &end, 10) > FORMAT_WIDTH_MAX;
			p = end - 1;
		} else if (*p == '*') {
			if (!take_number(a, 4, &v))
				return NULL;
			*wide |= (int32_t)v > FORMAT_WIDTH_MAX || (int32_t)v < 0;
		} else if (*p == 'l') {
			longs++;
		} else if (*p == 'z' || *p == 'Z') {
			longs = 1;
		} else if (*p == 'L') {
			longs = 2;
		} else if (!strchr(".#+", *p)) {
			odd = true;
		}
	}
	*wide |= !*p;
	if (!*p)
		return p;
	if (odd || longs > 2 || *p == 'c')
		return NULL;
	if (*p == 's')
		take_string(a);
	else if (*p == 'p' && isalnum((unsigned char)p[1]) && !strchr("sSxfF", p[1]))
		return NULL;
	else if (*p == 'p')
		return take_number(a, long_size, &v) ? p + 1 : NULL;
	else if (*p != '%' &&
		 !take_number(a, longs == 0 ? 4 : longs == 1 ? long_size : 8, &v))
		return NULL;
	return p + 1;
}

static bool number_by_name(const struct event_slot *slot, const char *name,
			   const struct event_record *rec, uint64_t *ret)
{
	struct tep_format_field *f = tep_find_field(slot->event, name);

	return f && format_number(f, rec->data, rec->len, ret);
}

bool bprint_is_safe(struct event_db *db, const struct event_slot *slot,
		    const struct event_record *rec)
{
	struct tep_format_field *buf = tep_find_field(slot->event, "buf");
	struct args a = { .data = rec->data, .len = rec->len, .big = db->opts.big_endian };
	const char *p;
	bool wide = false, known = true;
	uint64_t addr;

	if (!buf || buf->offset < 0 || (uint32_t)buf->offset > rec->len ||
	    !number_by_name(slot, "ip", rec, &addr) || !number_by_name(slot, "fmt", rec, &addr))
		return false;
	p = event_db_printk(db, addr);
	a.pos = buf->offset;
	while (p && (p = strchr(p, '%'))) {
		const char *after = conversion(p + 1, &a, db->opts.long_size, &wide);

		if (!after) {
			/* the arguments' places are lost: a width may be anything */
			known = false;
			after = p + 1;
		}
		p = after;
		if (wide || (!known && strchr(p, '*')))
			return false;
	}
	return !wide;
}
