// SPDX-License-Identifier: GPL-2.0-or-later
/* trigger: event triggers, histograms and function commands of an instance, and who hooks functions. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/escape.h"
#include "supervisor.h"
#include "trigger.h"

enum { OPT_JSON = 256, OPT_FUNCTIONS, OPT_SORT, OPT_TOP };

enum action { ADD, LIST, DEL, CLEAR, SHOW, PAUSE, CONTINUE, EMPTY, NR_ACTIONS };

/* What an action does; @control: what a histogram is told. */
static const char *const action_names[NR_ACTIONS] = {
	[ADD] = "add", [LIST] = "list", [DEL] = "del", [CLEAR] = "clear", [SHOW] = "show", [PAUSE] = "pause",
	[CONTINUE] = "continue", [EMPTY] = "empty",
};
static const char *const controls[NR_ACTIONS] = {
	[PAUSE] = "pause", [CONTINUE] = "cont", [EMPTY] = "clear",
};

struct trigger {
	enum action action;
	struct kernel *k;
	struct kernel_instance *in;
	const char *instance;		/* -B; "": the top level */
	struct trigger_show how;
	bool functions;			/* --functions */
	const char *what;		/* an event or a function command; NULL: all */
	struct buf text;		/* the trigger, its words joined */
	struct kernel_triggers all;
	struct err *e;
};

/* ---- actions ---------------------------------------------------------------- */

static bool on_hists(const struct trigger *t)
{
	return t->action >= SHOW;
}

static bool is_chosen(const struct trigger *t, const struct kernel_trigger *it)
{
	if (on_hists(t) && !kernel_trigger_is_hist(it))
		return false;
	return (!t->what || kernel_trigger_fits(it, t->what)) && (!t->text.len || kernel_trigger_is(it, t->text.data));
}

/* A lone word is a function with its command. */
static int write_added(void *ctx, struct err *e)
{
	const struct trigger *t = ctx;

	return t->text.len ? kernel_trigger_add(t->in, t->what, t->text.data, e) : kernel_command_add(t->in, t->what, e);
}

static int add(struct trigger *t)
{
	return supervisor_change(t->k, write_added, t, t->e) ? EXIT_FAILED : EXIT_OK;
}

/* An object of a text and what it belongs to. */
static void put_object(struct buf *b, const char *of, const char *name, const char *what, const char *text)
{
	buf_printf(b, "{\"%s\":", of);
	if (name)
		put_quoted(b, name, ESCAPE_JSON);
	else
		buf_puts(b, "null");
	buf_printf(b, ",\"%s\":", what);
	put_quoted(b, text, ESCAPE_JSON);
	buf_puts(b, "}");
}

/* One line for each, or the elements of an array. */
static void print(const struct trigger *t, const char *of, const char *name, const char *what, const char *text, bool first)
{
	AUTO_BUF struct buf line = { 0 };

	if (!t->how.json) {
		out_printf("%s%s%s\n", name ? name : "", name ? " " : "", text);
		return;
	}
	buf_puts(&line, first ? "\n " : ",\n ");
	put_object(&line, of, name, what, text);
	if (!line.failed)
		out_put(line.data, line.len);
}

static void end_array(const struct trigger *t, bool empty)
{
	if (t->how.json)
		out_printf(empty ? "]\n" : "\n]\n");
}

static int list(struct trigger *t, const bool *chosen)
{
	bool first = true;

	for (size_t i = 0; i < t->all.nr; i++) {
		const struct kernel_trigger *it = &t->all.v[i];
		AUTO_BUF struct buf event = { 0 };

		if (!chosen[i])
			continue;
		if (it->event && buf_printf(&event, "%s:%s", it->system, it->event))
			return err_errno(t->e, -ENOMEM, "cannot list the triggers");
		print(t, "event", event.data, "trigger", it->text, first);
		first = false;
	}
	end_array(t, first);
	return 0;
}

static int control(struct trigger *t, const bool *chosen)
{
	int r = 0;

	for (size_t i = 0; !r && i < t->all.nr; i++)
		if (chosen[i])
			r = kernel_trigger_control(t->in, &t->all.v[i], controls[t->action], t->e);
	return r;
}

static int act_on(struct trigger *t, bool *chosen)
{
	switch (t->action) {
	case LIST:
		if (t->how.json)
			out_printf("[");
		return list(t, chosen);
	case SHOW:
		return trigger_show_hists(t->in, &t->all, chosen, &t->how, t->e);
	case DEL:
	case CLEAR:
		return kernel_triggers_remove(t->in, &t->all, chosen, t->e) ? -EBUSY : 0;
	default:
		return control(t, chosen);
	}
}

/* Others than add: on those that are there. */
static int act_on_chosen(struct trigger *t)
{
	bool *chosen AUTO_FREE = NULL;
	size_t nr = 0;

	if (kernel_trigger_list(t->in, &t->all, t->e))
		return EXIT_FAILED;
	chosen = calloc(t->all.nr + 1, sizeof(*chosen));
	if (!chosen)
		return err_errno(t->e, -ENOMEM, "cannot list the triggers"), EXIT_FAILED;
	for (size_t i = 0; i < t->all.nr; i++)
		nr += chosen[i] = is_chosen(t, &t->all.v[i]);
	/* an event may have none; function commands are known by being there only */
	if (!nr && t->what && t->action == LIST && kernel_trigger_check(t->in, t->what, t->e))
		return EXIT_FAILED;
	if (nr || !t->what || t->action == LIST)
		return act_on(t, chosen) ? EXIT_FAILED : EXIT_OK;
	err_set(t->e, -ENOENT, "there is no %s '%s%s%s'%s%s%s", on_hists(t) ? "histogram" : "trigger",
		t->what, t->text.len ? " " : "", t->text.len ? t->text.data : "", *t->instance ? " in instance '" : "",
		t->instance, *t->instance ? "'" : "");
	err_hint(t->e, "'tracecmd trigger list' lists them");
	return EXIT_FAILED;
}

/* ---- functions ---------------------------------------------------------------- */

struct functions {
	struct trigger *t;
	bool first;
};

static int print_function(void *ctx, const char *table, const char *text)
{
	struct functions *f = ctx;

	print(f->t, "table", table, "function", text, f->first);
	f->first = false;
	return 0;
}

static int list_functions(struct trigger *t)
{
	struct functions f = { t, true };
	int r;

	if (t->how.json)
		out_printf("[");
	r = kernel_functions_each(t->in, t->what, print_function, &f, t->e);
	if (!r)
		end_array(t, f.first);
	return r ? EXIT_FAILED : EXIT_OK;
}

/* ---- command line ------------------------------------------------------------ */

static int take_words(struct trigger *t, int nr, char **words)
{
	t->what = nr ? words[0] : NULL;
	for (int i = 1; i < nr; i++)
		buf_printf(&t->text, "%s%s", i > 1 ? " " : "", words[i]);
	if (t->text.failed)
		return err_errno(t->e, -ENOMEM, "cannot read the command line"), EXIT_FAILED;
	if (!nr && (t->action == ADD || t->action == DEL))
		return usage_error(t->e, "'trigger %s' needs an event and a trigger, or FUNCTION:COMMAND",
				   action_names[t->action]);
	if (nr == 1 && t->action == ADD && !strchr(t->what, ':'))
		return usage_error(t->e, "what is to be triggered by '%s' is missing", t->what);
	if (t->functions && nr > 1)
		return usage_error(t->e, "--functions takes one pattern of functions: '%s' is too much", words[1]);
	if (t->action == CLEAR && nr)
		return usage_error(t->e, "'trigger clear' takes no argument '%s'; 'trigger del' does", t->what);
	return EXIT_OK;
}

/* Which actions an option is for. */
static bool has_effect(enum action action, int opt)
{
	return action == SHOW ? opt != OPT_FUNCTIONS : action == LIST && (opt == OPT_JSON || opt == OPT_FUNCTIONS);
}

static int take_option(struct trigger *t, int opt, const char *name)
{
	if (opt == 'B') {
		t->instance = optarg;
		return EXIT_OK;
	}
	if (!has_effect(t->action, opt))
		return usage_error(t->e, "option --%s has no effect with 'trigger %s'", name, action_names[t->action]);
	if (opt == OPT_TOP && parse_u64(optarg, &t->how.top))
		return usage_error(t->e, "option --top: '%s' is not a number of entries", optarg);
	if (opt == OPT_SORT)
		t->how.sort = optarg;
	t->how.has_top |= opt == OPT_TOP;
	t->how.json |= opt == OPT_JSON;
	t->functions |= opt == OPT_FUNCTIONS;
	return EXIT_OK;
}

/* Words of a trigger may begin with '-': options stand in front of the first word. */
static int take_options(struct trigger *t, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "functions", no_argument, NULL, OPT_FUNCTIONS },
		{ "sort", required_argument, NULL, OPT_SORT },
		{ "top", required_argument, NULL, OPT_TOP },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, at = 0, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, "+:B:h", long_options, &at)) != -1) {
		if (opt == 'h')
			return EXIT_HELP;
		status = opt == '?' || opt == ':' ? option_refused(opt, argv, long_options, t->e) :
						   take_option(t, opt, long_options[at].name);
	}
	return status ? status : take_words(t, argc - optind, argv + optind);
}

static int trigger_run(int argc, char **argv, struct err *e)
{
	struct trigger t = { .instance = "", .e = e };
	int status = EXIT_USAGE;

	t.action = take_action(argc, argv, action_names, NR_ACTIONS, e);
	if (t.action < NR_ACTIONS)
		status = take_options(&t, argc - 1, argv + 1);
	if (!status && (kernel_open(NULL, &stderr_notices, &t.k, e) ||
			kernel_instance_get(t.k, t.instance, false, &t.in, e)))
		status = EXIT_FAILED;
	if (!status)
		status = t.action == ADD ? add(&t) : t.functions ? list_functions(&t) : act_on_chosen(&t);
	kernel_triggers_release(&t.all);
	buf_release(&t.text);
	kernel_close(t.k);
	return status;
}

const struct command trigger_command = {
	.name = "trigger",
	.summary = "event triggers, histograms and function commands: make, list, show and remove them",
	.usage = "add [-B NAME] EVENT TRIGGER | FUNCTION:COMMAND[:COUNT]\n"
		 "       tracecmd trigger list [-B NAME] [--json] [EVENT [TRIGGER]]\n"
		 "       tracecmd trigger list --functions [-B NAME] [--json] [FUNCTION]\n"
		 "       tracecmd trigger del [-B NAME] EVENT [TRIGGER] | FUNCTION:COMMAND\n"
		 "       tracecmd trigger clear [-B NAME]\n"
		 "       tracecmd trigger show [-B NAME] [--sort COLUMN[:descending]] [--top N] [--json]\n"
		 "                             [EVENT [TRIGGER]]\n"
		 "       tracecmd trigger pause|continue|empty [-B NAME] [EVENT [TRIGGER]]",
	.help = "  -B NAME  of this instance; without it, of the top level\n"
		"  --json   for programs\n"
		"  --functions     who hooks functions, and the tables of functions that are traced\n"
		"  --sort COLUMN[:descending]  show by this key or value; without it, as the kernel sorts\n"
		"  --top N         show the first N entries of each histogram\n"
		"\nadd adds to all events that EVENT means (as -e of record), del removes those of them\n"
		"that begin with the words given, clear removes all; show, pause, continue and empty are\n"
		"for histograms, show prints them as tables. TRIGGERs are the kernel's:\n"
		"traceon, traceoff, stacktrace, snapshot, enable_event:SYSTEM:EVENT, disable_event:...,\n"
		"each with [:COUNT] [if FILTER], and hist:keys=...; COMMANDs are traceon, traceoff,\n"
		"stacktrace, snapshot, dump, cpudump, enable_event:..., disable_event:...\n",
	.on_kernel = true,
	.run = trigger_run,
};
