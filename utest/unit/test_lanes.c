// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lanes: CPUs of a buffer, each read from where one likes. Their records are held against
 * those of the replay itself.
 */
#include <glob.h>

#include "made_replay.h"
#include "replay/lanes.h"

/* ---- against the replay, on all recordings ------------------------------------ */

/* A record by itself, its data as a sum. */
struct one { uint64_t ts, lost, sum; uint32_t cpu, len; };
struct all { VEC(struct one) v; };

static struct one one_of(const struct replay_record *rec)
{
	struct one one = { .ts = rec->ts, .lost = rec->lost, .cpu = rec->cpu, .len = rec->len };

	for (uint32_t i = 0; i < rec->len; i++)
		one.sum = one.sum * 31 + ((const uint8_t *)rec->data)[i];
	return one;
}

static void push(struct all *a, const struct replay_record *rec)
{
	assert_int_equal(vec_push(&a->v, one_of(rec)), 0);
}

static void expect_same(const struct one *a, const struct one *b)
{
	assert_int_equal(a->ts, b->ts);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->cpu, b->cpu);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->sum, b->sum);
}

static struct replay *open_path(const char *path)
{
	struct replay *rp = replay_of(NULL);
	struct dat_reader *r;

	made_ok(dat_reader_open(path, NULL, &r, e));
	made_ok(replay_add_file(rp, r, NULL, NULL, e));
	made_ok(replay_start(rp, e));
	return rp;
}

static struct replay_lanes *lanes_of(struct replay *rp, unsigned buffer)
{
	struct replay_lanes *l;

	made_ok(replay_lanes_new(rp, 0, buffer, 0, &l, e));
	return l;
}

static struct replay_merge *merge_of(struct replay_lanes *l)
{
	struct replay_merge *m;

	made_ok(replay_merge_new(&m, e));
	for (uint32_t cpu = 0; cpu < replay_lanes_cpus(l); cpu++)
		made_ok(replay_merge_add(m, l, cpu, cpu, e));
	return m;
}

/* What the merge gives, the same lanes forwards and then backwards. */
static void read_both_ways(struct replay_lanes *l, struct all *there, struct all *back)
{
	struct replay_merge *m = merge_of(l);
	const struct replay_record *rec;
	struct err e = { 0 };
	uint32_t cpu;

	while (replay_merge_next(m, false, &rec, &cpu, &e) > 0) {
		assert_int_equal(cpu, rec->cpu);
		push(there, rec);
	}
	while (replay_merge_next(m, true, &rec, &cpu, &e) > 0) {
		assert_int_equal(cpu, rec->cpu);
		push(back, rec);
	}
	assert_int_equal(e.code, 0);
	replay_merge_free(m);
}

static int by_cpu(const void *a, const void *b)
{
	const struct one *x = *(const struct one *const *)a, *y = *(const struct one *const *)b;

	return x->cpu != y->cpu ? (int)x->cpu - (int)y->cpu : (x > y) - (x < y);
}

/* The same records CPU by CPU; @back has them the other way round. */
static void expect_reversed(const struct all *there, const struct all *back)
{
	size_t nr = there->v.nr;
	const struct one **a = calloc(nr + 1, sizeof(*a)), **b = calloc(nr + 1, sizeof(*b));

	assert_int_equal(nr, back->v.nr);
	for (size_t i = 0; i < nr; i++) {
		a[i] = &there->v.v[i];
		b[i] = &back->v.v[i];
	}
	qsort(a, nr, sizeof(*a), by_cpu);
	qsort(b, nr, sizeof(*b), by_cpu);
	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i; end < nr && a[end]->cpu == a[i]->cpu; end++)
			;
		for (size_t k = i; k < end; k++)
			expect_same(a[k], b[end - 1 - (k - i)]);
	}
	free(a);
	free(b);
}

/* Each record is found again by its offset, and by the last byte of its entry. */
static void expect_offsets(struct replay_lanes *l)
{
	VEC(uint64_t) offsets = { 0 };
	struct all seen = { 0 };

	for (uint32_t cpu = 0; cpu < replay_lanes_cpus(l); cpu++) {
		const struct replay_record *rec;

		offsets.nr = seen.v.nr = 0;
		for (replay_lane_rewind(l, cpu); replay_lane_peek(l, cpu, &rec, NULL) > 0; replay_lane_take(l, cpu)) {
			struct replay_hold *h = replay_lane_hold(l, rec);

			push(&seen, rec);
			assert_int_equal(vec_push(&offsets, replay_hold_offset(h, rec)), 0);
			replay_hold_put(h);
		}
		for (size_t i = offsets.nr; i-- > 0; i -= i > 7 ? 7 : 0) {
			uint64_t last = i + 1 < offsets.nr && offsets.v[i + 1] - offsets.v[i] < 64 ? 3 : 0;
			struct one again;
			uint32_t found;

			assert_true(replay_lanes_find(l, offsets.v[i] + last, &found));
			assert_int_equal(found, cpu);
			replay_lane_goto(l, cpu, offsets.v[i] + last);
			assert_int_equal(replay_lane_peek(l, cpu, &rec, NULL), 1);
			again = one_of(rec);
			expect_same(&seen.v.v[i], &again);
		}
	}
	vec_release(&offsets);
	vec_release(&seen.v);
}

static void compare_buffer(const char *path, unsigned buffer)
{
	struct replay *rp = open_path(path);
	struct all expected = { 0 }, there = { 0 }, back = { 0 };
	struct replay_lanes *l = lanes_of(rp, buffer);
	struct replay_record rec;

	while (replay_next(rp, &rec, NULL) > 0)
		if (rec.buffer == buffer)
			push(&expected, &rec);
	replay_lanes_hurry(l, true);
	read_both_ways(l, &there, &back);
	assert_int_equal(there.v.nr, expected.v.nr);
	for (size_t i = 0; i < there.v.nr; i++)
		expect_same(&there.v.v[i], &expected.v.v[i]);
	expect_reversed(&there, &back);
	expect_offsets(l);
	replay_lanes_free(l);
	replay_free(rp);
	vec_release(&expected.v);
	vec_release(&there.v);
	vec_release(&back.v);
}

static void recordings(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(FIXTURES "/traces/*.dat", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct replay *rp = open_path(found.gl_pathv[i]);
		unsigned nr = dat_reader_nr_buffers(replay_reader(rp, 0));

		replay_free(rp);
		for (unsigned b = 0; b < nr; b++)
			compare_buffer(found.gl_pathv[i], b);
	}
	assert_true(found.gl_pathc > 20);
	globfree(&found);
}

/* ---- made files ------------------------------------------------------------------ */

/* Two CPUs, three sub-buffers on the first one. */
static struct replay *made_two(const char *codec)
{
	struct made m;

	made_begin(&m, codec, 4096);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 10);				/* 0 */
	made_event(&m, 20);
	made_page(&m, 7);
	made_event(&m, 30);				/* 2 */
	made_page(&m, 0);
	made_event(&m, 40);				/* 3 */
	made_event(&m, 50);
	made_cpu(&m, 2);
	made_event(&m, 15);				/* 5 */
	made_event(&m, 50);
	return replay_fd(made_finish(&m), NULL);
}

static uint32_t serial(struct replay_lanes *l, uint32_t cpu)
{
	const struct replay_record *rec;

	assert_int_equal(replay_lane_peek(l, cpu, &rec, NULL), 1);
	replay_lane_take(l, cpu);
	return made_serial(rec->data);
}

static uint32_t serial_back(struct replay_lanes *l, uint32_t cpu)
{
	const struct replay_record *rec;

	assert_int_equal(replay_lane_peek_back(l, cpu, &rec, NULL), 1);
	replay_lane_take_back(l, cpu);
	return made_serial(rec->data);
}

static void expect_none(struct replay_lanes *l, uint32_t cpu)
{
	const struct replay_record *rec;

	assert_int_equal(replay_lane_peek(l, cpu, &rec, NULL), 0);
	replay_lane_take(l, cpu);
}

static void to_and_fro(void **state)
{
	struct replay *rp = made_two("zstd");
	struct replay_lanes *l = lanes_of(rp, 0);
	const struct replay_record *rec;

	(void)state;
	assert_int_equal(replay_lanes_cpus(l), 3);
	assert_int_equal(serial(l, 0), 0);
	assert_int_equal(serial(l, 0), 1);
	assert_int_equal(serial_back(l, 0), 1);
	assert_int_equal(serial(l, 0), 1);
	assert_int_equal(serial(l, 0), 2);
	assert_int_equal(serial(l, 0), 3);
	/* past what was decoded before, and back over all of it */
	for (int i = 3; i >= 0; i--)
		assert_int_equal(serial_back(l, 0), i);
	assert_int_equal(replay_lane_peek_back(l, 0, &rec, NULL), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(serial(l, 0), i);
	expect_none(l, 0);
	assert_int_equal(serial_back(l, 0), 4);
	replay_lane_rewind(l, 0);
	assert_int_equal(serial(l, 0), 0);
	replay_lane_to_end(l, 0);
	expect_none(l, 0);
	/* nobody's CPU */
	expect_none(l, 1);
	expect_none(l, 9);
	assert_int_equal(replay_lane_peek_back(l, 1, &rec, NULL), 0);
	assert_int_equal(serial(l, 2), 5);
	replay_lanes_free(l);
	replay_free(rp);
}

static void losses(void **state)
{
	struct replay *rp = made_two("none");
	struct replay_lanes *l = lanes_of(rp, 0);
	const struct replay_record *rec;

	(void)state;
	serial(l, 0);
	serial(l, 0);
	assert_int_equal(replay_lane_peek(l, 0, &rec, NULL), 1);
	assert_int_equal(rec->lost, 7);
	replay_lane_to_end(l, 0);
	serial_back(l, 0);
	serial_back(l, 0);
	assert_int_equal(replay_lane_peek_back(l, 0, &rec, NULL), 1);
	assert_int_equal(rec->lost, 7);
	replay_lanes_free(l);
	replay_free(rp);
}

static void times(void **state)
{
	struct replay *rp = made_two("lz4");
	struct replay_lanes *l = lanes_of(rp, 0);
	const struct replay_record *rec;

	(void)state;
	made_ok(replay_lane_seek(l, 0, 21, e));
	assert_int_equal(serial(l, 0), 2);
	made_ok(replay_lane_seek(l, 0, 51, e));
	expect_none(l, 0);
	made_ok(replay_lane_seek(l, 0, 0, e));
	assert_int_equal(replay_lane_peek(l, 0, &rec, NULL), 1);
	replay_lanes_add_time(l, 100);
	replay_lanes_add_time(l, 5);
	assert_int_equal(rec->ts, 115);
	assert_int_equal(serial(l, 0), 0);
	made_ok(replay_lane_seek(l, 0, 145, e));
	assert_int_equal(serial(l, 0), 3);
	replay_lanes_free(l);
	replay_free(rp);
}

/* Data of a record that is held stay, whatever becomes of the rest. */
static void holds(void **state)
{
	struct replay *rp = made_two("zstd");
	struct replay_lanes *l = lanes_of(rp, 0);
	const struct replay_record *rec;
	struct replay_hold *there, *back;
	const void *data, *data_back;

	(void)state;
	assert_int_equal(replay_lane_peek(l, 0, &rec, NULL), 1);
	there = replay_lane_hold(l, rec);
	data = rec->data;
	replay_lane_to_end(l, 2);
	assert_int_equal(replay_lane_peek_back(l, 2, &rec, NULL), 1);
	back = replay_lane_hold(l, rec);
	data_back = rec->data;
	replay_lanes_free(l);
	replay_free(rp);
	assert_int_equal(made_serial(data), 0);
	assert_int_equal(made_serial(data_back), 6);
	replay_hold_put(there);
	replay_hold_put(back);
}

/* Offsets of a compressed buffer begin at a sub-buffer's size, or where they are told to. */
static void offsets(void **state)
{
	struct replay *rp = made_two("zstd");
	struct replay_lanes *l = lanes_of(rp, 0), *behind, *none;
	uint32_t cpu;

	(void)state;
	assert_false(replay_lanes_find(l, 4095, &cpu));
	assert_true(replay_lanes_find(l, 4096, &cpu));
	assert_int_equal(cpu, 0);
	assert_true(replay_lanes_find(l, 4 * 4096, &cpu));
	assert_int_equal(cpu, 2);
	assert_false(replay_lanes_find(l, 5 * 4096, &cpu));
	assert_int_equal(replay_lanes_end(l), 5 * 4096);
	made_ok(replay_lanes_new(rp, 0, 0, replay_lanes_end(l), &behind, e));
	assert_false(replay_lanes_find(behind, 4096, &cpu));
	assert_true(replay_lanes_find(behind, 5 * 4096, &cpu));
	/* a header belongs to no entry: the first one is next */
	replay_lane_goto(behind, 0, 5 * 4096 + 3);
	assert_int_equal(serial(behind, 0), 0);
	/* the place behind a sub-buffer's last entry: the next one's */
	replay_lane_goto(behind, 0, 6 * 4096 - 1);
	assert_int_equal(serial(behind, 0), 2);
	made_ok(replay_lanes_new(rp, 0, 7, 0, &none, e));
	assert_int_equal(replay_lanes_cpus(none), 0);
	expect_none(none, 0);
	replay_lanes_free(none);
	replay_lanes_free(behind);
	replay_lanes_free(l);
	replay_free(rp);
}

/* Lanes that are moved between two records of a merge. */
static void moved(void **state)
{
	struct replay *rp = made_two("zstd");
	struct replay_lanes *l = lanes_of(rp, 0);
	struct replay_merge *m = merge_of(l);
	static const uint32_t expected[] = { 0, 5, 1, 0, 1, 3, 4, 6 };
	const struct replay_record *rec;
	uint32_t tag;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(replay_merge_next(m, false, &rec, &tag, NULL), 1);
		assert_int_equal(made_serial(rec->data), expected[i]);
		if (i == 2)
			replay_lane_rewind(l, 0);
		if (i == 4)
			assert_int_equal(serial(l, 0), 2);
	}
	assert_int_equal(replay_merge_next(m, false, &rec, &tag, NULL), 0);
	replay_merge_free(m);
	replay_lanes_free(l);
	replay_free(rp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings), cmocka_unit_test(to_and_fro), cmocka_unit_test(losses),
		cmocka_unit_test(times), cmocka_unit_test(holds), cmocka_unit_test(offsets), cmocka_unit_test(moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
