// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tasks as /proc has them. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define STATUS_MAX 65536

int task_each(pid_t process, int (*fn)(void *ctx, pid_t id), void *ctx)
{
	struct dirent *entry;
	char path[64] = "/proc";
	uint64_t id;
	int r = 0;
	DIR *dir;

	if (process)
		snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	dir = opendir(path);
	while (!r && dir && (entry = readdir(dir)))
		if (!parse_u64(entry->d_name, &id))
			r = fn(ctx, id);
	if (dir)
		closedir(dir);
	return r;
}

pid_t task_process(pid_t tid)
{
	AUTO_BUF struct buf status = { 0 };
	const char *line = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (!path_read_all(path, &status, STATUS_MAX) && status.data)
		line = strstr(status.data, "\nTgid:");
	return line ? atoi(line + strlen("\nTgid:")) : 0;
}
