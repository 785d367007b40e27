// SPDX-License-Identifier: GPL-2.0-or-later
/* Windows on many threads give what one thread gives, whatever the file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "made_replay.h"

/* A result is a line for each record and notice. */
struct work {
	struct buf out;
	bool warm;		/* the state is told, so it must be right */
	size_t full;		/* a result is large when it is that long */
	unsigned stop_after;	/* takes; 0: none */
	unsigned takes;
	int fail_at;		/* record with that serial */
	unsigned *fail_warm;	/* all in front of a window fail, and are counted here */
	const uint8_t *ids;	/* of others only losses are told */
	bool tell_ids;		/* pass over them, too */
	unsigned again;		/* every so many results are refused, if what is before was not taken
				 * when they were begun */
	unsigned settled, refused;
};

struct work_job {
	struct work *work;
	struct buf text;
	bool hurry, in_order;
	bool settled, goes_on;	/* what was settled last is taken, the window goes on */
	unsigned begun;		/* results settled by then */
};

static int job_new(void *ctx, bool in_order, void **ret, struct err *e)
{
	struct work_job *j = calloc(1, sizeof(*j));

	(void)e;
	j->in_order = in_order;
	j->work = ctx;
	*ret = j;
	return 0;
}

static void job_free(void *ctx, void *job)
{
	struct work_job *j = job;

	(void)ctx;
	buf_release(&j->text);
	free(j);
}

static void clear(void *job)
{
	struct work_job *j = job;

	buf_clear(&j->text);
	j->goes_on = j->settled;
	j->settled = false;
	j->begun = __atomic_load_n(&j->work->settled, __ATOMIC_RELAXED);
}

static void hurry(void *job)
{
	((struct work_job *)job)->hurry = true;
}

/* In a damaged file it may be anything. */
static uint32_t serial_of(const struct replay_record *rec)
{
	return rec->len < 8 ? 0 : get_u32((const uint8_t *)rec->data + 4, false);
}

/* State: the serial of the last record of the CPU whose serial is even, so that one or two
 * records have to be looked at to know it. */
static int record(void *job, struct replay_cursor *c, const struct replay_record *rec, bool warm,
		  struct err *e)
{
	struct work_job *j = job;
	uint32_t serial = serial_of(rec);
	uint64_t *state = rec->state, before = j->work->warm ? *state : 0;
	const struct replay_record *next;
	int more = replay_cursor_peek(c, &next, e);

	if (more < 0)
		return more;
	if (warm && j->work->fail_warm) {
		__atomic_add_fetch(j->work->fail_warm, 1, __ATOMIC_RELAXED);
		return err_set(e, -ENOANO, "failed on purpose");
	}
	if (j->work->ids && (rec->len < 2 || !j->work->ids[get_u16(rec->data, false)])) {
		*state = 0;
		if (rec->lost)
			buf_printf(&j->text, "%llu lost %lld\n", (unsigned long long)rec->ts,
				   (long long)rec->lost);
		return 0;
	}
	if (!(serial & 1))
		*state = serial + 1;
	buf_printf(&j->text, "%llu %u %u %u %lld%d%d %llu", (unsigned long long)rec->ts, rec->buffer,
		   rec->cpu, serial, (long long)rec->lost, rec->page_start, rec->first_entry,
		   (unsigned long long)before);
	if (more)
		buf_printf(&j->text, " %u", serial_of(next));
	buf_puts(&j->text, "\n");
	if (!warm && j->work->fail_at && serial == (uint32_t)j->work->fail_at)
		return err_set(e, -ENOANO, "failed on purpose");
	if (j->hurry) {
		j->hurry = false;
		return 1;
	}
	return j->text.len >= j->work->full;
}

static size_t mark(void *job)
{
	return ((struct work_job *)job)->text.len;
}

static int settle(void *ctx, void *job, struct err *e)
{
	struct work *w = ctx;
	struct work_job *j = job;

	(void)e;
	if (w->again && !j->in_order && !j->goes_on && j->begun != w->settled &&
	    w->refused++ % w->again == 0)
		return -EAGAIN;
	__atomic_add_fetch(&w->settled, 1, __ATOMIC_RELAXED);
	j->settled = true;
	return 0;
}

static int take(void *ctx, void *job, size_t from, size_t to, struct err *e)
{
	struct work *w = ctx;

	(void)e;
	if (to == REPLAY_END)
		to = mark(job);
	assert_true(from <= to && to <= mark(job));
	buf_put(&w->out, ((struct work_job *)job)->text.data + from, to - from);
	return w->stop_after && ++w->takes >= w->stop_after;
}

static void hear_between(void *ctx, const char *text)
{
	buf_printf(ctx, "! %s\n", text);
}

struct how { struct replay_run_opts opts; struct work work; };

/* All of a file; what was told stands between the records. */
static char *run(int fd, const struct how *how, int want, uint64_t *damage)
{
	struct work w = how->work;
	struct replay_work work = {
		.ctx = &w, .job_new = job_new, .job_free = job_free, .clear = clear,
		.hurry = hurry, .record = record, .mark = mark, .settle = settle, .take = take,
	};
	const uint8_t *ids[] = { w.ids };
	struct notices notices = { hear_between, &w.out };
	struct replay_opts opts = { .notices = &notices };
	struct replay *rp = replay_fd(dup(fd), &opts);
	struct err e = { 0 };
	int rc;

	if (!w.full)
		w.full = 1000;
	if (w.tell_ids)
		work.ids = ids;
	rc = replay_run(rp, &how->opts, &work, &e);
	if (rc != want)
		fail_msg("%d instead of %d: %s", rc, want, e.text);
	if (damage)
		*damage = replay_damage(rp);
	replay_free(rp);
	buf_puts(&w.out, "");
	return w.out.data;
}

static void expect_same(const char *a, const char *b, const char *what)
{
	size_t i = 0, line = 0;

	if (!strcmp(a, b))
		return;
	for (; a[i] == b[i]; i++)
		if (a[i] == '\n')
			line = i + 1;
	fail_msg("%s: at byte %zu '%.*s' became '%.*s'", what, i, (int)strcspn(a + line, "\n"),
		 a + line, (int)strcspn(b + line, "\n"), b + line);
}

static const char *const codecs[] = { "none", "zstd", "lz4", "zlib" };

/* What the times of a file are like. */
enum shape { STEADY, EQUAL, BURSTS, BACKWARDS, CHAOS, SHAPES };
static const char *const shapes[] = { "steady", "equal", "bursts", "backwards", "chaos" };

static uint64_t next_time(enum shape shape, uint64_t ts, int i, uint32_t cpu, uint64_t random)
{
	switch (shape) {
	case EQUAL:
		return i / 700;
	case BURSTS:
		return ts + (i / 500 % 3 == (int)cpu ? random & 3 : 500 + (random & 255));
	case BACKWARDS:
		return i % 211 == 210 ? ts - 400 : ts + (random & 15);
	case CHAOS:
		return 1000000 + (random >> 8 & 0xffff);
	default:
		return ts + (random & 15);
	}
}

/* Tables long enough to be read in two steps. */
enum { EVENTS = 8000, CPUS = 3, PAGE = 1024 };

static int file_of_events(const char *codec, enum shape shape, int events)
{
	uint64_t seed = 1;
	struct made m;

	made_begin(&m, codec, PAGE);
	made_buffer(&m, "");
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		uint64_t ts = 1000 * cpu;

		if (cpu == 2)
			made_buffer(&m, "inst");
		made_cpu(&m, cpu);
		for (int i = 0; i < (cpu == 1 ? events / 2 : events); i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			ts = next_time(shape, ts, i, cpu, seed >> 32);
			made_event_of(&m, ts, seed >> 40);
			if (i % 301 == 0)
				made_page(&m, i % 2 ? 0 : i);
			for (int k = 0; i % 1000 == 900 && k < 25; k++)
				made_page(&m, 0);
		}
	}
	return made_finish(&m);
}

static int file_of(const char *codec, enum shape shape)
{
	return file_of_events(codec, shape, EVENTS);
}

static const uint32_t window_bytes[] = { 1, 1024, 5000, 20000, 1 << 20 };
static const unsigned thread_counts[] = { 2, 3, 8 };

static void expect_equal_runs(int fd, const char *what)
{
	struct how how = { .opts = { .threads = 1, .warm = 2 }, .work = { .warm = true } };
	uint64_t damage, other;
	char *one = run(fd, &how, 0, &damage), *ahead;

	how.opts.ahead = true;
	ahead = run(fd, &how, 0, &other);
	expect_same(one, ahead, what);
	assert_true(damage == other);
	free(ahead);
	for (size_t t = 0; t < ARRAY_SIZE(thread_counts); t++)
		for (size_t i = 0; i < ARRAY_SIZE(window_bytes); i++) {
			char *many;

			how.opts.threads = thread_counts[t];
			how.opts.window_bytes = window_bytes[i];
			/* too few of them to know the state: it is still right */
			how.opts.warm = i % 4;
			many = run(fd, &how, 0, &other);
			expect_same(one, many, what);
			assert_true(damage == other);
			free(many);
		}
	free(one);
	close(fd);
}

static void any_number_of_threads(void **state)
{
	(void)state;
	for (enum shape s = 0; s < SHAPES; s++)
		expect_equal_runs(file_of(codecs[s % ARRAY_SIZE(codecs)], s), shapes[s]);
}

/* Results that are not what they have to be, when all before is known, are made again. */
static void results_refused(void **state)
{
	(void)state;
	for (enum shape s = 0; s < SHAPES; s++) {
		struct how how = { .opts = { .threads = 1, .warm = 3 } };
		int fd = file_of(codecs[s % ARRAY_SIZE(codecs)], s);
		char *one = run(fd, &how, 0, NULL);

		for (unsigned again = 1; again <= 4; again++) {
			char *many;

			how.opts.threads = 3;
			how.opts.window_bytes = again * PAGE;
			how.work.again = again;
			many = run(fd, &how, 0, NULL);
			expect_same(one, many, shapes[s]);
			free(many);
		}
		free(one);
		close(fd);
	}
}

/* What is passed over changes nothing else. */
static void expect_equal_passing(int fd, const uint8_t *ids, const char *what)
{
	struct how how = { .opts = { .threads = 1, .warm = 3 }, .work = { .warm = true, .ids = ids } };
	uint64_t damage, other;
	char *all = run(fd, &how, 0, &damage);

	assert_non_null(strchr(all, '\n'));
	how.work.tell_ids = true;
	for (unsigned threads = 1; threads <= 3; threads++)
		for (size_t i = 0; i < ARRAY_SIZE(window_bytes); i++) {
			char *passing;

			how.opts.threads = threads;
			how.opts.window_bytes = window_bytes[i];
			passing = run(fd, &how, 0, &other);
			expect_same(all, passing, what);
			assert_true(damage == other);
			free(passing);
		}
	free(all);
	close(fd);
}

static void passing_over(void **state)
{
	static uint8_t ids[EVENT_IDS];

	(void)state;
	for (enum shape s = 0; s < SHAPES; s++)
		for (unsigned each = 2; each < 60; each += 19) {
			for (unsigned id = 0; id < EVENT_IDS; id++)
				ids[id] = id % each == 0;
			expect_equal_passing(file_of(codecs[s % ARRAY_SIZE(codecs)], s), ids, shapes[s]);
		}
}

/* A byte of some chunk, or of the lengths in front of it, becomes another. */
static void damage_chunk(int fd, bool codec)
{
	struct dat_chunks chunks;
	struct dat_reader *r;
	uint8_t byte = random();
	uint32_t buffer = random() % 2, i;

	made_ok(dat_reader_open_fd(dup(fd), "made.dat", NULL, &r, e));
	if (!dat_reader_chunks(r, buffer, buffer ? 0 : random() % 2, &chunks, NULL) && chunks.nr) {
		i = random() % chunks.nr;
		assert_int_equal(pwrite_full(fd, &byte, 1, chunks.v[i].offset + random() % chunks.v[i].csize -
					     (codec && random() % 20 == 0 ? 8 : 0)), 0);
	}
	dat_reader_close(r);
}

/* Bytes that are wrong here and there: losses, notices and their places are the same. */
static void damage(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 8; seed++) {
		int fd = file_of(codecs[seed % 4], STEADY);

		srandom(seed);
		for (unsigned i = 0; i < (seed < 7 ? 5 : 200); i++)
			damage_chunk(fd, seed % 4);
		expect_equal_runs(fd, "damage");
	}
}

/* The range is a part of the whole, whose ends are right. */
static void expect_range(int fd, const char *whole, uint64_t from, uint64_t to, unsigned threads)
{
	struct how how = {
		.opts = {
			.warm = 3, .has_from = true, .has_to = true, .from = from, .to = to,
			.threads = threads, .window_bytes = threads == 1 ? 0 : 3000,
		},
		.work = { .warm = true },
	};
	char *part = run(fd, &how, 0, NULL), *expected;
	const char *at, *end;

	for (at = whole; *at && strtoull(at, NULL, 10) < from;)
		at = strchr(at, '\n') + 1;
	for (end = at; *end && strtoull(end, NULL, 10) < to;)
		end = strchr(end, '\n') + 1;
	expected = strndup(at, end - at);
	expect_same(expected, part, "range");
	free(expected);
	free(part);
}

static char *run_whole(int fd)
{
	const struct how how = { .opts = { .warm = 3 }, .work = { .warm = true } };

	return run(fd, &how, 0, NULL);
}

static void ranges(void **state)
{
	(void)state;
	for (size_t codec = 0; codec < ARRAY_SIZE(codecs); codec++) {
		int fd = file_of(codecs[codec], codec & 1 ? BURSTS : STEADY);
		char *whole = run_whole(fd);

		for (uint64_t from = 0; from < 40000; from += 3533)
			for (unsigned threads = 1; threads < 4; threads++)
				expect_range(fd, whole, from, from + from * 7 % 5000 + (from & 1),
					     threads);
		free(whole);
		close(fd);
	}
}

/* So long that not all heads of chunks are read. */
enum { LONG_EVENTS = 120000 };

static void long_ranges(void **state)
{
	(void)state;
	for (size_t codec = 1; codec < ARRAY_SIZE(codecs); codec++) {
		int fd = file_of_events(codecs[codec], STEADY, LONG_EVENTS);
		char *whole = run_whole(fd);
		uint64_t last = 0;

		for (const char *at = whole; *at; at = strchr(at, '\n') + 1)
			last = strtoull(at, NULL, 10);
		for (uint64_t from = 0; from < last + last / 8; from += last / 7)
			expect_range(fd, whole, from, from + from * 7 % 5000 + 900, 1 + from % 3);
		expect_range(fd, whole, 0, last - 1000, 2);
		expect_range(fd, whole, last / 2, UINT64_MAX, 1);
		free(whole);
		close(fd);
	}
}

/* The last record of all is found from the area's end. */
static void last_time(void **state)
{
	(void)state;
	for (size_t codec = 0; codec < ARRAY_SIZE(codecs); codec++) {
		int fd = file_of_events(codecs[codec], STEADY, LONG_EVENTS);
		struct replay *rp = replay_fd(fd, NULL);
		uint64_t ts = 0, found = 0;
		struct replay_record rec;
		struct err e = { 0 };

		assert_int_equal(replay_last_ts(rp, &found, &e), 1);
		while (replay_next(rp, &rec, &e) == 1)
			ts = rec.ts;
		assert_true(ts == found);
		replay_free(rp);
	}
}

/*
 * Damage amid a long file. A range away from it hears nothing of it; one that it lies
 * in has what the whole has.
 */
static void damaged_head(void **state)
{
	int fd = file_of_events("zstd", STEADY, LONG_EVENTS);
	uint64_t bad, from = 0, damage;
	struct how how = { .opts = { .warm = 3, .has_to = true } };
	struct dat_chunks chunks;
	struct dat_reader *r;
	char *whole, *part;

	(void)state;
	whole = run_whole(fd);
	made_ok(dat_reader_open_fd(dup(fd), "made.dat", NULL, &r, e));
	made_ok(dat_reader_chunks(r, 0, 0, &chunks, e));
	bad = chunks.v[chunks.nr / 2].offset - 8;
	dat_reader_close(r);
	assert_int_equal(pwrite_full(fd, "\xff\xff\xff\xff", 4, bad), 0);

	for (const char *at = whole; *at && from < 500000; at = strchr(at, '\n') + 1)
		from = strtoull(at, NULL, 10);
	expect_range(fd, whole, 1000, 3000, 1);
	expect_range(fd, whole, 1000, 3000, 3);
	free(whole);
	how.opts.to = from;
	part = run(fd, &how, 0, &damage);
	assert_int_equal(damage, 1);
	free(part);
	close(fd);
}

/* It ends early where it is told to, and with the failure of a record in its order. */
static void ends_early(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads < 9; threads += threads == 1 ? 1 : 6) {
		int fd = file_of("zstd", STEADY);
		struct how how = {
			.opts = { .threads = threads, .window_bytes = threads > 1 ? 2000 : 0 },
			.work = { .stop_after = 5 },
		};
		char *all, *text = run(fd, &how, 1, NULL);

		how.work.stop_after = 0;
		all = run(fd, &how, 0, NULL);
		assert_true(strlen(text) < strlen(all) && !strncmp(text, all, strlen(text)));
		free(text);
		how.work.fail_at = 3000;
		text = run(fd, &how, -ENOANO, NULL);
		assert_true(strlen(text) < strlen(all) && !strncmp(text, all, strlen(text)));
		free(text);
		free(all);
		close(fd);
	}
}

/* The first record is there to be seen before anything else is worked on. */
static void first_at_once(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads < 9; threads += threads == 1 ? 1 : 6) {
		int fd = file_of("zstd", STEADY);
		struct how how = {
			.opts = { .threads = threads, .window_bytes = threads > 1 ? 2000 : 0 },
			.work = { .stop_after = 1 },
		};
		char *text = run(fd, &how, 1, NULL);

		assert_true(*text && strchr(text, '\n') == text + strlen(text) - 1);
		free(text);
		close(fd);
	}
}

/*
 * What fails in front of a window that nobody knows the beginning of is no failure of
 * the run. It happens with each: after some of them no more are tried.
 */
static void failing_guesses(void **state)
{
	enum { WRONG_MAX = 8, JOBS_PER_THREAD = 2 };

	(void)state;
	for (unsigned threads = 2; threads < 9; threads += 6) {
		int fd = file_of("zstd", STEADY);
		struct how how = { .opts = { .threads = 1 } };
		char *one = run(fd, &how, 0, NULL), *many;
		unsigned failed = 0;

		how.opts = (struct replay_run_opts){ .threads = threads, .warm = 2, .window_bytes = 1 };
		how.work.fail_warm = &failed;
		many = run(fd, &how, 0, NULL);
		expect_same(one, many, "failing guesses");
		assert_true(failed >= WRONG_MAX);
		/* those that had begun when the last one was counted */
		assert_true(failed <= WRONG_MAX + 1 + threads * JOBS_PER_THREAD);
		free(one);
		free(many);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_threads),
		cmocka_unit_test(results_refused),
		cmocka_unit_test(passing_over),
		cmocka_unit_test(damage),
		cmocka_unit_test(ranges),
		cmocka_unit_test(long_ranges),
		cmocka_unit_test(last_time),
		cmocka_unit_test(damaged_head),
		cmocka_unit_test(ends_early),
		cmocka_unit_test(first_at_once),
		cmocka_unit_test(failing_guesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
