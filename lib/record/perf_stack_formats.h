/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_stack_formats: the formats of kernel_stack and user_stack in a file that perf wrote, which stores
 * those of events that it recorded, so that call chains can become such events (perf_stack.h).
 */
#ifndef TRACECMD_PERF_STACK_FORMATS_H
#define TRACECMD_PERF_STACK_FORMATS_H

#include "dat/dat.h"
#include "record/perf_stack.h"

/* Formats that a file lacked, to be added to those of ftrace. */
struct perf_stack_formats {
	struct buf text;		/* u64 length, text each */
	uint32_t nr;
};

/*
 * Finds the formats of both in @r, or makes them as the kernel lays them out, with ids that nothing else there
 * has. @word: bytes of the kernel's long; sub-buffers have @page_size bytes. Release in every
 * case. 0, -errno.
 */
int perf_stack_formats_init(struct perf_stack_formats *f, struct dat_reader *r, unsigned word,
			    uint32_t page_size, struct perf_stacks *ret, struct err *e);
void perf_stack_formats_release(struct perf_stack_formats *f);

#endif
