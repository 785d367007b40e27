// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>

#include "clock/clock.h"
#include "record_loss.h"

#define KIB 1024
#define MARGIN 5 / 4			/* the next burst may be larger */

static bool has_lost(const struct recording_cpu *c)
{
	return c->overrun || c->commit_overrun || c->dropped || c->stats.discarded ||
	       c->unread || c->stats.lost || c->stats.lost_unknown;
}

bool record_loss_any(const struct recording *rec)
{
	for (size_t i = 0; i < recording_nr_cpus(rec); i++) {
		struct recording_cpu c;

		recording_cpu(rec, i, &c);
		if (has_lost(&c))
			return true;
	}
	return false;
}

/* One line for a CPU that lost events. */
static void tell_cpu(const struct recording_cpu *c)
{
	struct buf when AUTO_BUF = { 0 };
	const char *dot = *c->instance ? "." : "";
	bool lost = c->overrun || c->commit_overrun || c->dropped;
	bool cut = c->stats.discarded || c->unread;
	const char *sep = lost || !cut ? "," : ":";

	fprintf(stderr, "CPU %u%s%s", c->cpu, dot, c->instance);
	if (lost || !cut)
		fprintf(stderr, ": %" PRIu64 " events lost", c->overrun);
	if (c->overrun && c->read)
		fprintf(stderr, " (%.3g %%)", 100. * c->overrun / (c->overrun + c->read));
	if (c->stats.lost_untold && !cut)
		fprintf(stderr, ", %" PRIu64 " of them in no gap of known size", c->stats.lost_untold);
	if (c->commit_overrun)
		fprintf(stderr, " %" PRIu64 " events lost due to commit overrun", c->commit_overrun);
	if (c->dropped)
		fprintf(stderr, ", %" PRIu64 " events dropped by a full buffer", c->dropped);
	if (c->dropped && c->read)
		fprintf(stderr, " (%.3g %%)", 100. * c->dropped / (c->dropped + c->read));
	if (c->stats.discarded)
		fprintf(stderr, "%s %" PRIu64 " sub-buffer%s", sep, c->stats.discarded,
			c->stats.discarded == 1 ? "" : "s");
	if (c->stats.discarded && c->stats.discarded_events != RING_LOST_UNKNOWN)
		fprintf(stderr, " (%" PRIu64 " events)", c->stats.discarded_events);
	if (c->stats.discarded)
		fprintf(stderr, " %s not written", c->stats.discarded == 1 ? "was" : "were");
	if (c->unread)
		fprintf(stderr, "%s %" PRIu64 " event%s not taken from the kernel's buffer",
			c->stats.discarded ? "," : sep, c->unread, c->unread == 1 ? " was" : "s were");
	if (c->stats.gaps) {
		buf_printf(&when, ", %" PRIu64 " gap%s from ", c->stats.gaps,
			   c->stats.gaps == 1 ? "" : "s");
		clock_put_time(&when, c->clock, c->stats.first_gap_ts);
		buf_puts(&when, " to ");
		clock_put_time(&when, c->clock, c->stats.last_gap_ts);
		if (!when.failed)
			fputs(when.data, stderr);
	}
	fputc('\n', stderr);
}

/* All CPUs together. */
struct losses {
	uint64_t full, nested, unwritten, stalls;
	uint64_t wanted_kb, buffer_kb;	/* that would have held the largest gap; of the same CPU, now */
	bool refused;			/* that is no gap, but all that a full buffer did not take */
};

static void sum_up(struct losses *l, const struct recording_cpu *c, uint32_t page_size)
{
	uint64_t event = c->read ? c->stats.pages * page_size / c->read + 1 : page_size / 16;
	bool refused = c->dropped > c->stats.largest_gap;
	uint64_t kb = c->buffer_kb + (refused ? c->dropped : c->stats.largest_gap) * event * MARGIN / KIB;

	l->full += c->overrun + c->dropped;
	l->nested += c->commit_overrun;
	l->unwritten += c->stats.discarded + c->unread;
	l->stalls += c->stats.stalls;
	if ((c->overrun || c->dropped) && l->wanted_kb < kb) {
		l->wanted_kb = kb;
		l->buffer_kb = c->buffer_kb;
		l->refused = refused;
	}
}

/* The next power of two, as sizes are talked of. */
static uint64_t round_size(uint64_t kb)
{
	uint64_t size = 1;

	while (size < kb)
		size *= 2;
	return size;
}

static void tell_reasons(const struct losses *l, bool stored)
{
	if (l->full)
		fprintf(stderr, "The buffers were full before they were read. Larger ones (-b KB of record and start) lose less: ");
	if (l->full && l->buffer_kb && l->wanted_kb > l->buffer_kb)
		fprintf(stderr, "%s a buffer of %" PRIu64 " KB for each CPU%s would have fitted into -b %" PRIu64 ".\n",
			l->refused ? "all that was refused by" : "the largest gap was in", l->buffer_kb, l->refused ? "" : ", and",
			round_size(l->wanted_kb));
	else if (l->full)
		fprintf(stderr, "twice the size is a beginning.\n");
	if (l->full && l->stalls && !stored)
		fprintf(stderr, "The readers had to wait %" PRIu64 " times for whoever takes what they read.\n", l->stalls);
	else if (l->full && l->stalls)
		fprintf(stderr, "The readers had to wait %" PRIu64 " times for compression or the "
			"disk: --compression lz4 or none, or a faster disk (--temp) helps more.\n",
			l->stalls);
	if (l->nested)
		fprintf(stderr, "Commit overrun: interrupts nested too deep while an event was "
			"written into a full buffer; larger buffers (-b KB of record and start) help.\n");
	if (l->unwritten)
		fprintf(stderr, "What was not written is not in the file, which tells of "
			"each of these CPUs that it lost events behind its last one.\n");
}

void record_loss_tell(const struct recording *rec, bool stored)
{
	struct losses l = { 0 };

	for (size_t i = 0; i < recording_nr_cpus(rec); i++) {
		struct recording_cpu c;

		recording_cpu(rec, i, &c);
		sum_up(&l, &c, c.page_size);
		if (has_lost(&c))
			tell_cpu(&c);
	}
	tell_reasons(&l, stored);
}
