// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who uses a dynamic event, and removing it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/trigger.h"

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
	bool others;			/* only those that --force leaves alone */
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

	if (!*line || *line == '#' || (own ? s->others : !names(line, s->ev->name)))
		return 0;
	buf_printf(&what, "trigger '%s' of %s:%s", line, s->host->system, s->host->name);
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

	if (!s->others && kernel_dyn_enabled(s->in, s->ev)) {
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

static int find_users(struct search *s, struct err *e)
{
	struct kernel *k = s->k;
	struct kernel_words instances = { 0 };
	int code;

	events_release(k);		/* events came and went since it was read */
	s->in = kernel_top(k);
	code = search_instance(s);
	if (!code)
		code = kernel_instance_names(k, &instances, e);
	for (size_t i = 0; !code && i < instances.nr; i++) {
		struct kernel_instance *in;

		/* It may be gone meanwhile. */
		if (kernel_instance_get(k, instances.v[i], false, &in, NULL))
			continue;
		s->in = in;
		code = search_instance(s);
	}
	if (!code)
		code = search_probes(s);
	kernel_words_release(&instances);
	return code ? err_errno(e, code, "cannot find out who uses %s/%s", s->ev->group, s->ev->name) : 0;
}

int kernel_dyn_users(struct kernel *k, const struct kernel_dyn_event *ev, struct kernel_words *ret,
		     struct err *e)
{
	struct search s = { .k = k, .ev = ev, .ret = ret };

	return find_users(&s, e);
}

/* ---- removing ------------------------------------------------------------- */

/* What is removed is put back by undo_to: newest first, as the kernel lists them. */
static int log_triggers(struct kernel_instance *in, const struct kernel_event *ev, bool *had_hists, struct err *e)
{
	struct kernel_triggers ts = { 0 };
	int code = triggers_of(in, ev, &ts);

	for (size_t i = 0; !code && i < ts.nr; i++) {
		AUTO_BUF struct buf text = { 0 }, file = { 0 };
		char path[KERNEL_PATH_MAX];

		*had_hists |= kernel_trigger_is_hist(&ts.v[i]);
		code = trigger_as_written(ts.v[i].text, &text);
		if (!code)
			code = buf_printf(&file, "events/%s/%s/trigger", ev->system, ev->name);
		if (!code)
			code = kernel_instance_path(in, file.data, path, sizeof(path));
		if (!code)
			code = undo_log_add(in->k, UNDO_ADD, path, text.data);
	}
	kernel_triggers_release(&ts);
	return code ? err_errno(e, code, "cannot remember the triggers of %s/%s", ev->system, ev->name) : 0;
}

static int switch_off(struct kernel_instance *in, const struct kernel_dyn_event *ev, bool *had_hists, struct err *e)
{
	const struct kernel_event event = { ev->group, ev->name };
	AUTO_BUF struct buf enable = { 0 };
	int code;

	if (event_path(ev, "enable", &enable))
		return err_errno(e, -ENOMEM, "cannot switch %s/%s off", ev->group, ev->name);
	if (!kernel_has(in, enable.data))
		return 0;
	code = log_triggers(in, &event, had_hists, e);
	if (!code)
		code = triggers_remove(in, &event, e);
	return code ? code : kernel_write(in, enable.data, "0", e);
}

static int switch_off_everywhere(struct kernel *k, const struct kernel_dyn_event *ev, bool *had_hists, struct err *e)
{
	struct kernel_words instances = { 0 };
	int code = switch_off(kernel_top(k), ev, had_hists, e);

	if (!code)
		code = kernel_instance_names(k, &instances, e);
	for (size_t i = 0; !code && i < instances.nr; i++) {
		struct kernel_instance *in;

		if (!kernel_instance_get(k, instances.v[i], false, &in, NULL))
			code = switch_off(in, ev, had_hists, e);
	}
	kernel_words_release(&instances);
	return code;
}

/* What one message takes beside its beginning; more is told line by line. */
#define USERS_SHOWN (ERR_TEXT_MAX - 400)

static void tell_users(struct kernel *k, const struct kernel_dyn_event *ev, const struct kernel_words *users, struct err *e)
{
	size_t len = 0;

	for (size_t i = 0; i < users->nr; i++)
		len += strlen(users->v[i]) + 2;
	for (size_t i = 0; i < users->nr; i++) {
		if (len <= USERS_SHOWN)
			err_hint(e, "%s", users->v[i]);
		else
			notice(&k->notices, "%s/%s is held: %s", ev->group, ev->name, users->v[i]);
	}
	if (len > USERS_SHOWN)
		err_hint(e, "%zu hold it, told above", users->nr);
}

/* @others: only what --force cannot switch off holds it. */
static int refuse_busy(struct kernel *k, const struct kernel_dyn_event *ev, bool others, const struct kernel_words *users,
		       struct err *e)
{
	if (!e)
		return -EBUSY;
	err_set(e, -EBUSY, "cannot remove the dynamic event %s/%s: it is in use", ev->group, ev->name);
	tell_users(k, ev, users, e);
	if (!users->nr)
		err_hint(e, "no instance has it enabled and no trigger names it: another program has it open, "
			 "as perf does");
	else if (others)
		err_hint(e, "--force switches the event itself off: these have to go first");
	else
		err_hint(e, "'tracecmd probe del --force' switches it off everywhere and removes its own "
			 "triggers");
	return -EBUSY;
}

static int refuse_if_used(struct kernel *k, const struct kernel_dyn_event *ev, bool others, struct err *e)
{
	struct kernel_words users = { 0 };
	struct search s = { .k = k, .ev = ev, .others = others, .ret = &users };
	int code = find_users(&s, e);

	if (!code && users.nr)
		code = refuse_busy(k, ev, others, &users, e);
	kernel_words_release(&users);
	return code;
}

static int remove_plainly(struct kernel *k, const struct kernel_dyn_event *ev, struct err *e)
{
	AUTO_BUF struct buf removal = { 0 };
	struct err why = { 0 };
	int code;

	if (buf_printf(&removal, "-:%s/%s", ev->group, ev->name))
		return err_errno(e, -ENOMEM, "cannot remove the dynamic event %s/%s", ev->group, ev->name);
	code = kernel_append(kernel_top(k), "dynamic_events", removal.data, &why);
	if (code) {
		err_set(e, code, "%s", why.text);
		err_wrap(e, "cannot remove the dynamic event %s/%s", ev->group, ev->name);
	}
	return code;
}

/*
 * Others that hold it are asked first. Who has it open unseen is met only when it is switched off: then all
 * is put back, but what histograms have counted.
 */
static int remove_by_force(struct kernel *k, const struct kernel_dyn_event *ev, struct err *e)
{
	struct kernel_words none = { 0 };
	bool keep = k->keep, had_hists = false;
	size_t mark = undo_mark(k);
	int code = refuse_if_used(k, ev, true, e);

	if (code)
		return code;
	k->keep = false;
	code = switch_off_everywhere(k, ev, &had_hists, e);
	if (!code)
		code = remove_plainly(k, ev, e);
	if (!code)
		undo_forget_to(k, mark);
	else
		undo_to(k, mark, NULL);
	k->keep = keep;
	if (code != -EBUSY)
		return code;
	refuse_busy(k, ev, true, &none, e);
	err_hint(e, had_hists ? "all is on again, its histograms begin anew" : "all is on again");
	return -EBUSY;
}

/* Of an event in use with several probes the kernel removes all but the last before it refuses. */
static bool has_several_probes(struct kernel *k, const struct kernel_dyn_event *ev)
{
	struct kernel_dyn_events all = { 0 };
	size_t nr = 0;

	if (!kernel_dyn_list(k, &all, NULL))
		for (size_t i = 0; i < all.nr; i++)
			nr += !strcmp(all.v[i].group, ev->group) && !strcmp(all.v[i].name, ev->name);
	kernel_dyn_events_release(&all);
	return nr > 1;
}

int kernel_dyn_del(struct kernel *k, const struct kernel_dyn_event *ev, bool force, struct err *e)
{
	struct kernel_words users = { 0 };
	struct err why = { 0 };
	bool several;
	int code = 0;

	if (ev->type == KERNEL_DYN_USER || !*ev->group)
		return err_set(e, -EINVAL, "'%s' is a user event, which 'tracecmd user-event delete' removes", ev->name);
	several = has_several_probes(k, ev);
	if (several && !force)
		code = refuse_if_used(k, ev, false, e);
	if (code)
		return code;
	/* By force, too: one that nobody uses needs no search. */
	code = several && force ? -EBUSY : remove_plainly(k, ev, &why);
	if (code == -EBUSY && force)
		return remove_by_force(k, ev, e);
	if (code == -EBUSY && e && !kernel_dyn_users(k, ev, &users, NULL))
		refuse_busy(k, ev, false, &users, e);
	else if (code)
		err_set(e, code, "%s", why.text);
	kernel_words_release(&users);
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
		chosen[i] = all.v[i].type != KERNEL_DYN_USER && *all.v[i].group && !(all.v[i].type & keep);
	if (!code)
		code = kernel_dyn_del_chosen(k, &all, chosen, false, e);
	kernel_dyn_events_release(&all);
	return code < 0 ? code : 0;
}
