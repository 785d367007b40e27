// SPDX-License-Identifier: GPL-2.0-or-later
/* Host and agent, held against sessions of real programs and against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dat/dat.h"
#include "remote/talk_agent.h"

#define WIRE FIXTURES "/wire/"
#define FILE_MAX (1 << 20)

static const struct remote_key no_key;
static const uint8_t nonce[WIRE_NONCE] = "the nonce of these tests";
static const size_t steps[] = { 1, 5, 4096, 1 << 20 };

static const char *const sessions[] = {
	"agent-fifo", "agent-tcp", "agent-tcp-interval", "agent-tcp-notsync", "agent-tcp-oldagent",
	"agent-tcp-oldhost", "agent-unexpected-cont",
};

static void read_file(struct buf *b, const char *session, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), WIRE "%s/%s", session, name);
	if (path_read_all(path, b, FILE_MAX))
		fail_msg("cannot read %s", path);
}

struct heard {
	struct buf metadata;
	unsigned ends, answers;
};

static int on_answer(void *ctx, const struct wire_answer *a, struct err *e)
{
	struct heard *h = ctx;

	(void)e;
	assert_true(a->cpus && !h->metadata.len);
	h->answers++;
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

static const struct talk_host_fns fns = { .answered = on_answer, .metadata = on_metadata, .metadata_end = on_end };

/* What the real agent answered and sent, as our own would say it. */
static void say_the_same(struct talk_agent *a, const struct buf *answered)
{
	struct wire_answer answer;
	struct err e = { 0 };
	struct wire_msg m;
	uint32_t size;

	assert_int_equal(wire_msg_parse(answered->data, answered->len, &m, &size, NULL), 1);
	assert_int_equal(wire_answer_parse(&m, WIRE_PORT_TCP_MAX, &answer, &e), 0);
	assert_int_equal(talk_agent_answer(a, &answer, &e), 0);
	free(answer.ports);
	assert_int_equal(wire_msg_parse(answered->data + size, answered->len - size, &m, &size, NULL), 1);
	assert_int_equal(m.id, WIRE_SEND_DATA);
	assert_int_equal(wire_metadata_put(&a->out, m.payload, m.payload_len, true), 0);
}

static void replay_agent(const char *session, size_t step)
{
	struct buf said AUTO_BUF = { 0 }, answered AUTO_BUF = { 0 };
	struct err e = { 0 };
	struct talk_agent a;
	int r = 0;

	read_file(&said, session, "control.c2s");
	read_file(&answered, session, "control.s2c");
	talk_agent_init(&a, &no_key, nonce);
	for (size_t at = 0; at < said.len && r >= 0; at += step) {
		r = talk_agent_feed(&a, said.data + at, said.len - at < step ? said.len - at : step, &e);
		if (r == 1 && a.state == TALK_AGENT_ASKED) {
			say_the_same(&a, &answered);
			r = talk_agent_feed(&a, NULL, 0, &e);
		}
	}
	assert_int_equal(r, 1);
	assert_int_equal(a.state, TALK_AGENT_CLOSING);
	assert_int_equal(talk_agent_close(&a), 0);
	assert_int_equal(a.out.len, answered.len);
	assert_memory_equal(a.out.data, answered.data, answered.len);
	assert_string_equal(a.req.args.data, strcmp(session, "agent-unexpected-cont") ? "-C" : "-e");
	talk_agent_release(&a);
}

static void test_agent_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++)
			replay_agent(sessions[i], steps[k]);
}

/* Up to what a script said that no host says. */
static void replay_host(const char *session, size_t step)
{
	struct buf said AUTO_BUF = { 0 }, answered AUTO_BUF = { 0 };
	struct wire_request req = { 0 };
	struct heard heard = { 0 };
	struct err e = { 0 };
	struct talk_host h;
	struct wire_msg m;
	uint32_t size;
	int r = 0;

	read_file(&said, session, "control.c2s");
	read_file(&answered, session, "control.s2c");
	assert_int_equal(wire_msg_parse(said.data, said.len, &m, &size, NULL), 1);
	assert_int_equal(wire_request_parse(&m, &req, &e), 0);
	talk_host_init(&h, &fns, &heard, &no_key, WIRE_PORT_TCP_MAX);
	assert_int_equal(talk_host_ask(&h, &req, &e), 0);
	assert_int_equal(h.out.len, size);
	assert_memory_equal(h.out.data, said.data, size);
	for (size_t at = 0; at < answered.len - 12 && r >= 0; at += step)
		r = talk_host_feed(&h, answered.data + at, answered.len - 12 - at < step ? answered.len - 12 - at : step, &e);
	assert_true(r >= 0);
	assert_int_equal(h.state, TALK_HOST_DATA);
	assert_int_equal(heard.ends, 1);
	assert_int_equal(heard.answers, 1);
	assert_memory_equal(heard.metadata.data, DAT_MAGIC, DAT_MAGIC_LEN);
	assert_int_equal(h.answer.cpus, 2);
	assert_true(h.answer.fifos == !strcmp(session, "agent-fifo"));
	assert_int_equal(talk_host_close(&h), 0);
	assert_int_equal(talk_host_feed(&h, answered.data + answered.len - 12, 12, &e), 1);
	assert_int_equal(h.state, TALK_HOST_OVER);
	assert_int_equal(h.out.len, said.len);
	assert_memory_equal(h.out.data, said.data, said.len);
	talk_host_release(&h);
	wire_request_release(&req);
	buf_release(&heard.metadata);
}

static void test_host_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++)
		for (size_t k = 0; k < ARRAY_SIZE(steps) && strcmp(sessions[i], "agent-unexpected-cont"); k++)
			replay_host(sessions[i], steps[k]);
}

static void test_wrong_first_message(void **state)
{
	struct buf said AUTO_BUF = { 0 }, answered AUTO_BUF = { 0 };
	struct err e = { 0 };
	struct talk_agent a;

	(void)state;
	read_file(&said, "agent-wrong-first-message", "control.c2s");
	read_file(&answered, "agent-wrong-first-message", "control.s2c");
	talk_agent_init(&a, &no_key, nonce);
	assert_int_equal(talk_agent_feed(&a, said.data, said.len, &e), -EPROTO);
	assert_non_null(strstr(e.text, "the first message is TINIT"));
	assert_int_equal(a.out.len, answered.len);
	assert_memory_equal(a.out.data, answered.data, answered.len);
	talk_agent_release(&a);
}

/* ---- both of ours ------------------------------------------------------------------ */

static const struct remote_key key = { .bytes = "0123456789abcdef", .len = 16 };
static const struct remote_key optional = { .bytes = "0123456789abcdef", .len = 16, .optional = true };
static const struct remote_key other = { .bytes = "0123456789abcdeF", .len = 16 };

/* Carries what both say until nobody says any more. What the side that ended it returned, with @e. */
static int converse(struct talk_host *h, struct talk_agent *a, struct err *e)
{
	uint32_t ports[] = { 1500, 1501 };
	struct wire_answer answer = { .cpus = 2, .page_size = 4096, .ports = ports, .ours = true };
	int r = 0, s = 0;

	while (h->out.len || a->out.len) {
		if (h->out.len && !s)
			s = talk_agent_feed(a, h->out.data, h->out.len, e);
		buf_clear(&h->out);
		if (s == 1 && a->state == TALK_AGENT_ASKED)
			s = talk_agent_answer(a, &answer, e);
		if (a->out.len && r >= 0)
			r = talk_host_feed(h, a->out.data, a->out.len, s < 0 ? NULL : e);
		buf_clear(&a->out);
		if (r < 0)
			return r;
	}
	return s < 0 ? s : r;
}

static int meet(const struct remote_key *host, const struct remote_key *agent, bool ours, struct err *e)
{
	struct wire_request req = { .ours = ours, .argc = 1, .nonce = "host's" };
	struct heard heard = { 0 };
	struct talk_host h;
	struct talk_agent a;
	int r;

	buf_str(&req.args, "-v");
	talk_host_init(&h, &fns, &heard, host, WIRE_PORT_TCP_MAX);
	talk_agent_init(&a, agent, nonce);
	assert_int_equal(talk_host_ask(&h, &req, e), 0);
	r = converse(&h, &a, e);
	if (r == 1)
		assert_int_equal(h.state, TALK_HOST_METADATA);
	talk_host_release(&h);
	talk_agent_release(&a);
	wire_request_release(&req);
	return r;
}

static void test_keys(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(meet(&no_key, &no_key, true, &e), 1);
	assert_int_equal(meet(&key, &key, true, &e), 1);
	assert_int_equal(meet(&key, &other, true, &e), -EACCES);
	assert_non_null(strstr(e.text, "key is not ours"));
	assert_int_equal(meet(&key, &no_key, true, &e), -EACCES);
	assert_non_null(strstr(e.text, "--key-optional"));
	assert_int_equal(meet(&optional, &no_key, true, &e), 1);
	assert_int_equal(meet(&no_key, &optional, true, &e), 1);
	assert_int_equal(meet(&no_key, &key, true, &e), -ECONNREFUSED);
	assert_non_null(strstr(e.text, "has no key"));
	assert_int_equal(meet(&no_key, &key, false, &e), -EACCES);
	assert_non_null(strstr(e.text, "trace-cmd knows of none"));
	assert_int_equal(meet(&no_key, &optional, false, &e), 1);
}

/* A host with another key is sent away by an agent that does without, too. */
static void test_wrong_proof(void **state)
{
	static const uint8_t wrong[WIRE_PROOF] = { 1 };
	struct wire_request req = { .ours = true };
	struct talk_agent a;
	struct err e = { 0 };
	struct buf b AUTO_BUF = { 0 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		buf_clear(&b);
		talk_agent_init(&a, &optional, nonce);
		wire_request_put(&b, &req);
		assert_int_equal(talk_agent_feed(&a, b.data, b.len, &e), 0);
		buf_clear(&b);
		wire_msg_put(&b, WIRE_CONT, wrong, i ? 5 : sizeof(wrong), NULL, 0);
		assert_int_equal(talk_agent_feed(&a, b.data, b.len, &e), i ? -EPROTO : -EACCES);
		assert_non_null(strstr(e.text, i ? "CONT with 5 bytes" : "its key is another one"));
		talk_agent_release(&a);
	}
}

static void test_refusal(void **state)
{
	struct wire_request req = { .ours = true };
	struct buf b AUTO_BUF = { 0 };
	struct heard heard = { 0 };
	struct talk_agent a;
	struct talk_host h;
	struct err e = { 0 };

	(void)state;
	wire_request_put(&b, &req);
	talk_agent_init(&a, &no_key, nonce);
	assert_int_equal(talk_agent_feed(&a, b.data, b.len, &e), 1);
	assert_int_equal(talk_agent_refuse(&a, "there is no event 'x\ny'"), 0);
	talk_host_init(&h, &fns, &heard, &no_key, WIRE_PORT_TCP_MAX);
	assert_int_equal(talk_host_feed(&h, a.out.data, a.out.len, &e), -ECONNREFUSED);
	assert_string_equal(e.text, "the agent refuses: there is no event 'x?y'");
	talk_host_release(&h);
	talk_agent_release(&a);
}

static void test_ends(void **state)
{
	struct heard heard = { 0 };
	struct talk_agent a;
	struct talk_host h;
	struct err e = { 0 };

	(void)state;
	talk_agent_init(&a, &no_key, nonce);
	assert_int_equal(talk_agent_eof(&a, &e), -ECONNRESET);
	a.state = TALK_AGENT_RECORDS;
	assert_int_equal(talk_agent_eof(&a, &e), 1);
	talk_host_init(&h, &fns, &heard, &no_key, WIRE_PORT_TCP_MAX);
	for (h.state = TALK_HOST_ANSWER; h.state <= TALK_HOST_OVER; h.state++)
		assert_int_equal(talk_host_eof(&h, &e), -ECONNRESET);
	talk_host_release(&h);
	talk_agent_release(&a);
}

static void test_metadata_limit(void **state)
{
	struct buf b AUTO_BUF = { 0 };
	struct heard heard = { 0 };
	struct talk_host h;
	struct err e = { 0 };

	(void)state;
	talk_host_init(&h, &fns, &heard, &no_key, WIRE_PORT_TCP_MAX);
	h.state = TALK_HOST_METADATA;
	h.metadata_max = 10;
	wire_metadata_put(&b, "0123456789", 10, false);
	assert_int_equal(talk_host_feed(&h, b.data, b.len, &e), 0);
	assert_int_equal(talk_host_feed(&h, b.data, b.len, &e), -EFBIG);
	talk_host_release(&h);
	buf_release(&heard.metadata);
}

/* Messages where an agent or a host may not send them. */
static void test_order(void **state)
{
	static const struct {
		enum talk_host_state state;
		uint32_t id;
		bool ours;
		const char *told;
	} cases[] = {
		{ TALK_HOST_ANSWER, WIRE_SEND_DATA, true, "SEND_DATA, TRACE_RESP was expected" },
		{ TALK_HOST_ANSWER, WIRE_CONT, true, "challenge has 0 bytes" },
		{ TALK_HOST_METADATA, WIRE_CLOSE_RESP, true, "CLOSE_RESP came where metadata" },
		{ TALK_HOST_DATA, WIRE_SEND_DATA, false, "SEND_DATA, which was not expected" },
		{ TALK_HOST_CLOSING, WIRE_SEND_DATA, false, "SEND_DATA, which was not expected" },
		{ TALK_HOST_CLOSING, WIRE_FIN_DATA, true, "FIN_DATA came where metadata" },
		{ TALK_HOST_OVER, WIRE_TRACE_RESP, true, "TRACE_RESP, which was not expected" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b AUTO_BUF = { 0 };
		struct heard heard = { 0 };
		struct talk_host h;
		struct err e = { 0 };

		talk_host_init(&h, &fns, &heard, &no_key, WIRE_PORT_TCP_MAX);
		h.state = cases[i].state;
		h.answer.ours = cases[i].ours;
		wire_msg_put(&b, cases[i].id, NULL, 0, NULL, 0);
		assert_int_equal(talk_host_feed(&h, b.data, b.len, &e), -EPROTO);
		if (!strstr(e.text, cases[i].told))
			fail_msg("'%s' does not tell '%s'", e.text, cases[i].told);
		talk_host_release(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agent_sessions),
		cmocka_unit_test(test_host_sessions),
		cmocka_unit_test(test_wrong_first_message),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_wrong_proof),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_metadata_limit),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
