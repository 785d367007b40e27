// SPDX-License-Identifier: GPL-2.0-or-later
/* show: print a buffer or a control file of the kernel. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "instances.h"

#define FIRST_FILE 256

/* Options that print one control file. */
static const struct {
	const char *option, *file;
} control_files[] = {
	{ "tracing_on", "tracing_on" },
	{ "current_tracer", "current_tracer" },
	{ "buffer_size", "buffer_size_kb" },
	{ "buffer_total_size", "buffer_total_size_kb" },
	{ "buffer_subbuf_size", "buffer_subbuf_size_kb" },
	{ "buffer_percent", "buffer_percent" },
	{ "ftrace_filter", "set_ftrace_filter" },
	{ "ftrace_notrace", "set_ftrace_notrace" },
	{ "ftrace_pid", "set_ftrace_pid" },
	{ "graph_function", "set_graph_function" },
	{ "graph_notrace", "set_graph_notrace" },
	{ "cpumask", "tracing_cpumask" },
	{ "max_latency", "tracing_max_latency" },
};
#define NR_FILES ARRAY_SIZE(control_files)
enum { OPT_HIST = FIRST_FILE + NR_FILES, OPT_TRIGGER };

struct wanted {
	const char *file;		/* with an event: its own file of that name */
	const char *event;		/* "[SYSTEM:]EVENT"; NULL: none */
};

struct show {
	struct kernel *k;
	struct kernel_instance *in;
	const char *instance;
	bool pipe, snapshot, path;
	bool has_cpu;
	uint64_t cpu;
	struct { struct wanted *v; size_t nr, cap; } wanted;	/* control files, in order */
	struct kernel_words files;	/* the same by their names */
	struct err *e;
};

static bool has_cpu(const struct show *s)
{
	char file[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%llu/trace", (unsigned long long)s->cpu);
	return kernel_has(s->in, file);
}

static int print_file(struct show *s, const char *file)
{
	int code = instance_print_file(s->in, file, s->path, s->pipe, s->e);

	if (code == -ENOENT && s->has_cpu && !has_cpu(s))
		err_hint(s->e, "is there a CPU %llu?", (unsigned long long)s->cpu);
	else if (code == -ENOENT)
		err_hint(s->e, "this kernel has no such file%s",
			 s->instance && kernel_has(kernel_top(s->k), file) ? " in an instance" : "");
	return code ? EXIT_FAILED : EXIT_OK;
}

static int add_file(struct show *s, const char *file)
{
	if (!kernel_words_add(&s->files, file))
		return EXIT_OK;
	err_errno(s->e, -ENOMEM, "cannot show files");
	return EXIT_FAILED;
}

/* "[SYSTEM:]EVENT": the control file @what of the first event of that name. */
static int add_event_file(struct show *s, const char *word, const char *what)
{
	const char *colon = strchr(word, ':'), *name = colon ? colon + 1 : word;
	const struct kernel_event *evs;
	AUTO_BUF struct buf file = { 0 };
	struct near near;
	size_t nr;

	if (kernel_events(s->k, &evs, &nr, s->e))
		return EXIT_FAILED;
	near_init(&near, name);
	for (size_t i = 0; i < nr; i++) {
		near_try(&near, evs[i].name);
		if (strcmp(evs[i].name, name) ||
		    (colon && (strncmp(evs[i].system, word, colon - word) ||
			       evs[i].system[colon - word])))
			continue;
		if (!buf_printf(&file, "events/%s/%s/%s", evs[i].system, evs[i].name, what))
			return add_file(s, file.data);
		err_errno(s->e, -ENOMEM, "cannot show %s", what);
		return EXIT_FAILED;
	}
	err_set(s->e, -ENOENT, "option --%s: this kernel has no event '%s'", what, word);
	near_hint(&near, s->e);
	return EXIT_FAILED;
}

static int want(struct show *s, const char *file, const char *event)
{
	if (!vec_push(&s->wanted, ((struct wanted){ file, event })))
		return EXIT_OK;
	err_errno(s->e, -ENOMEM, "cannot read the command line");
	return EXIT_FAILED;
}

static int take_option(struct show *s, int opt, char **argv, const struct option *long_options)
{
	switch (opt) {
	case 'B':
		if (s->instance)
			return usage_error(s->e, "option -B is given twice");
		if (!*optarg)
			return usage_error(s->e, "option -B: the instance's name is empty");
		s->instance = optarg;
		return EXIT_OK;
	case 'c':
		if (s->has_cpu)
			return usage_error(s->e, "option -c is given twice");
		if (parse_u64(optarg, &s->cpu))
			return usage_error(s->e, "option -c: '%s' is not the number of a CPU", optarg);
		s->has_cpu = true;
		return EXIT_OK;
	case 'p':
		s->pipe = true;
		return EXIT_OK;
	case 's':
		s->snapshot = true;
		return EXIT_OK;
	case 'f':
		s->path = true;
		return EXIT_OK;
	case OPT_HIST:
		return want(s, "hist", optarg);
	case OPT_TRIGGER:
		return want(s, "trigger", optarg);
	}
	if (opt < FIRST_FILE)
		return option_refused(opt, argv, long_options, s->e);
	return want(s, control_files[opt - FIRST_FILE].file, NULL);
}

static int take_options(struct show *s, int argc, char **argv)
{
	struct option long_options[NR_FILES + 4] = { 0 };
	int opt, status = EXIT_OK;

	for (size_t i = 0; i < NR_FILES; i++)
		long_options[i] = (struct option){ control_files[i].option, no_argument, NULL,
						   FIRST_FILE + (int)i };
	long_options[NR_FILES] = (struct option){ "hist", required_argument, NULL, OPT_HIST };
	long_options[NR_FILES + 1] = (struct option){ "trigger", required_argument, NULL, OPT_TRIGGER };
	long_options[NR_FILES + 2] = (struct option){ "help", no_argument, NULL, 'h' };
	optind = 0;
	opterr = 0;
	while (!status &&
	       (opt = getopt_long(argc, argv, ":B:c:fpsh", long_options, NULL)) != -1) {
		if (opt == 'h')
			return EXIT_HELP;
		status = take_option(s, opt, argv, long_options);
	}
	if (status)
		return status;
	if (optind < argc)
		return usage_error(s->e, "'show' takes no argument '%s'", argv[optind]);
	if (s->pipe && s->snapshot)
		return usage_error(s->e, "options -p and -s exclude each other");
	if (s->wanted.nr && (s->pipe || s->snapshot || s->has_cpu))
		return usage_error(s->e, "option %s is about the buffer, not about its settings",
				   s->pipe ? "-p" : s->snapshot ? "-s" : "-c");
	return EXIT_OK;
}

static int show(struct show *s)
{
	const char *what = s->pipe ? "trace_pipe" : s->snapshot ? "snapshot" : "trace";
	AUTO_BUF struct buf file = { 0 };
	int status = EXIT_OK;

	if (kernel_instance_get(s->k, s->instance ? s->instance : "", false, &s->in, s->e)) {
		err_wrap(s->e, "option -B");
		return EXIT_FAILED;
	}
	for (size_t i = 0; !status && i < s->wanted.nr; i++) {
		const struct wanted *w = &s->wanted.v[i];

		status = w->event ? add_event_file(s, w->event, w->file) : add_file(s, w->file);
	}
	for (size_t i = 0; !status && i < s->files.nr; i++)
		status = print_file(s, s->files.v[i]);
	if (status || s->files.nr)
		return status;
	if (s->has_cpu)
		buf_printf(&file, "per_cpu/cpu%llu/", (unsigned long long)s->cpu);
	if (buf_puts(&file, what)) {
		err_errno(s->e, -ENOMEM, "cannot show %s", what);
		return EXIT_FAILED;
	}
	if (s->pipe && kernel_instance_lock_shared(s->in, s->e))
		return EXIT_FAILED;	/* each event is taken once only */
	return print_file(s, file.data);
}

static int show_run(int argc, char **argv, struct err *e)
{
	struct show s = { .e = e };
	int status = take_options(&s, argc, argv);

	if (!status && kernel_open(NULL, &stderr_notices, &s.k, e))
		status = EXIT_FAILED;
	if (!status)
		status = show(&s);
	vec_release(&s.wanted);
	kernel_words_release(&s.files);
	kernel_close(s.k);
	return status;
}

const struct command show_command = {
	.name = "show",
	.summary = "print the kernel's buffer or one of its control files",
	.usage = "[-p|-s] [-c CPU] [-B NAME] [-f] [--FILE]...",
	.help = "  -p         trace_pipe: consume the buffer and wait for more\n"
		"  -s         the snapshot\n"
		"  -c CPU     of one CPU only\n"
		"  -B NAME    of this instance\n"
		"  -f         print the file's path first\n"
		"\nInstead of the buffer, control files:\n"
		"  --tracing_on --current_tracer --buffer_size --buffer_total_size\n"
		"  --buffer_subbuf_size --buffer_percent --ftrace_filter --ftrace_notrace\n"
		"  --ftrace_pid --graph_function --graph_notrace --cpumask --max_latency\n"
		"  --hist [SYSTEM:]EVENT, --trigger [SYSTEM:]EVENT\n",
	.on_kernel = true,
	.run = show_run,
};
