// SPDX-License-Identifier: GPL-2.0-or-later
/* tracecmd report: trace files to text. The command line. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "include/tracecmd.h"
#include "report.h"

#define DEFAULT_FILE "trace.dat"
#define THREADS_MAX 256

static const char help[] =
	"FILE defaults to trace.dat; several are merged by time.\n"
	"\n"
	"What to print:\n"
	"  -i, --input FILE     a file to read (may be repeated)\n"
	"  -F, --filter FILTER  only events the filter lets through; before the first -i for\n"
	"                       all files, after it for the file before it\n"
	"  --select GLOB[,GLOB] only events and systems of these names: sched:*,sys_enter_*\n"
	"  -v                   the filters that follow say what to leave out\n"
	"  --cpu LIST           only these CPUs: 0,3 or 2-4 (may be repeated)\n"
	"  --pid PID[,PID]      only events of, or about, these processes\n"
	"  --comm GLOB[,GLOB]   the same, by name\n"
	"  --from T, --to T     only events from T on, up to T: seconds as they are printed,\n"
	"                       +SECONDS from the first event, -SECONDS from the last\n"
	"  --last SECONDS       the last seconds      --first N   the first N events\n"
	"  -I, -S               no events out of hard (-I) or soft (-S) interrupts\n"
	"\n"
	"The line:\n"
	"  -l                   latency format        -t   nanoseconds\n"
	"  -R                   fields instead of text\n"
	"  -r RE                that for events of that name or system\n"
	"  -n RE                the kernel's print format for these, not a plugin's\n"
	"  -N                   load no plugins       -L   none of the system's folder\n"
	"  -O [PLUGIN:]NAME[=VALUE]\n"
	"                       set an option of a plugin, e.g. fgraph:tailprint\n"
	"  --ts-diff            add the time since the line before\n"
	"  --raw-ts             times as the ring buffer has them\n"
	"  --align-ts           count time from the first event\n"
	"  --nodate             ignore the time of day stored by record --date\n"
	"  --ts-offset N        add N to the times of the file before it\n"
	"  --ts2secs HZ         times count cycles of HZ\n"
	"  --ts-check           tell where time goes backwards\n"
	"  --kallsyms FILE      more kernel symbols\n"
	"  --losses             tell of every loss, also where trace-cmd's text does not\n"
	"  --boundary           tell where sub-buffers begin\n"
	"  --debug              that, and where each event lies\n"
	"  -w                   wake-up latencies\n"
	"  --profile            where tasks spent their time, instead of events\n"
	"  -G                   there: interrupts for each CPU, not for each task\n"
	"  -H HOOK              there: a pair of events, [SYSTEM:]EVENT,FIELD[,PIDFIELD]/\n"
	"                       [SYSTEM:]EVENT,FIELD[,FLAGS]; flags p (same CPU), g (global)\n"
	"  --by-comm            there: tasks of one name together\n"
	"  --format FORMAT      text; json: an object per line; csv; csv:EVENT[,EVENT]: with a\n"
	"                       column for each field of these events\n"
	"  --decoded            in json and csv names of flags, functions and so on, beside numbers\n"
	"  --text               in json and csv the text, too\n"
	"  --compat 3.1         lines as trace-cmd 3.1 prints them\n"
	"  --kernel-text        numbers as the kernel prints them where trace-cmd's are wrong\n"
	"  -q, --quiet          no notices\n"
	"  --threads N          work on N threads (as many as there are CPUs)\n"
	"  -V, --verbose[=LEVEL]\n"
	"                       tell versions, event plugins, and what libtraceevent says about\n"
	"                       formats\n"
	"  --count[=BY[,BY]]    how many events there are and how many were lost; BY event\n"
	"                       (default), cpu, task, buffer, time=WIDTH\n"
	"\n"
	"Questions about the file:\n"
	"  --events, --event RE formats of all events, or of those named\n"
	"  -E                   names of the events   -f   functions   -P   printk formats\n"
	"  -e                   byte order            -p   page size\n"
	"  --cpus, --first-event, --last-event\n"
	"                       CPUs with data, their first and last event\n"
	"  --stat               the kernel's statistics at the end of the recording\n"
	"  --uname, --version   recorded machine, recording program (--version without any\n"
	"                       file: this program)\n"
	"  --sync-info          how the clock was compared with a host's, and how well\n"
	"  --check-events       whether all formats can be parsed\n"
	"  -T, --filter-test    what was understood of the filters\n";

enum long_option {
	OPT_FIRST = 256, OPT_COUNT, OPT_SELECT, OPT_CPU, OPT_PID, OPT_COMM, OPT_TS_DIFF, OPT_RAW_TS, OPT_ALIGN_TS,
	OPT_NODATE, OPT_TS_OFFSET, OPT_TS2SECS, OPT_TS_CHECK, OPT_KALLSYMS, OPT_BOUNDARY,
	OPT_DEBUG, OPT_LOSSES, OPT_COMPAT, OPT_EVENTS, OPT_EVENT, OPT_CPUS, OPT_FIRST_EVENT, OPT_LAST_EVENT,
	OPT_STAT, OPT_UNAME, OPT_VERSION, OPT_CHECK_EVENTS, OPT_VERBOSE, OPT_THREADS,
	OPT_FROM, OPT_TO, OPT_LAST, OPT_FIRST_N, OPT_FORMAT, OPT_TEXT, OPT_DECODED,
	OPT_PROFILE, OPT_BY_COMM, OPT_SYNC_INFO, OPT_KERNEL_TEXT,
};

static const struct option long_options[] = {
	{ "input", required_argument, NULL, 'i' },
	{ "filter", required_argument, NULL, 'F' },
	{ "count", optional_argument, NULL, OPT_COUNT },
	{ "select", required_argument, NULL, OPT_SELECT },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "pid", required_argument, NULL, OPT_PID },
	{ "comm", required_argument, NULL, OPT_COMM },
	{ "ts-diff", no_argument, NULL, OPT_TS_DIFF },
	{ "raw-ts", no_argument, NULL, OPT_RAW_TS },
	{ "align-ts", no_argument, NULL, OPT_ALIGN_TS },
	{ "nodate", no_argument, NULL, OPT_NODATE },
	{ "ts-offset", required_argument, NULL, OPT_TS_OFFSET },
	{ "ts2secs", required_argument, NULL, OPT_TS2SECS },
	{ "ts-check", no_argument, NULL, OPT_TS_CHECK },
	{ "kallsyms", required_argument, NULL, OPT_KALLSYMS },
	{ "boundary", no_argument, NULL, OPT_BOUNDARY },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "losses", no_argument, NULL, OPT_LOSSES },
	{ "compat", required_argument, NULL, OPT_COMPAT },
	{ "kernel-text", no_argument, NULL, OPT_KERNEL_TEXT },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "text", no_argument, NULL, OPT_TEXT },
	{ "decoded", no_argument, NULL, OPT_DECODED },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "last", required_argument, NULL, OPT_LAST },
	{ "first", required_argument, NULL, OPT_FIRST_N },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", optional_argument, NULL, OPT_VERBOSE },
	{ "events", no_argument, NULL, OPT_EVENTS },
	{ "event", required_argument, NULL, OPT_EVENT },
	{ "cpus", no_argument, NULL, OPT_CPUS },
	{ "first-event", no_argument, NULL, OPT_FIRST_EVENT },
	{ "last-event", no_argument, NULL, OPT_LAST_EVENT },
	{ "stat", no_argument, NULL, OPT_STAT },
	{ "uname", no_argument, NULL, OPT_UNAME },
	{ "sync-info", no_argument, NULL, OPT_SYNC_INFO },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "check-events", no_argument, NULL, OPT_CHECK_EVENTS },
	{ "profile", no_argument, NULL, OPT_PROFILE },
	{ "by-comm", no_argument, NULL, OPT_BY_COMM },
	{ "filter-test", no_argument, NULL, 'T' },
	{ NULL, 0, NULL, 0 }
};

/* What is needed while options are read, and not after. */
struct parse {
	struct report *rp;
	bool exclude;
	unsigned nr_by_option;		/* files given with -i so far */
	struct err *e;
};

static int no_memory(struct parse *p)
{
	err_set(p->e, -ENOMEM, "out of memory");
	return EXIT_FAILED;
}

static int add_file(struct parse *p, const char *path, bool by_option)
{
	struct report_file f = { .path = path, .by_option = by_option };

	p->nr_by_option += by_option;
	return vec_push(&p->rp->files, f) ? no_memory(p) : EXIT_OK;
}

static int add_word(struct parse *p, struct report_words *words, const char *option, const char *word)
{
	if (!*word)
		return usage_error(p->e, "option %s: its argument is empty", option);
	return vec_push(words, word) ? no_memory(p) : EXIT_OK;
}

/* Behind an -i a filter is for that file. */
static int add_filter(struct parse *p, const char *text, bool select)
{
	struct report_filter f = { .text = text, .exclude = p->exclude, .select = select };
	struct report_filters *to = &p->rp->filters;

	if (p->nr_by_option)
		to = &p->rp->files.v[p->rp->files.nr - 1].filters;
	return vec_push(to, f) ? no_memory(p) : EXIT_OK;
}

static int set_ts_offset(struct parse *p, const char *arg)
{
	struct report_file *f;

	if (!p->rp->files.nr)
		return usage_error(p->e, "--ts-offset belongs to the file in front of it: give "
				   "'-i FILE' first");
	f = &p->rp->files.v[p->rp->files.nr - 1];
	if (parse_s64(arg, &f->times.ts_offset) < 0)
		return usage_error(p->e, "--ts-offset: '%s' is no number", arg);
	return EXIT_OK;
}

/* Up to the second -i it is for all files that have no own. */
static int set_ts2secs(struct parse *p, const char *arg)
{
	struct report_file *f;
	uint64_t hz;

	if (parse_u64(arg, &hz) < 0 || !hz)
		return usage_error(p->e, "--ts2secs: '%s' is no frequency in Hz", arg);
	if (p->rp->files.nr < 2) {
		p->rp->ts2secs = hz;
		return EXIT_OK;
	}
	f = &p->rp->files.v[p->rp->files.nr - 1];
	f->times.ts2secs = hz;
	f->has_ts2secs = true;
	return EXIT_OK;
}

static int set_compat(struct parse *p, const char *arg)
{
	if (strcmp(arg, "3.1") && strncmp(arg, "3.1.", 4))
		return usage_error(p->e, "--compat: '%s' is not known, only '3.1'", arg);
	p->rp->compat_31 = true;
	return EXIT_OK;
}

static int set_verbose(struct parse *p, const char *arg)
{
	p->rp->verbose = LEVEL_INFO;
	return verbose_level(arg, &p->rp->verbose, p->e);
}

static int set_threads(struct parse *p, const char *arg)
{
	uint64_t n;

	if (parse_u64(arg, &n) < 0 || !n || n > THREADS_MAX)
		return usage_error(p->e, "--threads: '%s' is no number from 1 to %d", arg, THREADS_MAX);
	p->rp->threads = n;
	return EXIT_OK;
}

/* As many as may run at once. */
static unsigned default_threads(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) < 0 ? sysconf(_SC_NPROCESSORS_ONLN) :
		CPU_COUNT(&set);

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

/* Options that take a word; -1: not one of them. */
static int word_option(struct parse *p, int opt, char *arg)
{
	struct report *rp = p->rp;

	switch (opt) {
	case 1:
		return add_file(p, arg, false);
	case 'i':
		return add_file(p, arg, true);
	case 'F':
		return add_filter(p, arg, false);
	case OPT_SELECT:
		return add_filter(p, arg, true);
	case 'r':
		return add_word(p, &rp->raw, "-r", arg);
	case 'n':
		return add_word(p, &rp->no_handler, "-n", arg);
	case 'O':
		return add_word(p, &rp->plugin_options, "-O", arg);
	case OPT_KALLSYMS:
		return add_word(p, &rp->kallsyms, "--kallsyms", arg);
	case OPT_PID:
		return add_word(p, &rp->pids, "--pid", arg);
	case OPT_COMM:
		return add_word(p, &rp->comms, "--comm", arg);
	case OPT_CPU:
		return add_word(p, &rp->cpus, "--cpu", arg);
	case OPT_COUNT:
		return report_count_by(&rp->count, arg, p->e) < 0 ? EXIT_USAGE : EXIT_OK;
	case OPT_TS_OFFSET:
		return set_ts_offset(p, arg);
	case OPT_TS2SECS:
		return set_ts2secs(p, arg);
	case OPT_COMPAT:
		return set_compat(p, arg);
	case OPT_KERNEL_TEXT:
		rp->kernel_text = true;
		return EXIT_OK;
	case 'H':
		return profile_hooks_add(&p->rp->hooks, arg, p->e) ? EXIT_USAGE : EXIT_OK;
	case OPT_THREADS:
		return set_threads(p, arg);
	case OPT_FROM:
		rp->from = arg;
		return EXIT_OK;
	case OPT_TO:
		rp->to = arg;
		return EXIT_OK;
	case OPT_LAST:
		free(rp->last);
		if (asprintf(&rp->last, "-%s", arg) < 0)
			return no_memory(p);
		rp->from = rp->last;
		return EXIT_OK;
	case OPT_FIRST_N:
		if (parse_u64(arg, &rp->first_events) < 0 || !rp->first_events)
			return usage_error(p->e, "--first: '%s' is no number of events", arg);
		return EXIT_OK;
	case OPT_FORMAT:
		return report_set_format(p->rp, arg, p->e);
	case 'V':
	case OPT_VERBOSE:
		return set_verbose(p, arg);
	case OPT_EVENT:
		rp->formats_of = arg;
		rp->questions |= ASK_FORMATS;
		return EXIT_OK;
	}
	return -1;
}

/* Options that are one bit of struct report. */
static bool *switch_option(struct report *rp, int opt)
{
	switch (opt) {
	case 'l':
		return &rp->latency;
	case 't':
		return &rp->nanoseconds;
	case 'R':
		return &rp->fields;
	case 'N':
		return &rp->no_plugins;
	case 'L':
		return &rp->no_system_plugins;
	case 'I':
		return &rp->no_hardirq;
	case 'S':
		return &rp->no_softirq;
	case 'w':
		return &rp->wakeup;
	case 'q':
		return &rp->quiet;
	case OPT_TS_DIFF:
		return &rp->ts_diff;
	case OPT_RAW_TS:
		return &rp->raw_ts;
	case OPT_ALIGN_TS:
		return &rp->align_ts;
	case OPT_NODATE:
		return &rp->no_date;
	case OPT_TS_CHECK:
		return &rp->ts_check;
	case OPT_LOSSES:
		return &rp->losses;
	case OPT_BOUNDARY:
		return &rp->boundary;
	case OPT_DEBUG:
		return &rp->debug;
	case OPT_DECODED:
		return &rp->decoded;
	case OPT_PROFILE:
		return &rp->profile;
	case 'G':
		return &rp->global_irqs;
	case OPT_BY_COMM:
		return &rp->by_comm;
	case OPT_TEXT:
		return &rp->with_text;
	}
	return NULL;
}

static unsigned question_option(int opt)
{
	switch (opt) {
	case OPT_EVENTS:
		return ASK_FORMATS;
	case 'E':
		return ASK_NAMES;
	case 'f':
		return ASK_FUNCTIONS;
	case 'P':
		return ASK_PRINTK;
	case 'e':
		return ASK_ENDIAN;
	case 'p':
		return ASK_PAGE;
	case 'T':
		return ASK_FILTERS;
	case OPT_CPUS:
		return ASK_CPUS;
	case OPT_FIRST_EVENT:
		return ASK_FIRST;
	case OPT_LAST_EVENT:
		return ASK_LAST;
	case OPT_STAT:
		return ASK_STAT;
	case OPT_UNAME:
		return ASK_UNAME;
	case OPT_SYNC_INFO:
		return ASK_SYNC;
	case OPT_VERSION:
		return ASK_VERSION;
	case OPT_CHECK_EVENTS:
		return ASK_CHECK;
	}
	return 0;
}

static int wrong_option(struct parse *p, int opt, char **argv)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		return usage_error(p->e, "option '%s' needs an argument", word);
	if (optopt && optopt < OPT_FIRST && word[1] != '-')
		return usage_error(p->e, "there is no option '-%c'", optopt);
	usage_error(p->e, "option '%s' is unknown, ambiguous or takes no argument", word);
	option_near(word, long_options, p->e);
	return EXIT_USAGE;
}

static int parse_option(struct parse *p, int opt, char **argv)
{
	unsigned question = question_option(opt);
	bool *flag = switch_option(p->rp, opt);
	int status;

	if (question) {
		p->rp->questions |= question;
		return EXIT_OK;
	}
	if (flag) {
		*flag = true;
		return EXIT_OK;
	}
	if (opt == 'v') {
		if (p->exclude)
			return usage_error(p->e, "-v is given twice");
		p->exclude = true;
		return EXIT_OK;
	}
	status = word_option(p, opt, optarg);
	return status < 0 ? wrong_option(p, opt, argv) : status;
}

/* Options may stand anywhere; a lone "--" ends them. */
static int parse_args(struct report *rp, int argc, char **argv, struct err *e)
{
	struct parse p = { .rp = rp, .e = e };
	int opt, status = EXIT_OK;

	opterr = 0;
	optind = 0;
	while (!status && (opt = getopt_long(argc, argv, "-:i:F:r:n:O:V::ltRNLISwqvEfPepTGH:",
					     long_options, NULL)) != -1)
		status = parse_option(&p, opt, argv);
	while (!status && optind < argc)
		status = add_file(&p, argv[optind++], false);
	rp->default_file = !rp->files.nr;
	if (!status && rp->default_file)
		status = add_file(&p, DEFAULT_FILE, false);
	if (!status && rp->wakeup && rp->files.nr > 1)
		status = usage_error(e, "-w is about one file, and %zu are named", rp->files.nr);
	if (!status && rp->profile && rp->wakeup)
		status = usage_error(e, "--profile and -w exclude each other");
	if (!status && rp->profile && rp->format != REPORT_TEXT)
		status = usage_error(e, "--profile and --format exclude each other");
	if (!status && rp->profile && rp->count.wanted)
		status = usage_error(e, "--profile and --count exclude each other");
	if (!status)
		status = report_check_format(rp, e);
	if (!status && rp->count.wanted)
		status = report_check_count(rp, e);
	return status;
}

static void report_release(struct report *rp)
{
	report_close(rp);
	for (size_t i = 0; i < rp->files.nr; i++)
		vec_release(&rp->files.v[i].filters);
	vec_release(&rp->files);
	vec_release(&rp->needs);
	vec_release(&rp->filters);
	vec_release(&rp->raw);
	vec_release(&rp->no_handler);
	vec_release(&rp->plugin_options);
	vec_release(&rp->kallsyms);
	vec_release(&rp->cpus);
	vec_release(&rp->pids);
	vec_release(&rp->comms);
	profile_hooks_release(&rp->hooks);
	event_columns_release(&rp->columns);
	free(rp->last);
}

/* Scripts give these anyway: trace-cmd takes them without a word. */
static void tell_unused(const struct report *rp)
{
	const struct { const char *name; bool given; } options[] = {
		{ "-G", rp->global_irqs }, { "--by-comm", rp->by_comm }, { "-H", rp->hooks.nr },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options) && !rp->profile; i++)
		if (options[i].given)
			notice(rp->notices, "option %s has no effect without --profile", options[i].name);
}

/* --version without a file to ask: this program's, as of any command. */
static bool asks_own_version(const struct report *rp)
{
	return rp->questions == ASK_VERSION && rp->default_file && access(DEFAULT_FILE, F_OK) < 0;
}

static int report_run(int argc, char **argv, struct err *e)
{
	static const struct notices silent;
	struct report rp = { 0 };
	int status = parse_args(&rp, argc, argv, e);

	if (!status && asks_own_version(&rp)) {
		out_printf("tracecmd %s\n", tracecmd_version());
		report_release(&rp);
		return EXIT_OK;
	}
	if (!status) {
		rp.notices = rp.quiet ? &silent : &stderr_notices;
		report_order_notices(&rp);
		rp.ahead = default_threads() > 1;
		if (!rp.threads)
			rp.threads = default_threads();
		rp.align_ts = rp.align_ts && !rp.raw_ts;	/* times as they are */
		tep_set_loglevel(rp.verbose >= LEVEL_WARN ? TEP_LOG_WARNING : TEP_LOG_NONE);
		if (report_parse_cpus(&rp, e) < 0 || report_check_pids(&rp, e) < 0 ||
		    report_check_range(&rp, e) < 0)
			status = EXIT_USAGE;
	}
	if (!status) {
		int r;

		tell_unused(&rp);
		r = report_open(&rp, e);
		if (!r)
			r = rp.questions ? report_answer(&rp, e) :
			    rp.count.wanted ? report_counts(&rp, e) :
			    rp.profile ? report_profile(&rp, e) : report_events(&rp, e);
		if (!r && !rp.questions)
			report_tell_missing(&rp);
		if (!r && !rp.questions)
			report_tell_texts(&rp);
		if (!r)
			report_tell_damage(&rp, e);
		status = r < 0 || rp.failed ? EXIT_FAILED : EXIT_OK;
	}
	report_release(&rp);
	return status;
}

const struct command report_command = {
	.name = "report",
	.summary = "print a trace file as text",
	.usage = "[OPTIONS] [FILE...]",
	.own_version = true,
	.help = help,
	.run = report_run,
};
