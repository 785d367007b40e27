// SPDX-License-Identifier: GPL-2.0-or-later
/* -F, --select, --pid, --comm and --cpu. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "report.h"

/* ---- --cpu ----------------------------------------------------------------- */

static int parse_cpu(const char *text, size_t len, uint64_t *ret)
{
	AUTO_FREE char *word = strndup(text, len);

	if (!word || parse_u64(word, ret) < 0 || *ret >= DAT_CPUS_MAX)
		return -EINVAL;
	return 0;
}

static int add_cpus(struct report *rp, const char *word, size_t len)
{
	const char *dash = memchr(word, '-', len);
	uint64_t first, last;

	if (parse_cpu(word, dash ? (size_t)(dash - word) : len, &first) < 0)
		return -EINVAL;
	last = first;
	if (dash && (parse_cpu(dash + 1, word + len - dash - 1, &last) < 0 || last < first))
		return -EINVAL;
	for (uint64_t cpu = first; cpu <= last; cpu++)
		rp->cpu_bits[cpu / 8] |= 1 << cpu % 8;
	return 0;
}

static int add_list(struct report *rp, const char *list, struct err *e)
{
	for (const char *p = list;;) {
		size_t len = strcspn(p, ",:");

		if (add_cpus(rp, p, len) < 0)
			return err_set(e, -EINVAL, "--cpu: '%.*s' in '%s' is neither a CPU nor a "
				       "range like 2-4", (int)len, p, list);
		if (!p[len])
			return 0;
		p += len + 1;
	}
}

int report_parse_cpus(struct report *rp, struct err *e)
{
	int r = 0;

	if (!rp->cpus.nr)
		return 0;
	rp->cpu_bits = calloc(1, DAT_CPUS_MAX / 8);
	if (!rp->cpu_bits)
		return err_set(e, -ENOMEM, "out of memory");
	rp->nr_cpu_bits = DAT_CPUS_MAX;
	for (size_t i = 0; i < rp->cpus.nr && !r; i++)
		r = add_list(rp, rp->cpus.v[i], e);
	return r;
}

int report_check_cpus(struct report *rp, struct err *e)
{
	AUTO_BUF struct buf lists = { 0 };
	uint32_t most = 0;

	if (!rp->cpus.nr)
		return 0;
	for (unsigned i = 0; i < rp->files.nr; i++) {
		uint32_t nr = replay_cpus(rp->replay, i);

		most = nr > most ? nr : most;
	}
	for (uint32_t cpu = 0; cpu < most; cpu++)
		if (rp->cpu_bits[cpu / 8] >> cpu % 8 & 1)
			return 0;
	for (size_t i = 0; i < rp->cpus.nr; i++)
		buf_printf(&lists, "%s%s", i ? "," : "", rp->cpus.v[i]);
	return err_set(e, -ENOENT, "--cpu %s: %s has CPUs 0-%u", lists.failed ? "" : lists.data,
		       rp->files.nr > 1 ? "of the files the largest" : "the file", most ? most - 1 : 0);
}

/* ---- --pid and --comm --------------------------------------------------------- */

struct pids { int *v; size_t nr, cap; };

static int add_pid(struct pids *pids, int pid, struct err *e)
{
	return vec_push(pids, pid) ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* Calls fn for each comma-separated word of all. */
static int each_word(const struct report_words *words, void *ctx, struct err *e,
		     int (*fn)(void *ctx, const char *word, struct err *e))
{
	for (size_t i = 0; i < words->nr; i++) {
		AUTO_FREE char *copy = strdup(words->v[i]);
		char *rest = copy, *word;

		if (!copy)
			return err_set(e, -ENOMEM, "out of memory");
		while ((word = strsep(&rest, ","))) {
			int r = fn(ctx, word, e);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int put_pid(void *ctx, const char *word, struct err *e)
{
	uint64_t pid;

	if (parse_u64(word, &pid) < 0 || pid > INT32_MAX)
		return err_set(e, -EINVAL, "--pid: '%s' is no process id", word);
	return add_pid(ctx, pid, e);
}

int report_check_pids(const struct report *rp, struct err *e)
{
	struct pids pids = { 0 };
	int r = each_word(&rp->pids, &pids, e, put_pid);

	vec_release(&pids);
	return r;
}

struct comm_search {
	struct report *rp;
	struct report_file *file;
	struct pids *pids;
	const char *word;
	struct near *near;
	bool found;
	struct err *e;
};

/* A name is the word itself, or what it stands for as a shell's pattern. */
static int try_comm(void *ctx, int pid, const char *comm)
{
	struct comm_search *s = ctx;

	if (s->near)
		near_try(s->near, comm);
	if (strcmp(comm, s->word) && fnmatch(s->word, comm, 0))
		return 0;
	s->found = true;
	return s->pids ? add_pid(s->pids, pid, s->e) : 0;
}

/* Whether a file knows the name is in s->found; adds its processes to the list. */
static int search_comm(struct comm_search *s, struct report_file *f, struct err *e)
{
	int r;

	s->e = e;
	r = try_comm(s, 0, "<idle>");
	if (!r)
		r = event_db_each_comm(f->db, try_comm, s);
	return r ? r : event_db_each_noted_comm(f->db, try_comm, s);
}

/* Damage and the like are told when the events are read for their lines. */
static void tell_nothing(void *ctx, bool damage, const char *text)
{
	(void)ctx;
	(void)damage;
	(void)text;
}

/* Which events tell names, by file; for the caller to free. */
static uint8_t *find_telling(struct report *rp, const uint8_t **ids, bool *any)
{
	uint8_t *all = calloc(rp->files.nr, EVENT_IDS);

	for (size_t i = 0; all && i < rp->files.nr; i++) {
		const struct event_name *names;
		uint8_t *own = all + i * EVENT_IDS;
		size_t nr;

		ids[i] = own;
		if (event_db_names(rp->files.v[i].db, &names, &nr, NULL) < 0)
			continue;
		for (size_t k = 0; k < nr; k++)
			if (!strcmp(names[k].system, "sched") && names[k].id >= 0 && names[k].id < EVENT_IDS)
				*any |= own[names[k].id] = event_db_tells_comms(rp->files.v[i].db, names[k].id);
	}
	return all;
}

/*
 * A file keeps names of a part of its processes, 128 by default: those that only its events tell
 * are looked for before any line is made, so that what is shown depends neither on
 * when an event tells a name nor on --threads.
 */
static int note_comms(struct report *rp, struct err *e)
{
	AUTO_FREE const uint8_t **ids = calloc(rp->files.nr + 1, sizeof(*ids));
	bool any = false;
	AUTO_FREE uint8_t *telling = ids ? find_telling(rp, ids, &any) : NULL;
	struct replay_pick_opts opts = { .ids = ids, .tell = tell_nothing };
	const struct replay_record *rec;
	struct replay_pick *pick;
	int r;

	if (!telling)
		return err_set(e, -ENOMEM, "out of memory");
	r = any ? replay_pick_new(rp->replay, &opts, &pick, e) : 0;
	if (!any || r)
		return r;
	while ((r = replay_pick_next(pick, &rec, NULL)) > 0) {
		const struct event_record view = {
			.ts = rec->ts, .data = rec->data, .len = rec->len, .avail = rec->len, .cpu = rec->cpu,
		};

		if (event_db_note_comms(rp->files.v[rec->file].db, &view))
			break;
	}
	replay_pick_free(pick);
	/* what cannot be read is told with the lines */
	return r > 0 || r == -ENOMEM ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* A name no file knows is a mistake. */
static int check_comm(void *ctx, const char *word, struct err *e)
{
	struct comm_search *s = ctx;
	struct near near;

	near_init(&near, word);
	s->word = word;
	s->near = &near;
	s->found = false;
	for (size_t i = 0; i < s->rp->files.nr && !s->found; i++)
		search_comm(s, &s->rp->files.v[i], e);
	if (s->found)
		return 0;
	err_set(e, -ENOENT, "--comm: no process of that name was recorded: '%s'", word);
	near_hint(&near, e);
	return -ENOENT;
}

static int put_comm(void *ctx, const char *word, struct err *e)
{
	struct comm_search *s = ctx;

	s->word = word;
	return search_comm(s, s->file, e);
}

/* Where names were asked for and this file has none of them, it is no process. */
static int add_processes(struct report *rp, struct report_file *f, struct err *e)
{
	struct pids pids = { 0 };
	struct comm_search s = { .rp = rp, .file = f, .pids = &pids };
	int r = each_word(&rp->pids, &pids, e, put_pid);

	if (!r)
		r = each_word(&rp->comms, &s, e, put_comm);
	if (!r && (rp->pids.nr || rp->comms.nr))
		r = event_filter_add_pids(f->filter, pids.v, pids.nr, e);
	vec_release(&pids);
	return r;
}

/* ---- -F and --select -------------------------------------------------------------------------- */

static int add_filter(struct report_file *f, const struct report_filter *rf, struct err *e)
{
	return rf->select ? event_filter_select(f->filter, rf->text, rf->exclude, e) :
	       event_filter_add(f->filter, rf->text, rf->exclude, e);
}

/*
 * A filter for all files must mean something in one of them; elsewhere it
 * lets nothing through. @met: by filter, whether it did so far.
 */
static int add_common(struct report *rp, struct report_file *f, bool *met, struct err *last)
{
	for (size_t i = 0; i < rp->filters.nr; i++) {
		const struct report_filter *rf = &rp->filters.v[i];
		struct err e = { 0 };
		int r = add_filter(f, rf, &e);

		if (r > 0 || (!r && rp->files.nr > 1)) {
			met[i] = true;
			continue;
		}
		*last = e;
		if (r < 0 && r != -ENOENT)
			return r;
		/* still, it is an inclusion, which this file fails */
		if (r < 0 && !rf->exclude && !rf->select)
			event_filter_add(f->filter, ".*: 0", false, NULL);
	}
	return 0;
}

static int add_own(struct report *rp, struct report_file *f, struct err *e)
{
	int r = add_processes(rp, f, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < f->filters.nr; i++) {
		r = add_filter(f, &f->filters.v[i], e);
		if (r <= 0)
			return err_wrap(e, "'%s'", f->path);
	}
	return 0;
}

/* ---- what they say ------------------------------------------------------------------ */

enum { FLAG_HARDIRQ = 0x08, FLAG_SOFTIRQ = 0x10 };

bool report_filtering(const struct report *rp, const struct report_file *f)
{
	return f->filter || rp->no_hardirq || rp->no_softirq;
}

static bool passes(const struct report *rp, struct report_file *f, const struct event_record *rec)
{
	unsigned flags;

	if (f->filter && !event_filter_match(f->filter, rec))
		return false;
	if (!rp->no_hardirq && !rp->no_softirq)
		return true;
	flags = event_db_record_flags(f->db, rec->data, rec->len);
	return !(rp->no_hardirq && flags & FLAG_HARDIRQ) && !(rp->no_softirq && flags & FLAG_SOFTIRQ);
}

bool report_wants(const struct report *rp, struct report_file *f, const struct event_record *rec,
		  bool *printed)
{
	bool wanted;
	int id;

	if (!report_filtering(rp, f))
		return true;
	wanted = passes(rp, f, rec);
	id = event_db_record_id(f->db, rec->data, rec->len);
	if (id < 0 || (id != f->stacks[0] && id != f->stacks[1])) {
		*printed = wanted;
		return wanted;
	}
	if (f->filter && event_filter_includes(f->filter))
		return wanted || *printed;
	return wanted && *printed;
}

static int id_of(struct report_file *f, const char *name)
{
	struct tep_event *event = event_db_event_by_name(f->db, "ftrace", name);

	return event ? event->id : -1;
}

/* ---- making them --------------------------------------------------------------------- */

static bool any_filter(const struct report *rp, const struct report_file *f)
{
	return rp->filters.nr || f->filters.nr || rp->pids.nr || rp->comms.nr;
}

static int make_filter(struct report *rp, struct report_file *f, bool *met, struct err *last,
		       struct err *e)
{
	int r;

	if (!any_filter(rp, f))
		return 0;
	r = event_filter_new(f->db, &f->filter, e);
	if (r < 0)
		return r;
	r = add_common(rp, f, met, last);
	if (r < 0) {
		*e = *last;
		return r;
	}
	return add_own(rp, f, e);
}

int report_make_filters(struct report *rp, struct err *e)
{
	AUTO_FREE bool *met = calloc(rp->filters.nr + 1, sizeof(*met));
	struct comm_search s = { .rp = rp };
	struct err last = { 0 };
	int r;

	if (!met)
		return err_set(e, -ENOMEM, "out of memory");
	r = rp->comms.nr ? note_comms(rp, e) : 0;
	if (!r)
		r = each_word(&rp->comms, &s, e, check_comm);
	for (size_t i = 0; i < rp->files.nr && !r; i++)
		r = make_filter(rp, &rp->files.v[i], met, &last, e);
	for (size_t i = 0; i < rp->files.nr && !r; i++)
		if (report_filtering(rp, &rp->files.v[i])) {
			rp->files.v[i].stacks[0] = id_of(&rp->files.v[i], "kernel_stack");
			rp->files.v[i].stacks[1] = id_of(&rp->files.v[i], "user_stack");
		}
	for (size_t i = 0; i < rp->filters.nr && !r; i++)
		if (!met[i]) {
			*e = last;
			r = last.code;
		}
	return r;
}
