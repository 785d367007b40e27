// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "remote/proof.h"
#include "remote/talk_agent.h"

#define UNEXPECTED_MAX 100u		/* messages; a peer that goes on is no host */

void talk_agent_init(struct talk_agent *a, const struct remote_key *key, const uint8_t nonce[WIRE_NONCE])
{
	*a = (struct talk_agent){ .key = *key };
	memcpy(a->nonce, nonce, WIRE_NONCE);
}

void talk_agent_release(struct talk_agent *a)
{
	wire_request_release(&a->req);
	buf_release(&a->in);
	buf_release(&a->out);
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot answer the host");
}

/* What was not expected is answered, but for an answer of that kind. */
static int not_expected(struct talk_agent *a, const struct wire_msg *m, struct err *e)
{
	if (++a->unexpected > UNEXPECTED_MAX)
		return err_set(e, -EPROTO, "%u messages that were not expected, the last one %s", a->unexpected,
			       wire_id_name(m->id));
	if (m->id != WIRE_NOT_SUPP && wire_msg_put(&a->out, WIRE_NOT_SUPP, NULL, 0, NULL, 0))
		return no_memory(e);
	return 0;
}

/* Proves that we have the key, and asks for the same: the host's nonce and its request are in both. */
static int challenge(struct talk_agent *a, const uint8_t *said, uint32_t len, struct err *e)
{
	uint8_t fixed[WIRE_NONCE + WIRE_PROOF];

	memcpy(fixed, a->nonce, WIRE_NONCE);
	proof_make(&a->key, PROOF_AGENT, said, len, a->nonce, fixed + WIRE_NONCE);
	proof_make(&a->key, PROOF_HOST, said, len, a->nonce, a->want);
	a->state = TALK_AGENT_PROOF;
	return wire_msg_put(&a->out, WIRE_CONT, fixed, sizeof(fixed), NULL, 0) ? no_memory(e) : 0;
}

static int take_request(struct talk_agent *a, const struct wire_msg *m, const uint8_t *said, uint32_t len,
			struct err *e)
{
	int r;

	if (m->id != WIRE_TRACE_REQ) {
		r = not_expected(a, m, e);
		return r ? r : err_set(e, -EPROTO, "the first message is %s, TRACE_REQ was expected",
				       wire_id_name(m->id));
	}
	r = wire_request_parse(m, &a->req, e);
	if (r)
		return r;
	if (a->key.bytes && a->req.ours)
		return challenge(a, said, len, e);
	if (a->key.bytes && !a->key.optional)
		return err_set(e, -EACCES, "it cannot prove that it has the key (trace-cmd knows of none)");
	a->state = TALK_AGENT_ASKED;
	return 1;
}

/* A host without a key says so by an empty proof. */
static int take_proof(struct talk_agent *a, const struct wire_msg *m, struct err *e)
{
	bool proved = m->id == WIRE_CONT && m->fixed_len == WIRE_PROOF &&
		      secret_equal(m->fixed, a->want, WIRE_PROOF);

	if (m->id != WIRE_CONT || (m->fixed_len && m->fixed_len != WIRE_PROOF))
		return err_set(e, -EPROTO, "the answer to the challenge is %s with %" PRIu32 " bytes, CONT with %u was "
			       "expected", wire_id_name(m->id), m->fixed_len, WIRE_PROOF);
	if (!proved && (m->fixed_len || !a->key.optional)) {
		err_set(e, -EACCES, m->fixed_len ? "its key is another one" : "it has no key");
		talk_agent_refuse(a, m->fixed_len ? "the keys of host and agent are not the same (--key-file)" :
				  "the agent wants to see a key (--key-file)");
		return -EACCES;
	}
	a->state = TALK_AGENT_ASKED;
	return 1;
}

static int take_message(struct talk_agent *a, const struct wire_msg *m, const uint8_t *said, uint32_t len,
			struct err *e)
{
	switch (a->state) {
	case TALK_AGENT_FIRST: return take_request(a, m, said, len, e);
	case TALK_AGENT_PROOF: return take_proof(a, m, e);
	case TALK_AGENT_RECORDS:
		if (m->id != WIRE_CLOSE)
			return not_expected(a, m, e);
		a->state = TALK_AGENT_CLOSING;
		return 1;
	case TALK_AGENT_CLOSING:
		/* Said again by a host that made the connection anew. */
		return m->id == WIRE_CLOSE ? 1 : not_expected(a, m, e);
	default: return not_expected(a, m, e);
	}
}

int talk_agent_feed(struct talk_agent *a, const void *data, size_t len, struct err *e)
{
	struct wire_msg m;
	uint32_t size;
	int r;

	if (buf_put(&a->in, data, len))
		return no_memory(e);
	/* What a host says behind its request waits until that is answered. */
	while (a->state != TALK_AGENT_ASKED) {
		r = wire_msg_parse(a->in.data, a->in.len, &m, &size, e);
		if (r <= 0)
			return r;
		r = take_message(a, &m, (const uint8_t *)a->in.data, size, e);
		memmove(a->in.data, a->in.data + size, a->in.len - size);
		a->in.len -= size;
		if (r)
			return r;
	}
	return a->in.len <= 2 * WIRE_MSG_MAX ? 0 : err_set(e, -EPROTO, "it says more before it is answered");
}

int talk_agent_eof(struct talk_agent *a, struct err *e)
{
	if (a->state < TALK_AGENT_RECORDS)
		return err_set(e, -ECONNRESET, "it closed the connection before it had said what it wants");
	a->state = TALK_AGENT_CLOSING;
	return 1;
}

int talk_agent_answer(struct talk_agent *a, const struct wire_answer *answer, struct err *e)
{
	int r = wire_answer_put(&a->out, answer);

	if (r == -EMSGSIZE)
		return err_set(e, r, "the ports of %" PRIu32 " CPUs do not fit into a message", answer->cpus);
	if (r)
		return no_memory(e);
	a->state = TALK_AGENT_RECORDS;
	return 0;
}

int talk_agent_refuse(struct talk_agent *a, const char *why)
{
	return a->req.ours ? wire_msg_put(&a->out, WIRE_NOT_SUPP, NULL, 0, why, strlen(why)) : 0;
}

int talk_agent_close(struct talk_agent *a)
{
	return wire_msg_put(&a->out, WIRE_CLOSE_RESP, NULL, 0, NULL, 0);
}
