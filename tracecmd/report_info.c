// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions about files: formats, names, CPUs, statistics. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

#include "report.h"
#include "sync_info.h"

/* ---- formats and names -------------------------------------------------------- */

static int no_event(const char *text, const struct event_name *names, size_t nr, struct err *e)
{
	struct near near;

	err_set(e, -ENOENT, "no event is called '%s'", text);
	near_init(&near, text);
	for (size_t i = 0; i < nr; i++)
		near_try(&near, names[i].name);
	near_hint(&near, e);
	return -ENOENT;
}

/* The texts as the kernel gave them, each behind its system. */
static int print_formats(struct report *rp, struct report_file *f, struct err *e)
{
	const char *want = rp->formats_of;
	const struct event_name *names;
	bool any = false;
	regex_t regex;
	size_t nr;
	int r = event_db_names(f->db, &names, &nr, e);

	if (r < 0 || (want && (r = regex_compile_whole(&regex, want, strlen(want), e)) < 0))
		return r;
	for (size_t i = 0; i < nr; i++) {
		if (want && regexec(&regex, names[i].name, 0, NULL, 0))
			continue;
		any = true;
		out_printf("\nsystem: %s\n", names[i].system);
		out_put(names[i].format, names[i].format_len);
	}
	if (!want)
		return 0;
	regfree(&regex);
	return any ? 0 : no_event(want, names, nr, e);
}

static int compare_names(const void *a, const void *b)
{
	const struct event_name *x = a, *y = b;
	int r = strcmp(x->system, y->system);

	return r ? r : strcmp(x->name, y->name);
}

static int print_names(struct report_file *f, struct err *e)
{
	AUTO_FREE struct event_name *sorted = NULL;
	const struct event_name *names;
	size_t nr;
	int r = event_db_names(f->db, &names, &nr, e);

	if (r < 0)
		return r;
	sorted = calloc(nr + 1, sizeof(*sorted));
	if (!sorted)
		return err_set(e, -ENOMEM, "out of memory");
	if (nr)				/* else there are no names to point to */
		memcpy(sorted, names, nr * sizeof(*sorted));
	qsort(sorted, nr, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < nr; i++)
		out_printf("%s:%s\n", sorted[i].system, sorted[i].name);
	return 0;
}

static void print_functions(struct report_file *f)
{
	struct event_symbol s;

	for (size_t i = 0; event_db_nth_symbol(f->db, i, &s); i++) {
		out_printf("%016llx %s", (unsigned long long)s.addr, s.name);
		if (s.module)
			out_printf(" [%s]", s.module);
		out_printf("\n");
	}
}

static void print_printk(struct report_file *f)
{
	const char *fmt;
	uint64_t addr;

	for (size_t i = 0; event_db_nth_printk(f->db, i, &addr, &fmt); i++)
		out_printf("%016llx %s\n", (unsigned long long)addr, fmt);
}

static int check_events(struct report *rp, struct report_file *f, struct err *e)
{
	int failed = event_db_parse_all(f->db, e);

	if (failed < 0)
		return failed;
	if (failed) {
		rp->failed = true;
		err_set(e, -EBADMSG, "'%s': %d event format%s cannot be parsed", f->path, failed,
			failed == 1 ? "" : "s");
	}
	return 0;
}

/* ---- the file -------------------------------------------------------------------- */

static void print_endian(struct report_file *f)
{
	bool big = dat_reader_header(f->reader)->big_endian;

	out_printf("file is %s endian and host is %s endian\n", big ? "big" : "little",
		   tep_is_bigendian() ? "big" : "little");
}

static void print_page_size(struct report_file *f)
{
	out_printf("file page size is %u, and host page size is %ld\n",
		   dat_reader_header(f->reader)->page_size, sysconf(_SC_PAGESIZE));
}

static void print_or(const char *text, const char *what)
{
	if (text)
		out_printf("%s\n", text);
	else
		out_printf("(%s not recorded in this file)\n", what);
}

/* ---- CPUs --------------------------------------------------------------------------- */

struct span { bool any; uint64_t first, last; };

/* One CPU of all buffers. */
static int cpu_span(struct report *rp, unsigned file, uint32_t cpu, struct span *ret,
		    struct err *e)
{
	unsigned nr = dat_reader_nr_buffers(rp->files.v[file].reader);

	*ret = (struct span){ 0 };
	for (unsigned b = 0; b < nr; b++) {
		uint64_t first, last;
		int r = replay_cpu_span(rp->replay, file, b, cpu, &first, &last, e);

		if (r < 0)
			return r;
		if (!r)
			continue;
		if (!ret->any || first < ret->first)
			ret->first = first;
		if (!ret->any || last > ret->last)
			ret->last = last;
		ret->any = true;
	}
	return 0;
}

static void print_time(const struct report_file *f, const char *what, uint64_t ts)
{
	AUTO_BUF struct buf text = { 0 };

	event_time(&f->line, ts, &text);
	out_printf("\t%s event:%s", what, text.data ? text.data : "");
}

static int print_cpu_spans(struct report *rp, unsigned file, struct err *e)
{
	struct report_file *f = &rp->files.v[file];
	uint32_t nr = replay_cpus(rp->replay, file);

	out_printf("List of CPUs in %s with data:\n", f->path);
	for (uint32_t cpu = 0; cpu < nr; cpu++) {
		struct span span;
		int r = cpu_span(rp, file, cpu, &span, e);

		if (r < 0)
			return r;
		if (!span.any)
			continue;
		out_printf("  %u", cpu);
		if (rp->questions & ASK_FIRST)
			print_time(f, "First", span.first);
		if (rp->questions & ASK_LAST)
			print_time(f, "Last", span.last);
		out_printf("\n");
	}
	return 0;
}

/* ---- statistics ------------------------------------------------------------------------ */

static int cpu_bytes(struct report_file *f, unsigned buffer, unsigned index, uint64_t *ret,
		     struct err *e)
{
	struct dat_chunks chunks;
	int r = dat_reader_chunks(f->reader, buffer, index, &chunks, e);

	*ret = r < 0 ? 0 : chunks.total;
	return r;
}

static int print_sizes(struct report_file *f, unsigned buffer, struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(f->reader, buffer);

	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		uint64_t bytes = 0;
		int r = b->cpus[i].size ? cpu_bytes(f, buffer, i, &bytes, e) : 0;

		if (r < 0)
			return r;
		out_printf("CPU%u data recorded at offset=0x%llx\n", b->cpus[i].cpu,
			   (unsigned long long)b->cpus[i].offset);
		out_printf("    %llu bytes in size", (unsigned long long)b->cpus[i].size);
		if (b->compressed)
			out_printf(" (%llu uncompressed)", (unsigned long long)bytes);
		out_printf("\n");
	}
	return 0;
}

static int print_stat(struct report_file *f, struct err *e)
{
	unsigned nr = dat_reader_nr_buffers(f->reader);

	out_printf("\nKernel buffer statistics:\n"
		   "  Note: \"entries\" are the entries left in the kernel ring buffer and are not\n"
		   "        recorded in the trace data. They should all be zero.\n\n");
	for (unsigned i = 0; i < dat_reader_nr_options(f->reader); i++) {
		const struct dat_option *o = dat_reader_option(f->reader, i);

		if (o->id != DAT_CPUSTAT)
			continue;
		out_put(o->data, strnlen((const char *)o->data, o->size));
		out_printf("\n");
	}
	if (!dat_reader_info(f->reader)->cpustat)
		print_or(NULL, "the kernel's statistics were");
	out_printf("\n");
	for (unsigned b = 0; b < nr; b++) {
		const char *name = dat_reader_buffer(f->reader, b)->name;
		int r;

		if (*name)
			out_printf("\nBuffer: %s\n\n", name);
		r = print_sizes(f, b, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- all together ------------------------------------------------------------------------ */

static int print_filters(struct report_file *f)
{
	AUTO_BUF struct buf text = { 0 };

	if (f->filter)
		event_filter_describe(f->filter, &text);
	if (text.failed)
		return -ENOMEM;
	if (text.len)
		out_put(text.data, text.len);
	return 0;
}

static int answer_about(struct report *rp, unsigned file, struct err *e)
{
	struct report_file *f = &rp->files.v[file];
	const struct dat_info *info = dat_reader_info(f->reader);
	unsigned ask = rp->questions;
	int r = 0;

	if (rp->files.nr > 1)
		out_printf("%s:\n", f->path);
	if (ask & ASK_ENDIAN)
		print_endian(f);
	if (ask & ASK_PAGE)
		print_page_size(f);
	if (ask & (ASK_UNAME | ASK_VERSION | ASK_STAT))
		report_print_cpus(rp, file);
	if (ask & ASK_UNAME)
		print_or(info->uname, "the machine and its kernel were");
	if (ask & ASK_VERSION)
		print_or(info->version, "the program that made it was");
	if (ask & ASK_SYNC)
		sync_info_print(info);
	if (ask & ASK_FUNCTIONS)
		print_functions(f);
	if (ask & ASK_PRINTK)
		print_printk(f);
	if (ask & ASK_FORMATS)
		r = print_formats(rp, f, e);
	if (!r && ask & ASK_NAMES)
		r = print_names(f, e);
	if (!r && ask & ASK_CHECK)
		r = check_events(rp, f, e);
	if (!r && ask & (ASK_CPUS | ASK_FIRST | ASK_LAST))
		r = print_cpu_spans(rp, file, e);
	if (!r && ask & ASK_STAT)
		r = print_stat(f, e);
	if (!r && ask & ASK_STAT && rp->debug)
		r = report_print_foreign_texts(rp, file, e);
	if (!r && ask & ASK_FILTERS)
		r = print_filters(f);
	return r;
}

int report_answer(struct report *rp, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < rp->files.nr && !r; i++)
		r = answer_about(rp, i, e);
	return r;
}
