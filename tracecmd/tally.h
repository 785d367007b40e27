/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers by key: what is counted, while it is counted. */
#ifndef TRACECMD_TALLY_H
#define TRACECMD_TALLY_H

#include "base/base.h"

/* What does not tell counts apart is 0 in all. */
struct tally_key {
	uint64_t bin;			/* of time */
	uint32_t file, buffer, cpu;
	int32_t id, pid;
};

struct tally_entry { struct tally_key key; uint64_t count; };

/* { 0 } is empty. Entries with a count of 0 are free. */
struct tally {
	struct tally_entry *v;
	size_t nr, size;		/* a power of two, or 0 */
};

/* Most entries; each takes 160 bytes at most. */
#define TALLY_MAX (UINT32_C(1) << 22)
/* Adds @n, which is not 0. 0, -ENOMEM, or -E2BIG if there are TALLY_MAX other keys. */
int tally_add(struct tally *t, const struct tally_key *key, uint64_t n);
void tally_release(struct tally *t);

#endif
