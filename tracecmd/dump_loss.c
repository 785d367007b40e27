// SPDX-License-Identifier: GPL-2.0-or-later
/* dump --summary: what the recording lost, summed up. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dump.h"
#include "stat_text.h"
#include "clock/clock.h"
#include "ring/ring.h"

/* Of one CPU; of all of them only events and gaps are. */
struct loss {
	uint64_t events, gaps, unknown, largest;
	uint64_t bytes;			/* of sub-buffers */
	uint64_t first_ts, last_ts;
};

/* The most that buffers are short of. */
struct need {
	uint64_t gap;			/* events */
	double gap_kb, refused_kb;
};

static void see_page(struct loss *l, const struct ring_page *p)
{
	if (!p->lost)
		return;
	if (!l->gaps++)
		l->first_ts = p->page_ts;
	l->last_ts = p->page_ts;
	if (p->lost == RING_LOST_UNKNOWN) {
		l->unknown++;
		return;
	}
	l->events += p->lost;
	if (l->largest < p->lost)
		l->largest = p->lost;
}

/* What cannot be read is --validate's to tell. */
static void see_cpu(struct dump *d, unsigned buffer, unsigned cpu, const struct ring_abi *abi,
		    struct loss *l)
{
	uint32_t page_size = dat_reader_buffer(d->r, buffer)->page_size;
	struct codec_ctx ctx = { 0 };
	struct dat_chunks chunks;

	if (dat_reader_chunks(d->r, buffer, cpu, &chunks, NULL))
		return;
	for (uint32_t i = 0; i < chunks.nr; i++) {
		AUTO_FREE uint8_t *pages = malloc(chunks.v[i].usize);
		struct ring_page p;

		if (!pages || dat_chunk_read(d->r, buffer, &chunks.v[i], &ctx, pages, NULL))
			continue;
		l->bytes += chunks.v[i].usize;
		for (uint32_t off = 0; chunks.v[i].usize - off >= page_size; off += page_size)
			if (ring_page_open(&p, abi, pages + off, page_size) >= 0)
				see_page(l, &p);
	}
	codec_ctx_release(&ctx);
}

static void print_cpu(const struct dat_buffer *b, uint32_t cpu, const struct loss *l)
{
	struct buf when AUTO_BUF = { 0 };

	clock_put_time(&when, b->clock, l->first_ts);
	buf_puts(&when, " to ");
	clock_put_time(&when, b->clock, l->last_ts);
	out_printf("\t\tCPU %u%s%s: %" PRIu64 " events in %" PRIu64 " gap%s from %s", cpu, *b->name ? "." : "",
		   b->name, l->events, l->gaps, l->gaps == 1 ? "" : "s", when.failed ? "" : when.data);
	if (l->unknown)
		out_printf(", %" PRIu64 " of unknown size", l->unknown);
	out_printf("\n");
}

/* What the kernel counted of one CPU. */
static uint64_t stat_of(const char *stats, const struct dat_buffer *b, uint32_t cpu, const char *name)
{
	struct stat_walk w = { .next = stats };

	while (stat_walk(&w, name))
		if ((size_t)w.buffer.len == strlen(b->name) && !memcmp(w.buffer.text, b->name, w.buffer.len) &&
		    strtoull(w.cpu.text, NULL, 10) == cpu)
			return strtoull(w.value.text, NULL, 10);
	return 0;
}

/* Room for @events more, by what events of that CPU took on the average: KB; 0: nobody knows. */
static double room_for(uint64_t events, uint64_t bytes, const char *stats, const struct dat_buffer *b, uint32_t cpu)
{
	uint64_t read = stat_of(stats, b, cpu, "read events: ");

	return read && events ? (double)bytes / read * events / 1024 + 1 : 0;
}

/* The gap that needs most, and what would have held it. */
static void see_need(struct need *n, const struct loss *l, const char *stats, const struct dat_buffer *b, uint32_t cpu)
{
	double kb = room_for(l->largest, l->bytes, stats, b, cpu), refused;

	if (kb > n->gap_kb && stat_of(stats, b, cpu, "overrun: ")) {
		n->gap_kb = kb;
		n->gap = l->largest;
	}
	refused = room_for(stat_of(stats, b, cpu, "dropped events: "), l->bytes, stats, b, cpu);
	if (refused > n->refused_kb)
		n->refused_kb = refused;
}

/* Why, as far as the kernel's counters tell. */
static void print_reasons(const char *stats)
{
	static const struct { const char *name, *text; } reasons[] = {
		{ "overrun: ", "overwritten before they were read: larger buffers (-b) lose less" },
		{ "commit overrun: ", "lost in interrupts that nested too deep: larger buffers (-b) help" },
		{ "sub-buffers not written: ", "sub-buffers not written: the disk was full, or --max-size reached" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons) && stats; i++) {
		uint64_t n = stat_sum(stats, reasons[i].name);

		if (n)
			out_printf("\t\t%" PRIu64 " %s\n", n, reasons[i].text);
	}
}

/* Events that a full buffer did not take (-O nooverwrite) leave no gap: the counters alone tell of them. */
static void print_refused(const char *stats, double short_kb)
{
	static const char refused[] = "dropped events: ";
	struct stat_walk w = { .next = stats };
	uint64_t all = stat_sum(stats, refused), n;

	if (all)
		out_printf("\t[%" PRIu64 " events refused by full buffers: larger ones (-b) lose less]\n", all);
	if (all && short_kb)
		out_printf("\t\tbuffers %.0f KB larger would have held all of them\n", short_kb);
	while (all && stat_walk(&w, refused))
		if ((n = strtoull(w.value.text, NULL, 10)))
			out_printf("\t\tCPU %.*s%s%.*s: %" PRIu64 " events\n", w.cpu.len, w.cpu.text,
				   w.buffer.len ? "." : "", w.buffer.len, w.buffer.text, n);
}

/* Nor does what others did to the buffer. */
static void print_missing(const char *stats)
{
	struct stat_walk w = { .next = stats };

	while (stat_walk(&w, DAT_STAT_MISSING))
		out_printf("\t[%.*s]\n", w.value.len, w.value.text);
}

/* All of the data must be read for this: only if something was lost, or nothing is said. */
static bool worth_looking(const char *stats)
{
	return !stats || stat_sum(stats, "overrun: ") || stat_sum(stats, "dropped events: ") ||
	       stat_sum(stats, "entries: ") || stat_sum(stats, "sub-buffers not written: ");
}

void dump_losses(struct dump *d)
{
	const char *stats = dat_reader_info(d->r)->cpustat;
	struct ring_abi abi = { .big_endian = dat_reader_header(d->r)->big_endian };
	struct dat_header_info head;
	struct loss all = { 0 };
	struct need need = { 0 };
	VEC(struct loss) cpus = { 0 };
	size_t at = 0;

	print_missing(stats);
	if (!worth_looking(stats) || dat_reader_header_info(d->r, &head, NULL))
		return;
	abi.long_size = head.kernel_long;
	for (unsigned b = 0; b < dat_reader_nr_buffers(d->r); b++)
		for (uint32_t c = 0; c < dat_reader_buffer(d->r, b)->nr_cpus; c++) {
			struct loss l = { 0 };

			see_cpu(d, b, c, &abi, &l);
			all.events += l.events;
			all.gaps += l.gaps;
			see_need(&need, &l, stats, dat_reader_buffer(d->r, b), dat_reader_buffer(d->r, b)->cpus[c].cpu);
			if (vec_push(&cpus, l))
				goto out;
		}
	if (all.gaps)
		out_printf("\t[%" PRIu64 " events lost in %" PRIu64 " gap%s]\n", all.events, all.gaps,
			   all.gaps == 1 ? "" : "s");
	for (unsigned b = 0; b < dat_reader_nr_buffers(d->r) && all.gaps; b++)
		for (uint32_t c = 0; c < dat_reader_buffer(d->r, b)->nr_cpus; c++, at++)
			if (cpus.v[at].gaps)
				print_cpu(dat_reader_buffer(d->r, b),
					  dat_reader_buffer(d->r, b)->cpus[c].cpu, &cpus.v[at]);
	if (all.gaps) {
		print_reasons(stats);
		if (need.gap)
			out_printf("\t\tthe largest gap had %" PRIu64 " events: buffers %.0f KB larger would have held them\n",
				   need.gap, need.gap_kb);
	}
	print_refused(stats, need.refused_kb);
out:
	vec_release(&cpus);
}
