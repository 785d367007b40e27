// SPDX-License-Identifier: LGPL-2.1-or-later
/* User events at the kernel's side: registered, written and removed through user_events_data. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/internal.h"
#include "kernel/user_event.h"

/*
 * linux/user_events.h of 6.12, which Debian 12's headers do not have: packed, and the numbers of
 * the calls have the size of a pointer, not of the struct, in them.
 */
struct user_reg {
	uint32_t size;
	uint8_t enable_bit;
	uint8_t enable_size;		/* 4, or 8 on kernels of 64 bits */
	uint16_t flags;
	uint64_t enable_addr;
	uint64_t name_args;
	uint32_t write_index;		/* out */
} __attribute__((packed));

struct user_unreg {
	uint32_t size;
	uint8_t disable_bit;
	uint8_t reserved;
	uint16_t reserved2;
	uint64_t disable_addr;
} __attribute__((packed));

#define DIAG_IOCSREG _IOWR('*', 0, struct user_reg *)
#define DIAG_IOCSDEL _IOW('*', 1, char *)
#define DIAG_IOCSUNREG _IOW('*', 2, struct user_unreg *)

#define DATA_FILE "user_events_data"
#define OLD_KERNEL "programs can register events since Linux 6.4"

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* ---- opening ------------------------------------------------------------------ */

static int cannot_open(int code, const char *root, const char *path, struct err *e)
{
	if (code == -ENOENT) {
		err_set(e, code, "this kernel has no user events (there is no %s)", path);
		return err_hint(e, "they need CONFIG_USER_EVENTS, and Linux 6.4 or later");
	}
	err_errno(e, code, "cannot open %s", path);
	if (code == -EACCES)
		err_hint(e, "root can admit a group: 'chgrp GROUP %s %s; chmod g+x %s; chmod g+w %s'", root, path, root,
			 path);
	else if (code == -EPERM)
		err_hint(e, "this kernel's security settings (lockdown) deny it");
	return code;
}

int kernel_user_open(const char *root, struct err *e)
{
	char found[KERNEL_PATH_MAX], path[KERNEL_PATH_MAX + sizeof(DATA_FILE) + 1];
	int fd, code = root ? 0 : kernel_find(found, sizeof(found), e);

	if (code)
		return code;
	snprintf(path, sizeof(path), "%s/" DATA_FILE, root ? root : found);
	fd = control_file_open(path, O_WRONLY);
	return fd < 0 ? cannot_open(fd, root ? root : found, path, e) : fd;
}

/* ---- registering --------------------------------------------------------------- */

/* Kernels do not say which flag, or what else, they do not take. */
static int refused_flags(const char *name, unsigned flags, struct err *e)
{
	struct utsname u = { 0 };

	uname(&u);
	return err_set(e, -EOPNOTSUPP, "this kernel (%s) does not register user event '%s' %s%s%s: persistent events came with "
		       "Linux 6.7, several formats with 6.10", u.release, name,
		       flags & KERNEL_USER_PERSIST ? "as persistent" : "",
		       flags == (KERNEL_USER_PERSIST | KERNEL_USER_MULTI_FORMAT) ? " and " : "",
		       flags & KERNEL_USER_MULTI_FORMAT ? "with several formats" : "");
}

static int explain_registration(int code, const struct kernel_user_def *def, unsigned flags, struct err *e)
{
	switch (code) {
	case -EADDRINUSE:
		return err_set(e, code, "there is a user event '%s' already, with other fields; use these, another name, or "
			       "several formats of one name (Linux 6.10)", def->name);
	case -EPERM:
		err_set(e, code, "user event '%s' may not be registered as persistent", def->name);
		return err_hint(e, "that takes CAP_PERFMON");
	case -E2BIG:
		return err_set(e, -EOPNOTSUPP, "this kernel has user events of an early form; " OLD_KERNEL);
	case -ENOTTY:
		return err_set(e, -EOPNOTSUPP, sizeof(void *) < 8 ?
			       "this kernel takes no user events of 32-bit programs, if it is one of 64 bits" :
			       "this kernel cannot register user events; " OLD_KERNEL);
	case -EINVAL:
		if (flags)
			return refused_flags(def->name, flags, e);
		break;
	case -EMFILE:
		err_errno(e, code, "cannot register user event '%s'", def->name);
		return err_hint(e, "the kernel has as many as /proc/sys/kernel/user_events_max allows");
	}
	return err_errno(e, code, "cannot register user event '%s'", def->name);
}

int kernel_user_register(int fd, const struct kernel_user_def *def, unsigned flags, uint32_t *enabled,
			 uint32_t *index, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	struct user_reg reg = {
		.size = sizeof(reg), .enable_size = sizeof(*enabled), .flags = flags,
		.enable_addr = (uintptr_t)enabled,
	};
	int code = kernel_user_text(def, &text);

	if (!code) {
		reg.name_args = (uintptr_t)text.data;
		code = call(fd, DIAG_IOCSREG, &reg);
	}
	if (code)
		return explain_registration(code, def, flags, e);
	*index = reg.write_index;
	return 0;
}

int kernel_user_unregister(int fd, uint32_t *enabled, struct err *e)
{
	struct user_unreg unreg = { .size = sizeof(unreg), .disable_addr = (uintptr_t)enabled };
	int code = call(fd, DIAG_IOCSUNREG, &unreg);

	return code ? err_errno(e, code, "cannot unregister a user event") : 0;
}

/* ---- removing ------------------------------------------------------------------- */

int kernel_user_delete(int fd, const char *name, struct err *e)
{
	AUTO_FREE char *copy = strdup(name);
	int code = copy ? call(fd, DIAG_IOCSDEL, copy) : -ENOMEM;

	if (code == -ENOENT)
		return err_set(e, code, "there is no user event '%s'", name);
	if (code == -EBUSY)
		return err_set(e, code, "user event '%s' is in use", name);
	if (code == -EPERM) {
		err_set(e, code, "user event '%s' may not be removed", name);
		return err_hint(e, "it is persistent: that takes CAP_PERFMON");
	}
	return code ? err_errno(e, code, "cannot remove user event '%s'", name) : 0;
}
