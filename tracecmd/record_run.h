/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording from its options to its end: record, and an agent for a host. */
#ifndef TRACECMD_RECORD_RUN_H
#define TRACECMD_RECORD_RUN_H

#include "trace_options.h"

/*
 * Records what @o says; whatever happens, the kernel is put back. Must be called while
 * the process has one thread. The exit status, @e set where it is EXIT_FAILED.
 */
int record_run(struct trace_options *o, struct err *e);

#endif
