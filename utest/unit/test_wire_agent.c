// SPDX-License-Identifier: GPL-2.0-or-later
/* What hosts ask of agents and are answered, as bytes; and what each thing that is none is told to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "remote/wire_agent.h"

static void parse(const struct buf *b, struct wire_msg *m)
{
	uint32_t size;

	assert_int_equal(wire_msg_parse(b->data, b->len, m, &size, NULL), 1);
	assert_int_equal(size, b->len);
}

static void expect_error(const struct err *e, const char *part)
{
	if (!strstr(e->text, part))
		fail_msg("'%s' does not tell '%s'", e->text, part);
}

static void test_request(void **state)
{
	struct wire_request r = { .trace_id = 0x0102030405060708, .argc = 2, .ours = true, .packed = true, .resumes = true };
	struct wire_request got = { 0 };
	struct buf b AUTO_BUF = { 0 };
	AUTO_FREE char **argv = NULL;
	struct wire_msg m;

	(void)state;
	buf_str(&r.args, "-e");
	buf_str(&r.args, "sched:");
	buf_str(&r.protos, "kvm");
	buf_str(&r.protos, "ptp");
	buf_u8(&r.protos, 0);
	memset(r.nonce, 7, sizeof(r.nonce));
	assert_int_equal(wire_request_put(&b, &r), 0);
	parse(&b, &m);
	assert_int_equal(m.id, WIRE_TRACE_REQ);
	assert_int_equal(wire_request_parse(&m, &got, NULL), 0);
	assert_true(got.trace_id == r.trace_id && got.argc == 2 && got.ours && got.packed && got.resumes && !got.fifos);
	assert_memory_equal(got.nonce, r.nonce, WIRE_NONCE);
	assert_int_equal(got.protos.len, 9);
	assert_memory_equal(got.protos.data, "kvm\0ptp\0", 9);
	argv = wire_request_argv(&got, "record");
	assert_string_equal(argv[0], "record");
	assert_string_equal(argv[1], "-e");
	assert_string_equal(argv[2], "sched:");
	assert_null(argv[3]);
	wire_request_release(&r);
	wire_request_release(&got);
}

static void test_request_too_long(void **state)
{
	struct wire_request r = { .argc = 1 };
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	buf_fill(&r.args, 'x', WIRE_MSG_MAX);
	buf_u8(&r.args, 0);
	assert_int_equal(wire_request_put(&b, &r), -EMSGSIZE);
	wire_request_release(&r);
}

#define PARAM(id, len) 0, 0, 0, id, 0, 0, 0, len

static void test_malformed_request(void **state)
{
	static const struct {
		uint8_t bytes[48];
		uint32_t len;
		const char *told;
	} cases[] = {
		{ { 0, 0, 0 }, 3, "ends within a parameter, after 3 bytes" },
		{ { PARAM(0, 9), 1 }, 9, "claims 9 bytes, 1 are there" },
		{ { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1 }, 9, "claims 4294967295 bytes, 1 are there" },
		{ { PARAM(0, 4), 0, 0, 0, 1 }, 12, "have 4 bytes, at least 5" },
		{ { PARAM(0, 6), 0, 0, 0, 1, '-', 'e' }, 14, "do not end with a NUL" },
		{ { PARAM(0, 6), 0, 0, 0, 2, '-', 0 }, 14, "claims 2 arguments, and has 1" },
		{ { PARAM(0, 6), 0, 0, 0, 0, '-', 0 }, 14, "claims 0 arguments" },
		{ { PARAM(0, 6), 0xff, 0xff, 0xff, 0xff, '-', 0 }, 14, "claims 4294967295 arguments in 2 bytes" },
		{ { PARAM(0, 5), 0, 0, 0, 1, 0, PARAM(0, 5), 0, 0, 0, 1, 0 }, 26, "arguments twice" },
		{ { PARAM(1, 0) }, 8, "the protocols of TRACE_REQ do not end" },
		{ { PARAM(1, 3), 'p', 't', 'p' }, 11, "the protocols of TRACE_REQ do not end" },
		{ { PARAM(1, 17), '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 0 }, 25,
		  "has 16 bytes, at most 15" },
		{ { PARAM(1, 2), 'p', 0, PARAM(1, 2), 'p', 0 }, 20, "synchronisation twice" },
		{ { 0x54, 0x43, 0x4d, 0x44, 0, 0, 0, 4, 0, 0, 0, 1 }, 12, "has 4 bytes, 36 were expected" },
	};
	uint8_t fixed[16] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b AUTO_BUF = { 0 };
		struct wire_request got = { 0 };
		struct err e = { 0 };
		struct wire_msg m;

		wire_msg_put(&b, WIRE_TRACE_REQ, fixed, sizeof(fixed), cases[i].bytes, cases[i].len);
		parse(&b, &m);
		assert_int_equal(wire_request_parse(&m, &got, &e), -EPROTO);
		expect_error(&e, cases[i].told);
		wire_request_release(&got);
	}
}

static void test_unknown_parameter(void **state)
{
	static const uint8_t bytes[] = { PARAM(9, 3), 1, 2, 3, PARAM(1, 5), 'p', 't', 'p', 0, 0 };
	struct wire_request got = { 0 };
	struct buf b AUTO_BUF = { 0 };
	struct wire_msg m;

	(void)state;
	wire_msg_put(&b, WIRE_TRACE_REQ, NULL, 0, bytes, sizeof(bytes));
	parse(&b, &m);
	assert_int_equal(wire_request_parse(&m, &got, NULL), 0);
	assert_string_equal(got.protos.data, "ptp");
	assert_int_equal(got.argc, 0);
	wire_request_release(&got);
}

static void test_answer(void **state)
{
	uint32_t ports[] = { 1500, 65535 };
	struct wire_answer a = {
		.cpus = 2, .page_size = 4096, .trace_id = 77, .proto = "ptp", .sync_port = 1502, .ports = ports,
	}, got;
	struct wire_msg m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct buf b AUTO_BUF = { 0 };
		bool ours = i, resumes = i == 2;

		a.ours = a.packed = ours;
		a.resume_port = resumes ? 1503 : 0;
		a.outage_s = resumes ? 60 : 0;
		memset(a.token, 3 * ours, sizeof(a.token));
		assert_int_equal(wire_answer_put(&b, &a), 0);
		parse(&b, &m);
		assert_int_equal(m.fixed_len, resumes ? 68 : ours ? 60 : 40);
		assert_int_equal(wire_answer_parse(&m, WIRE_PORT_TCP_MAX, &got, NULL), 0);
		assert_true(got.cpus == 2 && got.page_size == 4096 && got.trace_id == 77 && got.sync_port == 1502);
		assert_string_equal(got.proto, "ptp");
		assert_true(got.ours == ours && got.packed == ours);
		assert_true(got.resume_port == a.resume_port && got.outage_s == a.outage_s);
		assert_memory_equal(got.token, a.token, WIRE_TOKEN);
		assert_memory_equal(got.ports, ports, sizeof(ports));
		free(got.ports);
	}
}

static void test_answer_that_resumes_in_vain(void **state)
{
	static const struct { uint32_t port, outage_s; bool packed; const char *told; } cases[] = {
		{ 65536, 60, true, "port 65536 for connections made anew within 60 seconds" }, { 1503, 0, true, "within 0 seconds" },
		{ 1503, 60, false, "without chunks" },
	};
	uint32_t port = 1500;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire_answer a = {
			.cpus = 1, .page_size = 4096, .ports = &port, .ours = true, .packed = cases[i].packed,
			.resume_port = cases[i].port, .outage_s = cases[i].outage_s,
		}, got;
		struct buf b AUTO_BUF = { 0 };
		struct wire_msg m;
		struct err e;

		assert_int_equal(wire_answer_put(&b, &a), 0);
		parse(&b, &m);
		assert_int_equal(wire_answer_parse(&m, WIRE_PORT_TCP_MAX, &got, &e), -EPROTO);
		expect_error(&e, cases[i].told);
	}
}

/* The fixed part of an answer: CPUs, sub-buffers, the name's first letter, its port; then strings. */
static void test_malformed_answer(void **state)
{
	static const struct {
		uint32_t flags, cpus, page_size, proto, sync_port;
		const char *ports;
		uint32_t len;
		const char *told;
	} cases[] = {
		{ 0, 0, 4096, 0, 0, "", 0, "0 CPUs" },
		{ 0, 4097, 4096, 0, 0, "", 0, "4097 CPUs" },
		{ 0, 1, 4097, 0, 0, "1", 2, "sub-buffers of 4097 bytes" },
		{ 0, 1, 4096, 'p', 0, "1", 2, "port 0 for time synchronisation by 'p'" },
		{ 0, 1, 4096, 'p', 65536, "1", 2, "port 65536 for time synchronisation" },
		{ 0, 2, 4096, 0, 0, "1", 2, "has 1 ports, 2 were expected" },
		{ 0, 1, 4096, 0, 0, "1", 1, "do not end with a NUL" },
		{ 0, 1, 4096, 0, 0, "0", 2, "port 0 for CPU 0 is none" },
		{ 1, 1, 4096, 0, 0, "15", 3, "port 15 for CPU 0, though there are FIFOs" },
		{ 0, 1, 4096, 0, 0, "x", 2, "'x' is not a port" },
		{ 0, 1, 4096, 0, 0, "65536", 6, "too much for a port" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b AUTO_BUF = { 0 };
		uint8_t fixed[40] = { 0 };
		struct wire_answer got;
		struct err e = { 0 };
		struct wire_msg m;

		put_u32(fixed, cases[i].flags, true);
		put_u32(fixed + 4, cases[i].cpus, true);
		put_u32(fixed + 8, cases[i].page_size, true);
		fixed[20] = cases[i].proto;
		put_u32(fixed + 36, cases[i].sync_port, true);
		wire_msg_put(&b, WIRE_TRACE_RESP, fixed, sizeof(fixed), cases[i].ports, cases[i].len);
		parse(&b, &m);
		if (wire_answer_parse(&m, WIRE_PORT_TCP_MAX, &got, &e) >= 0)
			fail_msg("case %zu was taken", i);
		expect_error(&e, cases[i].told);
	}
}

/* Names of 16 bytes have no NUL on the wire. */
static void test_long_name(void **state)
{
	uint8_t fixed[40] = { 0 };
	struct wire_answer got;
	struct buf b AUTO_BUF = { 0 };
	struct wire_msg m;

	(void)state;
	put_u32(fixed + 4, 1, true);
	put_u32(fixed + 8, 4096, true);
	memset(fixed + 20, 'n', 16);
	put_u32(fixed + 36, 4000000000, true);
	wire_msg_put(&b, WIRE_TRACE_RESP, fixed, sizeof(fixed), "4294967294", 11);
	parse(&b, &m);
	assert_int_equal(wire_answer_parse(&m, WIRE_PORT_VSOCK_MAX, &got, NULL), 0);
	assert_string_equal(got.proto, "nnnnnnnnnnnnnnnn");
	assert_true(got.ports[0] == 4294967294u);
	free(got.ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_too_long),
		cmocka_unit_test(test_malformed_request),
		cmocka_unit_test(test_unknown_parameter),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_answer_that_resumes_in_vain),
		cmocka_unit_test(test_malformed_answer),
		cmocka_unit_test(test_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
