// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compares trace clocks, by what lib/remote has for that, between two processes:
 *
 *	clocks serve ADDRESS PORT PROTOCOL CPUS CLOCK
 *	clocks measure ADDRESS PORT PROTOCOL CPUS CLOCK INTERVAL-MS RUN-MS
 *
 * The first is the guest and ends with the session; PORT is taken as it is, "ready" is printed once it
 * is. The second prints "CPU TIME OFFSET BOUND ROUND-TRIP EXCHANGES LEFT-OUT" for each sample, and how
 * many milliseconds the first round took.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "remote/net.h"
#include "remote/tsync.h"

#define TIMEOUT_MS 60000

static int failed(const struct err *e)
{
	fprintf(stderr, "clocks: %s\n", e->text);
	return 1;
}

static void tell(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "clocks: %s\n", text);
}

static const struct notices notices = { tell, NULL };

static int serve(char **arg, struct tsync_tracefs *t, struct err *e)
{
	struct tsync_serve_opts o = {
		.name = arg[2], .cpus = atoi(arg[3]), .clocks = tsync_tracefs_clocks(t), .timeout_ms = TIMEOUT_MS,
		.notices = &notices,
	};
	struct tsync_serve *s;
	int fds[NET_LISTEN_MAX];

	if (net_listen(arg[0], arg[1], fds, e) < 1)
		return failed(e);
	o.listen_fd = fds[0];
	if (tsync_serve_start(&o, &s, e))
		return failed(e);
	printf("ready\n");
	fflush(stdout);
	if (tsync_serve_await(s, e))
		failed(e);
	tsync_serve_stop(s, TIMEOUT_MS);
	return !!e->code;
}

static void print(const struct sync_log *l)
{
	for (uint32_t c = 0; c < l->shift.nr_cpus; c++) {
		for (uint32_t i = 0; i < l->shift.cpus[c].nr; i++) {
			const struct dat_shift_sample *s = &l->shift.cpus[c].samples[i];
			const struct dat_sync_sample *q = &l->quality.cpus[c].samples[i];

			printf("%" PRIu32 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32 "\n", c,
			       s->time, s->offset, q->bound, q->round_trip, q->probes, q->rejected);
		}
	}
}

static int measure(char **arg, struct tsync_tracefs *t, struct err *e)
{
	struct tsync_measure_opts o = {
		.name = arg[2], .cpus = atoi(arg[3]), .clocks = tsync_tracefs_clocks(t), .interval_ms = atoi(arg[5]),
		.timeout_ms = TIMEOUT_MS, .notices = &notices,
	};
	unsigned lanes = tsync_lanes(o.name, o.cpus);
	struct tsync_measure *m;
	int fds[TSYNC_LANES_MAX];
	struct sync_log log;
	uint64_t began;

	for (unsigned i = 0; i < lanes; i++) {
		fds[i] = net_connect(arg[0], arg[1], TIMEOUT_MS, e);
		if (fds[i] < 0)
			return failed(e);
	}
	began = monotonic_ns();
	if (tsync_measure_start(&o, fds, lanes, &m, e))
		return failed(e);
	printf("%" PRIu64 "\n", (monotonic_ns() - began) / 1000000);
	usleep(atoi(arg[6]) * 1000);
	if (tsync_measure_stop(m, &log, e))
		return failed(e);
	print(&log);
	sync_log_release(&log);
	return 0;
}

int main(int argc, char **argv)
{
	bool guest = argc == 7 && !strcmp(argv[1], "serve");
	struct tsync_tracefs *t;
	struct kernel *k;
	struct err e = { 0 };
	int r;

	if (!guest && (argc != 9 || strcmp(argv[1], "measure")))
		return 2;
	if (kernel_open(NULL, &notices, &k, &e) || tsync_tracefs_new(k, argv[6], &t, &e))
		return failed(&e);
	r = guest ? serve(argv + 2, t, &e) : measure(argv + 2, t, &e);
	tsync_tracefs_free(t);
	kernel_close(k);
	return r;
}
