/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * User events: those that programs make and write. A program registers a definition and a
 * bit of its memory through tracefs' user_events_data; the kernel sets the bit while somebody
 * listens. Facts are from the kernel's Documentation/trace/user_events.rst and
 * include/uapi/linux/user_events.h (6.12), and what user_events of Linux 6.12 did when tried.
 *
 * All but kernel_user_list needs no struct kernel, and nothing of this room beside
 * find_tracefs: programs that only have events of their own link just that
 * (libtracecmd-user-event.a).
 */
#ifndef TRACECMD_KERNEL_USER_EVENT_H
#define TRACECMD_KERNEL_USER_EVENT_H

#include "base/base.h"
#include "kernel/kernel.h"

/* Systems the events are in: of one format for a name, and of several. */
#define KERNEL_USER_SYSTEM "user_events"
#define KERNEL_USER_MULTI_SYSTEM "user_events_multi"
/* The fields all events have in front; offsets of __data_loc count from before these. */
#define KERNEL_USER_COMMON 8

/* ---- definitions ---------------------------------------------------------- */

enum kernel_user_place {
	KERNEL_USER_FIXED,
	KERNEL_USER_REL,		/* "__rel_loc TYPE[]": length << 16 | offset from behind itself */
	KERNEL_USER_DATA,		/* "__data_loc TYPE[]": length << 16 | offset in the event */
};

struct kernel_user_field {
	char *type, *name;		/* as the kernel has them */
	enum kernel_user_place place;
	uint32_t at, size;		/* in the record, where the next begins at once */
	uint32_t item;			/* bytes of a number, or of each in an array; of a struct 0 */
	bool is_array, is_signed;
	bool is_text;			/* a string, which ends in a NUL */
};

struct kernel_user_def {
	char *name;
	struct kernel_user_field *v;
	size_t nr, cap;
	uint32_t size;			/* of all fields: the least a record has */
};
/*
 * Reads "NAME TYPE FIELD; TYPE FIELD ...". Types are s8 to u64, int, char, short (unsigned
 * too), char[N], "struct NAME FIELD SIZE", "__rel_loc TYPE[]" and "__data_loc TYPE[]".
 * Release in every case. 0; -EINVAL with the field that is wrong; -ENOMEM.
 */
int kernel_user_parse(const char *text, struct kernel_user_def *ret, struct err *e);
void kernel_user_release(struct kernel_user_def *def);
/* The definition in the kernel's words, appended. 0, -ENOMEM. */
int kernel_user_text(const struct kernel_user_def *def, struct buf *ret);

/*
 * Whether the kernel takes the record: 0; as it does -EINVAL if it is too short, or -EFAULT if an
 * array reaches beyond its end or a string ends without NUL, which names the field.
 */
int kernel_user_check(const struct kernel_user_def *def, const void *record, size_t len, struct err *e);
/*
 * A record out of words "FIELD=VALUE", appended. A VALUE is a number; a text; numbers with commas
 * in between, of an array; pairs of hexadecimal digits, of a struct. 0; -EINVAL with
 * the field that is wrong or missing; -ENOMEM.
 */
int kernel_user_record(const struct kernel_user_def *def, char *const *words, size_t nr, struct buf *ret,
		       struct err *e);

/* ---- the kernel ------------------------------------------------------------- */

/* Flags of a registration, as the kernel numbers them. */
enum { KERNEL_USER_PERSIST = 1, KERNEL_USER_MULTI_FORMAT = 2 };

/*
 * Opens user_events_data of the tracefs @root; NULL: of that which is mounted. Nothing is
 * mounted. A descriptor; -ENOENT: no tracefs, or this kernel has no user events;
 * -EACCES, -EPERM: not for this user; each told with what to do.
 */
int kernel_user_open(const char *root, struct err *e);
/*
 * Registers @def: bit 0 of *@enabled, which has to stay where it is until
 * kernel_user_unregister or the end of the program, tells from now on whether somebody listens.
 * *@index is what begins each record written to @fd. @flags: KERNEL_USER_*.
 * 0; -EADDRINUSE: there is an event of that name with other fields; -EPERM: events
 * that persist take CAP_PERFMON; -EOPNOTSUPP: this kernel is too old, or does not know
 * a flag, or it is of 64 bits and the program of 32; -errno.
 */
int kernel_user_register(int fd, const struct kernel_user_def *def, unsigned flags, uint32_t *enabled,
			 uint32_t *index, struct err *e);
/* Ends that; the bit is 0 then. 0, -errno. */
int kernel_user_unregister(int fd, uint32_t *enabled, struct err *e);
/* Removes the events of that name, whatever their format. 0; -ENOENT; -EBUSY; -EPERM; -errno. */
int kernel_user_delete(int fd, const char *name, struct err *e);

/* ---- what there is ---------------------------------------------------------- */

struct kernel_user_event {
	char *system, *name;		/* as record -e has them: "app.0" of several formats */
	char *base;			/* the name that was registered */
	char *fields;			/* "u32 id; u64 bytes", or "" */
	bool ftrace, perf, other;	/* who listens */
};
struct kernel_user_events {
	struct kernel_user_event *v;
	size_t nr, cap;
};
/* Adds all, by system and name. 0; -ENOENT: this kernel has none; -errno. */
int kernel_user_list(struct kernel *k, struct kernel_user_events *ret, struct err *e);
void kernel_user_events_release(struct kernel_user_events *evs);

/*
 * Other processes that have user_events_data open, as far as this user may see it, "PID (NAME)" each,
 * at most @max. 0, -ENOMEM.
 */
int kernel_user_processes(size_t max, struct kernel_words *ret);

#endif
