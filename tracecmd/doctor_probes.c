// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be seen of a kernel and a user without changing anything, a row each. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "doctor.h"
#include "kernel/dynevent.h"
#include "kernel/setup.h"
#include "kernel/user_event.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38			/* Linux 5.8 */
#endif

#define SMALL_FILE 65536
#define DENIED "this kernel's security settings deny it: lockdown, or a security module"

/* ---- small files ------------------------------------------------------------ */

/* A file's text without the line end; false: it cannot be read. */
static bool read_line(const char *path, struct buf *ret)
{
	buf_clear(ret);
	if (path_read_all(path, ret, SMALL_FILE) || !ret->data)
		return false;
	ret->data[strcspn(ret->data, "\n")] = 0;
	return true;
}

bool doctor_number(const char *path, int64_t *ret)
{
	AUTO_BUF struct buf text = { 0 };

	return read_line(path, &text) && !parse_s64(text.data, ret);
}

static bool has_capability(unsigned cap)
{
	AUTO_BUF struct buf text = { 0 };
	const char *line;

	if (path_read_all("/proc/self/status", &text, SMALL_FILE) || !text.data)
		return false;
	line = strstr(text.data, "\nCapEff:");
	return line && strtoull(line + strlen("\nCapEff:"), NULL, 16) >> cap & 1;
}

/* The words of a control file in one line, brackets kept. False: none. */
static bool read_words(const struct doctor *d, const char *file, struct buf *ret)
{
	if (kernel_read(kernel_top(d->k), file, ret))
		return false;
	for (char *p = ret->data; *p; p++)
		if (*p == '\n')
			*p = ' ';
	while (ret->len && ret->data[ret->len - 1] == ' ')
		ret->data[--ret->len] = 0;
	return ret->len > 0;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += len)
		if ((p == words || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

/* ---- who asks, and where ------------------------------------------------------- */

static void probe_user(struct doctor *d)
{
	AUTO_BUF struct buf lockdown = { 0 };
	bool perfmon = has_capability(CAP_PERFMON), admin = has_capability(CAP_SYS_ADMIN);
	const char *caps = admin && perfmon ? "CAP_SYS_ADMIN and CAP_PERFMON" : admin ? "CAP_SYS_ADMIN" :
			   perfmon ? "CAP_PERFMON" : "neither CAP_SYS_ADMIN nor CAP_PERFMON";

	doctor_row(d, "user", !geteuid() && admin ? DOCTOR_YES : DOCTOR_PARTLY,
		   !geteuid() && !admin ? "a container or service without CAP_SYS_ADMIN: run outside, or give it that" : NULL,
		   "uid %u, %s", (unsigned)geteuid(), caps);
	if (read_line("/sys/kernel/security/lockdown", &lockdown) && !strstr(lockdown.data, "[none]"))
		doctor_row(d, "lockdown", DOCTOR_PARTLY, "boot without lockdown= or Secure Boot, if what is missing below is needed",
			   "%s: probes, and with confidentiality all tracing, are denied", lockdown.data);
}

/* What to do about a file that cannot be opened. @missing: if there is none. */
static const char *remedy_for(struct doctor *d, int code, const char *missing)
{
	if (code == -ENOENT)
		return missing;
	if (code != -EROFS && !geteuid())
		return DENIED;
	if (code == -EROFS)
		return doctor_remedy(d, "tracefs is mounted read-only here: 'mount -o remount,rw %s', outside of a container", d->root);
	return doctor_remedy(d, "run as root, or have root give a group all of tracefs: 'mount -o remount,gid=GROUP,mode=750 %s; "
			     "chmod -R g+rwX %s'", d->root, d->root);
}

/* One that needs not all of tracefs, and may be open to this user. */
static void probe_file(struct doctor *d, const char *name, const char *facts, const char *file)
{
	AUTO_BUF struct buf path = { 0 };

	if (buf_printf(&path, "%s/%s", d->root, file))
		d->failed = true;
	else if (!access(path.data, W_OK))
		doctor_row(d, name, DOCTOR_YES, NULL, "%s may be written", path.data);
	else
		doctor_row(d, name, DOCTOR_NO, doctor_remedy(d, "root can admit a group to that alone: 'chmod a+x %s; chgrp GROUP %s; "
							     "chmod g+w %s'", d->root, path.data, path.data),
			   "%s, which is closed to this user", facts);
}

/* What an ordinary user misses, and what of it needs not all of tracefs. */
static void probe_closed(struct doctor *d)
{
	static const struct {
		const char *name, *facts, *file;
	} closed[] = {
		{ "events", "record -e switches them on in tracefs", NULL },
		{ "functions", "record -p and -l choose them in tracefs", NULL },
		{ "kprobes", "record --probe FUNCTION makes them in tracefs", NULL },
		{ "uprobes", "record --probe PROGRAM:SYMBOL makes them in tracefs", NULL },
		{ "user events", "programs register them in tracefs", "user_events_data" },
		{ "triggers", "trigger add and record -R write them to tracefs", NULL },
		{ "markers", "they are written to tracefs", "trace_marker" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
		if (closed[i].file)
			probe_file(d, closed[i].name, closed[i].facts, closed[i].file);
		else
			doctor_row(d, closed[i].name, DOCTOR_NO, remedy_for(d, -EACCES, NULL), "%s, which is closed to this user",
				   closed[i].facts);
	}
}

static bool probe_tracefs(struct doctor *d)
{
	struct err why = { 0 };
	int code = kernel_find(d->root, sizeof(d->root), &why);

	if (!code)
		code = kernel_open(d->root, NULL, &d->k, &why);
	if (!code) {
		doctor_row(d, "tracefs", DOCTOR_YES, NULL, "%s", d->root);
		return true;
	}
	if (*d->root && code == -EACCES)
		doctor_row(d, "tracefs", DOCTOR_NO, remedy_for(d, code, NULL), "%.*s", (int)strcspn(why.text, ";"), why.text);
	else
		doctor_failure(d, "tracefs", DOCTOR_NO, &why);
	doctor_row(d, "recording", DOCTOR_NO, NULL, "without tracefs nothing can be recorded");
	if (*d->root && code == -EACCES)
		probe_closed(d);
	return false;
}

/* What recording opens; opening changes nothing. */
static void probe_recording(struct doctor *d)
{
	static const struct {
		const char *file;
		bool write;
	} needed[] = {
		{ "set_event", true }, { "tracing_on", true }, { "available_events", false },
		{ "per_cpu/cpu0/trace_pipe_raw", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		int code = kernel_try(kernel_top(d->k), needed[i].file, needed[i].write);
		char path[4096];

		if (!code)
			continue;
		kernel_instance_path(kernel_top(d->k), needed[i].file, path, sizeof(path));
		doctor_row(d, "recording", DOCTOR_NO, remedy_for(d, code, "a kernel with CONFIG_TRACING"),
			   "cannot open %s to %s it: %s", path, needed[i].write ? "write" : "read", strerror(-code));
		return;
	}
	d->records = true;
	doctor_row(d, "recording", DOCTOR_YES, NULL, "events can be switched on, buffers can be read");
}

/* ---- lists --------------------------------------------------------------------- */

static void probe_events(struct doctor *d)
{
	const struct kernel_event *evs;
	struct err why = { 0 };
	size_t nr, systems = 0;

	if (kernel_events(d->k, &evs, &nr, &why)) {
		doctor_failure(d, "events", DOCTOR_NO, &why);
		return;
	}
	for (size_t i = 0; i < nr; i++)
		systems += !i || strcmp(evs[i].system, evs[i - 1].system);
	doctor_row(d, "events", nr ? DOCTOR_YES : DOCTOR_NO, NULL, "%zu in %zu systems", nr, systems);
}

static void probe_words(struct doctor *d, const char *name, const char *file, const char *remedy)
{
	AUTO_BUF struct buf words = { 0 };

	if (read_words(d, file, &words))
		doctor_row(d, name, DOCTOR_YES, NULL, "%s", words.data);
	else
		doctor_row(d, name, DOCTOR_NO, remedy, "there is no %s", file);
}

/* ---- functions ------------------------------------------------------------------ */

static void probe_functions(struct doctor *d)
{
	AUTO_BUF struct buf tracers = { 0 };
	int64_t enabled = 1;
	int code;

	if (!read_words(d, "available_tracers", &tracers) || !has_word(tracers.data, "function")) {
		doctor_row(d, "functions", DOCTOR_NO, "a kernel with CONFIG_FUNCTION_TRACER and CONFIG_DYNAMIC_FTRACE",
			   "this kernel has no tracer 'function'");
		return;
	}
	code = kernel_try(kernel_top(d->k), "set_ftrace_filter", true);
	doctor_number("/proc/sys/kernel/ftrace_enabled", &enabled);
	if (code)
		doctor_row(d, "functions", DOCTOR_NO, remedy_for(d, code, "a kernel with CONFIG_DYNAMIC_FTRACE"),
			   "cannot open set_ftrace_filter: %s", strerror(-code));
	else if (!enabled)
		doctor_row(d, "functions", DOCTOR_NO, "'sysctl kernel.ftrace_enabled=1'", "they are switched off");
	else
		doctor_row(d, "functions", DOCTOR_YES, NULL, "record -p function%s, -l FUNCTION",
			   has_word(tracers.data, "function_graph") ? ", -p function_graph" : "");
}

/* Whether one of the lines has an address other than 0. */
static bool has_address(const char *line)
{
	for (; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (line[strspn(line, "0")] && line[strspn(line, "0")] != ' ')
			return true;
	return false;
}

/* Who is shown addresses: kptr_restrict in the kernel's Documentation/admin-guide/sysctl/kernel.rst. */
static const char *remedy_for_symbols(void)
{
	int64_t restricted = 0;

	doctor_number("/proc/sys/kernel/kptr_restrict", &restricted);
	if (restricted < 2)
		return "run as root (CAP_SYSLOG), or 'sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=1'";
	return geteuid() ? "run as root after 'sysctl kernel.kptr_restrict=1', or 'sysctl kernel.kptr_restrict=0 "
			   "kernel.perf_event_paranoid=1'" : "'sysctl kernel.kptr_restrict=1'";
}

static void probe_symbols(struct doctor *d)
{
	AUTO_BUF struct buf text = { 0 };

	/* The first lines, for kallsyms is long: -EFBIG leaves what was read. Variables of each CPU, which
	 * come first on some kernels, are at 0 whoever looks. */
	path_read_all("/proc/kallsyms", &text, SMALL_FILE);
	if (!text.data || !text.len)
		doctor_row(d, "symbols", DOCTOR_NO, "a kernel with CONFIG_KALLSYMS", "/proc/kallsyms cannot be read: functions are numbers");
	else if (!has_address(text.data))
		doctor_row(d, "symbols", DOCTOR_PARTLY, remedy_for_symbols(),
			   "the kernel hides its addresses: functions are numbers");
	else
		doctor_row(d, "symbols", DOCTOR_YES, NULL, "/proc/kallsyms");
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		doctor_row(d, "types (BTF)", DOCTOR_NO, "a kernel with CONFIG_DEBUG_INFO_BTF",
			   "no parameters by name in probes, nor in the function graph");
	else
		doctor_row(d, "types (BTF)", DOCTOR_YES, NULL, "parameters of functions by name");
}

/* ---- dynamic events ---------------------------------------------------------------- */

static void probe_dynamic(struct doctor *d)
{
	static const struct {
		const char *name;
		unsigned type;
		const char *facts;
	} kinds[] = {
		{ "kprobes", KERNEL_DYN_KPROBE, "record --probe FUNCTION" },
		{ "uprobes", KERNEL_DYN_UPROBE, "record --probe PROGRAM:SYMBOL" },
		{ "event probes", KERNEL_DYN_EPROBE, "record --probe 'e:NAME SYSTEM.EVENT'" },
		{ "synthetic events", KERNEL_DYN_SYNTH, "probe add 's:NAME FIELDS'" },
		{ "function probes", KERNEL_DYN_FPROBE, "record --probe 'f:NAME FUNCTION'" },
		{ "tracepoint probes", KERNEL_DYN_TPROBE, "record --probe 't:NAME TRACEPOINT'" },
	};
	int code = kernel_try(kernel_top(d->k), "dynamic_events", true);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct err why = { 0 };

		if (kernel_dyn_has(d->k, kinds[i].type, &why))
			doctor_failure(d, kinds[i].name, DOCTOR_NO, &why);
		else if (code)
			doctor_row(d, kinds[i].name, DOCTOR_NO, remedy_for(d, code, NULL), "cannot open dynamic_events: %s",
				   strerror(-code));
		else
			doctor_row(d, kinds[i].name, DOCTOR_YES, NULL, "%s", kinds[i].facts);
	}
}

static void probe_user_events(struct doctor *d)
{
	struct err why = { 0 };
	int fd AUTO_CLOSE = kernel_user_open(kernel_root(d->k), &why);

	if (fd < 0)
		doctor_failure(d, "user events", DOCTOR_NO, &why);
	else
		doctor_row(d, "user events", DOCTOR_YES, NULL, "programs can have events of their own%s",
			   has_capability(CAP_PERFMON) || has_capability(CAP_SYS_ADMIN) ? "" :
			   ", but none that persist (CAP_PERFMON)");
}

/* ---- features that are a file ---------------------------------------------------------- */

static void probe_files(struct doctor *d)
{
	static const struct {
		const char *name, *file;
		bool write;
		const char *facts, *remedy;
	} features[] = {
		{ "triggers", "events/sched/sched_switch/trigger", true, "trigger add, record -R", "a kernel with CONFIG_EVENT_TRACING" },
		{ "histograms", "events/sched/sched_switch/hist", false, "trigger add EVENT hist:keys=...", "a kernel with CONFIG_HIST_TRIGGERS" },
		{ "snapshots", "snapshot", true, "snapshot -s, record -R snapshot", "a kernel with CONFIG_TRACER_SNAPSHOT" },
		{ "markers", "trace_marker", true, "echo TEXT >trace_marker", "a kernel with CONFIG_TRACING" },
		{ "processes", "set_event_pid", true, "record -F, -P, -c", "Linux 4.4 or later" },
		{ "instances", "instances", true, "-B NAME", "Linux 3.10 or later" },
		{ "sub-buffer size", "buffer_subbuf_size_kb", true, "--subbuf-size", "Linux 6.8 or later" },
		{ "buffer percent", "buffer_percent", true, "readers sleep until a buffer is that full", "Linux 5.1 or later" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		int code = kernel_try(kernel_top(d->k), features[i].file, features[i].write);

		if (!code)
			doctor_row(d, features[i].name, DOCTOR_YES, NULL, "%s", features[i].facts);
		else
			doctor_row(d, features[i].name, DOCTOR_NO, remedy_for(d, code, features[i].remedy), "%s: %s", features[i].file,
				   code == -ENOENT ? "this kernel has none" : strerror(-code));
	}
}

/* ---- all ----------------------------------------------------------------------------------- */

void doctor_probe(struct doctor *d)
{
	probe_user(d);
	if (probe_tracefs(d)) {
		probe_recording(d);
		probe_events(d);
		probe_words(d, "tracers", "available_tracers", "a kernel with CONFIG_TRACING");
		probe_functions(d);
		probe_dynamic(d);
		probe_user_events(d);
		probe_files(d);
		probe_words(d, "clocks", "trace_clock", NULL);
	}
	probe_symbols(d);
	doctor_probe_perf(d);
	doctor_row(d, "files", DOCTOR_YES, NULL, "report, dump, check and convert need no rights but to read the recording");
}
