/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * proof: that a peer has the shared key, without showing it: HMAC-SHA-256 by that key of who proves
 * (a word with its NUL), the TRACE_REQ with the host's nonce, and the agent's nonce. For
 * this room only.
 */
#ifndef TRACECMD_PROOF_H
#define TRACECMD_PROOF_H

#include "base/sha256.h"
#include "remote/talk_agent.h"

#define PROOF_AGENT "tracecmd agent"
#define PROOF_HOST "tracecmd host"

static inline void proof_make(const struct remote_key *key, const char *who, const void *request, size_t len,
			      const uint8_t nonce[WIRE_NONCE], uint8_t ret[WIRE_PROOF])
{
	struct hmac h;

	hmac_init(&h, key->bytes, key->len);
	hmac_put(&h, who, strlen(who) + 1);
	hmac_put(&h, request, len);
	hmac_put(&h, nonce, WIRE_NONCE);
	hmac_end(&h, ret);
}

#endif
