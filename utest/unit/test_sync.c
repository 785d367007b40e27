// SPDX-License-Identifier: GPL-2.0-or-later
/* Offsets of clocks out of exchanges: by hand, and a thousand sessions whose truth is known. */
#include <setjmp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "clock/clock.h"
#include "clock/sync.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 unsigned_int128;

/* ---- by hand ----------------------------------------------------------------------- */

static struct sync_sample estimate(const struct sync_probe *probes, uint32_t nr)
{
	struct sync_sample s = { 0 };
	struct err e = { 0 };

	if (sync_estimate(probes, nr, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

static void one_exchange_is_good_for_half_its_time(void **state)
{
	struct sync_probe p = { .sent = 1000, .back = 1200, .remote = 5100 };
	struct sync_sample s = estimate(&p, 1);

	(void)state;
	assert_true(s.shift.time == 1100 && s.shift.offset == 4000 && s.shift.scaling == 1);
	assert_true(!s.shift.fraction && s.quality.time == 1100 && s.quality.round_trip == 200);
	/* the rates may differ by a little between the ends and the middle */
	assert_in_range(s.quality.bound, 100, 101);
	assert_true(s.quality.probes == 1 && !s.quality.rejected);
}

/* One was held up on its way there, the other on its way back: together they leave little. */
static void exchanges_narrow_each_other(void **state)
{
	struct sync_probe p[] = { { 1000, 1110, 5100 }, { 2000, 2110, 6010 } };
	struct sync_sample s = estimate(p, 2);

	(void)state;
	assert_in_range(s.shift.offset, 3999, 4001);
	assert_in_range(s.quality.bound, 10, 12);
	assert_true(s.quality.round_trip == 110 && !s.quality.rejected);
}

static void what_contradicts_the_others_is_left_out(void **state)
{
	struct sync_probe p[] = {
		{ 1000, 1100, 5050 }, { 2000, 2100, 6050 }, { 3000, 3010, 90000 }, { 4000, 4100, 8050 },
	};
	struct sync_sample s = estimate(p, 4);

	(void)state;
	/* the fastest one is the wrong one */
	assert_in_range(s.shift.offset, 3998, 4002);
	assert_true(s.quality.probes == 4 && s.quality.rejected == 1);
}

static void where_most_contradict_the_fastest_counts(void **state)
{
	/* a clock that ticks three times as fast */
	struct sync_probe p[] = {
		{ 1000, 1100, 3150 }, { 101000, 101060, 303090 }, { 201000, 201100, 603150 },
	};
	struct sync_sample s = estimate(p, 3);

	(void)state;
	assert_true(s.shift.time == 101030 && s.shift.offset == 303090 - 101030);
	assert_true(s.quality.rejected == 2);
	assert_in_range(s.quality.bound, 90, 92);	/* of the host's units */
}

static void what_is_not_whole_does_not_count(void **state)
{
	struct sync_probe p[] = { { 0, 1100, 5050 }, { 2000, 0, 6050 }, { 3000, 3100, 0 }, { 4100, 4000, 8050 } };
	struct sync_probe good[] = { p[0], { 4000, 4100, 8050 }, p[2] };
	struct sync_sample s;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sync_estimate(p, 4, &s, &e), -ENODATA);
	assert_non_null(strstr(e.text, "none of 4 exchanges"));
	assert_int_equal(sync_estimate(NULL, 0, &s, NULL), -ENODATA);
	s = estimate(good, 3);
	assert_true(s.shift.offset == 4000 && s.quality.probes == 1);
}

static void great_numbers_stay_in_bounds(void **state)
{
	struct sync_probe far[] = { { 1, 3, UINT64_MAX }, { 10, 20, UINT64_MAX } };
	struct sync_probe p[] = { { UINT64_MAX / 2 - 200, UINT64_MAX / 2 - 100, 1 } };
	struct sync_probe late[] = { { UINT64_MAX - 1, UINT64_MAX, UINT64_MAX } };
	struct sync_sample s;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sync_estimate(far, 2, &s, &e), -ERANGE);
	assert_non_null(strstr(e.text, "63 bits"));
	s = estimate(p, 1);
	assert_true(s.shift.time + s.shift.offset == 1);
	assert_int_equal(sync_estimate(late, 1, &s, NULL), -ERANGE);
}

/* ---- samples of a session ------------------------------------------------------------- */

static struct sync_sample sample(int64_t time, int64_t offset, uint64_t bound)
{
	return (struct sync_sample){ { time, offset, 1, 0 }, { time, bound, 2 * bound, 10, 0 } };
}

static void add(struct sync_log *l, uint32_t cpu, struct sync_sample s)
{
	assert_int_equal(sync_log_add(l, cpu, &s), 0);
}

static void samples_are_kept_in_order(void **state)
{
	struct sync_log l;

	(void)state;
	assert_int_equal(sync_log_init(&l, 3), 0);
	assert_int_equal(sync_log_finish(&l), -ENODATA);
	for (int i = 1; i <= 9; i++)
		add(&l, 1, sample(i * 100, i, 5));
	add(&l, 1, sample(900, 77, 5));		/* the same time, and an earlier one */
	add(&l, 1, sample(850, 77, 5));
	assert_int_equal(l.shift.cpus[1].nr, 9);
	assert_int_equal(sync_log_finish(&l), 0);
	for (uint32_t c = 0; c < 3; c++) {
		assert_int_equal(l.shift.cpus[c].nr, 9);
		assert_int_equal(l.quality.cpus[c].nr, 9);
		assert_true(l.shift.cpus[c].samples[8].offset == 9);
		assert_true(l.quality.cpus[c].samples[8].time == 900);
		/* the others have borrowed theirs */
		assert_true(l.quality.cpus[c].samples[8].bound == (c == 1 ? 5 : DAT_BOUND_UNKNOWN));
	}
	assert_true(l.shift.present && l.quality.present);
	sync_log_release(&l);
}

static void one_counter_has_one_offset(void **state)
{
	struct sync_log l;

	(void)state;
	assert_int_equal(sync_log_init(&l, 2), 0);
	add(&l, 0, sample(100, 1000, 30));
	add(&l, 0, sample(200, 1040, 20));	/* 1020 to 1030 */
	add(&l, 1, sample(100, -5, 3));
	assert_true(sync_log_constant(&l));
	for (int i = 0; i < 2; i++) {
		assert_true(l.shift.cpus[0].samples[i].offset == 1025);
		assert_true(l.quality.cpus[0].samples[i].bound == 5);
	}
	assert_true(l.shift.cpus[1].samples[0].offset == -5);
	add(&l, 1, sample(300, 5, 3));		/* contradicts */
	assert_false(sync_log_constant(&l));
	assert_true(l.shift.cpus[1].samples[0].offset == -5 && l.shift.cpus[1].samples[1].offset == 5);
	add(&l, 0, sample(400, 1025, DAT_BOUND_UNKNOWN));
	assert_false(sync_log_constant(&l));
	sync_log_release(&l);
}

/* ---- what KVM tells ------------------------------------------------------------------------- */

struct machines { char root[64]; };

static void put_file(const struct machines *m, const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", m->root, path);
	for (char *p = full + strlen(m->root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(full, 0700);
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_machines(struct machines *m)
{
	*m = (struct machines){ "/tmp/test-sync.XXXXXX" };
	assert_non_null(mkdtemp(m->root));
	put_file(m, "100-12/vcpu0/tsc-offset", "-1000000\n");
	put_file(m, "200-9/vcpu10/tsc-offset", "0x7\n");
	put_file(m, "200-9/vcpu2/tsc-offset", "18446744073709551615\n");
	put_file(m, "200-9/vcpu2/tsc-scaling-ratio", "281474976710656\n");
	put_file(m, "200-9/vcpu2/tsc-scaling-ratio-frac-bits", "48\n");
	put_file(m, "200-9/vcpu10/tsc-scaling-ratio", "0x800000000000\n");
	put_file(m, "200-9/vcpu10/tsc-scaling-ratio-frac-bits", "48\n");
	put_file(m, "200-9/pages", "1");
}

static void remove_machines(const struct machines *m)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", m->root);
	assert_int_equal(system(command), 0);
}

static void kvm_files(void **state)
{
	struct dat_shift_sample *cpus;
	struct machines m;
	struct err e = { 0 };
	uint32_t nr;

	(void)state;
	make_machines(&m);
	assert_true(sync_kvm_usable(m.root));
	assert_int_equal(sync_kvm_read(m.root, 100, &cpus, &nr, NULL), 0);
	assert_true(nr == 1 && cpus->offset == 1000000 && cpus->scaling == 1 && !cpus->fraction);
	free(cpus);
	assert_int_equal(sync_kvm_read(m.root, 200, &cpus, &nr, NULL), 0);
	assert_true(nr == 2 && cpus[0].offset == 1 && cpus[0].scaling == 1 && !cpus[0].fraction);
	assert_true(cpus[1].offset == -7 && cpus[1].scaling == INT64_C(1) << 47 && cpus[1].fraction == 48);
	free(cpus);
	assert_int_equal(sync_kvm_read(m.root, 300, &cpus, &nr, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no machine of process 300"));
	assert_int_equal(sync_kvm_read("/nowhere/kvm", 0, &cpus, &nr, &e), -ENOENT);
	assert_non_null(strstr(e.text, "debugfs has to be mounted"));
	remove_machines(&m);
}

static void kvm_files_that_are_wrong(void **state)
{
	static const struct { const char *path, *text, *told; int r; } cases[] = {
		{ "200-9/vcpu2/tsc-offset", "", "not a number", -EBADMSG },
		{ "200-9/vcpu2/tsc-offset", "12x\n", "holds '12x'", -EBADMSG },
		{ "200-9/vcpu2/tsc-scaling-ratio-frac-bits", "64\n", "cannot be a ratio", -EBADMSG },
		{ "200-9/vcpu2/tsc-scaling-ratio", "0\n", "cannot be a ratio", -EBADMSG },
		{ "200-9/vcpu2/tsc-scaling-ratio", "1\n", "cannot be a ratio", -EBADMSG },
		{ "200-9/vcpu0/tsc-scaling-ratio", "1\n", "vcpu0/tsc-offset", -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dat_shift_sample *cpus;
		struct machines m;
		struct err e = { 0 };
		uint32_t nr;

		make_machines(&m);
		put_file(&m, cases[i].path, cases[i].text);
		assert_int_equal(sync_kvm_read(m.root, 200, &cpus, &nr, &e), cases[i].r);
		if (!strstr(e.text, cases[i].told))
			fail_msg("case %zu: '%s'", i, e.text);
		remove_machines(&m);
	}
}

/* A guest's counter made of a host's, and back: within the bound, whatever ratio and offset are. */
static void known_counters_lead_back(void **state)
{
	static const uint64_t ratios[] = { UINT64_C(1) << 48, UINT64_C(1) << 47, 422212465065984, 200000000000001, 1 << 20 };
	static const int64_t offsets[] = { 0, -123456789012345, 987654321 };
	static const uint64_t hosts[] = { UINT64_C(200000000000000), UINT64_C(9007199254740993) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ratios) * ARRAY_SIZE(offsets) * ARRAY_SIZE(hosts); i++) {
		unsigned bits = i % ARRAY_SIZE(ratios) == 4 ? 20 : 48;
		uint64_t ratio = ratios[i % ARRAY_SIZE(ratios)], host = hosts[i / 5 % 2];
		int64_t offset = offsets[i / 10];
		uint64_t guest = (uint64_t)((unsigned_int128)host * ratio >> bits) + offset, back;
		bool same = ratio == UINT64_C(1) << bits;
		struct dat_shift_sample kvm = { 0, -offset, same ? 1 : ratio, same ? 0 : bits };
		struct sync_sample s = sync_kvm_sample(&kvm, guest);
		struct dat_shift_cpu cpu = { 1, &s.shift };
		struct dat_info info = { .time_shift = { true, 1, 0, 1, &cpu } };
		struct clock_conv c;

		clock_conv_init(&c, &info, NULL, true, 0);
		back = clock_convert(&c, guest);
		/* what the guest's coarser counter cannot tell is not the conversion's */
		if ((uint64_t)llabs((int64_t)(back - host)) > s.quality.bound + (ratio >> bits ? 1 : (UINT64_C(1) << bits) / ratio + 1))
			fail_msg("%zu: %" PRIu64 " came back as %" PRIu64 ", bound %" PRIu64, i, host, back, s.quality.bound);
		assert_true(same ? s.quality.bound == 0 : s.quality.bound < 100);
	}
}

/* ---- a thousand sessions --------------------------------------------------------------- */

#define RUNS 1000
#define PROBES 60
#define LOOKS 20			/* times of a session that are converted */
#define NS_PER_S INT64_C(1000000000)

struct world {
	uint64_t seed;
	int64_t t0, offset, drift_ppb;	/* of the host's clock against the guest's */
	int64_t there, back;		/* shortest ways, ns */
	double jitter;			/* mean, of the way */
	bool wrong;			/* some notes of the host are nonsense */
};

static uint64_t draw(struct world *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed * UINT64_C(2685821657736338717);
}

static int64_t between(struct world *w, int64_t low, int64_t high)
{
	return low + (int64_t)(draw(w) % (uint64_t)(high - low + 1));
}

static double chance(struct world *w)
{
	return (draw(w) >> 11) / 9007199254740992.0;
}

static int64_t host_time(const struct world *w, int64_t t)
{
	return t + w->offset + (int64_t)((int128)(t - w->t0) * w->drift_ppb / NS_PER_S);
}

/* A way takes its shortest time and what it is held up: mostly little, now and then much. */
static int64_t way(struct world *w, int64_t shortest)
{
	double held = shortest * w->jitter * (chance(w) + chance(w) * chance(w));

	if (chance(w) < 0.03)
		held += 200e6 * chance(w);	/* sent once more */
	return shortest + (int64_t)held;
}

static struct world make_world(uint64_t nr)
{
	static const int64_t ways[] = { 8000, 30000, 120000, 600000, 3000000, 20000000 };
	struct world w = { .seed = nr * UINT64_C(0x9e3779b97f4a7c15) + 1 };

	w.t0 = between(&w, NS_PER_S, 1000000 * NS_PER_S);
	w.offset = between(&w, -w.t0 / 2, 1000000 * NS_PER_S);
	w.drift_ppb = between(&w, -500000, 500000);
	w.there = w.back = ways[nr % 6] + between(&w, 0, ways[nr % 6]);
	if (nr % 3 == 0)
		w.back = w.there * between(&w, 2, 5);	/* asymmetric */
	w.jitter = chance(&w) * 2;
	w.wrong = nr % 10 == 0;
	return w;
}

static struct sync_sample measure(struct world *w, int64_t *now)
{
	struct sync_probe p[PROBES];

	for (int i = 0; i < PROBES; i++) {
		p[i].sent = *now;
		*now += way(w, w->there);
		p[i].remote = host_time(w, *now) + (w->wrong && chance(w) < 0.1 ? 5 * NS_PER_S : 0);
		*now += way(w, w->back);
		p[i].back = chance(w) < 0.02 ? 0 : *now;	/* lost from the trace buffer */
		*now += between(w, 1000, 20000);
	}
	return estimate(p, PROBES);
}

/* How far converted times are off, at most, in parts of the fastest round trip. */
static double session(uint64_t nr)
{
	struct world w = make_world(nr);
	int64_t now = w.t0, rounds = between(&w, 2, 5);
	struct dat_info info = { 0 };
	struct clock_conv conv;
	struct sync_log l;
	uint64_t bound = 0, off = 0;

	assert_int_equal(sync_log_init(&l, 1), 0);
	for (int64_t i = 0; i < rounds; i++) {
		struct sync_sample s = measure(&w, &now);

		add(&l, 0, s);
		bound = s.quality.bound > bound ? s.quality.bound : bound;
		assert_true(s.quality.bound <= s.quality.round_trip / 2 + s.quality.round_trip / 500 + 2);
		now += between(&w, NS_PER_S / 10, 100 * NS_PER_S);
	}
	assert_int_equal(sync_log_finish(&l), 0);
	l.shift.flags = 1;
	info.time_shift = l.shift;
	clock_conv_init(&conv, &info, NULL, true, 0);
	for (int i = 0; i < LOOKS; i++) {
		int64_t t = between(&w, l.shift.cpus[0].samples[0].time, l.shift.cpus[0].samples[rounds - 1].time);
		int64_t d = (int64_t)clock_convert(&conv, t) - host_time(&w, t);

		off = (uint64_t)llabs(d) > off ? (uint64_t)llabs(d) : off;
	}
	/* both ends of the interpolation round */
	if (off > bound + 2)
		fail_msg("session %" PRIu64 ": %" PRIu64 " ns off, bound %" PRIu64 " ns", nr, off, bound);
	sync_log_release(&l);
	return (double)off / (w.there + w.back);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void a_thousand_sessions(void **state)
{
	static double off[RUNS];

	(void)state;
	for (uint64_t i = 0; i < RUNS; i++)
		off[i] = session(i);
	qsort(off, RUNS, sizeof(*off), by_size);
	print_message("error: median %.3f, 90 %% %.3f, most %.3f of the round trip\n", off[RUNS / 2], off[RUNS * 9 / 10],
		      off[RUNS - 1]);
	assert_true(off[RUNS / 2] < 0.1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_exchange_is_good_for_half_its_time),
		cmocka_unit_test(exchanges_narrow_each_other),
		cmocka_unit_test(what_contradicts_the_others_is_left_out),
		cmocka_unit_test(where_most_contradict_the_fastest_counts),
		cmocka_unit_test(what_is_not_whole_does_not_count),
		cmocka_unit_test(great_numbers_stay_in_bounds),
		cmocka_unit_test(samples_are_kept_in_order),
		cmocka_unit_test(one_counter_has_one_offset),
		cmocka_unit_test(kvm_files),
		cmocka_unit_test(kvm_files_that_are_wrong),
		cmocka_unit_test(known_counters_lead_back),
		cmocka_unit_test(a_thousand_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
