/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire: the messages that two machines exchange about a recording, as bytes and
 * back. Knows no sockets and no order; what may follow what is talk.h's.
 * The protocol: Documentation/wire.md, taken from captured sessions.
 *
 *	0	u32	bytes of the message, with these 12: at most 8192
 *	4	u32	id
 *	8	u32	bytes of its fixed part
 *	12		fixed part, then payload
 *
 * All numbers are big endian. A fixed part that is shorter than known means
 * zeros, what is behind the known of a longer one is passed over.
 */
#ifndef TRACECMD_WIRE_H
#define TRACECMD_WIRE_H

#include "base/base.h"

#define WIRE_HEADER 12u
#define WIRE_MSG_MAX 8192u
#define WIRE_DATA_MAX (WIRE_MSG_MAX - WIRE_HEADER)	/* payload of one SEND_DATA */
#define WIRE_CPUS_MAX 4096u
#define WIRE_PAGE_MIN 4096u		/* sub-buffer sizes that are believed */
#define WIRE_PAGE_MAX 65536u
#define WIRE_OPTIONS_MAX 16u
#define WIRE_UDP_MAX 65515u		/* a sub-buffer above that is no datagram */

enum wire_id {
	WIRE_CLOSE = 0, WIRE_TINIT = 1, WIRE_RINIT = 2, WIRE_SEND_DATA = 3, WIRE_FIN_DATA = 4,
	WIRE_NOT_SUPP = 5, WIRE_TRACE_REQ = 6, WIRE_TRACE_RESP = 7, WIRE_CLOSE_RESP = 8,
	WIRE_TIME_SYNC = 9, WIRE_TRACE_PROXY = 10, WIRE_CONT = 11,
	WIRE_ID_COUNT
};
const char *wire_id_name(uint32_t id);		/* "TINIT"; "an unknown message" */

/* A message in place; views of the bytes it was parsed from. */
struct wire_msg {
	uint32_t id;
	const uint8_t *fixed, *payload;
	uint32_t fixed_len, payload_len;
};

/*
 * The message at the beginning of @data. 1, and *ret_size is its length; 0: it is not
 * all there yet; -EPROTO: it is none, told.
 */
int wire_msg_parse(const void *data, size_t len, struct wire_msg *ret, uint32_t *ret_size,
		   struct err *e);
/* The number at @offset of the fixed part; 0 where that ends before. */
uint32_t wire_fixed_u32(const struct wire_msg *m, uint32_t offset);
/* Strings, each with its NUL, as a payload has them. 0; -EPROTO, told: the last one is without. */
int wire_strings_check(const struct wire_msg *m, struct err *e);
/* The next one, of a payload that was checked; *pos is 0 at first. False: there is none. */
bool wire_string_next(const struct wire_msg *m, uint32_t *pos, const char **ret);
/* Appends a message. 0, -EMSGSIZE, -ENOMEM. */
int wire_msg_put(struct buf *b, uint32_t id, const void *fixed, uint32_t fixed_len,
		 const void *payload, size_t payload_len);

/* Metadata as messages, of any length; with @end they are complete. 0, -ENOMEM. */
int wire_metadata_put(struct buf *b, const void *data, size_t len, bool end);

/* What a recorder asks of a listener before it sends (TINIT, or the first strings of version 1). */
struct wire_init {
	uint32_t cpus, page_size;
	bool tcp;			/* data over connections, else datagrams */
	bool vsock;			/* these are of vsock, as the control connection */
	bool late;			/* metadata may come again after the data: our own extension, as: */
	bool packed;			/* data are packed.h's chunks; over TCP */
};
/* 0; -EINVAL: a number that is refused, told. */
int wire_init_check(const struct wire_init *i, struct err *e);
int wire_init_put(struct buf *b, const struct wire_init *i);		/* TINIT; 0, -ENOMEM */
/* Of a TINIT. @notices hear of options that are not known. 0, -EPROTO or -EINVAL. */
int wire_init_parse(const struct wire_msg *m, const struct notices *notices, struct wire_init *ret,
		    struct err *e);

/* The answer to @i, RINIT: a port for each CPU, and what it has of our own is granted. 0, -EMSGSIZE (too many
 * for a message), -ENOMEM. */
int wire_ports_put(struct buf *b, const struct wire_init *i, const uint32_t *ports);
/* @ports has room for i->cpus, which are as many as there have to be. What @i has of our own and is not
 * granted goes. 0, -EPROTO. */
int wire_ports_parse(const struct wire_msg *m, struct wire_init *i, uint32_t *ports, struct err *e);

/*
 * A decimal number that is all of @text, as versions of text have it. 0; -EPROTO: it is none or
 * above @max, told with @what.
 */
int wire_number(const char *text, uint32_t max, const char *what, uint32_t *ret, struct err *e);

#endif
