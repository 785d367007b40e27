// SPDX-License-Identifier: GPL-2.0-or-later
/* Replay of files made for the purpose: order, losses, damage, peeking, memory. */
#include <sys/resource.h>

#include "made.h"
#include "replay/replay.h"

/* ---- helpers -------------------------------------------------------------- */

struct heard { char text[4096]; unsigned nr; };

static void hear(void *ctx, const char *text)
{
	struct heard *h = ctx;
	size_t len = strlen(h->text);

	h->nr++;
	snprintf(h->text + len, sizeof(h->text) - len, "%s\n", text);
}

static struct replay *replay_of(const struct replay_opts *opts)
{
	struct replay *rp;

	made_ok(replay_new(opts, &rp, e));
	return rp;
}

static void add_fd(struct replay *rp, int fd, const struct replay_file_opts *opts)
{
	struct dat_reader *r;

	made_ok(dat_reader_open_fd(fd, "made.dat", NULL, &r, e));
	made_ok(replay_add_file(rp, r, opts, NULL, e));
}

/* One finished file, ready to give its first record. */
static struct replay *replay_fd(int fd, const struct replay_opts *opts)
{
	struct replay *rp = replay_of(opts);

	add_fd(rp, fd, NULL);
	made_ok(replay_start(rp, e));
	return rp;
}

static struct replay_record next(struct replay *rp)
{
	struct replay_record rec;
	struct err e = { 0 };
	int rc = replay_next(rp, &rec, &e);

	if (rc != 1)
		fail_msg("no record: %d %s", rc, e.text);
	return rec;
}

static void expect_end(struct replay *rp)
{
	struct replay_record rec;
	struct err e = { 0 };

	for (int i = 0; i < 2; i++)
		assert_int_equal(replay_next(rp, &rec, &e), 0);
}

static void expect_serials(struct replay *rp, const uint32_t *serials, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(made_serial(next(rp).data), serials[i]);
	expect_end(rp);
}
#define EXPECT_SERIALS(rp, ...) do { \
	static const uint32_t serials_[] = { __VA_ARGS__ }; \
	expect_serials(rp, serials_, ARRAY_SIZE(serials_)); } while (0)

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

/* ---- damage --------------------------------------------------------------- */

/* Three pages of two events each on CPU 1, and one of CPU 0. */
static int three_pages(const char *codec, uint64_t *ret_offset)
{
	struct dat_chunks chunks;
	struct dat_reader *r;
	struct made m;
	int fd;

	made_begin(&m, codec, 1024);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 1);
	made_cpu(&m, 1);
	for (int i = 0; i < 6; i++) {
		if (i % 2 == 0)
			made_page(&m, 0);
		made_event(&m, 10 + i);
	}
	fd = made_finish(&m);
	made_ok(dat_reader_open_fd(dup(fd), "made.dat", NULL, &r, e));
	made_ok(dat_reader_chunks(r, 0, 1, &chunks, e));
	*ret_offset = chunks.v[0].offset;
	dat_reader_close(r);
	return fd;
}

static void damaged_page_is_skipped(void **state)
{
	static const struct { uint32_t at, value; const char *why; } t[] = {
		{ 8, 2000, "commit past the page" },
		{ 16, 5 << 5 | 20, "data length below 4 or past the commit" },
		{ 32, 5 << 5 | 20, "data length below 4 or past the commit" },
		{ 32, 1 << 5 | 29, "padding length below 4 or past the commit" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct heard heard = { 0 };
		struct notices notices = { hear, &heard };
		struct replay_opts opts = { .notices = &notices };
		struct replay_record rec;
		char want[256];
		uint64_t offset;
		uint8_t word[4];
		int fd = three_pages("none", &offset);

		put_u32(word, t[i].value, false);
		assert_int_equal(pwrite_full(fd, word, 4, offset + 1024 + t[i].at), 0);
		if (i == 3) {		/* the length of the padding */
			put_u32(word, 3, false);
			assert_int_equal(pwrite_full(fd, word, 4, offset + 1024 + t[i].at + 4), 0);
		}
		struct replay *rp = replay_fd(fd, &opts);
		for (uint32_t serial = 0; serial < (t[i].at == 32 ? 4 : 3); serial++) {
			rec = next(rp);
			assert_int_equal(made_serial(rec.data), serial);
			assert_true(rec.lost == 0);
		}
		rec = next(rp);
		assert_int_equal(made_serial(rec.data), 5);
		assert_true(rec.cpu == 1 && rec.lost == RING_LOST_UNKNOWN && rec.first_entry);
		assert_int_equal(made_serial(next(rp).data), 6);
		expect_end(rp);
		assert_true(replay_damage(rp) == 1);
		assert_int_equal(heard.nr, 1);
		snprintf(want, sizeof(want), "CPU 1: sub-buffer at offset 0x%llx: %s",
			 (unsigned long long)offset + 1024, t[i].why);
		if (!strstr(heard.text, want))
			fail_msg("'%s' does not say '%s'", heard.text, want);
		replay_free(rp);
	}
}

static void damaged_chunk_is_skipped(void **state)
{
	enum { EVENTS = 10000 };

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(codecs); i++) {
		struct heard heard = { 0 };
		struct notices notices = { hear, &heard };
		struct replay_opts opts = { .notices = &notices };
		uint32_t n = 0, skipped = 0, serial = 0;
		struct dat_chunks chunks;
		struct replay_record rec;
		struct dat_reader *r;
		struct err err = { 0 };
		uint64_t offset;
		char want[64];
		struct made m;
		int fd;

		made_begin(&m, codecs[i], 1024);
		made_buffer(&m, "");
		made_cpu(&m, 0);
		for (int k = 0; k < EVENTS; k++)
			made_event(&m, k * 1000);
		fd = made_finish(&m);
		made_ok(dat_reader_open_fd(dup(fd), "made.dat", NULL, &r, e));
		made_ok(dat_reader_chunks(r, 0, 0, &chunks, e));
		assert_true(chunks.nr > 10);
		offset = chunks.v[5].offset;
		assert_int_equal(pwrite_full(fd, "\377\377\377\377\377\377\377\377", 8, offset), 0);
		dat_reader_close(r);

		struct replay *rp = replay_fd(fd, &opts);
		while (replay_next(rp, &rec, &err) == 1) {
			if (made_serial(rec.data) != serial) {
				assert_true(!skipped && rec.lost == RING_LOST_UNKNOWN);
				skipped = made_serial(rec.data) - serial;
			} else {
				assert_true(rec.lost == 0);
			}
			serial = made_serial(rec.data) + 1;
			n++;
		}
		assert_int_equal(serial, EVENTS);
		assert_true(skipped && n == EVENTS - skipped);
		assert_true(replay_damage(rp) == 1);
		snprintf(want, sizeof(want), "0x%llx", (unsigned long long)offset - 8);
		if (!strstr(heard.text, "CPU 0: ") || !strstr(heard.text, want))
			fail_msg("'%s' does not name CPU 0 and %s", heard.text, want);
		replay_free(rp);
	}
}

/* A file cut anywhere in its data gives what is before the cut, no more and no less. */
static void cut_file(void **state)
{
	uint64_t offset;
	int fd = three_pages(NULL, &offset);

	(void)state;
	for (uint64_t cut = offset + 3 * 1024; cut-- > offset;) {
		struct heard heard = { 0 };
		struct notices notices = { hear, &heard };
		struct replay_opts opts = { .notices = &notices };
		uint64_t have = cut - offset, in_page = have % 1024, n = have / 1024 * 2;
		bool whole_page = in_page == 0 || in_page >= 16 + 32;

		n += (in_page >= 16 + 16) + (in_page >= 16 + 32);
		assert_int_equal(ftruncate(fd, cut), 0);
		struct replay *rp = replay_fd(dup(fd), &opts);
		assert_true(dat_reader_cut(replay_reader(rp, 0), NULL));
		for (uint64_t i = 0; i <= n; i++)
			assert_int_equal(made_serial(next(rp).data), i);
		expect_end(rp);
		assert_true(replay_damage(rp) == !whole_page);
		assert_int_equal(heard.nr, !whole_page);
		if (!whole_page)
			assert_non_null(strstr(heard.text, in_page < 16 ? "smaller than its header" :
					       "the page is cut off"));
		replay_free(rp);
	}
	close(fd);
}

/* Damage without end is counted, and told only so often. */
static void much_damage(void **state)
{
	enum { PAGES = 500 };
	static const uint8_t commit[4] = { 0xff, 0xff, 0xff, 0x07 };
	struct heard heard = { 0 };
	struct notices notices = { hear, &heard };
	struct replay_opts opts = { .notices = &notices };
	struct dat_chunks chunks;
	struct dat_reader *r;
	struct made m;
	int fd;

	(void)state;
	made_begin(&m, "none", 1024);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	for (int i = 0; i < PAGES; i++) {
		made_page(&m, 0);
		made_event(&m, i);
	}
	fd = made_finish(&m);
	made_ok(dat_reader_open_fd(dup(fd), "made.dat", NULL, &r, e));
	made_ok(dat_reader_chunks(r, 0, 0, &chunks, e));
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(pwrite_full(fd, commit, 4, chunks.v[0].offset + i * 1024 + 8), 0);
	dat_reader_close(r);
	struct replay *rp = replay_fd(fd, &opts);
	expect_end(rp);
	assert_true(replay_damage(rp) == PAGES);
	assert_int_equal(heard.nr, 50);
	assert_non_null(strstr(heard.text, "further damage is counted only"));
	replay_free(rp);
}

/* Opening reads no header information and no data: their damage shows with the
 * first record asked for, and again with the next. */
static void nothing_is_read_early(void **state)
{
	struct replay_record rec;
	struct err err = { 0 };
	struct dat_reader *r;
	uint64_t at = 0;
	struct made m;
	int fd;

	(void)state;
	made_begin(&m, "zstd", 1024);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 1);
	fd = made_finish(&m);
	made_ok(dat_reader_open_fd(dup(fd), "made.dat", NULL, &r, e));
	for (unsigned i = 0; i < dat_reader_nr_sections(r); i++)
		if (dat_reader_section(r, i)->id == DAT_HEADER_INFO)
			at = dat_reader_section(r, i)->body;
	dat_reader_close(r);
	assert_true(at);
	assert_int_equal(pwrite_full(fd, "\377\377\377\377", 4, at + 8), 0);
	struct replay *rp = replay_fd(fd, NULL);
	for (int i = 0; i < 2; i++) {
		struct err again = { 0 };

		assert_int_equal(replay_next(rp, &rec, &again), -EBADMSG);
		assert_non_null(strstr(again.text, "made.dat"));
		if (i)
			assert_string_equal(again.text, err.text);
		err = again;
	}
	assert_int_equal(replay_peek_buffer(rp, 0, 0, &rec, &err), -EBADMSG);
	replay_free(rp);
}

/* A header_page text of another size is told, and the file's number used. */
static void two_page_sizes(void **state)
{
	struct heard heard = { 0 };
	struct notices notices = { hear, &heard };
	struct replay_opts opts = { .notices = &notices };
	struct made m;

	(void)state;
	made_begin_told(&m, "none", 1024, 4096);
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 1);
	made_page(&m, 0);
	made_event(&m, 2);
	struct replay *rp = replay_fd(made_finish(&m), &opts);
	EXPECT_SERIALS(rp, 0, 1);
	assert_string_equal(heard.text, "'made.dat': sub-buffers have 4096 bytes by the header_page text "
			    "and 1024 by the file's header, which is used\n");
	replay_free(rp);
}

static void misuse(void **state)
{
	struct replay_record rec;
	struct dat_reader *r;
	struct err err = { 0 };
	uint64_t offset;
	int fd = three_pages("none", &offset);
	struct replay *rp = replay_of(NULL);

	(void)state;
	assert_int_equal(replay_next(rp, &rec, &err), -EINVAL);
	made_ok(replay_start(rp, e));
	assert_int_equal(replay_start(rp, &err), -EBUSY);
	made_ok(dat_reader_open_fd(fd, "made.dat", NULL, &r, e));
	assert_int_equal(replay_add_file(rp, r, NULL, NULL, &err), -EBUSY);
	expect_end(rp);
	replay_free(rp);
	replay_free(NULL);
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
		struct replay_record rec, want, by_buffer[2], by_cpu[PEEK_CPUS + 1];
		int buffer_rc[2], cpu_rc[PEEK_CPUS + 1];
		struct err e = { 0 };
		uint64_t n = 0;

		for (;;) {
			for (unsigned b = 0; b < 2; b++)
				buffer_rc[b] = replay_peek_buffer(rp, 0, b, &by_buffer[b], &e);
			for (uint32_t cpu = 0; cpu <= PEEK_CPUS; cpu++)
				cpu_rc[cpu] = replay_peek_cpu(rp, 0, cpu == PEEK_CPUS, cpu,
							      &by_cpu[cpu], &e);
			if (n) {	/* still there, with its page */
				assert_true(same_place(&rec, &want));
				assert_ptr_equal(rec.data, rec.page->data + rec.entry.offset + 4);
			}
			if (replay_next(plain, &want, &e) != 1)
				break;
			assert_int_equal(buffer_rc[want.buffer], 1);
			assert_true(same_place(&by_buffer[want.buffer], &want));
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
		cmocka_unit_test(damaged_page_is_skipped),
		cmocka_unit_test(damaged_chunk_is_skipped),
		cmocka_unit_test(cut_file),
		cmocka_unit_test(much_damage),
		cmocka_unit_test(nothing_is_read_early),
		cmocka_unit_test(two_page_sizes),
		cmocka_unit_test(misuse),
		cmocka_unit_test(peeking),
		cmocka_unit_test(span_of_a_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
