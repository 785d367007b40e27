// SPDX-License-Identifier: LGPL-2.1-or-later
/* Scans: what is selected, and the next record of it. */
#include <errno.h>
#include <stdlib.h>

#include "api/scan_team.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot scan");
}

/* ---- which CPUs of which buffers ------------------------------------------------- */

static bool has_cpu(const struct tracecmd_scan_opts *o, uint32_t cpu)
{
	for (size_t i = 0; i < o->nr_cpus; i++)
		if (o->cpus[i] == cpu)
			return true;
	return !o->nr_cpus;
}

static bool has_buffer(const struct tracecmd_scan_opts *o, const char *name)
{
	for (size_t i = 0; i < o->nr_buffers; i++)
		if (!strcmp(o->buffers[i], name))
			return true;
	return !o->nr_buffers;
}

static int check_list(const void *list, size_t nr, const char *member, struct err *e)
{
	if (nr && !list)
		return err_set(e, -EINVAL, "struct tracecmd_scan_opts: %s is NULL, nr_%s is %zu", member,
			       member, nr);
	return 0;
}

static int check_names(const char *const *list, size_t nr, const char *member, struct err *e)
{
	int r = check_list(list, nr, member, e);

	for (size_t i = 0; i < nr && !r; i++)
		if (!list[i])
			r = err_set(e, -EINVAL, "struct tracecmd_scan_opts: %s[%zu] is NULL", member, i);
	return r;
}

static int check_lists(const struct tracecmd_scan_opts *o, struct err *e)
{
	int r = check_names(o->events, o->nr_events, "events", e);

	if (!r)
		r = check_names(o->filters, o->nr_filters, "filters", e);
	if (!r)
		r = check_names(o->buffers, o->nr_buffers, "buffers", e);
	if (!r)
		r = check_list(o->cpus, o->nr_cpus, "cpus", e);
	return r ? r : check_list(o->pids, o->nr_pids, "pids", e);
}

/* A CPU past all files' is a mistake; one that has no events is not. */
static int check_cpus(struct tracecmd_trace *t, const struct tracecmd_scan_opts *o, struct err *e)
{
	uint32_t nr = 0;

	for (unsigned int i = 0; i < t->nr_files; i++)
		if (t->files[i].facts.cpus > nr)
			nr = t->files[i].facts.cpus;
	for (size_t i = 0; i < o->nr_cpus; i++)
		if (o->cpus[i] >= nr)
			return err_set(e, -ENOENT, "there is no CPU %u: the trace has %u of them",
				       o->cpus[i], nr);
	return 0;
}

static int check_buffers(struct tracecmd_trace *t, const struct tracecmd_scan_opts *o,
			 struct err *e)
{
	for (size_t i = 0; i < o->nr_buffers; i++) {
		bool found = false;
		struct near near;

		near_init(&near, o->buffers[i]);
		for (unsigned int file = 0; file < t->nr_files; file++)
			for (unsigned int b = 0; b < t->files[file].facts.nr_buffers; b++) {
				const char *name = tracecmd_file_buffer(t, file, b);

				near_try(&near, name);
				found |= !strcmp(name, o->buffers[i]);
			}
		if (found)
			continue;
		err_set(e, -ENOENT, "the trace has no buffer '%s'", o->buffers[i]);
		near_hint(&near, e);
		return -ENOENT;
	}
	return 0;
}

/*
 * Bits of the streams that are wanted, for the caller to free; NULL: no memory. *ret_nr of
 * them, without @share: one part has each nr-th of these.
 */
static uint8_t *choose_streams(struct tracecmd_trace *t, const struct tracecmd_scan_opts *o,
			       const struct scan_share *share, uint32_t *ret_nr)
{
	uint32_t nr = replay_nr_streams(t->replay);
	uint8_t *bits = calloc(1, nr / 8 + 1);

	for (uint32_t i = 0; bits && i < nr; i++) {
		unsigned file, buffer;
		uint32_t cpu;

		replay_stream_place(t->replay, i, &file, &buffer, &cpu);
		if (!has_cpu(o, cpu) || !has_buffer(o, tracecmd_file_buffer(t, file, buffer)))
			continue;
		if (!share || *ret_nr % share->nr == share->part)
			bits[i / 8] |= 1 << i % 8;
		++*ret_nr;
	}
	return bits;
}

/* ---- which events ------------------------------------------------------------------- */

/* What adds @text to a filter: event_filter_select, event_filter_add. */
typedef int (*add_function)(struct event_filter *f, const char *text, bool exclude, struct err *e);

/* Each text has to mean something in one of the files. */
static int add_texts(struct tracecmd_scan *s, const char *const *texts, size_t nr,
		     add_function add, struct err *e)
{
	for (size_t i = 0; i < nr; i++) {
		struct err last = { 0 };
		bool met = false;

		for (unsigned int file = 0; file < s->trace->nr_files; file++) {
			struct err why = { 0 };
			int r = add(s->files[file].filter, texts[i], false, &why);

			met |= r > 0;
			if (r <= 0)
				last = why;
			if (r < 0 && r != -ENOENT)
				return err_set(e, r, "%s", why.text);
			/* it is a selection that this file fails */
			if (r < 0)
				add(s->files[file].filter, add == event_filter_add ? ".*: 0" : "",
				    false, NULL);
		}
		if (!met)
			return err_set(e, -ENOENT, "%s", last.text);
	}
	return 0;
}

/*
 * By id, whether it may be selected. All ids without a format are alike, and to ask for
 * each would take longer than many a scan.
 */
static void find_ids(struct scan_file *f)
{
	const struct event_name *names;
	size_t nr = 0;
	int none = 0;

	if (event_db_names(f->db, &names, &nr, NULL) < 0)
		nr = 0;
	for (size_t i = 0; i < nr; i++)
		if (names[i].id >= 0 && names[i].id < EVENT_IDS)
			f->ids[names[i].id] = true;
	while (none < EVENT_IDS && f->ids[none])
		none++;
	if (none < EVENT_IDS)
		memset(f->ids, event_filter_may_match(f->filter, none), EVENT_IDS);
	for (size_t i = 0; i < nr; i++)
		if (names[i].id >= 0 && names[i].id < EVENT_IDS)
			f->ids[names[i].id] = event_filter_may_match(f->filter, names[i].id);
}

static void find_common(struct scan_file *f)
{
	AUTO_FREE struct event_fields *fields = NULL;
	struct tep_event *event = trace_any_event(f->db);
	const struct event_field *field;

	if (!event || event_fields_new(event, true, &fields))
		return;
	field = event_fields_find(fields, "common_pid");
	if (field && field->type == EVENT_NUMBER)
		f->pid = *field;
	field = event_fields_find(fields, "common_flags");
	if (field && field->type == EVENT_NUMBER)
		f->flags = *field;
	field = event_fields_find(fields, "common_preempt_count");
	if (field && field->type == EVENT_NUMBER)
		f->preempt = *field;
}

static int prepare_file(struct tracecmd_scan *s, unsigned int file,
			const struct tracecmd_scan_opts *o, struct err *e)
{
	struct scan_file *f = &s->files[file];

	f->db = trace_db(s->trace, file, e);
	if (!f->db)
		return e->code;
	f->big_endian = s->trace->files[file].facts.big_endian;
	f->filters = o->nr_filters;
	s->filters |= o->nr_filters;
	f->ids = calloc(EVENT_IDS, 1);
	s->ids[file] = f->ids;
	if (!f->ids)
		return no_memory(e);
	find_common(f);
	return event_filter_new(f->db, &f->filter, e);
}

static int compare_pids(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static int select_events(struct tracecmd_scan *s, const struct tracecmd_scan_opts *o, struct err *e)
{
	int r = 0;

	for (unsigned int i = 0; i < s->trace->nr_files && !r; i++)
		r = prepare_file(s, i, o, e);
	if (!r)
		r = add_texts(s, o->events, o->nr_events, event_filter_select, e);
	if (!r)
		r = add_texts(s, o->filters, o->nr_filters, event_filter_add, e);
	for (unsigned int i = 0; i < s->trace->nr_files && !r; i++)
		find_ids(&s->files[i]);
	for (size_t i = 0; i < o->nr_pids && !r; i++)
		if (vec_push(&s->pids, o->pids[i]))
			r = no_memory(e);
	if (s->pids.nr)
		qsort(s->pids.v, s->pids.nr, sizeof(s->pids.v[0]), compare_pids);
	return r;
}

/* ---- the scan ------------------------------------------------------------------------- */

static void tell(void *ctx, bool damage, const char *text)
{
	struct tracecmd_scan *s = ctx;

	s->facts.damaged += damage;
	if (text)
		notice(&s->trace->notices, "%s", text);
}

static int start(struct tracecmd_scan *s, const struct tracecmd_scan_opts *o,
		 const struct scan_share *share, struct err *e)
{
	AUTO_FREE uint8_t *streams = NULL;
	uint32_t nr = 0;
	unsigned parts;
	struct replay_pick_opts opts = {
		.unordered = o->unordered, .from = o->from, .to = o->to, .has_from = o->from,
		.has_to = o->to, .ids = s->ids, .tell = tell, .tell_ctx = s,
		.stop = &s->stop,
	};
	int r = check_cpus(s->trace, o, e);

	if (!r)
		r = check_buffers(s->trace, o, e);
	if (!r)
		r = select_events(s, o, e);
	if (r)
		return r;
	opts.streams = streams = choose_streams(s->trace, o, share, &nr);
	s->lost = calloc(replay_nr_streams(s->trace->replay) + 1, sizeof(*s->lost));
	if (!streams || !s->lost)
		return no_memory(e);
	r = replay_pick_new(s->trace->replay, &opts, &s->pick, e);
	parts = o->threads < nr ? o->threads : nr;
	if (r || share || parts < 2 || o->unordered)
		return r;
	return scan_team_new(s, o, parts < SCAN_PARTS_MAX ? parts : SCAN_PARTS_MAX, e);
}

int scan_make(struct tracecmd_trace *t, const struct tracecmd_scan_opts *o, const struct scan_share *share,
	      struct tracecmd_scan **ret, struct err *e)
{
	struct tracecmd_scan *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return no_memory(e);
	s->trace = t;
	s->files = calloc(t->nr_files, sizeof(*s->files));
	s->ids = calloc(t->nr_files, sizeof(*s->ids));
	r = s->files && s->ids ? start(s, o, share, e) : no_memory(e);
	if (r) {
		tracecmd_scan_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

API int tracecmd_scan_new(struct tracecmd_trace *t, const struct tracecmd_scan_opts *opts,
			  struct tracecmd_scan **ret, struct tracecmd_error *error)
{
	struct tracecmd_scan_opts o;
	struct err e = { 0 };
	int r = api_need(t && ret, "tracecmd_scan_new", &e);

	if (!r)
		r = api_opts(&o, sizeof(o), opts, "tracecmd_scan_opts", &e);
	if (!r && o.to && o.to < o.from)
		r = err_set(&e, -EINVAL, "struct tracecmd_scan_opts: the range of time ends before it begins");
	if (!r)
		r = check_lists(&o, &e);
	if (!r)
		r = scan_make(t, &o, NULL, ret, &e);
	return r ? api_error(&e, error) : 0;
}

API void tracecmd_scan_free(struct tracecmd_scan *s)
{
	if (!s)
		return;
	scan_team_free(s->team);
	replay_pick_free(s->pick);
	for (size_t i = 0; i < s->columns.nr; i++)
		scan_release_column(s, &s->columns.v[i]);
	for (unsigned int i = 0; s->files && i < s->trace->nr_files; i++) {
		event_filter_free(s->files[i].filter);
		event_ctx_free(s->files[i].ctx);
		free(s->files[i].ids);
	}
	vec_release(&s->columns);
	vec_release(&s->order);
	vec_release(&s->steps);
	vec_release(&s->pids);
	buf_release(&s->arena);
	buf_release(&s->text);
	event_fixups_release(&s->fixups);
	free(s->lost);
	free(s->files);
	free(s->ids);
	free(s);
}

API void tracecmd_scan_stop(struct tracecmd_scan *s)
{
	if (!s)
		return;
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	if (s->team)
		scan_team_stop(s->team);
}

API const struct tracecmd_scan_facts *tracecmd_scan_facts(struct tracecmd_scan *s)
{
	const struct replay_pick_facts *facts = replay_pick_facts(s->pick);

	if (s->team && s->team->started)	/* it keeps them */
		return &s->facts;
	s->facts.scanned = facts->scanned;
	s->facts.lost = facts->lost == RING_LOST_UNKNOWN ? TRACECMD_LOST_UNKNOWN : facts->lost;
	return &s->facts;
}

/* ---- records ------------------------------------------------------------------------------ */

static bool wants_pid(const struct tracecmd_scan *s, const struct scan_file *f,
		      const struct replay_record *rec)
{
	size_t lo = 0, hi = s->pids.nr;
	int32_t pid;

	if (!scan_pid(f, rec, &pid))
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->pids.v[mid] == pid)
			return true;
		if (s->pids.v[mid] < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static inline bool is_selected(struct tracecmd_scan *s, const struct scan_file *f,
			       const struct replay_record *rec)
{
	if (s->pids.nr && !wants_pid(s, f, rec))
		return false;
	return !f->filters || event_filter_match(f->filter, &s->view);
}

int scan_next(struct tracecmd_scan *s, struct err *e)
{
	uint64_t *lost;

	if (s->pending)
		return 1;
	for (;;) {
		const struct replay_record *rec;
		int r = replay_pick_next(s->pick, &rec, e);

		if (__builtin_expect(r <= 0, 0))
			return r < 0 ? r : trace_check_whole(s->trace, s->facts.damaged, e);
		s->record = rec;
		s->latest = rec->ts > s->latest ? rec->ts : s->latest;
		if (s->filters)
			s->view = (struct event_record){
				.ts = rec->ts, .data = rec->data, .len = rec->len,
				.avail = rec->page->size - (uint32_t)((const uint8_t *)rec->data - rec->page->data),
				.cpu = rec->cpu,
			};
		lost = &s->lost[rec->stream];
		if (__builtin_expect(rec->lost != 0, 0))
			*lost = *lost > RING_LOST_UNKNOWN - rec->lost ? RING_LOST_UNKNOWN :
				*lost + rec->lost;
		if (is_selected(s, &s->files[rec->file], rec))
			break;
	}
	s->record_lost = *lost;
	*lost = 0;
	s->pending = true;
	return 1;
}
