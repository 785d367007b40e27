// SPDX-License-Identifier: LGPL-2.1-or-later
/* Where tracefs is mounted. */
#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel/internal.h"

int no_tracefs(int code, struct err *e)
{
	if (code != -ENOENT)
		return err_errno(e, code, "cannot read /proc/mounts to find tracefs");
	if (access(TRACEFS_DIR, F_OK))
		return err_set(e, -ENOENT, "this kernel has no tracefs (" TRACEFS_DIR " does not exist): it was built without "
			       "tracing, or /sys is not mounted");
	err_set(e, -ENOENT, "tracefs is not mounted");
	return err_hint(e, "'mount -t tracefs nodev " TRACEFS_DIR "', as root, mounts it");
}

int kernel_find(char *ret, size_t size, struct err *e)
{
	int code = find_tracefs(ret, size);

	return code ? no_tracefs(code, e) : 0;
}

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
