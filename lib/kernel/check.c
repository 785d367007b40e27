// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Comparing a setup with the kernel before anything is changed: every name on
 * the command line exists, or the error says what is near.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/internal.h"

/* What is being checked. */
struct check {
	struct kernel *k;
	struct kernel_setup *s;
	struct kernel_instance_setup *is;
	struct kernel_instance *in;	/* the instance, or the top level if it is yet to be made */
	struct err *e;
};

/* ---- lists of words ------------------------------------------------------ */

/* Splits at blanks; brackets around a word are taken off. */
static int split_words(const char *text, struct kernel_words *ret)
{
	while (*text) {
		size_t len = strcspn(text, " \t\n");
		char word[256];

		if (len && len < sizeof(word)) {
			size_t skip = text[0] == '[', cut = skip && text[len - 1] == ']';

			snprintf(word, sizeof(word), "%.*s", (int)(len - skip - cut), text + skip);
			if (kernel_words_add(ret, word))
				return -ENOMEM;
		}
		text += len + (text[len] != 0);
	}
	return 0;
}

static bool has_word(const struct kernel_words *w, const char *word)
{
	for (size_t i = 0; i < w->nr; i++)
		if (!strcmp(w->v[i], word))
			return true;
	return false;
}

/* Whether @word is one of the words of a control file. */
static int check_word(struct check *c, const char *option, const char *what, const char *file,
		      const char *word)
{
	AUTO_BUF struct buf text = { 0 };
	struct kernel_words words = { 0 };
	struct near near;
	int ret = kernel_read_named(c->in, file, &text, c->e);

	if (ret)
		return err_wrap(c->e, "option %s %s", option, word), ret;
	ret = split_words(text.data, &words);
	if (!ret && !has_word(&words, word)) {
		ret = err_set(c->e, -EINVAL, "option %s: this kernel has no %s '%s'%s%s", option,
			      what, word, *c->in->name ? " in instance " : "", c->in->name);
		near_init(&near, word);
		for (size_t i = 0; i < words.nr; i++)
			near_try(&near, words.v[i]);
		near_hint(&near, c->e);
		if (!near.nr && words.nr && words.nr < 24) {
			text.data[strcspn(text.data, "\n")] = 0;
			err_hint(c->e, "there are: %s", text.data);
		}
	} else if (ret) {
		err_errno(c->e, ret, "option %s", option);
	}
	kernel_words_release(&words);
	return ret;
}

static int check_file(struct check *c, struct kernel_instance *in, const char *option,
		      const char *file, const char *without)
{
	if (kernel_has(in, file))
		return 0;
	return err_set(c->e, -ENOENT, "option %s: this kernel has no %s: %s", option, file, without);
}

/* ---- events -------------------------------------------------------------- */

bool event_fits(const struct kernel_event *ev, const char *pattern)
{
	const char *colon = strchr(pattern, ':');
	char system[256];

	if (!colon)
		return !strcmp(pattern, "all") || !fnmatch(pattern, ev->name, 0) ||
		       !fnmatch(pattern, ev->system, 0);
	snprintf(system, sizeof(system), "%.*s", (int)(colon - pattern), pattern);
	return !fnmatch(system, ev->system, 0) && !fnmatch(colon[1] ? colon + 1 : "*", ev->name, 0);
}

int ask_find_events(struct kernel_event_ask *ask, const struct kernel_event *evs, size_t nr)
{
	ask->found.nr = 0;
	for (size_t i = 0; i < nr; i++)
		if (event_fits(&evs[i], ask->pattern) && vec_push(&ask->found, i))
			return -ENOMEM;
	return 0;
}

void hint_near_events(const struct kernel_event *evs, size_t nr, const char *pattern, struct err *e)
{
	const char *colon = strchr(pattern, ':');
	struct near near;

	near_init(&near, pattern);
	for (size_t i = 0; i < nr; i++) {
		char full[512];

		snprintf(full, sizeof(full), "%s:%s", evs[i].system, evs[i].name);
		if (colon) {
			near_try(&near, full);
			continue;
		}
		near_try(&near, evs[i].name);
		near_try(&near, evs[i].system);
	}
	if (!near.nr && colon) {
		/* A right event with a wrong system, or the other way round. */
		near_init(&near, colon[1] ? colon + 1 : "");
		for (size_t i = 0; colon[1] && i < nr; i++)
			near_try(&near, evs[i].name);
	}
	near_hint(&near, e);
	err_hint(e, "'tracecmd list -e' lists the events");
}

static int no_event(struct check *c, const struct kernel_event_ask *ask,
		    const struct kernel_event *evs, size_t nr)
{
	int ret = ask->hook ?
		err_set(c->e, -ENOENT, "option -H %s: this kernel has no event '%s'", ask->hook,
			ask->pattern + (strncmp(ask->pattern, "*:", 2) ? 0 : 2)) :
		err_set(c->e, -ENOENT, "option %s: this kernel has no event or system '%s'",
			kernel_event_option(c->is), ask->pattern);

	/* as set_event of Linux 6.14 has it, of modules that are loaded or not */
	if (!ask->hook && strstr(ask->pattern, ":mod:"))
		err_hint(c->e, "the events of a module are there once it is loaded: load it first and name them as any other");
	if (!ask->hook && strchr(ask->pattern, ','))
		err_hint(c->e, "one %s names one event or glob; give it several times",
			 kernel_event_option(c->is));
	hint_near_events(evs, nr, ask->pattern, c->e);
	return ret;
}

/* One of the events found, whichever the system, has all fields that a hook needs. */
static int check_fields(struct check *c, const struct kernel_event_ask *ask,
			const struct kernel_event *evs)
{
	int ret = 0;

	for (size_t i = 0; i < ask->found.nr; i++) {
		const struct kernel_event *ev = &evs[ask->found.v[i]];
		struct kernel_words fields = { 0 };
		const char *missing = NULL;
		struct near near;

		ret = kernel_event_fields(c->k, ev, &fields, c->e);
		for (size_t j = 0; !ret && !missing && j < ask->fields.nr; j++)
			if (!has_word(&fields, ask->fields.v[j]))
				missing = ask->fields.v[j];
		if (missing) {
			ret = err_set(c->e, -EINVAL, "option -H %s: event '%s:%s' has no field '%s'",
				      ask->hook, ev->system, ev->name, missing);
			near_init(&near, missing);
			for (size_t j = 0; j < fields.nr; j++)
				near_try(&near, fields.v[j]);
			near_hint(&near, c->e);
			err_hint(c->e, "'tracecmd list -e %s:%s -F' shows its fields", ev->system, ev->name);
		}
		kernel_words_release(&fields);
		if (!ret)
			return 0;
	}
	return ret;
}

static int check_events(struct check *c)
{
	const struct kernel_event *evs;
	size_t nr;
	int ret;

	if (!c->is->events.nr)
		return 0;
	ret = kernel_events(c->k, &evs, &nr, c->e);
	if (ret)
		return ret;
	for (size_t i = 0; i < c->is->events.nr; i++) {
		struct kernel_event_ask *ask = &c->is->events.v[i];

		if (ask_find_events(ask, evs, nr))
			return err_errno(c->e, -ENOMEM, "option -e %s", ask->pattern);
		if (!ask->found.nr && !c->s->ignore_unknown && !ask->optional &&
		    !setup_probes_match(c->s, ask))
			return no_event(c, ask, evs, nr);
		ret = ask->fields.nr ? check_fields(c, ask, evs) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- the rest of an instance --------------------------------------------- */

/* What matches nothing is named, all of it. */
static int check_names(struct check *c, const struct kernel_functions *list, const char *option)
{
	int ret = 0;

	for (size_t i = 0; i < list->nr && (!ret || ret == -ENOENT); i++) {
		struct err more = { 0 };
		int r = functions_check(c->k, &list->v[i], option, &more);

		if (ret && r == -ENOENT)
			err_hint(c->e, "%s", more.text);
		else if (r && c->e)
			*c->e = more;
		ret = r ? r : ret;
	}
	return ret;
}

static int check_functions(struct check *c)
{
	const struct kernel_functions *lists[] = { &c->is->filters, &c->is->notraces };
	static const char *const options[] = { "-l", "-n" };
	static const char *const list_files[] = { "set_ftrace_filter", "set_ftrace_notrace" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (!lists[i]->nr)
			continue;
		int ret = check_file(c, c->in, function_option(&lists[i]->v[0], options[i]), list_files[i],
				     "it was built without dynamic function tracing");

		if (!ret)
			ret = check_names(c, lists[i], options[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_option(struct check *c, const char *word)
{
	struct kernel_words words = { 0 };
	struct near near;
	char file[300];
	const char *value;
	int ret;

	if (kernel_option_find(c->in, word, file, sizeof(file), &value))
		return 0;
	ret = kernel_options(c->in, &words, c->e);
	if (!ret) {
		ret = err_set(c->e, -EINVAL, "option -O: this kernel has no trace option '%s'", word);
		near_init(&near, strncmp(word, "no", 2) ? word : word + 2);
		for (size_t i = 0; i < words.nr; i++)
			near_try(&near, words.v[i] + 2 * !strncmp(words.v[i], "no", 2));
		near_hint(&near, c->e);
		err_hint(c->e, "'tracecmd list -o' lists them");
	}
	kernel_words_release(&words);
	return ret;
}

int kernel_cpumask_check(const char *mask, struct err *e)
{
	if (!strcmp(mask, "-1"))
		return 0;
	if (!*mask || mask[strspn(mask, "0123456789abcdefABCDEF,")])
		return err_set(e, -EINVAL, "option -M: '%s' is not a hexadecimal CPU mask "
			       "(as 'f' for CPUs 0 to 3, or -1 for all)", mask);
	if (!mask[strspn(mask, "0,")])
		return err_set(e, -EINVAL, "option -M: the CPU mask '%s' names no CPU", mask);
	return 0;
}

static int check_cpumask(struct check *c, const char *mask)
{
	int ret = check_file(c, c->in, "-M", "tracing_cpumask", "all CPUs are traced");

	return ret ? ret : kernel_cpumask_check(mask, c->e);
}

static int check_pids(struct check *c)
{
	for (size_t i = 0; i < c->is->pids.nr; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d", (int)c->is->pids.v[i]);
		if (access(path, F_OK))
			return err_set(c->e, -ESRCH, "option -P: there is no process %d",
				       (int)c->is->pids.v[i]);
	}
	return 0;
}

static int check_limits(struct check *c)
{
	bool functions = c->is->tracer && kernel_tracer_is_function(c->is->tracer);
	const char *option = c->is->pids.nr ? "-P" : "-F";
	int ret = 0;

	if (c->s->no_filter)
		return 0;
	if (c->s->only_command || c->is->pids.nr)
		ret = check_file(c, c->in, option, functions ? "set_ftrace_pid" : "set_event_pid",
				 "it cannot trace single processes");
	if (!ret && c->is->follow)
		ret = check_file(c, c->in, "-c", functions ? "options/function-fork" :
				 "options/event-fork", "it cannot follow children");
	return ret;
}

/* Without a tracer that nobody named everything else is recorded, and told. */
static int leave_out_tracer(struct check *c)
{
	struct kernel_instance_setup *is = c->is;
	struct err why = { 0 };
	struct check quiet = *c;

	quiet.e = &why;
	if (!check_word(&quiet, "-p", "tracer", "available_tracers", is->tracer))
		return 0;
	if (why.code == -ENOMEM)
		return err_set(c->e, why.code, "%s", why.text);
	notice(&c->k->notices, "this kernel has no tracer '%s': recorded without", is->tracer);
	free(is->tracer);
	is->tracer = NULL;
	is->has_max_depth = false;
	return 0;
}

static int check_tracer(struct check *c)
{
	struct kernel_instance_setup *is = c->is;

	if (is->tracer_optional)
		return leave_out_tracer(c);
	return is->tracer && strcmp(is->tracer, "nop") ?
		check_word(c, "-p", "tracer", "available_tracers", is->tracer) : 0;
}

static int check_options(struct check *c)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < c->is->options.nr; i++)
		ret = check_option(c, c->is->options.v[i]);
	return ret;
}

int kernel_setup_check_reading(struct kernel *k, struct kernel_instance_setup *is, struct err *e)
{
	struct check c = { .k = k, .is = is, .in = is->in, .e = e };
	int ret = check_tracer(&c);

	return ret ? ret : check_options(&c);
}

int setup_check_events(struct kernel *k, struct kernel_setup *s, struct kernel_instance_setup *is,
			       struct err *e)
{
	struct check c = { .k = k, .s = s, .is = is, .in = kernel_top(k), .e = e };
	int ret = check_events(&c);

	return ret ? ret : check_pids(&c);
}

static int check_part(struct check *c)
{
	struct kernel_instance_setup *is = c->is;
	int ret = check_events(c);

	if (!ret)
		ret = check_tracer(c);
	if (!ret)
		ret = check_functions(c);
	if (!ret)
		ret = check_options(c);
	if (!ret && is->clock)
		ret = check_word(c, "-C", "trace clock", "trace_clock", is->clock);
	if (!ret && is->cpumask)
		ret = check_cpumask(c, is->cpumask);
	if (!ret && is->buffer_kb)
		ret = check_file(c, c->in, "-b", "buffer_size_kb", "its buffers cannot be resized");
	if (!ret && is->subbuf_kb)
		ret = check_file(c, c->in, "--subbuf-size", "buffer_subbuf_size_kb",
				 "sub-buffers of other sizes came with Linux 6.8");
	if (!ret && is->has_max_depth)
		ret = check_file(c, kernel_top(c->k), "--max-graph-depth", "max_graph_depth",
				 "it was built without the function_graph tracer");
	if (!ret)
		ret = check_pids(c);
	if (!ret)
		ret = check_limits(c);
	return ret;
}

/* ---- the whole ----------------------------------------------------------- */

static int check_global(struct check *c)
{
	const struct kernel_setup *s = c->s;
	bool top = kernel_setup_takes_part(s, 0);
	int ret = 0;

	c->is = &c->s->instances.v[0];
	c->in = kernel_top(c->k);
	if ((s->graph.nr || s->func_stack) && !top)
		return err_set(c->e, -EINVAL, "option %s works on the top level only, of which "
			       "nothing is traced here: give -p or -e before the first -B",
			       s->graph.nr ? "-g" : "--func-stack");
	if (s->graph.nr)
		ret = check_file(c, c->in, "-g", "set_graph_function",
				 "it was built without the function_graph tracer");
	if (!ret)
		ret = check_names(c, &s->graph, "-g");
	if (!ret && s->func_stack && !c->is->filters.nr)
		return err_set(c->e, -EINVAL, "option --func-stack needs a function filter (-l): "
			       "a stack for each function of the kernel would bring it to a halt");
	if (!ret && s->func_stack)
		ret = check_file(c, c->in, "--func-stack", "options/func_stack_trace",
				 "it was built without function tracing");
	if (!ret && s->cmdlines_size)
		ret = check_file(c, c->in, "--cmdlines-size", "saved_cmdlines_size",
				 "its table of command names has a fixed size");
	if (!ret && s->thresh_us)
		ret = check_file(c, c->in, "--tracing-thresh", "tracing_thresh",
				 "it was built without a tracer that looks for long times");
	return ret;
}

/* What was given before the first -B and has no effect. */
static void tell_unused_top(struct kernel *k, const struct kernel_setup *s)
{
	const struct kernel_instance_setup *is = &s->instances.v[0];
	const char *option = NULL;

	if (kernel_setup_takes_part(s, 0))
		return;
	if (is->buffer_kb)
		option = "-b";
	else if (is->subbuf_kb)
		option = "--subbuf-size";
	else if (is->cpumask)
		option = "-M";
	else if (is->filters.nr)
		option = function_option(&is->filters.v[0], "-l");
	else if (is->notraces.nr)
		option = "-n";
	else if (is->options.nr)
		option = "-O or -T";
	else if (is->pids.nr)
		option = "-P";
	if (option)
		notice(&k->notices, "option %s before the first -B is about the top level, of "
		       "which nothing is traced: it has no effect; give it behind -B", option);
}

int kernel_setup_check(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	struct check c = { .k = k, .s = s, .e = e };
	int ret = check_global(&c);

	if (!ret)
		ret = setup_probes_check(k, s, e);
	for (size_t i = 0; !ret && i < s->instances.nr; i++) {
		const char *name = s->instances.v[i].name;

		if (!kernel_setup_takes_part(s, i))
			continue;
		c.is = &s->instances.v[i];
		c.in = kernel_top(k);
		if (*name && instance_exists(k, name))
			ret = kernel_instance_get(k, name, false, &c.in, e);
		else if (*name && (strchr(name, '/') || name[0] == '.'))
			ret = err_set(e, -EINVAL, "option -B: '%s' cannot be the name of an instance",
				      name);
		else if (*name && !kernel_has(kernel_top(k), "instances"))
			ret = err_set(e, -ENOENT, "option -B: this kernel has no instances");
		if (!ret)
			ret = check_part(&c);
	}
	if (ret)
		return ret;
	tell_unused_top(k, s);
	s->checked = true;
	return 0;
}
