// SPDX-License-Identifier: LGPL-2.1-or-later
#include <time.h>

#include "base.h"

uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

uint64_t monotonic_ms(void)
{
	return monotonic_ns() / 1000000;
}

struct timespec deadline_in_ms(uint64_t ms)
{
	uint64_t ns = monotonic_ns(), then = ns / 1000000 + ms;

	return (struct timespec){ .tv_sec = then / 1000, .tv_nsec = then % 1000 * 1000000 + ns % 1000000 };
}
