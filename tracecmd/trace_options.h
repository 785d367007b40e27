/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line that record, start and extract share: a small state
 * machine, in which -B makes another instance the current one, -f and -R
 * belong to the last -e, and -v turns the -e behind it round.
 */
#ifndef TRACECMD_TRACE_OPTIONS_H
#define TRACECMD_TRACE_OPTIONS_H

#include "command.h"
#include "kernel/setup.h"

enum trace_command {
	TRACE_RECORD,
	TRACE_START,
	TRACE_EXTRACT,
};

struct trace_options {
	struct kernel_setup setup;

	const char *output;		/* -o; NULL: trace.dat */
	const char *compression;	/* --compression; NULL: the default */
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
	bool fork;			/* start --fork: do not wait for the command */
	bool to_stderr;			/* --stderr: the tool's own output goes there */
	bool quiet;			/* -q */
	const char *verbose;		/* --verbose[=LEVEL]; "info" without a level */

	/* extract */
	bool snapshot;			/* -s */
	bool all_instances;		/* -a */
	bool top;			/* -t: the top level too */

	/* The traced command, NULL-ended; NULL: none. Points into argv. */
	char **command;
};

/*
 * Parses all of argv (argv[0] is the command's name). EXIT_OK, or EXIT_USAGE
 * with @e set; or -1 after --help was printed: the caller returns EXIT_OK.
 * Pointers into argv are kept. Release in every case.
 */
int trace_options_parse(enum trace_command which, int argc, char **argv,
			struct trace_options *o, struct err *e);
void trace_options_release(struct trace_options *o);
/* Text of the options for --help, shared by the commands. */
extern const char trace_options_help[];

#endif
