// SPDX-License-Identifier: GPL-2.0-or-later
/* trigger: event triggers, histograms and function commands of an instance. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "event/escape.h"
#include "kernel/trigger.h"

enum { OPT_JSON = 256 };

enum action { ADD, LIST, DEL, CLEAR, PAUSE, CONTINUE, EMPTY, NR_ACTIONS };

static const char *const action_names[NR_ACTIONS] = {
	[ADD] = "add", [LIST] = "list", [DEL] = "del", [CLEAR] = "clear", [PAUSE] = "pause",
	[CONTINUE] = "continue", [EMPTY] = "empty",
};

/* What a histogram is told; NULL: no histogram's. */
static const char *const controls[NR_ACTIONS] = {
	[PAUSE] = "pause", [CONTINUE] = "cont", [EMPTY] = "clear",
};

struct trigger {
	enum action action;
	struct kernel *k;
	struct kernel_instance *in;
	const char *instance;		/* -B; "": the top level */
	bool json;
	const char *what;		/* an event or a function command; NULL: all */
	struct buf text;		/* the trigger, its words joined */
	struct kernel_triggers all;
	struct err *e;
};

/* ---- actions ---------------------------------------------------------------- */

static bool is_chosen(const struct trigger *t, const struct kernel_trigger *it)
{
	if (controls[t->action] && !kernel_trigger_is_hist(it))
		return false;
	return (!t->what || kernel_trigger_fits(it, t->what)) && (!t->text.len || kernel_trigger_is(it, t->text.data));
}

/* A lone word is a function with its command. */
static int add(struct trigger *t)
{
	int r = t->text.len ? kernel_trigger_add(t->in, t->what, t->text.data, t->e) :
			      kernel_command_add(t->in, t->what, t->e);

	if (r)
		kernel_undo(t->k, NULL);
	else
		kernel_undo_forget(t->k);
	return r ? EXIT_FAILED : EXIT_OK;
}

static void print(const struct trigger *t, const struct kernel_trigger *it, bool first)
{
	AUTO_BUF struct buf line = { 0 }, event = { 0 };

	if (it->event)
		buf_printf(&event, "%s:%s", it->system, it->event);
	if (!t->json) {
		out_printf("%s%s%s\n", event.len ? event.data : "", event.len ? " " : "", it->text);
		return;
	}
	buf_puts(&line, first ? "\n {\"event\":" : ",\n {\"event\":");
	if (event.len)
		put_quoted(&line, event.data, ESCAPE_JSON);
	else
		buf_puts(&line, "null");
	buf_puts(&line, ",\"trigger\":");
	put_quoted(&line, it->text, ESCAPE_JSON);
	buf_puts(&line, "}");
	if (!line.failed)
		out_put(line.data, line.len);
}

static int act_on(struct trigger *t, const struct kernel_trigger *it, bool first)
{
	if (t->action == LIST)
		return print(t, it, first), 0;
	return controls[t->action] ? kernel_trigger_control(t->in, it, controls[t->action], t->e) :
					    kernel_trigger_remove(t->in, it, t->e);
}

/* Others than add: on those that are there. */
static int act_on_chosen(struct trigger *t)
{
	size_t nr = 0;

	if (kernel_trigger_list(t->in, &t->all, t->e))
		return EXIT_FAILED;
	if (t->json)
		out_printf("[");
	for (size_t i = 0; i < t->all.nr; i++) {
		if (!is_chosen(t, &t->all.v[i]))
			continue;
		if (act_on(t, &t->all.v[i], !nr++))
			return EXIT_FAILED;
	}
	if (t->json)
		out_printf(nr ? "\n]\n" : "]\n");
	if (nr || !t->what || t->action == LIST)
		return EXIT_OK;
	err_set(t->e, -ENOENT, "there is no %s '%s%s%s'%s%s%s", controls[t->action] ? "histogram" : "trigger",
		t->what, t->text.len ? " " : "", t->text.len ? t->text.data : "", *t->instance ? " in instance '" : "",
		t->instance, *t->instance ? "'" : "");
	err_hint(t->e, "'tracecmd trigger list' lists them");
	return EXIT_FAILED;
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
	if (t->action == CLEAR && nr)
		return usage_error(t->e, "'trigger clear' takes no argument '%s'; 'trigger del' does", t->what);
	return EXIT_OK;
}

/* Words of a trigger may begin with '-': options stand in front of the first word. */
static int take_options(struct trigger *t, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:B:h", long_options, NULL)) != -1) {
		if (opt == 'h')
			return EXIT_HELP;
		if (opt == 'B')
			t->instance = optarg;
		else if (opt == OPT_JSON && t->action == LIST)
			t->json = true;
		else if (opt == OPT_JSON)
			return usage_error(t->e, "option --json has no effect with 'trigger %s'", action_names[t->action]);
		else
			return option_refused(opt, argv, long_options, t->e);
	}
	return take_words(t, argc - optind, argv + optind);
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
		status = t.action == ADD ? add(&t) : act_on_chosen(&t);
	kernel_triggers_release(&t.all);
	buf_release(&t.text);
	kernel_close(t.k);
	return status;
}

const struct command trigger_command = {
	.name = "trigger",
	.summary = "make, list and remove event triggers, histograms and function commands",
	.usage = "add [-B NAME] EVENT TRIGGER | FUNCTION:COMMAND[:COUNT]\n"
		 "       tracecmd trigger list [-B NAME] [--json] [EVENT [TRIGGER]]\n"
		 "       tracecmd trigger del [-B NAME] EVENT [TRIGGER] | FUNCTION:COMMAND\n"
		 "       tracecmd trigger clear [-B NAME]\n"
		 "       tracecmd trigger pause|continue|empty [-B NAME] [EVENT [TRIGGER]]",
	.help = "  -B NAME  of this instance; without it, of the top level\n"
		"  --json   for programs\n"
		"\nadd adds to all events that EVENT means (as -e of record), del removes those of them\n"
		"that begin with the words given, clear removes all; pause, continue and empty are for\n"
		"histograms, which 'tracecmd show --hist EVENT' prints. TRIGGERs are the kernel's:\n"
		"traceon, traceoff, stacktrace, snapshot, enable_event:SYSTEM:EVENT, disable_event:...,\n"
		"each with [:COUNT] [if FILTER], and hist:keys=...; COMMANDs are traceon, traceoff,\n"
		"stacktrace, snapshot, dump, cpudump, enable_event:..., disable_event:...\n",
	.on_kernel = true,
	.run = trigger_run,
};
