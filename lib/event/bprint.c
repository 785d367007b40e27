// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * trace_printk's binary records: an address that names a format, and the
 * arguments one after another. libtraceevent pads to whatever width a format
 * or an argument asks for; this looks at them first.
 */
#include <ctype.h>
#include <stdlib.h>

#include "event/builtin.h"
#include "event/fixups.h"

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

/* ---- the text of the usual formats -------------------------------------------------- */

enum { IP, FMT, ARGS };			/* places of an event */

/* One conversion, p behind its '%'; NULL where libtraceevent knows better. */
static const char *put_conversion(const char *p, struct args *a, unsigned long_size, struct buf *out)
{
	unsigned longs = 0;
	uint64_t v;

	if (*p == '%') {
		buf_put(out, "%", 1);
		return p + 1;
	}
	if (*p == 's') {
		const char *string = (const char *)a->data + a->pos;

		buf_put(out, string, strnlen(string, a->len - a->pos));
		take_string(a);
		return p + 1;
	}
	for (; *p == 'l' && longs < 2; p++)
		longs++;
	if (!take_number(a, longs == 2 ? 8 : longs ? long_size : 4, &v))
		return NULL;
	if (*p == 'u')
		buf_dec(out, v);
	else if (*p == 'x')
		buf_hex(out, v);
	else if (*p == 'd' || *p == 'i')
		buf_signed(out, longs == 2 || (longs && long_size == 8) ? (int64_t)v : (int32_t)v);
	else
		return NULL;
	return p + 1;
}

static bool put_printk(const char *fmt, struct args *a, unsigned long_size, struct buf *out)
{
	const char *percent;

	for (; (percent = strchr(fmt, '%')); ) {
		buf_put(out, fmt, percent - fmt);
		fmt = put_conversion(percent + 1, a, long_size, out);
		if (!fmt)
			return false;
	}
	buf_puts(out, fmt);
	return true;
}

/* "FUNCTION: text". Other conversions, flags and widths are libtraceevent's. */
static enum event_builtin bprint_text(struct event_ctx *ctx, const struct event_slot *slot,
				      const struct event_record *rec, const struct event_next *next,
				      struct buf *out)
{
	struct event_db *db = ctx->db;
	struct args a = { .data = rec->data, .pos = slot->at[ARGS].offset, .len = rec->len,
			  .big = db->opts.big_endian };
	const struct ctx_symbol *s = ctx_symbol(ctx, builtin_number(db, slot->at[IP], rec));
	const char *fmt = event_db_printk(db, builtin_number(db, slot->at[FMT], rec));
	size_t start = out->len;

	(void)next;
	/* libtraceevent is not told of the shortest (texts.c), and knows escapes */
	if (!s->name || !fmt || strlen(fmt) < 3 || strchr(fmt, '\\'))
		return BUILTIN_NOT;
	buf_put(out, s->name, s->len);
	buf_put(out, ": ", 2);
	if (put_printk(fmt, &a, db->opts.long_size, out))
		return BUILTIN_DONE;
	if (out->data)
		out->data[out->len = start] = 0;
	return BUILTIN_NOT;
}

void bprint_find(struct event_slot *slot)
{
	struct tep_format_field *buf = tep_find_field(slot->event, "buf");

	if (!(slot->event->flags & TEP_EVENT_FL_ISBPRINT) || !buf || buf->offset < 0 ||
	    !builtin_place(slot, IP, "ip") || !builtin_place(slot, FMT, "fmt"))
		return;
	slot->at[ARGS].offset = buf->offset;
	if ((uint32_t)buf->offset > slot->text_end)
		slot->text_end = buf->offset;
	slot->text = bprint_text;
}
