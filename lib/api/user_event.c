// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * User events of programs. This file, the errors and what it uses of kernel/ are also
 * libtracecmd-user-event.a: nothing else of the library may be needed here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "include/tracecmd-user-event.h"
#include "kernel/user_event.h"

static void forget_definition(struct tracecmd_user_event *event)
{
	if (event->definition)
		kernel_user_release(event->definition);
	free(event->definition);
	event->definition = NULL;
}

/* A definition is kept also if the kernel has no user events: tracecmd_user_event_check needs it. */
static int describe(struct tracecmd_user_event *event, const char *text, struct err *e)
{
	struct kernel_user_def *def = malloc(sizeof(*def));
	int r = def ? kernel_user_parse(text, def, e) : err_errno(e, -ENOMEM, "cannot register a user event");

	if (r) {
		if (def)
			kernel_user_release(def);
		free(def);
		return r;
	}
	forget_definition(event);
	event->definition = def;
	return 0;
}

/* Which file the descriptor was opened on: a program may close it, and its number become another's. */
static bool remember_file(struct tracecmd_user_event *event)
{
	struct stat st;

	if (fstat(event->fd, &st) < 0)
		return false;
	event->reserved[0] = (void *)(uintptr_t)st.st_dev;
	event->reserved[1] = (void *)(uintptr_t)st.st_ino;
	return true;
}

static bool is_its_file(const struct tracecmd_user_event *event)
{
	struct tracecmd_user_event now = { .fd = event->fd };

	return remember_file(&now) && now.reserved[0] == event->reserved[0] && now.reserved[1] == event->reserved[1];
}

static int open_and_register(struct tracecmd_user_event *event, unsigned flags, struct err *e)
{
	int r, fd = kernel_user_open(NULL, e);

	if (fd < 0)
		return fd;
	r = kernel_user_register(fd, event->definition, flags, &event->enabled, &event->index, e);
	if (r) {
		close(fd);
		return r;
	}
	event->fd = fd;
	event->registered = 1;
	remember_file(event);
	return 0;
}

/*
 * A registration is the program's, not the descriptor's: any of the file ends it. -ENOENT: the
 * kernel knows of none. After all other failures it goes on writing to the event.
 */
static int end_registration(struct tracecmd_user_event *event, struct err *e)
{
	bool ours = is_its_file(event);
	int fd AUTO_CLOSE = -1, r = ours ? kernel_user_unregister(event->fd, &event->enabled, e) : -EBADF;

	if (r && r != -ENOENT) {
		fd = kernel_user_open(NULL, e);
		if (fd < 0)
			return err_wrap(e, "cannot unregister a user event, whose descriptor was closed"), fd;
		r = kernel_user_unregister(fd, &event->enabled, e);
	}
	if (r && r != -ENOENT)
		return r;
	if (ours)
		close(event->fd);
	return 0;
}

API int tracecmd_user_event_register(struct tracecmd_user_event *event, const char *definition,
				     unsigned int flags, struct tracecmd_error *error)
{
	struct err e = { 0 };
	int r = api_need(event && definition, "tracecmd_user_event_register", &e);

	_Static_assert((int)TRACECMD_USER_EVENT_PERSIST == (int)KERNEL_USER_PERSIST &&
		       (int)TRACECMD_USER_EVENT_MULTI_FORMAT == (int)KERNEL_USER_MULTI_FORMAT, "flags are the kernel's");
	if (!r && flags & ~(KERNEL_USER_PERSIST | KERNEL_USER_MULTI_FORMAT))
		r = err_set(&e, -EINVAL, "tracecmd_user_event_register: there is no such flag: 0x%x", flags);
	if (!r && event->registered)
		r = err_set(&e, -EBUSY, "user event '%s' is registered already",
			    ((struct kernel_user_def *)event->definition)->name);
	if (!r)
		r = describe(event, definition, &e);
	if (!r)
		r = open_and_register(event, flags, &e);
	return r ? api_error(&e, error) : 0;
}

API int tracecmd_user_event_unregister(struct tracecmd_user_event *event, struct tracecmd_error *error)
{
	struct err e = { 0 };
	int r = api_need(event != NULL, "tracecmd_user_event_unregister", &e);

	if (r)
		return api_error(&e, error);
	if (event->registered)
		r = end_registration(event, &e);
	if (r)
		return api_error(&e, error);
	event->registered = 0;
	event->enabled = 0;
	forget_definition(event);
	return 0;
}

API int tracecmd_user_event_writev(const struct tracecmd_user_event *event, const struct iovec *parts,
				   unsigned int nr)
{
	struct iovec all[TRACECMD_USER_EVENT_PARTS + 1];

	if (!event || (!parts && nr) || nr > TRACECMD_USER_EVENT_PARTS)
		return -EINVAL;
	if (!event->registered)
		return 0;
	all[0].iov_base = (void *)&event->index;
	all[0].iov_len = sizeof(event->index);
	for (unsigned int i = 0; i < nr; i++)
		all[i + 1] = parts[i];
	if (writev(event->fd, all, nr + 1) >= 0)
		return 1;
	/* That is also what the kernel says when nobody listens. */
	if (errno == EBADF && fcntl(event->fd, F_GETFD) >= 0)
		return 0;
	return -errno;
}

API int tracecmd_user_event_check(const struct tracecmd_user_event *event, const struct iovec *parts,
				  unsigned int nr, struct tracecmd_error *error)
{
	AUTO_BUF struct buf record = { 0 };
	struct err e = { 0 };
	int r = api_need(event && (parts || !nr), "tracecmd_user_event_check", &e);

	if (!r && !event->definition)
		r = err_set(&e, -EINVAL, "tracecmd_user_event_check: the event has no definition");
	if (!r && nr > TRACECMD_USER_EVENT_PARTS)
		r = err_set(&e, -EINVAL, "the record has %u pieces; there may be %d", nr, TRACECMD_USER_EVENT_PARTS);
	for (unsigned int i = 0; !r && i < nr; i++)
		if (buf_put(&record, parts[i].iov_base, parts[i].iov_len))
			r = err_errno(&e, -ENOMEM, "cannot check a record");
	if (!r)
		r = kernel_user_check(event->definition, record.data, record.len, &e);
	return r ? api_error(&e, error) : 0;
}
