/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sha256: SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), for proofs of a shared key. Not
 * for speed: some 100 bytes at a time.
 */
#ifndef TRACECMD_SHA256_H
#define TRACECMD_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32u

struct sha256 {
	uint32_t state[8];
	uint64_t len;			/* bytes so far */
	uint8_t block[64];		/* of them, those that are no whole block */
};
void sha256_init(struct sha256 *s);
void sha256_put(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t ret[SHA256_LEN]);

struct hmac {
	struct sha256 inner, outer;
};
void hmac_init(struct hmac *h, const void *key, size_t len);
void hmac_put(struct hmac *h, const void *data, size_t len);
void hmac_end(struct hmac *h, uint8_t ret[SHA256_LEN]);

/* Whether they are equal, in a time that does not tell where they differ. */
bool secret_equal(const uint8_t *a, const uint8_t *b, size_t len);

#endif
