// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a recorder wants to know about an instance's ring buffers. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/internal.h"

#define CPU_MAX 65535
#define EVENT_ID_MAX 65535		/* a record has 16 bits for it */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int kernel_instance_cpus(const struct kernel_instance *in, uint32_t **ret, size_t *nr, struct err *e)
{
	struct { uint32_t *v; size_t nr, cap; } cpus = { 0 };
	struct kernel_words dirs = { 0 };
	char path[KERNEL_PATH_MAX];
	int code = kernel_instance_path(in, "per_cpu", path, sizeof(path));

	if (!code)
		code = list_dirs(path, &dirs);
	for (size_t i = 0; !code && i < dirs.nr; i++) {
		uint64_t cpu;

		if (strncmp(dirs.v[i], "cpu", 3) || parse_u64(dirs.v[i] + 3, &cpu) || cpu > CPU_MAX)
			continue;
		code = vec_push(&cpus, cpu);
	}
	kernel_words_release(&dirs);
	if (code) {
		vec_release(&cpus);
		return err_denied(e, code, "cannot list the CPUs in", path);
	}
	if (cpus.nr)
		qsort(cpus.v, cpus.nr, sizeof(*cpus.v), by_number);
	*ret = cpus.v;
	*nr = cpus.nr;
	return 0;
}

int full_cpumask(const struct kernel_instance *in, struct buf *ret)
{
	uint32_t *cpus AUTO_FREE = NULL;
	size_t nr, words;
	int code = kernel_instance_cpus(in, &cpus, &nr, NULL);

	if (code)
		return code;
	nr = nr ? cpus[nr - 1] + 1 : 1;
	words = (nr + 31) / 32;
	for (size_t i = words; i-- > 0; ) {
		uint32_t bits = i == words - 1 && nr % 32 ? (1u << nr % 32) - 1 : UINT32_MAX;

		buf_printf(ret, i == words - 1 ? "%x" : ",%08x", bits);
	}
	return ret->failed ? -ENOMEM : 0;
}

uint64_t kernel_buffer_kb(const struct kernel_instance *in)
{
	AUTO_BUF struct buf text = { 0 };
	const char *later;

	if (kernel_read(in, "buffer_size_kb", &text))
		return 0;
	later = strstr(text.data, "expanded: ");
	return strtoull(later ? later + strlen("expanded: ") : text.data, NULL, 10);
}

/* offset + size of the "data" field in events/header_page: the smallest
 * sub-buffer, whose size buffer_subbuf_size_kb then changes. */
static int header_page_size(const struct kernel_instance *in, uint32_t *ret, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	int code = kernel_read_named(kernel_top(in->k), "events/header_page", &text, e);
	unsigned offset, size;
	const char *data;

	if (code)
		return code;
	data = strstr(text.data, " data;");
	if (!data || sscanf(data, " data; offset:%u; size:%u", &offset, &size) != 2 ||
	    !size || size > 1u << 27 || offset > 4096)
		return err_set(e, -EINVAL, "%s/events/header_page does not tell the size of a "
			       "sub-buffer", in->k->root);
	*ret = offset + size;
	return 0;
}

int kernel_instance_subbuf_size(const struct kernel_instance *in, uint32_t *ret, struct err *e)
{
	char word[32];
	uint64_t kb;
	int code = kernel_read_word(in, "buffer_subbuf_size_kb", word, sizeof(word));

	if (is_unavailable(code))		/* before Linux 6.8 it was fixed */
		return header_page_size(in, ret, e);
	if (code)
		return err_errno(e, code, "cannot read %s/buffer_subbuf_size_kb", in->dir);
	if (parse_u64(word, &kb) || !kb || kb > 1u << 17)
		return err_set(e, -EINVAL, "%s/buffer_subbuf_size_kb holds '%s', not a size",
			       in->dir, word);
	*ret = kb * 1024;
	return 0;
}

int kernel_instance_clock(const struct kernel_instance *in, char *ret, size_t size, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	int code = kernel_read(in, "trace_clock", &text);

	*ret = 0;
	if (is_unavailable(code))
		return 0;
	if (code)
		return err_errno(e, code, "cannot read %s/trace_clock", in->dir);
	kernel_chosen_word(text.data, ret, size);
	return 0;
}

int kernel_cpu_open(const struct kernel_instance *in, uint32_t cpu, const char *file, int flags,
		    struct err *e)
{
	char name[64], path[KERNEL_PATH_MAX];
	int code;

	snprintf(name, sizeof(name), "per_cpu/cpu%u/%s", cpu, file);
	code = kernel_instance_path(in, name, path, sizeof(path));
	if (code)
		return err_errno(e, code, "cannot open %s", name);
	code = control_file_open(path, O_RDONLY | flags);
	if (code >= 0)
		return code;
	err_denied(e, code, "cannot open", path);
	if (code == -EBUSY)
		err_hint(e, "somebody else is reading this buffer");
	return code;
}

int kernel_marker_open(const struct kernel_instance *in, struct err *e)
{
	char path[KERNEL_PATH_MAX];
	int code = kernel_instance_path(in, "trace_marker_raw", path, sizeof(path));

	if (!code)
		code = control_file_open(path, O_WRONLY);
	if (code >= 0)
		return code;
	err_denied(e, code, "cannot write markers to", path);
	return code;
}

const char *kernel_stat_value(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && !strncmp(line + len, ": ", 2))
			return line + len + 2;
	}
	return NULL;
}

uint64_t kernel_stat_number(const char *text, const char *name)
{
	const char *at = kernel_stat_value(text, name);

	return at ? strtoull(at, NULL, 10) : 0;
}

int kernel_cpu_stats(const struct kernel_instance *in, uint32_t cpu, struct buf *out, struct err *e)
{
	char file[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%u/stats", cpu);
	return kernel_read_named(in, file, out, e);
}

/* ---- formats ------------------------------------------------------------- */

/* Which events a setup records, as a flag for each of the kernel's list. */
struct wanted {
	const struct kernel_event *events;
	size_t nr;
	uint8_t *flags;
};

static int want_line(void *ctx, const char *line)
{
	struct wanted *w = ctx;
	const char *colon = strchr(line, ':');
	size_t lo = 0, hi = w->nr;

	if (!colon)
		return 0;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct kernel_event *ev = &w->events[mid];
		size_t len = colon - line;
		int order = strncmp(line, ev->system, len);

		if (!order)
			order = ev->system[len] ? -1 : strcmp(colon + 1, ev->name);
		if (!order) {
			w->flags[mid] = 1;
			return 0;
		}
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return 0;
}

/* What was asked for, and whatever else is on or armed now. */
static int want_part(struct wanted *w, const struct kernel_instance_setup *is)
{
	AUTO_BUF struct buf on = { 0 };

	for (size_t i = 0; i < is->events.nr; i++) {
		const struct kernel_event_ask *ask = &is->events.v[i];

		for (size_t j = 0; j < ask->found.nr; j++)
			if (ask->found.v[j] < w->nr)
				w->flags[ask->found.v[j]] = 1;
	}
	if (!is->in || kernel_read(is->in, "set_event", &on))
		return 0;
	return kernel_each_line(on.data, want_line, w);
}

/* In the kernel's: "name: sched_switch", "ID: 314", "format:", a line each, then lines of text. */
static bool is_format(const struct buf *text)
{
	static const char id[] = "ID: ", next[] = "format:\n";
	const char *name = text->data + 6, *p = name + strcspn(name, " \t\n");
	char *end;

	if (strncmp(text->data, "name: ", 6) || p == name || *p++ != '\n' || strncmp(p, id, sizeof(id) - 1))
		return false;
	p += sizeof(id) - 1;
	errno = 0;
	return isdigit((unsigned char)*p) && strtoul(p, &end, 10) <= EVENT_ID_MAX && !errno && *end == '\n' &&
	       !strncmp(end + 1, next, sizeof(next) - 1) && strlen(text->data) == text->len;
}

/* A kernel's are whole; a damaged one is of a copy of tracefs, and costs its event. */
static int give_format(struct kernel *k, const char *system, const char *event,
		       kernel_format_fn fn, void *ctx, struct err *e)
{
	AUTO_BUF struct buf file = { 0 }, text = { 0 };
	int ret;

	if (buf_printf(&file, "events/%s/%s/format", system, event))
		return err_errno(e, -ENOMEM, "cannot read the event formats");
	ret = kernel_read(kernel_top(k), file.data, &text);
	if (ret == -ENOENT)
		return 0;
	if (ret && ret != -EMEDIUMTYPE)
		return err_denied(e, ret, "cannot read the event format", file.data);
	if (ret || !is_format(&text)) {
		notice(&k->notices, "%s/%s is no event format, and is left out", k->root, file.data);
		return 0;
	}
	return fn(ctx, system, event, text.data, text.len);
}

static int give_ftrace_formats(struct kernel *k, kernel_format_fn fn, void *ctx, struct err *e)
{
	struct kernel_words names = { 0 };
	int ret = kernel_system_events(k, "ftrace", &names, e);

	for (size_t i = 0; !ret && i < names.nr; i++)
		ret = give_format(k, "ftrace", names.v[i], fn, ctx, e);
	kernel_words_release(&names);
	return ret;
}

int kernel_formats(struct kernel *k, const struct kernel_setup *s, kernel_format_fn fn, void *ctx,
		   struct err *e)
{
	struct wanted w = { 0 };
	uint8_t *flags AUTO_FREE = NULL;
	int ret = kernel_events(k, &w.events, &w.nr, e);

	if (ret)
		return ret;
	w.flags = flags = calloc(w.nr + 1, 1);
	if (!flags)
		return err_errno(e, -ENOMEM, "cannot read the event formats");
	if (!s || s->all_formats)
		memset(flags, 1, w.nr);
	else
		for (size_t i = 0; !ret && i < s->instances.nr; i++)
			if (kernel_setup_takes_part(s, i))
				ret = want_part(&w, &s->instances.v[i]);
	if (ret)
		return err_errno(e, ret, "cannot list the recorded events");
	ret = give_ftrace_formats(k, fn, ctx, e);
	for (size_t i = 0; !ret && i < w.nr; i++)
		if (flags[i])
			ret = give_format(k, w.events[i].system, w.events[i].name, fn, ctx, e);
	return ret || !s ? ret : setup_probes_formats(k, s, fn, ctx, e);
}
