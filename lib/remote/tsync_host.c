// SPDX-License-Identifier: LGPL-2.1-or-later
/* The host's end: it says which CPU is to be measured, and notes its time when it is asked. */
#include <errno.h>
#include <inttypes.h>

#include "remote/tsync.h"

int tsync_host_init(struct tsync_host *h, const char *name, const struct tsync_clock *clock)
{
	*h = (struct tsync_host){ .clock = clock };
	if (!tsync_known(name))
		return -EINVAL;
	memcpy(h->name, name, strlen(name));
	return 0;
}

void tsync_host_release(struct tsync_host *h)
{
	buf_release(&h->in);
	buf_release(&h->out);
}

int tsync_host_probe(struct tsync_host *h, uint16_t cpu, struct err *e)
{
	h->cpu = cpu;
	h->usable = false;
	h->state = TSYNC_STARTING;
	return tsync_probe_cpu_put(&h->out, cpu) ? tsync_no_memory(e) : 0;
}

int tsync_host_stop(struct tsync_host *h)
{
	h->state = TSYNC_OVER;
	return tsync_msg_put(&h->out, TSYNC_NONE, TSYNC_NONE_STOP, NULL, 0);
}

static int start(struct tsync_host *h, const struct tsync_msg *m, struct err *e)
{
	struct tsync_start s;
	int r = m->id == TSYNC_PTP_START ? tsync_start_parse(m, &s, e) : tsync_unexpected(m, "START", e);

	if (!r)
		r = h->clock->begin(h->clock->ctx, -1, e);
	if (!r)
		r = h->clock->mark(h->clock->ctx, TSYNC_BACK, 0, e);
	if (r)
		return r;
	h->series = s.series;
	h->probes = 0;
	h->state = TSYNC_PROBING;
	return tsync_start_put(&h->out, h->name, &s) ? tsync_no_memory(e) : 0;
}

/* What was noted goes to the guest. */
static int answer(struct tsync_host *h, struct err *e)
{
	int r = h->clock->mark(h->clock->ctx, TSYNC_BACK, h->probes + 1, e);

	memset(h->times, 0, sizeof(h->times));
	if (!r)
		r = h->clock->times(h->clock->ctx, TSYNC_BACK, h->times, h->probes + 2, e);
	if (r)
		return r;
	h->ended = h->times[h->probes + 1];
	h->times[h->probes + 1] = 0;
	h->state = TSYNC_RESULT;
	return tsync_probes_put(&h->out, h->name, h->series, h->times + 1) ? tsync_no_memory(e) : 0;
}

static int probe(struct tsync_host *h, const struct tsync_msg *m, struct err *e)
{
	uint32_t count;
	int r;

	if (m->id == TSYNC_PTP_END)
		return m->len ? err_set(e, -EPROTO, "END of '%s' has %" PRIu32 " bytes, none were expected", m->name, m->len) :
			answer(h, e);
	r = m->id == TSYNC_PTP_PROBE ? tsync_count_parse(m, &count, e) : tsync_unexpected(m, "PROBE or END", e);
	if (!r && count != h->probes + 1)
		r = err_set(e, -EPROTO, "exchange %" PRIu32 " of '%s' follows on %" PRIu32, count, m->name, h->probes);
	if (!r)
		r = h->clock->mark(h->clock->ctx, TSYNC_BACK, count, e);
	if (r)
		return r;
	h->probes = count;
	return tsync_count_put(&h->out, h->name, count) ? tsync_no_memory(e) : 0;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

/*
 * What our own notes say of a result that comes without a bound. It is the middle between the guest's
 * asking k and being answered, and what our clock showed then: our note k with trace-cmd, or near
 * it. The guest had been answered k - 1 before it asked k and had been answered k before it asked
 * k + 1, so it asked between our notes k - 1 and k, and had its answer between k and k + 1. If
 * it is note k, the middle is no further from it than half of the longer one of these.
 */
static void bound_by_notes(const struct tsync_host *h, struct sync_sample *s)
{
	uint64_t at = (uint64_t)s->shift.time + (uint64_t)s->shift.offset, before, after, off;
	uint32_t k = 1;

	for (uint32_t i = 2; i <= h->probes; i++)
		if (apart(h->times[i], at) < apart(h->times[k], at))
			k = i;
	before = h->times[k - 1];
	after = k < h->probes ? h->times[k + 1] : h->ended;
	if (!before || before > at || after < at)
		return;			/* it is none of ours, or a note is lost */
	off = at - before > after - at ? at - before : after - at;
	s->quality.bound = h->times[k] == at ? off / 2 + 1 : off;
}

static int result(struct tsync_host *h, const struct tsync_msg *m, struct err *e)
{
	struct sync_sample s;
	int r = m->id == TSYNC_PTP_OFFSET ? tsync_offset_parse(m, &s, e) : tsync_unexpected(m, "OFFSET", e);

	if (r)
		return r;
	if (s.quality.bound == DAT_BOUND_UNKNOWN) {
		s.quality.probes = h->probes;
		bound_by_notes(h, &s);
	}
	h->sample = s;
	h->usable = s.shift.time;	/* 0: the guest had no times */
	h->state = TSYNC_IDLE;
	return 1;
}

static int kvm(struct tsync_host *h, const struct tsync_msg *m, struct err *e)
{
	struct dat_shift_sample s;
	int r = m->id == TSYNC_KVM_REQUEST ? tsync_kvm_parse(m, &s, e) : tsync_unexpected(m, "REQUEST", e);

	if (r)
		return r;
	if (h->cpu >= h->kvm_cpus)
		return err_set(e, -EPROTO, "the counter of CPU %u of the guest is not known: it has %" PRIu32, h->cpu,
			       h->kvm_cpus);
	h->sample = sync_kvm_sample(&h->kvm[h->cpu], s.time);
	s = (struct dat_shift_sample){ s.time, h->kvm[h->cpu].offset, h->kvm[h->cpu].scaling, h->kvm[h->cpu].fraction };
	h->usable = s.time;
	h->state = TSYNC_IDLE;
	return tsync_kvm_put(&h->out, TSYNC_KVM_RESPONSE, &s) ? tsync_no_memory(e) : 1;
}

static int take(void *host, const struct tsync_msg *m, struct err *e)
{
	struct tsync_host *h = host;

	if (strcmp(m->name, h->name))
		return err_set(e, -EPROTO, "a message of '%s' came, '%s' was agreed on", m->name, h->name);
	switch (h->state) {
	case TSYNC_STARTING:
		return strcmp(h->name, TSYNC_KVM) ? start(h, m, e) : kvm(h, m, e);
	case TSYNC_PROBING:
		return probe(h, m, e);
	case TSYNC_RESULT:
		return result(h, m, e);
	default:
		return tsync_unexpected(m, "nothing", e);
	}
}

int tsync_host_feed(struct tsync_host *h, const void *data, size_t len, struct err *e)
{
	return tsync_feed(&h->in, data, len, take, h, e);
}
