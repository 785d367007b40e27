// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "remote/proof.h"
#include "remote/talk_agent.h"

#define METADATA_MAX (UINT64_C(256) << 20)
#define WHY_MAX 600			/* bytes of an agent's words that are told */

void talk_host_init(struct talk_host *h, const struct talk_host_fns *fns, void *ctx,
		    const struct remote_key *key, uint32_t port_max)
{
	*h = (struct talk_host){
		.fns = fns, .ctx = ctx, .key = *key, .port_max = port_max, .metadata_max = METADATA_MAX,
	};
}

void talk_host_release(struct talk_host *h)
{
	buf_release(&h->in);
	buf_release(&h->out);
	buf_release(&h->said);
	free(h->answer.ports);
	h->answer.ports = NULL;
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot talk to the agent");
}

int talk_host_ask(struct talk_host *h, const struct wire_request *req, struct err *e)
{
	int r = wire_request_put(&h->said, req);

	if (r == -EMSGSIZE)
		return err_set(e, r, "options of %zu bytes do not fit into a message to the agent", req->args.len);
	if (r || buf_put(&h->out, h->said.data, h->said.len))
		return no_memory(e);
	return 0;
}

/* Its words, which may hold anything, as one line. */
static int refused(const struct wire_msg *m, struct err *e)
{
	char why[WHY_MAX];

	snprintf(why, sizeof(why), "%.*s", (int)m->payload_len, (const char *)m->payload);
	for (char *s = why; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	return *why ? err_set(e, -ECONNREFUSED, "the agent refuses: %s", why) :
		err_set(e, -ECONNREFUSED, "the agent does not know what it is asked for");
}

static int take_challenge(struct talk_host *h, const struct wire_msg *m, struct err *e)
{
	uint8_t proof[WIRE_PROOF];

	if (h->proved || m->fixed_len != WIRE_NONCE + WIRE_PROOF)
		return err_set(e, -EPROTO, "the agent's challenge has %" PRIu32 " bytes, %u were expected once",
			       m->fixed_len, WIRE_NONCE + WIRE_PROOF);
	if (!h->key.bytes) {
		h->proved = true;
		return wire_msg_put(&h->out, WIRE_CONT, NULL, 0, NULL, 0) ? no_memory(e) : 0;
	}
	proof_make(&h->key, PROOF_AGENT, h->said.data, h->said.len, m->fixed, proof);
	if (!secret_equal(proof, m->fixed + WIRE_NONCE, WIRE_PROOF))
		return err_set(e, -EACCES, "the agent's key is not ours (--key-file)");
	h->proved = true;
	proof_make(&h->key, PROOF_HOST, h->said.data, h->said.len, m->fixed, proof);
	return wire_msg_put(&h->out, WIRE_CONT, proof, sizeof(proof), NULL, 0) ? no_memory(e) : 0;
}

static int take_answer(struct talk_host *h, const struct wire_msg *m, struct err *e)
{
	int r;

	if (m->id == WIRE_CONT)
		return take_challenge(h, m, e);
	if (m->id != WIRE_TRACE_RESP)
		return err_set(e, -EPROTO, "the answer is %s, TRACE_RESP was expected", wire_id_name(m->id));
	if (h->key.bytes && !h->proved && !h->key.optional)
		return err_set(e, -EACCES, "the agent does not prove that it has the key; --key-optional does without");
	r = wire_answer_parse(m, h->port_max, &h->answer, e);
	if (!r)
		r = h->fns->answered(h->ctx, &h->answer, e);
	if (r)
		return r;
	h->state = TALK_HOST_METADATA;
	return 1;
}

/* The front, before the data or once more behind them. */
static int take_metadata(struct talk_host *h, const struct wire_msg *m, struct err *e)
{
	int r;

	if (m->id == WIRE_SEND_DATA) {
		if (m->payload_len > h->metadata_max - h->metadata)
			return err_set(e, -EFBIG, "more than %" PRIu64 " bytes of metadata", h->metadata_max);
		h->metadata += m->payload_len;
		h->late = h->state >= TALK_HOST_DATA;
		return h->fns->metadata(h->ctx, m->payload, m->payload_len, e);
	}
	if (m->id != WIRE_FIN_DATA || (h->state >= TALK_HOST_DATA && !h->late))
		return err_set(e, -EPROTO, "%s came where metadata were expected", wire_id_name(m->id));
	h->metadata = 0;
	h->late = false;
	r = h->fns->metadata_end(h->ctx, e);
	if (r || h->state >= TALK_HOST_DATA)
		return r;
	h->state = TALK_HOST_DATA;
	return 1;
}

static int take_message(struct talk_host *h, const struct wire_msg *m, struct err *e)
{
	if (m->id == WIRE_NOT_SUPP)
		return refused(m, e);
	if (h->state == TALK_HOST_ANSWER)
		return take_answer(h, m, e);
	/* An agent may end by itself: then that is the answer to CLOSE, too. */
	if (m->id == WIRE_CLOSE_RESP && h->state >= TALK_HOST_DATA && !h->late) {
		h->state = TALK_HOST_OVER;
		return 1;
	}
	if (h->state == TALK_HOST_METADATA || (h->state != TALK_HOST_OVER && h->answer.ours))
		return take_metadata(h, m, e);
	return err_set(e, -EPROTO, "the agent says %s, which was not expected", wire_id_name(m->id));
}

int talk_host_feed(struct talk_host *h, const void *data, size_t len, struct err *e)
{
	size_t pos = 0;
	struct wire_msg m;
	uint32_t size;
	int r = 0, got = 0;

	if (buf_put(&h->in, data, len))
		return no_memory(e);
	while (!r && (r = wire_msg_parse(h->in.data + pos, h->in.len - pos, &m, &size, e)) == 1) {
		pos += size;
		r = take_message(h, &m, e);
		if (r > 0) {
			got = 1;
			r = 0;
		}
	}
	if (pos) {
		memmove(h->in.data, h->in.data + pos, h->in.len - pos);
		h->in.len -= pos;
	}
	return r < 0 ? r : got;
}

int talk_host_eof(struct talk_host *h, struct err *e)
{
	static const char *const when[] = {
		[TALK_HOST_ANSWER] = "without an answer; its messages may tell why",
		[TALK_HOST_METADATA] = "before it had said what it records; its messages may tell why",
		[TALK_HOST_DATA] = "while it recorded",
		[TALK_HOST_CLOSING] = "before all was said",
		[TALK_HOST_OVER] = "after all was said",
	};

	return err_set(e, -ECONNRESET, "the agent closed the connection %s", when[h->state]);
}

int talk_host_close(struct talk_host *h)
{
	if (h->state == TALK_HOST_DATA)
		h->state = TALK_HOST_CLOSING;
	return wire_msg_put(&h->out, WIRE_CLOSE, NULL, 0, NULL, 0);
}

void talk_host_begin_anew(struct talk_host *h)
{
	buf_clear(&h->in);
	buf_clear(&h->out);
	h->metadata = 0;
	h->late = false;
}
