/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tracefs of plain files to play with: for the tests of kernel/. */
#ifndef TRACECMD_FAKE_TRACEFS_H
#define TRACECMD_FAKE_TRACEFS_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/dynevent.h"
#include "kernel/internal.h"

struct fake {
	char root[64];
	struct kernel *k;
	struct notices notices;
	char told[4096];		/* the notices, a line each */
	unsigned nr_told;
	struct buf lines;		/* what the undo log's watcher heard */
};

static inline void hear(void *ctx, const char *text)
{
	struct fake *f = ctx;
	size_t len = strlen(f->told);

	snprintf(f->told + len, sizeof(f->told) - len, "%s\n", text);
	f->nr_told++;
}

static inline void watch(void *ctx, const char *line, size_t len)
{
	struct fake *f = ctx;

	assert_int_equal(buf_put(&f->lines, line, len), 0);
}

static inline void put(const struct fake *f, const char *file, const char *text)
{
	char path[512], *slash;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->root, file);
	for (slash = path + strlen(f->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		assert_true(!mkdir(path, 0755) || errno == EEXIST);
		*slash = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static inline void expect(const struct fake *f, const char *file, const char *text)
{
	AUTO_BUF struct buf b = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", f->root, file);
	assert_int_equal(path_read_all(path, &b, 1 << 20), 0);
	assert_string_equal(b.data ? b.data : "", text);
}

/* A control file that cannot be written, even by root. */
static inline void deny(const struct fake *f, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", f->root, file);
	unlink(path);
	assert_int_equal(symlink("/proc/sys/kernel/osrelease", path), 0);
}

static const char *const event_names[] = {
	"irq/irq_handler_entry", "irq/irq_handler_exit", "sched/sched_switch", "sched/sched_waking",
	"timer/timer_start", "syscalls/sys_enter_read",
};

static inline void put_instance(const struct fake *f, const char *dir)
{
	static const struct { const char *file, *text; } files[] = {
		{ "tracing_on", "1\n" }, { "current_tracer", "nop\n" }, { "set_event", "" },
		{ "trace", "# tracer: nop\n" }, { "trace_clock", "[local] global mono\n" },
		{ "buffer_size_kb", "1410\n" }, { "buffer_subbuf_size_kb", "4\n" },
		{ "per_cpu/cpu0/buffer_size_kb", "1410\n" }, { "per_cpu/cpu1/buffer_size_kb", "1410\n" },
		{ "per_cpu/cpu10/buffer_size_kb", "1410\n" }, { "per_cpu/cpu0/stats", "entries: 0\n" },
		{ "tracing_cpumask", "7ff\n" }, { "set_event_pid", "" }, { "set_event_notrace_pid", "" },
		{ "options/stacktrace", "0\n" }, { "options/overwrite", "1\n" },
		{ "options/event-fork", "0\n" }, { "events/enable", "0\n" },
		{ "available_tracers", "function_graph function nop\n" },
	};
	char path[256], format[128];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, files[i].file);
		put(f, path, files[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
		snprintf(path, sizeof(path), "%sevents/%s/enable", dir, event_names[i]);
		put(f, path, "0\n");
		snprintf(path, sizeof(path), "%sevents/%s/filter", dir, event_names[i]);
		put(f, path, "none\n");
		snprintf(path, sizeof(path), "%sevents/%s/trigger", dir, event_names[i]);
		put(f, path, "");
		snprintf(path, sizeof(path), "%sevents/%s/format", dir, event_names[i]);
		snprintf(format, sizeof(format), "name: %s\nID: %zu\nformat:\n", strchr(event_names[i], '/') + 1, 300 + i);
		put(f, path, format);
		snprintf(path, sizeof(path), "%sevents/%s/enable", dir, event_names[i]);
		*strrchr(path, '/') = 0;
		strcpy(strrchr(path, '/'), "/enable");
		put(f, path, "0\n");
	}
}

static inline int set_up(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct err e = { 0 };
	AUTO_BUF struct buf events = { 0 };

	assert_non_null(f);
	strcpy(f->root, "/tmp/tracecmd-fake.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	put_instance(f, "");
	put(f, "instances/one/tracing_on", "1\n");
	put_instance(f, "instances/one/");
	put(f, "events/header_page",
	    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
	    "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n");
	put(f, "events/ftrace/function/format", "name: function\nID: 1\nformat:\n");
	put(f, "max_graph_depth", "0\n");
	for (size_t i = ARRAY_SIZE(event_names); i-- > 0; ) {
		buf_puts(&events, event_names[i]);
		*strrchr(events.data, '/') = ':';
		buf_puts(&events, "\n");
	}
	put(f, "available_events", events.data);
	f->notices = (struct notices){ hear, f };
	assert_int_equal(kernel_open(f->root, &f->notices, &f->k, &e), 0);
	*state = f;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct fake *f = *state;

	kernel_close(f->k);
	buf_release(&f->lines);
	nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#endif
