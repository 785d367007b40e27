/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * left: what a recording keeps beside its output while it runs, and what stays
 * there if it is killed: the spools (spool.h) and the head (head.h). Read as if
 * they were the finished file already.
 */
#ifndef TRACECMD_LEFT_H
#define TRACECMD_LEFT_H

#include "base/base.h"
#include "dat/dat.h"

/* Of the head beside the spools: BASE.meta. */
#define HEAD_SUFFIX ".meta"

struct left {
	char *head;			/* path of the head; NULL: there is none */
	struct { char **v; size_t nr, cap; } spools;	/* paths, of one recording */
	struct { int *v; size_t nr, cap; } held;	/* they stay as they are until the release */
	char *moved;			/* the output, if chunks are there already; or NULL */
	size_t strangers;		/* spools there of other recordings */
	bool live;			/* the recorder runs still */
	bool same_boot;			/* of the running kernel */
	uint64_t session;
	char clock[32];			/* of the first spool */
	/* Of the events that are there. */
	bool has_events;
	uint64_t last_ts;		/* time of the last one, by that clock */
	uint64_t damage;		/* bytes of the spools that are no whole chunks */
};

/*
 * Finds what a recording into @path left. All of it is read, to find damage and
 * the end. Release after 1. 1, 0: there is nothing, -errno.
 */
int left_find(const char *path, struct left *ret, struct err *e);
/*
 * Opens it as the file @path. Nothing is copied: what is on the disk is read there.
 * What the head has not is asked of the running kernel if it is the same, and
 * left out if that does not tell. 0, -errno.
 */
int left_open(const char *path, const struct left *l, const struct notices *notices,
	      struct dat_reader **ret, struct err *e);
void left_release(struct left *l);

/*
 * Opens the file @path. If there is none, or it is none to be read, what a recording into
 * it left is looked for; "BASE.meta" means that alone. *ret_cut: why and where it ends
 * too early, to be freed; NULL: it does not, or is being recorded still, which
 * @notices are told. Of a spool it is said which name to give. 0, -errno.
 */
int left_or_file_open(const char *path, const struct notices *notices, struct dat_reader **ret,
		      char **ret_cut, struct err *e);

#endif
