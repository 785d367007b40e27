/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_features: the sections of a perf.data file that tell of the machine and of the recording,
 * or the records that stand for them. Only those that a trace.dat has a place for, or needs.
 */
#ifndef TRACECMD_PERF_FEATURES_H
#define TRACECMD_PERF_FEATURES_H

#include "record/perf_file.h"

#define PERF_TRACING_MAX (1u << 30)	/* bytes of a section */

bool perf_feature_wanted(uint64_t which);
/* For messages; of those that are wanted. */
const char *perf_feature_name(uint64_t which);
/* Takes over what @c has of the feature @which into @f; unwanted ones are passed over. 0, -EBADMSG, -ENOMEM. */
int perf_feature(struct perf_file *f, uint64_t which, struct cur *c, struct err *e);

#endif
