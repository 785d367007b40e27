// SPDX-License-Identifier: GPL-2.0-or-later
/* Replay of files made for the purpose: order, losses, peeking, memory. */
#include <sys/resource.h>

#include "made_replay.h"
#include "replay/files.h"

static const char *const codecs[] = { "none", "zstd", "lz4", "zlib" };

/* ---- order ---------------------------------------------------------------- */

static void ties(void **state)
{
	struct made m;
	int fds[2];

	(void)state;
	for (int f = 0; f < 2; f++) {
		made_begin(&m, "none", 4096);
		m.serial = f * 100;
		made_buffer(&m, "");
		made_cpu(&m, 0);
		made_event(&m, 10);			/* 0 */
		made_event(&m, 10);
		made_cpu(&m, 3);
		made_event(&m, 10);			/* 2 */
		made_buffer(&m, "zz");			/* the file's order, not the alphabet's */
		made_cpu(&m, 1);
		made_event(&m, 10);			/* 3 */
		made_event(&m, 11);
		made_buffer(&m, "aa");
		made_cpu(&m, 0);
		made_event(&m, 10);			/* 5 */
		made_event(&m, 10);
		made_event(&m, 11);
		fds[f] = made_finish(&m);
	}
	struct replay *rp = replay_of(NULL);
	add_fd(rp, fds[0], NULL);
	add_fd(rp, fds[1], NULL);
	made_ok(replay_start(rp, e));
	EXPECT_SERIALS(rp, 0, 1, 2, 3, 5, 6, 100, 101, 102, 103, 105, 106, 4, 7, 104, 107);
	replay_free(rp);
}

static void step_back(void **state)
{
	struct made m;

	(void)state;
	made_begin(&m, "zstd", 4096);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 100);				/* 0 */
	made_event(&m, 50);
	made_event(&m, 200);
	made_cpu(&m, 1);
	made_event(&m, 60);				/* 3 */
	made_event(&m, 150);
	struct replay *rp = replay_fd(made_finish(&m), NULL);
	EXPECT_SERIALS(rp, 3, 0, 1, 4, 2);
	replay_free(rp);
}

static void offsets_change_the_order(void **state)
{
	static const struct replay_file_opts later = { .ts_offset = 15 };
	static const struct replay_opts raw = { .raw_ts = true };
	struct made m;
	int fds[2];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int f = 0; f < 2; f++) {
			made_begin(&m, "none", 4096);
			m.serial = f * 10;
			made_buffer(&m, "");
			made_cpu(&m, 0);
			for (int i = 0; i < 3; i++)
				made_event(&m, 100 + 10 * i + f);
			fds[f] = made_finish(&m);
		}
		struct replay *rp = replay_of(round ? &raw : NULL);
		add_fd(rp, fds[0], &later);
		add_fd(rp, fds[1], NULL);
		made_ok(replay_start(rp, e));
		if (round) {
			EXPECT_SERIALS(rp, 0, 10, 1, 11, 2, 12);
		} else {
			struct replay_record rec;

			assert_int_equal(made_serial(next(rp).data), 10);
			assert_int_equal(made_serial(next(rp).data), 11);
			rec = next(rp);
			assert_int_equal(made_serial(rec.data), 0);
			assert_true(rec.ts == 115 && rec.raw_ts == 100);
			assert_int_equal(rec.file, 0);
			EXPECT_SERIALS(rp, 12, 1, 2);
		}
		replay_free(rp);
	}
}

/* A guest's time shift is for its top-level buffer alone, and DATE for all. */
static void time_shift_of_the_top(void **state)
{
	AUTO_BUF struct buf shift = { 0 };
	struct replay_record rec;
	struct made m;

	(void)state;
	buf_u64(&shift, 99);				/* peer */
	buf_u32(&shift, 1);
	buf_u32(&shift, 1);				/* for CPU 0 */
	buf_u32(&shift, 1);
	buf_u64(&shift, 5);				/* time */
	buf_u64(&shift, 1000);				/* offset */
	buf_u64(&shift, 1);				/* scaling */
	buf_u64(&shift, 0);				/* fraction */
	made_begin(&m, "none", 4096);
	made_ok(dat_writer_option(m.w, DAT_TIME_SHIFT, shift.data, shift.len, e));
	made_ok(dat_writer_option(m.w, DAT_DATE, "0x2", 4, e));
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 7);
	made_cpu(&m, 1);
	made_event(&m, 8);
	made_buffer(&m, "inst");
	made_cpu(&m, 0);
	made_event(&m, 9);
	struct replay *rp = replay_fd(made_finish(&m), NULL);
	rec = next(rp);
	assert_true(rec.cpu == 1 && rec.buffer == 0 && rec.ts == 2008);
	rec = next(rp);
	assert_true(rec.cpu == 0 && rec.buffer == 1 && rec.ts == 2009);
	rec = next(rp);
	assert_true(rec.cpu == 0 && rec.buffer == 0 && rec.ts == 3007);
	expect_end(rp);
	replay_free(rp);
}

static void gaps(void **state)
{
	static const uint64_t times[] = { 1, 2, 1u << 27, UINT64_C(1) << 40, UINT64_C(1) << 58,
					  (UINT64_C(1) << 58) + 5, UINT64_C(1) << 62, UINT64_MAX };
	struct made m;

	(void)state;
	made_begin(&m, "zstd", 1024);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		made_event(&m, times[i]);
	struct replay *rp = replay_fd(made_finish(&m), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_true(next(rp).ts == times[i]);
	expect_end(rp);
	replay_free(rp);
}

static void many_cpus(void **state)
{
	enum { CPUS = 300, EVENTS = 400 };
	uint64_t last = 0, n = 0;
	uint32_t seen[CPUS] = { 0 };
	struct replay_record rec;
	struct err e = { 0 };
	struct made m;

	(void)state;
	made_begin(&m, "zstd", 1024);
	made_buffer(&m, "");
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		made_cpu(&m, cpu * 7);
		m.serial = 0;
		for (uint32_t i = 0; i < EVENTS; i++)
			made_event(&m, 1000 + i * 300 + (cpu * 7919 + i * 104729) % 299);
	}
	struct replay *rp = replay_fd(made_finish(&m), NULL);
	assert_int_equal(replay_cpus(rp, 0), (CPUS - 1) * 7 + 1);
	while (replay_next(rp, &rec, &e) == 1) {
		assert_true(rec.ts >= last);
		last = rec.ts;
		assert_int_equal(made_serial(rec.data), seen[rec.cpu / 7]++);
		n++;
	}
	assert_true(n == CPUS * EVENTS);
	replay_free(rp);
}

static void wanted_cpus_only(void **state)
{
	const uint8_t cpus[] = { 1 << 1, 1 << 1 };	/* 1 and 9 */
	struct replay_opts opts = { .cpus = cpus, .nr_cpus = 10 };
	struct replay_record rec;
	struct err e = { 0 };
	struct made m;

	(void)state;
	made_begin(&m, "none", 4096);
	made_buffer(&m, "");
	for (uint32_t cpu = 0; cpu < 30; cpu++) {
		made_cpu(&m, cpu);
		made_event(&m, 100 - cpu);
	}
	struct replay *rp = replay_fd(made_finish(&m), &opts);
	assert_int_equal(replay_peek_cpu(rp, 0, 0, 2, &rec, &e), 0);
	EXPECT_SERIALS(rp, 9, 1);
	replay_free(rp);
}

/* ---- losses --------------------------------------------------------------- */

static void losses(void **state)
{
	struct heard heard = { 0 };
	struct notices notices = { hear, &heard };
	struct replay_opts opts = { .notices = &notices };
	struct replay_record rec;
	struct made m;

	(void)state;
	made_begin(&m, "zstd", 1024);
	made_buffer(&m, "");
	made_cpu(&m, 2);
	made_event(&m, 10);
	made_page(&m, 7);
	made_event(&m, 20);
	made_event(&m, 21);
	made_page(&m, RING_LOST_UNKNOWN);
	made_event(&m, 30);
	made_page(&m, 2);				/* lost, and nothing recorded */
	made_page(&m, 3);
	made_event(&m, 40);
	made_page(&m, 4);
	ring_encoder_pad(&m.enc, 50, 8);		/* the loss comes before a dead entry */
	made_event(&m, 51);
	made_page(&m, 5);				/* nothing follows */
	struct replay *rp = replay_fd(made_finish(&m), &opts);
	rec = next(rp);
	assert_true(rec.lost == 0 && rec.page_start && rec.first_entry);
	rec = next(rp);
	assert_true(rec.ts == 20 && rec.lost == 7 && rec.page_start && rec.first_entry);
	rec = next(rp);
	assert_true(rec.ts == 21 && rec.lost == 0 && !rec.page_start && !rec.first_entry);
	rec = next(rp);
	assert_true(rec.ts == 30 && rec.lost == RING_LOST_UNKNOWN);
	rec = next(rp);
	assert_true(rec.ts == 40 && rec.lost == 5);
	rec = next(rp);
	assert_true(rec.ts == 51 && rec.lost == 4 && rec.page_start && !rec.first_entry);
	assert_int_equal(heard.nr, 0);
	expect_end(rp);
	assert_int_equal(heard.nr, 1);
	assert_string_equal(heard.text, "'made.dat': CPU 2: 5 events were lost behind the last one\n");
	assert_true(replay_damage(rp) == 0);
	replay_free(rp);
}

static void entries_of_all_types(void **state)
{
	struct replay_opts opts = { .want_entries = true };
	struct replay_record rec;
	struct made m;

	(void)state;
	made_begin(&m, "none", 1024);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_page(&m, 9);
	ring_encoder_stamp(&m.enc, 5);
	made_event(&m, 6);
	ring_encoder_pad(&m.enc, 8, 4);
	made_event(&m, 1 << 28);
	struct replay *rp = replay_fd(made_finish(&m), &opts);
	rec = next(rp);
	assert_int_equal(rec.entry.type, RING_TIME_STAMP);
	assert_true(rec.lost == 9 && rec.page_start && rec.first_entry && !rec.data);
	assert_int_equal(rec.page->end, 16 + 8 + 16 + 12 + 8 + 16);
	rec = next(rp);
	assert_int_equal(rec.entry.type, RING_DATA);
	assert_true(rec.lost == 0 && !rec.page_start && rec.ts == 6);
	assert_int_equal(rec.entry.offset, 24);
	assert_int_equal(next(rp).entry.type, RING_PADDING);
	rec = next(rp);
	assert_int_equal(rec.entry.type, RING_TIME_EXTEND);
	assert_true(rec.ts == 1 << 28);
	assert_int_equal(next(rp).entry.type, RING_DATA);
	expect_end(rp);
	replay_free(rp);
}

/* ---- peeking -------------------------------------------------------------- */

enum { PEEK_CPUS = 3, PEEK_EVENTS = 3000 };

/* Three CPUs at the top and one in an instance, over many chunks. */
static int peek_file(const char *codec)
{
	uint64_t seed = 12345;
	struct made m;

	made_begin(&m, codec, 1024);
	made_buffer(&m, "");
	for (uint32_t cpu = 0; cpu < PEEK_CPUS + 1; cpu++) {
		uint64_t ts = 0;

		if (cpu == PEEK_CPUS)
			made_buffer(&m, "inst");
		made_cpu(&m, cpu);
		for (int i = 0; i < PEEK_EVENTS; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			ts += seed >> 60;
			made_event(&m, ts);
			/* a page that holds nothing now and then, and whole chunks of them */
			for (int k = 0; k < (i % 1000 == 900 ? 25 : i % 97 == 0); k++)
				made_page(&m, 0);
		}
	}
	return made_finish(&m);
}

static bool same_place(const struct replay_record *a, const struct replay_record *b)
{
	return a->ts == b->ts && a->cpu == b->cpu && a->len == b->len && a->buffer == b->buffer &&
	       made_serial(a->data) == made_serial(b->data);
}

/* Peeks at everything while records pass: peeked records are those that come,
 * and looking changes neither them nor the record in hand. */
static void peeking(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		struct replay *rp = replay_fd(peek_file(codecs[c]), NULL);
		struct replay *plain = replay_fd(peek_file(codecs[c]), NULL);
		struct replay_record rec, want, by_cpu[PEEK_CPUS + 1];
		const struct replay_record *by_buffer[2];
		int buffer_rc[2], cpu_rc[PEEK_CPUS + 1];
		struct err e = { 0 };
		uint64_t n = 0;

		for (;;) {
			for (uint32_t cpu = 0; cpu <= PEEK_CPUS; cpu++)
				cpu_rc[cpu] = replay_peek_cpu(rp, 0, cpu == PEEK_CPUS, cpu,
							      &by_cpu[cpu], &e);
			for (unsigned b = 0; b < 2; b++)
				buffer_rc[b] = replay_cursor_peek_buffer(rp->main, 0, b, &by_buffer[b], &e);
			if (n) {	/* still there, with its page */
				assert_true(same_place(&rec, &want));
				assert_true((const uint8_t *)rec.data > rec.page->data &&
					    (const uint8_t *)rec.data + rec.len <= rec.page->data + rec.page->end);
			}
			if (replay_next(plain, &want, &e) != 1)
				break;
			assert_int_equal(buffer_rc[want.buffer], 1);
			assert_true(same_place(by_buffer[want.buffer], &want));
			assert_int_equal(cpu_rc[want.cpu], 1);
			assert_true(same_place(&by_cpu[want.cpu], &want));
			assert_int_equal(replay_next(rp, &rec, &e), 1);
			assert_true(same_place(&rec, &want));
			n++;
		}
		for (unsigned b = 0; b < 2; b++)
			assert_int_equal(buffer_rc[b], 0);
		assert_true(n == (PEEK_CPUS + 1) * PEEK_EVENTS);
		expect_end(rp);
		replay_free(rp);
		replay_free(plain);
	}
}

static void span_of_a_cpu(void **state)
{
	uint64_t first = 0, last = 0;
	struct err err = { 0 };
	struct made m;

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
		made_begin(&m, codecs[c], 1024);
		made_ok(dat_writer_option(m.w, DAT_OFFSET, "1000", 5, e));
		made_buffer(&m, "");
		made_cpu(&m, 1);
		made_page(&m, 0);
		for (int i = 0; i < 5000; i++)
			made_event(&m, 50 + i);
		for (int i = 0; i < 200; i++)
			made_page(&m, 0);
		made_cpu(&m, 4);
		made_page(&m, 0);
		made_cpu(&m, 5);
		made_event(&m, 3);
		struct replay *rp = replay_fd(made_finish(&m), NULL);
		assert_int_equal(replay_cpu_span(rp, 0, 0, 1, &first, &last, &err), 1);
		assert_true(first == 1050 && last == 6049);
		assert_int_equal(replay_cpu_span(rp, 0, 0, 4, &first, &last, &err), 0);
		assert_int_equal(replay_cpu_span(rp, 0, 0, 2, &first, &last, &err), 0);
		assert_int_equal(replay_cpu_span(rp, 0, 0, 5, &first, &last, &err), 1);
		assert_true(first == 1003 && last == 1003);
		/* and nothing was taken from the stream */
		assert_int_equal(next(rp).cpu, 5);
		assert_true(next(rp).ts == 1050);
		replay_free(rp);
	}
}

/* ---- memory --------------------------------------------------------------- */

static long max_rss_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void memory_is_bounded(void **state)
{
	enum { CPUS = 4, BYTES = 64 << 20, PAGE = 4096 };

	(void)state;
	for (int raw = 0; raw < 2; raw++) {
		struct replay_record rec;
		struct err e = { 0 };
		uint64_t n = 0;
		struct made m;
		long before;
		int fd;

		made_begin(&m, raw ? "none" : "zstd", PAGE);
		made_buffer(&m, "");
		for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
			uint64_t ts = cpu;

			made_cpu(&m, cpu);
			for (int i = 0; i < BYTES / CPUS / PAGE * 200; i++)
				made_event(&m, ts += 10);
		}
		fd = made_finish(&m);
		struct replay *rp = replay_fd(fd, NULL);
		before = max_rss_kb();
		while (replay_next(rp, &rec, &e) == 1)
			n++;
		assert_true(n == (uint64_t)CPUS * (BYTES / CPUS / PAGE * 200));
		assert_true(max_rss_kb() - before < 8 << 10);
		replay_free(rp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_bounded),	/* first: the peak only grows */
		cmocka_unit_test(ties),
		cmocka_unit_test(step_back),
		cmocka_unit_test(offsets_change_the_order),
		cmocka_unit_test(time_shift_of_the_top),
		cmocka_unit_test(gaps),
		cmocka_unit_test(many_cpus),
		cmocka_unit_test(wanted_cpus_only),
		cmocka_unit_test(losses),
		cmocka_unit_test(entries_of_all_types),
		cmocka_unit_test(peeking),
		cmocka_unit_test(span_of_a_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
