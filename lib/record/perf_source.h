/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_source: the events of one of perf's rings, as sub-buffers.
 *
 * A tracepoint's sample has as raw data the record that ftrace would have made, common fields first
 * and up to 7 bytes of padding behind. It goes into a sub-buffer as it is; only what perf made
 * itself (probes) gets its common_type there.
 *
 * PERF_RECORD_LOST stands in front of the first record that found room again, so it tells the place of
 * a loss; what was lost behind the last one the events' own counts tell (PERF_FORMAT_LOST).
 */
#ifndef TRACECMD_PERF_SOURCE_H
#define TRACECMD_PERF_SOURCE_H

#include "kernel/perf.h"
#include "record/perf_stack.h"
#include "record/source.h"

/* @perf and @stacks must live longer. 0, -errno. */
int perf_source_new(struct kernel_perf *perf, size_t ring, const struct perf_stacks *stacks,
		    const struct ring_abi *abi, uint32_t page_size, struct source **ret, struct err *e);

/* How far it is; from any thread. */
struct perf_source_stats {
	uint64_t events;		/* in sub-buffers; stacks are among them */
	uint64_t lost;			/* told in sub-buffers */
	uint64_t too_large;		/* of these: they fit into no sub-buffer */
	uint64_t latest;		/* time of the last one */
};
void perf_source_stats(const struct source *s, struct perf_source_stats *ret);

#endif
