// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "guest_threads.h"

#define CMDLINE_MAX (1u << 20)
#define COMM_MAX 64

int guest_thread_cpu(const char *comm)
{
	char *end;
	unsigned long cpu;

	if (strncmp(comm, "CPU ", 4) || comm[4] < '0' || comm[4] > '9')
		return -1;
	cpu = strtoul(comm + 4, &end, 10);
	return (*end == '/' && cpu < INT_MAX) ? (int)cpu : -1;
}

/* Whether a process was started with "guest-cid=CID", as -device and its JSON have it. */
static bool has_cid(const struct buf *cmdline, uint32_t cid)
{
	static const char *const words[] = { "guest-cid=", "\"guest-cid\":" };

	for (size_t at = 0; at < cmdline->len; at += strlen(cmdline->data + at) + 1)
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			const char *found = strstr(cmdline->data + at, words[i]);

			if (found && strtoul(found + strlen(words[i]), NULL, 10) == cid)
				return true;
		}
	return false;
}

struct search {
	uint32_t cid;
	int32_t *pids;
	uint32_t nr;
	pid_t pid;
};

static int look_at_thread(void *ctx, pid_t tid)
{
	struct search *s = ctx;
	struct buf comm AUTO_BUF = { 0 };
	char path[64];
	int cpu;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)s->pid, (int)tid);
	cpu = path_read_all(path, &comm, COMM_MAX) ? -1 : guest_thread_cpu(comm.data);
	if (cpu >= 0 && (uint32_t)cpu < s->nr)
		s->pids[cpu] = tid;
	return 0;
}

static int look_at_process(void *ctx, pid_t pid)
{
	struct search *s = ctx;
	struct buf cmdline AUTO_BUF = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (path_read_all(path, &cmdline, CMDLINE_MAX) || !cmdline.len || !has_cid(&cmdline, s->cid))
		return 0;
	s->pid = pid;
	return task_each(pid, look_at_thread, s);
}

void guest_threads(uint32_t cid, int32_t *pids, uint32_t nr)
{
	struct search s = { .cid = cid, .pids = pids, .nr = nr };

	task_each(0, look_at_process, &s);
}
