// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages between machines: what is taken, and what each thing that is not is told to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "remote/wire.h"

static void header(uint8_t *p, uint32_t size, uint32_t id, uint32_t fixed)
{
	put_u32(p, size, true);
	put_u32(p + 4, id, true);
	put_u32(p + 8, fixed, true);
}

static void expect_error(const struct err *e, const char *part)
{
	if (!strstr(e->text, part))
		fail_msg("'%s' does not tell '%s'", e->text, part);
}

static void test_message(void **state)
{
	struct buf b AUTO_BUF = { 0 };
	struct wire_msg m;
	uint32_t size;

	(void)state;
	assert_int_equal(wire_msg_put(&b, WIRE_TINIT, "abcdefgh", 8, "xyz", 3), 0);
	assert_int_equal(b.len, 23);
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(wire_msg_parse(b.data, len, &m, &size, NULL), 0);
	assert_int_equal(wire_msg_parse(b.data, b.len, &m, &size, NULL), 1);
	assert_int_equal(size, 23);
	assert_int_equal(m.id, WIRE_TINIT);
	assert_int_equal(m.payload_len, 3);
	assert_memory_equal(m.payload, "xyz", 3);
	assert_int_equal(wire_fixed_u32(&m, 0), 0x61626364);
	assert_int_equal(wire_fixed_u32(&m, 6), 0x67680000);	/* the rest is zeros */
	assert_int_equal(wire_fixed_u32(&m, 8), 0);
	assert_int_equal(wire_msg_put(&b, WIRE_SEND_DATA, NULL, 0, b.data, WIRE_DATA_MAX + 1), -EMSGSIZE);
}

static void test_malformed_message(void **state)
{
	static const struct {
		uint32_t size, id, fixed;
		const char *told;
	} cases[] = {
		{ 11, 1, 0, "claims 11 bytes" },
		{ 8193, 3, 0, "claims 8193 bytes" },
		{ 0x80000000, 3, 0, "claims 2147483648 bytes" },
		{ 16, 99, 0, "unknown id 99" },
		{ 16, 1, 5, "a fixed part of 5 bytes, it has 4" },
		{ 16, 1, 0xffffffff, "a fixed part of 4294967295 bytes" },
	};
	uint8_t data[32] = { 0 };
	struct wire_msg m;
	uint32_t size;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };

		header(data, cases[i].size, cases[i].id, cases[i].fixed);
		assert_int_equal(wire_msg_parse(data, sizeof(data), &m, &size, &e), -EPROTO);
		expect_error(&e, cases[i].told);
	}
	header(data, 12, 99, 0);
	assert_int_equal(wire_msg_parse(data, sizeof(data), &m, &size, NULL), 1);
}

/* A TINIT with these words and strings. */
static int parse_init(uint32_t cpus, uint32_t page, uint32_t options, const char *payload, size_t len,
		      struct wire_init *ret, struct err *e)
{
	struct buf b AUTO_BUF = { 0 };
	struct wire_msg m;
	uint8_t fixed[12];
	uint32_t size;

	put_u32(fixed, cpus, true);
	put_u32(fixed + 4, page, true);
	put_u32(fixed + 8, options, true);
	assert_int_equal(wire_msg_put(&b, WIRE_TINIT, fixed, 12, payload, len), 0);
	assert_int_equal(wire_msg_parse(b.data, b.len, &m, &size, NULL), 1);
	return wire_init_parse(&m, NULL, ret, e);
}

static void test_init(void **state)
{
	struct wire_init i;

	(void)state;
	assert_int_equal(parse_init(2, 4096, 0, NULL, 0, &i, NULL), 0);
	assert_true(i.cpus == 2 && i.page_size == 4096 && !i.tcp && !i.late);
	assert_int_equal(parse_init(1, 65536, 3, "other\0tcp\0tracecmd-late", 24, &i, NULL), 0);
	assert_true(i.tcp && i.late && !i.packed);
	for (int kind = 0; kind < 8; kind++) {
		struct wire_init want = { .cpus = 7, .page_size = 8192, .tcp = kind & 1, .late = kind & 2, .packed = kind & 4 };
		struct buf b AUTO_BUF = { 0 };
		struct wire_msg m;
		uint32_t size;

		assert_int_equal(wire_init_put(&b, &want), 0);
		assert_int_equal(wire_msg_parse(b.data, b.len, &m, &size, NULL), 1);
		assert_int_equal(wire_init_parse(&m, NULL, &i, NULL), 0);
		assert_true(i.cpus == 7 && i.page_size == 8192 && i.tcp == want.tcp && i.late == want.late);
		/* chunks are none of datagrams */
		assert_int_equal(i.packed, want.packed && want.tcp);
	}
}

static void test_bad_init(void **state)
{
	static const struct {
		uint32_t cpus, page, options;
		const char *payload;
		size_t len;
		const char *told;
	} cases[] = {
		{ 0, 4096, 0, NULL, 0, "0 CPUs" },
		{ 4097, 4096, 0, NULL, 0, "4097 CPUs" },
		{ 0xffffffff, 4096, 0, NULL, 0, "4294967295 CPUs" },
		{ 1, 0, 0, NULL, 0, "sub-buffers of 0 bytes" },
		{ 1, 4097, 0, NULL, 0, "sub-buffers of 4097 bytes" },
		{ 1, 1 << 17, 0, NULL, 0, "sub-buffers of 131072 bytes" },
		{ 1, 65536, 0, NULL, 0, "do not fit into datagrams" },
		{ 1, 4096, 1, "tcpx", 4, "do not end with a NUL" },
		{ 1, 4096, 5, "tcp", 4, "claims 5 options, and has 1" },
		{ 1, 4096, 17, "tcp", 4, "claims 17 options" },
	};
	struct wire_init i;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct err e = { 0 };

		assert_true(parse_init(cases[k].cpus, cases[k].page, cases[k].options, cases[k].payload,
				       cases[k].len, &i, &e) < 0);
		expect_error(&e, cases[k].told);
	}
}

static int parse_ports(uint32_t said, uint32_t cpus, const char *payload, size_t len, struct err *e)
{
	struct buf b AUTO_BUF = { 0 };
	uint32_t ports[4], size;
	struct wire_msg m;
	struct wire_init init = { .cpus = cpus };
	uint8_t fixed[4];

	put_u32(fixed, said, true);
	assert_int_equal(wire_msg_put(&b, WIRE_RINIT, fixed, 4, payload, len), 0);
	assert_int_equal(wire_msg_parse(b.data, b.len, &m, &size, NULL), 1);
	return wire_ports_parse(&m, &init, ports, e);
}

static void test_ports(void **state)
{
	static const struct {
		uint32_t said, cpus;
		const char *payload;
		size_t len;
		const char *told;
	} cases[] = {
		{ 1, 2, "1500\0" "1501", 10, "for 1 CPUs, 2 were expected" },
		{ 2, 2, "1500", 5, "has 1 ports, 2 were expected" },
		{ 2, 2, "1500\0" "1501", 9, "do not end with a NUL" },
		{ 2, 2, NULL, 0, "has 0 ports" },
		{ 1, 1, "65536", 6, "too much for a port" },
		{ 1, 1, "15x", 4, "not a port" },
		{ 1, 1, "", 1, "not a port" },
		{ 1, 1, "0", 2, "port 0" },
		{ 1, 1, "-1", 3, "not a port" },
	};
	uint32_t ports[2] = { 1500, 65535 }, got[2], size;
	struct buf b AUTO_BUF = { 0 };
	struct wire_msg m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };

		assert_int_equal(parse_ports(cases[i].said, cases[i].cpus, cases[i].payload, cases[i].len, &e),
				 -EPROTO);
		expect_error(&e, cases[i].told);
	}
	for (int kind = 0; kind < 16; kind++) {
		struct wire_init asked = { .cpus = 2, .late = kind & 1, .packed = kind & 2 };
		struct wire_init able = { .cpus = 2, .late = kind & 4, .packed = kind & 8 };

		buf_clear(&b);
		assert_int_equal(wire_ports_put(&b, &able, ports), 0);
		assert_int_equal(wire_msg_parse(b.data, b.len, &m, &size, NULL), 1);
		assert_int_equal(wire_ports_parse(&m, &asked, got, NULL), 0);
		assert_memory_equal(got, ports, sizeof(ports));
		assert_true(asked.late == ((kind & 5) == 5) && asked.packed == ((kind & 10) == 10));
	}
}

/* As many ports as fit into one message, and no more. */
static void test_many_ports(void **state)
{
	struct wire_init most = { .cpus = 1635 }, more = { .cpus = 1636 };
	uint32_t ports[WIRE_CPUS_MAX];
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	for (size_t i = 0; i < WIRE_CPUS_MAX; i++)
		ports[i] = 1500;
	assert_int_equal(wire_ports_put(&b, &most, ports), 0);
	assert_int_equal(b.len, 8191);
	assert_int_equal(wire_ports_put(&b, &more, ports), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_malformed_message),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_bad_init),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_many_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
