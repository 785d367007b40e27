/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_stack: call chains of perf's samples as the events that ftrace makes of stacks
 * (ftrace:kernel_stack, ftrace:user_stack; kernel/trace/trace_entries.h).
 */
#ifndef TRACECMD_PERF_STACK_H
#define TRACECMD_PERF_STACK_H

#include "base/base.h"
#include "kernel/kernel.h"
#include "record/perf_sample.h"

/* Where such an event's fields are; type 0: there is no such event. */
struct perf_stack_event {
	uint16_t type;
	uint32_t size_at, tgid_at, caller_at;	/* 0: no such field */
};
struct perf_stacks {
	struct perf_stack_event kernel, user;
	unsigned word;			/* bytes of an address */
	uint32_t kernel_max;		/* addresses of a kernel_stack at most; 0: any number */
};

/* Reads such an event's format, a text that ends in NUL. False: it does not tell where the stack is. */
bool perf_stack_format(const char *format, struct perf_stack_event *ret);

#define PERF_STACK_SPARE 64	/* of a sub-buffer with one such event: its header, an entry's head */

/* How this kernel has them, for sub-buffers of @page_size bytes. 0, -errno. */
int perf_stacks_read(struct kernel *k, unsigned word, uint32_t page_size, struct perf_stacks *ret, struct err *e);
/*
 * Of a sample with a chain: the kernel's part as an event in *@kernel, the program's in *@user, each
 * empty if there is none. They have the common fields of the sample's raw data. *@cut (may be NULL)
 * grows by the number of addresses that such an event has no room for. 0, -ENOMEM.
 */
int perf_stacks_make(const struct perf_stacks *st, const struct perf_sample *s, struct buf *kernel,
		     struct buf *user, uint64_t *cut);

#endif
