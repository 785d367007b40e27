// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * perf's rings (struct perf_event_mmap_page in include/uapi/linux/perf_event.h): the kernel moves
 * data_head on, the reader data_tail.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/perf_internal.h"

int perf_ring_map(struct perf_ring *ring, int fd, size_t want, size_t min)
{
	size_t page = sysconf(_SC_PAGESIZE), size = page;
	void *at;
	int r;

	while (size < want)
		size *= 2;
	do {
		at = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		r = at == MAP_FAILED ? -errno : 0;
		if (!r)
			*ring = (struct perf_ring){ .page = at, .size = size, .page_size = page };
		size /= 2;
	} while (r && size >= page && size >= min);
	return r;
}

void perf_ring_unmap(struct perf_ring *ring)
{
	if (ring->page)
		munmap(ring->page, ring->size + ring->page_size);
	*ring = (struct perf_ring){ 0 };
}

int perf_ring_take(struct perf_ring *ring, struct buf *to)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE), tail = ring->page->data_tail;
	const uint8_t *data = (const uint8_t *)ring->page + ring->page_size;
	size_t from = tail & (ring->size - 1), len = head - tail, first = ring->size - from;

	if (!len || len > ring->size)
		return 0;
	if (first > len)
		first = len;
	if (buf_reserve(to, len))
		return -ENOMEM;
	buf_put(to, data + from, first);
	buf_put(to, data, len - first);
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	return 0;
}
