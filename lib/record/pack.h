/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack: compresses, by several threads, what recording had no time for. */
#ifndef TRACECMD_PACK_H
#define TRACECMD_PACK_H

#include "base/base.h"
#include "dat/codec.h"
#include "record/spool.h"

#define PACK_GROUP 32u			/* chunks at once */

/* One chunk, compressed. */
struct packed {
	const struct spool_chunk *chunk;
	struct buf data;
	int code;			/* -errno: it could not be */
};

/* Memory of one finishing; { 0 } to begin with. */
struct packer {
	struct packed v[PACK_GROUP];
	struct pack_thread *threads;
	size_t nr_threads;
};

/*
 * Reads and compresses the chunks @first to @first + @nr - 1 of @s, all of which are raw, at
 * most PACK_GROUP. p->v[0..nr-1] hold the results until the next call. 0, -errno.
 */
int pack_chunks(struct packer *p, const struct codec *codec, const struct spool *s, size_t first,
		size_t nr, struct err *e);
/*
 * Has all raw chunks of @s compressed on the disk (spool_stash), from its end on; @sync: what is
 * given back is on the disk before. 0, -errno.
 */
int pack_spool(const struct codec *codec, struct spool *s, bool sync, struct err *e);
void packer_release(struct packer *p);

#endif
