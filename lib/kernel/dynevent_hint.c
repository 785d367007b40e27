// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names in definitions that a kernel does not have, which it does not say itself, or not which are near. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/dyn_internal.h"

/* ---- event probes ----------------------------------------------------------- */

/* "SYSTEM.EVENT", which may be written with '/', of an event probe. */
static bool same_event(const struct kernel_event *ev, const char *place)
{
	size_t system = strlen(ev->system);

	return !strncmp(place, ev->system, system) && place[system] && strchr("./", place[system]) &&
	       !strcmp(place + system + 1, ev->name);
}

/* The event that it hangs on; NULL: there is none, and those near are told. */
static const struct kernel_event *find_host(struct kernel *k, const char *place, struct err *e)
{
	const struct kernel_event *evs;
	struct near near;
	size_t nr;

	if (kernel_events(k, &evs, &nr, NULL))
		return NULL;
	near_init(&near, place);
	for (size_t i = 0; i < nr; i++) {
		char full[512];

		if (same_event(&evs[i], place))
			return &evs[i];
		snprintf(full, sizeof(full), "%s.%s", evs[i].system, evs[i].name);
		near_try(&near, full);
	}
	near_hint(&near, e);
	return NULL;
}

/* "a=$field", "+0($field):string": "$comm" is the task's name where no field has that. */
static void hint_field(const struct kernel_event *host, const struct kernel_words *fields, const char *arg, struct err *e)
{
	const char *dollar = strchr(arg, '$');
	char name[DYN_NAME_MAX + 1];
	struct near near;
	size_t len = 0;

	if (!dollar || strchr(arg, '"'))
		return;
	while (isalnum((unsigned char)dollar[1 + len]) || dollar[1 + len] == '_')
		len++;
	snprintf(name, sizeof(name), "%.*s", (int)len, dollar + 1);
	near_init(&near, name);
	for (size_t i = 0; i < fields->nr; i++) {
		if (!strcmp(fields->v[i], name))
			return;
		near_try(&near, fields->v[i]);
	}
	if (!strcasecmp(name, "comm"))
		return;
	err_hint(e, "%s.%s has no field '%s'", host->system, host->name, name);
	near_hint(&near, e);
}

static void hint_event_probe(struct kernel *k, const struct kernel_dyn_def *d, struct err *e)
{
	const struct kernel_event *host = find_host(k, d->place, e);
	struct kernel_words fields = { 0 };
	const char *filter;

	if (host && !kernel_event_fields(k, host, &fields, NULL)) {
		for (size_t i = 0; i < d->args.nr; i++)
			hint_field(host, &fields, d->args.v[i], e);
		/* "if FILTER" is the end of the text */
		filter = d->tail ? strstr(d->text, d->tail) : NULL;
		if (filter)
			filter_explain(&fields, d->text, filter + strlen("if ") - d->text, e);
	}
	kernel_words_release(&fields);
}

/* ---- tracepoints ------------------------------------------------------------ */

/*
 * Whether the kernel shows tracepoints and has none of that name: most have an event of the same. Those near are
 * told.
 */
static bool is_no_tracepoint(struct kernel *k, const char *name, struct err *e)
{
	const struct kernel_event *evs;
	struct near near;
	size_t nr;

	if (kernel_events(k, &evs, &nr, NULL))
		return false;
	near_init(&near, name);
	for (size_t i = 0; i < nr; i++) {
		if (!strcmp(evs[i].name, name))
			return false;
		near_try(&near, evs[i].name);
	}
	if (kallsyms_tracepoint(name, &near))
		return false;
	err_hint(e, "this kernel has no tracepoint '%s'", name);
	near_hint(&near, e);
	return true;
}

/* ---- all kinds -------------------------------------------------------------- */

void dyn_hint_names(struct kernel *k, const struct kernel_dyn_def *d, struct err *e)
{
	AUTO_FREE char *symbol = d->place ? strndup(d->place, strcspn(d->place, "+%")) : NULL;

	if (!e || !symbol || d->path || isdigit((unsigned char)*symbol))
		return;
	if (d->type == KERNEL_DYN_EPROBE)
		hint_event_probe(k, d, e);
	else if (d->type == KERNEL_DYN_TPROBE)
		is_no_tracepoint(k, symbol, e);
	else
		kallsyms_hint(symbol, e);
}

void dyn_tell_absent(struct kernel *k, const struct kernel_dyn_def *d)
{
	const char *colon = d->place && !d->path && d->type != KERNEL_DYN_EPROBE ? strchr(d->place, ':') : NULL;
	AUTO_BUF struct buf dir = { 0 };
	struct err why = { 0 };

	if (d->type == KERNEL_DYN_TPROBE) {
		err_set(&why, -ENOENT, "the event %s/%s waits for a module", d->group, d->name);
		if (is_no_tracepoint(k, d->place, &why))
			notice(&k->notices, "%s", why.text);
		return;
	}
	if (!colon || buf_printf(&dir, "/sys/module/%.*s", (int)(colon - d->place), d->place) || !access(dir.data, F_OK))
		return;
	notice(&k->notices, "the module '%.*s' is not loaded: the event %s/%s waits for it", (int)(colon - d->place),
	       d->place, d->group, d->name);
}
