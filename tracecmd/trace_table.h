/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of record, start and extract: what they are called, and which command they mean something to. */
#ifndef TRACECMD_TRACE_TABLE_H
#define TRACECMD_TRACE_TABLE_H

#include "trace_options.h"

/* Long options without a letter. */
enum {
	OPT_MODULE = 256, OPT_MAX_GRAPH_DEPTH, OPT_FUNC_STACK, OPT_NO_FILTER, OPT_USER, OPT_TSC2NSEC,
	OPT_SUBBUF_SIZE, OPT_CMDLINES_SIZE, OPT_TRACING_THRESH, OPT_TEMP, OPT_COMPRESSION, OPT_FILE_VERSION, OPT_POLL,
	OPT_NOSPLICE, OPT_DATE, OPT_TS_OFFSET, OPT_DAEMONIZE, OPT_FORK, OPT_STDERR, OPT_VERBOSE,
	OPT_DEBUG, OPT_FAIL_ON_LOSS, OPT_SYNC, OPT_MAX_TIME, OPT_MAX_SIZE, OPT_READER_CPUS,
	OPT_STATUS_FD, OPT_PID_FILE, OPT_PROBE, OPT_PROFILE, OPT_BY_COMM, OPT_COMPRESS, OPT_VERSION,
	OPT_ROTATE, OPT_KEEP, OPT_KEEP_LAST, OPT_TRIGGER, OPT_ON_TRIGGER, OPT_PRE, OPT_POST,
	OPT_SAVE_ON_FAILURE, OPT_PERF, OPT_UDP, OPT_NAME, OPT_TSYNC_INTERVAL, OPT_NOFIFOS, OPT_NOTIMEOUT,
	OPT_KEY_FILE, OPT_KEY_OPTIONAL, OPT_PROXY,
};

#define TRACE_NAME_MAX 32		/* of an option, with its dashes and the NUL */

/* As getopt_long, with @which's options: optarg, optind and optopt are set. */
int trace_option_next(enum trace_command which, int argc, char **argv);
/* "-e", "--user": put into @space, which is returned. */
const char *trace_option_name(int opt, char *space, size_t size);
/* What getopt did not take ('?'). EXIT_USAGE with @e set. */
int trace_option_unknown(char **argv, struct err *e);
/* Whether an agent may be asked for it. */
bool trace_option_for_agent(int opt);
/* Whether it means something to record --perf. */
bool trace_option_for_perf(int opt);
/* EXIT_OK if it means something to the command, else EXIT_USAGE with @e set. */
int trace_option_meant(int opt, enum trace_command which, struct err *e);

#endif
