// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's events: which there are, which are on, their formats. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/internal.h"

/* ---- the list ------------------------------------------------------------ */

void events_release(struct kernel *k)
{
	vec_release(&k->events);
	buf_release(&k->events.text);
	k->events.read = false;
}

static int by_system_and_name(const void *a, const void *b)
{
	const struct kernel_event *x = a, *y = b;
	int order = strcmp(x->system, y->system);

	return order ? order : strcmp(x->name, y->name);
}

/* Cuts the text of available_events ("system:name" lines) into @k's list. */
static int cut_events(struct kernel *k)
{
	char *line = k->events.text.data, *next;

	for (; *line; line = next) {
		char *end = line + strcspn(line, "\n"), *colon;
		struct kernel_event ev;

		next = *end ? end + 1 : end;
		*end = 0;
		colon = strchr(line, ':');
		if (!colon || !colon[1] || colon == line)
			continue;
		*colon = 0;
		ev.system = line;
		ev.name = colon + 1;
		if (vec_push(&k->events, ev))
			return -ENOMEM;
	}
	if (k->events.nr)
		qsort(k->events.v, k->events.nr, sizeof(*k->events.v), by_system_and_name);
	return 0;
}

int kernel_events(struct kernel *k, const struct kernel_event **ret, size_t *nr, struct err *e)
{
	if (!k->events.read) {
		int code = kernel_read_named(kernel_top(k), "available_events", &k->events.text, e);

		if (code) {
			events_release(k);
			return err_wrap(e, "cannot list the events"), code;
		}
		if (cut_events(k)) {
			events_release(k);
			return err_errno(e, -ENOMEM, "cannot list the events");
		}
		k->events.read = true;
	}
	*ret = k->events.v;
	*nr = k->events.nr;
	return 0;
}

int kernel_system_events(struct kernel *k, const char *system, struct kernel_words *ret,
			 struct err *e)
{
	AUTO_BUF struct buf dir = { 0 };
	int code;

	if (buf_printf(&dir, "%s/events/%s", k->root, system))
		return err_errno(e, -ENOMEM, "cannot list the events of %s", system);
	code = list_dirs(dir.data, ret);
	return code ? err_denied(e, code, "cannot list the events in", dir.data) : 0;
}

/* ---- fields -------------------------------------------------------------- */

/* The number behind "WHAT:"; 0 if there is none. */
static uint64_t number_of(const char *line, const char *what)
{
	const char *at = strstr(line, what);
	char digits[24];
	uint64_t ret = 0;

	if (at)
		snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at + strlen(what), "0123456789"), at + strlen(what));
	return at && !parse_u64(digits, &ret) ? ret : 0;
}

/* "field:TYPE NAME;" or "field:TYPE NAME[16];"; a type may be "__data_loc char[]". */
static int add_field(void *ctx, const char *line)
{
	const char *start, *end, *array;
	struct event_field f = { 0 };

	line += strspn(line, " \t");
	if (strncmp(line, "field:", 6))
		return 0;
	line += 6;
	array = end = line + strcspn(line, ";");
	if (end > line && end[-1] == ']')
		while (array > line && *array != '[')
			array--;
	for (start = array; start > line && !strchr(" *", start[-1]);)
		start--;
	if (start == array)
		return 0;
	f.name = strndup(start, array - start);
	while (start > line && start[-1] == ' ')
		start--;
	f.size = number_of(end, "size:");
	f.is_signed = number_of(end, "signed:");
	if (asprintf(&f.type, "%.*s%.*s", (int)(start - line), line, (int)(end - array), array) < 0)
		f.type = NULL;
	if (f.name && f.type && !vec_push((struct event_fields *)ctx, f))
		return 0;
	free(f.name);
	free(f.type);
	return -ENOMEM;
}

void event_fields_release(struct event_fields *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->v[i].name);
		free(f->v[i].type);
	}
	vec_release(f);
}

int event_fields_read(struct kernel *k, const struct kernel_event *ev, struct event_fields *ret, struct err *e)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };
	int code = buf_printf(&file, "events/%s/%s/format", ev->system, ev->name);

	if (!code)
		code = kernel_read_named(kernel_top(k), file.data, &text, e);
	else
		err_errno(e, code, "cannot read an event's format");
	if (!code && kernel_each_line(text.data ? text.data : "", add_field, ret))
		code = err_errno(e, -ENOMEM, "cannot read '%s'", file.data);
	return code;
}

int kernel_event_fields(struct kernel *k, const struct kernel_event *ev, struct kernel_words *ret,
			struct err *e)
{
	struct event_fields fields = { 0 };
	int code = event_fields_read(k, ev, &fields, e);

	for (size_t i = 0; !code && i < fields.nr; i++)
		if (kernel_words_add(ret, fields.v[i].name))
			code = err_errno(e, -ENOMEM, "cannot read the format of %s:%s", ev->system, ev->name);
	event_fields_release(&fields);
	return code;
}

/* ---- what is on ---------------------------------------------------------- */

struct enabled_ctx {
	const char *dir;
	struct buf *ret;
};

static int add_enabled(void *ctx, const char *line)
{
	struct enabled_ctx *ec = ctx;
	const char *colon = strchr(line, ':');
	AUTO_BUF struct buf path = { 0 }, state = { 0 };
	int code;

	if (!colon)
		return 0;
	if (buf_printf(&path, "%s/%.*s/%s/enable", ec->dir, (int)(colon - line), line, colon + 1))
		return -ENOMEM;
	code = control_file_read(path.data, &state, KERNEL_TEXT_MAX);
	if (code == -ENOENT)		/* "system:*:mod:name" of a module not loaded yet */
		return 0;
	if (code)
		return code;
	if (!state.len || state.data[0] != '1')
		return 0;
	return buf_puts(ec->ret, line) || buf_puts(ec->ret, "\n") ? -ENOMEM : 0;
}

int events_enabled(const char *events_dir, struct buf *ret)
{
	struct enabled_ctx ec = { .dir = events_dir, .ret = ret };
	AUTO_BUF struct buf path = { 0 }, text = { 0 };
	int code;

	if (buf_puts(ret, "") || buf_printf(&path, "%s/../set_event", events_dir))
		return -ENOMEM;
	code = control_file_read(path.data, &text, KERNEL_TEXT_MAX);
	if (code)
		return code;
	return text.data ? kernel_each_line(text.data, add_enabled, &ec) : 0;
}
