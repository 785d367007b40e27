/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that record and extract make: chosen and checked before anything
 * is changed, complete or not there at the end.
 */
#ifndef TRACECMD_RECORD_OUTPUT_H
#define TRACECMD_RECORD_OUTPUT_H

#include "record/record.h"
#include "record_live.h"
#include "remote/remote.h"
#include "trace_options.h"

#define DEFAULT_OUTPUT "trace.dat"

struct record_output {
	const struct trace_options *o;
	const char *path;
	char *spool_base;
	struct new_file file;		/* not open if it is sent */
	struct sender *sender;		/* -N: to a listener; NULL: not */
	struct record_live *live;	/* stream: it is printed; NULL: not */
	int sent_to;			/* "-o -" and the like: the descriptor; -1: it is a file */
	const struct supervisor *supervisor;	/* NULL: none */
	struct record_opts opts;	/* for recording_new */
	bool keep_spools;		/* they hold what the file does not */
	bool moved;			/* the file, not complete, holds what the spools do not */
	bool discard;			/* the file is not wanted any more */
	struct err failed;		/* what went wrong before the end, to be told with what became of it */
};

/* Why a recording has no parts. */
#define PARTS_UNFIT "that takes a file for output (-o), and neither -m nor a latency tracer"

/*
 * The spools BASE.cpuN of a recording that was killed may be all there is of it: they are not
 * overwritten. One that still runs is told once its lock is asked for. 0, -EEXIST, -errno.
 */
int record_output_check_left(const char *base, struct err *e);
/*
 * Chooses version, codec, and where spools go, and creates the output beside
 * its later name. @opts is filled but for the raw file and what is measured.
 * Release in every case. 0, -errno.
 */
int record_output_open(struct record_output *out, const struct trace_options *o, struct err *e);
/*
 * Has files made and things forgotten while the recording goes on, as the options say. For
 * record alone, after record_output_open. 0, -errno.
 */
int record_output_parts(struct record_output *out, struct err *e);
/*
 * Has as many files allowed as a recording of these instances (the top level only if it takes
 * part, or @with_top) will have open. To be asked before anything is changed. 0, -errno.
 */
int record_output_files(const struct trace_options *o, struct kernel *k, bool with_top, struct err *e);
/* With --date: measures the time of day, once the instances are known. */
int record_output_date(struct record_output *out, struct kernel *k, struct err *e);
/*
 * Keeps room for what the file needs besides the chunks, from the start: on a disk that is full
 * later the chunks move into the rest of it, giving back theirs. No harm if it cannot be.
 */
void record_output_reserve(const struct record_output *out, const struct recording *rec);
/*
 * Ends the recording (tracing is off) and writes the file. An error of the
 * recorder does not keep the rest from being saved, and is the one told. If
 * the file cannot be written the spools are kept and named. Tells on standard
 * error what each CPU gave, unless quiet, and what was lost. *@lost: events,
 * and that is to be a failure (--fail-on-loss). 0, -errno.
 */
int record_output_end(struct record_output *out, struct recording *rec, bool *lost, struct err *e);
void record_output_release(struct record_output *out);

/* Prints to standard output, or to standard error with --stderr. */
void report_line(const struct trace_options *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
