/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a command line asks of a kernel, and making it so.
 *
 * A struct kernel_setup is filled by the program's option parser, checked
 * against a kernel without changing it, applied (every change in the undo log
 * of the struct kernel), and then serves the recorder: which buffers, which
 * event formats.
 *
 *	kernel_setup_check()	nothing is changed; wrong names are told here
 *	kernel_setup_apply()	all settings but such triggers; tracing_on of what is recorded is 0
 *	kernel_setup_exclude()	the recorder's own threads (unless no_filter)
 *	kernel_setup_pids()	pid filters, just before exec
 *	kernel_setup_tracing()	on ... off
 *	kernel_setup_arm()	triggers, once it is on
 *	kernel_undo()		everything as before (unless keep)
 *
 * Strings given to the setters are copied; the setup owns what it points to.
 */
#ifndef TRACECMD_KERNEL_SETUP_H
#define TRACECMD_KERNEL_SETUP_H

#include "base/base.h"
#include "kernel/dynevent.h"
#include "kernel/kernel.h"

struct kernel_pids {
	pid_t *v;
	size_t nr, cap;
};

/* One -e or --probe with the -f and -R behind it. */
struct kernel_event_ask {
	char *pattern;			/* "sys:ev", "sys:", "word" (systems and events), "all"; globs */
	struct kernel_dyn_def *probe;	/* --probe: the event is yet to be made; kernel_setup_check gives
					 * the pattern its name. NULL: -e */
	uint16_t perf_type;		/* what perf makes of the probe has this number in the file; 0: it is
					 * made in tracefs */
	bool negate;			/* -v: switched off after everything else */
	bool optional;			/* a kernel without it is fine */
	char *filter;			/* several -f as "(a)&&(b)"; NULL: none */
	bool filters_joined;		/* several are in it */
	struct kernel_words triggers;
	char *hook;			/* -H that asks for it, with its argument; NULL: -e */
	struct kernel_words fields;	/* which its format must have */
	/* Filled by kernel_setup_check: indexes into the kernel's list of events. */
	struct { uint32_t *v; size_t nr, cap; } found;
};

/* One -l, -n or -g. */
struct kernel_function_ask {
	char *pattern;			/* glob, regular expression, or "func:command" */
	char *module;			/* --module in force, or NULL */
};
struct kernel_functions {
	struct kernel_function_ask *v;
	size_t nr, cap;
};
int kernel_functions_add(struct kernel_functions *f, const char *pattern, const char *module);

/* What is asked of one instance. Zero and NULL mean "not asked for". */
struct kernel_instance_setup {
	char *name;			/* "" is the top level */
	struct {
		struct kernel_event_ask *v;
		size_t nr, cap;
	} events;
	char *tracer;			/* -p */
	bool tracer_optional;		/* nobody named it: without it, a notice */
	struct kernel_functions filters, notraces;	/* -l, -n */
	struct kernel_words options;	/* -O (and -T as "stacktrace"), "no" in front: off */
	char *clock;			/* -C; "tsc2nsec" is "x86-tsc" and setup.tsc2nsec */
	char *cpumask;			/* -M: hexadecimal, "-1": all */
	uint64_t buffer_kb;		/* -b, per CPU */
	uint64_t grow_kb;		/* without -b: to this if it is smaller, if that can be had */
	bool drained;			/* it is read all the time, by a reader that wakes at half of it */
	uint64_t subbuf_kb;		/* --subbuf-size */
	struct kernel_pids pids;	/* -P */
	bool follow;			/* -c: children of traced processes too */
	bool has_max_depth;
	uint64_t max_depth;		/* --max-graph-depth */
	bool wakes;			/* its events are not recorded but waited for, whoever causes them */
	struct kernel_instance *in;	/* set by kernel_setup_apply */
};

struct kernel_setup {
	struct {
		struct kernel_instance_setup *v;	/* [0] is the top level */
		size_t nr, cap;
	} instances;
	struct kernel_functions graph;		/* -g: top level only */
	bool only_command;			/* -F */
	bool no_filter;				/* --no-filter: no pid limits, no exclusion */
	bool ignore_unknown;			/* -i: unknown events are no error */
	bool keep;				/* -k: settings stay afterwards */
	bool no_reset;				/* -K: nothing is reset before */
	bool running;				/* tracing is neither stopped for it nor switched on */
	bool all_formats;			/* -a: formats of all events */
	bool function_trace_off;		/* -d */
	bool ftrace_off;			/* -D */
	bool func_stack;			/* --func-stack */
	bool btf;				/* store the kernel's BTF */
	bool tsc2nsec;				/* store x86-tsc's mult and shift */
	uint64_t cmdlines_size;			/* --cmdlines-size; 0: not asked for */
	uint64_t thresh_us;			/* --tracing-thresh; 0: not asked for */
	bool checked;				/* set by kernel_setup_check */
	struct kernel_pids hidden;		/* set by kernel_setup_exclude */
	struct kernel_begun *begun;		/* set by kernel_setup_pids */
};

/* A setup with the top level only. 0, -ENOMEM. */
int kernel_setup_init(struct kernel_setup *s);
void kernel_setup_release(struct kernel_setup *s);
/* The part of the instance @name, added if it is new. NULL: no memory. The
 * pointer is valid until the next call. */
struct kernel_instance_setup *kernel_setup_instance(struct kernel_setup *s, const char *name);
/* Adds an event; NULL: no memory. */
struct kernel_event_ask *kernel_setup_event(struct kernel_instance_setup *is, const char *pattern,
					    bool negate);
/*
 * Adds an event that is made for this setup: @def, which is taken over (also if it fails).
 * NULL: no memory.
 */
struct kernel_event_ask *kernel_setup_probe(struct kernel_instance_setup *is, struct kernel_dyn_def *def);
/* Calls @fn with the definition of each that was made, until it returns non-zero. */
int kernel_setup_each_probe(const struct kernel_setup *s,
			    int (*fn)(void *ctx, const struct kernel_dyn_def *def), void *ctx);
/* And-s @filter to what the event has. 0, -ENOMEM. */
int kernel_event_ask_filter(struct kernel_event_ask *ask, const char *filter);

/* Whether @mask is a cpumask as above. 0, -EINVAL with what is wrong. */
int kernel_cpumask_check(const char *mask, struct err *e);

/*
 * Whether this part of the setup takes part. A top level of which neither
 * events nor a tracer are asked is left alone as soon as instances are named.
 */
bool kernel_setup_takes_part(const struct kernel_setup *s, size_t i);
/* Whether it does, and what happens in it is recorded. */
bool kernel_setup_is_recorded(const struct kernel_setup *s, size_t i);
/* Whether anything to trace is named at all (-e, -p, or keeping what is set). */
bool kernel_setup_has_work(const struct kernel_setup *s);
/* function, function_graph. */
bool kernel_tracer_is_function(const char *tracer);
/* irqsoff, wakeup ...: tracers whose result is a text, not a stream. */
bool kernel_tracer_is_latency(const char *tracer);

/* ---- to the kernel ------------------------------------------------------- */

/*
 * Compares every name with the kernel: events, tracers, options, clocks,
 * functions, instances' features. Changes nothing. 0, or -errno with an error
 * that names the option and near matches.
 */
int kernel_setup_check(struct kernel *k, struct kernel_setup *s, struct err *e);
/*
 * Of an instance that is read and not set up (is->in): that this kernel has the tracer
 * and the trace options. Changes nothing. 0, or -errno as above.
 */
int kernel_setup_check_reading(struct kernel *k, struct kernel_instance_setup *is, struct err *e);
/* Gives such an instance (is->in) its trace options. 0, -errno. */
int kernel_setup_apply_options(struct kernel *k, struct kernel_instance_setup *is, struct err *e);
/*
 * Locks the instances of all parts that take part and exist (kernel_instance_lock): to be called
 * before they are looked at. kernel_setup_apply does it with those that it makes. 0, -errno.
 */
int kernel_setup_lock(struct kernel *k, struct kernel_setup *s, struct err *e);
/*
 * Has the buffers of all parts that take part and have no size of their own (-b)
 * grow to what suits this machine: 8 MiB for a CPU, but all together no more than
 * a 64th of its memory; all of them wake their readers when half of them is full. Not with
 * no_reset. Before kernel_setup_apply.
 */
void kernel_setup_grow(struct kernel_setup *s);
/*
 * Makes missing instances and locks all, then applies everything, in each part that takes
 * part: tracing off, what was enabled before is switched off (unless
 * no_reset), the buffer is emptied, then what is asked for, but for triggers other than
 * "stacktrace". A filter or trigger that the kernel refuses is an error with the kernel's explanation.
 * Calls kernel_setup_check if that was not done. After a failure the caller
 * calls kernel_undo. 0, -errno.
 */
int kernel_setup_apply(struct kernel *k, struct kernel_setup *s, struct err *e);
/*
 * Sets the triggers that kernel_setup_apply leaves out, once tracing is on: they act from then on whether it is or not,
 * and those that act so many times are to do it while it is recorded. One that the kernel refuses is an error
 * with its explanation. It fails as kernel_setup_apply does.
 */
bool kernel_setup_arms(const struct kernel_setup *s);	/* whether there are some */
int kernel_setup_arm(struct kernel *k, struct kernel_setup *s, struct err *e);
/* Hides the threads @tids (the recorder's own) from all parts that are not limited to other
 * processes. 0, -errno. */
int kernel_setup_exclude(struct kernel *k, struct kernel_setup *s, const pid_t *tids, size_t nr,
			 struct err *e);
/* Takes them out of the lists again, which else stay (-k): other processes will have their numbers. 0, -errno. */
int kernel_setup_unhide(struct kernel_setup *s, struct err *e);
/*
 * Whether events are limited to processes (-F or -P, and not --no-filter).
 * Then kernel_setup_pids must be called before tracing is switched on: with
 * the traced command's pid, or with 0 when there is none (-P alone).
 */
bool kernel_setup_limits_pids(const struct kernel_setup *s);
int kernel_setup_pids(struct kernel_setup *s, pid_t command, struct err *e);
/*
 * How many threads the processes have begun since then that are not traced, as the kernel's lists hold threads
 * and -c was not asked for. 0 where perf, which tells, may not be used. At least so many: between two calls
 * the kernel keeps 1000 forks of each CPU, by whichever process.
 */
uint64_t kernel_setup_begun(struct kernel_setup *s);
/* Readable when that is to be called for the kernel to have room again; -1: nothing is counted. */
int kernel_setup_begun_fd(const struct kernel_setup *s);
/* tracing_on of every part that takes part; off: also of those behind one that fails. 0, or the first -errno. */
int kernel_setup_tracing(struct kernel *k, struct kernel_setup *s, bool on, struct err *e);
/* Once it is on: the first part whose tracing is off again, as others can do; NULL: none. */
const struct kernel_instance *kernel_setup_stopped(const struct kernel_setup *s);
/* Whether a trigger or function command that is asked for may do that (traceoff). */
bool kernel_setup_stops_itself(const struct kernel_setup *s);
/* Whether triggers or functions' commands of an instance take snapshots. */
bool kernel_setup_takes_snapshots(const struct kernel_instance_setup *is);

/* ---- for the recorder ---------------------------------------------------- */

/* The CPUs with a buffer of their own here (per_cpu/cpuN), ascending; free(*ret).
 * 0, -errno. */
int kernel_instance_cpus(const struct kernel_instance *in, uint32_t **ret, size_t *nr,
			 struct err *e);
/*
 * Kilobytes of its buffer for each CPU ("1408"), those it will have once it is used ("7 (expanded: 1408)"). 0: CPUs
 * differ, or it cannot be read.
 */
uint64_t kernel_buffer_kb(const struct kernel_instance *in);
/* Bytes of a sub-buffer, header included. */
int kernel_instance_subbuf_size(const struct kernel_instance *in, uint32_t *ret, struct err *e);
/* The clock's name ("local"); "" if the kernel does not tell. */
int kernel_instance_clock(const struct kernel_instance *in, char *ret, size_t size, struct err *e);
/* Opens per_cpu/cpuN/@file for reading: "trace_pipe_raw", "snapshot_raw".
 * @flags are added to O_RDONLY | O_CLOEXEC. A descriptor or -errno. */
int kernel_cpu_open(const struct kernel_instance *in, uint32_t cpu, const char *file, int flags,
		    struct err *e);
/* Opens trace_marker_raw for writing. A descriptor or -errno. */
int kernel_marker_open(const struct kernel_instance *in, struct err *e);
/* Text of per_cpu/cpuN/stats, appended. 0, -errno. */
int kernel_cpu_stats(const struct kernel_instance *in, uint32_t cpu, struct buf *out,
		     struct err *e);

/* In such a text what follows "@name: ", NULL if it is not there; and as a number, or 0. */
const char *kernel_stat_value(const char *text, const char *name);
uint64_t kernel_stat_number(const char *text, const char *name);

/* An event format as the kernel tells it. The text ends in a newline. */
typedef int (*kernel_format_fn)(void *ctx, const char *system, const char *event,
				const char *format, size_t len);
/*
 * Calls @fn for the events the setup records, ordered by system: with @s NULL
 * or s->all_formats for all events of the kernel. The events of the system
 * "ftrace" come first and always. Stops and returns what @fn returns if that
 * is not 0. An event that disappeared is left out; and so, with a notice, is
 * one of a damaged copy of tracefs whose format is none.
 */
int kernel_formats(struct kernel *k, const struct kernel_setup *s, kernel_format_fn fn, void *ctx,
		   struct err *e);

#endif
