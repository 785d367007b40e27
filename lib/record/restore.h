/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restore: a trace.dat out of per-CPU files that a recording left behind:
 * spools, or the raw sub-buffer streams of trace-cmd.
 */
#ifndef TRACECMD_RESTORE_H
#define TRACECMD_RESTORE_H

#include "base/base.h"
#include "dat/dat.h"
#include "kernel/kernel.h"

/* An option as the file will have it. */
struct restore_option {
	uint16_t id;
	const void *data;
	size_t len;
};

struct restore_opts {
	/* Metadata comes from this file, whose version and codec are taken too; */
	struct dat_reader *partial;
	bool spool_codec;		/* the codec of the spools instead */
	/* what that has not (all, if it is NULL) from this kernel; may be NULL then */
	struct kernel *kernel;
	const char *kallsyms;		/* this file's symbols; NULL: the running kernel's */
	const char *writer;		/* program and version */
	const struct restore_option *options;	/* behind those of the metadata */
	size_t nr_options;
	const struct notices *notices;
};

/*
 * Writes a file to @fd (at its beginning; @name is for messages) out of
 * @paths. A spool tells its CPU, instance and clock. A raw file's name does:
 * BASE.cpuN, or BASE.INSTANCE.cpuN where BASE.cpuN is among @paths too;
 * without such an ending it is the CPU of its place in @paths. Damage is
 * skipped and told as a notice. 0; 1: something was skipped; -errno.
 */
int restore_write(const struct restore_opts *opts, char *const *paths, size_t nr, int fd,
		  const char *name, struct err *e);
/* The same into pieces that refer to the files, which may be removed then. 0, -errno. */
int restore_pieces(const struct restore_opts *opts, char *const *paths, size_t nr,
		   struct dat_pieces *p, const char *name, struct err *e);
/* Writes metadata alone (version 7, not compressed), for a later restore. */
int restore_partial(const struct restore_opts *opts, int fd, const char *name, struct err *e);

#endif
