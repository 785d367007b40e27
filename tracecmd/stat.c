// SPDX-License-Identifier: GPL-2.0-or-later
/* stat: what tracing is set to do, where it differs from the default. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "instances.h"
#include "kernel/setup.h"

struct stat_ctx {
	struct kernel *k;
	const struct kernel_instance *in;
	bool options;
	struct err *e;
};

/* Text of a control file without the blanks around it; false: not there or empty. */
static bool read_text(const struct stat_ctx *s, const char *file, struct buf *ret)
{
	size_t start;

	buf_clear(ret);
	if (kernel_read(s->in, file, ret))
		return false;
	while (ret->len && isspace((unsigned char)ret->data[ret->len - 1]))
		ret->data[--ret->len] = 0;
	start = strspn(ret->data, " \t\n");
	memmove(ret->data, ret->data + start, ret->len - start + 1);
	ret->len -= start;
	return ret->len > 0;
}

static int print_indented(void *ctx, const char *line)
{
	(void)ctx;
	out_printf("   %s\n", line);
	return 0;
}

static void print_tracer(const struct stat_ctx *s)
{
	AUTO_BUF struct buf text = { 0 };

	if (read_text(s, "current_tracer", &text) && strcmp(text.data, "nop"))
		out_printf("\nTracer: %s\n", text.data);
}

/* ---- events -------------------------------------------------------------- */

/* First letter of an enable file: '0', '1', 'X'; '0' too if there is none. */
static char enable_state(const struct stat_ctx *s, const char *system, const char *event)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };

	buf_printf(&file, "events/%s%s%s%senable", system, *system ? "/" : "", event, *event ? "/" : "");
	if (file.failed || !read_text(s, file.data, &text))
		return '0';
	return text.data[0];
}

/* Index past the last event of the system that begins at @from. */
static size_t system_end(const struct kernel_event *evs, size_t nr, size_t from)
{
	size_t to = from + 1;

	while (to < nr && !strcmp(evs[to].system, evs[from].system))
		to++;
	return to;
}

static bool print_systems(const struct stat_ctx *s, const struct kernel_event *evs, size_t nr)
{
	bool any = false;

	for (size_t i = 0; i < nr; i = system_end(evs, nr, i)) {
		if (enable_state(s, evs[i].system, "") != '1')
			continue;
		if (!any)
			out_printf(" Individual systems:\n");
		any = true;
		out_printf("   %s\n", evs[i].system);
	}
	return any;
}

static bool print_single_events(const struct stat_ctx *s, const struct kernel_event *evs, size_t nr)
{
	bool any = false;

	for (size_t i = 0, to; i < nr; i = to) {
		bool headed = false;

		to = system_end(evs, nr, i);
		if (enable_state(s, evs[i].system, "") != 'X')
			continue;
		for (size_t j = i; j < to; j++) {
			if (enable_state(s, evs[j].system, evs[j].name) != '1')
				continue;
			if (!any)
				out_printf(" Individual events:\n");
			if (!headed)
				out_printf("    %s\n", evs[j].system);
			any = headed = true;
			out_printf("        %s\n", evs[j].name);
		}
	}
	return any;
}

static void print_events(const struct stat_ctx *s, const struct kernel_event *evs, size_t nr)
{
	char state = enable_state(s, "", "");
	bool any;

	out_printf("\nEvents:\n");
	if (state == '0' || state == '1') {
		out_printf(" All %s\n", state == '1' ? "enabled" : "disabled");
		return;
	}
	any = print_systems(s, evs, nr);
	if (!print_single_events(s, evs, nr) && !any)
		out_printf("  (none enabled)\n");
}

/* The filter or trigger of each event that has one. */
static void print_event_files(const struct stat_ctx *s, const struct kernel_event *evs, size_t nr,
			      const char *what, const char *head)
{
	bool any = false;

	for (size_t i = 0; i < nr; i++) {
		AUTO_BUF struct buf file = { 0 }, text = { 0 };

		buf_printf(&file, "events/%s/%s/%s", evs[i].system, evs[i].name, what);
		if (file.failed || !read_text(s, file.data, &text) ||
		    !strcmp(text.data, "none") || text.data[0] == '#')
			continue;
		if (!any)
			out_printf("\n%s:\n", head);
		any = true;
		out_printf("  %s:%s \"%s\"\n", evs[i].system, evs[i].name, text.data);
	}
}

/* ---- functions, buffers -------------------------------------------------- */

static int print_function(void *ctx, const char *line)
{
	(void)ctx;
	if (*line && *line != '#')
		out_printf("   %s\n", line);
	return 0;
}

static int is_function(void *ctx, const char *line)
{
	(void)ctx;
	return *line && *line != '#';
}

static void print_function_lists(const struct stat_ctx *s)
{
	static const struct {
		const char *file, *head;
	} lists[] = {
		{ "set_ftrace_filter", "Function Filter" },
		{ "set_ftrace_notrace", "Function No Trace" },
		{ "set_graph_function", "Function Graph Filter" },
		{ "set_graph_notrace", "Function Graph No Trace" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO_BUF struct buf text = { 0 };

		if (!read_text(s, lists[i].file, &text) ||
		    !kernel_each_line(text.data, is_function, NULL))
			continue;
		out_printf("\n%s:\n", lists[i].head);
		kernel_each_line(text.data, print_function, NULL);
	}
}

static void print_cpu_sizes(const struct stat_ctx *s)
{
	uint32_t *cpus AUTO_FREE = NULL;
	size_t nr;

	if (kernel_instance_cpus(s->in, &cpus, &nr, NULL))
		return;
	out_printf("\n");
	for (size_t i = 0; i < nr; i++) {
		AUTO_BUF struct buf text = { 0 };
		char file[64];

		snprintf(file, sizeof(file), "per_cpu/cpu%u/buffer_size_kb", cpus[i]);
		if (read_text(s, file, &text))
			out_printf("CPU %u buffer size (kb): %s\n", cpus[i], text.data);
	}
}

static void print_sizes(const struct stat_ctx *s)
{
	AUTO_BUF struct buf text = { 0 };
	uint32_t smallest = getpagesize() / 1024;
	uint64_t kb;

	/* A buffer not used yet has no size worth telling. */
	if (read_text(s, "buffer_size_kb", &text) && !strstr(text.data, "expanded")) {
		if (text.data[0] == 'X')
			print_cpu_sizes(s);
		else
			out_printf("\nBuffer size in kilobytes (per cpu):\n   %s\n", text.data);
		if (read_text(s, "buffer_total_size_kb", &text))
			out_printf("\nBuffer total size in kilobytes:\n   %s\n", text.data);
	}
	if (read_text(s, "buffer_subbuf_size_kb", &text) && !parse_u64(text.data, &kb) &&
	    kb != smallest)
		out_printf("\nSub-buffer size in kilobytes:\n   %s\n", text.data);
}

static void print_clock(const struct stat_ctx *s)
{
	AUTO_BUF struct buf text = { 0 };
	char clock[64];

	if (!read_text(s, "trace_clock", &text))
		return;
	kernel_chosen_word(text.data, clock, sizeof(clock));
	if (strcmp(clock, "local"))
		out_printf("\nClock: %s\n", clock);
}

/* Whether the mask leaves out a CPU that has a buffer. */
static bool mask_is_partial(const struct stat_ctx *s, const char *mask)
{
	uint32_t *cpus AUTO_FREE = NULL;
	size_t nr, bits = 0;

	if (kernel_instance_cpus(s->in, &cpus, &nr, NULL))
		return false;
	for (; *mask; mask++)
		if (isxdigit((unsigned char)*mask)) {
			int digit = isdigit((unsigned char)*mask) ? *mask - '0' :
								    tolower(*mask) - 'a' + 10;

			bits += __builtin_popcount(digit);
		}
	return bits < nr;
}

static void print_mask_and_latency(const struct stat_ctx *s)
{
	AUTO_BUF struct buf text = { 0 };

	if (read_text(s, "tracing_cpumask", &text) && mask_is_partial(s, text.data))
		out_printf("\nCPU mask: %s\n", text.data);
	if (read_text(s, "tracing_max_latency", &text) && strcmp(text.data, "0"))
		out_printf("\nMax Latency: %s\n", text.data);
}

/* ---- dynamic events, pids, the rest -------------------------------------- */

/* Lines that begin with one of @letters; all of them if that is NULL. */
struct chosen_lines {
	const char *letters;
	const char *head;		/* printed before the first one, then NULL */
};

static int print_chosen(void *ctx, const char *line)
{
	struct chosen_lines *c = ctx;

	if (!*line || (c->letters && !strchr(c->letters, *line)))
		return 0;
	if (c->head)
		out_printf("\n%s:\n", c->head);
	c->head = NULL;
	return print_indented(NULL, line);
}

static void print_dynamic_events(const struct stat_ctx *s)
{
	static const struct {
		const char *file, *head, *letters;
	} lists[] = {
		{ "kprobe_events", "Kprobe events", NULL },
		{ "uprobe_events", "Uprobe events", NULL },
		{ "synthetic_events", "Synthetic events", NULL },
		{ "dynamic_events", "Function probe events", "ft" },
		{ "dynamic_events", "Event probe events", "e" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct chosen_lines c = { lists[i].letters, lists[i].head };
		AUTO_BUF struct buf text = { 0 };

		if (read_text(s, lists[i].file, &text))
			kernel_each_line(text.data, print_chosen, &c);
	}
}

static void print_pids(const struct stat_ctx *s)
{
	static const struct {
		const char *file, *head;
	} lists[] = {
		{ "set_event_pid", "Filtered event PIDs" },
		{ "set_event_notrace_pid", "Filtered notrace event PIDs" },
		{ "set_ftrace_pid", "Filtered function tracer PIDs" },
		{ "set_ftrace_notrace_pid", "Filtered notrace function tracer PIDs" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO_BUF struct buf text = { 0 };

		if (read_text(s, lists[i].file, &text) && isdigit((unsigned char)text.data[0]))
			out_printf("\n%s:\n%s\n", lists[i].head, text.data);
	}
}

static void print_options(const struct stat_ctx *s)
{
	struct kernel_words words = { 0 };

	if (s->options && !kernel_options(s->in, &words, NULL)) {
		out_printf("\nOptions:\n");
		for (size_t i = 0; i < words.nr; i++)
			out_printf("   %s\n", words.v[i]);
	}
	kernel_words_release(&words);
}

static void print_switch_and_errors(const struct stat_ctx *s)
{
	AUTO_BUF struct buf text = { 0 };

	if (read_text(s, "tracing_on", &text))
		out_printf("\nTracing is %s\n", strcmp(text.data, "0") ? "enabled" : "disabled");
	if (read_text(s, "error_log", &text))
		out_printf("\n\nError log:\n%s\n", text.data);
}

static void print_instances(const struct stat_ctx *s)
{
	struct kernel_words names = { 0 };

	if (!kernel_instance_names(s->k, &names, NULL) && names.nr) {
		out_printf("\n\nInstances:\n");
		for (size_t i = 0; i < names.nr; i++)
			out_printf(" %s\n", names.v[i]);
	}
	kernel_words_release(&names);
}

static void print_stack_tracer(void)
{
	AUTO_BUF struct buf text = { 0 };

	if (!path_read_all("/proc/sys/kernel/stack_tracer_enabled", &text, 64) && text.data &&
	    text.data[0] == '1')
		out_printf("\nStack tracing is enabled\n");
}

static int print_instance(const struct stat_ctx *s)
{
	bool top = s->in == kernel_top(s->k);
	const struct kernel_event *evs;
	size_t nr;

	if (kernel_events(s->k, &evs, &nr, s->e))
		return EXIT_FAILED;
	if (!top)
		out_printf("Instance: %s\n", kernel_instance_name(s->in));
	print_tracer(s);
	print_events(s, evs, nr);
	print_event_files(s, evs, nr, "filter", "Filters");
	print_event_files(s, evs, nr, "trigger", "Triggers");
	print_function_lists(s);
	print_sizes(s);
	print_clock(s);
	print_mask_and_latency(s);
	print_dynamic_events(s);
	print_pids(s);
	print_options(s);
	print_switch_and_errors(s);
	if (top) {
		print_instances(s);
		print_stack_tracer();
	}
	out_printf("\n");
	return EXIT_OK;
}

/* ---- command line -------------------------------------------------------- */

static int take_options(struct stat_ctx *s, struct instance_choices *choices, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, ":B:toh", long_options, NULL)) != -1) {
		switch (opt) {
		case 'h': return EXIT_HELP;
		case 'B': case 't': status = instance_choices_add(choices, opt, optarg, s->e); break;
		case 'o': s->options = true; break;
		default: status = option_refused(opt, argv, long_options, s->e);
		}
	}
	if (!status && optind < argc)
		status = usage_error(s->e, "'stat' takes no argument '%s'", argv[optind]);
	return status;
}

static int stat_run(int argc, char **argv, struct err *e)
{
	struct stat_ctx s = { .e = e };
	struct instance_choices choices = { 0 };
	struct instances list = { 0 };
	int status = take_options(&s, &choices, argc, argv);

	if (!status && kernel_open(NULL, &stderr_notices, &s.k, e))
		status = EXIT_FAILED;
	if (!status)
		status = instances_add_chosen(&list, s.k, &choices, e);
	for (size_t i = 0; !status && i < list.nr; i++) {
		s.in = list.v[i];
		status = print_instance(&s);
	}
	instance_choices_release(&choices);
	instances_release(&list);
	kernel_close(s.k);
	return status;
}

const struct command stat_command = {
	.name = "stat",
	.summary = "tell what tracing is set to do",
	.usage = "[-B NAME]... [-t] [-o]",
	.help = "  -B NAME    of this instance (repeatable)\n"
		"  -t         of the top level too\n"
		"  -o         with all trace options\n"
		"\nWithout a choice: the top level. Told is what differs from the default.\n",
	.on_kernel = true,
	.run = stat_run,
};
