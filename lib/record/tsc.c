// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's numbers for turning the time stamp counter into nanoseconds:
 * struct perf_event_mmap_page, time_mult, time_shift and time_zero, valid if
 * cap_user_time(_zero) is set (include/uapi/linux/perf_event.h).
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/record.h"

int record_tsc2nsec(struct dat_tsc2nsec *ret, struct err *e)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY, .disabled = 1, .exclude_kernel = 1,
	};
	long size = sysconf(_SC_PAGESIZE);
	int fd AUTO_CLOSE = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	const volatile struct perf_event_mmap_page *page;
	struct dat_tsc2nsec t = { .present = true };
	uint32_t seq;
	bool known;

	if (fd < 0)
		return err_errno(e, -errno, "cannot learn how x86-tsc becomes nanoseconds: "
				 "perf_event_open");
	page = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return err_errno(e, -errno, "cannot learn how x86-tsc becomes nanoseconds: mmap");
	do {
		seq = page->lock;
		__sync_synchronize();
		known = page->cap_user_time;
		t.mult = page->time_mult;
		t.shift = page->time_shift;
		t.offset = page->cap_user_time_zero ? page->time_zero : 0;
		__sync_synchronize();
	} while (page->lock != seq || (seq & 1));
	munmap((void *)page, size);
	if (!known || !t.mult)
		return err_set(e, -EOPNOTSUPP, "the kernel does not tell how x86-tsc becomes "
			       "nanoseconds: its own time does not come from a stable time stamp "
			       "counter");
	*ret = t;
	return 0;
}
