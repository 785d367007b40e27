// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What perf lets this user do, a row each. The rules are those of the kernel's Documentation/admin-guide/perf-security.rst:
 * each is tried, and nothing is counted.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"

/* @all: of a whole CPU. 0, -errno. */
static int try_event(struct perf_event_attr *attr, bool all)
{
	int fd AUTO_CLOSE = -1;

	attr->size = sizeof(*attr);
	attr->disabled = 1;
	fd = syscall(SYS_perf_event_open, attr, all ? -1 : 0, all ? 0 : -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

static int try_perf(bool all, bool kernel)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = !kernel, .exclude_hv = 1,
	};

	return try_event(&attr, all);
}

/* @raw: with its fields, not counted only. */
static int try_tracepoint(uint64_t number, bool all, bool raw)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .config = number };

	if (raw) {
		attr.sample_period = 1;
		attr.sample_type = PERF_SAMPLE_RAW;
	}
	return try_event(&attr, all);
}

/* All that perf counts by itself. */
static void probe_perf(struct doctor *d)
{
	int own = try_perf(false, false);
	int64_t paranoid = 0;
	bool known = doctor_number("/proc/sys/kernel/perf_event_paranoid", &paranoid);
	AUTO_BUF struct buf level = { 0 };

	if (known)
		buf_printf(&level, "perf_event_paranoid is %lld: ", (long long)paranoid);
	if (level.failed)
		d->failed = true;
	else if (own == -ENOSYS || own == -ENOENT)
		doctor_row(d, "perf", DOCTOR_NO, "a kernel with CONFIG_PERF_EVENTS", "this kernel has no perf events");
	else if (own)
		doctor_row(d, "perf", DOCTOR_NO, "CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=2'; in a container its seccomp "
			   "filter, too", "%s%s", known ? level.data : "", strerror(-own));
	else if (!try_perf(true, true))
		doctor_row(d, "perf", DOCTOR_YES, NULL, "%sall processes, kernel and programs", known ? level.data : "");
	else
		doctor_row(d, "perf", DOCTOR_PARTLY, "CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=-1'",
			   "%sown processes only%s", known ? level.data : "", try_perf(false, true) ? ", without the kernel" : "");
}

/* ---- the kernel's events ------------------------------------------------------------------- */

static bool find_number(const struct doctor *d, const char *event, uint64_t *ret)
{
	char file[128], word[32];

	snprintf(file, sizeof(file), "events/%s/id", event);
	return d->k && !kernel_read_word(kernel_top(d->k), file, word, sizeof(word)) && !parse_u64(word, ret);
}

static void probe_count(struct doctor *d, uint64_t number)
{
	int own = try_tracepoint(number, false, false);

	if (!try_tracepoint(number, true, false))
		doctor_row(d, "count", DOCTOR_YES, NULL, "count -e EVENT, of all processes");
	else if (!own)
		doctor_row(d, "count", DOCTOR_PARTLY, "CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=0'",
			   "count -e EVENT COMMAND, of own processes only");
	else
		doctor_row(d, "count", DOCTOR_NO, "CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=1' for own processes",
			   "events of the kernel cannot be counted: %s", strerror(-own));
}

/* Those of system calls tell a process nothing that it does not know: the kernel lets everybody have his own. */
static void probe_record(struct doctor *d, uint64_t number)
{
	static const char remedy[] = "CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=-1'";
	uint64_t call;

	if (!try_tracepoint(number, true, true))
		doctor_row(d, "record --perf", DOCTOR_YES, NULL, "of all processes");
	else if (!try_tracepoint(number, false, true))
		doctor_row(d, "record --perf", DOCTOR_PARTLY, remedy, "of own processes only");
	else if (find_number(d, "raw_syscalls/sys_enter", &call) && !try_tracepoint(call, false, true))
		doctor_row(d, "record --perf", DOCTOR_PARTLY, remedy, "system calls of own processes only");
	else
		doctor_row(d, "record --perf", DOCTOR_NO, "CAP_PERFMON, or 'sysctl kernel.perf_event_paranoid=-1'; 1 is enough for own "
			   "system calls", "fields of the kernel's events are not for this user");
}

static void probe_events(struct doctor *d)
{
	static const char closed[] = "the numbers of events stand in tracefs, which is closed to this user";
	uint64_t number;

	if (find_number(d, "sched/sched_switch", &number)) {
		probe_count(d, number);
		probe_record(d, number);
	} else if (*d->root && !d->k) {
		const char *remedy = doctor_remedy(d, "root can let a group read them: 'mount -o remount,gid=GROUP,mode=750 %s; "
						   "chmod -R g+rX %s'", d->root, d->root);

		doctor_row(d, "count", DOCTOR_NO, remedy, "%s", closed);
		doctor_row(d, "record --perf", DOCTOR_NO, remedy, "%s", closed);
	}
}

void doctor_probe_perf(struct doctor *d)
{
	probe_perf(d);
	probe_events(d);
}
