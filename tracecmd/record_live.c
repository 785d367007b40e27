// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event/event.h"
#include "record_live.h"
#include "replay/live.h"
#include "replay/replay.h"
#include "report.h"

#define INTERVAL_MS 200			/* between looks, unless -s says otherwise */
#define FLUSH_MS 10			/* between looks whether a flush is done */
#define WAITING_MAX (16u << 20)		/* of sub-buffers that are not printed yet */
#define TEXT_BYTES (64u << 10)		/* lines are written when there are so many */

/* A CPU of a buffer. */
struct place {
	char *prefix;			/* in front of its lines: the instance */
	uint32_t cpu;
	bool skip;			/* the next record is in the line of the one before */
};

struct record_live {
	const struct trace_options *o;
	struct recording *rec;
	struct kernel *kernel;		/* the thread's own */
	struct replay *replay;		/* of what a file begins with: formats, symbols, names */
	struct event_db *db;
	struct event_ctx *ctx;
	struct live *live;
	struct place *places;		/* by stream */
	uint64_t *until;		/* by clock: up to which time what came is complete */
	size_t nr, nr_clocks;
	struct event_line_opts line;
	struct event_line_state state;
	struct buf text;
	bool gave_way;			/* lines did not wait for those before them */
	int unread_fd;
	sem_t there, go;
	pid_t tid;
	pthread_t thread;
	bool started, gone;		/* there is a thread; it was let go */
};

int record_live_new(const struct trace_options *o, struct record_live **ret, struct err *e)
{
	struct record_live *l = calloc(1, sizeof(*l));

	if (!l)
		return err_errno(e, -ENOMEM, "cannot stream");
	l->o = o;
	sem_init(&l->there, 0, 0);
	sem_init(&l->go, 0, 0);
	l->unread_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->unread_fd < 0) {
		int r = err_errno(e, -errno, "cannot stream");

		record_live_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* ---- what texts are made of ----------------------------------------------------------- */

/* What a file would begin with, in memory. */
static int open_front(struct record_live *l, struct err *e)
{
	const struct notices *notices = l->o->quiet ? NULL : &stderr_notices;
	const struct replay_opts opts = { .notices = notices };
	int fd = memfd_create("tracecmd-front", MFD_CLOEXEC), r;
	struct dat_reader *reader;

	if (fd < 0)
		return err_errno(e, -errno, "cannot collect formats and names");
	r = recording_front(l->rec, 7, fd, "formats and names", e);
	if (r) {
		close(fd);
		return r;
	}
	r = dat_reader_open_fd(fd, "formats and names", notices, &reader, e);
	if (r)
		return r;
	r = replay_new(&opts, &l->replay, e);
	if (r)
		dat_reader_close(reader);
	else
		r = replay_add_file(l->replay, reader, NULL, NULL, e);
	if (!r)
		r = replay_start(l->replay, e);
	if (!r)
		r = replay_event_db(l->replay, 0, &l->db, e);
	if (!r) {
		event_db_set_texts(l->db, EVENT_TEXTS_KERNEL);
		r = event_db_load_plugins(l->db, false, false, e);
	}
	if (!r)
		r = event_ctx_new(l->db, &l->ctx, e);
	if (!r)
		l->line = (struct event_line_opts){ .seconds = replay_in_seconds(l->replay, 0), .loose_clock = true };
	return r;
}

/* The number of a stream's clock: that of the first stream that has it, if one has. */
static uint32_t clock_number(struct record_live *l, const struct live_stream *streams, size_t nr, const char *clock)
{
	for (size_t i = 0; i < nr; i++) {
		struct recording_cpu c;

		recording_cpu(l->rec, i, &c);
		if (!strcmp(c.clock, clock))
			return streams[i].clock;
	}
	return l->nr_clocks++;
}

static int make_streams(struct record_live *l, struct err *e)
{
	const struct dat_reader *reader = replay_reader(l->replay, 0);
	AUTO_FREE struct live_stream *streams = NULL;
	struct ring_abi abi;
	size_t width = 0;
	int r;

	l->nr = recording_nr_cpus(l->rec);
	l->places = calloc(l->nr + 1, sizeof(*l->places));
	l->until = calloc(l->nr + 1, sizeof(*l->until));
	streams = calloc(l->nr + 1, sizeof(*streams));
	if (!l->places || !l->until || !streams)
		return err_errno(e, -ENOMEM, "cannot stream");
	for (size_t i = 0; i < l->nr; i++) {
		struct recording_cpu c;

		recording_cpu(l->rec, i, &c);
		l->places[i].cpu = c.cpu;
		streams[i].page_size = c.page_size;
		streams[i].clock = clock_number(l, streams, i, c.clock);
		clock_conv_init(&streams[i].conv, dat_reader_info(reader), NULL, !*c.instance, c.cpu);
		if (strlen(c.instance) > width)
			width = strlen(c.instance);
	}
	for (size_t i = 0; i < l->nr; i++) {
		struct recording_cpu c;

		recording_cpu(l->rec, i, &c);
		l->places[i].prefix = report_prefix(c.instance, width);
		if (!l->places[i].prefix)
			return err_errno(e, -ENOMEM, "cannot stream");
	}
	r = replay_abi(l->replay, 0, &abi, e);
	return r ? r : live_new(&abi, streams, l->nr, WAITING_MAX, &l->live, e);
}

int record_live_begin(struct record_live *l, struct recording *rec, struct err *e)
{
	int r;

	l->rec = rec;
	r = kernel_open(NULL, NULL, &l->kernel, e);
	if (!r)
		r = open_front(l, e);
	return r ? r : make_streams(l, e);
}

/* ---- lines -------------------------------------------------------------------------------- */

static void make_view(const struct record_live *l, const struct live_record *rec, struct event_record *ret)
{
	*ret = (struct event_record){
		.ts = rec->ts, .data = rec->data, .len = rec->len, .avail = rec->avail,
		.cpu = l->places[rec->stream].cpu,
	};
}

static int peek_next(void *ctx, struct event_record *ret)
{
	const struct record_live *l = ctx;
	struct live_record next;

	/* what was lost between must be told */
	if (live_peek(l->live, &next) != 1 || next.lost)
		return 0;
	make_view(l, &next, ret);
	return 1;
}

static void take_next(void *ctx)
{
	struct record_live *l = ctx;
	struct live_record next;

	if (live_peek(l->live, &next) == 1)
		l->places[next.stream].skip = true;
}

static void write_text(struct record_live *l)
{
	if (!l->text.len || out_closed())
		return buf_clear(&l->text);
	out_write(l->text.data, l->text.len);
	buf_clear(&l->text);
	if (out_closed())
		eventfd_write(l->unread_fd, 1);
}

static void put_lost(struct record_live *l, const struct live_record *rec)
{
	const struct place *p = &l->places[rec->stream];

	buf_puts(&l->text, p->prefix);
	if (rec->lost == RING_LOST_UNKNOWN)
		buf_printf(&l->text, "CPU:%u [EVENTS DROPPED]\n", p->cpu);
	else
		buf_printf(&l->text, "CPU:%u [%llu EVENTS DROPPED]\n", p->cpu, (unsigned long long)rec->lost);
}

static void put_record(struct record_live *l, const struct live_record *rec)
{
	const struct event_next next = { .peek = peek_next, .take = take_next, .ctx = l };
	struct place *p = &l->places[rec->stream];
	struct event_record view;

	if (rec->lost)
		put_lost(l, rec);
	if (p->skip) {
		p->skip = false;
		return;
	}
	make_view(l, rec, &view);
	buf_puts(&l->text, p->prefix);
	event_line(l->ctx, &l->line, &l->state, &view, &next, &l->text);
	buf_puts(&l->text, "\n");
	if (l->text.len >= TEXT_BYTES)
		write_text(l);
}

/* Tasks that began later have names by now; without them lines are as good as they can be. */
static void renew_names(struct record_live *l)
{
	AUTO_BUF struct buf names = { 0 };

	if (!kernel_read(kernel_top(l->kernel), "saved_cmdlines", &names))
		event_ctx_renew_comms(l->ctx, names.data, names.len);
}

/* What has come, up to @until of each clock; NULL: all. */
static void print(struct record_live *l, const uint64_t *until)
{
	struct live_record rec;
	bool any = false;

	live_refill(l->live);
	while (live_next(l->live, until, &rec)) {
		if (out_closed())	/* what comes is not wanted, but does not wait either */
			continue;
		if (!any)
			renew_names(l);
		any = true;
		put_record(l, &rec);
	}
	write_text(l);
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* Has what is in the kernel's buffers come: l->until was before that. False: lines have to give way, or it is the end. */
static bool await_flush(struct record_live *l)
{
	bool done = false, stuck = false;
	unsigned flush;

	for (size_t i = 0; i < l->nr_clocks; i++)
		l->until[i] = live_latest(l->live, i);
	live_flushing(l->live, true);
	flush = recording_flush(l->rec);
	while (!done && !stuck) {
		live_wait(l->live, FLUSH_MS);
		done = recording_flushed(l->rec, flush);
		stuck = live_has_ended(l->live) || live_is_full(l->live);
	}
	live_flushing(l->live, false);
	return done;
}

/* Whether something came since l->until was noted. */
static bool has_later(struct record_live *l)
{
	for (size_t i = 0; i < l->nr_clocks; i++)
		if (live_latest(l->live, i) > l->until[i])
			return true;
	return false;
}

static void *print_all(void *live)
{
	struct record_live *l = live;
	unsigned interval = l->o->has_sleep ? l->o->sleep_us / 1000 : INTERVAL_MS;
	bool again = false;

	pthread_setname_np(pthread_self(), "tcmd-print");
	l->tid = syscall(SYS_gettid);
	sem_post(&l->there);
	while (sem_wait(&l->go) < 0)
		;			/* EINTR only */
	while (!live_has_ended(l->live)) {
		if (await_flush(l)) {
			print(l, l->until);
			/* What this one brought is complete with the next one. */
			again = !again && has_later(l);
			if (!again)
				live_wait(l->live, interval);
		} else if (!live_has_ended(l->live)) {
			l->gave_way = true;
			print(l, NULL);
		}
	}
	print(l, NULL);
	return NULL;
}

int record_live_start(struct record_live *l, struct err *e)
{
	int r = -pthread_create(&l->thread, NULL, print_all, l);

	if (r)
		return err_errno(e, r, "cannot start the thread that prints");
	l->started = true;
	while (sem_wait(&l->there) < 0)
		;			/* EINTR only */
	return recording_hide(l->rec, l->tid, e);
}

void record_live_go(struct record_live *l)
{
	l->gone = true;
	sem_post(&l->go);
}

int record_live_put(void *live, uint32_t stream, const struct recorder_chunk *c, struct err *e)
{
	struct record_live *l = live;

	return live_put(l->live, stream, c->pages, c->len, e);
}

int record_live_fd(const struct record_live *l)
{
	return l->unread_fd;
}

int record_live_end(struct record_live *l)
{
	if (!l || !l->started)
		return 0;
	live_end(l->live);
	if (!l->gone)
		record_live_go(l);
	pthread_join(l->thread, NULL);
	l->started = false;
	live_cancel(l->live);
	if (l->gave_way && live_late(l->live) && !l->o->quiet)
		notice(&stderr_notices, "%llu lines stand behind later ones: they could not be printed as fast as events "
		       "came", (unsigned long long)live_late(l->live));
	return 0;
}

void record_live_free(struct record_live *l)
{
	if (!l)
		return;
	record_live_end(l);
	live_free(l->live);
	for (size_t i = 0; i < l->nr && l->places; i++)
		free(l->places[i].prefix);
	free(l->places);
	free(l->until);
	event_ctx_free(l->ctx);
	replay_free(l->replay);
	kernel_close(l->kernel);
	buf_release(&l->text);
	cleanup_close(&l->unread_fd);
	sem_destroy(&l->go);
	sem_destroy(&l->there);
	free(l);
}
