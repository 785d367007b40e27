// SPDX-License-Identifier: GPL-2.0-or-later
/* Spools: written and read back, each field spoiled, torn at every byte, limited. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "record/spool.h"
#include "record/spool_layout.h"

#define PAGE 512u
#define CHUNKS 4

struct fixture {
	char dir[64], path[128];
	uint8_t frame[SPOOL_HEADER + 4 * PAGE + SPOOL_ALIGN];
	struct buf told;		/* notices, one a line */
};

static void hear(void *ctx, const char *text)
{
	struct fixture *f = ctx;

	buf_printf(&f->told, "%s\n", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_spool.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/x.cpu3", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char second[160];

	snprintf(second, sizeof(second), "%s.1", f->path);
	unlink(f->path);
	unlink(second);
	assert_int_equal(rmdir(f->dir), 0);
	buf_release(&f->told);
	free(f);
	return 0;
}

static const struct spool_info info = {
	.session = 0x1122334455667788, .cpu = 3, .page_size = PAGE, .long_size = 8,
	.instance = "one", .clock = "mono", .uname = "Linux here 6.1 x86_64",
	.version = "tracecmd test", .cpus = 8,
};

static uint8_t content(unsigned chunk, size_t i)
{
	return chunk * 31 + i % 251;
}

static void append(struct fixture *f, struct spool *s, unsigned chunk, unsigned pages)
{
	for (size_t i = 0; i < pages * PAGE; i++)
		f->frame[SPOOL_HEADER + i] = content(chunk, i);
	assert_int_equal(spool_append(s, f->frame, pages * PAGE, pages * PAGE, 100 + chunk,
				      200 + chunk, NULL), 0);
}

/* CHUNKS raw chunks of 1, 2, 3 ... sub-buffers. */
static void make_spool(struct fixture *f)
{
	struct spool *s;

	unlink(f->path);
	assert_int_equal(spool_create(f->path, &info, NULL, 0, &s, NULL), 0);
	for (unsigned i = 0; i < CHUNKS; i++)
		append(f, s, i, i + 1);
	assert_int_equal(spool_nr_chunks(s), CHUNKS);
	spool_close(s, false);
}

/* Where the INFO chunk ends, without padding. */
static uint64_t info_end(void)
{
	struct buf text AUTO_BUF = { 0 };

	buf_printf(&text, "instance=one%cclock=mono%ccpus=8%cuname=%s%ctracecmd=%s%c", 0, 0, 0,
		   info.uname, 0, info.version, 0);
	return SPOOL_HEADER + text.len;
}

static uint64_t chunk_at(unsigned chunk)
{
	uint64_t at = spool_align(info_end());

	for (unsigned i = 0; i < chunk; i++)
		at += spool_align(SPOOL_HEADER + (i + 1) * PAGE);
	return at;
}

/* Reads the file: a bit for each chunk found whole and right. */
static unsigned read_chunks(struct fixture *f, int fd, uint64_t *ret_damage)
{
	struct notices n = { .fn = hear, .ctx = f };
	struct spool_reader *r;
	struct spool_chunk c;
	const uint8_t *payload;
	unsigned found = 0;

	buf_clear(&f->told);
	*ret_damage = UINT64_MAX;
	if (spool_reader_open(fd, "x", NULL, &n, &r, NULL))
		return 0;
	while (spool_reader_next(r, &c, &payload, NULL) > 0) {
		assert_true(c.seq < CHUNKS);
		assert_false(found & (1u << c.seq));
		assert_int_equal(c.usize, (c.seq + 1) * PAGE);
		assert_int_equal(c.csize, c.usize);
		assert_int_equal(c.first_ts, 100 + c.seq);
		assert_int_equal(c.last_ts, 200 + c.seq);
		for (size_t i = 0; i < c.usize; i++)
			assert_int_equal(payload[i], content(c.seq, i));
		found |= 1u << c.seq;
	}
	*ret_damage = spool_reader_damage(r);
	spool_reader_close(r);
	return found;
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	const struct spool_info *got;
	struct spool_reader *r;
	uint64_t damage;
	int fd;

	make_spool(f);
	fd = open(f->path, O_RDONLY);
	assert_true(spool_probe(fd));
	assert_int_equal(read_chunks(f, fd, &damage), 0xf);
	assert_int_equal(damage, 0);
	assert_int_equal(f->told.len, 0);
	assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, NULL), 0);
	got = spool_reader_info(r);
	assert_int_equal(got->session, info.session);
	assert_int_equal(got->cpu, 3);
	assert_int_equal(got->page_size, PAGE);
	assert_int_equal(got->long_size, 8);
	assert_false(got->big_endian);
	assert_string_equal(got->instance, "one");
	assert_string_equal(got->clock, "mono");
	assert_string_equal(got->uname, info.uname);
	assert_string_equal(got->version, info.version);
	assert_int_equal(got->cpus, 8);
	spool_reader_close(r);
	close(fd);
}

static void test_foreign_machine(void **state)
{
	struct fixture *f = *state;
	struct spool_info foreign = info;
	struct spool_reader *r;
	struct spool *s;
	int fd;

	foreign.big_endian = true;
	foreign.long_size = 4;
	foreign.instance = "";
	assert_int_equal(spool_create(f->path, &foreign, NULL, 0, &s, NULL), 0);
	spool_close(s, false);
	fd = open(f->path, O_RDONLY);
	assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, NULL), 0);
	assert_true(spool_reader_info(r)->big_endian);
	assert_int_equal(spool_reader_info(r)->long_size, 4);
	assert_null(spool_reader_info(r)->instance);
	spool_reader_close(r);
	close(fd);
}

static void test_compressed(void **state)
{
	struct fixture *f = *state;
	const struct codec *codec = codec_find("zstd");
	struct codec_ctx ctx = { 0 };
	uint8_t pages[2 * PAGE] = "much of the same", back[2 * PAGE];
	struct spool_reader *r;
	struct spool_chunk c;
	const uint8_t *payload;
	struct spool *s;
	size_t csize;
	int fd;

	assert_int_equal(spool_create(f->path, &info, codec, 0, &s, NULL), 0);
	assert_int_equal(codec_compress(codec, &ctx, pages, sizeof(pages), f->frame + SPOOL_HEADER,
					4 * PAGE, &csize), 0);
	assert_int_equal(spool_append(s, f->frame, csize, sizeof(pages), 1, 2, NULL), 0);
	assert_int_equal(spool_chunk(s, 0)->csize, csize);
	spool_close(s, false);
	fd = open(f->path, O_RDONLY);
	assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, NULL), 0);
	assert_int_equal(spool_reader_next(r, &c, &payload, NULL), 1);
	assert_ptr_equal(spool_reader_codec(r), codec);
	assert_int_equal(codec_decompress(codec, &ctx, payload, c.csize, back, c.usize), 0);
	assert_memory_equal(back, pages, sizeof(pages));
	spool_reader_close(r);
	codec_ctx_release(&ctx);
	close(fd);
}

/* Whatever byte the file ends at: all chunks before it, and a word about the rest. */
static void test_torn(void **state)
{
	struct fixture *f = *state;
	int fd;
	struct stat st;

	make_spool(f);
	fd = open(f->path, O_RDWR);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t len = st.st_size - 1; len >= 0; len--) {
		unsigned whole = 0, want = 0;
		uint64_t damage, good = 0;

		assert_int_equal(ftruncate(fd, len), 0);
		for (unsigned i = 0; i < CHUNKS; i++)
			if (chunk_at(i) + SPOOL_HEADER + (i + 1) * PAGE <= (uint64_t)len)
				whole = i + 1;
		for (unsigned i = 0; i < whole; i++)
			want |= 1u << i;
		assert_int_equal(read_chunks(f, fd, &damage), want);
		if ((uint64_t)len < info_end()) {
			assert_int_equal(damage, UINT64_MAX);
			continue;
		}
		good = whole ? chunk_at(whole) : chunk_at(0);
		if ((uint64_t)len <= good) {
			assert_int_equal(damage, 0);
		} else {
			assert_int_equal(damage, len - good);
			assert_non_null(strstr(f->told.data, "the chunk at offset"));
		}
	}
	close(fd);
}

/* Spoils one field of chunk 1; with the check made to fit again if @fix. */
static void spoil(struct fixture *f, size_t at, const void *bytes, size_t len, bool fix,
		  const char *why)
{
	uint8_t chunk[SPOOL_HEADER + 2 * PAGE];
	uint64_t damage;
	char want[200];
	int fd;

	make_spool(f);
	fd = open(f->path, O_RDWR);
	assert_int_equal(pread_full(fd, chunk, sizeof(chunk), chunk_at(1)), 0);
	memcpy(chunk + at, bytes, len);
	if (fix)
		put_u64(chunk + SPOOL_CHECK_AT, spool_check(chunk, chunk + SPOOL_HEADER,
							   get_u32(chunk + 56, false)), false);
	assert_int_equal(pwrite_full(fd, chunk, sizeof(chunk), chunk_at(1)), 0);
	assert_int_equal(read_chunks(f, fd, &damage), 0xd);
	assert_int_equal(damage, chunk_at(2) - chunk_at(1));
	snprintf(want, sizeof(want), "the chunk at offset 0x%llx %s;",
		 (unsigned long long)chunk_at(1), why);
	if (!strstr(f->told.data, want))
		fail_msg("wanted '%s', told '%s'", want, f->told.data);
	close(fd);
}

static void test_spoiled_fields(void **state)
{
	struct fixture *f = *state;
	static const uint8_t zeros[8], ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	static const uint8_t one[4] = { 1 }, page_600[4] = { 0x58, 2 }, less[4] = { 0xff, 3 };

	spoil(f, 0, "X", 1, true, "does not begin with a chunk's magic");
	spoil(f, 8, ones, 2, true, "has an unknown version");
	spoil(f, 10, ones, 2, true, "is of an unknown kind");
	spoil(f, 12, one, 4, true, "has other sub-buffers than the file's beginning");
	spoil(f, 16, ones, 4, true, "has an impossible CPU number");
	spoil(f, 16, zeros, 4, true, "belongs to another CPU");
	spoil(f, 20, zeros, 4, true, "has an impossible sub-buffer size");
	spoil(f, 20, page_600, 4, true, "has an impossible sub-buffer size");
	spoil(f, 20, ones, 4, true, "has an impossible sub-buffer size");
	spoil(f, 24, zeros, 8, true, "repeats a sequence number");
	spoil(f, 48, "lzma", 4, true, "is compressed by a codec unknown here");
	spoil(f, 56, ones, 4, false, "reaches past the end of the file");
	spoil(f, 56, less, 4, true, "is stored raw, with two different sizes");
	spoil(f, 60, zeros, 4, true, "is stored raw, with two different sizes");
	spoil(f, 60, ones, 4, true, "is too large decompressed");
	spoil(f, 64, zeros, 8, true, "belongs to another recording");
	spoil(f, 72, zeros, 8, false, "does not fit its checksum");
	spoil(f, SPOOL_HEADER + 77, "X", 1, false, "does not fit its checksum");
}

static void test_odd_size(void **state)
{
	struct fixture *f = *state;
	uint8_t sizes[8] = { 0xff, 3, 0, 0, 0xff, 3, 0, 0 };

	spoil(f, 56, sizes, 8, true, "does not hold whole sub-buffers");
	memset(sizes, 0, sizeof(sizes));
	spoil(f, 56, sizes, 8, true, "does not hold whole sub-buffers");
}

/* A chunk is gone without a trace: what is behind it says so, and so does a notice. */
static void test_missing_chunk(void **state)
{
	struct fixture *f = *state;
	struct notices n = { .fn = hear, .ctx = f };
	const uint64_t want[] = { 0, 1, 0 };
	uint8_t rest[2 * (SPOOL_HEADER + CHUNKS * PAGE)];
	uint64_t at = chunk_at(1), len = chunk_at(CHUNKS) - chunk_at(2);
	struct spool_reader *r;
	struct spool_chunk c;
	const uint8_t *payload;
	char told[80];
	int fd;

	make_spool(f);
	fd = open(f->path, O_RDWR);
	assert_int_equal(pread_full(fd, rest, len, chunk_at(2)), 0);
	assert_int_equal(pwrite_full(fd, rest, len, at), 0);
	assert_int_equal(ftruncate(fd, at + len), 0);
	assert_int_equal(spool_reader_open(fd, "x", NULL, &n, &r, NULL), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(spool_reader_next(r, &c, &payload, NULL), 1);
		assert_int_equal(c.missing, want[i]);
	}
	assert_int_equal(spool_reader_next(r, &c, &payload, NULL), 0);
	assert_int_equal(spool_reader_damage(r), 0);
	spool_reader_close(r);
	snprintf(told, sizeof(told), "spool 'x': 1 chunk is missing before that at offset 0x%llx\n",
		 (unsigned long long)at);
	assert_string_equal(f->told.data, told);
	close(fd);
}

/* Another file came before: its end tells where this one should begin. */
static void test_expected_chunk(void **state)
{
	struct fixture *f = *state;
	const struct spool_info *got;
	struct spool_reader *r;
	struct spool_chunk c;
	const uint8_t *payload;
	int fd;

	make_spool(f);
	fd = open(f->path, O_RDWR);
	/* Its description and the first two chunks are damaged. */
	assert_int_equal(pwrite_full(fd, "X", 1, 90), 0);
	assert_int_equal(pwrite_full(fd, "X", 1, chunk_at(0)), 0);
	assert_int_equal(pwrite_full(fd, "X", 1, chunk_at(1)), 0);
	for (unsigned expected = 0; expected <= 2; expected++) {
		assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, NULL), 0);
		got = spool_reader_info(r);
		assert_false(got->described);
		spool_reader_expect(r, expected);
		assert_int_equal(spool_reader_next(r, &c, &payload, NULL), 1);
		assert_int_equal(c.seq, 2);
		assert_int_equal(c.missing, 2 - expected);
		spool_reader_close(r);
	}
	close(fd);
}

/* The file's description is lost: chunk headers still tell what they can. */
static void test_lost_description(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *r;
	uint64_t damage;
	int fd;

	make_spool(f);
	fd = open(f->path, O_RDWR);
	assert_int_equal(pwrite_full(fd, "X", 1, 90), 0);
	assert_int_equal(read_chunks(f, fd, &damage), 0xf);
	assert_int_equal(damage, chunk_at(0));
	assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, NULL), 0);
	assert_int_equal(spool_reader_info(r)->cpu, 3);
	assert_int_equal(spool_reader_info(r)->session, info.session);
	assert_null(spool_reader_info(r)->clock);
	spool_reader_close(r);
	close(fd);
}

static void test_not_a_spool(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *r;
	struct err e = { 0 };
	int fd = open(f->path, O_RDWR | O_CREAT, 0600);

	assert_false(spool_probe(fd));
	assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, &e), -EBADMSG);
	assert_string_equal(e.text, "spool 'x' holds no whole chunk");
	close(fd);
}

/* Headers on end that each claim the rest of the file end in time. */
static void test_hostile_headers(void **state)
{
	struct fixture *f = *state;
	struct spool_reader *r;
	size_t len = 2u << 20;
	uint8_t *file = calloc(1, len);
	int fd = open(f->path, O_RDWR | O_CREAT, 0600);

	for (size_t at = 0; at + SPOOL_HEADER <= len; at += SPOOL_ALIGN * 5) {
		struct spool_header h = {
			.version = 1, .kind = SPOOL_DATA, .page_size = PAGE,
		};
		uint32_t rest = (len - at - SPOOL_HEADER) / PAGE * PAGE;

		spool_header_encode(&h, "", file + at);
		put_u32(file + at + 56, rest, false);
		put_u32(file + at + 60, rest, false);
	}
	assert_int_equal(pwrite_full(fd, file, len, 0), 0);
	assert_int_equal(spool_reader_open(fd, "x", NULL, NULL, &r, NULL), -EBADMSG);
	free(file);
	close(fd);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	uint64_t limit = 20 * (SPOOL_HEADER + PAGE);
	struct spool *s;
	uint64_t first;

	assert_int_equal(spool_create(f->path, &info, NULL, limit, &s, NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		append(f, s, i, 1);
		assert_true(spool_disk_bytes(s) <= limit);
	}
	assert_int_equal(spool_chunk(s, 0)->seq + spool_nr_chunks(s), 100);
	assert_in_range(spool_dropped(s), limit, 100 * limit);
	assert_in_range(spool_nr_chunks(s), 8, 20);
	first = spool_chunk(s, 0)->seq;
	for (size_t i = 0; i < spool_nr_chunks(s); i++) {
		const struct spool_chunk *c = spool_chunk(s, i);
		uint8_t page[PAGE];

		assert_int_equal(c->seq, first + i);
		assert_int_equal(pread_full(c->fd, page, PAGE, c->offset), 0);
		assert_int_equal(page[5], content(c->seq, 5));
	}
	assert_int_equal(first + spool_nr_chunks(s), 100);
	spool_close(s, true);
	assert_int_equal(access(f->path, F_OK), -1);
}

/* A chunk larger than half the limit is kept all the same: better one than none. */
static void test_limit_small(void **state)
{
	struct fixture *f = *state;
	struct spool *s;

	assert_int_equal(spool_create(f->path, &info, NULL, 1, &s, NULL), 0);
	for (unsigned i = 0; i < 5; i++)
		append(f, s, i, 2);
	assert_in_range(spool_nr_chunks(s), 1, 2);
	assert_int_equal(spool_chunk(s, spool_nr_chunks(s) - 1)->seq, 4);
	spool_close(s, true);
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	struct spool *s;
	uint64_t damage;
	int fd;

	if (access("/dev/full", W_OK))
		fail_msg("this machine has no /dev/full");
	assert_int_equal(spool_create(f->path, &info, NULL, 0, &s, NULL), 0);
	append(f, s, 0, 1);
	/* The descriptor leads to a full device from here on. */
	fd = open("/dev/full", O_RDWR);
	assert_int_equal(dup2(fd, spool_chunk(s, 0)->fd), spool_chunk(s, 0)->fd);
	close(fd);
	assert_int_equal(spool_append(s, f->frame, PAGE, PAGE, 1, 2, &e), -ENOSPC);
	assert_non_null(strstr(e.text, "cannot write to spool"));
	assert_non_null(strstr(e.text, "No space left on device"));
	assert_int_equal(spool_nr_chunks(s), 1);
	spool_close(s, false);
	fd = open(f->path, O_RDONLY);
	assert_int_equal(read_chunks(f, fd, &damage), 1);
	assert_int_equal(damage, 0);
	close(fd);
}

static void test_no_directory(void **state)
{
	struct err e = { 0 };
	struct spool *s;

	(void)state;
	assert_int_equal(spool_create("/nonexistent/x.cpu0", &info, NULL, 0, &s, &e), -ENOENT);
	assert_string_equal(e.text, "cannot create '/nonexistent/x.cpu0': No such file or "
			    "directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_machine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_compressed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spoiled_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_chunk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_expected_chunk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost_description, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_spool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_headers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limit_small, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_directory, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
