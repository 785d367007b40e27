// SPDX-License-Identifier: GPL-2.0-or-later
/* perf's records: every field at its place, in either byte order; each way to be too short. */
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel/perf_sample.h"

/* A record being made: its head is filled in at the end. */
static void begin(struct buf *b, bool big)
{
	*b = (struct buf){ .big_endian = big };
	buf_u64(b, 0);
}

static struct perf_record end(struct buf *b, uint32_t type)
{
	struct cur c = { .base = 0x1000, .big_endian = b->big_endian };
	struct buf head = { .big_endian = b->big_endian };
	struct perf_record r;

	buf_u32(&head, type);
	buf_u16(&head, 2);
	buf_u16(&head, b->len);
	memcpy(b->data, head.data, 8);
	buf_release(&head);
	c.data = (const uint8_t *)b->data;
	c.len = b->len;
	assert_int_equal(perf_record_next(&c, &r, NULL), 1);
	assert_int_equal(r.type, type);
	assert_int_equal(r.misc, 2);
	assert_int_equal(r.size, b->len);
	assert_int_equal(r.offset, 0x1000);
	assert_int_equal(perf_record_next(&c, &r, NULL), 0);
	return r;
}

static const uint64_t ALL = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
	PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID |
	PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD | PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN |
	PERF_SAMPLE_RAW;

/* Everything a sample can have up to its raw data; a group of two in the counts. */
static void put_sample(struct buf *b)
{
	buf_u64(b, 77);			/* identifier */
	buf_u64(b, 1);			/* ip */
	buf_u32(b, 2);			/* pid, tid */
	buf_u32(b, 3);
	buf_u64(b, 4);			/* time */
	buf_u64(b, 5);			/* addr */
	buf_u64(b, 77);			/* id */
	buf_u64(b, 7);			/* stream */
	buf_u32(b, 8);			/* cpu */
	buf_u32(b, 0);
	buf_u64(b, 9);			/* period */
	buf_u64(b, 2);			/* counts: two, enabled, then value, id, lost */
	buf_fill(b, 0xee, 8 + 2 * 24);
	buf_u64(b, 2);			/* chain */
	buf_u64(b, PERF_CONTEXT_KERNEL);
	buf_u64(b, 0xffff800000001234);
	buf_u32(b, 12);			/* raw */
	buf_puts(b, "abcdefghijkl");
	buf_fill(b, 0, 16);		/* and something behind */
}

static const uint64_t FORMAT = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED |
	PERF_FORMAT_ID | PERF_FORMAT_LOST;

static void whole_sample(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct perf_attr a = { .sample_type = ALL, .read_format = FORMAT, .big_endian = big };
		struct perf_record r;
		struct perf_sample s;
		struct buf b;
		uint64_t id;

		begin(&b, big);
		put_sample(&b);
		r = end(&b, PERF_RECORD_SAMPLE);
		assert_int_equal(perf_sample_parse(&a, &r, &s, NULL), 0);
		assert_int_equal(s.at.has, ALL);
		assert_int_equal(s.at.id, 77);
		assert_int_equal(s.ip, 1);
		assert_int_equal(s.at.pid, 2);
		assert_int_equal(s.at.tid, 3);
		assert_int_equal(s.at.time, 4);
		assert_int_equal(s.addr, 5);
		assert_int_equal(s.at.stream_id, 7);
		assert_int_equal(s.at.cpu, 8);
		assert_int_equal(s.period, 9);
		assert_int_equal(s.chain_nr, 2);
		assert_true(perf_chain_at(&s, 0) == PERF_CONTEXT_KERNEL);
		assert_true(perf_chain_at(&s, 1) == 0xffff800000001234);
		assert_true(s.has_raw);
		assert_int_equal(s.raw_len, 12);
		assert_memory_equal(s.raw, "abcdefghijkl", 12);
		assert_true(perf_record_id(&a, &r, &id));
		assert_int_equal(id, 77);
		buf_release(&b);
	}
}

/* Cut after any number of bytes it is refused, and nothing is read behind its end. */
static void cut_samples(void **state)
{
	struct perf_attr a = { .sample_type = ALL, .read_format = FORMAT };
	struct buf b;
	unsigned whole;

	(void)state;
	begin(&b, false);
	put_sample(&b);
	whole = b.len - 16;
	for (unsigned len = 8; len < whole; len++) {
		uint8_t *copy = malloc(len);
		struct perf_record r = { .type = PERF_RECORD_SAMPLE, .size = len, .offset = 64 };
		struct perf_sample s;
		struct err e = { 0 };

		memcpy(copy, b.data, len);
		r.body = copy + 8;
		assert_int_equal(perf_sample_parse(&a, &r, &s, &e), -EBADMSG);
		assert_non_null(strstr(e.text, "at offset 0x"));
		free(copy);
	}
	buf_release(&b);
}

static void lying_lengths(void **state)
{
	struct perf_attr a = { .sample_type = PERF_SAMPLE_CALLCHAIN };
	struct perf_record r;
	struct perf_sample s;
	struct err e = { 0 };
	struct buf b;

	(void)state;
	begin(&b, false);
	buf_u64(&b, UINT64_MAX / 8 + 2);
	buf_u64(&b, 0);
	r = end(&b, PERF_RECORD_SAMPLE);
	assert_int_equal(perf_sample_parse(&a, &r, &s, &e), -EBADMSG);
	assert_string_equal(e.text, "the call chain at offset 0x1008 claims 2305843009213693953 addresses, "
			    "its record has room for 1");
	a.sample_type = PERF_SAMPLE_RAW;
	assert_int_equal(perf_sample_parse(&a, &r, &s, &e), 0);
	put_u32(b.data + 8, 13, false);
	assert_int_equal(perf_sample_parse(&a, &r, &s, &e), -EBADMSG);
	assert_string_equal(e.text, "the raw data at offset 0x1008 claim 13 bytes, their record has 12");
	a.sample_type = PERF_SAMPLE_READ | PERF_SAMPLE_RAW;
	a.read_format = PERF_FORMAT_GROUP;
	put_u64(b.data + 8, UINT64_MAX / 8 + 1, false);
	assert_int_equal(perf_sample_parse(&a, &r, &s, &e), -EBADMSG);
	assert_string_equal(e.text, "the record at offset 0x1000 (type 9) of 24 bytes is too short for its counts");
	buf_release(&b);
}

static void heads(void **state)
{
	static const uint8_t bytes[] = { 9, 0, 0, 0, 0, 0, 16, 0, 1, 2, 3, 4 }, small[] = { 9, 0, 0, 0, 0, 0, 7, 0 };
	struct cur c = { .data = bytes, .len = sizeof(bytes), .base = 0x20 };
	struct perf_record r;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(perf_record_next(&c, &r, &e), -ENODATA);
	assert_string_equal(e.text, "of the 16 bytes of the record at offset 0x20 only 12 are there");
	assert_int_equal(c.pos, 0);
	c.len = 5;
	assert_int_equal(perf_record_next(&c, &r, &e), -ENODATA);
	assert_string_equal(e.text, "of the record at offset 0x20 only 5 bytes are there");
	c = (struct cur){ .data = small, .len = sizeof(small), .base = 0x20 };
	assert_int_equal(perf_record_next(&c, &r, &e), -EBADMSG);
	assert_string_equal(e.text, "the record at offset 0x20 claims a size of 7 bytes, less than its head has");
}

/* What sample_id_all has behind a record. */
static void put_where(struct buf *b)
{
	buf_u32(b, 2);
	buf_u32(b, 3);
	buf_u64(b, 4);
	buf_u64(b, 77);
	buf_u64(b, 7);
	buf_u32(b, 8);
	buf_u32(b, 0);
	buf_u64(b, 77);
}

static void check_where(const struct perf_where *w)
{
	assert_int_equal(w->pid, 2);
	assert_int_equal(w->tid, 3);
	assert_int_equal(w->time, 4);
	assert_int_equal(w->id, 77);
	assert_int_equal(w->stream_id, 7);
	assert_int_equal(w->cpu, 8);
}

static void lost(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct perf_attr a = { .sample_type = ALL, .sample_id_all = true, .big_endian = big };
		struct perf_record r;
		struct perf_lost l;
		struct err e = { 0 };
		struct buf b;
		uint64_t id;

		begin(&b, big);
		buf_u64(&b, 55);
		buf_u64(&b, 1234);
		put_where(&b);
		r = end(&b, PERF_RECORD_LOST);
		assert_int_equal(perf_lost_parse(&a, &r, &l, NULL), 0);
		assert_int_equal(l.id, 55);
		assert_int_equal(l.lost, 1234);
		check_where(&l.at);
		assert_true(perf_record_id(&a, &r, &id));
		assert_int_equal(id, 77);
		r.size -= 8;
		assert_int_equal(perf_lost_parse(&a, &r, &l, &e), -EBADMSG);
		assert_string_equal(e.text, "the record at offset 0x1000 (type 2) of 64 bytes is too short for its "
				    "number of lost records");
		r.size = 40;
		assert_int_equal(perf_lost_parse(&a, &r, &l, &e), -EBADMSG);
		assert_string_equal(e.text, "the record at offset 0x1000 (type 2) of 40 bytes is too short for its "
				    "time and place");
		buf_release(&b);

		begin(&b, big);
		buf_u64(&b, 99);
		put_where(&b);
		r = end(&b, PERF_RECORD_LOST_SAMPLES);
		assert_int_equal(perf_lost_parse(&a, &r, &l, NULL), 0);
		assert_int_equal(l.lost, 99);
		assert_int_equal(l.id, 77);
		buf_release(&b);
	}
}

static void tasks(void **state)
{
	struct perf_attr a = { .sample_type = ALL, .sample_id_all = true };
	struct perf_record r;
	struct perf_comm m;
	struct perf_task t;
	struct err e = { 0 };
	struct buf b;

	(void)state;
	begin(&b, false);
	buf_u32(&b, 100);
	buf_u32(&b, 101);
	buf_put(&b, "cat\0\0\0\0", 8);
	put_where(&b);
	r = end(&b, PERF_RECORD_COMM);
	assert_int_equal(perf_comm_parse(&a, &r, &m, NULL), 0);
	assert_int_equal(m.pid, 100);
	assert_int_equal(m.tid, 101);
	assert_string_equal(m.name, "cat");
	check_where(&m.at);
	memset(b.data + 16, 'x', 8);
	assert_int_equal(perf_comm_parse(&a, &r, &m, &e), -EBADMSG);
	assert_string_equal(e.text, "the name of task 101 at offset 0x1010 has no end");
	buf_release(&b);

	begin(&b, false);
	for (unsigned i = 1; i <= 4; i++)
		buf_u32(&b, i);
	buf_u64(&b, 5);
	put_where(&b);
	r = end(&b, PERF_RECORD_FORK);
	assert_int_equal(perf_task_parse(&a, &r, &t, NULL), 0);
	assert_int_equal(t.pid, 1);
	assert_int_equal(t.ppid, 2);
	assert_int_equal(t.tid, 3);
	assert_int_equal(t.ptid, 4);
	assert_int_equal(t.time, 5);
	check_where(&t.at);
	r.size -= 8;
	assert_int_equal(perf_task_parse(&a, &r, &t, &e), -EBADMSG);
	assert_string_equal(e.text, "the record at offset 0x1000 (type 7) of 72 bytes is too short for its task");
	buf_release(&b);
}

/* Ids where there is no identifier in front. */
static void ids(void **state)
{
	struct perf_attr a = {
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID | PERF_SAMPLE_CPU,
		.sample_id_all = true,
	}, other = a;
	struct perf_record r;
	struct buf b;
	uint64_t id;

	(void)state;
	begin(&b, false);
	for (unsigned i = 1; i <= 5; i++)
		buf_u64(&b, i);
	r = end(&b, PERF_RECORD_SAMPLE);
	assert_true(perf_record_id(&a, &r, &id));
	assert_int_equal(id, 4);
	r.type = PERF_RECORD_COMM;
	assert_true(perf_record_id(&a, &r, &id));
	assert_int_equal(id, 4);
	r.size = 16;
	assert_false(perf_record_id(&a, &r, &id));
	r.type = PERF_RECORD_SAMPLE;
	assert_false(perf_record_id(&a, &r, &id));
	assert_true(perf_attr_same_ids(&a, &other));
	other.sample_type |= PERF_SAMPLE_IDENTIFIER;
	assert_false(perf_attr_same_ids(&a, &other));
	a.sample_type &= ~(uint64_t)PERF_SAMPLE_ID;
	assert_false(perf_record_id(&a, &r, &id));
	buf_release(&b);
}

static void attributes(void **state)
{
	struct perf_event_attr k = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(k), .config = 316, .sample_type = ALL,
		.read_format = FORMAT, .sample_id_all = 1, .use_clockid = 1, .clockid = 4,
	};
	struct perf_attr a;
	struct buf b = { .big_endian = true };

	(void)state;
	assert_int_equal(perf_attr_decode(&k, sizeof(k), __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, &a), 0);
	assert_int_equal(a.type, PERF_TYPE_TRACEPOINT);
	assert_int_equal(a.config, 316);
	assert_int_equal(a.sample_type, ALL);
	assert_int_equal(a.read_format, FORMAT);
	assert_true(a.sample_id_all);
	assert_true(a.use_clockid);
	assert_int_equal(a.clockid, 4);
	assert_int_equal(perf_attr_decode(&k, 64, false, &a), 0);
	assert_false(a.use_clockid);
	assert_int_equal(perf_attr_decode(&k, 63, false, &a), -EBADMSG);

	buf_u32(&b, 2);			/* the same from a big-endian machine */
	buf_u32(&b, 96);
	buf_u64(&b, 316);
	buf_u64(&b, 1);
	buf_u64(&b, ALL);
	buf_u64(&b, FORMAT);
	buf_u64(&b, UINT64_C(1) << (63 - 18) | UINT64_C(1) << (63 - 25));
	buf_fill(&b, 0, 92 - 48);
	buf_u32(&b, 7);
	assert_int_equal(perf_attr_decode(b.data, b.len, true, &a), 0);
	assert_int_equal(a.config, 316);
	assert_true(a.sample_id_all);
	assert_true(a.use_clockid);
	assert_int_equal(a.clockid, 7);
	assert_true(a.big_endian);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_sample), cmocka_unit_test(cut_samples), cmocka_unit_test(lying_lengths),
		cmocka_unit_test(heads), cmocka_unit_test(lost), cmocka_unit_test(tasks), cmocka_unit_test(ids),
		cmocka_unit_test(attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
