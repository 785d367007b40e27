// SPDX-License-Identifier: GPL-2.0-or-later
#include <getopt.h>
#include <stdio.h>

#include "trace_table.h"

#define R (1u << TRACE_RECORD)
#define S (1u << TRACE_START)
#define X (1u << TRACE_EXTRACT)
#define P (X << 1)			/* record --perf */

/* Which options mean something to which command. In extract, -s has no
 * argument, and -a and -t choose buffers; -b, -c, -F, -g, -l, -n and -P are
 * taken there because scripts give them, and told to have no effect. */
static const struct {
	int opt;
	unsigned commands;
} uses[] = {
	{ 'e', R | S | P }, { 'f', R | S | P }, { 'R', R | S }, { 'v', R | S | P }, { 'i', R | S | X | P },
	{ 'a', R | S | X | P }, { 'p', R | S | X }, { 'l', R | S | X }, { 'n', R | S | X }, { 'g', R | S | X },
	{ 'T', R | S | X | P }, { 'O', R | S | X | P }, { 'F', R | S | X | P }, { 'P', R | S | X | P },
	{ 'c', R | S | X | P }, { 'C', R | S | P }, { 'b', R | S | X | P }, { 'M', R | S }, { 'o', R | X | P },
	{ 'm', R | P }, { 's', R | X | P }, { 'r', R | X | P }, { 'k', R | S | X }, { 'K', R | S }, { 'd', R | S },
	{ 'D', R | S }, { 'B', R | S | X }, { 't', R | X }, { 'q', R | S | X | P }, { 'h', R | S | X | P },
	{ OPT_MODULE, R | S }, { OPT_MAX_GRAPH_DEPTH, R | S }, { OPT_FUNC_STACK, R | S },
	{ OPT_NO_FILTER, R | S | P }, { OPT_USER, R | S | P }, { OPT_TSC2NSEC, R | X }, { OPT_SUBBUF_SIZE, R | S },
	{ OPT_CMDLINES_SIZE, R | S }, { OPT_TEMP, R | X | P }, { OPT_COMPRESSION, R | X | P },
	{ OPT_FILE_VERSION, R | X | P }, { OPT_POLL, R | P }, { OPT_NOSPLICE, R | X }, { OPT_DATE, R | X },
	{ OPT_TS_OFFSET, R | X | P }, { OPT_DAEMONIZE, R | P }, { OPT_FORK, S }, { OPT_STDERR, R | S | X | P },
	{ OPT_VERBOSE, R | S | X | P }, { OPT_DEBUG, R | S | X | P }, { OPT_FAIL_ON_LOSS, R | X | P },
	{ OPT_SYNC, R | P }, { OPT_MAX_TIME, R | P }, { OPT_MAX_SIZE, R | P }, { OPT_READER_CPUS, R | P },
	{ OPT_PROBE, R | S | P }, { OPT_PROFILE, R | S }, { 'S', R | S }, { 'G', R | S }, { 'H', R | S },
	{ OPT_BY_COMM, R | S }, { OPT_STATUS_FD, R | P }, { OPT_COMPRESS, R | P }, { OPT_PID_FILE, R | P },
	{ OPT_ROTATE, R | P }, { OPT_KEEP, R | P }, { OPT_KEEP_LAST, R | P }, { OPT_TRIGGER, R },
	{ OPT_ON_TRIGGER, R }, { OPT_PRE, R }, { OPT_POST, R }, { OPT_SAVE_ON_FAILURE, R | P }, { OPT_PERF, R | P },
	{ 'N', R }, { OPT_UDP, R },
};

static const struct option long_options[] = {
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "max-graph-depth", required_argument, NULL, OPT_MAX_GRAPH_DEPTH },
	{ "func-stack", no_argument, NULL, OPT_FUNC_STACK },
	{ "no-filter", no_argument, NULL, OPT_NO_FILTER },
	{ "user", required_argument, NULL, OPT_USER },
	{ "tsc2nsec", no_argument, NULL, OPT_TSC2NSEC },
	{ "subbuf-size", required_argument, NULL, OPT_SUBBUF_SIZE },
	{ "cmdlines-size", required_argument, NULL, OPT_CMDLINES_SIZE },
	{ "temp", required_argument, NULL, OPT_TEMP },
	{ "compress", required_argument, NULL, OPT_COMPRESS },
	{ "compression", required_argument, NULL, OPT_COMPRESSION },
	{ "file-version", required_argument, NULL, OPT_FILE_VERSION },
	{ "poll", no_argument, NULL, OPT_POLL },
	{ "nosplice", no_argument, NULL, OPT_NOSPLICE },
	{ "date", no_argument, NULL, OPT_DATE },
	{ "ts-offset", required_argument, NULL, OPT_TS_OFFSET },
	{ "daemonize", no_argument, NULL, OPT_DAEMONIZE },
	{ "fork", no_argument, NULL, OPT_FORK },
	{ "stderr", no_argument, NULL, OPT_STDERR },
	{ "verbose", optional_argument, NULL, OPT_VERBOSE },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "fail-on-loss", no_argument, NULL, OPT_FAIL_ON_LOSS },
	{ "sync", optional_argument, NULL, OPT_SYNC },
	{ "max-time", required_argument, NULL, OPT_MAX_TIME },
	{ "max-size", required_argument, NULL, OPT_MAX_SIZE },
	{ "reader-cpus", required_argument, NULL, OPT_READER_CPUS },
	{ "status-fd", required_argument, NULL, OPT_STATUS_FD },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "rotate", required_argument, NULL, OPT_ROTATE },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "keep-last", required_argument, NULL, OPT_KEEP_LAST },
	{ "trigger", required_argument, NULL, OPT_TRIGGER },
	{ "on-trigger", required_argument, NULL, OPT_ON_TRIGGER },
	{ "pre", required_argument, NULL, OPT_PRE },
	{ "post", required_argument, NULL, OPT_POST },
	{ "save-on-failure", no_argument, NULL, OPT_SAVE_ON_FAILURE },
	{ "perf", no_argument, NULL, OPT_PERF },
	{ "udp", no_argument, NULL, OPT_UDP },
	{ "probe", required_argument, NULL, OPT_PROBE },
	{ "profile", no_argument, NULL, OPT_PROFILE },
	{ "by-comm", no_argument, NULL, OPT_BY_COMM },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};

static const char record_letters[] = "+:e:f:R:viap:l:n:g:TO:FP:cC:b:M:o:m:s:r:kKdDB:tN:qhSGH:";
static const char extract_letters[] = "+:e:f:R:viap:l:n:g:TO:FP:cC:b:M:o:m:sr:kKdDB:tqhSGH:";

static const char *const command_names[] = {
	[TRACE_RECORD] = "record", [TRACE_START] = "start", [TRACE_EXTRACT] = "extract",
};

int trace_option_next(enum trace_command which, int argc, char **argv)
{
	return getopt_long(argc, argv, which == TRACE_EXTRACT ? extract_letters : record_letters, long_options, NULL);
}

const char *trace_option_name(int opt, char *space, size_t size)
{
	if (opt < 256) {
		snprintf(space, size, "-%c", opt);
		return space;
	}
	for (size_t i = 0; long_options[i].name; i++)
		if (long_options[i].val == opt)
			snprintf(space, size, "--%s", long_options[i].name);
	return space;
}

int trace_option_unknown(char **argv, struct err *e)
{
	const char *word = argv[optind - 1];
	int status;

	if (optopt && !strncmp(word, "--", 2))
		return usage_error(e, "option %.*s takes no value", (int)strcspn(word, "="), word);
	if (optopt)
		return usage_error(e, "there is no option -%c", optopt);
	status = usage_error(e, "there is no option '%s'", word);
	option_near(word, long_options, e);
	return status;
}

static unsigned meant(int opt)
{
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (uses[i].opt == opt)
			return uses[i].commands;
	return 0;
}

bool trace_option_for_perf(int opt)
{
	return meant(opt) & P;
}

int trace_option_meant(int opt, enum trace_command which, struct err *e)
{
	char name[TRACE_NAME_MAX];

	if (meant(opt) & (1u << which))
		return EXIT_OK;
	usage_error(e, "option %s has no effect with '%s'", trace_option_name(opt, name, sizeof(name)),
		    command_names[which]);
	for (size_t w = 0; w < ARRAY_SIZE(command_names); w++)
		if (meant(opt) & (1u << w)) {
			err_hint(e, "did you mean 'tracecmd %s'?", command_names[w]);
			break;
		}
	return EXIT_USAGE;
}
