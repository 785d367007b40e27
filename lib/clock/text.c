// SPDX-License-Identifier: LGPL-2.1-or-later
#include <inttypes.h>

#include "clock/clock.h"

#define NS_PER_US 1000
#define US_PER_S 1000000

bool clock_counts(const char *clock)
{
	static const char *const names[] = { "x86-tsc", "tsc2nsec", "counter", "uptime", "ppc-tb", "s390-tod" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(clock, names[i]))
			return true;
	return false;
}

void clock_put_time(struct buf *b, const char *clock, uint64_t ts)
{
	uint64_t us = ts / NS_PER_US + (ts % NS_PER_US + NS_PER_US / 2) / NS_PER_US;

	if (clock_counts(clock))
		buf_printf(b, "%" PRIu64, ts);
	else
		buf_printf(b, "%" PRIu64 ".%06" PRIu64, us / US_PER_S, us % US_PER_S);
}
