// SPDX-License-Identifier: GPL-2.0-or-later
/* What options say, and options that say nothing that can be used. */
#include "dat_bed.h"

static void test_plain_options(void **state)
{
	struct bed b;
	uint64_t at;

	(void)state;
	bed_init(&b, 7, false, NULL);
	at = option(&b, DAT_UNAME);
	b.data[at + 5] = 'x';
	told(&b, "'memory': option UNAME at offset 0x%" PRIx64 " is not NUL-terminated; ignored", at);
	set32(&b, at - 4, 6);
	set16(&b, at - 6, DAT_DATE);
	told(&b, "'memory': option DATE at offset 0x%" PRIx64 " is not a number; ignored", at);
	set16(&b, at - 6, DAT_TRACEID);
	told(&b, "'memory': option TRACEID at offset 0x%" PRIx64 " is shorter than 8 bytes; ignored", at);
	set16(&b, at - 6, DAT_TSC2NSEC);
	told(&b, "'memory': option TSC2NSEC at offset 0x%" PRIx64 " is shorter than 16 bytes; ignored", at);
	set16(&b, at - 6, DAT_TIME_SHIFT);
	told(&b, "'memory': option TIME_SHIFT at offset 0x%" PRIx64 ": it is shorter than 16 bytes (offset 0x%"
	     PRIx64 "); ignored", at, at);
	set16(&b, at - 6, DAT_GUEST);
	told(&b, "'memory': option GUEST at offset 0x%" PRIx64 ": it ends before its CPU count (offset 0x%"
	     PRIx64 "); ignored", at, at + 6);
	set16(&b, at - 6, DAT_KALLSYMS);
	told(&b, "'memory': option KALLSYMS at offset 0x%" PRIx64 " is shorter than 8 bytes; ignored", at);
	at = option(&b, DAT_TSC2NSEC);
	set32(&b, at + 4, 64);
	told(&b, "'memory': option TSC2NSEC at offset 0x%" PRIx64 " shifts by more than 63 bits; ignored", at);
	at = option(&b, DAT_CPUCOUNT);
	set32(&b, at, 0);
	told(&b, "'memory': option CPUCOUNT at offset 0x%" PRIx64 " counts no CPU or more than 65536; ignored", at);
	set32(&b, at, UINT32_MAX);
	told(&b, "'memory': option CPUCOUNT at offset 0x%" PRIx64 " counts no CPU or more than 65536; ignored", at);
	bed_release(&b);
}

/* A file with one option of @id and these words, opened. */
static struct dat_reader *with_option(unsigned id, const struct buf *payload, struct buf *notices,
				      uint8_t **ret_data)
{
	struct dat_writer_opts opts = { .version = 7, .long_size = 8, .page_size = 4096 };
	struct notices n = { tell, notices };
	int fd = memfd_create("option", 0);
	struct dat_reader *r;
	struct dat_writer *w;
	struct err e = { 0 };
	size_t len;

	check(dat_writer_new(fd, "option", &opts, &w, &e), &e);
	check(dat_writer_option(w, id, payload->data, payload->len, &e), &e);
	check(dat_writer_finish(w, &e), &e);
	dat_writer_free(w);
	len = lseek(fd, 0, SEEK_END);
	*ret_data = malloc(len);
	check(pread_full(fd, *ret_data, len, 0), &e);
	close(fd);
	check(dat_reader_open_memory(*ret_data, len, &n, &r, &e), &e);
	return r;
}

static void put_shift(struct buf *b, uint32_t cpus, uint32_t n)
{
	static const int64_t times[] = { 30, 10, 20, 10 };

	buf_u64(b, 7);
	buf_u32(b, 1);
	buf_u32(b, cpus);
	for (uint32_t c = 0; c < cpus; c++) {
		buf_u32(b, n);
		for (uint32_t i = 0; i < n; i++)
			buf_u64(b, times[i % 4]);
		for (uint32_t i = 0; i < n; i++)
			buf_u64(b, times[i % 4] * -10);
		for (uint32_t i = 0; i < n; i++)
			buf_u64(b, 1);
	}
}

static void test_time_shift(void **state)
{
	struct buf p AUTO_BUF = { 0 }, notices AUTO_BUF = { 0 };
	const struct dat_time_shift *ts;
	struct dat_reader *r;
	uint8_t *data;

	(void)state;
	put_shift(&p, 2, 4);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	ts = &dat_reader_info(r)->time_shift;
	assert_true(ts->present);
	assert_int_equal(ts->nr_cpus, 2);
	assert_int_equal(ts->cpus[1].nr, 3);	/* sorted, equal times once */
	assert_int_equal(ts->cpus[1].samples[0].time, 10);
	assert_int_equal(ts->cpus[1].samples[2].offset, -300);
	assert_int_equal(notices.len, 0);
	dat_reader_close(r);
	free(data);

	/* fractions: 8 of them, the last one bad, then missing */
	for (unsigned i = 0; i < 8; i++)
		buf_u64(&p, i == 7 ? 64 : 3);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	assert_false(dat_reader_info(r)->time_shift.present);
	assert_non_null(strstr(notices.data, "a fraction is above 63"));
	dat_reader_close(r);
	free(data);
	p.len -= 8;
	buf_clear(&notices);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	assert_false(dat_reader_info(r)->time_shift.present);
	assert_non_null(strstr(notices.data, "fractions are missing"));
	dat_reader_close(r);
	free(data);

	buf_clear(&p);
	buf_clear(&notices);
	put_shift(&p, 1, 0);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	assert_false(dat_reader_info(r)->time_shift.present);
	assert_non_null(strstr(notices.data, "a CPU has no samples"));
	dat_reader_close(r);
	free(data);

	put_u32(p.data + 16, 1u << 31, false);
	buf_clear(&notices);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	assert_non_null(strstr(notices.data, "a CPU claims more samples than there are bytes for"));
	dat_reader_close(r);
	free(data);

	put_u32(p.data + 12, 1u << 31, false);
	buf_clear(&notices);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	assert_non_null(strstr(notices.data, "it claims more CPUs than there are bytes for"));
	dat_reader_close(r);
	free(data);
}

/* Both options as they are written, and each cut of the second one. */
static void test_time_sync(void **state)
{
	static struct dat_shift_sample shifts[] = { { 10, -5, 3, 1 }, { 20, 6, 1, 0 } };
	static struct dat_sync_sample samples[] = { { 10, 4, 9, 339, 2 }, { 20, DAT_BOUND_UNKNOWN, 0, 0, 0 } };
	struct dat_shift_cpu shift_cpus[] = { { 2, shifts }, { 1, shifts } };
	struct dat_sync_cpu cpus[] = { { 2, samples }, { 1, samples } };
	struct dat_time_shift shift = { true, 77, 1, 2, shift_cpus };
	struct dat_time_sync sync = { true, "tracecmd-ptp", 2, cpus };
	struct buf p AUTO_BUF = { 0 }, notices AUTO_BUF = { 0 };
	const struct dat_info *info;
	struct dat_reader *r;
	uint8_t *data;

	(void)state;
	assert_int_equal(dat_put_time_shift(&p, &shift), 0);
	r = with_option(DAT_TIME_SHIFT, &p, &notices, &data);
	info = dat_reader_info(r);
	assert_true(info->time_shift.present && info->time_shift.peer_id == 77 && info->time_shift.nr_cpus == 2);
	assert_int_equal(info->time_shift.cpus[0].nr, 2);
	assert_memory_equal(info->time_shift.cpus[0].samples, shifts, sizeof(shifts));
	assert_memory_equal(info->time_shift.cpus[1].samples, shifts, sizeof(*shifts));
	dat_reader_close(r);
	free(data);
	buf_clear(&p);
	assert_int_equal(dat_put_time_sync(&p, &sync), 0);
	r = with_option(DAT_TIME_SYNC, &p, &notices, &data);
	info = dat_reader_info(r);
	assert_true(info->time_sync.present && info->time_sync.nr_cpus == 2);
	assert_string_equal(info->time_sync.protocol, "tracecmd-ptp");
	assert_memory_equal(info->time_sync.cpus[0].samples, samples, sizeof(samples));
	assert_int_equal(notices.len, 0);
	dat_reader_close(r);
	free(data);
	while (p.len--) {
		buf_clear(&notices);
		r = with_option(DAT_TIME_SYNC, &p, &notices, &data);
		assert_false(dat_reader_info(r)->time_sync.present);
		assert_non_null(strstr(notices.data, p.len < 20 ? "it is shorter than 20 bytes" :
				       p.len < 28 ? "it claims more CPUs than there are bytes for" :
				       p.len < 88 ? "a CPU claims more samples than there are bytes for" :
				       p.len < 92 ? "a CPU's sample count is missing" :
				       "a CPU claims more samples than there are bytes for"));
		assert_non_null(strstr(notices.data, "option TIME_SYNC at offset"));
		dat_reader_close(r);
		free(data);
	}
}

static void test_guest(void **state)
{
	struct buf p AUTO_BUF = { 0 }, notices AUTO_BUF = { 0 };
	const struct dat_info *info;
	struct dat_reader *r;
	uint8_t *data;

	(void)state;
	buf_str(&p, "vm");
	buf_u64(&p, 77);
	buf_u32(&p, 2);
	buf_u32(&p, 1);
	buf_u32(&p, 4321);
	buf_u32(&p, 0);
	buf_u32(&p, -1);
	r = with_option(DAT_GUEST, &p, &notices, &data);
	info = dat_reader_info(r);
	assert_int_equal(info->nr_guests, 1);
	assert_string_equal(info->guests[0].name, "vm");
	assert_int_equal(info->guests[0].trace_id, 77);
	assert_int_equal(info->guests[0].nr_vcpus, 2);
	assert_int_equal(info->guests[0].host_pids[0], -1);
	assert_int_equal(info->guests[0].host_pids[1], 4321);
	assert_int_equal(notices.len, 0);
	dat_reader_close(r);
	free(data);

	put_u32(p.data + 15, 2, false);		/* vcpu 1 becomes 2 */
	r = with_option(DAT_GUEST, &p, &notices, &data);
	assert_int_equal(dat_reader_info(r)->nr_guests, 0);
	assert_non_null(strstr(notices.data, "a virtual CPU's number is not below their count"));
	dat_reader_close(r);
	free(data);

	put_u32(p.data + 11, 3, false);
	buf_clear(&notices);
	r = with_option(DAT_GUEST, &p, &notices, &data);
	assert_non_null(strstr(notices.data, "its CPU count does not fit its size"));
	dat_reader_close(r);
	free(data);

	memset(p.data, 'x', p.len);
	buf_clear(&notices);
	r = with_option(DAT_GUEST, &p, &notices, &data);
	assert_non_null(strstr(notices.data, "its name is not NUL-terminated"));
	dat_reader_close(r);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_options),
		cmocka_unit_test(test_time_shift),
		cmocka_unit_test(test_time_sync),
		cmocka_unit_test(test_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
