// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * record: everything is looked at before anything is changed; whatever
 * happens then, the kernel is put back and what was recorded is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "include/tracecmd.h"
#include "record/record.h"
#include "record_report.h"
#include "record_wait.h"
#include "trace_options.h"

#define DEFAULT_OUTPUT "trace.dat"

struct run {
	struct trace_options *o;
	struct record_opts opts;
	const char *output;
	char *spool_base;
	struct child_plan plan;
	struct child child;
	struct new_file file;
	struct kernel *kernel;
	struct watched watched;
	struct recording *recording;
	sigset_t mask;			/* before ours */
	int signal_fd;
	int status;			/* the command's, or EXIT_OK */
	bool keep_spools;
};

static const struct notices *run_notices(const struct run *run)
{
	return run->o->quiet ? NULL : &stderr_notices;
}

/* ---- before anything is changed ------------------------------------------- */

static int choose_format(struct run *run, struct err *e)
{
	const struct trace_options *o = run->o;
	const char *name = o->compression;

	run->opts.version = o->file_version ? o->file_version : 7;
	if (run->opts.version == 6) {
		if (name && strcmp(name, "none") && strcmp(name, "any"))
			return err_set(e, -EINVAL, "files of version 6 are never compressed: "
				       "--compression %s takes --file-version 7", name);
		return 0;
	}
	return codec_choose(name ? name : "any", &run->opts.codec, e);
}

static int choose_spools(struct run *run, struct err *e)
{
	const char *slash = strrchr(run->output, '/');
	int r;

	if (run->o->temp_dir)
		r = asprintf(&run->spool_base, "%s/%s", run->o->temp_dir,
			     slash ? slash + 1 : run->output);
	else
		r = asprintf(&run->spool_base, "%s", run->output);
	if (r < 0) {
		run->spool_base = NULL;
		return err_errno(e, -ENOMEM, "cannot record");
	}
	if (run->o->temp_dir && access(run->o->temp_dir, W_OK | X_OK) < 0)
		return err_errno(e, -errno, "cannot keep temporary files in '%s' (--temp)",
				 run->o->temp_dir);
	return 0;
}

static void fill_opts(struct run *run)
{
	const struct trace_options *o = run->o;

	run->opts.spool_base = run->spool_base;
	run->opts.raw_file = "trace_pipe_raw";
	run->opts.writer = "tracecmd " TRACECMD_VERSION;
	run->opts.has_offset = o->has_ts_offset;
	run->opts.offset = o->ts_offset;
	run->opts.notices = run_notices(run);
	run->opts.recorder = (struct recorder_opts){
		.spool_limit = o->max_kb * 1024, .pause_us = o->sleep_us, .poll = o->poll,
		.rt_priority = o->rt_priority, .no_splice = o->no_splice,
		.notices = run_notices(run),
	};
}

/* Whether times are the counter's and shall become nanoseconds. */
static int check_tsc(struct run *run, struct err *e)
{
	return run->o->setup.tsc2nsec ? record_tsc2nsec(&run->opts.tsc2nsec, e) : 0;
}

static int check_all(struct run *run, struct err *e)
{
	struct trace_options *o = run->o;
	int r = 0;

	if (!kernel_setup_has_work(&o->setup))
		return err_set(e, -EINVAL, "nothing to record: name events (-e) or a tracer (-p)");
	if (o->setup.only_command && !o->command)
		return err_set(e, -EINVAL, "option -F limits the recording to a command, but none "
			       "is given");
	if (o->command)
		r = child_plan_make(&run->plan, o->command, o->user, e);
	else if (o->user)
		r = err_set(e, -EINVAL, "option --user is for a command, but none is given");
	if (!r)
		r = choose_format(run, e);
	if (!r)
		r = choose_spools(run, e);
	if (!r)
		r = watched_open(&run->watched, &o->setup, e);
	if (!r)
		r = check_tsc(run, e);
	if (!r)
		r = kernel_open(NULL, run_notices(run), &run->kernel, e);
	if (!r)
		r = kernel_setup_check(run->kernel, &o->setup, e);
	if (!r)
		r = new_file_open(&run->file, run->output, e);
	return r;
}

/* ---- recording ------------------------------------------------------------- */

static const char *date_clock(const struct kernel_setup *setup)
{
	for (size_t i = 0; i < setup->instances.nr; i++)
		if (kernel_setup_takes_part(setup, i) && setup->instances.v[i].clock)
			return setup->instances.v[i].clock;
	return NULL;
}

static int measure_date(struct run *run, struct err *e)
{
	if (!run->o->date)
		return 0;
	run->opts.has_date = true;
	return record_measure_date(run->kernel, date_clock(&run->o->setup), &run->opts.tsc2nsec,
				   &run->opts.date_us, e);
}

static int tracing_on(void *ctx, struct err *e)
{
	struct run *run = ctx;

	return kernel_setup_tracing(run->kernel, &run->o->setup, true, e);
}

/* Up to the moment in which tracing is on. */
static int begin(struct run *run, struct err *e)
{
	struct kernel_setup *setup = &run->o->setup;
	int r = kernel_setup_apply(run->kernel, setup, e);

	if (!r)
		r = measure_date(run, e);
	if (!r)
		r = recording_new(run->kernel, setup, &run->opts, &run->recording, e);
	if (!r && run->o->command)
		r = child_fork(&run->child, &run->plan, &run->mask, tracing_on, run, e);
	if (!r)
		r = recording_start(run->recording, e);
	if (!r && kernel_setup_limits_pids(setup))
		r = kernel_setup_pids(run->kernel, setup, run->child.pid, e);
	if (!r && run->o->command)
		r = child_go(&run->child, e);
	else if (!r && !(setup->no_reset && setup->keep))
		r = tracing_on(run, e);
	return r;
}

/* Stops, drains, writes the file. An error of the recorder does not keep the
 * rest from being saved; it is the one that is told. */
static int end(struct run *run, struct err *e)
{
	struct err later = { 0 };
	int r = kernel_setup_tracing(run->kernel, &run->o->setup, false, e);
	int stopped = recording_stop(run->recording, r ? NULL : e);
	int saved = recording_save(run->recording, run->file.fd, run->output, &later);

	if (!saved)
		saved = new_file_commit(&run->file, &later);
	if (!r)
		r = stopped;
	if (saved) {
		run->keep_spools = recording_spool_path(run->recording);
		if (run->keep_spools)
			err_hint(&later, "what was recorded is in '%s' and its neighbours: "
				 "'tracecmd restore' makes a file of them",
				 recording_spool_path(run->recording));
		if (!r && e)
			*e = later;
		else if (r)
			err_hint(e, "%s", later.text);
	} else if (r) {
		err_hint(e, "what was recorded before that is in '%s'", run->output);
	}
	return r ? r : saved;
}

static int record(struct run *run, struct err *e)
{
	enum record_end why;
	int r;

	run->signal_fd = stop_signals_take(&run->mask, e);
	if (run->signal_fd < 0)
		return run->signal_fd;
	r = begin(run, e);
	if (r)
		return r;
	if (!run->o->command && !run->o->quiet)
		report_line(run->o, "Hit Ctrl^C to stop recording\n");
	why = record_wait(&run->child, &run->watched, run->signal_fd,
			  recording_alarm_fd(run->recording));
	r = end(run, e);
	record_report(run->o, run->recording, r ? NULL : run->output);
	/* A command whose recording broke off is not to suffer from that. */
	if (why == RECORD_END_ALARM && run->child.pid)
		why = record_wait(&run->child, &run->watched, run->signal_fd, -1);
	if (why == RECORD_END_COMMAND)
		run->status = child_wait(&run->child);
	else
		child_detach(&run->child);
	return r;
}

/* Puts the kernel back, unless a recording that went well shall leave it (-k). */
static int put_back(struct run *run, bool failed, struct err *e)
{
	if (!run->kernel)
		return 0;
	if (run->o->setup.keep && !failed) {
		kernel_undo_forget(run->kernel);
		return 0;
	}
	return kernel_undo(run->kernel, e);
}

static int run_record(int argc, char **argv, struct err *e)
{
	struct trace_options o;
	struct run run = {
		.o = &o, .child = CHILD_NONE, .file.fd = -1, .signal_fd = -1,
	};
	int status = trace_options_parse(TRACE_RECORD, argc, argv, &o, e);
	struct err undo = { 0 };
	int r;

	if (status) {
		trace_options_release(&o);
		return status;
	}
	run.output = o.output ? o.output : DEFAULT_OUTPUT;
	r = check_all(&run, e);
	if (!r) {
		fill_opts(&run);
		r = record(&run, e);
	}
	/* Threads that drain a buffer must not have it filled meanwhile. */
	if (r && run.recording)
		kernel_setup_tracing(run.kernel, &o.setup, false, NULL);
	recording_free(run.recording, !run.keep_spools);
	if (put_back(&run, r, &undo) && !r) {
		*e = undo;
		r = undo.code;
	}
	child_release(&run.child);
	new_file_discard(&run.file);
	watched_close(&run.watched);
	child_plan_release(&run.plan);
	kernel_close(run.kernel);
	cleanup_close(&run.signal_fd);
	free(run.spool_base);
	trace_options_release(&o);
	return r ? EXIT_FAILED : run.status;
}

const struct command record_command = {
	.name = "record",
	.summary = "record what the kernel does into a file",
	.usage = "[options] [command [argument...]]",
	.help = TRACE_EVENTS_HELP
		"\nThe recording\n"
		"  -o FILE           output (trace.dat)\n"
		"  --compression C   any, none, or a codec ('tracecmd list -c')\n"
		"  --file-version V  7, or 6: never compressed, for older programs\n"
		"  --temp DIR        where per-CPU spools are kept meanwhile\n"
		"  -m KB             keep only the last KB of each CPU, at most\n"
		"  -a                formats of all events, not only of those recorded\n"
		"  -k                leave the tracing settings as they are afterwards\n"
		"  -s USEC, --poll   pause between looks at a quiet buffer; look without being woken\n"
		"  -r PRIO           real-time priority of the readers (1 where it is allowed)\n"
		"  --nosplice        read the buffers instead of splicing\n"
		"  --date            store the time of day; report then shows it\n"
		"  --ts-offset N     store an offset that report adds to all times\n"
		"  --tsc2nsec        store how x86-tsc becomes nanoseconds\n"
		"  --daemonize       go to the background once recording has begun\n"
		"  --stderr          own messages to standard error\n",
	.run = run_record,
};
