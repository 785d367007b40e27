/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which instances a command is about: -B NAME, -a (all but the top level), -t. */
#ifndef TRACECMD_INSTANCES_H
#define TRACECMD_INSTANCES_H

#include "command.h"
#include "kernel/kernel.h"

struct instances {
	struct kernel_instance **v;
	size_t nr, cap;
};

/* Each adds, unless it is in the list already. EXIT_OK, or EXIT_FAILED with @e. */
int instances_add(struct instances *list, struct kernel *k, const char *name, struct err *e);
int instances_add_top(struct instances *list, struct kernel *k, struct err *e);
int instances_add_all(struct instances *list, struct kernel *k, struct err *e);
void instances_release(struct instances *list);

/*
 * The command line of a command that knows -B, -a, -t and nothing else. Opens
 * the kernel; without an option the list is the top level. EXIT_OK, EXIT_HELP,
 * EXIT_USAGE or EXIT_FAILED with @e. Release and close in every case.
 * @all_has_top: -a takes the top level along, and there is no -t.
 */
int instances_from_options(int argc, char **argv, bool all_has_top, struct kernel **k,
			   struct instances *list, struct err *e);

/*
 * Copies a control file to standard output, behind its path if @path_first; @at_once: as it
 * comes, for trace_pipe, which never ends. 0, -errno.
 */
int instance_print_file(const struct kernel_instance *in, const char *file, bool path_first, bool at_once,
			struct err *e);

#endif
