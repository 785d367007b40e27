// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "command.h"
#include "sync_info.h"

#define INTERPOLATED 1u			/* of the flags of TIME_SHIFT */
#define MILLION 1e6

/*
 * What is known of the sample of that time; NULL: nothing. @next: where to look, as times only grow. (Where
 * they do not in the file nothing is found.)
 */
static const struct dat_sync_sample *quality_of(const struct dat_time_sync *ts, uint32_t cpu, int64_t time,
						uint32_t *next)
{
	const struct dat_sync_cpu *c = ts->present && cpu < ts->nr_cpus ? &ts->cpus[cpu] : NULL;

	while (c && *next < c->nr && c->samples[*next].time < time)
		++*next;
	return c && *next < c->nr && c->samples[*next].time == time ? &c->samples[*next] : NULL;
}

static void print_cell(bool known, uint64_t value, int width)
{
	if (known)
		out_printf(" %*" PRIu64, width, value);
	else
		out_printf(" %*s", width, "?");
}

/* How much faster the host's clock was since the sample before, in parts of a million. */
static void print_drift(const struct dat_shift_cpu *c, uint32_t i)
{
	if (!i)
		out_printf(" %10s", "-");
	else
		out_printf(" %+10.3f", ((double)c->samples[i].offset - (double)c->samples[i - 1].offset) * MILLION /
			   ((double)c->samples[i].time - (double)c->samples[i - 1].time));
}

/* Returns the bound. */
static uint64_t print_sample(const struct dat_shift_cpu *c, uint32_t i, uint32_t cpu, const struct dat_sync_sample *q)
{
	uint64_t bound = q ? q->bound : DAT_BOUND_UNKNOWN;

	out_printf("%5" PRIu32 " %20" PRId64 " %20" PRId64, cpu, c->samples[i].time, c->samples[i].offset);
	print_cell(bound != DAT_BOUND_UNKNOWN, bound, 12);
	print_cell(q && q->round_trip, q ? q->round_trip : 0, 12);
	print_cell(q, q ? q->probes : 0, 9);
	print_cell(q, q ? q->rejected : 0, 8);
	print_drift(c, i);
	if (c->samples[i].fraction || c->samples[i].scaling != 1)
		out_printf("  * %" PRId64 " >> %" PRIu64, c->samples[i].scaling, c->samples[i].fraction);
	out_printf("\n");
	return bound;
}

void sync_info_print(const struct dat_info *info)
{
	const struct dat_time_shift *ts = &info->time_shift;
	uint64_t most = 0;

	if (!ts->present) {
		out_printf("(no comparison of clocks was recorded in this file)\n");
		return;
	}
	out_printf("clock of the host with trace id 0x%" PRIx64 ", protocol %s, %s\n", ts->peer_id,
		   info->time_sync.present ? info->time_sync.protocol : "not told",
		   ts->flags & INTERPOLATED ? "interpolated" : "by the sample before");
	out_printf("%5s %20s %20s %12s %12s %9s %8s %10s\n", "CPU", "time", "offset", "error up to", "round trip",
		   "exchanges", "left out", "drift ppm");
	for (uint32_t cpu = 0; cpu < ts->nr_cpus; cpu++) {
		const struct dat_shift_cpu *c = &ts->cpus[cpu];
		uint32_t next = 0;

		for (uint32_t i = 0; i < c->nr; i++) {
			uint64_t bound = print_sample(c, i, cpu, quality_of(&info->time_sync, cpu,
									    c->samples[i].time, &next));

			most = bound > most ? bound : most;
		}
	}
	if (most == DAT_BOUND_UNKNOWN)
		out_printf("how far converted times are off is not known\n");
	else
		out_printf("converted times are off by %" PRIu64 " at most, between two samples as far as drift is steady\n", most);
}
