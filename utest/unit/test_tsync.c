// SPDX-License-Identifier: GPL-2.0-or-later
/* What two machines say to compare clocks: messages, choice, captured sessions, order. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "remote/tsync.h"

#define SESSIONS FIXTURES "/wire/"
#define PROBES_BYTES (WIRE_HEADER + 20 + 8 + 678 * 12)
#define UNUSED_BYTES (339 * 12)		/* at its end, which trace-cmd leaves as they are */

static void expect_error(const struct err *e, const char *part)
{
	if (!strstr(e->text, part))
		fail_msg("'%s' does not tell '%s'", e->text, part);
}

/* ---- messages -------------------------------------------------------------------- */

static struct tsync_msg only(const struct buf *b)
{
	struct tsync_msg t;
	struct wire_msg m;
	uint32_t size;

	assert_int_equal(wire_msg_parse(b->data, b->len, &m, &size, NULL), 1);
	assert_int_equal(size, b->len);
	assert_int_equal(tsync_msg_parse(&m, &t, NULL), 0);
	return t;
}

static void payloads_come_back(void **state)
{
	struct sync_sample s = { { 5, -7, 1, 0 }, { 5, 11, 23, 339, 4 } }, back;
	struct dat_shift_sample k = { 1, -2, INT64_C(1) << 47, 48 }, k2;
	uint64_t times[TSYNC_PROBES_MAX] = { [0] = 10, [2] = 30, [338] = UINT64_MAX }, times2[TSYNC_PROBES_MAX];
	struct tsync_start start = { 3, 3 }, start2;
	struct buf b AUTO_BUF = { 0 };
	struct tsync_msg m;
	uint32_t count;
	uint16_t cpu;

	(void)state;
	assert_int_equal(tsync_probe_cpu_put(&b, 513), 0);
	m = only(&b);
	assert_int_equal(tsync_probe_cpu_parse(&m, &cpu, NULL), 0);
	assert_true(cpu == 513 && !strcmp(m.name, "none") && m.id == TSYNC_NONE_PROBE);
	buf_clear(&b);
	tsync_start_put(&b, "ptp", &start);
	m = only(&b);
	assert_int_equal(tsync_start_parse(&m, &start2, NULL), 0);
	assert_memory_equal(&start, &start2, sizeof(start));
	buf_clear(&b);
	tsync_count_put(&b, "ptp", 339);
	m = only(&b);
	assert_int_equal(tsync_count_parse(&m, &count, NULL), 0);
	assert_int_equal(count, 339);
	buf_clear(&b);
	tsync_probes_put(&b, "ptp", 9, times);
	assert_int_equal(b.len, PROBES_BYTES);
	m = only(&b);
	assert_int_equal(tsync_probes_parse(&m, 9, times2, NULL), 0);
	assert_memory_equal(times, times2, sizeof(times));
	buf_clear(&b);
	tsync_offset_put(&b, TSYNC_OWN, &s);
	m = only(&b);
	assert_int_equal(tsync_offset_parse(&m, &back, NULL), 0);
	assert_memory_equal(&s, &back, sizeof(s));
	buf_clear(&b);
	tsync_offset_put(&b, "ptp", &s);
	m = only(&b);
	assert_int_equal(m.len, 16);
	assert_int_equal(tsync_offset_parse(&m, &back, NULL), 0);
	assert_true(back.shift.offset == -7 && back.quality.bound == DAT_BOUND_UNKNOWN);
	buf_clear(&b);
	tsync_kvm_put(&b, TSYNC_KVM_RESPONSE, &k);
	m = only(&b);
	assert_int_equal(tsync_kvm_parse(&m, &k2, NULL), 0);
	assert_memory_equal(&k, &k2, sizeof(k));
}

static int parse_start(const struct tsync_msg *m, struct err *e)
{
	struct tsync_start s;

	return tsync_start_parse(m, &s, e);
}

static int parse_count(const struct tsync_msg *m, struct err *e)
{
	uint32_t c;

	return tsync_count_parse(m, &c, e);
}

static int parse_cpu(const struct tsync_msg *m, struct err *e)
{
	uint16_t c;

	return tsync_probe_cpu_parse(m, &c, e);
}

static int parse_probes(const struct tsync_msg *m, struct err *e)
{
	uint64_t times[TSYNC_PROBES_MAX];

	return tsync_probes_parse(m, 1, times, e);
}

static int parse_offset(const struct tsync_msg *m, struct err *e)
{
	struct sync_sample s;

	return tsync_offset_parse(m, &s, e);
}

static int parse_kvm(const struct tsync_msg *m, struct err *e)
{
	struct dat_shift_sample s;

	return tsync_kvm_parse(m, &s, e);
}

static void malformed_payloads(void **state)
{
	static const struct {
		int (*parse)(const struct tsync_msg *m, struct err *e);
		const char *name;
		const char *payload;
		uint32_t len;
		const char *told;
	} cases[] = {
		{ parse_cpu, "none", "\0", 1, "PROBE of 'none' has 1 bytes, 2 were" },
		{ parse_cpu, "none", "\0\0\0", 3, "has 3 bytes" },
		{ parse_start, "ptp", "\0\0\0\1\0\0\0", 7, "START of 'ptp' has 7 bytes, 8" },
		{ parse_start, "ptp", "\0\0\0\1\0\0\0\7", 8, "unknown flags 0x7" },
		{ parse_start, "ptp", "\0\0\0\1\0\0\0\1", 8, "not of the trace clock" },
		{ parse_count, "ptp", "", 0, "PROBE of 'ptp' has 0 bytes" },
		{ parse_count, "ptp", "\0\0\0\0", 4, "exchange 0 of" },
		{ parse_count, "ptp", "\0\0\1\x54", 4, "exchange 340 of" },
		{ parse_count, "ptp", "\xff\xff\xff\xff", 4, "exchange 4294967295" },
		{ parse_probes, "ptp", "\0\0\0\1\0\0\0", 7, "PROBES of 'ptp' has 7 bytes" },
		{ parse_probes, "ptp", "\0\0\0\2\0\0\0\0", 8, "are of measurement 2, 1 was" },
		{ parse_probes, "ptp", "\0\0\0\1\0\0\1\x54", 8, "claim 340 exchanges" },
		{ parse_probes, "ptp", "\0\0\0\1\0\0\0\1", 8, "claim 1 exchanges, they have room for 0" },
		{ parse_offset, "ptp", "0123456789abcdef", 15, "OFFSET of 'ptp' has 15 bytes, 16" },
		{ parse_offset, TSYNC_OWN, "0123456789abcdef", 16, "has 16 bytes, 40" },
		{ parse_kvm, "kvm", "0123456789abcdef0123456789abcde", 31, "has 31 bytes, 32" },
		{ parse_kvm, "kvm", "0123456789abcdef01234567\x40\0\0\0\0\0\0", 32, "64 bits" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tsync_msg m = { .id = 2, .payload = (const uint8_t *)cases[i].payload, .len = cases[i].len };
		struct err e = { 0 };

		strcpy(m.name, cases[i].name);
		if (cases[i].parse(&m, &e) != -EPROTO)
			fail_msg("case %zu is taken", i);
		expect_error(&e, cases[i].told);
	}
}

static void other_messages(void **state)
{
	struct wire_msg close = { .id = WIRE_CLOSE }, cut = { .id = WIRE_TIME_SYNC, .fixed_len = 19 };
	struct err e = { 0 };
	struct tsync_msg m;

	(void)state;
	assert_int_equal(tsync_msg_parse(&close, &m, &e), -EPROTO);
	expect_error(&e, "CLOSE came, TIME_SYNC was");
	assert_int_equal(tsync_msg_parse(&cut, &m, &e), -EPROTO);
	expect_error(&e, "fixed part of 19 bytes");
}

/* ---- the choice -------------------------------------------------------------------- */

static void what_is_offered(void **state)
{
	static const struct {
		unsigned roles;
		const char *clock;
		bool kvm;
		const char *names;
		size_t len;
	} cases[] = {
		{ TSYNC_CLIENT, "local", false, "tracecmd-ptp\0ptp\0", 18 },
		{ TSYNC_HOST, "local", false, "tracecmd-ptp\0ptp\0", 18 },
		{ TSYNC_HOST, "x86-tsc", true, "kvm\0tracecmd-ptp\0ptp\0", 22 },
		{ TSYNC_HOST, "mono_raw", true, "tracecmd-ptp\0ptp\0", 18 },
		{ TSYNC_HOST, "tai", true, "kvm\0tracecmd-ptp\0ptp\0", 22 },	/* not known: anything goes */
		{ TSYNC_HOST, "x86-tsc", false, "tracecmd-ptp\0ptp\0", 18 },
		{ TSYNC_GUEST, "local", false, "kvm\0tracecmd-ptp\0ptp\0", 22 },
		{ 0, "local", true, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b AUTO_BUF = { 0 };

		assert_int_equal(tsync_offer(&b, cases[i].roles, cases[i].clock, cases[i].kvm), 0);
		assert_int_equal(b.len, cases[i].len);
		assert_memory_equal(b.len ? b.data : "", cases[i].names, b.len);
	}
}

static void what_is_chosen(void **state)
{
	static const struct {
		const char *offers;
		size_t len;
		unsigned roles;
		const char *clock;
		bool kvm;
		int r;
		const char *name;
	} cases[] = {
		{ "ptp\0", 5, TSYNC_GUEST, "local", false, 1, "ptp" },
		{ "ptp", 4, TSYNC_GUEST, "local", false, 1, "ptp" },		/* nothing more behind it */
		{ "kvm\0ptp\0", 9, TSYNC_GUEST, "local", false, 1, "kvm" },
		{ "ptp\0kvm\0", 9, TSYNC_GUEST, "local", false, 1, "kvm" },
		{ "ptp\0tracecmd-ptp\0", 18, TSYNC_GUEST, "local", false, 1, "tracecmd-ptp" },
		/* a guest that is itself a host of others compares counters alone */
		{ "kvm\0ptp\0", 9, TSYNC_GUEST, "local", true, 1, "ptp" },
		{ "kvm\0ptp\0", 9, TSYNC_GUEST, "x86-tsc", true, 1, "kvm" },
		{ "kvm\0", 5, TSYNC_HOST, "x86-tsc", false, 0, "" },
		{ "kvm\0", 5, TSYNC_HOST, "x86-tsc", true, 1, "kvm" },
		{ "ntp\0", 5, TSYNC_GUEST, "local", false, 0, "" },
		{ "\0ptp\0", 6, TSYNC_GUEST, "local", false, 0, "" },
		{ "0123456789abcdef", 17, TSYNC_GUEST, "local", false, -EPROTO, NULL },
		{ "ptp", 3, TSYNC_GUEST, "local", false, -EPROTO, NULL },
		{ "", 0, TSYNC_GUEST, "local", false, -EPROTO, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[TSYNC_NAME_SIZE] = "?";
		struct err e = { 0 };

		if (tsync_choose(cases[i].offers, cases[i].len, cases[i].roles, cases[i].clock, cases[i].kvm, name, &e) !=
		    cases[i].r)
			fail_msg("case %zu: %s", i, e.text);
		assert_true(cases[i].r < 0 ? *e.text : !strcmp(name, cases[i].name));
	}
	assert_true(tsync_known("kvm") && tsync_known("ptp") && tsync_known("tracecmd-ptp"));
	assert_false(tsync_known("none") || tsync_known(""));
}

/* ---- captured sessions -------------------------------------------------------------- */

#define MEASUREMENTS_MAX 8

/* A clock that shows what another one did: by measurement, kind and number. */
struct script {
	uint64_t times[MEASUREMENTS_MAX + 1][2][TSYNC_PROBES_MAX + 2];
	unsigned now;			/* the measurement */
	unsigned marks;
};

static int script_begin(void *ctx, int cpu, struct err *e)
{
	struct script *s = ctx;

	(void)cpu, (void)e;
	assert_in_range(++s->now, 1, MEASUREMENTS_MAX);
	return 0;
}

static int script_mark(void *ctx, enum tsync_mark kind, uint32_t nr, struct err *e)
{
	(void)kind, (void)nr, (void)e;
	((struct script *)ctx)->marks++;
	return 0;
}

static int script_times(void *ctx, enum tsync_mark kind, uint64_t *ret, uint32_t nr, struct err *e)
{
	struct script *s = ctx;

	(void)e;
	memcpy(ret, s->times[s->now][kind], nr * sizeof(*ret));
	return 0;
}

static uint64_t script_now(void *ctx)
{
	(void)ctx;
	return 0;
}

static struct tsync_clock script_clock(struct script *s)
{
	return (struct tsync_clock){ s, script_begin, script_mark, script_times, script_now };
}

static struct buf load(const char *session, const char *file)
{
	struct buf b = { 0 };
	char path[512];

	snprintf(path, sizeof(path), SESSIONS "%s/%s", session, file);
	if (path_read_all(path, &b, 1 << 20))
		fail_msg("%s cannot be read", path);
	return b;
}

/* The next message of a captured direction. */
static struct tsync_msg next(const struct buf *b, size_t *pos, const char **ret_bytes, uint32_t *ret_size)
{
	struct wire_msg wire;
	struct tsync_msg m;

	assert_int_equal(wire_msg_parse(b->data + *pos, b->len - *pos, &wire, ret_size, NULL), 1);
	assert_int_equal(tsync_msg_parse(&wire, &m, NULL), 0);
	*ret_bytes = b->data + *pos;
	*pos += *ret_size;
	return m;
}

/* What both clocks showed, so far as the session tells it: the host's notes and the results. */
static unsigned make_script(const struct buf *host, const struct buf *guest, struct script *of_host,
			    struct script *of_guest)
{
	unsigned series = 0;
	size_t pos = 0, at = 0;

	while (pos < host->len) {
		uint64_t notes[TSYNC_PROBES_MAX], (*mine)[TSYNC_PROBES_MAX + 2];
		struct tsync_msg m, o;
		struct sync_sample s;
		const char *bytes;
		uint32_t size;

		m = next(host, &pos, &bytes, &size);
		if (strcmp(m.name, "ptp") || m.id != TSYNC_PTP_PROBES)
			continue;
		assert_int_equal(tsync_probes_parse(&m, ++series, notes, NULL), 0);
		do
			o = next(guest, &at, &bytes, &size);
		while (o.id != TSYNC_PTP_OFFSET);
		assert_int_equal(tsync_offset_parse(&o, &s, NULL), 0);
		mine = of_guest->times[series];
		memcpy(of_host->times[series][TSYNC_BACK] + 1, notes, sizeof(notes));
		/* The exchange that gave the result took no time, the others long. */
		for (unsigned i = 0; i < TSYNC_PROBES_MAX; i++) {
			uint64_t middle = notes[i] - (uint64_t)s.shift.offset;
			uint64_t half = middle == (uint64_t)s.shift.time ? 0 : 1000000;

			mine[TSYNC_SENT][i + 1] = middle - half;
			mine[TSYNC_BACK][i + 1] = middle + half;
		}
	}
	return series;
}

static void same_bytes(const struct buf *ours, const char *theirs, uint32_t size, const char *what)
{
	uint32_t compared = size == PROBES_BYTES ? size - UNUSED_BYTES : size;

	if (ours->len != size || memcmp(ours->data, theirs, compared))
		fail_msg("%s: %zu bytes for a message of %u, or other ones", what, ours->len, size);
	for (uint32_t i = compared; i < size; i++)
		assert_int_equal(ours->data[i], 0);
}

/* Our host in place of that of the session: says the same. Returns the measurements. */
static unsigned replay_host(const char *session, const char *name, const struct dat_shift_sample *kvm)
{
	struct buf host AUTO_BUF = load(session, "tsync.c2s"), guest AUTO_BUF = load(session, "tsync.s2c");
	struct script *notes = calloc(2, sizeof(*notes));
	struct tsync_clock clock = script_clock(notes);
	unsigned measurements = 0;
	struct tsync_host h;
	size_t pos = 0, at = 0;

	if (!kvm)
		make_script(&host, &guest, notes, notes + 1);
	assert_int_equal(tsync_host_init(&h, name, &clock), 0);
	h.kvm = kvm;
	h.kvm_cpus = kvm ? 2 : 0;
	while (pos < host.len) {
		const char *bytes, *said;
		struct err e = { 0 };
		uint32_t size, len;
		struct tsync_msg m = next(&host, &pos, &bytes, &size);
		int r = 0;

		buf_clear(&h.out);
		if (!strcmp(m.name, "none")) {
			uint16_t cpu = 0;

			if (m.id == TSYNC_NONE_PROBE) {
				assert_int_equal(tsync_probe_cpu_parse(&m, &cpu, NULL), 0);
				assert_int_equal(tsync_host_probe(&h, cpu, NULL), 0);
				measurements++;
			} else {
				assert_int_equal(tsync_host_stop(&h), 0);
			}
		} else {
			next(&guest, &at, &said, &len);
			r = tsync_host_feed(&h, said, len, &e);
		}
		if (r < 0)
			fail_msg("%s: %s", session, e.text);
		same_bytes(&h.out, bytes, size, session);
		if (m.id == TSYNC_PTP_PROBES && !strcmp(m.name, "ptp")) {
			buf_clear(&h.out);
			next(&guest, &at, &said, &len);
			assert_int_equal(tsync_host_feed(&h, said, len, &e), 1);
			assert_true(h.usable && !h.out.len);
			/* trace-cmd's guests tell no bound, ours is from the notes */
			assert_true(h.sample.quality.bound != DAT_BOUND_UNKNOWN);
			assert_true(h.sample.quality.bound < 100000000);
		}
		if (r)
			assert_true(h.usable && !h.sample.quality.bound == !h.sample.shift.fraction);
	}
	assert_int_equal(at, guest.len);
	tsync_host_release(&h);
	free(notes);
	return measurements;
}

/* Our guest in place of that of the session. */
static void replay_guest(const char *session, const char *name)
{
	struct buf host AUTO_BUF = load(session, "tsync.c2s"), guest AUTO_BUF = load(session, "tsync.s2c");
	struct script *notes = calloc(2, sizeof(*notes));
	struct tsync_clock clock = script_clock(notes + 1);
	struct tsync_guest g;
	size_t pos = 0, at = 0;
	int r = 0;

	make_script(&host, &guest, notes, notes + 1);
	for (unsigned i = 0; !strcmp(name, "kvm") && at < guest.len; i++) {
		struct dat_shift_sample s;
		const char *bytes;
		uint32_t size;
		struct tsync_msg m = next(&guest, &at, &bytes, &size);

		assert_int_equal(tsync_kvm_parse(&m, &s, NULL), 0);
		notes[1].times[i + 1][TSYNC_SENT][1] = s.time;
	}
	at = 0;
	assert_int_equal(tsync_guest_init(&g, name, &clock, UINT64_MAX), 0);
	while (pos < host.len) {
		const char *bytes, *said;
		struct err e = { 0 };
		uint32_t size, len;

		next(&host, &pos, &bytes, &size);
		buf_clear(&g.out);
		/* piece by piece, as a network may have it */
		for (uint32_t i = 0; i < size && !r; i += 1000)
			r = tsync_guest_feed(&g, bytes + i, size - i < 1000 ? size - i : 1000, &e);
		if (r < 0)
			fail_msg("%s: %s", session, e.text);
		if (!g.out.len)
			continue;
		next(&guest, &at, &said, &len);
		same_bytes(&g.out, said, len, session);
	}
	assert_int_equal(r, 1);
	assert_int_equal(at, guest.len);
	tsync_guest_release(&g);
	free(notes);
}

static void captured_ptp_sessions(void **state)
{
	static const char *const sessions[] = {
		"agent-tcp", "agent-tcp-interval", "agent-tcp-oldagent", "agent-tcp-oldhost", "agent-fifo",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
		assert_int_equal(replay_host(sessions[i], "ptp", NULL), i == 1 ? 6 : 4);
		replay_guest(sessions[i], "ptp");
	}
}

static void captured_kvm_sessions(void **state)
{
	static const struct dat_shift_sample cpus[] = { { 0, 1000000, 1, 0 }, { 0, 1000007, INT64_C(1) << 47, 48 } };

	(void)state;
	assert_int_equal(replay_host("kvm-host-vs-script", "kvm", cpus), 4);
	replay_guest("kvm-guest-vs-script", "kvm");
}

/* ---- who says what when ---------------------------------------------------------------- */

static int feed_host(struct tsync_host *h, struct buf *b, struct err *e)
{
	int r = tsync_host_feed(h, b->data, b->len, e);

	buf_clear(b);
	return r;
}

static void a_host_takes_nothing_else(void **state)
{
	static const struct dat_shift_sample cpu = { 0, 1, 1, 0 };
	struct tsync_start start = { 1, 3 };
	struct script *s = calloc(1, sizeof(*s));
	struct tsync_clock clock = script_clock(s);
	struct dat_shift_sample k = { 0 };
	struct buf b AUTO_BUF = { 0 };
	struct tsync_host h;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(tsync_host_init(&h, "ntp", &clock), -EINVAL);
	assert_int_equal(tsync_host_init(&h, "ptp", &clock), 0);
	tsync_start_put(&b, "ptp", &start);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "nothing was expected");
	tsync_host_probe(&h, 0, NULL);
	tsync_count_put(&b, "ptp", 1);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "message 2 of 'ptp' came, START was");
	tsync_start_put(&b, "kvm", &start);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "message of 'kvm' came, 'ptp' was agreed on");
	tsync_start_put(&b, "ptp", &start);
	tsync_count_put(&b, "ptp", 2);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "exchange 2 of 'ptp' follows on 0");
	tsync_start_put(&b, "ptp", &start);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "PROBE or END was expected");
	tsync_msg_put(&b, "ptp", TSYNC_PTP_END, "x", 1);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "END of 'ptp' has 1 bytes");
	tsync_msg_put(&b, "ptp", TSYNC_PTP_END, NULL, 0);
	assert_int_equal(feed_host(&h, &b, &e), 0);
	tsync_msg_put(&b, "ptp", TSYNC_PTP_END, NULL, 0);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "OFFSET was expected");
	tsync_host_release(&h);

	assert_int_equal(tsync_host_init(&h, "kvm", &clock), 0);
	h.kvm = &cpu;
	h.kvm_cpus = 1;
	tsync_host_probe(&h, 1, NULL);
	tsync_kvm_put(&b, TSYNC_KVM_REQUEST, &k);
	assert_int_equal(feed_host(&h, &b, &e), -EPROTO);
	expect_error(&e, "counter of CPU 1");
	tsync_host_probe(&h, 0, NULL);
	tsync_kvm_put(&b, TSYNC_KVM_REQUEST, &k);
	assert_int_equal(feed_host(&h, &b, &e), 1);
	assert_false(h.usable);			/* the guest found no time */
	tsync_host_release(&h);
	free(s);
}

static int feed_guest(struct tsync_guest *g, struct buf *b, struct err *e)
{
	int r = tsync_guest_feed(g, b->data, b->len, e);

	buf_clear(b);
	return r;
}

static void a_guest_takes_nothing_else(void **state)
{
	struct script *s = calloc(1, sizeof(*s));
	struct tsync_clock clock = script_clock(s);
	struct tsync_start start = { 2, 3 };
	uint64_t none[TSYNC_PROBES_MAX] = { 0 };
	struct sync_sample sample;
	struct buf b AUTO_BUF = { 0 };
	struct tsync_guest g;
	struct tsync_msg m;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(tsync_guest_init(&g, "none", &clock, 0), -EINVAL);
	assert_int_equal(tsync_guest_init(&g, "ptp", &clock, 0), 0);
	tsync_start_put(&b, "ptp", &start);
	assert_int_equal(feed_guest(&g, &b, &e), -EPROTO);
	expect_error(&e, "PROBE of 'none' was expected");
	tsync_msg_put(&b, "none", 3, NULL, 0);
	assert_int_equal(feed_guest(&g, &b, &e), -EPROTO);
	expect_error(&e, "PROBE or STOP was");
	tsync_probe_cpu_put(&b, 0);
	tsync_probe_cpu_put(&b, 1);
	assert_int_equal(feed_guest(&g, &b, &e), -EPROTO);
	expect_error(&e, "another one is under way");
	tsync_start_put(&b, "ptp", &start);
	assert_int_equal(feed_guest(&g, &b, &e), -EPROTO);
	expect_error(&e, "START is of measurement 2, 1 was");
	start.series = 1;
	tsync_start_put(&b, "ptp", &start);
	tsync_count_put(&b, "ptp", 2);
	assert_int_equal(feed_guest(&g, &b, &e), -EPROTO);
	expect_error(&e, "exchange 2 is answered, 1 was asked for");
	for (uint32_t i = 1; i <= TSYNC_PROBES_MIN; i++)	/* no time is left: no more than that */
		tsync_count_put(&b, "ptp", i);
	tsync_probes_put(&b, "ptp", 1, none);
	buf_clear(&g.out);
	assert_int_equal(feed_guest(&g, &b, &e), 0);
	/* nothing was noted: the result is time 0, which hosts leave out, and the session goes on */
	buf_put(&b, g.out.data + g.out.len - 48, 48);
	m = only(&b);
	assert_int_equal(tsync_offset_parse(&m, &sample, NULL), 0);
	assert_true(!sample.shift.time && g.state == TSYNC_IDLE);
	buf_clear(&b);
	tsync_msg_put(&b, "none", TSYNC_NONE_STOP, NULL, 0);
	assert_int_equal(feed_guest(&g, &b, &e), 1);
	tsync_guest_release(&g);
	free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(payloads_come_back),
		cmocka_unit_test(malformed_payloads),
		cmocka_unit_test(other_messages),
		cmocka_unit_test(what_is_offered),
		cmocka_unit_test(what_is_chosen),
		cmocka_unit_test(captured_ptp_sessions),
		cmocka_unit_test(captured_kvm_sessions),
		cmocka_unit_test(a_host_takes_nothing_else),
		cmocka_unit_test(a_guest_takes_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
