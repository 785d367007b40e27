/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resume: what a host says over a connection that it makes in place of one that broke, and by which both sides know
 * what has arrived (Documentation/wire.md); for this room only.
 */
#ifndef TRACECMD_RESUME_H
#define TRACECMD_RESUME_H

#include "base/base.h"
#include "remote/wire_agent.h"

#define RESUME_HELLO (WIRE_TOKEN + 12)	/* bytes */
#define RESUME_CONTROL UINT32_MAX	/* the control connection; others are of a CPU */
#define RESUME_COUNT 8u			/* bytes of a number of chunks: an acknowledgement */

struct resume_hello {
	uint8_t token[WIRE_TOKEN];	/* the agent's, of this session */
	uint32_t cpu;
	uint64_t have;			/* chunks of that CPU, its end counted as one */
};

static inline void resume_hello_put(const struct resume_hello *h, uint8_t bytes[RESUME_HELLO])
{
	memcpy(bytes, h->token, WIRE_TOKEN);
	put_u32(bytes + WIRE_TOKEN, h->cpu, true);
	put_u64(bytes + WIRE_TOKEN + 4, h->have, true);
}

static inline void resume_hello_get(struct resume_hello *h, const uint8_t bytes[RESUME_HELLO])
{
	memcpy(h->token, bytes, WIRE_TOKEN);
	h->cpu = get_u32(bytes + WIRE_TOKEN, true);
	h->have = get_u64(bytes + WIRE_TOKEN + 4, true);
}

#endif
