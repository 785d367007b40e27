// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Memory that will all be written soon. A page that is met for the first time costs
 * more than what is then written into it; asked for together they cost half, and
 * a large one a fifth.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/base.h"

#ifndef MADV_POPULATE_WRITE		/* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096
#define LARGE_PAGE (2u << 20)
/* Less comes out of memory that was used before. */
#define LARGE_MIN (128u << 10)
/* More is not taken at a word: a file may lie about what is in it. */
#define LARGE_MAX (16u << 20)

void large_touch(void *p, size_t len)
{
	uint8_t *start = p;
	size_t skip = -(uintptr_t)p % PAGE;

	/* refused, pages come one by one as ever */
	if (len >= LARGE_MIN && len <= LARGE_MAX)
		(void)madvise(start + skip, (len - skip) / PAGE * PAGE, MADV_POPULATE_WRITE);
}

void *large_alloc(size_t len)
{
	size_t whole = len / LARGE_PAGE * LARGE_PAGE;
	void *p;

	if (!whole || len > LARGE_MAX) {
		p = malloc(len ? len : 1);
		if (p)
			large_touch(p, len);
		return p;
	}
	if (posix_memalign(&p, LARGE_PAGE, len))
		return NULL;
	(void)madvise(p, whole, MADV_HUGEPAGE);
	large_touch(p, len);
	return p;
}
