// SPDX-License-Identifier: GPL-2.0-or-later
/* dump --summary: what the recording lost, summed up. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dump.h"
#include "clock/clock.h"
#include "ring/ring.h"

/* Of one CPU, or of all. */
struct loss {
	uint64_t events, gaps, unknown, largest;
	uint64_t bytes;			/* of sub-buffers */
	uint64_t first_ts, last_ts;
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

/* The sum of all lines "NAME: N" of the stored statistics. */
static uint64_t sum_stat(const char *stats, const char *name)
{
	uint64_t sum = 0;

	for (const char *at = stats; at && (at = strstr(at, name)); at += strlen(name))
		if (at == stats || at[-1] == '\n')
			sum += strtoull(at + strlen(name), NULL, 10);
	return sum;
}

/* What would have held the largest gap, by what events took on the average. */
static void print_size(const struct loss *all, const char *stats)
{
	uint64_t read = sum_stat(stats, "read events: ");

	if (all->largest && read)
		out_printf("\t\tthe largest gap had %" PRIu64 " events: buffers %.0f KB larger would have held them\n",
			   all->largest, (double)all->bytes / read * all->largest / 1024 + 1);
}

/* Why, as far as the kernel's counters tell. */
static void print_reasons(const char *stats)
{
	static const struct { const char *name, *text; } reasons[] = {
		{ "overrun: ", "overwritten before they were read: larger buffers (-b) lose less" },
		{ "dropped events: ", "refused by a full buffer: larger buffers (-b) lose less" },
		{ "commit overrun: ", "lost in interrupts that nested too deep: larger buffers (-b) help" },
		{ "sub-buffers not written: ", "sub-buffers not written: the disk was full, or --max-size reached" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons) && stats; i++) {
		uint64_t n = sum_stat(stats, reasons[i].name);

		if (n)
			out_printf("\t\t%" PRIu64 " %s\n", n, reasons[i].text);
	}
}

/* All of the data must be read for this: only if something was lost, or nothing is said. */
static bool worth_looking(const char *stats)
{
	return !stats || sum_stat(stats, "overrun: ") || sum_stat(stats, "dropped events: ") ||
	       sum_stat(stats, "entries: ") || sum_stat(stats, "sub-buffers not written: ");
}

void dump_losses(struct dump *d)
{
	const char *stats = dat_reader_info(d->r)->cpustat;
	struct ring_abi abi = { .big_endian = dat_reader_header(d->r)->big_endian };
	struct dat_header_info head;
	struct loss all = { 0 };
	VEC(struct loss) cpus = { 0 };
	size_t at = 0;

	if (!worth_looking(stats) || dat_reader_header_info(d->r, &head, NULL))
		return;
	abi.long_size = head.kernel_long;
	for (unsigned b = 0; b < dat_reader_nr_buffers(d->r); b++)
		for (uint32_t c = 0; c < dat_reader_buffer(d->r, b)->nr_cpus; c++) {
			struct loss l = { 0 };

			see_cpu(d, b, c, &abi, &l);
			all.events += l.events;
			all.gaps += l.gaps;
			all.bytes += l.bytes;
			if (all.largest < l.largest)
				all.largest = l.largest;
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
		print_size(&all, stats);
	}
out:
	vec_release(&cpus);
}
