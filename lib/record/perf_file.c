// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/perf_features.h"
#include "record/perf_file.h"

#define MAGIC_LITTLE "PERFILE2"
#define MAGIC_BIG "2ELIFREP"
#define MAGIC_OLD "PERFFILE"
#define MAGIC_OLD_BIG "ELIFFREP"
#define MAGIC_LEN 8

#define PIPE_HEADER 16
#define HEADER 104
#define SECTION 16			/* offset and size */
#define ATTRS_MAX (64u << 20)		/* bytes of attributes, of ids of one */

bool perf_file_is(const void *magic)
{
	return !memcmp(magic, MAGIC_LITTLE, MAGIC_LEN) || !memcmp(magic, MAGIC_BIG, MAGIC_LEN) ||
	       !memcmp(magic, MAGIC_OLD, MAGIC_LEN) || !memcmp(magic, MAGIC_OLD_BIG, MAGIC_LEN);
}

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}

/* ---- events ----------------------------------------------------------------------------- */

static int add_ids(struct perf_file *f, struct cur *c, struct err *e)
{
	uint64_t id;

	while (cur_u64(c, &id)) {
		struct perf_event_id entry = { .kind = f->kinds.nr - 1, .cpu = PERF_CPU_NONE };

		if (f->ids.nr >= UINT32_MAX || vec_push(&f->ids, entry) ||
		    map_set(&f->id_map, id, 0, f->ids.nr - 1))
			return no_memory(e);
	}
	return 0;
}

static int add_kind(struct perf_file *f, const void *attr, size_t len, uint64_t at, struct err *e)
{
	struct perf_event_kind kind = { .name = NULL };

	if (perf_attr_decode(attr, len, f->big_endian, &kind.attr))
		return err_set(e, -EBADMSG, "the attribute at offset 0x%" PRIx64 " has %zu bytes, less than "
			       "any has", at, len);
	return vec_push(&f->kinds, kind) ? no_memory(e) : 0;
}

static int attr_record(struct perf_file *f, struct cur *c, struct err *e)
{
	uint64_t at = cur_offset(c);
	struct cur size = *c;
	const uint8_t *attr;
	uint32_t len;
	int ret;

	if (!cur_skip(&size, 4) || !cur_u32(&size, &len) || !cur_bytes(c, len, &attr))
		return err_set(e, -EBADMSG, "the attribute at offset 0x%" PRIx64 " goes past the end of its "
			       "record", at);
	ret = add_kind(f, attr, len, at, e);
	return ret ? ret : add_ids(f, c, e);
}

static int id_index_record(struct perf_file *f, struct cur *c, struct err *e)
{
	uint64_t at = cur_offset(c), nr, id, index, cpu, task;
	uint32_t i;

	if (!cur_u64(c, &nr) || nr > cur_left(c) / 32)
		return err_set(e, -EBADMSG, "the index of ids at offset 0x%" PRIx64 " goes past the end of "
			       "its record", at);
	while (nr-- && cur_u64(c, &id) && cur_u64(c, &index) && cur_u64(c, &cpu) && cur_u64(c, &task))
		if (map_get(&f->id_map, id, 0, &i) && cpu < UINT32_MAX)
			f->ids.v[i].cpu = cpu;
	return 0;
}

int perf_file_record(struct perf_file *f, const struct perf_record *r, struct err *e)
{
	struct cur c = {
		.data = r->body, .len = r->size - PERF_RECORD_HEAD,
		.base = r->offset + PERF_RECORD_HEAD, .big_endian = f->big_endian,
	};
	uint64_t which;

	if (r->type == PERF_USER_ATTR)
		return attr_record(f, &c, e);
	if (r->type == PERF_USER_ID_INDEX)
		return id_index_record(f, &c, e);
	if (!cur_u64(&c, &which))
		return err_set(e, -EBADMSG, "the feature at offset 0x%" PRIx64 " has no number", r->offset);
	return perf_feature(f, which, &c, e);
}

struct perf_event_kind *perf_file_kind(struct perf_file *f, const struct perf_record *r,
				       struct perf_event_id **ret_id)
{
	uint64_t id;
	uint32_t i;

	*ret_id = NULL;
	if (!f->kinds.nr)
		return NULL;
	if (perf_record_id(&f->kinds.v[0].attr, r, &id) && map_get(&f->id_map, id, 0, &i)) {
		*ret_id = &f->ids.v[i];
		return &f->kinds.v[f->ids.v[i].kind];
	}
	/* what perf makes itself is of no event, but lies as if it were of the first */
	return f->kinds.nr == 1 || r->type != PERF_RECORD_SAMPLE ? &f->kinds.v[0] : NULL;
}

int perf_file_check_ids(const struct perf_file *f, struct err *e)
{
	for (size_t i = 1; i < f->kinds.nr; i++)
		if (!perf_attr_same_ids(&f->kinds.v[0].attr, &f->kinds.v[i].attr))
			return err_set(e, -EBADMSG, "the ids of event %zu lie elsewhere than those of the first "
				       "one, so records cannot be told apart", i);
	return 0;
}

/* ---- sections --------------------------------------------------------------------------- */

/* Bytes of the file, which are there as a whole. */
static int read_section(struct perf_file *f, uint64_t at, uint64_t len, uint64_t max, struct buf *out,
			const char *what, struct err *e)
{
	int ret;

	if (at > f->size || len > f->size - at)
		return err_set(e, -EBADMSG, "%s at offset 0x%" PRIx64 " (%" PRIu64 " bytes) would go past the "
			       "end of the file at 0x%" PRIx64, what, at, len, f->size);
	if (len > max)
		return err_set(e, -EBADMSG, "%s at offset 0x%" PRIx64 " claims %" PRIu64 " bytes, more than %"
			       PRIu64, what, at, len, max);
	buf_clear(out);
	if (buf_reserve(out, len))
		return no_memory(e);
	ret = pread_full(f->fd, out->data, len, at);
	if (ret)
		return err_errno(e, ret, "cannot read %s at offset 0x%" PRIx64, what, at);
	out->len = len;
	return 0;
}

static struct cur section_cur(const struct perf_file *f, const struct buf *b, uint64_t at)
{
	return (struct cur){ .data = (const uint8_t *)b->data, .len = b->len, .base = at,
			     .big_endian = f->big_endian };
}

static int read_attr(struct perf_file *f, const uint8_t *attr, size_t len, uint64_t at, struct err *e)
{
	uint64_t ids = get_u64(attr + len, f->big_endian), size = get_u64(attr + len + 8, f->big_endian);
	struct buf b AUTO_BUF = { 0 };
	struct cur c;
	int ret = add_kind(f, attr, len, at, e);

	if (!ret)
		ret = read_section(f, ids, size, ATTRS_MAX, &b, "the list of ids", e);
	c = section_cur(f, &b, ids);
	return ret ? ret : add_ids(f, &c, e);
}

static int read_attrs(struct perf_file *f, uint64_t each, uint64_t at, uint64_t len, struct err *e)
{
	struct buf b AUTO_BUF = { 0 };
	int ret = read_section(f, at, len, ATTRS_MAX, &b, "the table of attributes", e);

	if (!ret && (each < PERF_ATTR_SIZE_VER0 + SECTION || each > b.len || b.len % each))
		ret = err_set(e, -EBADMSG, "the table of attributes at offset 0x%" PRIx64 " has %" PRIu64
			      " bytes, which are no attributes of %" PRIu64, at, len, each);
	for (uint64_t i = 0; i < b.len && !ret; i += each)
		ret = read_attr(f, (const uint8_t *)b.data + i, each - SECTION, at + i, e);
	return ret;
}

static int read_feature(struct perf_file *f, unsigned which, uint64_t at, uint64_t len, struct err *e)
{
	struct buf b AUTO_BUF = { 0 };
	struct cur c;
	int ret;

	if (!perf_feature_wanted(which))
		return 0;
	ret = read_section(f, at, len, PERF_TRACING_MAX, &b, perf_feature_name(which), e);
	c = section_cur(f, &b, at);
	return ret ? ret : perf_feature(f, which, &c, e);
}

/* Their places stand behind the records, in the order of their bits. */
static int read_features(struct perf_file *f, const uint8_t *bits, struct err *e)
{
	struct buf b AUTO_BUF = { 0 };
	uint64_t at = f->data + f->data_size, where, size;
	struct cur c;
	unsigned nr = 0;
	int ret;

	for (unsigned i = 0; i < 4; i++)
		nr += __builtin_popcountll(get_u64(bits + 8 * i, f->big_endian));
	ret = read_section(f, at, (uint64_t)nr * SECTION, ATTRS_MAX, &b, "the table of features", e);
	c = section_cur(f, &b, at);
	for (unsigned i = 0; i < 256 && !ret; i++)
		if (get_u64(bits + i / 64 * 8, f->big_endian) >> i % 64 & 1 && cur_u64(&c, &where) &&
		    cur_u64(&c, &size))
			ret = read_feature(f, i, where, size, e);
	return ret;
}

/* ---- the header ------------------------------------------------------------------------- */

static int read_file_header(struct perf_file *f, struct err *e)
{
	uint8_t h[HEADER];
	struct stat st;
	int ret = fstat(f->fd, &st) ? -errno : 0;

	if (!ret && !S_ISREG(st.st_mode))
		return err_set(e, -ESPIPE, "it is read in several places, and this is no regular file: what "
			       "comes through a pipe has to be written to one ('perf record -o -')");
	if (!ret)
		ret = pread_full(f->fd, h, sizeof(h), 0);
	if (ret)
		return err_errno(e, ret, "cannot read its header");
	f->size = st.st_size;
	f->data = get_u64(h + 40, f->big_endian);
	f->data_size = get_u64(h + 48, f->big_endian);
	if (!f->data_size)
		return err_set(e, -EBADMSG, "the header at offset 0x30 tells of no data: perf record was not ended "
			       "properly, so event formats were not written either");
	if (f->data > f->size || f->data_size > f->size - f->data)
		return err_set(e, -EBADMSG, "its records at offset 0x%" PRIx64 " (%" PRIu64 " bytes) go past its end "
			       "at 0x%" PRIx64 ": it is cut, and the event formats behind them are not there",
			       f->data, f->data_size, f->size);
	ret = read_attrs(f, get_u64(h + 16, f->big_endian), get_u64(h + 24, f->big_endian),
			 get_u64(h + 32, f->big_endian), e);
	return ret ? ret : read_features(f, h + 72, e);
}

static int read_header(struct perf_file *f, struct err *e)
{
	uint8_t h[PIPE_HEADER];
	uint64_t size;
	size_t len = 0;

	while (len < sizeof(h)) {
		ssize_t n = read(f->fd, h + len, sizeof(h) - len);

		if (n < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot read its header");
		if (!n)
			break;
		len += n > 0 ? n : 0;
	}
	if (len < MAGIC_LEN || !perf_file_is(h))
		return err_set(e, -EBADMSG, "it is no perf.data file (wrong magic at offset 0x0)");
	if (!memcmp(h, MAGIC_OLD, MAGIC_LEN) || !memcmp(h, MAGIC_OLD_BIG, MAGIC_LEN))
		return err_set(e, -EOPNOTSUPP, "it is of the first version of the format (offset 0x0), which is not "
			       "known here: perf of Linux 3.x writes and 'perf inject' rewrites it");
	if (len < sizeof(h))
		return err_set(e, -EBADMSG, "it ends inside its header (offset 0x%zx)", len);
	f->big_endian = !memcmp(h, MAGIC_BIG, MAGIC_LEN);
	size = get_u64(h + 8, f->big_endian);
	if (size != PIPE_HEADER && size != HEADER)
		return err_set(e, -EBADMSG, "the size of its header at offset 0x8 is %" PRIu64 ", neither %u nor %u",
			       size, PIPE_HEADER, HEADER);
	f->pipe = size == PIPE_HEADER;
	f->data = PIPE_HEADER;
	f->data_size = UINT64_MAX - PIPE_HEADER;
	return f->pipe ? 0 : read_file_header(f, e);
}

int perf_file_open(int fd, const char *name, struct perf_file *ret, struct err *e)
{
	*ret = (struct perf_file){ .fd = fd, .name = name };
	return read_header(ret, e);
}

void perf_file_release(struct perf_file *f)
{
	for (size_t i = 0; i < f->kinds.nr; i++)
		free(f->kinds.v[i].name);
	vec_release(&f->kinds);
	vec_release(&f->ids);
	map_release(&f->id_map);
	free(f->hostname);
	free(f->release);
	free(f->version);
	free(f->arch);
	free(f->cmdline);
	buf_release(&f->tracing);
}
