// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "record/perf_records.h"

#define READ_BYTES (1u << 20)
#define PLAIN_BYTES (256u << 10)

struct perf_records {
	const struct perf_file *f;
	uint8_t *data;			/* READ_BYTES of them */
	size_t at, end;			/* what is in it and not read yet */
	uint64_t offset;		/* in the file of data[0] */
	uint64_t left;			/* of the section, not in the buffer yet */
	bool eof;
	/* out of compressed records */
	ZSTD_DStream *zstd;
	uint8_t *plain;			/* PLAIN_BYTES */
	size_t plain_at, plain_end;
	uint64_t plain_offset;		/* of plain[0] in all that came out */
	ZSTD_inBuffer packed;		/* a view of data */
	bool unpacking;			/* the next record comes out of these */
	bool full;			/* there may be more in the decompressor */
	uint64_t packed_at;		/* the last compressed record */
};

int perf_records_open(const struct perf_file *f, struct perf_records **ret, struct err *e)
{
	struct perf_records *rs = calloc(1, sizeof(*rs));

	if (rs)
		rs->data = malloc(READ_BYTES);
	if (!rs || !rs->data) {
		perf_records_close(rs);
		return err_set(e, -ENOMEM, "out of memory");
	}
	rs->f = f;
	rs->offset = f->data;
	rs->left = f->data_size;
	*ret = rs;
	return 0;
}

void perf_records_close(struct perf_records *rs)
{
	if (!rs)
		return;
	ZSTD_freeDStream(rs->zstd);
	free(rs->plain);
	free(rs->data);
	free(rs);
}

/* ---- the file --------------------------------------------------------------------------- */

/* Reads on, into the buffer behind what is in it. */
static int read_more(struct perf_records *rs, struct err *e)
{
	size_t room = READ_BYTES - rs->end;
	ssize_t n;

	if (room > rs->left)
		room = rs->left;
	do
		n = !room ? 0 : rs->f->pipe ? read(rs->f->fd, rs->data + rs->end, room) :
		    pread(rs->f->fd, rs->data + rs->end, room, rs->offset + rs->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, -errno, "cannot read on at offset 0x%" PRIx64,
				 rs->offset + rs->end);
	rs->end += n;
	rs->left -= n;
	rs->eof = !n;
	return 0;
}

/* Has @len bytes in the buffer, or all that there are. 0, -errno. */
static int fill(struct perf_records *rs, size_t len, struct err *e)
{
	int ret = 0;

	if (rs->end - rs->at < len && rs->at) {
		memmove(rs->data, rs->data + rs->at, rs->end - rs->at);
		rs->offset += rs->at;
		rs->end -= rs->at;
		rs->at = 0;
	}
	while (!ret && rs->end - rs->at < len && !rs->eof)
		ret = read_more(rs, e);
	return ret;
}

static int next_stored(struct perf_records *rs, struct perf_record *ret, struct err *e)
{
	int r = fill(rs, PERF_RECORD_SIZE_MAX, e);
	struct cur c = {
		.data = rs->data + rs->at, .len = rs->end - rs->at, .base = rs->offset + rs->at,
		.big_endian = rs->f->big_endian,
	};

	if (!r)
		r = perf_record_next(&c, ret, e);
	rs->at += c.pos;
	return r;
}

/* ---- compressed ------------------------------------------------------------------------- */

static int begin_unpacking(struct perf_records *rs, const struct perf_record *r, struct err *e)
{
	size_t skip = r->type == PERF_USER_COMPRESSED2 ? 8 : 0, len = r->size - PERF_RECORD_HEAD;
	uint64_t size = len - skip;

	if (skip > len || (skip && (size = get_u64(r->body, rs->f->big_endian)) > len - skip))
		return err_set(e, -EBADMSG, "the compressed record at offset 0x%" PRIx64 " claims more than its %u "
			       "bytes", r->offset, r->size);
	if (!rs->plain)
		rs->plain = malloc(PLAIN_BYTES);
	if (!rs->zstd)
		rs->zstd = ZSTD_createDStream();
	if (!rs->plain || !rs->zstd)
		return err_set(e, -ENOMEM, "out of memory");
	rs->packed = (ZSTD_inBuffer){ .src = r->body + skip, .size = size };
	rs->packed_at = r->offset;
	rs->unpacking = rs->full = true;
	return 0;
}

static int unpack(struct perf_records *rs, struct err *e)
{
	ZSTD_outBuffer out = { .dst = rs->plain, .size = PLAIN_BYTES };
	size_t r;

	memmove(rs->plain, rs->plain + rs->plain_at, rs->plain_end - rs->plain_at);
	rs->plain_offset += rs->plain_at;
	rs->plain_end -= rs->plain_at;
	rs->plain_at = 0;
	out.pos = rs->plain_end;
	r = ZSTD_decompressStream(rs->zstd, &out, &rs->packed);
	if (ZSTD_isError(r))
		return err_set(e, -EBADMSG, "the compressed record at offset 0x%" PRIx64 " cannot be decompressed: %s",
			       rs->packed_at, ZSTD_getErrorName(r));
	rs->full = out.pos == out.size && out.pos > rs->plain_end;
	rs->plain_end = out.pos;
	return 0;
}

void perf_records_where(const struct perf_records *rs, struct err *e)
{
	if (rs->unpacking)
		err_wrap(e, "in what is compressed at offset 0x%" PRIx64, rs->packed_at);
}

/* 0: what was compressed is used up, but for the beginning of a record that goes on in the next. */
static int next_unpacked(struct perf_records *rs, struct perf_record *ret, struct err *e)
{
	for (;;) {
		struct cur c = {
			.data = rs->plain + rs->plain_at, .len = rs->plain_end - rs->plain_at,
			.base = rs->plain_offset + rs->plain_at, .big_endian = rs->f->big_endian,
		};
		struct err why = { 0 };
		int r = perf_record_next(&c, ret, &why);

		rs->plain_at += c.pos;
		if (r > 0)
			return 1;
		if (r == -EBADMSG) {
			err_set(e, r, "%s", why.text);
			perf_records_where(rs, e);
			return r;
		}
		if (rs->packed.pos == rs->packed.size && !rs->full)
			break;
		r = unpack(rs, e);
		if (r)
			return r;
	}
	rs->unpacking = false;
	return 0;
}

/* ---- both ------------------------------------------------------------------------------- */

static bool is_compressed(const struct perf_record *r)
{
	return r->type == PERF_USER_COMPRESSED || r->type == PERF_USER_COMPRESSED2;
}

int perf_records_next(struct perf_records *rs, struct perf_record *ret, struct err *e)
{
	int r;

	for (;;) {
		r = rs->unpacking ? next_unpacked(rs, ret, e) : 0;
		if (r)
			break;
		r = next_stored(rs, ret, e);
		if (r <= 0)
			break;
		if (!is_compressed(ret))
			return 1;
		r = begin_unpacking(rs, ret, e);
		if (r)
			break;
	}
	if (!r && rs->plain_at < rs->plain_end)
		r = err_set(e, -ENODATA, "what is compressed at offset 0x%" PRIx64 " ends in the middle of a record",
			    rs->packed_at);
	return r;
}

int perf_records_behind(struct perf_records *rs, uint64_t len, struct buf *out, struct err *e)
{
	uint64_t at = rs->offset + rs->at;

	while (len) {
		size_t n = len < READ_BYTES ? len : READ_BYTES, have;
		int ret = fill(rs, n, e);

		if (ret)
			return ret;
		have = rs->end - rs->at;
		if (have < n)
			return err_set(e, -ENODATA, "what lies behind the record before offset 0x%" PRIx64 " is not all "
				       "there", at);
		if (out && buf_put(out, rs->data + rs->at, n))
			return err_set(e, -ENOMEM, "out of memory");
		rs->at += n;
		len -= n;
	}
	return 0;
}
