/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The chunks of a stream that a range of time needs, of a long compressed area:
 * found by looking into its midst, where reading the heads of all chunks would take
 * the greater part of the time. Assumes that time does not step back.
 */
#ifndef TRACECMD_REPLAY_RANGE_H
#define TRACECMD_REPLAY_RANGE_H

#include "files.h"

/*
 * Loads them: from one chunk at least in front of the one where the range begins to
 * one behind that where it ends. 1; 0 if this stream is to be loaded whole: it is
 * short, or something about it is not as expected; -errno. @s: its abi is known.
 */
int range_load(struct stream *s, const struct time_range *range, struct err *e);
/* As stream_last, looking at the area's end only; 0 also if that does not tell. */
int range_last(const struct stream *s, struct stream_env *env, uint64_t *ret, struct err *e);

#endif
