/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block codecs of trace.dat files and spools: one small interface, no state
 * that callers can see. "none" is not a codec: it is the NULL codec.
 */
#ifndef TRACECMD_DAT_CODEC_H
#define TRACECMD_DAT_CODEC_H

#include "base/base.h"

struct codec;

/* By file name ("zstd", "lz4", "zlib"); NULL if there is none of that name. */
const struct codec *codec_find(const char *name);
/* The codecs, best first ("any" is the first); NULL past the end. */
const struct codec *codec_nth(unsigned i);
const char *codec_name(const struct codec *c);		/* NULL gives "none" */
const char *codec_version(const struct codec *c);	/* of its library; NULL gives "" */

/*
 * Chooses the codec for writing. @name: "any", "none" or a codec's name.
 * *ret is NULL for "none". -EINVAL with near matches for an unknown name.
 */
int codec_choose(const char *name, const struct codec **ret, struct err *e);

/*
 * Scratch memory of one thread; grows as needed, { 0 } to start. Serves any
 * codec, one after the other. What is inside is codec.c's business.
 */
struct codec_ctx {
	void *comp, *decomp;			/* states of the libraries ... */
	const struct codec *comp_of, *decomp_of;	/* ... and whose they are */
	void *scratch;
	size_t scratch_len;
	bool thorough;				/* compressing: smaller rather than soon; the caller's */
	bool comp_thorough;			/* what @comp was made for */
};
/* At least @len bytes that live until the next call; NULL: no memory. */
void *codec_ctx_scratch(struct codec_ctx *ctx, size_t len);
void codec_ctx_release(struct codec_ctx *ctx);

/*
 * The codec to read a file with, by the name and library version that its
 * header gives. *ret is NULL for "none". -EOPNOTSUPP if this program has none
 * that fits (an unknown name; zlib of a later major version).
 */
int codec_for_reading(const char *name, const char *version, const struct codec **ret,
		      struct err *e);

/* Largest compressed size of @len bytes. */
size_t codec_bound(const struct codec *c, size_t len);
/* Compresses; *ret_len <= @cap. 0 or -ENOMEM, -EOVERFLOW. */
int codec_compress(const struct codec *c, struct codec_ctx *ctx, const void *src, size_t len,
		   void *dst, size_t cap, size_t *ret_len);
/* Exactly @dst_len bytes must come out. 0, -EBADMSG, -ENOMEM. */
int codec_decompress(const struct codec *c, struct codec_ctx *ctx, const void *src, size_t len,
		     void *dst, size_t dst_len);

#endif
