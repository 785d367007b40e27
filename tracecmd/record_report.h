/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What record and extract tell at their end. */
#ifndef TRACECMD_RECORD_REPORT_H
#define TRACECMD_RECORD_REPORT_H

#include "record/record.h"
#include "trace_options.h"

/* Prints to standard output, or to standard error with --stderr. */
void report_line(const struct trace_options *o, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * Tells on standard error what each CPU gave (sizes as they are in @output;
 * NULL: there is no file) and, always, what was lost.
 */
void record_report(const struct trace_options *o, const struct recording *rec,
		   const char *output);

#endif
