// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making a kernel trace as a setup asks: see setup.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/internal.h"

#define READ_AT_PERCENT "50"		/* full, a buffer wakes its reader: the kernel's own choice */
#define FTRACE_ENABLED "/proc/sys/kernel/ftrace_enabled"

/* What is being set up. */
struct apply {
	struct kernel *k;
	struct kernel_setup *s;
	struct kernel_instance_setup *is;
	struct kernel_instance *in;
	const struct kernel_event *evs;
	size_t nr_evs;
	struct err *e;
};

static int write_number(struct apply *a, struct kernel_instance *in, const char *option,
			const char *file, uint64_t number)
{
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	ret = kernel_write(in, file, text, a->e);
	return ret ? err_wrap(a->e, "option %s %s", option, text) : 0;
}

/* ---- what was there before ----------------------------------------------- */

/* Children of processes are not among them because an earlier start had them. */
static int leave_children(struct apply *a)
{
	static const char *const options[] = { "options/event-fork", "options/function-fork" };
	char on[8];
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(options); i++)
		if (!kernel_read_word(a->in, options[i], on, sizeof(on)) && !strcmp(on, "1"))
			ret = kernel_write_optional(a->in, options[i], "0", a->e);
	return ret;
}

/* Nothing but what is asked for shall be recorded. */
static int reset_part(struct apply *a)
{
	static const char *const function_lists[] = {
		"set_ftrace_filter", "set_ftrace_notrace", "set_ftrace_pid", "set_ftrace_notrace_pid",
	};
	static const char *const pid_lists[] = { "set_event_pid", "set_event_notrace_pid" };
	int ret = 0;

	if (!a->is->tracer || strcmp(a->is->tracer, "nop"))
		ret = kernel_write_optional(a->in, "current_tracer", "nop", a->e);
	if (!ret)
		ret = kernel_events_off(a->in, a->e);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(pid_lists); i++)
		if (kernel_has(a->in, pid_lists[i]))
			ret = kernel_write_optional(a->in, pid_lists[i], "", a->e);
	if (!ret)
		ret = leave_children(a);
	for (size_t i = 0; !ret && setup_traces_functions(a->is) && i < ARRAY_SIZE(function_lists); i++)
		if (kernel_has(a->in, function_lists[i]))
			ret = kernel_write_optional(a->in, function_lists[i], "", a->e);
	return ret;
}

/* ---- buffers ------------------------------------------------------------- */

static const char *clock_of(const struct apply *a)
{
	/* The first -C, given before any -B, holds for all instances. */
	return a->is->clock ? a->is->clock : a->s->instances.v[0].clock;
}

/*
 * Nobody asked for this by name: a kernel short of memory leaves it as it is.
 * Without anything to grow to, a buffer that was never used gets the size it
 * would have with its first event: markers alone do not give it that.
 */
static void grow_buffer(struct apply *a)
{
	uint64_t now = kernel_buffer_kb(a->in);
	char kb[32];

	if (!now)
		return;
	snprintf(kb, sizeof(kb), "%llu", (unsigned long long)(now > a->is->grow_kb ? now : a->is->grow_kb));
	kernel_write(a->in, "buffer_size_kb", kb, NULL);
}

/*
 * Linux 6.1 takes all buffers for used once one of them was given a size: that of the top level, never used
 * before, would keep its few kilobytes for good. @kb: what it would have had with its first event.
 */
static void keep_top_size(struct kernel *k, uint64_t kb)
{
	bool keep = k->keep;
	char text[32];

	if (kernel_buffer_kb(kernel_top(k)) >= kb)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)kb);
	/* nothing to be put back: this is what it was */
	k->keep = true;
	kernel_write(kernel_top(k), "buffer_size_kb", text, NULL);
	k->keep = keep;
}

/* Somebody's choice may wake readers when it is too late. Before Linux 5.1 there is none. */
static int apply_percent(struct apply *a)
{
	AUTO_BUF struct buf now = { 0 };

	if (!a->is->drained || kernel_read(a->in, "buffer_percent", &now) || !strcmp(now.data, READ_AT_PERCENT "\n"))
		return 0;
	return kernel_write_optional(a->in, "buffer_percent", READ_AT_PERCENT, a->e);
}

static int apply_buffers(struct apply *a)
{
	uint64_t top_kb = kernel_buffer_kb(kernel_top(a->k));
	const char *clock = clock_of(a);
	int ret = 0;

	/* a buffer is whole sub-buffers: its own size is put back behind theirs */
	if (a->is->subbuf_kb)
		ret = kernel_remember(a->in, "buffer_size_kb", a->e);
	if (!ret && a->is->subbuf_kb)
		ret = write_number(a, a->in, "--subbuf-size", "buffer_subbuf_size_kb",
				   a->is->subbuf_kb);
	if (!ret && a->is->buffer_kb)
		ret = write_number(a, a->in, "-b", "buffer_size_kb", a->is->buffer_kb);
	else if (!ret && !a->s->no_reset)
		grow_buffer(a);
	if (!ret)
		ret = apply_percent(a);
	if (a->in != kernel_top(a->k))
		keep_top_size(a->k, top_kb);
	if (!ret && clock && kernel_write(a->in, "trace_clock", clock, a->e))
		ret = err_wrap(a->e, "option -C %s", clock);
	if (!ret && !a->s->no_reset)
		ret = kernel_truncate(a->in, "trace", a->e);
	return ret;
}

/* Hexadecimal digits without commas, in the kernel's groups of eight. */
static int grouped_mask(const char *mask, struct buf *ret)
{
	size_t len = strlen(mask);

	if (strchr(mask, ','))
		buf_puts(ret, mask);
	else
		for (size_t i = 0; i < len; i++) {
			if (i && (len - i) % 8 == 0)
				buf_puts(ret, ",");
			buf_put(ret, mask + i, 1);
		}
	return ret->failed ? -ENOMEM : 0;
}

static int apply_cpumask(struct apply *a)
{
	AUTO_BUF struct buf mask = { 0 };
	int ret;

	if (!a->is->cpumask)
		return 0;
	ret = strcmp(a->is->cpumask, "-1") ? grouped_mask(a->is->cpumask, &mask) :
					     full_cpumask(a->in, &mask);
	if (ret)
		return err_errno(a->e, ret, "option -M");
	ret = kernel_write(a->in, "tracing_cpumask", mask.data, a->e);
	if (ret == -EOVERFLOW)
		err_hint(a->e, "this machine has %ld CPUs", sysconf(_SC_NPROCESSORS_CONF));
	return ret ? err_wrap(a->e, "option -M %s", a->is->cpumask) : 0;
}

/* ---- functions ----------------------------------------------------------- */

static int apply_list(struct apply *a, const struct kernel_functions *f, const char *file,
		      const char *option, bool commands)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < f->nr; i++)
		if (function_is_command(&f->v[i]) == commands)
			ret = functions_apply(a->in, file, &f->v[i], option, a->e);
	return ret;
}

static int apply_functions(struct apply *a)
{
	bool top = !*a->is->name;
	bool graph = a->is->tracer && !strcmp(a->is->tracer, "function_graph");
	const char *notrace = top && graph && kernel_has(a->in, "set_graph_notrace") ?
			      "set_graph_notrace" : "set_ftrace_notrace";
	int ret = 0;

	if (top && !a->s->no_reset && graph) {
		ret = kernel_write_optional(a->in, "set_graph_function", "", a->e);
		if (!ret && kernel_has(a->in, "set_graph_notrace"))
			ret = kernel_write_optional(a->in, "set_graph_notrace", "", a->e);
	}
	if (!ret)
		ret = apply_list(a, &a->is->filters, "set_ftrace_filter", "-l", false);
	if (!ret)
		ret = apply_list(a, &a->is->filters, "set_ftrace_filter", "-l", true);
	if (!ret)
		ret = apply_list(a, &a->is->notraces, notrace, "-n", false);
	if (!ret && top)
		ret = apply_list(a, &a->s->graph, "set_graph_function", "-g", false);
	return ret;
}

/* The switches in front of all function tracing; only where it is wanted. */
static int apply_function_switches(struct apply *a)
{
	int ret = 0;

	if (a->s->function_trace_off)
		ret = kernel_write_optional(a->in, "options/function-trace", "0", a->e);
	else if (setup_traces_functions(a->is) && kernel_has(a->in, "options/function-trace"))
		ret = kernel_write_optional(a->in, "options/function-trace", "1", a->e);
	if (ret || access(FTRACE_ENABLED, F_OK))
		return ret;
	if (a->s->ftrace_off && kernel_write_path(a->k, FTRACE_ENABLED, "0", a->e))
		return err_wrap(a->e, "option -D");
	if (!a->s->ftrace_off && setup_traces_functions(a->is))
		return kernel_write_path(a->k, FTRACE_ENABLED, "1", a->e);
	return 0;
}

/* ---- tracer and options -------------------------------------------------- */

static int write_option(struct apply *a, const char *word)
{
	char file[300];
	const char *value;

	if (!kernel_option_find(a->in, word, file, sizeof(file), &value))
		return err_set(a->e, -EINVAL, "option -O %s: there is no such trace option in %s",
			       word, a->in->dir);
	return kernel_write(a->in, file, value, a->e) ? err_wrap(a->e, "option -O %s", word) : 0;
}

static int apply_options(struct apply *a)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < a->is->options.nr; i++)
		ret = write_option(a, a->is->options.v[i]);
	return ret;
}

int kernel_setup_apply_options(struct kernel *k, struct kernel_instance_setup *is, struct err *e)
{
	struct apply a = { .k = k, .is = is, .in = is->in, .e = e };

	return apply_options(&a);
}

static int apply_tracer(struct apply *a)
{
	const char *tracer = a->is->tracer;
	int ret = 0;

	if (tracer && kernel_tracer_is_latency(tracer) && kernel_has(a->in, "tracing_max_latency")) {
		/* what is 0 already will not be: the kernel writes there */
		ret = kernel_remember(a->in, "tracing_max_latency", a->e);
		if (!ret)
			ret = kernel_write(a->in, "tracing_max_latency", "0", a->e);
	}
	if (!ret && tracer) {
		ret = kernel_write(a->in, "current_tracer", tracer, a->e);
		if (ret)
			err_wrap(a->e, "option -p %s", tracer);
		if (ret == -EINVAL && *a->is->name)
			err_hint(a->e, "an instance cannot have each tracer");
	}
	if (!ret)
		ret = apply_options(a);
	if (!ret && a->s->func_stack && !*a->is->name)
		ret = write_option(a, "func_stack_trace");
	if (!ret && a->is->follow && !a->s->no_filter) {
		ret = write_option(a, "event-fork");
		if (!ret && setup_traces_functions(a->is))
			ret = write_option(a, "function-fork");
	}
	if (!ret && a->is->has_max_depth)
		ret = write_number(a, kernel_top(a->k), "--max-graph-depth", "max_graph_depth",
				   a->is->max_depth);
	return ret;
}

/* ---- event filters and triggers ------------------------------------------ */

/* How often something that concerns several events went wrong, and how first. */
struct failures {
	size_t tried, failed;
	struct err first;
};

static const char *event_file(const struct apply *a, uint32_t i, const char *file, struct buf *path)
{
	buf_clear(path);
	if (buf_printf(path, "events/%s/%s/%s", a->evs[i].system, a->evs[i].name, file))
		return NULL;
	return path->data;
}

/* That an event has not the field says least: another refusal is of them all. */
static bool no_such_field(const struct err *why)
{
	return strstr(why->text, "Field not found");
}

static void note_result(struct failures *f, const struct err *why, int ret)
{
	f->tried++;
	if (ret && (!f->failed++ || (no_such_field(&f->first) && !no_such_field(why))))
		f->first = *why;
}

/* An error if nothing worked; a notice if it did for some events. */
static int judge(struct apply *a, const struct failures *f, const char *option, const char *value,
		 const char *consequence)
{
	if (!f->failed)
		return 0;
	if (f->failed == f->tried) {
		err_set(a->e, f->first.code, "%s", f->first.text);
		return err_wrap(a->e, "option %s '%s'", option, value), f->first.code;
	}
	notice(&a->k->notices, "option %s '%s' does not fit %zu of %zu events, %s (%s)", option, value,
	       f->failed, f->tried, consequence, f->first.text);
	return 0;
}

static int filter_event(struct apply *a, uint32_t ev, const char *filter, struct err *why)
{
	AUTO_BUF struct buf file = { 0 };
	const char *name = event_file(a, ev, "filter", &file);

	return name ? kernel_write(a->in, name, filter, why) : err_errno(why, -ENOMEM, "filter");
}

static int apply_filters(struct apply *a)
{
	const struct kernel_event_ask **of AUTO_FREE = calloc(a->nr_evs + 1, sizeof(*of));
	int ret = 0;

	if (!of)
		return err_errno(a->e, -ENOMEM, "cannot set the event filters");
	/* The last -e with a filter counts. */
	for (size_t i = 0; i < a->is->events.nr; i++) {
		const struct kernel_event_ask *ask = &a->is->events.v[i];

		for (size_t j = 0; j < ask->found.nr; j++)
			if (ask->filter || !of[ask->found.v[j]])
				of[ask->found.v[j]] = ask;
	}
	for (size_t i = 0; !ret && i < a->is->events.nr; i++) {
		const struct kernel_event_ask *ask = &a->is->events.v[i];
		struct failures f = { 0 };

		if (ask->negate && !ask->filter)
			continue;
		for (size_t j = 0; !ret && j < ask->found.nr; j++) {
			uint32_t ev = ask->found.v[j];
			struct err why = { 0 };

			if (of[ev] != ask)
				continue;
			if (ask->filter) {
				int code = filter_event(a, ev, ask->filter, &why);

				note_result(&f, &why, code);
			} else if (!a->s->no_reset) {
				AUTO_BUF struct buf file = { 0 };
				const char *name = event_file(a, ev, "filter", &file);

				/* An event without a filter file cannot have one left over. */
				if (name && kernel_has(a->in, name))
					ret = kernel_write_optional(a->in, name, "0", a->e);
			}
		}
		if (!ret && ask->filter)
			ret = judge(a, &f, a->is->wakes ? "--trigger" : "-f", ask->filter,
				    a->is->wakes ? "which fire always" :
						   "which are recorded unfiltered");
	}
	return ret;
}

/*
 * Triggers act whether tracing is on or not. Those that do so many times, count, or change something are set when
 * it is on; one that belongs to each event is there before the first.
 */
static bool is_set_late(const char *trigger)
{
	static const char each[] = "stacktrace";

	return strncmp(trigger, each, strlen(each)) || trigger[strlen(each)] == ':';
}

static int apply_triggers(struct apply *a, bool late)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < a->is->events.nr; i++) {
		const struct kernel_event_ask *ask = &a->is->events.v[i];

		for (size_t t = 0; !ret && t < ask->triggers.nr; t++) {
			const char *trigger = ask->triggers.v[t];
			struct failures f = { 0 };

			for (size_t j = 0; j < ask->found.nr && is_set_late(trigger) == late; j++) {
				AUTO_BUF struct buf file = { 0 };
				struct err why = { 0 };
				const char *name = event_file(a, ask->found.v[j], "trigger", &file);
				int code = name ? kernel_append(a->in, name, trigger, &why) :
						  err_errno(&why, -ENOMEM, "trigger");

				note_result(&f, &why, code);
			}
			ret = judge(a, &f, "-R", trigger, "which have no such trigger");
		}
	}
	return ret;
}

/* ---- switching events on ------------------------------------------------- */

enum wish {
	WISH_NONE, WISH_SOME, WISH_EXACT, WISH_OFF,
};

static void collect_wishes(const struct apply *a, uint8_t *wish)
{
	for (int negate = 0; negate < 2; negate++)
		for (size_t i = 0; i < a->is->events.nr; i++) {
			const struct kernel_event_ask *ask = &a->is->events.v[i];

			if (ask->negate != negate)
				continue;
			for (size_t j = 0; j < ask->found.nr; j++)
				wish[ask->found.v[j]] = negate ? WISH_OFF :
							ask->found.nr == 1 ? WISH_EXACT : WISH_SOME;
		}
}

static bool wished(uint8_t wish)
{
	return wish == WISH_SOME || wish == WISH_EXACT;
}

static int enable_event(struct apply *a, uint32_t ev, uint8_t wish, struct failures *f)
{
	AUTO_BUF struct buf file = { 0 };
	struct err why = { 0 };
	const char *name = event_file(a, ev, "enable", &file);
	int ret = name ? kernel_write(a->in, name, wish == WISH_OFF ? "0" : "1", &why) :
			 err_errno(&why, -ENOMEM, "cannot switch events on");

	if (ret && wish == WISH_EXACT) {
		err_set(a->e, ret, "%s", why.text);
		return err_wrap(a->e, "option %s %s:%s", kernel_event_option(a->is), a->evs[ev].system, a->evs[ev].name);
	}
	note_result(f, &why, ret);
	return 0;
}

/* The events [from, to) of one system. */
static int enable_system(struct apply *a, const uint8_t *wish, size_t from, size_t to,
			 struct failures *f)
{
	AUTO_BUF struct buf file = { 0 };
	size_t nr = 0;
	int ret = 0;

	for (size_t i = from; i < to; i++)
		nr += wished(wish[i]);
	if (nr == to - from && nr > 1 &&
	    !buf_printf(&file, "events/%s/enable", a->evs[from].system) &&
	    !kernel_write(a->in, file.data, "1", NULL)) {
		f->tried += nr;
		return 0;
	}
	for (size_t i = from; !ret && i < to; i++)
		if (wished(wish[i]) || (wish[i] == WISH_OFF && a->s->no_reset))
			ret = enable_event(a, i, wish[i], f);
	return ret;
}

static int enable_events(struct apply *a)
{
	uint8_t *wish AUTO_FREE = calloc(a->nr_evs + 1, 1);
	struct failures f = { 0 };
	size_t nr = 0;
	int ret = 0;

	if (!wish)
		return err_errno(a->e, -ENOMEM, "cannot switch events on");
	collect_wishes(a, wish);
	for (size_t i = 0; i < a->nr_evs; i++)
		nr += wished(wish[i]);
	if (nr && nr == a->nr_evs && !kernel_write(a->in, "events/enable", "1", NULL))
		return 0;
	for (size_t from = 0, to; !ret && from < a->nr_evs; from = to) {
		for (to = from + 1; to < a->nr_evs; to++)
			if (strcmp(a->evs[to].system, a->evs[from].system))
				break;
		ret = enable_system(a, wish, from, to, &f);
	}
	if (ret || !f.failed)
		return ret;
	if (f.failed == f.tried) {
		err_set(a->e, f.first.code, "%s", f.first.text);
		return err_wrap(a->e, "option %s", kernel_event_option(a->is));
	}
	notice(&a->k->notices, "%zu of %zu events cannot be switched on and are not recorded (%s)",
	       f.failed, f.tried, f.first.text);
	return 0;
}

/* ---- the whole ----------------------------------------------------------- */

static int apply_part(struct apply *a)
{
	/* It may be the traced command's process that switches tracing on. */
	int ret = a->s->running ? 0 : kernel_remember(a->in, "tracing_on", a->e);

	if (!ret && !a->s->running)
		ret = kernel_write(a->in, "tracing_on", "0", a->e);
	if (!ret && !a->s->no_reset)
		ret = reset_part(a);
	if (!ret)
		ret = apply_buffers(a);
	/* The kernel makes its memory with the first trigger, and never gives it back. */
	if (!ret && kernel_setup_takes_snapshots(a->is) && kernel_has(a->in, "snapshot"))
		ret = kernel_remember(a->in, "snapshot", a->e);
	if (!ret)
		ret = apply_cpumask(a);
	if (!ret)
		ret = apply_function_switches(a);
	if (!ret)
		ret = apply_functions(a);
	if (!ret)
		ret = apply_filters(a);
	if (!ret)
		ret = apply_triggers(a, false);
	if (!ret)
		ret = apply_tracer(a);
	if (!ret)
		ret = enable_events(a);
	return ret;
}

int kernel_setup_apply(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	struct apply a = { .k = k, .s = s, .e = e };
	int ret = s->checked ? 0 : kernel_setup_check(k, s, e);

	/* First, so that they are removed last: not while anything has them switched on. */
	if (!ret)
		ret = setup_probes_make(k, s, e);
	if (!ret)
		ret = kernel_events(k, &a.evs, &a.nr_evs, e);
	if (!ret && s->cmdlines_size)
		ret = write_number(&a, kernel_top(k), "--cmdlines-size", "saved_cmdlines_size",
				   s->cmdlines_size);
	if (!ret && s->thresh_us)
		ret = write_number(&a, kernel_top(k), "--tracing-thresh", "tracing_thresh", s->thresh_us);
	for (size_t i = 0; !ret && i < s->instances.nr; i++) {
		if (!kernel_setup_takes_part(s, i))
			continue;
		a.is = &s->instances.v[i];
		ret = kernel_instance_take(k, a.is->name, &a.is->in, e);
		a.in = a.is->in;
		if (!ret)
			ret = apply_part(&a);
		if (ret && *a.is->name)
			err_wrap(e, "instance '%s'", a.is->name);
	}
	return ret;
}

static bool any_is_set_late(const struct kernel_words *triggers)
{
	for (size_t i = 0; i < triggers->nr; i++)
		if (is_set_late(triggers->v[i]))
			return true;
	return false;
}

bool kernel_setup_arms(const struct kernel_setup *s)
{
	for (size_t i = 0; i < s->instances.nr; i++)
		for (size_t j = 0; j < s->instances.v[i].events.nr; j++)
			if (any_is_set_late(&s->instances.v[i].events.v[j].triggers))
				return true;
	return false;
}

int kernel_setup_arm(struct kernel *k, struct kernel_setup *s, struct err *e)
{
	struct apply a = { .k = k, .s = s, .e = e };
	int ret = kernel_events(k, &a.evs, &a.nr_evs, e);

	for (size_t i = 0; !ret && i < s->instances.nr; i++) {
		if (!kernel_setup_takes_part(s, i))
			continue;
		a.is = &s->instances.v[i];
		a.in = a.is->in;
		ret = apply_triggers(&a, true);
		if (ret && *a.is->name)
			err_wrap(e, "instance '%s'", a.is->name);
	}
	return ret;
}

/* ---- around the recording ------------------------------------------------ */

int kernel_setup_exclude(struct kernel *k, struct kernel_setup *s, const pid_t *tids, size_t nr,
			 struct err *e)
{
	struct apply a = { .k = k, .s = s, .e = e };
	int ret = 0;

	if (s->no_filter)
		return 0;
	s->hidden.nr = 0;
	for (size_t i = 0; i < nr; i++)
		if (vec_push(&s->hidden, tids[i]))
			return err_errno(e, -ENOMEM, "cannot hide the recorder from its trace");
	for (size_t i = 0; !ret && nr && i < s->instances.nr; i++) {
		a.is = &s->instances.v[i];
		a.in = a.is->in;
		if (!a.in || setup_is_limited(s, a.is))
			continue;
		if (a.is->events.nr)
			ret = list_hidden(a.in, HIDDEN_FROM_EVENTS, &s->hidden, e);
		if (!ret && setup_traces_functions(a.is))
			ret = list_hidden(a.in, HIDDEN_FROM_FUNCTIONS, &s->hidden, e);
	}
	return ret;
}

int kernel_setup_tracing(struct kernel *k, struct kernel_setup *s, bool on, struct err *e)
{
	int ret = 0;

	(void)k;
	if (s->running)
		return 0;
	/* One that cannot be switched off leaves the others to be. */
	for (size_t i = 0; (!ret || !on) && i < s->instances.nr; i++) {
		int r = 0;

		if (s->instances.v[i].in)
			r = kernel_write(s->instances.v[i].in, "tracing_on", on ? "1" : "0", ret ? NULL : e);
		ret = ret ? ret : r;
	}
	return ret;
}

const struct kernel_instance *kernel_setup_stopped(const struct kernel_setup *s)
{
	char word[8];

	for (size_t i = 0; i < s->instances.nr; i++) {
		const struct kernel_instance *in = s->instances.v[i].in;

		if (in && !kernel_read_word(in, "tracing_on", word, sizeof(word)) && !strcmp(word, "0"))
			return in;
	}
	return NULL;
}
