// SPDX-License-Identifier: LGPL-2.1-or-later
/* Bringing tracing back to the kernel's defaults. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"

/* ---- one instance -------------------------------------------------------- */

/* A system's filter file clears the filters of its events. */
static void remove_filters(struct kernel_instance *in, const char *system)
{
	AUTO_BUF struct buf file = { 0 };
	char path[KERNEL_PATH_MAX];
	int code;

	buf_printf(&file, "events/%s/filter", system);
	if (file.failed || kernel_instance_path(in, file.data, path, sizeof(path)))
		return;
	code = file_write(path, "0");
	if (code && code != -ENOENT)
		tell_unavailable(in->k, path, code);
}

static int reset_events(struct kernel_instance *in, struct err *e)
{
	const struct kernel_event *evs;
	size_t nr;
	int ret = kernel_events(in->k, &evs, &nr, e);

	for (size_t i = 0; !ret && i < nr; i++)
		if (!i || strcmp(evs[i].system, evs[i - 1].system))
			remove_filters(in, evs[i].system);
	return ret ? ret : triggers_remove(in, NULL, e);
}

/* What a locked-down kernel denies nobody has set: there is nothing to reset, or to tell. */
static bool is_denied(struct kernel_instance *in, const char *file)
{
	AUTO_BUF struct buf text = { 0 };
	int code = kernel_read(in, file, &text);

	return code == -EPERM || code == -EACCES;
}

static int reset_lists(struct kernel_instance *in, struct err *e)
{
	static const char *const lists[] = {
		"set_event_pid", "set_event_notrace_pid", "set_ftrace_pid", "set_ftrace_notrace_pid",
		"set_ftrace_filter", "set_ftrace_notrace", "set_graph_function", "set_graph_notrace",
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(lists); i++)
		if (kernel_has(in, lists[i]) && !is_denied(in, lists[i]))
			ret = kernel_write_optional(in, lists[i], "", e);
	return ret;
}

/* "func:traceoff:unlimited", "func:traceoff:count=3" as they are listed */
int command_removal(const char *listed, struct buf *ret)
{
	const char *count = strstr(listed, ":unlimited");

	if (!count)
		count = strstr(listed, ":count=");
	buf_printf(ret, "!%.*s", (int)(count ? count - listed : (long)strlen(listed)), listed);
	return buf_puts(ret, count && !strncmp(count, ":count=", 7) ? ":0" : "");
}

static int remove_command(void *ctx, const char *line)
{
	struct kernel_instance *in = ctx;
	const struct kernel_function_ask ask = { .pattern = (char *)line };
	AUTO_BUF struct buf removal = { 0 };
	char path[KERNEL_PATH_MAX];

	if (line[0] == '#' || !function_is_command(&ask))
		return 0;
	if (command_removal(line, &removal) ||
	    kernel_instance_path(in, "set_ftrace_filter", path, sizeof(path)))
		return -ENOMEM;
	/* One removal takes all functions of a pattern along: the rest is gone then. */
	file_append(path, removal.data);
	return 0;
}

static int reset_function_commands(struct kernel_instance *in)
{
	AUTO_BUF struct buf text = { 0 };

	if (kernel_read(in, "set_ftrace_filter", &text))
		return 0;
	return kernel_each_line(text.data, remove_command, in);
}

static int reset_cpumask(struct kernel_instance *in, struct err *e)
{
	AUTO_BUF struct buf mask = { 0 };
	int ret = full_cpumask(in, &mask);

	if (ret)
		return err_errno(e, ret, "cannot reset the CPU mask");
	return kernel_write_optional(in, "tracing_cpumask", mask.data, e);
}

/*
 * The options every tracer has, and which of them are on after boot (TRACE_DEFAULT_FLAGS of
 * kernel/trace/trace.c). A new instance has the top level's, so that does not tell. What
 * is not among them belongs to a tracer.
 */
static const char options_on[] =
	" print-parent printk trace_printk annotate context-info record-cmd overwrite irq-info "
	"markers function-trace hash-ptr ";
static const char options_off[] =
	" sym-offset sym-addr verbose raw hex bin block fields userstacktrace sym-userobj "
	"printk-msg-only latency-format record-tgid disable_on_free event-fork "
	"pause-on-trace function-fork stacktrace ";
/* On for the top level alone: without copy_trace_marker its trace_marker takes nothing. */
static const char options_top[] = " trace_printk_dest copy_trace_marker ";

static bool is_among(const char *words, const char *name)
{
	const char *at = *name && *name != ' ' ? strstr(words, name) : NULL;

	for (; at; at = strstr(at + 1, name))
		if (at[-1] == ' ' && at[strlen(name)] == ' ')
			return true;
	return false;
}

struct options_ctx {
	struct kernel_instance *in;
	struct err *e;
};

/* A line of trace_options: its name, "no" in front if it is off. */
static int reset_option(void *ctx, const char *line)
{
	struct options_ctx *oc = ctx;
	bool top = !*kernel_instance_name(oc->in), off = !strncmp(line, "no", 2);
	const char *name = line + (off ? 2 : 0);
	bool of_top = is_among(options_top, name);
	char word[64];

	if (off ? is_among(options_on, name) || (of_top && top) :
		  is_among(options_off, name) || (of_top && !top)) {
		snprintf(word, sizeof(word), "%s%s", off ? "" : "no", name);
		return kernel_write_optional(oc->in, "trace_options", word, oc->e);
	}
	return 0;
}

static int reset_options(struct kernel_instance *in, struct err *e)
{
	struct options_ctx oc = { .in = in, .e = e };
	AUTO_BUF struct buf text = { 0 };
	int ret = kernel_read(in, "trace_options", &text);

	if (ret)
		return is_unavailable(ret) ? 0 : err_errno(e, ret, "cannot reset the options");
	return kernel_each_line(text.data, reset_option, &oc);
}

static int reset_instance(struct kernel_instance *in, struct err *e)
{
	static const struct {
		const char *file, *value;
	} defaults[] = {
		{ "trace_clock", "local" },
		{ "tracing_max_latency", "0" },
		{ "max_graph_depth", "0" },
		{ "tracing_thresh", "0" },
		{ "buffer_percent", "50" },
		{ "buffer_subbuf_size_kb", "4" },
	};
	int ret = kernel_write(in, "tracing_on", "0", e);

	if (!ret)
		ret = kernel_write_optional(in, "current_tracer", "nop", e);
	/* Triggers go first: they switch events on. */
	if (!ret)
		ret = reset_events(in, e);
	if (!ret)
		ret = kernel_events_off(in, e);
	if (!ret)
		ret = reset_function_commands(in);
	if (!ret)
		ret = reset_lists(in, e);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(defaults); i++)
		if (kernel_has(in, defaults[i].file))
			ret = kernel_write_optional(in, defaults[i].file, defaults[i].value, e);
	if (!ret)
		ret = reset_options(in, e);
	if (!ret)
		ret = reset_cpumask(in, e);
	if (!ret && kernel_has(in, "error_log"))
		ret = kernel_truncate(in, "error_log", e);
	if (!ret)
		ret = kernel_truncate(in, "trace", e);
	if (!ret)
		ret = kernel_write(in, "tracing_on", "1", e);
	return ret;
}

int kernel_instance_reset(struct kernel_instance *in, struct err *e)
{
	bool keep = in->k->keep;
	int ret;

	in->k->keep = true;
	ret = reset_instance(in, e);
	in->k->keep = keep;
	return ret;
}
