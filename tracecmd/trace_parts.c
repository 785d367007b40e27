// SPDX-License-Identifier: GPL-2.0-or-later
/* record: the options of parts, of what is kept, of triggers. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "trace_options.h"

#define NS_PER_MS UINT64_C(1000000)
#define ROTATE_NS_MIN (1000 * NS_PER_MS)
#define SIZE_MIN (1u << 20)
#define TRIGGER_KB 64			/* of its buffer, per CPU: one event suffices */

/* ---- values ------------------------------------------------------------------- */

/* The number in front of the last @unit_len bytes. 0, -EINVAL, -ERANGE. */
static int leading_number(const char *text, size_t unit_len, uint64_t *ret)
{
	size_t len = strlen(text);
	char number[32];

	if (len <= unit_len || len - unit_len >= sizeof(number))
		return -EINVAL;
	snprintf(number, sizeof(number), "%.*s", (int)(len - unit_len), text);
	return parse_u64(number, ret);
}

/* Factor by which the unit behind a size multiplies; 1: there is none. */
static uint64_t size_unit(const char *text)
{
	static const char units[] = "KMGT";
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, toupper((unsigned char)text[len - 1])) : NULL;

	return unit && *unit ? UINT64_C(1) << (10 * (unit - units + 1)) : 1;
}

int trace_value_size(const char *option, const char *text, uint64_t *ret, struct err *e)
{
	uint64_t unit = size_unit(text), v;
	int r = leading_number(text, unit > 1, &v);

	if (r == -ERANGE || (!r && v > UINT64_MAX / unit))
		return usage_error(e, "option %s: '%s' is too large", option, text);
	if (r || !v)
		return usage_error(e, "option %s: '%s' is no size: a number of bytes, or with K, M, G "
				   "or T behind it", option, text);
	*ret = v * unit;
	return EXIT_OK;
}

static const struct time_unit {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{ "ms", NS_PER_MS }, { "s", 1000 * NS_PER_MS }, { "m", 60000 * NS_PER_MS },
	{ "h", 3600000 * NS_PER_MS }, { "d", 86400000 * NS_PER_MS },
};

/* The unit of time at the end of @text; NULL: it has none. */
static const struct time_unit *find_time_unit(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; digits && i < ARRAY_SIZE(time_units); i++)
		if (!strcmp(text + digits, time_units[i].name))
			return &time_units[i];
	return NULL;
}

static int value_time(const char *option, const char *text, uint64_t *ret, struct err *e)
{
	const struct time_unit *unit = find_time_unit(text);
	uint64_t v;
	int r = unit ? leading_number(text, strlen(unit->name), &v) : -EINVAL;

	/* A tenth of what fits: times are added to each other. */
	if (r == -ERANGE || (!r && v > INT64_MAX / 10 / unit->ns))
		return usage_error(e, "option %s: '%s' is too long", option, text);
	if (r)
		return usage_error(e, "option %s: '%s' is no time: a number with ms, s, m, h or d behind "
				   "it", option, text);
	*ret = v * unit->ns;
	return EXIT_OK;
}

/* "10s" and "5m" are times, "10M" and "1G" sizes. */
static int value_either(const char *option, const char *text, uint64_t *bytes, uint64_t *ns,
			struct err *e)
{
	uint64_t v = 0;
	int status;

	if (*bytes || *ns)
		return usage_error(e, "option %s is given twice", option);
	if (find_time_unit(text)) {
		status = value_time(option, text, &v, e);
		if (!status && v < ROTATE_NS_MIN)
			status = usage_error(e, "option %s: '%s' is shorter than a second", option, text);
		*ns = v;
	} else if (size_unit(text) > 1) {
		status = trace_value_size(option, text, &v, e);
		if (!status && v < SIZE_MIN)
			status = usage_error(e, "option %s: '%s' is less than 1M", option, text);
		*bytes = v;
	} else {
		status = usage_error(e, "option %s: '%s' is neither a time (10s, 5m, 1h) nor a size (64M, "
				     "1G)", option, text);
	}
	return status;
}

/* ---- options ------------------------------------------------------------------- */

static int set_rotate(struct trace_options *o, const char *option, const char *value, struct err *e)
{
	return value_either(option, value, &o->parts.rotate_bytes, &o->parts.rotate_ns, e);
}

static int set_keep_last(struct trace_options *o, const char *option, const char *value,
			 struct err *e)
{
	return value_either(option, value, &o->parts.last_bytes, &o->parts.last_ns, e);
}

static int set_keep(struct trace_options *o, const char *option, const char *value, struct err *e)
{
	if (parse_u64(value, &o->parts.keep) || !o->parts.keep)
		return usage_error(e, "option %s: '%s' is no number of files", option, value);
	return EXIT_OK;
}

static int add_trigger(struct trace_options *o, const char *option, const char *value,
		       struct err *e)
{
	char *copy;

	if (!*value)
		return usage_error(e, "option %s: the event's name is empty", option);
	copy = strdup(value);
	if (copy && !vec_push(&o->parts.triggers, copy))
		return EXIT_OK;
	free(copy);
	err_errno(e, -ENOMEM, "cannot read the options");
	return EXIT_FAILED;
}

static int set_on_trigger(struct trace_options *o, const char *option, const char *value,
			  struct err *e)
{
	o->parts.has_on_trigger = true;
	if (!strcmp(value, "end"))
		o->parts.on_trigger = ON_TRIGGER_END;
	else if (!strcmp(value, "save"))
		o->parts.on_trigger = ON_TRIGGER_SAVE;
	else
		return usage_error(e, "option %s: '%s' is neither end nor save", option, value);
	return EXIT_OK;
}

static int set_pre(struct trace_options *o, const char *option, const char *value, struct err *e)
{
	int status = value_time(option, value, &o->parts.pre_ns, e);

	if (!status && !o->parts.pre_ns)
		status = usage_error(e, "option %s: nothing would be kept", option);
	return status;
}

static int set_post(struct trace_options *o, const char *option, const char *value, struct err *e)
{
	return value_time(option, value, &o->parts.post_ns, e);
}

int trace_parts_option(struct trace_options *o, const char *option, const char *value,
		       struct err *e)
{
	static const struct {
		const char *name;
		int (*take)(struct trace_options *o, const char *option, const char *value,
			    struct err *e);
	} options[] = {
		{ "--rotate", set_rotate }, { "--keep", set_keep }, { "--keep-last", set_keep_last },
		{ "--trigger", add_trigger }, { "--on-trigger", set_on_trigger },
		{ "--pre", set_pre }, { "--post", set_post },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, option))
			return options[i].take(o, option, value, e);
	return usage_error(e, "there is no option '%s'", option);
}

bool trace_parts_rotate(const struct trace_parts *p)
{
	return p->rotate_bytes || p->rotate_ns;
}

bool trace_parts_keep_last(const struct trace_parts *p)
{
	return p->last_bytes || p->last_ns;
}

const char *trace_parts_needed(const struct trace_parts *p)
{
	return trace_parts_rotate(p) ? "--rotate" : trace_parts_keep_last(p) ? "--keep-last" :
		p->pre_ns ? "--pre" : p->on_trigger == ON_TRIGGER_SAVE ? "--on-trigger save" : NULL;
}

/* ---- triggers -------------------------------------------------------------------- */

/*
 * How long the event's name is in "[SYSTEM:]EVENT[:FILTER]": names have no blanks and
 * signs, a filter has some.
 */
static size_t event_len(const char *trigger)
{
	const char *colon = strchr(trigger, ':');
	size_t second;

	if (!colon)
		return strlen(trigger);
	second = strcspn(colon + 1, ":");
	if (strcspn(colon + 1, " =<>!&|~()") < second)
		return colon - trigger;
	return colon + 1 + second - trigger;
}

static int watch_event(struct kernel_instance_setup *is, const char *trigger, struct err *e)
{
	AUTO_FREE char *event = strndup(trigger, event_len(trigger));
	const char *filter = trigger + event_len(trigger);
	struct kernel_event_ask *ask = event ? kernel_setup_event(is, event, false) : NULL;

	if (!ask || (*filter && kernel_event_ask_filter(ask, filter + 1))) {
		err_errno(e, -ENOMEM, "cannot read the options");
		return EXIT_FAILED;
	}
	if (*filter && !filter[1])
		return usage_error(e, "option --trigger: the filter of '%s' is empty", event);
	return EXIT_OK;
}

int trace_parts_finish(struct trace_options *o, struct err *e)
{
	struct kernel_instance_setup *is;
	int status = EXIT_OK;
	char name[64];

	if (!o->parts.triggers.nr)
		return EXIT_OK;
	snprintf(name, sizeof(name), "tracecmd-trigger.%d", getpid());
	is = kernel_setup_instance(&o->setup, name);
	if (!is) {
		err_errno(e, -ENOMEM, "cannot read the options");
		return EXIT_FAILED;
	}
	is->wakes = true;
	is->buffer_kb = TRIGGER_KB;
	for (size_t i = 0; i < o->parts.triggers.nr && !status; i++)
		status = watch_event(is, o->parts.triggers.v[i], e);
	return status;
}

void trace_parts_release(struct trace_parts *p)
{
	for (size_t i = 0; i < p->triggers.nr; i++)
		free(p->triggers.v[i]);
	vec_release(&p->triggers);
}
