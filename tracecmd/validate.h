/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a file is right: what dump --validate and convert look at. */
#ifndef TRACECMD_VALIDATE_H
#define TRACECMD_VALIDATE_H

#include "command.h"
#include "dat/dat.h"
#include "ring/ring.h"

/* Reads everything there is. 0 or -errno. */
int validate_file(struct dat_reader *r, struct err *e);
/* All metadata; *@ret is how sub-buffers are to be read. 0 or -errno. */
int validate_metadata(struct dat_reader *r, struct ring_abi *ret, struct err *e);
/* Every entry of every sub-buffer of a chunk of @b, uncompressed in @data. 0 or -EBADMSG. */
int validate_pages(const struct ring_abi *abi, const struct dat_buffer *b, const struct dat_chunk *c,
		   const void *data, struct err *e);

#endif
