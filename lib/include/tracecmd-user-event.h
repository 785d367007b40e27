/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of a program's own in the kernel's trace (user events, Linux 6.4 and later).
 *
 *	static struct tracecmd_user_event request;
 *
 *	tracecmd_user_event_register(&request, "app_request u32 id; __rel_loc char[] path", 0, NULL);
 *	...
 *	if (tracecmd_user_event_enabled(&request)) {
 *		struct { uint32_t id, path; } fields = { .id = id };
 *		struct tracecmd_user_record record;
 *
 *		tracecmd_user_record_begin(&record, &fields, sizeof(fields));
 *		tracecmd_user_record_string(&record, &fields.path, path);
 *		tracecmd_user_record_write(&record, &request);
 *	}
 *
 * 'tracecmd record -e user_events:app_request' records them. While nobody does, an event
 * costs the test of a bit in the program's own memory, which the kernel sets.
 *
 * A registration that fails may be ignored: the event is then never enabled.
 *
 * The functions are in libtracecmd.so.1; alone, needing libc only, in
 * libtracecmd-user-event.a (pkg-config libtracecmd-user-event). All are there since
 * version 0.1.0. Conventions and struct tracecmd_error are those of tracecmd.h.
 *
 * Threads: any number may test and write an event at the same time. Registering and
 * unregistering it is for one, while no other uses it.
 * fork: the child has the event, too, as its own: what it unregisters, its parent keeps.
 * exec: ends all registrations.
 */
#ifndef TRACECMD_USER_EVENT_H
#define TRACECMD_USER_EVENT_H

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "tracecmd.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An event. Zero it (a static one is) before it is registered. From then on the kernel
 * writes to it: it must stay where it is, until it is unregistered or the program ends.
 * Whoever closes its descriptor, as daemons do at their start, registers afterwards: without it nothing is written.
 */
struct tracecmd_user_event {
	uint32_t enabled;		/* bit 0: somebody listens. Written by the kernel */
	uint32_t index;			/* the rest is the library's */
	int fd;
	int registered;
	void *definition;
	void *reserved[4];
};

/*
 * The definition is "NAME TYPE FIELD; TYPE FIELD; ...", of up to 511 characters. TYPE is
 *	u8 s8 u16 s16 u32 s32 u64 s64 char short int, unsigned char, short and int
 *	char[N]			a string of at most N-1 bytes, with a NUL
 *	__rel_loc TYPE[]	an array of any length; of char, a string with a NUL
 *	__data_loc TYPE[]	the same for older readers: see tracecmd_user_record_data
 *	struct WORD FIELD SIZE	a struct of the program's, in SIZE bytes
 * A record has the fields one behind the other, without padding, __rel_loc and __data_loc as
 * four bytes that tell where the array is: behind all fields.
 */

/* Flags. */
enum {
	/* The event stays when the last program with it has ended, until it is deleted.
	 * Takes CAP_PERFMON; Linux 6.7. */
	TRACECMD_USER_EVENT_PERSIST = 1,
	/* Programs may have events of this name with other fields: this is one of
	 * user_events_multi:NAME.*. Linux 6.10. */
	TRACECMD_USER_EVENT_MULTI_FORMAT = 2
};

/*
 * Registers an event. Programs that register the same definition share the event; it goes
 * with the last of them.
 *
 * 0; -EINVAL: the definition is wrong, or NULL; -EBUSY: @event is registered already;
 * -ENOENT: tracefs is not mounted, or this kernel has no user events; -EACCES, -EPERM: not
 * for this user (PERSIST takes CAP_PERFMON); -EADDRINUSE: there is an event of this
 * name with other fields; -EOPNOTSUPP: the kernel is too old for it, or for a flag; -ENOMEM,
 * -EMFILE and others as they come. @error says which, and what to do.
 */
int tracecmd_user_event_register(struct tracecmd_user_event *event, const char *definition,
				 unsigned int flags, struct tracecmd_error *error);

/*
 * Ends that: nothing is enabled or written any more. Fine, and 0, for one that never was registered, and also
 * if the program has closed the descriptor: another is opened for it, and none is closed that is not the event's.
 *
 * A negative errno (-EACCES of a program that gave up the right to open user_events_data): the event is still
 * registered, and has to stay where it is, for the kernel goes on writing to it. It may be tried again.
 */
int tracecmd_user_event_unregister(struct tracecmd_user_event *event, struct tracecmd_error *error);

/* Whether somebody listens: a load and a test. */
static inline int tracecmd_user_event_enabled(const struct tracecmd_user_event *event)
{
	return __builtin_expect(*(const volatile uint32_t *)&event->enabled & 1, 0);
}

/* How many pieces a record may have. */
#define TRACECMD_USER_EVENT_PARTS 31

/*
 * Writes a record of @nr pieces, with one writev and without taking memory.
 *
 * 1: written; 0: nobody listens; -EINVAL: it is shorter than the fields, or has more than
 * TRACECMD_USER_EVENT_PARTS pieces; -EFAULT: an array is not inside of the record, a string
 * ends without NUL, or @parts points to no memory (tracecmd_user_event_check tells which);
 * -EBADF: the descriptor was closed. What is larger than a sub-buffer (4 KiB less 40 bytes,
 * unless --subbuf-size says else) is dropped by the kernel, which does not tell.
 */
int tracecmd_user_event_writev(const struct tracecmd_user_event *event, const struct iovec *parts,
			       unsigned int nr);

/* The same of one piece. */
static inline int tracecmd_user_event_write(const struct tracecmd_user_event *event, const void *record,
					    size_t size)
{
	struct iovec part;

	part.iov_base = (void *)record;
	part.iov_len = size;
	return tracecmd_user_event_writev(event, &part, 1);
}

/*
 * Why a record is refused; for tests of a program also where the kernel has no user events,
 * as long as the definition was right: 0 if it would be taken, -EINVAL or -EFAULT with
 * the field in @error; -ENOMEM.
 */
int tracecmd_user_event_check(const struct tracecmd_user_event *event, const struct iovec *parts,
			      unsigned int nr, struct tracecmd_error *error);

/* ---- records with strings and arrays ----------------------------------------- */

/*
 * Puts a record together out of the fields, as a packed struct, and the arrays behind them, in
 * any order. Nothing is copied: all must stay until it is written.
 */
struct tracecmd_user_record {
	struct iovec parts[TRACECMD_USER_EVENT_PARTS];
	unsigned int nr;
	int error;			/* negative errno; the record is not written then */
	uint64_t size;
};

static inline void tracecmd_user_record_begin(struct tracecmd_user_record *record, void *fields, size_t size)
{
	record->parts[0].iov_base = fields;
	record->parts[0].iov_len = size;
	record->nr = 1;
	record->error = 0;
	record->size = size;
}

/*
 * Adds @size bytes (with a string its NUL) as the array whose field in the struct is @field. What
 * does not fit 16 bits is -EMSGSIZE, more arrays than there is room for -EINVAL: told by
 * tracecmd_user_record_write.
 */
static inline void tracecmd_user_record_put(struct tracecmd_user_record *record, void *field, const void *data,
					    size_t size, uint64_t offset)
{
	uint32_t place = (uint32_t)((uint64_t)size << 16 | (offset & 0xffff));

	if (size > 0xffff || offset > 0xffff)
		record->error = -EMSGSIZE;
	if (record->nr >= TRACECMD_USER_EVENT_PARTS)
		record->error = -EINVAL;
	if (record->error)
		return;
	memcpy(field, &place, sizeof(place));
	record->parts[record->nr].iov_base = (void *)data;
	record->parts[record->nr++].iov_len = size;
	record->size += size;
}

/* Of a __rel_loc field. */
static inline void tracecmd_user_record_array(struct tracecmd_user_record *record, void *field, const void *data,
					      size_t size)
{
	uint64_t behind = (uint64_t)((char *)field - (char *)record->parts[0].iov_base) + 4;

	tracecmd_user_record_put(record, field, data, size, record->size - behind);
}

static inline void tracecmd_user_record_string(struct tracecmd_user_record *record, void *field, const char *text)
{
	text = text ? text : "(null)";
	tracecmd_user_record_array(record, field, text, strlen(text) + 1);
}

/* Of a __data_loc field, whose offset counts the 8 bytes that the kernel puts in front. */
static inline void tracecmd_user_record_data(struct tracecmd_user_record *record, void *field, const void *data,
					     size_t size)
{
	tracecmd_user_record_put(record, field, data, size, record->size + 8);
}

static inline void tracecmd_user_record_data_string(struct tracecmd_user_record *record, void *field,
						    const char *text)
{
	text = text ? text : "(null)";
	tracecmd_user_record_data(record, field, text, strlen(text) + 1);
}

/* As tracecmd_user_event_writev; or record->error. */
static inline int tracecmd_user_record_write(const struct tracecmd_user_record *record,
					     const struct tracecmd_user_event *event)
{
	return record->error ? record->error : tracecmd_user_event_writev(event, record->parts, record->nr);
}

#ifdef __cplusplus
}
#endif

#endif
