// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which records are iterated over, and who else hears of them. */
#include <errno.h>
#include <stdlib.h>

#include "api/compat.h"

/* ---- filters ---- */

/* Adds a filter all of whose events are there: those of trace-cmd's library are not in part. */
static int add(struct tracecmd_input *h, struct event_filter **to, const char *text, struct err *e)
{
	struct event_filter *trial;
	int rc = event_filter_new(h->file->db, &trial, e);

	if (!rc) {
		rc = event_filter_add(trial, text, false, e);
		event_filter_free(trial);
	}
	if (rc == 0)
		return -ENOENT;
	if (rc < 0)
		return rc;
	if (!*to && event_filter_new(h->file->db, to, e) < 0)
		return e->code;
	rc = event_filter_add(*to, text, false, e);
	return rc < 0 ? rc : 0;
}

static void find_stacks(struct tracecmd_input *h)
{
	static const char *const names[] = { "kernel_stack", "user_stack" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct tep_event *event = event_db_event_by_name(h->file->db, "ftrace", names[i]);

		h->filter.stacks[i] = event ? event->id : -1;
	}
}

API struct tracecmd_filter *tracecmd_filter_add(struct tracecmd_input *h, const char *filter_str, bool neg)
{
	struct err e = { 0 };

	if (compat_need(h, false))
		return NULL;
	if (!filter_str || add(h, neg ? &h->filter.drop : &h->filter.want, filter_str, &e) < 0) {
		if (e.code)
			compat_fail(&e);
		errno = EINVAL;
		return NULL;
	}
	find_stacks(h);
	return &h->filter;
}

void compat_filter_release(struct tracecmd_filter *f)
{
	event_filter_free(f->want);
	event_filter_free(f->drop);
}

bool compat_wants(struct tracecmd_input *h, const struct replay_record *rec)
{
	const struct event_record view = {
		.ts = rec->ts, .data = rec->data, .len = rec->len, .avail = rec->len, .cpu = rec->cpu,
	};
	struct tracecmd_filter *f = &h->filter;
	bool *passed = &h->cpus[rec->cpu].passed;
	bool wanted = !f->want || event_filter_match(f->want, &view);

	if (!wanted && *passed) {
		int id = event_db_record_id(h->file->db, rec->data, rec->len);

		wanted = id >= 0 && (id == f->stacks[0] || id == f->stacks[1]);
	}
	if (wanted && f->drop && event_filter_match(f->drop, &view))
		wanted = false;
	*passed = wanted;
	return wanted;
}

/* ---- followers ---- */

static int add_follower(struct tracecmd_input *h, struct tep_event *event, compat_follow fn, void *data)
{
	const struct follower f = { .event = event, .fn = fn, .data = data };

	if (!vec_push(&h->followers, f))
		return 0;
	errno = ENOMEM;
	return -1;
}

API int tracecmd_follow_event(struct tracecmd_input *h, const char *system, const char *event_name,
			      compat_follow callback, void *callback_data)
{
	struct tep_event *event;

	if (compat_need(h, false))
		return -1;
	if (!event_name || !callback) {
		errno = EINVAL;
		return -1;
	}
	event = event_db_event_by_name(h->file->db, system, event_name);
	if (!event) {
		errno = ENOENT;
		return -1;
	}
	return add_follower(h, event, callback, callback_data);
}

API int tracecmd_follow_missed_events(struct tracecmd_input *h, compat_follow callback,
				      void *callback_data)
{
	if (compat_need(h, false))
		return -1;
	if (!callback) {
		errno = EINVAL;
		return -1;
	}
	return add_follower(h, NULL, callback, callback_data);
}

/* An event without a format has no followers: there is nothing they could be told. */
static int follow(struct tracecmd_input *h, struct tep_record *r, int cpu, bool missed)
{
	int id = event_db_record_id(h->file->db, r->data, r->size), ret = 0;
	struct tep_event *event = id < 0 ? NULL : event_db_event(h->file->db, id);

	for (size_t i = 0; event && i < h->followers.nr; i++) {
		const struct follower f = h->followers.v[i];

		if (f.event == (missed ? NULL : event))
			ret |= f.fn(h, event, r, cpu, f.data);
	}
	return ret;
}

int compat_follow_missed(struct tracecmd_input *h, struct tep_record *r, int cpu)
{
	return follow(h, r, cpu, true);
}

int compat_follow_event(struct tracecmd_input *h, struct tep_record *r, int cpu)
{
	return follow(h, r, cpu, false);
}
