// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "dat/dat.h"
#include "trace_options.h"
#include "trace_table.h"

#define SYNC_DEFAULT_S 1
#define SECONDS_MAX (366 * 86400u)

/* Where the state machine stands. */
struct parser {
	enum trace_command which;
	struct trace_options *o;
	struct err *e;
	size_t instance;		/* the current one */
	bool negate;			/* -v is in force */
	bool has_event;			/* the current instance has a last -e */
	bool guest;			/* what follows is for the agent of the last -A */
	VEC(size_t) profiled;		/* instances with --profile */
	bool profile_shown;		/* -G or --by-comm was given */
	char not_perf[TRACE_NAME_MAX];	/* the first option that means nothing to --perf */
	char *module;			/* --module in force */
	bool module_used;
	char *first_clock;		/* the default of all instances */
};

static struct kernel_instance_setup *current(struct parser *p)
{
	return &p->o->setup.instances.v[p->instance];
}

static int no_memory(struct parser *p)
{
	err_errno(p->e, -ENOMEM, "cannot read the options");
	return EXIT_FAILED;
}

static int set_string(struct parser *p, char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to ? EXIT_OK : no_memory(p);
}

static int set_number(struct parser *p, int opt, uint64_t min, uint64_t max, uint64_t *to)
{
	char name[TRACE_NAME_MAX];
	uint64_t v;

	trace_option_name(opt, name, sizeof(name));
	if (parse_u64(optarg, &v))
		return usage_error(p->e, "option %s: '%s' is not a number", name, optarg);
	if (v < min || v > max)
		return usage_error(p->e, "option %s: %s is not between %llu and %llu", name, optarg,
				   (unsigned long long)min, (unsigned long long)max);
	*to = v;
	return EXIT_OK;
}

/* ---- events -------------------------------------------------------------- */

static struct kernel_event_ask *last_event(struct parser *p)
{
	struct kernel_instance_setup *is = current(p);

	return p->has_event ? &is->events.v[is->events.nr - 1] : NULL;
}

static int add_event(struct parser *p)
{
	if (!*optarg)
		return usage_error(p->e, "option -e: the event's name is empty");
	if (!kernel_setup_event(current(p), optarg, p->negate))
		return no_memory(p);
	p->has_event = true;
	return EXIT_OK;
}

static int add_probe(struct parser *p)
{
	if (p->negate)
		return usage_error(p->e, "option --probe '%s' makes an event that is recorded: it stands in front of -v",
				   optarg);
	p->has_event = true;
	return trace_probe_add(current(p), optarg, p->e);
}

static int add_filter(struct parser *p)
{
	struct kernel_event_ask *ask = last_event(p);

	if (!ask)
		return usage_error(p->e, "option -f '%s' belongs to the -e or --probe before it, and "
				   "there is none%s", optarg, p->instance ? " behind -B" : "");
	return kernel_event_ask_filter(ask, optarg) ? no_memory(p) : EXIT_OK;
}

static int add_trigger(struct parser *p)
{
	struct kernel_event_ask *ask = last_event(p);

	if (!ask)
		return usage_error(p->e, "option -R '%s' belongs to the -e or --probe before it, and "
				   "there is none%s", optarg, p->instance ? " behind -B" : "");
	return kernel_words_add(&ask->triggers, optarg) ? no_memory(p) : EXIT_OK;
}

/* ---- other parts of an instance ------------------------------------------ */

static int set_tracer(struct parser *p)
{
	struct kernel_instance_setup *is = current(p);
	size_t len;

	if (is->tracer)
		return usage_error(p->e, "option -p: one tracer only can be set%s, '%s' is given "
				   "already", *is->name ? " for an instance" : "", is->tracer);
	while (isspace((unsigned char)*optarg))
		optarg++;
	len = strlen(optarg);
	while (len && isspace((unsigned char)optarg[len - 1]))
		len--;
	if (!len)
		return usage_error(p->e, "option -p: the tracer's name is empty");
	is->tracer = strndup(optarg, len);
	return is->tracer ? EXIT_OK : no_memory(p);
}

static int add_function(struct parser *p, struct kernel_functions *f)
{
	p->module_used = true;
	return kernel_functions_add(f, optarg, p->module) ? no_memory(p) : EXIT_OK;
}

/* A --module that no -l or -n used means all functions of it. */
static int finish_module(struct parser *p)
{
	int status = EXIT_OK;

	if (p->module && !p->module_used &&
	    kernel_functions_add(&current(p)->filters, "*", p->module))
		status = no_memory(p);
	return status;
}

static int set_module(struct parser *p)
{
	int status = finish_module(p);

	p->module_used = false;
	return status ? status : set_string(p, &p->module, optarg);
}

static int set_instance(struct parser *p)
{
	struct kernel_instance_setup *is;
	int status = finish_module(p);

	if (status)
		return status;
	free(p->module);
	p->module = NULL;
	if (!*optarg)
		return usage_error(p->e, "option -B: the instance's name is empty");
	is = kernel_setup_instance(&p->o->setup, optarg);
	if (!is)
		return no_memory(p);
	p->instance = is - p->o->setup.instances.v;
	p->negate = false;
	p->has_event = false;
	p->guest = false;
	return EXIT_OK;
}

static int add_guest(struct parser *p)
{
	p->guest = true;
	return trace_guests_add(&p->o->guests, optarg, p->e);
}

static int set_clock(struct parser *p)
{
	const char *clock = optarg;

	if (!strcmp(clock, "tsc2nsec")) {
		clock = "x86-tsc";
		p->o->setup.tsc2nsec = true;
	}
	if (!p->first_clock && set_string(p, &p->first_clock, clock))
		return EXIT_FAILED;
	return set_string(p, &current(p)->clock, clock);
}

static int set_cpumask(struct parser *p)
{
	if (kernel_cpumask_check(optarg, p->e))
		return EXIT_USAGE;
	return set_string(p, &current(p)->cpumask, optarg);
}

static int add_pids(struct parser *p)
{
	AUTO_FREE char *list = strdup(optarg);
	char *rest = list, *word;

	if (!list)
		return no_memory(p);
	while ((word = strsep(&rest, ","))) {
		uint64_t pid;

		if (parse_u64(word, &pid) || !pid || pid > INT_MAX)
			return usage_error(p->e, "option -P: '%s' is not a process id", word);
		if (vec_push(&current(p)->pids, (pid_t)pid))
			return no_memory(p);
	}
	return EXIT_OK;
}

static int set_max_depth(struct parser *p)
{
	current(p)->has_max_depth = true;
	return set_number(p, OPT_MAX_GRAPH_DEPTH, 0, INT_MAX, &current(p)->max_depth);
}

/* ---- options of the whole ------------------------------------------------ */

static int set_once(struct parser *p, int opt, const char **to)
{
	char name[TRACE_NAME_MAX];

	if (*to)
		return usage_error(p->e, "option %s is given twice ('%s' and '%s')",
				   trace_option_name(opt, name, sizeof(name)), *to, optarg);
	if (!*optarg)
		return usage_error(p->e, "option %s: the name is empty",
				   trace_option_name(opt, name, sizeof(name)));
	*to = optarg;
	return EXIT_OK;
}

/* From "info" on everything is told. */
static int set_verbose(struct parser *p)
{
	uint64_t level = LEVEL_INFO;
	int r = verbose_level(optarg, &level, p->e);

	p->o->tell_writes = level >= LEVEL_INFO;
	return r;
}

static int set_max_kb(struct parser *p)
{
	if (p->o->max_kb)
		return usage_error(p->e, "option -m is given twice");
	return set_number(p, 'm', 1, UINT64_MAX / 1024, &p->o->max_kb);
}

static int set_file_version(struct parser *p)
{
	uint64_t version = 0;
	int status = set_number(p, OPT_FILE_VERSION, 6, 7, &version);

	p->o->file_version = version;
	return status;
}

static int set_priority(struct parser *p)
{
	uint64_t priority = 0;
	int status = set_number(p, 'r', 1, 99, &priority);

	p->o->rt_priority = priority;
	return status;
}

static int set_ts_offset(struct parser *p)
{
	p->o->has_ts_offset = true;
	if (parse_s64(optarg, &p->o->ts_offset))
		return usage_error(p->e, "option --ts-offset: '%s' is not a number", optarg);
	return EXIT_OK;
}

static int set_profile(struct parser *p)
{
	p->o->profile = true;
	return vec_push(&p->profiled, p->instance) ? no_memory(p) : EXIT_OK;
}

static int add_hook(struct parser *p)
{
	struct profile_hooks *hooks = &p->o->hooks;

	if (profile_hooks_add(hooks, optarg, p->e)) {
		err_wrap(p->e, "option -H");
		return p->e->code == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	return trace_hook_add(current(p), &hooks->v[hooks->nr - 1]) ? no_memory(p) : EXIT_OK;
}

static int set_sleep(struct parser *p)
{
	if (p->which == TRACE_EXTRACT) {
		p->o->snapshot = true;
		return EXIT_OK;
	}
	p->o->has_sleep = true;
	return set_number(p, 's', 0, UINT32_MAX, &p->o->sleep_us);
}

static int set_sync(struct parser *p)
{
	p->o->sync_s = SYNC_DEFAULT_S;
	return optarg ? set_number(p, OPT_SYNC, 1, SECONDS_MAX, &p->o->sync_s) : EXIT_OK;
}

static int set_compress(struct parser *p)
{
	static const char *const names[] = {
		[COMPRESS_LIVE] = "live", [COMPRESS_AFTER] = "after", [COMPRESS_NONE] = "none",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(optarg, names[i])) {
			p->o->compress = i;
			return EXIT_OK;
		}
	return usage_error(p->e, "option --compress: '%s' is neither live nor after nor none", optarg);
}

static int set_status_fd(struct parser *p)
{
	uint64_t fd = 0;
	int status = set_number(p, OPT_STATUS_FD, 0, INT_MAX, &fd);

	p->o->has_status_fd = true;
	p->o->status_fd = fd;
	return status;
}

static int set_tsync_interval(struct parser *p)
{
	return parse_s64(optarg, &p->o->guests.tsync_ms) ?
		usage_error(p->e, "option --tsync-interval: '%s' is not a number of milliseconds", optarg) : EXIT_OK;
}

static int set_size(struct parser *p, int opt, uint64_t *to)
{
	char name[TRACE_NAME_MAX];

	return trace_value_size(trace_option_name(opt, name, sizeof(name)), optarg, to, p->e);
}

static int set_part(struct parser *p, int opt)
{
	char name[TRACE_NAME_MAX];

	return trace_parts_option(p->o, trace_option_name(opt, name, sizeof(name)), optarg, p->e);
}

/* ---- one option ---------------------------------------------------------- */

/* Options with a value, or that need more than a flag. */
static int take_value(struct parser *p, int opt)
{
	struct trace_options *o = p->o;
	struct kernel_instance_setup *is = current(p);

	switch (opt) {
	case 'e': return add_event(p);
	case 'f': return add_filter(p);
	case 'R': return add_trigger(p);
	case 'p': return set_tracer(p);
	case 'l': return add_function(p, &is->filters);
	case 'n': return add_function(p, &is->notraces);
	case 'g': return kernel_functions_add(&o->setup.graph, optarg, NULL) ? no_memory(p) : EXIT_OK;
	case 'O': return kernel_words_add(&is->options, optarg) ? no_memory(p) : EXIT_OK;
	case 'T': return kernel_words_add(&is->options, "stacktrace") ? no_memory(p) : EXIT_OK;
	case 'P': return add_pids(p);
	case 'C': return set_clock(p);
	case 'M': return set_cpumask(p);
	case 'A': return add_guest(p);
	case 'B': return set_instance(p);
	case 'b': return set_number(p, opt, 1, UINT32_MAX, &is->buffer_kb);
	case 'o': return set_once(p, opt, &o->output);
	case 'V': o->vsock = true; return set_once(p, opt, &o->listener);
	case 'N': return set_once(p, opt, &o->listener);
	case 'm': return set_max_kb(p);
	case 's': return set_sleep(p);
	case 'r': return set_priority(p);
	case OPT_MODULE: return set_module(p);
	case OPT_MAX_GRAPH_DEPTH: return set_max_depth(p);
	case OPT_USER: return set_once(p, opt, &o->user);
	case OPT_SUBBUF_SIZE: return set_number(p, opt, 1, 1u << 17, &is->subbuf_kb);
	case OPT_CMDLINES_SIZE: return set_number(p, opt, 1, INT_MAX, &o->setup.cmdlines_size);
	case OPT_TRACING_THRESH: return set_number(p, opt, 1, INT_MAX, &o->setup.thresh_us);
	case OPT_TEMP: return set_once(p, opt, &o->temp_dir);
	case OPT_COMPRESSION: return set_once(p, opt, &o->compression);
	case OPT_FILE_VERSION: return set_file_version(p);
	case OPT_TS_OFFSET: return set_ts_offset(p);
	case OPT_VERBOSE: return set_verbose(p);
	case OPT_SYNC: return set_sync(p);
	case OPT_MAX_TIME: return set_number(p, opt, 1, SECONDS_MAX, &o->max_time_s);
	case OPT_MAX_SIZE: return set_size(p, opt, &o->max_bytes);
	case OPT_COMPRESS: return set_compress(p);
	case OPT_STATUS_FD: return set_status_fd(p);
	case OPT_PID_FILE: return set_once(p, opt, &o->pid_file);
	case OPT_READER_CPUS: return set_once(p, opt, &o->reader_cpus);
	case OPT_NAME: return trace_guests_name(&o->guests, optarg, p->e);
	case OPT_TSYNC_INTERVAL: return set_tsync_interval(p);
	case OPT_KEY_FILE: return set_once(p, opt, &o->guests.key_file);
	case OPT_PROXY: return usage_error(p->e, "option --proxy: agents are not asked for a guest's host here");
	case OPT_PROBE: return add_probe(p);
	case OPT_PROFILE: return set_profile(p);
	case OPT_ROTATE: case OPT_KEEP: case OPT_KEEP_LAST: case OPT_TRIGGER: case OPT_ON_TRIGGER:
	case OPT_PRE: case OPT_POST:
		return set_part(p, opt);
	case 'H': return add_hook(p);
	default: return -1;
	}
}

static void take_flag(struct parser *p, int opt)
{
	struct trace_options *o = p->o;

	switch (opt) {
	case 'v': p->negate = true; break;
	case 'i': o->setup.ignore_unknown = true; break;
	case 'F': o->setup.only_command = true; break;
	case 'c': current(p)->follow = true; break;
	case 'k': o->setup.keep = true; break;
	case 'K': o->setup.keep = o->setup.no_reset = true; break;
	case 'D': o->setup.ftrace_off = true; o->setup.function_trace_off = true; break;
	case 'd': o->setup.function_trace_off = true; break;
	case 't': *(p->which == TRACE_EXTRACT ? &o->top : &o->tcp) = true; break;
	case OPT_UDP: o->udp = true; break;
	case 'q': o->quiet = true; break;
	case 'a':
		if (p->which == TRACE_EXTRACT)
			o->all_instances = true;
		else
			o->setup.all_formats = true;
		break;
	case OPT_FUNC_STACK: o->setup.func_stack = true; break;
	case OPT_NO_FILTER: o->setup.no_filter = true; break;
	case OPT_TSC2NSEC: o->setup.tsc2nsec = true; break;
	case OPT_POLL: o->poll = true; break;
	case OPT_NOSPLICE: o->no_splice = true; break;
	case OPT_DATE: o->date = true; break;
	case OPT_DAEMONIZE: o->daemonize = true; break;
	case OPT_FORK: o->fork = true; break;
	case OPT_STDERR: o->to_stderr = true; break;
	case OPT_DEBUG: o->tell_writes = true; break;
	case OPT_FAIL_ON_LOSS: o->fail_on_loss = true; break;
	case OPT_SAVE_ON_FAILURE: o->parts.save_on_failure = true; break;
	case OPT_PERF: o->perf = true; break;
	case OPT_NOTIMEOUT: o->guests.unlimited = true; break;
	case OPT_KEY_OPTIONAL: o->guests.key_optional = true; break;
	case OPT_NOFIFOS: o->guests.no_fifos = true; break;
	case 'S': o->profile_named_only = true; break;
	case 'G': case OPT_BY_COMM: p->profile_shown = true; break;
	}
}

/* What is meant for us though an agent's options have begun. */
static bool is_hosts(int opt)
{
	static const int own[] = {
		'A', 'B', 'q', OPT_NAME, OPT_TSYNC_INTERVAL, OPT_NOFIFOS, OPT_NOTIMEOUT, OPT_KEY_FILE, OPT_KEY_OPTIONAL,
		OPT_PROXY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i] == opt)
			return true;
	return false;
}

/* An option behind -A is not looked into here: the agent's machine knows other events. */
static int pass_on(struct parser *p, int opt)
{
	char name[TRACE_NAME_MAX];

	trace_option_name(opt, name, sizeof(name));
	if (!trace_option_for_agent(opt))
		return usage_error(p->e, "option %s is not for an agent: give it before -A", name);
	return trace_guests_option(&p->o->guests, p->o->guests.nr - 1, name, optarg) ? no_memory(p) : EXIT_OK;
}

static int refuse_useless(struct parser *p, int opt)
{
	if (!trace_option_for_perf(opt) && !*p->not_perf)
		trace_option_name(opt, p->not_perf, sizeof(p->not_perf));
	return trace_option_meant(opt, p->which, p->e);
}

/* ---- the whole line ------------------------------------------------------ */

/* What profiles need, once it is known whether the command line names it all (-S). */
static int finish_profiles(struct parser *p)
{
	struct trace_options *o = p->o;

	if (!o->profile && (o->profile_named_only || p->profile_shown))
		return usage_error(p->e, "%s is part of --profile: give that too",
				   p->profile_shown ? "-G or --by-comm" : "-S");
	for (size_t i = 0; i < p->profiled.nr && !o->profile_named_only; i++)
		if (trace_profile_add(&o->setup.instances.v[p->profiled.v[i]]))
			return no_memory(p);
	if (!o->hooks.nr)
		return EXIT_OK;
	o->hook_texts = calloc(o->hooks.nr + 1, sizeof(*o->hook_texts));
	if (!o->hook_texts)
		return no_memory(p);
	for (size_t i = 0; i < o->hooks.nr; i++)
		o->hook_texts[i] = o->hooks.v[i].text;
	return EXIT_OK;
}

/* An instance without -C has the first one's clock. */
static int share_clock(struct parser *p)
{
	struct kernel_setup *s = &p->o->setup;

	for (size_t i = 0; i < s->instances.nr; i++)
		if (!s->instances.v[i].clock && p->first_clock &&
		    set_string(p, &s->instances.v[i].clock, p->first_clock))
			return EXIT_FAILED;
	return EXIT_OK;
}

static int take_own(struct parser *p, int opt)
{
	int status = refuse_useless(p, opt);

	if (!status)
		status = take_value(p, opt);
	if (status >= 0)
		return status;
	take_flag(p, opt);
	return EXIT_OK;
}

static int parse(struct parser *p, int argc, char **argv)
{
	int opt, status;

	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while ((opt = trace_option_next(p->which, argc, argv)) != -1) {
		char name[TRACE_NAME_MAX];

		if (opt == 'h')
			return EXIT_HELP;
		if (opt == OPT_VERSION)
			return EXIT_VERSION;
		if (opt == ':')
			return usage_error(p->e, "option %s needs a value",
					   trace_option_name(optopt, name, sizeof(name)));
		if (opt == '?')
			return trace_option_unknown(argv, p->e);
		status = p->guest && !is_hosts(opt) ? pass_on(p, opt) : take_own(p, opt);
		if (status)
			return status;
	}
	if (p->o->perf && *p->not_perf)
		return usage_error(p->e, "option %s has no effect with --perf", p->not_perf);
	status = finish_module(p);
	if (!status)
		status = finish_profiles(p);
	if (status)
		return status;
	if (optind < argc)
		p->o->command = argv + optind;
	status = trace_parts_finish(p->o, p->e);
	if (!status)
		status = trace_options_check(p->which, p->o, p->e);
	return status ? status : share_clock(p);
}

int trace_options_parse(enum trace_command which, int argc, char **argv,
			struct trace_options *o, struct err *e)
{
	struct parser p = { .which = which, .o = o, .e = e };
	int status;

	memset(o, 0, sizeof(*o));
	if (kernel_setup_init(&o->setup))
		return no_memory(&p);
	o->live = which == TRACE_STREAM;
	o->setup.no_reset = o->setup.running = which == TRACE_SET;
	status = parse(&p, argc, argv);
	free(p.module);
	free(p.first_clock);
	vec_release(&p.profiled);
	return status;
}

void trace_options_release(struct trace_options *o)
{
	kernel_setup_release(&o->setup);
	profile_hooks_release(&o->hooks);
	free(o->hook_texts);
	trace_parts_release(&o->parts);
	trace_guests_release(&o->guests);
}
