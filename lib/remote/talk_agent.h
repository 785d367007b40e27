/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * talk_agent: what is said on the control connection between a host and an agent. Bytes in,
 * bytes out, as in talk.h; for this room only.
 *
 *	host				agent
 *	TRACE_REQ			(CONT: a challenge, where there is a key
 *	CONT: the proof)
 *					TRACE_RESP
 *					SEND_DATA ... FIN_DATA
 *	data on connections of their own
 *	CLOSE				(to a tracecmd: SEND_DATA ... FIN_DATA once more)
 *					CLOSE_RESP
 */
#ifndef TRACECMD_TALK_AGENT_H
#define TRACECMD_TALK_AGENT_H

#include "remote/remote.h"
#include "remote/wire_agent.h"

/* ---- the agent's side ------------------------------------------------------- */

enum talk_agent_state {
	TALK_AGENT_FIRST,		/* TRACE_REQ is awaited */
	TALK_AGENT_PROOF,		/* the answer to our challenge is */
	TALK_AGENT_ASKED,		/* the request is known: talk_agent_answer or _refuse is next */
	TALK_AGENT_RECORDS,		/* nothing is expected but CLOSE */
	TALK_AGENT_CLOSING		/* that came */
};

struct talk_agent {
	enum talk_agent_state state;
	struct remote_key key;
	uint8_t nonce[WIRE_NONCE];	/* of ours, for the challenge */
	struct wire_request req;
	struct buf in, out;
	/* private */
	uint8_t want[WIRE_PROOF];	/* what proves that the host has the key */
	unsigned unexpected;
};

/* @nonce: random. Release in every case. */
void talk_agent_init(struct talk_agent *a, const struct remote_key *key, const uint8_t nonce[WIRE_NONCE]);
void talk_agent_release(struct talk_agent *a);
/*
 * 0: more has to come; 1: asked, or closing (see state); -EACCES: it has not the key; -EPROTO,
 * -ENOMEM. What is in a->out is to be sent also then.
 */
int talk_agent_feed(struct talk_agent *a, const void *data, size_t len, struct err *e);
/* The peer has closed: 1, closing, where it may; -ECONNRESET, told. */
int talk_agent_eof(struct talk_agent *a, struct err *e);
/* Once asked. 0; -EMSGSIZE, -ENOMEM, told. */
int talk_agent_answer(struct talk_agent *a, const struct wire_answer *answer, struct err *e);
/* Instead of it, or of metadata: a tracecmd is told @why, others nothing. 0, -ENOMEM. */
int talk_agent_refuse(struct talk_agent *a, const char *why);
/* The farewell. 0, -ENOMEM. */
int talk_agent_close(struct talk_agent *a);

/* ---- the host's side ---------------------------------------------------------- */

enum talk_host_state {
	TALK_HOST_ANSWER,		/* TRACE_RESP is awaited, or a challenge */
	TALK_HOST_METADATA,		/* the answer is known; the file's front is awaited */
	TALK_HOST_DATA,			/* it is complete */
	TALK_HOST_CLOSING,		/* CLOSE was said */
	TALK_HOST_OVER			/* and answered */
};

struct talk_host_fns {
	/* The answer has come, and is sensible; metadata may follow at once. 0, -errno. */
	int (*answered)(void *ctx, const struct wire_answer *answer, struct err *e);
	/* The next bytes of the file's front, and their end; with a late run, all anew. 0, -errno. */
	int (*metadata)(void *ctx, const void *data, size_t len, struct err *e);
	int (*metadata_end)(void *ctx, struct err *e);
};

struct talk_host {
	const struct talk_host_fns *fns;
	void *ctx;
	enum talk_host_state state;
	struct remote_key key;
	uint32_t port_max;
	uint64_t metadata_max;		/* bytes of one run */
	struct wire_answer answer;	/* from TALK_HOST_METADATA on */
	bool proved;			/* the agent has shown that it has the key */
	struct buf in, out;
	/* private */
	struct buf said;		/* TRACE_REQ as it was sent */
	uint64_t metadata;
	bool late;
};

/* @port_max: WIRE_PORT_TCP_MAX or the other. Release in every case. */
void talk_host_init(struct talk_host *h, const struct talk_host_fns *fns, void *ctx,
		    const struct remote_key *key, uint32_t port_max);
void talk_host_release(struct talk_host *h);
/* Puts the request. @req->nonce is random. 0; -EMSGSIZE, -ENOMEM, told. */
int talk_host_ask(struct talk_host *h, const struct wire_request *req, struct err *e);
/*
 * 0: more has to come; 1: the state has become one of the last four; -ECONNREFUSED: the agent refuses,
 * with its words; -EACCES: it has not the key; -EPROTO, -ENOMEM, what a function returned.
 */
int talk_host_feed(struct talk_host *h, const void *data, size_t len, struct err *e);
/* The peer has closed. -ECONNRESET, told. */
int talk_host_eof(struct talk_host *h, struct err *e);
int talk_host_close(struct talk_host *h);	/* 0, -ENOMEM */
/* The connection is another one: what was said in part, late metadata among it, is said once more. */
void talk_host_begin_anew(struct talk_host *h);

#endif
