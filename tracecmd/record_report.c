// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>

#include "record_report.h"

void report_line(const struct trace_options *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(o->to_stderr ? stderr : stdout, fmt, ap);
	va_end(ap);
	fflush(stdout);
}

/* One buffer of the finished file, CPU by CPU. */
static void report_sizes(struct dat_reader *r, unsigned buffer)
{
	const struct dat_buffer *b = dat_reader_buffer(r, buffer);

	if (*b->name && !b->text)
		fprintf(stderr, "\nBuffer: %s\n\n", b->name);
	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		struct dat_chunks chunks;

		if (dat_reader_chunks(r, buffer, i, &chunks, NULL))
			continue;
		fprintf(stderr, "CPU%u data recorded at offset=0x%" PRIx64 "\n"
			"    %" PRIu64 " bytes in size (%" PRIu64 " uncompressed)\n",
			b->cpus[i].cpu, b->cpus[i].offset, b->cpus[i].size, chunks.total);
	}
}

static void report_file(const char *output)
{
	struct dat_reader *r;

	if (dat_reader_open(output, NULL, &r, NULL))
		return;
	for (unsigned i = 0; i < dat_reader_nr_buffers(r); i++)
		report_sizes(r, i);
	dat_reader_close(r);
}

/* One line for a CPU that lost events. True if it did. */
static bool report_loss(const struct recording_cpu *c)
{
	const char *dot = *c->instance ? "." : "";

	if (!c->overrun && !c->commit_overrun && !c->dropped && !c->stats.discarded)
		return false;
	fprintf(stderr, "CPU %u%s%s: %" PRIu64 " events lost", c->cpu, dot, c->instance, c->overrun);
	if (c->commit_overrun)
		fprintf(stderr, " %" PRIu64 " events lost due to commit overrun", c->commit_overrun);
	if (c->dropped)
		fprintf(stderr, " %" PRIu64 " events dropped by a full buffer", c->dropped);
	if (c->stats.discarded)
		fprintf(stderr, " %" PRIu64 " sub-buffers could not be written",
			c->stats.discarded);
	fputc('\n', stderr);
	return c->overrun || c->dropped;
}

void record_report(const struct trace_options *o, const struct recording *rec, const char *output)
{
	bool full = false;

	if (output && !o->quiet)
		report_file(output);
	for (size_t i = 0; i < recording_nr_cpus(rec); i++) {
		struct recording_cpu c;

		recording_cpu(rec, i, &c);
		full |= report_loss(&c);
	}
	if (full)
		fprintf(stderr, "Larger buffers (-b KB) lose less.\n");
}
