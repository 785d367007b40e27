// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which events are recorded through perf, and who may: perf_trace_event_perm() in
 * kernel/trace/trace_event_perf.c, perf_event_open(2), Documentation/admin-guide/perf-security.rst.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/dynevent.h"
#include "kernel/perf_internal.h"

#define NOBODY 2			/* perf_event_paranoid above it (Debian): no perf without CAP_PERFMON */
#define NO_KERNEL 1			/* above it: nothing of the kernel */

static int add_probe(const struct kernel_event_ask *ask, struct perf_choice *ret)
{
	const struct perf_chosen ch = {
		.ev = { ask->probe->group, ask->probe->name }, .filter = ask->filter, .probe = ask,
	};

	return vec_push(ret, ch);
}

bool perf_is_functions(const struct perf_chosen *ch)
{
	return !ch->probe && !strcmp(ch->ev.system, "ftrace") && !strcmp(ch->ev.name, "function");
}

static int add_functions(struct kernel *k, const struct kernel_event_ask *ask, struct perf_choice *ret,
			 struct err *e)
{
	struct perf_chosen ch = { .ev = { "ftrace", "function" }, .filter = ask->filter };

	if (perf_event_number(k, &ch.ev, &ch.id, NULL)) {
		err_set(e, -ENOENT, "this kernel has no event '" PERF_FUNCTIONS "'");
		return err_hint(e, "it needs CONFIG_FUNCTION_TRACER, and that function tracing is not denied");
	}
	return vec_push(ret, ch) ? err_errno(e, -ENOMEM, "cannot choose the events") : 0;
}

/* What is no tracepoint. */
static int add_other(struct kernel *k, const struct kernel_event_ask *ask, struct perf_choice *ret, struct err *e)
{
	if (ask->probe && add_probe(ask, ret))
		return err_errno(e, -ENOMEM, "cannot choose the events");
	return !ask->negate && !strcmp(ask->pattern, PERF_FUNCTIONS) ? add_functions(k, ask, ret, e) : 0;
}

/* -v takes away, whatever comes before or behind it. */
static void mark(const struct kernel_instance_setup *is, bool negate, const struct kernel_event_ask **of)
{
	for (size_t i = 0; i < is->events.nr; i++) {
		const struct kernel_event_ask *ask = &is->events.v[i];

		for (size_t j = 0; j < ask->found.nr && ask->negate == negate; j++)
			of[ask->found.v[j]] = negate ? NULL : ask;
	}
}

/* Of the interrupt by which perf wakes its readers (arch/x86/include/asm/trace/irq_vectors.h). */
static bool makes_itself(const struct kernel_event *ev)
{
	return !strcmp(ev->system, "irq_vectors") && !strcmp(ev->name, "irq_work_exit");
}

static bool is_left_out(struct kernel *k, const struct kernel_event *ev, const char *pattern)
{
	if (!makes_itself(ev) || perf_is_named(ev, pattern))
		return false;
	notice(&k->notices, "%s:%s is not recorded: perf does not take an event that its own records would make",
	       ev->system, ev->name);
	return true;
}

int perf_choose(struct kernel *k, const struct kernel_setup *s, struct perf_choice *ret, struct err *e)
{
	const struct kernel_instance_setup *is = &s->instances.v[0];
	const struct kernel_event_ask **of AUTO_FREE = NULL;
	const struct kernel_event *evs;
	size_t nr;
	int r = kernel_events(k, &evs, &nr, e);

	if (r)
		return r;
	of = calloc(nr + 1, sizeof(*of));
	if (!of)
		return err_errno(e, -ENOMEM, "cannot choose the events");
	mark(is, false, of);
	mark(is, true, of);
	for (size_t i = 0; !r && i < nr; i++) {
		struct perf_chosen ch = { .ev = evs[i], .filter = of[i] ? of[i]->filter : NULL };

		if (!of[i] || is_left_out(k, &evs[i], of[i]->pattern))
			continue;
		r = perf_event_number(k, &ch.ev, &ch.id, e);
		if (!r && vec_push(ret, ch))
			r = err_errno(e, -ENOMEM, "cannot choose the events");
	}
	for (size_t i = 0; !r && i < is->events.nr; i++)
		r = add_other(k, &is->events.v[i], ret, e);
	if (!r && !ret->nr)
		r = err_set(e, -ENOENT, "none of the events that were asked for is left to be recorded");
	return r;
}

/* An event of tracefs that was made of a place in a program. */
static bool is_uprobe(struct kernel *k, const struct kernel_event *ev)
{
	struct kernel_dyn_events all = { 0 };
	bool is = false;

	if (kernel_dyn_list(k, &all, NULL))
		return false;
	for (size_t i = 0; !is && i < all.nr; i++)
		is = all.v[i].type & (KERNEL_DYN_UPROBE | KERNEL_DYN_URETPROBE) &&
		     !strcmp(all.v[i].group, ev->system) && !strcmp(all.v[i].name, ev->name);
	kernel_dyn_events_release(&all);
	return is;
}

bool perf_is_of_programs(struct kernel *k, const struct perf_chosen *ch)
{
	if (ch->probe)
		return ch->probe->probe->path;
	return !strcmp(ch->ev.system, "syscalls") || is_uprobe(k, &ch->ev);
}

static bool is_of_another(pid_t tid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)tid);
	return !stat(path, &st) && st.st_uid != geteuid();
}

/* What one may record of own processes without any privilege. */
static void hint_allowed(int64_t level, struct err *e)
{
	err_hint(e, "without these, of own processes (-F COMMAND, -P PID) system calls (-e syscalls%s) and probes "
		 "of programs that are there already may be recorded", level > NO_KERNEL ? "" : ", -e raw_syscalls");
}

int perf_told_refused(const struct perf_refused *what, int code, struct err *e)
{
	const struct perf_wish wish = { .verb = "record", .all = what->all };
	const struct kernel_event *ev = &what->ch->ev;
	int64_t level;

	if (code == -EINVAL && what->stacks && perf_is_functions(what->ch))
		return err_set(e, code, "cannot record %s:%s with stacks of programs (-O userstacktrace): perf refuses that",
			       ev->system, ev->name);
	if ((code != -EACCES && code != -EPERM) || !perf_paranoid(&level))
		return perf_told_open(&wish, ev, code, e);
	err_errno(e, code, "cannot record %s:%s", ev->system, ev->name);
	if (makes_itself(ev))
		return err_hint(e, "perf does not take an event that its own records would make");
	err_hint(e, "perf_event_paranoid is %lld", (long long)level);
	if (what->tid > 0 && is_of_another(what->tid))
		return err_hint(e, "process %d belongs to another user: that takes root or CAP_PERFMON", (int)what->tid);
	if (level > NOBODY)
		return err_hint(e, "with that, perf is for root and who has CAP_PERFMON; at 2, own system calls could be "
				"recorded");
	if (what->ch->probe)
		return err_hint(e, "probes that perf makes take root or CAP_PERFMON");
	if (perf_is_functions(what->ch))
		return err_hint(e, "functions of the kernel take root or CAP_PERFMON");
	if (what->all)
		err_hint(e, "what all processes do takes root, CAP_PERFMON, or perf_event_paranoid at -1");
	else if (what->kernel_stacks && level > NO_KERNEL)
		return err_hint(e, "stacks of the kernel (-T) take root, CAP_PERFMON, or perf_event_paranoid at 1; those of "
				"programs (-O userstacktrace) do not");
	else
		err_hint(e, "the data of this event takes root, CAP_PERFMON, or perf_event_paranoid at -1");
	hint_allowed(level, e);
	return code;
}
