// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent_session.h"
#include "record_run.h"

#define MEMORY_SHARE 8			/* of the machine's: what buffers may have */
#define INSTANCE_NAME "tracecmd-agent-%d"

/* What the options ask for, as one line. */
static void tell_request(const struct host_request *req, const struct notices *log)
{
	struct buf line AUTO_BUF = { 0 };

	for (int i = 1; i < req->argc; i++)
		buf_printf(&line, " %s", req->argv[i]);
	for (char *s = line.data; s && *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	notice(log, "%s asks for:%s", req->ours ? "a tracecmd" : "a trace-cmd", line.len ? line.data : " nothing");
}

static int check_memory(const struct kernel_setup *s, const struct agent_limits *limits, struct err *e)
{
	uint64_t pages = sysconf(_SC_PHYS_PAGES), cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t max = limits->memory ? limits->memory : pages * sysconf(_SC_PAGESIZE) / MEMORY_SHARE;
	uint64_t kb = s->instances.v[0].buffer_kb;

	if (kb <= max / 1024 / cpus)
		return 0;
	return err_set(e, -EDQUOT, "option -b %" PRIu64 ": the agent gives the buffers of its %" PRIu64 " CPUs no more than "
		       "%" PRIu64 " KB each (--max-memory)", kb, cpus, max / 1024 / cpus);
}

/* What only the top level can do. */
static bool needs_top(const struct kernel_setup *s)
{
	const struct kernel_instance_setup *top = &s->instances.v[0];

	return s->graph.nr || s->func_stack || top->has_max_depth ||
	       (top->tracer && strcmp(top->tracer, "function") && strcmp(top->tracer, "nop"));
}

/* Each host has an instance of its own: what is asked of the top level is asked of that. */
static int move_to_instance(struct kernel_setup *s, struct err *e)
{
	struct kernel_instance_setup top;
	char name[64], *names[2];

	snprintf(name, sizeof(name), INSTANCE_NAME, getpid());
	if (!kernel_setup_instance(s, name))
		return err_errno(e, -ENOMEM, "cannot make an instance");
	top = s->instances.v[0];
	names[0] = top.name;
	names[1] = s->instances.v[1].name;
	s->instances.v[0] = s->instances.v[1];
	s->instances.v[1] = top;
	s->instances.v[0].name = names[0];
	s->instances.v[1].name = names[1];
	return 0;
}

static int fit(struct trace_options *o, const struct agent_limits *limits, struct err *e)
{
	int r = check_memory(&o->setup, limits, e);

	o->quiet = true;
	if (limits->max_time_s && (!o->max_time_s || o->max_time_s > limits->max_time_s))
		o->max_time_s = limits->max_time_s;
	return r || needs_top(&o->setup) ? r : move_to_instance(&o->setup, e);
}

/* Only words; what it means is told by the same parser as for record. */
static int record_for(struct sender *host, const struct agent_limits *limits, struct err *e)
{
	const struct host_request *req = host_sender_request(host);
	struct trace_options o;
	int status = trace_options_parse(TRACE_AGENT, req->argc, req->argv, &o, e), r = 0;

	o.host = host;
	if (status == EXIT_HELP || status == EXIT_VERSION)
		r = err_set(e, -EINVAL, "help and versions are not for hosts to ask for");
	else if (status)
		r = e->code ? e->code : -EINVAL;
	if (!r)
		r = fit(&o, limits, e);
	if (!r && record_run(&o, e))
		r = e->code ? e->code : -EIO;
	trace_options_release(&o);
	return r;
}

int agent_session(int fd, const char *name, const struct remote_key *key,
		  const struct agent_limits *limits, const struct notices *log, struct err *e)
{
	const struct host_sender_opts opts = {
		.key = key, .unlimited = limits->unlimited, .outage_s = limits->outage_s, .log = log,
	};
	struct sender *host;
	int r = host_sender_new(fd, &opts, &host, e);

	if (r)
		return err_wrap(e, "%s", name);
	tell_request(host_sender_request(host), log);
	r = record_for(host, limits, e);
	if (r)
		host_sender_refuse(host, e->text);
	sender_free(host);
	return r ? err_wrap(e, "%s", name) : 0;
}
