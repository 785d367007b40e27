/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream: what is recorded becomes lines on standard output as it comes, instead of a file. A thread prints, so that
 * a slow reader of the lines holds up nothing but them: what waits for it is bounded, and what the kernel has
 * to overwrite meanwhile is a loss as any.
 */
#ifndef TRACECMD_RECORD_LIVE_H
#define TRACECMD_RECORD_LIVE_H

#include "record/record.h"
#include "trace_options.h"

#define RECORD_LIVE_MEMORY (32u << 20)	/* of the recorder: small beside what a flush may add to what waits */

struct record_live;

/* @o must outlive it. Free in every case. 0, -ENOMEM. */
int record_live_new(const struct trace_options *o, struct record_live **ret, struct err *e);
/* Before tracing is on: what texts are made of, and room for what comes. No thread yet. 0, -errno. */
int record_live_begin(struct record_live *l, struct recording *rec, struct err *e);
/* Before recording_start: the thread, which waits and is hidden with the recorder's. 0, -errno. */
int record_live_start(struct record_live *l, struct err *e);
/* After it: lines are printed. */
void record_live_go(struct record_live *l);
/* As recorder_opts.send. */
int record_live_put(void *live, uint32_t stream, const struct recorder_chunk *c, struct err *e);
/* Readable once nobody takes what is printed. */
int record_live_fd(const struct record_live *l);
/* All has come, or no more is wanted: waits until it is printed, and for the thread. To be called before the recording is
 * freed; fine more than once, and for NULL. Always 0. */
int record_live_end(struct record_live *l);
void record_live_free(struct record_live *l);

#endif
