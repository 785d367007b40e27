/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which instances a command is about: -B NAME, -a (all but the top level), -t. The command line is
 * read whole before the kernel is asked for what it names: a wrong one is told to anybody.
 */
#ifndef TRACECMD_INSTANCES_H
#define TRACECMD_INSTANCES_H

#include "command.h"
#include "kernel/kernel.h"

/* One of the options, as it was given. */
struct instance_choice {
	int opt;			/* 'B', 'a', 't' */
	const char *name;		/* -B */
};

struct instance_choices {
	struct instance_choice *v;
	size_t nr, cap;
};

struct instances {
	struct kernel_instance **v;
	size_t nr, cap;
};

/* An option's choice; @name, which stays the caller's, is -B's. EXIT_OK, or EXIT_USAGE with @e. */
int instance_choice_make(int opt, const char *name, struct instance_choice *ret, struct err *e);
/* The same behind @list's others. Also EXIT_FAILED. */
int instance_choices_add(struct instance_choices *list, int opt, const char *name, struct err *e);
void instance_choices_release(struct instance_choices *list);

/* Adds what was chosen, but for what is in the list already. EXIT_OK, or EXIT_FAILED with @e. */
int instances_add(struct instances *list, struct kernel *k, const struct instance_choice *choice, struct err *e);
/* The same of all choices; the top level, if there are none. */
int instances_add_chosen(struct instances *list, struct kernel *k, const struct instance_choices *choices,
			 struct err *e);
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
