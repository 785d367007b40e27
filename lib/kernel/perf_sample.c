// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>

#include "kernel/perf_sample.h"

/* ---- attributes ------------------------------------------------------------------------- */

/* Places in struct perf_event_attr. */
#define ATTR_CONFIG 8
#define ATTR_SAMPLE_TYPE 24
#define ATTR_READ_FORMAT 32
#define ATTR_FLAGS 40
#define ATTR_CLOCKID 92

/* Bit fields: the first one is the lowest bit of a little-endian number, and the highest of another. */
#define BIT_SAMPLE_ID_ALL 18
#define BIT_USE_CLOCKID 25

static bool flag(uint64_t flags, unsigned bit, bool big)
{
	return flags >> (big ? 63 - bit : bit) & 1;
}

int perf_attr_decode(const void *data, size_t len, bool big_endian, struct perf_attr *ret)
{
	const uint8_t *p = data;
	uint64_t flags;

	if (len < PERF_ATTR_SIZE_VER0)
		return -EBADMSG;
	flags = get_u64(p + ATTR_FLAGS, big_endian);
	*ret = (struct perf_attr){
		.type = get_u32(p, big_endian),
		.config = get_u64(p + ATTR_CONFIG, big_endian),
		.sample_type = get_u64(p + ATTR_SAMPLE_TYPE, big_endian),
		.read_format = get_u64(p + ATTR_READ_FORMAT, big_endian),
		.sample_id_all = flag(flags, BIT_SAMPLE_ID_ALL, big_endian),
		.big_endian = big_endian,
	};
	if (len >= ATTR_CLOCKID + 4 && flag(flags, BIT_USE_CLOCKID, big_endian)) {
		ret->use_clockid = true;
		ret->clockid = (int32_t)get_u32(p + ATTR_CLOCKID, big_endian);
	}
	return 0;
}

/* ---- any record ------------------------------------------------------------------------- */

int perf_record_next(struct cur *c, struct perf_record *ret, struct err *e)
{
	const uint8_t *p = c->data + c->pos;
	uint16_t size;

	if (!cur_left(c))
		return 0;
	if (cur_left(c) < PERF_RECORD_HEAD)
		return err_set(e, -ENODATA, "of the record at offset 0x%" PRIx64 " only %" PRIu64
			       " bytes are there", cur_offset(c), cur_left(c));
	size = get_u16(p + 6, c->big_endian);
	if (size < PERF_RECORD_HEAD)
		return err_set(e, -EBADMSG, "the record at offset 0x%" PRIx64 " claims a size of %u bytes, "
			       "less than its head has", cur_offset(c), size);
	if (size > cur_left(c))
		return err_set(e, -ENODATA, "of the %u bytes of the record at offset 0x%" PRIx64 " only %"
			       PRIu64 " are there", size, cur_offset(c), cur_left(c));
	*ret = (struct perf_record){
		.type = get_u32(p, c->big_endian), .misc = get_u16(p + 4, c->big_endian), .size = size,
		.offset = cur_offset(c), .body = p + PERF_RECORD_HEAD,
	};
	cur_skip(c, size);
	return 1;
}

static struct cur body(const struct perf_attr *a, const struct perf_record *r)
{
	return (struct cur){
		.data = r->body, .len = r->size - PERF_RECORD_HEAD,
		.base = r->offset + PERF_RECORD_HEAD, .big_endian = a->big_endian,
	};
}

static int too_short(const struct perf_record *r, const char *what, struct err *e)
{
	return err_set(e, -EBADMSG, "the record at offset 0x%" PRIx64 " (type %u) of %u bytes is too short "
		       "for its %s", r->offset, r->type, r->size, what);
}

/* ---- ids -------------------------------------------------------------------------------- */

/* Bytes of those of the fields @which, 8 each, that are recorded. */
static unsigned fields_size(const struct perf_attr *a, uint64_t which)
{
	return 8 * __builtin_popcountll(a->sample_type & which);
}

/* Where in a sample's body the id is; UINT_MAX: nowhere. */
static unsigned id_in_sample(const struct perf_attr *a)
{
	if (a->sample_type & PERF_SAMPLE_IDENTIFIER)
		return 0;
	if (!(a->sample_type & PERF_SAMPLE_ID))
		return UINT32_MAX;
	return fields_size(a, PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR);
}

/* How far before the end of any other record; 0: nowhere. */
static unsigned id_from_end(const struct perf_attr *a)
{
	if (!a->sample_id_all)
		return 0;
	if (a->sample_type & PERF_SAMPLE_IDENTIFIER)
		return 8;
	if (!(a->sample_type & PERF_SAMPLE_ID))
		return 0;
	return fields_size(a, PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU);
}

bool perf_record_id(const struct perf_attr *a, const struct perf_record *r, uint64_t *ret)
{
	unsigned len = r->size - PERF_RECORD_HEAD, at, back;

	if (r->type == PERF_RECORD_SAMPLE) {
		at = id_in_sample(a);
		if (at == UINT32_MAX || len < 8 || at > len - 8)
			return false;
	} else {
		back = id_from_end(a);
		if (!back || back > len)
			return false;
		at = len - back;
	}
	*ret = get_u64(r->body + at, a->big_endian);
	return true;
}

bool perf_attr_same_ids(const struct perf_attr *a, const struct perf_attr *b)
{
	return id_in_sample(a) == id_in_sample(b) && id_from_end(a) == id_from_end(b);
}

/* ---- samples ---------------------------------------------------------------------------- */

/* The fields every sample begins with, those that it has. */
static bool sample_front(const struct perf_attr *a, struct cur *c, struct perf_sample *s)
{
	uint64_t type = a->sample_type;
	uint32_t reserved;

	return (!(type & PERF_SAMPLE_IDENTIFIER) || cur_u64(c, &s->at.id)) &&
	       (!(type & PERF_SAMPLE_IP) || cur_u64(c, &s->ip)) &&
	       (!(type & PERF_SAMPLE_TID) || (cur_u32(c, &s->at.pid) && cur_u32(c, &s->at.tid))) &&
	       (!(type & PERF_SAMPLE_TIME) || cur_u64(c, &s->at.time)) &&
	       (!(type & PERF_SAMPLE_ADDR) || cur_u64(c, &s->addr)) &&
	       (!(type & PERF_SAMPLE_ID) || cur_u64(c, &s->at.id)) &&
	       (!(type & PERF_SAMPLE_STREAM_ID) || cur_u64(c, &s->at.stream_id)) &&
	       (!(type & PERF_SAMPLE_CPU) || (cur_u32(c, &s->at.cpu) && cur_u32(c, &reserved))) &&
	       (!(type & PERF_SAMPLE_PERIOD) || cur_u64(c, &s->period));
}

/* Counts, of one event or of a group: not needed, but other things lie behind. */
static bool skip_read(const struct perf_attr *a, struct cur *c)
{
	uint64_t format = a->read_format, nr = 1;
	uint64_t times = format & (PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING);
	unsigned each = 8 * (1 + __builtin_popcountll(format & (PERF_FORMAT_ID | PERF_FORMAT_LOST)));

	if (format & PERF_FORMAT_GROUP && !cur_u64(c, &nr))
		return false;
	return cur_skip(c, 8 * __builtin_popcountll(times)) && nr <= cur_left(c) / each &&
	       cur_skip(c, nr * each);
}

static int sample_chain(struct cur *c, const struct perf_record *r, struct perf_sample *s, struct err *e)
{
	uint64_t nr;

	if (!cur_u64(c, &nr))
		return too_short(r, "call chain", e);
	if (nr > cur_left(c) / 8)
		return err_set(e, -EBADMSG, "the call chain at offset 0x%" PRIx64 " claims %" PRIu64
			       " addresses, its record has room for %" PRIu64, cur_offset(c) - 8, nr,
			       cur_left(c) / 8);
	s->chain_nr = nr;
	cur_bytes(c, 8 * nr, &s->chain);
	return 0;
}

static int sample_raw(struct cur *c, const struct perf_record *r, struct perf_sample *s, struct err *e)
{
	if (!cur_u32(c, &s->raw_len))
		return too_short(r, "raw data", e);
	if (!cur_bytes(c, s->raw_len, &s->raw))
		return err_set(e, -EBADMSG, "the raw data at offset 0x%" PRIx64 " claim %u bytes, their record "
			       "has %" PRIu64, cur_offset(c) - 4, s->raw_len, cur_left(c));
	s->has_raw = true;
	return 0;
}

int perf_sample_parse(const struct perf_attr *a, const struct perf_record *r,
		      struct perf_sample *ret, struct err *e)
{
	struct perf_sample s = { .at.has = a->sample_type, .big_endian = a->big_endian };
	struct cur c = body(a, r);
	int err = 0;

	if (!sample_front(a, &c, &s))
		return too_short(r, "fields", e);
	if (a->sample_type & PERF_SAMPLE_READ && !skip_read(a, &c))
		return too_short(r, "counts", e);
	if (a->sample_type & PERF_SAMPLE_CALLCHAIN)
		err = sample_chain(&c, r, &s, e);
	if (!err && a->sample_type & PERF_SAMPLE_RAW)
		err = sample_raw(&c, r, &s, e);
	if (!err)
		*ret = s;
	return err;
}

/* ---- other records ---------------------------------------------------------------------- */

/* What sample_id_all has put behind them; @c loses it. */
static bool take_where(const struct perf_attr *a, struct cur *c, struct perf_where *ret)
{
	const uint64_t fields = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
				PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;
	unsigned size = fields_size(a, fields);
	struct perf_where w = { .has = a->sample_type & fields };
	struct cur t = *c;
	uint32_t reserved;

	*ret = (struct perf_where){ 0 };
	if (!a->sample_id_all)
		return true;
	if (size > cur_left(c))
		return false;
	c->len -= size;
	cur_skip(&t, cur_left(c));
	if (w.has & PERF_SAMPLE_TID && cur_u32(&t, &w.pid))
		cur_u32(&t, &w.tid);
	if (w.has & PERF_SAMPLE_TIME)
		cur_u64(&t, &w.time);
	if (w.has & PERF_SAMPLE_ID)
		cur_u64(&t, &w.id);
	if (w.has & PERF_SAMPLE_STREAM_ID)
		cur_u64(&t, &w.stream_id);
	if (w.has & PERF_SAMPLE_CPU && cur_u32(&t, &w.cpu))
		cur_u32(&t, &reserved);
	if (w.has & PERF_SAMPLE_IDENTIFIER)
		cur_u64(&t, &w.id);
	*ret = w;
	return true;
}

int perf_lost_parse(const struct perf_attr *a, const struct perf_record *r, struct perf_lost *ret,
		    struct err *e)
{
	struct cur c = body(a, r);
	struct perf_lost l = { 0 };

	if (!take_where(a, &c, &l.at))
		return too_short(r, "time and place", e);
	l.id = l.at.id;
	if ((r->type == PERF_RECORD_LOST && !cur_u64(&c, &l.id)) || !cur_u64(&c, &l.lost))
		return too_short(r, "number of lost records", e);
	*ret = l;
	return 0;
}

int perf_comm_parse(const struct perf_attr *a, const struct perf_record *r, struct perf_comm *ret,
		    struct err *e)
{
	struct cur c = body(a, r);
	struct perf_comm m = { 0 };

	if (!take_where(a, &c, &m.at))
		return too_short(r, "time and place", e);
	if (!cur_u32(&c, &m.pid) || !cur_u32(&c, &m.tid))
		return too_short(r, "task", e);
	if (!cur_str(&c, cur_left(&c), &m.name))
		return err_set(e, -EBADMSG, "the name of task %u at offset 0x%" PRIx64 " has no end", m.tid,
			       cur_offset(&c));
	*ret = m;
	return 0;
}

int perf_task_parse(const struct perf_attr *a, const struct perf_record *r, struct perf_task *ret,
		    struct err *e)
{
	struct cur c = body(a, r);
	struct perf_task t = { 0 };

	if (!take_where(a, &c, &t.at))
		return too_short(r, "time and place", e);
	if (!cur_u32(&c, &t.pid) || !cur_u32(&c, &t.ppid) || !cur_u32(&c, &t.tid) ||
	    !cur_u32(&c, &t.ptid) || !cur_u64(&c, &t.time))
		return too_short(r, "task", e);
	*ret = t;
	return 0;
}
