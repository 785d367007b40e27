// SPDX-License-Identifier: GPL-2.0-or-later
/* -F, --pid, --comm and --cpu. */
#include <errno.h>
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

int report_parse_cpus(struct report *rp, struct err *e)
{
	const char *p = rp->cpus;

	if (!p)
		return 0;
	rp->cpu_bits = calloc(1, DAT_CPUS_MAX / 8);
	if (!rp->cpu_bits)
		return err_set(e, -ENOMEM, "out of memory");
	rp->nr_cpu_bits = DAT_CPUS_MAX;
	for (;;) {
		size_t len = strcspn(p, ",:");

		if (add_cpus(rp, p, len) < 0)
			return err_set(e, -EINVAL, "--cpu: '%.*s' in '%s' is neither a CPU nor a "
				       "range like 2-4", (int)len, p, rp->cpus);
		if (!p[len])
			return 0;
		p += len + 1;
	}
}

/* ---- --pid and --comm --------------------------------------------------------- */

static void add_pid(struct buf *filter, int pid)
{
	buf_printf(filter, "%s(common_pid == %d) || (pid == %d) || (next_pid == %d)",
		   filter->len ? " || " : ".*: ", pid, pid, pid);
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
	add_pid(ctx, pid);
	return 0;
}

int report_check_pids(const struct report *rp, struct err *e)
{
	AUTO_BUF struct buf filter = { 0 };

	return each_word(&rp->pids, &filter, e, put_pid);
}

struct comm_search {
	struct report *rp;
	struct report_file *file;
	struct buf *filter;
	const char *word;
	struct near *near;
	bool found;
};

static int try_comm(void *ctx, int pid, const char *comm)
{
	struct comm_search *s = ctx;

	if (s->near)
		near_try(s->near, comm);
	if (strcmp(comm, s->word))
		return 0;
	s->found = true;
	if (s->filter)
		add_pid(s->filter, pid);
	return 0;
}

/* Whether a file knows the name; adds its processes to the filter. */
static bool search_comm(struct comm_search *s, struct report_file *f)
{
	if (!strcmp(s->word, "<idle>"))
		try_comm(s, 0, s->word);
	event_db_each_comm(f->db, try_comm, s);
	return s->found;
}

/* A name no file knows is a mistake. */
static int check_comm(void *ctx, const char *word, struct err *e)
{
	struct comm_search *s = ctx;
	struct near near;

	near_init(&near, word);
	s->word = word;
	s->near = &near;
	s->filter = NULL;
	s->found = false;
	for (size_t i = 0; i < s->rp->files.nr; i++)
		if (search_comm(s, &s->rp->files.v[i]))
			return 0;
	err_set(e, -ENOENT, "--comm: no process of that name was recorded: '%s'", word);
	near_hint(&near, e);
	return -ENOENT;
}

static int put_comm(void *ctx, const char *word, struct err *e)
{
	struct comm_search *s = ctx;

	(void)e;
	s->word = word;
	search_comm(s, s->file);
	return 0;
}

/* The file's filter of processes; empty if none was asked for. */
static int process_filter(struct report *rp, struct report_file *f, struct buf *ret, struct err *e)
{
	struct comm_search s = { .rp = rp, .file = f, .filter = ret };
	int r = each_word(&rp->pids, ret, e, put_pid);

	if (r < 0)
		return r;
	r = each_word(&rp->comms, &s, e, put_comm);
	if (r < 0)
		return r;
	/* names were asked for and this file has none of them: no process */
	if (!ret->len && (rp->pids.nr || rp->comms.nr))
		buf_puts(ret, ".*: 0");
	return ret->failed ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* ---- -F -------------------------------------------------------------------------- */

/*
 * A filter for all files must mean something in one of them; elsewhere it
 * lets nothing through. @met: by filter, whether it did so far.
 */
static int add_common(struct report *rp, struct report_file *f, bool *met, struct err *last)
{
	for (size_t i = 0; i < rp->filters.nr; i++) {
		const struct report_filter *rf = &rp->filters.v[i];
		struct err e = { 0 };
		int r = event_filter_add(f->filter, rf->text, rf->exclude, &e);

		if (r > 0 || (!r && rp->files.nr > 1)) {
			met[i] = true;
			continue;
		}
		*last = e;
		if (r < 0 && r != -ENOENT)
			return r;
		/* still, it is an inclusion, which this file fails */
		if (r < 0 && !rf->exclude)
			event_filter_add(f->filter, ".*: 0", false, NULL);
	}
	return 0;
}

static int add_own(struct report *rp, struct report_file *f, struct err *e)
{
	AUTO_BUF struct buf processes = { 0 };
	int r = process_filter(rp, f, &processes, e);

	if (r < 0)
		return r;
	if (processes.len) {
		r = event_filter_add(f->filter, processes.data, false, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < f->filters.nr; i++) {
		r = event_filter_add(f->filter, f->filters.v[i].text, f->filters.v[i].exclude, e);
		if (r <= 0)
			return err_wrap(e, "'%s'", f->path);
	}
	return 0;
}

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
	r = each_word(&rp->comms, &s, e, check_comm);
	for (size_t i = 0; i < rp->files.nr && !r; i++)
		r = make_filter(rp, &rp->files.v[i], met, &last, e);
	for (size_t i = 0; i < rp->filters.nr && !r; i++)
		if (!met[i]) {
			*e = last;
			r = last.code;
		}
	return r;
}
