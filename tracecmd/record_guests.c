// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "guest_threads.h"
#include "key.h"
#include "record_guests.h"
#include "record_output.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot record other machines");
}

/* BASE-LABEL.EXT beside the host's file BASE.EXT; free(). NULL: no memory. */
static char *guest_path(const char *output, const char *label)
{
	const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output, *dot = strrchr(name, '.');
	char *path;

	if (!dot || dot == name)
		dot = name + strlen(name);
	return asprintf(&path, "%.*s-%s%s", (int)(dot - output), output, label, dot) < 0 ? NULL : path;
}

/* The clock that both shall have, so that their times can be compared. 0, -errno. */
static int choose_clock(struct record_guests *g, const struct trace_options *o, struct kernel *k, struct err *e)
{
	const char *given = NULL;

	for (size_t i = 0; i < o->setup.instances.nr && !given; i++)
		given = o->setup.instances.v[i].clock;
	if (!given && k)
		return kernel_instance_clock(kernel_top(k), g->clock, sizeof(g->clock), e);
	snprintf(g->clock, sizeof(g->clock), "%s", given ? given : "");
	return 0;
}

static int make_args(struct record_guests *g, size_t i, uint32_t *argc, const struct trace_options *o, struct err *e)
{
	const struct trace_guest *t = &o->guests.v[i];
	struct buf *args = &g->args[i];

	if (!t->has_clock && *g->clock) {
		buf_str(args, "-C");
		buf_str(args, g->clock);
		*argc += 2;
	}
	if (o->date) {
		buf_str(args, "--date");
		++*argc;
	}
	*argc += t->argc;
	return buf_put(args, t->args.data, t->args.len) ? no_memory(e) : 0;
}

static int ask(struct record_guests *g, size_t i, const struct trace_options *o, struct err *e)
{
	const struct trace_guest *t = &o->guests.v[i];
	struct guest_opts opts = {
		.label = t->label, .address = t->address, .port = t->port, .cid = t->cid, .cid_port = t->cid_port,
		.key = &g->key, .trace_id = g->trace_id, .unlimited = o->guests.unlimited, .notices = &stderr_notices,
		.fifos = !o->guests.no_fifos,
		.sync = g->sync && !t->has_clock, .clock = g->clock,
		.sync_interval_ms = o->guests.tsync_ms > 0 ? o->guests.tsync_ms : 0,
	};
	int r;

	opts.path = g->paths[i] = guest_path(o->output ? o->output : DEFAULT_OUTPUT, t->label);
	if (!opts.path)
		return no_memory(e);
	r = record_output_check_left(opts.path, e);
	if (!r)
		r = make_args(g, i, &opts.argc, o, e);
	opts.args = g->args[i].data;
	opts.args_len = g->args[i].len;
	return r ? r : guests_add(g->all, &opts, e);
}

static int tell(struct record_guests *g, size_t i, struct err *e)
{
	struct dat_guest *to = &g->told[i];
	struct guest_info info;

	guests_info(g->all, i, &info);
	*to = (struct dat_guest){ .name = info.label, .trace_id = info.trace_id, .nr_vcpus = info.cpus };
	to->host_pids = malloc(info.cpus * sizeof(*to->host_pids));
	if (!to->host_pids)
		return no_memory(e);
	for (uint32_t c = 0; c < info.cpus; c++)
		to->host_pids[c] = -1;
	if (info.vsock)
		guest_threads(info.cid, to->host_pids, info.cpus);
	return 0;
}

int record_guests_ask(struct record_guests *g, const struct trace_options *o, struct kernel *k, struct err *e)
{
	int r = 0;

	*g = (struct record_guests){ .key.optional = o->guests.key_optional };
	if (!o->guests.nr)
		return 0;
	if (o->guests.key_file)
		r = key_read(o->guests.key_file, &g->key_bytes, &g->key, e);
	if (r)
		return r;
	if (getrandom(&g->trace_id, sizeof(g->trace_id), 0) < 0)
		return err_errno(e, -errno, "cannot make up an id for the recording");
	g->nr = o->guests.nr;
	g->all = guests_new();
	g->paths = calloc(g->nr, sizeof(*g->paths));
	g->args = calloc(g->nr, sizeof(*g->args));
	g->told = calloc(g->nr, sizeof(*g->told));
	if (!g->all || !g->paths || !g->args || !g->told)
		return no_memory(e);
	g->sync = k && o->guests.tsync_ms >= 0;
	r = choose_clock(g, o, k, e);
	for (size_t i = 0; i < g->nr && !r; i++) {
		r = ask(g, i, o, e);
		if (!r)
			r = tell(g, i, e);
	}
	return r;
}

void record_guests_tell(const struct record_guests *g, struct record_opts *opts)
{
	if (!g->nr)
		return;
	opts->trace_id = g->trace_id;
	opts->guests = g->told;
	opts->nr_guests = g->nr;
}

int record_guests_begin(struct record_guests *g, struct kernel *k, struct err *e)
{
	return g->all ? guests_begin(g->all, k, e) : 0;
}

int record_guests_ended_fd(const struct record_guests *g)
{
	return g->all ? guests_ended_fd(g->all) : -1;
}

void record_guests_close(struct record_guests *g)
{
	if (g->all)
		guests_close(g->all);
}

int record_guests_finish(struct record_guests *g, bool quiet, struct err *e)
{
	int r = g->all ? guests_finish(g->all, e) : 0;

	for (size_t i = 0; i < g->nr && !quiet && !r; i++) {
		struct stat st;

		if (!stat(g->paths[i], &st))
			notice(&stderr_notices, "'%s' is what %s recorded: %.1f MB", g->paths[i], g->told[i].name,
			       st.st_size / 1e6);
	}
	return r;
}

void record_guests_end(struct record_guests *g)
{
	guests_free(g->all);
	g->all = NULL;
}

void record_guests_release(struct record_guests *g)
{
	record_guests_end(g);
	for (size_t i = 0; i < g->nr; i++) {
		if (g->paths)
			free(g->paths[i]);
		if (g->args)
			buf_release(&g->args[i]);
		if (g->told)
			free(g->told[i].host_pids);
	}
	free(g->paths);
	free(g->args);
	free(g->told);
	buf_release(&g->key_bytes);
	*g = (struct record_guests){ 0 };
}
