/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * incoming: what one recorder sends, on its way into a file; for this room only. Beside the
 * file PATH lie PATH.meta, its front as it was sent, and spools PATH.cpuN, as of a recording of this
 * machine: whatever ends us, `report` and `restore` read them.
 */
#ifndef TRACECMD_INCOMING_H
#define TRACECMD_INCOMING_H

#include "base/base.h"
#include "dat/codec.h"

/* What all recorders of one thread share. */
struct incoming_shared {
	size_t used, max;		/* bytes of sub-buffers in memory; max is not a wall, but thins them out */
	struct codec_ctx ctx;
	struct buf frame;
};
void incoming_shared_release(struct incoming_shared *s);

struct incoming;

/*
 * Makes PATH.meta; PATH is not there, or it will be replaced. @packed: what comes are packed.h's chunks.
 * @max_bytes: on the disk; 0: no
 * limit. 0, -errno.
 */
int incoming_new(const char *path, uint32_t cpus, uint32_t page_size, bool packed, uint64_t max_bytes,
		 struct incoming_shared *shared, struct incoming **ret, struct err *e);
/* Appends to the file's front. 0, -EDQUOT (the limit), -errno. */
int incoming_metadata(struct incoming *in, const void *data, size_t len, struct err *e);
/* What came of a second one that is not complete comes once more. */
void incoming_metadata_anew(struct incoming *in);
/* It is complete, as a second one that replaces it may be, and can be read. 0, -errno. */
int incoming_metadata_end(struct incoming *in, struct err *e);
/* Makes the spools, with what there is of metadata. 0; -ENODATA: not enough yet; -errno. */
int incoming_start(struct incoming *in, struct err *e);
bool incoming_started(const struct incoming *in);

/* Where bytes that come for a CPU may be put; *ret_len is never 0. NULL: no memory. */
void *incoming_room(struct incoming *in, uint32_t cpu, size_t *ret_len);
/* So many were. 0, -EDQUOT, -errno. */
int incoming_got(struct incoming *in, uint32_t cpu, size_t len, struct err *e);

/* Of chunks on connections that may break: what they end with is to be waited for. Before anything comes. */
void incoming_expect_ends(struct incoming *in);
/* How many chunks of a CPU are in its spool; its end is counted as one. */
uint64_t incoming_chunks(const struct incoming *in, uint32_t cpu);
bool incoming_ended(const struct incoming *in, uint32_t cpu);
/* What has come of a chunk will come once more. */
void incoming_begin_anew(struct incoming *in, uint32_t cpu);

/* The sub-buffer that was put last comes behind others that were lost. Before it is counted. */
void incoming_mark_lost(const struct incoming *in, void *page);
/* What is in memory goes to the disk, but for half a sub-buffer. 0, -EDQUOT, -errno. */
int incoming_flush(struct incoming *in, struct err *e);

const char *incoming_path(const struct incoming *in);	/* of the file to be */
uint64_t incoming_bytes(const struct incoming *in);	/* that came for CPUs */
/* Of sub-buffers that did not come whole. After incoming_flush. */
uint64_t incoming_torn(const struct incoming *in);

/* The file is to have this option, too. 0, -ENOMEM. */
int incoming_option(struct incoming *in, uint16_t id, const void *data, size_t len, struct err *e);
/*
 * Makes the file; from any thread. 0; 1: but for what was damaged, which @notices hear; -errno: what
 * came stays where it is.
 */
int incoming_finish(struct incoming *in, struct new_file *file, const struct notices *notices,
		    struct err *e);
/* @remove: what lies beside the file. */
void incoming_free(struct incoming *in, bool remove);

#endif
