/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * source: hands over the whole sub-buffers of one CPU of one instance: from its
 * per_cpu/cpuN/trace_pipe_raw, or made of what another source has (perf_source.h).
 *
 * The kernel's own can be had in two ways. With splice, up to a pipe's capacity of sub-buffers moves by
 * reference in one call and is then copied out of the pipe; the kernel gives
 * only full sub-buffers that way. With read, each call copies one sub-buffer,
 * the one being filled included. Measured on 6.18 (x86-64, 4 KiB): 1.0 us of
 * CPU per sub-buffer with read, 1.15 us with splice, but one call in 30; the
 * partly filled sub-buffers that a reader of a running trace gets with read
 * cost more than that in the file.
 *
 * A third way is not taken: mapping the ring (Linux 6.10). It still costs a call for each
 * sub-buffer, TRACE_MMAP_IOCTL_GET_READER, and a copy: 3.1 to 3.8 us of CPU on the
 * same kernel, all pages mapped before, where read took 1.0; and a mapped ring cannot
 * be resized.
 *
 * With care, each number of lost events is there: the kernel puts it behind the
 * entries of a sub-buffer if there is room, else it only says "some". Asked for
 * fewer bytes than a sub-buffer has (ring_buffer_read_page() in
 * kernel/trace/ring_buffer.c), it hands a full one over in two pieces, and the
 * first has room. It copies these event by event, 5 us of CPU more per sub-buffer of
 * small events, so this is for times when something is lost.
 */
#ifndef TRACECMD_SOURCE_H
#define TRACECMD_SOURCE_H

#include "base/base.h"
#include "ring/ring.h"

struct source;

/* What a source of another kind is: these of it, and the struct source in front of what is its own. */
struct source_kind {
	/* As source_read, with @all as source_drain. */
	ssize_t (*take)(struct source *s, uint8_t *buf, size_t cap, bool all);
	int (*fd)(const struct source *s);
	void (*free)(struct source *s);
};
struct source {
	const struct source_kind *kind;
	int error;			/* what ended the last call early */
	bool careful;
};

/*
 * @fd: a trace_pipe_raw opened with O_NONBLOCK; owned by the source from now
 * on, also on failure. @page_size: bytes of a sub-buffer. @splice: false for
 * read alone; where no pipe can be had, read is used too. 0, -errno.
 */
int source_new(int fd, const struct ring_abi *abi, uint32_t page_size, bool splice,
	       struct source **ret, struct err *e);
void source_free(struct source *s);
int source_fd(const struct source *s);		/* for poll; -1: none */
/* From now on with care, or without. */
void source_set_careful(struct source *s, bool careful);

/*
 * What is there now, without waiting: a multiple of the sub-buffer size, at
 * most @cap (which must hold one). Less than would fit means that there was no
 * more then; with read, that the last sub-buffer was still being filled; or that
 * there is a source_error. -errno if that came before anything else. With care,
 * 0 means that the buffer was empty.
 */
ssize_t source_read(struct source *s, void *buf, size_t cap);
/* Once tracing is off: the same, the partly filled sub-buffer at the end
 * included; 0 when the buffer is empty. */
ssize_t source_drain(struct source *s, void *buf, size_t cap);
/* For a kind: @error ended the call; what was taken before it comes first. What the call returns. */
ssize_t source_failed(struct source *s, size_t taken, int error);
/* What ended the last of these calls before it had all: 0 or -errno. */
int source_error(const struct source *s);

#endif
