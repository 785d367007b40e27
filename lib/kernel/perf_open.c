// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events of perf. What perf_event_open(2) and the kernel's include/uapi/linux/perf_event.h say: a
 * tracepoint has its event's id as config.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/perf_internal.h"

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

int perf_event_number(struct kernel *k, const struct kernel_event *ev, uint64_t *ret, struct err *e)
{
	AUTO_BUF struct buf file = { 0 };
	char word[32];
	int r;

	if (buf_printf(&file, "events/%s/%s/id", ev->system, ev->name))
		return err_errno(e, -ENOMEM, "cannot look up %s:%s", ev->system, ev->name);
	r = kernel_read_word(kernel_top(k), file.data, word, sizeof(word));
	if (!r)
		r = parse_u64(word, ret);
	return r ? err_errno(e, r, "cannot read %s/%s", kernel_root(k), file.data) : 0;
}

bool perf_is_weighed(const struct kernel_event *ev)
{
	return !strcmp(ev->system, "sched") && !strncmp(ev->name, "sched_stat_", 11);
}

bool perf_is_named(const struct kernel_event *ev, const char *pattern)
{
	const char *colon = strchr(pattern, ':');
	size_t system = strlen(ev->system);

	if (!colon)
		return !strcmp(pattern, ev->name);
	return !strncmp(pattern, ev->system, system) && pattern + system == colon && !strcmp(colon + 1, ev->name);
}

int perf_open(const struct perf_event_attr *attr, pid_t pid, int cpu)
{
	int fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool perf_paranoid(int64_t *ret)
{
	AUTO_BUF struct buf text = { 0 };

	if (path_read_all(PARANOID, &text, 64))
		return false;
	text.data[strcspn(text.data, "\n")] = 0;
	return !parse_s64(text.data, ret);
}

/* Which rule stands in the way: Documentation/admin-guide/perf-security.rst. */
static int told_denied(const struct perf_wish *wish, const struct kernel_event *ev, int code, struct err *e)
{
	int64_t level;

	err_errno(e, code, "cannot %s %s:%s", wish->verb, ev->system, ev->name);
	if (!perf_paranoid(&level))
		return err_hint(e, "this kernel's security settings deny perf_event_open");
	return err_hint(e, "with " PARANOID " at %lld %sing %s takes root or the capability CAP_PERFMON",
			(long long)level, wish->verb, wish->all ? "what all processes do" : "events of the kernel");
}

int perf_told_open(const struct perf_wish *wish, const struct kernel_event *ev, int code, struct err *e)
{
	if (code == -EACCES || code == -EPERM)
		return told_denied(wish, ev, code, e);
	if (code == -ENOSYS)
		return err_set(e, code, "cannot %s events: this kernel has no perf_event_open", wish->verb);
	err_errno(e, code, "cannot %s %s:%s", wish->verb, ev->system, ev->name);
	if (code == -EINVAL || code == -ENOENT || code == -ENODEV)
		err_hint(e, "perf does not know this event, synthetic ones among others");
	return code;
}

int perf_set_filter(struct kernel *k, const struct kernel_event *ev, int fd, const char *filter, struct err *e)
{
	struct kernel_words fields = { 0 };
	AUTO_BUF struct buf names = { 0 };
	int r = filter && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter) < 0 ? -errno : 0;

	if (!r)
		return 0;
	err_errno(e, r, "filter '%s' of %s:%s", filter, ev->system, ev->name);
	if (!kernel_event_fields(k, ev, &fields, NULL)) {
		filter_explain(&fields, filter, 0, e);
		for (size_t i = 0; i < fields.nr; i++)
			buf_printf(&names, "%s%s", i ? ", " : "", fields.v[i]);
		if (names.len && !names.failed)
			err_hint(e, "the event's fields are %s", names.data);
	}
	kernel_words_release(&fields);
	return r;
}
