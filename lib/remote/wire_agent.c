// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "remote/wire_agent.h"

#define REQ_FIXED 16u
#define RESP_FIXED 40u
#define RESP_FIXED_OURS 60u
#define RESP_FIXED_RESUMES 68u
#define FLAG_FIFOS 1u
#define OURS_PACKED 1u			/* in the words of our own */
#define OURS_RESUMES 2u
#define PARAM_HEADER 8u

/* What a request consists of; others are passed over. */
enum param { PARAM_ARGS = 0, PARAM_PROTOS = 1, PARAM_OURS = 0x54434d44 };

#define PARAM_OURS_LEN (4 + WIRE_NONCE)

/* ---- TRACE_REQ ------------------------------------------------------------------ */

static void put_be32(struct buf *b, uint32_t v)
{
	uint8_t bytes[4];

	put_u32(bytes, v, true);
	buf_put(b, bytes, sizeof(bytes));
}

int wire_request_put(struct buf *b, const struct wire_request *r)
{
	struct buf params AUTO_BUF = { 0 };
	uint8_t fixed[REQ_FIXED] = { 0 };

	put_u32(fixed, r->fifos ? FLAG_FIFOS : 0, true);
	put_u64(fixed + 8, r->trace_id, true);
	if (r->argc) {
		put_be32(&params, PARAM_ARGS);
		put_be32(&params, 4 + r->args.len);
		put_be32(&params, r->argc);
		buf_put(&params, r->args.data, r->args.len);
	}
	if (r->protos.len) {
		put_be32(&params, PARAM_PROTOS);
		put_be32(&params, r->protos.len);
		buf_put(&params, r->protos.data, r->protos.len);
	}
	if (r->ours) {
		put_be32(&params, PARAM_OURS);
		put_be32(&params, PARAM_OURS_LEN);
		put_be32(&params, (r->packed ? OURS_PACKED : 0) | (r->resumes ? OURS_RESUMES : 0));
		buf_put(&params, r->nonce, WIRE_NONCE);
	}
	if (params.failed)
		return -ENOMEM;
	return wire_msg_put(b, WIRE_TRACE_REQ, fixed, sizeof(fixed), params.data, params.len);
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot read the request");
}

static int take_args(struct wire_request *r, const uint8_t *p, uint32_t len, struct err *e)
{
	uint32_t argc, found = 0;

	if (r->argc)
		return err_set(e, -EPROTO, "TRACE_REQ has arguments twice");
	if (len < 5)
		return err_set(e, -EPROTO, "the arguments of TRACE_REQ have %" PRIu32 " bytes, at least 5 were "
			       "expected", len);
	argc = get_u32(p, true);
	p += 4;
	len -= 4;
	if (p[len - 1])
		return err_set(e, -EPROTO, "the arguments of TRACE_REQ do not end with a NUL");
	if (argc > len)
		return err_set(e, -EPROTO, "TRACE_REQ claims %" PRIu32 " arguments in %" PRIu32 " bytes", argc, len);
	for (uint32_t i = 0; i < len; i++)
		found += !p[i];
	if (!argc || found < argc)
		return err_set(e, -EPROTO, "TRACE_REQ claims %" PRIu32 " arguments, and has %" PRIu32, argc, found);
	r->argc = argc;
	return buf_put(&r->args, p, len) ? no_memory(e) : 0;
}

/* Names up to the empty one behind them. */
static int take_protos(struct wire_request *r, const uint8_t *p, uint32_t len, struct err *e)
{
	if (r->protos.len)
		return err_set(e, -EPROTO, "TRACE_REQ names protocols of time synchronisation twice");
	if (!len || p[len - 1])
		return err_set(e, -EPROTO, "the protocols of TRACE_REQ do not end with a NUL");
	for (uint32_t at = 0; at < len && p[at];) {
		uint32_t n = strlen((const char *)p + at);

		if (n > WIRE_PROTO_MAX)
			return err_set(e, -EPROTO, "a protocol's name in TRACE_REQ has %" PRIu32 " bytes, at most %u were "
				       "expected", n, WIRE_PROTO_MAX);
		if (buf_put(&r->protos, p + at, n + 1))
			return no_memory(e);
		at += n + 1;
	}
	return r->protos.len && buf_u8(&r->protos, 0) ? no_memory(e) : 0;
}

static int take_ours(struct wire_request *r, const uint8_t *p, uint32_t len, struct err *e)
{
	if (len < PARAM_OURS_LEN)
		return err_set(e, -EPROTO, "what TRACE_REQ says for tracecmd has %" PRIu32 " bytes, %u were expected",
			       len, PARAM_OURS_LEN);
	r->ours = true;
	r->packed = get_u32(p, true) & OURS_PACKED;
	r->resumes = get_u32(p, true) & OURS_RESUMES;
	memcpy(r->nonce, p + 4, WIRE_NONCE);
	return 0;
}

static int take_param(struct wire_request *r, uint32_t id, const uint8_t *p, uint32_t len, struct err *e)
{
	switch (id) {
	case PARAM_ARGS: return take_args(r, p, len, e);
	case PARAM_PROTOS: return take_protos(r, p, len, e);
	case PARAM_OURS: return take_ours(r, p, len, e);
	}
	return 0;
}

/* The number of 64 bits at @offset of the fixed part. */
static uint64_t fixed_u64(const struct wire_msg *m, uint32_t offset)
{
	return (uint64_t)wire_fixed_u32(m, offset) << 32 | wire_fixed_u32(m, offset + 4);
}

int wire_request_parse(const struct wire_msg *m, struct wire_request *ret, struct err *e)
{
	const uint8_t *p = m->payload;
	uint32_t left = m->payload_len;
	int r = 0;

	ret->fifos = wire_fixed_u32(m, 0) & FLAG_FIFOS;
	ret->trace_id = fixed_u64(m, 8);
	while (left >= PARAM_HEADER && !r) {
		uint32_t id = get_u32(p, true), len = get_u32(p + 4, true);

		p += PARAM_HEADER;
		left -= PARAM_HEADER;
		if (len > left)
			return err_set(e, -EPROTO, "a parameter of TRACE_REQ claims %" PRIu32 " bytes, %" PRIu32 " are there",
				       len, left);
		r = take_param(ret, id, p, len, e);
		p += len;
		left -= len;
	}
	if (!r && left)
		return err_set(e, -EPROTO, "TRACE_REQ ends within a parameter, after %" PRIu32 " bytes of it", left);
	return r;
}

void wire_request_release(struct wire_request *r)
{
	buf_release(&r->args);
	buf_release(&r->protos);
}

char **wire_request_argv(const struct wire_request *r, const char *name)
{
	char **argv = calloc((size_t)r->argc + 2, sizeof(*argv)), *p = r->args.data;

	if (!argv)
		return NULL;
	argv[0] = (char *)name;
	for (uint32_t i = 0; i < r->argc; i++) {
		argv[i + 1] = p;
		p += strlen(p) + 1;
	}
	return argv;
}

/* ---- TRACE_RESP ------------------------------------------------------------------ */

int wire_answer_put(struct buf *b, const struct wire_answer *a)
{
	struct buf strings AUTO_BUF = { 0 };
	uint8_t fixed[RESP_FIXED_RESUMES] = { 0 };
	uint32_t fixed_len = !a->ours ? RESP_FIXED : a->resume_port ? RESP_FIXED_RESUMES : RESP_FIXED_OURS;

	put_u32(fixed, a->fifos ? FLAG_FIFOS : 0, true);
	put_u32(fixed + 4, a->cpus, true);
	put_u32(fixed + 8, a->page_size, true);
	put_u64(fixed + 12, a->trace_id, true);
	memcpy(fixed + 20, a->proto, strnlen(a->proto, WIRE_PROTO_MAX));
	put_u32(fixed + 36, a->sync_port, true);
	put_u32(fixed + RESP_FIXED, (a->packed ? OURS_PACKED : 0) | (a->resume_port ? OURS_RESUMES : 0), true);
	memcpy(fixed + RESP_FIXED + 4, a->token, WIRE_TOKEN);
	put_u32(fixed + RESP_FIXED_OURS, a->resume_port, true);
	put_u32(fixed + RESP_FIXED_OURS + 4, a->outage_s, true);
	for (uint32_t i = 0; i < a->cpus; i++) {
		buf_dec(&strings, a->fifos ? 0 : a->ports[i]);
		buf_u8(&strings, 0);
	}
	if (strings.failed)
		return -ENOMEM;
	return wire_msg_put(b, WIRE_TRACE_RESP, fixed, fixed_len, strings.data, strings.len);
}

static int take_ports(const struct wire_msg *m, uint32_t port_max, struct wire_answer *a, struct err *e)
{
	uint32_t pos = 0;
	const char *port;
	int r = wire_strings_check(m, e);

	for (uint32_t i = 0; i < a->cpus && !r; i++) {
		if (!wire_string_next(m, &pos, &port))
			return err_set(e, -EPROTO, "TRACE_RESP has %" PRIu32 " ports, %" PRIu32 " were expected", i,
				       a->cpus);
		r = wire_number(port, port_max, "a port", &a->ports[i], e);
		if (!r && !a->ports[i] != a->fifos)
			r = err_set(e, -EPROTO, "port %" PRIu32 " for CPU %" PRIu32 "%s", a->ports[i], i,
				    a->fifos ? ", though there are FIFOs" : " is none");
	}
	return r;
}

static int take_fixed(const struct wire_msg *m, uint32_t port_max, struct wire_answer *a, struct err *e)
{
	if (m->fixed_len > 20)
		memcpy(a->proto, m->fixed + 20, m->fixed_len - 20 < 16 ? m->fixed_len - 20 : 16);
	a->ours = m->fixed_len >= RESP_FIXED_OURS;
	if (!a->ours)
		return 0;
	a->packed = wire_fixed_u32(m, RESP_FIXED) & OURS_PACKED;
	memcpy(a->token, m->fixed + RESP_FIXED + 4, WIRE_TOKEN);
	if (!(wire_fixed_u32(m, RESP_FIXED) & OURS_RESUMES))
		return 0;
	a->resume_port = wire_fixed_u32(m, RESP_FIXED_OURS);
	a->outage_s = wire_fixed_u32(m, RESP_FIXED_OURS + 4);
	if (a->packed && a->resume_port && a->resume_port <= port_max && a->outage_s)
		return 0;
	return err_set(e, -EPROTO, "TRACE_RESP has port %" PRIu32 " for connections made anew within %" PRIu32 " seconds%s",
		       a->resume_port, a->outage_s, a->packed ? "" : ", without chunks");
}

int wire_answer_parse(const struct wire_msg *m, uint32_t port_max, struct wire_answer *ret,
		      struct err *e)
{
	struct wire_answer a = {
		.fifos = wire_fixed_u32(m, 0) & FLAG_FIFOS, .cpus = wire_fixed_u32(m, 4),
		.page_size = wire_fixed_u32(m, 8), .trace_id = fixed_u64(m, 12), .sync_port = wire_fixed_u32(m, 36),
	};
	struct wire_init sizes = { .cpus = a.cpus, .page_size = a.page_size, .tcp = true };
	int r = wire_init_check(&sizes, e);

	if (r)
		return r;
	r = take_fixed(m, port_max, &a, e);
	if (r)
		return r;
	if (a.sync_port > port_max || (*a.proto && !a.sync_port))
		return err_set(e, -EPROTO, "TRACE_RESP has port %" PRIu32 " for time synchronisation by '%.16s'",
			       a.sync_port, a.proto);
	a.ports = calloc(a.cpus, sizeof(*a.ports));
	if (!a.ports)
		return err_errno(e, -ENOMEM, "cannot read the answer");
	r = take_ports(m, port_max, &a, e);
	if (r)
		free(a.ports);
	else
		*ret = a;
	return r;
}
