/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel: the tracing state of a kernel. The only room that writes to
 * tracefs. Every change goes through an undo log: the value is read before it
 * is changed and can be put back, in reverse order.
 *
 * A control file that is missing or denied is told once through the notices
 * and the operation is skipped, unless the caller asked for it by name.
 */
#ifndef TRACECMD_KERNEL_H
#define TRACECMD_KERNEL_H

#include "base/base.h"

struct kernel;
struct kernel_instance;

/* A list of words of its own; { 0 } is empty. */
struct kernel_words {
	char **v;
	size_t nr, cap;
};
int kernel_words_add(struct kernel_words *w, const char *word);	/* 0, -ENOMEM */
void kernel_words_release(struct kernel_words *w);

/* ---- the door ----------------------------------------------------------- */

/* @root: a tracefs, or NULL to find it (mounting it at /sys/kernel/tracing if
 * it is mounted nowhere). Errors say how to get there (root, mount, config). */
int kernel_open(const char *root, const struct notices *notices, struct kernel **ret, struct err *e);
void kernel_close(struct kernel *k);		/* does not undo */
/* Where a tracefs is mounted; nothing is mounted. 0; -ENOENT with how to mount one; -errno. */
int kernel_find(char *ret, size_t size, struct err *e);
const char *kernel_root(const struct kernel *k);

/* The top-level instance (name "") and others. Owned by the kernel handle. */
struct kernel_instance *kernel_top(struct kernel *k);
/*
 * An instance by name; "" is the top level. -ENOENT with near matches if it
 * does not exist and @create is not set; with it the instance is made (and
 * removed again by kernel_undo). 0, -errno.
 */
int kernel_instance_get(struct kernel *k, const char *name, bool create,
			struct kernel_instance **ret, struct err *e);
const char *kernel_instance_name(const struct kernel_instance *in);
/* Removes an instance from the kernel for good; the handle is invalid
 * afterwards. -EBUSY while somebody uses it. 0, -errno. */
int kernel_instance_remove(struct kernel *k, struct kernel_instance *in, struct err *e);
/* Absolute path of a control file. 0, -ENAMETOOLONG. */
int kernel_instance_path(const struct kernel_instance *in, const char *file, char *path, size_t size);
/* Names of all instances but the top level, sorted, added to @ret. 0, -errno. */
int kernel_instance_names(struct kernel *k, struct kernel_words *ret, struct err *e);

/* Whole text of a control file, instance-relative, appended. 0 or -errno (kept
 * raw: -ENOENT, -EPERM, -EACCES). */
int kernel_read(const struct kernel_instance *in, const char *file, struct buf *out);
/* The same, with the failure told in @e ("cannot read PATH: ..."). */
int kernel_read_named(const struct kernel_instance *in, const char *file, struct buf *out,
		      struct err *e);
bool kernel_has(const struct kernel_instance *in, const char *file);
/* Whether it can be opened to be read or written, or of a folder, whether that can be listed or
 * have folders made in it; which changes nothing yet. 0, -errno. */
int kernel_try(const struct kernel_instance *in, const char *file, bool write);
/* One line without the blanks and the line end around it. 0, -errno, -ERANGE if too long. */
int kernel_read_word(const struct kernel_instance *in, const char *file, char *ret, size_t size);
/* The word in brackets of a "[local] global counter" text; "" if there is none. */
void kernel_chosen_word(const char *text, char *ret, size_t size);

/* All trace options, those of inactive tracers too, as "NAME" or "noNAME",
 * sorted by name. 0, -errno. */
int kernel_options(const struct kernel_instance *in, struct kernel_words *ret, struct err *e);
/*
 * Which option @word ("NAME" or "noNAME") means: 1 with its file ("options/NAME")
 * and value ("0", "1"); 0 if there is none of that name.
 */
int kernel_option_find(const struct kernel_instance *in, const char *word, char *file, size_t size,
		       const char **value);

/* ---- events -------------------------------------------------------------- */

struct kernel_event {
	const char *system, *name;
};
/* All events but those of the system "ftrace", sorted by system, then name;
 * read at the first call, owned by @k until dynamic events are made or looked at
 * (dynevent.h). 0, -errno. */
int kernel_events(struct kernel *k, const struct kernel_event **ret, size_t *nr, struct err *e);

/* Names of an event's fields, those all events have among them, added to *ret. 0, -errno. */
int kernel_event_fields(struct kernel *k, const struct kernel_event *ev, struct kernel_words *ret,
			struct err *e);

/* Names of one system's events, sorted, from its directory ("ftrace" too). 0, -errno. */
int kernel_system_events(struct kernel *k, const char *system, struct kernel_words *ret,
			 struct err *e);

/* The pieces a setting's text consists of: calls @fn for each line, without
 * its line end; stops if @fn returns non-zero and returns that. */
int kernel_each_line(const char *text, int (*fn)(void *ctx, const char *line), void *ctx);

/* ---- changes, with undo -------------------------------------------------- */

/*
 * Gives the file the value @value (a list file is emptied first; of a trigger
 * or dynamic event file see kernel_append). Reads before writing and writes
 * only if that changes something. The earlier value is logged first, unless
 * changes are kept. How a file is put back depends on which it is: undo.c.
 * 0, or -errno with "cannot write 'VALUE' to PATH: reason".
 */
int kernel_write(struct kernel_instance *in, const char *file, const char *value, struct err *e);
/* Adds to a list, a trigger file or a dynamic event file. What was there stays. */
int kernel_append(struct kernel_instance *in, const char *file, const char *value, struct err *e);
/* kernel_write for a file nobody named: missing or denied (-ENOENT, -EPERM,
 * -EACCES, -EROFS) is one notice and 0. */
int kernel_write_optional(struct kernel_instance *in, const char *file, const char *value,
			  struct err *e);
/* Logs the value as it is, for a change that another process will make. 0, -errno. */
int kernel_remember(struct kernel_instance *in, const char *file, struct err *e);
/* Empties a list (pids, functions), a trigger file or "trace", which cannot be
 * put back. 0, -errno. */
int kernel_truncate(struct kernel_instance *in, const char *file, struct err *e);
/* As kernel_write for a file outside tracefs (/proc/sys/kernel/...). */
int kernel_write_path(struct kernel *k, const char *path, const char *value, struct err *e);
/* Switches all events of an instance off; their state is put back. */
int kernel_events_off(struct kernel_instance *in, struct err *e);

/* From here on each change is told as a notice, before it is made: "'VALUE' to PATH". */
void kernel_tell_writes(struct kernel *k);
/* From here on changes are final: nothing is logged (reset, stop ...). */
void kernel_keep_changes(struct kernel *k, bool keep);
/* Puts everything back, newest first; goes on after failures, which are told
 * as notices. Returns the first error. The log is empty afterwards. */
int kernel_undo(struct kernel *k, struct err *e);
/*
 * Only what chooses events, for instances that had none before: these are off then, and the lists
 * of processes as they were. Once tracing is off its buffers can still be read after
 * that. It takes the kernel long (50 ms), and may run beside changes by another
 * thread, which wait for it.
 */
void kernel_undo_events(struct kernel *k);
/* Forgets the log: what was changed stays. */
void kernel_undo_forget(struct kernel *k);
/*
 * The log for another process: @fn is called with each entry, one line of
 * text, before the change is made; one more line takes it back should the change
 * fail. Entries that exist already are told at once.
 */
void kernel_undo_watch(struct kernel *k, void (*fn)(void *ctx, const char *line, size_t len),
		       void *ctx);
/*
 * Puts back what such lines (oldest first) tell, as kernel_undo does. The lock of each instance they
 * are about is taken meanwhile, unless one of @held (@nr descriptors of kernel_instance_lock) holds it. What
 * another process has locked is told and left as it is (-EBUSY). What could not be put back is appended to
 * @left, as lines to try again. A malformed line is told and left out. 0, or the first -errno.
 */
int kernel_undo_lines(const char *lines, size_t len, const int *held, size_t nr,
		      const struct notices *notices, struct buf *left, struct err *e);

/*
 * Brings an instance to the kernel's defaults, for good: no tracer, events,
 * filters, triggers, pids, functions; clock, mask, options but those of tracers; empty
 * buffer, whose size is kept while its sub-buffers' is not; tracing is on afterwards. Missing and denied files are left out. 0, -errno.
 */
int kernel_instance_reset(struct kernel_instance *in, struct err *e);

/*
 * Takes the buffer of an instance for this process and those it forks, until all have
 * ended or closed @k. Only programs that ask are kept out. 0 (also if it is ours
 * already), -EBUSY with who has it and what to do, -ENOENT: it was removed meanwhile; -errno.
 */
int kernel_instance_lock(struct kernel_instance *in, struct err *e);
/*
 * kernel_instance_get with @create, and the lock: no other that locks can have one that is new before we
 * have. As these two.
 */
int kernel_instance_take(struct kernel *k, const char *name, struct kernel_instance **ret, struct err *e);
/* The same beside others that share it: of those that take events, each some CPU's. */
int kernel_instance_lock_shared(struct kernel_instance *in, struct err *e);
/* Gives all buffers back before @k is closed. */
void kernel_unlock(struct kernel *k);
/* Whether another process has taken the buffer; then @who names it, to begin a sentence. */
bool kernel_instance_in_use(struct kernel_instance *in, char *who, size_t size);
/* The descriptors that hold the locks, for who closes others. */
const int *kernel_lock_fds(const struct kernel *k, size_t *ret_nr);
/* Has @fn called with the descriptor of each lock that is taken from here on, before anything is changed under it. */
void kernel_lock_watch(struct kernel *k, void (*fn)(void *ctx, int fd), void *ctx);

#endif
