// SPDX-License-Identifier: GPL-2.0-or-later
/* report --format json and csv: what is set up before the first record. */
#include <errno.h>
#include <stdlib.h>

#include "report.h"

int report_set_format(struct report *rp, const char *word, struct err *e)
{
	static const char *const words[] = { "text", "json", "csv" };
	struct near near;

	rp->csv_events = NULL;
	if (!strcmp(word, "text")) {
		rp->format = REPORT_TEXT;
	} else if (!strcmp(word, "json")) {
		rp->format = REPORT_JSON;
	} else if (!strcmp(word, "csv")) {
		rp->format = REPORT_CSV;
	} else if (!strncmp(word, "csv:", 4) && word[4]) {
		rp->format = REPORT_CSV;
		rp->csv_events = word + 4;
	} else {
		usage_error(e, "--format: '%s' is not known; there are text, json, csv and "
			    "csv:EVENT[,EVENT]", word);
		near_init(&near, word);
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			near_try(&near, words[i]);
		near_hint(&near, e);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

int report_check_format(const struct report *rp, struct err *e)
{
	const char *odd = rp->latency ? "-l" : rp->fields ? "-R" : rp->raw.nr ? "-r" :
			  rp->wakeup ? "-w" : rp->ts_diff ? "--ts-diff" :
			  rp->boundary ? "--boundary" : rp->debug ? "--debug" :
			  rp->compat_31 ? "--compat" : NULL;

	if (rp->compat_31 && rp->kernel_text)
		return usage_error(e, "--compat and --kernel-text: a text is one or the other");
	if (rp->format == REPORT_TEXT)
		return rp->with_text || rp->decoded ?
		       usage_error(e, "%s belongs to --format json or csv",
				   rp->with_text ? "--text" : "--decoded") : EXIT_OK;
	if (odd)
		return usage_error(e, "%s is for text: --format %s has no use for it", odd,
				   rp->format == REPORT_JSON ? "json" : "csv");
	return EXIT_OK;
}

/* The columns of csv:EVENT,..; each word means something in one file at least. */
static int make_columns(struct report *rp, struct err *e)
{
	AUTO_FREE char *copy = strdup(rp->csv_events);
	char *rest = copy, *word;

	if (!copy)
		return err_set(e, -ENOMEM, "out of memory");
	while ((word = strsep(&rest, ","))) {
		struct near near;
		int found = 0;

		near_init(&near, word);
		for (size_t i = 0; i < rp->files.nr; i++) {
			int r = event_columns_add(&rp->columns, rp->files.v[i].db, word, &near, e);

			if (r < 0)
				return r;
			found += r;
		}
		if (found)
			continue;
		err_set(e, -ENOENT, "--format csv: no event is called '%s'", word);
		near_hint(&near, e);
		return -ENOENT;
	}
	return 0;
}

/* A latency tracer's text is no events. */
static void tell_texts(const struct report *rp, const struct report_file *f)
{
	for (unsigned b = 0; b < dat_reader_nr_buffers(f->reader); b++)
		if (dat_reader_buffer(f->reader, b)->text)
			notice(rp->notices, "'%s' holds a latency tracer's text, which is no events: "
			       "without --format it is shown", f->path);
}

int report_export_begin(struct report *rp, struct err *e)
{
	AUTO_BUF struct buf head = { 0 };
	struct event_export_opts opts = {
		.format = rp->format == REPORT_JSON ? EVENT_EXPORT_JSON : EVENT_EXPORT_CSV,
		.text = rp->with_text, .decoded = rp->decoded, .files = rp->files.nr > 1, .losses = rp->losses,
	};
	int r = rp->csv_events ? make_columns(rp, e) : 0;

	if (rp->csv_events)
		opts.columns = &rp->columns;
	for (size_t i = 0; i < rp->files.nr; i++)
		opts.buffers |= dat_reader_nr_buffers(rp->files.v[i].reader) > 1;
	for (size_t i = 0; i < rp->files.nr && !r; i++) {
		struct report_file *f = &rp->files.v[i];

		r = event_export_new(f->db, &opts, &f->export, e);
		for (unsigned b = 0; b < dat_reader_nr_buffers(f->reader) && !r; b++) {
			struct buf *where = &f->buffers[b].where;

			event_export_where(f->export, opts.files ? f->name : NULL,
					   dat_reader_buffer(f->reader, b)->name, where);
			if (where->failed)
				r = err_set(e, -ENOMEM, "out of memory");
		}
		if (!r)
			tell_texts(rp, f);
	}
	if (r)
		return r;
	event_export_header(rp->files.v[0].export, &head);
	if (head.failed)
		return err_set(e, -ENOMEM, "out of memory");
	if (head.len)
		out_put(head.data, head.len);
	return 0;
}
