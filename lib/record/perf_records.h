/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_records: the records of a perf.data file one by one, decompressed. A buffer of fixed size is
 * all the memory it takes, however long the file is.
 */
#ifndef TRACECMD_PERF_RECORDS_H
#define TRACECMD_PERF_RECORDS_H

#include "record/perf_file.h"

struct perf_records;

/* @f outlives it. 0, -ENOMEM. */
int perf_records_open(const struct perf_file *f, struct perf_records **ret, struct err *e);
void perf_records_close(struct perf_records *rs);
/*
 * The next one; views that last until the next call. 1; 0: at the end; -ENODATA: the file ends in
 * the middle of one; -EBADMSG: it is damaged there, and nothing behind can be read; -errno.
 */
int perf_records_next(struct perf_records *rs, struct perf_record *ret, struct err *e);
/* @len bytes that lie behind the record read last, to @out (NULL: nowhere). Returns as above, 0 if they are there. */
int perf_records_behind(struct perf_records *rs, uint64_t len, struct buf *out, struct err *e);
/* Puts in front of @e where the file has what the last record came out of, if that was compressed. */
void perf_records_where(const struct perf_records *rs, struct err *e);

#endif
