// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * list: what this kernel and this program offer. An option's argument is the
 * next word if that does not begin with '-'; so the command line is read here
 * and not by getopt.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "dat/codec.h"
#include "kernel/btf.h"
#include "kernel/kernel.h"
#include "list_full.h"
#include "list_plugins.h"
#include "list_usdt.h"
#include "record/record.h"

enum part {			/* bits */
	LIST_EVENTS = 1, LIST_SYSTEMS = 2, LIST_TRACERS = 4, LIST_OPTIONS = 8, LIST_FUNCTIONS = 16,
	LIST_INSTANCES = 32, LIST_CLOCKS = 64, LIST_CODECS = 128, LIST_PLUGINS = 256,
	LIST_PLUGIN_OPTIONS = 512, LIST_USDT = 1024,
};

/*
 * A case-insensitive basic regular expression, unanchored; for events two may be joined by ':', for the
 * system and for the event.
 */
struct expression {
	const char *text;
	regex_t re, event;
	bool has_re, joined, has_event;	/* an empty one is none, and matches all */
	bool met;			/* something matched */
};

/* What an option lists: all, or what one of its expressions matches. */
struct expressions {
	struct expression *v;
	size_t nr, cap;
	bool all;
};

struct list {
	struct kernel *k;
	unsigned parts;
	struct expressions events, functions, options;
	const char *program;				/* whose markers */
	bool format, full, filter, trigger;		/* with -e */
	bool prototypes;				/* with -f */
	struct kernel_words instances;			/* for what is full */
	struct err *e;
};

/* ---- expressions --------------------------------------------------------- */

static int compile(const char *text, regex_t *re, bool *ret_used, struct err *e)
{
	if (*text && regex_compile(re, text, REG_ICASE | REG_NOSUB, e) < 0)
		return EXIT_USAGE;
	*ret_used = *text;
	return EXIT_OK;
}

/* @text: NULL: all. @of_events: ':' joins two. */
static int expressions_add(struct expressions *xs, const char *text, bool of_events, struct err *e)
{
	struct expression x = { .text = text };
	const char *colon = text && of_events ? strchr(text, ':') : NULL;
	AUTO_FREE char *system = colon ? strndup(text, colon - text) : NULL;
	int status;

	if (!text) {
		xs->all = true;
		return EXIT_OK;
	}
	if ((colon && !system) || vec_reserve(xs, xs->nr + 1)) {
		err_errno(e, -ENOMEM, "cannot list");
		return EXIT_FAILED;
	}
	x.joined = colon;
	status = compile(colon ? system : text, &x.re, &x.has_re, e);
	if (!status && colon)
		status = compile(colon + 1, &x.event, &x.has_event, e);
	xs->v[xs->nr++] = x;
	return status;
}

static void expressions_release(struct expressions *xs)
{
	for (size_t i = 0; i < xs->nr; i++) {
		if (xs->v[i].has_re)
			regfree(&xs->v[i].re);
		if (xs->v[i].has_event)
			regfree(&xs->v[i].event);
	}
	vec_release(xs);
}

static bool matches(const regex_t *re, bool used, const char *word)
{
	return !used || !regexec(re, word, 0, NULL, 0);
}

static bool word_matches(struct expressions *xs, const char *word)
{
	bool any = xs->all || !xs->nr;

	for (size_t i = 0; i < xs->nr; i++)
		if (matches(&xs->v[i].re, xs->v[i].has_re, word))
			any = xs->v[i].met = true;
	return any;
}

/* Without ':' an expression is for either. */
static bool event_matches(struct expressions *xs, const struct kernel_event *ev)
{
	bool any = xs->all || !xs->nr;

	for (size_t i = 0; i < xs->nr; i++) {
		struct expression *x = &xs->v[i];
		bool system = matches(&x->re, x->has_re, ev->system);

		if (x->joined ? system && matches(&x->event, x->has_event, ev->name) :
				system || matches(&x->re, x->has_re, ev->name))
			any = x->met = true;
	}
	return any;
}

/* What was asked for and is not there, once all was looked at. */
static int tell_unmet(const struct expressions *xs, const char *what, struct err *e)
{
	for (size_t i = 0; i < xs->nr; i++)
		if (!xs->v[i].met) {
			err_set(e, -ENOENT, "no %s matches '%s'", what, xs->v[i].text);
			return EXIT_FAILED;
		}
	return EXIT_OK;
}

/* ---- events -------------------------------------------------------------- */

static int print_field_line(void *ctx, const char *line)
{
	(void)ctx;
	if (!strncmp(line, "print fmt:", 10))
		return 1;
	out_printf("%s\n", line);
	return 0;
}

static int print_format(const struct list *l, const struct kernel_event *ev)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };

	buf_printf(&file, "events/%s/%s/format", ev->system, ev->name);
	if (file.failed || kernel_read_named(kernel_top(l->k), file.data, &text, l->e)) {
		err_wrap(l->e, "cannot list the format of %s:%s", ev->system, ev->name);
		return EXIT_FAILED;
	}
	out_printf("system: %s\n", ev->system);
	if (l->full)
		out_put(text.data, text.len);
	else
		kernel_each_line(text.data, print_field_line, NULL);
	return EXIT_OK;
}

static void print_event_file(const struct list *l, const struct kernel_event *ev, const char *what)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };

	buf_printf(&file, "events/%s/%s/%s", ev->system, ev->name, what);
	if (file.failed || kernel_read(kernel_top(l->k), file.data, &text))
		return;		/* the events of "ftrace" have none */
	out_printf("%s\n", text.data);
}

static int print_event(const struct list *l, const struct kernel_event *ev)
{
	if (l->format)
		return print_format(l, ev);
	if (l->full)
		return list_event_full(l->k, ev, &l->instances, l->e);
	out_printf("%s:%s\n", ev->system, ev->name);
	if (l->filter)
		print_event_file(l, ev, "filter");
	if (l->trigger)
		print_event_file(l, ev, "trigger");
	return EXIT_OK;
}

/* The events of "ftrace" cannot be switched on; who looks for one finds it. */
static int list_ftrace_events(struct list *l)
{
	struct kernel_words names = { 0 };
	int status = EXIT_OK;

	if (kernel_system_events(l->k, "ftrace", &names, l->e))
		status = EXIT_FAILED;
	for (size_t i = 0; !status && i < names.nr; i++) {
		const struct kernel_event ev = { "ftrace", names.v[i] };

		if (event_matches(&l->events, &ev))
			status = print_event(l, &ev);
	}
	kernel_words_release(&names);
	return status;
}

static int list_events(struct list *l)
{
	const struct kernel_event *evs;
	size_t nr;
	int status = EXIT_OK;

	if (l->full && !l->format && kernel_instance_names(l->k, &l->instances, l->e))
		status = EXIT_FAILED;
	if (!status && kernel_events(l->k, &evs, &nr, l->e))
		status = EXIT_FAILED;
	if (!status && l->events.nr)
		status = list_ftrace_events(l);
	for (size_t i = 0; !status && i < nr; i++)
		if (event_matches(&l->events, &evs[i]))
			status = print_event(l, &evs[i]);
	kernel_words_release(&l->instances);
	return status;
}

static int list_systems(const struct list *l)
{
	const struct kernel_event *evs;
	size_t nr;

	if (kernel_events(l->k, &evs, &nr, l->e))
		return EXIT_FAILED;
	for (size_t i = 0; i < nr; i++)
		if (!i || strcmp(evs[i].system, evs[i - 1].system))
			out_printf("%s\n", evs[i].system);
	return EXIT_OK;
}

/* ---- words of control files ---------------------------------------------- */

#define FUNCTIONS "available_filter_functions"

static int print_matching(void *ctx, const char *line)
{
	if (word_matches(ctx, line))
		out_printf("%s\n", line);
	return 0;
}

static int list_lines(const struct list *l, const char *file, struct expressions *xs)
{
	AUTO_BUF struct buf text = { 0 };

	if (kernel_read_named(kernel_top(l->k), file, &text, l->e))
		return EXIT_FAILED;
	kernel_each_line(text.data, print_matching, xs);
	return EXIT_OK;
}

static int list_tracers(const struct list *l)
{
	struct expressions all = { .all = true };

	return list_lines(l, "available_tracers", &all);
}

struct prototype_list {
	struct list *l;
	struct kernel_prototypes *p;
	struct buf text, function, module;
};

/* @line: "FUNCTION" or "FUNCTION [MODULE]", which stays as it is without a prototype. */
static int print_prototype(void *ctx, const char *line)
{
	struct prototype_list *pl = ctx;
	size_t len = strcspn(line, " ");
	const char *bracket = line[len] ? strchr(line + len, '[') : NULL;
	struct err why = { 0 };

	if (!word_matches(&pl->l->functions, line))
		return 0;
	buf_clear(&pl->text);
	buf_clear(&pl->function);
	buf_clear(&pl->module);
	buf_put(&pl->function, line, len);
	if (bracket)
		buf_put(&pl->module, bracket + 1, strcspn(bracket + 1, "]"));
	if (pl->function.failed || pl->module.failed)
		return err_errno(pl->l->e, -ENOMEM, "cannot list the functions");
	if (kernel_prototype(pl->p, bracket ? pl->module.data : NULL, pl->function.data, &pl->text, &why) < 0)
		notice(&stderr_notices, "%s", why.text);
	if (pl->text.len)
		out_printf("%s%s\n", pl->text.data, line + len);
	else
		out_printf("%s\n", line);
	return 0;
}

static int list_prototypes(struct list *l)
{
	AUTO_BUF struct buf functions = { 0 };
	struct prototype_list pl = { .l = l };
	int status = EXIT_OK;

	if (kernel_read_named(kernel_top(l->k), FUNCTIONS, &functions, l->e) ||
	    kernel_prototypes_open(NULL, &stderr_notices, &pl.p, l->e))
		status = EXIT_FAILED;
	if (!status && kernel_each_line(functions.data, print_prototype, &pl))
		status = EXIT_FAILED;
	kernel_prototypes_close(pl.p);
	buf_release(&pl.text);
	buf_release(&pl.function);
	buf_release(&pl.module);
	return status;
}

static int list_functions(struct list *l)
{
	return l->prototypes ? list_prototypes(l) : list_lines(l, FUNCTIONS, &l->functions);
}

static int list_options(struct list *l)
{
	struct kernel_words words = { 0 };
	int status = EXIT_OK;

	if (kernel_options(kernel_top(l->k), &words, l->e))
		status = EXIT_FAILED;
	for (size_t i = 0; !status && i < words.nr; i++)
		print_matching(&l->options, words.v[i]);
	kernel_words_release(&words);
	return status;
}

static int list_clocks(const struct list *l)
{
	AUTO_BUF struct buf text = { 0 };
	struct dat_tsc2nsec tsc;

	if (kernel_read_named(kernel_top(l->k), "trace_clock", &text, l->e))
		return EXIT_FAILED;
	text.data[strcspn(text.data, "\n")] = 0;
	out_printf("%s%s\n", text.data, strstr(text.data, "x86-tsc") &&
		   !record_tsc2nsec(&tsc, NULL) ? " tsc2nsec" : "");
	return EXIT_OK;
}

static int list_instances(const struct list *l)
{
	struct kernel_words names = { 0 };

	if (kernel_instance_names(l->k, &names, l->e))
		return EXIT_FAILED;
	for (size_t i = 0; i < names.nr; i++)
		out_printf("%s\n", names.v[i]);
	if (!names.nr)
		out_printf("No buffer instances defined\n");
	kernel_words_release(&names);
	return EXIT_OK;
}

/* ---- of this program ----------------------------------------------------- */

static void list_codecs(void)
{
	const struct codec *c;

	out_printf("Supported compression algorithms:\n");
	for (unsigned i = 0; (c = codec_nth(i)); i++)
		out_printf("\t%s, %s\n", codec_name(c), codec_version(c));
}

/* ---- command line -------------------------------------------------------- */

static int list_all(struct list *l)
{
	int status;

	out_printf("event systems:\n");
	status = list_systems(l);
	if (!status) {
		out_printf("\nevents:\n");
		status = list_events(l);
	}
	if (!status) {
		out_printf("\ntracers:\n");
		status = list_tracers(l);
	}
	if (!status) {
		out_printf("\noptions:\n");
		status = list_options(l);
	}
	if (!status)
		list_codecs();
	return status;
}

static int list_parts(struct list *l)
{
	int status = EXIT_OK;

	if (l->parts & LIST_EVENTS)
		status = list_events(l);
	if (!status && (l->parts & LIST_SYSTEMS))
		status = list_systems(l);
	if (!status && (l->parts & LIST_TRACERS))
		status = list_tracers(l);
	if (!status && (l->parts & LIST_OPTIONS))
		status = list_options(l);
	if (!status && (l->parts & LIST_FUNCTIONS))
		status = list_functions(l);
	if (!status && (l->parts & LIST_INSTANCES))
		status = list_instances(l);
	if (!status && (l->parts & LIST_CLOCKS))
		status = list_clocks(l);
	if (!status && (l->parts & LIST_CODECS))
		list_codecs();
	if (!status && (l->parts & LIST_PLUGINS))
		status = list_plugins(l->e);
	if (!status && (l->parts & LIST_PLUGIN_OPTIONS))
		status = list_plugin_options(l->e);
	if (!status && (l->parts & LIST_USDT))
		status = list_usdt(l->program, l->e);
	if (!status)
		status = tell_unmet(&l->events, "event", l->e);
	if (!status)
		status = tell_unmet(&l->functions, "function", l->e);
	if (!status)
		status = tell_unmet(&l->options, "option", l->e);
	return status;
}

/* The word behind argv[*i] if it is its argument. */
static const char *argument(int argc, char **argv, int *i)
{
	if (*i + 1 >= argc || argv[*i + 1][0] == '-')
		return NULL;
	return argv[++*i];
}

/* Long options may be shortened as long as they stay unique. */
static bool is_long(const char *word, const char *name)
{
	return word[0] == '-' && word[1] == '-' && word[2] && !strncmp(word, name, strlen(word));
}

static int take_option(struct list *l, int argc, char **argv, int *i)
{
	const char *word = argv[*i];

	if (is_long(word, "--full")) {
		l->full = true;
		return EXIT_OK;
	}
	if (is_long(word, "--proto")) {
		l->prototypes = true;
		return EXIT_OK;
	}
	if (is_long(word, "--usdt")) {
		l->parts |= LIST_USDT;
		l->program = argument(argc, argv, i);
		return l->program ? EXIT_OK : usage_error(l->e, "option --usdt needs a program");
	}
	if (is_long(word, "--debug"))
		return EXIT_OK;		/* trace-cmd's: there is nothing more to tell */
	if (is_long(word, "--help"))
		return EXIT_HELP;
	if (word[0] != '-')
		return usage_error(l->e, "'%s' is no option", word);
	if (!word[1] || word[1] == '-')
		return usage_error(l->e, "there is no option '%s'", word);
	if (word[2])
		return usage_error(l->e, "options are given one by one, not as '%s'", word);
	switch (word[1]) {
	case 'h': return EXIT_HELP;
	case 'e': l->parts |= LIST_EVENTS; return expressions_add(&l->events, argument(argc, argv, i), true, l->e);
	case 'f': l->parts |= LIST_FUNCTIONS; return expressions_add(&l->functions, argument(argc, argv, i), false, l->e);
	case 'o': l->parts |= LIST_OPTIONS; return expressions_add(&l->options, argument(argc, argv, i), false, l->e);
	case 's': l->parts |= LIST_SYSTEMS; break;
	case 't': case 'p': l->parts |= LIST_TRACERS; break;
	case 'B': l->parts |= LIST_INSTANCES; break;
	case 'C': l->parts |= LIST_CLOCKS; break;
	case 'c': l->parts |= LIST_CODECS; break;
	case 'P': l->parts |= LIST_PLUGINS; break;
	case 'O': l->parts |= LIST_PLUGIN_OPTIONS; break;
	case 'F': l->format = true; break;
	case 'l': l->filter = true; break;
	case 'R': l->trigger = true; break;
	default: return usage_error(l->e, "there is no option %s", word);
	}
	return EXIT_OK;
}

/* What is asked for must fit together. */
static int check(const struct list *l)
{
	if ((l->format || l->full || l->filter || l->trigger) && !(l->parts & LIST_EVENTS))
		return usage_error(l->e, "option %s is about the events that -e lists: give -e",
				   l->full ? "--full" : l->format ? "-F" : l->filter ? "-l" : "-R");
	if (l->prototypes && !(l->parts & LIST_FUNCTIONS))
		return usage_error(l->e, "option --proto is about the functions that -f lists: give -f");
	return EXIT_OK;
}

static int list_run(int argc, char **argv, struct err *e)
{
	const unsigned of_program = LIST_CODECS | LIST_PLUGINS | LIST_PLUGIN_OPTIONS | LIST_USDT;
	struct list l = { .e = e };
	int status = EXIT_OK;

	for (int i = 1; !status && i < argc; i++)
		status = take_option(&l, argc, argv, &i);
	if (!status)
		status = check(&l);
	if (!status && (!l.parts || (l.parts & ~of_program)) && kernel_open(NULL, &stderr_notices, &l.k, e))
		status = EXIT_FAILED;
	if (!status)
		status = l.parts ? list_parts(&l) : list_all(&l);
	kernel_close(l.k);
	expressions_release(&l.events);
	expressions_release(&l.functions);
	expressions_release(&l.options);
	return status;
}

const struct command list_command = {
	.name = "list",
	.summary = "list events, tracers, options, functions, clocks and more",
	.usage = "[-e [RE] [--full] [-F] [-l] [-R]] [-f [RE] [--proto]] [-o [RE]] [-stBCcPO] [--debug]\n"
		 "       tracecmd list --usdt PROGRAM",
	.help = "  -e [RE]    events; RE is a basic regular expression, case ignored, for the\n"
		"             system or the event, or two with ':' between\n"
		"    -F       with their fields\n"
		"    --full   all about them: on or off, filter and triggers in each instance,\n"
		"             fields, print format, examples; with -F: the formats, whole\n"
		"    -l, -R   with their filters, triggers\n"
		"  -s         event systems\n"
		"  -t, -p     tracers\n"
		"  -o [RE]    trace options\n"
		"  -f [RE]    functions that can be traced\n"
		"    --proto  with their prototypes\n"
		"  -B         instances\n"
		"  -C         trace clocks, the one in use in brackets\n"
		"  -c         compression algorithms\n"
		"  -P, -O     event plugins; their options\n"
		"  --usdt PROGRAM  the markers (USDT) that a program or library carries\n"
		"  --debug    accepted, as trace-cmd has it\n"
		"\nWithout an option: systems, events, tracers, options and compression algorithms.\n"
		"An option may be followed by its RE, and given again with another; options\n"
		"cannot be joined ('-e -F', not '-eF').\n",
	.run = list_run,
};
