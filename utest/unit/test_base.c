// SPDX-License-Identifier: GPL-2.0-or-later
/* The promises of lib/base/base.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/base.h"

/* ---- errors ------------------------------------------------------------- */

static void err_chain_reads_from_the_outside_in(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_set(&e, -EBADMSG, "claims %d bytes", 9), -EBADMSG);
	assert_int_equal(err_wrap(&e, "chunk %d", 17), -EBADMSG);
	assert_int_equal(err_wrap(&e, "cannot report '%s'", "trace.dat"), -EBADMSG);
	assert_int_equal(err_hint(&e, "try %s", "dump"), -EBADMSG);
	assert_string_equal(e.text, "cannot report 'trace.dat': chunk 17: claims 9 bytes; try dump");
	assert_int_equal(e.code, -EBADMSG);
}

static void err_errno_adds_the_reason(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_errno(&e, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
	assert_string_equal(e.text, "cannot open 'x': No such file or directory");
}

static void err_set_starts_anew(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, -ENOENT, "a long first text");
	err_set(&e, -EPERM, "b");
	assert_string_equal(e.text, "b");
	assert_int_equal(e.code, -EPERM);
}

static void err_without_a_place_keeps_the_code(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -ENOSPC, "x"), -ENOSPC);
	assert_int_equal(err_errno(NULL, -ENOSPC, "x"), -ENOSPC);
	assert_true(err_wrap(NULL, "x") < 0);
	assert_true(err_hint(NULL, "x") < 0);
}

static void err_never_reports_success(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_set(&e, 0, "a failure whose code is 0"), -EIO);
	assert_int_equal(e.code, -EIO);
	assert_int_equal(err_set(&e, 5, "a positive code"), -EIO);
}

static void err_text_is_cut_not_overrun(void **state)
{
	struct { struct err e; char guard[16]; } s;
	char big[3 * ERR_TEXT_MAX];

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(s.guard, 'g', sizeof(s.guard));
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	err_errno(&s.e, -ENOENT, "%s", big);
	assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
	err_wrap(&s.e, "%s", big);
	assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
	err_hint(&s.e, "%s", big);
	assert_int_equal(strlen(s.e.text), ERR_TEXT_MAX - 1);
	err_set(&s.e, -ENOENT, "short");
	err_wrap(&s.e, "%s", "outer");
	assert_string_equal(s.e.text, "outer: short");
	for (unsigned i = 0; i < sizeof(s.guard); i++)
		assert_int_equal(s.guard[i], 'g');
}

static void keep_notice(void *ctx, const char *text)
{
	snprintf(ctx, 64, "%s", text);
}

static void notices_reach_their_taker(void **state)
{
	char got[64] = "";
	struct notices n = { .fn = keep_notice, .ctx = got };
	struct notices none = { 0 };

	(void)state;
	notice(&n, "CPU %d: %s", 3, "damaged");
	assert_string_equal(got, "CPU 3: damaged");
	notice(&none, "dropped");
	notice(NULL, "dropped");
	assert_string_equal(got, "CPU 3: damaged");
}

/* ---- vectors and bytes --------------------------------------------------- */

static void vec_grows_and_keeps(void **state)
{
	VEC(uint64_t) v = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(vec_push(&v, i * i), 0);
	assert_int_equal(v.nr, 10000);
	for (uint64_t i = 0; i < v.nr; i++)
		assert_int_equal(v.v[i], i * i);
	vec_release(&v);
	assert_null(v.v);
	assert_int_equal(v.nr, 0);
	assert_int_equal(vec_push(&v, 7), 0);
	assert_int_equal(v.v[0], 7);
	vec_release(&v);
}

static void vec_refuses_what_cannot_be_counted(void **state)
{
	void *p = NULL;
	size_t cap = 0;

	(void)state;
	assert_int_equal(vec_grow(&p, &cap, SIZE_MAX, 8), -ENOMEM);
	assert_int_equal(vec_grow(&p, &cap, SIZE_MAX / 4, 64), -ENOMEM);
	assert_null(p);
	assert_int_equal(cap, 0);
}

static void buf_is_always_terminated(void **state)
{
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	buf_puts(&b, "abc");
	assert_string_equal(b.data, "abc");
	buf_printf(&b, "%d-%s", 42, "x");
	assert_string_equal(b.data, "abc42-x");
	assert_int_equal(b.len, 7);
	buf_fill(&b, '.', 3);
	assert_string_equal(b.data, "abc42-x...");
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_str(&b, "n");
	buf_puts(&b, "m");
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "n\0m", 4);
	buf_put(&b, NULL, 0);
	assert_int_equal(b.len, 3);
}

/* Numbers at and beside every power of two and ten. */
static unsigned some_numbers(uint64_t *v)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < 64; i++)
		for (int d = -1; d <= 1; d++)
			v[nr++] = (1ull << i) + d;
	for (uint64_t p = 1; nr < 64 * 3 + 20 * 3; p *= 10)
		for (int d = -1; d <= 1; d++)
			v[nr++] = p + d;
	return nr;
}

#define assert_put(end, ...) do { \
	snprintf(want, sizeof(want), __VA_ARGS__); \
	*(end) = 0; \
	assert_string_equal(text, want); \
} while (0)

static void numbers_are_those_of_printf(void **state)
{
	uint64_t v[64 * 3 + 20 * 3];
	unsigned nr = some_numbers(v);
	char text[64], want[128];
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < nr; i++) {
		unsigned long long n = v[i];

		assert_put(put_dec(text, n), "%llu", n);
		assert_put(put_signed(text, n), "%lld", (long long)n);
		assert_put(put_hex(text, n), "%llx", n);
		assert_put(put_0x(text, n), "0x%llx", n);
		for (int width = 0; width < 24; width += 3) {
			assert_put(put_dec_to(text, n, width, ' '), "%*llu", width, n);
			assert_put(put_dec_to(text, n, width, '0'), "%0*llu", width, n);
			assert_put(put_signed_left(text, n, width), "%-*lld", width, (long long)n);
		}
		assert_put(put_digits(text, n % 1000000, 6), "%06llu", n % 1000000);
		assert_put(put_digits(text, n % 1000, 3), "%03llu", n % 1000);
		assert_put(put_hex_digits(text, n & 0xfff, 3), "%03llx", n & 0xfff);
		buf_clear(&b);
		assert_int_equal(buf_dec(&b, n) | buf_signed(&b, n) | buf_hex(&b, n) | buf_0x(&b, n), 0);
		snprintf(want, sizeof(want), "%llu%lld%llx0x%llx", n, (long long)n, n, n);
		assert_string_equal(b.data, want);
	}
}

static void room_is_counted_when_it_was_written(void **state)
{
	AUTO_BUF struct buf b = { 0 };
	char *p;

	(void)state;
	assert_int_equal(buf_puts(&b, "ab"), 0);
	p = buf_room(&b, 100000);
	assert_non_null(p);
	buf_wrote(&b, put_bytes(p, "cd", 2));
	assert_string_equal(b.data, "abcd");
	assert_null(buf_room(&b, SIZE_MAX));
	assert_true(b.failed);
	assert_null(buf_room(&b, 0));
}

static void buf_printf_of_any_length(void **state)
{
	struct buf b AUTO_BUF = { 0 };
	char big[5000];

	(void)state;
	memset(big, 'y', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(buf_printf(&b, "<%s>", big), 0);
	assert_int_equal(b.len, 3 * (sizeof(big) - 1 + 2));
	assert_int_equal(strlen(b.data), b.len);
	assert_int_equal(b.data[0], '<');
	assert_int_equal(b.data[b.len - 1], '>');
}

static void buf_failure_sticks_until_cleared(void **state)
{
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	buf_puts(&b, "kept");
	assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), -ENOMEM);
	assert_true(b.failed);
	assert_int_equal(buf_puts(&b, "more"), -ENOMEM);
	assert_int_equal(buf_u8(&b, 1), -ENOMEM);
	assert_string_equal(b.data, "kept");
	buf_clear(&b);
	assert_int_equal(buf_puts(&b, "again"), 0);
	assert_string_equal(b.data, "again");
}

/* As any memory: of every size, to be written to its end, and with what was there before. */
static void large_memory(void **state)
{
	static const size_t sizes[] = { 0, 1, 4096, 131072, 600001, 2097152, 2300000, 4194305, 17000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t *p = large_alloc(sizes[i]);

		assert_non_null(p);
		memset(p, 0xa5, sizes[i]);
		large_touch(p, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k += 1000)
			assert_int_equal(p[k], 0xa5);
		free(p);
	}
}

static void buf_numbers_in_both_orders(void **state)
{
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, 0x08090a0b0c0d0e0fULL);
	assert_memory_equal(b.data, "\x01\x03\x02\x07\x06\x05\x04\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08", 15);
	buf_clear(&b);
	b.big_endian = true;
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, 0x08090a0b0c0d0e0fULL);
	assert_memory_equal(b.data, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 15);
}

/* ---- the cursor ----------------------------------------------------------- */

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static void cur_reads_both_orders(void **state)
{
	struct cur c = { .data = bytes, .len = sizeof(bytes), .base = 100 };
	uint64_t v64 = 0;
	uint32_t v32 = 0;
	uint16_t v16 = 0;
	uint8_t v8 = 0;

	(void)state;
	assert_true(cur_u8(&c, &v8) && cur_u16(&c, &v16) && cur_u32(&c, &v32) && cur_u64(&c, &v64));
	assert_int_equal(v8, 1);
	assert_int_equal(v16, 0x0302);
	assert_int_equal(v32, 0x07060504);
	assert_true(v64 == 0x0f0e0d0c0b0a0908ULL);
	assert_int_equal(cur_offset(&c), 115);
	assert_int_equal(cur_left(&c), 1);
	c.pos = 0;
	c.big_endian = true;
	assert_true(cur_u8(&c, &v8) && cur_u16(&c, &v16) && cur_u32(&c, &v32) && cur_u64(&c, &v64));
	assert_int_equal(v16, 0x0203);
	assert_int_equal(v32, 0x04050607);
	assert_true(v64 == 0x08090a0b0c0d0e0fULL);
}

static void cur_reads_whole_or_not_at_all(void **state)
{
	struct cur c = { .data = bytes, .len = 3 }, sub;
	const uint8_t *p = NULL;
	const char *s = NULL;
	uint64_t v64 = 7;
	uint32_t v32 = 7;
	uint16_t v16 = 7;
	uint8_t v8 = 7;
	int32_t s32 = 7;
	int64_t s64 = 7;

	(void)state;
	assert_false(cur_u32(&c, &v32));
	assert_false(cur_s32(&c, &s32));
	assert_false(cur_u64(&c, &v64));
	assert_false(cur_s64(&c, &s64));
	assert_false(cur_skip(&c, 4));
	assert_false(cur_skip(&c, UINT64_MAX));
	assert_false(cur_bytes(&c, UINT64_MAX, &p));
	assert_false(cur_sub(&c, 4, &sub));
	assert_false(cur_str(&c, 100, &s));
	assert_int_equal(c.pos, 0);
	assert_true(v32 == 7 && v64 == 7 && s32 == 7 && s64 == 7 && !p && !s);
	assert_true(cur_skip(&c, 2));
	assert_false(cur_u16(&c, &v16));
	assert_int_equal(v16, 7);
	assert_true(cur_u8(&c, &v8));
	assert_int_equal(v8, 3);
	assert_false(cur_u8(&c, &v8));
	assert_int_equal(v8, 3);
	assert_true(cur_skip(&c, 0));
	assert_int_equal(c.pos, 3);
}

static void cur_signed_numbers(void **state)
{
	struct cur c = { .data = (const uint8_t *)"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", .len = 12 };
	int32_t s32 = 0;
	int64_t s64 = 0;

	(void)state;
	assert_true(cur_s32(&c, &s32) && cur_s64(&c, &s64));
	assert_int_equal(s32, -2);
	assert_int_equal(s64, -1);
}

static void cur_strings_end_inside(void **state)
{
	struct cur c = { .data = (const uint8_t *)"ab\0cdef\0gh", .len = 10 };
	const char *s;

	(void)state;
	assert_true(cur_str(&c, 2, &s));
	assert_string_equal(s, "ab");
	assert_int_equal(c.pos, 3);
	assert_false(cur_str(&c, 3, &s));
	assert_int_equal(c.pos, 3);
	assert_true(cur_str(&c, 4, &s));
	assert_string_equal(s, "cdef");
	assert_false(cur_str(&c, 100, &s));
	assert_int_equal(c.pos, 8);
}

static void cur_sub_knows_its_place(void **state)
{
	struct cur c = { .data = bytes, .len = sizeof(bytes), .base = 1000, .big_endian = true }, sub;
	uint16_t v;

	(void)state;
	assert_true(cur_skip(&c, 4));
	assert_true(cur_sub(&c, 3, &sub));
	assert_int_equal(cur_offset(&sub), 1004);
	assert_int_equal(cur_left(&sub), 3);
	assert_true(cur_u16(&sub, &v));
	assert_int_equal(v, 0x0506);
	assert_false(cur_u16(&sub, &v));
	assert_int_equal(cur_offset(&c), 1007);
}

/* ---- files ---------------------------------------------------------------- */

static void files_are_read_whole(void **state)
{
	char path[] = "/tmp/test_base.XXXXXX", back[16];
	struct buf b AUTO_BUF = { 0 };
	int fd AUTO_CLOSE = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write_full(fd, "hello ", 6), 0);
	assert_int_equal(pwrite_full(fd, "world", 5, 6), 0);
	assert_int_equal(pread_full(fd, back, 11, 0), 0);
	assert_memory_equal(back, "hello world", 11);
	assert_int_equal(pread_full(fd, back, 12, 0), -ENODATA);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buf_puts(&b, "<");
	assert_int_equal(fd_read_all(fd, &b, 11), 0);
	assert_string_equal(b.data, "<hello world");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(fd, &b, 10), -EFBIG);
	buf_clear(&b);
	assert_int_equal(path_read_all("/nonexistent/file", &b, 100), -ENOENT);
	assert_int_equal(path_read_all("/proc/self/status", &b, 1 << 20), 0);
	assert_memory_equal(b.data, "Name:", 5);
	assert_int_equal(write_full(-1, "x", 1), -EBADF);
}

/* ---- words ---------------------------------------------------------------- */

/* Neither waits for a FIFO's other end nor takes what it gives. */
static void control_files_are_regular(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX", path[64], word[4];
	struct buf b AUTO_BUF = { 0 };
	struct err e = { 0 };
	int fd, reader, flags[] = { O_RDONLY, O_WRONLY, O_RDONLY | O_NONBLOCK, O_WRONLY | O_APPEND };

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(control_file_open(dir, O_RDONLY), -EMEDIUMTYPE);
	snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(control_file_open(path, O_RDONLY), -ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		assert_int_equal(control_file_open(path, flags[i]), -EMEDIUMTYPE);
	reader = open(path, O_RDWR);
	assert_int_equal(write_full(reader, "word", 4), 0);
	assert_int_equal(control_file_read(path, &b, 100), -EMEDIUMTYPE);
	assert_int_equal(b.len, 0);
	assert_int_equal(read(reader, word, 4), 4);
	close(reader);
	assert_int_equal(control_file_open("/dev/null", O_RDONLY), -EMEDIUMTYPE);
	err_errno(&e, -EMEDIUMTYPE, "cannot read %s", "it");
	assert_string_equal(e.text, "cannot read it: it is no regular file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(open(path, O_WRONLY | O_CREAT, 0600)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = control_file_open(path, flags[i]);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), flags[i]);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	assert_int_equal(unlink(path) | rmdir(dir), 0);
	assert_int_equal(control_file_read("/proc/self/status", &b, 1 << 20), 0);
	assert_memory_equal(b.data, "Name:", 5);
}

static void numbers_are_strict(void **state)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "-1", "+1", "x", "1x", "0x", "1e3", "1.5", "08",
	};
	uint64_t u = 99;
	int64_t s = 99;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_u64(bad[i], &u), -EINVAL);
	assert_int_equal(u, 99);
	assert_int_equal(parse_u64("18446744073709551616", &u), -ERANGE);
	assert_int_equal(u, 99);
	assert_int_equal(parse_u64("18446744073709551615", &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(parse_u64("0x1F", &u), 0);
	assert_int_equal(u, 31);
	assert_int_equal(parse_u64("017", &u), 0);
	assert_int_equal(u, 15);
	assert_int_equal(parse_u64("0", &u), 0);
	assert_int_equal(u, 0);

	assert_int_equal(parse_s64("-", &s), -EINVAL);
	assert_int_equal(parse_s64("--1", &s), -EINVAL);
	assert_int_equal(parse_s64(" -1", &s), -EINVAL);
	assert_int_equal(parse_s64("9223372036854775808", &s), -ERANGE);
	assert_int_equal(s, 99);
	assert_int_equal(parse_s64("-9223372036854775808", &s), 0);
	assert_true(s == INT64_MIN);
	assert_int_equal(parse_s64("+5", &s), 0);
	assert_int_equal(s, 5);
}

static const char *hint_for(const char *word, const char *const *names, struct err *e)
{
	struct near n;

	near_init(&n, word);
	for (; *names; names++)
		near_try(&n, *names);
	err_set(e, -EINVAL, "no '%s'", word);
	near_hint(&n, e);
	return e->text;
}

static void near_finds_the_misspelt(void **state)
{
	static const char *const names[] = {
		"sched_switch", "sched_wakeup", "sched_waking", "sys_enter", "irq", "timer", NULL
	};
	struct err e;

	(void)state;
	assert_string_equal(hint_for("sched_swtich", names, &e),
			    "no 'sched_swtich'; did you mean 'sched_switch' or 'sched_waking'?");
	assert_string_equal(hint_for("irqs", names, &e), "no 'irqs'; did you mean 'irq'?");
	assert_string_equal(hint_for("TIMER", names, &e), "no 'TIMER'; did you mean 'timer'?");
	assert_string_equal(hint_for("quite_different", names, &e), "no 'quite_different'");
	assert_string_equal(hint_for("tim", names, &e), "no 'tim'; did you mean 'timer'?");
	assert_string_equal(hint_for("arc", names, &e), "no 'arc'");
	assert_string_equal(hint_for("sched", names, &e),
			    "no 'sched'; did you mean 'sched_switch', 'sched_wakeup' or 'sched_waking'?");
}

static void near_keeps_the_best_in_order_and_once(void **state)
{
	static const char *const names[] = {
		"abcxyfg", "abcdefgh", "abcyefg", "abcdefgh", "xxxxxxx", "bacdefg", NULL
	};
	struct err e;

	(void)state;
	assert_string_equal(hint_for("abcdefg", names, &e),
			    "no 'abcdefg'; did you mean 'abcdefgh', 'abcyefg' or 'bacdefg'?");
}

static void near_takes_words_of_any_length(void **state)
{
	char a[2000], b[2000];
	const char *const names[] = { a, "x", "", NULL };
	struct err e;

	(void)state;
	memset(a, 'a', sizeof(a) - 1);
	a[sizeof(a) - 1] = 0;
	memcpy(b, a, sizeof(b));
	b[500] = 'b';
	hint_for(b, names, &e);
	hint_for("", names, &e);
	assert_string_equal(e.text, "no ''; did you mean '' or 'x'?");
}

static void maps_find_what_was_put(void **state)
{
	struct map m = { 0 };
	uint32_t v = 7;

	(void)state;
	assert_false(map_get(&m, 1, 2, &v));
	map_remove(&m, 1, 2);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(map_set(&m, i % 70, (uint64_t)i << 40, i), 0);
	assert_int_equal(map_set(&m, 3, 3ull << 40, 99), 0);
	assert_int_equal(m.nr, 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_true(map_get(&m, i % 70, (uint64_t)i << 40, &v));
		assert_int_equal(v, i == 3 ? 99 : i);
	}
	assert_false(map_get(&m, 71, 0, &v));
	/* a key goes, all others stay */
	for (uint32_t i = 0; i < 5000; i += 2)
		map_remove(&m, i % 70, (uint64_t)i << 40);
	assert_int_equal(m.nr, 2500);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(map_get(&m, i % 70, (uint64_t)i << 40, &v), i % 2);
	map_release(&m);
	assert_false(map_get(&m, 1, 1ull << 40, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_find_what_was_put),
		cmocka_unit_test(err_chain_reads_from_the_outside_in),
		cmocka_unit_test(err_errno_adds_the_reason),
		cmocka_unit_test(err_set_starts_anew),
		cmocka_unit_test(err_without_a_place_keeps_the_code),
		cmocka_unit_test(err_never_reports_success),
		cmocka_unit_test(err_text_is_cut_not_overrun),
		cmocka_unit_test(notices_reach_their_taker),
		cmocka_unit_test(vec_grows_and_keeps),
		cmocka_unit_test(vec_refuses_what_cannot_be_counted),
		cmocka_unit_test(buf_is_always_terminated),
		cmocka_unit_test(buf_printf_of_any_length),
		cmocka_unit_test(numbers_are_those_of_printf),
		cmocka_unit_test(room_is_counted_when_it_was_written),
		cmocka_unit_test(buf_failure_sticks_until_cleared),
		cmocka_unit_test(buf_numbers_in_both_orders),
		cmocka_unit_test(large_memory),
		cmocka_unit_test(cur_reads_both_orders),
		cmocka_unit_test(cur_reads_whole_or_not_at_all),
		cmocka_unit_test(cur_signed_numbers),
		cmocka_unit_test(cur_strings_end_inside),
		cmocka_unit_test(cur_sub_knows_its_place),
		cmocka_unit_test(files_are_read_whole),
		cmocka_unit_test(control_files_are_regular),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(near_finds_the_misspelt),
		cmocka_unit_test(near_keeps_the_best_in_order_and_once),
		cmocka_unit_test(near_takes_words_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
