/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire_agent: the messages of wire.h that a host and an agent exchange before anything is
 * recorded (Documentation/wire.md), for this room only.
 */
#ifndef TRACECMD_WIRE_AGENT_H
#define TRACECMD_WIRE_AGENT_H

#include "remote/wire.h"

#define WIRE_NONCE 32u
#define WIRE_PROOF 32u
#define WIRE_TOKEN 16u
#define WIRE_PROTO_MAX 15u		/* bytes of a time synchronisation's name */
#define WIRE_PORT_TCP_MAX 65535u
#define WIRE_PORT_VSOCK_MAX 0xfffffffeu

/* What a host asks for (TRACE_REQ). Strings lie end to end, each with its NUL. */
struct wire_request {
	bool fifos;			/* it can read FIFOs */
	uint64_t trace_id;		/* of the host's file */
	struct buf args;		/* options of record */
	uint32_t argc;
	struct buf protos;		/* of time synchronisation, those it would have, and an empty one */
	bool ours;			/* it is a tracecmd, and has more to say: */
	bool packed;			/* data may come as packed.h's chunks, */
	bool resumes;			/* and it makes connections anew that break */
	uint8_t nonce[WIRE_NONCE];
};

int wire_request_put(struct buf *b, const struct wire_request *r);	/* 0, -EMSGSIZE, -ENOMEM */
/* @ret is { 0 }, and to be released in every case. 0; -EPROTO, -ENOMEM, told. */
int wire_request_parse(const struct wire_msg *m, struct wire_request *ret, struct err *e);
void wire_request_release(struct wire_request *r);
/* The strings as an argument vector for getopt, @name first, NULL-ended; free(). They are
 * the request's. NULL: no memory. */
char **wire_request_argv(const struct wire_request *r, const char *name);

/* What an agent answers (TRACE_RESP). */
struct wire_answer {
	bool fifos;			/* it will write FIFOs: there are no ports */
	uint32_t cpus, page_size;
	uint64_t trace_id;		/* of the agent's file */
	char proto[WIRE_PROTO_MAX + 2];	/* of time synchronisation; "": none */
	uint32_t sync_port;		/* 0: none */
	uint32_t *ports;		/* of cpus */
	bool ours;			/* to a tracecmd: */
	bool packed;			/* data are packed.h's chunks */
	uint8_t token[WIRE_TOKEN];	/* what each connection for data begins with */
	uint32_t resume_port;		/* takes connections that are made anew; 0: none */
	uint32_t outage_s;		/* for so long */
};

int wire_answer_put(struct buf *b, const struct wire_answer *a);	/* 0, -EMSGSIZE, -ENOMEM */
/* @port_max: of a port over what it came by. free(ret->ports). 0; -EPROTO, -ENOMEM, told. */
int wire_answer_parse(const struct wire_msg *m, uint32_t port_max, struct wire_answer *ret,
		      struct err *e);

#endif
