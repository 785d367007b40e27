// SPDX-License-Identifier: LGPL-2.1-or-later
/* The guest's end: it asks, notes when it did and when it was answered, and reckons. */
#include <errno.h>
#include <inttypes.h>

#include "remote/tsync.h"

#define KVM_MARK 1u			/* the only one of a kvm measurement */

int tsync_guest_init(struct tsync_guest *g, const char *name, const struct tsync_clock *clock,
		     uint64_t budget_ns)
{
	*g = (struct tsync_guest){ .clock = clock, .budget_ns = budget_ns };
	if (!tsync_known(name))
		return -EINVAL;
	memcpy(g->name, name, strlen(name));
	return 0;
}

void tsync_guest_release(struct tsync_guest *g)
{
	buf_release(&g->in);
	buf_release(&g->out);
}

/* The one mark of a kvm measurement, whose time goes to the host. */
static int request(struct tsync_guest *g, struct err *e)
{
	uint64_t times[KVM_MARK + 1] = { 0 };
	struct dat_shift_sample s = { 0 };
	int r = g->clock->mark(g->clock->ctx, TSYNC_SENT, KVM_MARK, e);

	if (!r)
		r = g->clock->times(g->clock->ctx, TSYNC_SENT, times, KVM_MARK + 1, e);
	if (r)
		return r;
	s.time = times[KVM_MARK];
	g->state = TSYNC_RESULT;
	return tsync_kvm_put(&g->out, TSYNC_KVM_REQUEST, &s) ? tsync_no_memory(e) : 0;
}

static int begin(struct tsync_guest *g, const struct tsync_msg *m, struct err *e)
{
	struct tsync_start s = { .flags = TSYNC_PTP_FASTEST | TSYNC_PTP_MARKERS };
	uint16_t cpu;
	int r = tsync_probe_cpu_parse(m, &cpu, e);

	if (!r)
		r = g->clock->begin(g->clock->ctx, cpu, e);
	if (r)
		return r;
	if (!strcmp(g->name, TSYNC_KVM))
		return request(g, e);
	s.series = ++g->series;
	g->probes = 0;
	g->began = g->clock->now(g->clock->ctx);
	g->state = TSYNC_STARTING;
	return tsync_start_put(&g->out, g->name, &s) ? tsync_no_memory(e) : 0;
}

static int around(struct tsync_guest *g, const struct tsync_msg *m, struct err *e)
{
	if (m->id == TSYNC_NONE_STOP) {
		g->state = TSYNC_OVER;
		return 1;
	}
	if (m->id != TSYNC_NONE_PROBE)
		return tsync_unexpected(m, "PROBE or STOP", e);
	if (g->state != TSYNC_IDLE)
		return err_set(e, -EPROTO, "a measurement is asked for while another one is under way");
	return begin(g, m, e);
}

static int ask(struct tsync_guest *g, struct err *e)
{
	int r = g->clock->mark(g->clock->ctx, TSYNC_SENT, ++g->probes, e);

	g->state = TSYNC_PROBING;
	if (r)
		return r;
	return tsync_count_put(&g->out, g->name, g->probes) ? tsync_no_memory(e) : 0;
}

static int started(struct tsync_guest *g, const struct tsync_msg *m, struct err *e)
{
	struct tsync_start s;
	int r = m->id == TSYNC_PTP_START ? tsync_start_parse(m, &s, e) : tsync_unexpected(m, "START", e);

	if (!r && s.series != g->series)
		r = err_set(e, -EPROTO, "START is of measurement %" PRIu32 ", %" PRIu32 " was begun", s.series, g->series);
	return r ? r : ask(g, e);
}

/* A few are made however long they take: one alone may have been held up on its way. */
static bool enough(const struct tsync_guest *g)
{
	return g->probes == TSYNC_PROBES_MAX ||
		(g->probes >= TSYNC_PROBES_MIN && g->clock->now(g->clock->ctx) - g->began >= g->budget_ns);
}

static int answered(struct tsync_guest *g, const struct tsync_msg *m, struct err *e)
{
	uint32_t count;
	int r = m->id == TSYNC_PTP_PROBE ? tsync_count_parse(m, &count, e) : tsync_unexpected(m, "PROBE", e);

	if (!r && count != g->probes)
		r = err_set(e, -EPROTO, "exchange %" PRIu32 " is answered, %" PRIu32 " was asked for", count, g->probes);
	if (!r)
		r = g->clock->mark(g->clock->ctx, TSYNC_BACK, count, e);
	if (r)
		return r;
	if (!enough(g))
		return ask(g, e);
	g->state = TSYNC_RESULT;
	return tsync_msg_put(&g->out, g->name, TSYNC_PTP_END, NULL, 0) ? tsync_no_memory(e) : 0;
}

/* The host's notes have come. */
static int reckon(struct tsync_guest *g, const struct tsync_msg *m, struct err *e)
{
	uint64_t sent[TSYNC_PROBES_MAX + 1] = { 0 }, back[TSYNC_PROBES_MAX + 1] = { 0 };
	uint64_t remote[TSYNC_PROBES_MAX];
	struct sync_probe probes[TSYNC_PROBES_MAX];
	struct sync_sample s = { .quality.bound = DAT_BOUND_UNKNOWN };
	int r = m->id == TSYNC_PTP_PROBES ? tsync_probes_parse(m, g->series, remote, e) :
		tsync_unexpected(m, "PROBES", e);

	if (!r)
		r = g->clock->times(g->clock->ctx, TSYNC_SENT, sent, g->probes + 1, e);
	if (!r)
		r = g->clock->times(g->clock->ctx, TSYNC_BACK, back, g->probes + 1, e);
	if (r)
		return r;
	for (uint32_t i = 0; i < g->probes; i++)
		probes[i] = (struct sync_probe){ sent[i + 1], back[i + 1], remote[i] };
	/* A measurement that says nothing is told as one at time 0: others may be better. */
	r = sync_estimate(probes, g->probes, &s, e);
	if (r == -ENOMEM)
		return r;
	g->state = TSYNC_IDLE;
	return tsync_offset_put(&g->out, g->name, &s) ? tsync_no_memory(e) : 0;
}

static int told(struct tsync_guest *g, const struct tsync_msg *m, struct err *e)
{
	struct dat_shift_sample s;
	int r = m->id == TSYNC_KVM_RESPONSE ? tsync_kvm_parse(m, &s, e) : tsync_unexpected(m, "RESPONSE", e);

	if (!r)
		g->state = TSYNC_IDLE;
	return r;
}

static int take(void *guest, const struct tsync_msg *m, struct err *e)
{
	struct tsync_guest *g = guest;

	if (!strcmp(m->name, TSYNC_NONE))
		return around(g, m, e);
	if (strcmp(m->name, g->name))
		return err_set(e, -EPROTO, "a message of '%s' came, '%s' was agreed on", m->name, g->name);
	switch (g->state) {
	case TSYNC_STARTING:
		return started(g, m, e);
	case TSYNC_PROBING:
		return answered(g, m, e);
	case TSYNC_RESULT:
		return strcmp(g->name, TSYNC_KVM) ? reckon(g, m, e) : told(g, m, e);
	default:
		return tsync_unexpected(m, "PROBE of 'none'", e);
	}
}

int tsync_guest_feed(struct tsync_guest *g, const void *data, size_t len, struct err *e)
{
	return tsync_feed(&g->in, data, len, take, g, e);
}
