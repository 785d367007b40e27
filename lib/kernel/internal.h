/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this room share with each other only. */
#ifndef TRACECMD_KERNEL_INTERNAL_H
#define TRACECMD_KERNEL_INTERNAL_H

#include <pthread.h>

#include "kernel/kernel.h"
#include "kernel/setup.h"

#define KERNEL_PATH_MAX 4096
#define KERNEL_TEXT_MAX (256u << 20)	/* largest believable control file */
#define TRACEFS_DIR "/sys/kernel/tracing"

struct kernel_instance {
	struct kernel *k;
	char *name;			/* "": top level */
	char *dir;			/* absolute */
	bool created;			/* by us */
	bool locked;			/* by us */
	char rejection_mark[256];	/* first line of error_log's last entry before a write */
};

/* How an undo entry puts a file back; the letter is its name in text form. */
enum undo_kind {
	UNDO_WRITE = 'w',		/* write the value */
	UNDO_LIST = 'l',		/* empty the file, then add each line of the value */
	UNDO_ADD = 'a',			/* add the value */
	UNDO_EVENTS = 'e',		/* path: an events directory; value: the enabled ones */
	UNDO_RMDIR = 'r',		/* remove an instance */
	UNDO_DROPPED = 'd',		/* in the text only: the entry before does not count */
};

struct undo_entry {
	enum undo_kind kind;
	char *path;
	char *value;
};

struct undo_log {
	struct undo_entry *v;
	size_t nr, cap;
	pthread_mutex_t lock;		/* of the entries: see kernel_undo_events */
	void (*watch)(void *ctx, const char *line, size_t len);
	void *watch_ctx;
};

/* The option that asks for the events of an instance. */
static inline const char *kernel_event_option(const struct kernel_instance_setup *is)
{
	return is->wakes ? "--trigger" : "-e";
}

struct functions;			/* functions.c */

struct kernel {
	char *root;
	struct notices notices;
	struct kernel_instance **instances;	/* [0] is the top level */
	size_t nr_instances, cap_instances;
	struct undo_log log;
	bool keep;
	bool tell_writes;
	struct kernel_words told;		/* files whose absence was told */
	struct {
		struct kernel_event *v;
		size_t nr, cap;
		struct buf text;
		bool read;
	} events;
	struct functions *functions;
	struct { int *v; size_t nr, cap; } locks;
	void (*lock_watch)(void *ctx, int fd);
	void *lock_watch_ctx;
};

/* ---- tracefs.c */
/* The mount point of a tracefs, or of debugfs with /tracing. 0; -ENOENT: none; -errno. */
int find_tracefs(char *ret, size_t size);
/* Tells what it failed with, and what to do. Returns @code. */
int no_tracefs(int code, struct err *e);

/* ---- kernel.c */
/* The instance's directory exists and is listed? Without an error text. */
bool instance_exists(struct kernel *k, const char *name);
/* Names in a directory that are directories, sorted. 0, -errno. */
int list_dirs(const char *dir, struct kernel_words *ret);
/* Appends the reason, with a hint what to do about a denial. Returns @code. */
int err_denied(struct err *e, int code, const char *what, const char *path);
/* Tells once that @path is not available. */
void tell_unavailable(struct kernel *k, const char *path, int code);
bool is_unavailable(int code);

/* ---- lock.c */
/* Who has the lock on the directory @fd, to begin a sentence. */
void lock_name_holder(int fd, char *who, size_t size);
/* Whether the directory open as @fd is still what @path leads to. 1, 0, -errno. */
int lock_is_of(int fd, const char *path);

/* ---- undo.c */
/* Logs, unless changes are kept or the file is logged already. 0, -ENOMEM. */
int undo_log_add(struct kernel *k, enum undo_kind kind, const char *path, const char *value);
/* Takes the newest entry back, if it is that one: what it would undo did not happen. */
void undo_log_drop(struct kernel *k, enum undo_kind kind, const char *path);
/*
 * For what is tried: how much is logged now; putting back what was logged since, as kernel_undo does; or
 * forgetting it. Only while no other thread changes anything.
 */
size_t undo_mark(const struct kernel *k);
int undo_to(struct kernel *k, size_t mark, struct err *e);
void undo_forget_to(struct kernel *k, size_t mark);
bool undo_logged(struct undo_log *log, enum undo_kind kind, const char *path);
void undo_log_release(struct undo_log *log);
/* Puts back what one entry tells. 0, -errno, told as a notice and, if it is the first there, in @e. */
int undo_entry(const struct undo_entry *u, const struct notices *notices, struct err *e);
/* Raw writes. "\n" is added. 0, -errno. */
int file_write(const char *path, const char *value);
int file_append(const char *path, const char *value);
int file_truncate(const char *path);
/*
 * Adds what @removal takes away again. That is logged before, so that it is
 * undone also if we are killed in between. A failed addition takes the entry back. 0, -errno.
 */
int file_append_logged(struct kernel *k, const char *path, const char *value, const char *removal);

/* ---- trigger_write.c */
/* Appends a trigger's listed text in the form in which it is written. 0, -ENOMEM. */
int trigger_as_written(const char *listed, struct buf *ret);
/*
 * Adds a trigger to the file @file, whose path is @path: logged. The same with another count or condition makes
 * room; one that is there already stays. 0, -errno.
 */
int trigger_write(struct kernel_instance *in, const char *file, const char *path, const char *value);
/*
 * The trigger of @listed, the file's text, that keeps the kernel from taking @value: of the same kind, its
 * opposite, or the same histogram. Appended as it is listed. 1; 0: none; -ENOMEM.
 */
int trigger_rival(const char *listed, const char *value, struct buf *ret);

/* ---- trigger_hint.c: what kernels refuse without a word */
/* Adds to @e why the trigger @value of that file was refused with @code, as far as that can be seen, and what to do. */
void trigger_explain(struct kernel_instance *in, const char *file, const char *value, int code, struct err *e);
/* The same of a function's command. */
void command_explain(struct kernel_instance *in, const char *value, int code, struct err *e);

/* ---- events.c */
struct event_field {
	char *name, *type;		/* "comm", "char[16]" */
	size_t size;
	bool is_signed;
};
struct event_fields {
	struct event_field *v;
	size_t nr, cap;
};
/* Adds the fields of an event's format, those all events have among them. 0, -errno. */
int event_fields_read(struct kernel *k, const struct kernel_event *ev, struct event_fields *ret, struct err *e);
void event_fields_release(struct event_fields *f);
void events_release(struct kernel *k);
/* The enabled events of an instance, "sys:name" lines; those only armed by a
 * trigger are left out. 0, -errno. */
int events_enabled(const char *events_dir, struct buf *ret);

/* ---- filter_hint.c */
/*
 * Adds to @e what is wrong with the filter that begins @at in the text, as far as that can be seen: its place, and fields
 * that are near. @fields: of the event.
 */
void filter_explain(const struct kernel_words *fields, const char *filter, size_t at, struct err *e);

/* ---- buffers.c */
/* Appends a mask of all CPUs, in the kernel's groups of 32. 0, -errno. */
int full_cpumask(const struct kernel_instance *in, struct buf *ret);

/* ---- setup_probes.c: events that are made for a setup */
/* Fits all to the kernel and gives their asks their names; changes nothing. 0, -errno. */
int setup_probes_check(struct kernel *k, struct kernel_setup *s, struct err *e);
/* Makes them, and has the setup's events found among those there are then. 0, -errno. */
int setup_probes_make(struct kernel *k, struct kernel_setup *s, struct err *e);
/* The same for events that perf makes, without tracefs. */
int setup_probes_check_perf(struct kernel *k, struct kernel_setup *s, struct err *e);
/* Calls @fn with the format of each event that perf makes. 0, what @fn returned, -errno. */
int setup_probes_formats(struct kernel *k, const struct kernel_setup *s, kernel_format_fn fn, void *ctx,
			 struct err *e);
/* Whether an event of the setup that is yet to be made fits a pattern of -e. */
bool setup_probes_match(const struct kernel_setup *s, const struct kernel_event_ask *ask);

/* ---- hide.c */
enum hidden_from { HIDDEN_FROM_EVENTS, HIDDEN_FROM_FUNCTIONS };
/* Adds the threads to those that are not traced; where the kernel has no such list, a notice. 0, -errno. */
int list_hidden(struct kernel_instance *in, enum hidden_from from, const struct kernel_pids *tids, struct err *e);

/* ---- reset.c */
/* Appends what removes a function command. 0, -ENOMEM. */
int command_removal(const char *listed, struct buf *ret);

/* ---- trigger.c */
/* Adds those of one event, in the kernel's order: the newest first. 0, -ENOMEM. */
struct kernel_triggers;
int triggers_of(struct kernel_instance *in, const struct kernel_event *ev, struct kernel_triggers *ret);
/* Removes all triggers of an event, or with NULL of all events; what stays is told. 0, -errno. */
int triggers_remove(struct kernel_instance *in, const struct kernel_event *ev, struct err *e);

/* ---- setup.c */
bool setup_traces_functions(const struct kernel_instance_setup *is);

/* ---- processes.c */
/* Whether only some processes are traced in this part. */
bool setup_is_limited(const struct kernel_setup *s, const struct kernel_instance_setup *is);
/*
 * Adds all threads of the part's processes (-P), and with -c of all that come from them; the id of another
 * thread than the first stands for itself. Nothing is in @ret twice. 0, -ENOMEM.
 */
int setup_tasks(const struct kernel_instance_setup *is, struct kernel_pids *ret);
void setup_begun_release(struct kernel_setup *s);

/* ---- check.c */
/* Of one part only the events and the processes, as kernel_setup_check. 0, -errno. */
int setup_check_events(struct kernel *k, struct kernel_setup *s, struct kernel_instance_setup *is,
		       struct err *e);
/* Adds what is near a pattern of events that means none. */
void hint_near_events(const struct kernel_event *evs, size_t nr, const char *pattern, struct err *e);
/* Whether "sys:ev", "sys:", "word" (a system or an event) or "all", each a glob, means it. */
bool event_fits(const struct kernel_event *ev, const char *pattern);
/* The events, as indexes into @evs, that the pattern selects. 0, -ENOMEM. */
int ask_find_events(struct kernel_event_ask *ask, const struct kernel_event *evs, size_t nr);

/* ---- functions.c */
void functions_free(struct functions *f);
/* Whether the pattern matches any function (a command's function part, too).
 * @option names the option in the error. 0, -errno. */
int functions_check(struct kernel *k, const struct kernel_function_ask *ask, const char *option,
		    struct err *e);
/* Adds what the pattern matches to a list file. 0, -errno. */
int functions_apply(struct kernel_instance *in, const char *file,
		    const struct kernel_function_ask *ask, const char *option, struct err *e);
/* Appends ":mod:MODULE", so that the kernel takes it for a name. 0, -ENOMEM. */
int put_module(struct buf *b, const char *module);
/* The option that asked for it, @option or --module alone, which means all functions of that. */
const char *function_option(const struct kernel_function_ask *ask, const char *option);
/* "func:traceoff" and the like: written to set_ftrace_filter after all others. */
bool function_is_command(const struct kernel_function_ask *ask);

#endif
