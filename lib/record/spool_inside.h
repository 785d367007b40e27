/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A spool's inside, for its writer alone: spool.c appends, spool_move.c gives back. */
#ifndef TRACECMD_SPOOL_INSIDE_H
#define TRACECMD_SPOOL_INSIDE_H

#include "record/spool_layout.h"

/* A file beside a spool's. */
struct spool_side {
	char *path;			/* NULL: none */
	int fd;				/* -1 */
	uint64_t len;
};

struct spool_file {
	char *path;
	int fd;				/* -1: not created */
	uint64_t len;			/* end of the last whole chunk */
	VEC(struct spool_chunk) chunks;
	struct spool_side journal;	/* spool_move.c */
};

/* Whether room is given back. */
enum spool_move { SPOOL_MOVE_NOT_YET, SPOOL_MOVE_ON, SPOOL_MOVE_OFF };

struct spool {
	struct spool_file files[2];	/* the second one only with a limit */
	unsigned current;
	uint64_t half;			/* bytes per file; 0: no limit */
	struct spool_header header;	/* what all chunks have in common */
	struct buf info;		/* the INFO chunk, ready to be written */
	uint64_t next_seq, dropped;
	enum spool_move move;
	bool move_sync;			/* the disk first */
	size_t kept;			/* chunks that are not given back, once that is on */
	bool noted;			/* there are entries in a journal */
	struct spool_side stash;	/* what was compressed of it afterwards */
};

/* Closes what lies beside @s; removes it, unless it is to be kept and says something. */
void spool_sides_release(struct spool *s, bool unlink_files);
/* Removes those that an earlier recording left beside a file of this name. */
void spool_journal_forget(const struct spool_file *f);

#endif
