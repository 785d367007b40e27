// SPDX-License-Identifier: LGPL-2.1-or-later
/* What trace-cmd's library tells, to where it tells it: libtraceevent's tep_vprint. */
#include <errno.h>
#include <stdatomic.h>
#include <traceevent/event-utils.h>

#include "api/compat.h"

/* Of the process: its interface has no handle. */
static atomic_int loglevel = TEP_LOG_WARNING;

API void tracecmd_set_loglevel(enum tep_loglevel level)
{
	atomic_store_explicit(&loglevel, level, memory_order_relaxed);
}

static void tell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void tell(const char *fmt, ...)
{
	va_list ap;

	if (atomic_load_explicit(&loglevel, memory_order_relaxed) < TEP_LOG_WARNING)
		return;
	va_start(ap, fmt);
	tep_vprint("libtracecmd", TEP_LOG_WARNING, false, fmt, ap);
	va_end(ap);
}

void compat_tell(void *ctx, const char *text)
{
	(void)ctx;
	tell("%s", text);
}

void compat_fail(const struct err *e)
{
	tell("%s", e->text);
	errno = -e->code;
}

int compat_need(const struct tracecmd_input *h, bool ready)
{
	if (h && (!ready || h->lanes))
		return 0;
	errno = EINVAL;
	return -1;
}
