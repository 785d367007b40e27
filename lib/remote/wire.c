// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "remote/wire.h"

#define TINIT_FIXED 12u
#define RINIT_FIXED 4u
#define RINIT_FIXED_OURS 8u		/* with a word of what we do beyond the protocol */
#define FEATURE_LATE 1u
#define FEATURE_PACKED 2u
#define PORT_MAX 65535u
#define PORT_VSOCK_MAX 0xfffffffeu

#define OPTION_TCP "tcp"
#define OPTION_VSOCK "vsock"
#define OPTION_LATE "tracecmd-late"
#define OPTION_PACKED "tracecmd-packed"

const char *wire_id_name(uint32_t id)
{
	static const char *const names[WIRE_ID_COUNT] = {
		"CLOSE", "TINIT", "RINIT", "SEND_DATA", "FIN_DATA", "NOT_SUPP", "TRACE_REQ",
		"TRACE_RESP", "CLOSE_RESP", "TIME_SYNC", "TRACE_PROXY", "CONT",
	};

	return id < WIRE_ID_COUNT ? names[id] : "an unknown message";
}

int wire_msg_parse(const void *data, size_t len, struct wire_msg *ret, uint32_t *ret_size,
		   struct err *e)
{
	const uint8_t *p = data;
	uint32_t size, id, fixed;

	if (len < 4)
		return 0;
	size = get_u32(p, true);
	if (size < WIRE_HEADER || size > WIRE_MSG_MAX)
		return err_set(e, -EPROTO, "a message claims %" PRIu32 " bytes, between %u and %u were expected",
			       size, WIRE_HEADER, WIRE_MSG_MAX);
	if (len < WIRE_HEADER)
		return 0;
	id = get_u32(p + 4, true);
	fixed = get_u32(p + 8, true);
	if (id >= WIRE_ID_COUNT && size > WIRE_HEADER)
		return err_set(e, -EPROTO, "a message of %" PRIu32 " bytes has the unknown id %" PRIu32, size, id);
	if (fixed > size - WIRE_HEADER)
		return err_set(e, -EPROTO, "%s claims a fixed part of %" PRIu32 " bytes, it has %" PRIu32
			       " behind its header", wire_id_name(id), fixed, size - WIRE_HEADER);
	if (len < size)
		return 0;
	*ret = (struct wire_msg){
		.id = id, .fixed = p + WIRE_HEADER, .fixed_len = fixed,
		.payload = p + WIRE_HEADER + fixed, .payload_len = size - WIRE_HEADER - fixed,
	};
	*ret_size = size;
	return 1;
}

uint32_t wire_fixed_u32(const struct wire_msg *m, uint32_t offset)
{
	uint8_t bytes[4] = { 0 };

	if (offset >= m->fixed_len)
		return 0;
	memcpy(bytes, m->fixed + offset, m->fixed_len - offset < 4 ? m->fixed_len - offset : 4);
	return get_u32(bytes, true);
}

int wire_msg_put(struct buf *b, uint32_t id, const void *fixed, uint32_t fixed_len,
		 const void *payload, size_t payload_len)
{
	uint8_t header[WIRE_HEADER];

	if (fixed_len > WIRE_DATA_MAX || payload_len > WIRE_DATA_MAX - fixed_len)
		return -EMSGSIZE;
	put_u32(header, WIRE_HEADER + fixed_len + payload_len, true);
	put_u32(header + 4, id, true);
	put_u32(header + 8, fixed_len, true);
	buf_put(b, header, sizeof(header));
	buf_put(b, fixed, fixed_len);
	return buf_put(b, payload, payload_len);
}

int wire_metadata_put(struct buf *b, const void *data, size_t len, bool end)
{
	const char *p = data;
	int r = 0;

	while (len && !r) {
		size_t n = len < WIRE_DATA_MAX ? len : WIRE_DATA_MAX;

		r = wire_msg_put(b, WIRE_SEND_DATA, NULL, 0, p, n);
		p += n;
		len -= n;
	}
	return r || !end ? r : wire_msg_put(b, WIRE_FIN_DATA, NULL, 0, NULL, 0);
}

int wire_init_check(const struct wire_init *i, struct err *e)
{
	if (!i->cpus || i->cpus > WIRE_CPUS_MAX)
		return err_set(e, -EINVAL, "%" PRIu32 " CPUs, between 1 and %u were expected", i->cpus,
			       WIRE_CPUS_MAX);
	if (i->page_size < WIRE_PAGE_MIN || i->page_size > WIRE_PAGE_MAX ||
	    (i->page_size & (i->page_size - 1)))
		return err_set(e, -EINVAL, "sub-buffers of %" PRIu32 " bytes, a power of two between %u and %u was "
			       "expected", i->page_size, WIRE_PAGE_MIN, WIRE_PAGE_MAX);
	if (!i->tcp && i->page_size > WIRE_UDP_MAX)
		return err_set(e, -EINVAL, "sub-buffers of %" PRIu32 " bytes do not fit into datagrams: TCP was "
			       "expected", i->page_size);
	return 0;
}

/* False: it is not known. */
static bool take_option(struct wire_init *i, const char *option)
{
	if (!strcmp(option, OPTION_TCP))
		return i->tcp = true;
	if (!strcmp(option, OPTION_VSOCK))
		return i->tcp = i->vsock = true;
	if (!strcmp(option, OPTION_LATE))
		return i->late = true;
	if (!strcmp(option, OPTION_PACKED))
		return i->packed = true;
	return false;
}

int wire_init_put(struct buf *b, const struct wire_init *i)
{
	struct buf options AUTO_BUF = { 0 };
	uint8_t fixed[TINIT_FIXED];

	if (i->tcp && i->vsock)
		buf_put(&options, OPTION_VSOCK, sizeof(OPTION_VSOCK));
	else if (i->tcp)
		buf_put(&options, OPTION_TCP, sizeof(OPTION_TCP));
	if (i->late)
		buf_put(&options, OPTION_LATE, sizeof(OPTION_LATE));
	if (i->packed)
		buf_put(&options, OPTION_PACKED, sizeof(OPTION_PACKED));
	if (options.failed)
		return -ENOMEM;
	put_u32(fixed, i->cpus, true);
	put_u32(fixed + 4, i->page_size, true);
	put_u32(fixed + 8, i->tcp + i->late + i->packed, true);
	return wire_msg_put(b, WIRE_TINIT, fixed, sizeof(fixed), options.data, options.len);
}

bool wire_string_next(const struct wire_msg *m, uint32_t *pos, const char **ret)
{
	if (*pos >= m->payload_len)
		return false;
	*ret = (const char *)m->payload + *pos;
	*pos += strlen(*ret) + 1;
	return true;
}

int wire_strings_check(const struct wire_msg *m, struct err *e)
{
	return m->payload_len && m->payload[m->payload_len - 1] ?
		err_set(e, -EPROTO, "the strings of %s do not end with a NUL", wire_id_name(m->id)) : 0;
}

int wire_init_parse(const struct wire_msg *m, const struct notices *notices, struct wire_init *ret,
		    struct err *e)
{
	struct wire_init i = { .cpus = wire_fixed_u32(m, 0), .page_size = wire_fixed_u32(m, 4) };
	uint32_t nr = wire_fixed_u32(m, 8), pos = 0;
	const char *option;
	int r = wire_strings_check(m, e);

	if (!r && nr > WIRE_OPTIONS_MAX)
		r = err_set(e, -EPROTO, "TINIT claims %" PRIu32 " options, at most %u were expected", nr,
			    WIRE_OPTIONS_MAX);
	for (uint32_t k = 0; k < nr && !r; k++) {
		if (!wire_string_next(m, &pos, &option))
			r = err_set(e, -EPROTO, "TINIT claims %" PRIu32 " options, and has %" PRIu32, nr, k);
		else if (!take_option(&i, option))
			notice(notices, "option '%.64s' is not known here", option);
	}
	if (!r)
		r = wire_init_check(&i, e);
	i.packed &= i.tcp;
	if (!r)
		*ret = i;
	return r;
}

int wire_ports_put(struct buf *b, const struct wire_init *i, const uint32_t *ports)
{
	uint32_t features = (i->late ? FEATURE_LATE : 0) | (i->packed ? FEATURE_PACKED : 0);
	struct buf strings AUTO_BUF = { 0 };
	uint8_t fixed[RINIT_FIXED_OURS];

	put_u32(fixed, i->cpus, true);
	put_u32(fixed + RINIT_FIXED, features, true);
	for (uint32_t k = 0; k < i->cpus; k++) {
		buf_dec(&strings, ports[k]);
		buf_u8(&strings, 0);
	}
	if (strings.failed)
		return -ENOMEM;
	return wire_msg_put(b, WIRE_RINIT, fixed, features ? RINIT_FIXED_OURS : RINIT_FIXED, strings.data,
			    strings.len);
}

int wire_ports_parse(const struct wire_msg *m, struct wire_init *i, uint32_t *ports, struct err *e)
{
	uint32_t nr = wire_fixed_u32(m, 0), cpus = i->cpus, features = wire_fixed_u32(m, RINIT_FIXED), pos = 0;
	const char *port;
	int r = wire_strings_check(m, e);

	if (!r && nr != cpus)
		r = err_set(e, -EPROTO, "RINIT is for %" PRIu32 " CPUs, %" PRIu32 " were expected", nr, cpus);
	for (uint32_t k = 0; k < cpus && !r; k++) {
		if (!wire_string_next(m, &pos, &port))
			r = err_set(e, -EPROTO, "RINIT has %" PRIu32 " ports, %" PRIu32 " were expected", k, cpus);
		else
			r = wire_number(port, i->vsock ? PORT_VSOCK_MAX : PORT_MAX, "a port", &ports[k], e);
		if (!r && !ports[k])
			r = err_set(e, -EPROTO, "port 0 is none");
	}
	i->late &= !!(features & FEATURE_LATE);
	i->packed &= !!(features & FEATURE_PACKED);
	return r;
}

int wire_number(const char *text, uint32_t max, const char *what, uint32_t *ret, struct err *e)
{
	uint64_t v = 0;
	const char *s = text;

	for (; *s >= '0' && *s <= '9' && v <= max; s++)
		v = v * 10 + *s - '0';
	if (s == text || (*s && (*s < '0' || *s > '9')))
		return err_set(e, -EPROTO, "'%.32s' is not %s", text, what);
	if (v > max)
		return err_set(e, -EPROTO, "'%.32s' is too much for %s: at most %" PRIu32, text, what, max);
	*ret = v;
	return 0;
}
