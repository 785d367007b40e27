// SPDX-License-Identifier: GPL-2.0-or-later
/* Both sides of the control connection, held against sessions of real programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dat/dat.h"
#include "remote/talk.h"

#define WIRE FIXTURES "/wire/"
#define FILE_MAX (1 << 20)

static const char greeting[] = TALK_BANNER;

static void read_file(struct buf *b, const char *session, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), WIRE "%s/%s", session, name);
	buf_clear(b);
	if (path_read_all(path, b, FILE_MAX))
		fail_msg("cannot read %s", path);
}

struct heard {
	struct buf metadata;
	unsigned ends;
	struct wire_init init;
	uint32_t first_port;
};

static int on_open(void *ctx, struct wire_init *init, uint32_t *ports, struct err *e)
{
	struct heard *h = ctx;

	(void)e;
	h->init = *init;
	for (uint32_t i = 0; i < init->cpus; i++)
		ports[i] = h->first_port + i;
	return 0;
}

static int on_metadata(void *ctx, const void *data, size_t len, struct err *e)
{
	struct heard *h = ctx;

	(void)e;
	return buf_put(&h->metadata, data, len);
}

static int on_end(void *ctx, struct err *e)
{
	struct heard *h = ctx;

	(void)e;
	h->ends++;
	return 0;
}

static const struct talk_server_fns fns = { .open = on_open, .metadata = on_metadata, .metadata_end = on_end };

/* Feeds all of @said, so many bytes at once. What the last feed returned. */
static int feed(struct talk_server *s, const struct buf *said, size_t step, struct err *e)
{
	int r = 0;

	for (size_t at = 0; at < said->len && !r; at += step)
		r = talk_server_feed(s, said->data + at, said->len - at < step ? said->len - at : step, e);
	return r;
}

static void replay_server(const char *session, const char *name, bool v1, size_t step)
{
	char c2s[32], s2c[32];
	struct buf said AUTO_BUF = { 0 }, answered AUTO_BUF = { 0 };
	struct heard h = { .first_port = 1500 };
	struct talk_server s;
	struct err e = { 0 };
	int r;

	snprintf(c2s, sizeof(c2s), "%s.c2s", name);
	snprintf(s2c, sizeof(s2c), "%s.s2c", name);
	read_file(&said, session, c2s);
	read_file(&answered, session, s2c);
	assert_int_equal(talk_server_init(&s, &fns, &h, NULL), 0);
	r = feed(&s, &said, step, &e);
	if (v1 && !r)
		r = talk_server_eof(&s, &e);
	if (r != 1)
		fail_msg("%s, %zu bytes at once: %d %s", session, step, r, e.text);
	assert_int_equal(s.out.len, answered.len);
	assert_memory_equal(s.out.data, answered.data, answered.len);
	assert_int_equal(h.ends, 1);
	assert_int_equal(h.init.cpus, 2);
	assert_memory_equal(h.metadata.data, DAT_MAGIC, DAT_MAGIC_LEN);
	talk_server_release(&s);
	buf_release(&h.metadata);
}

static const struct {
	const char *name, *control;
	bool v1, tcp, by_script;
} sessions[] = {
	{ "listen-v3-tcp", "control", false, true, false },
	{ "listen-v3-udp", "control", false, false, false },
	{ "listen-v3-udp-file6", "control", false, false, false },
	{ "listen-v3-udp-uncompressed", "control", false, false, false },
	{ "listen-v3-udp-oldclient", "control", false, false, false },
	{ "listen-v3-tcp-oldserver", "control", false, true, false },
	{ "listen-v1-client-udp", "control2", true, false, false },
	{ "listen-v1-client-tcp", "control2", true, true, false },
	{ "listen-v1-server", "control", true, false, true },
};

static void test_server_sessions(void **state)
{
	static const size_t steps[] = { 1, 3, 4096, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
			replay_server(sessions[i].name, sessions[i].control, sessions[i].v1, steps[k]);
}

/* Our side as recorder says what trace-cmd said. */
static void replay_client(size_t i)
{
	struct wire_init init = { .cpus = 2, .page_size = 4096, .tcp = sessions[i].tcp };
	struct buf said AUTO_BUF = { 0 }, answered AUTO_BUF = { 0 };
	char name[32];
	struct talk_client c;
	size_t at = 0;
	int r = 0;

	snprintf(name, sizeof(name), "%s.c2s", sessions[i].control);
	read_file(&said, sessions[i].name, name);
	snprintf(name, sizeof(name), "%s.s2c", sessions[i].control);
	read_file(&answered, sessions[i].name, name);
	talk_client_init(&c, sessions[i].v1 ? 1 : 3);
	/* No more than belongs to one answer is ever there. */
	for (; at < answered.len && c.state != TALK_READY; at++) {
		r = talk_client_feed(&c, answered.data + at, 1, NULL);
		assert_true(r >= 0);
		if (c.state == TALK_GREETED)
			assert_int_equal(talk_client_begin(&c, &init, NULL), 0);
	}
	assert_int_equal(r, 1);
	assert_int_equal(c.ports[0], 1500);
	assert_int_equal(c.ports[1], 1501);
	assert_false(c.init.late);
	assert_true(c.out.len <= said.len);
	assert_memory_equal(c.out.data, said.data, c.out.len);
	talk_client_release(&c);
}

static void test_client_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
		if (!sessions[i].by_script)
			replay_client(i);
}

/* What was captured with full messages comes out as it went in. */
static void test_client_metadata(void **state)
{
	struct buf said AUTO_BUF = { 0 };
	struct heard h = { .first_port = 1500 };
	struct wire_init init = { .cpus = 2, .page_size = 4096 };
	struct talk_server s;
	struct talk_client c;
	size_t before;

	(void)state;
	read_file(&said, "listen-v3-udp-uncompressed", "control.c2s");
	talk_server_init(&s, &fns, &h, NULL);
	assert_int_equal(feed(&s, &said, 4096, NULL), 1);
	talk_client_init(&c, 3);
	assert_int_equal(talk_client_feed(&c, greeting, sizeof(greeting) - 1, NULL), 1);
	assert_int_equal(talk_client_begin(&c, &init, NULL), 0);
	assert_int_equal(talk_client_feed(&c, "V3", 3, NULL), 0);
	assert_int_equal(talk_client_feed(&c, "OK", 2, NULL), 0);
	before = c.out.len;
	assert_int_equal(talk_client_metadata(&c, h.metadata.data, h.metadata.len, true), 0);
	assert_int_equal(talk_client_close(&c), 0);
	assert_int_equal(c.out.len, said.len);
	assert_memory_equal(c.out.data + before, said.data + before, said.len - before);
	talk_client_release(&c);
	talk_server_release(&s);
	buf_release(&h.metadata);
}

/* Metadata once more behind the data, where both sides can. */
static void test_late_metadata(void **state)
{
	struct wire_init init = { .cpus = 1, .page_size = 4096, .tcp = true, .late = true, .packed = true };
	struct heard h = { .first_port = 1500 };
	struct talk_server s;
	struct talk_client c;
	int r = 0;

	(void)state;
	talk_server_init(&s, &fns, &h, NULL);
	talk_client_init(&c, 3);
	while (c.state != TALK_READY) {
		r = talk_client_feed(&c, s.out.data, s.out.len, NULL);
		assert_true(r >= 0);
		buf_clear(&s.out);
		if (c.state == TALK_GREETED)
			assert_int_equal(talk_client_begin(&c, &init, NULL), 0);
		if (c.out.len)
			assert_int_equal(talk_server_feed(&s, c.out.data, c.out.len, NULL), 0);
		buf_clear(&c.out);
	}
	assert_true(c.init.late && c.init.packed);
	assert_int_equal(talk_client_metadata(&c, "first", 5, true), 0);
	assert_int_equal(talk_client_metadata(&c, "second", 6, true), 0);
	assert_int_equal(talk_server_feed(&s, c.out.data, c.out.len, NULL), 0);
	assert_int_equal(h.ends, 2);
	assert_string_equal(h.metadata.data, "firstsecond");
	assert_null(talk_server_waits(&s));
	buf_clear(&c.out);
	assert_int_equal(talk_client_close(&c), 0);
	assert_int_equal(talk_server_feed(&s, c.out.data, c.out.len, NULL), 1);
	talk_client_release(&c);
	talk_server_release(&s);
	buf_release(&h.metadata);
}

/* ---- what goes wrong ---------------------------------------------------------- */

static void from_hex(struct buf *b, const char *hex)
{
	unsigned byte;

	buf_clear(b);
	if (!strcmp(hex, "31 repeated 8192 times")) {
		buf_fill(b, '1', 8192);
		return;
	}
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		buf_u8(b, byte);
}

/* Where we do other than trace-cmd's listener: what we answer; and that we close, or do not. */
static const struct {
	const char *name, *answer;
	bool closed;
} others[] = {
	/* A version without a number is none. */
	{ "minus1_only", "7472616365636d64", true },
	/* Time is not looked at here. */
	{ "silent_after_ok", NULL, false },
	{ "eof_without_close", NULL, false },
	{ "empty", NULL, false },
	/* A recording of no CPU is none. */
	{ "cpus_zero", "7472616365636d645633004f4b", true },
	{ "v1_nul_cpu", "7472616365636d64", true },
	/* In pieces or not, it is the same. */
	{ "split_magic", "7472616365636d645633004f4b000000150000000200000004000000013135303000", false },
};

static void check_case(const char *name, const char *sent, const char *answer, bool closed)
{
	struct buf said AUTO_BUF = { 0 }, want AUTO_BUF = { 0 };
	struct heard h = { .first_port = strstr(answer, "31353031") ? 1501 : 1500 };
	struct talk_server s;
	struct err e = { 0 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(others[i].name, name)) {
			closed = others[i].closed;
			answer = others[i].answer ? others[i].answer : answer;
		}
	from_hex(&said, sent);
	from_hex(&want, answer);
	talk_server_init(&s, &fns, &h, NULL);
	r = said.len ? talk_server_feed(&s, said.data, said.len, &e) : 0;
	if (closed != (r != 0))
		fail_msg("%s: %d (%s)", name, r, e.text);
	if (r < 0 && !*e.text)
		fail_msg("%s: closed without a word", name);
	if (s.out.len != want.len || memcmp(s.out.data, want.data, want.len))
		fail_msg("%s: another answer (%s)", name, e.text);
	talk_server_release(&s);
	buf_release(&h.metadata);
}

static void test_errors(void **state)
{
	struct buf text AUTO_BUF = { 0 };
	unsigned nr = 0;

	(void)state;
	read_file(&text, ".", "listen-errors.tsv");
	for (char *rest = text.data, *line; (line = strsep(&rest, "\n"));) {
		char *name = strsep(&line, "\t"), *sent = strsep(&line, "\t"), *answer = strsep(&line, "\t");

		if (*name == '#' || !answer)
			continue;
		check_case(name, sent, answer, line && !strncmp(line, "closed", 6));
		nr++;
	}
	assert_int_equal(nr, 36);
}

static void test_server_eof(void **state)
{
	static const char v3[] = "-1V3\000766679\0";
	struct talk_server s;
	struct heard h = { 0 };
	struct err e = { 0 };

	(void)state;
	talk_server_init(&s, &fns, &h, NULL);
	assert_string_equal(talk_server_waits(&s), "for its first words");
	assert_int_equal(talk_server_eof(&s, &e), -ECONNRESET);
	assert_non_null(strstr(e.text, "before it had said"));
	assert_int_equal(talk_server_feed(&s, v3, 13, NULL), 0);
	assert_string_equal(talk_server_waits(&s), "for its first message");
	talk_server_release(&s);
}

static void test_metadata_limit(void **state)
{
	struct buf said AUTO_BUF = { 0 };
	struct heard h = { .first_port = 1500 };
	struct talk_server s;
	struct err e = { 0 };

	(void)state;
	read_file(&said, "listen-v3-udp", "control.c2s");
	talk_server_init(&s, &fns, &h, NULL);
	s.metadata_max = 2000;
	assert_int_equal(feed(&s, &said, 4096, &e), -EFBIG);
	assert_non_null(strstr(e.text, "more than 2000 bytes of metadata"));
	talk_server_release(&s);
	buf_release(&h.metadata);
}

/* Whoever goes on with what is not expected is sent away some day, and told of once. */
static void count_line(void *ctx, const char *text)
{
	(void)text;
	++*(unsigned *)ctx;
}

static void test_endless_messages(void **state)
{
	struct buf said AUTO_BUF = { 0 };
	struct heard h = { .first_port = 1500 };
	unsigned lines = 0;
	struct notices notices = { count_line, &lines };
	struct talk_server s;
	struct err e = { 0 };
	int r = 0;

	(void)state;
	read_file(&said, "listen-v3-udp", "control.c2s");
	talk_server_init(&s, &fns, &h, &notices);
	said.len -= WIRE_HEADER;		/* without its CLOSE */
	assert_int_equal(feed(&s, &said, 4096, NULL), 0);
	buf_clear(&said);
	wire_msg_put(&said, WIRE_CONT, NULL, 0, NULL, 0);
	for (unsigned i = 0; i < 1000 && !r; i++)
		r = talk_server_feed(&s, said.data, said.len, &e);
	assert_int_equal(r, -EPROTO);
	assert_non_null(strstr(e.text, "messages that were not expected, the last one CONT"));
	assert_int_equal(lines, 1);
	talk_server_release(&s);
	buf_release(&h.metadata);
}

/* Answers that no listener gives. */
static void test_bad_listeners(void **state)
{
	static const struct {
		unsigned version;
		const char *answers[4];
		size_t lens[4];
		int r;
		const char *told;
	} cases[] = {
		{ 3, { "SSH-2.0" }, { 7 }, -EPROTO, "no listener" },
		{ 3, { greeting, "V2" }, { 8, 3 }, -EPROTO, "'V3'" },
		{ 3, { greeting, "\0" }, { 8, 1 }, -EPROTONOSUPPORT, "version 1" },
		{ 3, { greeting, "V3", "NO" }, { 8, 3, 2 }, -EPROTO, "'OK'" },
		{ 3, { greeting, "V3", "OK", "\0\0\0\x0c\0\0\0\x05\0\0\0\0" }, { 8, 3, 2, 12 }, -EPROTO, "NOT_SUPP" },
		{ 1, { greeting, "1500" }, { 8, 5 }, -EPROTO, "1 ports, 2 were expected" },
		{ 1, { greeting, "1500,x" }, { 8, 7 }, -EPROTO, "not a port" },
		{ 1, { greeting, "1500,1501,,,," }, { 8, 13 }, -EPROTO, "a list of 2 ports" },
	};
	struct wire_init init = { .cpus = 2, .page_size = 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct talk_client c;
		struct err e = { 0 };
		int r = 0;

		talk_client_init(&c, cases[i].version);
		for (size_t k = 0; k < 4 && cases[i].answers[k] && r >= 0; k++) {
			r = talk_client_feed(&c, cases[i].answers[k], cases[i].lens[k], &e);
			if (c.state == TALK_GREETED && r == 1)
				assert_int_equal(talk_client_begin(&c, &init, NULL), 0);
		}
		assert_int_equal(r, cases[i].r);
		if (!strstr(e.text, cases[i].told))
			fail_msg("case %zu: '%s'", i, e.text);
		talk_client_release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_sessions),
		cmocka_unit_test(test_client_sessions),
		cmocka_unit_test(test_client_metadata),
		cmocka_unit_test(test_late_metadata),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_server_eof),
		cmocka_unit_test(test_metadata_limit),
		cmocka_unit_test(test_endless_messages),
		cmocka_unit_test(test_bad_listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
