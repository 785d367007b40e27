/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_import: the tracepoints of a perf.data file as a trace.dat.
 *
 * The file is read once, front to back. Events are held until perf's rounds tell that nothing older
 * comes (perf_pages.h); where a file has no rounds, a quarter of a gigabyte of them. Sub-buffers wait,
 * compressed, in a nameless file beside the output, as a trace.dat has them by CPU.
 *
 *	tracepoints		events, their raw data as they are
 *	call chains		kernel_stack and user_stack behind the event
 *	LOST, LOST_SAMPLES	events lost, told where it was, or at the end
 *	COMM, FORK		names of tasks, the last of each
 *	tracing data		formats, printk formats, symbols
 *	other events		left out, told by number
 */
#ifndef TRACECMD_PERF_IMPORT_H
#define TRACECMD_PERF_IMPORT_H

#include "dat/dat.h"

struct perf_import_opts {
	unsigned version;		/* of the file: 6 or 7 */
	const struct codec *codec;	/* NULL: none, also for version 6 */
	const char *kallsyms;		/* a file with the kernel's symbols, which perf does not store; NULL: none */
	const char *writer;		/* program and version */
	const struct notices *notices;
};

/* Whether @magic, a file's first 8 bytes, are those of a perf.data file. */
bool perf_import_is(const void *magic);

/*
 * Reads @in, from its beginning (a pipe will do if perf wrote to one), and writes a file to @out, from its
 * beginning too; the names are for messages, and the second tells where there is room. 0; 1: some
 * of the input is damaged or missing, which @notices were told, the rest is written; -errno.
 */
int perf_import(int in, const char *in_name, int out, const char *out_name,
		const struct perf_import_opts *opts, struct err *e);

#endif
