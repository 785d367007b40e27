// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor: what this kernel and this user can and cannot do, why, and what to do about it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"
#include "event/escape.h"

enum { OPT_JSON = 256, OPT_NO_MEASURE };

static const char *const states[] = {
	[DOCTOR_YES] = "yes", [DOCTOR_PARTLY] = "partly", [DOCTOR_NO] = "no", [DOCTOR_UNKNOWN] = "?",
};

/* ---- rows --------------------------------------------------------------------- */

void doctor_row(struct doctor *d, const char *name, enum doctor_state state, const char *remedy, const char *fmt, ...)
{
	struct doctor_row row = { .name = name, .state = state };
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&row.facts, fmt, ap) < 0)
		row.facts = NULL;
	va_end(ap);
	row.remedy = remedy ? strdup(remedy) : NULL;
	if (!row.facts || (remedy && !row.remedy) || vec_push(&d->rows, row)) {
		free(row.facts);
		free(row.remedy);
		d->failed = true;
	}
}

void doctor_failure(struct doctor *d, const char *name, enum doctor_state state, const struct err *why)
{
	const char *remedy = strstr(why->text, "; ");

	doctor_row(d, name, state, remedy ? remedy + 2 : NULL, "%.*s", remedy ? (int)(remedy - why->text) : (int)strlen(why->text),
		   why->text);
}

const char *doctor_remedy(struct doctor *d, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	buf_clear(&d->remedy);
	d->failed |= !text || buf_puts(&d->remedy, text);
	free(text);
	return d->remedy.data;
}

/* ---- text ---------------------------------------------------------------------- */

static void print_rows(const struct doctor *d)
{
	int width = 0;

	for (size_t i = 0; i < d->rows.nr; i++)
		if ((int)strlen(d->rows.v[i].name) > width)
			width = strlen(d->rows.v[i].name);
	for (size_t i = 0; i < d->rows.nr; i++) {
		const struct doctor_row *row = &d->rows.v[i];

		out_printf("%-*s  %-6s  %s\n", width, row->name, states[row->state], row->facts);
		if (row->remedy)
			out_printf("%-*s          -> %s\n", width, "", row->remedy);
	}
}

/* Seconds that so many KB hold, as people say it. */
static void print_lasting(const char *what, uint64_t kb, uint64_t bytes)
{
	double s = bytes ? kb * 1024. / bytes : 0;

	if (!bytes || s >= 3600)
		out_printf("%s %" PRIu64 " KB for each CPU hold more than an hour of that\n", what, kb);
	else
		out_printf("%s %" PRIu64 " KB for each CPU hold %.*f s of that\n", what, kb, s < 10 ? 1 : 0, s);
}

static void print_rate(const struct doctor_rate *r)
{
	if (!r->known)
		return;
	out_printf("\nMeasured for a second, events of %s: %" PRIu64 "/s; CPU %u, the busiest, %" PRIu64 "/s, %" PRIu64 " KB/s\n",
		   r->events, r->all, r->cpu, r->busiest, r->bytes / 1024);
	if (r->record_kb)
		print_lasting("record: its buffers of", r->record_kb, r->bytes);
	print_lasting("start: the buffers of", r->kept_kb, r->bytes);
	if (r->advised_kb > r->record_kb && r->advised_kb)
		out_printf("advice: record -b %" PRIu64 ", for a reader that does not run for two seconds\n", r->advised_kb);
	else
		out_printf("advice: record needs no -b for such events; of more, such as all functions, four times as much or more\n");
}

/* ---- JSON ------------------------------------------------------------------------ */

static void put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	if (text)
		put_quoted(b, text, ESCAPE_JSON);
	else
		buf_puts(b, "null");
}

static void put_rate(struct buf *b, const struct doctor_rate *r)
{
	buf_puts(b, "\"rate\":");
	if (!r->known) {
		buf_puts(b, "null");
		return;
	}
	buf_puts(b, "{");
	put_member(b, "events", r->events);
	buf_printf(b, ",\"per_second\":%" PRIu64 ",\"busiest_cpu\":%u,\"busiest_per_second\":%" PRIu64
		   ",\"busiest_bytes_per_second\":%" PRIu64 ",\"record_kb\":%" PRIu64 ",\"start_kb\":%" PRIu64
		   ",\"advised_kb\":%" PRIu64 "}", r->all, r->cpu, r->busiest, r->bytes, r->record_kb, r->kept_kb, r->advised_kb);
}

static int print_json(const struct doctor *d)
{
	static const char *const words[] = {
		[DOCTOR_YES] = "yes", [DOCTOR_PARTLY] = "partly", [DOCTOR_NO] = "no", [DOCTOR_UNKNOWN] = "unknown",
	};
	AUTO_BUF struct buf b = { 0 };

	buf_printf(&b, "{\"records\":%s,\n\"capabilities\":[", d->records ? "true" : "false");
	for (size_t i = 0; i < d->rows.nr; i++) {
		const struct doctor_row *row = &d->rows.v[i];

		buf_puts(&b, i ? ",\n {" : "\n {");
		put_member(&b, "name", row->name);
		buf_puts(&b, ",");
		put_member(&b, "works", words[row->state]);
		buf_puts(&b, ",");
		put_member(&b, "facts", row->facts);
		buf_puts(&b, ",");
		put_member(&b, "remedy", row->remedy);
		buf_puts(&b, "}");
	}
	buf_puts(&b, "\n],\n");
	put_rate(&b, &d->rate);
	buf_puts(&b, "}\n");
	if (b.failed)
		return -ENOMEM;
	out_put(b.data, b.len);
	return 0;
}

/* ---- the command -------------------------------------------------------------------- */

static int take_options(int argc, char **argv, bool *json, bool *measure, struct err *e)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "no-measure", no_argument, NULL, OPT_NO_MEASURE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (opt) {
		case 'h': return EXIT_HELP;
		case OPT_JSON: *json = true; break;
		case OPT_NO_MEASURE: *measure = false; break;
		default: return option_refused(opt, argv, long_options, e);
		}
	}
	return optind < argc ? usage_error(e, "'doctor' takes no argument '%s'", argv[optind]) : EXIT_OK;
}

static void examine(struct doctor *d, bool measure)
{
	struct err why = { 0 };

	doctor_probe(d);
	if (!d->records)
		return;
	if (!measure)
		doctor_row(d, "mapped buffers", DOCTOR_UNKNOWN, NULL, "not tried: that takes an instance (--no-measure)");
	else if (doctor_measure(d, &why))
		doctor_failure(d, "rate", DOCTOR_NO, &why);
}

static int doctor_run(int argc, char **argv, struct err *e)
{
	bool json = false, measure = true;
	struct doctor d = { 0 };
	int status = take_options(argc, argv, &json, &measure, e);

	if (status)
		return status;
	examine(&d, measure);
	if (!json) {
		print_rows(&d);
		print_rate(&d.rate);
	} else if (print_json(&d)) {
		d.failed = true;
	}
	if (d.failed)
		err_errno(e, -ENOMEM, "cannot tell all");
	status = d.failed || !d.records ? EXIT_FAILED : EXIT_OK;
	for (size_t i = 0; i < d.rows.nr; i++) {
		free(d.rows.v[i].facts);
		free(d.rows.v[i].remedy);
	}
	vec_release(&d.rows);
	free(d.rate.events);
	buf_release(&d.remedy);
	kernel_close(d.k);
	return status;
}

const struct command doctor_command = {
	.name = "doctor",
	.summary = "tell what this kernel and this user can trace, why not, and what to do",
	.usage = "[--no-measure] [--json]",
	.help = "  --no-measure  change nothing at all: no instance is made to count events for a second\n"
		"  --json        for programs\n"
		"\nExit status 0 if recording works, else 1.\n",
	.on_kernel = true,
	.run = doctor_run,
};
