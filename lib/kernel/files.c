// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writing to control files. What each file's text means, how its earlier value
 * is told and how it is put back is known here, in one table; the facts are
 * those of the kernel's Documentation/trace/{ftrace,events}.rst.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/internal.h"

enum file_kind {
	FILE_VALUE,		/* one value */
	FILE_CHOICE,		/* "[local] global": the word in brackets */
	FILE_SIZE,		/* KB per CPU; "X" where they differ; "7 (expanded: 1408)" */
	FILE_FILTER,		/* "none" is written as 0 */
	FILE_ENABLE,		/* one event: 0, 1, and '*' if a trigger armed it */
	FILE_ALL_EVENTS,	/* a system or everything: 0, 1, X */
	FILE_LIST,		/* pids or functions, one a line */
	FILE_TRIGGER,		/* added with "x", removed with "!x" */
	FILE_DYNAMIC,		/* added with "p:group/name ...", removed with "-:group/name" */
	FILE_SNAPSHOT,		/* 0 frees, 1 takes (and makes), 2 empties; its text is what it holds */
	FILE_ACTION,		/* writing does something; there is no value */
};

static const struct {
	const char *pattern;
	enum file_kind kind;
} files[] = {
	{ "trace_clock", FILE_CHOICE },
	{ "buffer_size_kb", FILE_SIZE },
	{ "per_cpu/*/buffer_size_kb", FILE_SIZE },
	{ "events/*/*/filter", FILE_FILTER },
	{ "events/*/*/enable", FILE_ENABLE },
	{ "events/*/enable", FILE_ALL_EVENTS },
	{ "events/enable", FILE_ALL_EVENTS },
	{ "set_event", FILE_ALL_EVENTS },
	{ "events/*/*/trigger", FILE_TRIGGER },
	{ "set_event_pid", FILE_LIST },
	{ "set_event_notrace_pid", FILE_LIST },
	{ "set_ftrace_pid", FILE_LIST },
	{ "set_ftrace_notrace_pid", FILE_LIST },
	{ "set_ftrace_filter", FILE_LIST },
	{ "set_ftrace_notrace", FILE_LIST },
	{ "set_graph_function", FILE_LIST },
	{ "set_graph_notrace", FILE_LIST },
	{ "dynamic_events", FILE_DYNAMIC },
	{ "kprobe_events", FILE_DYNAMIC },
	{ "uprobe_events", FILE_DYNAMIC },
	{ "trace", FILE_ACTION },
	{ "error_log", FILE_ACTION },
	{ "snapshot", FILE_SNAPSHOT },
	{ "per_cpu/*/snapshot", FILE_SNAPSHOT },
	{ "free_buffer", FILE_ACTION },
	{ "trace_marker", FILE_ACTION },
	{ "trace_marker_raw", FILE_ACTION },
};

static enum file_kind file_kind(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!fnmatch(files[i].pattern, file, FNM_PATHNAME))
			return files[i].kind;
	return FILE_VALUE;
}

/* ---- earlier values ------------------------------------------------------ */

static void trim(char *s)
{
	size_t len = strlen(s);

	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = 0;
}

/* "7 (expanded: 1408)" is a buffer that gets its size at its first use. That
 * state cannot be had back; the size can. */
static void size_value(char *s)
{
	char *expanded = strstr(s, "(expanded: ");

	if (expanded)
		memmove(s, expanded + 11, strlen(expanded + 11) + 1);
	s[strspn(s, "0123456789X")] = 0;
}

/*
 * A line of a list as it must be written again: "name [module]" becomes
 * "name:mod:module"; remarks ("#### all functions enabled ####", "no pid") and
 * function commands, which emptying the file does not remove, are left out.
 */
static int list_line(void *ctx, const char *line)
{
	size_t name = strcspn(line, " \t");
	const char *module = strchr(line, '[');

	if (!name || line[0] == '#' || memchr(line, ':', name) || !strncmp(line, "no pid", 6))
		return 0;
	buf_put(ctx, line, name);
	if (module) {
		AUTO_FREE char *word = strndup(module + 1, strcspn(module + 1, "]"));

		if (!word || put_module(ctx, word))
			return -ENOMEM;
	}
	return buf_puts(ctx, "\n");
}

/* Turns a file's text into the value that would have been written. */
static int earlier_value(enum file_kind kind, struct buf *text)
{
	AUTO_BUF struct buf list = { 0 };
	char word[64];

	switch (kind) {
	case FILE_CHOICE:
		kernel_chosen_word(text->data, word, sizeof(word));
		buf_clear(text);
		return buf_puts(text, word);
	case FILE_SIZE:
		size_value(text->data);
		break;
	case FILE_FILTER:
		/* A filter that was refused is shown with its explanation. */
		trim(text->data);
		if (!strcmp(text->data, "none") || strchr(text->data, '\n'))
			strcpy(text->data, "0");
		break;
	case FILE_ENABLE:
		text->data[strcspn(text->data, "* \n")] = 0;
		break;
	case FILE_LIST:
		if (kernel_each_line(text->data, list_line, &list))
			return -ENOMEM;
		buf_clear(text);
		return buf_put(text, list.data ? list.data : "", list.len);
	default:
		trim(text->data);
	}
	text->len = strlen(text->data);
	return 0;
}

/* An empty snapshot says so in its first lines; one with events may be of any size. */
static int snapshot_value(struct kernel_instance *in, const char *file, struct buf *ret)
{
	char path[KERNEL_PATH_MAX], head[512];
	int fd AUTO_CLOSE = -1, code = kernel_instance_path(in, file, path, sizeof(path));
	ssize_t n;

	if (code)
		return code;
	fd = control_file_open(path, O_RDONLY);
	if (fd < 0)
		return fd;
	n = read(fd, head, sizeof(head) - 1);
	if (n < 0)
		return -errno;
	head[n] = 0;
	return buf_puts(ret, strstr(head, "Snapshot is freed") ? "0" : "allocated");
}

/* What the file's text means now. */
static int read_value(struct kernel_instance *in, const char *file, enum file_kind kind,
		      struct buf *ret)
{
	int code = kind == FILE_SNAPSHOT ? snapshot_value(in, file, ret) : kernel_read(in, file, ret);

	return code || kind == FILE_SNAPSHOT ? code : earlier_value(kind, ret);
}

/* ---- logging what a write will change ------------------------------------ */

static int log_sizes(struct kernel_instance *in)
{
	uint32_t *cpus AUTO_FREE = NULL;
	size_t nr;
	int ret = kernel_instance_cpus(in, &cpus, &nr, NULL);

	for (size_t i = 0; !ret && i < nr; i++) {
		AUTO_BUF struct buf text = { 0 };
		char file[64], path[KERNEL_PATH_MAX];

		snprintf(file, sizeof(file), "per_cpu/cpu%u/buffer_size_kb", cpus[i]);
		ret = read_value(in, file, FILE_SIZE, &text);
		if (!ret)
			ret = kernel_instance_path(in, file, path, sizeof(path));
		if (!ret)
			ret = undo_log_add(in->k, UNDO_WRITE, path, text.data);
	}
	return ret;
}

static int log_events(struct kernel_instance *in)
{
	AUTO_BUF struct buf enabled = { 0 };
	char dir[KERNEL_PATH_MAX];
	int ret = kernel_instance_path(in, "events", dir, sizeof(dir));

	if (in->k->keep)
		return 0;
	if (!ret)
		ret = events_enabled(dir, &enabled);
	return ret ? ret : undo_log_add(in->k, UNDO_EVENTS, dir, enabled.data);
}

static bool events_logged(struct kernel_instance *in)
{
	char dir[KERNEL_PATH_MAX];

	return !kernel_instance_path(in, "events", dir, sizeof(dir)) &&
	       undo_logged(&in->k->log, UNDO_EVENTS, dir);
}

/* @earlier: the value now. */
static int log_change(struct kernel_instance *in, enum file_kind kind, const char *path,
		      const char *earlier)
{
	switch (kind) {
	case FILE_ACTION:
		return 0;
	case FILE_SNAPSHOT:		/* what one held cannot be had back */
		return strcmp(earlier, "0") ? 0 : undo_log_add(in->k, UNDO_WRITE, path, earlier);
	case FILE_ALL_EVENTS:
		return log_events(in);
	case FILE_ENABLE:
		/* The state of all events may be in the log already. */
		return events_logged(in) ? 0 : undo_log_add(in->k, UNDO_WRITE, path, earlier);
	case FILE_SIZE:
		if (!strcmp(earlier, "X"))
			return log_sizes(in);
		return undo_log_add(in->k, UNDO_WRITE, path, earlier);
	case FILE_LIST:
		return undo_log_add(in->k, UNDO_LIST, path, earlier);
	default:
		return undo_log_add(in->k, UNDO_WRITE, path, earlier);
	}
}

/* ---- refusals ------------------------------------------------------------ */

/* Lines of error_log's last entry: "[time] WHERE: error: WHAT", "  Command: C", caret. */
struct rejection {
	char head[256];			/* the first line: with its time no two are the same */
	char what[256], command[512], caret[512];
	unsigned nr;			/* entries of the log */
};

static int rejection_line(void *ctx, const char *line)
{
	struct rejection *r = ctx;
	const char *error = strstr(line, "error: ");
	static const char command[] = "  Command: ";

	if (line[0] == '[' && error) {
		/* "event filter parse error: error: Field not found" */
		while (strstr(error + 1, "error: "))
			error = strstr(error + 1, "error: ");
		snprintf(r->head, sizeof(r->head), "%s", line);
		snprintf(r->what, sizeof(r->what), "%s", error + 7);
		*r->command = *r->caret = 0;
		r->nr++;
	} else if (!strncmp(line, command, sizeof(command) - 1)) {
		snprintf(r->command, sizeof(r->command), "%s", line + sizeof(command) - 1);
	} else if (strlen(line) >= sizeof(command) - 1 && line[strspn(line, " ")] == '^') {
		snprintf(r->caret, sizeof(r->caret), "%s", line + sizeof(command) - 1);
	}
	return 0;
}

/* The last entry of the error_log; all empty if there is none. */
static void last_rejection(struct kernel_instance *in, struct rejection *r)
{
	AUTO_BUF struct buf log = { 0 };

	*r = (struct rejection){ 0 };
	if (!kernel_read(in, "error_log", &log))
		kernel_each_line(log.data, rejection_line, r);
}

static bool is_explained(enum file_kind kind)
{
	return kind == FILE_FILTER || kind == FILE_TRIGGER || kind == FILE_DYNAMIC;
}

/* Before a write that the kernel may refuse with a reason: what it said earlier is none. */
static void mark_rejections(struct kernel_instance *in, enum file_kind kind)
{
	struct rejection r;

	if (!is_explained(kind))
		return;
	last_rejection(in, &r);
	snprintf(in->rejection_mark, sizeof(in->rejection_mark), "%s", r.head);
}

/* Whether the kernel has an explanation of what it has just refused. */
static bool is_told(const struct kernel_instance *in, const struct rejection *r)
{
	return *r->what && *r->command && strcmp(r->head, in->rejection_mark);
}

static bool says_why(struct kernel_instance *in)
{
	struct rejection r;

	last_rejection(in, &r);
	return is_told(in, &r);
}

/* Adds the kernel's own explanation of a refused filter, trigger or dynamic event. */
static void explain(struct kernel_instance *in, struct err *e)
{
	struct rejection r;

	last_rejection(in, &r);
	if (is_told(in, &r))
		err_hint(e, "the kernel says: %s\n    %s\n    %s", r.what, r.command, r.caret);
	/* It is told now; the log is left as empty as it was found. */
	if (!*in->rejection_mark && r.nr == 1)
		kernel_truncate(in, "error_log", NULL);
}

#define LINE_MAX_SHOWN 256

/* Whatever lines the value has. */
static const char *in_one_line(const char *value, char line[LINE_MAX_SHOWN])
{
	snprintf(line, LINE_MAX_SHOWN, "%s", value);
	trim(line);
	for (char *p = line; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return line;
}

static int write_failed(struct kernel_instance *in, enum file_kind kind, int code, const char *value,
			const char *path, struct err *e)
{
	AUTO_BUF struct buf what = { 0 };
	char line[LINE_MAX_SHOWN];

	/* So it says that a place is inside of an instruction; the words are about letters. */
	if (code == -EILSEQ && kind == FILE_DYNAMIC)
		code = -EINVAL;
	/* so the parser of filters says that a parenthesis or a quote is missing */
	if ((code == -EPERM || code == -ENOENT || code == -ESRCH) && (kind == FILE_FILTER || kind == FILE_TRIGGER) &&
	    says_why(in))
		code = -EINVAL;
	buf_printf(&what, "cannot write '%s' to", in_one_line(value, line));
	err_denied(e, code, what.failed ? "cannot write to" : what.data, path);
	if (is_explained(kind))
		explain(in, e);
	/* A refused filter stays as a text until it is cleared. */
	if (kind == FILE_FILTER)
		file_write(path, "0");
	if (code == -ENOMEM && kind == FILE_SIZE)
		err_hint(e, "there is not enough free memory for buffers of that size");
	return code;
}

/* ---- writing ------------------------------------------------------------- */

int kernel_remember(struct kernel_instance *in, const char *file, struct err *e)
{
	enum file_kind kind = file_kind(file);
	AUTO_BUF struct buf earlier = { 0 };
	char path[KERNEL_PATH_MAX];
	int ret = kernel_instance_path(in, file, path, sizeof(path));

	if (!ret)
		ret = read_value(in, file, kind, &earlier);
	if (!ret)
		ret = log_change(in, kind, path, earlier.data);
	return ret ? err_denied(e, ret, "cannot remember the value of", path) : 0;
}

void kernel_tell_writes(struct kernel *k)
{
	k->tell_writes = true;
}

static void tell_write(const struct kernel *k, const char *path, const char *value)
{
	char line[LINE_MAX_SHOWN];

	if (k->tell_writes)
		notice(&k->notices, "writes '%s' to %s", in_one_line(value, line), path);
}

/*
 * What reads as @value may be something else: a system's 1 may mean that its
 * events are armed by triggers, and off; and a buffer may not have its size yet.
 */
static bool is_doubtful(const struct kernel_instance *in, const char *file, enum file_kind kind,
			const char *value)
{
	AUTO_BUF struct buf text = { 0 };

	if (kind == FILE_ALL_EVENTS)
		return !strcmp(value, "1");
	return kind == FILE_SIZE && !kernel_read(in, file, &text) && strstr(text.data, "expanded: ");
}

int kernel_write(struct kernel_instance *in, const char *file, const char *value, struct err *e)
{
	enum file_kind kind = file_kind(file);
	AUTO_BUF struct buf earlier = { 0 };
	char path[KERNEL_PATH_MAX];
	int ret = kernel_instance_path(in, file, path, sizeof(path));

	if (ret)
		return err_set(e, ret, "the path of the control file '%s' is too long", file);
	if (kind == FILE_TRIGGER || kind == FILE_DYNAMIC)
		return kernel_append(in, file, value, e);
	if (kind != FILE_ACTION) {
		ret = read_value(in, file, kind, &earlier);
		if (ret)
			return err_denied(e, ret, "cannot read", path);
		if (!strcmp(earlier.data, value) && !is_doubtful(in, file, kind, value))
			return 0;
		ret = log_change(in, kind, path, earlier.data);
		if (ret)
			return err_denied(e, ret, "cannot remember the value of", path);
	}
	tell_write(in->k, path, value);
	mark_rejections(in, kind);
	ret = kind == FILE_LIST && !*value ? file_truncate(path) : file_write(path, value);
	return ret ? write_failed(in, kind, ret, value, path, e) : 0;
}

int kernel_write_optional(struct kernel_instance *in, const char *file, const char *value,
			  struct err *e)
{
	struct err why = { 0 };
	int ret = kernel_write(in, file, value, &why);
	char path[KERNEL_PATH_MAX];

	if (!ret)
		return 0;
	if (is_unavailable(ret) && !kernel_instance_path(in, file, path, sizeof(path))) {
		tell_unavailable(in->k, path, ret);
		return 0;
	}
	return err_set(e, ret, "%s", why.text);
}

int kernel_write_path(struct kernel *k, const char *path, const char *value, struct err *e)
{
	AUTO_BUF struct buf earlier = { 0 };
	int ret = control_file_read(path, &earlier, KERNEL_TEXT_MAX);

	if (!ret)
		ret = buf_puts(&earlier, "");
	if (ret)
		return err_denied(e, ret, "cannot read", path);
	trim(earlier.data);
	if (!strcmp(earlier.data, value))
		return 0;
	ret = undo_log_add(k, UNDO_WRITE, path, earlier.data);
	if (ret)
		return err_denied(e, ret, "cannot remember the value of", path);
	tell_write(k, path, value);
	ret = file_write(path, value);
	return ret ? write_failed(kernel_top(k), FILE_VALUE, ret, value, path, e) : 0;
}

/* What removes the dynamic event that @definition ("p:group/name ...") makes. */
static int removal_of(const char *definition, struct buf *ret)
{
	size_t type = strcspn(definition, ": \t");
	size_t name = definition[type] == ':' ? strcspn(definition + type + 1, " \t") : 0;

	if (!name)
		return -EINVAL;
	return buf_printf(ret, "-:%.*s", (int)name, definition + type + 1);
}

/* A histogram of times has the kernel give the instance another clock, which stays when it goes. */
static int remember_clock(struct kernel_instance *in, const char *trigger, struct err *e)
{
	return !strncmp(trigger, "hist:", 5) && strstr(trigger, "common_timestamp") ?
	       kernel_remember(in, "trace_clock", e) : 0;
}

static int append_trigger(struct kernel_instance *in, const char *file, const char *path,
			  const char *value, struct err *e)
{
	int ret = remember_clock(in, value, e);

	if (ret)
		return ret;
	ret = value[0] == '!' ? file_append(path, value) : trigger_write(in, file, path, value);
	if (!ret)
		return 0;
	write_failed(in, FILE_TRIGGER, ret, value, path, e);
	trigger_explain(in, file, value, ret, e);
	return ret;
}

static int append_dynamic(struct kernel_instance *in, const char *path, const char *value,
			  struct err *e)
{
	AUTO_BUF struct buf removal = { 0 };
	bool adds = value[0] != '-' && value[0] != '!';
	int ret = adds ? removal_of(value, &removal) : 0;

	if (ret == -EINVAL)
		return err_set(e, ret, "the dynamic event '%s' has no name: "
			       "write TYPE:GROUP/NAME", value);
	if (!ret)
		ret = adds ? file_append_logged(in->k, path, value, removal.data) : file_append(path, value);
	return ret ? write_failed(in, FILE_DYNAMIC, ret, value, path, e) : 0;
}

/* A function command ("func:traceoff:3"), which "!" in front removes. */
static int append_command(struct kernel_instance *in, const char *path, const char *value,
			  struct err *e)
{
	AUTO_BUF struct buf removal = { 0 };
	int ret = buf_printf(&removal, "!%s", value);

	if (!ret)
		ret = file_append_logged(in->k, path, value, removal.data);
	if (!ret)
		return 0;
	write_failed(in, FILE_LIST, ret, value, path, e);
	command_explain(in, value, ret, e);
	return ret;
}

int kernel_append(struct kernel_instance *in, const char *file, const char *value, struct err *e)
{
	const struct kernel_function_ask ask = { .pattern = (char *)value };
	enum file_kind kind = file_kind(file);
	char path[KERNEL_PATH_MAX];
	int ret = kernel_instance_path(in, file, path, sizeof(path));

	if (ret)
		return err_set(e, ret, "the path of the control file '%s' is too long", file);
	tell_write(in->k, path, value);
	mark_rejections(in, kind);
	if (kind == FILE_TRIGGER)
		return append_trigger(in, file, path, value, e);
	if (kind == FILE_DYNAMIC)
		return append_dynamic(in, path, value, e);
	if (kind == FILE_LIST && value[0] != '!' && function_is_command(&ask))
		return append_command(in, path, value, e);
	if (kind != FILE_ACTION) {
		ret = kernel_remember(in, file, e);
		if (ret)
			return ret;
	}
	ret = file_append(path, value);
	return ret ? write_failed(in, kind, ret, value, path, e) : 0;
}

int kernel_truncate(struct kernel_instance *in, const char *file, struct err *e)
{
	enum file_kind kind = file_kind(file);
	char path[KERNEL_PATH_MAX];
	int ret;

	if (kind == FILE_LIST)
		return kernel_write(in, file, "", e);
	ret = kernel_instance_path(in, file, path, sizeof(path));
	if (!ret)
		ret = file_truncate(path);
	return ret ? err_denied(e, ret, "cannot empty", path) : 0;
}

int kernel_events_off(struct kernel_instance *in, struct err *e)
{
	int ret = log_events(in);

	if (ret)
		return err_denied(e, ret, "cannot remember the enabled events of", in->dir);
	return kernel_write(in, "events/enable", "0", e);
}
