// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The codecs, one row each. zstd blocks are plain frames, zlib blocks RFC 1950
 * streams, lz4 blocks the bare block format.
 */
#include <errno.h>
#include <limits.h>
#include <lz4.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "dat/codec.h"

/*
 * Of zstd's levels 1 is for sub-buffers: 3 takes a third more time and makes them larger
 * (scheduler, system calls, interrupts of hackbench, blocks of 4 to 256 KiB: 11.8 times
 * smaller with 1, 11.1 with 3, never better beyond 2). Symbols and formats, compressed
 * once, are worth more: 9 saves 18 % of kallsyms for 0.1 s, 19 would save 30 % for 3 s.
 */
#define ZSTD_LEVEL 1
#define ZSTD_THOROUGH 9
#define ZLIB_LEVEL 6
#define ZLIB_THOROUGH 9

struct codec {
	const char *name;
	const char *(*version)(void);
	void *(*comp_new)(bool thorough);
	void (*comp_free)(void *state);
	void *(*decomp_new)(void);
	void (*decomp_free)(void *state);
	size_t (*bound)(size_t len);
	/* Both: 0 and the length, or -EOVERFLOW / -EBADMSG. */
	int (*compress)(void *state, const void *src, size_t len, void *dst, size_t cap,
			size_t *ret_len);
	int (*decompress)(void *state, const void *src, size_t len, void *dst, size_t cap,
			  size_t *ret_len);
};

/* ---- zstd ---- */

/* Blocks carry a checksum: zstd by itself would not notice most damage. */
static void *zstd_comp_new(bool thorough)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (c && (ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)) ||
		  ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel,
						     thorough ? ZSTD_THOROUGH : ZSTD_LEVEL)))) {
		ZSTD_freeCCtx(c);
		c = NULL;
	}
	return c;
}

static void zstd_comp_free(void *state)
{
	ZSTD_freeCCtx(state);
}

static void *zstd_decomp_new(void)
{
	return ZSTD_createDCtx();
}

static void zstd_decomp_free(void *state)
{
	ZSTD_freeDCtx(state);
}

static int zstd_compress(void *state, const void *src, size_t len, void *dst, size_t cap,
			 size_t *ret_len)
{
	size_t n = ZSTD_compress2(state, dst, cap, src, len);

	if (ZSTD_isError(n))
		return -EOVERFLOW;
	*ret_len = n;
	return 0;
}

static int zstd_decompress(void *state, const void *src, size_t len, void *dst, size_t cap,
			   size_t *ret_len)
{
	size_t n = ZSTD_decompressDCtx(state, dst, cap, src, len);

	if (ZSTD_isError(n))
		return -EBADMSG;
	*ret_len = n;
	return 0;
}

/* ---- lz4 ---- */

static void *lz4_comp_new(bool thorough)
{
	(void)thorough;			/* its other ways are another library's */
	return malloc(LZ4_sizeofState());
}

static size_t lz4_bound(size_t len)
{
	return len <= LZ4_MAX_INPUT_SIZE ? LZ4_COMPRESSBOUND(len) : 0;
}

static int lz4_compress(void *state, const void *src, size_t len, void *dst, size_t cap,
			size_t *ret_len)
{
	int n;

	if (len > LZ4_MAX_INPUT_SIZE)
		return -EOVERFLOW;
	n = LZ4_compress_fast_extState(state, src, dst, len, cap < INT_MAX ? cap : INT_MAX, 1);
	if (n <= 0)
		return -EOVERFLOW;
	*ret_len = n;
	return 0;
}

static int lz4_decompress(void *state, const void *src, size_t len, void *dst, size_t cap,
			  size_t *ret_len)
{
	int n;

	(void)state;
	if (len > INT_MAX || cap > INT_MAX)
		return -EBADMSG;
	n = LZ4_decompress_safe(src, dst, len, cap);
	if (n < 0)
		return -EBADMSG;
	*ret_len = n;
	return 0;
}

/* ---- zlib ---- */

static void *zlib_comp_new(bool thorough)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (z && deflateInit(z, thorough ? ZLIB_THOROUGH : ZLIB_LEVEL) != Z_OK) {
		free(z);
		z = NULL;
	}
	return z;
}

static void zlib_comp_free(void *state)
{
	deflateEnd(state);
	free(state);
}

static void *zlib_decomp_new(void)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (z && inflateInit(z) != Z_OK) {
		free(z);
		z = NULL;
	}
	return z;
}

static void zlib_decomp_free(void *state)
{
	inflateEnd(state);
	free(state);
}

static size_t zlib_bound(size_t len)
{
	return compressBound(len);
}

static void zlib_set(z_stream *z, const void *src, size_t len, void *dst, size_t cap)
{
	z->next_in = (Bytef *)src;
	z->avail_in = len;
	z->next_out = dst;
	z->avail_out = cap;
}

static int zlib_compress(void *state, const void *src, size_t len, void *dst, size_t cap,
			 size_t *ret_len)
{
	z_stream *z = state;

	if (len > UINT_MAX)
		return -EOVERFLOW;
	deflateReset(z);
	zlib_set(z, src, len, dst, cap < UINT_MAX ? cap : UINT_MAX);
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return -EOVERFLOW;
	*ret_len = z->total_out;
	return 0;
}

static int zlib_decompress(void *state, const void *src, size_t len, void *dst, size_t cap,
			   size_t *ret_len)
{
	z_stream *z = state;

	if (len > UINT_MAX || cap > UINT_MAX)
		return -EBADMSG;
	inflateReset(z);
	zlib_set(z, src, len, dst, cap);
	if (inflate(z, Z_FINISH) != Z_STREAM_END || z->avail_in)
		return -EBADMSG;
	*ret_len = z->total_out;
	return 0;
}

/* ---- the table ---- */

static const struct codec codecs[] = {		/* best first */
	{
		.name = "zstd", .version = ZSTD_versionString, .bound = ZSTD_compressBound,
		.comp_new = zstd_comp_new, .comp_free = zstd_comp_free,
		.decomp_new = zstd_decomp_new, .decomp_free = zstd_decomp_free,
		.compress = zstd_compress, .decompress = zstd_decompress,
	}, {
		.name = "lz4", .version = LZ4_versionString, .bound = lz4_bound,
		.comp_new = lz4_comp_new, .comp_free = free,
		.compress = lz4_compress, .decompress = lz4_decompress,
	}, {
		.name = "zlib", .version = zlibVersion, .bound = zlib_bound,
		.comp_new = zlib_comp_new, .comp_free = zlib_comp_free,
		.decomp_new = zlib_decomp_new, .decomp_free = zlib_decomp_free,
		.compress = zlib_compress, .decompress = zlib_decompress,
	},
};

const struct codec *codec_nth(unsigned i)
{
	return i < ARRAY_SIZE(codecs) ? &codecs[i] : NULL;
}

const struct codec *codec_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(codecs); i++)
		if (!strcmp(codecs[i].name, name))
			return &codecs[i];
	return NULL;
}

const char *codec_name(const struct codec *c)
{
	return c ? c->name : "none";
}

const char *codec_version(const struct codec *c)
{
	return c ? c->version() : "";
}

/* "no compression called 'x'", with what there is. Returns @code. */
static int codec_unknown(const char *name, int code, struct err *e)
{
	struct near near;

	near_init(&near, name);
	err_set(e, code, "there is no compression '%s'", name);
	for (unsigned i = 0; i < ARRAY_SIZE(codecs); i++)
		near_try(&near, codecs[i].name);
	near_hint(&near, e);
	err_hint(e, "known are zstd, lz4, zlib and none");
	return code;
}

int codec_choose(const char *name, const struct codec **ret, struct err *e)
{
	const struct codec *c;

	if (!strcmp(name, "none"))
		c = NULL;
	else if (!strcmp(name, "any"))
		c = &codecs[0];
	else if (!(c = codec_find(name)))
		return codec_unknown(name, -EINVAL, e);
	*ret = c;
	return 0;
}

int codec_for_reading(const char *name, const char *version, const struct codec **ret,
		      struct err *e)
{
	const struct codec *c = codec_find(name);

	if (!c && strcmp(name, "none"))
		return codec_unknown(name, -EOPNOTSUPP, e);
	if (c && !strcmp(c->name, "zlib") &&
	    strtoul(version, NULL, 10) > strtoul(zlibVersion(), NULL, 10))
		return err_set(e, -EOPNOTSUPP,
			       "compressed by zlib %s, this program has zlib %s",
			       version, zlibVersion());
	*ret = c;
	return 0;
}

/* ---- states ---- */

static void comp_release(struct codec_ctx *ctx)
{
	if (ctx->comp)
		ctx->comp_of->comp_free(ctx->comp);
	ctx->comp = NULL;
}

static void decomp_release(struct codec_ctx *ctx)
{
	if (ctx->decomp)
		ctx->decomp_of->decomp_free(ctx->decomp);
	ctx->decomp = NULL;
}

void codec_ctx_release(struct codec_ctx *ctx)
{
	comp_release(ctx);
	decomp_release(ctx);
	free(ctx->scratch);
	memset(ctx, 0, sizeof(*ctx));
}

void *codec_ctx_scratch(struct codec_ctx *ctx, size_t len)
{
	if (len > ctx->scratch_len) {
		free(ctx->scratch);
		ctx->scratch = malloc(len);
		ctx->scratch_len = ctx->scratch ? len : 0;
	}
	return ctx->scratch;
}

size_t codec_bound(const struct codec *c, size_t len)
{
	return c->bound(len);
}

int codec_compress(const struct codec *c, struct codec_ctx *ctx, const void *src, size_t len,
		   void *dst, size_t cap, size_t *ret_len)
{
	if (ctx->comp_of != c || ctx->comp_thorough != ctx->thorough)
		comp_release(ctx);
	ctx->comp_of = c;
	ctx->comp_thorough = ctx->thorough;
	if (!ctx->comp)
		ctx->comp = c->comp_new(ctx->thorough);
	if (!ctx->comp)
		return -ENOMEM;
	return c->compress(ctx->comp, src, len, dst, cap, ret_len);
}

int codec_decompress(const struct codec *c, struct codec_ctx *ctx, const void *src, size_t len,
		     void *dst, size_t dst_len)
{
	size_t n = 0;
	int r;

	if (ctx->decomp_of != c)
		decomp_release(ctx);
	ctx->decomp_of = c;
	if (c->decomp_new && !ctx->decomp) {
		ctx->decomp = c->decomp_new();
		if (!ctx->decomp)
			return -ENOMEM;
	}
	r = c->decompress(ctx->decomp, src, len, dst, dst_len, &n);
	if (r)
		return r;
	return n == dst_len ? 0 : -EBADMSG;
}
