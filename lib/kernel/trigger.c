// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/trigger.h"

#define COMMANDS "set_ftrace_filter"

/* ---- the list ------------------------------------------------------------- */

struct listing {
	const struct kernel_event *ev;	/* NULL: of functions */
	struct kernel_triggers *ret;
};

static void trigger_release(struct kernel_trigger *t)
{
	free(t->system);
	free(t->event);
	free(t->text);
}

static int add_line(void *ctx, const char *line)
{
	struct listing *l = ctx;
	const struct kernel_function_ask ask = { .pattern = (char *)line };
	struct kernel_trigger t = { 0 };

	if (!*line || *line == '#' || (!l->ev && !function_is_command(&ask)))
		return 0;
	t.text = strdup(line);
	t.system = l->ev ? strdup(l->ev->system) : NULL;
	t.event = l->ev ? strdup(l->ev->name) : NULL;
	if (!t.text || (l->ev && (!t.system || !t.event)) || vec_push(l->ret, t)) {
		trigger_release(&t);
		return -ENOMEM;
	}
	return 0;
}

static int list_event(struct kernel_instance *in, struct listing *l)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };
	int r = buf_printf(&file, "events/%s/%s/trigger", l->ev->system, l->ev->name);

	/* an event may have none, or be gone */
	return !r && !kernel_read(in, file.data, &text) ? kernel_each_line(text.data, add_line, l) : r;
}

int kernel_trigger_list(struct kernel_instance *in, struct kernel_triggers *ret, struct err *e)
{
	struct listing l = { .ret = ret };
	AUTO_BUF struct buf text = { 0 };
	const struct kernel_event *evs;
	size_t nr;
	int r = kernel_events(in->k, &evs, &nr, e);

	if (r)
		return r;
	for (size_t i = 0; !r && i < nr; i++) {
		l.ev = &evs[i];
		r = list_event(in, &l);
	}
	l.ev = NULL;
	/* Where functions cannot be traced there are none. */
	if (!r && !kernel_read(in, COMMANDS, &text))
		r = kernel_each_line(text.data, add_line, &l);
	return r ? err_errno(e, r, "cannot list the triggers") : 0;
}

void kernel_triggers_release(struct kernel_triggers *ts)
{
	for (size_t i = 0; i < ts->nr; i++)
		trigger_release(&ts->v[i]);
	vec_release(ts);
}

/* @text is all of @whole, or ends where a part of that does. */
static bool begins_with(const char *whole, const char *text)
{
	size_t len = strlen(text);

	return !strncmp(whole, text, len) && (!whole[len] || strchr(": ", whole[len]));
}

bool kernel_trigger_is(const struct kernel_trigger *t, const char *text)
{
	AUTO_BUF struct buf written = { 0 };

	return begins_with(t->text, text) || (!trigger_as_written(t->text, &written) && begins_with(written.data, text));
}

bool kernel_trigger_fits(const struct kernel_trigger *t, const char *pattern)
{
	const struct kernel_event ev = { t->system, t->event };

	return t->event ? event_fits(&ev, pattern) : kernel_trigger_is(t, pattern);
}

bool kernel_trigger_is_hist(const struct kernel_trigger *t)
{
	return t->event && !strncmp(t->text, "hist:", 5);
}

static int no_event(const struct kernel_event *evs, size_t nr, const char *pattern, struct err *e)
{
	err_set(e, -ENOENT, "this kernel has no event or system '%s'", pattern);
	hint_near_events(evs, nr, pattern, e);
	return -ENOENT;
}

int kernel_trigger_check(struct kernel_instance *in, const char *pattern, struct err *e)
{
	const struct kernel_event *evs;
	size_t nr;
	int r = kernel_events(in->k, &evs, &nr, e);

	if (r)
		return r;
	for (size_t i = 0; i < nr; i++)
		if (event_fits(&evs[i], pattern))
			return 0;
	return no_event(evs, nr, pattern, e);
}

/* ---- changes -------------------------------------------------------------- */

int kernel_trigger_add(struct kernel_instance *in, const char *pattern, const char *text, struct err *e)
{
	const struct kernel_event *evs;
	size_t nr;
	bool found = false;
	int r = kernel_events(in->k, &evs, &nr, e);

	for (size_t i = 0; !r && i < nr; i++) {
		AUTO_BUF struct buf file = { 0 };

		if (!event_fits(&evs[i], pattern))
			continue;
		found = true;
		r = buf_printf(&file, "events/%s/%s/trigger", evs[i].system, evs[i].name) ?
		    err_errno(e, -ENOMEM, "cannot add a trigger") : kernel_append(in, file.data, text, e);
	}
	return r || found ? r : no_event(evs, nr, pattern, e);
}

/* "SYSTEM:EVENT" alone, which is no function with a command. */
static int refuse_event(struct kernel_instance *in, const char *text, struct err *e)
{
	const struct kernel_event *evs;
	size_t nr;
	int r = kernel_events(in->k, &evs, &nr, e);

	for (size_t i = 0; !r && i < nr; i++)
		if (event_fits(&evs[i], text))
			r = err_set(e, -EINVAL, "what the event '%s' is to trigger is missing", text);
	return r;
}

int kernel_command_add(struct kernel_instance *in, const char *text, struct err *e)
{
	AUTO_FREE char *function = strndup(text, strcspn(text, ":"));
	int r = refuse_event(in, text, e);

	if (r)
		return r;
	r = kernel_append(in, COMMANDS, text, e);
	if (r && function && !is_unavailable(r) && !function[strcspn(function, "*?[")])
		kallsyms_hint(function, e);
	return r;
}

static int is_line(void *line, const char *other)
{
	return !strcmp(line, other);
}

/* One removal takes all functions of a pattern along. */
static bool command_is_gone(struct kernel_instance *in, const char *listed)
{
	AUTO_BUF struct buf text = { 0 };

	return !kernel_read(in, COMMANDS, &text) && !kernel_each_line(text.data, is_line, (void *)listed);
}

static int remove_trigger(struct kernel_instance *in, const struct kernel_trigger *t, struct err *e)
{
	AUTO_BUF struct buf file = { 0 }, removal = { 0 };
	int r;

	if (!t->event && command_is_gone(in, t->text))
		return 0;
	if (t->event) {
		buf_printf(&file, "events/%s/%s/trigger", t->system, t->event);
		buf_puts(&removal, "!");
		r = trigger_as_written(t->text, &removal);
	} else {
		buf_puts(&file, COMMANDS);
		r = command_removal(t->text, &removal);
	}
	if (r || file.failed || removal.failed)
		return err_errno(e, -ENOMEM, "cannot remove the trigger '%s'", t->text);
	r = kernel_append(in, file.data, removal.data, e);
	if (r == -EBUSY && kernel_trigger_is_hist(t))
		err_hint(e, "another histogram uses its variables, and has to go first");
	return r == -ENOENT && t->event ? 0 : r;
}

size_t kernel_triggers_remove(struct kernel_instance *in, const struct kernel_triggers *ts, bool *chosen,
			      struct err *e)
{
	size_t stay, removed;
	struct err first;

	do {
		first = (struct err){ 0 };
		stay = removed = 0;
		for (size_t i = 0; i < ts->nr; i++) {
			if (!chosen[i])
				continue;
			chosen[i] = remove_trigger(in, &ts->v[i], stay ? NULL : &first) != 0;
			if (chosen[i])
				stay++;
			else
				removed++;
		}
	} while (stay && removed);
	if (stay)
		err_set(e, first.code, "%s", first.text);
	return stay;
}

int triggers_of(struct kernel_instance *in, const struct kernel_event *ev, struct kernel_triggers *ret)
{
	struct listing l = { ev, ret };

	return list_event(in, &l);
}

int triggers_remove(struct kernel_instance *in, const struct kernel_event *ev, struct err *e)
{
	struct kernel_triggers ts = { 0 };
	bool *chosen AUTO_FREE = NULL;
	int r = ev ? triggers_of(in, ev, &ts) : kernel_trigger_list(in, &ts, e);

	if (!r && !(chosen = calloc(ts.nr + 1, sizeof(*chosen))))
		r = -ENOMEM;
	if (r)
		err_errno(e, r, "cannot remove the triggers");
	for (size_t i = 0; !r && i < ts.nr; i++)
		chosen[i] = ts.v[i].event;
	if (!r && kernel_triggers_remove(in, &ts, chosen, NULL))
		for (size_t i = 0; i < ts.nr; i++)
			if (chosen[i])
				notice(&in->k->notices, "the trigger '%s' of %s:%s stays", ts.v[i].text, ts.v[i].system,
				       ts.v[i].event);
	kernel_triggers_release(&ts);
	return r;
}

int kernel_trigger_control(struct kernel_instance *in, const struct kernel_trigger *t, const char *word,
			   struct err *e)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 }, control = { 0 };
	bool keep = in->k->keep;
	size_t spec;
	int r = trigger_as_written(t->text, &text);

	if (!r) {
		/* in front of a filter */
		const char *filter = strstr(text.data, " if ");

		spec = filter ? (size_t)(filter - text.data) : text.len;
		buf_printf(&file, "events/%s/%s/trigger", t->system, t->event);
		r = buf_printf(&control, "%.*s:%s%s", (int)spec, text.data, word, text.data + spec);
	}
	if (r || file.failed)
		return err_errno(e, -ENOMEM, "cannot control the histogram '%s'", t->text);
	/* It adds nothing that would have to be removed again. */
	in->k->keep = true;
	r = kernel_append(in, file.data, control.data, e);
	in->k->keep = keep;
	return r;
}

/* ---- who hooks functions -------------------------------------------------- */

struct hooks {
	const char *table, *pattern;
	int (*fn)(void *ctx, const char *table, const char *line);
	void *ctx;
	struct buf line;		/* the last function's, with what followed it */
};

static int tell_function(struct hooks *h)
{
	int r = h->line.failed ? -ENOMEM : h->line.len ? h->fn(h->ctx, h->table, h->line.data) : 0;

	buf_clear(&h->line);
	return r;
}

/* What is behind a function's line begins with a blank: its trampoline, who is called directly. */
static int function_line(void *ctx, const char *line)
{
	struct hooks *h = ctx;
	bool more = strchr(" \t", *line);
	AUTO_FREE char *name = strndup(line, strcspn(line, " \t"));
	const struct kernel_function_ask ask = { .pattern = name };
	int r = more ? 0 : tell_function(h);

	if (r || !name)
		return r ? r : -ENOMEM;
	if (!*line || *line == '#' || (more && !h->line.len) || (!more && (function_is_command(&ask) ||
	    (h->pattern && fnmatch(h->pattern, name, 0)))))
		return 0;
	buf_puts(&h->line, more ? " " : "");
	for (line += strspn(line, " \t"); *line; line++)
		buf_put(&h->line, *line == '\t' ? " " : line, 1);
	return 0;
}

/* A table that this kernel lacks or denies is told, and left out. */
static int each_function(struct kernel_instance *in, const char *file, struct hooks *h, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	char path[KERNEL_PATH_MAX];
	int r = kernel_read(in, file, &text);

	if (r == -ENOENT)
		return 0;
	if (is_unavailable(r) && !kernel_instance_path(in, file, path, sizeof(path))) {
		tell_unavailable(in->k, path, r);
		return 0;
	}
	if (r)
		return err_errno(e, r, "cannot read %s", file);
	r = kernel_each_line(text.data ? text.data : "", function_line, h);
	return r ? r : tell_function(h);
}

int kernel_functions_each(struct kernel_instance *in, const char *pattern,
			  int (*fn)(void *ctx, const char *table, const char *line), void *ctx, struct err *e)
{
	static const struct { const char *table, *file; } tables[] = {
		{ "filter", "set_ftrace_filter" }, { "notrace", "set_ftrace_notrace" },
		{ "graph", "set_graph_function" }, { "graph_notrace", "set_graph_notrace" },
		{ "hooked", "enabled_functions" }, { "touched", "touched_functions" },
	};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(tables); i++) {
		struct hooks h = { tables[i].table, pattern, fn, ctx, { 0 } };

		r = each_function(in, tables[i].file, &h, e);
		if (r == -ENOMEM)
			err_errno(e, r, "cannot list the functions");
		buf_release(&h.line);
	}
	return r;
}
