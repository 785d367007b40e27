// SPDX-License-Identifier: GPL-2.0-or-later
/* -w: the time between a task's wake-up and its switch to a CPU. */
#include <errno.h>
#include <stdlib.h>

#include "report.h"

#define RT_PRIO_MAX 99

struct wakeup_stats { uint64_t nr, sum, max, max_ts, min, min_ts; };

struct wakeup { int pid; uint64_t ts; };

/* The fields of one wake-up event. */
struct wakeup_event { int id; struct tep_format_field *pid, *success; };

struct wakeups {
	struct event_db *db;
	struct wakeup_event wakeup[2];	/* sched_wakeup, sched_wakeup_new */
	int switch_id;
	struct tep_format_field *next_pid, *next_prio;
	VEC(struct wakeup) pending;	/* tasks woken and not yet running */
	struct map pending_of;		/* their places, by pid */
	struct wakeup_stats all, rt;
};

static struct tep_event *find(struct wakeups *w, const char *name, int *id)
{
	struct tep_event *event = event_db_event_by_name(w->db, "sched", name);

	*id = event ? event->id : -1;
	return event;
}

int wakeups_new(struct report *rp, struct wakeups **ret, struct err *e)
{
	static const char *const names[2] = { "sched_wakeup", "sched_wakeup_new" };
	struct wakeups *w = calloc(1, sizeof(*w));
	struct tep_event *event;

	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	w->db = rp->files.v[0].db;
	for (int i = 0; i < 2; i++) {
		event = find(w, names[i], &w->wakeup[i].id);
		if (!event)
			continue;
		w->wakeup[i].pid = tep_find_field(event, "pid");
		w->wakeup[i].success = tep_find_field(event, "success");
	}
	event = find(w, "sched_switch", &w->switch_id);
	w->next_pid = event ? tep_find_field(event, "next_pid") : NULL;
	w->next_prio = event ? tep_find_field(event, "next_prio") : NULL;
	*ret = w;
	return 0;
}

void wakeups_free(struct wakeups *w)
{
	if (!w)
		return;
	vec_release(&w->pending);
	map_release(&w->pending_of);
	free(w);
}

/* A field of the record; false if it has none. */
static bool number(const struct tep_format_field *f, const struct event_record *rec, uint64_t *ret)
{
	return f && event_field_number(f, rec, ret);
}

static struct wakeup *pending_of(struct wakeups *w, int pid)
{
	uint32_t i;

	return map_get(&w->pending_of, (uint32_t)pid, 0, &i) ? &w->pending.v[i] : NULL;
}

static void note_wakeup(struct wakeups *w, const struct wakeup_event *ev,
			const struct event_record *rec)
{
	uint64_t pid, success = 1;
	struct wakeup *pending;

	number(ev->success, rec, &success);
	if (!success || !number(ev->pid, rec, &pid))
		return;
	pending = pending_of(w, pid);
	if (pending) {
		pending->ts = rec->ts;
		return;
	}
	/* out of memory: that wake-up is not measured */
	if (map_set(&w->pending_of, (uint32_t)pid, 0, w->pending.nr))
		return;
	if (vec_push(&w->pending, ((struct wakeup){ .pid = pid, .ts = rec->ts })))
		map_remove(&w->pending_of, (uint32_t)pid, 0);
}

static void count(struct wakeup_stats *s, uint64_t latency, uint64_t ts)
{
	if (!s->nr || latency > s->max) {
		s->max = latency;
		s->max_ts = ts;
	}
	if (!s->nr || latency < s->min) {
		s->min = latency;
		s->min_ts = ts;
	}
	s->nr++;
	s->sum += latency;
}

static void note_switch(struct wakeups *w, const struct event_record *rec, struct buf *line)
{
	struct wakeup *pending;
	uint64_t pid, prio, latency;

	if (!number(w->next_pid, rec, &pid))
		return;
	pending = pending_of(w, pid);
	if (!pending)
		return;
	latency = rec->ts - pending->ts;
	buf_printf(line, " Latency: %llu.%03llu usecs", (unsigned long long)latency / 1000,
		   (unsigned long long)latency % 1000);
	count(&w->all, latency, rec->ts);
	if (number(w->next_prio, rec, &prio) && prio <= RT_PRIO_MAX)
		count(&w->rt, latency, rec->ts);
	map_remove(&w->pending_of, (uint32_t)pid, 0);
	*pending = w->pending.v[--w->pending.nr];
	if (pending != &w->pending.v[w->pending.nr])
		map_set(&w->pending_of, (uint32_t)pending->pid, 0, pending - w->pending.v);
}

void wakeups_record(struct wakeups *w, const struct event_record *rec, struct buf *line)
{
	int id = event_db_record_id(w->db, rec->data, rec->len);

	if (id < 0)
		return;
	if (id == w->switch_id)
		note_switch(w, rec, line);
	for (int i = 0; i < 2; i++)
		if (id == w->wakeup[i].id)
			note_wakeup(w, &w->wakeup[i], rec);
}

static void print_extreme(const char *what, uint64_t latency, uint64_t ts)
{
	uint64_t us = ts / 1000 + (ts % 1000 >= 500);

	out_printf("%s Latency: %llu.%03llu usecs at timestamp: %llu.%06llu\n", what,
		   (unsigned long long)latency / 1000, (unsigned long long)latency % 1000,
		   (unsigned long long)us / 1000000, (unsigned long long)us % 1000000);
}

static void print_stats(const struct wakeup_stats *s)
{
	uint64_t average = s->sum / s->nr;

	out_printf("\nAverage wakeup latency: %llu.%03llu usecs\n",
		   (unsigned long long)average / 1000, (unsigned long long)average % 1000);
	print_extreme("Maximum", s->max, s->max_ts);
	print_extreme("Minimum", s->min, s->min_ts);
	out_printf("\n");
}

void wakeups_print(struct wakeups *w)
{
	if (w->all.nr)
		print_stats(&w->all);
	if (w->rt.nr) {
		out_printf("RT task timings:\n");
		print_stats(&w->rt);
	}
}
