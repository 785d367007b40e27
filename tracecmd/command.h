/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program: one file per sub-command. A file ends in its descriptor; main
 * finds it, runs it, and prints the one error there is. Only this folder
 * prints, exits or reads a command line.
 */
#ifndef TRACECMD_COMMAND_H
#define TRACECMD_COMMAND_H

#include "base/base.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_LOST = 3,		/* record --fail-on-loss */
	EXIT_HELP = -1,		/* --help among the options: main prints it, EXIT_OK */
	EXIT_VERSION = -2,	/* --version, likewise */
};

struct command {
	const char *name;
	const char *summary;		/* one line for the general help */
	const char *help;		/* the whole of --help, after the usage line */
	const char *usage;		/* "[options] [command [argument...]]" */
	bool runs_command;		/* options may be another command's, behind the own */
	bool own_version;		/* --version is an option of its own */
	bool on_kernel;			/* works on this kernel's tracing: tells what a kill left there */
	/*
	 * argv[0] is the command's name. Returns an exit code (or a traced
	 * command's own status); EXIT_FAILED/EXIT_USAGE with @e set makes main
	 * print it. Main handles -h, --help and --version by itself: right behind
	 * the name, and anywhere in a command that runs no other.
	 */
	int (*run)(int argc, char **argv, struct err *e);
};
extern const struct command *const commands[];	/* NULL-ended, in main.c */
extern const struct command record_command, extract_command, restore_command;
extern const struct command report_command;
extern const struct command convert_command, attach_command;
extern const struct command dump_command, listen_command, agent_command, setup_guest_command;

extern const struct command start_command, set_command, stream_command, stop_command, restart_command, reset_command,
	collect_command, snapshot_command, clear_command, show_command, stat_command, list_command, control_command,
	probe_command, trigger_command, sqlhist_command, count_command, user_event_command, doctor_command;

/*
 * What a command with several actions is to do: the one of @names (@nr of them) that
 * @argv[1] is. Its place; NR, or more, if that is missing or none of them: a usage error then.
 */
size_t take_action(int argc, char **argv, const char *const *names, size_t nr, struct err *e);

/* Sets a usage error (adds a hint to see --help) and returns EXIT_USAGE. */
int usage_error(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * The value of --verbose, a name (with anything behind it) or a number; @arg NULL: the option has none,
 * which leaves *level. EXIT_OK, or EXIT_USAGE with @e set.
 */
enum { LEVEL_WARN = 3, LEVEL_INFO = 4 };
int verbose_level(const char *arg, uint64_t *level, struct err *e);
struct option;
/* What getopt_long did not take: an unknown option, with those of @longs that are near, or a
 * missing value. Returns EXIT_USAGE with @e set. */
int option_refused(int opt, char **argv, const struct option *longs, struct err *e);
/* Hints at the options that are near to @word, which may begin with dashes. */
void option_near(const char *word, const struct option *longs, struct err *e);
/* Notices go to standard error as "tracecmd: TEXT", unless quiet. */
extern const struct notices stderr_notices;

/*
 * Writes to standard output through one big buffer. A write that fails (full
 * disk, closed pipe where SIGPIPE is ignored) is remembered; out_finish flushes
 * and reports it, out_closed tells so that loops can stop. One thread puts; out_write and out_message may be
 * called by others meanwhile.
 */
void out_put(const void *data, size_t len);
/* The same of much at once, without a copy. */
void out_write(const void *data, size_t len);
/* "tracecmd: TEXT" to standard error, control characters as \xNN, behind all
 * that was put. To a terminal standard output is written like that, too. */
void out_message(const char *text);
void out_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void out_flush(void);
bool out_closed(void);
bool out_is_unread(void);	/* nobody reads it any more: a pipe that is closed */
int out_finish(struct err *e);		/* 0 or negative errno; called by main */

#endif
