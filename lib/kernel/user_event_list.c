// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which user events there are, who listens to them, and who has any. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/dyn_internal.h"
#include "kernel/user_event.h"

#define STATUS_FILE "user_events_status"

static void event_release(struct kernel_user_event *ev)
{
	free(ev->name);
	free(ev->system);
	free(ev->base);
	free(ev->fields);
}

void kernel_user_events_release(struct kernel_user_events *evs)
{
	for (size_t i = 0; i < evs->nr; i++)
		event_release(&evs->v[i]);
	vec_release(evs);
}

/* ---- which definition is whose ----------------------------------------------------- */

/* "app.1a" is one of several formats of "app". @ret_len: of the name that was registered. */
static bool has_format_number(const char *name, size_t *ret_len)
{
	const char *dot = strrchr(name, '.');

	if (!dot || !dot[1] || dot[1 + strspn(dot + 1, "0123456789abcdef")])
		return false;
	*ret_len = dot - name;
	return true;
}

/* Whether a format's text, "field:TYPE NAME; offset:N; size:N; ..." has all fields of @def and no others. */
static bool is_format_of(const char *format, const struct kernel_user_def *def)
{
	size_t nr = 0;

	/* behind the common ones, which a blank line ends */
	format = strstr(format, "\n\n");
	for (const char *p = format; p && (p = strstr(p, "\tfield:")); p++)
		nr++;
	if (!format || nr != def->nr)
		return false;
	for (size_t i = 0; i < def->nr; i++) {
		const struct kernel_user_field *f = &def->v[i];
		AUTO_BUF struct buf place = { 0 }, name = { 0 };
		const char *line;

		if (buf_printf(&place, "\toffset:%u;\tsize:%u;", f->at + KERNEL_USER_COMMON, f->size) ||
		    buf_printf(&name, " %s", f->name))
			return false;
		line = strstr(format, place.data);
		if (!line)
			return false;
		/* "char name[20];" or "u32 name;" stands in front */
		while (line > format && *line != ' ')
			line--;
		if (strncmp(line, name.data, name.len) || !strchr(";[", line[name.len]))
			return false;
	}
	return true;
}

static bool fits_format(struct kernel *k, const char *system, const char *name, const char *fields)
{
	AUTO_BUF struct buf file = { 0 }, format = { 0 }, text = { 0 };
	struct kernel_user_def def;
	bool fits = false;

	if (buf_printf(&file, "events/%s/%s/format", system, name) || buf_printf(&text, "x %s", fields) ||
	    kernel_read(kernel_top(k), file.data, &format))
		return false;
	if (!kernel_user_parse(text.data, &def, NULL))
		fits = is_format_of(format.data, &def);
	kernel_user_release(&def);
	return fits;
}

/* Of "u:NAME FIELDS". */
static const char *fields_of(const struct kernel_dyn_event *def)
{
	const char *fields = strchr(def->definition, ' ');

	return fields ? fields + 1 : "";
}

/*
 * The definition of an event among those that have none yet. Those of several formats have one name: the one
 * that fits the event's, or, if fields are of types nobody knows here, the first left. NULL: there is none.
 */
static struct kernel_dyn_event *find_definition(struct kernel *k, struct kernel_dyn_events *defs, const bool *taken,
						const char *system, const char *name, size_t base)
{
	struct kernel_dyn_event *found = NULL;

	for (size_t i = defs->nr; i-- > 0;) {
		struct kernel_dyn_event *def = &defs->v[i];

		if (taken[i] || def->type != KERNEL_DYN_USER || strlen(def->name) != base || strncmp(def->name, name, base))
			continue;
		found = def;
		if (fits_format(k, system, name, fields_of(def)))
			break;
	}
	return found;
}

static int name_events_of(struct kernel *k, struct kernel_dyn_events *defs, bool *taken, const char *system)
{
	struct kernel_words names = { 0 };
	int r = kernel_system_events(k, system, &names, NULL);

	for (size_t i = 0; !r && i < names.nr; i++) {
		size_t base = strlen(names.v[i]);
		struct kernel_dyn_event *def;
		char *own[2];

		if (!strcmp(system, KERNEL_USER_MULTI_SYSTEM) && !has_format_number(names.v[i], &base))
			continue;
		def = find_definition(k, defs, taken, system, names.v[i], base);
		if (!def)
			continue;
		taken[def - defs->v] = true;
		own[0] = strdup(system);
		own[1] = strdup(names.v[i]);
		if (!own[0] || !own[1]) {
			free(own[0]);
			free(own[1]);
			r = -ENOMEM;
			break;
		}
		free(def->group);
		free(def->name);
		def->group = own[0];
		def->name = own[1];
	}
	kernel_words_release(&names);
	return r == -ENOMEM ? r : 0;
}

int user_events_name(struct kernel *k, struct kernel_dyn_events *defs)
{
	bool *taken AUTO_FREE = calloc(defs->nr + 1, sizeof(*taken));
	int r = taken ? name_events_of(k, defs, taken, KERNEL_USER_SYSTEM) : -ENOMEM;

	return r ? r : name_events_of(k, defs, taken, KERNEL_USER_MULTI_SYSTEM);
}

/* ---- the list ---------------------------------------------------------------------- */

struct listing {
	struct kernel *k;
	struct kernel_dyn_events defs;	/* of all dynamic events */
	struct kernel_user_events *ret;
};

static bool is_event(struct kernel *k, const char *system, const char *name)
{
	AUTO_BUF struct buf dir = { 0 };

	return !buf_printf(&dir, "events/%s/%s", system, name) && kernel_has(kernel_top(k), dir.data);
}

static const char *find_fields(const struct listing *l, const struct kernel_user_event *ev)
{
	for (size_t i = 0; i < l->defs.nr; i++)
		if (l->defs.v[i].type == KERNEL_DYN_USER && !strcmp(l->defs.v[i].group, ev->system) &&
		    !strcmp(l->defs.v[i].name, ev->name))
			return fields_of(&l->defs.v[i]);
	return "";
}

/* "NAME", or "NAME # Used by ftrace perf"; a blank line and totals behind. */
static int add_status(void *ctx, const char *line)
{
	struct listing *l = ctx;
	const char *used = strstr(line, " # Used by");
	struct kernel_user_event ev = { 0 };
	size_t len = used ? (size_t)(used - line) : strlen(line);
	bool multi = false;

	if (!len || strchr(line, ':'))
		return 0;
	ev.name = strndup(line, len);
	if (ev.name && !is_event(l->k, KERNEL_USER_SYSTEM, ev.name))
		multi = has_format_number(ev.name, &len);
	ev.system = strdup(multi ? KERNEL_USER_MULTI_SYSTEM : KERNEL_USER_SYSTEM);
	ev.base = strndup(line, len);
	ev.ftrace = used && strstr(used, " ftrace");
	ev.perf = used && strstr(used, " perf");
	ev.other = used && strstr(used, " other");
	if (ev.name && ev.system && ev.base)
		ev.fields = strdup(find_fields(l, &ev));
	if (!ev.fields || vec_push(l->ret, ev)) {
		event_release(&ev);
		return -ENOMEM;
	}
	return 0;
}

static int by_system_and_name(const void *a, const void *b)
{
	const struct kernel_user_event *x = a, *y = b;
	int order = strcmp(x->system, y->system);

	return order ? order : strcmp(x->name, y->name);
}

int kernel_user_list(struct kernel *k, struct kernel_user_events *ret, struct err *e)
{
	struct listing l = { .k = k, .ret = ret };
	AUTO_BUF struct buf text = { 0 };
	int r = kernel_read_named(kernel_top(k), STATUS_FILE, &text, e);

	if (r == -ENOENT) {
		err_set(e, r, "this kernel has no user events (there is no %s/" STATUS_FILE ")", kernel_root(k));
		err_hint(e, "they need CONFIG_USER_EVENTS, and Linux 6.4 or later");
	}
	if (!r)
		r = kernel_dyn_list(k, &l.defs, e);
	if (r)
		return r;
	r = kernel_each_line(text.data, add_status, &l);
	kernel_dyn_events_release(&l.defs);
	if (r)
		return err_errno(e, r, "cannot list the user events");
	if (ret->nr)
		qsort(ret->v, ret->nr, sizeof(*ret->v), by_system_and_name);
	return 0;
}

/* ---- who has any -------------------------------------------------------------------- */

static bool has_data_open(const char *pid)
{
	char dir[64], target[KERNEL_PATH_MAX];
	struct dirent *de;
	bool found = false;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%.20s/fd", pid);
	d = opendir(dir);
	while (d && !found && (de = readdir(d))) {
		ssize_t len = readlinkat(dirfd(d), de->d_name, target, sizeof(target) - 1);

		target[len > 0 ? len : 0] = 0;
		found = len > 0 && strstr(target, "/user_events_data");
	}
	if (d)
		closedir(d);
	return found;
}

static int add_process(const char *pid, struct kernel_words *ret)
{
	AUTO_BUF struct buf path = { 0 }, name = { 0 }, what = { 0 };

	if (buf_printf(&path, "/proc/%s/comm", pid))
		return -ENOMEM;
	if (path_read_all(path.data, &name, KERNEL_TEXT_MAX))
		return 0;		/* it has ended */
	if (buf_printf(&what, "%s (%.*s)", pid, (int)strcspn(name.data ? name.data : "", "\n"), name.data ? name.data : ""))
		return -ENOMEM;
	return kernel_words_add(ret, what.data);
}

int kernel_user_processes(size_t max, struct kernel_words *ret)
{
	struct kernel_words pids = { 0 };
	int r = list_dirs("/proc", &pids);

	for (size_t i = 0; !r && i < pids.nr && ret->nr < max; i++)
		if (isdigit((unsigned char)*pids.v[i]) && atoi(pids.v[i]) != getpid() && has_data_open(pids.v[i]))
			r = add_process(pids.v[i], ret);
	kernel_words_release(&pids);
	return r == -ENOMEM ? r : 0;
}
