// SPDX-License-Identifier: GPL-2.0-or-later
/* probe: dynamic events, made, listed and removed one by one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

enum { OPT_USER = 256, OPT_USDT, OPT_KIND, OPT_JSON, OPT_FORCE };

enum action { ADD, LIST, DEL, CLEAR, NR_ACTIONS };

#define BIT(action) (1u << (action))

static const char *const action_names[NR_ACTIONS] = {
	[ADD] = "add", [LIST] = "list", [DEL] = "del", [CLEAR] = "clear",
};

struct probe {
	enum action action;
	struct kernel *k;
	enum kernel_dyn_where where;
	bool json, force;
	unsigned kinds;			/* bits; 0: all */
	char **words;			/* behind the options */
	size_t nr_words;
	struct kernel_dyn_events evs;
	bool *chosen;
	struct err *e;
};

/* ---- choosing -------------------------------------------------------------- */

static int no_memory(struct probe *p)
{
	err_errno(p->e, -ENOMEM, "cannot choose among the dynamic events");
	return EXIT_FAILED;
}

static bool is_kind(const struct probe *p, size_t i)
{
	return !p->kinds || p->kinds & p->evs.v[i].type;
}

static int nothing_matches(struct probe *p, const char *what)
{
	struct near near;

	err_set(p->e, -ENOENT, "there is no dynamic event '%s'", what);
	near_init(&near, what);
	for (size_t i = 0; i < p->evs.nr; i++) {
		const struct kernel_dyn_event *ev = &p->evs.v[i];
		AUTO_BUF struct buf full = { 0 };

		if (!buf_printf(&full, "%s:%s", ev->group, ev->name))
			near_try(&near, full.data);
		near_try(&near, ev->name);
		near_try(&near, ev->group);
	}
	near_hint(&near, p->e);
	err_hint(p->e, "'tracecmd probe list' lists them");
	return EXIT_FAILED;
}

static int choose_word(struct probe *p, const char *what)
{
	bool any = false;

	for (size_t i = 0; i < p->evs.nr; i++) {
		if (!is_kind(p, i) || !kernel_dyn_matches(&p->evs.v[i], what))
			continue;
		p->chosen[i] = any = true;
	}
	return any ? EXIT_OK : nothing_matches(p, what);
}

/* Those that the words name; all, if there are none. */
static int choose(struct probe *p)
{
	int status = EXIT_OK;

	if (kernel_dyn_list(p->k, &p->evs, p->e))
		return EXIT_FAILED;
	p->chosen = calloc(p->evs.nr + 1, sizeof(*p->chosen));
	if (!p->chosen)
		return no_memory(p);
	for (size_t i = 0; !p->nr_words && i < p->evs.nr; i++)
		p->chosen[i] = is_kind(p, i);
	for (size_t i = 0; !status && i < p->nr_words; i++)
		status = choose_word(p, p->words[i]);
	return status;
}

/* ---- actions ---------------------------------------------------------------- */

static int print_made(struct probe *p, const struct kernel_dyn_def *def)
{
	AUTO_BUF struct buf name = { 0 };
	char *word;
	int status;

	if (!p->json) {
		out_printf("%s:%s\n", def->group, def->name);
		return EXIT_OK;
	}
	if (buf_printf(&name, "%s/%s", def->group, def->name))
		return no_memory(p);
	word = name.data;
	p->words = &word;
	p->nr_words = 1;
	status = choose(p);
	return status ? status : probe_print(p->k, &p->evs, p->chosen, true, p->e);
}

/* The definition may be one word of the shell's or several. */
static int add(struct probe *p)
{
	AUTO_BUF struct buf text = { 0 };
	struct kernel_dyn_def def;
	int r;

	for (size_t i = 0; i < p->nr_words; i++)
		buf_printf(&text, "%s%s", i ? " " : "", p->words[i]);
	if (text.failed)
		return no_memory(p);
	r = kernel_dyn_parse(text.data, p->where, &def, p->e);
	if (!r)
		r = kernel_open(NULL, &stderr_notices, &p->k, p->e);
	if (!r)
		r = kernel_dyn_prepare(p->k, &def, p->e);
	if (!r)
		r = kernel_dyn_add(p->k, &def, p->e);
	r = r ? EXIT_FAILED : print_made(p, &def);
	kernel_dyn_def_release(&def);
	return r;
}

static int list(struct probe *p)
{
	int status = choose(p);

	return status ? status : probe_print(p->k, &p->evs, p->chosen, p->json, p->e);
}

/* del and clear: what stays is told one by one. */
static int remove_chosen(struct probe *p)
{
	int status = choose(p);

	/* Of programs, which nobody named. */
	for (size_t i = 0; !status && !p->nr_words && i < p->evs.nr; i++)
		p->chosen[i] &= p->evs.v[i].type != KERNEL_DYN_USER && *p->evs.v[i].group;
	if (status)
		return status;
	return kernel_dyn_del_chosen(p->k, &p->evs, p->chosen, p->force, p->e) ? EXIT_FAILED : EXIT_OK;
}

/* ---- command line ------------------------------------------------------------ */

static int take_kind(struct probe *p)
{
	unsigned kind = kernel_dyn_type_by_name(optarg);

	if (!kind)
		return usage_error(p->e, "option --kind: '%s' is no kind of dynamic events; there are kprobe, "
				   "kretprobe, uprobe, uretprobe, eprobe, synth, fprobe, tprobe, user and all", optarg);
	p->kinds |= kind;
	return EXIT_OK;
}

static const struct option long_options[] = {
	{ "user", no_argument, NULL, OPT_USER },
	{ "usdt", no_argument, NULL, OPT_USDT },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

/* Options that mean something to some actions only. */
static int check_use(struct probe *p, int opt)
{
	static const struct {
		int opt;
		unsigned actions;
	} uses[] = {
		{ OPT_USER, BIT(ADD) }, { OPT_USDT, BIT(ADD) }, { OPT_KIND, BIT(LIST) | BIT(DEL) | BIT(CLEAR) },
		{ OPT_JSON, BIT(ADD) | BIT(LIST) }, { OPT_FORCE, BIT(DEL) | BIT(CLEAR) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (uses[i].opt == opt && !(uses[i].actions & BIT(p->action)))
			return usage_error(p->e, "option --%s has no effect with 'probe %s'",
					   long_options[opt - OPT_USER].name, action_names[p->action]);
	return EXIT_OK;
}

/* An argument of a probe may begin with '-': there options stand in front of the first word. */
static int take_options(struct probe *p, int argc, char **argv)
{
	int opt, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, p->action == ADD ? "+:h" : ":h", long_options, NULL)) != -1) {
		status = check_use(p, opt);
		if (status)
			break;
		switch (opt) {
		case 'h': return EXIT_HELP;
		case OPT_USER: p->where = KERNEL_DYN_IN_PROGRAM; break;
		case OPT_USDT: p->where = KERNEL_DYN_AT_MARKER; break;
		case OPT_KIND: status = take_kind(p); break;
		case OPT_JSON: p->json = true; break;
		case OPT_FORCE: p->force = true; break;
		default: status = option_refused(opt, argv, long_options, p->e);
		}
	}
	p->words = argv + optind;
	p->nr_words = argc - optind;
	return status;
}

static int act(struct probe *p)
{
	if (p->action == ADD && !p->nr_words)
		return usage_error(p->e, "'probe add' needs a definition: a function, PROGRAM:SYMBOL, or the kernel's "
				   "syntax");
	if (p->action == DEL && !p->nr_words)
		return usage_error(p->e, "'probe del' needs a name; 'probe clear' removes all");
	if (p->action == CLEAR && p->nr_words)
		return usage_error(p->e, "'probe clear' takes no argument '%s'; 'probe del' does", p->words[0]);
	if (p->action == ADD)
		return add(p);
	if (kernel_open(NULL, &stderr_notices, &p->k, p->e))
		return EXIT_FAILED;
	return p->action == LIST ? list(p) : remove_chosen(p);
}

static int probe_run(int argc, char **argv, struct err *e)
{
	struct probe p = { .e = e };
	int status = EXIT_USAGE;

	p.action = take_action(argc, argv, action_names, NR_ACTIONS, e);
	if (p.action < NR_ACTIONS)
		status = take_options(&p, argc - 1, argv + 1);
	if (!status)
		status = act(&p);
	kernel_dyn_events_release(&p.evs);
	free(p.chosen);
	kernel_close(p.k);
	return status;
}

const struct command probe_command = {
	.name = "probe",
	.summary = "make, list and remove dynamic events: probes and synthetic events",
	.usage = "add [--user | --usdt] [--json] DEFINITION\n"
		 "       tracecmd probe list [--kind KIND]... [--json] [EVENT]...\n"
		 "       tracecmd probe del [--kind KIND]... [--force] EVENT...\n"
		 "       tracecmd probe clear [--kind KIND]... [--force]",
	.help = "  --user       the place is in a program, which is looked for in PATH\n"
		"  --usdt       the place is a marker of a program, PROGRAM:PROVIDER:NAME\n"
		"  --kind KIND  only these: kprobe, kretprobe, uprobe, uretprobe, eprobe, synth,\n"
		"               fprobe, tprobe, user (repeatable)\n"
		"  --json       for programs\n"
		"  --force      switch off what is in use, in all instances, and remove its\n"
		"               triggers\n"
		"\nA DEFINITION is [[GROUP/]NAME=]PLACE [ret] [ARGUMENT]..., as in\n"
		"  vfs_read count                     a kernel function; its parameter by name\n"
		"  nfs:nfs_file_read ret              of a module, where it returns\n"
		"  open=do_sys_openat2 filename:ustring\n"
		"  /bin/bash:readline ret             a function of a program, or 0xOFFSET\n"
		"  ./server:handle request            its parameter, by debug information\n"
		"  ./server:main.c:120                a line of its source\n"
		"  usdt:./server:app:start            a marker that it carries, with arguments\n"
		"or what the kernel takes: p:GROUP/NAME PLACE [NAME=FETCH[:TYPE]]..., likewise r\n"
		"(return), e (on an event), f (functions), t (tracepoints), s:NAME TYPE FIELD; ...\n"
		"\nAn EVENT is a name, a group, GROUP:NAME, each a glob; or a definition as it is\n"
		"listed. 'tracecmd record --probe DEFINITION' makes one for a recording alone.\n",
	.on_kernel = true,
	.run = probe_run,
};
