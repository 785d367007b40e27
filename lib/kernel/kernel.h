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

/* ---- the door ----------------------------------------------------------- */

/* @root: a tracefs, or NULL to find it (mounting it at /sys/kernel/tracing if
 * it is mounted nowhere). Errors say how to get there (root, mount, config). */
int kernel_open(const char *root, const struct notices *notices, struct kernel **ret, struct err *e);
void kernel_close(struct kernel *k);		/* does not undo */
const char *kernel_root(const struct kernel *k);

/* The top-level instance (name "") and others. Owned by the kernel handle. */
struct kernel_instance *kernel_top(struct kernel *k);
/* Finds; -ENOENT with near matches. With @create: makes it if missing (undone by kernel_undo). */
int kernel_instance_get(struct kernel *k, const char *name, bool create,
			struct kernel_instance **ret, struct err *e);
const char *kernel_instance_name(const struct kernel_instance *in);
bool kernel_instance_created(const struct kernel_instance *in);
int kernel_instance_path(const struct kernel_instance *in, const char *file, char *path, size_t size);
int kernel_instance_names(struct kernel *k, char ***ret, size_t *nr, struct err *e); /* free with kernel_names_free */
void kernel_names_free(char **names, size_t nr);

/* Whole text of a control file, instance-relative. 0 or -errno (kept raw: -ENOENT, -EPERM, -EACCES). */
int kernel_read(const struct kernel_instance *in, const char *file, struct buf *out);
bool kernel_has(const struct kernel_instance *in, const char *file);

/* ---- changes, with undo -------------------------------------------------- */

/*
 * Writes @value. Unless @keep, the earlier value is read first and logged.
 * How a file is put back depends on which it is (tracer, filter, pid lists,
 * sizes, triggers ...): see undo.c's table.
 */
int kernel_write(struct kernel_instance *in, const char *file, const char *value, struct err *e);
int kernel_append(struct kernel_instance *in, const char *file, const char *value, struct err *e);
/* From here on changes are final: nothing is logged (start, reset ...). */
void kernel_keep_changes(struct kernel *k, bool keep);
/* Puts everything back, newest first; goes on after failures, which are told
 * as notices. Returns the first error. */
int kernel_undo(struct kernel *k, struct err *e);

#endif
