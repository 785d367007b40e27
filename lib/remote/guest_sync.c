// SPDX-License-Identifier: LGPL-2.1-or-later
/* How far a guest's clock is from ours, while it is recorded. */
#include <errno.h>
#include <unistd.h>

#include "remote/guests_inside.h"

#define CONNECT_MS 10000
#define MESSAGE_MS 30000

/* Without it the recording goes on, and its times are the guest's own. */
static void give_up(const struct guest *g, const struct err *why)
{
	notice(g->opts.notices, "%s: its clock is not compared with ours: %s", g->opts.label, why->text);
}

int guest_sync_offer(struct guest *g, struct err *e)
{
	unsigned role = g->opts.address ? TSYNC_CLIENT : TSYNC_HOST;

	if (!g->opts.sync)
		return 0;
	return tsync_offer(&g->req.protos, role, g->opts.clock, false) ? tsync_no_memory(e) : 0;
}

static int connect_all(struct guest *g, int *fds, unsigned nr, struct err *e)
{
	for (unsigned i = 0; i < nr; i++) {
		fds[i] = net_connect_to(&g->peer, true, g->talk.answer.sync_port, CONNECT_MS, e);
		if (fds[i] < 0) {
			int r = fds[i];

			while (i)
				close(fds[--i]);
			return r;
		}
	}
	return 0;
}

static int start(struct guest *g, struct kernel *k, struct err *e)
{
	const struct wire_answer *a = &g->talk.answer;
	struct tsync_measure_opts o = {
		.name = a->proto, .cpus = a->cpus, .interval_ms = g->opts.sync_interval_ms,
		.timeout_ms = g->opts.unlimited ? 0 : MESSAGE_MS, .notices = g->opts.notices,
	};
	unsigned lanes = tsync_lanes(a->proto, a->cpus);
	int fds[TSYNC_LANES_MAX], r = k ? tsync_tracefs_new(k, g->opts.clock, &g->clocks, e) : 0;

	if (!r)
		r = connect_all(g, fds, lanes, e);
	if (r)
		return r;
	o.clocks = k ? tsync_tracefs_clocks(g->clocks) : &tsync_monotonic_clocks;
	return tsync_measure_start(&o, fds, lanes, &g->measure, e);
}

void guest_sync_begin(struct guest *g, struct kernel *k)
{
	const struct wire_answer *a = &g->talk.answer;
	struct err e = { 0 };
	int r;

	if (!g->opts.sync)
		return;
	if (!*a->proto || !tsync_known(a->proto) || !strcmp(a->proto, TSYNC_KVM))
		r = err_set(&e, -EOPNOTSUPP, "the agent speaks no protocol for that that was offered");
	else
		r = start(g, k, &e);
	if (r)
		give_up(g, &e);
}

void guest_sync_end(struct guest *g)
{
	struct err e = { 0 };

	if (g->measure) {
		g->synced = tsync_measure_stop(g->measure, &g->log, &e) != -ENODATA && g->log.shift.nr_cpus;
		if (e.code)
			give_up(g, &e);
	}
	g->measure = NULL;
	tsync_tracefs_free(g->clocks);
	g->clocks = NULL;
}

int guest_sync_store(struct guest *g, struct err *e)
{
	bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	struct buf shift AUTO_BUF = { .big_endian = big }, quality AUTO_BUF = { .big_endian = big };
	int r;

	if (!g->synced)
		return 0;
	g->log.shift.peer_id = g->opts.trace_id;
	if (dat_put_time_shift(&shift, &g->log.shift) || dat_put_time_sync(&quality, &g->log.quality))
		return tsync_no_memory(e);
	r = incoming_option(g->in, DAT_TIME_SHIFT, shift.data, shift.len, e);
	return r ? r : incoming_option(g->in, DAT_TIME_SYNC, quality.data, quality.len, e);
}
