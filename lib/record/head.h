/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * head: the file BASE.meta beside the spools, a trace.dat without buffers,
 * written before tracing is switched on. With it spools can be read without the kernel
 * that filled them; and what it holds need not be collected when time matters.
 */
#ifndef TRACECMD_HEAD_H
#define TRACECMD_HEAD_H

#include "record/finish.h"
#include "record/left.h"

struct head {
	char *path;			/* NULL: none, or in memory */
	int fd;				/* locked while the recording lives; -1 */
	struct dat_reader *reader;
	struct buf modules;		/* names of those that were loaded */
};

/*
 * Collects the stable metadata and writes it with what @f says otherwise (whose
 * metadata are set here for the moment). Compressed also if the file will not be. @base NULL: in
 * memory, for a recording that leaves no spools either.
 * Release in every case. 0, -errno.
 */
int head_make(struct head *h, const char *base, const struct finish *f, struct kernel *k,
	      const struct kernel_setup *setup, const struct notices *notices, struct err *e);
/* What a head on the disk says without its spools. */
struct head_seen {
	bool live;			/* its recorder runs still */
	bool readable;			/* else there is no session to tell */
	uint64_t session;
};
/* Looks at the file @path. 0; -ENOENT or another errno: it cannot be opened, @ret is all false. */
int head_look(const char *path, struct head_seen *ret);
/* Whether it still holds what the kernel's symbols and formats are. */
bool head_is_current(const struct head *h);
/* Bytes of what it says in a file with @codec (NULL: none). */
uint64_t head_bytes(const struct head *h, const struct codec *codec);
/* Has it, and the names of all files beside it, on the disk. Best effort. */
void head_sync(const struct head *h);
/* Closes, and with @unlink_file removes the file. Fine for { .fd = -1 }. */
void head_release(struct head *h, bool unlink_file);

#endif
