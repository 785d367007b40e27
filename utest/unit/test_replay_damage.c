// SPDX-License-Identifier: GPL-2.0-or-later
/* Replay of damaged and cut files, and of what a caller may do wrong. */
#include <sys/stat.h>

#include "made_replay.h"

static const char *const codecs[] = { "zstd", "lz4", "zlib" };

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
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
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
	assert_int_equal(replay_peek_cpu(rp, 0, 0, 0, &rec, &err), -EBADMSG);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_page_is_skipped),
		cmocka_unit_test(damaged_chunk_is_skipped),
		cmocka_unit_test(cut_file),
		cmocka_unit_test(much_damage),
		cmocka_unit_test(nothing_is_read_early),
		cmocka_unit_test(two_page_sizes),
		cmocka_unit_test(misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
