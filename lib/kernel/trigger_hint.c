// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Why the kernel refuses a trigger or a function's command: it says so of histograms and filters, and of all else only
 * a number. What it takes is in Documentation/trace/{events,ftrace,histogram}.rst.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/internal.h"

struct refusal {
	struct kernel_instance *in;
	const char *value;
	size_t at;			/* where the name of what is done begins */
	struct err *e;
};

/* What is wrong at a place; the kernel's own explanation has one already. */
static void PRINTF_LIKE(3, 4) tell(const struct refusal *r, size_t at, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_hint(r->e, "%s", what);
	if (r->e && !strchr(r->e->text, '\n'))
		err_place(r->e, r->value, at);
}

static void copy_word(const struct refusal *r, size_t at, size_t len, char *ret, size_t size)
{
	snprintf(ret, size, "%.*s", (int)len, r->value + at);
}

/* ---- names ------------------------------------------------------------------- */

/* Which config option has what all kernels could have. */
static const char *config_of(const char *name)
{
	static const char *const configs[][2] = {
		{ "hist", "histograms (CONFIG_HIST_TRIGGERS)" }, { "enable_hist", "histograms (CONFIG_HIST_TRIGGERS)" },
		{ "disable_hist", "histograms (CONFIG_HIST_TRIGGERS)" },
		{ "snapshot", "snapshots (CONFIG_TRACER_SNAPSHOT)" }, { "stacktrace", "stack traces (CONFIG_STACKTRACE)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
		if (!strcmp(configs[i][0], name))
			return configs[i][1];
	return NULL;
}

/* @known: the names there are, with a blank in between. Whether the one that was given is none of them. */
static bool tell_unknown(const struct refusal *r, const char *what, const char *known)
{
	AUTO_FREE char *copy = strdup(known);
	char name[64], *rest = copy, *word;
	struct near near;

	copy_word(r, r->at, strcspn(r->value + r->at, ": "), name, sizeof(name));
	near_init(&near, name);
	while (copy && (word = strsep(&rest, " "))) {
		if (!strcmp(word, name))
			return false;
		near_try(&near, word);
	}
	if (config_of(name)) {
		tell(r, r->at, "this kernel has no %s", config_of(name));
	} else {
		tell(r, r->at, "there is no %s '%s'", what, name);
		near_hint(&near, r->e);
	}
	err_hint(r->e, "there are: %s", known);
	return true;
}

/* The names in the comment of an event without triggers, cut in place; NULL: it has some. */
static const char *names_in(struct buf *text)
{
	static const char head[] = "# Available triggers:";
	char *list;

	if (!text->data || strncmp(text->data, head, sizeof(head) - 1))
		return NULL;
	list = text->data + sizeof(head) - 1;
	list += strspn(list, "\n# ");
	list[strcspn(list, "\n")] = 0;
	return list;
}

/* This event's file tells the names, unless it has triggers: then another's does. */
static bool is_unknown_trigger(const struct refusal *r, const char *file)
{
	const struct kernel_event *evs;
	AUTO_BUF struct buf text = { 0 };
	const char *known = kernel_read(r->in, file, &text) ? NULL : names_in(&text);
	size_t nr = 0;

	if (!known && kernel_events(r->in->k, &evs, &nr, NULL))
		return false;
	for (size_t i = 0; !known && i < nr; i++) {
		AUTO_BUF struct buf other = { 0 };

		buf_clear(&text);
		if (!buf_printf(&other, "events/%s/%s/trigger", evs[i].system, evs[i].name) &&
		    !kernel_read(r->in, other.data, &text))
			known = names_in(&text);
	}
	return known && tell_unknown(r, "trigger", known);
}

/* ---- numbers ------------------------------------------------------------------- */

static bool is_wrong_count(const struct refusal *r, size_t at, size_t len)
{
	char word[64];
	uint64_t n;

	copy_word(r, at, len, word, sizeof(word));
	if (!parse_u64(word, &n))
		return false;
	if (*word && !word[strspn(word, "0123456789")])
		tell(r, at, "a count is less than 2 to the power of 64");
	else
		tell(r, at, "'%s' is no count of how often it is to happen: a number", word);
	return true;
}

/* "size=N" of a histogram. */
static bool is_wrong_size(const struct refusal *r)
{
	const char *size = strstr(r->value, ":size="), *filter = strstr(r->value, " if ");
	char word[64];
	uint64_t n;

	if (!size || (filter && size > filter))
		return false;
	size += strlen(":size=");
	copy_word(r, size - r->value, strcspn(size, ": "), word, sizeof(word));
	if (!parse_u64(word, &n) && n >= 65 && n <= 131072)
		return false;
	tell(r, size - r->value, "a histogram has a size of 128 to 131072 entries, which is rounded up to a power of 2");
	return true;
}

/* ---- events that are switched ----------------------------------------------------- */

/* "SYSTEM:EVENT" at @at. */
static bool is_wrong_event(const struct refusal *r, size_t at, size_t len)
{
	const struct kernel_event *evs;
	char word[256];
	size_t nr;

	copy_word(r, at, len, word, sizeof(word));
	if (kernel_events(r->in->k, &evs, &nr, NULL))
		return false;
	for (size_t i = 0; i < nr; i++) {
		size_t system = strlen(evs[i].system);

		if (!strncmp(word, evs[i].system, system) && word[system] == ':' && !strcmp(word + system + 1, evs[i].name))
			return false;
	}
	tell(r, at, "there is no event '%s'", word);
	hint_near_events(evs, nr, word, r->e);
	return true;
}

/* "enable_event:SYSTEM:EVENT[:COUNT]"; others "NAME[:COUNT]". Behind a blank stands a filter. */
static bool is_wrong_argument(const struct refusal *r)
{
	const char *text = r->value + r->at;
	size_t name = strcspn(text, ": "), end = strcspn(text, " "), at = name + (text[name] == ':'), len;
	bool switches = !strncmp(text, "enable_event", name) || !strncmp(text, "disable_event", name);

	if (switches) {
		size_t system = strcspn(text + at, ": ");

		len = system + (at + system < end ? 1 + strcspn(text + at + system + 1, ": ") : 0);
		if (!memchr(text + at, ':', len)) {
			tell(r, r->at + at, "which event is missing: %.*s:SYSTEM:EVENT[:COUNT]", (int)name, text);
			return true;
		}
		if (is_wrong_event(r, r->at + at, len))
			return true;
		at += len + (text[at + len] == ':');
	}
	return at && text[at - 1] == ':' && is_wrong_count(r, r->at + at, end - at);
}

/* ---- both ------------------------------------------------------------------------ */

/* What is there already and excludes it. @file: "events/SYSTEM/EVENT/trigger". */
static void tell_rival(const struct refusal *r, const char *file)
{
	AUTO_BUF struct buf text = { 0 }, rival = { 0 }, written = { 0 };
	const char *system = file + strlen("events/"), *name = strchr(system, '/') + 1;

	if (kernel_read(r->in, file, &text) || trigger_rival(text.data, r->value, &rival) != 1 ||
	    trigger_as_written(rival.data, &written))
		return;
	err_hint(r->e, "it has '%s', which excludes this", rival.data);
	err_hint(r->e, "'tracecmd trigger del%s%s %.*s:%.*s %.*s' removes that", *r->in->name ? " -B " : "", r->in->name,
		 (int)(name - 1 - system), system, (int)strcspn(name, "/"), name, (int)strcspn(written.data, " "), written.data);
}

void trigger_explain(struct kernel_instance *in, const char *file, const char *value, int code, struct err *e)
{
	const struct refusal r = { in, value, 0, e };

	if (!e)
		return;
	if (code == -EEXIST)
		tell_rival(&r, file);
	else if (code != -EINVAL && code != -ERANGE && code != -ENOENT && code != -ENODEV)
		return;
	else if (is_unknown_trigger(&r, file))
		return;
	else if (!strncmp(value, "hist:", 5))
		is_wrong_size(&r);
	else
		is_wrong_argument(&r);
}

void command_explain(struct kernel_instance *in, const char *value, int code, struct err *e)
{
	static const char known[] = "traceon traceoff stacktrace snapshot dump cpudump enable_event disable_event";
	const char *colon = strchr(value, ':');
	struct refusal r = { in, value, 0, e };

	if (colon && !strncmp(colon, ":mod:", 5))
		colon = strchr(colon + 5, ':');
	if (!e || !colon || (code != -EINVAL && code != -ERANGE && code != -ENOENT && code != -ENODEV))
		return;
	r.at = colon + 1 - value;
	if (!tell_unknown(&r, "command", known))
		is_wrong_argument(&r);
}
