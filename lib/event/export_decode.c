// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an event's print format makes of single fields: names of flags and symbols,
 * sets of CPUs, names of functions. Each argument of the format that does so, and
 * that depends on one field alone, gets a print program of its own.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "event/export_plan.h"
#include "event/prog_build.h"

struct export_decoder {
	/* a print format with this argument alone, and what it is made of */
	struct tep_event event;
	struct tep_print_arg arg;
	char format[8];
	struct format_check check;
	struct prog *prog;
	struct buf key;			/* '"FIELD":' */
};

/* What an argument is made of. */
struct contents {
	const char *field;		/* the one it names */
	bool several;			/* fields */
	bool words;			/* it makes names of numbers */
};

static void look_at(const struct tep_print_arg *arg, struct contents *c);

static void look_at_field(const char *name, struct contents *c)
{
	if (!name || (c->field && strcmp(c->field, name)))
		c->several = true;
	else
		c->field = name;
}

static void look_at_words(const struct tep_print_arg *arg, struct contents *c)
{
	c->words = true;
	look_at(arg, c);
}

static void look_at(const struct tep_print_arg *arg, struct contents *c)
{
	switch (arg ? arg->type : TEP_PRINT_NULL) {
	case TEP_PRINT_NULL:
	case TEP_PRINT_ATOM:
		break;
	case TEP_PRINT_FIELD:
		look_at_field(arg->field.name, c);
		break;
	case TEP_PRINT_FLAGS:
		look_at_words(arg->flags.field, c);
		break;
	case TEP_PRINT_SYMBOL:
		look_at_words(arg->symbol.field, c);
		break;
	case TEP_PRINT_BITMASK:
	case TEP_PRINT_CPUMASK:
		c->words = true;
		look_at_field(arg->bitmask.bitmask, c);
		break;
	case TEP_PRINT_TYPE:
		look_at(arg->typecast.item, c);
		break;
	case TEP_PRINT_OP:
		look_at(arg->op.left, c);
		look_at(arg->op.right, c);
		break;
	default:
		/* strings and arrays are what they are */
		c->several = true;
	}
}

/* The conversion behind a '%': how many arguments it takes, and its letters. */
static const char *next_conversion(const char *p, unsigned *stars, char letters[3])
{
	*stars = 0;
	memset(letters, 0, 3);
	while ((p = strchr(p, '%')) && p[1] == '%')
		p += 2;
	if (!p)
		return NULL;
	for (p++; *p && strchr("#0- +'.*123456789hlLqjzt", *p); p++)
		*stars += *p == '*';
	if (!*p)
		return NULL;
	letters[0] = *p++;
	if (letters[0] == 'p' && isalpha((unsigned char)*p))
		letters[1] = *p;
	return p;
}

static void release(struct export_decoder *d)
{
	prog_free(d->prog);
	format_check_release(&d->check);
	buf_release(&d->key);
}

/* 1, 0 if it is no argument to be decoded, -ENOMEM. */
static int make_decoder(const struct tep_event *event, const struct tep_print_arg *arg,
			const char letters[3], enum escape how, struct export_decoder *d)
{
	struct contents c = { 0 };
	bool function = letters[0] == 'p' && letters[1] && strchr("sSfF", letters[1]);
	const char *why;
	bool differs;

	look_at(arg, &c);
	/* a name of what is computed by a name that nobody knows would be a lie */
	if (prog_has_unknown(arg, letters[0] == 's'))
		return 0;
	if (c.several || !c.field || (!(c.words && letters[0] == 's') && !function))
		return 0;
	d->event = *event;
	d->arg = *arg;
	d->arg.next = NULL;
	d->format[0] = '%';
	memcpy(d->format + 1, letters, 3);
	d->event.print_fmt.format = d->format;
	d->event.print_fmt.args = &d->arg;
	format_check_event(&d->event, &d->check);
	if (!d->check.bad_fields && !d->check.bad_print)
		d->prog = prog_compile(&d->event, &d->check, true, &differs, &why);
	export_put_member(&d->key, true, c.field, how);
	if (d->prog && !d->key.failed)
		return 1;
	release(d);
	memset(d, 0, sizeof(*d));
	return 0;
}

/* Whether the field has a decoder already: the first of several counts. */
static bool has_key(const struct export_plan *plan, const struct buf *key)
{
	for (uint32_t i = 0; i < plan->nr_decoders; i++)
		if (!strcmp(plan->decoders[i].key.data, key->data))
			return true;
	return false;
}

int export_decoders_new(struct export_plan *plan, enum escape how)
{
	const struct tep_event *event = plan->event;
	const struct tep_print_arg *arg = event->print_fmt.args;
	const char *p = event->print_fmt.format;
	unsigned nr = 0, stars;
	char letters[3];

	if (event->flags & (TEP_EVENT_FL_FAILED | TEP_EVENT_FL_ISBPRINT) || !p)
		return 0;
	for (const struct tep_print_arg *a = arg; a; a = a->next)
		nr++;
	plan->decoders = calloc(nr + 1, sizeof(*plan->decoders));
	if (!plan->decoders)
		return -ENOMEM;
	while (arg && (p = next_conversion(p, &stars, letters))) {
		struct export_decoder *d = &plan->decoders[plan->nr_decoders];

		while (arg && stars--)
			arg = arg->next;
		if (!arg)
			break;
		if (make_decoder(event, arg, letters, how, d)) {
			if (has_key(plan, &d->key)) {
				release(d);
				memset(d, 0, sizeof(*d));
			} else {
				plan->nr_decoders++;
			}
		}
		arg = arg->next;
	}
	return 0;
}

void export_decoders_free(struct export_plan *plan)
{
	for (uint32_t i = 0; i < plan->nr_decoders; i++)
		release(&plan->decoders[i]);
	free(plan->decoders);
}

void export_decode(const struct export_plan *plan, struct event_db *db,
		   const struct event_record *rec, enum escape how, struct buf *text,
		   struct buf *out)
{
	const char *quote = how == ESCAPE_JSON_IN_CSV ? "\"\"" : "\"";
	bool bad = false, any = false;

	for (uint32_t i = 0; i < plan->nr_decoders; i++) {
		const struct export_decoder *d = &plan->decoders[i];
		char *p;

		buf_clear(text);
		if (!prog_run(d->prog, db, rec, text) || text->failed)
			continue;
		if (any)
			buf_puts(out, ",");
		any = true;
		buf_put(out, d->key.data, d->key.len);
		buf_puts(out, quote);
		p = buf_room(out, ESCAPE_MAX * text->len + ESCAPE_SLACK);
		if (!p)
			return;
		buf_wrote(out, put_escaped(p, (const uint8_t *)(text->len ? text->data : ""), text->len,
					   how, &bad));
		buf_puts(out, quote);
	}
}
