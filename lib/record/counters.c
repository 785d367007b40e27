// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel counts of the buffers that are recorded. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/recording_inside.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US 1000
#define KIB 1024

/* "  123.456789": clocks that do not count nanoseconds are told without a point. */
static uint64_t stats_now(const char *text)
{
	const char *at = kernel_stat_value(text, "now ts");
	char *end;
	uint64_t s = at ? strtoull(at, &end, 10) : 0;

	return at && *end == '.' ? s * NS_PER_S + strtoull(end + 1, NULL, 10) * NS_PER_US : 0;
}

static uint64_t read_buffer_kb(struct kernel_instance *in, uint32_t cpu)
{
	char file[64], text[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%u/buffer_size_kb", cpu);
	return kernel_read_word(in, file, text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

int stream_counters(void *counter, struct gaps_counters *ret)
{
	const struct counter *c = counter;
	char text[1024];
	ssize_t n = pread(c->fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = 0;
	ret->overrun = kernel_stat_number(text, "overrun");
	ret->read = kernel_stat_number(text, "read events");
	return 0;
}

static void add_progress(const struct recorded *b, uint32_t cpu, uint64_t kb,
			 const struct gaps_counters *before, struct recording_progress *p)
{
	struct buf text AUTO_BUF = { 0 };
	uint64_t bytes, lost, fill;

	if (kernel_cpu_stats(b->in, cpu, &text, NULL))
		return;
	lost = kernel_stat_number(text.data, "overrun");
	bytes = kernel_stat_number(text.data, "bytes");
	fill = kb ? bytes * 100 / (kb * 1024) : 0;
	lost -= lost > before->overrun ? before->overrun : lost;
	p->events += kernel_stat_number(text.data, "entries") + kernel_stat_number(text.data, "read events") + lost;
	p->events -= before->read;
	p->lost += lost + kernel_stat_number(text.data, "dropped events");
	if (p->fill < fill)
		p->fill = fill > 100 ? 100 : fill;
}

void recording_progress(const struct recording *rec, struct recording_progress *ret)
{
	struct recording_progress p = {
		.spooled = recorder_written(rec->recorder), .taken = recorder_taken(rec->recorder),
	};

	for (size_t i = 0; i < rec->streams.nr && rec->opts.perf; i++)
		perf_add_progress(rec, rec->streams.v[i], &p);
	for (size_t i = 0; i < rec->buffers.nr && !rec->opts.perf; i++) {
		const struct recorded *b = &rec->buffers.v[i];

		for (size_t c = 0; c < b->nr_cpus; c++)
			add_progress(b, b->cpus[c], read_buffer_kb(b->in, b->cpus[c]),
				     &rec->streams.v[b->first_stream + c]->before, &p);
	}
	*ret = p;
}

/* ---- of a segment ------------------------------------------------------------ */

void counters_begin(struct recording *rec)
{
	for (size_t i = 0; i < rec->streams.nr && !rec->opts.perf; i++) {
		struct gaps_counters before;

		if (stream_counters(rec->streams.v[i], &before) || !before.read)
			continue;
		rec->streams.v[i]->before = before;
		rec->told[i].read = before.read;
	}
}

/*
 * The kernel counts from the beginning on; @told is what earlier segments have of
 * that, and is brought up to date. Events overwritten near a cut belong to the segment
 * whose sub-buffers tell the gap; what none of them told (@untold) goes to the last one.
 * Where others have read before, the kernel's number has what they were told; how much
 * that is only the gaps say.
 */
static void count_from(struct segment_stream *st, struct counters *told, bool shared, uint64_t untold,
		       bool last)
{
	struct counters all = {
		.overrun = kernel_stat_number(st->text, "overrun"),
		.commit_overrun = kernel_stat_number(st->text, "commit overrun"),
		.dropped = kernel_stat_number(st->text, "dropped events"),
		.read = kernel_stat_number(st->text, "read events"),
		.entries = kernel_stat_number(st->text, "entries"),
		.buffer_kb = st->counters.buffer_kb,
	};

	if (!last || shared)
		all.overrun = told->overrun + st->stats.lost + (last ? untold : 0);
	else if (all.overrun < told->overrun)
		all.overrun = told->overrun;
	st->counters = (struct counters){
		.overrun = all.overrun - told->overrun,
		.commit_overrun = all.commit_overrun - told->commit_overrun,
		.dropped = all.dropped - told->dropped, .read = all.read - told->read,
		.entries = all.entries, .buffer_kb = all.buffer_kb,
	};
	*told = all;
}

static int count_cpu(const struct recording *rec, const struct recorded *b, size_t c, struct segment_stream *st,
		     struct err *e)
{
	const struct counter *counter = rec->streams.v[b->first_stream + c];
	struct buf text AUTO_BUF = { 0 };
	uint32_t cpu = b->cpus[c];
	int r;

	buf_printf(&text, "CPU: %u\n", cpu);
	r = rec->opts.perf ? perf_stats_text(rec, counter, &text) : kernel_cpu_stats(b->in, cpu, &text, e);
	if (text.failed)
		return err_errno(e, -ENOMEM, "cannot record");
	if (r)
		return r;
	st->counters.buffer_kb = rec->opts.perf ? kernel_perf_ring_bytes(rec->opts.perf, counter->ring) / KIB :
		read_buffer_kb(b->in, cpu);
	st->now_ts = stats_now(text.data);
	st->text = text.data;
	text = (struct buf){ 0 };
	return 0;
}

int counters_read(struct recording *rec, struct segment *s, bool last, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < rec->buffers.nr; i++) {
		const struct recorded *b = &rec->buffers.v[i];

		for (size_t c = 0; c < b->nr_cpus && !r; c++) {
			size_t stream = b->first_stream + c;
			struct segment_stream *st = &s->streams[stream];

			r = count_cpu(rec, b, c, st, e);
			if (!r)
				count_from(st, &rec->told[stream], rec->streams.v[stream]->before.read,
					   recorder_stream_stats(rec->recorder, stream)->lost_untold, last);
		}
	}
	s->ended_ns = monotonic_ns();
	return r;
}

/* ---- of a file ------------------------------------------------------------------ */

/* The kernel's lines, with the numbers that are the file's own. */
static void put_stats(struct buf *out, const char *text, const struct counters *c)
{
	const struct { const char *name; uint64_t value; } own[] = {
		{ "overrun: ", c->overrun }, { "commit overrun: ", c->commit_overrun },
		{ "dropped events: ", c->dropped }, { "read events: ", c->read },
	};

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t i = 0;

		while (i < ARRAY_SIZE(own) && strncmp(line, own[i].name, strlen(own[i].name)))
			i++;
		if (i < ARRAY_SIZE(own))
			buf_printf(out, "%s%" PRIu64 "\n", own[i].name, own[i].value);
		else
			buf_printf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
	}
}

static int add_text(struct stat_texts *texts, const struct buf *text)
{
	char *copy = text->failed ? NULL : strdup(text->data);

	if (copy && !vec_push(texts, copy))
		return 0;
	free(copy);
	return -ENOMEM;
}

/* One CPU's text: that of the last segment, with the sums of all. */
static int add_cpu_text(const struct recording *rec, size_t stream, struct stat_texts *texts)
{
	struct segment_stream sum = { 0 };
	struct buf text AUTO_BUF = { 0 };
	const char *kernels = NULL;

	for (size_t i = 0; i < rec->segments.nr; i++) {
		const struct segment_stream *st = &rec->segments.v[i].streams[stream];

		segment_stream_add(&sum, st);
		if (st->text)
			kernels = st->text;
	}
	if (!kernels)
		return 0;
	put_stats(&text, kernels, &sum.counters);
	if (sum.stats.discarded)
		buf_printf(&text, "sub-buffers not written: %" PRIu64 "\n", sum.stats.discarded);
	if (rec->dropped[stream])
		buf_printf(&text, "earlier bytes not kept: %" PRIu64 "\n", rec->dropped[stream]);
	return add_text(texts, &text);
}

int counters_texts(const struct recording *rec, const struct recorded *b, struct stat_texts *texts,
		   struct err *e)
{
	const char *name = kernel_instance_name(b->in);
	struct buf text AUTO_BUF = { 0 };
	int r = 0;

	if (*name) {
		buf_printf(&text, "\nBuffer: %s\n\n", name);
		r = add_text(texts, &text);
	}
	if (!r && b->missing.len && !b->missing.failed)
		r = add_text(texts, &b->missing);
	for (size_t i = 0; i < b->nr_cpus && !r; i++)
		r = add_cpu_text(rec, b->first_stream + i, texts);
	return r ? err_errno(e, r, "cannot record") : 0;
}

struct probe_texts {
	struct stat_texts *texts;
	struct err *e;
};

static int add_probe_text(void *ctx, const struct kernel_dyn_def *def)
{
	const struct probe_texts *p = ctx;
	struct buf text AUTO_BUF = { 0 };

	buf_puts(&text, "Probe: ");
	if (kernel_dyn_text(def, &text) || buf_puts(&text, "\n") || add_text(p->texts, &text))
		return err_errno(p->e, -ENOMEM, "cannot record");
	return 0;
}

int counters_probes(const struct recording *rec, struct stat_texts *texts, struct err *e)
{
	struct probe_texts p = { .texts = texts, .e = e };

	return kernel_setup_each_probe(rec->setup, add_probe_text, &p);
}

void stat_texts_release(struct stat_texts *texts)
{
	for (size_t i = 0; i < texts->nr; i++)
		free(texts->v[i]);
	vec_release(texts);
}

/* ---- of the whole --------------------------------------------------------------- */

void recording_cpu(const struct recording *rec, size_t i, struct recording_cpu *ret)
{
	const struct recorder_stats *reader = recorder_stream_stats(rec->recorder, i);
	struct segment_stream sum = rec->past.streams[i];

	for (size_t s = 0; s < rec->segments.nr; s++)
		segment_stream_add(&sum, &rec->segments.v[s].streams[i]);
	*ret = (struct recording_cpu){
		.stats = sum.stats, .overrun = sum.counters.overrun,
		.commit_overrun = sum.counters.commit_overrun, .dropped = sum.counters.dropped,
		.read = sum.counters.read, .buffer_kb = sum.counters.buffer_kb,
		.unread = reader->unread ? sum.counters.entries : 0,
	};
	ret->stats.pages = reader->pages;
	ret->stats.stalls = reader->stalls;
	ret->stats.lost_untold = reader->lost_untold;
	ret->stats.uncounted = reader->uncounted;
	for (size_t j = 0; j < rec->buffers.nr; j++) {
		const struct recorded *b = &rec->buffers.v[j];

		if (i < b->first_stream || i - b->first_stream >= b->nr_cpus)
			continue;
		ret->instance = kernel_instance_name(b->in);
		ret->cpu = b->cpus[i - b->first_stream];
		ret->clock = b->clock;
		ret->page_size = b->page_size;
	}
}
