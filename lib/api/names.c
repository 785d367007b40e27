// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a file names: processes, functions; and when its events were. */
#include <errno.h>
#include <stdlib.h>

#include "api/trace.h"

/* Processes in ascending order. */
struct trace_tasks {
	size_t nr;
	const char **names;		/* behind pids */
	int32_t pids[];
};

struct count { struct trace_tasks *tasks; size_t nr; };

static int add_task(void *ctx, int pid, const char *name)
{
	struct count *c = ctx;

	if (c->tasks && c->nr < c->tasks->nr) {
		c->tasks->pids[c->nr] = pid;
		c->tasks->names[c->nr] = name;
	}
	c->nr++;
	return 0;
}

static int make_tasks(struct trace_file *f, struct event_db *db, struct err *e)
{
	struct count c = { 0 };
	size_t pids;

	event_db_each_comm(db, add_task, &c);
	pids = (c.nr + 1) / 2 * 2 * sizeof(int32_t);	/* names are aligned */
	c.tasks = malloc(sizeof(*c.tasks) + pids + c.nr * sizeof(char *));
	if (!c.tasks)
		return err_errno(e, -ENOMEM, "the names of processes of '%s'", f->facts.path);
	c.tasks->nr = c.nr;
	c.tasks->names = (const char **)((uint8_t *)c.tasks->pids + pids);
	c.nr = 0;
	event_db_each_comm(db, add_task, &c);
	f->tasks = c.tasks;
	return 0;
}

API int tracecmd_file_tasks(struct tracecmd_trace *t, unsigned int file, const int32_t **pids,
			    const char *const **names, size_t *nr, struct tracecmd_error *error)
{
	struct event_db *db;
	struct err e = { 0 };

	if (api_need(t && pids && names && nr, "tracecmd_file_tasks", &e) < 0 ||
	    trace_find_file(t, file, &db, &e) < 0 ||
	    (!t->files[file].tasks && make_tasks(&t->files[file], db, &e) < 0))
		return api_error(&e, error);
	*pids = t->files[file].tasks->pids;
	*names = t->files[file].tasks->names;
	*nr = t->files[file].tasks->nr;
	return 0;
}

API int tracecmd_task_name(struct tracecmd_trace *t, unsigned int file, int32_t pid,
			   const char **ret, struct tracecmd_error *error)
{
	struct event_db *db;
	struct err e = { 0 };

	if (api_need(t && ret, "tracecmd_task_name", &e) < 0 || trace_find_file(t, file, &db, &e) < 0)
		return api_error(&e, error);
	*ret = event_db_comm(db, pid);
	return 0;
}

API int tracecmd_file_symbol(struct tracecmd_trace *t, unsigned int file, uint64_t address,
			     const char **name, const char **module, uint64_t *start,
			     struct tracecmd_error *error)
{
	const char *found, *of;
	struct event_db *db;
	struct err e = { 0 };
	uint64_t at;

	if (api_need(t, "tracecmd_file_symbol", &e) < 0 || trace_find_file(t, file, &db, &e) < 0)
		return api_error(&e, error);
	found = event_db_symbol(db, address, &at, &of);
	if (!found)
		return 0;
	if (name)
		*name = found;
	if (module)
		*module = of;
	if (start)
		*start = at;
	return 1;
}

static int find_times(struct tracecmd_trace *t, uint64_t *first, uint64_t *last, struct err *e)
{
	int found = 0;

	for (uint32_t i = 0; i < replay_nr_streams(t->replay); i++) {
		uint64_t from, to;
		unsigned file, buffer;
		uint32_t cpu;
		int r;

		replay_stream_place(t->replay, i, &file, &buffer, &cpu);
		r = replay_cpu_span(t->replay, file, buffer, cpu, &from, &to, e);
		if (r < 0)
			return r;
		if (!r)
			continue;
		*first = !found || from < *first ? from : *first;
		*last = !found || to > *last ? to : *last;
		found = 1;
	}
	return found;
}

API int tracecmd_trace_times(struct tracecmd_trace *t, uint64_t *first, uint64_t *last,
			     struct tracecmd_error *error)
{
	uint64_t from = 0, to = 0;
	struct err e = { 0 };
	int r = api_need(t && first && last, "tracecmd_trace_times", &e);

	if (!r)
		r = find_times(t, &from, &to, &e);
	if (r < 0)
		return api_error(&e, error);
	if (r) {
		*first = from;
		*last = to;
	}
	return r;
}
