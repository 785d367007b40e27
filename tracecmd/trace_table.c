// SPDX-License-Identifier: GPL-2.0-or-later
#include <getopt.h>
#include <stdio.h>

#include "trace_table.h"

#define R (1u << TRACE_RECORD)
#define S (1u << TRACE_START)
#define X (1u << TRACE_EXTRACT)
#define A (1u << TRACE_AGENT)
#define L (1u << TRACE_STREAM)
#define P (1u << (TRACE_AGENT + 1))	/* record --perf */

/* Which options mean something to which command. In extract, -s has no
 * argument, and -a and -t choose buffers; -b, -c, -F, -g, -l, -n and -P are
 * taken there because scripts give them, and told to have no effect. To an agent
 * those mean something that neither name files or commands there nor reach beyond
 * the recording. */
static const struct {
	int opt;
	unsigned commands;
} uses[] = {
	{ 'e', R | L | A | S | P }, { 'f', R | L | A | S | P }, { 'R', R | L | A | S }, { 'v', R | L | A | S | P }, { 'i', R | L | A | S | X | P },
	{ 'a', R | A | S | X | P }, { 'p', R | L | A | S | X }, { 'l', R | L | A | S | X }, { 'n', R | L | A | S | X }, { 'g', R | L | A | S | X },
	{ 'T', R | L | A | S | X | P }, { 'O', R | L | A | S | X | P }, { 'F', R | L | S | X | P }, { 'P', R | L | A | S | X | P },
	{ 'c', R | L | A | S | X | P }, { 'C', R | L | A | S | P }, { 'b', R | L | A | S | X | P }, { 'M', R | L | A | S }, { 'o', R | X | P },
	{ 'm', R | P }, { 's', R | L | A | X | P }, { 'r', R | L | A | X | P }, { 'k', R | L | S | X }, { 'K', R | L | S }, { 'd', R | L | A | S },
	{ 'D', R | L | S }, { 'B', R | L | S | X }, { 't', R | X }, { 'q', R | L | A | S | X | P }, { 'h', R | L | S | X | P },
	{ OPT_MODULE, R | L | A | S }, { OPT_MAX_GRAPH_DEPTH, R | L | A | S }, { OPT_FUNC_STACK, R | L | A | S },
	{ OPT_NO_FILTER, R | L | A | S | P }, { OPT_USER, R | L | S | P }, { OPT_TSC2NSEC, R | L | A | X }, { OPT_SUBBUF_SIZE, R | L | A | S },
	{ OPT_CMDLINES_SIZE, R | L | A | S }, { OPT_TRACING_THRESH, R | L | A | S }, { OPT_TEMP, R | X | P }, { OPT_COMPRESSION, R | A | X | P },
	{ OPT_FILE_VERSION, R | X | P }, { OPT_POLL, R | L | A | P }, { OPT_NOSPLICE, R | L | A | X }, { OPT_DATE, R | A | X },
	{ OPT_TS_OFFSET, R | A | X | P }, { OPT_DAEMONIZE, R | P }, { OPT_FORK, S }, { OPT_STDERR, R | S | X | P },
	{ OPT_VERBOSE, R | L | A | S | X | P }, { OPT_DEBUG, R | L | A | S | X | P }, { OPT_FAIL_ON_LOSS, R | L | X | P },
	{ OPT_SYNC, R | P }, { OPT_MAX_TIME, R | L | A | P }, { OPT_MAX_SIZE, R | A | P }, { OPT_READER_CPUS, R | L | P },
	{ OPT_PROBE, R | L | S | P }, { OPT_PROFILE, R | A | S }, { 'S', R | A | S }, { 'G', R | A | S }, { 'H', R | A | S },
	{ OPT_BY_COMM, R | A | S }, { OPT_STATUS_FD, R | L | P }, { OPT_COMPRESS, R | P }, { OPT_PID_FILE, R | L | P },
	{ OPT_ROTATE, R | P }, { OPT_KEEP, R | P }, { OPT_KEEP_LAST, R | P }, { OPT_TRIGGER, R },
	{ OPT_ON_TRIGGER, R }, { OPT_PRE, R }, { OPT_POST, R }, { OPT_SAVE_ON_FAILURE, R | P }, { OPT_PERF, R | P },
	{ 'N', R }, { 'V', R }, { OPT_UDP, R }, { 'A', R }, { OPT_NAME, R }, { OPT_TSYNC_INTERVAL, R | A }, { OPT_NOFIFOS, R | A },
	{ OPT_NOTIMEOUT, R | A }, { OPT_KEY_FILE, R }, { OPT_KEY_OPTIONAL, R }, { OPT_PROXY, R },
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
	{ "tracing-thresh", required_argument, NULL, OPT_TRACING_THRESH },
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
	{ "name", required_argument, NULL, OPT_NAME },
	{ "tsync-interval", required_argument, NULL, OPT_TSYNC_INTERVAL },
	{ "nofifos", no_argument, NULL, OPT_NOFIFOS },
	{ "notimeout", no_argument, NULL, OPT_NOTIMEOUT },
	{ "key-file", required_argument, NULL, OPT_KEY_FILE },
	{ "key-optional", no_argument, NULL, OPT_KEY_OPTIONAL },
	{ "proxy", required_argument, NULL, OPT_PROXY },
	{ "probe", required_argument, NULL, OPT_PROBE },
	{ "profile", no_argument, NULL, OPT_PROFILE },
	{ "by-comm", no_argument, NULL, OPT_BY_COMM },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};

static const char record_letters[] = "+:e:f:R:viap:l:n:g:TO:FP:cC:b:M:o:m:s:r:kKdDB:tN:V:A:qhSGH:";
static const char extract_letters[] = "+:e:f:R:viap:l:n:g:TO:FP:cC:b:M:o:m:sr:kKdDB:tqhSGH:";

static const char *const command_names[] = {
	[TRACE_RECORD] = "record", [TRACE_STREAM] = "stream", [TRACE_START] = "start", [TRACE_SET] = "set", [TRACE_EXTRACT] = "extract",
	[TRACE_AGENT] = "agent",
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

bool trace_option_for_agent(int opt)
{
	return meant(opt) & A;
}

bool trace_option_for_perf(int opt)
{
	return meant(opt) & P;
}

int trace_option_meant(int opt, enum trace_command which, struct err *e)
{
	char name[TRACE_NAME_MAX];

	if (meant(opt) & (which == TRACE_SET ? S : 1u << which))
		return EXIT_OK;
	if (which == TRACE_AGENT)
		return usage_error(e, "option %s is not for hosts to ask for", trace_option_name(opt, name, sizeof(name)));
	usage_error(e, "option %s has no effect with '%s'", trace_option_name(opt, name, sizeof(name)),
		    command_names[which]);
	for (size_t w = 0; w < ARRAY_SIZE(command_names); w++)
		if (meant(opt) & (1u << w)) {
			err_hint(e, "did you mean 'tracecmd %s'?", command_names[w]);
			break;
		}
	return EXIT_USAGE;
}
