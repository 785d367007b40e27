// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A TIME_SYNC message's fixed part is a name of 16 bytes and an id. What the numbers in a
 * payload are is told in Documentation/wire.md.
 */
#include <errno.h>
#include <inttypes.h>

#include "remote/tsync.h"

#define FIXED (TSYNC_NAME_SIZE + 4)
#define START_LEN 8u
#define COUNT_LEN 4u
#define OFFSET_LEN 16u
#define OFFSET_OWN_LEN 40u		/* with bound, round trip and counts */
#define KVM_LEN 32u
#define SLOT_LEN 12u			/* of an exchange in PROBES: its time and number */
#define SLOTS 678u			/* there are as many, whatever the count */
#define PROBES_HEAD 8u

static int wrong_len(const struct tsync_msg *m, const char *what, uint32_t expected, struct err *e)
{
	return err_set(e, -EPROTO, "%s of '%s' has %" PRIu32 " bytes, %" PRIu32 " were expected", what, m->name,
		       m->len, expected);
}

int tsync_msg_parse(const struct wire_msg *m, struct tsync_msg *ret, struct err *e)
{
	if (m->id != WIRE_TIME_SYNC)
		return err_set(e, -EPROTO, "%s came, TIME_SYNC was expected", wire_id_name(m->id));
	if (m->fixed_len < FIXED)
		return err_set(e, -EPROTO, "TIME_SYNC has a fixed part of %" PRIu32 " bytes, %u were expected",
			       m->fixed_len, FIXED);
	memcpy(ret->name, m->fixed, TSYNC_NAME_SIZE);
	ret->name[TSYNC_NAME_SIZE] = 0;
	ret->id = wire_fixed_u32(m, TSYNC_NAME_SIZE);
	ret->payload = m->payload;
	ret->len = m->payload_len;
	return 0;
}

int tsync_msg_put(struct buf *b, const char *name, uint32_t id, const void *payload, size_t len)
{
	uint8_t fixed[FIXED] = { 0 };

	memcpy(fixed, name, strnlen(name, TSYNC_NAME_SIZE));
	put_u32(fixed + TSYNC_NAME_SIZE, id, true);
	return wire_msg_put(b, WIRE_TIME_SYNC, fixed, FIXED, payload, len);
}

/* ---- "none" ------------------------------------------------------------------- */

int tsync_probe_cpu_parse(const struct tsync_msg *m, uint16_t *ret_cpu, struct err *e)
{
	if (m->len != sizeof(*ret_cpu))
		return wrong_len(m, "PROBE", sizeof(*ret_cpu), e);
	memcpy(ret_cpu, m->payload, sizeof(*ret_cpu));	/* of the sender's byte order */
	return 0;
}

int tsync_probe_cpu_put(struct buf *b, uint16_t cpu)
{
	return tsync_msg_put(b, TSYNC_NONE, TSYNC_NONE_PROBE, &cpu, sizeof(cpu));
}

/* ---- ptp ---------------------------------------------------------------------- */

int tsync_start_parse(const struct tsync_msg *m, struct tsync_start *ret, struct err *e)
{
	struct tsync_start s;

	if (m->len != START_LEN)
		return wrong_len(m, "START", START_LEN, e);
	s = (struct tsync_start){ get_u32(m->payload, true), get_u32(m->payload + 4, true) };
	if (s.flags & ~(TSYNC_PTP_FASTEST | TSYNC_PTP_MARKERS))
		return err_set(e, -EPROTO, "START of '%s' has the unknown flags 0x%" PRIx32, m->name, s.flags);
	if (!(s.flags & TSYNC_PTP_MARKERS))
		return err_set(e, -EPROTO, "START of '%s' asks for times that are not of the trace clock", m->name);
	*ret = s;
	return 0;
}

int tsync_start_put(struct buf *b, const char *name, const struct tsync_start *s)
{
	uint8_t p[START_LEN];

	put_u32(p, s->series, true);
	put_u32(p + 4, s->flags, true);
	return tsync_msg_put(b, name, TSYNC_PTP_START, p, sizeof(p));
}

int tsync_count_parse(const struct tsync_msg *m, uint32_t *ret, struct err *e)
{
	uint32_t count;

	if (m->len != COUNT_LEN)
		return wrong_len(m, "PROBE", COUNT_LEN, e);
	count = get_u32(m->payload, true);
	if (!count || count > TSYNC_PROBES_MAX)
		return err_set(e, -EPROTO, "exchange %" PRIu32 " of '%s' cannot be: they are numbered from 1 to %u", count,
			       m->name, TSYNC_PROBES_MAX);
	*ret = count;
	return 0;
}

int tsync_count_put(struct buf *b, const char *name, uint32_t count)
{
	uint8_t p[COUNT_LEN];

	put_u32(p, count, true);
	return tsync_msg_put(b, name, TSYNC_PTP_PROBE, p, sizeof(p));
}

int tsync_probes_parse(const struct tsync_msg *m, uint32_t series, uint64_t times[TSYNC_PROBES_MAX],
		       struct err *e)
{
	uint32_t got, count;

	if (m->len < PROBES_HEAD)
		return wrong_len(m, "PROBES", PROBES_HEAD, e);
	got = get_u32(m->payload, true);
	count = get_u32(m->payload + 4, true);
	if (got != series)
		return err_set(e, -EPROTO, "PROBES of '%s' are of measurement %" PRIu32 ", %" PRIu32 " was asked for",
			       m->name, got, series);
	if (count > TSYNC_PROBES_MAX)
		return err_set(e, -EPROTO, "PROBES of '%s' claim %" PRIu32 " exchanges, at most %u were expected", m->name,
			       count, TSYNC_PROBES_MAX);
	/* Slots stand by the exchanges' numbers, so that the last one may lie behind as many as are told. */
	memset(times, 0, TSYNC_PROBES_MAX * sizeof(*times));
	for (uint32_t i = 0; i < TSYNC_PROBES_MAX && i < (m->len - PROBES_HEAD) / SLOT_LEN; i++) {
		const uint8_t *slot = m->payload + PROBES_HEAD + i * SLOT_LEN;

		if (get_u32(slot + 8, true) == i + 1)
			times[i] = get_u64(slot, true);
	}
	if (count > (m->len - PROBES_HEAD) / SLOT_LEN)
		return err_set(e, -EPROTO, "PROBES of '%s' claim %" PRIu32 " exchanges, they have room for %" PRIu32, m->name,
			       count, (m->len - PROBES_HEAD) / SLOT_LEN);
	return 0;
}

int tsync_probes_put(struct buf *b, const char *name, uint32_t series,
		     const uint64_t times[TSYNC_PROBES_MAX])
{
	uint8_t p[PROBES_HEAD + SLOTS * SLOT_LEN] = { 0 };
	uint32_t count = 0;

	for (uint32_t i = 0; i < TSYNC_PROBES_MAX; i++) {
		if (!times[i])
			continue;
		count++;
		put_u64(p + PROBES_HEAD + i * SLOT_LEN, times[i], true);
		put_u32(p + PROBES_HEAD + i * SLOT_LEN + 8, i + 1, true);
	}
	put_u32(p, series, true);
	put_u32(p + 4, count, true);
	return tsync_msg_put(b, name, TSYNC_PTP_PROBES, p, sizeof(p));
}

int tsync_offset_parse(const struct tsync_msg *m, struct sync_sample *ret, struct err *e)
{
	bool own = !strcmp(m->name, TSYNC_OWN);
	struct sync_sample s = { .shift.scaling = 1, .quality.bound = DAT_BOUND_UNKNOWN };

	if (m->len != (own ? OFFSET_OWN_LEN : OFFSET_LEN))
		return wrong_len(m, "OFFSET", own ? OFFSET_OWN_LEN : OFFSET_LEN, e);
	s.shift.time = s.quality.time = get_u64(m->payload, true);
	s.shift.offset = get_u64(m->payload + 8, true);
	if (own) {
		s.quality.bound = get_u64(m->payload + 16, true);
		s.quality.round_trip = get_u64(m->payload + 24, true);
		s.quality.probes = get_u32(m->payload + 32, true);
		s.quality.rejected = get_u32(m->payload + 36, true);
	}
	*ret = s;
	return 0;
}

int tsync_offset_put(struct buf *b, const char *name, const struct sync_sample *s)
{
	uint8_t p[OFFSET_OWN_LEN];

	put_u64(p, s->shift.time, true);
	put_u64(p + 8, s->shift.offset, true);
	put_u64(p + 16, s->quality.bound, true);
	put_u64(p + 24, s->quality.round_trip, true);
	put_u32(p + 32, s->quality.probes, true);
	put_u32(p + 36, s->quality.rejected, true);
	return tsync_msg_put(b, name, TSYNC_PTP_OFFSET, p, strcmp(name, TSYNC_OWN) ? OFFSET_LEN : OFFSET_OWN_LEN);
}

/* ---- kvm ------------------------------------------------------------------------ */

int tsync_kvm_parse(const struct tsync_msg *m, struct dat_shift_sample *ret, struct err *e)
{
	struct dat_shift_sample s;

	if (m->len != KVM_LEN)
		return wrong_len(m, m->id == TSYNC_KVM_REQUEST ? "REQUEST" : "RESPONSE", KVM_LEN, e);
	memcpy(&s.time, m->payload, 8);
	memcpy(&s.offset, m->payload + 8, 8);
	memcpy(&s.scaling, m->payload + 16, 8);
	memcpy(&s.fraction, m->payload + 24, 8);
	if (s.fraction > 63)
		return err_set(e, -EPROTO, "a fraction of %" PRIu64 " bits is no fraction of 64", s.fraction);
	*ret = s;
	return 0;
}

int tsync_kvm_put(struct buf *b, enum tsync_id id, const struct dat_shift_sample *s)
{
	uint8_t p[KVM_LEN];

	memcpy(p, &s->time, 8);
	memcpy(p + 8, &s->offset, 8);
	memcpy(p + 16, &s->scaling, 8);
	memcpy(p + 24, &s->fraction, 8);
	return tsync_msg_put(b, TSYNC_KVM, id, p, sizeof(p));
}

/* ---- what both ends do with them --------------------------------------------------- */

int tsync_no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot compare clocks");
}

int tsync_unexpected(const struct tsync_msg *m, const char *wanted, struct err *e)
{
	return err_set(e, -EPROTO, "message %" PRIu32 " of '%s' came, %s was expected", m->id, m->name, wanted);
}

int tsync_feed(struct buf *in, const void *data, size_t len,
	       int (*take)(void *ctx, const struct tsync_msg *m, struct err *e), void *ctx, struct err *e)
{
	size_t used = 0;
	int r = 0;

	if (buf_put(in, data, len))
		return tsync_no_memory(e);
	while (!r) {
		struct wire_msg wire;
		struct tsync_msg m;
		uint32_t size;

		r = wire_msg_parse(in->data + used, in->len - used, &wire, &size, e);
		if (r <= 0)
			break;
		used += size;
		r = tsync_msg_parse(&wire, &m, e);
		if (!r)
			r = take(ctx, &m, e);
	}
	memmove(in->data, in->data + used, in->len - used);
	in->len -= used;
	return r;
}
