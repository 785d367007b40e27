// SPDX-License-Identifier: GPL-2.0-or-later
/* Replay of recordings: counts and order as an independent decoder tells them. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "replay/replay.h"

struct expected_cpu { unsigned file; const char *buffer; uint32_t cpu; uint64_t records; };

static const struct expected {
	const char *files[4];
	bool raw_ts;
	uint64_t records, hash;
	struct expected_cpu cpus[24];
} expected[] = {
#include "replay_expected.h"
};

static void fail_on_notice(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("unexpected notice: %s", text);
}

static struct replay *open_files(const char *const *files, struct replay_opts opts)
{
	static const struct notices strict = { fail_on_notice, NULL };
	struct replay *rp;
	struct err e = { 0 };

	opts.notices = &strict;
	assert_int_equal(replay_new(&opts, &rp, &e), 0);
	for (unsigned i = 0; files[i]; i++) {
		struct dat_reader *r;
		char path[512];
		unsigned index = 0;

		snprintf(path, sizeof(path), FIXTURES "/traces/%s", files[i]);
		if (dat_reader_open(path, NULL, &r, &e) ||
		    replay_add_file(rp, r, NULL, &index, &e))
			fail_msg("%s", e.text);
		assert_int_equal(index, i);
	}
	assert_int_equal(replay_start(rp, &e), 0);
	return rp;
}

static uint64_t fnv1a(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3;
	return h;
}

static uint64_t hash_record(struct replay *rp, uint64_t h, const struct replay_record *rec)
{
	struct dat_reader *r = replay_reader(rp, rec->file);
	char line[256];

	/* the decoder knows a loss as trace-cmd does: at the first entry of a page */
	snprintf(line, sizeof(line), "%u %s %u %" PRIu64 " %" PRIu64 " %u %u %" PRId64 "\n",
		 rec->file, dat_reader_buffer(r, rec->buffer)->name, rec->cpu, rec->ts, rec->raw_ts,
		 get_u16(rec->data, dat_reader_header(r)->big_endian), rec->len,
		 rec->first_entry ? (int64_t)rec->lost : 0);
	return fnv1a(h, line);
}

static void count(struct replay *rp, const struct expected *x, struct expected_cpu *left,
		  const struct replay_record *rec)
{
	const char *name = dat_reader_buffer(replay_reader(rp, rec->file), rec->buffer)->name;

	for (unsigned i = 0; x->cpus[i].buffer; i++)
		if (left[i].file == rec->file && left[i].cpu == rec->cpu &&
		    !strcmp(left[i].buffer, name)) {
			left[i].records--;
			return;
		}
	fail_msg("%s: a record of CPU %u of buffer '%s'", x->files[0], rec->cpu, name);
}

static void order_of_fixtures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct expected *x = &expected[i];
		struct replay *rp = open_files(x->files, (struct replay_opts) { .raw_ts = x->raw_ts });
		struct expected_cpu left[ARRAY_SIZE(x->cpus)];
		uint64_t n = 0, h = 0xcbf29ce484222325;
		struct replay_record rec;
		struct err e = { 0 };
		int rc;

		memcpy(left, x->cpus, sizeof(left));
		while ((rc = replay_next(rp, &rec, &e)) == 1) {
			count(rp, x, left, &rec);
			h = hash_record(rp, h, &rec);
			n++;
		}
		if (rc)
			fail_msg("%s: %s", x->files[0], e.text);
		assert_int_equal(replay_next(rp, &rec, &e), 0);
		if (n != x->records || h != x->hash)
			fail_msg("%s: %" PRIu64 " records, expected %" PRIu64 "; hash %016" PRIx64,
				 x->files[0], n, x->records, h);
		for (unsigned k = 0; x->cpus[k].buffer; k++)
			assert_true(left[k].records == 0);
		assert_true(replay_damage(rp) == 0);
		replay_free(rp);
	}
}

/* Formats and names come from the file, once asked for; all records have one. */
static void events_of_a_file(void **state)
{
	static const char *const files[] = { "old-v7.dat", "old-v6.dat", NULL };
	struct replay *rp = open_files(files, (struct replay_opts) { 0 });
	struct event_db *db[2], *again;
	struct replay_record rec;
	unsigned switches = 0;
	struct err e = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(replay_event_db(rp, i, &db[i], &e), 0);
		assert_int_equal(replay_event_db(rp, i, &again, &e), 0);
		assert_ptr_equal(db[i], again);
		assert_int_equal(replay_cpus(rp, i), 2);
		assert_true(replay_in_seconds(rp, i));
	}
	assert_ptr_not_equal(db[0], db[1]);
	while (replay_next(rp, &rec, &e) == 1) {
		struct tep_event *event = event_db_event(db[rec.file],
			event_db_record_id(db[rec.file], rec.data, rec.len));

		assert_non_null(event);
		switches += !strcmp(event->name, "sched_switch");
	}
	assert_true(switches > 100);
	assert_string_equal(event_db_comm(db[0], 0), "<idle>");
	replay_free(rp);
}

static void seconds_or_counts(void **state)
{
	static const char *const tsc[] = { "clock-tsc2nsec.dat", NULL };

	(void)state;
	for (int raw = 0; raw < 2; raw++) {
		struct replay *rp = open_files(tsc, (struct replay_opts) { .raw_ts = raw });

		assert_int_equal(replay_in_seconds(rp, 0), !raw);
		replay_free(rp);
	}
}

/* ---- sub-buffers without a merge ---- */

#define SCAN_THREADS 3

struct tally {
	uint64_t by_type[65536], records, bytes, ts_sum;
	uint64_t lost, lost_unknown;
};

struct scanned {
	bool by_count;			/* ring_page_count instead of ring_page_next */
	struct tally v[SCAN_THREADS];
	uint32_t last_cpu[SCAN_THREADS];
	uint64_t last_page[SCAN_THREADS];
	bool in_order;
};

static int scan_page(void *ctx, unsigned worker, const struct replay_cpu *cpu, struct ring_page *page,
		     struct err *e)
{
	struct scanned *s = ctx;
	struct tally *t = &s->v[worker];
	struct ring_event ev;

	(void)e;
	assert_true(worker < SCAN_THREADS);
	if (s->last_cpu[worker] == cpu->nr + 1 && page->page_ts < s->last_page[worker])
		s->in_order = false;
	s->last_cpu[worker] = cpu->nr + 1;
	s->last_page[worker] = page->page_ts;
	if (s->by_count) {
		assert_int_equal(ring_page_count(page, t->by_type), 0);
		return 0;
	}
	while (ring_page_next(page, &ev) == 1) {
		t->by_type[get_u16(ev.data, page->abi.big_endian)]++;
		t->records++;
		t->bytes += ev.len;
		t->ts_sum += clock_convert(cpu->conv, ev.ts) * (cpu->cpu + 1) * (cpu->buffer + 1) *
			     (cpu->file + 1);
	}
	return 0;
}

static void scan_lost(void *ctx, unsigned worker, const struct replay_cpu *cpu, uint64_t lost)
{
	struct tally *t = &((struct scanned *)ctx)->v[worker];

	(void)cpu;
	if (lost == RING_LOST_UNKNOWN)
		t->lost_unknown++;
	else
		t->lost += lost;
}

static void add_up(struct tally *to, const struct tally *from)
{
	for (unsigned i = 0; i < 65536; i++)
		to->by_type[i] += from->by_type[i];
	to->records += from->records;
	to->bytes += from->bytes;
	to->ts_sum += from->ts_sum;
	to->lost += from->lost;
	to->lost_unknown += from->lost_unknown;
}

static void merged(const struct expected *x, struct tally *t)
{
	struct replay *rp = open_files(x->files, (struct replay_opts) { .raw_ts = x->raw_ts });
	struct replay_record rec;
	struct err e = { 0 };

	while (replay_next(rp, &rec, &e) == 1) {
		bool big = dat_reader_header(replay_reader(rp, rec.file))->big_endian;

		t->by_type[get_u16(rec.data, big)]++;
		t->records++;
		t->bytes += rec.len;
		t->ts_sum += rec.ts * (rec.cpu + 1) * (rec.buffer + 1) * (rec.file + 1);
		if (rec.lost == RING_LOST_UNKNOWN)
			t->lost_unknown++;
		else
			t->lost += rec.lost;
	}
	replay_free(rp);
}

/* The same records as the merge has, by any number of threads. */
static void scans_of_fixtures(void **state)
{
	struct tally *want = calloc(1, sizeof(*want)), *all = calloc(1, sizeof(*all));
	struct scanned *s = calloc(1, sizeof(*s));

	(void)state;
	assert_true(want && all && s);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct expected *x = &expected[i];

		memset(want, 0, sizeof(*want));
		merged(x, want);
		for (unsigned k = 0; k < 8; k++) {
			struct replay_scan scan = {
				.threads = k & 1 ? SCAN_THREADS : 1, .in_order = k & 2, .ctx = s,
				.page = scan_page, .lost = scan_lost,
			};
			struct replay *rp = open_files(x->files, (struct replay_opts) { .raw_ts = x->raw_ts });
			struct err e = { 0 };

			memset(s, 0, sizeof(*s));
			memset(all, 0, sizeof(*all));
			s->by_count = k & 4;
			s->in_order = true;
			if (replay_scan(rp, &scan, &e))
				fail_msg("%s: %s", x->files[0], e.text);
			for (unsigned w = 0; w < SCAN_THREADS; w++)
				add_up(all, &s->v[w]);
			assert_memory_equal(all->by_type, want->by_type, sizeof(want->by_type));
			assert_true(all->lost == want->lost && all->lost_unknown == want->lost_unknown);
			if (!s->by_count)
				assert_true(all->records == want->records && all->bytes == want->bytes &&
					    all->ts_sum == want->ts_sum);
			if (scan.in_order)
				assert_true(s->in_order);
			assert_true(replay_damage(rp) == 0);
			replay_free(rp);
		}
	}
	free(want);
	free(all);
	free(s);
}

static int refuse_page(void *ctx, unsigned worker, const struct replay_cpu *cpu, struct ring_page *page,
		       struct err *e)
{
	(void)ctx;
	(void)worker;
	(void)cpu;
	(void)page;
	return err_set(e, -EIO, "no more");
}

static void scan_ends_with_an_error(void **state)
{
	static const char *const files[] = { "old-v7.dat", NULL };

	(void)state;
	for (unsigned threads = 0; threads <= SCAN_THREADS; threads++) {
		struct replay *rp = open_files(files, (struct replay_opts) { 0 });
		struct replay_scan scan = { .threads = threads, .page = refuse_page, .lost = scan_lost };
		struct err e = { 0 };

		assert_int_equal(replay_scan(rp, &scan, &e), -EIO);
		assert_string_equal(e.text, "no more");
		replay_free(rp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_fixtures),
		cmocka_unit_test(events_of_a_file),
		cmocka_unit_test(seconds_or_counts),
		cmocka_unit_test(scans_of_fixtures),
		cmocka_unit_test(scan_ends_with_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
