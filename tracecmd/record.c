// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * record: everything is looked at before anything is changed; whatever
 * happens then, the kernel is put back and what was recorded is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "progress.h"
#include "put_back.h"
#include "record_control.h"
#include "record_guests.h"
#include "record_output.h"
#include "record_run.h"
#include "record_send.h"
#include "record_wait.h"
#include "supervisor.h"
#include "trace_options.h"

struct run {
	struct trace_options *o;
	struct record_output out;
	struct child_plan plan;
	struct child child;
	bool local;			/* something is traced here */
	struct record_guests guests;	/* -A */
	struct kernel *kernel;		/* NULL: nothing is traced here */
	struct kernel_perf *perf;	/* --perf */
	struct supervisor supervisor;
	struct put_back put_back;
	struct watched watched;
	struct kernel_watch *watch;	/* NULL: nobody looks */
	struct recording *recording;
	sigset_t mask;			/* before ours */
	int signal_fd;
	int daemon_fd;			/* tells the foreground that recording has begun; -1 */
	struct pid_file pid_file;
	struct progress progress;
	struct record_control control;
	struct record_trigger trigger;
	bool lost;			/* events, and that is to be a failure */
	bool emptied;			/* a buffer, by somebody else */
	int status;			/* the command's, or EXIT_OK */
};

/* ---- before anything is changed ------------------------------------------- */

/* Whether times are the counter's and shall become nanoseconds. */
static int check_tsc(struct run *run, struct err *e)
{
	return run->o->setup.tsc2nsec ? record_tsc2nsec(&run->out.opts.tsc2nsec, e) : 0;
}

static int open_kernel(struct run *run, struct err *e)
{
	int r = kernel_open(NULL, run->o->quiet ? NULL : &stderr_notices, &run->kernel, e);

	if (r == -EACCES && run->o->perf)
		err_hint(e, "or have it readable: --perf reads the numbers and formats of events there, and writes "
			 "nothing ('mount -o remount,mode=750,gid=GROUP /sys/kernel/tracing')");
	return r;
}

/* What is to be traced here, and the file of that. */
static int check_local(struct run *run, struct err *e)
{
	struct trace_options *o = run->o;
	int r = open_kernel(run, e);

	if (!r && o->tell_writes)
		kernel_tell_writes(run->kernel);
	/* What is looked at is nobody else's then, and is not about to go away. */
	if (!r && !o->perf)
		r = kernel_setup_lock(run->kernel, &o->setup, e);
	if (!r)
		r = (o->perf ? kernel_perf_check : kernel_setup_check)(run->kernel, &o->setup, e);
	if (!r)
		r = record_output_files(o, run->kernel, false, e);
	if (!r)
		r = record_output_open(&run->out, o, e);
	if (!r)
		r = record_output_parts(&run->out, e);
	run->plan.out_to_stderr = run->out.sent_to == STDOUT_FILENO;
	return r ? r : check_tsc(run, e);
}

static int check_all(struct run *run, struct err *e)
{
	struct trace_options *o = run->o;
	int r = progress_check(o, e);

	run->local = kernel_setup_has_work(&o->setup);
	if (!r && o->command)
		r = child_plan_make(&run->plan, o->command, o->user, e);
	if (!r)
		r = watched_open(&run->watched, &o->setup, e);
	if (!r && run->local)
		r = check_local(run, e);
	if (!r && (o->pid_file || o->daemonize))
		r = pid_file_open(&run->pid_file, o->pid_file, DAEMON_PID_FILE, e);
	/* Agents are asked when nothing of ours can go wrong any more: they begin to prepare. */
	if (!r)
		r = record_guests_ask(&run->guests, o, run->kernel, e);
	record_guests_tell(&run->guests, &run->out.opts);
	return r;
}

/* ---- recording ------------------------------------------------------------- */

static int tracing_on(void *ctx, struct err *e)
{
	struct run *run = ctx;

	return kernel_setup_tracing(run->kernel, &run->o->setup, true, e);
}

static int tracing_off(struct run *run, struct err *e)
{
	if (run->o->perf)
		return run->perf ? kernel_perf_stop(run->perf, e) : 0;
	return kernel_setup_tracing(run->kernel, &run->o->setup, false, e);
}

/* Before the command runs, which may want to be the first to ask something. */
static void listen_for_commands(struct run *run)
{
	if (run->o->perf && geteuid())	/* where they are awaited is root's */
		return;
	run->control = (struct record_control){
		.kernel = run->kernel, .out = &run->out, .rec = run->recording,
		.progress = &run->progress,
	};
	record_control_open(&run->control, run->o->quiet ? NULL : &stderr_notices);
}

/*
 * Code, stacks and what has been allocated, as far as it is in use: the readers are not to wait for pages
 * that a machine short of memory has thrown out. Where that is not allowed (RLIMIT_MEMLOCK), so be it.
 */
static int start_recording(struct run *run, struct err *e)
{
	struct record_live *live = run->out.live;
	int r = live ? record_live_start(live, e) : 0;

	if (!r)
		r = recording_start(run->recording, e);
	if (!r && live)
		record_live_go(live);
	if (!r)
		mlockall(MCL_CURRENT | MCL_ONFAULT);
	return r;
}

static bool leaves_tracing(const struct kernel_setup *setup)
{
	return setup->no_reset && setup->keep;
}

/* The same with nothing changed in the kernel's settings. The command's events belong to its process. */
static int begin_perf(struct run *run, struct err *e)
{
	struct kernel_setup *setup = &run->o->setup;
	int r = 0;

	kernel_setup_grow(setup);
	if (run->o->command)
		r = child_fork(&run->child, &run->plan, &run->mask, NULL, NULL, e);
	if (!r)
		r = kernel_perf_open(run->kernel, setup, run->child.pid, &run->perf, e);
	run->out.opts.perf = run->perf;
	if (!r)
		r = record_trigger_open(&run->trigger, run->o, e);
	if (!r)
		r = recording_new(run->kernel, setup, &run->out.opts, &run->recording, e);
	if (!r) {
		record_output_reserve(&run->out, run->recording);
		r = start_recording(run, e);
	}
	if (!r) {
		listen_for_commands(run);
		r = kernel_perf_start(run->perf, e);
	}
	return !r && run->o->command ? child_go(&run->child, e) : r;
}

/* Nothing is traced here: the command runs, and agents record. */
static int begin_guests(struct run *run, struct err *e)
{
	int r = 0;

	if (run->o->command)
		r = child_fork(&run->child, &run->plan, &run->mask, NULL, NULL, e);
	if (!r)
		r = record_guests_begin(&run->guests, run->kernel, e);
	return !r && run->o->command ? child_go(&run->child, e) : r;
}

/* The host may compare our clock with its own. */
static void begin_sync(struct run *run)
{
	struct recording_cpu c;

	recording_cpu(run->recording, 0, &c);
	host_sender_sync(run->o->host, run->kernel, c.clock, &stderr_notices);
}

/*
 * Up to the moment in which tracing is on, which the command's process sees to as the last before its program runs.
 * Triggers are set when it is on, and before that program.
 */
static int begin(struct run *run, struct err *e)
{
	struct kernel_setup *setup = &run->o->setup;
	bool armed = kernel_setup_arms(setup);
	int r;

	kernel_setup_grow(setup);
	r = kernel_setup_apply(run->kernel, setup, e);
	if (!r)
		r = record_output_date(&run->out, run->kernel, e);
	if (!r)
		r = record_trigger_open(&run->trigger, run->o, e);
	if (!r)
		r = recording_new(run->kernel, setup, &run->out.opts, &run->recording, e);
	if (!r)
		record_output_reserve(&run->out, run->recording);
	if (!r && run->o->host)
		begin_sync(run);
	if (!r && run->out.sender)
		r = record_send_begin(run->out.sender, run->recording, e);
	if (!r && run->out.live)
		r = record_live_begin(run->out.live, run->recording, e);
	if (!r && run->o->command)
		r = child_fork(&run->child, &run->plan, &run->mask, armed ? NULL : tracing_on, run, e);
	if (!r)
		r = start_recording(run, e);
	if (!r)
		listen_for_commands(run);
	if (!r)
		r = record_guests_begin(&run->guests, run->kernel, e);
	if (!r && kernel_setup_limits_pids(setup))
		r = kernel_setup_pids(setup, run->child.pid, e);
	if (!r && (run->o->command ? armed : !leaves_tracing(setup)))
		r = tracing_on(run, e);
	if (!r && armed)
		r = kernel_setup_arm(run->kernel, setup, e);
	return !r && run->o->command ? child_go(&run->child, e) : r;
}

/* A recording that is short for a reason its user cannot see. */
static void tell_disturbed(void *ctx, const struct kernel_instance *in, enum kernel_disturbance what,
			   const char *when)
{
	struct run *run = ctx;
	const char *name = kernel_instance_name(in), *of = *name ? "instance " : "the top level";
	struct buf text AUTO_BUF = { 0 };

	if (what == KERNEL_RESIZED) {
		err_set(&run->out.failed, -ESTALE, "another program changed the size of the sub-buffers of %s%s "
			"while it was recorded: the recording ends there, and what came behind cannot be read",
			of, name);
		err_hint(&run->out.failed, "--subbuf-size KB records with another size");
		recording_thrown_away(run->recording, in);
		return;
	} else if (what == KERNEL_EMPTIED) {
		buf_printf(&text, "another program emptied the buffer of %s%s while it was recorded (it wrote to "
			   "trace or trace_clock): an unknown number of events is missing, and times may be of two "
			   "clocks", of, name);
		run->emptied = true;
	} else if (leaves_tracing(&run->o->setup) || kernel_setup_stops_itself(&run->o->setup)) {
		return;
	} else if (what == KERNEL_PAUSED) {
		buf_printf(&text, "tracing of %s%s was switched off while it was recorded (by the command, "
			   "'tracecmd stop', another program or the kernel): what happened then is missing", of, name);
	} else {
		buf_printf(&text, "another program wrote to tracing_on or to buffer_subbuf_size_kb of %s%s while it was "
			   "recorded: if tracing was off for a moment, what happened then is missing", of, name);
	}
	if (*when)
		buf_printf(&text, "; first seen at %s", when);
	if (text.failed)
		return;
	notice(&stderr_notices, "%s", text.data);
	recording_missing(run->recording, in, text.data);
}

/* For the command, once the recording has ended. @signals: those of which it was told. */
static enum record_end wait_on(struct run *run, unsigned signals)
{
	unsigned seen;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* what came while the file was made */
	seen = stop_signals_seen();
	if (seen && !signals)
		kill(run->child.pid, SIGTERM);
	if (seen > 1)
		return RECORD_END_SIGNAL;
	return record_wait(&run->child, &run->watched, run->signal_fd, -1, NULL, &seen, NULL);
}

/* The recording has ended before the command: that is not to suffer from it. */
static bool is_early(enum record_end why)
{
	return why == RECORD_END_ALARM || why == RECORD_END_LIMIT || why == RECORD_END_TRIGGER ||
	       why == RECORD_END_RESIZED || why == RECORD_END_BLIND;
}

/* If it cannot be what was recorded until then is no worse for that. */
static void switch_off(struct run *run)
{
	struct err *failed = &run->out.failed;

	if (!tracing_off(run, failed))
		return;
	err_hint(failed, "tracing may still be on");
	recording_stays_on(run->recording);
}

/* Their files. What went wrong first is what is told. */
static int finish_guests(struct run *run, int r, struct err *e)
{
	struct err failed = { 0 };
	int code = record_guests_finish(&run->guests, run->o->quiet, &failed);

	if (code && r)
		err_hint(e, "%s", failed.text);
	else if (code)
		*e = failed;
	return r ? r : code;
}

/* Nothing was traced here. A command that has not ended is waited for. */
static int end_guests(struct run *run, enum record_end why, unsigned signals, struct err *e)
{
	int r = finish_guests(run, 0, e);

	if (is_early(why) && run->child.pid)
		why = wait_on(run, signals);
	if (why == RECORD_END_COMMAND)
		run->status = child_wait(&run->child);
	else
		child_detach(&run->child);
	return r;
}

/* Tracing off, the file, the command's end if that comes later. */
static int end(struct run *run, enum record_end why, unsigned signals, const struct err *blind,
	       struct err *e)
{
	int r;

	if (run->local)
		switch_off(run);
	/* Clocks are compared through instances, which are gone before others are put back. */
	if (run->o->host)
		host_sender_sync_end(run->o->host);
	record_guests_close(&run->guests);
	if (!run->local)
		return end_guests(run, why, signals, e);
	if (!run->o->setup.keep && !run->o->perf)
		put_back_begin(&run->put_back, run->kernel);
	if (why == RECORD_END_COMMAND) {
		run->status = child_wait(&run->child);
		run->out.discard = run->o->parts.save_on_failure && !run->status && !run->out.failed.code;
	}
	r = record_output_end(&run->out, run->recording, &run->lost, e);
	run->lost |= !r && run->emptied && run->o->fail_on_loss;
	record_control_close(&run->control, e);
	if (!r && why == RECORD_END_BLIND) {
		*e = *blind;
		r = e->code;
	}
	if (is_early(why) && run->child.pid) {
		why = wait_on(run, signals);
		if (why == RECORD_END_COMMAND)
			run->status = child_wait(&run->child);
	}
	if (why != RECORD_END_COMMAND)
		child_detach(&run->child);
	return finish_guests(run, r, e);
}

static enum record_end wait_for_end(struct run *run, unsigned *signals, struct err *blind)
{
	int alarm = run->local ? recording_alarm_fd(run->recording) : record_guests_ended_fd(&run->guests);
	struct record_watch watch;
	enum record_end why;

	progress_begin(&run->progress, run->o, run->recording, run->control.socket, &watch);
	if (run->local) {
		record_trigger_set(&run->trigger, run->recording);
		watch.trigger = &run->trigger;
	}
	watch.listener = run->out.sender;
	watch.live = run->out.live;
	watch.kernel = run->watch;
	watch.latencies = run->local ? run->recording : NULL;
	watch.setup = run->local ? &run->o->setup : NULL;
	why = record_wait(&run->child, &run->watched, run->signal_fd, alarm, &watch, signals, blind);
	record_trigger_end(&run->trigger);
	progress_end(&run->progress);
	if (run->local && recording_latencies_left(run->recording))
		notice(&stderr_notices, "%llu latencies were not kept: there is room for %u MB of texts, or they could not be read",
		       (unsigned long long)recording_latencies_left(run->recording), RECORD_TEXTS_MAX_MB);
	if (run->local)
		threads_left_out_tell(&run->o->setup, &stderr_notices);
	if (run->watch) {
		kernel_watch_look(run->watch);
		kernel_watch_each(run->watch, tell_disturbed, run);
	}
	return why;
}

static int record(struct run *run, struct err *e)
{
	struct err blind = { 0 };
	enum record_end why;
	unsigned signals = 0;
	int r;

	/* first: one that comes while the supervisor begins has us end as well as any */
	run->signal_fd = stop_signals_take(&run->mask, e);
	if (run->signal_fd < 0)
		return run->signal_fd;
	r = run->local ? supervisor_start(&run->supervisor, run->kernel, run->out.spool_base, e) : 0;
	if (r)
		return r;
	run->out.supervisor = &run->supervisor;
	r = pid_file_write(&run->pid_file, e);
	if (!r && run->pid_file.there)
		supervisor_own(&run->supervisor, run->pid_file.path);
	if (!r)
		r = (!run->local ? begin_guests : run->o->perf ? begin_perf : begin)(run, e);
	if (!r && run->local && !run->o->perf)
		r = kernel_watch_open(&run->o->setup, &run->watch, e);
	if (r)
		return r;
	if (run->o->daemonize) {
		daemon_ready(&run->daemon_fd);
	} else if (!run->o->command && !run->o->quiet) {
		report_line(run->o, "Hit Ctrl^C to stop recording\n");
	}
	why = wait_for_end(run, &signals, &blind);
	stop_signals_last(run->signal_fd, signals);
	return end(run, why, signals, &blind, e);
}

/* Puts the kernel back, unless a recording that went well shall leave it (-k). */
static void put_back(struct run *run, bool failed, struct err *e)
{
	if (put_back_end(&run->put_back, e))
		return;
	if (run->kernel && run->o->setup.keep && !failed) {
		kernel_setup_unhide(&run->o->setup, e);
		kernel_undo_forget(run->kernel);
	} else if (run->kernel) {
		kernel_undo(run->kernel, e);
	}
}

int record_run(struct trace_options *o, struct err *e)
{
	struct run run = {
		.o = o, .child = CHILD_NONE, .supervisor = SUPERVISOR_NONE,
		.trigger = RECORD_TRIGGER_NONE, .out.file.fd = -1, .signal_fd = -1, .daemon_fd = -1,
	};
	struct err undo = { 0 };
	int r = 0;

	/* First of all: a lock is known by the process that took it. */
	if (o->daemonize)
		r = daemon_begin("recording", &run.daemon_fd, e);
	if (!r)
		r = check_all(&run, e);
	if (!r)
		r = record(&run, e);
	if (!r)
		put_back_rest(&run.put_back);
	/* Threads that drain a buffer must not have it filled meanwhile. */
	if (r && run.recording)
		tracing_off(&run, NULL);
	if (o->host)
		host_sender_sync_end(o->host);
	record_guests_end(&run.guests);
	record_control_close(&run.control, e);
	record_live_end(run.out.live);
	recording_free(run.recording, !run.out.keep_spools);
	kernel_perf_close(run.perf);
	kernel_watch_close(run.watch);
	record_trigger_close(&run.trigger);
	put_back(&run, r, &undo);
	/* A child that never went holds what tells the supervisor that we are there. */
	child_release(&run.child);
	r = supervisor_end(&run.supervisor, &undo, r, e);
	record_output_release(&run.out);
	record_guests_release(&run.guests);
	watched_close(&run.watched);
	child_plan_release(&run.plan);
	kernel_close(run.kernel);
	cleanup_close(&run.signal_fd);
	pid_file_remove(&run.pid_file);
	cleanup_close(&run.daemon_fd);
	return r ? EXIT_FAILED : run.lost ? EXIT_LOST : run.status;
}

static int run_record(int argc, char **argv, struct err *e)
{
	struct trace_options o;
	int status = trace_options_parse(TRACE_RECORD, argc, argv, &o, e);

	if (!status)
		status = record_run(&o, e);
	trace_options_release(&o);
	return status;
}

const struct command record_command = {
	.name = "record",
	.summary = "record what the kernel does into a file",
	.usage = "[options] [command [argument...]]",
	.runs_command = true,
	.help = TRACE_EVENTS_HELP TRACE_PROFILE_HELP TRACE_BUFFERS_HELP
		"\nThe recording\n"
		"  -o FILE           output (trace.dat); - is standard output\n"
		"  -N HOST:PORT      send it to 'tracecmd listen', or trace-cmd's, instead\n"
		"  -V CID:PORT       the same over vsock, to 'listen -V'\n"
		"  -t, --udp         there: data over TCP (default), or as datagrams, which get lost\n"
		"  --compression C   any, none, or a codec ('tracecmd list -c')\n"
		"  --compress WHEN   live: while recording (default); after: at the end; none\n"
		"  --file-version V  7, or 6: never compressed, for older programs\n"
		"  --temp DIR        where per-CPU spools are kept meanwhile\n"
		"  -m KB             keep only the last KB of each CPU, at most\n"
		"  -a                formats of all events, not only of those recorded\n"
		"  -k                leave the tracing settings as they are afterwards\n"
		"  --max-time SECONDS, --max-size SIZE\n"
		"                    end the recording then; SIZE in bytes, or with K, M, G, T\n"
		"\nOther machines, by their agents ('tracecmd agent', or trace-cmd's)\n"
		"  -A MACHINE        record that one too: a guest's [NAME]@CID[:PORT] or name, ADDRESS[:PORT];\n"
		"                    options behind it are its own, up to the next -A or -B; repeatable\n"
		"  --name NAME       its file is BASE-NAME.dat beside ours\n"
		"  --key-file FILE   only agents that prove that they have the same key\n"
		"  --key-optional    there: if one has none, without\n"
		"  --tsync-interval MS\n"
		"                    compare clocks so often; 0: at both ends; negative: never\n"
		"  --notimeout       wait for slow agents however long it takes\n"
		"  --nofifos         take no data over FIFOs ('tracecmd setup-guest'), though there are some\n"
		"\nFiles before the end, and what is kept for them (SIZE: 64M, 1G; TIME: 10s, 5m, 1h)\n"
		"  --rotate SIZE|TIME\n"
		"                    begin a new file then: trace.1.dat, trace.2.dat ..., at last trace.dat\n"
		"  --keep N          of these keep the last N only\n"
		"  --keep-last SIZE|TIME\n"
		"                    keep only what was recorded last\n"
		"  --trigger [SYSTEM:]EVENT[:FILTER]\n"
		"                    when this happens, anywhere: end the recording; repeatable\n"
		"  --on-trigger save write a file like trace.1.dat instead, and go on\n"
		"  --pre TIME        there: the file begins so long before the trigger\n"
		"  --post TIME       and ends so long after it\n"
		"  --save-on-failure no file if the command's exit status is 0\n"
		"  SIGUSR2, 'tracecmd control save': write a file of what is kept, and go on\n"
		"\nHow\n"
		"  --perf            through perf's rings (perf_event_open): nothing is changed in tracefs;\n"
		"                    own processes (-F, -P) also without root, where that is allowed\n"
		"  --fail-on-loss    exit status 3 if events were lost\n"
		"  --sync[=SECONDS]  have what was recorded on the disk every so many (1)\n"
		"  --status-fd N     a line of status each second to this descriptor\n"
		"  -s USEC, --poll   pause between looks at a quiet buffer; look without being woken\n"
		"  -r PRIO           real-time priority of the readers (1 where it is allowed)\n"
		"  --reader-cpus LIST\n"
		"                    run the recorder's threads on these CPUs only, like 0,2-3\n"
		"  --nosplice        read the buffers instead of splicing\n"
		"  --date            store the time of day; report then shows it\n"
		"  --ts-offset N     store an offset that report adds to all times\n"
		"  --tsc2nsec        store how x86-tsc becomes nanoseconds\n"
		"  --daemonize       go to the background once recording has begun\n"
		"  --pid-file FILE   keep the recorder's process id there meanwhile\n"
		"  --stderr          own messages to standard error\n",
	.on_kernel = true,
	.run = run_record,
};
