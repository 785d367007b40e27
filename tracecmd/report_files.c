// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of a report: opened, with their tables, names and filters. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "stat_text.h"

#define KALLSYMS_MAX (1u << 27)

static int open_files(struct report *rp, struct err *e)
{
	for (size_t i = 0; i < rp->files.nr; i++) {
		struct report_file *f = &rp->files.v[i];
		const char *slash = strrchr(f->path, '/');
		int r;

		if (!f->has_ts2secs)
			f->times.ts2secs = rp->ts2secs;
		f->name = strdup(slash ? slash + 1 : f->path);
		if (!f->name)
			return err_set(e, -ENOMEM, "out of memory");
		r = input_open(f->path, rp->notices, &f->input, e);
		if (r < 0)
			return r;
		f->reader = f->input.reader;
		r = replay_add_file(rp->replay, f->reader, &f->times, NULL, e);
		if (r < 0) {
			f->reader = NULL;
			return r;
		}
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "ADDRESS TYPE NAME" */
static bool is_symbol(const char *line)
{
	size_t n = strspn(line, "0123456789abcdefABCDEFx");

	return n && is_blank(line[n]) && isalpha((unsigned char)line[n + 1]) && is_blank(line[n + 2]) &&
	       line[n + 3] > ' ';
}

/* Whether one line at least is a symbol's. */
static bool has_symbols(const char *text)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (is_symbol(line))
			return true;
	}
	return false;
}

static int add_kallsyms(struct report *rp, struct event_db *db, struct err *e)
{
	for (size_t i = 0; i < rp->kallsyms.nr; i++) {
		AUTO_BUF struct buf text = { 0 };
		int r = path_read_all(rp->kallsyms.v[i], &text, KALLSYMS_MAX);

		if (!r && !has_symbols(text.len ? text.data : ""))
			return err_set(e, -EINVAL, "cannot read symbols from '%s': it has no line of an "
				       "address, a letter and a name, as /proc/kallsyms has",
				       rp->kallsyms.v[i]);
		if (!r)
			r = event_db_add_kallsyms(db, text.data, text.len);
		if (r < 0)
			return err_errno(e, r, "cannot read symbols from '%s'", rp->kallsyms.v[i]);
	}
	return 0;
}

static int add_styles(struct event_db *db, const struct report_words *words, enum event_style style,
		      struct err *e)
{
	for (size_t i = 0; i < words->nr; i++) {
		int r = event_db_set_style(db, style, words->v[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare_db(struct report *rp, unsigned nr, struct err *e)
{
	struct report_file *f = &rp->files.v[nr];
	int r = replay_event_db(rp->replay, nr, &f->db, e);

	if (r < 0)
		return r;
	f->rp = rp;
	event_db_tell_needs(f->db, report_need, f);
	event_db_set_compat_31(f->db, rp->compat_31);
	event_db_set_texts(f->db, rp->kernel_text || rp->format != REPORT_TEXT ? EVENT_TEXTS_KERNEL :
				  rp->compat_31 ? EVENT_TEXTS_TRACE_CMD : EVENT_TEXTS_COMPARE);
	for (size_t i = 0; i < rp->plugin_options.nr && !r; i++)
		r = event_db_plugin_option(f->db, rp->plugin_options.v[i], e);
	if (!r)
		r = add_styles(f->db, &rp->raw, EVENT_STYLE_FIELDS, e);
	if (!r)
		r = add_styles(f->db, &rp->no_handler, EVENT_STYLE_NO_HANDLER, e);
	if (!r)
		r = add_kallsyms(rp, f->db, e);
	if (!r)
		r = event_db_load_plugins(f->db, rp->no_system_plugins, rp->no_plugins, e);
	return r;
}

/* -V: the files' versions; and the plugins, which are the same for all. */
static int tell_origins(const struct report *rp, struct err *e)
{
	AUTO_BUF struct buf plugins = { 0 };

	if (rp->verbose < LEVEL_INFO)
		return 0;
	for (size_t i = 0; i < rp->files.nr; i++)
		notice(rp->notices, "'%s': version %u", rp->files.v[i].path,
		       dat_reader_header(rp->files.v[i].reader)->version);
	if (event_db_put_plugins(rp->files.v[0].db, &plugins))
		return err_set(e, -ENOMEM, "out of memory");
	notice(rp->notices, "event plugins: %s", plugins.data);
	return 0;
}

/* The longest name that stands in front of lines: a file's or an instance's. */
static size_t prefix_width(const struct report *rp)
{
	size_t width = 0;

	for (size_t i = 0; i < rp->files.nr; i++) {
		const struct report_file *f = &rp->files.v[i];

		if (rp->files.nr > 1 && strlen(f->name) > width)
			width = strlen(f->name);
		for (unsigned b = 0; b < dat_reader_nr_buffers(f->reader); b++) {
			size_t len = strlen(dat_reader_buffer(f->reader, b)->name);

			if (len > width)
				width = len;
		}
	}
	return width;
}

char *report_prefix(const char *name, size_t width)
{
	char *prefix;

	if (!width)
		return strdup("");
	return asprintf(&prefix, "%*s%s ", (int)width, name, *name ? ":" : " ") < 0 ? NULL : prefix;
}

static int prepare_buffer(struct report *rp, struct report_file *f, unsigned nr, size_t width,
			  struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(f->reader, nr);
	struct report_buffer *rb = &f->buffers[nr];
	const char *name = *b->name ? b->name : rp->files.nr > 1 ? f->name : "";

	rb->prefix = report_prefix(name, width);
	if (!rb->prefix)
		return err_set(e, -ENOMEM, "out of memory");
	rb->prefix_len = strlen(rb->prefix);
	return 0;
}

static int prepare_file(struct report *rp, unsigned nr, size_t width, struct err *e)
{
	struct report_file *f = &rp->files.v[nr];
	unsigned nr_buffers = dat_reader_nr_buffers(f->reader);

	f->buffers = calloc(nr_buffers + 1, sizeof(*f->buffers));
	if (!f->buffers)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned b = 0; b < nr_buffers; b++) {
		int r = prepare_buffer(rp, f, b, width, e);

		if (r < 0)
			return r;
	}
	f->line = (struct event_line_opts) {
		.latency = rp->latency, .fields = rp->fields, .nanoseconds = rp->nanoseconds,
		.seconds = replay_in_seconds(rp->replay, nr), .ts_diff = rp->ts_diff,
		.counts_in_texts = rp->raw_ts,
		.no_flags = rp->compat_31, .loose_clock = !rp->compat_31,
	};
	return 0;
}

/* Of one that --ts-offset moves back: whether some CPU begins below 0, which is a very late time. */
static int tell_negative(struct report *rp, unsigned nr, struct err *e)
{
	struct report_file *f = &rp->files.v[nr];
	int r = 0;

	if (f->times.ts_offset >= 0 || rp->raw_ts)
		return 0;
	for (unsigned b = 0; b < dat_reader_nr_buffers(f->reader) && r >= 0; b++) {
		const struct dat_buffer *buffer = dat_reader_buffer(f->reader, b);

		for (uint32_t c = 0; c < buffer->nr_cpus && r >= 0; c++) {
			uint64_t first, last;

			r = replay_cpu_span(rp->replay, nr, b, buffer->cpus[c].cpu, &first, &last, e);
			if (r <= 0 || first <= INT64_MAX)
				continue;
			notice(rp->notices, "'%s': --ts-offset %lld makes times negative, which count as very late ones",
			       f->path, (long long)f->times.ts_offset);
			return 0;
		}
	}
	return r < 0 ? r : 0;
}

static int open_all(struct report *rp, struct err *e)
{
	struct replay_opts opts = {
		.raw_ts = rp->raw_ts, .no_date = rp->no_date, .want_entries = rp->debug,
		.cpus = rp->cpu_bits, .nr_cpus = rp->nr_cpu_bits, .notices = rp->notices,
	};
	size_t width;
	int r = replay_new(&opts, &rp->replay, e);

	if (!r)
		r = open_files(rp, e);
	if (!r)
		r = replay_start(rp->replay, e);
	for (unsigned i = 0; i < rp->files.nr && !r; i++)
		r = prepare_db(rp, i, e);
	if (!r)
		r = tell_origins(rp, e);
	if (!r)
		r = report_check_cpus(rp, e);
	for (unsigned i = 0; i < rp->files.nr && !r; i++)
		r = tell_negative(rp, i, e);
	if (r < 0)
		return r;
	width = prefix_width(rp);
	for (unsigned i = 0; i < rp->files.nr && !r; i++)
		r = prepare_file(rp, i, width, e);
	return r;
}

int report_open(struct report *rp, struct err *e)
{
	int r = open_all(rp, e);

	if (r < 0) {
		err_wrap(e, "cannot report");
		return r;
	}
	return report_make_filters(rp, e);
}

void report_close(struct report *rp)
{
	for (size_t i = 0; i < rp->files.nr; i++) {
		struct report_file *f = &rp->files.v[i];
		unsigned nr = f->buffers ? dat_reader_nr_buffers(f->reader) : 0;

		event_filter_free(f->filter);
		event_export_free(f->export);
		for (unsigned b = 0; b < nr; b++) {
			free((char *)f->buffers[b].prefix);
			profile_free(f->buffers[b].profile);
			buf_release(&f->buffers[b].where);
		}
		free(f->buffers);
		free(f->name);
		input_release(&f->input);
	}
	replay_free(rp->replay);
	free(rp->cpu_bits);
}

/* Whether that shows in what was reported. */
static bool lacks_texts(const struct report *rp, const struct report_file *f)
{
	if (f->db && event_db_damage(f->db))
		return true;
	for (size_t i = 0; i < rp->needs.nr; i++)
		if (rp->needs.v[i].file == f && rp->needs.v[i].told)
			return true;
	return false;
}

void report_tell_missing(const struct report *rp)
{
	for (size_t i = 0; i < rp->files.nr; i++) {
		const char *path = rp->files.v[i].path, *stats = dat_reader_info(rp->files.v[i].reader)->cpustat;
		uint64_t refused = stat_sum(stats, "dropped events: ");
		struct stat_walk w = { .next = stats };

		if (refused)
			notice(rp->notices, "'%s': %llu events were refused by full buffers, and no gap shows where: "
			       "'tracecmd dump --summary' tells the CPUs", path, (unsigned long long)refused);
		while (stat_walk(&w, DAT_STAT_MISSING))
			notice(rp->notices, "'%s': %.*s", path, w.value.len, w.value.text);
	}
}

void report_tell_texts(const struct report *rp)
{
	/* with --first texts are made that are not printed, and which depends on the threads */
	for (size_t i = 0; i < rp->files.nr && !rp->first_events; i++) {
		AUTO_BUF struct buf names = { 0 };
		const struct report_file *f = &rp->files.v[i];

		if (f->db && event_db_odd_texts(f->db, &names) && !names.failed)
			notice(rp->notices, "'%s': numbers of %s are printed as trace-cmd prints them, which is not the kernel's text "
			       "(signs are missing, for example): --kernel-text prints that", f->path, names.data);
	}
}

void report_tell_damage(struct report *rp, struct err *e)
{
	uint64_t offset, damage = replay_damage(rp->replay);

	for (size_t i = 0; i < rp->files.nr && !rp->failed; i++) {
		if (rp->files.v[i].input.cut) {
			rp->failed = true;
			err_set(e, -ENODATA, "%s", rp->files.v[i].input.cut);
			return;
		}
		if (!dat_reader_cut(rp->files.v[i].reader, &offset))
			continue;
		rp->failed = true;
		err_set(e, -ENODATA, "'%s' is cut at offset 0x%llx: only what lies before could be "
			"reported", rp->files.v[i].path, (unsigned long long)offset);
	}
	damage += rp->damage;
	for (size_t i = 0; i < rp->files.nr && !rp->failed && !damage; i++) {
		if (!lacks_texts(rp, &rp->files.v[i]))
			continue;
		rp->failed = true;
		err_set(e, -EBADMSG, "'%s': names or formats that could not be read are missing above",
			rp->files.v[i].path);
	}
	if (damage && !rp->failed) {
		rp->failed = true;
		err_set(e, -EBADMSG, "%llu damaged place%s could not be reported",
			(unsigned long long)damage, damage == 1 ? "" : "s");
	}
}
