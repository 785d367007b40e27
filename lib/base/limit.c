// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "base.h"

int fd_limit_raise(uint64_t nr, struct err *e)
{
	struct rlimit now, want;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return err_errno(e, -errno, "cannot ask how many files may be open");
	if (now.rlim_cur >= nr)
		return 0;
	want = (struct rlimit){ .rlim_cur = nr, .rlim_max = now.rlim_max < nr ? nr : now.rlim_max };
	if (!setrlimit(RLIMIT_NOFILE, &want))
		return 0;
	err_set(e, -EMFILE, "%" PRIu64 " files have to be open at once, and %" PRIu64 " may be", nr,
		(uint64_t)now.rlim_max);
	return err_hint(e, "allow more: 'ulimit -Hn %" PRIu64 "' as root, or LimitNOFILE= of a service", nr);
}
