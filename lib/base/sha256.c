// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "base/base.h"
#include "base/sha256.h"

#define BLOCK 64u
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t round_words[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t v, unsigned by)
{
	return v >> by | v << (32 - by);
}

static void take_block(struct sha256 *s, const uint8_t *block)
{
	uint32_t w[64], v[8];

	for (unsigned i = 0; i < 16; i++)
		w[i] = get_u32(block + 4 * i, true);
	for (unsigned i = 16; i < 64; i++)
		w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
		       (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, s->state, sizeof(v));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & v[5]) ^ (~e & v[6])) +
			      round_words[i] + w[i];
		uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		s->state[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
	*s = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
					 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_put(struct sha256 *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		size_t at = s->len % BLOCK, n = len < BLOCK - at ? len : BLOCK - at;

		memcpy(s->block + at, p, n);
		s->len += n;
		p += n;
		len -= n;
		if (at + n == BLOCK)
			take_block(s, s->block);
	}
}

void sha256_end(struct sha256 *s, uint8_t ret[SHA256_LEN])
{
	static const uint8_t padding[BLOCK] = { 0x80 };
	uint8_t bits[8];

	put_u64(bits, s->len * 8, true);
	sha256_put(s, padding, 1 + (2 * BLOCK - 1 - sizeof(bits) - s->len % BLOCK) % BLOCK);
	sha256_put(s, bits, sizeof(bits));
	for (unsigned i = 0; i < 8; i++)
		put_u32(ret + 4 * i, s->state[i], true);
}

void hmac_init(struct hmac *h, const void *key, size_t len)
{
	uint8_t block[BLOCK] = { 0 };

	if (len > BLOCK) {
		sha256_init(&h->inner);
		sha256_put(&h->inner, key, len);
		sha256_end(&h->inner, block);
	} else if (len) {
		memcpy(block, key, len);
	}
	for (unsigned i = 0; i < BLOCK; i++)
		block[i] ^= INNER_PAD;
	sha256_init(&h->inner);
	sha256_put(&h->inner, block, BLOCK);
	for (unsigned i = 0; i < BLOCK; i++)
		block[i] ^= INNER_PAD ^ OUTER_PAD;
	sha256_init(&h->outer);
	sha256_put(&h->outer, block, BLOCK);
	explicit_bzero(block, sizeof(block));
}

void hmac_put(struct hmac *h, const void *data, size_t len)
{
	sha256_put(&h->inner, data, len);
}

void hmac_end(struct hmac *h, uint8_t ret[SHA256_LEN])
{
	uint8_t inner[SHA256_LEN];

	sha256_end(&h->inner, inner);
	sha256_put(&h->outer, inner, sizeof(inner));
	sha256_end(&h->outer, ret);
}

bool secret_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	volatile uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}
