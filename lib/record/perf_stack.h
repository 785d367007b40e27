/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_stack: call chains of perf's samples as the events ftrace has for stacks, kernel_stack and
 * user_stack, which stand behind the event they belong to.
 */
#ifndef TRACECMD_PERF_STACK_H
#define TRACECMD_PERF_STACK_H

#include "dat/dat.h"
#include "kernel/kernel.h"
#include "kernel/perf_sample.h"

#define PERF_STACK_RAW_MIN 8		/* bytes of raw data that a stack's record needs */

struct perf_stack_kind {
	uint16_t id;			/* of its events; 0: there are none of this kind */
	uint32_t caller;		/* where the addresses are in a record */
	uint32_t frames;		/* that a record has: at most, or exactly */
};

struct perf_stacks {
	struct perf_stack_kind kernel, user;
	unsigned long_size;
	bool big_endian;
	struct buf formats;		/* those that the file lacked: u64 length, text each */
	uint32_t nr_formats;
};

/*
 * Finds the formats of both in @r, or makes them, with ids that nothing else there has, as the kernel lays
 * them out. @long_size: of the kernel's long. Sub-buffers have @page_size bytes. Release in every
 * case. 0, -errno.
 */
int perf_stacks_init(struct perf_stacks *s, struct dat_reader *r, unsigned long_size, uint32_t page_size,
		     struct err *e);
/* The same with the formats of a running kernel, which has both. */
int perf_stacks_read(struct perf_stacks *s, struct kernel *k, unsigned long_size, uint32_t page_size,
		     struct err *e);
void perf_stacks_release(struct perf_stacks *s);

/*
 * Makes *ret, the record for the addresses of @sample in the kernel, or in user space; its raw data of
 * at least PERF_STACK_RAW_MIN bytes give the fields all events have. *cut (or NULL) grows by the addresses left out: too deep. 1;
 * 0: there are none; -ENOMEM.
 */
int perf_stack_record(const struct perf_stacks *s, const struct perf_sample *sample, bool user,
		      struct buf *ret, uint64_t *cut);

#endif
