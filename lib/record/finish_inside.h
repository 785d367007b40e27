/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What finish.c, which lays a file out, and finish_move.c share. */
#ifndef TRACECMD_FINISH_INSIDE_H
#define TRACECMD_FINISH_INSIDE_H

#include "record/finish.h"

#define FINISH_RAW_MAX (64u << 20)	/* bytes to be compressed that the results of are kept in memory */

/* A chunk, and where it is in the file. */
struct finish_place {
	struct spool *spool;
	struct spool_place at;
};

struct finish_places {
	const struct dat_pieces *pieces;
	struct finish_place *v;		/* as they are in the file */
	size_t nr, cap;
};

/* Lays the file out, and adds each chunk's place to @places (NULL: nobody asks). 0, -errno. */
int finish_pieces(const struct finish *f, struct dat_pieces *p, struct finish_places *places,
		  const char *name, struct err *e);
/* Bytes that are to be compressed. */
uint64_t finish_raw_bytes(const struct finish *f);

#endif
