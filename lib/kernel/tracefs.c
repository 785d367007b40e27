// SPDX-License-Identifier: LGPL-2.1-or-later
/* Where tracefs is mounted. */
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel/internal.h"

int find_tracefs(char *ret, size_t size)
{
	char debugfs[KERNEL_PATH_MAX] = "";
	FILE *f = setmntent("/proc/mounts", "r");
	struct mntent m;
	char text[2 * KERNEL_PATH_MAX];
	int found = -ENOENT;

	if (!f)
		return -errno;
	while (getmntent_r(f, &m, text, sizeof(text))) {
		if (!strcmp(m.mnt_type, "tracefs")) {
			snprintf(ret, size, "%s", m.mnt_dir);
			found = 0;
			/* The usual place wins over others (bind mounts of instances ...). */
			if (!strcmp(m.mnt_dir, TRACEFS_DIR))
				break;
		} else if (!strcmp(m.mnt_type, "debugfs") && !*debugfs) {
			snprintf(debugfs, sizeof(debugfs), "%s/tracing", m.mnt_dir);
		}
	}
	endmntent(f);
	if (found && *debugfs && !access(debugfs, F_OK)) {
		snprintf(ret, size, "%s", debugfs);
		found = 0;
	}
	return found;
}
