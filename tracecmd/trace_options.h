/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line that record, stream, start, set and extract share: a small state
 * machine, in which -B makes another instance the current one, -f and -R
 * belong to the last -e, and -v turns the -e behind it round.
 */
#ifndef TRACECMD_TRACE_OPTIONS_H
#define TRACECMD_TRACE_OPTIONS_H

#include "command.h"
#include "kernel/setup.h"
#include "profile.h"
#include "remote/remote.h"
#include "trace_guests.h"

enum trace_command {
	TRACE_RECORD,
	TRACE_START,
	TRACE_SET,			/* options as of start */
	TRACE_STREAM,
	TRACE_EXTRACT,
	TRACE_AGENT,			/* what a host may ask an agent for */
};

/* Files before the end, and what is kept for them. Times in nanoseconds, 0: not given. */
struct trace_parts {
	uint64_t rotate_bytes, rotate_ns;	/* --rotate */
	uint64_t keep;			/* --keep: of its parts; 0: all */
	uint64_t last_bytes, last_ns;	/* --keep-last */
	VEC(char *) triggers;		/* --trigger: owned */
	enum { ON_TRIGGER_END, ON_TRIGGER_SAVE } on_trigger;	/* --on-trigger */
	bool has_on_trigger;
	uint64_t pre_ns, post_ns;	/* --pre, --post */
	bool save_on_failure;		/* --save-on-failure */
};

struct trace_options {
	struct kernel_setup setup;
	struct trace_parts parts;
	struct trace_guests guests;	/* -A */

	const char *output;		/* -o; NULL: trace.dat */
	const char *listener;		/* -N, -V: to be sent there; NULL: a file is made */
	bool vsock;			/* -V */
	bool tcp, udp;			/* -t, --udp: how */
	struct sender *host;		/* an agent's: to be sent there; NULL: a file is made; not ours */
	const char *compression;	/* --compression; NULL: the default */
	enum { COMPRESS_LIVE, COMPRESS_AFTER, COMPRESS_NONE } compress;	/* --compress */
	unsigned file_version;		/* --file-version: 6, 7; 0: the default */
	const char *temp_dir;		/* --temp; NULL: beside the output */
	uint64_t max_kb;		/* -m: kept per CPU; 0: everything */
	uint64_t sleep_us;		/* -s */
	bool has_sleep;
	unsigned rt_priority;		/* -r: 1 to 99; 0: none */
	bool poll;			/* --poll */
	bool no_splice;			/* --nosplice */
	const char *user;		/* --user */
	bool date;			/* --date */
	bool has_ts_offset;
	int64_t ts_offset;		/* --ts-offset, raw units */
	bool daemonize;			/* --daemonize */
	bool fail_on_loss;		/* --fail-on-loss */
	uint64_t sync_s;		/* --sync[=SECONDS]; 0: the system's own pace */
	uint64_t max_time_s;		/* --max-time; 0: no end */
	uint64_t max_bytes;		/* --max-size; 0: no end */
	const char *pid_file;		/* --pid-file; NULL: with daemonize, the usual place */
	const char *reader_cpus;	/* --reader-cpus; NULL: all */
	bool has_status_fd;
	unsigned status_fd;		/* --status-fd */
	bool fork;			/* start --fork: do not wait for the command */
	bool live;			/* stream: lines are printed as events come, and no file is made */
	bool to_stderr;			/* --stderr: the tool's own output goes there */
	bool perf;			/* --perf */
	bool quiet;			/* -q */
	bool profile;			/* --profile, for some instance */
	bool profile_named_only;	/* -S: nothing but what the command line names */
	struct profile_hooks hooks;	/* -H */
	const char **hook_texts;	/* their texts, NULL-ended; NULL: none; owned */
	bool tell_writes;		/* --verbose, --debug: what is written to the kernel */

	/* extract */
	bool snapshot;			/* -s */
	bool all_instances;		/* -a */
	bool top;			/* -t: the top level too */

	/* The traced command, NULL-ended; NULL: none. Points into argv. */
	char **command;
};

/*
 * Parses all of argv (argv[0] is the command's name). EXIT_OK, EXIT_USAGE with
 * @e set, EXIT_HELP or EXIT_VERSION. Pointers into argv are kept. Release in every case.
 */
int trace_options_parse(enum trace_command which, int argc, char **argv,
			struct trace_options *o, struct err *e);
void trace_options_release(struct trace_options *o);

/* ---- trace_check.c ---- */
/* What does not go together. EXIT_OK, EXIT_USAGE with @e set. */
int trace_options_check(enum trace_command which, const struct trace_options *o, struct err *e);
/* The open file that -o means ("-", "/dev/stdout", "/dev/fd/3" ...), to which the trace is sent;
 * -1: it is the name of a file. */
int trace_output_descriptor(const struct trace_options *o);
/* How it goes to the listener. */
static inline enum sender_way trace_sender_way(const struct trace_options *o)
{
	return o->vsock ? SENDER_VSOCK : o->udp ? SENDER_UDP : SENDER_TCP;
}
/* Whether @option's descriptor can be written to. 0, -errno. */
int trace_check_descriptor(const char *option, unsigned fd, struct err *e);

/* ---- trace_parts.c: parts, triggers, what is kept; sizes and times ---------- */
/* A size: bytes, with K, M, G or T behind them for powers of 1024. EXIT_OK, EXIT_USAGE. */
int trace_value_size(const char *option, const char *text, uint64_t *ret, struct err *e);
/* Takes one of these options. EXIT_OK, EXIT_USAGE, EXIT_FAILED. */
int trace_parts_option(struct trace_options *o, const char *option, const char *value,
		       struct err *e);
/* The instance that the triggers' events are watched in. EXIT_OK, EXIT_USAGE, EXIT_FAILED. */
int trace_parts_finish(struct trace_options *o, struct err *e);
bool trace_parts_rotate(const struct trace_parts *p);
bool trace_parts_keep_last(const struct trace_parts *p);
/* The option that has a recording cut before its end; NULL: none. */
const char *trace_parts_needed(const struct trace_parts *p);
void trace_parts_release(struct trace_parts *p);

/* ---- trace_probe.c: what record --probe adds --------------------------------- */
/* An event with this definition. EXIT_OK, EXIT_USAGE or EXIT_FAILED with @e set. */
int trace_probe_add(struct kernel_instance_setup *is, const char *text, struct err *e);

/* ---- trace_profile.c: what record --profile adds ---------------------------- */
/* The tracer and the events of a profile. 0, -ENOMEM. */
int trace_profile_add(struct kernel_instance_setup *is);
/* The events of a hook. 0, -ENOMEM. */
int trace_hook_add(struct kernel_instance_setup *is, const struct profile_hook *h);

/* The parts of --help that the commands share. */
#define TRACE_EVENTS_HELP \
	"What to trace (of the top level; behind -B of that instance)\n" \
	"  -e EVENT          SYSTEM:EVENT, SYSTEM, EVENT or all; globs; repeatable\n" \
	"  --probe DEF       an event made for this, as 'tracecmd probe add' takes it; repeatable\n" \
	"  -f FILTER         kernel filter for the last -e or --probe\n" \
	"  -R TRIGGER        kernel trigger for the last -e or --probe\n" \
	"  -v                the -e that follow switch off\n" \
	"  -i                events this kernel has not are no error\n" \
	"  -p TRACER         function, function_graph ...\n" \
	"  -l FUNC, -n FUNC  trace only, or do not trace, these functions\n" \
	"  -g FUNC           graph only what this function calls\n" \
	"  --module MODULE   the -l and -n that follow mean this module; alone: all of it\n" \
	"  --max-graph-depth N, --func-stack, -T (a stack with each event)\n" \
	"  --tracing-thresh USEC  of the tracer: only what takes as long\n" \
	"  -O OPTION         trace option; noOPTION switches it off\n" \
	"  -F                only the command\n" \
	"  -P PID[,PID]      only these processes\n" \
	"  -c                and their children\n" \
	"  --no-filter       do not hide the recorder, do not limit to processes\n" \
	"  --user NAME       run the command as this user\n" \
	"  -B NAME           what follows is about this instance\n"
#define TRACE_PROFILE_HELP \
	"  --profile         what 'tracecmd report --profile' accounts: switches and wake-ups\n" \
	"                    with stacks, interrupts, system calls, and, without -p, the\n" \
	"                    outermost functions (function_graph)\n" \
	"  -S                there: only what the command line names\n" \
	"  -H HOOK           there: a pair of events more, [SYSTEM:]EVENT,FIELD[,PIDFIELD]/\n" \
	"                    [SYSTEM:]EVENT,FIELD[,FLAGS]; flags p (same CPU), s (with stacks),\n" \
	"                    g (of no process); stored for the report\n" \
	"  -G, --by-comm     there: for 'report --profile', without effect here\n"
#define TRACE_BUFFERS_HELP \
	"\nBuffers\n" \
	"  -b KB             size per CPU\n" \
	"  --subbuf-size KB  size of a sub-buffer\n" \
	"  --cmdlines-size N entries of the kernel's table of command names\n" \
	"  -C CLOCK          trace clock; tsc2nsec: the TSC, shown in nanoseconds\n" \
	"  -M MASK           hexadecimal mask of the CPUs to trace; -1: all\n" \
	"  -K                do not reset what is traced already\n" \
	"  -d, -D            no function tracing (here; of all of the kernel)\n" \
	"  -q, --quiet; --verbose[=LEVEL], --debug (what is written to the kernel); -h, --help\n"

#endif
