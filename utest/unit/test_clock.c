// SPDX-License-Identifier: GPL-2.0-or-later
/* Times: each step against values worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock/clock.h"

static uint64_t convert(const struct dat_info *info, const struct clock_opts *opts, bool top,
			uint32_t cpu, uint64_t ts)
{
	struct clock_conv c;

	clock_conv_init(&c, info, opts, top, cpu);
	return clock_convert(&c, ts);
}

static void nothing_to_do(void **state)
{
	struct dat_info info = { 0 };

	(void)state;
	assert_true(convert(&info, NULL, true, 0, 0) == 0);
	assert_true(convert(&info, NULL, true, 0, 123456789012345) == 123456789012345);
	assert_true(convert(&info, NULL, false, 9, UINT64_MAX) == UINT64_MAX);
}

static void date_and_offsets_add_up(void **state)
{
	struct dat_info info = { .date_us = 1700000000000000, .offset = -5 };
	struct clock_opts opts = { .ts_offset = 30 };

	(void)state;
	assert_true(convert(&info, NULL, true, 0, 1000) == 1700000000000000995);
	assert_true(convert(&info, &opts, true, 0, 1000) == 1700000000000001025);
	opts.no_date = true;
	assert_true(convert(&info, &opts, true, 0, 1000) == 1025);
	opts.ts_offset = -2000;
	assert_true(convert(&info, &opts, true, 0, 1000) == (uint64_t)-1005);
	opts.raw_ts = true;
	assert_true(convert(&info, &opts, true, 0, 1000) == 1000);
}

static void cycles_to_nanoseconds(void **state)
{
	/* the fixture clock-tsc2nsec: first record at cycle 6011848960, shown 2.312264 */
	struct dat_info info = { .tsc2nsec = { true, 825960332, 31, 0 } };
	struct clock_opts raw = { .raw_ts = true };

	(void)state;
	assert_true(convert(&info, NULL, true, 0, 6011848960) == 2312263829);
	assert_true(convert(&info, &raw, true, 0, 6011848960) == 6011848960);
	/* the product needs more than 64 bits */
	info.tsc2nsec.mult = 1u << 31;
	assert_true(convert(&info, NULL, true, 0, UINT64_C(1) << 62) == UINT64_C(1) << 62);
	/* the greatest multiplier is not negative */
	info.tsc2nsec.mult = UINT32_MAX;
	info.tsc2nsec.shift = 32;
	assert_true(convert(&info, NULL, true, 0, UINT64_C(1) << 32) == UINT32_MAX);
	/* the offset of the option takes no part, one of the file does */
	info.tsc2nsec.offset = 77;
	info.offset = 3;
	assert_true(convert(&info, NULL, true, 0, UINT64_C(1) << 32) == UINT64_C(0x100000002));
	/* no multiplier: nothing is scaled */
	info.tsc2nsec.mult = 0;
	assert_true(convert(&info, NULL, true, 0, 40) == 43);
}

static void hertz_to_nanoseconds(void **state)
{
	struct dat_info info = { .tsc2nsec = { true, 5, 1, 0 }, .offset = 1 };
	struct clock_opts opts = { .ts2secs = 4e6 };

	(void)state;
	assert_true(convert(&info, &opts, true, 0, 1000) == 250001);	/* instead of TSC2NSEC */
	opts.ts2secs = 3e9;
	assert_true(convert(&info, &opts, true, 0, 10) == 4);
	/* more than 64 bits: the greatest time there is, offset modulo 2^64 */
	opts.ts2secs = 1;
	info.offset = 0;
	assert_true(convert(&info, &opts, true, 0, UINT64_MAX) == UINT64_MAX);
	opts.raw_ts = true;
	assert_true(convert(&info, &opts, true, 0, 10) == 10);
}

static void one_sample_shifts(void **state)
{
	struct dat_shift_sample s = { .time = 500, .offset = -100, .scaling = 7, .fraction = 1 };
	struct dat_shift_cpu cpus[2] = { { 1, &s }, { 0, NULL } };
	struct dat_info info = { .time_shift = { true, 1, 1, 2, cpus } };

	(void)state;
	assert_true(convert(&info, NULL, true, 0, 1000) == 3400);	/* 7000 >> 1, - 100 */
	assert_true(convert(&info, NULL, false, 0, 1000) == 1000);	/* an instance */
	assert_true(convert(&info, NULL, true, 1, 1000) == 1000);	/* a CPU without samples */
	assert_true(convert(&info, NULL, true, 2, 1000) == 1000);	/* and one not there */
	/* half the rate, told by 48 bits: the product needs 128 */
	s = (struct dat_shift_sample){ .time = 500, .offset = 10, .scaling = INT64_C(1) << 47, .fraction = 48 };
	assert_true(convert(&info, NULL, true, 0, UINT64_C(3) << 60) == (UINT64_C(3) << 59) + 10);
	s.scaling = 0;			/* nobody means that */
	assert_true(convert(&info, NULL, true, 0, 1000) == 1010);
	info.time_shift.present = false;
	assert_true(convert(&info, NULL, true, 0, 1000) == 1000);
}

static void samples_interpolate(void **state)
{
	struct dat_shift_sample s[] = {
		{ 1000, 100, 1, 0 }, { 2000, 200, 1, 0 }, { 3000, 100, 1, 0 }, { 4000, -100, 1, 0 },
	};
	struct dat_shift_cpu cpu = { 4, s };
	struct dat_info info = { .time_shift = { true, 1, 1, 1, &cpu } };

	(void)state;
	assert_true(convert(&info, NULL, true, 0, 1000) == 1100);
	assert_true(convert(&info, NULL, true, 0, 1500) == 1650);
	assert_true(convert(&info, NULL, true, 0, 1504) == 1654);	/* 50.4 rounds to 50 */
	assert_true(convert(&info, NULL, true, 0, 1505) == 1656);	/* 50.5 rounds to 51 */
	assert_true(convert(&info, NULL, true, 0, 2000) == 2200);
	assert_true(convert(&info, NULL, true, 0, 2500) == 2651);	/* -49.5: -49 */
	assert_true(convert(&info, NULL, true, 0, 3500) == 3501);
	assert_true(convert(&info, NULL, true, 0, 500) == 551);		/* before the first */
	assert_true(convert(&info, NULL, true, 0, 5000) == 4701);	/* behind the last */
	/* division truncates toward zero: (3002-3000) * -200 + 500 = 100 of 1000 */
	assert_true(convert(&info, NULL, true, 0, 3002) == 3102);
	/* (3010-3000) * -200 + 500 = -1500 of 1000: -1 */
	assert_true(convert(&info, NULL, true, 0, 3010) == 3109);

	/* steps instead of lines */
	info.time_shift.flags = 0;
	assert_true(convert(&info, NULL, true, 0, 500) == 600);
	assert_true(convert(&info, NULL, true, 0, 1999) == 2099);
	assert_true(convert(&info, NULL, true, 0, 2000) == 2200);
	assert_true(convert(&info, NULL, true, 0, 9000) == 9100);	/* the last but one */

	/* two samples make one line */
	info.time_shift.flags = 1;
	cpu.nr = 2;
	assert_true(convert(&info, NULL, true, 0, 3000) == 3300);
}

static void samples_scale(void **state)
{
	struct dat_shift_sample s[] = { { 1000, 10, 3, 1 }, { 2000, 10, 3, 1 } };
	struct dat_shift_cpu cpu = { 2, s };
	struct dat_info info = { .time_shift = { true, 1, 1, 1, &cpu },
				 .tsc2nsec = { true, 4, 1, 0 }, .offset = 7 };

	(void)state;
	/* 1001 * 3 >> 1 = 1501, + 10, * 4 >> 1 = 3022, + 7 */
	assert_true(convert(&info, NULL, true, 0, 1001) == 3029);
}

static void great_numbers(void **state)
{
	/* a product of 2^61 * 2^61 between the samples */
	struct dat_shift_sample s[] = {
		{ 0, 0, 1, 0 }, { INT64_C(1) << 62, INT64_C(1) << 62, 1, 0 },
	};
	struct dat_shift_cpu cpu = { 2, s };
	struct dat_info info = { .time_shift = { true, 1, 1, 1, &cpu } };

	(void)state;
	assert_true(convert(&info, NULL, true, 0, UINT64_C(1) << 61) == UINT64_C(1) << 62);
	/* a time past INT64_MAX is after all samples, not before them */
	s[1].offset = 0;
	s[0].offset = 5;
	info.time_shift.flags = 0;
	cpu.nr = 2;
	assert_true(convert(&info, NULL, true, 0, UINT64_C(1) << 63) == (UINT64_C(1) << 63) + 5);
	/* hostile: whatever comes out, nothing overflows (the sanitizers watch) */
	info.time_shift.flags = 1;
	for (unsigned i = 0; i < 64; i++) {
		s[0] = (struct dat_shift_sample) { INT64_MIN, i & 1 ? INT64_MIN : INT64_MAX,
						   INT64_MIN, i };
		s[1] = (struct dat_shift_sample) { i & 2 ? INT64_MIN : INT64_MAX,
						   i & 4 ? INT64_MIN : INT64_MAX, 1, i };
		convert(&info, NULL, true, 0, i & 8 ? UINT64_MAX : i);
	}
}

static void seconds_or_counts(void **state)
{
	static const struct { const char *clock; bool seconds; } t[] = {
		{ "", true }, { "local", true }, { "global", true }, { "uptime", true },
		{ "perf", true }, { "tai", true }, { "mono", true }, { "mono_raw", true },
		{ "tsc2nsec", true }, { "boot", false }, { "counter", false },
		{ "x86-tsc", false }, { "ppc-tb", false }, { "locals", false },
	};
	struct clock_opts opts = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct dat_info info = { 0 };

		strcpy(info.clock, t[i].clock);
		assert_int_equal(clock_in_seconds(&info, NULL), t[i].seconds);
		opts = (struct clock_opts) { .raw_ts = true };
		assert_int_equal(clock_in_seconds(&info, &opts), !*t[i].clock);
		opts = (struct clock_opts) { .ts2secs = 1000 };
		assert_true(clock_in_seconds(&info, &opts));
		opts.ts2secs = 0;
		info.tsc2nsec = (struct dat_tsc2nsec) { true, 1, 0, 0 };
		assert_true(clock_in_seconds(&info, &opts));
		info.tsc2nsec.mult = 0;
		assert_int_equal(clock_in_seconds(&info, &opts), t[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(date_and_offsets_add_up),
		cmocka_unit_test(cycles_to_nanoseconds),
		cmocka_unit_test(hertz_to_nanoseconds),
		cmocka_unit_test(one_sample_shifts),
		cmocka_unit_test(samples_interpolate),
		cmocka_unit_test(samples_scale),
		cmocka_unit_test(great_numbers),
		cmocka_unit_test(seconds_or_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
