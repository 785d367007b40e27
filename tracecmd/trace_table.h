/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of record, start and extract, and what an agent may be asked for: their names, and to whom they mean something. */
#ifndef TRACECMD_TRACE_TABLE_H
#define TRACECMD_TRACE_TABLE_H

#include <getopt.h>

#include "trace_options.h"

/* Long options without a letter. */
enum {
	OPT_MODULE = 256, OPT_MAX_GRAPH_DEPTH, OPT_FUNC_STACK, OPT_NO_FILTER, OPT_USER, OPT_TSC2NSEC,
	OPT_SUBBUF_SIZE, OPT_CMDLINES_SIZE, OPT_TEMP, OPT_COMPRESSION, OPT_FILE_VERSION, OPT_POLL,
	OPT_NOSPLICE, OPT_DATE, OPT_TS_OFFSET, OPT_DAEMONIZE, OPT_FORK, OPT_STDERR, OPT_VERBOSE,
	OPT_DEBUG, OPT_FAIL_ON_LOSS, OPT_SYNC, OPT_MAX_TIME, OPT_MAX_SIZE, OPT_READER_CPUS,
	OPT_STATUS_FD, OPT_PID_FILE, OPT_PROBE, OPT_PROFILE, OPT_BY_COMM, OPT_COMPRESS, OPT_VERSION,
	OPT_ROTATE, OPT_KEEP, OPT_KEEP_LAST, OPT_TRIGGER, OPT_ON_TRIGGER, OPT_PRE, OPT_POST,
	OPT_SAVE_ON_FAILURE, OPT_PERF, OPT_UDP, OPT_NAME, OPT_TSYNC_INTERVAL, OPT_NOFIFOS, OPT_NOTIMEOUT,
	OPT_KEY_FILE, OPT_KEY_OPTIONAL, OPT_PROXY,
};

/* Bits of trace_option_meant: 1 << enum trace_command, and: */
#define TRACE_FOR_AGENT (1u << TRACE_AGENT)
#define TRACE_FOR_PERF (1u << (TRACE_AGENT + 1))	/* record --perf */

extern const struct option trace_long_options[];
/* For getopt_long. */
const char *trace_letters(enum trace_command which);
/* "-e", "--name", in @space if it must be. */
const char *trace_option_name(int opt, char *space, size_t size);
/* Who knows it: bits as above. */
unsigned trace_option_meant(int opt);

#endif
