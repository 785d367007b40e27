// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who uses a dynamic event, and removing it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"

/* ---- users ---------------------------------------------------------------- */

static int event_path(const struct kernel_dyn_event *ev, const char *file, struct buf *ret)
{
	return buf_printf(ret, "events/%s/%s/%s", ev->group, ev->name, file);
}

bool kernel_dyn_enabled(const struct kernel_instance *in, const struct kernel_dyn_event *ev)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };

	return !event_path(ev, "enable", &file) && !kernel_read(in, file.data, &text) &&
	       text.data[0] == '1';
}

/* What is being looked for, and where. */
struct search {
	struct kernel *k;
	const struct kernel_dyn_event *ev;
	const struct kernel_instance *in;
	const struct kernel_event *host;	/* whose triggers are read */
	struct kernel_words *ret;
};

static void put_where(const struct kernel_instance *in, struct buf *b)
{
	if (*kernel_instance_name(in))
		buf_printf(b, " in instance '%s'", kernel_instance_name(in));
	else
		buf_puts(b, " at the top level");
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether a trigger's text has the name as a word of its own. */
static bool names(const char *line, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = line; (p = strstr(p, name)); p++)
		if ((p == line || !is_word_char(p[-1])) && !is_word_char(p[len]))
			return true;
	return false;
}

static int note_trigger(void *ctx, const char *line)
{
	struct search *s = ctx;
	AUTO_BUF struct buf what = { 0 };
	bool own = !strcmp(s->host->system, s->ev->group) && !strcmp(s->host->name, s->ev->name);

	if (!*line || *line == '#' || (!own && !names(line, s->ev->name)))
		return 0;
	buf_printf(&what, "trigger '%.200s' of %s:%s", line, s->host->system, s->host->name);
	put_where(s->in, &what);
	return what.failed ? -ENOMEM : kernel_words_add(s->ret, what.data);
}

/* Triggers of the event itself, and of others that switch it on or write it. */
static int search_triggers(struct search *s)
{
	const struct kernel_event *evs;
	size_t nr;
	int code = kernel_events(s->k, &evs, &nr, NULL);

	for (size_t i = 0; !code && i < nr; i++) {
		AUTO_BUF struct buf file = { 0 }, text = { 0 };

		s->host = &evs[i];
		code = buf_printf(&file, "events/%s/%s/trigger", evs[i].system, evs[i].name);
		if (!code && !kernel_read(s->in, file.data, &text))
			code = kernel_each_line(text.data, note_trigger, s);
	}
	return code;
}

static int search_instance(struct search *s)
{
	AUTO_BUF struct buf what = { 0 };

	if (kernel_dyn_enabled(s->in, s->ev)) {
		buf_puts(&what, "it is enabled");
		put_where(s->in, &what);
		if (what.failed || kernel_words_add(s->ret, what.data))
			return -ENOMEM;
	}
	return search_triggers(s);
}

/* "e:group/name GROUP.NAME ..." hangs on the event. */
static int search_probes(struct search *s)
{
	struct kernel_dyn_events all = { 0 };
	AUTO_BUF struct buf host = { 0 };
	int code = kernel_dyn_list(s->k, &all, NULL);

	if (!code)
		code = buf_printf(&host, "%s.%s", s->ev->group, s->ev->name);
	for (size_t i = 0; !code && i < all.nr; i++) {
		const char *place = all.v[i].definition + strcspn(all.v[i].definition, " \t");
		AUTO_BUF struct buf what = { 0 };

		place += strspn(place, " \t");
		if (all.v[i].type != KERNEL_DYN_EPROBE || strncmp(place, host.data, host.len) ||
		    (place[host.len] && place[host.len] != ' '))
			continue;
		code = buf_printf(&what, "event probe %s/%s hangs on it", all.v[i].group, all.v[i].name);
		if (!code)
			code = kernel_words_add(s->ret, what.data);
	}
	kernel_dyn_events_release(&all);
	return code;
}

int kernel_dyn_users(struct kernel *k, const struct kernel_dyn_event *ev, struct kernel_words *ret,
		     struct err *e)
{
	struct search s = { .k = k, .ev = ev, .in = kernel_top(k), .ret = ret };
	struct kernel_words instances = { 0 };
	int code;

	events_release(k);		/* events came and went since it was read */
	code = search_instance(&s);
	if (!code)
		code = kernel_instance_names(k, &instances, e);
	for (size_t i = 0; !code && i < instances.nr; i++) {
		struct kernel_instance *in;

		/* It may be gone meanwhile. */
		if (kernel_instance_get(k, instances.v[i], false, &in, NULL))
			continue;
		s.in = in;
		code = search_instance(&s);
	}
	if (!code)
		code = search_probes(&s);
	kernel_words_release(&instances);
	return code ? err_errno(e, code, "cannot find out who uses %s/%s", ev->group, ev->name) : 0;
}

/* ---- removing ------------------------------------------------------------- */

static int switch_off(struct kernel_instance *in, const struct kernel_dyn_event *ev, struct err *e)
{
	const struct kernel_event event = { ev->group, ev->name };
	AUTO_BUF struct buf enable = { 0 };
	int code;

	if (event_path(ev, "enable", &enable))
		return err_errno(e, -ENOMEM, "cannot switch %s/%s off", ev->group, ev->name);
	if (!kernel_has(in, enable.data))
		return 0;
	code = triggers_remove(in, &event, e);
	return code ? code : kernel_write(in, enable.data, "0", e);
}

static int switch_off_everywhere(struct kernel *k, const struct kernel_dyn_event *ev, struct err *e)
{
	struct kernel_words instances = { 0 };
	int code = switch_off(kernel_top(k), ev, e);

	if (!code)
		code = kernel_instance_names(k, &instances, e);
	for (size_t i = 0; !code && i < instances.nr; i++) {
		struct kernel_instance *in;

		if (!kernel_instance_get(k, instances.v[i], false, &in, NULL))
			code = switch_off(in, ev, e);
	}
	kernel_words_release(&instances);
	return code;
}

static int explain_busy(struct kernel *k, const struct kernel_dyn_event *ev, bool force, struct err *e)
{
	struct kernel_words users = { 0 };
	bool known = !kernel_dyn_users(k, ev, &users, NULL) && users.nr;

	err_set(e, -EBUSY, "cannot remove the dynamic event %s/%s: it is in use", ev->group, ev->name);
	for (size_t i = 0; i < users.nr; i++)
		err_hint(e, "%s", users.v[i]);
	if (!known)
		err_hint(e, "no instance has it enabled and no trigger names it: another program has it open, "
			 "as perf does");
	else if (!force)
		err_hint(e, "'tracecmd probe del --force' switches it off everywhere and removes its own "
			 "triggers");
	kernel_words_release(&users);
	return -EBUSY;
}

int kernel_dyn_del(struct kernel *k, const struct kernel_dyn_event *ev, bool force, struct err *e)
{
	AUTO_BUF struct buf removal = { 0 };
	struct err why = { 0 };
	int code;

	if (!*ev->group)
		return err_set(e, -EINVAL, "'%s' is a user event, which 'tracecmd user-event delete' removes", ev->name);
	code = force ? switch_off_everywhere(k, ev, e) : 0;
	if (code)
		return code;
	if (buf_printf(&removal, "-:%s/%s", ev->group, ev->name))
		return err_errno(e, -ENOMEM, "cannot remove the dynamic event %s/%s", ev->group, ev->name);
	code = kernel_append(kernel_top(k), "dynamic_events", removal.data, &why);
	if (code == -EBUSY && e)
		return explain_busy(k, ev, force, e);
	if (code) {
		err_set(e, code, "%s", why.text);
		err_wrap(e, "cannot remove the dynamic event %s/%s", ev->group, ev->name);
	}
	return code;
}

/* One that hangs on another is in its way: as long as any goes, the rest is tried again. */
int kernel_dyn_del_chosen(struct kernel *k, const struct kernel_dyn_events *evs, const bool *chosen,
			  bool force, struct err *e)
{
	bool *left AUTO_FREE = calloc(evs->nr + 1, sizeof(*left));
	size_t removed;
	int stay = 0;

	if (!left)
		return err_errno(e, -ENOMEM, "cannot remove the dynamic events");
	memcpy(left, chosen, evs->nr * sizeof(*left));
	do {
		removed = 0;
		for (size_t i = 0; i < evs->nr; i++) {
			int code = left[i] ? kernel_dyn_del(k, &evs->v[i], force, NULL) : -EBUSY;

			/* All probes of an event go with the first of them. */
			if (code && code != -ENOENT)
				continue;
			left[i] = false;
			removed++;
		}
	} while (removed);
	for (size_t i = 0; i < evs->nr; i++) {
		struct err why = { 0 };

		if (!left[i] || !kernel_dyn_del(k, &evs->v[i], force, &why))
			continue;
		notice(&k->notices, "%s", why.text);
		stay++;
	}
	return stay;
}

int kernel_dyn_remove(struct kernel *k, unsigned keep, struct err *e)
{
	struct kernel_dyn_events all = { 0 };
	bool *chosen AUTO_FREE = NULL;
	int code = kernel_dyn_list(k, &all, e);

	if (!code && !(chosen = calloc(all.nr + 1, sizeof(*chosen))))
		code = err_errno(e, -ENOMEM, "cannot remove the dynamic events");
	for (size_t i = 0; !code && i < all.nr; i++)
		chosen[i] = *all.v[i].group && !(all.v[i].type & keep);
	if (!code)
		code = kernel_dyn_del_chosen(k, &all, chosen, false, e);
	kernel_dyn_events_release(&all);
	return code < 0 ? code : 0;
}
