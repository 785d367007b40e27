// SPDX-License-Identifier: GPL-2.0-or-later
/* Spools that give back their room: read at every step, with journals torn, spoiled and strange. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <cmocka.h>

#include "dat/codec.h"
#include "record/finish.h"
#include "record/moved.h"
#include "record/pack.h"

#define PAGE 512u
#define CHUNKS 12
#define ALL ((1u << CHUNKS) - 1)
#define NAME "x.cpu3"
#define OUTPUT "x.unfinished"
#define THEN "x"
#define ELSEWHERE "sub/x.unfinished"
#define GAP 8u				/* in front of each payload in the output */

struct fixture {
	char dir[64];
	uint8_t frame[SPOOL_HEADER + CHUNKS * PAGE + SPOOL_ALIGN];
	struct buf told;
	int out;
};

static const struct spool_info info = {
	.session = 0x1122334455667788, .cpu = 3, .page_size = PAGE, .long_size = 8, .clock = "mono",
};
static const struct spool_target target = { .path = OUTPUT, .then = THEN };

static void hear(void *ctx, const char *text)
{
	struct fixture *f = ctx;

	buf_printf(&f->told, "%s\n", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_moved.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chdir(f->dir), 0);
	f->out = open(OUTPUT, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(f->out >= 0);
	*state = f;
	return 0;
}

/* What a test may leave is named here. */
static int tear_down(void **state)
{
	static const char *const names[] = {
		OUTPUT, THEN, NAME, NAME ".1", NAME ".moved", NAME ".1.moved", NAME ".packed",
		ELSEWHERE,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
	rmdir("sub");
	close(f->out);
	buf_release(&f->told);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static uint8_t content(unsigned chunk, size_t i)
{
	return chunk * 31 + i / 7 % 251;
}

static struct spool *make_spool(struct fixture *f, const struct codec *codec, uint64_t limit)
{
	struct spool *s;

	assert_int_equal(spool_create(NAME, &info, codec, limit, &s, NULL), 0);
	for (unsigned c = 0; c < CHUNKS; c++) {
		for (size_t i = 0; i < (c + 1) * PAGE; i++)
			f->frame[SPOOL_HEADER + i] = content(c, i);
		assert_int_equal(spool_append_raw(s, f->frame, (c + 1) * PAGE, 100 + c, 200 + c, NULL), 0);
	}
	return s;
}

/* Where the output has the chunk @i of @s. */
static struct spool_place place(const struct spool *s, size_t i)
{
	struct spool_place p = { .chunk = i, .offset = GAP, .csize = spool_chunk(s, i)->csize };

	for (size_t k = 0; k < i; k++)
		p.offset += GAP + spool_chunk(s, k)->csize;
	return p;
}

/* Puts the chunks @first to @end - 1 into the output. */
static void put(struct fixture *f, const struct spool *s, size_t first, size_t end, struct spool_place *v)
{
	uint8_t data[CHUNKS * PAGE];

	for (size_t i = first; i < end; i++) {
		const struct spool_chunk *c = spool_chunk(s, i);

		v[i - first] = place(s, i);
		assert_int_equal(pread_full(c->fd, data, c->csize, c->offset), 0);
		assert_int_equal(pwrite_full(f->out, data, c->csize, v[i - first].offset), 0);
	}
}

static void move(struct fixture *f, struct spool *s, size_t first, size_t end)
{
	struct spool_place v[CHUNKS];

	put(f, s, first, end, v);
	assert_true(spool_move_begin(s, &target));
	spool_move(s, v, end - first);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : st.st_size;
}

/* A bit for each chunk that is read, whole and right, each once; @missing: how many were told to be. */
static unsigned read_file(struct fixture *f, const char *path, uint64_t *ret_damage, uint64_t *ret_missing)
{
	struct notices n = { .fn = hear, .ctx = f };
	int fd AUTO_CLOSE = open(path, O_RDONLY | O_CLOEXEC), r;
	struct codec_ctx ctx = { 0 };
	struct spool_moved *moved;
	struct spool_reader *reader;
	struct spool_chunk c;
	const uint8_t *payload;
	unsigned found = 0;

	buf_clear(&f->told);
	*ret_missing = 0;
	assert_int_equal(spool_moved_open(path, &n, &moved, NULL), 0);
	assert_int_equal(spool_reader_open(fd, path, moved, &n, &reader, NULL), 0);
	while ((r = spool_reader_next(reader, &c, &payload, NULL)) > 0) {
		uint8_t data[CHUNKS * PAGE];
		const struct codec *codec = spool_reader_codec(reader);

		assert_true(c.seq < CHUNKS && !(found & (1u << c.seq)));
		assert_int_equal(c.usize, (c.seq + 1) * PAGE);
		assert_int_equal(c.first_ts, 100 + c.seq);
		assert_int_equal(c.last_ts, 200 + c.seq);
		assert_int_equal(pread_full(c.fd, data, c.csize, c.offset), 0);
		assert_memory_equal(data, payload, c.csize);
		if (codec)
			assert_int_equal(codec_decompress(codec, &ctx, payload, c.csize, data, c.usize), 0);
		for (size_t i = 0; i < c.usize; i++)
			assert_int_equal(data[i], content(c.seq, i));
		found |= 1u << c.seq;
		*ret_missing += c.missing;
	}
	assert_int_equal(r, 0);
	*ret_damage = spool_reader_damage(reader);
	codec_ctx_release(&ctx);
	spool_reader_close(reader);
	spool_moved_close(moved);
	return found;
}

static void assert_whole(struct fixture *f)
{
	uint64_t damage, missing;

	assert_int_equal(read_file(f, NAME, &damage, &missing), ALL);
	assert_int_equal(damage, 0);
	assert_int_equal(missing, 0);
	assert_int_equal(f->told.len, 0);
}

static const char *told(struct fixture *f)
{
	return f->told.len ? f->told.data : "";
}

/* ---- what is written ------------------------------------------------------------ */

static void test_every_step(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);
	struct spool_place v[CHUNKS];

	for (size_t end = CHUNKS; end; end -= 3) {
		off_t before = size_of(NAME);

		put(f, s, end - 3, end, v);
		assert_whole(f);
		assert_true(spool_move_begin(s, &target));
		assert_int_equal(size_of(NAME), before);
		spool_move(s, v, 3);
		assert_true(size_of(NAME) < before - (off_t)(3 * (end - 2) * PAGE));
		assert_whole(f);
		assert_true(spool_has_moved(s));
	}
	spool_close(s, true);
	assert_int_equal(size_of(NAME), -1);
	assert_int_equal(size_of(NAME ".moved"), -1);
}

/* What the entries tell may be in the spool still: nothing is read twice. */
static void test_killed_before_the_cut(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);
	uint8_t copy[CHUNKS * CHUNKS * 2 * PAGE];
	off_t size = size_of(NAME);
	int fd AUTO_CLOSE = open(NAME, O_RDWR);

	assert_true(size < (off_t)sizeof(copy));
	assert_int_equal(pread_full(fd, copy, size, 0), 0);
	move(f, s, 7, CHUNKS);
	assert_int_equal(pwrite_full(fd, copy, size, 0), 0);
	assert_whole(f);
	spool_close(s, true);
}

static void test_left_out_chunks_stay(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);
	off_t size;

	move(f, s, 9, CHUNKS);
	size = size_of(NAME);
	move(f, s, 5, 8);		/* not 8 itself */
	assert_int_equal(size_of(NAME), size);
	assert_false(spool_move_begin(s, &target));
	assert_whole(f);
	spool_close(s, true);
}

static void test_who_reads_keeps_it(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);
	int fd AUTO_CLOSE = open(NAME, O_RDONLY);

	spool_hold(fd);
	assert_false(spool_move_begin(s, &target));
	assert_false(spool_has_moved(s));
	assert_int_equal(size_of(NAME ".moved"), -1);
	assert_whole(f);
	spool_close(s, true);
}

/* Nothing was moved: the journal says nothing and does not stay. Something was: it stays. */
static void test_what_stays(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);

	assert_true(spool_move_begin(s, &target));
	assert_true(size_of(NAME ".moved") > 0);
	spool_close(s, false);
	assert_int_equal(size_of(NAME ".moved"), -1);
	/* what holds events is nobody's to begin anew */
	assert_int_equal(spool_create(NAME, &info, NULL, 0, &s, NULL), -EEXIST);
	assert_int_equal(truncate(NAME, 0), 0);
	s = make_spool(f, NULL, 0);
	move(f, s, 4, CHUNKS);
	spool_close(s, false);
	assert_whole(f);
	/* The next recording of this name removes it. */
	assert_int_equal(truncate(NAME, 0), 0);
	s = make_spool(f, NULL, 0);
	assert_int_equal(size_of(NAME ".moved"), -1);
	spool_close(s, true);
}

static void test_foreign_file_with_the_journals_name(void **state)
{
	struct fixture *f = *state;
	int fd AUTO_CLOSE = open(NAME ".moved", O_RDWR | O_CREAT, 0600);
	struct spool *s;

	assert_int_equal(write(fd, "mine", 4), 4);
	s = make_spool(f, NULL, 0);
	assert_int_equal(size_of(NAME ".moved"), 4);
	assert_false(spool_move_begin(s, &target));
	spool_close(s, true);
	assert_int_equal(size_of(NAME ".moved"), 4);
}

static void test_final_name(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);
	uint64_t damage, missing;

	move(f, s, 4, CHUNKS);
	assert_int_equal(rename(OUTPUT, THEN), 0);
	assert_whole(f);
	assert_int_equal(unlink(THEN), 0);
	assert_int_equal(read_file(f, NAME, &damage, &missing), 0xf);
	assert_non_null(strstr(told(f), "8 chunks were moved into '" OUTPUT "', which cannot be read"));
	spool_close(s, true);
}

/* In another directory it is named by its whole path: the spool may be moved then. */
static void test_output_elsewhere(void **state)
{
	const struct spool_target there = { .path = ELSEWHERE, .then = THEN };
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 0);
	struct spool_place v[CHUNKS];

	assert_int_equal(mkdir("sub", 0700), 0);
	put(f, s, 6, CHUNKS, v);
	assert_int_equal(rename(OUTPUT, ELSEWHERE), 0);
	assert_true(spool_move_begin(s, &there));
	spool_move(s, v, CHUNKS - 6);
	assert_whole(f);
	spool_close(s, true);
}

static void test_two_files(void **state)
{
	struct fixture *f = *state;
	struct spool *s = make_spool(f, NULL, 70 * PAGE);
	size_t nr = spool_nr_chunks(s);
	unsigned all = ALL & ~((1u << (CHUNKS - nr)) - 1);
	struct spool_place v[CHUNKS];
	uint64_t damage, missing;

	assert_true(nr > 4 && nr < CHUNKS);
	put(f, s, 1, nr, v);		/* of both */
	assert_true(spool_move_begin(s, &target));
	spool_move(s, v, nr - 1);
	assert_int_equal(read_file(f, NAME, &damage, &missing) | read_file(f, NAME ".1", &damage, &missing), all);
	assert_true(size_of(NAME) < (off_t)(SPOOL_HEADER * 4) || size_of(NAME ".1") < (off_t)(SPOOL_HEADER * 4));
	assert_true(spool_move_begin(s, &target));
	spool_close(s, true);
	assert_int_equal(size_of(NAME ".1.moved"), -1);
}

static void test_stash(void **state)
{
	struct fixture *f = *state;
	const struct codec *codec;
	struct spool *s;
	off_t before;

	assert_int_equal(codec_choose("any", &codec, NULL), 0);
	s = make_spool(f, codec, 0);
	before = size_of(NAME);
	assert_int_equal(pack_spool(codec, s, true, NULL), 0);
	assert_true(size_of(NAME) < before / 8 && size_of(NAME ".packed") > 0);
	for (size_t i = 0; i < CHUNKS; i++)
		assert_false(spool_chunk(s, i)->raw);
	assert_whole(f);
	spool_close(s, false);
	assert_whole(f);
	assert_int_equal(unlink(NAME ".packed"), 0);
}

/* ---- what is read ---------------------------------------------------------------- */

/* A journal in memory, to be changed and written again. */
struct journal {
	uint8_t data[4096];
	size_t len, entries;		/* where those begin */
};

static struct spool *make_journal(struct fixture *f, size_t first, struct journal *j)
{
	struct spool *s = make_spool(f, NULL, 0);
	int fd AUTO_CLOSE = -1;

	move(f, s, first, CHUNKS);
	fd = open(NAME ".moved", O_RDONLY);
	j->len = size_of(NAME ".moved");
	j->entries = j->len - (CHUNKS - first) * MOVED_ENTRY;
	assert_true(j->len <= sizeof(j->data));
	assert_int_equal(pread_full(fd, j->data, j->len, 0), 0);
	return s;
}

static void write_journal(const struct journal *j, size_t len)
{
	int fd AUTO_CLOSE = open(NAME ".moved", O_WRONLY | O_TRUNC);

	assert_int_equal(write_full(fd, j->data, len), 0);
}

/* Cut at each byte: what its whole entries tell, and no more. */
static void test_torn_journal(void **state)
{
	struct fixture *f = *state;
	struct journal j;
	struct spool *s = make_journal(f, 6, &j);

	for (size_t len = 0; len <= j.len; len++) {
		size_t whole = len < j.entries ? 0 : (len - j.entries) / MOVED_ENTRY;
		uint64_t damage, missing;

		write_journal(&j, len);
		assert_int_equal(read_file(f, NAME, &damage, &missing), (1u << (6 + whole)) - 1);
		assert_int_equal(damage, 0);
		if (len < j.entries - 8)
			assert_non_null(strstr(told(f), "left out"));
	}
	spool_close(s, true);
}

/* Each byte in turn: never anything but right chunks. */
static void test_spoiled_journal(void **state)
{
	struct fixture *f = *state;
	struct journal j;
	struct spool *s = make_journal(f, 6, &j);

	for (size_t i = 0; i < j.len; i++) {
		uint64_t damage, missing;
		unsigned found;

		j.data[i] ^= 0x5a;
		write_journal(&j, j.len);
		found = read_file(f, NAME, &damage, &missing);
		j.data[i] ^= 0x5a;
		if (i >= j.entries)
			assert_int_equal(found, ALL & ~(1u << (6 + (i - j.entries) / MOVED_ENTRY)));
		else
			assert_true(found == 0x3f || found == ALL);	/* the padding is nobody's */
	}
	spool_close(s, true);
}

static void right_entry(uint8_t *entry)
{
	put_u64(entry + 80, XXH3_64bits(entry, 80), false);
}

static void right_header(struct journal *j, size_t names)
{
	put_u64(j->data + 24, XXH3_64bits_withSeed(j->data + 32, names, XXH3_64bits(j->data, 24)), false);
}

/* The first moved chunk's entry is changed, its check is right: that one is told and left out. */
static void test_hostile_entries(void **state)
{
	static const struct { unsigned at; uint64_t value; const char *words; } cases[] = {
		{ 0, UINT64_MAX, "reaches past the end" },		/* its place */
		{ 0, UINT64_MAX - 100, "reaches past the end" },
		{ 0, 1u << 20, "reaches past the end" },
		{ 0, 0, "does not fit its checksum" },
		{ 56, UINT32_MAX | 7ull * PAGE << 32, "reaches past the end" },	/* csize, usize */
		{ 56, 7 * PAGE | 8ull * PAGE << 32, "two different sizes" },
		{ 8, 2 | 2 << 16, "unknown version" },
		{ 8, 1 | 1 << 16, "does not fit its checksum" },	/* an INFO chunk */
		{ 8, 1 | 3 << 16, "unknown kind" },
		{ 16, 3 | 3ull << 32, "impossible sub-buffer size" },
		{ 16, UINT32_MAX | (uint64_t)PAGE << 32, "impossible CPU number" },
	};
	struct fixture *f = *state;
	struct journal j, changed;
	struct spool *s = make_journal(f, 6, &j);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t damage, missing;
		uint8_t *entry;

		changed = j;
		entry = changed.data + j.entries;
		put_u64(entry + cases[i].at, cases[i].value, false);
		right_entry(entry);
		write_journal(&changed, j.len);
		assert_int_equal(read_file(f, NAME, &damage, &missing), ALL & ~(1u << 6));
		assert_non_null(strstr(told(f), cases[i].words));
		assert_non_null(strstr(told(f), "moved to offset"));
		assert_true(damage > 0);
		assert_int_equal(missing, 1);
	}
	spool_close(s, true);
}

static void test_hostile_names(void **state)
{
	static const struct { const char *names; size_t len; const char *words; } cases[] = {
		{ "", 0, "no two names" }, { "a", 2, "no two names" }, { "a\0b", 3, "no two names" },
		{ "\0b", 3, "no two names" }, { "a\0\0", 3, "no two names" }, { "a\0b\0c", 6, "no two names" },
		{ "sub/a\0b", 8, "cannot be meant" }, { "a\0../b", 7, "cannot be meant" },
		{ "/dev/null\0null", 15, "which cannot be read" }, { ".\0.", 4, "which cannot be read" },
		{ "gone\0gone", 10, "which cannot be read" },
	};
	struct fixture *f = *state;
	struct journal j, changed;
	struct spool *s = make_journal(f, 6, &j);
	uint64_t damage, missing;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t at = (MOVED_HEADER + cases[i].len + 7) & ~7u, entries = j.len - j.entries;

		changed = j;
		put_u32(changed.data + 12, cases[i].len, false);
		memset(changed.data + MOVED_HEADER, 0, at - MOVED_HEADER);
		memcpy(changed.data + MOVED_HEADER, cases[i].names, cases[i].len);
		memcpy(changed.data + at, j.data + j.entries, entries);
		right_header(&changed, cases[i].len);
		write_journal(&changed, at + entries);
		assert_int_equal(read_file(f, NAME, &damage, &missing), 0x3f);
		assert_non_null(strstr(told(f), cases[i].words));
	}
	changed = j;
	put_u64(changed.data + 16, 1, false);
	right_header(&changed, get_u32(j.data + 12, false));
	write_journal(&changed, j.len);
	assert_int_equal(read_file(f, NAME, &damage, &missing), 0x3f);
	assert_non_null(strstr(told(f), "is of another recording"));
	changed = j;
	put_u32(changed.data + 12, UINT32_MAX, false);
	write_journal(&changed, j.len);
	assert_int_equal(read_file(f, NAME, &damage, &missing), 0x3f);
	assert_non_null(strstr(told(f), "names that reach past its end"));
	spool_close(s, true);
}

/* Without its beginning a spool is known by what was moved. */
static void test_all_that_is_left_was_moved(void **state)
{
	struct fixture *f = *state;
	struct journal j;
	struct spool *s = make_journal(f, 0, &j);
	int fd AUTO_CLOSE = open(NAME, O_RDWR);
	uint64_t damage, missing;

	assert_int_equal(pwrite_full(fd, "?", 1, SPOOL_HEADER + 3), 0);
	assert_int_equal(read_file(f, NAME, &damage, &missing), ALL);
	assert_true(damage > 0);
	spool_close(s, true);
}

static void test_probe(void **state)
{
	struct fixture *f = *state;
	struct journal j;
	struct spool *s = make_journal(f, 6, &j);
	int spool AUTO_CLOSE = open(NAME, O_RDONLY), journal AUTO_CLOSE = open(NAME ".moved", O_RDONLY);

	assert_true(spool_moved_probe(journal));
	assert_false(spool_moved_probe(spool));
	assert_false(spool_moved_probe(f->out));
	assert_false(spool_probe(journal));
	spool_close(s, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_step, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_before_the_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_left_out_chunks_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_reads_keeps_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_file_with_the_journals_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_final_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_output_elsewhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spoiled_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_entries, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_that_is_left_was_moved, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_probe, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
