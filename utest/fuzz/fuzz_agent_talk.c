// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as what a host says to an agent, or an agent to a host. The first byte tells the side,
 * whether there is a key, and in what pieces they come; the pieces must not change what is said.
 */
#include <stdlib.h>

#include "remote/talk_agent.h"

#define METADATA_MAX 4096
#define HOST_SIDE 0x80
#define WITH_KEY 0x40
#define STEP 0x3f

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct remote_key no_key, key = { .bytes = "a key of some bytes", .len = 19, .optional = true };
static const uint8_t nonce[WIRE_NONCE] = "nonce";

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void look_at_request(const struct wire_request *req)
{
	char **argv = wire_request_argv(req, "record");
	size_t sum = 0;

	must(argv);
	for (uint32_t i = 0; i < req->argc; i++)
		sum += strlen(argv[i + 1]) + 1;
	must(sum <= req->args.len && !argv[req->argc + 1]);
	free(argv);
}

static int as_agent(const uint8_t *data, size_t size, size_t step, const struct remote_key *k, struct buf *said)
{
	uint32_t ports[] = { 1500, 1501 };
	struct wire_answer answer = { .cpus = 2, .page_size = 4096, .ports = ports };
	struct talk_agent a;
	struct err e = { 0 };
	int r = 0;

	talk_agent_init(&a, k, nonce);
	for (size_t at = 0; at < size && r >= 0 && a.state != TALK_AGENT_CLOSING; at += step) {
		r = talk_agent_feed(&a, data + at, size - at < step ? size - at : step, &e);
		if (r == 1 && a.state == TALK_AGENT_ASKED) {
			look_at_request(&a.req);
			answer.ours = a.req.ours;
			must(!talk_agent_answer(&a, &answer, &e));
			r = talk_agent_feed(&a, NULL, 0, &e);
		}
	}
	must(r >= 0 || *e.text);
	if (r >= 0)
		r = talk_agent_eof(&a, &e);
	must(r == 1 || *e.text);
	must(a.in.len <= 3 * WIRE_MSG_MAX + step);
	buf_put(said, a.out.data, a.out.len);
	talk_agent_release(&a);
	return r;
}

static int on_answer(void *ctx, const struct wire_answer *a, struct err *e)
{
	(void)ctx;
	(void)e;
	must(a->cpus && a->cpus <= WIRE_CPUS_MAX && a->ports);
	return 0;
}

static int on_metadata(void *ctx, const void *data, size_t len, struct err *e)
{
	size_t *sum = ctx;

	(void)data;
	(void)e;
	*sum += len;
	must(*sum <= METADATA_MAX);
	return 0;
}

static int on_end(void *ctx, struct err *e)
{
	(void)e;
	*(size_t *)ctx = 0;
	return 0;
}

static int as_host(const uint8_t *data, size_t size, size_t step, const struct remote_key *k, struct buf *said)
{
	static const struct talk_host_fns fns = { on_answer, on_metadata, on_end };
	struct wire_request req = { .ours = true };
	struct talk_host h;
	struct err e = { 0 };
	size_t sum = 0;
	int r = 0;

	talk_host_init(&h, &fns, &sum, k, WIRE_PORT_TCP_MAX);
	h.metadata_max = METADATA_MAX;
	must(!talk_host_ask(&h, &req, &e));
	for (size_t at = 0; at < size && r >= 0; at += step) {
		r = talk_host_feed(&h, data + at, size - at < step ? size - at : step, &e);
		must(r < 0 || h.state < TALK_HOST_METADATA || (h.answer.cpus && h.answer.cpus <= WIRE_CPUS_MAX));
	}
	must(r >= 0 || *e.text);
	if (r >= 0)
		must(talk_host_eof(&h, &e) == -ECONNRESET);
	must(h.in.len <= WIRE_MSG_MAX + step);
	buf_put(said, h.out.data, h.out.len);
	talk_host_release(&h);
	return r < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole AUTO_BUF = { 0 }, pieces AUTO_BUF = { 0 };
	const struct remote_key *k;
	int r;

	if (!size)
		return 0;
	k = data[0] & WITH_KEY ? &key : &no_key;
	if (data[0] & HOST_SIDE) {
		r = as_host(data + 1, size - 1, size, k, &whole);
		must(as_host(data + 1, size - 1, 1 + (data[0] & STEP), k, &pieces) == r);
	} else {
		r = as_agent(data + 1, size - 1, size, k, &whole);
		must(as_agent(data + 1, size - 1, 1 + (data[0] & STEP), k, &pieces) == r);
	}
	must(whole.len == pieces.len && !memcmp(whole.data, pieces.data, whole.len));
	return 0;
}
