// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"
#include "record_output.h"

#define NS_PER_S UINT64_C(1000000000)
#define LIMIT_MS 100			/* between looks at limits */
#define STATUS_MS 1000
#define MB 1e6

int progress_check(const struct trace_options *o, struct err *e)
{
	return o->has_status_fd ? trace_check_descriptor("--status-fd", o->status_fd, e) : 0;
}

static void tell_terminal(struct progress *p, double seconds, double rate)
{
	fprintf(stderr, "\r%.0f s  %.0f events/s  %.1f MB (of %.1f)  %" PRIu64 " lost  buffers %u %%%s\033[K", seconds,
		rate, p->now.spooled / MB, p->now.taken / MB, p->now.lost, p->now.fill,
		kernel_setup_stopped(&p->o->setup) ? "  tracing is off" : "");
	fflush(stderr);
	p->shown = true;
}

static int put_status(const struct progress *p, double seconds, double rate, struct buf *line)
{
	return buf_printf(line, "{\"seconds\":%.3f,\"events\":%" PRIu64 ",\"events_per_second\":%.0f,"
			  "\"bytes\":%" PRIu64 ",\"bytes_before_compression\":%" PRIu64 ",\"lost\":%" PRIu64
			  ",\"buffer_percent\":%u,\"tracing\":%s}",
			  seconds, p->now.events, rate, p->now.spooled, p->now.taken, p->now.lost, p->now.fill,
			  kernel_setup_stopped(&p->o->setup) ? "false" : "true");
}

/*
 * A reader that is gone or slow is no reason to stop recording. Where there is room a pipe takes a
 * line (less than PIPE_BUF) whole; else it is left out. O_NONBLOCK would be for all who share
 * the descriptor's file.
 */
static void tell_program(const struct progress *p, double seconds, double rate)
{
	struct pollfd to = { .fd = p->o->status_fd, .events = POLLOUT };
	struct buf line AUTO_BUF = { 0 };

	if (poll(&to, 1, 0) <= 0 || !(to.revents & POLLOUT))
		return;
	put_status(p, seconds, rate, &line);
	if (buf_puts(&line, "\n") || write(to.fd, line.data, line.len) < 0)
		return;
}

/* How it goes now. Events a second since that was last asked for @since. */
static void look(struct progress *p, struct progress_since *since, uint64_t now, double *ret_seconds,
		 double *ret_rate)
{
	recording_progress(p->rec, &p->now);
	*ret_seconds = (double)(now - p->began) / NS_PER_S;
	*ret_rate = (double)(p->now.events - since->events) * NS_PER_S / (now - since->at + 1);
	*since = (struct progress_since){ .at = now, .events = p->now.events };
}

static void tell(struct progress *p, uint64_t now)
{
	double seconds, rate;

	look(p, &p->told, now, &seconds, &rate);
	if (p->on_terminal)
		tell_terminal(p, seconds, rate);
	if (p->o->has_status_fd)
		tell_program(p, seconds, rate);
}

int progress_status(struct progress *p, struct buf *line)
{
	double seconds, rate;

	look(p, &p->asked, monotonic_ns(), &seconds, &rate);
	return put_status(p, seconds, rate, line);
}

/* True when a limit is reached. */
static bool tick(void *ctx)
{
	struct progress *p = ctx;
	const struct trace_options *o = p->o;
	uint64_t now = monotonic_ns();

	if ((p->on_terminal || o->has_status_fd) && now - p->told.at >= STATUS_MS * NS_PER_S / 1000)
		tell(p, now);
	return o->max_time_s && now - p->began >= o->max_time_s * NS_PER_S;
}

static void flush(void *ctx)
{
	struct progress *p = ctx;

	if (p->rec)
		recording_flush(p->rec);
}

static void save(void *ctx)
{
	struct progress *p = ctx;

	if (!p->rec || !recording_ask_part(p->rec, false, 0))
		notice(&stderr_notices, "nothing is saved before the end: " PARTS_UNFIT);
}

void progress_begin(struct progress *p, const struct trace_options *o, struct recording *rec,
		    struct control *control, struct record_watch *ret_watch)
{
	*p = (struct progress){
		.o = o, .rec = rec, .began = monotonic_ns(),
		.on_terminal = rec && !o->live && !o->command && !o->quiet && !o->daemonize && isatty(STDERR_FILENO),
	};
	p->told.at = p->asked.at = p->began;
	*ret_watch = (struct record_watch){ .tick = tick, .flush = flush, .save = save, .ctx = p,
					   .control = control };
	if (o->max_time_s)
		ret_watch->tick_ms = LIMIT_MS;
	else if (p->on_terminal || o->has_status_fd)
		ret_watch->tick_ms = STATUS_MS;
}

void progress_end(struct progress *p)
{
	if (p->rec && p->o->has_status_fd)
		tell(p, monotonic_ns());
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}
