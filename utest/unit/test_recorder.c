// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The recorder's threads without a kernel: sub-buffers come from a file, which
 * can be read and spliced like trace_pipe_raw.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "record/recorder.h"

#define PAGE 4096u
#define STREAMS 3
#define EVENTS 80			/* of a sub-buffer */

static const struct ring_abi abi = {
	.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, .long_size = 8,
};

struct fixture {
	char dir[64];
	char raw[STREAMS][96], spool[STREAMS][96];
	size_t pages;			/* of each file */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_recorder.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (unsigned i = 0; i < STREAMS; i++) {
		snprintf(f->raw[i], sizeof(f->raw[i]), "%s/raw%u", f->dir, i);
		snprintf(f->spool[i], sizeof(f->spool[i]), "%s/x.cpu%u", f->dir, i);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < STREAMS; i++) {
		unlink(f->raw[i]);
		unlink(f->spool[i]);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static uint64_t time_of(unsigned stream, size_t page, unsigned event)
{
	return 1000000 * (stream + 1) + page * 100 + event;
}

static void make_page(uint8_t *page, unsigned stream, size_t number)
{
	struct ring_encoder enc;

	ring_encoder_init(&enc, &abi, page, PAGE);
	if (number == 7)
		ring_encoder_lost(&enc, 11);
	for (unsigned i = 0; i < EVENTS; i++) {
		uint32_t data[10] = { 5, stream, number, i };

		assert_int_equal(ring_encoder_put(&enc, time_of(stream, number, i), data,
						  sizeof(data)), 1);
	}
	ring_encoder_finish(&enc);
}

static void make_raw(struct fixture *f, size_t pages)
{
	uint8_t page[PAGE];

	f->pages = pages;
	for (unsigned s = 0; s < STREAMS; s++) {
		int fd = open(f->raw[s], O_WRONLY | O_CREAT | O_TRUNC, 0600);

		for (size_t i = 0; i < pages; i++) {
			make_page(page, s, i);
			assert_int_equal(write_full(fd, page, PAGE), 0);
		}
		close(fd);
	}
}

static struct recorder *make_recorder(struct fixture *f, const struct recorder_opts *opts)
{
	struct recorder *rec;

	assert_int_equal(recorder_new(opts, &rec, NULL), 0);
	for (unsigned s = 0; s < STREAMS; s++) {
		struct recorder_stream st = {
			.fd = open(f->raw[s], O_RDONLY | O_NONBLOCK), .spool_path = f->spool[s],
			.info = { .session = 1, .cpu = s, .page_size = PAGE, .long_size = 8,
				  .big_endian = abi.big_endian },
		};

		assert_int_equal(recorder_add(rec, &st, NULL), 0);
	}
	return rec;
}

/* Pages of the spool from number @first on, compared with what they should be. Their count. */
static size_t check_spool(const struct spool *sp, unsigned stream, const struct codec *codec,
			  size_t first)
{
	struct codec_ctx ctx = { 0 };
	size_t number = first;

	for (size_t i = 0; i < spool_nr_chunks(sp); i++) {
		const struct spool_chunk *c = spool_chunk(sp, i);
		uint8_t *packed = malloc(c->csize), *pages = malloc(c->usize), want[PAGE];

		assert_int_equal(pread_full(c->fd, packed, c->csize, c->offset), 0);
		if (codec && !c->raw)
			assert_int_equal(codec_decompress(codec, &ctx, packed, c->csize, pages,
							  c->usize), 0);
		else
			memcpy(pages, packed, c->usize);
		assert_int_equal(c->first_ts, time_of(stream, number, 0));
		for (uint32_t off = 0; off < c->usize; off += PAGE) {
			make_page(want, stream, number++);
			assert_memory_equal(pages + off, want, PAGE);
		}
		assert_int_equal(c->last_ts, time_of(stream, number - 1, EVENTS - 1));
		free(packed);
		free(pages);
	}
	codec_ctx_release(&ctx);
	return number - first;
}

static void record_all(struct fixture *f, const struct recorder_opts *opts)
{
	struct recorder *rec = make_recorder(f, opts);
	size_t nr;

	assert_int_equal(recorder_start(rec, NULL), 0);
	assert_true(recorder_tids(rec, &nr)[0] > 0);
	assert_in_range(nr, STREAMS + 1, STREAMS + 8);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	for (unsigned s = 0; s < STREAMS; s++) {
		const struct recorder_stats *st = recorder_stream_stats(rec, s);

		assert_int_equal(check_spool(recorder_spool(rec, s), s, opts->codec, 0), f->pages);
		assert_int_equal(st->pages, f->pages);
		assert_int_equal(st->lost, f->pages > 7 ? 11 : 0);
		assert_int_equal(st->lost_unknown, 0);
		assert_int_equal(st->bad_pages, 0);
		assert_int_equal(st->discarded, 0);
	}
	recorder_free(rec, true);
	assert_int_equal(access(f->spool[0], F_OK), -1);
}

static void test_everything_in_order(void **state)
{
	static const size_t sizes[] = { 0, 1, 9, 63, 64, 65, 1000 };
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct recorder_opts opts = { .codec = codec_find("zstd") };

		make_raw(f, sizes[i]);
		record_all(f, &opts);
		opts.no_splice = true;
		record_all(f, &opts);
		opts.codec = NULL;
		record_all(f, &opts);
		opts.poll = true;
		record_all(f, &opts);
	}
}

/* So little memory that readers must wait for the workers. */
static void test_little_memory(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { .codec = codec_find("zstd"), .memory = 1 };

	make_raw(f, 3000);
	record_all(f, &opts);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { .spool_limit = 40 * PAGE };
	struct recorder *rec;

	make_raw(f, 1000);
	rec = make_recorder(f, &opts);
	assert_int_equal(recorder_start(rec, NULL), 0);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	for (unsigned s = 0; s < STREAMS; s++) {
		const struct spool *sp = recorder_spool(rec, s);
		size_t kept = 0;

		assert_true(spool_disk_bytes(sp) <= opts.spool_limit);
		for (size_t i = 0; i < spool_nr_chunks(sp); i++)
			kept += spool_chunk(sp, i)->usize / PAGE;
		assert_in_range(kept, 15, 40);
		assert_int_equal(check_spool(sp, s, NULL, 1000 - kept), kept);
	}
	recorder_free(rec, true);
}

#define CUTS 4
#define MANY_CUTS 200

/* What each stream wrote, spool by spool, is all of it in order; losses are where they happened. */
static void test_cut(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { .codec = codec_find("lz4"), .cut_bytes = 16 * PAGE };
	struct recorder_cut cuts[CUTS + 1][STREAMS];
	struct recorder *rec;

	make_raw(f, 2000);
	rec = make_recorder(f, &opts);
	assert_int_equal(recorder_start(rec, NULL), 0);
	for (unsigned i = 0; i < CUTS; i++)
		assert_int_equal(recorder_cut(rec, cuts[i], NULL), 0);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	for (unsigned s = 0; s < STREAMS; s++) {
		uint64_t pages = 0, lost = 0, seq = 0;

		recorder_take(rec, s, &cuts[CUTS][s]);
		for (unsigned i = 0; i <= CUTS; i++) {
			struct spool *sp = cuts[i][s].spool;

			assert_non_null(sp);
			assert_true(!spool_nr_chunks(sp) || spool_chunk(sp, 0)->seq == seq);
			seq += spool_nr_chunks(sp);
			lost += cuts[i][s].stats.lost;
			assert_true(!cuts[i][s].stats.lost || pages <= 7);
			pages += check_spool(sp, s, opts.codec, pages);
			spool_close(sp, true);
		}
		assert_int_equal(pages, f->pages);
		assert_int_equal(lost, 11);
	}
	recorder_free(rec, true);
}

struct flusher {
	pthread_t thread;
	struct recorder *rec;
	atomic_bool stop;
};

static void *flush_on(void *arg)
{
	struct flusher *f = arg;

	while (!atomic_load(&f->stop))
		recorder_flush(f->rec);
	return NULL;
}

/* Somebody else's flushes cut nothing: each stream is cut once by each cut, which ends. */
static void test_cut_among_flushes(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { 0 };
	struct flusher other = { 0 };
	size_t pages[STREAMS] = { 0 };
	struct recorder *rec;

	make_raw(f, 200);
	rec = make_recorder(f, &opts);
	assert_int_equal(recorder_start(rec, NULL), 0);
	other.rec = rec;
	assert_int_equal(pthread_create(&other.thread, NULL, flush_on, &other), 0);
	alarm(60);
	for (unsigned i = 0; i <= MANY_CUTS; i++) {
		struct recorder_cut cuts[STREAMS];

		if (i < MANY_CUTS) {
			assert_int_equal(recorder_cut(rec, cuts, NULL), 0);
		} else {
			atomic_store(&other.stop, true);
			pthread_join(other.thread, NULL);
			assert_int_equal(recorder_stop(rec, NULL), 0);
		}
		for (unsigned s = 0; s < STREAMS; s++) {
			if (i == MANY_CUTS)
				recorder_take(rec, s, &cuts[s]);
			assert_non_null(cuts[s].spool);
			pages[s] += check_spool(cuts[s].spool, s, NULL, pages[s]);
			spool_close(cuts[s].spool, true);
		}
	}
	alarm(0);
	for (unsigned s = 0; s < STREAMS; s++)
		assert_int_equal(pages[s], f->pages);
	recorder_free(rec, true);
}

/* Told once a size is reached, or at once if it has been. */
static void test_tell_size(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { 0 };
	struct recorder *rec;
	struct pollfd p = { .events = POLLIN };
	eventfd_t seen;

	make_raw(f, 500);
	rec = make_recorder(f, &opts);
	recorder_tell_size(rec, 600 * PAGE);
	assert_int_equal(recorder_start(rec, NULL), 0);
	p.fd = recorder_size_fd(rec);
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_true(recorder_written(rec) >= 600 * PAGE);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	assert_int_equal(eventfd_read(p.fd, &seen), 0);
	recorder_tell_size(rec, recorder_written(rec) + 1);
	assert_int_equal(poll(&p, 1, 0), 0);
	recorder_tell_size(rec, recorder_written(rec));
	assert_int_equal(poll(&p, 1, 0), 1);
	recorder_free(rec, true);
}

/* A cut of a recording that has failed says so instead of waiting for what never comes. */
static void test_cut_after_failure(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { .max_bytes = 64 * PAGE };
	struct recorder_cut cuts[STREAMS];
	struct pollfd p = { .events = POLLIN };
	struct recorder *rec;
	struct err e = { 0 };

	make_raw(f, 500);
	rec = make_recorder(f, &opts);
	assert_int_equal(recorder_start(rec, NULL), 0);
	p.fd = recorder_alarm_fd(rec);
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(recorder_cut(rec, cuts, &e), -ECANCELED);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	for (unsigned s = 0; s < STREAMS; s++) {
		char next[128];

		snprintf(next, sizeof(next), "%s.2", f->spool[s]);
		spool_close(cuts[s].spool, true);
		assert_true(cuts[s].spool || access(next, F_OK));
	}
	recorder_free(rec, true);
}

/* A write that fails raises the alarm; what was written before is whole. */
static void test_failed_write(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { 0 };
	struct rlimit old, low;
	struct recorder *rec;
	struct pollfd p = { .events = POLLIN };
	struct err e = { 0 };
	uint64_t discarded = 0;

	make_raw(f, 2000);
	rec = make_recorder(f, &opts);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	low.rlim_cur = 1 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_int_equal(recorder_start(rec, NULL), 0);
	p.fd = recorder_alarm_fd(rec);
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(recorder_stop(rec, &e), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(e.text, "cannot write to spool '"));
	for (unsigned s = 0; s < STREAMS; s++) {
		const struct recorder_stats *st = recorder_stream_stats(rec, s);
		size_t whole = check_spool(recorder_spool(rec, s), s, NULL, 0);

		assert_in_range(whole, 0, (1 << 20) / PAGE);
		discarded += st->discarded;
		assert_int_equal(st->discarded_events, EVENTS * st->discarded);
		assert_int_equal(whole + st->discarded, st->pages);
		assert_true(st->uncounted);		/* a file has no counters */
	}
	assert_true(discarded > 0);
	recorder_free(rec, true);
}

/* Sub-buffers that make no sense are kept as they are, and counted. */
static void test_bad_pages(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { .codec = codec_find("lz4") };
	uint8_t junk[2 * PAGE];
	struct recorder *rec;
	int fd;

	make_raw(f, 0);
	memset(junk, 0xff, sizeof(junk));
	fd = open(f->raw[1], O_WRONLY);
	assert_int_equal(write_full(fd, junk, sizeof(junk)), 0);
	close(fd);
	rec = make_recorder(f, &opts);
	assert_int_equal(recorder_start(rec, NULL), 0);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	assert_int_equal(recorder_stream_stats(rec, 1)->bad_pages, 2);
	assert_int_equal(spool_chunk(recorder_spool(rec, 1), 0)->usize, sizeof(junk));
	recorder_free(rec, true);
}

/* A stream that cannot be read ends the recording with its reason. */
static void test_failed_read(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { 0 };
	struct recorder *rec;
	struct recorder_stream st = {
		.fd = open("/", O_RDONLY | O_DIRECTORY), .spool_path = f->spool[2],
		.info = { .session = 1, .cpu = 2, .page_size = PAGE, .long_size = 8 },
	};
	struct err e = { 0 };

	assert_int_equal(recorder_new(&opts, &rec, NULL), 0);
	assert_int_equal(recorder_add(rec, &st, NULL), 0);
	assert_int_equal(recorder_start(rec, NULL), 0);
	assert_int_equal(recorder_stop(rec, &e), -EISDIR);
	assert_string_equal(e.text, "cannot read the buffer of CPU 2: Is a directory");
	recorder_free(rec, true);
}

/* A buffer that is filled for ever is not emptied for ever. */
static void test_stays_on(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { .codec = codec_find("lz4") };
	struct recorder *rec;
	struct recorder_stream st = {
		.fd = open("/dev/zero", O_RDONLY), .spool_path = f->spool[0],
		.info = { .session = 1, .page_size = PAGE, .long_size = 8 },
	};

	assert_int_equal(recorder_new(&opts, &rec, NULL), 0);
	assert_int_equal(recorder_add(rec, &st, NULL), 0);
	assert_int_equal(recorder_start(rec, NULL), 0);
	recorder_stays_on(rec);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	assert_true(recorder_stream_stats(rec, 0)->unread);
	assert_true(spool_nr_chunks(recorder_spool(rec, 0)) > 0);
	recorder_free(rec, true);
}

static void test_never_started(void **state)
{
	struct fixture *f = *state;
	struct recorder_opts opts = { 0 };
	struct recorder *rec;

	make_raw(f, 1);
	rec = make_recorder(f, &opts);
	assert_int_equal(recorder_stop(rec, NULL), 0);
	recorder_free(rec, true);
	recorder_free(NULL, true);
}

/* Latency tracers leave a text, not streams: nothing to read, no trouble. */
static void test_no_streams(void **state)
{
	struct recorder_opts opts = { 0 };
	struct recorder *rec = NULL;
	struct pollfd alarm = { .events = POLLIN };
	struct err e = { 0 };
	size_t nr;

	(void)state;
	assert_int_equal(recorder_new(&opts, &rec, &e), 0);
	assert_int_equal(recorder_start(rec, &e), 0);
	recorder_tids(rec, &nr);
	assert_int_equal(recorder_nr_streams(rec), 0);
	alarm.fd = recorder_alarm_fd(rec);
	assert_int_equal(poll(&alarm, 1, 0), 0);
	assert_int_equal(recorder_stop(rec, &e), 0);
	assert_int_equal(recorder_stop(rec, &e), 0);
	recorder_free(rec, true);
	assert_int_equal(e.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_little_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_among_flushes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tell_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_after_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stays_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_never_started, set_up, tear_down),
		cmocka_unit_test(test_no_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
