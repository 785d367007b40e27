// SPDX-License-Identifier: GPL-2.0-or-later
/* extract: what is in the kernel's buffers now, into a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "record_output.h"
#include "supervisor.h"
#include "trace_options.h"

struct run {
	struct trace_options *o;
	struct record_output out;
	struct kernel *kernel;
	struct supervisor supervisor;
	struct recording *recording;
	bool lost;			/* events, and that is to be a failure */
	bool *was_on;			/* tracing_on of each instance of the setup */
};

/* Whether the top level is extracted: alone, or with -t. */
static bool wants_top(const struct trace_options *o)
{
	return o->top || (o->setup.instances.nr == 1 && !o->all_instances);
}

static int add_all_instances(struct run *run, struct err *e)
{
	struct kernel_words names = { 0 };
	int r = kernel_instance_names(run->kernel, &names, e);

	for (size_t i = 0; i < names.nr && !r; i++)
		if (!kernel_setup_instance(&run->o->setup, names.v[i]))
			r = err_errno(e, -ENOMEM, "cannot extract");
	kernel_words_release(&names);
	if (!r && run->o->setup.instances.nr == 1 && !run->o->top)
		r = err_set(e, -ENOENT, "option -a: there are no instances");
	return r;
}

/* A latency tracer's result is a text; so say the options, or the kernel. */
static int find_tracer(struct kernel_instance_setup *is, struct err *e)
{
	char tracer[64];

	if (is->tracer || kernel_read_word(is->in, "current_tracer", tracer, sizeof(tracer)) ||
	    !kernel_tracer_is_latency(tracer))
		return 0;
	is->tracer = strdup(tracer);
	return is->tracer ? 0 : err_errno(e, -ENOMEM, "cannot extract");
}

/* What is in the buffers already is neither resized nor filtered by options. */
static void tell_useless(const struct trace_options *o, const struct notices *notices)
{
	const struct kernel_setup *s = &o->setup;

	for (size_t i = 0; i < s->instances.nr; i++) {
		const struct kernel_instance_setup *is = &s->instances.v[i];
		const struct { const char *name; bool given; } options[] = {
			{ "-b", is->buffer_kb }, { "-P", is->pids.nr }, { "-c", is->follow },
			{ "-l", is->filters.nr }, { "-n", is->notraces.nr },
			{ "-g", !i && s->graph.nr }, { "-F", !i && s->only_command },
		};

		for (size_t j = 0; j < ARRAY_SIZE(options); j++)
			if (options[j].given)
				notice(notices, "option %s has no effect with 'extract': it takes what "
				       "was recorded before", options[j].name);
	}
}

static int check_snapshot(const struct kernel_instance_setup *is, struct err *e)
{
	if (kernel_has(is->in, "snapshot"))
		return 0;
	return err_set(e, -ENOENT, "option -s: this kernel keeps no snapshots%s%s",
		       *is->name ? " in instance " : "", is->name);
}

static int find_instances(struct run *run, struct err *e)
{
	struct kernel_setup *s = &run->o->setup;
	int r = run->o->all_instances ? add_all_instances(run, e) : 0;

	if (!r)
		r = record_output_files(run->o, run->kernel, wants_top(run->o), e);
	if (!r && !(run->was_on = calloc(s->instances.nr, sizeof(*run->was_on))))
		r = err_errno(e, -ENOMEM, "cannot extract");
	for (size_t i = 0; i < s->instances.nr && !r; i++) {
		struct kernel_instance_setup *is = &s->instances.v[i];
		char on[16] = "";

		if (!i && !wants_top(run->o))
			continue;
		r = kernel_instance_get(run->kernel, is->name, false, &is->in, e);
		if (!r)
			r = kernel_instance_lock(is->in, e);
		if (!r)
			kernel_read_word(is->in, "tracing_on", on, sizeof(on));
		run->was_on[i] = !strcmp(on, "1");
		if (!r && run->o->snapshot)
			r = check_snapshot(is, e);
		if (!r)
			r = kernel_setup_check_reading(run->kernel, is, e);
		if (!r)
			r = find_tracer(is, e);
	}
	return r;
}

static int check_all(struct run *run, struct err *e)
{
	struct trace_options *o = run->o;
	int r = kernel_open(NULL, o->quiet ? NULL : &stderr_notices, &run->kernel, e);

	if (!r && o->tell_writes)
		kernel_tell_writes(run->kernel);
	if (!r && !o->quiet)
		tell_useless(o, &stderr_notices);
	if (!r)
		r = find_instances(run, e);
	if (!r)
		r = record_output_open(&run->out, o, e);
	if (!r && o->setup.tsc2nsec)
		r = record_tsc2nsec(&run->out.opts.tsc2nsec, e);
	if (o->snapshot)
		run->out.opts.raw_file = "snapshot_raw";
	run->out.opts.with_top = wants_top(o);
	o->setup.all_formats = true;
	o->setup.btf = true;
	o->setup.no_filter = true;
	return r;
}

/* Tracing is off meanwhile: a buffer that is being filled is never empty. */
static int extract(struct run *run, struct err *e)
{
	struct kernel_setup *setup = &run->o->setup;
	int r = kernel_setup_tracing(run->kernel, setup, false, e);

	for (size_t i = 0; i < setup->instances.nr && !r; i++)
		if (setup->instances.v[i].in)
			r = kernel_setup_apply_options(run->kernel, &setup->instances.v[i], e);
	if (!r)
		r = record_output_date(&run->out, run->kernel, e);
	if (!r)
		r = recording_new(run->kernel, setup, &run->out.opts, &run->recording, e);
	if (!r)
		record_output_reserve(&run->out, run->recording);
	if (!r)
		r = recording_start(run->recording, e);
	return r ? r : record_output_end(&run->out, run->recording, &run->lost, e);
}

/* What was extracted is traced no longer; a buffer that was off stays off. */
static int reset_instance(struct run *run, struct kernel_instance *in, bool was_on, struct err *e)
{
	int r = kernel_instance_reset(in, e);

	if (r || was_on)
		return r;
	kernel_keep_changes(run->kernel, true);
	return kernel_write(in, "tracing_on", "0", e);
}

static int reset(struct run *run, struct err *e)
{
	const struct kernel_setup *s = &run->o->setup;
	int r = 0;

	for (size_t i = 0; i < s->instances.nr && !r; i++)
		if (s->instances.v[i].in)
			r = reset_instance(run, s->instances.v[i].in, run->was_on[i], e);
	return r;
}

static int run_extract(int argc, char **argv, struct err *e)
{
	struct trace_options o;
	struct run run = { .o = &o, .supervisor = SUPERVISOR_NONE, .out.file.fd = -1 };
	int status = trace_options_parse(TRACE_EXTRACT, argc, argv, &o, e);
	struct err undo = { 0 };
	int r;

	if (status) {
		trace_options_release(&o);
		return status;
	}
	r = check_all(&run, e);
	if (!r)
		r = supervisor_start(&run.supervisor, run.kernel, run.out.spool_base, e);
	run.out.supervisor = &run.supervisor;
	if (!r)
		r = extract(&run, e);
	recording_free(run.recording, !run.out.keep_spools);
	if (!r && !o.setup.keep)
		r = reset(&run, e);
	if (run.kernel)
		kernel_undo(run.kernel, &undo);
	r = supervisor_end(&run.supervisor, &undo, r, e);
	record_output_release(&run.out);
	kernel_close(run.kernel);
	free(run.was_on);
	trace_options_release(&o);
	return r ? EXIT_FAILED : run.lost ? EXIT_LOST : EXIT_OK;
}

const struct command extract_command = {
	.name = "extract",
	.summary = "write what is in the kernel's buffers now into a file",
	.usage = "[options]",
	.help = "  -B NAME           this instance instead of the top level; repeatable\n"
		"  -a                all instances\n"
		"  -t                the top level too\n"
		"  -s                the snapshot instead of the buffer\n"
		"  -k                leave the tracing settings as they are afterwards\n"
		"  -p TRACER         a latency tracer: what it found, as text\n"
		"  -O OPTION, -T     trace option meanwhile, for the text of a latency tracer\n"
		"  -o FILE           output (trace.dat)\n"
		"  --compression C   any, none, or a codec ('tracecmd list -c')\n"
		"  --file-version V  7, or 6: never compressed, for older programs\n"
		"  --temp DIR        where per-CPU spools are kept meanwhile\n"
		"  --date            store the time of day; report then shows it\n"
		"  --ts-offset N     store an offset that report adds to all times\n"
		"  --tsc2nsec        store how x86-tsc becomes nanoseconds\n"
		"  --fail-on-loss    exit status 3 if events were lost\n"
		"  --nosplice, -r PRIO as for record\n"
		"  -b, -c, -F, -g, -l, -n, -P have no effect: trace-cmd has them here too\n"
		"  -q, --quiet; --stderr; -h, --help\n",
	.on_kernel = true,
	.run = run_extract,
};
